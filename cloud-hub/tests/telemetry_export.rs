//! Series as files, over HTTP: CSV, Arrow and Parquet, read back with what anybody else reads them with.

mod shop;

use std::io::Cursor;
use std::time::Duration;

use agog_hub::db::TenantTx;
use agog_sync::frame::{SeriesKey, TelemetryBlock};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, TimestampMicrosecondType};
use arrow_ipc::reader::StreamReader;
use bytes::Bytes;
use futures_util::StreamExt;
use jiff::{SignedDuration, Timestamp};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use reqwest::Response;
use serde_json::{Value, json};

use shop::Shop;

const CSV: &str = "text/csv";
const ARROW: &str = "application/vnd.apache.arrow.stream";
const PARQUET: &str = "application/vnd.apache.parquet";

/// Far longer than any answer takes.
const LIMIT: Duration = Duration::from_secs(30);

/// Exports that a company may have in a process.
const EXPORTS_OF_TENANT_MAX: usize = 8;

/// A day that is over, at noon.
fn noon(shop: &Shop) -> Timestamp {
    let day = shop.now().as_second().div_euclid(86_400) - 2;
    Timestamp::from_second(day * 86_400 + 43_200).unwrap()
}

/// Two samples at each even millisecond but the first, so that pages, of an even number, end between samples of one instant.
fn samples(start: Timestamp, count: u32) -> Vec<(i64, f64)> {
    (0..count)
        .map(|place| {
            let at_us = start.as_microsecond() + i64::from(place.div_ceil(2)) * 2_000;
            (at_us, f64::from(place) / 8.0 - 100.0)
        })
        .collect()
}

fn blocks(samples: &[(i64, f64)]) -> Vec<TelemetryBlock> {
    samples
        .chunks(10_000)
        .map(|samples| TelemetryBlock {
            block: 0,
            series: vec![SeriesKey {
                device: "press-3".to_owned(),
                metric: "speed".to_owned(),
                unit: Some("sheets/h".to_owned()),
            }],
            series_index: vec![0; samples.len()],
            time_us: samples.iter().map(|(at_us, _)| *at_us).collect(),
            value: samples.iter().map(|(_, value)| *value).collect(),
        })
        .collect()
}

/// Where the speed of press 3 in the two hours from `from` on is asked for.
async fn path(shop: &Shop, from: Timestamp, more: &str) -> String {
    let (_, page) = shop.get("/api/v1/equipment").await;
    let id = page["items"][0]["id"].as_str().unwrap();
    let to = from + SignedDuration::from_hours(2);
    format!("/api/v1/equipment/{id}/telemetry?metric=speed&from={from}&to={to}{more}")
}

async fn file(shop: &Shop, path: &str, accept: &str) -> Bytes {
    let answer = shop.get_as(path, accept).await;
    assert_eq!(answer.status(), 200, "{accept}");
    let kind = answer.headers()["content-type"].to_str().unwrap();
    assert!(kind.starts_with(accept), "{kind}");
    answer.bytes().await.unwrap()
}

async fn problem(answer: Response) -> (u16, Value) {
    let kind = answer.headers()["content-type"].to_str().unwrap();
    assert_eq!(kind, "application/problem+json");
    let status = answer.status().as_u16();
    let problem: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    (status, problem["code"].clone())
}

/// Times and the first value of each row.
fn of_csv(file: &[u8]) -> Vec<(i64, f64)> {
    let text = std::str::from_utf8(file).unwrap();
    let rows = text.split_terminator("\r\n").skip(1);
    rows.map(|row| {
        let mut cells = row.split(',');
        let at: Timestamp = cells.next().unwrap().parse().unwrap();
        (at.as_microsecond(), cells.next().unwrap().parse().unwrap())
    })
    .collect()
}

fn of_arrow(file: &[u8]) -> Vec<(i64, f64)> {
    let reader = StreamReader::try_new(Cursor::new(file), None).unwrap();
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch.unwrap();
        let times = batch.column(0).as_primitive::<TimestampMicrosecondType>();
        let values = batch.column(1).as_primitive::<Float64Type>();
        rows.extend(
            times
                .values()
                .iter()
                .copied()
                .zip(values.values().iter().copied()),
        );
    }
    rows
}

