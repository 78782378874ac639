//! Jobs: tickets out, progress back, through HTTP on real PostgreSQL.

mod shop;

use agog_sync::event::{Event, JobEvent, JobProgress, JobStep};
use agog_sync::frame::FeedBody;
use agog_sync::ids::JobId;
use agog_sync::lots::JobRef;
use serde_json::{Value, json};

use shop::{Shop, at, received};

const JDF: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" ID="n1" Type="ConventionalPrinting" Status="Waiting" Version="1.5" JobID="Job-1235"/>
"#;

fn request(number: &str) -> Value {
    json!({"number": number, "plant": "HAM", "device": "press-3", "order": "Order-5002", "customer": "XYZ Inc",
        "jdf": JDF, "inputs": ["ROLL", "AHEAD"], "output": {"number": "CARTON-1", "material": "CARTON", "unit": "sheet"}})
}

fn step(step: JobStep, job_id: Option<JobId>, number: &str, good: i64, waste: i64) -> Event {
    let job = JobRef {
        number: number.to_owned(),
        job_id,
        order: Some("Order-5002".to_owned()),
        customer: Some("XYZ Inc".to_owned()),
    };
    Event::Job(Box::new(JobEvent {
        step,
        progress: JobProgress {
            queue_entry_id: Some("Q1".to_owned()),
            status: Some("InProgress".to_owned()),
            good: Some(good.into()),
            waste: Some(waste.into()),
            ended_at: (step == JobStep::Completed).then(|| at("2025-10-16T15:00:00Z")),
            ..JobProgress::of(job, "press-3")
        },
    }))
}

#[tokio::test]
async fn a_job_goes_down_to_its_plant_once_and_its_progress_comes_back() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let roll = ham.ledger.lot("ROLL");
    ham.push(vec![("2025-10-15T08:00:00Z", received(&roll, 100))])
        .await;
    let (status, created) = shop.post("/api/v1/jobs", "j1", &request("Job-1235")).await;
    assert_eq!(status, 201, "{created}");
    assert_eq!(created["unknown_inputs"], json!(["AHEAD"]));
    let (_, again) = shop.post("/api/v1/jobs", "j1", &request("Job-1235")).await;
    assert_eq!(again, created);

    let feed = ham.feed().await;
    assert_eq!(feed.items.len(), 1);
    let FeedBody::JobTicket(ticket) = &feed.items[0].body else {
        panic!("expected a ticket, got {:?}", feed.items[0].body)
    };
    assert_eq!(
        (ticket.number.as_str(), ticket.jdf.as_str()),
        ("Job-1235", JDF)
    );
    assert_eq!(ticket.output.as_ref().unwrap().material.code, "CARTON");

    let id = ticket.job_id;
    ham.push(vec![
        (
            "2025-10-16T14:00:00Z",
            step(JobStep::Received, Some(id), "Job-1235", 0, 0),
        ),
        (
            "2025-10-16T14:20:00Z",
            step(JobStep::Started, Some(id), "Job-1235", 0, 0),
        ),
        (
            "2025-10-16T14:30:00Z",
            step(JobStep::Phase, Some(id), "Job-1235", 7_000, 450),
        ),
        (
            "2025-10-16T15:00:00Z",
            step(JobStep::Completed, Some(id), "Job-1235", 14_500, 500),
        ),
    ])
    .await;
    let (status, answer) = shop.get(&format!("/api/v1/jobs/{id}")).await;
    assert_eq!(status, 200, "{answer}");
    let job = &answer["job"];
    assert_eq!(
        (&job["status"], &job["good"], &job["waste"]),
        (&json!("completed"), &json!("14500"), &json!("500"))
    );
    assert_eq!(
        (&job["started_at"], &job["ended_at"]),
        (
            &json!("2025-10-16T14:20:00Z"),
            &json!("2025-10-16T15:00:00Z")
        )
    );
    assert_eq!(answer["inputs"], json!(["AHEAD", "ROLL"]));
    let kinds: Vec<_> = answer["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["kind"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        ["job.received", "job.started", "job.phase", "job.completed"]
    );
    let topics: Vec<(String,)> = shop
        .as_server(sqlx::query_as(
            "select topic from event_outbox where topic like 'production.%' order by outbox_id",
        ))
        .await
        .unwrap();
    assert_eq!(
        topics,
        [
            ("production.job-started".to_owned(),),
            ("production.run-completed".to_owned(),),
            ("production.job-completed".to_owned(),)
        ]
    );
}

