//! `ledger restore`: a backup in the place of the ledger, while no agent runs.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::super::Session;
use crate::data_dir::DataDirLock;
use crate::ledger::restore::{self, RestoreReport};

#[derive(Debug, Args)]
pub(in crate::cli) struct RestoreArguments {
    /// The backup.
    file: PathBuf,
    /// Go on although events would be missing that neither the backup nor the hub has.
    #[arg(long)]
    accept_loss: bool,
}

pub(super) fn restore(session: &Session, arguments: &RestoreArguments) -> anyhow::Result<ExitCode> {
    let config = session.config()?;
    crate::data_dir::create(&config.agent.data_dir)?;
    let lock = DataDirLock::take(&config.agent.data_dir)?;
    let report = restore::restore(
        &config.agent.data_dir,
        &arguments.file,
        arguments.accept_loss,
        session.clock.now(),
    )?;
    drop(lock);
    session.output.show(&report, restored)?;
    Ok(ExitCode::SUCCESS)
}

fn restored(report: &RestoreReport) -> String {
    let now = &report.restored;
    let mut text = format!(
        "restored: epoch {} ends at event {} with {}, {} events, every hash and balance proven\n",
        now.epoch, now.head_seq, now.head_hash, now.events
    );
    if let Some(before) = &report.before {
        let _ = writeln!(
            text,
            "before:   epoch {} ended at event {}; the backup lacks {} events of this agent, of which the hub has {}",
            before.epoch,
            before.head_seq,
            report.older_by,
            report.older_by.saturating_sub(report.lost)
        );
    }
    if let Some(why) = &report.unreadable {
        let _ = writeln!(text, "before:   cannot be read: {why}");
    }
    if report.lost > 0 {
        let _ = writeln!(
            text,
            "LOST:     {} events are in the kept file only; `ledger export --file` reads them there",
            report.lost
        );
    }
    if let Some(kept) = &report.kept {
        let _ = writeln!(
            text,
            "kept:     the ledger that was here is in `{}`",
            kept.display()
        );
    }
    for file in &report.companions {
        let _ = writeln!(
            text,
            "with:     `{}`, which was missing here",
            file.display()
        );
    }
    text.push_str(
        "next:     start the agent. At the next contact the hub is found to be ahead; the agent then opens a new epoch,\n\
         \x20         raises an alarm, fetches back what the hub has and this file lacks, and overwrites nothing.\n",
    );
    text
}
