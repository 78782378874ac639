//! Corrections, made in the office and at plants, through HTTP on real PostgreSQL.

mod shop;

use agog_sync::event::{Event, NewEvent};
use agog_sync::ids::EventId;
use agog_sync::lots::{LotConsumed, LotCorrected, LotEvent, LotRef};
use serde_json::{Value, json};

use shop::{Shop, consumed, draw, held, produced, received, split, work};

/// The id of the newest event of a kind in the history of a lot.
async fn event_of(shop: &Shop, lot: &str, kind: &str) -> String {
    let (status, lot) = shop.get(&format!("/api/v1/inventory/lot/{lot}")).await;
    assert_eq!(status, 200, "{lot}");
    let history = lot["history"].as_array().unwrap();
    let found = history.iter().find(|entry| entry["kind"] == kind).unwrap();
    found["event_id"].as_str().unwrap().to_owned()
}

async fn correct(shop: &Shop, event: &str, key: &str, body: &Value) -> (u16, Value) {
    let path = format!("/api/v1/inventory/event/{event}/correct");
    shop.post(&path, key, body).await
}

#[tokio::test]
async fn what_the_office_corrects_counts_nowhere_any_more_and_the_plant_hears_of_it() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let roll = ham.ledger.lot("ROLL");
    let job = work("Job-1", "Order-1", "ABC Corp", "press-1");
    ham.push(vec![
        ("2025-10-15T08:00:00Z", received(&roll, 1_000)),
        ("2025-10-15T09:00:00Z", consumed(&roll, 300, &job)),
    ])
    .await;
    let wrong = event_of(&shop, "ROLL", "lot.consumed").await;
    let body = json!({"reason": "booked on the wrong roll"});
    let (status, first) = correct(&shop, &wrong, "key-1", &body).await;
    assert_eq!(status, 201, "{first}");
    assert_eq!(first["lots"][0]["on_hand"]["amount"], "1000");
    let (status, again) = correct(&shop, &wrong, "key-1", &body).await;
    assert_eq!((status, &again), (201, &first));

    let (_, lot) = shop.get("/api/v1/inventory/lot/ROLL").await;
    let entry = |n: usize| {
        (
            &lot["history"][n]["kind"],
            &lot["history"][n]["corrected_by"],
        )
    };
    assert_eq!(entry(0), (&json!("lot.corrected"), &Value::Null));
    assert_eq!(entry(1), (&json!("lot.consumed"), &first["event_id"]));
    let (_, trace) = shop.get("/api/v1/inventory/lot/ROLL/forward-trace").await;
    assert_eq!(trace["lots"][0]["uses"], json!([]));
    let (_, waste) = shop
        .get("/api/v1/inventory/waste-analysis?period=2025-10")
        .await;
    assert_eq!(waste["views"]["by_press"], json!([]), "{waste}");
    let (_, stock) = shop.get("/api/v1/inventory/stock-levels").await;
    assert_eq!(
        (
            &stock["items"][0]["consumed"],
            &stock["items"][0]["balanced"]
        ),
        (&json!("0"), &json!(true))
    );
    let feed = serde_json::to_value(ham.feed().await).unwrap();
    let event = &feed["items"][0]["body"]["ledger_event"]["event"];
    assert_eq!(event["kind"], "lot.corrected");
    assert_eq!(event["payload"]["corrects"], json!(wrong));

    let (status, refused) = correct(&shop, &wrong, "key-2", &body).await;
    assert_eq!(
        (status, &refused["code"]),
        (409, &json!("already-corrected"))
    );
    assert_eq!(refused["corrected_by"], first["event_id"]);
}

#[tokio::test]
async fn a_corrected_receipt_gives_its_number_back() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let (wrong, right) = (ham.ledger.lot("ROLL"), ham.ledger.lot("ROLL"));
    ham.push(vec![("2025-10-15T08:00:00Z", received(&wrong, 10_000))])
        .await;
    let event = event_of(&shop, "ROLL", "lot.received").await;
    let body = json!({"reason": "a nought too many"});
    assert_eq!(correct(&shop, &event, "key-1", &body).await.0, 201);
    let (status, _) = shop.get("/api/v1/inventory/lot/ROLL").await;
    assert_eq!(status, 404);
    ham.push(vec![("2025-10-15T08:00:00Z", received(&right, 1_000))])
        .await;
    let (_, lot) = shop.get("/api/v1/inventory/lot/ROLL").await;
    assert_eq!(lot["on_hand"]["amount"], "1000");
    assert_eq!(lot["flags"], json!([]));
}

#[tokio::test]
async fn what_cannot_be_corrected_is_refused_with_a_code() {
    let shop = Shop::open().await;
    let stranger = shop.other_tenant().await;
    let mut ham = shop.plant("HAM").await;
    let (roll, part) = (ham.ledger.lot("ROLL"), ham.ledger.lot("PART"));
    let hold = ham.ledger.hold_id();
    let job = work("Job-1", "Order-1", "ABC Corp", "press-1");
    ham.push(vec![
        ("2025-10-15T08:00:00Z", received(&roll, 1_000)),
        ("2025-10-15T08:30:00Z", split(&roll, &[(&part, 100, false)])),
        ("2025-10-15T09:00:00Z", consumed(&roll, 300, &job)),
        ("2025-10-15T10:00:00Z", held(&part, hold, "colour is off")),
    ])
    .await;
    let received = event_of(&shop, "ROLL", "lot.received").await;
    let split = event_of(&shop, "PART", "lot.split").await;
    let kept: Vec<(String,)> = shop
        .as_server(sqlx::query_as(
            "select event_id::text from ledger_event where kind = 'lot.held'",
        ))
        .await
        .unwrap();
    let nobody = "00000000-0000-7000-8000-000000000000".to_owned();
    let why = json!({"reason": "wrong"});
    for (n, (event, body, expected, code)) in [
        (&received, &why, 409, "beyond-balance"),
        (&split, &why, 409, "lot-held"),
        (&split, &json!({"reason": " "}), 422, "incomplete"),
        (&kept[0].0, &why, 422, "not-correctable"),
        (&nobody, &why, 404, "not-found"),
        (&"roll".to_owned(), &why, 404, "not-found"),
    ]
    .into_iter()
    .enumerate()
    {
        let (status, problem) = correct(&shop, event, &format!("key-{n}"), body).await;
        assert_eq!(
            (status, &problem["code"]),
            (expected, &json!(code)),
            "{problem}"
        );
    }
    let (status, _) = correct(&stranger, &received, "key", &why).await;
    assert_eq!(status, 404);
    let forced = json!({"reason": "wrong", "forced": "seen on the floor"});
    assert_eq!(correct(&shop, &split, "forced", &forced).await.0, 201);
}

