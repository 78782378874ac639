//! The task of the floor: reports in, appends out, answers after the commits.
//!
//! What a report changes is taken over at once and submitted to the ledger; its commit is not waited
//! for before the next report is taken. When a commit fails, everything that was taken over is given
//! up for what the ledger has, and the machines repeat what was not answered.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use agog_sync::clock::to_micros;
use agog_sync::event::{Actor, DeviceEvent, Event, JobStep};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tracing::{info, warn};

use super::facts::facts;
use super::news::{self, Noted};
use super::said::{self, DeviceSaid, RowKey};
use super::{
    Answer, Content, FloorError, IN_FLIGHT_MAX, Report, TicketBack, Work, queue, resource,
};
use crate::jobs::again::{ToldRun, is_run_again};
use crate::jobs::booked;
use crate::jobs::find::{self, ReportedJob};
use crate::jobs::reconcile::{self, Signalled};
use crate::jobs::returned::ReturnedTicket;
use crate::jobs::story::{self, Circumstances};
use crate::ledger::controller::NewReturn;
use crate::ledger::{
    Append, AppendError, Appended, Fact, InboxKey, JobRow, LedgerError, Receipt, What,
};
use crate::run::Agent;

/// Over four minutes of a device that says something each second. A message that is sent again comes
/// within seconds; after a restart it may be taken for a new one.
const HEARD_MAX: usize = 256;

/// Between tries to read the ledger again after it failed: long enough for what was short to be free again.
const READ_AGAIN: Duration = Duration::from_secs(1);

/// The task itself.
pub struct FloorTask {
    agent: Agent,
    mailbox: mpsc::Receiver<(Work, Answer)>,
    said: BTreeMap<String, DeviceSaid>,
    in_flight: FuturesUnordered<futures_util::future::BoxFuture<'static, Settled>>,
    /// Devices of which something is in flight, and how much: what is said next of them rests on it.
    busy: BTreeMap<String, usize>,
    /// The devices of the report that is being taken.
    touched: Vec<String>,
    /// The newest messages of each device that were no fact: the ledger does not know them, and of two
    /// that tell of the same second the first must not hold again when it is sent again.
    heard: BTreeMap<String, VecDeque<String>>,
}

/// A report whose commit is decided.
struct Settled {
    answer: Answer,
    result: Result<Appended, AppendError>,
    /// It changed what was said.
    has_said: bool,
    devices: Vec<String>,
}

impl FloorTask {
    pub(super) fn new(agent: Agent, mailbox: mpsc::Receiver<(Work, Answer)>) -> Self {
        Self {
            agent,
            mailbox,
            said: BTreeMap::new(),
            in_flight: FuturesUnordered::new(),
            busy: BTreeMap::new(),
            touched: Vec::new(),
            heard: BTreeMap::new(),
        }
    }

    /// Works until every handle is gone: at a stop, what machines have said is still recorded.
    pub async fn run(mut self) -> anyhow::Result<()> {
        self.reload().await?;
        loop {
            tokio::select! {
                biased;
                Some(settled) = self.in_flight.next(), if !self.in_flight.is_empty() => {
                    for device in &settled.devices {
                        self.is_done(device);
                    }
                    if !answer(settled) {
                        self.give_up().await;
                    }
                }
                work = self.mailbox.recv(), if self.in_flight.len() < IN_FLIGHT_MAX => {
                    let Some((work, answer)) = work else { break };
                    self.take(work, answer).await;
                }
            }
        }
        self.settle().await?;
        Ok(())
    }

    async fn take(&mut self, work: Work, answer: Answer) {
        let result = match work {
            Work::Report(report, read) => self.report(&report).await.map(|(at, append)| {
                // Who hung up repeats the message.
                let _ = read.send(at);
                append
            }),
            Work::Returned(told) => self.returned(told.0, told.1).await,
            Work::Contact(event) => Ok(self.contact(*event)),
        };
        match result {
            Ok(append) => self.submit(append, answer).await,
            Err(error) => {
                // A machine that hung up repeats its message.
                let _ = answer.send(Err(error.into()));
                self.give_up().await;
            }
        }
    }

    async fn submit(&mut self, append: Append, answer: Answer) {
        let devices = std::mem::take(&mut self.touched);
        if append.facts.is_empty() && append.said.is_empty() && append.inbox.is_none() {
            let _ = answer.send(Ok(()));
            return;
        }
        let has_said = !append.said.is_empty();
        match self.agent.ledger.submit(append).await {
            Ok(receipt) => {
                for device in &devices {
                    *self.busy.entry(device.clone()).or_default() += 1;
                }
                let settled = settled(receipt, answer, has_said, devices);
                self.in_flight.push(Box::pin(settled));
            }
            Err(error) => {
                let _ = answer.send(Err(error.into()));
                self.give_up().await;
            }
        }
    }

