//! Compares what is stored of lots, holds and containers with what the events say, and names the event to blame.

use std::collections::BTreeMap;

use agog_sync::ids::{HoldId, LotId};
use agog_sync::lots::{LotAttributes, LotOrigin};
use agog_sync::sscc::Sscc;
use rusqlite::{Connection, OptionalExtension as _, Row};

use super::Problems;
use super::computed::{Computed, Hold, Lot};
use super::derived::Table;
use crate::ledger::error::LedgerError;
use crate::ledger::text;

/// Names the events whose rows are not what they say.
pub(super) fn name_rows(
    connection: &Connection,
    differing: impl IntoIterator<Item = (Table, i64)>,
    problems: &mut Problems,
) -> Result<(), LedgerError> {
    for (table, place) in differing {
        let event = event_at(connection, place)?;
        let seq = event.map_or(0, |(_, seq)| seq);
        let what = table.words();
        problems.add(
            event,
            format!("{what} of event {seq} are not what the event says"),
        );
    }
    Ok(())
}

/// Compares holds: they are of lots, not of one event.
pub(super) fn holds(
    connection: &Connection,
    computed: &Computed,
    problems: &mut Problems,
) -> Result<(), LedgerError> {
    const SQL: &str =
        "select lot_id, hold_id, reason, placed_at, released_at, release_reason from lot_hold";
    let stored = read(connection, SQL, problems, |row| {
        let key: (LotId, HoldId) = (
            text::id(text::column(row, 0)?, "lot id")?,
            text::id(text::column(row, 1)?, "hold id")?,
        );
        let hold = Hold {
            reason: row.get(2)?,
            placed_at: row.get(3)?,
            released_at: row.get(4)?,
            release_reason: row.get(5)?,
        };
        Ok((key, hold))
    })?;
    for ((lot_id, hold_id), state) in differing(&stored, &computed.holds) {
        let event = newest_event_of(connection, lot_id)?;
        problems.add(event, format!("hold {hold_id} of lot {lot_id} {state}"));
    }
    Ok(())
}

/// Compares what is in containers.
pub(super) fn containers(
    connection: &Connection,
    computed: &Computed,
    problems: &mut Problems,
) -> Result<(), LedgerError> {
    const SQL: &str = "select lot_id, sscc, packed from container_content";
    let stored = read(connection, SQL, problems, |row| {
        let key: (LotId, Sscc) = (
            text::id(text::column(row, 0)?, "lot id")?,
            text::id(text::column(row, 1)?, "SSCC")?,
        );
        Ok((key, text::decimal(text::column(row, 2)?)?))
    })?;
    for ((lot_id, sscc), state) in differing(&stored, &computed.packed) {
        let event = newest_event_of(connection, lot_id)?;
        let what = format!("what container {sscc} holds of lot {lot_id} {state}");
        problems.add(event, what);
    }
    Ok(())
}

/// Compares the rows of lots; tells how many there are.
pub(super) fn lots(
    connection: &Connection,
    computed: &Computed,
    problems: &mut Problems,
) -> Result<u64, LedgerError> {
    let mut query = connection.prepare(
        "select lot_id, number, material_code, base_unit, balance, origin, made_by_job, attributes, created_at
         from lot",
    )?;
    let mut found = query.query([])?;
    let (mut stored, mut known) = (0, 0);
    while let Some(row) = found.next()? {
        stored += 1;
        let number = text::column(row, 1)?;
        let lot_id: LotId = match text::id(text::column(row, 0)?, "lot id") {
            Ok(lot_id) => lot_id,
            Err(error) => {
                problems.add(None, format!("lot {number}: {error}"));
                continue;
            }
        };
        let Some(said) = computed.lots.get(&lot_id) else {
            problems.add(None, format!("no event made lot {number}"));
            continue;
        };
        known += 1;
        match is_stored(row, said) {
            Ok(true) => {}
            Ok(false) => {
                let event = newest_event_of(connection, lot_id)?;
                let stored = describe(text::column(row, 4)?, row, text::column(row, 5)?)?;
                let balance = said.balance.normalize().to_string();
                let said = describe(&balance, row, said.origin.as_str())?;
                let what = format!("lot {number} is stored as {stored}, its events say {said}");
                problems.add(event, what);
            }
            Err(error) => {
                let event = newest_event_of(connection, lot_id)?;
                problems.add(event, format!("lot {number}: {error}"));
            }
        }
    }
    let lost = computed.lots.len() - known;
    if lost > 0 {
        problems.add(None, format!("{lost} lots that events made are not stored"));
    }
    Ok(stored)
}

