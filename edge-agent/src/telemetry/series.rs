//! The series dictionary of `telemetry.db`, with the newest value of each.
//!
//! Limits: [`SERIES_MAX`] series, [`NAMES_BYTES_MAX`] bytes of names each: all of them fit into one block.

use std::collections::HashMap;

use agog_sync::frame::SeriesKey;
use rusqlite::{Connection, Row, Transaction, params};

use super::refused::Refusal;
use super::rules::{Keep, Rules};
use super::store::{StoreError, step};

/// A wrong topic pattern must not fill the series table; further series are refused and counted.
pub(super) const SERIES_MAX: usize = 10_000;

/// The most bytes of device, metric and unit together. The hub keeps 100 characters of the first two.
pub(super) const NAMES_BYTES_MAX: usize = 360;

/// A known series.
pub(super) struct Series {
    pub(super) id: u32,
    /// The newest time, in microseconds since 1970, and its value. The time is that as of which it counts (`store::counts_at`).
    pub(super) newest: Option<(i64, f64)>,
    pub(super) keep: Keep,
    /// Samples that its rule has left out since the program started.
    pub(super) left_out: u64,
}

impl Series {
    /// Takes in a value; an older one changes nothing.
    pub(super) fn tell(&mut self, at_us: i64, value: f64) {
        if self.newest.is_none_or(|(newest, _)| newest <= at_us) {
            self.newest = Some((at_us, value));
        }
    }
}

/// How many bytes the names of a series have.
pub(super) fn names_bytes(key: &SeriesKey) -> usize {
    key.device.len() + key.metric.len() + key.unit.as_ref().map_or(0, String::len)
}

/// Finds or makes the row of a series, unless there are too many or its names are too long.
pub(super) fn series_of<'a>(
    transaction: &Transaction<'_>,
    known: &'a mut HashMap<SeriesKey, Series>,
    rules: &Rules,
    key: &SeriesKey,
) -> Result<Result<&'a mut Series, Refusal>, StoreError> {
    if !known.contains_key(key) {
        if names_bytes(key) > NAMES_BYTES_MAX {
            return Ok(Err(Refusal::LongNames));
        }
        if known.len() >= SERIES_MAX {
            return Ok(Err(Refusal::TooManySeries));
        }
        // `or ignore`: a transaction that failed later may have left the key in memory only.
        transaction
            .execute(
                "insert or ignore into series (device, metric, unit) values (?1, ?2, ?3)",
                params![
                    key.device,
                    key.metric,
                    key.unit.as_deref().unwrap_or_default()
                ],
            )
            .map_err(step("name a series"))?;
        let series_id = transaction
            .query_row(
                "select series_id from series where device = ?1 and metric = ?2 and unit = ?3",
                params![
                    key.device,
                    key.metric,
                    key.unit.as_deref().unwrap_or_default()
                ],
                |row| row.get(0),
            )
            .map_err(step("find a series"))?;
        let series = Series {
            id: series_id,
            newest: None,
            keep: rules.of(key),
            left_out: 0,
        };
        known.insert(key.clone(), series);
    }
    Ok(known.get_mut(key).ok_or(Refusal::TooManySeries))
}

/// Keeps the newest values of series beyond the journal. One that is ahead of our clock stands against nothing.
pub(super) fn keep_newest(
    transaction: &Transaction<'_>,
    newest: HashMap<u32, (i64, f64)>,
    now_us: i64,
) -> Result<(), StoreError> {
    let mut update = transaction
        .prepare_cached(
            "update series set last_us = ?2, last_value = ?3
             where series_id = ?1 and (last_us is null or last_us <= ?2 or last_us > ?4)",
        )
        .map_err(step("prepare newest values"))?;
    for (series_id, (at_us, value)) in newest {
        update
            .execute(params![series_id, at_us, value, now_us])
            .map_err(step("keep a newest value"))?;
    }
    Ok(())
}

/// The names of a series.
pub(super) fn series_key(
    transaction: &Transaction<'_>,
    series_id: u32,
) -> Result<SeriesKey, StoreError> {
    transaction
        .prepare_cached("select device, metric, unit from series where series_id = ?1")
        .and_then(|mut query| query.query_row([series_id], |row| key(row, 0)))
        .map_err(step("name the series of a block"))
}

pub(super) fn read_series(
    connection: &Connection,
    rules: &Rules,
) -> rusqlite::Result<HashMap<SeriesKey, Series>> {
    let mut statement = connection
        .prepare("select series_id, last_us, last_value, device, metric, unit from series")?;
    let rows = statement.query_map([], |row| {
        let at_us: Option<i64> = row.get(1)?;
        let value: Option<f64> = row.get(2)?;
        let key = key(row, 3)?;
        let series = Series {
            id: row.get(0)?,
            newest: at_us.zip(value),
            keep: rules.of(&key),
            left_out: 0,
        };
        Ok((key, series))
    })?;
    rows.collect()
}

/// The names, from three columns that begin at `first`.
fn key(row: &Row<'_>, first: usize) -> rusqlite::Result<SeriesKey> {
    let unit: String = row.get(first + 2)?;
    Ok(SeriesKey {
        device: row.get(first)?,
        metric: row.get(first + 1)?,
        unit: (!unit.is_empty()).then_some(unit),
    })
}
