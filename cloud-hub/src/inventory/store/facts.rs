//! Writing what ledger events say. Facts are added; only balances, attributes and holds are brought up to date.

use std::collections::BTreeSet;

use agog_sync::ids::{HoldId, LotId, MaterialId, PlantId};
use agog_sync::lots::{Bucket, EdgeKind, Flag, LotAttributes, LotOrigin, LotRef, Use, WorkContext};
use agog_sync::quantity::{Material, Quantity, Unit};
use jiff::Timestamp;
use sqlx::types::Json;

use crate::db::{DbError, Instant, TenantTx};
use crate::inventory::model::{Fact, LotKey, MaterialKey};

/// Finds a material by its code, or makes it known. The first definition stands; dimensions that it left open are
/// filled in.
pub(in crate::inventory) async fn material_ensure(
    tx: &mut TenantTx,
    material: &Material,
    new_id: MaterialId,
    fact: &Fact<'_>,
) -> Result<MaterialKey, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let base_unit = material.base_unit.as_str();
    let row = sqlx::query!(
        r#"with known as (
               update material set
                   width_mm = coalesce(width_mm, $5),
                   length_mm = coalesce(length_mm, $6),
                   grammage_g_m2 = coalesce(grammage_g_m2, $7),
                   updated_at = $9,
                   updated_by = $8
               where tenant_id = $1 and code = $2
                   and ((width_mm is null and $5::numeric is not null)
                       or (length_mm is null and $6::numeric is not null)
                       or (grammage_g_m2 is null and $7::numeric is not null))
           )
           insert into material (tenant_id, code, name, base_unit, width_mm, length_mm, grammage_g_m2,
               created_by, created_at, updated_by, updated_at, public_id)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $8, $9, $10)
           on conflict (tenant_id, code) do nothing
           returning material_id"#,
        tenant_id,
        material.code,
        material.name,
        base_unit,
        material.width_mm,
        material.length_mm,
        material.grammage_g_m2,
        fact.actor,
        Instant(fact.at) as _,
        new_id.uuid(),
    )
    .fetch_optional(tx.conn())
    .await?;
    if let Some(row) = row {
        return Ok(MaterialKey {
            material_id: row.material_id,
            base_unit: material.base_unit,
        });
    }
    let row = sqlx::query!(
        "select material_id, base_unit from material where tenant_id = $1 and code = $2",
        tenant_id,
        material.code,
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(MaterialKey {
        material_id: row.material_id,
        base_unit: super::lots::unit(&row.base_unit)?,
    })
}

/// What [`lot_create`] stores.
pub(in crate::inventory) struct NewLotRow<'a> {
    pub lot: &'a LotRef,
    pub plant_id: PlantId,
    pub material: Option<MaterialKey>,
    pub base_unit: Unit,
    pub attributes: &'a LotAttributes,
    pub origin: LotOrigin,
    pub work: &'a WorkContext,
    pub created_at: Timestamp,
}

/// Makes a lot. One that was used before it was seen is filled in; one that is known stays as it is.
pub(in crate::inventory) async fn lot_create(
    tx: &mut TenantTx,
    new: &NewLotRow<'_>,
    fact: &Fact<'_>,
) -> Result<LotKey, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let row = sqlx::query!(
        r#"insert into lot (tenant_id, public_id, number, plant_id, material_id, base_unit, supplier, supplier_lot,
               expiry, location, quality, origin, work, origin_producer, origin_event_id, created_at, updated_at)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9::text::date, $10, $11, $12, $13, $14, $15, $16, $17)
           on conflict (tenant_id, public_id) do update set
               number = excluded.number,
               plant_id = excluded.plant_id,
               material_id = coalesce(excluded.material_id, lot.material_id),
               base_unit = excluded.base_unit,
               supplier = excluded.supplier,
               supplier_lot = excluded.supplier_lot,
               expiry = excluded.expiry,
               location = coalesce(lot.location, excluded.location),
               quality = excluded.quality,
               origin = excluded.origin,
               work = excluded.work,
               origin_producer = excluded.origin_producer,
               origin_event_id = excluded.origin_event_id,
               created_at = excluded.created_at,
               updated_at = excluded.updated_at
           where lot.origin = 'unknown'
           returning lot_id"#,
        tenant_id,
        new.lot.lot_id.uuid(),
        new.lot.number,
        new.plant_id.uuid(),
        new.material.map(|material| material.material_id),
        new.base_unit.as_str(),
        new.attributes.supplier,
        new.attributes.supplier_lot,
        new.attributes.expiry.map(|day| day.to_string()),
        new.attributes.location,
        Json(&new.attributes.quality) as _,
        new.origin.as_str(),
        Json(new.work) as _,
        fact.producer.uuid(),
        fact.event_id.uuid(),
        Instant(new.created_at) as _,
        Instant(fact.now) as _,
    )
    .fetch_optional(tx.conn())
    .await?;
    if let Some(row) = row {
        return Ok(LotKey(row.lot_id));
    }
    let row = sqlx::query!(
        "select lot_id from lot where tenant_id = $1 and public_id = $2",
        tenant_id,
        new.lot.lot_id.uuid(),
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(LotKey(row.lot_id))
}

