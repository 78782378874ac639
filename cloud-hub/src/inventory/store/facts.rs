//! The rows that say what ledger events did: one statement per table and batch. They are only added; a hold is brought up
//! to date.

use std::collections::BTreeMap;

use agog_sync::ids::{HoldId, LotId, PlantId};
use agog_sync::lots::{Bucket, EdgeKind, Flag, Use};
use agog_sync::quantity::Quantity;
use jiff::Timestamp;
use sqlx::types::Json;
use uuid::Uuid;

use super::key_of;
use crate::db::{DbError, Instant, TenantTx, column};
use crate::inventory::model::{Fact, LotKey};

/// The internal keys of the lots that rows name.
pub(in crate::inventory) type Keys = BTreeMap<LotId, LotKey>;

/// A change of a balance.
pub(in crate::inventory) struct EntryRow<'e> {
    pub lot: LotId,
    pub bucket: Bucket,
    /// In the base unit.
    pub delta: Quantity,
    pub entered: Quantity,
    pub fact: Fact<'e>,
}

/// A parent that is in a child.
pub(in crate::inventory) struct EdgeRow<'e> {
    pub parent: LotId,
    pub child: LotId,
    pub kind: EdgeKind,
    pub quantity: Option<Quantity>,
    pub at: Timestamp,
    pub fact: Fact<'e>,
}

/// What became of a lot, and for whom.
pub(in crate::inventory) struct UseRow<'e> {
    pub lot: LotId,
    pub used: Use,
    pub fact: Fact<'e>,
}

/// What a person should look at.
pub(in crate::inventory) struct FlagRow<'e> {
    pub flag: Flag,
    pub fact: Fact<'e>,
}

