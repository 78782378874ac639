//! What the events say of lots, computed once more in memory: some 300 bytes for each lot, whatever its history.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use agog_sync::ids::{EventId, HoldId, LotId};
use agog_sync::lots::{
    self, EdgeKind, Effect, LotAttributes, LotBook, LotEvent, LotOrigin, LotRef, LotState,
};
use agog_sync::quantity::Unit;
use agog_sync::sscc::Sscc;
use jiff::Timestamp;
use rust_decimal::Decimal;

use super::derived::{DerivedRows, RowText, Table};
use crate::ledger::{adoption, effects, text};

/// Different texts that are stored once; more than a plant has materials and jobs at a time.
const SHARED_MAX: usize = 65_536;

/// A lot, as far as it is stored in a row of its own.
#[derive(Debug, Clone)]
pub(super) struct Lot {
    pub number: Box<str>,
    pub material_code: Option<Arc<str>>,
    pub base_unit: Unit,
    pub balance: Decimal,
    pub origin: LotOrigin,
    pub made_by_job: Option<Arc<str>>,
    pub attributes: Arc<LotAttributes>,
    pub created_at: Timestamp,
    own: bool,
}

/// A hold on a lot, as it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Hold {
    pub reason: Option<String>,
    pub placed_at: Option<i64>,
    pub released_at: Option<i64>,
    pub release_reason: Option<String>,
}

/// An event, as far as its effects ask for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub position: i64,
    pub event_id: EventId,
    pub at: Timestamp,
}

/// Edges and uses of an event that was corrected later: the correction takes them back, and does not repeat them.
#[derive(Debug, Default)]
struct Undoable {
    position: i64,
    edges: Vec<(LotId, LotId, EdgeKind, RowText)>,
    /// Without the column that says by what they are undone.
    uses: Vec<(LotId, RowText)>,
}

/// Everything that follows from the events so far.
#[derive(Debug)]
pub(super) struct Computed {
    pub lots: HashMap<LotId, Lot>,
    pub holds: BTreeMap<(LotId, HoldId), Hold>,
    pub packed: BTreeMap<(LotId, Sscc), Decimal>,
    pub rows: DerivedRows,
    adopted: HashSet<LotId>,
    /// Which event was corrected by which.
    corrections: HashMap<EventId, EventId>,
    /// The events that are corrected somewhere in the ledger, as far as that was known before.
    undoable: HashMap<EventId, Undoable>,
    /// Events that are corrected although nobody had said so before: what they did was not kept.
    pub unforeseen: BTreeSet<EventId>,
    shared_texts: HashSet<Arc<str>>,
    shared_attributes: HashSet<Arc<LotAttributes>>,
    row: RowText,
}

impl Computed {
    /// Nothing yet. `corrected` are the events that are corrected somewhere in the ledger.
    pub(super) fn new(rows: DerivedRows, corrected: BTreeSet<EventId>) -> Self {
        let corrected = corrected.into_iter();
        Self {
            unforeseen: BTreeSet::new(),
            lots: HashMap::new(),
            holds: BTreeMap::new(),
            packed: BTreeMap::new(),
            rows,
            adopted: HashSet::new(),
            corrections: HashMap::new(),
            undoable: corrected.map(|id| (id, Undoable::default())).collect(),
            shared_texts: HashSet::new(),
            shared_attributes: HashSet::new(),
            row: RowText::default(),
        }
    }

    /// Whether an event of another producer makes lots of this plant.
    pub(super) fn touches_own(&self, event: &LotEvent) -> bool {
        let mut used = event.used_lots().into_iter();
        used.any(|lot| self.lots.get(&lot.lot_id).is_some_and(|lot| lot.own))
    }

    /// Whether this plant was told of the lot by the hub.
    pub(super) fn is_adopted(&self, lot_id: LotId) -> bool {
        self.adopted.contains(&lot_id)
    }

    /// Applies an event. What it did to the lots in `left_out` had come with them; `unseen` are those to which the event that
    /// it corrects did nothing here.
    pub(super) fn apply(
        &mut self,
        place: Place,
        event: &LotEvent,
        own: bool,
        left_out: &[LotId],
        unseen: &[LotId],
    ) {
        let book = self.book(place, event, unseen);
        let effects = lots::apply(event, place.event_id, &book, place.at).effects;
        let mut edges = BTreeSet::new();
        let stored = effects
            .iter()
            .filter(|effect| !effects::came_with_its_lot(effect, left_out));
        for (line, effect) in stored.enumerate() {
            self.store(place, line, effect, own, &mut edges);
        }
    }

