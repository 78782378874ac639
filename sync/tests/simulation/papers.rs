//! The documents of one replica: a store for `agog_sync::document`, and what waits for changes that are not here yet.

use std::collections::{BTreeMap, BTreeSet};

use agog_sync::chain::Hash;
use agog_sync::document::repair::DocumentHeads;
use agog_sync::document::{Applied, Document, DocumentChanged, DocumentKey, DocumentKind};

/// What a replica has of documents.
#[derive(Debug, Clone, Default)]
pub(crate) struct Papers {
    documents: BTreeMap<DocumentKey, Document>,
    /// Their heads.
    heads: BTreeMap<DocumentKey, Vec<Hash>>,
    waiting: Vec<DocumentChanged>,
    /// Documents that have changed since they were looked at last.
    fresh: BTreeSet<DocumentKey>,
    /// Changes that came before those that they follow.
    pub(crate) waited: usize,
}

impl Papers {
    /// A document; an empty one when nobody has edited it here yet.
    pub(crate) fn document(&self, key: &DocumentKey) -> Document {
        let known = self.documents.get(key);
        known.map_or_else(|| Document::new(key.clone()), Clone::clone)
    }

    /// Takes a change in, and those that have waited for it; false for one that was here. Nobody is hostile in these
    /// worlds, so a change that is refused is a fault.
    pub(crate) fn take_in(&mut self, changed: &DocumentChanged) -> bool {
        let document = self
            .documents
            .entry(changed.document.clone())
            .or_insert_with(|| Document::new(changed.document.clone()));
        match document.apply(changed).expect("every replica accepts it") {
            Applied::Known => return false,
            Applied::Waits { .. } => {
                if self.waiting.iter().any(|other| other.hash == changed.hash) {
                    return false;
                }
                self.waiting.push(changed.clone());
                self.waited += 1;
                return true;
            }
            Applied::New(_) => {}
            Applied::Earlier => unreachable!("nothing rolls over in these worlds"),
        }
        loop {
            let before = self.waiting.len();
            self.waiting.retain(|changed| {
                let document = self.documents.get_mut(&changed.document);
                let document = document.expect("it was opened when the change began to wait");
                let applied = document.apply(changed).expect("every replica accepts it");
                matches!(applied, Applied::Waits { .. })
            });
            if self.waiting.len() == before {
                break;
            }
        }
        let key = &changed.document;
        self.heads.insert(key.clone(), self.documents[key].heads());
        self.fresh.insert(key.clone());
        true
    }

    /// The heads of all documents that a plant has to do with, in the order of their keys.
    pub(crate) fn heads(&self, plant: usize) -> Vec<DocumentHeads> {
        let of_plant = self.heads.iter();
        of_plant
            .filter(|(key, _)| plant_of(key).is_none_or(|of| of == plant))
            .map(|(key, heads)| DocumentHeads {
                document: key.clone(),
                heads: heads.clone(),
                generation: 1,
            })
            .collect()
    }

    /// I4: nothing waits, and both have the same heads.
    pub(crate) fn converge(&self, other: &Self, plant: usize) -> Result<(), String> {
        let (ours, theirs) = (self.heads(plant), other.heads(plant));
        if ours != theirs {
            return Err(format!("I4: heads are {ours:?} and {theirs:?}"));
        }
        if !self.waiting.is_empty() || !other.waiting.is_empty() {
            return Err("I4: a change still waits for others".to_owned());
        }
        Ok(())
    }

    /// I4, at any moment: documents with equal heads say the same, whoever has them.
    pub(crate) fn say_the_same(&mut self, said: &mut Said) -> Result<(), String> {
        for key in std::mem::take(&mut self.fresh) {
            let document = &self.documents[&key];
            let says = format!("{:?} {:?}", document.content(), document.conflicts());
            let place = (key.clone(), document.heads());
            let before = said.entry(place).or_insert_with(|| says.clone());
            if *before != says {
                return Err(format!(
                    "I4: {key} has equal heads, and says {before} and {says}"
                ));
            }
        }
        Ok(())
    }
}

/// What a document says by its heads.
pub(crate) type Said = BTreeMap<(DocumentKey, Vec<Hash>), String>;

/// The documents that somebody at a plant edits.
pub(crate) fn keys(plant: usize) -> [DocumentKey; 3] {
    let id = "01932b9e-7c00-7000-8000-000000000001";
    [
        DocumentKey::new(DocumentKind::JobNote, id),
        DocumentKey::new(DocumentKind::HoldDiscussion, id),
        DocumentKey::queue(&plant.to_string(), "press-3"),
    ]
}

/// The plant that alone has to do with a document.
pub(crate) fn plant_of(key: &DocumentKey) -> Option<usize> {
    let code = key.plant_code()?;
    Some(code.parse().expect("plants are numbered here"))
}
