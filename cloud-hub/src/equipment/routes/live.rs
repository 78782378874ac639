//! A plant as it is now, as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::Stream;
use futures_util::stream::unfold;
use serde_json::json;
use tokio::time::{Instant, sleep_until};

use super::plant_find;
use crate::app::App;
use crate::db::TenantTx;
use crate::equipment::live::{LiveMessage, Picture, Watcher};
use crate::http::ApiError;
use crate::tenants::Principal;

/// A comment is sent when nothing else was for so long, so that proxies keep the connection.
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(15);
/// How soon a token that is revoked ends its streams.
const TOKEN_CHECK_EVERY: Duration = Duration::from_secs(10);

/// One stream.
struct Watching {
    app: App,
    principal: Principal,
    watcher: Watcher,
    /// What it was sent last.
    sent: Option<Arc<Picture>>,
    check_at: Instant,
    is_over: bool,
}

/// Streams what happens at a plant: first an event `snapshot` with what its devices do, the newest values of their series and the
/// alarms that stand; then events `change` with what has changed since, at most four in a second. The last one is `end`, with a
/// reason, when the token ends; else the stream goes on until it is closed.
#[utoipa::path(get, path = "/api/v1/plants/{id}/live", tag = "equipment",
    params(("id" = String, Path, description = "The plant's id or code")),
    responses((status = 200, body = LiveMessage, content_type = "text/event-stream"), (status = 404),
        (status = 429, description = "too-many-streams"), (status = 503, description = "too-many-streams")))]
pub(super) async fn live(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    let plant_id = plant_find(&mut tx, &id).await?;
    drop(tx);
    let watcher = app.live.watch(&app, (principal.tenant_id(), plant_id))?;
    let mut watching = Watching {
        app,
        principal,
        watcher,
        sent: None,
        check_at: Instant::now() + TOKEN_CHECK_EVERY,
        is_over: false,
    };
    // Somebody else may have looked already.
    watching.watcher.look.mark_changed();
    let stream = unfold(watching, |mut watching| async {
        let event = watching.next().await?;
        Some((Ok(event), watching))
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE_EVERY)))
}

impl Watching {
    /// The next event; none when the stream is over.
    async fn next(&mut self) -> Option<Event> {
        let stopping = self.app.stopping.clone();
        while !self.is_over {
            tokio::select! {
                changed = self.watcher.look.changed() => {
                    changed.ok()?;
                    if let Some(event) = self.look() {
                        return Some(event);
                    }
                }
                () = sleep_until(self.check_at) => {
                    self.check_at = Instant::now() + TOKEN_CHECK_EVERY;
                    // While the database is away nothing else is sent either.
                    if let Ok(false) = self.principal.stands(&self.app).await {
                        self.is_over = true;
                        return event("end", &json!({"reason": "token-revoked"}));
                    }
                }
                () = stopping.cancelled() => {
                    self.is_over = true;
                    return event("end", &json!({"reason": "stopping"}));
                }
            }
        }
        None
    }

    /// What the newest picture has that was not sent.
    fn look(&mut self) -> Option<Event> {
        let newest = self.watcher.look.borrow_and_update().clone()?;
        let event = match &self.sent {
            None => event("snapshot", &newest.all()),
            Some(sent) => {
                let changes = newest.changes(sent);
                (!changes.is_empty())
                    .then(|| event("change", &changes))
                    .flatten()
            }
        };
        self.sent = Some(newest);
        event
    }
}

fn event(name: &str, data: &impl serde::Serialize) -> Option<Event> {
    let event = Event::default().event(name).json_data(data);
    event
        .inspect_err(|error| tracing::error!(%error, "a live event cannot be written"))
        .ok()
}
