//! A property: whatever the order, lateness and repetition of samples, the roll-ups are those of the set of them.

mod shop;

use std::collections::BTreeMap;

use agog_sync::frame::{SeriesKey, TelemetryBlock};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use shop::Shop;

const CASES: u32 = 40;
const SECOND_US: i64 = 1_000_000;
/// A quarter of a second: sums of whole values times such times are exact in whatever order they are made.
const TICK_US: i64 = SECOND_US / 4;
/// Minutes of two days that are neighbours, share an hour, share a day, or share nothing.
const MINUTES: [i64; 7] = [0, 1, 58, 60, 90, 1_439, 1_440];
const METRICS: [&str; 2] = ["speed", "temperature"];

/// (metric, microseconds from the start of the first day, value)
type Sample = (usize, i64, i64);

fn samples() -> impl Strategy<Value = Vec<Sample>> {
    let sample = (0..METRICS.len(), 0..MINUTES.len(), 0..24_i64, 0..3_i64).prop_map(
        |(metric, minute, tick, value)| {
            (
                metric,
                MINUTES[minute] * 60 * SECOND_US + tick * TICK_US,
                value,
            )
        },
    );
    prop::collection::vec(sample, 1..12)
}

/// Batches, each of some blocks.
fn batches() -> impl Strategy<Value = Vec<Vec<Vec<Sample>>>> {
    prop::collection::vec(prop::collection::vec(samples(), 1..3), 1..8)
}

/// What a bucket comes to, as a row says it: count, least, greatest, sum, first, last, held; times in microseconds.
#[derive(Debug, PartialEq, sqlx::FromRow)]
struct Row {
    metric: String,
    bucket: i64,
    sample_count: i64,
    min: f64,
    max: f64,
    sum: f64,
    first: f64,
    first_at: i64,
    last: f64,
    last_at: i64,
    held: f64,
}

/// Straight from the definition.
fn told(samples: &[Sample], start_us: i64, step_us: i64) -> Vec<Row> {
    let mut buckets: BTreeMap<(usize, i64), Vec<(i64, f64)>> = BTreeMap::new();
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    for (metric, at, value) in sorted {
        let at = start_us + at;
        let bucket = buckets.entry((metric, at - at % step_us)).or_default();
        bucket.push((at, f64::from(i32::try_from(value).unwrap())));
    }
    let row = |((metric, bucket), samples): ((usize, i64), Vec<(i64, f64)>)| {
        let values = || samples.iter().map(|(_, value)| *value);
        let ticks = |us: i64| f64::from(i32::try_from(us / TICK_US).unwrap());
        let stood = |pair: &[(i64, f64)]| pair[0].1 * ticks(pair[1].0 - pair[0].0) / 4.0;
        let (first_at, first) = samples[0];
        let (last_at, last) = samples[samples.len() - 1];
        Row {
            metric: METRICS[metric].to_owned(),
            bucket,
            sample_count: i64::try_from(samples.len()).unwrap(),
            min: values().fold(f64::MAX, f64::min),
            max: values().fold(f64::MIN, f64::max),
            sum: values().sum(),
            first,
            first_at,
            last,
            last_at,
            held: samples.windows(2).map(stood).sum(),
        }
    };
    buckets.into_iter().map(row).collect()
}

fn block(device: &str, start_us: i64, samples: &[Sample]) -> TelemetryBlock {
    let key = |metric: &&str| SeriesKey {
        device: device.to_owned(),
        metric: (*metric).to_owned(),
        unit: None,
    };
    TelemetryBlock {
        block: 0,
        series: METRICS.iter().map(key).collect(),
        series_index: samples
            .iter()
            .map(|s| u32::try_from(s.0).unwrap())
            .collect(),
        time_us: samples.iter().map(|s| start_us + s.1).collect(),
        value: samples
            .iter()
            .map(|s| f64::from(i32::try_from(s.2).unwrap()))
            .collect(),
    }
}

async fn kept(shop: &Shop, device: &str, table: &str) -> Vec<Row> {
    let us = |column: &str| format!("(extract(epoch from {column}) * 1000000)::bigint as {column}");
    let sql = format!(
        "select metric, {}, sample_count, min, max, sum, first, {}, last, {}, held
         from {table} join telemetry_series using (tenant_id, series_id) join device using (tenant_id, device_id)
         where code = '{device}' order by metric, bucket",
        us("bucket"),
        us("first_at"),
        us("last_at"),
    );
    let query = sqlx::query_as(sqlx::AssertSqlSafe(sql));
    shop.as_server(query).await.unwrap()
}

#[test]
fn rollups_are_those_of_the_set_of_samples_in_whatever_order_and_however_often_they_come() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let shop = runtime.block_on(Shop::open());
    let mut ham = runtime.block_on(shop.plant("HAM"));
    let now = shop.now().as_second();
    let start_us = (now - now % 86_400 - 3 * 86_400) * SECOND_US;
    let case = std::cell::Cell::new(0);
    let ham = std::cell::RefCell::new(&mut ham);
    let mut runner = TestRunner::new(Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    });
    let result = runner.run(&batches(), |batches| {
        case.set(case.get() + 1);
        let device = format!("press-{}", case.get());
        let all: Vec<Sample> = batches.iter().flatten().flatten().copied().collect();
        for batch in &batches {
            let blocks = batch
                .iter()
                .map(|samples| block(&device, start_us, samples));
            let blocks = blocks.collect();
            runtime.block_on(ham.borrow_mut().push_blocks(blocks));
        }
        for (table, step_s) in [
            ("telemetry_minute", 60),
            ("telemetry_hour", 3_600),
            ("telemetry_day", 86_400),
        ] {
            let kept = runtime.block_on(kept(&shop, &device, table));
            prop_assert_eq!(kept, told(&all, start_us, step_s * SECOND_US), "{}", table);
        }
        Ok(())
    });
    result.unwrap();
}
