//! The cloud hub: takes in every plant's ledger exactly once and serves the tenant APIs.
//!
//! # Layout, in the order of the data
//!
//! - [`config`], [`app`], [`run`], [`cli`]: what the process is made of, and its start and stop
//! - [`db`]: transactions that see one tenant, and the few that see none
//! - [`http`]: what all endpoints share: problems, pages, idempotency, the OpenAPI document
//! - [`files`]: the files of jobs, in an object store
//! - [`tenants`]: tenants, plants, agents, tokens; who is asking
//! - [`intake`]: batches of the plants → ledger → modules; the down feed; the office ledger
//! - [`inventory`], [`masterdata`], [`equipment`], [`exchange`], [`documents`]: the business modules
//! - [`events`]: domain events, for whoever wants to know

pub mod app;
pub mod cli;
pub mod config;
pub mod db;
pub mod documents;
pub mod equipment;
pub mod events;
pub mod exchange;
pub mod files;
pub mod http;
pub mod intake;
pub mod inventory;
pub mod masterdata;
pub mod run;
pub mod tenants;
