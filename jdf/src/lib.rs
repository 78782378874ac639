//! JDF job tickets and JMF messages, without I/O and without async.
//!
//! Three layers, each usable alone:
//! 1. the lossless tree: [`Document`], [`ElementRef`], [`Element`] — `document`, `view`, `edit`, `reader`, `writer`;
//! 2. typed views on it: [`Ticket`], [`JdfNode`], [`ResourceLink`], [`audit`], [`ProductionSummary`], and [`jmf`];
//! 3. what carries them: [`package`], MIME `multipart/related`.
//!
//! ```
//! use agog_jdf::jmf::{Body, Command, Jmf, Message, QueueSubmissionParams, Response};
//! use agog_jdf::package::{Outgoing, Package, PackageLimits};
//! use agog_jdf::{Document, Limits, PrintTicket, Ticket};
//!
//! // A controller sends a ticket to a press …
//! let now = "2025-03-01T08:00:00Z".parse().unwrap();
//! let submit = QueueSubmissionParams { url: "cid:ticket.jdf".to_owned(), ..Default::default() };
//! let jmf = Jmf::new("controller", now).with(Message::command("C1", Command::SubmitQueueEntry(submit)));
//! let mut outgoing = Outgoing::new(jmf.to_bytes());
//! outgoing.ticket("ticket.jdf", PrintTicket::new("J-1", "P1", "press-3", now).to_bytes());
//! let (content_type, body) = outgoing.finish();
//!
//! // … and the press finds it and answers.
//! let package = Package::parse(Some(&content_type), &body, &PackageLimits::default()).unwrap();
//! let read = Jmf::parse(package.jmf().unwrap().body(), &Limits::default())?;
//! let command = &read.jmf.messages[0];
//! let Body::Command(Command::SubmitQueueEntry(params)) = &command.body else { panic!() };
//! let document = Document::parse(package.resolve_cid(&params.url).unwrap().body(), &Limits::default())?;
//! assert!(Ticket::of(&document)?.executable_nodes().is_ok());
//! let answer = Jmf::new("press-3", now).with(Message::response("R1", command, Response::success()));
//! assert_eq!(answer.messages[0].ref_id.as_deref(), Some("C1"));
//! # Ok::<(), agog_jdf::Error>(())
//! ```

mod amount;
pub mod audit;
pub mod build;
mod document;
mod edit;
mod element;
mod encoding;
mod error;
mod finding;
mod graft;
pub mod jmf;
mod limits;
mod link;
pub mod name;
mod node;
pub mod order;
pub mod package;
mod reader;
pub mod resource;
pub mod schema;
pub mod spawn;
mod state;
mod summary;
mod tag;
pub mod validate;
pub mod value;
mod view;
mod writer;
mod xpath;

pub use amount::{Amounts, Lot, PartAmount};
pub use build::{
    DescriptionError, JDF_VERSION, JobDescription, JobKind, PrintTicket, TicketMaterial, samples,
};
pub use document::{Document, NodeId};
pub use element::Element;
pub use error::{Error, ErrorKind, Position, ReadError};
pub use finding::{Finding, Severity};
pub use limits::*;
pub use link::{ResourceLink, set_actual_amounts};
pub use node::{
    Customer, JdfNode, NoExecutableNode, NodeKind, NodeObstacle, Obstacle, PartStatus, Reached,
    Reference, Ticket,
};
pub use resource::Resource;
pub use state::{
    AuditReason, ChannelMode, Consumption, DeviceCondition, DeviceDetails, DeviceOperationMode,
    DeviceStatus, JobDetails, NodeStatus, NotificationClass, QueueEntryStatus, QueueStatus,
    ResourceStatus, Usage,
};
pub use summary::{LotUse, ProductionSummary, ResourceUse};
pub use view::{AttributeRef, ElementRef};
pub use xpath::{PathError, Selected};

/// The examples of the README run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
