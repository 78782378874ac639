//! What is missing of telemetry and why, over HTTP on real PostgreSQL.

mod shop;

use agog_sync::event::{Event, TelemetryGap};
use agog_sync::frame::{SeriesKey, TelemetryBlock};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use shop::Shop;
use shop::world::Plant;

const HOUR: SignedDuration = SignedDuration::from_hours(1);

fn speed(device: &str) -> SeriesKey {
    SeriesKey {
        device: device.to_owned(),
        metric: "speed".to_owned(),
        unit: None,
    }
}

/// A gap of ten minutes as a plant tells of it.
fn gap(device: Option<&str>, from: Timestamp, count: u64) -> Event {
    Event::Gap(TelemetryGap {
        series: device.map(speed),
        from,
        to: from + SignedDuration::from_mins(10),
        count,
        reason: "no room".to_owned(),
    })
}

async fn push(ham: &mut Plant, now: Timestamp, gaps: Vec<Event>) {
    let now = now.to_string();
    let gaps = gaps.into_iter().map(|gap| (now.as_str(), gap));
    ham.push(gaps.collect()).await;
}

/// A plant that left out samples three and two hours ago, and whose clock was ahead by days for a moment.
async fn with_gaps(shop: &Shop, now: Timestamp) -> Plant {
    let mut ham = shop.plant("HAM").await;
    let gaps = vec![
        gap(Some("press-3"), now - HOUR * 3, 3),
        gap(None, now - HOUR * 2, 20),
        gap(Some("press-4"), now - HOUR * 2, 100),
    ];
    push(&mut ham, now, gaps).await;
    let days = now + HOUR * 72;
    ham.push_blocks(vec![TelemetryBlock {
        block: 0,
        series: vec![speed("press-3")],
        series_index: vec![0, 0],
        time_us: vec![now.as_microsecond(), days.as_microsecond()],
        value: vec![1.0, 2.0],
    }])
    .await;
    ham
}

async fn listed(shop: &Shop, query: &str) -> Vec<Value> {
    let path = format!("/api/v1/plants/HAM/telemetry-gaps?{query}");
    let (status, page) = shop.get(&path).await;
    assert_eq!(status, 200, "{page}");
    page["items"].as_array().unwrap().clone()
}

async fn counts(shop: &Shop, query: &str) -> Vec<i64> {
    let gaps = listed(shop, query).await;
    let counts = gaps.iter().map(|gap| gap["samples"].as_i64().unwrap());
    counts.collect()
}

#[tokio::test]
async fn gaps_are_listed_newest_first_with_their_reasons_and_who_told_of_them() {
    let shop = Shop::open().await;
    let now = shop.now();
    with_gaps(&shop, now).await;

    let all = listed(&shop, "").await;
    let shown = |gap: &Value| {
        let member = |name: &str| gap[name].clone();
        (
            member("device"),
            member("reason"),
            member("samples"),
            member("block"),
            gap["event_id"].is_string(),
        )
    };
    let ahead = json!("more than a day ahead of the hub's clock");
    let (press_3, press_4, none) = (json!("press-3"), json!("press-4"), Value::Null);
    let no_room = json!("no room");
    let shown: Vec<_> = all.iter().map(shown).collect();
    assert_eq!(
        shown,
        [
            (press_3.clone(), ahead, json!(1), json!(1), false),
            (press_4, no_room.clone(), json!(100), none.clone(), true),
            (none.clone(), no_room.clone(), json!(20), none.clone(), true),
            (press_3, no_room, json!(3), none, true),
        ]
    );
    let time = |name: &str| all[3][name].as_str().unwrap().parse::<Timestamp>().unwrap();
    let ten_minutes = SignedDuration::from_mins(10);
    assert_eq!(time("to").duration_since(time("from")), ten_minutes);
    assert!(time("recorded_at") >= now);
}

#[tokio::test]
async fn gaps_come_in_pages_of_a_time_and_of_a_device() {
    let shop = Shop::open().await;
    let now = shop.now();
    with_gaps(&shop, now).await;

    let mut paged = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/api/v1/plants/HAM/telemetry-gaps?limit=3{cursor}");
        let (_, page) = shop.get(&path).await;
        paged.extend(page["items"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else {
            break;
        };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(paged, listed(&shop, "").await);

    assert_eq!(counts(&shop, "device=press-3").await, [1, 3]);
    let two_hours_ago = format!("from={}&to={}", now - HOUR * 2, now - HOUR);
    assert_eq!(counts(&shop, &two_hours_ago).await, [100, 20]);
    let of_press_4 = format!("{two_hours_ago}&device=press-4");
    assert_eq!(counts(&shop, &of_press_4).await, [100]);

    let (status, problem) = shop
        .get("/api/v1/plants/HAM/telemetry-gaps?from=yesterday")
        .await;
    assert_eq!((status, &problem["code"]), (400, &json!("bad-time")));
    let stranger = shop.other_tenant().await;
    let (status, _) = stranger.get("/api/v1/plants/HAM/telemetry-gaps").await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn a_chart_says_how_many_samples_are_missing_in_its_time() {
    let shop = Shop::open().await;
    let now = shop.now();
    let mut ham = with_gaps(&shop, now).await;
    let (_, page) = shop.get("/api/v1/equipment").await;
    let id = page["items"][0]["id"].as_str().unwrap();
    let gaps = async |from: Timestamp, to: Timestamp| {
        let path = format!("/api/v1/equipment/{id}/telemetry?metric=speed&from={from}&to={to}");
        let (status, answer) = shop.get(&path).await;
        assert_eq!(status, 200, "{answer}");
        answer["gaps"].clone()
    };
    let day = gaps(now - HOUR * 24, now).await;
    assert_eq!(day, json!({"of_device": 3, "of_plant": 20}));
    // A part of a gap is told as the whole, because nobody knows which of its samples are meant.
    let end = now - HOUR * 3 + SignedDuration::from_mins(5);
    let part = gaps(now - HOUR * 6, end).await;
    assert_eq!(part, json!({"of_device": 3, "of_plant": 0}));
    let none = gaps(now - HOUR, now).await;
    assert_eq!(none, json!({"of_device": 0, "of_plant": 0}));

    // Whatever a plant tells, it can be read.
    let most = || gap(Some("press-3"), now - HOUR * 3, u64::MAX);
    push(&mut ham, now, vec![most(), most()]).await;
    let day = gaps(now - HOUR * 24, now).await;
    assert_eq!(day, json!({"of_device": i64::MAX, "of_plant": 20}));
}
