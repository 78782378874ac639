//! The SQL of the old part of the down feed: what is kept of items once they are old, and how it is given out again.

use agog_sync::frame::{FeedBody, FeedEvent, FeedItem, LedgerMark, LotSnapshot};
use agog_sync::ids::{AgentId, EventId, JobId, ProducerId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::store::{EventRow, from_bigint, to_bigint};
use crate::db::{DbError, Instant, TenantTx, column};

/// The agents of a tenant that have a feed.
pub(super) async fn agents_fed(tx: &mut TenantTx) -> Result<Vec<AgentId>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let agents = sqlx::query_scalar!(
        "select agent_id from feed_counter where tenant_id = $1 order by agent_id",
        tenant_id,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(agents.into_iter().map(AgentId::from_uuid).collect())
}

/// Which items are old.
#[derive(Debug, Clone, Copy)]
pub(super) struct Old {
    /// Those that the agent has fetched, when they are older than this.
    pub fetched_before: Timestamp,
    /// All that are older than this.
    pub all_before: Timestamp,
}

/// The oldest items of an agent, as far as they are old: the first whatever its size, and as many more as fit.
pub(super) async fn items_old(
    tx: &mut TenantTx,
    agent_id: AgentId,
    old: Old,
    (count_max, bytes_max): (i64, i64),
) -> Result<Vec<(u64, String)>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        r#"select n, body from (
             select n, body, row_number() over page as place, sum(octet_length(body)) over page as bytes
             from (
                 select i.n, i.body from feed_item i
                     left join feed_cursor c on c.tenant_id = i.tenant_id and c.agent_id = i.agent_id
                 where i.tenant_id = $1 and i.agent_id = $2
                     and (i.created_at < $4 or i.created_at < $3 and i.n <= coalesce(c.seen_n, 0))
                 order by i.n limit $5
             ) as oldest window page as (order by n)
         ) as counted
         where place = 1 or bytes <= $6 order by n"#,
        tenant_id,
        agent_id.uuid(),
        Instant(old.fetched_before) as _,
        Instant(old.all_before) as _,
        count_max,
        bytes_max,
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .map(|row| Ok((from_bigint(row.n)?, row.body)))
        .collect()
}

/// What is kept of an old item.
pub(super) enum Kept {
    /// An event, by its place in the ledger, and what was told with it.
    Event {
        producer: ProducerId,
        epoch: u64,
        seq: u64,
        told: Told,
    },
    /// The item as it was, while the job is open.
    OfJob { job_id: JobId, body: String },
    /// The item as it was, until a later one is about the same record.
    OfMaster { key: String, body: String },
}

/// What was told with an event.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Told {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lots: Vec<LotSnapshot>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<LedgerMark>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unapplied: Vec<EventId>,
}

