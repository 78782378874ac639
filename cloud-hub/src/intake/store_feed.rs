//! The SQL of the down feed.

use agog_sync::ids::AgentId;
use jiff::Timestamp;

use crate::db::{DbError, Instant, TenantTx};

/// Where the feed of an agent begins and ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counter {
    pub oldest_n: u64,
    pub last_n: u64,
}

/// The counter of an agent; that of an empty feed when nothing was pushed yet.
pub(super) async fn counter_find(tx: &mut TenantTx, agent_id: AgentId) -> Result<Counter, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let row = sqlx::query!(
        "select oldest_n, last_n from feed_counter where tenant_id = $1 and agent_id = $2",
        tenant_id,
        agent_id.uuid(),
    )
    .fetch_optional(tx.conn())
    .await?;
    let (oldest_n, last_n) = row.map_or((1, 0), |row| (row.oldest_n, row.last_n));
    Ok(Counter {
        oldest_n: u64::try_from(oldest_n).map_err(DbError::stored)?,
        last_n: u64::try_from(last_n).map_err(DbError::stored)?,
    })
}

/// Adds an item under the next number. The counter's row stays locked until the transaction
/// ends, so numbers become visible in their order.
pub(super) async fn item_add(
    tx: &mut TenantTx,
    agent_id: AgentId,
    body: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "with counted as (
             insert into feed_counter (tenant_id, agent_id, last_n) values ($1, $2, 1)
             on conflict (tenant_id, agent_id) do update set last_n = feed_counter.last_n + 1
             returning last_n
         )
         insert into feed_item (tenant_id, agent_id, n, body, created_at)
         select $1, $2, last_n, $3, $4 from counted",
        tenant_id,
        agent_id.uuid(),
        body,
        Instant(now) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The items after a number, oldest first: the first whatever its size, and as many more as fit.
pub(super) async fn items_after(
    tx: &mut TenantTx,
    agent_id: AgentId,
    after: u64,
    count_max: i64,
    bytes_max: i64,
) -> Result<Vec<(u64, String)>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        r#"select n, body from (
             select n, body, row_number() over page as place, sum(octet_length(body)) over page as bytes
             from (
                 select n, body from feed_item
                 where tenant_id = $1 and agent_id = $2 and n > $3 order by n limit $4
             ) as newest window page as (order by n)
         ) as counted
         where place = 1 or bytes <= $5 order by n"#,
        tenant_id,
        agent_id.uuid(),
        i64::try_from(after).map_err(DbError::stored)?,
        count_max,
        bytes_max,
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .map(|row| Ok((u64::try_from(row.n).map_err(DbError::stored)?, row.body)))
        .collect()
}
