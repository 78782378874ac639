//! Compares the documents with those of the hub. Changes that are missing here are fetched: after a restored disk, a feed
//! that was cut, or for an agent that is new. Changes that are missing there are named to the hub, which applies their
//! events once more. Usually there are none of either.
//!
//! What cannot be repaired is an alarm, once for as long as the program runs; it is tried again with each comparison.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use agog_sync::document::DocumentKey;
use agog_sync::document::repair::{
    Digests, DocumentHeads, HeadsRequest, MissingRequest, NAMED_MAX, NOT_IN_LEDGER, NotRepaired,
    RepairRequest, bucket,
};
use agog_sync::frame::PROTOCOL;
use agog_sync::ids::EventId;
use tracing::{error, info, warn};

use super::hub::Hub;
use super::{SessionError, http};
use crate::ledger::Reader;
use crate::ledger::lacking::{Lacking, LackingChange};
use crate::run::Agent;

/// How often documents are compared while nothing seems wrong.
pub(super) const COMPARE_EVERY: Duration = Duration::from_hours(24);

/// Rounds for one bucket: as many answers as the fullest documents of a bucket take.
const ROUNDS_MAX: usize = 1_000;

/// What a person was told of already: the changes, and the events that could not be taken in.
#[derive(Debug, Default)]
pub(super) struct Told(BTreeSet<String>);

/// What a comparison has repaired.
#[derive(Debug, Default)]
struct Repaired {
    /// Changes that came from the hub.
    taken: usize,
    /// Changes that the hub has applied once more.
    given: usize,
}

/// Compares and repairs. To be done when the feed has nothing more and the hub has what was recorded here: what is on its
/// way is not missing. A hub that refuses is asked again the next time: the ledger goes on.
pub(super) async fn compare(agent: &Agent, hub: &Hub, told: &mut Told) -> Result<(), SessionError> {
    let began = Instant::now();
    let outcome = match exchange(agent, hub, told).await {
        Ok(None) => "same",
        Ok(Some(Repaired { taken, given })) => {
            if taken > 0 {
                info!("{taken} changes of documents were missing here and came from the hub");
            }
            if given > 0 {
                info!("{given} changes of documents were missing at the hub and are there again");
            }
            "differ"
        }
        Err(SessionError::Hub(refused)) if refused.problem().is_some() => {
            warn!(
                "documents were not compared with the hub's: {}",
                http::chain(&refused)
            );
            "refused"
        }
        Err(error) => return Err(error),
    };
    metrics::counter!("agog_documents_compared_total", "outcome" => outcome).increment(1);
    metrics::gauge!("agog_documents_compared_seconds").set(began.elapsed().as_secs_f64());
    Ok(())
}

/// None when all documents are the same.
async fn exchange(
    agent: &Agent,
    hub: &Hub,
    told: &mut Told,
) -> Result<Option<Repaired>, SessionError> {
    let documents = agent.ledger.read(Reader::document_heads).await?;
    let digests = Digests::of(&documents);
    let request = HeadsRequest {
        protocol: PROTOCOL,
        digest: digests.digest(),
    };
    let answer = hub.document_heads(&request).await?;
    if answer.same {
        return Ok(None);
    }
    let mut repaired = Repaired::default();
    for differing in digests.differing(&answer.buckets) {
        // What is acknowledged by now is there; what is not comes with the ledger.
        let position = *agent.ledger.position().borrow();
        let fetched = fetch(agent, hub, differing, told).await?;
        repaired.taken += fetched.taken;
        let Some(at_hub) = fetched.at_hub else {
            continue;
        };
        let read = move |reader: &Reader| reader.lacking(&at_hub, &position);
        let mut lacking = agent.ledger.read(read).await?;
        if fetched.is_stuck {
            // That was told by its event.
            lacking.unknown.clear();
        }
        let left = give(hub, &lacking).await?;
        repaired.given += lacking.events().count() - left.len();
        told.tell_of(agent, &lacking, &left);
    }
    Ok(Some(repaired))
}

