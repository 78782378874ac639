//! What is set of devices, and how well they used their time, through HTTP on real PostgreSQL.

mod shop;

use agog_sync::event::{DeviceContact, DeviceEvent, DeviceState, Event};
use agog_sync::frame::{SeriesKey, TelemetryBlock};
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use shop::Shop;
use shop::world::Plant;

fn state(status: &str, reason: Option<&str>) -> Event {
    Event::Device(DeviceEvent::StateChanged(DeviceState {
        device: "press-3".to_owned(),
        status: status.to_owned(),
        status_details: reason.map(str::to_owned),
        ..DeviceState::default()
    }))
}

fn lost() -> Event {
    Event::Device(DeviceEvent::Lost(DeviceContact {
        device: "press-3".to_owned(),
        detail: "no signal for 60 s".to_owned(),
    }))
}

/// Values of a counter, by minutes from the start of a shift.
fn counter(metric: &str, start: Timestamp, values: &[(i64, f64)]) -> TelemetryBlock {
    TelemetryBlock {
        block: 0,
        series: vec![SeriesKey {
            device: "press-3".to_owned(),
            metric: metric.to_owned(),
            unit: Some("sheet".to_owned()),
        }],
        series_index: vec![0; values.len()],
        time_us: values
            .iter()
            .map(|(minute, _)| start.as_microsecond() + minute * 60_000_000)
            .collect(),
        value: values.iter().map(|(_, value)| *value).collect(),
    }
}

/// The midnight with which a day began that is over. Each test has days of its own: their partitions are made by the first
/// samples of a day.
fn midnight(shop: &Shop, days_ago: i64) -> Timestamp {
    let day = shop.now() - SignedDuration::from_hours(24 * days_ago);
    let day = day.in_tz("UTC").unwrap().start_of_day().unwrap();
    day.timestamp()
}

async fn device_path(shop: &Shop) -> String {
    let (_, page) = shop.get("/api/v1/equipment").await;
    format!(
        "/api/v1/equipment/{}",
        page["items"][0]["id"].as_str().unwrap()
    )
}

async fn push(ham: &mut Plant, start: Timestamp, events: Vec<(i64, Event)>) {
    let times: Vec<_> = events
        .iter()
        .map(|(minute, _)| (start + SignedDuration::from_mins(*minute)).to_string())
        .collect();
    let events = times
        .iter()
        .zip(events)
        .map(|(at, (_, event))| (at.as_str(), event));
    ham.push(events.collect()).await;
}

/// The losses, the good and the undivided time, in hundredths of a minute.
fn sum(answer: &Value) -> i64 {
    let losses = &answer["losses"];
    let stops = losses["stops"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stop| &stop["minutes"]);
    let others = [
        "other_stops",
        "setup",
        "idle",
        "no_contact",
        "unknown",
        "speed",
        "quality",
    ];
    let others = others.iter().map(|loss| &losses[*loss]);
    let rest = [&answer["good_minutes"], &answer["undivided_minutes"]];
    let hundredths = |minutes: &Value| -> i64 {
        let hundredths = minutes.as_f64().unwrap_or(0.0) * 100.0;
        format!("{hundredths:.0}").parse().unwrap()
    };
    stops.chain(others).chain(rest).map(hundredths).sum()
}

const EVERY_DAY: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