    /// Waits until every commit is decided. False when what was taken over was given up.
    async fn settle(&mut self) -> Result<bool, LedgerError> {
        let mut good = true;
        while let Some(settled) = self.in_flight.next().await {
            good &= answer(settled);
        }
        self.busy.clear();
        if !good {
            self.reload().await?;
        }
        Ok(good)
    }

    /// One of the commits of a device is decided.
    fn is_done(&mut self, device: &str) {
        if let Some(count) = self.busy.get_mut(device) {
            *count -= 1;
            if *count == 0 {
                self.busy.remove(device);
            }
        }
    }

    /// Goes back to what the ledger has. A machine that runs short of file descriptors or memory for a moment must not
    /// end the agent, so it is tried until it works; machines wait in line meanwhile.
    async fn give_up(&mut self) {
        while let Some(settled) = self.in_flight.next().await {
            answer(settled);
        }
        self.busy.clear();
        while let Err(error) = self.reload().await {
            warn!(
                error = &error as &dyn std::error::Error,
                "what devices said before cannot be read from the ledger; trying again"
            );
            tokio::time::sleep(READ_AGAIN).await;
        }
    }

    async fn reload(&mut self) -> Result<(), LedgerError> {
        // Some of them may have said what is given up now.
        self.heard.clear();
        self.said = said::load(self.agent.ledger.said().await?);
        Ok(())
    }

    async fn report(&mut self, report: &Report) -> Result<(Timestamp, Append), LedgerError> {
        let now = self.agent.clock.now();
        if self.is_heard(report) || self.is_repeated(report, now).await? {
            let said = self.said.entry(report.device.clone()).or_default();
            return Ok((said.memory.clock.event(report.at, now), Append::default()));
        }
        loop {
            let (at, noted) = self.read(report, now);
            // What is news rests on what was said before, and a job is found as the commits before
            // this one leave it: neither may be lost while this one is not.
            let has_changed = |device: &String| {
                let said = self.said.get(device);
                said.is_some_and(DeviceSaid::has_changes)
            };
            let changed: Vec<String> = noted
                .iter()
                .filter(|(device, news)| !news.is_empty() || has_changed(device))
                .map(|(device, _)| device.clone())
                .collect();
            let waits = changed.iter().any(|device| self.busy.contains_key(device));
            if waits && !self.settle().await? {
                continue;
            }
            self.touched = changed;
            let mut found = Vec::new();
            let mut rows = Vec::new();
            for (device, news) in noted {
                let Self { agent, said, .. } = self;
                let said = said.entry(device.clone()).or_default();
                let is_settled = |job: &ReportedJob| said.is_settled(job);
                found.extend(facts(&agent.ledger, &device, news, is_settled).await?);
                rows.extend(said.take_rows(&device));
            }
            let inbox = (!found.is_empty()).then(|| report.key.clone());
            if inbox.is_none() {
                self.hear(report);
            }
            let append = Append {
                facts: found,
                said: rows,
                inbox,
                ..Append::default()
            };
            return Ok((at, append));
        }
    }

    fn is_heard(&self, report: &Report) -> bool {
        let heard = self.heard.get(&report.device);
        heard.is_some_and(|heard| heard.contains(&report.key.message_id))
    }

    /// Remembers a message that is no fact.
    fn hear(&mut self, report: &Report) {
        let heard = self.heard.entry(report.device.clone()).or_default();
        if heard.len() >= HEARD_MAX {
            heard.pop_front();
        }
        heard.push_back(report.key.message_id.clone());
    }

    /// Whether a state that puts the clock of its device into question was only sent again. No other
    /// repetition has to be known before: it says what is said already.
    async fn is_repeated(&mut self, report: &Report, now: Timestamp) -> Result<bool, LedgerError> {
        let said = self.said.get(&report.device);
        let is_doubtful = matches!(report.content, Content::Status { .. })
            && said.is_some_and(|said| said.memory.clock.doubts(report.at, now, report.told));
        if !is_doubtful {
            return Ok(false);
        }
        let key = report.key.clone();
        let known = self.agent.ledger.read(move |reader| reader.is_known(&key));
        known.await
    }

