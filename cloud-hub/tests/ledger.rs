//! Batches of a ledger: at-least-once delivery, exactly-once effect, and nothing that blocks.

mod support;

use std::time::Duration;

use agog_hub::db::TenantTx;
use agog_sync::chain::ChainHead;
use agog_sync::event::{ChainError, Envelope, Event};
use agog_sync::frame::{LedgerBatch, SyncState};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use sqlx::Connection as _;

use support::{Agent, World, received, state, states};

const LEDGER: &str = "/sync/v1/ledger";

/// A world with one agent and its token.
async fn agent() -> (World, Agent, String) {
    let world = World::open().await;
    let agent = world.agent(world.tenant().await).await;
    let token = agent.token(&world).await;
    (world, agent, token)
}

#[derive(serde::Deserialize)]
struct Page {
    events: Vec<Envelope>,
}

/// What the hub holds of a ledger, by its own way of giving it back; the chain is checked.
async fn stored(world: &World, agent: &Agent, token: &str, epoch: u64) -> Vec<Envelope> {
    let mut head = ChainHead::genesis(agent.agent_id.into(), epoch);
    let mut events = Vec::new();
    loop {
        let path = format!("{LEDGER}?epoch={epoch}&after={}", head.last_seq);
        let answer = world.get(token, &path).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let page: Page = serde_json::from_str(&answer.text).unwrap();
        if page.events.is_empty() {
            return events;
        }
        for event in page.events {
            assert_eq!(event.seq, head.last_seq + 1);
            event
                .verify(agent.agent_id.into(), epoch, &head.hash)
                .unwrap();
            head = event.head();
            events.push(event);
        }
    }
}

/// How often a query of the tenant finds something.
async fn count(world: &World, agent: &Agent, query: &'static str) -> i64 {
    let mut tx = TenantTx::begin(&world.hub.app.pool, agent.tenant_id)
        .await
        .unwrap();
    sqlx::query_scalar(query)
        .fetch_one(tx.conn())
        .await
        .unwrap()
}

const STATES: &str = "select count(*) from device_state";
const REJECTED: &str = "select count(*) from ledger_rejected";

#[tokio::test]
async fn a_batch_is_stored_applied_and_acknowledged() {
    let (world, mut agent, token) = agent().await;
    let batch = agent.batch(&world, &states(700));

    let answer = world.push(&token, LEDGER, &batch).await;

    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.body["last_seq"], 700);
    assert_eq!(answer.body["hash"], json!(agent.head.hash));
    assert_eq!(answer.body["duplicate"], false);
    assert_eq!(stored(&world, &agent, &token, 1).await, batch.events);
    assert_eq!(count(&world, &agent, STATES).await, 700);
    let state: SyncState =
        serde_json::from_str(&world.get(&token, "/sync/v1/state").await.text).unwrap();
    assert_eq!(
        (state.ledger.last_seq, state.ledger.hash),
        (700, agent.head.hash)
    );
}

#[tokio::test]
async fn a_batch_that_comes_again_has_no_second_effect() {
    let (world, mut agent, token) = agent().await;
    let batch = agent.batch(&world, &states(5));
    let first = world.push(&token, LEDGER, &batch).await;

    let again = world.push(&token, LEDGER, &batch).await;

    assert_eq!(
        (again.status, &again.body["duplicate"]),
        (200, &json!(true))
    );
    assert_eq!(again.body["hash"], first.body["hash"]);
    assert_eq!(count(&world, &agent, STATES).await, 5);
}

#[tokio::test]
async fn a_batch_that_comes_many_times_at_once_has_one_effect() {
    let (world, mut agent, token) = agent().await;
    let batch = agent.batch(&world, &states(50));

    let pushes = (0..8).map(|_| world.push(&token, LEDGER, &batch));
    let answers = futures_util::future::join_all(pushes).await;

    assert!(answers.iter().all(|answer| answer.status == 200));
    let fresh = answers
        .iter()
        .filter(|answer| answer.body["duplicate"] == false)
        .count();
    assert_eq!(fresh, 1);
    assert_eq!(count(&world, &agent, STATES).await, 50);
}

#[tokio::test]
async fn of_an_overlapping_batch_only_the_new_part_is_taken() {
    let (world, mut agent, token) = agent().await;
    let first = agent.batch(&world, &states(5));
    world.push(&token, LEDGER, &first).await;
    let second = agent.batch(&world, &states(3));
    let events: Vec<_> = first.events[2..]
        .iter()
        .chain(&second.events)
        .cloned()
        .collect();

    let answer = world
        .push(
            &token,
            LEDGER,
            &agent.batch_of(3, first.events[1].hash, events),
        )
        .await;

    assert_eq!(
        (answer.status, &answer.body["last_seq"]),
        (200, &json!(8)),
        "{}",
        answer.text
    );
    assert_eq!(count(&world, &agent, STATES).await, 8);
    assert_eq!(stored(&world, &agent, &token, 1).await.len(), 8);
}

