//! JMF: messages between controllers and devices. A [`Jmf`] holds any number of messages of any family;
//! the same types are read from the wire and written to it.
//!
//! What is not typed here stays in the document: [`ParsedJmf::element`] leads from a message to its
//! element. Messages of types that this crate does not know are kept as `Other` and can be answered
//! with [`ReturnCode::NOT_IMPLEMENTED`].
//!
//! ```
//! use agog_jdf::jmf::{Body, Jmf, Message, Response, ReturnCode};
//! let source = br#"<JMF xmlns="http://www.CIP4.org/JDFSchema_1_1" SenderID="mis" TimeStamp="2025-03-01T08:00:00Z" Version="1.5">
//!   <Command ID="C1" Type="HoldQueue"/><Query ID="Q1" Type="v:Heat"/></JMF>"#;
//! let read = Jmf::parse(source, &agog_jdf::Limits::default())?;
//! let now = "2025-03-01T08:00:01Z".parse().unwrap();
//! let mut answer = Jmf::new("press-3", now);
//! for (number, message) in read.jmf.messages.iter().enumerate() {
//!     let response = match &message.body {
//!         Body::Command(_) => Response::success(),
//!         _ => Response::refusal(ReturnCode::NOT_IMPLEMENTED, "only commands are taken here"),
//!     };
//!     answer = answer.with(Message::response(format!("R{number}"), message, response));
//! }
//! assert_eq!(answer.messages[1].ref_id.as_deref(), Some("Q1"));
//! # Ok::<(), agog_jdf::Error>(())
//! ```

mod authentication;
mod command;
mod correlate;
mod device;
mod gang;
mod kind;
mod message;
mod node;
mod notification;
mod parameters;
mod people;
mod pipe;
mod power;
mod query;
mod queue;
mod registration;
mod resource;
mod response;
mod return_code;
#[cfg(test)]
mod samples;
mod service;
mod signal;
mod status;
mod submission;
mod subscription;
#[cfg(test)]
mod tests;

use jiff::Timestamp;

use crate::document::Document;
use crate::element::Element;
use crate::error::Error;
use crate::finding::Finding;
use crate::limits::Limits;
use crate::name;
use crate::value::{Fields, write_date_time};
use crate::view::ElementRef;

pub use authentication::*;
pub use command::Command;
pub use correlate::{correlate, referred};
pub use device::*;
pub use gang::*;
pub use kind::MessageKind;
pub use message::*;
pub use node::*;
pub use notification::*;
pub use people::*;
pub use pipe::*;
pub use power::*;
pub use query::{Query, QueryContent};
pub use queue::*;
pub use registration::{Registration, RegistrationContent};
pub use resource::*;
pub use response::Response;
pub use return_code::ReturnCode;
pub use service::*;
pub use signal::{Signal, SignalContent};
pub use status::*;
pub use submission::*;
pub use subscription::*;

/// The version that is written.
///
/// ```
/// use agog_jdf::jmf::{JMF_VERSION, Jmf};
/// let read = Jmf::parse(&Jmf::default().to_bytes(), &agog_jdf::Limits::default())?;
/// assert_eq!(read.jmf.version.as_deref(), Some(JMF_VERSION));
/// # Ok::<(), agog_jdf::Error>(())
/// ```
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
    /// Who sends: a name that is unique in the plant.
    pub sender_id: String,
    /// When it was sent.
    pub timestamp: Option<Timestamp>,
    /// The device that is meant, where several share a URL.
    pub device_id: Option<String>,
    /// The program that sends.
    pub agent_name: Option<String>,
    /// The version of the program.
    pub agent_version: Option<String>,
    /// The version of JMF in which it is written; [`JMF_VERSION`] if nothing is said.
    pub version: Option<String>,
    /// The latest version of JMF that the sender reads.
    pub max_version: Option<String>,
    /// Where answers go that cannot be given at once (before JDF 1.5).
    pub response_url: Option<String>,
    /// The interoperability specifications that the sender keeps, such as `JMF_L2-1.5`.
    pub ics_versions: Vec<String>,
    /// The people who send it or are concerned.
    pub employees: Vec<Employee>,
    /// In the order in which they are to be carried out.
    pub messages: Vec<Message>,
}

/// A JMF with the document it was read from and what was odd in it.
///
/// ```
/// use agog_jdf::jmf::Jmf;
/// let source = br#"<JMF xmlns="http://www.CIP4.org/JDFSchema_1_1" SenderID="p" TimeStamp="2025-03-01T08:00:00" Version="1.5">
///   <Query ID="Q1" Type="v:Heat" xmlns:v="urn:v" v:Limit="60"/></JMF>"#;
/// let read = Jmf::parse(source, &agog_jdf::Limits::default())?;
/// let heat = &read.jmf.messages[0];
/// assert_eq!(read.element(heat).unwrap().attribute("v:Limit"), Some("60"));
/// assert_eq!(read.findings[0].code, "date-time-form");
/// # Ok::<(), agog_jdf::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ParsedJmf {
    /// The messages, as far as they are typed.
    pub jmf: Jmf,
    /// What was read, with everything in it.
    pub document: Document,
    /// What was read leniently.
    pub findings: Vec<Finding>,
}

impl ParsedJmf {
    /// The element of a message, for content that is not typed.
    pub fn element(&self, message: &Message) -> Option<ElementRef<'_>> {
        self.document.element(message.element?)
    }

    /// A message as it was received, to be passed on: written again, nothing of it changes or is lost, be it
    /// of an unknown type or full of extensions. What a controller has to change, such as the `ID`, it
    /// edits in the document before. `None` if the message is not of this document.
    ///
    /// ```
    /// use agog_jdf::Limits;
    /// use agog_jdf::jmf::Jmf;
    /// let received = br#"<JMF xmlns="http://www.CIP4.org/JDFSchema_1_1" xmlns:v="urn:v" SenderID="mis" TimeStamp="2025-03-01T08:00:00Z" Version="1.4">
    ///   <Query ID="Q1" Type="Status"  v:Trace='7'><StatusQuParams DeviceDetails="Brief" v:Deep="1"/></Query></JMF>"#;
    /// let mut received = Jmf::parse(received, &Limits::default())?;
    /// let message = received.jmf.messages[0].clone();
    /// received.document.set_attribute(message.element.unwrap(), "ID", "agent-1")?;
    ///
    /// let onwards = Jmf::new("agent", "2025-03-01T08:00:01Z".parse().unwrap()).with(received.verbatim(&message).unwrap());
    /// let written = String::from_utf8(onwards.to_bytes()).unwrap();
    /// assert!(written.contains(r#"<Query xmlns:v="urn:v" ID="agent-1" Type="Status"  v:Trace='7'><StatusQuParams DeviceDetails="Brief" v:Deep="1"/></Query>"#));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn verbatim(&self, message: &Message) -> Option<Message> {
        let element = self.element(message)?;
        Some(Message {
            element: None,
            verbatim: Some(element.to_fragment()),
            ..Message::read(element, &mut Vec::new())?
        })
    }
}

impl Jmf {
    /// A JMF without messages yet.
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
            ics_versions: fields.tokens("ICSVersions"),
            employees: parameters::all(root, fields.findings),
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
        let ics_versions = (!self.ics_versions.is_empty()).then(|| self.ics_versions.join(" "));
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
            .with_some("ICSVersions", ics_versions)
            .children(self.employees.iter().map(Employee::to_element));
        let root = self
            .messages
            .iter()
            .fold(root, |root, message| message.write(root, self.timestamp));
        root.to_document()
    }
}
