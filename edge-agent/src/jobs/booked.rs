//! What was booked of a node already, so that a ticket that comes back again, or goes on to another
//! device with its audits, is not booked twice. Pure.
//!
//! Audits are only added to: a ticket that tells of a run which is booked has the amounts of that run in
//! its sums. What was booked is then taken off, lot by lot, and what is left is the run that is new. A ticket that tells
//! of a booked run beside a new one, with less than was booked, cannot hold both: its sums are those of the new run.

use std::collections::BTreeMap;

use agog_sync::clock::to_micros;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::allocate::Drawn;
use super::returned::ReturnedTicket;

/// What was booked of one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Booked {
    /// When it was booked.
    pub at: Timestamp,
    /// The ends of its runs, which tell runs apart.
    pub runs: Vec<Timestamp>,
    /// What was made and is good.
    pub made: Decimal,
    /// What was made and is waste; files of before it was kept have none.
    #[serde(default)]
    pub wasted: Decimal,
    /// Good and waste by lot.
    pub lots: BTreeMap<String, (Decimal, Decimal)>,
}

impl Booked {
    fn has(&self, end: Timestamp) -> bool {
        self.runs.contains(&to_micros(end))
    }

    /// Whether a ticket that holds what is booked tells of nothing more.
    pub(crate) fn is_all_of(&self, ticket: &ReturnedTicket) -> bool {
        ticket.runs.iter().all(|run| self.has(run.end))
    }

    /// Good and waste of all lots.
    fn used(&self) -> (Decimal, Decimal) {
        self.lots
            .values()
            .fold((Decimal::ZERO, Decimal::ZERO), |sum, lot| {
                (sum.0.saturating_add(lot.0), sum.1.saturating_add(lot.1))
            })
    }

    /// Whether the sums of a ticket hold what is booked.
    fn is_in(&self, ticket: &ReturnedTicket) -> bool {
        let has_known = ticket.runs.iter().any(|run| self.has(run.end));
        let (good, waste) = self.used();
        let is_enough = ticket.summary.good >= self.made
            && ticket.input.good >= good
            && ticket.input.waste >= waste;
        has_known && (is_enough || self.is_all_of(ticket))
    }
}

/// The key of a node: its job and its own name in the ticket.
pub(crate) fn node_key(ticket: &ReturnedTicket) -> Option<String> {
    let job = ticket.job_id.as_deref()?;
    let node = ticket.job_part_id.as_deref().or(ticket.node_id.as_deref());
    Some(format!("{job} {}", node.unwrap_or_default()))
}

/// Leaves of a ticket what is new in it, and answers what was booked before of that which it tells; none when it tells of
/// runs of its own.
pub(crate) fn take_off(ticket: &mut ReturnedTicket, booked: Option<Booked>) -> Option<Booked> {
    let booked = booked?;
    let new = ticket.runs.iter().filter(|run| !booked.has(run.end));
    let began = new.filter_map(|run| run.start).min();
    let holds = booked.is_in(ticket);
    ticket.summary.start = began.or(ticket.summary.start);
    if !holds {
        return None;
    }
    let less = |from: &mut Decimal, amount: Decimal| {
        *from = from.saturating_sub(amount).max(Decimal::ZERO);
    };
    let (good, waste) = booked.used();
    less(&mut ticket.input.good, good);
    less(&mut ticket.input.waste, waste);
    less(&mut ticket.summary.good, booked.made);
    less(&mut ticket.summary.waste, booked.wasted);
    let of_lot = |number: &str, is_waste: bool| {
        let (good, waste) = booked.lots.get(number).copied().unwrap_or_default();
        if is_waste { waste } else { good }
    };
    for lot in &mut ticket.input.lots {
        if let Some(amount) = &mut lot.amount {
            less(amount, of_lot(&lot.number, lot.is_waste));
        }
    }
    let consumed = &mut ticket.summary.consumed;
    for lot in consumed.iter_mut().flat_map(|used| &mut used.lots) {
        if let Some(amount) = &mut lot.amount {
            less(amount, of_lot(&lot.lot_id, lot.is_waste));
        }
    }
    ticket.remarks.push(
        "the ticket tells of a run that is booked already; only what is new was booked".to_owned(),
    );
    Some(booked)
}

/// What is booked of the node after this return, which tells of what was booked `before` too.
pub(crate) fn after(
    before: Option<Booked>,
    ticket: &ReturnedTicket,
    drawn: &[Drawn],
    now: Timestamp,
) -> Booked {
    let mut booked = before.unwrap_or_else(|| Booked {
        at: now,
        runs: Vec::new(),
        made: Decimal::ZERO,
        wasted: Decimal::ZERO,
        lots: BTreeMap::new(),
    });
    booked.at = now;
    booked.made = booked.made.saturating_add(ticket.summary.good);
    booked.wasted = booked.wasted.saturating_add(ticket.summary.waste);
    for run in &ticket.runs {
        if !booked.has(run.end) {
            booked.runs.push(to_micros(run.end));
        }
    }
    for lot in drawn {
        let sums = booked.lots.entry(lot.number.clone()).or_default();
        sums.0 = sums.0.saturating_add(lot.good);
        sums.1 = sums.1.saturating_add(lot.waste);
    }
    booked
}
