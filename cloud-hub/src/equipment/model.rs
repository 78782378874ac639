//! The types of the equipment module.

use agog_sync::event::ModuleState;
use agog_sync::ids::{DeviceId, PlantId};
use jiff::Timestamp;
use rust_decimal::Decimal;
use uuid::Uuid;

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

/// A series of a device.
#[derive(Debug, Clone)]
pub(super) struct SeriesRow {
    pub id: SeriesId,
    pub metric: String,
    pub unit: Option<String>,
}
