//! The SQL of devices, their states and their telemetry.

mod alarms;
mod gaps;
mod numbers;
mod reports;
mod rollups;
mod rules;
mod samples;
mod series;
mod settings;
mod states;
mod timeline;

use std::collections::BTreeMap;

use agog_sync::event::ModuleState;
use agog_sync::ids::{DeviceId, PlantId};
use jiff::Timestamp;
use rand::rngs::StdRng;
use sqlx::types::Json;

use crate::db::{DbError, Instant, TenantTx};
use crate::equipment::model::{DeviceKey, DeviceRow};

pub(in crate::equipment) use alarms::{
    AlarmFilter, NewAlarm, StandingAlarm, alarm_acknowledge, alarm_by_id, alarm_clear, alarm_list,
    alarm_raise, alarms_remove, alarms_told,
};
pub(in crate::equipment) use gaps::{GapFilter, GapRow, gap_list, gaps_counted};
pub(in crate::equipment) use numbers::{Counted, Newest, counted, newest};
pub(in crate::equipment) use reports::{
    notification_list, notifications_add, resource_entries, resource_list, resources_add,
};
pub(in crate::equipment) use rollups::{
    Placed, rollup_list, rollups_add, rollups_remove, rollups_replace, rollups_within,
    samples_counted, samples_window, value_before,
};
pub(in crate::equipment) use rules::{
    RuleRow, rules_add, rules_keep, rules_of_series, rules_remove_others, series_devices,
};
pub(in crate::equipment) use samples::{
    day_drop, days_ahead, gap_add, sample_list, samples_copy, samples_within,
};
pub(in crate::equipment) use series::{SeriesNamed, series_ensure, series_list, series_of_metric};
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

/// Microseconds as an instant. Those of samples that are kept are within the years that both sides can write.
fn from_us(at_us: i64) -> Instant {
    Instant(Timestamp::from_microsecond(at_us).unwrap_or(Timestamp::MAX))
}
