//! The telemetry buffer: samples from MQTT, JMF and serial ports, durable in `telemetry.db`, until the hub has them.
//!
//! Telemetry never competes with the ledger: own file, own thread, bounded. When a bound is
//! reached the oldest block of the lowest priority goes first, and every drop becomes a `telemetry.gap` ledger event
//! (`gaps.rs`), so samples stored plus recorded gaps are the samples produced. So does what is refused (`refused.rs`) and what a source
//! told once that could not be stored (`losses.rs`). What a rule of the configuration leaves out
//! (`rules.rs`) is no gap: it is counted.
//!
//! Not for facts: what must not be lost is a ledger event.
//!
//! Limits: [`QUEUE_SAMPLES_MAX`] samples between sources and thread (then [`Telemetry::record`] waits),
//! commits 20 ms apart while few wait (`buffer.rs`), 16,384 samples per block, 10,000 series.
//! Read `buffer.rs` next.

mod buffer;
mod closing;
mod delivery;
pub mod gaps;
mod journal;
mod live;
mod losses;
mod migrate;
mod refused;
pub mod routes;
pub mod rules;
mod series;
mod shedding;
mod store;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use agog_sync::clock::Clock;
use agog_sync::frame::SeriesKey;
use agog_sync::ids::EventId;
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use tokio::sync::{Semaphore, oneshot, watch};

use live::Live;
use losses::Losses;
use rules::Rules;

pub use delivery::{Outgoing, Part};
pub use live::{Point, Trend};
pub(crate) use losses::Span;
pub use shedding::Gap;
pub use store::{Standing, StoreError};

/// Samples on their way to the thread: 64 bytes each, so about 2 MiB.
pub const QUEUE_SAMPLES_MAX: u32 = 32_768;

/// How long the end of the program waits for the thread: one commit and the last block.
const THREAD_ENDS_WITHIN: Duration = Duration::from_secs(10);

/// One value of one series at one instant. The same again is the same sample: brokers and machines tell things twice, and not all of
/// them say so.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    pub series: SeriesKey,
    pub at: Timestamp,
    pub value: f64,
    /// It says how something was, whatever its time: it is stored, and changes neither the newest value nor the trend. The file does
    /// not know of it, so after a restart the newest value is what is stored newest.
    pub is_historical: bool,
}

/// How much is kept while the hub is away, and of what.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Compressed bytes of waiting blocks.
    pub bytes_max: u64,
    /// Age of waiting blocks.
    pub age_max: SignedDuration,
    /// Open samples become a block at this age when nobody asks for them before.
    pub block_age: SignedDuration,
    pub rules: Rules,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes_max: 512 * 1024 * 1024,
            age_max: SignedDuration::from_hours(14 * 24),
            // While the hub is away, large blocks take less room. The journal holds them as well.
            block_age: SignedDuration::from_mins(10),
            rules: Rules::default(),
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
    /// Samples that the rule of the metric has left out since the program started.
    pub left_out: u64,
}

