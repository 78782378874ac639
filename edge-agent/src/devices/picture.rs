//! What every device said last, for people: contact, channels, queue, jobs, modules, capability.
//! In memory only; facts are ledger events, and what must be known after a restart is a
//! [`Record`](super::record::Record).
//!
//! Limits: [`ENTRIES_MAX`] queue entries, [`PHASES_MAX`] job phases and [`MODULES_MAX`] modules per
//! device; the queue says how many there are in all.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use agog_jdf::jmf::{
    Device, DeviceInfo, JobPhase, MessageService, ModuleStatus, Queue, QueueEntry, Response,
    SignalContent, SubmissionMethods,
};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// More entries than any crew looks through; a device with years of finished jobs in its queue
/// must not fill the memory of the agent.
const ENTRIES_MAX: usize = 200;
/// More than any device works on at a time.
const PHASES_MAX: usize = 32;
/// The longest press lines have some thirty units.
const MODULES_MAX: usize = 64;
/// JMF has about fifty message types; vendors add a few.
const MESSAGES_MAX: usize = 200;

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

/// What a device told of itself when it was asked on connection.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Introduction {
    pub asked_at: Option<Timestamp>,
    pub device: Option<DeviceFacts>,
    pub messages: Vec<MessageFacts>,
    pub submission_methods: Option<SubmissionFacts>,
    /// The questions that it did not answer, and why.
    pub refused: Vec<Refusal>,
}

/// The device as it describes itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceFacts {
    pub descriptive_name: Option<String>,
    pub device_type: Option<String>,
    pub manufacturer: Option<String>,
    pub model_name: Option<String>,
    pub serial_number: Option<String>,
    pub jdf_versions: Option<String>,
    pub ics_versions: Vec<String>,
    /// How many descriptions of what it can do (`DeviceCap`) are kept.
    pub capabilities: usize,
}

/// A message that the device knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageFacts {
    pub kind: String,
    /// In which it is taken or sent, such as `Query` and `Signal`.
    pub families: Vec<String>,
}

/// How the device takes tickets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmissionFacts {
    pub packaging: Vec<String>,
    pub url_schemes: Vec<String>,
    pub hot_folder: Option<String>,
}

/// A question without a useful answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub kind: String,
    /// None when it was left unanswered.
    pub return_code: Option<i64>,
    pub detail: String,
}

impl Picture {
    /// What is known of a device.
    pub fn of(&self, device: &str) -> DeviceState {
        self.lock().get(device).cloned().unwrap_or_default()
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
                    state.tell_queue(queue.as_ref(), now);
                }
                SignalContent::QueueStatus { queue, .. } => state.tell_queue(queue.as_ref(), now),
                _ => {}
            }
        });
    }

    /// The device answered a question.
    pub fn answer(&self, device: &str, answer: &Response, now: Timestamp) {
        self.change(device, |state| {
            state.tell_status(device, &answer.devices, now);
            state.tell_queue(answer.queue.as_ref(), now);
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

    fn tell_queue(&mut self, queue: Option<&Queue>, now: Timestamp) {
        if let Some(queue) = queue {
            self.queue = Some(QueueState {
                status: queue.status.to_string(),
                entries_total: queue.entries.len(),
                entries: queue
                    .entries
                    .iter()
                    .take(ENTRIES_MAX)
                    .map(EntryState::from)
                    .collect(),
                told_at: now,
            });
        }
    }
}

/// What is said of this device; a device that does not name itself means itself.
pub(super) fn own<'i>(device: &str, infos: &'i [DeviceInfo]) -> Option<&'i DeviceInfo> {
    let named = infos.iter().find(|info| info.id() == Some(device));
    named.or_else(|| infos.iter().find(|info| info.id().is_none()))
}

impl Introduction {
    /// From the answers by the type of their question.
    pub(super) fn read(
        device: &str,
        answers: &[(String, Option<Response>)],
        now: Timestamp,
    ) -> Self {
        let mut read = Self {
            asked_at: Some(now),
            ..Self::default()
        };
        for (kind, answer) in answers {
            let refusal = match answer {
                Some(answer) if answer.return_code.is_processed() => {
                    read.take(device, answer);
                    continue;
                }
                Some(answer) => Refusal {
                    kind: kind.clone(),
                    return_code: Some(answer.return_code.0),
                    detail: answer.reason(),
                },
                None => Refusal {
                    kind: kind.clone(),
                    return_code: None,
                    detail: "left unanswered".to_owned(),
                },
            };
            read.refused.push(refusal);
        }
        read
    }

    fn take(&mut self, device: &str, answer: &Response) {
        if let Some(found) = own(device, &answer.devices).and_then(|info| info.device.as_ref())
            && self.device.is_none()
        {
            self.device = Some(DeviceFacts::from(found));
        }
        if !answer.messages.is_empty() {
            let messages = answer.messages.iter().take(MESSAGES_MAX);
            self.messages = messages.map(MessageFacts::from).collect();
        }
        if let Some(methods) = &answer.submission_methods {
            self.submission_methods = Some(SubmissionFacts::from(methods));
        }
    }
}

impl From<&Device> for DeviceFacts {
    fn from(device: &Device) -> Self {
        Self {
            descriptive_name: device.descriptive_name.clone(),
            device_type: device.device_type.clone(),
            manufacturer: device.manufacturer.clone(),
            model_name: device.model_name.clone(),
            serial_number: device.serial_number.clone(),
            jdf_versions: device.jdf_versions.clone(),
            ics_versions: device.ics_versions.clone(),
            capabilities: device
                .content
                .iter()
                .filter(|part| part.name() == "DeviceCap")
                .count(),
        }
    }
}

impl From<&MessageService> for MessageFacts {
    fn from(service: &MessageService) -> Self {
        let families = [
            ("Query", service.query),
            ("Command", service.command),
            ("Signal", service.signal),
            ("Acknowledge", service.acknowledge),
            ("Registration", service.registration),
        ];
        let has = families.into_iter().filter(|(_, has)| *has);
        Self {
            kind: service.kind.clone(),
            families: has.map(|(family, _)| family.to_owned()).collect(),
        }
    }
}

impl From<&SubmissionMethods> for SubmissionFacts {
    fn from(methods: &SubmissionMethods) -> Self {
        let mut packaging: Vec<String> =
            methods.packaging.iter().map(ToString::to_string).collect();
        // How versions before JDF 1.2 said it.
        if packaging.is_empty() && methods.mime == Some(true) {
            packaging.push("MIME".to_owned());
        }
        Self {
            packaging,
            url_schemes: methods.url_schemes.clone(),
            hot_folder: methods.hot_folder.clone(),
        }
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
