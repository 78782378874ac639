//! Changes become part of their documents, from whoever they come and in whatever order.

use std::collections::{BTreeMap, BTreeSet};

use agog_sync::document::{Applied, ChangeRefused, Document, DocumentChanged, DocumentKey, Role};
use agog_sync::event::Event;
use agog_sync::ids::PlantId;
use jiff::Timestamp;
use serde_json::json;

use super::model::{NewChange, Settled};
use super::store;
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
    open: BTreeMap<DocumentKey, Open>,
    plants: Option<BTreeMap<PlantId, String>>,
    new: Vec<NewChange>,
    settled: Vec<Settled>,
}

/// A document while a batch works on it.
struct Open {
    document: Document,
    waiting: Vec<DocumentChanged>,
    is_changed: bool,
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
        let hearers = self.admit(tx, ctx, changed).await?;
        let open = self.open(tx, &changed.document).await?;
        let is_waiting = open
            .waiting
            .iter()
            .any(|waiting| waiting.hash == changed.hash);
        let merge = match open
            .document
            .apply(changed)
            .map_err(|error| refused(&error))?
        {
            Applied::Known => return Ok(Hearers::Nobody),
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
            let data = json!({
                "kind": changed.document.kind, "id": changed.document.id,
                "by": changed.author.name, "conflicts": merge.conflicts.len(),
            });
            events::publish(ctx, "documents.changed", data);
        } else {
            open.waiting.push(changed.clone());
        }
        let settled = open.settle();
        self.settled.extend(settled);
        let merge_of = merge.unwrap_or_default();
        let is_new_waiting = self.open.get(&changed.document).is_some_and(|open| {
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
        Ok(hearers)
    }

    /// Stores the documents and what is new of them.
    pub async fn store(self, tx: &mut TenantTx, now: Timestamp) -> Result<(), DbError> {
        for change in &self.new {
            store::change_add(tx, change, now).await?;
        }
        for settled in &self.settled {
            store::change_settle(tx, settled, now).await?;
        }
        for open in self.open.values().filter(|open| open.is_changed) {
            store::document_put(tx, &open.document, now).await?;
        }
        Ok(())
    }

    /// What a producer may say at all: no plant speaks as the planner, nor about the queue of another plant.
    async fn admit(
        &mut self,
        tx: &mut TenantTx,
        ctx: &ApplyContext<'_, '_>,
        changed: &DocumentChanged,
    ) -> Result<Hearers, ApplyError> {
        let refused = |code, detail: String| Err(ApplyError::Refused { code, detail });
        if ctx.plant_id.is_some() && changed.author.role == Role::Planner {
            return refused(
                "role-not-of-plant",
                "only the office speaks as planner".to_owned(),
            );
        }
        if !changed.document.has_form() {
            return refused(
                "bad-document-id",
                format!("`{}` is no document", changed.document),
            );
        }
        let Some(code) = changed.document.plant_code() else {
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
        key: &DocumentKey,
    ) -> Result<&mut Open, ApplyError> {
        if !self.open.contains_key(key) {
            let open = Open::load(tx, key).await?;
            self.open.insert(key.clone(), open);
        }
        let open = self.open.get_mut(key);
        open.ok_or_else(|| DbError::stored("a document that was just opened is not there").into())
    }
}

impl Open {
    async fn load(tx: &mut TenantTx, key: &DocumentKey) -> Result<Self, DbError> {
        let document = load(tx, key).await?;
        let waiting = store::waiting_events(tx, key).await?;
        let mut open = Self {
            document,
            waiting: Vec::new(),
            is_changed: false,
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
                    Ok(Applied::Known) => (None, None),
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

fn refused(error: &ChangeRefused) -> ApplyError {
    ApplyError::Refused {
        code: error.code(),
        detail: error.to_string(),
    }
}
