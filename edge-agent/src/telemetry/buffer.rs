//! The telemetry thread: collects what the sources send, commits it in groups, closes and sheds blocks.
//!
//! A group gathers until [`COMMIT_SPACING`] after the commit before it, to [`WAITING_MAX`] sources that
//! wait or [`GROUP_SAMPLES_MAX`] samples: a lone sample is on the disk at once, and many do not wear the
//! disk with a commit each.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use agog_sync::clock::Clock;
use tokio::sync::{OwnedSemaphorePermit, oneshot, watch};
use tracing::{error, warn};

use super::Sample;
use super::losses::{Losses, Span};
use super::store::{Standing, Store, StoreError};

/// Commits begin no closer than this while few wait: at most 50 a second for machines that send their
/// states each second, and less than a machine notices.
const COMMIT_SPACING: Duration = Duration::from_millis(20);
/// So many that wait are not made to wait longer: an MQTT broker keeps only some 20 messages
/// unacknowledged.
const WAITING_MAX: usize = 16;
/// A group is committed at this size: about 20 ms of inserts.
const GROUP_SAMPLES_MAX: usize = 8_192;
/// How often age limits are looked at when nothing arrives.
const UPKEEP_EVERY: Duration = Duration::from_secs(1);

pub(super) enum Command {
    Record {
        samples: Vec<Sample>,
        waiting: Waiting,
    },
    Call(Call),
}

/// Work on the file that is not a sample.
type Call = Box<dyn FnOnce(&mut Store) + Send>;

/// A source whose samples are in a commit.
pub(super) struct Waiting {
    /// Frees the room in the queue when the group is committed.
    pub(super) permit: OwnedSemaphorePermit,
    pub(super) done: oneshot::Sender<Result<(), Arc<StoreError>>>,
    /// What is lost when the commit fails, of a source that does not tell it again.
    pub(super) loss: Option<(String, Span)>,
}

/// Runs until the last handle is gone, then closes the open block.
pub(super) fn run(
    mut store: Store,
    inbox: &Receiver<Command>,
    clock: &dyn Clock,
    standing: &watch::Sender<Standing>,
    losses: &Losses,
) {
    let mut upkeep_at = Instant::now() + UPKEEP_EVERY;
    let mut commit_from = Instant::now();
    loop {
        match inbox.recv_timeout(upkeep_at.saturating_duration_since(Instant::now())) {
            Ok(Command::Record { samples, waiting }) => {
                let mut group = Group {
                    samples,
                    waiting: vec![waiting],
                };
                let call = group.gather(inbox, commit_from);
                commit_from = Instant::now() + COMMIT_SPACING;
                group.commit(&mut store, clock, losses);
                if let Some(call) = call {
                    call(&mut store);
                }
            }
            Ok(Command::Call(call)) => call(&mut store),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if Instant::now() >= upkeep_at {
            upkeep_at = Instant::now() + UPKEEP_EVERY;
            upkeep(&mut store, clock);
        }
        publish(&store, standing);
    }
    if let Err(error) = store.close_due(clock.now(), true) {
        warn!(
            error = &error as &dyn std::error::Error,
            "last telemetry block stays open"
        );
    }
}

/// Samples of one commit.
struct Group {
    samples: Vec<Sample>,
    waiting: Vec<Waiting>,
}

impl Group {
    /// Takes in what comes until then. A call that arrives meanwhile ends the group and is handed
    /// back, so that order is kept.
    fn gather(&mut self, inbox: &Receiver<Command>, until: Instant) -> Option<Call> {
        while self.samples.len() < GROUP_SAMPLES_MAX {
            let wait = if self.waiting.len() < WAITING_MAX {
                until.saturating_duration_since(Instant::now())
            } else {
                // Only what is there already.
                Duration::ZERO
            };
            match inbox.recv_timeout(wait) {
                Ok(Command::Record { samples, waiting }) => {
                    self.samples.extend(samples);
                    self.waiting.push(waiting);
                }
                Ok(Command::Call(call)) => return Some(call),
                Err(_) => break,
            }
        }
        None
    }

    /// Commits the group and tells everyone in it.
    fn commit(self, store: &mut Store, clock: &dyn Clock, losses: &Losses) {
        let Self { samples, waiting } = self;
        let result = store.append(&samples, clock.now());
        match &result {
            Ok(appended) => {
                metrics::counter!("agog_telemetry_samples_total").increment(appended.stored);
                metrics::counter!("agog_telemetry_repeated_total").increment(appended.repeated);
                metrics::counter!("agog_telemetry_left_out_total").increment(appended.left_out);
                for (refusal, count) in appended.refused.counts() {
                    metrics::counter!("agog_telemetry_refused_total", "reason" => refusal.label())
                        .increment(count);
                    warn!("{count} samples refused: {}", refusal.reason());
                }
            }
            Err(error) => error!(
                error = error as &dyn std::error::Error,
                "{} samples not stored: sources that keep what is not acknowledged have them, of others they are lost",
                samples.len()
            ),
        }
        let result = result.map(drop).map_err(Arc::new);
        for Waiting { permit, done, loss } in waiting {
            drop(permit);
            if let Some((reason, span)) = loss.filter(|_| result.is_err()) {
                losses.add(&reason, span);
            }
            // A source that stopped waiting does not need the answer.
            let _ = done.send(result.clone());
        }
    }
}

fn upkeep(store: &mut Store, clock: &dyn Clock) {
    let now = clock.now();
    let result = store
        .close_due(now, false)
        .and_then(|_| store.make_gaps(now));
    match result {
        Ok(0) => {}
        Ok(dropped) => {
            metrics::counter!("agog_telemetry_dropped_total", "intentional" => "true")
                .increment(dropped);
            warn!("{dropped} samples dropped: the telemetry buffer is at its limit");
        }
        Err(error) => {
            error!(
                error = &error as &dyn std::error::Error,
                "telemetry upkeep failed"
            );
        }
    }
}

fn publish(store: &Store, standing: &watch::Sender<Standing>) {
    match store.standing() {
        Ok(now) => {
            standing.send_if_modified(|before| {
                let changed = *before != now;
                *before = now;
                changed
            });
        }
        Err(error) => error!(
            error = &error as &dyn std::error::Error,
            "telemetry state unknown"
        ),
    }
}
