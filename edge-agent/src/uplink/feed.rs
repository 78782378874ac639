//! The down feed: what the hub has for this plant, item by item, each applied together with its
//! cursor. An item that cannot be applied is reported and passed over; it never blocks the others.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use agog_sync::backoff::Backoff;
use agog_sync::frame::FeedItem;
use tracing::{debug, error};

use super::documents::{self, COMPARE_EVERY};
use super::hub::Hub;
use super::{RETRY_BASE, SessionError, UNREACHABLE_CAP, http, progress};
use crate::ledger::{FeedOutcome, LedgerError};
use crate::run::Agent;

/// An empty page that comes sooner than this was not waited for.
const LONG_POLL_LEAST: Duration = Duration::from_secs(1);

/// Follows the feed until something fails.
pub(super) async fn follow(agent: &Agent, hub: &Hub) -> Result<Infallible, SessionError> {
    let mut after = agent.ledger.feed_cursor().await?;
    let mut rng = agent.fork_rng();
    // Pages in a row that brought nothing, without the wait of a long poll.
    let mut idle = Backoff::new(RETRY_BASE, UNREACHABLE_CAP);
    // Documents are compared once the feed has brought what it has, and daily from then on.
    let mut compared: Option<Instant> = None;
    loop {
        let asked = Instant::now();
        let page = hub.feed(after, &progress::report(agent).await?).await?;
        let now = agent.clock.now();
        agent.health.hub_answered(now);
        progress::note_clock(&agent.health, now, page.at);
        if page.must_refetch {
            // A hub that says so again and again is told of once.
            if idle.attempts() == 0 {
                alarm(
                    agent,
                    format!(
                        "the hub no longer has what it wanted to tell after item {after}; going on after item {}",
                        page.next
                    ),
                );
            }
            // What was told of documents meanwhile is found by comparing them.
            compared = None;
            if page.next != after {
                agent.ledger.move_feed_cursor(page.next).await?;
                after = page.next;
            }
            tokio::time::sleep(idle.next_wait(&mut rng)).await;
            continue;
        }
        let is_through = page.items.is_empty();
        let before = after;
        for item in page.items {
            after = apply(agent, item).await?;
        }
        if after == before && asked.elapsed() < LONG_POLL_LEAST {
            tokio::time::sleep(idle.next_wait(&mut rng)).await;
        } else {
            idle.reset();
        }
        if is_through && compared.is_none_or(|at| at.elapsed() >= COMPARE_EVERY) {
            documents::compare(agent, hub).await?;
            compared = Some(Instant::now());
        }
    }
}

/// Applies one item; tells where the cursor is then.
async fn apply(agent: &Agent, item: FeedItem) -> Result<u64, SessionError> {
    let n = item.n;
    match agent.ledger.apply_feed(item.clone()).await {
        Err(gap @ LedgerError::FeedOutOfOrder { .. }) if n > 0 => {
            // What is missing will not come any more; the item itself is good.
            alarm(
                agent,
                format!("{}; going on with item {n}", http::chain(&gap)),
            );
            agent.ledger.move_feed_cursor(n - 1).await?;
            applied(agent, n, agent.ledger.apply_feed(item).await).await
        }
        result => applied(agent, n, result).await,
    }
}

/// What becomes of an item, by what the ledger says to it.
async fn applied(
    agent: &Agent,
    n: u64,
    result: Result<FeedOutcome, LedgerError>,
) -> Result<u64, SessionError> {
    match result {
        Ok(FeedOutcome::Applied) => debug!("feed item {n} applied"),
        Ok(FeedOutcome::Repeated) => {}
        Err(unusable) if unusable.is_deterministic() => {
            alarm(
                agent,
                format!("feed item {n} was passed over: {}", http::chain(&unusable)),
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
