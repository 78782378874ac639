//! The SQL of `telemetry.db`. Owned by the writer thread (`buffer.rs`); nothing else opens the file.
//!
//! Samples go into the journal (`journal.rs`), durable at once, then into a `block`: one compressed
//! [`TelemetryBlock`]. Block numbers are dense per epoch. A block that had to be dropped before it
//! was delivered leaves its number behind (`delivery.rs`).
//!
//! Limits: [`BLOCK_SAMPLES_MAX`] samples per block, those of `series.rs`.

use std::collections::HashMap;
use std::path::Path;

use agog_sync::frame::{self, SeriesKey, TelemetryBlock};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rusqlite::{Connection, Transaction, params};

use super::journal::{self, Journal, Stored};
use super::series::{Series, keep_newest, read_series, series_key, series_of};
use super::{Limits, Sample};

/// A block closes at this many samples: about 30 KiB compressed, a fraction of one request.
pub(super) const BLOCK_SAMPLES_MAX: usize = 4_096;

/// A step on `telemetry.db` failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("cannot open telemetry buffer `{path}`")]
    Open {
        path: String,
        #[source]
        source: rusqlite::Error,
    },
    #[error("telemetry buffer refused to {step}")]
    Sql {
        step: &'static str,
        #[source]
        source: rusqlite::Error,
    },
    #[error("telemetry journal is damaged before sample {0}")]
    Journal(i64),
    #[error("telemetry block cannot be written")]
    Encode(#[source] frame::FrameError),
}

/// Gives a failed statement the name of its step.
pub(super) fn step(step: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |source| StoreError::Sql { step, source }
}

/// What one append did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Appended {
    pub(super) stored: u64,
    /// Redelivered by the broker and already stored.
    pub(super) repeated: u64,
    /// Beyond [`SERIES_MAX`].
    pub(super) refused: u64,
}

/// Where the buffer stands.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Standing {
    pub epoch: u64,
    /// The newest closed block; 0 before the first.
    pub last_block: u64,
    /// The newest block that the hub has.
    pub acked_block: u64,
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
}

impl Store {
    pub(super) fn open(path: &Path, limits: Limits, rng: StdRng) -> Result<Self, StoreError> {
        let opened = |source| StoreError::Open {
            path: path.display().to_string(),
            source,
        };
        let connection = Connection::open(path).map_err(opened)?;
        connection
            .execute_batch(include_str!("schema.sql"))
            .map_err(opened)?;
        journal::take_over_rows(&connection)?;
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
        };
        store.reload()?;
        // What a stopped program left open has waited long enough.
        store.open_since = (store.journal.open() > 0).then_some(Timestamp::UNIX_EPOCH);
        Ok(store)
    }

    /// Makes the memory what the file is.
    fn reload(&mut self) -> Result<(), StoreError> {
        self.series = read_series(&self.connection).map_err(step("read the series"))?;
        self.journal = Journal::read(&self.connection)?;
        let mut by_id: HashMap<u32, &mut Series> = self
            .series
            .values_mut()
            .map(|series| (series.series_id, series))
            .collect();
        for sample in self.journal.samples() {
            if let Some(series) = by_id.get_mut(&sample.series_id) {
                series.tell(sample.at_us, sample.value);
            }
        }
        Ok(())
    }

    /// The newest stored value of every series.
    pub(super) fn newest(&self) -> impl Iterator<Item = (&SeriesKey, Timestamp, f64)> {
        self.series.iter().filter_map(|(key, series)| {
            let (at_us, value) = series.newest?;
            Some((key, timestamp(at_us), value))
        })
    }

    /// Stores samples and closes blocks that are full; one commit.
    pub(super) fn append(
        &mut self,
        samples: &[Sample],
        now: Timestamp,
    ) -> Result<Appended, StoreError> {
        let appended = self.try_append(samples, now);
        if appended.is_err() {
            // The memory may be ahead of the file after a commit that failed.
            self.reload()?;
        }
        appended
    }

    fn try_append(&mut self, samples: &[Sample], now: Timestamp) -> Result<Appended, StoreError> {
        let mut done = Appended::default();
        let Self {
            connection,
            series,
            journal,
            ..
        } = self;
        let was_open = journal.open() > 0;
        let transaction = connection.transaction().map_err(step("begin"))?;
        let mut fresh = Vec::with_capacity(samples.len());
        for sample in samples {
            let Some(series) = series_of(&transaction, series, &sample.series)? else {
                done.refused += 1;
                continue;
            };
            let stored = Stored {
                series_id: series.series_id,
                at_us: sample.at.as_microsecond(),
                value: sample.value,
            };
            // What is newer than everything of its series was never stored.
            let may_be_known = series
                .newest
                .is_some_and(|(at_us, _)| stored.at_us <= at_us);
            if sample.redelivered
                && may_be_known
                && (journal.has(&stored) || fresh.contains(&stored))
            {
                done.repeated += 1;
                continue;
            }
            series.tell(stored.at_us, stored.value);
            fresh.push(stored);
        }
        done.stored = fresh.len() as u64;
        journal.append(&transaction, fresh)?;
        let mut bytes = 0;
        while journal.open() >= BLOCK_SAMPLES_MAX {
            bytes += close_block(&transaction, journal, now)?;
        }
        transaction.commit().map_err(step("commit samples"))?;
        if bytes > 0 || !was_open {
            self.open_since = (journal.open() > 0).then_some(now);
        }
        self.bytes += bytes;
        Ok(done)
    }

    /// Closes the open block when it is older than the limit, or always with `force`.
    pub(super) fn close_due(&mut self, now: Timestamp, force: bool) -> Result<bool, StoreError> {
        let due = self
            .open_since
            .is_some_and(|since| force || now.duration_since(since) >= self.limits.block_age);
        if !due || self.journal.open() == 0 {
            return Ok(false);
        }
        let closed = self.try_close(now);
        if closed.is_err() {
            self.reload()?;
        }
        self.bytes += closed?;
        self.open_since = None;
        Ok(true)
    }

    fn try_close(&mut self, now: Timestamp) -> Result<u64, StoreError> {
        let transaction = self.connection.transaction().map_err(step("begin"))?;
        let bytes = close_block(&transaction, &mut self.journal, now)?;
        transaction.commit().map_err(step("commit a block"))?;
        Ok(bytes)
    }

    pub(super) fn standing(&self) -> Result<Standing, StoreError> {
        self.connection
            .query_row(
                "select epoch, last_block, acked_block, (select count(*) from gap),
                   (select first_us from block order by block limit 1) from standing",
                [],
                |row| {
                    Ok(Standing {
                        epoch: row.get::<_, i64>(0)?.cast_unsigned(),
                        last_block: row.get::<_, i64>(1)?.cast_unsigned(),
                        acked_block: row.get::<_, i64>(2)?.cast_unsigned(),
                        open_samples: self.journal.open(),
                        bytes: self.bytes,
                        oldest: row.get::<_, Option<i64>>(4)?.map(timestamp),
                        gaps: row.get(3)?,
                    })
                },
            )
            .map_err(step("read where it stands"))
    }
}

