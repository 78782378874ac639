//! Containers, through HTTP on real PostgreSQL: what is in them, for whom they left, and what that forbids.

mod shop;

use agog_sync::frame::FeedBody;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use shop::{Shop, consumed, held, packed, received, shipped_in, sscc, unpacked, wasted, work};

async fn container(shop: &Shop, number: u32) -> Value {
    let path = format!("/api/v1/containers/{}", sscc(number));
    let (status, container) = shop.get(&path).await;
    assert_eq!(status, 200, "{container}");
    container
}

async fn lot(shop: &Shop, number: &str) -> Value {
    shop.get(&format!("/api/v1/inventory/lot/{number}")).await.1
}

#[tokio::test]
async fn a_pallet_shows_what_is_in_it_and_for_whom_it_left() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let (cartons, lids) = (ham.ledger.lot("CARTONS"), ham.ledger.lot("LIDS"));
    ham.push(vec![
        ("2025-10-15T08:00:00Z", received(&cartons, 1_000)),
        ("2025-10-15T08:01:00Z", received(&lids, 300)),
        (
            "2025-10-15T09:00:00Z",
            packed(sscc(1), &[(&cartons, 600), (&lids, 300)]),
        ),
        ("2025-10-15T09:30:00Z", unpacked(sscc(1), &[(&lids, 100)])),
    ])
    .await;

    let pallet = container(&shop, 1).await;
    assert_eq!(pallet["status"], "packed");
    assert_eq!(pallet["contents"][0]["lot"]["number"], "CARTONS");
    assert_eq!(pallet["contents"][0]["material"], "BOARD-300");
    assert_eq!(pallet["contents"][0]["quantity"]["amount"], "600");
    assert_eq!(pallet["contents"][1]["quantity"]["amount"], "200");
    assert_eq!(pallet["events"][0]["kind"], "lot.unpacked");
    assert_eq!(pallet["events"][0]["delta"]["amount"], "-100");
    assert_eq!(pallet["shipped"], json!([]));
    let row = lot(&shop, "CARTONS").await;
    assert_eq!(
        (&row["on_hand"]["amount"], &row["packed"]["amount"]),
        (&json!("1000"), &json!("600"))
    );
    assert_eq!(row["containers"][0]["sscc"], json!(sscc(1)));
    assert_eq!(row["flags"], json!([]));

    ham.push(vec![
        (
            "2025-10-15T10:00:00Z",
            shipped_in(sscc(1), &cartons, 600, "Order-1", "ABC Corp"),
        ),
        (
            "2025-10-15T10:00:00Z",
            shipped_in(sscc(1), &lids, 200, "Order-1", "ABC Corp"),
        ),
    ])
    .await;
    let scanned = format!("/api/v1/containers/(00){}", sscc(1));
    let (status, pallet) = shop.get(&scanned).await;
    assert_eq!(status, 200, "{pallet}");
    assert_eq!(pallet["status"], "shipped");
    assert_eq!(pallet["contents"], json!([]));
    let left = &pallet["shipped"];
    assert_eq!(
        (
            &left[0]["order"],
            &left[0]["customer"],
            &left[1]["quantity"]["amount"]
        ),
        (&json!("Order-1"), &json!("ABC Corp"), &json!("200"))
    );
    // A recall finds the pallet.
    let (_, trace) = shop.get("/api/v1/inventory/lot/LIDS/forward-trace").await;
    assert_eq!(trace["lots"][0]["uses"][0]["sscc"], json!(sscc(1)));
    let row = lot(&shop, "LIDS").await;
    assert_eq!(
        (&row["on_hand"]["amount"], &row["packed"]["amount"]),
        (&json!("100"), &json!("0"))
    );
    let (_, stock) = shop.get("/api/v1/inventory/stock-levels").await;
    assert_eq!(stock["items"][0]["balanced"], true);
    assert_eq!(stock["items"][0]["shipped"], "800");
}

#[tokio::test]
async fn what_a_press_took_of_a_packed_lot_is_kept_and_flagged_and_the_office_is_refused() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let cartons = ham.ledger.lot("CARTONS");
    let job = work("Job-1", "Order-1", "ABC Corp", "press-1");
    ham.push(vec![
        ("2025-10-15T08:00:00Z", received(&cartons, 1_000)),
        ("2025-10-15T09:00:00Z", packed(sscc(1), &[(&cartons, 900)])),
    ])
    .await;
    let split =
        json!({"parts": [{"number": "PART", "quantity": {"amount": "200", "unit": "sheet"}}]});
    let (status, problem) = shop
        .post("/api/v1/inventory/lot/CARTONS/split", "key-1", &split)
        .await;
    assert_eq!(
        (status, &problem["code"]),
        (409, &json!("lot-packed")),
        "{problem}"
    );
    assert_eq!(problem["free"]["amount"], "100");
    assert_eq!(problem["containers"], json!([sscc(1)]));
    ham.push(vec![
        ("2025-10-15T10:00:00Z", consumed(&cartons, 200, &job)),
        ("2025-10-15T10:05:00Z", packed(sscc(1), &[(&cartons, 1)])),
        ("2025-10-15T10:06:00Z", unpacked(sscc(2), &[(&cartons, 1)])),
    ])
    .await;
    let row = lot(&shop, "CARTONS").await;
    assert_eq!(row["on_hand"]["amount"], "800");
    let flags: Vec<_> = row["flags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|flag| flag["code"].as_str().unwrap())
        .collect();
    assert_eq!(
        flags,
        [
            "not-in-container",
            "packed-used",
            "container-in-use",
            "packed-used"
        ]
    );
    assert_eq!(ham.rejected().await, vec![]);
}

