//! Corrections: what was undone is as if it had never been, everywhere and in whatever order it is heard.

mod support;

use std::collections::BTreeMap;

use agog_sync::event::Event;
use agog_sync::ids::EventId;
use agog_sync::lots::{Bucket, Flag, LotCorrected, LotEvent, LotOrigin, Refusal};
use proptest::prelude::*;
use rust_decimal::Decimal;
use uuid::Uuid;

use support::{
    Plant, correction, draw, forced, hold, merge, moved, packed, produced, received, release,
    returned, shipped, shipped_in, split, unpacked, waste,
};

#[test]
fn a_corrected_draw_is_back_on_the_lot_and_its_use_no_longer_counts() {
    let mut plant = Plant::with_roll("ROLL", 100);
    let event = draw("ROLL", 30);
    let id = plant.record_as(&event);
    plant.record(&correction(id, &event)).unwrap();
    assert_eq!(plant.balance("ROLL"), Decimal::from(100));
    assert_eq!(plant.uses(), []);
    let entries = plant.entries();
    assert_eq!(entries[1], (Bucket::Consumed, Decimal::from(-30)));
    assert_eq!(entries[2], (Bucket::Consumed, Decimal::from(30)));
}

#[test]
fn a_corrected_split_gives_everything_back_and_the_numbers_of_its_parts_are_free() {
    let mut plant = Plant::with_roll("ROLL", 100);
    let event = split("ROLL", &[("A", 60), ("B", 10)]);
    let id = plant.record_as(&event);
    plant.record(&correction(id, &event)).unwrap();
    assert_eq!(plant.balance("ROLL"), Decimal::from(100));
    assert!(plant.edges().is_empty());
    assert_eq!(plant.origin("A"), LotOrigin::Undone);
    plant.record(&split("ROLL", &[("A", 50)])).unwrap();
    assert_eq!(plant.origin("A"), LotOrigin::Split);
    assert_eq!(plant.balance("A"), Decimal::from(50));
}

#[test]
fn an_event_is_corrected_once() {
    let mut plant = Plant::with_roll("ROLL", 100);
    let event = draw("ROLL", 30);
    let id = plant.record_as(&event);
    let first = plant.record_as(&correction(id, &event));
    let refusal = plant.record(&correction(id, &event)).unwrap_err();
    assert_eq!(refusal.code(), "already-corrected");
    assert!(
        refusal.to_string().contains(&first.to_string()),
        "{refusal}"
    );
    let flags = plant.book(&correction(id, &event));
    assert!(
        matches!(&flags[..], [Flag::AlreadyCorrected { by, .. }] if *by == first),
        "{flags:?}"
    );
    assert_eq!(plant.balance("ROLL"), Decimal::from(100));
}

#[test]
fn a_receipt_that_was_used_since_is_corrected_only_with_a_reason_to_force_it() {
    let mut plant = Plant::default();
    let event = received("ROLL", 100);
    let id = plant.record_as(&event);
    plant.record(&draw("ROLL", 30)).unwrap();
    let refusal = plant.record(&correction(id, &event)).unwrap_err();
    assert_eq!(refusal.code(), "beyond-balance");
    let flags = plant.record(&forced(correction(id, &event))).unwrap();
    assert!(matches!(&flags[..], [Flag::NegativeStock { .. }]));
    assert_eq!(plant.balance("ROLL"), Decimal::from(-30));
}

#[test]
fn goods_do_not_slip_out_from_under_a_hold_by_a_correction() {
    let mut plant = Plant::with_roll("ROLL", 100);
    let event = split("ROLL", &[("A", 60)]);
    let id = plant.record_as(&event);
    plant.record(&hold("A", 1)).unwrap();
    let refusal = plant.record(&correction(id, &event)).unwrap_err();
    assert_eq!(refusal.code(), "lot-held");
    plant.record(&release("A", 1)).unwrap();
    plant.record(&correction(id, &event)).unwrap();
}

