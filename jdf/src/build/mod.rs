//! Tickets that leave the house: from a plain [`JobDescription`] to a JDF 1.5 document.
//!
//! `job` is the description, `check` says what is wrong with it, `quantity` works out how much each step
//! needs, `ticket` holds the shapes of nodes and links, `media`, `process` and `product` make the resources,
//! `route` joins the steps. Not here: sending the ticket, and clocks; the time of making is a parameter.

mod check;
mod job;
mod media;
mod print;
mod process;
mod product;
mod quantity;
mod route;
mod samples;
mod ticket;

pub use check::{DescriptionError, Problem};
pub use job::{
    BoxFoldType, Coating, CustomerOfJob, Die, Direction, Grammage, JobDescription, JobKind, Layer,
    Media, MediaKind, PrintCondition, PrintMethod, Product, Sheet, Size, SpotColour, Step,
    StepKind, VarnishArea, Winding, WorkStyle,
};
pub use print::{PrintTicket, TicketMaterial};
pub use quantity::{LaneStep, StepAmounts, amounts_of_lane};
pub use samples::{Sample, samples};

/// The version that is written.
pub const JDF_VERSION: &str = "1.5";
