//! When a device is planned to work: spans of the week, by the clock on the wall of its plant. No SQL.
//!
//! A span names the days on which it begins; one that ends at or before its beginning goes on into the next day. What
//! spans have in common counts once. Where clocks are set forward or back, a span is as long as it really was.

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The most spans of a week: seven days of three shifts, with breaks.
pub(super) const SPANS_MAX: usize = 100;

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Day {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl Day {
    const fn weekday(self) -> Weekday {
        match self {
            Self::Monday => Weekday::Monday,
            Self::Tuesday => Weekday::Tuesday,
            Self::Wednesday => Weekday::Wednesday,
            Self::Thursday => Weekday::Thursday,
            Self::Friday => Weekday::Friday,
            Self::Saturday => Weekday::Saturday,
            Self::Sunday => Weekday::Sunday,
        }
    }
}

/// A time in which a device is planned to work, each week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PlannedSpan {
    /// The days on which it begins.
    pub days: Vec<Day>,
    /// By the plant's clock, to the minute.
    #[schema(example = "06:00")]
    pub from: String,
    /// The next day's, when it is not after `from`; `00:00` is the end of the day.
    #[schema(example = "22:00")]
    pub to: String,
}

/// A span with its times read.
#[derive(Debug, Clone)]
struct Rule {
    days: Vec<Weekday>,
    from: Time,
    to: Time,
}

/// A week of a plant.
#[derive(Debug, Clone)]
pub(super) struct Calendar {
    rules: Vec<Rule>,
    zone: TimeZone,
}

/// Why a calendar cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum CalendarError {
    #[error("`{0}` is no time zone: expected a name such as Europe/Berlin")]
    Zone(String),
    #[error("`{0}` is no time of day: expected hours and minutes such as 06:00")]
    Time(String),
    #[error("a span needs at least one day")]
    NoDay,
}

/// A span of time that is planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub from: Timestamp,
    pub to: Timestamp,
}

impl Calendar {
    /// Reads the spans of a week.
    pub(super) fn read(zone: &str, spans: &[PlannedSpan]) -> Result<Self, CalendarError> {
        let zone = TimeZone::get(zone).map_err(|_| CalendarError::Zone(zone.to_owned()))?;
        let rules = spans.iter().map(|span| {
            if span.days.is_empty() {
                return Err(CalendarError::NoDay);
            }
            Ok(Rule {
                days: span.days.iter().map(|day| day.weekday()).collect(),
                from: time(&span.from)?,
                to: time(&span.to)?,
            })
        });
        let rules = rules.collect::<Result<_, _>>()?;
        Ok(Self { rules, zone })
    }

    /// What is planned from `from` until before `to`: in order, and apart from each other.
    pub(super) fn windows(&self, from: Timestamp, to: Timestamp) -> Vec<Window> {
        let mut windows = Vec::new();
        // A span that began the day before may still go on.
        let first = self.zone.to_datetime(from).date().yesterday();
        let last = self.zone.to_datetime(to).date();
        let mut day = first.ok();
        while let Some(date) = day.filter(|date| *date <= last) {
            for rule in &self.rules {
                if rule.days.contains(&date.weekday())
                    && let Some(window) = self.window(rule, date)
                {
                    let (from, to) = (window.from.max(from), window.to.min(to));
                    if from < to {
                        windows.push(Window { from, to });
                    }
                }
            }
            day = date.tomorrow().ok();
        }
        joined(windows)
    }

    fn window(&self, rule: &Rule, date: Date) -> Option<Window> {
        let end = if rule.to > rule.from {
            date
        } else {
            date.checked_add(1.day()).ok()?
        };
        let at = |date: Date, time: Time| {
            let zoned = self.zone.to_zoned(date.to_datetime(time)).ok()?;
            Some(zoned.timestamp())
        };
        let (from, to) = (at(date, rule.from)?, at(end, rule.to)?);
        (from < to).then_some(Window { from, to })
    }
}

/// Joins windows that meet or overlap.
fn joined(mut windows: Vec<Window>) -> Vec<Window> {
    windows.sort_by_key(|window| window.from);
    let mut joined: Vec<Window> = Vec::with_capacity(windows.len());
    for window in windows {
        match joined.last_mut() {
            Some(last) if window.from <= last.to => last.to = last.to.max(window.to),
            _ => joined.push(window),
        }
    }
    joined
}

