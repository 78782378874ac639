//! Fetches the files of tickets that came from the hub, before their tickets are submitted.
//!
//! A file that the hub does not have ends its submission; whatever else goes wrong is tried again and
//! never ends the session: the ledger does not wait for files.
//!
//! Limits: one file at a time; retries between [`RETRY_BASE`] and [`RETRY_CAP`].

use std::convert::Infallible;

use agog_sync::backoff::Backoff;
use agog_sync::frame::{JobTicket, TicketFile};
use agog_sync::ids::RequestId;
use reqwest::StatusCode;
use tracing::{info, warn};

use super::hub::{Hub, HubError};
use super::{RETRY_BASE, RETRY_CAP, SessionError, http};
use crate::ledger::sending::{CommandEnd, Fate, News};
use crate::ledger::{LedgerError, Reader};
use crate::outbox::files::{FileError, StoredFile};
use crate::run::Agent;

/// Why a file is not here yet.
#[derive(Debug, thiserror::Error)]
enum NotFetched {
    #[error(transparent)]
    Hub(#[from] HubError),
    #[error(transparent)]
    File(#[from] FileError),
}

/// Fetches what is missing, and waits for new tickets.
pub(super) async fn follow(agent: &Agent, hub: &Hub) -> Result<Infallible, SessionError> {
    let mut rng = agent.fork_rng();
    let mut backoff = Backoff::new(RETRY_BASE, RETRY_CAP);
    let mut commands = agent.ledger.commands();
    loop {
        commands.mark_unchanged();
        let is_whole = fetch_missing(agent, hub).await?;
        if is_whole {
            backoff.reset();
            if commands.changed().await.is_err() {
                return Err(LedgerError::Stopped.into());
            }
        } else {
            tokio::time::sleep(backoff.next_wait(&mut rng)).await;
        }
    }
}

/// True when nothing is missing any more.
async fn fetch_missing(agent: &Agent, hub: &Hub) -> Result<bool, LedgerError> {
    let jobs = agent.ledger.read(Reader::jobs_received).await?;
    let mut is_whole = true;
    for job in jobs {
        let Some(ticket) = agent.ledger.ticket(&job).await? else {
            continue;
        };
        for file in &ticket.files {
            is_whole &= fetch(agent, hub, &ticket, file).await?;
        }
    }
    Ok(is_whole)
}

async fn fetch(
    agent: &Agent,
    hub: &Hub,
    ticket: &JobTicket,
    file: &TicketFile,
) -> Result<bool, LedgerError> {
    if matches!(agent.files.size(file.blake3).await, Ok(Some(_))) {
        return Ok(true);
    }
    let expected = StoredFile {
        blake3: file.blake3,
        bytes: file.bytes,
    };
    let fetched = async {
        let content = hub.file(file.blake3).await?.bytes_stream();
        Ok(agent
            .files
            .receive(Box::pin(content), Some(expected))
            .await?)
    };
    match fetched.await {
        Ok(StoredFile { bytes, .. }) => {
            info!(
                job.number = %ticket.number,
                "file {} of job {} is here, {bytes} bytes", file.name, ticket.number
            );
            Ok(true)
        }
        Err(NotFetched::Hub(error))
            if error.problem().is_some_and(|(status, problem)| {
                // Of a proxy or of a hub whose store is away it is no answer.
                status == StatusCode::NOT_FOUND && problem.code == "not-found"
            }) =>
        {
            let reason = format!(
                "the hub does not have file `{}` ({})",
                file.name, file.blake3
            );
            warn!(job.number = %ticket.number, "job {}: {reason}", ticket.number);
            let submission = RequestId::from_uuid(ticket.job_id.uuid());
            let end = CommandEnd::new(Fate::Refused, reason);
            agent
                .ledger
                .command_news(submission, News::Ended(end), None)
                .await?;
            Ok(true)
        }
        Err(error) => {
            warn!(
                job.number = %ticket.number,
                "file {} of job {} not fetched yet: {}",
                file.name, ticket.number, http::chain(&error)
            );
            Ok(false)
        }
    }
}
