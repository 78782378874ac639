//! The telemetry of the plants: blocks, and gaps in them, each in the transaction that moves the producer's cursor.

use std::collections::{BTreeMap, BTreeSet};

use agog_sync::event::TelemetryGap;
use agog_sync::frame::TelemetryBlock;
use agog_sync::ids::PlantId;
use jiff::Timestamp;

use super::alarms::alarms_consider;
use super::block::{Gap, sort_samples};
use super::model::DeviceKey;
use super::rollup::Sample;
use super::store::{self, SeriesNamed};
use super::take_in;
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

/// What became of the samples of some blocks; those that are counted as gaps are in neither.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    pub stored: usize,
    /// Here already, or twice in the blocks.
    pub repeated: usize,
}

/// Stores telemetry blocks of a plant, all together. The caller moves the block cursor in the same transaction, so each
/// block counts once; whatever is in it, the queue goes on.
pub async fn telemetry_apply(
    tx: &mut TenantTx,
    ctx: &mut BlockContext<'_>,
    blocks: &[TelemetryBlock],
) -> Result<Taken, ApplyError> {
    let mut named: BTreeMap<(&str, &str, Option<&str>), Vec<Sample>> = BTreeMap::new();
    let mut seen: BTreeMap<&str, Timestamp> = BTreeMap::new();
    for block in blocks {
        let sorted = sort_samples(block, ctx.keep, ctx.now);
        for gap in &sorted.gaps {
            store::gap_add(tx, ctx.plant_id, gap, None, Some(block.block), ctx.now).await?;
        }
        let mut samples = vec![Vec::new(); block.series.len()];
        for index in sorted.kept {
            samples[block.series_index[index] as usize]
                .push(Sample::new(block.time_us[index], block.value[index]));
        }
        let kept = block.series.iter().zip(samples);
        for (key, samples) in kept.filter(|(_, samples)| !samples.is_empty()) {
            // PostgreSQL has no form for NUL.
            let is_said = |unit: &&str| !unit.is_empty() && !unit.contains('\0');
            let unit = key.unit.as_deref().filter(is_said);
            let series = named.entry((&key.device, &key.metric, unit));
            series.or_default().extend(samples);
        }
    }
    for ((device, ..), samples) in &named {
        // A device is not heard of in the future, whatever its clock says.
        let newest = newest(samples, ctx.now).min(ctx.now);
        let device = seen.entry(device).or_insert(newest);
        *device = newest.max(*device);
    }
    if named.is_empty() {
        return Ok(Taken::default());
    }
    let devices = store::devices_ensure(tx, ctx.plant_id, &seen, ctx.now, ctx.rng).await?;
    let wanted: Vec<_> = named
        .iter()
        .map(|((device, metric, unit), samples)| {
            Ok(SeriesNamed {
                device: device_of(&devices, device)?,
                metric,
                unit: *unit,
                newest: newest(samples, ctx.now),
            })
        })
        .collect::<Result<_, DbError>>()?;
    let ids = store::series_ensure(tx, &wanted, ctx.now).await?;
    let mut samples = Vec::new();
    for (id, of_series) in ids.into_iter().zip(named.into_values()) {
        samples.extend(of_series.into_iter().map(|sample| (id, sample)));
    }
    let came = samples.len();
    samples.sort_by(|(a, left), (b, right)| a.cmp(b).then_with(|| left.order(right)));
    samples.dedup_by(|(a, left), (b, right)| a == b && left.order(right).is_eq());
    let stored = take_in::samples_take(tx, &samples).await?;
    alarms_consider(tx, ctx, &samples).await?;
    tx.ring_plant(ctx.plant_id);
    Ok(Taken {
        stored,
        repeated: came - stored,
    })
}

/// The time of the newest of some samples.
fn newest(samples: &[Sample], now: Timestamp) -> Timestamp {
    let newest = samples.iter().map(|sample| sample.at_us).max();
    let newest = newest.and_then(|at_us| Timestamp::from_microsecond(at_us).ok());
    newest.unwrap_or(now)
}

fn device_of(devices: &BTreeMap<String, DeviceKey>, code: &str) -> Result<DeviceKey, DbError> {
    let device = devices.get(code).copied();
    device.ok_or_else(|| DbError::stored("a device that was just made known is not there"))
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
