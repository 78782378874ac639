//! The one task that knows what every device and job last said. It turns reports into ledger
//! events, so that only changes become facts: a heartbeat that says nothing new is remembered and
//! nothing else.
//!
//! Reports are taken one after the other; whoever reports is answered after the commit.
//!
//! Limits: [`REPORTS_MAX`] reports wait, then machines wait in line and nothing is dropped. After
//! a start the first Status of a device is a change, since what was said before is not known.

use std::collections::BTreeMap;

use agog_jdf::NodeStatus;
use agog_jdf::jmf::{DeviceInfo, JobPhase};
use agog_sync::clock::to_micros;
use agog_sync::event::{Actor, DeviceEvent, DeviceState, Event, JobEvent, JobProgress, JobStep};
use agog_sync::lots::JobRef;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{mpsc, oneshot};
use tracing::info;

use crate::jobs::find::{self, ReportedJob};
use crate::jobs::returned::{ReturnedTicket, storable};
use crate::jobs::story;
use crate::ledger::{Append, AppendError, Fact, InboxKey, JobRow, LedgerError, What};
use crate::run::Agent;

/// Reports that wait for the task.
pub const REPORTS_MAX: usize = 64;
/// A device whose clock is further ahead than this is not believed: the time of arrival is taken.
const AHEAD_MAX: SignedDuration = SignedDuration::from_mins(5);

/// What a device says of itself and its jobs.
#[derive(Debug, Clone)]
pub struct StatusReport {
    pub key: InboxKey,
    /// By the device's clock.
    pub at: Option<Timestamp>,
    pub devices: Vec<(String, DeviceInfo)>,
}

/// Why a report was not recorded. The machine may repeat it.
#[derive(Debug, thiserror::Error)]
pub enum FloorError {
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("the agent is stopping")]
    Stopping,
}

type Answer = oneshot::Sender<Result<(), FloorError>>;

enum Report {
    Status(StatusReport),
    Remember(InboxKey),
    Returned(Box<ReturnedTicket>),
    Contact(DeviceEvent),
}

/// A cheap handle on the task.
#[derive(Clone)]
pub struct Floor(mpsc::Sender<(Report, Answer)>);

impl Floor {
    /// A handle, and the task to be started with [`FloorTask::run`].
    pub fn new(agent: Agent) -> (Self, FloorTask) {
        let (sender, mailbox) = mpsc::channel(REPORTS_MAX);
        (
            Self(sender),
            FloorTask {
                agent,
                mailbox,
                said: BTreeMap::new(),
            },
        )
    }

    pub async fn status(&self, report: StatusReport) -> Result<(), FloorError> {
        self.report(Report::Status(report)).await
    }

    /// A message without facts; it is only remembered.
    pub async fn remember(&self, key: InboxKey) -> Result<(), FloorError> {
        self.report(Report::Remember(key)).await
    }

    /// A device gives a ticket back.
    pub async fn returned(&self, ticket: ReturnedTicket) -> Result<(), FloorError> {
        self.report(Report::Returned(Box::new(ticket))).await
    }

    /// A device is lost or found.
    pub async fn contact(&self, event: DeviceEvent) -> Result<(), FloorError> {
        self.report(Report::Contact(event)).await
    }

    async fn report(&self, report: Report) -> Result<(), FloorError> {
        let (answer, receive) = oneshot::channel();
        self.0
            .send((report, answer))
            .await
            .map_err(|_| FloorError::Stopping)?;
        receive.await.map_err(|_| FloorError::Stopping)?
    }
}

/// What one device said last.
#[derive(Default)]
struct Said {
    at: Option<Timestamp>,
    state: Option<DeviceState>,
    /// By queue entry and job, of which a device may name only one.
    phases: BTreeMap<ReportedJob, (NodeStatus, Option<String>)>,
}

/// The task itself.
pub struct FloorTask {
    agent: Agent,
    mailbox: mpsc::Receiver<(Report, Answer)>,
    said: BTreeMap<String, Said>,
}

impl FloorTask {
    /// Works until every handle is gone: at a stop, what machines have said is still recorded.
    pub async fn run(mut self) -> anyhow::Result<()> {
        while let Some((report, answer)) = self.mailbox.recv().await {
            let result = match report {
                Report::Status(report) => self.status(report).await,
                Report::Remember(key) => self.append(Some(key), Vec::new()).await.map(drop),
                Report::Returned(ticket) => self.returned(*ticket).await,
                Report::Contact(event) => self.contact(event).await,
            };
            // A machine that hung up repeats its message.
            let _ = answer.send(result);
        }
        Ok(())
    }

    async fn status(&mut self, report: StatusReport) -> Result<(), FloorError> {
        let now = self.agent.clock.now();
        let at = believed(report.at, now);
        let mut facts = Vec::new();
        let mut news = Vec::new();
        for (device, info) in report.devices {
            self.agent.health.device(&device, |health| {
                health.in_contact = true;
                health.last_seen = Some(now);
                health.status = Some(info.status.to_string());
            });
            let name = self.device_name(&device);
            let said = self.said.entry(device.clone()).or_default();
            // A report that was overtaken by a newer one says nothing about now.
            if said.at.is_some_and(|newest| at < newest) {
                continue;
            }
            let state = state_of(&device, name, &info);
            if said.state.as_ref() != Some(&state) {
                facts.push(fact(
                    &device,
                    at,
                    Event::Device(DeviceEvent::StateChanged(state.clone())),
                ));
            }
            let mut phases = BTreeMap::new();
            for phase in &info.job_phases {
                let Some(key) = phase_key(phase) else {
                    continue;
                };
                let value = (phase.status.clone(), phase.status_details.clone());
                if said.phases.get(&key) != Some(&value)
                    && let Some(event) = job_phase(&self.agent, &device, phase).await?
                {
                    facts.push(fact(&device, at, Event::Job(Box::new(event))));
                }
                phases.insert(key, value);
            }
            news.push((
                device,
                Said {
                    at: Some(at),
                    state: Some(state),
                    phases,
                },
            ));
        }
        let appended = self.append(Some(report.key), facts).await?;
        if !appended {
            return Ok(());
        }
        self.said.extend(news);
        Ok(())
    }

