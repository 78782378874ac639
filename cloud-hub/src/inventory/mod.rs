//! Inventory: materials, lots, what happened to them, where they came from and went. The one source of truth about
//! genealogy: every other module asks here.
//!
//! Everything here is derived from the ledgers of the plants and of the office. The rules are those of
//! `agog_sync::lots`, the same as the agents apply; this module loads, stores and answers.
//!
//! Limits: a trace has at most 10,000 lots and says when it is cut; the answer about a lot carries its newest 500
//! entries; a movement of the office has at most 200 lots; a view of the waste analysis has at most 100 rows; a run of a job
//! shows at most 200 lots of each kind.

mod apply;
mod ask;
mod batch;
mod model;
mod office;
mod register;
mod routes;
mod runs;
mod store;
mod trace;
mod waste;

pub use ask::{
    hold_is_known, holds_standing, lot_numbers_known, lots_lock, material_by_code,
    materials_defined, releases_of,
};
pub use batch::LotBatch;
pub use office::{Said, StockLot, lot_recorded, measured, recorded, stock_lot};
pub use routes::router;
pub use runs::{MadeByRun, RunLots, RunWindow, TakenByRun, run_lots};
