//! Which job a device means. Devices name a job by the `JobID` and `JobPartID` of the ticket and by
//! their own queue entry id; the office knows it by its number.

use agog_jdf::{Document, Limits};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::again::{ended_at, has_come_back};
use crate::ledger::{JobRow, Ledger, LedgerError};
use crate::words;

/// How a device names a job.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ReportedJob {
    pub job_id: Option<String>,
    pub queue_entry_id: Option<String>,
    pub job_part_id: Option<String>,
}

impl ReportedJob {
    /// The names in a message, as long as names may be.
    pub fn told(
        job_id: Option<&String>,
        queue_entry_id: Option<&String>,
        job_part_id: Option<&String>,
    ) -> Self {
        Self {
            job_id: words::name_of(job_id),
            queue_entry_id: words::name_of(queue_entry_id),
            job_part_id: words::name_of(job_part_id),
        }
    }

    /// The same device means the same job by both names: what both tell is equal, and it is enough
    /// to know the job by.
    pub fn agrees(&self, other: &Self) -> bool {
        let same = |a: &Option<String>, b: &Option<String>| match (a, b) {
            (Some(a), Some(b)) => Some(a == b),
            _ => None,
        };
        let entry = same(&self.queue_entry_id, &other.queue_entry_id);
        let job = same(&self.job_id, &other.job_id);
        let part = same(&self.job_part_id, &other.job_part_id);
        let contradicts = [entry, job, part].contains(&Some(false));
        !contradicts && (entry.is_some() || job.is_some())
    }
}

/// A device may call a job by its number or by the `JobID` of its ticket.
fn is_named(job: &JobRow, job_id: &str) -> bool {
    let of_ticket = || words::name_of(job.ticket.as_ref()?.names.job_id.as_ref());
    job.number == job_id || of_ticket().as_deref() == Some(job_id)
}

fn has_part(job: &JobRow, reported: &ReportedJob) -> bool {
    let part = reported.job_part_id.as_deref();
    let ticket = job.ticket.as_ref();
    ticket.is_none_or(|ticket| ticket.names.has_part(part))
}

/// What a device does when it names a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    /// It tells of the job while it has it.
    Signal,
    /// It gives its ticket back.
    Return,
}

/// The job that `device` tells of in a signal: by its queue entry among the open jobs, else among those
/// that have ended, else by its number or by the `JobID` inside the tickets of the open jobs, and always
/// by a part that the ticket has. A device that was restarted may give its entry ids again, so an entry
/// counts only when the job agrees and, of a job that has ended, only for what began before its end
/// (`began_at`); the newest of several is meant. An open job that is known by another entry is not meant:
/// the same names under an entry of their own are another job, or a copy that was made at the device. A
/// job that has ended is meant by its entry, by its number, or by the `JobID` of its ticket.
pub async fn signalled(
    ledger: &Ledger,
    device: &str,
    reported: &ReportedJob,
    began_at: Option<Timestamp>,
) -> Result<Option<JobRow>, LedgerError> {
    meant(ledger, device, reported, began_at, Word::Signal).await
}

/// The job whose ticket `device` gives back, found as that of a signal. A device may return a job under
/// another entry than it signalled: where nothing else is meant, the one open job of these names is.
pub async fn returned(
    ledger: &Ledger,
    device: &str,
    reported: &ReportedJob,
    began_at: Option<Timestamp>,
) -> Result<Option<JobRow>, LedgerError> {
    meant(ledger, device, reported, began_at, Word::Return).await
}

/// The job whose ticket `device` gives back, whenever it was begun.
pub async fn job(
    ledger: &Ledger,
    device: &str,
    reported: &ReportedJob,
) -> Result<Option<JobRow>, LedgerError> {
    returned(ledger, device, reported, None).await
}

