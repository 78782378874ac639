//! What was booked of a node already, so that a ticket that comes back again, or goes on to another
//! device with its audits, is not booked twice. Pure.
//!
//! Audits are only added to: a ticket that tells of a run which is booked has the amounts of that run in
//! its sums. What was booked is then taken off, lot by lot.

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
    /// Good and waste by lot.
    pub lots: BTreeMap<String, (Decimal, Decimal)>,
}

/// The key of a node: its job and its own name in the ticket.
pub(crate) fn node_key(ticket: &ReturnedTicket) -> Option<String> {
    let job = ticket.job_id.as_deref()?;
    let node = ticket.job_part_id.as_deref().or(ticket.node_id.as_deref());
    Some(format!("{job} {}", node.unwrap_or_default()))
}

/// Takes off what is booked, where the ticket tells of the same runs.
pub(crate) fn take_off(ticket: &mut ReturnedTicket, booked: &Booked) {
    let tells = |run: &Timestamp| booked.runs.contains(&to_micros(*run));
    if !ticket.runs.iter().any(tells) {
        return;
    }
    let less = |from: &mut Decimal, amount: Decimal| {
        *from = from.saturating_sub(amount).max(Decimal::ZERO);
    };
    let (good, waste) = booked
        .lots
        .values()
        .fold((Decimal::ZERO, Decimal::ZERO), |sum, lot| {
            (sum.0.saturating_add(lot.0), sum.1.saturating_add(lot.1))
        });
    less(&mut ticket.input.good, good);
    less(&mut ticket.input.waste, waste);
    less(&mut ticket.made, booked.made);
    for lot in &mut ticket.input.lots {
        let (good, waste) = booked.lots.get(&lot.number).copied().unwrap_or_default();
        if let Some(amount) = &mut lot.amount {
            less(amount, if lot.is_waste { waste } else { good });
        }
    }
    ticket.remarks.push(
        "the ticket tells of a run that is booked already; only what is new was booked".to_owned(),
    );
}

/// What is booked of the node after this return.
pub(crate) fn after(
    before: Option<&Booked>,
    ticket: &ReturnedTicket,
    drawn: &[Drawn],
    now: Timestamp,
) -> Booked {
    let mut booked = before.cloned().unwrap_or_else(|| Booked {
        at: now,
        runs: Vec::new(),
        made: Decimal::ZERO,
        lots: BTreeMap::new(),
    });
    let goes_on = before.is_some_and(|before| {
        let mut runs = ticket.runs.iter();
        runs.any(|run| before.runs.contains(&to_micros(*run)))
    });
    if !goes_on {
        // A run of its own: its audits do not hold what was booked before.
        booked.runs.clear();
        booked.made = Decimal::ZERO;
        booked.lots.clear();
    }
    booked.at = now;
    booked.made = booked.made.saturating_add(ticket.made);
    for run in &ticket.runs {
        let run = to_micros(*run);
        if !booked.runs.contains(&run) {
            booked.runs.push(run);
        }
    }
    for lot in drawn {
        let sums = booked.lots.entry(lot.number.clone()).or_default();
        sums.0 = sums.0.saturating_add(lot.good);
        sums.1 = sums.1.saturating_add(lot.waste);
    }
    booked
}
