//! How many files are made at once: in a process, and for one tenant in it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agog_sync::ids::TenantId;
use axum::http::StatusCode;

use crate::http::ApiError;

/// The most exports of a process: each holds some megabytes, and all together share the processor with what plants deliver.
const EXPORTS_MAX: usize = 32;
/// The most exports of a tenant in a process, so that none takes all.
const EXPORTS_OF_TENANT_MAX: usize = 8;

/// The exports of this process.
#[derive(Debug, Clone, Default)]
pub struct Exports(Arc<Mutex<BTreeMap<TenantId, usize>>>);

/// The right to make one file; it is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    exports: Exports,
    tenant_id: TenantId,
}

impl Exports {
    pub(super) fn take(&self, tenant_id: TenantId) -> Result<Place, ApiError> {
        let mut counts = self.counts();
        if counts.values().sum::<usize>() >= EXPORTS_MAX {
            let detail = "this hub makes as many files as it can; try again";
            return Err(ApiError::unavailable("too-many-exports", detail));
        }
        let of_tenant = counts.entry(tenant_id).or_default();
        if *of_tenant >= EXPORTS_OF_TENANT_MAX {
            return Err(ApiError::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too-many-exports",
                format!(
                    "a company has at most {EXPORTS_OF_TENANT_MAX} exports at once; wait for one to end"
                ),
            ));
        }
        *of_tenant += 1;
        metrics::gauge!("agog_hub_exports").increment(1);
        Ok(Place {
            exports: self.clone(),
            tenant_id,
        })
    }

    fn counts(&self) -> MutexGuard<'_, BTreeMap<TenantId, usize>> {
        // Counts are changed in one step each; a panic elsewhere leaves none half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        metrics::gauge!("agog_hub_exports").decrement(1);
        let mut counts = self.exports.counts();
        if let Some(of_tenant) = counts.get_mut(&self.tenant_id) {
            *of_tenant -= 1;
            if *of_tenant == 0 {
                counts.remove(&self.tenant_id);
            }
        }
    }
}
