//! Compares the documents with those of the hub, and fetches the changes that are missing here: after a restored disk, a
//! feed that was cut, or for an agent that is new. Usually the answer is that there are none.

use std::time::Duration;

use agog_sync::document::repair::{Digests, HeadsRequest, MissingRequest, bucket};
use agog_sync::frame::PROTOCOL;
use tracing::{error, info, warn};

use super::hub::Hub;
use super::{SessionError, http};
use crate::ledger::Reader;
use crate::run::Agent;

/// How often documents are compared while nothing seems wrong.
pub(super) const COMPARE_EVERY: Duration = Duration::from_hours(24);

/// Rounds for one bucket: as many answers as the fullest documents of a bucket take.
const ROUNDS_MAX: usize = 1_000;

/// Compares, and takes in what is missing. To be done when the feed has nothing more: what is on its way is not missing.
/// A hub that refuses is asked again the next time: the ledger goes on.
pub(super) async fn compare(agent: &Agent, hub: &Hub) -> Result<(), SessionError> {
    match exchange(agent, hub).await {
        Err(SessionError::Hub(refused)) if refused.problem().is_some() => {
            warn!(
                "documents were not compared with the hub's: {}",
                http::chain(&refused)
            );
            Ok(())
        }
        result => result,
    }
}

async fn exchange(agent: &Agent, hub: &Hub) -> Result<(), SessionError> {
    let documents = agent.ledger.read(Reader::document_heads).await?;
    let digests = Digests::of(&documents);
    let request = HeadsRequest {
        protocol: PROTOCOL,
        digest: digests.digest(),
    };
    let answer = hub.document_heads(&request).await?;
    if answer.same {
        return Ok(());
    }
    let mut taken = 0;
    for differing in digests.differing(&answer.buckets) {
        taken += fetch(agent, hub, differing).await?;
    }
    if taken > 0 {
        info!("{taken} changes of documents were missing and came from the hub");
    }
    Ok(())
}

/// Fetches what is missing in one bucket; tells how many changes.
async fn fetch(agent: &Agent, hub: &Hub, differing: u8) -> Result<usize, SessionError> {
    let mut taken = 0;
    for _ in 0..ROUNDS_MAX {
        let mut documents = agent.ledger.read(Reader::document_heads).await?;
        documents.retain(|document| bucket(&document.document) == differing);
        documents.sort_by(|a, b| a.document.cmp(&b.document));
        let request = MissingRequest {
            protocol: PROTOCOL,
            bucket: differing,
            documents,
        };
        let answer = hub.document_missing(&request).await?;
        let mut failed = false;
        for item in answer.events {
            let event_id = item.event.event_id;
            match agent.ledger.repair_document(item).await {
                Ok(()) => taken += 1,
                Err(unusable) if unusable.is_deterministic() => {
                    failed = true;
                    let text = format!(
                        "a change of a document (event {event_id}) is not taken in: {}",
                        http::chain(&unusable)
                    );
                    error!("{text}");
                    agent.health.alarm(agent.clock.now(), text);
                }
                Err(error) => return Err(error.into()),
            }
        }
        // What is not taken in would be sent again and again.
        if !answer.more || failed {
            break;
        }
    }
    Ok(taken)
}
