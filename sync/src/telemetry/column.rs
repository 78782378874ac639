//! The columns of one series, one after the other in a block.
//!
//! **Times**: 0, or how many places before this one the series stands whose times these are too (metrics of one message).
//! After 0: the unit as a power of thousand microseconds (0, 1 or 2), the first time in microseconds, the first difference, and
//! then how much each difference is more than the one before, in units.
//!
//! **Values**: a kind. 0 to [`DECIMALS_MAX`]: decimal numbers with so many places; the first and then differences, as
//! integers; then how many are no such numbers (NaN, -0), and for each how many places lie between it and the one before, and its bits.
//! [`RAW`]: the bits of each, less those of the one before (exclusive or), first the lowest byte of all, then the next.
//!
//! Signed numbers are zigzag. Arithmetic wraps around, so that any time and value comes back as it was.

use super::BodyError;

/// Machines tell no more decimals; what has more is no decimal number.
const DECIMALS_MAX: u8 = 9;
/// The kind of values that are no decimal numbers.
const RAW: u8 = 255;
/// Beyond this, 2^50, a multiplication could miss the nearest integer.
const INTEGER_MAX: f64 = 1_125_899_906_842_624.0;
/// One in so many values may be no decimal number among others that are.
const ODD_SHARE: usize = 16;
/// Series so far back are looked at for the same times.
const SAME_TIMES_WITHIN: usize = 16;
/// Microseconds: in seconds, in milliseconds, as they are.
const UNITS: [(u8, i64); 3] = [(2, 1_000_000), (1, 1_000), (0, 1)];

const POWERS: [f64; DECIMALS_MAX as usize + 1] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

pub(super) const ENDS_EARLY: BodyError = BodyError::Malformed("it ends early");

/// Bytes, front to back; never beyond the end.
pub(super) struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn byte(&mut self) -> Result<u8, BodyError> {
        let (byte, rest) = self.0.split_first().ok_or(ENDS_EARLY)?;
        self.0 = rest;
        Ok(*byte)
    }

    pub(super) fn bytes(&mut self, length: usize) -> Result<&'b [u8], BodyError> {
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(ENDS_EARLY)?;
        self.0 = rest;
        Ok(bytes)
    }

    /// A LEB128 number.
    pub(super) fn number(&mut self) -> Result<u64, BodyError> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(BodyError::Malformed("a number has more than 64 bits"))
    }

    /// A number of things, of which there can be so many.
    pub(super) fn count(&mut self, max: usize) -> Result<usize, BodyError> {
        usize::try_from(self.number()?)
            .ok()
            .filter(|count| *count <= max)
            .ok_or(BodyError::Malformed("it claims more than a block may have"))
    }

    fn signed(&mut self) -> Result<i64, BodyError> {
        let number = self.number()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }
}

pub(super) fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(low_byte(number) | 0x80);
        number >>= 7;
    }
    out.push(low_byte(number));
}

fn put_signed(out: &mut Vec<u8>, number: i64) {
    put_number(out, ((number << 1) ^ (number >> 63)).cast_unsigned());
}

const fn low_byte(number: u64) -> u8 {
    number.to_le_bytes()[0]
}

/// Writes the times of one series; `before` are those of the series before it.
pub(super) fn put_times(out: &mut Vec<u8>, before: &[Vec<i64>], times: &[i64]) {
    let Some((&first, rest)) = times.split_first() else {
        return;
    };
    let same = (1_u64..)
        .zip(before.iter().rev().take(SAME_TIMES_WITHIN))
        .find(|(_, other)| other.as_slice() == times);
    if let Some((back, _)) = same {
        put_number(out, back);
        return;
    }
    put_number(out, 0);
    let differences = || times.iter().zip(rest).map(|(a, b)| b.wrapping_sub(*a));
    let (exponent, unit) = UNITS
        .into_iter()
        .find(|(_, unit)| differences().all(|difference| difference % unit == 0))
        .unwrap_or((0, 1));
    out.push(exponent);
    put_signed(out, first);
    let mut last = 0_i64;
    for difference in differences() {
        let difference = difference / unit;
        put_signed(out, difference.wrapping_sub(last));
        last = difference;
    }
}

