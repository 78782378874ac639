//! The one task that knows what every device and job last said. It turns reports into ledger
//! events, so that only changes become facts: a heartbeat that says nothing new is remembered and
//! nothing else.
//!
//! - [`task`](FloorTask): takes reports in order, answers each after its commit
//! - `news`: what was said and a report → what is news; `snapshot`, `amounts`, `resource`, `queue`: of what
//! - `history`, `clock`: what was overtaken finds its place by the device's own time
//! - `said`: what must be known after a restart, as rows of `ledger.db`
//! - `facts`: news → ledger events, with the job that is meant
//!
//! Whoever reports is answered after the commit; many reports share one.
//!
//! Limits: [`REPORTS_MAX`] reports wait and [`IN_FLIGHT_MAX`] are being committed, then machines wait
//! in line and nothing is dropped.

mod amounts;
mod clock;
mod facts;
mod history;
mod news;
mod queue;
mod resource;
mod said;
mod snapshot;
mod task;
#[cfg(test)]
mod tests;

use agog_jdf::jmf::{DeviceInfo, Notification, ResourceInfo, ResourceQuParams};
use agog_sync::event::DeviceEvent;
use agog_sync::lots::JobRef;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use crate::jobs::returned::ReturnedTicket;
use crate::ledger::{AppendError, InboxKey, LedgerError};
use crate::run::Agent;

pub use clock::Told;
pub(crate) use clock::believed;
pub use queue::ToldQueue;
pub(crate) use queue::is_whole;
pub(crate) use resource::{ResourceKey, UsedLot};
pub use task::FloorTask;

/// Reports that wait for the task.
pub const REPORTS_MAX: usize = 256;
/// Reports that wait for their commit. The ledger's writer takes as many into one.
pub const IN_FLIGHT_MAX: usize = 512;

/// What a device says of itself, its jobs, its queue and what it uses up.
#[derive(Debug, Clone)]
pub struct Report {
    pub key: InboxKey,
    /// Who says it.
    pub device: String,
    /// By the device's clock.
    pub at: Option<Timestamp>,
    pub told: Told,
    pub content: Content,
    /// What it says beside that.
    pub notifications: Vec<Notification>,
}

/// What a report is about.
#[derive(Debug, Clone)]
pub enum Content {
    /// States, of the device itself and of others that it speaks for.
    Status {
        devices: Vec<(String, DeviceInfo)>,
        /// Jobs that are not named are not there.
        is_whole: bool,
        queue: Option<ToldQueue>,
    },
    Resources {
        params: Box<ResourceQuParams>,
        /// By the device that has them.
        resources: Vec<(String, Vec<ResourceInfo>)>,
    },
    Queue(ToldQueue),
    /// Nothing but notifications.
    Notifications,
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

/// A returned ticket as it came, for whoever submitted the job.
#[derive(Debug, Clone)]
pub struct TicketBack {
    pub ticket: Vec<u8>,
    /// IDs of nodes that the device has completed.
    pub completed: Vec<String>,
    /// IDs of nodes that the device has aborted.
    pub aborted: Vec<String>,
}

/// Tells whether it is stored.
type Answer = oneshot::Sender<Result<(), FloorError>>;

enum Work {
    /// The sender is told when it was, before it is stored.
    Report(Box<Report>, oneshot::Sender<Timestamp>),
    Returned(Box<(ReturnedTicket, TicketBack)>),
    Contact(Box<DeviceEvent>),
}

/// A cheap handle on the task.
#[derive(Clone)]
pub struct Floor(mpsc::Sender<(Work, Answer)>);

impl Floor {
    /// A handle, and the task to be started with [`FloorTask::run`].
    pub fn new(agent: Agent) -> (Self, FloorTask) {
        let (sender, mailbox) = mpsc::channel(REPORTS_MAX);
        (Self(sender), FloorTask::new(agent, mailbox))
    }

    /// A device says something. Comes back when it is known when that was; what is news of it is
    /// stored when the answer says so.
    pub async fn report(&self, report: Report) -> Result<Reported, FloorError> {
        let (read, at) = oneshot::channel();
        let stored = self.send(Work::Report(Box::new(report), read)).await?;
        let Ok(at) = at.await else {
            // It could not be taken in, and the answer says why.
            stored.await.map_err(|_| FloorError::Stopping)??;
            return Err(FloorError::Stopping);
        };
        Ok(Reported { at, stored })
    }

    /// A device gives a ticket back.
    pub async fn returned(
        &self,
        ticket: ReturnedTicket,
        back: TicketBack,
    ) -> Result<(), FloorError> {
        self.work(Work::Returned(Box::new((ticket, back)))).await
    }

    /// A device is lost or found.
    pub async fn contact(&self, event: DeviceEvent) -> Result<(), FloorError> {
        self.work(Work::Contact(Box::new(event))).await
    }

    async fn work(&self, work: Work) -> Result<(), FloorError> {
        let stored = self.send(work).await?;
        stored.await.map_err(|_| FloorError::Stopping)?
    }

    async fn send(&self, work: Work) -> Result<Stored, FloorError> {
        let (answer, stored) = oneshot::channel();
        self.0
            .send((work, answer))
            .await
            .map_err(|_| FloorError::Stopping)?;
        Ok(stored)
    }
}

type Stored = oneshot::Receiver<Result<(), FloorError>>;

/// A report that is being stored.
#[must_use]
pub struct Reported {
    /// When it was, by the device's clock as it is read.
    pub at: Timestamp,
    stored: Stored,
}

impl Reported {
    /// Comes back when what was news of it is stored.
    pub async fn stored(self) -> Result<(), FloorError> {
        self.stored.await.map_err(|_| FloorError::Stopping)?
    }
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
