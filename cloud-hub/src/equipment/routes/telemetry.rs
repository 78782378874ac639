//! What a metric of a device was: its samples, or what they come to by minute, hour or day.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::device_find;
use crate::app::App;
use crate::db::TenantTx;
use crate::equipment::block::SAMPLE_AHEAD_MAX;
use crate::equipment::export::{About, EXPORT_ROWS_MAX, export};
use crate::equipment::model::{DeviceRow, SeriesId, SeriesRow};
use crate::equipment::points::Point;
use crate::equipment::reader::SeriesReader;
use crate::equipment::resolution::{Resolution, samples_about};
use crate::equipment::store;
use crate::equipment::thin::{POINTS_MIN, Thin, Thinner};
use crate::http::{ApiError, Form};
use crate::tenants::Principal;

/// The most points in one answer: more than a screen has columns, and about a megabyte of JSON.
const POINTS_MAX: usize = 5_000;

/// The most samples that are read to be thinned: some seconds. Who needs more asks for a coarser resolution.
const THINNED_FROM_MAX: i64 = 5_000_000;

/// What is answered when no time is named: the last hour.
const SPAN_DEFAULT: SignedDuration = SignedDuration::from_hours(1);

/// Which points.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct TelemetryQuery {
    /// One of the metrics of the device.
    #[param(required = true, example = "speed")]
    metric: Option<String>,
    /// One of the units in which the metric is told; the one that was told last when it is not named.
    #[param(example = "sheets/h")]
    unit: Option<String>,
    /// The first instant, RFC 3339: of samples, or of the starts of minutes, hours or days; an hour before `to` when it is not named.
    from: Option<String>,
    /// The first instant after, RFC 3339; now when it is not named.
    to: Option<String>,
    /// `raw` (every sample), `minute`, `hour` or `day` (what the samples come to). When it is not said: `raw` for
    /// five minutes, or as long as there are few samples (50,000); otherwise the finest of the others that has at most `points`. None
    /// is picked that is not kept as far back.
    #[param(example = "minute")]
    resolution: Option<String>,
    /// The most points of the answer; there are never more than that.
    #[param(value_type = Option<u16>, minimum = 4, maximum = 5000, default = 5000)]
    points: Option<String>,
    /// How points are left out when there are more: `min_max` keeps the lowest and the highest of each stretch of time, so that no
    /// peak is lost, which is what one looks for at a machine; `lttb` keeps the shape of the line, and may lose a short peak.
    #[param(value_type = Option<Thin>, default = "min_max")]
    thin: Option<String>,
}

/// A question that can be read.
struct Asked {
    metric: String,
    unit: Option<String>,
    from: Timestamp,
    to: Timestamp,
    resolution: Option<Resolution>,
    points_max: usize,
    thin: Thin,
}

impl TelemetryQuery {
    fn read(self, now: Timestamp) -> Result<Asked, ApiError> {
        let to = instant("to", self.to.as_deref())?.unwrap_or(now);
        let from = match instant("from", self.from.as_deref())? {
            Some(from) => from,
            None => to.saturating_sub(SPAN_DEFAULT).unwrap_or(to),
        };
        if from >= to {
            let detail = "`from` must be before `to`";
            return Err(ApiError::bad_request("bad-time", detail));
        }
        let resolution = match self.resolution.as_deref() {
            None => None,
            Some(text) => Some(Resolution::read(text).ok_or_else(|| {
                let detail =
                    format!("`{text}` is no resolution: expected raw, minute, hour or day");
                ApiError::bad_request("bad-resolution", detail)
            })?),
        };
        let points_max = match self.points.as_deref() {
            None => POINTS_MAX,
            Some(text) => text
                .parse()
                .ok()
                .filter(|points| (POINTS_MIN..=POINTS_MAX).contains(points))
                .ok_or_else(|| {
                    let detail =
                        format!("`points` is `{text}`: expected {POINTS_MIN} to {POINTS_MAX}");
                    ApiError::bad_request("bad-points", detail)
                })?,
        };
        let thin = match self.thin.as_deref() {
            None => Thin::default(),
            Some("min_max") => Thin::MinMax,
            Some("lttb") => Thin::Lttb,
            Some(text) => {
                let detail = format!("`thin` is `{text}`: expected min_max or lttb");
                return Err(ApiError::bad_request("bad-thin", detail));
            }
        };
        Ok(Asked {
            metric: self.metric.unwrap_or_default(),
            unit: self.unit.filter(|unit| !unit.is_empty()),
            from,
            to,
            resolution,
            points_max,
            thin,
        })
    }
}

