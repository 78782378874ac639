//! Mettler Toledo continuous output: three status bytes, six digits of weight, six of tare, CR, and a checksum if it is switched on.
//!
//! Status A has in its lowest three bits where the decimal point is (2: none, 3: one decimal, …; 1 and 0: one and two zeros
//! more). Status B: net (bit 0), negative (1), out of range (2), in motion (3), kg instead of lb (4), zero not taken since it was
//! switched on (6). Status C has another unit in its lowest three bits, and whether the weight is expanded (4). The tare is not read.

use rust_decimal::Decimal;

use super::super::understand::BadLine;
use super::Reading;
use super::weight::kilograms;

const STX: u8 = 0x02;
const CR: u8 = 0x0d;

/// `line` begins behind STX and ends with CR, and the checksum if there is one.
pub(super) fn read(line: &[u8], has_checksum: bool) -> Result<Reading, BadLine> {
    // The eighth bit is a parity where the port does not take it off.
    let line: Vec<u8> = line.iter().map(|byte| byte & 0x7f).collect();
    let wrong = BadLine::Form("MT continuous");
    let (status, rest) = line.split_first_chunk::<3>().ok_or(wrong.clone())?;
    let (weight, rest) = rest.split_first_chunk::<6>().ok_or(wrong.clone())?;
    let (_tare, rest) = rest.split_first_chunk::<6>().ok_or(wrong.clone())?;
    match (rest, has_checksum) {
        ([CR], false) => {}
        ([CR, checksum], true) => {
            let summed = line.iter().take(line.len() - 1);
            let sum = summed.fold(STX, |sum, byte| sum.wrapping_add(*byte));
            if sum.wrapping_add(*checksum) & 0x7f != 0 {
                return Err(BadLine::Checksum);
            }
        }
        _ => return Err(wrong),
    }
    let [a, b, c] = *status;
    if [a, b, c].iter().any(|byte| byte & 0x20 == 0) {
        return Err(wrong);
    }
    let is_negative = b & 0x02 != 0;
    if b & 0x04 != 0 {
        return Ok(if is_negative {
            Reading::Underload
        } else {
            Reading::Overload
        });
    }
    if b & 0x40 != 0 {
        return Ok(Reading::NotZeroed);
    }
    if c & 0x10 != 0 {
        return Err(BadLine::Expanded);
    }
    let weight = kilograms(&number(*weight, a & 0x07)?, unit(b, c)?, None)?;
    let weight = if is_negative { -weight } else { weight };
    Ok(if b & 0x08 != 0 {
        Reading::Unstable(Some(weight))
    } else {
        Reading::Stable(weight)
    })
}

fn number(digits: [u8; 6], point: u8) -> Result<String, BadLine> {
    let text = String::from_utf8_lossy(&digits);
    let trimmed = text.trim();
    let wrong = || BadLine::NotANumber(trimmed.to_owned());
    let is_number = !trimmed.is_empty() && trimmed.bytes().all(|byte| byte.is_ascii_digit());
    let digits: i64 = trimmed
        .parse()
        .ok()
        .filter(|_| is_number)
        .ok_or_else(wrong)?;
    let number = match point {
        0 => Decimal::new(digits * 100, 0),
        1 => Decimal::new(digits * 10, 0),
        point => Decimal::new(digits, u32::from(point) - 2),
    };
    Ok(number.to_string())
}

fn unit(b: u8, c: u8) -> Result<&'static str, BadLine> {
    match c & 0x07 {
        0 if b & 0x10 != 0 => Ok("kg"),
        0 => Ok("lb"),
        1 => Ok("g"),
        2 => Ok("t"),
        3 => Ok("oz"),
        other => Err(BadLine::Unit(format!("number {other}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Status bytes have bit 5 always.
    fn line(a: u8, b: u8, c: u8, weight: &str) -> Vec<u8> {
        let mut line = vec![0x20 | a, 0x20 | b, 0x20 | c];
        line.extend_from_slice(format!("{weight:>6}     0\r").as_bytes());
        line
    }

    #[test]
    fn the_status_says_point_unit_sign_and_state() {
        let weight = |text: &str| text.parse().unwrap();
        for ((a, b, c, digits), expected) in [
            ((4, 0x10, 0, "012345"), Reading::Stable(weight("123.45"))),
            ((2, 0x10, 0, "250"), Reading::Stable(weight("250"))),
            ((0, 0x10, 0, "25"), Reading::Stable(weight("2500"))),
            ((3, 0x12, 0, "15"), Reading::Stable(weight("-1.5"))),
            ((3, 0x18, 0, "15"), Reading::Unstable(Some(weight("1.5")))),
            ((3, 0x10, 1, "15"), Reading::Stable(weight("0.0015"))),
            ((2, 0, 0, "10"), Reading::Stable(weight("4.5359237"))),
            ((3, 0x14, 0, "15"), Reading::Overload),
            ((3, 0x16, 0, "15"), Reading::Underload),
            ((3, 0x50, 0, "15"), Reading::NotZeroed),
        ] {
            assert_eq!(read(&line(a, b, c, digits), false), Ok(expected));
        }
        let expanded = line(3, 0x10, 0x10, "15");
        assert_eq!(read(&expanded, false), Err(BadLine::Expanded));
    }

    #[test]
    fn a_checksum_that_does_not_fit_is_told() {
        let mut sent = line(4, 0x10, 0, "012345");
        let sum = sent.iter().fold(STX, |sum, byte| sum.wrapping_add(*byte));
        sent.push(sum.wrapping_neg() & 0x7f);
        assert_eq!(
            read(&sent, true),
            Ok(Reading::Stable("123.45".parse().unwrap()))
        );
        sent[5] ^= 1;
        assert_eq!(read(&sent, true), Err(BadLine::Checksum));
        assert_eq!(read(&sent, false), Err(BadLine::Form("MT continuous")));
    }

    #[test]
    fn the_parity_bit_of_a_port_with_eight_bits_does_no_harm() {
        let mut sent = line(4, 0x10, 0, "012345");
        sent.iter_mut().step_by(2).for_each(|byte| *byte |= 0x80);
        assert_eq!(
            read(&sent, false),
            Ok(Reading::Stable("123.45".parse().unwrap()))
        );
    }
}
