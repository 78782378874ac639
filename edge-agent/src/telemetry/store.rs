//! The SQL of `telemetry.db`. Owned by the writer thread (`buffer.rs`); nothing else opens the file.
//!
//! Samples go into the journal (`journal.rs`), durable at once, then into blocks (`closing.rs`): compressed columns as they are
//! sent. Block numbers are dense per epoch. A block that had to be dropped before it was delivered leaves its number behind
//! (`delivery.rs`, `shedding.rs`).
//!
//! Limits: `agog_sync::frame::BLOCK_SAMPLES_MAX` samples per block, those of `series.rs`.

use std::collections::HashMap;
use std::path::Path;

use agog_sync::frame::{BLOCK_SAMPLES_MAX, SeriesKey};
use agog_sync::telemetry::{AHEAD_OF_NOW_MAX, BodyError};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rusqlite::Connection;

use super::closing::close_open;
use super::journal::{Journal, Stored};
use super::refused::Refused;
use super::series::{Series, read_series, series_of};
use super::{Limits, Sample, migrate};

/// A step on `telemetry.db` failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("cannot open telemetry buffer `{path}`")]
    Open {
        path: String,
        #[source]
        source: rusqlite::Error,
    },
    #[error("telemetry buffer has form {0}: it was used by a newer program")]
    Newer(i64),
    #[error("telemetry buffer refused to {step}")]
    Sql {
        step: &'static str,
        #[source]
        source: rusqlite::Error,
    },
    #[error("telemetry journal is damaged before sample {0}")]
    Journal(i64),
    #[error("telemetry block cannot be written")]
    Encode(#[source] BodyError),
}

/// Gives a failed statement the name of its step.
pub(super) fn step(step: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |source| StoreError::Sql { step, source }
}

/// What one append did.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Appended {
    pub(super) stored: u64,
    /// Stored already.
    pub(super) repeated: u64,
    /// By the rule of their series.
    pub(super) left_out: u64,
    /// Not taken, and counted in the file.
    pub(super) refused: Refused,
}

/// Where the buffer stands.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The newest epoch: what is closed goes there.
    pub epoch: u64,
    /// Its newest closed block; 0 before the first.
    pub last_block: u64,
    /// Its newest block that was sent, whether or not the hub has it.
    pub sent_block: u64,
    /// Its newest block that the hub has.
    pub acked_block: u64,
    /// Blocks of older epochs wait.
    pub has_backlog: bool,
    pub open_samples: usize,
    /// Compressed bytes waiting.
    pub bytes: u64,
    /// First sample of the oldest block that waits.
    pub oldest: Option<Timestamp>,
    /// Gaps not yet in the ledger.
    pub gaps: u32,
}

/// The open file.
pub(super) struct Store {
    pub(super) connection: Connection,
    series: HashMap<SeriesKey, Series>,
    /// The newest samples, those of the open block last.
    journal: Journal,
    pub(super) limits: Limits,
    pub(super) rng: StdRng,
    open_since: Option<Timestamp>,
    pub(super) bytes: u64,
    /// Something failed, so the memory may have what the file has not.
    is_ahead: bool,
}

impl Store {
    pub(super) fn open(
        path: &Path,
        limits: Limits,
        rng: StdRng,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let opened = |source| StoreError::Open {
            path: path.display().to_string(),
            source,
        };
        let connection = Connection::open(path).map_err(opened)?;
        migrate::prepare(&connection)?;
        let bytes: i64 = connection
            .query_row(
                "select coalesce(sum(length(body)), 0) from block",
                [],
                |row| row.get(0),
            )
            .map_err(opened)?;
        let mut store = Self {
            connection,
            series: HashMap::new(),
            journal: Journal::default(),
            limits,
            rng,
            open_since: None,
            bytes: bytes.cast_unsigned(),
            is_ahead: true,
        };
        store.catch_up(now)?;
        // What a stopped program left open has waited long enough.
        store.open_since = (store.journal.open() > 0).then_some(Timestamp::UNIX_EPOCH);
        Ok(store)
    }

    /// Makes the memory what the file is, where something failed before. A sample of the memory alone would pass for one that
    /// comes again, and be lost.
    fn catch_up(&mut self, now: Timestamp) -> Result<(), StoreError> {
        if !self.is_ahead {
            return Ok(());
        }
        let mut series =
            read_series(&self.connection, &self.limits.rules).map_err(step("read the series"))?;
        for (key, series) in &mut series {
            series.left_out = self.series.get(key).map_or(0, |known| known.left_out);
            series.newest = series
                .newest
                .map(|(at_us, value)| (counts_at(at_us, now), value));
        }
        self.series = series;
        self.journal = Journal::read(&self.connection)?;
        let mut by_id: HashMap<u32, &mut Series> = self
            .series
            .values_mut()
            .map(|series| (series.id, series))
            .collect();
        for sample in self.journal.samples() {
            if let Some(series) = by_id.get_mut(&sample.series_id) {
                series.tell(counts_at(sample.at_us, now), sample.value);
            }
        }
        self.is_ahead = false;
        Ok(())
    }

    /// The newest stored value of every series.
    pub(super) fn newest(&self) -> impl Iterator<Item = (&SeriesKey, Timestamp, f64)> {
        self.series.iter().filter_map(|(key, series)| {
            let (at_us, value) = series.newest?;
            Some((key, timestamp(at_us), value))
        })
    }

