//! What one device said over time: stretches during which it said the same, in the order of their
//! times, whatever the order in which they were told. Pure.
//!
//! A value holds from when it was told until the next one was told. What is told late is put where
//! it belongs; what came after it is not changed. Thus any order of the same reports ends in the
//! same history.
//!
//! Limits: the newest [`STRETCHES_MAX`] stretches, and of each the newest [`SEEN_MAX`] times at
//! which it was told again. What is older than all of them is too late to be placed; where a time
//! was forgotten (also by a restart), the return from a late value is dated to the next known one.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A device that delivers what it could not deliver for hours changes its state some dozen times
/// before the newest one is reached again.
const STRETCHES_MAX: usize = 32;
/// Over a minute of heartbeats that come every second.
const SEEN_MAX: usize = 64;

/// The newest stretches, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct History<V> {
    stretches: VecDeque<Stretch<V>>,
    /// Older stretches were forgotten.
    cut: bool,
}

/// A time during which the value was told again and again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stretch<V> {
    from: Timestamp,
    value: V,
    /// When it was told again, in order.
    #[serde(skip)]
    seen: VecDeque<Timestamp>,
}

/// Where a value found its place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Placed<V> {
    /// It held already at that time.
    Same {
        /// Nothing newer was told.
        newest: bool,
    },
    /// It is the newest, and another one than `before`.
    Changed { before: Option<V> },
    /// It was overtaken: `next` was told by the device before this came in.
    Late {
        before: Option<V>,
        next: (Timestamp, V),
    },
    /// It is older than everything that is remembered.
    TooLate,
}

impl<V> Default for History<V> {
    fn default() -> Self {
        Self {
            stretches: VecDeque::new(),
            cut: false,
        }
    }
}

impl<V: Clone + PartialEq> History<V> {
    /// What held at a time.
    pub(super) fn at(&self, at: Timestamp) -> Option<&V> {
        let place = self.stretches.partition_point(|stretch| stretch.from <= at);
        Some(&self.stretches.get(place.checked_sub(1)?)?.value)
    }

    /// The newest value.
    pub(super) fn newest(&self) -> Option<&V> {
        self.stretches.back().map(|stretch| &stretch.value)
    }

    /// Puts in what the device said of `at`. Of two values of the same instant the later one holds.
    pub(super) fn place(&mut self, at: Timestamp, value: V) -> Placed<V> {
        let place = self.stretches.partition_point(|stretch| stretch.from <= at);
        let after = self.stretches.get(place).map(|stretch| stretch.from);
        let Some(holding) = place.checked_sub(1).map(|last| &mut self.stretches[last]) else {
            return self.place_first(at, value);
        };
        let again = holding.seen.partition_point(|seen| *seen <= at);
        if holding.value == value {
            let newest = after.is_none() && again == holding.seen.len();
            if holding.from != at && again.checked_sub(1).map(|n| holding.seen[n]) != Some(at) {
                holding.seen.insert(again, at);
            }
            if holding.seen.len() > SEEN_MAX {
                holding.seen.pop_front();
            }
            return Placed::Same { newest };
        }
        let before = holding.value.clone();
        let rest = holding.seen.split_off(again);
        if let Some(next) = rest.front().copied() {
            let mut rest = rest;
            rest.pop_front();
            let returned = Stretch {
                from: next,
                value: before.clone(),
                seen: rest,
            };
            self.insert(place, returned);
            self.insert(place, Stretch::new(at, value));
            self.forget();
            return Placed::Late {
                next: (next, before.clone()),
                before: Some(before),
            };
        }
        let Some(next) = after else {
            self.stretches.push_back(Stretch::new(at, value));
            self.forget();
            return Placed::Changed {
                before: Some(before),
            };
        };
        let next_value = self.begin_earlier_or_insert(place, at, value);
        self.forget();
        Placed::Late {
            before: Some(before),
            next: (next, next_value),
        }
    }

