//! Whether what waits for the hub gets there. An agent whose events wait while the hub takes none of them looks healthy in
//! every other way: it records, and it may even be in contact.

use std::time::{Duration, Instant};

use agog_sync::frame::SyncState;
use agog_sync::report::{AgentReport, skew_ms};
use jiff::Timestamp;
use tracing::{error, info};

use super::SessionError;
use super::hub::Hub;
use crate::health::Health;
use crate::ledger::{LedgerError, Position, Reader};
use crate::lifecycle::Stop;
use crate::run::Agent;

/// How often it is looked, at most.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Looks until `stop`, tells people once when nothing gets through, and once when it goes on.
pub async fn run(agent: Agent, stop: Stop) -> anyhow::Result<()> {
    if agent.config.hub.url.is_none() {
        stop.soft().cancelled().await;
        return Ok(());
    }
    let limit = agent.config.hub.alarm_after();
    let mut every = tokio::time::interval(LOOK_EVERY.min(limit / 4));
    let mut progress = Progress::new(&agent.ledger.position().borrow(), Instant::now());
    loop {
        tokio::select! {
            _ = every.tick() => {}
            () = stop.soft().cancelled() => return Ok(()),
        }
        let position = *agent.ledger.position().borrow();
        match progress.look(&position, Instant::now(), limit) {
            None => {}
            Some(Turn::Stalled) => stalled(&agent, &position, limit).await?,
            Some(Turn::GoesOn) => {
                info!("the hub takes events again");
                agent.health.stalled(None);
            }
        }
    }
}

async fn stalled(agent: &Agent, position: &Position, limit: Duration) -> Result<(), LedgerError> {
    let outbox = agent.ledger.read(Reader::outbox).await?;
    let hub = agent.health.snapshot().hub;
    let oldest = outbox.oldest_recorded_at.map_or_else(String::new, |at| {
        format!(", the oldest recorded at {at:.0}")
    });
    let why = hub
        .last_failure
        .map_or_else(String::new, |why| format!(": {why}"));
    let text = format!(
        "the hub has taken no event for {} s and {} wait (from event {} of epoch {} on{oldest}){why}",
        limit.as_secs(),
        outbox.depth,
        position.acknowledged + 1,
        position.epoch,
    );
    error!("{text}");
    let now = agent.clock.now();
    agent.health.stalled(Some(now));
    agent.health.alarm(now, text);
    Ok(())
}

/// What the agent tells the hub of itself.
pub(super) async fn report(agent: &Agent) -> Result<AgentReport, SessionError> {
    let (position, outbox) = agent
        .ledger
        .read(|reader| Ok((reader.position()?, reader.outbox()?)))
        .await?;
    Ok(AgentReport {
        at: agent.clock.now(),
        epoch: position.epoch,
        head_seq: position.head.last_seq,
        waiting: outbox.depth,
        oldest_waiting_at: outbox.oldest_recorded_at,
    })
}

/// Asks the hub what it has, and tells it how the agent is.
pub(super) async fn ask_state(agent: &Agent, hub: &Hub) -> Result<SyncState, SessionError> {
    let state = hub.state(&report(agent).await?).await?;
    let now = agent.clock.now();
    agent.health.hub_answered(now);
    note_clock(&agent.health, now, state.at);
    Ok(state)
}

/// Notes how far our clock is ahead of the hub's, by what the hub said just now.
pub(super) fn note_clock(health: &Health, now: Timestamp, hub: Option<Timestamp>) {
    if let Some(hub) = hub {
        health.clock_skew(skew_ms(now, hub));
    }
}

/// What has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Stalled,
    GoesOn,
}

/// Since when nothing was taken that waits. By a clock that nobody can set.
#[derive(Debug)]
struct Progress {
    /// Epoch and number up to which the hub has everything.
    taken: (u64, u64),
    since: Instant,
    is_stalled: bool,
}

impl Progress {
    fn new(position: &Position, now: Instant) -> Self {
        Self {
            taken: (position.epoch, position.acknowledged),
            since: now,
            is_stalled: false,
        }
    }

    fn look(&mut self, position: &Position, now: Instant, limit: Duration) -> Option<Turn> {
        let taken = (position.epoch, position.acknowledged);
        let nothing_waits = position.head.last_seq <= position.acknowledged;
        if nothing_waits || taken != self.taken {
            self.taken = taken;
            self.since = now;
        }
        let is_stalled = now.duration_since(self.since) >= limit;
        if std::mem::replace(&mut self.is_stalled, is_stalled) == is_stalled {
            return None;
        }
        Some(if is_stalled {
            Turn::Stalled
        } else {
            Turn::GoesOn
        })
    }
}

#[cfg(test)]
mod tests {
    use agog_sync::chain::ChainHead;
    use agog_sync::ids::ProducerId;

    use super::*;

    const LIMIT: Duration = Duration::from_mins(15);

    fn position(epoch: u64, acknowledged: u64, last_seq: u64) -> Position {
        let producer = ProducerId::from_uuid(uuid::Uuid::from_u128(1));
        let mut head = ChainHead::genesis(producer, epoch);
        head.last_seq = last_seq;
        Position {
            producer,
            epoch,
            head,
            acknowledged,
        }
    }

    #[test]
    fn it_is_told_once_when_nothing_that_waits_is_taken_and_once_when_it_goes_on() {
        let began = Instant::now();
        let at = |minutes: u64| began + Duration::from_mins(minutes);
        let mut progress = Progress::new(&position(1, 5, 5), began);
        let mut look = |minute, position: &Position| progress.look(position, at(minute), LIMIT);
        // Nothing waits: a quiet week is no alarm, and an event after it has its time.
        assert_eq!(look(10_000, &position(1, 5, 5)), None);
        assert_eq!(look(10_001, &position(1, 5, 6)), None);
        assert_eq!(look(10_014, &position(1, 5, 9)), None);
        assert_eq!(look(10_015, &position(1, 5, 9)), Some(Turn::Stalled));
        assert_eq!(look(10_500, &position(1, 5, 40)), None);
        assert_eq!(look(10_501, &position(1, 6, 40)), Some(Turn::GoesOn));
        // A backlog that shrinks is none either.
        assert_eq!(look(10_515, &position(1, 7, 90)), None);
        assert_eq!(look(10_529, &position(1, 8, 90)), None);
        assert_eq!(look(10_543, &position(2, 0, 90)), None);
        assert_eq!(look(10_558, &position(2, 0, 90)), Some(Turn::Stalled));
    }
}
