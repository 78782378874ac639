//! A series as CSV: times in ISO 8601 and UTC, the unit behind the name of each column that has one.

use super::{About, Column, Encoder, ExportError, Values};
use crate::equipment::points::Point;
use crate::http::{Cell, Csv};

pub(super) struct CsvEncoder {
    columns: &'static [Column],
    csv: Csv,
}

impl CsvEncoder {
    pub(super) fn new(about: &About) -> Self {
        let columns = about.columns();
        let names: Vec<_> = columns
            .iter()
            .map(|column| match (&column.values, &about.unit) {
                (Values::Number(_), Some(unit)) => format!("{} [{unit}]", column.name),
                _ => column.name.to_owned(),
            })
            .collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        Self {
            columns,
            csv: Csv::new(&names),
        }
    }
}

impl Encoder for CsvEncoder {
    fn write(&mut self, points: &[Point]) -> Result<(), ExportError> {
        for point in points {
            let columns = self.columns.iter();
            self.csv.row(columns.map(|column| match column.values {
                Values::Time => Cell::plain(point.at()),
                Values::Number(of) => Cell::plain(of(point)),
                Values::Count(of) => Cell::plain(of(point)),
            }));
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), ExportError> {
        Ok(())
    }

    fn take(&mut self) -> Result<Vec<u8>, ExportError> {
        Ok(self.csv.take().into_bytes())
    }
}
