//! A ledger file that is damaged: whoever meets it first says so, and from then on nothing is written to it any more.
//!
//! The file `ledger.damaged` beside the ledger keeps it so over restarts: damage that one statement meets is not met by the
//! next one, and a file that goes on being written loses what could still be saved. `ledger salvage` and `ledger restore`
//! take the mark away.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use rusqlite::ffi::{SQLITE_IOERR_DATA, SQLITE_IOERR_READ, SQLITE_IOERR_SHORT_READ};
use tokio::sync::watch;
use tracing::error;

use super::error::LedgerError;
use crate::durable;

const MARK: &str = "ledger.damaged";

/// What is known of the damage of one ledger.
pub(super) struct Damage {
    folder: PathBuf,
    found: watch::Sender<Option<String>>,
}

impl Damage {
    /// Of the ledger at `path`.
    pub(super) fn of(path: &Path) -> Self {
        let (found, _) = watch::channel(None);
        Self {
            folder: durable::folder_of(path).to_owned(),
            found,
        }
    }

    /// Looks whether a failure is damage of the file, and keeps that.
    pub(super) fn look(&self, failure: &LedgerError) {
        let Some(what) = failure.damage() else {
            return;
        };
        let is_new = self.found.send_if_modified(|found| {
            let is_new = found.is_none();
            found.get_or_insert_with(|| what.clone());
            is_new
        });
        if is_new {
            error!("{}", LedgerError::Damaged { what: what.clone() });
            // A disk that cannot take the mark has refused the file already.
            if let Err(error) = mark(&self.folder, &what) {
                error!(
                    error = &error as &dyn std::error::Error,
                    "the damage is not noted"
                );
            }
        }
    }

    /// The error for whoever wants something of a damaged ledger.
    pub(super) fn refusal(&self) -> Option<LedgerError> {
        let what = self.found.borrow().clone()?;
        Some(LedgerError::Damaged { what })
    }

    /// Comes back when the ledger is found to be damaged.
    pub(super) async fn is_found(&self) -> LedgerError {
        let mut found = self.found.subscribe();
        while found.borrow_and_update().is_none() {
            if found.changed().await.is_err() {
                break;
            }
        }
        // The sender is ours, so the loop ends with what was found.
        self.refusal().unwrap_or(LedgerError::Stopped)
    }
}

fn mark(folder: &Path, what: &str) -> io::Result<()> {
    let mut file = File::create(folder.join(MARK))?;
    writeln!(file, "{what}")?;
    file.sync_all()?;
    durable::sync_folder(folder)
}

/// The damage that was found before, in the words of whoever found it.
pub fn marked(folder: &Path) -> Option<LedgerError> {
    let what = std::fs::read_to_string(folder.join(MARK)).ok()?;
    let what = what.trim_end().to_owned();
    Some(LedgerError::Damaged { what })
}

/// Takes the mark away: another file has the place of the ledger, or nothing is wrong with it.
pub(super) fn unmark(folder: &Path) -> io::Result<()> {
    durable::remove(&folder.join(MARK))
}

impl LedgerError {
    /// What is wrong with the file; none for other failures. A write that failed is none: the disk may be full or gone, and
    /// what was written before is as it was.
    pub fn damage(&self) -> Option<String> {
        let (Self::Storage(error) | Self::Open { source: error, .. }) = self else {
            return match self {
                Self::Damaged { what } => Some(what.clone()),
                _ => None,
            };
        };
        let failure = error.sqlite_error()?;
        let is_damage = match failure.code {
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => true,
            ErrorCode::SystemIoFailure => [
                SQLITE_IOERR_READ,
                SQLITE_IOERR_SHORT_READ,
                SQLITE_IOERR_DATA,
            ]
            .contains(&failure.extended_code),
            _ => false,
        };
        is_damage.then(|| error.to_string())
    }
}
