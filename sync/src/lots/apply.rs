//! What a lot event does. Never refuses: a fact is a fact, and what should not have been is
//! flagged.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::book::LotBook;
use super::kinds::{
    Draw, LotAttributes, LotConsumed, LotEvent, LotMerged, LotProduced, LotRef, LotSplit,
    LotWasted, NewLot, WorkContext,
};
use super::outcome::{Bucket, EdgeKind, Effect, Flag, LotOrigin, Outcome, Use, UseKind};
use crate::ids::{EventId, HoldId, LotId};
use crate::quantity::{Material, Measured, Quantity, Unit};
use crate::sscc::Sscc;

/// Says what `event`, which happened `at`, does to the lots in `book`. An event that was corrected before it came does
/// nothing.
///
/// ```
/// use agog_sync::ids::{EventId, LotId};
/// use agog_sync::lots::{LotBook, LotEvent, LotReceived, LotRef, NewLot, apply, Effect};
/// use agog_sync::quantity::{Material, Measured, Quantity, Unit};
/// let at = "2025-10-15T08:30:00Z".parse().unwrap();
/// let received = LotEvent::Received(LotReceived { lot: NewLot {
///     lot: LotRef { lot_id: LotId::from_uuid(uuid::Uuid::from_u128(1)), number: "LOT-2025-001".into() },
///     material: Material::simple("BOARD-300", Unit::Sheet),
///     quantity: Measured::in_base(Quantity::parse("50000", "sheet").unwrap()),
///     attributes: Default::default(),
/// } });
/// let event_id = EventId::from_uuid(uuid::Uuid::from_u128(2));
/// let outcome = apply(&received, event_id, &LotBook::default(), at);
/// assert!(matches!(outcome.effects[..], [Effect::LotCreated { .. }, Effect::BalanceChanged { .. }]));
/// assert!(outcome.flags.is_empty());
/// ```
pub fn apply(event: &LotEvent, event_id: EventId, book: &LotBook, at: Timestamp) -> Outcome {
    if book.correction_of(event_id).is_some() {
        return Outcome::default();
    }
    effects_of(event, book, at)
}

/// What an event does that was not corrected.
pub(super) fn effects_of(event: &LotEvent, book: &LotBook, at: Timestamp) -> Outcome {
    let mut run = Run {
        book,
        at,
        balances: BTreeMap::new(),
        packed: BTreeMap::new(),
        known: BTreeSet::new(),
        outcome: Outcome::default(),
    };
    match event {
        LotEvent::Received(event) => {
            run.create(&event.lot, LotOrigin::Received, &WorkContext::default());
            run.put(&event.lot, Bucket::Received);
        }
        LotEvent::Split(event) => run.split(event),
        LotEvent::Merged(event) => run.merge(event),
        LotEvent::Produced(event) => run.produce(event),
        LotEvent::Consumed(event) => run.consume(event),
        LotEvent::Wasted(event) => run.waste(event),
        LotEvent::Adjusted(event) => {
            run.know(&event.lot, None, event.delta.base.unit);
            run.check_unit(&event.lot, event.delta.base);
            let delta = event.delta.base;
            if delta.amount < Decimal::ZERO {
                run.check_balance(&event.lot, Quantity::new(-delta.amount, delta.unit));
            }
            run.change(
                event.lot.lot_id,
                Bucket::Adjusted,
                event.delta.base.amount,
                event.delta.base.unit,
                event.delta.entered,
            );
        }
        LotEvent::Moved(event) => {
            run.know(&event.lot, None, Unit::Piece);
            if let Some(state) = book.lot(event.lot.lot_id) {
                run.check_free(&event.lot, Quantity::new(state.balance, state.base_unit));
            }
            run.push(Effect::Relocated {
                lot_id: event.lot.lot_id,
                to: Some(event.to.clone()),
            });
        }
        LotEvent::Shipped(event) => run.ship(event),
        LotEvent::Corrected(event) => run.correct(event),
        LotEvent::Returned(event) => run.return_lot(event),
        LotEvent::Packed(event) => run.pack(event),
        LotEvent::Unpacked(event) => run.unpack(event),
        LotEvent::Held(event) => {
            run.know(&event.lot, None, Unit::Piece);
            run.push(Effect::HoldPlaced {
                hold_id: event.hold_id,
                lot_id: event.lot.lot_id,
                reason: event.reason.clone(),
                at,
            });
        }
        LotEvent::Released(event) => {
            run.know(&event.lot, None, Unit::Piece);
            let stands = book
                .lot(event.lot.lot_id)
                .is_some_and(|lot| lot.holds.contains(&event.hold_id));
            if !stands {
                run.flag(Flag::UnknownHold {
                    lot: event.lot.clone(),
                    hold_id: event.hold_id,
                });
            }
            run.push(Effect::HoldReleased {
                hold_id: event.hold_id,
                lot_id: event.lot.lot_id,
                reason: event.reason.clone(),
                at,
            });
        }
    }
    run.outcome
}

