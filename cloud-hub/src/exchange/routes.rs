//! The jobs API: a ticket goes to a device of a plant, and what the plant reports can be followed.

use std::str::FromStr;

use agog_sync::frame::{FeedBody, JobTicket, OutputLot};
use agog_sync::ids::JobId;
use agog_sync::quantity::{Material, Unit};
use axum::Json;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::{JobRow, NewJob, TimelineEntry};
use super::store;
use super::ticket::{self, TICKET_BYTES_MAX};
use crate::app::App;
use crate::db::{DbError, TenantTx};
use crate::http::{ApiError, IdempotentJson, Page, PageQuery};
use crate::intake::feed;
use crate::inventory;
use crate::tenants::{self, Principal, Role};

/// A ticket with JSON escapes, and the fields beside it.
const BODY_BYTES_MAX: usize = 2 * TICKET_BYTES_MAX;

/// The most lots that a job is given.
const INPUTS_MAX: usize = 100;

/// The newest steps that the answer about a job carries.
const TIMELINE_MAX: i64 = 500;

/// The routes of this module.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

/// The lot that a job makes.
#[derive(Debug, Deserialize, ToSchema)]
struct OutputRequest {
    /// Its number; the plant makes one when none is given.
    #[serde(default)]
    number: Option<String>,
    /// The code of its material.
    #[schema(example = "CARTON-1")]
    material: String,
    /// The unit in which it is counted, for a material that is not known yet.
    #[serde(default)]
    #[schema(example = "sheet")]
    unit: Option<String>,
}

/// A JDF ticket for a device of a plant.
#[derive(Debug, Deserialize, ToSchema)]
struct JobRequest {
    #[schema(example = "Job-1235")]
    number: String,
    /// The code of the plant.
    #[schema(example = "HAM")]
    plant: String,
    /// What the plant calls the device.
    #[schema(example = "press-3")]
    device: String,
    #[serde(default)]
    order: Option<String>,
    #[serde(default)]
    customer: Option<String>,
    /// The JDF document, at most 4 MiB.
    jdf: String,
    /// Numbers of the lots that the job takes its material from.
    #[serde(default)]
    inputs: Vec<String>,
    #[serde(default)]
    output: Option<OutputRequest>,
    /// The reason booked for the waste of the job when the device names none.
    #[serde(default)]
    waste_reason: Option<String>,
}

/// A job and how far it has come.
#[derive(Debug, Serialize, ToSchema)]
struct JobAnswer {
    #[schema(value_type = Uuid)]
    id: JobId,
    number: String,
    plant: String,
    device: Option<String>,
    order: Option<String>,
    customer: Option<String>,
    /// One of sent, received, submitted, refused, running, completed, aborted.
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
            started_at: row.started_at,
            ended_at: row.ended_at,
            created_at: row.created_at,
            created_by: row.created_by,
        }
    }
}

/// A job with its timeline.
#[derive(Debug, Serialize, ToSchema)]
struct JobDetail {
    job: JobAnswer,
    inputs: Vec<String>,
    /// The steps that the plant reported, in their order, the newest 500.
    timeline: Vec<TimelineEntry>,
}

/// A job that was given out.
#[derive(Debug, Serialize, ToSchema)]
struct JobCreated {
    #[schema(value_type = Uuid)]
    id: JobId,
    number: String,
    /// Inputs that the hub does not know. The plant may: it can be ahead of the hub.
    unknown_inputs: Vec<String>,
}

/// Lists the jobs, newest first.
#[utoipa::path(get, path = "/api/v1/jobs", tag = "jobs", params(PageQuery),
    responses((status = 200, body = Page<JobAnswer>)))]
async fn list(
    State(app): State<App>,
    principal: Principal,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<JobAnswer>>, ApiError> {
    let before: i64 = page.after()?.unwrap_or(i64::MAX);
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    let plants = tenants::plant_codes(&mut tx).await?;
    let rows = store::job_list(&mut tx, None, before, page.fetch()).await?;
    let answer = |row: JobRow| {
        let plant = plants.get(&row.plant_id);
        JobAnswer::new(row, plant)
    };
    Ok(Json(page.page(rows, |row| row.key).map(answer)))
}

/// Shows a job, how far it has come and what its plant reported.
#[utoipa::path(get, path = "/api/v1/jobs/{id}", tag = "jobs",
    params(("id" = Uuid, Path, description = "The job's id")),
    responses((status = 200, body = JobDetail), (status = 404)))]
async fn show(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<Json<JobDetail>, ApiError> {
    let not_found = || ApiError::not_found("job");
    let id = JobId::from_str(&id).map_err(|_| not_found())?;
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    let row = store::job_list(&mut tx, Some(id), i64::MAX, 1)
        .await?
        .pop()
        .ok_or_else(not_found)?;
    let inputs = store::job_inputs(&mut tx, row.key).await?;
    let timeline = store::job_timeline(&mut tx, row.key, TIMELINE_MAX).await?;
    let plants = tenants::plant_codes(&mut tx).await?;
    let plant = plants.get(&row.plant_id);
    Ok(Json(JobDetail {
        job: JobAnswer::new(row, plant),
        inputs,
        timeline,
    }))
}

/// Gives a job out: the ticket is checked and waits in the down feed for the plant's agent.
#[utoipa::path(post, path = "/api/v1/jobs", tag = "jobs", request_body = JobRequest,
    params(("Idempotency-Key" = String, Header)),
    responses((status = 201, body = JobCreated), (status = 404, description = "no such plant"),
        (status = 409, description = "the plant has a job of this number"),
        (status = 422, description = "the ticket cannot be read, or has nothing to run")))]
