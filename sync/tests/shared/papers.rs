//! Documents, authors and times that tests of documents share.

use agog_sync::document::{Author, DocumentKey, DocumentKind, Edit, Role};
use jiff::Timestamp;

pub(crate) const HOLD: &str = "01932b9e-7c00-7000-8000-000000000001";

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_760_000_000 + seconds).unwrap()
}

pub(crate) fn author(name: &str, role: Role) -> Author {
    Author {
        name: name.to_owned(),
        role,
    }
}

pub(crate) fn key(kind: DocumentKind) -> DocumentKey {
    match kind {
        DocumentKind::SchedulePriority => DocumentKey::queue("HAM", "press-3"),
        _ => DocumentKey::new(kind, HOLD),
    }
}

pub(crate) fn ranks<const N: usize>(ranks: [(&str, Option<i64>); N]) -> Edit {
    let ranks = ranks.into_iter().map(|(job, rank)| (job.to_owned(), rank));
    Edit::Priorities(ranks.collect())
}
