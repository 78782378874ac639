//! The rows of `device_command`.

use agog_sync::ids::RequestId;
use agog_sync::lots::JobRef;
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::{Acknowledge, CommandState, Content, DeviceCommand};
use crate::ledger::Reader;
use crate::ledger::error::LedgerError;
use crate::ledger::{job, text};

const COLUMNS: &str = "command_id, device, place, kind, job, job_key, content, message_id, wanted_by, \
     created_at, state, acknowledge, attempts, last_try_at, last_error, return_code, reason, ended_at, staged";

/// The most commands of one answer.
pub const COMMANDS_MAX: usize = 500;

/// Which commands to list.
#[derive(Debug, Clone, Default)]
pub struct CommandFilter {
    pub device: Option<String>,
    /// Also those that have ended.
    pub with_ended: bool,
}

impl Reader {
    /// The command that a device is sent next, or that it has to answer.
    pub fn command_next(&self, device: &str) -> Result<Option<DeviceCommand>, LedgerError> {
        let sql = "device = ?1 and ended_at is null order by place limit 1";
        one(&self.connection, sql, device)
    }

    /// The devices for which something is to be sent.
    pub fn command_devices(&self) -> Result<Vec<String>, LedgerError> {
        let mut query = self
            .connection
            .prepare_cached("select distinct device from device_command where ended_at is null")?;
        let devices = query.query_map([], |row| row.get(0))?;
        Ok(devices.collect::<Result<_, _>>()?)
    }

    pub fn command_by_id(
        &self,
        command_id: RequestId,
    ) -> Result<Option<DeviceCommand>, LedgerError> {
        by_id(&self.connection, command_id)
    }

    /// The command that was sent under this message id.
    pub fn command_by_message(
        &self,
        message_id: &str,
    ) -> Result<Option<DeviceCommand>, LedgerError> {
        one(&self.connection, "message_id = ?1", message_id)
    }

    /// At most [`COMMANDS_MAX`]: the open ones in the order in which they are sent, then the newest
    /// of those that have ended.
    pub fn commands(&self, filter: &CommandFilter) -> Result<Vec<DeviceCommand>, LedgerError> {
        let mut query = self.connection.prepare_cached(&format!(
            "select {COLUMNS} from device_command
             where (?1 is null or device = ?1) and (?2 or ended_at is null)
             order by ended_at is not null, ended_at desc, device, place limit ?3"
        ))?;
        let limit = i64::try_from(COMMANDS_MAX).unwrap_or(i64::MAX);
        let mut found = query.query(params![filter.device, filter.with_ended, limit])?;
        let mut commands = Vec::new();
        while let Some(row) = found.next()? {
            commands.push(command(row)?);
        }
        Ok(commands)
    }
}

impl Reader {
    /// What was wanted of a job at its device, in order.
    pub fn commands_of_job(&self, job: &JobRef) -> Result<Vec<DeviceCommand>, LedgerError> {
        let mut query = self.connection.prepare_cached(&format!(
            "select {COLUMNS} from device_command where job_key = ?1 order by created_at, place"
        ))?;
        let mut found = query.query([job::job_key(job)])?;
        let mut commands = Vec::new();
        while let Some(row) = found.next()? {
            commands.push(command(row)?);
        }
        Ok(commands)
    }
}

/// A command that is not there yet.
pub(super) struct New<'a> {
    pub(super) command_id: RequestId,
    pub(super) device: &'a str,
    pub(super) kind: &'a str,
    /// Key and number.
    pub(super) job: Option<(&'a str, &'a str)>,
    pub(super) content: Content,
    pub(super) message_id: String,
    pub(super) by: &'a str,
    pub(super) at: Timestamp,
}

/// A command that was sent, perhaps, before the disk was set back.
pub(super) fn may_be_sent(
    connection: &Connection,
    command_id: RequestId,
) -> Result<(), LedgerError> {
    connection.execute(
        "update device_command set state = 'sent', attempts = 1
         where command_id = ?1 and state = 'waiting' and attempts = 0",
        [command_id.to_string()],
    )?;
    Ok(())
}

/// Whether the fate of a command came back from the hub, after the disk was set back.
pub(super) fn came_back(
    connection: &Connection,
    command_id: RequestId,
) -> Result<bool, LedgerError> {
    let has_come_back: bool = connection
        .prepare_cached("select exists (select 1 from fetch_back)")?
        .query_row([], |row| row.get(0))?;
    if !has_come_back {
        return Ok(false);
    }
    let mut query = connection.prepare_cached(
        "select 1 from event where kind glob 'job.*' and json_extract(payload, '$.command_id') = ?1",
    )?;
    Ok(query.exists([command_id.to_string()])?)
}