    /// How many samples were left out of each series that has some.
    pub(super) fn left_out(&self) -> HashMap<SeriesKey, u64> {
        self.series
            .iter()
            .filter(|(_, series)| series.left_out > 0)
            .map(|(key, series)| (key.clone(), series.left_out))
            .collect()
    }

    /// Stores samples and closes blocks that are full; one commit.
    pub(super) fn append(
        &mut self,
        samples: &[Sample],
        now: Timestamp,
    ) -> Result<Appended, StoreError> {
        self.catch_up(now)?;
        let appended = self.try_append(samples, now);
        self.is_ahead = appended.is_err();
        self.catch_up(now)?;
        appended
    }

    fn try_append(&mut self, samples: &[Sample], now: Timestamp) -> Result<Appended, StoreError> {
        let mut done = Appended::default();
        let Self {
            connection,
            series,
            journal,
            limits,
            ..
        } = self;
        let was_open = journal.open() > 0;
        let transaction = connection.transaction().map_err(step("begin"))?;
        let mut fresh = Vec::with_capacity(samples.len());
        for sample in samples {
            let at_us = sample.at.as_microsecond();
            let series = match series_of(&transaction, series, &limits.rules, &sample.series)? {
                Ok(series) => series,
                Err(refusal) => {
                    done.refused.add(refusal, at_us);
                    continue;
                }
            };
            let stored = Stored {
                series_id: series.id,
                at_us,
                value: sample.value,
            };
            if journal.knows(&stored) {
                done.repeated += 1;
                continue;
            }
            let told_us = counts_at(at_us, now);
            // What our own clock said while it was ahead is no time to compare with.
            series.newest = series.newest.filter(|(at_us, _)| !is_to_come(*at_us, now));
            if series.keep.leaves_out(series.newest, told_us, stored.value) {
                series.left_out += 1;
                done.left_out += 1;
                continue;
            }
            series.tell(told_us, stored.value);
            journal.know(&stored);
            fresh.push(stored);
        }
        done.stored = fresh.len() as u64;
        journal.append(&transaction, fresh)?;
        done.refused.keep(&transaction, now)?;
        let mut bytes = 0;
        while journal.open() >= BLOCK_SAMPLES_MAX {
            bytes += close_open(&transaction, journal, &limits.rules, now)?;
        }
        transaction.commit().map_err(step("commit samples"))?;
        if bytes > 0 || !was_open {
            self.open_since = (journal.open() > 0).then_some(now);
        }
        self.bytes += bytes;
        Ok(done)
    }

    /// Closes the open samples when they are older than the limit, or always with `force`.
    pub(super) fn close_due(&mut self, now: Timestamp, force: bool) -> Result<bool, StoreError> {
        self.catch_up(now)?;
        let due = self
            .open_since
            .is_some_and(|since| force || now.duration_since(since) >= self.limits.block_age);
        if !due || self.journal.open() == 0 {
            return Ok(false);
        }
        let closed = self.try_close(now);
        self.is_ahead = closed.is_err();
        self.catch_up(now)?;
        self.bytes += closed?;
        self.open_since = None;
        Ok(true)
    }

    fn try_close(&mut self, now: Timestamp) -> Result<u64, StoreError> {
        let transaction = self.connection.transaction().map_err(step("begin"))?;
        let bytes = close_open(&transaction, &mut self.journal, &self.limits.rules, now)?;
        transaction.commit().map_err(step("commit a block"))?;
        Ok(bytes)
    }

    pub(super) fn standing(&self) -> Result<Standing, StoreError> {
        self.connection
            .prepare_cached(
                "select epoch, last_block, acked_block, (select count(*) from gap),
                   (select first_us from block order by epoch, block limit 1),
                   exists (select 1 from block where block.epoch < epoch.epoch), sent_block
                 from epoch order by epoch desc limit 1",
            )
            .and_then(|mut query| {
                query.query_row([], |row| {
                    Ok(Standing {
                        epoch: row.get(0)?,
                        last_block: row.get(1)?,
                        acked_block: row.get(2)?,
                        has_backlog: row.get(5)?,
                        sent_block: row.get(6)?,
                        open_samples: self.journal.open(),
                        bytes: self.bytes,
                        oldest: row.get::<_, Option<i64>>(4)?.map(timestamp),
                        gaps: row.get(3)?,
                    })
                })
            })
            .map_err(step("read where it stands"))
    }
}

/// Whether a time is still to come, by more than clocks differ.
pub(super) fn is_to_come(at_us: i64, now: Timestamp) -> bool {
    let until = now.saturating_add(AHEAD_OF_NOW_MAX).unwrap_or(now);
    at_us > until.as_microsecond()
}

/// As of when a sample counts among those of its series: what is told for a time that is still to come counts as of when it came.
/// A wrong date must not stand against all that follows.
pub(super) fn counts_at(at_us: i64, now: Timestamp) -> i64 {
    if is_to_come(at_us, now) {
        now.as_microsecond()
    } else {
        at_us
    }
}

/// Stored times were instants when they were written; one out of range is a damaged row.
pub(super) fn timestamp(at_us: i64) -> Timestamp {
    Timestamp::from_microsecond(at_us).unwrap_or(Timestamp::UNIX_EPOCH)
}
