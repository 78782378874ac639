//! The runs of the agent on this file, by which the hub tells a restart from a second process with
//! the same identity (`agog_sync::runs`).

use agog_sync::ids::RunId;
use agog_sync::runs::{RUNS_BEFORE_MAX, RunClaim};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::error::LedgerError;
use super::reader::Reader;
use super::{Ledger, Request, text};

impl Reader {
    /// The run that started last on this file; none before the first start.
    pub fn newest_run(&self) -> Result<Option<RunId>, LedgerError> {
        let found: Option<String> = self
            .connection
            .query_row(
                "select run_id from run order by run desc limit 1",
                [],
                |row| row.get(0),
            )
            .optional()?;
        found.map(|run_id| text::id(&run_id, "run id")).transpose()
    }
}

impl Ledger {
    /// What is told to the hub of this run of the agent.
    pub fn run(&self) -> &RunClaim {
        &self.run
    }

    /// The hub knows this run.
    pub async fn run_answered(&self) -> Result<(), LedgerError> {
        let run = self.run.run;
        self.ask(|answer| Request::RunAnswered { run, answer })
            .await
    }
}

/// Begins a run; says what is told of it to the hub.
pub(super) fn begin(
    connection: &Connection,
    run: RunId,
    now: Timestamp,
) -> Result<RunClaim, LedgerError> {
    let before = before(connection)?;
    connection.execute(
        "insert into run (run_id, started_at) values (?1, ?2)",
        params![run.to_string(), now.as_microsecond()],
    )?;
    Ok(RunClaim { run, before })
}

/// The hub knows the run.
pub(super) fn answered(
    connection: &Connection,
    run: RunId,
    now: Timestamp,
) -> Result<(), LedgerError> {
    connection.execute(
        "update run set answered_at = ?2 where run_id = ?1 and answered_at is null",
        params![run.to_string(), now.as_microsecond()],
    )?;
    Ok(())
}

/// The runs so far that the hub may know, the newest first. The last that was answered is among them,
/// however often the agent was started since.
fn before(connection: &Connection) -> Result<Vec<RunId>, LedgerError> {
    let mut query = connection.prepare(
        "select run_id from (
             select run, run_id from (
                 select run, run_id from run where answered_at is null order by run desc limit ?1)
             union
             select run, run_id from (
                 select run, run_id from run where answered_at is not null order by run desc limit ?1)
         ) order by run desc",
    )?;
    let half = i64::try_from(RUNS_BEFORE_MAX / 2).unwrap_or(i64::MAX);
    let rows = query.query_map([half], |row| row.get::<_, String>(0))?;
    rows.map(|run_id| text::id(&run_id?, "run id")).collect()
}