/// A cheap handle on the buffer.
#[derive(Clone)]
pub struct Telemetry {
    commands: std::sync::mpsc::Sender<buffer::Command>,
    room: Arc<Semaphore>,
    live: Arc<RwLock<Live>>,
    standing: watch::Receiver<Standing>,
    losses: Arc<Losses>,
    /// Closed when the last handle and the thread are gone: then nothing more is lost.
    alive: watch::Sender<()>,
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
        let store = store::Store::open(path, limits, rng, clock.now()).map_err(Arc::new)?;
        let mut live = Live::default();
        for (series, at, value) in store.newest() {
            live.tell_value(series, at, value);
        }
        let (publish, standing) = watch::channel(store.standing().map_err(Arc::new)?);
        // Unbounded in itself; the semaphore bounds the samples in it, and the few other
        // commands come from tasks that wait for the answer before they send again.
        let (commands, inbox) = std::sync::mpsc::channel();
        let (running, ended) = std::sync::mpsc::sync_channel(1);
        let losses = Arc::new(Losses::default());
        let (alive, _) = watch::channel(());
        let (of_thread, lost, lives) = (Arc::clone(&clock), Arc::clone(&losses), alive.clone());
        std::thread::Builder::new()
            .name("telemetry".into())
            .spawn(move || {
                buffer::run(store, &inbox, &*of_thread, &publish, &lost);
                drop(lives);
                // Whoever asked has waited long enough and is gone when this fails.
                let _ = running.send(());
            })
            .map_err(TelemetryError::Thread)?;
        let room = Arc::new(Semaphore::new(QUEUE_SAMPLES_MAX as usize));
        Ok((
            Self {
                commands,
                room,
                live: Arc::new(RwLock::new(live)),
                standing,
                losses,
                alive,
                clock,
            },
            TelemetryThread(ended),
        ))
    }

    /// Stores samples and returns when they are on disk. Waits while the queue is full. When it fails the samples are the
    /// caller's again.
    pub async fn record(&self, samples: Vec<Sample>) -> Result<(), TelemetryError> {
        self.submit(samples).await?.committed().await
    }

    /// Puts samples into the queue, waiting while it is full; the receipt says when they are on disk. When that fails the samples
    /// are the caller's again: its source has them.
    pub async fn submit(&self, samples: Vec<Sample>) -> Result<Receipt, TelemetryError> {
        self.put(samples, None).await
    }

    /// As [`Telemetry::submit`], for a source that tells what it has once: what cannot be stored is lost, and becomes a gap with
    /// this reason.
    pub async fn submit_once(
        &self,
        samples: Vec<Sample>,
        reason: &str,
    ) -> Result<Receipt, TelemetryError> {
        let span = Span::of(&samples);
        let submitted = self.put(samples, Some(reason)).await;
        if let (Err(_), Some(span)) = (&submitted, span) {
            self.losses.add(reason, span);
        }
        submitted
    }

    /// Has samples that nobody has any more be a gap.
    pub(crate) fn lost(&self, reason: &str, span: Option<Span>) {
        if let Some(span) = span {
            self.losses.add(reason, span);
        }
    }

    fn losses(&self) -> Arc<Losses> {
        Arc::clone(&self.losses)
    }

    /// Gives this handle back, and returns when it was the last one and the thread has ended.
    async fn into_last(self) {
        let alive = self.alive.clone();
        drop(self);
        // Every other handle, and the thread, has one of its own.
        let mut others = alive.subscribe();
        drop(alive);
        while others.changed().await.is_ok() {}
    }

    async fn put(
        &self,
        samples: Vec<Sample>,
        once: Option<&str>,
    ) -> Result<Receipt, TelemetryError> {
        let too_many = TelemetryError::TooMany(samples.len());
        let count = u32::try_from(samples.len())
            .ok()
            .filter(|count| *count <= QUEUE_SAMPLES_MAX)
            .ok_or(too_many)?;
        let permit = Arc::clone(&self.room)
            .acquire_many_owned(count)
            .await
            .map_err(|_| TelemetryError::Closed)?;
        {
            let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
            let now = self.clock.now();
            for sample in &samples {
                live.tell(sample, now);
            }
        }
        let (done, receipt) = oneshot::channel();
        let loss = once.map(str::to_owned).zip(Span::of(&samples));
        let waiting = buffer::Waiting { permit, done, loss };
        self.send(buffer::Command::Record { samples, waiting })?;
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
        let live = self.live.read().unwrap_or_else(PoisonError::into_inner);
        live.latest()
    }

    /// As [`Telemetry::latest`], with what was left out.
    pub async fn latest_counted(&self) -> Result<Vec<LatestValue>, TelemetryError> {
        let mut left_out = self.call(|store| Ok(store.left_out())).await?;
        let mut latest = self.latest();
        for value in &mut latest {
            let key = SeriesKey {
                device: value.device.clone(),
                metric: value.metric.clone(),
                unit: value.unit.clone(),
            };
            value.left_out = left_out.remove(&key).unwrap_or_default();
        }
        Ok(latest)
    }

    /// The newest points of a metric, one trend for each unit that it was told in.
    pub fn trends(&self, device: &str, metric: &str, points: usize) -> Vec<Trend> {
        let live = self.live.read().unwrap_or_else(PoisonError::into_inner);
        live.trends(device, metric, points)
    }

    /// The blocks that the hub wants next, about `bytes_max` of them. One that cannot be read back becomes a gap.
    pub async fn next_batch(
        &self,
        part: Part,
        bytes_max: usize,
    ) -> Result<Option<Outgoing>, TelemetryError> {
        let now = self.clock.now();
        self.call(move |store| store.next_batch(part, bytes_max, now))
            .await
    }

    /// The hub has everything of an epoch up to `last_block`, and nothing after it.
    pub async fn acked(&self, epoch: u64, last_block: u64) -> Result<(), TelemetryError> {
        self.call(move |store| store.acked(epoch, last_block)).await
    }

    /// Opens an epoch when a backlog waits, so that what comes now need not wait behind it; false when this is to be asked again after
    /// the next batch.
    pub async fn live_first(&self) -> Result<bool, TelemetryError> {
        self.call(store::Store::live_first).await
    }

    /// Numbers what waits again from 1 in `epoch`.
    pub async fn begin_epoch(&self, epoch: u64) -> Result<(), TelemetryError> {
        self.call(move |store| store.begin_epoch(epoch)).await
    }

    /// Puts what waits of an epoch that the hub does not know behind the newest.
    pub async fn move_to_newest(&self, epoch: u64) -> Result<(), TelemetryError> {
        self.call(move |store| store.move_to_newest(epoch)).await
    }

    /// Makes blocks of the open samples now: the uplink can send them.
    pub async fn flush(&self, now: Timestamp) -> Result<(), TelemetryError> {
        self.call(move |store| store.close_due(now, true).map(drop))
            .await
    }

    /// Drops what is beyond the limits at `now`, and makes gaps of what was refused; the thread does this by itself every second.
    pub async fn shed(&self, now: Timestamp) -> Result<u64, TelemetryError> {
        self.call(move |store| store.make_gaps(now)).await
    }

    /// Drops half of what waits, and gives its room back to the disk: the ledger needs it.
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
}

/// The promise of a commit.
pub struct Receipt(oneshot::Receiver<Result<(), Arc<StoreError>>>);

impl Receipt {
    /// Returns when the samples are on disk.
    pub async fn committed(self) -> Result<(), TelemetryError> {
        Ok(self.0.await.map_err(|_| TelemetryError::Closed)??)
    }
}
