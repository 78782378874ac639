//! What every request works with. Built once, cloned cheaply.

use std::sync::{Arc, Mutex, PoisonError};

use agog_sync::clock::Clock;
use agog_sync::document::Actor;
use metrics_exporter_prometheus::PrometheusHandle;
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use tokio_util::sync::CancellationToken;

use crate::config::TelemetryKeep;
use crate::db::Pool;
use crate::equipment::Exports;
use crate::equipment::live::Live;
use crate::files::Files;
use crate::tenants::tokens::AccessTokens;

/// The parts that requests share.
#[derive(Clone)]
pub struct App {
    pub pool: Pool,
    /// The plants that are watched here.
    pub live: Live,
    /// The files that are made here.
    pub exports: Exports,
    pub clock: Arc<dyn Clock>,
    /// How agents and people reach this hub; the audience of the agents' assertions.
    pub public_url: Arc<str>,
    /// Signs and reads the short tokens of agents.
    pub access_tokens: Arc<AccessTokens>,
    pub metrics: PrometheusHandle,
    pub seeds: Seeds,
    /// Where the files of jobs lie; none when no place is configured.
    pub files: Option<Files>,
    /// A document that was edited so often begins anew.
    pub roll_at: usize,
    /// How long telemetry stays.
    pub telemetry: TelemetryKeep,
    /// Cancelled when the hub is asked to stop: requests that only wait give up waiting.
    pub stopping: CancellationToken,
}

impl App {
    /// A generator for the ids of one piece of work.
    pub fn rng(&self) -> StdRng {
        self.seeds.next()
    }

    /// Who edits documents here: other bytes for each start of the process, never used again.
    pub fn document_actor(&self) -> Actor {
        self.seeds.actor
    }
}

/// Where generators come from: one seeded at start, forked for each piece of work.
#[derive(Clone)]
pub struct Seeds {
    rng: Arc<Mutex<StdRng>>,
    actor: Actor,
}

impl Seeds {
    /// Starts from a generator: from the operating system in production, from a seed in tests.
    pub fn new(mut rng: StdRng) -> Self {
        let actor = rng.random();
        let rng = Arc::new(Mutex::new(rng));
        Self { rng, actor }
    }

    fn next(&self) -> StdRng {
        let mut seed = [0; 32];
        // Random bytes have no invariant that a panic elsewhere could have broken.
        self.rng
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .fill_bytes(&mut seed);
        StdRng::from_seed(seed)
    }
}
