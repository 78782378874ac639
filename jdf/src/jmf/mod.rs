//! JMF: messages between controllers and devices. A [`Jmf`] holds any number of messages of any family;
//! the same types are read from the wire and written to it.
//!
//! What is not typed here stays in the document: [`ParsedJmf::element`] leads from a message to its
//! element. Messages of types that this crate does not know are kept as `Other` and can be answered
//! with [`ReturnCode::NOT_IMPLEMENTED`].

mod command;
mod device;
mod message;
mod notification;
mod query;
mod queue;
mod resource;
mod response;
mod return_code;
mod signal;
mod subscription;

use jiff::Timestamp;

use crate::document::Document;
use crate::element::Element;
use crate::error::Error;
use crate::finding::Finding;
use crate::limits::Limits;
use crate::name;
use crate::value::{Fields, write_date_time};
use crate::view::ElementRef;

pub use command::Command;
pub use device::{Device, DeviceInfo, JobPhase};
pub use message::{Body, Family, Message, correlate};
pub use notification::Notification;
pub use query::{Query, QueryContent, ResourceQuParams, StatusQuParams};
pub use queue::{Queue, QueueEntry, QueueFilter, QueueSubmissionParams, ReturnQueueEntryParams};
pub use resource::ResourceInfo;
pub use response::{MessageService, Response};
pub use return_code::ReturnCode;
pub use signal::{Signal, SignalContent};
pub use subscription::{StopPersistentChannel, Subscription, SubscriptionInfo};

/// The version that is written.
pub const JMF_VERSION: &str = "1.5";

/// A set of messages from one sender.
///
/// ```
/// use agog_jdf::jmf::{Jmf, Message, Query, QueryContent, StatusQuParams, Subscription};
/// let query = Query::subscribe(
///     QueryContent::Status(StatusQuParams::default()),
///     Subscription::to("http://agent:8010/jmf").every_seconds(10),
/// );
/// let jmf = Jmf::new("agent", "2025-03-01T08:00:00Z".parse().unwrap()).with(Message::query("Q1", query));
/// let read = Jmf::parse(&jmf.to_bytes(), &agog_jdf::Limits::default())?;
/// assert_eq!(read.jmf.messages[0].kind, "Status");
/// # Ok::<(), agog_jdf::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Jmf {
    pub sender_id: String,
    pub timestamp: Option<Timestamp>,
    pub device_id: Option<String>,
    pub agent_name: Option<String>,
    pub agent_version: Option<String>,
    pub version: Option<String>,
    pub max_version: Option<String>,
    pub response_url: Option<String>,
    pub messages: Vec<Message>,
}

/// A JMF with the document it was read from and what was odd in it.
#[derive(Debug, Clone)]
pub struct ParsedJmf {
    pub jmf: Jmf,
    pub document: Document,
    pub findings: Vec<Finding>,
}

impl ParsedJmf {
    /// The element of a message, for content that is not typed.
    pub fn element(&self, message: &Message) -> Option<ElementRef<'_>> {
        self.document.element(message.element?)
    }
}

impl Jmf {
    pub fn new(sender_id: impl Into<String>, timestamp: Timestamp) -> Self {
        Self {
            sender_id: sender_id.into(),
            timestamp: Some(timestamp),
            ..Self::default()
        }
    }

    /// Adds a message.
    #[must_use]
    pub fn with(mut self, message: Message) -> Self {
        self.messages.push(message);
        self
    }

    /// Reads a JMF document. Only what is not well-formed or not JMF at all is an error; the rest are findings.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<ParsedJmf, Error> {
        let document = Document::parse(bytes, limits)?;
        let mut findings = Vec::new();
        let root = document.expect_root("JMF")?;
        let mut fields = Fields::of(root, &mut findings);
        let mut jmf = Self {
            sender_id: fields.required("SenderID"),
            timestamp: fields.required_time("TimeStamp"),
            device_id: fields.text("DeviceID"),
            agent_name: fields.text("AgentName"),
            agent_version: fields.text("AgentVersion"),
            version: fields.text("Version"),
            max_version: fields.text("MaxVersion"),
            response_url: fields.text("ResponseURL"),
            messages: Vec::new(),
        };
        jmf.messages = root
            .children()
            .filter_map(|child| Message::read(child, &mut findings))
            .collect();
        Ok(ParsedJmf {
            jmf,
            document,
            findings,
        })
    }

    /// The JMF as a document in UTF-8, version 1.5.
    pub fn to_bytes(&self) -> Vec<u8> {
        let root = Element::new("JMF")
            .with("xmlns", name::JDF)
            .with("xmlns:xsi", name::XSI)
            .with("xsi:type", "JMFRootMessage")
            .with("SenderID", &self.sender_id)
            .with_some("TimeStamp", self.timestamp.map(write_date_time))
            .with("Version", self.version.as_deref().unwrap_or(JMF_VERSION))
            .with_some("MaxVersion", self.max_version.as_ref())
            .with_some("DeviceID", self.device_id.as_ref())
            .with_some("AgentName", self.agent_name.as_ref())
            .with_some("AgentVersion", self.agent_version.as_ref())
            .with_some("ResponseURL", self.response_url.as_ref())
            .children(
                self.messages
                    .iter()
                    .map(|message| message.to_element(self.timestamp)),
            );
        root.to_document()
    }
}
