//! Carrying over: what was added to a generation after it had rolled over, by people who did not know yet.
//!
//! A late change is made again as an edit of the next generation, by the hub alone, signed with its author, role and time.
//! It is made on a copy of the next generation that has nothing but its opening and what was carried before: the document
//! as its author saw it. So Automerge merges it with what others did there meanwhile as it merges any two edits that did
//! not know of each other: text keeps its place among the characters that are still there, comments are added, ranks that
//! were set on both sides are a conflict with the usual winner. A rank that had lost in its own generation is not
//! carried; it stays in the history there.

use std::collections::BTreeMap;

use automerge::transaction::Transactable;
use automerge::{PatchAction, ReadDoc};
use jiff::Timestamp;

use super::change::{automerge_hash, guarded};
use super::edit::{add_comment, difference, set_rank};
use super::{
    Actor, Applied, Author, ChangeRefused, Content, Document, DocumentChanged, DocumentKind,
    EditRefused, Ranked, content,
};
use crate::chain::Hash;

/// The most characters that go and come in one change: their bytes always fit
/// [`CHANGE_BYTES_MAX`](super::CHANGE_BYTES_MAX).
const CHARS_PER_CHANGE: usize = 2_000;

/// The most ranks in one change, for the same reason: each with the longest number and name.
const RANKS_PER_CHANGE: usize = 50;

/// Two generations of a document while changes are carried from one into the next.
#[derive(Debug)]
pub struct Carry {
    /// The earlier generation, as far as it is carried.
    earlier: Document,
    /// The next one, as whoever did not hear of it would see it.
    line: Document,
    actor: Actor,
}

