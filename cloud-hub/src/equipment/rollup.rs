//! What samples come to: roll-ups of a series by minute, hour and day. Pure rules, no SQL.
//!
//! A roll-up holds the sum of each value times the seconds until the next sample (`held`). So two roll-ups of which one
//! lies after the other in time merge exactly, and nothing else has to be known: the value that was last in the first one
//! stood until the second one began. Two that overlap in time do not merge; they are told anew from what they are made of.

use std::cmp::Ordering;

use jiff::Timestamp;

/// Microseconds of a second.
const SECOND_US: f64 = 1_000_000.0;

/// One value of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sample {
    /// Microseconds since 1970-01-01 UTC.
    pub at_us: i64,
    pub value: f64,
}

impl Sample {
    /// Negative zero is zero: to PostgreSQL they are one value, and to `total_cmp` two.
    pub(super) fn new(at_us: i64, value: f64) -> Self {
        let value = value + 0.0;
        Self { at_us, value }
    }

    /// When it was. The times of samples that are kept are within the years that we can write.
    pub(super) fn at(&self) -> Timestamp {
        Timestamp::from_microsecond(self.at_us).unwrap_or(Timestamp::MAX)
    }

    /// By time, then by value: two that are equal in both are one sample that came twice.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        self.at_us
            .cmp(&other.at_us)
            .then(self.value.total_cmp(&other.value))
    }
}

/// How long the buckets of a roll-up are. They begin at whole minutes, hours and days of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Minute,
    Hour,
    Day,
}

impl Step {
    pub(super) const fn seconds(self) -> i64 {
        match self {
            Self::Minute => 60,
            Self::Hour => 60 * 60,
            Self::Day => 24 * 60 * 60,
        }
    }

    const fn micros(self) -> i64 {
        self.seconds() * 1_000_000
    }

    /// The start of the bucket of an instant.
    pub(super) const fn bucket(self, at_us: i64) -> i64 {
        at_us - at_us.rem_euclid(self.micros())
    }

    /// The first instant after the bucket that begins at `bucket_us`.
    pub(super) const fn end(self, bucket_us: i64) -> i64 {
        bucket_us + self.micros()
    }
}

/// The samples of a series in one stretch of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rollup {
    pub count: i64,
    pub min: f64,
    pub max: f64,
    pub sum: f64,
    pub first: f64,
    pub first_us: i64,
    pub last: f64,
    pub last_us: i64,
    /// The sum of each value times the seconds until the next sample; the last one is not in it.
    pub held: f64,
}

impl Rollup {
    fn one(sample: Sample) -> Self {
        let Sample { at_us, value } = sample;
        Self {
            count: 1,
            min: value,
            max: value,
            sum: value,
            first: value,
            first_us: at_us,
            last: value,
            last_us: at_us,
            held: 0.0,
        }
    }

    /// Of samples in their order; none of no samples.
    pub(super) fn of(samples: &[Sample]) -> Option<Self> {
        Self::chain(samples.iter().copied().map(Self::one))
    }

    /// Of roll-ups that follow each other in time; none of none.
    pub(super) fn chain(pieces: impl IntoIterator<Item = Self>) -> Option<Self> {
        pieces.into_iter().reduce(Self::then)
    }

    /// With what came after it.
    fn then(self, later: Self) -> Self {
        Self {
            count: self.count + later.count,
            min: self.min.min(later.min),
            max: self.max.max(later.max),
            sum: self.sum + later.sum,
            first: self.first,
            first_us: self.first_us,
            last: later.last,
            last_us: later.last_us,
            held: self.held + self.last * seconds(later.first_us - self.last_us) + later.held,
        }
    }

    /// Both together when one lies after the other in time, otherwise none: then what is in both must be looked at.
    pub(super) fn joined(self, other: Self) -> Option<Self> {
        if self.last_us < other.first_us {
            Some(self.then(other))
        } else if other.last_us < self.first_us {
            Some(other.then(self))
        } else {
            None
        }
    }

