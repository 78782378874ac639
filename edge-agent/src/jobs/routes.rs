//! Tickets over the local API: `POST /api/v1/jobs`, `GET /api/v1/jobs`, `GET /api/v1/jobs/{number}`.
//!
//! Limits: [`TICKET_BYTES_MAX`] per request. A number of a job that has not ended is not given
//! twice; the same ticket again is the same job.

use agog_jdf::{Document, Limits};
use agog_sync::event::{Actor, JobProgress};
use agog_sync::frame::{JobTicket, OutputLot};
use agog_sync::ids::JobId;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Wake;
use crate::api::problem::Problem;
use crate::api::{ApiState, idempotency_key};
use crate::ledger::{Append, Fact, JobRow, What};
use crate::run::Agent;

/// The largest request: tickets have kilobytes, gang forms some megabytes.
pub const TICKET_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What the handlers share.
#[derive(Clone)]
struct Shared {
    agent: Agent,
    wake: Wake,
}

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
        }
    }
}

/// The routes, to be merged into those of the local API.
pub fn router(agent: Agent, wake: Wake) -> Router<ApiState> {
    let shared = Shared { agent, wake };
    Router::new()
        .route("/api/v1/jobs", get(list).post(hand_in))
        .route("/api/v1/jobs/{number}", get(show))
        .layer(DefaultBodyLimit::max(TICKET_BYTES_MAX))
        .with_state(shared)
}

async fn list(State(shared): State<Shared>) -> Result<Json<Vec<JobView>>, Problem> {
    let jobs = shared.agent.ledger.jobs_open().await?;
    Ok(Json(jobs.into_iter().map(JobView::from).collect()))
}

async fn show(
    State(shared): State<Shared>,
    Path(number): Path<String>,
) -> Result<Json<JobView>, Problem> {
    let job = shared.agent.ledger.job_by_number(&number).await?;
    job.map(|job| Json(job.into())).ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_FOUND,
            "unknown-job",
            format!("job {number} is not known here"),
        )
    })
}

async fn hand_in(
    State(shared): State<Shared>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let Shared { agent, wake } = shared;
    let request: JobRequest =
        serde_json::from_slice(&body).map_err(|error| Problem::malformed(error.to_string()))?;
    let ticket = ticket(&agent, request)?;
    let known = agent.ledger.job_by_number(&ticket.number).await?;
    if let Some(known) = known.filter(|job| !job.step.is_end()) {
        let same = known
            .ticket
            .as_ref()
            .is_some_and(|known| known.jdf == ticket.jdf);
        return if same {
            Ok((StatusCode::OK, Json(JobView::from(known))).into_response())
        } else {
            let detail = format!(
                "job {} has not ended yet; give the new one its own number",
                ticket.number
            );
            Err(Problem::new(
                StatusCode::CONFLICT,
                "job-number-taken",
                detail,
            ))
        };
    }
    let number = ticket.number.clone();
    let append = Append {
        facts: vec![Fact {
            occurred_at: None,
            actor: Actor::System {
                component: "api".to_owned(),
            },
            what: What::Ticket(Box::new(ticket)),
        }],
        idempotency: idempotency_key(&headers, "jobs", &body)?,
        ..Append::default()
    };
    let repeated = agent.ledger.append(append).await?.repeated;
    wake.wake();
    let job = agent.ledger.job_by_number(&number).await?.ok_or_else(|| {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "the job is not there",
        )
    })?;
    let status = if repeated {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    Ok((status, Json(JobView::from(job))).into_response())
}

/// Checks what can be checked here; whether the device can do it, the device says.
fn ticket(agent: &Agent, request: JobRequest) -> Result<JobTicket, Problem> {
    let refused = |code: &str, detail: String| {
        Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail))
    };
    let devices = &agent.config.devices;
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
    let document = match Document::parse(request.jdf.as_bytes(), &Limits::default()) {
        Ok(document) => document,
        Err(error) => {
            return refused(
                "bad-ticket",
                format!("the ticket is no readable JDF: {error}"),
            );
        }
    };
    let node = match agog_jdf::Ticket::of(&document) {
        Ok(ticket) => ticket.root().job_id().map(str::to_owned),
        Err(error) => return refused("bad-ticket", format!("the ticket is no JDF: {error}")),
    };
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
        ..JobTicket::new(job_id, number, request.device, request.jdf)
    })
}
