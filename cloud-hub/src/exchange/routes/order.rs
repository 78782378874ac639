//! Work orders: the steps of a job, and what people say about those that no device reports.
//!
//! What people say is a fact: it goes into the office ledger as `job.started` or `job.completed`, with the movements of
//! the lots, in one transaction. The rules for the lots are those of every movement of the office.

use std::str::FromStr;

use agog_sync::event::{Event, JobEvent, JobProgress, JobStep};
use agog_sync::ids::{EventId, WorkOrderId};
use agog_sync::lots::{JobRef, LotEvent, WorkContext};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::job::job_find;
use super::lots::{self, CompleteRequest, MadeLot};
use crate::app::App;
use crate::db::{DbError, TenantTx};
use crate::exchange::model::{JobRow, OrderRow};
use crate::exchange::store::job::job_lock;
use crate::exchange::store::order as store;
use crate::http::{ApiError, Idempotent, IdempotentJson};
use crate::intake::office;
use crate::inventory::{self, Said};
use crate::tenants::{self, Principal, Role};

/// How far ahead of the hub's clock a time may be that people name.
const AHEAD_MAX: SignedDuration = SignedDuration::from_mins(5);

/// One executable step of a job on a device.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WorkOrderAnswer {
    #[schema(value_type = Uuid)]
    id: WorkOrderId,
    /// Its place in the order of work, from 1.
    place: i32,
    name: String,
    /// The process as JDF names it; several when they are done in one pass.
    #[schema(example = "ConventionalPrinting Varnishing")]
    process: String,
    job_part: Option<String>,
    planned_device: Option<String>,
    /// Planned good amount of what it makes.
    #[schema(value_type = Option<String>)]
    planned_amount: Option<Decimal>,
    /// The work orders whose results it takes.
    #[schema(value_type = Vec<Uuid>)]
    waits_for: Vec<WorkOrderId>,
    /// All that it waits for is completed.
    ready: bool,
    /// One of waiting, held, refused, running, suspended, completed, aborted, removed.
    status: String,
    /// Where it was or is worked on.
    device: Option<String>,
    operators: Vec<String>,
    #[schema(value_type = String)]
    good: Decimal,
    #[schema(value_type = String)]
    waste: Decimal,
    #[schema(value_type = Option<String>)]
    started_at: Option<Timestamp>,
    #[schema(value_type = Option<String>)]
    ended_at: Option<Timestamp>,
}

impl WorkOrderAnswer {
    fn new(row: OrderRow, all: &[OrderRow]) -> Self {
        let waits_for: Vec<_> = all
            .iter()
            .filter(|other| row.waits_for.contains(&other.place))
            .collect();
        Self {
            id: row.id,
            place: row.place,
            name: row.name,
            process: row.process,
            job_part: row.job_part,
            planned_device: row.planned_device,
            planned_amount: row.planned_amount,
            ready: waits_for.iter().all(|other| other.status == "completed"),
            waits_for: waits_for.iter().map(|other| other.id).collect(),
            status: row.status,
            device: row.device,
            operators: row.operators,
            good: row.good,
            waste: row.waste,
            started_at: row.started_at,
            ended_at: row.ended_at,
        }
    }
}

/// The work orders of a job.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WorkOrders {
    /// In the order of work; all of them, at most 1,000.
    items: Vec<WorkOrderAnswer>,
}

/// Somebody begins a work order.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StartRequest {
    /// Who works; the holder of the token when it is not said.
    #[serde(default)]
    operator: Option<String>,
    /// Where; the planned device, or that of the job, when it is not said.
    #[serde(default)]
    device: Option<String>,
    /// When; now when it is not said.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    at: Option<Timestamp>,
    /// It was completed or aborted and is run once more.
    #[serde(default)]
    again: bool,
}

/// What was recorded.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WorkAnswer {
    work_order: WorkOrderAnswer,
    /// The events in the office ledger, in their order.
    #[schema(value_type = Vec<Uuid>)]
    event_ids: Vec<EventId>,
    /// The lot that was made.
    output: Option<MadeLot>,
}

/// Lists the work orders of a job in the order of work.
#[utoipa::path(get, path = "/api/v1/jobs/{id}/work-orders", tag = "jobs",
    params(("id" = Uuid, Path, description = "The job's id")),
    responses((status = 200, body = WorkOrders), (status = 404)))]
pub(super) async fn list(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<Json<WorkOrders>, ApiError> {
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    let job = job_find(&mut tx, &id).await?;
    let rows = store::order_list(&mut tx, Some(job.key), None).await?;
    let items = rows
        .iter()
        .map(|row| WorkOrderAnswer::new(row.clone(), &rows))
        .collect();
    Ok(Json(WorkOrders { items }))
}

/// Records that somebody begins a work order.
#[utoipa::path(post, path = "/api/v1/work-orders/{id}/start", tag = "jobs", request_body = StartRequest,
    params(("id" = Uuid, Path, description = "The work order's id"), ("Idempotency-Key" = String, Header)),
    responses((status = 201, body = WorkAnswer), (status = 404), (status = 422),
        (status = 409, description = "already-started, already-completed, followed-by-plant")))]
