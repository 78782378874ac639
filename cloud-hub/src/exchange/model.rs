//! The types of the exchange module: jobs as the office gave them out and as the plants report them.

use agog_sync::event::{JobProgress, JobStep};
use agog_sync::ids::{EventId, JobId, PlantId};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// How far a job has come, as far as the hub knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JobStatus {
    /// The ticket waits for the plant.
    Sent,
    /// The plant has the ticket.
    Received,
    /// The device has it in its queue.
    Submitted,
    /// The device did not take it.
    Refused,
    /// The device works on it.
    Running,
    Completed,
    Aborted,
}

impl JobStatus {
    /// The text form, for storage and the API.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Received => "received",
            Self::Submitted => "submitted",
            Self::Refused => "refused",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Aborted => "aborted",
        }
    }

    /// What a step makes of the status; a change of phase leaves it.
    pub(super) const fn after(step: JobStep) -> Option<Self> {
        match step {
            JobStep::Received => Some(Self::Received),
            JobStep::Submitted => Some(Self::Submitted),
            JobStep::Refused => Some(Self::Refused),
            JobStep::Started => Some(Self::Running),
            JobStep::Phase
            | JobStep::Held
            | JobStep::Suspended
            | JobStep::Resumed
            | JobStep::Requeued
            | JobStep::Removed
            | JobStep::CommandRefused => None,
            JobStep::Completed => Some(Self::Completed),
            JobStep::Aborted => Some(Self::Aborted),
        }
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
    pub created_by: &'a str,
}

/// A step that a plant reports.
pub(super) struct Step<'a> {
    pub kind: JobStep,
    pub progress: &'a JobProgress,
    pub event_id: EventId,
    pub actor: &'a str,
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
    pub status: String,
    pub status_at: Timestamp,
    pub good: Decimal,
    pub waste: Decimal,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub created_by: String,
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
