//! A ledger whose disk was set back or copied: a new epoch, and events that come back, on real files.

use std::sync::Arc;

use crate::ledger::{comes_back, reported};
use crate::support::*;
use agog_edge::ledger::{FetchBack, Ledger, LedgerThread, NewEpoch, Reader};
use agog_sync::clock::ManualClock;
use agog_sync::event::Envelope;
use agog_sync::frame::{FeedBody, FeedItem, JobAction, JobCommand, JobTicket, LedgerAck};
use agog_sync::ids::{JobId, RequestId};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rust_decimal::Decimal;
use tempfile::TempDir;

/// What the hub has: whole epochs, from the first.
type Delivered = Vec<Vec<Envelope>>;

/// A ledger in a folder that is there.
fn open(folder: TempDir, seed: u64) -> TestLedger {
    let clock = Arc::new(ManualClock::new("2026-11-22T09:00:00Z".parse().unwrap()));
    let path = folder.path().join("ledger.db");
    let rng = StdRng::seed_from_u64(seed);
    let (ledger, thread): (Ledger, LedgerThread) =
        Ledger::open(&path, materials(), clock.clone(), rng).unwrap();
    TestLedger::of(ledger, clock, folder, thread)
}

/// Copies the closed ledger, as a backup does.
fn backup(folder: &TempDir) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    let file = |folder: &TempDir| folder.path().join("ledger.db");
    std::fs::copy(file(folder), file(&copy)).unwrap();
    copy
}

async fn epoch(test: &TestLedger, epoch: u64) -> Vec<Envelope> {
    let all = test.ledger.outbox_after(epoch, 0, 1_000, usize::MAX).await;
    all.unwrap()
}

/// Three events that the backup has, and more that were delivered since: generated lots, holds, a split.
async fn restored() -> (TestLedger, Delivered) {
    let test = TestLedger::new();
    test.lot(receive("LOT-1", 100)).await.unwrap();
    test.lot(receive("LOT-2", 50)).await.unwrap();
    test.lot(consume("LOT-1", 10, job("J"))).await.unwrap();
    let folder = test.close();
    let backup = backup(&folder);
    let test = open(folder, 2);
    test.lot(receive_unnumbered(30)).await.unwrap();
    test.lot(receive_unnumbered(40)).await.unwrap();
    test.lot(consume("LOT-1", 20, job("J"))).await.unwrap();
    test.lot(split("LOT-2", &[("LOT-2A", 15)], &[]))
        .await
        .unwrap();
    test.lot(hold("LOT-2A")).await.unwrap();
    let delivered = vec![epoch(&test, 1).await];
    (open(backup, 3), delivered)
}

fn ack(delivered: &Delivered) -> LedgerAck {
    let last = delivered.last().and_then(|epoch| epoch.last()).unwrap();
    LedgerAck {
        epoch: delivered.len() as u64,
        last_seq: last.seq,
        hash: last.hash,
        duplicate: false,
    }
}

async fn open_epoch(test: &TestLedger, delivered: &Delivered, common: u64) {
    let new = NewEpoch {
        hub: ack(delivered),
        common,
        reason: "rolled-back",
    };
    test.ledger.open_epoch(new).await.unwrap();
}

fn page(delivered: &Delivered, asked: FetchBack, limit: usize) -> Vec<Envelope> {
    let epoch = &delivered[usize::try_from(asked.epoch).unwrap() - 1];
    let after = usize::try_from(asked.after).unwrap();
    epoch.iter().skip(after).take(limit).cloned().collect()
}

async fn fetch_back(test: &TestLedger, delivered: &Delivered) {
    while let Some(asked) = test.ledger.fetch_back().await.unwrap() {
        let page = page(delivered, asked, 2);
        test.ledger.take_back(asked, page).await.unwrap();
    }
}

#[tokio::test]
async fn what_the_hub_has_comes_back_with_all_its_effects_and_is_not_sent_again() {
    let (test, delivered) = restored().await;

    open_epoch(&test, &delivered, 3).await;
    fetch_back(&test, &delivered).await;

    assert_eq!(test.on_hand("LOT-1").await, Decimal::from(70));
    assert_eq!(test.on_hand("LOT-2").await, Decimal::from(35));
    assert_eq!(test.on_hand("HAM-20261122-0002").await, Decimal::from(40));
    let part = test.ledger.lot_by_number("LOT-2A").await.unwrap();
    assert_eq!(part[0].holds.len(), 1);
    assert_eq!(epoch(&test, 1).await, delivered[0]);
    assert_eq!(epoch(&test, 2).await, []);
    test.assert_whole(8).await;
    // The running number goes on after those that came back.
    let next = test.lot(receive_unnumbered(5)).await.unwrap();
    assert_eq!(next.lots[0].lot.number, "HAM-20261122-0003");
    let status = test.ledger.read(Reader::fetch_status).await.unwrap();
    assert_eq!((status.fetched, status.epochs_left), (5, 0));
    let epochs = test.ledger.read(Reader::epochs).await.unwrap();
    assert_eq!((epochs[0].epoch, &*epochs[0].reason), (2, "rolled-back"));
}

