//! Every lot command on a real ledger file, and what is refused.

use crate::support::*;
use agog_edge::ledger::command::{Adjust, Consume, Details};
use agog_edge::ledger::{AppendError, LotCommand};
use agog_sync::quantity::Unit;
use agog_sync::trace::{Direction, Mode};
use rust_decimal::Decimal;

fn code(error: &AppendError) -> &'static str {
    match error {
        AppendError::Refused(refused) => refused.code(),
        AppendError::Ledger(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn the_life_of_a_roll_keeps_every_balance() {
    let test = TestLedger::new();
    test.lot(receive("LOT-1", 50_000)).await.unwrap();
    let parts = [
        ("LOT-1-A", 10_000),
        ("LOT-1-B", 15_000),
        ("LOT-1-C", 20_000),
    ];
    test.lot(split("LOT-1", &parts, &[("LOT-1-WASTE", 5_000)]))
        .await
        .unwrap();
    test.lot(consume("LOT-1-A", 9_800, job("Job-1234")))
        .await
        .unwrap();
    test.lot(waste("LOT-1-A", 200)).await.unwrap();
    test.lot(produce(
        "FG-1",
        9_800,
        &[("LOT-1-A", None)],
        job("Job-1234"),
    ))
    .await
    .unwrap();
    test.lot(move_to("LOT-1-B", "Press hall")).await.unwrap();
    test.lot(adjust_by("LOT-1-B", -7)).await.unwrap();
    test.lot(merge(&[("LOT-1-B", Some(93)), ("LOT-1-C", None)], "LOT-M"))
        .await
        .unwrap();
    test.lot(ship("FG-1", Some(800))).await.unwrap();
    for (number, expected) in [
        ("LOT-1", 0),
        ("LOT-1-A", 0),
        ("LOT-1-B", 14_900),
        ("LOT-1-C", 0),
        ("LOT-1-WASTE", 5_000),
        ("LOT-M", 20_093),
        ("FG-1", 9_000),
    ] {
        assert_eq!(
            test.on_hand(number).await,
            Decimal::from(expected),
            "{number}"
        );
    }
    test.assert_whole(9).await;
}

#[tokio::test]
async fn a_refused_draw_leaves_nothing_behind() {
    let test = TestLedger::new();
    test.lot(receive("LOT-1", 100)).await.unwrap();
    test.lot(receive("LOT-2", 100)).await.unwrap();
    test.lot(hold("LOT-2")).await.unwrap();
    let litres = LotCommand::Consume(Consume {
        lot: "LOT-1".to_owned(),
        quantity: in_unit("1", Unit::Litre),
        details: Details::default(),
    });
    for (command, expected) in [
        (consume("LOT-1", 101, job("J")), "beyond-balance"),
        (consume("LOT-1", -1, job("J")), "not-positive"),
        (consume("LOT-1", 0, job("J")), "not-positive"),
        (consume("LOT-9", 1, job("J")), "unknown-lot"),
        (litres, "wrong-unit"),
        (consume("LOT-2", 1, job("J")), "lot-held"),
        (split("LOT-1", &[("LOT-2", 1)], &[]), "number-taken"),
        (
            split("LOT-1", &[("A", 60), ("B", 60)], &[]),
            "beyond-balance",
        ),
        (split("LOT-1", &[], &[]), "incomplete"),
        (merge(&[("LOT-1", None)], "M"), "incomplete"),
        (
            merge(&[("LOT-1", None), ("LOT-1", None)], "M"),
            "named-twice",
        ),
        (release("LOT-1"), "which-hold"),
        (receive("LOT-1", 5), "number-taken"),
        (receive("LOT-3", -5), "not-positive"),
    ] {
        let described = format!("{command:?}");
        let error = test.lot(command).await.expect_err(&described);
        assert_eq!(code(&error), expected, "{described}: {error}");
    }
    assert_eq!(test.on_hand("LOT-1").await, Decimal::from(100));
    assert_eq!(test.on_hand("LOT-2").await, Decimal::from(100));
    test.assert_whole(3).await;
}

#[tokio::test]
async fn an_unfit_unit_is_refused_with_the_units_that_fit() {
    let test = TestLedger::new();
    test.lot(receive("LOT-1", 100)).await.unwrap();
    let command = LotCommand::Consume(Consume {
        lot: "LOT-1".to_owned(),
        quantity: in_unit("1", Unit::Piece),
        details: job("J"),
    });
    let message = test.lot(command).await.unwrap_err().to_string();
    assert!(
        message.ends_with("units that fit: sheet, m2, kg, m"),
        "{message}"
    );
}

#[tokio::test]
async fn what_was_weighed_is_kept_beside_the_sheets() {
    let test = TestLedger::new();
    test.lot(receive("LOT-1", 2_000)).await.unwrap();
    let command = LotCommand::Consume(Consume {
        lot: "LOT-1".to_owned(),
        quantity: in_unit("210", Unit::Kilogram),
        details: job("J"),
    });
    test.lot(command).await.unwrap();
    assert_eq!(test.on_hand("LOT-1").await, Decimal::from(1_000));
    let events = test.ledger.outbox_after(1, 1, 10, 1_000_000).await.unwrap();
    let payload = events[0].payload.get();
    assert!(
        payload.contains(r#""entered":{"amount":"210","unit":"kg"}"#),
        "{payload}"
    );
    assert!(
        payload.contains(r#""base":{"amount":"1000","unit":"sheet"}"#),
        "{payload}"
    );
}

#[tokio::test]
async fn a_draw_beyond_the_balance_is_recorded_and_flagged_when_forced_with_a_reason() {
    let test = TestLedger::new();
    test.lot(receive("LOT-1", 100)).await.unwrap();
    let error = test
        .lot(forced(consume("LOT-1", 120, job("J")), "  "))
        .await
        .unwrap_err();
    assert_eq!(code(&error), "beyond-balance", "a blank reason is none");
    let done = test
        .lot(forced(
            consume("LOT-1", 120, job("J")),
            "20 found behind it",
        ))
        .await
        .unwrap();
    assert_eq!(done.flags[0].code(), "negative-stock");
    assert_eq!(test.on_hand("LOT-1").await, Decimal::from(-20));
    test.assert_whole(2).await;
}

#[tokio::test]
async fn a_lot_can_be_held_at_any_time_and_is_free_once_every_hold_is_released() {
    let test = TestLedger::new();
    test.lot(receive("LOT-1", 100)).await.unwrap();
    test.lot(consume("LOT-1", 100, job("J"))).await.unwrap();
    test.lot(hold("LOT-1")).await.unwrap();
    test.lot(hold("LOT-1")).await.unwrap();
    let error = test.lot(release("LOT-1")).await.unwrap_err();
    assert_eq!(code(&error), "which-hold");
    let held = test.ledger.lot_by_number("LOT-1").await.unwrap().remove(0);
    assert_eq!(held.holds.len(), 2);
    for hold in held.holds {
        let LotCommand::Release(mut command) = release("LOT-1") else {
            unreachable!()
        };
        command.hold_id = Some(hold.hold_id);
        test.lot(LotCommand::Release(command)).await.unwrap();
    }
    assert!(
        test.ledger.lot_by_number("LOT-1").await.unwrap()[0]
            .holds
            .is_empty()
    );
    test.assert_whole(6).await;
}

#[tokio::test]
async fn numbers_are_generated_with_the_plant_code_and_children_after_their_parent() {
    let test = TestLedger::new();
    let LotCommand::Receive(mut command) = receive("x", 100) else {
        unreachable!()
    };
    command.number = None;
    let mut numbers = Vec::new();
    for _ in 0..2 {
        let done = test
            .lot(LotCommand::Receive(command.clone()))
            .await
            .unwrap();
        numbers.push(done.lots[0].lot.number.clone());
    }
    assert_eq!(numbers, ["HAM-20261122-0001", "HAM-20261122-0002"]);
    test.lot(receive("ROLL", 100)).await.unwrap();
    test.lot(split(
        "ROLL",
        &[("ROLL-2", 1), ("", 1), ("", 1)],
        &[("", 1)],
    ))
    .await
    .unwrap();
    test.lot(split("ROLL", &[("", 1)], &[])).await.unwrap();
    for child in ["ROLL-1", "ROLL-2", "ROLL-3", "ROLL-4", "ROLL-5"] {
        assert_eq!(test.on_hand(child).await, Decimal::ONE, "{child}");
    }
    test.assert_whole(5).await;
}

#[tokio::test]
async fn a_count_books_the_difference() {
    let test = TestLedger::new();
    test.lot(receive("LOT-1", 100)).await.unwrap();
    let count = |to| {
        LotCommand::Adjust(Adjust {
            lot: "LOT-1".to_owned(),
            by: None,
            to: Some(sheets(to)),
            reason: "stock count".to_owned(),
            details: Details::default(),
        })
    };
    test.lot(count(93)).await.unwrap();
    assert_eq!(test.on_hand("LOT-1").await, Decimal::from(93));
    let error = test.lot(count(93)).await.unwrap_err();
    assert_eq!(
        code(&error),
        "incomplete",
        "a count that agrees changes nothing"
    );
    test.assert_whole(2).await;
}

#[tokio::test]
async fn a_repeated_key_gives_the_same_answer_and_no_second_movement() {
    let test = TestLedger::new();
    test.lot(receive("LOT-1", 100)).await.unwrap();
    let draw = || consume("LOT-1", 10, job("J"));
    let first = test
        .ledger
        .append(with_key(draw(), "key-1", 1))
        .await
        .unwrap();
    let again = test
        .ledger
        .append(with_key(draw(), "key-1", 1))
        .await
        .unwrap();
    assert!(!first.repeated && again.repeated);
    assert_eq!(first.events, again.events);
    assert_eq!(first.lots, again.lots);
    assert_eq!(test.on_hand("LOT-1").await, Decimal::from(90));
    let error = test
        .ledger
        .append(with_key(draw(), "key-1", 2))
        .await
        .unwrap_err();
    assert_eq!(code(&error), "idempotency-key-reused");
    test.assert_whole(2).await;
}

#[tokio::test]
async fn a_refused_request_may_be_repeated_under_its_key_once_it_can_be_done() {
    let test = TestLedger::new();
    let draw = || consume("LOT-1", 10, job("J"));
    test.ledger
        .append(with_key(draw(), "key-1", 1))
        .await
        .unwrap_err();
    test.lot(receive("LOT-1", 100)).await.unwrap();
    let done = test
        .ledger
        .append(with_key(draw(), "key-1", 1))
        .await
        .unwrap();
    assert!(!done.repeated);
}

#[tokio::test]
async fn facts_of_one_append_are_recorded_together_or_not_at_all() {
    let test = TestLedger::new();
    test.lot(receive("LOT-1", 100)).await.unwrap();
    let mut both = append(consume("LOT-1", 60, job("J")));
    both.facts
        .extend(append(consume("LOT-1", 60, job("J"))).facts);
    let error = test.ledger.append(both).await.unwrap_err();
    assert_eq!(code(&error), "beyond-balance");
    assert_eq!(test.on_hand("LOT-1").await, Decimal::from(100));
    test.assert_whole(1).await;
}

#[tokio::test]
async fn a_production_contains_what_its_job_consumed_before_and_after() {
    let test = TestLedger::new();
    for number in ["LOT-1", "LOT-2"] {
        test.lot(receive(number, 100)).await.unwrap();
    }
    test.lot(consume("LOT-1", 50, job("Job-7"))).await.unwrap();
    test.lot(produce("FG-7", 90, &[], job("Job-7")))
        .await
        .unwrap();
    test.clock.advance(jiff::SignedDuration::from_mins(5));
    test.lot(consume("LOT-2", 40, job("Job-7"))).await.unwrap();
    let root = test.ledger.lot_by_number("FG-7").await.unwrap()[0]
        .lot
        .lot_id;
    let trace = test
        .ledger
        .read(move |reader| reader.trace(root, Direction::Backward, Mode::Strict))
        .await
        .unwrap();
    let mut numbers: Vec<_> = trace
        .lots
        .iter()
        .map(|lot| lot.lot.number.as_str())
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, ["FG-7", "LOT-1", "LOT-2"]);
    let tree = trace.render_text();
    assert!(
        tree.contains("from Acme Paper Co., their lot 12345"),
        "{tree}"
    );
}

#[tokio::test]
async fn lots_are_listed_in_pages_that_miss_nothing() {
    let test = TestLedger::new();
    for n in 0..7 {
        test.lot(receive(&format!("LOT-{n}"), 10)).await.unwrap();
    }
    test.lot(consume("LOT-3", 10, job("J"))).await.unwrap();
    let mut filter = agog_edge::ledger::LotFilter {
        limit: 2,
        ..Default::default()
    };
    let mut seen = Vec::new();
    loop {
        let asked = filter.clone();
        let page = test
            .ledger
            .read(move |reader| reader.lot_list(&asked))
            .await
            .unwrap();
        seen.extend(page.lots.into_iter().map(|lot| lot.lot.number));
        filter.after = page.next;
        if filter.after.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["LOT-0", "LOT-1", "LOT-2", "LOT-4", "LOT-5", "LOT-6"]);
}

#[tokio::test]
async fn what_comes_back_is_held_and_no_more_comes_back_than_was_shipped() {
    let test = TestLedger::new();
    test.lot(receive("LOT-1", 100)).await.unwrap();
    test.lot(ship("LOT-1", Some(60))).await.unwrap();
    let back = test.lot(return_lot("LOT-1", 20, true)).await.unwrap();
    assert_eq!(back.lots[0].on_hand.amount, Decimal::from(60));
    assert_eq!(
        back.lots[0].holds[0].reason,
        "came back from ABC Corp: wrong colour"
    );
    assert_eq!(
        code(&test.lot(waste("LOT-9", 1)).await.unwrap_err()),
        "unknown-lot"
    );
    let error = test.lot(return_lot("LOT-1", 41, false)).await.unwrap_err();
    assert_eq!(code(&error), "beyond-shipped");
    test.lot(return_lot("LOT-1", 40, false)).await.unwrap();
    test.assert_whole(4).await;
}
