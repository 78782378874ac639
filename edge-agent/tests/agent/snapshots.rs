//! Items of the feed that do not come one after the other: out of a snapshot, before their turn, and after an update.

use std::path::Path;

use agog_edge::ledger::{Arrival, FeedOutcome, Ledger, LedgerError};
use agog_sync::event::SealedParts;
use agog_sync::frame::{FeedBody, FeedEvent, FeedItem, JobTicket, LedgerMark, LotSnapshot};
use agog_sync::ids::{HoldId, JobId, LotId};
use agog_sync::lots::{
    LotAttributes, LotCorrected, LotEvent, LotHeld, LotMoved, LotOrigin, LotRef, LotWasted,
};
use agog_sync::quantity::{Measured, Quantity, Unit};
use rust_decimal::Decimal;
use tempfile::TempDir;

use crate::ledger::office;
use crate::support::{TestLedger, materials, waste};

fn roll() -> LotRef {
    LotRef {
        lot_id: LotId::from_uuid(uuid::Uuid::from_u128(9)),
        number: "ROLL".to_owned(),
    }
}

fn snapshot(balance: i64, holds: Vec<HoldId>) -> LotSnapshot {
    LotSnapshot {
        lot: roll(),
        material: Some(materials()["BOARD-300"].clone()),
        balance: Decimal::from(balance),
        shipped: Decimal::ZERO,
        packed: std::collections::BTreeMap::new(),
        base_unit: Unit::Sheet,
        attributes: LotAttributes::default(),
        origin: LotOrigin::Received,
        holds,
        created_at: "2026-11-01T00:00:00Z".parse().unwrap(),
    }
}

fn item(n: u64, seq: u64, event: LotEvent, lots: Vec<LotSnapshot>) -> FeedItem {
    let (producer, event) = office(seq, event);
    let body = FeedEvent {
        producer,
        epoch: 1,
        event,
        lots,
        seen: Some(LedgerMark { epoch: 1, seq: 0 }),
        unapplied: vec![],
    };
    FeedItem {
        n,
        body: FeedBody::LedgerEvent(Box::new(body)),
    }
}

fn wasted(amount: i64) -> LotEvent {
    let quantity = Measured::in_base(Quantity::new(amount.into(), Unit::Sheet));
    LotEvent::Wasted(LotWasted {
        draw: agog_sync::lots::Draw {
            lot: roll(),
            quantity,
        },
        reason: "crushed".to_owned(),
        work: agog_sync::lots::WorkContext::default(),
        forced: None,
    })
}

fn moved(to: &str) -> LotEvent {
    LotEvent::Moved(LotMoved {
        lot: roll(),
        to: to.to_owned(),
        from: None,
        forced: None,
    })
}

fn held() -> (HoldId, LotEvent) {
    let hold_id = HoldId::from_uuid(uuid::Uuid::from_u128(3));
    let event = LotEvent::Held(LotHeld {
        hold_id,
        lot: roll(),
        reason: "supplier recall".to_owned(),
    });
    (hold_id, event)
}

fn ticket(n: u64) -> FeedItem {
    let job_id = JobId::from_uuid(uuid::Uuid::from_u128(n.into()));
    let ticket = JobTicket::new(job_id, format!("JOB-{n}"), "press-3", "<JDF/>");
    FeedItem {
        n,
        body: FeedBody::JobTicket(Box::new(ticket)),
    }
}

/// The files as the next version of the program finds them.
fn updated(folder: TempDir) -> TempDir {
    let path = folder.path().join("ledger.db");
    let file = rusqlite::Connection::open(path).unwrap();
    let noted = file.execute("update passed_over set version = '0.0.0'", []);
    assert_eq!(noted.unwrap(), 1);
    folder
}

pub(crate) fn open(folder: TempDir) -> TestLedger {
    use rand::SeedableRng as _;
    let clock = std::sync::Arc::new(agog_sync::clock::ManualClock::new(
        "2026-12-24T08:00:00Z".parse().unwrap(),
    ));
    let path: &Path = &folder.path().join("ledger.db");
    let rng = rand::rngs::StdRng::seed_from_u64(7);
    let (ledger, thread) = Ledger::open(path, materials(), clock.clone(), rng).unwrap();
    TestLedger::of(ledger, clock, folder, thread)
}