    /// What is news, by device. What was said is taken over.
    fn read(&mut self, report: &Report, now: Timestamp) -> (Timestamp, Vec<(String, Vec<Noted>)>) {
        let said = self.said.entry(report.device.clone()).or_default();
        let clock = &mut said.memory.clock;
        let is_status = matches!(report.content, Content::Status { .. });
        let at = to_micros(if is_status {
            clock.state(report.at, now, report.told)
        } else {
            clock.event(report.at, now)
        });
        let mut noted: Vec<(String, Vec<Noted>)> = Vec::new();
        let mut own = Vec::new();
        match &report.content {
            Content::Status {
                devices,
                is_whole,
                queue,
            } => {
                for (device, info) in devices {
                    self.agent.health.device(device, |health| {
                        health.in_contact = true;
                        health.last_seen = Some(now);
                        health.status = Some(info.status.to_string());
                    });
                    let name = self.agent.known_devices.name_of(device);
                    let status = news::Status {
                        device,
                        name: name.as_deref(),
                        info,
                        at,
                        is_whole: *is_whole,
                    };
                    let said = self.said.entry(device.clone()).or_default();
                    let news = news::status(said, &status);
                    if *device == report.device {
                        own.extend(news);
                    } else {
                        noted.push((device.clone(), news));
                    }
                }
                if let Some(told) = queue {
                    let said = self.said.entry(report.device.clone()).or_default();
                    own.extend(queue::queue(said, told, at));
                }
            }
            Content::Queue(told) => own.extend(queue::queue(said, told, at)),
            Content::Resources { params, resources } => {
                for (device, infos) in resources {
                    let said = self.said.entry(device.clone()).or_default();
                    let news = resource::resources(device, said, params, infos, at);
                    if *device == report.device {
                        own.extend(news);
                    } else {
                        noted.push((device.clone(), news));
                    }
                }
            }
            Content::Notifications => {}
        }
        for notification in &report.notifications {
            let said = self.said.entry(report.device.clone()).or_default();
            let at = match notification.timestamp {
                Some(stamp) => to_micros(said.memory.clock.event(Some(stamp), now)),
                None => at,
            };
            own.push(news::notified(&report.device, notification, at));
        }
        noted.push((report.device.clone(), own));
        (at, noted)
    }

    async fn returned(
        &mut self,
        mut ticket: ReturnedTicket,
        back: TicketBack,
    ) -> Result<Append, LedgerError> {
        self.settle().await?;
        let now = self.agent.clock.now();
        let reported = ticket.reported_job();
        let device = ticket.device.clone();
        let clock = &self.said.entry(device.clone()).or_default().memory.clock;
        let began_at = ticket
            .summary
            .start
            .map(|start| to_micros(clock.event(Some(start), now)));
        let job = find::returned(&self.agent.ledger, &device, &reported, began_at).await?;
        self.touched = vec![device.clone()];
        let node = booked::node_key(&ticket);
        let before = node.as_ref().and_then(|node| self.booked(node)).cloned();
        let clock = &self.said.entry(device.clone()).or_default().memory.clock;
        let at = to_micros(clock.event(ticket.summary.end, now));
        if job
            .as_ref()
            .is_some_and(|job| is_same_return(job, &ticket, at))
        {
            return Ok(only(ticket.key));
        }
        let before = booked::take_off(&mut ticket, before);
        let read_time = |stamp| to_micros(clock.event(Some(stamp), now));
        let (started_at, ended_at) = (
            ticket.summary.start.map(read_time),
            ticket.summary.end.map(read_time),
        );
        ticket.summary.start = started_at;
        ticket.summary.end = ended_at;
        let differences = reconcile::differences(&self.signalled(&device, &reported), &ticket);
        let run = ToldRun {
            job: &reported,
            is_settled: false,
            began_at: started_at,
        };
        let tells_more = before
            .as_ref()
            .is_none_or(|before| !before.is_all_of(&ticket));
        // Whoever submitted the job gets every run of it back, and none twice.
        let goes_back = job.as_ref().filter(|job| tells_more || !job.step.is_end());
        let returned = goes_back.and_then(|job| {
            let TicketBack {
                ticket,
                completed,
                aborted,
            } = back;
            Some(Box::new(NewReturn {
                job_id: job.job_id?,
                ticket,
                completed,
                aborted,
            }))
        });
        let is_run_again = |job: &JobRow| tells_more && is_run_again(job, run);
        let circumstances = Circumstances {
            at,
            started_at,
            ended_at,
            differences,
            is_run_again: job.as_ref().is_some_and(is_run_again),
        };
        let key = ticket.key.clone();
        let told = ticket.clone();
        let (facts, drawn) = story::facts(&self.agent, job.as_ref(), ticket, circumstances).await?;
        let said = self.said.entry(device.clone()).or_default();
        said.settle(&reported, at);
        if let Some(known) = job.and_then(|job| job.progress.queue_entry_id) {
            // The device may have signalled it under another entry than it returned it.
            let queue_entry_id = Some(known);
            said.settle(
                &ReportedJob {
                    queue_entry_id,
                    ..reported
                },
                at,
            );
        }
        if let Some(node) = node {
            said.book(node, booked::after(before, &told, &drawn, now));
        }
        let count = facts.len();
        info!(device.id = %device, "device {device} returned a ticket: {count} events");
        let append = Append {
            facts,
            said: said.take_rows(&device),
            inbox: Some(key),
            returned,
            ..Append::default()
        };
        Ok(append)
    }

