//! The local HTTP API: what the command line, scripts and the operator panel use.
//!
//! It listens on loopback and has no sign-in yet; [`guard`] therefore refuses whatever a web page
//! could send. Errors are problem+json with stable codes ([`problem`]). Every command may carry
//! an `Idempotency-Key` and is then safe to repeat.
//!
//! Limits: bodies of [`BODY_BYTES_MAX`], pages of 100 lots, [`REQUEST_LIMIT`] per request.

pub mod guard;
mod lots;
pub mod problem;
pub mod status;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware;
use axum::routing::{get, post};
use metrics_exporter_prometheus::PrometheusHandle;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

pub use lots::LotDetail;
pub(crate) use lots::idempotency_key;
pub use status::StatusReport;

use crate::run::{Addresses, Agent};

/// The largest request body: a split into thousands of parts.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// The longest that a request may take. A verification of a large ledger is the slowest.
const REQUEST_LIMIT: Duration = Duration::from_mins(2);

/// What the handlers share.
#[derive(Clone)]
pub struct ApiState {
    pub agent: Agent,
    pub addresses: Arc<Addresses>,
    pub metrics: PrometheusHandle,
}

/// All routes of the local API; those of other modules come as `more`.
pub fn router(state: ApiState, more: Router<ApiState>) -> Router {
    Router::new()
        .merge(more)
        .route("/api/v1/lots", get(lots::list))
        .route("/api/v1/lots/{name}", post(lots::command).get(lots::show))
        .route("/api/v1/lots/{name}/trace", get(lots::trace))
        .route("/api/v1/containers/{sscc}", get(lots::container))
        .route("/api/v1/materials/sums", get(lots::sums))
        .route("/api/v1/master-data", get(lots::master_data))
        .route("/api/v1/status", get(status::status))
        .route("/api/v1/ledger/head", get(status::head))
        .route("/api/v1/ledger/verify", get(status::verify))
        .route("/healthz", get(status::healthz))
        .route("/metrics", get(status::metrics))
        .fallback(problem::no_such_path)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            REQUEST_LIMIT,
        ))
        .layer(CatchPanicLayer::custom(|_| problem::internal()))
        .layer(middleware::from_fn(guard::loopback_only))
        .layer(middleware::from_fn_with_state(
            state.clone(),
            problem::name_request,
        ))
        .with_state(state)
}
