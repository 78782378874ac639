//! The SQL of steps: the timeline of jobs, and what is read off it.

use std::collections::BTreeSet;

use agog_sync::event::{JobProgress, JobStep};
use agog_sync::ids::{EventId, JobId, PlantId};
use agog_sync::lots::JobRef;
use jiff::Timestamp;
use rust_decimal::Decimal;
use sqlx::types::Json;

use crate::db::{DbError, Instant, TenantTx};
use crate::exchange::course::{Course, Mark};
use crate::exchange::model::{JobStatus, Step};

/// The most steps that a course is told from. A job has some ten for each time that it is run; held and resumed as
/// often as this it is a broken device's, and its oldest steps count no more.
const MARKS_MAX: i64 = 2_000;

/// Locks jobs by the hub's id or, of a plant, by its number, in the order of their keys.
pub(in crate::exchange) async fn jobs_lock(
    tx: &mut TenantTx,
    plant_id: Option<PlantId>,
    jobs: &[&JobRef],
) -> Result<(), DbError> {
    if jobs.is_empty() {
        return Ok(());
    }
    let tenant_id = tx.tenant_id().uuid();
    let ids: BTreeSet<_> = jobs.iter().filter_map(|job| job.job_id).collect();
    let ids: Vec<_> = ids.iter().map(JobId::uuid).collect();
    // No job has a number that cannot be stored, and one bad event must not stop the others.
    let numbers = jobs.iter().map(|job| &job.number);
    let numbers: BTreeSet<_> = numbers.filter(|number| !number.contains('\0')).collect();
    let numbers: Vec<_> = numbers.into_iter().cloned().collect();
    sqlx::query!(
        "select job_id from job
         where tenant_id = $1 and (public_id = any($2) or (plant_id = $3 and number = any($4)))
         order by job_id for no key update",
        tenant_id,
        &ids,
        plant_id.map(|plant_id| plant_id.uuid()),
        &numbers,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(())
}

/// Finds the job that a plant speaks of, by the hub's id or by the plant's number, or makes it known; locks it until
/// the transaction ends, so that the office and the plant never tell its course at the same time.
pub(in crate::exchange) async fn job_ensure(
    tx: &mut TenantTx,
    plant_id: PlantId,
    step: &Step<'_>,
    new_id: JobId,
) -> Result<i64, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let job = &step.progress.job;
    let known = sqlx::query_scalar!(
        "select job_id from job where tenant_id = $1 and (public_id = $2 or (plant_id = $3 and number = $4))
         order by public_id = $2 desc nulls last limit 1 for no key update",
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

/// The job that the office speaks of, locked as by [`job_ensure`], and its plant.
pub(in crate::exchange) async fn job_of_office(
    tx: &mut TenantTx,
    job_id: JobId,
) -> Result<Option<(i64, PlantId)>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let row = sqlx::query!(
        "select job_id, plant_id from job where tenant_id = $1 and public_id = $2 for no key update",
        tenant_id,
        job_id.uuid(),
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|row| (row.job_id, PlantId::from_uuid(row.plant_id))))
}

/// Keeps a step in the timeline of its job, and the phase that ended with it.
pub(in crate::exchange) async fn step_add(
    tx: &mut TenantTx,
    job_key: i64,
    order_key: i64,
    step: &Step<'_>,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let progress = step.progress;
    sqlx::query!(
        "insert into job_event (tenant_id, job_id, event_id, kind, actor, detail, occurred_at, work_order_id, device,
             by_people, good_amount, waste_amount)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        tenant_id,
        job_key,
        step.event_id.uuid(),
        step.kind.kind(),
        step.actor,
        Json(progress) as _,
        Instant(step.at) as _,
        order_key,
        progress.device,
        step.by_people,
        progress.good,
        progress.waste,
    )
    .execute(tx.conn())
    .await?;
    let Some(phase) = &progress.closed_phase else {
        return Ok(());
    };
    sqlx::query!(
        "insert into job_phase (tenant_id, job_id, event_id, work_order_id, device, job_part, part, status,
             status_details, started_at, ended_at, good_amount, waste_amount)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        tenant_id,
        job_key,
        step.event_id.uuid(),
        order_key,
        progress.device,
        progress.job_part_id,
        Json(&progress.part) as _,
        phase.status,
        phase.status_details,
        phase.started_at.map(Instant) as _,
        Instant(step.at) as _,
        phase.good,
        phase.waste,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The steps of a job that can change its status, in the order of their times; equal times stay in the order in which
/// their ledger told them.
pub(in crate::exchange) async fn marks(
    tx: &mut TenantTx,
    job_key: i64,
) -> Result<Vec<Mark>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        r#"select event_id, kind, detail as "detail: Json<JobProgress>", occurred_at as "occurred_at: Instant",
               work_order_id, by_people
           from job_event
           where tenant_id = $1 and job_id = $2 and kind not in ('job.phase', 'job.requeued', 'job.command-refused', 'job.command-done')
           order by occurred_at desc, entry_id desc limit $3"#,
        tenant_id,
        job_key,
        MARKS_MAX,
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .rev()
        .map(|row| {
            let step = JobStep::of_kind(&row.kind)
                .ok_or_else(|| DbError::stored(format!("unknown step `{}`", row.kind)))?;
            Ok(Mark {
                event_id: EventId::from_uuid(row.event_id),
                step,
                at: row.occurred_at.0,
                order: row.work_order_id,
                by_people: row.by_people,
                progress: row.detail.0,
            })
        })
        .collect()
}

