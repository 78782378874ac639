//! The ledger as a store: group commit, the outbox, new epochs, the feed, tampering.

use crate::support::*;
use agog_edge::ledger::{
    Append, Fact, FeedOutcome, InboxKey, Ledger, LedgerError, MaterialSum, NewEpoch, Reader, What,
};
use agog_sync::chain::ChainHead;
use agog_sync::event::{Actor, Envelope, Event, JobStep, NewEvent};
use agog_sync::frame::{
    FeedBody, FeedEvent, FeedItem, JobTicket, LedgerAck, LedgerMark, LotSnapshot,
};
use agog_sync::ids::{EventId, JobId, LotId, ProducerId};
use agog_sync::lots::{
    Draw, LotAttributes, LotConsumed, LotEvent, LotOrigin, LotRef, LotSplit, SplitPart, WorkContext,
};
use agog_sync::quantity::{Measured, Quantity, Unit};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rusqlite::Connection;
use rust_decimal::Decimal;

fn tamper(test: TestLedger, sql: &str) -> Vec<(Option<u64>, String)> {
    let folder = test.close();
    let path = folder.path().join("ledger.db");
    let changed = Connection::open(&path).unwrap().execute(sql, []).unwrap();
    assert!(changed > 0, "{sql} changed nothing");
    let found = Reader::open(&path).unwrap().verify().unwrap();
    found
        .problems
        .into_iter()
        .map(|problem| (problem.seq, problem.what))
        .collect()
}

async fn some_events() -> TestLedger {
    let test = TestLedger::new();
    test.lot(receive("LOT-1", 100)).await.unwrap();
    test.lot(consume("LOT-1", 10, job("J"))).await.unwrap();
    test.lot(waste("LOT-1", 5)).await.unwrap();
    test.lot(hold("LOT-1")).await.unwrap();
    test
}

#[tokio::test]
async fn a_changed_payload_is_found_and_its_event_named() {
    let problems = tamper(
        some_events().await,
        "update event set payload = replace(payload, '\"10\"', '\"11\"') where seq = 2",
    );
    assert!(
        problems
            .iter()
            .any(|(seq, what)| *seq == Some(2) && what.contains("hashes to")),
        "{problems:?}"
    );
    assert!(
        problems
            .iter()
            .any(|(seq, what)| *seq == Some(2) && what.contains("entries")),
        "{problems:?}"
    );
}

#[tokio::test]
async fn a_removed_event_and_a_cut_off_end_are_found() {
    let problems = tamper(some_events().await, "delete from event where seq = 2");
    assert!(
        problems
            .iter()
            .any(|(seq, what)| *seq == Some(2) && what.contains("missing")),
        "{problems:?}"
    );
    let problems = tamper(some_events().await, "delete from event where seq = 4");
    assert!(
        problems
            .iter()
            .any(|(_, what)| what.contains("ends at event 3")),
        "{problems:?}"
    );
}

