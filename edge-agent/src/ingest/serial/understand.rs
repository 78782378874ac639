//! What a line means at its port: a scan, a weight, numbers. Pure.

use agog_sync::frame::SeriesKey;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::prelude::ToPrimitive as _;

use super::counter::Rule;
use super::framing::How;
use super::heard::{Scan, TEXT_CHARS_MAX};
use super::scale::{self, Reading};
use crate::config::{ScaleConfig, ScaleFormat, SerialConfig, SerialKind};
use crate::gs1::Gs1Error;
use crate::ingest::seen::printable;
use crate::telemetry::Sample;

/// Why a line gave nothing. It is counted, and never fatal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadLine {
    #[error("it is longer than {} bytes", super::framing::LINE_BYTES_MAX)]
    TooLong,
    #[error("{0} bytes are outside of STX and what ends a line: wrong framing or baud rate?")]
    Stray(usize),
    #[error("it is no text: wrong baud rate, data bits or parity?")]
    NotText,
    #[error("it is no line of {0}")]
    Form(&'static str),
    #[error("`{0}` is no number")]
    NotANumber(String),
    #[error("the weight has no unit; set scale.unit")]
    NoUnit,
    #[error("`{0}` is no unit of weight that is known")]
    Unit(String),
    #[error("its checksum does not fit")]
    Checksum,
    #[error(
        "the weight is shown ten times as fine (expand x10) and is not usable; switch that off at the scale"
    )]
    Expanded,
    #[error("the device tells an error: `{0}`")]
    Device(String),
    #[error("no rule of the counter takes it")]
    NoRule,
    #[error("there is no column {0}")]
    NoColumn(usize),
    #[error("a rule of the counter {0}")]
    Rule(&'static str),
    #[error(transparent)]
    Label(#[from] Gs1Error),
}

/// What became of a line.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Understood {
    pub(super) scan: Option<Scan>,
    pub(super) samples: Vec<Sample>,
    /// Why a line that is right gave no sample.
    pub(super) unused: Option<Unused>,
    pub(super) fault: Option<BadLine>,
}

impl Understood {
    /// What is wrong with the line. A device chooses part of that text, and could send what does something to a terminal.
    pub(super) fn fault_shown(&self) -> Option<String> {
        let fault = self.fault.as_ref()?.to_string();
        Some(printable(&fault, TEXT_CHARS_MAX, ' '))
    }
}

/// A line that is right and gives no sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unused {
    Unstable,
    Overload,
    Underload,
    Busy,
    OtherValue,
    NotZeroed,
    /// It may have begun before the port was opened.
    Cut,
}

impl Unused {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Unstable => "not stable",
            Self::Overload => "overload",
            Self::Underload => "underload",
            Self::Busy => "the scale cannot answer now",
            Self::OtherValue => "a tare or another value that is not the weight on the scale",
            Self::NotZeroed => "the scale has not been zeroed since it was switched on",
            Self::Cut => "may have begun before the port was opened",
        }
    }
}

/// How the lines of a port are read.
#[derive(Debug, Clone)]
pub(super) struct Understand {
    device: String,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Scanner,
    Scale(ScaleConfig),
    Counter(Vec<Rule>),
}

impl Understand {
    pub(super) fn new(config: &SerialConfig) -> Result<Self, BadLine> {
        let what = match (config.kind, &config.scale) {
            (SerialKind::Scanner, _) => What::Scanner,
            (SerialKind::Scale, Some(scale)) => What::Scale(scale.clone()),
            // The check of the configuration does not let this through.
            (SerialKind::Scale, None) => return Err(BadLine::Rule("is missing")),
            (SerialKind::Counter, _) => {
                let rules = config.counters.iter().map(Rule::new);
                What::Counter(rules.collect::<Result<_, _>>()?)
            }
        };
        Ok(Self {
            device: config.device().to_owned(),
            what,
        })
    }

    pub(super) fn framing(&self, config: &SerialConfig) -> How {
        match &self.what {
            What::Scale(scale) => scale::framing(scale, config.framing),
            _ => How::By(config.framing),
        }
    }

