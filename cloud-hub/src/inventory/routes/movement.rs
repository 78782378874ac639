//! Movements made in the office: split, merge, hold and release.
//!
//! Here requests are read and become lot events; [`super::desk`] records them.

use agog_sync::ids::HoldId;
use agog_sync::lots::{
    Draw, LotEvent, LotHeld, LotMerged, LotRef, LotReleased, LotSplit, SplitPart,
};
use agog_sync::quantity::{Material, Measured};
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use super::desk::{Desk, MovementAnswer, Opened};
use super::lot::AtPlant;
use crate::app::App;
use crate::http::{ApiError, IdempotentJson};
use crate::inventory::model::LotRow;
use crate::inventory::office::{material_of, measured};
use crate::tenants::Principal;

/// The most parts of a split and lots of a merge in one request. A roll is slit into dozens, not hundreds.
const PARTS_MAX: usize = 200;

/// A quantity as a person enters it.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct EnteredQuantity {
    /// A decimal number, as text.
    #[schema(example = "15000")]
    amount: String,
    /// One of sheet, m2, kg, m, piece, l; converted through the material's dimensions where it is not the base unit.
    #[schema(example = "sheet")]
    unit: String,
}

/// One part of a split.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct PartRequest {
    #[schema(example = "LOT-2025-001-B")]
    number: String,
    quantity: EnteredQuantity,
    /// The part is waste.
    #[serde(default)]
    waste: bool,
}

/// Takes parts from a lot; the remainder keeps its number.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct SplitRequest {
    parts: Vec<PartRequest>,
    /// Overrules the balance and holds, for a reason that goes into the ledger.
    #[serde(default)]
    forced: Option<String>,
}

/// A lot that is merged.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct MergeInput {
    /// Its number or id.
    lot: String,
    /// How much; everything that is left when it is not said.
    #[serde(default)]
    quantity: Option<EnteredQuantity>,
}

/// Makes one lot of this and other lots of the same material.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct MergeRequest {
    /// How much of this lot; everything that is left when it is not said.
    #[serde(default)]
    quantity: Option<EnteredQuantity>,
    with: Vec<MergeInput>,
    /// The number of the new lot.
    into: String,
    /// Overrules the balance and holds, for a reason that goes into the ledger.
    #[serde(default)]
    forced: Option<String>,
}

/// Holds a lot.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct HoldRequest {
    #[schema(example = "supplier recall of roll 12345")]
    reason: String,
}

/// Ends a hold.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct ReleaseRequest {
    #[schema(value_type = Uuid)]
    hold_id: HoldId,
    #[serde(default)]
    reason: String,
}

/// Splits parts off a lot.
#[utoipa::path(post, path = "/api/v1/inventory/lot/{lot_number}/split", tag = "inventory",
    params(("lot_number" = String, Path, description = "The number on the label, or the lot's id"), AtPlant,
        ("Idempotency-Key" = String, Header)),
    request_body = SplitRequest,
    responses((status = 201, body = MovementAnswer), (status = 404),
        (status = 409, description = "beyond the balance, held, number taken or ambiguous"), (status = 422)))]
pub(super) async fn split(
    State(app): State<App>,
    principal: Principal,
    Path(number): Path<String>,
    Query(at): Query<AtPlant>,
    IdempotentJson {
        body: request,
        request: idempotent,
    }: IdempotentJson<SplitRequest>,
) -> Result<Response, ApiError> {
    check_count(request.parts.len())?;
    let mut desk = match Desk::open(&app, &principal, idempotent).await? {
        Opened::Desk(desk) => desk,
        Opened::Answered(response) => return Ok(response),
    };
    let from = desk.lot(&number, at.plant.as_deref()).await?;
    let material = material_of(&from)?;
    let parts = request
        .parts
        .into_iter()
        .map(|part| {
            Ok(SplitPart {
                lot: LotRef {
                    lot_id: desk.new_lot_id(),
                    number: part.number,
                },
                quantity: measure(&material, &part.quantity)?,
                waste: part.waste,
            })
        })
        .collect::<Result<_, ApiError>>()?;
    let event = LotSplit {
        from: from.lot,
        material,
        parts,
        holds: Vec::new(),
        forced: request.forced,
    };
    desk.record(LotEvent::Split(event), from.plant_id).await
}

/// Merges lots of one material into a new one.
#[utoipa::path(post, path = "/api/v1/inventory/lot/{lot_number}/merge", tag = "inventory",
    params(("lot_number" = String, Path, description = "The number on the label, or the lot's id"), AtPlant,
        ("Idempotency-Key" = String, Header)),
    request_body = MergeRequest,
    responses((status = 201, body = MovementAnswer), (status = 404),
        (status = 409, description = "beyond the balance, held, number taken or ambiguous"), (status = 422)))]
