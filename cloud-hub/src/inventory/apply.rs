//! Lot events become rows: the hub loads what the rules need for a batch of events, lets `agog_sync::lots::apply` say what
//! each of them does, notes that in memory for the next one, and stores the result. Nothing is decided here. A fact is
//! never refused; what should not have been is flagged.
//!
//! Everything happens in the caller's transaction, the one that also stores the events and moves the cursor.

use std::collections::{BTreeMap, BTreeSet};

use agog_sync::frame::LotSnapshot;
use agog_sync::ids::{HoldId, LotId, PlantId};
use agog_sync::lots::{
    self, Effect, Flag, LotBook, LotEvent, LotOrigin, LotRef, LotState, WorkContext,
};
use agog_sync::quantity::{Material, Quantity, Unit};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::json;

use super::model::{Fact, LotKey, LotRow};
use super::register::Register;
use super::store::facts::{self, EdgeRow, EntryRow, FlagRow, HoldRow, Keys, UseRow};
use super::store::lots as lot_store;
use super::store::made::{self, MadeRow, MovedRow};
use crate::db::{DbError, TenantTx};
use crate::events;
use crate::exchange;
use crate::intake::{ApplyContext, ApplyError};

/// The lots that the events of a batch work on, as they are after the events applied so far, and the rows to add.
pub struct LotBatch<'e> {
    /// Where the lots are that the events make.
    plant_id: PlantId,
    now: Timestamp,
    /// What the rules know of the lots.
    book: LotBook,
    /// What else is known of them.
    lots: BTreeMap<LotId, Lot<'e>>,
    materials: Register<'e>,
    holds: BTreeMap<(LotId, HoldId), Hold<'e>>,
    entries: Vec<EntryRow<'e>>,
    edges: Vec<EdgeRow<'e>>,
    uses: Vec<UseRow<'e>>,
    flags: Vec<FlagRow<'e>>,
}

/// What the rules do not ask about a lot.
#[derive(Default)]
struct Lot<'e> {
    /// None until it is stored.
    key: Option<LotKey>,
    /// The plants that have had to do with it, and those of them that are not stored yet.
    plants: BTreeSet<PlantId>,
    plants_new: BTreeSet<PlantId>,
    /// Set when the batch makes it, or fills in what was not known.
    made: Option<Made<'e>>,
    /// How far its balance has moved, when it has.
    delta: Option<Decimal>,
    is_relocated: bool,
}

struct Made<'e> {
    /// How many lots the batch knew before: lots are listed in the order in which the hub met them.
    place: usize,
    material: Option<String>,
    work: WorkContext,
    fact: Fact<'e>,
}

/// A hold, as it is stored and as the batch changes it.
#[derive(Default)]
struct Hold<'e> {
    is_placed: bool,
    is_released: bool,
    row: HoldRow<'e>,
}

