//! What leaves for customers, and what comes back from them.

use rust_decimal::Decimal;

use super::apply::Run;
use super::containers::ContainerBucket;
use super::kinds::{LotRef, LotReturned, LotShipped};
use super::outcome::{Bucket, Effect, Flag, Use, UseKind};
use crate::quantity::Quantity;

impl Run<'_> {
    pub(super) fn ship(&mut self, event: &LotShipped) {
        let draw = &event.draw;
        self.know(&draw.lot, None, draw.quantity.base.unit);
        if let Some(sscc) = event.sscc {
            // Out of the container first: then it is free to leave.
            self.take_out(sscc, draw, ContainerBucket::Shipped);
        }
        self.draw(draw, Bucket::Shipped);
        self.push(Effect::Used {
            lot_id: draw.lot.lot_id,
            used: Use {
                kind: UseKind::Shipped,
                quantity: draw.quantity.base,
                job: None,
                order: Some(event.order.clone()),
                customer: Some(event.customer.clone()),
                device: None,
                operator: None,
                reason: None,
                reference: event.reference.clone(),
                sscc: event.sscc,
                at: self.at,
            },
        });
    }

    pub(super) fn return_lot(&mut self, event: &LotReturned) {
        let base = event.quantity.base;
        self.know(&event.lot, None, base.unit);
        self.check_unit(&event.lot, base);
        if base.amount <= Decimal::ZERO {
            self.flag(Flag::NotPositive {
                lot: event.lot.clone(),
                found: base,
            });
        }
        self.check_shipped(&event.lot, base);
        let (lot_id, entered) = (event.lot.lot_id, event.quantity.entered);
        self.change(lot_id, Bucket::Returned, base.amount, base.unit, entered);
        self.push(Effect::Used {
            lot_id,
            used: Use {
                kind: UseKind::Returned,
                quantity: base,
                job: None,
                order: Some(event.order.clone()),
                customer: Some(event.customer.clone()),
                device: None,
                operator: None,
                reason: Some(event.reason.clone()),
                reference: event.reference.clone(),
                sscc: None,
                at: self.at,
            },
        });
        if let Some(hold_id) = event.hold {
            self.push(Effect::HoldPlaced {
                hold_id,
                lot_id,
                reason: format!("came back from {}: {}", event.customer, event.reason),
                at: self.at,
            });
        }
    }

    /// No more comes back, or was never shipped, than is with customers.
    pub(super) fn check_shipped(&mut self, lot: &LotRef, asked: Quantity) {
        let shipped = self.book.lot(lot.lot_id).map(|state| state.shipped);
        let shipped = shipped.unwrap_or_default();
        if asked.amount > shipped {
            self.flag(Flag::BeyondShipped {
                lot: lot.clone(),
                shipped: Quantity::new(shipped, asked.unit),
                asked,
            });
        }
    }
}
