//! Agents whose disk was set back or copied: what they get back, which process is served, what people are shown, and
//! events that are applied once their fault is mended.

mod support;

use agog_hub::db::TenantTx;
use agog_hub::tenants::Role;
use agog_sync::clock::Clock;
use agog_sync::event::{ChainError, Envelope};
use agog_sync::frame::{
    EpochOpened, LEDGER_BATCH_BYTES_MAX, LedgerBatch, LedgerPage, PROTOCOL, TelemetryBatch,
    TelemetryBlock, decode,
};
use agog_sync::ids::{AgentId, RunId};
use jiff::SignedDuration;
use serde_json::{Value, json};
use sqlx::Connection as _;

use support::{Agent, Answer, World, state, states};

const LEDGER: &str = "/sync/v1/ledger";
const RETRY: &str = "/api/v1/rejected-events/retry";

async fn agent() -> (World, Agent) {
    let world = World::open().await;
    let agent = world.agent(world.tenant().await).await;
    (world, agent)
}

fn run(world: &World) -> RunId {
    RunId::generate(world.clock.now(), &mut world.hub.app.rng())
}

fn token(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.body["access_token"].as_str().unwrap().to_owned()
}

/// How the plant of the agent stands with the hub, for people.
async fn overview(world: &World, agent: &Agent) -> Value {
    let viewer = world.token(agent.tenant_id, Role::Viewer).await;
    let answer = world.get(&viewer, "/api/v1/plants/HAM/sync").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.body["agents"][0].clone()
}

/// Topics of what other systems are told, in order.
async fn topics(world: &World, agent: &Agent) -> Vec<String> {
    let mut tx = TenantTx::begin(&world.hub.app.pool, agent.tenant_id)
        .await
        .unwrap();
    sqlx::query_scalar(
        "select topic from event_outbox where topic like 'sync.%' order by outbox_id",
    )
    .fetch_all(tx.conn())
    .await
    .unwrap()
}

#[tokio::test]
async fn a_copy_that_is_started_beside_its_original_leaves_one_of_them_served() {
    let (world, mut agent) = agent().await;
    let (original, copy) = (run(&world), run(&world));
    let first = token(&agent.ask_as(&world, original, &[]).await);
    let batch = agent.batch(&world, &states(3));
    assert_eq!(world.push(&first, LEDGER, &batch).await.status, 200);
    let of_copy = token(&agent.ask_as(&world, copy, &[original]).await);

    // The token of the original is good for some minutes, and nothing is taken with it.
    let next = agent.batch(&world, &states(1));
    let pushed = world.push(&first, LEDGER, &next).await;
    let read = world.get(&first, "/sync/v1/state").await;
    let fed = world.get(&first, "/sync/v1/feed?after=0").await;
    for answer in [&pushed, &read, &fed] {
        assert_eq!(answer.says(), (401, "run-superseded"), "{}", answer.text);
    }
    let fenced = agent.ask_as(&world, original, &[]).await;
    assert_eq!(fenced.says(), (403, "cloned"), "{}", fenced.text);
    // Also after a restart, and what is started after that.
    let (second, third) = (run(&world), run(&world));
    let again = agent.ask_as(&world, second, &[original]).await;
    assert_eq!(again.says(), (403, "cloned"));
    let again = agent.ask_as(&world, third, &[second, original]).await;
    assert_eq!(again.says(), (403, "cloned"));
    assert_eq!(world.push(&of_copy, LEDGER, &next).await.status, 200);
    assert_eq!(
        topics(&world, &agent).await,
        ["sync.clone-fenced"; 3],
        "each process that was refused, once"
    );
    let shown = overview(&world, &agent).await;
    assert_eq!(
        (&shown["run_id"], &shown["fenced"], &shown["last_seq"]),
        (&json!(copy), &json!(true), &json!(4)),
        "{shown:#}"
    );
}

#[tokio::test]
async fn a_first_request_that_comes_after_the_next_start_takes_nothing_over() {
    let (world, mut agent) = agent().await;
    let (first, killed, second) = (run(&world), run(&world), run(&world));
    token(&agent.ask_as(&world, first, &[]).await);
    // It was killed while its request was on its way.
    let before = [killed, first];
    let served = token(&agent.ask_as(&world, second, &before).await);
    let late = agent.ask_as(&world, killed, &[first]).await;
    assert_eq!(late.says(), (403, "cloned"), "{}", late.text);

    let batch = agent.batch(&world, &states(1));
    assert_eq!(world.push(&served, LEDGER, &batch).await.status, 200);
    token(&agent.ask_as(&world, second, &before).await);
    let next = agent
        .ask_as(&world, run(&world), &[second, killed, first])
        .await;
    assert_eq!(next.status, 200, "{}", next.text);
}

