//! The hub's side of the protocol: what to do with a batch, from the state of its producer.
//!
//! The caller holds the producer's row locked, does what the [`Decision`] says in the same
//! transaction, and answers. At-least-once delivery thereby has an exactly-once effect.

use crate::chain::ChainHead;
use crate::event::ChainError;
use crate::frame::{LEDGER_BATCH_EVENTS_MAX, LedgerBatch, PROTOCOL};
use crate::ids::ProducerId;

/// What the hub has of a producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProducerState {
    pub producer: ProducerId,
    pub epoch: u64,
    pub head: ChainHead,
}

impl ProducerState {
    /// A producer of which nothing is known yet.
    pub fn first(producer: ProducerId) -> Self {
        Self {
            producer,
            epoch: 1,
            head: ChainHead::genesis(producer, 1),
        }
    }
}

/// What to do with a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Leave out the first `skip` events, store the rest, and move the producer to `state`.
    Append { skip: usize, state: ProducerState },
    /// All of it is here already; answer with what there is.
    Duplicate { state: ProducerState },
    /// Events are missing before this batch; answer what is expected after (409).
    Gap { expected: ProducerState },
    /// The producer has opened a newer epoch since; this sender is a clone or a ghost (403).
    Fenced { epoch: u64 },
    /// The events do not continue the chain that is here (409).
    Broken {
        expected: ProducerState,
        detail: String,
    },
    /// The batch is written in a protocol that is not spoken here (400).
    UnknownProtocol { detail: String },
    /// The batch contradicts itself (400).
    Malformed { detail: String },
}

/// Decides on a batch.
pub fn accept(state: &ProducerState, batch: &LedgerBatch) -> Decision {
    if batch.protocol == 0 || batch.protocol > PROTOCOL {
        return Decision::UnknownProtocol {
            detail: format!(
                "protocol {} is not spoken here, expected 1 to {PROTOCOL}; update the hub before its agents",
                batch.protocol
            ),
        };
    }
    if let Err(detail) = check_form(state, batch) {
        return Decision::Malformed { detail };
    }
    if batch.epoch < state.epoch {
        return Decision::Fenced { epoch: state.epoch };
    }
    // A new epoch starts from its own genesis, whatever the old one ended with.
    let current = if batch.epoch > state.epoch {
        ProducerState {
            producer: state.producer,
            epoch: batch.epoch,
            head: ChainHead::genesis(state.producer, batch.epoch),
        }
    } else {
        *state
    };
    if batch.first_seq > current.head.last_seq + 1 {
        return Decision::Gap { expected: current };
    }
    let head = match verify_chain(batch, &current) {
        Ok(head) => head,
        Err(detail) => {
            return Decision::Broken {
                expected: current,
                detail,
            };
        }
    };
    if batch.last_seq <= current.head.last_seq {
        return Decision::Duplicate { state: current };
    }
    Decision::Append {
        skip: batch
            .events
            .iter()
            .filter(|event| event.seq <= current.head.last_seq)
            .count(),
        state: ProducerState { head, ..current },
    }
}

/// Walks the batch's own chain, and compares it with the hub's where the two meet.
fn verify_chain(batch: &LedgerBatch, current: &ProducerState) -> Result<ChainHead, String> {
    let mut head = ChainHead {
        last_seq: batch.first_seq - 1,
        hash: batch.prev_hash,
    };
    let meets =
        |head: &ChainHead| head.last_seq != current.head.last_seq || head.hash == current.head.hash;
    for event in &batch.events {
        if !meets(&head) {
            break;
        }
        event
            .verify(current.producer, batch.epoch, &head.hash)
            .map_err(|error: ChainError| error.to_string())?;
        head = event.head();
    }
    if meets(&head) {
        Ok(head)
    } else {
        Err(format!(
            "event {} is not the one that is stored under this number",
            head.last_seq
        ))
    }
}

fn check_form(state: &ProducerState, batch: &LedgerBatch) -> Result<(), String> {
    if batch.producer != state.producer {
        return Err("the batch names another producer than its credential".to_owned());
    }
    if batch.events.is_empty() || batch.events.len() > LEDGER_BATCH_EVENTS_MAX {
        return Err(format!(
            "a batch has 1 to {LEDGER_BATCH_EVENTS_MAX} events, not {}",
            batch.events.len()
        ));
    }
    if batch.epoch == 0 || batch.first_seq == 0 {
        return Err("epochs and sequence numbers start from 1".to_owned());
    }
    let dense = batch
        .events
        .iter()
        .zip(batch.first_seq..)
        .all(|(event, seq)| event.seq == seq);
    let ends = batch
        .events
        .last()
        .is_some_and(|event| event.seq == batch.last_seq);
    if !dense || !ends {
        return Err(format!(
            "events are not numbered {} to {} without a gap",
            batch.first_seq, batch.last_seq
        ));
    }
    Ok(())
}
