//! Goods that come back from customers, through HTTP on real PostgreSQL.

mod shop;

use serde_json::{Value, json};

use shop::{Shop, received, shipped};

fn body(amount: &str) -> Value {
    json!({
        "quantity": {"amount": amount, "unit": "sheet"}, "order": "Order-1", "customer": "ABC Corp",
        "reason": "wrong colour",
    })
}

#[tokio::test]
async fn what_comes_back_is_held_stays_in_the_books_and_is_told_in_the_trace() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let cartons = ham.ledger.lot("CARTONS");
    ham.push(vec![
        ("2025-10-15T08:00:00Z", received(&cartons, 1_000)),
        (
            "2025-10-15T09:00:00Z",
            shipped(&cartons, 600, "Order-1", "ABC Corp"),
        ),
    ])
    .await;
    let path = "/api/v1/inventory/lot/CARTONS/return";
    let (status, answer) = shop.post(path, "key-1", &body("200")).await;
    assert_eq!(status, 201, "{answer}");
    assert_eq!(answer["lots"][0]["on_hand"]["amount"], "600");
    let (_, lot) = shop.get("/api/v1/inventory/lot/CARTONS").await;
    assert_eq!(lot["held"], true);
    assert_eq!(lot["holds"][0]["hold_id"], answer["hold_id"]);
    let (_, trace) = shop
        .get("/api/v1/inventory/lot/CARTONS/forward-trace")
        .await;
    assert_eq!(trace["lots"][0]["uses"][1]["kind"], "returned");
    let (_, stock) = shop.get("/api/v1/inventory/stock-levels").await;
    let stock = &stock["items"][0];
    assert_eq!(
        (&stock["returned"], &stock["shipped"], &stock["balanced"]),
        (&json!("200"), &json!("600"), &json!(true))
    );

    let (status, problem) = shop.post(path, "key-2", &body("401")).await;
    assert_eq!(
        (status, &problem["code"]),
        (409, &json!("beyond-shipped")),
        "{problem}"
    );
    assert_eq!(problem["shipped"]["amount"], "400");
    let mut free = body("400");
    free["hold"] = json!(false);
    let (status, answer) = shop.post(path, "key-3", &free).await;
    assert_eq!(status, 201, "{answer}");
    assert_eq!(answer["hold_id"], Value::Null);
}
