//! `ledger backup`: a copy of the ledger, also while the agent runs.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::super::Session;
use crate::backups;
use crate::ledger::backup::{self, BackupReport, Plan};

#[derive(Debug, Args)]
pub(in crate::cli) struct BackupArguments {
    /// The new file, or a folder in which it gets a name with plant and time. Nothing is overwritten.
    #[arg(value_name = "FILE|FOLDER")]
    target: PathBuf,
    /// Copy the agent's key and enrolment beside it. Whoever has them can pose as this agent.
    #[arg(long)]
    with_key: bool,
}

pub(super) fn backup(session: &Session, arguments: &BackupArguments) -> anyhow::Result<ExitCode> {
    let config = session.config()?;
    let target = if arguments.target.is_dir() {
        let name = backups::name_at(&config.agent.plant_code, session.clock.now());
        arguments.target.join(name)
    } else {
        arguments.target.clone()
    };
    let plan = Plan {
        data_dir: &config.agent.data_dir,
        target: &target,
        with_key: arguments.with_key,
    };
    let report = backup::take(&plan, &|| true)?;
    session.output.show(&report, made)?;
    Ok(ExitCode::SUCCESS)
}

fn made(report: &BackupReport) -> String {
    let contents = &report.contents;
    let newest = contents
        .newest_recorded_at
        .map_or_else(String::new, |at| format!(", the newest of {at}"));
    let mut text = format!(
        "backup `{}`\nagent  {} of plant {}\nledger epoch {} ends at event {} with {}\n       {} events{newest}\n\
         file   {} bytes, BLAKE3 {}\n",
        report.file.display(),
        contents.agent_id,
        contents.plant_code,
        contents.epoch,
        contents.head_seq,
        contents.head_hash,
        contents.events,
        report.bytes,
        report.blake3
    );
    for companion in &report.companions {
        let _ = writeln!(text, "with   `{}`", companion.display());
    }
    text
}
