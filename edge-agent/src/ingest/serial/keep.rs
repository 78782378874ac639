//! Samples of a port on their way to the disk. A port cannot be told to wait, so it never waits here: while the buffer of telemetry is
//! full or the disk fails, [`SAMPLES_WAITING_MAX`] samples wait, more are lost, and what was lost is a gap in the ledger (I6).

use std::time::Duration;

use agog_sync::backoff::Backoff;
use metrics::{Counter, counter};
use rand::rngs::StdRng;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::run::Agent;
use crate::telemetry::{Sample, Span, Telemetry};

/// A minute and a half of a scale that sends ten times a second. When it is full, the newest samples are lost, and counted.
pub(super) const SAMPLES_WAITING_MAX: usize = 1_024;
/// Samples in one commit.
const BATCH_MAX: usize = 256;
const RETRY_BASE: Duration = Duration::from_millis(100);
const RETRY_CAP: Duration = Duration::from_secs(5);

/// Where a port puts its samples.
pub(super) struct Inlet {
    samples: Sender<Sample>,
    telemetry: Telemetry,
    lost: String,
    count: Counter,
}

/// Puts them on the disk.
pub(super) struct Keeper {
    port: String,
    telemetry: Telemetry,
    samples: Receiver<Sample>,
    lost: String,
    rng: StdRng,
}

/// The two ends.
pub(super) fn keep(port: &str, agent: &Agent, telemetry: &Telemetry) -> (Inlet, Keeper) {
    let (sender, samples) = channel(SAMPLES_WAITING_MAX);
    let lost = format!("serial port {port} sent more than could be stored");
    let inlet = Inlet {
        samples: sender,
        telemetry: telemetry.clone(),
        lost: lost.clone(),
        count: counter!("agog_serial_lost_samples_total", "port" => port.to_owned(), "intentional" => "false"),
    };
    let keeper = Keeper {
        port: port.to_owned(),
        telemetry: telemetry.clone(),
        samples,
        lost,
        rng: agent.fork_rng(),
    };
    (inlet, keeper)
}

impl Inlet {
    /// Hands a sample on; false when there is no room and it is lost.
    pub(super) fn put(&self, sample: Sample) -> bool {
        let Err(refused) = self.samples.try_send(sample) else {
            return true;
        };
        self.count.increment(1);
        let lost = Span::of(&[refused.into_inner()]);
        self.telemetry.lost(&self.lost, lost);
        false
    }
}

impl Keeper {
    /// Runs until its inlet is gone and everything is on the disk.
    pub(super) async fn run(mut self, stop: &CancellationToken) {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        while self.samples.recv_many(&mut batch, BATCH_MAX).await > 0 {
            self.store(std::mem::take(&mut batch), stop).await;
        }
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
                    self.telemetry.lost(&self.lost, Span::of(&batch));
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
}