#[tokio::test]
async fn what_was_recorded_before_the_first_contact_is_sealed_again_and_its_old_rows_are_kept_aside()
 {
    let (test, delivered) = restored().await;
    test.lot(consume("LOT-1", 7, job("NEW"))).await.unwrap();
    test.lot(receive("LOT-NEW", 11)).await.unwrap();
    let mine = epoch(&test, 1).await;

    open_epoch(&test, &delivered, 3).await;
    // It goes on recording while events come back.
    let asked = test.ledger.fetch_back().await.unwrap().unwrap();
    assert_eq!(asked, FetchBack { epoch: 1, after: 3 });
    test.ledger
        .take_back(asked, page(&delivered, asked, 2))
        .await
        .unwrap();
    test.lot(consume("LOT-NEW", 1, job("NEW"))).await.unwrap();
    test.assert_whole(8).await;
    fetch_back(&test, &delivered).await;

    assert_eq!(test.on_hand("LOT-1").await, Decimal::from(63));
    assert_eq!(test.on_hand("LOT-NEW").await, Decimal::from(10));
    assert_eq!(epoch(&test, 1).await, delivered[0]);
    let ids = |events: &[Envelope]| {
        events
            .iter()
            .map(|event| event.event_id)
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&epoch(&test, 2).await)[..2], ids(&mine)[3..]);
    let found = test.ledger.read(Reader::verify).await.unwrap();
    assert_eq!((found.events, found.aside_events), (11, 2));
    test.assert_whole(11).await;
}

#[tokio::test]
async fn a_page_that_comes_again_and_a_start_in_the_middle_change_nothing() {
    let (test, delivered) = restored().await;
    open_epoch(&test, &delivered, 3).await;
    let first = test.ledger.fetch_back().await.unwrap().unwrap();
    let answer = page(&delivered, first, 3);
    test.ledger.take_back(first, answer.clone()).await.unwrap();
    test.ledger.take_back(first, answer).await.unwrap();

    let test = open(test.close(), 9);

    let next = test.ledger.fetch_back().await.unwrap().unwrap();
    assert_eq!(next, FetchBack { epoch: 1, after: 6 });
    fetch_back(&test, &delivered).await;
    test.assert_whole(8).await;
    assert_eq!(test.on_hand("LOT-1").await, Decimal::from(70));
}

#[tokio::test]
async fn a_fact_that_both_have_is_applied_once() {
    let (test, mut delivered) = restored().await;
    test.lot(consume("LOT-1", 7, job("NEW"))).await.unwrap();
    let folder = test.close();
    let again = backup(&folder);
    // The first restored disk delivers its new epoch, and is restored once more.
    let first = open(folder, 4);
    open_epoch(&first, &delivered, 3).await;
    delivered.push(epoch(&first, 2).await);
    let test = open(again, 5);

    open_epoch(&test, &delivered, 3).await;
    fetch_back(&test, &delivered).await;

    assert_eq!(test.ledger.position().borrow().epoch, 3);
    assert_eq!(test.on_hand("LOT-1").await, Decimal::from(63));
    // Epoch 1 as the hub has it, epoch 2 of the first, and the same fact in our epoch 3.
    test.assert_whole(10).await;
}

#[tokio::test]
async fn a_correction_that_was_recorded_again_counts_once_in_a_lot_that_comes_later() {
    let test = TestLedger::new();
    let used = reported(&test, 10).await;
    let folder = test.close();
    let backup = backup(&folder);
    let test = open(folder, 2);
    let correction = || correct(used.event_id, "wrong roll");
    test.lot(correction()).await.unwrap();
    let delivered = vec![epoch(&test, 1).await];
    // Nothing on the restored disk tells of it.
    let test = open(backup, 3);
    test.lot(correction()).await.unwrap();
    open_epoch(&test, &delivered, 1).await;
    fetch_back(&test, &delivered).await;

    // The hub had the first of them when it told of the lot, and not yet the second.
    let item = comes_back(&test, 1, used.clone(), 100, 2);
    test.ledger.apply_feed(item).await.unwrap();

    assert_eq!(test.on_hand("LOT-9").await, Decimal::from(100));
    test.assert_whole(3).await;
}

