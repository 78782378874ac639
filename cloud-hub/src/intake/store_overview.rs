//! The SQL of how agents stand with the hub.

use agog_sync::ids::ProducerId;
use jiff::Timestamp;
use uuid::Uuid;

use super::overview::{AgentEpoch, AgentRun};
use crate::db::{DbError, Instant, TenantTx};

/// What is here of an agent.
pub(super) struct Standing {
    pub epoch: i64,
    pub last_seq: i64,
    pub run_id: Option<Uuid>,
    pub last_contact: Option<Timestamp>,
}

/// What is here of an agent; nothing yet is epoch 1 and event 0.
pub(super) async fn standing(tx: &mut TenantTx, producer: ProducerId) -> Result<Standing, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        r#"select stream, epoch, last_seq, run_id,
             case when seen_at is null and last_seq = 0 then null
                 else greatest(seen_at, changed_at) end as "contact: Instant"
         from producer where tenant_id = $1 and producer_id = $2"#,
        tenant_id,
        producer.uuid(),
    )
    .fetch_all(tx.conn())
    .await?;
    let mut standing = Standing {
        epoch: 1,
        last_seq: 0,
        run_id: None,
        last_contact: None,
    };
    for row in rows {
        standing.last_contact = standing.last_contact.max(row.contact.map(Into::into));
        if row.stream == "ledger" {
            standing.epoch = row.epoch;
            standing.last_seq = row.last_seq;
            standing.run_id = row.run_id;
        }
    }
    Ok(standing)
}

/// The runs of an agent, the newest first.
pub(super) async fn runs(
    tx: &mut TenantTx,
    producer: ProducerId,
    limit: i64,
) -> Result<Vec<AgentRun>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        r#"select run_id, began_at as "began_at: Instant", reason, ended_at as "ended_at: Instant",
             fenced_at as "fenced_at: Instant"
         from producer_run where tenant_id = $1 and producer_id = $2
         order by greatest(began_at, fenced_at) desc, run_id desc limit $3"#,
        tenant_id,
        producer.uuid(),
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| AgentRun {
            run_id: row.run_id,
            began_at: row.began_at.into(),
            reason: row.reason,
            ended_at: row.ended_at.map(Into::into),
            fenced_at: row.fenced_at.map(Into::into),
        })
        .collect())
}

/// The epochs of an agent after the first, the newest first.
pub(super) async fn epochs(
    tx: &mut TenantTx,
    producer: ProducerId,
    limit: i64,
) -> Result<Vec<AgentEpoch>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        r#"select epoch, began_at as "began_at: Instant", reason, run_id, before_epoch, before_seq
         from producer_epoch where tenant_id = $1 and producer_id = $2 order by epoch desc limit $3"#,
        tenant_id,
        producer.uuid(),
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| AgentEpoch {
            epoch: row.epoch,
            began_at: row.began_at.into(),
            reason: row.reason,
            run_id: row.run_id,
            before_epoch: row.before_epoch,
            before_seq: row.before_seq,
        })
        .collect())
}
