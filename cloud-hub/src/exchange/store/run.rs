//! The SQL of runs.

use agog_sync::ids::{JobId, PlantId, WorkOrderId};
use jiff::Timestamp;
use sqlx::types::Json;

use super::order::Figures;
use crate::db::{DbError, Instant, TenantTx};
use crate::exchange::course::Run;
use crate::exchange::model::{JobError, RunRow};

/// Where a run belongs.
#[derive(Debug, Clone, Copy)]
pub(in crate::exchange) struct RunPlace {
    pub plant_id: PlantId,
    pub job_key: i64,
    pub order_key: i64,
    /// From 1.
    pub run: i32,
}

/// Brings a run up to date, or makes it.
pub(in crate::exchange) async fn run_put(
    tx: &mut TenantTx,
    place: RunPlace,
    run: &Run,
    figures: &Figures,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let end = run.end.as_ref();
    let differences = end.map(|end| &end.differences[..]).unwrap_or_default();
    sqlx::query!(
        "insert into job_run (tenant_id, plant_id, job_id, work_order_id, run, device, job_part, operators, status,
             good_amount, waste_amount, differences, error, started_at, ended_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
         on conflict (tenant_id, work_order_id, run) do update set device = excluded.device,
             job_part = excluded.job_part, operators = excluded.operators, status = excluded.status,
             good_amount = excluded.good_amount, waste_amount = excluded.waste_amount,
             differences = excluded.differences, error = excluded.error, started_at = excluded.started_at,
             ended_at = excluded.ended_at",
        tenant_id,
        place.plant_id.uuid(),
        place.job_key,
        place.order_key,
        place.run,
        run.device,
        run.job_part,
        &figures.operators,
        end.map_or(run.status, |end| end.status).as_str(),
        figures.good,
        figures.waste,
        Json(differences) as _,
        end.and_then(|end| end.error.as_ref()).map(Json) as _,
        Instant(run.started_at) as _,
        end.map(|end| Instant(end.ended_at)) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Which runs.
#[derive(Debug, Default)]
pub(in crate::exchange) struct RunFilter {
    pub plant_id: Option<PlantId>,
    pub device: Option<String>,
    pub job: Option<JobId>,
    /// Runs that had not ended before.
    pub from: Option<Timestamp>,
    /// Runs that began before.
    pub to: Option<Timestamp>,
}

/// Runs before the given one, newest first by their start.
pub(in crate::exchange) async fn run_list(
    tx: &mut TenantTx,
    filter: &RunFilter,
    before: Option<(Timestamp, i64)>,
    limit: i64,
) -> Result<Vec<RunRow>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        r#"select r.run_id, r.plant_id, j.public_id as job_public_id, j.number, o.public_id as order_public_id, r.run,
               r.device, r.job_part, r.operators, r.status, r.good_amount, r.waste_amount, r.differences,
               r.error as "error: Json<JobError>", r.started_at as "started_at: Instant",
               r.ended_at as "ended_at: Instant", not exists (
                   select from job_run b
                   where b.tenant_id = $1 and b.job_id = r.job_id and b.device = r.device
                       and (b.started_at, b.run_id) < (r.started_at, r.run_id)
               ) as "is_first!", (
                   select min(a.started_at) from job_run a
                   where a.tenant_id = $1 and a.job_id = r.job_id and a.device = r.device
                       and (a.started_at, a.run_id) > (r.started_at, r.run_id)
               ) as "next_at: Instant"
           from job_run r
               join job j on j.tenant_id = r.tenant_id and j.job_id = r.job_id
               join work_order o on o.tenant_id = r.tenant_id and o.work_order_id = r.work_order_id
           where r.tenant_id = $1 and ($2::timestamptz is null or (r.started_at, r.run_id) < ($2, $3))
               and ($4::uuid is null or r.plant_id = $4) and ($5::text is null or r.device = $5)
               and ($6::uuid is null or j.public_id = $6)
               and ($7::timestamptz is null or r.ended_at is null or r.ended_at >= $7)
               and ($8::timestamptz is null or r.started_at < $8)
           order by r.started_at desc, r.run_id desc limit $9"#,
        tenant_id,
        before.map(|(at, _)| Instant(at)) as _,
        before.map(|(_, run)| run),
        filter.plant_id.map(|plant_id| plant_id.uuid()),
        filter.device,
        filter.job.map(|job| job.uuid()),
        filter.from.map(Instant) as _,
        filter.to.map(Instant) as _,
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| RunRow {
            key: row.run_id,
            plant_id: PlantId::from_uuid(row.plant_id),
            job_id: JobId::from_uuid(row.job_public_id),
            job: row.number,
            work_order_id: WorkOrderId::from_uuid(row.order_public_id),
            run: row.run,
            device: row.device,
            job_part: row.job_part,
            operators: row.operators,
            status: row.status,
            good: row.good_amount.normalize(),
            waste: row.waste_amount.normalize(),
            differences: row.differences,
            error: row.error.map(|error| error.0),
            started_at: row.started_at.0,
            ended_at: row.ended_at.map(|at| at.0),
            is_first: row.is_first,
            next_at: row.next_at.map(|at| at.0),
        })
        .collect())
}
