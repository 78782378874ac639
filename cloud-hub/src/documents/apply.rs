//! Changes become part of their documents, from whoever they come and in whatever order.

use std::collections::{BTreeMap, BTreeSet};

use agog_sync::document::{
    Applied, ChangeRefused, Document, DocumentChanged, DocumentKey, DocumentRolled, Role,
};
use agog_sync::event::Event;
use agog_sync::ids::PlantId;
use jiff::Timestamp;
use serde_json::json;

use super::model::{NewChange, Settled};
use super::{store, store_generations};
use crate::db::{DbError, TenantTx};
use crate::events;
use crate::intake::{self, ApplyContext, ApplyError};
use crate::tenants;

/// The most changes of a document that wait for others: more than a plant makes in a week offline.
pub(super) const WAITING_MAX: usize = 1_000;

/// Who has to hear of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hearers {
    /// It was known before.
    Nobody,
    /// The plant of the queue.
    Plant(PlantId),
    /// Every plant of the tenant.
    Everybody,
}

/// The documents that the events of a batch change.
#[derive(Default)]
pub struct DocumentBatch {
    /// By document and generation.
    open: BTreeMap<(DocumentKey, u32), Open>,
    plants: Option<BTreeMap<PlantId, String>>,
    new: Vec<NewChange>,
    settled: Vec<Settled>,
}

/// A document while a batch works on it.
struct Open {
    document: Document,
    waiting: Vec<DocumentChanged>,
    is_changed: bool,
    /// The document has rolled over since; what it adds is carried over ([`super::roll`]).
    is_closed: bool,
}

impl DocumentBatch {
    /// Applies a change, and those that have waited for it. A change that is not allowed is refused, and the document
    /// stays as it was.
    pub async fn apply(
        &mut self,
        tx: &mut TenantTx,
        ctx: &mut ApplyContext<'_, '_>,
        changed: &DocumentChanged,
    ) -> Result<Hearers, ApplyError> {
        if ctx.plant_id.is_some() && changed.author.role == Role::Planner {
            return Err(ApplyError::Refused {
                code: "role-not-of-plant",
                detail: "only the office speaks as planner".to_owned(),
            });
        }
        let hearers = self.hearers(tx, ctx, &changed.document).await?;
        let place = (changed.document.clone(), changed.generation);
        let open = self.open(tx, &place).await?;
        let is_closed = open.is_closed;
        let is_waiting = open
            .waiting
            .iter()
            .any(|waiting| waiting.hash == changed.hash);
        let merge = match open
            .document
            .apply(changed)
            .map_err(|error| refused(&error))?
        {
            Applied::Known | Applied::Earlier => return Ok(Hearers::Nobody),
            Applied::Waits { .. } if is_waiting => return Ok(Hearers::Nobody),
            Applied::Waits { .. } if open.waiting.len() >= WAITING_MAX => {
                return Err(ApplyError::Refused {
                    code: "too-many-wait",
                    detail: format!(
                        "{WAITING_MAX} changes of the document wait for others already"
                    ),
                });
            }
            Applied::Waits { .. } => None,
            Applied::New(merge) => Some(merge),
        };
        if let Some(merge) = &merge {
            open.is_changed = true;
            // Of what comes late is told as it is carried over.
            if !is_closed {
                let data = json!({
                    "kind": changed.document.kind, "id": changed.document.id,
                    "by": changed.author.name, "conflicts": merge.conflicts.len(),
                });
                events::publish(ctx, "documents.changed", data);
            }
        } else {
            open.waiting.push(changed.clone());
        }
        let settled = open.settle();
        self.settled.extend(settled);
        let merge_of = merge.unwrap_or_default();
        let is_new_waiting = self.open.get(&place).is_some_and(|open| {
            open.waiting
                .iter()
                .any(|waiting| waiting.hash == changed.hash)
        });
        if !is_waiting {
            self.new.push(NewChange {
                changed: changed.clone(),
                event_id: ctx.event_id,
                changed_at: ctx.occurred_at,
                waits: is_new_waiting,
                concurrent: merge_of.concurrent,
                conflicts: merge_of.conflicts,
            });
        }
        // Everybody has heard of the next generation before.
        Ok(if is_closed { Hearers::Nobody } else { hearers })
    }

    /// Closes a generation and begins the next. The hub alone says so, and only of what it has.
    pub async fn roll(
        &mut self,
        tx: &mut TenantTx,
        ctx: &mut ApplyContext<'_, '_>,
        rolled: &DocumentRolled,
    ) -> Result<Hearers, ApplyError> {
        if ctx.plant_id.is_some() {
            return Err(ApplyError::Refused {
                code: "role-not-of-plant",
                detail: "only the hub rolls a document over".to_owned(),
            });
        }
        let key = &rolled.document;
        let hearers = self.hearers(tx, ctx, key).await?;
        self.write(tx, ctx.now).await?;
        self.open.retain(|(open, _), _| open != key);
        let closed = load(tx, key).await?;
        if rolled.generation != closed.generation() + 1 || rolled.heads != closed.heads() {
            return Err(ApplyError::Refused {
                code: "generation-not-next",
                detail: format!(
                    "generation {} does not follow what the hub has of the document",
                    rolled.generation
                ),
            });
        }
        let opened = Document::opened(rolled).map_err(|error| ApplyError::Refused {
            code: error.code(),
            detail: error.to_string(),
        })?;
        store_generations::generation_open(tx, &closed, &opened, ctx.event_id, ctx.now).await?;
        // Those that have waited for it.
        let open = self.open(tx, &(key.clone(), rolled.generation)).await?;
        let settled = open.settle();
        self.settled.extend(settled);
        Ok(hearers)
    }

