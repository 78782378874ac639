//! What the agent has promised to an MIS: channels that it keeps, and jobs that it gives back.
//!
//! A channel is a cursor into the ledger: its row names the last event whose signals were
//! answered, and no message is stored a second time.
//!
//! Limits: [`CHANNELS_MAX`] channels, [`CHANNELS_PER_URL_MAX`] to one URL; [`SUBMISSIONS_MAX`] jobs that
//! were not given back, [`SUBMISSIONS_PER_SENDER_MAX`] of one sender; [`RETURNS_PER_JOB_MAX`] tickets of one
//! job that wait to go back.

use agog_sync::ids::JobId;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::error::{AppendError, LedgerError, Refused};
use super::text;

/// More channels than an office, its prepress and a dashboard open together for every device of a
/// large plant; each costs a task and a read per commit.
pub const CHANNELS_MAX: usize = 256;
/// A subscriber that opens more to one URL has lost count of them.
pub const CHANNELS_PER_URL_MAX: usize = 64;

/// Two for each of some hundred jobs that are watched at a time (`WatchURL`).
pub const JOB_CHANNELS_MAX: usize = 512;

/// A plant works on hundreds of jobs; more that wait to be given back mean that nobody takes them.
pub const SUBMISSIONS_MAX: usize = 1_000;
/// Half of them: a sender that never takes its jobs back leaves as much room to the others.
pub const SUBMISSIONS_PER_SENDER_MAX: usize = 500;

/// A job is run twice, when something went wrong some times more. A device that returns a job on and on while nobody
/// takes it back must not fill the disk: its newest ticket then takes the place of the one before.
pub const RETURNS_PER_JOB_MAX: u32 = 16;

const DAY_MICROSECONDS: i64 = 24 * 60 * 60 * 1_000_000;

/// A channel that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewChannel {
    /// The ID of the query that opens it.
    pub channel_id: String,
    /// The type of its signals.
    pub kind: String,
    pub url: String,
    pub device: Option<String>,
    pub sender: String,
    /// The address that the query came from.
    pub caller: Option<String>,
    /// The query with its subscription, as a JMF that does not depend on the query's ID and time.
    pub query: String,
    /// The submission that asked for it (`WatchURL`): it goes when that was given back.
    pub job_id: Option<JobId>,
}

/// A channel that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelRow {
    /// Its number here, never given twice.
    pub channel: i64,
    pub asked: NewChannel,
    /// The place of the last event whose signals were answered.
    pub position: i64,
}

/// What became of a channel that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    Opened,
    /// The same one was open already and stays.
    Kept,
    /// There are too many.
    Full,
}

/// A job that came over JMF, as it is recorded with its ticket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewSubmission {
    /// Sender, ID and time of the command.
    pub message: String,
    pub sender: String,
    /// The address that the command came from.
    pub caller: Option<String>,
    pub ticket_job_id: Option<String>,
    pub ticket_job_part_id: Option<String>,
    /// Where the ticket goes when the job has ended: a JMF endpoint …
    pub return_jmf: Option<String>,
    /// … or a URL that takes plain JDF.
    pub return_url: Option<String>,
}

/// A job that came over JMF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubmissionRow {
    pub job_id: JobId,
    pub submitted: NewSubmission,
    pub submitted_at: Timestamp,
    /// Since when giving it back has failed.
    pub failing_since: Option<Timestamp>,
    /// On how many days it has failed.
    pub failed_days: u32,
    /// When the last of them was counted.
    pub counted_at: Option<Timestamp>,
    /// Why the last try has failed.
    pub last_error: Option<String>,
    /// When it was given back, or given up.
    pub settled_at: Option<Timestamp>,
    /// The return code of whoever took it back.
    pub return_code: Option<i64>,
    /// Nobody took it back for so long that it is not tried any more.
    pub given_up: bool,
}

impl SubmissionRow {
    /// Whether a failure now is one of another day.
    pub fn is_other_day(&self, now: Timestamp) -> bool {
        let passed = |at: Timestamp| now.as_microsecond() - at.as_microsecond();
        self.counted_at
            .is_none_or(|at| passed(at) >= DAY_MICROSECONDS)
    }
}

