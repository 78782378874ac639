//! The lot rules: what a lot event does to the lots it names, and when it is refused.
//!
//! Pure: the caller loads the [`LotBook`] of the lots that an event names, and stores the
//! [`Effect`]s. Agent and hub use the same functions, so that the two cannot drift:
//!
//! - [`apply`] never refuses. It says what the event does, and flags what should not have been.
//! - [`admit`] is the gate before a new event is recorded (agent, office API): it refuses what
//!   [`apply`] would flag, unless the event is forced with a reason.
//!
//! Lots are a graph. A lot's inputs are fixed by the event that makes it (split, merge,
//! production); the only edge added later is consumption for a job that already has output,
//! because paperwork lags behind the press.
//!
//! What is packed in a container stays on hand and is not free for anything else (`containers.rs`).
//!
//! A correction undoes one earlier event: [`apply`] gives the opposite of each of its effects (`undo.rs`).

mod admit;
mod apply;
mod book;
mod containers;
mod corrected;
mod kinds;
mod outcome;
mod shipped;
mod undo;

pub use admit::{Refusal, admit};
pub use apply::apply;
pub use book::{LotBook, LotState};
pub use containers::{ContainerBucket, ContainerState, ContainerStatus, LotPacked, LotUnpacked};
pub use corrected::{LotCorrected, NotCorrectable};
pub use kinds::{
    Draw, JobRef, LotAdjusted, LotAttributes, LotConsumed, LotEvent, LotHeld, LotMerged, LotMoved,
    LotProduced, LotReceived, LotRef, LotReleased, LotReturned, LotShipped, LotSplit, LotWasted,
    NewLot, SplitPart, WorkContext,
};
pub use outcome::{Bucket, EdgeKind, Effect, Flag, LotOrigin, Outcome, Use, UseKind};