impl<'e> LotBatch<'e> {
    /// Loads what the rules need to know for some events, and locks their lots until the transaction ends. Without a plant
    /// they are events of the office, and all about lots of one plant.
    pub async fn load(
        tx: &mut TenantTx,
        plant_id: Option<PlantId>,
        events: &[&'e LotEvent],
        now: Timestamp,
    ) -> Result<Self, ApplyError> {
        let named: BTreeSet<LotId> = events
            .iter()
            .flat_map(|event| event.lots())
            .map(|lot| lot.lot_id)
            .collect();
        let rows = lot_store::lots_locked(tx, &named.into_iter().collect::<Vec<_>>()).await?;
        let plant_id = match plant_id {
            Some(plant_id) => plant_id,
            None => home_plant(tx, events, &rows).await?,
        };
        let mut batch = Self {
            plant_id,
            now,
            book: LotBook::default(),
            lots: BTreeMap::new(),
            materials: Register::default(),
            holds: BTreeMap::new(),
            entries: Vec::new(),
            edges: Vec::new(),
            uses: Vec::new(),
            flags: Vec::new(),
        };
        batch.load_lots(tx, rows).await?;
        batch.load_numbers(tx, events).await?;
        let codes: BTreeSet<&str> = events
            .iter()
            .flat_map(|event| event.materials())
            .map(|material| material.code.as_str())
            .collect();
        batch.materials = Register::load(tx, &codes.into_iter().collect::<Vec<_>>()).await?;
        Ok(batch)
    }

    /// What the rules know of the lots.
    pub(super) fn into_book(self) -> LotBook {
        self.book
    }

    async fn load_lots(&mut self, tx: &mut TenantTx, rows: Vec<LotRow>) -> Result<(), DbError> {
        if rows.is_empty() {
            return Ok(());
        }
        let ids: BTreeMap<LotKey, LotId> =
            rows.iter().map(|row| (row.key, row.lot.lot_id)).collect();
        let keys: Vec<LotKey> = ids.keys().copied().collect();
        let mut standing: BTreeMap<LotId, BTreeSet<HoldId>> = BTreeMap::new();
        for (key, hold) in lot_store::holds_of(tx, &keys).await? {
            let lot_id = ids[&key];
            if hold.stands {
                standing.entry(lot_id).or_default().insert(hold.id);
            }
            let known = Hold {
                is_placed: hold.placed_at.is_some(),
                is_released: hold.released_at.is_some(),
                row: HoldRow::default(),
            };
            self.holds.insert((lot_id, hold.id), known);
        }
        let mut plants: BTreeMap<LotKey, BTreeSet<PlantId>> = BTreeMap::new();
        for (key, plant_id) in lot_store::plants_of(tx, &keys).await? {
            plants.entry(key).or_default().insert(plant_id);
        }
        for row in rows {
            let lot_id = row.lot.lot_id;
            let lot = Lot {
                key: Some(row.key),
                plants: plants.remove(&row.key).unwrap_or_default(),
                ..Lot::default()
            };
            self.lots.insert(lot_id, lot);
            self.book.insert(LotState {
                lot: row.lot,
                material: row.material,
                balance: row.on_hand.amount,
                base_unit: row.on_hand.unit,
                holds: standing.remove(&lot_id).unwrap_or_default(),
                attributes: row.attributes,
                origin: row.origin,
                created_at: row.created_at,
            });
        }
        Ok(())
    }

    /// Who has the numbers at the plant that the events give.
    async fn load_numbers(
        &mut self,
        tx: &mut TenantTx,
        events: &[&LotEvent],
    ) -> Result<(), DbError> {
        let given: BTreeSet<&str> = events
            .iter()
            .flat_map(|event| event.new_lots())
            .map(|lot| lot.number.as_str())
            .collect();
        if given.is_empty() {
            return Ok(());
        }
        let given: Vec<_> = given.into_iter().collect();
        for (number, lot_id) in lot_store::numbers_taken(tx, self.plant_id, &given).await? {
            self.book.take_number(number, lot_id);
        }
        Ok(())
    }

    /// The plants that have had to do with any lot of an event.
    pub fn plants(&self, event: &LotEvent) -> BTreeSet<PlantId> {
        let named = event.lots();
        let known = named.iter().filter_map(|lot| self.lots.get(&lot.lot_id));
        known.flat_map(|lot| &lot.plants).copied().collect()
    }

    /// Notes that plants have been told of the lots of an event.
    pub fn met(&mut self, event: &LotEvent, plants: &BTreeSet<PlantId>) {
        for named in event.lots() {
            let Some(lot) = self.lots.get_mut(&named.lot_id) else {
                continue;
            };
            for plant_id in plants {
                if lot.plants.insert(*plant_id) {
                    lot.plants_new.insert(*plant_id);
                }
            }
        }
    }

    /// The lots of an event as they are known now, for a plant that has not met them.
    pub fn snapshots(&self, event: &LotEvent) -> Vec<LotSnapshot> {
        let named: BTreeSet<LotId> = event.lots().iter().map(|lot| lot.lot_id).collect();
        let states = named.iter().filter_map(|lot_id| self.book.lot(*lot_id));
        states
            .map(|state| LotSnapshot {
                lot: state.lot.clone(),
                material: state.material.as_ref().map(|material| {
                    self.materials
                        .get(&material.code)
                        .unwrap_or(material)
                        .clone()
                }),
                balance: state.balance,
                base_unit: state.base_unit,
                attributes: state.attributes.clone(),
                origin: state.origin,
                holds: state.holds.iter().copied().collect(),
                created_at: state.created_at,
            })
            .collect()
    }

    /// Applies one event.
    pub fn apply(&mut self, ctx: &mut ApplyContext<'e, '_>, event: &LotEvent) {
        let outcome = lots::apply(event, &self.book, ctx.occurred_at);
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
                    state.attributes.location = Some(to);
                }
                self.lots.entry(lot_id).or_default().is_relocated = true;
            }
        }
    }

    /// Makes a lot. One that was used before it was seen is filled in; one that is known stays as it is.
    fn create(&mut self, mut state: LotState, made: Made<'e>) {
        let lot_id = state.lot.lot_id;
        if let Some(known) = self.book.lot(lot_id) {
            if known.origin != LotOrigin::Unknown {
                return;
            }
            state.balance = known.balance;
            state.holds.clone_from(&known.holds);
            state.material = state.material.or_else(|| known.material.clone());
            if known.attributes.location.is_some() {
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

    /// Stores what the events did.
    pub async fn store(mut self, tx: &mut TenantTx) -> Result<(), DbError> {
        self.materials.store(tx).await?;
        self.store_made(tx).await?;
        let mut keys = Keys::new();
        let (mut moved, mut plants) = (Vec::new(), Vec::new());
        for (lot_id, lot) in &self.lots {
            let Some(key) = lot.key else { continue };
            keys.insert(*lot_id, key);
            plants.extend(lot.plants_new.iter().map(|plant_id| (key, *plant_id)));
            if lot.delta.is_some() || lot.is_relocated {
                let location = self
                    .book
                    .lot(*lot_id)
                    .and_then(|state| state.attributes.location.as_deref());
                moved.push(MovedRow {
                    key,
                    delta: lot.delta.unwrap_or_default(),
                    location: location.filter(|_| lot.is_relocated),
                });
            }
        }
        made::lots_move(tx, &moved, self.now).await?;
        facts::entries_add(tx, &self.entries, &keys).await?;
        facts::edges_add(tx, &self.edges, &keys).await?;
        facts::uses_add(tx, &self.uses, self.plant_id, &keys).await?;
        let holds = self.holds.into_iter().map(|(key, hold)| (key, hold.row));
        let changed = holds.filter(|(_, row)| row.placed.is_some() || row.released.is_some());
        facts::holds_put(tx, &changed.collect(), &keys).await?;
        facts::flags_add(tx, &self.flags, &keys).await?;
        facts::lot_plants_add(tx, &plants).await
    }

    /// Stores the lots that are new, with what they hold, and those that are filled in.
    async fn store_made(&mut self, tx: &mut TenantTx) -> Result<(), DbError> {
        let (mut new, mut filled) = (Vec::new(), Vec::new());
        for (lot_id, lot) in &self.lots {
            let (Some(made), Some(state)) = (&lot.made, self.book.lot(*lot_id)) else {
                continue;
            };
            let code = made.material.as_deref();
            let row = MadeRow {
                state,
                material_id: code.map(|code| self.materials.key(code)).transpose()?,
                work: &made.work,
                fact: made.fact,
            };
            match lot.key {
                None => new.push((made.place, row)),
                Some(_) => filled.push(row),
            }
        }
        new.sort_by_key(|(place, _)| *place);
        let new: Vec<_> = new.into_iter().map(|(_, row)| row).collect();
        made::lots_fill(tx, &filled, self.plant_id, self.now).await?;
        let asked = new.len();
        let keys = made::lots_add(tx, &new, self.plant_id, self.now).await?;
        if keys.len() < asked {
            return Err(DbError::Overtaken("a lot"));
        }
        for (lot_id, key) in keys {
            let lot = self.lots.entry(lot_id).or_default();
            lot.key = Some(key);
            // It was stored as it is now.
            lot.delta = None;
            lot.is_relocated = false;
        }
        Ok(())
    }
}

/// Where the lots are that events of the office make: at the plant of the lots that they work on, or of their job.
async fn home_plant(
    tx: &mut TenantTx,
    events: &[&LotEvent],
    known: &[LotRow],
) -> Result<PlantId, ApplyError> {
    for event in events {
        for used in event.used_lots() {
            if let Some(row) = known.iter().find(|row| row.lot.lot_id == used.lot_id) {
                return Ok(row.plant_id);
            }
        }
        // A job makes something of what nobody booked: it is where the job is.
        if let LotEvent::Produced(event) = event
            && let Some(job_id) = event.work.job.as_ref().and_then(|job| job.job_id)
            && let Some(plant_id) = exchange::job_plant(tx, job_id).await?
        {
            return Ok(plant_id);
        }
    }
    Err(ApplyError::Refused {
        code: "no-plant",
        detail: "none of the lots of this office event is at any plant".to_owned(),
    })
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
