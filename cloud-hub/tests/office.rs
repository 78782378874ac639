//! Movements made in the office, through HTTP on PostgreSQL: admitted by the rules, written into the
//! office ledger once, carried to the plants.

mod shop;

use serde_json::json;

use shop::{Shop, consumed, merged, received, split, work};

#[tokio::test]
async fn the_office_splits_a_lot_once_and_the_plant_hears_of_it() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let roll = ham.ledger.lot("ROLL");
    ham.push(vec![("2025-10-15T08:00:00Z", received(&roll, 1_000))])
        .await;
    let body = json!({"parts": [
        {"number": "ROLL-1", "quantity": {"amount": "300", "unit": "sheet"}},
        {"number": "ROLL-2", "quantity": {"amount": "21", "unit": "kg"}, "waste": true},
    ]});
    let (status, first) = shop
        .post("/api/v1/inventory/lot/ROLL/split", "key-1", &body)
        .await;
    assert_eq!(status, 201, "{first}");
    let (status, again) = shop
        .post("/api/v1/inventory/lot/ROLL/split", "key-1", &body)
        .await;
    assert_eq!((status, &again), (201, &first));
    // 21 kg of this board are 100 sheets.
    let (_, lot) = shop.get("/api/v1/inventory/lot/ROLL").await;
    assert_eq!(lot["on_hand"]["amount"], "600");
    let (_, part) = shop.get("/api/v1/inventory/lot/ROLL-2").await;
    assert_eq!(
        (&part["origin"], &part["on_hand"]["amount"]),
        (&json!("split_waste"), &json!("100"))
    );
    assert_eq!(
        part["history"][0]["entered"],
        json!({"amount": "21", "unit": "kg"})
    );
    let feed = ham.feed().await;
    assert_eq!(feed.items.len(), 1);
    let text = serde_json::to_value(&feed.items[0].body).unwrap();
    assert_eq!(text["ledger_event"]["event"]["kind"], "lot.split");
    assert_eq!(text["ledger_event"]["lots"][0]["balance"], "1000");
}

#[tokio::test]
async fn a_plant_that_was_sent_an_event_hears_of_all_its_lots_from_then_on() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let mut lyon = shop.plant("LYON").await;
    let (roll, other) = (ham.ledger.lot("ROLL"), ham.ledger.lot("OTHER"));
    let (mix, part) = (ham.ledger.lot("MIX"), ham.ledger.lot("PART"));
    let job = work("Job-1", "Order-1", "ABC Corp", "press-1");
    ham.push(vec![
        ("2025-10-15T08:00:00Z", received(&roll, 100)),
        ("2025-10-15T08:00:00Z", received(&other, 100)),
    ])
    .await;
    lyon.push(vec![("2025-10-15T09:00:00Z", consumed(&roll, 10, &job))])
        .await;
    ham.push(vec![
        (
            "2025-10-15T10:00:00Z",
            merged(&[(&roll, 50), (&other, 50)], &mix),
        ),
        // The first that has nothing to do with the lot that LYON has touched itself.
        ("2025-10-15T11:00:00Z", split(&other, &[(&part, 10, false)])),
    ])
    .await;

    let feed = serde_json::to_value(lyon.feed().await).unwrap();

    let kinds: Vec<_> = feed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["body"]["ledger_event"]["event"]["kind"])
        .collect();
    // The first is its own: it tells what the lot was that LYON had only heard the number of.
    assert_eq!(kinds, ["lot.consumed", "lot.merged", "lot.split"]);
}

