//! One message of any family.

use jiff::Timestamp;

use super::command::Command;
use super::kind::MessageKind;
use super::parameters::{Attribute, Children, Parameters, parameters};
use super::people::Employee;
use super::query::Query;
use super::queue::QueueFilter;
use super::registration::Registration;
use super::response::Response;
use super::signal::Signal;
use crate::document::NodeId;
use crate::element::Element;
use crate::error::{Error, ErrorKind};
use crate::finding::Finding;
use crate::fragment::Fragment;
use crate::limits::Limits;
use crate::state::AcknowledgeType;
use crate::value::{Fields, write_date_time};
use crate::view::ElementRef;

/// The six families of JMF.
///
/// ```
/// assert_eq!(agog_jdf::jmf::Family::Signal.as_str(), "Signal");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// Asks.
    Query,
    /// Orders.
    Command,
    /// Tells.
    Signal,
    /// Answers at once.
    Response,
    /// Answers later.
    Acknowledge,
    /// Asks to be ordered.
    Registration,
}

impl Family {
    /// Every family.
    pub const ALL: [Self; 6] = [
        Self::Query,
        Self::Command,
        Self::Signal,
        Self::Response,
        Self::Acknowledge,
        Self::Registration,
    ];

    /// The name of the element.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Query => "Query",
            Self::Command => "Command",
            Self::Signal => "Signal",
            Self::Response => "Response",
            Self::Acknowledge => "Acknowledge",
            Self::Registration => "Registration",
        }
    }

    fn of(element: ElementRef<'_>) -> Option<Self> {
        let name = element.local_name();
        let mut families = Self::ALL.into_iter();
        families
            .find(|family| family.as_str() == name)
            .filter(|_| element.is_of_jdf())
    }
}

parameters! {
    /// Who made a message, where that differs from the JMF around it, and in whose presence.
    Origin "Message" {
        /// The program.
        agent_name: Option<String> = "AgentName",
        /// The version of the program.
        agent_version: Option<String> = "AgentVersion",
        /// The version of JMF in which the message is written.
        version: Option<String> = "Version",
        /// The interoperability specifications that it keeps.
        ics_versions: Vec<String> = "ICSVersions",
    }
    + children {
        /// The people who sent it or are concerned.
        employees: Vec<Employee> = "Employee",
    }

    /// How a later answer to a Query or Command is wanted (JDF 1.5, asynchronous acknowledges).
    AcknowledgeRequest "Message" {
        /// Where the Acknowledge goes.
        url: Option<String> = "AcknowledgeURL",
        /// Of what it is wanted; of completion if nothing is said.
        types: Vec<AcknowledgeType> = "AcknowledgeType",
        /// The form of the URL, with its values from `template`.
        format: Option<String> = "AcknowledgeFormat",
        /// The values that go into `format`.
        template: Option<String> = "AcknowledgeTemplate",
    }
}

/// A message, read or to be written.
///
/// ```
/// use agog_jdf::jmf::{Command, Message, QueueFilter};
/// let mut hold = Message::command("C1", Command::HoldQueueEntry(QueueFilter::entry("qe-1")));
/// hold.acknowledge.url = Some("http://agent:8010/jmf".to_owned());
/// assert_eq!(hold.kind, "HoldQueueEntry");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Unique in the JMF; answers and signals refer to it.
    pub id: String,
    /// The `Type`: `Status`, `SubmitQueueEntry`, or a vendor's own with a prefix.
    pub kind: String,
    /// The ID of the message that this one answers, or of the query that opened its channel.
    pub ref_id: Option<String>,
    /// Who sends it, where that differs from the JMF around it.
    pub sender_id: Option<String>,
    /// When it was made, where that differs from the JMF around it.
    pub time: Option<Timestamp>,
    /// Who made it.
    pub origin: Origin,
    /// How a later answer is wanted. (Query and Command.)
    pub acknowledge: AcknowledgeRequest,
    /// The commands that are to be carried out all or not at all have the same one. (Command.)
    pub transaction_id: Option<String>,
    /// The IDs of all commands of the transaction. (Command.)
    pub related_commands: Vec<String>,
    /// Which part of the queue the answer is to show. (Command, Registration, and the `FlushQueue` query.)
    pub queue_filter: Option<QueueFilter>,
    /// What it says.
    pub body: Body,
    /// Where the message is in its document, for whatever is not typed here; `None` for a new one.
    pub element: Option<NodeId>,
    /// The message as it was received. If it is here it is what is written, untouched, and everything else
    /// of this struct only describes it.
    pub verbatim: Option<Fragment>,
}

