//! The benchmark: what AGOG does on this machine, each figure beside what it can be held against.
//!
//! Real programs in the release build, a PostgreSQL cluster of its own with full durability, one
//! table at the end. Not a test: nothing fails because a machine is slow.

mod figures;
mod measure;

use std::io::Write as _;

use anyhow::Result;

/// Measures everything and prints the table.
pub async fn run() -> Result<()> {
    let mut rows = Vec::new();
    say("disk …");
    rows.extend(measure::disk()?);
    say("agent: start, rest, ledger …");
    let mut bench = measure::Bench::assemble().await?;
    rows.extend(bench.start_and_rest().await?);
    rows.extend(bench.ledger_append().await?);
    say("uplink …");
    rows.extend(bench.uplink().await?);
    say("traces …");
    rows.extend(bench.traces().await?);
    let _ = std::io::stdout().write_all(figures::table(&rows).as_bytes());
    Ok(())
}

fn say(text: &str) {
    // Whoever reads may have gone; the measurement does not need them.
    let _ = writeln!(std::io::stderr(), "bench: {text}");
}
