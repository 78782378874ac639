//! Commands to a job at its device: hold, resume, suspend, abort, remove, priority, position; and the end of a job
//! that its device has lost. What
//! cannot be done any more is refused at once; the rest goes through the outbox, behind the job's
//! submission.

use agog_sync::frame::JobAction;
use agog_sync::ids::RequestId;

use crate::ledger::sending::{JobGivenUp, JobOrder, Order, OrderRefused};
use crate::ledger::{Append, AppendError, IdempotencyKey, JobRow, LedgerError, Refused};
use crate::run::Agent;

/// Why a command to a job is not taken.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// It cannot be carried out.
    #[error(transparent)]
    Refused(#[from] OrderRefused),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Wants something done with a job, in the name of `by`. Answers after the commit, with the id under
/// which the outbox shows the command; the device has not been told then. The same `command_id` again
/// is the same command.
pub async fn command(
    agent: &Agent,
    job: &JobRow,
    action: JobAction,
    by: &str,
    command_id: Option<RequestId>,
) -> Result<RequestId, ControlError> {
    let order = JobOrder {
        job: job.progress.job.clone(),
        action,
        by: by.to_owned(),
        command_id,
    };
    let taken = under_key(agent, Order::Job(order), None).await;
    taken.map_err(control_error)
}

/// Ends a job that its device has lost, or will not return, in the name of `by`. The device is told nothing.
pub async fn give_up(
    agent: &Agent,
    job: &JobRow,
    by: &str,
    reason: &str,
) -> Result<(), ControlError> {
    let order = Order::GiveUp(JobGivenUp {
        job: job.progress.job.clone(),
        by: by.to_owned(),
        reason: reason.to_owned(),
    });
    let taken = under_key(agent, order, None).await;
    taken.map(drop).map_err(control_error)
}

fn control_error(error: AppendError) -> ControlError {
    match error {
        AppendError::Refused(Refused::Order(refused)) => refused.into(),
        AppendError::Ledger(error) => error.into(),
        // Other refusals are of facts and keys, and there are none here.
        AppendError::Refused(_) => LedgerError::Stopped.into(),
    }
}

/// The same for a client that may repeat its request.
pub(super) async fn under_key(
    agent: &Agent,
    order: Order,
    idempotency: Option<IdempotencyKey>,
) -> Result<RequestId, AppendError> {
    let append = Append {
        orders: vec![order],
        idempotency,
        ..Append::default()
    };
    let appended = agent.ledger.append(append).await?;
    let command_id = appended.commands.first().copied();
    Ok(command_id.ok_or(LedgerError::Stopped)?)
}