#[test]
fn holds_that_were_handed_down_are_lifted_with_the_split_and_stay_where_they_came_from() {
    let mut plant = Plant::with_roll("ROLL", 100);
    plant.record(&hold("ROLL", 1)).unwrap();
    let event = plant.noted(&split("ROLL", &[("A", 60)]));
    let id = EventId::from_uuid(Uuid::from_u128(77));
    plant.book_as(id, &event);
    assert!(plant.state("A").is_held());
    plant.record(&correction(id, &event)).unwrap();
    assert!(!plant.state("A").is_held());
    assert!(plant.state("ROLL").is_held());
}

#[test]
fn an_edge_that_two_events_assert_survives_the_correction_of_one() {
    let mut plant = Plant::with_roll("INK", 100);
    plant.produce("CARTONS", 50, &[]);
    let LotEvent::Consumed(mut late) = draw("INK", 2) else {
        unreachable!()
    };
    late.into = vec![plant.lot_ref("CARTONS")];
    let late = LotEvent::Consumed(late);
    let first = plant.record_as(&late);
    let second = plant.record_as(&late);
    plant.record(&correction(first, &late)).unwrap();
    assert_eq!(plant.edges(), [("INK", "CARTONS")]);
    plant.record(&correction(second, &late)).unwrap();
    assert!(plant.edges().is_empty());
}

#[test]
fn a_lot_goes_back_to_where_it_was_unless_somebody_moved_it_since() {
    let mut plant = Plant::with_roll("ROLL", 100);
    let first = plant.noted(&moved("ROLL", "A-1"));
    let first_id = plant.record_as(&first);
    let second = plant.noted(&moved("ROLL", "B-2"));
    let second_id = plant.record_as(&second);
    plant.record(&correction(first_id, &first)).unwrap();
    assert_eq!(
        plant.state("ROLL").attributes.location.as_deref(),
        Some("B-2")
    );
    plant.record(&correction(second_id, &second)).unwrap();
    assert_eq!(
        plant.state("ROLL").attributes.location.as_deref(),
        Some("A-1")
    );
}

#[test]
fn a_move_of_an_older_program_that_did_not_note_the_place_leaves_the_lot_where_it_lies() {
    let mut plant = Plant::with_roll("ROLL", 100);
    let id = EventId::from_uuid(Uuid::from_u128(77));
    let payload = serde_json::value::to_raw_value(&serde_json::json!({
        "lot": plant.lot_ref("ROLL"), "to": "A-1"
    }));
    let Ok(Event::Lot(old)) = Event::decode("lot.moved", 1, payload.unwrap().get()) else {
        panic!("an event of an older program is read")
    };
    plant.book_as(id, &old);
    plant.record(&correction(id, &old)).unwrap();
    assert_eq!(
        plant.state("ROLL").attributes.location.as_deref(),
        Some("A-1")
    );
}

#[test]
fn holds_releases_corrections_and_other_facts_cannot_be_corrected() {
    let id = EventId::from_uuid(Uuid::from_u128(1));
    let corrected = correction(id, &draw("ROLL", 1));
    for event in [hold("ROLL", 1), release("ROLL", 1), corrected] {
        let payload = Event::Lot(event.clone()).payload();
        let error = LotCorrected::new(id, (event.kind(), 1, &payload), "wrong".to_owned(), None);
        let text = error.unwrap_err().to_string();
        assert!(
            text.starts_with(&format!("an event of kind `{}`", event.kind())),
            "{text}"
        );
    }
    let payload = serde_json::value::to_raw_value("{}").unwrap();
    for kind in ["job.started", "lot.teleported"] {
        let error = LotCorrected::new(id, (kind, 1, &payload), "wrong".to_owned(), None);
        assert!(error.is_err(), "{kind}");
    }
}

