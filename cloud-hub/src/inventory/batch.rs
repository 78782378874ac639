//! The lots that the events of a batch work on: loaded once, as they are after each event, and stored once.
//!
//! Everything happens in the caller's transaction, the one that also stores the events and moves the cursor.

use std::collections::{BTreeMap, BTreeSet};

use agog_sync::frame::LotSnapshot;
use agog_sync::ids::{EventId, HoldId, LotId, PlantId};
use agog_sync::lots::{LotBook, LotCorrected, LotEvent, LotState, WorkContext};
use agog_sync::sscc::Sscc;
use jiff::Timestamp;
use rust_decimal::Decimal;

use super::model::{Fact, LotKey, LotRow};
use super::register::Register;
use super::store::containers::{self, PackedRow};
use super::store::corrections::{self, CorrectionRow, NamedEdge, NamedUse};
use super::store::facts::{self, EdgeRow, EntryRow, FlagRow, HoldRow, Keys, UseRow};
use super::store::lots as lot_store;
use super::store::made::{self, MadeRow, MovedRow};
use crate::db::{DbError, TenantTx};
use crate::exchange;
use crate::intake::ApplyError;

/// The lots that the events of a batch work on, as they are after the events applied so far, and the rows to add.
pub struct LotBatch<'e> {
    /// Where the lots are that the events make.
    pub(super) plant_id: PlantId,
    now: Timestamp,
    /// What the rules know of the lots.
    pub(super) book: LotBook,
    /// What else is known of them.
    pub(super) lots: BTreeMap<LotId, Lot<'e>>,
    pub(super) materials: Register<'e>,
    pub(super) holds: BTreeMap<(LotId, HoldId), Hold<'e>>,
    pub(super) entries: Vec<EntryRow<'e>>,
    pub(super) packed: Vec<PackedRow<'e>>,
    pub(super) edges: Vec<EdgeRow<'e>>,
    pub(super) uses: Vec<UseRow<'e>>,
    pub(super) flags: Vec<FlagRow<'e>>,
    /// The events whose effect is in the lots, as far as corrections ask.
    pub(super) applied: BTreeSet<EventId>,
    pub(super) corrections: Vec<CorrectionRow>,
    pub(super) edges_withdrawn: Vec<NamedEdge>,
    pub(super) uses_undone: Vec<NamedUse>,
}

/// What the rules do not ask about a lot.
#[derive(Default)]
pub(super) struct Lot<'e> {
    /// None until it is stored.
    pub key: Option<LotKey>,
    /// The plants that have had to do with it, and those of them that are not stored yet.
    pub plants: BTreeSet<PlantId>,
    pub plants_new: BTreeSet<PlantId>,
    /// Set when the batch makes it, or fills in what was not known.
    pub made: Option<Made<'e>>,
    /// How far its balance has moved, when it has.
    pub delta: Option<Decimal>,
    pub is_relocated: bool,
    /// The event that made it was corrected.
    pub is_unmade: bool,
}

pub(super) struct Made<'e> {
    /// How many lots the batch knew before: lots are listed in the order in which the hub met them.
    pub place: usize,
    pub material: Option<String>,
    pub work: WorkContext,
    pub fact: Fact<'e>,
}

/// A hold, as it is stored and as the batch changes it.
#[derive(Default)]
pub(super) struct Hold<'e> {
    pub is_placed: bool,
    pub is_released: bool,
    pub row: HoldRow<'e>,
}

