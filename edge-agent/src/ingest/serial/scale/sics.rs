//! Mettler Toledo SICS: answers to S, SI and SIR. `S S     100.00 g`: a weight, stable; `S D` is one that still changes, `S I` says
//! that it cannot be told now, `S +` and `S -` that it is out of range. `ES`, `ET` and `EL` are errors of the command.

use super::super::understand::BadLine;
use super::Reading;
use super::weight::kilograms;

pub(super) fn read(text: &str) -> Result<Reading, BadLine> {
    let mut words = text.split_ascii_whitespace();
    match words.next() {
        Some("S" | "SI" | "SIR") => {}
        Some("ES" | "ET" | "EL") => return Err(BadLine::Device(text.trim().to_owned())),
        _ => return Err(BadLine::Form("SICS")),
    }
    let state = words.next();
    let mut weight = || {
        let number = words.next().ok_or(BadLine::Form("SICS"))?;
        kilograms(number, words.next().unwrap_or_default(), None)
    };
    match state {
        Some("S") => weight().map(Reading::Stable),
        Some("D") => weight().map(|weight| Reading::Unstable(Some(weight))),
        Some("+") => Ok(Reading::Overload),
        Some("-") => Ok(Reading::Underload),
        Some("I") => Ok(Reading::Busy),
        Some("L") => Err(BadLine::Device(text.trim().to_owned())),
        _ => Err(BadLine::Form("SICS")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_weight_and_state() {
        let weight = |text: &str| text.parse().unwrap();
        for (line, expected) in [
            ("S S     100.00 g", Reading::Stable(weight("0.1"))),
            ("S S     -12.345 kg", Reading::Stable(weight("-12.345"))),
            (
                "S D      99.87 g",
                Reading::Unstable(Some(weight("0.09987"))),
            ),
            ("S I", Reading::Busy),
            ("S +", Reading::Overload),
            ("S -", Reading::Underload),
        ] {
            assert_eq!(read(line), Ok(expected), "{line}");
        }
    }

    #[test]
    fn errors_and_other_lines_are_told_as_what_they_are() {
        assert_eq!(read("ES"), Err(BadLine::Device("ES".to_owned())));
        assert_eq!(read("S L"), Err(BadLine::Device("S L".to_owned())));
        // The end of a line whose beginning was not heard.
        assert_eq!(read("0.00 g"), Err(BadLine::Form("SICS")));
        assert_eq!(read("S S    100.00"), Err(BadLine::NoUnit));
        assert_eq!(
            read("S S    1OO.00 g"),
            Err(BadLine::NotANumber("1OO.00".to_owned()))
        );
    }
}
