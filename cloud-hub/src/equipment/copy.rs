//! The binary form in which PostgreSQL takes raw samples with COPY: series, time and value.
//!
//! A header, then each row as a number of fields and each field as its length and its bytes, all numbers with the highest
//! byte first; at the end -1 in place of a number of fields.

use super::model::SeriesId;
use super::rollup::Sample;
use crate::db::POSTGRES_EPOCH_US;

/// Signature, no flags, no extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const FIELDS: i16 = 3;
/// Each field takes 8 bytes.
const FIELD_BYTES: i32 = 8;
/// Rows of one message to the server: about 150 KiB, so that it works on one while the next is written.
const CHUNK_ROWS: usize = 4_096;

/// The statement that takes what [`chunks`] makes. The tenant is the column's default, and no right allows to name it.
pub(super) const STATEMENT: &str =
    "copy telemetry.sample (series_id, at, value) from stdin with (format binary)";

/// The rows in pieces, each to be sent as it is.
pub(super) fn chunks(rows: &[(SeriesId, Sample)]) -> impl Iterator<Item = Vec<u8>> {
    let body = rows.chunks(CHUNK_ROWS).map(|rows| {
        let mut chunk = Vec::with_capacity(rows.len() * (2 + 3 * (4 + 8)));
        for (series, sample) in rows {
            chunk.extend(FIELDS.to_be_bytes());
            for field in [
                series.0.to_be_bytes(),
                (sample.at_us - POSTGRES_EPOCH_US).to_be_bytes(),
                sample.value.to_be_bytes(),
            ] {
                chunk.extend(FIELD_BYTES.to_be_bytes());
                chunk.extend(field);
            }
        }
        chunk
    });
    let end = (-1_i16).to_be_bytes().to_vec();
    [HEADER.to_vec()].into_iter().chain(body).chain([end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_written_as_postgresql_reads_it() {
        let row = (
            SeriesId(258),
            Sample {
                at_us: POSTGRES_EPOCH_US + 1,
                value: 1.0,
            },
        );
        let bytes: Vec<u8> = chunks(&[row]).flatten().collect();
        let mut expected = b"PGCOPY\n\xff\r\n\0".to_vec();
        expected.extend([0; 8]);
        expected.extend([0, 3]);
        expected.extend([0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 1, 2]);
        expected.extend([0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1]);
        expected.extend([0, 0, 0, 8, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0]);
        expected.extend([0xff, 0xff]);
        assert_eq!(bytes, expected);
    }
}
