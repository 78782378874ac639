//! The course of jobs as their plants tell it, in whatever order the news come, and the commands to them. Through HTTP on
//! real PostgreSQL.

mod shop;

use agog_sync::event::{Difference, Event, JobEvent, JobProgress, JobStep, PhaseAmounts};
use agog_sync::frame::{FeedBody, JobAction};
use agog_sync::ids::RequestId;
use agog_sync::lots::JobRef;
use jiff::SignedDuration;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use shop::Shop;
use shop::world::Plant;

const JDF: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" ID="n1" Type="ConventionalPrinting" Status="Waiting" Version="1.5" JobID="Job-1235"/>
"#;

fn progress(number: &str) -> JobProgress {
    let job = JobRef {
        number: number.to_owned(),
        job_id: None,
        order: None,
        customer: None,
    };
    JobProgress::of(job, "press-3")
}

fn event(step: JobStep, progress: JobProgress) -> Event {
    Event::Job(Box::new(JobEvent { step, progress }))
}

fn step(step: JobStep, number: &str, amounts: Option<(i64, i64)>) -> Event {
    let progress = JobProgress {
        good: amounts.map(|(good, _)| good.into()),
        waste: amounts.map(|(_, waste)| waste.into()),
        ..progress(number)
    };
    event(step, progress)
}

async fn create(shop: &Shop, number: &str) -> String {
    let body = json!({"number": number, "plant": "HAM", "device": "press-3", "jdf": JDF});
    let (status, created) = shop.post("/api/v1/jobs", number, &body).await;
    assert_eq!(status, 201, "{created}");
    created["id"].as_str().unwrap().to_owned()
}