    /// Whether a line that lacks its beginning could be taken for a whole one: `45.2 kg` of `145.2 kg`.
    pub(super) fn takes_any_beginning(&self) -> bool {
        match &self.what {
            What::Scanner => false,
            What::Scale(scale) => scale.format == ScaleFormat::Plain,
            What::Counter(rules) => rules.iter().any(Rule::takes_any_beginning),
        }
    }

    pub(super) fn line(&self, line: &[u8], now: Timestamp) -> Understood {
        let understood = match &self.what {
            What::Scanner => scan(line, now),
            What::Scale(scale) => self.weight(scale, line, now),
            What::Counter(rules) => self.numbers(rules, line, now),
        };
        understood.unwrap_or_else(|fault| Understood {
            fault: Some(fault),
            ..Understood::default()
        })
    }

    fn weight(
        &self,
        config: &ScaleConfig,
        line: &[u8],
        now: Timestamp,
    ) -> Result<Understood, BadLine> {
        let (weight, unused) = match scale::read(config, line)? {
            Reading::Stable(weight) => (Some(weight), None),
            Reading::Unstable(Some(weight)) if !config.stable_only => (Some(weight), None),
            Reading::Unstable(_) => (None, Some(Unused::Unstable)),
            Reading::Overload => (None, Some(Unused::Overload)),
            Reading::Underload => (None, Some(Unused::Underload)),
            Reading::Busy => (None, Some(Unused::Busy)),
            Reading::OtherValue => (None, Some(Unused::OtherValue)),
            Reading::NotZeroed => (None, Some(Unused::NotZeroed)),
        };
        let value = weight.and_then(|weight| weight.to_f64());
        let sample = value.map(|value| self.sample(&config.metric, Some("kg"), value, now));
        Ok(Understood {
            samples: sample.into_iter().collect(),
            unused,
            ..Understood::default()
        })
    }

    fn numbers(&self, rules: &[Rule], line: &[u8], now: Timestamp) -> Result<Understood, BadLine> {
        let text = std::str::from_utf8(line).map_err(|_| BadLine::NotText)?;
        let mut understood = Understood::default();
        let mut is_taken = false;
        for rule in rules {
            match rule.read(text) {
                None => continue,
                Some(Ok(value)) => {
                    let unit = rule.unit.as_deref();
                    let sample = self.sample(&rule.metric, unit, value, now);
                    understood.samples.push(sample);
                }
                Some(Err(fault)) => {
                    understood.fault.get_or_insert(fault);
                }
            }
            is_taken = true;
        }
        if !is_taken {
            return Err(BadLine::NoRule);
        }
        Ok(understood)
    }

    fn sample(&self, metric: &str, unit: Option<&str>, value: f64, at: Timestamp) -> Sample {
        Sample {
            series: SeriesKey {
                device: self.device.clone(),
                metric: metric.to_owned(),
                unit: unit.map(str::to_owned),
            },
            at,
            value,
            is_historical: false,
        }
    }
}

fn scan(line: &[u8], now: Timestamp) -> Result<Understood, BadLine> {
    let today: Date = now.to_zoned(TimeZone::UTC).date();
    let text = text(line);
    if text.trim().is_empty() {
        return Err(BadLine::Form("a scanner"));
    }
    let scan = Scan::read(text.trim(), today)?;
    Ok(Understood {
        scan: Some(scan),
        ..Understood::default()
    })
}

/// UTF-8, or else the Latin-1 that barcodes have when nothing else was agreed.
pub(super) fn text(line: &[u8]) -> String {
    match std::str::from_utf8(line) {
        Ok(text) => text.to_owned(),
        Err(_) => line.iter().copied().map(char::from).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_device_sends_does_nothing_to_a_terminal_and_fills_no_log() {
        let long = "x".repeat(8_000);
        let understood = Understood {
            fault: Some(BadLine::NotANumber(format!("\u{1b}[2J{long}"))),
            ..Understood::default()
        };
        let shown = understood.fault_shown().unwrap();
        assert!(shown.starts_with("` [2Jxxx"), "{shown}");
        assert_eq!(shown.chars().count(), TEXT_CHARS_MAX + 1);
    }
}
