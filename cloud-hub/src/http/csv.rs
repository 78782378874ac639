//! Answers as CSV (RFC 4180), for those who ask for `text/csv`.

use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

/// The most rows of an answer: what a spreadsheet still opens at once.
pub const CSV_ROWS_MAX: usize = 50_000;

/// Whether the caller asks for CSV.
pub fn wants_csv(headers: &HeaderMap) -> bool {
    let accepted = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    accepted.is_some_and(|accept| {
        let mut kinds = accept
            .split(',')
            .map(|kind| kind.split(';').next().unwrap_or_default());
        kinds.any(|kind| kind.trim().eq_ignore_ascii_case("text/csv"))
    })
}

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
}

impl IntoResponse for Csv {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, "text/csv; charset=utf-8")], self.0).into_response()
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

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

    #[test]
    fn csv_is_for_those_who_name_it() {
        let wants = |accept: &'static str| {
            wants_csv(&HeaderMap::from_iter([(
                ACCEPT,
                HeaderValue::from_static(accept),
            )]))
        };
        assert!(wants("text/csv"));
        assert!(wants("application/json;q=0.5, Text/CSV;q=1"));
        assert!(!wants("*/*"));
        assert!(!wants_csv(&HeaderMap::new()));
    }
}
