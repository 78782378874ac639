//! Adding up: stock levels and the sums of the waste analysis.

use agog_sync::ids::PlantId;
use agog_sync::quantity::Unit;
use jiff::Timestamp;
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::db::{DbError, Instant, TenantTx};
use crate::inventory::model::{EdgeRow, LotKey, StockRow};
use crate::inventory::waste::{Amounts, View};

/// Lots of a material in the order in which the hub met them, after the given one.
pub(in crate::inventory) async fn lots_of_material(
    tx: &mut TenantTx,
    material: i64,
    after: i64,
    limit: i64,
) -> Result<Vec<i64>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    Ok(sqlx::query_scalar!(
        "select lot_id from lot where tenant_id = $1 and material_id = $2 and lot_id > $3 and origin <> 'undone'
         order by lot_id limit $4",
        tenant_id,
        material,
        after,
        limit,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Every edge that touches one of the given lots.
pub(in crate::inventory) async fn edges_touching(
    tx: &mut TenantTx,
    keys: &[i64],
) -> Result<Vec<EdgeRow>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        r#"select p.lot_id as parent_key, p.public_id as parent_id, p.number as parent_number,
               c.lot_id as child_key, c.public_id as child_id, c.number as child_number,
               e.kind, e.base_quantity, e.base_unit, e.occurred_at as "occurred_at: Instant"
           from (
               select tenant_id, parent_id, child_id from lot_edge where tenant_id = $1 and parent_id = any($2)
               union
               select tenant_id, parent_id, child_id from lot_edge where tenant_id = $1 and child_id = any($2)
           ) pair
           join lot_edge e on e.tenant_id = pair.tenant_id and e.parent_id = pair.parent_id and e.child_id = pair.child_id
           join lot p on p.tenant_id = e.tenant_id and p.lot_id = e.parent_id
           join lot c on c.tenant_id = e.tenant_id and c.lot_id = e.child_id
           where e.tenant_id = $1
           order by e.occurred_at, p.lot_id, c.lot_id"#,
        tenant_id,
        keys,
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .map(|row| {
            let quantity = match (row.base_quantity, row.base_unit) {
                (Some(amount), Some(unit)) => Some(agog_sync::quantity::Quantity::new(
                    amount.normalize(),
                    super::lots::unit(&unit)?,
                )),
                _ => None,
            };
            Ok(EdgeRow {
                parent: (LotKey(row.parent_key), row.parent_id, row.parent_number),
                child: (LotKey(row.child_key), row.child_id, row.child_number),
                kind: row.kind,
                quantity,
                at: row.occurred_at.0,
            })
        })
        .collect()
}

/// Stock per material and plant, after the given pair.
///
/// `bucket sums` are taken from the entries, `on hand` from the balances: that the two agree is invariant I8.
pub(in crate::inventory) async fn stock_list(
    tx: &mut TenantTx,
    after: Option<(String, Uuid)>,
    limit: i64,
) -> Result<Vec<StockRow>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let (after_code, after_plant) = after.unzip();
    let rows = sqlx::query!(
        r#"with page as (
               select distinct m.material_id, m.code, m.base_unit, l.plant_id
               from lot l join material m on m.tenant_id = l.tenant_id and m.material_id = l.material_id
               where l.tenant_id = $1 and ($2::text is null or (m.code, l.plant_id) > ($2, $3::uuid))
               order by m.code, l.plant_id limit $4
           )
           select p.code, p.base_unit, p.plant_id,
               s.lots as "lots!", s.on_hand as "on_hand!", s.held as "held!",
               e.received as "received!", e.produced as "produced!", e.adjusted as "adjusted!", e.returned as "returned!",
               e.consumed as "consumed!", e.wasted as "wasted!", e.shipped as "shipped!", e.moved as "moved!"
           from page p
           cross join lateral (
               select count(*) filter (where l.origin <> 'undone') as lots, coalesce(sum(l.balance), 0) as on_hand,
                   coalesce(sum(l.balance) filter (where exists (
                       select from lot_hold h where h.tenant_id = $1 and h.lot_id = l.lot_id
                           and h.placed_at is not null and h.released_at is null)), 0) as held
               from lot l
               where l.tenant_id = $1 and l.plant_id = p.plant_id and l.material_id = p.material_id
           ) s
           cross join lateral (
               select coalesce(sum(n.delta) filter (where n.bucket = 'received'), 0) as received,
                   coalesce(sum(n.delta) filter (where n.bucket = 'produced'), 0) as produced,
                   coalesce(sum(n.delta) filter (where n.bucket = 'adjusted'), 0) as adjusted,
                   coalesce(sum(n.delta) filter (where n.bucket = 'returned'), 0) as returned,
                   coalesce(-sum(n.delta) filter (where n.bucket = 'consumed'), 0) as consumed,
                   coalesce(-sum(n.delta) filter (where n.bucket = 'wasted'), 0) as wasted,
                   coalesce(-sum(n.delta) filter (where n.bucket = 'shipped'), 0) as shipped,
                   coalesce(sum(n.delta) filter (where n.bucket in
                       ('split_in', 'split_out', 'merged_in', 'merged_out')), 0) as moved
               from lot l join lot_entry n on n.tenant_id = l.tenant_id and n.lot_id = l.lot_id
               where l.tenant_id = $1 and l.plant_id = p.plant_id and l.material_id = p.material_id
           ) e
           order by p.code, p.plant_id"#,
        tenant_id,
        after_code,
        after_plant,
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(StockRow {
                material: row.code,
                plant_id: PlantId::from_uuid(row.plant_id),
                unit: super::lots::unit(&row.base_unit)?,
                lots: row.lots,
                on_hand: row.on_hand.normalize(),
                held: row.held.normalize(),
                received: row.received.normalize(),
                produced: row.produced.normalize(),
                returned: row.returned.normalize(),
                adjusted: row.adjusted.normalize(),
                consumed: row.consumed.normalize(),
                wasted: row.wasted.normalize(),
                shipped: row.shipped.normalize(),
                moved: row.moved.normalize(),
            })
        })
        .collect()
}

