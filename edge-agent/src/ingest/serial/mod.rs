//! Serial ports: barcode scanners, scales, counters. Lines become samples of telemetry, or scans that operators and programs look up.
//!
//! A scan moves nothing in the ledger: it says which lot somebody has in the hand, and people say what they do with it.
//! Unlike a broker, a port keeps nothing for us. What was sent while it was away, or while the agent was stopped, was never heard; what
//! was heard and could not be stored is a gap in the ledger. Every port has a task of its own: one that is away keeps no other one waiting.
//!
//! - [`port`]: the task of one port; [`open`]: how it is opened
//! - [`framing`]: bytes → lines
//! - [`understand`]: lines → scans, weights ([`scale`]) and numbers ([`counter`])
//! - [`keep`]: samples → telemetry, or a gap
//! - [`heard`]: the newest lines; [`routes`]: them over the local API
//! - [`explain`]: a port in words
//!
//! Limits: lines of at most [`framing::LINE_BYTES_MAX`], [`keep::SAMPLES_WAITING_MAX`] samples of a port between arrival and commit,
//! [`heard::LINES_PER_PORT_MAX`] lines of a port kept for people.

mod counter;
pub(crate) mod explain;
mod framing;
pub mod heard;
mod keep;
mod open;
mod port;
pub mod routes;
mod scale;
mod understand;

use futures_util::future::try_join_all;

pub(crate) use counter::{problems as counter_problems, repeats as counter_repeats};
pub use heard::{Heard, Lines, Scan, ScanForm};
pub(crate) use open::problem;
pub(crate) use scale::is_weight_unit;

use crate::config::SerialConfig;
use crate::lifecycle::Stop;
use crate::run::Agent;
use crate::telemetry::Telemetry;

/// Listens at every port until the stop; then what was heard is stored.
pub async fn run(
    agent: Agent,
    telemetry: Telemetry,
    lines: Lines,
    stop: Stop,
) -> anyhow::Result<()> {
    let config = agent.config.clone();
    if config.serial.is_empty() {
        stop.soft().cancelled().await;
        return Ok(());
    }
    let ports = config.serial.iter();
    let ports = ports.map(|one| at_one(one, &agent, &telemetry, &lines, &stop));
    try_join_all(ports).await?;
    Ok(())
}

async fn at_one(
    config: &SerialConfig,
    agent: &Agent,
    telemetry: &Telemetry,
    lines: &Lines,
    stop: &Stop,
) -> anyhow::Result<()> {
    let (inlet, keeper) = keep::keep(&config.name, agent, telemetry);
    let port = port::Port::new(agent, config, inlet, lines.clone())?;
    // The inlet goes with the port, and ends the keeper.
    tokio::join!(port.run(stop.soft()), keeper.run(stop.soft()));
    Ok(())
}