/// A hold on a lot, as far as it has been seen: its release may come first.
#[derive(Default)]
pub(in crate::inventory) struct HoldRow<'e> {
    /// Why, when, and the event that says so.
    pub placed: Option<(String, Timestamp, Fact<'e>)>,
    pub released: Option<(String, Timestamp, Fact<'e>)>,
}

/// Keeps the entries that explain balances.
pub(in crate::inventory) async fn entries_add(
    tx: &mut TenantTx,
    rows: &[EntryRow<'_>],
    keys: &Keys,
) -> Result<(), DbError> {
    if rows.is_empty() {
        return Ok(());
    }
    let tenant_id = tx.tenant_id().uuid();
    let lots = key_of(keys, rows.iter().map(|row| row.lot))?;
    sqlx::query!(
        "insert into lot_entry (tenant_id, lot_id, bucket, delta, base_unit, entered_amount, entered_unit, event_id, kind,
             producer_id, actor, occurred_at, recorded_at)
         select $1, lot_id, bucket, delta, base_unit, entered_amount, entered_unit, event_id, kind, producer_id, actor,
             occurred_at, recorded_at
         from unnest($2::bigint[], $3::text[], $4::numeric[], $5::text[], $6::numeric[], $7::text[], $8::uuid[], $9::text[],
             $10::uuid[], $11::text[], $12::timestamptz[], $13::timestamptz[]) with ordinality
             as e (lot_id, bucket, delta, base_unit, entered_amount, entered_unit, event_id, kind, producer_id, actor,
                 occurred_at, recorded_at, place)
         order by place",
        tenant_id,
        &lots,
        &column(rows, |row| row.bucket.as_str()) as _,
        &column(rows, |row| row.delta.amount),
        &column(rows, |row| row.delta.unit.as_str()) as _,
        &column(rows, |row| row.entered.amount),
        &column(rows, |row| row.entered.unit.as_str()) as _,
        &column(rows, |row| row.fact.event_id.uuid()),
        &column(rows, |row| row.fact.kind) as _,
        &column(rows, |row| row.fact.producer.uuid()),
        &column(rows, |row| row.fact.actor) as _,
        &column(rows, |row| Instant(row.fact.at)) as _,
        &column(rows, |row| Instant(row.fact.now)) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Joins parents with children; a pair is joined once in each way, by the event that says so first. What other events say
/// again is kept beside it.
pub(in crate::inventory) async fn edges_add(
    tx: &mut TenantTx,
    rows: &[EdgeRow<'_>],
    keys: &Keys,
) -> Result<(), DbError> {
    if rows.is_empty() {
        return Ok(());
    }
    let tenant_id = tx.tenant_id().uuid();
    let parents = key_of(keys, rows.iter().map(|row| row.parent))?;
    let children = key_of(keys, rows.iter().map(|row| row.child))?;
    let added = sqlx::query!(
        "insert into lot_edge (tenant_id, parent_id, child_id, kind, base_quantity, base_unit, event_id, occurred_at)
         select $1, parent_id, child_id, kind, base_quantity, base_unit, event_id, occurred_at
         from unnest($2::bigint[], $3::bigint[], $4::text[], $5::numeric[], $6::text[], $7::uuid[], $8::timestamptz[])
             with ordinality
             as e (parent_id, child_id, kind, base_quantity, base_unit, event_id, occurred_at, place)
         order by place
         on conflict (tenant_id, parent_id, child_id, kind) do nothing",
        tenant_id,
        &parents,
        &children,
        &column(rows, |row| row.kind.as_str()) as _,
        &column(rows, |row| row.quantity.map(|quantity| quantity.amount)) as _,
        &column(rows, |row| row.quantity.map(|quantity| quantity.unit.as_str())) as _,
        &column(rows, |row| row.fact.event_id.uuid()),
        &column(rows, |row| Instant(row.at)) as _,
    )
    .execute(tx.conn())
    .await?;
    if usize::try_from(added.rows_affected()).is_ok_and(|added| added == rows.len()) {
        return Ok(());
    }
    sqlx::query!(
        "insert into lot_edge_again (tenant_id, parent_id, child_id, kind, base_quantity, base_unit, event_id, occurred_at)
         select $1, e.parent_id, e.child_id, e.kind, e.base_quantity, e.base_unit, e.event_id, e.occurred_at
         from unnest($2::bigint[], $3::bigint[], $4::text[], $5::numeric[], $6::text[], $7::uuid[], $8::timestamptz[])
             with ordinality
             as e (parent_id, child_id, kind, base_quantity, base_unit, event_id, occurred_at, place)
         where not exists (
             select from lot_edge f
             where f.tenant_id = $1 and f.parent_id = e.parent_id and f.child_id = e.child_id and f.kind = e.kind
                 and f.event_id = e.event_id)
         order by place
         on conflict do nothing",
        tenant_id,
        &parents,
        &children,
        &column(rows, |row| row.kind.as_str()) as _,
        &column(rows, |row| row.quantity.map(|quantity| quantity.amount)) as _,
        &column(rows, |row| row.quantity.map(|quantity| quantity.unit.as_str())) as _,
        &column(rows, |row| row.fact.event_id.uuid()),
        &column(rows, |row| Instant(row.at)) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Keeps what lots of a plant were used for.
pub(in crate::inventory) async fn uses_add(
    tx: &mut TenantTx,
    rows: &[UseRow<'_>],
    plant_id: PlantId,
    keys: &Keys,
) -> Result<(), DbError> {
    fn text<'r>(
        rows: &'r [UseRow<'_>],
        of: impl Fn(&'r Use) -> &'r Option<String>,
    ) -> Vec<Option<&'r str>> {
        column(rows, |row| of(&row.used).as_deref())
    }
    if rows.is_empty() {
        return Ok(());
    }
    let tenant_id = tx.tenant_id().uuid();
    let lots = key_of(keys, rows.iter().map(|row| row.lot))?;
    sqlx::query!(
        "insert into lot_use (tenant_id, plant_id, lot_id, kind, base_quantity, base_unit, job, order_number, customer,
             device, operator, reason, reference, event_id, occurred_at, sscc)
         select $1, $2, lot_id, kind, base_quantity, base_unit, job, order_number, customer, device, operator, reason,
             reference, event_id, occurred_at, sscc
         from unnest($3::bigint[], $4::text[], $5::numeric[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
             $11::text[], $12::text[], $13::text[], $14::uuid[], $15::timestamptz[], $16::text[]) with ordinality
             as e (lot_id, kind, base_quantity, base_unit, job, order_number, customer, device, operator, reason, reference,
                 event_id, occurred_at, sscc, place)
         order by place",
        tenant_id,
        plant_id.uuid(),
        &lots,
        &column(rows, |row| row.used.kind.as_str()) as _,
        &column(rows, |row| row.used.quantity.amount),
        &column(rows, |row| row.used.quantity.unit.as_str()) as _,
        &text(rows, |used| &used.job) as _,
        &text(rows, |used| &used.order) as _,
        &text(rows, |used| &used.customer) as _,
        &text(rows, |used| &used.device) as _,
        &text(rows, |used| &used.operator) as _,
        &text(rows, |used| &used.reason) as _,
        &text(rows, |used| &used.reference) as _,
        &column(rows, |row| row.fact.event_id.uuid()),
        &column(rows, |row| Instant(row.used.at)) as _,
        &column(rows, |row| row.used.sscc.map(|sscc| sscc.to_string())) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Places and releases holds. What was seen first stands: a hold whose release came before it stays released.
pub(in crate::inventory) async fn holds_put(
    tx: &mut TenantTx,
    rows: &BTreeMap<(LotId, HoldId), HoldRow<'_>>,
    keys: &Keys,
) -> Result<(), DbError> {
    fn reason<'r>(half: Option<&'r (String, Timestamp, Fact<'_>)>) -> Option<&'r str> {
        half.map(|(reason, ..)| reason.as_str())
    }
    fn at(half: Option<&(String, Timestamp, Fact<'_>)>) -> Option<Instant> {
        half.map(|(_, at, _)| Instant(*at))
    }
    fn by<'r>(half: Option<&'r (String, Timestamp, Fact<'_>)>) -> Option<&'r str> {
        half.map(|(.., fact)| fact.actor)
    }
    fn event_id(half: Option<&(String, Timestamp, Fact<'_>)>) -> Option<Uuid> {
        half.map(|(.., fact)| fact.event_id.uuid())
    }
    if rows.is_empty() {
        return Ok(());
    }
    let tenant_id = tx.tenant_id().uuid();
    let lots = key_of(keys, rows.keys().map(|(lot_id, _)| *lot_id))?;
    let holds: Vec<Uuid> = rows.keys().map(|(_, hold_id)| hold_id.uuid()).collect();
    let rows: Vec<_> = rows.values().collect();
    sqlx::query!(
        "insert into lot_hold as kept (tenant_id, lot_id, hold_id, reason, placed_at, placed_by, placed_event_id,
             released_reason, released_at, released_by, released_event_id)
         select $1, * from unnest($2::bigint[], $3::uuid[], $4::text[], $5::timestamptz[], $6::text[], $7::uuid[],
             $8::text[], $9::timestamptz[], $10::text[], $11::uuid[])
         on conflict (tenant_id, lot_id, hold_id) do update set
             reason = coalesce(kept.reason, excluded.reason),
             placed_at = coalesce(kept.placed_at, excluded.placed_at),
             placed_by = coalesce(kept.placed_by, excluded.placed_by),
             placed_event_id = coalesce(kept.placed_event_id, excluded.placed_event_id),
             released_reason = coalesce(kept.released_reason, excluded.released_reason),
             released_at = coalesce(kept.released_at, excluded.released_at),
             released_by = coalesce(kept.released_by, excluded.released_by),
             released_event_id = coalesce(kept.released_event_id, excluded.released_event_id)",
        tenant_id,
        &lots,
        &holds,
        &column(&rows, |row| reason(row.placed.as_ref())) as _,
        &column(&rows, |row| at(row.placed.as_ref())) as _,
        &column(&rows, |row| by(row.placed.as_ref())) as _,
        &column(&rows, |row| event_id(row.placed.as_ref())) as _,
        &column(&rows, |row| reason(row.released.as_ref())) as _,
        &column(&rows, |row| at(row.released.as_ref())) as _,
        &column(&rows, |row| by(row.released.as_ref())) as _,
        &column(&rows, |row| event_id(row.released.as_ref())) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Keeps what people should look at.
pub(in crate::inventory) async fn flags_add(
    tx: &mut TenantTx,
    rows: &[FlagRow<'_>],
    keys: &Keys,
) -> Result<(), DbError> {
    if rows.is_empty() {
        return Ok(());
    }
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "insert into lot_flag (tenant_id, lot_id, code, data, event_id, occurred_at)
         select $1, lot_id, code, data, event_id, occurred_at
         from unnest($2::bigint[], $3::text[], $4::jsonb[], $5::uuid[], $6::timestamptz[]) with ordinality
             as e (lot_id, code, data, event_id, occurred_at, place)
         order by place",
        tenant_id,
        &key_of(keys, rows.iter().map(|row| row.flag.lot().lot_id))?,
        &column(rows, |row| row.flag.code()) as _,
        &column(rows, |row| Json(&row.flag)) as _,
        &column(rows, |row| row.fact.event_id.uuid()),
        &column(rows, |row| Instant(row.fact.at)) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Notes that plants have had to do with lots.
pub(in crate::inventory) async fn lot_plants_add(
    tx: &mut TenantTx,
    pairs: &[(LotKey, PlantId)],
) -> Result<(), DbError> {
    if pairs.is_empty() {
        return Ok(());
    }
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "insert into lot_plant (tenant_id, lot_id, plant_id)
         select $1, lot_id, plant_id from unnest($2::bigint[], $3::uuid[]) as p (lot_id, plant_id)
         order by lot_id, plant_id
         on conflict (tenant_id, lot_id, plant_id) do nothing",
        tenant_id,
        &column(pairs, |(lot, _)| lot.0),
        &column(pairs, |(_, plant_id)| plant_id.uuid()),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
