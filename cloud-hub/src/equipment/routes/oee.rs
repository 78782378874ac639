//! How well a device used its planned time.

use axum::Json;
use axum::extract::{Path, Query, State};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::device_find;
use super::status::{SpanQuery, known_or_nothing};
use crate::app::App;
use crate::db::{DbError, TenantTx};
use crate::equipment::calendar::{Calendar, Window};
use crate::equipment::model::{DeviceKey, SeriesRow};
use crate::equipment::oee::{Hundredths, Known, Missing, Oee, StopLoss, Times, to_f64};
use crate::equipment::settings::Settings;
use crate::equipment::store;
use crate::http::ApiError;
use crate::tenants::Principal;

/// The longest span of one answer: a quarter. Minutes of several answers add up.
const SPAN_MAX: SignedDuration = SignedDuration::from_hours(92 * 24);

/// The stops that are told one by one, the longest; the others are told together.
const STOPS_MAX: usize = 100;

/// A factor from 0 to 1.
#[derive(Debug, Serialize, ToSchema)]
struct FactorAnswer {
    #[schema(example = 0.875)]
    value: Option<f64>,
    /// Why there is none.
    missing: Option<Missing>,
}

impl From<Known<f64>> for FactorAnswer {
    fn from(known: Known<f64>) -> Self {
        let (value, missing) = apart(known);
        // Ten times finer than a tenth of a per cent; more would be noise.
        let value = value.map(|value| (value * 10_000.0).round() / 10_000.0);
        Self { value, missing }
    }
}

/// What was counted.
#[derive(Debug, Serialize, ToSchema)]
struct QuantityAnswer {
    value: Option<f64>,
    unit: Option<String>,
    #[schema(example = "jmf.production_counter")]
    metric: String,
    /// Why there is none.
    missing: Option<Missing>,
}

/// Planned time in which nothing good was made, in minutes.
#[derive(Debug, Serialize, ToSchema)]
struct LossesAnswer {
    /// Stops by state and reason, the longest first; at most 100.
    stops: Vec<StopLossAnswer>,
    /// All other stops.
    other_stops: f64,
    setup: f64,
    idle: f64,
    no_contact: f64,
    /// Nobody has told what it did.
    unknown: f64,
    /// It ran slower than its ideal speed; null where that is not known.
    speed: Option<f64>,
    /// It made waste.
    quality: Option<f64>,
}

/// Stops for one reason.
#[derive(Debug, Serialize, ToSchema)]
struct StopLossAnswer {
    #[schema(example = "Stopped")]
    state: String,
    #[schema(example = "paper jam")]
    reason: Option<String>,
    /// One that lasts through several planned times is one.
    count: u32,
    minutes: f64,
}

impl From<StopLoss> for StopLossAnswer {
    fn from(stop: StopLoss) -> Self {
        Self {
            state: stop.state,
            reason: stop.reason,
            count: stop.count,
            minutes: minutes(stop.time),
        }
    }
}

/// How well a device used its planned time, by the terms of ISO 22400-2. Minutes have two decimals: `losses`, `good_minutes` and
/// `undivided_minutes` add up to `planned_minutes` exactly.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OeeAnswer {
    /// Cut to whole minutes, as `to`.
    #[schema(value_type = String)]
    from: Timestamp,
    #[schema(value_type = String)]
    to: Timestamp,
    /// Planned busy time; null without a calendar.
    planned_minutes: Option<f64>,
    /// Planned, and planned to be down: not part of the planned busy time.
    planned_down_minutes: f64,
    /// Actual production time.
    production_minutes: f64,
    /// At the ideal speed.
    planned_run_time_per_item_s: Option<f64>,
    /// In planned time, good or not.
    produced: QuantityAnswer,
    waste: QuantityAnswer,
    /// Production time per planned busy time. Time of which nothing is known counts as lost, so it is at least this.
    availability: FactorAnswer,
    /// Planned run time per item × produced quantity per production time; more than 1 when it was faster than its ideal.
    effectiveness: FactorAnswer,
    /// Good quantity per produced quantity.
    quality: FactorAnswer,
    /// Availability × effectiveness × quality.
    oee: FactorAnswer,
    losses: LossesAnswer,
    /// How long what is good takes at the ideal speed; null where that is not known.
    good_minutes: Option<f64>,
    /// Production time of which it is not known whether it was good, too slow or for waste.
    undivided_minutes: f64,
}

/// Tells how well a device used the time that was planned for it, and what it lost of it.
#[utoipa::path(get, path = "/api/v1/equipment/{id}/oee", tag = "equipment",
    params(("id" = Uuid, Path, description = "The device's id"), SpanQuery),
    responses((status = 200, body = OeeAnswer), (status = 400), (status = 404)))]
