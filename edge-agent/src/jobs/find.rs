//! Which job a device means. Devices name a job by the `JobID` of the ticket and by their own queue
//! entry id; the office knows it by its number.

use agog_jdf::{Document, Limits};

use crate::ledger::{JobRow, Ledger, LedgerError};

/// How a device names a job.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReportedJob {
    pub job_id: Option<String>,
    pub queue_entry_id: Option<String>,
}

/// The job that `device` means: by its queue entry among the open jobs, else by its number, else by
/// the `JobID` inside the tickets of the open jobs. A device that was restarted may give its entry
/// ids again, so an entry counts only when the job agrees, and the newest of several is meant.
pub async fn job(
    ledger: &Ledger,
    device: &str,
    reported: &ReportedJob,
) -> Result<Option<JobRow>, LedgerError> {
    let mut open = ledger.jobs_open().await?;
    open.retain(|job| job.progress.device == device);
    if let Some(entry) = &reported.queue_entry_id {
        let same = |job: &&JobRow| {
            job.progress.queue_entry_id.as_ref() == Some(entry)
                && reported.job_id.as_ref().is_none_or(|id| is_named(job, id))
        };
        if let Some(job) = open.iter().rev().find(same) {
            return Ok(Some(job.clone()));
        }
    }
    let Some(job_id) = &reported.job_id else {
        return Ok(None);
    };
    if let Some(job) = open.iter().find(|job| job.number == *job_id) {
        return Ok(Some(job.clone()));
    }
    if let Some(at) = open.iter().position(|job| is_named(job, job_id)) {
        return Ok(Some(open.swap_remove(at)));
    }
    let job = ledger.job_by_number(job_id).await?;
    Ok(job.filter(|job| job.progress.device == device))
}

/// A device may call a job by its number or by the `JobID` of its ticket.
fn is_named(job: &JobRow, job_id: &str) -> bool {
    let of_ticket = || ticket_job_id(&job.ticket.as_ref()?.jdf);
    job.number == job_id || of_ticket().as_deref() == Some(job_id)
}

/// The `JobID` of a ticket, when it can be read.
pub fn ticket_job_id(jdf: &str) -> Option<String> {
    let document = Document::parse(jdf.as_bytes(), &Limits::default()).ok()?;
    document.root().attribute("JobID").map(str::to_owned)
}

/// The ticket as it is handed to a device, with its `JobID`. A ticket without one gets the number of
/// the job, so that the job can be found in the device's queue and the return belongs to it.
pub fn identified(jdf: &str, number: &str) -> Result<(String, String), agog_jdf::Error> {
    let mut document = Document::parse(jdf.as_bytes(), &Limits::default())?;
    if let Some(job_id) = document.root().attribute("JobID") {
        return Ok((jdf.to_owned(), job_id.to_owned()));
    }
    let root = document.root().id();
    document.set_attribute(root, "JobID", number)?;
    let jdf = String::from_utf8_lossy(&document.to_bytes()).into_owned();
    Ok((jdf, number.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_without_a_job_id_gets_the_number_of_its_job_and_another_keeps_its_own() {
        let bare = r#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"  ID='n1' Type="Combined"/>"#;
        let (jdf, job_id) = identified(bare, "Job-7").unwrap();
        assert_eq!(job_id, "Job-7");
        assert_eq!(ticket_job_id(&jdf).as_deref(), Some("Job-7"));
        assert!(jdf.contains("  ID='n1'"), "nothing else changes: {jdf}");
        assert_eq!(
            identified(&jdf, "Job-8").unwrap(),
            (jdf.clone(), "Job-7".to_owned())
        );
    }
}
