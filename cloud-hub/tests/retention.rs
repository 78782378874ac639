//! Old items of the down feed: what is kept of them, and what an agent is given that comes from before.

mod shop;

use agog_hub::config::FeedKeep;
use agog_sync::event::{Event, JobEvent, JobProgress, JobStep};
use agog_sync::frame::{FeedBody, FeedItem};
use agog_sync::lots::JobRef;
use rust_decimal::Decimal;
use serde_json::json;

use shop::world::Plant;
use shop::{Shop, consumed, received, work};

/// Everything is old.
const NOTHING: FeedKeep = FeedKeep {
    fetched_days: 0,
    all_days: 0,
};
/// What was fetched is old.
const UNREAD: FeedKeep = FeedKeep {
    fetched_days: 0,
    all_days: 365,
};

const JDF: &str = r#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" ID="n1" Type="ConventionalPrinting" Status="Waiting" Version="1.5" JobID="J"/>"#;

fn what(item: &FeedItem) -> String {
    match &item.body {
        FeedBody::LedgerEvent(event) => event.event.kind.clone(),
        FeedBody::JobTicket(ticket) => format!("ticket {}", ticket.number),
        FeedBody::JobCommand(_) => "command".to_owned(),
        FeedBody::Master(item) => format!("{} {}", item.code, item.name),
        FeedBody::Unknown(unknown) => unknown.kind.clone(),
    }
}

fn listed(items: &[FeedItem]) -> Vec<(u64, String)> {
    items.iter().map(|item| (item.n, what(item))).collect()
}

fn list(items: &[(u64, &str)]) -> Vec<(u64, String)> {
    items
        .iter()
        .map(|(n, text)| (*n, (*text).to_owned()))
        .collect()
}

async fn job(shop: &Shop, number: &str) {
    let body = json!({"number": number, "plant": "MUC", "device": "press-3", "jdf": JDF});
    let (status, created) = shop.post("/api/v1/jobs", number, &body).await;
    assert_eq!(status, 201, "{created}");
}

async fn named(shop: &Shop, name: &str) {
    let path = "/api/v1/master-data/operators/4711";
    let (status, answer) = shop.put(path, &json!({ "name": name })).await;
    assert_eq!(status, 200, "{answer}");
}

async fn hold(shop: &Shop, lot: &str, reason: &str) {
    let path = format!("/api/v1/inventory/lot/{lot}/hold");
    let (status, answer) = shop.post(&path, reason, &json!({ "reason": reason })).await;
    assert_eq!(status, 201, "{answer}");
}

fn ended(number: &str) -> Event {
    let job = JobRef {
        number: number.to_owned(),
        job_id: None,
        order: None,
        customer: None,
    };
    Event::Job(Box::new(JobEvent {
        step: JobStep::Completed,
        progress: JobProgress::of(job, "press-3"),
    }))
}

/// Munich has: 1 the ticket of an open job, 2 that of a job that has ended, 3 and 4 one operator under two names, 5 what
/// Hamburg's lot was that it used, 6 what Hamburg did with it, 7 a hold of the office.
async fn busy(shop: &Shop) -> (Plant, Plant) {
    let mut ham = shop.plant("HAM").await;
    let mut muc = shop.plant("MUC").await;
    assert!(muc.feed_after(0).await.items.is_empty());
    job(shop, "OPEN").await;
    job(shop, "ENDED").await;
    named(shop, "Ada").await;
    named(shop, "Ada Lovelace").await;
    let roll = ham.ledger.lot("ROLL");
    let used = work("OPEN", "Order-1", "Acme", "press-3");
    ham.push(vec![("2025-10-15T08:00:00Z", received(&roll, 100))])
        .await;
    muc.push(vec![
        ("2025-10-15T09:00:00Z", consumed(&roll, 10, &used)),
        ("2025-10-15T09:01:00Z", ended("ENDED")),
    ])
    .await;
    ham.push(vec![("2025-10-15T10:00:00Z", consumed(&roll, 1, &used))])
        .await;
    hold(shop, "ROLL", "smells").await;
    (ham, muc)
}

