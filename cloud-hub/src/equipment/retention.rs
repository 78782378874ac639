//! What becomes of telemetry and alarms that are old, and room for what comes: at start and every hour.
//!
//! Raw samples go by whole days, each dropped with its partition in a moment; roll-ups are deleted in pieces. Days are
//! dropped or kept whole, so that nothing is ever told anew from a part of what it was told from. Alarms go with the days in which
//! they were cleared, in pieces too, unless nobody has seen to them.

use std::time::Duration;

use agog_sync::ids::TenantId;
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::rollup::Step;
use super::store;
use crate::app::App;
use crate::db::{DbError, SystemTx, TenantTx};
use crate::http::error::chain;

const EVERY: Duration = Duration::from_hours(1);
/// Partitions are there for so long ahead: more than a sample may be, so that a batch seldom has to make one.
const AHEAD: SignedDuration = SignedDuration::from_hours(3 * 24);
/// Roll-ups, or alarms, that one transaction removes: some tens of milliseconds.
const REMOVED_AT_ONCE: i64 = 5_000;

type RetentionError = Box<dyn std::error::Error + Send + Sync>;

/// Makes room and drops what is old, until it is asked to stop.
pub async fn retain(app: App, stop: CancellationToken) {
    loop {
        if let Err(error) = retain_once(&app).await {
            tracing::warn!(error = chain(&*error), "old telemetry stays for now");
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Makes room and drops what is old, once.
pub async fn retain_once(app: &App) -> Result<(), RetentionError> {
    let now = app.clock.now();
    // No tenant fits: a day holds the samples of all of them, and their ids are what is asked for.
    let mut tx = SystemTx::begin(&app.pool).await?;
    store::days_ahead(&mut tx, now, now.saturating_add(AHEAD)?).await?;
    tx.commit().await?;
    days_drop(app, app.telemetry.raw_from(now)).await?;

    let mut tx = SystemTx::begin(&app.pool).await?;
    let tenants = tx.tenant_ids().await?;
    drop(tx);
    for tenant_id in tenants {
        rollups_drop(app, tenant_id, now).await?;
        alarms_drop(app, tenant_id, now).await?;
    }
    Ok(())
}

/// Drops the samples of the days before an instant, of all tenants.
async fn days_drop(app: &App, before: Timestamp) -> Result<(), DbError> {
    let mut dropped = 0;
    loop {
        // As above. Each day by itself, so that readers and batches wait for a moment only.
        let mut tx = SystemTx::begin(&app.pool).await?;
        if !store::day_drop(&mut tx, before).await? {
            tx.commit().await?;
            break;
        }
        tx.commit().await?;
        dropped += 1;
    }
    if dropped > 0 {
        tracing::info!("raw samples of {dropped} days before {before} are dropped");
    }
    Ok(())
}

/// Removes the roll-ups of a tenant that are older than they are kept.
pub async fn rollups_drop(app: &App, tenant_id: TenantId, now: Timestamp) -> Result<(), DbError> {
    let keep = app.telemetry;
    for (step, before) in [
        (Step::Minute, keep.hours_from(now)),
        (Step::Hour, keep.hours_from(now)),
        (Step::Day, keep.days_from(now)),
    ] {
        loop {
            let mut tx = TenantTx::begin(&app.pool, tenant_id).await?;
            let removed = store::rollups_remove(&mut tx, step, before, REMOVED_AT_ONCE).await?;
            tx.commit().await?;
            if removed == 0 {
                break;
            }
        }
    }
    Ok(())
}

/// Removes the alarms of a tenant that are older than the days of its telemetry.
async fn alarms_drop(app: &App, tenant_id: TenantId, now: Timestamp) -> Result<(), DbError> {
    let before = app.telemetry.days_from(now);
    loop {
        let mut tx = TenantTx::begin(&app.pool, tenant_id).await?;
        let removed = store::alarms_remove(&mut tx, before, REMOVED_AT_ONCE).await?;
        tx.commit().await?;
        if removed == 0 {
            return Ok(());
        }
    }
}
