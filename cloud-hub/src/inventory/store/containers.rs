//! What is packed of which lot in which container, what became of a container, and who says so.

use std::collections::BTreeMap;

use agog_sync::ids::LotId;
use agog_sync::lots::{ContainerBucket, ContainerState, LotRef};
use agog_sync::quantity::Quantity;
use agog_sync::sscc::Sscc;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::facts::Keys;
use super::key_of;
use super::lots::{limit, unit};
use crate::db::{DbError, Instant, TenantTx, column};
use crate::inventory::model::{ContainerChange, Content, Fact, LeftIn, LotKey, PackedIn};

/// The newest changes that the answer about one container carries.
pub(in crate::inventory) const EVENTS_MAX: usize = 500;

/// A change of what is in a container.
pub(in crate::inventory) struct PackedRow<'e> {
    pub sscc: Sscc,
    pub lot: LotId,
    pub bucket: ContainerBucket,
    /// In the base unit of the lot.
    pub delta: Quantity,
    pub fact: Fact<'e>,
}

/// Keeps what events did to containers.
pub(in crate::inventory) async fn entries_add(
    tx: &mut TenantTx,
    rows: &[PackedRow<'_>],
    keys: &Keys,
) -> Result<(), DbError> {
    if rows.is_empty() {
        return Ok(());
    }
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "insert into container_entry (tenant_id, sscc, lot_id, bucket, delta, base_unit, event_id, kind, actor, occurred_at)
         select $1, sscc, lot_id, bucket, delta, base_unit, event_id, kind, actor, occurred_at
         from unnest($2::text[], $3::bigint[], $4::text[], $5::numeric[], $6::text[], $7::uuid[], $8::text[], $9::text[],
             $10::timestamptz[]) with ordinality
             as e (sscc, lot_id, bucket, delta, base_unit, event_id, kind, actor, occurred_at, place)
         order by place",
        tenant_id,
        &column(rows, |row| row.sscc.to_string()),
        &key_of(keys, rows.iter().map(|row| row.lot))?,
        &column(rows, |row| row.bucket.as_str()) as _,
        &column(rows, |row| row.delta.amount),
        &column(rows, |row| row.delta.unit.as_str()) as _,
        &column(rows, |row| row.fact.event_id.uuid()),
        &column(rows, |row| row.fact.kind) as _,
        &column(rows, |row| row.fact.actor) as _,
        &column(rows, |row| Instant(row.fact.at)) as _,
    )
    .execute(tx.conn())
    .await?;
    contents_move(tx, rows, keys).await
}

/// Brings what is in containers up to date.
async fn contents_move(
    tx: &mut TenantTx,
    rows: &[PackedRow<'_>],
    keys: &Keys,
) -> Result<(), DbError> {
    let mut moved: BTreeMap<(LotId, Sscc), Decimal> = BTreeMap::new();
    for row in rows {
        *moved.entry((row.lot, row.sscc)).or_default() += row.delta.amount;
    }
    let tenant_id = tx.tenant_id().uuid();
    let lots = key_of(keys, moved.keys().map(|(lot_id, _)| *lot_id))?;
    let containers: Vec<String> = moved.keys().map(|(_, sscc)| sscc.to_string()).collect();
    let deltas: Vec<Decimal> = moved.values().copied().collect();
    sqlx::query!(
        "insert into container_content as kept (tenant_id, lot_id, sscc, packed)
         select $1, lot_id, sscc, delta from unnest($2::bigint[], $3::text[], $4::numeric[]) as m (lot_id, sscc, delta)
         on conflict (tenant_id, lot_id, sscc) do update set packed = kept.packed + excluded.packed",
        tenant_id,
        &lots,
        &containers,
        &deltas,
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!(
        "delete from container_content c
         using unnest($2::bigint[], $3::text[]) as m (lot_id, sscc)
         where c.tenant_id = $1 and c.lot_id = m.lot_id and c.sscc = m.sscc and c.packed = 0",
        tenant_id,
        &lots,
        &containers,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What is packed of lots, by container.
pub(in crate::inventory) async fn packed_of(
    tx: &mut TenantTx,
    lots: &[LotKey],
) -> Result<Vec<(LotKey, PackedIn)>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        "select c.lot_id, c.sscc, c.packed, l.base_unit
         from container_content c join lot l on l.tenant_id = $1 and l.lot_id = c.lot_id
         where c.tenant_id = $1 and c.lot_id = any($2) order by c.lot_id, c.sscc",
        tenant_id,
        &column(lots, |lot| lot.0),
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .map(|row| {
            let packed = PackedIn {
                sscc: sscc_of(&row.sscc)?,
                quantity: Quantity::new(row.packed.normalize(), unit(&row.base_unit)?),
            };
            Ok((LotKey(row.lot_id), packed))
        })
        .collect()
}

/// What the rules want to know of containers before they are packed.
pub(in crate::inventory) async fn states_of(
    tx: &mut TenantTx,
    containers: &[Sscc],
) -> Result<BTreeMap<Sscc, ContainerState>, DbError> {
    let mut states: BTreeMap<Sscc, ContainerState> = BTreeMap::new();
    if containers.is_empty() {
        return Ok(states);
    }
    let tenant_id = tx.tenant_id().uuid();
    let names = column(containers, Sscc::to_string);
    let contents = sqlx::query!(
        "select c.sscc, l.public_id, c.packed
         from container_content c join lot l on l.tenant_id = $1 and l.lot_id = c.lot_id
         where c.tenant_id = $1 and c.sscc = any($2)",
        tenant_id,
        &names,
    )
    .fetch_all(tx.conn())
    .await?;
    for row in contents {
        let state = states.entry(sscc_of(&row.sscc)?).or_default();
        state.add_contents(LotId::from_uuid(row.public_id), row.packed);
    }
    let shipped = sqlx::query!(
        r#"select e.sscc, l.public_id, -sum(e.delta) as "shipped!"
           from container_entry e join lot l on l.tenant_id = $1 and l.lot_id = e.lot_id
           where e.tenant_id = $1 and e.sscc = any($2) and e.bucket = 'shipped' group by e.sscc, l.public_id"#,
        tenant_id,
        &names,
    )
    .fetch_all(tx.conn())
    .await?;
    for row in shipped {
        let state = states.entry(sscc_of(&row.sscc)?).or_default();
        state.add_shipped(LotId::from_uuid(row.public_id), row.shipped);
    }
    Ok(states)
}

/// What is in a container now, in the order of the lots.
pub(in crate::inventory) async fn contents_of(
    tx: &mut TenantTx,
    sscc: Sscc,
) -> Result<Vec<Content>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        "select l.public_id, l.number, l.base_unit, c.packed, (
             select m.code from material m where m.tenant_id = $1 and m.material_id = l.material_id) as material
         from container_content c join lot l on l.tenant_id = $1 and l.lot_id = c.lot_id
         where c.tenant_id = $1 and c.sscc = $2 order by c.lot_id",
        tenant_id,
        sscc.to_string(),
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Content {
                lot: lot_ref(row.public_id, row.number),
                material: row.material,
                quantity: Quantity::new(row.packed.normalize(), unit(&row.base_unit)?),
            })
        })
        .collect()
}

