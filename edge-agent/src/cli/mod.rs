//! The command line. Commands that change data talk to the running agent over its local API;
//! nothing else writes the files.
//!
//! Exit codes: 0 done, 1 refused or failed, 2 wrong arguments, 65 the ledger is damaged, 78 wrong configuration.

mod check;
mod client;
mod device;
mod document;
mod enroll;
mod init;
mod jmf;
mod job;
mod ledger;
mod lot;
mod master;
mod mqtt;
mod output;
mod serial;
mod status;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use agog_sync::clock::{Clock, SystemClock};
use anyhow::Context as _;
use clap::{Parser, Subcommand};
use rand::SeedableRng as _;
use rand::rngs::{StdRng, SysRng};

use crate::config::{Config, ConfigError};
use crate::ledger::LedgerError;
use crate::lifecycle::{self, Stop};
use crate::logging;

pub use client::Client;
pub use output::Output;

/// `EX_CONFIG` of sysexits.h: systemd is told not to restart on it.
const EXIT_CONFIG: u8 = 78;

/// `EX_DATAERR`: nothing is better after a restart, so systemd is told not to.
const EXIT_DAMAGED: u8 = 65;

/// Threads of the running agent beside the writers: the work is mostly waiting, and each thread
/// costs memory.
const WORKER_THREADS: usize = 2;

/// Threads for blocking reads.
const BLOCKING_THREADS_MAX: usize = 4;

/// The edge agent of AGOG: collects in the plant, keeps the ledger, delivers to the hub.
#[derive(Debug, Parser)]
#[command(name = "agog-edge", version, about)]
struct Arguments {
    /// The configuration file.
    #[arg(
        long,
        global = true,
        env = "AGOG_EDGE_CONFIG",
        default_value = "/etc/agog/agog-edge.toml",
        value_name = "FILE"
    )]
    config: PathBuf,
    /// Print JSON for programs instead of lines for people.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a commented configuration and make the data folder.
    Init(init::InitArguments),
    /// Bind this agent to a plant of the hub with a one-time code.
    Enroll(enroll::EnrollArguments),
    /// Run the agent in the foreground until SIGTERM or Ctrl-C.
    Run,
    /// Explain the configuration and what is wrong with it.
    Check,
    /// Show the ledger, what waits for the hub, and the devices.
    Status,
    /// Receive, split, use, ship and trace lots.
    #[command(subcommand)]
    Lot(lot::LotArguments),
    /// Look at the ledger itself.
    #[command(subcommand)]
    Ledger(ledger::LedgerArguments),
    /// Tickets for the machines: submit, hold, resume, abort.
    #[command(subcommand)]
    Job(job::JobArguments),
    /// Add, change and remove machines while the agent runs.
    #[command(subcommand)]
    Device(device::DeviceArguments),
    /// Job notes, priorities and discussions that the office edits too.
    #[command(subcommand)]
    Document(document::DocumentArguments),
    /// What the office says of materials, locations, operators and reasons.
    #[command(subcommand)]
    Master(master::MasterArguments),
    /// Machines, what they tell, and what is to be sent to them.
    #[command(subcommand)]
    Jmf(jmf::JmfArguments),
    /// Look at what arrives over MQTT.
    #[command(subcommand)]
    Mqtt(mqtt::MqttArguments),
    /// Look at what arrives at serial ports.
    #[command(subcommand)]
    Serial(serial::SerialArguments),
}

/// What every command is given.
pub struct Session {
    pub config_path: PathBuf,
    pub output: Output,
    pub clock: Arc<dyn Clock>,
    pub rng: StdRng,
}

impl Session {
    /// Reads the configuration.
    pub fn config(&self) -> Result<Config, ConfigError> {
        Config::load(&self.config_path)
    }
}

/// Parses the arguments, does the command, and says how it went.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    logging::set_up();
    match execute(arguments) {
        Ok(code) => code,
        Err(error) => {
            // The message goes to people; the log is for the running agent.
            let _ = Output::error(&format!("agog-edge: {error:#}"));
            let bad_config = error
                .chain()
                .any(<dyn std::error::Error>::is::<ConfigError>);
            let is_damaged = error
                .chain()
                .filter_map(|cause| cause.downcast_ref::<LedgerError>())
                .any(|error| error.damage().is_some());
            ExitCode::from(match (bad_config, is_damaged) {
                (true, _) => EXIT_CONFIG,
                (_, true) => EXIT_DAMAGED,
                _ => 1,
            })
        }
    }
}

fn execute(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let session = Session {
        config_path: arguments.config,
        output: Output::new(arguments.json),
        clock: Arc::new(SystemClock),
        rng: StdRng::try_from_rng(&mut SysRng).context("the system gives no randomness")?,
    };
    match arguments.command {
        Command::Init(arguments) => init::init(session, &arguments),
        Command::Run => run(session),
        Command::Check => check::check(&session),
        Command::Status => short(status::status(&session)),
        Command::Lot(arguments) => short(lot::lot(session, arguments)),
        Command::Enroll(arguments) => short(enroll::enroll(&session, arguments)),
        Command::Job(arguments) => short(job::job(session, arguments)),
        Command::Device(arguments) => short(device::device(&session, arguments)),
        Command::Document(arguments) => short(document::document(session, arguments)),
        Command::Master(arguments) => short(master::master(&session, arguments)),
        Command::Jmf(arguments) => short(jmf::jmf(&session, arguments)),
        Command::Mqtt(arguments) => short(mqtt::mqtt(session, arguments)),
        Command::Serial(arguments) => short(serial::serial(&session, arguments)),
        Command::Ledger(arguments) => ledger::ledger(&session, &arguments),
    }
}

/// Commands that ask and print need no threads.
fn short(command: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()?
        .block_on(command)
}

fn run(session: Session) -> anyhow::Result<ExitCode> {
    let config = session.config()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .enable_all()
        .build()?;
    let stop = Stop::new();
    runtime.block_on(async {
        let signals = tokio::spawn(lifecycle::watch_signals(stop.clone()));
        let result = crate::run::run(config, session.clock, session.rng, stop).await;
        signals.abort();
        result
    })?;
    Ok(ExitCode::SUCCESS)
}
