//! What the writer tidies up now and then: keys and message ids that nobody repeats any more.
//! Events are never removed.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, params};
use tracing::warn;

/// How long a client or a device may repeat itself: a plant that is off over a long holiday.
const REPEATS_KEPT: SignedDuration = SignedDuration::from_hours(24 * 30);

/// How often old keys are removed.
const EVERY: SignedDuration = SignedDuration::from_hours(6);

/// The most rows that one run removes, so that it never holds up a commit.
const ROWS_MAX: u32 = 1_000;

/// When upkeep last ran.
#[derive(Debug, Default)]
pub(super) struct Upkeep {
    last_run: Option<Timestamp>,
}

impl Upkeep {
    /// Removes what is too old, when it is time. A failure is not the askers' business: it is
    /// tried again with the next run.
    pub(super) fn run_when_due(&mut self, connection: &Connection, now: Timestamp) {
        let due = self
            .last_run
            .is_none_or(|last| now.duration_since(last) >= EVERY);
        let Ok(limit) = now.checked_sub(REPEATS_KEPT) else {
            return;
        };
        if !due {
            return;
        }
        self.last_run = Some(now);
        for sql in [
            "delete from idempotency where idempotency_key in
             (select idempotency_key from idempotency where recorded_at < ?1 limit ?2)",
            "delete from inbox_message where (sender, message_id) in
             (select sender, message_id from inbox_message where recorded_at < ?1 limit ?2)",
        ] {
            if let Err(error) = connection.execute(sql, params![limit.as_microsecond(), ROWS_MAX]) {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "old keys not removed"
                );
            }
        }
    }
}
