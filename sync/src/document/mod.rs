//! Documents that plant and office edit at the same time, also while they cannot reach each other: the notes of a job,
//! the priorities of a queue, the discussion of a hold.
//!
//! A document is a set of changes. Each change names those that its author had seen; whoever has the same changes has
//! the same content and the same heads, in whatever order they came, and how often (I4). Changes travel as ledger
//! events ([`DocumentChanged`]) and are known by their hash. Automerge merges them; no type of it leaves this module,
//! and its version is pinned, because its formats and its faults are those of one version.
//!
//! Every document begins with the same first change, made from its key alone and never sent. Whoever edits a document
//! first therefore edits the same one as everybody else, and a change of one document cannot be taken for one of
//! another.
//!
//! A document that was edited [`ROLL_AT`] times rolls over: the hub fixes what it says in one event
//! ([`DocumentRolled`]), from which every replica begins the next generation alike. What others had added to the
//! generation before, and did not know of the next, is carried over by the hub ([`Carry`]).
//!
//! Limits, for changes from outside: [`CHANGE_BYTES_MAX`], [`CHANGE_OPS_MAX`], [`COMMENT_CHARS_MAX`],
//! [`CHANGES_MAX`] and [`DOCUMENT_BYTES_MAX`] for the whole. Who edits is stopped earlier, at [`EDITS_MAX`] changes,
//! [`TEXT_CHARS_MAX`] and [`JOBS_MAX`], so that what several edited apart still fits when it meets.
//!
//! ```
//! use agog_sync::document::{Author, Content, Document, DocumentKey, DocumentKind, Edit, Role};
//!
//! let key = DocumentKey::new(DocumentKind::HoldDiscussion, "01932b9e-7c00-7000-8000-000000000001");
//! let now = "2026-11-27T08:00:00Z".parse().unwrap();
//! let author = |name: &str, role| Author { name: name.to_owned(), role };
//! let (mut plant, mut office) = (Document::new(key.clone()), Document::new(key));
//! let measured = Edit::Append("4.2 % moisture, measured again".to_owned());
//! let asked = Edit::Append("may we use half of it?".to_owned());
//! let one = plant.edit(&[1; 16], &author("Jane Smith", Role::Operator), &measured, now).unwrap().unwrap();
//! let other = office.edit(&[2; 16], &author("Mary Office", Role::Planner), &asked, now).unwrap().unwrap();
//! plant.apply(&other).unwrap();
//! office.apply(&one).unwrap();
//! assert_eq!(plant.heads(), office.heads());
//! assert!(matches!(plant.content(), Content::Comments(comments) if comments.len() == 2));
//! ```

mod carry;
mod change;
mod check;
mod content;
mod edit;
mod key;
mod measure;
pub mod repair;
mod roll;

use automerge::{Automerge, LoadOptions, ReadDoc, TextEncoding};
use jiff::Timestamp;

use crate::chain::Hash;

pub use carry::{Carry, CarryRefused};
pub use change::{Applied, ChangeRefused, DocumentChanged, Merge};
pub use content::{Comment, Conflict, Content, Priority, Ranked};
pub use edit::{Edit, EditRefused};
pub use key::{Author, DocumentKey, DocumentKind, ID_BYTES_MAX, Role, UnknownWord};
pub use measure::Unreadable;
pub use roll::{DocumentRolled, FIRST_GENERATION, OPENING_BYTES_MAX, ROLL_AT, RollRefused};

/// The most bytes of one change: a note that is written anew has some kilobytes.
pub const CHANGE_BYTES_MAX: usize = 64 * 1024;

/// The most operations of one change: a note of [`TEXT_CHARS_MAX`] that is written anew, one for each character that
/// goes and comes, with some room.
pub const CHANGE_OPS_MAX: u64 = 12_000;

/// The longest text of a note, for whoever edits it.
pub const TEXT_CHARS_MAX: usize = 5_000;

/// The longest comment.
pub const COMMENT_CHARS_MAX: usize = 4_000;

/// The longest name of an author.
pub const NAME_CHARS_MAX: usize = 200;

/// The longest number of a job.
pub const JOB_BYTES_MAX: usize = 200;

/// The most jobs with a rank in one queue, for whoever sets one.
pub const JOBS_MAX: usize = 1_000;

/// From so many changes on a generation of a document is not edited any more: it is read and written whole, and this many
/// take some hundredths of a second. Only a plant that has not reached the hub for so many edits comes here.
pub const EDITS_MAX: usize = 5_000;

/// The most changes that are accepted from outside: what several plants edited apart, each up to [`EDITS_MAX`].
pub const CHANGES_MAX: usize = 4 * EDITS_MAX;

/// The most bytes of a saved document that is read.
pub const DOCUMENT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Who edits, for Automerge: sixteen random bytes, new for each start of a program. The same ones must never be used
/// after a disk was set back: two changes would claim the same place, and one of them could never be merged.
pub type Actor = [u8; 16];

