//! Telemetry as the hub keeps it: samples once, in whatever order and epoch they come, and what they come to by minute,
//! hour and day.

mod shop;

use agog_sync::frame::{SeriesKey, TelemetryBatch, TelemetryBlock};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use shop::Shop;
use shop::world::Plant;

const DAY_S: i64 = 24 * 60 * 60;

/// A block of the speed of press 3; samples are (seconds from `start`, value).
fn speed(start: Timestamp, samples: &[(i64, f64)]) -> TelemetryBlock {
    let at = |second: &i64| start.as_microsecond() + second * 1_000_000;
    TelemetryBlock {
        block: 0,
        series: vec![SeriesKey {
            device: "press-3".to_owned(),
            metric: "speed".to_owned(),
            unit: None,
        }],
        series_index: vec![0; samples.len()],
        time_us: samples.iter().map(|(second, _)| at(second)).collect(),
        value: samples.iter().map(|(_, value)| *value).collect(),
    }
}

/// The start of a UTC day, some days ago.
fn days_ago(shop: &Shop, days: i64) -> Timestamp {
    let now = shop.now().as_second();
    Timestamp::from_second(now - now.rem_euclid(DAY_S) - days * DAY_S).unwrap()
}

/// What press 3's speed was in the two days from `from` on.
async fn shown(shop: &Shop, from: Timestamp, resolution: &str) -> Value {
    let (_, page) = shop.get("/api/v1/equipment").await;
    let id = page["items"][0]["id"].as_str().unwrap();
    let to = from + SignedDuration::from_hours(48);
    let path = format!("/api/v1/equipment/{id}/telemetry?metric=speed&from={from}&to={to}");
    let (status, answer) = shop.get(&format!("{path}&resolution={resolution}")).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

/// One column of the points.
fn points(answer: &Value, name: &str) -> Vec<f64> {
    let points = answer["points"].as_array().unwrap().iter();
    points.map(|point| point[name].as_f64().unwrap()).collect()
}

async fn gaps(shop: &Shop) -> Vec<(String, i64)> {
    let gaps = "select reason, sample_count from telemetry_gap order by gap_id";
    shop.as_server(sqlx::query_as(gaps)).await.unwrap()
}

#[tokio::test]
async fn a_day_is_told_by_minute_hour_and_day_with_the_mean_by_time() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let day = days_ago(&shop, 3);
    // 100 from 10:00:30 on, 200 from 10:01 on, 0 from 11:00 on.
    let ten = 10 * 3600;
    ham.push_blocks(vec![speed(
        day,
        &[(ten + 30, 100.0), (ten + 60, 200.0), (ten + 3600, 0.0)],
    )])
    .await;

    let minutes = shown(&shop, day, "minute").await;
    assert_eq!(points(&minutes, "time_weighted_mean"), [100.0, 200.0, 0.0]);
    let hours = shown(&shop, day, "hour").await;
    let ten_o_clock = &hours["points"][0];
    let expected = json!({
        "at": (day + SignedDuration::from_hours(10)).to_string(),
        "value": 150.0, "min": 100.0, "max": 200.0, "samples": 2, "first": 100.0, "last": 200.0,
        "time_weighted_mean": (30.0 * 100.0 + 3540.0 * 200.0) / 3570.0,
    });
    assert_eq!(ten_o_clock, &expected);
    let days = shown(&shop, day, "day").await;
    assert_eq!(
        (points(&days, "samples"), points(&days, "value")),
        (vec![3.0], vec![100.0])
    );
}

#[tokio::test]
async fn samples_that_come_again_under_other_numbers_are_stored_once() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let day = days_ago(&shop, 40);
    let block = || speed(day, &[(0, 100.0), (1, 200.0), (1, 300.0), (59, 400.0)]);
    for blocks in [
        vec![block()],
        vec![block(), block()],
        vec![speed(day, &[(1, 200.0), (30, 0.0)])],
    ] {
        ham.push_blocks(blocks).await;
    }
    let raw = shown(&shop, day, "raw").await;
    assert_eq!(points(&raw, "value").len(), 5);
    let minutes = shown(&shop, day, "minute").await;
    assert_eq!(
        (points(&minutes, "samples"), points(&minutes, "value")),
        (vec![5.0], vec![200.0])
    );
    assert!(gaps(&shop).await.is_empty());
}