pub(super) async fn show(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    Query(span): Query<SpanQuery>,
) -> Result<Json<OeeAnswer>, ApiError> {
    let now = app.clock.now();
    let (from, to) = span.span(now)?;
    let (from, to) = (whole_minute(from), whole_minute(to));
    if to.duration_since(from) > SPAN_MAX {
        let detail = "a span has at most 92 days; minutes of several answers add up";
        return Err(ApiError::bad_request("bad-time", detail));
    }
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    let device = device_find(&mut tx, &id).await?;
    let settings = store::settings_of(&mut tx, device.key).await?.settings;
    let windows = planned(&settings, from, to)?;
    let known_until = known_or_nothing(&mut tx, device.plant_id, now).await?;
    let timeline = store::timeline(&mut tx, device.key, from, to, usize::MAX).await?;
    let segments = timeline.finish(known_until, to);
    let times = Times::of(windows.as_deref().unwrap_or_default(), &segments, |state| {
        settings.category(state)
    });
    let (produced, waste) = quantities(
        &mut tx,
        device.key,
        &settings,
        windows.as_deref(),
        &times,
        now,
    )
    .await?;
    let speed = settings.ideal_speed_per_hour;
    let oee = match windows {
        Some(_) => Oee::of(&times, speed, produced.0, waste.0),
        None => Oee::UNPLANNED,
    };
    let is_planned = windows.is_some();
    Ok(Json(answer(
        (from, to),
        &settings,
        times,
        &oee,
        is_planned,
        (produced, waste),
    )))
}

/// What was counted, and its unit.
type Quantity = (Known<f64>, Option<String>);

fn answer(
    (from, to): (Timestamp, Timestamp),
    settings: &Settings,
    times: Times,
    oee: &Oee,
    is_planned: bool,
    (produced, waste): (Quantity, Quantity),
) -> OeeAnswer {
    let quantity = |(known, unit): Quantity, metric: &str| {
        let (value, missing) = apart(known);
        QuantityAnswer {
            value,
            unit,
            metric: metric.to_owned(),
            missing,
        }
    };
    let mut stops = times.stops;
    let others = stops.split_off(stops.len().min(STOPS_MAX));
    OeeAnswer {
        from,
        to,
        planned_minutes: is_planned.then(|| minutes(times.planned)),
        planned_down_minutes: minutes(times.planned_down),
        production_minutes: minutes(times.production),
        planned_run_time_per_item_s: settings.ideal_speed_per_hour.map(|speed| 3_600.0 / speed),
        produced: quantity(produced, &settings.produced_metric),
        waste: quantity(waste, &settings.waste_metric),
        availability: oee.availability.into(),
        effectiveness: oee.effectiveness.into(),
        quality: oee.quality.into(),
        oee: oee.index.into(),
        losses: LossesAnswer {
            stops: stops.into_iter().map(Into::into).collect(),
            other_stops: minutes(others.iter().map(|stop| stop.time).sum()),
            setup: minutes(times.setup),
            idle: minutes(times.idle),
            no_contact: minutes(times.no_contact),
            unknown: minutes(times.unknown),
            speed: oee.speed_loss.map(minutes),
            quality: oee.quality_loss.map(minutes),
        },
        good_minutes: oee.good.map(minutes),
        undivided_minutes: minutes(oee.undivided),
    }
}

/// When the device is planned to work; none when nobody has said.
fn planned(
    settings: &Settings,
    from: Timestamp,
    to: Timestamp,
) -> Result<Option<Vec<Window>>, ApiError> {
    let Some(spans) = &settings.calendar else {
        return Ok(None);
    };
    // It was read when it was set; another hub may know other time zones.
    let calendar = Calendar::read(&settings.time_zone, spans).map_err(|error| {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "a calendar cannot be read"
        );
        ApiError::internal()
    })?;
    Ok(Some(calendar.windows(from, to)))
}

/// What was produced and what was wasted in planned time.
async fn quantities(
    tx: &mut TenantTx,
    device: DeviceKey,
    settings: &Settings,
    windows: Option<&[Window]>,
    times: &Times,
    now: Timestamp,
) -> Result<(Quantity, Quantity), DbError> {
    let Some(windows) = windows else {
        let none = || (Err(Missing::NoCalendar), None);
        return Ok((none(), none()));
    };
    let produced = store::series_of_metric(tx, device, &settings.produced_metric, now).await?;
    let waste = store::series_of_metric(tx, device, &settings.waste_metric, now).await?;
    // In several units, the one that was told last is meant.
    let (produced, waste) = (produced.first(), waste.first());
    let ran = times.production > 0;
    let made = counted(tx, produced, windows, |counted| counted.is_told || !ran).await?;
    // What does not change need not be told again.
    let mut wasted = counted(tx, waste, windows, |counted| counted.is_known || !ran).await?;
    if let (Some(produced), Some(waste)) = (&made.1, &wasted.1)
        && produced != waste
    {
        wasted.0 = Err(Missing::DifferentUnits);
    }
    Ok((made, wasted))
}

/// How far a counter went, when what was told of it is enough to say so.
async fn counted(
    tx: &mut TenantTx,
    series: Option<&SeriesRow>,
    windows: &[Window],
    is_enough: impl Fn(&store::Counted) -> bool,
) -> Result<Quantity, DbError> {
    let Some(series) = series else {
        return Ok((Err(Missing::NoCounter), None));
    };
    let counted = store::counted(tx, series.id, windows).await?;
    let known = if is_enough(&counted) {
        Ok(counted.quantity)
    } else {
        Err(Missing::NoSamples)
    };
    Ok((known, series.unit.clone()))
}

fn apart(known: Known<f64>) -> (Option<f64>, Option<Missing>) {
    match known {
        Ok(value) => (Some(value), None),
        Err(missing) => (None, Some(missing)),
    }
}

fn minutes(time: Hundredths) -> f64 {
    to_f64(time) / 100.0
}

fn whole_minute(at: Timestamp) -> Timestamp {
    let second = at.as_second();
    Timestamp::from_second(second - second.rem_euclid(60)).unwrap_or(at)
}
