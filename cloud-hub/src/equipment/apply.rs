//! What the plants say about their devices: states, contact, telemetry blocks and gaps, each in the transaction
//! that moves the producer's cursor.

use std::collections::BTreeMap;

use agog_sync::event::{DeviceEvent, TelemetryGap};
use agog_sync::frame::TelemetryBlock;
use agog_sync::ids::{DeviceId, PlantId};
use jiff::Timestamp;
use serde_json::json;

use super::model::{DeviceKey, Gap, is_stop, sort_samples};
use super::store;
use crate::db::TenantTx;
use crate::events;
use crate::intake::{ApplyContext, ApplyError, BlockContext};

/// The classes of notifications that somebody should look at.
const ALARMS: [&str; 3] = ["Warning", "Error", "Fatal"];

/// Applies a device event.
pub async fn device_event(
    tx: &mut TenantTx,
    ctx: &mut ApplyContext<'_>,
    plant_id: PlantId,
    event: &DeviceEvent,
) -> Result<(), ApplyError> {
    match event {
        DeviceEvent::StateChanged(state) => {
            let device = device(tx, ctx, plant_id, &state.device).await?;
            let (at, event_id) = (ctx.occurred_at, ctx.event_id);
            let goes_on = store::device_state_add(tx, device, state, at, event_id, ctx.now).await?;
            let data = json!({"plant_id": plant_id, "device": state.device, "state": state.status,
                "detail": state.status_details, "job": state.job});
            if is_stop(&state.status) && !goes_on {
                events::publish(tx, ctx, "equipment.stopped", data.clone()).await?;
            }
            events::publish(tx, ctx, "equipment.state-changed", data).await?;
        }
        DeviceEvent::ResourceChanged(resource) => {
            let device = device(tx, ctx, plant_id, &resource.device).await?;
            store::resource_set(tx, device, resource, ctx.occurred_at, ctx.event_id).await?;
            let data = json!({"plant_id": plant_id, "resource": resource});
            events::publish(tx, ctx, "equipment.resource-changed", data).await?;
        }
        DeviceEvent::Notified(notification) => {
            let device = device(tx, ctx, plant_id, &notification.device).await?;
            let (at, event_id) = (ctx.occurred_at, ctx.event_id);
            store::notification_add(tx, device, notification, at, event_id).await?;
            let data = json!({"plant_id": plant_id, "notification": notification});
            if notification.milestone.is_some() {
                events::publish(tx, ctx, "production.milestone", data.clone()).await?;
            }
            if ALARMS.contains(&notification.class.as_str()) {
                events::publish(tx, ctx, "equipment.alarm", data).await?;
            }
        }
        DeviceEvent::Lost(contact) | DeviceEvent::Found(contact) => {
            let is_lost = matches!(event, DeviceEvent::Lost(_));
            let device = device(tx, ctx, plant_id, &contact.device).await?;
            store::device_contact(tx, device, is_lost, ctx.now).await?;
            let topic = if is_lost {
                "equipment.no-contact"
            } else {
                "equipment.device-found"
            };
            let data =
                json!({"plant_id": plant_id, "device": contact.device, "detail": contact.detail});
            events::publish(tx, ctx, topic, data).await?;
        }
    }
    Ok(())
}

/// Keeps that a plant shed telemetry.
pub async fn telemetry_gap(
    tx: &mut TenantTx,
    ctx: &mut ApplyContext<'_>,
    plant_id: PlantId,
    gap: &TelemetryGap,
) -> Result<(), ApplyError> {
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
    let newest: BTreeMap<u32, i64> =
        sorted
            .kept
            .iter()
            .fold(BTreeMap::new(), |mut newest, &index| {
                let at = newest.entry(block.series_index[index]).or_insert(i64::MIN);
                *at = (*at).max(block.time_us[index]);
                newest
            });
    // Series are looked up in the order of their names, so that two agents never wait for each other in a ring.
    let mut named: Vec<_> = newest
        .iter()
        .map(|(&index, &at)| (&block.series[index as usize], index, at))
        .collect();
    named.sort();
    let mut series_ids: BTreeMap<u32, i64> = BTreeMap::new();
    for (series, index, at) in named {
        let seen_at = Timestamp::from_microsecond(at).unwrap_or(ctx.now);
        let new_id = DeviceId::generate(ctx.now, ctx.rng);
        let device =
            store::device_ensure(tx, ctx.plant_id, &series.device, new_id, seen_at, ctx.now)
                .await?;
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

/// Finds or makes the device that an event names.
async fn device(
    tx: &mut TenantTx,
    ctx: &mut ApplyContext<'_>,
    plant_id: PlantId,
    code: &str,
) -> Result<DeviceKey, ApplyError> {
    if code.is_empty() {
        return Err(ApplyError::Refused {
            code: "device-unnamed",
            detail: "the event names no device".to_owned(),
        });
    }
    let new_id = DeviceId::generate(ctx.now, ctx.rng);
    Ok(store::device_ensure(tx, plant_id, code, new_id, ctx.occurred_at, ctx.now).await?)
}
