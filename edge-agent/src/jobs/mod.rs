//! Jobs for devices: tickets come from the hub or the local API, go to a device, and come back.
//!
//! - [`dispatch`]: a ticket → the device's queue, retried until it is answered
//! - [`find`]: which job a device means
//! - [`returned`], [`story`]: a returned ticket → ledger events; [`booked`]: none of it twice;
//!   [`reconcile`]: where the signals said something else
//! - [`routes`]: tickets over the local API

mod allocate;
pub(crate) mod booked;
pub mod dispatch;
pub mod find;
pub(crate) mod reconcile;
pub mod returned;
pub mod routes;
pub mod story;

use std::sync::Arc;

use tokio::sync::Notify;

pub use dispatch::run;

/// Tells the dispatcher that there is a new job; cheap to clone.
#[derive(Clone, Default)]
pub struct Wake(Arc<Notify>);

impl Wake {
    pub fn wake(&self) {
        self.0.notify_one();
    }

    async fn woken(&self) {
        self.0.notified().await;
    }
}
