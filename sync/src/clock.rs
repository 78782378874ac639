//! Time as a parameter. [`SystemClock`] is the only place of the workspace that reads the wall
//! clock (clippy.toml holds everybody to it); tests turn a [`ManualClock`].
//!
//! Instants are cut to microseconds, the precision of PostgreSQL and of the ledger.

use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};

/// Where the time comes from.
pub trait Clock: Send + Sync {
    /// The current instant, cut to microseconds.
    fn now(&self) -> Timestamp;
}

/// The wall clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the clock"
    )]
    fn now(&self) -> Timestamp {
        to_micros(Timestamp::now())
    }
}

/// A clock that moves when told to.
#[derive(Debug)]
pub struct ManualClock(Mutex<Timestamp>);

impl ManualClock {
    /// A clock that stands at `start`.
    pub fn new(start: Timestamp) -> Self {
        Self(Mutex::new(to_micros(start)))
    }

    /// Moves the clock; a negative step sets it back, as a wrong NTP answer would.
    pub fn advance(&self, step: SignedDuration) {
        let mut now = self.lock();
        *now = to_micros(now.saturating_add(step).unwrap_or(*now));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Timestamp> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.lock()
    }
}

/// Cuts an instant to the precision that the ledger stores.
///
/// ```
/// let fine: jiff::Timestamp = "2025-10-15T08:30:00.123456789Z".parse().unwrap();
/// assert_eq!(agog_sync::clock::to_micros(fine).to_string(), "2025-10-15T08:30:00.123456Z");
/// ```
pub fn to_micros(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}
