//! Alarms of devices, through HTTP on real PostgreSQL.

mod shop;

use std::sync::Arc;

use agog_hub::equipment;
use agog_sync::clock::ManualClock;
use agog_sync::event::{DeviceEvent, DeviceNotification, DeviceState, Event};
use agog_sync::frame::{SeriesKey, TelemetryBlock};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use shop::Shop;
use shop::hub::{Hub, remove_database};
use shop::world::Plant;

fn idle() -> Event {
    Event::Device(DeviceEvent::StateChanged(DeviceState {
        device: "press-3".to_owned(),
        status: "Idle".to_owned(),
        ..DeviceState::default()
    }))
}

fn notified(class: &str, text: &str) -> Event {
    Event::Device(DeviceEvent::Notified(DeviceNotification {
        device: "press-3".to_owned(),
        class: class.to_owned(),
        text: Some(text.to_owned()),
        ..DeviceNotification::default()
    }))
}

async fn temperatures(shop: &Shop, ham: &mut Plant, values: &[(i64, f64)]) {
    samples(shop, ham, "temperature", values).await;
}

async fn samples(shop: &Shop, ham: &mut Plant, metric: &str, values: &[(i64, f64)]) {
    samples_in(shop, ham, (metric, "°C"), values).await;
}

/// Samples of a metric in a unit, by seconds before now.
async fn samples_in(
    shop: &Shop,
    ham: &mut Plant,
    (metric, unit): (&str, &str),
    values: &[(i64, f64)],
) {
    let now = shop.now().as_microsecond();
    ham.push_blocks(vec![TelemetryBlock {
        block: 0,
        series: vec![SeriesKey {
            device: "press-3".to_owned(),
            metric: metric.to_owned(),
            unit: Some(unit.to_owned()),
        }],
        series_index: vec![0; values.len()],
        time_us: values
            .iter()
            .map(|(ago, _)| now - ago * 1_000_000)
            .collect(),
        value: values.iter().map(|(_, value)| *value).collect(),
    }])
    .await;
}

/// A press that is watched: too hot above 80, and well again at 75.
async fn watched(shop: &Shop, ham: &mut Plant, for_s: u32) -> String {
    ham.push(vec![("2025-10-16T14:00:00Z", idle())]).await;
    let (_, page) = shop.get("/api/v1/equipment").await;
    let path = format!(
        "/api/v1/equipment/{}/settings",
        page["items"][0]["id"].as_str().unwrap()
    );
    let too_hot = json!({"alarms": [{"name": "too hot", "metric": "temperature", "above": 80.0, "clear": 75.0, "for_s": for_s,
        "class": "Error", "text": "Stop the press and check the bearing"}]});
    let (status, answer) = shop.patch(&path, "hot", None, &too_hot).await;
    assert_eq!(status, 200, "{answer}");
    path
}

async fn alarms(shop: &Shop, query: &str) -> Vec<Value> {
    let (status, page) = shop.get(&format!("/api/v1/equipment/alarms{query}")).await;
    assert_eq!(status, 200, "{page}");
    page["items"].as_array().unwrap().clone()
}

async fn told(shop: &Shop, topic: &'static str) -> Vec<Value> {
    let rows: Vec<(Value,)> = shop
        .as_server(
            sqlx::query_as("select data from event_outbox where topic = $1 order by outbox_id")
                .bind(topic),
        )
        .await
        .unwrap();
    rows.into_iter().map(|(data,)| data).collect()
}

