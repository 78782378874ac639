//! The alarms of all devices, and who has seen to them.

use agog_sync::ids::{DeviceId, EventId};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::db::TenantTx;
use crate::equipment::alarms;
use crate::equipment::model::{AlarmRow, AlarmStatus};
use crate::equipment::store::{self, AlarmFilter};
use crate::events::{Origin, Outbox};
use crate::http::{ApiError, CSV_ROWS_MAX, Cell, Csv, Form, IdempotentJson, Page, PageQuery};
use crate::tenants::{self, Principal};

/// The longest note of who acknowledges an alarm.
const NOTE_CHARS_MAX: usize = 1_000;

/// An alarm of a device.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(super) struct AlarmAnswer {
    /// Also of the event that raised it.
    #[schema(value_type = Uuid)]
    id: EventId,
    /// `open`; `acknowledged`: somebody has seen to it and it still stands; `cleared`: it is over.
    status: AlarmStatus,
    #[schema(value_type = Uuid)]
    device_id: DeviceId,
    #[schema(example = "press-3")]
    device: String,
    plant: String,
    /// `threshold`: a metric is beyond what is set; `device`: the device reported it.
    #[schema(example = "threshold")]
    source: String,
    /// The name of the threshold.
    #[schema(example = "bearing too hot")]
    name: Option<String>,
    /// `Warning`, `Error`, `Fatal`.
    class: String,
    text: Option<String>,
    metric: Option<String>,
    unit: Option<String>,
    /// What the metric was when the alarm was raised.
    value: Option<f64>,
    threshold: Option<f64>,
    /// Of what a device reported, as JMF names it.
    r#type: Option<String>,
    module: Option<String>,
    job: Option<String>,
    /// Since when the metric is beyond the threshold, or when the device first reported it.
    #[schema(value_type = String)]
    raised_at: Timestamp,
    /// How often a device reported it while it stood.
    times: i64,
    #[schema(value_type = String)]
    last_at: Timestamp,
    #[schema(value_type = Option<String>)]
    cleared_at: Option<Timestamp>,
    cleared_value: Option<f64>,
    #[schema(value_type = Option<String>)]
    acknowledged_at: Option<Timestamp>,
    acknowledged_by: Option<String>,
    note: Option<String>,
}

impl AlarmAnswer {
    pub(super) fn new(row: AlarmRow, plant: Option<&String>) -> Self {
        Self {
            id: row.id,
            status: row.status,
            device_id: row.device_id,
            device: row.device,
            plant: plant.cloned().unwrap_or_default(),
            source: row.source,
            name: row.name,
            class: row.class,
            text: row.text,
            metric: row.metric,
            unit: row.unit,
            value: row.value,
            threshold: row.threshold,
            r#type: row.notification_type,
            module: row.module,
            job: row.job,
            raised_at: row.raised_at,
            times: row.times,
            last_at: row.last_at,
            cleared_at: row.cleared_at,
            cleared_value: row.cleared_value,
            acknowledged_at: row.acknowledged_at,
            acknowledged_by: row.acknowledged_by,
            note: row.note,
        }
    }
}

/// Which alarms.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AlarmQuery {
    /// `open`, `acknowledged` or `cleared`; all when it is not said.
    #[param(example = "open")]
    status: Option<String>,
    /// The id of a device.
    device: Option<String>,
    /// The code of a plant.
    plant: Option<String>,
}

/// What somebody says who has seen to an alarm.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AcknowledgeRequest {
    /// What was done.
    note: Option<String>,
}

/// Lists alarms, the newest first: of thresholds, and what devices reported themselves. With `Accept: text/csv` it is a table of
/// all of them, without pages; text that a spreadsheet would take for a formula has a `'` before it.
#[utoipa::path(get, path = "/api/v1/equipment/alarms", tag = "equipment", params(AlarmQuery, PageQuery),
    responses((status = 200, content((Page<AlarmAnswer> = "application/json"), (String = "text/csv"))),
        (status = 400, description = "bad-status, too-many-rows"), (status = 404),
        (status = 406, description = "not-acceptable")))]
pub(super) async fn list(
    State(app): State<App>,
    principal: Principal,
    Query(query): Query<AlarmQuery>,
    Query(page): Query<PageQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let is_csv = Form::asked(&headers, &[Form::Json, Form::Csv])? == Form::Csv;
    let before = page.after()?;
    let statuses = match query.status.as_deref() {
        None => AlarmStatus::ALL.to_vec(),
        Some(text) => vec![AlarmStatus::read(text).ok_or_else(|| {
            let detail = format!("`{text}` is no status: expected open, acknowledged or cleared");
            ApiError::bad_request("bad-status", detail)
        })?],
    };
    let device = match &query.device {
        None => None,
        Some(id) => Some(id.parse().map_err(|_| ApiError::not_found("device"))?),
    };
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    let plant = match &query.plant {
        None => None,
        Some(code) => {
            let plant = tenants::plant_by_code(&mut tx, code).await?;
            Some(plant.ok_or_else(|| ApiError::not_found("plant"))?.plant_id)
        }
    };
    let filter = AlarmFilter {
        statuses: &statuses,
        device,
        plant,
        before,
    };
    let rows_max = if is_csv {
        // One more, to know whether there are more.
        i64::try_from(CSV_ROWS_MAX + 1).unwrap_or(i64::MAX)
    } else {
        page.fetch()
    };
    let rows = store::alarm_list(&mut tx, filter, rows_max).await?;
    let plants = tenants::plant_codes(&mut tx).await?;
    let answer = |row: AlarmRow| {
        let plant = plants.get(&row.plant_id);
        AlarmAnswer::new(row, plant)
    };
    if is_csv {
        return table(rows.into_iter().map(answer));
    }
    Ok(Json(page.page(rows, |row| row.key).map(answer)).into_response())
}

