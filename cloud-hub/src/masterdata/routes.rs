//! Locations, operators and reason codes over the tenant API. Materials have paths of their own.

use agog_sync::ids::PlantId;
use agog_sync::master::MasterKind;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::{EntryRow, check_uses, check_words};
use super::store::{self, Said};
use crate::app::App;
use crate::db::{DbError, TenantTx};
use crate::http::{ApiError, IdempotentJson, Page, PageQuery};
use crate::tenants::{self, Principal};

/// The routes of this module.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show, put))
}

/// Whose records.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct AtPlant {
    /// The code of a plant. A location is of one; an operator of one or, without it, of the company; a reason of none.
    plant: Option<String>,
}

/// A record of master data.
#[derive(Debug, Serialize, ToSchema)]
struct EntryAnswer {
    #[schema(value_type = String, example = "locations")]
    kind: MasterKind,
    /// Null: of the whole company.
    #[schema(example = "HAM")]
    plant: Option<String>,
    #[schema(example = "A-01")]
    code: String,
    #[schema(example = "Aisle A, bay 1")]
    name: String,
    /// Of a reason: for what, out of waste, adjust, hold and return; none: for everything.
    used_for: Vec<String>,
    /// Since when it shall not be used any more.
    #[schema(value_type = Option<String>)]
    retired_at: Option<Timestamp>,
    #[schema(value_type = String)]
    updated_at: Timestamp,
    updated_by: String,
}

/// What a record shall say.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EntryRequest {
    name: String,
    #[serde(default)]
    used_for: Vec<String>,
    /// Retire it: it stays, because the ledger names it, and plants are warned when they use it.
    #[serde(default)]
    retired: bool,
}

/// Lists the records of a kind by code: all, or those that hold at one plant.
#[utoipa::path(get, path = "/api/v1/master-data/{kind}", tag = "master data",
    params(("kind" = String, Path, description = "locations, operators or reasons"), AtPlant, PageQuery),
    responses((status = 200, body = Page<EntryAnswer>), (status = 404)))]
async fn list(
    State(app): State<App>,
    principal: Principal,
    Path(kind): Path<String>,
    Query(at): Query<AtPlant>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<EntryAnswer>>, ApiError> {
    let kind = kind_of(&kind)?;
    let after = page.after()?;
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    let plant_id = plant_of(&mut tx, &at).await?;
    let rows = store::entry_list(&mut tx, kind, plant_id, after, page.fetch()).await?;
    let page = page.page(rows, |row| (row.code.clone(), row.key));
    let plants = tenants::plant_codes(&mut tx).await?;
    Ok(Json(page.map(|row| {
        let plant = row.plant_id.and_then(|plant_id| plants.get(&plant_id));
        answer(row, plant.cloned())
    })))
}

/// Shows a record.
#[utoipa::path(get, path = "/api/v1/master-data/{kind}/{code}", tag = "master data",
    params(("kind" = String, Path, description = "locations, operators or reasons"),
        ("code" = String, Path, description = "Its code"), AtPlant),
    responses((status = 200, body = EntryAnswer), (status = 404)))]
async fn show(
    State(app): State<App>,
    principal: Principal,
    Path((kind, code)): Path<(String, String)>,
    Query(at): Query<AtPlant>,
) -> Result<Json<EntryAnswer>, ApiError> {
    let kind = kind_of(&kind)?;
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    let plant_id = plant_of(&mut tx, &at).await?;
    let row = store::entry_find(&mut tx, kind, plant_id, &code)
        .await?
        .ok_or_else(not_found)?;
    Ok(Json(answer(row, at.plant)))
}

/// Makes a record or says anew what it says. A retired one comes back by the same way.
#[utoipa::path(put, path = "/api/v1/master-data/{kind}/{code}", tag = "master data", request_body = EntryRequest,
    params(("kind" = String, Path, description = "locations, operators or reasons"),
        ("code" = String, Path, description = "Its code"), AtPlant, ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = EntryAnswer), (status = 404, description = "no such kind or plant"),
        (status = 422, description = "bad-words, bad-use, wrong-reach")))]
async fn put(
    State(app): State<App>,
    principal: Principal,
    Path((kind, code)): Path<(String, String)>,
    Query(at): Query<AtPlant>,
    IdempotentJson { body, request }: IdempotentJson<EntryRequest>,
) -> Result<Response, ApiError> {
    let kind = kind_of(&kind)?;
    check_words(&code, &body.name)?;
    check_uses(kind, &body.used_for)?;
    check_reach(kind, &at)?;
    let now = app.clock.now();
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    if let Some(answered) = request.replay(&mut tx).await? {
        return Ok(answered);
    }
    let plant_id = plant_of(&mut tx, &at).await?;
    let said = Said {
        kind,
        plant_id,
        code: &code,
        name: &body.name,
        used_for: &body.used_for,
        retired: body.retired,
        by: principal.name(),
    };
    let changed = store::entry_put(&mut tx, &said, now).await?;
    let row = match changed.clone() {
        Some(row) => row,
        None => store::entry_find(&mut tx, kind, plant_id, &code)
            .await?
            .ok_or_else(|| DbError::stored("a record of master data is gone"))?,
    };
    if let Some(changed) = changed {
        let (item, by) = (changed.item(), principal.name());
        super::tell(&mut tx, plant_id, item, by, now, &mut app.rng()).await?;
    }
    let answer = answer(row, at.plant);
    let response = request.store(&mut tx, StatusCode::OK, &answer).await?;
    tx.commit().await?;
    Ok(response)
}

fn answer(row: EntryRow, plant: Option<String>) -> EntryAnswer {
    EntryAnswer {
        kind: row.kind,
        plant,
        code: row.code,
        name: row.name,
        used_for: row.used_for,
        retired_at: row.retired_at,
        updated_at: row.updated_at,
        updated_by: row.updated_by,
    }
}

fn not_found() -> ApiError {
    ApiError::not_found("record of master data")
}

/// A kind that has its records here.
fn kind_of(text: &str) -> Result<MasterKind, ApiError> {
    match text.parse() {
        Ok(MasterKind::Materials) | Err(_) => Err(not_found()),
        Ok(kind) => Ok(kind),
    }
}

async fn plant_of(tx: &mut TenantTx, at: &AtPlant) -> Result<Option<PlantId>, ApiError> {
    let Some(code) = &at.plant else {
        return Ok(None);
    };
    let plant = tenants::plant_by_code(tx, code).await?;
    let plant = plant.ok_or_else(|| ApiError::not_found("plant"))?;
    Ok(Some(plant.plant_id))
}

fn check_reach(kind: MasterKind, at: &AtPlant) -> Result<(), ApiError> {
    let wrong = match (kind, &at.plant) {
        (MasterKind::Locations, None) => "a location is of one plant: say ?plant= with its code",
        (MasterKind::Reasons, Some(_)) => "a reason is of the whole company: leave ?plant= out",
        _ => return Ok(()),
    };
    Err(ApiError::unprocessable("wrong-reach", wrong))
}
