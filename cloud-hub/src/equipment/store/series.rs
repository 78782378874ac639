//! The SQL of series: the metrics of devices, each in one unit.
//!
//! A metric has either one series without a unit, or only series with one. What is told without a unit belongs to the first of them,
//! so that it finds its place again when it comes again. Where nobody who asks names a unit, the series is meant whose newest sample
//! is the newest.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::numbers::until_now;
use crate::db::{DbError, Instant, TenantTx, column};
use crate::equipment::model::{DeviceKey, SeriesId, SeriesRow};

/// A series as a plant names it.
pub(in crate::equipment) struct SeriesNamed<'a> {
    pub device: DeviceKey,
    pub metric: &'a str,
    /// None when it is not said.
    pub unit: Option<&'a str>,
    /// The time of the newest sample that came of it.
    pub newest: Timestamp,
}

impl SeriesNamed<'_> {
    fn key(&self) -> (DeviceKey, String) {
        (self.device, self.metric.to_owned())
    }
}

/// The series of metrics of devices.
type Known = BTreeMap<(DeviceKey, String), Vec<SeriesRow>>;

/// Finds series, or makes them known; tells the id of each that is named. A unit that is said for the first time names the series
/// that had none; another one is another series. The caller holds the locks of their devices, so nobody else makes them meanwhile.
pub(in crate::equipment) async fn series_ensure(
    tx: &mut TenantTx,
    named: &[SeriesNamed<'_>],
    now: Timestamp,
) -> Result<Vec<SeriesId>, DbError> {
    let mut known = series_find(tx, named).await?;
    let (mut said, unsaid): (Vec<_>, Vec<_>) =
        named.iter().partition(|series| series.unit.is_some());
    // Of two units of one metric, the older one is said first.
    said.sort_by_key(|series| series.newest);
    let mut missing = Vec::new();
    for series in said {
        let of_metric = known.entry(series.key()).or_default();
        let unnamed = of_metric.iter_mut().find(|known| known.unit.is_none());
        if let Some(unnamed) = unnamed {
            unnamed.unit = series.unit.map(str::to_owned);
            series_name(tx, unnamed).await?;
        } else if find(of_metric, series.unit).is_none() {
            missing.push(series);
        }
    }
    series_make(tx, &missing, now, &mut known).await?;
    let is_missing = |series: &&SeriesNamed<'_>| !known.contains_key(&series.key());
    let missing: Vec<_> = unsaid.into_iter().filter(is_missing).collect();
    series_make(tx, &missing, now, &mut known).await?;

    let mut ids = Vec::with_capacity(named.len());
    for series in named {
        let of_metric = known.get(&series.key()).map_or(&[][..], Vec::as_slice);
        let id = match (of_metric, series.unit) {
            (several, None) => several.iter().map(|series| series.id).min(),
            (several, unit) => find(several, unit),
        };
        ids.push(id.ok_or_else(|| DbError::stored("a series that was just made is not there"))?);
    }
    Ok(ids)
}

fn find(series: &[SeriesRow], unit: Option<&str>) -> Option<SeriesId> {
    let found = series.iter().find(|series| series.unit.as_deref() == unit);
    found.map(|series| series.id)
}

async fn series_find(tx: &mut TenantTx, named: &[SeriesNamed<'_>]) -> Result<Known, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        "select distinct s.device_id, s.metric, s.unit, s.series_id
         from unnest($2::bigint[], $3::text[]) as n (device_id, metric)
             join telemetry_series s on s.tenant_id = $1 and s.device_id = n.device_id and s.metric = n.metric",
        tenant_id,
        &column(named, |series| series.device.0),
        &column(named, |series| series.metric) as _,
    )
    .fetch_all(tx.conn())
    .await?;
    let mut known = Known::new();
    for row in rows {
        let series = SeriesRow {
            id: row.series_id.into(),
            metric: row.metric,
            unit: row.unit,
        };
        keep(&mut known, DeviceKey(row.device_id), series);
    }
    Ok(known)
}

fn keep(known: &mut Known, device: DeviceKey, series: SeriesRow) {
    let of_metric = known.entry((device, series.metric.clone()));
    of_metric.or_default().push(series);
}

/// Keeps the unit of a series that had none.
async fn series_name(tx: &mut TenantTx, series: &SeriesRow) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "update telemetry_series set unit = $3 where tenant_id = $1 and series_id = $2 and unit is null",
        tenant_id,
        series.id.0,
        series.unit,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Makes series known.
async fn series_make(
    tx: &mut TenantTx,
    missing: &[&SeriesNamed<'_>],
    now: Timestamp,
    known: &mut Known,
) -> Result<(), DbError> {
    if missing.is_empty() {
        return Ok(());
    }
    let tenant_id = tx.tenant_id().uuid();
    let made = sqlx::query!(
        "insert into telemetry_series (tenant_id, device_id, metric, unit, created_at)
         select $1, device_id, metric, unit, $2 from unnest($3::bigint[], $4::text[], $5::text[])
             as s (device_id, metric, unit)
         returning device_id, metric, unit, series_id",
        tenant_id,
        Instant(now) as _,
        &column(missing, |series| series.device.0),
        &column(missing, |series| series.metric) as _,
        &column(missing, |series| series.unit) as _,
    )
    .fetch_all(tx.conn())
    .await?;
    for row in made {
        let series = SeriesRow {
            id: row.series_id.into(),
            metric: row.metric,
            unit: row.unit,
        };
        keep(known, DeviceKey(row.device_id), series);
    }
    Ok(())
}

/// The series of a device, by metric and unit.
pub(in crate::equipment) async fn series_list(
    tx: &mut TenantTx,
    device: DeviceKey,
) -> Result<Vec<SeriesRow>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query_as!(
        SeriesRow,
        "select series_id as id, metric, unit from telemetry_series
         where tenant_id = $1 and device_id = $2 order by metric, unit",
        tenant_id,
        device.0,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// The series of a metric of a device, the one that was told last first.
pub(in crate::equipment) async fn series_of_metric(
    tx: &mut TenantTx,
    device: DeviceKey,
    metric: &str,
    now: Timestamp,
) -> Result<Vec<SeriesRow>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query_as!(
        SeriesRow,
        "select s.series_id as id, s.metric, s.unit
         from telemetry_series s left join lateral telemetry_newest($1, s.series_id, $4) as n on true
         where s.tenant_id = $1 and s.device_id = $2 and s.metric = $3
         order by (n.at <= $4) desc nulls last, n.at desc, s.series_id desc",
        tenant_id,
        device.0,
        metric,
        Instant(until_now(now)) as _,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}
