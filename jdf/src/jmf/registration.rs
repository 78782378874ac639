//! Registrations: requests to be sent Commands from now on, as a subscription is one to be sent Signals.

use super::parameters::{Parameters, child, required};
use super::pipe::PipeParams;
use super::resource::{ResourceCmdParams, ResourcePullParams};
use super::subscription::Subscription;
use crate::element::Element;
use crate::finding::Finding;
use crate::view::ElementRef;

/// A request to be sent commands (JDF 1.5, Registration).
///
/// ```
/// use agog_jdf::jmf::{Message, PipeParams, Registration, RegistrationContent, Subscription};
/// let pipe = PipeParams { pipe_id: "board".to_owned(), ..PipeParams::default() };
/// let registration = Registration::to(RegistrationContent::PipePull(pipe), Subscription::to("http://coater/jmf"));
/// assert_eq!(Message::registration("G1", registration).kind, "PipePull");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// Which commands.
    pub content: RegistrationContent,
    /// Where they go, and when.
    pub subscription: Option<Subscription>,
}

/// Which commands are to be sent.
///
/// ```
/// use agog_jdf::jmf::RegistrationContent;
/// assert_eq!(RegistrationContent::Resource(Default::default()).type_name(), "Resource");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistrationContent {
    /// Changes of a resource.
    Resource(ResourceCmdParams),
    /// Orders of a resource.
    ResourcePull(ResourcePullParams),
    /// Requests of a pipe's consumer.
    PipePull(PipeParams),
    /// Offers of a pipe's producer.
    PipePush(PipeParams),
    /// A type that is not read in detail; its element tells the rest.
    Other(String),
}

impl RegistrationContent {
    /// The `Type`.
    pub fn type_name(&self) -> &str {
        match self {
            Self::Resource(_) => "Resource",
            Self::ResourcePull(_) => "ResourcePull",
            Self::PipePull(_) => "PipePull",
            Self::PipePush(_) => "PipePush",
            Self::Other(name) => name,
        }
    }
}

impl Registration {
    /// A registration whose commands go where the subscription says.
    pub fn to(content: RegistrationContent, subscription: Subscription) -> Self {
        Self {
            content,
            subscription: Some(subscription),
        }
    }

    pub(crate) fn read(element: ElementRef<'_>, kind: &str, findings: &mut Vec<Finding>) -> Self {
        let content = match kind {
            "Resource" => RegistrationContent::Resource(child(element, findings)),
            "ResourcePull" => RegistrationContent::ResourcePull(required(element, findings)),
            "PipePull" => RegistrationContent::PipePull(required(element, findings)),
            "PipePush" => RegistrationContent::PipePush(required(element, findings)),
            other => RegistrationContent::Other(other.to_owned()),
        };
        let subscription = element.child(Subscription::ELEMENT);
        Self {
            content,
            subscription: subscription.map(|child| Subscription::read(child, findings)),
        }
    }

    pub(crate) fn write(&self, element: Element) -> Element {
        let params = match &self.content {
            RegistrationContent::Resource(params) => Some(params.to_element()),
            RegistrationContent::ResourcePull(params) => Some(params.to_element()),
            RegistrationContent::PipePull(params) | RegistrationContent::PipePush(params) => {
                Some(params.to_element())
            }
            RegistrationContent::Other(_) => None,
        };
        element
            .children(params)
            .children(self.subscription.as_ref().map(Subscription::to_element))
    }
}
