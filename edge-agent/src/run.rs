//! The running agent: all channels are made and all tasks are started here, in flow order.
//!
//! It starts without network: nothing here waits for the hub, a broker or a device.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use agog_sync::clock::Clock;
use anyhow::Context as _;
use jiff::Timestamp;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tracing::info;

use crate::api::{self, ApiState};
use crate::backups;
use crate::config::Config;
use crate::controller::{self, Desk};
use crate::data_dir::{self, DataDirLock};
use crate::devices::Devices;
use crate::devices::contact::Contacts;
use crate::devices::picture::Picture;
use crate::disk::{self, Disk};
use crate::floor::Floor;
use crate::health::{self, Health};
use crate::ingest::jmf::JmfState;
use crate::ingest::jmf::connections::Limited;
use crate::ingest::jmf::https::TlsListener;
use crate::ledger::{Ledger, damage, restore};
use crate::lifecycle::{self, Stop, Tasks};
use crate::outbox::files::Files;
use crate::telemetry::Telemetry;
use crate::{devices, documents, folder, ingest, jobs, outbox, telemetry, uplink};

/// What every task is given; cheap to clone.
#[derive(Clone)]
pub struct Agent {
    pub config: Arc<Config>,
    pub clock: Arc<dyn Clock>,
    pub ledger: Ledger,
    pub health: Arc<Health>,
    /// What every device said last.
    pub devices: Arc<Picture>,
    /// Which devices there are.
    pub known_devices: Devices,
    /// Files that go to devices with tickets.
    pub files: Arc<Files>,
    /// Room for the ledger.
    pub disk: Arc<Disk>,
    /// What is shared in front of an MIS.
    pub desk: Arc<Desk>,
    rng: Arc<Mutex<StdRng>>,
}

/// Where the running agent listens; the content of run.json.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addresses {
    pub pid: u32,
    pub version: String,
    pub started_at: Timestamp,
    /// Base URL of the local API.
    pub api_url: String,
    /// Where devices send their JMF messages.
    pub jmf_url: String,
}