#[tokio::test]
async fn a_metric_beyond_its_threshold_is_one_alarm_until_it_is_well_again() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    watched(&shop, &mut ham, 0).await;

    temperatures(
        &shop,
        &mut ham,
        &[(60, 79.0), (50, 81.0), (40, 79.0), (30, 85.0)],
    )
    .await;

    let standing = alarms(&shop, "?status=open").await;
    assert_eq!(standing.len(), 1, "{standing:?}");
    let alarm = &standing[0];
    assert_eq!(
        (
            &alarm["device"],
            &alarm["metric"],
            &alarm["value"],
            &alarm["threshold"],
            &alarm["class"],
            &alarm["unit"]
        ),
        (
            &json!("press-3"),
            &json!("temperature"),
            &json!(81.0),
            &json!(80.0),
            &json!("Error"),
            &json!("°C")
        )
    );
    assert_eq!(alarm["name"], "too hot");
    assert_eq!(alarm["text"], "Stop the press and check the bearing");
    let raised = told(&shop, "equipment.alarm").await;
    assert_eq!((raised.len(), &raised[0]["alarm"]["id"]), (1, &alarm["id"]));

    temperatures(&shop, &mut ham, &[(20, 75.0), (10, 60.0)]).await;
    assert!(alarms(&shop, "?status=open").await.is_empty());
    let cleared = alarms(&shop, "?status=cleared").await;
    assert_eq!(
        (&cleared[0]["id"], &cleared[0]["cleared_value"]),
        (&alarm["id"], &json!(75.0))
    );
    let over = told(&shop, "equipment.alarm-cleared").await;
    assert_eq!(
        (over.len(), &over[0]["alarm_id"], &over[0]["reason"]),
        (1, &alarm["id"], &json!("back"))
    );

    let stranger = shop.other_tenant().await;
    assert!(alarms(&stranger, "").await.is_empty());
}

#[tokio::test]
async fn what_was_too_hot_for_too_short_or_long_ago_raises_nothing() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    watched(&shop, &mut ham, 30).await;

    // Over for an hour, but an hour ago; then well; then again for less than half a minute.
    temperatures(
        &shop,
        &mut ham,
        &[
            (7_200, 90.0),
            (3_600, 90.0),
            (60, 70.0),
            (20, 90.0),
            (10, 90.0),
        ],
    )
    .await;
    assert!(alarms(&shop, "").await.is_empty());
    // What comes later and is older changes nothing, whatever it says.
    temperatures(&shop, &mut ham, &[(40, 60.0), (30, 95.0), (21, 60.0)]).await;
    assert!(alarms(&shop, "").await.is_empty());
}

#[tokio::test]
async fn a_value_that_is_not_told_again_counts_on_while_its_device_tells_of_others() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    watched(&shop, &mut ham, 30).await;
    temperatures(&shop, &mut ham, &[(40, 90.0)]).await;
    assert!(alarms(&shop, "").await.is_empty());

    samples(&shop, &mut ham, "speed", &[(0, 9_000.0)]).await;

    assert_eq!(alarms(&shop, "?status=open").await[0]["value"], 90.0);
}

#[tokio::test]
async fn a_threshold_watches_its_metric_in_the_unit_that_was_told_last() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    watched(&shop, &mut ham, 0).await;
    temperatures(&shop, &mut ham, &[(60, 85.0)]).await;
    samples_in(&shop, &mut ham, ("temperature", "°F"), &[(50, 70.0)]).await;
    // What comes of the other unit is no longer what the threshold is about.
    temperatures(&shop, &mut ham, &[(55, 90.0)]).await;

    let listed = alarms(&shop, "").await;
    assert_eq!(listed.len(), 1, "{listed:?}");
    let alarm = &listed[0];
    assert_eq!(
        (&alarm["status"], &alarm["unit"], &alarm["value"]),
        (&json!("cleared"), &json!("°C"), &json!(85.0))
    );
    let raised = told(&shop, "equipment.alarm").await;
    assert_eq!(raised[0]["alarm"]["unit"], "°C");
}

