//! Tests of the buffer as the uplink sees it: blocks in order, acknowledged, dropped as gaps.

use std::sync::Arc;

use agog_sync::clock::{Clock, ManualClock};
use agog_sync::frame::{SeriesKey, TelemetryBlock, encode};
use jiff::{SignedDuration, Timestamp};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::telemetry::series::SERIES_MAX;
use crate::telemetry::store::empty_block;
use crate::telemetry::{Limits, Sample, Telemetry};

fn start() -> Timestamp {
    Timestamp::from_second(1_760_000_000).unwrap()
}

fn sample(metric: &str, second: i64, value: f64) -> Sample {
    Sample {
        series: SeriesKey {
            device: "press-3".to_owned(),
            metric: metric.to_owned(),
            unit: Some("sheets/h".to_owned()),
        },
        at: start() + SignedDuration::from_secs(second),
        value,
        redelivered: false,
    }
}

struct Bench {
    folder: tempfile::TempDir,
    clock: Arc<ManualClock>,
}

impl Bench {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            clock: Arc::new(ManualClock::new(start())),
        }
    }

    fn open(&self, limits: Limits) -> Telemetry {
        let path = self.folder.path().join("telemetry.db");
        Telemetry::open(&path, limits, self.clock.clone(), StdRng::seed_from_u64(1))
            .unwrap()
            .0
    }
}

async fn stored_values(telemetry: &Telemetry) -> Vec<f64> {
    let blocks = telemetry.blocks_after(0, 100, usize::MAX).await.unwrap();
    blocks.into_iter().flat_map(|block| block.value).collect()
}

#[tokio::test]
async fn samples_come_back_in_blocks_with_their_series_times_and_values() {
    let bench = Bench::new();
    let telemetry = bench.open(Limits::default());
    let samples = vec![
        sample("speed", 0, 9_000.0),
        sample("heat", 1, 41.5),
        sample("speed", 2, 0.1),
    ];
    telemetry.record(samples).await.unwrap();
    assert!(
        telemetry
            .blocks_after(0, 10, 1_000_000)
            .await
            .unwrap()
            .is_empty()
    );

    telemetry.flush(bench.clock.now()).await.unwrap();

    let blocks = telemetry.blocks_after(0, 10, 1_000_000).await.unwrap();
    assert_eq!(blocks.len(), 1);
    assert_eq!(blocks[0].samples(), Ok(3));
    assert_eq!(blocks[0].series.len(), 2);
    assert_eq!(blocks[0].series_index, [0, 1, 0]);
    assert_eq!(blocks[0].value, [9_000.0, 41.5, 0.1]);
    assert_eq!(
        blocks[0].time_us[2],
        sample("speed", 2, 0.0).at.as_microsecond()
    );
    let latest = telemetry.latest();
    assert_eq!(
        (latest[0].metric.as_str(), latest[1].metric.as_str()),
        ("heat", "speed")
    );
    assert!((latest[1].value - 0.1).abs() < f64::EPSILON);
}

#[tokio::test]
async fn what_was_recorded_is_there_after_the_process_dies() {
    let bench = Bench::new();
    let telemetry = bench.open(Limits::default());
    telemetry
        .record(vec![sample("speed", 0, 1.0)])
        .await
        .unwrap();

    // The first file is still open, as after a crash nothing was closed.
    let again = bench.open(Limits::default());

    assert_eq!(again.latest().len(), 1);
    again.flush(bench.clock.now()).await.unwrap();
    assert_eq!(stored_values(&again).await, [1.0]);
}

