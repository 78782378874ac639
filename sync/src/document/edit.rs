//! Editing a document: what somebody wants becomes a change.

use std::collections::BTreeMap;

use automerge::transaction::{CommitOptions, Transactable, Transaction};
use automerge::{ActorId, Automerge, AutomergeError, ObjId, ObjType, ReadDoc, ScalarValue};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::check::{AT, BY, RANK, ROLE, TEXT, is_job};
use super::{
    Actor, Author, CHANGE_BYTES_MAX, COMMENT_CHARS_MAX, Comment, Content, Document,
    DocumentChanged, DocumentKind, EDITS_MAX, JOBS_MAX, NAME_CHARS_MAX, Ranked, Role,
    TEXT_CHARS_MAX, content, later_than,
};
use crate::clock::to_micros;

/// What somebody wants of a document. Each kind of document takes the edits of its kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Edit {
    /// The notes shall read so. What the old text and this begin and end with stays, also what others write into it
    /// meanwhile; what is between is replaced.
    Text(String),
    /// Takes characters out of the notes and puts others in their place.
    Splice {
        /// Before which character, from 0.
        at: usize,
        /// How many are taken out.
        #[serde(default)]
        delete: usize,
        #[serde(default)]
        insert: String,
    },
    /// Adds a comment to a discussion.
    Append(String),
    /// Sets the ranks of jobs by their numbers; null takes a job out of the order. Others stay as they are.
    Priorities(BTreeMap<String, Option<i64>>),
}

/// Why an edit is not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditRefused {
    #[error("a {kind} is not edited so; it takes {expected}")]
    WrongKind {
        kind: DocumentKind,
        expected: &'static str,
    },
    #[error("the {what} is empty")]
    Empty { what: &'static str },
    #[error("the {what} would have more than {max} {unit}")]
    TooLong {
        what: &'static str,
        max: usize,
        unit: &'static str,
    },
    #[error("the text has {length} characters; there is nothing at {at}")]
    Outside { at: usize, length: usize },
    #[error("`{0}` is no number of a job")]
    BadJob(String),
    #[error("the document was edited {EDITS_MAX} times and takes no more")]
    Full,
    #[error("the document cannot be edited: {0}")]
    Broken(String),
}

impl EditRefused {
    /// For programs; never changes its meaning.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::WrongKind { .. } => "edit-of-other-kind",
            Self::Empty { .. } => "edit-empty",
            Self::TooLong { .. } => "edit-too-long",
            Self::Outside { .. } => "edit-outside-text",
            Self::BadJob(_) => "bad-job-number",
            Self::Full => "document-full",
            Self::Broken(_) => "document-broken",
        }
    }
}

impl From<AutomergeError> for EditRefused {
    fn from(error: AutomergeError) -> Self {
        Self::Broken(error.to_string())
    }
}

impl Document {
    /// Edits it; gives back the change for everybody else, none when everything is so already.
    pub fn edit(
        &mut self,
        actor: &Actor,
        author: &Author,
        edit: &Edit,
        now: Timestamp,
    ) -> Result<Option<DocumentChanged>, EditRefused> {
        self.admit(author, edit)?;
        let object = self.container()?;
        let now = to_micros(now);
        let entries = entries(&self.doc, &object, edit, now);
        self.make(actor, author, now, |tx, object| {
            write(tx, object, author, edit, &entries)
        })
    }

    /// The object that edits go into.
    pub(super) fn container(&self) -> Result<ObjId, EditRefused> {
        content::container_of(&self.doc, self.key.kind)
            .ok_or_else(|| EditRefused::Broken("it has lost its form".to_owned()))
    }

