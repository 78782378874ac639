//! The types of the exchange module: jobs as the office gave them out and as the plants report them.

use agog_sync::event::{JobProgress, JobStep};
use agog_sync::frame::{JobAction, TicketFile};
use agog_sync::ids::{EventId, JobId, PlantId, RequestId, WorkOrderId};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::course::Mark;

/// How far a job or a work order has come, as far as the hub knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JobStatus {
    /// The ticket waits for the plant; a work order waits to be begun.
    Sent,
    /// The plant has the ticket.
    Received,
    /// The device has it in its queue.
    Submitted,
    /// It waits in the queue until somebody resumes it.
    Held,
    /// The device did not take it.
    Refused,
    /// The device works on it.
    Running,
    /// The device interrupted it.
    Suspended,
    Completed,
    Aborted,
    /// It was taken out of the queue before it was begun.
    Removed,
}

impl JobStatus {
    pub(super) const ALL: [Self; 10] = [
        Self::Sent,
        Self::Received,
        Self::Submitted,
        Self::Held,
        Self::Refused,
        Self::Running,
        Self::Suspended,
        Self::Completed,
        Self::Aborted,
        Self::Removed,
    ];

    /// The text form, for storage and the API.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Received => "received",
            Self::Submitted => "submitted",
            Self::Held => "held",
            Self::Refused => "refused",
            Self::Running => "running",
            Self::Suspended => "suspended",
            Self::Completed => "completed",
            Self::Aborted => "aborted",
            Self::Removed => "removed",
        }
    }

    /// Reads the text form.
    pub(super) fn of_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Nothing more happens to it, unless it is run again.
    pub(super) const fn is_end(self) -> bool {
        matches!(
            self,
            Self::Refused | Self::Completed | Self::Aborted | Self::Removed
        )
    }
}

/// Why a job did not end well, in one form wherever it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(super) struct JobError {
    /// `submission` (the device did not take it), `return` (the device gave it back as aborted) or `people`.
    #[schema(example = "submission")]
    pub source: String,
    /// The JMF return code, where there is one.
    pub return_code: Option<u32>,
    pub text: Option<String>,
}

impl JobError {
    /// The error of a step; none when the step is none.
    pub(super) fn of(mark: &Mark) -> Option<Self> {
        let source = match mark.step {
            JobStep::Refused => "submission",
            JobStep::Aborted if mark.by_people => "people",
            JobStep::Aborted => "return",
            _ => return None,
        };
        Some(Self {
            source: source.to_owned(),
            return_code: mark.progress.return_code,
            text: mark.progress.detail.clone(),
        })
    }
}

/// A job that the office gives out.
pub(super) struct NewJob<'a> {
    pub job_id: JobId,
    pub number: &'a str,
    pub plant_id: PlantId,
    pub device: &'a str,
    pub order: Option<&'a str>,
    pub customer: Option<&'a str>,
    pub jdf: &'a str,
    pub inputs: &'a [String],
    pub output_number: Option<&'a str>,
    pub output_material: Option<&'a str>,
    pub hold: bool,
    pub priority: Option<i64>,
    pub files: &'a [TicketFile],
    pub created_by: &'a str,
}

/// A work order to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NewOrder {
    pub name: String,
    /// The process, or the processes of a combined one.
    pub process: String,
    pub job_part: Option<String>,
    pub device: Option<String>,
    pub amount: Option<Decimal>,
    /// Places of others, from 1.
    pub waits_for: Vec<i32>,
}

/// A step that is reported.
pub(super) struct Step<'a> {
    pub kind: JobStep,
    pub progress: &'a JobProgress,
    pub event_id: EventId,
    pub actor: &'a str,
    /// People said so in the office.
    pub by_people: bool,
    /// When it happened.
    pub at: Timestamp,
    /// When the hub stores it.
    pub now: Timestamp,
}

/// A job as it is stored.
#[derive(Debug, Clone)]
pub(super) struct JobRow {
    pub key: i64,
    pub job_id: JobId,
    pub number: String,
    pub plant_id: PlantId,
    pub device: Option<String>,
    pub order: Option<String>,
    pub customer: Option<String>,
    pub output_number: Option<String>,
    pub output_material: Option<String>,
    pub hold: bool,
    pub priority: Option<i32>,
    /// The office gave it out, and its plant knows it by the id.
    pub is_ours: bool,
    pub status: String,
    pub status_at: Timestamp,
    pub good: Decimal,
    pub waste: Decimal,
    pub error: Option<JobError>,
    pub differences: serde_json::Value,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub created_by: String,
}

