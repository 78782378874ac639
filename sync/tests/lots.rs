//! The lot rules as plants see them: what is refused, what is kept, and that nothing is lost.

mod support;

use std::collections::BTreeMap;

use agog_sync::lots::{Bucket, Flag, LotEvent, LotOrigin, Refusal};
use agog_sync::quantity::{Quantity, Unit};
use proptest::prelude::*;
use rust_decimal::Decimal;

use support::{Plant, draw, hold, merge, release, sheets, split, waste};

#[test]
fn a_split_gives_each_part_a_lot_and_the_remainder_keeps_its_id() {
    let mut plant = Plant::with_roll("LOT-2025-001", 50_000);
    plant
        .record(&split(
            "LOT-2025-001",
            &[("A", 10_000), ("B", 15_000), ("C", 20_000)],
        ))
        .unwrap();
    assert_eq!(plant.balance("LOT-2025-001"), Decimal::from(5_000));
    assert_eq!(plant.balance("B"), Decimal::from(15_000));
    assert_eq!(
        plant.state("B").attributes.supplier.as_deref(),
        Some("Acme Paper Co.")
    );
    assert_eq!(
        plant.edges(),
        [
            ("LOT-2025-001", "A"),
            ("LOT-2025-001", "B"),
            ("LOT-2025-001", "C")
        ]
    );
}

#[test]
fn a_draw_beyond_the_balance_is_refused_with_the_figures_and_changes_nothing() {
    let mut plant = Plant::with_roll("ROLL", 100);
    let refusal = plant.record(&draw("ROLL", 101)).unwrap_err();
    assert_eq!(refusal.code(), "beyond-balance");
    assert_eq!(
        refusal.to_string(),
        "lot ROLL holds 100 sheet, not 101 sheet; if the stock is really there, force it with a reason"
    );
    assert_eq!(plant.balance("ROLL"), Decimal::from(100));
}

#[test]
fn a_split_whose_parts_together_exceed_the_lot_is_refused_whole() {
    let mut plant = Plant::with_roll("ROLL", 100);
    let refusal = plant
        .record(&split("ROLL", &[("A", 60), ("B", 60)]))
        .unwrap_err();
    assert!(matches!(refusal, Refusal::BeyondBalance { .. }));
    assert!(plant.edges().is_empty());
}

#[test]
fn a_forced_draw_is_kept_and_flagged() {
    let mut plant = Plant::with_roll("ROLL", 100);
    let LotEvent::Consumed(mut consumed) = draw("ROLL", 120) else {
        unreachable!()
    };
    consumed.forced = Some("counted on the floor".to_owned());
    let flags = plant.record(&LotEvent::Consumed(consumed)).unwrap();
    assert!(matches!(&flags[..], [Flag::NegativeStock { .. }]));
    assert_eq!(plant.balance("ROLL"), Decimal::from(-20));
}

#[test]
fn a_blank_reason_does_not_force() {
    let mut plant = Plant::with_roll("ROLL", 100);
    let LotEvent::Consumed(mut consumed) = draw("ROLL", 120) else {
        unreachable!()
    };
    consumed.forced = Some("  ".to_owned());
    assert!(plant.record(&LotEvent::Consumed(consumed)).is_err());
}

#[test]
fn nothing_and_less_than_nothing_are_not_quantities() {
    for amount in [0, -5] {
        let mut plant = Plant::with_roll("ROLL", 100);
        for event in [
            draw("ROLL", amount),
            waste("ROLL", amount),
            split("ROLL", &[("A", amount)]),
        ] {
            assert_eq!(
                plant.record(&event).unwrap_err().code(),
                "not-positive",
                "{event:?}"
            );
        }
        assert_eq!(plant.balance("ROLL"), Decimal::from(100));
    }
}

#[test]
fn an_unknown_lot_is_refused_by_the_gate_and_kept_by_the_books() {
    let mut plant = Plant::with_roll("ROLL", 100);
    assert_eq!(
        plant.record(&draw("GHOST", 1)).unwrap_err().code(),
        "unknown-lot"
    );
    let flags = plant.book(&draw("GHOST", 1));
    assert!(flags.iter().any(|flag| flag.code() == "unknown-lot"));
    assert_eq!(plant.state("GHOST").material, None);
    assert_eq!(plant.balance("GHOST"), Decimal::from(-1));
}

#[test]
fn a_lot_that_was_used_before_it_was_seen_is_filled_in_by_its_receipt() {
    let mut plant = Plant::with_roll("ROLL", 100);
    plant.book(&draw("LATE", 10));
    plant.receive("LATE", 50);
    assert_eq!(plant.balance("LATE"), Decimal::from(40));
    assert!(plant.state("LATE").material.is_some());
}

#[test]
fn a_lot_that_was_split_before_it_was_seen_is_filled_in_without_a_complaint() {
    let mut plant = Plant::with_roll("ROLL", 100);
    let flags = plant.book(&split("LATE", &[("PART", 10)]));
    assert!(flags.iter().any(|flag| flag.code() == "unknown-lot"));
    plant.receive("LATE", 50);
    assert_eq!(plant.balance("LATE"), Decimal::from(40));
    assert_eq!(plant.origin("LATE"), LotOrigin::Received);
}

