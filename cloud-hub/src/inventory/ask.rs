//! What other modules ask the inventory; they never read its tables.

use std::collections::BTreeSet;

use agog_sync::ids::{EventId, HoldId, LotId, PlantId};
use agog_sync::master::MasterItem;
use agog_sync::quantity::Material;

use super::model::MaterialRow;
use super::store::{lots as lot_store, materials};
use crate::db::{DbError, TenantTx};

/// Locks lots until the transaction ends, in the one order in which everybody does.
pub async fn lots_lock(tx: &mut TenantTx, lots: &[LotId]) -> Result<(), DbError> {
    if lots.is_empty() {
        return Ok(());
    }
    lot_store::keys_locked(tx, lots).await.map(drop)
}

/// The numbers of the given that a plant has lots of, as far as the hub knows.
pub async fn lot_numbers_known(
    tx: &mut TenantTx,
    plant_id: PlantId,
    numbers: &[String],
) -> Result<BTreeSet<String>, DbError> {
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    let taken = lot_store::numbers_taken(tx, plant_id, &numbers).await?;
    Ok(taken.into_iter().map(|(number, _)| number).collect())
}

/// A material of the tenant.
pub async fn material_by_code(tx: &mut TenantTx, code: &str) -> Result<Option<Material>, DbError> {
    let found = materials::material_find(tx, code).await?;
    Ok(found
        .map(|row| row.material)
        .filter(|material| material.code == code))
}

/// The materials that the office has defined, as plants are told of them.
pub async fn materials_defined(tx: &mut TenantTx) -> Result<Vec<MasterItem>, DbError> {
    let rows = materials::materials_defined(tx).await?;
    Ok(rows.into_iter().map(MaterialRow::item).collect())
}

/// The events that placed the holds which stand on lots that a plant knows, the newest first.
pub async fn holds_standing(
    tx: &mut TenantTx,
    plant_id: PlantId,
    limit: i64,
) -> Result<Vec<EventId>, DbError> {
    lot_store::holds_standing(tx, plant_id, limit).await
}

/// The events that have released the holds which these events placed.
pub async fn releases_of(tx: &mut TenantTx, placed: &[EventId]) -> Result<Vec<EventId>, DbError> {
    lot_store::releases_of(tx, placed).await
}

/// Whether anybody has told of a hold.
pub async fn hold_is_known(tx: &mut TenantTx, hold_id: HoldId) -> Result<bool, DbError> {
    lot_store::hold_is_known(tx, hold_id).await
}