/// A document, as one replica has it: one generation of it.
#[derive(Debug, Clone)]
pub struct Document {
    key: DocumentKey,
    generation: u32,
    /// How often it was edited before this generation.
    before: u64,
    doc: Automerge,
}

/// Why a saved document cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("document `{key}` has {bytes} bytes, more than {DOCUMENT_BYTES_MAX}")]
    TooLarge { key: DocumentKey, bytes: usize },
    #[error("document `{key}` is damaged: {reason}")]
    Damaged { key: DocumentKey, reason: String },
}

impl Document {
    /// A document that nobody has edited yet. All of its replicas begin alike.
    ///
    /// # Panics
    ///
    /// Never: the root of an empty document takes every key.
    pub fn new(key: DocumentKey) -> Self {
        let doc = roll::begin(&key, None).expect("the root of an empty document takes every key");
        Self {
            key,
            generation: FIRST_GENERATION,
            before: 0,
            doc,
        }
    }

    /// Reads a document that [`Self::save`] wrote. Damaged bytes are an error and never a panic.
    pub fn load(key: DocumentKey, bytes: &[u8]) -> Result<Self, LoadError> {
        if bytes.len() > DOCUMENT_BYTES_MAX {
            let bytes = bytes.len();
            return Err(LoadError::TooLarge { key, bytes });
        }
        let damaged = |reason: String| LoadError::Damaged {
            key: key.clone(),
            reason,
        };
        let options = || LoadOptions::new().text_encoding(ENCODING);
        let loaded = change::guarded(|| {
            let doc = Automerge::load_with_options(bytes, options())
                .map_err(|error| error.to_string())?;
            let begun = roll::begun(&doc, &key);
            let has_form = content::read(&doc, key.kind).is_some();
            match begun {
                Some((generation, before)) if has_form => Ok((doc, generation, before)),
                _ => Err("it has not the form of its kind".to_owned()),
            }
        });
        match loaded.and_then(|loaded| loaded) {
            Ok((doc, generation, before)) => Ok(Self {
                key,
                generation,
                before,
                doc,
            }),
            Err(reason) => Err(damaged(reason)),
        }
    }

    /// The document as bytes, for [`Self::load`].
    pub fn save(&self) -> Vec<u8> {
        self.doc.save()
    }

    /// Which document it is.
    pub fn key(&self) -> &DocumentKey {
        &self.key
    }

    /// The changes that no other change follows, in the order of their hashes. Replicas with equal heads are equal.
    pub fn heads(&self) -> Vec<Hash> {
        let mut heads: Vec<_> = self.doc.get_heads().iter().map(change::hash_of).collect();
        heads.sort_unstable();
        heads
    }

    /// Which generation this is, from 1.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// How often it was edited, in all of its generations.
    pub fn changes(&self) -> usize {
        let before = usize::try_from(self.before).unwrap_or(usize::MAX);
        before.saturating_add(self.changes_since_roll())
    }

    /// How often this generation of it was edited.
    pub fn changes_since_roll(&self) -> usize {
        // The first change is nobody's.
        self.doc.get_changes_meta(&[]).len() - 1
    }

    /// The changes that somebody lacks who has those in `heads` and what they follow, oldest first. Heads that are not
    /// known here count for nothing.
    pub fn missing(&self, heads: &[Hash]) -> Vec<Hash> {
        let known: Vec<_> = heads
            .iter()
            .map(change::automerge_hash)
            .filter(|hash| self.doc.get_change_by_hash(hash).is_some())
            .collect();
        let first = self.first();
        let missing = self.doc.get_changes_meta(&known);
        let missing = missing
            .iter()
            .map(|change| change.hash)
            .filter(|hash| *hash != first);
        missing.map(|hash| change::hash_of(&hash)).collect()
    }

    /// Whether a change is part of it.
    pub fn has(&self, hash: &Hash) -> bool {
        let hash = change::automerge_hash(hash);
        self.doc.get_change_by_hash(&hash).is_some()
    }

    /// What it says.
    pub fn content(&self) -> Content {
        self.read().0
    }

    /// Where edits that did not know of each other meet, and which of them stands.
    pub fn conflicts(&self) -> Vec<Conflict> {
        self.read().1
    }

    fn read(&self) -> (Content, Vec<Conflict>) {
        content::read(&self.doc, self.key.kind)
            .expect("a document is read before each change of it is kept")
    }

    fn first(&self) -> automerge::ChangeHash {
        let first = self
            .doc
            .get_changes_meta(&[])
            .first()
            .map(|change| change.hash);
        first.expect("every document has its first change")
    }
}

/// How places in a text are counted.
const ENCODING: TextEncoding = TextEncoding::UnicodeCodePoint;

/// The time of an entry: later than what it follows, whatever the clock says.
fn later_than(now: Timestamp, before: impl Iterator<Item = Timestamp>) -> Timestamp {
    let step = jiff::SignedDuration::from_micros(1);
    let before = before.filter_map(|at| at.checked_add(step).ok()).max();
    before.map_or(now, |before| before.max(now))
}
