//! The series dictionary of `telemetry.db`, with the newest value of each.
//!
//! Limit: [`SERIES_MAX`] series.

use std::collections::HashMap;

use agog_sync::frame::SeriesKey;
use jiff::Timestamp;
use rusqlite::{Connection, Transaction, params};

use super::Sample;
use super::store::{Store, StoreError, step, timestamp};

/// A wrong topic pattern must not fill the series table; further series are refused and counted.
pub(super) const SERIES_MAX: usize = 10_000;
/// A known series.
pub(super) struct Series {
    pub(super) series_id: i64,
}

impl Store {
    /// The newest stored value of every series.
    pub(super) fn newest(&self) -> Result<Vec<(SeriesKey, Timestamp, f64)>, StoreError> {
        let mut statement = self
            .connection
            .prepare("select device, metric, unit, last_us, last_value from series where last_value is not null")
            .map_err(step("prepare newest values"))?;
        let rows = statement
            .query_map([], |row| {
                let unit: String = row.get(2)?;
                let key = SeriesKey {
                    device: row.get(0)?,
                    metric: row.get(1)?,
                    unit: (!unit.is_empty()).then_some(unit),
                };
                Ok((key, timestamp(row.get(3)?), row.get(4)?))
            })
            .map_err(step("read newest values"))?;
        rows.collect::<Result<_, _>>()
            .map_err(step("read a newest value"))
    }
}

/// Finds or makes the row of a series; `None` when there are too many.
pub(super) fn series_of<'a>(
    transaction: &Transaction<'_>,
    known: &'a mut HashMap<SeriesKey, Series>,
    key: &SeriesKey,
) -> Result<Option<&'a mut Series>, StoreError> {
    if !known.contains_key(key) {
        if known.len() >= SERIES_MAX {
            return Ok(None);
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
        known.insert(key.clone(), Series { series_id });
    }
    Ok(known.get_mut(key))
}

/// Keeps the newest value of the series that `samples` touch.
pub(super) fn remember_newest(
    transaction: &Transaction<'_>,
    series: &HashMap<SeriesKey, Series>,
    samples: &[Sample],
) -> Result<(), StoreError> {
    let mut newest: HashMap<i64, (i64, f64)> = HashMap::new();
    for sample in samples {
        let Some(series) = series.get(&sample.series) else {
            continue;
        };
        let at_us = sample.at.as_microsecond();
        let entry = newest
            .entry(series.series_id)
            .or_insert((at_us, sample.value));
        if at_us >= entry.0 {
            *entry = (at_us, sample.value);
        }
    }
    let mut update = transaction
        .prepare_cached(
            "update series set last_us = ?2, last_value = ?3
             where series_id = ?1 and (last_us is null or last_us <= ?2)",
        )
        .map_err(step("prepare newest values"))?;
    for (series_id, (at_us, value)) in newest {
        update
            .execute(params![series_id, at_us, value])
            .map_err(step("keep a newest value"))?;
    }
    Ok(())
}

pub(super) fn read_series(connection: &Connection) -> rusqlite::Result<HashMap<SeriesKey, Series>> {
    let mut statement = connection.prepare("select series_id, device, metric, unit from series")?;
    let rows = statement.query_map([], |row| {
        let unit: String = row.get(3)?;
        let key = SeriesKey {
            device: row.get(1)?,
            metric: row.get(2)?,
            unit: (!unit.is_empty()).then_some(unit),
        };
        Ok((
            key,
            Series {
                series_id: row.get(0)?,
            },
        ))
    })?;
    rows.collect()
}
