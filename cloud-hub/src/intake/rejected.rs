//! Events that no module could apply: shown to people, and applied once their fault is mended, on the same way as a
//! batch. An unknown kind of a newer agent, for example, is applied after the hub was updated.
//!
//! One transaction for each ledger and epoch and at most [`EVENTS_PER_TRANSACTION`] events, with the ledger locked: an
//! event is applied with the note that it was, so that no repetition applies it again.

use agog_sync::event::{Actor, Envelope};
use agog_sync::ids::{EventId, TenantId};
use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::apply::{self, Source};
use super::ledger::{Work, read};
use super::store_rejected::{self as store, Place};
use super::{ApplyError, failed, store as ledger_store};
use crate::app::App;
use crate::db::{Pool, TenantTx};
use crate::http::{ApiError, IdempotentJson, Page, PageQuery};
use crate::tenants::{self, Principal};

/// As many as a batch has at a time when a fault is mended: a fraction of a second.
const EVENTS_PER_TRANSACTION: i64 = 200;
/// The most events that one request names.
const EVENTS_NAMED_MAX: usize = 1_000;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(retry_events))
}

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct RejectedQuery {
    /// Only those of the plant with this code.
    plant: Option<String>,
}

/// An event that is in the ledger and was not applied.
#[derive(Debug, Serialize, ToSchema)]
struct RejectedAnswer {
    event_id: Uuid,
    plant: Option<String>,
    /// The agent whose ledger it stands in.
    producer_id: Uuid,
    epoch: i64,
    seq: i64,
    #[schema(example = "lot.split")]
    kind: String,
    version: i32,
    #[schema(value_type = String)]
    occurred_at: Timestamp,
    #[schema(value_type = Object)]
    actor: Actor,
    /// As it was sealed.
    #[schema(value_type = Object)]
    payload: Box<RawValue>,
    /// `unknown-kind`, `unknown-version`, `malformed-payload`, `not-storable` and those of the modules.
    code: String,
    /// A sentence for people.
    reason: String,
    #[schema(value_type = String)]
    rejected_at: Timestamp,
    /// How often it was tried.
    tries: i32,
    #[schema(value_type = Option<String>)]
    tried_at: Option<Timestamp>,
}

/// Lists events that are kept and were not applied, the oldest first.
#[utoipa::path(get, path = "/api/v1/rejected-events", tag = "sync", params(RejectedQuery, PageQuery),
    responses((status = 200, body = Page<RejectedAnswer>), (status = 404, description = "No plant has this code")))]
async fn list(
    State(app): State<App>,
    principal: Principal,
    Query(query): Query<RejectedQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<RejectedAnswer>>, ApiError> {
    let after: Option<Place> = page.after()?;
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    let plants = tenants::plant_codes(&mut tx).await?;
    let plant_id = match query.plant {
        None => None,
        Some(code) => {
            let plant = tenants::plant_by_code(&mut tx, &code).await?;
            Some(plant.ok_or_else(|| ApiError::not_found("plant"))?.plant_id)
        }
    };
    let rows = store::list(&mut tx, plant_id, after, page.fetch()).await?;
    let page = page.page(rows, |row| row.place);
    let mut items = Vec::with_capacity(page.items.len());
    for row in page.items {
        let (version, seq) = (row.event.version, row.event.seq);
        let event = row.event.envelope()?;
        items.push(RejectedAnswer {
            event_id: event.event_id.uuid(),
            plant: row.plant_id.and_then(|id| plants.get(&id).cloned()),
            producer_id: row.place.producer,
            epoch: row.place.epoch,
            seq,
            kind: event.kind,
            version,
            occurred_at: event.occurred_at,
            actor: event.actor,
            payload: event.payload,
            code: row.code,
            reason: row.reason,
            rejected_at: row.place.rejected_at,
            tries: row.tries,
            tried_at: row.tried_at,
        });
    }
    Ok(Json(Page {
        items,
        next: page.next,
    }))
}

/// Which events to try again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RetryRequest {
    /// Their ids, at most 1,000; all without it.
    #[schema(value_type = Option<Vec<Uuid>>)]
    event_ids: Option<Vec<EventId>>,
}

/// What became of events that were tried again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Retried {
    /// They have had their effects, once.
    pub applied: u64,
    /// They are kept, with the new reason.
    pub rejected: u64,
}

