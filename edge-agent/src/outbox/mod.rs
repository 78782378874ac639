//! What goes to devices: one command after the other per device, until each has its fate.
//!
//! The commands are rows of the ledger (`ledger::sending`), made in the same commit as whatever
//! caused them, and this is the task that sends them. The order per device is strict: a command waits
//! for all before it, also for those of other jobs, so that a queue never sees them in another order
//! than people gave them. An operator gives up what stands in the way.
//!
//! - [`send`]: the conversation about one command; [`queue`]: its place in the device's
//!   queue; [`verdict`]: what an answer means for it
//! - [`hot_folder`]: the same for devices that are reached by folders
//! - [`ticket`]: a ticket as a device gets it; [`files`]: the files that go with it
//! - [`routes`]: the outbox, files and single messages over the local API
//!
//! Before each try the ledger notes that the device may have the command from now on. Whatever is
//! killed afterwards, a ticket is sent again only after a look into the device's queue, and any other
//! command under the message id that it had.
//!
//! Limits: retries between [`RETRY_BASE`] and [`RETRY_CAP`], all devices at the same time; a device
//! that is heard of is tried at once. A promised answer is waited for [`ACKNOWLEDGE_LIMIT`].

pub mod files;
mod hot_folder;
mod queue;
pub mod routes;
mod send;
pub(crate) mod ticket;
mod verdict;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use agog_jdf::AcknowledgeType;
use agog_jdf::jmf::Response;
use agog_sync::backoff::Backoff;
use agog_sync::ids::RequestId;
use futures_util::future::join;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use crate::config::DeviceConfig;
use crate::devices::contact::Contacts;
use crate::devices::known::Running;
use crate::ledger::sending::{Acknowledge, CommandEnd, DeviceCommand, Fate, News};
use crate::ledger::{LedgerError, Reader};
use crate::lifecycle::Stop;
use crate::run::Agent;
use send::{Sender, Tried};

pub(crate) use ticket::FILES_MAX;

/// The first wait after a device did not answer.
pub const RETRY_BASE: Duration = Duration::from_secs(1);
/// The longest wait; a device that is heard of is tried at once.
pub const RETRY_CAP: Duration = Duration::from_secs(30);
/// A device that promised an answer and does not give it is told again.
pub const ACKNOWLEDGE_LIMIT: SignedDuration = SignedDuration::from_mins(10);
/// How often files that nobody needs any more are looked for.
const SWEEP_EVERY: Duration = Duration::from_mins(10);

/// Sends until the stop. `jmf_url` is where devices return tickets and answer later.
pub async fn run(
    agent: Agent,
    contacts: Contacts,
    jmf_url: String,
    stop: Stop,
) -> anyhow::Result<()> {
    let sender = Arc::new(Sender::new(agent, contacts, jmf_url)?);
    let others = join(strays(&sender.agent), sweep(&sender.agent));
    tokio::select! {
        _ = join(deliver_all(&sender), others) => Ok(()),
        // A try that is cut off here is noted, and is made again after the next start.
        () = stop.soft().cancelled() => Ok(()),
    }
}

/// Sends the commands of every device, as devices come and go.
async fn deliver_all(sender: &Arc<Sender>) -> Infallible {
    let mut changes = sender.agent.known_devices.changes();
    let mut running = Running::default();
    loop {
        let wanted = changes.borrow_and_update().clone();
        running.end(&wanted).await;
        running.start(&wanted, |device| {
            let sender = sender.clone();
            async move { match deliver(&sender, &device).await {} }
        });
        changed(&mut changes).await;
    }
}

/// Sends the commands of one device.
async fn deliver(sender: &Sender, device: &DeviceConfig) -> Infallible {
    let mut rng = sender.agent.fork_rng();
    let mut backoff = Backoff::new(RETRY_BASE, RETRY_CAP);
    let mut changes = sender.agent.ledger.commands();
    let mut promise = Promise::default();
    loop {
        changes.mark_unchanged();
        let command = match sender.agent.ledger.command_next(&device.id).await {
            Ok(Some(command)) => command,
            Ok(None) => {
                backoff.reset();
                changed(&mut changes).await;
                continue;
            }
            Err(error) => {
                unreadable(&error);
                tokio::time::sleep(backoff.next_wait(&mut rng)).await;
                continue;
            }
        };
        if let Some(until) = promise.of(&command, sender.agent.clock.now()) {
            tokio::select! {
                () = changed(&mut changes) => {}
                () = tokio::time::sleep_until(until) => {}
            }
            continue;
        }
        match sender.attempt(device, &command).await {
            Ok(Tried::Ended) => {
                backoff.reset();
                continue;
            }
            Ok(Tried::Later(why)) => debug!(
                device.id = %device.id, command.id = %command.command_id,
                "{} not done by device {} yet: {why}", command.kind, device.id
            ),
            Err(error) => unreadable(&error),
        }
        let pause = backoff.next_wait(&mut rng);
        pause_before(sender, device, &command, pause, &mut changes).await;
    }
}