#[tokio::test]
async fn a_person_decides_with_a_new_code_which_machine_is_served() {
    let (world, mut agent) = agent().await;
    let (original, copy) = (run(&world), run(&world));
    token(&agent.ask_as(&world, original, &[]).await);
    let of_copy = token(&agent.ask_as(&world, copy, &[original]).await);
    assert_eq!(
        agent.ask_as(&world, original, &[]).await.says(),
        (403, "cloned")
    );
    world.clock.advance(SignedDuration::from_secs(60));
    let code = world.code(agent.tenant_id, "HAM").await;
    let mut request = agent.request(&code);
    request.run = Some(original);

    let enrolled = world.enrol(&request).await;

    assert_eq!(enrolled.status, 200, "{}", enrolled.text);
    let of_original = token(&agent.ask_as(&world, original, &[]).await);
    let batch = agent.batch(&world, &states(1));
    assert_eq!(world.push(&of_original, LEDGER, &batch).await.status, 200);
    let refused = world.get(&of_copy, "/sync/v1/state").await;
    assert_eq!(refused.says(), (401, "run-superseded"));
    assert_eq!(
        agent.ask_as(&world, copy, &[original]).await.says(),
        (403, "cloned")
    );
    // The same request again, with a code that was used, changes nothing.
    request.run = Some(copy);
    assert_eq!(world.enrol(&request).await.status, 200);
    assert_eq!(
        agent.ask_as(&world, copy, &[]).await.says(),
        (403, "cloned")
    );
    let restarted = agent.ask_as(&world, run(&world), &[original]).await;
    assert_eq!(restarted.status, 200, "{}", restarted.text);
}

#[tokio::test]
async fn a_restored_backup_takes_over_and_people_are_told() {
    let (world, agent) = agent().await;
    let runs = [0; 4].map(|_| run(&world));
    token(&agent.ask_as(&world, runs[0], &[]).await);
    token(&agent.ask_as(&world, runs[1], &[runs[0]]).await);
    token(&agent.ask_as(&world, runs[2], &[runs[1], runs[0]]).await);
    world.clock.advance(SignedDuration::from_secs(60));

    token(&agent.ask_as(&world, runs[3], &[runs[0]]).await);

    assert_eq!(topics(&world, &agent).await, ["sync.run-taken-over"]);
    let shown = overview(&world, &agent).await;
    assert_eq!(shown["runs"][0]["run_id"], json!(runs[3]));
    assert_eq!(shown["runs"][0]["reason"], "took-over");
    assert_eq!(shown["runs"].as_array().unwrap().len(), 4);
    assert_eq!(shown["fenced"], false);
}

#[tokio::test]
async fn an_older_agent_tells_no_run_and_goes_on() {
    let (world, mut agent) = agent().await;
    let token = agent.token(&world).await;
    let batch = agent.batch(&world, &states(1));
    assert_eq!(world.push(&token, LEDGER, &batch).await.status, 200);
    let again = agent.token(&world).await;
    assert_eq!(world.get(&again, "/sync/v1/state").await.status, 200);
    assert_eq!(overview(&world, &agent).await["run_id"], Value::Null);
}

#[tokio::test]
async fn a_process_that_waits_for_the_feed_is_told_when_another_one_takes_over() {
    let (world, agent) = agent().await;
    let (original, copy) = (run(&world), run(&world));
    let first = token(&agent.ask_as(&world, original, &[]).await);
    let waiting = world.get(&first, "/sync/v1/feed?after=0&wait_s=25");
    let taking_over = async {
        token(&agent.ask_as(&world, copy, &[original]).await);
    };
    let limit = std::time::Duration::from_secs(15);
    let both = async { tokio::join!(waiting, taking_over) };
    let (answer, ()) = tokio::time::timeout(limit, both).await.unwrap();
    assert_eq!(answer.says(), (401, "run-superseded"), "{}", answer.text);
}

#[tokio::test]
async fn telemetry_of_a_process_that_was_superseded_is_not_taken() {
    let (world, agent) = agent().await;
    let (original, copy) = (run(&world), run(&world));
    let first = token(&agent.ask_as(&world, original, &[]).await);
    token(&agent.ask_as(&world, copy, &[original]).await);
    let batch = TelemetryBatch {
        protocol: PROTOCOL,
        producer: agent.agent_id.into(),
        epoch: 1,
        first_block: 1,
        last_block: 1,
        blocks: vec![TelemetryBlock {
            block: 1,
            series: Vec::new(),
            series_index: Vec::new(),
            time_us: Vec::new(),
            value: Vec::new(),
        }],
    };
    let answer = world.push(&first, "/sync/v1/telemetry", &batch).await;
    assert_eq!(answer.says(), (401, "run-superseded"));
}