/// Why a change is not carried over.
#[derive(Debug, thiserror::Error)]
pub enum CarryRefused {
    #[error("change {0} does not follow what was carried over before")]
    NotNext(Hash),
    #[error("the change is not one of its generation")]
    Change(#[from] ChangeRefused),
    #[error("what it adds cannot be written into the next generation")]
    Edit(#[from] EditRefused),
}

impl Carry {
    /// Goes on from where carrying ended: `earlier` is carried up to the heads `carried`, and `line` are the heads of
    /// that in `next`; its opening, when nothing was carried yet. The actor must be a new one.
    pub fn new(
        (earlier, carried): (&Document, &[Hash]),
        (next, line): (&Document, &[Hash]),
        actor: Actor,
    ) -> Result<Self, CarryRefused> {
        Ok(Self {
            earlier: earlier.at(carried)?,
            line: next.at(line)?,
            actor,
        })
    }

    /// What a late change adds, as changes of the next generation; none when it adds nothing. `at` is when it was made.
    pub fn change(
        &mut self,
        late: &DocumentChanged,
        at: Timestamp,
    ) -> Result<Vec<DocumentChanged>, CarryRefused> {
        let before = self.earlier.doc.get_heads();
        match self.earlier.apply(late)? {
            Applied::New(_) => {}
            Applied::Known => return Ok(Vec::new()),
            Applied::Waits { .. } | Applied::Earlier => {
                return Err(CarryRefused::NotNext(late.hash));
            }
        }
        let mut made = match self.earlier.key.kind {
            DocumentKind::JobNote => self.text(&before, &late.author, at)?,
            DocumentKind::HoldDiscussion => self.comments()?,
            DocumentKind::SchedulePriority => self.ranks(at)?,
        };
        for changed in &mut made {
            changed.carries = Some(late.hash);
        }
        Ok(made)
    }

    /// The heads of what is carried, in the next generation.
    pub fn line(&self) -> Vec<Hash> {
        self.line.heads()
    }

    /// The heads up to which the earlier generation is carried.
    pub fn carried(&self) -> Vec<Hash> {
        self.earlier.heads()
    }

    fn text(
        &mut self,
        before: &[automerge::ChangeHash],
        author: &Author,
        at: Timestamp,
    ) -> Result<Vec<DocumentChanged>, EditRefused> {
        let (Content::Text(old), Content::Text(new)) =
            (self.line.content(), self.earlier.content())
        else {
            return Ok(Vec::new());
        };
        let mut made = Vec::new();
        for splices in in_parts(self.splices(before, &old, &new)?) {
            made.extend(self.line.make(&self.actor, author, at, |tx, object| {
                splices.into_iter().try_for_each(|splice| {
                    let delete = isize::try_from(splice.delete).unwrap_or(isize::MAX);
                    tx.splice_text(object, splice.at, delete, &splice.insert)
                })
            })?);
        }
        Ok(made)
    }

    /// How the text has changed, place by place.
    fn splices(
        &self,
        before: &[automerge::ChangeHash],
        old: &str,
        new: &str,
    ) -> Result<Vec<Splice>, EditRefused> {
        let object = self.earlier.container()?;
        let doc = &self.earlier.doc;
        let patches = guarded(|| doc.diff_obj(&object, before, &doc.get_heads(), false))
            .map_err(EditRefused::Broken)??;
        let splices: Option<Vec<_>> = patches
            .into_iter()
            .map(|patch| match patch.action {
                PatchAction::SpliceText { index, value, .. } => Some(Splice {
                    at: index,
                    delete: 0,
                    insert: value.make_string(),
                }),
                PatchAction::DeleteSeq { index, length } => Some(Splice {
                    at: index,
                    delete: length,
                    insert: String::new(),
                }),
                _ => None,
            })
            .collect();
        match splices {
            Some(splices) if spliced(old, &splices).as_deref() == Some(new) => Ok(splices),
            // Whatever Automerge makes of it, the text is carried.
            _ => {
                let (at, delete, insert) = difference(old, new);
                let delete = delete.unsigned_abs();
                Ok(vec![Splice { at, delete, insert }])
            }
        }
    }

    fn comments(&mut self) -> Result<Vec<DocumentChanged>, EditRefused> {
        let (Content::Comments(mut there), Content::Comments(here)) =
            (self.line.content(), self.earlier.content())
        else {
            return Ok(Vec::new());
        };
        let mut made = Vec::new();
        // Comments are only ever added, so what differs is new.
        for (place, comment) in here.into_iter().enumerate() {
            if there.get(place) == Some(&comment) {
                continue;
            }
            let author = Author {
                name: comment.by.clone(),
                role: comment.role,
            };
            made.extend(
                self.line
                    .make(&self.actor, &author, comment.at, |tx, object| {
                        add_comment(tx, object, place, &comment)
                    })?,
            );
            there.insert(place.min(there.len()), comment);
        }
        Ok(made)
    }

    fn ranks(&mut self, at: Timestamp) -> Result<Vec<DocumentChanged>, EditRefused> {
        let (jobs, there) = (self.earlier.container()?, self.line.container()?);
        let mut set: BTreeMap<Author, Vec<(String, Ranked)>> = BTreeMap::new();
        for job in self.earlier.doc.keys(&jobs) {
            let Some(said) = winner(&self.earlier, &jobs, &job) else {
                continue;
            };
            let stands = match winner(&self.line, &there, &job) {
                Some(standing) => standing == said,
                // A generation does not begin with jobs that were taken out of the order before.
                None => said.rank.is_none(),
            };
            if !stands {
                let author = Author {
                    name: said.by.clone(),
                    role: said.role,
                };
                set.entry(author).or_default().push((job, said));
            }
        }
        let mut made = Vec::new();
        for (author, ranks) in set {
            for ranks in ranks.chunks(RANKS_PER_CHANGE) {
                made.extend(self.line.make(&self.actor, &author, at, |tx, object| {
                    ranks
                        .iter()
                        .try_for_each(|(job, said)| set_rank(tx, object, job, said))
                })?);
            }
        }
        Ok(made)
    }
}

impl Document {
    /// As it was with these heads.
    fn at(&self, heads: &[Hash]) -> Result<Self, EditRefused> {
        let heads: Vec<_> = heads.iter().map(automerge_hash).collect();
        let doc = guarded(|| self.doc.fork_at(&heads)).map_err(EditRefused::Broken)??;
        Ok(Self {
            key: self.key.clone(),
            doc,
            ..*self
        })
    }
}

fn winner(document: &Document, jobs: &automerge::ObjId, job: &str) -> Option<Ranked> {
    content::ranked(&document.doc, jobs, job)?.pop()
}

/// Characters go out of a text and others come in, at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Splice {
    at: usize,
    delete: usize,
    insert: String,
}

/// The text after splices, one after the other; none when one is outside of it.
fn spliced(text: &str, splices: &[Splice]) -> Option<String> {
    let mut chars: Vec<char> = text.chars().collect();
    for splice in splices {
        let end = splice.at.checked_add(splice.delete)?;
        if end > chars.len() {
            return None;
        }
        chars.splice(splice.at..end, splice.insert.chars());
    }
    Some(chars.into_iter().collect())
}

/// Splices in groups of which each fits a change.
fn in_parts(splices: Vec<Splice>) -> Vec<Vec<Splice>> {
    let mut parts: Vec<Vec<Splice>> = Vec::new();
    let mut room = 0;
    for splice in splices.into_iter().flat_map(small) {
        let chars = splice.delete + splice.insert.chars().count();
        match parts.last_mut() {
            Some(part) if chars <= room => part.push(splice),
            _ => {
                parts.push(vec![splice]);
                room = CHARS_PER_CHANGE;
            }
        }
        room = room.saturating_sub(chars);
    }
    parts
}

/// One splice as several of which each fits a change.
fn small(splice: Splice) -> Vec<Splice> {
    let Splice { at, delete, insert } = splice;
    let mut small = Vec::new();
    for begin in (0..delete).step_by(CHARS_PER_CHANGE) {
        small.push(Splice {
            at,
            delete: CHARS_PER_CHANGE.min(delete - begin),
            insert: String::new(),
        });
    }
    let insert: Vec<char> = insert.chars().collect();
    for (n, part) in insert.chunks(CHARS_PER_CHANGE).enumerate() {
        small.push(Splice {
            at: at + n * CHARS_PER_CHANGE,
            delete: 0,
            insert: part.iter().collect(),
        });
    }
    small
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splices_of_any_size_come_in_parts_that_fit_and_do_the_same() {
        let old: String = ('a'..='z').cycle().take(9_000).collect();
        let new: String = ('A'..='Z').cycle().take(7_001).collect();
        let splice = |at, delete, insert: &str| Splice {
            at,
            delete,
            insert: insert.to_owned(),
        };
        let splices = vec![
            splice(500, 8_000, &new),
            splice(3, 0, "x"),
            splice(0, 1, ""),
        ];
        let parts = in_parts(splices.clone());
        let chars = |part: &Vec<Splice>| -> usize {
            part.iter()
                .map(|splice| splice.delete + splice.insert.chars().count())
                .sum()
        };
        assert!(parts.iter().all(|part| chars(part) <= CHARS_PER_CHANGE));
        assert_eq!(spliced(&old, &parts.concat()), spliced(&old, &splices));
        assert_eq!(spliced("abc", &[splice(2, 2, "")]), None);
    }
}
