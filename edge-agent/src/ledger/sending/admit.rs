//! Orders become commands, or are refused at once when they cannot be carried out any more. All of it
//! inside the transaction of whatever caused the order.

use agog_jdf::QueueEntryStatus;
use agog_sync::event::{Actor, JobEvent, JobProgress, JobStep};
use agog_sync::frame::{JobAction, JobCommand, JobTicket};
use agog_sync::ids::RequestId;
use rusqlite::Connection;

use super::fate::{self, CommandEnd, Fate};
use super::store::{self, New};
use super::{
    CommandState, Content, JobGivenUp, JobOrder, MessageOrder, Order, OrderRefused, PRIORITY_MAX,
    names,
};
use crate::ledger::error::{AppendError, LedgerError, Refused};
use crate::ledger::rows::JobRow;
use crate::ledger::writer::Books;
use crate::ledger::{job, left};

/// Takes an order. The answer is the id of its command, also when it was there before.
pub(in crate::ledger) fn order(
    connection: &Connection,
    books: &mut Books,
    order: Order,
) -> Result<RequestId, AppendError> {
    match order {
        Order::Job(order) => {
            let key = job::job_key(&order.job);
            let Some(row) = job::by_key(connection, &key)? else {
                return Err(Refused::Order(OrderRefused::UnknownJob(order.job.number)).into());
            };
            job_order(connection, books, &row, &order)?
                .map_err(|refused| Refused::Order(refused).into())
        }
        Order::GiveUp(given_up) => give_up(connection, books, &given_up),
        Order::Message(order) => Ok(message(connection, books, &order)?),
    }
}

/// Ends a job in the name of a person, with all that is to be sent for it. What its device had signalled of it is what
/// it came to.
fn give_up(
    connection: &Connection,
    books: &mut Books,
    given_up: &JobGivenUp,
) -> Result<RequestId, AppendError> {
    let key = job::job_key(&given_up.job);
    let Some(row) = job::by_key(connection, &key)? else {
        let number = given_up.job.number.clone();
        return Err(Refused::Order(OrderRefused::UnknownJob(number)).into());
    };
    if row.step.is_end() {
        let (number, step) = (row.number, row.step.kind());
        return Err(Refused::Order(OrderRefused::Ended { number, step }).into());
    }
    let reason = format!("given up by {}: {}", given_up.by, given_up.reason);
    let end = CommandEnd::new(Fate::GivenUp, reason.clone());
    for command in store::open_of_job(connection, &key)? {
        fate::close(connection, books, command.command_id, &end)?;
    }
    let now = books.clock.now();
    let has_begun = fate::has_begun(&row);
    let progress = JobProgress {
        detail: Some(reason),
        ..JobProgress::of(row.progress.job.clone(), &row.progress.device)
    };
    let event = JobEvent {
        step: if has_begun {
            JobStep::Aborted
        } else {
            JobStep::Removed
        },
        progress: if has_begun {
            JobProgress {
                queue_entry_id: row.progress.queue_entry_id,
                job_part_id: row.progress.job_part_id,
                status: Some(QueueEntryStatus::Aborted.to_string()),
                good: row.progress.good,
                waste: row.progress.waste,
                started_at: row.progress.started_at,
                ended_at: Some(now),
                ..progress
            }
        } else {
            progress
        },
    };
    let actor = Actor::Operator {
        name: given_up.by.clone(),
    };
    fate::record(connection, books, actor, event)?;
    Ok(RequestId::generate(now, &mut books.rng))
}

/// The ticket of a new job is submitted; the command has the id of the job.
pub(in crate::ledger) fn submission(
    connection: &Connection,
    books: &mut Books,
    ticket: &JobTicket,
) -> Result<(), LedgerError> {
    let key = job::job_key(&job::progress(ticket).job);
    let command_id = RequestId::from_uuid(ticket.job_id.uuid());
    if store::by_id(connection, command_id)?.is_some() {
        return Ok(());
    }
    let new = New {
        command_id,
        device: &ticket.device,
        kind: "SubmitQueueEntry",
        job: Some((&key, &ticket.number)),
        content: Content::Submit,
        message_id: books.message_id(),
        by: "jobs",
        at: books.clock.now(),
    };
    books.commands += 1;
    store::insert(connection, &new)
}

/// As [`submission`], for a job that came back from the hub: its device may have been sent the ticket before the disk
/// was set back, so its queue is looked at first.
pub(in crate::ledger) fn submission_that_may_be_done(
    connection: &Connection,
    books: &mut Books,
    ticket: &JobTicket,
) -> Result<(), LedgerError> {
    submission(connection, books, ticket)?;
    store::may_be_sent(connection, RequestId::from_uuid(ticket.job_id.uuid()))
}

