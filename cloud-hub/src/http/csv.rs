//! Answers as CSV (RFC 4180), for those who ask for `text/csv`.

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

/// The media type of tables.
pub const CSV: &str = "text/csv; charset=utf-8";

/// The most rows of an answer that is made at once: what a spreadsheet still opens at once.
pub const CSV_ROWS_MAX: usize = 50_000;

/// A table with a row of names.
#[derive(Debug)]
pub struct Csv(String);

impl Csv {
    /// Begins with the names of the columns.
    pub fn new(names: &[&str]) -> Self {
        let mut csv = Self(String::new());
        csv.row(names);
        csv
    }

    /// Adds a row.
    pub fn row<C: AsRef<str>>(&mut self, cells: &[C]) {
        for (place, cell) in cells.iter().enumerate() {
            if place > 0 {
                self.0.push(',');
            }
            let cell = cell.as_ref();
            if cell.contains([',', '"', '\r', '\n']) {
                self.0.push('"');
                self.0.push_str(&cell.replace('"', "\"\""));
                self.0.push('"');
            } else {
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
        csv.row(&["Stopped", "jam, \"again\"\nunit 2"]);
        csv.row(&["Idle", ""]);
        assert_eq!(
            csv.0,
            "state,reason\r\nStopped,\"jam, \"\"again\"\"\nunit 2\"\r\nIdle,\r\n"
        );
    }
}
