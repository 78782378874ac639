//! A change on its way: what travels of it, and how a replica takes it in.

use std::cmp::Ordering;

use automerge::{Automerge, Change, ChangeHash, ReadDoc};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::check::{Fields, check};
use super::measure::{Unreadable, measure};
use super::{
    Author, CHANGE_BYTES_MAX, CHANGE_OPS_MAX, CHANGES_MAX, Conflict, Document, DocumentKey,
    FIRST_GENERATION, content,
};
use crate::chain::Hash;

/// A document was changed: the payload of a ledger event `document.changed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentChanged {
    pub document: DocumentKey,
    /// The SHA-256 that Automerge gives the change: its id everywhere.
    pub hash: Hash,
    /// The changes that its author had seen last.
    pub deps: Vec<Hash>,
    pub author: Author,
    /// The change in Automerge's binary form, not compressed, base64.
    pub change: String,
    /// The generation of the document that it changes.
    #[serde(default = "first", skip_serializing_if = "is_first")]
    pub generation: u32,
    /// The change of the generation before that the hub carries over with this one: its author had not heard of the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carries: Option<Hash>,
}

pub(super) fn first() -> u32 {
    FIRST_GENERATION
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde gives a field by reference"
)]
pub(super) fn is_first(generation: &u32) -> bool {
    *generation == FIRST_GENERATION
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// It is part of the document now.
    New(Merge),
    /// It was part of it before.
    Known,
    /// It waits for changes that are not here, or for its generation.
    Waits { missing: Vec<Hash> },
    /// It belongs to a generation before this one: the hub carries over what it adds.
    Earlier,
}

/// What a change met that its author did not know of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Merge {
    /// The heads that its author had not seen; empty when it simply follows.
    pub concurrent: Vec<Hash>,
    /// The fields of the change on which others said something else meanwhile.
    pub conflicts: Vec<Conflict>,
}

/// Why a change is not taken in. The document stays as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeRefused {
    #[error("`{0}` is no document")]
    BadKey(DocumentKey),
    #[error("the change has more than {CHANGE_BYTES_MAX} bytes")]
    TooLarge,
    #[error("the change cannot be read: {0}")]
    Unreadable(String),
    #[error("the change is {found}, and not {said} as it says")]
    OtherHash { found: Hash, said: Hash },
    #[error("the change follows other changes than it says")]
    OtherDeps,
    #[error("the change is not allowed: {0}")]
    NotAllowed(&'static str),
    #[error("the document has {CHANGES_MAX} changes and takes no more")]
    Full,
    #[error("the change does not fit the document: {0}")]
    Misfit(String),
}

impl ChangeRefused {
    /// For programs; never changes its meaning.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BadKey(_) => "bad-document-id",
            Self::TooLarge => "change-too-large",
            Self::Unreadable(_) => "change-unreadable",
            Self::OtherHash { .. } | Self::OtherDeps => "change-mislabelled",
            Self::NotAllowed(_) => "change-not-allowed",
            Self::Full => "document-full",
            Self::Misfit(_) => "change-misfit",
        }
    }
}

impl From<Unreadable> for ChangeRefused {
    fn from(error: Unreadable) -> Self {
        Self::Unreadable(error.to_string())
    }
}

impl DocumentChanged {
    pub(super) fn of(document: &Document, author: &Author, change: &Change) -> Self {
        Self {
            document: document.key.clone(),
            hash: hash_of(&change.hash()),
            deps: change.deps().iter().map(hash_of).collect(),
            author: author.clone(),
            change: STANDARD.encode(change.raw_bytes()),
            generation: document.generation,
            carries: None,
        }
    }