/// Waits before a command is tried again: until the time is over, the device is heard of, a file has
/// come, or the command has ended otherwise.
async fn pause_before(
    sender: &Sender,
    device: &DeviceConfig,
    command: &DeviceCommand,
    pause: Duration,
    changes: &mut watch::Receiver<u64>,
) {
    let mut files = sender.agent.files.arrived();
    files.mark_unchanged();
    let over = tokio::time::sleep(pause);
    let heard = async {
        // Signals of a busy device are no reason to hurry.
        tokio::time::sleep(RETRY_BASE).await;
        sender.contacts.next(&device.id).await;
    };
    tokio::pin!(over, heard);
    loop {
        tokio::select! {
            () = &mut over => return,
            () = &mut heard => return,
            _ = files.changed() => return,
            () = changed(changes) => {}
        }
        let next = sender.agent.ledger.command_next(&device.id).await;
        let is_still_next =
            matches!(&next, Ok(Some(next)) if next.command_id == command.command_id);
        if !is_still_next {
            return;
        }
    }
}

/// Until when a promised answer is waited for: counted by a clock that nobody sets, from when this program
/// first saw the promise.
#[derive(Default)]
struct Promise(Option<(RequestId, u32, Instant)>);

impl Promise {
    /// None when nothing is promised, or not kept for too long.
    fn of(&mut self, command: &DeviceCommand, now: Timestamp) -> Option<Instant> {
        if command.acknowledge != Acknowledge::Promised {
            return None;
        }
        let known = self
            .0
            .filter(|(id, attempts, _)| (*id, *attempts) == (command.command_id, command.attempts));
        let until = if let Some((.., until)) = known {
            until
        } else {
            let since = now.duration_since(command.last_try_at?);
            let left = (ACKNOWLEDGE_LIMIT - since).min(ACKNOWLEDGE_LIMIT);
            Instant::now() + Duration::try_from(left).unwrap_or_default()
        };
        self.0 = Some((command.command_id, command.attempts, until));
        (Instant::now() < until).then_some(until)
    }
}

/// Refuses what is for devices that are not configured, or no longer.
async fn strays(agent: &Agent) -> Infallible {
    let mut changes = agent.ledger.commands();
    let mut devices = agent.known_devices.changes();
    loop {
        changes.mark_unchanged();
        devices.mark_unchanged();
        if let Err(error) = refuse_strays(agent).await {
            unreadable(&error);
        }
        tokio::select! {
            () = changed(&mut changes) => {}
            () = changed(&mut devices) => {}
        }
    }
}

async fn refuse_strays(agent: &Agent) -> Result<(), LedgerError> {
    let ledger = &agent.ledger;
    let mut devices = ledger.read(Reader::command_devices).await?;
    devices.retain(|id| !agent.known_devices.contains(id));
    for device in devices {
        let reason = format!("device {device} is not configured at this plant");
        while let Some(command) = ledger.command_next(&device).await? {
            warn!(device.id = %device, "{} refused: {reason}", command.kind);
            let end = News::Ended(CommandEnd::new(Fate::Refused, reason.clone()));
            ledger.command_news(command.command_id, end, None).await?;
        }
    }
    Ok(())
}

