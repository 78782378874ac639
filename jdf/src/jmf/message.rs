//! One message of any family, and which response belongs to which message.

use jiff::Timestamp;

use super::command::Command;
use super::query::Query;
use super::response::Response;
use super::signal::Signal;
use super::subscription::Subscription;
use crate::document::NodeId;
use crate::element::Element;
use crate::finding::Finding;
use crate::value::{Fields, write_date_time};
use crate::view::ElementRef;

/// The six families of JMF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    Query,
    Command,
    Signal,
    Response,
    Acknowledge,
    Registration,
}

impl Family {
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

    fn from_name(name: &str) -> Option<Self> {
        [
            Self::Query,
            Self::Command,
            Self::Signal,
            Self::Response,
            Self::Acknowledge,
            Self::Registration,
        ]
        .into_iter()
        .find(|family| family.as_str() == name)
    }
}

/// A message, read or to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub id: String,
    /// The `Type`: `Status`, `SubmitQueueEntry`, or a vendor's own with a prefix.
    pub kind: String,
    /// The ID of the message that this one answers, or of the query that opened its channel.
    pub ref_id: Option<String>,
    pub sender_id: Option<String>,
    pub time: Option<Timestamp>,
    pub body: Body,
    /// Where the message is in its document, for whatever is not typed here; `None` for a new one.
    pub element: Option<NodeId>,
}

/// What a message says, by family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    Query(Query),
    Command(Command),
    Signal(Signal),
    Response(Response),
    Acknowledge(Response),
    Registration { subscription: Option<Subscription> },
}

impl Message {
    pub fn query(id: impl Into<String>, query: Query) -> Self {
        Self::new(id, query.content.type_name().to_owned(), Body::Query(query))
    }

    pub fn command(id: impl Into<String>, command: Command) -> Self {
        Self::new(id, command.type_name().to_owned(), Body::Command(command))
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

    fn new(id: impl Into<String>, kind: String, body: Body) -> Self {
        Self {
            id: id.into(),
            kind,
            ref_id: None,
            sender_id: None,
            time: None,
            body,
            element: None,
        }
    }

    #[must_use]
    pub fn at(mut self, time: Timestamp) -> Self {
        self.time = Some(time);
        self
    }

    pub fn family(&self) -> Family {
        match self.body {
            Body::Query(_) => Family::Query,
            Body::Command(_) => Family::Command,
            Body::Signal(_) => Family::Signal,
            Body::Response(_) => Family::Response,
            Body::Acknowledge(_) => Family::Acknowledge,
            Body::Registration { .. } => Family::Registration,
        }
    }

    /// Reads a child of the JMF root; `None` if it is not a message.
    pub(crate) fn read(element: ElementRef<'_>, findings: &mut Vec<Finding>) -> Option<Self> {
        let family = Family::from_name(element.local_name()).filter(|_| element.is_of_jdf())?;
        let mut fields = Fields::of(element, findings);
        let id = fields.required("ID");
        let kind = fields.required("Type");
        let (ref_id, sender_id, time) = (
            fields.text("refID"),
            fields.text("SenderID"),
            fields.time("Time"),
        );
        let body = match family {
            Family::Query => Body::Query(Query::read(element, &kind, findings)),
            Family::Command => Body::Command(Command::read(element, &kind, findings)),
            Family::Signal => Body::Signal(Signal::read(element, &kind, findings)),
            Family::Response => Body::Response(Response::read(element, findings)),
            Family::Acknowledge => Body::Acknowledge(Response::read(element, findings)),
            Family::Registration => Body::Registration {
                subscription: element
                    .child("Subscription")
                    .map(|child| Subscription::read(child, findings)),
            },
        };
        Some(Self {
            id,
            kind,
            ref_id,
            sender_id,
            time,
            body,
            element: Some(element.id()),
        })
    }

    pub(crate) fn to_element(&self, sent: Option<Timestamp>) -> Element {
        let sent = self.time.or(sent);
        let family = self.family().as_str();
        let element = Element::new(family)
            .with("ID", &self.id)
            .with("Type", &self.kind)
            .with_some("refID", self.ref_id.as_ref())
            .with_some("SenderID", self.sender_id.as_ref())
            .with_some("Time", self.time.map(write_date_time));
        let element = if self.has_schema_type() {
            element.with("xsi:type", format_args!("{family}{}", self.kind))
        } else {
            element
        };
        match &self.body {
            Body::Query(query) => query.write(element),
            Body::Command(command) => command.write(element),
            Body::Signal(signal) => signal.write(element, sent),
            Body::Response(response) | Body::Acknowledge(response) => {
                response.write(element, &self.kind, sent)
            }
            Body::Registration { subscription } => {
                element.children(subscription.as_ref().map(Subscription::to_element))
            }
        }
    }
}

impl Message {
    /// Whether the schema has a type for this message: not for vendors' own, and not for the Notification
    /// query, which devices understand all the same.
    fn has_schema_type(&self) -> bool {
        let is_query = matches!(
            self.body,
            Body::Query(_) | Body::Response(_) | Body::Acknowledge(_)
        );
        let is_missing = self.kind == "Notification" && is_query;
        !is_missing && !self.kind.contains(':')
    }
}

/// Pairs the messages of one exchange with their responses. A `refID` decides; a response without a
/// usable one (devices leave it out) goes to the first unanswered message of its type, then to the
/// first unanswered one.
pub fn correlate<'r>(sent: &[Message], received: &'r [Message]) -> Vec<Option<&'r Message>> {
    let responses: Vec<&Message> = received
        .iter()
        .filter(|message| message.family() == Family::Response)
        .collect();
    let mut answers: Vec<Option<&Message>> = vec![None; sent.len()];
    let mut unplaced = Vec::new();
    for response in responses {
        let at = sent
            .iter()
            .position(|message| response.ref_id.as_deref() == Some(message.id.as_str()));
        match at {
            Some(at) if answers[at].is_none() => answers[at] = Some(response),
            _ => unplaced.push(response),
        }
    }
    for response in unplaced {
        let open = |at: &usize| answers[*at].is_none();
        let same_type = (0..sent.len())
            .filter(open)
            .find(|at| sent[*at].kind == response.kind);
        if let Some(at) = same_type.or_else(|| (0..sent.len()).find(open)) {
            answers[at] = Some(response);
        }
    }
    answers
}
