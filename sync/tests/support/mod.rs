//! A plant in memory: the smallest store that the lot rules can work on.

#![expect(dead_code, reason = "each test binary uses a part of it")]

use std::collections::{BTreeMap, BTreeSet};

use agog_sync::event::Event;
use agog_sync::ids::{EventId, HoldId, LotId};
use agog_sync::lots::{
    Bucket, ContainerState, ContainerStatus, Draw, EdgeKind, Effect, Flag, LotAttributes, LotBook,
    LotConsumed, LotCorrected, LotEvent, LotHeld, LotMerged, LotMoved, LotOrigin, LotPacked,
    LotProduced, LotReceived, LotRef, LotReleased, LotReturned, LotShipped, LotSplit, LotState,
    LotUnpacked, LotWasted, NewLot, Outcome, Refusal, SplitPart, UseKind, WorkContext, admit,
    apply,
};
use agog_sync::quantity::{Material, Measured, Quantity, Unit};
use agog_sync::sscc::Sscc;
use jiff::Timestamp;
use rust_decimal::Decimal;
use uuid::Uuid;

/// The lots of one plant, by the rules.
#[derive(Default)]
pub(crate) struct Plant {
    lots: BTreeMap<LotId, LotState>,
    entries: Vec<(LotId, Bucket, Decimal)>,
    containers: BTreeMap<Sscc, ContainerState>,
    edges: Vec<(EventId, LotId, LotId, EdgeKind)>,
    uses: Vec<(EventId, LotId, UseKind, Decimal)>,
    /// Holds that were released, also before they were placed.
    released: BTreeSet<(LotId, HoldId)>,
    seen: BTreeSet<EventId>,
    corrections: BTreeMap<EventId, EventId>,
    minute: i64,
}

