//! The lots of a material, and what is on hand.

use std::collections::BTreeMap;

use agog_sync::ids::LotId;
use agog_sync::quantity::{Quantity, Unit};
use axum::Json;
use axum::extract::{Path, Query, State};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::App;
use crate::db::TenantTx;
use crate::http::{ApiError, Page, PageQuery};
use crate::inventory::model::{QuantitySchema, StockRow};
use crate::inventory::store::{
    lots as lot_store, materials, stock as stock_store, trace as trace_store,
};
use crate::tenants::{self, Principal};

/// One end of an edge.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct Relative {
    #[schema(value_type = Uuid)]
    lot_id: LotId,
    number: String,
    #[schema(example = "split")]
    kind: String,
    /// How much of the parent, where the event says so.
    #[schema(value_type = Option<QuantitySchema>)]
    quantity: Option<Quantity>,
    #[schema(value_type = String)]
    at: Timestamp,
}

/// A lot of a material with its nearest relatives.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct GenealogyAnswer {
    #[schema(value_type = Uuid)]
    lot_id: LotId,
    number: String,
    plant: String,
    #[schema(value_type = QuantitySchema)]
    on_hand: Quantity,
    held: bool,
    #[schema(value_type = String)]
    created_at: Timestamp,
    /// What is in it.
    parents: Vec<Relative>,
    /// What it is in.
    children: Vec<Relative>,
}

/// The stock of one material at one plant. The sums are taken from the ledger entries:
/// received + produced + returned + adjusted + moved = on hand + consumed + wasted + shipped.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StockAnswer {
    #[schema(example = "BOARD-300")]
    material: String,
    plant: String,
    #[schema(value_type = String, example = "sheet")]
    unit: Unit,
    lots: i64,
    #[schema(value_type = String)]
    on_hand: Decimal,
    /// The part of it that a hold stands on.
    #[schema(value_type = String)]
    held: Decimal,
    #[schema(value_type = String)]
    received: Decimal,
    #[schema(value_type = String)]
    produced: Decimal,
    /// Came back from customers.
    #[schema(value_type = String)]
    returned: Decimal,
    #[schema(value_type = String)]
    adjusted: Decimal,
    #[schema(value_type = String)]
    consumed: Decimal,
    #[schema(value_type = String)]
    wasted: Decimal,
    #[schema(value_type = String)]
    shipped: Decimal,
    /// Splits and merges; 0 unless a lot was split into another plant.
    #[schema(value_type = String)]
    moved: Decimal,
    /// The two sides are equal.
    balanced: bool,
}

/// Lists the lots of a material, each with the lots that are in it and that it is in.
#[utoipa::path(get, path = "/api/v1/materials/{id}/lot-genealogy", tag = "inventory",
    params(("id" = String, Path, description = "The material's id or code"), PageQuery),
    responses((status = 200, body = Page<GenealogyAnswer>), (status = 404)))]
pub(super) async fn lot_genealogy(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<GenealogyAnswer>>, ApiError> {
    let after: i64 = page.after()?.unwrap_or(0);
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    let material = materials::material_find(&mut tx, &id)
        .await?
        .ok_or_else(|| ApiError::not_found("material"))?;
    let keys = stock_store::lots_of_material(&mut tx, material.key, after, page.fetch()).await?;
    let page = page.page(keys, |key| *key);
    let plants = tenants::plant_codes(&mut tx).await?;
    let held = trace_store::held_among(&mut tx, &page.items).await?;
    let mut parents: BTreeMap<i64, Vec<Relative>> = BTreeMap::new();
    let mut children: BTreeMap<i64, Vec<Relative>> = BTreeMap::new();
    for edge in stock_store::edges_touching(&mut tx, &page.items).await? {
        let relative = |(_, id, number): &(_, Uuid, String)| Relative {
            lot_id: LotId::from_uuid(*id),
            number: number.clone(),
            kind: edge.kind.clone(),
            quantity: edge.quantity,
            at: edge.at,
        };
        parents
            .entry(edge.child.0.0)
            .or_default()
            .push(relative(&edge.parent));
        children
            .entry(edge.parent.0.0)
            .or_default()
            .push(relative(&edge.child));
    }
    let rows = lot_store::lot_rows(&mut tx, &page.items).await?;
    let items = rows
        .into_iter()
        .map(|row| GenealogyAnswer {
            plant: plants.get(&row.plant_id).cloned().unwrap_or_default(),
            held: held.contains(&row.key.0),
            parents: parents.remove(&row.key.0).unwrap_or_default(),
            children: children.remove(&row.key.0).unwrap_or_default(),
            lot_id: row.lot.lot_id,
            number: row.lot.number,
            on_hand: row.on_hand,
            created_at: row.created_at,
        })
        .collect();
    Ok(Json(Page {
        items,
        next: page.next,
    }))
}

/// Shows what is on hand per material and plant, with the sums that explain it.
#[utoipa::path(get, path = "/api/v1/inventory/stock-levels", tag = "inventory", params(PageQuery),
    responses((status = 200, body = Page<StockAnswer>)))]
pub(super) async fn stock_levels(
    State(app): State<App>,
    principal: Principal,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<StockAnswer>>, ApiError> {
    let after: Option<(String, Uuid)> = page.after()?;
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    let plants = tenants::plant_codes(&mut tx).await?;
    let rows = stock_store::stock_list(&mut tx, after, page.fetch()).await?;
    let answer = |row: StockRow| StockAnswer {
        balanced: row.is_balanced(),
        plant: plants.get(&row.plant_id).cloned().unwrap_or_default(),
        material: row.material,
        unit: row.unit,
        lots: row.lots,
        on_hand: row.on_hand,
        held: row.held,
        received: row.received,
        produced: row.produced,
        returned: row.returned,
        adjusted: row.adjusted,
        consumed: row.consumed,
        wasted: row.wasted,
        shipped: row.shipped,
        moved: row.moved,
    };
    Ok(Json(
        page.page(rows, |row| (row.material.clone(), row.plant_id.uuid()))
            .map(answer),
    ))
}
