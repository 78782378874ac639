//! Jobs for devices: tickets come from the hub or the local API, go to a device (`crate::outbox`), and
//! come back.
//!
//! - [`control`]: hold, resume, abort … a job at its device
//! - [`find`]: which job a device means
//! - [`returned`], [`story`]: a returned ticket → ledger events
//! - [`routes`]: tickets and commands to jobs over the local API

mod allocate;
pub mod control;
pub mod find;
pub mod returned;
pub mod routes;
pub mod story;
