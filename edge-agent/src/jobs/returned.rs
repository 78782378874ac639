//! A returned ticket as the agent needs it: how the job ended, and what was used of its main input.
//!
//! The amounts come from the audits (`agog_jdf::ProductionSummary`). What follows from them is in
//! `story.rs`.
//!
//! Limits: [`LOTS_MAX`] lots, [`REMARKS_MAX`] remarks; texts as in [`words`].

use agog_jdf::audit::{Audit, AuditContent};
use agog_jdf::jmf::ReturnQueueEntryParams;
use agog_jdf::{
    Document, Error, JdfNode, NodeStatus, NotificationClass, ProductionSummary, Ticket,
};
use agog_sync::quantity::{Quantity, QuantityError, SCALE_MAX, Unit};
use jiff::Timestamp;
use rust_decimal::Decimal;

use super::allocate::NamedLot;
use super::find::ReportedJob;
use crate::ledger::InboxKey;
use crate::words;

/// Pallets and reels of a long run.
const LOTS_MAX: usize = 256;
/// What a device says beyond this number helps nobody.
const REMARKS_MAX: usize = 10;

/// What a device gave back.
#[derive(Debug, Clone)]
pub struct ReturnedTicket {
    pub key: InboxKey,
    pub device: String,
    pub queue_entry_id: Option<String>,
    /// The `JobID` of the ticket.
    pub job_id: Option<String>,
    /// The `JobPartID` of the node that the device ran.
    pub job_part_id: Option<String>,
    /// The `ID` of that node.
    pub node_id: Option<String>,
    pub ended: NodeStatus,
    /// The code of the error that the device tells of, as in the answer to a submission.
    pub return_code: Option<u32>,
    pub summary: ProductionSummary,
    /// The ticket says what was made or used. Many devices return no more than times: then what they signalled counts.
    pub tells_amounts: bool,
    /// The runs that have ended, as the device tells their times.
    pub runs: Vec<ToldRun>,
    /// What was used of the main input.
    pub input: Used,
    /// What the device said and cannot be booked, for people.
    pub remarks: Vec<String>,
}

/// A run in the audits; its end tells it from another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToldRun {
    pub start: Option<Timestamp>,
    pub end: Timestamp,
}

/// Amounts of one resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Used {
    pub good: Decimal,
    pub waste: Decimal,
    pub(super) lots: Vec<NamedLot>,
}

/// One node of the ticket, and what its audits say.
struct Ran<'d> {
    node: JdfNode<'d>,
    summary: ProductionSummary,
    runs: Vec<Run>,
}

/// A run of a node.
struct Run {
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    queue_entry_id: Option<String>,
}

impl<'d> Ran<'d> {
    fn of(node: JdfNode<'d>, ticket: &Ticket<'d>) -> Self {
        let audits = Audit::read_with(node, ticket, &mut Vec::new());
        let run = |audit: Audit| match audit.content {
            AuditContent::ProcessRun(run) => Some(Run {
                start: run.start,
                end: run.end,
                queue_entry_id: run.queue_entry_id,
            }),
            _ => None,
        };
        Self {
            node,
            summary: ProductionSummary::of(node, ticket),
            runs: audits.into_iter().filter_map(run).collect(),
        }
    }

    fn names_entry(&self, queue_entry_id: Option<&str>) -> bool {
        let mut runs = self.runs.iter();
        queue_entry_id.is_some() && runs.any(|run| run.queue_entry_id.as_deref() == queue_entry_id)
    }

    fn devices(&self) -> impl Iterator<Item = &str> {
        let phases = self.summary.phases.iter();
        phases.flat_map(|phase| phase.device_ids.iter().map(String::as_str))
    }
}

