//! Which job a device means. Devices name a job by the `JobID` of the ticket and by their own queue
//! entry id; the office knows it by its number.

use agog_jdf::{Document, Limits};

use crate::ledger::{JobRow, Ledger, LedgerError};

/// How a device names a job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReportedJob {
    pub job_id: Option<String>,
    pub queue_entry_id: Option<String>,
}

/// The job that `device` means: by its queue entry among the open jobs, else by its number, else by
/// the `JobID` inside the tickets of the open jobs.
pub async fn job(
    ledger: &Ledger,
    device: &str,
    reported: &ReportedJob,
) -> Result<Option<JobRow>, LedgerError> {
    let mut open = ledger.jobs_open().await?;
    open.retain(|job| job.progress.device == device);
    if let Some(entry) = &reported.queue_entry_id {
        let same = |job: &&JobRow| job.progress.queue_entry_id.as_ref() == Some(entry);
        if let Some(job) = open.iter().find(same) {
            return Ok(Some(job.clone()));
        }
    }
    let Some(job_id) = &reported.job_id else {
        return Ok(None);
    };
    if let Some(job) = open.iter().find(|job| job.number == *job_id) {
        return Ok(Some(job.clone()));
    }
    let of_ticket = |job: &JobRow| {
        job.ticket
            .as_ref()
            .is_some_and(|ticket| ticket_job_id(&ticket.jdf).as_ref() == Some(job_id))
    };
    if let Some(at) = open.iter().position(of_ticket) {
        return Ok(Some(open.swap_remove(at)));
    }
    let job = ledger.job_by_number(job_id).await?;
    Ok(job.filter(|job| job.progress.device == device))
}

/// The `JobID` of a ticket, when it can be read.
pub fn ticket_job_id(jdf: &str) -> Option<String> {
    let document = Document::parse(jdf.as_bytes(), &Limits::default()).ok()?;
    document.root().attribute("JobID").map(str::to_owned)
}
