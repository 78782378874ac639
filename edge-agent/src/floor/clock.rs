//! The clock of a device, which may be wrong by hours, and may be set. Pure.
//!
//! The device's own time counts, so that what was overtaken finds its place. A constant offset into
//! the past does no harm. A clock that is ahead of ours by more than [`AHEAD_MAX`] is taken back to
//! ours, all of its times by the same amount. A clock that was set back goes on where it was, once
//! that is sure:
//!
//! - an answer to a question of just now shows what the clock shows: it has not waited anywhere;
//! - signals may have waited, been sent again, or come out of a channel that keeps them for hours.
//!   Only signals one after the other that are all older than the newest one by more than
//!   [`OVERTAKEN_MAX`], and whose own times pass as ours does for [`SET_BACK_AFTER`], come from a
//!   clock that goes on from there. What waited comes at once, or with new ones in between.
//!
//! Until then such a signal is late and nothing else. Whether a signal was taken in before must be asked
//! where [`DeviceClock::doubts`] it: what is sent again says nothing of the clock.
//!
//! Not covered: a clock that is set back by less than [`OVERTAKEN_MAX`] counts as overtaken for that long.

use agog_sync::clock::to_micros;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// A device whose clock is further ahead than this is not believed.
const AHEAD_MAX: SignedDuration = SignedDuration::from_mins(5);
/// The longest that one message is overtaken by others: a slow answer and its repetitions.
const OVERTAKEN_MAX: SignedDuration = SignedDuration::from_mins(2);
/// For so long signals must go on with an older time. As long as the usual heartbeat, so that two of
/// them are enough, and far longer than it takes to deliver what has waited.
const SET_BACK_AFTER: SignedDuration = SignedDuration::from_secs(8);

/// The device's own time, unless its clock is far ahead: for what is only shown.
pub(crate) fn believed(at: Option<Timestamp>, now: Timestamp) -> Timestamp {
    at.filter(|at| at.duration_since(now) <= AHEAD_MAX)
        .unwrap_or(now)
}

/// How a state was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// By a signal, which may have waited.
    Signal,
    /// By the answer to a question of just now.
    Answer,
}

/// How the times of one device are read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DeviceClock {
    /// Added to every time of the device.
    shift_us: i64,
    /// The newest state, by the device's clock after the shift.
    newest: Option<Timestamp>,
    newest_signal: Option<Timestamp>,
    /// When the newest state came in, by our clock.
    arrived: Option<Timestamp>,
    /// The first and the last of the old signals that came one after the other.
    #[serde(skip)]
    old: Option<[Heard; 2]>,
}

/// A time of the device, and when it was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Heard {
    stamp: Timestamp,
    now: Timestamp,
}

impl DeviceClock {
    /// When a state held that came in `now`.
    pub(super) fn state(
        &mut self,
        stamp: Option<Timestamp>,
        now: Timestamp,
        told: Told,
    ) -> Timestamp {
        let at = match stamp {
            Some(stamp) => self.stamped(stamp, now, told),
            None => self.expected(now),
        };
        if self.newest.is_none_or(|newest| at >= newest) {
            self.newest = Some(at);
            self.arrived = Some(now);
        }
        if told == Told::Signal && self.newest_signal.is_none_or(|newest| at > newest) {
            self.newest_signal = Some(at);
        }
        at
    }

    /// Whether a state with this time would put the clock into question: what is sent again must
    /// not, and is to be sorted out before.
    pub(super) fn doubts(&self, stamp: Option<Timestamp>, now: Timestamp, told: Told) -> bool {
        stamp.is_some_and(|stamp| self.is_ahead(stamp, now) || self.is_old(stamp, told))
    }

    fn is_ahead(&self, stamp: Timestamp, now: Timestamp) -> bool {
        self.read(stamp).duration_since(now) > AHEAD_MAX
    }

    fn is_old(&self, stamp: Timestamp, told: Told) -> bool {
        let reference = match told {
            Told::Signal => self.newest_signal,
            Told::Answer => self.newest,
        };
        let at = self.read(stamp);
        reference.is_some_and(|reference| reference.duration_since(at) > OVERTAKEN_MAX)
    }