/// What left in a container and was not taken back, oldest first.
pub(in crate::inventory) async fn left_in(
    tx: &mut TenantTx,
    sscc: Sscc,
) -> Result<Vec<LeftIn>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    // By the entries of the container: a lot may have been shipped in many.
    let rows = sqlx::query!(
        r#"select l.public_id, l.number, u.base_quantity, u.base_unit, u.order_number, u.customer, u.reference, u.event_id,
               u.occurred_at as "occurred_at: Instant"
           from container_entry e
               join lot_use u on u.tenant_id = $1 and u.lot_id = e.lot_id and u.event_id = e.event_id
                   and u.kind = 'shipped' and u.undone_by is null
               join lot l on l.tenant_id = $1 and l.lot_id = e.lot_id
           where e.tenant_id = $1 and e.sscc = $2 and e.bucket = 'shipped' order by u.use_id"#,
        tenant_id,
        sscc.to_string(),
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(LeftIn {
                lot: lot_ref(row.public_id, row.number),
                quantity: Quantity::new(row.base_quantity.normalize(), unit(&row.base_unit)?),
                order: row.order_number.unwrap_or_default(),
                customer: row.customer.unwrap_or_default(),
                reference: row.reference,
                event_id: row.event_id,
                occurred_at: row.occurred_at.0,
            })
        })
        .collect()
}

/// The newest changes of what is in a container, newest first; one more than [`EVENTS_MAX`] when there are more.
pub(in crate::inventory) async fn changes_of(
    tx: &mut TenantTx,
    sscc: Sscc,
) -> Result<Vec<ContainerChange>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        r#"select l.public_id, l.number, e.bucket, e.delta, e.base_unit, e.kind, e.event_id, e.actor,
               e.occurred_at as "occurred_at: Instant", (
                   select c.corrected_by from lot_correction c where c.tenant_id = $1 and c.event_id = e.event_id
               ) as corrected_by
           from container_entry e join lot l on l.tenant_id = $1 and l.lot_id = e.lot_id
           where e.tenant_id = $1 and e.sscc = $2 order by e.container_entry_id desc limit $3"#,
        tenant_id,
        sscc.to_string(),
        limit(EVENTS_MAX + 1),
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(ContainerChange {
                lot: lot_ref(row.public_id, row.number),
                bucket: row.bucket,
                delta: Quantity::new(row.delta.normalize(), unit(&row.base_unit)?),
                kind: row.kind,
                event_id: row.event_id,
                actor: row.actor,
                occurred_at: row.occurred_at.0,
                corrected_by: row.corrected_by,
            })
        })
        .collect()
}

fn lot_ref(public_id: Uuid, number: String) -> LotRef {
    LotRef {
        lot_id: LotId::from_uuid(public_id),
        number,
    }
}

fn sscc_of(text: &str) -> Result<Sscc, DbError> {
    text.parse().map_err(DbError::stored)
}
