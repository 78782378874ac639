//! What a lot event does to the lots of its batch: `agog_sync::lots::apply` says it, and it is noted in memory for the next
//! event and for the store. Nothing is decided here. A fact is never refused; what should not have been is flagged.

use std::collections::{BTreeMap, BTreeSet};

use agog_sync::ids::PlantId;
use agog_sync::lots::{self, Effect, Flag, LotEvent, LotOrigin, LotRef, LotState};
use agog_sync::quantity::{Material, Quantity, Unit};
use rust_decimal::Decimal;
use serde_json::json;

use super::batch::{LotBatch, Made};
use super::model::Fact;
use super::store::containers::PackedRow;
use super::store::corrections::{CorrectionRow, NamedEdge, NamedUse};
use super::store::facts::{EdgeRow, EntryRow, FlagRow, UseRow};
use crate::events;
use crate::intake::ApplyContext;

impl<'e> LotBatch<'e> {
    /// Applies one event.
    pub fn apply(&mut self, ctx: &mut ApplyContext<'e, '_>, event: &LotEvent) {
        self.look_back(event);
        let outcome = lots::apply(event, ctx.event_id, &self.book, ctx.occurred_at);
        self.applied.insert(ctx.event_id);
        let mut flags = outcome.flags;
        for effect in outcome.effects {
            self.effect(ctx, effect, &mut flags);
        }
        self.met(event, &BTreeSet::from([self.plant_id]));
        publish(ctx, self.plant_id, event, &flags);
        let fact = Fact::of(ctx);
        let rows = flags.into_iter().map(|flag| FlagRow { flag, fact });
        self.flags.extend(rows);
    }

    /// What is corrected may have been refused by the database, and then it is in no lot. A move leaves no entry that
    /// would tell; it is undone by where the lot lies.
    pub(super) fn look_back(&mut self, event: &LotEvent) {
        let LotEvent::Corrected(event) = event else {
            return;
        };
        if self.was_applied(event) {
            return;
        }
        for lot in event.undone().lots() {
            self.book.leave_out(event.corrects, lot.lot_id);
        }
    }

    fn effect(&mut self, ctx: &mut ApplyContext<'e, '_>, effect: Effect, flags: &mut Vec<Flag>) {
        let fact = Fact::of(ctx);
        match effect {
            Effect::LotCreated {
                lot,
                material,
                base_unit,
                attributes,
                origin,
                work,
                created_at,
            } => {
                if let Some(material) = &material {
                    flags.extend(self.counted(ctx, material, &lot, base_unit));
                }
                let made = Made {
                    place: self.lots.len(),
                    material: material.as_ref().map(|material| material.code.clone()),
                    work,
                    fact,
                };
                let state = LotState {
                    lot,
                    material,
                    balance: Decimal::ZERO,
                    shipped: Decimal::ZERO,
                    packed: BTreeMap::new(),
                    base_unit,
                    holds: BTreeSet::new(),
                    attributes,
                    origin,
                    created_at,
                };
                self.create(state, made);
            }
            Effect::BalanceChanged {
                lot_id,
                bucket,
                delta,
                unit,
                entered,
            } => {
                if let Some(state) = self.book.lot_mut(lot_id) {
                    state.balance += delta;
                    state.shipped += bucket.shipped(delta);
                }
                let lot = self.lots.entry(lot_id).or_default();
                lot.delta = Some(lot.delta.unwrap_or_default() + delta);
                self.entries.push(EntryRow {
                    lot: lot_id,
                    bucket,
                    delta: Quantity::new(delta, unit),
                    entered,
                    fact,
                });
            }
            Effect::ContainerChanged {
                sscc,
                lot_id,
                bucket,
                delta,
                unit,
            } => {
                self.book.change_container(sscc, lot_id, bucket, delta);
                self.packed.push(PackedRow {
                    sscc,
                    lot: lot_id,
                    bucket,
                    delta: Quantity::new(delta, unit),
                    fact,
                });
            }
            Effect::EdgeAdded {
                parent,
                child,
                kind,
                quantity,
                at,
            } => self.edges.push(EdgeRow {
                parent,
                child,
                kind,
                quantity,
                at,
                fact,
            }),
            Effect::Used { lot_id, used } => self.uses.push(UseRow {
                lot: lot_id,
                used,
                fact,
            }),
            Effect::HoldPlaced {
                hold_id,
                lot_id,
                reason,
                at,
            } => {
                let hold = self.holds.entry((lot_id, hold_id)).or_default();
                if hold.is_placed {
                    return;
                }
                hold.is_placed = true;
                hold.row.placed = Some((reason, at, fact));
                // One whose release was seen first stays released.
                if !hold.is_released
                    && let Some(state) = self.book.lot_mut(lot_id)
                {
                    state.holds.insert(hold_id);
                }
            }
            Effect::HoldReleased {
                hold_id,
                lot_id,
                reason,
                at,
            } => {
                let hold = self.holds.entry((lot_id, hold_id)).or_default();
                if hold.is_released {
                    return;
                }
                hold.is_released = true;
                hold.row.released = Some((reason, at, fact));
                if let Some(state) = self.book.lot_mut(lot_id) {
                    state.holds.remove(&hold_id);
                }
            }
            Effect::Relocated { lot_id, to } => {
                if let Some(state) = self.book.lot_mut(lot_id) {
                    state.attributes.location = to;
                }
                self.lots.entry(lot_id).or_default().is_relocated = true;
            }
            Effect::Corrected { event_id } => {
                self.book.correct(event_id, fact.event_id);
                self.corrections.push(CorrectionRow {
                    event_id,
                    by: fact.event_id,
                });
            }
            Effect::EdgeWithdrawn {
                parent,
                child,
                kind,
                event_id,
            } => self.edges_withdrawn.push(NamedEdge {
                parent,
                child,
                kind,
                event_id,
            }),
            Effect::UseUndone { lot_id, event_id } => self.uses_undone.push(NamedUse {
                lot: lot_id,
                event_id,
                by: fact.event_id,
            }),
            Effect::LotUnmade { lot_id } => {
                self.lots.entry(lot_id).or_default().is_unmade = true;
                let Some(state) = self.book.lot_mut(lot_id) else {
                    return;
                };
                state.origin = LotOrigin::Undone;
                let number = state.lot.number.clone();
                self.book.free_number(&number, lot_id);
            }
        }
    }

