//! Tickets over the local API: `POST /api/v1/jobs`, `GET /api/v1/jobs`, `GET /api/v1/jobs/{number}`, and
//! commands to jobs: `POST /api/v1/jobs/{number}/{hold|resume|suspend|abort|remove|priority|position}`, and `give-up`, which
//! ends a job here alone.
//!
//! Limits: [`TICKET_BYTES_MAX`] per request. A number of a job that has not ended is not given
//! twice; the same ticket again is the same job.

use agog_jdf::{Document, Limits};
use agog_sync::event::{Actor, JobProgress};
use agog_sync::frame::{JobAction, JobTicket, OutputLot, TicketFile};
use agog_sync::ids::JobId;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::control;
use crate::api::problem::{self, Problem};
use crate::api::{ApiState, idempotency_key};
use crate::ledger::sending::{DeviceCommand, JobGivenUp, JobOrder, Order, OrderRefused};
use crate::ledger::{
    Append, AppendError, Fact, IdempotencyKey, JobRow, LedgerError, Refused, What,
};
use crate::outbox::{self, routes::GiveUpRequest};
use crate::run::Agent;

/// The largest request: tickets have kilobytes, gang forms some megabytes.
pub const TICKET_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The jobs of a list that shows also those that have ended.
const JOBS_MAX: u32 = 200;

/// A ticket that is handed in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobRequest {
    /// The id of a configured device.
    pub device: String,
    /// The JDF document.
    pub jdf: String,
    /// The `JobID` of the ticket when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// Numbers of the lots that the job takes its material from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<OutputRequest>,
    /// Why the job's waste is waste, when the device does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waste_reason: Option<String>,
    /// Files that the ticket names, handed in before with `POST /api/v1/files`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<TicketFile>,
    /// The queue entry is held until somebody resumes it.
    #[serde(default)]
    pub hold: bool,
    /// The priority in the device's queue, 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i64>,
}

/// The lot that the job makes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputRequest {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// The code of a configured material.
    pub material: String,
}

/// A job as the API shows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct JobView {
    pub number: String,
    pub job_id: Option<JobId>,
    /// The newest step, for example `job.submitted`.
    pub step: String,
    pub progress: JobProgress,
    pub received_at: Timestamp,
    pub updated_at: Timestamp,
    /// What the device was told of it, and what became of that; for one job only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<DeviceCommand>,
}

impl From<JobRow> for JobView {
    fn from(row: JobRow) -> Self {
        Self {
            number: row.number,
            job_id: row.job_id,
            step: row.step.kind().to_owned(),
            progress: row.progress,
            received_at: row.received_at,
            updated_at: row.updated_at,
            commands: Vec::new(),
        }
    }
}

/// The routes, to be merged into those of the local API.
pub fn router(agent: Agent) -> Router<ApiState> {
    Router::new()
        .route("/api/v1/jobs", get(list).post(hand_in))
        .route("/api/v1/jobs/{number}", get(show))
        .route("/api/v1/jobs/{number}/give-up", post(give_up))
        .route("/api/v1/jobs/{number}/{action}", post(command))
        .layer(DefaultBodyLimit::max(TICKET_BYTES_MAX))
        .with_state(agent)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// Also jobs that have ended, the newest 200 of all.
    #[serde(default)]
    ended: bool,
}

async fn list(
    State(agent): State<Agent>,
    query: Result<Query<ListQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Vec<JobView>>, Problem> {
    let Query(query) = query.map_err(|rejection| Problem::malformed(rejection.body_text()))?;
    let jobs = if query.ended {
        agent
            .ledger
            .read(|reader| reader.jobs_newest(JOBS_MAX))
            .await?
    } else {
        agent.ledger.jobs_open().await?
    };
    Ok(Json(jobs.into_iter().map(JobView::from).collect()))
}

async fn show(
    State(agent): State<Agent>,
    Path(number): Path<String>,
) -> Result<Json<JobView>, Problem> {
    let job = known(&agent, &number).await?;
    let key = job.progress.job.clone();
    let commands = agent
        .ledger
        .read(move |reader| reader.commands_of_job(&key));
    Ok(Json(JobView {
        commands: commands.await?,
        ..job.into()
    }))
}

async fn known(agent: &Agent, number: &str) -> Result<JobRow, Problem> {
    agent.ledger.job_by_number(number).await?.ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_FOUND,
            "unknown-job",
            format!("job {number} is not known here"),
        )
    })
}

