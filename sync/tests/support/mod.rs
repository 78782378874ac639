//! A plant in memory: the smallest store that the lot rules can work on.

use std::collections::{BTreeMap, BTreeSet};

use agog_sync::ids::{HoldId, LotId};
use agog_sync::lots::{
    Bucket, Draw, Effect, Flag, LotAttributes, LotBook, LotConsumed, LotEvent, LotHeld, LotMerged,
    LotOrigin, LotProduced, LotReceived, LotRef, LotReleased, LotSplit, LotState, LotWasted,
    NewLot, Outcome, Refusal, SplitPart, WorkContext, admit, apply,
};
use agog_sync::quantity::{Material, Measured, Quantity, Unit};
use jiff::Timestamp;
use rust_decimal::Decimal;
use uuid::Uuid;

/// The lots of one plant, by the rules.
#[derive(Default)]
pub(crate) struct Plant {
    lots: BTreeMap<LotId, LotState>,
    entries: Vec<(LotId, Bucket, Decimal)>,
    edges: Vec<(LotId, LotId, Timestamp)>,
    minute: i64,
}

impl Plant {
    pub(crate) fn with_roll(number: &str, amount: i64) -> Self {
        let mut plant = Self::default();
        plant.receive(number, amount);
        plant
    }

    pub(crate) fn receive(&mut self, number: &str, amount: i64) {
        self.receive_with(number, amount, |_| {});
    }

    pub(crate) fn receive_with(
        &mut self,
        number: &str,
        amount: i64,
        set: impl FnOnce(&mut LotAttributes),
    ) {
        let mut attributes = LotAttributes {
            supplier: Some("Acme Paper Co.".to_owned()),
            supplier_lot: Some("12345".to_owned()),
            ..LotAttributes::default()
        };
        set(&mut attributes);
        let lot = NewLot {
            lot: lot(number),
            material: board(),
            quantity: whole(amount),
            attributes,
        };
        self.record(&LotEvent::Received(LotReceived { lot }))
            .unwrap();
    }

    pub(crate) fn produce(&mut self, number: &str, amount: i64, sources: &[&str]) {
        let output = NewLot {
            lot: lot(number),
            material: board(),
            quantity: whole(amount),
            attributes: LotAttributes::default(),
        };
        self.record(&LotEvent::Produced(LotProduced {
            outputs: vec![output],
            inputs: vec![],
            sources: sources.iter().map(|number| lot(number)).collect(),
            work: WorkContext::default(),
            forced: None,
        }))
        .unwrap();
    }

    /// Admits and books an event; gives what was flagged all the same.
    pub(crate) fn record(&mut self, event: &LotEvent) -> Result<Vec<Flag>, Refusal> {
        let book = self.load(event);
        let mut event = event.clone();
        event.note_holds(&book);
        admit(&event, &book, at(self.minute))?;
        Ok(self.book(&event))
    }

    /// Books an event without asking, as the hub does.
    pub(crate) fn book(&mut self, event: &LotEvent) -> Vec<Flag> {
        let outcome = apply(event, &self.load(event), at(self.minute));
        self.minute += 1;
        self.store(&outcome);
        outcome.flags
    }

    pub(crate) fn balance(&self, number: &str) -> Decimal {
        self.state(number).balance
    }

    pub(crate) fn state(&self, number: &str) -> &LotState {
        &self.lots[&lot(number).lot_id]
    }

    pub(crate) fn origin(&self, number: &str) -> LotOrigin {
        self.state(number).origin
    }

    pub(crate) fn lot_ref(&self, number: &str) -> LotRef {
        self.state(number).lot.clone()
    }

    pub(crate) fn numbers(&self) -> Vec<String> {
        self.lots
            .values()
            .map(|state| state.lot.number.clone())
            .collect()
    }

    pub(crate) fn edges(&self) -> Vec<(&str, &str)> {
        let number = |id: &LotId| self.lots[id].lot.number.as_str();
        self.edges
            .iter()
            .map(|(parent, child, _)| (number(parent), number(child)))
            .collect()
    }

    pub(crate) fn entries(&self) -> Vec<(Bucket, Decimal)> {
        self.entries
            .iter()
            .map(|(_, bucket, delta)| (*bucket, *delta))
            .collect()
    }

    fn load(&self, event: &LotEvent) -> LotBook {
        let mut book = LotBook::default();
        for named in event.lots() {
            if let Some(state) = self.lots.get(&named.lot_id) {
                book.insert(state.clone());
            }
        }
        for new in event.new_lots() {
            for state in self.lots.values() {
                if state.lot.number == new.number && state.origin != LotOrigin::Unknown {
                    book.take_number(new.number.clone(), state.lot.lot_id);
                }
            }
        }
        book
    }

