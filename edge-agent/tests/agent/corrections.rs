//! Corrections at a plant: of its own events, and of those of others that come down.

use agog_edge::ledger::command::Details;
use agog_edge::ledger::{AppendError, Appended, Reader};
use agog_sync::chain::ChainHead;
use agog_sync::event::{Envelope, Event, NewEvent};
use agog_sync::frame::{FeedBody, FeedEvent, FeedItem, LotSnapshot};
use agog_sync::ids::{EventId, ProducerId};
use agog_sync::lots::{LotAttributes, LotCorrected, LotEvent, LotOrigin, LotReceived, NewLot};
use agog_sync::quantity::{Measured, Quantity, Unit};
use agog_sync::trace::{Direction, Mode};
use rust_decimal::Decimal;

use crate::ledger::{drawn, office};
use crate::support::*;

fn code(error: &AppendError) -> &'static str {
    match error {
        AppendError::Refused(refused) => refused.code(),
        AppendError::Ledger(error) => panic!("{error}"),
    }
}

fn id(appended: &Appended) -> EventId {
    appended.events[0].event_id
}

async fn uses(test: &TestLedger, number: &str) -> usize {
    let lot = test.ledger.lot_by_number(number).await.unwrap()[0]
        .lot
        .lot_id;
    let trace = test
        .ledger
        .read(move |reader| reader.trace(lot, Direction::Forward, Mode::Exposure))
        .await
        .unwrap();
    trace.lots[0].uses.len()
}

#[tokio::test]
async fn what_was_booked_on_the_wrong_roll_is_taken_back_once_and_stays_in_the_history() {
    let test = TestLedger::new();
    test.lot(receive("ROLL", 100)).await.unwrap();
    let wrong = test.lot(consume("ROLL", 30, job("J"))).await.unwrap();
    let corrected = test.lot(correct(id(&wrong), "wrong roll")).await.unwrap();
    assert_eq!(test.on_hand("ROLL").await, Decimal::from(100));
    assert_eq!(uses(&test, "ROLL").await, 0);
    let lot_id = corrected.lots[0].lot.lot_id;
    let events = test
        .ledger
        .read(move |reader| reader.lot_events(lot_id))
        .await
        .unwrap();
    let told: Vec<_> = events
        .iter()
        .map(|event| (event.kind.as_str(), event.corrected_by))
        .collect();
    assert_eq!(
        told,
        [
            ("lot.corrected", None),
            ("lot.consumed", Some(id(&corrected))),
            ("lot.received", None)
        ]
    );
    let again = test.lot(correct(id(&wrong), "again")).await.unwrap_err();
    assert_eq!(code(&again), "already-corrected");
    assert!(again.to_string().contains(&id(&corrected).to_string()));
    // What the job consumed is not in what it makes from now on.
    test.lot(produce("CARTONS", 10, &[], job("J")))
        .await
        .unwrap();
    let made = test.ledger.lot_by_number("CARTONS").await.unwrap()[0]
        .lot
        .lot_id;
    let back = test
        .ledger
        .read(move |reader| reader.trace(made, Direction::Backward, Mode::Exposure))
        .await
        .unwrap();
    assert_eq!(back.lots.len(), 1);
    test.assert_whole(4).await;
}

#[tokio::test]
async fn a_receipt_that_was_corrected_gives_its_number_back() {
    let test = TestLedger::new();
    let wrong = test.lot(receive("ROLL", 1_000)).await.unwrap();
    test.lot(correct(id(&wrong), "a nought too many"))
        .await
        .unwrap();
    assert_eq!(
        code(&test.lot(waste("ROLL", 1)).await.unwrap_err()),
        "unknown-lot"
    );
    test.lot(receive("ROLL", 100)).await.unwrap();
    assert_eq!(test.on_hand("ROLL").await, Decimal::from(100));
    test.assert_whole(3).await;
}

#[tokio::test]
async fn holds_jobs_and_what_nobody_knows_are_not_corrected() {
    let test = TestLedger::new();
    test.lot(receive("ROLL", 100)).await.unwrap();
    let held = test.lot(hold("ROLL")).await.unwrap();
    let error = test.lot(correct(id(&held), "no")).await.unwrap_err();
    assert_eq!(code(&error), "not-correctable");
    let nobody = EventId::from_uuid(uuid::Uuid::from_u128(1));
    let error = test.lot(correct(nobody, "no")).await.unwrap_err();
    assert_eq!(code(&error), "unknown-event");
    test.assert_whole(2).await;
}

#[tokio::test]
async fn a_move_is_taken_back_to_where_the_lot_was() {
    let test = TestLedger::new();
    test.lot(receive("ROLL", 100)).await.unwrap();
    let moved = test.lot(move_to("ROLL", "Press hall")).await.unwrap();
    let back = test.lot(correct(id(&moved), "another roll")).await.unwrap();
    assert_eq!(
        back.lots[0].attributes.location.as_deref(),
        Some("Warehouse-A")
    );
    test.assert_whole(3).await;
}

fn item(n: u64, (producer, event): (ProducerId, Envelope), lots: Vec<LotSnapshot>) -> FeedItem {
    FeedItem {
        n,
        body: FeedBody::LedgerEvent(Box::new(FeedEvent {
            producer,
            epoch: 1,
            event,
            lots,
            seen: None,
            unapplied: vec![],
        })),
    }
}

