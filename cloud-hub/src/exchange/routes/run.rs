//! What was produced: the runs of jobs on devices.

use std::str::FromStr;

use agog_sync::ids::{JobId, WorkOrderId};
use axum::Json;
use axum::extract::{Query, State};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::job::plant_of;
use crate::app::App;
use crate::db::TenantTx;
use crate::exchange::model::{JobError, RunRow};
use crate::exchange::store::run::{RunFilter, run_list};
use crate::http::{ApiError, Page, PageQuery};
use crate::inventory::{self, MadeByRun, RunWindow, TakenByRun};
use crate::tenants::{self, Principal};

/// Which runs.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RunQuery {
    /// Only those of the plant with this code.
    plant: Option<String>,
    /// Only those on the device that its plant calls so.
    device: Option<String>,
    /// Only those of the job with this id.
    job: Option<String>,
    /// Only those that had not ended before, RFC 3339.
    from: Option<String>,
    /// Only those that began before, RFC 3339.
    to: Option<String>,
}

/// One run of a work order on a device.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RunAnswer {
    #[schema(value_type = Uuid)]
    job_id: JobId,
    job: String,
    #[schema(value_type = Uuid)]
    work_order_id: WorkOrderId,
    /// From 1: a work order that was run again has several.
    run: i32,
    plant: String,
    device: String,
    job_part: Option<String>,
    operators: Vec<String>,
    #[schema(value_type = String)]
    started_at: Timestamp,
    #[schema(value_type = Option<String>)]
    ended_at: Option<Timestamp>,
    #[schema(value_type = String)]
    good: Decimal,
    #[schema(value_type = String)]
    waste: Decimal,
    /// The lots that it took: those whose movements name its job and its device, from its start to the next run's.
    consumed: Vec<TakenByRun>,
    /// The lots that it made.
    produced: Vec<MadeByRun>,
    /// There are more lots than are shown, 200 of each kind.
    lots_cut: bool,
    /// One of running, suspended, completed, aborted.
    status: String,
    /// Where the returned ticket differs from what the device had signalled; the ticket counts.
    #[schema(value_type = Vec<Object>)]
    differences: serde_json::Value,
    /// Why it was aborted.
    error: Option<JobError>,
}

/// Lists the runs of jobs on devices, the newest start first.
#[utoipa::path(get, path = "/api/v1/production/runs", tag = "jobs", params(RunQuery, PageQuery),
    responses((status = 200, body = Page<RunAnswer>), (status = 400), (status = 404, description = "no such plant")))]
pub(super) async fn list(
    State(app): State<App>,
    principal: Principal,
    Query(query): Query<RunQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<RunAnswer>>, ApiError> {
    let before = page.after()?;
    let job = query
        .job
        .map(|id| JobId::from_str(&id).map_err(|_| ApiError::not_found("job")))
        .transpose()?;
    let (from, to) = (instant("from", query.from)?, instant("to", query.to)?);
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    let plants = tenants::plant_codes(&mut tx).await?;
    let plant_id = match query.plant {
        Some(code) => Some(plant_of(&plants, &code)?),
        None => None,
    };
    let filter = RunFilter {
        plant_id,
        device: query.device,
        job,
        from,
        to,
    };
    let rows = run_list(&mut tx, &filter, before, page.fetch()).await?;
    let page = page.page(rows, |row| (row.started_at, row.key));
    let windows: Vec<_> = page.items.iter().map(window).collect();
    let mut lots = inventory::run_lots(&mut tx, &windows).await?.into_iter();
    let answer = |row: RunRow| {
        let lots = lots.next().unwrap_or_default();
        RunAnswer {
            consumed: lots.taken,
            produced: lots.made,
            lots_cut: lots.is_cut,
            plant: plants.get(&row.plant_id).cloned().unwrap_or_default(),
            job_id: row.job_id,
            job: row.job,
            work_order_id: row.work_order_id,
            run: row.run,
            device: row.device,
            job_part: row.job_part,
            operators: row.operators,
            started_at: row.started_at,
            ended_at: row.ended_at,
            good: row.good,
            waste: row.waste,
            status: row.status,
            differences: row.differences,
            error: row.error,
        }
    };
    Ok(Json(page.map(answer)))
}

/// Where the lots of a run are found.
fn window(row: &RunRow) -> RunWindow {
    RunWindow {
        plant_id: row.plant_id,
        job: row.job.clone(),
        device: row.device.clone(),
        from: (!row.is_first).then_some(row.started_at),
        until: row.next_at,
    }
}

fn instant(name: &str, text: Option<String>) -> Result<Option<Timestamp>, ApiError> {
    text.map(|text| {
        text.parse().map_err(|_| {
            ApiError::bad_request(
                "bad-time",
                format!("`{name}` is `{text}`: expected an instant such as 2025-10-16T14:20:00Z"),
            )
        })
    })
    .transpose()
}