    fn stamped(&mut self, stamp: Timestamp, now: Timestamp, told: Told) -> Timestamp {
        let ahead = self.is_ahead(stamp, now);
        let is_old = self.is_old(stamp, told);
        let goes_on = match (is_old, told) {
            (false, _) => {
                self.old = None;
                false
            }
            (true, Told::Answer) => true,
            (true, Told::Signal) => self.goes_on(Heard { stamp, now }),
        };
        let wanted = if ahead {
            self.newest.map_or(now, |newest| newest.max(now))
        } else if goes_on {
            self.expected(now)
        } else {
            return self.read(stamp);
        };
        self.old = None;
        self.shift_us = wanted
            .as_microsecond()
            .saturating_sub(stamp.as_microsecond());
        to_micros(wanted)
    }

    /// Whether the old signals until now come from a clock that goes on, and not from a store.
    fn goes_on(&mut self, heard: Heard) -> bool {
        let first = match self.old {
            Some([first, last]) if heard.stamp >= last.stamp && first.is_paced(heard) => first,
            _ => heard,
        };
        self.old = Some([first, heard]);
        heard.now.duration_since(first.now) >= SET_BACK_AFTER
    }

    /// A time that the device told, by its own clock, of anything.
    pub(super) fn read(&self, stamp: Timestamp) -> Timestamp {
        let micros = stamp.as_microsecond().saturating_add(self.shift_us);
        Timestamp::from_microsecond(micros).unwrap_or(stamp)
    }

    /// When something happened that is no state; what lies far ahead happened now.
    pub(super) fn event(&self, stamp: Option<Timestamp>, now: Timestamp) -> Timestamp {
        let at = stamp.map_or_else(|| self.expected(now), |stamp| self.read(stamp));
        if at.duration_since(now) > AHEAD_MAX {
            return now;
        }
        at
    }

    /// What the device's clock shows now, going on from the newest that it told.
    fn expected(&self, now: Timestamp) -> Timestamp {
        let (Some(newest), Some(arrived)) = (self.newest, self.arrived) else {
            return now;
        };
        let passed = now.duration_since(arrived).max(SignedDuration::ZERO);
        newest.checked_add(passed).unwrap_or(newest)
    }
}

impl Heard {
    /// From here to `later`, the device's clock and ours went on by the same, as far as the way of a
    /// message allows to tell.
    fn is_paced(self, later: Self) -> bool {
        let own = later.stamp.duration_since(self.stamp);
        let ours = later.now.duration_since(self.now);
        (own - ours).abs() <= SET_BACK_AFTER / 4
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("2026-01-05T{text}Z").parse().unwrap()
    }

    fn heard(clock: &mut DeviceClock, stamp: &str, now: &str) -> Timestamp {
        clock.state(Some(at(stamp)), at(now), Told::Signal)
    }

    #[test]
    fn a_clock_that_is_hours_behind_is_read_as_it_is() {
        let mut clock = DeviceClock::default();
        for second in ["00", "10", "05"] {
            let stamp = format!("07:00:{second}");
            let now = format!("10:00:{second}");
            assert_eq!(heard(&mut clock, &stamp, &now), at(&stamp));
        }
    }

    #[test]
    fn a_clock_that_is_hours_ahead_is_taken_back_and_keeps_its_order() {
        let mut clock = DeviceClock::default();
        assert_eq!(heard(&mut clock, "13:00:10", "10:00:10"), at("10:00:10"));
        assert_eq!(heard(&mut clock, "13:00:05", "10:00:11"), at("10:00:05"));
        assert_eq!(heard(&mut clock, "13:00:20", "10:00:21"), at("10:00:20"));
    }

