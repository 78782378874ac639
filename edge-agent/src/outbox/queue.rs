//! The queue of a device: where a job is in it, and what is told about its entries.

use std::collections::BTreeSet;

use agog_jdf::QueueEntryStatus;
use agog_jdf::jmf::{
    AbortQueueEntry, Command, Message, Query, QueryContent, QueueEntry, QueueEntryPosParams,
    QueueEntryPriParams, QueueFilter, Response,
};
use agog_sync::frame::JobAction;

use super::send::Sender;
use crate::config::DeviceConfig;
use crate::devices::client::DeviceError;
use crate::ledger::sending::{CommandEnd, Fate};
use crate::ledger::{JobRow, LedgerError, TicketNames};

/// Why it is not known whether a job is in the queue of its device.
#[derive(Debug, thiserror::Error)]
pub(super) enum LookUpError {
    #[error(transparent)]
    Device(#[from] DeviceError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Sender {
    /// The entry of a job that the device has told no id of.
    pub(super) async fn entry_of(
        &self,
        device: &DeviceConfig,
        row: &JobRow,
    ) -> Result<Option<QueueEntry>, LookUpError> {
        // A ticket without a JobID is sent with the number of its job.
        let mut names = row.ticket.clone().unwrap_or_default().names;
        names.job_id.get_or_insert_with(|| row.number.clone());
        self.queued(device, &names).await
    }

    /// The entry of the job with these names in the device's queue. An entry of another part of the
    /// same `JobID` is another job.
    pub(super) async fn queued(
        &self,
        device: &DeviceConfig,
        names: &TicketNames,
    ) -> Result<Option<QueueEntry>, LookUpError> {
        // Without them an entry of an earlier run would be taken for the job that is meant.
        let ended = match names.job_id.clone() {
            Some(job_id) => {
                let of = device.id.clone();
                let read = self
                    .agent
                    .ledger
                    .read(move |reader| reader.ended_entries(&of, &job_id));
                read.await?
            }
            None => BTreeSet::new(),
        };
        let filter = QueueFilter {
            job_id: names.job_id.clone(),
            ..QueueFilter::default()
        };
        let query = Query::once(QueryContent::QueueStatus(filter));
        let message = Message::query(self.client.message_id(), query);
        let answer = self.one(device, message).await?;
        self.contacts.heard(&device.id);
        if !answer.return_code.is_processed() {
            // It does not say that the job is not there.
            let unanswered = DeviceError::Unanswered {
                url: device.url.clone(),
                kind: format!("QueueStatus ({})", answer.reason()),
            };
            return Err(unanswered.into());
        }
        let mut entries = answer.queue.into_iter().flat_map(|queue| queue.entries);
        // Devices may ignore the filter; an entry that was thrown out can be submitted again.
        let is_meant = |entry: &QueueEntry| {
            let is_out = matches!(
                entry.status,
                QueueEntryStatus::Aborted | QueueEntryStatus::Removed
            );
            // Of an earlier run under the same names, whose job has ended here.
            let is_old = matches!(
                entry.status,
                QueueEntryStatus::Completed | QueueEntryStatus::PendingReturn
            ) && ended.contains(&entry.queue_entry_id);
            names.job_id.is_some()
                && entry.job_id == names.job_id
                && names.has_part(entry.job_part_id.as_deref())
                && !is_out
                && !is_old
        };
        Ok(entries.rfind(is_meant))
    }

    /// Sends one message and gives its answer.
    pub(super) async fn one(
        &self,
        device: &DeviceConfig,
        message: Message,
    ) -> Result<Response, DeviceError> {
        let kind = message.kind.clone();
        let mut answers = self.client.exchange(device, vec![message]).await?;
        answers.pop().ok_or_else(|| DeviceError::Unanswered {
            url: device.url.clone(),
            kind,
        })
    }
}

/// An earlier try got through.
pub(super) fn found(entry: &QueueEntry) -> CommandEnd {
    CommandEnd {
        fate: Fate::Answered,
        return_code: None,
        reason: None,
        queue_entry_id: Some(entry.queue_entry_id.clone()),
        is_held: entry.status == QueueEntryStatus::Held,
    }
}

/// What is told to a device about entries of its queue; they come back where it can only be about one.
pub(super) fn queue_command(
    action: JobAction,
    entries: Vec<String>,
) -> Result<Command, Vec<String>> {
    let all = |entries| QueueFilter {
        queue_entry_ids: entries,
        ..QueueFilter::default()
    };
    Ok(match action {
        JobAction::Hold => Command::HoldQueueEntry(all(entries)),
        JobAction::Resume => Command::ResumeQueueEntry(all(entries)),
        JobAction::Suspend => Command::SuspendQueueEntry(all(entries)),
        JobAction::Abort => Command::AbortQueueEntry(AbortQueueEntry::from(all(entries))),
        JobAction::Remove => Command::RemoveQueueEntry(all(entries)),
        JobAction::Priority(priority) => {
            let (queue_entry_id, filter) = match <[String; 1]>::try_from(entries) {
                Ok([entry]) => (Some(entry), None),
                Err(entries) => (None, Some(all(entries))),
            };
            Command::SetQueueEntryPriority(QueueEntryPriParams {
                priority: Some(priority),
                queue_entry_id,
                filter,
            })
        }
        JobAction::Position(position) => {
            let [entry] = <[String; 1]>::try_from(entries)?;
            Command::SetQueueEntryPosition(QueueEntryPosParams {
                queue_entry_id: entry,
                position: Some(position.into()),
                ..QueueEntryPosParams::default()
            })
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_entries_are_told_together_what_can_be_told_of_several() {
        let entries = || vec!["QE-2".to_owned(), "QE-3".to_owned()];
        let held = queue_command(JobAction::Hold, entries()).unwrap();
        assert!(
            matches!(&held, Command::HoldQueueEntry(filter) if filter.queue_entry_ids == entries())
        );
        let raised = queue_command(JobAction::Priority(80), entries()).unwrap();
        let Command::SetQueueEntryPriority(params) = raised else {
            panic!("not a priority: {raised:?}");
        };
        assert_eq!(params.filter.unwrap().queue_entry_ids, entries());
        assert_eq!(
            queue_command(JobAction::Position(0), entries()),
            Err(entries())
        );
    }
}
