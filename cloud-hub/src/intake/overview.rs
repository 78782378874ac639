//! How the agents of a plant stand with the hub, for people: what of their ledgers is here and what waits, whether both
//! sides have the same, which run is served, and which epochs there were and why.

use agog_sync::ids::{PlantId, ProducerId};
use axum::Json;
use axum::extract::{Path, State};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{store_days, store_overview as store, store_rejected, store_watch};
use crate::app::App;
use crate::db::TenantTx;
use crate::http::ApiError;
use crate::tenants::{self, Principal};

/// The newest runs and epochs that are shown of an agent.
const HISTORY_MAX: i64 = 20;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show))
}

/// How a plant stands with the hub.
#[derive(Debug, Serialize, ToSchema)]
struct PlantSync {
    plant: String,
    /// The agent that is served first, then those before it.
    agents: Vec<AgentSync>,
}

/// How an agent stands with the hub.
#[derive(Debug, Serialize, ToSchema)]
struct AgentSync {
    agent_id: Uuid,
    name: String,
    version: String,
    #[schema(value_type = Option<String>)]
    revoked_at: Option<Timestamp>,
    /// When it last asked for a token or delivered something; null before the first time.
    #[schema(value_type = Option<String>)]
    last_contact: Option<Timestamp>,
    /// The epoch of its ledger.
    epoch: i64,
    /// The newest event that is here.
    last_seq: i64,
    /// What it told of itself last; null for an older agent.
    told: Option<AgentTold>,
    /// The alarm that stands; null while all is well.
    alarm: Option<AgentAlarm>,
    /// Whether the days that are over are the same here and at the agent.
    days: SyncDays,
    /// The run that is served; null for an agent that tells none.
    run_id: Option<Uuid>,
    /// Another process with this identity was refused since the served run began: a copy of the machine is, or was,
    /// alive.
    fenced: bool,
    /// Events that are kept and were not applied.
    rejected_events: i64,
    /// The newest first.
    runs: Vec<AgentRun>,
    /// Those after the first, the newest first.
    epochs: Vec<AgentEpoch>,
}

/// What an agent told of itself.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AgentTold {
    /// When, by the hub's clock.
    #[schema(value_type = String)]
    pub told_at: Timestamp,
    /// How far its clock was ahead of the hub's; negative when it is behind.
    pub clock_skew_ms: i64,
    /// Events that it had not delivered yet.
    pub waiting_events: i64,
    /// When it recorded the oldest of them, by its own clock.
    #[schema(value_type = Option<String>)]
    pub oldest_waiting_at: Option<Timestamp>,
}

/// A person must look at an agent.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AgentAlarm {
    /// `no-contact`: it is silent; `no-progress`: events wait there and none comes through.
    pub reason: String,
    #[schema(value_type = String)]
    pub since: Timestamp,
}

/// Days that are over: count and hash of what agent and hub have of each.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SyncDays {
    /// Days of which both have the same.
    pub proven: i64,
    /// The last of them: UTC, as `2026-11-21`.
    pub last_proven: Option<String>,
    /// Days of which they do not.
    pub differing: i64,
    pub first_differing: Option<DifferingDay>,
    /// When the last comparison was.
    #[schema(value_type = Option<String>)]
    pub compared_at: Option<Timestamp>,
}

/// Events of one day of which agent and hub do not have the same.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DifferingDay {
    pub day: String,
    pub epoch: i64,
    pub first_seq: i64,
    pub last_seq: i64,
    pub agent_events: i64,
    pub hub_events: i64,
    /// The first event that is missing at the agent, or is not as it was sealed; null where all are.
    pub agent_fault: Option<i64>,
    /// The same at the hub.
    pub hub_fault: Option<i64>,
}

/// One start of an agent.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AgentRun {
    pub run_id: Uuid,
    #[schema(value_type = String)]
    pub began_at: Timestamp,
    /// `continued`: its disk goes on from the run before; `took-over`: it does not, a backup was restored or the disk
    /// copied; `enrolled`: a person decided for it; `refused`: it began on the disk of a fenced one;
    /// `unheard`: a later run of its disk was heard of first.
    pub reason: String,
    /// Since when another run is served.
    #[schema(value_type = Option<String>)]
    pub ended_at: Option<Timestamp>,
    /// Since when it is refused for good.
    #[schema(value_type = Option<String>)]
    pub fenced_at: Option<Timestamp>,
}

/// An epoch after the first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AgentEpoch {
    pub epoch: i64,
    /// When its first event came here.
    #[schema(value_type = String)]
    pub began_at: Timestamp,
    /// `rolled-back`, `diverged`, `superseded`; null for an older agent.
    pub reason: Option<String>,
    /// The run that opened it.
    pub run_id: Option<Uuid>,
    /// Where the epoch before ended.
    pub before_epoch: i64,
    pub before_seq: i64,
}

/// Shows how the agents of a plant stand with the hub.
#[utoipa::path(get, path = "/api/v1/plants/{id}/sync", tag = "sync",
    params(("id" = String, Path, description = "The plant's id or code")),
    responses((status = 200, body = PlantSync), (status = 404)))]
async fn show(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<Json<PlantSync>, ApiError> {
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    let plant = match id.parse::<PlantId>() {
        Ok(plant_id) => tenants::plant_by_id(&mut tx, plant_id).await?,
        Err(_) => tenants::plant_by_code(&mut tx, &id).await?,
    };
    let plant = plant.ok_or_else(|| ApiError::not_found("plant"))?;
    let mut agents = Vec::new();
    for agent in tenants::agents_of_plant(&mut tx, plant.plant_id).await? {
        let producer = ProducerId::from(agent.agent_id);
        let standing = store::standing(&mut tx, producer).await?;
        let runs = store::runs(&mut tx, producer, HISTORY_MAX).await?;
        let served = runs
            .iter()
            .find(|run| standing.run_id == Some(run.run_id))
            .map(|run| run.began_at);
        let (told, alarm) = store_watch::shown(&mut tx, producer).await?;
        agents.push(AgentSync {
            agent_id: agent.agent_id.uuid(),
            name: agent.name,
            version: agent.version,
            revoked_at: agent.revoked_at,
            last_contact: standing
                .last_contact
                .max(told.as_ref().map(|told| told.told_at)),
            epoch: standing.epoch,
            last_seq: standing.last_seq,
            told,
            alarm,
            days: store_days::days(&mut tx, producer).await?,
            run_id: standing.run_id,
            fenced: runs
                .iter()
                .any(|run| run.fenced_at >= served && run.fenced_at.is_some()),
            rejected_events: store_rejected::count(&mut tx, producer).await?,
            runs,
            epochs: store::epochs(&mut tx, producer, HISTORY_MAX).await?,
        });
    }
    Ok(Json(PlantSync {
        plant: plant.code,
        agents,
    }))
}
