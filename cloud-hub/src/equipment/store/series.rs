//! The SQL of series: the metrics of devices.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::db::{DbError, Instant, TenantTx, column};
use crate::equipment::model::{DeviceKey, SeriesId, SeriesRow};

/// A metric of a device, with its unit when it is made known.
pub(in crate::equipment) struct SeriesNamed<'a> {
    pub device: DeviceKey,
    pub metric: &'a str,
    pub unit: Option<&'a str>,
}

/// Finds series, or makes them known. The caller holds the locks of their devices, so nobody else makes them meanwhile.
pub(in crate::equipment) async fn series_ensure(
    tx: &mut TenantTx,
    named: &[SeriesNamed<'_>],
    now: Timestamp,
) -> Result<BTreeMap<(DeviceKey, String), SeriesId>, DbError> {
    let mut known = series_find(tx, named).await?;
    let missing: Vec<_> = named
        .iter()
        .filter(|series| !known.contains_key(&(series.device, series.metric.to_owned())))
        .collect();
    if missing.is_empty() {
        return Ok(known);
    }
    let tenant_id = tx.tenant_id().uuid();
    let made = sqlx::query!(
        "insert into telemetry_series (tenant_id, device_id, metric, unit, created_at)
         select $1, device_id, metric, unit, $2 from unnest($3::bigint[], $4::text[], $5::text[])
             as s (device_id, metric, unit)
         returning device_id, metric, series_id",
        tenant_id,
        Instant(now) as _,
        &column(&missing, |series| series.device.0),
        &column(&missing, |series| series.metric) as _,
        &column(&missing, |series| series.unit) as _,
    )
    .fetch_all(tx.conn())
    .await?;
    known.extend(made.into_iter().map(|row| {
        let key = (DeviceKey(row.device_id), row.metric);
        (key, SeriesId(row.series_id))
    }));
    Ok(known)
}

async fn series_find(
    tx: &mut TenantTx,
    named: &[SeriesNamed<'_>],
) -> Result<BTreeMap<(DeviceKey, String), SeriesId>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        "select s.device_id, s.metric, s.series_id
         from unnest($2::bigint[], $3::text[]) as n (device_id, metric)
             join telemetry_series s on s.tenant_id = $1 and s.device_id = n.device_id and s.metric = n.metric",
        tenant_id,
        &column(named, |series| series.device.0),
        &column(named, |series| series.metric) as _,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let key = (DeviceKey(row.device_id), row.metric);
            (key, SeriesId(row.series_id))
        })
        .collect())
}

/// The series of a device, by metric.
pub(in crate::equipment) async fn series_list(
    tx: &mut TenantTx,
    device: DeviceKey,
) -> Result<Vec<SeriesRow>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        "select series_id, metric, unit from telemetry_series where tenant_id = $1 and device_id = $2 order by metric",
        tenant_id,
        device.0,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| SeriesRow {
            id: SeriesId(row.series_id),
            metric: row.metric,
            unit: row.unit,
        })
        .collect())
}
