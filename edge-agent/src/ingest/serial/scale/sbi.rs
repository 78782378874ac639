//! Sartorius SBI: `+   123.45 kg ` (16 characters with CR and LF), or the same behind a name of six characters (22). The unit is
//! left out while the weight still changes. The name says what it is: `N` net, `G` gross, and much that is no weight on the scale: `T`
//! tare, `wRef` the weight of one piece, `Qnt` pieces.

use super::super::understand::BadLine;
use super::Reading;
use super::weight::{decimal, kilograms};

/// Sign, blank or digit, number, blank, unit: what is left of 16 characters without CR and LF.
const BODY_CHARS: usize = 14;
/// What stands before it in the form of 22 characters.
const NAME_CHARS: usize = 6;
/// Where the unit begins.
const UNIT_FROM: usize = 11;

/// `text` is ASCII. `unit` is that of weights that still change.
pub(super) fn read(text: &str, unit: Option<&str>) -> Result<Reading, BadLine> {
    let wrong = BadLine::Form("SBI");
    let (name, body) = match text.len() {
        ..=BODY_CHARS => ("", text),
        _ => text.split_at_checked(NAME_CHARS).unwrap_or_default(),
    };
    let (number, said) = match body.split_at_checked(UNIT_FROM) {
        Some((number, said)) => (number.trim(), said.trim()),
        None => (body.trim(), ""),
    };
    match body.trim() {
        "H" | "HH" | "High" | "Stat       H" => return Ok(Reading::Overload),
        "L" | "LL" | "Low" | "Stat       L" => return Ok(Reading::Underload),
        "C" | "CC" | "Cal" | "--" => return Ok(Reading::Busy),
        "" => return Err(wrong),
        words if words.starts_with("Err") || words.starts_with("APP") => {
            return Err(BadLine::Device(words.to_owned()));
        }
        _ => {}
    }
    // A line whose beginning was not heard is shorter.
    if body.len() != BODY_CHARS {
        return Err(wrong);
    }
    // Where two weights are told one after the other, `#` marks the one that is measured.
    if !matches!(name.trim(), "" | "N" | "N#" | "G" | "G#") {
        return Ok(Reading::OtherValue);
    }
    if said.is_empty() {
        let number = decimal(number)?;
        let weight = unit.map(|unit| kilograms(&number.to_string(), unit, None));
        return Ok(Reading::Unstable(weight.transpose()?));
    }
    kilograms(number, said, None).map(Reading::Stable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_lengths_say_the_same() {
        let weight = |text: &str| text.parse().unwrap();
        for (line, expected) in [
            ("+   123.45 kg ", Reading::Stable(weight("123.45"))),
            ("N     +   123.45 kg ", Reading::Stable(weight("123.45"))),
            ("G     +   123.45 kg ", Reading::Stable(weight("123.45"))),
            ("      +   123.45 kg ", Reading::Stable(weight("123.45"))),
            ("T     +     2.00 kg ", Reading::OtherValue),
            ("wRef  +  1.25000 g  ", Reading::OtherValue),
            ("Qnt   +      253 pcs", Reading::OtherValue),
            ("-     0.56 g  ", Reading::Stable(weight("-0.00056"))),
            ("+   123.45    ", Reading::Unstable(None)),
            ("G     +   123.45    ", Reading::Unstable(None)),
            ("      H       ", Reading::Overload),
            ("Stat        L       ", Reading::Underload),
            ("     --       ", Reading::Busy),
        ] {
            assert_eq!(read(line, None), Ok(expected), "{line}");
        }
        assert_eq!(
            read("+   123.45    ", Some("g")),
            Ok(Reading::Unstable(Some(weight("0.12345"))))
        );
    }

    #[test]
    fn a_line_whose_beginning_was_not_heard_is_no_weight() {
        for line in ["3.45 kg ", "    +   123.45 kg ", "G+   123.45 kg "] {
            assert!(
                !matches!(read(line, None), Ok(Reading::Stable(_))),
                "{line}"
            );
        }
        assert_eq!(
            read("   Err 054    ", None),
            Err(BadLine::Device("Err 054".to_owned()))
        );
    }
}
