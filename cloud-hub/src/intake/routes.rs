//! The sync endpoints of agents.

use std::time::Duration;

use agog_sync::days::{DaysAnswer, DaysRequest};
use agog_sync::frame::{
    self, BODY_BYTES_MAX, FeedPage, FrameError, LedgerAck, LedgerBatch, LedgerPage, SnapshotPage,
    SyncState, TelemetryAck, TelemetryBatch,
};
use agog_sync::inbox::ProducerState;
use agog_sync::telemetry::BodyError;
use agog_sync::telemetry::batch::{self, BatchError, MEDIA_TYPE};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::store_blocks::{self, BlockState};
use super::{days, feed, ledger, overview, rejected, snapshot, store, telemetry, watch};
use crate::app::App;
use crate::db::TenantTx;
use crate::http::{ApiError, error::chain};
use crate::tenants::AgentPrincipal;

/// The routes of this module.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(state))
        .routes(routes!(ledger_push, ledger_read))
        .routes(routes!(telemetry_push))
        .routes(routes!(feed_read))
        .routes(routes!(snapshot_read))
        .routes(routes!(days_compare))
        .merge(overview::router())
        .merge(rejected::router())
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

/// Says what the hub has of the agent that asks.
#[utoipa::path(get, path = "/sync/v1/state", tag = "sync",
    responses((status = 200, description = "The ends of the agent's ledger and telemetry", body = Object)))]
async fn state(
    State(app): State<App>,
    agent: AgentPrincipal,
    headers: HeaderMap,
) -> Result<Json<SyncState>, ApiError> {
    watch::hear(&app, agent, &headers).await?;
    let producer = agent.producer_id();
    let mut tx = TenantTx::begin(&app.pool, agent.tenant_id).await?;
    let ledger = store::ledger_find(&mut tx, producer)
        .await?
        .unwrap_or_else(|| ProducerState::first(producer));
    let blocks = store_blocks::blocks_find(&mut tx, producer)
        .await?
        .unwrap_or(BlockState {
            epoch: 1,
            last_block: 0,
        });
    Ok(Json(SyncState {
        ledger: ledger::ack_of(&ledger),
        telemetry: telemetry::ack_of(blocks, false),
        at: Some(app.clock.now()),
    }))
}

/// Takes a batch of the agent's ledger. Repeating a batch has no second effect.
#[utoipa::path(post, path = "/sync/v1/ledger", tag = "sync",
    request_body(content = Object, description = "A ledger batch as JSON, Content-Encoding: zstd"),
    responses((status = 200, description = "What the hub has now", body = Object),
        (status = 400, description = "malformed-batch, bad-body, unknown-protocol"), (status = 403, description = "fenced"),
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
    request_body(content = Vec<u8>, content_type = "application/vnd.agog.telemetry",
        description = "A header and blocks in their stored form; or, from older agents, JSON with Content-Encoding: zstd"),
    responses((status = 200, description = "What the hub has now", body = Object),
        (status = 400, description = "malformed-batch, bad-body"), (status = 403, description = "fenced"),
        (status = 409, description = "gap: `expected` says what the hub has")))]
async fn telemetry_push(
    State(app): State<App>,
    agent: AgentPrincipal,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<TelemetryAck>, ApiError> {
    let batch = read_telemetry(&headers, &body)?;
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
    /// Which kinds of items the agent reads; what it could not read is not sent.
    #[serde(default = "reads_first")]
    reads: u16,
}

/// Agents that do not say it read what the first version had.
const fn reads_first() -> u16 {
    1
}

/// Gives the agent what the hub has for it; waits when there is nothing.
#[utoipa::path(get, path = "/sync/v1/feed", tag = "sync", params(FeedQuery),
    responses((status = 200, description = "Items after the number that was named", body = Object)))]
async fn feed_read(
    State(app): State<App>,
    agent: AgentPrincipal,
    Query(query): Query<FeedQuery>,
    headers: HeaderMap,
) -> Result<Json<FeedPage>, ApiError> {
    check_after(query.after)?;
    watch::hear(&app, agent, &headers).await?;
    let wait = Duration::from_secs(query.wait_s);
    Ok(Json(
        feed::page(&app, agent, query.after, query.reads, wait).await?,
    ))
}

/// Where the agent stands in what is left of the feed.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct SnapshotQuery {
    /// The newest number that the agent has.
    after: u64,
    /// With the holds that stand, which are to be applied first.
    #[serde(default)]
    holds: bool,
}