    fn store(&mut self, outcome: &Outcome) {
        for effect in &outcome.effects {
            match effect.clone() {
                Effect::LotCreated {
                    lot,
                    material,
                    base_unit,
                    attributes,
                    origin,
                    created_at,
                    ..
                } => {
                    let state = self.lots.entry(lot.lot_id).or_insert_with(|| LotState {
                        lot: lot.clone(),
                        material: None,
                        balance: Decimal::ZERO,
                        base_unit,
                        holds: BTreeSet::new(),
                        attributes: LotAttributes::default(),
                        origin,
                        created_at,
                    });
                    state.material = material;
                    state.base_unit = base_unit;
                    state.attributes = attributes;
                    state.origin = origin;
                }
                Effect::BalanceChanged {
                    lot_id,
                    bucket,
                    delta,
                    ..
                } => {
                    self.lots.get_mut(&lot_id).unwrap().balance += delta;
                    self.entries.push((lot_id, bucket, delta));
                }
                Effect::EdgeAdded {
                    parent, child, at, ..
                } => self.edges.push((parent, child, at)),
                Effect::HoldPlaced {
                    hold_id, lot_id, ..
                } => {
                    self.lots.get_mut(&lot_id).unwrap().holds.insert(hold_id);
                }
                Effect::HoldReleased {
                    hold_id, lot_id, ..
                } => {
                    self.lots.get_mut(&lot_id).unwrap().holds.remove(&hold_id);
                }
                Effect::Relocated { lot_id, to } => {
                    self.lots.get_mut(&lot_id).unwrap().attributes.location = Some(to);
                }
                Effect::Used { .. } => {}
            }
        }
    }
}

pub(crate) fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_760_515_200 + minute * 60).unwrap()
}

pub(crate) fn board() -> Material {
    Material::simple("BOARD-300", Unit::Sheet)
}

/// The same number is always the same lot.
pub(crate) fn lot(number: &str) -> LotRef {
    let digest = blake3::hash(number.as_bytes());
    let bytes: [u8; 16] = digest.as_bytes()[..16].try_into().unwrap();
    LotRef {
        lot_id: LotId::from_uuid(Uuid::from_bytes(bytes)),
        number: number.to_owned(),
    }
}

pub(crate) fn whole(amount: i64) -> Measured {
    Measured::in_base(Quantity::new(amount.into(), Unit::Sheet))
}

pub(crate) fn sheets(amount: &str) -> Measured {
    Measured::in_base(Quantity::parse(amount, "sheet").unwrap())
}

fn taken(number: &str, amount: i64) -> Draw {
    Draw {
        lot: lot(number),
        quantity: whole(amount),
    }
}

pub(crate) fn draw(number: &str, amount: i64) -> LotEvent {
    LotEvent::Consumed(LotConsumed {
        draw: taken(number, amount),
        into: vec![],
        work: WorkContext::default(),
        forced: None,
    })
}

pub(crate) fn waste(number: &str, amount: i64) -> LotEvent {
    LotEvent::Wasted(LotWasted {
        draw: taken(number, amount),
        reason: "misregistration".to_owned(),
        work: WorkContext::default(),
        forced: None,
    })
}

pub(crate) fn split(from: &str, parts: &[(&str, i64)]) -> LotEvent {
    let parts = parts
        .iter()
        .map(|(number, amount)| SplitPart {
            lot: lot(number),
            quantity: whole(*amount),
            waste: false,
        })
        .collect();
    LotEvent::Split(LotSplit {
        from: lot(from),
        material: board(),
        parts,
        holds: vec![],
        forced: None,
    })
}

pub(crate) fn merge(inputs: &[(&str, i64)], into: &str) -> LotEvent {
    let inputs = inputs
        .iter()
        .map(|(number, amount)| taken(number, *amount))
        .collect();
    LotEvent::Merged(LotMerged {
        inputs,
        into: lot(into),
        material: board(),
        holds: vec![],
        forced: None,
    })
}

fn hold_id(number: u128) -> HoldId {
    HoldId::from_uuid(Uuid::from_u128(number))
}

pub(crate) fn hold(number: &str, id: u128) -> LotEvent {
    LotEvent::Held(LotHeld {
        hold_id: hold_id(id),
        lot: lot(number),
        reason: "banding".to_owned(),
    })
}

pub(crate) fn release(number: &str, id: u128) -> LotEvent {
    LotEvent::Released(LotReleased {
        hold_id: hold_id(id),
        lot: lot(number),
        reason: "checked".to_owned(),
    })
}
