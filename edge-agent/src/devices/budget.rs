//! How often a device may be asked: never in a storm, whatever it does.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// A device that comes and goes is connected at most so often a minute; each time costs it five
/// requests at most. Between connections it is asked once per silence or verification.
pub(super) const CONNECTIONS_PER_MINUTE_MAX: usize = 10;
const WINDOW: Duration = Duration::from_mins(1);

/// The connections of the last minute.
#[derive(Default)]
pub(super) struct Budget(VecDeque<Instant>);

impl Budget {
    /// Returns at once, or when the oldest connection of a full minute is a minute ago.
    pub(super) async fn take(&mut self) {
        if self.0.len() >= CONNECTIONS_PER_MINUTE_MAX
            && let Some(oldest) = self.0.pop_front()
        {
            tokio::time::sleep_until(oldest + WINDOW).await;
        }
        self.0.push_back(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_minute_sees_more_connections_than_allowed() {
        let mut budget = Budget::default();
        let started = Instant::now();
        for _ in 0..CONNECTIONS_PER_MINUTE_MAX {
            budget.take().await;
        }
        assert_eq!(started.elapsed(), Duration::ZERO);
        budget.take().await;
        assert_eq!(started.elapsed(), WINDOW);
    }
}
