//! Serial ports as they are written down: where they are, how they are set, and what is at them.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::check::Problems;
use crate::ingest::serial::{counter_problems, counter_repeats};

/// Ports of one machine; each has a task.
const PORTS_MAX: usize = 32;
/// What drivers and adapters take.
const BAUD: std::ops::RangeInclusive<u32> = 50..=4_000_000;
/// Sooner than this no scale has an answer.
const POLL_MS: std::ops::RangeInclusive<u32> = 50..=3_600_000;
const SILENT_S: std::ops::RangeInclusive<u32> = 1..=86_400;
/// A request to a scale is a few characters.
const COMMAND_BYTES_MAX: usize = 100;
/// A polled device is silent when it left out so many answers.
const SILENT_POLLS: u32 = 10;
/// And not before this, in seconds.
const SILENT_LEAST_S: u32 = 10;

/// A port, and what is at it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SerialConfig {
    /// What it is called in status, metrics and logs.
    pub name: String,
    /// The device file; a name that stays when it is plugged in again, such as /dev/serial/by-id/….
    pub path: PathBuf,
    pub kind: SerialKind,
    #[serde(default = "default_baud")]
    pub baud: u32,
    #[serde(default = "default_data_bits")]
    pub data_bits: u8,
    #[serde(default)]
    pub parity: Parity,
    #[serde(default = "default_stop_bits")]
    pub stop_bits: u8,
    #[serde(default)]
    pub flow_control: FlowControl,
    /// Where a line ends.
    #[serde(default)]
    pub framing: Framing,
    /// What the device is called in samples and scans; the port's name when not set.
    #[serde(default)]
    pub device: Option<String>,
    /// What to send so that it answers; none: it sends by itself.
    #[serde(default)]
    pub poll: Option<PollConfig>,
    /// A device that sends nothing for so long is away: the port is opened anew.
    #[serde(default)]
    pub silent_s: Option<u32>,
    /// Only with kind "scale".
    #[serde(default)]
    pub scale: Option<ScaleConfig>,
    /// Only with kind "counter".
    #[serde(default, rename = "counter")]
    pub counters: Vec<CounterConfig>,
}

/// What is at a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SerialKind {
    /// A barcode scanner: every line is a scan.
    Scanner,
    /// Weights become telemetry.
    Scale,
    /// Numbers in lines become telemetry.
    Counter,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Parity {
    #[default]
    None,
    Odd,
    Even,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlowControl {
    #[default]
    None,
    /// RTS and CTS.
    Hardware,
    /// XON and XOFF.
    Software,
}

/// How lines are told apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Framing {
    /// CR, LF or both; empty lines are none.
    #[default]
    Line,
    Cr,
    Lf,
    /// CR and LF, in this order.
    Crlf,
    /// Between STX and ETX.
    StxEtx,
}

/// A request that is sent again and again.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PollConfig {
    /// For example `SI`, which asks a Mettler Toledo scale for the weight now.
    pub command: String,
    /// What is sent after it.
    #[serde(default = "default_end")]
    pub end: String,
    #[serde(default = "default_every_ms")]
    pub every_ms: u32,
}

/// How a scale writes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScaleConfig {
    pub format: ScaleFormat,
    /// The metric of the weights, which are in kg.
    #[serde(default = "default_weight")]
    pub metric: String,
    /// Weights that still change are counted and not stored.
    #[serde(default = "default_true")]
    pub stable_only: bool,
    /// The unit of weights that do not say theirs.
    #[serde(default)]
    pub unit: Option<String>,
    /// Every line ends with a checksum (mt-continuous).
    #[serde(default)]
    pub checksum: bool,
}

/// The languages of scales.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScaleFormat {
    /// Mettler Toledo SICS: `S S     100.00 g`.
    Sics,
    /// Mettler Toledo continuous output: STX, three status bytes, weight, tare, CR.
    MtContinuous,
    /// Sartorius SBI, lines of 16 or 22 characters.
    Sbi,
    /// A&D, and indicators that follow it: `ST,GS,+00123.4kg`.
    And,
    /// A number, and a unit if it is said.
    Plain,
}

/// A number in the lines of a counter.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CounterConfig {
    pub metric: String,
    /// Lines begin so, before the number; other lines are not for this one.
    #[serde(default)]
    pub prefix: Option<String>,
    /// The column of the number behind the prefix, from 0; none: the number is all that is there.
    #[serde(default)]
    pub column: Option<usize>,
    /// Between columns; a comma when not set.
    #[serde(default)]
    pub delimiter: Option<char>,
    /// Numbers are written as in `12,5`.
    #[serde(default)]
    pub decimal_comma: bool,
    #[serde(default)]
    pub unit: Option<String>,
    /// The value is multiplied with it.
    #[serde(default)]
    pub scale: Option<f64>,
}