#[tokio::test]
async fn the_oee_of_a_shift_has_its_losses_in_minutes_and_they_are_the_planned_time() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let day = midnight(&shop, 3);
    // The shift is from 6 to 14 o'clock.
    let shift = day + SignedDuration::from_hours(6);
    let events = vec![
        (-30, state("Setup", None)),
        (30, state("Running", None)),
        (330, state("Stopped", Some("paper jam"))),
        (370, state("Running", None)),
        (400, state("Idle", None)),
        (420, lost()),
        (440, state("Running", None)),
    ];
    push(&mut ham, shift, events).await;
    // 40,000 in the shift, over a counter that was set back and one that jumped back by a little; and some before and after.
    let made = [
        (-1, 7_000.0),
        (60, 17_000.0),
        (61, 0.0),
        (180, 20_000.0),
        (181, 19_900.0),
        (470, 29_900.0),
        (490, 40_000.0),
    ];
    let wasted = [
        (-1, 50.0),
        (200, 1_050.0),
        (201, 0.0),
        (400, 1_000.0),
        (490, 9_000.0),
    ];
    ham.push_blocks(vec![
        counter("jmf.production_counter", shift, &made),
        counter("jmf.job.waste", shift, &wasted),
    ])
    .await;
    let path = device_path(&shop).await;
    let settings = json!({"ideal_speed_per_hour": 10_000, "calendar": [{"days": EVERY_DAY, "from": "06:00", "to": "14:00"}]});
    let (status, set) = shop
        .patch(&format!("{path}/settings"), "1", None, &settings)
        .await;
    assert_eq!(status, 200, "{set}");

    let to = day + SignedDuration::from_hours(24);
    let (status, answer) = shop.get(&format!("{path}/oee?from={day}&to={to}")).await;

    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["planned_minutes"], 480.0);
    assert_eq!(answer["production_minutes"], 370.0);
    assert_eq!(
        answer["losses"],
        json!({
            "stops": [{"state": "Stopped", "reason": "paper jam", "count": 1, "minutes": 40.0}], "other_stops": 0.0,
            "setup": 30.0, "idle": 20.0, "no_contact": 20.0, "unknown": 0.0, "speed": 130.0, "quality": 12.0,
        })
    );
    assert_eq!(
        (&answer["produced"]["value"], &answer["waste"]["value"]),
        (&json!(40_000.0), &json!(2_000.0))
    );
    assert_eq!(answer["good_minutes"], 228.0);
    assert_eq!(sum(&answer), 48_000);
    let value = |factor: &str| answer[factor]["value"].clone();
    let factors = ["availability", "effectiveness", "quality", "oee"].map(value);
    assert_eq!(json!(factors), json!([0.7708, 0.6486, 0.95, 0.475]));
}

#[tokio::test]
async fn what_is_not_known_for_the_oee_is_missing_with_its_reason() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let day = midnight(&shop, 6);
    push(
        &mut ham,
        day,
        vec![(0, state("Running", None)), (120, state("Idle", None))],
    )
    .await;
    let path = device_path(&shop).await;
    let to = day + SignedDuration::from_hours(4);
    let oee = format!("{path}/oee?from={day}&to={to}");

    let (_, answer) = shop.get(&oee).await;
    assert_eq!(answer["planned_minutes"], Value::Null);
    assert_eq!(
        answer["oee"],
        json!({"value": null, "missing": "no-calendar"})
    );

    let settings = json!({"calendar": [{"days": EVERY_DAY, "from": "00:00", "to": "00:00"}]});
    shop.patch(&format!("{path}/settings"), "1", None, &settings)
        .await;
    let (_, answer) = shop.get(&oee).await;
    assert_eq!(answer["availability"]["value"], 0.5);
    assert_eq!(answer["effectiveness"]["missing"], "no-ideal-speed");
    assert_eq!(answer["produced"]["missing"], "no-counter");
    assert_eq!(
        (&answer["undivided_minutes"], sum(&answer)),
        (&json!(120.0), 24_000)
    );

    // The counter is known, but was not told while the device ran.
    ham.push_blocks(vec![counter(
        "jmf.production_counter",
        day,
        &[(-60, 5.0), (600, 9.0)],
    )])
    .await;
    let (_, answer) = shop.get(&oee).await;
    assert_eq!(answer["produced"]["missing"], "no-samples");
    // Of two units, the one that was told last counts.
    let mut weighed = counter(
        "jmf.production_counter",
        day,
        &[(10, 5.0), (100, 45.0), (700, 46.0)],
    );
    weighed.series[0].unit = Some("kg".to_owned());
    ham.push_blocks(vec![weighed]).await;
    let (_, answer) = shop.get(&oee).await;
    let produced = &answer["produced"];
    assert_eq!(
        (&produced["value"], &produced["unit"]),
        (&json!(40.0), &json!("kg"))
    );

    let year = day - SignedDuration::from_hours(100 * 24);
    let (status, problem) = shop.get(&format!("{path}/oee?from={year}&to={to}")).await;
    assert_eq!((status, &problem["code"]), (400, &json!("bad-time")));
}

