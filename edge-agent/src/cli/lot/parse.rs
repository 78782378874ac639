//! Values as people type them.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;

/// A part of a split: `LOT-A=10000` or `10000`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct Part {
    pub(super) number: Option<String>,
    pub(super) quantity: Decimal,
}

/// Where something is taken from: `LOT-A=500` or `LOT-A`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct Source {
    pub(super) lot: String,
    pub(super) quantity: Option<Decimal>,
}

pub(super) fn amount(text: &str) -> Result<Decimal, String> {
    Decimal::from_str_exact(text.trim()).map_err(|_| {
        format!("`{text}` is not a number; write 1250 or 12.5, and the unit as --unit kg")
    })
}

pub(super) fn part(text: &str) -> Result<Part, String> {
    match text.rsplit_once('=') {
        Some((number, quantity)) => Ok(Part {
            number: Some(named(number)?),
            quantity: amount(quantity)?,
        }),
        None => Ok(Part {
            number: None,
            quantity: amount(text)?,
        }),
    }
}

pub(super) fn source(text: &str) -> Result<Source, String> {
    match text.rsplit_once('=') {
        Some((lot, quantity)) => Ok(Source {
            lot: named(lot)?,
            quantity: Some(amount(quantity)?),
        }),
        None => Ok(Source {
            lot: named(text)?,
            quantity: None,
        }),
    }
}

pub(super) fn figure(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| format!("`{text}` is not a figure; write it as moisture=4.2%"))?;
    Ok((named(name)?, value.trim().to_owned()))
}

/// RFC 3339, or date and time of this machine's time zone.
pub(super) fn instant(text: &str) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let local: DateTime = text.parse().map_err(|_| {
        format!("`{text}` is not a time; write 2025-10-15T08:30:00Z or 2025-10-15 08:30")
    })?;
    let zoned = local
        .to_zoned(TimeZone::system())
        .map_err(|error| error.to_string())?;
    Ok(zoned.timestamp())
}

fn named(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        Err("a name is missing before `=`".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_sources_have_a_number_a_quantity_or_both() {
        let whole = part("LOT-2025-001-A=10000").unwrap();
        assert_eq!(whole.number.as_deref(), Some("LOT-2025-001-A"));
        assert_eq!(whole.quantity.to_string(), "10000");
        assert_eq!(part("2.5").unwrap().number, None);
        assert_eq!(source("LOT-A").unwrap().quantity, None);
        assert_eq!(source("A=B=3").unwrap().lot, "A=B");
        assert!(part("LOT-A").is_err());
        assert!(part("=5").is_err());
        assert!(figure("moisture").is_err());
    }

    #[test]
    fn times_are_instants_or_local() {
        assert_eq!(
            instant("2025-10-15T08:30:00+02:00").unwrap().to_string(),
            "2025-10-15T06:30:00Z"
        );
        assert!(instant("2025-10-15 08:30").is_ok());
        assert!(
            instant("yesterday")
                .unwrap_err()
                .contains("write 2025-10-15T08:30:00Z")
        );
    }
}