/// What a message says, by family.
///
/// ```
/// use agog_jdf::jmf::{Body, Message, Query, QueryContent};
/// let message = Message::query("Q1", Query::once(QueryContent::SubmissionMethods));
/// assert!(matches!(message.body, Body::Query(_)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// A question.
    Query(Query),
    /// An order.
    Command(Command),
    /// News.
    Signal(Signal),
    /// The answer.
    Response(Response),
    /// The later answer.
    Acknowledge(Response),
    /// A request to be sent orders.
    Registration(Registration),
}

impl Message {
    /// A question.
    pub fn query(id: impl Into<String>, query: Query) -> Self {
        Self::new(id, query.content.type_name().to_owned(), Body::Query(query))
    }

    /// An order.
    pub fn command(id: impl Into<String>, command: Command) -> Self {
        Self::new(id, command.type_name().to_owned(), Body::Command(command))
    }

    /// A request to be sent orders.
    pub fn registration(id: impl Into<String>, registration: Registration) -> Self {
        let kind = registration.content.type_name().to_owned();
        Self::new(id, kind, Body::Registration(registration))
    }

    /// A signal on the channel that the query with this ID opened; `None` for a wired-in one.
    pub fn signal(id: impl Into<String>, channel: Option<&str>, signal: impl Into<Signal>) -> Self {
        let signal = signal.into();
        let mut message = Self::new(
            id,
            signal.content.type_name().to_owned(),
            Body::Signal(signal),
        );
        message.ref_id = channel.map(str::to_owned);
        message
    }

    /// The answer to a message.
    pub fn response(id: impl Into<String>, to: &Self, response: Response) -> Self {
        let mut message = Self::new(id, to.kind.clone(), Body::Response(response));
        message.ref_id = Some(to.id.clone());
        message
    }

    /// The later answer to a message, which goes to the URL that its `acknowledge` names.
    pub fn acknowledge(id: impl Into<String>, to: &Self, response: Response) -> Self {
        let mut message = Self::new(id, to.kind.clone(), Body::Acknowledge(response));
        message.ref_id = Some(to.id.clone());
        message
    }