/// Runs the agent until `stop`. Answers after everything is flushed.
pub async fn run(
    config: Config,
    clock: Arc<dyn Clock>,
    mut rng: StdRng,
    stop: Stop,
) -> anyhow::Result<()> {
    let lock = DataDirLock::take(&config.agent.data_dir)?;
    restore::finish(&config.agent.data_dir)?;
    if let Some(damaged) = damage::marked(&config.agent.data_dir) {
        return Err(damaged.into());
    }
    let config = Arc::new(config);
    let metrics = health::metrics_recorder()?;
    let disk = Arc::new(Disk::of(
        &config.agent.data_dir,
        config.ledger.reserve_bytes(),
    ));
    disk.look();
    let (ledger, ledger_thread) = Ledger::open_watched(
        &config.ledger_path(),
        config.material_map(),
        clock.clone(),
        StdRng::from_rng(&mut rng),
        disk,
    )?;
    data_dir::check_plant(&config, &ledger).await?;
    let (telemetry, telemetry_thread) = Telemetry::open(
        &config.telemetry_path(),
        config.telemetry.limits(),
        clock.clone(),
        StdRng::from_rng(&mut rng),
    )?;
    let agent = Agent::new(config.clone(), clock.clone(), ledger, rng);
    agent
        .known_devices
        .load()
        .context("cannot read the devices that were added over the API")?;

    let api_listener = listen(config.api.listen, "api.listen").await?;
    let jmf_listener = listen(config.jmf.listen, "jmf.listen").await?;
    let addresses = Arc::new(Addresses {
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: clock.now(),
        api_url: format!("http://{}", api_listener.local_addr()?),
        jmf_url: jmf_url(&config, &jmf_listener)?,
    });

    let contacts = Contacts::default();
    let (floor, floor_task) = Floor::new(agent.clone());
    let jmf_url = addresses.jmf_url.clone();
    let mut tasks = Tasks::default();
    // What machines tell: values into telemetry, facts through the floor into the ledger.
    tasks.spawn(
        "mqtt",
        ingest::mqtt::run(agent.clone(), telemetry.clone(), stop.clone()),
    );
    let lines = ingest::serial::Lines::default();
    tasks.spawn(
        "serial",
        ingest::serial::run(
            agent.clone(),
            telemetry.clone(),
            lines.clone(),
            stop.clone(),
        ),
    );
    let jmf = JmfState {
        agent: agent.clone(),
        floor: floor.clone(),
        contacts: contacts.clone(),
        telemetry: telemetry.clone(),
    };
    tasks.spawn("folders", folder::run(jmf.clone(), stop.clone()));
    let machines = ingest::jmf::router(jmf);
    match &config.jmf.tls {
        None => tasks.spawn(
            "jmf",
            lifecycle::serve(Limited::new(jmf_listener), machines, stop.clone()),
        ),
        Some(tls) => {
            let listener = TlsListener::new(jmf_listener, tls)?;
            tasks.spawn("jmf", lifecycle::serve(listener, machines, stop.clone()));
        }
    }
    tasks.spawn("floor", floor_task.run());
    tasks.spawn(
        "devices",
        devices::run(
            agent.clone(),
            floor,
            contacts.clone(),
            jmf_url.clone(),
            stop.clone(),
        ),
    );
    // What others ask of the agent as of a device.
    tasks.spawn("controller", controller::run(agent.clone(), stop.clone()));
    // What the office and people ask for.
    tasks.spawn(
        "outbox",
        outbox::run(agent.clone(), contacts, jmf_url, stop.clone()),
    );
    let state = ApiState {
        agent: agent.clone(),
        addresses: addresses.clone(),
        metrics: metrics.clone(),
    };
    let routes = jobs::routes::router(agent.clone())
        .merge(outbox::routes::router(agent.clone())?)
        .merge(controller::routes::router(agent.clone()))
        .merge(documents::router(agent.clone()))
        .merge(devices::routes::router())
        .merge(telemetry::routes::router(telemetry.clone()))
        .merge(ingest::serial::routes::router(agent.ledger.clone(), lines));
    tasks.spawn(
        "api",
        lifecycle::serve(api_listener, api::router(state, routes), stop.clone()),
    );
    // What goes to the hub and comes from it.
    tasks.spawn(
        "gaps",
        telemetry::gaps::run(agent.clone(), telemetry.clone(), stop.clone()),
    );
    tasks.spawn(
        "uplink",
        uplink::run(agent.clone(), telemetry.clone(), stop.clone()),
    );
    tasks.spawn(
        "progress",
        uplink::progress::run(agent.clone(), stop.clone()),
    );
    // Being a good service.
    tasks.spawn(
        "disk",
        disk::run(agent.clone(), telemetry.clone(), stop.clone()),
    );
    tasks.spawn("backups", backups::run(agent.clone(), stop.clone()));
    tasks.spawn("damage", stop_at_damage(agent.ledger.clone(), stop.clone()));
    tasks.spawn("metrics", health::upkeep(metrics, stop.clone()));
    tasks.spawn(
        "watchdog",
        lifecycle::watchdog(agent.ledger.clone(), stop.clone()),
    );

    data_dir::write_run_file(&config.run_file_path(), &addresses)?;
    lifecycle::notify_ready();
    info!(
        "agent `{}` of plant {} is ready: local API {}, JMF {}",
        config.agent.name, config.agent.plant_code, addresses.api_url, addresses.jmf_url
    );
    drop(agent);
    drop(telemetry);
    let result = tasks.run_to_end(stop).await;
    remove_run_file(&config.run_file_path());
    // Every handle is gone with its task, so both writers end after their last commit.
    telemetry_thread.join();
    ledger_thread.join();
    drop(lock);
    info!("stopped");
    result
}

/// Ends the program when the ledger's file is found to be damaged: nothing that is told could be recorded any more.
async fn stop_at_damage(ledger: Ledger, stop: Stop) -> anyhow::Result<()> {
    tokio::select! {
        damaged = ledger.is_damaged() => Err(damaged.into()),
        () = stop.soft().cancelled() => Ok(()),
    }
}

/// Where devices are told to send to.
fn jmf_url(config: &Config, listener: &TcpListener) -> std::io::Result<String> {
    if let Some(url) = &config.jmf.announced_url {
        return Ok(url.clone());
    }
    let scheme = match config.jmf.tls {
        Some(_) => "https",
        None => "http",
    };
    Ok(format!("{scheme}://{}/jmf", listener.local_addr()?))
}

async fn listen(address: std::net::SocketAddr, key: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}; change `{key}` in the configuration"))
}

fn remove_run_file(path: &Path) {
    if let Err(error) = std::fs::remove_file(path) {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "run.json not removed"
        );
    }
}

impl Agent {
    /// Puts together what the tasks share.
    pub fn new(config: Arc<Config>, clock: Arc<dyn Clock>, ledger: Ledger, rng: StdRng) -> Self {
        let known_devices = Devices::new(config.clone());
        let desk = Arc::new(Desk::new(&config, known_devices.clone()));
        Self {
            files: Arc::new(Files::new(&config.agent.data_dir)),
            known_devices,
            config,
            desk,
            clock,
            disk: ledger.disk(),
            ledger,
            health: Arc::default(),
            devices: Arc::default(),
            rng: Arc::new(Mutex::new(rng)),
        }
    }

    /// What is shown of a device is dropped, because it is no more, or another one.
    pub fn forget_device(&self, id: &str) {
        self.devices.forget(id);
        self.health.forget_device(id);
    }

    /// A generator of its own for a task.
    pub fn fork_rng(&self) -> StdRng {
        StdRng::from_rng(&mut *self.rng.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
