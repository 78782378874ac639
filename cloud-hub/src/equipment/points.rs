//! What a series was, as points for people and charts.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::rollup::{Rollup, Sample, Step};

/// One point of a series: a sample, or what the samples of a minute, an hour or a day come to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub(super) struct Point {
    /// The time of the sample, or the start of the minute, hour or day.
    #[schema(value_type = String)]
    pub at: Timestamp,
    /// The value, or the mean of all samples. What follows is said of minutes, hours and days only.
    pub value: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// How many samples there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samples: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<f64>,
    /// The mean by time: each value counts for as long as it stood, the one before also.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_weighted_mean: Option<f64>,
}

impl From<Sample> for Point {
    fn from(sample: Sample) -> Self {
        Self {
            at: instant(sample.at_us),
            value: sample.value,
            min: None,
            max: None,
            samples: None,
            first: None,
            last: None,
            time_weighted_mean: None,
        }
    }
}

/// Roll-ups that follow each other as points. `before` is the value that stood before the first one; a bucket that is not
/// over yet ends now.
pub(super) fn points(
    step: Step,
    rollups: &[(i64, Rollup)],
    mut before: Option<f64>,
    now: Timestamp,
) -> Vec<Point> {
    let mut points = Vec::with_capacity(rollups.len());
    for (bucket_us, rollup) in rollups {
        let end_us = step.end(*bucket_us).min(now.as_microsecond());
        points.push(Point {
            at: instant(*bucket_us),
            value: rollup.mean(),
            min: Some(rollup.min),
            max: Some(rollup.max),
            samples: Some(rollup.count),
            first: Some(rollup.first),
            last: Some(rollup.last),
            time_weighted_mean: Some(rollup.mean_by_time(*bucket_us, end_us, before)),
        });
        before = Some(rollup.last);
    }
    points
}

fn instant(at_us: i64) -> Timestamp {
    Timestamp::from_microsecond(at_us).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_before_a_bucket_stands_until_its_first_sample() {
        let at = |second: i64, value: f64| Sample {
            at_us: second * 1_000_000,
            value,
        };
        let bucket =
            |start: i64, samples: &[Sample]| (start * 1_000_000, Rollup::of(samples).unwrap());
        let rollups = [
            bucket(0, &[at(30, 10.0)]),
            bucket(60, &[at(90, 40.0)]),
            bucket(120, &[at(130, 0.0)]),
        ];
        // The third minute has just begun: 40 stood for 10 seconds, 0 since then.
        let now = Timestamp::from_second(140).unwrap();
        let means: Vec<_> = points(Step::Minute, &rollups, None, now)
            .iter()
            .map(|point| point.time_weighted_mean.unwrap())
            .collect();
        assert_eq!(means, [10.0, 25.0, 20.0]);
    }
}
