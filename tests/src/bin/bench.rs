//! `agog-bench`: see `agog_tests::bench`.

use std::process::ExitCode;

use agog_tests::bench::{self, Part};
use clap::Parser;

/// Measures AGOG on this machine and prints a table.
#[derive(Debug, Parser)]
struct Arguments {
    /// Measure this part alone.
    #[arg(long)]
    only: Option<Part>,
    /// How many events the backlog or the history has, how many rows the years of telemetry, or how many samples are
    /// published to an agent, for a long run.
    #[arg(long)]
    events: Option<usize>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match bench::run(arguments.only, arguments.events).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("agog-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}