#[tokio::test]
async fn a_new_epoch_is_shown_with_its_reason_and_the_older_one_is_given_back() {
    let (world, mut agent) = agent().await;
    let first = run(&world);
    let token = token(&agent.ask_as(&world, first, &[]).await);
    let old = agent.batch(&world, &states(5));
    assert_eq!(world.push(&token, LEDGER, &old).await.status, 200);
    agent.open_epoch(2);
    let mut new = agent.batch(&world, &states(2));
    new.opened = Some(EpochOpened {
        reason: "rolled-back".to_owned(),
        at: world.clock.now(),
    });

    assert_eq!(world.push(&token, LEDGER, &new).await.status, 200);

    let shown = overview(&world, &agent).await;
    assert_eq!(shown["epoch"], 2);
    let epoch = &shown["epochs"][0];
    assert_eq!(
        (
            &epoch["epoch"],
            &epoch["reason"],
            &epoch["run_id"],
            &epoch["before_seq"]
        ),
        (&json!(2), &json!("rolled-back"), &json!(first), &json!(5))
    );
    assert_eq!(topics(&world, &agent).await, ["sync.epoch-opened"]);
    let answer = world.get(&token, "/sync/v1/ledger?epoch=1&after=2").await;
    let page: LedgerPage = serde_json::from_str(&answer.text).unwrap();
    assert_eq!(page.events, old.events[2..]);
}

#[tokio::test]
async fn events_are_given_back_compressed_and_within_the_limits_of_a_batch() {
    let (world, mut agent) = agent().await;
    let token = agent.token(&world).await;
    let large = state(&"press".repeat(20_000), "Idle");
    let mut delivered = Vec::new();
    for _ in 0..3 {
        let batch = agent.batch(&world, &[large.clone(), large.clone(), large.clone()]);
        assert_eq!(world.push(&token, LEDGER, &batch).await.status, 200);
        delivered.extend(batch.events);
    }
    let mut after = 0;
    let mut pages = 0;
    let mut given_back: Vec<Envelope> = Vec::new();
    loop {
        let request = world
            .request(
                reqwest::Method::GET,
                &format!("{LEDGER}?epoch=1&after={after}"),
            )
            .bearer_auth(&token)
            .header("accept-encoding", "zstd");
        let answer = request.send().await.unwrap();
        assert_eq!(answer.headers()["content-encoding"], "zstd");
        let page: LedgerPage = decode(&answer.bytes().await.unwrap(), 4 * 1024 * 1024).unwrap();
        let bytes: usize = page
            .events
            .iter()
            .map(|event| event.payload.get().len())
            .sum();
        assert!(bytes <= LEDGER_BATCH_BYTES_MAX, "{bytes}");
        let Some(last) = page.events.last() else {
            break;
        };
        after = last.seq;
        pages += 1;
        given_back.extend(page.events);
    }
    assert_eq!(given_back, delivered);
    assert!(pages > 1);
}

/// A batch whose only event has a kind that this hub does not know.
fn of_newer_agent(world: &World, agent: &mut Agent, kind: &str) -> LedgerBatch {
    let prev_hash = agent.head.hash;
    let mut event = agent
        .batch(world, &[state("press-3", "Running")])
        .events
        .remove(0);
    kind.clone_into(&mut event.kind);
    match event.verify(agent.agent_id.into(), agent.epoch, &event.prev_hash) {
        Err(ChainError::Altered { computed, .. }) => event.hash = computed,
        other => panic!("the event was not changed: {other:?}"),
    }
    agent.head = event.head();
    agent.batch_of(event.seq, prev_hash, vec![event])
}

async fn retry(world: &World, agent: &Agent, key: &str, body: &Value) -> Answer {
    let office = world.token(agent.tenant_id, Role::Office).await;
    let request = world
        .request(reqwest::Method::POST, RETRY)
        .bearer_auth(office)
        .header("Idempotency-Key", key)
        .json(body);
    world.send(request).await
}