async fn create(
    State(app): State<App>,
    principal: Principal,
    IdempotentJson {
        body: request,
        request: idempotent,
    }: IdempotentJson<JobRequest>,
) -> Result<Response, ApiError> {
    principal.require(Role::Office)?;
    check_form(&request)?;
    // A large document takes a while, and the threads of the server have others to answer.
    let (request, checked) = tokio::task::spawn_blocking(move || {
        let checked = ticket::check(&request.jdf);
        (request, checked)
    })
    .await
    .map_err(|error| {
        tracing::error!(%error, "the check of a ticket did not end");
        ApiError::internal()
    })?;
    checked.map_err(|error| ticket_refused(&error))?;
    let now = app.clock.now();
    let job_id = JobId::generate(now, &mut app.rng());
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    if let Some(answered) = idempotent.replay(&mut tx).await? {
        return Ok(answered);
    }
    let plant = tenants::plant_by_code(&mut tx, &request.plant)
        .await?
        .ok_or_else(|| ApiError::not_found("plant"))?;
    let output = match request.output {
        Some(output) => Some(output_lot(&mut tx, output).await?),
        None => None,
    };
    let known = inventory::lot_numbers_known(&mut tx, plant.plant_id, &request.inputs).await?;
    let unknown_inputs: Vec<_> = request
        .inputs
        .iter()
        .filter(|number| !known.contains(*number))
        .cloned()
        .collect();
    let job = NewJob {
        job_id,
        number: &request.number,
        plant_id: plant.plant_id,
        device: &request.device,
        order: request.order.as_deref(),
        customer: request.customer.as_deref(),
        jdf: &request.jdf,
        inputs: &request.inputs,
        output_number: output.as_ref().and_then(|output| output.number.as_deref()),
        output_material: output.as_ref().map(|output| output.material.code.as_str()),
        created_by: principal.name(),
    };
    store::job_create(&mut tx, &job, now)
        .await
        .map_err(|error| number_taken(&request.number, error))?;
    let answer = JobCreated {
        id: job_id,
        number: request.number.clone(),
        unknown_inputs,
    };
    let ticket = JobTicket {
        order: request.order,
        customer: request.customer,
        inputs: request.inputs,
        output,
        waste_reason: request.waste_reason,
        ..JobTicket::new(job_id, request.number, request.device, request.jdf)
    };
    let body = FeedBody::JobTicket(Box::new(ticket));
    if !feed::push_to_plant(&mut tx, plant.plant_id, &body, now).await? {
        return Err(ApiError::conflict(
            "plant-without-agent",
            format!("plant {} has no agent that could take the job", plant.code),
        ));
    }
    let response = idempotent
        .store(&mut tx, StatusCode::CREATED, &answer)
        .await?;
    tx.commit().await?;
    tracing::info!(job.id = %job_id, plant.code = plant.code, "job {} waits for plant {}", answer.number, plant.code);
    Ok(response)
}

fn check_form(request: &JobRequest) -> Result<(), ApiError> {
    let named = [
        ("/number", &request.number),
        ("/plant", &request.plant),
        ("/device", &request.device),
    ];
    for (pointer, text) in named {
        if text.trim().is_empty() {
            return Err(ApiError::unprocessable(
                "invalid-body",
                "a job needs a number, a plant and a device",
            )
            .at(pointer, "must not be empty"));
        }
    }
    if request.inputs.len() > INPUTS_MAX {
        return Err(ApiError::unprocessable(
            "too-many-lots",
            format!("at most {INPUTS_MAX} input lots"),
        )
        .at("/inputs", format!("has {}", request.inputs.len())));
    }
    Ok(())
}

/// The output with its material: the one that is known by the code, or a new one counted in the named unit.
async fn output_lot(tx: &mut TenantTx, output: OutputRequest) -> Result<OutputLot, ApiError> {
    if let Some(material) = inventory::material_by_code(tx, &output.material).await? {
        return Ok(OutputLot {
            number: output.number,
            material,
        });
    }
    let Some(unit) = output.unit else {
        return Err(ApiError::unprocessable(
            "unknown-material",
            format!(
                "material `{}` is not known: name the unit in which it is counted",
                output.material
            ),
        )
        .at("/output/unit", "missing"));
    };
    let unit = Unit::from_str(&unit).map_err(|error| {
        ApiError::unprocessable("wrong-unit", error.to_string()).at("/output/unit", unit)
    })?;
    Ok(OutputLot {
        number: output.number,
        material: Material::simple(output.material, unit),
    })
}

fn number_taken(number: &str, error: DbError) -> ApiError {
    if error.constraint() == Some("job_number_key") {
        return ApiError::conflict(
            "job-number-taken",
            format!("the plant has a job `{number}` already"),
        );
    }
    error.into()
}

fn ticket_refused(error: &ticket::TicketError) -> ApiError {
    let position = error.position();
    ApiError::unprocessable(error.code(), error.to_string())
        .with("line", json!(position.line))
        .with("column", json!(position.column))
        .with("path", json!(position.path))
}
