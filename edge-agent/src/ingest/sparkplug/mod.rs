//! Sparkplug B (3.0) as its host application: edge nodes tell their metrics at birth, then what changes.
//!
//! It has a connection of its own beside that of the topic map, with a clean session, as the specification wants it. Its own
//! state (`spBv1.0/STATE/<host_id>`, retained) tells nodes whether anybody listens; they keep what they measure meanwhile and
//! send it later as history. Data is `QoS` 0: what is on its way when the agent ends is lost, unless the node keeps it.
//!
//! - [`payload`], [`topic`]: what is on the wire
//! - [`node`]: what is known of a node
//! - [`contact`]: whether nodes and devices are there, for the timeline of their equipment
//! - [`telling`]: that in the ledger
//! - [`host`]: the state machine, without I/O
//! - [`task`]: the connection
//!
//! Not here: commands to nodes other than the request for a birth.

mod contact;
mod host;
mod node;
mod payload;
mod task;
mod telling;
mod topic;

#[cfg(test)]
mod tests;

pub(crate) use host::{Action, Host};
pub(crate) use task::run_for;
pub(crate) use topic::NAMESPACE;
