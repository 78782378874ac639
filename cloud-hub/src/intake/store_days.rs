//! The SQL of days that are over.

use agog_sync::days::{DayClaim, DayProof, DaySpan};
use agog_sync::ids::ProducerId;
use jiff::Timestamp;

use super::overview::{DifferingDay, SyncDays};
use super::store::to_bigint;
use crate::db::{DbError, Instant, TenantTx};

/// The newest event of an epoch that was taken in; 0: none, or the epoch is not known.
pub(super) async fn epoch_end(
    tx: &mut TenantTx,
    producer: ProducerId,
    epoch: u64,
) -> Result<u64, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let end = sqlx::query_scalar!(
        "select last_seq from producer
         where tenant_id = $1 and producer_id = $2 and stream = 'ledger' and epoch = $3
         union all
         select before_seq from producer_epoch
         where tenant_id = $1 and producer_id = $2 and before_epoch = $3",
        tenant_id,
        producer.uuid(),
        to_bigint(epoch)?,
    )
    .fetch_optional(tx.conn())
    .await?;
    u64::try_from(end.flatten().unwrap_or_default()).map_err(DbError::stored)
}

/// Whether a span was the same when it was compared last; none before the first time.
pub(super) async fn was_equal(
    tx: &mut TenantTx,
    producer: ProducerId,
    span: &DaySpan,
) -> Result<Option<bool>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    Ok(sqlx::query_scalar!(
        "select is_equal from producer_day
         where tenant_id = $1 and producer_id = $2 and epoch = $3 and first_seq = $4 for update",
        tenant_id,
        producer.uuid(),
        to_bigint(span.epoch)?,
        to_bigint(span.first_seq)?,
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Keeps what was compared, in the place of everything that was known of these events.
pub(super) async fn put(
    tx: &mut TenantTx,
    producer: ProducerId,
    claim: &DayClaim,
    here: &DayProof,
    is_equal: bool,
    now: Timestamp,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let DayClaim { span, proof } = claim;
    let (epoch, first_seq) = (to_bigint(span.epoch)?, to_bigint(span.first_seq)?);
    // An agent whose disk was set back cuts its days anew.
    sqlx::query!(
        "delete from producer_day
         where tenant_id = $1 and producer_id = $2 and epoch = $3 and first_seq <> $4 and first_seq <= $5
             and last_seq >= $4",
        tenant_id,
        producer.uuid(),
        epoch,
        first_seq,
        to_bigint(span.last_seq)?,
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!(
        "insert into producer_day (tenant_id, producer_id, epoch, first_seq, last_seq, day, agent_events, agent_hash,
             agent_fault, events, hash, fault, is_equal, compared_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
         on conflict (tenant_id, producer_id, epoch, first_seq) do update
         set last_seq = excluded.last_seq, day = excluded.day, agent_events = excluded.agent_events,
             agent_hash = excluded.agent_hash, agent_fault = excluded.agent_fault, events = excluded.events,
             hash = excluded.hash, fault = excluded.fault, is_equal = excluded.is_equal,
             compared_at = excluded.compared_at",
        tenant_id,
        producer.uuid(),
        epoch,
        first_seq,
        to_bigint(span.last_seq)?,
        span.day.to_string(),
        to_bigint(proof.events)?,
        &proof.hash.as_bytes()[..],
        proof.fault.map(to_bigint).transpose()?,
        to_bigint(here.events)?,
        &here.hash.as_bytes()[..],
        here.fault.map(to_bigint).transpose()?,
        is_equal,
        Instant(now) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// How the days of an agent stand.
pub(super) async fn days(tx: &mut TenantTx, producer: ProducerId) -> Result<SyncDays, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let sums = sqlx::query!(
        r#"select count(*) filter (where is_proven) as "proven!", max(day) filter (where is_proven) as last_proven,
             count(*) filter (where not is_proven) as "differing!", max(compared_at) as "compared_at: Instant"
         from (
             select day, bool_and(is_equal) as is_proven, max(compared_at) as compared_at from producer_day
             where tenant_id = $1 and producer_id = $2 group by day
         ) as days"#,
        tenant_id,
        producer.uuid(),
    )
    .fetch_one(tx.conn())
    .await?;
    let first = sqlx::query!(
        "select day, epoch, first_seq, last_seq, agent_events, events, agent_fault, fault from producer_day
         where tenant_id = $1 and producer_id = $2 and not is_equal order by day, epoch, first_seq limit 1",
        tenant_id,
        producer.uuid(),
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(SyncDays {
        proven: sums.proven,
        last_proven: sums.last_proven,
        compared_at: sums.compared_at.map(Into::into),
        differing: sums.differing,
        first_differing: first.map(|row| DifferingDay {
            day: row.day,
            epoch: row.epoch,
            first_seq: row.first_seq,
            last_seq: row.last_seq,
            agent_events: row.agent_events,
            hub_events: row.events,
            agent_fault: row.agent_fault,
            hub_fault: row.fault,
        }),
    })
}
