//! Tickets that leave the house: from a plain [`JobDescription`] to a JDF 1.5 document.
//!
//! `job` is the description with its `material` and `step`s, `check` says what is wrong with it (`problem`), `quantity` works out how much each step
//! needs, `ticket` holds the shapes of nodes and links, `media`, `process` and `product` make the resources,
//! `route` joins the steps. Not here: sending the ticket, and clocks; the time of making is a parameter.
//!
//! ```
//! use agog_jdf::{Document, JobDescription, Limits, Ticket};
//! let job: JobDescription = toml::from_str(r#"
//!     kind = "brochure"
//!     job_id = "J-7"
//!     products = [{ name = "Leaflet", quantity = 5000, finished_size = { width = 210, height = 297 }, pages = 4 }]
//!     steps = [{ kind = "print", device = "press-2", setup_waste = 200 }, { kind = "fold", fold = "F4-1" }]
//!     [[sheets]]
//!     name = "S1"
//!     media = { kind = "paper", name = "Silk 135", grammage = 135 }
//!     size = { width = 420, height = 297 }
//!     front = ["Cyan", "Magenta", "Yellow", "Black"]
//! "#).unwrap();
//! let bytes = job.to_ticket("2025-03-01T08:00:00Z".parse().unwrap()).unwrap();
//! let document = Document::from_vec(bytes, &Limits::default())?;
//! let ticket = Ticket::of(&document)?;
//! let parts: Vec<_> = ticket.executable_nodes().unwrap().iter().filter_map(|node| node.job_part_id()).collect();
//! assert_eq!(parts, ["Print", "Fold"]);
//! # Ok::<(), agog_jdf::Error>(())
//! ```

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

/// The version of JDF that is written: `JDF/@Version` of tickets and messages.
///
/// ```
/// use agog_jdf::{JDF_VERSION, schema::Version};
/// assert_eq!(Version::parse(JDF_VERSION), Some(Version::V1_5));
/// ```
pub const JDF_VERSION: &str = "1.5";
