//! The benchmark: what AGOG does on this machine, each figure beside what it can be held against.
//!
//! Real programs in the release build, a PostgreSQL cluster of its own with full durability, one
//! table at the end. Not a test: nothing fails because a machine is slow.

mod backlog;
mod documents;
mod figures;
mod history;
mod holds;
mod jmf;
mod live;
mod measure;
mod sender;
mod telemetry;
mod telemetry_agent;

use std::io::Write as _;

use anyhow::Result;
use figures::Row;

/// What can be measured alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// The ledger, its delivery to the hub, traces, holds of the office, and documents.
    Ledger,
    /// An agent that has recorded for years.
    History,
    /// The agent as the partner of many machines.
    Machines,
    /// Samples in the hub: a backlog, and years of them.
    Telemetry,
    /// The agent's telemetry: from a broker to its disk.
    Buffer,
    /// Values from a machine to the office's live view, also while a backlog goes up.
    Live,
}

/// Measures AGOG on this machine and prints a table.
#[derive(Debug, Clone, clap::Parser)]
pub struct Options {
    /// Measure this part alone.
    #[arg(long)]
    only: Option<Part>,
    /// Events of the ledger's backlog; few of them mean few documents, too.
    #[arg(long, default_value_t = backlog::EVENTS)]
    events: usize,
    /// Events of an agent that has recorded for years.
    #[arg(long, default_value_t = history::EVENTS)]
    history: usize,
    /// Raw rows of years of telemetry. The goals are for 50,000,000.
    #[arg(long, default_value_t = telemetry::ROWS)]
    rows: usize,
    /// Samples that are published to an agent.
    #[arg(long, default_value_t = telemetry_agent::SAMPLES)]
    published: usize,
    /// Samples that wait at an agent while live values go past them. A day at 1,000 a second has 86,400,000.
    #[arg(long, default_value_t = live::SAMPLES)]
    waiting: usize,
}

/// Measures one part, or everything, and prints the table.
pub async fn run(options: Options) -> Result<()> {
    let only = options.only;
    say("disk …");
    let disk = measure::disk()?;
    let mut rows = vec![Row::new(
        "disk: write 4 KiB + fsync",
        disk.text(),
        "baseline",
    )];
    if only.is_none_or(|part| part == Part::Ledger) {
        say("agent: start, rest, ledger …");
        let mut bench = measure::Bench::assemble().await?;
        rows.extend(bench.start_and_rest().await?);
        rows.extend(bench.ledger_append(&disk).await?);
        say("uplink …");
        rows.extend(bench.backlog(options.events).await?);
        say("verification …");
        rows.extend(bench.verification().await?);
        say("traces …");
        rows.extend(bench.traces().await?);
        say("holds of the office …");
        rows.extend(bench.holds().await?);
        say("documents …");
        let most = options.events.min(documents::DOCUMENTS);
        rows.extend(bench.documents(most).await?);
    }
    if only.is_none_or(|part| part == Part::History) {
        say("history …");
        rows.extend(history::measure(options.history).await?);
    }
    if only.is_none_or(|part| part == Part::Machines) {
        say("machines …");
        let mut shop = jmf::Shop::assemble().await?;
        rows.extend(shop.many_devices().await?);
        say("machines are switched off …");
        shop.switch_off().await?;
        say("signals to the hub …");
        rows.extend(shop.to_the_hub().await?);
        say("signals and questions, without the hub …");
        shop.cut_off().await?;
        rows.extend(shop.signals().await?);
        rows.extend(shop.questions().await?);
    }
    if only.is_none_or(|part| part == Part::Telemetry) {
        say("telemetry …");
        rows.extend(telemetry::measure(options.rows).await?);
    }
    if only.is_none_or(|part| part == Part::Buffer) {
        say("telemetry of the agent …");
        rows.extend(telemetry_agent::measure(options.published).await?);
    }
    if only.is_none_or(|part| part == Part::Live) {
        say("live values …");
        rows.extend(live::measure(options.waiting).await?);
    }
    let _ = std::io::stdout().write_all(figures::table(&rows).as_bytes());
    Ok(())
}

fn say(text: &str) {
    // Whoever reads may have gone; the measurement does not need them.
    let _ = writeln!(std::io::stderr(), "bench: {text}");
}