/// A ticket that the device of a submission returned.
#[derive(Debug, Clone)]
pub struct NewReturn {
    pub job_id: JobId,
    /// Byte for byte.
    pub ticket: Vec<u8>,
    /// IDs of nodes that the device has completed.
    pub completed: Vec<String>,
    /// IDs of nodes that the device has aborted.
    pub aborted: Vec<String>,
}

/// A returned ticket that is to be given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnRow {
    /// Which of the job's returns it is, from 1.
    pub run: u32,
    pub ticket: Vec<u8>,
    pub completed: Vec<String>,
    pub aborted: Vec<String>,
}

/// A change of what was promised, or of what is known of a device's folder.
#[derive(Debug)]
pub(crate) enum Change {
    Open(Box<NewChannel>),
    Stop(Vec<i64>),
    /// The signals of all events up to there were answered.
    Advance {
        channel: i64,
        position: i64,
    },
    /// An order to a queue is about to be passed on under this message ID.
    Passing {
        message: String,
        message_id: String,
    },
    /// What its device answered.
    Passed {
        message: String,
        answer: String,
    },
    /// Its device surely has not carried it out.
    NotPassed {
        message: String,
    },
    /// A folder of a device carries the mark of this agent.
    FolderUsed {
        device: String,
        folder: String,
    },
    /// Giving a ticket back has failed, in a new way or on another day.
    NotTaken {
        job_id: JobId,
        error: String,
    },
    /// Giving a ticket back is given up. The ticket is kept.
    GiveUp {
        job_id: JobId,
    },
    /// A ticket was given back, or there is nobody to give it back to.
    Settle {
        job_id: JobId,
        /// Which of the job's returns; none for a ticket as it came.
        run: Option<u32>,
        return_code: Option<i64>,
    },
}

/// Carries out a change. Only the opening of a channel has something to say.
pub(super) fn change(
    connection: &Connection,
    change: Change,
    now: Timestamp,
) -> Result<Opening, LedgerError> {
    match change {
        Change::Open(new) => return open(connection, &new, now),
        Change::Stop(channels) => {
            for channel in channels {
                connection.execute("delete from channel where channel = ?1", [channel])?;
            }
        }
        Change::Advance { channel, position } => {
            connection
                .prepare_cached(
                    "update channel set position = ?2 where channel = ?1 and position < ?2",
                )?
                .execute(params![channel, position])?;
        }
        Change::Passing {
            message,
            message_id,
        } => {
            connection.execute(
                "insert into passed_order (message, message_id, recorded_at) values (?1, ?2, ?3)
                 on conflict do nothing",
                params![message, message_id, now.as_microsecond()],
            )?;
        }
        Change::Passed { message, answer } => {
            connection.execute(
                "update passed_order set answer = ?2 where message = ?1",
                [message, answer],
            )?;
        }
        Change::NotPassed { message } => {
            let sql = "delete from passed_order where message = ?1 and answer is null";
            connection.execute(sql, [message])?;
        }
        Change::FolderUsed { device, folder } => {
            connection.execute(
                "insert into device_folder (device, folder, used_since) values (?1, ?2, ?3)
                 on conflict do nothing",
                params![device, folder, now.as_microsecond()],
            )?;
        }
        Change::NotTaken { job_id, error } => {
            connection.execute(
                "update submission set failing_since = coalesce(failing_since, ?2), last_error = ?3
                 where job_id = ?1 and settled_at is null",
                params![job_id.to_string(), now.as_microsecond(), error],
            )?;
            connection.execute(
                "update submission set failed_days = failed_days + 1, counted_at = ?2
                 where job_id = ?1 and settled_at is null
                   and (counted_at is null or ?2 - counted_at >= ?3)",
                params![job_id.to_string(), now.as_microsecond(), DAY_MICROSECONDS],
            )?;
        }
        Change::GiveUp { job_id } => {
            connection.execute(
                "update submission set settled_at = ?2, given_up = 1
                 where job_id = ?1 and settled_at is null",
                params![job_id.to_string(), now.as_microsecond()],
            )?;
        }
        Change::Settle {
            job_id,
            run,
            return_code,
        } => settle(connection, job_id, run, return_code, now)?,
    }
    Ok(Opening::Kept)
}

