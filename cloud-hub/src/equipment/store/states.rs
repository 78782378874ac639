//! The SQL of device states and of the stops among them.
//!
//! States are ordered by their own time, and equal times by the order in which their events were made. A stop is not
//! stored: it is what lies between a state that is a stop and the next other one, so a report that comes late moves its
//! ends to where they belong.

use agog_sync::event::{DeviceState, ModuleState};
use agog_sync::ids::EventId;
use jiff::Timestamp;
use sqlx::types::Json;
use uuid::Uuid;

use crate::db::{DbError, Instant, TenantTx};
use crate::equipment::model::{DeviceKey, StateRow, StopRow};

/// Keeps a state; the newest by its own time is the current one. Tells whether the device was in this state for this
/// reason just before.
pub(in crate::equipment) async fn device_state_add(
    tx: &mut TenantTx,
    device: DeviceKey,
    state: &DeviceState,
    at: Timestamp,
    event_id: EventId,
    now: Timestamp,
) -> Result<bool, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let before = sqlx::query!(
        "select state, detail from device_state
         where tenant_id = $1 and device_id = $2 and (occurred_at, event_id) < ($3, $4)
         order by occurred_at desc, event_id desc limit 1",
        tenant_id,
        device.0,
        Instant(at) as _,
        event_id.uuid(),
    )
    .fetch_optional(tx.conn())
    .await?;
    let goes_on = before.is_some_and(|before| {
        before.state == state.status && before.detail == state.status_details
    });
    sqlx::query!(
        "insert into device_state (tenant_id, device_id, event_id, state, detail, job, occurred_at, condition,
             operation_mode, operators, modules)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        tenant_id,
        device.0,
        event_id.uuid(),
        state.status,
        state.status_details,
        state.job,
        Instant(at) as _,
        state.condition,
        state.operation_mode,
        &state.operators,
        Json(&state.modules) as _,
    )
    .execute(tx.conn())
    .await?;
    // The current state is the newest row, whichever came last, and it has lasted since the last one that was another.
    sqlx::query!(
        "with newest as (
             select * from device_state where tenant_id = $1 and device_id = $2
             order by occurred_at desc, event_id desc limit 1
         ), other as (
             select s.occurred_at, s.event_id from device_state s, newest n
             where s.tenant_id = $1 and s.device_id = $2
                 and (s.state, s.detail, s.job) is distinct from (n.state, n.detail, n.job)
             order by s.occurred_at desc, s.event_id desc limit 1
         ), since as (
             select min(s.occurred_at) as occurred_at from device_state s left join other o on true
             where s.tenant_id = $1 and s.device_id = $2
                 and (o.event_id is null or (s.occurred_at, s.event_id) > (o.occurred_at, o.event_id))
         )
         update device d set name = coalesce($3, d.name), state = n.state, state_detail = n.detail, state_job = n.job,
             condition = n.condition, operation_mode = n.operation_mode, operators = n.operators, modules = n.modules,
             state_since = since.occurred_at,
             is_lost = d.is_lost and n.event_id <> $4,
             updated_at = $5
         from newest n, since
         where d.tenant_id = $1 and d.device_id = $2",
        tenant_id,
        device.0,
        state.name,
        event_id.uuid(),
        Instant(now) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(goes_on)
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
