//! Tickets that leave the house: from a plain [`JobDescription`] to a JDF 1.5 document.
//!
//! `job` is the description with its `material` and `step`s, `check` says what is wrong with it (`problem`), `quantity` works out how much each step
//! needs, `ticket` holds the shapes of nodes and links, `media`, `process` and `product` make the resources,
//! `route` joins the steps. Not here: sending the ticket, and clocks; the time of making is a parameter.

mod check;
mod job;
mod material;
mod media;
mod print;
mod problem;
mod process;
mod product;
mod quantity;
mod route;
mod samples;
mod step;
mod ticket;

pub use job::{CustomerOfJob, Die, JobDescription, JobKind, Product, Sheet, Size, Winding};
pub use material::{
    Coating, Direction, Grammage, Layer, Media, MediaKind, PrintCondition, SpotColour,
};
pub use print::{PrintTicket, TicketMaterial};
pub use problem::{DescriptionError, Problem};
pub use quantity::{LaneStep, StepAmounts, amounts_of_lane};
pub use samples::{Sample, samples};
pub use step::{BoxFoldType, PrintMethod, Step, StepKind, VarnishArea, WorkStyle};

/// The version that is written.
pub const JDF_VERSION: &str = "1.5";
