//! The edge agent: one per plant. It collects from machines and people, keeps the ledger, and
//! delivers to the hub; it keeps working when the network is gone.
//!
//! Data flows `ingest → ledger → uplink`. Read [`run`] next: it makes every channel and starts
//! every task on one screen. Then [`ledger`], which everything waits for.
//!
//! - [`config`]: the one configuration file
//! - [`ingest`], [`devices`], [`jobs`], [`outbox`]: what comes from machines and goes to them
//! - [`documents`]: what plant and office edit at the same time
//! - [`floor`]: what machines say, and which of it is a fact
//! - [`folder`]: hot folders of machines without a network, and of an office
//! - [`controller`]: the agent in front of its devices, for an MIS; [`fetch`]: URLs from outside
//! - [`gs1`]: what barcodes of GS1 say
//! - [`ledger`]: the facts, and what follows from them
//! - [`backups`]: copies of the ledger that are made by themselves
//! - [`disk`]: room for the ledger, and what gives way
//! - [`export`]: the ledger for other programs
//! - [`telemetry`]: samples, in a file and thread of their own
//! - [`uplink`]: delivery to the hub, and what comes down from it
//! - [`api`], [`cli`]: the local HTTP API and the command line that talks to it
//! - [`words`]: how much of what machines write is kept
//! - [`health`], [`lifecycle`], [`logging`]: being a good service

pub mod api;
pub mod backups;
pub mod cli;
pub mod config;
pub mod controller;
pub mod data_dir;
pub mod devices;
pub mod disk;
pub mod documents;
mod durable;
pub mod export;
pub mod fetch;
pub mod floor;
pub mod folder;
pub mod gs1;
pub mod health;
pub mod ingest;
pub mod jobs;
pub mod ledger;
pub mod lifecycle;
pub mod logging;
pub mod outbox;
pub mod run;
pub mod telemetry;
pub mod uplink;
pub mod words;
