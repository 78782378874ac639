//! Delivery to the hub, and what comes down from it.
//!
//! A session begins by asking the hub what it has, and comparing that with the local ledger
//! (`agog_sync::outbox`). Then loops run until one of them fails: one pushes the ledger, one telemetry beside it, and both sleep
//! until there is something new; one fetches back what a disk that was set back has
//! lost, and then waits for the feed and compares the days that are over; one fetches the files of tickets. What
//! the hub has acknowledged is only moved by its answers, in `ledger.db` and `telemetry.db`, so
//! every step can be repeated, after a second or after days. Nothing here holds up ingest.
//!
//! Limits: batches as in `agog_sync::frame`; retries between [`RETRY_BASE`] and [`RETRY_CAP`], or
//! [`UNREACHABLE_CAP`] while nobody answers; a new event ends the wait.
//! Read [`push_ledger`] next.

mod days;
mod documents;
pub mod enrol;
mod feed;
mod fetch_back;
mod files;
pub mod http;
mod hub;
pub mod identity;
mod plant_tls;
pub mod progress;
mod push_ledger;
mod push_telemetry;
mod token;

use std::convert::Infallible;
use std::time::{Duration, Instant, SystemTime};

use agog_sync::backoff::Backoff;
use agog_sync::frame::EnrolResponse;
use jiff::civil::Date;
use tokio::sync::watch;
use tracing::{error, info, warn};

use crate::health::HubState;
use crate::ledger::{LedgerError, Position};
use crate::lifecycle::Stop;
use crate::run::Agent;
use crate::telemetry::{Telemetry, TelemetryError};
use http::chain;
use hub::{Hub, HubError};
use identity::{AgentKey, IdentityError};
use push_ledger::LedgerPush;
use push_telemetry::{Pushed, TelemetryPush};
use token::TokenClient;

/// The first wait after a failure.
pub const RETRY_BASE: Duration = Duration::from_millis(500);
/// The longest wait after an answer that was a refusal or an error of the hub: a hub in trouble is
/// left alone.
pub const RETRY_CAP: Duration = Duration::from_secs(30);
/// The longest wait while nobody answers: a hub that comes back has everybody within this.
pub const UNREACHABLE_CAP: Duration = Duration::from_secs(3);
/// A session that lasted this long had worked, also when there was nothing to deliver.
const SESSION_WORKED: Duration = Duration::from_secs(30);
/// How often a running agent looks whether it was enrolled meanwhile.
const ENROLMENT_LOOK: Duration = Duration::from_secs(1);
/// How often a fenced agent asks the hub once more: its operator may have set it back.
const FENCED_ASKS_EVERY: Duration = Duration::from_mins(10);

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
enum SessionError {
    #[error(transparent)]
    Hub(#[from] HubError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    #[error("hub does not say what it expects after it refused a batch")]
    NoWayOn,
    #[error("a new epoch was opened, delivery begins anew")]
    EpochOpened,
    #[error(
        "another agent uses this agent's identity: {0} new epochs since the start; delivery stays off until a restart"
    )]
    Duel(u32),
}

impl SessionError {
    fn is_refused_for_good(&self) -> bool {
        matches!(self, Self::Hub(error) if error.is_refused_for_good())
    }

    fn is_unreachable(&self) -> bool {
        matches!(self, Self::Hub(error) if error.is_unreachable())
    }

    fn is_cloned(&self) -> bool {
        matches!(self, Self::Hub(error) if error.is_cloned())
    }
}

/// What outlives a session.
#[derive(Debug, Default)]
struct Memory {
    /// Epochs opened since the program started.
    epochs_opened: u32,
    /// The running session, or the last one, has brought something to the hub.
    delivered: bool,
    /// The hub serves another process; that was said.
    fenced: bool,
}

/// What was compared with the hub; it outlives a session, too.
#[derive(Debug, Default)]
struct Compared {
    /// The day of the last comparison of days.
    days: Option<Date>,
    documents: documents::Told,
}

/// Delivers until `stop`. Without a configured hub there is nothing to do; without an enrolment
/// it waits for one.
pub async fn run(agent: Agent, telemetry: Telemetry, stop: Stop) -> anyhow::Result<()> {
    let Some(hub_url) = agent.config.hub.url.clone() else {
        agent.health.hub_state(HubState::NotConfigured);
        stop.soft().cancelled().await;
        return Ok(());
    };
    tokio::select! {
        result = deliver(&agent, &telemetry, &hub_url) => match result {},
        // A request that is cut off here is repeated after the next start.
        () = stop.soft().cancelled() => Ok(()),
    }
}

