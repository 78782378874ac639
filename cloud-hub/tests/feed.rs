//! The down feed: dense numbers per agent, long polls that end, and nobody's own events.

mod support;

use std::time::{Duration, Instant};

use agog_hub::config::FeedKeep;
use agog_hub::db::TenantTx;
use agog_hub::intake::{feed, retention};
use agog_hub::tenants::admin;
use agog_sync::clock::Clock;
use agog_sync::frame::{FeedBody, FeedPage, JobTicket};
use agog_sync::ids::{JobId, PlantId, TenantId};
use jiff::SignedDuration;
use sqlx::Connection;

use support::{World, states};

/// Far above what an answer takes, far below a test that hangs.
const SOON: Duration = Duration::from_secs(10);

fn ticket(world: &World, number: &str) -> FeedBody {
    let job_id = JobId::generate(world.clock.now(), &mut world.hub.app.rng());
    let ticket = JobTicket::new(job_id, number, "press-3", "<JDF/>");
    FeedBody::JobTicket(Box::new(ticket))
}

async fn push(world: &World, tenant_id: TenantId, plant_id: PlantId, number: &str) -> bool {
    let mut tx = TenantTx::begin(&world.hub.app.pool, tenant_id)
        .await
        .unwrap();
    let body = ticket(world, number);
    let pushed = feed::push_to_plant(&mut tx, plant_id, &body, world.clock.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    pushed
}

async fn read(world: &World, token: &str, after: u64, wait_s: u64) -> FeedPage {
    let path = format!("/sync/v1/feed?after={after}&wait_s={wait_s}");
    let answer = world.get(token, &path).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    serde_json::from_str(&answer.text).unwrap()
}

fn numbers(page: &FeedPage) -> Vec<(u64, String)> {
    page.items
        .iter()
        .map(|item| match &item.body {
            FeedBody::JobTicket(ticket) => (item.n, ticket.number.clone()),
            FeedBody::JobCommand(command) => (item.n, command.job_id.to_string()),
            FeedBody::LedgerEvent(event) => (item.n, event.event.kind.clone()),
            FeedBody::Master(master) => (item.n, master.code.clone()),
            FeedBody::Unknown(unknown) => (item.n, unknown.kind.clone()),
        })
        .collect()
}

#[tokio::test]
async fn items_are_numbered_densely_and_read_from_where_the_agent_stands() {
    let world = World::open().await;
    let tenant_id = world.tenant().await;
    let (ber, muc) = (
        world.plant(tenant_id, "BER").await,
        world.plant(tenant_id, "MUC").await,
    );
    let agent = world.agent_at(tenant_id, "BER").await;
    let token = agent.token(&world).await;
    world.agent_at(tenant_id, "MUC").await;
    for (plant, number) in [(ber, "1"), (muc, "x"), (ber, "2"), (ber, "3")] {
        assert!(push(&world, tenant_id, plant, number).await);
    }

    let all = read(&world, &token, 0, 0).await;
    let rest = read(&world, &token, 2, 0).await;

    let expected = [(1, "1"), (2, "2"), (3, "3")].map(|(n, number)| (n, number.to_owned()));
    assert_eq!(numbers(&all), expected);
    assert_eq!((numbers(&rest), rest.next), (expected[2..].to_vec(), 3));
}

#[tokio::test]
async fn a_waiting_request_is_answered_when_something_is_committed() {
    let world = World::open().await;
    let tenant_id = world.tenant().await;
    let ber = world.plant(tenant_id, "BER").await;
    let token = world.agent_at(tenant_id, "BER").await.token(&world).await;

    let waiting = read(&world, &token, 0, 25);
    let pushing = async {
        // The request waits once it has looked and found nothing.
        until(|| world.hub.app.pool.bell().listeners() > 0).await;
        push(&world, tenant_id, ber, "1").await
    };
    let started = Instant::now();
    let (page, _) = tokio::join!(waiting, pushing);

    assert_eq!(numbers(&page), [(1, "1".to_owned())]);
    assert!(started.elapsed() < SOON);
}

#[tokio::test]
async fn a_hub_that_stops_answers_waiting_requests_at_once() {
    let world = World::open().await;
    let token = world.agent(world.tenant().await).await.token(&world).await;

    let waiting = read(&world, &token, 0, 25);
    let stopping = async {
        until(|| world.hub.app.pool.bell().listeners() > 0).await;
        world.hub.app.stopping.cancel();
    };
    let started = Instant::now();
    let (page, ()) = tokio::join!(waiting, stopping);

    assert!(page.items.is_empty());
    assert!(started.elapsed() < SOON);
    let ready = world
        .send(world.request(reqwest::Method::GET, "/readyz"))
        .await;
    assert_eq!(ready.says(), (503, "stopping"));
}

#[tokio::test]
async fn numbers_stay_dense_and_in_order_when_many_push_at_once() {
    let world = World::open().await;
    let tenant_id = world.tenant().await;
    let ber = world.plant(tenant_id, "BER").await;
    let token = world.agent_at(tenant_id, "BER").await.token(&world).await;

    let names: Vec<_> = (0..20).map(|n| n.to_string()).collect();
    let pushes = names.iter().map(|name| push(&world, tenant_id, ber, name));
    futures_util::future::join_all(pushes).await;

    let page = read(&world, &token, 0, 0).await;
    let counted: Vec<_> = page.items.iter().map(|item| item.n).collect();
    assert_eq!(counted, (1..=20).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_agent_that_is_ahead_of_the_hub_must_fetch_anew() {
    let world = World::open().await;
    let token = world.agent(world.tenant().await).await.token(&world).await;

    let page = read(&world, &token, 5, 25).await;

    assert!(page.must_refetch && page.items.is_empty());
    assert_eq!(page.next, 0, "it goes on from what the hub has");
}

#[tokio::test]
async fn an_agent_that_missed_items_which_are_gone_goes_on_from_the_oldest_that_is_there() {
    let world = World::open().await;
    let tenant_id = world.tenant().await;
    let ber = world.plant(tenant_id, "BER").await;
    let agent = world.agent_at(tenant_id, "BER").await;
    let token = agent.token(&world).await;
    for number in ["1", "2", "3"] {
        push(&world, tenant_id, ber, number).await;
    }
    let mut superuser = sqlx::PgConnection::connect_with(&world.hub.database)
        .await
        .unwrap();
    sqlx::query("update feed_counter set oldest_n = 3 where agent_id = $1")
        .bind(agent.agent_id.uuid())
        .execute(&mut superuser)
        .await
        .unwrap();

    let page = read(&world, &token, 1, 25).await;
    let rest = read(&world, &token, page.next, 0).await;

    assert!(page.must_refetch && page.items.is_empty());
    assert_eq!((page.next, numbers(&rest)), (2, vec![(3, "3".to_owned())]));
}

#[tokio::test]
async fn a_page_ends_before_it_is_too_large_and_always_has_an_item() {
    let world = World::open().await;
    let tenant_id = world.tenant().await;
    let ber = world.plant(tenant_id, "BER").await;
    let token = world.agent_at(tenant_id, "BER").await.token(&world).await;
    let max = usize::try_from(feed::FEED_BYTES_MAX).unwrap();
    for size in [max / 2, max / 3, max / 3, max + 1, 1] {
        push(&world, tenant_id, ber, &"x".repeat(size)).await;
    }

    let mut pages = Vec::new();
    let mut after = 0;
    while after < 5 {
        let page = read(&world, &token, after, 0).await;
        pages.push(page.items.len());
        after = page.next;
    }

    assert_eq!(pages, [2, 1, 1, 1]);
}

#[tokio::test]
async fn an_agent_does_not_get_its_own_events_and_revoked_ones_get_nothing() {
    let world = World::open().await;
    let tenant_id = world.tenant().await;
    let ber = world.plant(tenant_id, "BER").await;
    let mut agent = world.agent(tenant_id).await;
    let token = agent.token(&world).await;
    let gone = world.agent_at(tenant_id, "BER").await;
    let now = world.clock.now();
    let owner = &world.hub.owner;
    admin::agent_revoke(owner, tenant_id, gone.agent_id, now)
        .await
        .unwrap();

    let batch = agent.batch(&world, &states(3));
    world.push(&token, "/sync/v1/ledger", &batch).await;

    assert!(read(&world, &token, 0, 0).await.items.is_empty());
    assert!(
        !push(&world, tenant_id, ber, "1").await,
        "nobody is there to get it"
    );
}

#[tokio::test]
async fn what_an_agent_never_fetched_goes_to_the_one_that_takes_its_place() {
    let world = World::open().await;
    let tenant_id = world.tenant().await;
    let ber = world.plant(tenant_id, "BER").await;
    let muc = world.plant(tenant_id, "MUC").await;
    let elsewhere = world.agent_at(tenant_id, "MUC").await;
    push(&world, tenant_id, muc, "other plant").await;
    let revoke = async |agent: &support::Agent| {
        let now = world.clock.now();
        admin::agent_revoke(&world.hub.owner, tenant_id, agent.agent_id, now)
            .await
            .unwrap();
    };
    let first = world.agent_at(tenant_id, "BER").await;
    for number in ["1", "2", "3", "4"] {
        push(&world, tenant_id, ber, number).await;
    }
    let token = first.token(&world).await;
    assert_eq!(read(&world, &token, 0, 0).await.items.len(), 4);
    // It kept two of them, and died.
    assert_eq!(read(&world, &token, 2, 0).await.items.len(), 2);
    revoke(&first).await;

    let second = world.agent_at(tenant_id, "BER").await;

    let items = |numbers: &[(u64, &str)]| -> Vec<(u64, String)> {
        let numbers = numbers.iter();
        numbers
            .map(|(n, number)| (*n, (*number).to_owned()))
            .collect()
    };
    let token = second.token(&world).await;
    let page = read(&world, &token, 0, 0).await;
    assert_eq!(numbers(&page), items(&[(1, "3"), (2, "4")]));
    push(&world, tenant_id, ber, "5").await;
    read(&world, &token, 1, 0).await;
    revoke(&second).await;

    let third = world.agent_at(tenant_id, "BER").await;
    let token = third.token(&world).await;
    let page = read(&world, &token, 0, 0).await;
    assert_eq!(numbers(&page), items(&[(1, "4"), (2, "5")]));
    let token = elsewhere.token(&world).await;
    assert_eq!(read(&world, &token, 0, 0).await.items.len(), 1);
}

#[tokio::test]
async fn what_is_old_and_was_never_fetched_goes_over_as_well() {
    let world = World::open().await;
    let tenant_id = world.tenant().await;
    let ber = world.plant(tenant_id, "BER").await;
    let first = world.agent_at(tenant_id, "BER").await;
    let token = first.token(&world).await;
    for number in ["1", "2"] {
        push(&world, tenant_id, ber, number).await;
    }
    read(&world, &token, 1, 0).await;
    world.clock.advance(SignedDuration::from_hours(24 * 400));
    retention::prune_tenant(&world.hub.app, tenant_id, FeedKeep::default())
        .await
        .unwrap();
    push(&world, tenant_id, ber, "3").await;
    let now = world.clock.now();
    admin::agent_revoke(&world.hub.owner, tenant_id, first.agent_id, now)
        .await
        .unwrap();

    let second = world.agent_at(tenant_id, "BER").await;

    let token = second.token(&world).await;
    let page = read(&world, &token, 0, 0).await;
    let expected = [(1, "2"), (2, "3")].map(|(n, number)| (n, number.to_owned()));
    assert_eq!(numbers(&page), expected);
}

/// Waits for a condition, by yielding to whoever makes it true.
async fn until(condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < SOON, "the condition did not come true");
        tokio::task::yield_now().await;
    }
}
