//! What other modules ask the inventory; they never read its tables.

use std::collections::{BTreeMap, BTreeSet};

use agog_sync::frame::LotSnapshot;
use agog_sync::ids::{HoldId, LotId, PlantId};
use agog_sync::quantity::Material;

use super::model::LotKey;
use super::store::{facts, lots as lot_store, stock as stock_store};
use crate::db::{DbError, TenantTx};

/// The plants that hold or have touched any of the lots: those to whom the down feed carries what others do with
/// them.
pub async fn lot_plants(tx: &mut TenantTx, lots: &[LotId]) -> Result<Vec<PlantId>, DbError> {
    lot_store::plants_of(tx, lots).await
}

/// Locks lots until the transaction ends, in the one order in which everybody does.
pub async fn lots_lock(tx: &mut TenantTx, lots: &[LotId]) -> Result<(), DbError> {
    lot_store::keys_locked(tx, lots).await.map(drop)
}

/// Notes that plants have been told of lots.
pub async fn lots_met(
    tx: &mut TenantTx,
    lots: &[LotId],
    plants: &BTreeSet<PlantId>,
) -> Result<(), DbError> {
    facts::lot_plants_add(tx, lots, plants).await
}

/// Lots as the hub knows them, for a plant that has not met them.
pub async fn lot_snapshots(tx: &mut TenantTx, lots: &[LotId]) -> Result<Vec<LotSnapshot>, DbError> {
    let keys: Vec<_> = lot_store::keys_of(tx, lots)
        .await?
        .values()
        .map(|(key, _)| key.0)
        .collect();
    let rows = lot_store::lot_rows(tx, &keys).await?;
    let keys: Vec<_> = rows.iter().map(|row| row.key).collect();
    let mut holds: BTreeMap<LotKey, Vec<HoldId>> = BTreeMap::new();
    for (key, hold) in lot_store::holds_of(tx, &keys).await? {
        if hold.stands {
            holds.entry(key).or_default().push(hold.id);
        }
    }
    Ok(rows
        .into_iter()
        .map(|row| LotSnapshot {
            lot: row.lot,
            material: row.material,
            balance: row.on_hand.amount,
            base_unit: row.on_hand.unit,
            attributes: row.attributes,
            origin: row.origin,
            holds: holds.remove(&row.key).unwrap_or_default(),
            created_at: row.created_at,
        })
        .collect())
}

/// The numbers of the given that a plant has lots of, as far as the hub knows.
pub async fn lot_numbers_known(
    tx: &mut TenantTx,
    plant_id: PlantId,
    numbers: &[String],
) -> Result<BTreeSet<String>, DbError> {
    lot_store::numbers_known(tx, plant_id, numbers).await
}

/// A material of the tenant.
pub async fn material_by_code(tx: &mut TenantTx, code: &str) -> Result<Option<Material>, DbError> {
    let found = stock_store::material_find(tx, code).await?;
    Ok(found
        .map(|row| row.material)
        .filter(|material| material.code == code))
}
