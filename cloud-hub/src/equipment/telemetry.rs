//! The telemetry of the plants: blocks, and gaps in them, each in the transaction that moves the producer's cursor.

use std::collections::{BTreeMap, BTreeSet};

use agog_sync::event::TelemetryGap;
use agog_sync::frame::TelemetryBlock;
use agog_sync::ids::PlantId;
use jiff::Timestamp;

use super::alarms::{Fresh, alarms_consider};
use super::model::{Gap, SeriesId, sort_samples};
use super::store;
use crate::db::{DbError, TenantTx};
use crate::intake::{ApplyContext, ApplyError, BlockContext};

/// Keeps that a plant shed telemetry.
pub async fn telemetry_gap(
    tx: &mut TenantTx,
    ctx: &mut ApplyContext<'_, '_>,
    gap: &TelemetryGap,
) -> Result<(), ApplyError> {
    let plant_id = super::apply::plant_of(ctx)?;
    let row = Gap {
        device: gap.series.as_ref().map(|series| series.device.clone()),
        reason: gap.reason.clone(),
        count: gap.count,
        from: gap.from,
        to: gap.to,
    };
    store::gap_add(tx, plant_id, &row, Some(ctx.event_id), None, ctx.now).await?;
    Ok(())
}

/// Locks the devices of blocks until the transaction ends, in the order in which everybody does: the blocks name them in
/// any order.
pub async fn telemetry_lock(
    tx: &mut TenantTx,
    plant_id: PlantId,
    blocks: &[TelemetryBlock],
) -> Result<(), DbError> {
    let series = blocks.iter().flat_map(|block| &block.series);
    let codes = series.map(|series| series.device.as_str());
    // No device has a code that cannot be stored, and one bad block must not stop the others.
    let codes: BTreeSet<&str> = codes.filter(|code| !code.contains('\0')).collect();
    store::devices_lock(tx, plant_id, &codes.into_iter().collect::<Vec<_>>()).await
}

/// Stores a telemetry block of a plant. The caller moves the block cursor in the same transaction, so each block
/// counts once; whatever is in it, the queue goes on.
pub async fn telemetry_apply(
    tx: &mut TenantTx,
    ctx: &mut BlockContext<'_>,
    block: &TelemetryBlock,
) -> Result<(), ApplyError> {
    let sorted = sort_samples(block, ctx.now);
    for gap in &sorted.gaps {
        store::gap_add(tx, ctx.plant_id, gap, None, Some(block.block), ctx.now).await?;
    }
    if sorted.kept.is_empty() {
        return Ok(());
    }
    let mut seen: BTreeMap<&str, Timestamp> = BTreeMap::new();
    let mut series_ids: BTreeMap<u32, i64> = BTreeMap::new();
    for &index in &sorted.kept {
        let series = block.series_index[index];
        series_ids.insert(series, 0);
        let at = Timestamp::from_microsecond(block.time_us[index]).unwrap_or(ctx.now);
        let device = &block.series[series as usize].device;
        let newest = seen.entry(device).or_insert(at);
        *newest = at.max(*newest);
    }
    let devices = store::devices_ensure(tx, ctx.plant_id, &seen, ctx.now, ctx.rng).await?;
    // Series are looked up in the order of their names, so that two agents never wait for each other in a ring.
    let mut named: Vec<_> = series_ids.keys().copied().collect();
    named.sort_by_key(|index| &block.series[*index as usize]);
    for index in named {
        let series = &block.series[index as usize];
        let device = devices.get(series.device.as_str()).copied();
        let device = device
            .ok_or_else(|| DbError::stored("a device that was just made known is not there"))?;
        let unit = series.unit.as_deref();
        let series_id = store::series_ensure(tx, device, &series.metric, unit, ctx.now).await?;
        series_ids.insert(index, series_id.0);
    }
    let column = |index: &usize| series_ids[&block.series_index[*index]];
    let ids: Vec<i64> = sorted.kept.iter().map(column).collect();
    let times: Vec<i64> = sorted
        .kept
        .iter()
        .map(|&index| block.time_us[index])
        .collect();
    let values: Vec<f64> = sorted
        .kept
        .iter()
        .map(|&index| block.value[index])
        .collect();
    store::samples_add(tx, &ids, &times, &values).await?;
    let mut fresh: Vec<_> = ids
        .iter()
        .zip(times.iter().zip(&values))
        .map(|(series, (time_us, value))| Fresh {
            series: SeriesId(*series),
            at: Timestamp::from_microsecond(*time_us).unwrap_or(ctx.now),
            value: *value,
        })
        .collect();
    fresh.sort_by_key(|fresh| (fresh.series, fresh.at));
    alarms_consider(tx, ctx, &fresh).await?;
    tx.ring_plant(ctx.plant_id);
    Ok(())
}

/// Counts the samples of a block that the database refused as missing.
pub async fn telemetry_refused(
    tx: &mut TenantTx,
    ctx: &mut BlockContext<'_>,
    block: &TelemetryBlock,
) -> Result<(), ApplyError> {
    let row = Gap {
        device: None,
        reason: format!("block {} cannot be stored", block.block),
        count: block.value.len() as u64,
        from: ctx.now,
        to: ctx.now,
    };
    store::gap_add(tx, ctx.plant_id, &row, None, Some(block.block), ctx.now).await?;
    Ok(())
}