    /// A message from its element: one of an unknown type, or one with extensions, to be written as it is.
    /// Fails if the element is no message.
    ///
    /// ```
    /// use agog_jdf::Element;
    /// use agog_jdf::jmf::{Jmf, Message};
    /// let query = Element::new("Query")
    ///     .with("xmlns:v", "urn:v").with("ID", "Q1").with("Type", "v:InkTemperature")
    ///     .child(Element::new("v:Unit").with("Name", 4));
    /// let message = Message::verbatim(query.into())?;
    /// assert_eq!((message.id.as_str(), message.kind.as_str()), ("Q1", "v:InkTemperature"));
    /// let jmf = Jmf::new("agent", "2025-03-01T08:00:00Z".parse().unwrap()).with(message);
    /// assert!(String::from_utf8(jmf.to_bytes()).unwrap().contains(r#"<v:Unit Name="4"/></Query>"#));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn verbatim(fragment: Fragment) -> Result<Self, Error> {
        let document = fragment.to_document(&Limits::default())?;
        let root = document.root();
        let message = Self::read(root, &mut Vec::new()).ok_or_else(|| Error {
            kind: ErrorKind::WrongRoot {
                expected: "Query, Command, Signal, Response, Acknowledge or Registration",
                found: root.name().to_owned(),
            },
            position: root.position(),
        })?;
        Ok(Self {
            element: None,
            verbatim: Some(fragment),
            ..message
        })
    }

    fn new(id: impl Into<String>, kind: String, body: Body) -> Self {
        Self {
            id: id.into(),
            kind,
            ref_id: None,
            sender_id: None,
            time: None,
            origin: Origin::default(),
            acknowledge: AcknowledgeRequest::default(),
            transaction_id: None,
            related_commands: Vec::new(),
            queue_filter: None,
            body,
            element: None,
            verbatim: None,
        }
    }

    /// Sets the time.
    #[must_use]
    pub fn at(mut self, time: Timestamp) -> Self {
        self.time = Some(time);
        self
    }

    /// The family.
    pub fn family(&self) -> Family {
        match self.body {
            Body::Query(_) => Family::Query,
            Body::Command(_) => Family::Command,
            Body::Signal(_) => Family::Signal,
            Body::Response(_) => Family::Response,
            Body::Acknowledge(_) => Family::Acknowledge,
            Body::Registration(_) => Family::Registration,
        }
    }

    /// Whether the type is one that JMF no longer uses; a receiver answers it with
    /// [`ReturnCode::NOT_IMPLEMENTED`](super::ReturnCode::NOT_IMPLEMENTED).
    pub fn is_legacy(&self) -> bool {
        MessageKind::of(&self.kind).is_some_and(|kind| kind.is_legacy)
    }

    /// Reads a child of the JMF root; `None` if it is not a message.
    pub(crate) fn read(element: ElementRef<'_>, findings: &mut Vec<Finding>) -> Option<Self> {
        let family = Family::of(element)?;
        let mut fields = Fields::of(element, findings);
        let id = fields.required("ID");
        let kind = fields.required("Type");
        let body = match family {
            Family::Query => Body::Query(Query::read(element, &kind, fields.findings)),
            Family::Command => Body::Command(Command::read(element, &kind, fields.findings)),
            Family::Signal => Body::Signal(Signal::read(element, &kind, fields.findings)),
            Family::Response => Body::Response(Response::read(element, fields.findings)),
            Family::Acknowledge => Body::Acknowledge(Response::read(element, fields.findings)),
            Family::Registration => {
                Body::Registration(Registration::read(element, &kind, fields.findings))
            }
        };
        let mut message = Self {
            ref_id: fields.text("refID"),
            sender_id: fields.text("SenderID"),
            time: fields.time("Time"),
            ..Self::new(id, kind, body)
        };
        if family.is_request() {
            message.acknowledge = AcknowledgeRequest::read(element, fields.findings);
            message.transaction_id = fields.text("TransactionID");
            message.related_commands = fields.tokens("RelatedCommands");
        }
        if message.has_queue_filter() {
            message.queue_filter = Children::read(element, QueueFilter::ELEMENT, fields.findings);
        }
        message.origin = Origin::read(element, fields.findings);
        message.element = Some(element.id());
        Some(message)
    }

    pub(crate) fn write(&self, root: Element, sent: Option<Timestamp>) -> Element {
        match &self.verbatim {
            Some(fragment) => root.fragments([fragment.clone()]),
            None => root.child(self.to_element(sent)),
        }
    }

    fn to_element(&self, sent: Option<Timestamp>) -> Element {
        let sent = self.time.or(sent);
        let family = self.family();
        let schema_type = MessageKind::of(&self.kind).filter(|kind| kind.has_schema_type(family));
        let schema_type = schema_type.map(|kind| format!("{}{}", family.as_str(), kind.name));
        let element = Element::new(family.as_str())
            .with("ID", &self.id)
            .with("Type", &self.kind)
            .with_some("refID", self.ref_id.as_ref())
            .with_some("SenderID", self.sender_id.as_ref())
            .with_some("Time", self.time.map(write_date_time))
            .with_some("xsi:type", schema_type);
        let element = self.origin.write(element);
        let element = if family.is_request() {
            let element = self.acknowledge.write(element);
            let element = element.with_some("TransactionID", self.transaction_id.as_ref());
            Attribute::write(&self.related_commands, element, "RelatedCommands")
        } else {
            element
        };
        let element = match &self.body {
            Body::Query(query) => query.write(element),
            Body::Command(command) => command.write(element),
            Body::Signal(signal) => signal.write(element, sent),
            Body::Response(response) => response.write_response(element, &self.kind, sent),
            Body::Acknowledge(response) => response.write_acknowledge(element, &self.kind, sent),
            Body::Registration(registration) => registration.write(element),
        };
        element.children(self.queue_filter.as_ref().map(QueueFilter::to_element))
    }

    /// Of the `QueueStatus` query and of signals, the filter is content.
    fn has_queue_filter(&self) -> bool {
        match self.body {
            Body::Command(_) | Body::Registration(_) => true,
            Body::Query(_) => self.kind == "FlushQueue",
            _ => false,
        }
    }
}

impl Family {
    /// Whether a message of this family can be answered later.
    fn is_request(self) -> bool {
        matches!(self, Self::Query | Self::Command)
    }
}
