//! What becomes of commands: the news of the task that sends them, and the job events that follow.
//!
//! News of a command that has ended changes nothing: whichever of an answer, a later Acknowledge and
//! an operator is first decides. Where the job stands so already, because the device's own signals
//! were faster than its answer, the event says no more than that the command is done.

use agog_jdf::jmf::ReturnCode;
use agog_sync::event::{Actor, Event, JobEvent, JobProgress, JobStep, NewEvent};
use agog_sync::frame::{JobAction, JobCommand};
use agog_sync::ids::{EventId, RequestId};
use agog_sync::lots::JobRef;
use rusqlite::Connection;
use tracing::warn;

use super::{Acknowledge, CommandState, Content, DeviceCommand, names, store};
use crate::ledger::append::{seal, store_head};
use crate::ledger::error::LedgerError;
use crate::ledger::job;
use crate::ledger::rows::JobRow;
use crate::ledger::writer::Books;
use crate::words;

/// What is known of a job that its device does not know any more.
const LOST: &str = "its device does not have it any more";

/// What people can do about one that had begun there.
const LOST_BEGUN: &str = "if its ticket does not come back, `agog-edge job give-up` ends the job";

/// What the task that sends a command has to tell.
#[derive(Debug, Clone)]
pub enum News {
    /// It is about to be sent: from now on the device may have it.
    Trying,
    /// The ticket is about to get its name in this folder: from now on the device may have it.
    Placing(String),
    /// The device surely has not processed it; it is tried again.
    NotProcessed(String),
    /// Nobody knows whether the device has processed it; it is tried again.
    Unanswered(String),
    /// The device answers such commands later only; the next try says where.
    AnswersLater(String),
    /// The device has it, and will answer later.
    Promised,
    Ended(CommandEnd),
}

/// How a command ended.
#[derive(Debug, Clone)]
pub struct CommandEnd {
    pub fate: Fate,
    /// The return code of the device.
    pub return_code: Option<i64>,
    /// Why it was refused or given up, or what is worth knowing.
    pub reason: Option<String>,
    /// The entry in the device's queue that a ticket became.
    pub queue_entry_id: Option<String>,
    /// That entry is held.
    pub is_held: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Answered,
    Refused,
    GivenUp,
}

impl CommandEnd {
    /// An end of which the device said nothing.
    pub fn new(fate: Fate, reason: impl Into<String>) -> Self {
        Self {
            fate,
            return_code: None,
            reason: Some(reason.into()),
            queue_entry_id: None,
            is_held: false,
        }
    }
}

/// Notes news. False when the command has ended before, or is not there.
pub(in crate::ledger) fn note(
    connection: &Connection,
    books: &mut Books,
    command_id: RequestId,
    news: News,
    by: Option<String>,
) -> Result<bool, LedgerError> {
    let end = match news {
        News::Ended(end) => return self::end(connection, books, command_id, &end, by),
        other => other,
    };
    let Some(mut command) = open(connection, command_id)? else {
        return Ok(false);
    };
    command.staged = match &end {
        News::Placing(folder) => Some(folder.clone()),
        News::Trying | News::NotProcessed(_) => None,
        _ => command.staged,
    };
    match end {
        News::Trying | News::Placing(_) => {
            command.state = CommandState::Sent;
            command.attempts += 1;
            command.last_try_at = Some(books.clock.now());
            if command.acknowledge == Acknowledge::Promised {
                command.acknowledge = Acknowledge::Asked;
            }
        }
        News::NotProcessed(error) => {
            command.state = CommandState::Waiting;
            command.last_error = Some(words::words(&error));
            if command.acknowledge == Acknowledge::Promised {
                // Said by the Acknowledge itself: whoever waits for it tries again.
                command.acknowledge = Acknowledge::Asked;
                books.commands += 1;
            }
        }
        News::Unanswered(error) => command.last_error = Some(words::words(&error)),
        News::AnswersLater(error) => {
            // Of the tries before nobody knows whether they were processed.
            if command.attempts <= 1 {
                command.state = CommandState::Waiting;
            }
            command.acknowledge = Acknowledge::Asked;
            command.last_error = Some(words::words(&error));
        }
        News::Promised => {
            command.acknowledge = Acknowledge::Promised;
            command.last_error = None;
        }
        News::Ended(_) => {}
    }
    store::update(connection, &command)?;
    Ok(true)
}

