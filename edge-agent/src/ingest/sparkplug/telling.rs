//! What the ledger is told of nodes and devices that were found and lost. News wait here until it has taken them. A commit keeps its
//! key until then: one that was made although its answer said otherwise is not made twice.
//!
//! Limit: [`NEWS_WAITING_MAX`] news wait; of more, the oldest are lost, and that is logged.

use std::time::Duration;

use agog_sync::event::{Actor, DeviceContact, DeviceEvent, Event};
use agog_sync::frame::SeriesKey;
use agog_sync::ids::EventId;
use rand::rngs::StdRng;
use tracing::{error, info, warn};

use super::contact::News;
use super::host::ONLINE;
use super::task::LOST;
use crate::ingest::sampled_log::SampledLog;
use crate::ledger::{Append, Fact, InboxKey, Untold, What};
use crate::run::Agent;
use crate::telemetry::{Sample, Telemetry};

/// Found and lost devices that are recorded in one commit.
const NEWS_PER_COMMIT: usize = 100;
/// Every node and device was found and lost once more.
const NEWS_WAITING_MAX: usize = 20_000;
/// How long a full buffer of samples is waited for; then it is tried again with the next news.
const STORE_WAIT: Duration = Duration::from_millis(100);

pub(super) struct Telling {
    agent: Agent,
    telemetry: Telemetry,
    rng: StdRng,
    waiting: Vec<News>,
    untold: Untold,
    /// Series that are to say that something is not online.
    stale: Vec<Sample>,
    failure_log: SampledLog,
}

impl Telling {
    pub(super) fn new(agent: &Agent, telemetry: &Telemetry) -> Self {
        Self {
            agent: agent.clone(),
            telemetry: telemetry.clone(),
            rng: agent.fork_rng(),
            waiting: Vec::new(),
            untold: Untold::default(),
            stale: Vec::new(),
            failure_log: SampledLog::default(),
        }
    }

    /// Records news, and what could not be recorded before. A device that has another way to be reached is told of by that.
    pub(super) async fn tell(&mut self, news: Vec<News>) {
        self.stale
            .extend(news.iter().filter(|news| news.is_in_vain).map(offline));
        let known = &self.agent.known_devices;
        let news = news
            .into_iter()
            .filter(|news| !known.contains(&news.device));
        self.waiting.extend(news);
        let too_many = self.waiting.len().saturating_sub(NEWS_WAITING_MAX);
        if too_many > 0 {
            self.waiting.drain(..too_many);
            error!("contact with {too_many} sparkplug devices is never recorded: too much waits");
        }
        self.store().await;
        let Self {
            agent,
            rng,
            waiting,
            untold,
            failure_log,
            ..
        } = self;
        let next = || {
            let count = waiting.len().min(NEWS_PER_COMMIT);
            let facts: Vec<_> = waiting.drain(..count).map(fact).collect();
            (!facts.is_empty()).then(|| Append {
                facts,
                inbox: Some(InboxKey {
                    sender: "sparkplug".to_owned(),
                    message_id: EventId::generate(agent.clock.now(), rng).to_string(),
                }),
                ..Append::default()
            })
        };
        if let Err(error) = untold.tell(&agent.ledger, next).await
            && let Some(left_out) = failure_log.admit(agent.clock.now())
        {
            warn!(
                error = &error as &dyn std::error::Error,
                "contact with sparkplug devices is not recorded yet ({left_out} tries not logged)"
            );
        }
    }

    async fn store(&mut self) {
        if self.stale.is_empty() {
            return;
        }
        // Nobody tells them again: what is not stored becomes a gap, and here is nothing more to do.
        let submitted = self.telemetry.submit_once(self.stale.clone(), LOST);
        if tokio::time::timeout(STORE_WAIT, submitted).await.is_ok() {
            self.stale.clear();
        }
    }
}

fn offline(news: &News) -> Sample {
    Sample {
        series: SeriesKey {
            device: news.device.clone(),
            metric: ONLINE.to_owned(),
            unit: None,
        },
        at: news.at,
        value: 0.0,
        is_historical: false,
    }
}

