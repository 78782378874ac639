//! What happens to jobs at a plant: the steps of a job, and what is known at each.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::ids::{RequestId, WorkOrderId};
use crate::lots::JobRef;

/// A step in the life of a job at a plant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobEvent {
    /// Which step.
    pub step: JobStep,
    /// What is known at that step.
    pub progress: JobProgress,
}

/// The steps of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobStep {
    /// The ticket arrived at the plant.
    Received,
    /// The device took the ticket into its queue.
    Submitted,
    /// The device did not take the ticket.
    Refused,
    /// The queue entry waits until somebody resumes it.
    Held,
    /// The device interrupted a job that ran.
    Suspended,
    /// A held or suspended queue entry goes on.
    Resumed,
    /// The queue entry has another priority or place.
    Requeued,
    /// The device began the job.
    Started,
    /// The device entered another phase of the job.
    Phase,
    /// The ticket came back as completed, or people said that the job is done.
    Completed,
    /// The ticket came back as aborted.
    Aborted,
    /// The queue entry was removed before it was begun.
    Removed,
    /// A command to the queue of the device did not work; the job is as it was.
    CommandRefused,
    /// The device ends the job, as it was told to, and has not returned its ticket yet; the job is as it was.
    AbortRequested,
    /// A command to the queue of the device worked, and no other step says so: the job is so already.
    CommandDone,
}

impl JobStep {
    const ALL: [Self; 15] = [
        Self::Received,
        Self::Submitted,
        Self::Refused,
        Self::Held,
        Self::Suspended,
        Self::Resumed,
        Self::Requeued,
        Self::Started,
        Self::Phase,
        Self::Completed,
        Self::Aborted,
        Self::Removed,
        Self::CommandRefused,
        Self::AbortRequested,
        Self::CommandDone,
    ];

    /// The event kind of this step.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Received => "job.received",
            Self::Submitted => "job.submitted",
            Self::Refused => "job.refused",
            Self::Held => "job.held",
            Self::Suspended => "job.suspended",
            Self::Resumed => "job.resumed",
            Self::Requeued => "job.requeued",
            Self::Started => "job.started",
            Self::Phase => "job.phase",
            Self::Completed => "job.completed",
            Self::Aborted => "job.aborted",
            Self::Removed => "job.removed",
            Self::CommandRefused => "job.command-refused",
            Self::AbortRequested => "job.abort-requested",
            Self::CommandDone => "job.command-done",
        }
    }

    /// The step of an event kind; none when the kind is no step.
    pub fn of_kind(kind: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.kind() == kind)
    }

    /// After this step nothing more happens to the job on its device.
    pub const fn is_end(self) -> bool {
        matches!(
            self,
            Self::Refused | Self::Completed | Self::Aborted | Self::Removed
        )
    }
}

/// What is known of a job at one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobProgress {
    /// Which job, for which order and customer.
    pub job: JobRef,
    /// The device's id.
    pub device: String,
    /// The id that the device's queue gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_entry_id: Option<String>,
    /// The status of the queue entry after the step, as JMF names it, where the step alone does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry_status: Option<String>,
    /// The node that is worked on, by its `JobPartID`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_part_id: Option<String>,
    /// The work order of the hub, where people say what they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work_order_id: Option<WorkOrderId>,
    /// The part that is worked on, by its partition keys (`SheetName`, `Side` …).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub part: BTreeMap<String, String>,
    /// The node status as JDF names it (`Setup`, `InProgress`, …).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The device's own words for the status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_details: Option<String>,
    /// Good amount so far, in the unit of the job's output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good: Option<Decimal>,
    /// Waste so far; not part of the good amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waste: Option<Decimal>,
    /// The phase that ended with this step, with its final amounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_phase: Option<PhaseAmounts>,
    /// Who works on it, as the device names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operators: Vec<String>,
    /// The priority in the queue, 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i64>,
    /// The JMF return code of a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_code: Option<u32>,
    /// A sentence for people: why it was refused or aborted, where amounts differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The command of the hub that this step answers: it was carried out, or refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_id: Option<RequestId>,
    /// Where the returned ticket differs from what the device had signalled; the ticket counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
    /// When the device began the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When the device ended the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

impl JobProgress {
    /// A step of which nothing but the job and its device is known.
    pub fn of(job: JobRef, device: impl Into<String>) -> Self {
        Self {
            job,
            device: device.into(),
            queue_entry_id: None,
            entry_status: None,
            job_part_id: None,
            work_order_id: None,
            part: BTreeMap::new(),
            status: None,
            status_details: None,
            good: None,
            waste: None,
            closed_phase: None,
            operators: Vec::new(),
            priority: None,
            return_code: None,
            detail: None,
            command_id: None,
            differences: Vec::new(),
            started_at: None,
            ended_at: None,
        }
    }
}

/// A phase of a job that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseAmounts {
    /// The node status of the phase.
    pub status: String,
    /// The device's own words for it, often the reason of a stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_details: Option<String>,
    /// When the phase began, by the device's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// Good amount of this phase alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good: Option<Decimal>,
    /// Waste of this phase alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waste: Option<Decimal>,
}

/// One value that a device signalled and returned otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// What differs: `good`, `waste`, `started_at`, `ended_at`, `lot-good`, `lot-waste`.
    pub what: String,
    /// The lot, where a lot's amount differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot: Option<String>,
    /// What the signals said; none when they said nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signalled: Option<String>,
    /// What the returned ticket says; none when it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returned: Option<String>,
}
