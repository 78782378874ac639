//! Files of older and newer programs.

use agog_sync::clock::Clock;
use agog_sync::frame::{self, TelemetryBlock};
use jiff::SignedDuration;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::{Bench, delivered, delivered_values, next, sample, start};
use crate::telemetry::{Limits, Part, Telemetry, TelemetryError};

#[tokio::test]
async fn open_samples_that_an_older_program_left_as_rows_are_in_the_next_block() {
    let bench = Bench::new();
    let path = bench.folder.path().join("telemetry.db");
    let file = rusqlite::Connection::open(&path).unwrap();
    file.execute_batch(include_str!("schema_1.sql")).unwrap();
    file.execute_batch(
        "drop table journal;
         create table sample (
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
    bench.close(telemetry);

    let again = bench.open(Limits::default());
    assert_eq!(delivered_values(&again).await, [3.0, 4.0]);
    assert_eq!(again.standing().borrow().open_samples, 0);
}

#[tokio::test]
async fn a_file_of_the_first_version_is_taken_over_with_all_that_waits() {
    let bench = Bench::new();
    let path = bench.folder.path().join("telemetry.db");
    let file = rusqlite::Connection::open(&path).unwrap();
    file.execute_batch(include_str!("schema_1.sql")).unwrap();
    file.execute_batch(
        "insert into series (series_id, device, metric, unit) values (7, 'press-3', 'speed', 'sheets/h');
         update standing set epoch = 3, last_block = 6, acked_block = 4, closed_sample_id = 2;
         insert into gap values ('0198c0de-0000-7000-8000-000000000009', 1, 2, 3, 'size limit', 4);",
    )
    .unwrap();
    let mut journal = Vec::new();
    for (at_us, value) in [(1_000_i64, 1.0_f64), (2_000, 2.0), (3_000, 3.0)] {
        journal.extend(7_u32.to_le_bytes());
        journal.extend(at_us.to_le_bytes());
        journal.extend(value.to_le_bytes());
    }
    file.execute("insert into journal values (3, ?1)", [journal])
        .unwrap();
    for block in [5, 6] {
        let stored = TelemetryBlock {
            block,
            series: vec![sample("speed", 0, 0.0).series],
            series_index: vec![0],
            time_us: vec![i64::try_from(block).unwrap()],
            value: vec![0.5],
        };
        file.execute(
            "insert into block values (?1, 1, 2, ?2, 1, ?3)",
            rusqlite::params![
                block,
                start().as_microsecond(),
                frame::encode(&stored).unwrap()
            ],
        )
        .unwrap();
    }
    drop(file);

    let telemetry = bench.open(Limits::default());
    assert_eq!(next(&telemetry, Part::Live).await, Some((3, 5, 6)));
    telemetry.flush(bench.clock.now()).await.unwrap();

    let blocks = delivered(&telemetry).await;
    let told: Vec<_> = blocks
        .iter()
        .map(|block| (block.block, block.time_us[0], block.value[0]))
        .collect();
    assert_eq!(told, [(5, 5, 0.5), (6, 6, 0.5), (7, 3_000, 3.0)]);
    assert_eq!(telemetry.gaps().await.unwrap()[0].count, 3);
    // It is a file of this version now.
    bench.close(telemetry);
    assert_eq!(
        bench
            .open(Limits::default())
            .now()
            .await
            .unwrap()
            .last_block,
        7
    );
}

#[test]
fn a_file_of_a_newer_version_is_left_alone() {
    let bench = Bench::new();
    let path = bench.folder.path().join("telemetry.db");
    let file = rusqlite::Connection::open(&path).unwrap();
    file.execute_batch("pragma user_version = 4").unwrap();
    let opened = Telemetry::open(
        &path,
        Limits::default(),
        bench.clock.clone(),
        StdRng::seed_from_u64(1),
    );
    let Err(TelemetryError::Store(error)) = opened else {
        panic!("it is opened");
    };
    assert!(error.to_string().contains("newer program"), "{error}");
}

#[tokio::test]
async fn a_file_without_a_place_for_refused_samples_gets_one() {
    let bench = Bench::new();
    let telemetry = bench.open(Limits::default());
    telemetry
        .record(vec![sample("speed", 0, 1.0)])
        .await
        .unwrap();
    bench.close(telemetry);
    let path = bench.folder.path().join("telemetry.db");
    let file = rusqlite::Connection::open(&path).unwrap();
    file.execute_batch("drop table refused; pragma user_version = 2")
        .unwrap();
    drop(file);

    let telemetry = bench.open(Limits::default());

    let long = sample(&"x".repeat(400), 1, 1.0);
    telemetry.record(vec![long]).await.unwrap();
    let minutes = bench.clock.now() + SignedDuration::from_mins(2);
    telemetry.shed(minutes).await.unwrap();
    assert_eq!(telemetry.gaps().await.unwrap().len(), 1);
    assert_eq!(delivered_values(&telemetry).await, [1.0]);
}
