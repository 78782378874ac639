//! `ledger export`: events for other programs.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::super::{Output, Session};
use crate::export::{Export, Format, Summary};
use crate::ledger::export::EventFilter;

#[derive(Debug, Args)]
pub(in crate::cli) struct ExportArguments {
    #[arg(long, value_enum, default_value = "ndjson")]
    format: Format,
    /// Events after this position, as the last line and the last message of an export say it.
    #[arg(long, default_value_t = 0)]
    after: i64,
    /// Events that happened at this time or later.
    #[arg(long)]
    from: Option<Timestamp>,
    /// Events that happened before this time.
    #[arg(long)]
    to: Option<Timestamp>,
    /// A backup or a kept file instead of the ledger of this agent.
    #[arg(long)]
    file: Option<PathBuf>,
    /// Write to this new file instead of standard output.
    #[arg(long, short)]
    output: Option<PathBuf>,
}

pub(super) fn export(session: &Session, arguments: &ExportArguments) -> anyhow::Result<ExitCode> {
    let config = session.config()?;
    let reader = super::reader(session, arguments.file.as_deref())?;
    let export = Export {
        config: &config,
        format: arguments.format,
        filter: EventFilter {
            after: arguments.after,
            from: arguments.from,
            to: arguments.to,
        },
        now: session.clock.now(),
        zone: TimeZone::system(),
    };
    let written = match &arguments.output {
        Some(path) => export.write_file(&reader, path),
        None => export.write(&reader, &mut io::stdout().lock()),
    };
    match written {
        Ok(summary) => {
            tell(&summary)?;
            Ok(ExitCode::SUCCESS)
        }
        // `ledger export | head` is not an error.
        Err(error) if error.is_closed_pipe() => Ok(ExitCode::SUCCESS),
        Err(error) => Err(error.into()),
    }
}

/// On standard error: the export itself may be on standard output.
fn tell(summary: &Summary) -> io::Result<()> {
    Output::error(&format!(
        "{} events read; go on with --after {}",
        summary.events, summary.last_position
    ))?;
    for (what, count) in &summary.left_out {
        Output::error(&format!("left out: {count} × {what}"))?;
    }
    Ok(())
}
