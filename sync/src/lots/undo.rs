//! What a correction does: the opposite of each effect of the event that it names.
//!
//! The opposite follows from that event alone. An effect that is not in the state of a lot here, because the lot was met in
//! another way than through the event, is not undone either ([`LotBook::leave_out`](super::LotBook::leave_out)).

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::apply::{Run, effects_of};
use super::book::LotBook;
use super::corrected::LotCorrected;
use super::kinds::{LotEvent, LotRef};
use super::outcome::{Bucket, Effect, Flag};
use crate::ids::{HoldId, LotId};
use crate::quantity::{Quantity, Unit};

impl Run<'_> {
    pub(super) fn correct(&mut self, event: &LotCorrected) {
        let undone = event.undone();
        let lots: BTreeMap<LotId, LotRef> = undone
            .lots()
            .into_iter()
            .map(|lot| (lot.lot_id, lot.clone()))
            .collect();
        for lot in undone.lots() {
            self.know(lot, None, Unit::Piece);
        }
        if let Some(by) = self.book.correction_of(event.corrects) {
            if let Some(lot) = undone.lots().first() {
                self.flag(Flag::AlreadyCorrected {
                    lot: (*lot).clone(),
                    event_id: event.corrects,
                    by,
                });
            }
            return;
        }
        self.push(Effect::Corrected {
            event_id: event.corrects,
        });
        let effects = effects_of(undone, &LotBook::default(), self.at).effects;
        let mut handed_down: BTreeMap<LotId, BTreeSet<HoldId>> = BTreeMap::new();
        for effect in &effects {
            if let Effect::HoldPlaced {
                hold_id, lot_id, ..
            } = effect
            {
                handed_down.entry(*lot_id).or_default().insert(*hold_id);
            }
        }
        let mut losers = BTreeSet::new();
        for effect in effects.into_iter().rev() {
            let lot_id = effect.lot();
            if lot_id.is_some_and(|lot_id| !self.book.is_in(event.corrects, lot_id)) {
                continue;
            }
            if let Effect::BalanceChanged { lot_id, delta, .. } = &effect
                && *delta > Decimal::ZERO
                && losers.insert(*lot_id)
                && let Some(lot) = lots.get(lot_id)
            {
                // What goes back into another lot must not slip out from under a hold on this one.
                self.check_holds(lot, handed_down.get(lot_id));
            }
            self.undo(event, effect, &lots);
        }
    }

    fn undo(&mut self, event: &LotCorrected, effect: Effect, lots: &BTreeMap<LotId, LotRef>) {
        match effect {
            Effect::BalanceChanged {
                lot_id,
                bucket,
                delta,
                unit,
                entered,
            } => {
                if let Some(lot) = lots.get(&lot_id).filter(|_| delta > Decimal::ZERO) {
                    self.check_balance(lot, Quantity::new(delta, unit));
                }
                if bucket == Bucket::Shipped
                    && let Some(lot) = lots.get(&lot_id)
                {
                    // What came back since was shipped after all.
                    self.check_shipped(lot, Quantity::new(-delta, unit));
                }
                self.change(lot_id, bucket, -delta, unit, entered);
            }
            Effect::ContainerChanged {
                sscc,
                lot_id,
                bucket,
                delta,
                unit,
            } => {
                if let Some(lot) = lots.get(&lot_id) {
                    self.undo_container((sscc, lot), bucket, Quantity::new(delta, unit));
                }
            }
            Effect::EdgeAdded {
                parent,
                child,
                kind,
                ..
            } => self.push(Effect::EdgeWithdrawn {
                parent,
                child,
                kind,
                event_id: event.corrects,
            }),
            Effect::Used { lot_id, .. } => self.push(Effect::UseUndone {
                lot_id,
                event_id: event.corrects,
            }),
            Effect::HoldPlaced {
                hold_id, lot_id, ..
            } => self.push(Effect::HoldReleased {
                hold_id,
                lot_id,
                reason: format!("the event that placed it was corrected: {}", event.reason),
                at: self.at,
            }),
            Effect::LotCreated { lot, .. } => {
                let is_made = |state: &super::LotState| state.origin.is_made();
                if self.book.lot(lot.lot_id).is_some_and(is_made)
                    && event.undone().new_lots().contains(&&lot)
                {
                    self.push(Effect::LotUnmade { lot_id: lot.lot_id });
                }
            }
            Effect::Relocated { lot_id, to } => {
                // Only if it lies there still: whoever moved it since knows better.
                let lies = self.book.lot(lot_id).map(|lot| &lot.attributes.location);
                if lies == Some(&to)
                    && let LotEvent::Moved(moved) = event.undone()
                    && let Some(from) = &moved.from
                {
                    let back = Some(from.clone()).filter(|place| !place.is_empty());
                    self.push(Effect::Relocated { lot_id, to: back });
                }
            }
            // No event that can be corrected releases holds, and none is a correction.
            Effect::HoldReleased { .. }
            | Effect::Corrected { .. }
            | Effect::EdgeWithdrawn { .. }
            | Effect::UseUndone { .. }
            | Effect::LotUnmade { .. } => {}
        }
    }
}
