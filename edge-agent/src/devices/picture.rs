//! What every device said last, for people: contact, channels, queue, jobs, modules, capability.
//! In memory only; facts are ledger events, and what must be known after a restart is a
//! [`Record`](super::record::Record).
//!
//! Limits: [`ENTRIES_MAX`] queue entries, [`PHASES_MAX`] job phases and [`MODULES_MAX`] modules per
//! device; the queue says how many there are in all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use agog_jdf::QueueEntryStatus;
use agog_jdf::jmf::{
    DeviceInfo, JobPhase, ModuleStatus, Queue, QueueEntry, QueueFilter, Response, SignalContent,
};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::introduction::{Introduction, own};
use crate::floor::is_whole;

/// More entries than any crew looks through; a device with years of finished jobs in its queue
/// must not fill the memory of the agent.
const ENTRIES_MAX: usize = 200;
/// More than any device works on at a time.
const PHASES_MAX: usize = 32;
/// The longest press lines have some thirty units.
const MODULES_MAX: usize = 64;
/// The picture of all devices by id.
#[derive(Debug, Default)]
pub struct Picture(Mutex<BTreeMap<String, DeviceState>>);

/// What is known of one device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceState {
    /// It answers or sends.
    pub reachable: bool,
    pub last_answer_at: Option<Timestamp>,
    pub last_signal_at: Option<Timestamp>,
    /// Why the last try failed, or what is odd about the device.
    pub last_failure: Option<String>,
    /// As JMF names it.
    pub status: Option<String>,
    pub status_details: Option<String>,
    /// By the device's clock; an older Status than this is not shown.
    pub status_at: Option<Timestamp>,
    pub job_phases: Vec<PhaseState>,
    pub modules: Vec<ModuleState>,
    pub queue: Option<QueueState>,
    pub subscriptions: Vec<ChannelState>,
    pub introduction: Introduction,
    /// Names the record in which the rest of it is kept.
    #[serde(skip)]
    pub record: Option<String>,
}

/// One channel, wanted or had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelState {
    /// The type of its signals.
    pub kind: String,
    pub channel_id: String,
    /// As it was granted.
    pub mode: String,
    /// The device took the subscription.
    pub active: bool,
    /// Why it did not, or why less was granted than asked for.
    pub detail: Option<String>,
    pub heartbeat_s: u32,
    /// When the device last listed it among its channels.
    pub verified_at: Option<Timestamp>,
}

/// The queue of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueState {
    pub status: String,
    /// How many entries the device told, also where not all are kept.
    pub entries_total: usize,
    pub entries: Vec<EntryState>,
    pub told_at: Timestamp,
}

/// One entry of a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryState {
    pub queue_entry_id: String,
    pub status: String,
    pub job_id: Option<String>,
    pub job_part_id: Option<String>,
    pub priority: Option<i64>,
    pub submitted_at: Option<Timestamp>,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
}

/// A job on the device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseState {
    pub job_id: Option<String>,
    pub job_part_id: Option<String>,
    pub queue_entry_id: Option<String>,
    pub status: String,
    pub status_details: Option<String>,
    /// Good ones since the job began, waste not among them.
    pub amount: Option<Decimal>,
    pub waste: Option<Decimal>,
    pub total_amount: Option<Decimal>,
    pub percent_completed: Option<Decimal>,
    pub speed: Option<Decimal>,
}

/// A unit of the device, such as a printing unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleState {
    pub module_id: Option<String>,
    pub module_index: Option<String>,
    pub module_type: String,
    pub status: String,
    pub status_details: Option<String>,
}

impl Picture {
    /// What is known of a device.
    pub fn of(&self, device: &str) -> DeviceState {
        self.lock().get(device).cloned().unwrap_or_default()
    }

    /// A device is no more, or another one.
    pub fn forget(&self, device: &str) {
        self.lock().remove(device);
    }

    /// Changes what is known of a device.
    pub fn change(&self, device: &str, change: impl FnOnce(&mut DeviceState)) {
        change(self.lock().entry(device.to_owned()).or_default());
    }

    /// A signal came, which says something about `at`.
    pub fn signal(&self, device: &str, content: &SignalContent, at: Timestamp, now: Timestamp) {
        self.change(device, |state| {
            state.reachable = true;
            state.last_signal_at = Some(now);
            match content {
                SignalContent::Status { devices, queue, .. } => {
                    state.tell_status(device, devices, at);
                    state.tell_queue(queue.as_ref(), None, now);
                }
                SignalContent::QueueStatus { filter, queue } => {
                    state.tell_queue(queue.as_ref(), Some(filter), now);
                }
                _ => {}
            }
        });
    }

