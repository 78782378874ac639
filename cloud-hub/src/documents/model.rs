//! What is known of a document and of its changes.

use agog_sync::chain::Hash;
use agog_sync::document::{Conflict, DocumentChanged, DocumentKey};
use agog_sync::ids::EventId;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// A document in a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct DocumentRow {
    /// One of job-note, schedule-priority, hold-discussion.
    #[schema(example = "job-note")]
    pub kind: String,
    /// The id of its record: the job, the hold, or `{plant code}:{device}` of a queue.
    #[schema(example = "HAM:press-3")]
    pub id: String,
    /// How often it was edited.
    pub changes: i32,
    /// Fields on which edits disagree that did not know of each other.
    pub conflicts: i32,
    /// The changes that no other follows; equal heads are equal documents.
    #[schema(value_type = Vec<String>)]
    pub heads: Vec<Hash>,
    /// From 1: one that was edited often begins anew from what it says, as its next generation.
    pub generation: i32,
    #[schema(value_type = String)]
    pub updated_at: Timestamp,
}

/// A document as it is stored.
pub(super) struct Stored {
    pub saved: Vec<u8>,
    /// The event that its generation began with; none for the first.
    pub rolled_by: Option<EventId>,
    pub updated_at: Timestamp,
}

/// A change that is new here.
pub(super) struct NewChange {
    pub changed: DocumentChanged,
    pub event_id: EventId,
    pub changed_at: Timestamp,
    pub waits: bool,
    pub concurrent: Vec<Hash>,
    pub conflicts: Vec<Conflict>,
}

/// What becomes of a change that has waited.
pub(super) struct Settled {
    pub document: DocumentKey,
    pub hash: Hash,
    pub refused: Option<String>,
    pub concurrent: Vec<Hash>,
    pub conflicts: Vec<Conflict>,
}

/// A change in the history of a document.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HistoryRow {
    #[serde(skip)]
    pub change_id: i64,
    #[schema(value_type = String)]
    pub hash: Hash,
    /// The ledger event that it came with.
    #[schema(value_type = Uuid)]
    pub event_id: EventId,
    pub author: String,
    #[schema(example = "operator")]
    pub role: String,
    /// By the clock of its author.
    #[schema(value_type = String)]
    pub changed_at: Timestamp,
    /// When the hub applied it; none while it waits for changes that it follows.
    #[schema(value_type = Option<String>)]
    pub applied_at: Option<Timestamp>,
    /// Why it could not be applied.
    pub refused: Option<String>,
    /// The generation of the document that it changed.
    pub generation: i32,
    /// The change of the generation before that the hub carried over with this one: its author had not heard of the next.
    #[schema(value_type = Option<String>)]
    pub carries: Option<Hash>,
    /// What it met that its author did not know of; none when it simply follows.
    pub merge: Option<MergeRow>,
}

/// Edits that met.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MergeRow {
    /// The hashes of the changes that the author had not seen.
    #[schema(value_type = Vec<String>)]
    pub concurrent_with: Vec<Hash>,
    /// Fields on which others said something else: the winner, and the losers.
    #[schema(value_type = Vec<Object>)]
    pub conflicts: Vec<Conflict>,
}
