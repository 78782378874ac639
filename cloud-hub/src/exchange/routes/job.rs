//! Jobs as the office sees them: lists, one with all that is known of it, and its ticket.

use std::collections::BTreeMap;
use std::str::FromStr;

use agog_jdf::package::JDF_TYPE;
use agog_sync::ids::{JobId, PlantId};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::db::TenantTx;
use crate::exchange::model::{
    CommandEntry, FileEntry, JobError, JobRow, JobStatus, PhaseEntry, TimelineEntry,
};
use crate::exchange::store::job::{self as store, JobFilter};
use crate::exchange::store::{command, file};
use crate::http::{ApiError, Page, PageQuery};
use crate::tenants::{self, Principal};

/// The newest steps, and the newest phases, that the answer about a job carries.
const TIMELINE_MAX: i64 = 500;

/// The newest commands that it carries.
const COMMANDS_MAX: i64 = 100;

/// A job and how far it has come.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct JobAnswer {
    #[schema(value_type = Uuid)]
    id: JobId,
    number: String,
    plant: String,
    device: Option<String>,
    order: Option<String>,
    customer: Option<String>,
    /// One of sent, received, submitted, held, refused, running, suspended, completed, aborted, removed.
    status: String,
    #[schema(value_type = String)]
    status_at: Timestamp,
    /// Good amount so far, in the unit of the job's output.
    #[schema(value_type = String)]
    good: Decimal,
    /// Waste so far; not part of the good amount.
    #[schema(value_type = String)]
    waste: Decimal,
    output_number: Option<String>,
    output_material: Option<String>,
    /// It was given out to be held in the queue of its device.
    hold: bool,
    /// In the queue of its device, 0 to 100; the higher ones are first.
    priority: Option<i32>,
    /// Why it was refused or aborted.
    error: Option<JobError>,
    /// Where the returned ticket differs from what the device had signalled; the ticket counts.
    #[schema(value_type = Vec<Object>)]
    differences: serde_json::Value,
    #[schema(value_type = Option<String>)]
    started_at: Option<Timestamp>,
    #[schema(value_type = Option<String>)]
    ended_at: Option<Timestamp>,
    #[schema(value_type = String)]
    created_at: Timestamp,
    created_by: String,
}

impl JobAnswer {
    fn new(row: JobRow, plant: Option<&String>) -> Self {
        Self {
            id: row.job_id,
            number: row.number,
            plant: plant.cloned().unwrap_or_default(),
            device: row.device,
            order: row.order,
            customer: row.customer,
            status: row.status,
            status_at: row.status_at,
            good: row.good,
            waste: row.waste,
            output_number: row.output_number,
            output_material: row.output_material,
            hold: row.hold,
            priority: row.priority,
            error: row.error,
            differences: row.differences,
            started_at: row.started_at,
            ended_at: row.ended_at,
            created_at: row.created_at,
            created_by: row.created_by,
        }
    }
}

/// A file that goes with a ticket.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FileAnswer {
    /// By which the ticket names it, without `cid:`.
    content_id: String,
    name: String,
    media_type: String,
    bytes: u64,
    /// The BLAKE3 hash of its bytes.
    blake3: String,
    /// When its bytes were removed, some time after the end of the last job that names it.
    #[schema(value_type = Option<String>)]
    removed_at: Option<Timestamp>,
}

impl From<FileEntry> for FileAnswer {
    fn from(FileEntry { file, removed_at }: FileEntry) -> Self {
        Self {
            removed_at,
            content_id: file.content_id,
            name: file.name,
            media_type: file.media_type,
            bytes: file.bytes,
            blake3: file.blake3.to_string(),
        }
    }
}

/// A job with its timeline.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct JobDetail {
    job: JobAnswer,
    inputs: Vec<String>,
    /// The steps that the plant reported, in their order, the newest 500.
    timeline: Vec<TimelineEntry>,
    /// The phases that are over, in the order of their ends, the newest 500.
    phases: Vec<PhaseEntry>,
    /// The commands of the office and what became of them, the newest 100.
    commands: Vec<CommandEntry>,
    /// The files that go with the ticket.
    files: Vec<FileAnswer>,
}

