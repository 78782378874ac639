//! Keeps a repeated complaint from filling the log: the first is written, then at most one per
//! interval, with the number of those left out.

use jiff::{SignedDuration, Timestamp};

/// One complaint per minute is enough to notice, and a day of them is still readable.
const INTERVAL: SignedDuration = SignedDuration::from_secs(60);

/// Decides which occurrence of one complaint is written.
#[derive(Debug, Default)]
pub(crate) struct SampledLog {
    written_at: Option<Timestamp>,
    left_out: u64,
}

impl SampledLog {
    /// `Some(left out since the last)` when this one is to be written.
    pub(crate) fn admit(&mut self, now: Timestamp) -> Option<u64> {
        let due = self
            .written_at
            .is_none_or(|at| now.duration_since(at) >= INTERVAL);
        if !due {
            self.left_out += 1;
            return None;
        }
        self.written_at = Some(now);
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_written_and_then_one_per_minute_with_the_count_of_the_others() {
        let mut log = SampledLog::default();
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        assert_eq!(log.admit(at(0)), Some(0));
        assert_eq!(log.admit(at(1)), None);
        assert_eq!(log.admit(at(59)), None);
        assert_eq!(log.admit(at(60)), Some(2));
        assert_eq!(log.admit(at(121)), Some(0));
    }
}
