//! Master data of the office: kept over HTTP, and told to each plant that needs it.

mod shop;

use agog_sync::frame::{FeedBody, FeedPage};
use agog_sync::master::{MasterItem, MasterKind};
use serde_json::{Value, json};

use shop::world::Plant;
use shop::{Shop, received};

const BOARD: &str = "/api/v1/materials/BOARD-9";
const AISLE: &str = "/api/v1/master-data/locations/A-01?plant=HAM";
const ADA: &str = "/api/v1/master-data/operators/4711";
const SET_UP: &str = "/api/v1/master-data/reasons/W-07";

fn board() -> Value {
    json!({"name": "Board", "base_unit": "sheet", "width_mm": "1020", "length_mm": "720", "grammage_g_m2": "300"})
}

async fn put(shop: &Shop, path: &str, body: Value) -> Value {
    let (status, answer) = shop.put(path, &body).await;
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

/// What an agent hears of master data, with where its feed ends.
async fn told(plant: &Plant, after: u64) -> (Vec<MasterItem>, u64) {
    let FeedPage { items, next, .. } = plant.feed_after(after).await;
    let items = items.into_iter().filter_map(|item| match item.body {
        FeedBody::Master(master) => Some(*master),
        _ => None,
    });
    (items.collect(), next)
}

fn codes(items: &[MasterItem]) -> Vec<&str> {
    items.iter().map(|item| item.code.as_str()).collect()
}

#[tokio::test]
async fn each_change_goes_to_every_plant_that_needs_it_and_to_no_other() {
    let shop = Shop::open().await;
    let (ham, muc) = (shop.plant("HAM").await, shop.plant("MUC").await);
    let elsewhere = shop.other_tenant().await;
    let stranger = elsewhere.plant("HAM").await;
    for plant in [&ham, &muc, &stranger] {
        assert_eq!(told(plant, 0).await, (vec![], 0));
    }

    put(&shop, BOARD, board()).await;
    put(&shop, AISLE, json!({"name": "Aisle A"})).await;
    put(&shop, ADA, json!({"name": "Ada"})).await;
    put(
        &shop,
        SET_UP,
        json!({"name": "Set-up", "used_for": ["waste"]}),
    )
    .await;

    let (at_ham, end) = told(&ham, 0).await;
    assert_eq!(codes(&at_ham), ["BOARD-9", "A-01", "4711", "W-07"]);
    assert_eq!(
        at_ham[0].material.as_ref().unwrap().base_unit.as_str(),
        "sheet"
    );
    assert!(at_ham[1].of_plant && !at_ham[2].of_plant);
    assert_eq!(at_ham[3].used_for, ["waste"]);
    assert_eq!(codes(&told(&muc, 0).await.0), ["BOARD-9", "4711", "W-07"]);
    assert_eq!(told(&stranger, 0).await, (vec![], 0));

    // Said again it is no news; retired it is.
    put(&shop, ADA, json!({"name": "Ada"})).await;
    assert_eq!(told(&ham, end).await, (vec![], end));
    let retired = put(&shop, ADA, json!({"name": "Ada", "retired": true})).await;
    assert!(retired["retired_at"].is_string(), "{retired}");
    let (news, _) = told(&ham, end).await;
    assert!(news[0].retired && news[0].kind == MasterKind::Operators);

    let topics: Vec<(String,)> = shop
        .as_server(sqlx::query_as(
            "select topic from event_outbox where topic = 'inventory.master-data-changed'",
        ))
        .await
        .unwrap();
    assert_eq!(topics.len(), 5);
}

#[tokio::test]
async fn an_agent_is_sent_all_of_it_when_it_says_for_the_first_time_that_it_reads_it() {
    let shop = Shop::open().await;
    let ham = shop.plant("HAM").await;
    put(&shop, BOARD, board()).await;
    put(&shop, ADA, json!({"name": "Ada", "retired": true})).await;
    put(&shop, AISLE, json!({"name": "Aisle A"})).await;
    let (_, job) = shop
        .post(
            "/api/v1/jobs",
            "J",
            &json!({"number": "J", "plant": "HAM", "device": "press-3", "jdf": JDF}),
        )
        .await;
    assert!(job["id"].is_string(), "{job}");

    // An older agent could not read it.
    let old: Vec<_> = ham
        .feed()
        .await
        .items
        .into_iter()
        .map(|item| item.n)
        .collect();
    assert_eq!(old, [1]);
    let (present, end) = told(&ham, 1).await;
    assert_eq!(codes(&present), ["BOARD-9", "A-01", "4711"]);
    assert_eq!(told(&ham, end).await, (vec![], end));

    // Set back to the older program it is left alone again, and updated it is told anew.
    ham.feed().await;
    put(&shop, SET_UP, json!({"name": "Set-up"})).await;
    assert_eq!(ham.feed().await.items.len(), 4);
    let (anew, _) = told(&ham, end).await;
    assert_eq!(codes(&anew), ["BOARD-9", "A-01", "4711", "W-07"]);
}

#[tokio::test]
async fn records_are_listed_shown_and_refused_where_they_make_no_sense() {
    let shop = Shop::open().await;
    shop.plant_without_agent("HAM").await;
    shop.plant_without_agent("MUC").await;
    put(&shop, AISLE, json!({"name": "Aisle A"})).await;
    put(
        &shop,
        "/api/v1/master-data/locations/A-01?plant=MUC",
        json!({"name": "Gate"}),
    )
    .await;
    put(
        &shop,
        "/api/v1/master-data/operators/1?plant=MUC",
        json!({"name": "Bo"}),
    )
    .await;

    let (_, page) = shop.get("/api/v1/master-data/locations?limit=1").await;
    assert_eq!(page["items"][0]["name"], "Aisle A");
    let next = page["next"].as_str().unwrap();
    let (_, page) = shop
        .get(&format!("/api/v1/master-data/locations?cursor={next}"))
        .await;
    assert_eq!(
        (&page["items"][0]["plant"], &page["next"]),
        (&json!("MUC"), &Value::Null)
    );
    let (_, at_ham) = shop.get("/api/v1/master-data/operators?plant=HAM").await;
    assert_eq!(at_ham["items"], json!([]));
    let (_, shown) = shop
        .get("/api/v1/master-data/locations/A-01?plant=MUC")
        .await;
    assert_eq!(shown["name"], "Gate");

    for (path, body, expected) in [
        (
            "/api/v1/master-data/locations/X",
            json!({"name": "X"}),
            (422, "wrong-reach"),
        ),
        (
            "/api/v1/master-data/reasons/X?plant=HAM",
            json!({"name": "X"}),
            (422, "wrong-reach"),
        ),
        (
            "/api/v1/master-data/operators/X?plant=BER",
            json!({"name": "X"}),
            (404, "not-found"),
        ),
        (
            "/api/v1/master-data/materials/X",
            json!({"name": "X"}),
            (404, "not-found"),
        ),
        (
            "/api/v1/master-data/reasons/X",
            json!({"name": "X", "used_for": ["fun"]}),
            (422, "bad-use"),
        ),
        (
            ADA,
            json!({"name": "X", "used_for": ["waste"]}),
            (422, "bad-use"),
        ),
        (ADA, json!({"name": " "}), (422, "bad-words")),
        (
            BOARD,
            json!({"name": "X", "base_unit": "furlong"}),
            (422, "wrong-unit"),
        ),
        (
            BOARD,
            json!({"name": "X", "base_unit": "sheet", "width_mm": "-1"}),
            (422, "bad-size"),
        ),
    ] {
        let (status, problem) = shop.put(path, &body).await;
        let code = problem["code"].as_str().unwrap_or_default();
        assert_eq!((status, code), expected, "{path} {body}: {problem}");
    }
    let stranger = shop.other_tenant().await;
    let (status, _) = stranger.get(ADA).await;
    assert_eq!(status, 404);
    let (_, page) = stranger.get("/api/v1/master-data/locations").await;
    assert_eq!(page["items"], json!([]));
}

#[tokio::test]
async fn what_the_office_says_of_a_material_stands_over_what_plants_say_but_for_its_unit() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let roll = ham.ledger.lot("ROLL");
    ham.push(vec![("2025-10-15T08:00:00Z", received(&roll, 100))])
        .await;
    let code = shop::board().code;
    let path = format!("/api/v1/materials/{code}");
    let (_, said_by_plant) = shop.get(&path).await;
    assert_eq!(said_by_plant["defined_at"], Value::Null);

    let mut board = board();
    board["base_unit"] = json!("kg");
    let (status, problem) = shop.put(&path, &board).await;
    assert_eq!((status, &problem["code"]), (409, &json!("base-unit-fixed")));
    board["base_unit"] = json!("sheet");
    board["width_mm"] = Value::Null;
    let defined = put(&shop, &path, board).await;
    assert!(defined["defined_at"].is_string(), "{defined}");

    // What a plant says later fills nothing in any more.
    let other = ham.ledger.lot("OTHER");
    ham.push(vec![("2025-10-15T09:00:00Z", received(&other, 5))])
        .await;
    let (_, shown) = shop.get(&path).await;
    assert_eq!(
        (&shown["name"], &shown["width_mm"]),
        (&json!("Board"), &Value::Null)
    );
    let (_, stock) = shop.get("/api/v1/inventory/stock-levels").await;
    assert_eq!(stock["items"][0]["on_hand"], "105");
}

const JDF: &str = r#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" ID="n1" Type="ConventionalPrinting" Status="Waiting" Version="1.5" JobID="J"/>"#;
