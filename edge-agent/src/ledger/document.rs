//! Documents that plant and office edit at the same time: edited here, and changed by what comes down.
//!
//! An edit, its event and the document as it is then are one commit. A document is read, changed and written whole within
//! a request of the writer and kept nowhere else.
//!
//! The hub says when a document rolls over; its next generation takes the place of the one before. Our own changes of that
//! one go up as they are, and come back as the hub carries them over.
//!
//! Limits: those of `agog_sync::document`; at most [`WAITING_MAX`] changes of a document wait for others.

use agog_sync::chain::Hash;
use agog_sync::document::repair::DocumentHeads;
use agog_sync::document::{
    Applied, Author, Document, DocumentChanged, DocumentKey, DocumentKind, DocumentRolled, Edit,
    Role,
};
use agog_sync::event::Event;
use agog_sync::frame::FeedEvent;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tracing::warn;

use super::append::insert_event;
use super::error::{AppendError, LedgerError, Refused};
use super::writer::Books;
use super::{Ledger, Reader, Request, text};

/// More than a plant is told of in a week offline.
const WAITING_MAX: u64 = 1_000;

/// The most documents of a list.
pub const PAGE_DOCUMENTS_MAX: usize = 100;

/// Answered by an index of its own (`document_heads`): it is asked at each connect, of documents of any size.
const ALL_HEADS: &str = "select kind, document_id, heads, generation from document";

/// What somebody at the plant wants of a document.
#[derive(Debug, Clone)]
pub struct DocumentEdit {
    pub document: DocumentKey,
    pub author: Author,
    pub edit: Edit,
}

/// A document in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentRow {
    pub kind: DocumentKind,
    pub id: String,
    /// How often it was edited.
    pub changes: u64,
    /// Fields on which edits disagree that did not know of each other.
    pub conflicts: u64,
    pub updated_at: Timestamp,
}

/// Edits a document; gives back the event of the change, none when everything is so already.
pub(super) fn edit(
    connection: &Connection,
    books: &Books,
    wanted: &DocumentEdit,
    now: Timestamp,
) -> Result<Option<Event>, AppendError> {
    if wanted.author.role == Role::Planner {
        return Err(Refused::PlannerAtPlant.into());
    }
    let mut document = load(connection, &wanted.document)?;
    let actor = &books.document_actor;
    let made = document
        .edit(actor, &wanted.author, &wanted.edit, now)
        .map_err(Refused::from)?;
    let Some(changed) = made else {
        return Ok(None);
    };
    store(connection, &document, now)?;
    Ok(Some(Event::Document(Box::new(changed))))
}

/// Takes in a change that came down, and those that have waited for it.
pub(super) fn take_in(
    connection: &Connection,
    n: u64,
    changed: &DocumentChanged,
    now: Timestamp,
) -> Result<(), LedgerError> {
    let refused = |source| LedgerError::FeedDocument {
        n,
        source: Arc::new(source),
    };
    let mut document = load(connection, &changed.document)?;
    match document.apply(changed).map_err(refused)? {
        Applied::Known | Applied::Earlier => return Ok(()),
        Applied::Waits { .. } => return wait(connection, changed),
        Applied::New(_) => {}
    }
    settle(connection, &mut document)?;
    store(connection, &document, now)
}

/// Begins the generation that a document rolled over into, with the changes that have waited for it. What the hub says of
/// a generation that is here already, or was before, changes nothing, unless the hub was set back and begins it otherwise.
pub(super) fn roll(
    connection: &Connection,
    n: u64,
    rolled: &DocumentRolled,
    now: Timestamp,
) -> Result<(), LedgerError> {
    let here = load(connection, &rolled.document)?;
    let mut opened = Document::opened(rolled).map_err(|source| LedgerError::FeedRoll {
        n,
        source: Arc::new(source),
    })?;
    let is_begun = |head| here.has(head);
    if opened.generation() < here.generation() || opened.heads().iter().any(is_begun) {
        return Ok(());
    }
    settle(connection, &mut opened)?;
    store(connection, &opened, now)
}

