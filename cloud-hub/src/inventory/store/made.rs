//! Lots that events make and move: one statement of each kind per batch.

use agog_sync::ids::{LotId, PlantId};
use agog_sync::lots::{LotOrigin, LotState, WorkContext};
use jiff::Timestamp;
use rust_decimal::Decimal;
use sqlx::types::Json;

use super::facts::Keys;
use crate::db::{DbError, Instant, TenantTx, column};
use crate::inventory::model::{Fact, LotKey};

/// A lot that is new, or of which no more than its name was known.
pub(in crate::inventory) struct MadeRow<'r> {
    /// As it is after the last event.
    pub state: &'r LotState,
    pub material_id: Option<i64>,
    pub work: &'r WorkContext,
    /// The event that made it.
    pub fact: Fact<'r>,
}

/// A lot whose balance or place is another one now.
pub(in crate::inventory) struct MovedRow<'r> {
    pub key: LotKey,
    /// How far its balance has moved, in its base unit.
    pub delta: Decimal,
    /// Where it lies has changed.
    pub is_relocated: bool,
    /// Where it lies now; none when nobody has said, or when the move that did was corrected.
    pub location: Option<&'r str>,
    /// How it came to be, when the event that made it was corrected.
    pub origin: Option<LotOrigin>,
}

/// Adds lots at a plant, in their order, and fills in those of `stubs`, of which no more than their names were known; what
/// these hold is brought up to date by [`lots_move`]. Gives the keys of all: fewer than were asked for when somebody else has
/// made one of them meanwhile.
pub(in crate::inventory) async fn lots_put(
    tx: &mut TenantTx,
    rows: &[MadeRow<'_>],
    stubs: &[i64],
    plant_id: PlantId,
    now: Timestamp,
) -> Result<Keys, DbError> {
    if rows.is_empty() {
        return Ok(Keys::new());
    }
    let tenant_id = tx.tenant_id().uuid();
    let put = sqlx::query!(
        "insert into lot (tenant_id, plant_id, updated_at, public_id, number, material_id, base_unit, balance, supplier,
             supplier_lot, expiry, location, quality, origin, work, origin_producer, origin_event_id, created_at)
         select $1, $2, $3, public_id, number, material_id, base_unit, balance, supplier, supplier_lot, expiry::date,
             location, quality, origin, work, origin_producer, origin_event_id, created_at
         from unnest($4::uuid[], $5::text[], $6::bigint[], $7::text[], $8::numeric[], $9::text[], $10::text[], $11::text[],
             $12::text[], $13::jsonb[], $14::text[], $15::jsonb[], $16::uuid[], $17::uuid[], $18::timestamptz[])
             with ordinality
             as e (public_id, number, material_id, base_unit, balance, supplier, supplier_lot, expiry, location, quality,
                 origin, work, origin_producer, origin_event_id, created_at, place)
         order by place
         on conflict (tenant_id, public_id) do update set
             number = excluded.number,
             plant_id = excluded.plant_id,
             material_id = coalesce(excluded.material_id, lot.material_id),
             base_unit = excluded.base_unit,
             supplier = excluded.supplier,
             supplier_lot = excluded.supplier_lot,
             expiry = excluded.expiry,
             location = excluded.location,
             quality = excluded.quality,
             origin = excluded.origin,
             work = excluded.work,
             origin_producer = excluded.origin_producer,
             origin_event_id = excluded.origin_event_id,
             created_at = excluded.created_at,
             updated_at = excluded.updated_at
         where lot.lot_id = any($19)
         returning public_id, lot_id",
        tenant_id,
        plant_id.uuid(),
        Instant(now) as _,
        &column(rows, |row| row.state.lot.lot_id.uuid()),
        &column(rows, |row| row.state.lot.number.as_str()) as _,
        &column(rows, |row| row.material_id) as _,
        &column(rows, |row| row.state.base_unit.as_str()) as _,
        &column(rows, |row| row.state.balance),
        &column(rows, |row| row.state.attributes.supplier.as_deref()) as _,
        &column(rows, |row| row.state.attributes.supplier_lot.as_deref()) as _,
        &column(rows, |row| row.state.attributes.expiry.map(|day| day.to_string())) as _,
        &column(rows, |row| row.state.attributes.location.as_deref()) as _,
        &column(rows, |row| Json(&row.state.attributes.quality)) as _,
        &column(rows, |row| row.state.origin.as_str()) as _,
        &column(rows, |row| Json(row.work)) as _,
        &column(rows, |row| row.fact.producer.uuid()),
        &column(rows, |row| row.fact.event_id.uuid()),
        &column(rows, |row| Instant(row.state.created_at)) as _,
        stubs,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(put
        .into_iter()
        .map(|row| (LotId::from_uuid(row.public_id), LotKey(row.lot_id)))
        .collect())
}

/// Brings balances and places of lots up to date.
pub(in crate::inventory) async fn lots_move(
    tx: &mut TenantTx,
    rows: &[MovedRow<'_>],
    now: Timestamp,
) -> Result<(), DbError> {
    if rows.is_empty() {
        return Ok(());
    }
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "update lot set
             balance = lot.balance + e.delta,
             location = case when e.is_relocated then e.location else lot.location end,
             origin = coalesce(e.origin, lot.origin),
             updated_at = $2
         from unnest($3::bigint[], $4::numeric[], $5::boolean[], $6::text[], $7::text[])
             as e (lot_id, delta, is_relocated, location, origin)
         where lot.tenant_id = $1 and lot.lot_id = e.lot_id",
        tenant_id,
        Instant(now) as _,
        &column(rows, |row| row.key.0),
        &column(rows, |row| row.delta),
        &column(rows, |row| row.is_relocated),
        &column(rows, |row| row.location) as _,
        &column(rows, |row| row.origin.map(LotOrigin::as_str)) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
