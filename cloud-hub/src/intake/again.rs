//! Changes of documents that stand in a ledger and are not part of their documents, because rows of these are gone or the
//! event could not be applied when it came: applied once more, on the way of a batch. Ledgers are read here, never written.
//!
//! A change is known by its hash, so one that is part of its document changes nothing. Events of other kinds are known by
//! nothing of that sort, and are not applied again.

use std::collections::{BTreeMap, BTreeSet};

use agog_sync::document::DocumentChanged;
use agog_sync::document::repair::{NOT_IN_LEDGER, NotRepaired};
use agog_sync::event::{Envelope, Event};
use agog_sync::frame::FeedEvent;
use agog_sync::ids::{EventId, ProducerId};
use jiff::Timestamp;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::apply::{self, Carried, Source};
use super::ledger::Work;
use super::{failed, office, runs, store, store_rejected};
use crate::db::TenantTx;
use crate::documents;
use crate::http::ApiError;
use crate::tenants::AgentPrincipal;

/// A change with the event that it stands in.
type Found<'a> = (&'a FeedEvent, Box<DocumentChanged>);

/// Why a change is not part of its document: a code and a sentence.
type Why = (String, String);

/// Applies the changes of events that an agent names, in its order, and tells which of them are not part of their documents
/// after that.
pub async fn changes_again(
    tx: &mut TenantTx,
    agent: AgentPrincipal,
    events: &[EventId],
    roll_at: usize,
    now: Timestamp,
    rng: &mut StdRng,
) -> Result<Vec<NotRepaired>, ApiError> {
    runs::require_beside(tx, agent).await?;
    let unknown = || -> Why {
        let reason = "no ledger here has this event".to_owned();
        (NOT_IN_LEDGER.to_owned(), reason)
    };
    let mut left: BTreeMap<EventId, Why> = events.iter().map(|id| (*id, unknown())).collect();
    let found = store::events_of(tx, events).await?;
    let mut readable = Vec::with_capacity(found.len());
    for item in &found {
        match read(item) {
            Ok(changed) => {
                left.remove(&item.event.event_id);
                readable.push((item, changed));
            }
            Err((code, reason)) => {
                left.insert(item.event.event_id, (code.to_owned(), reason));
            }
        }
    }
    let keys = readable.iter().map(|(_, changed)| &changed.document);
    // What has not the form of a document is refused below.
    let keys: BTreeSet<_> = keys.filter(|key| key.has_form()).collect();
    if !keys.is_empty() {
        office::lock(tx, now).await?;
    }
    documents::documents_lock(tx, &keys, now).await?;
    let (refused, mut carried) = apply(tx, &readable, now, rng).await?;
    left.extend(refused);
    let changed = keys.into_iter().cloned().collect();
    let settled = documents::settle(tx, &changed, roll_at, now, rng).await;
    carried.extend(settled.map_err(failed)?);
    apply::deliver(tx, carried, now).await?;
    let hashes: Vec<_> = readable
        .iter()
        .map(|(_, changed)| (&changed.document, changed.hash))
        .collect();
    let waiting = documents::changes_left(tx, &hashes).await?;
    for (item, changed) in &readable {
        if let Some(refused) = waiting.get(&changed.hash) {
            let why = match refused {
                Some(reason) => ("refused", reason.as_str()),
                None => ("waits", "it follows changes that are not here"),
            };
            left.entry(item.event.event_id)
                .or_insert((why.0.to_owned(), why.1.to_owned()));
        }
    }
    let applied = readable.iter().map(|(item, _)| item.event.event_id);
    let applied: Vec<_> = applied.filter(|id| !left.contains_key(id)).collect();
    store_rejected::applied_after_all(tx, &applied, now).await?;
    if !applied.is_empty() {
        tracing::info!(
            agent.id = %agent.agent_id,
            "{} changes of documents that agent {} named were applied once more", applied.len(), agent.agent_id,
        );
    }
    let left = left
        .into_iter()
        .map(|(event_id, (code, reason))| NotRepaired {
            event_id,
            code,
            reason,
        });
    Ok(left.collect())
}

/// Reads the change of an event as it stands in its ledger, where anybody may have written anything.
fn read(item: &FeedEvent) -> Result<Box<DocumentChanged>, (&'static str, String)> {
    let envelope = &item.event;
    envelope
        .verify(item.producer, item.epoch, &envelope.prev_hash)
        .map_err(|error| ("not-as-sealed", error.to_string()))?;
    match envelope.event() {
        Ok(Event::Document(changed)) => Ok(changed),
        _ => Err((
            "not-a-change",
            format!("`{}` is no change of a document", envelope.kind),
        )),
    }
}

/// Applies changes, those that follow each other out of one ledger at a time, and tells which are refused and what plants
/// have to hear.
async fn apply(
    tx: &mut TenantTx,
    changes: &[Found<'_>],
    now: Timestamp,
    rng: &mut StdRng,
) -> Result<(BTreeMap<EventId, Why>, Carried), ApiError> {
    let producers: BTreeSet<ProducerId> = changes.iter().map(|(item, _)| item.producer).collect();
    let plants = store::producer_plants(tx, &producers).await?;
    let mut refused = BTreeMap::new();
    let mut carried = Carried::new();
    let place = |found: &Found<'_>| (found.0.producer, found.0.epoch);
    for part in changes.chunk_by(|one, next| place(one) == place(next)) {
        let (producer, epoch) = place(&part[0]);
        let plant_id = plants.get(&producer).copied().flatten();
        let source = Source::load(tx, producer, epoch, plant_id).await;
        let mut work = Work {
            source: source.map_err(failed)?,
            now,
            rng: StdRng::from_rng(rng),
            carried: Carried::new(),
        };
        let facts: Vec<(&Envelope, Event)> = part
            .iter()
            .map(|(item, changed)| (&item.event, Event::Document(changed.clone())))
            .collect();
        let rejected = work.apply(tx, &facts).await.map_err(failed)?;
        refused.extend(
            rejected
                .into_iter()
                .map(|(event, code, reason)| (event.event_id, (code, reason))),
        );
        carried.extend(work.carried);
    }
    Ok((refused, carried))
}