/// The points of a series, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TelemetryAnswer {
    metric: String,
    unit: Option<String>,
    /// All units in which the metric was told, the last one first; only when there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    units: Option<Vec<String>>,
    /// What was asked for or picked.
    resolution: Resolution,
    /// The first instant that was asked for and of which points are kept: of `raw` 90 days, unless the hub keeps more or fewer.
    #[schema(value_type = String)]
    from: Timestamp,
    /// The first instant after: at most a day ahead of now, because no sample is.
    #[schema(value_type = String)]
    to: Timestamp,
    points: Vec<PointAnswer>,
    /// Null when all points are there.
    thinned: Option<Thinned>,
    gaps: Gaps,
}

/// How many samples are missing in this time, of all metrics together: `/api/v1/plants/{id}/telemetry-gaps` lists them with their
/// reasons. A gap that reaches into the time counts as a whole.
#[derive(Debug, Serialize, ToSchema)]
struct Gaps {
    /// Of this device.
    of_device: i64,
    /// Of its plant, and nobody knows of which device.
    of_plant: i64,
}

/// How points were left out.
#[derive(Debug, Serialize, ToSchema)]
struct Thinned {
    by: Thin,
    /// How many points there are in all.
    from: usize,
}

/// One point of a series.
#[derive(Debug, Serialize, ToSchema)]
struct PointAnswer {
    /// The time of the sample, or the start of the minute, hour or day.
    #[schema(value_type = String)]
    at: Timestamp,
    /// The value, or the mean of all samples. What follows is said of minutes, hours and days only.
    value: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<f64>,
    /// How many samples there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    samples: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<f64>,
    /// The mean by time: each value counts for as long as it stood, the one before also.
    #[serde(skip_serializing_if = "Option::is_none")]
    time_weighted_mean: Option<f64>,
}

impl PointAnswer {
    fn new(point: &Point, resolution: Resolution) -> Self {
        let is_rollup = resolution != Resolution::Raw;
        Self {
            at: point.at(),
            value: point.value,
            min: is_rollup.then_some(point.min),
            max: is_rollup.then_some(point.max),
            samples: is_rollup.then_some(point.samples),
            first: is_rollup.then_some(point.first),
            last: is_rollup.then_some(point.last),
            time_weighted_mean: is_rollup.then_some(point.time_weighted_mean),
        }
    }
}

/// Shows what a metric of a device was. A metric that is told in another unit is another series: without `unit` it is the one that
/// was told last, which has the newest sample. When there are more points than asked for, some are left out, and the answer says so.
/// With another `Accept` than `application/json` it is a file with all points in that time, of at most 50 million samples: a
/// table with the unit in its first row, or the columns `at` and `value` (the mean of minutes, hours and days), of these also
/// `min`, `max`, `samples`, `first`, `last` and `time_weighted_mean`. Arrow and Parquet name `device`, `metric`, `unit`,
/// `resolution`, `from` and `to` in their metadata. Answers and files begin no earlier than what is kept: of `raw` 90 days, of
/// `minute` and `hour` two years, of `day` seven, unless the hub keeps more or fewer; their `from` says so.
#[utoipa::path(get, path = "/api/v1/equipment/{id}/telemetry", tag = "equipment",
    params(("id" = Uuid, Path, description = "The device's id"), TelemetryQuery),
    responses((status = 200, content((TelemetryAnswer = "application/json"), (String = "text/csv"),
            (Vec<u8> = "application/vnd.apache.arrow.stream"), (Vec<u8> = "application/vnd.apache.parquet"))),
        (status = 400, description = "bad-time, bad-resolution, bad-points, bad-thin, unknown-metric, unknown-unit, too-many-rows"),
        (status = 404), (status = 406, description = "not-acceptable"), (status = 429, description = "too-many-exports"),
        (status = 503, description = "too-many-exports")))]
