//! `ledger`: the proof of the ledger, its head, the books, and copies of it. These only read, so they also work while
//! the agent does not run.

mod backup;
mod export;
mod restore;
mod salvage;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

pub(super) use salvage::loss;

use super::Session;
use crate::data_dir;
use crate::ledger::{MaterialSum, Position, Reader, Verification};

#[derive(Debug, Subcommand)]
pub(super) enum LedgerArguments {
    /// Hash every event again and compute every balance again. Ends with 1 when anything differs.
    Verify {
        /// A backup or a kept file instead of the ledger of this agent.
        #[arg(long)]
        file: Option<PathBuf>,
    },
    /// Copy the ledger into a file that is checked and whole, also while the agent runs.
    Backup(backup::BackupArguments),
    /// Write events for other programs: as they are, or as a GS1 EPCIS 2.0 document.
    Export(export::ExportArguments),
    /// Put a backup in the place of the ledger, while the agent is stopped. What was there is kept.
    Restore(restore::RestoreArguments),
    /// Make a ledger out of what is left of a damaged one, and of the newest backup, while the agent is stopped.
    Salvage(salvage::SalvageArguments),
    /// Show the newest event and what the hub has acknowledged.
    Head,
    /// Show the books per material: what came in, what is on hand, what went out.
    Sums,
}

pub(super) fn ledger(session: &Session, arguments: &LedgerArguments) -> anyhow::Result<ExitCode> {
    match arguments {
        LedgerArguments::Backup(arguments) => backup::backup(session, arguments),
        LedgerArguments::Export(arguments) => export::export(session, arguments),
        LedgerArguments::Restore(arguments) => restore::restore(session, arguments),
        LedgerArguments::Salvage(arguments) => salvage::salvage(session, arguments),
        LedgerArguments::Verify { file } => {
            let verification = reader(session, file.as_deref())?.verify()?;
            session.output.show(&verification, verified)?;
            Ok(success(verification.problem_count == 0))
        }
        LedgerArguments::Head => {
            let position = reader(session, None)?.position()?;
            session.output.show(&position, head)?;
            Ok(ExitCode::SUCCESS)
        }
        LedgerArguments::Sums => {
            let sums = reader(session, None)?.material_sums()?;
            session.output.show(&sums, |sums| books(sums))?;
            Ok(success(sums.iter().all(MaterialSum::is_balanced)))
        }
    }
}

/// The ledger of the configuration, or another file.
fn reader(session: &Session, file: Option<&Path>) -> anyhow::Result<Reader> {
    if let Some(file) = file {
        return Ok(Reader::open_copy(file)?);
    }
    let config = session.config()?;
    data_dir::finish_restore(&config.agent.data_dir)?;
    Ok(Reader::open(&config.ledger_path())?)
}

fn success(good: bool) -> ExitCode {
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn verified(found: &Verification) -> String {
    let mut text = format!(
        "{} events, {} events of others, {} lots; epoch {} ends at event {} with {}\n",
        found.events,
        found.foreign_events,
        found.lots,
        found.epoch,
        found.head.last_seq,
        found.head.hash
    );
    if found.problem_count == 0 {
        text.push_str("the ledger is whole: every hash, link and balance is as it was written\n");
        return text;
    }
    let _ = writeln!(text, "{} problems:", found.problem_count);
    for problem in &found.problems {
        let place = match (problem.epoch, problem.seq) {
            (Some(epoch), Some(seq)) => format!("epoch {epoch} event {seq}: "),
            _ => String::new(),
        };
        let _ = writeln!(text, "  {place}{}", problem.what);
    }
    text
}

fn head(position: &Position) -> String {
    format!(
        "epoch {} event {} {}\nthe hub has everything up to event {}",
        position.epoch, position.head.last_seq, position.head.hash, position.acknowledged
    )
}

fn books(sums: &[MaterialSum]) -> String {
    if sums.is_empty() {
        return "no lot was recorded yet".to_owned();
    }
    let mut text = String::new();
    for sum in sums {
        let material = sum.material.as_deref().unwrap_or("material unknown");
        let _ = writeln!(
            text,
            "{material} in {}: received {} + produced {} + returned {} + adjusted {} + from other plants {} \
             {} on hand {} + consumed {} + wasted {} + shipped {}",
            sum.unit,
            sum.received,
            sum.produced,
            sum.returned,
            sum.adjusted,
            sum.adopted,
            if sum.is_balanced() {
                "="
            } else {
                "DIFFERS FROM"
            },
            sum.on_hand,
            sum.consumed,
            sum.wasted,
            sum.shipped
        );
    }
    text
}