#[tokio::test]
async fn a_rejected_event_is_applied_once_after_its_fault_is_mended() {
    let (world, mut agent) = agent().await;
    let token = agent.token(&world).await;
    for kind in ["press.exploded", "press.melted"] {
        let batch = of_newer_agent(&world, &mut agent, kind);
        assert_eq!(world.push(&token, LEDGER, &batch).await.status, 200);
    }
    let viewer = world.token(agent.tenant_id, Role::Viewer).await;
    let list = async || {
        world
            .get(&viewer, "/api/v1/rejected-events?plant=HAM&limit=1")
            .await
    };
    let listed = list().await;
    let event = &listed.body["items"][0];
    assert_eq!(
        (&event["kind"], &event["code"]),
        (&json!("press.exploded"), &json!("unknown-kind"))
    );
    assert_eq!(event["payload"]["device"], "press-3");
    let next = format!(
        "/api/v1/rejected-events?cursor={}",
        listed.body["next"].as_str().unwrap()
    );
    let second = world.get(&viewer, &next).await;
    assert_eq!(
        second.body["items"][0]["kind"], "press.melted",
        "{}",
        second.text
    );
    assert_eq!(overview(&world, &agent).await["rejected_events"], 2);

    // Nothing was mended: both stay.
    let tried = retry(&world, &agent, "key-1", &json!({})).await;
    assert_eq!(
        tried.body,
        json!({ "applied": 0, "rejected": 2 }),
        "{}",
        tried.text
    );
    // The hub learns one of the kinds.
    let mut superuser = sqlx::PgConnection::connect_with(&world.hub.database)
        .await
        .unwrap();
    sqlx::query(
        "update ledger_event set kind = 'device.state-changed'
         where tenant_id = $1 and kind = 'press.exploded'",
    )
    .bind(agent.tenant_id.uuid())
    .execute(&mut superuser)
    .await
    .unwrap();
    world.clock.advance(SignedDuration::from_secs(60));
    let tried = retry(&world, &agent, "key-2", &json!({})).await;
    assert_eq!(
        tried.body,
        json!({ "applied": 1, "rejected": 1 }),
        "{}",
        tried.text
    );
    world.clock.advance(SignedDuration::from_secs(60));
    let repeated = retry(&world, &agent, "key-2", &json!({})).await;
    assert_eq!(repeated.body, tried.body, "the answer of the first request");
    let again = retry(&world, &agent, "key-3", &json!({})).await;
    assert_eq!(again.body, json!({ "applied": 0, "rejected": 1 }));

    let mut tx = TenantTx::begin(&world.hub.app.pool, agent.tenant_id)
        .await
        .unwrap();
    let states: i64 = sqlx::query_scalar("select count(*) from device_state")
        .fetch_one(tx.conn())
        .await
        .unwrap();
    assert_eq!(states, 1);
    let left = list().await;
    assert_eq!(left.body["items"][0]["kind"], "press.melted");
    assert_eq!(left.body["items"][0]["tries"], 4);
    let named = json!({ "event_ids": [event["event_id"]] });
    let named = retry(&world, &agent, "key-4", &named).await;
    assert_eq!(
        named.body,
        json!({ "applied": 0, "rejected": 0 }),
        "it was applied"
    );
}

#[tokio::test]
async fn rejected_events_and_the_standing_of_another_tenant_are_not_there() {
    let (world, mut agent) = agent().await;
    let token = agent.token(&world).await;
    let batch = of_newer_agent(&world, &mut agent, "press.exploded");
    world.push(&token, LEDGER, &batch).await;
    let other = world.tenant().await;
    let viewer = world.token(other, Role::Viewer).await;
    let listed = world.get(&viewer, "/api/v1/rejected-events").await;
    assert_eq!(listed.body["items"], json!([]));
    let plant = world.plant(agent.tenant_id, "KIEL").await;
    for id in [plant.to_string(), "KIEL".to_owned()] {
        let answer = world
            .get(&viewer, &format!("/api/v1/plants/{id}/sync"))
            .await;
        assert_eq!(answer.says(), (404, "not-found"));
    }
}

#[tokio::test]
async fn a_recorded_batch_of_the_first_version_is_accepted() {
    const BATCH: &str = include_str!("../../sync/tests/wire/batch.v1.json");
    let world = World::open().await;
    let tenant_id = world.tenant().await;
    let batch: LedgerBatch = serde_json::from_str(BATCH).unwrap();
    let recorded = Agent {
        agent_id: AgentId::from_uuid(batch.producer.uuid()),
        ..Agent::new(&world, tenant_id)
    };
    let code = world.code(tenant_id, "HAM").await;
    // As that version enrolled and asked for tokens: without runs.
    let mut request = serde_json::to_value(recorded.request(&code)).unwrap();
    request.as_object_mut().unwrap().remove("run");
    let enrolled = world.request(reqwest::Method::POST, "/sync/v1/enroll");
    let enrolled = world.send(enrolled.json(&request)).await;
    assert_eq!(enrolled.status, 200, "{}", enrolled.text);
    let token = recorded.token(&world).await;

    let body = zstd::stream::encode_all(BATCH.as_bytes(), 3).unwrap();
    let answer = world.push_bytes(&token, LEDGER, body).await;

    let ack: Value =
        serde_json::from_str(include_str!("../../sync/tests/wire/ack.v1.json")).unwrap();
    assert_eq!(answer.body, ack);
    assert_eq!(overview(&world, &recorded).await["rejected_events"], 0);
}
