//! The line between agents and hub: it loses, delays, reorders, repeats and cuts, by the seed.

use std::collections::BTreeMap;
use std::sync::Arc;

use agog_sync::days::{DaysAnswer, DaysRequest};
use agog_sync::document::repair::{HeadsAnswer, HeadsRequest, MissingAnswer, MissingRequest};
use agog_sync::event::Envelope;
use agog_sync::frame::{FeedItem, LedgerAck, LedgerBatch, LedgerPage};
use agog_sync::ids::RunId;
use agog_sync::runs::RunClaim;
use rand::RngExt as _;
use rand::rngs::StdRng;

/// The slowest message, in milliseconds of the world.
const DELAY_MS_MAX: u64 = 4_000;

/// What an agent asks of the hub.
#[derive(Debug, Clone)]
pub(crate) enum Ask {
    /// To be served as this run, and what the hub has.
    State(RunClaim),
    Push(Arc<LedgerBatch>),
    Feed {
        after: u64,
    },
    /// Its own events of an epoch.
    Ledger {
        epoch: u64,
        after: u64,
    },
    /// Whether the hub still has the same of days that are over.
    Days(Arc<DaysRequest>),
    /// Whether the documents are those of the hub.
    Heads(HeadsRequest),
    /// The changes that are missing of some of them.
    Missing(Arc<MissingRequest>),
}

/// What the hub answers.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    State(LedgerAck),
    Taken(LedgerAck),
    /// The batch does not fit what the hub has, or another run is served.
    Refused,
    /// Items of the feed. An agent that asks from before what is kept gets what is left of it, with gaps: before that the
    /// holds that stand, and then where the feed goes on.
    Feed {
        holds: Vec<Arc<Envelope>>,
        items: Vec<Arc<FeedItem>>,
        goes_on_after: Option<u64>,
    },
    Ledger(Arc<LedgerPage>),
    Days(Arc<DaysAnswer>),
    Heads(Arc<HeadsAnswer>),
    Missing(Arc<MissingAnswer>),
}

/// A message on its way.
#[derive(Debug, Clone)]
pub(crate) enum Message {
    ToHub {
        /// The process that asks, and gets the answer.
        agent: usize,
        /// The run whose token it bears.
        run: RunId,
        request: u64,
        ask: Ask,
    },
    ToAgent {
        agent: usize,
        request: u64,
        answer: Answer,
    },
}

impl Message {
    fn agent(&self) -> usize {
        match self {
            Self::ToHub { agent, .. } | Self::ToAgent { agent, .. } => *agent,
        }
    }
}

/// How bad the line is, out of 1,000 messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quality {
    pub(crate) lost: u32,
    pub(crate) repeated: u32,
}

/// Messages on their way, by when they arrive.
#[derive(Debug)]
pub(crate) struct Network {
    quality: Quality,
    on_the_way: BTreeMap<(u64, u64), Message>,
    sent: u64,
    /// Processes whose line is cut.
    cut: Vec<bool>,
}

impl Network {
    pub(crate) fn new(quality: Quality, agents: usize) -> Self {
        Self {
            quality,
            on_the_way: BTreeMap::new(),
            sent: 0,
            cut: vec![false; agents],
        }
    }

    pub(crate) fn send(&mut self, rng: &mut StdRng, now_ms: u64, message: &Message) {
        if self.cut[message.agent()] || rng.random_range(0..1_000) < self.quality.lost {
            return;
        }
        let copies = 1 + u32::from(rng.random_range(0..1_000) < self.quality.repeated);
        for _ in 0..copies {
            // Mostly quick; now and then slower than what was sent after it.
            let delay_ms = match rng.random_range(0..10) {
                0 => rng.random_range(0..DELAY_MS_MAX),
                _ => rng.random_range(0..100),
            };
            self.sent += 1;
            self.on_the_way
                .insert((now_ms + delay_ms, self.sent), message.clone());
        }
    }

    /// The next message that has arrived by now.
    pub(crate) fn receive(&mut self, now_ms: u64) -> Option<Message> {
        loop {
            let (&key, _) = self
                .on_the_way
                .first_key_value()
                .filter(|((at_ms, _), _)| *at_ms <= now_ms)?;
            let message = self.on_the_way.remove(&key)?;
            // What was on the line when it was cut is gone.
            if !self.cut[message.agent()] {
                return Some(message);
            }
        }
    }

    /// One more process is on the line.
    pub(crate) fn join(&mut self) {
        self.cut.push(false);
    }

    pub(crate) fn cut(&mut self, agent: usize, is_cut: bool) {
        self.cut[agent] = is_cut;
    }

    /// The line is good from now on.
    pub(crate) fn heal(&mut self) {
        self.quality = Quality {
            lost: 0,
            repeated: 0,
        };
        self.cut.fill(false);
    }
}
