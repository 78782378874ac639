//! What is dropped, in which order, and that every drop is a gap.

use agog_sync::clock::Clock;
use agog_sync::frame::{self, TelemetryBlock};
use jiff::SignedDuration;

use super::{Bench, close_each, delivered, delivered_values, next, sample, start};
use crate::telemetry::rules::{Keep, Priority, Rule, Rules};
use crate::telemetry::{Limits, Part};

#[tokio::test]
async fn beyond_its_bytes_the_oldest_goes_and_every_drop_is_a_gap() {
    let bench = Bench::new();
    let telemetry = bench.open(Limits {
        bytes_max: 500,
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
    let blocks = delivered(&telemetry).await;
    let numbers: Vec<u64> = blocks.iter().map(|block| block.block).collect();
    assert_eq!(
        numbers,
        (1..=10).collect::<Vec<_>>(),
        "dropped blocks keep their numbers"
    );
    let kept: Vec<f64> = blocks.into_iter().flat_map(|block| block.value).collect();
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

fn rule(metric: &str, keep: Keep) -> Rule {
    Rule {
        device: "press-*".to_owned(),
        metric: metric.to_owned(),
        keep,
    }
}

#[tokio::test]
async fn when_there_is_no_room_the_lowest_priority_goes_first_and_of_that_the_oldest() {
    let bench = Bench::new();
    let of = |priority| Keep {
        priority,
        ..Keep::default()
    };
    let telemetry = bench.open(Limits {
        bytes_max: 400,
        rules: Rules(vec![
            rule("alarm", of(Priority::High)),
            rule("noise", of(Priority::Low)),
        ]),
        ..Limits::default()
    });
    for second in 0..4 {
        let samples = ["alarm", "speed", "noise"].map(|metric| sample(metric, second, 1.0));
        telemetry.record(samples.to_vec()).await.unwrap();
        telemetry.flush(bench.clock.now()).await.unwrap();
    }
    assert_eq!(telemetry.now().await.unwrap().last_block, 12);

    telemetry.shed(bench.clock.now()).await.unwrap();

    let gaps = telemetry.gaps().await.unwrap();
    let lost: u64 = gaps.iter().map(|gap| gap.count).sum();
    let blocks = delivered(&telemetry).await;
    let kept = |metric: &str| {
        blocks
            .iter()
            .filter(|block| block.series.iter().any(|series| series.metric == metric))
            .map(|block| block.time_us[0] / 1_000_000 - start().as_second())
            .collect::<Vec<_>>()
    };
    assert_eq!((kept("noise"), kept("alarm")), (vec![], vec![0, 1, 2, 3]));
    let speed = kept("speed");
    assert!(
        speed.len() < 4 && speed.iter().all(|second| *second > 0),
        "{speed:?}"
    );
    assert_eq!(4 + speed.len() as u64 + lost, 12);
}

#[tokio::test]
async fn a_block_that_cannot_be_read_back_becomes_a_gap_and_the_others_are_delivered() {
    let bench = Bench::new();
    let telemetry = bench.open(Limits::default());
    close_each(&telemetry, &bench, 0..4).await;
    let misfit = TelemetryBlock {
        value: vec![1.0],
        ..TelemetryBlock::empty(3)
    };
    let damage: [(u64, Vec<u8>); 2] = [
        (2, b"no block".to_vec()),
        (3, frame::encode(&misfit).unwrap()),
    ];
    let file = rusqlite::Connection::open(bench.folder.path().join("telemetry.db")).unwrap();
    for (block, body) in damage {
        file.execute(
            "update block set body = ?2 where block = ?1",
            rusqlite::params![block.cast_signed(), body],
        )
        .unwrap();
    }
    assert_eq!(next(&telemetry, Part::Live).await, Some((1, 1, 4)));
    let gaps = telemetry.gaps().await.unwrap();

    let blocks = delivered(&telemetry).await;

    let told: Vec<_> = blocks
        .iter()
        .map(|block| (block.block, block.value.clone()))
        .collect();
    assert_eq!(
        told,
        [(1, vec![0.0]), (2, vec![]), (3, vec![]), (4, vec![3.0])]
    );
    let told: Vec<_> = gaps.iter().map(|gap| (gap.from, gap.count)).collect();
    let at = |second| start() + SignedDuration::from_secs(second);
    assert_eq!(told, [(at(1), 1), (at(2), 1)]);
    assert_eq!(
        (gaps[0].reason.as_str(), gaps[1].reason.as_str()),
        (
            "block 2 cannot be read back: telemetry block has form 110, which is not known here",
            "block 3 cannot be read back: telemetry block is malformed: columns of a telemetry block differ in length"
        )
    );
    assert_eq!(telemetry.gaps().await.unwrap().len(), 2);
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
            let mixed = (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let value = f64::from_bits((mixed ^ (mixed >> 27)) >> 2);
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
    assert_eq!(delivered_values(&telemetry).await, [7.0]);
}

#[tokio::test]
async fn what_was_dropped_and_comes_again_is_missing_once() {
    let bench = Bench::new();
    let telemetry = bench.open(Limits {
        bytes_max: 0,
        ..Limits::default()
    });
    for dropped in [1, 0] {
        // A broker that was killed is told again what it had told already, and does not know that.
        telemetry
            .record(vec![sample("speed", 0, 1.0)])
            .await
            .unwrap();
        telemetry.flush(bench.clock.now()).await.unwrap();
        assert_eq!(telemetry.shed(bench.clock.now()).await.unwrap(), dropped);
    }
    let gaps = telemetry.gaps().await.unwrap();
    assert_eq!(gaps.iter().map(|gap| gap.count).sum::<u64>(), 1);
}
