//! The agent on real files: the ledger in this process, and the real program.

mod added_devices;
mod api;
mod backups;
mod containers;
mod corrections;
mod days;
mod devices;
mod documents;
mod exports;
mod full_disk;
mod generations;
mod jobs;
mod ledger;
mod lots;
mod master;
mod mqtt;
mod program;
mod proofs;
mod properties;
#[path = "../shared/pty.rs"]
mod pty;
mod recovery;
mod salvage;
mod serial;
#[path = "../shared/simulator_program.rs"]
mod simulator_program;
mod snapshots;
mod submissions;
mod support;
mod units;
