//! Lines of scales → weights in kilograms. Pure.
//!
//! - [`sics`]: Mettler Toledo standard interface command set, answers and continuous
//! - [`mt_continuous`]: Mettler Toledo continuous output
//! - [`sbi`]: lines of Sartorius
//! - [`and`]: A&D, and the many indicators that write like it
//! - [`weight`]: numbers and units

mod and;
mod mt_continuous;
mod sbi;
mod sics;
mod weight;

use rust_decimal::Decimal;

use super::framing::How;
use super::understand::BadLine;
use crate::config::{Framing, ScaleConfig, ScaleFormat};

pub(crate) use weight::is_weight_unit;
use weight::{kilograms, number_and_unit};

/// What a scale says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// In kilograms.
    Stable(Decimal),
    /// The weight still changes; none when its unit is not said until it is stable.
    Unstable(Option<Decimal>),
    /// There is too much on it.
    Overload,
    /// There is less than nothing on it.
    Underload,
    /// It cannot answer now.
    Busy,
    /// A tare, a reference or another value that is not what lies on it.
    OtherValue,
    /// Its zero was not taken since it was switched on.
    NotZeroed,
}

/// Reads a line of a scale.
pub(super) fn read(config: &ScaleConfig, line: &[u8]) -> Result<Reading, BadLine> {
    if config.format == ScaleFormat::MtContinuous {
        return mt_continuous::read(line, config.checksum);
    }
    let text = std::str::from_utf8(line).map_err(|_| BadLine::NotText)?;
    if !text.is_ascii() {
        return Err(BadLine::NotText);
    }
    let unit = config.unit.as_deref();
    match config.format {
        ScaleFormat::Sics => sics::read(text),
        ScaleFormat::Sbi => sbi::read(text, unit),
        ScaleFormat::And => and::read(text, unit),
        ScaleFormat::Plain | ScaleFormat::MtContinuous => plain(text, unit),
    }
}

/// How the lines of a format are told apart.
pub(super) fn framing(config: &ScaleConfig, framing: Framing) -> How {
    match config.format {
        ScaleFormat::MtContinuous => How::MtContinuous {
            checksum: config.checksum,
        },
        _ => How::By(framing),
    }
}

/// `12.345 kg`; it does not say whether it is stable, so it counts as that.
fn plain(text: &str, unit: Option<&str>) -> Result<Reading, BadLine> {
    let (number, said) = number_and_unit(text);
    kilograms(number, said, unit).map(Reading::Stable)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(super) fn config(format: ScaleFormat) -> ScaleConfig {
        ScaleConfig {
            format,
            metric: "weight".to_owned(),
            stable_only: true,
            unit: None,
            checksum: false,
        }
    }

    #[test]
    fn a_plain_number_is_a_weight_when_its_unit_is_known() {
        let mut config = config(ScaleFormat::Plain);
        let read = |config: &ScaleConfig, line: &str| super::read(config, line.as_bytes());
        assert_eq!(
            read(&config, "  12.345 kg"),
            Ok(Reading::Stable("12.345".parse().unwrap()))
        );
        assert_eq!(
            read(&config, "+ 250g"),
            Ok(Reading::Stable("0.25".parse().unwrap()))
        );
        assert_eq!(read(&config, "12.345"), Err(BadLine::NoUnit));
        config.unit = Some("t".to_owned());
        assert_eq!(
            read(&config, "-1,5"),
            Ok(Reading::Stable("-1500".parse().unwrap()))
        );
        assert_eq!(
            read(&config, "12 pcs"),
            Err(BadLine::Unit("pcs".to_owned()))
        );
        assert_eq!(read(&config, "\u{b5}"), Err(BadLine::NotText));
    }

    const FORMATS: [ScaleFormat; 5] = [
        ScaleFormat::Sics,
        ScaleFormat::MtContinuous,
        ScaleFormat::Sbi,
        ScaleFormat::And,
        ScaleFormat::Plain,
    ];

    proptest! {
        #[test]
        fn no_line_makes_a_reader_panic(
            line in prop::collection::vec(any::<u8>(), 0..40), checksum in any::<bool>(), unit in prop::option::of("kg|g")
        ) {
            for format in FORMATS {
                let config = ScaleConfig { checksum, unit: unit.clone(), ..config(format) };
                let _ = read(&config, &line);
            }
        }

        #[test]
        fn no_line_that_is_nearly_right_makes_a_reader_panic(
            line in "(S [SDI+\\-]|ST,GS,|OL,|N {5})?[+\\- ]{0,2}[0-9.,]{0,30} {0,2}(kg|g|lb|t)?"
        ) {
            for format in FORMATS {
                let _ = read(&config(format), line.as_bytes());
            }
        }
    }
}
