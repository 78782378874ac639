//! What becomes of the items of the down feeds when they are old.
//!
//! An item is kept as it is for a while after the agent has fetched it, so that one whose disk was set back by some days
//! goes on as ever, and for a year when it has not. Then it is made as small as it can be: an event is in the ledger
//! anyway, and its place there is kept; a ticket or a command is kept while its job is open; a record of master data until
//! a later item says it anew. The rest goes. An agent that comes from before that is given what is left, in its order
//! ([`super::snapshot`]).

use std::time::Duration;

use agog_sync::frame::FeedBody;
use agog_sync::ids::{AgentId, TenantId};
use tokio_util::sync::CancellationToken;

use super::store_feed;
use super::store_told::{self as store, Kept, Old, Told};
use crate::app::App;
use crate::config::FeedKeep;
use crate::db::{DbError, SystemTx, TenantTx};
use crate::exchange;
use crate::http::error::chain;

/// How often feeds are looked through. Items are a month old by then, so an hour more does not matter.
const EVERY: Duration = Duration::from_hours(1);
/// How many items one transaction takes, and of how many bytes together: whoever pushes into the feed waits for it.
const AT_ONCE: (i64, i64) = (500, 16 * 1024 * 1024);

type RetentionError = Box<dyn std::error::Error + Send + Sync>;

/// Prunes at once and every hour, until it is asked to stop.
pub async fn prune(app: App, keep: FeedKeep, stop: CancellationToken) {
    loop {
        if let Err(error) = prune_once(&app, keep).await {
            tracing::warn!(
                error = chain(&*error),
                "old items of the feeds stay for now"
            );
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Prunes the feeds of all tenants once; says how many items it took out.
pub async fn prune_once(app: &App, keep: FeedKeep) -> Result<u64, RetentionError> {
    // No tenant fits: their ids are what is asked for.
    let mut tx = SystemTx::begin(&app.pool).await?;
    let tenants = tx.tenant_ids().await?;
    drop(tx);
    let mut pruned = 0;
    for tenant_id in tenants {
        pruned += prune_tenant(app, tenant_id, keep).await?;
    }
    Ok(pruned)
}

/// Prunes the feeds of one tenant; says how many items it took out.
pub async fn prune_tenant(
    app: &App,
    tenant_id: TenantId,
    keep: FeedKeep,
) -> Result<u64, RetentionError> {
    let now = app.clock.now();
    let old = Old {
        fetched_before: now.saturating_sub(keep.fetched())?,
        all_before: now.saturating_sub(keep.all())?,
    };
    let mut tx = TenantTx::begin(&app.pool, tenant_id).await?;
    let agents = store::agents_fed(&mut tx).await?;
    drop(tx);
    let mut pruned = 0;
    for agent_id in agents {
        loop {
            let taken = prune_some(app, tenant_id, agent_id, old).await?;
            if taken == 0 {
                break;
            }
            pruned += taken;
        }
    }
    let mut tx = TenantTx::begin(&app.pool, tenant_id).await?;
    let jobs = store::told_jobs(&mut tx).await?;
    let ended = exchange::jobs_ended(&mut tx, &jobs).await?;
    store::told_jobs_remove(&mut tx, &ended).await?;
    tx.commit().await?;
    if pruned > 0 {
        tracing::info!(tenant.id = %tenant_id, "{pruned} old items of the feeds of tenant {tenant_id} are kept no longer one by one");
    }
    Ok(pruned)
}

/// Takes the oldest items of one feed out; says how many.
async fn prune_some(
    app: &App,
    tenant_id: TenantId,
    agent_id: AgentId,
    old: Old,
) -> Result<u64, DbError> {
    let mut tx = TenantTx::begin(&app.pool, tenant_id).await?;
    store_feed::counters_hold(&mut tx, &[agent_id]).await?;
    let mut last = store_feed::counter_find(&mut tx, agent_id).await?.oldest_n - 1;
    let mut kept = Vec::new();
    for (n, text) in store::items_old(&mut tx, agent_id, old, AT_ONCE).await? {
        // A clock that was set back makes an item older than the one before it: it waits for that one.
        if n != last + 1 {
            break;
        }
        last = n;
        let body: FeedBody = serde_json::from_str(&text).map_err(DbError::stored)?;
        kept.push((n, shrunk(body, text)));
    }
    if kept.is_empty() {
        return Ok(0);
    }
    let count = kept.len() as u64;
    store::told_add(&mut tx, agent_id, &kept).await?;
    store::told_overtaken_remove(&mut tx, agent_id).await?;
    store::items_remove(&mut tx, agent_id, last).await?;
    tx.commit().await?;
    Ok(count)
}

/// What is kept of an old item.
fn shrunk(body: FeedBody, text: String) -> Kept {
    match body {
        FeedBody::LedgerEvent(event) => Kept::Event {
            producer: event.producer,
            epoch: event.epoch,
            seq: event.event.seq,
            told: Told {
                lots: event.lots,
                seen: event.seen,
                unapplied: event.unapplied,
            },
        },
        FeedBody::JobTicket(ticket) => Kept::OfJob {
            job_id: ticket.job_id,
            body: text,
        },
        FeedBody::JobCommand(command) => Kept::OfJob {
            job_id: command.job_id,
            body: text,
        },
        FeedBody::Master(item) => Kept::OfMaster {
            key: format!("{}/{}/{}", item.kind, item.of_plant, item.code),
            body: text,
        },
        // A newer hub on the same database has put it there, and knows best: it stays as it is.
        FeedBody::Unknown(unknown) => Kept::OfMaster {
            key: format!(
                "{}#{}",
                unknown.kind,
                blake3::hash(text.as_bytes()).to_hex()
            ),
            body: text,
        },
    }
}
