//! The down feed: what the hub has for each agent, counted densely per agent.
//!
//! Items are pushed in the transaction of what they tell about. An agent asks for what comes
//! after the number it has, and its request waits until there is something. Requests in this
//! process are woken by the commit; what another hub process commits is seen within
//! [`LOOK_INTERVAL`].
//!
//! An agent has fetched what lies before the number that it asks after. What an agent that was revoked has not fetched goes
//! to the one that takes its place ([`take_over`]).
//!
//! Old items are made smaller or go ([`super::retention`]). An agent that asks from before what is kept item by item is
//! told so, and fetches what is left of the rest ([`super::snapshot`]).
//!
//! An agent says which kinds of items it reads. Only one that reads master data is sent some; when it says so for the first
//! time, after it joined or was updated, it is sent all that there is.

use std::sync::Arc;
use std::time::Duration;

use agog_sync::frame::{FeedBody, FeedItem, FeedPage};
use agog_sync::ids::{AgentId, PlantId};
use agog_sync::master::MasterItem;
use jiff::Timestamp;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant as Deadline;

use super::{runs, store_feed as store, store_told};
use crate::app::App;
use crate::db::{DbError, TenantTx};
use crate::http::ApiError;
use crate::masterdata;
use crate::tenants::{self, AgentPrincipal};

/// The most items of one answer.
pub const FEED_ITEMS_MAX: i64 = 200;
/// The most bytes of the bodies of one answer; a larger item comes alone. An agent takes 16 MiB,
/// and JSON around the bodies and slow lines ask for less.
pub const FEED_BYTES_MAX: i64 = 4 * 1024 * 1024;
/// The longest that a request waits. Proxies commonly cut after 30 or 60 seconds.
pub const FEED_WAIT_MAX: Duration = Duration::from_secs(25);
/// Agents that say this or more read master data.
const READS_MASTER: u16 = 2;
/// How often a waiting request looks for items that another hub process committed.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Keeps the feeds of all agents for one writer until the transaction ends, in the order of the agents' ids: for whoever
/// pushes several times.
pub async fn lock(tx: &mut TenantTx) -> Result<(), DbError> {
    store::counters_lock(tx).await
}

/// Puts an item into the feed of every agent of a plant; false when the plant has none.
pub async fn push_to_plant(
    tx: &mut TenantTx,
    plant_id: PlantId,
    body: &FeedBody,
    now: Timestamp,
) -> Result<bool, DbError> {
    let agents = tenants::plant_agents(tx, plant_id).await?;
    let texts = [text(body)?.into()];
    for agent_id in &agents {
        push(tx, *agent_id, &texts, now).await?;
    }
    Ok(!agents.is_empty())
}

/// Puts a record of master data, as it is now, into the feed of every agent of a plant, or of all plants, that reads it.
pub async fn push_master(
    tx: &mut TenantTx,
    plant_id: Option<PlantId>,
    item: MasterItem,
    now: Timestamp,
) -> Result<(), DbError> {
    let mut agents = tenants::agent_plants(tx).await?;
    agents.retain(|_, at| plant_id.is_none_or(|plant_id| *at == plant_id));
    let agents: Vec<AgentId> = agents.into_keys().collect();
    // An agent that says just now that it reads master data waits for this lock, or has it: then it is a reader below.
    store::counters_hold(tx, &agents).await?;
    let texts = [text(&FeedBody::Master(Box::new(item)))?.into()];
    for agent_id in store::readers(tx, &agents, READS_MASTER).await? {
        push(tx, agent_id, &texts, now).await?;
    }
    Ok(())
}

/// Puts items into the feed of one agent, in their order.
pub(super) async fn push(
    tx: &mut TenantTx,
    agent_id: AgentId,
    texts: &[Arc<str>],
    now: Timestamp,
) -> Result<(), DbError> {
    store::items_add(tx, agent_id, texts, now).await?;
    tx.ring(agent_id);
    Ok(())
}

/// Puts what the earlier agents of a plant never fetched into the feed of a new one, in its order. They count as having
/// fetched it, so that it is given out once.
pub async fn take_over(
    tx: &mut TenantTx,
    earlier: &[AgentId],
    agent_id: AgentId,
    now: Timestamp,
) -> Result<u64, DbError> {
    let mut taken = 0;
    for earlier in earlier {
        let mut after = store::cursor_find(tx, *earlier).await?.seen_n;
        loop {
            let old =
                store_told::told_after(tx, *earlier, after, FEED_ITEMS_MAX, FEED_BYTES_MAX).await?;
            let Some(last) = old.last() else { break };
            (after, taken) = (last.n, taken + old.len() as u64);
            // Master data is not taken over: whoever reads it is sent all of it at first.
            let old = old
                .iter()
                .filter(|item| !matches!(item.body, FeedBody::Master(_)));
            let texts: Result<Vec<_>, _> = old.map(|item| text(&item.body)).collect();
            let texts: Vec<_> = texts?.into_iter().map(Into::into).collect();
            push(tx, agent_id, &texts, now).await?;
        }
    }
    taken += store::items_take_over(tx, earlier, agent_id, now).await?;
    store::cursors_to_end(tx, earlier).await?;
    Ok(taken)
}