/// What came for one bucket.
#[derive(Debug, Default)]
struct Fetched {
    /// Changes that were missing here.
    taken: usize,
    /// Something came that is not taken in.
    is_stuck: bool,
    /// What the hub has of the documents that differ.
    at_hub: Option<Vec<DocumentHeads>>,
}

/// Fetches what is missing in one bucket.
async fn fetch(
    agent: &Agent,
    hub: &Hub,
    differing: u8,
    told: &mut Told,
) -> Result<Fetched, SessionError> {
    let mut fetched = Fetched::default();
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
        let is_empty = answer.events.is_empty();
        for item in answer.events {
            let event_id = item.event.event_id;
            match agent.ledger.repair_document(item).await {
                Ok(()) => fetched.taken += 1,
                Err(unusable) if unusable.is_deterministic() => {
                    fetched.is_stuck = true;
                    let text = format!(
                        "a change of a document (event {event_id}) is not taken in: {}",
                        http::chain(&unusable)
                    );
                    told.tell(agent, event_id.to_string(), text);
                }
                Err(error) => return Err(error.into()),
            }
        }
        fetched.at_hub = answer.heads;
        // What is not taken in would be sent again and again.
        if !answer.more || is_empty || fetched.is_stuck {
            break;
        }
    }
    Ok(fetched)
}

/// Names the events of the changes that the hub lacks; gives back those that it cannot apply.
async fn give(
    hub: &Hub,
    lacking: &Lacking,
) -> Result<BTreeMap<EventId, NotRepaired>, SessionError> {
    let events: Vec<EventId> = lacking.events().collect();
    let mut left = BTreeMap::new();
    for named in events.chunks(NAMED_MAX) {
        let request = RepairRequest {
            protocol: PROTOCOL,
            events: named.to_vec(),
        };
        let answer = hub.document_repair(&request).await?;
        left.extend(answer.left.into_iter().map(|one| (one.event_id, one)));
    }
    Ok(left)
}

impl Told {
    fn tell(&mut self, agent: &Agent, what: String, text: String) {
        if self.0.insert(what) {
            error!("{text}");
            agent.health.alarm(agent.clock.now(), text);
        }
    }

    /// Tells of each document that is not the same on both sides still.
    fn tell_of(&mut self, agent: &Agent, lacking: &Lacking, left: &BTreeMap<EventId, NotRepaired>) {
        for (document, hash) in &lacking.unknown {
            let text = format!(
                "document {document} is not the same here and at the hub, which has change {:.12} that did not come",
                hash.to_string(),
            );
            self.tell(agent, hash.to_string(), text);
        }
        let mut documents: BTreeMap<&DocumentKey, Vec<(&LackingChange, String)>> = BTreeMap::new();
        let mut coming = BTreeSet::new();
        for change in &lacking.changes {
            let why = match change.event {
                None => "it is here without its event".to_owned(),
                Some(event) => match left.get(&event.event_id) {
                    None => continue,
                    Some(one) => {
                        // The ledger brings it again, or the comparison of days tells that it is gone.
                        if event.is_own && one.code == NOT_IN_LEDGER {
                            coming.insert(&change.document);
                        }
                        format!("event {}: {}", event.event_id, one.reason)
                    }
                },
            };
            let of_document = documents.entry(&change.document).or_default();
            of_document.push((change, why));
        }
        documents.retain(|document, _| !coming.contains(document));
        for (document, changes) in documents {
            let is_news = changes
                .iter()
                .any(|(change, _)| !self.0.contains(&change.hash.to_string()));
            let (Some((first, why)), true) = (changes.first(), is_news) else {
                continue;
            };
            let text = format!(
                "document {document} is not the same here and at the hub: {} changes of it cannot be brought there; the \
                 first is {:.12}: {why}",
                changes.len(),
                first.hash.to_string(),
            );
            self.0
                .extend(changes.iter().map(|(change, _)| change.hash.to_string()));
            error!("{text}");
            agent.health.alarm(agent.clock.now(), text);
        }
    }
}
