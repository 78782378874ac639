//! The SQL of thresholds, and of how they stand.

use jiff::Timestamp;

use super::numbers::until_now;
use crate::db::{DbError, Instant, TenantTx, column};
use crate::equipment::model::{DeviceKey, SeriesId};
use crate::equipment::threshold::{AlarmClass, Threshold, Watch};

/// A threshold of a device, and how it stands.
#[derive(Debug, Clone)]
pub(in crate::equipment) struct RuleRow {
    pub device: DeviceKey,
    /// What the plant calls the device.
    pub code: String,
    /// The one of the metric that was told last; none while the device has not told of it.
    pub series: Option<SeriesId>,
    pub unit: Option<String>,
    pub threshold: Threshold,
    pub watch: Watch,
    /// The alarm that stands.
    pub alarm: Option<i64>,
}

/// The devices of series.
pub(in crate::equipment) async fn series_devices(
    tx: &mut TenantTx,
    series: &[SeriesId],
) -> Result<Vec<(SeriesId, DeviceKey)>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        "select series_id, device_id from telemetry_series where tenant_id = $1 and series_id = any($2)",
        tenant_id,
        &column(series, |series| series.0),
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (SeriesId(row.series_id), DeviceKey(row.device_id)))
        .collect())
}

/// The thresholds of the devices of series, also those of their other series.
pub(in crate::equipment) async fn rules_of_series(
    tx: &mut TenantTx,
    series: &[SeriesId],
    now: Timestamp,
) -> Result<Vec<RuleRow>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        r#"select r.device_id, d.code, s.series_id as "series_id?", s.unit as "unit?", r.name, r.metric, r.above, r.below, r.clear, r.for_s,
               r.class, r.text, r.seen_at as "seen_at: Instant", r.pending_since as "pending_since: Instant",
               r.pending_value, r.alarm_id
           from alarm_rule r
           join device d on d.tenant_id = $1 and d.device_id = r.device_id
           left join lateral (
               select s.series_id, s.unit
               from telemetry_series s left join lateral telemetry_newest($1, s.series_id, $3) as n on true
               where s.tenant_id = $1 and s.device_id = r.device_id and s.metric = r.metric
               order by (n.at <= $3) desc nulls last, n.at desc, s.series_id desc limit 1
           ) as s on true
           where r.tenant_id = $1 and r.device_id in (
               select device_id from telemetry_series where tenant_id = $1 and series_id = any($2)
           )
           order by r.device_id, r.name"#,
        tenant_id,
        &column(series, |series| series.0),
        Instant(until_now(now)) as _,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| RuleRow {
            device: DeviceKey(row.device_id),
            code: row.code,
            series: row.series_id.map(SeriesId),
            unit: row.unit,
            threshold: Threshold {
                name: row.name,
                metric: row.metric,
                above: row.above,
                below: row.below,
                clear: Some(row.clear),
                for_s: row.for_s.unsigned_abs(),
                class: class_of(&row.class),
                text: row.text,
            },
            watch: Watch {
                seen_at: row.seen_at.map(|at| at.0),
                pending: row.pending_since.map(|at| at.0).zip(row.pending_value),
                is_raised: row.alarm_id.is_some(),
            },
            alarm: row.alarm_id,
        })
        .collect())
}

/// Keeps how thresholds stand.
pub(in crate::equipment) async fn rules_keep(
    tx: &mut TenantTx,
    rules: &[RuleRow],
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let pending = |rule: &RuleRow| rule.watch.pending;
    sqlx::query!(
        "update alarm_rule r set seen_at = e.seen_at, pending_since = e.pending_since, pending_value = e.pending_value,
             alarm_id = e.alarm_id
         from unnest($2::bigint[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::double precision[], $7::bigint[])
             as e (device_id, name, seen_at, pending_since, pending_value, alarm_id)
         where r.tenant_id = $1 and r.device_id = e.device_id and r.name = e.name
             and (r.seen_at, r.pending_since, r.pending_value, r.alarm_id)
                 is distinct from (e.seen_at, e.pending_since, e.pending_value, e.alarm_id)",
        tenant_id,
        &column(rules, |rule| rule.device.0),
        &column(rules, |rule| rule.threshold.name.as_str()) as _,
        &column(rules, |rule| rule.watch.seen_at.map(Instant)) as _,
        &column(rules, |rule| pending(rule).map(|(since, _)| Instant(since))) as _,
        &column(rules, |rule| pending(rule).map(|(_, value)| value)) as _,
        &column(rules, |rule| rule.alarm) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Removes the thresholds of a device that are not wanted as they are, and tells the alarms that stood for them.
pub(in crate::equipment) async fn rules_remove_others(
    tx: &mut TenantTx,
    device: DeviceKey,
    wanted: &[Threshold],
) -> Result<Vec<i64>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let alarms = sqlx::query_scalar!(
        "delete from alarm_rule r where tenant_id = $1 and device_id = $2 and not exists (
             select from unnest($3::text[], $4::text[], $5::double precision[], $6::double precision[],
                 $7::double precision[], $8::integer[], $9::text[], $10::text[])
                 as e (name, metric, above, below, clear, for_s, class, text)
             where (e.name, e.metric, e.above, e.below, e.clear, e.for_s, e.class, e.text)
                 is not distinct from (r.name, r.metric, r.above, r.below, r.clear, r.for_s, r.class, r.text)
         ) returning alarm_id",
        tenant_id,
        device.0,
        &column(wanted, |rule| rule.name.as_str()) as _,
        &column(wanted, |rule| rule.metric.as_str()) as _,
        &column(wanted, |rule| rule.above) as _,
        &column(wanted, |rule| rule.below) as _,
        &column(wanted, Threshold::clear),
        &column(wanted, for_s),
        &column(wanted, |rule| rule.class.as_str()) as _,
        &column(wanted, |rule| rule.text.as_deref()) as _,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(alarms.into_iter().flatten().collect())
}

/// Adds the thresholds of a device that are not there.
pub(in crate::equipment) async fn rules_add(
    tx: &mut TenantTx,
    device: DeviceKey,
    wanted: &[Threshold],
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "insert into alarm_rule (tenant_id, device_id, name, metric, above, below, clear, for_s, class, text)
         select $1, $2, * from unnest($3::text[], $4::text[], $5::double precision[], $6::double precision[],
             $7::double precision[], $8::integer[], $9::text[], $10::text[])
         on conflict do nothing",
        tenant_id,
        device.0,
        &column(wanted, |rule| rule.name.as_str()) as _,
        &column(wanted, |rule| rule.metric.as_str()) as _,
        &column(wanted, |rule| rule.above) as _,
        &column(wanted, |rule| rule.below) as _,
        &column(wanted, Threshold::clear),
        &column(wanted, for_s),
        &column(wanted, |rule| rule.class.as_str()) as _,
        &column(wanted, |rule| rule.text.as_deref()) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Checked when it was set: at most a day.
fn for_s(rule: &Threshold) -> i32 {
    i32::try_from(rule.for_s).unwrap_or(i32::MAX)
}

/// As it was written here.
fn class_of(text: &str) -> AlarmClass {
    match text {
        "Fatal" => AlarmClass::Fatal,
        "Error" => AlarmClass::Error,
        _ => AlarmClass::Warning,
    }
}
