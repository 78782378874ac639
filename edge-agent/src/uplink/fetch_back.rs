//! Events of ours that the hub has and this ledger does not: they come back page by page, each stored with its place,
//! so that a kill at any moment costs one page.
//!
//! Delivery does not wait for this: what was recorded here is nowhere else, on a disk that was just set back, while
//! what comes back is safe at the hub. The feed does wait: a ticket that was handed to its device before the disk was
//! set back must be known by its events first, or it would be handed over again.

use agog_sync::recovery::{Question, Search};
use tracing::{error, info};

use super::hub::Hub;
use super::{SessionError, http};
use crate::ledger::Reader;
use crate::run::Agent;

/// Finds the newest event of the current epoch that the hub has as well.
pub(super) async fn common(agent: &Agent, hub: &Hub) -> Result<u64, SessionError> {
    let ledger = &agent.ledger;
    let position = *ledger.position().borrow();
    let mut search = Search::new(position.head.last_seq, position.acknowledged);
    loop {
        let after = match search.question() {
            Question::Found { common } => return Ok(common),
            Question::Ask { after } => after,
        };
        let page = hub.ledger_page(position.epoch, after).await?;
        let mut same = Vec::with_capacity(page.events.len());
        for event in &page.events {
            let here = ledger.hash_at(position.epoch, event.seq).await?;
            same.push(here == Some(event.hash));
            if same.last() == Some(&false) {
                break;
            }
        }
        let same_before = match page.events.first() {
            Some(first) => ledger.hash_at(position.epoch, after).await? == Some(first.prev_hash),
            None => false,
        };
        search.heard(after, same_before, &same);
    }
}

/// Fetches until nothing is missing here. What cannot be fetched is an alarm, and holds up the feed alone: this does not
/// come back then.
pub(super) async fn complete(agent: &Agent, hub: &Hub) -> Result<(), SessionError> {
    let mut last = None;
    while let Some(next) = agent.ledger.fetch_back().await? {
        let page = hub.ledger_page(next.epoch, next.after).await?;
        agent.health.hub_answered(agent.clock.now());
        let taken = agent.ledger.take_back(next, page.events).await;
        let failed = match taken {
            Err(broken) if broken.is_deterministic() => Some(http::chain(&broken)),
            // A page that moved nothing would not move anything the next time either.
            Ok(()) if last == Some(next) => Some("the hub gives the same page again".to_owned()),
            taken => {
                taken?;
                None
            }
        };
        if let Some(why) = failed {
            let text = format!(
                "events of epoch {} after {} do not come back from the hub: {why}; nothing is taken from the feed",
                next.epoch, next.after
            );
            error!("{text}");
            agent.health.alarm(agent.clock.now(), text);
            std::future::pending::<()>().await;
        }
        last = Some(next);
    }
    if last.is_some() {
        let status = agent.ledger.read(Reader::fetch_status).await?;
        info!("{} events have come back from the hub", status.fetched);
        let salvage = agent.ledger.read(Reader::salvage_status).await?;
        for loss in salvage.epochs.iter().filter(|loss| loss.is_final) {
            let text = format!(
                "{} are lost: they were in a ledger that was damaged, and neither a backup nor the hub has them",
                loss.numbers()
            );
            error!("{text}");
            agent.health.alarm(agent.clock.now(), text);
        }
    }
    Ok(())
}