#[test]
fn a_correction_carries_the_undone_event_word_for_word_and_needs_a_reason() {
    let id = EventId::from_uuid(Uuid::from_u128(1));
    let spaced = r#"{ "draw":{"lot":{"lot_id":"00000000-0000-0000-0000-000000000001","number":"L"},
        "quantity":{"entered":{"amount":"1.50","unit":"kg"},"base":{"amount":"5","unit":"sheet"}}} }"#;
    let payload = serde_json::value::RawValue::from_string(spaced.to_owned()).unwrap();
    let new = |reason: &str| {
        let event = ("lot.consumed", 1, &*payload);
        LotEvent::Corrected(LotCorrected::new(id, event, reason.to_owned(), None).unwrap())
    };
    let sealed = Event::Lot(new("typed wrong"));
    assert!(sealed.payload().get().contains(spaced));
    let read = Event::decode(sealed.kind(), 1, sealed.payload().get()).unwrap();
    assert_eq!(read, sealed);
    let mut plant = Plant::with_roll("ROLL", 100);
    let refusal = plant.record(&new(" ")).unwrap_err();
    assert!(matches!(refusal, Refusal::Incomplete(_)), "{refusal}");
}

/// One random movement; lots are named by an index into those that there are.
#[derive(Debug, Clone)]
enum Step {
    Receive(i64),
    Split(usize, Vec<i64>),
    Merge(usize, usize, i64, i64),
    Consume(usize, usize, i64),
    Waste(usize, i64),
    Produce(usize, usize, i64),
    Hold(usize),
    Release(usize),
    Ship(usize, i64),
    Return(usize, i64, bool),
    Pack(usize, u32, i64),
    Unpack(usize, u32, i64),
    ShipIn(usize, u32, i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let lot = any::<usize>;
    let amount = || 1_i64..300;
    let step = prop_oneof![
        amount().prop_map(Step::Receive),
        (lot(), prop::collection::vec(1_i64..200, 1..4))
            .prop_map(|(i, parts)| Step::Split(i, parts)),
        (lot(), lot(), amount(), amount()).prop_map(|(a, b, x, y)| Step::Merge(a, b, x, y)),
        (lot(), lot(), amount()).prop_map(|(i, j, x)| Step::Consume(i, j, x)),
        (lot(), amount()).prop_map(|(i, x)| Step::Waste(i, x)),
        (lot(), lot(), amount()).prop_map(|(i, j, x)| Step::Produce(i, j, x)),
        lot().prop_map(Step::Hold),
        lot().prop_map(Step::Release),
        (lot(), amount()).prop_map(|(i, x)| Step::Ship(i, x)),
        (lot(), amount(), any::<bool>()).prop_map(|(i, x, held)| Step::Return(i, x, held)),
        (lot(), 0_u32..3, amount()).prop_map(|(i, c, x)| Step::Pack(i, c, x)),
        (lot(), 0_u32..3, amount()).prop_map(|(i, c, x)| Step::Unpack(i, c, x)),
        (lot(), 0_u32..3, amount()).prop_map(|(i, c, x)| Step::ShipIn(i, c, x)),
    ];
    prop::collection::vec(step, 2..30)
}

/// The events of a day at one plant, as they were recorded there: nothing is asked, everything is kept.
fn day(steps: Vec<Step>) -> Vec<(EventId, LotEvent)> {
    let mut plant = Plant::default();
    let mut lots = vec!["L0".to_owned()];
    let mut events = vec![received("L0", 1_000)];
    plant.book(&events[0]);
    for (n, step) in steps.into_iter().enumerate() {
        let pick = |index: usize| lots[index % lots.len()].clone();
        let new = format!("N{n}");
        let mut made = vec![];
        let event = match step {
            Step::Receive(x) => {
                made.push(new.clone());
                received(&new, x)
            }
            Step::Split(i, parts) => {
                made = (0..parts.len())
                    .map(|part| format!("{new}-{part}"))
                    .collect();
                let parts: Vec<_> = made.iter().map(String::as_str).zip(parts).collect();
                split(&pick(i), &parts)
            }
            Step::Merge(a, b, x, y) => {
                made.push(new.clone());
                merge(&[(&pick(a), x), (&pick(b), y)], &new)
            }
            Step::Consume(i, j, x) => {
                let LotEvent::Consumed(mut event) = draw(&pick(i), x) else {
                    unreachable!()
                };
                event.into = vec![support::lot(&pick(j))];
                LotEvent::Consumed(event)
            }
            Step::Waste(i, x) => waste(&pick(i), x),
            Step::Produce(i, j, x) => {
                made.push(new.clone());
                produced(&new, x, &[(&pick(i), x)], &[&pick(j)])
            }
            Step::Hold(i) => hold(&pick(i), n as u128),
            Step::Ship(i, x) => shipped(&pick(i), x),
            Step::Return(i, x, held) => returned(&pick(i), x, held.then_some(n as u128)),
            Step::Pack(i, c, x) => packed(c, &[(&pick(i), x)]),
            Step::Unpack(i, c, x) => unpacked(c, &[(&pick(i), x)]),
            Step::ShipIn(i, c, x) => shipped_in(c, &pick(i), x),
            Step::Release(i) => {
                let held = pick(i);
                let standing = plant.holds(&held);
                match standing.first() {
                    Some(id) => release(&held, *id),
                    None => continue,
                }
            }
        };
        let event = plant.noted(&event);
        plant.book(&event);
        events.push(event);
        lots.extend(made);
    }
    let id = |n: usize| EventId::from_uuid(Uuid::from_u128(1_000 + n as u128));
    events
        .into_iter()
        .enumerate()
        .map(|(n, event)| (id(n), event))
        .collect()
}

fn is_correctable(event: &LotEvent) -> bool {
    !matches!(event, LotEvent::Held(_) | LotEvent::Released(_))
}

/// I8 for one material, and that nothing is lost between lots.
fn assert_books_balance(plant: &Plant) {
    let mut totals: BTreeMap<Bucket, Decimal> = BTreeMap::new();
    for (bucket, delta) in plant.entries() {
        *totals.entry(bucket).or_default() += delta;
    }
    let total = |bucket: Bucket| totals.get(&bucket).copied().unwrap_or_default();
    let came_in = total(Bucket::Received)
        + total(Bucket::Produced)
        + total(Bucket::Returned)
        + total(Bucket::Adjusted);
    let left = -(total(Bucket::Consumed) + total(Bucket::Wasted) + total(Bucket::Shipped));
    let on_hand: Decimal = plant
        .numbers()
        .iter()
        .map(|number| plant.balance(number))
        .sum();
    assert_eq!(came_in, on_hand + left, "I8");
    assert_eq!(total(Bucket::SplitOut), -total(Bucket::SplitIn));
    assert_eq!(total(Bucket::MergedOut), -total(Bucket::MergedIn));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn events_and_their_corrections_are_as_if_they_had_never_been(
        steps in steps(),
        wrong in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
    ) {
        let events = day(steps);
        let wrong: Vec<usize> = wrong.iter().map(|index| index.index(events.len())).collect();
        let (mut corrected, mut never) = (Plant::default(), Plant::default());
        for (n, (id, event)) in events.iter().enumerate() {
            corrected.book_as(*id, event);
            assert_books_balance(&corrected);
            if !(wrong.contains(&n) && is_correctable(event)) {
                never.book_as(*id, event);
            }
        }
        for n in wrong {
            let (id, event) = &events[n];
            if is_correctable(event) {
                // The second of two corrections of one event changes nothing.
                corrected.book(&correction(*id, event));
                assert_books_balance(&corrected);
            }
        }
        prop_assert_eq!(corrected.left(), never.left());
    }

    #[test]
    fn replicas_that_hear_events_and_corrections_in_any_order_end_up_equal(
        steps in steps(),
        wrong in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
        shuffled in any::<u64>(),
    ) {
        let mut told = day(steps);
        for (n, index) in wrong.iter().enumerate() {
            let (id, event) = index.get(&told).clone();
            if is_correctable(&event) && !matches!(event, LotEvent::Corrected(_)) {
                let by = EventId::from_uuid(Uuid::from_u128(9_000 + n as u128));
                told.push((by, correction(id, &event)));
            }
        }
        let mut here = Plant::default();
        for (id, event) in &told {
            here.book_as(*id, event);
        }
        let mut other_order = told.clone();
        let mut rng = <rand::rngs::StdRng as rand::SeedableRng>::seed_from_u64(shuffled);
        rand::seq::SliceRandom::shuffle(&mut other_order[..], &mut rng);
        let mut there = Plant::default();
        for (id, event) in &other_order {
            there.book_as(*id, event);
        }
        prop_assert_eq!(here.left(), there.left());
    }
}