/// Takes in an event that this plant lacks, found by comparing heads. It is kept as all events of others are. One of our
/// own that we have lost stays with the hub: its number may be another event's here by now.
pub(super) fn repair(
    connection: &Connection,
    books: &Books,
    item: &FeedEvent,
) -> Result<(), LedgerError> {
    let n = 0;
    let envelope = &item.event;
    envelope
        .verify(item.producer, item.epoch, &envelope.prev_hash)
        .map_err(|source| LedgerError::FeedBroken { n, source })?;
    let event = envelope
        .event()
        .map_err(|source| LedgerError::FeedUnknown {
            n,
            source: Arc::new(source),
        })?;
    let now = books.clock.now();
    match event {
        Event::Document(changed) => take_in(connection, n, &changed, now)?,
        Event::Rolled(rolled) => roll(connection, n, &rolled, now)?,
        _ => return Ok(()),
    }
    let here = connection
        .prepare_cached("select 1 from event where event_id = ?1")?
        .exists([envelope.event_id.to_string()])?;
    if !here && item.producer != books.position.producer {
        let producer = item.producer.to_string();
        insert_event(connection, &producer, item.epoch, envelope, false)?;
    }
    Ok(())
}

/// A document as it is stored, or as it begins.
fn load(connection: &Connection, key: &DocumentKey) -> Result<Document, LedgerError> {
    let saved: Option<Vec<u8>> = connection
        .prepare_cached("select saved from document where kind = ?1 and document_id = ?2")?
        .query_row([key.kind.as_str(), &key.id], |row| row.get(0))
        .optional()?;
    let Some(saved) = saved else {
        return Ok(Document::new(key.clone()));
    };
    Document::load(key.clone(), &saved).map_err(|error| LedgerError::Malformed {
        what: "document",
        detail: error.to_string(),
    })
}

fn store(connection: &Connection, document: &Document, now: Timestamp) -> Result<(), LedgerError> {
    let key = document.key();
    let heads: Vec<u8> = document
        .heads()
        .iter()
        .flat_map(|head| *head.as_bytes())
        .collect();
    connection
        .prepare_cached(
            "insert into document (kind, document_id, saved, heads, changes, conflicts, updated_at, generation)
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             on conflict do update set saved = excluded.saved, heads = excluded.heads, changes = excluded.changes,
                 conflicts = excluded.conflicts, updated_at = excluded.updated_at, generation = excluded.generation",
        )?
        .execute(params![
            key.kind.as_str(),
            key.id,
            document.save(),
            heads,
            document.changes(),
            document.conflicts().len(),
            now.as_microsecond(),
            document.generation(),
        ])?;
    Ok(())
}

/// Keeps a change until those that it follows are here.
fn wait(connection: &Connection, changed: &DocumentChanged) -> Result<(), LedgerError> {
    let key = &changed.document;
    let waiting: u64 = connection
        .prepare_cached(
            "select count(*) from document_waiting where kind = ?1 and document_id = ?2",
        )?
        .query_row([key.kind.as_str(), &key.id], |row| row.get(0))?;
    if waiting >= WAITING_MAX {
        return Err(LedgerError::Malformed {
            what: "document",
            detail: format!("{WAITING_MAX} changes of {key} wait for others already"),
        });
    }
    connection
        .prepare_cached(
            "insert into document_waiting (kind, document_id, hash, changed) values (?1, ?2, ?3, ?4)
             on conflict do nothing",
        )?
        .execute(params![
            key.kind.as_str(),
            key.id,
            changed.hash.as_bytes(),
            text::to_json(changed)
        ])?;
    Ok(())
}

/// Applies those that have waited and wait no more, and forgets those of generations before.
fn settle(connection: &Connection, document: &mut Document) -> Result<(), LedgerError> {
    let key = document.key().clone();
    let mut waiting: Vec<DocumentChanged> = connection
        .prepare_cached(
            "select changed from document_waiting where kind = ?1 and document_id = ?2",
        )?
        .query_map([key.kind.as_str(), &key.id], |row| row.get::<_, String>(0))?
        .map(|changed| text::json(&changed?, "waiting change"))
        .collect::<Result<_, _>>()?;
    loop {
        let before = waiting.len();
        let mut still = Vec::new();
        for changed in waiting {
            match document.apply(&changed) {
                Ok(Applied::Waits { .. }) => {
                    still.push(changed);
                    continue;
                }
                Ok(_) => {}
                Err(error) => warn!(
                    error = &error as &dyn std::error::Error,
                    "change {} of {key} is not taken in", changed.hash
                ),
            }
            connection
                .prepare_cached(
                    "delete from document_waiting where kind = ?1 and document_id = ?2 and hash = ?3",
                )?
                .execute(params![key.kind.as_str(), key.id, changed.hash.as_bytes()])?;
        }
        if still.len() == before {
            return Ok(());
        }
        waiting = still;
    }
}

