//! Jobs for devices: tickets come from the hub or the local API, go to a device (`crate::outbox`), and
//! come back.
//!
//! - [`control`]: hold, resume, abort … a job at its device
//! - [`find`]: which job a device means
//! - [`returned`], [`story`]: a returned ticket → ledger events; [`booked`]: none of it twice;
//!   [`reconcile`]: where the signals said something else; [`again`]: whether a returned job is run once more
//! - [`routes`]: tickets and commands to jobs over the local API

pub(crate) mod again;
mod allocate;
pub(crate) mod booked;
pub mod control;
pub mod find;
pub(crate) mod reconcile;
pub mod returned;
pub mod routes;
pub mod story;
