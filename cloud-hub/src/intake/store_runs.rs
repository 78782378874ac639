//! The SQL of the runs and epochs of agents.

use std::collections::BTreeMap;

use agog_sync::frame::EpochOpened;
use agog_sync::ids::{ProducerId, RunId};
use agog_sync::inbox::ProducerState;
use agog_sync::runs::RunState;
use jiff::Timestamp;
use uuid::Uuid;

use crate::db::{DbError, Instant, TenantTx};

/// The longest reason that is stored; the known ones have a dozen letters.
const REASON_CHARS_MAX: usize = 100;

/// The run that is served.
pub(super) async fn served(
    tx: &mut TenantTx,
    producer: ProducerId,
) -> Result<Option<RunId>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let run = sqlx::query_scalar!(
        "select run_id from producer where tenant_id = $1 and producer_id = $2 and stream = 'ledger'",
        tenant_id,
        producer.uuid(),
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(run.flatten().map(RunId::from_uuid))
}

/// Keeps the run that is served until the transaction ends.
pub(super) async fn share(tx: &mut TenantTx, producer: ProducerId) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "select producer_id from producer
         where tenant_id = $1 and producer_id = $2 and stream = 'ledger' for share",
        tenant_id,
        producer.uuid(),
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(())
}

/// What is known of these runs.
pub(super) async fn states(
    tx: &mut TenantTx,
    producer: ProducerId,
    served: Option<RunId>,
    runs: &[RunId],
) -> Result<BTreeMap<RunId, RunState>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let runs: Vec<Uuid> = runs.iter().map(RunId::uuid).collect();
    let rows = sqlx::query!(
        r#"select run_id, fenced_at is not null as "is_fenced!" from producer_run
         where tenant_id = $1 and producer_id = $2 and run_id = any($3)"#,
        tenant_id,
        producer.uuid(),
        &runs,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let run = RunId::from_uuid(row.run_id);
            let state = if served == Some(run) {
                RunState::Current
            } else if row.is_fenced {
                RunState::Fenced
            } else {
                RunState::Superseded
            };
            (run, state)
        })
        .collect())
}

/// Serves a run from now on, and no other one. The caller holds the ledger's lock.
pub(super) async fn serve(
    tx: &mut TenantTx,
    producer: ProducerId,
    run: Option<RunId>,
    reason: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "update producer_run set ended_at = $3
         where tenant_id = $1 and producer_id = $2 and ended_at is null and fenced_at is null
             and run_id is distinct from $4",
        tenant_id,
        producer.uuid(),
        Instant(now) as _,
        run.map(|run| run.uuid()),
    )
    .execute(tx.conn())
    .await?;
    if let Some(run) = run {
        sqlx::query!(
            "insert into producer_run (tenant_id, producer_id, run_id, began_at, reason) values ($1, $2, $3, $4, $5)
             on conflict (tenant_id, producer_id, run_id) do update
             set began_at = excluded.began_at, reason = excluded.reason, ended_at = null, fenced_at = null",
            tenant_id,
            producer.uuid(),
            run.uuid(),
            Instant(now) as _,
            reason,
        )
        .execute(tx.conn())
        .await?;
    }
    sqlx::query!(
        "update producer set run_id = $3, seen_at = $4
         where tenant_id = $1 and producer_id = $2 and stream = 'ledger'",
        tenant_id,
        producer.uuid(),
        run.map(|run| run.uuid()),
        Instant(now) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Notes runs that have ended and were never heard of.
pub(super) async fn end_unheard(
    tx: &mut TenantTx,
    producer: ProducerId,
    runs: &[RunId],
    now: Timestamp,
) -> Result<(), DbError> {
    if runs.is_empty() {
        return Ok(());
    }
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "insert into producer_run (tenant_id, producer_id, run_id, began_at, reason, ended_at)
         select $1, $2, run_id, $4, 'unheard', $4 from unnest($3::uuid[]) as e (run_id)
         on conflict (tenant_id, producer_id, run_id) do nothing",
        tenant_id,
        producer.uuid(),
        &runs.iter().map(RunId::uuid).collect::<Vec<Uuid>>(),
        Instant(now) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The agent was here.
pub(super) async fn seen(
    tx: &mut TenantTx,
    producer: ProducerId,
    now: Timestamp,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "update producer set seen_at = $3 where tenant_id = $1 and producer_id = $2 and stream = 'ledger'",
        tenant_id,
        producer.uuid(),
        Instant(now) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Refuses a run for good; whether that is new.
pub(super) async fn fence(
    tx: &mut TenantTx,
    producer: ProducerId,
    run: RunId,
    now: Timestamp,
) -> Result<bool, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let fenced = sqlx::query!(
        "insert into producer_run (tenant_id, producer_id, run_id, began_at, reason, fenced_at)
         values ($1, $2, $3, $4, 'refused', $4)
         on conflict (tenant_id, producer_id, run_id) do update set fenced_at = excluded.fenced_at
         where producer_run.fenced_at is null",
        tenant_id,
        producer.uuid(),
        run.uuid(),
        Instant(now) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(fenced.rows_affected() == 1)
}

/// Notes that a ledger goes on in a new epoch.
pub(super) async fn epoch_add(
    tx: &mut TenantTx,
    before: &ProducerState,
    epoch: u64,
    opened: Option<&EpochOpened>,
    run: Option<RunId>,
    now: Timestamp,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let number = |number: u64| i64::try_from(number).map_err(DbError::stored);
    let reason = opened.map(|opened| {
        let reason = opened.reason.chars().filter(|letter| *letter != '\0');
        reason.take(REASON_CHARS_MAX).collect::<String>()
    });
    sqlx::query!(
        "insert into producer_epoch
             (tenant_id, producer_id, epoch, began_at, reason, opened_us, run_id, before_epoch, before_seq)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        tenant_id,
        before.producer.uuid(),
        number(epoch)?,
        Instant(now) as _,
        reason,
        opened.map(|opened| opened.at.as_microsecond()),
        run.map(|run| run.uuid()),
        number(before.epoch)?,
        number(before.head.last_seq)?,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