#[tokio::test]
async fn a_threshold_that_is_set_otherwise_ends_its_alarm() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let path = watched(&shop, &mut ham, 0).await;
    temperatures(&shop, &mut ham, &[(10, 85.0)]).await;
    assert_eq!(alarms(&shop, "?status=open").await.len(), 1);

    // Another setting does not touch it.
    shop.patch(
        &path,
        "speed",
        None,
        &json!({"ideal_speed_per_hour": 9_000}),
    )
    .await;
    assert_eq!(alarms(&shop, "?status=open").await.len(), 1);

    let (_, answer) = shop
        .patch(&path, "none", None, &json!({"alarms": []}))
        .await;
    assert_eq!(answer["settings"]["alarms"], json!([]));
    assert_eq!(alarms(&shop, "?status=cleared").await.len(), 1);
    assert_eq!(
        told(&shop, "equipment.alarm-cleared").await[0]["reason"],
        "rule-changed"
    );
    temperatures(&shop, &mut ham, &[(5, 95.0)]).await;
    assert_eq!(alarms(&shop, "").await.len(), 1);
}

#[tokio::test]
async fn an_alarm_is_acknowledged_once_and_still_stands() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    watched(&shop, &mut ham, 0).await;
    temperatures(&shop, &mut ham, &[(10, 85.0)]).await;
    let id = alarms(&shop, "").await[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/api/v1/equipment/alarms/{id}/acknowledge");

    let (status, first) = shop.post(&path, "1", &json!({"note": "greased"})).await;
    assert_eq!(status, 200, "{first}");
    assert_eq!(
        (&first["status"], &first["acknowledged_by"], &first["note"]),
        (
            &json!("acknowledged"),
            &json!("Mary Office"),
            &json!("greased")
        )
    );
    let (status, again) = shop
        .post(&path, "2", &json!({"note": "something else"}))
        .await;
    assert_eq!((status, &again), (200, &first));

    assert_eq!(alarms(&shop, "?status=acknowledged").await.len(), 1);
    temperatures(&shop, &mut ham, &[(5, 60.0)]).await;
    assert_eq!(alarms(&shop, "?status=cleared").await[0]["note"], "greased");

    let stranger = shop.other_tenant().await;
    assert_eq!(stranger.post(&path, "3", &json!({})).await.0, 404);
    let (status, problem) = shop.get("/api/v1/equipment/alarms?status=loud").await;
    assert_eq!((status, &problem["code"]), (400, &json!("bad-status")));
}

#[tokio::test]
async fn what_a_device_reports_itself_stands_in_the_same_list_until_it_is_acknowledged() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    ham.push(vec![
        ("2025-10-16T14:00:00Z", notified("Warning", "Ink is low")),
        (
            "2025-10-16T14:01:00Z",
            notified("Information", "Good morning"),
        ),
        ("2025-10-16T14:02:00Z", notified("Fatal", "Guard open")),
    ])
    .await;
    ham.push(vec![(
        "2025-10-16T15:00:00Z",
        notified("Warning", "Ink is low"),
    )])
    .await;

    let listed = alarms(&shop, "?status=open&plant=HAM").await;
    let shown: Vec<_> = listed
        .iter()
        .map(|alarm| {
            (
                alarm["text"].as_str().unwrap(),
                alarm["times"].as_i64().unwrap(),
            )
        })
        .collect();
    assert_eq!(listed.len(), 2, "{listed:?}");
    assert!(shown.contains(&("Ink is low", 2)), "{shown:?}");
    assert!(shown.contains(&("Guard open", 1)), "{shown:?}");
    let ink = listed
        .iter()
        .find(|alarm| alarm["text"] == "Ink is low")
        .unwrap();
    assert_eq!(
        (&ink["raised_at"], &ink["last_at"], &ink["source"]),
        (
            &json!("2025-10-16T14:00:00Z"),
            &json!("2025-10-16T15:00:00Z"),
            &json!("device")
        )
    );

    let path = format!(
        "/api/v1/equipment/alarms/{}/acknowledge",
        ink["id"].as_str().unwrap()
    );
    let (_, answer) = shop.post(&path, "1", &json!({})).await;
    assert_eq!(answer["status"], "cleared");
    // It is an alarm anew when it comes again.
    ham.push(vec![(
        "2025-10-16T16:00:00Z",
        notified("Warning", "Ink is low"),
    )])
    .await;
    let one = alarms(&shop, "?status=open&limit=1").await;
    assert_eq!(
        (&one[0]["text"], &one[0]["times"]),
        (&json!("Ink is low"), &json!(1))
    );
}

