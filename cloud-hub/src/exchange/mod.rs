//! Exchange: jobs go out to the plants as JDF tickets with their files, and what plants and people report about them
//! comes back: the course of each job, its work orders and runs, and the fate of the commands to it.
//!
//! Not for the lots that a job uses and makes: those are facts of the lot ledger, in [`crate::inventory`]. Not for
//! talking to machines: the edge agents do that.
//!
//! Limits: a ticket has at most 4 MiB and 1,000 steps; a job has at most 100 input lots and 500 files; the answer about
//! a job carries its newest 500 steps, 500 phases and 100 commands.

mod apply;
mod course;
mod model;
mod routes;
mod store;
mod sweep;
mod ticket;

pub use apply::{JobBatch, job_plant, jobs_lock};
pub use routes::router;
pub use store::job::jobs_ended;
pub use sweep::{sweep, sweep_once};
