//! Seeded worlds of one buffer and a small hub that follows the contract of epochs: samples come, bounds are reached, answers are
//! lost, requests come late, the program is killed, its disk is set back. Whatever happens, each sample is at the hub once or in a
//! gap (I6).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use agog_sync::clock::{Clock, ManualClock};
use agog_sync::frame::SeriesKey;
use agog_sync::telemetry::decode;
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::telemetry::rules::{Keep, Priority, Rule, Rules};
use crate::telemetry::{Limits, Outgoing, Part, Sample, Telemetry};

const SEEDS: u64 = 60;
const STEPS: usize = 80;

/// What the hub knows: a cursor for each epoch, and how often each sample was stored. Samples are told apart by their value.
#[derive(Default)]
struct Hub {
    cursors: BTreeMap<u64, u64>,
    stored: BTreeMap<u64, u32>,
    /// What it has is looked up, as after a disk was set back.
    repeats: bool,
}

enum Answer {
    Has(u64),
    Gap(u64),
    Fenced,
}

impl Hub {
    fn take(&mut self, batch: &Outgoing) -> Answer {
        let newest = self.cursors.last_key_value().map_or(0, |(epoch, _)| *epoch);
        let known = self.cursors.get(&batch.epoch).copied();
        if known.is_none() && batch.epoch < newest {
            return Answer::Fenced;
        }
        let last = known.unwrap_or_default();
        if batch.first_block > last + 1 {
            return Answer::Gap(last);
        }
        for (block, body) in (batch.first_block..).zip(&batch.bodies) {
            if block <= last || body.is_empty() {
                continue;
            }
            for value in decode(block, body).unwrap().value {
                let times = self.stored.entry(value.to_bits()).or_default();
                *times += u32::from(*times == 0 || !self.repeats);
            }
        }
        let now = last.max(batch.last_block());
        self.cursors.insert(batch.epoch, now);
        Answer::Has(now)
    }
}

struct World {
    rng: StdRng,
    folder: tempfile::TempDir,
    clock: Arc<ManualClock>,
    /// The file that is in use, and how many there are.
    file: u32,
    files: u32,
    limits: Limits,
    telemetry: Telemetry,
    hub: Hub,
    /// Requests that are still on the line although nobody waits for their answer.
    late: Vec<Outgoing>,
    produced: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let folder = tempfile::tempdir().unwrap();
        let start = Timestamp::from_second(1_760_000_000).unwrap();
        let clock = Arc::new(ManualClock::new(start));
        let priority = |metric: &str, priority| Rule {
            device: "*".to_owned(),
            metric: metric.to_owned(),
            keep: Keep {
                priority,
                ..Keep::default()
            },
        };
        let limits = Limits {
            bytes_max: rng.random_range(800..6_000),
            rules: Rules(vec![
                priority("m0", Priority::Low),
                priority("m1", Priority::High),
            ]),
            ..Limits::default()
        };
        let telemetry = open(&folder.path().join("0.db"), &limits, &clock, &mut rng);
        Self {
            rng,
            folder,
            clock,
            file: 0,
            files: 0,
            limits,
            telemetry,
            hub: Hub::default(),
            late: Vec::new(),
            produced: 0,
        }
    }

    fn path(&self, file: u32) -> PathBuf {
        self.folder.path().join(format!("{file}.db"))
    }

    async fn produce(&mut self) {
        let count = self.rng.random_range(1..30);
        let samples = (0..count).map(|_| {
            self.produced += 1;
            Sample {
                series: SeriesKey {
                    device: "press-3".to_owned(),
                    metric: format!("m{}", self.produced % 3),
                    unit: None,
                },
                at: self.clock.now(),
                // Each is another number.
                value: f64::from(u32::try_from(self.produced).unwrap()),
                is_historical: false,
            }
        });
        let samples = samples.collect();
        let stored = self.telemetry.submit(samples).await.unwrap();
        // Whoever asks something ends the gathering of a commit.
        self.telemetry.now().await.unwrap();
        stored.committed().await.unwrap();
        self.clock.advance(SignedDuration::from_millis(37));
    }

    /// What a session does with one batch. The answer is lost now and then; then the request may be late as well.
    async fn send(&mut self, part: Part) -> bool {
        let bytes_max = self.rng.random_range(1..4_000);
        let Some(batch) = self.telemetry.next_batch(part, bytes_max).await.unwrap() else {
            return false;
        };
        if self.rng.random_bool(0.1) {
            self.late.push(batch);
            return true;
        }
        let answer = self.hub.take(&batch);
        if self.rng.random_bool(0.1) {
            return true;
        }
        match answer {
            Answer::Has(last) | Answer::Gap(last) => {
                self.telemetry.acked(batch.epoch, last).await.unwrap();
            }
            Answer::Fenced => self.telemetry.move_to_newest(batch.epoch).await.unwrap(),
        }
        true
    }

    /// The beginning of a session.
    async fn connect(&mut self) {
        let local = self.telemetry.now().await.unwrap();
        let newest = self.hub.cursors.last_key_value();
        let (epoch, last) = newest.map_or((1, 0), |(epoch, last)| (*epoch, *last));
        if epoch > local.epoch || (epoch == local.epoch && last > local.sent_block) {
            self.telemetry.begin_epoch(epoch + 1).await.unwrap();
        } else if epoch == local.epoch {
            self.telemetry.acked(epoch, last).await.unwrap();
        }
        self.telemetry.live_first().await.unwrap();
    }

    /// The program is killed: what is on the disk at this moment is what there is.
    async fn kill(&mut self) {
        let file = self.copy().await;
        self.open_file(file);
    }

    /// A copy of the file as it is now.
    async fn copy(&mut self) -> u32 {
        // Everything that was asked of the thread is done when it answers.
        self.telemetry.now().await.unwrap();
        self.files += 1;
        let copy = self.path(self.files);
        let file = rusqlite::Connection::open(self.path(self.file)).unwrap();
        file.execute("vacuum into ?1", [copy.to_str().unwrap()])
            .unwrap();
        self.files
    }

    fn open_file(&mut self, file: u32) {
        self.file = file;
        self.telemetry = open(&self.path(file), &self.limits, &self.clock, &mut self.rng);
    }

    async fn drain(&mut self) {
        self.telemetry.flush(self.clock.now()).await.unwrap();
        loop {
            self.connect().await;
            while self.send(Part::Live).await {}
            while self.send(Part::Backlog).await {}
            for batch in std::mem::take(&mut self.late) {
                self.hub.take(&batch);
            }
            let waits = [Part::Live, Part::Backlog];
            let mut left = false;
            for part in waits {
                left |= self
                    .telemetry
                    .next_batch(part, usize::MAX)
                    .await
                    .unwrap()
                    .is_some();
            }
            if !left {
                return;
            }
        }
    }

    async fn in_gaps(&self) -> u64 {
        let gaps = self.telemetry.gaps().await.unwrap();
        assert!(gaps.len() < 100, "one read tells all of them");
        gaps.iter().map(|gap| gap.count).sum()
    }
}

