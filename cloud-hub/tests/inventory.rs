//! Lots, traces, stock, waste and office movements, through HTTP on real PostgreSQL. Each test is a tenant of its own.

mod shop;

use agog_sync::lots::LotRef;
use serde_json::{Value, json};

use shop::world::Plant;
use shop::{Shop, consumed, held, merged, produced, received, shipped, split, wasted, work};

/// BRIEF.md Example 1: one roll, three jobs, their waste, and what was shipped.
async fn example_1(ham: &mut Plant) {
    let roll = ham.ledger.lot("LOT-2025-001");
    let [a, b, c, waste] =
        ["A", "B", "C", "WASTE"].map(|part| ham.ledger.lot(&format!("LOT-2025-001-{part}")));
    let cartons = ham.ledger.lot("CARTON-B");
    let job_a = work("Job-1234", "Order-5001", "ABC Corp", "press-1");
    let job_b = work("Job-1235", "Order-5002", "XYZ Inc", "press-3");
    let job_c = work("Job-1236", "Order-5003", "MegaCorp", "press-2");
    ham.push(vec![
        ("2025-10-15T08:30:00Z", received(&roll, 50_000)),
        (
            "2025-10-16T07:00:00Z",
            split(
                &roll,
                &[
                    (&a, 10_000, false),
                    (&b, 15_000, false),
                    (&c, 20_000, false),
                    (&waste, 5_000, true),
                ],
            ),
        ),
        ("2025-10-16T10:00:00Z", consumed(&a, 9_800, &job_a)),
        (
            "2025-10-16T10:00:00Z",
            wasted(&a, 200, "misregistration", &job_a),
        ),
        ("2025-10-16T14:20:00Z", consumed(&b, 14_500, &job_b)),
        (
            "2025-10-16T14:20:00Z",
            wasted(&b, 500, "color issues", &job_b),
        ),
        (
            "2025-10-16T14:21:00Z",
            produced(&cartons, 14_500, &[&b], &job_b),
        ),
        ("2025-10-16T18:00:00Z", consumed(&c, 19_900, &job_c)),
        (
            "2025-10-16T18:00:00Z",
            wasted(&c, 100, "normal trim", &job_c),
        ),
        (
            "2025-10-19T09:00:00Z",
            shipped(&cartons, 14_500, "Order-5002", "XYZ Inc"),
        ),
    ])
    .await;
}