/// Removes files whose jobs have ended.
async fn sweep(agent: &Agent) -> Infallible {
    let mut every = tokio::time::interval(SWEEP_EVERY);
    loop {
        every.tick().await;
        let tickets = match agent.ledger.read(Reader::tickets_open).await {
            Ok(tickets) => tickets,
            Err(error) => {
                unreadable(&error);
                continue;
            }
        };
        let needed: BTreeSet<_> = tickets
            .into_iter()
            .flat_map(|ticket| ticket.files)
            .map(|file| file.blake3)
            .collect();
        let (files, now) = (agent.files.clone(), agent.clock.now().into());
        let swept = tokio::task::spawn_blocking(move || files.sweep(&needed, now)).await;
        if let Ok(Err(error)) = swept {
            warn!(
                error = &error as &dyn std::error::Error,
                "files of ended jobs not removed"
            );
        }
    }
}

/// A device answers a command that it took before. Answers to what nobody asked are passed over.
pub async fn acknowledged(
    agent: &Agent,
    message_id: &str,
    answer: &Response,
) -> Result<(), LedgerError> {
    let id = message_id.to_owned();
    let command = agent
        .ledger
        .read(move |reader| reader.command_by_message(&id))
        .await?;
    let types = &answer.acknowledge_types;
    let is_only_received =
        !types.is_empty() && types.iter().all(|kind| *kind == AcknowledgeType::Received);
    let Some(command) = command.filter(|_| !is_only_received) else {
        return Ok(());
    };
    let news = verdict::verdict(&command.content, command.attempts > 1, answer);
    agent
        .ledger
        .command_news(command.command_id, news, None)
        .await?;
    Ok(())
}

/// A person wants a command no longer. False when it has ended before.
pub async fn give_up(
    agent: &Agent,
    command_id: RequestId,
    by: &str,
    reason: &str,
) -> Result<bool, LedgerError> {
    let end = CommandEnd::new(Fate::GivenUp, format!("given up by {by}: {reason}"));
    let news = News::Ended(end);
    let is_given_up = agent
        .ledger
        .command_news(command_id, news, Some(by.to_owned()))
        .await?;
    if is_given_up {
        info!(command.id = %command_id, "command {command_id} given up by {by}: {reason}");
    }
    Ok(is_given_up)
}

async fn changed<T>(changes: &mut watch::Receiver<T>) {
    if changes.changed().await.is_err() {
        // The ledger is stopped, and soon this task too.
        std::future::pending::<()>().await;
    }
}

fn unreadable(error: &LedgerError) {
    warn!(
        error = error as &dyn std::error::Error,
        "the outbox cannot use the ledger; it tries again"
    );
}

#[cfg(test)]
mod tests {
    use agog_sync::frame::JobAction;

    use super::*;
    use crate::ledger::sending::{CommandState, Content};

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + minute * 60).unwrap()
    }

    fn promised(attempts: u32) -> DeviceCommand {
        DeviceCommand {
            command_id: RequestId::from_uuid(uuid::Uuid::from_u128(7)),
            device: "press-3".to_owned(),
            place: 1,
            kind: "HoldQueueEntry".to_owned(),
            job: None,
            job_key: None,
            content: Content::Job(JobAction::Hold),
            message_id: "M1".to_owned(),
            by: "Jane Smith".to_owned(),
            created_at: at(0),
            state: CommandState::Sent,
            acknowledge: Acknowledge::Promised,
            attempts,
            last_try_at: Some(at(0)),
            last_error: None,
            return_code: None,
            reason: None,
            ended_at: None,
            staged: None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_promise_is_waited_for_ten_minutes_however_the_clock_is_set() {
        let minutes = |n: u64| Duration::from_secs(60 * n);
        let mut promise = Promise::default();
        let until = promise.of(&promised(1), at(0)).unwrap();
        assert_eq!(until, Instant::now() + minutes(10));
        tokio::time::advance(minutes(9)).await;
        assert_eq!(promise.of(&promised(1), at(-120)), Some(until), "set back");
        tokio::time::advance(minutes(1)).await;
        assert_eq!(promise.of(&promised(1), at(-119)), None);
        // Told again, and promised again.
        assert!(promise.of(&promised(2), at(1)).is_some());
        // After a restart what has passed counts, and a clock that was set back makes it no longer.
        let mut promise = Promise::default();
        assert_eq!(
            promise.of(&promised(1), at(4)),
            Some(Instant::now() + minutes(6))
        );
        let mut promise = Promise::default();
        assert_eq!(
            promise.of(&promised(1), at(-60)),
            Some(Instant::now() + minutes(10))
        );
        assert_eq!(Promise::default().of(&promised(1), at(11)), None);
    }
}
