//! Walking the genealogy.
//!
//! The recursive query keeps a set of lots (`union` on the id alone). It never keeps paths: twenty levels of lots
//! that are split and merged again have two million paths and forty lots.

use std::collections::BTreeMap;

use agog_sync::ids::LotId;
use agog_sync::lots::{EdgeKind, Use, UseKind};
use agog_sync::quantity::Quantity;
use agog_sync::trace::{Direction, TRACE_LOTS_MAX, TraceEdge};

use crate::db::{DbError, Instant, TenantTx};
use crate::inventory::model::LotKey;

/// The lots that can be reached from a lot, itself included.
pub(in crate::inventory) struct Reached {
    pub keys: Vec<i64>,
    /// There were more than [`TRACE_LOTS_MAX`].
    pub truncated: bool,
}

/// Finds what can be reached, nearest first, and at most [`TRACE_LOTS_MAX`] lots.
pub(in crate::inventory) async fn reach(
    tx: &mut TenantTx,
    root: LotKey,
    direction: Direction,
) -> Result<Reached, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let limit = super::lots::limit(TRACE_LOTS_MAX + 1);
    // The outer limit ends the recursion too: it hands out rows as it finds them.
    let mut keys = match direction {
        Direction::Forward => {
            sqlx::query_scalar!(
                r#"with recursive reached (lot_id) as (
                       select $2::bigint
                       union
                       select e.child_id from reached r
                       join lot_edge e on e.tenant_id = $1 and e.parent_id = r.lot_id
                   )
                   select lot_id as "lot_id!" from reached limit $3"#,
                tenant_id,
                root.0,
                limit,
            )
            .fetch_all(tx.conn())
            .await?
        }
        Direction::Backward => {
            sqlx::query_scalar!(
                r#"with recursive reached (lot_id) as (
                       select $2::bigint
                       union
                       select e.parent_id from reached r
                       join lot_edge e on e.tenant_id = $1 and e.child_id = r.lot_id
                   )
                   select lot_id as "lot_id!" from reached limit $3"#,
                tenant_id,
                root.0,
                limit,
            )
            .fetch_all(tx.conn())
            .await?
        }
    };
    let truncated = keys.len() > TRACE_LOTS_MAX;
    keys.truncate(TRACE_LOTS_MAX);
    Ok(Reached { keys, truncated })
}

/// The edges that join the given lots with each other, once for each event that says so.
pub(in crate::inventory) async fn edges_among(
    tx: &mut TenantTx,
    keys: &[i64],
) -> Result<Vec<TraceEdge>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        r#"select p.public_id as parent, c.public_id as child, e.kind as "kind!", e.base_quantity, e.base_unit,
               e.occurred_at as "occurred_at!: Instant"
           from (
               select parent_id, child_id, kind, base_quantity, base_unit, occurred_at from lot_edge
               where tenant_id = $1 and parent_id = any($2) and child_id = any($2)
               union all
               select parent_id, child_id, kind, base_quantity, base_unit, occurred_at from lot_edge_again
               where tenant_id = $1 and parent_id = any($2) and child_id = any($2)
           ) e
           join lot p on p.tenant_id = $1 and p.lot_id = e.parent_id
           join lot c on c.tenant_id = $1 and c.lot_id = e.child_id"#,
        tenant_id,
        keys,
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .map(|row| {
            let quantity = match (row.base_quantity, row.base_unit) {
                (Some(amount), Some(unit)) => {
                    Some(Quantity::new(amount.normalize(), super::lots::unit(&unit)?))
                }
                _ => None,
            };
            Ok(TraceEdge {
                parent: LotId::from_uuid(row.parent),
                child: LotId::from_uuid(row.child),
                kind: EdgeKind::from_text(&row.kind)
                    .ok_or_else(|| DbError::stored(format!("unknown edge kind `{}`", row.kind)))?,
                quantity,
                at: row.occurred_at.0,
            })
        })
        .collect()
}

/// What the given lots were used for.
pub(in crate::inventory) async fn uses_of(
    tx: &mut TenantTx,
    keys: &[i64],
) -> Result<BTreeMap<LotKey, Vec<Use>>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        r#"select lot_id, kind, base_quantity, base_unit, job, order_number, customer, device, operator, reason,
               reference, sscc, occurred_at as "occurred_at: Instant"
           from lot_use where tenant_id = $1 and lot_id = any($2) and undone_by is null order by use_id"#,
        tenant_id,
        keys,
    )
    .fetch_all(tx.conn())
    .await?;
    let mut uses: BTreeMap<LotKey, Vec<Use>> = BTreeMap::new();
    for row in rows {
        uses.entry(LotKey(row.lot_id)).or_default().push(Use {
            kind: UseKind::from_text(&row.kind)
                .ok_or_else(|| DbError::stored(format!("unknown use kind `{}`", row.kind)))?,
            quantity: Quantity::new(
                row.base_quantity.normalize(),
                super::lots::unit(&row.base_unit)?,
            ),
            job: row.job,
            order: row.order_number,
            customer: row.customer,
            device: row.device,
            operator: row.operator,
            reason: row.reason,
            reference: row.reference,
            sscc: row
                .sscc
                .map(|sscc| sscc.parse())
                .transpose()
                .map_err(DbError::stored)?,
            at: row.occurred_at.0,
        });
    }
    Ok(uses)
}

/// The lots of the given that a hold stands on.
pub(in crate::inventory) async fn held_among(
    tx: &mut TenantTx,
    keys: &[i64],
) -> Result<Vec<i64>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    Ok(sqlx::query_scalar!(
        "select distinct lot_id from lot_hold
         where tenant_id = $1 and lot_id = any($2) and placed_at is not null and released_at is null",
        tenant_id,
        keys,
    )
    .fetch_all(tx.conn())
    .await?)
}
