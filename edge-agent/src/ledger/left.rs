//! Parts of a job that its device still has after the ticket of another part came back: the job has ended, and its device
//! lists more of it in its queue.

use agog_sync::event::JobStep;
use rusqlite::{Connection, params};

use super::error::LedgerError;
use super::job;
use super::reader::Reader;
use super::rows::JobRow;

/// An entry of a device's queue, as the device told it last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftEntry {
    pub queue_entry_id: String,
    /// As JMF names it; never one that is final.
    pub status: String,
}

impl Reader {
    /// What its device still has of a job that came back; nothing of any other job.
    pub fn entries_left(&self, row: &JobRow) -> Result<Vec<LeftEntry>, LedgerError> {
        entries(&self.connection, row)
    }
}

/// What its device still has of a job that came back. The entry that came back may be listed for some time.
pub(super) fn entries(
    connection: &Connection,
    row: &JobRow,
) -> Result<Vec<LeftEntry>, LedgerError> {
    if !matches!(row.step, JobStep::Completed | JobStep::Aborted) {
        return Ok(Vec::new());
    }
    let names = row.ticket.as_ref().map(|ticket| &ticket.names);
    let of_ticket = names.and_then(|names| names.job_id.as_deref());
    let job_id = of_ticket.unwrap_or(&row.number);
    let device = &row.progress.device;
    // What is listed under these names is then of that job.
    if job::is_open_as(connection, device, [job_id, &row.number])? {
        return Ok(Vec::new());
    }
    // How the floor keeps what was said of a queue entry (`floor::said`).
    let mut query = connection.prepare_cached(
        "select json_extract(what, '$.Entry') as entry, json_extract(value, '$.status'),
                json_extract(value, '$.job_part_id')
         from said
         where device = ?1 and entry is not null and entry is not ?2
           and json_extract(value, '$.job_id') in (?3, ?4)
           and json_extract(value, '$.status') <> 'Removed'
         order by entry",
    )?;
    let came_back = &row.progress.queue_entry_id;
    let mut found = query.query(params![device, came_back, job_id, row.number])?;
    let mut left = Vec::new();
    while let Some(told) = found.next()? {
        let part: Option<String> = told.get(2)?;
        if names.is_none_or(|names| names.has_part(part.as_deref())) {
            left.push(LeftEntry {
                queue_entry_id: told.get(0)?,
                status: told.get(1)?,
            });
        }
    }
    Ok(left)
}
