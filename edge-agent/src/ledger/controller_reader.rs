//! Reads for the controller: its channels and submissions, and the events that signals are made of.

use agog_sync::event::{DeviceEvent, DeviceResource, Envelope, Event};
use agog_sync::ids::JobId;
use rusqlite::{OptionalExtension as _, params};

use super::controller::{self, ChannelRow, ReturnRow, SubmissionRow};
use super::error::LedgerError;
use super::reader::{self, Reader};
use super::rows::{self, JobRow};

/// Newest resource events that are looked at for one answer.
const RESOURCE_EVENTS_MAX: u32 = 2_000;

/// Own events of jobs and devices, in the order in which they were recorded.
#[derive(Debug, Clone, Default)]
pub struct EventPage {
    /// Each with its place in the file.
    pub events: Vec<(i64, Envelope)>,
    /// Everything up to here was looked at.
    pub end: i64,
}

impl Reader {
    /// The events of jobs and devices after a place, at most `limit`.
    pub fn events_after(&self, position: i64, limit: usize) -> Result<EventPage, LedgerError> {
        let producer = reader::position(&self.connection)?.producer.to_string();
        let newest: i64 = self.connection.query_row(
            "select coalesce(max(position), 0) from event",
            [],
            |row| row.get(0),
        )?;
        // What was sealed again in a newer epoch was told when it happened.
        let mut query = self.connection.prepare_cached(
            "select position, seq, event_id, kind, version, occurred_at, recorded_at, actor,
                    payload, prev_hash, hash
             from fact
             where position > ?1 and position <= ?2 and producer_id = ?3 and resealed = 0
               and (kind glob 'job.*' or kind glob 'device.*')
             order by position limit ?4",
        )?;
        let limit_rows = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut found = query.query(params![position, newest, producer, limit_rows])?;
        let mut page = EventPage {
            events: Vec::new(),
            end: newest,
        };
        while let Some(row) = found.next()? {
            page.events.push((row.get(0)?, rows::envelope(row, 1)?));
        }
        if page.events.len() >= limit
            && let Some((last, _)) = page.events.last()
        {
            page.end = *last;
        }
        Ok(page)
    }

    /// Every channel, the oldest first.
    pub fn channels(&self) -> Result<Vec<ChannelRow>, LedgerError> {
        let mut query = self.connection.prepare_cached(&format!(
            "select {} from channel order by channel",
            controller::CHANNEL_COLUMNS
        ))?;
        let mut found = query.query([])?;
        let mut channels = Vec::new();
        while let Some(row) = found.next()? {
            channels.push(controller::channel(row)?);
        }
        Ok(channels)
    }

    /// Whether the submission of a job was given back, or is not to be.
    pub fn is_settled(&self, job_id: JobId) -> Result<bool, LedgerError> {
        let mut query = self.connection.prepare_cached(
            "select 1 from submission where job_id = ?1 and settled_at is not null",
        )?;
        Ok(query.exists([job_id.to_string()])?)
    }

    /// An order that was passed on: the message ID that its device has seen, and the answer.
    pub fn order_passed(
        &self,
        message: &str,
    ) -> Result<Option<(String, Option<String>)>, LedgerError> {
        let mut query = self
            .connection
            .prepare_cached("select message_id, answer from passed_order where message = ?1")?;
        let found = query.query_row([message], |row| Ok((row.get(0)?, row.get(1)?)));
        Ok(found.optional()?)
    }

    /// Whether a folder was used for a device before.
    pub fn is_folder_used(&self, device: &str, folder: &str) -> Result<bool, LedgerError> {
        let mut query = self
            .connection
            .prepare_cached("select 1 from device_folder where device = ?1 and folder = ?2")?;
        Ok(query.exists([device, folder])?)
    }

    /// The job that came with a message.
    pub fn submission_of_message(
        &self,
        message: &str,
    ) -> Result<Option<SubmissionRow>, LedgerError> {
        Ok(self.submission_rows("message = ?1", Some(message))?.pop())
    }

