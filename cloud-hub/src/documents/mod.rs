//! Documents that plants and office edit at the same time (`agog_sync::document`): job notes, the priorities of queues,
//! the discussions of holds.
//!
//! A change is a ledger event of whoever made it, a plant or the office. It is applied here, and carried to the plants:
//! those of a queue's plant for its priorities, all of the tenant for the rest, because jobs and held lots travel between
//! plants and their notes with them. A change that comes before those that it follows waits. A plant that lacks changes
//! all the same finds out by comparing heads, and is given their events; what is missing here it names, and the events are
//! applied once more ([`repair`]).
//!
//! A document is loaded, changed and saved within one transaction and kept nowhere else; its row is locked meanwhile.
//!
//! A document that was edited often rolls over, and what comes late to a closed generation is carried over into the next
//! ([`roll`]).
//!
//! Limits: those of `agog_sync::document`; at most 1,000 changes of a document wait.

mod apply;
mod model;
pub mod repair;
mod roll;
mod routes;
mod store;
mod store_generations;

pub use apply::{DocumentBatch, Hearers};
pub use roll::settle;
pub use routes::router;
pub use store::{changes_left, documents_lock};
