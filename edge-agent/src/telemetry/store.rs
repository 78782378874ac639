//! The SQL of `telemetry.db`. Owned by the writer thread (`buffer.rs`); nothing else opens the file.
//!
//! Samples are rows of `sample` (durable at once), then also go into a `block`: one compressed
//! [`TelemetryBlock`]. The newest rows stay, so that a sample that is delivered again is known. Block numbers are dense per epoch. A block that had to be
//! dropped before it was delivered leaves its number behind (`delivery.rs`).
//!
//! Limits: [`BLOCK_SAMPLES_MAX`] samples per block, those of `series.rs`.

use std::collections::HashMap;
use std::path::Path;

use agog_sync::frame::{self, SeriesKey, TelemetryBlock};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rusqlite::{Connection, Transaction, params};

use super::series::{Series, read_series, remember_newest, series_of};
use super::{Limits, Sample};

/// A block closes at this many samples: about 30 KiB compressed, a fraction of one request.
pub(super) const BLOCK_SAMPLES_MAX: u32 = 4_096;

/// A sample that is delivered again is known among so many newest ones: more than any broker has
/// unacknowledged at one time.
const REMEMBERED_SAMPLES: i64 = 65_536;

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
    #[error("telemetry block {block} cannot be read back")]
    Block {
        block: u64,
        #[source]
        source: frame::FrameError,
    },
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
    pub open_samples: u32,
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
    pub(super) limits: Limits,
    pub(super) rng: StdRng,
    open_samples: u32,
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
        let series = read_series(&connection).map_err(opened)?;
        let open_samples: u32 = connection
            .query_row(
                "select count(*) from sample, standing where sample_id > closed_sample_id",
                [],
                |row| row.get(0),
            )
            .map_err(opened)?;
        let bytes: i64 = connection
            .query_row(
                "select coalesce(sum(length(body)), 0) from block",
                [],
                |row| row.get(0),
            )
            .map_err(opened)?;
        Ok(Self {
            connection,
            series,
            limits,
            rng,
            open_samples,
            // What a stopped program left open has waited long enough.
            open_since: (open_samples > 0).then_some(Timestamp::UNIX_EPOCH),
            bytes: bytes.cast_unsigned(),
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
            // The series in memory may be ahead of the file after a commit that failed.
            self.series = read_series(&self.connection).map_err(step("read the series"))?;
        }
        appended
    }

    fn try_append(&mut self, samples: &[Sample], now: Timestamp) -> Result<Appended, StoreError> {
        let mut done = Appended::default();
        let transaction = self.connection.transaction().map_err(step("begin"))?;
        let mut open = self.open_samples;
        let mut open_since = self.open_since;
        let mut bytes = self.bytes;
        {
            let mut insert = transaction
                .prepare_cached("insert into sample (series_id, at_us, value) values (?1, ?2, ?3)")
                .map_err(step("prepare a sample"))?;
            let mut known = transaction
                .prepare_cached(
                    "select 1 from sample where series_id = ?1 and at_us = ?2 and value = ?3",
                )
                .map_err(step("prepare a repeat"))?;
            for sample in samples {
                let at_us = sample.at.as_microsecond();
                let Some(series) = series_of(&transaction, &mut self.series, &sample.series)?
                else {
                    done.refused += 1;
                    continue;
                };
                let row = params![series.series_id, at_us, sample.value];
                if sample.redelivered && known.exists(row).map_err(step("find a repeat"))? {
                    done.repeated += 1;
                    continue;
                }
                insert.execute(row).map_err(step("store a sample"))?;
                open += 1;
                open_since.get_or_insert(now);
                done.stored += 1;
                if open >= BLOCK_SAMPLES_MAX {
                    bytes += close_block(&transaction, now)?;
                    open = 0;
                    open_since = None;
                }
            }
            remember_newest(&transaction, &self.series, samples)?;
        }
        transaction.commit().map_err(step("commit samples"))?;
        self.open_samples = open;
        self.open_since = open_since;
        self.bytes = bytes;
        Ok(done)
    }

    /// Closes the open block when it is older than the limit, or always with `force`.
    pub(super) fn close_due(&mut self, now: Timestamp, force: bool) -> Result<bool, StoreError> {
        let due = self
            .open_since
            .is_some_and(|since| force || now.duration_since(since) >= self.limits.block_age);
        if !due || self.open_samples == 0 {
            return Ok(false);
        }
        let transaction = self.connection.transaction().map_err(step("begin"))?;
        let bytes = close_block(&transaction, now)?;
        transaction.commit().map_err(step("commit a block"))?;
        self.bytes += bytes;
        self.open_samples = 0;
        self.open_since = None;
        Ok(true)
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
                        open_samples: self.open_samples,
                        bytes: self.bytes,
                        oldest: row.get::<_, Option<i64>>(4)?.map(timestamp),
                        gaps: row.get(3)?,
                    })
                },
            )
            .map_err(step("read where it stands"))
    }
}

/// Moves every open sample into a new block; returns its compressed size.
fn close_block(transaction: &Transaction<'_>, now: Timestamp) -> Result<u64, StoreError> {
    let number: i64 = transaction
        .query_row(
            "update standing set last_block = last_block + 1 returning last_block",
            [],
            |row| row.get(0),
        )
        .map_err(step("number a block"))?;
    let mut block = empty_block(number.cast_unsigned());
    let mut index_of: HashMap<i64, u32> = HashMap::new();
    let mut first_us = i64::MAX;
    let mut last_us = i64::MIN;
    {
        let mut statement = transaction
            .prepare_cached(
                "select series_id, at_us, value, device, metric, unit
                 from sample join series using (series_id)
                 where sample_id > (select closed_sample_id from standing) order by sample_id",
            )
            .map_err(step("prepare open samples"))?;
        let mut rows = statement.query([]).map_err(step("read open samples"))?;
        while let Some(row) = rows.next().map_err(step("read an open sample"))? {
            let get = step("read an open sample");
            let series_id: i64 = row.get(0).map_err(&get)?;
            let index = if let Some(index) = index_of.get(&series_id) {
                *index
            } else {
                let unit: String = row.get(5).map_err(&get)?;
                // At most BLOCK_SAMPLES_MAX series can be in one block.
                let index = u32::try_from(block.series.len()).unwrap_or(u32::MAX);
                block.series.push(SeriesKey {
                    device: row.get(3).map_err(&get)?,
                    metric: row.get(4).map_err(&get)?,
                    unit: (!unit.is_empty()).then_some(unit),
                });
                index_of.insert(series_id, index);
                index
            };
            let at_us: i64 = row.get(1).map_err(&get)?;
            first_us = first_us.min(at_us);
            last_us = last_us.max(at_us);
            block.series_index.push(index);
            block.time_us.push(at_us);
            block.value.push(row.get(2).map_err(&get)?);
        }
    }
    let body = frame::encode(&block).map_err(StoreError::Encode)?;
    let count = i64::try_from(block.value.len()).unwrap_or(i64::MAX);
    transaction
        .execute(
            "insert into block (block, first_us, last_us, closed_us, sample_count, body)
             values (?1, ?2, ?3, ?4, ?5, ?6)",
            params![number, first_us, last_us, now.as_microsecond(), count, body],
        )
        .map_err(step("store a block"))?;
    transaction
        .execute(
            "update standing set closed_sample_id = (select max(sample_id) from sample)",
            [],
        )
        .map_err(step("close the samples"))?;
    transaction
        .execute(
            "delete from sample where sample_id <= (select closed_sample_id from standing) - ?1",
            params![REMEMBERED_SAMPLES],
        )
        .map_err(step("forget old samples"))?;
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