/// What was consumed and wasted in a period, by each view of the analysis.
pub(in crate::inventory) async fn waste_sums(
    tx: &mut TenantTx,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Amounts>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    // A grouping set has a 0 in `grouping()` for the columns that it groups by.
    let rows = sqlx::query!(
        r#"select grouping(u.device, u.job, u.lot_id, u.operator, u.reason) as "grouping!",
               u.base_unit, u.device, u.job, u.operator, u.reason,
               (select l.number from lot l where l.tenant_id = $1 and l.lot_id = u.lot_id) as lot_number,
               coalesce(sum(u.base_quantity) filter (where u.kind = 'consumed'), 0) as "consumed!",
               coalesce(sum(u.base_quantity) filter (where u.kind = 'wasted'), 0) as "wasted!"
           from lot_use u
           where u.tenant_id = $1 and u.kind in ('consumed', 'wasted') and u.undone_by is null
               and u.occurred_at >= $2 and u.occurred_at < $3
           group by grouping sets (
               (u.base_unit, u.device), (u.base_unit, u.job), (u.base_unit, u.lot_id),
               (u.base_unit, u.operator), (u.base_unit, u.reason))"#,
        tenant_id,
        Instant(from) as _,
        Instant(to) as _,
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .filter_map(|row| {
            let (view, key) = match row.grouping {
                0b0_1111 => (View::Press, row.device),
                0b1_0111 => (View::Job, row.job),
                0b1_1011 => (View::Lot, row.lot_number),
                0b1_1101 => (View::Operator, row.operator),
                0b1_1110 => (View::Reason, row.reason),
                _ => return None,
            };
            Some(amounts(view, key, &row.base_unit, row.consumed, row.wasted))
        })
        .collect()
}

fn amounts(
    view: View,
    key: Option<String>,
    base_unit: &str,
    consumed: Decimal,
    wasted: Decimal,
) -> Result<Amounts, DbError> {
    let unit: Unit = super::lots::unit(base_unit)?;
    Ok(Amounts {
        view,
        key,
        unit,
        consumed,
        wasted,
    })
}
