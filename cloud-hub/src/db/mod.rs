//! The database: who may see what is decided here, once, and nowhere else.
//!
//! Business code works in a [`TenantTx`], which sees the rows of one tenant. The few things that
//! belong to no tenant use a [`SystemTx`], and say why.
//!
//! Limits: a statement ends after [`STATEMENT_TIMEOUT`], a wait for a lock after [`LOCK_TIMEOUT`].

mod error;
mod instant;
mod migrate;
mod plants;
mod pool;
mod system_tx;
mod tenant_tx;

pub use error::DbError;
pub use instant::{Instant, POSTGRES_EPOCH_US};
pub use migrate::{MigrateError, migrate};
pub use plants::{PlantBell, PlantKey, PlantListener};
pub use pool::{Bell, LOCK_TIMEOUT, Pool, STATEMENT_TIMEOUT};
pub use system_tx::SystemTx;
pub use tenant_tx::TenantTx;

/// One column of rows, for a statement that takes many rows at once.
pub fn column<'r, Row, Value>(rows: &'r [Row], of: impl FnMut(&'r Row) -> Value) -> Vec<Value> {
    rows.iter().map(of).collect()
}
