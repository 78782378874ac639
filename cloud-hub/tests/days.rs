//! Days that agent and hub compare, what agents tell of themselves, and alarms that are raised once and cleared once.

mod support;

use std::time::Duration;

use agog_hub::db::TenantTx;
use agog_hub::intake::watch;
use agog_hub::tenants::Role;
use agog_sync::clock::Clock;
use agog_sync::days::{
    DayClaim, DayHasher, DaySpan, DaysAnswer, DaysRequest, REQUEST_EVENTS_MAX, day_of,
};
use agog_sync::event::{Envelope, SealedParts};
use agog_sync::frame::PROTOCOL;
use agog_sync::report::{AgentReport, REPORT_HEADER};
use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Connection as _;

use support::{Agent, Answer, World, states};

const LEDGER: &str = "/sync/v1/ledger";
const DAYS: &str = "/sync/v1/days";
const AFTER: Duration = Duration::from_mins(15);

/// An agent of which the hub has five events, one of them rejected.
async fn delivered() -> (World, Agent, Vec<Envelope>) {
    let world = World::open().await;
    let mut agent = world.agent(world.tenant().await).await;
    let batch = agent.batch(&world, &states(5));
    let mut events = batch.events.clone();
    // One of a kind that this hub does not know: kept, not applied, and counted.
    let last = events.pop().unwrap();
    let head = events.last().unwrap().head();
    let mut unknown = last.clone();
    "press.exploded".clone_into(&mut unknown.kind);
    unknown.prev_hash = head.hash;
    unknown.hash = computed(&agent, &unknown);
    agent.head = unknown.head();
    events.push(unknown);
    let batch = agent.batch_of(1, batch.prev_hash, events.clone());
    let token = agent.token(&world).await;
    let answer = world.push(&token, LEDGER, &batch).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    (world, agent, events)
}

fn computed(agent: &Agent, event: &Envelope) -> agog_sync::chain::Hash {
    SealedParts {
        seq: event.seq,
        event_id: event.event_id,
        kind: &event.kind,
        version: event.version,
        occurred_at_us: event.occurred_at.as_microsecond(),
        recorded_at_us: event.recorded_at.as_microsecond(),
        actor: &event.actor,
        payload: event.payload.get(),
        prev_hash: &event.prev_hash,
    }
    .hash(agent.agent_id.into(), agent.epoch)
}

/// What the agent says of some of its events.
fn claim(agent: &Agent, events: &[Envelope]) -> DayClaim {
    let (first, last) = (&events[0], &events[events.len() - 1]);
    let mut hasher = DayHasher::new(agent.agent_id.into(), agent.epoch, first.seq);
    for event in events {
        let computed = computed(agent, event);
        hasher.add(event.seq, &event.prev_hash, &event.hash, &computed);
    }
    DayClaim {
        span: DaySpan {
            epoch: agent.epoch,
            first_seq: first.seq,
            last_seq: last.seq,
            day: day_of(first.recorded_at),
        },
        proof: hasher.finish(last.seq),
    }
}

async fn ask(world: &World, agent: &Agent, days: Vec<DayClaim>) -> Answer {
    let token = agent.token(world).await;
    let request = DaysRequest {
        protocol: PROTOCOL,
        days,
    };
    world.push(&token, DAYS, &request).await
}

fn read(answer: &Answer) -> DaysAnswer {
    assert_eq!(answer.status, 200, "{}", answer.text);
    serde_json::from_str(&answer.text).unwrap()
}

async fn overview(world: &World, agent: &Agent) -> Value {
    let viewer = world.token(agent.tenant_id, Role::Viewer).await;
    let answer = world.get(&viewer, "/api/v1/plants/HAM/sync").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.body["agents"][0].clone()
}

/// What other systems are told, in order.
async fn told(world: &World, agent: &Agent) -> Vec<(String, Value)> {
    let mut tx = TenantTx::begin(&world.hub.app.pool, agent.tenant_id)
        .await
        .unwrap();
    sqlx::query_as(
        "select topic, data from event_outbox where topic like 'sync.%' order by outbox_id",
    )
    .fetch_all(tx.conn())
    .await
    .unwrap()
}