/// Settles a submission when nothing more of it is to be given back; else the next ticket is tried from new on.
fn settle(
    connection: &Connection,
    job_id: JobId,
    run: Option<u32>,
    return_code: Option<i64>,
    now: Timestamp,
) -> Result<(), LedgerError> {
    let job_id = job_id.to_string();
    connection.execute(
        "delete from submission_return where job_id = ?1 and run = ?2",
        params![job_id, run],
    )?;
    connection.execute(
        "update submission set failing_since = null, failed_days = 0, counted_at = null, last_error = null
         where job_id = ?1 and exists (select 1 from submission_return where job_id = ?1)",
        [&job_id],
    )?;
    connection.execute(
        "update submission set settled_at = ?2, return_code = ?3, runs = max(runs, 1)
         where job_id = ?1 and settled_at is null
           and not exists (select 1 from submission_return where job_id = ?1)",
        params![job_id, now.as_microsecond(), return_code],
    )?;
    Ok(())
}

/// Keeps a returned ticket for whoever submitted the job, as part of the commit of what it tells. A submission that was
/// settled is open again.
pub(super) fn keep_return(connection: &Connection, new: &NewReturn) -> Result<(), LedgerError> {
    let job_id = new.job_id.to_string();
    let run: Option<u32> = connection
        .query_row(
            "update submission set runs = runs + 1 where job_id = ?1 returning runs",
            [&job_id],
            |row| row.get(0),
        )
        .optional()?;
    let Some(run) = run else { return Ok(()) };
    connection.execute(
        "update submission
         set settled_at = null, return_code = null, given_up = 0,
             failing_since = null, failed_days = 0, counted_at = null, last_error = null
         where job_id = ?1 and settled_at is not null",
        [&job_id],
    )?;
    connection.execute(
        "delete from submission_return
         where job_id = ?1 and run = (select max(run) from submission_return where job_id = ?1)
           and (select count(*) from submission_return where job_id = ?1) >= ?2",
        params![job_id, RETURNS_PER_JOB_MAX],
    )?;
    connection.execute(
        "insert into submission_return (job_id, run, ticket, completed, aborted)
         values (?1, ?2, ?3, ?4, ?5)",
        params![
            job_id,
            run,
            new.ticket,
            new.completed.join(" "),
            new.aborted.join(" ")
        ],
    )?;
    Ok(())
}

pub(super) fn open(
    connection: &Connection,
    new: &NewChannel,
    now: Timestamp,
) -> Result<Opening, LedgerError> {
    let job_id = new.job_id.map(|job_id| job_id.to_string());
    let same: Option<i64> = connection
        .query_row(
            "select channel from channel
             where url = ?1 and query = ?2 and device is ?3 and job_id is ?4",
            params![new.url, new.query, new.device, job_id],
            |row| row.get(0),
        )
        .optional()?;
    if let Some(channel) = same {
        // A subscriber that was restarted knows the channel by the ID of its newest query.
        connection.execute(
            "update channel set channel_id = ?2, sender = ?3, caller = ?4 where channel = ?1",
            params![channel, new.channel_id, new.sender, new.caller],
        )?;
        return Ok(Opening::Kept);
    }
    // The same ID with other parameters is the subscriber's new wish under its old name. A job has its own
    // channels, whatever the command that submitted it was called.
    let replaced: Option<i64> = connection
        .query_row(
            "delete from channel where url = ?1 and channel_id = ?2 and kind = ?3 and job_id is ?4
             returning position",
            params![new.url, new.channel_id, new.kind, job_id],
            |row| row.get(0),
        )
        .optional()?;
    let count = |condition: &str, url: Option<&str>| -> Result<usize, LedgerError> {
        let sql = format!("select count(*) from channel where {condition}");
        let count: u32 = connection.query_row(&sql, [url], |row| row.get(0))?;
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    };
    // Those of jobs come and go with them, and take no room from the subscriptions of an MIS.
    let (of_url, all, kind) = if new.job_id.is_some() {
        (JOB_CHANNELS_MAX, JOB_CHANNELS_MAX, "job_id is not null")
    } else {
        (CHANNELS_PER_URL_MAX, CHANNELS_MAX, "job_id is null")
    };
    if count(&format!("?1 is null and {kind}"), None)? >= all
        || count(&format!("url = ?1 and {kind}"), Some(&new.url))? >= of_url
    {
        return Ok(Opening::Full);
    }
    connection.execute(
        "insert into channel (channel_id, kind, url, device, sender, caller, query, position,
                              opened_at, job_id)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7,
                 coalesce(?8, (select max(position) from event), 0), ?9, ?10)",
        params![
            new.channel_id,
            new.kind,
            new.url,
            new.device,
            new.sender,
            new.caller,
            new.query,
            replaced,
            now.as_microsecond(),
            job_id
        ],
    )?;
    Ok(Opening::Opened)
}