async fn deliver(agent: &Agent, telemetry: &Telemetry, hub_url: &str) -> Infallible {
    let mut rng = agent.fork_rng();
    let mut backoff = Backoff::new(RETRY_BASE, RETRY_CAP);
    let mut away = Backoff::new(RETRY_BASE, UNREACHABLE_CAP);
    let mut memory = Memory::default();
    let mut compared = Compared::default();
    // Kept over sessions together with its token, until the hub refuses it.
    let mut known_hub = None;
    loop {
        let enrolled_at = identity::enrolled_at(&agent.config.agent.data_dir);
        let hub = match known_hub.take() {
            Some(hub) => Ok(hub),
            None => connect(agent, hub_url).await,
        };
        let mut unreachable = false;
        match hub {
            Ok(hub) => {
                let began = Instant::now();
                memory.delivered = false;
                let ended = session(agent, telemetry, &hub, &mut memory, &mut compared).await;
                let error = match ended {
                    Ok(never) => match never {},
                    Err(error) => error,
                };
                if memory.delivered || began.elapsed() >= SESSION_WORKED {
                    backoff.reset();
                    away.reset();
                }
                if error.is_cloned() {
                    fenced(agent, &error, enrolled_at, &mut memory).await;
                    continue;
                }
                report(agent, &error, backoff.attempts() + away.attempts());
                unreachable = error.is_unreachable();
                known_hub = (!error.is_refused_for_good()).then_some(hub);
            }
            Err(error) => {
                warn!(error = &*error, "hub cannot be used yet");
                agent.health.hub_failed(HubState::Refused, chain(&*error));
            }
        }
        let (pause, least) = if unreachable {
            (away.next_wait(&mut rng), RETRY_BASE)
        } else {
            (backoff.next_wait(&mut rng), UNREACHABLE_CAP)
        };
        wait(pause, least, agent.ledger.position()).await;
    }
}

/// Says that another process with this identity is served, and waits until a person has decided: the agent goes on
/// recording, and delivers again when it is enrolled anew.
async fn fenced(
    agent: &Agent,
    error: &SessionError,
    enrolled_at: Option<SystemTime>,
    memory: &mut Memory,
) {
    let text = "the hub serves another agent with this identity: this one is a copy, or was copied. Nothing is \
                delivered from here. On the machine that shall deliver, run `agog-edge enroll` with a new code; \
                switch the other one off";
    if !memory.fenced {
        memory.fenced = true;
        error!("{text}: {}", chain(error));
        agent.health.alarm(agent.clock.now(), text);
    }
    agent.health.hub_failed(HubState::Fenced, text);
    let data_dir = &agent.config.agent.data_dir;
    let anew = async {
        while identity::enrolled_at(data_dir) == enrolled_at {
            tokio::time::sleep(ENROLMENT_LOOK).await;
        }
    };
    // Either way the hub is asked again.
    let _ = tokio::time::timeout(FENCED_ASKS_EVERY, anew).await;
}

/// Waits before the next session. Something new in the ledger ends the wait, but not before
/// `least`, so that a busy plant does not press a hub that is in trouble.
async fn wait(pause: Duration, least: Duration, mut position: watch::Receiver<Position>) {
    position.mark_unchanged();
    let least = pause.min(least);
    tokio::time::sleep(least).await;
    let news = async {
        if position.changed().await.is_err() {
            // The ledger is stopped, and soon this task too.
            std::future::pending::<()>().await;
        }
    };
    // Either way it is time to try again.
    let _ = tokio::time::timeout(pause.saturating_sub(least), news).await;
}

/// Waits for the enrolment and prepares the way to the hub; sends nothing.
async fn connect(
    agent: &Agent,
    hub_url: &str,
) -> Result<Hub, Box<dyn std::error::Error + Send + Sync>> {
    let enrolment = enrolled(agent).await?;
    let key = AgentKey::load(&agent.config.agent.data_dir)?
        .ok_or("the agent is enrolled, but its key is gone; enrol it again")?;
    let client = http::client(http::Reach::Hub)?;
    let tokens = TokenClient::new(
        client.clone(),
        hub_url,
        &enrolment,
        key,
        agent.ledger.clone(),
        agent.clock.clone(),
        agent.fork_rng(),
    );
    Ok(Hub::new(client, hub_url, tokens))
}