const fn default_baud() -> u32 {
    9_600
}

const fn default_data_bits() -> u8 {
    8
}

const fn default_stop_bits() -> u8 {
    1
}

const fn default_every_ms() -> u32 {
    1_000
}

const fn default_true() -> bool {
    true
}

fn default_end() -> String {
    "\r\n".to_owned()
}

fn default_weight() -> String {
    "weight".to_owned()
}

impl SerialConfig {
    /// What the device is called in samples and scans.
    pub fn device(&self) -> &str {
        self.device.as_deref().unwrap_or(&self.name)
    }

    /// After how many seconds without a line the device is away; none: never.
    pub fn silent_s(&self) -> Option<u32> {
        let polled = self.poll.as_ref().map(|poll| {
            let answers = poll.every_ms.saturating_mul(SILENT_POLLS).div_ceil(1_000);
            answers.max(SILENT_LEAST_S)
        });
        self.silent_s.or(polled)
    }

    fn check(&self, key: &dyn Fn(&str) -> String, found: &mut Problems) {
        found.name(&self.name, key("name"));
        found.name(self.device(), key("device"));
        found.add(
            !self.path.is_absolute(),
            key("path"),
            "must be a whole path such as /dev/serial/by-id/usb-…",
        );
        let mut within = |is_right: bool, name: &str, what: String| {
            found.add(!is_right, key(name), format!("must be {what}"));
        };
        let (from, to) = BAUD.into_inner();
        within(
            (from..=to).contains(&self.baud),
            "baud",
            format!("{from} to {to}"),
        );
        within(
            (5..=8).contains(&self.data_bits),
            "data_bits",
            "5 to 8".to_owned(),
        );
        within(
            (1..=2).contains(&self.stop_bits),
            "stop_bits",
            "1 or 2".to_owned(),
        );
        if let Some(silent_s) = self.silent_s {
            let (from, to) = SILENT_S.into_inner();
            within(
                (from..=to).contains(&silent_s),
                "silent_s",
                format!("{from} to {to}"),
            );
        }
        let is_scanner = self.kind == SerialKind::Scanner;
        found.add(
            is_scanner && self.silent_s.is_some(),
            key("silent_s"),
            "is not for scanners, which are silent until somebody scans",
        );
        self.check_poll(is_scanner, key, found);
        self.check_scale(key, found);
        let is_counter = self.kind == SerialKind::Counter;
        found.add(
            is_counter && self.counters.is_empty(),
            key("counter"),
            "is missing; say the metric, for example [{ metric = \"good\" }]",
        );
        found.add(
            !is_counter && !self.counters.is_empty(),
            key("counter"),
            "is only for ports of kind = \"counter\"",
        );
        for (index, counter) in self.counters.iter().enumerate() {
            for (name, message) in counter_problems(counter) {
                found.add(true, key(&format!("counter[{index}].{name}")), message);
            }
            let mut before = self.counters.iter().take(index);
            if let Some(first) = before.position(|other| counter_repeats(other, counter)) {
                found.add(
                    true,
                    key(&format!("counter[{index}].metric")),
                    format!("with this unit is also that of counter[{first}], and a line can be for both; change a metric or the prefixes"),
                );
            }
        }
    }

    fn check_poll(&self, is_scanner: bool, key: &dyn Fn(&str) -> String, found: &mut Problems) {
        let Some(poll) = &self.poll else { return };
        let (from, to) = POLL_MS.into_inner();
        found.add(
            is_scanner,
            key("poll"),
            "is not for scanners, which send by themselves",
        );
        let bytes = poll.command.len() + poll.end.len();
        found.add(
            !(1..=COMMAND_BYTES_MAX).contains(&bytes),
            key("poll.command"),
            format!("must have 1 to {COMMAND_BYTES_MAX} characters"),
        );
        found.add(
            !(from..=to).contains(&poll.every_ms),
            key("poll.every_ms"),
            format!("must be {from} to {to}"),
        );
    }

    fn check_scale(&self, key: &dyn Fn(&str) -> String, found: &mut Problems) {
        let is_scale = self.kind == SerialKind::Scale;
        found.add(
            is_scale != self.scale.is_some(),
            key("scale"),
            if is_scale {
                "is missing; say the format, for example { format = \"sics\" }"
            } else {
                "is only for ports of kind = \"scale\""
            },
        );
        let Some(scale) = &self.scale else { return };
        found.name(&scale.metric, key("scale.metric"));
        let unit = scale.unit.as_deref();
        found.add(
            unit.is_some_and(|unit| !crate::ingest::serial::is_weight_unit(unit)),
            key("scale.unit"),
            "is no unit of weight that is known; expected mg, g, kg, t, lb or oz",
        );
        let is_continuous = scale.format == ScaleFormat::MtContinuous;
        found.add(
            scale.checksum && !is_continuous,
            key("scale.checksum"),
            "is only for format = \"mt-continuous\"",
        );
        found.add(
            is_continuous && self.framing != Framing::Line,
            key("framing"),
            "is given by format = \"mt-continuous\"; leave it out",
        );
    }
}

