//! Samples on the disk: durable, once, closed in blocks; and what a rule leaves out.

use agog_sync::clock::Clock;
use jiff::SignedDuration;

use super::{Bench, delivered, delivered_values, sample, start};
use crate::telemetry::Limits;
use crate::telemetry::rules::{Keep, Rule, Rules};
use crate::telemetry::series::SERIES_MAX;

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
    assert!(delivered(&telemetry).await.is_empty());

    telemetry.flush(bench.clock.now()).await.unwrap();

    let blocks = delivered(&telemetry).await;
    assert_eq!(blocks.len(), 1);
    assert_eq!(blocks[0].samples(), Ok(3));
    assert_eq!(blocks[0].series.len(), 2);
    assert_eq!(blocks[0].series_index, [0, 0, 1]);
    assert_eq!(blocks[0].value, [9_000.0, 0.1, 41.5]);
    assert_eq!(
        blocks[0].time_us[1],
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
    assert_eq!(delivered_values(&again).await, [1.0]);
}

#[tokio::test]
async fn a_full_block_closes_by_count_and_the_next_one_by_age() {
    let bench = Bench::new();
    let telemetry = bench.open(Limits::default());
    let many = (0..17_000).map(|n| sample("speed", n, 1.0)).collect();
    telemetry.record(many).await.unwrap();
    let now = telemetry.now().await.unwrap();
    assert_eq!((now.last_block, now.open_samples), (1, 17_000 - 16_384));

    bench.clock.advance(SignedDuration::from_mins(10));
    let mut standing = telemetry.standing();
    let closed = standing.wait_for(|standing| standing.last_block == 2);
    tokio::time::timeout(std::time::Duration::from_secs(10), closed)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_sample_that_comes_again_is_stored_once_also_when_later_ones_came_before_it() {
    let bench = Bench::new();
    let telemetry = bench.open(Limits::default());
    telemetry
        .record(vec![sample("speed", 0, 1.0), sample("speed", 1, 2.0)])
        .await
        .unwrap();
    let again = sample("speed", 1, 2.0);
    // The first try of this one failed, while that of a later one worked.
    let failed_before = sample("speed", 0, 0.5);
    let newer = sample("speed", 2, 3.0);

    telemetry
        .record(vec![again, failed_before, newer.clone(), newer])
        .await
        .unwrap();

    telemetry.flush(bench.clock.now()).await.unwrap();
    assert_eq!(delivered_values(&telemetry).await, [1.0, 2.0, 0.5, 3.0]);
}

#[tokio::test]
async fn zero_and_negative_zero_at_one_instant_are_one_sample_as_they_are_for_the_hub() {
    let bench = Bench::new();
    let telemetry = bench.open(Limits::default());
    let both = [0.0, -0.0].map(|value| sample("speed", 0, value));
    telemetry.record(both.to_vec()).await.unwrap();
    telemetry.flush(bench.clock.now()).await.unwrap();
    assert_eq!(delivered_values(&telemetry).await, [0.0]);
}

#[tokio::test]
async fn a_sample_that_could_not_be_stored_is_not_taken_for_known_when_it_comes_again() {
    let bench = Bench::new();
    let telemetry = bench.open(Limits::default());
    telemetry
        .record(vec![sample("speed", 0, 1.0)])
        .await
        .unwrap();
    let file = rusqlite::Connection::open(bench.folder.path().join("telemetry.db")).unwrap();
    // Neither can be written then, nor be read what the file is.
    file.execute("alter table journal rename to away", [])
        .unwrap();
    let late = vec![sample("speed", 1, 2.0)];
    telemetry.record(late.clone()).await.unwrap_err();
    file.execute("alter table away rename to journal", [])
        .unwrap();

    telemetry.record(late).await.unwrap();

    telemetry.flush(bench.clock.now()).await.unwrap();
    assert_eq!(delivered_values(&telemetry).await, [1.0, 2.0]);
}

#[tokio::test]
async fn a_sample_that_comes_again_is_known_after_a_restart_also_when_its_block_is_closed() {
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
    let [first, _] = first;
    let open = sample("speed", 2, 3.0);
    again.record(vec![first, open]).await.unwrap();

    again.flush(bench.clock.now()).await.unwrap();
    assert_eq!(delivered_values(&again).await, [1.0, 2.0, 3.0]);
}

#[tokio::test]
async fn what_a_rule_leaves_out_is_counted_and_is_no_gap() {
    let bench = Bench::new();
    let still = Keep {
        deadband: Some(5.0),
        heartbeat: SignedDuration::from_secs(60),
        ..Keep::default()
    };
    let limits = Limits {
        rules: Rules(vec![Rule {
            device: "press-*".to_owned(),
            metric: "speed".to_owned(),
            keep: still,
        }]),
        ..Limits::default()
    };
    let telemetry = bench.open(limits.clone());
    // One that stands still for two minutes, and one without a rule.
    for second in 0..=120 {
        let both = ["speed", "heat"].map(|metric| sample(metric, second, 100.0));
        telemetry.record(both.to_vec()).await.unwrap();
    }
    // After a restart the one that was kept is still known.
    bench.close(telemetry);
    let again = bench.open(limits);
    again
        .record(vec![
            sample("speed", 121, 104.0),
            sample("speed", 122, 106.0),
        ])
        .await
        .unwrap();
    again.flush(bench.clock.now()).await.unwrap();

    let latest = again.latest_counted().await.unwrap();
    let speed = latest.iter().find(|value| value.metric == "speed").unwrap();
    assert_eq!((speed.value, speed.left_out), (106.0, 1));
    let mut seconds = Vec::new();
    let mut heat = 0;
    for block in delivered(&again).await {
        for (index, at_us) in block.series_index.iter().zip(&block.time_us) {
            if block.series[*index as usize].metric == "speed" {
                seconds.push(at_us / 1_000_000 - start().as_second());
            } else {
                heat += 1;
            }
        }
    }
    assert_eq!((seconds, heat), (vec![0, 60, 120, 122], 121));
    assert!(again.gaps().await.unwrap().is_empty());
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

    // What the file did not take is told once for all of a minute.
    let minute = bench.clock.now() + SignedDuration::from_secs(61);
    assert!(telemetry.gaps().await.unwrap().is_empty());
    telemetry.shed(minute).await.unwrap();
    let gaps = telemetry.gaps().await.unwrap();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert_eq!(
        (gaps[0].count, gaps[0].reason.as_str()),
        (6, "more than 10000 series")
    );
    assert_eq!(gaps[0].from, start());
    assert_eq!(gaps[0].to, start() + SignedDuration::from_secs(1));
    telemetry
        .shed(minute + SignedDuration::from_hours(1))
        .await
        .unwrap();
    assert_eq!(telemetry.gaps().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_sample_of_names_that_are_too_long_is_a_gap_and_shown_nowhere() {
    let bench = Bench::new();
    let telemetry = bench.open(Limits::default());
    let long = "x".repeat(400);
    telemetry
        .record(vec![sample(&long, 0, 1.0), sample("speed", 0, 1.0)])
        .await
        .unwrap();
    // Also when the program ends before it is told.
    bench.close(telemetry);
    let telemetry = bench.open(Limits::default());

    let latest = telemetry.latest();
    assert_eq!((latest.len(), latest[0].metric.as_str()), (1, "speed"));
    telemetry
        .shed(bench.clock.now() + SignedDuration::from_mins(2))
        .await
        .unwrap();
    let gaps = telemetry.gaps().await.unwrap();
    assert_eq!((gaps.len(), gaps[0].count), (1, 1));
}

#[tokio::test]
async fn a_time_that_is_still_to_come_does_not_stand_against_what_follows() {
    const HOUR: i64 = 3_600;
    let bench = Bench::new();
    let rules = Rules(vec![Rule {
        device: "*".to_owned(),
        metric: "speed".to_owned(),
        keep: Keep {
            deadband: Some(5.0),
            heartbeat: SignedDuration::from_hours(1),
            ..Keep::default()
        },
    }]);
    let limits = Limits {
        rules,
        ..Limits::default()
    };
    let telemetry = bench.open(limits.clone());
    telemetry
        .record(vec![
            sample("speed", 10 * HOUR, 1.0),
            sample("speed", 25 * HOUR, 50.0),
        ])
        .await
        .unwrap();
    bench.clock.advance(SignedDuration::from_secs(10));

    // The deadband is that of what came before, whenever that was said to be; so it is after a restart.
    telemetry
        .record(vec![sample("speed", 9, 100.0), sample("speed", 10, 101.0)])
        .await
        .unwrap();
    assert!((telemetry.latest()[0].value - 101.0).abs() < f64::EPSILON);
    telemetry.flush(bench.clock.now()).await.unwrap();
    assert_eq!(delivered_values(&telemetry).await, [1.0, 50.0, 100.0]);
    drop(telemetry);
    bench.clock.advance(SignedDuration::from_secs(10));
    let telemetry = bench.open(limits);
    telemetry
        .record(vec![sample("speed", 20, 200.0), sample("speed", 20, 201.0)])
        .await
        .unwrap();
    assert!((telemetry.latest()[0].value - 201.0).abs() < f64::EPSILON);
    telemetry.flush(bench.clock.now()).await.unwrap();
    assert_eq!(delivered_values(&telemetry).await, [200.0, 201.0]);
    assert!(telemetry.gaps().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_our_own_clock_said_while_it_was_ahead_does_not_stand_against_what_follows() {
    let bench = Bench::new();
    let telemetry = bench.open(Limits::default());
    bench.clock.advance(SignedDuration::from_hours(3));
    let ahead = sample("speed", 3 * 3_600, 1.0);
    telemetry.record(vec![ahead]).await.unwrap();

    bench.clock.advance(SignedDuration::from_hours(-3));
    telemetry
        .record(vec![sample("speed", 0, 2.0)])
        .await
        .unwrap();

    assert!((telemetry.latest()[0].value - 2.0).abs() < f64::EPSILON);
    assert_eq!(telemetry.trends("press-3", "speed", 10)[0].points.len(), 1);
}
