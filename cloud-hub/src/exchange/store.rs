//! The SQL of jobs.

use agog_sync::event::JobStep;
use agog_sync::ids::{JobId, PlantId};
use jiff::Timestamp;
use sqlx::types::Json;

use super::model::{JobRow, JobStatus, NewJob, Step, TimelineEntry};
use crate::db::{DbError, Instant, TenantTx};

/// Makes a job of the office. A number that the plant has already is refused by `job_number_key`.
pub(super) async fn job_create(
    tx: &mut TenantTx,
    job: &NewJob<'_>,
    now: Timestamp,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let job_key = sqlx::query_scalar!(
        "insert into job (tenant_id, public_id, number, plant_id, device, order_number, customer, jdf, output_number,
             output_material, status, status_at, created_at, created_by, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $13, $12)
         returning job_id",
        tenant_id,
        job.job_id.uuid(),
        job.number,
        job.plant_id.uuid(),
        job.device,
        job.order,
        job.customer,
        job.jdf,
        job.output_number,
        job.output_material,
        JobStatus::Sent.as_str(),
        Instant(now) as _,
        job.created_by,
    )
    .fetch_one(tx.conn())
    .await?;
    sqlx::query!(
        "insert into job_input (tenant_id, job_id, lot_number)
         select $1, $2, number from unnest($3::text[]) as number on conflict do nothing",
        tenant_id,
        job_key,
        job.inputs,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Finds the job that a plant speaks of, by the hub's id or by the plant's number, or makes it known.
pub(super) async fn job_ensure(
    tx: &mut TenantTx,
    plant_id: PlantId,
    step: &Step<'_>,
    new_id: JobId,
) -> Result<i64, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let job = &step.progress.job;
    let known = sqlx::query_scalar!(
        "select job_id from job where tenant_id = $1 and (public_id = $2 or (plant_id = $3 and number = $4))
         order by public_id = $2 desc nulls last limit 1",
        tenant_id,
        job.job_id.map(|job_id| job_id.uuid()),
        plant_id.uuid(),
        job.number,
    )
    .fetch_optional(tx.conn())
    .await?;
    if let Some(job_key) = known {
        return Ok(job_key);
    }
    Ok(sqlx::query_scalar!(
        "insert into job (tenant_id, public_id, number, plant_id, device, order_number, customer, status, status_at,
             created_at, created_by, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $10)
         on conflict (tenant_id, plant_id, number) do update set updated_at = excluded.updated_at
         returning job_id",
        tenant_id,
        new_id.uuid(),
        job.number,
        plant_id.uuid(),
        step.progress.device,
        job.order,
        job.customer,
        JobStatus::Received.as_str(),
        Instant(step.at) as _,
        Instant(step.now) as _,
        step.actor,
    )
    .fetch_one(tx.conn())
    .await?)
}

/// Brings a job up to date with a step that its plant reports, and keeps the step in its timeline.
pub(super) async fn job_step_add(
    tx: &mut TenantTx,
    job_key: i64,
    step: &Step<'_>,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let progress = step.progress;
    let started_at = progress
        .started_at
        .or((step.kind == JobStep::Started).then_some(step.at));
    sqlx::query!(
        "update job set
             status = coalesce($3, status),
             status_at = case when $3::text is null then status_at else $4 end,
             device = $5,
             order_number = coalesce(order_number, $6),
             customer = coalesce(customer, $7),
             good_amount = coalesce($8, good_amount),
             waste_amount = coalesce($9, waste_amount),
             started_at = coalesce($10, started_at),
             ended_at = coalesce($11, ended_at),
             updated_at = $12
         where tenant_id = $1 and job_id = $2",
        tenant_id,
        job_key,
        JobStatus::after(step.kind).map(JobStatus::as_str),
        Instant(step.at) as _,
        progress.device,
        progress.job.order,
        progress.job.customer,
        progress.good,
        progress.waste,
        started_at.map(Instant) as _,
        progress.ended_at.map(Instant) as _,
        Instant(step.now) as _,
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!(
        "insert into job_event (tenant_id, job_id, event_id, kind, actor, detail, occurred_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
        tenant_id,
        job_key,
        step.event_id.uuid(),
        step.kind.kind(),
        step.actor,
        Json(progress) as _,
        Instant(step.at) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Jobs after the given one, newest first, and only that of `public_id` when it is given.
pub(super) async fn job_list(
    tx: &mut TenantTx,
    public_id: Option<JobId>,
    before: i64,
    limit: i64,
) -> Result<Vec<JobRow>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        r#"select job_id, public_id, number, plant_id, device, order_number, customer, output_number, output_material,
               status, good_amount, waste_amount, status_at as "status_at: Instant",
               started_at as "started_at: Instant", ended_at as "ended_at: Instant",
               created_at as "created_at: Instant", created_by
           from job where tenant_id = $1 and job_id < $2 and ($4::uuid is null or public_id = $4)
           order by job_id desc limit $3"#,
        tenant_id,
        before,
        limit,
        public_id.map(|id| id.uuid()),
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| JobRow {
            key: row.job_id,
            job_id: JobId::from_uuid(row.public_id),
            number: row.number,
            plant_id: PlantId::from_uuid(row.plant_id),
            device: row.device,
            order: row.order_number,
            customer: row.customer,
            output_number: row.output_number,
            output_material: row.output_material,
            status: row.status,
            status_at: row.status_at.0,
            good: row.good_amount.normalize(),
            waste: row.waste_amount.normalize(),
            started_at: row.started_at.map(|at| at.0),
            ended_at: row.ended_at.map(|at| at.0),
            created_at: row.created_at.0,
            created_by: row.created_by,
        })
        .collect())
}

/// The lots that a job was given, by number.
pub(super) async fn job_inputs(tx: &mut TenantTx, job_key: i64) -> Result<Vec<String>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    Ok(sqlx::query_scalar!(
        "select lot_number from job_input where tenant_id = $1 and job_id = $2 order by lot_number",
        tenant_id,
        job_key,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// The newest steps of a job in the order in which they were reported.
pub(super) async fn job_timeline(
    tx: &mut TenantTx,
    job_key: i64,
    limit: i64,
) -> Result<Vec<TimelineEntry>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        r#"select event_id, kind, actor, detail, occurred_at as "occurred_at: Instant" from job_event
           where tenant_id = $1 and job_id = $2 order by entry_id desc limit $3"#,
        tenant_id,
        job_key,
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .rev()
        .map(|row| TimelineEntry {
            event_id: row.event_id,
            kind: row.kind,
            actor: row.actor,
            detail: row.detail,
            occurred_at: row.occurred_at.0,
        })
        .collect())
}
