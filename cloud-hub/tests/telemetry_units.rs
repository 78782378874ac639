//! Metrics that are told in more than one unit, over HTTP on real PostgreSQL.

mod shop;

use agog_sync::frame::{SeriesKey, TelemetryBlock};
use serde_json::{Value, json};

use shop::Shop;

/// Temperatures of press 3: seconds before now, the unit that is said, and the value.
fn heat(shop: &Shop, samples: &[(i64, Option<&str>, f64)]) -> TelemetryBlock {
    let now = shop.now().as_microsecond();
    let key = |unit: Option<&str>| SeriesKey {
        device: "press-3".to_owned(),
        metric: "heat".to_owned(),
        unit: unit.map(str::to_owned),
    };
    TelemetryBlock {
        block: 0,
        series: samples.iter().map(|(_, unit, _)| key(*unit)).collect(),
        series_index: (0..).take(samples.len()).collect(),
        time_us: samples
            .iter()
            .map(|(ago, ..)| now - ago * 1_000_000)
            .collect(),
        value: samples.iter().map(|(.., value)| *value).collect(),
    }
}

async fn device(shop: &Shop) -> String {
    let (_, page) = shop.get("/api/v1/equipment").await;
    let id = page["items"][0]["id"].as_str().unwrap();
    format!("/api/v1/equipment/{id}")
}

/// The samples of the last hour, with the unit they are in.
async fn shown(shop: &Shop, more: &str) -> (Value, Vec<f64>) {
    let path = device(shop).await;
    let path = format!("{path}/telemetry?metric=heat&resolution=raw{more}");
    let (status, answer) = shop.get(&path).await;
    assert_eq!(status, 200, "{answer}");
    let points = answer["points"].as_array().unwrap().iter();
    let values = points.map(|point| point["value"].as_f64().unwrap());
    (answer["unit"].clone(), values.collect())
}

#[tokio::test]
async fn a_metric_that_is_told_in_another_unit_is_another_series() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let celsius = [(60, Some("°C"), 20.0), (50, Some("°C"), 21.0)];
    ham.push_blocks(vec![heat(&shop, &celsius)]).await;
    let fahrenheit = [(40, Some("°F"), 68.0)];
    ham.push_blocks(vec![heat(&shop, &fahrenheit)]).await;
    // What comes late does not make its unit the one that was told last.
    let late = [(45, Some("°C"), 22.0)];
    ham.push_blocks(vec![heat(&shop, &late)]).await;

    assert_eq!(shown(&shop, "").await, (json!("°F"), vec![68.0]));
    assert_eq!(
        shown(&shop, "&unit=°C").await,
        (json!("°C"), vec![20.0, 21.0, 22.0])
    );
    let path = device(&shop).await;
    let telemetry = format!("{path}/telemetry?metric=heat");
    let (_, answer) = shop.get(&telemetry).await;
    assert_eq!(answer["units"], json!(["°F", "°C"]));
    let (status, problem) = shop.get(&format!("{telemetry}&unit=K")).await;
    assert_eq!((status, &problem["code"]), (400, &json!("unknown-unit")));
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.ends_with("expected one of °F, °C"), "{detail}");

    let raw = format!("{telemetry}&resolution=raw&unit=°C");
    let (status, _, table) = shop.get_csv(&raw).await;
    assert_eq!(status, 200, "{table}");
    assert!(table.starts_with("at,value [°C]\r\n"), "{table}");
    assert_eq!(table.lines().count(), 4, "{table}");

    let both = json!([{"metric": "heat", "unit": "°C"}, {"metric": "heat", "unit": "°F"}]);
    let (_, detail) = shop.get(&path).await;
    assert_eq!(detail["metrics"], both);
    let (_, status) = shop.get(&format!("{path}/status")).await;
    let values = status["values"].as_array().unwrap().iter();
    let values: Vec<_> = values
        .map(|value| (&value["unit"], &value["value"]))
        .collect();
    let expected = [(&json!("°C"), &json!(22.0)), (&json!("°F"), &json!(68.0))];
    assert_eq!(values, expected);
}

#[tokio::test]
async fn a_unit_that_is_said_for_the_first_time_names_the_series_that_had_none() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    ham.push_blocks(vec![heat(&shop, &[(60, None, 1.0)])]).await;
    assert_eq!(shown(&shop, "").await, (Value::Null, vec![1.0]));
    ham.push_blocks(vec![heat(&shop, &[(50, Some("°C"), 2.0)])])
        .await;
    assert_eq!(shown(&shop, "").await, (json!("°C"), vec![1.0, 2.0]));

    // From then on, what is told without one belongs to the first, also when it comes again after another one.
    let third = heat(&shop, &[(40, None, 3.0)]);
    ham.push_blocks(vec![third.clone()]).await;
    ham.push_blocks(vec![heat(&shop, &[(30, Some("°F"), 4.0)])])
        .await;
    ham.push_blocks(vec![third, heat(&shop, &[(55, None, 6.0)])])
        .await;
    assert_eq!(shown(&shop, "").await, (json!("°F"), vec![4.0]));
    let celsius = (json!("°C"), vec![1.0, 6.0, 2.0, 3.0]);
    assert_eq!(shown(&shop, "&unit=°C").await, celsius);
}

#[tokio::test]
async fn what_comes_at_once_is_sorted_by_the_same_rule() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let samples = [
        (60, None, 1.0),
        (50, Some("°F"), 2.0),
        (40, Some("°C"), 3.0),
        (30, None, 4.0),
        // No unit is said, and one that cannot be written.
        (20, Some(""), 5.0),
        (10, Some("bar\0"), 6.0),
    ];
    ham.push_blocks(vec![heat(&shop, &samples)]).await;
    // The older one is the first.
    let first = (json!("°F"), vec![1.0, 2.0, 4.0, 5.0, 6.0]);
    assert_eq!(shown(&shop, "").await, first);
    assert_eq!(shown(&shop, "&unit=°C").await, (json!("°C"), vec![3.0]));
}

#[tokio::test]
async fn a_series_that_was_told_last_by_a_clock_that_is_ahead_is_not_the_one_that_is_meant() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let samples = [(-12 * 3600, Some("°C"), 20.0), (30, Some("°F"), 70.0)];
    ham.push_blocks(vec![heat(&shop, &samples)]).await;
    assert_eq!(shown(&shop, "").await, (json!("°F"), vec![70.0]));
}