    #[test]
    fn a_clock_that_was_set_back_goes_on_where_it_was_once_it_has_ticked_from_there() {
        let mut clock = DeviceClock::default();
        heard(&mut clock, "10:00:00", "10:00:00");
        assert_eq!(heard(&mut clock, "09:00:10", "10:00:10"), at("09:00:10"));
        assert_eq!(heard(&mut clock, "09:00:15", "10:00:16"), at("09:00:15"));
        assert_eq!(heard(&mut clock, "09:00:20", "10:00:20"), at("10:00:20"));
        assert_eq!(heard(&mut clock, "09:00:30", "10:00:31"), at("10:00:30"));
        // And when somebody sets it right again.
        assert_eq!(heard(&mut clock, "10:00:40", "10:00:40"), at("10:00:40"));
        assert_eq!(heard(&mut clock, "10:00:50", "10:00:51"), at("10:00:50"));
    }

    #[test]
    fn a_signal_that_comes_minutes_late_or_again_and_again_changes_nothing() {
        let mut clock = DeviceClock::default();
        heard(&mut clock, "10:00:00", "10:00:00");
        heard(&mut clock, "10:04:00", "10:04:00");
        assert_eq!(heard(&mut clock, "10:00:00", "10:04:05"), at("10:00:00"));
        for second in 10..40 {
            let now = format!("10:04:{second}");
            assert_eq!(heard(&mut clock, "10:00:30", &now), at("10:00:30"));
        }
        assert_eq!(heard(&mut clock, "10:05:00", "10:05:00"), at("10:05:00"));
    }

    #[test]
    fn what_a_device_kept_while_the_network_was_away_changes_nothing() {
        let mut clock = DeviceClock::default();
        heard(&mut clock, "10:10:00", "10:10:00");
        // A minute of heartbeats in some seconds; and one after the other between new ones.
        for second in 0..60 {
            let (stamp, now) = (format!("10:02:{second:02}"), 200 * second);
            let now = format!("10:10:{:02}.{:03}", now / 1_000, now % 1_000);
            assert_eq!(heard(&mut clock, &stamp, &now), at(&stamp));
        }
        for second in ["20", "30", "40", "50"] {
            let (stamp, now) = (format!("10:03:{second}"), format!("10:10:{second}"));
            assert_eq!(heard(&mut clock, &stamp, &now), at(&stamp));
            assert_eq!(heard(&mut clock, &now, &now), at(&now));
        }
    }

    #[test]
    fn a_time_that_puts_the_clock_into_question_is_told_before_it_is_read() {
        let mut clock = DeviceClock::default();
        let now = at("10:10:00");
        let doubts = |clock: &DeviceClock, stamp| clock.doubts(Some(at(stamp)), now, Told::Signal);
        assert!(doubts(&clock, "10:20:00"), "ahead");
        assert!(!doubts(&clock, "09:00:00"), "nothing is known yet");
        heard(&mut clock, "10:10:00", "10:10:00");
        assert!(doubts(&clock, "10:07:00"));
        assert!(!doubts(&clock, "10:09:00") && !clock.doubts(None, now, Told::Signal));
    }

    #[test]
    fn what_waited_for_hours_in_a_reliable_channel_is_not_taken_for_a_clock_set_back() {
        let mut clock = DeviceClock::default();
        heard(&mut clock, "08:00:00", "08:00:00");
        let asked = clock.state(Some(at("10:00:00")), at("10:00:00"), Told::Answer);
        assert_eq!(asked, at("10:00:00"));
        for minute in ["08:10:00", "08:20:00", "09:50:00"] {
            assert_eq!(heard(&mut clock, minute, "10:00:01"), at(minute));
        }
    }

    #[test]
    fn an_answer_shows_at_once_that_the_clock_was_set_back() {
        let mut clock = DeviceClock::default();
        heard(&mut clock, "10:00:00", "10:00:00");
        let asked = clock.state(Some(at("09:00:05")), at("10:00:05"), Told::Answer);
        assert_eq!(asked, at("10:00:05"));
        assert_eq!(heard(&mut clock, "09:00:10", "10:00:10"), at("10:00:10"));
    }

    #[test]
    fn a_signal_without_a_time_goes_on_with_the_clock_of_its_device() {
        let mut clock = DeviceClock::default();
        heard(&mut clock, "07:00:00", "10:00:00");
        assert_eq!(
            clock.state(None, at("10:00:30"), Told::Signal),
            at("07:00:30")
        );
    }
}
