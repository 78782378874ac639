//! Live views of plants, as server-sent events over HTTP on real PostgreSQL.

mod shop;

use std::time::Duration;

use agog_sync::event::{DeviceEvent, DeviceNotification, DeviceState, Event};
use agog_sync::frame::{SeriesKey, TelemetryBlock};
use futures_util::StreamExt;
use serde_json::{Value, json};

use shop::Shop;
use shop::world::Plant;

/// Far longer than any event takes.
const LIMIT: Duration = Duration::from_secs(30);

/// Live views that a company may have in a process.
const STREAMS_OF_TENANT_MAX: usize = 100;

fn state(status: &str) -> Event {
    Event::Device(DeviceEvent::StateChanged(DeviceState {
        device: "press-3".to_owned(),
        status: status.to_owned(),
        ..DeviceState::default()
    }))
}

async fn speed(shop: &Shop, ham: &mut Plant, value: f64) {
    ham.push_blocks(vec![TelemetryBlock {
        block: 0,
        series: vec![SeriesKey {
            device: "press-3".to_owned(),
            metric: "speed".to_owned(),
            unit: None,
        }],
        series_index: vec![0],
        time_us: vec![shop.now().as_microsecond()],
        value: vec![value],
    }])
    .await;
}

/// Reads events one after the other.
struct Events {
    answer: reqwest::Response,
    text: String,
}

impl Events {
    async fn of(shop: &Shop, plant: &str) -> Self {
        let answer = shop
            .open_stream(&format!("/api/v1/plants/{plant}/live"))
            .await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Self {
            answer,
            text: String::new(),
        }
    }

    /// The next event; none at the end.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                let field = |name: &str| {
                    let mut lines = event.lines();
                    lines.find_map(|line| line.strip_prefix(name).map(str::to_owned))
                };
                // Comments keep the connection.
                if let (Some(name), Some(data)) = (field("event: "), field("data: ")) {
                    return Some((name, serde_json::from_str(&data).unwrap()));
                }
                continue;
            }
            let chunk = tokio::time::timeout(LIMIT, self.answer.chunk());
            let chunk = chunk.await.expect("an event comes in time").unwrap()?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The first event of a name in which something holds.
    async fn until(&mut self, name: &str, holds: impl Fn(&Value) -> bool) -> Value {
        loop {
            let (event, data) = self.next().await.expect("the stream goes on");
            if event == name && holds(&data) {
                return data;
            }
        }
    }
}

#[tokio::test]
async fn a_watcher_sees_the_plant_as_it_is_and_then_what_changes_at_any_hub() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    ham.push(vec![("2025-10-16T14:00:00Z", state("Idle"))])
        .await;
    speed(&shop, &mut ham, 0.0).await;
    // The plant delivers to one hub, and the office watches at another.
    let watching = shop.at_another_hub().await;
    shop.run_live();
    watching.run_live();

    let mut events = Events::of(&watching, "HAM").await;
    let (name, snapshot) = events.next().await.unwrap();
    assert_eq!(name, "snapshot");
    assert_eq!(snapshot["devices"][0]["state"], "Idle");
    assert_eq!(snapshot["values"][0]["value"], 0.0);

    ham.push(vec![("2025-10-16T14:10:00Z", state("Running"))])
        .await;
    let change = events
        .until("change", |change| {
            change["devices"][0]["state"] == "Running"
        })
        .await;
    assert_eq!(change["devices"][0]["since"], "2025-10-16T14:10:00Z");
    speed(&shop, &mut ham, 9_000.0).await;
    events
        .until("change", |change| change["values"][0]["value"] == 9_000.0)
        .await;
    let notified = DeviceNotification {
        device: "press-3".to_owned(),
        class: "Fatal".to_owned(),
        text: Some("Guard open".to_owned()),
        ..DeviceNotification::default()
    };
    ham.push(vec![(
        "2025-10-16T14:20:00Z",
        Event::Device(DeviceEvent::Notified(notified)),
    )])
    .await;
    events
        .until("change", |change| {
            change["alarms"][0]["text"] == "Guard open"
        })
        .await;
}

#[tokio::test]
async fn nobody_watches_a_plant_of_another_company_or_after_the_token_has_ended() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    ham.push(vec![("2025-10-16T14:00:00Z", state("Idle"))])
        .await;
    let stranger = shop.other_tenant().await;
    let (status, _) = stranger.get("/api/v1/plants/HAM/live").await;
    assert_eq!(status, 404);

    let mut events = Events::of(&shop, "HAM").await;
    assert_eq!(events.next().await.unwrap().0, "snapshot");
    shop.revoke().await;
    let end = events.until("end", |_| true).await;
    assert_eq!(end["reason"], "token-revoked");
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn who_reads_slowly_misses_what_was_in_between_and_holds_up_nobody() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    ham.push(vec![("2025-10-16T14:00:00Z", state("Idle"))])
        .await;
    speed(&shop, &mut ham, 0.0).await;
    shop.run_live();
    // Nothing is made for it but what it takes: no socket is between.
    let mut slow = shop
        .stream_in_hand("/api/v1/plants/HAM/live", "text/event-stream")
        .await;
    let snapshot = slow.next().await.unwrap().unwrap();
    assert!(snapshot.starts_with(b"event: snapshot"));

    let mut quick = Events::of(&shop, "HAM").await;
    quick.until("snapshot", |_| true).await;
    for value in [1.0, 2.0, 3.0] {
        speed(&shop, &mut ham, value).await;
        quick
            .until("change", |change| change["values"][0]["value"] == value)
            .await;
    }
    let change = slow.next().await.unwrap().unwrap();
    let change = std::str::from_utf8(&change).unwrap();
    let (_, data) = change.split_once("data: ").unwrap();
    let data: Value = serde_json::from_str(data).unwrap();
    assert_eq!(data["values"][0]["value"], 3.0, "{change}");
}

#[tokio::test]
async fn a_company_has_only_so_many_live_views_and_takes_none_from_others() {
    let shop = Shop::open().await;
    shop.plant_without_agent("HAM").await;
    let mut streams = Vec::new();
    for _ in 0..STREAMS_OF_TENANT_MAX {
        streams.push(Events::of(&shop, "HAM").await);
    }
    let (status, problem) = shop.get("/api/v1/plants/HAM/live").await;
    assert_eq!(
        (status, &problem["code"]),
        (429, &json!("too-many-streams"))
    );
    let other = shop.other_tenant().await;
    other.plant_without_agent("HAM").await;
    Events::of(&other, "HAM").await;

    streams.pop();
    let again = async {
        while shop.open_stream("/api/v1/plants/HAM/live").await.status() != 200 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, again)
        .await
        .expect("the place of a view that was closed is free again");
}
