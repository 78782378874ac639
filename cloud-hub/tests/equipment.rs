//! Devices, their states and their telemetry, through HTTP on real PostgreSQL.

mod shop;

use agog_sync::event::{DeviceContact, DeviceEvent, DeviceState, Event, TelemetryGap};
use agog_sync::frame::{SeriesKey, TelemetryBlock};
use jiff::Timestamp;
use serde_json::{Value, json};

use shop::Shop;

fn state(device: &str, status: &str, job: Option<&str>) -> Event {
    Event::Device(DeviceEvent::StateChanged(DeviceState {
        device: device.to_owned(),
        name: Some("Heidelberg XL 106".to_owned()),
        status: status.to_owned(),
        job: job.map(str::to_owned),
        ..DeviceState::default()
    }))
}

/// A block of one series; samples are (seconds from `start`, value).
fn block(device: &str, metric: &str, start: Timestamp, samples: &[(i64, f64)]) -> TelemetryBlock {
    TelemetryBlock {
        block: 0,
        series: vec![SeriesKey {
            device: device.to_owned(),
            metric: metric.to_owned(),
            unit: Some("sheets/h".to_owned()),
        }],
        series_index: vec![0; samples.len()],
        time_us: samples
            .iter()
            .map(|(second, _)| start.as_microsecond() + second * 1_000_000)
            .collect(),
        value: samples.iter().map(|(_, value)| *value).collect(),
    }
}

/// The start of the minute, some minutes before the hub's now.
fn minutes_ago(shop: &Shop, minutes: i64) -> Timestamp {
    let now = shop.now().as_second();
    Timestamp::from_second(now - now.rem_euclid(60) - minutes * 60).unwrap()
}

async fn device_id(shop: &Shop, code: &str) -> String {
    let (_, page) = shop.get("/api/v1/equipment").await;
    let devices = page["items"].as_array().unwrap();
    let device = devices
        .iter()
        .find(|device| device["code"] == code)
        .expect("the device is listed");
    device["id"].as_str().unwrap().to_owned()
}

fn values(answer: &Value) -> Vec<f64> {
    answer["points"]
        .as_array()
        .unwrap()
        .iter()
        .map(|point| point["value"].as_f64().unwrap())
        .collect()
}

#[tokio::test]
async fn a_device_shows_its_newest_state_also_when_older_news_come_late() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    ham.push(vec![
        (
            "2025-10-16T14:00:00Z",
            state("press-3", "Setup", Some("Job-1235")),
        ),
        (
            "2025-10-16T14:20:00Z",
            state("press-3", "Running", Some("Job-1235")),
        ),
        (
            "2025-10-16T14:10:00Z",
            state("press-3", "Stopped", Some("Job-1235")),
        ),
    ])
    .await;
    let id = device_id(&shop, "press-3").await;
    let (status, answer) = shop.get(&format!("/api/v1/equipment/{id}")).await;
    assert_eq!(status, 200, "{answer}");
    let device = &answer["device"];
    assert_eq!(
        (&device["state"], &device["job"], &device["plant"]),
        (&json!("Running"), &json!("Job-1235"), &json!("HAM"))
    );
    assert_eq!(device["state_since"], "2025-10-16T14:20:00Z");
    let lost = DeviceContact {
        device: "press-3".to_owned(),
        detail: "no signal for 60 s".to_owned(),
    };
    ham.push(vec![(
        "2025-10-16T15:00:00Z",
        Event::Device(DeviceEvent::Lost(lost)),
    )])
    .await;
    let (_, answer) = shop.get(&format!("/api/v1/equipment/{id}")).await;
    assert_eq!(answer["device"]["lost"], true);
    let told: Vec<(String,)> = shop
        .as_server(sqlx::query_as(
            "select data->>'detail' from event_outbox where topic = 'equipment.no-contact'",
        ))
        .await
        .unwrap();
    assert_eq!(told, [("no signal for 60 s".to_owned(),)]);
}

#[tokio::test]
async fn samples_are_shown_raw_and_by_minute_and_a_repeated_block_counts_once() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let start = minutes_ago(&shop, 10);
    let batch = ham.ledger.blocks(vec![
        block(
            "press-3",
            "speed",
            start,
            &[(0, 10.0), (30, 20.0), (60, 40.0)],
        ),
        block("press-3", "speed", start, &[(59, 30.0)]),
    ]);
    assert!(!ham.send_blocks(&batch).await.duplicate);
    assert!(ham.send_blocks(&batch).await.duplicate);

    let id = device_id(&shop, "press-3").await;
    let path = format!("/api/v1/equipment/{id}/telemetry?metric=speed");
    let (status, raw) = shop.get(&format!("{path}&resolution=raw")).await;
    assert_eq!(status, 200, "{raw}");
    assert_eq!(values(&raw), [10.0, 20.0, 30.0, 40.0]);
    assert_eq!(raw["unit"], "sheets/h");
    let (_, minutes) = shop.get(&format!("{path}&resolution=minute")).await;
    assert_eq!(values(&minutes), [20.0, 40.0]);
    let first = &minutes["points"][0];
    assert_eq!(
        (&first["min"], &first["max"], &first["samples"]),
        (&json!(10.0), &json!(30.0), &json!(3))
    );
}

