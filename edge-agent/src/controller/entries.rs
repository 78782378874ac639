//! Orders to queue entries and queues. What can be judged here is judged here: an entry that is
//! not known, has ended, or stands already as it is wanted. The rest goes to the device.
//!
//! Orders to entries go through the durable outbox of the device and are answered when they are
//! recorded: for all entries that are meant, or for none. Orders to whole queues are in
//! [`passing`](super::passing).

use std::collections::BTreeMap;

use agog_jdf::QueueEntryStatus;
use agog_jdf::jmf::{
    Message, Queue, QueueEntry, QueueEntryPosParams, QueueEntryPriParams, QueueFilter,
    Response as Answer, ReturnCode,
};
use agog_sync::frame::JobAction;

use super::queries::named_device;
use super::{Call, show, submit};
use crate::config::DeviceConfig;
use crate::devices::client::sender_id;
use crate::ledger::sending::{JobOrder, Order, OrderRefused};
use crate::ledger::{Append, AppendError, InboxKey, JobRow, LedgerError, Refused};
use crate::run::Agent;

/// More entries than any crew orders at a time.
const ENTRIES_MAX: usize = 100;

/// What is wanted of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    Hold,
    Resume,
    Suspend,
    Remove,
    Abort,
    Priority(i64),
    Position(u32),
}

impl Wish {
    const fn action(self) -> JobAction {
        match self {
            Self::Hold => JobAction::Hold,
            Self::Resume => JobAction::Resume,
            Self::Suspend => JobAction::Suspend,
            Self::Remove => JobAction::Remove,
            Self::Abort => JobAction::Abort,
            Self::Priority(priority) => JobAction::Priority(priority),
            Self::Position(position) => JobAction::Position(position),
        }
    }

    /// Why an entry that stands so cannot be ordered so.
    fn refused(self, status: &QueueEntryStatus) -> Option<ReturnCode> {
        use QueueEntryStatus as Is;
        if status.is_final() || *status == Is::PendingReturn {
            return Some(ReturnCode::QUEUE_ENTRY_FINISHED);
        }
        match (self, status) {
            (Self::Hold, Is::Held)
            | (Self::Suspend, Is::Suspended)
            | (Self::Resume, Is::Waiting | Is::Running) => {
                Some(ReturnCode::QUEUE_ENTRY_ALREADY_IN_STATUS)
            }
            (Self::Suspend, Is::Waiting | Is::Held) => Some(ReturnCode::QUEUE_ENTRY_NOT_RUNNING),
            (
                Self::Hold | Self::Remove | Self::Priority(_) | Self::Position(_),
                Is::Running | Is::Suspended,
            ) => Some(ReturnCode::QUEUE_ENTRY_EXECUTING),
            _ => None,
        }
    }
}

/// The entries and the wish of a `SetQueueEntryPriority`.
pub(super) fn priority(params: &QueueEntryPriParams) -> Result<(QueueFilter, Wish), Box<Answer>> {
    let Some(priority) = params.priority else {
        let reason = "the command does not say a Priority from 0 to 100";
        let code = ReturnCode::INSUFFICIENT_PARAMETERS;
        return Err(Box::new(Answer::refusal(code, reason)));
    };
    let mut filter = params.filter.clone().unwrap_or_default();
    filter.queue_entry_ids.extend(params.queue_entry_id.clone());
    Ok((filter, Wish::Priority(priority)))
}

/// The entry and the wish of a `SetQueueEntryPosition`.
pub(super) fn position(params: &QueueEntryPosParams) -> Result<(QueueFilter, Wish), Box<Answer>> {
    let refusal = |code, reason| Err(Box::new(Answer::refusal(code, reason)));
    let Some(position) = params.position else {
        let reason = "a place is given as Position here, not beside other entries";
        return refusal(ReturnCode::INSUFFICIENT_PARAMETERS, reason);
    };
    let Ok(position) = u32::try_from(position) else {
        return refusal(ReturnCode::INVALID_PARAMETERS, "Position counts from 0");
    };
    let id = params.queue_entry_id.clone();
    let filter = QueueFilter {
        queue_entry_ids: Some(id).filter(|id| !id.is_empty()).into_iter().collect(),
        ..QueueFilter::default()
    };
    Ok((filter, Wish::Position(position)))
}

