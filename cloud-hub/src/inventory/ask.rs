//! What other modules ask the inventory; they never read its tables.

use std::collections::BTreeSet;

use agog_sync::ids::{HoldId, LotId, PlantId};
use agog_sync::quantity::Material;

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

/// Whether anybody has told of a hold.
pub async fn hold_is_known(tx: &mut TenantTx, hold_id: HoldId) -> Result<bool, DbError> {
    lot_store::hold_is_known(tx, hold_id).await
}