    /// What effects follow from. Balances, holds, numbers and containers are only flagged by the rules, and left out.
    fn book(&self, place: Place, event: &LotEvent, unseen: &[LotId]) -> LotBook {
        let mut book = LotBook::default();
        for lot in event.lots() {
            let Some(known) = self.lots.get(&lot.lot_id) else {
                continue;
            };
            book.insert(LotState {
                lot: LotRef {
                    lot_id: lot.lot_id,
                    number: String::new(),
                },
                material: None,
                balance: known.balance,
                shipped: Decimal::ZERO,
                packed: BTreeMap::new(),
                base_unit: known.base_unit,
                holds: BTreeSet::new(),
                attributes: (*known.attributes).clone(),
                origin: known.origin,
                created_at: known.created_at,
            });
        }
        let mut correction = |event_id| {
            if let Some(by) = self.corrections.get(&event_id) {
                book.correct(event_id, *by);
            }
        };
        correction(place.event_id);
        if let LotEvent::Corrected(event) = event {
            correction(event.corrects);
            for lot_id in unseen {
                book.leave_out(event.corrects, *lot_id);
            }
        }
        book
    }

    fn store(
        &mut self,
        place: Place,
        line: usize,
        effect: &Effect,
        own: bool,
        edges: &mut BTreeSet<(LotId, LotId, EdgeKind)>,
    ) {
        let position = place.position;
        match effect {
            Effect::LotCreated { .. } => self.create(effect, own),
            Effect::BalanceChanged {
                lot_id,
                bucket,
                delta,
                unit,
                entered,
            } => {
                if let Some(lot) = self.lots.get_mut(lot_id) {
                    lot.balance += *delta;
                }
                let row = self.row.begin();
                row.value(line).lot(*lot_id).text(bucket.as_str());
                row.value(delta).text(unit.as_str());
                row.value(entered.amount).text(entered.unit.as_str());
                self.rows.add(Table::Entries, position, &self.row);
            }
            Effect::EdgeAdded {
                parent,
                child,
                kind,
                quantity,
                at,
            } => {
                if !edges.insert((*parent, *child, *kind)) {
                    return;
                }
                let row = self.row.begin();
                row.lot(*parent).lot(*child).text(kind.as_str());
                match quantity {
                    Some(quantity) => row.value(quantity.amount).text(quantity.unit.as_str()),
                    None => row.text("").text(""),
                };
                row.value(at.as_microsecond());
                self.rows.add(Table::Edges, position, &self.row);
                if let Some(undoable) = self.undoable.get_mut(&place.event_id) {
                    undoable.position = position;
                    undoable
                        .edges
                        .push((*parent, *child, *kind, self.row.clone()));
                }
            }
            Effect::Used { lot_id, used } => {
                let row = self.row.begin();
                row.value(line).lot(*lot_id).text(used.kind.as_str());
                row.optional(used.job.as_deref()).text(&text::to_json(used));
                if let Some(undoable) = self.undoable.get_mut(&place.event_id) {
                    undoable.position = position;
                    undoable.uses.push((*lot_id, self.row.clone()));
                }
                self.rows.add(Table::Uses, position, self.row.text(""));
            }
            Effect::ContainerChanged {
                sscc,
                lot_id,
                bucket,
                delta,
                unit,
            } => {
                self.pack(*lot_id, *sscc, *delta);
                let row = self.row.begin();
                row.value(line)
                    .value(sscc)
                    .lot(*lot_id)
                    .text(bucket.as_str());
                row.value(delta).text(unit.as_str());
                self.rows.add(Table::Containers, position, &self.row);
            }
            Effect::HoldPlaced {
                hold_id,
                lot_id,
                reason,
                at,
            } => self.hold(*lot_id, *hold_id, reason, *at),
            Effect::HoldReleased {
                hold_id,
                lot_id,
                reason,
                at,
            } => {
                let hold = self.holds.entry((*lot_id, *hold_id)).or_default();
                if hold.released_at.is_none() {
                    hold.released_at = Some(at.as_microsecond());
                    hold.release_reason = Some(reason.clone());
                }
            }
            Effect::Relocated { lot_id, to } => {
                let moved = self.lots.get(lot_id).map(|lot| LotAttributes {
                    location: to.clone(),
                    ..(*lot.attributes).clone()
                });
                let moved = moved.map(|attributes| self.share_attributes(attributes));
                if let (Some(lot), Some(attributes)) = (self.lots.get_mut(lot_id), moved) {
                    lot.attributes = attributes;
                }
            }
            Effect::LotUnmade { lot_id } => {
                if let Some(lot) = self.lots.get_mut(lot_id) {
                    lot.origin = LotOrigin::Undone;
                }
            }
            Effect::Corrected { event_id } => {
                self.corrections.entry(*event_id).or_insert(place.event_id);
                if !self.undoable.contains_key(event_id) {
                    self.unforeseen.insert(*event_id);
                }
                self.row.begin().value(event_id);
                self.rows.add(Table::Corrections, position, &self.row);
            }
            Effect::EdgeWithdrawn {
                parent,
                child,
                kind,
                event_id,
            } => self.withdraw_edge((*parent, *child, *kind), *event_id),
            Effect::UseUndone { lot_id, event_id } => self.undo_uses(*lot_id, *event_id, position),
        }
    }