fn time(text: &str) -> Result<Time, CalendarError> {
    let wrong = || CalendarError::Time(text.to_owned());
    let (hour, minute) = text.split_once(':').ok_or_else(wrong)?;
    let two = |part: &str| {
        let is_two = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        is_two.then(|| part.parse::<i8>().ok()).flatten()
    };
    let (hour, minute) = two(hour).zip(two(minute)).ok_or_else(wrong)?;
    Time::new(hour, minute, 0, 0).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Day; 7] = [
        Day::Monday,
        Day::Tuesday,
        Day::Wednesday,
        Day::Thursday,
        Day::Friday,
        Day::Saturday,
        Day::Sunday,
    ];

    fn span(days: &[Day], from: &str, to: &str) -> PlannedSpan {
        PlannedSpan {
            days: days.to_vec(),
            from: from.to_owned(),
            to: to.to_owned(),
        }
    }

    fn planned(zone: &str, spans: &[PlannedSpan], from: &str, to: &str) -> Vec<String> {
        let calendar = Calendar::read(zone, spans).unwrap();
        let windows = calendar.windows(from.parse().unwrap(), to.parse().unwrap());
        let shown = windows
            .iter()
            .map(|window| format!("{} to {}", window.from, window.to));
        shown.collect()
    }

    #[test]
    fn a_span_is_by_the_clock_of_the_plant_and_a_night_shift_ends_the_next_day() {
        let spans = [
            span(&[Day::Thursday], "06:00", "14:00"),
            span(&[Day::Thursday], "22:00", "06:00"),
        ];
        let of_week = planned(
            "Europe/Berlin",
            &spans,
            "2025-10-13T00:00:00Z",
            "2025-10-20T00:00:00Z",
        );
        assert_eq!(
            of_week,
            [
                "2025-10-16T04:00:00Z to 2025-10-16T12:00:00Z",
                "2025-10-16T20:00:00Z to 2025-10-17T04:00:00Z"
            ]
        );
    }

    #[test]
    fn what_began_the_day_before_and_what_is_cut_off_counts_as_far_as_it_was_asked_for() {
        let night = [span(&[Day::Thursday], "22:00", "06:00")];
        let cut = planned(
            "UTC",
            &night,
            "2025-10-17T01:00:00Z",
            "2025-10-17T02:00:00Z",
        );
        assert_eq!(cut, ["2025-10-17T01:00:00Z to 2025-10-17T02:00:00Z"]);
    }

    #[test]
    fn spans_that_overlap_or_meet_count_once_and_all_days_are_one_time_without_a_break() {
        let spans = [span(&ALL, "00:00", "12:00"), span(&ALL, "11:00", "00:00")];
        let all = planned(
            "UTC",
            &spans,
            "2025-10-13T00:00:00Z",
            "2025-10-20T00:00:00Z",
        );
        assert_eq!(all, ["2025-10-13T00:00:00Z to 2025-10-20T00:00:00Z"]);
    }

    #[test]
    fn a_night_in_which_clocks_are_set_is_as_long_as_it_was() {
        let night = [span(&[Day::Saturday], "22:00", "06:00")];
        let hours = |from: &str, to: &str| {
            let calendar = Calendar::read("Europe/Berlin", &night).unwrap();
            let windows = calendar.windows(from.parse().unwrap(), to.parse().unwrap());
            windows[0].to.duration_since(windows[0].from).as_hours()
        };
        assert_eq!(hours("2025-10-25T00:00:00Z", "2025-10-27T00:00:00Z"), 9);
        assert_eq!(hours("2025-03-29T00:00:00Z", "2025-03-31T00:00:00Z"), 7);
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let wrong = |zone: &str, spans: &[PlannedSpan]| {
            Calendar::read(zone, spans).unwrap_err().to_string()
        };
        assert!(wrong("Berlin", &[]).starts_with("`Berlin` is no time zone"));
        for time in ["6:00", "24:00", "06:60", "noon", "06:00:00", "+6:00"] {
            let text = wrong("UTC", &[span(&ALL, time, "12:00")]);
            assert!(text.contains(time), "{text}");
        }
        assert_eq!(
            wrong("UTC", &[span(&[], "06:00", "12:00")]),
            "a span needs at least one day"
        );
    }

    proptest! {
        #[test]
        fn windows_are_in_order_apart_and_inside_what_was_asked_for(
            times in prop::collection::vec((0_usize..7, 0_u8..24, 0_u8..60, 0_u8..24, 0_u8..60), 0..6),
            start in 1_700_000_000_i64..1_800_000_000, hours in 1_i64..2_000,
        ) {
            let spans: Vec<_> = times
                .iter()
                .map(|(day, h1, m1, h2, m2)| {
                    span(&[ALL[*day]], &format!("{h1:02}:{m1:02}"), &format!("{h2:02}:{m2:02}"))
                })
                .collect();
            let calendar = Calendar::read("Europe/Berlin", &spans).unwrap();
            let from = Timestamp::from_second(start).unwrap();
            let to = Timestamp::from_second(start + hours * 3_600).unwrap();
            let windows = calendar.windows(from, to);
            prop_assert!(windows.iter().all(|window| window.from < window.to));
            prop_assert!(windows.windows(2).all(|pair| pair[0].to < pair[1].from));
            prop_assert!(windows.first().is_none_or(|window| window.from >= from));
            prop_assert!(windows.last().is_none_or(|window| window.to <= to));
        }
    }
}
