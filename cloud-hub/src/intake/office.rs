//! The office ledger: what people do to lots through the API are facts like all others, in one
//! ledger per tenant with the same envelope, chain and rules. The feed carries them to the plants.

use agog_sync::event::{Envelope, NewEvent};
use agog_sync::ids::{EventId, ProducerId};
use agog_sync::inbox::ProducerState;
use jiff::Timestamp;
use rand::rngs::StdRng;

use super::apply::{self, Carried, Source};
pub use super::store::KeptEvent;
use super::{ApplyError, store};
use crate::app::App;
use crate::db::{DbError, TenantTx};

/// Opens the office ledger of a new tenant.
pub async fn open(tx: &mut TenantTx, producer: ProducerId, now: Timestamp) -> Result<(), DbError> {
    store::ledger_lock(tx, producer, None, now).await.map(drop)
}

/// An event of any ledger of the tenant, which the office may want to correct.
pub async fn event_find(
    tx: &mut TenantTx,
    event_id: EventId,
) -> Result<Option<KeptEvent>, DbError> {
    store::event_find(tx, event_id).await
}

/// Keeps the office ledger for one writer until the transaction ends, so that what a movement reads
/// is still so when it is recorded.
pub async fn lock(tx: &mut TenantTx, now: Timestamp) -> Result<(), DbError> {
    locked(tx, now).await.map(drop)
}

async fn locked(tx: &mut TenantTx, now: Timestamp) -> Result<ProducerState, DbError> {
    let producer = store::office_find(tx)
        .await?
        .ok_or_else(|| DbError::stored("the tenant has no office ledger"))?;
    store::ledger_lock(tx, producer, None, now).await
}

/// Seals events at the end of the office ledger, stores and applies them. Unlike a plant, the
/// office is still there to be told: an event that cannot be applied fails the request, and the
/// caller rolls everything back.
pub async fn append(
    tx: &mut TenantTx,
    app: &App,
    events: &[NewEvent],
) -> Result<Vec<Envelope>, ApplyError> {
    let now = app.clock.now();
    let mut rng = app.rng();
    let (envelopes, mut source) = seal(tx, events, now).await?;
    let mut carried = apply::Carried::new();
    for (envelope, new) in envelopes.iter().zip(events) {
        let event = [(envelope, &new.event)];
        carried.extend(apply::apply(tx, &mut source, &event, now, &mut rng).await?);
    }
    apply::deliver(tx, carried, now).await?;
    Ok(envelopes)
}

/// As [`append`], for events of documents: applied all together, and what plants have to hear of them is given back, for
/// [`deliver`].
pub async fn append_together(
    tx: &mut TenantTx,
    events: &[NewEvent],
    now: Timestamp,
    rng: &mut StdRng,
) -> Result<Carried, ApplyError> {
    if events.is_empty() {
        return Ok(Carried::new());
    }
    let (envelopes, mut source) = seal(tx, events, now).await?;
    let events: Vec<_> = envelopes
        .iter()
        .zip(events)
        .map(|(envelope, new)| (envelope, &new.event))
        .collect();
    apply::apply(tx, &mut source, &events, now, rng).await
}

/// Puts what is carried into the feeds: after everything else of its transaction.
pub async fn deliver(tx: &mut TenantTx, carried: Carried, now: Timestamp) -> Result<(), DbError> {
    apply::deliver(tx, carried, now).await
}

/// Seals and stores events at the end of the ledger, and moves it.
async fn seal(
    tx: &mut TenantTx,
    events: &[NewEvent],
    now: Timestamp,
) -> Result<(Vec<Envelope>, Source), ApplyError> {
    let state = locked(tx, now).await?;
    let producer = state.producer;
    let mut head = state.head;
    let mut envelopes = Vec::with_capacity(events.len());
    for event in events {
        let envelope = Envelope::seal(producer, state.epoch, &head, event);
        head = envelope.head();
        envelopes.push(envelope);
    }
    store::events_add(tx, producer, state.epoch, &envelopes, now).await?;
    store::ledger_move(tx, &ProducerState { head, ..state }, now).await?;
    let source = Source::load(tx, producer, state.epoch, None).await?;
    Ok((envelopes, source))
}
