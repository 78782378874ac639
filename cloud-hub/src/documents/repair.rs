//! Plants compare heads: whether they have every change, which events they lack, and which ones have to be applied here once
//! more.

use std::collections::BTreeMap;

use agog_sync::document::DocumentKey;
use agog_sync::document::repair::{
    Digests, DocumentHeads, HeadsAnswer, HeadsRequest, MissingAnswer, MissingRequest, NAMED_MAX,
    RepairAnswer, RepairRequest, bucket,
};
use agog_sync::frame::BODY_BYTES_MAX;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::HeaderMap;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{apply, store};
use crate::app::App;
use crate::db::{DbError, TenantTx};
use crate::http::ApiError;
use crate::intake;
use crate::tenants::{self, AgentPrincipal};

/// The most events of one answer; an agent asks again for the rest.
const EVENTS_MAX: usize = 200;

/// The most bytes of the events of one answer, but for the last.
const EVENTS_BYTES_MAX: usize = 1024 * 1024;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(heads))
        .routes(routes!(missing))
        .routes(routes!(repair))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

/// Says whether the documents of the agent are those of the hub.
#[utoipa::path(post, path = "/sync/v1/documents/heads", tag = "sync",
    request_body(content = Object, description = "A digest over the heads as JSON, Content-Encoding: zstd"),
    responses((status = 200, description = "Same, or the digests of the hub's 256 buckets", body = Object),
        (status = 400, description = "bad-body")))]
async fn heads(
    State(app): State<App>,
    agent: AgentPrincipal,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<HeadsAnswer>, ApiError> {
    let request: HeadsRequest = intake::read_frame(&headers, &body)?;
    let mut tx = TenantTx::begin(&app.pool, agent.tenant_id).await?;
    let digests = Digests::of(&heads_of(&mut tx, agent).await?);
    let same = digests.digest() == request.digest;
    Ok(Json(HeadsAnswer {
        same,
        buckets: if same {
            Vec::new()
        } else {
            digests.buckets().to_vec()
        },
    }))
}

/// Gives the agent the events of the changes that it lacks in one bucket, and says what is here of the documents that differ.
#[utoipa::path(post, path = "/sync/v1/documents/missing", tag = "sync",
    request_body(content = Object, description = "The agent's heads of a bucket as JSON, Content-Encoding: zstd"),
    responses((status = 200, description = "Events, each after those that it follows", body = Object),
        (status = 400, description = "bad-body")))]
async fn missing(
    State(app): State<App>,
    agent: AgentPrincipal,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<MissingAnswer>, ApiError> {
    let request: MissingRequest = intake::read_frame(&headers, &body)?;
    let in_bucket = |key: &DocumentKey| bucket(key) == request.bucket;
    let mut theirs: BTreeMap<&DocumentKey, &DocumentHeads> = request
        .documents
        .iter()
        .filter(|one| in_bucket(&one.document))
        .map(|one| (&one.document, one))
        .collect();
    let mut tx = TenantTx::begin(&app.pool, agent.tenant_id).await?;
    let mut answer = MissingAnswer {
        events: Vec::new(),
        more: false,
        heads: None,
    };
    let mut bytes = 0;
    let mut differing = Vec::new();
    let mut ours = heads_of(&mut tx, agent).await?;
    ours.retain(|one| in_bucket(&one.document));
    for ours in ours {
        let theirs = theirs.remove(&ours.document);
        if theirs == Some(&ours) {
            continue;
        }
        let heads = theirs.map(|theirs| &theirs.heads[..]).unwrap_or_default();
        let document = apply::load(&mut tx, &ours.document).await?;
        let lacks = document.missing(heads);
        let room = EVENTS_MAX - answer.events.len();
        let mut events = Vec::new();
        // Whoever knows nothing of this generation begins it first.
        if !heads.iter().any(|head| document.has(head)) {
            let stored = store::document_find(&mut tx, &ours.document).await?;
            events.extend(stored.and_then(|stored| stored.rolled_by));
        }
        let changes = &lacks[..lacks.len().min(room)];
        events.extend(store::change_events(&mut tx, &ours.document, changes).await?);
        let events = intake::events_of(&mut tx, &events).await?;
        bytes += events
            .iter()
            .map(|item| item.event.payload.get().len())
            .sum::<usize>();
        answer.events.extend(events);
        if lacks.len() > room || answer.events.len() >= EVENTS_MAX || bytes >= EVENTS_BYTES_MAX {
            answer.more = true;
            return Ok(Json(answer));
        }
        differing.push(ours);
    }
    // Of what is left nothing is here.
    differing.extend(theirs.into_keys().map(|document| DocumentHeads {
        document: document.clone(),
        heads: Vec::new(),
        generation: 1,
    }));
    answer.heads = Some(differing);
    Ok(Json(answer))
}

/// Applies changes once more that are not part of their documents here and stand in a ledger. Repeating it has no second
/// effect.
#[utoipa::path(post, path = "/sync/v1/documents/repair", tag = "sync",
    request_body(content = Object, description = "The ids of at most 200 events as JSON, Content-Encoding: zstd"),
    responses((status = 200, description = "The changes that are not part of their documents after that, and why", body = Object),
        (status = 400, description = "bad-body, too-many-events")))]
async fn repair(
    State(app): State<App>,
    agent: AgentPrincipal,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<RepairAnswer>, ApiError> {
    let request: RepairRequest = intake::read_frame(&headers, &body)?;
    if request.events.len() > NAMED_MAX {
        let detail = format!("name at most {NAMED_MAX} events");
        return Err(ApiError::bad_request("too-many-events", detail));
    }
    let (now, mut rng) = (app.clock.now(), app.rng());
    let mut tx = TenantTx::begin(&app.pool, agent.tenant_id).await?;
    let left =
        intake::changes_again(&mut tx, agent, &request.events, app.roll_at, now, &mut rng).await?;
    tx.commit().await?;
    Ok(Json(RepairAnswer { left }))
}

/// The heads of the documents that the agent's plant has.
async fn heads_of(tx: &mut TenantTx, agent: AgentPrincipal) -> Result<Vec<DocumentHeads>, DbError> {
    let plant = tenants::plant_by_id(tx, agent.plant_id).await?;
    let plant = plant.ok_or_else(|| DbError::stored("the plant of an agent is gone"))?;
    store::heads_of_plant(tx, &plant.code).await
}