fn correction_of(event: &NewEvent) -> LotEvent {
    let payload = event.event.payload();
    let (kind, version) = (event.event.kind(), event.event.version());
    let event = (kind, version, &*payload);
    let reason = "typed wrong".to_owned();
    LotEvent::Corrected(LotCorrected::new(event_id_of(77), event, reason, None).unwrap())
}

fn event_id_of(number: u128) -> EventId {
    EventId::from_uuid(uuid::Uuid::from_u128(number))
}

/// 500 sheets that another plant received, as this event says.
fn receipt_elsewhere() -> NewEvent {
    let at = "2026-11-01T00:00:00Z".parse().unwrap();
    NewEvent {
        event_id: event_id_of(77),
        occurred_at: at,
        recorded_at: at,
        actor: agog_sync::event::Actor::Operator {
            name: "Leipzig".to_owned(),
        },
        event: Event::Lot(LotEvent::Received(LotReceived {
            lot: NewLot {
                lot: drawn("THEIRS", 4).draw.lot,
                material: materials()["BOARD-300"].clone(),
                quantity: Measured::in_base(Quantity::new(500.into(), Unit::Sheet)),
                attributes: LotAttributes::default(),
            },
        })),
    }
}

#[tokio::test]
async fn a_correction_by_the_office_of_what_is_in_a_balance_that_came_with_its_lot_is_taken_from_it()
 {
    let test = TestLedger::new();
    let snapshot = LotSnapshot {
        lot: drawn("THEIRS", 4).draw.lot,
        material: Some(materials()["BOARD-300"].clone()),
        balance: Decimal::from(500),
        base_unit: Unit::Sheet,
        shipped: Decimal::ZERO,
        packed: std::collections::BTreeMap::new(),
        attributes: LotAttributes::default(),
        origin: LotOrigin::Received,
        holds: vec![],
        created_at: "2026-11-01T00:00:00Z".parse().unwrap(),
    };
    let drawn_there = office(1, LotEvent::Consumed(drawn("THEIRS", 4)));
    test.ledger
        .apply_feed(item(1, drawn_there, vec![snapshot]))
        .await
        .unwrap();
    let corrected = office(2, correction_of(&receipt_elsewhere()));
    test.ledger
        .apply_feed(item(2, corrected, vec![]))
        .await
        .unwrap();
    let lot_id = drawn("THEIRS", 4).draw.lot.lot_id.to_string();
    let lots = test.ledger.lot_by_number(&lot_id).await.unwrap();
    assert_eq!(lots[0].on_hand.amount, Decimal::from(-4));
    // A second one, which the office had sent before it heard of the first.
    let again = office(3, correction_of(&receipt_elsewhere()));
    test.ledger
        .apply_feed(item(3, again, vec![]))
        .await
        .unwrap();
    let lots = test.ledger.lot_by_number(&lot_id).await.unwrap();
    assert_eq!(lots[0].on_hand.amount, Decimal::from(-4));
    test.assert_whole(0).await;
}

#[tokio::test]
async fn a_correction_of_what_never_reached_this_plant_takes_nothing_from_it() {
    let test = TestLedger::new();
    // The plant heard of the lot through a draw alone: the 500 are not in its balance.
    let drawn_there = office(1, LotEvent::Consumed(drawn("THEIRS", 4)));
    test.ledger
        .apply_feed(item(1, drawn_there, vec![]))
        .await
        .unwrap();
    let corrected = office(2, correction_of(&receipt_elsewhere()));
    test.ledger
        .apply_feed(item(2, corrected, vec![]))
        .await
        .unwrap();
    assert_eq!(test.on_hand("THEIRS").await, Decimal::from(-4));
    // Should it come after all, it does nothing.
    let leipzig = ProducerId::from_uuid(uuid::Uuid::from_u128(78));
    let genesis = ChainHead::genesis(leipzig, 1);
    let late = Envelope::seal(leipzig, 1, &genesis, &receipt_elsewhere());
    let late = item(3, (leipzig, late), vec![]);
    test.ledger.apply_feed(late).await.unwrap();
    assert_eq!(test.on_hand("THEIRS").await, Decimal::from(-4));
    test.assert_whole(0).await;
}

#[tokio::test]
async fn verification_finds_a_use_that_was_brought_back_and_an_edge_that_was_removed() {
    for sql in [
        "update lot_use set undone_by = null",
        "delete from lot_edge",
        "delete from lot_correction",
    ] {
        let test = TestLedger::new();
        test.lot(receive("ROLL", 100)).await.unwrap();
        test.lot(split("ROLL", &[("A", 10)], &[])).await.unwrap();
        let wrong = test
            .lot(consume("ROLL", 30, Details::default()))
            .await
            .unwrap();
        test.lot(correct(id(&wrong), "wrong roll")).await.unwrap();
        let folder = test.close();
        let path = folder.path().join("ledger.db");
        rusqlite::Connection::open(&path)
            .unwrap()
            .execute(sql, [])
            .unwrap();
        let found = Reader::open(&path).unwrap().verify().unwrap();
        assert_eq!(found.problem_count, 1, "{sql}: {:?}", found.problems);
    }
}
