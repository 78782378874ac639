//! Where a lot came from and where it went. SQLite finds the lots and edges that can be reached;
//! `agog_sync::trace` makes the answer out of them, here as on the hub.

use std::collections::BTreeSet;

use agog_sync::ids::LotId;
use agog_sync::lots::{EdgeKind, LotRef, Use};
use agog_sync::quantity::Quantity;
use agog_sync::trace::{Direction, Mode, TRACE_LOTS_MAX, Trace, TraceEdge, TraceLot};
use rusqlite::{Connection, Row, params};

use super::error::LedgerError;
use super::reader::Reader;
use super::text;

/// `union` on the lot id, so that each lot is visited once however many ways lead to it.
const FORWARD: &str = "with recursive reached (lot_id) as (
        values (?1) union
        select edge.child_id from lot_edge as edge join reached on edge.parent_id = reached.lot_id
        limit ?2
    ) select lot_id from reached";

const BACKWARD: &str = "with recursive reached (lot_id) as (
        values (?1) union
        select edge.parent_id from lot_edge as edge join reached on edge.child_id = reached.lot_id
        limit ?2
    ) select lot_id from reached";

impl Reader {
    /// Everything that `root` is in, or everything that is in it.
    pub fn trace(
        &self,
        root: LotId,
        direction: Direction,
        mode: Mode,
    ) -> Result<Trace, LedgerError> {
        // One read transaction, so that lots and edges are of the same moment.
        let connection = self.connection.unchecked_transaction()?;
        let (reached, truncated) = reach(&connection, root, direction)?;
        let mut lots = Vec::with_capacity(reached.len());
        let mut edges = Vec::new();
        let plant: String =
            connection.query_row("select plant_code from meta", [], |row| row.get(0))?;
        for lot_id in &reached {
            lots.extend(trace_lot(&connection, lot_id, &plant)?);
            edges.extend(edges_from(&connection, lot_id, &reached)?);
        }
        Ok(Trace::build(root, direction, mode, lots, edges, truncated))
    }
}

impl Reader {
    /// A lot with the lots that are directly in it and those that it is directly in.
    pub fn neighbours(&self, lot_id: LotId) -> Result<Trace, LedgerError> {
        let connection = self.connection.unchecked_transaction()?;
        let id = lot_id.to_string();
        let mut query = connection.prepare_cached(
            "select ?1 union select child_id from lot_edge where parent_id = ?1
             union select parent_id from lot_edge where child_id = ?1 limit ?2",
        )?;
        let limit = i64::try_from(TRACE_LOTS_MAX).unwrap_or(i64::MAX);
        let near = query
            .query_map(params![id, limit], |row| row.get(0))?
            .collect::<Result<BTreeSet<String>, _>>()?;
        let plant: String =
            connection.query_row("select plant_code from meta", [], |row| row.get(0))?;
        let mut lots = Vec::new();
        let mut edges = Vec::new();
        for near_id in &near {
            lots.extend(trace_lot(&connection, near_id, &plant)?);
            edges.extend(edges_from(&connection, near_id, &near)?);
        }
        edges.retain(|edge| edge.parent == lot_id || edge.child == lot_id);
        Ok(Trace::build(
            lot_id,
            Direction::Forward,
            Mode::Exposure,
            lots,
            edges,
            false,
        ))
    }
}

fn reach(
    connection: &Connection,
    root: LotId,
    direction: Direction,
) -> Result<(BTreeSet<String>, bool), LedgerError> {
    let mut query = connection.prepare_cached(match direction {
        Direction::Forward => FORWARD,
        Direction::Backward => BACKWARD,
    })?;
    let limit = i64::try_from(TRACE_LOTS_MAX + 1).unwrap_or(i64::MAX);
    let mut reached = query
        .query_map(params![root.to_string(), limit], |row| row.get(0))?
        .collect::<Result<Vec<String>, _>>()?;
    let truncated = reached.len() > TRACE_LOTS_MAX;
    reached.truncate(TRACE_LOTS_MAX);
    Ok((reached.into_iter().collect(), truncated))
}

fn trace_lot(
    connection: &Connection,
    lot_id: &str,
    plant: &str,
) -> Result<Option<TraceLot>, LedgerError> {
    let mut query = connection.prepare_cached(
        "select number, material_code, origin, made_by_job, balance, base_unit, attributes,
                created_at, own,
                exists (select 1 from lot_hold as hold where hold.lot_id = lot.lot_id
                        and hold.placed_at is not null and hold.released_at is null)
         from lot where lot_id = ?1",
    )?;
    let mut found = query.query([lot_id])?;
    let Some(row) = found.next()? else {
        return Ok(None);
    };
    let balance: String = row.get(4)?;
    let unit: String = row.get(5)?;
    Ok(Some(TraceLot {
        lot: LotRef {
            lot_id: text::id(lot_id, "lot id")?,
            number: row.get(0)?,
        },
        plant: row.get::<_, bool>(8)?.then(|| plant.to_owned()),
        material: row.get(1)?,
        origin: text::origin(&row.get::<_, String>(2)?)?,
        made_by_job: row.get(3)?,
        on_hand: Quantity::new(text::decimal(&balance)?, text::id(&unit, "unit")?),
        held: row.get(9)?,
        attributes: text::json(&row.get::<_, String>(6)?, "lot attributes")?,
        created_at: text::instant(row.get(7)?)?,
        uses: uses(connection, lot_id)?,
    }))
}

fn uses(connection: &Connection, lot_id: &str) -> Result<Vec<Use>, LedgerError> {
    let mut query = connection.prepare_cached(
        "select used from lot_use where lot_id = ?1 and undone_by is null order by position, line",
    )?;
    let mut found = query.query([lot_id])?;
    let mut uses = Vec::new();
    while let Some(row) = found.next()? {
        uses.push(text::json(&row.get::<_, String>(0)?, "lot use")?);
    }
    Ok(uses)
}

fn edges_from(
    connection: &Connection,
    parent: &str,
    reached: &BTreeSet<String>,
) -> Result<Vec<TraceEdge>, LedgerError> {
    let mut query = connection.prepare_cached(
        "select child_id, kind, quantity, unit, at from lot_edge where parent_id = ?1",
    )?;
    let mut found = query.query([parent])?;
    let mut edges = Vec::new();
    while let Some(row) = found.next()? {
        let child: String = row.get(0)?;
        if reached.contains(&child) {
            edges.push(edge(parent, &child, row)?);
        }
    }
    Ok(edges)
}

fn edge(parent: &str, child: &str, row: &Row<'_>) -> Result<TraceEdge, LedgerError> {
    let kind: String = row.get(1)?;
    let amount: Option<String> = row.get(2)?;
    let unit: Option<String> = row.get(3)?;
    let quantity = match (amount, unit) {
        (Some(amount), Some(unit)) => Some(Quantity::new(
            text::decimal(&amount)?,
            text::id(&unit, "unit")?,
        )),
        _ => None,
    };
    Ok(TraceEdge {
        parent: text::id(parent, "lot id")?,
        child: text::id(child, "lot id")?,
        kind: EdgeKind::from_text(&kind).ok_or_else(|| text::malformed("edge kind", kind))?,
        quantity,
        at: text::instant(row.get(4)?)?,
    })
}
