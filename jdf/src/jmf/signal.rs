//! Signals: what a device tells on its own, on a channel that was subscribed or that is wired in.

use jiff::Timestamp;

use super::device::DeviceInfo;
use super::notification::Notification;
use super::query::{ResourceQuParams, StatusQuParams};
use super::queue::Queue;
use super::resource::ResourceInfo;
use crate::element::Element;
use crate::finding::Finding;
use crate::state::ChannelMode;
use crate::value::Fields;
use crate::view::ElementRef;

/// News from a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    pub content: SignalContent,
    pub channel_mode: Option<ChannelMode>,
    /// The channel ends with this signal.
    pub last_repeat: bool,
}

/// What is told. A Status signal carries a copy of the parameters that its channel was opened with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignalContent {
    Status {
        params: StatusQuParams,
        devices: Vec<DeviceInfo>,
        queue: Option<Queue>,
    },
    Resource {
        params: ResourceQuParams,
        resources: Vec<ResourceInfo>,
    },
    QueueStatus {
        queue: Option<Queue>,
    },
    Notification(Notification),
    /// A type that is not read in detail; its element tells the rest.
    Other(String),
}

impl SignalContent {
    pub fn type_name(&self) -> &str {
        match self {
            Self::Status { .. } => "Status",
            Self::Resource { .. } => "Resource",
            Self::QueueStatus { .. } => "QueueStatus",
            Self::Notification(_) => "Notification",
            Self::Other(name) => name,
        }
    }
}

impl From<SignalContent> for Signal {
    fn from(content: SignalContent) -> Self {
        Self {
            content,
            channel_mode: None,
            last_repeat: false,
        }
    }
}

impl Signal {
    pub(crate) fn read(element: ElementRef<'_>, kind: &str, findings: &mut Vec<Finding>) -> Self {
        let queue = |findings: &mut Vec<Finding>| {
            element
                .child("Queue")
                .map(|child| Queue::read(child, findings))
        };
        let content = match kind {
            "Status" => SignalContent::Status {
                params: element
                    .child("StatusQuParams")
                    .map(|child| StatusQuParams::read(child, findings))
                    .unwrap_or_default(),
                devices: element
                    .children_named("DeviceInfo")
                    .map(|child| DeviceInfo::read(child, findings))
                    .collect(),
                queue: queue(findings),
            },
            "Resource" => SignalContent::Resource {
                params: element
                    .child("ResourceQuParams")
                    .map(|child| ResourceQuParams::read(child, findings))
                    .unwrap_or_default(),
                resources: element
                    .children_named("ResourceInfo")
                    .map(|child| ResourceInfo::read(child, findings))
                    .collect(),
            },
            "QueueStatus" => SignalContent::QueueStatus {
                queue: queue(findings),
            },
            "Notification" => SignalContent::Notification(
                element
                    .child("Notification")
                    .map(|child| Notification::read(child, findings))
                    .unwrap_or_default(),
            ),
            other => SignalContent::Other(other.to_owned()),
        };
        let mut fields = Fields::of(element, findings);
        let channel_mode = fields.state("ChannelMode");
        let last_repeat = fields.boolean("LastRepeat").unwrap_or(false);
        Self {
            content,
            channel_mode,
            last_repeat,
        }
    }

    pub(crate) fn write(&self, element: Element, sent: Option<Timestamp>) -> Element {
        let element = element
            .with_some("ChannelMode", self.channel_mode.as_ref())
            .with_some("LastRepeat", self.last_repeat.then_some(true));
        match &self.content {
            SignalContent::Status {
                params,
                devices,
                queue,
            } => element
                .child(params.to_element())
                .children(devices.iter().map(DeviceInfo::to_element))
                .children(queue.iter().map(Queue::to_element)),
            SignalContent::Resource { params, resources } => element
                .child(params.to_element())
                .children(resources.iter().map(ResourceInfo::to_element)),
            SignalContent::QueueStatus { queue } => {
                element.children(queue.iter().map(Queue::to_element))
            }
            SignalContent::Notification(notification) => {
                element.child(notification.to_element(sent))
            }
            SignalContent::Other(_) => element,
        }
    }
}