impl ReturnedTicket {
    /// Reads a returned ticket. `is_device` knows the other devices of the plant: the audits of a node
    /// that one of them ran are not this device's.
    pub fn read(
        sender: &str,
        device: &str,
        params: &ReturnQueueEntryParams,
        document: &Document,
        is_device: impl Fn(&str) -> bool,
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
        let queue_entry_id = Some(&params.queue_entry_id).filter(|id| !id.is_empty());
        let queue_entry_id = words::name_of(queue_entry_id);
        let mut remarks = Vec::new();
        let of_others = |ran: &Ran<'_>| {
            let own = ran.devices().any(|named| named == device);
            !own && ran.devices().any(&is_device)
        };
        // The node that the device says it worked on, else the one of its queue entry or with its
        // name, else the one that ran last, else the root.
        let ran = ticket
            .nodes()
            .map(|node| Ran::of(node, &ticket))
            .filter(|ran| {
                let is_named = named(ran.node.id()) && ran.summary.end_status.is_some();
                is_named || (ran.summary.start.is_some() && !of_others(ran))
            })
            .max_by_key(|ran| {
                (
                    named(ran.node.id()) && ran.summary.end_status.is_some(),
                    ran.names_entry(queue_entry_id.as_deref()),
                    ran.devices().any(|named| named == device),
                    ran.summary.end,
                )
            });
        let Ran {
            node,
            summary,
            runs,
        } = ran.unwrap_or_else(|| {
            let root = Ran::of(ticket.root(), &ticket);
            if of_others(&root) {
                remarks.push(format!("the ticket tells of no run of {device}"));
                return Ran {
                    summary: ProductionSummary::default(),
                    runs: Vec::new(),
                    node: root.node,
                };
            }
            root
        });
        let summary = within_limits(summary, &mut remarks);
        let main_input = node.main_input(&ticket).map(|link| link.rref().to_owned());
        let input = used(&summary, main_input.as_deref(), &mut remarks);
        let errors: Vec<_> = summary
            .notifications
            .iter()
            .filter(|told| {
                let class = told.class.as_ref();
                matches!(
                    class,
                    Some(NotificationClass::Error | NotificationClass::Fatal)
                )
            })
            .collect();
        for error in &errors {
            let text = error.text();
            remarks.push(if text.is_empty() {
                "the device tells of an error".to_owned()
            } else {
                text
            });
        }
        let completed = summary.end_status == Some(NodeStatus::Completed);
        let aborted = !params.aborted.is_empty()
            || summary.end_status == Some(NodeStatus::Aborted)
            || (!completed && !errors.is_empty());
        if aborted && errors.is_empty() {
            // First: whoever asks why the job ended so is told this before what could not be booked.
            remarks.insert(0, aborted_by(device, &summary));
        }
        let tells_amounts = tells_amounts(&summary);
        if !tells_amounts && !aborted {
            remarks.push("the ticket tells no amounts: nothing is drawn from lots".to_owned());
        }
        let code = errors.iter().find_map(|error| error.error_code());
        let job_id = node.job_id().map(words::name);
        let job_part_id = node.job_part_id().map(words::name);
        let node_id = node.id().map(words::name);
        let findings = summary.findings.iter();
        let said: Vec<String> = findings
            .map(|finding| finding.message.clone())
            .chain(remarks)
            .collect();
        Ok(Self {
            key: key(
                sender,
                [
                    queue_entry_id.as_deref(),
                    job_id.as_deref(),
                    job_part_id.as_deref(),
                    node_id.as_deref(),
                ],
                &summary.end.map_or_else(
                    || blake3::hash(&document.to_bytes()).to_string(),
                    |at| at.to_string(),
                ),
            ),
            device: device.to_owned(),
            queue_entry_id,
            job_id,
            job_part_id,
            node_id,
            return_code: code.and_then(|code| u32::try_from(code).ok()),
            runs: runs
                .into_iter()
                .filter_map(|run| {
                    let start = run.start;
                    run.end.map(|end| ToldRun { start, end })
                })
                .collect(),
            ended: if aborted {
                NodeStatus::Aborted
            } else {
                NodeStatus::Completed
            },
            tells_amounts,
            summary,
            input,
            remarks: words::some(&said, REMARKS_MAX),
        })
    }

    pub fn reported_job(&self) -> ReportedJob {
        ReportedJob {
            job_id: self.job_id.clone(),
            queue_entry_id: self.queue_entry_id.clone(),
            job_part_id: self.job_part_id.clone(),
        }
    }
}

fn tells_amounts(summary: &ProductionSummary) -> bool {
    let nothing = summary.good.is_zero() && summary.waste.is_zero();
    !nothing || !summary.consumed.is_empty() || !summary.produced.is_empty()
}

/// Why a job was aborted whose ticket tells of no error.
fn aborted_by(device: &str, summary: &ProductionSummary) -> String {
    let last = summary.phases.last();
    let details = last.and_then(|phase| phase.status_details.as_deref());
    let details = details.map_or_else(String::new, |details| format!(" ({details})"));
    format!("aborted at device {device}{details}")
}

/// A return is known by what it returns: a device that repeats it may make a new message of it, and
/// one that was restarted may use its message ids again. `ended` is when the run ended or, where the
/// ticket does not tell, what is in it.
fn key(sender: &str, names: [Option<&str>; 4], ended: &str) -> InboxKey {
    let names = names.map(Option::unwrap_or_default).join(" ");
    InboxKey::new(sender, format!("return {names} {ended}"))
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

fn used(summary: &ProductionSummary, main_input: Option<&str>, remarks: &mut Vec<String>) -> Used {
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
    let mut lots: Vec<NamedLot> = Vec::new();
    let mut left_out = 0;
    for lot in &input.lots {
        let number = words::name(&lot.lot_id);
        if let Some(amount) = lot.amount.filter(|amount| *amount < Decimal::ZERO) {
            // Nothing is given back to a lot by what a device says of another one.
            remarks.push(format!(
                "the amount of lot {number} is not booked: {} is less than nothing",
                amount.normalize()
            ));
        } else if lots.len() < LOTS_MAX {
            lots.push(NamedLot {
                number,
                amount: lot.amount,
                is_waste: lot.is_waste,
            });
        } else {
            left_out += 1;
        }
    }
    if left_out > 0 {
        remarks.push(format!(
            "{left_out} more lots are named, which are not booked by their names"
        ));
    }
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
