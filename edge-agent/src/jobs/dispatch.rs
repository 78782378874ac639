//! Hands tickets to devices. A job that was received and not answered by its device is tried until
//! it is, over restarts of both: its row in the ledger is the only state that lasts.
//!
//! A ticket is not handed over twice: unless this is the first try since the ticket came, the
//! device's queue is asked for the job first, because an earlier try may have reached the device
//! while its answer was lost.
//!
//! Limits: retries between [`RETRY_BASE`] and [`RETRY_CAP`], all devices at the same time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use agog_jdf::QueueEntryStatus;
use agog_jdf::jmf::{
    Command, Message, Query, QueryContent, QueueEntry, QueueFilter, QueueSubmissionParams,
    Response, ReturnCode,
};
use agog_sync::backoff::Backoff;
use agog_sync::event::{JobProgress, JobStep};
use agog_sync::frame::JobTicket;
use agog_sync::ids::JobId;
use futures_util::future::join_all;
use tracing::{debug, info, warn};

use super::Wake;
use super::find::identified;
use crate::config::DeviceConfig;
use crate::devices::client::{DeviceClient, DeviceError, TICKET_URL};
use crate::devices::contact::Contacts;
use crate::floor::{Floor, FloorError, SubmissionReport};
use crate::ledger::{JobRow, LedgerError, job};
use crate::lifecycle::Stop;
use crate::run::Agent;
use crate::uplink::http::chain;

/// The first wait after a device did not answer.
pub const RETRY_BASE: Duration = Duration::from_secs(1);
/// The longest wait; a device that is heard of is tried at once.
pub const RETRY_CAP: Duration = Duration::from_secs(30);