#[test]
fn a_wrong_unit_is_refused_with_the_unit_of_the_lot() {
    let mut plant = Plant::with_roll("ROLL", 100);
    let LotEvent::Consumed(mut consumed) = draw("ROLL", 1) else {
        unreachable!()
    };
    consumed.draw.quantity.base = Quantity::new(1.into(), Unit::Kilogram);
    let refusal = plant.record(&LotEvent::Consumed(consumed)).unwrap_err();
    assert_eq!(refusal.to_string(), "lot ROLL is counted in sheet, not kg");
}

#[test]
fn a_held_lot_is_not_used_until_every_hold_is_released() {
    let mut plant = Plant::with_roll("ROLL", 100);
    plant.record(&hold("ROLL", 1)).unwrap();
    plant.record(&hold("ROLL", 2)).unwrap();
    assert_eq!(
        plant.record(&draw("ROLL", 1)).unwrap_err().code(),
        "lot-held"
    );
    plant.record(&release("ROLL", 1)).unwrap();
    assert_eq!(
        plant.record(&draw("ROLL", 1)).unwrap_err().code(),
        "lot-held"
    );
    plant.record(&release("ROLL", 2)).unwrap();
    plant.record(&draw("ROLL", 1)).unwrap();
}

#[test]
fn a_lot_can_be_held_after_it_was_used_up() {
    let mut plant = Plant::with_roll("ROLL", 100);
    plant.record(&draw("ROLL", 100)).unwrap();
    assert!(plant.state("ROLL").is_fully_drawn());
    plant.record(&hold("ROLL", 1)).unwrap();
    assert!(plant.state("ROLL").is_held());
}

#[test]
fn a_held_lot_can_be_thrown_away() {
    let mut plant = Plant::with_roll("ROLL", 100);
    plant.record(&hold("ROLL", 1)).unwrap();
    plant.record(&waste("ROLL", 100)).unwrap();
    assert!(plant.state("ROLL").is_fully_drawn());
}

#[test]
fn parts_that_are_forced_out_of_a_held_lot_are_held_too() {
    let mut plant = Plant::with_roll("ROLL", 100);
    plant.record(&hold("ROLL", 1)).unwrap();
    let LotEvent::Split(mut forced) = split("ROLL", &[("A", 10)]) else {
        unreachable!()
    };
    forced.forced = Some("sample for the laboratory".to_owned());
    plant.record(&LotEvent::Split(forced)).unwrap();
    assert!(plant.state("A").is_held());
}

#[test]
fn a_hold_and_a_split_that_cross_hold_the_same_lots_on_both_sides() {
    // The office holds the roll while the plant, cut off, splits it.
    let mut plant = Plant::with_roll("ROLL", 100);
    let mut hub = Plant::with_roll("ROLL", 100);
    let (held, split) = (hold("ROLL", 1), split("ROLL", &[("A", 10)]));
    hub.record(&held).unwrap();
    plant.record(&split).unwrap();
    let flags = hub.book(&split);
    assert!(
        flags.iter().any(|flag| flag.code() == "held-lot-used"),
        "a person is told"
    );
    plant.book(&held);
    for number in ["ROLL", "A"] {
        assert_eq!(
            plant.state(number).holds,
            hub.state(number).holds,
            "{number}"
        );
    }
    assert!(plant.state("ROLL").is_held());
}

#[test]
fn releasing_a_hold_that_does_not_stand_is_refused() {
    let mut plant = Plant::with_roll("ROLL", 100);
    assert_eq!(
        plant.record(&release("ROLL", 7)).unwrap_err().code(),
        "unknown-hold"
    );
}

#[test]
fn a_merge_is_a_new_lot_with_the_earliest_expiry_and_what_the_parents_agree_on() {
    let mut plant = Plant::with_roll("A", 10);
    plant.receive_with("B", 20, |attributes| {
        attributes.supplier_lot = Some("999".to_owned());
        attributes.expiry = Some("2026-01-31".parse().unwrap());
    });
    plant.record(&merge(&[("A", 10), ("B", 20)], "AB")).unwrap();
    let merged = plant.state("AB");
    assert_eq!(merged.balance, Decimal::from(30));
    assert_eq!(
        merged.attributes.supplier.as_deref(),
        Some("Acme Paper Co.")
    );
    assert_eq!(merged.attributes.supplier_lot, None);
    assert_eq!(
        merged.attributes.expiry,
        Some("2026-01-31".parse().unwrap())
    );
    assert_eq!(plant.edges(), [("A", "AB"), ("B", "AB")]);
}

