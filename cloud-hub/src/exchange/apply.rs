//! What plants and people say about jobs: each step goes into the timeline of its job. The course of the job and of its
//! work orders is told anew from all of them ([`super::course`]), so that late news never turn anything back; once for all
//! steps of a batch.

use std::collections::{BTreeMap, BTreeSet};

use agog_sync::event::{JobEvent, JobStep};
use agog_sync::ids::{EventId, JobId, PlantId};
use agog_sync::lots::JobRef;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::course::{Course, Mark};
use super::model::{NewOrder, Step};
use super::store::command::commands_answered;
use super::store::job;
use super::store::order::{self, Figures};
use super::store::run::{RunPlace, run_put};
use super::store::step::{self, JobSaid};
use crate::db::{DbError, TenantTx};
use crate::events::{Origin, Outbox};
use crate::intake::{ApplyContext, ApplyError};

/// The jobs that the events of a batch are about.
#[derive(Default)]
pub struct JobBatch {
    touched: BTreeMap<i64, Touched>,
    /// What is published of the steps, after the runs that they end.
    topics: Vec<(Origin, &'static str, Value)>,
}

/// A job with new steps, of which the course is still to be told.
struct Touched {
    plant_id: PlantId,
    /// The work orders that the steps are about.
    orders: BTreeSet<i64>,
    /// What the steps say of the job itself.
    said: JobSaid,
    /// The events, for what is published of them.
    origins: BTreeMap<EventId, Origin>,
}

impl JobBatch {
    /// Keeps the step of a job event. A job that the office did not give out becomes known with its first event. Events of
    /// the office name a job that is known.
    pub async fn apply(
        &mut self,
        tx: &mut TenantTx,
        ctx: &mut ApplyContext<'_, '_>,
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
            by_people: ctx.plant_id.is_none(),
            at: ctx.occurred_at,
            now: ctx.now,
        };
        let (job_key, plant_id) = match ctx.plant_id {
            Some(plant_id) => {
                let new_id = JobId::generate(ctx.now, ctx.rng);
                let job_key = step::job_ensure(tx, plant_id, &step, new_id).await?;
                (job_key, plant_id)
            }
            None => known_job(tx, &step).await?,
        };
        let order_key = order_of(tx, ctx, job_key, &step).await?;
        step::step_add(tx, job_key, order_key, &step).await?;
        commands_answered(tx, job_key, event, ctx.occurred_at).await?;
        let touched = self.touched.entry(job_key).or_insert_with(|| Touched {
            plant_id,
            orders: BTreeSet::new(),
            said: JobSaid::default(),
            origins: BTreeMap::new(),
        });
        touched.orders.insert(order_key);
        touched.said.step(&step);
        touched.origins.insert(ctx.event_id, Origin::of(ctx));
        if let Some(topic) = topic(event.step) {
            let data = json!({"plant_id": plant_id, "progress": event.progress});
            self.topics.push((Origin::of(ctx), topic, data));
        }
        Ok(())
    }

    /// Tells the courses of the jobs anew.
    pub async fn store(
        self,
        tx: &mut TenantTx,
        outbox: &mut Outbox,
        now: Timestamp,
    ) -> Result<(), DbError> {
        for (job_key, touched) in self.touched {
            let marks = step::marks(tx, job_key).await?;
            for order_key in &touched.orders {
                let place = RunPlace {
                    plant_id: touched.plant_id,
                    job_key,
                    order_key: *order_key,
                    run: 1,
                };
                tell_order(tx, outbox, &marks, place, &touched.origins, now).await?;
            }
            let orders = order::order_count(tx, job_key).await?;
            let course = job_course(&marks, orders);
            // People work on whichever device is free; the job is still for the one that it was given to.
            let given_to = marks.iter().rev().find(|mark| !mark.by_people);
            let device = given_to.map(|mark| mark.progress.device.as_str());
            step::job_put(tx, job_key, course.as_ref(), device, &touched.said, now).await?;
        }
        for (origin, topic, data) in self.topics {
            outbox.publish(origin, topic, data);
        }
        Ok(())
    }
}

async fn known_job(tx: &mut TenantTx, step: &Step<'_>) -> Result<(i64, PlantId), ApplyError> {
    let found = match step.progress.job.job_id {
        Some(job_id) => step::job_of_office(tx, job_id).await?,
        None => None,
    };
    found.ok_or_else(|| ApplyError::Refused {
        code: "unknown-job",
        detail: "the office speaks of a job that it never gave out".to_owned(),
    })
}

