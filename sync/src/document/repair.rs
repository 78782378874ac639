//! Finding documents that differ, when changes were lost: a restored disk, a feed that was cut, a new agent; rows of the
//! hub that are gone, an event that it could not apply when it came.
//!
//! Changes travel as ledger events; this only repairs. An agent sends one digest over the heads of all its documents.
//! When the hub's is the same, that was all: 10,000 unchanged documents cost one request of some bytes. Otherwise the
//! hub says its digests of the 256 buckets that documents fall into by their keys, the agent lists what it has in
//! those that differ, and the hub gives it the events of the changes that it lacks, and its own heads. What the hub lacks
//! follows from these: the agent names the events of such changes, and the hub applies them once more out of its own
//! ledgers. A fact comes to the hub by a ledger alone, so an event that is not in one of them is not repaired but told.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::change::{first, is_first};
use super::{DocumentKey, FIRST_GENERATION};
use crate::chain::{CanonicalHasher, Hash};
use crate::frame::FeedEvent;
use crate::ids::EventId;

/// Into how many parts documents are sorted: of 10,000 documents one bucket lists 40.
pub const BUCKETS: usize = 256;

/// The most events that an agent names at a time: as many as the hub applies well within a second.
pub const NAMED_MAX: usize = 200;

/// A document and its heads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentHeads {
    pub document: DocumentKey,
    /// In their order, as [`super::Document::heads`] gives them.
    pub heads: Vec<Hash>,
    /// The generation that they are of.
    #[serde(default = "first", skip_serializing_if = "is_first")]
    pub generation: u32,
}

/// An agent asks whether its documents are those of the hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadsRequest {
    pub protocol: u16,
    /// The digest over all its documents.
    pub digest: Hash,
}

/// Whether they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadsAnswer {
    pub same: bool,
    /// The digests of the hub's buckets, when they are not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buckets: Vec<Hash>,
}

/// An agent lists what it has in a bucket that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingRequest {
    pub protocol: u16,
    pub bucket: u8,
    /// In the order of their keys.
    pub documents: Vec<DocumentHeads>,
}

/// What it lacks.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MissingAnswer {
    /// Events of changes, each after those that it follows, and after the roll that began their generation.
    pub events: Vec<FeedEvent>,
    /// There are more; ask again once these are applied.
    #[serde(default)]
    pub more: bool,
    /// What the hub has of the documents that differ, with the last of these answers; an older hub does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heads: Option<Vec<DocumentHeads>>,
}

/// An agent names events of changes that the hub lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepairRequest {
    pub protocol: u16,
    /// Each after those that its change follows; at most [`NAMED_MAX`].
    pub events: Vec<EventId>,
}

/// What became of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepairAnswer {
    /// The changes of all others are part of their documents now.
    pub left: Vec<NotRepaired>,
}

/// A change that is not part of its document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotRepaired {
    pub event_id: EventId,
    /// [`NOT_IN_LEDGER`], `not-as-sealed`, `not-a-change`, `waits`, and why a module refuses an event.
    pub code: String,
    /// A sentence for people.
    pub reason: String,
}

/// The hub has no such event in any ledger of the tenant.
pub const NOT_IN_LEDGER: &str = "not-in-ledger";

/// The digests over the heads of many documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digests {
    buckets: Vec<Hash>,
}

impl Digests {
    /// Computes them; the order of the documents does not matter.
    pub fn of<'a>(documents: impl IntoIterator<Item = &'a DocumentHeads>) -> Self {
        let mut sorted: BTreeMap<(u8, &DocumentKey), &DocumentHeads> = BTreeMap::new();
        for document in documents {
            let key = &document.document;
            sorted.insert((bucket(key), key), document);
        }
        let mut hashers: Vec<_> = (0..BUCKETS).map(|_| hasher()).collect();
        for ((bucket, key), document) in sorted {
            let heads = &document.heads;
            let hasher = &mut hashers[usize::from(bucket)];
            hasher.field(key.kind.as_str().as_bytes());
            hasher.field(key.id.as_bytes());
            hasher.field(&(heads.len() as u64).to_le_bytes());
            for head in heads {
                hasher.field(head.as_bytes());
            }
            // Of the first one nothing is said: there were digests before there were generations.
            if document.generation > FIRST_GENERATION {
                hasher.field(&document.generation.to_le_bytes());
            }
        }
        let buckets = hashers.into_iter().map(CanonicalHasher::finish).collect();
        Self { buckets }
    }

    /// One digest over all.
    pub fn digest(&self) -> Hash {
        let mut hasher = hasher();
        for bucket in &self.buckets {
            hasher.field(bucket.as_bytes());
        }
        hasher.finish()
    }

    /// One for each bucket.
    pub fn buckets(&self) -> &[Hash] {
        &self.buckets
    }

    /// The buckets that are other than those of the other side.
    pub fn differing(&self, others: &[Hash]) -> Vec<u8> {
        (0..=u8::MAX)
            .filter(|bucket| {
                self.buckets.get(usize::from(*bucket)) != others.get(usize::from(*bucket))
            })
            .collect()
    }
}

/// The bucket of a document.
pub fn bucket(key: &DocumentKey) -> u8 {
    let mut hasher = hasher();
    hasher.field(key.kind.as_str().as_bytes());
    hasher.field(key.id.as_bytes());
    hasher.finish().as_bytes()[0]
}

fn hasher() -> CanonicalHasher {
    CanonicalHasher::new("agog document heads 1")
}

#[cfg(test)]
mod tests {
    use super::super::DocumentKind;
    use super::*;

    fn documents(count: usize) -> Vec<DocumentHeads> {
        let heads = |n: usize| vec![Hash::from_bytes(*blake3::hash(&n.to_le_bytes()).as_bytes())];
        (0..count)
            .map(|n| DocumentHeads {
                document: DocumentKey::queue("HAM", &format!("press-{n}")),
                heads: heads(n),
                generation: FIRST_GENERATION,
            })
            .collect()
    }

    #[test]
    fn equal_heads_have_one_digest_in_whatever_order_and_another_head_shows_in_one_bucket() {
        let mut ours = documents(10_000);
        let theirs = Digests::of(&ours);
        ours.reverse();
        assert_eq!(Digests::of(&ours).digest(), theirs.digest());

        let changed = ours[17].document.clone();
        ours[17].heads.clear();
        let digests = Digests::of(&ours);
        assert_ne!(digests.digest(), theirs.digest());
        assert_eq!(digests.differing(theirs.buckets()), vec![bucket(&changed)]);
        assert_eq!(changed.kind, DocumentKind::SchedulePriority);
    }
}
