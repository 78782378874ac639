//! Work orders: what people say about the steps of a job that no device reports, with the lots. Through HTTP on real
//! PostgreSQL.

mod shop;

use agog_sync::event::{Event, JobEvent, JobProgress, JobStep};
use agog_sync::frame::FeedBody;
use agog_sync::lots::JobRef;
use serde_json::{Value, json};

use shop::{Shop, consumed, held, produced, received, wasted, work};

/// A job of two steps: sheets are printed, then cut.
const JDF: &str = r#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" ID="root" Type="Product" Status="Waiting" Version="1.5" JobID="J-1">
  <ResourcePool><Component ID="sheet" Status="Unavailable" Class="Quantity"/><Component ID="blank" Status="Unavailable" Class="Quantity"/>
    <Device ID="press" Class="Implementation" Status="Available" DeviceID="press-3"/></ResourcePool>
  <JDF ID="cut" Type="ShapeCutting" Status="Waiting" JobPartID="Cut"><ResourceLinkPool>
    <ComponentLink rRef="sheet" Usage="Input"/><ComponentLink rRef="blank" Usage="Output" Amount="8000"/></ResourceLinkPool></JDF>
  <JDF ID="print" Type="ConventionalPrinting" Status="Waiting" JobPartID="Print" DescriptiveName="Print front"><ResourceLinkPool>
    <DeviceLink rRef="press" Usage="Input"/><ComponentLink rRef="sheet" Usage="Output" Amount="1000"/></ResourceLinkPool></JDF>
</JDF>"#;

async fn create(shop: &Shop) -> (String, Vec<Value>) {
    let body = json!({"number": "J-1", "plant": "HAM", "device": "die-cutter-1", "order": "Order-5002",
        "customer": "XYZ Inc", "jdf": JDF});
    let (status, created) = shop.post("/api/v1/jobs", "job", &body).await;
    assert_eq!(status, 201, "{created}");
    let id = created["id"].as_str().unwrap().to_owned();
    let orders = orders(shop, &id).await;
    (id, orders)
}

async fn orders(shop: &Shop, id: &str) -> Vec<Value> {
    let (status, answer) = shop.get(&format!("/api/v1/jobs/{id}/work-orders")).await;
    assert_eq!(status, 200, "{answer}");
    answer["items"].as_array().unwrap().clone()
}

async fn post(shop: &Shop, order: &Value, what: &str, key: &str, body: &Value) -> (u16, Value) {
    let id = order["id"].as_str().unwrap();
    shop.post(&format!("/api/v1/work-orders/{id}/{what}"), key, body)
        .await
}

async fn on_hand(shop: &Shop, lot: &str) -> Value {
    let (status, answer) = shop.get(&format!("/api/v1/inventory/lot/{lot}")).await;
    assert_eq!(status, 200, "{answer}");
    answer["on_hand"]["amount"].clone()
}

async fn job_status(shop: &Shop, id: &str) -> Value {
    let (_, answer) = shop.get(&format!("/api/v1/jobs/{id}")).await;
    answer["job"]["status"].clone()
}

#[tokio::test]
async fn the_steps_of_a_ticket_are_work_orders_in_the_order_of_work() {
    let shop = Shop::open().await;
    let _ham = shop.plant("HAM").await;
    let (_, orders) = create(&shop).await;
    let told: Vec<_> = orders
        .iter()
        .map(|order| {
            (
                order["name"].as_str().unwrap(),
                order["process"].as_str().unwrap(),
                order["job_part"].as_str().unwrap(),
                order["ready"].as_bool().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("Print front", "ConventionalPrinting", "Print", true),
            ("Cut", "ShapeCutting", "Cut", false),
        ]
    );
    assert_eq!(orders[0]["planned_device"], "press-3");
    assert_eq!(orders[0]["planned_amount"], "1000");
    assert_eq!(orders[1]["waits_for"], json!([orders[0]["id"]]));
}

#[tokio::test]
async fn a_step_that_waits_is_on_no_device_however_far_the_ticket_of_its_job_is() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let (id, _) = create(&shop).await;
    let job = JobRef {
        number: "J-1".to_owned(),
        job_id: Some(id.parse().unwrap()),
        order: None,
        customer: None,
    };
    let event = JobEvent {
        step: JobStep::Submitted,
        progress: JobProgress::of(job, "die-cutter-1"),
    };
    ham.push(vec![("2025-10-16T08:00:00Z", Event::Job(Box::new(event)))])
        .await;

    let waiting = orders(&shop, &id).await;
    let (status, started) = post(&shop, &waiting[0], "start", "s1", &json!({})).await;

    assert_eq!(waiting[0]["device"], Value::Null);
    assert_eq!(status, 201, "{started}");
    assert_eq!(started["work_order"]["device"], "press-3", "as planned");
}

