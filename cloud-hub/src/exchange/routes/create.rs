//! A job is given out: the ticket is checked, its work orders are made, and it waits in the down feed for the plant.
//!
//! It comes as JSON, with the ticket or with the plain description that one is made from; or as a MIME package with the
//! files that the ticket names ([`super::upload`]).

use std::collections::BTreeMap;
use std::str::FromStr;

use agog_jdf::{JobDescription, Position};
use agog_sync::frame::{FeedBody, JobTicket, OutputLot, TicketFile};
use agog_sync::ids::JobId;
use agog_sync::quantity::{Material, Unit};
use axum::extract::{FromRequest as _, Query, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::upload::{self, PackageQuery};
use crate::app::App;
use crate::db::{DbError, TenantTx};
use crate::exchange::model::NewJob;
use crate::exchange::store::{file, job as store, order};
use crate::exchange::ticket::{self, TICKET_BYTES_MAX, TicketError, Work};
use crate::files::Arrived;
use crate::http::request::is_package;
use crate::http::{ApiError, Idempotent, IdempotentJson};
use crate::intake::feed;
use crate::inventory;
use crate::tenants::{self, Principal, Role};

/// A ticket with JSON escapes, and the fields beside it.
pub(super) const BODY_BYTES_MAX: usize = 2 * TICKET_BYTES_MAX;

/// The most lots that a job is given.
const INPUTS_MAX: usize = 100;

/// The lot that a job makes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OutputRequest {
    /// Its number; the plant makes one when none is given.
    #[serde(default)]
    pub(super) number: Option<String>,
    /// The code of its material.
    #[schema(example = "CARTON-1")]
    pub(super) material: String,
    /// The unit in which it is counted, for a material that is not known yet.
    #[serde(default)]
    #[schema(example = "sheet")]
    pub(super) unit: Option<String>,
}

/// A job for a device of a plant: a JDF ticket, or the plain description that one is made from.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct JobRequest {
    #[schema(example = "Job-1235")]
    pub(super) number: String,
    /// The code of the plant.
    #[schema(example = "HAM")]
    pub(super) plant: String,
    /// What the plant calls the device.
    #[schema(example = "press-3")]
    pub(super) device: String,
    #[serde(default)]
    pub(super) order: Option<String>,
    #[serde(default)]
    pub(super) customer: Option<String>,
    /// The JDF document, at most 4 MiB. Either this or `description`.
    #[serde(default)]
    pub(super) jdf: Option<String>,
    /// The plain description of the job, as `agog-jdf new --from` takes it.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub(super) description: Option<JobDescription>,
    /// The device holds it in its queue until somebody resumes it.
    #[serde(default)]
    pub(super) hold: bool,
    /// The priority in the device's queue, 0 to 100; the higher ones are first.
    #[serde(default)]
    pub(super) priority: Option<i64>,
    /// Numbers of the lots that the job takes its material from.
    #[serde(default)]
    pub(super) inputs: Vec<String>,
    #[serde(default)]
    pub(super) output: Option<OutputRequest>,
    /// The reason booked for the waste of the job when the device names none.
    #[serde(default)]
    pub(super) waste_reason: Option<String>,
}

/// A job that was given out.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct JobCreated {
    #[schema(value_type = Uuid)]
    id: JobId,
    number: String,
    /// Inputs that the hub does not know. The plant may: it can be ahead of the hub.
    unknown_inputs: Vec<String>,
    /// Files that the ticket names by `cid:` URLs and that did not come with it. The device may refuse it.
    missing_files: Vec<String>,
}

/// A file of a package: how the ticket names it, and where its bytes are.
pub(super) struct JobFile {
    pub file: TicketFile,
    pub arrived: Arrived,
}