pub(super) async fn start(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    IdempotentJson { body, request }: IdempotentJson<StartRequest>,
) -> Result<Response, ApiError> {
    let mut bench = match Bench::open(&app, &principal, &id, request).await? {
        Opened::Bench(bench) => bench,
        Opened::Answered(response) => return Ok(response),
    };
    let at = bench.at(body.at)?;
    match bench.order.status.as_str() {
        "running" | "suspended" => return Err(bench.conflict("already-started")),
        "completed" | "aborted" if !body.again => return Err(bench.conflict("already-completed")),
        "completed" | "aborted" if bench.order.ended_at.is_some_and(|ended| ended >= at) => {
            return Err(bad_at("it had not ended by then"));
        }
        _ => {}
    }
    bench.work(body.operator, body.device)?;
    bench.started(at).await?;
    bench.answer(None).await
}

/// Records that a work order is done: what was made and wasted, and the lots that it took and made.
#[utoipa::path(post, path = "/api/v1/work-orders/{id}/complete", tag = "jobs", request_body = CompleteRequest,
    params(("id" = Uuid, Path, description = "The work order's id"), ("Idempotency-Key" = String, Header)),
    responses((status = 201, body = WorkAnswer), (status = 404, description = "no such work order or lot"),
        (status = 409, description = "not-started, already-completed, followed-by-plant; beyond the balance, held, \
            number taken or ambiguous"),
        (status = 422)))]
pub(super) async fn complete(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    IdempotentJson { body, request }: IdempotentJson<CompleteRequest>,
) -> Result<Response, ApiError> {
    let mut bench = match Bench::open(&app, &principal, &id, request).await? {
        Opened::Bench(bench) => bench,
        Opened::Answered(response) => return Ok(response),
    };
    let at = bench.at(body.at)?;
    let is_open = match bench.order.status.as_str() {
        "running" | "suspended" => true,
        "completed" | "aborted" => return Err(bench.conflict("already-completed")),
        _ => false,
    };
    bench.work(body.operator.clone(), body.device.clone())?;
    let started_at = match (is_open, body.started_at) {
        (true, _) => bench.order.started_at,
        (false, Some(started_at)) => Some(started_at),
        (false, None) => return Err(bench.conflict("not-started")),
    };
    if started_at.is_some_and(|started_at| started_at > at) {
        return Err(bad_at("it had not begun by then"));
    }
    if let (false, Some(started_at)) = (is_open, body.started_at) {
        bench.started(started_at).await?;
    }
    let (good, waste) = (
        lots::amount("/good", &body.good)?,
        lots::amount("/waste", &body.waste)?,
    );
    let output = lots::record(&mut bench, &body, waste, at).await?;
    let progress = JobProgress {
        status: Some("Completed".to_owned()),
        good: Some(good),
        waste: Some(waste),
        started_at,
        ended_at: Some(at),
        ..bench.progress()
    };
    bench.job_event(JobStep::Completed, progress, at).await?;
    bench.answer(output).await
}

/// What a request finds: room to work, or the answer that an earlier one got.
enum Opened<'a> {
    Bench(Box<Bench<'a>>),
    Answered(Response),
}

/// The work on one work order.
pub(super) struct Bench<'a> {
    pub(super) app: &'a App,
    pub(super) tx: TenantTx,
    pub(super) rng: StdRng,
    pub(super) job: JobRow,
    pub(super) order: OrderRow,
    /// The code of the plant.
    pub(super) plant: String,
    pub(super) event_ids: Vec<EventId>,
    now: Timestamp,
    idempotent: Idempotent,
    operator: String,
    device: String,
}