#[tokio::test]
async fn people_start_and_complete_the_steps_and_the_lots_follow() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let roll = ham.ledger.lot("BOARD-7");
    ham.push(vec![("2025-10-15T08:00:00Z", received(&roll, 5_000))])
        .await;
    let (id, orders) = create(&shop).await;

    let start = json!({"operator": "Jane Smith", "at": "2025-10-16T08:00:00Z"});
    let (status, started) = post(&shop, &orders[0], "start", "s1", &start).await;
    assert_eq!(status, 201, "{started}");
    assert_eq!(started["work_order"]["status"], "running");
    assert_eq!(job_status(&shop, &id).await, "running");

    let complete = json!({"good": "1000", "waste": "50", "waste_reason": "make-ready", "operator": "Jane Smith",
        "at": "2025-10-16T09:00:00Z", "inputs": [{"lot": "BOARD-7", "quantity": "1050"}],
        "output": {"material": "SHEET-1", "quantity": "1000", "unit": "sheet"}});
    let (status, done) = post(&shop, &orders[0], "complete", "c1", &complete).await;
    assert_eq!(status, 201, "{done}");
    let (_, again) = post(&shop, &orders[0], "complete", "c1", &complete).await;
    assert_eq!(again, done, "a repetition has no second effect");
    assert_eq!(done["output"]["number"], "HAM-J-1-1");
    assert_eq!(
        (
            &done["work_order"]["good"],
            &done["work_order"]["operators"]
        ),
        (&json!("1000"), &json!(["Jane Smith"]))
    );
    assert_eq!(on_hand(&shop, "BOARD-7").await, "3950");
    assert_eq!(on_hand(&shop, "HAM-J-1-1").await, "1000");
    // The second step still waits, so the job goes on.
    assert_eq!(job_status(&shop, &id).await, "running");
    let (_, answer) = shop
        .get("/api/v1/inventory/lot/HAM-J-1-1/backward-trace")
        .await;
    assert!(answer.to_string().contains("BOARD-7"), "{answer}");

    // The second step was never started here: whoever completes it says when it began.
    let complete = json!({"good": "8000", "waste": "40", "started_at": "2025-10-16T10:00:00Z",
        "at": "2025-10-16T11:00:00Z", "inputs": [{"lot": "HAM-J-1-1", "quantity": "1000", "waste": "5"}],
        "output": {"number": "CARTONS-1", "material": "CARTON-1", "quantity": "7960", "unit": "piece"}});
    let (status, done) = post(&shop, &orders[1], "complete", "c2", &complete).await;
    assert_eq!(status, 201, "{done}");
    let (_, answer) = shop.get(&format!("/api/v1/jobs/{id}")).await;
    let job = &answer["job"];
    assert_eq!(
        (&job["status"], &job["good"], &job["ended_at"]),
        (
            &json!("completed"),
            &json!("8000"),
            &json!("2025-10-16T11:00:00Z")
        )
    );
    let (_, page) = shop.get("/api/v1/production/runs").await;
    let runs: Vec<_> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| {
            (
                &run["device"],
                &run["job_part"],
                &run["good"],
                &run["status"],
            )
        })
        .collect();
    let completed = json!("completed");
    assert_eq!(
        runs,
        [
            (
                &json!("die-cutter-1"),
                &json!("Cut"),
                &json!("8000"),
                &completed
            ),
            (
                &json!("press-3"),
                &json!("Print"),
                &json!("1000"),
                &completed
            ),
        ]
    );
    // The plant hears of what was done to its lot.
    let feed = ham.feed().await;
    let kinds: Vec<_> = feed
        .items
        .iter()
        .filter_map(|item| match &item.body {
            FeedBody::LedgerEvent(event) => Some(event.event.kind.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(
        kinds,
        [
            "lot.consumed",
            "lot.wasted",
            "lot.produced",
            "lot.consumed",
            "lot.wasted",
            "lot.produced"
        ]
    );
}

#[tokio::test]
async fn what_cannot_have_been_is_refused_and_nothing_is_kept() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let roll = ham.ledger.lot("BOARD-7");
    let hold_id = ham.ledger.hold_id();
    ham.push(vec![("2025-10-15T08:00:00Z", received(&roll, 100))])
        .await;
    let (id, orders) = create(&shop).await;
    let order = &orders[0];

    let amounts = json!({"good": "10"});
    let (status, problem) = post(&shop, order, "complete", "k1", &amounts).await;
    assert_eq!((status, &problem["code"]), (409, &json!("not-started")));
    let future = json!({"at": "2100-01-01T00:00:00Z"});
    let (status, problem) = post(&shop, order, "start", "k2", &future).await;
    assert_eq!((status, &problem["code"]), (422, &json!("bad-time")));
    let start = json!({"at": "2025-10-16T08:00:00Z"});
    assert_eq!(post(&shop, order, "start", "k3", &start).await.0, 201);
    let (status, problem) = post(&shop, order, "start", "k4", &start).await;
    assert_eq!((status, &problem["code"]), (409, &json!("already-started")));

    let early = json!({"good": "10", "at": "2025-10-16T07:00:00Z"});
    let (status, problem) = post(&shop, order, "complete", "k5", &early).await;
    assert_eq!((status, &problem["code"]), (422, &json!("bad-time")));
    for (key, good) in [("k6", "-1"), ("k7", "many")] {
        let (status, problem) = post(&shop, order, "complete", key, &json!({"good": good})).await;
        assert_eq!((status, &problem["code"]), (422, &json!("bad-quantity")));
        assert_eq!(problem["errors"][0]["pointer"], "/good");
    }
    let beyond = json!({"good": "200", "inputs": [{"lot": "BOARD-7", "quantity": "200"}]});
    let (status, problem) = post(&shop, order, "complete", "k8", &beyond).await;
    assert_eq!((status, &problem["code"]), (409, &json!("beyond-balance")));
    ham.push(vec![(
        "2025-10-16T08:30:00Z",
        held(&roll, hold_id, "recall"),
    )])
    .await;
    let of_held = json!({"good": "50", "inputs": [{"lot": "BOARD-7", "quantity": "50"}]});
    let (status, problem) = post(&shop, order, "complete", "k9", &of_held).await;
    assert_eq!((status, &problem["code"]), (409, &json!("lot-held")));
    assert_eq!(on_hand(&shop, "BOARD-7").await, "100");
    assert_eq!(job_status(&shop, &id).await, "running");

    // With a reason it is a fact like any other.
    let forced = json!({"good": "200", "forced": "the pallet was there",
        "inputs": [{"lot": "BOARD-7", "quantity": "200"}]});
    let (status, done) = post(&shop, order, "complete", "k10", &forced).await;
    assert_eq!(status, 201, "{done}");
    assert_eq!(on_hand(&shop, "BOARD-7").await, "-100");
    let (status, problem) = post(&shop, order, "complete", "k11", &amounts).await;
    assert_eq!(
        (status, &problem["code"]),
        (409, &json!("already-completed"))
    );
    let (status, problem) = post(&shop, order, "start", "k12", &json!({})).await;
    assert_eq!(
        (status, &problem["code"]),
        (409, &json!("already-completed"))
    );
    let (status, again) = post(&shop, order, "start", "k13", &json!({"again": true})).await;
    assert_eq!(status, 201, "{again}");
    assert_eq!(again["work_order"]["status"], "running");

    let stranger = shop.other_tenant().await;
    let (status, _) = post(&stranger, order, "start", "k14", &json!({})).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn a_step_that_a_device_runs_follows_its_plant_and_not_people() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let (id, steps) = create(&shop).await;
    let event = |step: JobStep, good: i64| {
        let job = JobRef {
            number: "J-1".to_owned(),
            job_id: None,
            order: None,
            customer: None,
        };
        Event::Job(Box::new(JobEvent {
            step,
            progress: JobProgress {
                good: Some(good.into()),
                ..JobProgress::of(job, "press-3")
            },
        }))
    };
    ham.push(vec![("2025-10-16T14:00:00Z", event(JobStep::Started, 0))])
        .await;
    let now = orders_of(&shop, &id).await;
    assert_eq!(
        now,
        [
            ("running".to_owned(), "0".to_owned()),
            ("waiting".to_owned(), "0".to_owned())
        ]
    );
    let (status, problem) = post(&shop, &steps[0], "complete", "k", &json!({"good": "1"})).await;
    assert_eq!(
        (status, &problem["code"]),
        (409, &json!("followed-by-plant"))
    );
    ham.push(vec![(
        "2025-10-16T15:00:00Z",
        event(JobStep::Completed, 990),
    )])
    .await;
    let now = orders_of(&shop, &id).await;
    assert_eq!(
        now,
        [
            ("completed".to_owned(), "990".to_owned()),
            ("waiting".to_owned(), "0".to_owned())
        ]
    );
    let then = orders(&shop, &id).await;
    assert_eq!(then[1]["ready"], true);
    // The second step is still to run, so the return of the first does not end the job.
    assert_eq!(job_status(&shop, &id).await, "running");
    let by_hand =
        json!({"good": "980", "started_at": "2025-10-16T16:00:00Z", "at": "2025-10-16T17:00:00Z"});
    let (status, done) = post(&shop, &steps[1], "complete", "c", &by_hand).await;
    assert_eq!(status, 201, "{done}");
    let (_, answer) = shop.get(&format!("/api/v1/jobs/{id}")).await;
    let job = &answer["job"];
    assert_eq!(
        (&job["status"], &job["good"], &job["started_at"]),
        (
            &json!("completed"),
            &json!("980"),
            &json!("2025-10-16T14:00:00Z")
        )
    );
}

#[tokio::test]
async fn runs_name_the_lots_that_they_took_and_made() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let (board, sheets_1, sheets_2) = (
        ham.ledger.lot("BOARD-7"),
        ham.ledger.lot("SHEETS-1"),
        ham.ledger.lot("SHEETS-2"),
    );
    let press = work("OWN-1", "Order-5002", "XYZ Inc", "press-3");
    let cutter = work("OWN-1", "Order-5002", "XYZ Inc", "cutter-1");
    let step = |step: JobStep, device: &str| {
        let job = press.job.clone().unwrap();
        let progress = JobProgress::of(job, device);
        Event::Job(Box::new(JobEvent { step, progress }))
    };
    ham.push(vec![
        ("2025-10-15T08:00:00Z", received(&board, 5_000)),
        // Made ready before the press said anything.
        ("2025-10-16T07:59:00Z", consumed(&board, 10, &press)),
        ("2025-10-16T08:00:00Z", step(JobStep::Started, "press-3")),
        ("2025-10-16T09:00:00Z", consumed(&board, 1_000, &press)),
        (
            "2025-10-16T09:00:00Z",
            wasted(&board, 50, "make-ready", &press),
        ),
        (
            "2025-10-16T09:00:00Z",
            produced(&sheets_1, 1_000, &[&board], &press),
        ),
        ("2025-10-16T09:00:00Z", step(JobStep::Completed, "press-3")),
        ("2025-10-16T09:10:00Z", consumed(&board, 5, &press)),
        // Another device of the job, and the same job run again.
        ("2025-10-16T10:00:00Z", consumed(&sheets_1, 900, &cutter)),
        ("2025-10-17T08:00:00Z", step(JobStep::Started, "press-3")),
        ("2025-10-17T09:00:00Z", consumed(&board, 200, &press)),
        (
            "2025-10-17T09:00:00Z",
            produced(&sheets_2, 200, &[&board], &press),
        ),
        ("2025-10-17T09:00:00Z", step(JobStep::Completed, "press-3")),
    ])
    .await;
    let (_, page) = shop.get("/api/v1/production/runs?device=press-3").await;
    let lots = |run: usize, kind: &str, names: &[&str]| -> Vec<Vec<Value>> {
        let lots = page["items"][run][kind].as_array().unwrap().iter();
        lots.map(|lot| names.iter().map(|name| lot[name].clone()).collect())
            .collect()
    };
    let taken = ["number", "material", "used", "wasted", "unit"];
    let made = ["number", "quantity", "unit"];
    let board_of =
        |used: &str, wasted: &str| vec![json!(["BOARD-7", "BOARD-300", used, wasted, "sheet"])];
    assert_eq!(
        json!(lots(1, "consumed", &taken)),
        json!(board_of("1015", "50"))
    );
    assert_eq!(
        json!(lots(1, "produced", &made)),
        json!([["SHEETS-1", "1000", "sheet"]])
    );
    assert_eq!(
        json!(lots(0, "consumed", &taken)),
        json!(board_of("200", "0"))
    );
    assert_eq!(
        json!(lots(0, "produced", &made)),
        json!([["SHEETS-2", "200", "sheet"]])
    );
    assert_eq!(page["items"][0]["lots_cut"], false);
}

