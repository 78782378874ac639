//! Rows of what devices said. The ledger keeps them and looks into none but those of queue entries (`left`).

use rusqlite::{Connection, params};

use super::SaidRow;
use super::error::LedgerError;

/// Writes the rows of one message.
pub(super) fn store(connection: &Connection, rows: &[SaidRow]) -> Result<(), LedgerError> {
    for row in rows {
        match &row.value {
            Some(value) => connection
                .prepare_cached(
                    "insert into said (device, what, value) values (?1, ?2, ?3)
                     on conflict (device, what) do update set value = excluded.value",
                )?
                .execute(params![row.device, row.what, value])?,
            None => connection
                .prepare_cached("delete from said where device = ?1 and what = ?2")?
                .execute(params![row.device, row.what])?,
        };
    }
    Ok(())
}

/// All rows.
pub(super) fn all(connection: &Connection) -> Result<Vec<SaidRow>, LedgerError> {
    let mut query =
        connection.prepare_cached("select device, what, value from said order by device, what")?;
    let rows = query.query_map([], |row| {
        Ok(SaidRow {
            device: row.get(0)?,
            what: row.get(1)?,
            value: row.get(2)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