    fn create(&mut self, effect: &Effect, own: bool) {
        let Effect::LotCreated {
            lot,
            material,
            base_unit,
            attributes,
            origin,
            work,
            created_at,
        } = effect
        else {
            return;
        };
        let known = self.lots.get(&lot.lot_id);
        if known.is_some_and(|known| known.origin.is_made()) {
            return;
        }
        let balance = known.map(|known| known.balance).unwrap_or_default();
        let made = Lot {
            number: lot.number.as_str().into(),
            material_code: self.share(material.as_ref().map(|material| material.code.as_str())),
            base_unit: *base_unit,
            balance,
            origin: *origin,
            made_by_job: self.share(work.job.as_ref().map(|job| job.number.as_str())),
            attributes: self.share_attributes(attributes.clone()),
            created_at: *created_at,
            own: own && *origin != LotOrigin::Unknown,
        };
        self.lots.insert(lot.lot_id, made);
    }

    fn hold(&mut self, lot_id: LotId, hold_id: HoldId, reason: &str, at: Timestamp) {
        let hold = self.holds.entry((lot_id, hold_id)).or_default();
        if hold.placed_at.is_none() {
            hold.placed_at = Some(at.as_microsecond());
            hold.reason = Some(reason.to_owned());
        }
    }

    fn pack(&mut self, lot_id: LotId, sscc: Sscc, delta: Decimal) {
        let packed = self.packed.entry((lot_id, sscc)).or_default();
        *packed += delta;
        if packed.is_zero() {
            self.packed.remove(&(lot_id, sscc));
        }
    }

    fn withdraw_edge(&mut self, edge: (LotId, LotId, EdgeKind), by: EventId) {
        let Some(undoable) = self.undoable.get_mut(&by) else {
            return;
        };
        let position = undoable.position;
        let is_it = |said: &mut (LotId, LotId, EdgeKind, RowText)| (said.0, said.1, said.2) == edge;
        for (.., row) in undoable.edges.extract_if(.., is_it) {
            self.rows.remove(Table::Edges, position, &row);
        }
    }

    fn undo_uses(&mut self, lot_id: LotId, of: EventId, by: i64) {
        let Some(undoable) = self.undoable.get_mut(&of) else {
            return;
        };
        let position = undoable.position;
        for (_, mut row) in undoable.uses.extract_if(.., |(lot, _)| *lot == lot_id) {
            let mut undone = row.clone();
            self.rows.remove(Table::Uses, position, row.text(""));
            self.rows.add(Table::Uses, position, undone.value(by));
        }
    }

    /// Takes a lot in as the hub knew it.
    pub(super) fn adopt(
        &mut self,
        snapshot: &agog_sync::frame::LotSnapshot,
        step: &adoption::Step,
    ) {
        let lot_id = snapshot.lot.lot_id;
        self.adopted.insert(lot_id);
        let known = self.lots.get(&lot_id).cloned();
        let is_news = known.as_ref().is_none_or(|known| {
            known.origin == LotOrigin::Unknown && snapshot.origin != LotOrigin::Unknown
        });
        if is_news {
            let code = snapshot
                .material
                .as_ref()
                .map(|material| material.code.as_str());
            let told = Lot {
                number: snapshot.lot.number.as_str().into(),
                base_unit: snapshot.base_unit,
                balance: known
                    .as_ref()
                    .map(|known| known.balance)
                    .unwrap_or_default(),
                origin: snapshot.origin,
                made_by_job: known.as_ref().and_then(|known| known.made_by_job.clone()),
                own: known.is_some_and(|known| known.own),
                created_at: snapshot.created_at,
                material_code: self.share(code),
                attributes: self.share_attributes(snapshot.attributes.clone()),
            };
            self.lots.insert(lot_id, told);
        }
        for hold_id in &snapshot.holds {
            self.hold(
                lot_id,
                *hold_id,
                adoption::HELD_WHEN_MET,
                snapshot.created_at,
            );
        }
        if let Some(lot) = self.lots.get_mut(&lot_id) {
            lot.balance += step.balance;
        }
        for (sscc, amount) in &step.packed {
            self.pack(lot_id, *sscc, *amount);
        }
    }

    fn share(&mut self, text: Option<&str>) -> Option<Arc<str>> {
        let text = text?;
        if let Some(shared) = self.shared_texts.get(text) {
            return Some(Arc::clone(shared));
        }
        if self.shared_texts.len() >= SHARED_MAX {
            self.shared_texts.clear();
        }
        let shared: Arc<str> = text.into();
        self.shared_texts.insert(Arc::clone(&shared));
        Some(shared)
    }

    fn share_attributes(&mut self, attributes: LotAttributes) -> Arc<LotAttributes> {
        if let Some(shared) = self.shared_attributes.get(&attributes) {
            return Arc::clone(shared);
        }
        if self.shared_attributes.len() >= SHARED_MAX {
            self.shared_attributes.clear();
        }
        let shared = Arc::new(attributes);
        self.shared_attributes.insert(Arc::clone(&shared));
        shared
    }
}
