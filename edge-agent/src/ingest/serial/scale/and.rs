//! A&D, and indicators that write like it: `ST,GS,+00123.4kg` or `ST,+00123.45  g`. The first field is the state (`ST` stable, `US` not,
//! `OL` out of range), the last one the weight. What stands between them says which one: gross, net, or a tare, which is not used.

use super::super::understand::BadLine;
use super::Reading;
use super::weight::{kilograms, number_and_unit};

pub(super) fn read(text: &str, unit: Option<&str>) -> Result<Reading, BadLine> {
    let wrong = || BadLine::Form("A&D");
    let (state, rest) = text.trim().split_once(',').ok_or_else(wrong)?;
    if !matches!(state, "ST" | "US" | "OL") {
        return Err(wrong());
    }
    // Net and gross are the same weight, with and without what stood on it before.
    let value = match rest.split_once(',') {
        Some(("GS" | "NT" | "G" | "N", value)) => value,
        Some((name, _)) if name.starts_with(|c: char| c.is_ascii_alphabetic()) => {
            return Ok(Reading::OtherValue);
        }
        // The comma of a decimal.
        _ => rest,
    };
    let (number, said) = number_and_unit(value);
    match state {
        "ST" => kilograms(number, said, unit).map(Reading::Stable),
        "US" => Ok(Reading::Unstable(kilograms(number, said, unit).ok())),
        "OL" if value.trim_start().starts_with('-') => Ok(Reading::Underload),
        "OL" => Ok(Reading::Overload),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_and_weight_are_read_with_and_without_gross_or_net() {
        let weight = |text: &str| text.parse().unwrap();
        for (line, expected) in [
            ("ST,GS,+00123.4kg", Reading::Stable(weight("123.4"))),
            ("ST,NT,-   12.5 kg", Reading::Stable(weight("-12.5"))),
            ("ST,TR,+00002.0kg", Reading::OtherValue),
            ("ST,PT,+00002.0kg", Reading::OtherValue),
            ("ST,+0012,5kg", Reading::Stable(weight("12.5"))),
            ("ST,+00123.45  g", Reading::Stable(weight("0.12345"))),
            ("US,NT,+00123.4kg", Reading::Unstable(Some(weight("123.4")))),
            ("US,GS,  ------", Reading::Unstable(None)),
            ("OL,GS,+", Reading::Overload),
            ("OL,-9999999E+19", Reading::Underload),
        ] {
            assert_eq!(read(line, None), Ok(expected), "{line}");
        }
    }

    #[test]
    fn a_line_whose_beginning_was_not_heard_is_no_weight() {
        for line in ["T,GS,+00123.4kg", "GS,+00123.4kg", "+00123.4kg", "123.4kg"] {
            assert_eq!(read(line, None), Err(BadLine::Form("A&D")), "{line}");
        }
        assert_eq!(read("QT,+00000012 PC", None), Err(BadLine::Form("A&D")));
    }
}
