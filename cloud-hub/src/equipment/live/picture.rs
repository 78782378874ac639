//! What a plant looks like now: what its devices do, the newest values of their series, and the alarms that stand; and what
//! differs between two looks.
//!
//! Limits: [`DEVICES_MAX`] devices, [`VALUES_MAX`] values and [`ALARMS_MAX`] alarms of a plant.

use std::collections::BTreeMap;

use agog_sync::ids::{DeviceId, EventId, PlantId};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::db::{DbError, TenantTx};
use crate::equipment::model::{AlarmRow, AlarmStatus, DeviceKey};
use crate::equipment::store::{self, AlarmFilter, DoingNow};
use crate::intake;

/// A large plant has a hundred devices.
const DEVICES_MAX: i64 = 500;
/// Ten for each device.
const VALUES_MAX: i64 = 5_000;
/// The newest alarms that stand. With more nobody looks at single ones.
const ALARMS_MAX: i64 = 200;

/// What a device does.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(in crate::equipment) struct LiveDevice {
    #[schema(value_type = Uuid)]
    id: DeviceId,
    #[schema(example = "press-3")]
    code: String,
    /// As JMF names it, or `no-contact`, or `unknown`.
    #[schema(example = "Running")]
    state: String,
    reason: Option<String>,
    job: Option<String>,
    #[schema(value_type = Option<String>)]
    since: Option<Timestamp>,
}

impl From<DoingNow> for LiveDevice {
    fn from(now: DoingNow) -> Self {
        Self {
            id: now.id,
            code: now.code,
            state: now.doing.name().to_owned(),
            reason: now.doing.reason().map(str::to_owned),
            job: now.doing.job().map(str::to_owned),
            since: now.since,
        }
    }
}

/// The newest value of a series.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(in crate::equipment) struct LiveValue {
    #[schema(value_type = Uuid)]
    device_id: DeviceId,
    #[schema(example = "jmf.speed")]
    metric: String,
    unit: Option<String>,
    value: f64,
    #[schema(value_type = String)]
    at: Timestamp,
}

/// An alarm that stands.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(in crate::equipment) struct LiveAlarm {
    #[schema(value_type = Uuid)]
    id: EventId,
    /// `open` or `acknowledged`.
    status: AlarmStatus,
    #[schema(value_type = Uuid)]
    device_id: DeviceId,
    /// `Warning`, `Error`, `Fatal`.
    class: String,
    /// Of its threshold.
    name: Option<String>,
    text: Option<String>,
    metric: Option<String>,
    #[schema(value_type = String)]
    raised_at: Timestamp,
    times: i64,
}

impl From<AlarmRow> for LiveAlarm {
    fn from(row: AlarmRow) -> Self {
        Self {
            id: row.id,
            status: row.status,
            device_id: row.device_id,
            class: row.class,
            name: row.name,
            text: row.text,
            metric: row.metric,
            raised_at: row.raised_at,
            times: row.times,
        }
    }
}

/// Whose value it is: device, metric and unit.
type ValueKey = (DeviceId, String, Option<String>);

/// A look at a plant.
#[derive(Debug, Default, PartialEq)]
pub(in crate::equipment) struct Picture {
    devices: BTreeMap<DeviceId, LiveDevice>,
    values: BTreeMap<ValueKey, LiveValue>,
    alarms: BTreeMap<EventId, LiveAlarm>,
}

/// What a watcher is sent: all of a picture, or what differs from the one that it was sent last.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::equipment) struct LiveMessage<'p> {
    #[schema(value_type = Vec<LiveDevice>)]
    devices: Vec<&'p LiveDevice>,
    #[schema(value_type = Vec<LiveValue>)]
    values: Vec<&'p LiveValue>,
    /// Alarms that stand.
    #[schema(value_type = Vec<LiveAlarm>)]
    alarms: Vec<&'p LiveAlarm>,
    /// Alarms that do not stand any more.
    #[schema(value_type = Vec<Uuid>)]
    cleared_alarms: Vec<EventId>,
}

