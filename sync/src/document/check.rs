//! What a change may do. Every replica checks every change in the same way and without looking at its own state, so that
//! all accept the same changes, in whatever order they come.
//!
//! A change adds text to and takes text out of the one text of a note; adds whole comments to a discussion; sets whole
//! entries in the map of a queue. It never touches what others wrote, nor the form of the document. What it signs is
//! signed by its author.

use std::collections::BTreeMap;

use automerge::legacy::{Key, ObjectId, Op, OpId, OpType};
use automerge::{ExpandedChange, ObjType, ScalarValue};
use jiff::Timestamp;

use super::{Author, COMMENT_CHARS_MAX, DocumentKind, JOB_BYTES_MAX, NAME_CHARS_MAX};

/// The fields of a comment and of an entry of a queue.
pub(super) const BY: &str = "by";
pub(super) const ROLE: &str = "role";
pub(super) const AT: &str = "at";
pub(super) const TEXT: &str = "text";
pub(super) const RANK: &str = "rank";

/// Who makes the first change of every document.
pub(super) const FIRST_ACTOR: &[u8] = b"agog-document-01";

/// The place of the object that edits go into, among the operations of the first change.
pub(super) const CONTAINER_OP: u64 = 3;

/// What a change does besides its form: the fields that it sets.
pub(super) type Fields = Vec<String>;

/// Checks a change of a document; says what is wrong with it.
pub(super) fn check(
    kind: DocumentKind,
    change: &ExpandedChange,
    author: &Author,
) -> Result<Fields, &'static str> {
    if change.actor_id.to_bytes() == FIRST_ACTOR {
        return Err("it is made in the name of the first change");
    }
    if change.operations.is_empty() {
        return Err("it changes nothing");
    }
    if author.name.is_empty() || author.name.chars().count() > NAME_CHARS_MAX {
        return Err("its author has no name, or one that is too long");
    }
    match kind {
        DocumentKind::JobNote => change
            .operations
            .iter()
            .try_for_each(text_op)
            .map(|()| Fields::new()),
        DocumentKind::SchedulePriority | DocumentKind::HoldDiscussion => {
            entries(kind, change, author)
        }
    }
}

fn is_container(object: &ObjectId) -> bool {
    matches!(object, ObjectId::Id(OpId(CONTAINER_OP, actor)) if actor.to_bytes() == FIRST_ACTOR)
}

fn text_op(op: &Op) -> Result<(), &'static str> {
    if !is_container(&op.obj) || !matches!(op.key, Key::Seq(_)) {
        return Err("it edits something other than the text");
    }
    match (&op.action, op.insert) {
        (OpType::Put(ScalarValue::Str(_)), true) if op.pred.is_empty() => Ok(()),
        (OpType::Delete, false) => Ok(()),
        _ => Err("it puts something other than characters into the text"),
    }
}

/// An entry that a change makes, until all of its fields were seen.
#[derive(Default)]
struct Entry<'a> {
    field: Option<&'a str>,
    set: BTreeMap<&'a str, &'a ScalarValue>,
}

fn entries(
    kind: DocumentKind,
    change: &ExpandedChange,
    author: &Author,
) -> Result<Fields, &'static str> {
    let mut entries: BTreeMap<u64, Entry<'_>> = BTreeMap::new();
    for (place, op) in (change.start_op.get()..).zip(&change.operations) {
        if is_container(&op.obj) {
            let field = match (kind, &op.key, op.insert) {
                (DocumentKind::HoldDiscussion, Key::Seq(_), true) if op.pred.is_empty() => None,
                (DocumentKind::SchedulePriority, Key::Map(job), false) if is_job(job) => {
                    Some(job.as_str())
                }
                _ => return Err("it does more than to add or set entries"),
            };
            if op.action != OpType::Make(ObjType::Map) {
                return Err("it adds something other than an entry");
            }
            let set = BTreeMap::new();
            entries.insert(place, Entry { field, set });
            continue;
        }
        let entry = match &op.obj {
            ObjectId::Id(OpId(made, actor)) if *actor == change.actor_id => entries.get_mut(made),
            _ => None,
        };
        let entry = entry.ok_or("it edits what others wrote")?;
        let (Key::Map(name), OpType::Put(value), false, true) =
            (&op.key, &op.action, op.insert, op.pred.is_empty())
        else {
            return Err("it gives an entry something other than fields");
        };
        if entry.set.insert(name.as_str(), value).is_some() {
            return Err("it sets a field of an entry twice");
        }
    }
    let own = if kind == DocumentKind::HoldDiscussion {
        TEXT
    } else {
        RANK
    };
    let mut fields = Fields::new();
    for entry in entries.values() {
        let is_signed =
            is_text(entry, BY, &author.name) && is_text(entry, ROLE, author.role.as_str());
        if !is_signed {
            return Err("an entry is signed by somebody other than its author");
        }
        let is_whole = entry.set.len() == 4
            && matches!(entry.set.get(AT), Some(ScalarValue::Int(at)) if Timestamp::from_microsecond(*at).is_ok())
            && match (own, entry.set.get(own)) {
                (TEXT, Some(ScalarValue::Str(text))) => text.chars().count() <= COMMENT_CHARS_MAX,
                (RANK, Some(ScalarValue::Int(_) | ScalarValue::Null)) => true,
                _ => false,
            };
        if !is_whole {
            return Err("an entry has not the fields of its kind");
        }
        fields.extend(entry.field.map(str::to_owned));
    }
    Ok(fields)
}

fn is_text(entry: &Entry<'_>, name: &str, expected: &str) -> bool {
    matches!(entry.set.get(name), Some(ScalarValue::Str(text)) if text == expected)
}

/// Whether a text can be the number of a job.
pub(super) fn is_job(job: &str) -> bool {
    !job.trim().is_empty() && job.len() <= JOB_BYTES_MAX && !job.chars().any(char::is_control)
}
