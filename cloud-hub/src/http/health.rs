//! Whether the hub lives, whether it can work, and how it is doing.

use std::time::Duration;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use super::error::ApiError;
use crate::app::App;
use crate::db::SystemTx;

/// How long the database may take to answer before a balancer should look elsewhere.
const READY_LIMIT: Duration = Duration::from_secs(2);

/// The process answers.
pub(super) async fn live() -> &'static str {
    "ok\n"
}

/// The database answers, and has the hub's schema.
pub(super) async fn ready(State(app): State<App>) -> Result<&'static str, ApiError> {
    if app.stopping.is_cancelled() {
        return Err(ApiError::unavailable(
            "stopping",
            "this hub is about to stop",
        ));
    }
    match tokio::time::timeout(READY_LIMIT, look(&app)).await {
        Ok(result) => result.map(|()| "ready\n"),
        Err(_) => Err(ApiError::unavailable(
            "database-unavailable",
            "the database does not answer in time",
        )),
    }
}

async fn look(app: &App) -> Result<(), ApiError> {
    // No tenant fits: the question is whether the schema is there. Without a tenant no row is seen.
    let mut tx = SystemTx::begin(&app.pool).await?;
    sqlx::query_scalar!("select count(*) from tenant")
        .fetch_one(tx.conn())
        .await?;
    Ok(())
}

/// The metrics in the text form of Prometheus.
pub(super) async fn show_metrics(State(app): State<App>) -> impl IntoResponse {
    app.metrics.run_upkeep();
    #[expect(
        clippy::cast_precision_loss,
        reason = "a few thousand requests at most"
    )]
    metrics::gauge!("agog_hub_feed_requests_waiting").set(app.pool.bell().listeners() as f64);
    (
        [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        app.metrics.render(),
    )
}