    /// Reads the change and checks all that can be checked without the document.
    fn read(&self) -> Result<(Change, Fields), ChangeRefused> {
        if !self.document.has_form() {
            return Err(ChangeRefused::BadKey(self.document.clone()));
        }
        if self.generation < FIRST_GENERATION {
            return Err(ChangeRefused::NotAllowed("generations count from 1"));
        }
        if self.change.len() > CHANGE_BYTES_MAX.div_ceil(3) * 4 {
            return Err(ChangeRefused::TooLarge);
        }
        let unreadable =
            |error: &dyn std::fmt::Display| ChangeRefused::Unreadable(error.to_string());
        let bytes = STANDARD
            .decode(&self.change)
            .map_err(|error| unreadable(&error))?;
        if bytes.len() > CHANGE_BYTES_MAX {
            return Err(ChangeRefused::TooLarge);
        }
        measure(&bytes, CHANGE_OPS_MAX)?;
        guarded(|| {
            let change = Change::from_bytes(bytes).map_err(|error| unreadable(&error))?;
            let found = hash_of(&change.hash());
            if found != self.hash {
                let said = self.hash;
                return Err(ChangeRefused::OtherHash { found, said });
            }
            if !change
                .deps()
                .iter()
                .map(hash_of)
                .eq(self.deps.iter().copied())
            {
                return Err(ChangeRefused::OtherDeps);
            }
            let fields = check(self.document.kind, &change.decode(), &self.author)
                .map_err(ChangeRefused::NotAllowed)?;
            Ok((change, fields))
        })
        .unwrap_or_else(|reason| Err(ChangeRefused::Unreadable(reason)))
    }
}

impl Document {
    /// Takes a change in. It is tried on a copy first; one that is refused leaves the document as it was.
    pub fn apply(&mut self, changed: &DocumentChanged) -> Result<Applied, ChangeRefused> {
        if changed.document != self.key {
            return Err(ChangeRefused::BadKey(changed.document.clone()));
        }
        let (change, fields) = changed.read()?;
        match changed.generation.cmp(&self.generation) {
            Ordering::Less => return Ok(Applied::Earlier),
            Ordering::Greater => {
                let missing = changed.deps.clone();
                return Ok(Applied::Waits { missing });
            }
            Ordering::Equal => {}
        }
        if self.has(&changed.hash) {
            return Ok(Applied::Known);
        }
        let missing: Vec<_> = changed
            .deps
            .iter()
            .copied()
            .filter(|dep| !self.has(dep))
            .collect();
        if !missing.is_empty() {
            return Ok(Applied::Waits { missing });
        }
        if changed.deps.is_empty() {
            return Err(ChangeRefused::Misfit(
                "it does not follow the first change".to_owned(),
            ));
        }
        if self.changes_since_roll() >= CHANGES_MAX {
            return Err(ChangeRefused::Full);
        }
        let kind = self.key.kind;
        let tried = guarded(|| {
            let mut fork: Automerge = self.doc.clone();
            fork.apply_changes([change])
                .map_err(|error| error.to_string())?;
            let (_, conflicts) = content::read(&fork, kind)
                .ok_or_else(|| "it takes away the document's form".to_owned())?;
            let is_in = fork
                .get_change_by_hash(&automerge_hash(&changed.hash))
                .is_some();
            if is_in {
                Ok((fork, conflicts))
            } else {
                Err("it is not taken in".to_owned())
            }
        });
        let (fork, conflicts) = tried
            .and_then(|tried| tried)
            .map_err(ChangeRefused::Misfit)?;
        let concurrent = self
            .heads()
            .into_iter()
            .filter(|head| !changed.deps.contains(head))
            .collect();
        self.doc = fork;
        Ok(Applied::New(Merge {
            concurrent,
            conflicts: conflicts
                .into_iter()
                .filter(|conflict| fields.contains(&conflict.field))
                .collect(),
        }))
    }
}

pub(super) fn hash_of(hash: &ChangeHash) -> Hash {
    Hash::from_bytes(hash.0)
}

pub(super) fn automerge_hash(hash: &Hash) -> ChangeHash {
    ChangeHash(*hash.as_bytes())
}

/// Runs Automerge on bytes from outside. Version 0.12.0 panics on some that pass its own checks, for example on a change
/// that names an actor whom no operation needs (`op_set2/change/batch.rs`, an index that is not there); that must end
/// neither the hub nor the one thread that writes an agent's ledger. What `work` changes is a copy, thrown away then.
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work))
        .map_err(|_| "Automerge gives up on it".to_owned())
}
