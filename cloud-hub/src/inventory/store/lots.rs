//! Finding lots, and what is known of them.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use agog_sync::ids::{EventId, HoldId, LotId, PlantId};
use agog_sync::lots::{LotAttributes, LotOrigin, LotRef, WorkContext};
use agog_sync::quantity::{Quantity, Unit};
use rust_decimal::Decimal;
use sqlx::types::Json;
use uuid::Uuid;

use crate::db::{DbError, Instant, TenantTx};
use crate::inventory::model::{Candidate, Entry, Flagged, Hold, LotKey, LotRow};

/// The newest entries and flags that the answer about one lot carries.
pub(in crate::inventory) const HISTORY_MAX: usize = 500;

/// Reads a unit from storage.
pub(super) fn unit(text: &str) -> Result<Unit, DbError> {
    Unit::from_str(text).map_err(DbError::stored)
}

/// A limit as PostgreSQL takes it.
pub(super) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// Reads an origin from storage.
fn origin(text: &str) -> Result<LotOrigin, DbError> {
    LotOrigin::from_text(text)
        .ok_or_else(|| DbError::stored(format!("unknown lot origin `{text}`")))
}

/// Locks lots until the transaction ends, and gives them. Rows are locked in the order of their keys, so that two batches
/// about the same lots wait for each other and never deadlock.
pub(in crate::inventory) async fn lots_locked(
    tx: &mut TenantTx,
    lots: &[LotId],
) -> Result<Vec<LotRow>, DbError> {
    if lots.is_empty() {
        return Ok(Vec::new());
    }
    let keys = keys_locked(tx, lots).await?;
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    lot_rows(tx, &keys).await
}

/// Locks lots in the order of their keys, and gives these.
pub(in crate::inventory) async fn keys_locked(
    tx: &mut TenantTx,
    lots: &[LotId],
) -> Result<Vec<i64>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let public_ids: Vec<_> = lots.iter().map(LotId::uuid).collect();
    let keys = sqlx::query_scalar!(
        "select lot_id from lot where tenant_id = $1 and public_id = any($2) order by lot_id for update",
        tenant_id,
        &public_ids,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(keys)
}

/// The lots of the given keys, in the order of the keys.
pub(in crate::inventory) async fn lot_rows(
    tx: &mut TenantTx,
    keys: &[i64],
) -> Result<Vec<LotRow>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    // Two statements instead of an outer join: what sqlx takes for nullable in one depends on the plan of the day.
    let rows = sqlx::query!(
        r#"select lot_id, public_id, number, plant_id, material_id, base_unit, balance, supplier, supplier_lot,
               expiry::text as expiry, location, quality as "quality: Json<BTreeMap<String, String>>",
               origin, work as "work: Json<WorkContext>", created_at as "created_at: Instant"
           from lot where tenant_id = $1 and lot_id = any($2) order by lot_id"#,
        tenant_id,
        keys,
    )
    .fetch_all(tx.conn())
    .await?;
    let material_ids: BTreeSet<_> = rows.iter().filter_map(|row| row.material_id).collect();
    let materials =
        super::materials::materials_by_key(tx, &material_ids.into_iter().collect::<Vec<_>>())
            .await?;
    rows.into_iter()
        .map(|row| {
            let material = row
                .material_id
                .and_then(|material_id| materials.get(&material_id).cloned());
            Ok(LotRow {
                key: LotKey(row.lot_id),
                lot: LotRef {
                    lot_id: LotId::from_uuid(row.public_id),
                    number: row.number,
                },
                plant_id: PlantId::from_uuid(row.plant_id),
                material,
                on_hand: Quantity::new(row.balance.normalize(), unit(&row.base_unit)?),
                attributes: LotAttributes {
                    supplier: row.supplier,
                    supplier_lot: row.supplier_lot,
                    expiry: row
                        .expiry
                        .map(|day| day.parse())
                        .transpose()
                        .map_err(DbError::stored)?,
                    location: row.location,
                    quality: row.quality.0,
                },
                origin: origin(&row.origin)?,
                work: row.work.0,
                created_at: row.created_at.0,
            })
        })
        .collect()
}

