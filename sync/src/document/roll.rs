//! Rolling over: a document that was edited often begins anew from what it says.
//!
//! Every edit stays in a document for ever, and with it the time that each further one takes. So the hub, and the hub
//! alone, closes a generation: one event says what the document said then, and what of the generation was in that. All
//! replicas make the same first change of the next generation from this event. Conflicts that nobody decided end here:
//! the winner stands, the losers stay in the history.

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, Automerge, AutomergeError, ROOT, ReadDoc, Value};
use serde::{Deserialize, Serialize};

use super::change::guarded;
use super::check::{self, is_job};
use super::edit::{add_comment, set_rank};
use super::{Content, Document, DocumentKey, DocumentKind, ENCODING, Ranked, content};
use crate::chain::{CanonicalHasher, Hash};

/// The generation that every document begins with.
pub const FIRST_GENERATION: u32 = 1;

/// A generation that was edited so often rolls over, unless a hub is configured otherwise: reading and writing it whole takes some milliseconds then.
pub const ROLL_AT: usize = 1_000;

/// The most bytes of JSON that a generation begins with; a document that says more does not roll over. Feeds carry it in
/// one item.
pub const OPENING_BYTES_MAX: usize = 1024 * 1024;

/// The names in the root of a document that its first change sets.
const DOCUMENT: &str = "document";
const VERSION: &str = "version";
const GENERATION: &str = "generation";
const CHANGES: &str = "changes";
const FOLLOWS: &str = "follows";

/// A document rolled over: the payload of a ledger event `document.rolled`, which the hub alone records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentRolled {
    pub document: DocumentKey,
    /// The generation that begins.
    pub generation: u32,
    /// What of the generation before is in it: the heads that the hub had.
    pub heads: Vec<Hash>,
    /// How often the document was edited until then.
    pub changes: u64,
    /// What it said, with authors and times: what the generation begins with.
    pub content: Content,
}

/// Why a generation cannot begin so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RollRefused {
    #[error("`{0}` is no document")]
    BadKey(DocumentKey),
    #[error("generation {0} does not follow another")]
    BadGeneration(u32),
    #[error("what it would begin with is not what a {0} says")]
    OtherKind(DocumentKind),
    #[error("it would begin with more than {OPENING_BYTES_MAX} bytes")]
    TooLarge,
    #[error("it cannot begin so: {0}")]
    Broken(String),
}

impl RollRefused {
    /// For programs; never changes its meaning.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BadKey(_) => "bad-document-id",
            Self::BadGeneration(_) => "bad-generation",
            Self::OtherKind(_) | Self::Broken(_) => "opening-misfit",
            Self::TooLarge => "opening-too-large",
        }
    }
}

impl Document {
    /// What the next generation would begin with, as this replica has the document.
    pub fn roll(&self) -> DocumentRolled {
        DocumentRolled {
            document: self.key.clone(),
            generation: self.generation + 1,
            heads: self.heads(),
            changes: self.changes() as u64,
            content: self.content(),
        }
    }

    /// The generation that begins with a roll.
    pub fn opened(rolled: &DocumentRolled) -> Result<Self, RollRefused> {
        let key = rolled.document.clone();
        if !key.has_form() {
            return Err(RollRefused::BadKey(key));
        }
        if rolled.generation <= FIRST_GENERATION {
            return Err(RollRefused::BadGeneration(rolled.generation));
        }
        let is_of_kind = match (key.kind, &rolled.content) {
            (DocumentKind::JobNote, Content::Text(_))
            | (DocumentKind::HoldDiscussion, Content::Comments(_)) => true,
            (DocumentKind::SchedulePriority, Content::Priorities(ranks)) => {
                ranks.iter().all(|one| is_job(&one.job))
            }
            _ => false,
        };
        if !is_of_kind {
            return Err(RollRefused::OtherKind(key.kind));
        }
        let bytes = serde_json::to_vec(&rolled.content)
            .map_err(|error| RollRefused::Broken(error.to_string()))?;
        if bytes.len() > OPENING_BYTES_MAX {
            return Err(RollRefused::TooLarge);
        }
        let begun = guarded(|| begin(&key, Some(rolled)).map_err(|error| error.to_string()));
        let doc = begun.and_then(|begun| begun).map_err(RollRefused::Broken)?;
        if content::read(&doc, key.kind).is_none() {
            return Err(RollRefused::OtherKind(key.kind));
        }
        Ok(Self {
            key,
            generation: rolled.generation,
            before: rolled.changes,
            doc,
        })
    }
}

/// The first change of a generation. Its container is in the same place in all of them ([`check::CONTAINER_OP`]).
pub(super) fn begin(
    key: &DocumentKey,
    rolled: Option<&DocumentRolled>,
) -> Result<Automerge, AutomergeError> {
    let mut doc = Automerge::new_with_encoding(ENCODING);
    doc.set_actor(ActorId::from(check::FIRST_ACTOR));
    let (name, form) = content::container(key.kind);
    let mut tx = doc.transaction();
    tx.put(ROOT, DOCUMENT, key.to_string())?;
    tx.put(ROOT, VERSION, 1_u64)?;
    let object = tx.put_object(ROOT, name, form)?;
    if let Some(rolled) = rolled {
        tx.put(ROOT, GENERATION, u64::from(rolled.generation))?;
        tx.put(ROOT, CHANGES, rolled.changes)?;
        tx.put(ROOT, FOLLOWS, follows(&rolled.heads).to_string())?;
        match &rolled.content {
            Content::Text(text) => tx.splice_text(&object, 0, 0, text)?,
            Content::Comments(comments) => {
                for (place, comment) in comments.iter().enumerate() {
                    add_comment(&mut tx, &object, place, comment)?;
                }
            }
            Content::Priorities(ranks) => {
                for one in ranks {
                    let said = Ranked {
                        role: one.role,
                        at: one.at,
                        by: one.by.clone(),
                        rank: Some(one.rank),
                    };
                    set_rank(&mut tx, &object, &one.job, &said)?;
                }
            }
        }
    }
    tx.commit_with(CommitOptions::default().with_time(0));
    Ok(doc)
}

/// Which generation a document is, and how often it was edited before; none when it does not begin as one of this key.
pub(super) fn begun(doc: &Automerge, key: &DocumentKey) -> Option<(u32, u64)> {
    let Some(generation) = number(doc, GENERATION) else {
        let first = Document::new(key.clone()).first();
        let begins = doc.get_change_by_hash(&first).is_some();
        return begins.then_some((FIRST_GENERATION, 0));
    };
    let generation = u32::try_from(generation).ok()?;
    let (document, _) = doc.get(ROOT, DOCUMENT).ok()??;
    let first = doc.get_changes_meta(&[]);
    let first = first.first()?;
    let begins = first.actor.to_bytes() == check::FIRST_ACTOR
        && first.deps.is_empty()
        && document.as_str() == Some(key.to_string().as_str());
    (begins && generation > FIRST_GENERATION).then_some((generation, number(doc, CHANGES)?))
}

fn number(doc: &Automerge, name: &str) -> Option<u64> {
    match doc.get(ROOT, name).ok()?? {
        (Value::Scalar(value), _) => value.as_u64(),
        _ => None,
    }
}

/// One hash of many heads.
fn follows(heads: &[Hash]) -> Hash {
    let mut hasher = CanonicalHasher::new("agog document generation 1");
    for head in heads {
        hasher.field(head.as_bytes());
    }
    hasher.finish()
}
