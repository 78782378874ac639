//! What is to be sent to devices: commands that last until their fate is known.
//!
//! A command is a row that the writer makes in the same commit as whatever caused it (a ticket, a
//! request of the office, of an operator or of an MIS), and that only the writer changes. The task
//! that sends it (`crate::outbox`) tells the ledger before each try and after each answer, so that
//! a program that is killed at any moment knows what may have reached the device.
//!
//! - [`admit`]: orders → rows, or why not; [`fate`]: answers → fates and ledger events of jobs
//! - [`store`]: the rows
//!
//! Limits: rows are removed 30 days after their end (`upkeep`). A repeat of a command's id within
//! that time has no second effect.

pub(super) mod admit;
pub(super) mod fate;
pub(super) mod store;

use agog_sync::frame::JobAction;
use agog_sync::ids::RequestId;
use agog_sync::lots::JobRef;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use fate::{CommandEnd, Fate, News};
pub use store::{COMMANDS_MAX, CommandFilter};

/// Priorities of JMF queues.
const PRIORITY_MAX: i64 = 100;

/// What somebody wants a device to be told.
#[derive(Debug, Clone)]
pub enum Order {
    /// Something about a job that the device has, or is going to have.
    Job(JobOrder),
    /// A job is not waited for any longer; its device is told nothing.
    GiveUp(JobGivenUp),
    /// A JMF command as it is.
    Message(MessageOrder),
}

/// The end of a job that its device has lost or will not return.
#[derive(Debug, Clone)]
pub struct JobGivenUp {
    pub job: JobRef,
    /// Who says so.
    pub by: String,
    pub reason: String,
}

/// A command to the queue entry of a job.
#[derive(Debug, Clone)]
pub struct JobOrder {
    pub job: JobRef,
    pub action: JobAction,
    /// Who wants it.
    pub by: String,
    /// The same id again is the same command.
    pub command_id: Option<RequestId>,
}

/// A JMF command that a person or program wrote.
#[derive(Debug, Clone)]
pub struct MessageOrder {
    pub device: String,
    /// The JMF type.
    pub kind: String,
    /// A JMF document with the one command.
    pub xml: String,
    pub by: String,
}

/// What a command says. Stored as JSON; an older program refuses a form that it does not know, and
/// says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// The ticket of the job, with its files.
    Submit,
    /// Something about the job's queue entry.
    Job(JobAction),
    /// A JMF document with one command, as it was handed in.
    Message { xml: String },
    /// Written by a newer program.
    #[serde(skip)]
    Unknown,
}

/// Where a command stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CommandState {
    /// The device surely has not processed it.
    Waiting,
    /// It was sent; the device may have processed it.
    Sent,
    /// The device did it.
    Answered,
    /// It cannot be done, as the device or the agent says.
    Refused,
    /// A person wants it no longer.
    GivenUp,
}

/// Whether the device answers a command later, with an Acknowledge message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Acknowledge {
    NotAsked,
    /// The device does not answer at once (return code 11): the next try says where to answer.
    Asked,
    /// The device said that it will.
    Promised,
}

/// A command and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceCommand {
    pub command_id: RequestId,
    pub device: String,
    /// Commands of one device are sent in this order.
    pub place: u64,
    /// The JMF type.
    pub kind: String,
    /// The number of the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// The job's row; not shown.
    #[serde(skip)]
    pub job_key: Option<String>,
    pub content: Content,
    /// The `ID` of the message on the wire.
    pub message_id: String,
    pub by: String,
    pub created_at: Timestamp,
    pub state: CommandState,
    pub acknowledge: Acknowledge,
    pub attempts: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_try_at: Option<Timestamp>,
    /// Why the last try did not end it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// The folder in which the ticket waits for the device, or waited; only while nobody knows whether
    /// the device has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staged: Option<String>,
    /// The JMF return code that ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_code: Option<i64>,
    /// Why it was refused or given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

/// Why a command is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderRefused {
    #[error("job {0} is not known here")]
    UnknownJob(String),
    #[error("job {number} has ended ({step})")]
    Ended { number: String, step: &'static str },
    #[error("job {0} was never submitted to its device")]
    NotSubmitted(String),
    #[error("a priority is 0 to {PRIORITY_MAX}, not {0}")]
    Priority(i64),
}

impl OrderRefused {
    /// For programs; never changes its meaning.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownJob(_) => "unknown-job",
            Self::Ended { .. } => "job-ended",
            Self::NotSubmitted(_) => "job-not-submitted",
            Self::Priority(_) => "bad-priority",
        }
    }
}

impl CommandState {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::GivenUp => "given-up",
        }
    }

    fn of(text: &str) -> Option<Self> {
        [
            Self::Waiting,
            Self::Sent,
            Self::Answered,
            Self::Refused,
            Self::GivenUp,
        ]
        .into_iter()
        .find(|state| state.as_str() == text)
    }
}

impl Acknowledge {
    const fn as_str(self) -> &'static str {
        match self {
            Self::NotAsked => "not-asked",
            Self::Asked => "asked",
            Self::Promised => "promised",
        }
    }

    fn of(text: &str) -> Option<Self> {
        [Self::NotAsked, Self::Asked, Self::Promised]
            .into_iter()
            .find(|acknowledge| acknowledge.as_str() == text)
    }
}

/// The JMF type of an action, and the word that people use.
pub const fn names(action: JobAction) -> (&'static str, &'static str) {
    match action {
        JobAction::Hold => ("HoldQueueEntry", "hold"),
        JobAction::Resume => ("ResumeQueueEntry", "resume"),
        JobAction::Suspend => ("SuspendQueueEntry", "suspend"),
        JobAction::Abort => ("AbortQueueEntry", "abort"),
        JobAction::Remove => ("RemoveQueueEntry", "remove"),
        JobAction::Priority(_) => ("SetQueueEntryPriority", "priority"),
        JobAction::Position(_) => ("SetQueueEntryPosition", "position"),
    }
}
