//! One batch of an agent's ledger, in one transaction.
//!
//! Most batches have nothing to reject, so all events are applied under one savepoint. When one
//! fails, everything since is undone and the batch is applied again with a savepoint for each
//! event: slower, and only the events that fail are left out.

use std::collections::BTreeSet;

use agog_sync::event::{Envelope, Event};
use agog_sync::frame::{LedgerAck, LedgerBatch};
use agog_sync::ids::EventId;
use agog_sync::inbox::{Decision, ProducerState, accept};
use axum::http::StatusCode;
use jiff::Timestamp;
use rand::rngs::StdRng;
use serde_json::json;

use super::apply::{self, Source};
use super::{ApplyError, failed, store};
use crate::app::App;
use crate::db::{DbError, TenantTx};
use crate::http::{ApiError, error::chain};
use crate::tenants::AgentPrincipal;

/// The longest kind that is stored.
const KIND_BYTES_MAX: usize = 100;

/// Takes a batch.
pub(super) async fn take(
    app: &App,
    agent: AgentPrincipal,
    batch: &LedgerBatch,
) -> Result<LedgerAck, ApiError> {
    check_storable(batch)?;
    let now = app.clock.now();
    let producer = agent.producer_id();
    let mut tx = TenantTx::begin(&app.pool, agent.tenant_id).await?;
    let state = store::ledger_lock(&mut tx, producer, Some(agent.plant_id), now).await?;
    let (skip, next) = match accept(&state, batch) {
        Decision::Append { skip, state } => (skip, state),
        Decision::Duplicate { state } => {
            count("duplicate", batch.events.len());
            return Ok(ack(&state, true));
        }
        refused => return Err(refusal(refused)),
    };
    if next.epoch > state.epoch {
        // The agent was restored from a backup, or its disk was cloned. Its old epoch stays as it is.
        tracing::warn!(
            agent.id = %agent.agent_id,
            "agent {} opened epoch {}, its epoch {} ended at {}",
            agent.agent_id, next.epoch, state.epoch, state.head.last_seq,
        );
    }
    let events = &batch.events[skip..];
    let source = Source::load(&mut tx, producer, next.epoch, Some(agent.plant_id))
        .await
        .map_err(failed)?;
    let known = store::events_known(&mut tx, events).await?;
    store::events_add(&mut tx, producer, next.epoch, events, now).await?;
    let mut work = Work {
        source,
        events: read(events, &known),
        now,
        rng: app.rng(),
    };
    work.lock(&mut tx)
        .await
        .map_err(|error| failed(error.into()))?;
    let rejected = work.apply(&mut tx).await.map_err(failed)?;
    work.source
        .deliver(&mut tx, now)
        .await
        .map_err(|error| failed(error.into()))?;
    for (envelope, code, reason) in &rejected {
        tracing::warn!(
            agent.id = %agent.agent_id, event.id = %envelope.event_id, code,
            "event {} of agent {} is kept and not applied: {reason}",
            envelope.seq, agent.agent_id,
        );
        store::rejected_add(&mut tx, producer, next.epoch, envelope, code, reason, now).await?;
    }
    store::ledger_move(&mut tx, &next, now).await?;
    tx.commit().await?;
    count("duplicate", skip);
    count("rejected", rejected.len());
    count("applied", events.len() - rejected.len());
    Ok(ack(&next, false))
}

/// An event with what it says, or why it cannot be read.
type Readable<'a> = (&'a Envelope, Result<Event, Rejection>);
/// Why an event is not applied: a code and a sentence.
type Rejection = (String, String);
type Rejected<'a> = (&'a Envelope, String, String);

fn read<'a>(events: &'a [Envelope], known: &[EventId]) -> Vec<Readable<'a>> {
    let mut seen: BTreeSet<EventId> = known.iter().copied().collect();
    events
        .iter()
        .map(|envelope| {
            if !seen.insert(envelope.event_id) {
                let reason = "this event id was delivered before, in another place";
                return (
                    envelope,
                    Err(("duplicate-event-id".to_owned(), reason.to_owned())),
                );
            }
            (
                envelope,
                apply::decode(envelope).map_err(|error| rejection(&error)),
            )
        })
        .collect()
}

struct Work<'a> {
    source: Source,
    events: Vec<Readable<'a>>,
    now: Timestamp,
    rng: StdRng,
}

impl<'a> Work<'a> {
    async fn lock(&self, tx: &mut TenantTx) -> Result<(), DbError> {
        let events = self.events.iter();
        let events = events.filter_map(|(_, event)| event.as_ref().ok());
        apply::lock(tx, &self.source, events).await
    }