    /// What the device has signalled of a job until now.
    fn signalled(&self, device: &str, job: &ReportedJob) -> Signalled {
        let mut signalled = Signalled::default();
        let Some(said) = self.said.get(device) else {
            return signalled;
        };
        let counted = said.counted.iter();
        for (_, counted) in
            counted.filter(|(known, counted)| known.agrees(job) && !counted.returned)
        {
            for (sum, amount) in [
                (&mut signalled.good, counted.good.total),
                (&mut signalled.waste, counted.waste.total),
            ] {
                if let Some(amount) = amount {
                    *sum = Some(sum.unwrap_or_default().saturating_add(amount));
                }
            }
            let earlier = [signalled.started_at, counted.started_at];
            signalled.started_at = earlier.into_iter().flatten().min();
            signalled.ended_at = signalled.ended_at.max(counted.ended_at);
        }
        let used = said.used.iter().filter(|((known, _), _)| known.agrees(job));
        signalled.used = used
            .map(|((_, resource), used)| (resource.clone(), used.lots.clone()))
            .collect();
        signalled
    }

    /// What was booked of a node, whichever device ran it.
    fn booked(&self, node: &str) -> Option<&booked::Booked> {
        let devices = self.said.values();
        devices
            .filter_map(|said| said.booked.get(node))
            .max_by_key(|booked| booked.at)
    }

    fn contact(&mut self, event: DeviceEvent) -> Append {
        let mut rows = Vec::new();
        if let DeviceEvent::Lost(contact) = &event
            && let Some(said) = self.said.get_mut(&contact.device)
        {
            // Whatever it says when it is back is news.
            said.memory.unsure = true;
            said.touch(RowKey::Memory);
            rows = said.take_rows(&contact.device);
            self.touched = vec![contact.device.clone()];
        }
        Append {
            said: rows,
            ..ours("devices", Event::Device(event))
        }
    }
}

async fn settled(
    receipt: Receipt,
    answer: Answer,
    has_said: bool,
    devices: Vec<String>,
) -> Settled {
    Settled {
        answer,
        result: receipt.committed().await,
        has_said,
        devices,
    }
}

/// Answers whoever reported. False when the ledger does not have what was taken over.
fn answer(settled: Settled) -> bool {
    let Settled {
        answer,
        result,
        has_said,
        ..
    } = settled;
    let (result, good) = match result {
        // A repeated message that changed what was said after all: that is not stored. One whose
        // facts are of that moment alone, as a notification, leaves nothing to be given up.
        Ok(appended) => (Ok(()), !(appended.repeated && has_said)),
        Err(error) => (Err(error.into()), false),
    };
    // A machine that hung up repeats its message.
    let _: Result<(), Result<(), FloorError>> = answer.send(result);
    good
}

/// A message that is only remembered.
fn only(key: InboxKey) -> Append {
    Append {
        inbox: Some(key),
        ..Append::default()
    }
}

/// A fact that the agent itself states.
fn ours(component: &str, event: Event) -> Append {
    let fact = Fact {
        occurred_at: None,
        actor: Actor::System {
            component: component.to_owned(),
        },
        what: What::Event(event),
    };
    Append {
        facts: vec![fact],
        ..Append::default()
    }
}

/// A device that lost our answer returns the same queue entry again, with the same end; a job that
/// was run a second time has another end.
fn is_same_return(job: &JobRow, ticket: &ReturnedTicket, at: Timestamp) -> bool {
    let ended = ticket.summary.end.map(|_| at);
    ended.is_some()
        && matches!(job.step, JobStep::Completed | JobStep::Aborted)
        && job.progress.queue_entry_id == ticket.queue_entry_id
        && job.progress.ended_at.map(to_micros) == ended
}
