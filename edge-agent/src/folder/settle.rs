//! Which files of a folder are whole. Pure.
//!
//! Nobody tells when a file is whole. One that did not change for [`SETTLED_AFTER`] is read; when that
//! fails it may be half-written by a program that pauses, so it is read again after longer and longer
//! waits, and for the last time [`UNREADABLE_AFTER`] after its last change. A file that something else
//! keeps in its place is put off, for [`PUT_OFF_MAX`] at most, so that it stands in nobody's way.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// Programs write a ticket in one go; a copy over the network pauses for less than this.
pub(super) const SETTLED_AFTER: Duration = Duration::from_secs(2);
/// A file that nobody completes in this time stays as it is.
pub(super) const UNREADABLE_AFTER: Duration = Duration::from_mins(1);

/// A disk that was full is seen to have room again within this time.
pub(super) const PUT_OFF_MAX: Duration = Duration::from_mins(10);

/// What tells that a file has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) bytes: u64,
    pub(super) modified: SystemTime,
}

#[derive(Debug)]
struct Seen {
    stamp: Stamp,
    /// When it was first seen so.
    since: Instant,
    /// It is read when it has this age.
    read_at: Duration,
    /// How long it was put off last.
    put_off: Option<Duration>,
}

/// What is to be done with a file now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Wait,
    Read {
        /// One that cannot be read now has failed.
        is_last: bool,
    },
}

/// The files of a folder as they were seen.
#[derive(Debug, Default)]
pub(super) struct Settling(BTreeMap<String, Seen>);

impl Settling {
    /// Forgets files that are no longer there.
    pub(super) fn keep(&mut self, is_there: impl Fn(&str) -> bool) {
        self.0.retain(|name, _| is_there(name));
    }

    /// A file was seen; says whether it is to be read.
    pub(super) fn see(&mut self, name: &str, stamp: Stamp, now: Instant) -> Turn {
        let new = Seen {
            stamp,
            since: now,
            read_at: SETTLED_AFTER,
            put_off: None,
        };
        let seen = match self.0.get_mut(name) {
            Some(seen) if seen.stamp == stamp => seen,
            _ => {
                self.0.insert(name.to_owned(), new);
                return Turn::Wait;
            }
        };
        let age = now.duration_since(seen.since);
        if age < seen.read_at {
            return Turn::Wait;
        }
        let is_last = age >= UNREADABLE_AFTER;
        seen.read_at = if is_last {
            // Whatever keeps it here now is not the file itself.
            age + SETTLED_AFTER
        } else {
            (age * 2).min(UNREADABLE_AFTER)
        };
        Turn::Read { is_last }
    }

    /// A file can neither be taken in nor moved away now: it is read again after a wait that grows. Says
    /// whether that is new.
    pub(super) fn put_off(&mut self, name: &str, now: Instant) -> bool {
        let Some(seen) = self.0.get_mut(name) else {
            return true;
        };
        let is_new = seen.put_off.is_none();
        let wait = seen.put_off.map_or(SETTLED_AFTER, |last| last * 2);
        let wait = wait.min(PUT_OFF_MAX);
        seen.put_off = Some(wait);
        seen.read_at = now.duration_since(seen.since) + wait;
        is_new
    }

    /// Whether a file was put off, and did not change since.
    pub(super) fn is_put_off(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|seen| seen.put_off.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(bytes: u64) -> Stamp {
        Stamp {
            bytes,
            modified: SystemTime::UNIX_EPOCH,
        }
    }

    /// The seconds at which a file is read that is looked at every half second; the last is marked.
    fn reads(change_at: Option<u64>, until: u64) -> Vec<(u64, bool)> {
        let start = Instant::now();
        let mut settling = Settling::default();
        let mut reads = Vec::new();
        for half in 0..=until * 2 {
            let now = start + Duration::from_millis(500 * half);
            let is_changed = change_at.is_some_and(|at| half >= at * 2);
            let bytes = if is_changed { 20 } else { 10 };
            if let Turn::Read { is_last } = settling.see("a.jdf", stamp(bytes), now) {
                reads.push((half / 2, is_last));
            }
        }
        reads
    }

    #[test]
    fn a_file_is_read_after_two_quiet_seconds_and_for_the_last_time_after_a_minute() {
        assert_eq!(
            reads(None, 60),
            [
                (2, false),
                (4, false),
                (8, false),
                (16, false),
                (32, false),
                (60, true)
            ]
        );
    }

    #[test]
    fn a_change_begins_the_wait_anew() {
        assert_eq!(reads(Some(1), 4), [(3, false)]);
        let late: Vec<_> = reads(Some(50), 111)
            .into_iter()
            .filter(|read| read.1)
            .collect();
        assert_eq!(late.first(), Some(&(110, true)));
    }

    #[test]
    fn a_file_that_is_put_off_is_read_after_longer_and_longer_waits_until_it_changes() {
        let start = Instant::now();
        let at = |second: u64| start + Duration::from_secs(second);
        let mut settling = Settling::default();
        settling.see("a.jdf", stamp(1), at(0));
        let mut reads = Vec::new();
        for second in 1..4_000 {
            let turn = settling.see("a.jdf", stamp(1), at(second));
            if matches!(turn, Turn::Read { .. }) {
                assert_eq!(settling.put_off("a.jdf", at(second)), reads.is_empty());
                reads.push(second);
            }
        }
        assert_eq!(
            reads,
            [
                2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 1_624, 2_224, 2_824, 3_424
            ]
        );
        assert!(settling.is_put_off("a.jdf"));
        settling.see("a.jdf", stamp(2), at(4_000));
        assert!(!settling.is_put_off("a.jdf"), "it is another one");
    }

    #[test]
    fn a_file_that_was_away_is_a_new_one() {
        let start = Instant::now();
        let mut settling = Settling::default();
        settling.see("a.jdf", stamp(1), start);
        settling.keep(|_| false);
        let later = start + SETTLED_AFTER;
        assert_eq!(settling.see("a.jdf", stamp(1), later), Turn::Wait);
    }
}
