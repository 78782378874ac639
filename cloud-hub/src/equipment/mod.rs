//! Equipment: the devices of every plant, what they do and did, their telemetry, how well they use their time, and alarms.
//!
//! What a device did is read off its reports when it is asked for ([`timeline`]), and so are OEE and losses ([`oee`]): late reports
//! need no repair. Alarms of thresholds are raised in the transaction that stores the samples ([`alarms`]). [`live`] streams it.
//!
//! Not for telling devices anything: the edge agents do that. Raw samples lie behind a fence that the server role
//! cannot climb (see the telemetry migration); minutes are an ordinary table, kept in the same transaction.
//!
//! Limits: samples older than 90 days or more than a day ahead of the hub's clock are counted as gaps and not kept; one
//! answer has at most 5,000 points.

mod alarms;
mod apply;
mod calendar;
pub mod live;
mod model;
mod oee;
mod routes;
mod settings;
mod store;
mod telemetry;
mod threshold;
mod timeline;

pub use apply::DeviceBatch;
pub use routes::router;
pub use store::device_is_known;
pub use telemetry::{telemetry_apply, telemetry_gap, telemetry_lock, telemetry_refused};
