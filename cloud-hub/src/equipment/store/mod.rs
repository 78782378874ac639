//! The SQL of devices, their states and their telemetry.

mod alarms;
mod numbers;
mod reports;
mod rules;
mod settings;
mod states;
mod timeline;

use std::collections::BTreeMap;

use agog_sync::event::ModuleState;
use agog_sync::ids::{DeviceId, EventId, PlantId};
use jiff::Timestamp;
use rand::rngs::StdRng;
use sqlx::types::Json;

use crate::db::{DbError, Instant, TenantTx};
use crate::equipment::model::{DeviceKey, DeviceRow, Gap, Point, SeriesId, SeriesRow};

pub(in crate::equipment) use alarms::{
    AlarmFilter, NewAlarm, StandingAlarm, alarm_acknowledge, alarm_by_id, alarm_clear, alarm_list,
    alarm_raise, alarms_told,
};
pub(in crate::equipment) use numbers::{Counted, Newest, counted, newest};
pub(in crate::equipment) use reports::{
    notification_list, notifications_add, resource_entries, resource_list, resources_add,
};
pub(in crate::equipment) use rules::{
    RuleRow, rules_add, rules_keep, rules_of_series, rules_remove_others, series_devices,
};
pub(in crate::equipment) use settings::{SettingsRow, device_lock, settings_of, settings_put};
pub(in crate::equipment) use states::{
    devices_tell, state_list, states_add, states_before, stop_list,
};
pub(in crate::equipment) use timeline::{Contact, DoingNow, contacts_add, doing_now, timeline};

/// Finds devices of a plant by their codes, or makes them known, and notes when they were heard of. In the order of their
/// codes, so that two transactions wait for each other and never deadlock.
pub(in crate::equipment) async fn devices_ensure(
    tx: &mut TenantTx,
    plant_id: PlantId,
    seen: &BTreeMap<&str, Timestamp>,
    now: Timestamp,
    rng: &mut StdRng,
) -> Result<BTreeMap<String, DeviceKey>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let codes: Vec<&str> = seen.keys().copied().collect();
    let new_ids: Vec<_> = codes
        .iter()
        .map(|_| DeviceId::generate(now, rng).uuid())
        .collect();
    let seen_at: Vec<_> = seen.values().map(|at| Instant(*at)).collect();
    let rows = sqlx::query!(
        "insert into device (tenant_id, plant_id, code, public_id, last_seen_at, created_at, updated_at)
         select $1, $2, code, public_id, seen_at, $3, $3
         from unnest($4::text[], $5::uuid[], $6::timestamptz[]) as e (code, public_id, seen_at) order by code
         on conflict (tenant_id, plant_id, code) do update set
             last_seen_at = greatest(device.last_seen_at, excluded.last_seen_at)
         returning code, device_id",
        tenant_id,
        plant_id.uuid(),
        Instant(now) as _,
        &codes as _,
        &new_ids,
        &seen_at as _,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.code, DeviceKey(row.device_id)))
        .collect())
}

/// Locks devices of a plant, as far as they are known, in the order of their codes.
pub(in crate::equipment) async fn devices_lock(
    tx: &mut TenantTx,
    plant_id: PlantId,
    codes: &[&str],
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "select device_id from device where tenant_id = $1 and plant_id = $2 and code = any($3::text[])
         order by code for no key update",
        tenant_id,
        plant_id.uuid(),
        codes as _,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(())
}

/// Notes that contact with devices was lost or found.
pub(in crate::equipment) async fn devices_contact(
    tx: &mut TenantTx,
    contacts: &BTreeMap<DeviceKey, bool>,
    now: Timestamp,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "update device d set is_lost = e.is_lost, updated_at = $2
         from unnest($3::bigint[], $4::boolean[]) as e (device_id, is_lost)
         where d.tenant_id = $1 and d.device_id = e.device_id",
        tenant_id,
        Instant(now) as _,
        &contacts.keys().map(|device| device.0).collect::<Vec<_>>(),
        &contacts.values().copied().collect::<Vec<_>>(),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Devices after the given one, and only that of `public_id` when it is given.
pub(in crate::equipment) async fn device_list(
    tx: &mut TenantTx,
    public_id: Option<DeviceId>,
    after: i64,
    limit: i64,
) -> Result<Vec<DeviceRow>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        r#"select device_id, public_id, plant_id, code, name, state, state_detail, state_job, is_lost, condition,
               operation_mode, operators, modules as "modules: Json<Vec<ModuleState>>",
               state_since as "state_since: Instant", last_seen_at as "last_seen_at: Instant"
           from device where tenant_id = $1 and device_id > $2 and ($4::uuid is null or public_id = $4)
           order by device_id limit $3"#,
        tenant_id,
        after,
        limit,
        public_id.map(|id| id.uuid()),
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| DeviceRow {
            key: DeviceKey(row.device_id),
            id: DeviceId::from_uuid(row.public_id),
            plant_id: PlantId::from_uuid(row.plant_id),
            code: row.code,
            name: row.name,
            state: row.state,
            state_detail: row.state_detail,
            state_job: row.state_job,
            condition: row.condition,
            operation_mode: row.operation_mode,
            operators: row.operators,
            modules: row.modules.0,
            state_since: row.state_since.map(|at| at.0),
            is_lost: row.is_lost,
            last_seen_at: row.last_seen_at.0,
        })
        .collect())
}

