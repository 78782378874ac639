//! The types of the equipment module.

use agog_sync::event::ModuleState;
use agog_sync::ids::{DeviceId, EventId, PlantId};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// The internal key of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DeviceKey(pub i64);

/// The internal key of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SeriesId(pub i64);

impl From<i64> for SeriesId {
    fn from(id: i64) -> Self {
        Self(id)
    }
}

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

/// A series of a device: one of its metrics in one unit.
#[derive(Debug, Clone)]
pub(super) struct SeriesRow {
    pub id: SeriesId,
    pub metric: String,
    pub unit: Option<String>,
}