/// What is left of a day: what a lot holds, by which holds it is held and what is packed of it, the edges and the uses.
#[derive(Debug, PartialEq)]
pub(crate) struct Left {
    lots: BTreeMap<String, (Decimal, BTreeSet<HoldId>)>,
    packed: BTreeMap<String, BTreeMap<Sscc, Decimal>>,
    containers: BTreeMap<Sscc, ContainerStatus>,
    edges: BTreeSet<(LotId, LotId, EdgeKind)>,
    uses: Vec<(LotId, UseKind, Decimal)>,
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
        let LotEvent::Received(mut event) = received(number, amount) else {
            unreachable!()
        };
        set(&mut event.lot.attributes);
        self.record(&LotEvent::Received(event)).unwrap();
    }

    pub(crate) fn produce(&mut self, number: &str, amount: i64, sources: &[&str]) {
        self.record(&produced(number, amount, &[], sources))
            .unwrap();
    }

    /// Admits and books an event; gives what was flagged all the same.
    pub(crate) fn record(&mut self, event: &LotEvent) -> Result<Vec<Flag>, Refusal> {
        let book = self.load(event);
        let mut event = event.clone();
        event.note(&book);
        admit(&event, &book, at(self.minute))?;
        Ok(self.book(&event))
    }

    /// As [`Self::record`], and says under which id.
    pub(crate) fn record_as(&mut self, event: &LotEvent) -> EventId {
        let event_id = self.next_id();
        self.record(event).unwrap();
        event_id
    }

    /// The event as whoever records it here writes it.
    pub(crate) fn noted(&self, event: &LotEvent) -> LotEvent {
        let mut event = event.clone();
        event.note(&self.load(&event));
        event
    }

    fn next_id(&self) -> EventId {
        EventId::from_uuid(Uuid::from_u128(self.seen.len() as u128 + 1))
    }

    /// Books an event without asking, as the hub does.
    pub(crate) fn book(&mut self, event: &LotEvent) -> Vec<Flag> {
        self.book_as(self.next_id(), event)
    }

    /// As [`Self::book`], under a given id.
    pub(crate) fn book_as(&mut self, event_id: EventId, event: &LotEvent) -> Vec<Flag> {
        let mut book = self.load(event);
        if let Some(by) = self.corrections.get(&event_id) {
            book.correct(event_id, *by);
        }
        let outcome = apply(event, event_id, &book, at(self.minute));
        self.minute += 1;
        self.store(event_id, &outcome);
        self.seen.insert(event_id);
        outcome.flags
    }

    pub(crate) fn left(&self) -> Left {
        let mut uses: Vec<_> = self
            .uses
            .iter()
            .map(|used| (used.1, used.2, used.3))
            .collect();
        uses.sort();
        let lots = self.lots.values().map(|lot| {
            let left = (lot.balance.normalize(), lot.holds.clone());
            (lot.lot.number.clone(), left)
        });
        Left {
            lots: lots
                .filter(|(_, (balance, holds))| !balance.is_zero() || !holds.is_empty())
                .collect(),
            packed: self
                .lots
                .values()
                .filter(|lot| !lot.packed.is_empty())
                .map(|lot| (lot.lot.number.clone(), lot.packed.clone()))
                .collect(),
            containers: self
                .containers
                .iter()
                .filter_map(|(sscc, state)| Some((*sscc, state.status()?)))
                .filter(|(_, status)| *status != ContainerStatus::Emptied)
                .collect(),
            edges: self
                .edges
                .iter()
                .map(|edge| (edge.1, edge.2, edge.3))
                .collect(),
            uses,
        }
    }

    pub(crate) fn uses(&self) -> Vec<(&str, UseKind)> {
        let number = |id: &LotId| self.lots[id].lot.number.as_str();
        self.uses
            .iter()
            .map(|used| (number(&used.1), used.2))
            .collect()
    }

    pub(crate) fn balance(&self, number: &str) -> Decimal {
        self.state(number).balance
    }

    pub(crate) fn state(&self, number: &str) -> &LotState {
        &self.lots[&lot(number).lot_id]
    }

    /// How much of a lot is packed in a container.
    pub(crate) fn packed(&self, number: &str, container: u32) -> Decimal {
        let packed = &self.state(number).packed;
        packed.get(&sscc(container)).copied().unwrap_or_default()
    }

    pub(crate) fn container(&self, container: u32) -> Option<ContainerStatus> {
        self.containers.get(&sscc(container))?.status()
    }

    /// The holds that stand on a lot.
    pub(crate) fn holds(&self, number: &str) -> Vec<u128> {
        let lot = self.lots.get(&lot(number).lot_id);
        lot.into_iter()
            .flat_map(|lot| &lot.holds)
            .map(|id| id.uuid().as_u128())
            .collect()
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
        let mut edges: Vec<_> = self
            .edges
            .iter()
            .map(|(_, parent, child, _)| (number(parent), number(child)))
            .collect();
        edges.dedup();
        edges
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
                if state.lot.number == new.number && state.origin.is_made() {
                    book.take_number(new.number.clone(), state.lot.lot_id);
                }
            }
        }
        if let LotEvent::Packed(event) = event
            && let Some(state) = self.containers.get(&event.sscc)
        {
            book.insert_container(event.sscc, state.clone());
        }
        if let LotEvent::Corrected(event) = event {
            if let Some(by) = self.corrections.get(&event.corrects) {
                book.correct(event.corrects, *by);
            }
            if !self.seen.contains(&event.corrects) {
                for lot in event.undone().lots() {
                    book.leave_out(event.corrects, lot.lot_id);
                }
            }
        }
        book
    }

    fn store(&mut self, event_id: EventId, outcome: &Outcome) {
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
                        material: material.clone(),
                        balance: Decimal::ZERO,
                        shipped: Decimal::ZERO,
                        packed: BTreeMap::new(),
                        base_unit,
                        holds: BTreeSet::new(),
                        attributes: attributes.clone(),
                        origin,
                        created_at,
                    });
                    if !state.origin.is_made() {
                        state.material = material;
                        state.base_unit = base_unit;
                        state.attributes = attributes;
                        state.origin = origin;
                    }
                }
                Effect::BalanceChanged {
                    lot_id,
                    bucket,
                    delta,
                    ..
                } => {
                    let lot = self.lots.get_mut(&lot_id).unwrap();
                    lot.balance += delta;
                    lot.shipped += bucket.shipped(delta);
                    self.entries.push((lot_id, bucket, delta));
                }
                Effect::ContainerChanged {
                    sscc,
                    lot_id,
                    bucket,
                    delta,
                    ..
                } => {
                    self.lots.get_mut(&lot_id).unwrap().pack(sscc, delta);
                    let container = self.containers.entry(sscc).or_default();
                    container.change(lot_id, bucket, delta);
                }
                Effect::EdgeAdded {
                    parent,
                    child,
                    kind,
                    ..
                } => self.edges.push((event_id, parent, child, kind)),
                Effect::EdgeWithdrawn {
                    parent,
                    child,
                    kind,
                    event_id,
                } => self
                    .edges
                    .retain(|edge| *edge != (event_id, parent, child, kind)),
                Effect::HoldPlaced {
                    hold_id, lot_id, ..
                } => {
                    if !self.released.contains(&(lot_id, hold_id)) {
                        self.lots.get_mut(&lot_id).unwrap().holds.insert(hold_id);
                    }
                }
                Effect::HoldReleased {
                    hold_id, lot_id, ..
                } => {
                    self.released.insert((lot_id, hold_id));
                    self.lots.get_mut(&lot_id).unwrap().holds.remove(&hold_id);
                }
                Effect::Relocated { lot_id, to } => {
                    self.lots.get_mut(&lot_id).unwrap().attributes.location = to;
                }
                Effect::Used { lot_id, used } => {
                    let amount = used.quantity.amount;
                    self.uses.push((event_id, lot_id, used.kind, amount));
                }
                Effect::UseUndone { lot_id, event_id } => {
                    self.uses
                        .retain(|used| (used.0, used.1) != (event_id, lot_id));
                }
                Effect::Corrected {
                    event_id: corrected,
                } => {
                    self.corrections.insert(corrected, event_id);
                }
                Effect::LotUnmade { lot_id } => {
                    self.lots.get_mut(&lot_id).unwrap().origin = LotOrigin::Undone;
                }
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

