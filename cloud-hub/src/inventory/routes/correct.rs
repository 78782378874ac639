//! A correction made in the office: an earlier movement, of whatever plant, is undone.

use agog_sync::ids::EventId;
use agog_sync::lots::{LotCorrected, LotEvent};
use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use super::desk::{Desk, MovementAnswer, Opened};
use crate::app::App;
use crate::http::error::chain;
use crate::http::{ApiError, IdempotentJson};
use crate::tenants::Principal;

/// Undoes an event.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct CorrectRequest {
    #[schema(example = "booked on the wrong roll")]
    reason: String,
    /// Overrules the balance and holds, for a reason that goes into the ledger.
    #[serde(default)]
    forced: Option<String>,
}

/// Undoes one earlier movement exactly: balances, edges, uses, and holds that it handed down. Holds and releases are not
/// corrected, and neither are corrections: what was undone wrongly is recorded anew.
#[utoipa::path(post, path = "/api/v1/inventory/event/{event_id}/correct", tag = "inventory",
    params(("event_id" = String, Path, description = "The id of the event, as the history of a lot tells it"),
        ("Idempotency-Key" = String, Header)),
    request_body = CorrectRequest,
    responses((status = 201, body = MovementAnswer), (status = 404),
        (status = 409, description = "corrected before, used since, or held"),
        (status = 422, description = "no event that can be corrected")))]
pub(super) async fn correct(
    State(app): State<App>,
    principal: Principal,
    Path(event_id): Path<String>,
    IdempotentJson {
        body: request,
        request: idempotent,
    }: IdempotentJson<CorrectRequest>,
) -> Result<Response, ApiError> {
    let mut desk = match Desk::open(&app, &principal, idempotent).await? {
        Opened::Desk(desk) => desk,
        Opened::Answered(response) => return Ok(response),
    };
    let event_id: EventId = event_id.parse().map_err(|_| ApiError::not_found("event"))?;
    let kept = desk.event(event_id).await?;
    if kept.is_rejected {
        return Err(ApiError::unprocessable(
            "not-correctable",
            format!("event {event_id} could not be applied: there is nothing to undo"),
        ));
    }
    let event = (kept.kind.as_str(), kept.version, &*kept.payload);
    let corrected = LotCorrected::new(event_id, event, request.reason, request.forced)
        .map_err(|error| ApiError::unprocessable("not-correctable", chain(&error)))?;
    let event = LotEvent::Corrected(corrected);
    let plant_id = desk.home(&event).await?;
    desk.record(event, plant_id).await
}