async fn enrolled(agent: &Agent) -> Result<EnrolResponse, IdentityError> {
    let data_dir = &agent.config.agent.data_dir;
    loop {
        if let Some(enrolment) = identity::enrolment(data_dir)? {
            return Ok(enrolment);
        }
        agent.health.hub_state(HubState::NotEnrolled);
        tokio::time::sleep(ENROLMENT_LOOK).await;
    }
}

async fn session(
    agent: &Agent,
    telemetry: &Telemetry,
    hub: &Hub,
    memory: &mut Memory,
    compared: &mut Compared,
) -> Result<Infallible, SessionError> {
    let state = progress::ask_state(agent, hub).await?;
    memory.fenced = false;
    let mut ledger_push = LedgerPush::begin(agent, hub, memory, state.ledger).await?;
    let mut telemetry_push = TelemetryPush::begin(agent, telemetry, hub, state.telemetry).await?;
    info!(
        "hub connected: it has the ledger up to {} of epoch {}",
        state.ledger.last_seq, state.ledger.epoch
    );
    let push_ledger = async {
        let mut position = agent.ledger.position();
        loop {
            // Seen before the look, so that what comes meanwhile wakes the wait below.
            position.mark_unchanged();
            if ledger_push.push().await? {
                continue;
            }
            if position.changed().await.is_err() {
                return Err::<Infallible, _>(SessionError::Ledger(LedgerError::Stopped));
            }
        }
    };
    let mut has_telemetry = false;
    let push_telemetry = async {
        let mut position = agent.ledger.position();
        let mut standing = telemetry.standing();
        loop {
            position.mark_unchanged();
            standing.mark_unchanged();
            let until = match telemetry_push.push().await? {
                Pushed::Batch => {
                    has_telemetry = true;
                    continue;
                }
                Pushed::Nothing(until) => until,
            };
            let later = async {
                match until {
                    Some(until) => tokio::time::sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            let closed = tokio::select! {
                () = later => false,
                // Samples that came do not hasten what has its time; events that are gone make way for a backlog.
                changed = standing.changed(), if until.is_none() => changed.is_err(),
                changed = position.changed() => changed.is_err(),
            };
            if closed {
                return Err::<Infallible, _>(SessionError::Ledger(LedgerError::Stopped));
            }
        }
    };
    let feed = async {
        fetch_back::complete(agent, hub).await?;
        let days = days::follow(agent, hub, &mut compared.days);
        let feed = feed::follow(agent, hub, &mut compared.documents);
        let (never, _) = tokio::try_join!(feed, days)?;
        Ok(never)
    };
    let files = files::follow(agent, hub);
    let ended = tokio::try_join!(push_ledger, push_telemetry, feed, files);
    memory.delivered |= has_telemetry;
    let (never, ..) = ended?;
    Ok(never)
}

fn report(agent: &Agent, error: &SessionError, attempts: u32) {
    let text = chain(error);
    let refused = error.is_refused_for_good() || matches!(error, SessionError::Duel(_));
    let state = if refused {
        HubState::Refused
    } else {
        HubState::Offline
    };
    // The first failure after a good session is news; the next ones are the same outage.
    if attempts == 0 || state == HubState::Refused {
        warn!("delivery to the hub interrupted: {text}");
    } else {
        tracing::debug!("hub still away after {attempts} tries: {text}");
    }
    metrics::counter!("agog_uplink_failures_total").increment(1);
    if let SessionError::Hub(error) = error {
        progress::note_clock(&agent.health, agent.clock.now(), error.hub_clock());
    }
    agent.health.hub_failed(state, text);
}

#[cfg(test)]
mod tests {
    use agog_sync::chain::ChainHead;
    use agog_sync::ids::ProducerId;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_new_event_ends_the_wait_for_the_hub_and_silence_does_not() {
        let producer = ProducerId::from_uuid(uuid::Uuid::from_u128(1));
        let mut position = Position {
            producer,
            epoch: 1,
            head: ChainHead::genesis(producer, 1),
            acknowledged: 0,
        };
        let (publish, shown) = watch::channel(position);
        let began = Instant::now();
        wait(RETRY_CAP, RETRY_BASE, shown.clone()).await;
        assert!(began.elapsed() >= RETRY_CAP);

        let began = Instant::now();
        position.head.last_seq += 1;
        tokio::join!(wait(RETRY_CAP, RETRY_BASE, shown), async {
            publish.send(position).unwrap();
        });
        assert!(began.elapsed() < UNREACHABLE_CAP, "{:?}", began.elapsed());
    }
}