pub(super) async fn merge(
    State(app): State<App>,
    principal: Principal,
    Path(number): Path<String>,
    Query(at): Query<AtPlant>,
    IdempotentJson {
        body: request,
        request: idempotent,
    }: IdempotentJson<MergeRequest>,
) -> Result<Response, ApiError> {
    check_count(request.with.len())?;
    let mut desk = match Desk::open(&app, &principal, idempotent).await? {
        Opened::Desk(desk) => desk,
        Opened::Answered(response) => return Ok(response),
    };
    let first = desk.lot(&number, at.plant.as_deref()).await?;
    let material = material_of(&first)?;
    let plant_id = first.plant_id;
    let mut inputs = vec![draw(first, &material, request.quantity.as_ref())?];
    for input in &request.with {
        let lot = desk.lot(&input.lot, at.plant.as_deref()).await?;
        let own = material_of(&lot)?;
        inputs.push(draw(lot, &own, input.quantity.as_ref())?);
    }
    let into = LotRef {
        lot_id: desk.new_lot_id(),
        number: request.into,
    };
    let event = LotMerged {
        inputs,
        into,
        material,
        holds: Vec::new(),
        forced: request.forced,
    };
    desk.record(LotEvent::Merged(event), plant_id).await
}

/// Holds a lot: nothing may be used of it until the hold is released. Also possible after it was used.
#[utoipa::path(post, path = "/api/v1/inventory/lot/{lot_number}/hold", tag = "inventory",
    params(("lot_number" = String, Path, description = "The number on the label, or the lot's id"), AtPlant,
        ("Idempotency-Key" = String, Header)),
    request_body = HoldRequest,
    responses((status = 201, body = MovementAnswer), (status = 404), (status = 409), (status = 422)))]
pub(super) async fn hold(
    State(app): State<App>,
    principal: Principal,
    Path(number): Path<String>,
    Query(at): Query<AtPlant>,
    IdempotentJson {
        body: request,
        request: idempotent,
    }: IdempotentJson<HoldRequest>,
) -> Result<Response, ApiError> {
    let mut desk = match Desk::open(&app, &principal, idempotent).await? {
        Opened::Desk(desk) => desk,
        Opened::Answered(response) => return Ok(response),
    };
    let lot = desk.lot(&number, at.plant.as_deref()).await?;
    let hold_id = desk.new_hold_id();
    let event = LotHeld {
        hold_id,
        lot: lot.lot,
        reason: request.reason,
    };
    desk.record(LotEvent::Held(event), lot.plant_id).await
}

/// Releases one hold of a lot.
#[utoipa::path(post, path = "/api/v1/inventory/lot/{lot_number}/release", tag = "inventory",
    params(("lot_number" = String, Path, description = "The number on the label, or the lot's id"), AtPlant,
        ("Idempotency-Key" = String, Header)),
    request_body = ReleaseRequest,
    responses((status = 201, body = MovementAnswer), (status = 404), (status = 409), (status = 422)))]
pub(super) async fn release(
    State(app): State<App>,
    principal: Principal,
    Path(number): Path<String>,
    Query(at): Query<AtPlant>,
    IdempotentJson {
        body: request,
        request: idempotent,
    }: IdempotentJson<ReleaseRequest>,
) -> Result<Response, ApiError> {
    let mut desk = match Desk::open(&app, &principal, idempotent).await? {
        Opened::Desk(desk) => desk,
        Opened::Answered(response) => return Ok(response),
    };
    let lot = desk.lot(&number, at.plant.as_deref()).await?;
    let event = LotReleased {
        hold_id: request.hold_id,
        lot: lot.lot,
        reason: request.reason,
    };
    desk.record(LotEvent::Released(event), lot.plant_id).await
}

fn check_count(count: usize) -> Result<(), ApiError> {
    if count > PARTS_MAX {
        return Err(ApiError::unprocessable(
            "too-many-lots",
            format!("{count} lots in one movement: at most {PARTS_MAX}"),
        ));
    }
    Ok(())
}

pub(super) fn measure(
    material: &Material,
    entered: &EnteredQuantity,
) -> Result<Measured, ApiError> {
    measured(material, &entered.amount, &entered.unit)
}

fn draw(
    lot: LotRow,
    material: &Material,
    entered: Option<&EnteredQuantity>,
) -> Result<Draw, ApiError> {
    let quantity = match entered {
        Some(entered) => measure(material, entered)?,
        None => Measured::in_base(lot.on_hand),
    };
    Ok(Draw {
        lot: lot.lot,
        quantity,
    })
}
