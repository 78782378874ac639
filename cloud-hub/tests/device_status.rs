//! What devices do and did, through HTTP on real PostgreSQL.

mod shop;

use agog_sync::event::{DeviceContact, DeviceEvent, DeviceState, Event};
use agog_sync::frame::{SeriesKey, TelemetryBlock};
use serde_json::{Value, json};

use shop::Shop;

fn state(status: &str, reason: Option<&str>, job: Option<&str>) -> Event {
    Event::Device(DeviceEvent::StateChanged(DeviceState {
        device: "press-3".to_owned(),
        status: status.to_owned(),
        status_details: reason.map(str::to_owned),
        job: job.map(str::to_owned),
        ..DeviceState::default()
    }))
}

fn lost() -> Event {
    Event::Device(DeviceEvent::Lost(contact()))
}

fn found() -> Event {
    Event::Device(DeviceEvent::Found(contact()))
}

fn contact() -> DeviceContact {
    DeviceContact {
        device: "press-3".to_owned(),
        detail: "no signal for 60 s".to_owned(),
    }
}

async fn device_id(shop: &Shop) -> String {
    let (_, page) = shop.get("/api/v1/equipment").await;
    page["items"][0]["id"].as_str().unwrap().to_owned()
}

/// Each segment as `14:00 Running`, by the minute in which it begins.
fn shown(page: &Value) -> Vec<String> {
    let segments = page["items"].as_array().unwrap();
    let shown = segments.iter().map(|segment| {
        let from = segment["from"].as_str().unwrap();
        let state = segment["state"].as_str().unwrap();
        let reason = segment["reason"]
            .as_str()
            .map_or(String::new(), |reason| format!(" ({reason})"));
        format!("{} {state}{reason}", &from[11..16])
    });
    shown.collect()
}

const DAY: &str = "from=2025-10-16T14:00:00Z&to=2025-10-16T18:00:00Z";

#[tokio::test]
async fn a_timeline_is_in_the_order_of_the_devices_own_times_and_says_when_nothing_is_known() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let job = Some("Job-1235");
    ham.push(vec![
        ("2025-10-16T14:10:00Z", state("Setup", None, job)),
        ("2025-10-16T14:30:00Z", state("Running", None, job)),
        ("2025-10-16T14:40:00Z", state("Running", None, job)),
        ("2025-10-16T15:30:00Z", lost()),
        ("2025-10-16T16:00:00Z", found()),
        ("2025-10-16T16:05:00Z", state("Running", None, job)),
        // It was told late.
        (
            "2025-10-16T15:00:00Z",
            state("Stopped", Some("paper jam"), job),
        ),
        ("2025-10-16T15:10:00Z", state("Running", None, job)),
    ])
    .await;
    let id = device_id(&shop).await;

    let path = format!("/api/v1/equipment/{id}/timeline?{DAY}");
    let (status, page) = shop.get(&path).await;

    assert_eq!(status, 200, "{page}");
    let expected = [
        "14:00 unknown",
        "14:10 Setup",
        "14:30 Running",
        "15:00 Stopped (paper jam)",
        "15:10 Running",
        "15:30 no-contact",
        "16:00 unknown",
        "16:05 Running",
    ];
    assert_eq!(shown(&page), expected);
    let last = &page["items"][7];
    assert_eq!(
        (&last["to"], &last["seconds"], &last["job"]),
        (
            &json!("2025-10-16T18:00:00Z"),
            &json!(6_900),
            &json!("Job-1235")
        )
    );

    // As a table it has no pages.
    let (status, kind, table) = shop.get_csv(&path).await;
    assert_eq!((status, kind.as_str()), (200, "text/csv; charset=utf-8"));
    let rows: Vec<_> = table.lines().collect();
    assert_eq!(
        (rows.len(), rows[0]),
        (9, "from,to,seconds,state,reason,job")
    );
    assert_eq!(
        rows[4],
        "2025-10-16T15:00:00Z,2025-10-16T15:10:00Z,600,Stopped,paper jam,Job-1235"
    );

    // In pages it is the same.
    let mut pages = Vec::new();
    let mut cursor = String::new();
    loop {
        let (_, page) = shop.get(&format!("{path}&limit=3{cursor}")).await;
        pages.extend(shown(&page));
        let Some(next) = page["next"].as_str() else {
            break;
        };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(pages, expected);
}