fn of_parquet(file: Bytes) -> Vec<(i64, f64)> {
    let reader = SerializedFileReader::new(file).unwrap();
    let rows = reader.get_row_iter(None).unwrap();
    rows.map(|row| match row.unwrap().into_columns().as_slice() {
        [
            (_, Field::TimestampMicros(at_us)),
            (_, Field::Double(value)),
            ..,
        ] => (*at_us, *value),
        other => panic!("a row is {other:?}"),
    })
    .collect()
}

#[tokio::test]
async fn all_samples_are_in_a_file_of_each_form() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let start = noon(&shop);
    // More than a page, and more than a row group of Parquet.
    let samples = samples(start, 70_001);
    ham.push_blocks(blocks(&samples)).await;
    let path = path(&shop, start, "&resolution=raw").await;

    let csv = file(&shop, &path, CSV).await;
    let first = format!("at,value [sheets/h]\r\n{start},-100\r\n");
    assert!(csv.starts_with(first.as_bytes()));
    assert!(of_csv(&csv) == samples);

    let arrow = file(&shop, &path, ARROW).await;
    assert!(of_arrow(&arrow) == samples);
    let reader = StreamReader::try_new(Cursor::new(&arrow), None).unwrap();
    let about = reader.schema().metadata().clone();
    for (key, value) in [
        ("device", "press-3"),
        ("metric", "speed"),
        ("unit", "sheets/h"),
        ("resolution", "raw"),
    ] {
        assert_eq!(about[key], value);
    }
    assert_eq!(about["from"], start.to_string());

    let parquet = file(&shop, &path, PARQUET).await;
    assert!(of_parquet(parquet.clone()) == samples);
    let reader = SerializedFileReader::new(parquet).unwrap();
    assert_eq!(reader.metadata().num_row_groups(), 2);
    let about = reader.metadata().file_metadata().key_value_metadata();
    let units = about.unwrap().iter().filter(|pair| pair.key == "unit");
    let units: Vec<_> = units.filter_map(|pair| pair.value.clone()).collect();
    assert_eq!(units, ["sheets/h"]);
}

#[tokio::test]
async fn minutes_have_all_that_their_samples_come_to_and_are_the_same_in_each_form() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let start = noon(&shop);
    let at_us = |second: i64| start.as_microsecond() + second * 1_000_000;
    let samples = [(at_us(0), 4.0), (at_us(30), 8.0), (at_us(60), 1.5)];
    ham.push_blocks(blocks(&samples)).await;
    let path = path(&shop, start, "&resolution=minute").await;
    let csv = file(&shop, &path, CSV).await;
    let u = "[sheets/h]";
    let next = start + SignedDuration::from_mins(1);
    assert_eq!(
        std::str::from_utf8(&csv).unwrap(),
        format!(
            "at,value {u},min {u},max {u},samples,first {u},last {u},time_weighted_mean {u}\r\n\
             {start},6,4,8,2,4,8,6\r\n\
             {next},1.5,1.5,1.5,1,1.5,1.5,1.5\r\n"
        )
    );
    let minutes = [(at_us(0), 6.0), (at_us(60), 1.5)];
    assert_eq!(of_arrow(&file(&shop, &path, ARROW).await), minutes);
    assert_eq!(of_parquet(file(&shop, &path, PARQUET).await), minutes);
}

#[tokio::test]
async fn a_time_without_samples_is_a_file_without_rows() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let start = noon(&shop);
    ham.push_blocks(blocks(&samples(start, 1))).await;
    let path = path(&shop, start + SignedDuration::from_hours(1), "").await;
    let csv = file(&shop, &path, CSV).await;
    assert_eq!(csv, "at,value [sheets/h]\r\n");
    assert_eq!(of_arrow(&file(&shop, &path, ARROW).await), []);
    assert_eq!(of_parquet(file(&shop, &path, PARQUET).await), []);
}

#[tokio::test]
async fn what_cannot_be_exported_is_a_problem_before_the_first_byte() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let start = noon(&shop);
    ham.push_blocks(blocks(&samples(start, 10))).await;
    let good = path(&shop, start, "&resolution=raw").await;
    let stranger = shop.other_tenant().await;
    // As if there were more than a test can store.
    shop.by_hand("update telemetry_minute set sample_count = 60000000 where tenant_id = $1")
        .await;
    for accept in [CSV, ARROW, PARQUET] {
        let of_a_stranger = stranger.get_as(&good, accept).await;
        assert_eq!(problem(of_a_stranger).await, (404, json!("not-found")));
        for (path, code) in [
            (good.replace("speed", "torque"), "unknown-metric"),
            (good.replace("&to=", "&to=tomorrow"), "bad-time"),
            (good.replace("raw", "week"), "bad-resolution"),
            (good.clone(), "too-many-rows"),
        ] {
            let answer = shop.get_as(&path, accept).await;
            assert_eq!(problem(answer).await, (400, json!(code)), "{path}");
        }
    }
    for accept in ["application/pdf", "text/csv;q=0", "csv"] {
        let answer = shop.get_as(&good, accept).await;
        assert_eq!(problem(answer).await, (406, json!("not-acceptable")));
    }
}