fn numbers(trace: &Value) -> Vec<&str> {
    let lots = trace["lots"].as_array().unwrap();
    lots.iter()
        .map(|lot| lot["lot"]["number"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn the_roll_of_example_1_is_traced_forward_to_customers_and_backward_to_the_supplier() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    example_1(&mut ham).await;

    let (status, roll) = shop.get("/api/v1/inventory/lot/LOT-2025-001").await;
    assert_eq!(status, 200, "{roll}");
    assert_eq!(roll["on_hand"], json!({"amount": "0", "unit": "sheet"}));
    assert_eq!(roll["attributes"]["supplier_lot"], "12345");
    assert_eq!(roll["plant"], "HAM");
    assert_eq!(roll["history"].as_array().unwrap().len(), 5);
    assert_eq!(roll["flags"], json!([]));

    let (_, trace) = shop
        .get("/api/v1/inventory/lot/LOT-2025-001/forward-trace")
        .await;
    let mut found = numbers(&trace);
    found.sort_unstable();
    assert_eq!(
        found,
        [
            "CARTON-B",
            "LOT-2025-001",
            "LOT-2025-001-A",
            "LOT-2025-001-B",
            "LOT-2025-001-C",
            "LOT-2025-001-WASTE"
        ]
    );
    assert_eq!(trace["truncated"], false);
    let text = trace.to_string();
    for customer in ["ABC Corp", "XYZ Inc", "MegaCorp"] {
        assert!(text.contains(customer), "{customer} is missing in {text}");
    }

    let (_, back) = shop
        .get("/api/v1/inventory/lot/CARTON-B/backward-trace?mode=exposure")
        .await;
    assert_eq!(
        numbers(&back),
        ["CARTON-B", "LOT-2025-001", "LOT-2025-001-B"]
    );
    assert_eq!(back["lots"][1]["attributes"]["supplier"], "Acme Paper Co.");
}

#[tokio::test]
async fn the_books_of_example_1_close_and_stock_levels_show_both_sides() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    example_1(&mut ham).await;
    let (status, page) = shop.get("/api/v1/inventory/stock-levels").await;
    assert_eq!(status, 200, "{page}");
    let board = &page["items"][0];
    assert_eq!(board["material"], "BOARD-300");
    assert_eq!(board["on_hand"], "5000");
    assert_eq!(
        (
            &board["received"],
            &board["consumed"],
            &board["wasted"],
            &board["moved"]
        ),
        (&json!("50000"), &json!("44200"), &json!("800"), &json!("0"))
    );
    let cartons = &page["items"][1];
    assert_eq!(
        (&cartons["produced"], &cartons["shipped"]),
        (&json!("14500"), &json!("14500"))
    );
    for row in page["items"].as_array().unwrap() {
        assert_eq!(row["balanced"], true, "{row}");
    }
}

#[tokio::test]
async fn the_waste_analysis_of_example_1_shows_that_press_3_stands_out() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    example_1(&mut ham).await;
    let (status, answer) = shop
        .get("/api/v1/inventory/waste-analysis?period=2025-10")
        .await;
    assert_eq!(status, 200, "{answer}");
    let presses: Vec<_> = answer["views"]["by_press"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            (
                row["key"].clone(),
                row["percent"].clone(),
                row["outlier"].clone(),
            )
        })
        .collect();
    assert_eq!(
        presses,
        [
            (json!("press-3"), json!("3.33"), json!(true)),
            (json!("press-1"), json!("2"), json!(false)),
            (json!("press-2"), json!("0.5"), json!(false)),
        ]
    );
    assert_eq!(answer["views"]["by_reason"][0]["key"], "color issues");
    assert_eq!(answer["views"]["by_lot"][0]["key"], "LOT-2025-001-B");
    let (_, empty) = shop
        .get("/api/v1/inventory/waste-analysis?period=2025-11")
        .await;
    assert_eq!(empty["views"]["by_press"], json!([]));
}

#[tokio::test]
async fn a_period_that_is_no_month_is_refused_with_what_was_expected() {
    let shop = Shop::open().await;
    for query in ["?period=2025-13", "?period=october", ""] {
        let (status, problem) = shop
            .get(&format!("/api/v1/inventory/waste-analysis{query}"))
            .await;
        assert_eq!(
            (status, &problem["code"]),
            (400, &json!("bad-period")),
            "{query}"
        );
        assert!(
            problem["detail"]
                .as_str()
                .unwrap()
                .contains("expected a month as YYYY-MM")
        );
    }
}

/// Two lots per level, each made of both lots of the level before: two million ways at twenty levels, forty lots.
#[tokio::test]
async fn a_ladder_of_twenty_diamonds_is_traced_completely_and_at_once() {
    const LEVELS: usize = 20;
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let mut events = Vec::new();
    let mut pair = [ham.ledger.lot("L00-0"), ham.ledger.lot("L00-1")];
    for lot in &pair {
        events.push(("2025-10-15T08:00:00Z", received(lot, 1_000)));
    }
    for level in 1..=LEVELS {
        let next = [0, 1].map(|side| ham.ledger.lot(&format!("L{level:02}-{side}")));
        for lot in &next {
            events.push((
                "2025-10-15T09:00:00Z",
                merged(&[(&pair[0], 500), (&pair[1], 500)], lot),
            ));
        }
        pair = next;
    }
    ham.push(events).await;

    // A query that enumerates ways takes 15 s and more here; the server ends it after 20 s.
    let limit = std::time::Duration::from_secs(2);
    for (root, direction) in [("L00-0", "forward"), ("L20-1", "backward")] {
        let path = format!("/api/v1/inventory/lot/{root}/{direction}-trace");
        let (status, trace) = tokio::time::timeout(limit, shop.get(&path))
            .await
            .expect("within two seconds");
        assert_eq!(status, 200, "{trace}");
        assert_eq!(trace["lots"].as_array().unwrap().len(), 2 * LEVELS + 1);
        assert_eq!(trace["edges"].as_array().unwrap().len(), 4 * LEVELS - 2);
        assert_eq!(trace["truncated"], false);
    }
}