#[tokio::test]
async fn a_snapshot_has_gaps_and_a_part_of_it_that_comes_again_does_nothing() {
    let test = TestLedger::new();
    let take = |item| test.ledger.take_in(item, Arrival::Snapshot);
    assert_eq!(take(ticket(3)).await.unwrap(), FeedOutcome::Applied);
    assert_eq!(take(ticket(8)).await.unwrap(), FeedOutcome::Applied);
    assert_eq!(take(ticket(3)).await.unwrap(), FeedOutcome::Repeated);
    assert_eq!(test.ledger.feed_cursor().await.unwrap(), 8);
    test.ledger.move_feed_cursor(20).await.unwrap();
    // The feed itself has none.
    let gap = test.ledger.apply_feed(ticket(22)).await.unwrap_err();
    assert!(matches!(
        gap,
        LedgerError::FeedOutOfOrder { expected: 21, .. }
    ));
    test.ledger.apply_feed(ticket(21)).await.unwrap();
    test.assert_whole(3).await;
}

#[tokio::test]
async fn a_hold_that_comes_before_its_turn_blocks_at_once_and_counts_once() {
    let test = TestLedger::new();
    let (hold_id, hold) = held();
    let early = item(u64::try_from(i64::MAX).unwrap(), 50, hold.clone(), vec![]);
    test.ledger
        .take_in(early.clone(), Arrival::Early)
        .await
        .unwrap();
    test.ledger.take_in(early, Arrival::Early).await.unwrap();
    assert_eq!(test.ledger.feed_cursor().await.unwrap(), 0);

    // In its turn the lot is told first, then what became of it, then the hold again.
    let told = item(4, 40, wasted(10), vec![snapshot(100, vec![])]);
    test.ledger.take_in(told, Arrival::Snapshot).await.unwrap();
    let lot = &test.ledger.lot_by_number("ROLL").await.unwrap()[0];
    assert_eq!(lot.on_hand.amount, Decimal::from(90));
    assert_eq!(lot.holds[0].hold_id, hold_id);
    let again = item(6, 50, hold, vec![snapshot(90, vec![])]);
    test.ledger.take_in(again, Arrival::Snapshot).await.unwrap();

    let lot = &test.ledger.lot_by_number("ROLL").await.unwrap()[0];
    assert_eq!(
        (lot.on_hand.amount, lot.holds.len()),
        (Decimal::from(90), 1)
    );
    test.assert_whole(0).await;
}

