//! What the hub lacks of our documents: changes that are part of them here, with the events that carry them.
//!
//! Events are not found by their changes but by one pass over all of them: this is read when something was lost, and then
//! once for all documents of a bucket.

use std::collections::{BTreeMap, BTreeSet};

use agog_sync::chain::Hash;
use agog_sync::document::DocumentKey;
use agog_sync::document::repair::DocumentHeads;
use agog_sync::ids::{EventId, ProducerId};

use super::error::LedgerError;
use super::{Position, Reader, text};

/// How documents here differ from what the hub has of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lacking {
    /// What the hub lacks, each after those that it follows.
    pub changes: Vec<LackingChange>,
    /// Heads of the hub that are not here.
    pub unknown: Vec<(DocumentKey, Hash)>,
}

impl Lacking {
    /// The events of what the hub lacks, as far as they are here.
    pub fn events(&self) -> impl Iterator<Item = EventId> {
        let events = self.changes.iter().filter_map(|change| change.event);
        events.map(|event| event.event_id)
    }
}

/// A change that is here and not at the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LackingChange {
    pub document: DocumentKey,
    pub hash: Hash,
    /// None when it is here without its event.
    pub event: Option<LackingEvent>,
}

/// The event of such a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LackingEvent {
    pub event_id: EventId,
    /// It was made here.
    pub is_own: bool,
    epoch: u64,
    seq: u64,
}

impl LackingEvent {
    fn is_on_its_way(&self, position: &Position) -> bool {
        self.is_own && (self.epoch, self.seq) > (position.epoch, position.acknowledged)
    }
}

impl Reader {
    /// Compares documents with what the hub has of them. What the hub had not acknowledged at `position` is on its way, and
    /// not lacking.
    pub fn lacking(
        &self,
        at_hub: &[DocumentHeads],
        position: &Position,
    ) -> Result<Lacking, LedgerError> {
        let mut lacking = Lacking::default();
        for hub in at_hub {
            let document = self.document(&hub.document)?;
            // What an earlier generation had is not asked for any more.
            if hub.generation >= document.generation() {
                let unknown = hub.heads.iter().filter(|head| !document.has(head));
                let unknown = unknown.map(|head| (hub.document.clone(), *head));
                lacking.unknown.extend(unknown);
            }
            for hash in document.missing(&hub.heads) {
                lacking.changes.push(LackingChange {
                    document: hub.document.clone(),
                    hash,
                    event: None,
                });
            }
        }
        let wanted: BTreeSet<Hash> = lacking.changes.iter().map(|change| change.hash).collect();
        let events = self.events_of_changes(&wanted, position.producer)?;
        for change in &mut lacking.changes {
            change.event = events.get(&change.hash).copied();
        }
        lacking.changes.retain(|change| {
            !change
                .event
                .is_some_and(|event| event.is_on_its_way(position))
        });
        Ok(lacking)
    }

    /// The events of changes. Of one that was sealed again, as it was sealed last.
    fn events_of_changes(
        &self,
        wanted: &BTreeSet<Hash>,
        own: ProducerId,
    ) -> Result<BTreeMap<Hash, LackingEvent>, LedgerError> {
        let mut found = BTreeMap::new();
        if wanted.is_empty() {
            return Ok(found);
        }
        let mut query = self.connection.prepare_cached(
            "select payload ->> '$.hash', event_id, producer_id, epoch, seq from event
             where kind = 'document.changed' order by position",
        )?;
        let own = own.to_string();
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let hash: Option<String> = row.get(0)?;
            let Some(hash) = hash.and_then(|hash| hash.parse().ok()) else {
                continue;
            };
            if wanted.contains(&hash) {
                let event = LackingEvent {
                    event_id: text::id(&row.get::<_, String>(1)?, "event id")?,
                    is_own: row.get::<_, String>(2)? == own,
                    epoch: row.get(3)?,
                    seq: row.get(4)?,
                };
                found.insert(hash, event);
            }
        }
        Ok(found)
    }
}