impl<'a> Bench<'a> {
    async fn open(
        app: &'a App,
        principal: &Principal,
        id: &str,
        idempotent: Idempotent,
    ) -> Result<Opened<'a>, ApiError> {
        principal.require(Role::Office)?;
        let now = app.clock.now();
        let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
        if let Some(response) = idempotent.replay(&mut tx).await? {
            return Ok(Opened::Answered(response));
        }
        let not_found = || ApiError::not_found("work order");
        let id = WorkOrderId::from_str(id).map_err(|_| not_found())?;
        let job_id = store::job_of(&mut tx, id).await?.ok_or_else(not_found)?;
        // One movement after the other, in the order in which every writer of the office locks.
        office::lock(&mut tx, now).await?;
        let job = job_find(&mut tx, &job_id.to_string()).await?;
        job_lock(&mut tx, job.key).await?;
        let order = store::order_list(&mut tx, None, Some(id)).await?.pop();
        let order = order.ok_or_else(not_found)?;
        let plants = tenants::plant_codes(&mut tx).await?;
        let bench = Self {
            app,
            rng: app.rng(),
            plant: plants.get(&job.plant_id).cloned().unwrap_or_default(),
            job,
            order,
            event_ids: Vec::new(),
            now,
            idempotent,
            operator: principal.name().to_owned(),
            device: String::new(),
            tx,
        };
        if bench.order.is_followed {
            return Err(bench.conflict("followed-by-plant"));
        }
        Ok(Opened::Bench(Box::new(bench)))
    }

    fn conflict(&self, code: &'static str) -> ApiError {
        let name = &self.order.name;
        let detail = match code {
            "already-started" => format!("{name} was started and has not ended"),
            "already-completed" => format!("{name} has ended"),
            "not-started" => format!("{name} was not started: start it, or say when it began"),
            _ => format!("a device runs {name}, and its plant reports it"),
        };
        ApiError::conflict(code, detail)
    }

    /// When it happened.
    fn at(&self, said: Option<Timestamp>) -> Result<Timestamp, ApiError> {
        let at = said.unwrap_or(self.now);
        if at.duration_since(self.now) > AHEAD_MAX {
            return Err(bad_at("it lies in the future"));
        }
        Ok(at)
    }

    /// Who works, and where.
    fn work(&mut self, operator: Option<String>, device: Option<String>) -> Result<(), ApiError> {
        if let Some(operator) = operator {
            self.operator = operator;
        }
        let order = &self.order;
        let device = device
            .or_else(|| order.device.clone())
            .or_else(|| order.planned_device.clone())
            .or_else(|| self.job.device.clone())
            .filter(|device| !device.trim().is_empty());
        self.device = device.ok_or_else(|| {
            ApiError::unprocessable("invalid-body", "nothing says on which device it is done")
                .at("/device", "missing")
        })?;
        Ok(())
    }

    fn job_ref(&self) -> JobRef {
        JobRef {
            number: self.job.number.clone(),
            job_id: Some(self.job.job_id),
            order: self.job.order.clone(),
            customer: self.job.customer.clone(),
        }
    }

    /// For which job, where and by whom lots are moved.
    pub(super) fn context(&self) -> WorkContext {
        WorkContext {
            job: Some(self.job_ref()),
            device: Some(self.device.clone()),
            operator: Some(self.operator.clone()),
        }
    }

    fn progress(&self) -> JobProgress {
        JobProgress {
            job_part_id: self.order.job_part.clone(),
            work_order_id: Some(self.order.id),
            operators: vec![self.operator.clone()],
            ..JobProgress::of(self.job_ref(), &*self.device)
        }
    }

    async fn started(&mut self, at: Timestamp) -> Result<(), ApiError> {
        let progress = JobProgress {
            status: Some("InProgress".to_owned()),
            started_at: Some(at),
            ..self.progress()
        };
        self.job_event(JobStep::Started, progress, at).await
    }

    async fn job_event(
        &mut self,
        step: JobStep,
        progress: JobProgress,
        at: Timestamp,
    ) -> Result<(), ApiError> {
        let event = Event::Job(Box::new(JobEvent { step, progress }));
        let said = Said {
            by: &self.operator,
            at,
            now: self.now,
        };
        let (tx, rng) = (&mut self.tx, &mut self.rng);
        let event_id = inventory::recorded(tx, self.app, event, &said, rng).await?;
        self.event_ids.push(event_id);
        Ok(())
    }

    /// Records a movement of a lot.
    pub(super) async fn lot_event(
        &mut self,
        event: LotEvent,
        at: Timestamp,
    ) -> Result<(), ApiError> {
        let said = Said {
            by: &self.operator,
            at,
            now: self.now,
        };
        let plant_id = self.job.plant_id;
        let (tx, rng) = (&mut self.tx, &mut self.rng);
        let event_id = inventory::lot_recorded(tx, self.app, event, plant_id, &said, rng).await?;
        self.event_ids.push(event_id);
        Ok(())
    }

    async fn answer(mut self: Box<Self>, output: Option<MadeLot>) -> Result<Response, ApiError> {
        let all = store::order_list(&mut self.tx, Some(self.order.job_key), None).await?;
        let order = all.iter().find(|order| order.id == self.order.id).cloned();
        let order = order.ok_or_else(|| DbError::stored("a work order is gone"))?;
        let answer = WorkAnswer {
            work_order: WorkOrderAnswer::new(order, &all),
            event_ids: self.event_ids,
            output,
        };
        let response = self
            .idempotent
            .store(&mut self.tx, StatusCode::CREATED, &answer)
            .await?;
        self.tx.commit().await?;
        tracing::info!(job.id = %self.job.job_id, "work order {} of job {} is {}", self.order.id, self.job.number,
            answer.work_order.status);
        Ok(response)
    }
}

fn bad_at(why: &str) -> ApiError {
    ApiError::unprocessable("bad-time", format!("the time makes no sense: {why}")).at("/at", why)
}
