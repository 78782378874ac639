//! Commands to jobs: they go down to the plant, whose agent passes them on to the queue of the device; what becomes of
//! them comes back as steps of the job.

use agog_sync::frame::{FeedBody, JobAction, JobCommand};
use agog_sync::ids::RequestId;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::create::{check_priority, without_agent};
use super::job::job_find;
use crate::app::App;
use crate::db::TenantTx;
use crate::exchange::model::action_text;
use crate::exchange::store::command::command_add;
use crate::exchange::store::job::job_lock;
use crate::http::{ApiError, Idempotent, IdempotentJson};
use crate::intake::feed;
use crate::tenants::{self, Principal, Role};

/// Nothing more needs to be said.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Plain {}

/// Another priority.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PriorityRequest {
    /// 0 to 100; the higher ones are first.
    priority: i64,
}

/// Another place.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PositionRequest {
    /// Among the waiting entries of the queue, from 0.
    position: u32,
}

/// A command that is on its way.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CommandAnswer {
    /// Its fate is shown under this id in the answer about the job.
    #[schema(value_type = Uuid)]
    command_id: RequestId,
    #[schema(example = "hold")]
    action: &'static str,
    /// `sent`.
    state: &'static str,
}

/// Holds a job in the queue of its device: it is not begun until it is resumed.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/hold", tag = "jobs", request_body = Plain,
    params(("id" = Uuid, Path, description = "The job's id"), ("Idempotency-Key" = String, Header)),
    responses((status = 202, body = CommandAnswer), (status = 404),
        (status = 409, description = "job-ended, job-of-plant, plant-without-agent")))]
pub(super) async fn hold(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    IdempotentJson { request, .. }: IdempotentJson<Plain>,
) -> Result<Response, ApiError> {
    send(&app, &principal, &id, JobAction::Hold, &request).await
}

/// Lets a held or suspended job go on.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/resume", tag = "jobs", request_body = Plain,
    params(("id" = Uuid, Path, description = "The job's id"), ("Idempotency-Key" = String, Header)),
    responses((status = 202, body = CommandAnswer), (status = 404),
        (status = 409, description = "job-ended, job-of-plant, plant-without-agent")))]
pub(super) async fn resume(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    IdempotentJson { request, .. }: IdempotentJson<Plain>,
) -> Result<Response, ApiError> {
    send(&app, &principal, &id, JobAction::Resume, &request).await
}

/// Interrupts a job that runs.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/suspend", tag = "jobs", request_body = Plain,
    params(("id" = Uuid, Path, description = "The job's id"), ("Idempotency-Key" = String, Header)),
    responses((status = 202, body = CommandAnswer), (status = 404),
        (status = 409, description = "job-ended, job-of-plant, plant-without-agent")))]
pub(super) async fn suspend(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    IdempotentJson { request, .. }: IdempotentJson<Plain>,
) -> Result<Response, ApiError> {
    send(&app, &principal, &id, JobAction::Suspend, &request).await
}

/// Ends a job; the device returns its ticket.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/abort", tag = "jobs", request_body = Plain,
    params(("id" = Uuid, Path, description = "The job's id"), ("Idempotency-Key" = String, Header)),
    responses((status = 202, body = CommandAnswer), (status = 404),
        (status = 409, description = "job-ended, job-of-plant, plant-without-agent")))]
pub(super) async fn abort(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    IdempotentJson { request, .. }: IdempotentJson<Plain>,
) -> Result<Response, ApiError> {
    send(&app, &principal, &id, JobAction::Abort, &request).await
}

/// Takes a job that has not begun out of the queue of its device.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/remove", tag = "jobs", request_body = Plain,
    params(("id" = Uuid, Path, description = "The job's id"), ("Idempotency-Key" = String, Header)),
    responses((status = 202, body = CommandAnswer), (status = 404),
        (status = 409, description = "job-ended, job-of-plant, plant-without-agent")))]
pub(super) async fn remove(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    IdempotentJson { request, .. }: IdempotentJson<Plain>,
) -> Result<Response, ApiError> {
    send(&app, &principal, &id, JobAction::Remove, &request).await
}

/// Gives a job another priority in the queue of its device.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/priority", tag = "jobs", request_body = PriorityRequest,
    params(("id" = Uuid, Path, description = "The job's id"), ("Idempotency-Key" = String, Header)),
    responses((status = 202, body = CommandAnswer), (status = 404), (status = 422),
        (status = 409, description = "job-ended, job-of-plant, plant-without-agent")))]
pub(super) async fn priority(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    IdempotentJson { body, request }: IdempotentJson<PriorityRequest>,
) -> Result<Response, ApiError> {
    check_priority(body.priority)?;
    let action = JobAction::Priority(body.priority);
    send(&app, &principal, &id, action, &request).await
}

/// Gives a job another place in the queue of its device.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/position", tag = "jobs", request_body = PositionRequest,
    params(("id" = Uuid, Path, description = "The job's id"), ("Idempotency-Key" = String, Header)),
    responses((status = 202, body = CommandAnswer), (status = 404), (status = 422),
        (status = 409, description = "job-ended, job-of-plant, plant-without-agent")))]
pub(super) async fn position(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    IdempotentJson { body, request }: IdempotentJson<PositionRequest>,
) -> Result<Response, ApiError> {
    let action = JobAction::Position(body.position);
    send(&app, &principal, &id, action, &request).await
}

async fn send(
    app: &App,
    principal: &Principal,
    id: &str,
    action: JobAction,
    idempotent: &Idempotent,
) -> Result<Response, ApiError> {
    principal.require(Role::Office)?;
    let now = app.clock.now();
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    if let Some(answered) = idempotent.replay(&mut tx).await? {
        return Ok(answered);
    }
    let found = job_find(&mut tx, id).await?;
    job_lock(&mut tx, found.key).await?;
    // Once more, now that nobody can end it meanwhile.
    let job = job_find(&mut tx, id).await?;
    if job.has_ended() {
        return Err(ApiError::conflict(
            "job-ended",
            format!("job {} is {} and takes no commands", job.number, job.status),
        ));
    }
    if !job.is_ours {
        return Err(ApiError::conflict(
            "job-of-plant",
            format!(
                "job {} was not given out here: its plant took it from somebody else",
                job.number
            ),
        ));
    }
    let command = JobCommand {
        command_id: RequestId::generate(now, &mut app.rng()),
        job_id: job.job_id,
        action,
        by: principal.name().to_owned(),
    };
    command_add(&mut tx, job.key, &command, now).await?;
    let answer = CommandAnswer {
        command_id: command.command_id,
        action: action_text(action).0,
        state: "sent",
    };
    let body = FeedBody::JobCommand(Box::new(command));
    if !feed::push_to_plant(&mut tx, job.plant_id, &body, now).await? {
        let plants = tenants::plant_codes(&mut tx).await?;
        let plant = plants.get(&job.plant_id).cloned().unwrap_or_default();
        return Err(without_agent(&plant));
    }
    let response = idempotent
        .store(&mut tx, StatusCode::ACCEPTED, &answer)
        .await?;
    tx.commit().await?;
    tracing::info!(job.id = %job.job_id, "{} of job {} is on its way", answer.action, job.number);
    Ok(response)
}
