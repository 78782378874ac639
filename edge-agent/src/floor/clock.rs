//! The clock of a device, which may be wrong by hours, and may be set. Pure.
//!
//! The device's own time counts, so that what was overtaken finds its place. A constant offset into
//! the past does no harm. A clock that is ahead of ours by more than [`AHEAD_MAX`] is taken back to
//! ours, all of its times by the same amount. A clock that was set back goes on where it was: a
//! Status signal that is older than the newest Status signal by more than [`OVERTAKEN_MAX`] was not
//! overtaken, because no message waits that long while others of its channel pass; and neither was
//! an answer to a question that was asked just now. (A signal may well be hours older than an
//! answer: a reliable channel delivers what waited while the agent was away.)
//!
//! Not covered: a clock that is set back by less than [`OVERTAKEN_MAX`] counts as overtaken for that long.

use agog_sync::clock::to_micros;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// A device whose clock is further ahead than this is not believed.
const AHEAD_MAX: SignedDuration = SignedDuration::from_mins(5);
/// The longest that one message is overtaken by others: a slow answer and its repetitions.
const OVERTAKEN_MAX: SignedDuration = SignedDuration::from_mins(2);

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

    fn stamped(&mut self, stamp: Timestamp, now: Timestamp, told: Told) -> Timestamp {
        let at = self.read(stamp);
        let ahead = at.duration_since(now) > AHEAD_MAX;
        let reference = match told {
            Told::Signal => self.newest_signal,
            Told::Answer => self.newest,
        };
        let set_back =
            reference.is_some_and(|reference| reference.duration_since(at) > OVERTAKEN_MAX);
        if !ahead && !set_back {
            return at;
        }
        let wanted = if ahead {
            self.newest.map_or(now, |newest| newest.max(now))
        } else {
            self.expected(now)
        };
        self.shift_us = wanted
            .as_microsecond()
            .saturating_sub(stamp.as_microsecond());
        to_micros(wanted)
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
    fn a_clock_that_was_set_back_goes_on_where_it_was() {
        let mut clock = DeviceClock::default();
        heard(&mut clock, "10:00:00", "10:00:00");
        assert_eq!(heard(&mut clock, "09:00:10", "10:00:10"), at("10:00:10"));
        assert_eq!(heard(&mut clock, "09:00:20", "10:00:21"), at("10:00:20"));
        // And when somebody sets it right again.
        assert_eq!(heard(&mut clock, "10:00:30", "10:00:30"), at("10:00:30"));
        assert_eq!(heard(&mut clock, "10:00:40", "10:00:41"), at("10:00:40"));
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
