//! Jobs as their newest event left them.

use agog_sync::event::{JobEvent, JobProgress, JobStep};
use agog_sync::frame::JobTicket;
use agog_sync::lots::JobRef;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::error::LedgerError;
use super::rows::{self, JobRow};
use super::text;

/// Stores what a job event says. What the event leaves out is kept from the events before, but another
/// run after an end has nothing of the run before. The fate of a command leaves the job as it was, and
/// another place in the queue is no step on its way.
pub(super) fn store(
    connection: &Connection,
    event: &JobEvent,
    at: Timestamp,
) -> Result<(), LedgerError> {
    let key = job_key(&event.progress.job);
    let before: Option<(String, String)> = connection
        .prepare_cached("select step, progress from job where job_key = ?1")?
        .query_row([&key], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let is_fate = matches!(
        event.step,
        JobStep::CommandRefused | JobStep::AbortRequested | JobStep::CommandDone
    );
    if is_fate && before.is_some() {
        return Ok(());
    }
    let (step, progress) = match before {
        Some((step, before)) => {
            let mut before: JobProgress = text::json(&before, "job progress")?;
            let has_ended = JobStep::of_kind(&step).is_some_and(JobStep::is_end);
            if has_ended && event.step == JobStep::Started {
                before = JobProgress {
                    queue_entry_id: before.queue_entry_id,
                    job_part_id: before.job_part_id,
                    ..JobProgress::of(before.job, before.device)
                };
            }
            let progress = merged(before, &event.progress);
            let stays = event.step == JobStep::Requeued;
            let step = if stays {
                step
            } else {
                event.step.kind().to_owned()
            };
            (step, progress)
        }
        None => (event.step.kind().to_owned(), event.progress.clone()),
    };
    connection
        .prepare_cached(
            "insert into job (job_key, job_id, number, device, step, progress, received_at,
                              updated_at)
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)
             on conflict (job_key) do update
             set device = excluded.device, step = excluded.step, progress = excluded.progress,
                 updated_at = excluded.updated_at",
        )?
        .execute(params![
            key,
            progress.job.job_id.map(|job_id| job_id.to_string()),
            progress.job.number,
            progress.device,
            step,
            text::to_json(&progress),
            at.as_microsecond()
        ])?;
    Ok(())
}

/// The event with which a job begins.
pub(super) fn received(ticket: &JobTicket) -> JobEvent {
    JobEvent {
        step: JobStep::Received,
        progress: progress(ticket),
    }
}

/// What a ticket says of its job.
pub(crate) fn progress(ticket: &JobTicket) -> JobProgress {
    let job = JobRef {
        number: ticket.number.clone(),
        job_id: Some(ticket.job_id),
        order: ticket.order.clone(),
        customer: ticket.customer.clone(),
    };
    JobProgress::of(job, &ticket.device)
}

/// Whether a job of that number is here and has not ended.
pub(super) fn is_open(connection: &Connection, number: &str) -> Result<bool, LedgerError> {
    let mut query = connection.prepare_cached(
        "select 1 from job where number = ?1
            and step not in ('job.refused', 'job.completed', 'job.aborted', 'job.removed')",
    )?;
    Ok(query.exists([number])?)
}

/// Whether a job goes by one of these names on a device, and has not ended.
pub(super) fn is_open_as(
    connection: &Connection,
    device: &str,
    names: [&str; 2],
) -> Result<bool, LedgerError> {
    let mut query = connection.prepare_cached(&format!(
        "select 1 from {}
         where device = ?1 and (number in (?2, ?3) or json_extract(head, '$.names.job_id') in (?2, ?3))
            and step not in ('job.refused', 'job.completed', 'job.aborted', 'job.removed')",
        rows::JOBS
    ))?;
    Ok(query.exists([device, names[0], names[1]])?)
}

/// Jobs of the hub are known by its id; a job that a press reports alone, by its number.
pub(super) fn job_key(job: &JobRef) -> String {
    job.job_id.map_or_else(
        || format!("number:{}", job.number),
        |job_id| job_id.to_string(),
    )
}

/// One job by its key.
pub(super) fn by_key(connection: &Connection, key: &str) -> Result<Option<JobRow>, LedgerError> {
    let mut query = connection.prepare_cached(&format!(
        "select {} from {} where job_key = ?1",
        rows::JOB_COLUMNS,
        rows::JOBS
    ))?;
    let mut found = query.query([key])?;
    found.next()?.map(rows::job).transpose()
}

fn merged(before: JobProgress, now: &JobProgress) -> JobProgress {
    let now = now.clone();
    JobProgress {
        job: JobRef {
            number: now.job.number,
            job_id: now.job.job_id.or(before.job.job_id),
            order: now.job.order.or(before.job.order),
            customer: now.job.customer.or(before.job.customer),
        },
        device: now.device,
        queue_entry_id: now.queue_entry_id.or(before.queue_entry_id),
        // It is that of its step alone.
        entry_status: None,
        status: now.status.or(before.status),
        status_details: now.status_details.or(before.status_details),
        good: now.good.or(before.good),
        waste: now.waste.or(before.waste),
        job_part_id: now.job_part_id.or(before.job_part_id),
        part: if now.part.is_empty() {
            before.part
        } else {
            now.part
        },
        closed_phase: now.closed_phase,
        operators: if now.operators.is_empty() {
            before.operators
        } else {
            now.operators
        },
        priority: now.priority.or(before.priority),
        return_code: now.return_code.or(before.return_code),
        detail: now.detail.or(before.detail),
        command_id: None,
        differences: now.differences,
        work_order_id: now.work_order_id.or(before.work_order_id),
        started_at: now.started_at.or(before.started_at),
        ended_at: now.ended_at.or(before.ended_at),
    }
}
