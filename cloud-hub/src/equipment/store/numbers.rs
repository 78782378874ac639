//! The SQL of numbers that are made of samples: the newest of a series, and how far a counter went. The one place here that
//! reads sums of samples.

use agog_sync::telemetry::AHEAD_OF_NOW_MAX;
use jiff::Timestamp;

use crate::db::{DbError, Instant, TenantTx, column};
use crate::equipment::calendar::Window;
use crate::equipment::model::{DeviceKey, SeriesId};

/// The newest sample of a series.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::equipment) struct Newest {
    pub device: DeviceKey,
    pub metric: String,
    pub unit: Option<String>,
    pub value: f64,
    pub at: Timestamp,
}

/// The latest time that a sample of now may have.
pub(in crate::equipment) fn until_now(now: Timestamp) -> Timestamp {
    now.saturating_add(AHEAD_OF_NOW_MAX).unwrap_or(now)
}

/// The newest sample of each series of some devices, by device, metric and unit. One whose time is still to come is told only when there
/// is no other.
pub(in crate::equipment) async fn newest(
    tx: &mut TenantTx,
    devices: &[DeviceKey],
    limit: i64,
    now: Timestamp,
) -> Result<Vec<Newest>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        r#"select s.device_id, s.metric, s.unit, n.value as "value!", n.at as "at!: Instant"
           from telemetry_series s cross join lateral telemetry_newest($1, s.series_id, $4) as n
           where s.tenant_id = $1 and s.device_id = any($2) order by s.device_id, s.metric, s.unit limit $3"#,
        tenant_id,
        &devices.iter().map(|device| device.0).collect::<Vec<_>>(),
        limit,
        Instant(until_now(now)) as _,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Newest {
            device: DeviceKey(row.device_id),
            metric: row.metric,
            unit: row.unit,
            value: row.value,
            at: row.at.0,
        })
        .collect())
}

/// How far a counter went.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::equipment) struct Counted {
    pub quantity: f64,
    /// Whether it was told in one of the windows.
    pub is_told: bool,
    /// Whether it was ever told before their end.
    pub is_known: bool,
}

/// How far a counter went in windows of time that begin and end with minutes.
///
/// A counter is known at the end of each minute in which it was told, and what it went since the one before counts in that
/// minute. One that falls was set back, or jumped: then what it went up to that and what it went after that count,
/// never the fall itself, nor what a counter that began again at zero made before it was told for the first time. So the result
/// is never negative, and a jump that goes back makes no quantity.
pub(in crate::equipment) async fn counted(
    tx: &mut TenantTx,
    series: SeriesId,
    windows: &[Window],
) -> Result<Counted, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    // Of each window the minutes in it are read, and the one before it.
    let row = sqlx::query!(
        r#"select coalesce(sum(case
                   when t.before is null then t.last - t.min
                   when t.last >= t.before then t.last - t.before
                   else greatest(t.max - t.before, 0) + (t.last - t.min)
               end), 0) as "quantity!",
               count(t.bucket) > 0 as "is_told!",
               exists (
                   select from telemetry_minute where tenant_id = $1 and series_id = $2 and bucket < max(w.to_at)
               ) as "is_known!"
           from unnest($3::timestamptz[], $4::timestamptz[]) as w (from_at, to_at)
           left join lateral (
               select m.bucket, m.min, m.max, m.last, lag(m.last) over (order by m.bucket) as before
               from telemetry_minute m
               where m.tenant_id = $1 and m.series_id = $2 and m.bucket < w.to_at and m.bucket >= coalesce((
                   select b.bucket from telemetry_minute b
                   where b.tenant_id = $1 and b.series_id = $2 and b.bucket < w.from_at order by b.bucket desc limit 1
               ), w.from_at)
           ) t on t.bucket >= w.from_at"#,
        tenant_id,
        series.0,
        &column(windows, |window| Instant(window.from)) as _,
        &column(windows, |window| Instant(window.to)) as _,
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(Counted {
        quantity: row.quantity,
        is_told: row.is_told,
        is_known: row.is_known,
    })
}