impl Reader {
    /// A document; an empty one when nobody has edited it here yet.
    pub fn document(&self, key: &DocumentKey) -> Result<Document, LedgerError> {
        load(&self.connection, key)
    }

    /// Documents in the order of their kinds and ids, after one.
    pub fn documents(
        &self,
        kind: Option<DocumentKind>,
        after: Option<&DocumentKey>,
        limit: usize,
    ) -> Result<Vec<DocumentRow>, LedgerError> {
        let (after_kind, after_id) =
            after.map_or(("", ""), |after| (after.kind.as_str(), after.id.as_str()));
        let mut query = self.connection.prepare_cached(
            "select kind, document_id, changes, conflicts, updated_at from document
             where (?1 is null or kind = ?1) and (kind, document_id) > (?2, ?3)
             order by kind, document_id limit ?4",
        )?;
        let mut rows = query.query(params![
            kind.map(DocumentKind::as_str),
            after_kind,
            after_id,
            limit.min(PAGE_DOCUMENTS_MAX + 1)
        ])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(DocumentRow {
                kind: parsed(&row.get::<_, String>(0)?)?,
                id: row.get(1)?,
                changes: row.get(2)?,
                conflicts: row.get(3)?,
                updated_at: instant(row.get(4)?)?,
            });
        }
        Ok(found)
    }

    /// The heads of all documents, for the comparison with the hub.
    pub fn document_heads(&self) -> Result<Vec<DocumentHeads>, LedgerError> {
        let mut query = self.connection.prepare_cached(ALL_HEADS)?;
        let mut rows = query.query([])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let kind = parsed(&row.get::<_, String>(0)?)?;
            let heads: Vec<u8> = row.get(2)?;
            let heads = heads
                .chunks(32)
                .map(Hash::try_from)
                .collect::<Result<_, _>>();
            found.push(DocumentHeads {
                document: DocumentKey::new(kind, row.get::<_, String>(1)?),
                heads: heads.map_err(|error| malformed(&error))?,
                generation: row.get(3)?,
            });
        }
        Ok(found)
    }

    /// Whether a hold is known here, also one that was released.
    pub fn hold_is_known(&self, hold_id: &str) -> Result<bool, LedgerError> {
        let mut query = self
            .connection
            .prepare_cached("select 1 from lot_hold where hold_id = ?1")?;
        Ok(query.exists([hold_id])?)
    }
}

impl Ledger {
    /// Takes in the event of a change that this plant lacks.
    pub async fn repair_document(&self, item: FeedEvent) -> Result<(), LedgerError> {
        self.ask(|answer| Request::RepairDocument {
            item: Box::new(item),
            answer,
        })
        .await
    }
}

fn parsed(kind: &str) -> Result<DocumentKind, LedgerError> {
    kind.parse().map_err(|error| malformed(&error))
}

fn instant(micros: i64) -> Result<Timestamp, LedgerError> {
    Timestamp::from_microsecond(micros).map_err(|error| malformed(&error))
}

fn malformed(error: &dyn std::fmt::Display) -> LedgerError {
    LedgerError::Malformed {
        what: "document",
        detail: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::schema;

    #[test]
    fn the_heads_of_all_documents_are_read_without_the_documents() {
        let folder = tempfile::tempdir().unwrap();
        let connection = schema::open_writer(&folder.path().join("ledger.db")).unwrap();
        let plan: String = connection
            .query_row(
                &format!("explain query plan {}", super::ALL_HEADS),
                [],
                |row| row.get("detail"),
            )
            .unwrap();
        assert!(plan.contains("COVERING INDEX document_heads"), "{plan}");
    }
}