fn draws(lots: &[(&str, i64)]) -> Vec<Draw> {
    let draws = lots.iter();
    draws.map(|(lot, amount)| taken(lot, *amount)).collect()
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
    LotEvent::Merged(LotMerged {
        inputs: draws(inputs),
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

pub(crate) fn moved(number: &str, to: &str) -> LotEvent {
    LotEvent::Moved(LotMoved {
        lot: lot(number),
        to: to.to_owned(),
        from: None,
        forced: None,
    })
}

/// Undoes an event.
pub(crate) fn correction(event_id: EventId, event: &LotEvent) -> LotEvent {
    let payload = Event::Lot(event.clone()).payload();
    let reason = "typed wrong".to_owned();
    let corrected = LotCorrected::new(event_id, (event.kind(), 1, &payload), reason, None);
    LotEvent::Corrected(corrected.unwrap())
}

/// A reason that overrules the rules.
pub(crate) fn forced(mut event: LotEvent) -> LotEvent {
    let reason = Some("seen on the floor".to_owned());
    match &mut event {
        LotEvent::Consumed(event) => event.forced = reason,
        LotEvent::Corrected(event) => event.forced = reason,
        LotEvent::Returned(event) => event.forced = reason,
        LotEvent::Moved(event) => event.forced = reason,
        LotEvent::Packed(event) => event.forced = reason,
        LotEvent::Unpacked(event) => event.forced = reason,
        other => panic!("{} is not forced in these tests", other.kind()),
    }
    event
}

pub(crate) fn received(number: &str, amount: i64) -> LotEvent {
    LotEvent::Received(LotReceived {
        lot: NewLot {
            lot: lot(number),
            material: board(),
            quantity: whole(amount),
            attributes: LotAttributes {
                supplier: Some("Acme Paper Co.".to_owned()),
                supplier_lot: Some("12345".to_owned()),
                ..LotAttributes::default()
            },
        },
    })
}

pub(crate) fn produced(
    number: &str,
    amount: i64,
    inputs: &[(&str, i64)],
    sources: &[&str],
) -> LotEvent {
    let output = NewLot {
        lot: lot(number),
        material: board(),
        quantity: whole(amount),
        attributes: LotAttributes::default(),
    };
    LotEvent::Produced(LotProduced {
        outputs: vec![output],
        inputs: draws(inputs),
        sources: sources.iter().map(|number| lot(number)).collect(),
        work: WorkContext::default(),
        forced: None,
    })
}

pub(crate) fn shipped(number: &str, amount: i64) -> LotEvent {
    LotEvent::Shipped(LotShipped {
        draw: taken(number, amount),
        order: "Order-1".to_owned(),
        customer: "ABC Corp".to_owned(),
        reference: None,
        sscc: None,
        forced: None,
    })
}

/// The container of that number.
pub(crate) fn sscc(container: u32) -> Sscc {
    Sscc::with_check_digit(&format!("34012345{container:09}")).unwrap()
}

pub(crate) fn packed(container: u32, lots: &[(&str, i64)]) -> LotEvent {
    LotEvent::Packed(LotPacked {
        sscc: sscc(container),
        contents: draws(lots),
        added: false,
        forced: None,
    })
}

/// Packed beside what is in the container.
pub(crate) fn added(container: u32, lots: &[(&str, i64)]) -> LotEvent {
    let LotEvent::Packed(mut event) = packed(container, lots) else {
        unreachable!()
    };
    event.added = true;
    LotEvent::Packed(event)
}

pub(crate) fn unpacked(container: u32, lots: &[(&str, i64)]) -> LotEvent {
    LotEvent::Unpacked(LotUnpacked {
        sscc: sscc(container),
        contents: draws(lots),
        forced: None,
    })
}

/// What is in a container of a lot, shipped with it.
pub(crate) fn shipped_in(container: u32, number: &str, amount: i64) -> LotEvent {
    let LotEvent::Shipped(mut event) = shipped(number, amount) else {
        unreachable!()
    };
    event.sscc = Some(sscc(container));
    LotEvent::Shipped(event)
}

/// With a hold when one is given.
pub(crate) fn returned(number: &str, amount: i64, hold: Option<u128>) -> LotEvent {
    LotEvent::Returned(LotReturned {
        lot: lot(number),
        quantity: whole(amount),
        order: "Order-1".to_owned(),
        customer: "ABC Corp".to_owned(),
        reason: "wrong colour".to_owned(),
        reference: None,
        hold: hold.map(hold_id),
        forced: None,
    })
}
