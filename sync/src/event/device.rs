//! What devices report of themselves: states with their modules, contact, consumables, and what
//! they notify people of.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{DecodeError, raw, typed};

/// A change of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceEvent {
    /// The device reports another state. A stop is a state like any other; its reason is in the
    /// details.
    StateChanged(DeviceState),
    /// The device has not been heard of for too long.
    Lost(DeviceContact),
    /// The device answers again.
    Found(DeviceContact),
    /// Another lot, level or place of something that the device uses up.
    ResourceChanged(DeviceResource),
    /// The device has something to say to people, or reached a milestone of a job.
    Notified(DeviceNotification),
}

const STATE_CHANGED: &str = "device.state-changed";
const LOST: &str = "device.lost";
const FOUND: &str = "device.found";
const RESOURCE_CHANGED: &str = "device.resource-changed";
const NOTIFIED: &str = "device.notified";

impl DeviceEvent {
    /// The event kind.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::StateChanged(_) => STATE_CHANGED,
            Self::Lost(_) => LOST,
            Self::Found(_) => FOUND,
            Self::ResourceChanged(_) => RESOURCE_CHANGED,
            Self::Notified(_) => NOTIFIED,
        }
    }

    /// The id of the device that it is about.
    pub fn device(&self) -> &str {
        match self {
            Self::StateChanged(state) => &state.device,
            Self::Lost(contact) | Self::Found(contact) => &contact.device,
            Self::ResourceChanged(resource) => &resource.device,
            Self::Notified(notification) => &notification.device,
        }
    }

    pub(super) fn is_kind(kind: &str) -> bool {
        [STATE_CHANGED, LOST, FOUND, RESOURCE_CHANGED, NOTIFIED].contains(&kind)
    }

    pub(super) fn payload(&self) -> Box<RawValue> {
        match self {
            Self::StateChanged(state) => raw(state),
            Self::Lost(contact) | Self::Found(contact) => raw(contact),
            Self::ResourceChanged(resource) => raw(resource),
            Self::Notified(notification) => raw(notification),
        }
    }

    /// Reads a kind for which [`Self::is_kind`] holds.
    pub(super) fn decode(kind: &str, payload: &str) -> Result<Self, DecodeError> {
        Ok(match kind {
            STATE_CHANGED => Self::StateChanged(typed(kind, payload)?),
            LOST => Self::Lost(typed(kind, payload)?),
            FOUND => Self::Found(typed(kind, payload)?),
            RESOURCE_CHANGED => Self::ResourceChanged(typed(kind, payload)?),
            NOTIFIED => Self::Notified(typed(kind, payload)?),
            _ => return Err(DecodeError::UnknownKind(kind.to_owned())),
        })
    }
}

/// The state of a device as JMF names it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceState {
    /// The device's id.
    pub device: String,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `Idle`, `Setup`, `Running`, `Stopped` …
    pub status: String,
    /// The device's own words; of a stop, its reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_details: Option<String>,
    /// `OK`, `NeedsAttention`, `Failure`, `OffLine`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// `Productive`, `NonProductive`, `Maintenance`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation_mode: Option<String>,
    /// The number of the job it works on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// Who works at it, as the device names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operators: Vec<String>,
    /// Its units, in the order in which it names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modules: Vec<ModuleState>,
}

/// The state of a unit of a device, such as a printing unit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleState {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module_id: Option<String>,
    /// Its place in the device, as JDF writes ranges: `0 ~ 3 5`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module_index: Option<String>,
    pub module_type: String,
    /// As [`DeviceState::status`].
    pub status: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_details: Option<String>,
}

/// Contact with a device, lost or found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceContact {
    /// The device's id.
    pub device: String,
    /// A sentence for people: what was awaited, or what answered.
    pub detail: String,
}

/// Something that a device uses up, as it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceResource {
    /// The device's id.
    pub device: String,
    /// The JDF name of the resource: `Ink`, `Media` …
    pub resource: String,
    /// The device's or the ticket's id of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_id: Option<String>,
    /// The lot that is on the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot: Option<String>,
    /// Where it is, as the device names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// `Empty`, `Low`, `OK`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// What is left of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available: Option<Decimal>,
    /// What was used of it, since the device began to count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<Decimal>,
    /// The unit of the amounts, as JDF writes units: `kg`, `l`, `m2` …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The job that it is used for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
}

/// What a device tells people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceNotification {
    /// The device's id.
    pub device: String,
    /// `Event`, `Information`, `Warning`, `Error`, `Fatal`.
    pub class: String,
    /// The type of the notification as JMF names it: `Barcode`, `Counter`, `Error`, `Milestone` …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notification_type: Option<String>,
    /// Its words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The milestone that a job has reached: `PressCompleted`, `JobCompletedSuccessfully` …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub milestone: Option<String>,
    /// The job that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// The unit of the device that it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module_id: Option<String>,
}
