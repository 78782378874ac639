//! What people and machines do with lots, at random.

use std::collections::BTreeMap;

use agog_sync::document::{Content, Document, Edit};
use agog_sync::event::Event;
use agog_sync::ids::{EventId, HoldId, LotId};
use agog_sync::lots::{
    Draw, LotAdjusted, LotAttributes, LotConsumed, LotCorrected, LotEvent, LotHeld, LotMerged,
    LotMoved, LotPacked, LotProduced, LotReceived, LotRef, LotReleased, LotReturned, LotShipped,
    LotSplit, LotState, LotUnpacked, LotWasted, NewLot, SplitPart, WorkContext,
};
use agog_sync::quantity::{Material, Measured, Quantity, Unit};
use agog_sync::sscc::Sscc;
use rand::RngExt as _;
use rand::rngs::StdRng;
use uuid::Uuid;

/// The most of a lot that one movement is about, in sheets.
const AMOUNT_MAX: u32 = 40;

/// How many containers go round.
const PALLETS: u32 = 12;

/// What somebody may do who knows these lots. Not always what the rules allow.
pub(crate) fn any(rng: &mut StdRng, lots: &BTreeMap<LotId, LotState>) -> LotEvent {
    let Some(lot) = choose(rng, lots) else {
        return received(rng);
    };
    let reason = || "simulated".to_owned();
    let forced = rng.random_ratio(1, 10).then(reason);
    match rng.random_range(0..18) {
        0 | 1 => received(rng),
        2 => {
            let parts = rng.random_range(1..4);
            LotEvent::Split(LotSplit {
                from: lot,
                material: board(),
                parts: (0..parts)
                    .map(|part| SplitPart {
                        lot: new_lot(rng),
                        quantity: amount(rng),
                        waste: part == 2,
                    })
                    .collect(),
                holds: vec![],
                forced,
            })
        }
        3 => LotEvent::Merged(LotMerged {
            inputs: choose(rng, lots)
                .into_iter()
                .filter(|other| *other != lot)
                .chain([lot.clone()])
                .map(|lot| Draw {
                    lot,
                    quantity: amount(rng),
                })
                .collect(),
            into: new_lot(rng),
            material: board(),
            holds: vec![],
            forced,
        }),
        4 => LotEvent::Produced(LotProduced {
            outputs: vec![NewLot {
                lot: new_lot(rng),
                material: board(),
                quantity: amount(rng),
                attributes: LotAttributes::default(),
            }],
            inputs: vec![Draw {
                lot,
                quantity: amount(rng),
            }],
            sources: vec![],
            work: WorkContext::default(),
            forced,
        }),
        5 => LotEvent::Consumed(LotConsumed {
            draw: Draw {
                lot,
                quantity: amount(rng),
            },
            into: vec![],
            work: WorkContext::default(),
            forced,
        }),
        6 => LotEvent::Wasted(LotWasted {
            draw: Draw {
                lot,
                quantity: amount(rng),
            },
            reason: reason(),
            work: WorkContext::default(),
            forced,
        }),
        7 => LotEvent::Adjusted(LotAdjusted {
            lot,
            delta: amount(rng),
            reason: reason(),
            forced,
        }),
        8 => LotEvent::Moved(LotMoved {
            lot,
            from: None,
            to: format!("Rack-{}", rng.random_range(1..9)),
            forced,
        }),
        9 => LotEvent::Shipped(LotShipped {
            draw: Draw {
                lot,
                quantity: amount(rng),
            },
            order: "PO-1".to_owned(),
            customer: "Acme".to_owned(),
            reference: None,
            sscc: None,
            forced,
        }),
        10 => LotEvent::Returned(LotReturned {
            lot,
            quantity: amount(rng),
            order: "PO-1".to_owned(),
            customer: "Acme".to_owned(),
            reason: reason(),
            reference: None,
            hold: rng
                .random_ratio(1, 2)
                .then(|| HoldId::from_uuid(any_uuid(rng))),
            forced,
        }),
        11 | 12 => LotEvent::Packed(LotPacked {
            sscc: container(rng),
            contents: contents(rng, lots, &lot),
            added: rng.random_ratio(1, 2),
            forced,
        }),
        13 => LotEvent::Unpacked(LotUnpacked {
            sscc: container_of(rng, lots, &lot),
            contents: contents(rng, lots, &lot),
            forced,
        }),
        14 => LotEvent::Shipped(LotShipped {
            sscc: Some(container_of(rng, lots, &lot)),
            draw: Draw {
                lot,
                quantity: amount(rng),
            },
            order: "PO-2".to_owned(),
            customer: "Acme".to_owned(),
            reference: None,
            forced,
        }),
        15 => held(rng, lot),
        _ => released(rng, lots).unwrap_or_else(|| held(rng, lot)),
    }
}

