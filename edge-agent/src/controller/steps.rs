//! `RepeatStep` of a subscription of Status: a signal each time that a job has made so many more.
//!
//! Amounts are no ledger events, so they are looked at every [`LOOK_EVERY`] in what the devices told
//! last, and what is known then is told, as a heartbeat does. Steps that are passed between two looks are
//! told once.

use std::collections::BTreeMap;
use std::time::Duration;

use agog_jdf::jmf::{Query, QueryContent, StatusQuParams};
use rust_decimal::Decimal;

use crate::devices::picture::PhaseState;
use crate::run::Agent;

/// As often as the heartbeat of a subscriber may be.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The jobs whose amounts are looked at, each with the steps that it has passed.
pub(super) struct Steps {
    step: Decimal,
    passed: BTreeMap<Key, Decimal>,
}

/// Device, job, part and entry, as the device names them.
type Key = (String, Option<String>, Option<String>, Option<String>);

impl Steps {
    /// None where the query is not for steps.
    pub(super) fn of(query: &Query) -> Option<Self> {
        let step = query.subscription.as_ref()?.repeat_step?;
        let is_status = matches!(query.content, QueryContent::Status(_));
        (is_status && step > 0).then(|| Self {
            step: step.into(),
            passed: BTreeMap::new(),
        })
    }

    /// Looks at the amounts; whether one of them has passed a step since the last look.
    pub(super) fn look(&mut self, agent: &Agent, device: Option<&str>, query: &Query) -> bool {
        let QueryContent::Status(params) = &query.content else {
            return false;
        };
        let devices = agent.known_devices.all();
        let meant = devices
            .iter()
            .map(|known| known.id.as_str())
            .filter(|id| device.is_none_or(|device| device == *id));
        let mut amounts = BTreeMap::new();
        for id in meant {
            for phase in agent.devices.of(id).job_phases {
                if let Some(amount) = phase.amount.filter(|_| is_meant(params, &phase)) {
                    let key = (
                        id.to_owned(),
                        phase.job_id,
                        phase.job_part_id,
                        phase.queue_entry_id,
                    );
                    amounts.insert(key, amount);
                }
            }
        }
        self.compare(amounts)
    }

    fn compare(&mut self, amounts: BTreeMap<Key, Decimal>) -> bool {
        let step = self.step;
        let now = amounts
            .into_iter()
            .map(|(key, amount)| (key, (amount / step).floor()));
        let before = std::mem::replace(&mut self.passed, now.collect());
        self.passed
            .iter()
            .any(|(key, steps)| before.get(key).is_some_and(|before| steps > before))
    }
}

/// Entries have other names here than at the device: whether a phase is of the entry that is asked for is
/// seen when it is told.
fn is_meant(params: &StatusQuParams, phase: &PhaseState) -> bool {
    let same = |wanted: &Option<String>, has: &Option<String>| wanted.is_none() || wanted == has;
    same(&params.job_id, &phase.job_id) && same(&params.job_part_id, &phase.job_part_id)
}

#[cfg(test)]
mod tests {
    use agog_jdf::jmf::Subscription;

    use super::*;

    fn query(step: i64, content: QueryContent) -> Query {
        let subscription = Subscription {
            repeat_step: Some(step),
            ..Subscription::to("http://mis/jmf")
        };
        Query::subscribe(content, subscription)
    }

    #[test]
    fn a_step_is_passed_when_so_many_more_were_made() {
        let status = || QueryContent::Status(StatusQuParams::default());
        let mut steps = Steps::of(&query(100, status())).unwrap();
        let mut at = |job: &str, amount: i64| {
            let key = ("press-3".to_owned(), Some(job.to_owned()), None, None);
            steps.compare(BTreeMap::from([(key, amount.into())]))
        };
        let passed: Vec<bool> = [
            ("A", 250),
            ("A", 299),
            ("A", 301),
            ("A", 399),
            ("A", 620),
            ("B", 150),
            ("B", 200),
            ("B", 10),
            ("B", 99),
            ("B", 100),
        ]
        .map(|(job, amount)| at(job, amount))
        .into();
        assert_eq!(
            passed,
            [
                false, false, true, false, true, false, true, false, false, true
            ]
        );
        assert!(Steps::of(&query(0, status())).is_none());
        let queue = QueryContent::QueueStatus(agog_jdf::jmf::QueueFilter::default());
        assert!(Steps::of(&query(100, queue)).is_none());
    }
}
