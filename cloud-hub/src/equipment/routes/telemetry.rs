//! What a metric of a device was: its samples, or what they come to by minute, hour or day.

use axum::Json;
use axum::extract::{Path, Query, State};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::device_find;
use crate::app::App;
use crate::db::TenantTx;
use crate::equipment::points::{self, Point};
use crate::equipment::rollup::Step;
use crate::equipment::store;
use crate::http::ApiError;
use crate::tenants::Principal;

/// The most points in one answer: more than a screen has columns, and about a megabyte of JSON.
const POINTS_MAX: usize = 5_000;

/// What is answered when no time is named: the last hour.
const SPAN_DEFAULT: SignedDuration = SignedDuration::from_hours(1);

/// How fine the points are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Resolution {
    /// Every sample.
    Raw,
    /// One point for each minute that has samples.
    Minute,
    /// One point for each hour that has samples.
    Hour,
    /// One point for each day of UTC that has samples.
    Day,
}

impl Resolution {
    /// The one that was asked for; otherwise the finest roll-up that has few enough points.
    fn choose(asked: Option<&str>, span: SignedDuration) -> Result<Self, ApiError> {
        let fits = |step: Step| {
            let points = span.as_secs() / step.seconds();
            usize::try_from(points).is_ok_and(|points| points < POINTS_MAX)
        };
        Ok(match asked {
            Some("raw") => Self::Raw,
            Some("minute") => Self::Minute,
            Some("hour") => Self::Hour,
            None if fits(Step::Minute) => Self::Minute,
            None if fits(Step::Hour) => Self::Hour,
            Some("day") | None => Self::Day,
            Some(other) => {
                let what = format!("`{other}` is no resolution: expected raw, minute, hour or day");
                return Err(ApiError::bad_request("bad-resolution", what));
            }
        })
    }

    fn step(self) -> Option<Step> {
        match self {
            Self::Raw => None,
            Self::Minute => Some(Step::Minute),
            Self::Hour => Some(Step::Hour),
            Self::Day => Some(Step::Day),
        }
    }
}

/// Which points.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct TelemetryQuery {
    /// One of the metrics of the device.
    #[param(required = true, example = "speed")]
    metric: Option<String>,
    /// The first instant, RFC 3339: of samples, or of the starts of minutes, hours or days; an hour before `to` when it is not named.
    from: Option<String>,
    /// The first instant after, RFC 3339; now when it is not named.
    to: Option<String>,
    /// `raw` (every sample), `minute`, `hour` or `day` (what the samples come to); the finest of these three with at most
    /// 5,000 points when it is not said.
    #[param(example = "minute")]
    resolution: Option<String>,
}

/// The points of a series, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TelemetryAnswer {
    metric: String,
    unit: Option<String>,
    resolution: Resolution,
    #[schema(value_type = String)]
    from: Timestamp,
    #[schema(value_type = String)]
    to: Timestamp,
    points: Vec<Point>,
    /// There are more than 5,000 points: ask again from `next_from`, or for a coarser resolution.
    capped: bool,
    #[schema(value_type = Option<String>)]
    next_from: Option<Timestamp>,
}

/// Shows what a metric of a device was.
#[utoipa::path(get, path = "/api/v1/equipment/{id}/telemetry", tag = "equipment",
    params(("id" = Uuid, Path, description = "The device's id"), TelemetryQuery),
    responses((status = 200, body = TelemetryAnswer), (status = 400), (status = 404)))]
pub(super) async fn telemetry(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    Query(query): Query<TelemetryQuery>,
) -> Result<Json<TelemetryAnswer>, ApiError> {
    let to = instant("to", query.to.as_deref())?.unwrap_or_else(|| app.clock.now());
    let from = match instant("from", query.from.as_deref())? {
        Some(from) => from,
        None => to.saturating_sub(SPAN_DEFAULT).unwrap_or(to),
    };
    let resolution = Resolution::choose(query.resolution.as_deref(), to.duration_since(from))?;
    if from >= to {
        return Err(ApiError::bad_request(
            "bad-time",
            "`from` must be before `to`",
        ));
    }
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    let device = device_find(&mut tx, &id).await?;
    let known = store::series_list(&mut tx, device.key).await?;
    let names: Vec<_> = known.iter().map(|series| series.metric.clone()).collect();
    let metric = query.metric.unwrap_or_default();
    let series = known
        .into_iter()
        .find(|series| series.metric == metric)
        .ok_or_else(|| {
            ApiError::bad_request(
                "unknown-metric",
                format!(
                    "`{}` has no metric `{}`: expected one of {}",
                    device.code,
                    metric,
                    names.join(", ")
                ),
            )
        })?;
    // One more than is answered, to know whether there are more.
    let limit = i64::try_from(POINTS_MAX + 1).unwrap_or(i64::MAX);
    let mut points = match resolution.step() {
        None => store::sample_list(&mut tx, series.id, from, to, limit)
            .await?
            .into_iter()
            .map(Point::from)
            .collect(),
        Some(step) => {
            let rollups = store::rollup_list(&mut tx, step, series.id, from, to, limit).await?;
            let before = match rollups.first() {
                Some((first, _)) => store::value_before(&mut tx, step, series.id, *first).await?,
                None => None,
            };
            points::points(step, &rollups, before, app.clock.now())
        }
    };
    let next_from = points.get(POINTS_MAX).map(|point| point.at);
    points.truncate(POINTS_MAX);
    Ok(Json(TelemetryAnswer {
        metric: series.metric,
        unit: series.unit,
        resolution,
        from,
        to,
        points,
        capped: next_from.is_some(),
        next_from,
    }))
}

pub(super) fn instant(name: &str, text: Option<&str>) -> Result<Option<Timestamp>, ApiError> {
    text.map(|text| {
        text.parse().map_err(|_| {
            ApiError::bad_request(
                "bad-time",
                format!("`{name}` is `{text}`: expected an instant such as 2025-10-16T14:20:00Z"),
            )
        })
    })
    .transpose()
}
