//! The SQL of the down feed.

use std::sync::Arc;

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

/// Locks the counters of all agents.
pub(super) async fn counters_lock(tx: &mut TenantTx) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "select agent_id from feed_counter where tenant_id = $1 order by agent_id for no key update",
        tenant_id,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(())
}

/// Adds items under the next numbers. The counter's row stays locked until the transaction
/// ends, so numbers become visible in their order.
pub(super) async fn items_add(
    tx: &mut TenantTx,
    agent_id: AgentId,
    bodies: &[Arc<str>],
    now: Timestamp,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let bodies: Vec<&str> = bodies.iter().map(AsRef::as_ref).collect();
    sqlx::query!(
        "with counted as (
             insert into feed_counter (tenant_id, agent_id, last_n) values ($1, $2, cardinality($3::text[]))
             on conflict (tenant_id, agent_id) do update set last_n = feed_counter.last_n + excluded.last_n
             returning last_n
         )
         insert into feed_item (tenant_id, agent_id, n, body, created_at)
         select $1, $2, last_n - cardinality($3::text[]) + place, body, $4
         from counted, unnest($3::text[]) with ordinality as e (body, place)",
        tenant_id,
        agent_id.uuid(),
        &bodies as _,
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

/// What an agent has said of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cursor {
    /// It has fetched its feed up to here.
    pub seen_n: u64,
    /// The kinds of items that it reads.
    pub reads: u16,
}

/// What an agent has said of itself; at first nothing.
pub(super) async fn cursor_find(tx: &mut TenantTx, agent_id: AgentId) -> Result<Cursor, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let row = sqlx::query!(
        "select seen_n, reads from feed_cursor where tenant_id = $1 and agent_id = $2",
        tenant_id,
        agent_id.uuid(),
    )
    .fetch_optional(tx.conn())
    .await?;
    let (seen_n, reads) = row.map_or((0, 1), |row| (row.seen_n, row.reads));
    Ok(Cursor {
        seen_n: u64::try_from(seen_n).map_err(DbError::stored)?,
        reads: u16::try_from(reads).map_err(DbError::stored)?,
    })
}

/// Notes what an agent says of itself. One that lost its disk begins anew.
pub(super) async fn cursor_put(
    tx: &mut TenantTx,
    agent_id: AgentId,
    said: Cursor,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "insert into feed_cursor (tenant_id, agent_id, seen_n, reads) values ($1, $2, $3, $4)
         on conflict (tenant_id, agent_id) do update set seen_n = excluded.seen_n, reads = excluded.reads",
        tenant_id,
        agent_id.uuid(),
        i64::try_from(said.seen_n).map_err(DbError::stored)?,
        // More than can be stored is as good as all.
        i16::try_from(said.reads).unwrap_or(i16::MAX),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Those of the given agents that read at least so much, by id.
pub(super) async fn readers(
    tx: &mut TenantTx,
    agents: &[AgentId],
    reads: u16,
) -> Result<Vec<AgentId>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let agents: Vec<_> = agents.iter().map(AgentId::uuid).collect();
    let readers = sqlx::query_scalar!(
        "select agent_id from feed_cursor where tenant_id = $1 and agent_id = any($2) and reads >= $3 order by agent_id",
        tenant_id,
        &agents,
        i16::try_from(reads).map_err(DbError::stored)?,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(readers.into_iter().map(AgentId::from_uuid).collect())
}

/// Locks the counters of agents, in the order of their ids; makes those that are not there.
pub(super) async fn counters_hold(tx: &mut TenantTx, agents: &[AgentId]) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let agents: Vec<_> = agents.iter().map(AgentId::uuid).collect();
    sqlx::query!(
        "insert into feed_counter (tenant_id, agent_id) select $1, agent_id from unnest($2::uuid[]) as e (agent_id)
         order by agent_id
         on conflict (tenant_id, agent_id) do update set last_n = feed_counter.last_n",
        tenant_id,
        &agents,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Adds what earlier agents have not fetched to the feed of a new one, the oldest agent's first and but for master data;
/// says how many items.
pub(super) async fn items_take_over(
    tx: &mut TenantTx,
    earlier: &[AgentId],
    agent_id: AgentId,
    now: Timestamp,
) -> Result<u64, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let earlier: Vec<_> = earlier.iter().map(AgentId::uuid).collect();
    let added = sqlx::query!(
        r#"with unseen as (
             select i.body, row_number() over (order by i.agent_id, i.n) as place from feed_item i
                 left join feed_cursor c on c.tenant_id = i.tenant_id and c.agent_id = i.agent_id
             where i.tenant_id = $1 and i.agent_id = any($2) and i.n > coalesce(c.seen_n, 0)
                 and i.body not like '{"master":%'
         ), counted as (
             insert into feed_counter (tenant_id, agent_id, last_n) select $1, $3, count(*) from unseen
             on conflict (tenant_id, agent_id) do update set last_n = feed_counter.last_n + excluded.last_n
             returning last_n
         )
         insert into feed_item (tenant_id, agent_id, n, body, created_at)
         select $1, $3, last_n - (select count(*) from unseen) + place, body, $4 from unseen, counted"#,
        tenant_id,
        &earlier,
        agent_id.uuid(),
        Instant(now) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(added.rows_affected())
}

/// Notes that agents need nothing more of their feeds.
pub(super) async fn cursors_to_end(tx: &mut TenantTx, agents: &[AgentId]) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let agents: Vec<_> = agents.iter().map(AgentId::uuid).collect();
    sqlx::query!(
        "insert into feed_cursor (tenant_id, agent_id, seen_n)
             select tenant_id, agent_id, last_n from feed_counter where tenant_id = $1 and agent_id = any($2)
         on conflict (tenant_id, agent_id) do update set seen_n = excluded.seen_n",
        tenant_id,
        &agents,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
