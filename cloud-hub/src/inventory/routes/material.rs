//! Materials: what plants have made known, and what the office says of them.

use agog_sync::ids::MaterialId;
use agog_sync::quantity::{Material, QuantityError, Unit};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::db::TenantTx;
use crate::http::{ApiError, IdempotentJson, Page, PageQuery};
use crate::inventory::model::MaterialRow;
use crate::inventory::store::materials;
use crate::masterdata;
use crate::tenants::Principal;

/// A dimension has at most this many decimals, as quantities have.
const DECIMALS_MAX: u32 = 6;
/// A web of a kilometre, in millimetres; also far above the grammage of any board.
const SIZE_MAX: Decimal = Decimal::from_parts(1_000_000, 0, 0, false, 0);

/// A material.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MaterialAnswer {
    #[schema(value_type = Uuid)]
    id: MaterialId,
    #[schema(example = "BOARD-300")]
    code: String,
    name: String,
    #[schema(value_type = String, example = "sheet")]
    base_unit: Unit,
    #[schema(value_type = Option<String>)]
    width_mm: Option<Decimal>,
    #[schema(value_type = Option<String>)]
    length_mm: Option<Decimal>,
    #[schema(value_type = Option<String>)]
    grammage_g_m2: Option<Decimal>,
    /// Since when the office has said how it is, and all plants are told; null: it is as plants say.
    #[schema(value_type = Option<String>)]
    defined_at: Option<Timestamp>,
    /// Since when the office wants no new lots of it.
    #[schema(value_type = Option<String>)]
    retired_at: Option<Timestamp>,
}

impl From<MaterialRow> for MaterialAnswer {
    fn from(row: MaterialRow) -> Self {
        Self {
            id: row.id,
            code: row.material.code,
            name: row.material.name,
            base_unit: row.material.base_unit,
            width_mm: row.material.width_mm,
            length_mm: row.material.length_mm,
            grammage_g_m2: row.material.grammage_g_m2,
            defined_at: row.defined_at,
            retired_at: row.retired_at,
        }
    }
}

/// What the office says of a material.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MaterialRequest {
    #[schema(example = "Folding box board 300 g/m2")]
    name: String,
    /// One of sheet, m2, kg, m, piece, l. It stays once there are lots.
    #[schema(example = "sheet")]
    base_unit: String,
    /// Width of a sheet or web in millimetres, as text.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    width_mm: Option<Decimal>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    length_mm: Option<Decimal>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    grammage_g_m2: Option<Decimal>,
    /// Retire it: it stays, because lots are made of it, and plants are warned when they receive more.
    #[serde(default)]
    retired: bool,
}

impl MaterialRequest {
    fn material(&self, code: &str) -> Result<Material, ApiError> {
        masterdata::check_words(code, &self.name)?;
        let base_unit = self.base_unit.parse().map_err(|error: QuantityError| {
            ApiError::unprocessable("wrong-unit", error.to_string())
                .at("/base_unit", &*self.base_unit)
        })?;
        for (pointer, size) in [
            ("/width_mm", self.width_mm),
            ("/length_mm", self.length_mm),
            ("/grammage_g_m2", self.grammage_g_m2),
        ] {
            let is_good = size.is_none_or(|size| {
                size > Decimal::ZERO && size <= SIZE_MAX && size.normalize().scale() <= DECIMALS_MAX
            });
            if !is_good {
                let what = format!(
                    "a size is above 0 and at most {SIZE_MAX}, with at most {DECIMALS_MAX} decimals"
                );
                return Err(ApiError::unprocessable("bad-size", what).at(pointer, "out of bounds"));
            }
        }
        Ok(Material {
            code: code.to_owned(),
            name: self.name.clone(),
            base_unit,
            width_mm: self.width_mm.map(|size| size.normalize()),
            length_mm: self.length_mm.map(|size| size.normalize()),
            grammage_g_m2: self.grammage_g_m2.map(|size| size.normalize()),
        })
    }
}

/// Lists the materials, by code.
#[utoipa::path(get, path = "/api/v1/materials", tag = "inventory", params(PageQuery),
    responses((status = 200, body = Page<MaterialAnswer>)))]
pub(super) async fn list(
    State(app): State<App>,
    principal: Principal,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<MaterialAnswer>>, ApiError> {
    let after: Option<String> = page.after()?;
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    let rows = materials::material_list(&mut tx, after.as_deref(), page.fetch()).await?;
    Ok(Json(
        page.page(rows, |row| row.material.code.clone())
            .map(MaterialAnswer::from),
    ))
}

/// Shows a material.
#[utoipa::path(get, path = "/api/v1/materials/{id}", tag = "inventory",
    params(("id" = String, Path, description = "The material's id or code")),
    responses((status = 200, body = MaterialAnswer), (status = 404)))]
pub(super) async fn show(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<Json<MaterialAnswer>, ApiError> {
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    let row = materials::material_find(&mut tx, &id).await?;
    Ok(Json(
        row.ok_or_else(|| ApiError::not_found("material"))?.into(),
    ))
}

/// Says how a material is, for all plants of the company; makes it when it is not known. What is in the ledger stays as it
/// was counted.
#[utoipa::path(put, path = "/api/v1/materials/{id}", tag = "inventory", request_body = MaterialRequest,
    params(("id" = String, Path, description = "The material's code"), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = MaterialAnswer), (status = 409, description = "base-unit-fixed"),
        (status = 422, description = "bad-words, bad-size, wrong-unit")))]
pub(super) async fn put(
    State(app): State<App>,
    principal: Principal,
    Path(code): Path<String>,
    IdempotentJson { body, request }: IdempotentJson<MaterialRequest>,
) -> Result<Response, ApiError> {
    let material = body.material(&code)?;
    let (now, mut rng) = (app.clock.now(), app.rng());
    let by = principal.name();
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    if let Some(answered) = request.replay(&mut tx).await? {
        return Ok(answered);
    }
    let known = materials::material_lock(&mut tx, &code).await?;
    if let Some((known, true)) = &known
        && known.material.base_unit != material.base_unit
    {
        return Err(ApiError::conflict(
            "base-unit-fixed",
            format!(
                "there are lots of {code}, counted in {}; give what is counted in {} a code of its own",
                known.material.base_unit, material.base_unit
            ),
        ));
    }
    let is_so = |row: &MaterialRow| {
        row.defined_at.is_some()
            && row.material == material
            && row.retired_at.is_some() == body.retired
    };
    let row = match known {
        Some((row, _)) if is_so(&row) => row,
        _ => {
            let new_id = MaterialId::generate(now, &mut rng);
            let row =
                materials::material_define(&mut tx, new_id, &material, body.retired, (by, now))
                    .await?;
            masterdata::tell(&mut tx, None, row.clone().item(), by, now, &mut rng).await?;
            row
        }
    };
    let answer = MaterialAnswer::from(row);
    let response = request.store(&mut tx, StatusCode::OK, &answer).await?;
    tx.commit().await?;
    Ok(response)
}