    /// The device answered a question; `at` is by its own clock, as the times of its signals. `is_queue`:
    /// it was asked for its queue.
    pub fn answer(
        &self,
        device: &str,
        answer: &Response,
        is_queue: bool,
        at: Timestamp,
        now: Timestamp,
    ) {
        let all = QueueFilter::default();
        self.change(device, |state| {
            state.tell_status(device, &answer.devices, at);
            state.tell_queue(answer.queue.as_ref(), is_queue.then_some(&all), now);
        });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, DeviceState>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DeviceState {
    fn tell_status(&mut self, device: &str, infos: &[DeviceInfo], at: Timestamp) {
        let Some(info) = own(device, infos) else {
            return;
        };
        if self.status_at.is_some_and(|newest| at < newest) {
            return;
        }
        self.status_at = Some(at);
        self.status = Some(info.status.to_string());
        self.status_details.clone_from(&info.status_details);
        let phases = info.job_phases.iter().take(PHASES_MAX);
        self.job_phases = phases.map(PhaseState::from).collect();
        let of_phases = info.job_phases.iter().flat_map(|p| &p.module_statuses);
        let modules = info.module_statuses.iter().chain(of_phases);
        self.modules = modules.take(MODULES_MAX).map(ModuleState::from).collect();
    }

    /// `filter` is what was asked for; none for a queue beside something else.
    fn tell_queue(&mut self, told: Option<&Queue>, filter: Option<&QueueFilter>, now: Timestamp) {
        let Some(told) = told else { return };
        let before = self.queue.take().filter(|_| {
            // What a part of the list does not name stays as it was.
            !filter.is_some_and(|filter| is_whole(told, filter))
        });
        let listed: BTreeSet<&str> = told
            .entries
            .iter()
            .map(|entry| entry.queue_entry_id.as_str())
            .collect();
        let unlisted = before.into_iter().flat_map(|before| before.entries);
        let unlisted: Vec<EntryState> = unlisted
            .filter(|entry| !listed.contains(entry.queue_entry_id.as_str()))
            .collect();
        let is_over = |entry: &EntryState| QueueEntryStatus::from(entry.status.as_str()).is_final();
        // Those that are over must not hide the others.
        let those = |over: bool| {
            let told = told.entries.iter();
            let told = told.filter(move |entry| entry.status.is_final() == over);
            let others = unlisted.iter().filter(move |entry| is_over(entry) == over);
            told.map(EntryState::from).chain(others.cloned())
        };
        self.queue = Some(QueueState {
            status: told.status.to_string(),
            entries_total: told.entries.len() + unlisted.len(),
            entries: those(false).chain(those(true)).take(ENTRIES_MAX).collect(),
            told_at: now,
        });
    }
}

impl From<&QueueEntry> for EntryState {
    fn from(entry: &QueueEntry) -> Self {
        Self {
            queue_entry_id: entry.queue_entry_id.clone(),
            status: entry.status.to_string(),
            job_id: entry.job_id.clone(),
            job_part_id: entry.job_part_id.clone(),
            priority: entry.priority,
            submitted_at: entry.submission_time,
            started_at: entry.start_time,
            ended_at: entry.end_time,
        }
    }
}

impl From<&JobPhase> for PhaseState {
    fn from(phase: &JobPhase) -> Self {
        Self {
            job_id: phase.job_id.clone(),
            job_part_id: phase.job_part_id.clone(),
            queue_entry_id: phase.queue_entry_id.clone(),
            status: phase.status.to_string(),
            status_details: phase.status_details.clone(),
            amount: phase.amount,
            waste: phase.waste,
            total_amount: phase.total_amount,
            percent_completed: phase.percent_completed,
            speed: phase.speed,
        }
    }
}

impl From<&ModuleStatus> for ModuleState {
    fn from(module: &ModuleStatus) -> Self {
        Self {
            module_id: module.module_id.clone(),
            module_index: module.module_index.as_ref().map(|ranges| {
                let places = ranges.0.iter().map(|[from, to]| {
                    if from == to {
                        from.to_string()
                    } else {
                        format!("{from} ~ {to}")
                    }
                });
                places.collect::<Vec<_>>().join(" ")
            }),
            module_type: module.module_type.clone(),
            status: module.status.to_string(),
            status_details: module.status_details.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use agog_jdf::jmf::StatusQuParams;
    use agog_jdf::{DeviceStatus, NodeStatus, UpdateGranularity};

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn status(status: DeviceStatus) -> SignalContent {
        let phase = JobPhase {
            job_id: Some("JOB-1".to_owned()),
            amount: Some(4200.into()),
            waste: Some(12.into()),
            module_statuses: vec![ModuleStatus {
                module_type: "PrintModule".to_owned(),
                module_id: Some("PU-1".to_owned()),
                ..ModuleStatus::default()
            }],
            ..JobPhase::new(NodeStatus::InProgress)
        };
        let info = DeviceInfo {
            job_phases: vec![phase],
            ..DeviceInfo::new("press-3", status)
        };
        SignalContent::Status {
            params: StatusQuParams::default(),
            devices: vec![info],
            queue: None,
        }
    }

    #[test]
    fn a_status_shows_the_job_with_its_amounts_and_the_modules() {
        let picture = Picture::default();
        picture.signal("press-3", &status(DeviceStatus::Running), at(10), at(11));
        let state = picture.of("press-3");
        assert_eq!(state.status.as_deref(), Some("Running"));
        assert_eq!(state.last_signal_at, Some(at(11)));
        let phase = &state.job_phases[0];
        assert_eq!(phase.job_id.as_deref(), Some("JOB-1"));
        assert_eq!(
            (phase.amount, phase.waste),
            (Some(4200.into()), Some(12.into()))
        );
        assert_eq!(state.modules[0].module_id.as_deref(), Some("PU-1"));
    }

    #[test]
    fn a_status_that_was_overtaken_does_not_show_again() {
        let picture = Picture::default();
        picture.signal("press-3", &status(DeviceStatus::Running), at(10), at(11));
        picture.signal("press-3", &status(DeviceStatus::Setup), at(5), at(12));
        let state = picture.of("press-3");
        assert_eq!(state.status.as_deref(), Some("Running"));
        assert_eq!(
            state.last_signal_at,
            Some(at(12)),
            "it was heard all the same"
        );
    }

    #[test]
    fn a_device_whose_clock_is_late_shows_what_it_says_after_an_answer() {
        let picture = Picture::default();
        let now = at(1_000);
        let answer = Response {
            devices: vec![DeviceInfo::new("press-3", DeviceStatus::Idle)],
            ..Response::success()
        };
        picture.answer("press-3", &answer, false, at(10), now);
        picture.signal("press-3", &status(DeviceStatus::Running), at(11), now);
        let state = picture.of("press-3");
        assert_eq!(state.status.as_deref(), Some("Running"));
    }

    #[test]
    fn a_queue_of_years_is_counted_and_not_kept() {
        let picture = Picture::default();
        let entry = |n: usize| QueueEntry::new(format!("QE-{n}"), QueueEntryStatus::Completed);
        let queue = Queue {
            entries: (0..5_000).map(entry).collect(),
            ..Queue::default()
        };
        let answer = Response {
            queue: Some(queue),
            ..Response::success()
        };
        picture.answer("press-3", &answer, true, at(1), at(1));
        let queue = picture.of("press-3").queue.unwrap();
        assert_eq!(
            (queue.entries_total, queue.entries.len()),
            (5_000, ENTRIES_MAX)
        );
    }

    fn told(picture: &Picture, statuses: &[(&str, QueueEntryStatus)], filter: QueueFilter) {
        let entry = |(id, status): &(&str, QueueEntryStatus)| QueueEntry::new(*id, status.clone());
        let queue = Queue {
            entries: statuses.iter().map(entry).collect(),
            ..Queue::default()
        };
        let content = SignalContent::QueueStatus {
            filter,
            queue: Some(queue),
        };
        picture.signal("press-3", &content, at(1), at(1));
    }

    fn shown(picture: &Picture) -> Vec<(String, String)> {
        let queue = picture.of("press-3").queue.unwrap();
        let entries = queue.entries.into_iter();
        entries
            .map(|entry| (entry.queue_entry_id, entry.status))
            .collect()
    }

    #[test]
    fn what_a_part_of_the_queue_does_not_name_is_shown_as_it_was_told() {
        use QueueEntryStatus::{Completed, Running, Waiting};
        let picture = Picture::default();
        told(
            &picture,
            &[("A", Running), ("B", Waiting)],
            QueueFilter::default(),
        );
        let changes = QueueFilter {
            update_granularity: Some(UpdateGranularity::ChangesOnly),
            ..QueueFilter::default()
        };
        told(&picture, &[("A", Completed)], changes);
        let pair = |id: &str, status: &str| (id.to_owned(), status.to_owned());
        assert_eq!(
            shown(&picture),
            [pair("B", "Waiting"), pair("A", "Completed")]
        );
        told(&picture, &[("A", Completed)], QueueFilter::default());
        assert_eq!(shown(&picture), [pair("A", "Completed")]);
    }

    #[test]
    fn entries_that_are_over_hide_none_that_waits() {
        let picture = Picture::default();
        let mut statuses = vec![("OLD", QueueEntryStatus::Completed); ENTRIES_MAX];
        statuses.push(("NEW", QueueEntryStatus::Waiting));
        told(&picture, &statuses, QueueFilter::default());
        assert_eq!(shown(&picture)[0].0, "NEW");
    }
}