/// Gives a job out: the ticket is checked and waits in the down feed for the plant's agent. A MIME package
/// (`multipart/related`: a ticket, perhaps a JMF before it, then the files that the ticket names by `cid:` URLs) takes
/// the fields of the job from the query.
#[utoipa::path(post, path = "/api/v1/jobs", tag = "jobs",
    request_body(content((JobRequest = "application/json"), (String = "multipart/related"))),
    params(("Idempotency-Key" = String, Header), PackageQuery),
    responses((status = 201, body = JobCreated), (status = 404, description = "no such plant"),
        (status = 409, description = "the plant has a job of this number, or no agent"),
        (status = 413, description = "a file or the ticket is too large"),
        (status = 422, description = "the ticket cannot be read, or has nothing to run; the description is wrong"),
        (status = 501, description = "files-not-configured")))]
pub(super) async fn create(
    State(app): State<App>,
    principal: Principal,
    Query(query): Query<PackageQuery>,
    request: Request,
) -> Result<Response, ApiError> {
    principal.require(Role::Office)?;
    if is_package(request.headers()) {
        // The state of a package that is being read is large, and most requests have none.
        return Box::pin(upload::create(&app, &principal, query, request)).await;
    }
    let IdempotentJson { body, request } = IdempotentJson::from_request(request, &app).await?;
    let (form, work) = checked(body, app.clock.now()).await?;
    give_out(&app, &principal, form, &work, Vec::new(), &request).await
}

/// Checks the form and the ticket. A large document takes a while, and the threads of the server have others to answer.
pub(super) async fn checked(
    request: JobRequest,
    now: Timestamp,
) -> Result<(JobRequest, Work), ApiError> {
    tokio::task::spawn_blocking(move || {
        let request = with_ticket(request, now)?;
        check_form(&request)?;
        let jdf = request.jdf.as_deref().unwrap_or_default();
        let work = ticket::check(jdf).map_err(|error| ticket_refused(&error))?;
        Ok((request, work))
    })
    .await
    .map_err(|error| {
        tracing::error!(%error, "the check of a ticket did not end");
        ApiError::internal()
    })?
}

/// Makes the ticket where there is a description.
fn with_ticket(mut request: JobRequest, now: Timestamp) -> Result<JobRequest, ApiError> {
    match (&request.jdf, &request.description) {
        (Some(_), None) => Ok(request),
        (None, Some(description)) => {
            let jdf = description.to_ticket(now).map_err(|error| {
                let refused = ApiError::unprocessable(
                    "invalid-description",
                    "no ticket can be made from the description",
                );
                error
                    .problems
                    .into_iter()
                    .fold(refused, |refused, problem| {
                        refused.at(pointer(&problem.path), problem.message)
                    })
            })?;
            let jdf = String::from_utf8(jdf).map_err(|error| {
                tracing::error!(%error, "a ticket was made that is not UTF-8");
                ApiError::internal()
            })?;
            request.jdf = Some(jdf);
            Ok(request)
        }
        (Some(_), Some(_)) => Err(ApiError::unprocessable(
            "invalid-body",
            "a job has a ticket or a description, not both",
        )
        .at("/description", "remove this or `jdf`")),
        (None, None) => Err(ApiError::unprocessable(
            "invalid-body",
            "a job needs a ticket or a description",
        )
        .at("/jdf", "missing")),
    }
}

/// A field of a description, `sheets[0].media.grammage`, as a pointer into the body.
fn pointer(path: &str) -> String {
    let path = path.replace('[', "/").replace(']', "").replace('.', "/");
    format!("/description/{path}")
}

