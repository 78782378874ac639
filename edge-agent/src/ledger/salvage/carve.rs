//! Rows of a table out of single pages: the leaves of its tree, whatever became of the tree above them.
//!
//! A page of a damaged file may hold anything, so every length is checked, and a row that makes no sense is passed over.

use super::pages::{Pages, Place};

/// A leaf of a table.
const TABLE_LEAF: u8 = 0x0d;

/// The first page begins with the header of the file.
const FILE_HEADER_BYTES: usize = 100;

/// The largest row that is put together: an event and a ticket are smaller.
const ROW_BYTES_MAX: usize = 32 * 1024 * 1024;

/// A value of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'a> {
    Null,
    Integer(i64),
    Text(&'a str),
    Blob(&'a [u8]),
}

/// Calls `found` with the values of each row on a page; nothing on a page that is no leaf of a table.
pub(super) fn rows(pages: &Pages, place: Place, page: &[u8], found: &mut impl FnMut(&[Value<'_>])) {
    let start = if place.page == 1 {
        FILE_HEADER_BYTES
    } else {
        0
    };
    if page.get(start) != Some(&TABLE_LEAF) {
        return;
    }
    let cells = usize::from(short(page, start + 3));
    for cell in 0..cells {
        let at = usize::from(short(page, start + 8 + 2 * cell));
        if let Some(row) = row(pages, page, at)
            && let Some(values) = values(&row)
        {
            found(&values);
        }
    }
}

fn short(page: &[u8], at: usize) -> u16 {
    page.get(at..at + 2)
        .and_then(|two| two.try_into().ok())
        .map_or(0, u16::from_be_bytes)
}

/// A number of one to nine bytes, and what comes after it.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0;
    for (n, byte) in bytes.iter().take(9).enumerate() {
        if n == 8 {
            return Some(((number << 8) | u64::from(*byte), &bytes[9..]));
        }
        number = (number << 7) | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((number, &bytes[n + 1..]));
        }
    }
    None
}

/// The bytes of a row, put together from its page and those that it overflows to.
fn row(pages: &Pages, page: &[u8], at: usize) -> Option<Vec<u8>> {
    let (length, rest) = varint(page.get(at..)?)?;
    let (_rowid, rest) = varint(rest)?;
    let length = usize::try_from(length)
        .ok()
        .filter(|length| *length <= ROW_BYTES_MAX)?;
    // How much of a row is on its leaf: section 1.6 of the file format.
    let usable = page.len();
    let local = if length <= usable - 35 {
        length
    } else {
        let least = (usable - 12) * 32 / 255 - 23;
        let most = least + (length - least) % (usable - 4);
        if most <= usable - 35 { most } else { least }
    };
    let mut row = rest.get(..local)?.to_vec();
    let mut next = rest.get(local..local + 4).map_or(0, four);
    while row.len() < length {
        if next == 0 {
            return None;
        }
        let page = pages.newest(next).ok()?;
        next = four(page.get(..4)?);
        let more = (length - row.len()).min(page.len() - 4);
        row.extend_from_slice(&page[4..4 + more]);
    }
    Some(row)
}

fn four(bytes: &[u8]) -> u32 {
    bytes.try_into().map_or(0, u32::from_be_bytes)
}

/// The values of a row: their types first, then they themselves.
fn values(row: &[u8]) -> Option<Vec<Value<'_>>> {
    let (header_bytes, _) = varint(row)?;
    let header_bytes = usize::try_from(header_bytes).ok()?;
    let (_, mut types) = varint(row.get(..header_bytes)?)?;
    let mut body = row.get(header_bytes..)?;
    let mut values = Vec::new();
    while !types.is_empty() {
        let (kind, rest) = varint(types)?;
        types = rest;
        let length = match kind {
            0 | 8 | 9 => 0,
            1..=4 => kind,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return None,
            _ => (kind - 12) / 2,
        };
        let length = usize::try_from(length).ok()?;
        let (value, rest) = (body.get(..length)?, body.get(length..)?);
        body = rest;
        values.push(match kind {
            // No table of ours has floats.
            0 | 7 => Value::Null,
            8 => Value::Integer(0),
            9 => Value::Integer(1),
            1..=6 => Value::Integer(integer(value)),
            _ if kind % 2 == 0 => Value::Blob(value),
            _ => Value::Text(std::str::from_utf8(value).ok()?),
        });
    }
    Some(values)
}

fn integer(bytes: &[u8]) -> i64 {
    let sign = if bytes.first().is_some_and(|first| first & 0x80 != 0) {
        -1
    } else {
        0
    };
    bytes
        .iter()
        .fold(sign, |number, byte| (number << 8) | i64::from(*byte))
}