/// Reads the times of the series that begins at the last of `begins`, behind those of the series before it.
pub(super) fn read_times(
    reader: &mut Reader<'_>,
    times: &mut Vec<i64>,
    begins: &[usize],
    count: usize,
) -> Result<(), BodyError> {
    if count == 0 {
        return Ok(());
    }
    let back = reader.count(begins.len().saturating_sub(1))?;
    if back > 0 {
        let place = begins.len() - 1 - back;
        let (begin, end) = (begins[place], begins[place + 1]);
        if end - begin != count {
            return Err(BodyError::Malformed(
                "it points at times of another number of samples",
            ));
        }
        times.extend_from_within(begin..end);
        return Ok(());
    }
    let exponent = reader.byte()?;
    let (_, unit) = UNITS
        .into_iter()
        .find(|(known, _)| *known == exponent)
        .ok_or(BodyError::Malformed("its times have an unknown unit"))?;
    let mut time = reader.signed()?;
    times.push(time);
    let mut difference = 0_i64;
    for _ in 1..count {
        difference = difference.wrapping_add(reader.signed()?);
        time = time.wrapping_add(difference.wrapping_mul(unit));
        times.push(time);
    }
    Ok(())
}

/// Writes the values of one series.
pub(super) fn put_values(out: &mut Vec<u8>, values: &[f64]) {
    if values.is_empty() {
        return;
    }
    if let Some(decimals) = decimals_of(values) {
        put_decimals(out, decimals, values);
        return;
    }
    out.push(RAW);
    let mut last = 0;
    let changes: Vec<[u8; 8]> = values
        .iter()
        .map(|value| {
            let change = value.to_bits() ^ last;
            last = value.to_bits();
            change.to_le_bytes()
        })
        .collect();
    for plane in 0..8 {
        out.extend(changes.iter().map(|change| change[plane]));
    }
}

fn put_decimals(out: &mut Vec<u8>, decimals: u8, values: &[f64]) {
    let power = POWERS[usize::from(decimals)];
    let mut odd = Vec::new();
    let mut last = 0_i64;
    out.push(decimals);
    for (place, value) in values.iter().enumerate() {
        let integer = to_integer(*value, power).unwrap_or_else(|| {
            odd.push((place, value.to_bits()));
            last
        });
        put_signed(out, integer - last);
        last = integer;
    }
    put_number(out, odd.len() as u64);
    let mut from = 0;
    for (place, bits) in odd {
        put_number(out, (place - from) as u64);
        out.extend(bits.to_le_bytes());
        from = place + 1;
    }
}

/// Reads the values of one series.
pub(super) fn read_values(
    reader: &mut Reader<'_>,
    values: &mut Vec<f64>,
    count: usize,
) -> Result<(), BodyError> {
    if count == 0 {
        return Ok(());
    }
    let kind = reader.byte()?;
    if kind == RAW {
        let planes = reader.bytes(8 * count)?;
        let mut bits = 0;
        for n in 0..count {
            let change = std::array::from_fn(|plane| planes[plane * count + n]);
            bits ^= u64::from_le_bytes(change);
            values.push(f64::from_bits(bits));
        }
        return Ok(());
    }
    let power = *POWERS
        .get(usize::from(kind))
        .ok_or(BodyError::Malformed("its values are of an unknown kind"))?;
    let mut integer = 0_i64;
    for _ in 0..count {
        integer = integer.wrapping_add(reader.signed()?);
        values.push(from_integer(integer, power));
    }
    let mut place = values.len() - count;
    for _ in 0..reader.count(count)? {
        place += reader.count(values.len().saturating_sub(place + 1))?;
        let bits = reader.bytes(8)?;
        let value = values.get_mut(place).ok_or(ENDS_EARLY)?;
        *value = f64::from_le_bytes(std::array::from_fn(|n| bits[n]));
        place += 1;
    }
    Ok(())
}

/// The fewest decimals that tell the values exactly, but for a few of them.
fn decimals_of(values: &[f64]) -> Option<u8> {
    let mut decimals = 0;
    let mut odd = 0;
    for value in values {
        let enough = (decimals..=DECIMALS_MAX)
            .find(|decimals| to_integer(*value, POWERS[usize::from(*decimals)]).is_some());
        match enough {
            Some(enough) => decimals = enough,
            None if odd < values.len() / ODD_SHARE => odd += 1,
            None => return None,
        }
    }
    Some(decimals)
}

/// The integer that comes back as exactly this value.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the integer is checked to be one"
)]
fn to_integer(value: f64, power: f64) -> Option<i64> {
    let scaled = (value * power).round();
    if scaled.is_nan() || scaled.abs() > INTEGER_MAX {
        return None;
    }
    let integer = scaled as i64;
    (from_integer(integer, power).to_bits() == value.to_bits()).then_some(integer)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "only integers that come back exactly are written"
)]
fn from_integer(integer: i64, power: f64) -> f64 {
    integer as f64 / power
}
