//! Answers as CSV (RFC 4180), for those who ask for `text/csv`.
//!
//! Spreadsheets take text for a formula that begins as one. Text of devices and people that does has a `'` before it.

use std::fmt::Display;

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

/// The media type of tables.
pub const CSV: &str = "text/csv; charset=utf-8";

/// The most rows of an answer that is made at once: what a spreadsheet still opens at once.
pub const CSV_ROWS_MAX: usize = 50_000;

/// What text must not begin with, or a spreadsheet may compute it.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// What stands in a cell.
#[derive(Debug)]
pub enum Cell<'a> {
    /// What the hub writes: numbers, instants.
    Plain(String),
    /// What devices or people say.
    Text(&'a str),
}

impl<'a> Cell<'a> {
    /// A number or an instant.
    pub fn plain(value: impl Display) -> Self {
        Self::Plain(value.to_string())
    }

    /// The same, or nothing.
    pub fn plain_or_empty(value: Option<impl Display>) -> Self {
        value.map_or(Self::Text(""), Self::plain)
    }

    /// Text, or nothing.
    pub fn text_or_empty(text: Option<&'a str>) -> Self {
        Self::Text(text.unwrap_or_default())
    }
}

/// A table with a row of names.
#[derive(Debug)]
pub struct Csv(String);

impl Csv {
    /// Begins with the names of the columns.
    pub fn new(names: &[&str]) -> Self {
        let mut csv = Self(String::new());
        csv.row(names.iter().copied().map(Cell::Text));
        csv
    }

    /// Adds a row.
    pub fn row<'a>(&mut self, cells: impl IntoIterator<Item = Cell<'a>>) {
        for (place, cell) in cells.into_iter().enumerate() {
            if place > 0 {
                self.0.push(',');
            }
            let (cell, mark) = match &cell {
                Cell::Plain(cell) => (cell.as_str(), ""),
                Cell::Text(cell) if cell.starts_with(FORMULA) => (*cell, "'"),
                Cell::Text(cell) => (*cell, ""),
            };
            if cell.contains([',', '"', '\r', '\n']) {
                self.0.push('"');
                self.0.push_str(mark);
                self.0.push_str(&cell.replace('"', "\"\""));
                self.0.push('"');
            } else {
                self.0.push_str(mark);
                self.0.push_str(cell);
            }
        }
        self.0.push_str("\r\n");
    }

    /// Takes out what there is, and goes on with the next row.
    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.0)
    }
}

impl IntoResponse for Csv {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, CSV)], self.0).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_with_commas_quotes_and_line_ends_are_quoted() {
        let mut csv = Csv::new(&["state", "reason"]);
        csv.row(["Stopped", "jam, \"again\"\nunit 2"].map(Cell::Text));
        csv.row(["Idle", ""].map(Cell::Text));
        assert_eq!(
            csv.0,
            "state,reason\r\nStopped,\"jam, \"\"again\"\"\nunit 2\"\r\nIdle,\r\n"
        );
    }

    #[test]
    fn text_that_a_spreadsheet_would_compute_is_marked_and_numbers_are_not() {
        let mut csv = Csv::new(&["value", "text"]);
        for text in ["=1+1", "+1", "-1", "@sum", "\t=1", "a=1", ""] {
            csv.row([Cell::plain(-0.5), Cell::Text(text)]);
        }
        csv.row([Cell::plain(7), Cell::Text("\r=a,b")]);
        assert_eq!(
            csv.0,
            "value,text\r\n-0.5,'=1+1\r\n-0.5,'+1\r\n-0.5,'-1\r\n-0.5,'@sum\r\n-0.5,'\t=1\r\n-0.5,a=1\r\n-0.5,\r\n\
             7,\"'\r=a,b\"\r\n"
        );
    }
}
