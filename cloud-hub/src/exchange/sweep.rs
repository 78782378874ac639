//! Files that nobody wants any more: uploads that were cut off, those of jobs that were refused, and those of jobs that
//! ended long ago.

use std::time::Duration;

use agog_sync::chain::Hash;
use agog_sync::ids::TenantId;
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::store::file;
use crate::app::App;
use crate::db::TenantTx;
use crate::files::{Files, SWEEP_AGE};
use crate::http::error::chain;

/// How often files are swept. They are a day old by then, so an hour more does not matter.
const SWEEP_INTERVAL: Duration = Duration::from_hours(1);
/// How many files are asked after at a time.
const FILES_ASKED: usize = 1_000;

type SweepError = Box<dyn std::error::Error + Send + Sync>;

/// Sweeps until it is asked to stop. `keep` is how long files stay after the end of the last job that names them.
pub async fn sweep(app: App, files: Files, keep: SignedDuration, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(SWEEP_INTERVAL) => {}
            () = stop.cancelled() => return,
        }
        if let Err(error) = sweep_once(&app, &files, keep).await {
            tracing::warn!(error = chain(&*error), "files could not be swept");
        }
    }
}

/// Sweeps once.
pub async fn sweep_once(app: &App, files: &Files, keep: SignedDuration) -> Result<(), SweepError> {
    let now = app.clock.now();
    let before = now.saturating_sub(SWEEP_AGE)?;
    let ended_before = now.saturating_sub(keep)?;
    for (tenant_id, old) in files.sweep(before).await? {
        for some in old.chunks(FILES_ASKED) {
            let mut tx = TenantTx::begin(&app.pool, tenant_id).await?;
            file::files_lock(&mut tx, true).await?;
            let unwanted = file::files_unwanted(&mut tx, some, ended_before).await?;
            file::files_mark_removed(&mut tx, &unwanted, now).await?;
            tx.commit().await?;
            for blake3 in unwanted {
                remove(app, files, tenant_id, &blake3, (before, ended_before)).await?;
            }
        }
    }
    Ok(())
}

async fn remove(
    app: &App,
    files: &Files,
    tenant_id: TenantId,
    blake3: &Hash,
    (before, ended_before): (Timestamp, Timestamp),
) -> Result<(), SweepError> {
    let mut tx = TenantTx::begin(&app.pool, tenant_id).await?;
    // Nobody adds files of this tenant while it is looked once more whether this one is wanted.
    file::files_lock(&mut tx, true).await?;
    let unwanted = file::files_unwanted(&mut tx, &[*blake3], ended_before).await?;
    if !unwanted.is_empty() && files.is_older(tenant_id, blake3, before).await? {
        files.remove(tenant_id, blake3).await?;
        tracing::info!("file {blake3} is wanted by no job and was removed");
    }
    Ok(tx.commit().await?)
}
