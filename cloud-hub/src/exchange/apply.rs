//! What the plants say about jobs: each step brings the job up to date and goes into its timeline.

use agog_sync::event::{JobEvent, JobStep};
use agog_sync::ids::{JobId, PlantId};
use serde_json::json;

use super::model::Step;
use super::store;
use crate::db::TenantTx;
use crate::events;
use crate::intake::{ApplyContext, ApplyError};

/// Applies a job event. A job that the office did not give out becomes known with its first event.
pub async fn job_event(
    tx: &mut TenantTx,
    ctx: &mut ApplyContext<'_>,
    plant_id: PlantId,
    event: &JobEvent,
) -> Result<(), ApplyError> {
    if event.progress.job.number.is_empty() {
        return Err(ApplyError::Refused {
            code: "job-unnamed",
            detail: "the event names no job".to_owned(),
        });
    }
    let step = Step {
        kind: event.step,
        progress: &event.progress,
        event_id: ctx.event_id,
        actor: ctx.actor,
        at: ctx.occurred_at,
        now: ctx.now,
    };
    let new_id = JobId::generate(ctx.now, ctx.rng);
    let job_key = store::job_ensure(tx, plant_id, &step, new_id).await?;
    store::job_step_add(tx, job_key, &step).await?;
    if let Some(topic) = topic(event.step) {
        events::publish(
            tx,
            ctx,
            topic,
            json!({"plant_id": plant_id, "progress": event.progress}),
        )
        .await?;
    }
    Ok(())
}

/// The domain event of a step; a plant's own bookkeeping has none.
const fn topic(step: JobStep) -> Option<&'static str> {
    match step {
        JobStep::Received
        | JobStep::Submitted
        | JobStep::Phase
        | JobStep::Held
        | JobStep::Suspended
        | JobStep::Resumed
        | JobStep::Requeued
        | JobStep::Removed
        | JobStep::CommandRefused => None,
        JobStep::Refused => Some("production.job-refused"),
        JobStep::Started => Some("production.job-started"),
        JobStep::Completed => Some("production.job-completed"),
        JobStep::Aborted => Some("production.job-aborted"),
    }
}
