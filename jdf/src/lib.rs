//! JDF and JMF without I/O: a lossless tree, typed views on it, messages and MIME packages.

mod document;
mod edit;
mod element;
mod encoding;
mod error;
mod limits;
pub mod name;
mod reader;
mod writer;

pub use document::{AttributeRef, Document, ElementRef, NodeId};
pub use element::Element;
pub use error::{Error, ErrorKind, Finding, Position};
pub use limits::*;