/// Whether a job came with a message.
pub(super) fn is_submitted(connection: &Connection, message: &str) -> Result<bool, LedgerError> {
    let mut query = connection.prepare_cached("select 1 from submission where message = ?1")?;
    Ok(query.exists([message])?)
}

/// Stores how a job came, as part of the commit of its ticket; refused when there is no room for it.
pub(super) fn store_submission(
    connection: &Connection,
    job_id: JobId,
    new: &NewSubmission,
    now: Timestamp,
) -> Result<(), AppendError> {
    let (all, own): (u32, u32) = connection.query_row(
        "select count(*), count(*) filter (where sender = ?1) from submission
         where settled_at is null",
        [&new.sender],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    if own as usize >= SUBMISSIONS_PER_SENDER_MAX || all as usize >= SUBMISSIONS_MAX {
        return Err(Refused::SubmissionsFull { own, all }.into());
    }
    connection.execute(
        "insert into submission (job_id, message, sender, caller, ticket_job_id,
                                 ticket_job_part_id, return_jmf, return_url, submitted_at)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            job_id.to_string(),
            new.message,
            new.sender,
            new.caller,
            new.ticket_job_id,
            new.ticket_job_part_id,
            new.return_jmf,
            new.return_url,
            now.as_microsecond()
        ],
    )?;
    Ok(())
}

pub(super) const CHANNEL_COLUMNS: &str =
    "channel, channel_id, kind, url, device, sender, caller, query, position, job_id";

pub(super) fn channel(row: &Row<'_>) -> Result<ChannelRow, LedgerError> {
    let job_id: Option<String> = row.get(9)?;
    Ok(ChannelRow {
        channel: row.get(0)?,
        asked: NewChannel {
            channel_id: row.get(1)?,
            kind: row.get(2)?,
            url: row.get(3)?,
            device: row.get(4)?,
            sender: row.get(5)?,
            caller: row.get(6)?,
            query: row.get(7)?,
            job_id: job_id.map(|id| text::id(&id, "job id")).transpose()?,
        },
        position: row.get(8)?,
    })
}

pub(super) const SUBMISSION_COLUMNS: &str = "job_id, message, sender, caller, ticket_job_id, \
     ticket_job_part_id, return_jmf, return_url, submitted_at, failing_since, \
     last_error, settled_at, return_code, given_up, failed_days, counted_at";

