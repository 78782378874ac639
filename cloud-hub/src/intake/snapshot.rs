//! The snapshot: what is left of a feed before the part that is kept item by item, for an agent that asks from before it.
//!
//! It is the feed itself without what nobody needs any more: the same items under the same numbers in the same order, so
//! that the agent takes them in as it always does, goes on from wherever it was stopped, and comes out at the place where
//! the feed goes on. Nothing is in both parts.
//!
//! Holds that stand come with the first page, because they must block before the rest is through.

use agog_sync::frame::SnapshotPage;

use super::feed::{FEED_BYTES_MAX, FEED_ITEMS_MAX};
use super::{runs, store, store_feed, store_told};
use crate::app::App;
use crate::db::TenantTx;
use crate::http::ApiError;
use crate::inventory;
use crate::tenants::AgentPrincipal;

/// The most holds that come first, the newest ones: at most 800 bytes each, they fit the 16 MiB that an agent takes. The
/// others come in their order.
const HOLDS_MAX: i64 = 5_000;
/// What places a hold and does nothing else.
const HELD: &str = "lot.held";

/// One page.
pub(super) async fn page(
    app: &App,
    agent: AgentPrincipal,
    after: u64,
    with_holds: bool,
) -> Result<SnapshotPage, ApiError> {
    let mut tx = TenantTx::begin(&app.pool, agent.tenant_id).await?;
    runs::require(&mut tx, agent).await?;
    let mut holds = Vec::new();
    if with_holds {
        let events = inventory::holds_standing(&mut tx, agent.plant_id, HOLDS_MAX).await?;
        holds = store::events_of(&mut tx, &events).await?;
        // The agent has its own, and those that come by other events come with what else these do.
        holds.retain(|hold| hold.producer != agent.producer_id() && hold.event.kind == HELD);
        // The oldest first, as they were placed.
        holds.reverse();
    }
    // Read before the items: what becomes old meanwhile is asked for with the next page.
    let counter = store_feed::counter_find(&mut tx, agent.agent_id).await?;
    let (count_max, bytes_max) = (FEED_ITEMS_MAX, FEED_BYTES_MAX);
    let mut items =
        store_told::told_after(&mut tx, agent.agent_id, after, count_max, bytes_max).await?;
    items.retain(|item| item.n < counter.oldest_n);
    let complete = items.is_empty();
    let next = match items.last() {
        Some(last) => last.n,
        // An agent ahead of a hub that was set back goes on from what the hub has.
        None => after.max(counter.oldest_n - 1).min(counter.last_n),
    };
    Ok(SnapshotPage {
        holds,
        items,
        next,
        complete,
    })
}