/// Applies events that were not applied before, in the order of their ledgers. Those that cannot be applied still stay
/// with the new reason. Events that were applied meanwhile, and unknown ones, are left out.
#[utoipa::path(post, path = "/api/v1/rejected-events/retry", tag = "sync", request_body = RetryRequest,
    params(("Idempotency-Key" = String, Header)),
    responses((status = 200, body = Retried), (status = 422, description = "too-many-events")))]
async fn retry_events(
    State(app): State<App>,
    principal: Principal,
    IdempotentJson { body, request }: IdempotentJson<RetryRequest>,
) -> Result<Response, ApiError> {
    let only = body.event_ids.as_deref();
    if only.is_some_and(|events| events.len() > EVENTS_NAMED_MAX) {
        let detail = format!("name at most {EVENTS_NAMED_MAX} events, or none for all");
        return Err(ApiError::unprocessable("too-many-events", detail).at("/event_ids", "too many"));
    }
    let tenant_id = principal.tenant_id();
    // The work commits in steps, each of which may be repeated; the answer is stored after the last one.
    let mut tx = TenantTx::begin(&app.pool, tenant_id).await?;
    if let Some(answer) = request.replay(&mut tx).await? {
        return Ok(answer);
    }
    drop(tx);
    let (now, mut rng) = (app.clock.now(), app.rng());
    let retried = retry(&app.pool, tenant_id, only, app.roll_at, now, &mut rng).await;
    let retried = retried.map_err(failed)?;
    let mut tx = TenantTx::begin(&app.pool, tenant_id).await?;
    if let Some(answer) = request.replay(&mut tx).await? {
        return Ok(answer);
    }
    let answer = request.store(&mut tx, StatusCode::OK, &retried).await?;
    tx.commit().await?;
    Ok(answer)
}

/// Tries all events of a tenant again that were rejected, or those that are named.
pub async fn retry(
    pool: &Pool,
    tenant_id: TenantId,
    only: Option<&[EventId]>,
    roll_at: usize,
    now: Timestamp,
    rng: &mut StdRng,
) -> Result<Retried, ApplyError> {
    let mut retried = Retried::default();
    loop {
        let mut tx = TenantTx::begin(pool, tenant_id).await?;
        // One ledger in each transaction: two would be locked against the order of those that deliver.
        let Some((producer, plant_id, epoch)) = store::next(&mut tx, only, now).await? else {
            return Ok(retried);
        };
        ledger_store::ledger_lock(&mut tx, producer, Some(plant_id), now).await?;
        let limit = EVENTS_PER_TRANSACTION;
        let events = store::waiting(&mut tx, producer, epoch, only, now, limit)
            .await?
            .into_iter()
            .map(super::store::EventRow::envelope)
            .collect::<Result<Vec<Envelope>, _>>()?;
        let source = Source::load(&mut tx, producer, epoch, Some(plant_id))
            .await?
            .late();
        let mut work = Work {
            source,
            now,
            rng: StdRng::from_rng(rng),
            carried: apply::Carried::new(),
        };
        let (readable, mut rejected) = read(&events, &[]);
        let facts = readable.iter().map(|(_, event)| event);
        apply::lock(&mut tx, &work.source, facts, now).await?;
        rejected.extend(work.apply(&mut tx, &readable).await?);
        work.settle(&mut tx, &readable, roll_at).await?;
        let applied: Vec<_> = readable.iter().map(|(event, _)| event.event_id).collect();
        let again = apply::releases_told_again(&mut tx, plant_id, &applied, now).await?;
        work.carried.extend(again);
        apply::deliver(&mut tx, work.carried, now).await?;
        for (event, code, reason) in &rejected {
            let why = (code.as_str(), reason.as_str());
            store::refused_again(&mut tx, producer, epoch, event.seq, why, now).await?;
        }
        let is_rejected = |seq: u64| rejected.iter().any(|(event, ..)| event.seq == seq);
        let applied = events
            .iter()
            .filter(|event| !is_rejected(event.seq))
            .map(|event| ledger_store::to_bigint(event.seq))
            .collect::<Result<Vec<_>, _>>()?;
        store::applied(&mut tx, producer, epoch, &applied, now).await?;
        tx.commit().await?;
        retried.applied += applied.len() as u64;
        retried.rejected += rejected.len() as u64;
        tracing::info!(
            agent.id = %producer,
            "{} rejected events of agent {producer} were applied, {} are rejected still", applied.len(), rejected.len(),
        );
    }
}
