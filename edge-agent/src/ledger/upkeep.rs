//! What the writer tidies up now and then: keys and message ids that nobody repeats any more,
//! commands to devices that ended long ago, and the tickets of jobs that ended long ago.
//! Events are never removed, and jobs stay with what they are called and what became of them.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, params};
use tracing::warn;

use super::error::LedgerError;
use super::text;
use super::ticket::TicketHead;

/// How long a client or a device may repeat itself: a plant that is off over a long holiday.
const REPEATS_KEPT: SignedDuration = SignedDuration::from_hours(24 * 30);

/// How long the ticket of a job stays after its newest step, and who submitted it after it was given back: a job is
/// run again for a complaint within weeks, and with a quarter of a year behind it, it is ordered anew.
const TICKETS_KEPT: SignedDuration = SignedDuration::from_hours(24 * 90);

/// The most tickets that one run removes: each may have megabytes.
const TICKETS_MAX: u32 = 100;

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
        let (Ok(limit), Ok(tickets_limit)) =
            (now.checked_sub(REPEATS_KEPT), now.checked_sub(TICKETS_KEPT))
        else {
            return;
        };
        if !due {
            return;
        }
        self.last_run = Some(now);
        let removed = [
            "delete from idempotency where idempotency_key in
             (select idempotency_key from idempotency where recorded_at < ?1 limit ?2)",
            "delete from inbox_message where (sender, message_id) in
             (select sender, message_id from inbox_message where recorded_at < ?1 limit ?2)",
            "delete from passed_order where message in
             (select message from passed_order where recorded_at < ?1 limit ?2)",
            "delete from device_command where command_id in
             (select command_id from device_command where ended_at < ?1 limit ?2)",
        ]
        .map(|sql| {
            let removed = connection.execute(sql, params![limit.as_microsecond(), ROWS_MAX]);
            (removed.map_err(LedgerError::from), ROWS_MAX)
        });
        let tickets_limit = tickets_limit.as_microsecond();
        // Who submitted a job goes first: its ticket stays as long as somebody may want it back.
        let of_jobs = [
            (forget_submissions(connection, tickets_limit), ROWS_MAX),
            (name_tickets(connection, tickets_limit), TICKETS_MAX),
            (forget_tickets(connection, tickets_limit), TICKETS_MAX),
        ];
        for (removed, most) in removed.into_iter().chain(of_jobs) {
            match removed {
                // There is more: a plant with many messages outruns one run in six hours.
                Ok(removed) if removed >= most as usize => self.last_run = None,
                Ok(_) => {}
                Err(error) => warn!(
                    error = &error as &dyn std::error::Error,
                    "what is too old is not removed"
                ),
            }
        }
    }
}

/// Jobs that have ended, and of which nothing was heard since `?1`.
const OLD: &str = "job.updated_at < ?1
    and job.step in ('job.refused', 'job.completed', 'job.aborted', 'job.removed')";

/// One that was given up is kept with its ticket: people were told that it is still here.
fn forget_submissions(connection: &Connection, limit: i64) -> Result<usize, LedgerError> {
    let sql = format!(
        "delete from submission where job_id in
         (select submission.job_id from submission join job on job.job_key = submission.job_id
          where submission.settled_at < ?1 and submission.given_up = 0 and {OLD}
            and not exists (select 1 from submission_return as back
                            where back.job_id = submission.job_id)
          limit ?2)"
    );
    Ok(connection.execute(&sql, params![limit, ROWS_MAX])?)
}

/// A device may still call the job what its ticket calls it, so that is kept beside a ticket that goes. Programs before
/// this one did not note it.
fn name_tickets(connection: &Connection, limit: i64) -> Result<usize, LedgerError> {
    let mut query = connection.prepare(&format!(
        "select job_key, ticket from job_ticket join job using (job_key)
         where head is null and {OLD} limit ?2"
    ))?;
    let mut found = query.query(params![limit, TICKETS_MAX])?;
    let mut heads = Vec::new();
    while let Some(row) = found.next()? {
        let key: String = row.get(0)?;
        let head = TicketHead::of(&text::json(&row.get::<_, String>(1)?, "ticket")?);
        heads.push((key, head));
    }
    for (key, head) in &heads {
        connection.execute(
            "update job_ticket set head = ?2 where job_key = ?1",
            params![key, text::to_json(head)],
        )?;
    }
    Ok(heads.len())
}

