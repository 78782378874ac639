//! What the agent knows of its surroundings right now: hub, devices, broker, alarms. Kept in
//! memory, shown by `status`; facts that must last are ledger events.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde::{Deserialize, Serialize};

use crate::lifecycle::Stop;

/// How often measured durations are folded into their histograms; until then each takes memory.
const METRICS_UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Upper bounds of the buckets of durations, in seconds: from a fast disk's fsync to a stuck one.
const DURATION_BUCKETS: [f64; 8] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5];

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
    /// Brokers by their name.
    #[serde(default)]
    pub mqtt: BTreeMap<String, LinkHealth>,
    /// Serial ports by their name.
    #[serde(default)]
    pub serial: BTreeMap<String, PortHealth>,
    /// None when no backups are configured.
    #[serde(default)]
    pub backup: Option<BackupHealth>,
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
    /// How far our clock is ahead of the hub's; none before it was measured.
    #[serde(default)]
    pub clock_skew_ms: Option<i64>,
    /// Since when it is an alarm that events wait and none is taken; none while all is well.
    #[serde(default)]
    pub stalled_since: Option<Timestamp>,
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
    /// It serves another process with the identity of this one; a person must act.
    Fenced,
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
    /// Host and port.
    pub address: String,
    pub connected: bool,
    /// How often it was connected since the agent was started.
    pub connections: u64,
    pub last_message: Option<Timestamp>,
    /// Why the last try failed; none while connected.
    pub last_failure: Option<String>,
    /// Messages that arrived.
    pub messages: u64,
    /// Samples in them.
    pub samples: u64,
    /// Messages that were not understood, or not wholly.
    pub bad_messages: u64,
    /// Where they came from, for as many topics as are counted.
    #[serde(default)]
    pub bad_topics: BTreeMap<String, BadTopic>,
    /// What the Sparkplug host knows, where this is one.
    #[serde(default)]
    pub sparkplug: Option<SparkplugHealth>,
    /// Topic filters that the broker does not let the agent subscribe to.
    #[serde(default)]
    pub refused_filters: Vec<String>,
}

/// What a Sparkplug host knows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SparkplugHealth {
    pub counts: SparkplugCounts,
    /// By `group/node`.
    pub nodes: BTreeMap<String, SparkplugNode>,
}

/// What a Sparkplug host has heard since the agent was started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SparkplugCounts {
    pub births: u64,
    pub deaths: u64,
    /// Deaths of sessions that were over already.
    pub late_deaths: u64,
    /// Messages that never came, by the gaps in their numbers.
    pub missed_messages: u64,
    /// Requests for births.
    pub rebirths_asked: u64,
    /// Values that are text, times, data sets: nothing for a series.
    pub no_numbers: u64,
    /// Values that a node does not have now.
    pub nulls: u64,
}

/// An edge node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SparkplugNode {
    /// Born, and not dead since. What it measured is stale otherwise.
    pub online: bool,
    pub since: Option<Timestamp>,
    pub devices: usize,
    pub devices_online: usize,
    pub metrics: usize,
}

/// A topic with messages that were not understood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadTopic {
    pub count: u64,
    /// When the newest of them came.
    pub last_at: Timestamp,
    /// What was wrong with that.
    pub reason: String,
    /// How large that was.
    #[serde(default)]
    pub bytes: usize,
    /// How that began: printable ASCII as it is, all else escaped (`\n`, `\xNN`).
    #[serde(default)]
    pub payload: String,
}

/// A serial port, and what is at it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortHealth {
    pub path: PathBuf,
    /// What its device is called in samples and scans.
    pub device: String,
    /// None while it is away.
    pub open_since: Option<Timestamp>,
    /// None while it is open.
    pub away_since: Option<Timestamp>,
    /// Why the last try failed; none while it is open.
    pub last_failure: Option<String>,
    /// How often it was opened since the agent was started.
    pub opened: u64,
    pub last_line: Option<Timestamp>,
    /// Lines that arrived.
    pub lines: u64,
    /// Samples in them.
    pub samples: u64,
    /// Barcodes in them.
    pub scans: u64,
    /// Lines that are right and gave no sample: weights that still changed, overload.
    pub unused_lines: u64,
    /// Why the newest of these gave none.
    pub last_unused: Option<String>,
    /// Lines that were not understood.
    pub bad_lines: u64,
    /// What was wrong with the newest of these.
    pub last_bad: Option<String>,
    /// Samples for which there was no room; they are gaps of the ledger.
    pub lost_samples: u64,
}

/// Backups of the ledger that are made by themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupHealth {
    /// When the newest one was made.
    pub newest_at: Option<Timestamp>,
    pub newest: Option<PathBuf>,
    /// Why the last try failed; none after one that worked.
    pub last_failure: Option<String>,
}

/// Something that a person must look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    pub at: Timestamp,
    pub text: String,
}

/// The recorder of the process; agents of one process (tests) share it.
pub fn metrics_recorder() -> anyhow::Result<PrometheusHandle> {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    if let Some(handle) = RECORDER.get() {
        return Ok(handle.clone());
    }
    let recorder = PrometheusBuilder::new()
        .set_buckets(&DURATION_BUCKETS)
        .context("metric buckets")?
        .build_recorder();
    let handle = recorder.handle();
    // Lost races and test programs with a recorder of their own change nothing for us.
    if metrics::set_global_recorder(recorder).is_err() {
        tracing::debug!("metrics go to a recorder that was there before");
    }
    Ok(RECORDER.get_or_init(|| handle).clone())
}

/// Keeps the memory of metrics bounded when nobody asks for them.
pub async fn upkeep(metrics: PrometheusHandle, stop: Stop) -> anyhow::Result<()> {
    let mut every = tokio::time::interval(METRICS_UPKEEP_EVERY);
    loop {
        tokio::select! {
            _ = every.tick() => metrics.run_upkeep(),
            () = stop.soft().cancelled() => return Ok(()),
        }
    }
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
        let hub = &mut self.lock().hub;
        hub.state = HubState::Online;
        hub.last_contact = Some(now);
        hub.last_failure = None;
    }

    /// How far our clock is ahead of the hub's.
    pub fn clock_skew(&self, skew_ms: i64) {
        self.lock().hub.clock_skew_ms = Some(skew_ms);
    }

    /// Since when nothing that waits is taken by the hub.
    pub fn stalled(&self, since: Option<Timestamp>) {
        self.lock().hub.stalled_since = since;
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

    /// A device is no more, or another one.
    pub fn forget_device(&self, id: &str) {
        self.lock().devices.remove(id);
    }

    /// Changes what is known of a broker.
    pub fn mqtt(&self, broker: &str, change: impl FnOnce(&mut LinkHealth)) {
        let mut surroundings = self.lock();
        match surroundings.mqtt.get_mut(broker) {
            Some(link) => change(link),
            None => change(surroundings.mqtt.entry(broker.to_owned()).or_default()),
        }
    }

    /// A broker is away.
    pub fn mqtt_lost(&self, broker: &str, why: String) {
        self.mqtt(broker, |link| {
            link.connected = false;
            link.last_failure = Some(why);
        });
    }

    /// Changes what is known of a serial port.
    pub fn serial(&self, port: &str, change: impl FnOnce(&mut PortHealth)) {
        let mut surroundings = self.lock();
        match surroundings.serial.get_mut(port) {
            Some(known) => change(known),
            None => change(surroundings.serial.entry(port.to_owned()).or_default()),
        }
    }

    /// Changes what is known of the backups.
    pub fn backup(&self, change: impl FnOnce(&mut BackupHealth)) {
        change(self.lock().backup.get_or_insert_default());
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