fn is_stored(row: &Row<'_>, said: &Lot) -> Result<bool, LedgerError> {
    let attributes = text::column(row, 7)?;
    let is_equal = text::column(row, 1)? == &*said.number
        && row
            .get_ref(2)?
            .as_str_or_null()
            .map_err(|error| text::malformed("text", error))?
            == said.material_code.as_deref()
        && text::column(row, 3)? == said.base_unit.as_str()
        && text::decimal(text::column(row, 4)?)? == said.balance
        && text::column(row, 5)? == said.origin.as_str()
        && row
            .get_ref(6)?
            .as_str_or_null()
            .map_err(|error| text::malformed("text", error))?
            == said.made_by_job.as_deref()
        && row.get::<_, i64>(8)? == said.created_at.as_microsecond();
    Ok(is_equal && text::json::<LotAttributes>(attributes, "lot attributes")? == *said.attributes)
}

fn describe(balance: &str, row: &Row<'_>, origin: &str) -> Result<String, LedgerError> {
    let undone = if origin == LotOrigin::Undone.as_str() {
        ", undone"
    } else {
        ""
    };
    Ok(format!("{balance} {}{undone}", text::column(row, 3)?))
}

/// Reads stored rows by their keys; one that cannot be read is a problem of its own.
fn read<K: Ord, T>(
    connection: &Connection,
    sql: &str,
    problems: &mut Problems,
    read: impl Fn(&Row<'_>) -> Result<(K, T), LedgerError>,
) -> Result<BTreeMap<K, T>, LedgerError> {
    let mut query = connection.prepare(sql)?;
    let mut found = query.query([])?;
    let mut rows = BTreeMap::new();
    while let Some(row) = found.next()? {
        match read(row) {
            Ok((key, value)) => {
                rows.insert(key, value);
            }
            Err(error) => problems.add(None, error.to_string()),
        }
    }
    Ok(rows)
}

/// The keys of which the two sides differ, and how.
fn differing<K: Ord + Copy, T: PartialEq>(
    stored: &BTreeMap<K, T>,
    said: &BTreeMap<K, T>,
) -> Vec<(K, &'static str)> {
    let found = stored
        .iter()
        .filter_map(|(key, stored)| match said.get(key) {
            None => Some((*key, "is stored, but no event says it")),
            Some(said) if said != stored => Some((*key, "is stored otherwise than events say it")),
            Some(_) => None,
        });
    let lost = said.keys().filter(|key| !stored.contains_key(key));
    let lost = lost.map(|key| (*key, "is not stored, but events say it"));
    found.chain(lost).collect()
}

fn event_at(connection: &Connection, place: i64) -> Result<Option<(u64, u64)>, LedgerError> {
    Ok(connection
        .query_row(
            "select epoch, seq from fact where position = ?1",
            [place],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?)
}

fn newest_event_of(
    connection: &Connection,
    lot_id: LotId,
) -> Result<Option<(u64, u64)>, LedgerError> {
    let newest: Option<i64> = connection.query_row(
        "select max(position) from lot_entry where lot_id = ?1",
        [lot_id.to_string()],
        |row| row.get(0),
    )?;
    Ok(newest
        .map(|place| event_at(connection, place))
        .transpose()?
        .flatten())
}
