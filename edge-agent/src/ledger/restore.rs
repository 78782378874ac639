//! Putting a backup in the place of the ledger, while no agent runs.
//!
//! The backup is copied beside the ledger and proven there. Then one rename says that it shall take the ledger's place:
//! to `ledger.db.restored-<time>`. What follows is finished by whoever comes next ([`finish`]), so that a process
//! killed at any point leaves the old ledger or the new one: the old one is moved into `ledger-before-<time>`, with its write-ahead
//! log, and the new one gets its name. Nothing is deleted.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::{Timestamp, tz::TimeZone};
use rusqlite::{Connection, OpenFlags};
use serde::{Deserialize, Serialize};

use super::backup::{self, BackupError, Contents, Thoroughness, failed};
use super::damage;
use super::error::LedgerError;
use super::reader::{self, Reader};
use super::schema;
use super::verify::Verification;
use crate::durable;

/// Where a backup is copied to and proven.
pub(super) const CANDIDATE: &str = "ledger.db.candidate";

/// Before the time in the name of a proven backup that shall be the ledger.
const RESTORED: &str = "ledger.db.restored-";

/// Before the time in the name of the folder in which the old ledger is kept.
const BEFORE: &str = "ledger-before-";

/// The files of the old ledger, in the order in which they are moved: without its main file, no log is taken for that of
/// the new one.
const OLD_FILES: [&str; 3] = ["ledger.db-wal", "ledger.db-shm", "ledger.db"];

/// The time in names; UTC.
const NAME_TIME: &str = "%Y%m%dT%H%M%S%6fZ";

/// Why a backup was not put in place. The ledger is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error(transparent)]
    Backup(#[from] BackupError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("the backup is not whole: {} problems, the first: {first}", found.problem_count)]
    NotProven {
        first: String,
        found: Box<Verification>,
    },
    #[error(
        "the backup is of agent {found}, the ledger here of agent {here}; use another data folder"
    )]
    OtherAgent { here: String, found: String },
    #[error(
        "the ledger here has {0} events that neither the backup nor the hub has; say --accept-loss when they may be missing \
         (the file is kept), or let the agent deliver them first"
    )]
    WouldLose(u64),
}

impl From<rusqlite::Error> for RestoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Ledger(error.into())
    }
}

/// What was put in place, and what that means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreReport {
    pub restored: Contents,
    /// What was there before; none when nothing was, or when it cannot be read.
    pub before: Option<Contents>,
    /// Why what was there cannot be read.
    pub unreadable: Option<String>,
    /// Where it is now.
    pub kept: Option<PathBuf>,
    /// Events of the old ledger that the new one does not have.
    pub older_by: u64,
    /// How many of them the hub does not have either.
    pub lost: u64,
    /// Files that were taken from beside the backup, because they were missing here.
    pub companions: Vec<PathBuf>,
}

/// Puts `backup` in the place of the ledger in `data_dir`. The caller holds the lock of the folder.
pub fn restore(
    data_dir: &Path,
    backup: &Path,
    accept_loss: bool,
    now: Timestamp,
) -> Result<RestoreReport, RestoreError> {
    finish(data_dir)?;
    let candidate = data_dir.join(CANDIDATE);
    clear(&candidate)?;
    let result = prepare(data_dir, backup, &candidate, accept_loss);
    let mut report = match result {
        Ok(report) => report,
        Err(error) => {
            clear(&candidate)?;
            return Err(error);
        }
    };
    for (name, from, _) in backup::companions(backup) {
        let to = data_dir.join(name);
        if from.exists() && !to.exists() {
            backup::copy_private(&from, &to).map_err(failed("write", &to))?;
            report.companions.push(to);
        }
    }
    report.kept = put_in_place(data_dir, &candidate, now)?;
    Ok(report)
}

/// Gives a proven ledger the place of the one that is here; answers where that one is now.
pub(super) fn put_in_place(
    data_dir: &Path,
    candidate: &Path,
    now: Timestamp,
) -> Result<Option<PathBuf>, BackupError> {
    let time = now.to_zoned(TimeZone::UTC).strftime(NAME_TIME).to_string();
    let ready = data_dir.join(format!("{RESTORED}{time}"));
    // From here on it is the new ledger.
    durable::finish(candidate, &ready).map_err(failed("write", &ready))?;
    finish(data_dir)
}

