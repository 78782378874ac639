//! The down feed: what the hub has for this plant, item by item, each applied together with its
//! cursor. An item that cannot be applied is reported and passed over; it never blocks the others.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use agog_sync::frame::{FeedBody, FeedItem};
use tracing::{debug, error};

use super::hub::Hub;
use super::{SessionError, http};
use crate::jobs::Wake;
use crate::ledger::{FeedOutcome, LedgerError};
use crate::run::Agent;

/// A hub that answers an empty page at once instead of waiting is not asked more often than this.
const EMPTY_PAGE_PAUSE: Duration = Duration::from_secs(1);

/// Follows the feed until something fails.
pub(super) async fn follow(
    agent: &Agent,
    hub: &Hub,
    wake: &Wake,
) -> Result<Infallible, SessionError> {
    let mut after = agent.ledger.feed_cursor().await?;
    loop {
        let asked = Instant::now();
        let page = hub.feed(after).await?;
        agent.health.hub_answered(agent.clock.now());
        if page.must_refetch {
            alarm(
                agent,
                format!(
                    "the hub no longer has what it wanted to tell after item {after}; going on after item {}",
                    page.next
                ),
            );
            agent.ledger.move_feed_cursor(page.next).await?;
            after = page.next;
            continue;
        }
        let empty = page.items.is_empty();
        for item in page.items {
            after = apply(agent, wake, item).await?;
        }
        if empty {
            tokio::time::sleep(EMPTY_PAGE_PAUSE.saturating_sub(asked.elapsed())).await;
        }
    }
}

/// Applies one item; tells where the cursor is then.
async fn apply(agent: &Agent, wake: &Wake, item: FeedItem) -> Result<u64, SessionError> {
    let n = item.n;
    let is_ticket = matches!(item.body, FeedBody::JobTicket(_));
    match agent.ledger.apply_feed(item).await {
        Ok(FeedOutcome::Applied) => {
            debug!("feed item {n} applied");
            if is_ticket {
                wake.wake();
            }
        }
        Ok(FeedOutcome::Repeated) => {}
        Err(unusable @ (LedgerError::FeedBroken { .. } | LedgerError::FeedUnknown { .. })) => {
            alarm(
                agent,
                format!("{}; it was passed over", http::chain(&unusable)),
            );
            agent.ledger.move_feed_cursor(n).await?;
        }
        Err(error) => return Err(error.into()),
    }
    Ok(n)
}

fn alarm(agent: &Agent, text: String) {
    error!("{text}");
    agent.health.alarm(agent.clock.now(), text);
}
