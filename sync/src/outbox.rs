//! The agent's side of the protocol: what an answer of the hub means for the local ledger.
//!
//! The agent moves its cursor only by [`Standing::InStep`], in the same database as its events.
//! It never overwrites: when the hub knows something that the local ledger does not, the local
//! disk was rolled back or copied, and a new epoch is due.

use crate::chain::{ChainHead, Hash};
use crate::frame::LedgerAck;

/// The local ledger, as far as the protocol needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalLedger {
    pub epoch: u64,
    pub head: ChainHead,
    /// The local hash at the epoch and sequence number that the hub names; the genesis hash for 0;
    /// none when there is no such event here.
    pub hash_at_hub: Option<Hash>,
}

/// How the local ledger stands to what the hub has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The hub has everything up to `acknowledged`; send what comes after.
    InStep { acknowledged: u64 },
    /// The hub ends in an older epoch, at an event that is here too: send what comes after it there, then
    /// the newer epochs.
    Behind { epoch: u64, acknowledged: u64 },
    /// The hub ends in an older epoch, at an event that is not here: everything of the local epoch is
    /// new to it, and what it has beyond is still to be fetched.
    NewHere,
    /// The hub has events that the local ledger does not have: the disk was rolled back.
    RolledBack { hub: LedgerAck },
    /// The hub has other events under the same numbers: two ledgers with one identity.
    Diverged { hub: LedgerAck },
    /// The hub knows a newer epoch: another agent took over this identity.
    Superseded { hub: LedgerAck },
}

impl Standing {
    /// The word for why a new epoch is opened; none when none is due.
    pub fn reason(&self) -> Option<&'static str> {
        match self {
            Self::RolledBack { .. } => Some("rolled-back"),
            Self::Diverged { .. } => Some("diverged"),
            Self::Superseded { .. } => Some("superseded"),
            Self::InStep { .. } | Self::Behind { .. } | Self::NewHere => None,
        }
    }
}

/// Compares the local ledger with an answer of the hub.
pub fn compare(local: &LocalLedger, hub: &LedgerAck) -> Standing {
    if hub.epoch > local.epoch {
        return Standing::Superseded { hub: *hub };
    }
    if hub.epoch < local.epoch {
        return if local.hash_at_hub == Some(hub.hash) {
            Standing::Behind {
                epoch: hub.epoch,
                acknowledged: hub.last_seq,
            }
        } else {
            Standing::NewHere
        };
    }
    if hub.last_seq > local.head.last_seq {
        return Standing::RolledBack { hub: *hub };
    }
    if local.hash_at_hub == Some(hub.hash) {
        Standing::InStep {
            acknowledged: hub.last_seq,
        }
    } else {
        Standing::Diverged { hub: *hub }
    }
}