    fn device_name(&self, device: &str) -> Option<String> {
        let devices = &self.agent.config.devices;
        devices
            .iter()
            .find(|known| known.id == device)
            .and_then(|known| known.name.clone())
    }

    async fn returned(&mut self, ticket: ReturnedTicket) -> Result<(), FloorError> {
        let job = find::job(&self.agent.ledger, &ticket.device, &ticket.reported_job()).await?;
        if job.as_ref().is_some_and(|job| is_same_return(job, &ticket)) {
            return self.append(Some(ticket.key), Vec::new()).await.map(drop);
        }
        let key = ticket.key.clone();
        let device = ticket.device.clone();
        let facts = story::facts(&self.agent, job.as_ref(), ticket).await?;
        let count = facts.len();
        if self.append(Some(key), facts).await? {
            info!(device.id = %device, "device {device} returned a ticket: {count} events recorded");
        }
        Ok(())
    }

    async fn contact(&mut self, event: DeviceEvent) -> Result<(), FloorError> {
        if let DeviceEvent::Lost(contact) = &event {
            // Whatever it says when it is back is news.
            self.said.remove(&contact.device);
        }
        let fact = Fact {
            occurred_at: None,
            actor: Actor::System {
                component: "devices".to_owned(),
            },
            what: What::Event(Event::Device(event)),
        };
        self.append(None, vec![fact]).await.map(drop)
    }

    /// False when the message was known already.
    async fn append(&self, inbox: Option<InboxKey>, facts: Vec<Fact>) -> Result<bool, FloorError> {
        let append = Append {
            facts,
            inbox,
            ..Append::default()
        };
        Ok(!self.agent.ledger.append(append).await?.repeated)
    }
}

/// The device's own time, unless its clock is far ahead.
pub(crate) fn believed(at: Option<Timestamp>, now: Timestamp) -> Timestamp {
    at.filter(|at| at.duration_since(now) <= AHEAD_MAX)
        .unwrap_or(now)
}

/// A device that lost our answer returns the same queue entry again, with the same end; a job that
/// was run a second time has another end.
fn is_same_return(job: &JobRow, ticket: &ReturnedTicket) -> bool {
    matches!(job.step, JobStep::Completed | JobStep::Aborted)
        && job.progress.queue_entry_id == ticket.queue_entry_id
        && job.progress.ended_at.map(to_micros) == ticket.summary.end.map(to_micros)
}

fn state_of(device: &str, name: Option<String>, info: &DeviceInfo) -> DeviceState {
    DeviceState {
        device: device.to_owned(),
        name,
        status: info.status.to_string(),
        status_details: info.status_details.clone(),
        job: info
            .job_phases
            .iter()
            .find_map(|phase| phase.job_id.clone()),
        ..DeviceState::default()
    }
}

fn phase_key(phase: &JobPhase) -> Option<ReportedJob> {
    let named = phase.queue_entry_id.is_some() || phase.job_id.is_some();
    named.then(|| ReportedJob {
        job_id: phase.job_id.clone(),
        queue_entry_id: phase.queue_entry_id.clone(),
    })
}

/// The event that a new phase is; none while the job waits, or when it has been returned.
async fn job_phase(
    agent: &Agent,
    device: &str,
    phase: &JobPhase,
) -> Result<Option<JobEvent>, LedgerError> {
    if matches!(phase.status, NodeStatus::Waiting | NodeStatus::Ready) {
        return Ok(None);
    }
    let reported = ReportedJob {
        job_id: phase.job_id.clone(),
        queue_entry_id: phase.queue_entry_id.clone(),
    };
    let row = find::job(&agent.ledger, device, &reported).await?;
    let step = match row.as_ref().map(|row| row.step) {
        Some(JobStep::Completed | JobStep::Aborted) => return Ok(None),
        Some(JobStep::Started | JobStep::Phase) => JobStep::Phase,
        _ => JobStep::Started,
    };
    let job = match (row, &phase.job_id) {
        (Some(row), _) => row.progress.job,
        (None, Some(number)) => job_ref(number),
        (None, None) => return Ok(None),
    };
    Ok(Some(JobEvent {
        step,
        progress: JobProgress {
            queue_entry_id: phase.queue_entry_id.clone(),
            status: Some(phase.status.to_string()),
            status_details: phase.status_details.clone(),
            good: phase.amount.and_then(|amount| storable(amount).ok()),
            waste: phase.waste.and_then(|amount| storable(amount).ok()),
            started_at: phase.start_time,
            ..JobProgress::of(job, device)
        },
    }))
}

/// A job that only the device names.
pub(crate) fn job_ref(number: &str) -> JobRef {
    JobRef {
        number: number.to_owned(),
        job_id: None,
        order: None,
        customer: None,
    }
}

fn fact(device: &str, at: Timestamp, event: Event) -> Fact {
    Fact {
        occurred_at: Some(at),
        actor: Actor::Device {
            device: device.to_owned(),
        },
        what: What::Event(event),
    }
}
