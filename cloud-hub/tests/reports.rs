//! What devices report beyond their state: stops with reasons, modules, consumables, notifications. Through HTTP on real
//! PostgreSQL.

mod shop;

use agog_sync::event::{
    DeviceEvent, DeviceNotification, DeviceResource, DeviceState, Event, ModuleState,
};
use jiff::ToSpan;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use shop::Shop;
use shop::world::Plant;

fn state(status: &str, detail: Option<&str>) -> Event {
    Event::Device(DeviceEvent::StateChanged(DeviceState {
        device: "press-3".to_owned(),
        status: status.to_owned(),
        status_details: detail.map(str::to_owned),
        job: Some("Job-1235".to_owned()),
        ..DeviceState::default()
    }))
}

fn paper(lot: &str, available: i64) -> Event {
    Event::Device(DeviceEvent::ResourceChanged(DeviceResource {
        device: "press-3".to_owned(),
        resource: "Media".to_owned(),
        location: Some("Feeder".to_owned()),
        lot: Some(lot.to_owned()),
        level: Some("OK".to_owned()),
        available: Some(available.into()),
        ..DeviceResource::default()
    }))
}

fn notified(class: &str, text: &str, milestone: Option<&str>) -> Event {
    Event::Device(DeviceEvent::Notified(DeviceNotification {
        device: "press-3".to_owned(),
        class: class.to_owned(),
        text: Some(text.to_owned()),
        milestone: milestone.map(str::to_owned),
        job: Some("Job-1235".to_owned()),
        ..DeviceNotification::default()
    }))
}

/// A page about the only device of the tenant.
async fn page(shop: &Shop, what: &str) -> Value {
    let (_, devices) = shop.get("/api/v1/equipment").await;
    let id = devices["items"][0]["id"].as_str().unwrap();
    let (status, answer) = shop.get(&format!("/api/v1/equipment/{id}{what}")).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

fn column(page: &Value, name: &str) -> Vec<Value> {
    let items = page["items"].as_array().unwrap();
    items.iter().map(|item| item[name].clone()).collect()
}

async fn topics(shop: &Shop) -> Vec<String> {
    let rows: Vec<(String,)> = shop
        .as_server(sqlx::query_as(
            "select topic from event_outbox where topic not like '%-changed' order by outbox_id",
        ))
        .await
        .unwrap();
    rows.into_iter().map(|(topic,)| topic).collect()
}

#[tokio::test]
async fn stops_have_reasons_and_late_news_end_in_the_right_order() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    ham.push(vec![
        ("2025-10-16T14:00:00Z", state("Running", None)),
        ("2025-10-16T14:10:00Z", state("Stopped", Some("Paper jam"))),
        // Still the same stop.
        ("2025-10-16T14:12:00Z", state("Stopped", Some("Paper jam"))),
        ("2025-10-16T14:40:00Z", state("Running", None)),
        // The network was slow: it had run in between, and stopped again for another reason.
        (
            "2025-10-16T14:30:00Z",
            state("Stopped", Some("Blanket wash")),
        ),
        ("2025-10-16T14:20:00Z", state("Running", None)),
    ])
    .await;

    let stops = page(&shop, "/stops").await;
    assert_eq!(
        column(&stops, "reason"),
        [json!("Blanket wash"), json!("Paper jam")]
    );
    assert_eq!(
        column(&stops, "from"),
        [json!("2025-10-16T14:30:00Z"), json!("2025-10-16T14:10:00Z")]
    );
    assert_eq!(
        column(&stops, "to"),
        [json!("2025-10-16T14:40:00Z"), json!("2025-10-16T14:20:00Z")]
    );
    assert_eq!(column(&stops, "seconds"), [json!(600), json!(600)]);
    let device = &page(&shop, "").await["device"];
    assert_eq!(
        (&device["state"], &device["state_since"]),
        (&json!("Running"), &json!("2025-10-16T14:40:00Z"))
    );
    assert_eq!(
        topics(&shop).await,
        ["equipment.stopped", "equipment.stopped"]
    );

    // Page by page it is the same.
    let first = page(&shop, "/stops?limit=1").await;
    assert_eq!(column(&first, "reason"), [json!("Blanket wash")]);
    let next = first["next"].as_str().unwrap();
    let second = page(&shop, &format!("/stops?limit=1&cursor={next}")).await;
    assert_eq!(column(&second, "reason"), [json!("Paper jam")]);
    assert_eq!(second["next"], Value::Null);
}

