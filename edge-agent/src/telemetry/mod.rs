//! The telemetry buffer: samples from MQTT and JMF, durable in `telemetry.db`, until the hub has them.
//!
//! Telemetry never competes with the ledger: own file, own thread, bounded. When a bound is
//! reached the oldest block goes first, and every drop becomes a `telemetry.gap` ledger event
//! (`gaps.rs`), so samples stored plus recorded gaps are the samples produced.
//!
//! Not for facts: what must not be lost is a ledger event.
//!
//! Limits: [`QUEUE_SAMPLES_MAX`] samples between sources and thread (then [`Telemetry::record`] waits),
//! commits 20 ms apart while few wait (`buffer.rs`), 4,096 samples per block, 10,000 series.
//! Read `buffer.rs` next.

mod buffer;
mod delivery;
pub mod gaps;
mod journal;
pub mod routes;
mod series;
mod store;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use agog_sync::clock::Clock;
use agog_sync::frame::{SeriesKey, TelemetryBlock};
use agog_sync::ids::EventId;
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use tokio::sync::{Semaphore, oneshot, watch};

use series::SERIES_MAX;

pub use delivery::Gap;
pub use store::{Standing, StoreError};

/// Samples on their way to the thread: 64 bytes each, so about 2 MiB.
pub const QUEUE_SAMPLES_MAX: u32 = 32_768;

/// How long the end of the program waits for the thread: one commit and the last block.
const THREAD_ENDS_WITHIN: Duration = Duration::from_secs(10);

/// One value of one series at one instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    pub series: SeriesKey,
    pub at: Timestamp,
    pub value: f64,
    /// The transport says that it may have delivered this before: it is skipped when the same
    /// value of the same instant is there.
    pub redelivered: bool,
}

/// How much is kept while the hub is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Compressed bytes of waiting blocks.
    pub bytes_max: u64,
    /// Age of waiting blocks.
    pub age_max: SignedDuration,
    /// An open block is closed at this age.
    pub block_age: SignedDuration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // About 60 million samples: a week of 100 samples per second.
            bytes_max: 512 * 1024 * 1024,
            age_max: SignedDuration::from_hours(14 * 24),
            // A chart in the office is at most this much behind, plus one request.
            block_age: SignedDuration::from_secs(5),
        }
    }
}

/// Why samples were not stored.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("telemetry buffer is closed")]
    Closed,
    #[error("{0} samples at once are more than the buffer takes")]
    TooMany(usize),
    #[error("cannot start the telemetry thread")]
    Thread(#[source] std::io::Error),
    #[error("telemetry buffer failed")]
    Store(#[from] Arc<StoreError>),
}

/// The newest value of one series.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct LatestValue {
    pub device: String,
    pub metric: String,
    pub unit: Option<String>,
    pub at: Timestamp,
    pub value: f64,
}

type Latest = Arc<RwLock<BTreeMap<(String, String, Option<String>), (Timestamp, f64)>>>;

/// A cheap handle on the buffer.
#[derive(Clone)]
pub struct Telemetry {
    commands: std::sync::mpsc::Sender<buffer::Command>,
    room: Arc<Semaphore>,
    latest: Latest,
    standing: watch::Receiver<Standing>,
    clock: Arc<dyn Clock>,
}

/// The thread of the buffer; join it after the last handle is gone.
pub struct TelemetryThread(std::sync::mpsc::Receiver<()>);

impl TelemetryThread {
    /// Waits until everything that was recorded is on disk and the file is closed. A disk that
    /// hangs costs [`THREAD_ENDS_WITHIN`] and the samples that nobody was promised yet.
    pub fn join(self) {
        match self.0.recv_timeout(THREAD_ENDS_WITHIN) {
            Ok(()) => {}
            Err(RecvTimeoutError::Disconnected) => {
                tracing::error!("telemetry thread ended by a panic");
            }
            Err(RecvTimeoutError::Timeout) => {
                tracing::warn!("the telemetry thread still runs and is left behind");
            }
        }
    }
}

impl Telemetry {
    /// Opens `path` and starts its thread.
    pub fn open(
        path: &Path,
        limits: Limits,
        clock: Arc<dyn Clock>,
        rng: StdRng,
    ) -> Result<(Self, TelemetryThread), TelemetryError> {
        let store = store::Store::open(path, limits, rng).map_err(Arc::new)?;
        let newest = store.newest().map(|(key, at, value)| {
            let SeriesKey {
                device,
                metric,
                unit,
            } = key.clone();
            ((device, metric, unit), (at, value))
        });
        let latest: Latest = Arc::new(RwLock::new(newest.collect()));
        let (publish, standing) = watch::channel(store.standing().map_err(Arc::new)?);
        // Unbounded in itself; the semaphore bounds the samples in it, and the few other
        // commands come from tasks that wait for the answer before they send again.
        let (commands, inbox) = std::sync::mpsc::channel();
        let (running, ended) = std::sync::mpsc::sync_channel(1);
        let of_thread = Arc::clone(&clock);
        std::thread::Builder::new()
            .name("telemetry".into())
            .spawn(move || {
                buffer::run(store, &inbox, &*of_thread, &publish);
                // Whoever asked has waited long enough and is gone when this fails.
                let _ = running.send(());
            })
            .map_err(TelemetryError::Thread)?;
        let room = Arc::new(Semaphore::new(QUEUE_SAMPLES_MAX as usize));
        Ok((
            Self {
                commands,
                room,
                latest,
                standing,
                clock,
            },
            TelemetryThread(ended),
        ))
    }

