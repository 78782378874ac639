//! A ledger out of what is left of a damaged one, while no agent runs.
//!
//! It begins with the newest backup that is proven, or with an empty ledger of the same agent. Every event of the damaged
//! file that its hash proves (`found`) is added: those that follow on the chain in their places, those behind a hole sealed
//! again in a new epoch, as after a disk was set back; their old forms are kept aside. What is still missing is fetched back
//! from the hub at the next contact, by the numbers of the epochs before. The damaged file is kept; the new one takes its
//! place by one rename (`restore`).
//!
//! What is lost is known exactly, as far as the damaged file says where it ended: the numbers that are neither here nor,
//! once everything has come back, at the hub ([`SalvageStatus`]).

mod at_rest;
mod carve;
mod found;
mod pages;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use agog_sync::chain::ChainHead;
use agog_sync::clock::Clock;
use agog_sync::frame::LedgerAck;
use agog_sync::ids::{AgentId, ProducerId};
use agog_sync::quantity::Material;
use jiff::Timestamp;
use rand::rngs::StdRng;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};

use super::backup::{self, BackupError, Contents, failed};
use super::damage;
use super::error::LedgerError;
use super::reader::{self, Reader};
use super::recovery::{self, FetchBack, NewEpoch};
use super::restore::{self, RestoreError};
use super::{Ledger, text};
use crate::durable;
use at_rest::AtRest;
use found::Found;
use pages::Pages;

/// A copy of the damaged file that `SQLite` may touch.
const LOOKED_AT: &str = "ledger.db.looked-at";

/// What a disk answers that cannot read what it has (`EIO`).
const BAD_SECTOR: i32 = 5;

/// Ranges of lost numbers that are told of one epoch; the count is of all.
const RANGES_MAX: usize = 100;

/// Why nothing was salvaged. The files are as they were.
#[derive(Debug, thiserror::Error)]
pub enum SalvageError {
    #[error(transparent)]
    Restore(#[from] RestoreError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("cannot read `{path}`")]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(
        "nothing says whose ledger this was: there is no backup, no enrolment, and the file does not say it; restore a \
         backup with `ledger restore`, or begin anew with `init` in another folder"
    )]
    Nobody,
}

impl From<rusqlite::Error> for SalvageError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Ledger(error.into())
    }
}

impl From<BackupError> for SalvageError {
    fn from(error: BackupError) -> Self {
        Self::Restore(error.into())
    }
}

/// What to salvage, and with what.
pub struct Plan<'a> {
    pub data_dir: &'a Path,
    /// The first that is proven is the beginning.
    pub backups: Vec<PathBuf>,
    /// Who this is by its enrolment.
    pub enrolled: Option<AgentId>,
    pub plant_code: &'a str,
    pub materials: BTreeMap<String, Material>,
    pub clock: Arc<dyn Clock>,
    pub rng: StdRng,
}

/// What became of a ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SalvageReport {
    /// The file is as it was written: nothing was done but to take the mark away.
    pub was_whole: bool,
    /// What is in the ledger now.
    pub contents: Contents,
    /// Where the damaged files are.
    pub kept: Option<PathBuf>,
    /// What it began with; none: with an empty ledger.
    pub backup: Option<PathBuf>,
    /// Backups that were not used, each with the reason.
    pub refused: Vec<String>,
    /// Events that could be read in the damaged file, how many of them were not in the backup, and how many of those
    /// stand behind a hole and were sealed again.
    pub found: u64,
    pub added: u64,
    pub sealed_again: u64,
    /// Pages that the disk did not give.
    pub unreadable_pages: u64,
    /// What is not here.
    pub loss: SalvageStatus,
}

/// What a salvaged ledger lacks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SalvageStatus {
    pub salvaged_at: Option<Timestamp>,
    /// The damaged file said where it ended. Otherwise there may have been newer events that nobody knows of.
    pub end_known: bool,
    /// Epochs of which events are missing.
    pub epochs: Vec<EpochLoss>,
}

