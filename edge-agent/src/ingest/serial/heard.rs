//! What ports said last, and how it was understood: for the operator, the API and `serial tail`. In memory only.
//!
//! Limits: [`LINES_PER_PORT_MAX`] lines of each port, [`TEXT_CHARS_MAX`] characters of each.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::understand::{BadLine, Understood, Unused, text};
use crate::config::SerialKind;
use crate::gs1::{self, Element, GS, Label};
use crate::ingest::seen::{SeenSample, printable};

/// A shift's scans at a busy place, and some seconds of a scale that sends without being asked.
pub(super) const LINES_PER_PORT_MAX: usize = 200;
/// What is kept of a line for people.
pub(super) const TEXT_CHARS_MAX: usize = 400;

/// A line that arrived.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Heard {
    /// Counts the lines of all ports since the agent was started.
    pub number: u64,
    pub at: Timestamp,
    pub port: String,
    pub kind: SerialKind,
    pub device: String,
    /// Its beginning; the separator of GS1 is `␝`, other control characters are blanks.
    pub text: String,
    #[serde(default)]
    pub scan: Option<Scan>,
    #[serde(default)]
    pub samples: Vec<SeenSample>,
    /// Why a line that is right gave no sample.
    #[serde(default)]
    pub unused: Option<String>,
    /// What is wrong with it.
    #[serde(default)]
    pub fault: Option<String>,
}

/// A barcode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scan {
    pub form: ScanForm,
    /// The barcode's text; elements of GS1 as people read them, `(01)…(10)…`.
    pub code: String,
    /// What the scanner says that it has read, for example `]C1`.
    pub symbology: Option<String>,
    /// What the label says, of GS1.
    pub label: Label,
    /// Every element of it.
    pub elements: Vec<Element>,
}

/// What kind of barcode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScanForm {
    Gs1,
    /// A lot number or another code of the house.
    Plain,
}

impl Scan {
    pub(super) fn read(text: &str, today: Date) -> Result<Self, BadLine> {
        let scanned = gs1::read(text, today)?;
        let (form, code) = match &scanned.elements {
            Some(elements) => (ScanForm::Gs1, gs1::human_readable(elements)),
            None if scanned.text.chars().any(char::is_control) => return Err(BadLine::NotText),
            None => (ScanForm::Plain, scanned.text.to_owned()),
        };
        let elements = scanned.elements.unwrap_or_default();
        Ok(Self {
            form,
            code,
            symbology: scanned.symbology.map(str::to_owned),
            label: Label::of(&elements),
            elements,
        })
    }

    /// The number under which a lot may be known.
    pub fn lot_number(&self) -> Option<&str> {
        match self.form {
            ScanForm::Gs1 => self.label.lot.as_deref(),
            ScanForm::Plain => Some(self.code.as_str()).filter(|code| !code.is_empty()),
        }
    }
}

/// The newest lines of every port; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Lines(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    newest: u64,
    ports: BTreeMap<String, VecDeque<Heard>>,
}

/// Where a line came from.
pub(super) struct Origin<'a> {
    pub(super) port: &'a str,
    pub(super) kind: SerialKind,
    pub(super) device: &'a str,
    pub(super) at: Timestamp,
}

impl Lines {
    /// `fault` is what is wrong with the line, fit to be shown.
    pub(super) fn tell(
        &self,
        origin: &Origin<'_>,
        line: &[u8],
        understood: &Understood,
        fault: Option<String>,
    ) {
        let mut kept = self.lock();
        kept.newest += 1;
        let heard = Heard {
            number: kept.newest,
            at: origin.at,
            port: origin.port.to_owned(),
            kind: origin.kind,
            device: origin.device.to_owned(),
            text: printable(&text(line).replace(GS, "␝"), TEXT_CHARS_MAX, ' '),
            scan: understood.scan.clone(),
            samples: understood.samples.iter().cloned().map(Into::into).collect(),
            unused: understood.unused.map(Unused::as_str).map(str::to_owned),
            fault,
        };
        let lines = kept.ports.entry(origin.port.to_owned()).or_default();
        if lines.len() == LINES_PER_PORT_MAX {
            lines.pop_front();
        }
        lines.push_back(heard);
    }

    /// What the scanners said, also what was not understood, newest first.
    pub(super) fn scans(&self, limit: usize) -> Vec<Heard> {
        let mut scans = self.lock().collect(|line| line.kind == SerialKind::Scanner);
        scans.reverse();
        scans.truncate(limit);
        scans
    }

    /// What was said after a line, oldest first, and the number of the newest line of all.
    pub(super) fn after(&self, number: u64, port: Option<&str>) -> (Vec<Heard>, u64) {
        // Both of one moment: a line between them would never be shown.
        let kept = self.lock();
        let lines =
            kept.collect(|line| line.number > number && port.is_none_or(|port| line.port == port));
        (lines, kept.newest)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Oldest first.
    fn collect(&self, wanted: impl Fn(&Heard) -> bool) -> Vec<Heard> {
        let lines = self.ports.values().flatten();
        let mut lines: Vec<_> = lines.filter(|line| wanted(line)).cloned().collect();
        lines.sort_by_key(|line| line.number);
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_says_much_does_not_push_out_the_scans_of_another() {
        let lines = Lines::default();
        let at = Timestamp::UNIX_EPOCH;
        let tell = |port, kind, line: &str, understood: Understood| {
            let origin = Origin {
                port,
                kind,
                device: port,
                at,
            };
            lines.tell(&origin, line.as_bytes(), &understood, None);
        };
        let scan = Scan::read("LOT-1", "2026-11-28".parse().unwrap()).unwrap();
        let understood = Understood {
            scan: Some(scan),
            ..Understood::default()
        };
        tell("scanner", SerialKind::Scanner, "LOT-1", understood);
        for n in 0..2 * LINES_PER_PORT_MAX {
            tell(
                "scale",
                SerialKind::Scale,
                &n.to_string(),
                Understood::default(),
            );
        }
        assert_eq!(lines.scans(10)[0].text, "LOT-1");
        let (newest, number) = lines.after(0, Some("scale"));
        assert_eq!(newest.len(), LINES_PER_PORT_MAX);
        assert_eq!(number, 1 + 2 * LINES_PER_PORT_MAX as u64);
    }
}
