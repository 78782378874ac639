//! What a series was, as points for people and charts.

use jiff::Timestamp;

use super::rollup::{Rollup, Sample, Step};

/// One point of a series: a sample, or what the samples of a minute, an hour or a day come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    /// The time of the sample, or the start of the minute, hour or day; microseconds since 1970-01-01 UTC.
    pub at_us: i64,
    /// The value, or the mean of all samples.
    pub value: f64,
    pub min: f64,
    pub max: f64,
    /// How many samples there are.
    pub samples: i64,
    pub first: f64,
    pub last: f64,
    /// Each value counts for as long as it stood, the one before also.
    pub time_weighted_mean: f64,
}

impl Point {
    /// A roll-up as a point. `before` is the value that stood before it; a bucket that is not over yet ends now.
    pub(super) fn of_rollup(
        step: Step,
        bucket_us: i64,
        rollup: &Rollup,
        before: Option<f64>,
        now: Timestamp,
    ) -> Self {
        let end_us = step.end(bucket_us).min(now.as_microsecond());
        Self {
            at_us: bucket_us,
            value: rollup.mean(),
            min: rollup.min,
            max: rollup.max,
            samples: rollup.count,
            first: rollup.first,
            last: rollup.last,
            time_weighted_mean: rollup.mean_by_time(bucket_us, end_us, before),
        }
    }

    pub(super) fn at(&self) -> Timestamp {
        Timestamp::from_microsecond(self.at_us).unwrap_or(Timestamp::MAX)
    }
}

impl From<Sample> for Point {
    fn from(Sample { at_us, value }: Sample) -> Self {
        Self {
            at_us,
            value,
            min: value,
            max: value,
            samples: 1,
            first: value,
            last: value,
            time_weighted_mean: value,
        }
    }
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
        // The third minute has just begun: 40 stood for 10 seconds, 0 since then.
        let now = Timestamp::from_second(140).unwrap();
        let mut before = None;
        let mut means = Vec::new();
        for (start, sample) in [(0, at(30, 10.0)), (60, at(90, 40.0)), (120, at(130, 0.0))] {
            let rollup = Rollup::of(&[sample]).unwrap();
            let point = Point::of_rollup(Step::Minute, start * 1_000_000, &rollup, before, now);
            means.push(point.time_weighted_mean);
            before = Some(rollup.last);
        }
        assert_eq!(means, [10.0, 25.0, 20.0]);
    }
}