/// Events of an epoch that are not here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochLoss {
    pub epoch: u64,
    /// The newest event that there is known to have been.
    pub known_end: u64,
    pub missing: u64,
    /// The first and last number of each hole, at most a hundred.
    pub ranges: Vec<(u64, u64)>,
    /// What the hub has is back: these are nowhere.
    pub is_final: bool,
}

/// Salvages the ledger of `data_dir`. The caller holds the lock of the folder.
pub fn salvage(mut plan: Plan<'_>) -> Result<SalvageReport, SalvageError> {
    restore::finish(plan.data_dir)?;
    let ledger = plan.data_dir.join("ledger.db");
    if !ledger.exists() {
        return Err(LedgerError::Missing { path: ledger }.into());
    }
    if let Some(contents) = whole(plan.data_dir, &ledger)? {
        damage::unmark(plan.data_dir).map_err(failed("remove the mark in", plan.data_dir))?;
        return Ok(SalvageReport {
            was_whole: true,
            contents,
            kept: None,
            backup: None,
            refused: Vec::new(),
            found: 0,
            added: 0,
            sealed_again: 0,
            unreadable_pages: 0,
            loss: SalvageStatus::default(),
        });
    }
    let pages = Pages::open(&ledger).map_err(|source| SalvageError::Read {
        path: ledger.clone(),
        source,
    })?;
    let found = Found::on(&pages)?;
    let candidate = plan.data_dir.join(restore::CANDIDATE);
    let result = rebuild(&mut plan, &found, &candidate);
    let mut report = match result {
        Ok(report) => report,
        Err(error) => {
            restore::clear(&candidate)?;
            return Err(error);
        }
    };
    report.kept = restore::put_in_place(plan.data_dir, &candidate, plan.clock.now())?;
    Ok(report)
}

/// What is in the file, when nothing is wrong with it. `SQLite` looks at a copy, because it may change what it opens.
fn whole(data_dir: &Path, ledger: &Path) -> Result<Option<Contents>, SalvageError> {
    let copy = data_dir.join(LOOKED_AT);
    restore::clear(&copy)?;
    let looked = || -> Result<Contents, RestoreError> {
        for ending in ["", "-wal"] {
            let from = durable::with_ending(ledger, ending);
            if from.exists() {
                let to = durable::with_ending(&copy, ending);
                backup::copy_private(&from, &to).map_err(failed("copy", &from))?;
            }
        }
        restore::prove(&copy)
    };
    let contents = looked();
    restore::clear(&copy)?;
    match contents {
        Ok(contents) => Ok(Some(contents)),
        // There is no room for a copy: that says nothing about the file.
        Err(RestoreError::Backup(BackupError::File { source, .. }))
            if source.raw_os_error() != Some(BAD_SECTOR) =>
        {
            Err(SalvageError::Read {
                path: ledger.to_owned(),
                source,
            })
        }
        // Whatever else is wrong with it: it is not whole.
        Err(_) => Ok(None),
    }
}