#[test]
fn a_lot_cannot_be_named_twice_in_one_event_or_get_a_number_that_is_taken() {
    let mut plant = Plant::with_roll("A", 10);
    assert_eq!(
        plant
            .record(&merge(&[("A", 1), ("A", 2)], "AA"))
            .unwrap_err()
            .code(),
        "named-twice"
    );
    assert_eq!(
        plant
            .record(&split("A", &[("X", 1), ("X", 1)]))
            .unwrap_err()
            .code(),
        "named-twice"
    );
    plant.receive("TAKEN", 1);
    assert_eq!(
        plant
            .record(&split("A", &[("TAKEN", 1)]))
            .unwrap_err()
            .code(),
        "number-taken"
    );
}

#[test]
fn production_links_what_was_consumed_before_and_after_it() {
    let mut plant = Plant::with_roll("ROLL", 100);
    plant.receive("INK", 10);
    plant.record(&draw("ROLL", 90)).unwrap();
    plant.produce("FG", 90, &["ROLL"]);
    let LotEvent::Consumed(mut late) = draw("INK", 2) else {
        unreachable!()
    };
    late.into = vec![plant.lot_ref("FG")];
    plant.record(&LotEvent::Consumed(late)).unwrap();
    assert_eq!(plant.edges(), [("ROLL", "FG"), ("INK", "FG")]);
    assert_eq!(plant.origin("FG"), LotOrigin::Produced);
}

/// One random movement; lots are named by an index into those that exist.
#[derive(Debug, Clone)]
enum Step {
    Receive(i64),
    Split(usize, Vec<i64>),
    Merge(usize, usize, i64, i64),
    Consume(usize, i64),
    Waste(usize, i64),
    Produce(usize, i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let amount = 1_i64..500;
    let step = prop_oneof![
        amount.clone().prop_map(Step::Receive),
        (any::<usize>(), prop::collection::vec(1_i64..200, 1..4))
            .prop_map(|(i, parts)| Step::Split(i, parts)),
        (
            any::<usize>(),
            any::<usize>(),
            amount.clone(),
            amount.clone()
        )
            .prop_map(|(a, b, x, y)| Step::Merge(a, b, x, y)),
        (any::<usize>(), amount.clone()).prop_map(|(i, x)| Step::Consume(i, x)),
        (any::<usize>(), amount.clone()).prop_map(|(i, x)| Step::Waste(i, x)),
        (any::<usize>(), amount).prop_map(|(i, x)| Step::Produce(i, x)),
    ];
    prop::collection::vec(step, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_done_the_books_balance_and_no_admitted_draw_goes_below_nothing(steps in steps()) {
        let mut plant = Plant::with_roll("L0", 1_000);
        for (number, step) in (1..).zip(steps) {
            let lots = plant.numbers();
            let pick = |index: usize| lots[index % lots.len()].clone();
            let event = match step {
                Step::Receive(amount) => { plant.receive(&format!("L{number}"), amount); continue }
                Step::Split(i, parts) => {
                    let names: Vec<_> = (0..parts.len()).map(|part| format!("L{number}-{part}")).collect();
                    let parts: Vec<_> = names.iter().map(String::as_str).zip(parts).collect();
                    split(&pick(i), &parts)
                }
                Step::Merge(a, b, x, y) => merge(&[(&pick(a), x), (&pick(b), y)], &format!("L{number}")),
                Step::Consume(i, x) => draw(&pick(i), x),
                Step::Waste(i, x) => waste(&pick(i), x),
                Step::Produce(i, x) => { plant.produce(&format!("L{number}"), x, &[&pick(i)]); continue }
            };
            // Refusals are fine; what is admitted must keep the books.
            let _ = plant.record(&event);
        }
        let mut totals: BTreeMap<Bucket, Decimal> = BTreeMap::new();
        for (bucket, delta) in plant.entries() {
            *totals.entry(bucket).or_default() += delta;
        }
        let total = |bucket: Bucket| totals.get(&bucket).copied().unwrap_or_default();
        let came_in = total(Bucket::Received) + total(Bucket::Produced) + total(Bucket::Adjusted);
        let left = -(total(Bucket::Consumed) + total(Bucket::Wasted) + total(Bucket::Shipped));
        let on_hand: Decimal = plant.numbers().iter().map(|number| plant.balance(number)).sum();
        prop_assert_eq!(came_in, on_hand + left, "I8");
        prop_assert_eq!(total(Bucket::SplitOut), -total(Bucket::SplitIn));
        prop_assert_eq!(total(Bucket::MergedOut), -total(Bucket::MergedIn));
        for number in plant.numbers() {
            prop_assert!(plant.balance(&number) >= Decimal::ZERO, "{} is negative", number);
        }
    }
}

#[test]
fn amounts_are_exact_where_floats_are_not() {
    let mut plant = Plant::with_roll("ROLL", 1);
    for _ in 0..10 {
        let LotEvent::Consumed(mut tenth) = draw("ROLL", 1) else {
            unreachable!()
        };
        tenth.draw.quantity = sheets("0.1");
        plant.record(&LotEvent::Consumed(tenth)).unwrap();
    }
    assert!(plant.balance("ROLL").is_zero());
    assert!(plant.state("ROLL").is_fully_drawn());
}