/// Ends a command, with what that means for its job. `by` gave it up.
pub(super) fn end(
    connection: &Connection,
    books: &mut Books,
    command_id: RequestId,
    end: &CommandEnd,
    by: Option<String>,
) -> Result<bool, LedgerError> {
    let Some(command) = open(connection, command_id)? else {
        return Ok(false);
    };
    let row = match &command.job_key {
        Some(key) => job::by_key(connection, key)?,
        None => None,
    };
    let end = &match &row {
        Some(row) if is_lost(&command, row, end) && has_begun(row) => CommandEnd {
            reason: Some(match &end.reason {
                Some(reason) => format!("{reason}; {LOST_BEGUN}"),
                None => LOST_BEGUN.to_owned(),
            }),
            ..end.clone()
        },
        Some(row) if is_lost(&command, row, end) => CommandEnd {
            fate: Fate::Answered,
            ..end.clone()
        },
        _ => end.clone(),
    };
    close(connection, books, command_id, end)?;
    let Some(row) = row else {
        return Ok(true);
    };
    let name = by.unwrap_or_else(|| command.by.clone());
    let actor = match command.content {
        Content::Submit if end.fate != Fate::GivenUp => Actor::System {
            component: "jobs".to_owned(),
        },
        _ => Actor::Operator { name },
    };
    for event in events(&command, &row, end) {
        record(connection, books, actor.clone(), event)?;
    }
    Ok(true)
}

/// Whether a device does not have the job any more that is to be taken from it. Where it had not begun it, that is done; a
/// job that it had begun may have ended there, and its ticket be on its way: people judge that.
fn is_lost(command: &DeviceCommand, row: &JobRow, end: &CommandEnd) -> bool {
    let is_to_end = matches!(
        command.content,
        Content::Job(JobAction::Abort | JobAction::Remove)
    );
    is_to_end
        && end.fate == Fate::Refused
        && end.return_code == Some(ReturnCode::QUEUE_ENTRY_UNKNOWN.number())
        && !row.step.is_end()
}

/// A job that its device has not begun has neither.
pub(super) fn has_begun(row: &JobRow) -> bool {
    row.progress.started_at.is_some() || row.progress.status.is_some()
}

/// Tells the office that its command is to a job that is not known here: the machine may have taken the place of another
/// one. There is no row to keep it with.
pub(super) fn unknown_job(
    connection: &Connection,
    books: &mut Books,
    command: &JobCommand,
) -> Result<(), LedgerError> {
    let job = JobRef {
        number: command.job_id.to_string(),
        job_id: Some(command.job_id),
        order: None,
        customer: None,
    };
    let event = JobEvent {
        step: JobStep::CommandRefused,
        progress: JobProgress {
            detail: Some("unknown at the plant".to_owned()),
            command_id: Some(command.command_id),
            ..JobProgress::of(job, "")
        },
    };
    let actor = Actor::System {
        component: "jobs".to_owned(),
    };
    warn!(job.id = %command.job_id, "a command to job {}, which is not known here, was refused", command.job_id);
    sealed(connection, books, actor, event)
}

/// Ends a command and nothing else.
pub(super) fn close(
    connection: &Connection,
    books: &mut Books,
    command_id: RequestId,
    end: &CommandEnd,
) -> Result<(), LedgerError> {
    let Some(mut command) = open(connection, command_id)? else {
        return Ok(());
    };
    command.state = match end.fate {
        Fate::Answered => CommandState::Answered,
        Fate::Refused => CommandState::Refused,
        Fate::GivenUp => CommandState::GivenUp,
    };
    command.return_code = end.return_code;
    command.reason = end.reason.as_deref().map(words::words);
    command.ended_at = Some(books.clock.now());
    // Whoever waits behind it, or for it, looks again.
    books.commands += 1;
    store::update(connection, &command)
}

/// Seals a step of a job.
pub(super) fn record(
    connection: &Connection,
    books: &mut Books,
    actor: Actor,
    event: JobEvent,
) -> Result<(), LedgerError> {
    job::store(connection, &event, books.clock.now())?;
    sealed(connection, books, actor, event)
}

/// Seals a step of a job that has no row here, or has it up to date.
fn sealed(
    connection: &Connection,
    books: &mut Books,
    actor: Actor,
    event: JobEvent,
) -> Result<(), LedgerError> {
    let now = books.clock.now();
    let new = NewEvent {
        event_id: EventId::generate(now, &mut books.rng),
        occurred_at: now,
        recorded_at: now,
        actor,
        event: Event::Job(Box::new(event)),
    };
    seal(connection, books, &new)?;
    store_head(connection, books)
}

fn open(
    connection: &Connection,
    command_id: RequestId,
) -> Result<Option<DeviceCommand>, LedgerError> {
    Ok(store::by_id(connection, command_id)?.filter(|command| command.ended_at.is_none()))
}