/// An item as it is stored.
pub(super) fn text(body: &FeedBody) -> Result<String, DbError> {
    serde_json::to_string(body).map_err(DbError::stored)
}

/// What an agent has not seen yet; waits for something when there is nothing.
pub(super) async fn page(
    app: &App,
    agent: AgentPrincipal,
    after: u64,
    reads: u16,
    wait: Duration,
) -> Result<FeedPage, ApiError> {
    let deadline = Deadline::now() + wait.min(FEED_WAIT_MAX);
    seen(app, agent, after, reads).await?;
    // Listening begins before the first look, so that nothing falls between the two.
    let mut rings = app.pool.bell().listen();
    loop {
        let page = look(app, agent, after).await?;
        if !page.items.is_empty()
            || page.must_refetch
            || Deadline::now() >= deadline
            || app.stopping.is_cancelled()
        {
            return Ok(page);
        }
        let look_again = (Deadline::now() + LOOK_INTERVAL).min(deadline);
        let rung = async {
            loop {
                match rings.recv().await {
                    Ok(agent_id) if agent_id != agent.agent_id => {}
                    // Rings were missed: look.
                    Ok(_) | Err(RecvError::Lagged(_)) => return,
                    // The pool holds the sender for as long as there are requests.
                    Err(RecvError::Closed) => std::future::pending().await,
                }
            }
        };
        tokio::select! {
            () = rung => {}
            () = tokio::time::sleep_until(look_again) => {}
            () = app.stopping.cancelled() => {}
        }
    }
}

/// Notes how far an agent has come and what it reads, when that is new. The counter is not touched for the first: whoever
/// pushes holds it.
async fn seen(app: &App, agent: AgentPrincipal, after: u64, reads: u16) -> Result<(), DbError> {
    let mut tx = TenantTx::begin(&app.pool, agent.tenant_id).await?;
    let known = store::cursor_find(&mut tx, agent.agent_id).await?;
    let said = store::Cursor {
        seen_n: after,
        reads,
    };
    if known == said {
        return Ok(());
    }
    if known.reads >= READS_MASTER || reads < READS_MASTER {
        store::cursor_put(&mut tx, agent.agent_id, said).await?;
        return tx.commit().await;
    }
    store::counters_hold(&mut tx, &[agent.agent_id]).await?;
    store::cursor_put(&mut tx, agent.agent_id, said).await?;
    let items = masterdata::items_of(&mut tx, agent.plant_id).await?;
    let texts = items
        .into_iter()
        .map(|item| text(&FeedBody::Master(Box::new(item))).map(Into::into))
        .collect::<Result<Vec<_>, DbError>>()?;
    push(&mut tx, agent.agent_id, &texts, app.clock.now()).await?;
    tx.commit().await
}

async fn look(app: &App, agent: AgentPrincipal, after: u64) -> Result<FeedPage, ApiError> {
    // A transaction per look: a waiting request holds no connection.
    let mut tx = TenantTx::begin(&app.pool, agent.tenant_id).await?;
    // Another process may take over while this one waits: nothing more is given out to it.
    runs::require(&mut tx, agent).await?;
    let counter = store::counter_find(&mut tx, agent.agent_id).await?;
    // An agent ahead of the hub has seen items that a restored hub has lost; one far behind has
    // missed items that are gone. Either goes on from what there is.
    let go_on_from = if after > counter.last_n {
        Some(counter.last_n)
    } else if after + 1 < counter.oldest_n {
        Some(counter.oldest_n - 1)
    } else {
        None
    };
    if let Some(next) = go_on_from {
        return Ok(FeedPage {
            items: Vec::new(),
            next,
            must_refetch: true,
            at: Some(app.clock.now()),
        });
    }
    let (count_max, bytes_max) = (FEED_ITEMS_MAX, FEED_BYTES_MAX);
    let items = store::items_after(&mut tx, agent.agent_id, after, count_max, bytes_max)
        .await?
        .into_iter()
        .map(|(n, text)| {
            let body = serde_json::from_str(&text).map_err(DbError::stored)?;
            Ok(FeedItem { n, body })
        })
        .collect::<Result<Vec<_>, DbError>>()?;
    let next = items.last().map_or(after, |item| item.n);
    Ok(FeedPage {
        items,
        next,
        must_refetch: false,
        at: Some(app.clock.now()),
    })
}