#[tokio::test]
async fn people_and_a_plant_that_work_on_the_same_job_and_lots_do_not_block_each_other() {
    const ROUNDS: usize = 6;
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let (board, foil) = (ham.ledger.lot("BOARD-7"), ham.ledger.lot("FOIL-1"));
    ham.push(vec![
        ("2025-10-15T08:00:00Z", received(&board, 100_000)),
        ("2025-10-15T08:00:00Z", received(&foil, 100_000)),
    ])
    .await;
    let other = work("OWN-1", "Order-1", "ABC", "press-9");
    for round in 0..ROUNDS {
        let number = format!("J-{round}");
        let body = json!({"number": number, "plant": "HAM", "device": "die-cutter-1", "jdf": JDF});
        let (status, created) = shop.post("/api/v1/jobs", &number, &body).await;
        assert_eq!(status, 201, "{created}");
        let orders = orders(&shop, created["id"].as_str().unwrap()).await;
        // The plant begins with the lots, and comes to the job last.
        let mut events = Vec::new();
        for _ in 0..40 {
            events.push(("2025-10-16T08:00:00Z", consumed(&foil, 1, &other)));
            events.push(("2025-10-16T08:00:00Z", consumed(&board, 1, &other)));
        }
        let job = work(&number, "Order-1", "ABC", "die-cutter-1").job.unwrap();
        let held = JobEvent {
            step: JobStep::Held,
            progress: JobProgress::of(job, "die-cutter-1"),
        };
        events.push(("2025-10-16T08:00:00Z", Event::Job(Box::new(held))));
        // People hold the job, and come to the lots last, in their own order.
        let complete = json!({"good": "10", "started_at": "2025-10-16T08:00:00Z", "at": "2025-10-16T09:00:00Z",
            "inputs": [{"lot": "BOARD-7", "quantity": "1"}, {"lot": "FOIL-1", "quantity": "1"}]});
        let key = format!("c{round}");
        let done = post(&shop, &orders[0], "complete", &key, &complete);
        let ((status, done), ()) = tokio::join!(done, ham.push(events));
        assert_eq!(status, 201, "{done}");
    }
    let left = 100_000 - 41 * ROUNDS;
    for lot in ["BOARD-7", "FOIL-1"] {
        assert_eq!(on_hand(&shop, lot).await, left.to_string());
    }
}

async fn orders_of(shop: &Shop, id: &str) -> Vec<(String, String)> {
    let orders = orders(shop, id).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    orders
        .iter()
        .map(|order| (text(&order["status"]), text(&order["good"])))
        .collect()
}