#[tokio::test]
async fn a_merged_lot_is_traced_back_to_all_of_its_parents() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let rolls: Vec<LotRef> = (1..=5)
        .map(|roll| ham.ledger.lot(&format!("ROLL-{roll}")))
        .collect();
    let mix = ham.ledger.lot("MIX");
    let mut events: Vec<_> = rolls
        .iter()
        .map(|roll| ("2025-10-15T08:00:00Z", received(roll, 100)))
        .collect();
    let inputs: Vec<_> = rolls.iter().map(|roll| (roll, 40)).collect();
    events.push(("2025-10-15T09:00:00Z", merged(&inputs, &mix)));
    ham.push(events).await;
    let (_, trace) = shop.get("/api/v1/inventory/lot/MIX/backward-trace").await;
    let mut found = numbers(&trace);
    found.sort_unstable();
    assert_eq!(
        found,
        ["MIX", "ROLL-1", "ROLL-2", "ROLL-3", "ROLL-4", "ROLL-5"]
    );
    let (_, mixed) = shop.get("/api/v1/inventory/lot/MIX").await;
    assert_eq!(mixed["on_hand"]["amount"], "200");
    let (_, page) = shop
        .get("/api/v1/materials/BOARD-300/lot-genealogy?limit=5")
        .await;
    assert_eq!(page["items"].as_array().unwrap().len(), 5);
    assert_eq!(page["items"][0]["children"][0]["number"], "MIX");
    let next = page["next"].as_str().unwrap();
    let (_, rest) = shop
        .get(&format!(
            "/api/v1/materials/BOARD-300/lot-genealogy?limit=5&cursor={next}"
        ))
        .await;
    assert_eq!(rest["items"][0]["parents"].as_array().unwrap().len(), 5);
    assert_eq!(rest["next"], Value::Null);
}

#[tokio::test]
async fn a_number_that_two_plants_use_is_answered_with_the_candidates() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let mut lyon = shop.plant("LYON").await;
    for (plant, amount) in [(&mut ham, 100), (&mut lyon, 200)] {
        let lot = plant.ledger.lot("LOT-7");
        plant
            .push(vec![("2025-10-15T08:00:00Z", received(&lot, amount))])
            .await;
    }
    let (status, problem) = shop.get("/api/v1/inventory/lot/LOT-7").await;
    assert_eq!(
        (status, &problem["code"]),
        (409, &json!("ambiguous-lot-number"))
    );
    let candidates = problem["candidates"].as_array().unwrap();
    let plants: Vec<_> = candidates
        .iter()
        .map(|lot| lot["plant"].as_str().unwrap())
        .collect();
    assert_eq!(plants, ["HAM", "LYON"]);
    let (status, lot) = shop.get("/api/v1/inventory/lot/LOT-7?plant=LYON").await;
    assert_eq!((status, &lot["on_hand"]["amount"]), (200, &json!("200")));
    let id = candidates[0]["lot_id"].as_str().unwrap();
    let (status, lot) = shop.get(&format!("/api/v1/inventory/lot/{id}")).await;
    assert_eq!((status, &lot["on_hand"]["amount"]), (200, &json!("100")));
    let (status, _) = shop.get("/api/v1/inventory/lot/LOT-7?plant=ROMA").await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn facts_that_should_not_be_are_kept_and_flagged() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let roll = ham.ledger.lot("ROLL");
    let twin = ham.ledger.lot("ROLL");
    let ghost = ham.ledger.lot("GHOST");
    let hold = ham.ledger.hold_id();
    let job = work("Job-1", "Order-1", "ABC Corp", "press-1");
    ham.push(vec![
        ("2025-10-15T08:00:00Z", received(&roll, 100)),
        ("2025-10-15T08:30:00Z", held(&roll, hold, "moisture")),
        ("2025-10-15T09:00:00Z", consumed(&roll, 150, &job)),
        ("2025-10-15T09:30:00Z", consumed(&ghost, 10, &job)),
        ("2025-10-15T10:00:00Z", received(&twin, 5)),
    ])
    .await;
    let (_, lot) = shop
        .get(&format!("/api/v1/inventory/lot/{}", roll.lot_id))
        .await;
    assert_eq!(lot["on_hand"]["amount"], "-50");
    assert_eq!(lot["held"], true);
    let codes: Vec<_> = lot["flags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|flag| flag["code"].as_str().unwrap())
        .collect();
    assert!(
        codes.contains(&"negative-stock") && codes.contains(&"held-lot-used"),
        "{codes:?}"
    );
    let (_, lot) = shop.get("/api/v1/inventory/lot/GHOST").await;
    assert_eq!(
        (&lot["origin"], &lot["material"]),
        (&json!("unknown"), &Value::Null)
    );
    assert!(lot["flags"].to_string().contains("unknown-lot"), "{lot}");
    let (_, lot) = shop
        .get(&format!("/api/v1/inventory/lot/{}", twin.lot_id))
        .await;
    assert_eq!(lot["flags"][0]["code"], "duplicate-number");

    // The receipt of the unknown lot comes late and fills in what was not known.
    ham.push(vec![("2025-10-15T07:00:00Z", received(&ghost, 30))])
        .await;
    let (_, lot) = shop.get("/api/v1/inventory/lot/GHOST").await;
    assert_eq!(
        (&lot["origin"], &lot["on_hand"]["amount"]),
        (&json!("received"), &json!("20"))
    );
    assert_eq!(lot["material"]["code"], "BOARD-300");
}

