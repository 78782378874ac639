//! Responses: the answer to each query and command. The body is read by what is in it rather than by
//! its type, since devices in the field get the type wrong.

use jiff::Timestamp;

use super::authentication::AuthenticationResp;
use super::gang::GangInfo;
use super::node::{IdInfo, ModifyNodeCmdParams, UpdateJdfCmdParams};
use super::notification::Notification;
use super::parameters::Parameters;
use super::queue::{Queue, QueueEntry};
use super::resource::ResourceInfo;
use super::return_code::ReturnCode;
use super::service::MessageService;
use super::status::{DeviceInfo, JobPhase};
use super::submission::{FlushQueueInfo, SubmissionMethods};
use super::subscription::SubscriptionInfo;
use crate::element::Element;
use crate::finding::Finding;
use crate::fragment::Fragment;
use crate::state::AcknowledgeType;
use crate::value::{Fields, tokens};
use crate::view::ElementRef;

/// An answer, also used for the later `Acknowledge` (JDF 1.5, Response and Acknowledge).
///
/// ```
/// use agog_jdf::jmf::{Response, ReturnCode};
/// let closed = Response::refusal(ReturnCode::QUEUE_CLOSED, "no jobs until Monday");
/// assert_eq!(closed.reason(), "no jobs until Monday");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Response {
    /// How it went.
    pub return_code: ReturnCode,
    /// An `Acknowledge` will follow. (Response only.)
    pub acknowledged: bool,
    /// The query opened a channel. (Response only.)
    pub subscribed: Option<bool>,
    /// What is acknowledged. (Acknowledge only.)
    pub acknowledge_types: Vec<AcknowledgeType>,
    /// What went wrong, or is worth knowing.
    pub notifications: Vec<Notification>,
    /// Status, `KnownDevices`, `ShutDown`, `WakeUp`.
    pub devices: Vec<DeviceInfo>,
    /// Every message on the queue.
    pub queue: Option<Queue>,
    /// The entry that was made.
    pub queue_entry: Option<QueueEntry>,
    /// Resource.
    pub resources: Vec<ResourceInfo>,
    /// `KnownMessages`.
    pub messages: Vec<MessageService>,
    /// `KnownSubscriptions`.
    pub subscriptions: Vec<SubscriptionInfo>,
    /// `SubmissionMethods`.
    pub submission_methods: Option<SubmissionMethods>,
    /// `FlushQueue`: which entries were thrown away.
    pub flush_queue: Option<FlushQueueInfo>,
    /// `NewJDF`.
    pub ids: Vec<IdInfo>,
    /// The pipe messages: how far the job at the other end is.
    pub job_phases: Vec<JobPhase>,
    /// `ForceGang` and `GangStatus`.
    pub gangs: Vec<GangInfo>,
    /// `ModifyNode`: what was changed.
    pub modify_node: Option<ModifyNodeCmdParams>,
    /// `UpdateJDF`: what was changed.
    pub update_jdf: Option<UpdateJdfCmdParams>,
    /// `RequestForAuthentication`.
    pub authentication: Option<AuthenticationResp>,
    /// Everything else: bodies of legacy and vendors' messages, comments, extensions, as they are.
    pub content: Vec<Fragment>,
}

