//! What an agent tells of itself with its requests: how much waits, and what its clock says.
//!
//! It travels as a header ([`REPORT_HEADER`]) with the requests that an agent makes anyway, so a hub that does not know it
//! passes it over, and it says nothing about the ledger that its batches do not prove.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The header's name.
pub const REPORT_HEADER: &str = "agog-report";

/// The longest header that is read: twice of what this version writes.
pub const REPORT_BYTES_MAX: usize = 512;

/// How an agent is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentReport {
    /// Its clock when it asked.
    pub at: Timestamp,
    pub epoch: u64,
    /// The newest event of its ledger.
    pub head_seq: u64,
    /// Events that the hub has not acknowledged.
    pub waiting: u64,
    /// When the oldest of them was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_waiting_at: Option<Timestamp>,
}

impl AgentReport {
    /// As the value of the header. Numbers and instants can always be written; an empty header would tell nothing.
    pub fn to_header(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads the value of the header; none for one that is not understood.
    pub fn from_header(value: &[u8]) -> Option<Self> {
        if value.len() > REPORT_BYTES_MAX {
            return None;
        }
        serde_json::from_slice(value).ok()
    }
}

/// How far a clock is ahead of another one, in milliseconds.
pub fn skew_ms(clock: Timestamp, reference: Timestamp) -> i64 {
    i64::try_from(clock.duration_since(reference).as_millis()).unwrap_or(i64::MAX)
}
