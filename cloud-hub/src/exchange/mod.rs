//! Exchange: jobs go out to the plants as JDF tickets, and what the plants report about them comes back.
//!
//! Not for the lots that a job uses and makes: those are facts of the lot ledger, in [`crate::inventory`]. Not for
//! talking to machines: the edge agents do that.
//!
//! Limits: a ticket has at most 4 MiB; a job has at most 100 input lots; the answer about a job carries its newest 500
//! steps.

mod apply;
mod model;
mod routes;
mod store;
mod ticket;

pub use apply::job_event;
pub use routes::router;