/// Locks jobs that a plant speaks of, or the office, as far as they are known, in the order of their keys.
pub async fn jobs_lock(
    tx: &mut TenantTx,
    plant_id: Option<PlantId>,
    jobs: &[&JobRef],
) -> Result<(), DbError> {
    step::jobs_lock(tx, plant_id, jobs).await
}

/// The plant of a job.
pub async fn job_plant(tx: &mut TenantTx, job_id: JobId) -> Result<Option<PlantId>, DbError> {
    let found = job::job_find(tx, job_id).await?;
    Ok(found.map(|job| job.plant_id))
}

/// The work order that a step is about. A job that only its plant knows has one.
async fn order_of(
    tx: &mut TenantTx,
    ctx: &mut ApplyContext<'_, '_>,
    job_key: i64,
    step: &Step<'_>,
) -> Result<i64, DbError> {
    let progress = step.progress;
    if let Some(found) = order::order_of_step(tx, job_key, progress).await? {
        return Ok(found);
    }
    let only = NewOrder {
        name: progress.job.number.clone(),
        process: String::new(),
        job_part: progress.job_part_id.clone(),
        device: Some(progress.device.clone()),
        amount: None,
        waits_for: Vec::new(),
    };
    order::orders_add(tx, job_key, &[only], ctx.now, ctx.rng).await?;
    order::order_of_step(tx, job_key, progress)
        .await?
        .ok_or_else(|| DbError::stored("a work order that was just made is not there"))
}

/// Tells a work order and its runs anew, and publishes the runs that the new events end.
async fn tell_order(
    tx: &mut TenantTx,
    outbox: &mut Outbox,
    marks: &[Mark],
    place: RunPlace,
    origins: &BTreeMap<EventId, Origin>,
    now: Timestamp,
) -> Result<(), DbError> {
    let of_order = marks
        .iter()
        .filter(|mark| mark.order.is_none_or(|order| order == place.order_key));
    let Some(course) = Course::of(of_order, |_| true) else {
        return Ok(());
    };
    let mut total = Figures::default();
    let mut after = None;
    for (run, number) in course.runs.iter().zip(1i32..) {
        let end = run.end.as_ref();
        let until = end.map(|end| end.at);
        let told = step::told(tx, place.job_key, place.order_key, after, until).await?;
        let figures = Figures {
            good: end
                .and_then(|end| end.good)
                .or(told.good)
                .unwrap_or_default(),
            waste: end
                .and_then(|end| end.waste)
                .or(told.waste)
                .unwrap_or_default(),
            operators: told.operators,
        };
        total = total.and(&figures);
        let place = RunPlace {
            run: number,
            ..place
        };
        run_put(tx, place, run, &figures).await?;
        if let Some(end) = end
            && let Some(origin) = origins.get(&end.event_id)
        {
            let data = json!({"plant_id": place.plant_id, "device": run.device, "run": number,
                "job_part": run.job_part, "status": end.status.as_str(), "started_at": run.started_at,
                "ended_at": end.ended_at, "good": figures.good, "waste": figures.waste});
            outbox.publish(*origin, "production.run-completed", data);
        }
        after = until;
    }
    order::order_put(tx, place.order_key, &course, &total, now).await
}

/// The course of a job: it ends with the last of its work orders, and one that is begun again is not done any more.
fn job_course(marks: &[Mark], orders: i64) -> Option<Course> {
    let mut done = BTreeSet::new();
    Course::of(marks, |mark| {
        match mark.step {
            JobStep::Completed | JobStep::Aborted => done.insert(mark.order),
            JobStep::Started => done.remove(&mark.order),
            _ => false,
        };
        i64::try_from(done.len()).is_ok_and(|done| done >= orders)
    })
}

/// The domain event of a step; a plant's own bookkeeping has none.
const fn topic(step: JobStep) -> Option<&'static str> {
    match step {
        JobStep::Received
        | JobStep::Submitted
        | JobStep::Phase
        | JobStep::AbortRequested
        | JobStep::CommandDone => None,
        JobStep::Held => Some("production.job-held"),
        JobStep::Suspended => Some("production.job-suspended"),
        JobStep::Resumed => Some("production.job-resumed"),
        JobStep::Requeued => Some("production.job-requeued"),
        JobStep::Removed => Some("production.job-removed"),
        JobStep::CommandRefused => Some("production.job-command-refused"),
        JobStep::Refused => Some("production.job-refused"),
        JobStep::Started => Some("production.job-started"),
        JobStep::Completed => Some("production.job-completed"),
        JobStep::Aborted => Some("production.job-aborted"),
    }
}
