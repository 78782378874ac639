//! Queries: questions to a device, once or, with a [`Subscription`], from now on.

use super::authentication::AuthenticationQuParams;
use super::device::DeviceFilter;
use super::gang::GangQuFilter;
use super::node::NewJdfQuParams;
use super::notification::NotificationFilter;
use super::parameters::{Parameters, child};
use super::queue::QueueFilter;
use super::resource::ResourceQuParams;
use super::service::KnownMsgQuParams;
use super::status::StatusQuParams;
use super::submission::FlushQueueParams;
use super::subscription::{Subscription, SubscriptionFilter};
use crate::element::Element;
use crate::finding::Finding;
use crate::view::ElementRef;

/// A question, and whether to keep answering it.
///
/// ```
/// use agog_jdf::jmf::{Query, QueryContent, Subscription};
/// let query = Query::subscribe(QueryContent::Status(Default::default()), Subscription::to("http://agent/jmf"));
/// assert!(query.subscription.is_some());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// What is asked.
    pub content: QueryContent,
    /// Where and when the answer is to be sent again.
    pub subscription: Option<Subscription>,
}

/// What is asked.
///
/// ```
/// use agog_jdf::jmf::{KnownMsgQuParams, QueryContent};
/// let everything = QueryContent::KnownMessages(KnownMsgQuParams::default());
/// assert_eq!(everything.type_name(), "KnownMessages");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueryContent {
    /// What devices do and how far jobs are.
    Status(StatusQuParams),
    /// What is consumed and made.
    Resource(ResourceQuParams),
    /// The queue.
    QueueStatus(QueueFilter),
    /// Which devices there are.
    KnownDevices(DeviceFilter),
    /// Which messages are understood.
    KnownMessages(KnownMsgQuParams),
    /// Which channels there are.
    KnownSubscriptions(SubscriptionFilter),
    /// How tickets can be given to the device.
    SubmissionMethods,
    /// Events, warnings and errors, for a subscription.
    Notification(NotificationFilter),
    /// Which entries would be or were thrown away.
    FlushQueue(FlushQueueParams),
    /// Which nodes there are.
    NewJdf(NewJdfQuParams),
    /// Which gangs there are, by the name that the schema gives the question.
    ForceGang(GangQuFilter),
    /// Which gangs there are, by the name that the specification gives it.
    GangStatus(GangQuFilter),
    /// How a request for authentication stands.
    RequestForAuthentication(AuthenticationQuParams),
    /// A type that is not read in detail; its element tells the rest.
    Other(String),
}

impl QueryContent {
    /// The `Type`.
    pub fn type_name(&self) -> &str {
        match self {
            Self::Status(_) => "Status",
            Self::Resource(_) => "Resource",
            Self::QueueStatus(_) => "QueueStatus",
            Self::KnownDevices(_) => "KnownDevices",
            Self::KnownMessages(_) => "KnownMessages",
            Self::KnownSubscriptions(_) => "KnownSubscriptions",
            Self::SubmissionMethods => "SubmissionMethods",
            Self::Notification(_) => "Notification",
            Self::FlushQueue(_) => "FlushQueue",
            Self::NewJdf(_) => "NewJDF",
            Self::ForceGang(_) => "ForceGang",
            Self::GangStatus(_) => "GangStatus",
            Self::RequestForAuthentication(_) => "RequestForAuthentication",
            Self::Other(name) => name,
        }
    }

    /// Parameters that are not there say nothing, so that everything is asked.
    fn read(element: ElementRef<'_>, kind: &str, findings: &mut Vec<Finding>) -> Self {
        match kind {
            "Status" => Self::Status(child(element, findings)),
            "Resource" => Self::Resource(child(element, findings)),
            "QueueStatus" => Self::QueueStatus(QueueFilter::within(element, findings)),
            "KnownDevices" => Self::KnownDevices(child(element, findings)),
            "KnownMessages" => Self::KnownMessages(child(element, findings)),
            "KnownSubscriptions" => Self::KnownSubscriptions(child(element, findings)),
            "SubmissionMethods" => Self::SubmissionMethods,
            "Notification" => Self::Notification(child(element, findings)),
            "FlushQueue" => Self::FlushQueue(child(element, findings)),
            "NewJDF" => Self::NewJdf(child(element, findings)),
            "ForceGang" => Self::ForceGang(child(element, findings)),
            "GangStatus" => Self::GangStatus(child(element, findings)),
            "RequestForAuthentication" => Self::RequestForAuthentication(child(element, findings)),
            other => Self::Other(other.to_owned()),
        }
    }

    fn write(&self, element: Element) -> Element {
        match self {
            Self::Status(params) => element.child(params.to_element()),
            Self::Resource(params) => element.child(params.to_element()),
            Self::QueueStatus(filter) => said(element, filter),
            Self::KnownDevices(filter) => said(element, filter),
            Self::KnownMessages(params) => said(element, params),
            Self::KnownSubscriptions(filter) => said(element, filter),
            Self::Notification(filter) => said(element, filter),
            Self::FlushQueue(params) => said(element, params),
            Self::NewJdf(params) => said(element, params),
            Self::ForceGang(filter) | Self::GangStatus(filter) => said(element, filter),
            Self::RequestForAuthentication(params) => said(element, params),
            Self::SubmissionMethods | Self::Other(_) => element,
        }
    }
}

/// Adds parameters that say something.
pub(super) fn said<T: Parameters + PartialEq>(element: Element, params: &T) -> Element {
    let says = *params != T::default();
    element.children(says.then(|| params.to_element()))
}

impl Query {
    /// A question that is answered once.
    pub fn once(content: QueryContent) -> Self {
        Self {
            content,
            subscription: None,
        }
    }

    /// A question that is answered again and again, by signals.
    pub fn subscribe(content: QueryContent, subscription: Subscription) -> Self {
        Self {
            content,
            subscription: Some(subscription),
        }
    }

    pub(crate) fn read(element: ElementRef<'_>, kind: &str, findings: &mut Vec<Finding>) -> Self {
        let content = QueryContent::read(element, kind, findings);
        let subscription = element.child(Subscription::ELEMENT);
        Self {
            content,
            subscription: subscription.map(|child| Subscription::read(child, findings)),
        }
    }

    pub(crate) fn write(&self, element: Element) -> Element {
        let element = self.content.write(element);
        element.children(self.subscription.as_ref().map(Subscription::to_element))
    }
}
