//! The SQL of jobs.

use agog_sync::ids::{JobId, PlantId};
use jiff::Timestamp;
use sqlx::types::Json;

use crate::db::{DbError, Instant, TenantTx};
use crate::exchange::model::{JobError, JobRow, JobStatus, NewJob, PhaseEntry, TimelineEntry};

/// Makes a job of the office. A number that the plant has already is refused by `job_number_key`.
pub(in crate::exchange) async fn job_create(
    tx: &mut TenantTx,
    job: &NewJob<'_>,
    now: Timestamp,
) -> Result<i64, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let job_key = sqlx::query_scalar!(
        "insert into job (tenant_id, public_id, number, plant_id, device, order_number, customer, jdf, output_number,
             output_material, status, status_at, created_at, created_by, updated_at, hold, priority)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $13, $12, $14, $15)
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
        job.hold,
        job.priority.and_then(|priority| i32::try_from(priority).ok()),
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
    for file in job.files {
        sqlx::query!(
            "insert into job_file (tenant_id, job_id, content_id, name, media_type, bytes, blake3)
             values ($1, $2, $3, $4, $5, $6, $7)",
            tenant_id,
            job_key,
            file.content_id,
            file.name,
            file.media_type,
            i64::try_from(file.bytes).unwrap_or(i64::MAX),
            &file.blake3.as_bytes()[..],
        )
        .execute(tx.conn())
        .await?;
    }
    Ok(job_key)
}

/// Which jobs.
#[derive(Debug, Default)]
pub(in crate::exchange) struct JobFilter {
    pub id: Option<JobId>,
    pub status: Option<JobStatus>,
    pub plant_id: Option<PlantId>,
    pub device: Option<String>,
    pub number: Option<String>,
}

/// Jobs before the given one, newest first.
pub(in crate::exchange) async fn job_list(
    tx: &mut TenantTx,
    filter: &JobFilter,
    before: i64,
    limit: i64,
) -> Result<Vec<JobRow>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        r#"select job_id, public_id, number, plant_id, device, order_number, customer, output_number, output_material,
               hold, priority, jdf is not null as "is_ours!", status, good_amount, waste_amount,
               error as "error: Json<JobError>", differences,
               status_at as "status_at: Instant", started_at as "started_at: Instant", ended_at as "ended_at: Instant",
               created_at as "created_at: Instant", created_by
           from job where tenant_id = $1 and job_id < $2 and ($4::uuid is null or public_id = $4)
               and ($5::text is null or status = $5) and ($6::uuid is null or plant_id = $6)
               and ($7::text is null or device = $7) and ($8::text is null or number = $8)
           order by job_id desc limit $3"#,
        tenant_id,
        before,
        limit,
        filter.id.map(|id| id.uuid()),
        filter.status.map(JobStatus::as_str),
        filter.plant_id.map(|id| id.uuid()),
        filter.device,
        filter.number,
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
            hold: row.hold,
            priority: row.priority,
            is_ours: row.is_ours,
            status: row.status,
            status_at: row.status_at.0,
            good: row.good_amount.normalize(),
            waste: row.waste_amount.normalize(),
            error: row.error.map(|error| error.0),
            differences: row.differences,
            started_at: row.started_at.map(|at| at.0),
            ended_at: row.ended_at.map(|at| at.0),
            created_at: row.created_at.0,
            created_by: row.created_by,
        })
        .collect())
}

/// A job.
pub(in crate::exchange) async fn job_find(
    tx: &mut TenantTx,
    id: JobId,
) -> Result<Option<JobRow>, DbError> {
    let filter = JobFilter {
        id: Some(id),
        ..JobFilter::default()
    };
    Ok(job_list(tx, &filter, i64::MAX, 1).await?.pop())
}

/// Locks a job until the transaction ends, so that what is decided about it is still so when it is stored.
pub(in crate::exchange) async fn job_lock(tx: &mut TenantTx, job_key: i64) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "select job_id from job where tenant_id = $1 and job_id = $2 for no key update",
        tenant_id,
        job_key,
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(())
}

/// The ticket of a job as it was given out.
pub(in crate::exchange) async fn job_jdf(
    tx: &mut TenantTx,
    id: JobId,
) -> Result<Option<String>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let jdf = sqlx::query_scalar!(
        "select jdf from job where tenant_id = $1 and public_id = $2",
        tenant_id,
        id.uuid(),
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(jdf.flatten())
}

/// The lots that a job was given, by number.
pub(in crate::exchange) async fn job_inputs(
    tx: &mut TenantTx,
    job_key: i64,
) -> Result<Vec<String>, DbError> {
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
pub(in crate::exchange) async fn job_timeline(
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

/// The newest phases of a job, in their order.
pub(in crate::exchange) async fn job_phases(
    tx: &mut TenantTx,
    job_key: i64,
    limit: i64,
) -> Result<Vec<PhaseEntry>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        r#"select device, job_part, part, status, status_details, started_at as "started_at: Instant",
               ended_at as "ended_at: Instant", good_amount, waste_amount
           from job_phase where tenant_id = $1 and job_id = $2 order by ended_at desc, phase_id desc limit $3"#,
        tenant_id,
        job_key,
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .rev()
        .map(|row| PhaseEntry {
            device: row.device,
            job_part: row.job_part,
            part: row.part,
            status: row.status,
            status_details: row.status_details,
            started_at: row.started_at.map(|at| at.0),
            ended_at: row.ended_at.0,
            good: row.good_amount.map(|amount| amount.normalize()),
            waste: row.waste_amount.map(|amount| amount.normalize()),
        })
        .collect())
}

/// Those of the given jobs that have ended.
pub async fn jobs_ended(tx: &mut TenantTx, jobs: &[JobId]) -> Result<Vec<JobId>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let jobs: Vec<_> = jobs.iter().map(JobId::uuid).collect();
    let rows = sqlx::query!(
        "select public_id, status from job where tenant_id = $1 and public_id = any($2)",
        tenant_id,
        &jobs,
    )
    .fetch_all(tx.conn())
    .await?;
    let ended = rows
        .into_iter()
        .filter(|row| JobStatus::of_text(&row.status).is_some_and(JobStatus::is_end));
    Ok(ended.map(|row| JobId::from_uuid(row.public_id)).collect())
}
