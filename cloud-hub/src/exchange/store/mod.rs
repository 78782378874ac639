//! The SQL of jobs, one file per topic.

pub(super) mod command;
pub(super) mod file;
pub(super) mod job;
pub(super) mod order;
pub(super) mod run;
pub(super) mod step;
