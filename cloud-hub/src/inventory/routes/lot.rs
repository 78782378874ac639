//! One lot: what is known of it, where it came from and where it went.

use agog_sync::ids::LotId;
use agog_sync::lots::{LotAttributes, LotOrigin, WorkContext};
use agog_sync::quantity::{Material, Quantity};
use agog_sync::trace::{Direction, Mode, Trace};
use axum::Json;
use axum::extract::{Path, Query, State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::find::lot_find;
use crate::app::App;
use crate::db::TenantTx;
use crate::http::ApiError;
use crate::inventory::model::{Entry, Flagged, Hold, PackedIn, QuantitySchema};
use crate::inventory::store::{containers, lots as lot_store};
use crate::inventory::trace::trace;
use crate::tenants::{self, Principal};

/// What is known of a lot.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LotAnswer {
    #[schema(value_type = Uuid)]
    lot_id: LotId,
    #[schema(example = "LOT-2025-001")]
    number: String,
    /// The code of the plant that made or received it.
    plant: String,
    /// Null for a lot that was used before anybody made it known.
    #[schema(value_type = Option<Object>)]
    material: Option<Material>,
    /// What is left of it; negative when more was used than was known.
    #[schema(value_type = QuantitySchema)]
    on_hand: Quantity,
    /// What of it is packed, in all containers.
    #[schema(value_type = QuantitySchema)]
    packed: Quantity,
    /// The containers that it is packed in.
    containers: Vec<PackedIn>,
    /// A hold stands on it.
    held: bool,
    /// Supplier, supplier's lot, expiry, location, quality figures.
    #[schema(value_type = Object)]
    attributes: LotAttributes,
    #[schema(value_type = String, example = "received")]
    origin: LotOrigin,
    /// The job, device and operator that made it.
    #[schema(value_type = Object)]
    made_by: WorkContext,
    #[schema(value_type = String)]
    created_at: Timestamp,
    holds: Vec<Hold>,
    /// What should not have been, newest first.
    flags: Vec<Flagged>,
    /// Every change of the balance, newest first, at most 500.
    history: Vec<Entry>,
    /// There are older entries than the 500.
    history_truncated: bool,
}

/// Narrows a number that several plants use.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AtPlant {
    /// The code of a plant.
    pub plant: Option<String>,
}

/// How to trace.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct TraceQuery {
    /// The code of a plant, when several use the number.
    plant: Option<String>,
    /// `exposure` (everything that can be reached; the default) or `strict` (ways never go back in time).
    #[param(example = "exposure")]
    mode: Option<String>,
}

/// Shows a lot.
#[utoipa::path(get, path = "/api/v1/inventory/lot/{lot_number}", tag = "inventory",
    params(("lot_number" = String, Path, description = "The number on the label, or the lot's id"), AtPlant),
    responses((status = 200, body = LotAnswer), (status = 404), (status = 409, description = "several lots have the number")))]
pub(super) async fn show(
    State(app): State<App>,
    principal: Principal,
    Path(number): Path<String>,
    Query(at): Query<AtPlant>,
) -> Result<Json<LotAnswer>, ApiError> {
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    let found = lot_find(&mut tx, &number, at.plant.as_deref()).await?;
    let row = lot_store::lot_rows(&mut tx, &[found.key.0])
        .await?
        .pop()
        .ok_or_else(|| ApiError::not_found("lot"))?;
    let holds: Vec<_> = lot_store::holds_of(&mut tx, &[found.key])
        .await?
        .into_iter()
        .map(|(_, hold)| hold)
        .collect();
    let containers: Vec<_> = containers::packed_of(&mut tx, &[found.key])
        .await?
        .into_iter()
        .map(|(_, packed)| packed)
        .collect();
    let packed = containers.iter().map(|packed| packed.quantity.amount).sum();
    let flags = lot_store::flags_of(&mut tx, found.key).await?;
    let mut history = lot_store::entries_of(&mut tx, found.key).await?;
    let history_truncated = history.len() > lot_store::HISTORY_MAX;
    history.truncate(lot_store::HISTORY_MAX);
    let plant = tenants::plant_codes(&mut tx)
        .await?
        .remove(&row.plant_id)
        .unwrap_or_default();
    Ok(Json(LotAnswer {
        lot_id: row.lot.lot_id,
        number: row.lot.number,
        plant,
        material: row.material,
        packed: Quantity::new(packed, row.on_hand.unit),
        containers,
        on_hand: row.on_hand,
        held: holds.iter().any(|hold| hold.stands),
        attributes: row.attributes,
        origin: row.origin,
        made_by: row.work,
        created_at: row.created_at,
        holds,
        flags,
        history,
        history_truncated,
    }))
}

/// Traces a lot to everything that it is in, and to whom that went.
#[utoipa::path(get, path = "/api/v1/inventory/lot/{lot_number}/forward-trace", tag = "inventory",
    params(("lot_number" = String, Path, description = "The number on the label, or the lot's id"), TraceQuery),
    responses((status = 200, description = "The trace, the same as `agog-edge lot trace --json` gives", body = Object),
        (status = 404), (status = 409, description = "several lots have the number")))]
pub(super) async fn forward_trace(
    State(app): State<App>,
    principal: Principal,
    Path(number): Path<String>,
    Query(query): Query<TraceQuery>,
) -> Result<Json<Trace>, ApiError> {
    answer(&app, &principal, &number, &query, Direction::Forward).await
}

/// Traces a lot to everything that is in it, back to the suppliers.
#[utoipa::path(get, path = "/api/v1/inventory/lot/{lot_number}/backward-trace", tag = "inventory",
    params(("lot_number" = String, Path, description = "The number on the label, or the lot's id"), TraceQuery),
    responses((status = 200, description = "The trace, the same as `agog-edge lot trace --json` gives", body = Object),
        (status = 404), (status = 409, description = "several lots have the number")))]
pub(super) async fn backward_trace(
    State(app): State<App>,
    principal: Principal,
    Path(number): Path<String>,
    Query(query): Query<TraceQuery>,
) -> Result<Json<Trace>, ApiError> {
    answer(&app, &principal, &number, &query, Direction::Backward).await
}

async fn answer(
    app: &App,
    principal: &Principal,
    number: &str,
    query: &TraceQuery,
    direction: Direction,
) -> Result<Json<Trace>, ApiError> {
    let mode = match query.mode.as_deref() {
        None | Some("exposure") => Mode::Exposure,
        Some("strict") => Mode::Strict,
        Some(other) => {
            return Err(ApiError::bad_request(
                "bad-mode",
                format!("`{other}` is no way to trace: expected exposure or strict"),
            ));
        }
    };
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    let found = lot_find(&mut tx, number, query.plant.as_deref()).await?;
    Ok(Json(
        trace(&mut tx, (found.key, found.lot_id), direction, mode).await?,
    ))
}
