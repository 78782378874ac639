//! Stores what the lot rules say that an event does. Nothing else changes a balance.

use agog_sync::ids::LotId;
use agog_sync::lots::{Effect, LotAttributes, LotOrigin, Use};
use agog_sync::quantity::Quantity;
use rusqlite::{Connection, params};

use super::error::LedgerError;
use super::{containers, text};

/// Stores the effects of the event at `place`. `own` says that the lots it makes have numbers of
/// this plant.
pub(super) fn store(
    connection: &Connection,
    place: i64,
    effects: &[Effect],
    own: bool,
) -> Result<(), LedgerError> {
    for (line, effect) in (0_i64..).zip(effects) {
        store_one(connection, place, line, effect, own)?;
    }
    Ok(())
}

/// Whether what an effect does had come with its lot already, because the lot was taken in with the event in it.
pub(super) fn came_with_its_lot(effect: &Effect, left_out: &[LotId]) -> bool {
    match effect {
        Effect::BalanceChanged { lot_id, .. }
        | Effect::HoldPlaced { lot_id, .. }
        | Effect::HoldReleased { lot_id, .. }
        | Effect::ContainerChanged { lot_id, .. }
        | Effect::Relocated { lot_id, .. } => left_out.contains(lot_id),
        _ => false,
    }
}

fn store_one(
    connection: &Connection,
    place: i64,
    line: i64,
    effect: &Effect,
    own: bool,
) -> Result<(), LedgerError> {
    match effect {
        Effect::LotCreated { .. } => lot_created(connection, effect, own)?,
        Effect::BalanceChanged {
            lot_id,
            bucket,
            delta,
            unit,
            entered,
        } => {
            add_to_balance(connection, *lot_id, *delta)?;
            connection
                .prepare_cached(
                    "insert into lot_entry (position, line, lot_id, bucket, delta, unit,
                                            entered_amount, entered_unit)
                     values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                )?
                .execute(params![
                    place,
                    line,
                    lot_id.to_string(),
                    bucket.as_str(),
                    delta.to_string(),
                    unit.as_str(),
                    entered.amount.to_string(),
                    entered.unit.as_str()
                ])?;
        }
        Effect::EdgeAdded {
            parent,
            child,
            kind,
            quantity,
            at,
        } => {
            connection
                .prepare_cached(
                    "insert into lot_edge (parent_id, child_id, kind, quantity, unit, at, position)
                     values (?1, ?2, ?3, ?4, ?5, ?6, ?7) on conflict do nothing",
                )?
                .execute(params![
                    parent.to_string(),
                    child.to_string(),
                    kind.as_str(),
                    quantity.map(|quantity| quantity.amount.to_string()),
                    quantity.map(|quantity| quantity.unit.as_str()),
                    at.as_microsecond(),
                    place
                ])?;
        }
        Effect::Used { lot_id, used } => lot_used(connection, place, line, *lot_id, used)?,
        Effect::HoldPlaced {
            hold_id,
            lot_id,
            reason,
            at,
        } => {
            connection
                .prepare_cached(
                    "insert into lot_hold (lot_id, hold_id, reason, placed_at)
                     values (?1, ?2, ?3, ?4)
                     on conflict (lot_id, hold_id) do update
                     set reason = excluded.reason, placed_at = excluded.placed_at
                     where placed_at is null",
                )?
                .execute(params![
                    lot_id.to_string(),
                    hold_id.to_string(),
                    reason,
                    at.as_microsecond()
                ])?;
        }
        Effect::HoldReleased {
            hold_id,
            lot_id,
            reason,
            at,
        } => {
            connection
                .prepare_cached(
                    "insert into lot_hold (lot_id, hold_id, released_at, release_reason)
                     values (?1, ?2, ?3, ?4)
                     on conflict (lot_id, hold_id) do update
                     set released_at = excluded.released_at,
                         release_reason = excluded.release_reason
                     where released_at is null",
                )?
                .execute(params![
                    lot_id.to_string(),
                    hold_id.to_string(),
                    at.as_microsecond(),
                    reason
                ])?;
        }
        Effect::ContainerChanged {
            sscc,
            lot_id,
            bucket,
            delta,
            unit,
        } => {
            let (at, of) = ((place, line), (*sscc, *lot_id));
            containers::changed(connection, at, of, *bucket, Quantity::new(*delta, *unit))?;
        }
        Effect::Relocated { lot_id, to } => relocate(connection, *lot_id, to.as_deref())?,
        Effect::Corrected { .. }
        | Effect::EdgeWithdrawn { .. }
        | Effect::UseUndone { .. }
        | Effect::LotUnmade { .. } => undone(connection, place, effect)?,
    }
    Ok(())
}