/// Somebody changes the hub's database by hand.
async fn by_hand(world: &World, agent: &Agent, sql: &'static str) {
    let mut superuser = sqlx::PgConnection::connect_with(&world.hub.database)
        .await
        .unwrap();
    sqlx::query(sql)
        .bind(agent.agent_id.uuid())
        .execute(&mut superuser)
        .await
        .unwrap();
}

#[tokio::test]
async fn days_with_the_same_events_are_equal_and_rejected_events_count() {
    let (world, agent, events) = delivered().await;
    let claims = vec![claim(&agent, &events[..2]), claim(&agent, &events[2..])];

    let answer = read(&ask(&world, &agent, claims.clone()).await);

    for (claim, here) in claims.iter().zip(&answer.days) {
        assert_eq!(here.span, claim.span);
        assert!(claim.proof.agrees_with(&here.proof.unwrap()));
    }
    let shown = overview(&world, &agent).await;
    assert_eq!(shown["rejected_events"], 1);
    let days = &shown["days"];
    assert_eq!(
        (&days["proven"], &days["last_proven"], &days["differing"]),
        (&json!(1), &json!("2025-10-20"), &json!(0)),
        "{days:#}"
    );
    assert_eq!(told(&world, &agent).await, []);
}

#[tokio::test]
async fn a_row_that_was_changed_by_hand_is_found_told_once_and_told_again_when_it_is_mended() {
    let (world, agent, events) = delivered().await;
    let claims = || vec![claim(&agent, &events)];
    read(&ask(&world, &agent, claims()).await);
    by_hand(
        &world,
        &agent,
        "update ledger_event set payload = replace(payload, 'Idle', 'Down') where producer_id = $1 and seq = 2",
    )
    .await;

    let answer = read(&ask(&world, &agent, claims()).await);
    read(&ask(&world, &agent, claims()).await);

    let here = answer.days[0].proof.unwrap();
    assert_eq!((here.events, here.fault), (5, Some(2)));
    let topics = told(&world, &agent).await;
    assert_eq!(topics.len(), 1, "{topics:#?}");
    let (topic, data) = &topics[0];
    assert_eq!(topic, "sync.day-differs");
    assert_eq!(
        (
            &data["epoch"],
            &data["day"],
            &data["agent"]["events"],
            &data["hub"]["fault"]
        ),
        (&json!(1), &json!("2025-10-20"), &json!(5), &json!(2)),
        "{data:#}"
    );
    let days = overview(&world, &agent).await["days"].clone();
    assert_eq!(
        (&days["proven"], &days["differing"]),
        (&json!(0), &json!(1))
    );
    let first = &days["first_differing"];
    assert_eq!(
        (
            &first["agent_events"],
            &first["hub_events"],
            &first["agent_fault"],
            &first["hub_fault"]
        ),
        (&json!(5), &json!(5), &Value::Null, &json!(2)),
        "{first:#}"
    );
    by_hand(
        &world,
        &agent,
        "update ledger_event set payload = replace(payload, 'Down', 'Idle') where producer_id = $1 and seq = 2",
    )
    .await;
    read(&ask(&world, &agent, claims()).await);
    let topics: Vec<_> = told(&world, &agent)
        .await
        .into_iter()
        .map(|told| told.0)
        .collect();
    assert_eq!(topics, ["sync.day-differs", "sync.day-equal-again"]);
    assert_eq!(overview(&world, &agent).await["days"]["proven"], 1);
}

#[tokio::test]
async fn rows_that_are_missing_or_cannot_be_read_differ_and_break_nothing() {
    let (world, agent, events) = delivered().await;
    for (sql, count, fault) in [
        (
            "update ledger_event set actor = 'nonsense', prev_hash = 'x' where producer_id = $1 and seq = 4",
            5,
            4,
        ),
        (
            "delete from ledger_event where producer_id = $1 and seq = 1",
            4,
            1,
        ),
    ] {
        by_hand(&world, &agent, sql).await;
        let answer = read(&ask(&world, &agent, vec![claim(&agent, &events)]).await);
        let here = answer.days[0].proof.unwrap();
        assert_eq!((here.events, here.fault), (count, Some(fault)));
    }
}

