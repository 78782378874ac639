//! What corrections take back: edges that an event said, uses that it made; and which events were corrected.

use std::collections::BTreeSet;

use agog_sync::ids::{EventId, LotId};
use agog_sync::lots::EdgeKind;
use uuid::Uuid;

use super::facts::Keys;
use super::key_of;
use crate::db::{DbError, TenantTx, column};
use crate::inventory::model::LotKey;

/// An event that was corrected.
pub(in crate::inventory) struct CorrectionRow {
    pub event_id: EventId,
    pub by: EventId,
}

/// An edge as one event says it.
pub(in crate::inventory) struct NamedEdge {
    pub parent: LotId,
    pub child: LotId,
    pub kind: EdgeKind,
    pub event_id: EventId,
}

/// The uses that one event made of a lot.
pub(in crate::inventory) struct NamedUse {
    pub lot: LotId,
    pub event_id: EventId,
    pub by: EventId,
}

/// Which of these events were corrected, and by which.
pub(in crate::inventory) async fn corrections_of(
    tx: &mut TenantTx,
    events: &[EventId],
) -> Result<Vec<(EventId, EventId)>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        "select event_id, corrected_by from lot_correction where tenant_id = $1 and event_id = any($2)",
        tenant_id,
        &events.iter().map(EventId::uuid).collect::<Vec<Uuid>>(),
    )
    .fetch_all(tx.conn())
    .await?;
    let ids = |event_id, by| (EventId::from_uuid(event_id), EventId::from_uuid(by));
    Ok(rows
        .into_iter()
        .map(|row| ids(row.event_id, row.corrected_by))
        .collect())
}

/// Which of these events have left entries on the given lots or on what is packed of them, on which they work.
pub(in crate::inventory) async fn events_applied(
    tx: &mut TenantTx,
    lots: &[LotKey],
    events: &[EventId],
) -> Result<BTreeSet<EventId>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let found = sqlx::query_scalar!(
        r#"select event_id as "event_id!" from lot_entry where tenant_id = $1 and lot_id = any($2) and event_id = any($3)
           union
           select event_id from container_entry where tenant_id = $1 and lot_id = any($2) and event_id = any($3)"#,
        tenant_id,
        &column(lots, |lot| lot.0),
        &events.iter().map(EventId::uuid).collect::<Vec<Uuid>>(),
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(found.into_iter().map(EventId::from_uuid).collect())
}

/// Keeps which events were corrected.
pub(in crate::inventory) async fn corrections_add(
    tx: &mut TenantTx,
    rows: &[CorrectionRow],
) -> Result<(), DbError> {
    if rows.is_empty() {
        return Ok(());
    }
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "insert into lot_correction (tenant_id, event_id, corrected_by)
         select $1, event_id, corrected_by from unnest($2::uuid[], $3::uuid[]) as e (event_id, corrected_by)",
        tenant_id,
        &column(rows, |row| row.event_id.uuid()),
        &column(rows, |row| row.by.uuid()),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Takes back edges that events said. An edge that another event said as well stands by that one.
pub(in crate::inventory) async fn edges_withdraw(
    tx: &mut TenantTx,
    rows: &[NamedEdge],
    keys: &Keys,
) -> Result<(), DbError> {
    if rows.is_empty() {
        return Ok(());
    }
    let tenant_id = tx.tenant_id().uuid();
    let parents = key_of(keys, rows.iter().map(|row| row.parent))?;
    let children = key_of(keys, rows.iter().map(|row| row.child))?;
    let kinds = column(rows, |row| row.kind.as_str());
    let events = column(rows, |row| row.event_id.uuid());
    sqlx::query!(
        "delete from lot_edge_again a
         using unnest($2::bigint[], $3::bigint[], $4::text[], $5::uuid[]) as e (parent_id, child_id, kind, event_id)
         where a.tenant_id = $1 and a.parent_id = e.parent_id and a.child_id = e.child_id and a.kind = e.kind
             and a.event_id = e.event_id",
        tenant_id,
        &parents,
        &children,
        &kinds as _,
        &events,
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!(
        "delete from lot_edge a
         using unnest($2::bigint[], $3::bigint[], $4::text[], $5::uuid[]) as e (parent_id, child_id, kind, event_id)
         where a.tenant_id = $1 and a.parent_id = e.parent_id and a.child_id = e.child_id and a.kind = e.kind
             and a.event_id = e.event_id",
        tenant_id,
        &parents,
        &children,
        &kinds as _,
        &events,
    )
    .execute(tx.conn())
    .await?;
    // The next that said so takes the place of the one that is gone.
    sqlx::query!(
        "insert into lot_edge (tenant_id, parent_id, child_id, kind, base_quantity, base_unit, event_id, occurred_at)
         select distinct on (a.parent_id, a.child_id, a.kind)
             $1, a.parent_id, a.child_id, a.kind, a.base_quantity, a.base_unit, a.event_id, a.occurred_at
         from lot_edge_again a
             join unnest($2::bigint[], $3::bigint[], $4::text[]) as e (parent_id, child_id, kind)
                 on a.parent_id = e.parent_id and a.child_id = e.child_id and a.kind = e.kind
         where a.tenant_id = $1
         order by a.parent_id, a.child_id, a.kind, a.place
         on conflict (tenant_id, parent_id, child_id, kind) do nothing",
        tenant_id,
        &parents,
        &children,
        &kinds as _,
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!(
        "delete from lot_edge_again a
         using unnest($2::bigint[], $3::bigint[], $4::text[]) as e (parent_id, child_id, kind), lot_edge f
         where a.tenant_id = $1 and a.parent_id = e.parent_id and a.child_id = e.child_id and a.kind = e.kind
             and f.tenant_id = $1 and f.parent_id = a.parent_id and f.child_id = a.child_id and f.kind = a.kind
             and f.event_id = a.event_id",
        tenant_id,
        &parents,
        &children,
        &kinds as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Marks the uses that events made of lots as undone.
pub(in crate::inventory) async fn uses_undo(
    tx: &mut TenantTx,
    rows: &[NamedUse],
    keys: &Keys,
) -> Result<(), DbError> {
    if rows.is_empty() {
        return Ok(());
    }
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "update lot_use set undone_by = e.undone_by
         from unnest($2::bigint[], $3::uuid[], $4::uuid[]) as e (lot_id, event_id, undone_by)
         where lot_use.tenant_id = $1 and lot_use.lot_id = e.lot_id and lot_use.event_id = e.event_id",
        tenant_id,
        &key_of(keys, rows.iter().map(|row| row.lot))?,
        &column(rows, |row| row.event_id.uuid()),
        &column(rows, |row| row.by.uuid()),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
