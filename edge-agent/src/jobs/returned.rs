//! A returned ticket as the agent needs it: how the job ended, and what was used of its main input.
//!
//! The amounts come from the audits (`agog_jdf::ProductionSummary`). What follows from them is in
//! `story.rs`.

use agog_jdf::jmf::ReturnQueueEntryParams;
use agog_jdf::{Document, Error, NodeStatus, ProductionSummary, Ticket};
use agog_sync::quantity::{Quantity, QuantityError, SCALE_MAX, Unit};
use jiff::Timestamp;
use rust_decimal::Decimal;

use super::allocate::NamedLot;
use super::find::ReportedJob;
use crate::ledger::InboxKey;

/// What a device gave back.
#[derive(Debug, Clone)]
pub struct ReturnedTicket {
    pub key: InboxKey,
    pub device: String,
    pub queue_entry_id: Option<String>,
    /// The `JobID` of the ticket.
    pub job_id: Option<String>,
    pub ended: NodeStatus,
    pub summary: ProductionSummary,
    /// What was used of the main input.
    pub input: Used,
    /// What the device said and cannot be booked, for people.
    pub remarks: Vec<String>,
}

/// Amounts of one resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Used {
    pub good: Decimal,
    pub waste: Decimal,
    pub(super) lots: Vec<NamedLot>,
}

impl ReturnedTicket {
    /// Reads a returned ticket.
    pub fn read(
        sender: &str,
        device: &str,
        params: &ReturnQueueEntryParams,
        document: &Document,
    ) -> Result<Self, Error> {
        let ticket = Ticket::of(document)?;
        let named = |id: Option<&str>| {
            id.is_some_and(|id| {
                params
                    .completed
                    .iter()
                    .chain(&params.aborted)
                    .any(|it| it == id)
            })
        };
        let summaries = || {
            ticket
                .nodes()
                .map(|node| (node, ProductionSummary::of(node, &ticket)))
        };
        // The node that the device says it worked on, else the first that ran, else the root.
        let (node, summary) = summaries()
            .find(|(node, summary)| named(node.id()) && summary.end_status.is_some())
            .or_else(|| summaries().find(|(_, summary)| summary.start.is_some()))
            .unwrap_or_else(|| (ticket.root(), ProductionSummary::of(ticket.root(), &ticket)));
        let mut remarks = Vec::new();
        let summary = within_limits(summary, &mut remarks);
        let main_input = node.main_input(&ticket).map(|link| link.rref().to_owned());
        let input = used(&summary, main_input.as_deref());
        let aborted = !params.aborted.is_empty() || summary.end_status == Some(NodeStatus::Aborted);
        let job_id = node.job_id().map(str::to_owned);
        let queue_entry_id = Some(params.queue_entry_id.clone()).filter(|id| !id.is_empty());
        Ok(Self {
            key: key(
                sender,
                queue_entry_id.as_deref(),
                job_id.as_deref(),
                summary.end,
            ),
            device: device.to_owned(),
            queue_entry_id,
            job_id,
            ended: if aborted {
                NodeStatus::Aborted
            } else {
                NodeStatus::Completed
            },
            summary,
            input,
            remarks,
        })
    }

    pub fn reported_job(&self) -> ReportedJob {
        ReportedJob {
            job_id: self.job_id.clone(),
            queue_entry_id: self.queue_entry_id.clone(),
        }
    }
}

/// A return is known by what it returns: a device that repeats it may make a new message of it, and
/// one that was restarted may use its message ids again.
fn key(
    sender: &str,
    queue_entry_id: Option<&str>,
    job_id: Option<&str>,
    ended: Option<Timestamp>,
) -> InboxKey {
    InboxKey {
        sender: sender.to_owned(),
        message_id: format!(
            "return {} {} {}",
            queue_entry_id.unwrap_or_default(),
            job_id.unwrap_or_default(),
            ended.map_or_else(String::new, |at| at.to_string())
        ),
    }
}

/// A count of a device as it can be stored: no finer and no larger than a quantity may be.
pub(crate) fn storable(amount: Decimal) -> Result<Decimal, QuantityError> {
    let rounded = amount.round_dp(SCALE_MAX);
    Ok(Quantity::new(rounded, Unit::Sheet).checked()?.amount)
}

/// Takes out what no ledger can hold; the device's words are kept as remarks.
fn within_limits(mut summary: ProductionSummary, remarks: &mut Vec<String>) -> ProductionSummary {
    let mut bound = |amount: &mut Decimal, what: &str| match storable(*amount) {
        Ok(stored) => *amount = stored,
        Err(error) => {
            remarks.push(format!("{what} is not booked: {error}"));
            *amount = Decimal::ZERO;
        }
    };
    bound(&mut summary.good, "the good amount");
    bound(&mut summary.waste, "the waste");
    for used in &mut summary.consumed {
        bound(&mut used.good, &format!("what was used of {}", used.rref));
        bound(&mut used.waste, &format!("the waste of {}", used.rref));
        for lot in &mut used.lots {
            if let Some(amount) = &mut lot.amount {
                bound(amount, &format!("the amount of lot {}", lot.lot_id));
            }
        }
    }
    summary
}

fn used(summary: &ProductionSummary, main_input: Option<&str>) -> Used {
    let input = summary
        .consumed
        .iter()
        .find(|used| Some(used.rref.as_str()) == main_input)
        .or(summary.consumed.first());
    let Some(input) = input else {
        // Only the output was counted: each sheet of it was one of the input.
        return Used {
            good: summary.good,
            waste: summary.waste,
            lots: Vec::new(),
        };
    };
    let lots = input
        .lots
        .iter()
        .map(|lot| NamedLot {
            number: lot.lot_id.clone(),
            amount: lot.amount,
            is_waste: lot.is_waste,
        })
        .collect();
    // The input was counted as a whole, and the output tells which part of it was lost.
    if input.waste.is_zero() && input.good == summary.good + summary.waste {
        return Used {
            good: summary.good,
            waste: summary.waste,
            lots,
        };
    }
    Used {
        good: input.good,
        waste: input.waste,
        lots,
    }
}