/// Takes back an event of this ledger, when that can be.
pub(crate) fn correction(event_id: EventId, of: &Event) -> Option<LotEvent> {
    let payload = of.payload();
    let event = (of.kind(), of.version(), &*payload);
    let corrected = LotCorrected::new(event_id, event, "simulated".to_owned(), None).ok()?;
    Some(LotEvent::Corrected(corrected))
}

/// What somebody writes into a document.
pub(crate) fn edit(rng: &mut StdRng, document: &Document) -> Edit {
    match document.content() {
        Content::Text(text) => {
            let length = text.chars().count();
            let at = rng.random_range(0..=length);
            Edit::Splice {
                at,
                delete: rng.random_range(0..=(length - at).min(4)),
                insert: format!("{:x} ", rng.random_range(0..0x1000)),
            }
        }
        Content::Comments(_) => Edit::Append(format!("measured {}", rng.random_range(0..100))),
        Content::Priorities(_) => {
            let job = format!("JOB-{}", rng.random_range(0..4));
            let rank = rng.random_ratio(4, 5).then(|| rng.random_range(0..9));
            Edit::Priorities(BTreeMap::from([(job, rank)]))
        }
    }
}

/// A machine says that it used a lot, whether anybody here knows the lot or not.
pub(crate) fn reported(rng: &mut StdRng, lot: LotRef) -> LotEvent {
    LotEvent::Consumed(LotConsumed {
        draw: Draw {
            lot,
            quantity: amount(rng),
        },
        into: vec![],
        work: WorkContext::default(),
        forced: None,
    })
}

pub(crate) fn choose(rng: &mut StdRng, lots: &BTreeMap<LotId, LotState>) -> Option<LotRef> {
    let place = rng.random_range(0..lots.len().max(1));
    lots.values().nth(place).map(|state| state.lot.clone())
}

fn received(rng: &mut StdRng) -> LotEvent {
    let lot = NewLot {
        lot: new_lot(rng),
        material: board(),
        quantity: Measured::in_base(Quantity::new(100.into(), Unit::Sheet)),
        attributes: LotAttributes::default(),
    };
    LotEvent::Received(LotReceived { lot })
}

fn held(rng: &mut StdRng, lot: LotRef) -> LotEvent {
    let hold_id = HoldId::from_uuid(any_uuid(rng));
    LotEvent::Held(LotHeld {
        hold_id,
        lot,
        reason: "banding".to_owned(),
    })
}

fn released(rng: &mut StdRng, lots: &BTreeMap<LotId, LotState>) -> Option<LotEvent> {
    let held: Vec<_> = lots.values().filter(|state| state.is_held()).collect();
    let state = held.get(rng.random_range(0..held.len().max(1)))?;
    let hold_id = *state.holds.first()?;
    Some(LotEvent::Released(LotReleased {
        hold_id,
        lot: state.lot.clone(),
        reason: "checked".to_owned(),
    }))
}

/// One or two lots.
fn contents(rng: &mut StdRng, lots: &BTreeMap<LotId, LotState>, lot: &LotRef) -> Vec<Draw> {
    choose(rng, lots)
        .into_iter()
        .filter(|other| other != lot)
        .chain([lot.clone()])
        .map(|lot| Draw {
            lot,
            quantity: amount(rng),
        })
        .collect()
}

/// One of the few pallets that there are: they meet all the time.
fn container(rng: &mut StdRng) -> Sscc {
    let serial = rng.random_range(0..PALLETS);
    Sscc::with_check_digit(&format!("34012345{serial:09}")).expect("17 digits")
}

/// A container that something of a lot is in, or any.
fn container_of(rng: &mut StdRng, lots: &BTreeMap<LotId, LotState>, lot: &LotRef) -> Sscc {
    let packed = lots.get(&lot.lot_id).map(|state| &state.packed);
    let place = rng.random_range(0..packed.map_or(1, |packed| packed.len().max(1)));
    let known = packed.and_then(|packed| packed.keys().nth(place).copied());
    known.unwrap_or_else(|| container(rng))
}

fn board() -> Material {
    Material::simple("BOARD-300", Unit::Sheet)
}

fn amount(rng: &mut StdRng) -> Measured {
    let amount = rng.random_range(1..=AMOUNT_MAX);
    Measured::in_base(Quantity::new(amount.into(), Unit::Sheet))
}

fn new_lot(rng: &mut StdRng) -> LotRef {
    let uuid = any_uuid(rng);
    LotRef {
        lot_id: LotId::from_uuid(uuid),
        number: uuid.simple().to_string(),
    }
}

pub(crate) fn any_uuid(rng: &mut StdRng) -> Uuid {
    Uuid::from_u128(rng.random())
}
