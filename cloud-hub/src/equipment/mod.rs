//! Equipment: the devices of every plant, the state they are in, and their telemetry.
//!
//! Not for telling devices anything: the edge agents do that. Raw samples lie behind a fence that the server role
//! cannot climb (see the telemetry migration); minutes are an ordinary table, kept in the same transaction.
//!
//! Limits: samples older than 90 days or more than a day ahead of the hub's clock are counted as gaps and not kept; one
//! answer has at most 5,000 points.

mod apply;
mod model;
mod routes;
mod store;
mod telemetry;

pub use apply::DeviceBatch;
pub use routes::router;
pub use store::device_is_known;
pub use telemetry::{telemetry_apply, telemetry_gap, telemetry_lock, telemetry_refused};