/// A lot that was met before the event that makes it gets what was not known.
fn lot_created(connection: &Connection, effect: &Effect, own: bool) -> Result<(), LedgerError> {
    let Effect::LotCreated {
        lot,
        material,
        base_unit,
        attributes,
        origin,
        work,
        created_at,
    } = effect
    else {
        return Ok(());
    };
    connection
        .prepare_cached(
            "insert into lot (lot_id, number, material, material_code, base_unit, balance, origin,
                              made_by_job, attributes, created_at, own)
             values (?1, ?2, ?3, ?4, ?5, '0', ?6, ?7, ?8, ?9, ?10)
             on conflict (lot_id) do update
             set number = excluded.number, material = excluded.material,
                 material_code = excluded.material_code, base_unit = excluded.base_unit,
                 origin = excluded.origin, made_by_job = excluded.made_by_job,
                 attributes = excluded.attributes, created_at = excluded.created_at,
                 own = excluded.own
             where origin in ('unknown', 'undone')",
        )?
        .execute(params![
            lot.lot_id.to_string(),
            lot.number,
            material.as_ref().map(text::to_json),
            material.as_ref().map(|material| &material.code),
            base_unit.as_str(),
            origin.as_str(),
            work.job.as_ref().map(|job| &job.number),
            text::to_json(attributes),
            created_at.as_microsecond(),
            own && *origin != LotOrigin::Unknown,
        ])?;
    Ok(())
}

pub(super) fn add_to_balance(
    connection: &Connection,
    lot_id: LotId,
    delta: rust_decimal::Decimal,
) -> Result<(), LedgerError> {
    let id = lot_id.to_string();
    let balance: String = connection
        .prepare_cached("select balance from lot where lot_id = ?1")?
        .query_row([&id], |row| row.get(0))?;
    let balance = (text::decimal(&balance)? + delta).normalize();
    connection
        .prepare_cached("update lot set balance = ?2 where lot_id = ?1")?
        .execute(params![id, balance.to_string()])?;
    Ok(())
}

fn lot_used(
    connection: &Connection,
    place: i64,
    line: i64,
    lot_id: LotId,
    used: &Use,
) -> Result<(), LedgerError> {
    connection
        .prepare_cached(
            "insert into lot_use (position, line, lot_id, kind, job, used)
             values (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            place,
            line,
            lot_id.to_string(),
            used.kind.as_str(),
            used.job,
            text::to_json(used)
        ])?;
    Ok(())
}

fn relocate(connection: &Connection, lot_id: LotId, to: Option<&str>) -> Result<(), LedgerError> {
    let id = lot_id.to_string();
    let attributes: String = connection
        .prepare_cached("select attributes from lot where lot_id = ?1")?
        .query_row([&id], |row| row.get(0))?;
    let mut attributes: LotAttributes = text::json(&attributes, "lot attributes")?;
    attributes.location = to.map(str::to_owned);
    connection
        .prepare_cached("update lot set attributes = ?2 where lot_id = ?1")?
        .execute(params![id, text::to_json(&attributes)])?;
    Ok(())
}

/// What the correction at `place` takes back.
fn undone(connection: &Connection, place: i64, effect: &Effect) -> Result<(), LedgerError> {
    match effect {
        Effect::Corrected { event_id } => {
            connection
                .prepare_cached("insert into lot_correction (event_id, position) values (?1, ?2)")?
                .execute(params![event_id.to_string(), place])?;
        }
        Effect::EdgeWithdrawn {
            parent,
            child,
            kind,
            event_id,
        } => {
            connection
                .prepare_cached(
                    "delete from lot_edge where parent_id = ?1 and child_id = ?2 and kind = ?3
                     and position in (select position from fact where event_id = ?4)",
                )?
                .execute(params![
                    parent.to_string(),
                    child.to_string(),
                    kind.as_str(),
                    event_id.to_string()
                ])?;
        }
        Effect::UseUndone { lot_id, event_id } => {
            connection
                .prepare_cached(
                    "update lot_use set undone_by = ?1 where lot_id = ?2
                     and position in (select position from fact where event_id = ?3)",
                )?
                .execute(params![place, lot_id.to_string(), event_id.to_string()])?;
        }
        Effect::LotUnmade { lot_id } => {
            connection
                .prepare_cached("update lot set origin = 'undone' where lot_id = ?1")?
                .execute([lot_id.to_string()])?;
        }
        _ => {}
    }
    Ok(())
}
