//! What the configuration says of metrics: which samples are left out, and which are dropped first.
//!
//! Pure. The first rule that fits a series is its rule; without one everything is kept, with [`Priority::Normal`].
//!
//! A sample is compared with the newest of its series that was kept. One that is no newer than that came late and is kept. Of the
//! others these are left out: what comes sooner than `max_rate_hz` allows, and what differs by no more than `deadband`, unless
//! nothing was kept for `heartbeat_s`: then it says that the value still stands. What is left out is no gap; it is counted.

use agog_sync::frame::SeriesKey;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// What is dropped first when there is no room: the lowest, and of that the oldest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    Low,
    #[default]
    Normal,
    High,
}

impl Priority {
    /// As it is stored.
    pub(super) fn rank(self) -> i64 {
        match self {
            Self::Low => 0,
            Self::Normal => 1,
            Self::High => 2,
        }
    }
}

/// One rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Names in which `*` stands for any text.
    pub device: String,
    pub metric: String,
    pub keep: Keep,
}

/// What is kept of a series.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Keep {
    /// A difference that says nothing.
    pub deadband: Option<f64>,
    /// Samples are no closer than this.
    pub spacing: SignedDuration,
    /// After this time a value is told also when it has not changed.
    pub heartbeat: SignedDuration,
    pub priority: Priority,
}

/// The rules in the order of the configuration.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rules(pub Vec<Rule>);

impl Rules {
    /// The rule of a series.
    pub(super) fn of(&self, series: &SeriesKey) -> Keep {
        self.0
            .iter()
            .find(|rule| fits(&rule.device, &series.device) && fits(&rule.metric, &series.metric))
            .map(|rule| rule.keep)
            .unwrap_or_default()
    }
}

impl Keep {
    /// What comes sooner after the one kept before is left out: a clock that is a tenth off does not halve the rate of a source that
    /// keeps it.
    pub(crate) fn spacing_min(&self) -> SignedDuration {
        self.spacing * 9 / 10
    }

    /// Whether a sample is left out; `kept` is the newest that was kept.
    pub(super) fn leaves_out(&self, kept: Option<(i64, f64)>, at_us: i64, value: f64) -> bool {
        let Some((kept_us, kept)) = kept else {
            return false;
        };
        let since = SignedDuration::from_micros(at_us.saturating_sub(kept_us));
        if !since.is_positive() {
            return false;
        }
        if since < self.spacing_min() {
            return true;
        }
        // What is no number differs from everything.
        let is_same = |deadband| (value - kept).abs() <= deadband;
        since < self.heartbeat && self.deadband.is_some_and(is_same)
    }
}

/// Whether a name fits a pattern. `*` takes as little as it can; when what follows does not fit, it takes one character more.
fn fits(pattern: &str, name: &str) -> bool {
    let (mut pattern, mut name) = (pattern.as_bytes(), name.as_bytes());
    let mut again: Option<(&[u8], &[u8])> = None;
    loop {
        match (pattern.split_first(), name.split_first()) {
            (Some((b'*', rest)), _) => {
                again = Some((rest, name));
                pattern = rest;
            }
            (Some((wanted, rest)), Some((found, behind))) if wanted == found => {
                pattern = rest;
                name = behind;
            }
            (None, None) => return true,
            _ => {
                let Some((rest, [_, behind @ ..])) = again else {
                    return false;
                };
                again = Some((rest, behind));
                pattern = rest;
                name = behind;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, name, expected) in [
            ("*", "", true),
            ("*", "press-3", true),
            ("press-*", "press-3", true),
            ("press-*", "press-", true),
            ("press-*", "folder-3", false),
            ("*-3", "press-3-3", true),
            ("*-3", "press-34", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("press-3", "press-3", true),
            ("press-3", "press-33", false),
            ("", "x", false),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn the_first_rule_that_fits_is_taken() {
        let rule = |device: &str, metric: &str, priority| Rule {
            device: device.to_owned(),
            metric: metric.to_owned(),
            keep: Keep {
                priority,
                ..Keep::default()
            },
        };
        let rules = Rules(vec![
            rule("press-*", "speed", Priority::High),
            rule("*", "*", Priority::Low),
        ]);
        let of = |device: &str, metric: &str| {
            let key = SeriesKey {
                device: device.to_owned(),
                metric: metric.to_owned(),
                unit: None,
            };
            rules.of(&key).priority
        };
        assert_eq!(of("press-3", "speed"), Priority::High);
        assert_eq!(of("press-3", "heat"), Priority::Low);
        assert_eq!(Rules::default().0.len(), 0);
    }

    #[test]
    fn what_stays_the_same_is_left_out_until_its_heartbeat() {
        let keep = Keep {
            deadband: Some(5.0),
            heartbeat: SignedDuration::from_secs(60),
            ..Keep::default()
        };
        let out = |seconds, value| keep.leaves_out(Some((0, 100.0)), seconds * SECOND, value);
        assert!(out(1, 100.0) && out(59, 105.0) && out(1, 95.0));
        assert!(!out(1, 105.1) && !out(1, 94.9), "it has changed");
        assert!(!out(60, 100.0), "it still stands");
        assert!(!out(0, 100.0) && !out(-7, 100.0), "it came late");
        assert!(!out(1, f64::NAN));
        assert!(!keep.leaves_out(None, 0, 100.0), "it is the first");
    }

    #[test]
    fn what_comes_too_fast_is_left_out_also_when_it_changes() {
        let keep = Keep {
            spacing: SignedDuration::from_secs(1),
            ..Keep::default()
        };
        let out = |at_us| keep.leaves_out(Some((0, 1.0)), at_us, 2.0);
        assert!(out(1) && out(899_999));
        assert!(
            !out(900_000),
            "a source of one a second is not halved by its jitter"
        );
        assert!(!out(SECOND));
    }
}