async fn meant(
    ledger: &Ledger,
    device: &str,
    reported: &ReportedJob,
    began_at: Option<Timestamp>,
    word: Word,
) -> Result<Option<JobRow>, LedgerError> {
    let open = ledger.jobs_open_on(device).await?;
    let entry = reported.queue_entry_id.as_ref();
    if entry.is_some() {
        let same = |job: &&JobRow| {
            job.progress.queue_entry_id.as_ref() == entry
                && reported.job_id.as_ref().is_none_or(|id| is_named(job, id))
                && has_part(job, reported)
        };
        if let Some(job) = open.iter().rev().find(same) {
            return Ok(Some(job.clone()));
        }
    }
    let Some(job_id) = &reported.job_id else {
        return Ok(None);
    };
    let is_meant = |job: &JobRow| is_named(job, job_id) && has_part(job, reported);
    let mut of_entry = None;
    if let Some(entry) = entry {
        let (of, entry) = (device.to_owned(), entry.clone());
        let ended = ledger.read(move |reader| reader.ended_by_entry(&of, &entry));
        of_entry = ended.await?.filter(is_meant);
    }
    let is_of_its_run = |job: &JobRow| {
        let is_later = began_at.is_some_and(|began| began > ended_at(job));
        has_come_back(job) && !is_later
    };
    if of_entry.as_ref().is_some_and(is_of_its_run) {
        return Ok(of_entry);
    }
    // An entry of its own makes it another job of the same name.
    let is_other = |job: &JobRow| {
        let known = job.progress.queue_entry_id.as_ref();
        known.is_some() && entry.is_some() && known != entry
    };
    let named = open.iter().filter(|job| is_meant(job));
    let (others, mut named): (Vec<&JobRow>, Vec<&JobRow>) = named.partition(|job| is_other(job));
    named.sort_by_key(|job| job.number != *job_id);
    if let Some(job) = named.first() {
        return Ok(Some((*job).clone()));
    }
    if of_entry.is_some() {
        return Ok(of_entry);
    }
    if let (Word::Return, [job]) = (word, others.as_slice()) {
        return Ok(Some((*job).clone()));
    }
    let numbered = ledger.job_by_number(job_id).await?.filter(|job| {
        let is_free = job.step.is_end() || !is_other(job);
        job.progress.device == device && is_free && is_meant(job)
    });
    if numbered.is_some() {
        return Ok(numbered);
    }
    let (of, named) = (device.to_owned(), job_id.clone());
    let ended = ledger.read(move |reader| reader.ended_with_ticket(&of, &named));
    Ok(ended.await?.into_iter().find(is_meant))
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
    use crate::ledger::TicketNames;

    fn named(entry: Option<&str>, job: Option<&str>, part: Option<&str>) -> ReportedJob {
        ReportedJob {
            job_id: job.map(str::to_owned),
            queue_entry_id: entry.map(str::to_owned),
            job_part_id: part.map(str::to_owned),
        }
    }

    #[test]
    fn names_of_one_job_agree_in_what_both_tell() {
        let full = named(Some("QE-1"), Some("J"), Some("P1"));
        assert!(full.agrees(&named(Some("QE-1"), None, None)));
        assert!(full.agrees(&named(None, Some("J"), Some("P1"))));
        for other in [
            named(Some("QE-1"), Some("J"), Some("P2")),
            named(Some("QE-2"), Some("J"), None),
            named(None, None, Some("P1")),
        ] {
            assert!(!full.agrees(&other), "{other:?}");
        }
    }

    #[test]
    fn a_ticket_without_a_job_id_gets_the_number_of_its_job_and_another_keeps_its_own() {
        let bare = r#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"  ID='n1' Type="Combined"/>"#;
        let (jdf, job_id) = identified(bare, "Job-7").unwrap();
        assert_eq!(job_id, "Job-7");
        assert_eq!(TicketNames::of(&jdf).job_id.as_deref(), Some("Job-7"));
        assert!(jdf.contains("  ID='n1'"), "nothing else changes: {jdf}");
        assert_eq!(
            identified(&jdf, "Job-8").unwrap(),
            (jdf.clone(), "Job-7".to_owned())
        );
    }
}
