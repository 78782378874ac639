//! Goods that came back from a customer, as the office records them.

use agog_sync::lots::{LotEvent, LotReturned};
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use super::desk::{Desk, MovementAnswer, Opened};
use super::lot::AtPlant;
use super::movement::{EnteredQuantity, measure};
use crate::app::App;
use crate::http::{ApiError, IdempotentJson};
use crate::inventory::office::material_of;
use crate::tenants::Principal;

/// Takes back what a customer sends back.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct ReturnRequest {
    quantity: EnteredQuantity,
    /// The order under which it was shipped.
    #[schema(example = "Order-5002")]
    order: String,
    #[schema(example = "XYZ Inc")]
    customer: String,
    #[schema(example = "wrong colour")]
    reason: String,
    /// Return note or carrier reference.
    #[serde(default)]
    reference: Option<String>,
    /// Hold the lot until somebody has looked at what came back.
    #[serde(default = "held_by_default")]
    #[schema(default = true)]
    hold: bool,
    /// Overrules what was shipped, for a reason that goes into the ledger.
    #[serde(default)]
    forced: Option<String>,
}

const fn held_by_default() -> bool {
    true
}

/// Records that part or all of what was shipped of a lot came back. The lot is held from then on, unless `hold` is false.
#[utoipa::path(post, path = "/api/v1/inventory/lot/{lot_number}/return", tag = "inventory",
    params(("lot_number" = String, Path, description = "The number on the label, or the lot's id"), AtPlant,
        ("Idempotency-Key" = String, Header)),
    request_body = ReturnRequest,
    responses((status = 201, body = MovementAnswer), (status = 404),
        (status = 409, description = "more than was shipped, or ambiguous"), (status = 422)))]
pub(super) async fn return_lot(
    State(app): State<App>,
    principal: Principal,
    Path(number): Path<String>,
    Query(at): Query<AtPlant>,
    IdempotentJson {
        body: request,
        request: idempotent,
    }: IdempotentJson<ReturnRequest>,
) -> Result<Response, ApiError> {
    let mut desk = match Desk::open(&app, &principal, idempotent).await? {
        Opened::Desk(desk) => desk,
        Opened::Answered(response) => return Ok(response),
    };
    let lot = desk.lot(&number, at.plant.as_deref()).await?;
    let quantity = measure(&material_of(&lot)?, &request.quantity)?;
    let event = LotReturned {
        lot: lot.lot,
        quantity,
        order: request.order,
        customer: request.customer,
        reason: request.reason,
        reference: request.reference,
        hold: request.hold.then(|| desk.new_hold_id()),
        forced: request.forced,
    };
    desk.record(LotEvent::Returned(event), lot.plant_id).await
}