async fn detail(shop: &Shop, id: &str) -> Value {
    let (status, answer) = shop.get(&format!("/api/v1/jobs/{id}")).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

async fn status(shop: &Shop, id: &str) -> String {
    detail(shop, id).await["job"]["status"]
        .as_str()
        .unwrap()
        .to_owned()
}

async fn runs(shop: &Shop, query: &str) -> Vec<Value> {
    let (status, page) = shop.get(&format!("/api/v1/production/runs?{query}")).await;
    assert_eq!(status, 200, "{page}");
    page["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_job_is_held_resumed_suspended_and_removed() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let id = create(&shop, "J-1").await;
    let steps = [
        (JobStep::Submitted, "submitted"),
        (JobStep::Held, "held"),
        (JobStep::Requeued, "held"),
        (JobStep::CommandRefused, "held"),
        (JobStep::Resumed, "submitted"),
        (JobStep::Started, "running"),
        (JobStep::Suspended, "suspended"),
        (JobStep::Resumed, "running"),
    ];
    for (minute, (kind, expected)) in steps.into_iter().enumerate() {
        let at = format!("2025-10-16T14:{minute:02}:00Z");
        ham.push(vec![(&at, step(kind, "J-1", None))]).await;
        assert_eq!(status(&shop, &id).await, expected, "after {kind:?}");
    }
    let other = create(&shop, "J-2").await;
    ham.push(vec![(
        "2025-10-16T15:00:00Z",
        step(JobStep::Removed, "J-2", None),
    )])
    .await;
    assert_eq!(status(&shop, &other).await, "removed");
    let (_, page) = shop
        .get("/api/v1/jobs?status=removed&plant=HAM&device=press-3")
        .await;
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    let (_, page) = shop.get("/api/v1/jobs?number=J-1").await;
    assert_eq!(page["items"][0]["id"], *id);
    let (refused, problem) = shop.get("/api/v1/jobs?status=lost").await;
    assert_eq!((refused, &problem["code"]), (400, &json!("bad-status")));
}

#[tokio::test]
async fn nothing_late_turns_a_completed_job_back_and_its_return_counts() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let id = create(&shop, "J-1").await;
    let mut completed = progress("J-1");
    completed.good = Some(14_500.into());
    completed.waste = Some(500.into());
    completed.differences = vec![Difference {
        what: "good".to_owned(),
        lot: None,
        signalled: Some("14480".to_owned()),
        returned: Some("14500".to_owned()),
    }];
    ham.push(vec![
        ("2025-10-16T14:20:00Z", step(JobStep::Started, "J-1", None)),
        ("2025-10-16T15:00:00Z", event(JobStep::Completed, completed)),
        // Overtaken, and stamped by a clock that is ahead.
        (
            "2025-10-16T14:50:00Z",
            step(JobStep::Phase, "J-1", Some((14_000, 480))),
        ),
        (
            "2025-10-16T15:00:02Z",
            step(JobStep::Phase, "J-1", Some((14_480, 500))),
        ),
        (
            "2025-10-16T15:00:03Z",
            step(JobStep::Submitted, "J-1", None),
        ),
        (
            "2025-10-16T14:40:00Z",
            step(JobStep::Suspended, "J-1", None),
        ),
    ])
    .await;
    let job = &detail(&shop, &id).await["job"];
    assert_eq!(
        (&job["status"], &job["good"], &job["waste"]),
        (&json!("completed"), &json!("14500"), &json!("500"))
    );
    assert_eq!(job["status_at"], "2025-10-16T15:00:00Z");
    assert_eq!(job["differences"][0]["signalled"], "14480");
    let runs = runs(&shop, "").await;
    assert_eq!(runs.len(), 1);
    assert_eq!(
        (&runs[0]["good"], &runs[0]["status"], &runs[0]["started_at"]),
        (
            &json!("14500"),
            &json!("completed"),
            &json!("2025-10-16T14:20:00Z")
        )
    );
}

#[tokio::test]
async fn a_late_phase_does_not_overwrite_newer_amounts() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let id = create(&shop, "J-1").await;
    ham.push(vec![
        (
            "2025-10-16T14:20:00Z",
            step(JobStep::Started, "J-1", Some((0, 0))),
        ),
        (
            "2025-10-16T14:40:00Z",
            step(JobStep::Phase, "J-1", Some((8_000, 450))),
        ),
        (
            "2025-10-16T14:30:00Z",
            step(JobStep::Phase, "J-1", Some((4_000, 400))),
        ),
    ])
    .await;
    let job = &detail(&shop, &id).await["job"];
    assert_eq!(
        (&job["good"], &job["waste"]),
        (&json!("8000"), &json!("450"))
    );
}

#[tokio::test]
async fn a_job_that_is_run_a_second_time_has_two_runs_and_shows_what_both_made() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let id = create(&shop, "J-1").await;
    ham.push(vec![
        ("2025-10-16T14:00:00Z", step(JobStep::Started, "J-1", None)),
        (
            "2025-10-16T15:00:00Z",
            step(JobStep::Completed, "J-1", Some((1_000, 50))),
        ),
        ("2025-10-17T08:00:00Z", step(JobStep::Started, "J-1", None)),
        (
            "2025-10-17T08:10:00Z",
            step(JobStep::Phase, "J-1", Some((200, 5))),
        ),
    ])
    .await;
    let job = &detail(&shop, &id).await["job"];
    assert_eq!(
        (
            &job["status"],
            &job["good"],
            &job["started_at"],
            &job["ended_at"]
        ),
        (
            &json!("running"),
            &json!("1200"),
            &json!("2025-10-17T08:00:00Z"),
            &Value::Null
        )
    );
    let both = runs(&shop, &format!("job={id}&plant=HAM&device=press-3")).await;
    let told: Vec<_> = both
        .iter()
        .map(|run| (&run["run"], &run["good"], &run["status"]))
        .collect();
    assert_eq!(
        told,
        [
            (&json!(2), &json!("200"), &json!("running")),
            (&json!(1), &json!("1000"), &json!("completed"))
        ]
    );
    let before = runs(&shop, "to=2025-10-17T00:00:00Z").await;
    assert_eq!(before.len(), 1);
    let after = runs(&shop, "from=2025-10-17T00:00:00Z").await;
    assert_eq!(after.len(), 1);
    let told: Vec<(String,)> = shop
        .as_server(sqlx::query_as(
            "select data->>'good' from event_outbox where topic = 'production.run-completed'",
        ))
        .await
        .unwrap();
    assert_eq!(told, [("1000".to_owned(),)]);
}

