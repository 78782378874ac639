//! The agent on real files: the ledger in this process, and the real program.

mod added_devices;
mod api;
mod corrections;
mod devices;
mod jobs;
mod ledger;
mod lots;
mod program;
mod properties;
#[path = "../shared/simulator_program.rs"]
mod simulator_program;
mod submissions;
mod support;
