//! What the agent and the hub share: ids, quantities, ledger events and their rules, and the
//! frames and state machines of the sync protocol.
//!
//! No I/O and no async: time and randomness are passed in, so that the whole protocol can be run
//! by a seeded simulator.
//!
//! # Layout, in reading order
//!
//! - [`ids`], [`sscc`], [`clock`], [`quantity`]: the vocabulary
//! - [`event`], [`chain`]: the envelope of a fact and the hash chain
//! - [`lots`]: the lot rules; [`trace`]: where a lot came from and went
//! - [`document`]: what both sides edit at the same time; [`master`]: what the office says
//! - [`frame`]: what travels between agent and hub, with its limits
//! - [`telemetry`]: how samples travel and lie on the disk
//! - [`outbox`], [`inbox`], [`backoff`]: the two sides of the protocol as plain functions
//! - [`recovery`], [`runs`]: what happens after a disk was set back or copied
//! - [`days`], [`report`]: whether both sides still have the same, and how an agent is

pub mod backoff;
pub mod chain;
pub mod clock;
pub mod days;
pub mod document;
pub mod event;
pub mod frame;
pub mod ids;
pub mod inbox;
pub mod lots;
pub mod master;
pub mod outbox;
pub mod quantity;
pub mod recovery;
pub mod report;
pub mod runs;
pub mod sscc;
pub mod telemetry;
pub mod trace;