#[tokio::test]
async fn a_refusal_at_submission_and_an_abort_later_are_one_kind_of_error() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let (refused, aborted) = (create(&shop, "J-1").await, create(&shop, "J-2").await);
    let failed = |number: &str, code: u32, text: &str| JobProgress {
        return_code: Some(code),
        detail: Some(text.to_owned()),
        ..progress(number)
    };
    ham.push(vec![
        (
            "2025-10-16T14:00:00Z",
            event(JobStep::Refused, failed("J-1", 101, "no such paper")),
        ),
        ("2025-10-16T14:00:00Z", step(JobStep::Started, "J-2", None)),
        (
            "2025-10-16T14:10:00Z",
            event(JobStep::Aborted, failed("J-2", 6, "plate is missing")),
        ),
    ])
    .await;
    assert_eq!(
        detail(&shop, &refused).await["job"]["error"],
        json!({"source": "submission", "return_code": 101, "text": "no such paper"})
    );
    assert_eq!(
        detail(&shop, &aborted).await["job"]["error"],
        json!({"source": "return", "return_code": 6, "text": "plate is missing"})
    );
}

#[tokio::test]
async fn phases_that_are_over_are_shown_with_their_own_amounts() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let id = create(&shop, "J-1").await;
    let setup = JobProgress {
        status: Some("InProgress".to_owned()),
        job_part_id: Some("Print".to_owned()),
        part: [("SheetName".to_owned(), "S1".to_owned())].into(),
        operators: vec!["Jane Smith".to_owned()],
        closed_phase: Some(PhaseAmounts {
            status: "Setup".to_owned(),
            status_details: Some("Form change".to_owned()),
            started_at: Some(shop::at("2025-10-16T14:00:00Z")),
            good: Some(0.into()),
            waste: Some(120.into()),
        }),
        ..progress("J-1")
    };
    ham.push(vec![
        ("2025-10-16T14:00:00Z", step(JobStep::Started, "J-1", None)),
        ("2025-10-16T14:20:00Z", event(JobStep::Phase, setup)),
    ])
    .await;
    let phases = &detail(&shop, &id).await["phases"];
    assert_eq!(
        (
            &phases[0]["status"],
            &phases[0]["status_details"],
            &phases[0]["waste"]
        ),
        (&json!("Setup"), &json!("Form change"), &json!("120"))
    );
    assert_eq!(phases[0]["ended_at"], "2025-10-16T14:20:00Z");
    assert_eq!(phases[0]["part"], json!({"SheetName": "S1"}));
    assert_eq!(runs(&shop, "").await[0]["operators"], json!(["Jane Smith"]));
}

/// What is shown of a job, without what differs between two jobs by nature.
async fn shown(shop: &Shop, id: &str) -> Value {
    let mut shown = detail(shop, id).await["job"].clone();
    let job = shown.as_object_mut().unwrap();
    for key in ["id", "number", "created_at", "updated_at"] {
        job.remove(key);
    }
    let (_, orders) = shop.get(&format!("/api/v1/jobs/{id}/work-orders")).await;
    let mut orders = orders["items"].clone();
    orders[0].as_object_mut().unwrap().remove("id");
    let runs: Vec<_> = runs(shop, &format!("job={id}"))
        .await
        .iter()
        .map(|run| {
            let names = ["run", "started_at", "ended_at", "good", "waste", "status"];
            names.map(|name| run[name].clone())
        })
        .collect();
    json!({"job": shown, "orders": orders, "runs": runs})
}

