//! `GET /api/v1/telemetry/latest`: the newest value of every series. `GET /api/v1/telemetry/trend?device=&metric=`: how one was in
//! the last minutes.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;

use super::live::TREND_POINTS_MAX;
use super::{LatestValue, Telemetry, Trend};
use crate::api::ApiState;
use crate::api::problem::Problem;

/// The routes, to be merged into those of the local API.
pub fn router(telemetry: Telemetry) -> Router<ApiState> {
    Router::new()
        .route("/api/v1/telemetry/latest", get(latest))
        .route("/api/v1/telemetry/trend", get(trend))
        .with_state(telemetry)
}

async fn latest(State(telemetry): State<Telemetry>) -> Result<Json<Vec<LatestValue>>, Problem> {
    let counted = telemetry.latest_counted().await;
    counted.map(Json).map_err(|error| {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Problem::new(status, "telemetry-failed", error.to_string())
    })
}

#[derive(Debug, Deserialize)]
struct TrendQuery {
    device: String,
    metric: String,
    /// The newest so many points.
    #[serde(default = "all_points")]
    points: usize,
}

const fn all_points() -> usize {
    TREND_POINTS_MAX
}

async fn trend(
    State(telemetry): State<Telemetry>,
    query: Result<Query<TrendQuery>, QueryRejection>,
) -> Result<Json<Vec<Trend>>, Problem> {
    let Query(query) = query.map_err(|rejection| Problem::malformed(rejection.body_text()))?;
    if !(1..=TREND_POINTS_MAX).contains(&query.points) {
        return Err(Problem::malformed(format!(
            "`points` must be 1 to {TREND_POINTS_MAX}"
        )));
    }
    let trends = telemetry.trends(&query.device, &query.metric, query.points);
    if trends.is_empty() {
        let detail = format!("device `{}` has told no `{}`", query.device, query.metric);
        return Err(Problem::new(
            StatusCode::NOT_FOUND,
            "no-such-series",
            detail,
        ));
    }
    Ok(Json(trends))
}
