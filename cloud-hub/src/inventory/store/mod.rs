//! The SQL of the inventory, by what it is for: [`facts`] writes what events say, [`lots`] finds lots and what is
//! known of them, [`runs`] what runs of jobs took and made, [`trace`] walks the graph, [`stock`] adds up.
//!
//! Every function takes a [`TenantTx`](crate::db::TenantTx) and names `tenant_id` in every statement, beside row
//! security: the planner then uses the indexes that start with it, and a sharded database can route.

pub(super) mod facts;
pub(super) mod lots;
pub(super) mod runs;
pub(super) mod stock;
pub(super) mod trace;
