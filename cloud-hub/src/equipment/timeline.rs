//! What a device did, as segments without a hole: made of its reports in the order of their own times, so that a late one
//! finds its place. No SQL.
//!
//! A device whose contact is lost does nothing that anybody knows of, and one that is found again has to say first what it
//! does; nor is anything known of the time since its plant was last heard. Such time is never taken for a state.

use jiff::Timestamp;

/// The state by which a device itself says that it does not know (JDF 1.5, `DeviceStatus`).
const UNKNOWN_STATE: &str = "Unknown";

/// What a device does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Doing {
    /// It said so.
    State {
        state: String,
        reason: Option<String>,
        job: Option<String>,
    },
    /// Its plant cannot reach it.
    NoContact,
    /// Nobody has told.
    Unknown,
}

impl Doing {
    /// A state by its name. What is not a state has a name of its own, in lower case, so that the two cannot be mixed up.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::State { state, .. } => state,
            Self::NoContact => "no-contact",
            Self::Unknown => "unknown",
        }
    }

    pub(super) fn reason(&self) -> Option<&str> {
        match self {
            Self::State { reason, .. } => reason.as_deref(),
            _ => None,
        }
    }

    pub(super) fn job(&self) -> Option<&str> {
        match self {
            Self::State { job, .. } => job.as_deref(),
            _ => None,
        }
    }
}

/// What was reported of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Report {
    pub at: Timestamp,
    pub doing: Doing,
}

impl Report {
    pub(super) fn state(
        at: Timestamp,
        state: String,
        reason: Option<String>,
        job: Option<String>,
    ) -> Self {
        let doing = if state == UNKNOWN_STATE {
            Doing::Unknown
        } else {
            Doing::State { state, reason, job }
        };
        Self { at, doing }
    }

    /// After contact is found again the device says what it does; until then nobody knows.
    pub(super) fn contact(at: Timestamp, is_lost: bool) -> Self {
        let doing = if is_lost {
            Doing::NoContact
        } else {
            Doing::Unknown
        };
        Self { at, doing }
    }
}

/// A time in which a device did one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    pub from: Timestamp,
    pub to: Timestamp,
    pub doing: Doing,
}

/// Segments in the making.
#[derive(Debug)]
pub(super) struct Timeline {
    segments: Vec<Segment>,
    doing: Doing,
    since: Timestamp,
}

impl Timeline {
    /// Begins at `from`; `before` is the newest report from before that.
    pub(super) fn begin(from: Timestamp, before: Option<Report>) -> Self {
        Self {
            segments: Vec::new(),
            doing: before.map_or(Doing::Unknown, |report| report.doing),
            since: from,
        }
    }

    /// Takes the next report, in the order of their times.
    pub(super) fn push(&mut self, report: Report) {
        if report.doing == self.doing {
            return;
        }
        self.close(report.at);
        self.doing = report.doing;
    }

    /// How many segments are complete.
    pub(super) fn len(&self) -> usize {
        self.segments.len()
    }

    /// Ends at `to`. Nothing was told of the time after `known_until` but what was reported of it.
    pub(super) fn finish(mut self, known_until: Timestamp, to: Timestamp) -> Vec<Segment> {
        let known_until = known_until.max(self.since).min(to);
        self.close(known_until);
        self.doing = Doing::Unknown;
        self.close(to);
        self.segments
    }

    /// Closes what lasts at `at`. What took no time is left out, and its neighbours join when they are the same.
    fn close(&mut self, at: Timestamp) {
        if at <= self.since {
            return;
        }
        let from = std::mem::replace(&mut self.since, at);
        match self.segments.last_mut() {
            Some(last) if last.doing == self.doing => last.to = at,
            _ => self.segments.push(Segment {
                from,
                to: at,
                doing: self.doing.clone(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn state(at: i64, state: &str) -> Report {
        Report::state(second(at), state.to_owned(), None, None)
    }

    fn shown(segments: &[Segment]) -> String {
        let shown: Vec<_> = segments
            .iter()
            .map(|segment| {
                let (from, to) = (segment.from.as_second(), segment.to.as_second());
                format!("{from}-{to} {}", segment.doing.name())
            })
            .collect();
        shown.join(", ")
    }

    fn timeline(before: Option<Report>, reports: Vec<Report>, known_until: i64) -> String {
        let mut timeline = Timeline::begin(second(0), before);
        for report in reports {
            timeline.push(report);
        }
        shown(&timeline.finish(second(known_until), second(100)))
    }

    #[test]
    fn what_says_nothing_new_belongs_to_the_segment_before() {
        let reports = vec![
            state(10, "Running"),
            state(20, "Running"),
            state(30, "Idle"),
        ];
        assert_eq!(
            timeline(Some(state(-5, "Setup")), reports, 100),
            "0-10 Setup, 10-30 Running, 30-100 Idle"
        );
    }

    #[test]
    fn without_contact_and_until_it_has_said_something_a_device_does_nothing_that_is_known() {
        let reports = vec![
            Report::contact(second(10), true),
            Report::contact(second(40), false),
            state(50, "Running"),
        ];
        assert_eq!(
            timeline(Some(state(-5, "Running")), reports, 100),
            "0-10 Running, 10-40 no-contact, 40-50 unknown, 50-100 Running"
        );
        assert_eq!(timeline(None, vec![], 100), "0-100 unknown");
    }

    #[test]
    fn what_the_plant_has_not_told_yet_is_unknown() {
        assert_eq!(
            timeline(None, vec![state(10, "Running")], 60),
            "0-10 unknown, 10-60 Running, 60-100 unknown"
        );
        // A report from after that is known all the same.
        assert_eq!(
            timeline(None, vec![state(0, "Idle"), state(70, "Running")], 60),
            "0-70 Idle, 70-100 unknown"
        );
    }

    #[test]
    fn a_state_that_took_no_time_is_left_out() {
        let reports = vec![
            state(10, "Running"),
            state(50, "Stopped"),
            state(50, "Running"),
        ];
        assert_eq!(timeline(None, reports, 100), "0-10 unknown, 10-100 Running");
    }

    #[test]
    fn a_device_that_says_that_it_does_not_know_is_believed() {
        assert_eq!(
            timeline(None, vec![state(0, "Unknown"), state(50, "Idle")], 100),
            "0-50 unknown, 50-100 Idle"
        );
    }

    proptest! {
        #[test]
        fn segments_follow_each_other_without_a_hole_and_differ(
            reports in prop::collection::vec((0_i64..100, 0_usize..5), 0..40), known_until in -10_i64..120,
        ) {
            let mut reports = reports;
            reports.sort_unstable();
            let mut timeline = Timeline::begin(second(0), None);
            for (at, what) in reports {
                timeline.push(match what {
                    0 => Report::contact(second(at), true),
                    1 => Report::contact(second(at), false),
                    2 => state(at, "Idle"),
                    _ => state(at, "Running"),
                });
            }
            let segments = timeline.finish(second(known_until), second(100));
            prop_assert_eq!(segments[0].from, second(0));
            prop_assert_eq!(segments[segments.len() - 1].to, second(100));
            for pair in segments.windows(2) {
                prop_assert_eq!(pair[0].to, pair[1].from);
                prop_assert_ne!(&pair[0].doing, &pair[1].doing);
            }
            prop_assert!(segments.iter().all(|segment| segment.from < segment.to));
        }
    }
}