/// A command of the office. One that cannot be carried out is kept as refused, and told to the office.
pub(in crate::ledger) fn of_the_hub(
    connection: &Connection,
    books: &mut Books,
    command: &JobCommand,
) -> Result<(), LedgerError> {
    if store::came_back(connection, command.command_id)? {
        return Ok(());
    }
    let Some(row) = job::by_key(connection, &command.job_id.to_string())? else {
        return fate::unknown_job(connection, books, command);
    };
    let order = JobOrder {
        job: row.progress.job.clone(),
        action: command.action,
        by: command.by.clone(),
        command_id: Some(command.command_id),
    };
    let Err(refused) = job_order(connection, books, &row, &order)? else {
        return Ok(());
    };
    insert(connection, books, &row, &order, command.command_id)?;
    let end = CommandEnd::new(Fate::Refused, refused.to_string());
    fate::end(connection, books, command.command_id, &end, None)?;
    Ok(())
}

fn job_order(
    connection: &Connection,
    books: &mut Books,
    row: &JobRow,
    order: &JobOrder,
) -> Result<Result<RequestId, OrderRefused>, LedgerError> {
    if let Some(known) = order.command_id
        && store::by_id(connection, known)?.is_some()
    {
        return Ok(Ok(known));
    }
    let submission = store::open_submission(connection, &job::job_key(&row.progress.job))?;
    let has_left = !left::entries(connection, row)?.is_empty();
    if let Err(refused) = possible(row, order.action, submission.is_some(), has_left) {
        return Ok(Err(refused));
    }
    let now = books.clock.now();
    let command_id = order
        .command_id
        .unwrap_or_else(|| RequestId::generate(now, &mut books.rng));
    insert(connection, books, row, order, command_id)?;
    // A ticket that surely has not reached its device is not sent at all.
    let withdrawn = submission.filter(|submission| {
        matches!(order.action, JobAction::Abort | JobAction::Remove)
            && submission.state == CommandState::Waiting
            && !row.step.is_end()
    });
    if let Some(submission) = withdrawn {
        let reason = format!("withdrawn by {} before it was sent", order.by);
        let end = CommandEnd::new(Fate::GivenUp, reason.clone());
        fate::close(connection, books, submission.command_id, &end)?;
        let event = JobEvent {
            step: JobStep::Removed,
            progress: JobProgress {
                detail: Some(reason),
                command_id: Some(command_id),
                ..JobProgress::of(row.progress.job.clone(), &row.progress.device)
            },
        };
        let actor = Actor::Operator {
            name: order.by.clone(),
        };
        fate::record(connection, books, actor, event)?;
        let end = CommandEnd::new(Fate::Answered, "the ticket was not sent yet");
        fate::close(connection, books, command_id, &end)?;
    }
    Ok(Ok(command_id))
}

/// What can be said without asking the device. `has_left`: the device has more of a job that came back.
fn possible(
    row: &JobRow,
    action: JobAction,
    is_to_be_submitted: bool,
    has_left: bool,
) -> Result<(), OrderRefused> {
    if row.step.is_end() && !has_left {
        return Err(OrderRefused::Ended {
            number: row.number.clone(),
            step: row.step.kind(),
        });
    }
    if row.step == JobStep::Received && !is_to_be_submitted {
        return Err(OrderRefused::NotSubmitted(row.number.clone()));
    }
    match action {
        JobAction::Priority(priority) if !(0..=PRIORITY_MAX).contains(&priority) => {
            Err(OrderRefused::Priority(priority))
        }
        _ => Ok(()),
    }
}

fn insert(
    connection: &Connection,
    books: &mut Books,
    row: &JobRow,
    order: &JobOrder,
    command_id: RequestId,
) -> Result<(), LedgerError> {
    let key = job::job_key(&row.progress.job);
    let new = New {
        command_id,
        device: &row.progress.device,
        kind: names(order.action).0,
        job: Some((&key, &row.number)),
        content: Content::Job(order.action),
        message_id: books.message_id(),
        by: &order.by,
        at: books.clock.now(),
    };
    books.commands += 1;
    store::insert(connection, &new)
}

fn message(
    connection: &Connection,
    books: &mut Books,
    order: &MessageOrder,
) -> Result<RequestId, LedgerError> {
    let now = books.clock.now();
    let command_id = RequestId::generate(now, &mut books.rng);
    let new = New {
        command_id,
        device: &order.device,
        kind: &order.kind,
        job: None,
        content: Content::Message {
            xml: order.xml.clone(),
        },
        message_id: books.message_id(),
        by: &order.by,
        at: now,
    };
    books.commands += 1;
    store::insert(connection, &new)?;
    Ok(command_id)
}
