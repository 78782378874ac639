//! What becomes of telemetry and alarms that are old, and room for what comes: at start and every hour.
//!
//! Raw samples go by whole days, each dropped with its partition in a moment; roll-ups are deleted in pieces. Days are
//! dropped or kept whole, so that nothing is ever told anew from a part of what it was told from. Alarms go with the days in which
//! they were cleared, in pieces too, unless nobody has seen to them. Each part fails by itself: a day that somebody reads for long
//! stays until the next pass, and the rest goes.

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

/// Makes room and drops what is old, until it is asked to stop.
pub async fn retain(app: App, stop: CancellationToken) {
    loop {
        retain_once(&app).await;
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Makes room and drops what is old, once. A part that fails is told of, and holds up no other: the next pass tries again. Says
/// how many failed.
pub async fn retain_once(app: &App) -> usize {
    let now = app.clock.now();
    let mut failed = 0;
    let mut part = |what: &str, done: Result<(), DbError>| {
        if let Err(error) = done {
            tracing::warn!(error = chain(&error), "{what}, until the next pass");
            failed += 1;
        }
    };
    let room = days_make(app, now).await;
    part("no room is made for the samples of days to come", room);
    let dropped = days_drop(app, app.telemetry.raw_from(now)).await;
    part("raw samples of old days stay", dropped);
    match tenants(app).await {
        Err(error) => part("old roll-ups and alarms stay", Err(error)),
        Ok(tenants) => {
            for tenant_id in tenants {
                let dropped = rollups_drop(app, tenant_id, now).await;
                part(&format!("old roll-ups of tenant {tenant_id} stay"), dropped);
                let dropped = alarms_drop(app, tenant_id, now).await;
                part(&format!("old alarms of tenant {tenant_id} stay"), dropped);
            }
        }
    }
    failed
}

/// Makes the partitions of the days that come.
async fn days_make(app: &App, now: Timestamp) -> Result<(), DbError> {
    // No tenant fits: a day holds the samples of all of them.
    let mut tx = SystemTx::begin(&app.pool).await?;
    let until = now.saturating_add(AHEAD).unwrap_or(now);
    store::days_ahead(&mut tx, now, until).await?;
    tx.commit().await
}

async fn tenants(app: &App) -> Result<Vec<TenantId>, DbError> {
    // No tenant fits: their ids are what is asked for.
    SystemTx::begin(&app.pool).await?.tenant_ids().await
}

/// Drops the samples of the days before an instant, of all tenants.
async fn days_drop(app: &App, before: Timestamp) -> Result<(), DbError> {
    let mut dropped = 0;
    loop {
        // As in `days_make`. Each day by itself, so that readers and batches wait for a moment only.
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