#[tokio::test]
async fn what_was_not_delivered_yet_is_no_difference_and_older_epochs_have_an_end() {
    let (world, mut agent, events) = delivered().await;
    let more = agent.batch(&world, &states(2)).events;
    let all: Vec<_> = events.iter().chain(&more).cloned().collect();
    let not_yet = claim(&agent, &all);
    let answer = read(&ask(&world, &agent, vec![not_yet]).await);
    assert_eq!(answer.days[0].proof, None);
    assert_eq!(overview(&world, &agent).await["days"]["differing"], 0);

    let first = claim(&agent, &events);
    agent.open_epoch(2);
    let batch = agent.batch(&world, &states(1));
    let token = agent.token(&world).await;
    assert_eq!(world.push(&token, LEDGER, &batch).await.status, 200);
    let mut unknown = first;
    unknown.span.epoch = 3;
    let asked = vec![first, not_yet, claim(&agent, &batch.events), unknown];
    let answer = read(&ask(&world, &agent, asked).await);
    let is_there: Vec<_> = answer.days.iter().map(|day| day.proof.is_some()).collect();
    assert_eq!(is_there, [true, false, true, false]);
    // The agent cuts its days anew: what was known of these events is replaced.
    let anew = vec![claim(&agent, &batch.events)];
    agent.epoch = 1;
    let cut = vec![claim(&agent, &events[..3]), claim(&agent, &events[3..])];
    read(&ask(&world, &agent, [anew, cut].concat()).await);
    assert_eq!(overview(&world, &agent).await["days"]["proven"], 1);
}

#[tokio::test]
async fn a_request_that_no_agent_makes_is_refused() {
    let (world, agent, events) = delivered().await;
    let mut huge = claim(&agent, &events);
    huge.span.last_seq = REQUEST_EVENTS_MAX + 1;
    let mut none = huge;
    none.span.last_seq = 0;
    for claim in [huge, none] {
        let answer = ask(&world, &agent, vec![claim]).await;
        assert_eq!(answer.says(), (400, "malformed-days"), "{}", answer.text);
    }
    // Another agent's events are not looked at, whatever is claimed.
    let other = world.agent(world.tenant().await).await;
    let answer = read(&ask(&world, &other, vec![claim(&agent, &events)]).await);
    assert_eq!(answer.days[0].proof, None);
}

async fn report(world: &World, agent: &Agent, report: &str) -> Answer {
    let token = agent.token(world).await;
    let request = world.request(Method::GET, "/sync/v1/feed?after=0");
    let request = request.bearer_auth(token).header(REPORT_HEADER, report);
    world.send(request).await
}