    fn place_first(&mut self, at: Timestamp, value: V) -> Placed<V> {
        let Some(next) = self.stretches.front().map(|stretch| stretch.from) else {
            self.stretches.push_back(Stretch::new(at, value));
            return Placed::Changed { before: None };
        };
        if self.cut {
            return Placed::TooLate;
        }
        let next_value = self.begin_earlier_or_insert(0, at, value);
        self.forget();
        Placed::Late {
            before: None,
            next: (next, next_value),
        }
    }

    /// Lets the stretch at `place` begin at `at` where it has the value, or puts one before it.
    /// Tells the value of the stretch that was there.
    fn begin_earlier_or_insert(&mut self, place: usize, at: Timestamp, value: V) -> V {
        let next = &mut self.stretches[place];
        if next.value == value {
            next.seen.push_front(next.from);
            next.from = at;
            return value;
        }
        let next_value = next.value.clone();
        self.insert(place, Stretch::new(at, value));
        next_value
    }

    fn insert(&mut self, place: usize, stretch: Stretch<V>) {
        self.stretches.insert(place, stretch);
    }

    fn forget(&mut self) {
        while self.stretches.len() > STRETCHES_MAX {
            self.stretches.pop_front();
            self.cut = true;
        }
    }
}

impl<V> Stretch<V> {
    fn new(from: Timestamp, value: V) -> Self {
        Self {
            from,
            value,
            seen: VecDeque::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn told(history: &mut History<char>, reports: &[(i64, char)]) {
        for (second, value) in reports {
            history.place(at(*second), *value);
        }
    }

    #[test]
    fn what_is_told_again_is_no_change_and_what_is_new_knows_what_was_before() {
        let mut history = History::default();
        assert_eq!(history.place(at(1), 'a'), Placed::Changed { before: None });
        assert_eq!(history.place(at(2), 'a'), Placed::Same { newest: true });
        assert_eq!(
            history.place(at(3), 'b'),
            Placed::Changed { before: Some('a') }
        );
        assert_eq!(history.place(at(2), 'a'), Placed::Same { newest: false });
    }

    #[test]
    fn a_late_value_interrupts_what_seemed_unbroken_and_the_return_is_dated() {
        let mut history = History::default();
        told(&mut history, &[(1, 'a'), (2, 'a'), (5, 'a'), (6, 'a')]);
        assert_eq!(
            history.place(at(3), 'b'),
            Placed::Late {
                before: Some('a'),
                next: (at(5), 'a')
            }
        );
        assert_eq!(history.at(at(4)), Some(&'b'));
        assert_eq!(history.place(at(4), 'b'), Placed::Same { newest: false });
        assert_eq!(history.newest(), Some(&'a'));
    }

    #[test]
    fn a_late_value_before_a_change_to_it_only_begins_earlier() {
        let mut history = History::default();
        told(&mut history, &[(1, 'a'), (5, 'b')]);
        assert_eq!(
            history.place(at(3), 'b'),
            Placed::Late {
                before: Some('a'),
                next: (at(5), 'b')
            }
        );
        assert_eq!(history.at(at(3)), Some(&'b'));
        assert_eq!(history.stretches.len(), 2);
    }

    #[test]
    fn what_is_older_than_everything_remembered_is_too_late_and_the_first_words_are_not() {
        let mut history = History::default();
        told(&mut history, &[(1_000, 'a')]);
        assert_eq!(
            history.place(at(999), 'b'),
            Placed::Late {
                before: None,
                next: (at(1_000), 'a')
            }
        );
        for n in 0..i64::try_from(STRETCHES_MAX).unwrap() {
            told(
                &mut history,
                &[(2_000 + n, if n % 2 == 0 { 'b' } else { 'a' })],
            );
        }
        assert_eq!(history.place(at(5), 'x'), Placed::TooLate);
        assert_eq!(history.stretches.len(), STRETCHES_MAX);
    }
}