#[tokio::test]
async fn settings_are_changed_one_member_at_a_time_and_only_as_they_were_read() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    ham.push(vec![("2025-10-16T14:00:00Z", state("Idle", None))])
        .await;
    let path = format!("{}/settings", device_path(&shop).await);

    let (status, answer) = shop.get(&path).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(
        answer["settings"]["produced_metric"],
        "jmf.production_counter"
    );
    assert_eq!(answer["updated_at"], Value::Null);
    let tag = shop.tag(&path).await;

    let speed = json!({"ideal_speed_per_hour": 18_000.0});
    let (status, answer) = shop.patch(&path, "1", Some(&tag), &speed).await;
    assert_eq!(
        (status, &answer["updated_by"]),
        (200, &json!("Mary Office")),
        "{answer}"
    );
    let zone = json!({"time_zone": "Europe/Berlin"});
    let (status, problem) = shop.patch(&path, "2", Some(&tag), &zone).await;
    assert_eq!(
        (status, &problem["code"]),
        (412, &json!("settings-changed"))
    );
    let (_, answer) = shop.patch(&path, "3", None, &zone).await;
    assert_eq!(answer["settings"]["ideal_speed_per_hour"], 18_000.0);
    assert_eq!(answer["settings"]["time_zone"], "Europe/Berlin");

    let wrong = json!({"calendar": [{"days": ["monday"], "from": "6 am", "to": "14:00"}]});
    let (status, problem) = shop.patch(&path, "4", None, &wrong).await;
    assert_eq!(
        (status, &problem["errors"][0]["pointer"]),
        (422, &json!("/calendar/0"))
    );

    let stranger = shop.other_tenant().await;
    let (status, _) = stranger.patch(&path, "5", None, &zone).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn a_counter_that_falls_at_random_never_counts_backwards_nor_more_than_it_went_up() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let day = midnight(&shop, 9);
    push(&mut ham, day, vec![(0, state("Running", None))]).await;
    let path = device_path(&shop).await;
    let mut rng = StdRng::seed_from_u64(22_400);
    for (round, falls) in [0.0, 0.02, 0.3].into_iter().enumerate() {
        // Several samples in a minute, and some minutes without any.
        let (mut value, mut went_up) = (500, 0);
        let (mut times, mut values) = (Vec::new(), Vec::new());
        for second in (0..3_600 * 4).step_by(17) {
            let up = rng.random_range(0..20);
            if rng.random_bool(falls) {
                value = rng.random_range(0..=value);
            } else {
                value += up;
                went_up += if values.is_empty() { 0 } else { up };
            }
            if second % 900 < 600 || values.is_empty() {
                times.push(day.as_microsecond() + second * 1_000_000);
                values.push(f64::from(value));
            }
        }
        let metric = format!("counter-{round}");
        let mut block = counter(&metric, day, &[]);
        block.series_index = vec![0; values.len()];
        (block.time_us, block.value) = (times, values.clone());
        ham.push_blocks(vec![block]).await;
        let settings = json!({"produced_metric": metric, "calendar": [{"days": EVERY_DAY, "from": "00:00", "to": "00:00"}]});
        shop.patch(&format!("{path}/settings"), &metric, None, &settings)
            .await;

        let to = day + SignedDuration::from_hours(4);
        let (_, answer) = shop.get(&format!("{path}/oee?from={day}&to={to}")).await;

        let produced = answer["produced"]["value"].as_f64().unwrap();
        assert!(
            produced >= 0.0 && produced <= f64::from(went_up),
            "{produced} of {went_up}"
        );
        if round == 0 {
            // It never fell: whatever was not told is in what was told next.
            assert_eq!(
                answer["produced"]["value"],
                json!(values[values.len() - 1] - values[0])
            );
        }
    }
}
