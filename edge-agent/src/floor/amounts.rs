//! How much of a job a device has signalled: in all, and in the phase that it is in. Pure.
//!
//! A phase's own amounts are those that the device tells of it; where the next phase begins with
//! more than that (the closing signal was lost), or nothing is told of phases, the difference of the
//! cumulative amounts counts.

use agog_jdf::jmf::JobPhase;
use agog_sync::event::PhaseAmounts;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::snapshot::Phase;
use crate::jobs::returned::storable;

/// What was signalled of one job.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counted {
    /// When the newest amounts were told.
    pub(crate) at: Option<Timestamp>,
    pub(crate) good: Amount,
    pub(crate) waste: Amount,
    /// When the device began the job, as it says.
    pub(crate) started_at: Option<Timestamp>,
    /// When the newest phase began.
    pub(crate) phase_began_at: Option<Timestamp>,
    /// When the device was done with the job.
    pub(crate) ended_at: Option<Timestamp>,
    /// The ticket came back; what is signalled after that changes nothing.
    pub(crate) returned: bool,
}

/// One kind of amount.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Amount {
    /// Since the job began.
    pub(crate) total: Option<Decimal>,
    /// Of the newest phase alone, as the device says.
    own: Option<Decimal>,
    /// The total when the newest phase began.
    base: Option<Decimal>,
}

impl Counted {
    /// Takes in what a phase of the job tells; false when nothing is new, or it was told before
    /// what is known.
    pub(super) fn count(
        &mut self,
        phase: &JobPhase,
        started_at: Option<Timestamp>,
        at: Timestamp,
    ) -> bool {
        if self.at.is_some_and(|newest| at < newest) {
            return false;
        }
        let before = (self.good, self.waste, self.started_at);
        self.good.count(phase.amount, phase.phase_amount);
        self.waste.count(phase.waste, phase.phase_waste);
        self.started_at = started_at.or(self.started_at);
        let is_new = before != (self.good, self.waste, self.started_at);
        if is_new || self.at.is_none() {
            self.at = Some(at);
        }
        is_new
    }

    /// Another phase begins; `next` is what tells so, none when the job is not named any more.
    /// Answers what the phase before came to.
    pub(super) fn turn(
        &mut self,
        ended: Option<&Phase>,
        next: Option<&JobPhase>,
        began_at: Timestamp,
    ) -> Option<PhaseAmounts> {
        let good = self
            .good
            .turn(next.map(|next| (next.amount, next.phase_amount)));
        let waste = self
            .waste
            .turn(next.map(|next| (next.waste, next.phase_waste)));
        let started_at = self.phase_began_at.replace(began_at);
        let ended = ended.filter(|ended| !ended.is_over())?;
        Some(PhaseAmounts {
            status: ended.status.clone(),
            status_details: ended.status_details.clone(),
            started_at: ended.began_at.or(started_at),
            good,
            waste,
        })
    }
}

impl Amount {
    fn count(&mut self, total: Option<Decimal>, own: Option<Decimal>) {
        self.total = stored(total).or(self.total);
        self.own = stored(own).or(self.own);
        if self.base.is_none() {
            self.base = base(self.total, self.own);
        }
    }

    /// What the phase that ends came to; the next one begins with `next`, total and own.
    fn turn(&mut self, next: Option<(Option<Decimal>, Option<Decimal>)>) -> Option<Decimal> {
        let begins_with = match next {
            Some((total, own)) => base(stored(total).or(self.total), stored(own)),
            None => self.total,
        };
        let difference = begins_with
            .zip(self.base)
            .and_then(|(end, begin)| end.checked_sub(begin))
            .filter(|made| *made >= Decimal::ZERO);
        let came_to = match (self.own, difference) {
            (Some(own), Some(difference)) => Some(own.max(difference)),
            (own, difference) => own.or(difference),
        };
        self.own = None;
        self.base = begins_with;
        came_to
    }
}

/// The total when a phase began.
fn base(total: Option<Decimal>, own: Option<Decimal>) -> Option<Decimal> {
    total?.checked_sub(own.unwrap_or_default())
}

/// An amount as a quantity may be; one that no press makes is not counted.
pub(super) fn stored(amount: Option<Decimal>) -> Option<Decimal> {
    amount.and_then(|amount| storable(amount).ok())
}

#[cfg(test)]
mod tests {
    use agog_jdf::NodeStatus;

    use super::*;

    fn told(status: NodeStatus, total: i64, own: Option<i64>) -> JobPhase {
        JobPhase {
            amount: Some(total.into()),
            phase_amount: own.map(Decimal::from),
            ..JobPhase::new(status)
        }
    }

    fn phase(status: &str) -> Phase {
        Phase {
            status: status.to_owned(),
            status_details: None,
            part: agog_jdf::PartKeys::new(),
            operators: Vec::new(),
            began_at: None,
        }
    }

    /// What the first phase came to, when these are told one after the other and the last begins another.
    fn closed(reports: &[(i64, Option<i64>)]) -> Option<Decimal> {
        let mut counted = Counted::default();
        let at = Timestamp::UNIX_EPOCH;
        let (last, first) = reports.split_last().unwrap();
        for (n, (total, own)) in first.iter().enumerate() {
            let phase = told(NodeStatus::InProgress, *total, *own);
            if n == 0 {
                counted.turn(None, Some(&phase), at);
            }
            counted.count(&phase, None, at);
        }
        let next = told(NodeStatus::Stopped, last.0, last.1);
        let closed = counted.turn(Some(&phase("InProgress")), Some(&next), at);
        closed.unwrap().good
    }

    #[test]
    fn the_closing_signal_tells_what_a_phase_came_to() {
        assert_eq!(
            closed(&[
                (100, Some(0)),
                (150, Some(50)),
                (170, Some(70)),
                (170, Some(0))
            ]),
            Some(70.into())
        );
    }

    #[test]
    fn without_the_closing_signal_the_next_phase_tells_it() {
        assert_eq!(
            closed(&[(100, Some(0)), (150, Some(50)), (172, Some(2))]),
            Some(70.into())
        );
    }

    #[test]
    fn without_amounts_of_phases_the_totals_tell_it() {
        assert_eq!(
            closed(&[(100, None), (150, None), (170, None)]),
            Some(70.into())
        );
    }

    #[test]
    fn a_counter_that_was_set_back_tells_nothing_of_the_phase() {
        assert_eq!(closed(&[(100, None), (150, None), (0, None)]), None);
    }
}