/// Stores a job with its work orders and files, and puts it into the feed of its plant.
pub(super) async fn give_out(
    app: &App,
    principal: &Principal,
    request: JobRequest,
    work: &Work,
    files: Vec<JobFile>,
    idempotent: &Idempotent,
) -> Result<Response, ApiError> {
    let now = app.clock.now();
    let mut rng = app.rng();
    let job_id = JobId::generate(now, &mut rng);
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
    keep_files(app, &mut tx, &files).await?;
    let files: Vec<_> = files.into_iter().map(|file| file.file).collect();
    let jdf = request.jdf.unwrap_or_default();
    let job = NewJob {
        job_id,
        number: &request.number,
        plant_id: plant.plant_id,
        device: &request.device,
        order: request.order.as_deref(),
        customer: request.customer.as_deref(),
        jdf: &jdf,
        inputs: &request.inputs,
        output_number: output.as_ref().and_then(|output| output.number.as_deref()),
        output_material: output.as_ref().map(|output| output.material.code.as_str()),
        hold: request.hold,
        priority: request.priority,
        files: &files,
        created_by: principal.name(),
    };
    let job_key = store::job_create(&mut tx, &job, now)
        .await
        .map_err(|error| number_taken(&request.number, error))?;
    order::orders_add(&mut tx, job_key, &work.orders, now, &mut rng).await?;
    let answer = JobCreated {
        id: job_id,
        number: request.number.clone(),
        unknown_inputs,
        missing_files: missing(work, &files),
    };
    let ticket = JobTicket {
        order: request.order,
        customer: request.customer,
        inputs: request.inputs,
        output,
        waste_reason: request.waste_reason,
        files,
        hold: request.hold,
        priority: request.priority,
        ..JobTicket::new(job_id, request.number, request.device, jdf)
    };
    let body = FeedBody::JobTicket(Box::new(ticket));
    if !feed::push_to_plant(&mut tx, plant.plant_id, &body, now).await? {
        return Err(without_agent(&plant.code));
    }
    let response = idempotent
        .store(&mut tx, StatusCode::CREATED, &answer)
        .await?;
    tx.commit().await?;
    tracing::info!(job.id = %job_id, plant.code = plant.code, "job {} waits for plant {}", answer.number, plant.code);
    Ok(response)
}

/// Moves the bytes of files to where they stay. A file that lies there for nothing because the job is refused in the end
/// is swept.
async fn keep_files(app: &App, tx: &mut TenantTx, files: &[JobFile]) -> Result<(), ApiError> {
    let Some(store) = app.files.as_ref().filter(|_| !files.is_empty()) else {
        return Ok(());
    };
    file::files_lock(tx, false).await?;
    // Two names of one file are one upload.
    let arrived: BTreeMap<_, _> = files
        .iter()
        .map(|file| (file.arrived.place(), &file.arrived))
        .collect();
    for arrived in arrived.values() {
        let kept = store.keep(tx.tenant_id(), arrived).await;
        kept.map_err(|error| upload::not_stored(&error))?;
    }
    Ok(())
}

/// The files that a ticket names and that did not come with it.
fn missing(work: &Work, files: &[TicketFile]) -> Vec<String> {
    let came: Vec<_> = files.iter().map(|file| file.content_id.as_str()).collect();
    work.cids
        .iter()
        .filter(|url| !came.contains(&upload::content_id(url)))
        .cloned()
        .collect()
}

/// A plant that nobody listens for.
pub(super) fn without_agent(plant: &str) -> ApiError {
    ApiError::conflict(
        "plant-without-agent",
        format!("plant {plant} has no agent that could take the job"),
    )
}

pub(super) fn check_form(request: &JobRequest) -> Result<(), ApiError> {
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
    if let Some(priority) = request.priority {
        check_priority(priority)?;
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

/// Refuses a priority that no queue has.
pub(super) fn check_priority(priority: i64) -> Result<(), ApiError> {
    if (0..=100).contains(&priority) {
        return Ok(());
    }
    Err(
        ApiError::unprocessable("bad-priority", "a priority is a number from 0 to 100")
            .at("/priority", format!("is {priority}")),
    )
}

/// The output with its material: the one that is known by the code, or a new one counted in the named unit.
pub(super) async fn output_lot(
    tx: &mut TenantTx,
    output: OutputRequest,
) -> Result<OutputLot, ApiError> {
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

fn ticket_refused(error: &TicketError) -> ApiError {
    let position: &Position = error.position();
    ApiError::unprocessable(error.code(), error.to_string())
        .with("line", json!(position.line))
        .with("column", json!(position.column))
        .with("path", json!(position.path))
}
