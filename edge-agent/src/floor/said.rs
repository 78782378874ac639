//! What is known of one device, in memory and as rows of `ledger.db`: its clock and what it said
//! last, the amounts of its jobs, resources, queue entries, and what was booked of its returns.
//!
//! Rows are written in the commit of the message that they come from. A row that cannot be read
//! after an update is forgotten: what it knew is then news once more.
//!
//! Limits: [`JOBS_MAX`] jobs and [`BOOKED_MAX`] returned nodes per device, the oldest are forgotten.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tracing::warn;

use super::amounts::Counted;
use super::clock::DeviceClock;
use super::history::History;
use super::queue::EntrySaid;
use super::resource::{OnDevice, ResourceKey, Used};
use super::snapshot::Snapshot;
use crate::jobs::booked::Booked;
use crate::jobs::find::ReportedJob;
use crate::ledger::SaidRow;

/// A device that is done with a job tells nothing more of it but late words.
const JOBS_MAX: usize = 64;
/// Nodes whose repeated return is recognised by its runs.
const BOOKED_MAX: usize = 64;

/// One device.
#[derive(Debug, Default)]
pub(super) struct DeviceSaid {
    pub(super) memory: Memory,
    pub(super) counted: BTreeMap<ReportedJob, Counted>,
    pub(super) resources: BTreeMap<ResourceKey, OnDevice>,
    pub(super) used: BTreeMap<(ReportedJob, ResourceKey), Used>,
    pub(super) entries: BTreeMap<String, EntrySaid>,
    pub(super) booked: BTreeMap<String, Booked>,
    /// What is not in the ledger as it is here.
    changed: BTreeSet<RowKey>,
}

/// What is one row because it changes together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Memory {
    pub(super) clock: DeviceClock,
    pub(super) history: History<Snapshot>,
    /// The device was lost: what it says next is recorded also when it is as before.
    pub(super) unsure: bool,
    /// When the newest queue was told.
    pub(super) queue_at: Option<Timestamp>,
}

/// Names a row of a device; its JSON is stored.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum RowKey {
    Memory,
    Counted(ReportedJob),
    Resource(ResourceKey),
    Used(ReportedJob, ResourceKey),
    Entry(String),
    Booked(String),
}

impl DeviceSaid {
    /// The row is to be written with the next commit.
    pub(super) fn touch(&mut self, row: RowKey) {
        self.changed.insert(row);
    }

    /// What was signalled of a job, to be added to.
    pub(super) fn counted(&mut self, job: &ReportedJob) -> &mut Counted {
        if self.counted.len() >= JOBS_MAX && !self.counted.contains_key(job) {
            let oldest = self.counted.iter().min_by_key(|(_, counted)| counted.at);
            if let Some(oldest) = oldest.map(|(job, _)| job.clone()) {
                self.counted.remove(&oldest);
                self.touch(RowKey::Counted(oldest));
            }
        }
        self.counted.entry(job.clone()).or_default()
    }

    pub(super) fn forget_oldest_used(&mut self) {
        let oldest = self.used.iter().min_by_key(|(_, used)| used.at);
        if let Some(oldest) = oldest.map(|(place, _)| place.clone()) {
            self.used.remove(&oldest);
            self.touch(RowKey::Used(oldest.0, oldest.1));
        }
    }

    /// Keeps what was booked of a node.
    pub(super) fn book(&mut self, node: String, booked: Booked) {
        if self.booked.len() >= BOOKED_MAX && !self.booked.contains_key(&node) {
            let oldest = self.booked.iter().min_by_key(|(_, booked)| booked.at);
            if let Some(oldest) = oldest.map(|(node, _)| node.clone()) {
                self.booked.remove(&oldest);
                self.touch(RowKey::Booked(oldest));
            }
        }
        self.booked.insert(node.clone(), booked);
        self.touch(RowKey::Booked(node));
    }

    /// The ticket of a job came back: its amounts are settled, and what is said later of the run that ended is too late.
    pub(super) fn settle(&mut self, job: &ReportedJob, ended_at: Timestamp) {
        self.counted(job);
        let mut settled: Vec<ReportedJob> = Vec::new();
        for (known, counted) in &mut self.counted {
            if known.agrees(job) {
                counted.returned = true;
                counted.ended_at = Some(ended_at);
                settled.push(known.clone());
            }
        }
        let used: Vec<_> = self
            .used
            .keys()
            .filter(|(known, _)| known.agrees(job))
            .cloned()
            .collect();
        for place in used {
            self.used.remove(&place);
            self.touch(RowKey::Used(place.0, place.1));
        }
        for known in settled {
            self.touch(RowKey::Counted(known));
        }
    }

    pub(super) fn is_settled(&self, job: &ReportedJob) -> bool {
        let mut known = self.counted.iter();
        known.any(|(known, counted)| counted.returned && known.agrees(job))
    }

    /// Whether something is to be stored.
    pub(super) fn has_changes(&self) -> bool {
        !self.changed.is_empty()
    }

    /// The rows that changed since they were last taken.
    pub(super) fn take_rows(&mut self, device: &str) -> Vec<SaidRow> {
        let changed = std::mem::take(&mut self.changed);
        changed
            .into_iter()
            .map(|row| SaidRow {
                device: device.to_owned(),
                what: to_json(&row),
                value: self.value(&row),
            })
            .collect()
    }

    fn value(&self, row: &RowKey) -> Option<String> {
        match row {
            RowKey::Memory => Some(to_json(&self.memory)),
            RowKey::Counted(job) => self.counted.get(job).map(to_json),
            RowKey::Resource(key) => self.resources.get(key).map(to_json),
            RowKey::Used(job, key) => self.used.get(&(job.clone(), key.clone())).map(to_json),
            RowKey::Entry(id) => self.entries.get(id).map(to_json),
            RowKey::Booked(node) => self.booked.get(node).map(to_json),
        }
    }

    fn put(&mut self, row: RowKey, value: &str) -> Result<(), serde_json::Error> {
        match row {
            RowKey::Memory => self.memory = from_json(value)?,
            RowKey::Counted(job) => drop(self.counted.insert(job, from_json(value)?)),
            RowKey::Resource(key) => drop(self.resources.insert(key, from_json(value)?)),
            RowKey::Used(job, key) => drop(self.used.insert((job, key), from_json(value)?)),
            RowKey::Entry(id) => drop(self.entries.insert(id, from_json(value)?)),
            RowKey::Booked(node) => drop(self.booked.insert(node, from_json(value)?)),
        }
        Ok(())
    }
}

/// All devices, from the rows of the ledger.
pub(super) fn load(rows: Vec<SaidRow>) -> BTreeMap<String, DeviceSaid> {
    let mut devices: BTreeMap<String, DeviceSaid> = BTreeMap::new();
    for row in rows {
        let Some(value) = row.value else { continue };
        let device = devices.entry(row.device.clone()).or_default();
        let read = from_json(&row.what).and_then(|key| device.put(key, &value));
        if let Err(error) = read {
            warn!(
                error = &error as &dyn std::error::Error,
                device.id = %row.device,
                "what device {} said before is forgotten: {}", row.device, row.what
            );
        }
    }
    devices
}

fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("our types have string keys and no failing serializers")
}

fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, serde_json::Error> {
    serde_json::from_str(text)
}
