//! The SQL of the files of jobs. The bytes lie in [`crate::files`].

use agog_sync::chain::Hash;
use agog_sync::frame::TicketFile;
use agog_sync::ids::PlantId;
use jiff::Timestamp;

use crate::db::{DbError, Instant, TenantTx};
use crate::exchange::model::FileEntry;

/// Keeps the files of a tenant from being swept until the transaction ends, or, for the sweep, from being added to.
pub(in crate::exchange) async fn files_lock(
    tx: &mut TenantTx,
    is_sweep: bool,
) -> Result<(), DbError> {
    let (high, low) = tx.tenant_id().uuid().as_u64_pair();
    let key = (high ^ low).cast_signed();
    if is_sweep {
        sqlx::query_scalar!("select pg_advisory_xact_lock($1)", key)
            .fetch_one(tx.conn())
            .await?;
    } else {
        sqlx::query_scalar!("select pg_advisory_xact_lock_shared($1)", key)
            .fetch_one(tx.conn())
            .await?;
    }
    Ok(())
}

/// Which of the files no job wants: none names them, or those that do ended before a time, by the clock of the hub.
pub(in crate::exchange) async fn files_unwanted(
    tx: &mut TenantTx,
    files: &[Hash],
    ended_before: Timestamp,
) -> Result<Vec<Hash>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let files: Vec<_> = files.iter().map(|file| file.as_bytes().to_vec()).collect();
    let rows = sqlx::query_scalar!(
        r#"select asked.blake3 as "blake3!" from unnest($2::bytea[]) as asked (blake3)
           where not exists (
               select from job_file f join job j on j.tenant_id = f.tenant_id and j.job_id = f.job_id
               where f.tenant_id = $1 and f.blake3 = asked.blake3
                   and (j.status not in ('completed', 'aborted', 'refused', 'removed') or j.updated_at >= $3)
           )"#,
        tenant_id,
        &files,
        Instant(ended_before) as _,
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .map(|row| Hash::try_from(&row[..]).map_err(DbError::stored))
        .collect()
}

/// Notes that the bytes of files are gone.
pub(in crate::exchange) async fn files_mark_removed(
    tx: &mut TenantTx,
    files: &[Hash],
    now: Timestamp,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let files: Vec<_> = files.iter().map(|file| file.as_bytes().to_vec()).collect();
    sqlx::query!(
        "update job_file set removed_at = $3
         where tenant_id = $1 and blake3 = any($2) and removed_at is null",
        tenant_id,
        &files,
        Instant(now) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The size and type of a file that some job of the plant has and that is still there.
pub(in crate::exchange) async fn file_find(
    tx: &mut TenantTx,
    plant_id: PlantId,
    blake3: &Hash,
) -> Result<Option<(u64, String)>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let row = sqlx::query!(
        "select f.bytes, f.media_type from job_file f
             join job j on j.tenant_id = f.tenant_id and j.job_id = f.job_id
         where f.tenant_id = $1 and f.blake3 = $2 and j.plant_id = $3 and f.removed_at is null limit 1",
        tenant_id,
        &blake3.as_bytes()[..],
        plant_id.uuid(),
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|row| (u64::try_from(row.bytes).unwrap_or(0), row.media_type)))
}

/// The files of a job, by content ID.
pub(in crate::exchange) async fn file_list(
    tx: &mut TenantTx,
    job_key: i64,
) -> Result<Vec<FileEntry>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        r#"select content_id, name, media_type, bytes, blake3, removed_at as "removed_at: Instant" from job_file
           where tenant_id = $1 and job_id = $2 order by content_id"#,
        tenant_id,
        job_key,
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .map(|row| {
            let file = TicketFile {
                content_id: row.content_id,
                name: row.name,
                media_type: row.media_type,
                bytes: u64::try_from(row.bytes).unwrap_or(0),
                blake3: Hash::try_from(&row.blake3[..]).map_err(DbError::stored)?,
            };
            let removed_at = row.removed_at.map(|at| at.0);
            Ok(FileEntry { file, removed_at })
        })
        .collect()
}
