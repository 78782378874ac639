//! After a disk was set back or copied: how far both sides agree, and what becomes of the events
//! that come back from the hub.
//!
//! The hub never loses an event that it has acknowledged, and a plant never loses one that it has
//! recorded; so both have a chain, and the chains part somewhere. [`Search`] finds the last event
//! that they share. What the local ledger has after it is sealed again in the new epoch, under
//! the same event ids. What the hub has after it is fetched page by page: [`verify_page`] proves a
//! page, and [`placing`] says for each event how it is stored. Every step can be repeated.
//!
//! ```
//! use agog_sync::recovery::{Question, Search};
//!
//! // Ten events are here, the hub had acknowledged eight of them.
//! let mut search = Search::new(10, 8);
//! assert_eq!(search.question(), Question::Ask { after: 7 });
//! // The hub's event 8 is ours, its event 9 is another one.
//! search.heard(7, true, &[true, false]);
//! assert_eq!(search.question(), Question::Found { common: 8 });
//! ```

use crate::chain::{ChainHead, Hash};
use crate::event::{ChainError, Envelope};
use crate::ids::ProducerId;

/// Looks for the newest event of one epoch that the local ledger and the hub share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Search {
    /// Both have everything up to here, and the same.
    same: u64,
    /// From here on they differ, or one has nothing.
    apart: u64,
    first_guess: Option<u64>,
}

/// What a [`Search`] needs next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// The hub's events of the epoch after this one.
    Ask { after: u64 },
    /// Both sides have the same events up to here, and no further.
    Found { common: u64 },
}

impl Search {
    /// Starts with `local_last` events here, of which the hub has acknowledged
    /// `acknowledged`, as far as the local ledger knows.
    pub fn new(local_last: u64, acknowledged: u64) -> Self {
        Self {
            same: 0,
            apart: local_last + 1,
            first_guess: Some(acknowledged.min(local_last)),
        }
    }

    /// What to do next. Each answer at least halves what is left, so that the search ends.
    pub fn question(&mut self) -> Question {
        if self.same + 1 >= self.apart {
            return Question::Found { common: self.same };
        }
        let middle = match self.first_guess.take() {
            Some(guess) if guess > self.same && guess < self.apart => guess,
            _ => self.same + (self.apart - self.same) / 2,
        };
        // The event in the middle is the first of the answer.
        Question::Ask { after: middle - 1 }
    }

    /// Takes the hub's answer to [`Question::Ask`]: whether its hash at `after` is the local one
    /// (of no use, and false, without events), and for each event after it whether it is the local
    /// one of the same number.
    pub fn heard(&mut self, after: u64, same_before: bool, same_events: &[bool]) {
        if same_events.is_empty() {
            self.apart = self.apart.min(after + 1);
            return;
        }
        if !same_before {
            // The genesis hash is the same on both sides.
            self.apart = self.apart.min(after.max(1));
            return;
        }
        let equal = same_events.iter().take_while(|same| **same).count();
        self.same = self.same.max(after + equal as u64);
        if equal < same_events.len() {
            self.apart = self.apart.min(self.same + 1);
        }
    }
}

/// Why a page of our own events cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// Numbers are left out, or come twice.
    #[error("event {found} of epoch {epoch} came where event {expected} was expected")]
    NotDense {
        epoch: u64,
        found: u64,
        expected: u64,
    },
    /// The events do not continue the chain, or were changed.
    #[error("event {seq} of epoch {epoch} does not continue the chain")]
    Broken {
        epoch: u64,
        seq: u64,
        #[source]
        source: ChainError,
    },
}

impl PageError {
    /// The page does not follow what is here: the chains part earlier.
    pub fn parts_earlier(&self, head: &ChainHead) -> bool {
        matches!(self, Self::Broken { seq, source: ChainError::Unlinked { .. }, .. }
            if *seq == head.last_seq + 1 && head.last_seq > 0)
    }
}

/// Proves that events are those of `producer` and `epoch` after `head`, all of them and unchanged;
/// says where the chain is then.
pub fn verify_page(
    producer: ProducerId,
    epoch: u64,
    head: &ChainHead,
    events: &[Envelope],
) -> Result<ChainHead, PageError> {
    let mut head = *head;
    for event in events {
        if event.seq != head.last_seq + 1 {
            return Err(PageError::NotDense {
                epoch,
                found: event.seq,
                expected: head.last_seq + 1,
            });
        }
        event
            .verify(producer, epoch, &head.hash)
            .map_err(|source| PageError::Broken {
                epoch,
                seq: event.seq,
                source,
            })?;
        head = event.head();
    }
    Ok(head)
}

/// How an event that came back is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placing {
    /// It is here.
    Present,
    /// It is stored and has its effects. `replaces`: another event has its number here; that
    /// one, and what follows it in the epoch, is kept aside first.
    New { replaces: bool },
    /// The fact is here under another number and has had its effects: only its place in the chain
    /// is stored.
    Known { replaces: bool },
}

/// Says how an event that came back is stored: `here` is the hash of the local event of its epoch
/// and number, `knows_fact` whether the fact is here under any number.
pub fn placing(event: &Envelope, here: Option<Hash>, knows_fact: bool) -> Placing {
    let replaces = here.is_some();
    if here == Some(event.hash) {
        Placing::Present
    } else if knows_fact {
        Placing::Known { replaces }
    } else {
        Placing::New { replaces }
    }
}
