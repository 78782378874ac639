//! A copy of ledger.db while the agent writes it.
//!
//! The copy is made page by page (`SQLite`'s online backup) from a connection that holds one read transaction: it shows
//! one commit, whatever is written meanwhile, and is never begun again. The writer is not locked out; its
//! write-ahead log only grows until the copy is done. What would hold it up is the disk: so the copy is flushed every
//! [`PAGES_PER_STEP`] pages, and a commit never waits behind gigabytes. (`VACUUM INTO` computes every page anew and flushes all
//! of it at the end.)
//!
//! The file is written under another name, checked, and then renamed: what has the name of a backup is whole. It needs no
//! file beside it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use agog_sync::chain::Hash;
use agog_sync::ids::AgentId;
use jiff::Timestamp;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use serde::{Deserialize, Serialize};

use super::error::LedgerError;
use super::reader::{self, Reader};
use super::schema;
use crate::durable;

/// Pages between two flushes: 4 MiB, which a slow disk takes in a tenth of a second.
const PAGES_PER_STEP: i32 = 1_024;

/// Page cache of the copy in KiB: it is written once, in order.
const COPY_CACHE_KIB: i64 = 1_024;

/// Only the agent's user reads a copy.
const FILE_MODE: u32 = 0o600;

/// Files of the data folder that a whole restore needs beside the ledger, and whether they are secret.
const COMPANIONS: [(&str, bool); 3] = [
    ("devices.json", false),
    ("agent.key", true),
    ("enrolment.json", true),
];

/// Why there is no backup. Nothing is left under the name that was asked for.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("`{0}` is there already; backups overwrite nothing")]
    Exists(PathBuf),
    #[error("another backup of this ledger is being made")]
    Busy,
    #[error("the agent stops; the backup was given up")]
    Stopped,
    #[error("cannot {what} `{path}`")]
    File {
        what: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the copy is not whole: {0}")]
    Damaged(String),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl From<rusqlite::Error> for BackupError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Ledger(error.into())
    }
}

/// What is in a copy of a ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    pub agent_id: AgentId,
    pub plant_code: String,
    pub epoch: u64,
    pub head_seq: u64,
    pub head_hash: Hash,
    /// The hub had everything of this epoch up to here.
    pub acknowledged_seq: u64,
    /// All events, also those of older epochs and of others.
    pub events: u64,
    /// When the newest of them was recorded.
    pub newest_recorded_at: Option<Timestamp>,
}

/// A backup that is whole and on the disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupReport {
    pub file: PathBuf,
    pub contents: Contents,
    pub bytes: u64,
    /// BLAKE3 of the file, as `b3sum` prints it.
    pub blake3: Hash,
    /// What was copied beside it.
    pub companions: Vec<PathBuf>,
}

/// What to copy, and where to.
pub struct Plan<'a> {
    pub data_dir: &'a Path,
    /// The new file; none of that name may be there.
    pub target: &'a Path,
    /// The agent's key and enrolment go with it.
    pub with_key: bool,
}

/// Makes a backup. `go_on` is asked between steps; when it says no, nothing is left.
pub fn take(plan: &Plan<'_>, go_on: &dyn Fn() -> bool) -> Result<BackupReport, BackupError> {
    let Plan { target, .. } = *plan;
    let _only_one = lock(plan.data_dir)?;
    for name in std::iter::once(target.to_owned()).chain(companions(target).map(|(_, to, _)| to)) {
        if name.symlink_metadata().is_ok() {
            return Err(BackupError::Exists(name));
        }
    }
    let partial = durable::partial(target);
    let mut made = Vec::new();
    let result = copy(plan, &partial, go_on, &mut made);
    if result.is_err() {
        // What is not whole helps nobody; the failure itself is told.
        for path in made.iter().chain([&partial]) {
            let _ = durable::remove(path);
        }
        for ending in ["-wal", "-shm", "-journal"] {
            let _ = durable::remove(&durable::with_ending(&partial, ending));
        }
    }
    result
}

fn copy(
    plan: &Plan<'_>,
    partial: &Path,
    go_on: &dyn Fn() -> bool,
    made: &mut Vec<PathBuf>,
) -> Result<BackupReport, BackupError> {
    durable::remove(partial).map_err(failed("remove what is left of", partial))?;
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(partial)
        .map_err(failed("make", partial))?;
    let source = schema::open_reader(&plan.data_dir.join("ledger.db"))?;
    copy_pages(&source, partial, &file, go_on)?;
    let contents = check(partial)?;
    file.sync_all().map_err(failed("flush", partial))?;
    drop(file);
    let (bytes, blake3) = hash(partial).map_err(failed("read", partial))?;
    for (name, to, secret) in companions(plan.target) {
        let from = plan.data_dir.join(name);
        if (secret && !plan.with_key) || !from.exists() {
            continue;
        }
        copy_private(&from, &to).map_err(failed("write", &to))?;
        made.push(to);
    }
    durable::finish(partial, plan.target).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Exists(plan.target.to_owned()),
        _ => failed("write", plan.target)(source),
    })?;
    Ok(BackupReport {
        file: plan.target.to_owned(),
        contents,
        bytes,
        blake3,
        companions: made.clone(),
    })
}