#[tokio::test]
async fn the_status_says_what_a_device_does_since_when_and_its_newest_values() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    ham.push(vec![
        (
            "2025-10-16T14:00:00Z",
            state("Running", None, Some("Job-1")),
        ),
        (
            "2025-10-16T14:10:00Z",
            state("Running", None, Some("Job-1")),
        ),
    ])
    .await;
    let now = shop.now();
    ham.push_blocks(vec![TelemetryBlock {
        block: 0,
        series: vec![SeriesKey {
            device: "press-3".to_owned(),
            metric: "jmf.speed".to_owned(),
            unit: Some("sheets/h".to_owned()),
        }],
        series_index: vec![0, 0],
        time_us: vec![
            now.as_microsecond() - 2_000_000,
            now.as_microsecond() - 3_000_000,
        ],
        value: vec![9_000.0, 100.0],
    }])
    .await;
    let path = format!("/api/v1/equipment/{}/status", device_id(&shop).await);

    let (status, answer) = shop.get(&path).await;

    assert_eq!(status, 200, "{answer}");
    assert_eq!(
        (
            &answer["state"],
            &answer["job"],
            &answer["since"],
            &answer["plant"]
        ),
        (
            &json!("Running"),
            &json!("Job-1"),
            &json!("2025-10-16T14:00:00Z"),
            &json!("HAM")
        )
    );
    let value = &answer["values"][0];
    assert_eq!(
        (&value["metric"], &value["value"], &value["unit"]),
        (&json!("jmf.speed"), &json!(9_000.0), &json!("sheets/h"))
    );

    ham.push(vec![("2025-10-16T15:00:00Z", lost())]).await;
    let (_, answer) = shop.get(&path).await;
    assert_eq!(
        (
            &answer["state"],
            &answer["since"],
            &answer["job"],
            &answer["last_state"]
        ),
        (
            &json!("no-contact"),
            &json!("2025-10-16T15:00:00Z"),
            &Value::Null,
            &json!("Running")
        )
    );

    // Found again, it has to say first what it does.
    ham.push(vec![("2025-10-16T15:10:00Z", found())]).await;
    let (_, answer) = shop.get(&path).await;
    assert_eq!(answer["state"], "unknown");
    ham.push(vec![(
        "2025-10-16T15:11:00Z",
        state("Running", None, Some("Job-1")),
    )])
    .await;
    let (_, answer) = shop.get(&path).await;
    assert_eq!(
        (&answer["state"], &answer["since"]),
        (&json!("Running"), &json!("2025-10-16T15:11:00Z"))
    );
}

#[tokio::test]
async fn a_device_of_a_plant_that_is_away_does_nothing_that_is_known() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    ham.push(vec![("2025-10-16T14:00:00Z", state("Running", None, None))])
        .await;
    shop.by_hand("update producer set changed_at = '2025-10-16T16:00:00Z', seen_at = null where tenant_id = $1")
        .await;
    let id = device_id(&shop).await;

    let (_, answer) = shop.get(&format!("/api/v1/equipment/{id}/status")).await;
    assert_eq!(
        (&answer["state"], &answer["since"], &answer["last_state"]),
        (
            &json!("unknown"),
            &json!("2025-10-16T16:00:00Z"),
            &json!("Running")
        )
    );
    let (_, page) = shop
        .get(&format!("/api/v1/equipment/{id}/timeline?{DAY}"))
        .await;
    assert_eq!(shown(&page), ["14:00 Running", "16:00 unknown"]);
}

#[tokio::test]
async fn a_value_whose_time_is_still_to_come_does_not_hide_those_that_come_now() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let now = shop.now();
    let series = |metric: &str| SeriesKey {
        device: "press-3".to_owned(),
        metric: metric.to_owned(),
        unit: None,
    };
    let hours_s = 3600;
    // Seconds from now. The clock of the heat sensor is ahead for good, that of the speed was for a moment.
    let samples = [
        (0, -5, 8_000.0),
        (0, 12 * hours_s, 1.0),
        (0, -2, 9_000.0),
        (1, 6 * hours_s, 80.0),
    ];
    ham.push_blocks(vec![TelemetryBlock {
        block: 0,
        series: vec![series("speed"), series("heat")],
        series_index: samples.iter().map(|(series, ..)| *series).collect(),
        time_us: samples
            .iter()
            .map(|(_, second, _)| now.as_microsecond() + second * 1_000_000)
            .collect(),
        value: samples.iter().map(|(.., value)| *value).collect(),
    }])
    .await;
    let path = format!("/api/v1/equipment/{}/status", device_id(&shop).await);

    let (status, answer) = shop.get(&path).await;

    assert_eq!(status, 200, "{answer}");
    let shown = |place: usize| {
        (
            &answer["values"][place]["metric"],
            &answer["values"][place]["value"],
        )
    };
    // Where there is no other, it is better than nothing.
    assert_eq!(shown(0), (&json!("heat"), &json!(80.0)));
    assert_eq!(shown(1), (&json!("speed"), &json!(9_000.0)));
    let contact: jiff::Timestamp = answer["last_contact"].as_str().unwrap().parse().unwrap();
    assert!(contact <= shop.now(), "{answer}");
}
