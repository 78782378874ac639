//! Goods that come back from customers.

mod support;

use agog_sync::event::Event;
use agog_sync::lots::{Bucket, Flag, LotEvent, UseKind};
use rust_decimal::Decimal;

use support::{Plant, correction, draw, forced, returned, shipped};

fn shipped_sixty() -> Plant {
    let mut plant = Plant::with_roll("CARTONS", 100);
    plant.record(&shipped("CARTONS", 60)).unwrap();
    plant
}

#[test]
fn what_comes_back_is_on_hand_again_held_and_told_with_its_customer() {
    let mut plant = shipped_sixty();
    plant.record(&returned("CARTONS", 20, Some(1))).unwrap();
    assert_eq!(plant.balance("CARTONS"), Decimal::from(60));
    assert_eq!(plant.state("CARTONS").shipped, Decimal::from(40));
    assert_eq!(plant.entries()[2], (Bucket::Returned, Decimal::from(20)));
    assert_eq!(
        plant.uses(),
        [
            ("CARTONS", UseKind::Shipped),
            ("CARTONS", UseKind::Returned)
        ]
    );
    assert_eq!(
        plant.record(&draw("CARTONS", 1)).unwrap_err().code(),
        "lot-held"
    );
    plant.record(&support::release("CARTONS", 1)).unwrap();
    plant.record(&draw("CARTONS", 1)).unwrap();
}

#[test]
fn no_more_comes_back_than_was_shipped_unless_it_is_forced() {
    let mut plant = shipped_sixty();
    plant.record(&returned("CARTONS", 50, None)).unwrap();
    let refusal = plant.record(&returned("CARTONS", 11, None)).unwrap_err();
    assert_eq!(refusal.code(), "beyond-shipped");
    assert_eq!(
        refusal.to_string(),
        "10 sheet of lot CARTONS are with customers, not 11 sheet; if more really came back, force it with a reason"
    );
    let flags = plant
        .record(&forced(returned("CARTONS", 11, None)))
        .unwrap();
    assert!(matches!(&flags[..], [Flag::BeyondShipped { .. }]));
}

#[test]
fn a_corrected_return_takes_its_hold_with_it() {
    let mut plant = shipped_sixty();
    let event = returned("CARTONS", 20, Some(1));
    let id = plant.record_as(&event);
    plant.record(&correction(id, &event)).unwrap();
    assert_eq!(plant.balance("CARTONS"), Decimal::from(40));
    assert!(!plant.state("CARTONS").is_held());
    assert_eq!(plant.state("CARTONS").shipped, Decimal::from(60));
}

#[test]
fn a_despatch_of_which_something_came_back_is_corrected_only_by_force() {
    let mut plant = Plant::with_roll("CARTONS", 100);
    let event = shipped("CARTONS", 60);
    let id = plant.record_as(&event);
    plant.record(&returned("CARTONS", 20, None)).unwrap();
    let refusal = plant.record(&correction(id, &event)).unwrap_err();
    assert_eq!(refusal.code(), "beyond-shipped");
}

#[test]
fn nothing_and_a_return_without_a_reason_are_refused() {
    let mut plant = shipped_sixty();
    let nothing = plant.record(&returned("CARTONS", 0, None)).unwrap_err();
    assert_eq!(nothing.code(), "not-positive");
    let LotEvent::Returned(mut event) = returned("CARTONS", 1, None) else {
        unreachable!()
    };
    event.reason = " ".to_owned();
    let refusal = plant.record(&LotEvent::Returned(event)).unwrap_err();
    assert_eq!(refusal.code(), "incomplete");
}

#[test]
fn a_return_survives_its_stored_form() {
    let event = Event::Lot(returned("CARTONS", 20, Some(1)));
    assert_eq!(
        Event::decode("lot.returned", 1, event.payload().get()).unwrap(),
        event
    );
}