#[tokio::test]
async fn a_full_block_closes_by_count_and_the_next_one_by_age() {
    let bench = Bench::new();
    let telemetry = bench.open(Limits::default());
    let many = (0..5_000).map(|n| sample("speed", n, 1.0)).collect();
    telemetry.record(many).await.unwrap();
    assert_eq!(
        telemetry
            .blocks_after(0, 10, usize::MAX)
            .await
            .unwrap()
            .len(),
        1
    );

    bench.clock.advance(SignedDuration::from_secs(5));
    let mut standing = telemetry.standing();
    let closed = standing.wait_for(|standing| standing.last_block == 2);
    tokio::time::timeout(std::time::Duration::from_secs(10), closed)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_redelivered_sample_is_stored_once_also_when_later_ones_came_before_it() {
    let bench = Bench::new();
    let telemetry = bench.open(Limits::default());
    telemetry
        .record(vec![sample("speed", 0, 1.0), sample("speed", 1, 2.0)])
        .await
        .unwrap();
    let again = Sample {
        redelivered: true,
        ..sample("speed", 1, 2.0)
    };
    // The first try of this one failed, while that of a later one worked.
    let failed_before = Sample {
        redelivered: true,
        ..sample("speed", 0, 0.5)
    };
    let newer = Sample {
        redelivered: true,
        ..sample("speed", 2, 3.0)
    };

    telemetry
        .record(vec![again, failed_before, newer])
        .await
        .unwrap();

    telemetry.flush(bench.clock.now()).await.unwrap();
    assert_eq!(stored_values(&telemetry).await, [1.0, 2.0, 0.5, 3.0]);
}

#[tokio::test]
async fn a_sample_that_is_delivered_again_is_known_after_a_restart_also_when_its_block_is_closed() {
    let bench = Bench::new();
    let telemetry = bench.open(Limits::default());
    let first = [sample("speed", 0, 1.0), sample("speed", 1, 2.0)];
    telemetry.record(first.to_vec()).await.unwrap();
    telemetry.flush(bench.clock.now()).await.unwrap();
    telemetry
        .record(vec![sample("speed", 2, 3.0)])
        .await
        .unwrap();

    let again = bench.open(Limits::default());
    let [first, _] = first.map(|sample| Sample {
        redelivered: true,
        ..sample
    });
    let open = Sample {
        redelivered: true,
        ..sample("speed", 2, 3.0)
    };
    again.record(vec![first, open]).await.unwrap();

    again.flush(bench.clock.now()).await.unwrap();
    assert_eq!(stored_values(&again).await, [1.0, 2.0, 3.0]);
}

#[tokio::test]
async fn open_samples_that_an_older_program_left_as_rows_are_in_the_next_block() {
    let bench = Bench::new();
    let path = bench.folder.path().join("telemetry.db");
    let file = rusqlite::Connection::open(&path).unwrap();
    file.execute_batch(include_str!("schema.sql")).unwrap();
    file.execute_batch(
        "create table sample (
             sample_id integer primary key,
             series_id integer not null references series (series_id),
             at_us integer not null,
             value real not null
         ) strict;
         create index sample_by_time on sample (series_id, at_us);
         insert into series (series_id, device, metric, unit) values (7, 'press-3', 'speed', '');
         update standing set closed_sample_id = 2;
         insert into sample values (1, 7, 1000, 1.0), (2, 7, 2000, 2.0), (3, 7, 3000, 3.0), (4, 7, 4000, 4.0);",
    )
    .unwrap();
    drop(file);

    let telemetry = bench.open(Limits::default());
    assert!((telemetry.latest()[0].value - 4.0).abs() < f64::EPSILON);
    telemetry.flush(bench.clock.now()).await.unwrap();
    drop(telemetry);

    let again = bench.open(Limits::default());
    assert_eq!(stored_values(&again).await, [3.0, 4.0]);
    assert_eq!(again.standing().borrow().open_samples, 0);
}

