//! The SQL of documents and their changes.

use std::collections::{BTreeMap, BTreeSet};

use agog_sync::chain::Hash;
use agog_sync::document::repair::DocumentHeads;
use agog_sync::document::{Conflict, Document, DocumentKey};
use agog_sync::ids::EventId;
use jiff::Timestamp;
use sqlx::types::Json;

use super::model::{DocumentRow, HistoryRow, MergeRow, NewChange, Settled, Stored};
use super::store_generations::number;
use crate::db::{DbError, Instant, TenantTx};

/// Locks documents until the transaction ends, in the order of their keys; those that are not there are made.
pub async fn documents_lock(
    tx: &mut TenantTx,
    keys: &BTreeSet<&DocumentKey>,
    now: Timestamp,
) -> Result<(), DbError> {
    if keys.is_empty() {
        return Ok(());
    }
    let tenant_id = tx.tenant_id().uuid();
    let (kinds, ids) = columns(keys.iter().copied());
    sqlx::query!(
        "insert into document (tenant_id, kind, document_id, created_at, updated_at)
         select $1, kind, document_id, $4, $4 from unnest($2::text[], $3::text[]) as e (kind, document_id)
         order by kind, document_id
         on conflict do nothing",
        tenant_id,
        &kinds as _,
        &ids as _,
        Instant(now) as _,
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!(
        "select 1 as one from document
         where tenant_id = $1 and (kind, document_id) in (select * from unnest($2::text[], $3::text[]))
         order by kind, document_id for no key update",
        tenant_id,
        &kinds as _,
        &ids as _,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(())
}

fn columns<'a>(keys: impl Iterator<Item = &'a DocumentKey>) -> (Vec<&'a str>, Vec<&'a str>) {
    keys.map(|key| (key.kind.as_str(), key.id.as_str())).unzip()
}

/// A document that was edited.
pub(super) async fn document_find(
    tx: &mut TenantTx,
    key: &DocumentKey,
) -> Result<Option<Stored>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let row = sqlx::query!(
        r#"select saved, rolled_by, updated_at as "updated_at: Instant" from document
         where tenant_id = $1 and kind = $2 and document_id = $3 and changes > 0"#,
        tenant_id,
        key.kind.as_str(),
        key.id,
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|row| Stored {
        saved: row.saved,
        rolled_by: row.rolled_by.map(EventId::from_uuid),
        updated_at: row.updated_at.into(),
    }))
}

/// Stores a document as it is now. The caller holds its lock.
pub(super) async fn document_put(
    tx: &mut TenantTx,
    document: &Document,
    now: Timestamp,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let heads = bytes(&document.heads());
    let put = sqlx::query!(
        "update document set saved = $4, heads = $5, changes = $6, conflicts = $7, updated_at = $8
         where tenant_id = $1 and kind = $2 and document_id = $3",
        tenant_id,
        document.key().kind.as_str(),
        document.key().id,
        document.save(),
        &heads,
        i32::try_from(document.changes()).map_err(DbError::stored)?,
        i32::try_from(document.conflicts().len()).map_err(DbError::stored)?,
        Instant(now) as _,
    )
    .execute(tx.conn())
    .await?;
    match put.rows_affected() {
        1 => Ok(()),
        _ => Err(DbError::stored(format!(
            "document {} was not locked",
            document.key()
        ))),
    }
}

/// The documents of the tenant in the order of their keys, after one.
pub(super) async fn document_list(
    tx: &mut TenantTx,
    kind: Option<&str>,
    after: Option<&(String, String)>,
    limit: i64,
) -> Result<Vec<DocumentRow>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let (after_kind, after_id) = after.map_or(("", ""), |(kind, id)| (kind, id));
    let rows = sqlx::query!(
        r#"select kind, document_id, heads, generation, changes, conflicts, updated_at as "updated_at: Instant" from document
         where tenant_id = $1 and changes > 0 and ($2::text is null or kind = $2) and (kind, document_id) > ($3, $4)
         order by kind, document_id limit $5"#,
        tenant_id,
        kind,
        after_kind,
        after_id,
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(DocumentRow {
                kind: row.kind,
                id: row.document_id,
                changes: row.changes,
                conflicts: row.conflicts,
                heads: hashes(&row.heads)?,
                generation: row.generation,
                updated_at: row.updated_at.into(),
            })
        })
        .collect()
}

/// The heads of all documents that a plant has.
pub(super) async fn heads_of_plant(
    tx: &mut TenantTx,
    plant_code: &str,
) -> Result<Vec<DocumentHeads>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        "select kind, document_id, heads, generation from document
         where tenant_id = $1 and changes > 0
             and (kind <> 'schedule-priority' or starts_with(document_id, $2 || ':'))",
        tenant_id,
        plant_code,
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .map(|row| {
            let kind = row.kind.parse().map_err(DbError::stored)?;
            Ok(DocumentHeads {
                document: DocumentKey::new(kind, row.document_id),
                heads: hashes(&row.heads)?,
                generation: u32::try_from(row.generation).map_err(DbError::stored)?,
            })
        })
        .collect()
}

/// The events of changes.
pub(super) async fn change_events(
    tx: &mut TenantTx,
    key: &DocumentKey,
    changes: &[Hash],
) -> Result<Vec<EventId>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query_scalar!(
        "select c.event_id from unnest($4::bytea[]) with ordinality as e (hash, place)
             join document_change c on c.tenant_id = $1 and c.kind = $2 and c.document_id = $3 and c.hash = e.hash
         order by place",
        tenant_id,
        key.kind.as_str(),
        key.id,
        &bytes(changes),
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(EventId::from_uuid).collect())
}