/// Moves a balance and keeps the entry that explains it.
pub(in crate::inventory) async fn balance_change(
    tx: &mut TenantTx,
    lot: LotKey,
    bucket: Bucket,
    delta: Quantity,
    entered: Quantity,
    fact: &Fact<'_>,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "with moved as (
             update lot set balance = balance + $3, updated_at = $13 where tenant_id = $1 and lot_id = $2
         )
         insert into lot_entry (tenant_id, lot_id, delta, bucket, base_unit, entered_amount, entered_unit,
             event_id, kind, producer_id, actor, occurred_at, recorded_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        tenant_id,
        lot.0,
        delta.amount,
        bucket.as_str(),
        delta.unit.as_str(),
        entered.amount,
        entered.unit.as_str(),
        fact.event_id.uuid(),
        fact.kind,
        fact.producer.uuid(),
        fact.actor,
        Instant(fact.at) as _,
        Instant(fact.now) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Joins a parent with a child; a pair is joined once.
pub(in crate::inventory) async fn edge_add(
    tx: &mut TenantTx,
    parent: LotKey,
    child: LotKey,
    kind: EdgeKind,
    quantity: Option<Quantity>,
    at: Timestamp,
    fact: &Fact<'_>,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "insert into lot_edge (tenant_id, parent_id, child_id, kind, base_quantity, base_unit, event_id, occurred_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)
         on conflict (tenant_id, parent_id, child_id, kind) do nothing",
        tenant_id,
        parent.0,
        child.0,
        kind.as_str(),
        quantity.map(|quantity| quantity.amount),
        quantity.map(|quantity| quantity.unit.as_str()),
        fact.event_id.uuid(),
        Instant(at) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Keeps what a lot was used for.
pub(in crate::inventory) async fn use_add(
    tx: &mut TenantTx,
    lot: LotKey,
    used: &Use,
    plant_id: PlantId,
    fact: &Fact<'_>,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "insert into lot_use (tenant_id, lot_id, kind, base_quantity, base_unit, job, order_number, customer, device,
             operator, reason, reference, plant_id, event_id, occurred_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        tenant_id,
        lot.0,
        used.kind.as_str(),
        used.quantity.amount,
        used.quantity.unit.as_str(),
        used.job,
        used.order,
        used.customer,
        used.device,
        used.operator,
        used.reason,
        used.reference,
        plant_id.uuid(),
        fact.event_id.uuid(),
        Instant(used.at) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Places a hold. One whose release was seen first stays released.
pub(in crate::inventory) async fn hold_place(
    tx: &mut TenantTx,
    lot: LotKey,
    hold_id: HoldId,
    reason: &str,
    at: Timestamp,
    fact: &Fact<'_>,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "insert into lot_hold (tenant_id, lot_id, hold_id, reason, placed_at, placed_by, placed_event_id)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (tenant_id, lot_id, hold_id) do update set
             reason = excluded.reason,
             placed_at = excluded.placed_at,
             placed_by = excluded.placed_by,
             placed_event_id = excluded.placed_event_id
         where lot_hold.placed_at is null",
        tenant_id,
        lot.0,
        hold_id.uuid(),
        reason,
        Instant(at) as _,
        fact.actor,
        fact.event_id.uuid(),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Releases a hold, also one that has not been seen yet.
pub(in crate::inventory) async fn hold_release(
    tx: &mut TenantTx,
    lot: LotKey,
    hold_id: HoldId,
    reason: &str,
    at: Timestamp,
    fact: &Fact<'_>,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "insert into lot_hold (tenant_id, lot_id, hold_id, released_reason, released_at, released_by, released_event_id)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (tenant_id, lot_id, hold_id) do update set
             released_reason = excluded.released_reason,
             released_at = excluded.released_at,
             released_by = excluded.released_by,
             released_event_id = excluded.released_event_id
         where lot_hold.released_at is null",
        tenant_id,
        lot.0,
        hold_id.uuid(),
        reason,
        Instant(at) as _,
        fact.actor,
        fact.event_id.uuid(),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Says where a lot lies.
pub(in crate::inventory) async fn lot_relocate(
    tx: &mut TenantTx,
    lot: LotKey,
    to: &str,
    fact: &Fact<'_>,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "update lot set location = $3, updated_at = $4 where tenant_id = $1 and lot_id = $2",
        tenant_id,
        lot.0,
        to,
        Instant(fact.now) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Keeps what a person should look at.
pub(in crate::inventory) async fn flag_add(
    tx: &mut TenantTx,
    lot: LotKey,
    flag: &Flag,
    fact: &Fact<'_>,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "insert into lot_flag (tenant_id, lot_id, code, data, event_id, occurred_at) values ($1, $2, $3, $4, $5, $6)",
        tenant_id,
        lot.0,
        flag.code(),
        Json(flag) as _,
        fact.event_id.uuid(),
        Instant(fact.at) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Notes that plants have had to do with lots.
pub(in crate::inventory) async fn lot_plants_add(
    tx: &mut TenantTx,
    lots: &[LotId],
    plants: &BTreeSet<PlantId>,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let lots: Vec<_> = lots.iter().map(LotId::uuid).collect();
    let plants: Vec<_> = plants.iter().map(PlantId::uuid).collect();
    sqlx::query!(
        "insert into lot_plant (tenant_id, lot_id, plant_id)
         select l.tenant_id, l.lot_id, p.plant_id from lot l cross join unnest($3::uuid[]) as p (plant_id)
         where l.tenant_id = $1 and l.public_id = any($2) order by l.lot_id, p.plant_id
         on conflict (tenant_id, lot_id, plant_id) do nothing",
        tenant_id,
        &lots,
        &plants,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