#[tokio::test]
async fn what_the_rules_refuse_the_office_gets_a_code_and_the_figures() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let roll = ham.ledger.lot("ROLL");
    let other = ham.ledger.lot("OTHER");
    ham.push(vec![
        ("2025-10-15T08:00:00Z", received(&roll, 1_000)),
        ("2025-10-15T08:00:00Z", received(&other, 10)),
    ])
    .await;
    let part = |number: &str, amount: &str, unit: &str| json!({"parts": [{"number": number, "quantity": {"amount": amount, "unit": unit}}]});
    let cases = [
        (part("P", "1001", "sheet"), 409, "beyond-balance"),
        (part("OTHER", "10", "sheet"), 409, "number-taken"),
        (part("P", "-5", "sheet"), 422, "not-positive"),
        (part("P", "0", "sheet"), 422, "not-positive"),
        (part("P", "5", "l"), 422, "wrong-unit"),
        (part("P", "5", "stone"), 422, "bad-quantity"),
        (part("P", "ten", "sheet"), 422, "bad-quantity"),
        (part("", "5", "sheet"), 422, "incomplete"),
        (json!({"parts": []}), 422, "incomplete"),
        (json!({"pieces": []}), 422, "invalid-body"),
    ];
    for (index, (body, expected, code)) in cases.iter().enumerate() {
        let (status, problem) = shop
            .post(
                "/api/v1/inventory/lot/ROLL/split",
                &format!("key-{index}"),
                body,
            )
            .await;
        assert_eq!(
            (status, problem["code"].as_str().unwrap()),
            (*expected, *code),
            "{body}: {problem}"
        );
        assert_eq!(problem["status"], *expected);
    }
    let (_, problem) = shop
        .post(
            "/api/v1/inventory/lot/ROLL/split",
            "key-figures",
            &part("P", "1001", "sheet"),
        )
        .await;
    assert_eq!(
        problem["balance"],
        json!({"amount": "1000", "unit": "sheet"})
    );
    let (status, _) = shop
        .post(
            "/api/v1/inventory/lot/NONE/split",
            "key-none",
            &part("P", "1", "sheet"),
        )
        .await;
    assert_eq!(status, 404);
    let (_, lot) = shop.get("/api/v1/inventory/lot/ROLL").await;
    assert_eq!(lot["on_hand"]["amount"], "1000");
    assert!(ham.feed().await.items.is_empty());
}

#[tokio::test]
async fn a_held_lot_is_not_split_until_the_hold_is_released() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let roll = ham.ledger.lot("ROLL");
    ham.push(vec![("2025-10-15T08:00:00Z", received(&roll, 1_000))])
        .await;
    let (status, placed) = shop
        .post(
            "/api/v1/inventory/lot/ROLL/hold",
            "h1",
            &json!({"reason": "supplier recall"}),
        )
        .await;
    assert_eq!(status, 201, "{placed}");
    let part = json!({"parts": [{"number": "P", "quantity": {"amount": "5", "unit": "sheet"}}]});
    let (status, problem) = shop
        .post("/api/v1/inventory/lot/ROLL/split", "s1", &part)
        .await;
    assert_eq!((status, &problem["code"]), (409, &json!("lot-held")));
    assert_eq!(problem["holds"][0], placed["hold_id"]);
    let (_, stock) = shop.get("/api/v1/inventory/stock-levels").await;
    assert_eq!(stock["items"][0]["held"], "1000");
    let release = json!({"hold_id": placed["hold_id"], "reason": "tested"});
    let (status, _) = shop
        .post("/api/v1/inventory/lot/ROLL/release", "r1", &release)
        .await;
    assert_eq!(status, 201);
    let (status, problem) = shop
        .post("/api/v1/inventory/lot/ROLL/release", "r2", &release)
        .await;
    assert_eq!((status, &problem["code"]), (409, &json!("unknown-hold")));
    let (status, _) = shop
        .post("/api/v1/inventory/lot/ROLL/split", "s2", &part)
        .await;
    assert_eq!(status, 201);
}

#[tokio::test]
async fn the_office_merges_what_is_left_of_lots_into_a_new_one() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let lots = ["A", "B", "C"].map(|number| ham.ledger.lot(number));
    ham.push(
        lots.iter()
            .map(|lot| ("2025-10-15T08:00:00Z", received(lot, 100)))
            .collect(),
    )
    .await;
    let body = json!({"with": [{"lot": "B"}, {"lot": "C", "quantity": {"amount": "40", "unit": "sheet"}}], "into": "ABC"});
    let (status, answer) = shop
        .post("/api/v1/inventory/lot/A/merge", "m1", &body)
        .await;
    assert_eq!(status, 201, "{answer}");
    for (number, amount) in [("A", "0"), ("B", "0"), ("C", "60"), ("ABC", "240")] {
        let (_, lot) = shop.get(&format!("/api/v1/inventory/lot/{number}")).await;
        assert_eq!(lot["on_hand"]["amount"], amount, "{number}");
    }
    let twice = json!({"with": [{"lot": "C"}], "into": "CC"});
    let (status, problem) = shop
        .post("/api/v1/inventory/lot/C/merge", "m2", &twice)
        .await;
    assert_eq!((status, &problem["code"]), (422, &json!("named-twice")));
}