/// What a job's steps tell of a stretch of time: the newest amounts, and who worked.
pub(in crate::exchange) struct Told {
    pub good: Option<Decimal>,
    pub waste: Option<Decimal>,
    pub operators: Vec<String>,
}

/// What the steps of a work order tell after one end and until the next. A device may stamp the first signal of a run
/// before its start, but none of a run that has ended.
pub(in crate::exchange) async fn told(
    tx: &mut TenantTx,
    job_key: i64,
    order_key: i64,
    after: Option<Timestamp>,
    until: Option<Timestamp>,
) -> Result<Told, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let (after, until) = (after.map(Instant), until.map(Instant));
    let row = sqlx::query!(
        r#"with stretch as (
               select good_amount, waste_amount, detail, occurred_at, entry_id from job_event
               where tenant_id = $1 and job_id = $2 and coalesce(work_order_id, $3) = $3
                   and ($4::timestamptz is null or occurred_at > $4)
                   and ($5::timestamptz is null or occurred_at <= $5)
           )
           select
               (select good_amount from stretch where good_amount is not null
                order by occurred_at desc, entry_id desc limit 1) as good,
               (select waste_amount from stretch where waste_amount is not null
                order by occurred_at desc, entry_id desc limit 1) as waste,
               array(select distinct name from stretch,
                   jsonb_array_elements_text(coalesce(detail->'operators', '[]')) as name order by name)
                   as "operators!: Vec<String>""#,
        tenant_id,
        job_key,
        order_key,
        after as _,
        until as _,
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(Told {
        good: row.good,
        waste: row.waste,
        operators: row.operators,
    })
}

/// What steps say of their job itself.
#[derive(Debug, Default)]
pub(in crate::exchange) struct JobSaid {
    order: Option<String>,
    customer: Option<String>,
    /// Its place in the queue of its device, when that was changed.
    priority: Option<i32>,
}

impl JobSaid {
    /// Takes in the next step: the first order and customer stand, the last priority counts.
    pub(in crate::exchange) fn step(&mut self, step: &Step<'_>) {
        let job = &step.progress.job;
        self.order = self.order.take().or_else(|| job.order.clone());
        self.customer = self.customer.take().or_else(|| job.customer.clone());
        if step.kind == JobStep::Requeued
            && let Some(priority) = step.progress.priority
            && let Ok(priority) = i32::try_from(priority)
        {
            self.priority = Some(priority);
        }
    }
}

/// Brings a job up to date with its course. `device` is the one that it was given to last. Amounts are those of all runs
/// of its last work order that has one: what was made before went into that.
pub(in crate::exchange) async fn job_put(
    tx: &mut TenantTx,
    job_key: i64,
    course: Option<&Course>,
    device: Option<&str>,
    said: &JobSaid,
    now: Timestamp,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let run = course.and_then(|course| course.runs.last());
    let end = run.and_then(|run| run.end.as_ref());
    let differences = end.map(|end| &end.differences[..]).unwrap_or_default();
    sqlx::query!(
        "update job set
             status = coalesce($3, status), status_at = coalesce($4, status_at), device = coalesce($5, device),
             order_number = coalesce(order_number, $6), customer = coalesce(customer, $7),
             error = $8, differences = $9, started_at = $10, ended_at = $11, updated_at = $12,
             priority = coalesce($13, priority),
             (good_amount, waste_amount) = (
                 select coalesce(newest.good_amount, told.good, 0), coalesce(newest.waste_amount, told.waste, 0)
                 from (select
                     (select good_amount from job_event where tenant_id = $1 and job_id = $2 and good_amount is not null
                      order by occurred_at desc, entry_id desc limit 1) as good,
                     (select waste_amount from job_event where tenant_id = $1 and job_id = $2 and waste_amount is not null
                      order by occurred_at desc, entry_id desc limit 1) as waste) as told
                 left join lateral (
                     select sum(r.good_amount) as good_amount, sum(r.waste_amount) as waste_amount from job_run r
                         join work_order o on o.tenant_id = r.tenant_id and o.work_order_id = r.work_order_id
                     where r.tenant_id = $1 and r.job_id = $2 group by o.place order by o.place desc limit 1
                 ) as newest on true
             )
         where tenant_id = $1 and job_id = $2",
        tenant_id,
        job_key,
        course.map(|course| course.status.as_str()),
        course.map(|course| Instant(course.status_at)) as _,
        device,
        said.order,
        said.customer,
        course.and_then(|course| course.error.as_ref()).map(Json) as _,
        Json(differences) as _,
        run.map(|run| Instant(run.started_at)) as _,
        end.map(|end| Instant(end.ended_at)) as _,
        Instant(now) as _,
        said.priority,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
