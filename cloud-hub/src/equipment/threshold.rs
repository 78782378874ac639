//! When a metric raises an alarm: beyond a threshold, for long enough; and when that is over. No SQL.
//!
//! Between the threshold and the value at which the alarm is over, nothing changes, so that a metric that trembles about the
//! threshold raises one alarm. A sample that is older than one that was considered is passed over, and one that comes late
//! raises nothing: an alarm is about now.
//!
//! A threshold has no unit. When its metric is told in several, it watches the series that was told last: who changes the unit of a
//! metric sets its thresholds anew.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::settings::{check_name, invalid};
use crate::http::ApiError;

/// Samples that are older when they come raise nothing: nobody runs for what was over before it was heard.
const LATE_AFTER: SignedDuration = SignedDuration::from_mins(5);
/// The most thresholds of a device.
pub(super) const THRESHOLDS_MAX: usize = 50;
/// The longest time that a metric has to be beyond a threshold: a day.
const FOR_S_MAX: u32 = 86_400;

/// How bad an alarm is, as JMF names it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(super) enum AlarmClass {
    #[default]
    Warning,
    Error,
    Fatal,
}

impl AlarmClass {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "Warning",
            Self::Error => "Error",
            Self::Fatal => "Fatal",
        }
    }
}

/// A threshold of a metric: `above` or `below`, in the unit in which the metric was told last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Threshold {
    /// Another one for each threshold of the device.
    #[schema(example = "bearing too hot")]
    pub name: String,
    #[schema(example = "bearing.temperature")]
    pub metric: String,
    /// Greater values raise the alarm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 80.0)]
    pub above: Option<f64>,
    /// Smaller values raise the alarm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<f64>,
    /// At this value it is over; the threshold itself when it is not named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 75.0)]
    pub clear: Option<f64>,
    /// How long the metric has to be beyond the threshold without a break.
    #[serde(default)]
    #[schema(example = 30)]
    pub for_s: u32,
    #[serde(default)]
    pub class: AlarmClass,
    /// What people should know or do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl Threshold {
    /// Refuses one that cannot be.
    pub(super) fn check(&self, pointer: &str) -> Result<(), ApiError> {
        check_name(&format!("{pointer}/name"), &self.name)?;
        check_name(&format!("{pointer}/metric"), &self.metric)?;
        if let Some(text) = &self.text {
            check_name(&format!("{pointer}/text"), text)?;
        }
        if self.for_s > FOR_S_MAX {
            let detail = format!("at most {FOR_S_MAX} seconds");
            return Err(invalid(format!("{pointer}/for_s"), detail));
        }
        let is_clear_inside = match (self.above, self.below) {
            (Some(above), None) => self.clear.is_none_or(|clear| clear <= above),
            (None, Some(below)) => self.clear.is_none_or(|clear| clear >= below),
            _ => return Err(invalid(pointer, "say one of `above` and `below`")),
        };
        if !is_clear_inside {
            let detail = "the value at which it is over cannot be beyond the threshold";
            return Err(invalid(format!("{pointer}/clear"), detail));
        }
        Ok(())
    }

    /// The threshold itself.
    pub(super) fn limit(&self) -> f64 {
        self.above.or(self.below).unwrap_or(0.0)
    }

    /// The value at which it is over.
    pub(super) fn clear(&self) -> f64 {
        self.clear.unwrap_or_else(|| self.limit())
    }

    fn is_beyond(&self, value: f64) -> bool {
        self.above.is_some_and(|above| value > above)
            || self.below.is_some_and(|below| value < below)
    }

    fn is_over(&self, value: f64) -> bool {
        if self.above.is_some() {
            value <= self.clear()
        } else {
            value >= self.clear()
        }
    }
}

/// How a threshold stands.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Watch {
    /// The newest sample that was considered.
    pub seen_at: Option<Timestamp>,
    /// Since when the metric is beyond it without an alarm, and what it was last.
    pub pending: Option<(Timestamp, f64)>,
    /// An alarm stands.
    pub is_raised: bool,
}

/// What a sample changes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Change {
    /// An alarm is raised; the metric is beyond the threshold since `at`.
    Raised { at: Timestamp, value: f64 },
    /// It is over.
    Cleared { at: Timestamp, value: f64 },
}

impl Watch {
    /// Considers a sample.
    pub(super) fn consider(
        &mut self,
        threshold: &Threshold,
        at: Timestamp,
        value: f64,
        now: Timestamp,
    ) -> Option<Change> {
        // A clock that is ahead must not make the samples after it look old.
        let at = at.min(now);
        if self.seen_at.is_some_and(|seen| at < seen) {
            return None;
        }
        self.seen_at = Some(at);
        if self.is_raised {
            if !threshold.is_over(value) {
                return None;
            }
            self.is_raised = false;
            return Some(Change::Cleared { at, value });
        }
        if !threshold.is_beyond(value) {
            self.pending = None;
            return None;
        }
        let since = self.pending.map_or(at, |(since, _)| since);
        self.pending = Some((since, value));
        self.wait(threshold, at, now)
    }

