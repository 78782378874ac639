//! Containers: what of which lots is packed under an SSCC, and what that forbids.
//!
//! What is packed stays on hand: packing moves no balance. It is noted per lot and container, as the sum of what events put
//! in and took out, so that replicas agree whatever order they hear them in. A container has no row of its own; its state
//! follows from its contents. It contains lots, never other containers.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::apply::Run;
use super::kinds::{Draw, LotRef};
use super::outcome::{Effect, Flag};
use crate::ids::LotId;
use crate::quantity::Quantity;
use crate::sscc::Sscc;

/// Parts of lots were put into one container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotPacked {
    /// The container.
    pub sscc: Sscc,
    /// What was put into it.
    pub contents: Vec<Draw>,
    /// It is added to what is in the container already.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub added: bool,
    /// Why the rules were overruled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forced: Option<String>,
}

/// Parts of lots were taken out of one container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotUnpacked {
    /// The container.
    pub sscc: Sscc,
    /// What was taken out of it.
    pub contents: Vec<Draw>,
    /// Why the rules were overruled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forced: Option<String>,
}

/// Why the contents of a container changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContainerBucket {
    Packed,
    Unpacked,
    /// It left for a customer with what was in it.
    Shipped,
}

impl ContainerBucket {
    /// The text form, for storage and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Packed => "packed",
            Self::Unpacked => "unpacked",
            Self::Shipped => "shipped",
        }
    }
}

/// How a container stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContainerStatus {
    /// Something is in it.
    Packed,
    /// What was in it left for a customer.
    Shipped,
    /// Everything was taken out again.
    Emptied,
}

impl ContainerStatus {
    /// The text form, for the API and people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Packed => "packed",
            Self::Shipped => "shipped",
            Self::Emptied => "emptied",
        }
    }
}

/// What is known of a container: per lot, what is in it and what has left in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerState {
    contents: BTreeMap<LotId, Decimal>,
    shipped: BTreeMap<LotId, Decimal>,
}

impl ContainerState {
    /// Notes a change of what is in it.
    pub fn change(&mut self, lot_id: LotId, bucket: ContainerBucket, delta: Decimal) {
        self.add_contents(lot_id, delta);
        if bucket == ContainerBucket::Shipped {
            self.add_shipped(lot_id, -delta);
        }
    }

    /// Notes what is in it of a lot.
    pub fn add_contents(&mut self, lot_id: LotId, amount: Decimal) {
        *self.contents.entry(lot_id).or_default() += amount;
    }

    /// Notes what has left in it of a lot.
    pub fn add_shipped(&mut self, lot_id: LotId, amount: Decimal) {
        *self.shipped.entry(lot_id).or_default() += amount;
    }

    /// How it stands; none when nobody has ever put anything into it.
    pub fn status(&self) -> Option<ContainerStatus> {
        let any = |of: &BTreeMap<LotId, Decimal>| of.values().any(|amount| *amount > Decimal::ZERO);
        if any(&self.contents) {
            Some(ContainerStatus::Packed)
        } else if any(&self.shipped) {
            Some(ContainerStatus::Shipped)
        } else {
            (!self.contents.is_empty()).then_some(ContainerStatus::Emptied)
        }
    }

    fn was_shipped(&self) -> bool {
        self.shipped.values().any(|amount| *amount > Decimal::ZERO)
    }
}

