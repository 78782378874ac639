//! Tests of the buffer from outside: what sources give it and what the uplink gets.

mod delivery;
mod migrate;
mod shedding;
mod storing;
mod worlds;

use std::sync::{Arc, Mutex};

use agog_sync::clock::{Clock, ManualClock};
use agog_sync::frame::{SeriesKey, TelemetryBlock};
use agog_sync::telemetry::decode;
use jiff::{SignedDuration, Timestamp};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::{Limits, Part, Sample, Telemetry, TelemetryThread};

pub(super) fn start() -> Timestamp {
    Timestamp::from_second(1_760_000_000).unwrap()
}

pub(super) fn sample(metric: &str, second: i64, value: f64) -> Sample {
    Sample {
        series: SeriesKey {
            device: "press-3".to_owned(),
            metric: metric.to_owned(),
            unit: Some("sheets/h".to_owned()),
        },
        at: start() + SignedDuration::from_secs(second),
        value,
        is_historical: false,
    }
}

pub(super) struct Bench {
    pub(super) folder: tempfile::TempDir,
    pub(super) clock: Arc<ManualClock>,
    threads: Mutex<Vec<TelemetryThread>>,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            clock: Arc::new(ManualClock::new(start())),
            threads: Mutex::default(),
        }
    }

    pub(super) fn open(&self, limits: Limits) -> Telemetry {
        let path = self.folder.path().join("telemetry.db");
        let rng = StdRng::seed_from_u64(1);
        let (telemetry, thread) = Telemetry::open(&path, limits, self.clock.clone(), rng).unwrap();
        self.threads.lock().unwrap().push(thread);
        telemetry
    }

    /// As with the end of the program: what is open becomes a block.
    pub(super) fn close(&self, telemetry: Telemetry) {
        drop(telemetry);
        let threads = std::mem::take(&mut *self.threads.lock().unwrap());
        threads.into_iter().for_each(TelemetryThread::join);
    }
}

/// The live blocks that wait, in batches, as they are sent; each batch is taken by the hub.
pub(super) async fn delivered(telemetry: &Telemetry) -> Vec<TelemetryBlock> {
    let mut blocks = Vec::new();
    while let Some(batch) = telemetry.next_batch(Part::Live, usize::MAX).await.unwrap() {
        for (block, body) in (batch.first_block..).zip(&batch.bodies) {
            blocks.push(if body.is_empty() {
                TelemetryBlock::empty(block)
            } else {
                decode(block, body).unwrap()
            });
        }
        let last_block = batch.last_block();
        telemetry.acked(batch.epoch, last_block).await.unwrap();
    }
    blocks
}

pub(super) async fn delivered_values(telemetry: &Telemetry) -> Vec<f64> {
    let blocks = delivered(telemetry).await;
    blocks.into_iter().flat_map(|block| block.value).collect()
}

/// A block of one value each.
pub(super) async fn close_each(
    telemetry: &Telemetry,
    bench: &Bench,
    seconds: std::ops::Range<i32>,
) {
    for second in seconds {
        let sample = sample("speed", second.into(), second.into());
        telemetry.record(vec![sample]).await.unwrap();
        telemetry.flush(bench.clock.now()).await.unwrap();
    }
}

/// Epoch, first and last block of what is sent next.
pub(super) async fn next(telemetry: &Telemetry, part: Part) -> Option<(u64, u64, u64)> {
    let batch = telemetry.next_batch(part, usize::MAX).await.unwrap()?;
    Some((batch.epoch, batch.first_block, batch.last_block()))
}
