//! The SQL of alarms: the list, who has seen to them, and what devices report themselves.

use agog_sync::event::DeviceNotification;
use agog_sync::ids::{DeviceId, EventId, PlantId};
use jiff::Timestamp;

use crate::db::{DbError, Instant, TenantTx, column};
use crate::equipment::apply::Told;
use crate::equipment::model::{AlarmRow, AlarmStatus, DeviceKey};
use crate::equipment::threshold::Threshold;

/// What stands before the name of a threshold in the key of its alarms.
const RULE_PREFIX: &str = "rule:";

/// An alarm of a threshold.
pub(in crate::equipment) struct NewAlarm<'t> {
    pub device: DeviceKey,
    pub event_id: EventId,
    pub threshold: &'t Threshold,
    /// Of the values.
    pub unit: Option<&'t str>,
    pub value: f64,
    pub at: Timestamp,
}

/// What a device reported, and how often in a batch.
pub(in crate::equipment) struct StandingAlarm<'r, 'e> {
    pub first: &'r Told<'e, DeviceNotification>,
    pub times: i64,
    pub last_at: Timestamp,
}

/// Raises an alarm and tells its key.
pub(in crate::equipment) async fn alarm_raise(
    tx: &mut TenantTx,
    alarm: &NewAlarm<'_>,
    now: Timestamp,
) -> Result<i64, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let threshold = alarm.threshold;
    let alarm_id = sqlx::query_scalar!(
        "insert into device_alarm (tenant_id, event_id, device_id, source, key, class, text, metric, unit, value, threshold,
             raised_at, last_at, created_at)
         values ($1, $2, $3, 'threshold', $4, $5, $6, $7, $8, $9, $10, $11, $11, $12)
         returning alarm_id",
        tenant_id,
        alarm.event_id.uuid(),
        alarm.device.0,
        format!("{RULE_PREFIX}{}", threshold.name),
        threshold.class.as_str(),
        threshold.text,
        threshold.metric,
        alarm.unit,
        alarm.value,
        threshold.limit(),
        Instant(alarm.at) as _,
        Instant(now) as _,
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(alarm_id)
}

/// Notes that an alarm is over, and tells its id.
pub(in crate::equipment) async fn alarm_clear(
    tx: &mut TenantTx,
    alarm: i64,
    at: Timestamp,
    value: Option<f64>,
) -> Result<EventId, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let event_id = sqlx::query_scalar!(
        "update device_alarm set cleared_at = $3, cleared_value = $4 where tenant_id = $1 and alarm_id = $2
         returning event_id",
        tenant_id,
        alarm,
        Instant(at) as _,
        value,
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(EventId::from_uuid(event_id))
}

/// Keeps what devices report; what stands already is counted.
pub(in crate::equipment) async fn alarms_told(
    tx: &mut TenantTx,
    alarms: &[((DeviceKey, String), StandingAlarm<'_, '_>)],
    now: Timestamp,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "insert into device_alarm as kept (tenant_id, event_id, device_id, source, key, class, text, type, module, job,
             raised_at, last_at, times, created_at)
         select $1, event_id, device_id, 'device', key, class, text, type, module, job, at, last_at, times, $2
         from unnest($3::uuid[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
             $11::timestamptz[], $12::timestamptz[], $13::bigint[])
             as e (event_id, device_id, key, class, text, type, module, job, at, last_at, times)
         order by device_id, key
         on conflict (tenant_id, device_id, key) where cleared_at is null do update set
             times = kept.times + excluded.times, last_at = greatest(kept.last_at, excluded.last_at)",
        tenant_id,
        Instant(now) as _,
        &column(alarms, |(_, alarm)| alarm.first.event_id.uuid()),
        &column(alarms, |((device, _), _)| device.0),
        &column(alarms, |((_, key), _)| key.as_str()) as _,
        &column(alarms, |(_, alarm)| alarm.first.what.class.as_str()) as _,
        &column(alarms, |(_, alarm)| alarm.first.what.text.as_deref()) as _,
        &column(alarms, |(_, alarm)| alarm.first.what.notification_type.as_deref()) as _,
        &column(alarms, |(_, alarm)| alarm.first.what.module_id.as_deref()) as _,
        &column(alarms, |(_, alarm)| alarm.first.what.job.as_deref()) as _,
        &column(alarms, |(_, alarm)| Instant(alarm.first.at)) as _,
        &column(alarms, |(_, alarm)| Instant(alarm.last_at)) as _,
        &column(alarms, |(_, alarm)| alarm.times),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Which alarms.
#[derive(Debug, Clone, Copy)]
pub(in crate::equipment) struct AlarmFilter<'s> {
    pub statuses: &'s [AlarmStatus],
    pub device: Option<DeviceId>,
    pub plant: Option<PlantId>,
    /// The newest of them before this one.
    pub before: Option<i64>,
}