/// The agent tells that `waiting` events wait, the oldest for a minute.
async fn waiting(world: &World, agent: &Agent, waiting: u64) {
    let now = world.clock.now();
    let told = AgentReport {
        at: now + SignedDuration::from_secs(90),
        epoch: 1,
        head_seq: 9,
        waiting,
        oldest_waiting_at: (waiting > 0).then_some(now - SignedDuration::from_secs(60)),
    };
    let answer = report(world, agent, &told.to_header()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    // The agent learns the hub's time.
    let at: jiff::Timestamp = answer.body["at"].as_str().unwrap().parse().unwrap();
    assert_eq!(at, now);
}

/// Two hubs look at the same moment.
async fn look(world: &World, agent: &Agent) -> usize {
    let look = || watch::watch_tenant(&world.hub.app, agent.tenant_id, AFTER);
    let (one, other) = tokio::join!(look(), look());
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!(one, other);
    one.len()
}

async fn alarms(world: &World, agent: &Agent) -> Vec<String> {
    let told = told(world, agent).await;
    told.into_iter()
        .map(|(topic, data)| {
            let reason = data["reason"].as_str().unwrap_or_default();
            format!("{topic} {reason}").trim_end().to_owned()
        })
        .collect()
}

#[tokio::test]
async fn what_an_agent_tells_of_itself_is_shown() {
    let (world, agent, _) = delivered().await;
    assert_eq!(overview(&world, &agent).await["told"], Value::Null);

    waiting(&world, &agent, 4).await;

    let told = overview(&world, &agent).await["told"].clone();
    assert_eq!(
        (&told["waiting_events"], &told["clock_skew_ms"]),
        (&json!(4), &json!(90_000)),
        "{told:#}"
    );
    assert_eq!(told["oldest_waiting_at"], "2025-10-20T07:59:00Z");
    assert_eq!(told["told_at"], "2025-10-20T08:00:00Z");
    // Garbage tells nothing and harms nothing.
    for garbage in ["{", "[]", "{\"at\":1}"] {
        assert_eq!(report(&world, &agent, garbage).await.status, 200);
    }
    assert_eq!(overview(&world, &agent).await["told"], told);
}

#[tokio::test]
async fn a_silent_agent_is_an_alarm_once_until_it_is_back() {
    let (world, agent, _) = delivered().await;
    world.clock.advance(SignedDuration::from_mins(14));
    assert_eq!(look(&world, &agent).await, 0);
    world.clock.advance(SignedDuration::from_mins(2));

    for _ in 0..3 {
        assert_eq!(look(&world, &agent).await, 1);
        world.clock.advance(SignedDuration::from_mins(60));
    }

    assert_eq!(
        alarms(&world, &agent).await,
        ["sync.no-progress no-contact"]
    );
    let alarm = overview(&world, &agent).await["alarm"].clone();
    assert_eq!(alarm["reason"], "no-contact");
    assert_eq!(alarm["since"], "2025-10-20T08:16:00Z");
    waiting(&world, &agent, 0).await;
    assert_eq!(look(&world, &agent).await, 0);
    assert_eq!(look(&world, &agent).await, 0);
    assert_eq!(
        alarms(&world, &agent).await,
        ["sync.no-progress no-contact", "sync.progress-resumed"]
    );
    assert_eq!(overview(&world, &agent).await["alarm"], Value::Null);
}

#[tokio::test]
async fn an_agent_in_contact_whose_events_wait_is_an_alarm_until_one_is_taken() {
    let (world, mut agent, _) = delivered().await;
    // A quiet day, then something is recorded: it has its time.
    world.clock.advance(SignedDuration::from_hours(24));
    waiting(&world, &agent, 1).await;
    assert_eq!(look(&world, &agent).await, 0);
    for _ in 0..3 {
        world.clock.advance(SignedDuration::from_mins(6));
        waiting(&world, &agent, 3).await;
    }

    assert_eq!(look(&world, &agent).await, 1);

    assert_eq!(
        alarms(&world, &agent).await,
        ["sync.no-progress no-progress"]
    );
    // A backlog of which some is taken gets on.
    let batch = agent.batch(&world, &states(1));
    let token = agent.token(&world).await;
    assert_eq!(world.push(&token, LEDGER, &batch).await.status, 200);
    waiting(&world, &agent, 2).await;
    assert_eq!(look(&world, &agent).await, 0);
    world.clock.advance(SignedDuration::from_mins(10));
    waiting(&world, &agent, 2).await;
    assert_eq!(look(&world, &agent).await, 0);
    assert_eq!(
        alarms(&world, &agent).await,
        ["sync.no-progress no-progress", "sync.progress-resumed"]
    );
}

#[tokio::test]
async fn an_agent_whose_clock_is_off_is_told_the_hubs_time() {
    let world = World::open().await;
    let agent = world.agent(world.tenant().await).await;
    let mut claims = agent.claims(&world);
    let ahead = world.clock.now() + SignedDuration::from_hours(1);
    claims["iat"] = json!(ahead.as_second());
    claims["exp"] = json!(ahead.as_second() + 60);

    let answer = world.exchange(&agent.sign(&claims)).await;

    assert_eq!(answer.says(), (401, "assertion-refused"), "{}", answer.text);
    assert_eq!(answer.body["at"], json!(world.clock.now()));
}