/// What a command to a job says besides its name.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandRequest {
    /// Who wants it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// For `priority`, 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i64>,
    /// For `position`, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u32>,
}

/// Takes a command to a job; the device is told later, and `GET /api/v1/outbox` shows its fate.
async fn command(
    State(agent): State<Agent>,
    Path((number, name)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<DeviceCommand>), Problem> {
    let request: CommandRequest = match &body[..] {
        b"" => CommandRequest::default(),
        body => {
            serde_json::from_slice(body).map_err(|error| Problem::malformed(error.to_string()))?
        }
    };
    let lacks = |what: &str| Problem::malformed(format!("`{name}` needs `{what}`"));
    let action = match name.as_str() {
        "hold" => JobAction::Hold,
        "resume" => JobAction::Resume,
        "suspend" => JobAction::Suspend,
        "abort" => JobAction::Abort,
        "remove" => JobAction::Remove,
        "priority" => JobAction::Priority(request.priority.ok_or_else(|| lacks("priority"))?),
        "position" => JobAction::Position(request.position.ok_or_else(|| lacks("position"))?),
        _ => return Err(problem::no_such_path().await),
    };
    let job = known(&agent, &number).await?;
    let order = JobOrder {
        job: job.progress.job,
        action,
        by: request.by.unwrap_or_else(|| "operator".to_owned()),
        command_id: None,
    };
    let key = idempotency_key(&headers, &format!("jobs/{number}/{name}"), &body)?;
    let command_id = control::under_key(&agent, Order::Job(order), key).await?;
    let command = agent.ledger.command_by_id(command_id).await?;
    let command = command.ok_or(LedgerError::Stopped)?;
    Ok((StatusCode::ACCEPTED, Json(command)))
}

/// Ends a job that its device has lost or will not return; the device is told nothing.
async fn give_up(
    State(agent): State<Agent>,
    Path(number): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<JobView>, Problem> {
    let request: GiveUpRequest =
        serde_json::from_slice(&body).map_err(|error| Problem::malformed(error.to_string()))?;
    if request.reason.trim().is_empty() {
        return Err(Problem::malformed("the reason is empty"));
    }
    let job = known(&agent, &number).await?;
    let key = idempotency_key(&headers, &format!("jobs/{number}/give-up"), &body)?;
    let given_up = JobGivenUp {
        job: job.progress.job,
        by: request.by.unwrap_or_else(|| "operator".to_owned()),
        reason: request.reason,
    };
    control::under_key(&agent, Order::GiveUp(given_up), key).await?;
    show(State(agent), Path(number)).await
}

async fn hand_in(
    State(agent): State<Agent>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let request: JobRequest =
        serde_json::from_slice(&body).map_err(|error| Problem::malformed(error.to_string()))?;
    let key = idempotency_key(&headers, "jobs", &body)?;
    let (is_new, job) = take(&agent, request, key, "api").await?;
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(JobView::from(job))).into_response())
}