#[tokio::test]
async fn beyond_its_bytes_the_oldest_goes_and_every_drop_is_a_gap() {
    let bench = Bench::new();
    let telemetry = bench.open(Limits {
        bytes_max: 700,
        ..Limits::default()
    });
    for second in 0..10_i32 {
        let value = f64::from(second);
        telemetry
            .record(vec![sample("speed", second.into(), value)])
            .await
            .unwrap();
        telemetry.flush(bench.clock.now()).await.unwrap();
    }

    let dropped = telemetry.shed(bench.clock.now()).await.unwrap();

    let gaps = telemetry.gaps().await.unwrap();
    let lost: u64 = gaps.iter().map(|gap| gap.count).sum();
    let kept = stored_values(&telemetry).await;
    assert!(dropped > 0 && lost >= dropped);
    assert_eq!(
        kept.len() as u64 + lost,
        10,
        "stored and recorded gaps are what was produced"
    );
    assert!(
        (kept[kept.len() - 1] - 9.0).abs() < f64::EPSILON,
        "the newest is kept"
    );
    assert_eq!(gaps[0].from, start());
    let numbers: Vec<u64> = telemetry
        .blocks_after(0, 100, usize::MAX)
        .await
        .unwrap()
        .iter()
        .map(|block| block.block)
        .collect();
    assert_eq!(
        numbers,
        (1..=10).collect::<Vec<_>>(),
        "dropped blocks keep their numbers"
    );

    telemetry.gap_recorded(gaps[0].event_id).await.unwrap();
    assert_eq!(telemetry.gaps().await.unwrap().len(), gaps.len() - 1);
}

#[tokio::test]
async fn beyond_its_age_a_block_is_dropped() {
    let bench = Bench::new();
    let telemetry = bench.open(Limits::default());
    telemetry
        .record(vec![sample("speed", 0, 1.0)])
        .await
        .unwrap();
    telemetry.flush(bench.clock.now()).await.unwrap();
    bench.clock.advance(SignedDuration::from_hours(15 * 24));

    telemetry.shed(bench.clock.now()).await.unwrap();

    let gaps = telemetry.gaps().await.unwrap();
    assert_eq!(
        (gaps.len(), gaps[0].count, gaps[0].reason.as_str()),
        (1, 1, "age limit")
    );
}

#[tokio::test]
async fn delivered_blocks_go_and_a_new_epoch_counts_from_one() {
    let bench = Bench::new();
    let telemetry = bench.open(Limits::default());
    for second in 0..4 {
        telemetry
            .record(vec![sample("speed", second, 1.0)])
            .await
            .unwrap();
        telemetry.flush(bench.clock.now()).await.unwrap();
    }
    telemetry.acked(2).await.unwrap();
    let waiting = telemetry.blocks_after(2, 10, usize::MAX).await.unwrap();
    assert_eq!(
        waiting.iter().map(|block| block.block).collect::<Vec<_>>(),
        [3, 4]
    );

    telemetry.begin_epoch(2).await.unwrap();

    let waiting = telemetry.blocks_after(0, 10, usize::MAX).await.unwrap();
    assert_eq!(
        waiting.iter().map(|block| block.block).collect::<Vec<_>>(),
        [1, 2]
    );
    let mut standing = telemetry.standing();
    let now = standing
        .wait_for(|standing| standing.epoch == 2)
        .await
        .unwrap();
    assert_eq!((now.last_block, now.acked_block), (2, 0));
}