fn prepare(
    data_dir: &Path,
    backup: &Path,
    candidate: &Path,
    accept_loss: bool,
) -> Result<RestoreReport, RestoreError> {
    backup::copy_private(backup, candidate).map_err(failed("copy the backup to", candidate))?;
    let restored = prove(candidate)?;
    let mut report = RestoreReport {
        restored,
        before: None,
        unreadable: None,
        kept: None,
        older_by: 0,
        lost: 0,
        companions: Vec::new(),
    };
    let ledger = data_dir.join("ledger.db");
    if !ledger.exists() {
        return Ok(report);
    }
    match compare(&ledger, &report.restored) {
        Ok((before, older_by, lost)) => {
            if before.agent_id != report.restored.agent_id {
                return Err(RestoreError::OtherAgent {
                    here: before.agent_id.to_string(),
                    found: report.restored.agent_id.to_string(),
                });
            }
            if lost > 0 && !accept_loss {
                return Err(RestoreError::WouldLose(lost));
            }
            report.before = Some(before);
            report.older_by = older_by;
            report.lost = lost;
        }
        // A damaged ledger is why people restore.
        Err(error) => report.unreadable = Some(error.to_string()),
    }
    Ok(report)
}

/// Reads all of a copy: pages, indexes, every hash and every balance.
pub(super) fn prove(candidate: &Path) -> Result<Contents, RestoreError> {
    let connection = Connection::open_with_flags(candidate, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "journal_mode", "delete")?;
    backup::sound(&connection, Thoroughness::Indexes)?;
    drop(connection);
    // An older program's backup gets the tables of this one.
    drop(schema::open_writer(candidate)?);
    let reader = Reader::open(candidate)?;
    let found = reader.verify()?;
    if let Some(first) = found.problems.first() {
        return Err(RestoreError::NotProven {
            first: first.what.clone(),
            found: Box::new(found),
        });
    }
    let contents = reader.contents()?;
    drop(reader);
    let connection = Connection::open_with_flags(candidate, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // One file, so that one rename moves it.
    connection.pragma_update(None, "journal_mode", "delete")?;
    Ok(contents)
}

/// What the ledger here has, how many of its own events the backup does not have, and how many of those the hub does not
/// have either.
fn compare(ledger: &Path, restored: &Contents) -> Result<(Contents, u64, u64), BackupError> {
    let here = Reader::open(ledger)?;
    let before = here.contents()?;
    let of_epoch = |epoch: u64, after: u64| -> Result<u64, LedgerError> {
        Ok(here.connection.query_row(
            "select count(*) from event
             where producer_id = ?1 and ((epoch = ?2 and seq > ?3) or (epoch > ?2 and not resealed))",
            rusqlite::params![before.agent_id.to_string(), epoch, after],
            |row| row.get(0),
        )?)
    };
    // What both have: the backup's head when it is on the chain here, nothing of its epoch otherwise.
    let producer = reader::position(&here.connection)?.producer;
    let on_chain = reader::hash_at(
        &here.connection,
        producer,
        restored.epoch,
        restored.head_seq,
    )? == Some(restored.head_hash);
    let common = if on_chain { restored.head_seq } else { 0 };
    let older_by = of_epoch(restored.epoch, common)?;
    let shared = if before.epoch == restored.epoch {
        common
    } else {
        0
    };
    let lost = before.head_seq - before.acknowledged_seq.max(shared).min(before.head_seq);
    Ok((before, older_by, lost))
}

/// Finishes what a restore began that was killed. Answers where the old ledger is, when there was one to move. The caller
/// holds the lock of the folder.
pub fn finish(data_dir: &Path) -> Result<Option<PathBuf>, BackupError> {
    let Some((ready, time)) = ready(data_dir).map_err(failed("look into", data_dir))? else {
        return Ok(None);
    };
    let kept = data_dir.join(format!("{BEFORE}{time}"));
    let mut moved = false;
    for name in OLD_FILES {
        let old = data_dir.join(name);
        if !old.exists() {
            continue;
        }
        if !kept.exists() {
            crate::data_dir::create_private(&kept).map_err(failed("make", &kept))?;
        }
        durable::finish(&old, &kept.join(name)).map_err(failed("move", &old))?;
        moved = true;
    }
    // What was wrong with the old one is over.
    damage::unmark(data_dir).map_err(failed("remove the mark in", data_dir))?;
    durable::sync_folder(data_dir).map_err(failed("flush", data_dir))?;
    let ledger = data_dir.join("ledger.db");
    durable::finish(&ready, &ledger).map_err(failed("write", &ledger))?;
    Ok((moved || kept.exists()).then_some(kept))
}

/// Whether a restore was killed before it was finished.
pub fn is_begun(data_dir: &Path) -> bool {
    matches!(ready(data_dir), Ok(Some(_)))
}

fn ready(data_dir: &Path) -> io::Result<Option<(PathBuf, String)>> {
    for entry in fs::read_dir(data_dir)? {
        let name = entry?.file_name();
        if let Some(time) = name.to_str().and_then(|name| name.strip_prefix(RESTORED)) {
            return Ok(Some((data_dir.join(&name), time.to_owned())));
        }
    }
    Ok(None)
}

/// Removes a copy that is not in use.
pub(super) fn clear(candidate: &Path) -> Result<(), BackupError> {
    for ending in ["", "-wal", "-shm", "-journal", ".partial"] {
        let path = durable::with_ending(candidate, ending);
        durable::remove(&path).map_err(failed("remove", &path))?;
    }
    Ok(())
}
