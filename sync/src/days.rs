//! Daily comparison of a ledger with what the hub has of it: a count and a hash for each day that is over.
//!
//! A batch is proven when it is taken in; this finds what happened to it afterwards, on either side: a row that somebody
//! changed or deleted, a page that a disk lost. The day is the UTC day in which an event was recorded, as it is sealed in the
//! event, so a late event belongs to the day of its recording and a day that is over stays as it is. A clock that jumped may
//! come back to a day; so what is compared is a [`DaySpan`]: events of one epoch that follow each other and were recorded on
//! one day. The agent cuts its ledger into spans and names them by their numbers; the hub counts the same numbers.
//!
//! Both sides hash each event again from its fields, and take the hash that is stored beside it as well ([`DayHasher`]), so
//! that neither a changed payload nor a changed hash goes unseen. Events that the hub could not apply are in its ledger like
//! all others. What an agent keeps aside after a roll-back is in no chain any more: the hub has other events under these
//! numbers, and the fact counts in the epoch in which it was sealed again.
//!
//! ```
//! use agog_sync::days::day_of;
//!
//! let late = "2026-11-21T23:59:59.9Z".parse().unwrap();
//! assert_eq!(day_of(late).to_string(), "2026-11-21");
//! ```

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};

use crate::chain::{CanonicalHasher, Hash};
use crate::frame::PROTOCOL;
use crate::ids::ProducerId;

/// The most events of one span, so that each is counted within a second; a busier day has several.
pub const SPAN_EVENTS_MAX: u64 = 50_000;

/// The most events that the spans of one request have together.
pub const REQUEST_EVENTS_MAX: u64 = SPAN_EVENTS_MAX;

/// The most spans of one request: a year of quiet days takes two.
pub const REQUEST_SPANS_MAX: usize = 200;

/// The UTC day of an instant.
pub fn day_of(at: Timestamp) -> Date {
    Offset::UTC.to_datetime(at).date()
}

/// Events of one epoch that follow each other and were recorded on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DaySpan {
    pub epoch: u64,
    pub first_seq: u64,
    pub last_seq: u64,
    /// In UTC, by the clock of the agent.
    pub day: Date,
}

impl DaySpan {
    /// How many events it has where none is missing.
    pub const fn len(&self) -> u64 {
        match self.last_seq.checked_sub(self.first_seq) {
            Some(more) => more.saturating_add(1),
            None => 0,
        }
    }

    /// Whether it can have no event at all.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What one side has of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayProof {
    pub events: u64,
    pub hash: Hash,
    /// The first number whose event is missing, or is not as it was sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<u64>,
}

impl DayProof {
    /// Both sides have the same, and nothing is wrong with it.
    pub fn agrees_with(&self, other: &Self) -> bool {
        self == other && self.fault.is_none()
    }
}

/// Counts and hashes the events of a span, which are added in order.
pub struct DayHasher {
    hasher: CanonicalHasher,
    next_seq: u64,
    /// The hash that is stored with the event before.
    before: Option<Hash>,
    events: u64,
    fault: Option<u64>,
}

impl DayHasher {
    /// Begins a span.
    pub fn new(producer: ProducerId, epoch: u64, first_seq: u64) -> Self {
        let mut hasher = CanonicalHasher::new("agog ledger day 1");
        hasher.field(producer.uuid().as_bytes());
        hasher.field(&epoch.to_le_bytes());
        Self {
            hasher,
            next_seq: first_seq,
            before: None,
            events: 0,
            fault: None,
        }
    }

    /// Adds an event: the hash before it and its own as they are stored, and its own as it was computed again.
    pub fn add(&mut self, seq: u64, prev_hash: &Hash, stored: &Hash, computed: &Hash) {
        let follows = self.before.is_none_or(|before| before == *prev_hash);
        self.count(seq, follows && stored == computed);
        self.hasher.field(stored.as_bytes());
        self.hasher.field(computed.as_bytes());
        self.before = Some(*stored);
    }

    /// Adds an event that cannot be read.
    pub fn add_unreadable(&mut self, seq: u64) {
        self.count(seq, false);
        self.hasher.field(b"unreadable");
        self.before = None;
    }

    fn count(&mut self, seq: u64, is_good: bool) {
        if seq != self.next_seq {
            self.fault.get_or_insert(self.next_seq);
        }
        if !is_good {
            self.fault.get_or_insert(seq);
        }
        self.events += 1;
        self.next_seq = seq.saturating_add(1);
        self.hasher.field(&seq.to_le_bytes());
    }

    /// Ends the span at the number that its last event should have.
    pub fn finish(mut self, last_seq: u64) -> DayProof {
        if self.next_seq <= last_seq {
            self.fault.get_or_insert(self.next_seq);
        }
        self.hasher.field(&self.events.to_le_bytes());
        DayProof {
            events: self.events,
            hash: self.hasher.finish(),
            fault: self.fault,
        }
    }
}

/// What an agent says of spans of its own ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaysRequest {
    pub protocol: u16,
    pub days: Vec<DayClaim>,
}

/// A span, and what its agent has of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayClaim {
    pub span: DaySpan,
    pub proof: DayProof,
}

/// What the hub has of these spans, in the order in which they were asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaysAnswer {
    pub days: Vec<DayAnswer>,
}

/// What the hub has of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayAnswer {
    pub span: DaySpan,
    /// None: the end of the span was not delivered yet, or the hub was set back; that is no difference.
    #[serde(default)]
    pub proof: Option<DayProof>,
}

impl DaysRequest {
    /// Says what is wrong with a request that no agent of ours sends.
    pub fn check(&self) -> Result<(), String> {
        if self.protocol == 0 || self.protocol > PROTOCOL {
            return Err(format!(
                "protocol {} is not spoken here, expected 1 to {PROTOCOL}",
                self.protocol
            ));
        }
        if self.days.len() > REQUEST_SPANS_MAX {
            return Err(format!("more than {REQUEST_SPANS_MAX} spans"));
        }
        let is_number = |number: u64| (1..=i64::MAX.unsigned_abs()).contains(&number);
        let mut events = 0_u64;
        for DayClaim { span, proof } in &self.days {
            let numbers = [span.epoch, span.first_seq, span.last_seq];
            if span.is_empty()
                || !numbers.into_iter().all(is_number)
                || proof.events > i64::MAX.unsigned_abs()
                || proof.fault.is_some_and(|fault| !is_number(fault))
            {
                return Err(format!(
                    "events {} to {} of epoch {} are no span",
                    span.first_seq, span.last_seq, span.epoch
                ));
            }
            events = events.saturating_add(span.len());
        }
        if events > REQUEST_EVENTS_MAX {
            return Err(format!(
                "the spans have {events} events, at most {REQUEST_EVENTS_MAX} are counted at a time"
            ));
        }
        Ok(())
    }
}

/// Takes as many spans from the front as one request may name.
pub fn request_len(spans: impl IntoIterator<Item = DaySpan>) -> usize {
    let mut events = 0_u64;
    spans
        .into_iter()
        .take(REQUEST_SPANS_MAX)
        .take_while(|span| {
            events = events.saturating_add(span.len());
            events <= REQUEST_EVENTS_MAX
        })
        .count()
        .max(1)
}
