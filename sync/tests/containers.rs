//! Containers: what is packed stays on hand, is not free for anything else, and leaves with its container.

mod support;

use agog_sync::event::Event;
use agog_sync::lots::{ContainerStatus, Flag, LotAdjusted, LotEvent, LotPacked, Refusal, UseKind};
use agog_sync::sscc::Sscc;
use proptest::prelude::*;
use rust_decimal::Decimal;

use support::{
    Plant, added, correction, draw, forced, hold, merge, moved, packed, produced, release, shipped,
    shipped_in, split, sscc, unpacked, waste, whole,
};

/// 100 cartons, 60 of them on pallet 1.
fn pallet() -> Plant {
    let mut plant = Plant::with_roll("CARTONS", 100);
    plant.record(&packed(1, &[("CARTONS", 60)])).unwrap();
    plant
}

fn counted_less(number: &str, amount: i64) -> LotEvent {
    LotEvent::Adjusted(LotAdjusted {
        lot: support::lot(number),
        delta: whole(-amount),
        reason: "stock count".to_owned(),
        forced: None,
    })
}

#[test]
fn what_is_packed_stays_on_hand_and_is_not_free_for_anything_else() {
    let mut plant = pallet();
    assert_eq!(plant.balance("CARTONS"), Decimal::from(100));
    assert_eq!(plant.packed("CARTONS", 1), Decimal::from(60));
    assert_eq!(plant.container(1), Some(ContainerStatus::Packed));
    plant.receive("OTHERS", 10);
    for event in [
        draw("CARTONS", 41),
        waste("CARTONS", 41),
        split("CARTONS", &[("A", 20), ("B", 21)]),
        merge(&[("CARTONS", 41), ("OTHERS", 1)], "M"),
        produced("P", 1, &[("CARTONS", 41)], &[]),
        shipped("CARTONS", 41),
        packed(2, &[("CARTONS", 41)]),
        moved("CARTONS", "DOCK"),
        counted_less("CARTONS", 41),
    ] {
        let refusal = plant.record(&event).unwrap_err();
        assert_eq!(refusal.code(), "lot-packed", "{event:?}");
        assert!(
            refusal.to_string().contains(&sscc(1).to_string()),
            "{refusal}"
        );
    }
    assert_eq!(
        plant.record(&draw("CARTONS", 41)).unwrap_err().to_string(),
        "40 sheet of lot CARTONS are free, not 41 sheet: the rest is packed in 340123450000000017; \
         unpack it first, or force it with a reason"
    );
    plant.record(&draw("CARTONS", 40)).unwrap();
    assert_eq!(
        plant.record(&draw("CARTONS", 61)).unwrap_err().code(),
        "beyond-balance"
    );
}

#[test]
fn a_press_that_took_what_was_packed_is_believed_and_flagged() {
    let mut plant = pallet();
    let flags = plant.book(&draw("CARTONS", 50));
    assert!(
        matches!(&flags[..], [Flag::PackedUsed { free, containers, .. }]
            if free.amount == Decimal::from(40) && *containers == [sscc(1)]),
        "{flags:?}"
    );
    assert_eq!(plant.balance("CARTONS"), Decimal::from(50));
    assert_eq!(plant.packed("CARTONS", 1), Decimal::from(60));
    let flags = plant.record(&forced(draw("CARTONS", 1))).unwrap();
    assert!(matches!(&flags[..], [Flag::PackedUsed { .. }]));
    plant.record(&forced(moved("CARTONS", "DOCK"))).unwrap();
}

#[test]
fn a_container_takes_several_lots_and_gives_them_back_one_by_one() {
    let mut plant = pallet();
    plant.receive("LIDS", 100);
    plant.record(&added(1, &[("LIDS", 30)])).unwrap();
    plant.record(&unpacked(1, &[("CARTONS", 60)])).unwrap();
    plant.record(&draw("CARTONS", 100)).unwrap();
    assert_eq!(plant.container(1), Some(ContainerStatus::Packed));
    let refusal = plant.record(&unpacked(1, &[("LIDS", 31)])).unwrap_err();
    assert_eq!(refusal.code(), "not-in-container");
    assert_eq!(
        refusal.to_string(),
        "container 340123450000000017 holds 30 sheet of lot LIDS, not 31 sheet; if it is really in there, \
         force it with a reason"
    );
    plant.record(&unpacked(1, &[("LIDS", 30)])).unwrap();
    assert_eq!(plant.container(1), Some(ContainerStatus::Emptied));
    plant.record(&packed(1, &[("LIDS", 5)])).unwrap();
}