    /// Applies what can be applied, and gives back what cannot.
    async fn apply(&mut self, tx: &mut TenantTx) -> Result<Vec<Rejected<'a>>, ApplyError> {
        tx.savepoint().await?;
        match self.apply_all(tx).await {
            Ok(()) => {
                tx.release_savepoint().await?;
                Ok(self.unreadable().collect())
            }
            Err(error) if error.is_worth_repeating() => Err(error),
            Err(_) => {
                tx.rollback_to_savepoint().await?;
                self.source.drop_since(0);
                self.apply_each(tx).await
            }
        }
    }

    fn unreadable(&self) -> impl Iterator<Item = Rejected<'a>> {
        self.events.iter().filter_map(|(envelope, event)| {
            let (code, reason) = event.as_ref().err()?;
            Some((*envelope, code.clone(), reason.clone()))
        })
    }

    async fn apply_all(&mut self, tx: &mut TenantTx) -> Result<(), ApplyError> {
        for (envelope, event) in &self.events {
            if let Ok(event) = event {
                let source = &mut self.source;
                apply::apply(tx, source, envelope, event, self.now, &mut self.rng).await?;
            }
        }
        Ok(())
    }

    async fn apply_each(&mut self, tx: &mut TenantTx) -> Result<Vec<Rejected<'a>>, ApplyError> {
        let mut rejected: Vec<_> = self.unreadable().collect();
        for (envelope, event) in &self.events {
            let Ok(event) = event else { continue };
            tx.savepoint().await?;
            let source = &mut self.source;
            let mark = source.mark();
            match apply::apply(tx, source, envelope, event, self.now, &mut self.rng).await {
                Ok(()) => tx.release_savepoint().await?,
                Err(error) if error.is_worth_repeating() => return Err(error),
                Err(error) => {
                    tx.rollback_to_savepoint().await?;
                    self.source.drop_since(mark);
                    let (code, reason) = rejection(&error);
                    rejected.push((envelope, code, reason));
                }
            }
        }
        Ok(rejected)
    }
}

fn rejection(error: &ApplyError) -> Rejection {
    match error {
        ApplyError::Refused { code, detail } => ((*code).to_owned(), detail.clone()),
        ApplyError::Database(error) => ("not-storable".to_owned(), chain(error)),
    }
}

fn ack(state: &ProducerState, duplicate: bool) -> LedgerAck {
    LedgerAck {
        epoch: state.epoch,
        last_seq: state.head.last_seq,
        hash: state.head.hash,
        duplicate,
    }
}

/// What the hub has of an agent's ledger.
pub(super) fn ack_of(state: &ProducerState) -> LedgerAck {
    ack(state, false)
}

fn refusal(decision: Decision) -> ApiError {
    match decision {
        Decision::Gap { expected } => ApiError::conflict(
            "gap",
            format!(
                "events are missing: expected {} next",
                expected.head.last_seq + 1
            ),
        )
        .with("expected", json!(ack(&expected, false))),
        Decision::Broken { expected, detail } => ApiError::conflict("chain-broken", detail)
            .with("expected", json!(ack(&expected, false))),
        Decision::Fenced { epoch } => ApiError::forbidden(
            "fenced",
            format!(
                "this agent has opened epoch {epoch} since; the sender is a clone or was restored"
            ),
        )
        .with("epoch", json!(epoch)),
        Decision::Malformed { detail } => ApiError::bad_request("malformed-batch", detail),
        Decision::Append { .. } | Decision::Duplicate { .. } => ApiError::internal(),
    }
}

/// Refuses what no agent of ours writes and no column takes.
fn check_storable(batch: &LedgerBatch) -> Result<(), ApiError> {
    let is_number = |number: u64| i64::try_from(number).is_ok();
    let is_kind = |kind: &str| kind.len() <= KIND_BYTES_MAX && !kind.contains('\0');
    let fits = is_number(batch.epoch)
        && is_number(batch.last_seq)
        && batch
            .events
            .iter()
            .all(|event| is_number(event.seq) && is_kind(&event.kind));
    if fits {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::BAD_REQUEST,
        "malformed-batch",
        "a number or the kind of an event is beyond what can be stored",
    ))
}

fn count(outcome: &'static str, events: usize) {
    metrics::counter!("agog_hub_ledger_events_total", "outcome" => outcome)
        .increment(events as u64);
}
