//! Lots that a plant names before anybody told it of them: it learns by its own event what they are, and from what it
//! is told it can reckon what is on hand.

mod shop;

use agog_sync::frame::{FeedBody, FeedEvent, LedgerMark};
use agog_sync::lots::{LotOrigin, LotRef, WorkContext};
use rust_decimal::Decimal;

use shop::world::Plant;
use shop::{Shop, consumed, corrected, held, received, released, work};

/// Hamburg with a roll, Munich, and a job that uses it up.
async fn two_plants() -> (Shop, Plant, Plant, LotRef, WorkContext) {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let muc = shop.plant("MUC").await;
    let roll = ham.ledger.lot("ROLL-7");
    let job = work("Job-1", "Order-1", "Acme", "press-1");
    (shop, ham, muc, roll, job)
}

async fn told(plant: &Plant) -> Vec<FeedEvent> {
    let items = plant.feed().await.items;
    let events = items.into_iter().filter_map(|item| match item.body {
        FeedBody::LedgerEvent(event) => Some(*event),
        _ => None,
    });
    events.collect()
}

#[tokio::test]
async fn a_plant_that_uses_a_lot_of_another_is_told_what_the_lot_was_before() {
    let (_shop, mut ham, mut muc, roll, job) = two_plants().await;
    ham.push(vec![("2025-10-15T08:00:00Z", received(&roll, 100))])
        .await;

    let own = muc.ledger.lot("OWN");
    muc.push(vec![
        ("2025-10-15T09:00:00Z", received(&own, 5)),
        ("2025-10-15T09:01:00Z", consumed(&roll, 10, &job)),
        ("2025-10-15T09:02:00Z", consumed(&roll, 20, &job)),
    ])
    .await;
    ham.push(vec![("2025-10-15T10:00:00Z", consumed(&roll, 1, &job))])
        .await;

    let [first, from_ham] = &told(&muc).await[..] else {
        panic!("one item about the own event, one about what Hamburg did");
    };
    assert_eq!(first.producer, muc.ledger.producer);
    assert_eq!(first.event.seq, 2);
    assert_eq!(first.seen, Some(LedgerMark { epoch: 1, seq: 1 }));
    assert_eq!(first.lots[0].balance, Decimal::from(100));
    assert_eq!(first.lots[0].origin, LotOrigin::Received);
    assert_eq!(from_ham.lots[0].balance, Decimal::from(70));
    assert_eq!(from_ham.seen, Some(LedgerMark { epoch: 1, seq: 3 }));
    // The one that made the lot hears of both, with what it had delivered by then.
    let to_ham = told(&ham).await;
    let seen: Vec<_> = to_ham.iter().map(|event| event.seen).collect();
    assert_eq!(seen, [Some(LedgerMark { epoch: 1, seq: 1 }); 2]);
}

#[tokio::test]
async fn a_plant_whose_lot_was_used_before_its_receipt_arrived_is_told_of_the_use() {
    let (_shop, mut ham, mut muc, roll, job) = two_plants().await;

    muc.push(vec![("2025-10-15T09:00:00Z", consumed(&roll, 10, &job))])
        .await;
    ham.push(vec![("2025-10-15T08:00:00Z", received(&roll, 100))])
        .await;

    let [own] = &told(&ham).await[..] else {
        panic!("Hamburg is told what Munich had done");
    };
    assert_eq!(own.event.kind, "lot.received");
    assert_eq!(own.lots[0].balance, Decimal::from(-10));
    assert_eq!(own.seen, Some(LedgerMark { epoch: 1, seq: 0 }));
}

#[tokio::test]
async fn a_plant_is_told_which_of_its_events_the_hub_could_not_read_where_it_is_told_of_a_lot() {
    let (_shop, mut ham, mut muc, roll, job) = two_plants().await;
    let own = ham.ledger.lot("OWN");

    // Hamburg has been updated before the hub.
    let unread = ham
        .push_unread("2025-10-15T08:00:00Z", received(&roll, 100))
        .await;
    ham.push_unread("2025-10-15T08:01:00Z", received(&own, 5))
        .await;
    muc.push(vec![("2025-10-15T09:00:00Z", consumed(&roll, 10, &job))])
        .await;
    ham.push_after_unread("2025-10-15T10:00:00Z", consumed(&roll, 5, &job))
        .await;

    let [told] = &told(&ham).await[..] else {
        panic!("Hamburg is told what Munich had done");
    };
    assert_eq!(told.lots[0].balance, Decimal::from(-10));
    assert_eq!(told.seen, Some(LedgerMark { epoch: 1, seq: 2 }));
    assert_eq!(told.unapplied, [unread]);
}

#[tokio::test]
async fn a_plant_is_told_of_a_use_when_the_receipt_is_applied_that_the_hub_could_not_read() {
    let (shop, mut ham, mut muc, roll, job) = two_plants().await;
    let unread = ham
        .push_unread("2025-10-15T08:00:00Z", received(&roll, 100))
        .await;
    muc.push(vec![("2025-10-15T09:00:00Z", consumed(&roll, 10, &job))])
        .await;
    assert_eq!(told(&ham).await.len(), 0);

    shop.learn().await;

    let [told] = &told(&ham).await[..] else {
        panic!("Hamburg is told what Munich had done");
    };
    assert_eq!(told.event.event_id, unread);
    assert_eq!(told.lots[0].balance, Decimal::from(-10));
    assert_eq!(told.unapplied, [unread]);
}

#[tokio::test]
async fn what_was_corrected_before_the_hub_could_read_it_is_told_to_nobody() {
    let (shop, mut ham, mut muc, roll, job) = two_plants().await;
    ham.push(vec![("2025-10-15T08:00:00Z", received(&roll, 100))])
        .await;
    muc.push(vec![("2025-10-15T09:00:00Z", consumed(&roll, 10, &job))])
        .await;
    let used = consumed(&roll, 7, &job);
    let unread = ham.push_unread("2025-10-15T10:00:00Z", used.clone()).await;
    ham.push_after_unread("2025-10-15T11:00:00Z", corrected(unread, &used))
        .await;

    shop.learn().await;

    let to_munich = told(&muc).await;
    let kinds: Vec<_> = to_munich
        .iter()
        .map(|told| told.event.kind.as_str())
        .collect();
    assert_eq!(kinds, ["lot.consumed"], "only its own, with the lot");
}

#[tokio::test]
async fn a_hold_that_is_applied_after_its_release_is_told_with_it() {
    let (shop, mut ham, mut muc, roll, job) = two_plants().await;
    let hold_id = ham.ledger.hold_id();
    ham.push(vec![("2025-10-15T08:00:00Z", received(&roll, 100))])
        .await;
    ham.push_unread("2025-10-15T08:10:00Z", held(&roll, hold_id, "banding"))
        .await;
    ham.push_after_unread("2025-10-15T08:20:00Z", released(&roll, hold_id))
        .await;
    // Munich meets the lot when nothing holds it any more.
    muc.push(vec![("2025-10-15T09:00:00Z", consumed(&roll, 10, &job))])
        .await;

    shop.learn().await;

    let to_munich = told(&muc).await;
    let kinds: Vec<_> = to_munich
        .iter()
        .map(|told| told.event.kind.as_str())
        .collect();
    assert_eq!(kinds, ["lot.consumed", "lot.held", "lot.released"]);
}
