//! The newest value of every series, and its short trend, for panel and API: in memory only, of all that sources say, also of what
//! its rule leaves out of the file. Not of what is told as history.
//!
//! A trend has at most one point per second, the last one of it, and so some minutes of a series that tells its value often.
//!
//! Limits: the series of `series.rs`; [`TREND_POINTS_MAX`] points each, [`POINTS_MAX`] of all series (then all trends get shorter).

use std::collections::{HashMap, VecDeque};

use agog_sync::frame::SeriesKey;
use jiff::Timestamp;

use super::series::{NAMES_BYTES_MAX, SERIES_MAX, names_bytes};
use super::store::{counts_at, is_to_come, timestamp};
use super::{LatestValue, Sample};

/// Five minutes of a value that is told every second.
pub(super) const TREND_POINTS_MAX: usize = 300;
/// Points of all series together, 16 bytes each: 4 MiB, full trends of 870 series.
const POINTS_MAX: usize = 262_144;

/// One point of a trend.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Point {
    pub at: Timestamp,
    pub value: f64,
}

/// The trend of one series, oldest point first.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Trend {
    pub device: String,
    pub metric: String,
    pub unit: Option<String>,
    pub points: Vec<Point>,
}

/// All series.
#[derive(Debug, Default)]
pub(super) struct Live {
    series: HashMap<SeriesKey, VecDeque<Stored>>,
    /// How many points each may have.
    points_max: usize,
}

#[derive(Debug, Clone, Copy)]
struct Stored {
    at_us: i64,
    value: f64,
}

impl Live {
    /// Takes in a value; an older one than the newest changes nothing, and history neither.
    pub(super) fn tell(&mut self, sample: &Sample, now: Timestamp) {
        if sample.is_historical {
            return;
        }
        if let Some(points) = self.series.get_mut(&sample.series) {
            // What our own clock said while it was ahead is no time to compare with.
            while points.back().is_some_and(|it| is_to_come(it.at_us, now)) {
                points.pop_back();
            }
        }
        let at = timestamp(counts_at(sample.at.as_microsecond(), now));
        self.tell_value(&sample.series, at, sample.value);
    }

    pub(super) fn tell_value(&mut self, series: &SeriesKey, at: Timestamp, value: f64) {
        let at_us = at.as_microsecond();
        let stored = Stored { at_us, value };
        let Some(points) = self.series.get_mut(series) else {
            // The store refuses a series beyond its limits, so nobody asks for its newest value.
            if self.series.len() < SERIES_MAX && names_bytes(series) <= NAMES_BYTES_MAX {
                self.series.insert(series.clone(), VecDeque::from([stored]));
                self.share();
            }
            return;
        };
        let newest = points.back().map_or(i64::MIN, |point| point.at_us);
        if at_us < newest {
            return;
        }
        let second = |at_us: i64| at_us.div_euclid(1_000_000);
        if second(at_us) == second(newest) {
            points.pop_back();
        } else if points.len() >= self.points_max {
            points.pop_front();
        }
        points.push_back(stored);
    }

    /// Shares the points among the series.
    fn share(&mut self) {
        let points_max = (POINTS_MAX / self.series.len()).min(TREND_POINTS_MAX);
        if points_max < self.points_max {
            for points in self.series.values_mut() {
                let too_many = points.len().saturating_sub(points_max);
                points.drain(..too_many);
                points.shrink_to(points_max);
            }
        }
        self.points_max = points_max;
    }

    /// The newest value of every series, by device and metric.
    pub(super) fn latest(&self) -> Vec<LatestValue> {
        let mut latest: Vec<LatestValue> = self
            .series
            .iter()
            .filter_map(|(key, points)| {
                let point = points.back()?;
                Some(LatestValue {
                    device: key.device.clone(),
                    metric: key.metric.clone(),
                    unit: key.unit.clone(),
                    at: timestamp(point.at_us),
                    value: point.value,
                    left_out: 0,
                })
            })
            .collect();
        latest
            .sort_by(|a, b| (&a.device, &a.metric, &a.unit).cmp(&(&b.device, &b.metric, &b.unit)));
        latest
    }

    /// The newest `points` of a metric, one trend for each unit that it was told in.
    pub(super) fn trends(&self, device: &str, metric: &str, points: usize) -> Vec<Trend> {
        let mut trends: Vec<Trend> = self
            .series
            .iter()
            .filter(|(key, _)| key.device == device && key.metric == metric)
            .map(|(key, stored)| Trend {
                device: key.device.clone(),
                metric: key.metric.clone(),
                unit: key.unit.clone(),
                points: stored
                    .iter()
                    .skip(stored.len().saturating_sub(points))
                    .map(|point| Point {
                        at: timestamp(point.at_us),
                        value: point.value,
                    })
                    .collect(),
            })
            .collect();
        trends.sort_by(|a, b| a.unit.cmp(&b.unit));
        trends
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(metric: &str) -> SeriesKey {
        SeriesKey {
            device: "press-3".to_owned(),
            metric: metric.to_owned(),
            unit: None,
        }
    }

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(1_760_000_000_000 + milliseconds).unwrap()
    }

    fn values(live: &Live, metric: &str) -> Vec<f64> {
        let trends = live.trends("press-3", metric, TREND_POINTS_MAX);
        trends[0].points.iter().map(|point| point.value).collect()
    }

    #[test]
    fn a_trend_has_the_last_value_of_each_second_and_nothing_that_came_late() {
        let mut live = Live::default();
        for (milliseconds, value) in [(0, 1.0), (400, 2.0), (999, 3.0), (1_000, 4.0), (500, 9.0)] {
            live.tell_value(&key("speed"), at(milliseconds), value);
        }
        assert_eq!(values(&live, "speed"), [3.0, 4.0]);
        assert!((live.latest()[0].value - 4.0).abs() < f64::EPSILON);
        assert_eq!(
            live.trends("press-3", "speed", 1)[0].points[0].at,
            at(1_000)
        );
        assert!(live.trends("press-3", "heat", 1).is_empty());
    }

    #[test]
    fn trends_are_bounded_for_each_series_and_for_all_of_them() {
        let mut live = Live::default();
        for second in 0..400_i32 {
            live.tell_value(
                &key("speed"),
                at(i64::from(second) * 1_000),
                f64::from(second),
            );
        }
        let speed = values(&live, "speed");
        assert_eq!((speed.len(), speed[0]), (TREND_POINTS_MAX, 100.0));

        for n in 0..SERIES_MAX + 5 {
            live.tell_value(&key(&format!("m{n}")), at(0), 1.0);
        }
        for second in 400..800_i32 {
            live.tell_value(
                &key("speed"),
                at(i64::from(second) * 1_000),
                f64::from(second),
            );
        }

        assert_eq!(live.latest().len(), SERIES_MAX);
        let share = POINTS_MAX / SERIES_MAX;
        assert_eq!(values(&live, "speed").len(), share);
        let all: usize = live.series.values().map(VecDeque::len).sum();
        assert!(all <= POINTS_MAX, "{all}");
    }
}
