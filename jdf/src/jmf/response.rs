//! Responses: the answer to each query and command. The body is read by what is in it rather than by
//! its type, since devices in the field get the type wrong.

use jiff::Timestamp;

use super::device::DeviceInfo;
use super::notification::Notification;
use super::queue::{Queue, QueueEntry};
use super::resource::ResourceInfo;
use super::return_code::ReturnCode;
use super::subscription::SubscriptionInfo;
use crate::element::Element;
use crate::finding::Finding;
use crate::value::Fields;
use crate::view::ElementRef;

/// An answer, also used for the later `Acknowledge`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Response {
    pub return_code: ReturnCode,
    /// An `Acknowledge` will follow.
    pub acknowledged: bool,
    /// The query opened a channel.
    pub subscribed: Option<bool>,
    pub notifications: Vec<Notification>,
    pub devices: Vec<DeviceInfo>,
    pub queue: Option<Queue>,
    pub queue_entry: Option<QueueEntry>,
    pub resources: Vec<ResourceInfo>,
    pub messages: Vec<MessageService>,
    pub subscriptions: Vec<SubscriptionInfo>,
}

/// A message type that a device understands, as `KnownMessages` tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one flag for each attribute of the element"
)]
pub struct MessageService {
    pub kind: String,
    pub query: bool,
    pub command: bool,
    pub signal: bool,
    pub acknowledge: bool,
    pub registration: bool,
    /// The query can be subscribed.
    pub persistent: bool,
}

impl Response {
    pub fn success() -> Self {
        Self::default()
    }

    /// A refusal with a sentence for the person who reads it.
    pub fn refusal(return_code: ReturnCode, reason: impl Into<String>) -> Self {
        let notification = Notification::new(crate::NotificationClass::Error, reason);
        Self {
            return_code,
            notifications: vec![notification],
            ..Self::default()
        }
    }

    /// The texts of all notifications as one, or what the code means.
    pub fn reason(&self) -> String {
        let texts: Vec<String> = self
            .notifications
            .iter()
            .map(Notification::text)
            .filter(|text| !text.is_empty())
            .collect();
        if texts.is_empty() {
            self.return_code.to_string()
        } else {
            texts.join("; ")
        }
    }

    pub(crate) fn read(element: ElementRef<'_>, findings: &mut Vec<Finding>) -> Self {
        let mut response = Self::default();
        for child in element.children().filter(|child| child.is_of_jdf()) {
            match child.local_name() {
                "Notification" => response
                    .notifications
                    .push(Notification::read(child, findings)),
                "DeviceInfo" => response.devices.push(DeviceInfo::read(child, findings)),
                "DeviceList" => {
                    let devices = child
                        .children_named("DeviceInfo")
                        .map(|device| DeviceInfo::read(device, findings));
                    response.devices.extend(devices);
                }
                "Queue" => response.queue = Some(Queue::read(child, findings)),
                "QueueEntry" => response.queue_entry = Some(QueueEntry::read(child, findings)),
                "ResourceInfo" => response.resources.push(ResourceInfo::read(child, findings)),
                "MessageService" => response
                    .messages
                    .push(MessageService::read(child, findings)),
                "SubscriptionInfo" => response
                    .subscriptions
                    .push(SubscriptionInfo::read(child, findings)),
                _ => {}
            }
        }
        let mut fields = Fields::of(element, findings);
        response.return_code = ReturnCode(fields.integer("ReturnCode").unwrap_or(0));
        response.acknowledged = fields.boolean("Acknowledged").unwrap_or(false);
        response.subscribed = fields.boolean("Subscribed");
        response
    }

    pub(crate) fn write(&self, element: Element, kind: &str, sent: Option<Timestamp>) -> Element {
        let devices = self.devices.iter().map(DeviceInfo::to_element);
        let element = element
            .with("ReturnCode", self.return_code.number())
            .with_some("Acknowledged", self.acknowledged.then_some(true))
            .with_some("Subscribed", self.subscribed);
        let element = match kind {
            "KnownDevices" if self.return_code == ReturnCode::SUCCESS => {
                element.child(Element::new("DeviceList").children(devices))
            }
            _ => element.children(devices),
        };
        element
            .children(self.messages.iter().map(MessageService::to_element))
            .children(self.subscriptions.iter().map(SubscriptionInfo::to_element))
            .children(self.resources.iter().map(ResourceInfo::to_element))
            .children(self.queue_entry.iter().map(QueueEntry::to_element))
            .children(self.queue.iter().map(Queue::to_element))
            .children(
                self.notifications
                    .iter()
                    .map(|notification| notification.to_element(sent)),
            )
    }
}

impl MessageService {
    fn read(element: ElementRef<'_>, findings: &mut Vec<Finding>) -> Self {
        let mut fields = Fields::of(element, findings);
        let kind = fields.required("Type");
        let mut flag = |name| fields.boolean(name).unwrap_or(false);
        Self {
            kind,
            query: flag("Query"),
            command: flag("Command"),
            signal: flag("Signal"),
            acknowledge: flag("Acknowledge"),
            registration: flag("Registration"),
            persistent: flag("Persistent"),
        }
    }

    fn to_element(&self) -> Element {
        let flags = [
            ("Query", self.query),
            ("Command", self.command),
            ("Signal", self.signal),
            ("Acknowledge", self.acknowledge),
            ("Registration", self.registration),
            ("Persistent", self.persistent),
        ];
        let service = Element::new("MessageService").with("Type", &self.kind);
        flags
            .iter()
            .filter(|(_, set)| *set)
            .fold(service, |service, (name, set)| service.with(name, set))
    }
}