#[tokio::test]
async fn stops_are_what_a_reader_of_all_states_would_say_page_by_page() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let mut rng = StdRng::seed_from_u64(7);
    // Minute, state and reason; stops that go on, follow one another, and begin and end the history.
    let told: Vec<_> = (0..300)
        .map(|minute| {
            let word = ["Stopped", "Stopped", "Down", "Running", "Idle"][rng.random_range(0..5)];
            let reason = [None, Some("Paper jam")][rng.random_range(0..2)];
            (minute, word, reason)
        })
        .collect();
    let at = |minute: i64| (shop::at("2025-10-16T00:00:00Z") + minute.minutes()).to_string();
    let mut expected: Vec<(String, Option<String>)> = Vec::new();
    for (place, (minute, word, reason)) in told.iter().enumerate() {
        let is_same = |other: &(i64, &str, Option<&str>)| (other.1, other.2) == (*word, *reason);
        let goes_on = place > 0 && is_same(&told[place - 1]);
        if matches!(*word, "Stopped" | "Down") && !goes_on {
            let next = told[place..].iter().find(|other| !is_same(other));
            expected.push((at(*minute), next.map(|next| at(next.0))));
        }
    }
    expected.reverse();
    let mut late = told.clone();
    late.shuffle(&mut rng);
    for part in late.chunks(100) {
        let times: Vec<_> = part.iter().map(|(minute, ..)| at(*minute)).collect();
        let events = times.iter().zip(part);
        let events = events.map(|(at, (_, word, reason))| (at.as_str(), state(word, *reason)));
        ham.push(events.collect()).await;
    }

    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let stops = page(&shop, &format!("/stops?limit=40{cursor}")).await;
        let text = |value: Value| value.as_str().map(str::to_owned);
        let times = column(&stops, "from").into_iter().zip(column(&stops, "to"));
        found.extend(times.map(|(from, to)| (text(from).unwrap(), text(to))));
        let Some(next) = stops["next"].as_str() else {
            break;
        };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_state_shows_units_operators_and_since_when_it_lasts() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let running = |operator: &str| {
        Event::Device(DeviceEvent::StateChanged(DeviceState {
            device: "press-3".to_owned(),
            status: "Running".to_owned(),
            condition: Some("NeedsAttention".to_owned()),
            operation_mode: Some("Productive".to_owned()),
            operators: vec![operator.to_owned()],
            modules: vec![ModuleState {
                module_id: Some("PU1".to_owned()),
                module_type: "PrintModule".to_owned(),
                status: "Running".to_owned(),
                ..ModuleState::default()
            }],
            ..DeviceState::default()
        }))
    };
    ham.push(vec![
        ("2025-10-16T14:00:00Z", running("Jane Smith")),
        ("2025-10-16T14:30:00Z", running("Tom Miller")),
    ])
    .await;
    let device = &page(&shop, "").await["device"];
    assert_eq!(device["operators"], json!(["Tom Miller"]));
    assert_eq!(device["modules"][0]["id"], "PU1");
    assert_eq!(device["condition"], "NeedsAttention");
    assert_eq!(device["state_since"], "2025-10-16T14:00:00Z");
    let states = page(&shop, "/states").await;
    assert_eq!(
        column(&states, "operators"),
        [json!(["Tom Miller"]), json!(["Jane Smith"])]
    );
}

#[tokio::test]
async fn what_is_on_a_device_is_the_newest_of_each_place_and_the_rest_is_history() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    ham.push(vec![
        ("2025-10-16T14:00:00Z", paper("ROLL-1", 5_000)),
        ("2025-10-16T15:00:00Z", paper("ROLL-2", 9_000)),
        ("2025-10-16T14:30:00Z", paper("ROLL-1", 100)),
    ])
    .await;
    let now = page(&shop, "/resources").await;
    assert_eq!(column(&now, "lot"), [json!("ROLL-2")]);
    assert_eq!(column(&now, "available"), [json!("9000")]);
    let history = page(&shop, "/resources/history").await;
    assert_eq!(
        column(&history, "available"),
        [json!("9000"), json!("100"), json!("5000")]
    );
}

#[tokio::test]
async fn a_warning_is_an_alarm_and_a_milestone_is_told() {
    let shop = Shop::open().await;
    let mut ham: Plant = shop.plant("HAM").await;
    ham.push(vec![
        ("2025-10-16T14:00:00Z", notified("Event", "sheet 1", None)),
        ("2025-10-16T14:01:00Z", notified("Warning", "ink low", None)),
        (
            "2025-10-16T14:02:00Z",
            notified("Event", "", Some("PressCompleted")),
        ),
    ])
    .await;
    assert_eq!(
        topics(&shop).await,
        ["equipment.alarm", "production.milestone"]
    );
    let told = page(&shop, "/notifications").await;
    assert_eq!(
        column(&told, "class"),
        [json!("Event"), json!("Warning"), json!("Event")]
    );
    assert_eq!(column(&told, "milestone")[0], "PressCompleted");
}