pub(super) fn check(ports: &[SerialConfig], found: &mut Problems) {
    found.add(
        ports.len() > PORTS_MAX,
        "serial",
        format!("has more than {PORTS_MAX} ports"),
    );
    let mut names = BTreeSet::new();
    let mut paths = BTreeSet::new();
    for (index, port) in ports.iter().enumerate() {
        let key = |name: &str| format!("serial[{index}].{name}");
        port.check(&key, found);
        found.add(
            !names.insert(&port.name),
            key("name"),
            format!("repeats `{}`", port.name),
        );
        found.add(
            !paths.insert(&port.path),
            key("path"),
            "repeats that of another port, and only one can have it open",
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::parse_sections as parse;

    #[test]
    fn a_polled_device_is_away_after_ten_answers_that_did_not_come() {
        let config = parse(
            "[[serial]]\nname = \"s\"\npath = \"/dev/a\"\nkind = \"scale\"\nscale = { format = \"sics\" }\npoll = { command = \"SI\", every_ms = 5000 }\n\
             [[serial]]\nname = \"b\"\npath = \"/dev/b\"\nkind = \"scanner\"\n",
        )
        .unwrap();
        assert_eq!(config.serial[0].silent_s(), Some(50));
        assert_eq!(config.serial[0].poll.as_ref().unwrap().end, "\r\n");
        assert_eq!(config.serial[1].silent_s(), None);
        assert_eq!(config.serial[1].baud, 9_600);
    }

    #[test]
    fn an_unknown_key_is_told_with_its_line() {
        for (more, key) in [
            ("bauds = 9600", "`bauds`"),
            (
                "scale = { format = \"sics\", stabel_only = true }",
                "`stabel_only`",
            ),
            ("kind = \"balance\"", "`balance`"),
        ] {
            let kind = if more.starts_with("kind") {
                ""
            } else {
                "kind = \"scale\"\n"
            };
            let text = format!("[[serial]]\nname = \"s\"\npath = \"/dev/a\"\n{kind}{more}\n");
            let message = parse(&text).unwrap_err().to_string();
            assert!(
                message.contains("line ") && message.contains(key),
                "{message}"
            );
        }
    }

    #[test]
    fn wrong_values_are_all_named_by_their_key() {
        let message = parse(
            "[[serial]]\nname = \"\"\npath = \"ttyS0\"\nkind = \"scanner\"\nbaud = 3\ndata_bits = 9\nstop_bits = 3\nsilent_s = 0\n\
             poll = { command = \"\", end = \"\", every_ms = 1 }\nscale = { format = \"and\", checksum = true, unit = \"stone\" }\n\
             [[serial]]\nname = \"c\"\npath = \"/dev/a\"\nkind = \"counter\"\n\
             counter = [{ metric = \"\" }, { metric = \"m\", scale = 0 }, { metric = \"m\", delimiter = \";\" }]\n\
             [[serial]]\nname = \"c\"\npath = \"/dev/a\"\nkind = \"scale\"\nframing = \"cr\"\n\
             scale = { format = \"mt-continuous\" }\n\
             [[serial]]\nname = \"d\"\npath = \"/dev/d\"\nkind = \"scale\"\n[[serial.counter]]\nmetric = \"m\"\n\
             [[serial]]\nname = \"e\"\npath = \"/dev/e\"\nkind = \"counter\"\n",
        )
        .unwrap_err()
        .to_string();
        for key in [
            "serial[0].name",
            "serial[0].path",
            "serial[0].baud",
            "serial[0].data_bits",
            "serial[0].stop_bits",
            "serial[0].silent_s",
            "serial[0].poll",
            "serial[0].poll.command",
            "serial[0].poll.every_ms",
            "serial[0].scale",
            "serial[0].scale.unit",
            "serial[0].scale.checksum",
            "serial[1].counter[0].metric",
            "serial[1].counter[1].scale",
            "serial[1].counter[2].delimiter",
            "serial[1].counter[2].metric",
            "serial[2].name",
            "serial[2].path",
            "serial[2].framing",
            "serial[3].scale",
            "serial[3].counter",
            "serial[4].counter",
        ] {
            assert!(
                message.contains(&format!("`{key}`")),
                "{key} is missing in: {message}"
            );
        }
    }
}
