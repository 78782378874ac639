//! The ledger for other programs: as it is, a line per event (`ndjson.rs`), or as a GS1 EPCIS 2.0 document (`epcis.rs`, with the
//! events in `mapping.rs` and their names in `names.rs`).
//!
//! Everything is written as it is read: memory does not grow with the ledger. A file gets its name when it is whole.

mod epcis;
mod mapping;
mod names;
mod ndjson;

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use agog_sync::event::DecodeError;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::config::Config;
use crate::durable;
use crate::ledger::export::{EventFilter, StoredEvent};
use crate::ledger::{LedgerError, Reader};

pub(crate) use names::{gtin_14, is_company_prefix, is_gln_of, is_gtin_of, is_sscc_prefix};

/// An export names customers, suppliers and people.
const FILE_MODE: u32 = 0o600;

/// What an export is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Every event as it is in the ledger, a line of JSON each.
    Ndjson,
    /// Movements of lots as an EPCIS 2.0 document (GS1).
    Epcis,
}

/// Why an export failed. There is no file under the name that was asked for.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("cannot write the export")]
    Write(#[from] io::Error),
    #[error("`{0}` is there already; an export overwrites nothing")]
    Exists(String),
    #[error("event at position {position} cannot be read")]
    Unreadable {
        position: i64,
        #[source]
        source: DecodeError,
    },
}

impl From<serde_json::Error> for ExportError {
    fn from(error: serde_json::Error) -> Self {
        Self::Write(error.into())
    }
}

impl ExportError {
    /// Whoever read the export has enough.
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Write(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// What was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Events of the ledger that were read.
    pub events: u64,
    /// The place of the last one: another export goes on after it.
    pub last_position: i64,
    /// What has no counterpart in the format, by kind and reason.
    pub left_out: BTreeMap<String, u64>,
}

impl Summary {
    fn leave_out(&mut self, what: String) {
        *self.left_out.entry(what).or_default() += 1;
    }
}

/// What an export needs besides the ledger.
pub struct Export<'a> {
    pub config: &'a Config,
    pub format: Format,
    pub filter: EventFilter,
    pub now: Timestamp,
    /// The zone in which the plant's clocks go.
    pub zone: TimeZone,
}

impl Export<'_> {
    /// Writes the events to `out`.
    pub fn write(&self, reader: &Reader, out: &mut dyn Write) -> Result<Summary, ExportError> {
        let mut out = BufWriter::new(out);
        let summary = match self.format {
            Format::Ndjson => ndjson::write(self, reader, &mut out)?,
            Format::Epcis => epcis::write(self, reader, &mut out)?,
        };
        out.flush()?;
        Ok(summary)
    }

    /// Writes the events to a new file, which has its name only when it is whole.
    pub fn write_file(&self, reader: &Reader, path: &Path) -> Result<Summary, ExportError> {
        let exists = || ExportError::Exists(path.display().to_string());
        if path.symlink_metadata().is_ok() {
            return Err(exists());
        }
        let partial = durable::partial(path);
        durable::remove(&partial)?;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(FILE_MODE)
            .open(&partial)?;
        let result = self.write(reader, &mut file).and_then(|summary| {
            file.sync_all()?;
            durable::finish(&partial, path).map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => exists(),
                _ => error.into(),
            })?;
            Ok(summary)
        });
        if result.is_err() {
            // The failure itself is told.
            let _ = durable::remove(&partial);
        }
        result
    }

    /// Every event that is asked for, in order.
    fn each(
        &self,
        reader: &Reader,
        summary: &mut Summary,
        mut work: impl FnMut(&StoredEvent, &mut Summary) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        let mut filter = self.filter;
        summary.last_position = filter.after;
        loop {
            let page = reader.events_page(&filter)?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            filter.after = last.position;
            for event in &page {
                work(event, summary)?;
                summary.events += 1;
                summary.last_position = event.position;
            }
        }
    }
}