/// Keeps what is left of old items.
pub(super) async fn told_add(
    tx: &mut TenantTx,
    agent_id: AgentId,
    kept: &[(u64, Kept)],
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let mut rows = Vec::with_capacity(kept.len());
    for (n, kept) in kept {
        rows.push(Row::of(*n, kept)?);
    }
    sqlx::query!(
        "insert into feed_told (tenant_id, agent_id, n, producer_id, epoch, seq, told, body, job_id, master_key)
         select $1, $2, * from unnest($3::bigint[], $4::uuid[], $5::bigint[], $6::bigint[], $7::text[], $8::text[],
             $9::uuid[], $10::text[])",
        tenant_id,
        agent_id.uuid(),
        &column(&rows, |row| row.n),
        &column(&rows, |row| row.producer_id) as _,
        &column(&rows, |row| row.epoch) as _,
        &column(&rows, |row| row.seq) as _,
        &column(&rows, |row| row.told.as_deref()) as _,
        &column(&rows, |row| row.body) as _,
        &column(&rows, |row| row.job_id) as _,
        &column(&rows, |row| row.master_key) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A row of `feed_told`.
#[derive(Default)]
struct Row<'a> {
    n: i64,
    producer_id: Option<Uuid>,
    epoch: Option<i64>,
    seq: Option<i64>,
    told: Option<String>,
    body: Option<&'a str>,
    job_id: Option<Uuid>,
    master_key: Option<&'a str>,
}

impl<'a> Row<'a> {
    fn of(n: u64, kept: &'a Kept) -> Result<Self, DbError> {
        let row = Self {
            n: to_bigint(n)?,
            ..Self::default()
        };
        Ok(match kept {
            Kept::Event {
                producer,
                epoch,
                seq,
                told,
            } => Self {
                producer_id: Some(producer.uuid()),
                epoch: Some(to_bigint(*epoch)?),
                seq: Some(to_bigint(*seq)?),
                told: Some(serde_json::to_string(told).map_err(DbError::stored)?),
                ..row
            },
            Kept::OfJob { job_id, body } => Self {
                body: Some(body),
                job_id: Some(job_id.uuid()),
                ..row
            },
            Kept::OfMaster { key, body } => Self {
                body: Some(body),
                master_key: Some(key),
                ..row
            },
        })
    }
}

/// Takes the items of an agent up to a number out of the part that is kept item by item.
pub(super) async fn items_remove(
    tx: &mut TenantTx,
    agent_id: AgentId,
    up_to: u64,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let up_to = to_bigint(up_to)?;
    sqlx::query!(
        "delete from feed_item where tenant_id = $1 and agent_id = $2 and n <= $3",
        tenant_id,
        agent_id.uuid(),
        up_to,
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!(
        "update feed_counter set oldest_n = $3::bigint + 1 where tenant_id = $1 and agent_id = $2",
        tenant_id,
        agent_id.uuid(),
        up_to,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Removes what a later item says anew.
pub(super) async fn told_overtaken_remove(
    tx: &mut TenantTx,
    agent_id: AgentId,
) -> Result<u64, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let removed = sqlx::query!(
        "delete from feed_told as t using feed_told as newer
         where t.tenant_id = $1 and t.agent_id = $2 and newer.tenant_id = $1 and newer.agent_id = $2
             and newer.master_key = t.master_key and newer.n > t.n",
        tenant_id,
        agent_id.uuid(),
    )
    .execute(tx.conn())
    .await?;
    Ok(removed.rows_affected())
}

/// The jobs whose tickets and commands are kept.
pub(super) async fn told_jobs(tx: &mut TenantTx) -> Result<Vec<JobId>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let jobs = sqlx::query_scalar!(
        r#"select distinct job_id as "job_id!" from feed_told where tenant_id = $1 and job_id is not null"#,
        tenant_id,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(jobs.into_iter().map(JobId::from_uuid).collect())
}

/// Removes the tickets and commands of jobs.
pub(super) async fn told_jobs_remove(tx: &mut TenantTx, jobs: &[JobId]) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let jobs: Vec<_> = jobs.iter().map(JobId::uuid).collect();
    sqlx::query!(
        "delete from feed_told where tenant_id = $1 and job_id = any($2)",
        tenant_id,
        &jobs,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What is left of the old items after a number, oldest first: the first whatever its size, and as many more as fit.
pub(super) async fn told_after(
    tx: &mut TenantTx,
    agent_id: AgentId,
    after: u64,
    count_max: i64,
    bytes_max: i64,
) -> Result<Vec<FeedItem>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        r#"select n as "n!", producer_id, epoch, told, body, seq, event_id as "event_id?", kind as "kind?",
             version as "version?", occurred_us as "occurred_us?", recorded_us as "recorded_us?", actor as "actor?",
             payload as "payload?", prev_hash as "prev_hash?", hash as "hash?"
         from (
             select *, row_number() over page as place,
                 sum(octet_length(coalesce(body, payload || told))) over page as bytes
             from (
                 select t.n, t.producer_id, t.epoch, t.seq, t.told, t.body, e.event_id, e.kind, e.version, e.occurred_us,
                     e.recorded_us, e.actor, e.payload, e.prev_hash, e.hash
                 from feed_told t left join ledger_event e on e.tenant_id = t.tenant_id
                     and e.producer_id = t.producer_id and e.epoch = t.epoch and e.seq = t.seq
                 where t.tenant_id = $1 and t.agent_id = $2 and t.n > $3 order by t.n limit $4
             ) as oldest window page as (order by n)
         ) as counted
         where place = 1 or bytes <= $5 order by n"#,
        tenant_id,
        agent_id.uuid(),
        to_bigint(after)?,
        count_max,
        bytes_max,
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .map(|row| {
            let n = from_bigint(row.n)?;
            if let Some(body) = &row.body {
                let body = serde_json::from_str(body).map_err(DbError::stored)?;
                return Ok(FeedItem { n, body });
            }
            let gone = || DbError::stored(format!("feed item {n} names an event that is not here"));
            let told: Told =
                serde_json::from_str(&row.told.ok_or_else(gone)?).map_err(DbError::stored)?;
            let event = EventRow {
                seq: row.seq.ok_or_else(gone)?,
                event_id: row.event_id.ok_or_else(gone)?,
                kind: row.kind.ok_or_else(gone)?,
                version: row.version.ok_or_else(gone)?,
                occurred_us: row.occurred_us.ok_or_else(gone)?,
                recorded_us: row.recorded_us.ok_or_else(gone)?,
                actor: row.actor.ok_or_else(gone)?,
                payload: row.payload.ok_or_else(gone)?,
                prev_hash: row.prev_hash.ok_or_else(gone)?,
                hash: row.hash.ok_or_else(gone)?,
            };
            let body = FeedBody::LedgerEvent(Box::new(FeedEvent {
                producer: ProducerId::from_uuid(row.producer_id.ok_or_else(gone)?),
                epoch: from_bigint(row.epoch.ok_or_else(gone)?)?,
                event: event.envelope()?,
                lots: told.lots,
                seen: told.seen,
                unapplied: told.unapplied,
            }));
            Ok(FeedItem { n, body })
        })
        .collect()
}
