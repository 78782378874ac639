//! What devices say of their queues: entries that people at the device held, resumed, suspended,
//! moved or removed. Pure.
//!
//! That an entry is done is remembered and no fact: the return of its ticket is.
//!
//! Limits: [`ENTRIES_MAX`] entries per device.

use agog_jdf::jmf::Queue;
use agog_sync::event::JobStep;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::news::{News, Noted};
use super::said::{DeviceSaid, RowKey};
use crate::jobs::find::ReportedJob;
use crate::ledger::JobRow;

/// A device with years of finished jobs in its queue must not fill the ledger.
const ENTRIES_MAX: usize = 200;

/// An entry as it was told last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct EntrySaid {
    /// As JMF names it.
    pub(super) status: String,
    pub(super) priority: Option<i64>,
}

/// An entry that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EntryChange {
    pub(super) job: ReportedJob,
    pub(super) before: Option<EntrySaid>,
    pub(super) now: EntrySaid,
}

/// Takes in a queue as it was at a time; a queue that was overtaken by a newer one says nothing.
pub(super) fn queue(said: &mut DeviceSaid, queue: &Queue, at: Timestamp) -> Vec<Noted> {
    if said.memory.queue_at.is_some_and(|newest| at < newest) {
        return Vec::new();
    }
    said.memory.queue_at = Some(at);
    let mut news = Vec::new();
    for entry in queue
        .entries
        .iter()
        .filter(|entry| !entry.queue_entry_id.is_empty())
    {
        let now = EntrySaid {
            status: entry.status.to_string(),
            priority: entry.priority,
        };
        let before = said.entries.get(&entry.queue_entry_id);
        if before == Some(&now) || (before.is_none() && said.entries.len() >= ENTRIES_MAX) {
            continue;
        }
        news.push(Noted {
            at,
            late: false,
            news: News::Entry(EntryChange {
                job: ReportedJob {
                    job_id: entry.job_id.clone(),
                    queue_entry_id: Some(entry.queue_entry_id.clone()),
                    job_part_id: entry.job_part_id.clone(),
                },
                before: before.cloned(),
                now: now.clone(),
            }),
        });
        said.entries.insert(entry.queue_entry_id.clone(), now);
        said.touch(RowKey::Entry(entry.queue_entry_id.clone()));
    }
    if !news.is_empty() {
        said.touch(RowKey::Memory);
        let listed = |id: &String| {
            queue
                .entries
                .iter()
                .any(|entry| entry.queue_entry_id == *id)
        };
        let gone: Vec<String> = said
            .entries
            .keys()
            .filter(|id| !listed(id))
            .cloned()
            .collect();
        for id in gone {
            said.entries.remove(&id);
            said.touch(RowKey::Entry(id));
        }
    }
    news
}

/// The steps of the job that a changed entry is, beyond what its newest event says already.
pub(super) fn steps(job: &JobRow, change: &EntryChange) -> Vec<JobStep> {
    if job.step.is_end() {
        return Vec::new();
    }
    let was = change.before.as_ref().map(|before| before.status.as_str());
    let was_held = was.is_none() && job.ticket.as_ref().is_some_and(|ticket| ticket.hold);
    let is_interrupted = matches!(job.step, JobStep::Suspended)
        || (matches!(job.step, JobStep::Started | JobStep::Phase)
            && matches!(
                job.progress.status.as_deref(),
                Some("Suspended" | "Stopped")
            ));
    let status_changed = was != Some(change.now.status.as_str());
    let step = match change.now.status.as_str() {
        "Held" if job.step != JobStep::Held && !was_held => Some(JobStep::Held),
        "Suspended" if job.step != JobStep::Suspended => Some(JobStep::Suspended),
        "Removed" => Some(JobStep::Removed),
        "Waiting" | "Running" => match was {
            Some("Held")
                if matches!(
                    job.step,
                    JobStep::Held | JobStep::Submitted | JobStep::Requeued
                ) =>
            {
                Some(JobStep::Resumed)
            }
            Some("Suspended") if is_interrupted => Some(JobStep::Resumed),
            _ => None,
        },
        _ => None,
    };
    let mut steps: Vec<JobStep> = step.filter(|_| status_changed).into_iter().collect();
    let priority_before = change.before.as_ref().map(|before| before.priority);
    if let Some(before) = priority_before
        && before != change.now.priority
        && change.now.priority.is_some()
        && job.progress.priority != change.now.priority
    {
        steps.push(JobStep::Requeued);
    }
    steps
}