#[tokio::test]
async fn news_that_come_in_any_order_tell_the_same_job() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let steps = [
        JobStep::Received,
        JobStep::Submitted,
        JobStep::Held,
        JobStep::Resumed,
        JobStep::Started,
        JobStep::Phase,
        JobStep::Suspended,
        JobStep::Refused,
        JobStep::Completed,
        JobStep::Aborted,
        JobStep::Removed,
    ];
    for seed in 0..12 {
        let mut rng = StdRng::seed_from_u64(seed);
        // A history, good or bad, at times of its own.
        let mut history: Vec<_> = (0..rng.random_range(3..12))
            .map(|minute| {
                let kind = steps[rng.random_range(0..steps.len())];
                let amounts = (i64::from(minute) * 100, i64::from(minute));
                (format!("2025-10-16T14:{minute:02}:00Z"), kind, amounts)
            })
            .collect();
        let mut told = Vec::new();
        for order in 0..3 {
            let number = format!("J-{seed}-{order}");
            let id = create(&shop, &number).await;
            let events = history
                .iter()
                .map(|(at, kind, amounts)| (at.as_str(), step(*kind, &number, Some(*amounts))))
                .collect();
            ham.push(events).await;
            told.push(shown(&shop, &id).await);
            history.shuffle(&mut rng);
        }
        assert_eq!(told[0], told[1], "seed {seed}: {history:?}");
        assert_eq!(told[0], told[2], "seed {seed}: {history:?}");
    }
}

async fn command(shop: &Shop, id: &str, action: &str, body: &Value) -> (u16, Value) {
    let key = format!("{id}-{action}");
    shop.post(&format!("/api/v1/jobs/{id}/{action}"), &key, body)
        .await
}

/// The commands that wait for the plant.
async fn commands_of(ham: &Plant) -> Vec<(RequestId, JobAction)> {
    let feed = ham.feed().await;
    let commands = feed.items.into_iter().filter_map(|item| match item.body {
        FeedBody::JobCommand(command) => Some((command.command_id, command.action)),
        _ => None,
    });
    commands.collect()
}

/// Action and state of each command to a job.
async fn fates(shop: &Shop, id: &str) -> Vec<(String, String)> {
    let answer = detail(shop, id).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let commands = answer["commands"].as_array().unwrap().iter();
    commands
        .map(|command| (text(&command["action"]), text(&command["state"])))
        .collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let pairs = pairs.iter();
    pairs
        .map(|(action, state)| ((*action).to_owned(), (*state).to_owned()))
        .collect()
}

/// So many minutes from now.
fn soon(shop: &Shop, minutes: i64) -> String {
    (shop.now() + SignedDuration::from_mins(minutes)).to_string()
}

#[tokio::test]
async fn commands_go_down_once_and_their_fate_is_seen() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let id = create(&shop, "J-1").await;
    let (status, sent) = command(&shop, &id, "hold", &json!({})).await;
    assert_eq!((status, &sent["state"]), (202, &json!("sent")), "{sent}");
    let (_, again) = command(&shop, &id, "hold", &json!({})).await;
    assert_eq!(again, sent);
    command(&shop, &id, "priority", &json!({"priority": 80})).await;
    command(&shop, &id, "position", &json!({"position": 0})).await;
    command(&shop, &id, "resume", &json!({})).await;
    let actions: Vec<_> = commands_of(&ham).await.into_iter().map(|it| it.1).collect();
    assert_eq!(
        actions,
        [
            JobAction::Hold,
            JobAction::Priority(80),
            JobAction::Position(0),
            JobAction::Resume
        ]
    );

    let requeued = JobProgress {
        priority: Some(80),
        ..progress("J-1")
    };
    let refused = JobProgress {
        return_code: Some(105),
        detail: Some("SetQueueEntryPosition: the device has no places".to_owned()),
        ..progress("J-1")
    };
    ham.push(vec![
        (&soon(&shop, 1), step(JobStep::Held, "J-1", None)),
        (&soon(&shop, 2), event(JobStep::Requeued, requeued)),
        (&soon(&shop, 3), event(JobStep::CommandRefused, refused)),
        (&soon(&shop, 4), step(JobStep::Removed, "J-1", None)),
    ])
    .await;
    assert_eq!(
        fates(&shop, &id).await,
        pairs(&[
            ("hold", "done"),
            ("priority", "done"),
            ("position", "refused"),
            ("resume", "overtaken")
        ])
    );
    assert_eq!(detail(&shop, &id).await["job"]["priority"], 80);
    let (status, problem) = command(&shop, &id, "abort", &json!({})).await;
    assert_eq!((status, &problem["code"]), (409, &json!("job-ended")));
}

