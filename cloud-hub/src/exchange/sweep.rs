//! Files that no job names in the end: uploads that were cut off, and those of jobs that were refused.

use std::time::Duration;

use agog_sync::ids::TenantId;
use tokio_util::sync::CancellationToken;

use super::store::file;
use crate::app::App;
use crate::db::TenantTx;
use crate::files::{FileError, Files, SWEEP_AGE};
use crate::http::error::chain;

/// How often files are swept. They are a day old by then, so an hour more does not matter.
const SWEEP_INTERVAL: Duration = Duration::from_hours(1);

/// Sweeps until it is asked to stop.
pub async fn sweep(app: App, files: Files, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(SWEEP_INTERVAL) => {}
            () = stop.cancelled() => return,
        }
        if let Err(error) = once(&app, &files).await {
            tracing::warn!(error = chain(&*error), "files could not be swept");
        }
    }
}

async fn once(app: &App, files: &Files) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let before = app.clock.now().saturating_sub(SWEEP_AGE)?;
    for (tenant_id, blake3) in files.sweep(before).await? {
        let mut tx = TenantTx::begin(&app.pool, tenant_id).await?;
        // Nobody adds files of this tenant while it is looked whether this one is named.
        file::files_lock(&mut tx, true).await?;
        if file::file_find(&mut tx, None, &blake3).await?.is_none()
            && files.is_older(tenant_id, &blake3, before).await?
        {
            remove(files, tenant_id, &blake3).await?;
        }
        tx.commit().await?;
    }
    Ok(())
}

async fn remove(
    files: &Files,
    tenant_id: TenantId,
    blake3: &agog_sync::chain::Hash,
) -> Result<(), FileError> {
    tracing::info!("file {blake3} is named by no job and removed");
    files.remove(tenant_id, blake3).await
}
