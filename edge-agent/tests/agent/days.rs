//! Days that are over, on real files: where a day ends, what is left for later, and what is found when a file was changed.

use agog_edge::ledger::days::{CountedDay, DayNews, DaysStatus};
use agog_edge::ledger::{NewEpoch, Reader};
use agog_sync::days::day_of;
use agog_sync::frame::LedgerAck;
use jiff::{SignedDuration, Timestamp};

use crate::support::*;

const DAY: SignedDuration = SignedDuration::from_hours(24);

async fn record(test: &TestLedger, numbers: &[&str]) {
    for number in numbers {
        test.lot(receive(number, 100)).await.unwrap();
    }
}

/// The hub takes what there is.
async fn acknowledge(test: &TestLedger) -> LedgerAck {
    let position = *test.ledger.position().borrow();
    let ack = LedgerAck {
        epoch: position.epoch,
        last_seq: position.head.last_seq,
        hash: position.head.hash,
        duplicate: false,
    };
    test.ledger.acknowledge(ack).await.unwrap();
    ack
}

/// Counts what is over, as the agent does once a day.
async fn count(test: &TestLedger, now: Timestamp) -> Vec<CountedDay> {
    let today = day_of(now);
    let mut counted = Vec::new();
    while let Some(day) = test
        .ledger
        .read(move |reader| reader.day_next(today))
        .await
        .unwrap()
    {
        let news = vec![DayNews::Counted(day.span, day.proof)];
        test.ledger.days_news(news).await.unwrap();
        counted.push(day);
    }
    counted
}

fn spans(days: &[CountedDay]) -> Vec<String> {
    days.iter()
        .map(|day| {
            let span = day.span;
            format!(
                "{} {}: {}-{} {}",
                span.day, span.epoch, span.first_seq, span.last_seq, day.proof.events
            )
        })
        .collect()
}

async fn status(test: &TestLedger) -> DaysStatus {
    test.ledger.read(Reader::days_status).await.unwrap()
}

fn now(test: &TestLedger) -> Timestamp {
    agog_sync::clock::Clock::now(&*test.clock)
}

#[tokio::test]
async fn a_day_that_is_over_and_delivered_is_counted_once() {
    let test = TestLedger::new();
    record(&test, &["A", "B", "C"]).await;
    assert_eq!(spans(&count(&test, now(&test)).await), [""; 0]);
    test.clock.advance(DAY);
    assert_eq!(
        spans(&count(&test, now(&test)).await),
        [""; 0],
        "the hub has nothing of it"
    );
    acknowledge(&test).await;
    record(&test, &["D", "E"]).await;
    acknowledge(&test).await;

    let counted = count(&test, now(&test)).await;

    assert_eq!(spans(&counted), ["2026-11-22 1: 1-3 3"]);
    assert_eq!(counted[0].proof.fault, None);
    assert_eq!(spans(&count(&test, now(&test)).await), [""; 0]);
    // Two days without an event end the one before them.
    test.clock.advance(DAY * 3);
    assert_eq!(
        spans(&count(&test, now(&test)).await),
        ["2026-11-23 1: 4-5 2"]
    );
    let again = counted[0].span;
    let proof = test
        .ledger
        .read(move |reader| reader.day_prove(&again))
        .await;
    assert_eq!(proof.unwrap(), counted[0].proof);
    test.assert_whole(5).await;
}

#[tokio::test]
async fn a_clock_that_jumped_cuts_days_where_it_jumped() {
    let test = TestLedger::new();
    record(&test, &["A"]).await;
    test.clock.advance(DAY * 400);
    record(&test, &["B", "C"]).await;
    test.clock.advance(-DAY * 400);
    record(&test, &["D"]).await;
    acknowledge(&test).await;

    let counted = count(&test, now(&test) + DAY).await;

    assert_eq!(
        spans(&counted),
        [
            "2026-11-22 1: 1-1 1",
            "2027-12-27 1: 2-3 2",
            "2026-11-22 1: 4-4 1"
        ]
    );
}

