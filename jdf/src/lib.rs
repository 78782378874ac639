//! JDF job tickets and JMF messages, without async; only [`package::unpack`] touches files, nothing the network.
//!
//! Three layers, each usable alone:
//! 1. the lossless tree: [`Document`], [`ElementRef`], [`Element`] — `document`, `view`, `edit`, `reader`, `writer`;
//! 2. typed views on it: [`Ticket`], [`JdfNode`], [`ResourceLink`], [`resource`], [`audit`], [`ProductionSummary`], and
//!    [`jmf`];
//! 3. what carries them: [`package`], MIME `multipart/related`.
//!
//! Beside them stand [`build`], which makes tickets of plain descriptions, [`spawn`](mod@spawn) and [`order`] for work that is
//! shared out, [`mod@diff`], [`schema`], the facts of the specification, and [`mod@validate`], which compares a document with them.
//!
//! # How do I …
//!
//! | … | with |
//! |---|---|
//! | read a document that may be hostile | [`Document::parse`], [`Document::from_reader`] with [`Limits`] |
//! | tell what is wrong, and where | [`Error`] stops the reading; a [`Finding`] does not; [`validate`] looks for more |
//! | find an element | [`Ticket::by_id`], [`Document::select`] by path, [`ElementRef::child`] |
//! | change a document and keep the rest byte for byte | [`Document::set_attribute`], [`Document::append_child`], [`Document::remove`], then [`Document::to_bytes`] |
//! | know what a device may run | [`Ticket::executable_nodes`], [`JdfNode::main_input`], [`JdfNode::device_id`] |
//! | read a resource of one kind | a view such as [`resource::Media`], by [`View::of`](resource::View::of) or [`View::all_in`](resource::View::all_in) |
//! | find the part that a link means | [`ResourceLink::resource`], [`Resource::select`], [`Resource::leaves_with_keys`] |
//! | know why a part has a value | [`Resource::effective_attributes`] |
//! | read planned and actual amounts, waste, lots | [`ResourceLink::amounts`], then [`Amounts`] |
//! | know in which order nodes run, and what one waits for | [`order::Order`] |
//! | give a node away and take it back | [`spawn::spawn`], [`spawn::merge`] |
//! | compare two documents, lay one out for people | [`diff::diff`], [`Document::formatted`] |
//! | check a ticket against a device | [`validate::check_capability`] |
//! | pass a message on untouched | [`jmf::ParsedJmf::verbatim`] |
//! | sum up what was produced and consumed | [`ProductionSummary::of`] |
//! | report what was used | [`set_actual_amounts`], [`audit::Audit::append_to`] |
//! | make a ticket of a job | [`JobDescription::to_ticket`]; of one press run [`PrintTicket::to_bytes`] |
//! | write a resource | a builder such as [`resource::NewMedia`] with [`resource::Common`] |
//! | read and write messages | [`jmf::Jmf::parse`], [`jmf::Jmf::to_bytes`] |
//! | read a package in memory, or send one | [`package::Package::parse`], [`package::Outgoing`] |
//! | read or send a package of any size | [`package::unpack`], [`package::Splitter`], [`package::PackageWriter`] |
//! | decide whether a URL may be opened | [`package::Location::of`], [`package::references`] |
//! | look up an attribute, a process, an input | [`schema::element`], [`schema::process`] |
//! | read a date or number as the field writes them | [`value::parse_date_time`], [`value::parse_decimal`] |
//!
//! A whole exchange:
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

#![warn(missing_docs)]

mod amount;
pub mod audit;
pub mod build;
pub mod diff;
mod document;
mod edit;
mod element;
mod encoding;
mod error;
mod finding;
mod format;
mod fragment;
mod gap;
mod graft;
pub mod jmf;
mod limits;
mod link;
pub mod name;
mod node;
pub mod order;
pub mod package;
mod place;
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

pub use amount::{Amounts, Lot, PartAmount, PartKeys};
pub use build::{
    DescriptionError, JDF_VERSION, JobDescription, JobKind, PrintTicket, TicketMaterial, samples,
};
pub use document::{Document, NodeId};
pub use element::Element;
pub use error::{Error, ErrorKind, Position, ReadError};
pub use finding::{Finding, Severity};
pub use fragment::Fragment;
pub use limits::*;
pub use link::{ResourceLink, set_actual_amounts};
pub use node::{
    Customer, JdfNode, NoExecutableNode, NodeKind, NodeObstacle, Obstacle, PartStatus, Reached,
    Reference, Ticket,
};
pub use resource::Resource;
pub use state::*;
pub use summary::{LotUse, ProductionSummary, ResourceUse};
pub use view::{AttributeRef, ElementRef};
pub use xpath::{PathError, Selected};

/// The official schema, for tests beside the code as for those in `tests/`.
#[cfg(test)]
#[path = "../tests/support/mod.rs"]
mod oracle;

/// The examples of the README run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