impl Response {
    /// That all is well.
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
        for child in element.children() {
            response.read_child(child, findings);
        }
        let mut fields = Fields::of(element, findings);
        response.return_code = ReturnCode(fields.integer("ReturnCode").unwrap_or(0));
        response.acknowledged = fields.boolean("Acknowledged").unwrap_or(false);
        response.subscribed = fields.boolean("Subscribed");
        let types = element.attribute("AcknowledgeType").unwrap_or_default();
        response.acknowledge_types = tokens(types).map(AcknowledgeType::from).collect();
        response
    }

    fn read_child(&mut self, child: ElementRef<'_>, findings: &mut Vec<Finding>) {
        fn push<T: Parameters>(
            list: &mut Vec<T>,
            child: ElementRef<'_>,
            findings: &mut Vec<Finding>,
        ) {
            list.push(T::read(child, findings));
        }
        fn set<T: Parameters>(
            place: &mut Option<T>,
            child: ElementRef<'_>,
            findings: &mut Vec<Finding>,
        ) {
            *place = Some(T::read(child, findings));
        }
        let name = if child.is_of_jdf() {
            child.local_name()
        } else {
            ""
        };
        match name {
            "Notification" => push(&mut self.notifications, child, findings),
            "DeviceInfo" => push(&mut self.devices, child, findings),
            "DeviceList" => {
                let devices = child.children_named(DeviceInfo::ELEMENT);
                self.devices
                    .extend(devices.map(|device| DeviceInfo::read(device, findings)));
            }
            "Queue" => set(&mut self.queue, child, findings),
            "QueueEntry" => set(&mut self.queue_entry, child, findings),
            "ResourceInfo" => push(&mut self.resources, child, findings),
            "MessageService" => push(&mut self.messages, child, findings),
            "SubscriptionInfo" => push(&mut self.subscriptions, child, findings),
            "SubmissionMethods" => set(&mut self.submission_methods, child, findings),
            "FlushQueueInfo" => set(&mut self.flush_queue, child, findings),
            "IDInfo" => push(&mut self.ids, child, findings),
            "JobPhase" => push(&mut self.job_phases, child, findings),
            "GangInfo" => push(&mut self.gangs, child, findings),
            "ModifyNodeCmdParams" => set(&mut self.modify_node, child, findings),
            "UpdateJDFCmdParams" => set(&mut self.update_jdf, child, findings),
            "AuthenticationResp" => set(&mut self.authentication, child, findings),
            // Belongs to every message, and is read there.
            "Employee" => {}
            _ => self.content.push(child.to_fragment()),
        }
    }

    /// What both answers have; see [`write_response`](Self::write_response).
    fn write(&self, element: Element, kind: &str, sent: Option<Timestamp>) -> Element {
        fn list<T: Parameters>(items: &[T]) -> impl Iterator<Item = Element> {
            items.iter().map(T::to_element)
        }
        let element = match kind {
            "KnownDevices" if self.return_code == ReturnCode::SUCCESS => {
                element.child(device_list(&self.devices))
            }
            _ => element.children(list(&self.devices)),
        };
        let notifications = self.notifications.iter();
        element
            .children(list(&self.messages))
            .children(list(&self.subscriptions))
            .children(list(&self.resources))
            .children(list(self.submission_methods.as_slice()))
            .children(list(self.queue_entry.as_slice()))
            .children(list(self.queue.as_slice()))
            .children(list(self.flush_queue.as_slice()))
            .children(list(&self.ids))
            .children(list(&self.job_phases))
            .children(list(&self.gangs))
            .children(list(self.modify_node.as_slice()))
            .children(list(self.update_jdf.as_slice()))
            .children(list(self.authentication.as_slice()))
            .children(notifications.map(|notification| notification.complete(sent)))
            .fragments(self.content.iter().cloned())
    }

    pub(crate) fn write_response(
        &self,
        element: Element,
        kind: &str,
        sent: Option<Timestamp>,
    ) -> Element {
        let element = element
            .with("ReturnCode", self.return_code.number())
            .with_some("Acknowledged", self.acknowledged.then_some(true))
            .with_some("Subscribed", self.subscribed);
        self.write(element, kind, sent)
    }

    pub(crate) fn write_acknowledge(
        &self,
        element: Element,
        kind: &str,
        sent: Option<Timestamp>,
    ) -> Element {
        let types: Vec<&str> = self
            .acknowledge_types
            .iter()
            .map(AcknowledgeType::as_str)
            .collect();
        let element = element
            .with("ReturnCode", self.return_code.number())
            .with_some(
                "AcknowledgeType",
                (!types.is_empty()).then(|| types.join(" ")),
            );
        self.write(element, kind, sent)
    }
}

/// The devices of an answer, in a list or loose.
pub(super) fn devices_of(element: ElementRef<'_>, findings: &mut Vec<Finding>) -> Vec<DeviceInfo> {
    let lists = element.children_named("DeviceList");
    let devices = lists.chain([element]).flat_map(|holder| {
        let infos = holder.children_named(DeviceInfo::ELEMENT);
        infos.collect::<Vec<_>>()
    });
    devices
        .map(|device| DeviceInfo::read(device, findings))
        .collect()
}

pub(super) fn device_list(devices: &[DeviceInfo]) -> Element {
    Element::new("DeviceList").children(devices.iter().map(DeviceInfo::to_element))
}
