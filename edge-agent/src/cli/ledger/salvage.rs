//! `ledger salvage`: a ledger out of what is left of a damaged one, while no agent runs.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use agog_sync::ids::AgentId;
use anyhow::Context as _;
use clap::Args;
use rand::SeedableRng as _;
use rand::rngs::{StdRng, SysRng};

use super::super::Session;
use crate::backups;
use crate::data_dir::DataDirLock;
use crate::ledger::salvage::{self, Plan, SalvageReport, SalvageStatus};
use crate::uplink::identity;

#[derive(Debug, Args)]
pub(in crate::cli) struct SalvageArguments {
    /// A backup to begin with, before those of `ledger.backup.folder` are tried.
    #[arg(long)]
    backup: Option<PathBuf>,
}

pub(super) fn salvage(session: &Session, arguments: &SalvageArguments) -> anyhow::Result<ExitCode> {
    let config = session.config()?;
    let lock = DataDirLock::take(&config.agent.data_dir)?;
    let mut found = match &config.ledger.backup {
        Some(settings) => backups::newest_first(&settings.folder, &config.agent.plant_code)?,
        None => Vec::new(),
    };
    found.splice(0..0, arguments.backup.clone());
    let enrolment = identity::enrolment(&config.agent.data_dir)?;
    let plan = Plan {
        data_dir: &config.agent.data_dir,
        backups: found,
        enrolled: enrolment.map(|enrolment| -> AgentId { enrolment.agent_id }),
        plant_code: &config.agent.plant_code,
        materials: config.material_map(),
        clock: session.clock.clone(),
        rng: StdRng::try_from_rng(&mut SysRng).context("the system gives no randomness")?,
    };
    let report = salvage::salvage(plan)?;
    drop(lock);
    session.output.show(&report, salvaged)?;
    Ok(ExitCode::SUCCESS)
}

fn salvaged(report: &SalvageReport) -> String {
    let now = &report.contents;
    if report.was_whole {
        return format!(
            "nothing to salvage: the ledger is whole, every page, hash and balance of it (epoch {} ends at event {});\n\
             a mark of damage was taken away. When it comes back, look at the disk.\n",
            now.epoch, now.head_seq
        );
    }
    let mut text = format!(
        "salvaged: {} events of the damaged file are proven by their hashes; {} of them were added, {} of these stand\n\
         \x20         behind a hole and were sealed again in epoch {}\n",
        report.found, report.added, report.sealed_again, now.epoch
    );
    match &report.backup {
        Some(backup) => {
            let _ = writeln!(text, "backup:   it began with `{}`", backup.display());
        }
        None => text.push_str("backup:   none; it began with an empty ledger of the same agent\n"),
    }
    for refused in &report.refused {
        let _ = writeln!(text, "refused:  backup {refused}");
    }
    if report.unreadable_pages > 0 {
        let _ = writeln!(
            text,
            "disk:     {} pages cannot be read: replace it",
            report.unreadable_pages
        );
    }
    text.push_str(&loss(&report.loss));
    if let Some(kept) = &report.kept {
        let _ = writeln!(
            text,
            "kept:     the damaged files are in `{}`",
            kept.display()
        );
    }
    text.push_str(
        "next:     start the agent. At the next contact it fetches back what the hub has and this file lacks; `status` says\n\
         \x20         then what is lost for good. What devices were sent, and answers to repeat, are as the backup had them:\n\
         \x20         look at the presses' queues.\n",
    );
    text
}

/// What is not here, one line for each epoch.
pub(in crate::cli) fn loss(loss: &SalvageStatus) -> String {
    let mut text = String::new();
    for epoch in &loss.epochs {
        let _ = if epoch.is_final {
            writeln!(
                text,
                "LOST      {}: neither here, in the damaged file, nor at the hub",
                epoch.numbers()
            )
        } else {
            writeln!(
                text,
                "missing   {}: unless the hub has them, they are lost",
                epoch.numbers()
            )
        };
    }
    if loss.salvaged_at.is_some() && loss.epochs.is_empty() {
        text.push_str("missing   nothing: every event that there is known to have been is here\n");
    }
    if !loss.end_known {
        text.push_str(
            "          the damaged file does not say where it ended: there may have been newer events than these\n",
        );
    }
    text
}