#[tokio::test]
async fn who_reads_slowly_or_hangs_up_takes_no_connection_from_others() {
    let shop = Shop::open().await;
    let path = path_of_pages(&shop).await;
    // The hub has four connections to its database; no socket is there to take what nobody reads.
    let mut readers = Vec::new();
    for _ in 0..8 {
        let mut file = shop.stream_in_hand(&path, CSV).await;
        let first = file.next().await.unwrap().unwrap();
        readers.push((file, lines(&first)));
    }
    let (status, _) = tokio::time::timeout(LIMIT, shop.get("/api/v1/equipment"))
        .await
        .unwrap();
    assert_eq!(status, 200);

    // One goes on and has all of it; the others hang up.
    let (mut patient, mut read) = readers.pop().unwrap();
    assert!(read < 20_000, "{read} lines are read at once");
    drop(readers);
    while let Some(bytes) = patient.next().await {
        read += lines(&bytes.unwrap());
    }
    // The names of the columns, too.
    assert_eq!(read, PAGES_SAMPLES + 1);
}

#[tokio::test]
async fn a_company_has_only_so_many_exports_at_once_and_takes_none_from_others() {
    let shop = Shop::open().await;
    let (path, mut readers) = (path_of_pages(&shop).await, Vec::new());
    for _ in 0..EXPORTS_OF_TENANT_MAX {
        readers.push(shop.stream_in_hand(&path, PARQUET).await);
    }
    let refused = problem(shop.get_as(&path, CSV).await).await;
    assert_eq!(refused, (429, json!("too-many-exports")));
    let other = shop.other_tenant().await;
    let path_of_other = path_of_pages(&other).await;
    file(&other, &path_of_other, CSV).await;

    readers.pop();
    file(&shop, &path, CSV).await;
}

#[tokio::test]
async fn a_file_is_cut_when_the_token_ends() {
    let shop = Shop::open().await;
    let path = path_of_pages(&shop).await;
    let mut file = shop.stream_in_hand(&path, CSV).await;
    file.next().await.unwrap().unwrap();
    shop.revoke().await;
    assert!(file.next().await.unwrap().is_err());
}

#[tokio::test]
async fn a_file_is_cut_when_the_hub_stops() {
    let shop = Shop::open().await;
    let path = path_of_pages(&shop).await;
    let mut file = shop.stream_in_hand(&path, CSV).await;
    file.next().await.unwrap().unwrap();
    shop.app().stopping.cancel();
    assert!(file.next().await.unwrap().is_err());
}

#[tokio::test]
async fn a_file_outlives_a_time_without_the_database() {
    let shop = Shop::open().await;
    let path = path_of_pages(&shop).await;
    let mut file = shop.stream_in_hand(&path, CSV).await;
    let mut read = lines(&file.next().await.unwrap().unwrap());
    // All connections of the hub: what asks for one is told after some seconds that there is none.
    let begin = || TenantTx::begin(&shop.app().pool, shop.tenant_id());
    let mut all = Vec::new();
    for _ in 0..4 {
        all.push(begin().await.unwrap());
    }
    tokio::select! {
        biased;
        next = file.next() => panic!("a page is read without the database: {next:?}"),
        refused = begin() => assert!(refused.is_err()),
    }
    drop(all);
    while let Some(bytes) = file.next().await {
        read += lines(&bytes.unwrap());
    }
    assert_eq!(read, PAGES_SAMPLES + 1);
}

/// Samples of more than two pages.
const PAGES_SAMPLES: usize = 40_000;

/// Where the samples of a new plant are asked for.
async fn path_of_pages(shop: &Shop) -> String {
    let mut ham = shop.plant("HAM").await;
    let start = noon(shop);
    let samples = samples(start, u32::try_from(PAGES_SAMPLES).unwrap());
    ham.push_blocks(blocks(&samples)).await;
    path(shop, start, "&resolution=raw").await
}

fn lines(text: &[u8]) -> usize {
    std::str::from_utf8(text).unwrap().lines().count()
}