    /// Considers that it is `at`, by other samples of the device: a metric that does not change need not be told again.
    pub(super) fn wait(
        &mut self,
        threshold: &Threshold,
        at: Timestamp,
        now: Timestamp,
    ) -> Option<Change> {
        let at = at.min(now);
        let (since, value) = self.pending?;
        let is_long = at.duration_since(since) >= SignedDuration::from_secs(threshold.for_s.into());
        let is_late = now.duration_since(at) > LATE_AFTER;
        if !is_long || is_late {
            return None;
        }
        self.pending = None;
        self.is_raised = true;
        Some(Change::Raised { at: since, value })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    fn above(above: f64, clear: f64, for_s: u32) -> Threshold {
        Threshold {
            name: "hot".to_owned(),
            metric: "temperature".to_owned(),
            above: Some(above),
            below: None,
            clear: Some(clear),
            for_s,
            class: AlarmClass::Warning,
            text: None,
        }
    }

    /// What samples, (second, value), change; each comes when it was taken.
    fn changes(threshold: &Threshold, samples: &[(i64, f64)]) -> Vec<String> {
        let mut watch = Watch::default();
        let mut changes = Vec::new();
        for (second, value) in samples {
            let change = watch.consider(threshold, at(*second), *value, at(*second));
            changes.extend(change.map(|change| shown(&change)));
        }
        changes
    }

    fn shown(change: &Change) -> String {
        let second = |at: &Timestamp| at.as_second() - 1_000_000;
        match change {
            Change::Raised { at, value } => format!("raised since {} at {value}", second(at)),
            Change::Cleared { at, value } => format!("over {} at {value}", second(at)),
        }
    }

    #[test]
    fn a_metric_that_trembles_about_its_threshold_raises_one_alarm() {
        let samples = [
            (0, 79.0),
            (1, 81.0),
            (2, 79.0),
            (3, 82.0),
            (4, 75.0),
            (5, 81.0),
        ];
        assert_eq!(
            changes(&above(80.0, 75.0, 0), &samples),
            [
                "raised since 1 at 81",
                "over 4 at 75",
                "raised since 5 at 81"
            ]
        );
    }

    #[test]
    fn it_has_to_be_beyond_for_the_whole_time() {
        let samples = [
            (0, 81.0),
            (9, 90.0),
            (10, 80.0),
            (11, 81.0),
            (20, 81.0),
            (21, 83.0),
        ];
        assert_eq!(
            changes(&above(80.0, 75.0, 10), &samples),
            ["raised since 11 at 83"]
        );
    }

    #[test]
    fn a_value_that_is_not_told_again_raises_its_alarm_when_the_time_is_over() {
        let threshold = above(80.0, 75.0, 10);
        let mut watch = Watch::default();
        assert_eq!(watch.consider(&threshold, at(0), 81.0, at(0)), None);
        assert_eq!(watch.wait(&threshold, at(9), at(9)), None);
        let raised = watch.wait(&threshold, at(10), at(10)).unwrap();
        assert_eq!(shown(&raised), "raised since 0 at 81");
        assert_eq!(watch.wait(&threshold, at(20), at(20)), None);
    }

    #[test]
    fn below_works_the_other_way_round() {
        let threshold = Threshold {
            above: None,
            below: Some(2.0),
            clear: Some(2.5),
            ..above(0.0, 0.0, 0)
        };
        let samples = [(0, 2.0), (1, 1.9), (2, 2.4), (3, 2.5)];
        assert_eq!(
            changes(&threshold, &samples),
            ["raised since 1 at 1.9", "over 3 at 2.5"]
        );
    }

    #[test]
    fn late_samples_raise_nothing_and_older_ones_than_the_newest_change_nothing() {
        let threshold = above(80.0, 75.0, 0);
        let mut watch = Watch::default();
        assert_eq!(watch.consider(&threshold, at(0), 90.0, at(3_600)), None);
        // It still is, and now that is new.
        let raised = watch.consider(&threshold, at(3_600), 90.0, at(3_601));
        assert_eq!(
            raised.map(|raised| shown(&raised)).unwrap(),
            "raised since 0 at 90"
        );
        assert_eq!(watch.consider(&threshold, at(10), 20.0, at(3_602)), None);
        assert!(watch.is_raised);
    }

    #[test]
    fn a_clock_that_is_ahead_does_not_silence_what_comes_after() {
        let threshold = above(80.0, 75.0, 0);
        let mut watch = Watch::default();
        assert_eq!(watch.consider(&threshold, at(80_000), 20.0, at(0)), None);
        assert!(watch.consider(&threshold, at(1), 90.0, at(1)).is_some());
    }

    #[test]
    fn a_threshold_that_cannot_be_is_refused() {
        let cannot = |threshold: &Threshold| threshold.check("/alarms/0").is_err();
        assert!(!cannot(&above(80.0, 75.0, 10)));
        assert!(cannot(&above(80.0, 81.0, 10)));
        assert!(cannot(&above(80.0, 75.0, 100_000)));
        assert!(cannot(&Threshold {
            below: Some(1.0),
            ..above(80.0, 75.0, 0)
        }));
        assert!(cannot(&Threshold {
            above: None,
            ..above(80.0, 75.0, 0)
        }));
        assert!(cannot(&Threshold {
            name: String::new(),
            ..above(80.0, 75.0, 0)
        }));
    }

    proptest! {
        #[test]
        fn an_alarm_is_raised_and_cleared_in_turns(
            samples in prop::collection::vec((0_i64..100, 60.0..100.0_f64), 0..100), for_s in 0_u32..10,
        ) {
            let mut samples = samples;
            samples.sort_by_key(|(second, _)| *second);
            let threshold = above(80.0, 75.0, for_s);
            let changes = changes(&threshold, &samples);
            for (place, change) in changes.iter().enumerate() {
                prop_assert_eq!(change.starts_with("raised"), place % 2 == 0);
            }
        }
    }
}
