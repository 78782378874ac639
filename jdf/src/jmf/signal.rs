//! Signals: what a device tells on its own, on a channel that was subscribed or that is wired in. A signal
//! carries a copy of the parameters of its query, and what the response to the query would say.

use jiff::Timestamp;

use super::authentication::{AuthenticationQuParams, AuthenticationResp};
use super::device::DeviceFilter;
use super::gang::{GangInfo, GangQuFilter};
use super::node::{IdInfo, ModifyNodeCmdParams, NewJdfQuParams, UpdateJdfCmdParams};
use super::notification::{Notification, NotificationFilter};
use super::parameters::{Parameters, all, child};
use super::power::WakeUpCmdParams;
use super::query::said;
use super::queue::{Queue, QueueFilter};
use super::resource::{ResourceInfo, ResourceQuParams};
use super::response::{device_list, devices_of};
use super::service::{KnownMsgQuParams, MessageService};
use super::status::{DeviceInfo, StatusQuParams};
use super::submission::FlushQueueInfo;
use super::subscription::{SubscriptionInfo, Trigger};
use crate::element::Element;
use crate::finding::Finding;
use crate::state::ChannelMode;
use crate::value::Fields;
use crate::view::ElementRef;

/// News from a device.
///
/// ```
/// use agog_jdf::jmf::{Notification, Signal, SignalContent};
/// use agog_jdf::{ChannelMode, MilestoneType};
/// let done = SignalContent::notification(Notification::milestone(MilestoneType::PressCompleted));
/// let signal = Signal { channel_mode: Some(ChannelMode::Reliable), ..Signal::from(done) };
/// assert_eq!(signal.content.type_name(), "Notification");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    /// What is told.
    pub content: SignalContent,
    /// How the signal is treated if it gets lost.
    pub channel_mode: Option<ChannelMode>,
    /// The channel ends with this signal.
    pub last_repeat: bool,
    /// Why it was sent.
    pub trigger: Option<Trigger>,
    /// What else happened.
    pub notifications: Vec<Notification>,
}

/// What is told.
///
/// ```
/// use agog_jdf::jmf::SignalContent;
/// let empty = SignalContent::QueueStatus { filter: Default::default(), queue: None };
/// assert_eq!(empty.type_name(), "QueueStatus");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "a message is made, sent and dropped; few live at a time"
)]
pub enum SignalContent {
    /// What devices do and how far jobs are.
    Status {
        /// A copy of the parameters of the query.
        params: StatusQuParams,
        /// The devices.
        devices: Vec<DeviceInfo>,
        /// The queue.
        queue: Option<Queue>,
    },
    /// What is consumed and made.
    Resource {
        /// A copy of the parameters of the query.
        params: ResourceQuParams,
        /// The resources.
        resources: Vec<ResourceInfo>,
    },
    /// The queue.
    QueueStatus {
        /// A copy of the filter of the query.
        filter: QueueFilter,
        /// The queue.
        queue: Option<Queue>,
    },
    /// An event, a warning, an error.
    Notification {
        /// A copy of the filter of the query.
        filter: NotificationFilter,
        /// What happened.
        notification: Notification,
    },
    /// Devices that came, went or changed.
    KnownDevices {
        /// A copy of the filter of the query.
        filter: DeviceFilter,
        /// The devices.
        devices: Vec<DeviceInfo>,
    },
    /// Messages that are understood now.
    KnownMessages {
        /// A copy of the parameters of the query.
        params: KnownMsgQuParams,
        /// The message types.
        messages: Vec<MessageService>,
    },
    /// Channels that were opened or closed.
    KnownSubscriptions {
        /// The channels.
        subscriptions: Vec<SubscriptionInfo>,
    },
    /// Entries that were thrown away.
    FlushQueue {
        /// A copy of the filter of the query.
        filter: QueueFilter,
        /// The queue.
        queue: Option<Queue>,
        /// The entries.
        info: Option<FlushQueueInfo>,
    },
    /// Nodes that were made.
    NewJdf {
        /// A copy of the parameters of the query.
        params: NewJdfQuParams,
        /// The nodes.
        ids: Vec<IdInfo>,
    },
    /// A node that was changed.
    ModifyNode(ModifyNodeCmdParams),
    /// A ticket that was changed.
    UpdateJdf(UpdateJdfCmdParams),
    /// Gangs that changed.
    GangStatus {
        /// A copy of the filter of the query.
        filter: GangQuFilter,
        /// The gangs.
        gangs: Vec<GangInfo>,
    },
    /// Devices that were switched off.
    ShutDown {
        /// The devices.
        devices: Vec<DeviceInfo>,
        /// The queue.
        queue: Option<Queue>,
    },
    /// Devices that were switched on.
    WakeUp {
        /// A copy of the parameters of the query.
        params: WakeUpCmdParams,
        /// The devices.
        devices: Vec<DeviceInfo>,
    },
    /// How a request for authentication stands.
    RequestForAuthentication {
        /// A copy of the parameters of the query.
        params: AuthenticationQuParams,
        /// The certificate.
        response: Option<AuthenticationResp>,
    },
    /// A type that is not read in detail; its element tells the rest.
    Other(String),
}

