//! Jobs that an MIS has handed in, over the local API: `GET /api/v1/submissions` and
//! `GET /api/v1/submissions/{id}/ticket`, the ticket as it goes back.
//!
//! Limits: [`SUBMISSIONS_SHOWN_MAX`] of one list.

use agog_jdf::jmf::ReturnCode;
use agog_jdf::package::JDF_TYPE;
use agog_sync::ids::JobId;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::give_back;
use crate::api::ApiState;
use crate::api::problem::Problem;
use crate::ledger::controller::SubmissionRow;
use crate::ledger::{JobRow, LedgerError};
use crate::run::Agent;

/// As many as may wait to be given back, and some that were.
const SUBMISSIONS_SHOWN_MAX: usize = 1_500;

/// Where a submission stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SubmissionState {
    /// Its job has not ended.
    Open,
    /// Its job has ended, and the ticket waits to be taken back.
    Waiting,
    GivenBack,
    /// It was given back, and whoever took it said that something is wrong with it.
    Refused,
    /// Nobody took it back; the ticket is kept.
    GivenUp,
    /// Nobody wanted it back.
    Ended,
}

/// A submission as the API shows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SubmissionView {
    pub job_id: JobId,
    /// The number of the job.
    pub job: String,
    pub device: String,
    pub sender: String,
    pub state: SubmissionState,
    /// Where the ticket goes back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    pub submitted_at: Timestamp,
    /// Since when giving it back has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_code: Option<i64>,
}

impl SubmissionView {
    fn of(row: SubmissionRow, job: JobRow) -> Self {
        let state = match (row.settled_at, row.return_code) {
            (None, _) if job.step.is_end() => SubmissionState::Waiting,
            (None, _) => SubmissionState::Open,
            (Some(_), _) if row.given_up => SubmissionState::GivenUp,
            (Some(_), None) => SubmissionState::Ended,
            (Some(_), Some(code)) if ReturnCode(code).is_processed() => SubmissionState::GivenBack,
            (Some(_), Some(_)) => SubmissionState::Refused,
        };
        let submitted = row.submitted;
        Self {
            job_id: row.job_id,
            job: job.number,
            device: job.progress.device,
            sender: submitted.sender,
            state,
            to: submitted.return_jmf.or(submitted.return_url),
            submitted_at: row.submitted_at,
            failing_since: row.failing_since,
            last_error: row.last_error,
            settled_at: row.settled_at,
            return_code: row.return_code,
        }
    }
}

/// The routes, to be merged into those of the local API.
pub fn router(agent: Agent) -> Router<ApiState> {
    Router::new()
        .route("/api/v1/submissions", get(list))
        .route("/api/v1/submissions/{id}/ticket", get(ticket))
        .with_state(agent)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// Also those that were given back or given up.
    #[serde(default)]
    settled: bool,
}

async fn list(
    State(agent): State<Agent>,
    query: Result<Query<ListQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Vec<SubmissionView>>, Problem> {
    let Query(query) = query.map_err(|rejection| Problem::malformed(rejection.body_text()))?;
    let read = agent.ledger.read(move |reader| {
        let mut views = Vec::new();
        for row in reader.submissions(query.settled, SUBMISSIONS_SHOWN_MAX)? {
            if let Some(job) = reader.job_by_id(row.job_id)? {
                views.push(SubmissionView::of(row, job));
            }
        }
        Ok(views)
    });
    Ok(Json(read.await?))
}

async fn ticket(
    State(agent): State<Agent>,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, Problem> {
    let unknown = || {
        let detail = format!("no job `{id}` was submitted here");
        Problem::new(StatusCode::NOT_FOUND, "unknown-submission", detail)
    };
    let job_id: JobId = id.parse().map_err(|_| unknown())?;
    let read = agent.ledger.read(move |reader| {
        let known = reader.submission_of_job(job_id)?;
        Ok::<_, LedgerError>(known.and(reader.job_by_id(job_id)?))
    });
    let job = read.await?.ok_or_else(unknown)?;
    let ticket = give_back::ticket(&agent, &job).await;
    let ticket =
        ticket.map_err(|reason| Problem::new(StatusCode::NOT_FOUND, "ticket-missing", reason))?;
    Ok(([(CONTENT_TYPE, JDF_TYPE)], ticket))
}