/// Why a try did not end with an answer of the device; it is made again.
#[derive(Debug, thiserror::Error)]
enum TryAgain {
    #[error(transparent)]
    Device(#[from] DeviceError),
    #[error("device is not ready: {0}")]
    NotReady(String),
    #[error(transparent)]
    Floor(#[from] FloorError),
}

/// Hands out tickets until the stop. `jmf_url` is where devices return them.
pub async fn run(
    agent: Agent,
    floor: Floor,
    contacts: Contacts,
    wake: Wake,
    jmf_url: String,
    stop: Stop,
) -> anyhow::Result<()> {
    let client = DeviceClient::new(&agent)?;
    let mut dispatcher = Dispatcher {
        agent,
        client,
        floor,
        contacts,
        jmf_url,
        untried: BTreeSet::new(),
    };
    tokio::select! {
        result = dispatcher.dispatch(&wake) => Ok(result?),
        // A submission that is cut off here is checked in the device's queue after the next start.
        () = stop.soft().cancelled() => Ok(()),
    }
}

struct Dispatcher {
    agent: Agent,
    client: DeviceClient,
    floor: Floor,
    contacts: Contacts,
    jmf_url: String,
    /// Jobs that came since the start and were never handed to a device.
    untried: BTreeSet<JobId>,
}

impl Dispatcher {
    async fn dispatch(&mut self, wake: &Wake) -> Result<(), LedgerError> {
        let mut rng = self.agent.fork_rng();
        let mut backoff = Backoff::new(RETRY_BASE, RETRY_CAP);
        // What is there at the start may have been tried before.
        let mut known: BTreeSet<JobId> = tickets(&self.waiting().await?).collect();
        loop {
            let jobs = self.waiting().await?;
            let new: Vec<JobId> = tickets(&jobs)
                .filter(|job_id| known.insert(*job_id))
                .collect();
            self.untried.extend(new);
            let failed = self.try_all(jobs).await;
            if failed.is_empty() {
                backoff.reset();
                wake.woken().await;
                continue;
            }
            let heard = join_any(failed.iter().map(|device| self.contacts.next(device)));
            tokio::select! {
                () = wake.woken() => {}
                () = tokio::time::sleep(backoff.next_wait(&mut rng)) => {}
                () = async {
                    // Signals of a busy device are no reason to hurry.
                    tokio::time::sleep(RETRY_BASE).await;
                    heard.await;
                } => {}
            }
        }
    }

    async fn waiting(&self) -> Result<Vec<JobRow>, LedgerError> {
        let mut jobs = self.agent.ledger.jobs_open().await?;
        jobs.retain(|job| job.step == JobStep::Received && job.ticket.is_some());
        Ok(jobs)
    }

    /// Tries every job, the devices side by side and the jobs of one device in order. Tells the
    /// devices that did not answer.
    async fn try_all(&mut self, jobs: Vec<JobRow>) -> Vec<String> {
        let mut by_device: BTreeMap<String, Vec<JobTicket>> = BTreeMap::new();
        for ticket in jobs.into_iter().filter_map(|job| job.ticket) {
            by_device
                .entry(ticket.device.clone())
                .or_default()
                .push(ticket);
        }
        let untried = std::mem::take(&mut self.untried);
        let this = &*self;
        let untried = &untried;
        let tries = by_device.into_iter().map(|(device, tickets)| async move {
            for ticket in tickets {
                let first = untried.contains(&ticket.job_id);
                if let Err(error) = this.hand_over(&ticket, first).await {
                    debug!(
                        job.number = %ticket.number, device.id = %device,
                        "job {} not handed to device {device} yet: {}",
                        ticket.number, chain(&error)
                    );
                    return Some(device);
                }
            }
            None
        });
        join_all(tries).await.into_iter().flatten().collect()
    }

    async fn hand_over(&self, ticket: &JobTicket, first: bool) -> Result<(), TryAgain> {
        let devices = &self.agent.config.devices;
        let Some(device) = devices.iter().find(|device| device.id == ticket.device) else {
            let detail = format!("device {} is not configured at this plant", ticket.device);
            return self.refused(ticket, None, detail).await;
        };
        let (jdf, job_id) = match identified(&ticket.jdf, &ticket.number) {
            Ok(identified) => identified,
            Err(error) => {
                let detail = format!("the ticket is no readable JDF: {error}");
                return self.refused(ticket, None, detail).await;
            }
        };
        if !first && let Some(entry) = self.queued(device, &job_id).await? {
            info!(
                job.number = %ticket.number, device.id = %device.id,
                "job {} was in the queue of device {} already", ticket.number, device.id
            );
            return self.accepted(ticket, Some(entry.queue_entry_id)).await;
        }
        let params = QueueSubmissionParams {
            url: TICKET_URL.to_owned(),
            return_jmf: Some(self.jmf_url.clone()),
            ..QueueSubmissionParams::default()
        };
        let message = Message::command(self.client.message_id(), Command::SubmitQueueEntry(params));
        let answer = self.client.submit(device, message, &jdf).await?;
        self.contacts.heard(&device.id);
        self.answered(ticket, answer).await
    }

    /// The entry of this job in the device's queue, when an earlier try got through.
    async fn queued(
        &self,
        device: &DeviceConfig,
        job_id: &str,
    ) -> Result<Option<QueueEntry>, TryAgain> {
        let filter = QueueFilter {
            job_id: Some(job_id.to_owned()),
            ..QueueFilter::default()
        };
        let query = Query::once(QueryContent::QueueStatus(filter));
        let message = Message::query(self.client.message_id(), query);
        let answers = self.client.exchange(device, vec![message]).await?;
        self.contacts.heard(&device.id);
        let entries = answers
            .into_iter()
            .filter_map(|answer| answer.queue)
            .flat_map(|q| q.entries);
        // Devices may ignore the filter; an entry that was thrown out can be submitted again.
        Ok(entries
            .filter(|entry| entry.job_id.as_deref() == Some(job_id))
            .rfind(|entry| {
                !matches!(
                    entry.status,
                    QueueEntryStatus::Aborted | QueueEntryStatus::Removed
                )
            }))
    }

    async fn answered(&self, ticket: &JobTicket, answer: Response) -> Result<(), TryAgain> {
        let entry = answer
            .queue_entry
            .as_ref()
            .map(|entry| entry.queue_entry_id.clone());
        match answer.return_code {
            code if code.is_processed() => self.accepted(ticket, entry).await,
            ReturnCode::QUEUE_ENTRY_EXISTS => self.accepted(ticket, entry).await,
            ReturnCode::SERVICE_BUSY
            | ReturnCode::DEVICE_NOT_AVAILABLE
            | ReturnCode::DEVICE_NOT_RUNNING
            | ReturnCode::QUEUE_CLOSED => Err(TryAgain::NotReady(answer.reason())),
            code => {
                let number = u32::try_from(code.number()).ok();
                self.refused(ticket, number, answer.reason()).await
            }
        }
    }

    async fn accepted(&self, ticket: &JobTicket, entry: Option<String>) -> Result<(), TryAgain> {
        info!(
            job.number = %ticket.number, device.id = %ticket.device,
            "job {} is in the queue of device {}", ticket.number, ticket.device
        );
        let progress = JobProgress {
            queue_entry_id: entry,
            ..job::progress(ticket)
        };
        Ok(self
            .floor
            .submission(SubmissionReport {
                progress,
                accepted: true,
            })
            .await?)
    }

    async fn refused(
        &self,
        ticket: &JobTicket,
        return_code: Option<u32>,
        detail: String,
    ) -> Result<(), TryAgain> {
        warn!(
            job.number = %ticket.number, device.id = %ticket.device,
            "job {} refused by device {}: {detail}", ticket.number, ticket.device
        );
        let progress = JobProgress {
            return_code,
            detail: Some(detail),
            ..job::progress(ticket)
        };
        Ok(self
            .floor
            .submission(SubmissionReport {
                progress,
                accepted: false,
            })
            .await?)
    }
}

fn tickets(jobs: &[JobRow]) -> impl Iterator<Item = JobId> {
    jobs.iter()
        .filter_map(|job| Some(job.ticket.as_ref()?.job_id))
}

/// Ends with the first of several waits; never ends without any.
async fn join_any(waits: impl Iterator<Item = impl Future<Output = ()>>) {
    let mut waits: futures_util::stream::FuturesUnordered<_> = waits.collect();
    if futures_util::StreamExt::next(&mut waits).await.is_none() {
        std::future::pending::<()>().await;
    }
}
