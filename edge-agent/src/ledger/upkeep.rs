//! What the writer tidies up now and then: keys and message ids that nobody repeats any more, and
//! commands to devices that ended long ago.
//! Events are never removed.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, params};
use tracing::warn;

/// How long a client or a device may repeat itself: a plant that is off over a long holiday.
const REPEATS_KEPT: SignedDuration = SignedDuration::from_hours(24 * 30);

/// How often old keys are removed; a run that was not enough goes on with the next commit.
const EVERY: SignedDuration = SignedDuration::from_hours(6);

/// The most rows that one run removes, so that it never holds up a commit.
const ROWS_MAX: u32 = 1_000;

/// When upkeep last ran; none when more is waiting.
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
            "delete from passed_order where message in
             (select message from passed_order where recorded_at < ?1 limit ?2)",
            "delete from device_command where command_id in
             (select command_id from device_command where ended_at < ?1 limit ?2)",
        ] {
            match connection.execute(sql, params![limit.as_microsecond(), ROWS_MAX]) {
                // There is more: a plant with many messages outruns one run in six hours.
                Ok(removed) if removed >= ROWS_MAX as usize => self.last_run = None,
                Ok(_) => {}
                Err(error) => warn!(
                    error = &error as &dyn std::error::Error,
                    "old keys not removed"
                ),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::schema;
    use super::*;

    #[test]
    fn more_old_keys_than_one_run_removes_are_gone_after_the_next_commits() {
        let connection = schema::open_scratch().unwrap();
        let now: Timestamp = "2026-11-22T08:00:00Z".parse().unwrap();
        let old = now.checked_sub(REPEATS_KEPT * 2).unwrap();
        let remember = |first: u32, count: u32, at: Timestamp| {
            for n in first..first + count {
                connection
                    .execute(
                        "insert into inbox_message (sender, message_id, recorded_at)
                         values ('jmf:press-3', ?1, ?2)",
                        params![n.to_string(), at.as_microsecond()],
                    )
                    .unwrap();
            }
        };
        let left = || -> u32 {
            connection
                .query_row("select count(*) from inbox_message", [], |row| row.get(0))
                .unwrap()
        };
        remember(0, 2 * ROWS_MAX + 1, old);
        remember(5 * ROWS_MAX, 1, now);
        let mut upkeep = Upkeep::default();
        for expected in [ROWS_MAX + 2, 2, 1] {
            upkeep.run_when_due(&connection, now);
            assert_eq!(left(), expected);
        }

        remember(9 * ROWS_MAX, 1, old);
        upkeep.run_when_due(&connection, now);
        assert_eq!(left(), 2, "not due before the next run");
    }
}
