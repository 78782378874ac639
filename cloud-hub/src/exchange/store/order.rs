//! The SQL of work orders.

use agog_sync::event::JobProgress;
use agog_sync::ids::{JobId, WorkOrderId};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rust_decimal::Decimal;

use crate::db::{DbError, Instant, TenantTx};
use crate::exchange::course::Course;
use crate::exchange::model::{JobStatus, NewOrder, OrderRow};

/// The status of a work order that nobody has begun.
const WAITING: &str = "waiting";

/// Makes the work orders of a job, in the order of work.
pub(in crate::exchange) async fn orders_add(
    tx: &mut TenantTx,
    job_key: i64,
    orders: &[NewOrder],
    now: Timestamp,
    rng: &mut StdRng,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    for (order, place) in orders.iter().zip(1i32..) {
        sqlx::query!(
            "insert into work_order (tenant_id, public_id, job_id, place, name, process, job_part, planned_device,
                 planned_amount, waits_for, updated_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
             on conflict (tenant_id, job_id, place) do nothing",
            tenant_id,
            WorkOrderId::generate(now, rng).uuid(),
            job_key,
            place,
            order.name,
            order.process,
            order.job_part,
            order.device,
            order.amount,
            &order.waits_for,
            Instant(now) as _,
        )
        .execute(tx.conn())
        .await?;
    }
    Ok(())
}

/// How many work orders a job has.
pub(in crate::exchange) async fn order_count(
    tx: &mut TenantTx,
    job_key: i64,
) -> Result<i64, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!" from work_order where tenant_id = $1 and job_id = $2"#,
        tenant_id,
        job_key,
    )
    .fetch_one(tx.conn())
    .await?)
}

/// The work order that a step is about: the one that it names, else that of the named node, else that which the device worked on last, else that
/// which is planned on the device, else the first.
pub(in crate::exchange) async fn order_of_step(
    tx: &mut TenantTx,
    job_key: i64,
    progress: &JobProgress,
) -> Result<Option<i64>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    Ok(sqlx::query_scalar!(
        "select o.work_order_id from work_order o
         where o.tenant_id = $1 and o.job_id = $2
         order by (o.public_id = $5) is true desc, (o.job_part = $3) is true desc,
             (o.work_order_id = (
                 select e.work_order_id from job_event e
                 where e.tenant_id = $1 and e.job_id = $2 and e.device = $4 and e.work_order_id is not null
                 order by e.entry_id desc limit 1
             )) is true desc,
             (o.planned_device = $4) is true desc, o.place
         limit 1",
        tenant_id,
        job_key,
        progress.job_part_id,
        progress.device,
        progress.work_order_id.map(|id| id.uuid()),
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// The work orders of a job, or one by its id, in the order of work.
pub(in crate::exchange) async fn order_list(
    tx: &mut TenantTx,
    job_key: Option<i64>,
    id: Option<WorkOrderId>,
) -> Result<Vec<OrderRow>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        r#"select public_id, job_id, place, name, process, job_part, planned_device, planned_amount, waits_for, status,
               device, operators, good_amount, waste_amount, started_at as "started_at: Instant",
               ended_at as "ended_at: Instant", exists (
                   select from job_event e
                   where e.tenant_id = $1 and e.job_id = work_order.job_id and e.work_order_id = work_order.work_order_id
                       and not e.by_people and e.kind in ('job.started', 'job.completed', 'job.aborted')
               ) as "is_followed!"
           from work_order
           where tenant_id = $1 and ($2::bigint is null or job_id = $2) and ($3::uuid is null or public_id = $3)
           order by job_id, place"#,
        tenant_id,
        job_key,
        id.map(|id| id.uuid()),
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| OrderRow {
            id: WorkOrderId::from_uuid(row.public_id),
            job_key: row.job_id,
            place: row.place,
            name: row.name,
            process: row.process,
            job_part: row.job_part,
            planned_device: row.planned_device,
            planned_amount: row.planned_amount.map(|amount| amount.normalize()),
            waits_for: row.waits_for,
            status: row.status,
            device: row.device,
            operators: row.operators,
            good: row.good_amount.normalize(),
            waste: row.waste_amount.normalize(),
            started_at: row.started_at.map(|at| at.0),
            ended_at: row.ended_at.map(|at| at.0),
            is_followed: row.is_followed,
        })
        .collect())
}

/// The job of a work order.
pub(in crate::exchange) async fn job_of(
    tx: &mut TenantTx,
    id: WorkOrderId,
) -> Result<Option<JobId>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let found = sqlx::query_scalar!(
        "select j.public_id from work_order o join job j on j.tenant_id = o.tenant_id and j.job_id = o.job_id
         where o.tenant_id = $1 and o.public_id = $2",
        tenant_id,
        id.uuid(),
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(found.map(JobId::from_uuid))
}

/// Amounts and people of a run, or of all runs of a work order together.
#[derive(Debug, Default, Clone)]
pub(in crate::exchange) struct Figures {
    pub good: Decimal,
    pub waste: Decimal,
    pub operators: Vec<String>,
}

impl Figures {
    /// With those of the next run, whose people are the newest.
    pub(in crate::exchange) fn and(&self, next: &Self) -> Self {
        Self {
            good: self.good.saturating_add(next.good),
            waste: self.waste.saturating_add(next.waste),
            operators: next.operators.clone(),
        }
    }
}

/// Brings a work order up to date with its course.
pub(in crate::exchange) async fn order_put(
    tx: &mut TenantTx,
    order_key: i64,
    course: &Course,
    figures: &Figures,
    now: Timestamp,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let status = match course.status {
        JobStatus::Sent | JobStatus::Received | JobStatus::Submitted => WAITING,
        status => status.as_str(),
    };
    let run = course.runs.last();
    let end = run.and_then(|run| run.end.as_ref());
    // The device of a job that waits does not run its first step for that: it may be planned elsewhere.
    let device = run
        .map(|run| &*run.device)
        .or_else(|| (status != WAITING).then_some(&*course.device));
    sqlx::query!(
        "update work_order set status = $3, device = $4, operators = $5, good_amount = $6, waste_amount = $7,
             started_at = $8, ended_at = $9, updated_at = $10
         where tenant_id = $1 and work_order_id = $2",
        tenant_id,
        order_key,
        status,
        device,
        &figures.operators,
        figures.good,
        figures.waste,
        run.map(|run| Instant(run.started_at)) as _,
        end.map(|end| Instant(end.ended_at)) as _,
        Instant(now) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
