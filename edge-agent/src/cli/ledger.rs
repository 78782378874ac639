//! `ledger`: the proof of the ledger, its head, and the books. These only read, so they also
//! work while the agent does not run.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Subcommand;

use super::Session;
use crate::ledger::{MaterialSum, Position, Reader, Verification};

#[derive(Debug, Subcommand)]
pub(super) enum LedgerArguments {
    /// Hash every event again and compute every balance again. Ends with 1 when anything differs.
    Verify,
    /// Show the newest event and what the hub has acknowledged.
    Head,
    /// Show the books per material: what came in, what is on hand, what went out.
    Sums,
}

pub(super) fn ledger(session: &Session, arguments: &LedgerArguments) -> anyhow::Result<ExitCode> {
    let config = session.config()?;
    let reader = Reader::open(&config.ledger_path())?;
    match arguments {
        LedgerArguments::Verify => {
            let verification = reader.verify()?;
            session.output.show(&verification, verified)?;
            let whole = verification.problem_count == 0;
            Ok(if whole {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            })
        }
        LedgerArguments::Head => {
            session.output.show(&reader.position()?, head)?;
            Ok(ExitCode::SUCCESS)
        }
        LedgerArguments::Sums => {
            let sums = reader.material_sums()?;
            session.output.show(&sums, |sums| books(sums))?;
            let balanced = sums.iter().all(MaterialSum::is_balanced);
            Ok(if balanced {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            })
        }
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