impl SignalContent {
    /// A notification to whoever wants it.
    pub fn notification(notification: Notification) -> Self {
        Self::Notification {
            filter: NotificationFilter::default(),
            notification,
        }
    }

    /// The `Type`.
    pub fn type_name(&self) -> &str {
        match self {
            Self::Status { .. } => "Status",
            Self::Resource { .. } => "Resource",
            Self::QueueStatus { .. } => "QueueStatus",
            Self::Notification { .. } => "Notification",
            Self::KnownDevices { .. } => "KnownDevices",
            Self::KnownMessages { .. } => "KnownMessages",
            Self::KnownSubscriptions { .. } => "KnownSubscriptions",
            Self::FlushQueue { .. } => "FlushQueue",
            Self::NewJdf { .. } => "NewJDF",
            Self::ModifyNode(_) => "ModifyNode",
            Self::UpdateJdf(_) => "UpdateJDF",
            Self::GangStatus { .. } => "GangStatus",
            Self::ShutDown { .. } => "ShutDown",
            Self::WakeUp { .. } => "WakeUp",
            Self::RequestForAuthentication { .. } => "RequestForAuthentication",
            Self::Other(name) => name,
        }
    }

    fn read(element: ElementRef<'_>, kind: &str, findings: &mut Vec<Finding>) -> Self {
        match kind {
            "Status" => Self::Status {
                params: child(element, findings),
                devices: all(element, findings),
                queue: some(element, findings),
            },
            "Resource" => Self::Resource {
                params: child(element, findings),
                resources: all(element, findings),
            },
            "QueueStatus" => Self::QueueStatus {
                filter: child(element, findings),
                queue: some(element, findings),
            },
            "Notification" => Self::Notification {
                filter: child(element, findings),
                notification: child(element, findings),
            },
            "KnownDevices" => Self::KnownDevices {
                filter: child(element, findings),
                devices: devices_of(element, findings),
            },
            "KnownMessages" => Self::KnownMessages {
                params: child(element, findings),
                messages: all(element, findings),
            },
            "KnownSubscriptions" => Self::KnownSubscriptions {
                subscriptions: all(element, findings),
            },
            "FlushQueue" => Self::FlushQueue {
                filter: child(element, findings),
                queue: some(element, findings),
                info: some(element, findings),
            },
            "NewJDF" => Self::NewJdf {
                params: child(element, findings),
                ids: all(element, findings),
            },
            "ModifyNode" => Self::ModifyNode(child(element, findings)),
            "UpdateJDF" => Self::UpdateJdf(child(element, findings)),
            "GangStatus" => Self::GangStatus {
                filter: child(element, findings),
                gangs: all(element, findings),
            },
            "ShutDown" => Self::ShutDown {
                devices: all(element, findings),
                queue: some(element, findings),
            },
            "WakeUp" => Self::WakeUp {
                params: child(element, findings),
                devices: all(element, findings),
            },
            "RequestForAuthentication" => Self::RequestForAuthentication {
                params: child(element, findings),
                response: some(element, findings),
            },
            other => Self::Other(other.to_owned()),
        }
    }

