//! Equipment: the devices of every plant, what they do and did, their telemetry, how well they use their time, and alarms.
//!
//! What a device did is read off its reports when it is asked for ([`timeline`]), and so are OEE and losses ([`oee`]): late reports
//! need no repair. Alarms of thresholds are raised in the transaction that stores the samples ([`alarms`]). [`live`] streams it.
//!
//! Not for telling devices anything: the edge agents do that.
//!
//! Telemetry: a batch of blocks becomes samples of series ([`telemetry_apply`]), of which the new ones are copied into
//! the raw table and told on to the roll-ups (`take_in`, by the rules of `rollup`), all in the transaction that moves the
//! producer's cursor. Raw samples lie behind a fence that the server role reads over only through a barrier view (see the
//! telemetry migrations); roll-ups are ordinary tables under row security. `retention` drops what is old.
//!
//! Limits: samples older than `telemetry.raw_days` or more than a day ahead of the hub's clock are counted as gaps and not
//! kept. One answer has at most 5,000 points (`thin` leaves some out), a file (`export`) at most 50 million; both are read
//! page by page (`reader`), in a transaction for each page.

mod alarms;
mod apply;
mod block;
mod calendar;
mod copy;
mod export;
pub mod live;
mod model;
mod oee;
mod points;
mod reader;
mod resolution;
mod retention;
mod rollup;
mod routes;
mod settings;
mod store;
mod take_in;
mod telemetry;
mod thin;
mod threshold;
mod timeline;

pub use apply::DeviceBatch;
pub use export::Exports;
pub use retention::{retain, retain_once, rollups_drop};
pub use routes::router;
pub use store::device_is_known;
pub use telemetry::{Taken, telemetry_apply, telemetry_gap, telemetry_lock, telemetry_refused};