#[tokio::test]
async fn a_step_from_before_a_command_does_not_answer_it() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let id = create(&shop, "J-1").await;
    command(&shop, &id, "hold", &json!({})).await;
    // The plant was offline: people at the press did this an hour ago, and all else is older still.
    ham.push(vec![
        (&soon(&shop, -60), step(JobStep::Held, "J-1", None)),
        (
            &soon(&shop, -59),
            step(JobStep::CommandRefused, "J-1", None),
        ),
        (&soon(&shop, -58), step(JobStep::Removed, "J-1", None)),
    ])
    .await;
    assert_eq!(fates(&shop, &id).await, pairs(&[("hold", "sent")]));
}

#[tokio::test]
async fn a_step_that_names_its_command_answers_that_one_and_no_other() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let id = create(&shop, "J-1").await;
    for (action, body) in [
        ("priority", json!({"priority": 10})),
        ("position", json!({"position": 3})),
        ("hold", json!({})),
    ] {
        command(&shop, &id, action, &body).await;
    }
    let sent = commands_of(&ham).await;
    let answer = |step: JobStep, command_id: RequestId| {
        let command_id = Some(command_id);
        let progress = JobProgress {
            command_id,
            ..progress("J-1")
        };
        event(step, progress)
    };
    // The clock of the plant is an hour slow. Another requeued is that of a command which was given at the plant.
    let slow = soon(&shop, -60);
    let local = RequestId::from_uuid(uuid::Uuid::from_u128(7));
    ham.push(vec![
        (&slow, answer(JobStep::Requeued, local)),
        (&slow, answer(JobStep::Requeued, sent[1].0)),
        (&slow, answer(JobStep::CommandDone, sent[2].0)),
        (&slow, answer(JobStep::CommandRefused, sent[0].0)),
    ])
    .await;
    assert_eq!(
        fates(&shop, &id).await,
        pairs(&[
            ("priority", "refused"),
            ("position", "done"),
            ("hold", "done")
        ])
    );
    assert_eq!(status(&shop, &id).await, "sent");
}

#[tokio::test]
async fn commands_need_a_job_of_ours_and_sane_values() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let id = create(&shop, "J-1").await;
    let (status, problem) = command(&shop, &id, "priority", &json!({"priority": 101})).await;
    assert_eq!((status, &problem["code"]), (422, &json!("bad-priority")));
    let (status, problem) = command(&shop, &id, "position", &json!({"position": -1})).await;
    assert_eq!((status, &problem["code"]), (422, &json!("invalid-body")));
    ham.push(vec![(
        "2025-10-16T14:00:00Z",
        step(JobStep::Started, "OWN-1", None),
    )])
    .await;
    let (_, page) = shop.get("/api/v1/jobs?number=OWN-1").await;
    let own = page["items"][0]["id"].as_str().unwrap();
    let (status, problem) = command(&shop, own, "hold", &json!({})).await;
    assert_eq!((status, &problem["code"]), (409, &json!("job-of-plant")));
    let stranger = shop.other_tenant().await;
    let (status, _) = command(&stranger, &id, "hold", &json!({})).await;
    assert_eq!(status, 404);
    assert!(commands_of(&ham).await.is_empty());
}
