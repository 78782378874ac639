//! Numbers. JDF says `double`; amounts are counted things, so they are read as exact decimals.

use rust_decimal::Decimal;

/// Reads a number: `15000`, `+1.50`, `1e3`, `.5`. Infinity and NaN are not numbers here.
///
/// ```
/// use agog_jdf::value::parse_decimal;
/// assert_eq!(parse_decimal(" 1.5e3 ").unwrap().to_string(), "1500");
/// assert_eq!(parse_decimal("INF"), None);
/// ```
pub fn parse_decimal(text: &str) -> Option<Decimal> {
    let text = text.trim();
    let text = text.strip_prefix('+').unwrap_or(text);
    if text.contains('_') {
        return None;
    }
    if text.contains(['e', 'E']) {
        return Decimal::from_scientific(text)
            .ok()
            .map(|number| number.normalize());
    }
    text.parse().ok()
}

/// Reads a whole number; one written with an empty fraction (`3.0`) is one too.
///
/// ```
/// use agog_jdf::value::parse_integer;
/// assert_eq!((parse_integer("3.0"), parse_integer("3.5")), (Some(3), None));
/// ```
pub fn parse_integer(text: &str) -> Option<i64> {
    let number = parse_decimal(text)?;
    if number.fract().is_zero() {
        number.trunc().try_into().ok()
    } else {
        None
    }
}

/// Reads a number that measures something: finite, since Rust alone would also read `nan` and `infinity`.
///
/// ```
/// use agog_jdf::value::parse_number;
/// assert_eq!(parse_number(" 2.5e1 "), Some(25.0));
/// assert_eq!(parse_number("INF"), None);
/// ```
pub fn parse_number(text: &str) -> Option<f64> {
    let number: f64 = text.trim().parse().ok()?;
    number.is_finite().then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_exactly_or_not_at_all() {
        for (text, expected) in [
            ("15000", Some("15000")),
            ("-0.10", Some("-0.10")),
            ("+7", Some("7")),
            (".5", Some("0.5")),
            ("2.5E-3", Some("0.0025")),
            ("unbounded", None),
            ("1,5", None),
            ("1_000", None),
            ("", None),
            ("1e99", None),
        ] {
            assert_eq!(
                parse_decimal(text)
                    .map(|number| number.to_string())
                    .as_deref(),
                expected,
                "{text}"
            );
        }
        assert_eq!(parse_integer("3.0"), Some(3));
        assert_eq!(parse_integer("3.5"), None);
    }
}