fn fact(news: News) -> Fact {
    let News {
        device,
        detail,
        at,
        is_found,
        ..
    } = news;
    let contact = DeviceContact {
        device: device.clone(),
        detail: detail.to_owned(),
    };
    let event = if is_found {
        info!(device.id = %device, "device {device} found: {detail}");
        DeviceEvent::Found(contact)
    } else {
        warn!(device.id = %device, "device {device} lost: {detail}");
        DeviceEvent::Lost(contact)
    };
    Fact {
        occurred_at: Some(at),
        actor: Actor::System {
            component: "sparkplug".to_owned(),
        },
        what: What::Event(Event::Device(event)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use agog_sync::clock::{Clock, SystemClock};
    use agog_sync::ids::AgentId;
    use rand::SeedableRng as _;
    use rusqlite::Connection;
    use tempfile::TempDir;

    use super::*;
    use crate::config::Config;
    use crate::ledger::{Ledger, LedgerThread};
    use crate::telemetry::TelemetryThread;

    /// An agent without a broker: what is told, and what the ledger has of it.
    struct Plant {
        telling: Telling,
        /// Another connection to the ledger, by which it is made to fail.
        file: Connection,
        threads: (LedgerThread, TelemetryThread),
        _folder: TempDir,
    }

    impl Plant {
        fn start() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("agog-edge.toml");
            let text =
                "[agent]\ndata_dir = \"data\"\nplant_code = \"HAM\"\nplant_name = \"Hamburg\"\n";
            std::fs::write(&path, text).unwrap();
            std::fs::create_dir(folder.path().join("data")).unwrap();
            let config = Arc::new(Config::load(&path).unwrap());
            let clock: Arc<dyn Clock> = Arc::new(SystemClock);
            let rng = StdRng::seed_from_u64;
            let (path, now) = (config.ledger_path(), clock.now());
            let agent_id = AgentId::generate(now, &mut rng(1));
            Ledger::create(&path, agent_id, "HAM", now).unwrap();
            let (ledger, ledger_thread) =
                Ledger::open(&path, config.material_map(), clock.clone(), rng(2)).unwrap();
            let limits = config.telemetry.limits();
            let (telemetry, telemetry_thread) =
                Telemetry::open(&config.telemetry_path(), limits, clock.clone(), rng(3)).unwrap();
            let agent = Agent::new(config, clock, ledger, rng(4));
            Self {
                telling: Telling::new(&agent, &telemetry),
                file: Connection::open(path).unwrap(),
                threads: (ledger_thread, telemetry_thread),
                _folder: folder,
            }
        }

        /// From here on no commit with a message id works.
        fn break_ledger(&self) {
            let broken = "alter table inbox_message rename to away";
            self.file.execute_batch(broken).unwrap();
        }

        fn mend_ledger(&self) {
            let mended = "alter table away rename to inbox_message";
            self.file.execute_batch(mended).unwrap();
        }

        async fn told(&mut self, devices: &[&str]) {
            let at = self.telling.agent.clock.now();
            let news = devices.iter().map(|device| News {
                device: (*device).to_owned(),
                is_found: true,
                detail: "has sent its birth",
                at,
                is_in_vain: false,
            });
            self.telling.tell(news.collect()).await;
        }

        /// The devices that were found, as the ledger has them.
        async fn recorded(&self) -> Vec<String> {
            let ledger = &self.telling.agent.ledger;
            let events = ledger.outbox_after(1, 0, 1_000, usize::MAX).await.unwrap();
            let found = events.iter().map(|event| match event.event().unwrap() {
                Event::Device(DeviceEvent::Found(contact)) => contact.device,
                other => panic!("{other:?}"),
            });
            found.collect()
        }

        fn stop(self) {
            let Self {
                telling, threads, ..
            } = self;
            drop(telling);
            threads.0.join();
            threads.1.join();
        }
    }

    #[tokio::test]
    async fn news_that_the_ledger_could_not_take_are_recorded_once_it_can_in_their_order_and_once()
    {
        let mut plant = Plant::start();
        plant.break_ledger();
        plant.told(&["press-1"]).await;
        plant.told(&["press-2"]).await;
        assert!(plant.recorded().await.is_empty());
        plant.mend_ledger();

        plant.told(&["press-3"]).await;
        plant.told(&[]).await;

        assert_eq!(plant.recorded().await, ["press-1", "press-2", "press-3"]);
        plant.stop();
    }

    #[tokio::test]
    async fn news_that_the_ledger_took_although_it_said_otherwise_are_recorded_once() {
        let mut plant = Plant::start();
        plant.break_ledger();
        plant.told(&["press-1"]).await;
        plant.mend_ledger();
        let taken = plant.telling.untold.waiting().cloned().unwrap();
        plant.telling.agent.ledger.append(taken).await.unwrap();

        plant.told(&["press-2"]).await;

        assert_eq!(plant.recorded().await, ["press-1", "press-2"]);
        plant.stop();
    }
}
