//! Proves the ledger: every event is hashed again, every link of the chain is followed (`chain_check.rs`, on a thread of its
//! own), and what follows from the events is computed once more in memory and compared with what is stored: entries, uses,
//! edges, holds, containers, balances, and the books of each material (I8).
//!
//! Only movements of lots are read as JSON: of everything else the hash is enough. Rows that stand by the place of their
//! event are compared as sums of fingerprints (`verify/derived.rs`); memory grows with the number of lots, some 300 bytes for
//! each. The writer is not held up; its write-ahead log grows meanwhile.

mod compare;
mod computed;
mod derived;
mod replay;
mod stored;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use agog_sync::chain::ChainHead;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use self::derived::DerivedRows;
use self::replay::{Extent, replay};
use super::error::LedgerError;
use super::reader::{self, Reader};
use super::rows;
use super::{Position, chain_check, schema, text};

/// Problems beyond this number are only counted: one lost row can break thousands of links.
const PROBLEMS_MAX: usize = 50;

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// Our own events, in all epochs.
    pub events: u64,
    /// Events of ours that the hub has other ones for, kept aside and sealed again.
    #[serde(default)]
    pub aside_events: u64,
    /// Events of others that touch our lots.
    pub foreign_events: u64,
    pub lots: u64,
    pub epoch: u64,
    pub head: ChainHead,
    /// At most 50; empty when everything is as it was written.
    pub problems: Vec<VerifyProblem>,
    /// All problems, also those that are not listed.
    pub problem_count: u64,
}

/// One thing that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyProblem {
    /// The epoch and sequence number of the event, where one is to blame.
    pub epoch: Option<u64>,
    pub seq: Option<u64>,
    /// A sentence for people.
    pub what: String,
}

impl Reader {
    /// Verifies the whole ledger. Reads everything: seconds per million events.
    pub fn verify(&self) -> Result<Verification, LedgerError> {
        let connection = self.connection.unchecked_transaction()?;
        let position = reader::position(&connection)?;
        let path = connection.path().map(PathBuf::from);
        let path = path.ok_or(LedgerError::Stopped)?;
        // What is committed from now on is not looked at: the chain is followed up to this position.
        let (chain, rest) = std::thread::scope(|scope| {
            let chain = scope.spawn(|| chain_check::check(&schema::open_copy(&path)?, &position));
            let rest = verify_effects(&connection, &path, &position);
            (chain.join(), rest)
        });
        let (events, of_chain) = chain.map_err(|_| LedgerError::Stopped)??;
        let mut found = rest?;
        found.events = events;
        let effects = std::mem::replace(&mut found.problems, of_chain.listed);
        found.problems.extend(effects);
        found.problems.truncate(PROBLEMS_MAX);
        found.problem_count += of_chain.count;
        Ok(found)
    }
}

/// Computes again what follows from the events, on threads of its own, while the rows that are stored are read here.
fn verify_effects(
    connection: &Connection,
    path: &Path,
    position: &Position,
) -> Result<Verification, LedgerError> {
    let mut problems = Problems::default();
    let aside_events = check_aside(connection, position, &mut problems)?;
    let mut extent = Extent::of(connection, position)?;
    let none = || DerivedRows::new(extent.position, BTreeSet::new());
    let (replayed, stored) = std::thread::scope(|scope| {
        let replayed = scope.spawn(|| replay(path, &extent, none()));
        let stored = stored::rows_and_books(connection, none());
        (replayed.join(), stored)
    });
    let mut replayed = replayed.map_err(|_| LedgerError::Stopped)??;
    let (rows, unbalanced) = stored?;
    if !replayed.computed.unforeseen.is_empty() {
        extent.unforeseen = replayed.computed.unforeseen;
        replayed = replay(path, &extent, none())?;
    }
    problems.extend(replayed.problems);
    let spans = rows.differing_spans(&replayed.computed.rows, PROBLEMS_MAX);
    if !spans.is_empty() {
        let wanted = || DerivedRows::new(extent.position, spans.clone());
        let said = replay(path, &extent, wanted())?.computed.rows;
        let differing = stored::rows(connection, wanted())?.differing_places(&said);
        compare::name_rows(connection, differing, &mut problems)?;
    }
    compare::holds(connection, &replayed.computed, &mut problems)?;
    compare::containers(connection, &replayed.computed, &mut problems)?;
    let lots = compare::lots(connection, &replayed.computed, &mut problems)?;
    for sum in unbalanced {
        let material = sum.material.as_deref();
        let material = material.unwrap_or("lots of unknown material");
        let what = format!("the books of {material} in {} do not balance", sum.unit);
        problems.add(None, what);
    }
    Ok(Verification {
        events: 0,
        aside_events,
        foreign_events: replayed.foreign_events,
        lots,
        epoch: position.epoch,
        head: position.head,
        problems: problems.listed,
        problem_count: problems.count,
    })
}

/// What is not as it was written, so far.
#[derive(Debug, Default)]
pub(super) struct Problems {
    listed: Vec<VerifyProblem>,
    count: u64,
}

impl Problems {
    pub(super) fn add(&mut self, event: Option<(u64, u64)>, what: impl Into<String>) {
        self.count += 1;
        if self.listed.len() < PROBLEMS_MAX {
            self.listed.push(VerifyProblem {
                epoch: event.map(|(epoch, _)| epoch),
                seq: event.map(|(_, seq)| seq),
                what: what.into(),
            });
        }
    }

    fn extend(&mut self, others: Self) {
        self.listed.extend(others.listed);
        self.listed.truncate(PROBLEMS_MAX);
        self.count += others.count;
    }
}

/// Events that are kept aside are in no chain any more, but as they were sealed; and each of their facts is in the chain
/// under another number. Tells how many there are.
fn check_aside(
    connection: &Connection,
    position: &Position,
    problems: &mut Problems,
) -> Result<u64, LedgerError> {
    let mut query = connection.prepare(
        "select epoch, seq, event_id, kind, version, occurred_at, recorded_at, actor, payload,
                prev_hash, hash,
                exists (select 1 from event where event.event_id = event_aside.event_id)
         from event_aside order by epoch, seq",
    )?;
    let mut found = query.query([])?;
    let mut events = 0;
    while let Some(row) = found.next()? {
        events += 1;
        let event = (row.get(0)?, row.get(1)?);
        let sealed = rows::envelope(row, 1).and_then(|envelope| {
            envelope
                .verify(position.producer, event.0, &envelope.prev_hash)
                .map_err(|error| text::malformed("event", error))
        });
        if let Err(error) = sealed {
            problems.add(Some(event), error.to_string());
        }
        if !row.get::<_, bool>(11)? {
            let lost = format!("event {} was kept aside and not sealed again", event.1);
            problems.add(Some(event), lost);
        }
    }
    Ok(events)
}
