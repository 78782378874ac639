//! The points of a series, over HTTP: how fine they are, how many, and which are left out.

mod shop;

use agog_sync::frame::{SeriesKey, TelemetryBlock};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use shop::Shop;

/// A tenth of a second.
const TICK_US: i64 = 100_000;

/// Ten samples a second of the speed of press 3: 1, but for one that is 900.
fn speeds(start: Timestamp, count: usize, peak: usize) -> Vec<TelemetryBlock> {
    let samples: Vec<_> = (0..count)
        .map(|place| if place == peak { 900.0 } else { 1.0 })
        .collect();
    let mut at_us = start.as_microsecond();
    samples
        .chunks(10_000)
        .map(|value| TelemetryBlock {
            block: 0,
            series: vec![SeriesKey {
                device: "press-3".to_owned(),
                metric: "speed".to_owned(),
                unit: Some("sheets/h".to_owned()),
            }],
            series_index: vec![0; value.len()],
            time_us: value
                .iter()
                .map(|_| {
                    at_us += TICK_US;
                    at_us
                })
                .collect(),
            value: value.to_vec(),
        })
        .collect()
}

fn hours_ago(shop: &Shop, hours: i64) -> Timestamp {
    shop.now() - SignedDuration::from_hours(hours)
}

/// Asks for the speed of press 3 in a time.
async fn ask(shop: &Shop, from: Timestamp, hours: i64, more: &str) -> (u16, Value) {
    let (_, page) = shop.get("/api/v1/equipment").await;
    let id = page["items"][0]["id"].as_str().unwrap();
    let to = from + SignedDuration::from_hours(hours);
    let path = format!("/api/v1/equipment/{id}/telemetry?metric=speed&from={from}&to={to}");
    shop.get(&format!("{path}{more}")).await
}

fn values(answer: &Value) -> Vec<f64> {
    let points = answer["points"].as_array().unwrap().iter();
    points
        .map(|point| point["value"].as_f64().unwrap())
        .collect()
}

#[tokio::test]
async fn few_samples_are_shown_as_they_are_and_many_by_minute() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let (few, many) = (hours_ago(&shop, 50), hours_ago(&shop, 10));
    ham.push_blocks(speeds(few, 1_000, 0)).await;
    ham.push_blocks(speeds(many, 51_000, 0)).await;
    let (_, answer) = ask(&shop, few, 24, "").await;
    assert_eq!(
        (&answer["resolution"], values(&answer).len()),
        (&json!("raw"), 1_000)
    );
    assert_eq!(answer["thinned"], Value::Null);
    let (_, answer) = ask(&shop, many, 4, "").await;
    assert_eq!(answer["resolution"], "minute");
    // Three hours of samples have more minutes than these.
    let (_, answer) = ask(&shop, many, 4, "&points=100").await;
    assert_eq!(answer["resolution"], "hour");
}

#[tokio::test]
async fn what_is_picked_is_still_kept_and_has_few_enough_points() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    ham.push_blocks(speeds(hours_ago(&shop, 50), 1, 0)).await;
    let days = 24;
    for (days_ago, span, expected) in [
        (80, 70, "raw"),
        // Samples are kept for 90 days, minutes and hours for two years.
        (200, 2, "minute"),
        (200, 90, "hour"),
        (500, 450, "day"),
        (1_000, 2, "day"),
    ] {
        let from = hours_ago(&shop, days_ago * days);
        let (_, answer) = ask(&shop, from, span * days, "").await;
        assert_eq!(answer["resolution"], expected, "{days_ago} days ago");
    }
}

#[tokio::test]
async fn a_time_of_which_nothing_is_kept_makes_no_chart_coarse_and_is_not_answered() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    for days_ago in (0..80).rev() {
        // 1 and 900 in turn.
        let peak = usize::from(days_ago % 2 == 0);
        let day = speeds(hours_ago(&shop, days_ago * 24), 1, peak);
        ham.push_blocks(day).await;
    }
    let century = 100 * 365 * 24;
    let query = "&resolution=raw&points=20";
    let (_, answer) = ask(&shop, Timestamp::UNIX_EPOCH, century, query).await;
    // Ten stretches and more of 90 days have some, of a century one.
    assert!(values(&answer).len() > 10, "{answer}");
    let at = |name: &str| answer[name].as_str().unwrap().parse::<Timestamp>().unwrap();
    let kept_hours = shop.now().duration_since(at("from")).as_hours();
    assert!((90 * 24..=91 * 24).contains(&kept_hours), "{answer}");
    assert!(at("to") <= hours_ago(&shop, -24), "{answer}");
}

#[tokio::test]
async fn of_too_many_points_some_are_left_out_and_the_peak_stays() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let start = hours_ago(&shop, 3);
    ham.push_blocks(speeds(start, 20_000, 12_345)).await;
    for (more, points_max) in [("", 5_000), ("&points=200", 200)] {
        let query = format!("&resolution=raw{more}");
        let (status, answer) = ask(&shop, start, 2, &query).await;
        assert_eq!(status, 200, "{answer}");
        let values = values(&answer);
        assert!(values.len() <= points_max, "{} points", values.len());
        assert!(values.contains(&900.0));
        assert_eq!(answer["thinned"], json!({"by": "min_max", "from": 20_000}));
    }
    let (_, answer) = ask(&shop, start, 2, "&resolution=raw&points=200&thin=lttb").await;
    assert!((2..=200).contains(&values(&answer).len()));
    assert_eq!(answer["thinned"], json!({"by": "lttb", "from": 20_000}));
    let (_, minutes) = ask(&shop, start, 2, "&resolution=minute&points=4").await;
    let highest = minutes["points"].as_array().unwrap().iter();
    assert!(highest.map(|point| &point["max"]).any(|max| *max == 900.0));
}

#[tokio::test]
async fn a_question_that_cannot_be_answered_is_told_what_is_expected() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let start = hours_ago(&shop, 1);
    ham.push_blocks(speeds(start, 1, 0)).await;
    for (more, code, expected) in [
        ("&points=3", "bad-points", "expected 4 to 5000"),
        ("&points=5001", "bad-points", "expected 4 to 5000"),
        ("&points=many", "bad-points", "expected 4 to 5000"),
        ("&thin=none", "bad-thin", "expected min_max or lttb"),
    ] {
        let (status, problem) = ask(&shop, start, 1, more).await;
        let detail = problem["detail"].as_str().unwrap();
        assert_eq!((status, &problem["code"]), (400, &json!(code)), "{more}");
        assert!(detail.ends_with(expected), "{detail}");
    }
}

#[tokio::test]
async fn more_samples_than_anybody_waits_for_are_refused_before_they_are_read() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let start = hours_ago(&shop, 2);
    ham.push_blocks(speeds(start, 10, 0)).await;
    // As if there were more than a test can store.
    shop.by_hand("update telemetry_minute set sample_count = 6000000 where tenant_id = $1")
        .await;
    let (status, problem) = ask(&shop, start, 1, "&resolution=raw").await;
    assert_eq!(
        (status, &problem["code"]),
        (400, &json!("too-many-rows")),
        "{problem}"
    );
    let (status, _) = ask(&shop, start, 1, "&resolution=minute").await;
    assert_eq!(status, 200);
}