/// The events of changes of a generation that wait, oldest first.
pub(super) async fn waiting_events(
    tx: &mut TenantTx,
    key: &DocumentKey,
    generation: u32,
) -> Result<Vec<EventId>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query_scalar!(
        "select event_id from document_change
         where tenant_id = $1 and kind = $2 and document_id = $3 and generation = $4 and waits order by change_id",
        tenant_id,
        key.kind.as_str(),
        key.id,
        number(generation)?,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(EventId::from_uuid).collect())
}

/// Which of these changes are kept and are not part of their documents: those that wait, and those that were refused when
/// what they follow had come, with the reason.
pub async fn changes_left(
    tx: &mut TenantTx,
    changes: &[(&DocumentKey, Hash)],
) -> Result<BTreeMap<Hash, Option<String>>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let (kinds, ids) = columns(changes.iter().map(|(key, _)| *key));
    let hashes: Vec<_> = changes.iter().map(|(_, hash)| *hash).collect();
    let rows = sqlx::query!(
        "select hash, refused from document_change
         where tenant_id = $1 and (waits or refused is not null)
             and (kind, document_id, hash) in (select * from unnest($2::text[], $3::text[], $4::bytea[]))",
        tenant_id,
        &kinds as _,
        &ids as _,
        &bytes(&hashes),
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .map(|row| {
            let hash = Hash::try_from(&row.hash[..]).map_err(DbError::stored)?;
            Ok((hash, row.refused))
        })
        .collect()
}

/// Keeps a change. One that was kept before, and is not part of its document for all that, is as it is now.
pub(super) async fn change_add(
    tx: &mut TenantTx,
    change: &NewChange,
    now: Timestamp,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let changed = &change.changed;
    sqlx::query!(
        "insert into document_change (tenant_id, kind, document_id, hash, event_id, author, role, changed_at, waits,
             concurrent, conflicts, applied_at, generation, carries)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, case when $9 then null else $12::timestamptz end, $13, $14)
         on conflict (tenant_id, kind, document_id, hash) do update set waits = excluded.waits, refused = null,
             concurrent = excluded.concurrent, conflicts = excluded.conflicts, applied_at = excluded.applied_at",
        tenant_id,
        changed.document.kind.as_str(),
        changed.document.id,
        &changed.hash.as_bytes()[..],
        change.event_id.uuid(),
        changed.author.name,
        changed.author.role.as_str(),
        Instant(change.changed_at) as _,
        change.waits,
        &bytes(&change.concurrent),
        Json(&change.conflicts) as _,
        Instant(now) as _,
        number(changed.generation)?,
        changed.carries.as_ref().map(|hash| &hash.as_bytes()[..]),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Notes what became of a change that has waited.
pub(super) async fn change_settle(
    tx: &mut TenantTx,
    settled: &Settled,
    now: Timestamp,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "update document_change set waits = false, refused = $5, concurrent = $6, conflicts = $7,
             applied_at = case when $5::text is null then $8::timestamptz end
         where tenant_id = $1 and kind = $2 and document_id = $3 and hash = $4",
        tenant_id,
        settled.document.kind.as_str(),
        settled.document.id,
        &settled.hash.as_bytes()[..],
        settled.refused,
        &bytes(&settled.concurrent),
        Json(&settled.conflicts) as _,
        Instant(now) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The changes of a document, newest first, before one.
pub(super) async fn history(
    tx: &mut TenantTx,
    key: &DocumentKey,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<HistoryRow>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        r#"select change_id, hash, event_id, author, role, changed_at as "changed_at: Instant",
             applied_at as "applied_at: Instant", refused, generation, carries, concurrent, conflicts as "conflicts: Json<Vec<Conflict>>"
         from document_change
         where tenant_id = $1 and kind = $2 and document_id = $3 and ($4::bigint is null or change_id < $4)
         order by change_id desc limit $5"#,
        tenant_id,
        key.kind.as_str(),
        key.id,
        before,
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .map(|row| {
            let concurrent_with = hashes(&row.concurrent)?;
            Ok(HistoryRow {
                change_id: row.change_id,
                hash: Hash::try_from(&row.hash[..]).map_err(DbError::stored)?,
                event_id: EventId::from_uuid(row.event_id),
                author: row.author,
                role: row.role,
                changed_at: row.changed_at.into(),
                applied_at: row.applied_at.map(Into::into),
                refused: row.refused,
                generation: row.generation,
                carries: match row.carries {
                    Some(hash) => Some(Hash::try_from(&hash[..]).map_err(DbError::stored)?),
                    None => None,
                },
                merge: (!concurrent_with.is_empty()).then_some(MergeRow {
                    concurrent_with,
                    conflicts: row.conflicts.0,
                }),
            })
        })
        .collect()
}

pub(super) fn bytes(hashes: &[Hash]) -> Vec<Vec<u8>> {
    hashes.iter().map(|hash| hash.as_bytes().to_vec()).collect()
}

pub(super) fn hashes(bytes: &[Vec<u8>]) -> Result<Vec<Hash>, DbError> {
    let hashes = bytes.iter().map(|bytes| Hash::try_from(&bytes[..]));
    hashes.collect::<Result<_, _>>().map_err(DbError::stored)
}
