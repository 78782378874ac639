//! What the rules know of the lots that one event names. The caller loads it from its store.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::kinds::{LotAttributes, LotRef};
use super::outcome::LotOrigin;
use crate::ids::{HoldId, LotId};
use crate::quantity::{Material, Unit};

/// The state of one lot before an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LotState {
    /// Its id and number.
    pub lot: LotRef,
    /// Its material; none for a lot that the hub met before the event that made it.
    pub material: Option<Material>,
    /// What is on hand, in the base unit; negative where more was used than was known.
    pub balance: Decimal,
    /// The unit of the balance.
    pub base_unit: Unit,
    /// The holds that stand.
    pub holds: BTreeSet<HoldId>,
    /// What else is known.
    pub attributes: LotAttributes,
    /// How it came to be; [`LotOrigin::Unknown`] until the event that makes it is seen.
    pub origin: LotOrigin,
    /// When the event that made it happened.
    pub created_at: Timestamp,
}

impl LotState {
    /// The one place that says when a lot is used up.
    pub fn is_fully_drawn(&self) -> bool {
        self.balance <= Decimal::ZERO
    }

    /// Held is: any hold that is not released.
    pub fn is_held(&self) -> bool {
        !self.holds.is_empty()
    }
}

/// The states of the lots that one event names, and which of the numbers it gives are taken.
#[derive(Debug, Clone, Default)]
pub struct LotBook {
    states: BTreeMap<LotId, LotState>,
    taken_numbers: BTreeSet<String>,
}

impl LotBook {
    /// Puts in the state of one lot.
    pub fn insert(&mut self, state: LotState) {
        self.states.insert(state.lot.lot_id, state);
    }

    /// Says that the plant already has a lot of this number.
    pub fn take_number(&mut self, number: impl Into<String>) {
        self.taken_numbers.insert(number.into());
    }

    /// The state of a lot; none when it is unknown.
    pub fn lot(&self, lot_id: LotId) -> Option<&LotState> {
        self.states.get(&lot_id)
    }

    /// Whether the plant already has a lot of this number.
    pub fn is_number_taken(&self, number: &str) -> bool {
        self.taken_numbers.contains(number)
    }
}
