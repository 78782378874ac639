//! The lots of one replica: what a store keeps of the effects of events, and the books that must close.

use std::collections::{BTreeMap, BTreeSet};

use agog_sync::event::Envelope;
use agog_sync::frame::LotSnapshot;
use agog_sync::ids::{EventId, HoldId, LotId};
use agog_sync::lots::{
    Bucket, ContainerState, Effect, LotBook, LotEvent, LotOrigin, LotState, Outcome, apply,
};
use agog_sync::sscc::Sscc;
use rust_decimal::Decimal;

/// A hold on a lot, as far as it has been seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct HoldSeen {
    is_placed: bool,
    released_by: Option<EventId>,
}

/// The lots that a replica knows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shelf {
    pub(crate) lots: BTreeMap<LotId, LotState>,
    holds: BTreeMap<(LotId, HoldId), HoldSeen>,
    /// How much went through each bucket.
    books: BTreeMap<Bucket, Decimal>,
    /// What was there already when this replica met lots, less what it had booked itself and is in that.
    adopted: Decimal,
    /// What each event did to the balance of each lot.
    done: BTreeMap<LotId, Vec<(EventId, Decimal)>>,
    /// What each event did to what is packed of each lot.
    packed: BTreeMap<LotId, Vec<(EventId, Sscc, Decimal)>>,
    /// What was packed already when this replica met lots, less what it had booked itself and is in that.
    adopted_packed: BTreeMap<(LotId, Sscc), Decimal>,
    containers: BTreeMap<Sscc, ContainerState>,
    /// Events that were applied here.
    seen: BTreeSet<EventId>,
    /// Events that were corrected, and by which.
    pub(crate) corrected: BTreeMap<EventId, EventId>,
    /// The corrections of each event, those that came too late to undo it among them.
    corrections: BTreeMap<EventId, BTreeSet<EventId>>,
    /// Lots that the hub has told of, and the number of the item that brought each.
    came: BTreeMap<LotId, u64>,
    /// Events that could not be read yet, and the numbers of their items.
    pub(crate) passed_over: BTreeMap<EventId, u64>,
}

impl Shelf {
    /// What the rules need to know for an event.
    pub(crate) fn book(&self, event: &LotEvent, event_id: EventId) -> LotBook {
        let mut book = LotBook::default();
        if let Some(by) = self.corrected.get(&event_id) {
            book.correct(event_id, *by);
        }
        if let LotEvent::Corrected(correction) = event {
            if let Some(by) = self.corrected.get(&correction.corrects) {
                book.correct(correction.corrects, *by);
            }
            // What happened before this replica met a lot is in the balance with which the lot came, and in no other. What
            // was passed over is in those alone that came later.
            if !self.seen.contains(&correction.corrects) {
                let passed_over = self.passed_over.get(&correction.corrects);
                for lot in correction.undone().lots() {
                    let came = self.came.get(&lot.lot_id);
                    if came.is_none_or(|came| passed_over.is_some_and(|n| came <= n)) {
                        book.leave_out(correction.corrects, lot.lot_id);
                    }
                }
            }
        }
        if let LotEvent::Packed(event) = event
            && let Some(state) = self.containers.get(&event.sscc)
        {
            book.insert_container(event.sscc, state.clone());
        }
        for named in event.lots() {
            if let Some(state) = self.lots.get(&named.lot_id) {
                book.insert(state.clone());
            }
        }
        book
    }

    /// Applies an event without asking. One that comes late, by the item `n` of the feed, is in the lots already that a
    /// later item brought. Tells the events that had released what it places.
    pub(crate) fn apply(
        &mut self,
        envelope: &Envelope,
        event: &LotEvent,
        n: u64,
    ) -> BTreeSet<EventId> {
        let event_id = envelope.event_id;
        let book = self.book(event, event_id);
        let mut outcome = apply(event, event_id, &book, envelope.occurred_at);
        outcome.effects.retain(|effect| match effect {
            Effect::BalanceChanged { lot_id, .. }
            | Effect::HoldPlaced { lot_id, .. }
            | Effect::HoldReleased { lot_id, .. }
            | Effect::ContainerChanged { lot_id, .. }
            | Effect::Relocated { lot_id, .. } => {
                self.came.get(lot_id).is_none_or(|came| *came <= n)
            }
            _ => true,
        });
        let placed = outcome.effects.iter().filter_map(|effect| match effect {
            Effect::HoldPlaced {
                hold_id, lot_id, ..
            } => self.holds.get(&(*lot_id, *hold_id))?.released_by,
            _ => None,
        });
        let released_before = placed.collect();
        self.seen.insert(event_id);
        if let LotEvent::Corrected(correction) = event {
            let corrections = self.corrections.entry(correction.corrects).or_default();
            corrections.insert(event_id);
        }
        self.store(event_id, outcome);
        released_before
    }

