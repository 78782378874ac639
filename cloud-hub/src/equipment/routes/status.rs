//! What a device does now, and what it did.

use agog_sync::ids::{DeviceId, PlantId};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::device_find;
use super::telemetry::instant;
use crate::app::App;
use crate::db::{DbError, TenantTx};
use crate::equipment::store::{self, Newest};
use crate::equipment::timeline::Segment;
use crate::http::{ApiError, CSV_ROWS_MAX, Cell, Csv, Form, Page, PageQuery};
use crate::intake;
use crate::tenants::{self, Principal};

/// The most series whose newest values are shown: a large line has two hundred.
const VALUES_MAX: i64 = 500;

/// What is shown when no time is named: a day has all shifts.
const SPAN_DEFAULT: SignedDuration = SignedDuration::from_hours(24);

/// What a device does now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StatusAnswer {
    #[schema(value_type = Uuid)]
    id: DeviceId,
    #[schema(example = "press-3")]
    code: String,
    plant: String,
    /// As JMF names it (Idle, Setup, Running, Stopped …), or `no-contact`: its plant cannot reach it, or `unknown`: nobody has told.
    #[schema(example = "Running")]
    state: String,
    /// The device's own words.
    reason: Option<String>,
    /// The job it works on.
    job: Option<String>,
    /// Since when; null where that is not known.
    #[schema(value_type = Option<String>)]
    since: Option<Timestamp>,
    /// What it said last, also when that is of no use any more because contact was lost.
    last_state: Option<String>,
    condition: Option<String>,
    /// When something was last heard of the device, by its own clock or that of its plant.
    #[schema(value_type = String)]
    last_contact: Timestamp,
    /// Up to when the hub knows what happened at the plant: now, unless the plant is away or its events wait there.
    #[schema(value_type = Option<String>)]
    known_until: Option<Timestamp>,
    /// The newest value of each of its series, by metric and unit; at most 500. A value that is more than five minutes ahead of the hub's clock
    /// is told only when the series has no other.
    values: Vec<ValueAnswer>,
}

/// The newest value of a series.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(super) struct ValueAnswer {
    #[schema(example = "jmf.speed")]
    metric: String,
    unit: Option<String>,
    value: f64,
    #[schema(value_type = String)]
    at: Timestamp,
}

impl From<Newest> for ValueAnswer {
    fn from(newest: Newest) -> Self {
        Self {
            metric: newest.metric,
            unit: newest.unit,
            value: newest.value,
            at: newest.at,
        }
    }
}

/// A time in which a device did one thing.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SegmentAnswer {
    /// As JMF names it, or `no-contact`, or `unknown`: nobody has told.
    #[schema(example = "Running")]
    state: String,
    reason: Option<String>,
    job: Option<String>,
    #[schema(value_type = String)]
    from: Timestamp,
    /// Also that of the answer, when it goes on.
    #[schema(value_type = String)]
    to: Timestamp,
    seconds: i64,
}

impl From<Segment> for SegmentAnswer {
    fn from(segment: Segment) -> Self {
        Self {
            state: segment.doing.name().to_owned(),
            reason: segment.doing.reason().map(str::to_owned),
            job: segment.doing.job().map(str::to_owned),
            from: segment.from,
            to: segment.to,
            seconds: segment.to.duration_since(segment.from).as_secs(),
        }
    }
}

/// A span of time.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SpanQuery {
    /// The first instant, RFC 3339; 24 hours before `to` when it is not named.
    from: Option<String>,
    /// The first instant after, RFC 3339; now when it is not named, and never later.
    to: Option<String>,
}

impl SpanQuery {
    /// The span that is meant.
    pub(super) fn span(&self, now: Timestamp) -> Result<(Timestamp, Timestamp), ApiError> {
        let to = instant("to", self.to.as_deref())?.unwrap_or(now).min(now);
        let from = match instant("from", self.from.as_deref())? {
            Some(from) => from,
            None => to.saturating_sub(SPAN_DEFAULT).unwrap_or(to),
        };
        if from >= to {
            return Err(ApiError::bad_request(
                "bad-time",
                "`from` must be before `to`, and before now",
            ));
        }
        Ok((from, to))
    }
}

/// Shows what a device does now, and the newest values of its series.
#[utoipa::path(get, path = "/api/v1/equipment/{id}/status", tag = "equipment",
    params(("id" = Uuid, Path, description = "The device's id")),
    responses((status = 200, body = StatusAnswer), (status = 404)))]