    /// How a job came, if it came over JMF.
    pub fn submission_of_job(&self, job_id: JobId) -> Result<Option<SubmissionRow>, LedgerError> {
        let job_id = job_id.to_string();
        Ok(self.submission_rows("job_id = ?1", Some(&job_id))?.pop())
    }

    /// Submissions that were not given back yet, the oldest first, and with `with_settled` those that were,
    /// the newest first; at most `limit`.
    pub fn submissions(
        &self,
        with_settled: bool,
        limit: usize,
    ) -> Result<Vec<SubmissionRow>, LedgerError> {
        let settled = if with_settled {
            ""
        } else {
            "settled_at is null and "
        };
        let sql = format!(
            "{settled}?1 is null
             order by settled_at is not null, settled_at desc, submitted_at limit {limit}"
        );
        self.submission_rows(&sql, None)
    }

    /// Submissions that were returned, or whose jobs have ended, and that were not given back yet, the oldest first.
    pub fn submissions_to_return(&self) -> Result<Vec<SubmissionRow>, LedgerError> {
        self.submission_rows(
            "settled_at is null and ?1 is null
             and (exists (select 1 from submission_return as back where back.job_id = submission.job_id)
                  or exists (select 1 from job where job.job_id = submission.job_id and job.step in
                     ('job.refused', 'job.completed', 'job.aborted', 'job.removed')))
             order by submitted_at",
            None,
        )
    }

    /// The oldest ticket that the device of a submission returned and that was not given back yet.
    pub fn return_next(&self, job_id: JobId) -> Result<Option<ReturnRow>, LedgerError> {
        let mut query = self.connection.prepare_cached(&format!(
            "select {} from submission_return where job_id = ?1 order by run limit 1",
            controller::RETURN_COLUMNS
        ))?;
        let found = query.query_row([job_id.to_string()], controller::returned);
        Ok(found.optional()?)
    }

    /// Jobs that have ended, the newest first.
    pub fn jobs_ended(&self, limit: usize) -> Result<Vec<JobRow>, LedgerError> {
        let mut query = self.connection.prepare_cached(&format!(
            "select {} from {}
             where step in ('job.refused', 'job.completed', 'job.aborted', 'job.removed')
             order by updated_at desc, job_key limit ?1",
            rows::JOB_COLUMNS,
            rows::JOBS
        ))?;
        let mut found = query.query([i64::try_from(limit).unwrap_or(i64::MAX)])?;
        let mut jobs = Vec::new();
        while let Some(row) = found.next()? {
            jobs.push(rows::job(row)?);
        }
        Ok(jobs)
    }

    /// What devices told last of the things that they use up: one for each thing.
    pub fn resources(&self) -> Result<Vec<DeviceResource>, LedgerError> {
        let mut query = self.connection.prepare_cached(
            "select seq, event_id, kind, version, occurred_at, recorded_at, actor, payload,
                    prev_hash, hash
             from event where kind = 'device.resource-changed' order by position desc limit ?1",
        )?;
        let mut found = query.query([RESOURCE_EVENTS_MAX])?;
        let mut newest: Vec<DeviceResource> = Vec::new();
        while let Some(row) = found.next()? {
            let Ok(Event::Device(DeviceEvent::ResourceChanged(told))) =
                rows::envelope(row, 0)?.event()
            else {
                continue;
            };
            let is_same = |known: &DeviceResource| {
                known.device == told.device
                    && known.resource == told.resource
                    && known.resource_id == told.resource_id
                    && known.product_id == told.product_id
                    && known.location == told.location
            };
            if !newest.iter().any(is_same) {
                newest.push(told);
            }
        }
        newest.reverse();
        Ok(newest)
    }

    fn submission_rows(
        &self,
        condition: &str,
        value: Option<&str>,
    ) -> Result<Vec<SubmissionRow>, LedgerError> {
        let mut query = self.connection.prepare_cached(&format!(
            "select {} from submission where {condition}",
            controller::SUBMISSION_COLUMNS
        ))?;
        let mut found = query.query([value])?;
        let mut submissions = Vec::new();
        while let Some(row) = found.next()? {
            submissions.push(controller::submission(row)?);
        }
        Ok(submissions)
    }
}