fn copy_pages(
    source: &Connection,
    partial: &Path,
    file: &File,
    go_on: &dyn Fn() -> bool,
) -> Result<(), BackupError> {
    // One read transaction for all steps: without it, every commit of the writer would begin the copy anew.
    let snapshot = source.unchecked_transaction()?;
    reader::position(&snapshot)?;
    let mut target = Connection::open_with_flags(partial, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    target.pragma_update(None, "journal_mode", "off")?;
    target.pragma_update(None, "synchronous", "off")?;
    target.pragma_update(None, "cache_size", -COPY_CACHE_KIB)?;
    let backup = Backup::new(&snapshot, &mut target)?;
    loop {
        match backup.step(PAGES_PER_STEP)? {
            StepResult::Done => return Ok(()),
            StepResult::More => {
                file.sync_data().map_err(failed("flush", partial))?;
            }
            // Nobody else has the copy, and a reader is not locked out.
            _ => return Err(BackupError::Busy),
        }
        if !go_on() {
            return Err(BackupError::Stopped);
        }
    }
}

/// Makes the copy a file that needs none beside it, and reads all of it: its pages are as `SQLite` wrote them, and its chain
/// ends where the last commit says.
fn check(partial: &Path) -> Result<Contents, BackupError> {
    let connection = Connection::open_with_flags(partial, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "journal_mode", "delete")?;
    sound(&connection, Thoroughness::Pages)?;
    contents(&connection)
}

/// How much of a file is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Thoroughness {
    /// Every page and row.
    Pages,
    /// And whether indexes say the same as rows.
    Indexes,
}

/// Whether a file is as `SQLite` wrote it.
pub(super) fn sound(
    connection: &Connection,
    thoroughness: Thoroughness,
) -> Result<(), BackupError> {
    let pragma = match thoroughness {
        Thoroughness::Pages => "pragma quick_check(1)",
        Thoroughness::Indexes => "pragma integrity_check(1)",
    };
    let found: String = connection.query_row(pragma, [], |row| row.get(0))?;
    if found == "ok" {
        Ok(())
    } else {
        Err(BackupError::Damaged(found))
    }
}

/// What is in a ledger, and whether its newest event is there.
pub(super) fn contents(connection: &Connection) -> Result<Contents, BackupError> {
    let position = reader::position(connection)?;
    let found = reader::hash_at(
        connection,
        position.producer,
        position.epoch,
        position.head.last_seq,
    )?;
    if found != Some(position.head.hash) {
        return Err(BackupError::Damaged(format!(
            "event {} of epoch {} is not the one that was committed last",
            position.head.last_seq, position.epoch
        )));
    }
    let (events, newest): (u64, Option<i64>) = connection.query_row(
        "select (select count(*) from event),
                (select recorded_at from event order by position desc limit 1)",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok(Contents {
        agent_id: AgentId::from_uuid(position.producer.uuid()),
        plant_code: connection.query_row("select plant_code from meta", [], |row| row.get(0))?,
        epoch: position.epoch,
        head_seq: position.head.last_seq,
        head_hash: position.head.hash,
        acknowledged_seq: position.acknowledged,
        events,
        newest_recorded_at: newest.map(super::text::instant).transpose()?,
    })
}

impl Reader {
    /// Reads every page; an error says which is not as `SQLite` wrote it.
    pub fn check_pages(&self) -> Result<(), LedgerError> {
        sound(&self.connection, Thoroughness::Pages).map_err(|error| match error {
            BackupError::Ledger(error) => error,
            other => LedgerError::Damaged {
                what: other.to_string(),
            },
        })
    }

    /// What is in this ledger.
    pub fn contents(&self) -> Result<Contents, BackupError> {
        contents(&self.connection)
    }
}

/// Files of the data folder, what they are called beside a backup, and whether they are secret.
pub(super) fn companions(target: &Path) -> impl Iterator<Item = (&'static str, PathBuf, bool)> {
    COMPANIONS.into_iter().map(|(name, secret)| {
        let to = durable::with_ending(target, &format!(".{name}"));
        (name, to, secret)
    })
}

/// Copies a small file for this user alone, whole or not at all.
pub(super) fn copy_private(from: &Path, to: &Path) -> io::Result<()> {
    let partial = durable::partial(to);
    durable::remove(&partial)?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(&partial)?;
    io::copy(&mut File::open(from)?, &mut file)?;
    file.sync_all()?;
    durable::finish(&partial, to)
}

fn hash(path: &Path) -> io::Result<(u64, Hash)> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    Ok((
        hasher.count(),
        Hash::from_bytes(*hasher.finalize().as_bytes()),
    ))
}

/// Dropped with the process, however that ends.
fn lock(data_dir: &Path) -> Result<File, BackupError> {
    let path = data_dir.join("backup.lock");
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(FILE_MODE)
        .open(&path)
        .map_err(failed("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(BackupError::Busy),
        Err(std::fs::TryLockError::Error(source)) => Err(failed("lock", &path)(source)),
    }
}

pub(super) fn failed(what: &'static str, path: &Path) -> impl Fn(io::Error) -> BackupError {
    let path = Arc::<Path>::from(path);
    move |source| BackupError::File {
        what,
        path: path.to_path_buf(),
        source,
    }
}

/// Removes a backup and what was copied beside it.
pub(crate) fn remove(backup: &Path) -> io::Result<()> {
    durable::remove(backup)?;
    for (_, companion, _) in companions(backup) {
        durable::remove(&companion)?;
    }
    Ok(())
}
