//! Numbers and units of weights. Exact: kilograms are decimals.

use rust_decimal::Decimal;

use super::super::understand::BadLine;

/// The longest number that a scale writes, with room.
const NUMBER_CHARS_MAX: usize = 20;

/// Kilograms of one of a unit.
fn factor(unit: &str) -> Option<Decimal> {
    Some(match unit {
        "mg" => Decimal::new(1, 6),
        "g" | "G" => Decimal::new(1, 3),
        "kg" | "KG" | "Kg" => Decimal::ONE,
        "t" | "T" => Decimal::new(1_000, 0),
        "lb" | "LB" | "lbs" | "LBS" => Decimal::new(45_359_237, 8),
        "oz" | "OZ" => Decimal::new(28_349_523_125, 12),
        _ => return None,
    })
}

pub(crate) fn is_weight_unit(unit: &str) -> bool {
    factor(unit).is_some()
}

/// What a number in a unit weighs. `otherwise` is the unit of a number that does not say its own.
pub(super) fn kilograms(
    number: &str,
    said: &str,
    otherwise: Option<&str>,
) -> Result<Decimal, BadLine> {
    let said = Some(said).filter(|unit| !unit.is_empty());
    let unit = said.or(otherwise).ok_or(BadLine::NoUnit)?;
    let factor = factor(unit).ok_or_else(|| BadLine::Unit(unit.to_owned()))?;
    let product = decimal(number)?.checked_mul(factor);
    let kilograms = product.ok_or_else(|| BadLine::NotANumber(number.to_owned()))?;
    Ok(kilograms.normalize())
}

/// A number with blanks between its sign and its digits, and a comma where others have a point.
pub(super) fn decimal(written: &str) -> Result<Decimal, BadLine> {
    let wrong = || BadLine::NotANumber(written.trim().to_owned());
    let trimmed = written.trim();
    let (is_negative, digits) = match trimmed.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, trimmed.strip_prefix('+').unwrap_or(trimmed)),
    };
    let digits = digits.trim_start().replace(',', ".");
    let is_number = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if !is_number || digits.len() > NUMBER_CHARS_MAX {
        return Err(wrong());
    }
    let number = Decimal::from_str_exact(&digits).map_err(|_| wrong())?;
    Ok(if is_negative { -number } else { number })
}

/// Splits `  12.3 kg` before its unit.
pub(super) fn number_and_unit(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    (number.trim(), unit.trim())
}
