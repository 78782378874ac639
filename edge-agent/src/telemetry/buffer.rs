//! The telemetry thread: collects what the sources send, commits it in groups, closes and sheds blocks.
//!
//! A group ends when nothing came for [`QUIET_GAP`], at [`GROUP_SAMPLES_MAX`] samples, or at
//! [`COMMIT_AGE_MAX`]: an MQTT broker keeps only some 20 messages unacknowledged, so waiting longer
//! after the last of them would only slow the line down.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use agog_sync::clock::Clock;
use tokio::sync::{OwnedSemaphorePermit, oneshot, watch};
use tracing::{error, warn};

use super::Sample;
use super::store::{Standing, Store, StoreError};

/// Nobody waits longer for the commit of a sample, apart from the fsync itself.
const COMMIT_AGE_MAX: Duration = Duration::from_millis(250);
/// A group is committed when the sources pause this long.
const QUIET_GAP: Duration = Duration::from_millis(5);
/// A group is committed at this size: about 20 ms of inserts.
const GROUP_SAMPLES_MAX: usize = 8_192;
/// How often age limits are looked at when nothing arrives.
const UPKEEP_EVERY: Duration = Duration::from_secs(1);

pub(super) enum Command {
    Record {
        samples: Vec<Sample>,
        /// Frees the room in the queue when the group is committed.
        permit: OwnedSemaphorePermit,
        done: oneshot::Sender<Result<(), Arc<StoreError>>>,
    },
    Call(Call),
}

/// Work on the file that is not a sample.
type Call = Box<dyn FnOnce(&mut Store) + Send>;

type Waiting = (
    OwnedSemaphorePermit,
    oneshot::Sender<Result<(), Arc<StoreError>>>,
);

/// Runs until the last handle is gone, then closes the open block.
pub(super) fn run(
    mut store: Store,
    inbox: &Receiver<Command>,
    clock: &dyn Clock,
    standing: &watch::Sender<Standing>,
) {
    let mut upkeep_at = Instant::now() + UPKEEP_EVERY;
    loop {
        match inbox.recv_timeout(upkeep_at.saturating_duration_since(Instant::now())) {
            Ok(Command::Record {
                samples,
                permit,
                done,
            }) => {
                let call = commit_group(&mut store, inbox, clock, samples, (permit, done));
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

/// Gathers a group, commits it and tells everyone in it. A call that arrives meanwhile ends the
/// group and is handed back, so that order is kept.
fn commit_group(
    store: &mut Store,
    inbox: &Receiver<Command>,
    clock: &dyn Clock,
    first: Vec<Sample>,
    waiting: Waiting,
) -> Option<Call> {
    let deadline = Instant::now() + COMMIT_AGE_MAX;
    let mut samples = first;
    let mut group = vec![waiting];
    let mut interrupted_by = None;
    while samples.len() < GROUP_SAMPLES_MAX {
        let wait = QUIET_GAP.min(deadline.saturating_duration_since(Instant::now()));
        match inbox.recv_timeout(wait) {
            Ok(Command::Record {
                samples: more,
                permit,
                done,
            }) => {
                samples.extend(more);
                group.push((permit, done));
            }
            Ok(Command::Call(call)) => {
                interrupted_by = Some(call);
                break;
            }
            Err(_) => break,
        }
    }
    let result = store.append(&samples, clock.now());
    match &result {
        Ok(appended) => {
            metrics::counter!("agog_telemetry_samples_total").increment(appended.stored);
            metrics::counter!("agog_telemetry_repeated_total").increment(appended.repeated);
            if appended.refused > 0 {
                metrics::counter!("agog_telemetry_refused_total", "reason" => "too many series")
                    .increment(appended.refused);
                warn!("{} samples refused: too many series", appended.refused);
            }
        }
        Err(error) => error!(
            error = error as &dyn std::error::Error,
            "{} samples not stored; their sources keep them unacknowledged",
            samples.len()
        ),
    }
    let result = result.map(drop).map_err(Arc::new);
    for (permit, done) in group {
        drop(permit);
        // A source that stopped waiting does not need the answer.
        let _ = done.send(result.clone());
    }
    interrupted_by
}

fn upkeep(store: &mut Store, clock: &dyn Clock) {
    let now = clock.now();
    let result = store.close_due(now, false).and_then(|_| store.shed(now));
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
