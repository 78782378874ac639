//! The SQL of generations: those that are closed, and how far they are carried over.

use agog_sync::chain::Hash;
use agog_sync::document::{Document, DocumentKey};
use agog_sync::ids::EventId;
use jiff::Timestamp;

use super::store::{bytes, hashes};
use crate::db::{DbError, Instant, TenantTx};

/// A generation that is closed.
pub(super) struct Closed {
    pub saved: Vec<u8>,
    /// The heads up to which the next generation has what this one says.
    pub carried: Vec<Hash>,
    /// The heads of that in the next generation.
    pub line: Vec<Hash>,
}

/// A closed generation of a document.
pub(super) async fn generation_find(
    tx: &mut TenantTx,
    key: &DocumentKey,
    generation: u32,
) -> Result<Option<Closed>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let row = sqlx::query!(
        "select saved, carried, line from document_generation
         where tenant_id = $1 and kind = $2 and document_id = $3 and generation = $4",
        tenant_id,
        key.kind.as_str(),
        key.id,
        number(generation)?,
    )
    .fetch_optional(tx.conn())
    .await?;
    row.map(|row| {
        Ok(Closed {
            saved: row.saved,
            carried: hashes(&row.carried)?,
            line: hashes(&row.line)?,
        })
    })
    .transpose()
}

/// The oldest generation of which something is to be carried over.
pub(super) async fn generation_late(
    tx: &mut TenantTx,
    key: &DocumentKey,
) -> Result<Option<u32>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let generation = sqlx::query_scalar!(
        "select min(generation) from document_generation
         where tenant_id = $1 and kind = $2 and document_id = $3 and carried <> heads",
        tenant_id,
        key.kind.as_str(),
        key.id,
    )
    .fetch_one(tx.conn())
    .await?;
    generation
        .map(|generation| u32::try_from(generation).map_err(DbError::stored))
        .transpose()
}

/// How often the present generation of a document was edited.
pub(super) async fn changes_since_roll(
    tx: &mut TenantTx,
    key: &DocumentKey,
) -> Result<usize, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let changes = sqlx::query_scalar!(
        r#"select changes - changes_before as "changes!" from document
         where tenant_id = $1 and kind = $2 and document_id = $3"#,
        tenant_id,
        key.kind.as_str(),
        key.id,
    )
    .fetch_optional(tx.conn())
    .await?;
    usize::try_from(changes.unwrap_or_default()).map_err(DbError::stored)
}

/// Closes the present generation of a document, and begins the next, all of it carried. The caller holds its lock.
pub(super) async fn generation_open(
    tx: &mut TenantTx,
    closed: &Document,
    opened: &Document,
    rolled_by: EventId,
    now: Timestamp,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let key = closed.key();
    let heads = bytes(&closed.heads());
    let line = bytes(&opened.heads());
    sqlx::query!(
        "insert into document_generation (tenant_id, kind, document_id, generation, saved, heads, carried, line, closed_at)
         values ($1, $2, $3, $4, $5, $6, $6, $7, $8)",
        tenant_id,
        key.kind.as_str(),
        key.id,
        number(closed.generation())?,
        closed.save(),
        &heads,
        &line,
        Instant(now) as _,
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!(
        "update document set generation = $4, saved = $5, heads = $6, changes = $7, changes_before = $7, conflicts = 0,
             rolled_by = $8, updated_at = $9
         where tenant_id = $1 and kind = $2 and document_id = $3",
        tenant_id,
        key.kind.as_str(),
        key.id,
        number(opened.generation())?,
        opened.save(),
        &line,
        i32::try_from(opened.changes()).map_err(DbError::stored)?,
        rolled_by.uuid(),
        Instant(now) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Stores a closed generation with what came late.
pub(super) async fn generation_put(tx: &mut TenantTx, document: &Document) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let key = document.key();
    sqlx::query!(
        "update document_generation set saved = $5, heads = $6
         where tenant_id = $1 and kind = $2 and document_id = $3 and generation = $4",
        tenant_id,
        key.kind.as_str(),
        key.id,
        number(document.generation())?,
        document.save(),
        &bytes(&document.heads()),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Notes how far a closed generation is carried over.
pub(super) async fn generation_carried(
    tx: &mut TenantTx,
    earlier: &Document,
    line: &[Hash],
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let key = earlier.key();
    sqlx::query!(
        "update document_generation set carried = $5, line = $6
         where tenant_id = $1 and kind = $2 and document_id = $3 and generation = $4",
        tenant_id,
        key.kind.as_str(),
        key.id,
        number(earlier.generation())?,
        &bytes(&earlier.heads()),
        &bytes(line),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub(super) fn number(generation: u32) -> Result<i32, DbError> {
    i32::try_from(generation).map_err(DbError::stored)
}