#[tokio::test]
async fn what_both_have_is_proven_and_what_differs_is_shown_until_it_does_not() {
    let test = TestLedger::new();
    for number in ["A", "B"] {
        record(&test, &[number]).await;
        test.clock.advance(DAY);
    }
    acknowledge(&test).await;
    let counted = count(&test, now(&test)).await;
    assert_eq!(status(&test).await, DaysStatus::default());
    let told = |finding: Option<&str>| {
        let finding = finding.map(str::to_owned);
        vec![
            DayNews::Compared(counted[0].span, finding),
            DayNews::Compared(counted[1].span, None),
        ]
    };

    test.ledger
        .days_news(told(Some("other counts")))
        .await
        .unwrap();

    let shown = status(&test).await;
    assert_eq!((shown.proven, shown.differing), (1, 1));
    let first = shown.first_differing.unwrap();
    assert_eq!(
        (first.day.to_string().as_str(), first.last_seq),
        ("2026-11-22", 1)
    );
    assert_eq!(first.finding, "other counts");
    let due = test.ledger.read(|reader| reader.days_to_compare(0)).await;
    assert_eq!(spans(&due.unwrap()), ["2026-11-22 1: 1-1 1"]);
    let due = test.ledger.read(|reader| reader.days_to_compare(5)).await;
    assert_eq!(due.unwrap().len(), 2, "proven ones are compared again");
    test.ledger.days_news(told(None)).await.unwrap();
    let shown = status(&test).await;
    assert_eq!((shown.proven, shown.differing), (2, 0));
    assert_eq!(shown.last_proven.unwrap().to_string(), "2026-11-23");
    assert_eq!(shown.first_differing, None);
}

#[tokio::test]
async fn days_whose_events_are_kept_aside_are_forgotten_and_counted_anew_when_all_is_back() {
    let test = TestLedger::new();
    record(&test, &["A", "B"]).await;
    acknowledge(&test).await;
    test.clock.advance(DAY);
    assert_eq!(count(&test, now(&test)).await.len(), 1);
    record(&test, &["C"]).await;
    let first = test.ledger.outbox_after(1, 0, 1, usize::MAX).await.unwrap();
    let hub = LedgerAck {
        epoch: 1,
        last_seq: 5,
        hash: first[0].hash,
        duplicate: false,
    };
    // The hub shares the first event only.
    let new = NewEpoch {
        hub,
        common: 1,
        reason: "diverged",
    };

    test.ledger.open_epoch(new).await.unwrap();

    acknowledge(&test).await;
    // Sealed again were an event of yesterday and one of today; epoch 1 waits for what comes back.
    assert_eq!(
        spans(&count(&test, now(&test)).await),
        ["2026-11-22 2: 1-1 1"]
    );
    let asked = test.ledger.fetch_back().await.unwrap().unwrap();
    test.ledger.take_back(asked, Vec::new()).await.unwrap();
    assert_eq!(
        spans(&count(&test, now(&test)).await),
        ["2026-11-22 1: 1-1 1"]
    );
}

#[tokio::test]
async fn verify_finds_that_a_day_is_not_what_it_was_when_it_was_over() {
    let test = TestLedger::new();
    record(&test, &["A", "B", "C"]).await;
    test.clock.advance(DAY);
    record(&test, &["D"]).await;
    acknowledge(&test).await;
    let counted = count(&test, now(&test)).await;
    test.assert_whole(4).await;
    let file = test.folder.path().join("ledger.db");
    let connection = rusqlite::Connection::open(file).unwrap();
    let changed = connection
        .execute(
            "update event set payload = replace(payload, '100', '900') where seq = 2",
            [],
        )
        .unwrap();
    assert_eq!(changed, 1);

    let found = test.ledger.read(Reader::verify).await.unwrap();

    let of_days: Vec<_> = found
        .problems
        .iter()
        .filter(|problem| problem.what.starts_with("day 2026-11-22 (events 1 to 3)"))
        .collect();
    assert_eq!(of_days.len(), 1, "{:#?}", found.problems);
    assert_eq!(of_days[0].seq, Some(2));
    let span = counted[0].span;
    let now = test
        .ledger
        .read(move |reader| reader.day_prove(&span))
        .await;
    assert_eq!(now.unwrap().fault, Some(2));
}