#[tokio::test]
async fn a_changed_balance_or_a_lifted_hold_is_found_with_the_newest_event_of_the_lot() {
    let problems = tamper(some_events().await, "update lot set balance = '1000'");
    assert_eq!(
        problems,
        [
            (
                Some(3),
                "lot LOT-1 is stored as 1000 sheet, its events say 85 sheet".to_owned()
            ),
            (
                None,
                "the books of BOARD-300 in sheet do not balance".to_owned()
            ),
        ]
    );
    let problems = tamper(some_events().await, "delete from lot_hold");
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].1.contains("is not stored, but events say it"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_askers_share_commits_and_all_are_answered_in_order_of_the_chain() {
    let test = TestLedger::new();
    test.lot(receive("LOT-1", 10_000)).await.unwrap();
    let askers: Vec<_> = (0..200)
        .map(|_| {
            let ledger = test.ledger.clone();
            tokio::spawn(async move { ledger.append(append(consume("LOT-1", 1, job("J")))).await })
        })
        .collect();
    let mut seqs = Vec::new();
    for asker in askers {
        seqs.push(asker.await.unwrap().unwrap().events[0].seq);
    }
    seqs.sort_unstable();
    assert_eq!(seqs, (2..=201).collect::<Vec<_>>());
    assert_eq!(test.on_hand("LOT-1").await, Decimal::from(9_800));
    test.assert_whole(201).await;
}

#[tokio::test]
async fn a_message_of_a_machine_has_its_effect_once() {
    let test = TestLedger::new();
    test.lot(receive("LOT-1", 100)).await.unwrap();
    let message = || Append {
        inbox: Some(InboxKey {
            sender: "jmf:press-3".to_owned(),
            message_id: "m1".to_owned(),
        }),
        ..append(consume("LOT-1", 10, job("J")))
    };
    assert!(!test.ledger.append(message()).await.unwrap().repeated);
    assert!(test.ledger.append(message()).await.unwrap().repeated);
    assert_eq!(test.on_hand("LOT-1").await, Decimal::from(90));
}

#[tokio::test]
async fn the_outbox_gives_batches_within_their_limits_and_the_cursor_moves_only_for_our_hashes() {
    let test = some_events().await;
    let all = test
        .ledger
        .outbox_after(1, 0, 100, 1_000_000)
        .await
        .unwrap();
    assert_eq!(
        all.iter().map(|event| event.seq).collect::<Vec<_>>(),
        [1, 2, 3, 4]
    );
    assert_eq!(
        test.ledger
            .outbox_after(1, 1, 2, 1_000_000)
            .await
            .unwrap()
            .len(),
        2
    );
    assert_eq!(
        test.ledger.outbox_after(1, 1, 100, 1).await.unwrap().len(),
        1,
        "always one"
    );
    let ack = |seq: usize, hash| LedgerAck {
        epoch: 1,
        last_seq: seq as u64,
        hash,
        duplicate: false,
    };
    test.ledger.acknowledge(ack(3, all[2].hash)).await.unwrap();
    test.ledger.acknowledge(ack(2, all[1].hash)).await.unwrap();
    assert_eq!(
        test.ledger.position().borrow().acknowledged,
        3,
        "never back"
    );
    let wrong = test
        .ledger
        .acknowledge(ack(4, all[0].hash))
        .await
        .unwrap_err();
    assert!(matches!(wrong, LedgerError::ForeignAck { seq: 4, .. }));
    let outbox = test.ledger.read(Reader::outbox).await.unwrap();
    assert_eq!(outbox.depth, 1);
    assert!(outbox.oldest_recorded_at.is_some());
}

#[tokio::test]
async fn a_new_epoch_carries_over_what_the_hub_has_not_acknowledged() {
    let test = some_events().await;
    let old = test
        .ledger
        .outbox_after(1, 0, 100, 1_000_000)
        .await
        .unwrap();
    let ack = LedgerAck {
        epoch: 1,
        last_seq: 2,
        hash: old[1].hash,
        duplicate: false,
    };
    test.ledger.acknowledge(ack).await.unwrap();
    let new = |epoch: u64| NewEpoch {
        hub: LedgerAck { epoch, ..ack },
        common: 2,
        reason: "rolled-back",
    };
    assert!(test.ledger.open_epoch(new(0)).await.is_err());
    let position = test.ledger.open_epoch(new(1)).await.unwrap();
    assert_eq!(
        (
            position.epoch,
            position.head.last_seq,
            position.acknowledged
        ),
        (2, 2, 0)
    );
    let carried = test
        .ledger
        .outbox_after(2, 0, 100, 1_000_000)
        .await
        .unwrap();
    assert_eq!(
        carried
            .iter()
            .map(|event| event.event_id)
            .collect::<Vec<_>>(),
        [old[2].event_id, old[3].event_id]
    );
    carried[0]
        .verify(
            position.producer,
            2,
            &ChainHead::genesis(position.producer, 2).hash,
        )
        .unwrap();
    test.lot(consume("LOT-1", 1, job("J"))).await.unwrap_err();
    test.lot(waste("LOT-1", 1)).await.unwrap();
    assert_eq!(test.on_hand("LOT-1").await, Decimal::from(84));
    test.assert_whole(5).await;
}

pub(crate) fn office(seq: u64, event: LotEvent) -> (ProducerId, Envelope) {
    let at = "2026-11-22T09:00:00Z".parse().unwrap();
    let mut rng = StdRng::seed_from_u64(seq);
    let producer = ProducerId::from_uuid(uuid::Uuid::from_u128(77));
    let genesis = ChainHead::genesis(producer, 1);
    let head = ChainHead {
        last_seq: seq - 1,
        hash: genesis.hash,
    };
    let new = NewEvent {
        event_id: EventId::generate(at, &mut rng),
        occurred_at: at,
        recorded_at: at,
        actor: Actor::Operator {
            name: "Office".to_owned(),
        },
        event: Event::Lot(event),
    };
    (producer, Envelope::seal(producer, 1, &head, &new))
}

fn measured(amount: i64) -> Measured {
    Measured::in_base(Quantity::new(amount.into(), Unit::Sheet))
}

#[tokio::test]
async fn an_event_of_the_office_changes_balances_here_once() {
    let test = TestLedger::new();
    let lot = test.lot(receive("LOT-1", 100)).await.unwrap().lots[0]
        .lot
        .clone();
    let child = LotRef {
        lot_id: LotId::from_uuid(uuid::Uuid::from_u128(5)),
        number: "LOT-1-X".to_owned(),
    };
    let (producer, envelope) = office(
        41,
        LotEvent::Split(LotSplit {
            from: lot,
            material: materials()["BOARD-300"].clone(),
            parts: vec![SplitPart {
                lot: child,
                quantity: measured(30),
                waste: false,
            }],
            holds: vec![],
            forced: None,
        }),
    );
    let item = |n, envelope: &Envelope| FeedItem {
        n,
        body: FeedBody::LedgerEvent(Box::new(FeedEvent {
            producer,
            epoch: 1,
            event: envelope.clone(),
            lots: vec![],
            seen: None,
            unapplied: vec![],
        })),
    };
    assert_eq!(
        test.ledger.apply_feed(item(1, &envelope)).await.unwrap(),
        FeedOutcome::Applied
    );
    assert_eq!(
        test.ledger.apply_feed(item(1, &envelope)).await.unwrap(),
        FeedOutcome::Repeated
    );
    assert_eq!(
        test.ledger.apply_feed(item(2, &envelope)).await.unwrap(),
        FeedOutcome::Applied
    );
    let error = test
        .ledger
        .apply_feed(item(9, &envelope))
        .await
        .unwrap_err();
    assert!(matches!(
        error,
        LedgerError::FeedOutOfOrder {
            found: 9,
            expected: 3
        }
    ));
    let mut altered = office(42, LotEvent::Consumed(drawn("LOT-1", 1))).1;
    altered.payload = envelope.payload.clone();
    let error = test.ledger.apply_feed(item(3, &altered)).await.unwrap_err();
    assert!(
        matches!(error, LedgerError::FeedBroken { n: 3, .. }),
        "{error}"
    );
    assert_eq!(test.ledger.feed_cursor().await.unwrap(), 2);
    assert_eq!(test.on_hand("LOT-1").await, Decimal::from(70));
    assert_eq!(test.on_hand("LOT-1-X").await, Decimal::from(30));
    test.lot(receive("LOT-1-X", 1))
        .await
        .expect_err("the number is this plant's now");
    test.assert_whole(1).await;
}

pub(crate) fn drawn(number: &str, amount: i64) -> LotConsumed {
    LotConsumed {
        draw: Draw {
            lot: LotRef {
                lot_id: LotId::from_uuid(uuid::Uuid::from_u128(9)),
                number: number.to_owned(),
            },
            quantity: measured(amount),
        },
        into: vec![],
        work: WorkContext::default(),
        forced: None,
    }
}

#[tokio::test]
async fn a_lot_from_another_plant_comes_with_its_balance_and_may_bear_the_same_number() {
    let test = TestLedger::new();
    test.lot(receive("LOT-1", 100)).await.unwrap();
    let (producer, envelope) = office(1, LotEvent::Consumed(drawn("LOT-1", 4)));
    let event = FeedEvent {
        producer,
        epoch: 1,
        event: envelope,
        lots: vec![LotSnapshot {
            lot: drawn("LOT-1", 4).draw.lot,
            material: Some(materials()["BOARD-300"].clone()),
            balance: Decimal::from(500),
            base_unit: Unit::Sheet,
            shipped: Decimal::ZERO,
            packed: std::collections::BTreeMap::new(),
            attributes: LotAttributes::default(),
            origin: LotOrigin::Received,
            holds: vec![],
            created_at: "2026-11-01T00:00:00Z".parse().unwrap(),
        }],
        seen: None,
        unapplied: vec![],
    };
    test.ledger
        .apply_feed(FeedItem {
            n: 1,
            body: FeedBody::LedgerEvent(Box::new(event)),
        })
        .await
        .unwrap();
    let both = test.ledger.lot_by_number("LOT-1").await.unwrap();
    let balances: Vec<_> = both.iter().map(|lot| lot.on_hand.amount).collect();
    assert_eq!(balances, [Decimal::from(496), Decimal::from(100)]);
    let message = test.lot(waste("LOT-1", 1)).await.unwrap_err().to_string();
    assert!(
        message.starts_with("2 lots have the number LOT-1; name one by its id"),
        "{message}"
    );
    test.lot(waste(&both[1].lot.lot_id.to_string(), 1))
        .await
        .unwrap();
    test.assert_whole(2).await;
}

/// What a machine said about a lot, known here or not.
pub(crate) async fn reported(test: &TestLedger, amount: i64) -> Envelope {
    let fact = Fact {
        occurred_at: None,
        actor: Actor::Device {
            device: "press-3".to_owned(),
        },
        what: What::Event(Event::Lot(LotEvent::Consumed(drawn("LOT-9", amount)))),
    };
    let append = Append {
        facts: vec![fact],
        ..Append::default()
    };
    let recorded = test.ledger.append(append).await.unwrap();
    let after = recorded.events[0].seq - 1;
    let mut events = test.ledger.outbox_after(1, after, 1, 10_000).await.unwrap();
    events.remove(0)
}

/// An event of ours as it comes back, with the lot as the hub knew it when it had so many of our events.
pub(crate) fn comes_back(
    test: &TestLedger,
    n: u64,
    event: Envelope,
    balance: i64,
    seen: u64,
) -> FeedItem {
    let snapshot = LotSnapshot {
        lot: drawn("LOT-9", 1).draw.lot,
        material: Some(materials()["BOARD-300"].clone()),
        balance: Decimal::from(balance),
        shipped: Decimal::ZERO,
        packed: std::collections::BTreeMap::new(),
        base_unit: Unit::Sheet,
        attributes: LotAttributes::default(),
        origin: LotOrigin::Received,
        holds: vec![],
        created_at: "2026-11-01T00:00:00Z".parse().unwrap(),
    };
    let body = FeedEvent {
        producer: test.ledger.position().borrow().producer,
        epoch: 1,
        event,
        lots: vec![snapshot],
        seen: Some(LedgerMark {
            epoch: 1,
            seq: seen,
        }),
        unapplied: vec![],
    };
    FeedItem {
        n,
        body: FeedBody::LedgerEvent(Box::new(body)),
    }
}

#[tokio::test]
async fn a_lot_that_was_used_here_before_anybody_told_of_it_is_reckoned_from_what_the_hub_knew() {
    let test = TestLedger::new();
    let first = reported(&test, 10).await;
    let second = reported(&test, 20).await;
    assert_eq!(test.on_hand("LOT-9").await, Decimal::from(-30));

    let item = comes_back(&test, 1, first, 100, 0);
    test.ledger.apply_feed(item).await.unwrap();
    assert_eq!(test.on_hand("LOT-9").await, Decimal::from(70));
    test.lot(waste("LOT-9", 1)).await.expect("it is known now");

    // Told once, the lot goes on by its events alone.
    let item = comes_back(&test, 2, second, 65, 2);
    test.ledger.apply_feed(item).await.unwrap();
    assert_eq!(test.on_hand("LOT-9").await, Decimal::from(69));
    let sums: Vec<MaterialSum> = test.ledger.read(Reader::material_sums).await.unwrap();
    assert_eq!(sums[0].adopted, Decimal::from(100));
    test.assert_whole(3).await;
}

#[tokio::test]
async fn what_the_hub_could_not_read_of_a_lot_comes_on_top_of_what_it_tells() {
    let test = TestLedger::new();
    let first = reported(&test, 10).await;
    let second = reported(&test, 20).await;

    let mut item = comes_back(&test, 1, second, 100, 1);
    if let FeedBody::LedgerEvent(told) = &mut item.body {
        told.unapplied = vec![first.event_id];
    }
    test.ledger.apply_feed(item).await.unwrap();

    assert_eq!(test.on_hand("LOT-9").await, Decimal::from(70));
    test.assert_whole(2).await;
}

#[tokio::test]
async fn a_ticket_becomes_a_job_with_its_event() {
    let test = TestLedger::new();
    let job_id = JobId::from_uuid(uuid::Uuid::from_u128(3));
    let ticket = JobTicket {
        order: Some("Order-5002".to_owned()),
        customer: Some("XYZ Inc".to_owned()),
        inputs: vec!["LOT-1".to_owned()],
        ..JobTicket::new(job_id, "Job-1235", "press-3", "<JDF/>")
    };
    let item = FeedItem {
        n: 1,
        body: FeedBody::JobTicket(Box::new(ticket.clone())),
    };
    test.ledger.apply_feed(item).await.unwrap();
    let job = test.ledger.job_by_id(job_id).await.unwrap().unwrap();
    assert_eq!(job.step, JobStep::Received);
    assert_eq!(test.ledger.ticket(&job).await.unwrap(), Some(ticket));
    assert_eq!(test.ledger.jobs_open().await.unwrap().len(), 1);
    test.assert_whole(1).await;
}

#[tokio::test]
async fn a_ledger_goes_on_where_it_was_closed() {
    let test = some_events().await;
    let head = test.ledger.position().borrow().head;
    let clock = test.clock.clone();
    let folder = test.close();
    let path = folder.path().join("ledger.db");
    let (ledger, thread) =
        Ledger::open(&path, materials(), clock, StdRng::seed_from_u64(9)).unwrap();
    assert_eq!(ledger.position().borrow().head, head);
    ledger.append(append(waste("LOT-1", 1))).await.unwrap();
    assert_eq!(ledger.position().borrow().head.last_seq, 5);
    drop(ledger);
    thread.join();
    assert_eq!(
        Reader::open(&path).unwrap().verify().unwrap().problems,
        vec![]
    );
}

#[tokio::test]
async fn a_ledger_of_a_newer_program_is_refused() {
    let folder = some_events().await.close();
    let path = folder.path().join("ledger.db");
    Connection::open(&path)
        .unwrap()
        .execute("insert into schema_version (version) values (99)", [])
        .unwrap();
    let clock = std::sync::Arc::new(agog_sync::clock::SystemClock);
    let error = Ledger::open(&path, materials(), clock, StdRng::seed_from_u64(9))
        .err()
        .unwrap();
    assert!(
        error.to_string().contains("use a newer agog-edge"),
        "{error}"
    );
}
