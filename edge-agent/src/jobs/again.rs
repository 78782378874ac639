//! Whether a job whose ticket came back is run again. Pure.
//!
//! The rule: it is run again when its device works on it or returns it under a queue entry that did not come back yet, or
//! tells of a run that began after the returned one ended. Everything else is a late word of the run that ended: a press may
//! go on naming a returned job for some time, and may compute the beginning of a phase anew with each signal.

use agog_sync::event::JobStep;
use jiff::Timestamp;

use super::find::ReportedJob;
use crate::ledger::JobRow;

/// What is told of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ToldRun<'t> {
    pub(crate) job: &'t ReportedJob,
    /// What came back already goes by these names.
    pub(crate) is_settled: bool,
    /// When the device began it, as far as it says.
    pub(crate) began_at: Option<Timestamp>,
}

/// Whether this is another run than the one that ended.
pub(crate) fn is_run_again(ended: &JobRow, told: ToldRun<'_>) -> bool {
    let known = ended.progress.queue_entry_id.as_ref();
    let entries = known.zip(told.job.queue_entry_id.as_ref());
    let is_other_entry = entries.is_some_and(|(known, told)| known != told) && !told.is_settled;
    let is_later = told.began_at.is_some_and(|began| began > ended_at(ended));
    has_come_back(ended) && (is_other_entry || is_later)
}

/// When the device was done with the job.
pub(crate) fn ended_at(job: &JobRow) -> Timestamp {
    job.progress.ended_at.unwrap_or(job.updated_at)
}

/// The device had the job and is done with it.
pub(crate) fn has_come_back(job: &JobRow) -> bool {
    job.step.is_end() && job.step != JobStep::Refused
}