#[tokio::test]
async fn a_block_that_cannot_be_read_back_becomes_a_gap_and_the_others_are_delivered() {
    let bench = Bench::new();
    let telemetry = bench.open(Limits::default());
    for second in 0..4_i32 {
        let value = sample("speed", second.into(), second.into());
        telemetry.record(vec![value]).await.unwrap();
        telemetry.flush(bench.clock.now()).await.unwrap();
    }
    let misfit = TelemetryBlock {
        value: vec![1.0],
        ..empty_block(3)
    };
    let damage: [(u64, Vec<u8>); 2] = [(2, b"no zstd".to_vec()), (3, encode(&misfit).unwrap())];
    let file = rusqlite::Connection::open(bench.folder.path().join("telemetry.db")).unwrap();
    for (block, body) in damage {
        file.execute(
            "update block set body = ?2 where block = ?1",
            rusqlite::params![block.cast_signed(), body],
        )
        .unwrap();
    }

    let blocks = telemetry.blocks_after(0, 10, usize::MAX).await.unwrap();

    let told: Vec<_> = blocks
        .iter()
        .map(|block| (block.block, block.value.clone()))
        .collect();
    assert_eq!(
        told,
        [(1, vec![0.0]), (2, vec![]), (3, vec![]), (4, vec![3.0])]
    );
    let gaps = telemetry.gaps().await.unwrap();
    let told: Vec<_> = gaps.iter().map(|gap| (gap.from, gap.count)).collect();
    let at = |second| start() + SignedDuration::from_secs(second);
    assert_eq!(told, [(at(1), 1), (at(2), 1)]);
    assert_eq!(
        (gaps[0].reason.as_str(), gaps[1].reason.as_str()),
        (
            "block 2 cannot be read back: body is not zstd",
            "block 3 cannot be read back: columns of a telemetry block differ in length"
        )
    );
    let again = telemetry.blocks_after(0, 10, usize::MAX).await.unwrap();
    assert_eq!(again.len(), 4);
    assert_eq!(telemetry.gaps().await.unwrap().len(), 2);
}

#[tokio::test]
async fn the_newest_values_are_of_no_more_series_than_the_file_takes() {
    let bench = Bench::new();
    let telemetry = bench.open(Limits::default());
    let names: Vec<String> = (0..SERIES_MAX + 5).map(|n| format!("m{n}")).collect();
    for some in names.chunks(4_000) {
        let samples = some.iter().map(|name| sample(name, 0, 1.0));
        telemetry.record(samples.collect()).await.unwrap();
    }
    telemetry
        .record(vec![sample("m0", 1, 2.0), sample("one-more", 1, 2.0)])
        .await
        .unwrap();

    let latest = telemetry.latest();
    assert_eq!(latest.len(), SERIES_MAX);
    let first = latest.iter().find(|value| value.metric == "m0").unwrap();
    assert!((first.value - 2.0).abs() < f64::EPSILON);
}

#[tokio::test]
async fn a_full_disk_takes_what_waits_as_gaps_and_gets_its_room_back() {
    const SAMPLES: u64 = 300_000;
    let bench = Bench::new();
    let telemetry = bench.open(Limits::default());
    let mut n = 0_u64;
    while n < SAMPLES {
        let samples = (n..n + 30_000).map(|n| {
            // Values that cannot be compressed.
            let value = f64::from_bits((n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 2);
            sample("speed", n.cast_signed(), value)
        });
        telemetry.record(samples.collect()).await.unwrap();
        n += 30_000;
    }
    telemetry.flush(bench.clock.now()).await.unwrap();
    let path = bench.folder.path().join("telemetry.db");
    let before = path.metadata().unwrap().len();

    let first = telemetry
        .make_room(bench.clock.now(), u64::MAX / 4)
        .await
        .unwrap();
    assert!(first > SAMPLES / 3 && first < SAMPLES, "{first}");
    let mut dropped = first;
    while dropped < SAMPLES {
        let more = telemetry.make_room(bench.clock.now(), u64::MAX / 4).await;
        dropped += more.unwrap();
    }

    let gaps = telemetry.gaps().await.unwrap();
    assert_eq!(gaps.iter().map(|gap| gap.count).sum::<u64>(), SAMPLES);
    assert_eq!(gaps[0].reason, "the disk is full");
    let after = path.metadata().unwrap().len();
    assert!(after < before / 2, "{before} bytes became {after}");
    telemetry
        .record(vec![sample("speed", 9_999_999, 7.0)])
        .await
        .unwrap();
    telemetry.flush(bench.clock.now()).await.unwrap();
    assert_eq!(stored_values(&telemetry).await, [7.0]);
}
