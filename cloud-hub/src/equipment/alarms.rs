//! Alarms: metrics beyond their thresholds, considered in the transaction that stores their samples, and what devices
//! report themselves. One alarm stands for one cause; it is raised and cleared once, with an event each.
//!
//! What a device reports has no end that it tells: such an alarm is over when somebody acknowledges it.

use std::collections::BTreeMap;

use agog_sync::event::DeviceNotification;
use agog_sync::ids::{EventId, PlantId};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::apply::Told;
use super::model::{DeviceKey, DeviceRow, SeriesId};
use super::rollup::Sample;
use super::store::{self, NewAlarm, RuleRow, StandingAlarm};
use super::threshold::{Change, Threshold};
use crate::db::{DbError, TenantTx};
use crate::events::{Origin, Outbox};
use crate::intake::BlockContext;

/// The classes of notifications that somebody should look at.
const CLASSES: [&str; 3] = ["Warning", "Error", "Fatal"];

/// Whether what a device tells people is an alarm.
pub(super) fn is_alarm(notification: &DeviceNotification) -> bool {
    CLASSES.contains(&notification.class.as_str())
}

/// Raises and clears the alarms of the thresholds of those devices of which samples came in. `came` is in the order of
/// series and time, the devices are locked, and the caller stores the samples in the same transaction.
pub(super) async fn alarms_consider(
    tx: &mut TenantTx,
    ctx: &mut BlockContext<'_>,
    came: &[(SeriesId, Sample)],
) -> Result<(), DbError> {
    let of_series: BTreeMap<SeriesId, &[(SeriesId, Sample)]> = came
        .chunk_by(|(one, _), (next, _)| one == next)
        .map(|samples| (samples[0].0, samples))
        .collect();
    let series: Vec<_> = of_series.keys().copied().collect();
    let mut rules = store::rules_of_series(tx, &series, ctx.now).await?;
    if rules.is_empty() {
        return Ok(());
    }
    let samples_of = |series: SeriesId| of_series.get(&series).copied().unwrap_or_default();
    let mut newest: BTreeMap<DeviceKey, Timestamp> = BTreeMap::new();
    for (series, device) in store::series_devices(tx, &series).await? {
        if let Some((_, last)) = samples_of(series).last() {
            let at = last.at();
            let newest = newest.entry(device).or_insert(at);
            *newest = at.max(*newest);
        }
    }
    let mut outbox = Outbox::default();
    for rule in &mut rules {
        let of_rule = rule.series.map(samples_of).unwrap_or_default();
        let mut changes: Vec<_> = of_rule
            .iter()
            .filter_map(|(_, sample)| {
                rule.watch
                    .consider(&rule.threshold, sample.at(), sample.value, ctx.now)
            })
            .collect();
        if let Some(at) = newest.get(&rule.device) {
            changes.extend(rule.watch.wait(&rule.threshold, *at, ctx.now));
        }
        for change in changes {
            let event_id = EventId::generate(ctx.now, ctx.rng);
            let told = match change {
                Change::Raised { at, value } => {
                    let data = raise(tx, rule, ctx, event_id, at, value).await?;
                    Some(("equipment.alarm", data))
                }
                Change::Cleared { at, value } => {
                    let data = clear(tx, rule, ctx.plant_id, at, value).await?;
                    data.map(|data| ("equipment.alarm-cleared", data))
                }
            };
            if let Some((topic, data)) = told {
                outbox.publish(Origin::of_the_hub(event_id, ctx.now), topic, data);
            }
        }
    }
    store::rules_keep(tx, &rules).await?;
    outbox.store(tx).await
}

/// Keeps an alarm, and says what others are told of it.
async fn raise(
    tx: &mut TenantTx,
    rule: &mut RuleRow,
    ctx: &BlockContext<'_>,
    event_id: EventId,
    at: Timestamp,
    value: f64,
) -> Result<Value, DbError> {
    let threshold = &rule.threshold;
    let alarm = NewAlarm {
        device: rule.device,
        event_id,
        threshold,
        unit: rule.unit.as_deref(),
        value,
        at,
    };
    rule.alarm = Some(store::alarm_raise(tx, &alarm, ctx.now).await?);
    Ok(json!({
        "plant_id": ctx.plant_id, "device": rule.code, "alarm": {
            "id": event_id, "name": threshold.name, "metric": threshold.metric, "unit": rule.unit, "class": threshold.class,
            "text": threshold.text, "value": value, "threshold": threshold.limit(), "raised_at": at,
        },
    }))
}

/// Notes that the alarm of a threshold is over, and says what others are told of it; nothing when none stood.
async fn clear(
    tx: &mut TenantTx,
    rule: &mut RuleRow,
    plant_id: PlantId,
    at: Timestamp,
    value: f64,
) -> Result<Option<Value>, DbError> {
    let Some(alarm) = rule.alarm.take() else {
        return Ok(None);
    };
    let cleared = store::alarm_clear(tx, alarm, at, Some(value)).await?;
    Ok(Some(cleared_data(plant_id, &rule.code, cleared, "back")))
}

/// Has the thresholds of a device be those that are wanted. One that stays as it is keeps how it stands; the alarm of one
/// that is gone or another now is over.
pub(super) async fn rules_set(
    tx: &mut TenantTx,
    device: &DeviceRow,
    wanted: &[Threshold],
    now: Timestamp,
    new_id: &mut impl FnMut() -> EventId,
) -> Result<(), DbError> {
    let gone = store::rules_remove_others(tx, device.key, wanted).await?;
    let mut outbox = Outbox::default();
    for alarm in gone {
        let cleared = store::alarm_clear(tx, alarm, now, None).await?;
        let data = cleared_data(device.plant_id, &device.code, cleared, "rule-changed");
        outbox.publish(
            Origin::of_the_hub(new_id(), now),
            "equipment.alarm-cleared",
            data,
        );
    }
    store::rules_add(tx, device.key, wanted).await?;
    outbox.store(tx).await
}

/// What other systems hear of an alarm that is over.
pub(super) fn cleared_data(plant_id: PlantId, device: &str, alarm: EventId, reason: &str) -> Value {
    json!({"plant_id": plant_id, "device": device, "alarm_id": alarm, "reason": reason})
}

/// Keeps the alarms that devices report. The same one while it stands is counted.
pub(super) async fn alarms_told(
    tx: &mut TenantTx,
    notifications: &[Told<'_, DeviceNotification>],
    now: Timestamp,
) -> Result<(), DbError> {
    let mut standing: BTreeMap<(DeviceKey, String), StandingAlarm<'_, '_>> = BTreeMap::new();
    for told in notifications.iter().filter(|told| is_alarm(told.what)) {
        let alarm = standing
            .entry((told.device, key(told.what)))
            .or_insert_with(|| StandingAlarm {
                first: told,
                last_at: told.at,
                times: 0,
            });
        alarm.times += 1;
        alarm.last_at = alarm.last_at.max(told.at);
    }
    if standing.is_empty() {
        return Ok(());
    }
    store::alarms_told(tx, &standing.into_iter().collect::<Vec<_>>(), now).await
}

/// What the same alarm has in common, short enough for an index.
fn key(told: &DeviceNotification) -> String {
    let mut hasher = blake3::Hasher::new();
    let parts = [
        Some(told.class.as_str()),
        told.notification_type.as_deref(),
        told.text.as_deref(),
        told.module_id.as_deref(),
    ];
    for part in parts {
        let part = part.unwrap_or_default();
        hasher.update(&part.len().to_le_bytes());
        hasher.update(part.as_bytes());
    }
    format!("told:{}", &hasher.finalize().to_hex()[..32])
}