/// Gives an agent whose place in the feed is gone (`must_refetch`) what is left of it, in its order.
#[utoipa::path(get, path = "/sync/v1/snapshot", tag = "sync", params(SnapshotQuery),
    responses((status = 200, description = "Items after the number that was named, under their own numbers; the feed goes \
        on after `next` when it is complete", body = Object)))]
async fn snapshot_read(
    State(app): State<App>,
    agent: AgentPrincipal,
    Query(query): Query<SnapshotQuery>,
) -> Result<Json<SnapshotPage>, ApiError> {
    check_after(query.after)?;
    Ok(Json(
        snapshot::page(&app, agent, query.after, query.holds).await?,
    ))
}

fn check_after(after: u64) -> Result<(), ApiError> {
    if i64::try_from(after).is_ok() {
        return Ok(());
    }
    let what = "`after` is beyond what was ever given out";
    Err(ApiError::bad_request("bad-query", what))
}

/// Says what the hub has of days that are over, each named by its events, and notes whether it is what the agent has.
#[utoipa::path(post, path = "/sync/v1/days", tag = "sync",
    request_body(content = Object, description = "Days with the agent's count and hash as JSON, Content-Encoding: zstd"),
    responses((status = 200, description = "What is here of each; null: its end was not delivered yet", body = Object),
        (status = 400, description = "malformed-days, bad-body")))]
async fn days_compare(
    State(app): State<App>,
    agent: AgentPrincipal,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<DaysAnswer>, ApiError> {
    let request: DaysRequest = read(&headers, &body)?;
    Ok(Json(days::compare(&app, agent, &request).await?))
}

/// Which events to give back.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct LedgerQuery {
    epoch: u64,
    /// The newest sequence number of the epoch that the agent has; 0 for all.
    after: u64,
}

/// Gives an agent back what it has delivered, also in older epochs: a disk that was set back gets what it lost.
#[utoipa::path(get, path = "/sync/v1/ledger", tag = "sync", params(LedgerQuery),
    responses((status = 200, description = "Events of the epoch after the number, in order, within the limits of a \
        batch; zstd when it is accepted. None: there are no more", body = Object)))]
async fn ledger_read(
    State(app): State<App>,
    agent: AgentPrincipal,
    Query(query): Query<LedgerQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if i64::try_from(query.after).is_err() || i64::try_from(query.epoch).is_err() {
        return Err(ApiError::bad_request(
            "bad-query",
            "a number is beyond what can be stored",
        ));
    }
    let mut tx = TenantTx::begin(&app.pool, agent.tenant_id).await?;
    let LedgerQuery { epoch, after } = query;
    let events = store::events_after(&mut tx, agent.producer_id(), epoch, after).await?;
    let page = LedgerPage { epoch, events };
    if !accepts_zstd(&headers) {
        return Ok(Json(page).into_response());
    }
    let body = frame::encode(&page).map_err(|error| {
        tracing::error!(
            error = chain(&error),
            "a page of a ledger cannot be written"
        );
        ApiError::internal()
    })?;
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CONTENT_ENCODING, "zstd"),
    ];
    Ok((headers, body).into_response())
}

fn accepts_zstd(headers: &HeaderMap) -> bool {
    headers
        .get(ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.split(',').any(|coding| coding.trim() == "zstd"))
}

/// Reads telemetry: blocks as they lie on the agent's disk, or JSON, which is how the first agents send it.
fn read_telemetry(headers: &HeaderMap, body: &Bytes) -> Result<TelemetryBatch, ApiError> {
    let has_blocks = headers
        .get(CONTENT_TYPE)
        .is_some_and(|media_type| media_type.as_bytes() == MEDIA_TYPE.as_bytes());
    if !has_blocks {
        return read(headers, body);
    }
    batch::read(body).map_err(|error| match error {
        BatchError::TooLarge
        | BatchError::Body {
            source: BodyError::TooLarge,
            ..
        } => too_large(&error),
        _ => ApiError::bad_request("bad-body", chain(&error)),
    })
}

fn too_large(error: &dyn std::error::Error) -> ApiError {
    let status = StatusCode::PAYLOAD_TOO_LARGE;
    ApiError::new(status, "body-too-large", error.to_string())
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
        FrameError::TooLarge(_) => too_large(&error),
        _ => ApiError::bad_request("bad-body", chain(&error)),
    })
}
