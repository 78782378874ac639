//! The sync endpoints of agents.

use std::time::Duration;

use agog_sync::event::Envelope;
use agog_sync::frame::{
    self, BODY_BYTES_MAX, FeedPage, FrameError, LedgerAck, LedgerBatch, SyncState, TelemetryAck,
    TelemetryBatch,
};
use agog_sync::inbox::ProducerState;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::header::CONTENT_ENCODING;
use axum::http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::store::BlockState;
use super::{feed, ledger, store, telemetry};
use crate::app::App;
use crate::db::TenantTx;
use crate::http::{ApiError, error::chain};
use crate::tenants::AgentPrincipal;

/// The most events of one answer of `GET /sync/v1/ledger`.
const LEDGER_PAGE_MAX: i64 = 500;

/// The routes of this module.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(state))
        .routes(routes!(ledger_push, ledger_read))
        .routes(routes!(telemetry_push))
        .routes(routes!(feed_read))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

/// Says what the hub has of the agent that asks.
#[utoipa::path(get, path = "/sync/v1/state", tag = "sync",
    responses((status = 200, description = "The ends of the agent's ledger and telemetry", body = Object)))]
async fn state(State(app): State<App>, agent: AgentPrincipal) -> Result<Json<SyncState>, ApiError> {
    let producer = agent.producer_id();
    let mut tx = TenantTx::begin(&app.pool, agent.tenant_id).await?;
    let ledger = store::ledger_find(&mut tx, producer)
        .await?
        .unwrap_or_else(|| ProducerState::first(producer));
    let blocks = store::blocks_find(&mut tx, producer)
        .await?
        .unwrap_or(BlockState {
            epoch: 1,
            last_block: 0,
        });
    Ok(Json(SyncState {
        ledger: ledger::ack_of(&ledger),
        telemetry: telemetry::ack_of(blocks, false),
    }))
}

/// Takes a batch of the agent's ledger. Repeating a batch has no second effect.
#[utoipa::path(post, path = "/sync/v1/ledger", tag = "sync",
    request_body(content = Object, description = "A ledger batch as JSON, Content-Encoding: zstd"),
    responses((status = 200, description = "What the hub has now", body = Object),
        (status = 400, description = "malformed-batch, bad-body"), (status = 403, description = "fenced"),
        (status = 409, description = "gap, chain-broken: `expected` says what the hub has")))]
async fn ledger_push(
    State(app): State<App>,
    agent: AgentPrincipal,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<LedgerAck>, ApiError> {
    let batch: LedgerBatch = read(&headers, &body)?;
    Ok(Json(ledger::take(&app, agent, &batch).await?))
}

/// Takes a batch of the agent's telemetry blocks. Repeating a batch has no second effect.
#[utoipa::path(post, path = "/sync/v1/telemetry", tag = "sync",
    request_body(content = Object, description = "A telemetry batch as JSON, Content-Encoding: zstd"),
    responses((status = 200, description = "What the hub has now", body = Object),
        (status = 400, description = "malformed-batch, bad-body"), (status = 403, description = "fenced"),
        (status = 409, description = "gap: `expected` says what the hub has")))]
async fn telemetry_push(
    State(app): State<App>,
    agent: AgentPrincipal,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<TelemetryAck>, ApiError> {
    let batch: TelemetryBatch = read(&headers, &body)?;
    Ok(Json(telemetry::take(&app, agent, &batch).await?))
}

/// Where the agent stands in its feed.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct FeedQuery {
    /// The newest number that the agent has; 0 at first.
    after: u64,
    /// How many seconds to wait when there is nothing, at most 25.
    #[serde(default)]
    wait_s: u64,
}

/// Gives the agent what the hub has for it; waits when there is nothing.
#[utoipa::path(get, path = "/sync/v1/feed", tag = "sync", params(FeedQuery),
    responses((status = 200, description = "Items after the number that was named", body = Object)))]
async fn feed_read(
    State(app): State<App>,
    agent: AgentPrincipal,
    Query(query): Query<FeedQuery>,
) -> Result<Json<FeedPage>, ApiError> {
    if i64::try_from(query.after).is_err() {
        return Err(ApiError::bad_request(
            "bad-query",
            "`after` is beyond what was ever given out",
        ));
    }
    let wait = Duration::from_secs(query.wait_s);
    Ok(Json(feed::page(&app, agent, query.after, wait).await?))
}

/// Which events to give back.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct LedgerQuery {
    epoch: u64,
    /// The newest sequence number of the epoch that the agent has; 0 for all.
    after: u64,
}

/// Events that the agent has delivered.
#[derive(Debug, Serialize)]
struct LedgerPage {
    epoch: u64,
    /// In order; at most 500. Ask again after the last one until there are none.
    events: Vec<Envelope>,
}

/// Gives an agent back what it has delivered, so that one that lost its disk can restore it.
#[utoipa::path(get, path = "/sync/v1/ledger", tag = "sync", params(LedgerQuery),
    responses((status = 200, description = "At most 500 events of the epoch, in order", body = Object)))]
async fn ledger_read(
    State(app): State<App>,
    agent: AgentPrincipal,
    Query(query): Query<LedgerQuery>,
) -> Result<Json<LedgerPage>, ApiError> {
    if i64::try_from(query.after).is_err() || i64::try_from(query.epoch).is_err() {
        return Err(ApiError::bad_request(
            "bad-query",
            "a number is beyond what can be stored",
        ));
    }
    let mut tx = TenantTx::begin(&app.pool, agent.tenant_id).await?;
    let LedgerQuery { epoch, after } = query;
    let events =
        store::events_after(&mut tx, agent.producer_id(), epoch, after, LEDGER_PAGE_MAX).await?;
    Ok(Json(LedgerPage { epoch, events }))
}

/// Reads a frame of an agent.
pub(crate) fn read<T: DeserializeOwned>(headers: &HeaderMap, body: &Bytes) -> Result<T, ApiError> {
    let is_zstd = headers
        .get(CONTENT_ENCODING)
        .is_some_and(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"zstd"));
    if !is_zstd {
        return Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "the body must be JSON with Content-Encoding: zstd",
        ));
    }
    frame::decode(body, BODY_BYTES_MAX).map_err(|error| match error {
        FrameError::TooLarge(_) => ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body-too-large",
            error.to_string(),
        ),
        _ => ApiError::bad_request("bad-body", chain(&error)),
    })
}