#[test]
fn what_is_shipped_in_a_container_leaves_the_lot_and_the_container() {
    let mut plant = pallet();
    let refusal = plant.record(&shipped_in(1, "CARTONS", 61)).unwrap_err();
    assert_eq!(refusal.code(), "not-in-container");
    plant.record(&shipped_in(1, "CARTONS", 60)).unwrap();
    assert_eq!(plant.balance("CARTONS"), Decimal::from(40));
    assert_eq!(plant.packed("CARTONS", 1), Decimal::ZERO);
    assert_eq!(plant.container(1), Some(ContainerStatus::Shipped));
    assert_eq!(plant.uses(), [("CARTONS", UseKind::Shipped)]);
}

#[test]
fn a_number_is_not_used_for_other_contents_while_something_is_in_it_or_after_it_left() {
    let mut plant = pallet();
    let refusal = plant.record(&packed(1, &[("CARTONS", 1)])).unwrap_err();
    assert!(
        matches!(&refusal, Refusal::ContainerInUse { status, .. } if *status == ContainerStatus::Packed),
        "{refusal}"
    );
    plant.record(&shipped_in(1, "CARTONS", 60)).unwrap();
    for event in [packed(1, &[("CARTONS", 1)]), added(1, &[("CARTONS", 1)])] {
        let refusal = plant.record(&event).unwrap_err();
        assert_eq!(refusal.code(), "container-in-use");
        assert_eq!(
            refusal.to_string(),
            "container 340123450000000017 has left; its number is not used again within a year, \
             unless it is forced with a reason"
        );
    }
    let flags = plant.record(&forced(packed(1, &[("CARTONS", 1)]))).unwrap();
    assert!(matches!(&flags[..], [Flag::ContainerInUse { .. }]));
}

#[test]
fn a_held_lot_is_not_packed_and_does_not_leave_in_its_container_but_may_be_unpacked() {
    let mut plant = pallet();
    plant.record(&hold("CARTONS", 1)).unwrap();
    for event in [packed(2, &[("CARTONS", 1)]), shipped_in(1, "CARTONS", 60)] {
        assert_eq!(plant.record(&event).unwrap_err().code(), "lot-held");
    }
    plant.record(&unpacked(1, &[("CARTONS", 10)])).unwrap();
    plant.record(&release("CARTONS", 1)).unwrap();
    plant.record(&shipped_in(1, "CARTONS", 50)).unwrap();
}

#[test]
fn nothing_no_lots_and_one_lot_twice_are_not_packed() {
    let mut plant = pallet();
    for (event, code) in [
        (packed(2, &[("CARTONS", 0)]), "not-positive"),
        (packed(2, &[]), "incomplete"),
        (unpacked(1, &[]), "incomplete"),
        (packed(2, &[("CARTONS", 1), ("CARTONS", 1)]), "named-twice"),
        (packed(2, &[("GHOST", 1)]), "unknown-lot"),
    ] {
        assert_eq!(plant.record(&event).unwrap_err().code(), code, "{event:?}");
    }
}

#[test]
fn packing_unpacking_and_shipping_are_undone_exactly() {
    let mut plant = pallet();
    let unpack = unpacked(1, &[("CARTONS", 10)]);
    let unpack_id = plant.record_as(&unpack);
    let ship = shipped_in(1, "CARTONS", 50);
    let ship_id = plant.record_as(&ship);
    assert_eq!(plant.container(1), Some(ContainerStatus::Shipped));
    plant.record(&correction(ship_id, &ship)).unwrap();
    assert_eq!(plant.packed("CARTONS", 1), Decimal::from(50));
    assert_eq!(plant.balance("CARTONS"), Decimal::from(100));
    assert_eq!(plant.container(1), Some(ContainerStatus::Packed));
    assert!(plant.uses().is_empty());
    plant.record(&correction(unpack_id, &unpack)).unwrap();
    assert_eq!(plant.packed("CARTONS", 1), Decimal::from(60));
}

#[test]
fn what_was_used_since_does_not_go_back_into_its_container() {
    let mut plant = pallet();
    let unpack = unpacked(1, &[("CARTONS", 60)]);
    let unpack_id = plant.record_as(&unpack);
    plant.record(&packed(2, &[("CARTONS", 50)])).unwrap();
    let refusal = plant.record(&correction(unpack_id, &unpack)).unwrap_err();
    assert_eq!(refusal.code(), "lot-packed");
    plant.record(&draw("CARTONS", 50)).unwrap();
    let refusal = plant.record(&correction(unpack_id, &unpack)).unwrap_err();
    assert_eq!(refusal.code(), "beyond-balance");
}

