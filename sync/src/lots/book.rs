//! What the rules know of the lots that events name. The caller loads it from its store, and brings it up to date between
//! the events of one batch.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::containers::{ContainerBucket, ContainerState};
use super::kinds::{LotAttributes, LotRef};
use super::outcome::LotOrigin;
use crate::ids::{EventId, HoldId, LotId};
use crate::quantity::{Material, Unit};
use crate::sscc::Sscc;

/// The state of one lot before an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LotState {
    /// Its id and number.
    pub lot: LotRef,
    /// Its material; none for a lot that the hub met before the event that made it.
    pub material: Option<Material>,
    /// What is on hand, in the base unit; negative where more was used than was known.
    pub balance: Decimal,
    /// What was shipped of it and did not come back.
    pub shipped: Decimal,
    /// What of the balance is packed, by container; what is not there is left out.
    pub packed: BTreeMap<Sscc, Decimal>,
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

    /// Notes that what is packed of it in a container has changed.
    pub fn pack(&mut self, sscc: Sscc, delta: Decimal) {
        let amount = self.packed.entry(sscc).or_default();
        *amount += delta;
        if amount.is_zero() {
            self.packed.remove(&sscc);
        }
    }

    /// What is packed of it, in all containers.
    pub fn packed_sum(&self) -> Decimal {
        self.packed.values().sum()
    }

    /// Held is: any hold that is not released.
    pub fn is_held(&self) -> bool {
        !self.holds.is_empty()
    }
}

/// The states of the lots that events name, and who has the numbers that they give.
#[derive(Debug, Clone, Default)]
pub struct LotBook {
    states: BTreeMap<LotId, LotState>,
    /// The lots of the plant by number; more than one where a number was given twice.
    numbers: BTreeMap<String, BTreeSet<LotId>>,
    /// Which event was corrected first by which.
    corrections: BTreeMap<EventId, EventId>,
    left_out: BTreeSet<(EventId, LotId)>,
    containers: BTreeMap<Sscc, ContainerState>,
}

impl LotBook {
    /// Puts in the state of one lot.
    pub fn insert(&mut self, state: LotState) {
        self.states.insert(state.lot.lot_id, state);
    }

    /// Says that a lot of the plant has this number.
    pub fn take_number(&mut self, number: impl Into<String>, lot_id: LotId) {
        self.numbers
            .entry(number.into())
            .or_default()
            .insert(lot_id);
    }

    /// Says that a lot does not have this number any more.
    pub fn free_number(&mut self, number: &str, lot_id: LotId) {
        if let Some(lots) = self.numbers.get_mut(number) {
            lots.remove(&lot_id);
        }
    }

    /// The state of a lot; none when it is unknown.
    pub fn lot(&self, lot_id: LotId) -> Option<&LotState> {
        self.states.get(&lot_id)
    }

    /// The state of a lot, to bring it up to date.
    pub fn lot_mut(&mut self, lot_id: LotId) -> Option<&mut LotState> {
        self.states.get_mut(&lot_id)
    }

    /// Whether another lot of the plant has the number of this one.
    pub fn is_number_taken(&self, lot: &LotRef) -> bool {
        self.numbers
            .get(&lot.number)
            .is_some_and(|lots| lots.iter().any(|lot_id| *lot_id != lot.lot_id))
    }

    /// Puts in what is known of a container that an event packs.
    pub fn insert_container(&mut self, sscc: Sscc, state: ContainerState) {
        self.containers.insert(sscc, state);
    }

    /// What is known of a container; none when nobody asked or nobody has used it.
    pub fn container(&self, sscc: Sscc) -> Option<&ContainerState> {
        self.containers.get(&sscc)
    }

    /// Brings a lot and a container up to date with what was packed, unpacked or shipped.
    pub fn change_container(
        &mut self,
        sscc: Sscc,
        lot_id: LotId,
        bucket: ContainerBucket,
        delta: Decimal,
    ) {
        if let Some(state) = self.states.get_mut(&lot_id) {
            state.pack(sscc, delta);
        }
        let container = self.containers.entry(sscc).or_default();
        container.change(lot_id, bucket, delta);
    }

    /// Says that an event was corrected; the first correction counts.
    pub fn correct(&mut self, event_id: EventId, by: EventId) {
        self.corrections.entry(event_id).or_insert(by);
    }

    /// The correction of an event, when there was one.
    pub fn correction_of(&self, event_id: EventId) -> Option<EventId> {
        self.corrections.get(&event_id).copied()
    }

    /// Says that what an event did to a lot is not in the lot's state here, because the event has not been seen here.
    pub fn leave_out(&mut self, event_id: EventId, lot_id: LotId) {
        self.left_out.insert((event_id, lot_id));
    }

    /// Whether what an event did to a lot is in the lot's state.
    pub(super) fn is_in(&self, event_id: EventId, lot_id: LotId) -> bool {
        !self.left_out.contains(&(event_id, lot_id))
    }
}
