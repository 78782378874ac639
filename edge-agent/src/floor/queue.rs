//! What devices say of their queues: entries that people at the device held, resumed, suspended,
//! moved or removed. Pure.
//!
//! An entry that is done is no fact and is not remembered: the return of its ticket is. What a list
//! leaves out is taken for gone only where the list is surely whole ([`is_whole`]), and that is no fact
//! either: the device has not said what became of it.
//!
//! Limits: [`ENTRIES_MAX`] entries per device; those that were removed make room first, then those that were
//! not told for the longest time.

use agog_jdf::jmf::{Queue, QueueFilter};
use agog_jdf::{QueueEntryDetails, UpdateGranularity};
use agog_sync::event::JobStep;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::news::{News, Noted};
use super::said::{DeviceSaid, RowKey};
use crate::jobs::find::ReportedJob;
use crate::ledger::JobRow;
use crate::words;

/// Ten times the jobs that wait at the busiest digital press; each is one small row.
const ENTRIES_MAX: usize = 1_000;

/// What a device told of its queue.
#[derive(Debug, Clone)]
pub struct ToldQueue {
    pub queue: Queue,
    /// Entries that are not listed are not there.
    pub is_whole: bool,
}

/// An entry as it was told last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct EntrySaid {
    /// As JMF names it.
    pub(super) status: String,
    pub(super) priority: Option<i64>,
    /// The job that it is of, as the device names it. Known to the ledger (`ledger::left`).
    #[serde(default)]
    pub(super) job_id: Option<String>,
    #[serde(default)]
    pub(super) job_part_id: Option<String>,
    /// When, since the start of the program.
    #[serde(skip)]
    pub(super) told_at: Option<Timestamp>,
}

/// An entry that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EntryChange {
    pub(super) job: ReportedJob,
    pub(super) before: Option<EntrySaid>,
    pub(super) now: EntrySaid,
}

/// Whether a list that was asked for with `filter` has every entry of the queue. A device that counts
/// more entries than it lists (`QueueSize`) has cut the list; where it means the room that its queue
/// has, nothing is lost but what it says of entries by leaving them out.
pub(crate) fn is_whole(queue: &Queue, filter: &QueueFilter) -> bool {
    let listed = i64::try_from(queue.entries.len()).unwrap_or(i64::MAX);
    !filter.selects()
        && filter.max_entries.is_none_or(|most| most < 0)
        && filter.details != Some(QueueEntryDetails::None)
        && filter.update_granularity != Some(UpdateGranularity::ChangesOnly)
        && queue.queue_size.is_none_or(|size| size <= listed)
}

impl ToldQueue {
    /// The list that was asked for with `filter`.
    pub fn listed(queue: Queue, filter: &QueueFilter) -> Self {
        let is_whole = is_whole(&queue, filter);
        Self { queue, is_whole }
    }

    /// The queue beside a state: which of its entries that lists is not said anywhere.
    pub fn beside(queue: Queue) -> Self {
        let is_whole = false;
        Self { queue, is_whole }
    }
}

impl EntrySaid {
    /// Nothing that is said of it later is a fact.
    fn is_done(&self) -> bool {
        matches!(
            self.status.as_str(),
            "Completed" | "Aborted" | "PendingReturn"
        )
    }

    fn is_live(&self) -> bool {
        !self.is_done() && self.status != "Removed"
    }
}

/// Takes in a queue as it was at a time; a queue that was overtaken by a newer one says nothing.
pub(super) fn queue(said: &mut DeviceSaid, told: &ToldQueue, at: Timestamp) -> Vec<Noted> {
    let ToldQueue { queue, is_whole } = told;
    if said.memory.queue_at.is_some_and(|newest| at < newest) {
        return Vec::new();
    }
    said.memory.queue_at = Some(at);
    let mut news = Vec::new();
    let entries = queue.entries.iter();
    for entry in entries.filter(|entry| !entry.queue_entry_id.is_empty()) {
        let id = &words::name(&entry.queue_entry_id);
        let now = EntrySaid {
            status: words::name(entry.status.as_str()),
            priority: entry.priority,
            job_id: entry.job_id.clone(),
            job_part_id: entry.job_part_id.clone(),
            told_at: Some(at),
        };
        if now.is_done() {
            if said.entries.remove(id).is_some() {
                said.touch(RowKey::Entry(id.clone()));
            }
            continue;
        }
        let before = said.entries.get_mut(id);
        if let Some(before) = before
            && (&before.status, before.priority) == (&now.status, now.priority)
        {
            let is_same = (&before.job_id, &before.job_part_id) == (&now.job_id, &now.job_part_id);
            *before = now;
            if !is_same {
                said.touch(RowKey::Entry(id.clone()));
            }
            continue;
        }
        if !said.entries.contains_key(id) && !make_room(said, &now) {
            metrics::counter!("agog_jmf_queue_entries_passed_over_total").increment(1);
            continue;
        }
        let before = said.entries.insert(id.clone(), now.clone());
        said.touch(RowKey::Entry(id.clone()));
        news.push(Noted {
            at,
            late: false,
            news: News::Entry(EntryChange {
                job: ReportedJob::told(entry.job_id.as_ref(), Some(id), entry.job_part_id.as_ref()),
                before,
                now,
            }),
        });
    }
    if !news.is_empty() {
        said.touch(RowKey::Memory);
    }
    if *is_whole {
        let unlisted = said.entries.iter().filter(|(_, it)| it.told_at != Some(at));
        let gone: Vec<String> = unlisted.map(|(id, _)| id.clone()).collect();
        for id in gone {
            forget(said, id);
        }
    }
    news
}

/// Sees to it that a new entry has a place; false where nothing is worth less than it.
fn make_room(said: &mut DeviceSaid, new: &EntrySaid) -> bool {
    if said.entries.len() < ENTRIES_MAX {
        return true;
    }
    if !new.is_live() {
        return false;
    }
    // What this very list tells is not forgotten for the rest of it, but for what was removed.
    let others = said
        .entries
        .iter()
        .filter(|(_, it)| it.told_at != new.told_at || !it.is_live());
    let least = others.min_by_key(|(_, it)| (it.is_live(), it.told_at));
    let Some(id) = least.map(|(id, _)| id.clone()) else {
        return false;
    };
    forget(said, id);
    true
}

fn forget(said: &mut DeviceSaid, id: String) {
    said.entries.remove(&id);
    said.touch(RowKey::Entry(id));
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