/// The work on one event: balances as they change, and what has been found so far.
pub(super) struct Run<'a> {
    pub(super) book: &'a LotBook,
    pub(super) at: Timestamp,
    balances: BTreeMap<LotId, Decimal>,
    /// What the event has put into containers so far.
    pub(super) packed: BTreeMap<(LotId, Sscc), Decimal>,
    known: BTreeSet<LotId>,
    outcome: Outcome,
}

impl Run<'_> {
    fn split(&mut self, event: &LotSplit) {
        let from = &event.from;
        self.know(from, Some(&event.material), event.material.base_unit);
        let total = event
            .parts
            .iter()
            .map(|part| part.quantity.base.amount)
            .sum();
        self.check_use(from, Quantity::new(total, event.material.base_unit));
        let parent = self.book.lot(from.lot_id);
        let attributes = parent.map(|lot| lot.attributes.clone()).unwrap_or_default();
        for part in &event.parts {
            let (origin, kind) = if part.waste {
                (LotOrigin::SplitWaste, EdgeKind::SplitWaste)
            } else {
                (LotOrigin::Split, EdgeKind::Split)
            };
            let child = NewLot {
                lot: part.lot.clone(),
                material: event.material.clone(),
                quantity: part.quantity,
                attributes: attributes.clone(),
            };
            let base = part.quantity.base;
            self.check_unit(from, base);
            self.change(
                from.lot_id,
                Bucket::SplitOut,
                -base.amount,
                base.unit,
                part.quantity.entered,
            );
            self.create(&child, origin, &WorkContext::default());
            self.put(&child, Bucket::SplitIn);
            self.push(Effect::EdgeAdded {
                parent: from.lot_id,
                child: part.lot.lot_id,
                kind,
                quantity: Some(base),
                at: self.at,
            });
            self.inherit_holds(&event.holds, part.lot.lot_id);
        }
    }

    fn merge(&mut self, event: &LotMerged) {
        let mut attributes: Option<LotAttributes> = None;
        let mut total = Decimal::ZERO;
        for draw in &event.inputs {
            self.know(&draw.lot, Some(&event.material), event.material.base_unit);
            if let Some(state) = self.book.lot(draw.lot.lot_id) {
                if let Some(material) = &state.material
                    && material.code != event.material.code
                {
                    self.flag(Flag::MaterialsDiffer {
                        lot: draw.lot.clone(),
                        expected: event.material.code.clone(),
                        found: material.code.clone(),
                    });
                }
                attributes = Some(match attributes {
                    None => state.attributes.clone(),
                    Some(so_far) => agreed(so_far, &state.attributes),
                });
            }
            self.draw(draw, Bucket::MergedOut);
            total += draw.quantity.base.amount;
        }
        let base = Quantity::new(total, event.material.base_unit);
        let child = NewLot {
            lot: event.into.clone(),
            material: event.material.clone(),
            quantity: Measured::in_base(base),
            attributes: attributes.unwrap_or_default(),
        };
        self.create(&child, LotOrigin::Merged, &WorkContext::default());
        self.put(&child, Bucket::MergedIn);
        for draw in &event.inputs {
            self.push(Effect::EdgeAdded {
                parent: draw.lot.lot_id,
                child: event.into.lot_id,
                kind: EdgeKind::Merged,
                quantity: Some(draw.quantity.base),
                at: self.at,
            });
        }
        self.inherit_holds(&event.holds, event.into.lot_id);
    }

    fn produce(&mut self, event: &LotProduced) {
        for draw in &event.inputs {
            self.know(&draw.lot, None, draw.quantity.base.unit);
            self.draw(draw, Bucket::Consumed);
            self.note_use(draw, UseKind::Consumed, &event.work, None);
        }
        for source in &event.sources {
            self.know(source, None, Unit::Piece);
        }
        for output in &event.outputs {
            self.create(output, LotOrigin::Produced, &event.work);
            self.put(output, Bucket::Produced);
            for draw in &event.inputs {
                // With several outputs the share of each is not said by the event.
                let quantity = (event.outputs.len() == 1).then_some(draw.quantity.base);
                self.push(Effect::EdgeAdded {
                    parent: draw.lot.lot_id,
                    child: output.lot.lot_id,
                    kind: EdgeKind::Produced,
                    quantity,
                    at: self.at,
                });
            }
            for source in &event.sources {
                self.push(Effect::EdgeAdded {
                    parent: source.lot_id,
                    child: output.lot.lot_id,
                    kind: EdgeKind::Produced,
                    quantity: None,
                    at: self.at,
                });
            }
        }
    }

    fn consume(&mut self, event: &LotConsumed) {
        let draw = &event.draw;
        self.know(&draw.lot, None, draw.quantity.base.unit);
        self.draw(draw, Bucket::Consumed);
        self.note_use(draw, UseKind::Consumed, &event.work, None);
        for output in &event.into {
            self.know(output, None, Unit::Piece);
            self.push(Effect::EdgeAdded {
                parent: draw.lot.lot_id,
                child: output.lot_id,
                kind: EdgeKind::Produced,
                quantity: (event.into.len() == 1).then_some(draw.quantity.base),
                at: self.at,
            });
        }
    }

    fn waste(&mut self, event: &LotWasted) {
        let draw = &event.draw;
        self.know(&draw.lot, None, draw.quantity.base.unit);
        // Waste of a held lot is how a hold often ends; it is not a use of the lot.
        self.check_balance(&draw.lot, draw.quantity.base);
        self.take(draw, Bucket::Wasted);
        self.note_use(draw, UseKind::Wasted, &event.work, Some(&event.reason));
    }

    /// Makes a stub of a lot that is not known, so that the fact about it can be kept.
    pub(super) fn know(&mut self, lot: &LotRef, material: Option<&Material>, unit: Unit) {
        if self.book.lot(lot.lot_id).is_some() || !self.known.insert(lot.lot_id) {
            return;
        }
        self.flag(Flag::UnknownLot { lot: lot.clone() });
        self.push(Effect::LotCreated {
            lot: lot.clone(),
            material: material.cloned(),
            base_unit: unit,
            attributes: LotAttributes::default(),
            origin: LotOrigin::Unknown,
            work: WorkContext::default(),
            created_at: self.at,
        });
    }

    fn create(&mut self, new: &NewLot, origin: LotOrigin, work: &WorkContext) {
        let taken = self.book.is_number_taken(&new.lot);
        let id_taken = match self.book.lot(new.lot.lot_id) {
            Some(state) => state.origin.is_made(),
            None => !self.known.insert(new.lot.lot_id),
        };
        if taken || id_taken {
            self.flag(Flag::DuplicateNumber {
                lot: new.lot.clone(),
            });
        }
        if new.quantity.base.amount <= Decimal::ZERO {
            self.flag(Flag::NotPositive {
                lot: new.lot.clone(),
                found: new.quantity.base,
            });
        }
        if new.quantity.base.unit != new.material.base_unit {
            self.flag(Flag::UnitMismatch {
                lot: new.lot.clone(),
                expected: new.material.base_unit,
                found: new.quantity.base.unit,
            });
        }
        self.push(Effect::LotCreated {
            lot: new.lot.clone(),
            material: Some(new.material.clone()),
            base_unit: new.material.base_unit,
            attributes: new.attributes.clone(),
            origin,
            work: work.clone(),
            created_at: self.at,
        });
    }

    fn put(&mut self, new: &NewLot, bucket: Bucket) {
        let base = new.quantity.base;
        self.change(
            new.lot.lot_id,
            bucket,
            base.amount,
            base.unit,
            new.quantity.entered,
        );
    }

    /// A draw that uses the lot: the balance and the holds are checked.
    pub(super) fn draw(&mut self, draw: &Draw, bucket: Bucket) {
        self.check_use(&draw.lot, draw.quantity.base);
        self.take(draw, bucket);
    }

    /// A quantity is more than nothing, in the unit of its lot.
    pub(super) fn check_draw(&mut self, draw: &Draw) {
        let base = draw.quantity.base;
        self.check_unit(&draw.lot, base);
        if base.amount <= Decimal::ZERO {
            self.flag(Flag::NotPositive {
                lot: draw.lot.clone(),
                found: base,
            });
        }
    }

    fn take(&mut self, draw: &Draw, bucket: Bucket) {
        let base = draw.quantity.base;
        self.check_draw(draw);
        self.change(
            draw.lot.lot_id,
            bucket,
            -base.amount,
            base.unit,
            draw.quantity.entered,
        );
    }

    pub(super) fn check_use(&mut self, lot: &LotRef, asked: Quantity) {
        self.check_balance(lot, asked);
        self.check_holds(lot, None);
    }

    /// The holds on a lot, but for those that do not count.
    pub(super) fn check_holds(&mut self, lot: &LotRef, but: Option<&BTreeSet<HoldId>>) {
        let standing = self.book.lot(lot.lot_id).map(|state| &state.holds);
        let counts = |hold_id: &&HoldId| !but.is_some_and(|but| but.contains(hold_id));
        let holds: Vec<HoldId> = standing
            .into_iter()
            .flatten()
            .filter(counts)
            .copied()
            .collect();
        if !holds.is_empty() {
            self.flag(Flag::HeldLotUsed {
                lot: lot.clone(),
                holds,
            });
        }
    }

    pub(super) fn check_balance(&mut self, lot: &LotRef, asked: Quantity) {
        if asked.amount > self.balance(lot.lot_id) {
            self.flag_negative(lot, asked);
        } else {
            self.check_free(lot, asked);
        }
    }

    fn flag_negative(&mut self, lot: &LotRef, asked: Quantity) {
        let balance = Quantity::new(self.balance(lot.lot_id), asked.unit);
        self.flag(Flag::NegativeStock {
            lot: lot.clone(),
            balance,
            asked,
        });
    }

    pub(super) fn check_unit(&mut self, lot: &LotRef, found: Quantity) {
        if let Some(state) = self
            .book
            .lot(lot.lot_id)
            .filter(|state| state.base_unit != found.unit)
        {
            let expected = state.base_unit;
            self.flag(Flag::UnitMismatch {
                lot: lot.clone(),
                expected,
                found: found.unit,
            });
        }
    }

    fn note_use(
        &mut self,
        draw: &Draw,
        kind: UseKind,
        work: &WorkContext,
        reason: Option<&String>,
    ) {
        let job = work.job.as_ref();
        self.push(Effect::Used {
            lot_id: draw.lot.lot_id,
            used: Use {
                kind,
                quantity: draw.quantity.base,
                job: job.map(|job| job.number.clone()),
                order: job.and_then(|job| job.order.clone()),
                customer: job.and_then(|job| job.customer.clone()),
                device: work.device.clone(),
                operator: work.operator.clone(),
                reason: reason.cloned(),
                reference: None,
                sscc: None,
                at: self.at,
            },
        });
    }

    fn inherit_holds(&mut self, holds: &[HoldId], child: LotId) {
        for hold_id in holds {
            self.push(Effect::HoldPlaced {
                hold_id: *hold_id,
                lot_id: child,
                reason: "made from a held lot".to_owned(),
                at: self.at,
            });
        }
    }

    pub(super) fn balance(&self, lot_id: LotId) -> Decimal {
        self.balances
            .get(&lot_id)
            .copied()
            .or_else(|| self.book.lot(lot_id).map(|lot| lot.balance))
            .unwrap_or_default()
    }

    pub(super) fn change(
        &mut self,
        lot_id: LotId,
        bucket: Bucket,
        delta: Decimal,
        unit: Unit,
        entered: Quantity,
    ) {
        self.balances.insert(lot_id, self.balance(lot_id) + delta);
        self.push(Effect::BalanceChanged {
            lot_id,
            bucket,
            delta,
            unit,
            entered,
        });
    }

    pub(super) fn push(&mut self, effect: Effect) {
        self.outcome.effects.push(effect);
    }

    pub(super) fn flag(&mut self, flag: Flag) {
        self.outcome.flags.push(flag);
    }
}

/// What two lots agree on: equal attributes, and the earlier expiry.
fn agreed(left: LotAttributes, right: &LotAttributes) -> LotAttributes {
    fn same(left: Option<String>, right: Option<&String>) -> Option<String> {
        left.filter(|left| Some(left) == right)
    }
    let expiry = match (left.expiry, right.expiry) {
        (Some(left), Some(right)) => Some(left.min(right)),
        (left, right) => left.or(right),
    };
    LotAttributes {
        supplier: same(left.supplier, right.supplier.as_ref()),
        supplier_lot: same(left.supplier_lot, right.supplier_lot.as_ref()),
        expiry,
        location: same(left.location, right.location.as_ref()),
        quality: left
            .quality
            .into_iter()
            .filter(|(name, value)| right.quality.get(name) == Some(value))
            .collect(),
    }
}
