//! The SQL of the files of jobs. The bytes lie in [`crate::files`].

use agog_sync::chain::Hash;
use agog_sync::frame::TicketFile;
use agog_sync::ids::PlantId;

use crate::db::{DbError, TenantTx};

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

/// The size and type of a file that some job of the plant has; of any plant when none is named.
pub(in crate::exchange) async fn file_find(
    tx: &mut TenantTx,
    plant_id: Option<PlantId>,
    blake3: &Hash,
) -> Result<Option<(u64, String)>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let row = sqlx::query!(
        "select f.bytes, f.media_type from job_file f
             join job j on j.tenant_id = f.tenant_id and j.job_id = f.job_id
         where f.tenant_id = $1 and f.blake3 = $2 and ($3::uuid is null or j.plant_id = $3) limit 1",
        tenant_id,
        &blake3.as_bytes()[..],
        plant_id.map(|plant_id| plant_id.uuid()),
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|row| (u64::try_from(row.bytes).unwrap_or(0), row.media_type)))
}

/// The files of a job, by content ID.
pub(in crate::exchange) async fn file_list(
    tx: &mut TenantTx,
    job_key: i64,
) -> Result<Vec<TicketFile>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        "select content_id, name, media_type, bytes, blake3 from job_file where tenant_id = $1 and job_id = $2
         order by content_id",
        tenant_id,
        job_key,
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(TicketFile {
                content_id: row.content_id,
                name: row.name,
                media_type: row.media_type,
                bytes: u64::try_from(row.bytes).unwrap_or(0),
                blake3: Hash::try_from(&row.blake3[..]).map_err(DbError::stored)?,
            })
        })
        .collect()
}