#[tokio::test]
async fn a_block_of_a_device_that_cannot_be_stored_is_a_gap_and_the_others_are_stored() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let start = minutes_ago(&shop, 10);
    ham.push_blocks(vec![
        block("press-3", "speed", start, &[(0, 10.0)]),
        block("press\0", "speed", start, &[(0, 20.0), (1, 30.0)]),
        block("press-3", "speed", start, &[(30, 40.0)]),
    ])
    .await;

    let id = device_id(&shop, "press-3").await;
    let path = format!("/api/v1/equipment/{id}/telemetry?metric=speed&resolution=raw");
    let (_, raw) = shop.get(&path).await;
    assert_eq!(values(&raw), [10.0, 40.0]);
    let gaps: Vec<(i64,)> = shop
        .as_server(sqlx::query_as("select sample_count from telemetry_gap"))
        .await
        .unwrap();
    assert_eq!(gaps, [(2,)]);
}

#[tokio::test]
async fn a_metric_that_the_device_has_not_is_answered_with_those_that_it_has() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let start = minutes_ago(&shop, 5);
    ham.push_blocks(vec![
        block("press-1", "speed", start, &[(0, 1.0)]),
        block("press-1", "ink-temperature", start, &[(0, 1.0)]),
    ])
    .await;
    let id = device_id(&shop, "press-1").await;
    let path = format!("/api/v1/equipment/{id}/telemetry");
    for (query, code) in [
        ("?metric=torque", "unknown-metric"),
        ("", "unknown-metric"),
        ("?metric=speed&resolution=week", "bad-resolution"),
        ("?metric=speed&from=yesterday", "bad-time"),
        (
            "?metric=speed&from=2025-10-16T00:00:00Z&to=2025-10-15T00:00:00Z",
            "bad-time",
        ),
    ] {
        let (status, problem) = shop.get(&format!("{path}{query}")).await;
        assert_eq!(
            (status, problem["code"].as_str().unwrap()),
            (400, code),
            "{query}"
        );
    }
    let (_, problem) = shop.get(&format!("{path}?metric=torque")).await;
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .ends_with("expected one of ink-temperature, speed"),
        "{problem}"
    );
}

#[tokio::test]
async fn samples_of_a_broken_clock_and_samples_that_the_plant_shed_are_counted_as_gaps() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let start = minutes_ago(&shop, 5);
    ham.push_blocks(vec![
        block(
            "press-1",
            "speed",
            Timestamp::UNIX_EPOCH,
            &[(0, 1.0), (1, 1.0)],
        ),
        block("press-1", "speed", start, &[(0, 1.0)]),
    ])
    .await;
    let mut torn = block("press-1", "speed", start, &[(0, 1.0), (1, 1.0), (2, 1.0)]);
    torn.time_us.pop();
    // A name that no index takes: only the database knows.
    let name: String = (0..4_000_u32)
        .map(|n| blake3::hash(&n.to_le_bytes()).to_hex()[..2].to_owned())
        .collect();
    let unstorable = block("press-1", &name, start, &[(0, 1.0)]);
    ham.push_blocks(vec![torn, unstorable]).await;
    let gap = TelemetryGap {
        series: None,
        from: start,
        to: start,
        count: 40,
        reason: "disk full".to_owned(),
    };
    ham.push(vec![("2025-10-16T15:00:00Z", Event::Gap(gap))])
        .await;
    let gaps: Vec<(String, i64)> = shop
        .as_server(sqlx::query_as(
            "select reason, sample_count from telemetry_gap order by gap_id",
        ))
        .await
        .unwrap();
    assert_eq!(
        gaps,
        [
            ("older than 90 days".to_owned(), 2),
            (
                "block 3: columns of a telemetry block differ in length".to_owned(),
                3,
            ),
            ("block 4 cannot be stored".to_owned(), 1),
            ("disk full".to_owned(), 40),
        ]
    );
}

#[tokio::test]
async fn a_device_of_another_tenant_and_its_telemetry_are_not_there() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let start = minutes_ago(&shop, 5);
    ham.push_blocks(vec![block("press-1", "speed", start, &[(0, 1.0)])])
        .await;
    let id = device_id(&shop, "press-1").await;
    let stranger = shop.other_tenant().await;
    for path in ["", "/telemetry?metric=speed"] {
        let (status, _) = stranger.get(&format!("/api/v1/equipment/{id}{path}")).await;
        assert_eq!(status, 404, "{path}");
    }
}