#[tokio::test]
async fn the_office_takes_back_a_packing_and_a_shipment_and_the_plant_hears_of_it() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let cartons = ham.ledger.lot("CARTONS");
    ham.push(vec![
        ("2025-10-15T08:00:00Z", received(&cartons, 1_000)),
        ("2025-10-15T09:00:00Z", packed(sscc(1), &[(&cartons, 600)])),
        (
            "2025-10-15T10:00:00Z",
            shipped_in(sscc(1), &cartons, 600, "Order-1", "ABC Corp"),
        ),
    ])
    .await;
    let reason = json!({"reason": "another pallet"});
    for (n, kind) in [(0, "lot.shipped"), (1, "lot.packed")] {
        let pallet = container(&shop, 1).await;
        let event = pallet["events"]
            .as_array()
            .unwrap()
            .iter()
            .find(|event| event["kind"] == kind)
            .unwrap();
        let event_id = event["event_id"].as_str().unwrap();
        let path = format!("/api/v1/inventory/event/{event_id}/correct");
        let (status, answer) = shop.post(&path, &format!("key-{n}"), &reason).await;
        assert_eq!(status, 201, "{answer}");
        assert_eq!(answer["lots"][0]["on_hand"]["amount"], "1000");
        let pallet = container(&shop, 1).await;
        assert_eq!(pallet["status"], ["packed", "emptied"][n]);
        assert_eq!(pallet["shipped"], json!([]));
        let corrected = pallet["events"].as_array().unwrap();
        assert!(
            corrected.iter().any(|event| event["event_id"] == event_id
                && event["corrected_by"] == answer["event_id"])
        );
    }
    let told: Vec<_> = ham.feed().await.items;
    assert_eq!(told.len(), 2);
    let FeedBody::LedgerEvent(first) = &told[0].body else {
        panic!("another item");
    };
    assert!(first.lots[0].packed.is_empty());
    let FeedBody::LedgerEvent(second) = &told[1].body else {
        panic!("another item");
    };
    assert_eq!(second.lots[0].packed[&sscc(1)], Decimal::from(600));
}

#[tokio::test]
async fn a_container_of_somebody_else_nobodys_and_what_is_none_are_not_found() {
    let shop = Shop::open().await;
    let stranger = shop.other_tenant().await;
    let mut ham = shop.plant("HAM").await;
    let mut theirs = stranger.plant("HAM").await;
    let (cartons, other) = (ham.ledger.lot("CARTONS"), theirs.ledger.lot("CARTONS"));
    ham.push(vec![
        ("2025-10-15T08:00:00Z", received(&cartons, 10)),
        ("2025-10-15T09:00:00Z", packed(sscc(1), &[(&cartons, 10)])),
    ])
    .await;
    let path = format!("/api/v1/containers/{}", sscc(1));
    assert_eq!(stranger.get(&path).await.0, 404);
    // The same number of another company is another container.
    theirs
        .push(vec![
            ("2025-10-15T08:00:00Z", received(&other, 7)),
            ("2025-10-15T09:00:00Z", packed(sscc(1), &[(&other, 7)])),
        ])
        .await;
    let here = container(&shop, 1).await;
    let there = container(&stranger, 1).await;
    assert_eq!(here["contents"][0]["quantity"]["amount"], "10");
    assert_eq!(there["contents"][0]["quantity"]["amount"], "7");
    assert_eq!(here["contents"].as_array().unwrap().len(), 1);
    assert_eq!(
        shop.get(&format!("/api/v1/containers/{}", sscc(9))).await.0,
        404
    );
    let (status, problem) = shop.get("/api/v1/containers/340123450000000018").await;
    assert_eq!(status, 404);
    assert!(
        problem["reason"].as_str().unwrap().contains("expected 7"),
        "{problem}"
    );
}

#[tokio::test]
async fn a_held_lot_that_left_in_its_pallet_is_flagged() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let cartons = ham.ledger.lot("CARTONS");
    let hold = ham.ledger.hold_id();
    let job = work("Job-1", "Order-1", "ABC Corp", "press-1");
    ham.push(vec![
        ("2025-10-15T08:00:00Z", received(&cartons, 100)),
        ("2025-10-15T09:00:00Z", packed(sscc(1), &[(&cartons, 60)])),
        (
            "2025-10-15T09:10:00Z",
            held(&cartons, hold, "colour is off"),
        ),
        (
            "2025-10-15T10:00:00Z",
            shipped_in(sscc(1), &cartons, 60, "Order-1", "ABC Corp"),
        ),
        ("2025-10-15T10:10:00Z", wasted(&cartons, 40, "trim", &job)),
    ])
    .await;
    let row = lot(&shop, "CARTONS").await;
    assert_eq!(row["on_hand"]["amount"], "0");
    let flags = row["flags"].as_array().unwrap();
    assert_eq!(flags.len(), 1, "{flags:?}");
    assert_eq!(flags[0]["code"], "held-lot-used");
}
