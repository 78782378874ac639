//! How much a change claims to hold, counted before Automerge unpacks it.
//!
//! A change keeps its operations in columns whose values are run-length encoded, so that fifty bytes can claim 2^60
//! operations, or a value of a gigabyte. Automerge would unpack them one by one. Here the runs are only added up: what
//! claims more than the limits is refused in time linear in its bytes.
//!
//! The layout is that of a change chunk in Automerge's binary format: magic, check sum, type, length; then dependencies,
//! actor, numbers, message, other actors, the list of columns, and the columns.

/// What every chunk begins with.
const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];

/// The type of an uncompressed change. Compressed ones are never sent, so that nothing has to be inflated.
const CHANGE: u8 = 1;

/// Bit of a column's specification: it is compressed on its own.
const DEFLATED: u64 = 0b1000;

/// What is wrong with the bytes of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("it is not an uncompressed change")]
    Kind,
    #[error("it ends too early or has too long a part")]
    Cut,
    #[error("it claims more than {0} operations")]
    TooMany(u64),
}

/// Checks that the bytes are those of one change that claims at most `rows_max` operations and references, and no value
/// beyond its own bytes.
pub(super) fn measure(bytes: &[u8], rows_max: u64) -> Result<(), Unreadable> {
    let rest = bytes.strip_prefix(&MAGIC).ok_or(Unreadable::Kind)?;
    let mut chunk = Bytes(rest);
    chunk.take(4)?;
    if chunk.take(1)? != [CHANGE] {
        return Err(Unreadable::Kind);
    }
    let length = chunk.unsigned()?;
    if chunk.0.len() as u64 != length {
        return Err(Unreadable::Cut);
    }
    for _ in 0..chunk.count(32)? {
        chunk.take(32)?;
    }
    chunk.text()?;
    chunk.unsigned()?;
    chunk.unsigned()?;
    chunk.signed()?;
    chunk.text()?;
    for _ in 0..chunk.count(1)? {
        chunk.text()?;
    }
    let mut columns = Vec::new();
    for _ in 0..chunk.count(2)? {
        columns.push((chunk.unsigned()?, chunk.unsigned()?));
    }
    // The lengths of the values of a column, until the column with the values themselves follows.
    let mut values = 0;
    for (specification, length) in columns {
        if specification & DEFLATED != 0 {
            return Err(Unreadable::Kind);
        }
        let column = Bytes(chunk.take(length)?);
        match specification & 0b111 {
            7 if values == length => values = 0,
            7 => return Err(Unreadable::Cut),
            kind => values += column_of(column, kind, rows_max)?,
        }
    }
    if values == 0 {
        Ok(())
    } else {
        Err(Unreadable::Cut)
    }
}

/// Adds up the runs of a column; tells how many bytes its values take in the column after it.
fn column_of(mut column: Bytes<'_>, kind: u64, rows_max: u64) -> Result<u64, Unreadable> {
    let too_many = Unreadable::TooMany(rows_max);
    let (mut rows, mut values) = (0_u64, 0_u64);
    let mut add = |more: u64| {
        rows = rows.saturating_add(more);
        if rows > rows_max {
            Err(too_many)
        } else {
            Ok(())
        }
    };
    // The references of the operations are themselves rows, of other columns.
    let mut references = 0_u64;
    while !column.0.is_empty() {
        if kind == 4 {
            add(column.unsigned()?)?;
            continue;
        }
        let run = column.signed()?;
        let (repeats, read) = match run {
            0 => {
                add(column.unsigned()?)?;
                continue;
            }
            1.. => (run.unsigned_abs(), 1),
            _ => (1, run.unsigned_abs()),
        };
        add(repeats.saturating_mul(read))?;
        for _ in 0..read {
            match kind {
                3 => {
                    column.signed()?;
                }
                5 => column.text()?,
                6 => {
                    let bytes = (column.unsigned()? >> 4).saturating_mul(repeats);
                    values = values.saturating_add(bytes);
                }
                0 => {
                    let group = column.unsigned()?.saturating_mul(repeats);
                    references = references.saturating_add(group);
                    if references > rows_max {
                        return Err(too_many);
                    }
                }
                _ => {
                    column.unsigned()?;
                }
            }
        }
    }
    Ok(values)
}

/// What is not read yet.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, length: u64) -> Result<&'a [u8], Unreadable> {
        let length = usize::try_from(length).map_err(|_| Unreadable::Cut)?;
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Unreadable::Cut)?;
        self.0 = rest;
        Ok(taken)
    }

    /// Bytes after their length.
    fn text(&mut self) -> Result<(), Unreadable> {
        let length = self.unsigned()?;
        self.take(length).map(drop)
    }

    /// How many parts follow, of at least `least` bytes each.
    fn count(&mut self, least: u64) -> Result<u64, Unreadable> {
        let count = self.unsigned()?;
        if count.saturating_mul(least) > self.0.len() as u64 {
            return Err(Unreadable::Cut);
        }
        Ok(count)
    }

    /// A number in LEB128.
    fn unsigned(&mut self) -> Result<u64, Unreadable> {
        let (number, _) = self.leb128()?;
        u64::try_from(number).map_err(|_| Unreadable::Cut)
    }

    /// A signed number in LEB128.
    fn signed(&mut self) -> Result<i64, Unreadable> {
        let (number, bits) = self.leb128()?;
        let sign = 1_u128 << (bits - 1);
        // What is beyond 64 bits is refused, so that the number fits in the wider ones here.
        let number = i128::try_from(number).map_err(|_| Unreadable::Cut)?;
        let signed = if number.unsigned_abs() & sign == 0 {
            number
        } else {
            number - (1_i128 << bits)
        };
        i64::try_from(signed).map_err(|_| Unreadable::Cut)
    }

    /// The value, and how many bits it was written in.
    fn leb128(&mut self) -> Result<(u128, u32), Unreadable> {
        let mut value = 0_u128;
        for place in 0..10 {
            let byte = self.take(1)?[0];
            value |= u128::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                return Ok((value, 7 * (place + 1)));
            }
        }
        Err(Unreadable::Cut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_were_written() {
        let read = |bytes: &[u8]| Bytes(bytes).signed();
        assert_eq!(read(&[0x02]), Ok(2));
        assert_eq!(read(&[0x7e]), Ok(-2));
        assert_eq!(read(&[0xff, 0x00]), Ok(127));
        assert_eq!(read(&[0x80, 0x7f]), Ok(-128));
        assert_eq!(read(&[0x80; 10]), Err(Unreadable::Cut));
        let least = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f];
        assert_eq!(read(&least), Ok(i64::MIN));
        assert_eq!(Bytes(&[0xe5, 0x8e, 0x26]).unsigned(), Ok(624_485));
    }

    #[test]
    fn a_run_that_claims_more_than_the_limit_is_refused_without_unpacking_it() {
        // A positive run of 2^62 equal values.
        let run = [
            0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0xc0, 0x00, 1,
        ];
        assert_eq!(
            column_of(Bytes(&run), 2, 1_000),
            Err(Unreadable::TooMany(1_000))
        );
        // One row that claims 2^62 references.
        let group = [0x01, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40];
        assert_eq!(
            column_of(Bytes(&group), 0, 1_000),
            Err(Unreadable::TooMany(1_000))
        );
        assert_eq!(column_of(Bytes(&[3, 1]), 2, 1_000), Ok(0));
    }
}
