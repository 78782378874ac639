//! The SQL of how far an agent's telemetry is delivered: its newest epoch in the producer's row, which is the lock of all of
//! them, and older ones each in a row of their own.

use agog_sync::ids::{PlantId, ProducerId};
use jiff::Timestamp;

use super::store::{from_bigint, to_bigint};
use crate::db::{DbError, Instant, TenantTx};

/// An epoch and its newest block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BlockState {
    pub epoch: u64,
    pub last_block: u64,
}

/// What is known of an agent's telemetry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BlocksKnown {
    pub newest: BlockState,
    /// The newest block of the epoch that was asked for, when that is known and not the newest.
    pub older: Option<u64>,
}

/// How far an agent's telemetry is delivered, and how far its epoch `epoch`; made when it is not there, and locked until
/// the transaction ends.
pub(super) async fn blocks_lock(
    tx: &mut TenantTx,
    producer: ProducerId,
    plant_id: PlantId,
    epoch: u64,
    now: Timestamp,
) -> Result<BlocksKnown, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "insert into producer (tenant_id, producer_id, stream, kind, plant_id, epoch, last_seq, changed_at)
         values ($1, $2, 'telemetry', 'agent', $3, 1, 0, $4) on conflict do nothing",
        tenant_id,
        producer.uuid(),
        plant_id.uuid(),
        Instant(now) as _,
    )
    .execute(tx.conn())
    .await?;
    let newest = sqlx::query!(
        "select epoch, last_seq from producer
         where tenant_id = $1 and producer_id = $2 and stream = 'telemetry' for no key update",
        tenant_id,
        producer.uuid(),
    )
    .fetch_one(tx.conn())
    .await?;
    let newest = BlockState {
        epoch: from_bigint(newest.epoch)?,
        last_block: from_bigint(newest.last_seq)?,
    };
    if epoch >= newest.epoch {
        return Ok(BlocksKnown {
            newest,
            older: None,
        });
    }
    let older = sqlx::query_scalar!(
        "select last_block from telemetry_epoch where tenant_id = $1 and producer_id = $2 and epoch = $3",
        tenant_id,
        producer.uuid(),
        to_bigint(epoch)?,
    )
    .fetch_optional(tx.conn())
    .await?;
    let older = older.map(from_bigint).transpose()?;
    Ok(BlocksKnown { newest, older })
}

/// How far the newest epoch of an agent's telemetry is delivered.
pub(super) async fn blocks_find(
    tx: &mut TenantTx,
    producer: ProducerId,
) -> Result<Option<BlockState>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let row = sqlx::query!(
        "select epoch, last_seq from producer
         where tenant_id = $1 and producer_id = $2 and stream = 'telemetry'",
        tenant_id,
        producer.uuid(),
    )
    .fetch_optional(tx.conn())
    .await?;
    row.map(|row| {
        Ok(BlockState {
            epoch: from_bigint(row.epoch)?,
            last_block: from_bigint(row.last_seq)?,
        })
    })
    .transpose()
}

/// Moves the cursor of an epoch to `next`; `newest` is what [`blocks_lock`] said.
pub(super) async fn blocks_move(
    tx: &mut TenantTx,
    producer: ProducerId,
    newest: BlockState,
    next: BlockState,
    now: Timestamp,
) -> Result<(), DbError> {
    // An epoch that a newer one follows gets a row of its own.
    let (newest, older) = if next.epoch < newest.epoch {
        (newest, Some(next))
    } else {
        (next, (newest.epoch < next.epoch).then_some(newest))
    };
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "update producer set epoch = $3, last_seq = $4, changed_at = $5
         where tenant_id = $1 and producer_id = $2 and stream = 'telemetry'",
        tenant_id,
        producer.uuid(),
        to_bigint(newest.epoch)?,
        to_bigint(newest.last_block)?,
        Instant(now) as _,
    )
    .execute(tx.conn())
    .await?;
    if let Some(older) = older {
        sqlx::query!(
            "insert into telemetry_epoch (tenant_id, producer_id, epoch, last_block) values ($1, $2, $3, $4)
             on conflict (tenant_id, producer_id, epoch) do update set last_block = excluded.last_block",
            tenant_id,
            producer.uuid(),
            to_bigint(older.epoch)?,
            to_bigint(older.last_block)?,
        )
        .execute(tx.conn())
        .await?;
    }
    Ok(())
}
