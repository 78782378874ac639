//! The agent on real files: the ledger in this process, and the real program.

mod api;
mod devices;
mod ledger;
mod lots;
mod program;
mod properties;
mod support;
