//! Traces: the store finds lots and edges, `agog_sync::trace` puts them in order, so that the hub and the agents
//! give the same tree.

use std::collections::BTreeSet;

use agog_sync::ids::LotId;
use agog_sync::trace::{Direction, Mode, Trace, TraceLot};

use super::model::LotKey;
use super::store::{lots as lot_store, trace as trace_store};
use crate::db::{DbError, TenantTx};
use crate::tenants;

/// Traces a lot in one direction.
pub(super) async fn trace(
    tx: &mut TenantTx,
    root: (LotKey, LotId),
    direction: Direction,
    mode: Mode,
) -> Result<Trace, DbError> {
    let reached = trace_store::reach(tx, root.0, direction).await?;
    let plants = tenants::plant_codes(tx).await?;
    let edges = trace_store::edges_among(tx, &reached.keys).await?;
    let held: BTreeSet<_> = trace_store::held_among(tx, &reached.keys)
        .await?
        .into_iter()
        .collect();
    let mut uses = trace_store::uses_of(tx, &reached.keys).await?;
    let lots = lot_store::lot_rows(tx, &reached.keys)
        .await?
        .into_iter()
        .map(|row| TraceLot {
            lot: row.lot,
            plant: plants.get(&row.plant_id).cloned(),
            material: row.material.map(|material| material.code),
            origin: row.origin,
            made_by_job: row.work.job.map(|job| job.number),
            on_hand: row.on_hand,
            held: held.contains(&row.key.0),
            attributes: row.attributes,
            created_at: row.created_at,
            uses: uses.remove(&row.key).unwrap_or_default(),
        })
        .collect();
    Ok(Trace::build(
        root.1,
        direction,
        mode,
        lots,
        edges,
        reached.truncated,
    ))
}