impl Picture {
    /// Looks at a plant.
    pub(super) async fn take(
        tx: &mut TenantTx,
        plant_id: PlantId,
        now: Timestamp,
    ) -> Result<Self, DbError> {
        let known_until = intake::known_until(tx, plant_id, now).await?;
        let devices = store::doing_now(tx, plant_id, None, DEVICES_MAX).await?;
        let ids: BTreeMap<DeviceKey, DeviceId> =
            devices.iter().map(|now| (now.device, now.id)).collect();
        let keys: Vec<_> = ids.keys().copied().collect();
        let values = store::newest(tx, &keys, VALUES_MAX, now).await?;
        let filter = AlarmFilter {
            statuses: &AlarmStatus::STANDING,
            device: None,
            plant: Some(plant_id),
            before: None,
        };
        let alarms = store::alarm_list(tx, filter, ALARMS_MAX).await?;
        let values = values.into_iter().filter_map(|newest| {
            let device_id = *ids.get(&newest.device)?;
            let key = (device_id, newest.metric.clone(), newest.unit.clone());
            let value = LiveValue {
                device_id,
                metric: newest.metric,
                unit: newest.unit,
                value: newest.value,
                at: newest.at,
            };
            Some((key, value))
        });
        Ok(Self {
            devices: devices
                .into_iter()
                .map(|doing| (doing.id, doing.known(known_until, now).into()))
                .collect(),
            values: values.collect(),
            alarms: alarms.into_iter().map(|row| (row.id, row.into())).collect(),
        })
    }

    /// All of it.
    pub(in crate::equipment) fn all(&self) -> LiveMessage<'_> {
        self.changes(&Self::default())
    }

    /// What differs from an earlier one.
    pub(in crate::equipment) fn changes(&self, before: &Self) -> LiveMessage<'_> {
        LiveMessage {
            devices: others(&self.devices, &before.devices),
            values: others(&self.values, &before.values),
            alarms: others(&self.alarms, &before.alarms),
            cleared_alarms: before
                .alarms
                .keys()
                .filter(|id| !self.alarms.contains_key(id))
                .copied()
                .collect(),
        }
    }
}

impl LiveMessage<'_> {
    pub(in crate::equipment) fn is_empty(&self) -> bool {
        self.devices.is_empty()
            && self.values.is_empty()
            && self.alarms.is_empty()
            && self.cleared_alarms.is_empty()
    }
}

/// What is new or another than before.
fn others<'p, K: Ord, V: PartialEq>(
    now: &'p BTreeMap<K, V>,
    before: &BTreeMap<K, V>,
) -> Vec<&'p V> {
    now.iter()
        .filter(|(key, value)| before.get(key) != Some(value))
        .map(|(_, value)| value)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(metric: &str, value: f64) -> (ValueKey, LiveValue) {
        let device_id = DeviceId::from_uuid(uuid::Uuid::from_u128(1));
        let live = LiveValue {
            device_id,
            metric: metric.to_owned(),
            unit: None,
            value,
            at: Timestamp::UNIX_EPOCH,
        };
        ((device_id, metric.to_owned(), None), live)
    }

    #[test]
    fn a_watcher_who_missed_pictures_is_sent_what_differs_from_the_one_that_it_saw() {
        let seen = Picture {
            values: [value("speed", 1.0), value("heat", 5.0)].into(),
            ..Picture::default()
        };
        let newest = Picture {
            values: [value("speed", 3.0), value("heat", 5.0)].into(),
            ..Picture::default()
        };
        let changes = newest.changes(&seen);
        assert_eq!(changes.values, [&value("speed", 3.0).1]);
        assert!(newest.changes(&newest).is_empty());
        assert_eq!(newest.all().values.len(), 2);
    }
}