impl Run<'_> {
    pub(super) fn pack(&mut self, event: &LotPacked) {
        if let Some(first) = event.contents.first() {
            self.check_container(event, &first.lot);
        }
        for draw in &event.contents {
            self.know(&draw.lot, None, draw.quantity.base.unit);
            self.check_draw(draw);
            self.check_use(&draw.lot, draw.quantity.base);
            let (lot_id, base) = (draw.lot.lot_id, draw.quantity.base);
            self.change_container(event.sscc, lot_id, ContainerBucket::Packed, base);
        }
    }

    pub(super) fn unpack(&mut self, event: &LotUnpacked) {
        for draw in &event.contents {
            self.know(&draw.lot, None, draw.quantity.base.unit);
            self.check_draw(draw);
            self.take_out(event.sscc, draw, ContainerBucket::Unpacked);
        }
    }

    /// Takes out of a container what is in it of a lot.
    pub(super) fn take_out(&mut self, sscc: Sscc, draw: &Draw, bucket: ContainerBucket) {
        let base = draw.quantity.base;
        self.check_contents(sscc, &draw.lot, base);
        let out = Quantity::new(-base.amount, base.unit);
        self.change_container(sscc, draw.lot.lot_id, bucket, out);
    }

    /// The opposite of a change of what is in a container.
    pub(super) fn undo_container(
        &mut self,
        (sscc, lot): (Sscc, &LotRef),
        bucket: ContainerBucket,
        delta: Quantity,
    ) {
        let back = Quantity::new(-delta.amount, delta.unit);
        if delta.amount > Decimal::ZERO {
            self.check_contents(sscc, lot, delta);
        } else {
            // It goes back into the container, so it must still be there and free.
            self.check_balance(lot, back);
        }
        self.change_container(sscc, lot.lot_id, bucket, back);
    }

    /// What is packed is not free for anything else. More than is on hand is told in another way.
    pub(super) fn check_free(&mut self, lot: &LotRef, asked: Quantity) {
        let containers = self.containers_of(lot.lot_id);
        if containers.is_empty() {
            return;
        }
        let packed: Decimal = containers.values().sum();
        let free = self.balance(lot.lot_id) - packed;
        if asked.amount > free && asked.amount > Decimal::ZERO {
            self.flag(Flag::PackedUsed {
                lot: lot.clone(),
                free: Quantity::new(free, asked.unit),
                asked,
                containers: containers.into_keys().collect(),
            });
        }
    }

    /// A container is not used for other contents while something is in it, or once it has left (GS1 wants a year between).
    fn check_container(&mut self, event: &LotPacked, lot: &LotRef) {
        let Some(container) = self.book.container(event.sscc) else {
            return;
        };
        let is_packed = container.status() == Some(ContainerStatus::Packed);
        let status = if container.was_shipped() {
            ContainerStatus::Shipped
        } else if is_packed && !event.added {
            ContainerStatus::Packed
        } else {
            return;
        };
        self.flag(Flag::ContainerInUse {
            lot: lot.clone(),
            sscc: event.sscc,
            status,
        });
    }

    fn check_contents(&mut self, sscc: Sscc, lot: &LotRef, asked: Quantity) {
        let found = self.containers_of(lot.lot_id).remove(&sscc);
        let found = Quantity::new(found.unwrap_or_default(), asked.unit);
        if asked.amount > found.amount {
            self.flag(Flag::NotInContainer {
                lot: lot.clone(),
                sscc,
                found,
                asked,
            });
        }
    }

    fn change_container(
        &mut self,
        sscc: Sscc,
        lot_id: LotId,
        bucket: ContainerBucket,
        delta: Quantity,
    ) {
        *self.packed.entry((lot_id, sscc)).or_default() += delta.amount;
        self.push(Effect::ContainerChanged {
            sscc,
            lot_id,
            bucket,
            delta: delta.amount,
            unit: delta.unit,
        });
    }

    /// The containers that something of a lot is in, as this event leaves them.
    fn containers_of(&self, lot_id: LotId) -> BTreeMap<Sscc, Decimal> {
        let known = self.book.lot(lot_id).map(|state| state.packed.clone());
        let mut containers = known.unwrap_or_default();
        for ((of, sscc), delta) in &self.packed {
            if *of == lot_id {
                *containers.entry(*sscc).or_default() += *delta;
            }
        }
        containers.retain(|_, amount| *amount > Decimal::ZERO);
        containers
    }
}