pub(super) fn submission(row: &Row<'_>) -> Result<SubmissionRow, LedgerError> {
    let instant = |at: Option<i64>| at.map(text::instant).transpose();
    Ok(SubmissionRow {
        job_id: text::id(&row.get::<_, String>(0)?, "job id")?,
        submitted: NewSubmission {
            message: row.get(1)?,
            sender: row.get(2)?,
            caller: row.get(3)?,
            ticket_job_id: row.get(4)?,
            ticket_job_part_id: row.get(5)?,
            return_jmf: row.get(6)?,
            return_url: row.get(7)?,
        },
        submitted_at: text::instant(row.get(8)?)?,
        failing_since: instant(row.get(9)?)?,
        last_error: row.get(10)?,
        settled_at: instant(row.get(11)?)?,
        return_code: row.get(12)?,
        given_up: row.get(13)?,
        failed_days: row.get(14)?,
        counted_at: instant(row.get(15)?)?,
    })
}

pub(super) const RETURN_COLUMNS: &str = "run, ticket, completed, aborted";

pub(super) fn returned(row: &Row<'_>) -> rusqlite::Result<ReturnRow> {
    let ids = |text: String| text.split_whitespace().map(str::to_owned).collect();
    Ok(ReturnRow {
        run: row.get(0)?,
        ticket: row.get(1)?,
        completed: ids(row.get(2)?),
        aborted: ids(row.get(3)?),
    })
}

#[cfg(test)]
mod tests {
    use super::super::schema;
    use super::*;

    /// The runs that wait to be given back, each with the first byte of its ticket.
    fn waiting(connection: &Connection) -> Vec<(u32, u8)> {
        let sql = format!("select {RETURN_COLUMNS} from submission_return order by run");
        let mut query = connection.prepare(&sql).unwrap();
        let rows = query.query_map([], returned).unwrap();
        rows.map(|row| row.unwrap())
            .map(|row| (row.run, row.ticket[0]))
            .collect()
    }

    #[test]
    fn channels_of_jobs_take_no_room_from_the_subscriptions_of_an_mis() {
        let connection = schema::open_scratch().unwrap();
        let channel = |n: usize, job_id| NewChannel {
            channel_id: format!("Q{n}"),
            kind: "Status".to_owned(),
            url: "http://mis/jmf".to_owned(),
            device: None,
            sender: "mis".to_owned(),
            caller: None,
            query: format!("<Query ID=\"{n}\"/>"),
            job_id,
        };
        let open = |new: &NewChannel| super::open(&connection, new, Timestamp::UNIX_EPOCH).unwrap();
        for n in 0..CHANNELS_PER_URL_MAX + 10 {
            let job_id = JobId::from_uuid(uuid::Uuid::from_u128(n as u128));
            let opened = open(&channel(n, Some(job_id)));
            assert!(matches!(opened, Opening::Opened), "{n}");
        }
        for n in 0..CHANNELS_PER_URL_MAX {
            let opened = open(&channel(n, None));
            assert!(matches!(opened, Opening::Opened), "{n}");
        }
        let beyond = open(&channel(CHANNELS_PER_URL_MAX, None));
        assert!(matches!(beyond, Opening::Full));
    }

    #[test]
    fn a_job_that_is_returned_on_and_on_keeps_its_first_tickets_and_the_newest() {
        let connection = schema::open_scratch().unwrap();
        let job_id = JobId::from_uuid(uuid::Uuid::from_u128(7));
        let now = Timestamp::UNIX_EPOCH;
        let returned = |ticket: u8| NewReturn {
            job_id,
            ticket: vec![ticket],
            completed: vec!["n1".to_owned()],
            aborted: Vec::new(),
        };
        keep_return(&connection, &returned(0)).unwrap();
        assert_eq!(waiting(&connection), [], "nobody submitted it");
        store_submission(&connection, job_id, &NewSubmission::default(), now).unwrap();

        for ticket in 1..=20 {
            keep_return(&connection, &returned(ticket)).unwrap();
        }

        let kept = waiting(&connection);
        assert_eq!(kept.len(), RETURNS_PER_JOB_MAX as usize);
        assert_eq!(kept[14..], [(15, 15), (20, 20)]);
        for (run, _) in kept {
            settle(&connection, job_id, Some(run), Some(0), now).unwrap();
        }
        let sql = "select settled_at is not null from submission";
        let is_settled: bool = connection.query_row(sql, [], |row| row.get(0)).unwrap();
        assert!(is_settled);
    }
}