#[tokio::test]
async fn after_a_gap_the_hub_says_what_it_expects() {
    let (world, mut agent, token) = agent().await;
    let first = agent.batch(&world, &states(2));
    let lost = agent.batch(&world, &states(2));
    let third = agent.batch(&world, &states(2));
    world.push(&token, LEDGER, &first).await;

    let answer = world.push(&token, LEDGER, &third).await;

    assert_eq!(answer.says(), (409, "gap"));
    assert_eq!(answer.body["expected"]["last_seq"], 2);
    assert_eq!(answer.body["expected"]["hash"], json!(first.events[1].hash));
    assert_eq!(world.push(&token, LEDGER, &lost).await.status, 200);
    assert_eq!(world.push(&token, LEDGER, &third).await.status, 200);
    assert_eq!(count(&world, &agent, STATES).await, 6);
}

#[tokio::test]
async fn a_broken_chain_is_refused_and_nothing_of_it_is_kept() {
    let (world, mut agent, token) = agent().await;
    let first = agent.batch(&world, &states(3));
    world.push(&token, LEDGER, &first).await;
    let at_three = agent.head;
    let good = agent.batch(&world, &states(3));
    let mut altered = good.clone();
    altered.events[1].payload =
        RawValue::from_string(r#"{"device":"x","status":"y"}"#.to_owned()).unwrap();
    let mut relabelled = good.clone();
    relabelled.events[2].kind = "device.lost".to_owned();
    // A clone of the disk that went another way after event 2.
    agent.head = first.events[1].head();
    let fork = agent.batch(&world, &states(4));
    agent.head = at_three;

    for (what, batch) in [
        ("altered", &altered),
        ("relabelled", &relabelled),
        ("fork", &fork),
    ] {
        let answer = world.push(&token, LEDGER, batch).await;
        assert_eq!(
            answer.says(),
            (409, "chain-broken"),
            "{what}: {}",
            answer.text
        );
        assert_eq!(answer.body["expected"]["last_seq"], 3, "{what}");
    }
    assert_eq!(count(&world, &agent, STATES).await, 3);
    assert_eq!(world.push(&token, LEDGER, &good).await.status, 200);
}

#[tokio::test]
async fn a_restored_agent_opens_a_new_epoch_and_its_ghost_is_fenced() {
    let (world, mut agent, token) = agent().await;
    let old = agent.batch(&world, &states(3));
    world.push(&token, LEDGER, &old).await;
    let ghost = agent.batch(&world, &states(1));
    agent.open_epoch(2);
    let new = agent.batch(&world, &states(2));

    let answer = world.push(&token, LEDGER, &new).await;

    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(
        (&answer.body["epoch"], &answer.body["last_seq"]),
        (&json!(2), &json!(2))
    );
    let fenced = world.push(&token, LEDGER, &ghost).await;
    assert_eq!(fenced.says(), (403, "fenced"));
    assert_eq!(fenced.body["epoch"], 2);
    assert_eq!(
        stored(&world, &agent, &token, 1).await,
        old.events,
        "the old epoch is as it was"
    );
    assert_eq!(stored(&world, &agent, &token, 2).await, new.events);
}

#[tokio::test]
async fn a_new_epoch_must_start_at_its_own_beginning() {
    let (world, mut agent, token) = agent().await;
    agent.open_epoch(2);
    agent.batch(&world, &states(1));
    let second = agent.batch(&world, &states(1));

    let answer = world.push(&token, LEDGER, &second).await;

    assert_eq!(answer.says(), (409, "gap"));
    assert_eq!(answer.body["expected"]["epoch"], 2);
    assert_eq!(answer.body["expected"]["last_seq"], 0);
}

/// Gives a changed event the hash that it must have; the error of the check says which.
fn reseal(agent: &Agent, event: &mut Envelope) {
    let producer = agent.agent_id.into();
    match event.verify(producer, agent.epoch, &event.prev_hash) {
        Err(ChainError::Altered { computed, .. }) => event.hash = computed,
        other => panic!("the event was not changed: {other:?}"),
    }
}

/// Seals a batch whose second event is replaced before the chain is closed over it.
fn batch_with_odd_event(
    world: &World,
    agent: &mut Agent,
    kind: &str,
    payload: &str,
) -> LedgerBatch {
    let (first_seq, prev_hash) = (agent.head.last_seq + 1, agent.head.hash);
    let before = agent
        .batch(world, &[state("press-3", "Running")])
        .events
        .remove(0);
    let mut odd = agent
        .batch(world, &[state("press-3", "Idle")])
        .events
        .remove(0);
    kind.clone_into(&mut odd.kind);
    odd.payload = RawValue::from_string(payload.to_owned()).unwrap();
    reseal(agent, &mut odd);
    agent.head = odd.head();
    let after = agent
        .batch(world, &[state("press-3", "Running")])
        .events
        .remove(0);
    agent.batch_of(first_seq, prev_hash, vec![before, odd, after])
}

#[tokio::test]
async fn an_event_that_nobody_understands_is_kept_and_does_not_block() {
    let (world, mut agent, token) = agent().await;
    let odd = [
        ("press.exploded", r#"{"how":"loudly"}"#),
        ("device.state-changed", r#"{"device":7}"#),
        ("lot.received", r#"{"lot":"?"}"#),
    ];
    for (kind, payload) in odd {
        let batch = batch_with_odd_event(&world, &mut agent, kind, payload);
        let answer = world.push(&token, LEDGER, &batch).await;
        assert_eq!(answer.status, 200, "{kind}: {}", answer.text);
        assert_eq!(answer.body["hash"], json!(agent.head.hash), "{kind}");
    }
    let mut tx = TenantTx::begin(&world.hub.app.pool, agent.tenant_id)
        .await
        .unwrap();
    let rejected: Vec<(i64, String, String)> =
        sqlx::query_as("select seq, kind, code from ledger_rejected order by seq")
            .fetch_all(tx.conn())
            .await
            .unwrap();
    let expected = [
        (2, "press.exploded", "unknown-kind"),
        (5, "device.state-changed", "malformed-payload"),
        (8, "lot.received", "malformed-payload"),
    ];
    let rejected: Vec<_> = rejected
        .iter()
        .map(|(seq, kind, code)| (*seq, kind.as_str(), code.as_str()))
        .collect();
    assert_eq!(rejected, expected);
    assert_eq!(
        stored(&world, &agent, &token, 1).await.len(),
        9,
        "all of them are in the ledger"
    );
    assert_eq!(
        count(&world, &agent, STATES).await,
        6,
        "the others are applied"
    );
}

#[tokio::test]
async fn an_event_that_no_table_takes_is_kept_and_the_others_of_its_batch_are_applied() {
    let (world, mut agent, token) = agent().await;
    // PostgreSQL stores every character but NUL, so the module fails in the middle of its work.
    let poison = state("press\0-3", "Running");
    let events = [
        state("press-3", "Idle"),
        poison,
        state("press-3", "Running"),
    ];
    let batch = agent.batch(&world, &events);

    let answer = world.push(&token, LEDGER, &batch).await;

    assert_eq!(
        (answer.status, &answer.body["last_seq"]),
        (200, &json!(3)),
        "{}",
        answer.text
    );
    assert_eq!(count(&world, &agent, STATES).await, 2);
    assert_eq!(count(&world, &agent, REJECTED).await, 1);
    assert_eq!(stored(&world, &agent, &token, 1).await, batch.events);
    assert_eq!(
        world.push(&token, LEDGER, &batch).await.body["duplicate"],
        true
    );
}

#[tokio::test]
async fn an_event_id_that_was_delivered_before_is_not_applied_again() {
    let (world, mut agent, token) = agent().await;
    let first = agent.batch(&world, &states(2));
    world.push(&token, LEDGER, &first).await;
    agent.open_epoch(2);
    let mut again = agent.batch(&world, &states(1));
    again.events[0].event_id = first.events[1].event_id;
    reseal(&agent, &mut again.events[0]);

    let answer = world.push(&token, LEDGER, &again).await;

    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(count(&world, &agent, STATES).await, 2);
    let code = "select count(*) from ledger_rejected where code = 'duplicate-event-id'";
    assert_eq!(count(&world, &agent, code).await, 1);
}

#[tokio::test]
async fn a_clock_that_is_out_of_its_mind_does_not_block() {
    let (world, mut agent, token) = agent().await;
    let mut batch = agent.batch(&world, &states(1));
    batch.events[0].occurred_at = jiff::Timestamp::MIN;
    reseal(&agent, &mut batch.events[0]);

    let answer = world.push(&token, LEDGER, &batch).await;

    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(stored(&world, &agent, &token, 1).await, batch.events);
}

#[tokio::test]
async fn batches_that_contradict_themselves_or_their_credential_are_refused() {
    let (world, mut agent, token) = agent().await;
    let good = agent.batch(&world, &states(3));
    let stranger = Agent::new(&world, agent.tenant_id);
    let change = |change: fn(&mut LedgerBatch)| {
        let mut batch = good.clone();
        change(&mut batch);
        batch
    };
    let mut foreign = good.clone();
    foreign.producer = stranger.agent_id.into();
    let bad = [
        ("another producer", foreign),
        ("no events", change(|batch| batch.events.clear())),
        ("a hole", change(|batch| drop(batch.events.remove(1)))),
        ("epoch 0", change(|batch| batch.epoch = 0)),
        (
            "an epoch beyond bigint",
            change(|batch| batch.epoch = u64::MAX),
        ),
        ("first 0", change(|batch| batch.first_seq = 0)),
        (
            "a last one that is not there",
            change(|batch| batch.last_seq = 9),
        ),
        (
            "a kind with NUL",
            change(|batch| batch.events[0].kind = "a\0".to_owned()),
        ),
    ];
    for (what, batch) in bad {
        let answer = world.push(&token, LEDGER, &batch).await;
        assert_eq!(
            answer.says(),
            (400, "malformed-batch"),
            "{what}: {}",
            answer.text
        );
    }
    let newer = change(|batch| batch.protocol = 9);
    let answer = world.push(&token, LEDGER, &newer).await;
    assert_eq!(answer.says(), (400, "unknown-protocol"), "{}", answer.text);
    let too_many: Vec<Event> = states(1001);
    let batch = Agent::new(&world, agent.tenant_id).batch(&world, &too_many);
    assert_eq!(world.push(&token, LEDGER, &batch).await.status, 400);
    assert_eq!(world.push(&token, LEDGER, &good).await.status, 200);
}

#[tokio::test]
async fn an_agent_reads_its_own_ledger_only() {
    let (world, mut agent, token) = agent().await;
    let batch = agent.batch(&world, &states(1));
    world.push(&token, LEDGER, &batch).await;
    world.plant(agent.tenant_id, "BER").await;
    let colleague = world.agent_at(agent.tenant_id, "BER").await;
    let stranger = world.agent(world.tenant().await).await;

    for other in [&colleague, &stranger] {
        let answer = world
            .get(
                &other.token(&world).await,
                &format!("{LEDGER}?epoch=1&after=0"),
            )
            .await;
        assert_eq!(
            (answer.status, &answer.body["events"]),
            (200, &Value::Array(Vec::new()))
        );
    }
}

#[tokio::test]
async fn a_batch_that_meets_another_making_the_same_lot_is_sent_again_and_fills_it_in() {
    let (world, mut agent, token) = agent().await;
    let event = received("LOT-9");
    let Event::Lot(lots) = &event else {
        panic!("not about a lot")
    };
    let lot_id = lots.lots()[0].lot_id;
    let batch = agent.batch(&world, &[event]);
    // Somebody else names the lot for the first time, and has not committed yet.
    let mut other = TenantTx::begin(&world.hub.app.pool, agent.tenant_id)
        .await
        .unwrap();
    let pid: i32 = sqlx::query_scalar(
        "insert into lot (tenant_id, public_id, number, plant_id, base_unit, origin, origin_producer, origin_event_id,
             created_at, updated_at)
         select tenant_id, $1, 'LOT-9', plant_id, 'piece', 'unknown', $1, $1, now(), now() from plant
         returning pg_backend_pid()",
    )
    .bind(lot_id.uuid())
    .fetch_one(other.conn())
    .await
    .unwrap();
    let mut looker = sqlx::PgConnection::connect_with(&world.hub.database)
        .await
        .unwrap();
    let somebody_waits = async {
        let blocked =
            "select exists (select from pg_stat_activity where $1 = any(pg_blocking_pids(pid)))";
        loop {
            let query = sqlx::query_scalar(blocked).bind(pid);
            if query.fetch_one(&mut looker).await.unwrap() {
                break;
            }
        }
        other.commit().await.unwrap();
    };

    let somebody_waits = tokio::time::timeout(Duration::from_secs(30), somebody_waits);
    let (answer, waited) = tokio::join!(world.push(&token, LEDGER, &batch), somebody_waits);

    waited.expect("the batch waits for whoever makes the lot");
    assert_eq!(answer.says(), (503, "busy"));
    let again = world.push(&token, LEDGER, &batch).await;
    assert_eq!(again.status, 200, "{}", again.text);
    let filled_in = "select count(*) from lot where number = 'LOT-9' and origin = 'received' and balance = 50000";
    assert_eq!(count(&world, &agent, filled_in).await, 1);
    assert_eq!(
        count(&world, &agent, "select count(*) from lot_entry").await,
        1
    );
    assert_eq!(count(&world, &agent, REJECTED).await, 0);
}