#[tokio::test]
async fn events_that_are_not_ours_or_were_changed_do_not_come_back() {
    let (test, delivered) = restored().await;
    open_epoch(&test, &delivered, 3).await;
    let asked = test.ledger.fetch_back().await.unwrap().unwrap();
    let mut changed = page(&delivered, asked, 3);
    changed[1].payload = changed[0].payload.clone();
    let hole = page(&delivered, asked, 3).split_off(1);

    assert!(test.ledger.take_back(asked, changed).await.is_err());
    assert!(test.ledger.take_back(asked, hole).await.is_err());

    assert_eq!(test.ledger.fetch_back().await.unwrap(), Some(asked));
    test.assert_whole(3).await;
}

#[tokio::test]
async fn events_that_an_older_program_sealed_again_make_room_for_those_that_come_back() {
    let (test, delivered) = restored().await;
    test.lot(consume("LOT-1", 7, job("NEW"))).await.unwrap();
    let folder = test.close();
    // It opened epoch 2, left the old rows where they were and fetched nothing back.
    let test = open(folder, 6);
    open_epoch(&test, &delivered, 3).await;
    let folder = test.close();
    let connection = rusqlite::Connection::open(folder.path().join("ledger.db")).unwrap();
    connection
        .execute_batch(
            "insert into event select * from event_aside; delete from event_aside;
             delete from epoch; delete from fetch_back;
             insert into fetch_back (epoch, after_seq) values (1, 0);",
        )
        .unwrap();
    drop(connection);
    let test = open(folder, 7);

    fetch_back(&test, &delivered).await;

    assert_eq!(test.on_hand("LOT-1").await, Decimal::from(63));
    assert_eq!(epoch(&test, 1).await, delivered[0]);
    test.assert_whole(9).await;
}

#[tokio::test]
async fn a_ticket_that_the_feed_gives_out_again_is_not_sent_again_blindly() {
    let items = || {
        let job = |n: u128| JobId::from_uuid(uuid::Uuid::from_u128(n));
        let ticket = |n: u128| {
            let ticket = JobTicket::new(job(n), format!("JOB-{n}"), "press-3", "<JDF/>");
            FeedBody::JobTicket(Box::new(ticket))
        };
        let remove = JobCommand {
            command_id: RequestId::from_uuid(uuid::Uuid::from_u128(70)),
            job_id: job(1),
            action: JobAction::Remove,
            by: "office".to_owned(),
        };
        let bodies = [ticket(1), ticket(2), FeedBody::JobCommand(Box::new(remove))];
        (1..).zip(bodies).map(|(n, body)| FeedItem { n, body })
    };
    let test = TestLedger::new();
    test.lot(receive("LOT-1", 100)).await.unwrap();
    let folder = test.close();
    let backup = backup(&folder);
    // Job 1 is removed before it is sent, job 2 waits for its press.
    let test = open(folder, 2);
    for item in items() {
        test.ledger.apply_feed(item).await.unwrap();
    }
    let delivered = vec![epoch(&test, 1).await];
    let test = open(backup, 3);
    open_epoch(&test, &delivered, 1).await;
    fetch_back(&test, &delivered).await;

    for item in items() {
        test.ledger.apply_feed(item).await.unwrap();
    }

    let next = test.ledger.command_next("press-3").await.unwrap().unwrap();
    assert_eq!(
        next.job.as_deref(),
        Some("JOB-2"),
        "of job 1 nothing is sent"
    );
    // Its press is asked first whether it has the ticket.
    assert_eq!(
        (next.state, next.attempts),
        (agog_edge::ledger::sending::CommandState::Sent, 1)
    );
    let row = test.ledger.job_by_number("JOB-2").await.unwrap().unwrap();
    assert!(test.ledger.ticket(&row).await.unwrap().is_some());
    assert_eq!(epoch(&test, 2).await, [], "nothing new is told of them");
    test.assert_whole(delivered[0].len() as u64).await;
}

#[tokio::test]
async fn each_start_is_a_run_that_names_the_ones_before_it() {
    let test = TestLedger::new();
    let first = test.ledger.run().clone();
    assert_eq!(first.before, []);
    test.ledger.run_answered().await.unwrap();
    let mut folder = test.close();
    // Started twenty times with nobody to ask.
    for seed in 10..30 {
        folder = open(folder, seed).close();
    }
    let test = open(folder, 40);
    let run = test.ledger.run();
    assert!(run.before.contains(&first.run), "{run:?}");
    assert!(!run.before.contains(&run.run));
    assert!(run.before.len() <= agog_sync::runs::RUNS_BEFORE_MAX);
    let newest = test.ledger.read(Reader::newest_run).await.unwrap();
    assert_eq!(newest, Some(run.run));
}
