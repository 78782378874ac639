//! Rolling over and carrying over, by the hub alone: what follows from changes once they are applied.
//!
//! A document that was edited often begins its next generation with a `document.rolled` event of the office's ledger. What
//! plants had added to a generation that was closed by then is added to the next one by changes of the office's ledger,
//! signed by who made them. Both are recorded in the transaction of the changes that call for them: the generation says up
//! to which heads it is carried, so that nothing is carried twice, and nothing is left.
//!
//! The caller holds the office's ledger and the document's row.

use std::collections::BTreeSet;

use agog_sync::document::{Carry, Document, DocumentKey, OPENING_BYTES_MAX, RollRefused};
use agog_sync::event::{Actor, Event, NewEvent};
use agog_sync::ids::EventId;
use jiff::Timestamp;
use rand::RngExt;
use rand::rngs::StdRng;

use super::{apply, store, store_generations};
use crate::db::{DbError, TenantTx};
use crate::http::error::chain;
use crate::intake::{self, ApplyError, Carried, office};

/// Carries over what came late to these documents, and rolls over those that were edited often. Gives what plants have to
/// hear of it. A document for which that fails stays as it is and is tried again with its next change.
pub async fn settle(
    tx: &mut TenantTx,
    documents: &BTreeSet<DocumentKey>,
    roll_at: usize,
    now: Timestamp,
    rng: &mut StdRng,
) -> Result<Carried, ApplyError> {
    let mut carried = Carried::new();
    for key in documents {
        tx.savepoint().await?;
        match Box::pin(settle_one(tx, key, roll_at, now, rng)).await {
            Ok(heard) => {
                tx.release_savepoint().await?;
                carried.extend(heard);
            }
            Err(error) if error.is_worth_repeating() => return Err(error),
            Err(error) => {
                tx.rollback_to_savepoint().await?;
                tracing::error!(
                    error = chain(&error),
                    "document {key} is neither carried over nor rolled over"
                );
            }
        }
    }
    Ok(carried)
}

async fn settle_one(
    tx: &mut TenantTx,
    key: &DocumentKey,
    roll_at: usize,
    now: Timestamp,
    rng: &mut StdRng,
) -> Result<Carried, ApplyError> {
    let mut carried = Carried::new();
    while let Some(generation) = store_generations::generation_late(tx, key).await? {
        carried.extend(Box::pin(carry(tx, key, generation, now, rng)).await?);
    }
    if store_generations::changes_since_roll(tx, key).await? >= roll_at {
        carried.extend(roll(tx, key, now, rng).await?);
    }
    Ok(carried)
}

/// Carries one generation over into the next.
async fn carry(
    tx: &mut TenantTx,
    key: &DocumentKey,
    generation: u32,
    now: Timestamp,
    rng: &mut StdRng,
) -> Result<Carried, ApplyError> {
    let gone = || DbError::stored(format!("generation {generation} of {key} is not there"));
    let closed = store_generations::generation_find(tx, key, generation).await?;
    let closed = closed.ok_or_else(gone)?;
    let earlier = Document::load(key.clone(), &closed.saved).map_err(DbError::stored)?;
    let next = apply::load_generation(tx, key, generation + 1).await?;
    let next = next.ok_or_else(gone)?;
    let late = earlier.missing(&closed.carried);
    let events = store::change_events(tx, key, &late).await?;
    if events.len() != late.len() {
        return Err(DbError::stored(format!("a change of {key} has no event")).into());
    }
    let (from, to) = ((&earlier, &closed.carried[..]), (&next, &closed.line[..]));
    let mut carry = Carry::new(from, to, rng.random()).map_err(|error| refused(&error))?;
    let mut made = Vec::new();
    for item in intake::events_of(tx, &events).await? {
        let Ok(Event::Document(changed)) = item.event.event() else {
            continue;
        };
        let at = item.event.occurred_at;
        for changed in carry
            .change(&changed, at)
            .map_err(|error| refused(&error))?
        {
            made.push(NewEvent {
                event_id: EventId::generate(now, rng),
                occurred_at: at,
                recorded_at: now,
                actor: item.event.actor.clone(),
                event: Event::Document(Box::new(changed)),
            });
        }
    }
    let carried = office::append_together(tx, &made, now, rng).await?;
    store_generations::generation_carried(tx, &earlier, &carry.line()).await?;
    tracing::info!(
        "{} changes of generation {generation} of {key} came late and are carried over",
        late.len()
    );
    Ok(carried)
}

/// Begins the next generation.
async fn roll(
    tx: &mut TenantTx,
    key: &DocumentKey,
    now: Timestamp,
    rng: &mut StdRng,
) -> Result<Carried, ApplyError> {
    let rolled = apply::load(tx, key).await?.roll();
    if matches!(Document::opened(&rolled), Err(RollRefused::TooLarge)) {
        tracing::warn!(
            "document {key} says more than {OPENING_BYTES_MAX} bytes and does not roll over"
        );
        return Ok(Carried::new());
    }
    let generation = rolled.generation;
    let event = NewEvent {
        event_id: EventId::generate(now, rng),
        occurred_at: now,
        recorded_at: now,
        actor: Actor::System {
            component: "documents".to_owned(),
        },
        event: Event::Rolled(Box::new(rolled)),
    };
    let carried = office::append_together(tx, &[event], now, rng).await?;
    tracing::info!("document {key} begins generation {generation}");
    Ok(carried)
}

fn refused(error: &agog_sync::document::CarryRefused) -> ApplyError {
    ApplyError::Refused {
        code: "not-carried",
        detail: chain(error),
    }
}
