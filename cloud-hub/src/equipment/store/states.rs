//! The SQL of device states and of the stops among them.
//!
//! States are ordered by their own time, and equal times by the order in which their events were made. A stop is not
//! stored: it is what lies between a state that is a stop and the next other one, so a report that comes late moves its
//! ends to where they belong.

use std::collections::BTreeMap;

use agog_sync::event::{DeviceState, ModuleState};
use agog_sync::ids::EventId;
use jiff::Timestamp;
use sqlx::types::Json;
use uuid::Uuid;

use crate::db::{DbError, Instant, TenantTx, column};
use crate::equipment::apply::{Before, Told};
use crate::equipment::model::{DeviceKey, StateRow, StopRow};

/// What is stored just before each of some places in the histories of devices.
pub(in crate::equipment) async fn states_before(
    tx: &mut TenantTx,
    places: &[(DeviceKey, Timestamp, EventId)],
) -> Result<BTreeMap<EventId, Before>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        r#"select e.event_id as "of!", s.event_id, s.state, s.detail, s.occurred_at as "occurred_at: Instant"
           from unnest($2::bigint[], $3::timestamptz[], $4::uuid[]) as e (device_id, at, event_id)
           cross join lateral (
               select event_id, state, detail, occurred_at from device_state
               where tenant_id = $1 and device_id = e.device_id and (occurred_at, event_id) < (e.at, e.event_id)
               order by occurred_at desc, event_id desc limit 1
           ) s"#,
        tenant_id,
        &column(places, |(device, ..)| device.0),
        &column(places, |(_, at, _)| Instant(*at)) as _,
        &column(places, |(.., event_id)| event_id.uuid()),
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let before = Before {
                place: (row.occurred_at.0, EventId::from_uuid(row.event_id)),
                state: row.state,
                detail: row.detail,
            };
            (EventId::from_uuid(row.of), before)
        })
        .collect())
}