#[test]
fn a_packing_whose_contents_have_left_is_corrected_only_by_force() {
    let mut plant = Plant::with_roll("CARTONS", 100);
    let event = packed(1, &[("CARTONS", 60)]);
    let id = plant.record_as(&event);
    plant.record(&shipped_in(1, "CARTONS", 60)).unwrap();
    let refusal = plant.record(&correction(id, &event)).unwrap_err();
    assert_eq!(refusal.code(), "not-in-container");
    let flags = plant.record(&forced(correction(id, &event))).unwrap();
    assert!(matches!(&flags[..], [Flag::NotInContainer { .. }]));
}

#[test]
fn many_containers_are_not_all_listed() {
    let mut plant = Plant::with_roll("CARTONS", 100);
    for container in 1..=5 {
        plant
            .record(&packed(container, &[("CARTONS", 20)]))
            .unwrap();
    }
    let refusal = plant.record(&draw("CARTONS", 1)).unwrap_err().to_string();
    assert!(refusal.contains(" and 2 more;"), "{refusal}");
}

#[test]
fn packing_survives_its_stored_form_and_a_wrong_number_is_not_read() {
    for (kind, event) in [
        ("lot.packed", added(1, &[("CARTONS", 20)])),
        ("lot.unpacked", unpacked(1, &[("CARTONS", 20)])),
        ("lot.shipped", shipped_in(1, "CARTONS", 20)),
    ] {
        let event = Event::Lot(event);
        let payload = event.payload();
        assert_eq!(Event::decode(kind, 1, payload.get()).unwrap(), event);
        let wrong = payload
            .get()
            .replace("340123450000000017", "340123450000000018");
        assert!(Event::decode(kind, 1, &wrong).is_err());
    }
}

#[derive(Debug, Clone)]
enum Step {
    Receive(i64),
    Pack(usize, u32, i64, bool),
    Unpack(usize, u32, i64),
    Ship(usize, u32, i64),
    Loose(usize, i64),
    Waste(usize, i64),
}

const LOTS: [&str; 3] = ["A", "B", "C"];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let lot = || 0_usize..3;
    let container = || 0_u32..3;
    let amount = || 1_i64..60;
    let step = prop_oneof![
        amount().prop_map(Step::Receive),
        (lot(), container(), amount(), any::<bool>())
            .prop_map(|(l, c, x, a)| Step::Pack(l, c, x, a)),
        (lot(), container(), amount()).prop_map(|(l, c, x)| Step::Unpack(l, c, x)),
        (lot(), container(), amount()).prop_map(|(l, c, x)| Step::Ship(l, c, x)),
        (lot(), amount()).prop_map(|(l, x)| Step::Loose(l, x)),
        (lot(), amount()).prop_map(|(l, x)| Step::Waste(l, x)),
    ];
    prop::collection::vec(step, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_the_gate_admits_never_packs_more_than_is_on_hand(steps in steps()) {
        let mut plant = Plant::default();
        for number in LOTS {
            plant.receive(number, 100);
        }
        for (n, step) in steps.into_iter().enumerate() {
            let event = match step {
                Step::Receive(x) => { plant.receive(&format!("N{n}"), x); continue }
                Step::Pack(l, c, x, true) => added(c, &[(LOTS[l], x)]),
                Step::Pack(l, c, x, false) => packed(c, &[(LOTS[l], x)]),
                Step::Unpack(l, c, x) => unpacked(c, &[(LOTS[l], x)]),
                Step::Ship(l, c, x) => shipped_in(c, LOTS[l], x),
                Step::Loose(l, x) => shipped(LOTS[l], x),
                Step::Waste(l, x) => waste(LOTS[l], x),
            };
            let _ = plant.record(&event);
            for number in LOTS {
                let state = plant.state(number);
                prop_assert!(state.packed_sum() <= state.balance, "{number}");
                prop_assert!(state.packed.values().all(|amount| *amount > Decimal::ZERO), "{number}");
            }
        }
    }
}

#[test]
fn an_unknown_field_of_a_later_version_is_passed_over() {
    let payload = format!(
        r#"{{"sscc":"{}","contents":[],"pallet_type":"EUR"}}"#,
        sscc(1)
    );
    let expected: Sscc = sscc(1);
    let Event::Lot(LotEvent::Packed(LotPacked { sscc, .. })) =
        Event::decode("lot.packed", 1, &payload).unwrap()
    else {
        panic!("another kind");
    };
    assert_eq!(sscc, expected);
}
