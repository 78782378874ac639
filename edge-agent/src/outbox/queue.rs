//! The queue of a device: where a job is in it, and what is told about its entries.

use agog_jdf::QueueEntryStatus;
use agog_jdf::jmf::{
    AbortQueueEntry, Command, Message, Query, QueryContent, QueueEntry, QueueEntryPosParams,
    QueueEntryPriParams, QueueFilter, Response,
};
use agog_sync::frame::JobAction;

use super::send::Sender;
use crate::config::DeviceConfig;
use crate::devices::client::DeviceError;
use crate::jobs::find::ticket_job_id;
use crate::ledger::JobRow;
use crate::ledger::sending::{CommandEnd, Fate};

impl Sender {
    /// The entry of a job that the device has told no id of.
    pub(super) async fn entry_of(
        &self,
        device: &DeviceConfig,
        row: &JobRow,
    ) -> Result<Option<QueueEntry>, DeviceError> {
        let of_ticket = row
            .ticket
            .as_ref()
            .and_then(|ticket| ticket_job_id(&ticket.jdf));
        let job_id = of_ticket.unwrap_or_else(|| row.number.clone());
        self.queued(device, &job_id, row.progress.job_part_id.as_deref())
            .await
    }

    /// The entry of this job in the device's queue.
    pub(super) async fn queued(
        &self,
        device: &DeviceConfig,
        job_id: &str,
        job_part_id: Option<&str>,
    ) -> Result<Option<QueueEntry>, DeviceError> {
        let filter = QueueFilter {
            job_id: Some(job_id.to_owned()),
            ..QueueFilter::default()
        };
        let query = Query::once(QueryContent::QueueStatus(filter));
        let message = Message::query(self.client.message_id(), query);
        let answer = self.one(device, message).await?;
        self.contacts.heard(&device.id);
        let mut entries = answer.queue.into_iter().flat_map(|queue| queue.entries);
        // Devices may ignore the filter; an entry that was thrown out can be submitted again.
        let is_meant = |entry: &QueueEntry| {
            let part = entry.job_part_id.as_deref().zip(job_part_id);
            let is_out = matches!(
                entry.status,
                QueueEntryStatus::Aborted | QueueEntryStatus::Removed
            );
            entry.job_id.as_deref() == Some(job_id)
                && part.is_none_or(|(has, wanted)| has == wanted)
                && !is_out
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

/// What is told to a device about an entry of its queue.
pub(super) fn queue_command(action: JobAction, entry: String) -> Command {
    match action {
        JobAction::Hold => Command::HoldQueueEntry(QueueFilter::entry(entry)),
        JobAction::Resume => Command::ResumeQueueEntry(QueueFilter::entry(entry)),
        JobAction::Suspend => Command::SuspendQueueEntry(QueueFilter::entry(entry)),
        JobAction::Abort => {
            Command::AbortQueueEntry(AbortQueueEntry::from(QueueFilter::entry(entry)))
        }
        JobAction::Remove => Command::RemoveQueueEntry(QueueFilter::entry(entry)),
        JobAction::Priority(priority) => Command::SetQueueEntryPriority(QueueEntryPriParams {
            priority,
            queue_entry_id: Some(entry),
            ..QueueEntryPriParams::default()
        }),
        JobAction::Position(position) => Command::SetQueueEntryPosition(QueueEntryPosParams {
            queue_entry_id: entry,
            position: Some(position.into()),
            ..QueueEntryPosParams::default()
        }),
    }
}
