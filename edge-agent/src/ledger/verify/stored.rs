//! What is stored, read once from end to end: rows that follow from events, and the books of each material (I8).

use std::collections::HashMap;

use agog_sync::ids::LotId;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use super::derived::{DerivedRows, RowText, Table};
use crate::ledger::error::LedgerError;
use crate::ledger::sums::{MaterialSum, Sums};
use crate::ledger::text;

/// Reads all rows that stand by the place of an event.
pub(super) fn rows(
    connection: &Connection,
    mut rows: DerivedRows,
) -> Result<DerivedRows, LedgerError> {
    for table in Table::ALL {
        read(connection, table, &mut rows, |_| Ok(()))?;
    }
    Ok(rows)
}

/// Reads all rows that stand by the place of an event, and tells the books that do not balance.
pub(super) fn rows_and_books(
    connection: &Connection,
    mut rows: DerivedRows,
) -> Result<(DerivedRows, Vec<MaterialSum>), LedgerError> {
    let mut books = Books::new(connection)?;
    for table in Table::ALL {
        read(connection, table, &mut rows, |row| match table {
            Table::Entries => books.add(row),
            _ => Ok(()),
        })?;
    }
    Ok((rows, books.finish(connection)?))
}

fn read(
    connection: &Connection,
    table: Table,
    rows: &mut DerivedRows,
    mut also: impl FnMut(&Row<'_>) -> Result<(), LedgerError>,
) -> Result<(), LedgerError> {
    let mut query = connection.prepare(columns(table))?;
    let count = query.column_count();
    let mut found = query.query([])?;
    let mut text = RowText::default();
    while let Some(row) = found.next()? {
        text.begin();
        for column in 1..count {
            match row.get_ref(column)? {
                ValueRef::Integer(value) => text.value(value),
                ValueRef::Text(bytes) => text.text(&String::from_utf8_lossy(bytes)),
                _ => text.text(""),
            };
        }
        rows.add(table, row.get(0)?, &text);
        also(row)?;
    }
    Ok(())
}

/// The place, then what `computed.rs` writes of a row, in its order.
const fn columns(table: Table) -> &'static str {
    match table {
        Table::Entries => {
            "select position, line, lot_id, bucket, delta, unit, entered_amount, entered_unit from lot_entry"
        }
        Table::Uses => "select position, line, lot_id, kind, job, used, undone_by from lot_use",
        Table::Edges => {
            "select position, parent_id, child_id, kind, quantity, unit, at from lot_edge"
        }
        Table::Containers => {
            "select position, line, sscc, lot_id, bucket, delta, unit from container_entry"
        }
        Table::Corrections => "select position, event_id from lot_correction",
    }
}

/// The books of the materials, and in which of them each lot is.
struct Books {
    sums: Sums,
    of_lots: HashMap<LotId, usize>,
}

impl Books {
    fn new(connection: &Connection) -> Result<Self, LedgerError> {
        let (mut sums, mut of_lots) = (Sums::default(), HashMap::new());
        let mut query =
            connection.prepare("select lot_id, material_code, base_unit, balance from lot")?;
        let mut found = query.query([])?;
        while let Some(row) = found.next()? {
            let book = sums.book(row.get(1)?, text::id(text::column(row, 2)?, "unit")?);
            sums.add(book, "on_hand", text::column(row, 3)?)?;
            of_lots.insert(text::id(text::column(row, 0)?, "lot id")?, book);
        }
        Ok(Self { sums, of_lots })
    }

    /// Adds a row of [`columns`] of entries.
    fn add(&mut self, row: &Row<'_>) -> Result<(), LedgerError> {
        let lot_id = text::id(text::column(row, 2)?, "lot id")?;
        self.add_of(lot_id, text::column(row, 3)?, text::column(row, 4)?)
    }

    fn add_of(&mut self, lot_id: LotId, bucket: &str, amount: &str) -> Result<(), LedgerError> {
        match self.of_lots.get(&lot_id) {
            Some(book) => self.sums.add(*book, bucket, amount),
            // That the lot is not there is found otherwise.
            None => Ok(()),
        }
    }

    fn finish(mut self, connection: &Connection) -> Result<Vec<MaterialSum>, LedgerError> {
        let mut query = connection.prepare("select lot_id, delta from adoption")?;
        let mut found = query.query([])?;
        while let Some(row) = found.next()? {
            let lot_id = text::id(text::column(row, 0)?, "lot id")?;
            self.add_of(lot_id, "adopted", text::column(row, 1)?)?;
        }
        let sums = self.sums.finish().into_iter();
        Ok(sums.filter(|sum| !sum.is_balanced()).collect())
    }
}