    /// Stores the documents and what is new of them.
    pub async fn store(mut self, tx: &mut TenantTx, now: Timestamp) -> Result<(), DbError> {
        self.write(tx, now).await
    }

    async fn write(&mut self, tx: &mut TenantTx, now: Timestamp) -> Result<(), DbError> {
        for change in std::mem::take(&mut self.new) {
            store::change_add(tx, &change, now).await?;
        }
        for settled in std::mem::take(&mut self.settled) {
            store::change_settle(tx, &settled, now).await?;
        }
        for open in self.open.values_mut().filter(|open| open.is_changed) {
            if open.is_closed {
                store_generations::generation_put(tx, &open.document).await?;
            } else {
                store::document_put(tx, &open.document, now).await?;
            }
            open.is_changed = false;
        }
        Ok(())
    }

    /// Who hears of a document. No plant speaks about the queue of another one.
    async fn hearers(
        &mut self,
        tx: &mut TenantTx,
        ctx: &ApplyContext<'_, '_>,
        key: &DocumentKey,
    ) -> Result<Hearers, ApplyError> {
        let refused = |code, detail: String| Err(ApplyError::Refused { code, detail });
        if !key.has_form() {
            return refused("bad-document-id", format!("`{key}` is no document"));
        }
        let Some(code) = key.plant_code() else {
            return Ok(Hearers::Everybody);
        };
        if self.plants.is_none() {
            self.plants = Some(tenants::plant_codes(tx).await?);
        }
        let plants = self.plants.iter().flatten();
        let plant_id = plants
            .filter(|(_, known)| *known == code)
            .map(|(id, _)| *id)
            .next();
        match (plant_id, ctx.plant_id) {
            (None, _) => refused("unknown-plant", format!("there is no plant {code}")),
            (Some(queue), Some(producer)) if queue != producer => refused(
                "queue-of-other-plant",
                format!("the queue belongs to plant {code}, and another plant speaks"),
            ),
            (Some(queue), _) => Ok(Hearers::Plant(queue)),
        }
    }

    async fn open(
        &mut self,
        tx: &mut TenantTx,
        place: &(DocumentKey, u32),
    ) -> Result<&mut Open, ApplyError> {
        if !self.open.contains_key(place) {
            let open = Open::load(tx, &place.0, place.1).await?;
            self.open.insert(place.clone(), open);
        }
        let open = self.open.get_mut(place);
        open.ok_or_else(|| DbError::stored("a document that was just opened is not there").into())
    }
}

impl Open {
    /// A generation that has not begun is the present one: what belongs to it waits.
    async fn load(
        tx: &mut TenantTx,
        key: &DocumentKey,
        generation: u32,
    ) -> Result<Self, ApplyError> {
        let present = load(tx, key).await?;
        let is_closed = generation < present.generation();
        let document = if is_closed {
            let closed = load_generation(tx, key, generation).await?;
            closed.ok_or_else(|| ApplyError::Refused {
                code: "unknown-generation",
                detail: format!("the document has no generation {generation}"),
            })?
        } else {
            present
        };
        let waiting = store::waiting_events(tx, key, generation).await?;
        let mut open = Self {
            document,
            waiting: Vec::new(),
            is_changed: false,
            is_closed,
        };
        if !waiting.is_empty() {
            for item in intake::events_of(tx, &waiting).await? {
                if let Ok(Event::Document(changed)) = item.event.event() {
                    open.waiting.push(*changed);
                }
            }
        }
        Ok(open)
    }

    /// Applies those that have waited and wait no more.
    fn settle(&mut self) -> Vec<Settled> {
        let mut settled = Vec::new();
        let mut again = true;
        while again {
            again = false;
            let mut seen = BTreeSet::new();
            for changed in std::mem::take(&mut self.waiting) {
                if !seen.insert(changed.hash) {
                    continue;
                }
                let (merge, refused) = match self.document.apply(&changed) {
                    Ok(Applied::Waits { .. }) => {
                        self.waiting.push(changed);
                        continue;
                    }
                    Ok(Applied::Known | Applied::Earlier) => (None, None),
                    Ok(Applied::New(merge)) => (Some(merge), None),
                    Err(error) => (None, Some(error.to_string())),
                };
                if refused.is_none() {
                    again = true;
                    self.is_changed = true;
                }
                let merge = merge.unwrap_or_default();
                settled.push(Settled {
                    document: changed.document,
                    hash: changed.hash,
                    refused,
                    concurrent: merge.concurrent,
                    conflicts: merge.conflicts,
                });
            }
        }
        settled
    }
}

/// A document as it is stored, or as it begins.
pub(super) async fn load(tx: &mut TenantTx, key: &DocumentKey) -> Result<Document, DbError> {
    match store::document_find(tx, key).await? {
        Some(stored) => Document::load(key.clone(), &stored.saved).map_err(DbError::stored),
        None => Ok(Document::new(key.clone())),
    }
}

/// One generation of a document; none when there is none yet, or no more.
pub(super) async fn load_generation(
    tx: &mut TenantTx,
    key: &DocumentKey,
    generation: u32,
) -> Result<Option<Document>, DbError> {
    let present = load(tx, key).await?;
    if present.generation() == generation {
        return Ok(Some(present));
    }
    let closed = store_generations::generation_find(tx, key, generation).await?;
    closed
        .map(|closed| Document::load(key.clone(), &closed.saved).map_err(DbError::stored))
        .transpose()
}

fn refused(error: &ChangeRefused) -> ApplyError {
    ApplyError::Refused {
        code: error.code(),
        detail: error.to_string(),
    }
}