/// The lots that a person may mean: by number, or by the id itself.
pub(in crate::inventory) async fn lot_candidates(
    tx: &mut TenantTx,
    text: &str,
    plant_id: Option<PlantId>,
) -> Result<Vec<Candidate>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        "select lot_id, public_id, plant_id from lot
         where tenant_id = $1 and (number = $2 and origin <> 'undone' or public_id = $3) and ($4::uuid is null or plant_id = $4)
         order by lot_id",
        tenant_id,
        text,
        Uuid::parse_str(text).ok(),
        plant_id.map(|plant_id| plant_id.uuid()),
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Candidate {
            key: LotKey(row.lot_id),
            lot_id: LotId::from_uuid(row.public_id),
            plant_id: PlantId::from_uuid(row.plant_id),
        })
        .collect())
}

/// The holds of lots, released ones too, in the order in which they were placed.
pub(in crate::inventory) async fn holds_of(
    tx: &mut TenantTx,
    lots: &[LotKey],
) -> Result<Vec<(LotKey, Hold)>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let keys: Vec<_> = lots.iter().map(|lot| lot.0).collect();
    let rows = sqlx::query!(
        r#"select lot_id, hold_id, reason, placed_at as "placed_at: Instant", placed_by,
               released_at as "released_at: Instant", released_by, released_reason
           from lot_hold where tenant_id = $1 and lot_id = any($2)
           order by lot_id, placed_at, hold_id"#,
        tenant_id,
        &keys,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let hold = Hold {
                id: HoldId::from_uuid(row.hold_id),
                stands: row.placed_at.is_some() && row.released_at.is_none(),
                reason: row.reason,
                placed_at: row.placed_at.map(|at| at.0),
                placed_by: row.placed_by,
                released_at: row.released_at.map(|at| at.0),
                released_by: row.released_by,
                released_reason: row.released_reason,
            };
            (LotKey(row.lot_id), hold)
        })
        .collect())
}

/// The newest flags of a lot, newest first.
pub(in crate::inventory) async fn flags_of(
    tx: &mut TenantTx,
    lot: LotKey,
) -> Result<Vec<Flagged>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        r#"select code, data, event_id, occurred_at as "occurred_at: Instant" from lot_flag
           where tenant_id = $1 and lot_id = $2 order by flag_id desc limit $3"#,
        tenant_id,
        lot.0,
        limit(HISTORY_MAX),
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Flagged {
            code: row.code,
            data: row.data,
            event_id: row.event_id,
            occurred_at: row.occurred_at.0,
        })
        .collect())
}

/// The newest entries of a lot, newest first; one more than [`HISTORY_MAX`] when there are more.
pub(in crate::inventory) async fn entries_of(
    tx: &mut TenantTx,
    lot: LotKey,
) -> Result<Vec<Entry>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        r#"select e.bucket, e.delta, e.base_unit, e.entered_amount, e.entered_unit, e.event_id, e.kind, e.actor,
               e.occurred_at as "occurred_at: Instant", (
                   select c.corrected_by from lot_correction c where c.tenant_id = $1 and c.event_id = e.event_id
               ) as corrected_by
           from lot_entry e where e.tenant_id = $1 and e.lot_id = $2 order by e.entry_id desc limit $3"#,
        tenant_id,
        lot.0,
        limit(HISTORY_MAX + 1),
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .map(|row| {
            let entered = match (row.entered_amount, row.entered_unit) {
                (Some(amount), Some(text)) => Some(Quantity::new(amount.normalize(), unit(&text)?)),
                _ => None,
            };
            Ok(Entry {
                bucket: row.bucket,
                delta: Quantity::new(row.delta.normalize(), unit(&row.base_unit)?),
                entered,
                kind: row.kind,
                event_id: row.event_id,
                actor: row.actor,
                occurred_at: row.occurred_at.0,
                corrected_by: row.corrected_by,
            })
        })
        .collect()
}

/// What was shipped of lots and did not come back; lots of which nothing was shipped are left out.
pub(in crate::inventory) async fn shipped_of(
    tx: &mut TenantTx,
    lots: &[LotKey],
) -> Result<BTreeMap<LotKey, Decimal>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        r#"select lot_id, -sum(delta) as "shipped!" from lot_entry
           where tenant_id = $1 and lot_id = any($2) and bucket in ('shipped', 'returned') group by lot_id"#,
        tenant_id,
        &lots.iter().map(|lot| lot.0).collect::<Vec<_>>(),
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (LotKey(row.lot_id), row.shipped.normalize()))
        .collect())
}