    fn write(&self, element: Element, sent: Option<Timestamp>) -> Element {
        match self {
            Self::Status {
                params,
                devices,
                queue,
            } => list(element.child(params.to_element()), devices)
                .children(queue.as_ref().map(Queue::to_element)),
            Self::Resource { params, resources } => {
                list(element.child(params.to_element()), resources)
            }
            Self::QueueStatus { filter, queue } => list(said(element, filter), queue.as_slice()),
            Self::Notification {
                filter,
                notification,
            } => said(element, filter).child(notification.complete(sent)),
            Self::KnownDevices { filter, devices } => {
                said(element, filter).child(device_list(devices))
            }
            Self::KnownMessages { params, messages } => list(said(element, params), messages),
            Self::KnownSubscriptions { subscriptions } => list(element, subscriptions),
            Self::FlushQueue {
                filter,
                queue,
                info,
            } => list(
                list(said(element, filter), queue.as_slice()),
                info.as_slice(),
            ),
            Self::NewJdf { params, ids } => list(said(element, params), ids),
            Self::ModifyNode(params) => element.child(params.to_element()),
            Self::UpdateJdf(params) => element.child(params.to_element()),
            Self::GangStatus { filter, gangs } => list(said(element, filter), gangs),
            Self::ShutDown { devices, queue } => list(list(element, devices), queue.as_slice()),
            Self::WakeUp { params, devices } => list(said(element, params), devices),
            Self::RequestForAuthentication { params, response } => {
                list(said(element, params), response.as_slice())
            }
            Self::Other(_) => element,
        }
    }
}

fn some<T: Parameters>(element: ElementRef<'_>, findings: &mut Vec<Finding>) -> Option<T> {
    let found = element.child(T::ELEMENT);
    found.map(|child| T::read(child, findings))
}

fn list<T: Parameters>(element: Element, items: &[T]) -> Element {
    element.children(items.iter().map(T::to_element))
}

impl From<SignalContent> for Signal {
    fn from(content: SignalContent) -> Self {
        Self {
            content,
            channel_mode: None,
            last_repeat: false,
            trigger: None,
            notifications: Vec::new(),
        }
    }
}

impl Signal {
    pub(crate) fn read(element: ElementRef<'_>, kind: &str, findings: &mut Vec<Finding>) -> Self {
        let content = SignalContent::read(element, kind, findings);
        let mut notifications: Vec<Notification> = all(element, findings);
        if matches!(content, SignalContent::Notification { .. }) && !notifications.is_empty() {
            // The first one is the content.
            notifications.remove(0);
        }
        let trigger = some(element, findings);
        let mut fields = Fields::of(element, findings);
        let channel_mode = fields.state("ChannelMode");
        let last_repeat = fields.boolean("LastRepeat").unwrap_or(false);
        Self {
            content,
            channel_mode,
            last_repeat,
            trigger,
            notifications,
        }
    }

    pub(crate) fn write(&self, element: Element, sent: Option<Timestamp>) -> Element {
        let element = element
            .with_some("ChannelMode", self.channel_mode.as_ref())
            .with_some("LastRepeat", self.last_repeat.then_some(true));
        let notifications = self.notifications.iter();
        self.content
            .write(element, sent)
            .children(notifications.map(|notification| notification.complete(sent)))
            .children(self.trigger.as_ref().map(Trigger::to_element))
    }
}