/// Moves the open samples, at most [`BLOCK_SAMPLES_MAX`], into a new block; returns its compressed
/// size.
fn close_block(
    transaction: &Transaction<'_>,
    journal: &mut Journal,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let number: i64 = transaction
        .query_row(
            "update standing set last_block = last_block + 1 returning last_block",
            [],
            |row| row.get(0),
        )
        .map_err(step("number a block"))?;
    let mut block = empty_block(number.cast_unsigned());
    let mut index_of: HashMap<u32, u32> = HashMap::new();
    let mut newest: HashMap<u32, (i64, f64)> = HashMap::new();
    let mut first_us = i64::MAX;
    let mut last_us = i64::MIN;
    let mut count = 0_usize;
    for sample in journal.oldest_open(BLOCK_SAMPLES_MAX) {
        let Stored {
            series_id,
            at_us,
            value,
        } = *sample;
        let index = if let Some(index) = index_of.get(&series_id) {
            *index
        } else {
            // At most BLOCK_SAMPLES_MAX series can be in one block.
            let index = u32::try_from(block.series.len()).unwrap_or(u32::MAX);
            block.series.push(series_key(transaction, series_id)?);
            index_of.insert(series_id, index);
            index
        };
        first_us = first_us.min(at_us);
        last_us = last_us.max(at_us);
        let entry = newest.entry(series_id).or_insert((at_us, value));
        if at_us >= entry.0 {
            *entry = (at_us, value);
        }
        block.series_index.push(index);
        block.time_us.push(at_us);
        block.value.push(value);
        count += 1;
    }
    let body = frame::encode(&block).map_err(StoreError::Encode)?;
    let stored = i64::try_from(count).unwrap_or(i64::MAX);
    transaction
        .execute(
            "insert into block (block, first_us, last_us, closed_us, sample_count, body)
             values (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                number,
                first_us,
                last_us,
                now.as_microsecond(),
                stored,
                body
            ],
        )
        .map_err(step("store a block"))?;
    keep_newest(transaction, newest)?;
    journal.close(transaction, count)?;
    Ok(u64::try_from(body.len()).unwrap_or(u64::MAX))
}

pub(super) fn empty_block(block: u64) -> TelemetryBlock {
    TelemetryBlock {
        block,
        series: Vec::new(),
        series_index: Vec::new(),
        time_us: Vec::new(),
        value: Vec::new(),
    }
}

/// Stored times were instants when they were written; one out of range is a damaged row.
pub(super) fn timestamp(at_us: i64) -> Timestamp {
    Timestamp::from_microsecond(at_us).unwrap_or(Timestamp::UNIX_EPOCH)
}
