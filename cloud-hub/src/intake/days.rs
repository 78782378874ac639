//! Whether the hub still has what it has taken: an agent says what it has of days that are over, and the same events are
//! counted and hashed here (`agog_sync::days`). Events that no module could apply count like all others.
//!
//! A day that differs is an alarm: it is told to other systems once, shown with the plant, and told once more when it is
//! the same again. Counting holds no lock: what was taken in is not changed by anybody but a fault.

use std::ops::RangeInclusive;

use agog_sync::chain::Hash;
use agog_sync::days::{DayAnswer, DayClaim, DayHasher, DayProof, DaySpan, DaysAnswer, DaysRequest};
use agog_sync::event::{Actor, SealedParts};
use agog_sync::ids::{EventId, ProducerId};
use serde_json::json;

use super::store::EventRow;
use super::{runs, store, store_days};
use crate::app::App;
use crate::db::TenantTx;
use crate::events::{Origin, Outbox};
use crate::http::ApiError;
use crate::tenants::AgentPrincipal;

/// Counts what is here of the spans that an agent names, and notes whether it is the same.
pub(super) async fn compare(
    app: &App,
    agent: AgentPrincipal,
    request: &DaysRequest,
) -> Result<DaysAnswer, ApiError> {
    request
        .check()
        .map_err(|detail| ApiError::bad_request("malformed-days", detail))?;
    let mut days = Vec::with_capacity(request.days.len());
    for claim in &request.days {
        let proof = count(app, agent, &claim.span).await?;
        days.push(DayAnswer {
            span: claim.span,
            proof,
        });
    }
    let compared = request.days.iter().zip(&days);
    let compared: Vec<_> = compared
        .filter_map(|(claim, here)| Some((*claim, here.proof?)))
        .collect();
    note(app, agent, &compared).await?;
    Ok(DaysAnswer { days })
}

/// What is here of a span; none when its end was not delivered.
async fn count(
    app: &App,
    agent: AgentPrincipal,
    span: &DaySpan,
) -> Result<Option<DayProof>, ApiError> {
    let producer = agent.producer_id();
    let mut tx = TenantTx::begin(&app.pool, agent.tenant_id).await?;
    let end = store_days::epoch_end(&mut tx, producer, span.epoch).await?;
    if end < span.last_seq {
        return Ok(None);
    }
    let mut hasher = DayHasher::new(producer, span.epoch, span.first_seq);
    let mut after = span.first_seq - 1;
    loop {
        let page = store::event_rows_after(&mut tx, producer, span.epoch, after).await?;
        let Some(last) = page.last() else { break };
        after = store::from_bigint(last.seq)?;
        for row in &page {
            if let Some(seq) = within(row.seq, span.first_seq..=span.last_seq) {
                add(&mut hasher, producer, span.epoch, seq, row);
            }
        }
        if after >= span.last_seq {
            break;
        }
    }
    Ok(Some(hasher.finish(span.last_seq)))
}

fn within(seq: i64, numbers: RangeInclusive<u64>) -> Option<u64> {
    u64::try_from(seq).ok().filter(|seq| numbers.contains(seq))
}

/// Adds an event as it stands in its row. Somebody may have written anything there.
fn add(hasher: &mut DayHasher, producer: ProducerId, epoch: u64, seq: u64, row: &EventRow) {
    let computed = || -> Option<(Hash, Hash, Hash)> {
        let actor: Actor = serde_json::from_str(&row.actor).ok()?;
        let prev_hash = Hash::try_from(&row.prev_hash[..]).ok()?;
        let stored = Hash::try_from(&row.hash[..]).ok()?;
        let parts = SealedParts {
            seq,
            event_id: EventId::from_uuid(row.event_id),
            kind: &row.kind,
            version: u16::try_from(row.version).ok()?,
            occurred_at_us: row.occurred_us,
            recorded_at_us: row.recorded_us,
            actor: &actor,
            payload: &row.payload,
            prev_hash: &prev_hash,
        };
        Some((prev_hash, stored, parts.hash(producer, epoch)))
    };
    match computed() {
        Some((prev_hash, stored, again)) => hasher.add(seq, &prev_hash, &stored, &again),
        None => hasher.add_unreadable(seq),
    }
}

/// Keeps what was compared, and tells what has changed by it.
async fn note(
    app: &App,
    agent: AgentPrincipal,
    compared: &[(DayClaim, DayProof)],
) -> Result<(), ApiError> {
    if compared.is_empty() {
        return Ok(());
    }
    let now = app.clock.now();
    let producer = agent.producer_id();
    let mut rng = app.rng();
    let mut tx = TenantTx::begin(&app.pool, agent.tenant_id).await?;
    runs::require_beside(&mut tx, agent).await?;
    let mut outbox = Outbox::default();
    for (claim, here) in compared {
        let is_equal = claim.proof.agrees_with(here);
        let was_equal = store_days::was_equal(&mut tx, producer, &claim.span).await?;
        store_days::put(&mut tx, producer, claim, here, is_equal, now).await?;
        let outcome = if is_equal { "equal" } else { "differs" };
        metrics::counter!("agog_hub_days_compared_total", "outcome" => outcome).increment(1);
        let topic = match (was_equal, is_equal) {
            (None | Some(true), false) => {
                told(agent, claim, here);
                "sync.day-differs"
            }
            (Some(false), true) => "sync.day-equal-again",
            _ => continue,
        };
        let origin = Origin::of_the_hub(EventId::generate(now, &mut rng), now);
        outbox.publish(origin, topic, data(agent, claim, here));
    }
    outbox.store(&mut tx).await?;
    Ok(tx.commit().await?)
}

fn told(agent: AgentPrincipal, claim: &DayClaim, here: &DayProof) {
    let DayClaim { span, proof } = claim;
    tracing::error!(
        agent.id = %agent.agent_id,
        "day {} of agent {} (epoch {}, events {} to {}) is not the same here: the agent has {} events with {}, here are {} \
         with {}; the first that is missing or not as it was sealed: at the agent {:?}, here {:?}",
        span.day, agent.agent_id, span.epoch, span.first_seq, span.last_seq, proof.events, proof.hash, here.events,
        here.hash, proof.fault, here.fault,
    );
}

fn data(agent: AgentPrincipal, claim: &DayClaim, here: &DayProof) -> serde_json::Value {
    let DayClaim { span, proof } = claim;
    json!({
        "agent_id": agent.agent_id,
        "plant_id": agent.plant_id,
        "day": span.day,
        "epoch": span.epoch,
        "first_seq": span.first_seq,
        "last_seq": span.last_seq,
        "agent": proof,
        "hub": here,
    })
}
