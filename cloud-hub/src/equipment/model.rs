//! The types of the equipment module.

use std::collections::BTreeMap;

use agog_sync::event::ModuleState;
use agog_sync::frame::TelemetryBlock;
use agog_sync::ids::{DeviceId, EventId, PlantId};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// Raw samples are kept this long (DESIGN.md section 7), so nothing older is taken in.
pub(super) const SAMPLE_AGE_MAX: SignedDuration = SignedDuration::from_hours(90 * 24);

/// How far a plant's clock may run ahead of the hub's. More than a day is a wrong date, and each day is a partition.
pub(super) const SAMPLE_AHEAD_MAX: SignedDuration = SignedDuration::from_hours(24);

/// The internal key of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DeviceKey(pub i64);

/// The internal key of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SeriesId(pub i64);

/// A device as it is stored.
#[derive(Debug, Clone)]
pub(super) struct DeviceRow {
    pub key: DeviceKey,
    pub id: DeviceId,
    pub plant_id: PlantId,
    pub code: String,
    pub name: Option<String>,
    pub state: Option<String>,
    pub state_detail: Option<String>,
    pub state_job: Option<String>,
    pub condition: Option<String>,
    pub operation_mode: Option<String>,
    pub operators: Vec<String>,
    pub modules: Vec<ModuleState>,
    pub state_since: Option<Timestamp>,
    pub is_lost: bool,
    pub last_seen_at: Timestamp,
}

/// The device states in which nothing is made although something should be (JDF 1.5, `DeviceStatus`). The index
/// `device_state_stop` and who reads it name them too.
const STOPS: [&str; 2] = ["Stopped", "Down"];

/// Whether a state is a stop.
pub(super) fn is_stop(state: &str) -> bool {
    STOPS.contains(&state)
}

/// A state that a device was in.
#[derive(Debug, Clone)]
pub(super) struct StateRow {
    pub event_id: Uuid,
    pub state: String,
    pub detail: Option<String>,
    pub job: Option<String>,
    pub condition: Option<String>,
    pub operation_mode: Option<String>,
    pub operators: Vec<String>,
    pub modules: Vec<ModuleState>,
    pub at: Timestamp,
}

/// A stop of a device.
#[derive(Debug, Clone)]
pub(super) struct StopRow {
    /// The event that began it.
    pub event_id: Uuid,
    pub state: String,
    pub reason: Option<String>,
    pub job: Option<String>,
    /// The units as they were when it began.
    pub modules: Vec<ModuleState>,
    pub from: Timestamp,
    /// None while it lasts.
    pub to: Option<Timestamp>,
}

/// What a device said of a resource.
#[derive(Debug, Clone)]
pub(super) struct ResourceRow {
    /// Its place in the list of what is on the device now.
    pub key: (String, String),
    /// Its place in the history.
    pub entry: i64,
    pub resource: String,
    pub resource_id: Option<String>,
    pub product: Option<String>,
    pub lot: Option<String>,
    pub location: Option<String>,
    pub level: Option<String>,
    pub available: Option<Decimal>,
    pub used: Option<Decimal>,
    pub unit: Option<String>,
    pub job: Option<String>,
    pub at: Timestamp,
}

/// What a device told people.
#[derive(Debug, Clone)]
pub(super) struct NotificationRow {
    pub entry: i64,
    pub class: String,
    pub notification_type: Option<String>,
    pub text: Option<String>,
    pub milestone: Option<String>,
    pub job: Option<String>,
    pub module: Option<String>,
    pub event_id: Uuid,
    pub at: Timestamp,
}

/// How an alarm stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum AlarmStatus {
    Open,
    /// Somebody has seen to it, and it still stands.
    Acknowledged,
    /// It is over.
    Cleared,
}

impl AlarmStatus {
    pub(super) const ALL: [Self; 3] = [Self::Open, Self::Acknowledged, Self::Cleared];
    pub(super) const STANDING: [Self; 2] = [Self::Open, Self::Acknowledged];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Cleared => "cleared",
        }
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// An alarm of a device.
#[derive(Debug, Clone)]
pub(super) struct AlarmRow {
    /// Its place in the list.
    pub key: i64,
    pub id: EventId,
    pub device_id: DeviceId,
    /// What the plant calls the device.
    pub device: String,
    pub plant_id: PlantId,
    pub source: String,
    /// Of its threshold.
    pub name: Option<String>,
    pub class: String,
    pub text: Option<String>,
    pub metric: Option<String>,
    pub unit: Option<String>,
    pub value: Option<f64>,
    pub threshold: Option<f64>,
    pub notification_type: Option<String>,
    pub module: Option<String>,
    pub job: Option<String>,
    pub raised_at: Timestamp,
    pub times: i64,
    pub last_at: Timestamp,
    pub cleared_at: Option<Timestamp>,
    pub cleared_value: Option<f64>,
    pub acknowledged_at: Option<Timestamp>,
    pub acknowledged_by: Option<String>,
    pub note: Option<String>,
    pub status: AlarmStatus,
}