/// Alarms as a table.
fn table(alarms: impl ExactSizeIterator<Item = AlarmAnswer>) -> Result<Response, ApiError> {
    if alarms.len() > CSV_ROWS_MAX {
        let detail = format!(
            "a table has at most {CSV_ROWS_MAX} rows: ask for those of one `status`, `device` or `plant`"
        );
        return Err(ApiError::bad_request("too-many-rows", detail));
    }
    let mut csv = Csv::new(&[
        "raised_at",
        "cleared_at",
        "status",
        "plant",
        "device",
        "source",
        "name",
        "class",
        "text",
        "metric",
        "unit",
        "value",
        "threshold",
        "job",
        "times",
        "acknowledged_at",
        "acknowledged_by",
        "note",
    ]);
    for alarm in alarms {
        csv.row([
            Cell::plain(alarm.raised_at),
            Cell::plain_or_empty(alarm.cleared_at),
            Cell::Text(alarm.status.as_str()),
            Cell::Text(&alarm.plant),
            Cell::Text(&alarm.device),
            Cell::Text(&alarm.source),
            Cell::text_or_empty(alarm.name.as_deref()),
            Cell::Text(&alarm.class),
            Cell::text_or_empty(alarm.text.as_deref()),
            Cell::text_or_empty(alarm.metric.as_deref()),
            Cell::text_or_empty(alarm.unit.as_deref()),
            Cell::plain_or_empty(alarm.value),
            Cell::plain_or_empty(alarm.threshold),
            Cell::text_or_empty(alarm.job.as_deref()),
            Cell::plain(alarm.times),
            Cell::plain_or_empty(alarm.acknowledged_at),
            Cell::text_or_empty(alarm.acknowledged_by.as_deref()),
            Cell::text_or_empty(alarm.note.as_deref()),
        ]);
    }
    Ok(csv.into_response())
}

/// Says that somebody has seen to an alarm. Who did so first stands. An alarm that a device reported itself is over by this,
/// because devices do not tell an end.
#[utoipa::path(post, path = "/api/v1/equipment/alarms/{id}/acknowledge", tag = "equipment", request_body = AcknowledgeRequest,
    params(("id" = Uuid, Path, description = "The alarm's id"), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = AlarmAnswer), (status = 404), (status = 422, description = "note-too-long")))]
pub(super) async fn acknowledge(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    IdempotentJson { body, request }: IdempotentJson<AcknowledgeRequest>,
) -> Result<Response, ApiError> {
    let note = body.note.as_deref().filter(|note| !note.is_empty());
    if note.is_some_and(|note| note.chars().count() > NOTE_CHARS_MAX) {
        let detail = format!("a note has at most {NOTE_CHARS_MAX} characters");
        return Err(ApiError::unprocessable("note-too-long", detail));
    }
    let now = app.clock.now();
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    if let Some(response) = request.replay(&mut tx).await? {
        return Ok(response);
    }
    let alarm = alarm_find(&mut tx, &id).await?;
    let by = principal.name();
    let changed = store::alarm_acknowledge(&mut tx, alarm.key, by, note, now).await?;
    if changed == Some(true) {
        let mut outbox = Outbox::default();
        let data = alarms::cleared_data(alarm.plant_id, &alarm.device, alarm.id, "acknowledged");
        let event_id = EventId::generate(now, &mut app.rng());
        outbox.publish(
            Origin::of_the_hub(event_id, now),
            "equipment.alarm-cleared",
            data,
        );
        outbox.store(&mut tx).await?;
    }
    tx.ring_plant(alarm.plant_id);
    let row = alarm_find(&mut tx, &id).await?;
    let plants = tenants::plant_codes(&mut tx).await?;
    let plant = plants.get(&row.plant_id);
    let answer = AlarmAnswer::new(row, plant);
    let response = request.store(&mut tx, StatusCode::OK, &answer).await?;
    tx.commit().await?;
    Ok(response)
}

async fn alarm_find(tx: &mut TenantTx, id: &str) -> Result<AlarmRow, ApiError> {
    let not_found = || ApiError::not_found("alarm");
    let id = id.parse().map_err(|_| not_found())?;
    store::alarm_by_id(tx, id).await?.ok_or_else(not_found)
}
