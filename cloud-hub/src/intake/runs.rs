//! Which process of an agent is served: the rule is that of `agog_sync::runs`, kept under the lock of the agent's
//! ledger, so that no batch of a process that was superseded slips in.

use agog_sync::ids::{EventId, PlantId, ProducerId, RunId};
use agog_sync::runs::{self, RunClaim, RunDecision};
use jiff::Timestamp;
use rand::rngs::StdRng;
use serde_json::json;

use super::{store, store_runs};
use crate::db::{DbError, TenantTx};
use crate::events::{Origin, Outbox};
use crate::http::ApiError;
use crate::tenants::AgentPrincipal;

/// Decides on a run that asks for a token, and notes it. The caller commits also when it is refused.
pub async fn claim(
    tx: &mut TenantTx,
    producer: ProducerId,
    plant_id: PlantId,
    claim: &RunClaim,
    now: Timestamp,
    rng: &mut StdRng,
) -> Result<RunDecision, DbError> {
    store::ledger_lock(tx, producer, Some(plant_id), now).await?;
    let served = store_runs::served(tx, producer).await?;
    let mut named = vec![claim.run];
    named.extend(claim.before.iter().take(runs::RUNS_BEFORE_MAX));
    let known = store_runs::states(tx, producer, served, &named).await?;
    let state = |run| known.get(&run).copied();
    let decision = runs::decide(claim, served.is_some(), state);
    if matches!(decision, RunDecision::Continue | RunDecision::TakeOver) {
        store_runs::end_unheard(tx, producer, &runs::unmet(claim, state), now).await?;
    }
    let topic = match decision {
        RunDecision::Serve => {
            store_runs::seen(tx, producer, now).await?;
            return Ok(decision);
        }
        RunDecision::Continue => {
            store_runs::serve(tx, producer, Some(claim.run), "continued", now).await?;
            None
        }
        RunDecision::TakeOver => {
            store_runs::serve(tx, producer, Some(claim.run), "took-over", now).await?;
            tracing::warn!(
                agent.id = %producer, run.id = %claim.run,
                "run {} of agent {producer} is served from now on, and does not come from the one before it: \
                 a backup was restored, or the disk was copied", claim.run,
            );
            Some("sync.run-taken-over")
        }
        RunDecision::Fence => store_runs::fence(tx, producer, claim.run, now)
            .await?
            .then(|| {
                tracing::warn!(
                    agent.id = %producer, run.id = %claim.run,
                    "run {} of agent {producer} is refused for good: another process of this agent is served", claim.run,
                );
                "sync.clone-fenced"
            }),
    };
    if let Some(topic) = topic {
        let mut outbox = Outbox::default();
        let origin = Origin::of_the_hub(EventId::generate(now, rng), now);
        let data = json!({
            "agent_id": producer,
            "plant_id": plant_id,
            "run_id": claim.run,
            "served_before": served,
        });
        outbox.publish(origin, topic, data);
        outbox.store(tx).await?;
    }
    Ok(decision)
}

/// A person has decided: this run is served, also when it was refused before. None for an agent that tells none.
pub async fn enrolled(
    tx: &mut TenantTx,
    producer: ProducerId,
    plant_id: PlantId,
    run: Option<RunId>,
    now: Timestamp,
) -> Result<(), DbError> {
    store::ledger_lock(tx, producer, Some(plant_id), now).await?;
    store_runs::serve(tx, producer, run, "enrolled", now).await
}

/// Whether requests of a run are answered. One that tells none is of an older agent, and goes on.
pub async fn is_served(
    tx: &mut TenantTx,
    producer: ProducerId,
    run: Option<RunId>,
) -> Result<bool, DbError> {
    match run {
        None => Ok(true),
        Some(_) => Ok(store_runs::served(tx, producer).await? == run),
    }
}

/// Refuses a run that is not served any more. With the row of the ledger locked, nothing changes that until the
/// transaction ends.
pub(super) async fn require(tx: &mut TenantTx, agent: AgentPrincipal) -> Result<(), ApiError> {
    if is_served(tx, agent.producer_id(), agent.run).await? {
        Ok(())
    } else {
        Err(superseded())
    }
}

/// The same for whoever does not write the ledger: takes a shared lock.
pub(super) async fn require_beside(
    tx: &mut TenantTx,
    agent: AgentPrincipal,
) -> Result<(), ApiError> {
    if agent.run.is_some() {
        store_runs::share(tx, agent.producer_id()).await?;
    }
    require(tx, agent).await
}

/// The agent asks for a new token, and is told there what became of its run.
pub fn superseded() -> ApiError {
    ApiError::unauthorized(
        "run-superseded",
        "another run of this agent is served since this token was given out; ask for a new one",
    )
}

/// What a run is told that is refused for good.
pub fn cloned() -> ApiError {
    ApiError::forbidden(
        "cloned",
        "another process with the identity of this agent is served; enrol the machine that shall deliver with a new \
         code, and switch the other one off",
    )
}
