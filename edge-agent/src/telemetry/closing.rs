//! Makes blocks of the open samples: one for each priority that is among them, so that what matters less can be dropped without the
//! rest.

use std::collections::{BTreeMap, HashMap};

use agog_sync::frame::{BLOCK_SAMPLES_MAX, TelemetryBlock};
use agog_sync::telemetry;
use jiff::Timestamp;
use rusqlite::{Transaction, params};

use super::journal::{Journal, Stored};
use super::rules::{Priority, Rules};
use super::series::{keep_newest, series_key};
use super::store::{StoreError, counts_at, step};

/// Moves the open samples, at most [`BLOCK_SAMPLES_MAX`], into new blocks of the newest epoch; returns their compressed size.
pub(super) fn close_open(
    transaction: &Transaction<'_>,
    journal: &mut Journal,
    rules: &Rules,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let mut blocks: BTreeMap<Priority, Block> = BTreeMap::new();
    let mut place_of: HashMap<u32, (Priority, u32)> = HashMap::new();
    let mut newest: HashMap<u32, (i64, f64)> = HashMap::new();
    let mut count = 0_usize;
    for sample in journal.oldest_open(BLOCK_SAMPLES_MAX) {
        let Stored {
            series_id,
            at_us,
            value,
        } = *sample;
        let (priority, index) = if let Some(place) = place_of.get(&series_id) {
            *place
        } else {
            let key = series_key(transaction, series_id)?;
            let priority = rules.of(&key).priority;
            let series = &mut blocks.entry(priority).or_default().columns.series;
            // At most BLOCK_SAMPLES_MAX series can be in one block.
            let index = u32::try_from(series.len()).unwrap_or(u32::MAX);
            series.push(key);
            place_of.insert(series_id, (priority, index));
            (priority, index)
        };
        blocks
            .entry(priority)
            .or_default()
            .push(index, at_us, value);
        let at_us = counts_at(at_us, now);
        let entry = newest.entry(series_id).or_insert((at_us, value));
        if at_us >= entry.0 {
            *entry = (at_us, value);
        }
        count += 1;
    }
    let mut bytes = 0;
    for (priority, block) in blocks {
        bytes += block.store(transaction, priority, now)?;
    }
    keep_newest(transaction, newest, now.as_microsecond())?;
    journal.close(transaction, count)?;
    Ok(bytes)
}

/// Samples of one priority.
struct Block {
    columns: TelemetryBlock,
    first_us: i64,
    last_us: i64,
}

impl Default for Block {
    fn default() -> Self {
        Self {
            // The number is given when it is stored, and is not part of the body.
            columns: TelemetryBlock::empty(0),
            first_us: i64::MAX,
            last_us: i64::MIN,
        }
    }
}

impl Block {
    fn push(&mut self, index: u32, at_us: i64, value: f64) {
        self.first_us = self.first_us.min(at_us);
        self.last_us = self.last_us.max(at_us);
        self.columns.series_index.push(index);
        self.columns.time_us.push(at_us);
        self.columns.value.push(value);
    }

    fn store(
        &self,
        transaction: &Transaction<'_>,
        priority: Priority,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let body = telemetry::encode(&self.columns).map_err(StoreError::Encode)?;
        let (epoch, block): (i64, i64) = transaction
            .prepare_cached(
                "update epoch set last_block = last_block + 1
                 where epoch = (select max(epoch) from epoch) returning epoch, last_block",
            )
            .and_then(|mut update| update.query_row([], |row| Ok((row.get(0)?, row.get(1)?))))
            .map_err(step("number a block"))?;
        transaction
            .prepare_cached(
                "insert into block (epoch, block, priority, first_us, last_us, closed_us, sample_count, body)
                 values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )
            .and_then(|mut insert| {
                insert.execute(params![
                    epoch,
                    block,
                    priority.rank(),
                    self.first_us,
                    self.last_us,
                    now.as_microsecond(),
                    self.columns.value.len(),
                    body
                ])
            })
            .map_err(step("store a block"))?;
        Ok(body.len() as u64)
    }
}
