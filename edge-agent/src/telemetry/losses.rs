//! Samples that their source tells once and that could not be stored. They wait here, in memory, until the ledger has them as gaps:
//! the file that did not take them cannot be asked to remember that.
//!
//! What a source tells again when it is not acknowledged (MQTT with quality of service 1) is never here.
//!
//! Limit: an agent that is killed while its disk fails forgets what it lost within the last [`TOLD_EVERY`].

use std::collections::BTreeMap;
use std::time::Duration;

use agog_sync::event::TelemetryGap;
use agog_sync::ids::EventId;
use jiff::Timestamp;
use rand::rngs::StdRng;
use tracing::error;

use super::{Sample, gaps};
use crate::ledger::{Append, InboxKey};
use crate::run::Agent;

/// A disk that fails does so for each message: one gap tells of all of this time.
pub(super) const TOLD_EVERY: Duration = Duration::from_secs(5);

/// How many samples, and from when until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from_us: i64,
    pub(super) to_us: i64,
    pub(super) count: u64,
}

impl Span {
    /// Of one sample.
    pub(super) const fn one(at_us: i64) -> Self {
        Self {
            from_us: at_us,
            to_us: at_us,
            count: 1,
        }
    }

    /// Of all these; none of none.
    pub(super) fn of(samples: &[Sample]) -> Option<Self> {
        let spans = samples.iter();
        spans
            .map(|sample| Self::one(sample.at.as_microsecond()))
            .reduce(Self::and)
    }

    /// Both together.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            from_us: self.from_us.min(other.from_us),
            to_us: self.to_us.max(other.to_us),
            count: self.count + other.count,
        }
    }
}

/// Samples that are lost, and why.
#[derive(Debug)]
pub(super) struct Loss {
    pub(super) reason: String,
    pub(super) span: Span,
}

/// Losses that the ledger does not have yet.
pub(super) struct Untold {
    agent: Agent,
    rng: StdRng,
    /// By reason.
    waiting: BTreeMap<String, Span>,
    /// A gap that the ledger has not taken. It keeps its key: one that was recorded although the answer said otherwise counts
    /// once.
    telling: Option<Append>,
}

impl Untold {
    pub(super) fn new(agent: &Agent) -> Self {
        Self {
            agent: agent.clone(),
            rng: agent.fork_rng(),
            waiting: BTreeMap::new(),
            telling: None,
        }
    }

    pub(super) fn add(&mut self, loss: Loss) {
        let waiting = self.waiting.entry(loss.reason);
        waiting
            .and_modify(|span| *span = span.and(loss.span))
            .or_insert(loss.span);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.telling.is_none()
    }

    /// Tells the ledger of all that waits, or of as much as it takes.
    pub(super) async fn tell(&mut self) {
        while let Some(append) = self.next() {
            if let Err(error) = self.agent.ledger.append(append).await {
                error!(
                    error = &error as &dyn std::error::Error,
                    "lost samples are not recorded yet"
                );
                return;
            }
            self.telling = None;
        }
    }

    fn next(&mut self) -> Option<Append> {
        if self.telling.is_none()
            && let Some((reason, span)) = self.waiting.pop_first()
        {
            let now = self.agent.clock.now();
            let key = InboxKey {
                sender: "telemetry".to_owned(),
                message_id: EventId::generate(now, &mut self.rng).to_string(),
            };
            let gap = TelemetryGap {
                series: None,
                from: at(span.from_us),
                to: at(span.to_us),
                count: span.count,
                reason,
            };
            self.telling = Some(gaps::fact(gap, now, Some(key)));
        }
        self.telling.clone()
    }
}

/// The times of samples were instants.
fn at(at_us: i64) -> Timestamp {
    super::store::timestamp(at_us)
}
