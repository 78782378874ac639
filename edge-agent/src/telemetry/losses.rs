//! Samples that their source tells once and that could not be stored. They wait here, in memory, until the ledger has them as gaps:
//! the file that did not take them cannot be asked to remember that.
//!
//! What a source tells again when it is not acknowledged (MQTT with quality of service 1) is never here.
//!
//! Limit: an agent that is killed while its disk fails forgets what it lost within the last [`TOLD_EVERY`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use agog_sync::event::TelemetryGap;
use agog_sync::ids::EventId;
use rand::rngs::StdRng;
use tracing::error;

use super::store::timestamp;
use super::{Sample, gaps};
use crate::ledger::{InboxKey, Untold};
use crate::run::Agent;

/// A disk that fails does so for each message: one gap tells of all of this time.
pub(super) const TOLD_EVERY: Duration = Duration::from_secs(5);

/// How many samples, and from when until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
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
    pub(crate) fn of(samples: &[Sample]) -> Option<Self> {
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

/// What is lost and not told yet, by reason: as much as there are reasons, however many samples.
#[derive(Debug, Default)]
pub(super) struct Losses(Mutex<BTreeMap<String, Span>>);

impl Losses {
    pub(super) fn add(&self, reason: &str, span: Span) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match waiting.get_mut(reason) {
            Some(so_far) => *so_far = so_far.and(span),
            None => drop(waiting.insert(reason.to_owned(), span)),
        }
    }

    fn take(&self) -> Option<(String, Span)> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.pop_first()
    }
}

/// Tells the ledger of losses.
pub(super) struct Teller {
    agent: Agent,
    rng: StdRng,
    losses: Arc<Losses>,
    untold: Untold,
}

impl Teller {
    pub(super) fn new(agent: &Agent, losses: Arc<Losses>) -> Self {
        Self {
            agent: agent.clone(),
            rng: agent.fork_rng(),
            losses,
            untold: Untold::default(),
        }
    }

    /// Tells all that waits, or as much as the ledger takes.
    pub(super) async fn tell(&mut self) {
        let Self {
            agent,
            rng,
            losses,
            untold,
        } = self;
        let next = || {
            let (reason, span) = losses.take()?;
            let now = agent.clock.now();
            let key = InboxKey {
                sender: "telemetry".to_owned(),
                message_id: EventId::generate(now, rng).to_string(),
            };
            let gap = TelemetryGap {
                series: None,
                from: timestamp(span.from_us),
                to: timestamp(span.to_us),
                count: span.count,
                reason,
            };
            Some(gaps::fact(gap, now, Some(key)))
        };
        if let Err(error) = untold.tell(&agent.ledger, next).await {
            error!(
                error = &error as &dyn std::error::Error,
                "lost samples are not recorded yet"
            );
        }
    }
}