    /// The facts that do what this one did: itself, and of a correction the others of the same event. Which of them came
    /// first differs from replica to replica.
    fn same_effect(&self, event_id: EventId) -> BTreeSet<EventId> {
        let mut corrections = self.corrections.values();
        let others = corrections.find(|corrections| corrections.contains(&event_id));
        others.map_or_else(|| BTreeSet::from([event_id]), BTreeSet::clone)
    }

    /// Takes a lot as the hub knew it, and what was done here since on top of that: once, when either side knew no more
    /// than its name, or when the hub tells it with our own event. From then on both hear of the same events. `is_in` says of
    /// our own facts whether they are in the lot.
    pub(crate) fn adopt(
        &mut self,
        snapshot: &LotSnapshot,
        n: u64,
        is_own: bool,
        is_in: impl Fn(EventId) -> Option<bool>,
    ) {
        let lot_id = snapshot.lot.lot_id;
        let known = self.lots.get(&lot_id);
        let is_made = known.is_some_and(|known| known.origin != LotOrigin::Unknown);
        let is_whole = is_made && snapshot.origin != LotOrigin::Unknown && !is_own;
        if is_whole || self.came.contains_key(&lot_id) {
            return;
        }
        let before = known.map(|known| known.balance).unwrap_or_default();
        let is_since = |event_id| {
            let mut same = self.same_effect(event_id).into_iter();
            is_in(event_id).is_some() && !same.any(|other| is_in(other) == Some(true))
        };
        let done_here = self.done.get(&lot_id);
        let since: Decimal = done_here
            .into_iter()
            .flatten()
            .filter(|(event_id, _)| is_since(*event_id))
            .map(|(_, delta)| *delta)
            .sum();
        let balance = snapshot.balance + since;
        let mut packed = snapshot.packed.clone();
        for (event_id, sscc, delta) in self.packed.get(&lot_id).into_iter().flatten() {
            if is_since(*event_id) {
                *packed.entry(*sscc).or_default() += delta;
            }
        }
        packed.retain(|_, amount| !amount.is_zero());
        let before_packed = known.map(|known| known.packed.clone()).unwrap_or_default();
        for (sscc, amount) in &packed {
            *self.adopted_packed.entry((lot_id, *sscc)).or_default() += amount;
        }
        for (sscc, amount) in before_packed {
            *self.adopted_packed.entry((lot_id, sscc)).or_default() -= amount;
        }
        self.adopted += balance - before;
        self.came.insert(lot_id, n);
        for hold_id in &snapshot.holds {
            self.holds.entry((lot_id, *hold_id)).or_default().is_placed = true;
        }
        let state = match known {
            Some(known) if known.origin != LotOrigin::Unknown => LotState {
                balance,
                packed,
                ..known.clone()
            },
            _ => LotState {
                lot: snapshot.lot.clone(),
                material: snapshot.material.clone(),
                balance,
                shipped: snapshot.shipped,
                packed,
                base_unit: snapshot.base_unit,
                holds: BTreeSet::new(),
                attributes: snapshot.attributes.clone(),
                origin: snapshot.origin,
                created_at: snapshot.created_at,
            },
        };
        self.lots.insert(lot_id, state);
        self.settle_holds(lot_id);
    }