    /// Stores samples and returns when they are on disk. Waits while the queue is full.
    pub async fn record(&self, samples: Vec<Sample>) -> Result<(), TelemetryError> {
        self.submit(samples).await?.committed().await
    }

    /// Puts samples into the queue, waiting while it is full; the receipt says when they are on disk.
    pub async fn submit(&self, samples: Vec<Sample>) -> Result<Receipt, TelemetryError> {
        let too_many = TelemetryError::TooMany(samples.len());
        let count = u32::try_from(samples.len())
            .ok()
            .filter(|count| *count <= QUEUE_SAMPLES_MAX)
            .ok_or(too_many)?;
        let permit = Arc::clone(&self.room)
            .acquire_many_owned(count)
            .await
            .map_err(|_| TelemetryError::Closed)?;
        self.keep_latest(&samples);
        let (done, receipt) = oneshot::channel();
        self.send(buffer::Command::Record {
            samples,
            permit,
            done,
        })?;
        Ok(Receipt(receipt))
    }

    /// Where the buffer stands, changing with every commit.
    pub fn standing(&self) -> watch::Receiver<Standing> {
        self.standing.clone()
    }

    /// Where the buffer stands right now, asked of its thread.
    pub async fn now(&self) -> Result<Standing, TelemetryError> {
        self.call(|store| store.standing()).await
    }

    /// The newest value of every series, by device and metric.
    pub fn latest(&self) -> Vec<LatestValue> {
        let latest = self.latest.read().unwrap_or_else(PoisonError::into_inner);
        latest
            .iter()
            .map(|((device, metric, unit), (at, value))| LatestValue {
                device: device.clone(),
                metric: metric.clone(),
                unit: unit.clone(),
                at: *at,
                value: *value,
            })
            .collect()
    }

    /// Waiting blocks after `after`: dense, at most `blocks_max` and about `bytes_max` compressed. One
    /// that cannot be read back becomes a gap.
    pub async fn blocks_after(
        &self,
        after: u64,
        blocks_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<TelemetryBlock>, TelemetryError> {
        let now = self.clock.now();
        self.call(move |store| store.blocks_after(after, blocks_max, bytes_max, now))
            .await
    }

    /// The hub has everything up to `last_block`.
    pub async fn acked(&self, last_block: u64) -> Result<(), TelemetryError> {
        self.call(move |store| store.acked(last_block)).await
    }

    /// Numbers what waits again from 1 in `epoch`.
    pub async fn begin_epoch(&self, epoch: u64) -> Result<(), TelemetryError> {
        self.call(move |store| store.begin_epoch(epoch)).await
    }

    /// Closes the open block now, for a graceful stop and for tests.
    pub async fn flush(&self, now: Timestamp) -> Result<(), TelemetryError> {
        self.call(move |store| store.close_due(now, true).map(drop))
            .await
    }

    /// Drops what is beyond the limits at `now`; the thread does this by itself every second.
    pub async fn shed(&self, now: Timestamp) -> Result<u64, TelemetryError> {
        self.call(move |store| store.shed(now)).await
    }

    /// Drops the older half of what waits, and gives its room back to the disk: the ledger needs it.
    pub async fn make_room(&self, now: Timestamp, free_bytes: u64) -> Result<u64, TelemetryError> {
        self.call(move |store| store.make_room(now, free_bytes))
            .await
    }

    /// Drops that the ledger does not know yet.
    pub async fn gaps(&self) -> Result<Vec<Gap>, TelemetryError> {
        self.call(|store| store.gaps()).await
    }

    /// The ledger has this gap.
    pub async fn gap_recorded(&self, event_id: EventId) -> Result<(), TelemetryError> {
        self.call(move |store| store.gap_recorded(event_id)).await
    }

    async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut store::Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, TelemetryError> {
        let (answer, receipt) = oneshot::channel();
        self.send(buffer::Command::Call(Box::new(move |store| {
            // The caller may have gone; its answer is then of no use to anyone.
            let _ = answer.send(work(store));
        })))?;
        Ok(receipt
            .await
            .map_err(|_| TelemetryError::Closed)?
            .map_err(Arc::new)?)
    }

    fn send(&self, command: buffer::Command) -> Result<(), TelemetryError> {
        self.commands
            .send(command)
            .map_err(|_| TelemetryError::Closed)
    }

    fn keep_latest(&self, samples: &[Sample]) {
        let mut latest = self.latest.write().unwrap_or_else(PoisonError::into_inner);
        for Sample {
            series, at, value, ..
        } in samples
        {
            let key = (
                series.device.clone(),
                series.metric.clone(),
                series.unit.clone(),
            );
            // The store refuses a series beyond its limit, so nobody asks for its newest value.
            if latest.len() >= SERIES_MAX && !latest.contains_key(&key) {
                continue;
            }
            let entry = latest.entry(key).or_insert((*at, *value));
            if *at >= entry.0 {
                *entry = (*at, *value);
            }
        }
    }
}

/// The promise of a commit.
pub struct Receipt(oneshot::Receiver<Result<(), Arc<StoreError>>>);

impl Receipt {
    /// Returns when the samples are on disk.
    pub async fn committed(self) -> Result<(), TelemetryError> {
        Ok(self.0.await.map_err(|_| TelemetryError::Closed)??)
    }
}