#[tokio::test]
async fn what_one_program_cannot_read_the_next_one_takes_in() {
    let test = TestLedger::new();
    let unknown: FeedBody = serde_json::from_str(r#"{"weather":{"rain":true}}"#).unwrap();
    let weather = FeedItem {
        n: 1,
        body: unknown,
    };
    let error = test.ledger.apply_feed(weather.clone()).await.unwrap_err();
    assert!(
        error.is_deterministic() && error.to_string().contains("weather"),
        "{error}"
    );
    test.ledger
        .pass_over(weather, error.to_string())
        .await
        .unwrap();
    test.ledger.apply_feed(ticket(2)).await.unwrap();
    assert_eq!(test.ledger.feed_cursor().await.unwrap(), 2);

    // The next program does not know it either: it stays, and costs nothing.
    let test = open(updated(test.close()));
    assert_eq!(test.ledger.feed_cursor().await.unwrap(), 2);
    let folder = test.close();
    // One that does: a ticket, as far as this one is concerned.
    let file = rusqlite::Connection::open(folder.path().join("ledger.db")).unwrap();
    let body = serde_json::to_string(&ticket(1).body).unwrap();
    file.execute("update passed_over set body = ?1", [body])
        .unwrap();
    drop(file);
    let test = open(updated(folder));
    assert!(test.ledger.job_by_number("JOB-1").await.unwrap().is_some());
    assert_eq!(test.ledger.feed_cursor().await.unwrap(), 2);
    test.assert_whole(2).await;
    let folder = test.close();
    let file = rusqlite::Connection::open(folder.path().join("ledger.db")).unwrap();
    let left: i64 = file
        .query_row("select count(*) from passed_over", [], |row| row.get(0))
        .unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn an_event_that_is_read_later_is_not_counted_again_in_a_lot_that_came_with_it() {
    let test = TestLedger::new();
    // The program cannot read what the hub tells first; what it is told next has it in the balance.
    let first = item(1, 40, wasted(10), vec![snapshot(100, vec![])]);
    test.ledger
        .pass_over(first, "too new".to_owned())
        .await
        .unwrap();
    let second = item(2, 41, moved("A-01"), vec![snapshot(90, vec![])]);
    test.ledger.apply_feed(second).await.unwrap();
    test.lot(waste("ROLL", 1)).await.unwrap();
    assert_eq!(test.on_hand("ROLL").await, Decimal::from(89));

    let test = open(updated(test.close()));

    assert_eq!(test.on_hand("ROLL").await, Decimal::from(89));
    test.assert_whole(1).await;
}

#[tokio::test]
async fn an_event_that_is_read_later_counts_in_a_lot_that_was_here_before() {
    let test = TestLedger::new();
    let first = item(1, 40, moved("A-01"), vec![snapshot(100, vec![])]);
    test.ledger.apply_feed(first).await.unwrap();
    let second = item(2, 41, wasted(10), vec![snapshot(100, vec![])]);
    test.ledger
        .pass_over(second, "too new".to_owned())
        .await
        .unwrap();
    assert_eq!(test.on_hand("ROLL").await, Decimal::from(100));

    let test = open(updated(test.close()));

    assert_eq!(test.on_hand("ROLL").await, Decimal::from(90));
    test.assert_whole(0).await;
}

/// The same item as a newer hub tells it: its event is of a kind that this program does not know.
fn unread(mut item: FeedItem) -> FeedItem {
    if let FeedBody::LedgerEvent(told) = &mut item.body {
        let event = &mut told.event;
        event.kind.insert_str(0, "next.");
        let parts = SealedParts {
            seq: event.seq,
            event_id: event.event_id,
            kind: &event.kind,
            version: event.version,
            occurred_at_us: event.occurred_at.as_microsecond(),
            recorded_at_us: event.recorded_at.as_microsecond(),
            actor: &event.actor,
            payload: event.payload.get(),
            prev_hash: &event.prev_hash,
        };
        event.hash = parts.hash(told.producer, told.epoch);
    }
    item
}

/// The files as a program finds them that can read the item that was passed over.
fn learned(folder: TempDir, item: &FeedItem) -> TempDir {
    let path = folder.path().join("ledger.db");
    let file = rusqlite::Connection::open(path).unwrap();
    let body = serde_json::to_string(&item.body).unwrap();
    file.execute("update passed_over set body = ?1", [body])
        .unwrap();
    updated(folder)
}

#[tokio::test]
async fn the_lots_of_an_event_that_cannot_be_read_are_taken_in_before_what_comes_next() {
    let test = TestLedger::new();
    let first = item(1, 40, wasted(10), vec![snapshot(100, vec![])]);
    let told = unread(first.clone());
    let error = test.ledger.apply_feed(told.clone()).await.unwrap_err();
    test.ledger
        .pass_over(told, error.to_string())
        .await
        .unwrap();
    assert_eq!(test.on_hand("ROLL").await, Decimal::from(100));
    let second = item(2, 41, wasted(20), vec![snapshot(90, vec![])]);
    test.ledger.apply_feed(second).await.unwrap();
    assert_eq!(test.on_hand("ROLL").await, Decimal::from(80));
    test.assert_whole(0).await;

    let test = open(learned(test.close(), &first));

    assert_eq!(test.on_hand("ROLL").await, Decimal::from(70));
    test.assert_whole(0).await;
}

#[tokio::test]
async fn the_correction_of_an_event_that_cannot_be_read_undoes_nothing() {
    let test = TestLedger::new();
    let first = item(1, 40, moved("A-01"), vec![snapshot(100, vec![])]);
    test.ledger.apply_feed(first).await.unwrap();
    let second = item(2, 41, wasted(10), vec![snapshot(100, vec![])]);
    test.ledger
        .pass_over(unread(second.clone()), "too new".to_owned())
        .await
        .unwrap();
    let FeedBody::LedgerEvent(told) = &second.body else {
        panic!("it is an event");
    };
    let event = &told.event;
    let undone = (event.kind.as_str(), event.version, &*event.payload);
    let corrected = LotCorrected::new(event.event_id, undone, "mistyped".to_owned(), None).unwrap();
    let third = item(3, 42, LotEvent::Corrected(corrected), vec![]);
    test.ledger.apply_feed(third).await.unwrap();
    assert_eq!(test.on_hand("ROLL").await, Decimal::from(100));

    let test = open(learned(test.close(), &second));

    assert_eq!(test.on_hand("ROLL").await, Decimal::from(100));
    test.assert_whole(0).await;
}
