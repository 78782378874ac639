//! JDF and JMF without I/O: a lossless tree, typed views on it, messages and MIME packages.

mod amount;
mod document;
mod edit;
mod element;
mod encoding;
mod error;
pub mod jmf;
mod limits;
pub mod name;
pub mod package;
mod reader;
mod state;
pub mod value;
mod writer;

pub use amount::{Amounts, Lot, PartAmount};
pub use document::{AttributeRef, Document, ElementRef, NodeId};
pub use element::Element;
pub use error::{Error, ErrorKind, Finding, Position};
pub use limits::*;
pub use state::{
    AuditReason, ChannelMode, Consumption, DeviceCondition, DeviceDetails, DeviceOperationMode,
    DeviceStatus, JobDetails, NodeStatus, NotificationClass, QueueEntryStatus, QueueStatus,
    ResourceStatus, Usage,
};