    /// Makes a lot. One that was used before it was seen is filled in; one that is known stays as it is.
    fn create(&mut self, mut state: LotState, made: Made<'e>) {
        let lot_id = state.lot.lot_id;
        if let Some(known) = self.book.lot(lot_id) {
            if known.origin.is_made() {
                return;
            }
            state.balance = known.balance;
            state.shipped = known.shipped;
            state.holds.clone_from(&known.holds);
            state.packed.clone_from(&known.packed);
            state.material = state.material.or_else(|| known.material.clone());
            if known.origin == LotOrigin::Unknown && known.attributes.location.is_some() {
                state
                    .attributes
                    .location
                    .clone_from(&known.attributes.location);
            }
            let number = known.lot.number.clone();
            self.book.free_number(&number, lot_id);
        }
        self.book.take_number(&state.lot.number, lot_id);
        self.book.insert(state);
        let lot = self.lots.entry(lot_id).or_default();
        let place = lot.made.as_ref().map_or(made.place, |before| before.place);
        lot.made = Some(Made { place, ..made });
    }

    /// Makes a material known. That the plant counts it in another unit than the company does is flagged.
    fn counted(
        &mut self,
        ctx: &mut ApplyContext<'e, '_>,
        material: &Material,
        lot: &LotRef,
        found: Unit,
    ) -> Option<Flag> {
        let expected = self.materials.ensure(ctx, material);
        (expected != found).then(|| Flag::UnitMismatch {
            lot: lot.clone(),
            expected,
            found,
        })
    }
}

/// Tells whoever listens: one domain event for what happened, one for what should not have.
fn publish(ctx: &mut ApplyContext<'_, '_>, plant_id: PlantId, event: &LotEvent, flags: &[Flag]) {
    let topic = format!("inventory.{}", ctx.kind.replace('.', "-"));
    let data = json!({"plant_id": plant_id, "lots": event.lots(), "actor": ctx.actor});
    events::publish(ctx, topic, data);
    if !flags.is_empty() {
        let data = json!({"plant_id": plant_id, "kind": ctx.kind, "flags": flags});
        events::publish(ctx, "inventory.lot-flagged", data);
    }
}