#[tokio::test]
async fn a_job_that_a_plant_took_from_somebody_else_becomes_known() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    ham.push(vec![(
        "2025-10-16T14:20:00Z",
        step(JobStep::Started, None, "OWN-1", 0, 0),
    )])
    .await;
    let (_, page) = shop.get("/api/v1/jobs").await;
    assert_eq!(
        (&page["items"][0]["number"], &page["items"][0]["status"]),
        (&json!("OWN-1"), &json!("running"))
    );
}

#[tokio::test]
async fn a_ticket_that_cannot_be_run_is_refused_with_line_and_column() {
    let shop = Shop::open().await;
    let ham = shop.plant("HAM").await;
    let cases = [
        (
            "<JDF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\">\n  <open>\n</JDF>",
            "malformed-ticket",
            3,
        ),
        (
            "<!DOCTYPE JDF [<!ENTITY a \"b\">]>\n<JDF/>",
            "malformed-ticket",
            1,
        ),
        ("not xml", "malformed-ticket", 1),
        (
            "<JDF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" ID=\"p\" Type=\"Product\"/>",
            "no-executable-node",
            1,
        ),
    ];
    for (index, (jdf, code, line)) in cases.iter().enumerate() {
        let mut body = request("Job-1");
        body["jdf"] = json!(jdf);
        let (status, problem) = shop
            .post("/api/v1/jobs", &format!("bad-{index}"), &body)
            .await;
        assert_eq!(
            (status, problem["code"].as_str().unwrap()),
            (422, *code),
            "{problem}"
        );
        assert_eq!(problem["line"], *line, "{problem}");
        assert!(problem["column"].as_u64().unwrap() > 0, "{problem}");
    }
    assert!(ham.feed().await.items.is_empty());
}

#[tokio::test]
async fn a_job_needs_a_plant_with_an_agent_a_free_number_and_a_known_material() {
    let shop = Shop::open().await;
    let _ham = shop.plant("HAM").await;
    let (status, _) = shop.post("/api/v1/jobs", "first", &request("Job-1")).await;
    assert_eq!(status, 201);
    let (status, problem) = shop.post("/api/v1/jobs", "second", &request("Job-1")).await;
    assert_eq!(
        (status, &problem["code"]),
        (409, &json!("job-number-taken"))
    );
    let mut body = request("Job-2");
    body["plant"] = json!("NOWHERE");
    let (status, _) = shop.post("/api/v1/jobs", "third", &body).await;
    assert_eq!(status, 404);
    let mut body = request("Job-2");
    body["output"] = json!({"material": "UNHEARD-OF"});
    let (status, problem) = shop.post("/api/v1/jobs", "fourth", &body).await;
    assert_eq!(
        (status, &problem["code"]),
        (422, &json!("unknown-material"))
    );
    shop.plant_without_agent("LYON").await;
    let mut body = request("Job-2");
    body["plant"] = json!("LYON");
    let (status, problem) = shop.post("/api/v1/jobs", "fifth", &body).await;
    assert_eq!(
        (status, &problem["code"]),
        (409, &json!("plant-without-agent"))
    );
}

#[tokio::test]
async fn another_tenant_finds_no_job_of_it() {
    let shop = Shop::open().await;
    let _ham = shop.plant("HAM").await;
    let (_, created) = shop.post("/api/v1/jobs", "j", &request("Job-1")).await;
    let stranger = shop.other_tenant().await;
    let (status, _) = stranger
        .get(&format!("/api/v1/jobs/{}", created["id"].as_str().unwrap()))
        .await;
    assert_eq!(status, 404);
    let (_, page) = stranger.get("/api/v1/jobs").await;
    assert_eq!(page["items"], json!([]));
    let (status, _) = stranger
        .post("/api/v1/jobs", "foreign-plant", &request("Job-9"))
        .await;
    assert_eq!(status, 404);
}