    /// Makes a change of what `write` writes, and takes it in; none when it writes nothing.
    pub(super) fn make(
        &mut self,
        actor: &Actor,
        author: &Author,
        now: Timestamp,
        write: impl FnOnce(&mut Transaction<'_>, &ObjId) -> Result<(), AutomergeError>,
    ) -> Result<Option<DocumentChanged>, EditRefused> {
        let object = self.container()?;
        let mut fork = self.doc.clone();
        fork.set_actor(ActorId::from(&actor[..]));
        let mut tx = fork.transaction();
        write(&mut tx, &object)?;
        let (made, _) = tx.commit_with(CommitOptions::default().with_time(now.as_second()));
        if made.is_none() {
            return Ok(None);
        }
        let made = fork
            .get_last_local_change()
            .ok_or_else(|| EditRefused::Broken("the change is not there".to_owned()))?;
        if made.raw_bytes().len() > CHANGE_BYTES_MAX {
            return Err(EditRefused::TooLong {
                what: "change",
                max: CHANGE_BYTES_MAX,
                unit: "bytes",
            });
        }
        let changed = DocumentChanged::of(self, author, &made);
        // What is made here passes the checks of everybody else, or it is not made.
        let mut checked = self.clone();
        checked
            .apply(&changed)
            .map_err(|refused| EditRefused::Broken(refused.to_string()))?;
        self.doc = checked.doc;
        Ok(Some(changed))
    }

    /// The limits for whoever edits.
    fn admit(&self, author: &Author, edit: &Edit) -> Result<(), EditRefused> {
        let too_long = |what, max, unit| Err(EditRefused::TooLong { what, max, unit });
        let empty = |what| Err(EditRefused::Empty { what });
        if author.name.trim().is_empty() {
            return empty("name of the author");
        }
        if author.name.chars().count() > NAME_CHARS_MAX {
            return too_long("name of the author", NAME_CHARS_MAX, "characters");
        }
        if self.changes_since_roll() >= EDITS_MAX {
            return Err(EditRefused::Full);
        }
        match (edit, self.content()) {
            (Edit::Text(text), Content::Text(_)) if text.chars().count() > TEXT_CHARS_MAX => {
                too_long("text", TEXT_CHARS_MAX, "characters")
            }
            (Edit::Text(_), Content::Text(_)) => Ok(()),
            (Edit::Splice { at, delete, insert }, Content::Text(text)) => {
                let length = text.chars().count();
                match at.checked_add(*delete) {
                    Some(end) if end <= length => {}
                    _ => {
                        return Err(EditRefused::Outside {
                            at: at.saturating_add(*delete),
                            length,
                        });
                    }
                }
                if length - delete + insert.chars().count() > TEXT_CHARS_MAX {
                    return too_long("text", TEXT_CHARS_MAX, "characters");
                }
                Ok(())
            }
            (Edit::Append(text), Content::Comments(_)) => match text.chars().count() {
                _ if text.trim().is_empty() => empty("comment"),
                length if length > COMMENT_CHARS_MAX => {
                    too_long("comment", COMMENT_CHARS_MAX, "characters")
                }
                _ => Ok(()),
            },
            (Edit::Priorities(ranks), Content::Priorities(standing)) => {
                if ranks.is_empty() {
                    return empty("set of ranks");
                }
                if let Some(job) = ranks.keys().find(|job| !is_job(job)) {
                    return Err(EditRefused::BadJob(job.clone()));
                }
                let others = standing
                    .iter()
                    .filter(|one| !ranks.contains_key(&one.job))
                    .count();
                if others + ranks.len() > JOBS_MAX {
                    return too_long("queue", JOBS_MAX, "jobs");
                }
                Ok(())
            }
            _ => Err(EditRefused::WrongKind {
                kind: self.key.kind,
                expected: match self.key.kind {
                    DocumentKind::JobNote => "`text` or `splice`",
                    DocumentKind::SchedulePriority => "`priorities`",
                    DocumentKind::HoldDiscussion => "`append`",
                },
            }),
        }
    }
}

/// The entries that an edit sets, with their times: later than what they follow. A rank that stands already, and alone,
/// is not set again.
fn entries(
    doc: &Automerge,
    object: &ObjId,
    edit: &Edit,
    now: Timestamp,
) -> BTreeMap<String, (Option<i64>, Timestamp)> {
    let Edit::Priorities(ranks) = edit else {
        return BTreeMap::from([(String::new(), (None, now))]);
    };
    let mut entries = BTreeMap::new();
    for (job, rank) in ranks {
        let said = content::ranked(doc, object, job).unwrap_or_default();
        let stands = match &said[..] {
            [] => rank.is_none(),
            [only] => only.rank == *rank,
            _ => false,
        };
        if !stands {
            let at = later_than(now, said.iter().map(|said| said.at));
            entries.insert(job.clone(), (*rank, at));
        }
    }
    entries
}

fn write(
    tx: &mut Transaction<'_>,
    object: &ObjId,
    author: &Author,
    edit: &Edit,
    entries: &BTreeMap<String, (Option<i64>, Timestamp)>,
) -> Result<(), AutomergeError> {
    match edit {
        Edit::Text(text) => {
            let (at, delete, insert) = difference(&tx.text(object)?, text);
            tx.splice_text(object, at, delete, &insert)?;
        }
        Edit::Splice { at, delete, insert } => {
            let delete = isize::try_from(*delete).map_err(|_| AutomergeError::InvalidIndex(*at))?;
            tx.splice_text(object, *at, delete, insert)?;
        }
        Edit::Append(text) => {
            let end = tx.length(object);
            for (_, at) in entries.values() {
                let comment = Comment {
                    by: author.name.clone(),
                    role: author.role,
                    at: *at,
                    text: text.clone(),
                };
                add_comment(tx, object, end, &comment)?;
            }
        }
        Edit::Priorities(_) => {
            for (job, (rank, at)) in entries {
                let said = Ranked {
                    role: author.role,
                    at: *at,
                    by: author.name.clone(),
                    rank: *rank,
                };
                set_rank(tx, object, job, &said)?;
            }
        }
    }
    Ok(())
}

/// What has to be replaced in the old text, between what both begin and end with. Looking for more that stays would take
/// time that grows with the square of the length.
pub(super) fn difference(old: &str, new: &str) -> (usize, isize, String) {
    let (old, new): (Vec<char>, Vec<char>) = (old.chars().collect(), new.chars().collect());
    let begin = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let (old, new) = (&old[begin..], &new[begin..]);
    let end = old
        .iter()
        .rev()
        .zip(new.iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let delete = isize::try_from(old.len() - end).unwrap_or(isize::MAX);
    (begin, delete, new[..new.len() - end].iter().collect())
}

/// Adds a comment before the one at `place`.
pub(super) fn add_comment(
    tx: &mut Transaction<'_>,
    comments: &ObjId,
    place: usize,
    comment: &Comment,
) -> Result<(), AutomergeError> {
    let entry = tx.insert_object(comments, place, ObjType::Map)?;
    sign(tx, &entry, &comment.by, comment.role, comment.at)?;
    tx.put(&entry, TEXT, comment.text.as_str())
}

/// Sets the rank of a job.
pub(super) fn set_rank(
    tx: &mut Transaction<'_>,
    jobs: &ObjId,
    job: &str,
    said: &Ranked,
) -> Result<(), AutomergeError> {
    let entry = tx.put_object(jobs, job, ObjType::Map)?;
    sign(tx, &entry, &said.by, said.role, said.at)?;
    let rank = said.rank.map_or(ScalarValue::Null, ScalarValue::Int);
    tx.put(&entry, RANK, rank)
}

fn sign(
    tx: &mut Transaction<'_>,
    entry: &ObjId,
    by: &str,
    role: Role,
    at: Timestamp,
) -> Result<(), AutomergeError> {
    tx.put(entry, BY, by)?;
    tx.put(entry, ROLE, role.as_str())?;
    tx.put(entry, AT, at.as_microsecond())
}
