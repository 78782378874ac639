//! How fine the points of an answer are, and which resolution is picked when none is asked for.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::model::SeriesId;
use super::rollup::Step;
use super::store;
use crate::config::TelemetryKeep;
use crate::db::{DbError, TenantTx};

/// Samples are picked when there are no more than these: they are read in some tens of milliseconds. It is half a day of
/// one sample a second; for longer times roll-ups are as good to look at, and come in a few milliseconds.
const RAW_PICKED_MAX: i64 = 50_000;

/// Of so short a time samples are picked in any case: minutes would be too few to see anything.
const RAW_PICKED_SPAN: SignedDuration = SignedDuration::from_mins(5);

/// Samples of a time up to so long are counted by minutes, of a longer one by hours: at most some thousand rows.
const COUNTED_BY_MINUTE_MAX: SignedDuration = SignedDuration::from_hours(3 * 24);

/// How fine the points are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Resolution {
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
    pub(super) fn read(text: &str) -> Option<Self> {
        let all = [Self::Raw, Self::Minute, Self::Hour, Self::Day];
        all.into_iter()
            .find(|resolution| resolution.as_str() == text)
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// The roll-ups that it stands for; none for samples.
    pub(super) const fn step(self) -> Option<Step> {
        match self {
            Self::Raw => None,
            Self::Minute => Some(Step::Minute),
            Self::Hour => Some(Step::Hour),
            Self::Day => Some(Step::Day),
        }
    }

    /// The first instant of which there are points of it.
    pub(super) fn kept_from(self, keep: TelemetryKeep, now: Timestamp) -> Timestamp {
        match self {
            Self::Raw => keep.raw_from(now),
            Self::Minute | Self::Hour => keep.hours_from(now),
            Self::Day => keep.days_from(now),
        }
    }

    /// The finest that is still kept of the whole time and does not have too much: samples when there are few, otherwise
    /// roll-ups of which there are at most `points_max`, days however many they are.
    pub(super) async fn pick(
        tx: &mut TenantTx,
        series: SeriesId,
        (from, to): (Timestamp, Timestamp),
        points_max: usize,
        keep: TelemetryKeep,
        now: Timestamp,
    ) -> Result<Self, DbError> {
        let is_kept = from >= keep.raw_from(now);
        let is_short = to.duration_since(from) <= RAW_PICKED_SPAN;
        if is_kept && (is_short || samples_about(tx, series, (from, to)).await? <= RAW_PICKED_MAX) {
            return Ok(Self::Raw);
        }
        let fits = |step: Step| {
            let points = to.duration_since(from).as_secs() / step.seconds();
            usize::try_from(points).is_ok_and(|points| points < points_max)
        };
        Ok(if from < keep.hours_from(now) {
            Self::Day
        } else if fits(Step::Minute) {
            Self::Minute
        } else if fits(Step::Hour) {
            Self::Hour
        } else {
            Self::Day
        })
    }
}

/// How many samples a series has in a time. They are counted by roll-ups, with the whole of the first and the last.
pub(super) async fn samples_about(
    tx: &mut TenantTx,
    series: SeriesId,
    (from, to): (Timestamp, Timestamp),
) -> Result<i64, DbError> {
    let step = if to.duration_since(from) <= COUNTED_BY_MINUTE_MAX {
        Step::Minute
    } else {
        Step::Hour
    };
    store::samples_counted(tx, step, series, from, to).await
}
