//! JDF and JMF without I/O: a lossless tree, typed views on it, messages and MIME packages.

mod amount;
pub mod audit;
mod build;
mod document;
mod edit;
mod element;
mod encoding;
mod error;
pub mod jmf;
mod limits;
mod link;
pub mod name;
mod node;
pub mod package;
mod reader;
mod resource;
mod state;
mod summary;
pub mod value;
mod view;
mod writer;

pub use amount::{Amounts, Lot, PartAmount};
pub use build::{JDF_VERSION, PrintTicket, TicketMaterial};
pub use document::{Document, NodeId};
pub use element::Element;
pub use error::{Error, ErrorKind, Finding, Position};
pub use limits::*;
pub use link::{ResourceLink, set_actual_amounts};
pub use node::{Customer, JdfNode, NoExecutableNode, NodeKind, NodeObstacle, Obstacle, Ticket};
pub use resource::Resource;
pub use state::{
    AuditReason, ChannelMode, Consumption, DeviceCondition, DeviceDetails, DeviceOperationMode,
    DeviceStatus, JobDetails, NodeStatus, NotificationClass, QueueEntryStatus, QueueStatus,
    ResourceStatus, Usage,
};
pub use summary::{LotUse, ProductionSummary, ResourceUse};
pub use view::{AttributeRef, ElementRef};