impl<'e> LotBatch<'e> {
    /// Loads what the rules need to know for some events, and locks their lots until the transaction ends. Without a plant
    /// they are events of the office, and all about lots of one plant.
    pub async fn load(
        tx: &mut TenantTx,
        plant_id: Option<PlantId>,
        events: &[(EventId, &'e LotEvent)],
        now: Timestamp,
    ) -> Result<Self, ApplyError> {
        let ids: Vec<EventId> = events.iter().map(|(event_id, _)| *event_id).collect();
        let events: Vec<&LotEvent> = events.iter().map(|(_, event)| *event).collect();
        let named: BTreeSet<LotId> = events
            .iter()
            .flat_map(|event| event.lots())
            .map(|lot| lot.lot_id)
            .collect();
        let rows = lot_store::lots_locked(tx, &named.into_iter().collect::<Vec<_>>()).await?;
        let plant_id = match plant_id {
            Some(plant_id) => plant_id,
            None => home_plant(tx, &events, &rows).await?,
        };
        let mut batch = Self {
            plant_id,
            now,
            book: LotBook::default(),
            lots: BTreeMap::new(),
            materials: Register::default(),
            holds: BTreeMap::new(),
            entries: Vec::new(),
            packed: Vec::new(),
            edges: Vec::new(),
            uses: Vec::new(),
            flags: Vec::new(),
            applied: BTreeSet::new(),
            corrections: Vec::new(),
            edges_withdrawn: Vec::new(),
            uses_undone: Vec::new(),
        };
        batch.load_lots(tx, rows).await?;
        batch.load_numbers(tx, &events).await?;
        batch.load_containers(tx, &events).await?;
        batch.load_corrections(tx, ids, &events).await?;
        let codes: BTreeSet<&str> = events
            .iter()
            .flat_map(|event| event.materials())
            .map(|material| material.code.as_str())
            .collect();
        batch.materials = Register::load(tx, &codes.into_iter().collect::<Vec<_>>()).await?;
        Ok(batch)
    }

    /// What the rules know of the lots for an event.
    pub(super) fn into_book(mut self, event: &LotEvent) -> LotBook {
        self.look_back(event);
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
        let mut shipped = lot_store::shipped_of(tx, &keys).await?;
        let mut packed: BTreeMap<LotKey, BTreeMap<Sscc, Decimal>> = BTreeMap::new();
        for (key, content) in containers::packed_of(tx, &keys).await? {
            let of_lot = packed.entry(key).or_default();
            of_lot.insert(content.sscc, content.quantity.amount);
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
                shipped: shipped.remove(&row.key).unwrap_or_default(),
                packed: packed.remove(&row.key).unwrap_or_default(),
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

    /// What is known of the containers that the events pack.
    async fn load_containers(
        &mut self,
        tx: &mut TenantTx,
        events: &[&LotEvent],
    ) -> Result<(), DbError> {
        let packed: BTreeSet<Sscc> = events
            .iter()
            .filter_map(|event| match event {
                LotEvent::Packed(event) => Some(event.sscc),
                _ => None,
            })
            .collect();
        let packed: Vec<Sscc> = packed.into_iter().collect();
        for (sscc, state) in containers::states_of(tx, &packed).await? {
            self.book.insert_container(sscc, state);
        }
        Ok(())
    }

    /// Which of the events were corrected before, and what corrections among them find here.
    async fn load_corrections(
        &mut self,
        tx: &mut TenantTx,
        mut ids: Vec<EventId>,
        events: &[&LotEvent],
    ) -> Result<(), DbError> {
        let named = events.iter().filter_map(|event| match event {
            LotEvent::Corrected(event) => Some(event.corrects),
            _ => None,
        });
        let named: Vec<EventId> = named.collect();
        if !named.is_empty() {
            let keys: Vec<LotKey> = self.lots.values().filter_map(|lot| lot.key).collect();
            self.applied = corrections::events_applied(tx, &keys, &named).await?;
        }
        ids.extend(named);
        for (event_id, by) in corrections::corrections_of(tx, &ids).await? {
            self.book.correct(event_id, by);
        }
        Ok(())
    }

    /// Loads which of these events, that are not of the batch, were corrected.
    pub async fn look_up_corrections(
        &mut self,
        tx: &mut TenantTx,
        events: &[EventId],
    ) -> Result<(), DbError> {
        for (event_id, by) in corrections::corrections_of(tx, events).await? {
            self.book.correct(event_id, by);
        }
        Ok(())
    }

    /// What has corrected an event of which that was looked up.
    pub fn correction_of(&self, event_id: EventId) -> Option<EventId> {
        self.book.correction_of(event_id)
    }

    /// The lots that the events of the batch name and that are known.
    pub fn known(&self) -> Vec<LotId> {
        self.lots.keys().copied().collect()
    }

    /// Whether other plants are to hear of an event that was applied: a correction of what could not be applied here undoes
    /// nothing, and would take from their balances what never was in them; nor does a second correction of one event,
    /// which a plant that met the lot after the first could not tell from one. What had been corrected before it was applied
    /// did nothing, and its correction was told to nobody.
    pub fn is_told(&self, event: &LotEvent, event_id: EventId) -> bool {
        match event {
            LotEvent::Corrected(event) => {
                self.book.correction_of(event.corrects) == Some(event_id) && self.was_applied(event)
            }
            _ => self.book.correction_of(event_id).is_none(),
        }
    }

    /// Whether what a correction undoes had its effect here. A move leaves no entry that would tell.
    pub(super) fn was_applied(&self, event: &LotCorrected) -> bool {
        matches!(event.undone(), LotEvent::Moved(_)) || self.applied.contains(&event.corrects)
    }

    /// The plants that have had to do with any lot of an event.
    pub fn plants(&self, event: &LotEvent) -> BTreeSet<PlantId> {
        let named = event.lots();
        let known = named.iter().filter_map(|lot| self.lots.get(&lot.lot_id));
        known.flat_map(|lot| &lot.plants).copied().collect()
    }

    /// The lots of an event that are known and that the plant has had nothing to do with.
    pub fn unmet(&self, event: &LotEvent, plant_id: PlantId) -> BTreeSet<LotId> {
        let has_met = |lot_id: &LotId| {
            let lot = self.lots.get(lot_id);
            lot.is_some_and(|lot| lot.plants.contains(&plant_id))
        };
        let named = event.lots().into_iter().map(|named| named.lot_id);
        named
            .filter(|lot_id| self.book.lot(*lot_id).is_some() && !has_met(lot_id))
            .collect()
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
                shipped: state.shipped,
                packed: state.packed.clone(),
                attributes: state.attributes.clone(),
                origin: state.origin,
                holds: state.holds.iter().copied().collect(),
                created_at: state.created_at,
            })
            .collect()
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
            if lot.delta.is_some() || lot.is_relocated || lot.is_unmade {
                let state = self.book.lot(*lot_id);
                let location = state.and_then(|state| state.attributes.location.as_deref());
                moved.push(MovedRow {
                    key,
                    delta: lot.delta.unwrap_or_default(),
                    is_relocated: lot.is_relocated,
                    location,
                    origin: state.map(|state| state.origin).filter(|_| lot.is_unmade),
                });
            }
        }
        made::lots_move(tx, &moved, self.now).await?;
        facts::entries_add(tx, &self.entries, &keys).await?;
        containers::entries_add(tx, &self.packed, &keys).await?;
        facts::edges_add(tx, &self.edges, &keys).await?;
        facts::uses_add(tx, &self.uses, self.plant_id, &keys).await?;
        let holds = self.holds.into_iter().map(|(key, hold)| (key, hold.row));
        let changed = holds.filter(|(_, row)| row.placed.is_some() || row.released.is_some());
        facts::holds_put(tx, &changed.collect(), &keys).await?;
        facts::flags_add(tx, &self.flags, &keys).await?;
        // After what the same batch added: an event is heard of before its correction.
        corrections::corrections_add(tx, &self.corrections).await?;
        corrections::edges_withdraw(tx, &self.edges_withdrawn, &keys).await?;
        corrections::uses_undo(tx, &self.uses_undone, &keys).await?;
        facts::lot_plants_add(tx, &plants).await
    }

    /// Stores the lots that are new, with what they hold, and those that are filled in.
    async fn store_made(&mut self, tx: &mut TenantTx) -> Result<(), DbError> {
        let (mut rows, mut stubs) = (Vec::new(), Vec::new());
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
            rows.push((made.place, row));
            stubs.extend(lot.key.map(|key| key.0));
        }
        rows.sort_by_key(|(place, _)| *place);
        let rows: Vec<_> = rows.into_iter().map(|(_, row)| row).collect();
        let asked = rows.len();
        let keys = made::lots_put(tx, &rows, &stubs, self.plant_id, self.now).await?;
        if keys.len() < asked {
            return Err(DbError::Overtaken("a lot"));
        }
        for (lot_id, key) in keys {
            let lot = self.lots.entry(lot_id).or_default();
            if lot.key.replace(key).is_none() {
                // It was stored as it is now.
                lot.delta = None;
                lot.is_relocated = false;
            }
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