    /// Whether an instant lies in its time, ends included: only such a sample can be here already.
    pub(super) fn spans(&self, at_us: i64) -> bool {
        (self.first_us..=self.last_us).contains(&at_us)
    }

    pub(super) fn mean(&self) -> f64 {
        self.sum / float(self.count)
    }

    /// The mean by time in a bucket, from its start until `end_us`: each value counts for as long as it stood. `before` is
    /// the value that stood when the bucket began; without one, time counts from the first sample on.
    pub(super) fn mean_by_time(&self, bucket_us: i64, end_us: i64, before: Option<f64>) -> f64 {
        let (from_us, carried) = match before {
            Some(value) => (bucket_us, value * seconds(self.first_us - bucket_us)),
            None => (self.first_us, 0.0),
        };
        // A clock at the plant may be ahead of ours.
        let end_us = end_us.max(self.last_us);
        let total = seconds(end_us - from_us);
        if total > 0.0 {
            (carried + self.held + self.last * seconds(end_us - self.last_us)) / total
        } else {
            self.last
        }
    }
}

pub(super) fn seconds(micros: i64) -> f64 {
    float(micros) / SECOND_US
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts and microseconds of a day stay far below 2^53"
)]
fn float(number: i64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Whole values at whole 64ths of a second: sums of them are exact, in whatever order.
    fn sample(at: i64, value: f64) -> Sample {
        Sample {
            at_us: at * 15_625,
            value,
        }
    }

    #[test]
    fn a_value_counts_for_as_long_as_it_stood() {
        let second = |second: i64, value: f64| sample(64 * second, value);
        let rollup = Rollup::of(&[second(10, 6.0), second(20, 12.0), second(40, 0.0)]).unwrap();
        assert_eq!((rollup.held, rollup.mean()), (300.0, 6.0));
        let minute = Step::Minute.end(0);
        let means = [
            // From the first sample on: 300 in 50 seconds.
            rollup.mean_by_time(0, minute, None),
            // With 30 before it: 600 in 60 seconds, and in 50 when the minute is not over.
            rollup.mean_by_time(0, minute, Some(30.0)),
            rollup.mean_by_time(0, 50_000_000, Some(30.0)),
        ]
        .to_vec();
        assert_eq!(means, [6.0, 10.0, 12.0]);
    }

    #[test]
    fn zero_and_negative_zero_at_one_instant_are_one_sample() {
        let order = Sample::new(1, -0.0).order(&Sample::new(1, 0.0));
        assert!(order.is_eq());
    }

    #[test]
    fn one_sample_is_its_own_mean() {
        let rollup = Rollup::of(&[sample(0, 7.0)]).unwrap();
        let means = [0, Step::Day.end(0)].map(|end| rollup.mean_by_time(0, end, None));
        assert_eq!(means.to_vec(), [7.0, 7.0]);
    }

    #[test]
    fn buckets_begin_at_whole_minutes_hours_and_days_also_before_1970() {
        assert_eq!(Step::Minute.bucket(61_000_000), 60_000_000);
        assert_eq!(Step::Day.bucket(86_399_999_999), 0);
        assert_eq!(Step::Hour.bucket(-1), -3_600_000_000);
    }

    proptest! {
        #[test]
        fn pieces_that_follow_each_other_merge_to_what_the_samples_come_to(
            times in prop::collection::btree_set(0..10_000_i64, 2..60),
            values in prop::collection::vec(-1_000..1_000_i32, 60),
            cut in 1..59_usize,
        ) {
            let samples: Vec<_> = times
                .iter()
                .zip(values)
                .map(|(&at, value)| sample(at, value.into()))
                .collect();
            let (early, late) = samples.split_at(cut.min(samples.len() - 1));
            let (early, late) = (Rollup::of(early).unwrap(), Rollup::of(late).unwrap());
            prop_assert_eq!(early.joined(late), Rollup::of(&samples));
            prop_assert_eq!(late.joined(early), Rollup::of(&samples));
            prop_assert_eq!(Rollup::of(&samples).unwrap().joined(late), None);
        }
    }
}