/// The plants that hold or have touched lots.
pub(in crate::inventory) async fn plants_of(
    tx: &mut TenantTx,
    lots: &[LotKey],
) -> Result<Vec<(LotKey, PlantId)>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        "select lot_id, plant_id from lot_plant where tenant_id = $1 and lot_id = any($2)",
        tenant_id,
        &lots.iter().map(|lot| lot.0).collect::<Vec<_>>(),
    )
    .fetch_all(tx.conn())
    .await?;
    let row_of = |row: i64, plant: Uuid| (LotKey(row), PlantId::from_uuid(plant));
    Ok(rows
        .into_iter()
        .map(|row| row_of(row.lot_id, row.plant_id))
        .collect())
}

/// The internal keys of public ids.
pub(in crate::inventory) async fn keys_of(
    tx: &mut TenantTx,
    lots: &[LotId],
) -> Result<BTreeMap<LotId, (LotKey, PlantId)>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let public_ids: Vec<_> = lots.iter().map(LotId::uuid).collect();
    let rows = sqlx::query!(
        "select lot_id, public_id, plant_id from lot where tenant_id = $1 and public_id = any($2)",
        tenant_id,
        &public_ids,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            (
                LotId::from_uuid(row.public_id),
                (LotKey(row.lot_id), PlantId::from_uuid(row.plant_id)),
            )
        })
        .collect())
}

/// The lots of a plant that have one of the given numbers.
pub(in crate::inventory) async fn numbers_taken(
    tx: &mut TenantTx,
    plant_id: PlantId,
    numbers: &[&str],
) -> Result<Vec<(String, LotId)>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    // Number by number, each through its index, and the plant afterwards (`offset 0` keeps the two apart). A planner that
    // knows nothing of the table yet takes the index of plant and material otherwise, and reads every lot of the plant.
    let rows = sqlx::query!(
        "select l.number, l.public_id from unnest($3::text[]) as given (number) cross join lateral (
             select number, public_id, plant_id, origin from lot
             where tenant_id = $1 and number = given.number
             offset 0
         ) as l
         where l.plant_id = $2 and l.origin <> 'undone'",
        tenant_id,
        plant_id.uuid(),
        numbers as _,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.number, LotId::from_uuid(row.public_id)))
        .collect())
}

/// Whether any lot has or had a hold.
pub(in crate::inventory) async fn hold_is_known(
    tx: &mut TenantTx,
    hold_id: HoldId,
) -> Result<bool, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let found = sqlx::query_scalar!(
        "select 1 as one from lot_hold where tenant_id = $1 and hold_id = $2 limit 1",
        tenant_id,
        hold_id.uuid(),
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(found.is_some())
}

/// The events that have released the holds which these events placed.
pub(in crate::inventory) async fn releases_of(
    tx: &mut TenantTx,
    placed: &[EventId],
) -> Result<Vec<EventId>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let placed: Vec<_> = placed.iter().map(EventId::uuid).collect();
    let events = sqlx::query_scalar!(
        r#"select distinct released_event_id as "event_id!" from lot_hold
         where tenant_id = $1 and placed_event_id = any($2) and released_event_id is not null"#,
        tenant_id,
        &placed,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(events.into_iter().map(EventId::from_uuid).collect())
}

/// The events that placed the holds which stand on lots that a plant knows, the newest first.
pub(in crate::inventory) async fn holds_standing(
    tx: &mut TenantTx,
    plant_id: PlantId,
    limit: i64,
) -> Result<Vec<EventId>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let events = sqlx::query_scalar!(
        r#"select distinct on (h.placed_at, h.placed_event_id) h.placed_event_id as "event_id!"
         from lot_plant p
             join lot_hold h on h.tenant_id = p.tenant_id and h.lot_id = p.lot_id
         where p.tenant_id = $1 and p.plant_id = $2 and h.placed_event_id is not null and h.released_at is null
         order by h.placed_at desc, h.placed_event_id limit $3"#,
        tenant_id,
        plant_id.uuid(),
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(events.into_iter().map(EventId::from_uuid).collect())
}