/// Does the same with every entry that a filter selects, or with none.
pub(super) async fn control(
    agent: &Agent,
    call: &Call<'_>,
    message: &Message,
    filter: QueueFilter,
    wish: Wish,
) -> Result<Answer, AppendError> {
    let device = match named_device(agent, call) {
        Ok(device) => device,
        Err(refusal) => return Ok(*refusal),
    };
    if !filter.selects() {
        let reason = "the command does not say which queue entries are meant";
        return Ok(Answer::refusal(ReturnCode::INSUFFICIENT_PARAMETERS, reason));
    }
    if let Wish::Priority(priority) = wish
        && !(0..=100).contains(&priority)
    {
        let reason = "Priority is a number from 0 to 100";
        return Ok(Answer::refusal(ReturnCode::INVALID_PARAMETERS, reason));
    }
    if let Some(refusal) = super::unnamed(call, message) {
        return Ok(refusal);
    }
    let key = InboxKey {
        sender: "mis".to_owned(),
        // A sender that counts its messages anew for each type still gives each of them its own name.
        message_id: format!("{} {}", message.kind, submit::name_of(call, message)),
    };
    let known = key.clone();
    let is_repeated = agent.ledger.read(move |reader| reader.is_known(&known));
    let is_repeated = is_repeated.await?;
    let jobs = show::jobs(agent).await?;
    let left = left(agent, &jobs).await?;
    let told = |job: &JobRow| {
        let queue = agent.devices.of(&job.progress.device).queue;
        let entry = show::queue_entry(job, &queue.map(|queue| queue.entries).unwrap_or_default());
        match left.get(&entry.queue_entry_id) {
            Some(status) => QueueEntry {
                status: status.clone(),
                ..entry
            },
            None => entry,
        }
    };
    let meant: Vec<(&JobRow, QueueEntry)> = jobs
        .iter()
        .filter(|job| {
            device
                .as_ref()
                .is_none_or(|device| device.id == job.progress.device)
        })
        .map(|job| (job, told(job)))
        .filter(|(_, entry)| filter.matches(entry))
        // An earlier run under the same names is meant only by its own ID.
        .filter(|(_, entry)| !filter.queue_entry_ids.is_empty() || !entry.status.is_final())
        .collect();
    let answer = |meant: Vec<(&JobRow, QueueEntry)>| {
        let mut entries: Vec<QueueEntry> = meant.into_iter().map(|(_, entry)| entry).collect();
        let of_device = || device.as_ref().map(|device| device.id.clone());
        let queue = (entries.len() > 1).then(|| Queue {
            device_id: of_device().unwrap_or_else(|| sender_id(agent)),
            entries: entries.clone(),
            ..Queue::default()
        });
        Answer {
            queue_entry: (entries.len() == 1).then(|| entries.remove(0)),
            queue,
            ..Answer::success()
        }
    };
    if is_repeated {
        // The answer was lost; what was wanted is done or on its way.
        return Ok(answer(meant));
    }
    for id in &filter.queue_entry_ids {
        let is_here = |job: &&JobRow| {
            let on_device = |device: &DeviceConfig| device.id == job.progress.device;
            show::entry_id(job) == *id && device.as_ref().is_none_or(on_device)
        };
        if !jobs.iter().any(|job| is_here(&job)) {
            let reason = match &device {
                Some(device) => format!("queue entry `{id}` is not known at device {}", device.id),
                None => format!("queue entry `{id}` is not known here"),
            };
            return Ok(Answer::refusal(ReturnCode::QUEUE_ENTRY_UNKNOWN, reason));
        }
    }
    if meant.is_empty() {
        let reason = "no queue entry is meant";
        return Ok(Answer::refusal(ReturnCode::QUEUE_ENTRY_UNKNOWN, reason));
    }
    if meant.len() > ENTRIES_MAX {
        let reason = format!("more than {ENTRIES_MAX} queue entries are meant");
        return Ok(Answer::refusal(ReturnCode::INVALID_PARAMETERS, reason));
    }
    for (_, entry) in &meant {
        if let Some(code) = wish.refused(&entry.status) {
            let reason = format!("queue entry `{}` is {}", entry.queue_entry_id, entry.status);
            let shown = Some(entry.clone());
            return Ok(Answer {
                queue_entry: shown,
                ..Answer::refusal(code, reason)
            });
        }
    }
    let order = |(job, _): &(&JobRow, QueueEntry)| {
        Order::Job(JobOrder {
            job: job.progress.job.clone(),
            action: wish.action(),
            by: call.sender(message).to_owned(),
            command_id: None,
        })
    };
    let append = Append {
        orders: meant.iter().map(order).collect(),
        // The same message again is the same order.
        inbox: Some(key),
        ..Append::default()
    };
    match agent.ledger.append(append).await {
        Ok(_) => {}
        Err(AppendError::Refused(Refused::Order(refused))) => return Ok(not_taken(&refused)),
        Err(error) => return Err(error),
    }
    Ok(answer(meant))
}

/// How that stands which devices still have of jobs that came back, by the ID of their entries here.
async fn left(
    agent: &Agent,
    jobs: &[JobRow],
) -> Result<BTreeMap<String, QueueEntryStatus>, LedgerError> {
    let ended: Vec<JobRow> = jobs
        .iter()
        .filter(|job| job.step.is_end())
        .cloned()
        .collect();
    let read = agent.ledger.read(move |reader| {
        let mut left = BTreeMap::new();
        for job in &ended {
            if let Some(entry) = reader.entries_left(job)?.into_iter().next() {
                let status = QueueEntryStatus::from(entry.status.as_str());
                left.insert(show::entry_id(job), status);
            }
        }
        Ok(left)
    });
    read.await
}

/// Something has happened to the job since it was looked at.
fn not_taken(refused: &OrderRefused) -> Answer {
    let code = match refused {
        OrderRefused::UnknownJob(_) | OrderRefused::NotSubmitted(_) => {
            ReturnCode::QUEUE_ENTRY_UNKNOWN
        }
        OrderRefused::Ended { .. } => ReturnCode::QUEUE_ENTRY_FINISHED,
        OrderRefused::Priority(_) => ReturnCode::INVALID_PARAMETERS,
    };
    Answer::refusal(code, refused.to_string())
}
