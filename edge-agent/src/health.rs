//! What the agent knows of its surroundings right now: hub, devices, broker, alarms. Kept in
//! memory, shown by `status`; facts that must last are ledger events.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The newest alarms that are kept; older ones are in the log.
const ALARMS_MAX: usize = 20;

/// The picture of the moment.
#[derive(Debug, Default)]
pub struct Health(Mutex<Surroundings>);

/// What `status` shows of the surroundings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surroundings {
    pub hub: HubHealth,
    /// By device id.
    pub devices: BTreeMap<String, DeviceHealth>,
    /// None when no broker is configured.
    pub mqtt: Option<LinkHealth>,
    /// What a person must look at.
    pub alarms: Vec<Alarm>,
}

/// Contact with the hub.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HubHealth {
    pub state: HubState,
    /// When it last answered.
    pub last_contact: Option<Timestamp>,
    /// Why the last try failed; none after one that worked.
    pub last_failure: Option<String>,
}

/// How things stand with the hub.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HubState {
    /// No hub is configured.
    #[default]
    NotConfigured,
    /// A hub is configured, but the agent was not enrolled.
    NotEnrolled,
    /// It answers.
    Online,
    /// It does not answer; everything waits in the ledger.
    Offline,
    /// It refuses this agent; a person must act.
    Refused,
}

/// Contact with a device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceHealth {
    /// It answers or sends.
    pub in_contact: bool,
    /// Its state, as JMF names it.
    pub status: Option<String>,
    pub last_seen: Option<Timestamp>,
    pub last_failure: Option<String>,
}

/// Contact with a broker.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkHealth {
    pub connected: bool,
    pub last_message: Option<Timestamp>,
    pub last_failure: Option<String>,
}

/// Something that a person must look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    pub at: Timestamp,
    pub text: String,
}

impl Health {
    /// The picture as it is now.
    pub fn snapshot(&self) -> Surroundings {
        self.lock().clone()
    }

    /// A hub is configured; whether it is there shows later.
    pub fn hub_state(&self, state: HubState) {
        self.lock().hub.state = state;
    }

    /// The hub answered.
    pub fn hub_answered(&self, now: Timestamp) {
        self.lock().hub = HubHealth {
            state: HubState::Online,
            last_contact: Some(now),
            last_failure: None,
        };
    }

    /// The hub did not answer, or refused.
    pub fn hub_failed(&self, state: HubState, why: impl Into<String>) {
        let mut surroundings = self.lock();
        surroundings.hub.state = state;
        surroundings.hub.last_failure = Some(why.into());
    }

    /// Changes what is known of a device.
    pub fn device(&self, id: &str, change: impl FnOnce(&mut DeviceHealth)) {
        change(self.lock().devices.entry(id.to_owned()).or_default());
    }

    /// Changes what is known of the broker.
    pub fn mqtt(&self, change: impl FnOnce(&mut LinkHealth)) {
        change(self.lock().mqtt.get_or_insert_default());
    }

    /// Something that a person must look at.
    pub fn alarm(&self, now: Timestamp, text: impl Into<String>) {
        let alarms = &mut self.lock().alarms;
        if alarms.len() == ALARMS_MAX {
            alarms.remove(0);
        }
        alarms.push(Alarm {
            at: now,
            text: text.into(),
        });
    }

    fn lock(&self) -> MutexGuard<'_, Surroundings> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