/// The steps that the end of a command is for its job. A command to a job always has one, which names it: the office
/// waits for its fate.
fn events(command: &DeviceCommand, row: &JobRow, end: &CommandEnd) -> Vec<JobEvent> {
    let progress = JobProgress {
        queue_entry_id: words::name_of(end.queue_entry_id.as_ref()),
        return_code: end.return_code.and_then(|code| u32::try_from(code).ok()),
        detail: end.reason.as_deref().map(words::words),
        ..JobProgress::of(row.progress.job.clone(), &row.progress.device)
    };
    match &command.content {
        Content::Submit if row.step.is_end() => Vec::new(),
        Content::Submit => submitted(row, end, progress),
        Content::Job(action) => {
            let command_id = Some(command.command_id);
            let progress = JobProgress {
                command_id,
                ..progress
            };
            vec![done(*action, row, end, progress)]
        }
        Content::Message { .. } | Content::Unknown => Vec::new(),
    }
}

fn submitted(row: &JobRow, end: &CommandEnd, progress: JobProgress) -> Vec<JobEvent> {
    // The device may have begun the job before its answer was read.
    if row.step != JobStep::Received {
        return Vec::new();
    }
    if end.fate != Fate::Answered {
        let step = JobStep::Refused;
        return vec![JobEvent { step, progress }];
    }
    let held = end.is_held.then(|| JobEvent {
        step: JobStep::Held,
        progress: JobProgress {
            detail: None,
            ..progress.clone()
        },
    });
    let submitted = JobEvent {
        step: JobStep::Submitted,
        progress,
    };
    std::iter::once(submitted).chain(held).collect()
}

/// Where the entry of a job stands in the queue, as far as its steps tell.
fn standing(row: &JobRow) -> String {
    let held = row.ticket.as_ref().is_some_and(|ticket| ticket.hold);
    let status = match row.step {
        JobStep::Held => "Held",
        JobStep::Received | JobStep::Submitted if held => "Held",
        JobStep::Suspended => "Suspended",
        JobStep::Started | JobStep::Phase => "Running",
        JobStep::Resumed if has_begun(row) => "Running",
        _ => "Waiting",
    };
    status.to_owned()
}

fn done(action: JobAction, row: &JobRow, end: &CommandEnd, progress: JobProgress) -> JobEvent {
    // Whoever wanted something of a job that has ended is told that it came too late.
    if end.fate != Fate::Answered {
        let word = names(action).1;
        let detail = match &progress.detail {
            Some(detail) => format!("{word}: {detail}"),
            None => word.to_owned(),
        };
        return JobEvent {
            step: JobStep::CommandRefused,
            progress: JobProgress {
                detail: Some(detail),
                ..progress
            },
        };
    }
    let goes_on = matches!(
        row.step,
        JobStep::Resumed | JobStep::Started | JobStep::Phase
    );
    let is_lost =
        end.return_code == Some(ReturnCode::QUEUE_ENTRY_UNKNOWN.number()) && !has_begun(row);
    let progress = JobProgress {
        return_code: None,
        detail: is_lost.then(|| LOST.to_owned()),
        ..progress
    };
    let step = match action {
        _ if row.step.is_end() => JobStep::CommandDone,
        JobAction::Abort | JobAction::Remove if is_lost => JobStep::Removed,
        JobAction::Hold if row.step != JobStep::Held => JobStep::Held,
        JobAction::Suspend if row.step != JobStep::Suspended => JobStep::Suspended,
        JobAction::Resume if !goes_on => {
            let entry_status = if has_begun(row) { "Running" } else { "Waiting" };
            return JobEvent {
                step: JobStep::Resumed,
                progress: JobProgress {
                    entry_status: Some(entry_status.to_owned()),
                    ..progress
                },
            };
        }
        JobAction::Remove => JobStep::Removed,
        JobAction::Priority(priority) => {
            let progress = JobProgress {
                priority: Some(priority),
                entry_status: Some(standing(row)),
                ..progress
            };
            let step = JobStep::Requeued;
            return JobEvent { step, progress };
        }
        JobAction::Position(position) => {
            let progress = JobProgress {
                entry_status: Some(standing(row)),
                detail: Some(format!("place {position} of the queue")),
                ..progress
            };
            let step = JobStep::Requeued;
            return JobEvent { step, progress };
        }
        // An aborted job ends with the ticket that the device returns.
        JobAction::Abort => JobStep::AbortRequested,
        // The device has told of it already.
        JobAction::Hold | JobAction::Suspend | JobAction::Resume => JobStep::CommandDone,
    };
    JobEvent { step, progress }
}