impl JobRow {
    /// Nothing more happens to it, unless it is run again.
    pub(super) fn has_ended(&self) -> bool {
        JobStatus::of_text(&self.status).is_some_and(JobStatus::is_end)
    }
}

/// A work order as it is stored.
#[derive(Debug, Clone)]
pub(super) struct OrderRow {
    pub id: WorkOrderId,
    pub job_key: i64,
    pub place: i32,
    pub name: String,
    pub process: String,
    pub job_part: Option<String>,
    pub planned_device: Option<String>,
    pub planned_amount: Option<Decimal>,
    pub waits_for: Vec<i32>,
    pub status: String,
    pub device: Option<String>,
    pub operators: Vec<String>,
    pub good: Decimal,
    pub waste: Decimal,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// A device has run it and reports it; its plant books the lots.
    pub is_followed: bool,
}

/// One step in the life of a job.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct TimelineEntry {
    pub event_id: Uuid,
    #[schema(example = "job.started")]
    pub kind: String,
    pub actor: String,
    /// What was known at that step: status, amounts, the device's own words.
    #[schema(value_type = Object)]
    pub detail: serde_json::Value,
    #[schema(value_type = String)]
    pub occurred_at: Timestamp,
}

/// A phase of a job that is over.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct PhaseEntry {
    pub device: String,
    pub job_part: Option<String>,
    /// The part that was worked on, by its partition keys.
    #[schema(value_type = Object)]
    pub part: serde_json::Value,
    /// As JDF names it: `Setup`, `InProgress`, `Stopped` …
    pub status: String,
    /// The device's own words, often the reason of a stop.
    pub status_details: Option<String>,
    #[schema(value_type = Option<String>)]
    pub started_at: Option<Timestamp>,
    #[schema(value_type = String)]
    pub ended_at: Timestamp,
    /// Good amount of this phase alone.
    #[schema(value_type = Option<String>)]
    pub good: Option<Decimal>,
    #[schema(value_type = Option<String>)]
    pub waste: Option<Decimal>,
}

/// A file of a job as it is stored.
pub(super) struct FileEntry {
    pub file: TicketFile,
    /// When its bytes were removed.
    pub removed_at: Option<Timestamp>,
}

/// A command to a job and what became of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct CommandEntry {
    #[schema(value_type = Uuid)]
    pub id: RequestId,
    /// hold, resume, suspend, abort, remove, priority or position.
    pub action: String,
    /// The priority or position that is wanted.
    pub value: Option<i64>,
    /// `sent`, `done`, `refused`, or `overtaken` when the job ended before.
    pub state: String,
    /// Why it was refused.
    pub detail: Option<String>,
    #[schema(value_type = String)]
    pub created_at: Timestamp,
    pub created_by: String,
    #[schema(value_type = Option<String>)]
    pub ended_at: Option<Timestamp>,
}

/// An action as it is stored: its name and its value.
pub(super) fn action_text(action: JobAction) -> (&'static str, Option<i64>) {
    match action {
        JobAction::Hold => ("hold", None),
        JobAction::Resume => ("resume", None),
        JobAction::Suspend => ("suspend", None),
        JobAction::Abort => ("abort", None),
        JobAction::Remove => ("remove", None),
        JobAction::Priority(priority) => ("priority", Some(priority)),
        JobAction::Position(position) => ("position", Some(position.into())),
    }
}

/// A run of a work order, as production shows it.
#[derive(Debug, Clone)]
pub(super) struct RunRow {
    pub key: i64,
    pub plant_id: PlantId,
    pub job_id: JobId,
    pub job: String,
    pub work_order_id: WorkOrderId,
    pub run: i32,
    pub device: String,
    pub job_part: Option<String>,
    pub operators: Vec<String>,
    pub status: String,
    pub good: Decimal,
    pub waste: Decimal,
    pub differences: serde_json::Value,
    pub error: Option<JobError>,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    /// No run of the job on the device was before it.
    pub is_first: bool,
    /// When the next run of the job on the device began.
    pub next_at: Option<Timestamp>,
}