#[tokio::test]
async fn an_agent_from_before_is_given_what_is_left_in_its_order_and_under_its_numbers() {
    let shop = Shop::open().await;
    let (ham, muc) = busy(&shop).await;
    let before = muc.feed_after(0).await;
    assert_eq!(before.items.len(), 7, "{:?}", listed(&before.items));
    shop.prune(NOTHING).await;
    named(&shop, "Countess").await;

    let page = muc.feed_after(0).await;
    assert!(page.must_refetch && page.items.is_empty());
    assert_eq!(page.next, 7, "where an older agent goes on");
    let snapshot = muc.snapshot(0, true).await;

    let left = list(&[
        (1, "ticket OPEN"),
        (4, "4711 Ada Lovelace"),
        (5, "lot.consumed"),
        (6, "lot.consumed"),
        (7, "lot.held"),
    ]);
    assert_eq!(listed(&snapshot.items), left);
    assert_eq!((snapshot.next, snapshot.complete), (7, false));
    for (now, then) in [(2, 4), (3, 5), (4, 6)] {
        let FeedBody::LedgerEvent(now) = &snapshot.items[now].body else {
            panic!("an event");
        };
        let FeedBody::LedgerEvent(then) = &before.items[then].body else {
            panic!("an event");
        };
        now.event
            .verify(now.producer, now.epoch, &now.event.prev_hash)
            .unwrap();
        assert_eq!(
            (now.event.hash, &now.lots, now.seen),
            (then.event.hash, &then.lots, then.seen)
        );
    }
    let holds: Vec<_> = snapshot
        .holds
        .iter()
        .map(|hold| hold.event.kind.as_str())
        .collect();
    assert_eq!(holds, ["lot.held"]);
    // Cut off in the middle it goes on from there, and the feed goes on after the end.
    assert_eq!(listed(&muc.snapshot(5, false).await.items), left[3..]);
    let end = muc.snapshot(7, false).await;
    assert_eq!((end.items.len(), end.next, end.complete), (0, 7, true));
    assert!(end.holds.is_empty());
    assert_eq!(
        listed(&muc.feed_after(7).await.items),
        list(&[(8, "4711 Countess")])
    );
    // Hamburg is told of its own lot and of nothing that is Munich's.
    let at_ham = listed(&ham.snapshot(0, true).await.items);
    assert!(
        at_ham.iter().all(|(_, what)| what.starts_with("lot.")),
        "{at_ham:?}"
    );
}

#[tokio::test]
async fn what_was_not_fetched_stays_as_it_is_and_what_a_later_item_says_anew_goes() {
    let shop = Shop::open().await;
    let (_, muc) = busy(&shop).await;
    muc.feed_after(3).await;

    assert_eq!(shop.prune(UNREAD).await, 3);
    assert_eq!(muc.feed_after(3).await.items.len(), 4);
    let left = listed(&muc.snapshot(0, false).await.items);
    assert_eq!(left, list(&[(1, "ticket OPEN"), (3, "4711 Ada")]));

    shop.prune(NOTHING).await;
    let left = listed(&muc.snapshot(0, false).await.items);
    assert_eq!(
        left[..2],
        list(&[(1, "ticket OPEN"), (4, "4711 Ada Lovelace")])
    );
    assert_eq!(shop.prune(NOTHING).await, 0);
}

#[tokio::test]
async fn an_agent_ahead_of_a_hub_that_was_set_back_goes_on_from_what_the_hub_has() {
    let shop = Shop::open().await;
    let (_, muc) = busy(&shop).await;
    let page = muc.feed_after(50).await;
    assert!(page.must_refetch);
    let snapshot = muc.snapshot(50, false).await;
    assert_eq!((snapshot.next, snapshot.complete), (7, true));
}

#[tokio::test]
async fn what_is_left_of_a_lot_adds_up_for_whoever_is_told_of_it_late() {
    let shop = Shop::open().await;
    let (_, muc) = busy(&shop).await;
    shop.prune(NOTHING).await;
    let items = muc.snapshot(4, false).await.items;
    let balances: Vec<_> = items
        .iter()
        .filter_map(|item| match &item.body {
            FeedBody::LedgerEvent(event) => event.lots.first(),
            _ => None,
        })
        .map(|lot| lot.balance)
        .collect();
    assert_eq!(balances, [100, 90, 89].map(Decimal::from));
}