/// Puts a command behind the others of its device.
pub(super) fn insert(connection: &Connection, new: &New<'_>) -> Result<(), LedgerError> {
    let place: u64 = connection
        .prepare_cached(
            "insert into device_outbox (device, newest_place) values (?1, 1)
             on conflict (device) do update set newest_place = newest_place + 1
             returning newest_place",
        )?
        .query_row([new.device], |row| row.get(0))?;
    connection
        .prepare_cached(
            "insert into device_command (command_id, device, place, kind, job_key, job, content,
                                         message_id, wanted_by, created_at, state)
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 'waiting')",
        )?
        .execute(params![
            new.command_id.to_string(),
            new.device,
            place,
            new.kind,
            new.job.map(|(key, _)| key),
            new.job.map(|(_, number)| number),
            text::to_json(&new.content),
            new.message_id,
            new.by,
            new.at.as_microsecond()
        ])?;
    Ok(())
}

pub(super) fn by_id(
    connection: &Connection,
    command_id: RequestId,
) -> Result<Option<DeviceCommand>, LedgerError> {
    one(connection, "command_id = ?1", &command_id.to_string())
}

/// The ticket of a job that is still to be submitted.
pub(super) fn open_submission(
    connection: &Connection,
    job_key: &str,
) -> Result<Option<DeviceCommand>, LedgerError> {
    let sql =
        "job_key = ?1 and kind = 'SubmitQueueEntry' and ended_at is null order by place limit 1";
    one(connection, sql, job_key)
}

/// What is still to be sent, or answered, of a job.
pub(super) fn open_of_job(
    connection: &Connection,
    job_key: &str,
) -> Result<Vec<DeviceCommand>, LedgerError> {
    let mut query = connection.prepare_cached(&format!(
        "select {COLUMNS} from device_command where job_key = ?1 and ended_at is null order by place"
    ))?;
    let mut found = query.query([job_key])?;
    let mut commands = Vec::new();
    while let Some(row) = found.next()? {
        commands.push(command(row)?);
    }
    Ok(commands)
}

/// Stores what may have changed: everything but what the command is.
pub(super) fn update(connection: &Connection, command: &DeviceCommand) -> Result<(), LedgerError> {
    connection
        .prepare_cached(
            "update device_command
             set state = ?2, acknowledge = ?3, attempts = ?4, last_try_at = ?5, last_error = ?6,
                 return_code = ?7, reason = ?8, ended_at = ?9, staged = ?10
             where command_id = ?1",
        )?
        .execute(params![
            command.command_id.to_string(),
            command.state.as_str(),
            command.acknowledge.as_str(),
            command.attempts,
            command.last_try_at.map(Timestamp::as_microsecond),
            command.last_error,
            command.return_code,
            command.reason,
            command.ended_at.map(Timestamp::as_microsecond),
            command.staged,
        ])?;
    Ok(())
}

fn one(
    connection: &Connection,
    condition: &str,
    value: &str,
) -> Result<Option<DeviceCommand>, LedgerError> {
    let mut query = connection.prepare_cached(&format!(
        "select {COLUMNS} from device_command where {condition}"
    ))?;
    let mut found = query.query([value])?;
    found.next()?.map(command).transpose()
}

fn command(row: &Row<'_>) -> Result<DeviceCommand, LedgerError> {
    let state: String = row.get(10)?;
    let acknowledge: String = row.get(11)?;
    let instant = |at: Option<i64>| at.map(text::instant).transpose();
    Ok(DeviceCommand {
        command_id: text::id(&row.get::<_, String>(0)?, "command id")?,
        device: row.get(1)?,
        place: row.get(2)?,
        kind: row.get(3)?,
        job: row.get(4)?,
        job_key: row.get(5)?,
        content: serde_json::from_str(&row.get::<_, String>(6)?).unwrap_or(Content::Unknown),
        message_id: row.get(7)?,
        by: row.get(8)?,
        created_at: text::instant(row.get(9)?)?,
        state: CommandState::of(&state)
            .ok_or_else(|| text::malformed("state of a command", &state))?,
        acknowledge: Acknowledge::of(&acknowledge)
            .ok_or_else(|| text::malformed("acknowledge of a command", &acknowledge))?,
        attempts: row.get(12)?,
        last_try_at: instant(row.get(13)?)?,
        last_error: row.get(14)?,
        return_code: row.get(15)?,
        reason: row.get(16)?,
        ended_at: instant(row.get(17)?)?,
        staged: row.get(18)?,
    })
}
