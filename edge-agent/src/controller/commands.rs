//! Orders of others: what is not about a ticket, an entry or a channel is not taken.

use agog_jdf::jmf::{Command, Message, Response as Answer, ReturnCode};

use super::entries::{self, Wish};
use super::{Call, passing, submit, subscribe};
use crate::ledger::AppendError;
use crate::run::Agent;

/// Carries out an order, or says why not.
pub(crate) async fn command(
    agent: &Agent,
    call: &Call<'_>,
    message: &Message,
    command: &Command,
) -> Result<Answer, AppendError> {
    let entries = |filter, wish| entries::control(agent, call, message, filter, wish);
    match command {
        Command::SubmitQueueEntry(params) => submit::submit(agent, call, message, params).await,
        Command::ResubmitQueueEntry(params) => submit::resubmit(agent, params).await,
        Command::HoldQueueEntry(filter) => entries(filter.clone(), Wish::Hold).await,
        Command::ResumeQueueEntry(filter) => entries(filter.clone(), Wish::Resume).await,
        Command::SuspendQueueEntry(filter) => entries(filter.clone(), Wish::Suspend).await,
        Command::RemoveQueueEntry(filter) => entries(filter.clone(), Wish::Remove).await,
        Command::AbortQueueEntry(abort) => entries(abort.filter.clone(), Wish::Abort).await,
        Command::SetQueueEntryPriority(params) => match entries::priority(params) {
            Ok((filter, wish)) => entries(filter, wish).await,
            Err(refusal) => Ok(*refusal),
        },
        Command::SetQueueEntryPosition(params) => match entries::position(params) {
            Ok((filter, wish)) => entries(filter, wish).await,
            Err(refusal) => Ok(*refusal),
        },
        Command::StopPersistentChannel(stop) => subscribe::stop(agent, stop).await,
        Command::HoldQueue
        | Command::ResumeQueue
        | Command::OpenQueue
        | Command::CloseQueue
        | Command::FlushQueue(_) => passing::pass_on(agent, call, message, command).await,
        other => {
            let reason = format!("Command {} is not implemented here", other.type_name());
            Ok(Answer::refusal(ReturnCode::NOT_IMPLEMENTED, reason))
        }
    }
}