#[tokio::test]
async fn of_two_movements_that_meet_only_one_gets_a_number() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let (one, two) = (ham.ledger.lot("ONE"), ham.ledger.lot("TWO"));
    ham.push(vec![
        ("2025-10-15T08:00:00Z", received(&one, 100)),
        ("2025-10-15T08:00:00Z", received(&two, 100)),
    ])
    .await;
    let body = json!({"parts": [{"number": "NEW", "quantity": {"amount": "10", "unit": "sheet"}}]});

    let (first, second) = tokio::join!(
        shop.post("/api/v1/inventory/lot/ONE/split", "key-1", &body),
        shop.post("/api/v1/inventory/lot/TWO/split", "key-2", &body),
    );

    let (made, refused) = if first.0 == 201 {
        (first, second)
    } else {
        (second, first)
    };
    assert_eq!(made.0, 201, "{}", made.1);
    assert_eq!(
        (refused.0, &refused.1["code"]),
        (409, &json!("number-taken"))
    );
}

#[tokio::test]
async fn another_tenant_finds_nothing_of_it() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    example_1(&mut ham).await;
    let (_, lot) = shop.get("/api/v1/inventory/lot/LOT-2025-001").await;
    let id = lot["lot_id"].as_str().unwrap();
    let stranger = shop.other_tenant().await;
    for path in ["", "/forward-trace", "/backward-trace"] {
        for name in ["LOT-2025-001", id] {
            let (status, problem) = stranger
                .get(&format!("/api/v1/inventory/lot/{name}{path}"))
                .await;
            assert_eq!(
                (status, &problem["code"]),
                (404, &json!("not-found")),
                "{name}{path}"
            );
        }
    }
    let hold = json!({"reason": "none of your business"});
    let (status, _) = stranger
        .post(&format!("/api/v1/inventory/lot/{id}/hold"), "x", &hold)
        .await;
    assert_eq!(status, 404);
    let (status, _) = stranger
        .get("/api/v1/materials/BOARD-300/lot-genealogy")
        .await;
    assert_eq!(status, 404);
    for list in ["/api/v1/materials", "/api/v1/inventory/stock-levels"] {
        let (_, page) = stranger.get(list).await;
        assert_eq!(page["items"], json!([]), "{list}");
    }
}

#[tokio::test]
async fn text_that_cannot_be_stored_is_the_callers_fault() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let roll = ham.ledger.lot("ROLL");
    ham.push(vec![("2025-10-15T08:00:00Z", received(&roll, 100))])
        .await;
    let (status, _) = shop.get("/api/v1/inventory/lot/%00").await;
    assert_eq!(status, 400);
    let (status, _) = shop.get("/api/v1/materials/%00/lot-genealogy").await;
    assert_eq!(status, 400);
    let hold = json!({"reason": "NUL \u{0}"});
    let (status, problem) = shop
        .post("/api/v1/inventory/lot/ROLL/hold", "nul", &hold)
        .await;
    assert_eq!((status, &problem["code"]), (400, &json!("bad-text")));
}
