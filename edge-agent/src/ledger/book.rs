//! Loads what the lot rules need to know about the lots that an event names.

use agog_sync::ids::{EventId, LotId};
use agog_sync::lots::{LotBook, LotCorrected, LotEvent, LotRef, LotState};
use agog_sync::quantity::Material;
use rusqlite::{Connection, OptionalExtension as _, params};
use rust_decimal::Decimal;

use super::error::LedgerError;
use super::{containers, text};

/// The states of the lots that `event` names, which of its new numbers are taken, and what was corrected before.
pub(super) fn load(
    connection: &Connection,
    event: &LotEvent,
    event_id: EventId,
) -> Result<LotBook, LedgerError> {
    let mut book = LotBook::default();
    let asks_for_shipped = matches!(event, LotEvent::Returned(_) | LotEvent::Corrected(_));
    for lot in event.lots() {
        if let Some(mut state) = lot_state(connection, lot.lot_id)? {
            if asks_for_shipped {
                state.shipped = shipped(connection, lot.lot_id)?;
            }
            book.insert(state);
        }
    }
    for lot in event.new_lots() {
        let taken: Option<String> = connection
            .prepare_cached(
                "select lot_id from lot
                 where number = ?1 and lot_id != ?2 and own and origin != 'undone' limit 1",
            )?
            .query_row(params![lot.number, lot.lot_id.to_string()], |row| {
                row.get(0)
            })
            .optional()?;
        if let Some(by) = taken {
            book.take_number(&lot.number, text::id(&by, "lot id")?);
        }
    }
    if let LotEvent::Packed(event) = event {
        book.insert_container(event.sscc, containers::state(connection, event.sscc)?);
    }
    correction(connection, &mut book, event_id)?;
    if let LotEvent::Corrected(event) = event {
        correction(connection, &mut book, event.corrects)?;
        leave_out(connection, &mut book, event)?;
    }
    Ok(book)
}

/// What was shipped of a lot and did not come back: here, and what this plant was told of.
pub(super) fn shipped(connection: &Connection, lot_id: LotId) -> Result<Decimal, LedgerError> {
    let mut query = connection.prepare_cached(
        "select shipped from adoption where lot_id = ?1
         union all
         select iif(delta glob '-*', substr(delta, 2), '-' || delta) from lot_entry
         where lot_id = ?1 and bucket in ('shipped', 'returned')",
    )?;
    let mut found = query.query([lot_id.to_string()])?;
    let mut shipped = Decimal::ZERO;
    while let Some(row) = found.next()? {
        shipped += text::decimal(&row.get::<_, String>(0)?)?;
    }
    Ok(shipped)
}

fn correction(
    connection: &Connection,
    book: &mut LotBook,
    event_id: EventId,
) -> Result<(), LedgerError> {
    let by: Option<String> = connection
        .prepare_cached(
            "select fact.event_id from lot_correction join fact using (position)
             where lot_correction.event_id = ?1",
        )?
        .query_row([event_id.to_string()], |row| row.get(0))
        .optional()?;
    if let Some(by) = by {
        book.correct(event_id, text::id(&by, "event id")?);
    }
    Ok(())
}

/// The event that is undone may have happened before this plant met a lot: then it is in the balance with which the lot
/// came, and in no other.
fn leave_out(
    connection: &Connection,
    book: &mut LotBook,
    event: &LotCorrected,
) -> Result<(), LedgerError> {
    let here = connection
        .prepare_cached("select 1 from fact where event_id = ?1")?
        .exists([event.corrects.to_string()])?;
    if here {
        return Ok(());
    }
    for lot in event.undone().lots() {
        let came_with_it = connection
            .prepare_cached("select 1 from adoption where lot_id = ?1")?
            .exists([lot.lot_id.to_string()])?;
        if !came_with_it {
            book.leave_out(event.corrects, lot.lot_id);
        }
    }
    Ok(())
}

/// The state of one lot.
pub(super) fn lot_state(
    connection: &Connection,
    lot_id: LotId,
) -> Result<Option<LotState>, LedgerError> {
    type Columns = (String, Option<String>, String, String, String, i64, String);
    let found: Option<Columns> = connection
        .prepare_cached(
            "select number, material, base_unit, balance, attributes, created_at, origin
             from lot where lot_id = ?1",
        )?
        .query_row([lot_id.to_string()], |row| {
            Ok((
                row.get(0)?,
                row.get(1)?,
                row.get(2)?,
                row.get(3)?,
                row.get(4)?,
                row.get(5)?,
                row.get(6)?,
            ))
        })
        .optional()?;
    let Some((number, material, base_unit, balance, attributes, created_at, origin)) = found else {
        return Ok(None);
    };
    let material: Option<Material> = material
        .map(|material| text::json(&material, "material"))
        .transpose()?;
    Ok(Some(LotState {
        lot: LotRef { lot_id, number },
        material,
        balance: text::decimal(&balance)?,
        // Added up by `load` for the few events that ask.
        shipped: Decimal::ZERO,
        packed: containers::packed(connection, &lot_id.to_string())?,
        base_unit: text::id(&base_unit, "unit")?,
        holds: holds(connection, lot_id)?,
        attributes: text::json(&attributes, "lot attributes")?,
        origin: text::origin(&origin)?,
        created_at: text::instant(created_at)?,
    }))
}

fn holds(
    connection: &Connection,
    lot_id: LotId,
) -> Result<std::collections::BTreeSet<agog_sync::ids::HoldId>, LedgerError> {
    let mut query = connection.prepare_cached(
        "select hold_id from lot_hold
         where lot_id = ?1 and placed_at is not null and released_at is null",
    )?;
    let mut found = query.query([lot_id.to_string()])?;
    let mut holds = std::collections::BTreeSet::new();
    while let Some(row) = found.next()? {
        holds.insert(text::id(&row.get::<_, String>(0)?, "hold id")?);
    }
    Ok(holds)
}