fn rebuild(
    plan: &mut Plan<'_>,
    found: &Found,
    candidate: &Path,
) -> Result<SalvageReport, SalvageError> {
    let (backup, refused) = begin(plan, found, candidate)?;
    let mut at_rest = AtRest::open(
        candidate,
        plan.materials.clone(),
        plan.clock.clone(),
        rand::SeedableRng::from_rng(&mut plan.rng),
    )?;
    let position = at_rest.position();
    let producer = position.producer;
    let mut ends = found.ends(producer)?;
    let mut note = |epoch, seq| {
        let end = ends.entry(epoch).or_insert(seq);
        *end = seq.max(*end);
    };
    note(position.epoch, position.head.last_seq);
    let end_known = found.end.filter(|(of, ..)| *of == producer);
    if let Some((_, epoch, seq)) = end_known {
        note(epoch, seq);
    }

    // What follows on the chains, epoch by epoch.
    let mut added = 0;
    for epoch in ends.keys().copied() {
        added += follow(&mut at_rest, found, producer, epoch)?;
    }
    let newest = ends.keys().copied().max().unwrap_or(position.epoch);
    let common = at_rest.change(|connection, _| last_seq(connection, producer, position.epoch))?;
    let hub = LedgerAck {
        epoch: newest,
        last_seq: ends.get(&newest).copied().unwrap_or_default(),
        hash: position.head.hash,
        duplicate: false,
    };
    let new = NewEpoch {
        hub,
        common,
        reason: "salvaged",
    };
    at_rest.change(|connection, books| recovery::open_epoch(connection, books, &new))?;
    // What stands behind holes.
    let mut sealed_again = 0;
    for epoch in ends.keys().copied() {
        sealed_again += beyond(&mut at_rest, found, producer, epoch)?;
    }
    at_rest.change(|connection, books| {
        let now = books.clock.now().as_microsecond();
        for (epoch, end) in &ends {
            connection.execute(
                "insert into salvage (epoch, salvaged_at, known_end, end_known) values (?1, ?2, ?3, ?4)
                 on conflict (epoch) do update set salvaged_at = ?2, known_end = max(known_end, ?3), end_known = ?4",
                params![epoch, now, end, end_known.is_some()],
            )?;
        }
        Ok(())
    })?;
    drop(at_rest);
    let contents = restore::prove(candidate)?;
    let loss = Reader::open(candidate)?.salvage_status()?;
    Ok(SalvageReport {
        was_whole: false,
        contents,
        kept: None,
        backup,
        refused,
        found: found.count(producer)?,
        added: added + sealed_again,
        sealed_again,
        unreadable_pages: found.unreadable_pages,
        loss,
    })
}

/// Puts the newest proven backup where the new ledger is made, or an empty ledger of the same agent.
fn begin(
    plan: &Plan<'_>,
    found: &Found,
    candidate: &Path,
) -> Result<(Option<PathBuf>, Vec<String>), SalvageError> {
    let in_file = found
        .end
        .map(|(producer, ..)| AgentId::from_uuid(producer.uuid()));
    let expected = plan.enrolled.or(in_file);
    let mut refused = Vec::new();
    for backup in &plan.backups {
        restore::clear(candidate)?;
        let proven = backup::copy_private(backup, candidate)
            .map_err(failed("copy the backup to", candidate))
            .map_err(RestoreError::from)
            .and_then(|()| restore::prove(candidate));
        let why = match proven {
            Ok(contents) if expected.is_none_or(|agent| agent == contents.agent_id) => {
                return Ok((Some(backup.clone()), refused));
            }
            Ok(contents) => format!("it is of agent {}", contents.agent_id),
            Err(error) => error.to_string(),
        };
        refused.push(format!("`{}`: {why}", backup.display()));
    }
    restore::clear(candidate)?;
    let agent_id = expected.ok_or(SalvageError::Nobody)?;
    let plant_code = found.plant_code.as_deref().unwrap_or(plan.plant_code);
    Ledger::create(candidate, agent_id, plant_code, plan.clock.now())?;
    Ok((None, refused))
}

/// Adds the events of an epoch that follow what is here; tells how many.
fn follow(
    at_rest: &mut AtRest,
    found: &Found,
    producer: ProducerId,
    epoch: u64,
) -> Result<u64, LedgerError> {
    let mut added = 0;
    loop {
        let head = at_rest.change(|connection, _| {
            let last_seq = last_seq(connection, producer, epoch)?;
            let hash = reader::hash_at(connection, producer, epoch, last_seq)?;
            let hash = hash.ok_or_else(|| text::malformed("epoch", "its newest event is gone"))?;
            Ok(ChainHead { last_seq, hash })
        })?;
        let page = found.after(producer, epoch, head)?;
        if page.is_empty() {
            return Ok(added);
        }
        added += page.len() as u64;
        let asked = FetchBack {
            epoch,
            after: head.last_seq,
        };
        at_rest.change(|connection, books| recovery::take_back(connection, books, asked, &page))?;
    }
}