pub(super) async fn status(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<Json<StatusAnswer>, ApiError> {
    let now = app.clock.now();
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    let device = device_find(&mut tx, &id).await?;
    let plants = tenants::plant_codes(&mut tx).await?;
    let known_until = intake::known_until(&mut tx, device.plant_id, now).await?;
    let doing_now = store::doing_now(&mut tx, device.plant_id, Some(device.key), 1).await?;
    let doing_now = doing_now
        .into_iter()
        .next()
        .map(|it| it.known(known_until, now));
    let doing_now = doing_now.ok_or_else(|| ApiError::not_found("device"))?;
    let doing = doing_now.doing;
    let values = store::newest(&mut tx, &[device.key], VALUES_MAX, now).await?;
    Ok(Json(StatusAnswer {
        id: device.id,
        code: device.code,
        plant: plants.get(&device.plant_id).cloned().unwrap_or_default(),
        state: doing.name().to_owned(),
        reason: doing.reason().map(str::to_owned),
        job: doing.job().map(str::to_owned),
        since: doing_now.since,
        last_state: device.state,
        condition: device.condition,
        last_contact: device.last_seen_at,
        known_until,
        values: values.into_iter().map(Into::into).collect(),
    }))
}

/// Shows what a device did, oldest first: segments without a hole, from its reports in the order of their own times. Reports that
/// say nothing new of state, reason and job belong to one segment. With `Accept: text/csv` it is a table of the whole span, without pages;
/// text that a spreadsheet would take for a formula has a `'` before it.
#[utoipa::path(get, path = "/api/v1/equipment/{id}/timeline", tag = "equipment",
    params(("id" = Uuid, Path, description = "The device's id"), SpanQuery, PageQuery),
    responses((status = 200, content((Page<SegmentAnswer> = "application/json"), (String = "text/csv"))),
        (status = 400, description = "bad-time, too-many-rows"), (status = 404),
        (status = 406, description = "not-acceptable")))]
pub(super) async fn timeline(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    Query(span): Query<SpanQuery>,
    Query(page): Query<PageQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let is_csv = Form::asked(&headers, &[Form::Json, Form::Csv])? == Form::Csv;
    let now = app.clock.now();
    let (from, to) = span.span(now)?;
    let after: Option<Timestamp> = page.after()?;
    let from = after.map_or(from, |after| after.max(from));
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    let device = device_find(&mut tx, &id).await?;
    let known_until = known_or_nothing(&mut tx, device.plant_id, now).await?;
    let segments_max = if is_csv {
        CSV_ROWS_MAX
    } else {
        usize::try_from(page.fetch()).unwrap_or(usize::MAX)
    };
    let timeline = store::timeline(&mut tx, device.key, from, to, segments_max).await?;
    let mut segments = timeline.finish(known_until, to);
    if is_csv {
        return table(&segments);
    }
    segments.truncate(segments_max);
    let page: Page<SegmentAnswer> = page.page(segments, |segment| segment.to).map(Into::into);
    Ok(Json(page).into_response())
}

/// Segments as a table.
fn table(segments: &[Segment]) -> Result<Response, ApiError> {
    if segments.len() > CSV_ROWS_MAX {
        let detail = format!("a table has at most {CSV_ROWS_MAX} rows; ask for a shorter time");
        return Err(ApiError::bad_request("too-many-rows", detail));
    }
    let mut csv = Csv::new(&["from", "to", "seconds", "state", "reason", "job"]);
    for segment in segments {
        csv.row([
            Cell::plain(segment.from),
            Cell::plain(segment.to),
            Cell::plain(segment.to.duration_since(segment.from).as_secs()),
            Cell::Text(segment.doing.name()),
            Cell::text_or_empty(segment.doing.reason()),
            Cell::text_or_empty(segment.doing.job()),
        ]);
    }
    Ok(csv.into_response())
}

/// Up to when everything that happened at a plant is here.
pub(super) async fn known_or_nothing(
    tx: &mut TenantTx,
    plant_id: PlantId,
    now: Timestamp,
) -> Result<Timestamp, DbError> {
    let known = intake::known_until(tx, plant_id, now).await?;
    Ok(known.unwrap_or(Timestamp::MIN))
}