/// Blocks of an epoch, from `first` on.
fn batch(ham: &Plant, epoch: u64, first: u64, mut blocks: Vec<TelemetryBlock>) -> TelemetryBatch {
    for (block, number) in blocks.iter_mut().zip(first..) {
        block.block = number;
    }
    TelemetryBatch {
        protocol: 1,
        producer: ham.ledger.producer,
        epoch,
        first_block: first,
        last_block: first + blocks.len() as u64 - 1,
        blocks,
    }
}

#[tokio::test]
async fn a_backlog_is_delivered_in_its_epoch_beside_the_live_data_of_the_next_one() {
    let shop = Shop::open().await;
    let ham = shop.plant("HAM").await;
    let (old, live) = (days_ago(&shop, 2), days_ago(&shop, 1));
    let one = |start: Timestamp, second: i64| vec![speed(start, &[(second, 1.0)])];
    for (epoch, block, start) in [
        (1, 1, old),
        (3, 1, live),
        (1, 2, old),
        (3, 2, live),
        (1, 3, old),
    ] {
        let second = i64::try_from(block).unwrap();
        let batch = batch(&ham, epoch, block, one(start, second));
        let ack = ham.send_blocks(&batch).await;
        assert_eq!(
            (ack.epoch, ack.last_block, ack.duplicate),
            (epoch, block, false)
        );
        assert!(ham.send_blocks(&batch).await.duplicate);
    }
    // Each epoch has its own cursor, and an epoch between them that was never opened is closed.
    let path = "/sync/v1/telemetry";
    let (status, gap) = ham.refused(path, &batch(&ham, 1, 5, one(old, 5))).await;
    assert_eq!((status, &gap["code"]), (409, &json!("gap")));
    assert_eq!(
        gap["expected"],
        json!({"epoch": 1, "last_block": 3, "duplicate": false})
    );
    let (status, fenced) = ham.refused(path, &batch(&ham, 2, 1, one(old, 6))).await;
    assert_eq!((status, &fenced["code"]), (403, &json!("fenced")));

    let state = ham.state().await;
    assert_eq!((state.telemetry.epoch, state.telemetry.last_block), (3, 2));
    let raw = shown(&shop, old, "raw").await;
    assert_eq!(points(&raw, "value").len(), 5);
}

#[tokio::test]
async fn one_block_that_cannot_be_stored_is_a_gap_and_those_around_it_are_told_by_minute() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let day = days_ago(&shop, 1);
    let mut bad = speed(day, &[(1, 5.0), (2, 5.0)]);
    // A name that no index takes: only the database knows.
    bad.series[0].metric = (0..4_000_u32)
        .map(|n| blake3::hash(&n.to_le_bytes()).to_hex()[..2].to_owned())
        .collect();
    let blocks = vec![speed(day, &[(0, 1.0)]), bad, speed(day, &[(3, 3.0)])];
    ham.push_blocks(blocks).await;
    let minutes = shown(&shop, day, "minute").await;
    assert_eq!(points(&minutes, "samples"), [2.0]);
    let expected = ("block 2 cannot be stored".to_owned(), 2);
    assert_eq!(gaps(&shop).await, [expected]);
}

#[tokio::test]
async fn samples_of_a_clock_that_runs_years_ahead_are_a_gap_and_make_no_day_and_no_bucket() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let start = days_ago(&shop, 0);
    let now_s = (shop.now().as_second() - start.as_second()) + 60;
    let far: Timestamp = "2100-01-01T00:00:00Z".parse().unwrap();
    let far_s = far.as_second() - start.as_second();
    // A clock may be ahead by up to a day.
    let samples = [
        (now_s, 1.0),
        (now_s + DAY_S - 120, 2.0),
        (now_s + DAY_S + 120, 3.0),
        (far_s, 4.0),
    ];
    ham.push_blocks(vec![speed(start, &samples)]).await;

    let ahead = "more than a day ahead of the hub's clock".to_owned();
    assert_eq!(gaps(&shop).await, [(ahead, 2)]);
    for step in ["minute", "hour", "day"] {
        let sql = format!(
            "select sum(sample_count)::bigint, max(bucket) > now() + interval '1 day' from telemetry_{step}"
        );
        let told: Vec<(i64, bool)> = shop
            .as_server(sqlx::query_as(sqlx::AssertSqlSafe(sql)))
            .await
            .unwrap();
        assert_eq!(told, [(2, false)], "{step}");
    }
    let days = "select count(*) from pg_class where relname ~ '^sample.*2100'";
    let days: Vec<(i64,)> = shop.as_server(sqlx::query_as(days)).await.unwrap();
    assert_eq!(days, [(0,)]);
}