#[tokio::test]
async fn alarms_are_a_table_for_those_who_ask_for_one() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    watched(&shop, &mut ham, 0).await;
    temperatures(&shop, &mut ham, &[(20, 85.5), (10, 60.0)]).await;
    let jam = "Jam in unit 2, \"again\"";
    ham.push(vec![("2025-10-16T14:00:00Z", notified("Fatal", jam))])
        .await;
    let alarm = &alarms(&shop, "?status=cleared").await[0];
    let time = |name: &str| alarm[name].as_str().unwrap().to_owned();
    let (raised, cleared) = (time("raised_at"), time("cleared_at"));
    let (status, kind, text) = shop.get_csv("/api/v1/equipment/alarms").await;
    assert_eq!((status, kind.as_str()), (200, "text/csv; charset=utf-8"));
    let lines: Vec<_> = text.split_terminator("\r\n").collect();
    assert_eq!(
        lines,
        [
            "raised_at,cleared_at,status,plant,device,source,name,class,text,metric,unit,value,threshold,job,times,\
             acknowledged_at,acknowledged_by,note",
            "2025-10-16T14:00:00Z,,open,HAM,press-3,device,,Fatal,\"Jam in unit 2, \"\"again\"\"\",,,,,,1,,,",
            &format!(
                "{raised},{cleared},cleared,HAM,press-3,threshold,too hot,Error,Stop the press and check the bearing,\
                 temperature,°C,85.5,80,,1,,,"
            ),
        ]
    );
    let stranger = shop.other_tenant().await;
    let (_, _, text) = stranger.get_csv("/api/v1/equipment/alarms").await;
    assert_eq!(text.lines().count(), 1);
    let answer = shop.get_as("/api/v1/equipment/alarms", "image/png").await;
    assert_eq!(answer.status(), 406);
}

#[tokio::test]
async fn old_alarms_go_once_they_are_over_and_somebody_has_seen_to_them() {
    let start: Timestamp = "2025-10-16T15:00:00Z".parse().unwrap();
    let clock = Arc::new(ManualClock::new(start));
    let hub = Hub::start_forgetful("alarms", clock.clone()).await;
    let database = hub.database.clone();
    let shop = Shop::on(Arc::new(hub)).await;
    let mut ham = shop.plant("HAM").await;
    // One is over and nobody has seen to it, one still stands, and one is over and seen to.
    watched(&shop, &mut ham, 0).await;
    temperatures(&shop, &mut ham, &[(20, 85.0), (10, 60.0)]).await;
    ham.push(vec![
        ("2025-10-16T14:00:00Z", notified("Warning", "Ink is low")),
        ("2025-10-16T14:01:00Z", notified("Fatal", "Guard open")),
    ])
    .await;
    let listed = alarms(&shop, "?status=open").await;
    let guard = listed.iter().find(|alarm| alarm["text"] == "Guard open");
    let guard = guard.unwrap()["id"].as_str().unwrap();
    let path = format!("/api/v1/equipment/alarms/{guard}/acknowledge");
    assert_eq!(shop.post(&path, "1", &json!({})).await.0, 200);

    let left = async || {
        assert_eq!(equipment::retain_once(shop.app()).await, 0);
        let alarms = alarms(&shop, "").await;
        let mut texts: Vec<_> = alarms.iter().map(|alarm| alarm["text"].clone()).collect();
        texts.sort_by_key(Value::to_string);
        texts
    };
    clock.advance(SignedDuration::from_hours(24 * 90));
    assert_eq!(left().await.len(), 3);
    clock.advance(SignedDuration::from_hours(24 * 2));
    let expected = ["Ink is low", "Stop the press and check the bearing"];
    assert_eq!(left().await, expected);
    remove_database(&database).await;
}