    fn store(&mut self, event_id: EventId, outcome: Outcome) {
        for effect in outcome.effects {
            match effect {
                Effect::LotCreated {
                    lot,
                    material,
                    base_unit,
                    attributes,
                    origin,
                    created_at,
                    ..
                } => {
                    let known = self.lots.get(&lot.lot_id);
                    if known.is_some_and(|known| {
                        !matches!(known.origin, LotOrigin::Unknown | LotOrigin::Undone)
                    }) {
                        continue;
                    }
                    let balance = known.map(|known| known.balance).unwrap_or_default();
                    let lot_id = lot.lot_id;
                    let state = LotState {
                        lot,
                        material,
                        balance,
                        shipped: known.map(|known| known.shipped).unwrap_or_default(),
                        packed: known.map(|known| known.packed.clone()).unwrap_or_default(),
                        base_unit,
                        holds: BTreeSet::new(),
                        attributes,
                        origin,
                        created_at,
                    };
                    self.lots.insert(lot_id, state);
                    self.settle_holds(lot_id);
                }
                Effect::BalanceChanged {
                    lot_id,
                    bucket,
                    delta,
                    ..
                } => {
                    let Some(state) = self.lots.get_mut(&lot_id) else {
                        continue;
                    };
                    state.balance += delta;
                    if matches!(bucket, Bucket::Shipped | Bucket::Returned) {
                        state.shipped -= delta;
                    }
                    {
                        self.done.entry(lot_id).or_default().push((event_id, delta));
                    }
                    *self.books.entry(bucket).or_default() += delta;
                }
                Effect::ContainerChanged {
                    sscc,
                    lot_id,
                    bucket,
                    delta,
                    ..
                } => {
                    let Some(state) = self.lots.get_mut(&lot_id) else {
                        continue;
                    };
                    state.pack(sscc, delta);
                    let done = self.packed.entry(lot_id).or_default();
                    done.push((event_id, sscc, delta));
                    let container = self.containers.entry(sscc).or_default();
                    container.change(lot_id, bucket, delta);
                }
                Effect::HoldPlaced {
                    hold_id, lot_id, ..
                } => {
                    self.holds.entry((lot_id, hold_id)).or_default().is_placed = true;
                    self.settle_holds(lot_id);
                }
                Effect::HoldReleased {
                    hold_id, lot_id, ..
                } => {
                    let hold = self.holds.entry((lot_id, hold_id)).or_default();
                    hold.released_by.get_or_insert(event_id);
                    self.settle_holds(lot_id);
                }
                Effect::Relocated { lot_id, to } => {
                    if let Some(state) = self.lots.get_mut(&lot_id) {
                        state.attributes.location = to;
                    }
                }
                Effect::Corrected { event_id: undone } => {
                    self.corrected.insert(undone, event_id);
                }
                Effect::LotUnmade { lot_id } => {
                    if let Some(state) = self.lots.get_mut(&lot_id) {
                        state.origin = LotOrigin::Undone;
                    }
                }
                Effect::EdgeAdded { .. }
                | Effect::EdgeWithdrawn { .. }
                | Effect::Used { .. }
                | Effect::UseUndone { .. } => {}
            }
        }
    }

    /// A hold stands when it was placed and nothing was seen that releases it.
    fn settle_holds(&mut self, lot_id: LotId) {
        let Some(state) = self.lots.get_mut(&lot_id) else {
            return;
        };
        let of_lot = self
            .holds
            .range((lot_id, HoldId::from_uuid(uuid::Uuid::nil()))..);
        state.holds = of_lot
            .take_while(|((of, _), _)| *of == lot_id)
            .filter(|(_, seen)| seen.is_placed && seen.released_by.is_none())
            .map(|((_, hold_id), _)| *hold_id)
            .collect();
    }

    /// I8: what came in is on hand or went out through a bucket, and what was packed is packed, or was taken out.
    pub(crate) fn books_close(&self) -> Result<(), String> {
        self.containers_close()?;
        let on_hand: Decimal = self.lots.values().map(|state| state.balance).sum();
        let through: Decimal = self.books.values().sum();
        let adopted = self.adopted;
        if on_hand == through + adopted {
            Ok(())
        } else {
            Err(format!(
                "I8: {on_hand} on hand, but the books say {through} and {adopted} came with lots of others"
            ))
        }
    }

    /// What is packed of each lot in each container is what events put in and took out, and what came with the lot.
    fn containers_close(&self) -> Result<(), String> {
        for (lot_id, state) in &self.lots {
            let mut sum: BTreeMap<Sscc, Decimal> = BTreeMap::new();
            for (_, sscc, delta) in self.packed.get(lot_id).into_iter().flatten() {
                *sum.entry(*sscc).or_default() += delta;
            }
            let none = Sscc::with_check_digit("00000000000000000").expect("17 digits");
            let adopted = self.adopted_packed.range((*lot_id, none)..);
            for ((_, sscc), amount) in adopted.take_while(|((of, _), _)| of == lot_id) {
                *sum.entry(*sscc).or_default() += amount;
            }
            sum.retain(|_, amount| !amount.is_zero());
            if sum != state.packed {
                let packed = &state.packed;
                return Err(format!(
                    "lot {lot_id} has {packed:?} in containers, but its events say {sum:?}"
                ));
            }
        }
        Ok(())
    }

    /// The lot as far as replicas must agree on it.
    pub(crate) fn told(
        &self,
        lot_id: LotId,
    ) -> Option<(Decimal, Vec<HoldId>, BTreeMap<Sscc, Decimal>)> {
        let state = self.lots.get(&lot_id)?;
        Some((
            state.balance,
            state.holds.iter().copied().collect(),
            state.packed.clone(),
        ))
    }
}
