//! The running agent: all channels are made and all tasks are started here, in flow order.
//!
//! Every task is `async fn run(agent: Agent, …, stop: Stop) -> anyhow::Result<()>` and ends after
//! `stop.soft()`:
//! - `ingest::mqtt::run(agent, telemetry, stop)` (returns at a stop also when no broker is configured)
//! - `ingest::jmf::router(agent, …) -> axum::Router`, served here on the JMF listener
//! - `devices::run(agent, …, jmf_url: String, stop)`, `jobs::run(agent, …, stop)`
//! - `telemetry::gaps::run(agent, telemetry, stop)`
//! - `uplink::run(agent, telemetry, stop)`

use std::sync::{Arc, Mutex, PoisonError};

use agog_sync::clock::Clock;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use crate::config::Config;
use crate::health::Health;
use crate::ledger::Ledger;

/// What every task is given; cheap to clone.
#[derive(Clone)]
pub struct Agent {
    pub config: Arc<Config>,
    pub clock: Arc<dyn Clock>,
    pub ledger: Ledger,
    pub health: Arc<Health>,
    rng: Arc<Mutex<StdRng>>,
}

impl Agent {
    /// Puts together what the tasks share.
    pub fn new(config: Arc<Config>, clock: Arc<dyn Clock>, ledger: Ledger, rng: StdRng) -> Self {
        Self {
            config,
            clock,
            ledger,
            health: Arc::default(),
            rng: Arc::new(Mutex::new(rng)),
        }
    }

    /// A generator of its own for a task.
    pub fn fork_rng(&self) -> StdRng {
        StdRng::from_rng(&mut *self.rng.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
