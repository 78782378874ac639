//! What a document says, and where edits that did not know of each other meet.

use automerge::{Automerge, ObjId, ObjType, ROOT, ReadDoc, ScalarValue, Value};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::check::{AT, BY, RANK, ROLE, TEXT};
use super::{DocumentKind, Role};

/// What a document says, by its kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// The notes of a job.
    Text(String),
    /// What people said about a hold, in one order everywhere: a comment stands after those that its author saw.
    Comments(Vec<Comment>),
    /// The jobs of a queue by rank, then by number.
    Priorities(Vec<Priority>),
}

/// What somebody said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comment {
    pub by: String,
    pub role: Role,
    pub at: Timestamp,
    pub text: String,
}

/// The rank of a job in a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Priority {
    /// The number of the job.
    pub job: String,
    /// The lower ones are first.
    pub rank: i64,
    pub by: String,
    pub role: Role,
    pub at: Timestamp,
}

/// Edits of one field of which none knew the other. The winner stands until somebody edits the field again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// The number of the job whose rank it is.
    pub field: String,
    pub winner: Ranked,
    pub losers: Vec<Ranked>,
}

/// What somebody said about the rank of a job. Ordered by the rule for conflicts: planner over shift lead over
/// operator, then the later edit; what is left to decide is decided alike everywhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ranked {
    pub role: Role,
    pub at: Timestamp,
    pub by: String,
    /// None takes the job out of the order.
    pub rank: Option<i64>,
}

/// The name of the object that the edits of a kind go into, and its type.
pub(super) const fn container(kind: DocumentKind) -> (&'static str, ObjType) {
    match kind {
        DocumentKind::JobNote => ("text", ObjType::Text),
        DocumentKind::SchedulePriority => ("jobs", ObjType::Map),
        DocumentKind::HoldDiscussion => ("comments", ObjType::List),
    }
}

/// The object that the edits go into; none when the document has not the form of its kind.
pub(super) fn container_of(doc: &Automerge, kind: DocumentKind) -> Option<ObjId> {
    let (name, form) = container(kind);
    match doc.get(ROOT, name).ok()?? {
        (Value::Object(found), object) if found == form => Some(object),
        _ => None,
    }
}

/// Reads a document; none when it has not the form of its kind.
pub(super) fn read(doc: &Automerge, kind: DocumentKind) -> Option<(Content, Vec<Conflict>)> {
    let object = container_of(doc, kind)?;
    Some(match kind {
        DocumentKind::JobNote => (Content::Text(doc.text(&object).ok()?), Vec::new()),
        DocumentKind::HoldDiscussion => (Content::Comments(comments(doc, &object)?), Vec::new()),
        DocumentKind::SchedulePriority => priorities(doc, &object)?,
    })
}

fn comments(doc: &Automerge, list: &ObjId) -> Option<Vec<Comment>> {
    (0..doc.length(list))
        .map(|place| {
            let (_, entry) = doc.get(list, place).ok()??;
            Some(Comment {
                by: text(doc, &entry, BY)?,
                role: text(doc, &entry, ROLE)?.parse().ok()?,
                at: at(doc, &entry)?,
                text: text(doc, &entry, TEXT)?,
            })
        })
        .collect()
}

fn priorities(doc: &Automerge, jobs: &ObjId) -> Option<(Content, Vec<Conflict>)> {
    let (mut priorities, mut conflicts) = (Vec::new(), Vec::new());
    for job in doc.keys(jobs) {
        let mut said = ranked(doc, jobs, &job)?;
        let winner = said.pop()?;
        if let Some(rank) = winner.rank {
            priorities.push(Priority {
                job: job.clone(),
                rank,
                by: winner.by.clone(),
                role: winner.role,
                at: winner.at,
            });
        }
        if !said.is_empty() {
            said.reverse();
            conflicts.push(Conflict {
                field: job,
                winner,
                losers: said,
            });
        }
    }
    priorities.sort_by(|a, b| (a.rank, &a.job).cmp(&(b.rank, &b.job)));
    Some((Content::Priorities(priorities), conflicts))
}

/// All that stands for the rank of a job, the winner last.
pub(super) fn ranked(doc: &Automerge, jobs: &ObjId, job: &str) -> Option<Vec<Ranked>> {
    let mut said = doc
        .get_all(jobs, job)
        .ok()?
        .into_iter()
        .map(|(_, entry)| {
            let rank = match doc.get(&entry, RANK).ok()?? {
                (Value::Scalar(rank), _) => match *rank {
                    ScalarValue::Int(rank) => Some(rank),
                    _ => None,
                },
                _ => return None,
            };
            Some(Ranked {
                role: text(doc, &entry, ROLE)?.parse().ok()?,
                at: at(doc, &entry)?,
                by: text(doc, &entry, BY)?,
                rank,
            })
        })
        .collect::<Option<Vec<_>>>()?;
    said.sort();
    Some(said)
}

fn text(doc: &Automerge, entry: &ObjId, name: &str) -> Option<String> {
    match doc.get(entry, name).ok()?? {
        (Value::Scalar(value), _) => value.as_str().map(str::to_owned),
        _ => None,
    }
}

fn at(doc: &Automerge, entry: &ObjId) -> Option<Timestamp> {
    match doc.get(entry, AT).ok()?? {
        (Value::Scalar(value), _) => Timestamp::from_microsecond(value.as_i64()?).ok(),
        _ => None,
    }
}