/// Which jobs.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct JobQuery {
    /// Only those of this status.
    #[param(example = "running")]
    status: Option<String>,
    /// Only those of the plant with this code.
    plant: Option<String>,
    /// Only those of the device that its plant calls so.
    device: Option<String>,
    /// Only those of this number; plants may have jobs of the same number.
    number: Option<String>,
}

/// Lists the jobs, newest first.
#[utoipa::path(get, path = "/api/v1/jobs", tag = "jobs", params(JobQuery, PageQuery),
    responses((status = 200, body = Page<JobAnswer>)))]
pub(super) async fn list(
    State(app): State<App>,
    principal: Principal,
    Query(query): Query<JobQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<JobAnswer>>, ApiError> {
    let before: i64 = page.after()?.unwrap_or(i64::MAX);
    let status = query
        .status
        .map(|text| JobStatus::of_text(&text).ok_or_else(|| bad_status(&text)))
        .transpose()?;
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    let plants = tenants::plant_codes(&mut tx).await?;
    let plant_id = match query.plant {
        Some(code) => Some(plant_of(&plants, &code)?),
        None => None,
    };
    let filter = JobFilter {
        id: None,
        status,
        plant_id,
        device: query.device,
        number: query.number,
    };
    let rows = store::job_list(&mut tx, &filter, before, page.fetch()).await?;
    let answer = |row: JobRow| {
        let plant = plants.get(&row.plant_id);
        JobAnswer::new(row, plant)
    };
    Ok(Json(page.page(rows, |row| row.key).map(answer)))
}

/// The plant with a code.
pub(super) fn plant_of(
    plants: &BTreeMap<PlantId, String>,
    code: &str,
) -> Result<PlantId, ApiError> {
    plants
        .iter()
        .find(|(_, known)| *known == code)
        .map(|(plant_id, _)| *plant_id)
        .ok_or_else(|| ApiError::not_found("plant"))
}

fn bad_status(text: &str) -> ApiError {
    let known: Vec<_> = JobStatus::ALL
        .iter()
        .map(|status| status.as_str())
        .collect();
    ApiError::bad_request(
        "bad-status",
        format!(
            "`{text}` is no status: expected one of {}",
            known.join(", ")
        ),
    )
}

/// A job by the id in a path.
pub(super) async fn job_find(tx: &mut TenantTx, id: &str) -> Result<JobRow, ApiError> {
    let not_found = || ApiError::not_found("job");
    let id = JobId::from_str(id).map_err(|_| not_found())?;
    store::job_find(tx, id).await?.ok_or_else(not_found)
}

/// Shows a job, how far it has come and what its plant reported.
#[utoipa::path(get, path = "/api/v1/jobs/{id}", tag = "jobs",
    params(("id" = Uuid, Path, description = "The job's id")),
    responses((status = 200, body = JobDetail), (status = 404)))]
pub(super) async fn show(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<Json<JobDetail>, ApiError> {
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    let row = job_find(&mut tx, &id).await?;
    let inputs = store::job_inputs(&mut tx, row.key).await?;
    let timeline = store::job_timeline(&mut tx, row.key, TIMELINE_MAX).await?;
    let phases = store::job_phases(&mut tx, row.key, TIMELINE_MAX).await?;
    let commands = command::command_list(&mut tx, row.key, COMMANDS_MAX).await?;
    let files = file::file_list(&mut tx, row.key).await?;
    let plants = tenants::plant_codes(&mut tx).await?;
    let plant = plants.get(&row.plant_id);
    Ok(Json(JobDetail {
        job: JobAnswer::new(row, plant),
        inputs,
        timeline,
        phases,
        commands,
        files: files.into_iter().map(Into::into).collect(),
    }))
}

/// Shows the ticket of a job as it was given out.
#[utoipa::path(get, path = "/api/v1/jobs/{id}/ticket", tag = "jobs",
    params(("id" = Uuid, Path, description = "The job's id")),
    responses((status = 200, body = String, content_type = "application/vnd.cip4-jdf+xml"),
        (status = 404, description = "no such job, or its plant took it from somebody else")))]
pub(super) async fn ticket(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let not_found = || ApiError::not_found("ticket");
    let id = JobId::from_str(&id).map_err(|_| not_found())?;
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    let jdf = store::job_jdf(&mut tx, id).await?.ok_or_else(not_found)?;
    Ok(([(CONTENT_TYPE, JDF_TYPE)], jdf).into_response())
}
