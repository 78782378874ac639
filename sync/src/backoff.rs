//! When to try again: doubling waits with a cap and jitter, as a plain value.

use std::time::Duration;

use rand::{Rng, RngExt};

/// The schedule of one thing that is retried.
///
/// ```
/// use std::time::Duration;
/// use agog_sync::backoff::Backoff;
/// use rand::SeedableRng;
/// let mut rng = rand::rngs::StdRng::seed_from_u64(1);
/// let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(60));
/// let first = backoff.next_wait(&mut rng);
/// assert!(first >= Duration::from_millis(100) && first <= Duration::from_millis(200));
/// backoff.reset();
/// ```
#[derive(Debug, Clone)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
    attempt: u32,
}

impl Backoff {
    /// Waits about `base` at first and never longer than `cap`.
    pub const fn new(base: Duration, cap: Duration) -> Self {
        Self {
            base,
            cap,
            attempt: 0,
        }
    }

    /// The wait before the next try: between half and all of `base · 2^attempt`, so that a
    /// thousand agents do not come back in the same second.
    pub fn next_wait(&mut self, rng: &mut (impl Rng + ?Sized)) -> Duration {
        let factor = 2_u32.saturating_pow(self.attempt);
        self.attempt = self.attempt.saturating_add(1);
        let full = self.base.saturating_mul(factor).min(self.cap);
        full.mul_f64(rng.random_range(0.5..=1.0))
    }

    /// It worked: the next failure starts from `base` again.
    pub const fn reset(&mut self) {
        self.attempt = 0;
    }

    /// How often it failed since it last worked.
    pub const fn attempts(&self) -> u32 {
        self.attempt
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn waits_double_up_to_the_cap_and_start_anew_after_success() {
        let mut rng = rand::rngs::StdRng::seed_from_u64(3);
        let (base, cap) = (Duration::from_millis(100), Duration::from_secs(1));
        let mut backoff = Backoff::new(base, cap);
        for full in [100, 200, 400, 800, 1000, 1000].map(Duration::from_millis) {
            let wait = backoff.next_wait(&mut rng);
            assert!(wait >= full / 2 && wait <= full, "{wait:?} for {full:?}");
        }
        for _ in 0..100 {
            assert!(backoff.next_wait(&mut rng) <= cap);
        }
        backoff.reset();
        assert!(backoff.next_wait(&mut rng) <= base);
    }
}
