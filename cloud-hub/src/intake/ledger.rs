//! One batch of an agent's ledger, in one transaction.
//!
//! Most batches have nothing to reject, so all events are applied under one savepoint. When that
//! fails, it is undone and each half is applied in the same way, until the events that fail stand
//! alone and only they are left out: a few dozen attempts for one bad event among a thousand.

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
use super::{ApplyError, failed, runs, store, store_runs};
use crate::app::App;
use crate::db::TenantTx;
use crate::documents;
use crate::events::{Origin, Outbox};
use crate::http::{ApiError, error::chain};
use crate::tenants::AgentPrincipal;

/// A batch of so many events is worth a look at how old the plans are.
const PLAN_FOR_EVENTS: usize = 100;

/// Why a fact that was delivered before is not applied.
const DUPLICATE: &str = "duplicate-event-id";

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
    runs::require(&mut tx, agent).await?;
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
        epoch_opened(&mut tx, agent, &state, batch, now).await?;
    }
    let events = &batch.events[skip..];
    if events.len() >= PLAN_FOR_EVENTS {
        tx.plan_for(next.head.last_seq).await?;
    }
    let source = Source::load(&mut tx, producer, next.epoch, Some(agent.plant_id))
        .await
        .map_err(failed)?;
    let known = store::events_known(&mut tx, events).await?;
    // While PostgreSQL stores them, they are read.
    let (added, read) = tokio::join!(
        store::events_add(&mut tx, producer, next.epoch, events, now),
        async { read(events, &known) },
    );
    added?;
    let (readable, mut rejected) = read;
    // One that came before has had its effect, or stands where it came.
    let unreadable = rejected.iter().filter(|(_, code, _)| code != DUPLICATE);
    let mut work = Work {
        source: source.with_unreadable(unreadable.map(|(event, ..)| *event)),
        now,
        rng: app.rng(),
        carried: apply::Carried::new(),
    };
    apply::lock(
        &mut tx,
        &work.source,
        readable.iter().map(|(_, event)| event),
        now,
    )
    .await
    .map_err(|error| failed(error.into()))?;
    rejected.extend(work.apply(&mut tx, &readable).await.map_err(failed)?);
    work.settle(&mut tx, &readable, app.roll_at)
        .await
        .map_err(failed)?;
    apply::deliver(&mut tx, work.carried, now)
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

/// Notes that an agent goes on in a new epoch, and says so to others.
async fn epoch_opened(
    tx: &mut TenantTx,
    agent: AgentPrincipal,
    before: &ProducerState,
    batch: &LedgerBatch,
    now: Timestamp,
) -> Result<(), ApiError> {
    let Some(first) = batch.events.first() else {
        return Ok(());
    };
    let opened = batch.opened.as_ref();
    store_runs::epoch_add(tx, before, batch.epoch, opened, agent.run, now).await?;
    let mut outbox = Outbox::default();
    let data = json!({
        "agent_id": agent.agent_id,
        "plant_id": agent.plant_id,
        "epoch": batch.epoch,
        "reason": opened.map(|opened| &opened.reason),
        "run_id": agent.run,
        "epoch_before": before.epoch,
        "last_seq_before": before.head.last_seq,
    });
    let origin = Origin::of_the_hub(first.event_id, now);
    outbox.publish(origin, "sync.epoch-opened", data);
    Ok(outbox.store(tx).await?)
}

/// Why an event is not applied: a code and a sentence.
type Rejection = (String, String);
pub(super) type Rejected<'a> = (&'a Envelope, String, String);

/// What the events say, and those that cannot be read or were delivered before.
pub(super) fn read<'a>(
    events: &'a [Envelope],
    known: &[EventId],
) -> (Vec<(&'a Envelope, Event)>, Vec<Rejected<'a>>) {
    let mut seen: BTreeSet<EventId> = known.iter().copied().collect();
    let (mut readable, mut rejected) = (Vec::with_capacity(events.len()), Vec::new());
    for envelope in events {
        if !seen.insert(envelope.event_id) {
            let reason = "this event id was delivered before, in another place";
            rejected.push((envelope, DUPLICATE.to_owned(), reason.to_owned()));
            continue;
        }
        match apply::decode(envelope) {
            Ok(event) => readable.push((envelope, event)),
            Err(error) => {
                let (code, reason) = rejection(&error);
                rejected.push((envelope, code, reason));
            }
        }
    }
    (readable, rejected)
}

/// Events that are being applied.
pub(super) struct Work {
    pub(super) source: Source,
    pub(super) now: Timestamp,
    pub(super) rng: StdRng,
    pub(super) carried: apply::Carried,
}

impl Work {
    /// Does what follows from changes of documents: late ones are carried over, and documents that were edited often roll
    /// over.
    pub(super) async fn settle(
        &mut self,
        tx: &mut TenantTx,
        events: &[(&Envelope, Event)],
        roll_at: usize,
    ) -> Result<(), ApplyError> {
        let changed = events.iter().filter_map(|(_, event)| match event {
            Event::Document(changed) if changed.document.has_form() => Some(&changed.document),
            _ => None,
        });
        let changed = changed.cloned().collect();
        let carried = documents::settle(tx, &changed, roll_at, self.now, &mut self.rng).await?;
        self.carried.extend(carried);
        Ok(())
    }

    /// Applies what can be applied, in order, and gives back what cannot.
    pub(super) async fn apply<'a>(
        &mut self,
        tx: &mut TenantTx,
        events: &[(&'a Envelope, Event)],
    ) -> Result<Vec<Rejected<'a>>, ApplyError> {
        let mut rejected = Vec::new();
        let events: Vec<_> = events
            .iter()
            .map(|(envelope, event)| (*envelope, event))
            .collect();
        let mut parts = vec![&events[..]];
        while let Some(part) = parts.pop() {
            tx.savepoint().await?;
            match apply::apply(tx, &mut self.source, part, self.now, &mut self.rng).await {
                Ok(carried) => {
                    tx.release_savepoint().await?;
                    self.carried.extend(carried);
                }
                Err(error) if error.is_worth_repeating() => return Err(error),
                Err(error) => {
                    tx.rollback_to_savepoint().await?;
                    if let [(envelope, _)] = part {
                        let (code, reason) = rejection(&error);
                        rejected.push((*envelope, code, reason));
                    } else {
                        let (first, second) = part.split_at(part.len() / 2);
                        parts.extend([second, first]);
                    }
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
        Decision::UnknownProtocol { detail } => ApiError::bad_request("unknown-protocol", detail),
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