/// Seals events again that stand behind a hole in their epoch; tells how many.
fn beyond(
    at_rest: &mut AtRest,
    found: &Found,
    producer: ProducerId,
    epoch: u64,
) -> Result<u64, LedgerError> {
    let end = at_rest.change(|connection, _| last_seq(connection, producer, epoch))?;
    let mut after = end;
    let mut sealed = 0;
    loop {
        let page = found.beyond(producer, epoch, after)?;
        let Some(last) = page.last() else {
            return Ok(sealed);
        };
        after = last.seq;
        sealed += at_rest.change(|connection, books| {
            recovery::seal_found_again(connection, books, epoch, end + 1, &page)
        })?;
    }
}

/// The newest event of an epoch of ours that is here; 0 for none.
fn last_seq(connection: &Connection, producer: ProducerId, epoch: u64) -> Result<u64, LedgerError> {
    Ok(connection.query_row(
        "select coalesce(max(seq), 0) from event where producer_id = ?1 and epoch = ?2",
        params![producer.to_string(), epoch],
        |row| row.get(0),
    )?)
}

impl Reader {
    /// What a salvaged ledger lacks; nothing for one that never was.
    pub fn salvage_status(&self) -> Result<SalvageStatus, LedgerError> {
        let producer = self.position()?.producer;
        let mut query = self.connection.prepare_cached(
            "select epoch, salvaged_at, known_end, end_known from salvage order by epoch",
        )?;
        let mut found = query.query([])?;
        let mut status = SalvageStatus {
            end_known: true,
            ..SalvageStatus::default()
        };
        while let Some(row) = found.next()? {
            let (epoch, known_end): (u64, u64) = (row.get(0)?, row.get(2)?);
            let at = text::instant(row.get(1)?)?;
            status.salvaged_at = status.salvaged_at.max(Some(at));
            status.end_known &= row.get::<_, bool>(3)?;
            let here_to = last_seq(&self.connection, producer, epoch)?;
            let holes = self.holes(epoch, here_to, known_end)?;
            let missing = holes.iter().map(|(first, last)| last + 1 - first).sum();
            if missing > 0 {
                let ranges = holes.into_iter().take(RANGES_MAX).collect();
                status.epochs.push(EpochLoss {
                    epoch,
                    known_end,
                    missing,
                    ranges,
                    is_final: self.is_back(epoch)?,
                });
            }
        }
        Ok(status)
    }

    /// The numbers after `here_to` of which nothing is kept aside either. The chain before has no holes.
    fn holes(
        &self,
        epoch: u64,
        here_to: u64,
        known_end: u64,
    ) -> Result<Vec<(u64, u64)>, LedgerError> {
        let mut query = self.connection.prepare_cached(
            "select distinct seq from event_aside where epoch = ?1 and seq > ?2 and seq <= ?3 order by seq",
        )?;
        let kept = query.query_map(params![epoch, here_to, known_end], |row| row.get(0))?;
        let mut holes = Vec::new();
        let mut next = here_to + 1;
        for seq in kept {
            let seq: u64 = seq?;
            if next < seq {
                holes.push((next, seq - 1));
            }
            next = seq + 1;
        }
        if next <= known_end {
            holes.push((next, known_end));
        }
        Ok(holes)
    }

    fn is_back(&self, epoch: u64) -> Result<bool, LedgerError> {
        let finished: Option<Option<i64>> = self
            .connection
            .prepare_cached("select finished_at from fetch_back where epoch = ?1")?
            .query_row([epoch], |row| row.get(0))
            .optional()?;
        Ok(finished.flatten().is_some())
    }
}

impl EpochLoss {
    /// The numbers, for people.
    pub fn numbers(&self) -> String {
        let range = |(first, last): &(u64, u64)| {
            if first == last {
                first.to_string()
            } else {
                format!("{first} to {last}")
            }
        };
        let ranges: Vec<_> = self.ranges.iter().map(range).collect();
        format!(
            "{} events of epoch {} ({})",
            self.missing,
            self.epoch,
            ranges.join(", ")
        )
    }
}