/// Finds a series of a device, or makes it known.
pub(in crate::equipment) async fn series_ensure(
    tx: &mut TenantTx,
    device: DeviceKey,
    metric: &str,
    unit: Option<&str>,
    now: Timestamp,
) -> Result<SeriesId, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let known = sqlx::query_scalar!(
        "select series_id from telemetry_series where tenant_id = $1 and device_id = $2 and metric = $3",
        tenant_id,
        device.0,
        metric,
    )
    .fetch_optional(tx.conn())
    .await?;
    if let Some(series_id) = known {
        return Ok(SeriesId(series_id));
    }
    // Blocks of one agent come one after the other, but an agent and its successor may overlap: the row that the
    // other one has just made is found by the second statement.
    let made = sqlx::query_scalar!(
        "insert into telemetry_series (tenant_id, device_id, metric, unit, created_at) values ($1, $2, $3, $4, $5)
         on conflict (tenant_id, device_id, metric) do nothing returning series_id",
        tenant_id,
        device.0,
        metric,
        unit,
        Instant(now) as _,
    )
    .fetch_optional(tx.conn())
    .await?;
    if let Some(series_id) = made {
        return Ok(SeriesId(series_id));
    }
    let series_id = sqlx::query_scalar!(
        "select series_id from telemetry_series where tenant_id = $1 and device_id = $2 and metric = $3",
        tenant_id,
        device.0,
        metric,
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(SeriesId(series_id))
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

/// Stores raw samples through the one function that may, and adds them to their minutes.
pub(in crate::equipment) async fn samples_add(
    tx: &mut TenantTx,
    series: &[i64],
    times_us: &[i64],
    values: &[f64],
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query_scalar!(
        "select telemetry_insert($1, $2, $3)",
        series,
        times_us,
        values
    )
    .fetch_one(tx.conn())
    .await?;
    // In the order of the key, so that two batches that meet in a minute wait for each other and never deadlock.
    sqlx::query!(
        "insert into telemetry_minute as kept (tenant_id, series_id, minute, sample_count, sum, min, max, last, last_at)
         select $1, s.series_id, date_trunc('minute', s.at, 'UTC'), count(*), sum(s.value), min(s.value), max(s.value),
             (array_agg(s.value order by s.at desc))[1], max(s.at)
         from (
             select u.series_id, u.value, to_timestamp(0) + u.time_us * interval '1 microsecond' as at
             from unnest($2::bigint[], $3::bigint[], $4::double precision[]) as u (series_id, time_us, value)
         ) s
         group by s.series_id, date_trunc('minute', s.at, 'UTC')
         order by 2, 3
         on conflict (tenant_id, series_id, minute) do update set
             sample_count = kept.sample_count + excluded.sample_count,
             sum = kept.sum + excluded.sum,
             min = least(kept.min, excluded.min),
             max = greatest(kept.max, excluded.max),
             last = case when excluded.last_at >= kept.last_at then excluded.last else kept.last end,
             last_at = greatest(kept.last_at, excluded.last_at)",
        tenant_id,
        series,
        times_us,
        values,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Keeps that samples are missing.
pub(in crate::equipment) async fn gap_add(
    tx: &mut TenantTx,
    plant_id: PlantId,
    gap: &Gap,
    event_id: Option<EventId>,
    block: Option<u64>,
    now: Timestamp,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "insert into telemetry_gap (tenant_id, plant_id, device, reason, sample_count, from_at, to_at, event_id, block,
             recorded_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        tenant_id,
        plant_id.uuid(),
        gap.device,
        gap.reason,
        i64::try_from(gap.count).unwrap_or(i64::MAX),
        Instant(gap.from) as _,
        Instant(gap.to) as _,
        event_id.map(|event_id| event_id.uuid()),
        block.map(|block| i64::try_from(block).unwrap_or(i64::MAX)),
        Instant(now) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Raw samples of a series from `from` until before `to`, oldest first.
pub(in crate::equipment) async fn samples(
    tx: &mut TenantTx,
    series: SeriesId,
    from: Timestamp,
    to: Timestamp,
    limit: i64,
) -> Result<Vec<Point>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        r#"select at as "at!: Instant", value as "value!" from telemetry_sample
           where tenant_id = $1 and series_id = $2 and at >= $3 and at < $4 order by at limit $5"#,
        tenant_id,
        series.0,
        Instant(from) as _,
        Instant(to) as _,
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Point {
            at: row.at.0,
            value: row.value,
            min: None,
            max: None,
            samples: None,
        })
        .collect())
}

/// Minutes of a series that begin from `from` until before `to`, oldest first.
pub(in crate::equipment) async fn minutes(
    tx: &mut TenantTx,
    series: SeriesId,
    from: Timestamp,
    to: Timestamp,
    limit: i64,
) -> Result<Vec<Point>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        r#"select minute as "minute: Instant", sample_count, sum / sample_count as "mean!", min, max
           from telemetry_minute
           where tenant_id = $1 and series_id = $2 and minute >= $3 and minute < $4 order by minute limit $5"#,
        tenant_id,
        series.0,
        Instant(from) as _,
        Instant(to) as _,
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Point {
            at: row.minute.0,
            value: row.mean,
            min: Some(row.min),
            max: Some(row.max),
            samples: Some(row.sample_count),
        })
        .collect())
}

/// Whether a plant has told of a device.
pub async fn device_is_known(
    tx: &mut TenantTx,
    plant_id: PlantId,
    code: &str,
) -> Result<bool, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let found = sqlx::query_scalar!(
        "select 1 as one from device where tenant_id = $1 and plant_id = $2 and code = $3",
        tenant_id,
        plant_id.uuid(),
        code,
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(found.is_some())
}