fn forget_tickets(connection: &Connection, limit: i64) -> Result<usize, LedgerError> {
    // The length is known without reading a ticket.
    let sql = format!(
        "update job_ticket set ticket = '' where job_key in
         (select job_ticket.job_key from job_ticket join job using (job_key)
          where octet_length(ticket) > 0 and head is not null and {OLD}
            and not exists (select 1 from submission where submission.job_id = job.job_key)
            and not exists (select 1 from device_command as command
                            where command.job_key = job.job_key and command.ended_at is null)
          limit ?2)"
    );
    Ok(connection.execute(&sql, params![limit, TICKETS_MAX])?)
}

#[cfg(test)]
mod tests {
    use agog_sync::frame::JobTicket;
    use agog_sync::ids::JobId;

    use super::super::{job, schema, ticket};
    use super::*;

    /// A job with its ticket, and whoever submitted it where it was settled or given up.
    fn job(
        connection: &Connection,
        n: u128,
        step: &str,
        at: Timestamp,
        submitted: Option<(Option<Timestamp>, bool)>,
    ) -> JobId {
        let job_id = JobId::from_uuid(uuid::Uuid::from_u128(n));
        let jdf = format!(
            "<JDF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" ID=\"n\" Type=\"Cutting\" JobID=\"J-{n}\"/>"
        );
        let told = JobTicket::new(job_id, format!("JOB-{n}"), "press-3", jdf);
        connection
            .execute(
                "insert into job (job_key, job_id, number, device, step, progress, received_at, updated_at)
                 values (?1, ?1, ?2, 'press-3', ?3, ?4, 1, ?5)",
                params![
                    job_id.to_string(),
                    told.number,
                    step,
                    text::to_json(&job::progress(&told)),
                    at.as_microsecond()
                ],
            )
            .unwrap();
        ticket::store(connection, &told).unwrap();
        if let Some((settled_at, given_up)) = submitted {
            connection
                .execute(
                    "insert into submission (job_id, message, sender, submitted_at, settled_at, given_up)
                     values (?1, ?1, 'mis', 1, ?2, ?3)",
                    params![job_id.to_string(), settled_at.map(Timestamp::as_microsecond), given_up],
                )
                .unwrap();
        }
        job_id
    }

    #[test]
    fn the_ticket_of_a_job_goes_long_after_its_end_and_the_job_stays_with_its_names() {
        let connection = schema::open_scratch().unwrap();
        let now: Timestamp = "2026-11-22T08:00:00Z".parse().unwrap();
        let old = now.checked_sub(TICKETS_KEPT * 2).unwrap();
        let done = "job.completed";
        let ended = job(&connection, 1, done, old, None);
        let given_back = job(&connection, 2, done, old, Some((Some(old), false)));
        let of_older_program = job(&connection, 3, "job.aborted", old, None);
        connection
            .execute(
                "update job_ticket set head = null where job_key = ?1",
                [of_older_program.to_string()],
            )
            .unwrap();
        let kept = [
            job(&connection, 11, done, now, None),
            job(&connection, 12, "job.started", old, None),
            job(&connection, 13, done, old, Some((None, false))),
            job(&connection, 14, done, old, Some((Some(now), false))),
            job(&connection, 15, done, old, Some((Some(old), true))),
        ];

        Upkeep::default().run_when_due(&connection, now);

        for gone in [ended, given_back, of_older_program] {
            assert_eq!(ticket::of(&connection, gone).unwrap(), None);
            let row = job::by_key(&connection, &gone.to_string())
                .unwrap()
                .unwrap();
            let names = row.ticket.unwrap().names;
            assert_eq!(names.job_id, Some(row.number.replace("JOB", "J")));
        }
        for job_id in kept {
            assert!(
                ticket::of(&connection, job_id).unwrap().is_some(),
                "{job_id}"
            );
        }
        let submissions: u32 = connection
            .query_row("select count(*) from submission", [], |row| row.get(0))
            .unwrap();
        assert_eq!(submissions, 3);
    }

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