/// A series of a device.
#[derive(Debug, Clone)]
pub(super) struct SeriesRow {
    pub id: SeriesId,
    pub metric: String,
    pub unit: Option<String>,
}

/// One point of a series. A minute is told by its mean, with the range beside it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub(super) struct Point {
    #[schema(value_type = String)]
    pub at: Timestamp,
    pub value: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// How many samples the minute has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samples: Option<i64>,
}

/// Samples that are not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gap {
    pub device: Option<String>,
    pub reason: String,
    pub count: u64,
    pub from: Timestamp,
    pub to: Timestamp,
}

/// The samples of a block that the hub keeps, and those that it does not.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    /// Indexes into the columns of the block.
    pub kept: Vec<usize>,
    pub gaps: Vec<Gap>,
}

/// Sorts the samples of a block. Samples whose time no working clock can have meant are not kept, and counted per
/// device, so that stored and missing samples add up (I6).
pub(super) fn sort_samples(block: &TelemetryBlock, now: Timestamp) -> Sorted {
    if let Err(reason) = block.samples() {
        let gap = Gap {
            device: None,
            reason: format!("block {}: {reason}", block.block),
            count: block.value.len() as u64,
            from: now,
            to: now,
        };
        return Sorted {
            kept: Vec::new(),
            gaps: vec![gap],
        };
    }
    let oldest = now
        .saturating_sub(SAMPLE_AGE_MAX)
        .unwrap_or(Timestamp::MIN)
        .as_microsecond();
    let newest = now
        .saturating_add(SAMPLE_AHEAD_MAX)
        .unwrap_or(Timestamp::MAX)
        .as_microsecond();
    let mut sorted = Sorted::default();
    let mut dropped: BTreeMap<(&str, &str), (u64, i64, i64)> = BTreeMap::new();
    for (index, (&time_us, &series)) in block.time_us.iter().zip(&block.series_index).enumerate() {
        let key = &block.series[series as usize];
        let reason = if !is_name(&key.device) || !is_name(&key.metric) {
            "a series without device or metric"
        } else if !block.value[index].is_finite() {
            "not a number"
        } else if time_us < oldest {
            "older than 90 days"
        } else if time_us > newest {
            "more than a day ahead of the hub's clock"
        } else {
            sorted.kept.push(index);
            continue;
        };
        let device = key.device.as_str();
        let (count, from, to) = dropped
            .entry((device, reason))
            .or_insert((0, time_us, time_us));
        *count += 1;
        *from = (*from).min(time_us);
        *to = (*to).max(time_us);
    }
    sorted.gaps = dropped
        .into_iter()
        .map(|((device, reason), (count, from, to))| Gap {
            device: is_name(device).then(|| device.to_owned()),
            reason: reason.to_owned(),
            count,
            from: clamp(from),
            to: clamp(to),
        })
        .collect();
    sorted
}

/// Text that PostgreSQL stores and a person can read: it has no form for NUL.
fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.contains('\0')
}

/// The nearest instant that PostgreSQL and we can both write; a broken clock may name any number.
fn clamp(time_us: i64) -> Timestamp {
    Timestamp::from_microsecond(time_us).unwrap_or(if time_us < 0 { EARLIEST } else { LATEST })
}

const EARLIEST: Timestamp = Timestamp::UNIX_EPOCH;
const LATEST: Timestamp = Timestamp::MAX;

#[cfg(test)]
mod tests {
    use agog_sync::frame::SeriesKey;

    use super::*;

    #[test]
    fn samples_that_no_clock_can_have_meant_are_counted_and_the_rest_is_kept() {
        let now: Timestamp = "2025-10-16T12:00:00Z".parse().unwrap();
        let days = |days: i64| now.as_microsecond() + days * 86_400_000_000;
        let block = TelemetryBlock {
            block: 1,
            series: vec![SeriesKey {
                device: "press-3".into(),
                metric: "speed".into(),
                unit: None,
            }],
            series_index: vec![0; 6],
            time_us: vec![days(0), days(-89), days(-91), days(2), i64::MAX, 0],
            value: vec![1.0; 6],
        };
        let sorted = sort_samples(&block, now);
        assert_eq!(sorted.kept, [0, 1]);
        let counted: Vec<_> = sorted
            .gaps
            .iter()
            .map(|gap| (gap.reason.as_str(), gap.count))
            .collect();
        assert_eq!(
            counted,
            [
                ("more than a day ahead of the hub's clock", 2),
                ("older than 90 days", 2)
            ]
        );
    }

    #[test]
    fn a_block_that_contradicts_itself_becomes_a_gap_and_never_stops_the_queue() {
        let now = Timestamp::UNIX_EPOCH;
        let block = TelemetryBlock {
            block: 7,
            series: vec![],
            series_index: vec![0],
            time_us: vec![1],
            value: vec![1.0],
        };
        let sorted = sort_samples(&block, now);
        assert!(sorted.kept.is_empty());
        assert_eq!(sorted.gaps[0].count, 1);
    }
}