/// Keeps states.
pub(in crate::equipment) async fn states_add(
    tx: &mut TenantTx,
    states: &[Told<'_, DeviceState>],
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    // A list of lists is no array of PostgreSQL's unless all are of one length, so operators travel as JSON.
    sqlx::query!(
        "insert into device_state (tenant_id, device_id, event_id, state, detail, job, occurred_at, condition,
             operation_mode, operators, modules)
         select $1, device_id, event_id, state, detail, job, occurred_at, condition, operation_mode,
             array(select jsonb_array_elements_text(operators)), modules
         from unnest($2::bigint[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::text[],
             $9::text[], $10::jsonb[], $11::jsonb[])
             as e (device_id, event_id, state, detail, job, occurred_at, condition, operation_mode, operators, modules)",
        tenant_id,
        &column(states, |told| told.device.0),
        &column(states, |told| told.event_id.uuid()),
        &column(states, |told| told.what.status.as_str()) as _,
        &column(states, |told| told.what.status_details.as_deref()) as _,
        &column(states, |told| told.what.job.as_deref()) as _,
        &column(states, |told| Instant(told.at)) as _,
        &column(states, |told| told.what.condition.as_deref()) as _,
        &column(states, |told| told.what.operation_mode.as_deref()) as _,
        &column(states, |told| Json(&told.what.operators)) as _,
        &column(states, |told| Json(&told.what.modules)) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Tells the current states of devices anew, of which states were just kept. The current state is the newest by its own
/// time, whichever came last, and it has lasted since the last one that was another. A device is there again when
/// its current state is one of those that were `heard`.
pub(in crate::equipment) async fn devices_tell(
    tx: &mut TenantTx,
    states: &[Told<'_, DeviceState>],
    heard: &[EventId],
    now: Timestamp,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let mut names: BTreeMap<DeviceKey, Option<&str>> = BTreeMap::new();
    for told in states {
        let name = names.entry(told.device).or_default();
        *name = told.what.name.as_deref().or(*name);
    }
    sqlx::query!(
        "update device d set name = coalesce(e.name, d.name), state = n.state, state_detail = n.detail,
             state_job = n.job, condition = n.condition, operation_mode = n.operation_mode, operators = n.operators,
             modules = n.modules, state_since = since.occurred_at,
             is_lost = d.is_lost and n.event_id <> all($4),
             updated_at = $5
         from unnest($2::bigint[], $3::text[]) as e (device_id, name)
         cross join lateral (
             select * from device_state s where s.tenant_id = $1 and s.device_id = e.device_id
             order by s.occurred_at desc, s.event_id desc limit 1
         ) n
         left join lateral (
             select s.occurred_at, s.event_id from device_state s
             where s.tenant_id = $1 and s.device_id = e.device_id
                 and (s.state, s.detail, s.job) is distinct from (n.state, n.detail, n.job)
             order by s.occurred_at desc, s.event_id desc limit 1
         ) other on true
         cross join lateral (
             select min(s.occurred_at) as occurred_at from device_state s
             where s.tenant_id = $1 and s.device_id = e.device_id
                 and (other.event_id is null or (s.occurred_at, s.event_id) > (other.occurred_at, other.event_id))
         ) since
         where d.tenant_id = $1 and d.device_id = e.device_id",
        tenant_id,
        &names.keys().map(|device| device.0).collect::<Vec<_>>(),
        &names.values().copied().collect::<Vec<_>>() as _,
        &heard.iter().map(EventId::uuid).collect::<Vec<_>>(),
        Instant(now) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// States of a device before the given one, newest first.
pub(in crate::equipment) async fn state_list(
    tx: &mut TenantTx,
    device: DeviceKey,
    before: Option<(Timestamp, Uuid)>,
    limit: i64,
) -> Result<Vec<StateRow>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        r#"select event_id, state, detail, job, condition, operation_mode, operators,
               modules as "modules: Json<Vec<ModuleState>>", occurred_at as "occurred_at: Instant"
           from device_state
           where tenant_id = $1 and device_id = $2 and ($3::timestamptz is null or (occurred_at, event_id) < ($3, $4))
           order by occurred_at desc, event_id desc limit $5"#,
        tenant_id,
        device.0,
        before.map(|(at, _)| Instant(at)) as _,
        before.map(|(_, event_id)| event_id),
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| StateRow {
            event_id: row.event_id,
            state: row.state,
            detail: row.detail,
            job: row.job,
            condition: row.condition,
            operation_mode: row.operation_mode,
            operators: row.operators,
            modules: row.modules.0,
            at: row.occurred_at.0,
        })
        .collect())
}

/// Stops of a device before the given one, newest first. Reports that say nothing new of state, reason
/// and job belong to one stop. Only states that are stops are read, from the index `device_state_stop`, whose condition
/// stands here as it stands there, and of each the states beside it.
pub(in crate::equipment) async fn stop_list(
    tx: &mut TenantTx,
    device: DeviceKey,
    before: Option<(Timestamp, Uuid)>,
    limit: i64,
) -> Result<Vec<StopRow>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let (before_at, before_id) = before.unzip();
    let rows = sqlx::query!(
        r#"select s.state, s.detail, s.job, s.modules as "modules: Json<Vec<ModuleState>>", s.event_id,
               s.occurred_at as "from: Instant", (
                   select n.occurred_at from device_state n
                   where n.tenant_id = $1 and n.device_id = $2
                       and (n.occurred_at, n.event_id) > (s.occurred_at, s.event_id)
                       and (n.state, n.detail, n.job) is distinct from (s.state, s.detail, s.job)
                   order by n.occurred_at, n.event_id limit 1
               ) as "until: Instant"
           from device_state s
           where s.tenant_id = $1 and s.device_id = $2 and s.state in ('Stopped', 'Down')
               and (s.occurred_at, s.event_id)
                   < (coalesce($3::timestamptz, 'infinity'), coalesce($4::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
               and not coalesce((
                   select (p.state, p.detail, p.job) is not distinct from (s.state, s.detail, s.job)
                   from device_state p
                   where p.tenant_id = $1 and p.device_id = $2
                       and (p.occurred_at, p.event_id) < (s.occurred_at, s.event_id)
                   order by p.occurred_at desc, p.event_id desc limit 1
               ), false)
           order by s.occurred_at desc, s.event_id desc limit $5"#,
        tenant_id,
        device.0,
        before_at.map(Instant) as _,
        before_id,
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| StopRow {
            event_id: row.event_id,
            state: row.state,
            reason: row.detail,
            job: row.job,
            modules: row.modules.0,
            from: row.from.0,
            to: row.until.map(|at| at.0),
        })
        .collect())
}
