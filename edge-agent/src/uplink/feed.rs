//! The down feed: what the hub has for this plant, item by item, each applied together with its
//! cursor. An item that cannot be applied is reported and passed over; it never blocks the others, and
//! is kept for the program that comes after this one.
//!
//! An agent that was away for long, or whose disk was set back far, asks from before what the hub keeps
//! item by item. It fetches a snapshot then: what is left of these items, in their order. Each page is
//! taken in as items of the feed are, so a snapshot that was cut off goes on where it was.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use agog_sync::backoff::Backoff;
use agog_sync::frame::{FeedBody, FeedItem};
use tracing::{debug, error, info};

use super::documents::{self, COMPARE_EVERY, Told};
use super::hub::{FEED_WAIT_SECONDS, Hub};
use super::{RETRY_BASE, SessionError, UNREACHABLE_CAP, http, progress};
use crate::ledger::{Arrival, FeedOutcome, LedgerError};
use crate::run::Agent;

/// An empty page that comes sooner than this was not waited for.
const LONG_POLL_LEAST: Duration = Duration::from_secs(1);

/// How long the hub may hold a feed request while documents are to be compared as soon as it has what was recorded here.
const DRAIN_WAIT_SECONDS: u32 = 1;

/// The number of an item that comes before its turn: whatever was taken in before, it is newer.
const EARLY: u64 = i64::MAX.unsigned_abs();

/// Follows the feed until something fails, and compares the documents when it has brought what it has.
pub(super) async fn follow(
    agent: &Agent,
    hub: &Hub,
    told: &mut Told,
) -> Result<Infallible, SessionError> {
    let mut after = agent.ledger.feed_cursor().await?;
    let mut rng = agent.fork_rng();
    // Pages in a row that brought nothing, without the wait of a long poll.
    let mut idle = Backoff::new(RETRY_BASE, UNREACHABLE_CAP);
    // Documents are compared once the feed has brought what it has, and daily from then on.
    let mut compared: Option<Instant> = None;
    loop {
        let asked = Instant::now();
        let is_due = compared.is_none_or(|at| at.elapsed() >= COMPARE_EVERY);
        let is_ready = is_due && is_drained(agent);
        // An empty page is what a comparison waits for, and no reason to wait long.
        let wait_s = match (is_ready, is_due) {
            (true, _) => 0,
            (false, true) => DRAIN_WAIT_SECONDS,
            (false, false) => FEED_WAIT_SECONDS,
        };
        let report = progress::report(agent).await?;
        let page = hub.feed(after, wait_s, &report).await?;
        let now = agent.clock.now();
        agent.health.hub_answered(now);
        progress::note_clock(&agent.health, now, page.at);
        if page.must_refetch
            && let Some(next) = snapshot(agent, hub, after).await?
        {
            // What was told of documents meanwhile is found by comparing them.
            compared = None;
            if next == after {
                tokio::time::sleep(idle.next_wait(&mut rng)).await;
            }
            after = next;
            continue;
        }
        if page.must_refetch {
            // An older hub has no snapshots. A hub that says so again and again is told of once.
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
        if is_ready && page.items.is_empty() {
            documents::compare(agent, hub, told).await?;
            compared = Some(Instant::now());
            continue;
        }
        let before = after;
        for item in page.items {
            after = apply(agent, item).await?;
        }
        if after == before && asked.elapsed() < LONG_POLL_LEAST {
            tokio::time::sleep(idle.next_wait(&mut rng)).await;
        } else {
            idle.reset();
        }
    }
}

/// Whether the hub has what was recorded here, as far as is known.
fn is_drained(agent: &Agent) -> bool {
    let position = *agent.ledger.position().borrow();
    position.acknowledged >= position.head.last_seq
}

/// Takes in what is left of the items that are gone; says where the feed goes on. None: the hub is too old for it.
async fn snapshot(agent: &Agent, hub: &Hub, mut after: u64) -> Result<Option<u64>, SessionError> {
    let Some(mut page) = hub.snapshot(after, true).await? else {
        return Ok(None);
    };
    info!(
        "the hub keeps the feed after item {after} no longer item by item; fetching what is left of it"
    );
    metrics::counter!("agog_feed_snapshots_total").increment(1);
    for hold in std::mem::take(&mut page.holds) {
        let (lot, body) = (hold.event.event_id, FeedBody::LedgerEvent(Box::new(hold)));
        let item = FeedItem { n: EARLY, body };
        match agent.ledger.take_in(item, Arrival::Early).await {
            // It comes once more in its turn, and is reported there.
            Err(unusable) if unusable.is_deterministic() => {
                debug!(
                    "hold {lot} is not placed before its turn: {}",
                    http::chain(&unusable)
                );
            }
            result => drop(result?),
        }
    }
    loop {
        agent.health.hub_answered(agent.clock.now());
        for item in page.items {
            let result = agent.ledger.take_in(item.clone(), Arrival::Snapshot).await;
            after = applied(agent, item, result).await?;
        }
        if page.complete {
            agent.ledger.move_feed_cursor(page.next).await?;
            info!("the feed goes on after item {}", page.next);
            return Ok(Some(page.next));
        }
        page = match hub.snapshot(after, false).await? {
            Some(page) => page,
            None => return Ok(None),
        };
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
            let result = agent.ledger.apply_feed(item.clone()).await;
            applied(agent, item, result).await
        }
        result => applied(agent, item, result).await,
    }
}

/// What becomes of an item, by what the ledger says to it.
async fn applied(
    agent: &Agent,
    item: FeedItem,
    result: Result<FeedOutcome, LedgerError>,
) -> Result<u64, SessionError> {
    let n = item.n;
    match result {
        Ok(FeedOutcome::Applied) => debug!("feed item {n} applied"),
        Ok(FeedOutcome::Repeated) => {}
        Err(unusable) if unusable.is_deterministic() => {
            let why = http::chain(&unusable);
            alarm(agent, format!("feed item {n} was passed over: {why}"));
            metrics::counter!("agog_feed_passed_over_total").increment(1);
            agent.ledger.pass_over(item, why).await?;
        }
        Err(error) => return Err(error.into()),
    }
    Ok(n)
}

fn alarm(agent: &Agent, text: String) {
    error!("{text}");
    agent.health.alarm(agent.clock.now(), text);
}
