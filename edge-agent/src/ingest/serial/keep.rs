//! Samples of a port on their way to the disk. A port cannot be told to wait, so it never waits here: while the buffer of telemetry is
//! full or the disk fails, [`SAMPLES_WAITING_MAX`] samples wait, more are lost, and what was lost is a gap in the ledger (I6).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use agog_sync::backoff::Backoff;
use agog_sync::event::TelemetryGap;
use agog_sync::ids::EventId;
use jiff::Timestamp;
use metrics::{Counter, counter};
use rand::rngs::StdRng;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::ledger::{Append, InboxKey};
use crate::run::Agent;
use crate::telemetry::{Sample, Telemetry, gaps};

/// A minute and a half of a scale that sends ten times a second. When it is full, the newest samples are lost, and counted.
pub(super) const SAMPLES_WAITING_MAX: usize = 1_024;
/// Samples in one commit.
const BATCH_MAX: usize = 256;
const RETRY_BASE: Duration = Duration::from_millis(100);
const RETRY_CAP: Duration = Duration::from_secs(5);

/// Where a port puts its samples.
pub(super) struct Inlet {
    samples: Sender<Sample>,
    lost: Arc<Mutex<Option<Lost>>>,
    count: Counter,
}

/// Puts them on the disk.
pub(super) struct Keeper {
    port: String,
    agent: Agent,
    telemetry: Telemetry,
    samples: Receiver<Sample>,
    lost: Arc<Mutex<Option<Lost>>>,
    /// A gap that the ledger has not taken yet. It keeps its key: one that was recorded although the answer said otherwise counts once.
    telling: Option<Append>,
    rng: StdRng,
}

/// Samples that the ledger does not know to be lost yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Lost {
    from: Timestamp,
    to: Timestamp,
    count: u64,
}

/// The two ends.
pub(super) fn keep(port: &str, agent: &Agent, telemetry: &Telemetry) -> (Inlet, Keeper) {
    let (sender, samples) = channel(SAMPLES_WAITING_MAX);
    let lost = Arc::default();
    let inlet = Inlet {
        samples: sender,
        lost: Arc::clone(&lost),
        count: counter!("agog_serial_lost_samples_total", "port" => port.to_owned(), "intentional" => "false"),
    };
    let keeper = Keeper {
        port: port.to_owned(),
        agent: agent.clone(),
        telemetry: telemetry.clone(),
        samples,
        lost,
        telling: None,
        rng: agent.fork_rng(),
    };
    (inlet, keeper)
}

impl Inlet {
    /// Hands a sample on; false when there is no room and it is lost.
    pub(super) fn put(&self, sample: Sample) -> bool {
        let at = sample.at;
        if self.samples.try_send(sample).is_ok() {
            return true;
        }
        self.count.increment(1);
        add(&mut lock(&self.lost), at);
        false
    }
}

impl Keeper {
    /// Runs until its inlet is gone and everything is on the disk.
    pub(super) async fn run(mut self, stop: &CancellationToken) {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        loop {
            let count = tokio::select! {
                count = self.samples.recv_many(&mut batch, BATCH_MAX) => Some(count),
                // A device that says nothing more must not keep its gap from the ledger.
                () = tokio::time::sleep(RETRY_CAP), if self.has_lost() => None,
            };
            match count {
                Some(0) => break,
                Some(_) => self.store(std::mem::take(&mut batch), stop).await,
                None => {}
            }
            self.tell_lost().await;
        }
        // One that was told in vain, and what was lost since.
        self.tell_lost().await;
        self.tell_lost().await;
    }

    fn has_lost(&self) -> bool {
        self.telling.is_some() || lock(&self.lost).is_some()
    }

    /// Tries until it works; once the agent stops, only once more.
    async fn store(&mut self, batch: Vec<Sample>, stop: &CancellationToken) {
        let mut backoff = Backoff::new(RETRY_BASE, RETRY_CAP);
        loop {
            let is_last_try = stop.is_cancelled();
            let port = &self.port;
            match self.telemetry.record(batch.clone()).await {
                Ok(()) => return,
                Err(error) if is_last_try => {
                    let count = batch.len();
                    error!(
                        error = &error as &dyn std::error::Error,
                        serial.port = port,
                        "{count} samples of serial port {port} are lost"
                    );
                    let mut lost = lock(&self.lost);
                    for sample in &batch {
                        add(&mut lost, sample.at);
                    }
                    return;
                }
                Err(error) => {
                    if backoff.attempts() == 0 {
                        warn!(
                            error = &error as &dyn std::error::Error,
                            serial.port = port,
                            "samples of serial port {port} are not stored yet"
                        );
                    }
                    let wait = backoff.next_wait(&mut self.rng);
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        () = stop.cancelled() => {}
                    }
                }
            }
        }
    }

    async fn tell_lost(&mut self) {
        if self.telling.is_none() {
            self.telling = self.gap();
        }
        let Some(gap) = self.telling.clone() else {
            return;
        };
        match self.agent.ledger.append(gap).await {
            Ok(_) => self.telling = None,
            Err(error) => {
                let port = &self.port;
                error!(
                    error = &error as &dyn std::error::Error,
                    serial.port = port,
                    "a gap of serial port {port} is not recorded yet"
                );
            }
        }
    }

    /// What was lost since the last gap, as a fact.
    fn gap(&mut self) -> Option<Append> {
        let lost = lock(&self.lost).take()?;
        let port = &self.port;
        let gap = TelemetryGap {
            series: None,
            from: lost.from,
            to: lost.to,
            count: lost.count,
            reason: format!("serial port {port} sent more than could be stored"),
        };
        let now = self.agent.clock.now();
        let key = InboxKey {
            sender: format!("serial:{port}"),
            message_id: EventId::generate(now, &mut self.rng).to_string(),
        };
        Some(gaps::fact(gap, now, Some(key)))
    }
}

fn add(lost: &mut Option<Lost>, at: Timestamp) {
    let so_far = lost.get_or_insert(Lost {
        from: at,
        to: at,
        count: 0,
    });
    so_far.from = so_far.from.min(at);
    so_far.to = so_far.to.max(at);
    so_far.count += 1;
}

fn lock(lost: &Mutex<Option<Lost>>) -> MutexGuard<'_, Option<Lost>> {
    lost.lock().unwrap_or_else(PoisonError::into_inner)
}