pub(super) async fn telemetry(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    Query(query): Query<TelemetryQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let offered = [Form::Json, Form::Csv, Form::Arrow, Form::Parquet];
    let form = Form::asked(&headers, &offered)?;
    let now = app.clock.now();
    let asked = query.read(now)?;
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    let device = device_find(&mut tx, &id).await?;
    let of_metric = series_find(&mut tx, &device, &asked.metric, now).await?;
    let units = units(&of_metric);
    let series = pick(of_metric, &asked, &device.code, &units)?;
    // No sample is later.
    let latest = now.saturating_add(SAMPLE_AHEAD_MAX).unwrap_or(now);
    let to = asked.to.min(latest.max(asked.from));
    let resolution = if let Some(resolution) = asked.resolution {
        resolution
    } else {
        let (span, points_max) = ((asked.from, to), asked.points_max);
        let keep = app.telemetry;
        Resolution::pick(&mut tx, series.id, span, points_max, keep, now).await?
    };
    // Nothing is kept from before: a time without points would have its share of those that stay.
    let kept_from = resolution.kept_from(app.telemetry, now);
    let from = asked.from.max(kept_from).min(to);
    let span = (from, to);
    if resolution == Resolution::Raw {
        let (samples_max, what) = match form {
            Form::Json => (THINNED_FROM_MAX, "an answer is made of"),
            Form::Csv | Form::Arrow | Form::Parquet => (EXPORT_ROWS_MAX, "a file has"),
        };
        samples_allow(&mut tx, series.id, span, samples_max, what).await?;
    }
    let (of_device, of_plant) =
        store::gaps_counted(&mut tx, device.plant_id, &device.code, span).await?;
    // Each page has a transaction of its own.
    drop(tx);
    let mut reader = SeriesReader::new(series.id, resolution, span, now);
    if form != Form::Json {
        let about = About {
            device: device.code,
            metric: series.metric,
            unit: series.unit,
            resolution,
            from,
            to,
        };
        return export(form, app, principal, reader, &about);
    }
    let (from_us, to_us) = (from.as_microsecond(), to.as_microsecond());
    let mut thinner = Thinner::new(asked.thin, asked.points_max, from_us, to_us);
    loop {
        let page = reader.page(&app.pool, principal.tenant_id()).await?;
        if page.is_empty() {
            break;
        }
        for point in page {
            thinner.take(point);
        }
    }
    let (points, seen) = thinner.finish();
    let left_out = (points.len() < seen).then_some(Thinned {
        by: asked.thin,
        from: seen,
    });
    let answer = TelemetryAnswer {
        metric: series.metric,
        unit: series.unit,
        units: (units.len() > 1).then_some(units),
        resolution,
        from,
        to,
        points: points
            .iter()
            .map(|point| PointAnswer::new(point, resolution))
            .collect(),
        thinned: left_out,
        gaps: Gaps {
            of_device,
            of_plant,
        },
    };
    Ok(Json(answer).into_response())
}

/// The series of a metric, the one that was told last first.
async fn series_find(
    tx: &mut TenantTx,
    device: &DeviceRow,
    metric: &str,
    now: Timestamp,
) -> Result<Vec<SeriesRow>, ApiError> {
    let of_metric = store::series_of_metric(tx, device.key, metric, now).await?;
    if !of_metric.is_empty() {
        return Ok(of_metric);
    }
    let known = store::series_list(tx, device.key).await?;
    let mut names: Vec<_> = known.into_iter().map(|series| series.metric).collect();
    names.dedup();
    let (code, names) = (&device.code, names.join(", "));
    let detail = format!("`{code}` has no metric `{metric}`: expected one of {names}");
    Err(ApiError::bad_request("unknown-metric", detail))
}

fn units(of_metric: &[SeriesRow]) -> Vec<String> {
    let units = of_metric.iter().filter_map(|series| series.unit.clone());
    units.collect()
}

/// The series that is asked for.
fn pick(
    of_metric: Vec<SeriesRow>,
    asked: &Asked,
    device: &str,
    units: &[String],
) -> Result<SeriesRow, ApiError> {
    let is_asked = |series: &SeriesRow| asked.unit.is_none() || series.unit == asked.unit;
    of_metric.into_iter().find(is_asked).ok_or_else(|| {
        let unit = asked.unit.as_deref().unwrap_or_default();
        let expected = match units.join(", ") {
            none if none.is_empty() => "no unit of it was ever said".to_owned(),
            units => format!("expected one of {units}"),
        };
        let metric = &asked.metric;
        let detail = format!("`{metric}` of `{device}` is not told in `{unit}`: {expected}");
        ApiError::bad_request("unknown-unit", detail)
    })
}

/// Refuses a time in which a series has more than so many samples.
async fn samples_allow(
    tx: &mut TenantTx,
    series: SeriesId,
    span: (Timestamp, Timestamp),
    samples_max: i64,
    what: &str,
) -> Result<(), ApiError> {
    let counted = samples_about(tx, series, span).await?;
    if counted <= samples_max {
        return Ok(());
    }
    let detail = format!(
        "there are about {counted} samples, and {what} at most {samples_max}: ask for a shorter time or a coarser \
         resolution"
    );
    Err(ApiError::bad_request("too-many-rows", detail))
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
