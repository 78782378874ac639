//! What the plants deliver becomes rows, exactly once; what the hub has for them goes down.
//!
//! One transaction per batch: the producer's row is locked, `agog_sync::inbox` decides, the raw
//! events are stored, the modules apply them, the cursor moves. The answer is sent after the
//! commit. A module reads what its events of the batch need, works on that in memory event by
//! event, and stores the result: the number of statements does not grow with that of the events, but
//! for the steps of jobs.
//! An event that no module can apply is kept with its reason ([`ledger`]) and never stops the ones
//! behind it. A fault that is not the event's own fails the whole batch, and the agent sends it
//! again.
//!
//! Limits: those of `agog_sync::frame`; a feed answer has at most
//! [`FEED_ITEMS_MAX`](feed::FEED_ITEMS_MAX) items of together
//! [`FEED_BYTES_MAX`](feed::FEED_BYTES_MAX) and waits at most
//! [`FEED_WAIT_MAX`](feed::FEED_WAIT_MAX).

mod again;
mod apply;
mod days;
pub mod feed;
mod known;
mod ledger;
pub mod office;
mod overview;
pub mod rejected;
pub mod retention;
mod routes;
pub mod runs;
mod snapshot;
mod store;
mod store_blocks;
mod store_days;
mod store_feed;
mod store_overview;
mod store_rejected;
mod store_runs;
mod store_told;
mod store_watch;
mod telemetry;
pub mod watch;

use agog_sync::ids::{EventId, PlantId, ProducerId};
use jiff::Timestamp;
use rand::rngs::StdRng;

use crate::config::TelemetryKeep;
use crate::db::DbError;
use crate::events;
use crate::http::{ApiError, error::chain};

pub use again::changes_again;
pub use apply::Carried;
pub use known::known_until;
pub(crate) use routes::read as read_frame;
pub use routes::router;
pub use store::events_of;

/// What a module needs to know of the event that it applies, and where it leaves what it makes of it: `'e` is that of the
/// event, `'b` that of its batch.
#[derive(Debug)]
pub struct ApplyContext<'e, 'b> {
    /// Whose ledger it stands in.
    pub producer_id: ProducerId,
    /// Where it happened; none for the office, which belongs to no plant.
    pub plant_id: Option<PlantId>,
    /// Its place in the ledger.
    pub seq: u64,
    pub event_id: EventId,
    /// The kind of the event, for example `lot.split`.
    pub kind: &'e str,
    /// Who says so, for people.
    pub actor: &'e str,
    /// When it happened, by the clock of the producer.
    pub occurred_at: Timestamp,
    /// When the hub applies it.
    pub now: Timestamp,
    /// For the ids of what the hub makes.
    pub rng: &'b mut StdRng,
    /// What other systems may want to know ([`events::publish`]).
    pub outbox: &'b mut events::Outbox,
}

/// What a module needs to know of the telemetry blocks that it stores.
#[derive(Debug)]
pub struct BlockContext<'a> {
    pub plant_id: PlantId,
    /// How old samples may be.
    pub keep: TelemetryKeep,
    pub now: Timestamp,
    pub rng: &'a mut StdRng,
}

/// Why a module did not apply an event.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The event makes no sense to the module; it is kept with this reason.
    #[error("{detail}")]
    Refused { code: &'static str, detail: String },
    /// Its own message says enough.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl ApplyError {
    /// Nothing is wrong with the event: the whole batch must be tried again.
    pub(crate) fn is_worth_repeating(&self) -> bool {
        match self {
            Self::Refused { .. } => false,
            Self::Database(error) => !error.is_of_the_data(),
        }
    }
}

/// A batch failed, and nothing of it was kept. Unless its data is at fault the agent tries again,
/// so that a fault of the hub never costs an event.
pub(crate) fn failed(error: ApplyError) -> ApiError {
    match error {
        ApplyError::Refused { code, detail } => ApiError::unprocessable(code, detail),
        ApplyError::Database(error)
            if error.is_unavailable() || error.is_contention() || error.is_of_the_data() =>
        {
            error.into()
        }
        ApplyError::Database(error) => {
            tracing::error!(error = chain(&error), "a batch cannot be stored");
            ApiError::unavailable(
                "not-stored",
                "something went wrong here and nothing was kept; try again",
            )
        }
    }
}
