//! `GET /api/v1/telemetry/latest`: the newest value of every series.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};

use super::{LatestValue, Telemetry};
use crate::api::ApiState;

/// The routes, to be merged into those of the local API.
pub fn router(telemetry: Telemetry) -> Router<ApiState> {
    Router::new()
        .route("/api/v1/telemetry/latest", get(latest))
        .with_state(telemetry)
}

async fn latest(State(telemetry): State<Telemetry>) -> Json<Vec<LatestValue>> {
    Json(telemetry.latest())
}