/// Makes a job of a ticket, unless it is there; says which.
pub(crate) async fn take(
    agent: &Agent,
    request: JobRequest,
    idempotency: Option<IdempotencyKey>,
    component: &str,
) -> Result<(bool, JobRow), Problem> {
    let ticket = ticket(agent, request)?;
    check_files(agent, &ticket.files).await?;
    let (number, device, jdf) = (
        ticket.number.clone(),
        ticket.device.clone(),
        ticket.jdf.clone(),
    );
    let append = Append {
        facts: vec![Fact {
            occurred_at: None,
            actor: Actor::System {
                component: component.to_owned(),
            },
            what: What::Ticket(Box::new(ticket)),
        }],
        idempotency,
        ..Append::default()
    };
    let recorded = agent.ledger.append(append).await;
    if let Err(AppendError::Refused(Refused::NumberTaken(_))) = &recorded {
        let known = agent.ledger.job_by_number(&number).await?;
        if let Some(known) = known.filter(|job| !job.step.is_end()) {
            let ticket = agent.ledger.ticket(&known).await?;
            if ticket.is_some_and(|ticket| ticket.jdf == jdf && ticket.device == device) {
                return Ok((false, known));
            }
        }
    }
    let repeated = recorded?.repeated;
    let job = agent.ledger.job_by_number(&number).await?.ok_or_else(|| {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "the job is not there",
        )
    })?;
    Ok((!repeated, job))
}

/// Every file must have been handed in before.
async fn check_files(agent: &Agent, files: &[TicketFile]) -> Result<(), Problem> {
    for file in files {
        if matches!(agent.files.size(file.blake3).await, Ok(Some(bytes)) if bytes == file.bytes) {
            continue;
        }
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "file-missing",
            format!(
                "file `{}` with the hash {} and {} bytes is not here; POST it to /api/v1/files first",
                file.name, file.blake3, file.bytes
            ),
        ));
    }
    Ok(())
}

/// Checks what can be checked here; whether the device can do it, the device says.
fn ticket(agent: &Agent, request: JobRequest) -> Result<JobTicket, Problem> {
    let refused = |code: &str, detail: String| {
        Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail))
    };
    let devices = agent.known_devices.all();
    if !devices.iter().any(|device| device.id == request.device) {
        let known: Vec<_> = devices.iter().map(|device| device.id.as_str()).collect();
        return refused(
            "unknown-device",
            format!(
                "device {} is not configured; known are: {}",
                request.device,
                known.join(", ")
            ),
        );
    }
    let mut document = match Document::parse(request.jdf.as_bytes(), &Limits::default()) {
        Ok(document) => document,
        Err(error) => {
            return refused(
                "bad-ticket",
                format!("the ticket is no readable JDF: {error}"),
            );
        }
    };
    if let Some(priority) = request.priority.filter(|it| !(0..=100).contains(it)) {
        return refused("bad-priority", OrderRefused::Priority(priority).to_string());
    }
    let node = match agog_jdf::Ticket::of(&document) {
        Ok(ticket) => ticket.root().job_id().map(str::to_owned),
        Err(error) => return refused("bad-ticket", format!("the ticket is no JDF: {error}")),
    };
    if let Some(reason) = outbox::ticket::lacks(&mut document, &request.files) {
        return refused("file-missing", reason);
    }
    let Some(number) = request
        .number
        .or(node)
        .filter(|number| !number.trim().is_empty())
    else {
        return refused(
            "bad-ticket",
            "the ticket has no JobID, and no number was given".to_owned(),
        );
    };
    let output = match request.output {
        None => None,
        Some(output) => match agent.config.material_map().remove(&output.material) {
            Some(material) => Some(OutputLot {
                number: output.number,
                material,
            }),
            None => {
                return refused(
                    "unknown-material",
                    format!("material {} is not configured", output.material),
                );
            }
        },
    };
    let job_id = JobId::generate(agent.clock.now(), &mut agent.fork_rng());
    Ok(JobTicket {
        order: request.order,
        customer: request.customer,
        inputs: request.inputs,
        output,
        waste_reason: request.waste_reason,
        files: request.files,
        hold: request.hold,
        priority: request.priority,
        ..JobTicket::new(job_id, number, request.device, request.jdf)
    })
}