/// Alarms, the newest first.
pub(in crate::equipment) async fn alarm_list(
    tx: &mut TenantTx,
    filter: AlarmFilter<'_>,
    limit: i64,
) -> Result<Vec<AlarmRow>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        r#"select a.alarm_id, a.event_id, d.public_id, d.code, d.plant_id, a.source, a.key, a.class, a.text, a.metric, a.unit,
               a.value, a.threshold, a.type, a.module, a.job, a.raised_at as "raised_at: Instant", a.times,
               a.last_at as "last_at: Instant", a.cleared_at as "cleared_at: Instant", a.cleared_value,
               a.acknowledged_at as "acknowledged_at: Instant", a.acknowledged_by, a.note, a.status
           from device_alarm a
           join device d on d.tenant_id = $1 and d.device_id = a.device_id
           where a.tenant_id = $1 and a.alarm_id < $2
               and a.status = any($3::text[])
               and ($4::uuid is null or d.public_id = $4)
               and ($5::uuid is null or d.plant_id = $5)
           order by a.alarm_id desc limit $6"#,
        tenant_id,
        filter.before.unwrap_or(i64::MAX),
        &column(filter.statuses, |status| status.as_str()) as _,
        filter.device.map(|id| id.uuid()),
        filter.plant.map(|id| id.uuid()),
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| AlarmRow {
            key: row.alarm_id,
            id: EventId::from_uuid(row.event_id),
            device_id: DeviceId::from_uuid(row.public_id),
            device: row.code,
            plant_id: PlantId::from_uuid(row.plant_id),
            name: row.key.strip_prefix(RULE_PREFIX).map(str::to_owned),
            source: row.source,
            class: row.class,
            text: row.text,
            metric: row.metric,
            unit: row.unit,
            value: row.value,
            threshold: row.threshold,
            notification_type: row.r#type,
            module: row.module,
            job: row.job,
            raised_at: row.raised_at.0,
            times: row.times,
            last_at: row.last_at.0,
            cleared_at: row.cleared_at.map(|at| at.0),
            cleared_value: row.cleared_value,
            acknowledged_at: row.acknowledged_at.map(|at| at.0),
            acknowledged_by: row.acknowledged_by,
            note: row.note,
            status: AlarmStatus::read(&row.status).unwrap_or(AlarmStatus::Open),
        })
        .collect())
}

/// The alarm with an id.
pub(in crate::equipment) async fn alarm_by_id(
    tx: &mut TenantTx,
    id: EventId,
) -> Result<Option<AlarmRow>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let alarm_id = sqlx::query_scalar!(
        "select alarm_id from device_alarm where tenant_id = $1 and event_id = $2",
        tenant_id,
        id.uuid(),
    )
    .fetch_optional(tx.conn())
    .await?;
    let Some(alarm_id) = alarm_id else {
        return Ok(None);
    };
    let filter = AlarmFilter {
        statuses: &AlarmStatus::ALL,
        device: None,
        plant: None,
        before: Some(alarm_id + 1),
    };
    Ok(alarm_list(tx, filter, 1).await?.pop())
}

/// Notes that somebody has seen to an alarm, unless somebody had already. What a device reported is over by that. Tells whether
/// it ended it; none when nothing changed.
pub(in crate::equipment) async fn alarm_acknowledge(
    tx: &mut TenantTx,
    alarm: i64,
    by: &str,
    note: Option<&str>,
    now: Timestamp,
) -> Result<Option<bool>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let ended = sqlx::query_scalar!(
        r#"update device_alarm set acknowledged_at = $3, acknowledged_by = $4, note = $5,
               cleared_at = case when source = 'device' then coalesce(cleared_at, $3) else cleared_at end
           where tenant_id = $1 and alarm_id = $2 and acknowledged_at is null
           returning source = 'device' as "ended!""#,
        tenant_id,
        alarm,
        Instant(now) as _,
        by,
        note,
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(ended)
}

/// Removes alarms that were over before an instant and that somebody has seen to, at most `limit` of the oldest; says how many.
pub(in crate::equipment) async fn alarms_remove(
    tx: &mut TenantTx,
    before: Timestamp,
    limit: i64,
) -> Result<u64, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let removed = sqlx::query!(
        "delete from device_alarm as a using (
             select alarm_id from device_alarm
             where tenant_id = $1 and cleared_at < $2 and acknowledged_at is not null
             order by cleared_at limit $3
         ) as old
         where a.tenant_id = $1 and a.alarm_id = old.alarm_id",
        tenant_id,
        Instant(before) as _,
        limit,
    )
    .execute(tx.conn())
    .await?;
    Ok(removed.rows_affected())
}