fn open(
    path: &std::path::Path,
    limits: &Limits,
    clock: &Arc<ManualClock>,
    rng: &mut StdRng,
) -> Telemetry {
    let rng = StdRng::from_rng(rng);
    Telemetry::open(path, limits.clone(), clock.clone(), rng)
        .unwrap()
        .0
}

#[tokio::test]
async fn samples_stored_and_samples_in_gaps_are_the_samples_produced() {
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        for _ in 0..STEPS {
            match world.rng.random_range(0..12) {
                0..4 => world.produce().await,
                4..6 => world.telemetry.flush(world.clock.now()).await.unwrap(),
                6..8 => drop(world.send(Part::Live).await),
                8 => drop(world.send(Part::Backlog).await),
                9 => world.connect().await,
                10 => {
                    let now = world.clock.now();
                    world.telemetry.shed(now).await.unwrap();
                    if !world.late.is_empty() && world.rng.random_bool(0.5) {
                        let batch = world.late.remove(0);
                        world.hub.take(&batch);
                    }
                }
                _ => world.kill().await,
            }
        }
        world.drain().await;
        let stored = world.hub.stored.len() as u64;
        assert!(
            world.hub.stored.values().all(|times| *times == 1),
            "seed {seed}: a sample is stored twice"
        );
        assert_eq!(
            stored + world.in_gaps().await,
            world.produced,
            "seed {seed}"
        );
    }
}

#[tokio::test]
async fn after_a_disk_was_set_back_all_that_it_still_has_is_at_the_hub_once() {
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        world.limits.bytes_max = u64::MAX;
        world.open_file(0);
        world.hub.repeats = true;
        let mut backup = None;
        for step in 0..STEPS {
            match world.rng.random_range(0..8) {
                0..3 => world.produce().await,
                3 => world.telemetry.flush(world.clock.now()).await.unwrap(),
                4..6 => drop(world.send(Part::Live).await),
                6 => drop(world.send(Part::Backlog).await),
                _ => world.connect().await,
            }
            if step == STEPS / 3 {
                backup = Some((world.copy().await, world.produced));
            }
        }
        let (file, known) = backup.unwrap();
        world.open_file(file);
        world.produce().await;
        world.telemetry.flush(world.clock.now()).await.unwrap();
        let again = world.produced - known;
        world.drain().await;

        let has = |value: u64| {
            let value = f64::from(u32::try_from(value).unwrap());
            world.hub.stored.contains_key(&value.to_bits())
        };
        assert!(
            (1..=known).all(has),
            "seed {seed}: what the backup had is missing"
        );
        assert!(
            has(world.produced) && again > 0,
            "seed {seed}: what came after it is missing"
        );
        assert_eq!(world.in_gaps().await, 0);
    }
}