/// Consumption for a job that has its output already.
fn late(lot: &LotRef, into: &LotRef) -> Event {
    Event::Lot(LotEvent::Consumed(LotConsumed {
        draw: draw(lot, 10),
        into: vec![into.clone()],
        work: work("Job-1", "Order-1", "ABC Corp", "press-1"),
        forced: None,
    }))
}

#[tokio::test]
async fn an_edge_that_two_events_say_is_shown_once_and_survives_the_correction_of_one() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let (ink, cartons) = (ham.ledger.lot("INK"), ham.ledger.lot("CARTONS"));
    let job = work("Job-1", "Order-1", "ABC Corp", "press-1");
    ham.push(vec![
        ("2025-10-15T08:00:00Z", received(&ink, 1_000)),
        ("2025-10-15T09:00:00Z", produced(&cartons, 50, &[], &job)),
        ("2025-10-15T10:00:00Z", late(&ink, &cartons)),
        ("2025-10-15T11:00:00Z", late(&ink, &cartons)),
    ])
    .await;
    let edges = async || {
        let (_, trace) = shop.get("/api/v1/inventory/lot/INK/forward-trace").await;
        let edges = trace["edges"].as_array().unwrap().clone();
        edges
            .into_iter()
            .map(|edge| edge["at"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(edges().await, [json!("2025-10-15T10:00:00Z")]);
    let ids: Vec<(String,)> = shop
        .as_server(sqlx::query_as(
            "select event_id::text from ledger_event where kind = 'lot.consumed' order by seq",
        ))
        .await
        .unwrap();
    let body = json!({"reason": "counted twice"});
    assert_eq!(correct(&shop, &ids[0].0, "key-1", &body).await.0, 201);
    assert_eq!(edges().await, [json!("2025-10-15T11:00:00Z")]);
    assert_eq!(correct(&shop, &ids[1].0, "key-2", &body).await.0, 201);
    assert_eq!(edges().await, Vec::<Value>::new());
}

#[tokio::test]
async fn of_two_corrections_that_meet_one_counts_and_the_other_is_flagged() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let roll = ham.ledger.lot("ROLL");
    let job = work("Job-1", "Order-1", "ABC Corp", "press-1");
    let wrong = consumed(&roll, 300, &job);
    ham.push(vec![
        ("2025-10-15T08:00:00Z", received(&roll, 1_000)),
        ("2025-10-15T09:00:00Z", wrong.clone()),
    ])
    .await;
    let id = event_of(&shop, "ROLL", "lot.consumed").await;
    let body = json!({"reason": "wrong roll"});
    assert_eq!(correct(&shop, &id, "key-1", &body).await.0, 201);
    let corrects: EventId = id.parse().unwrap();
    let event = ("lot.consumed", 1, &*wrong.payload());
    let again = LotCorrected::new(corrects, event, "wrong roll".to_owned(), None).unwrap();
    ham.push(vec![(
        "2025-10-15T09:30:00Z",
        Event::Lot(LotEvent::Corrected(again)),
    )])
    .await;
    let (_, lot) = shop.get("/api/v1/inventory/lot/ROLL").await;
    assert_eq!(lot["on_hand"]["amount"], "1000");
    assert_eq!(lot["flags"][0]["code"], "already-corrected");
}

#[tokio::test]
async fn a_correction_of_what_the_hub_could_not_apply_takes_nothing() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let roll = ham.ledger.lot("ROLL");
    let job = work("Job-1\0", "Order-1", "ABC Corp", "press-1");
    let unstorable = consumed(&roll, 300, &job);
    let at = shop::at("2025-10-15T09:00:00Z");
    let event_id = EventId::from_uuid(uuid::Uuid::from_u128(7));
    let new = |event_id, event| NewEvent {
        event_id,
        occurred_at: at,
        recorded_at: at,
        actor: agog_sync::event::Actor::Operator {
            name: "Jane Smith".to_owned(),
        },
        event,
    };
    let event = ("lot.consumed", 1, &*unstorable.payload());
    let corrected = LotCorrected::new(event_id, event, "typed wrong".to_owned(), None).unwrap();
    let id = |n| EventId::from_uuid(uuid::Uuid::from_u128(n));
    ham.deliver(&[
        &new(id(6), received(&roll, 1_000)),
        &new(event_id, unstorable),
        &new(id(8), Event::Lot(LotEvent::Corrected(corrected))),
    ])
    .await;
    let (_, lot) = shop.get("/api/v1/inventory/lot/ROLL").await;
    assert_eq!(lot["on_hand"]["amount"], "1000");
}
