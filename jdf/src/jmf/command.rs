//! Commands: requests that change something on the other side.

use super::authentication::AuthenticationCmdParams;
use super::gang::GangCmdFilter;
use super::node::{ModifyNodeCmdParams, NewJdfCmdParams, UpdateJdfCmdParams};
use super::parameters::{child, required};
use super::pipe::PipeParams;
use super::power::{ShutDownCmdParams, WakeUpCmdParams};
use super::queue::{AbortQueueEntry, QueueFilter};
use super::resource::{ResourceCmdParams, ResourcePullParams};
use super::submission::{
    FlushQueueParams, QueueEntryPosParams, QueueEntryPriParams, QueueSubmissionParams,
    RequestQueueEntryParams, ResubmissionParams, ReturnQueueEntryParams,
};
use super::subscription::StopPersistentChannel;
use crate::element::Element;
use crate::finding::Finding;
use crate::view::ElementRef;

/// What is to be done.
///
/// ```
/// use agog_jdf::jmf::{Command, QueueFilter};
/// assert_eq!(Command::HoldQueueEntry(QueueFilter::entry("qe-1")).type_name(), "HoldQueueEntry");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Put a ticket into the queue.
    SubmitQueueEntry(QueueSubmissionParams),
    /// Give an entry that is in the queue a new ticket.
    ResubmitQueueEntry(ResubmissionParams),
    /// Take back the ticket of an entry that is done.
    ReturnQueueEntry(ReturnQueueEntryParams),
    /// Submit an entry to the device that asks.
    RequestQueueEntry(RequestQueueEntryParams),
    /// End entries.
    AbortQueueEntry(AbortQueueEntry),
    /// Take entries out of the queue.
    RemoveQueueEntry(QueueFilter),
    /// Do not start entries.
    HoldQueueEntry(QueueFilter),
    /// Start held entries or go on with suspended ones.
    ResumeQueueEntry(QueueFilter),
    /// Interrupt running entries.
    SuspendQueueEntry(QueueFilter),
    /// Give entries another priority.
    SetQueueEntryPriority(QueueEntryPriParams),
    /// Move an entry in the queue.
    SetQueueEntryPosition(QueueEntryPosParams),
    /// Take no entries.
    CloseQueue,
    /// Take entries again.
    OpenQueue,
    /// Start no entries.
    HoldQueue,
    /// Start entries again.
    ResumeQueue,
    /// Throw entries away.
    FlushQueue(FlushQueueParams),
    /// Run gangs with what they have.
    ForceGang(GangCmdFilter),
    /// Close channels.
    StopPersistentChannel(StopPersistentChannel),
    /// Change a resource.
    Resource(ResourceCmdParams),
    /// Make (more of) a resource.
    ResourcePull(ResourcePullParams),
    /// The consumer of a pipe wants more.
    PipePull(PipeParams),
    /// The producer of a pipe has more.
    PipePush(PipeParams),
    /// Stop for a while.
    PipePause(PipeParams),
    /// Nothing more will come or be taken.
    PipeClose(PipeParams),
    /// Make nodes.
    NewJdf(NewJdfCmdParams),
    /// Change a node.
    ModifyNode(ModifyNodeCmdParams),
    /// Change a ticket.
    UpdateJdf(UpdateJdfCmdParams),
    /// Switch the device off.
    ShutDown(ShutDownCmdParams),
    /// Switch the device on.
    WakeUp(WakeUpCmdParams),
    /// Exchange certificates.
    RequestForAuthentication(AuthenticationCmdParams),
    /// A type that is not read in detail; its element tells the rest.
    Other(String),
}

impl Command {
    /// The `Type`.
    pub fn type_name(&self) -> &str {
        match self {
            Self::SubmitQueueEntry(_) => "SubmitQueueEntry",
            Self::ResubmitQueueEntry(_) => "ResubmitQueueEntry",
            Self::ReturnQueueEntry(_) => "ReturnQueueEntry",
            Self::RequestQueueEntry(_) => "RequestQueueEntry",
            Self::AbortQueueEntry(_) => "AbortQueueEntry",
            Self::RemoveQueueEntry(_) => "RemoveQueueEntry",
            Self::HoldQueueEntry(_) => "HoldQueueEntry",
            Self::ResumeQueueEntry(_) => "ResumeQueueEntry",
            Self::SuspendQueueEntry(_) => "SuspendQueueEntry",
            Self::SetQueueEntryPriority(_) => "SetQueueEntryPriority",
            Self::SetQueueEntryPosition(_) => "SetQueueEntryPosition",
            Self::CloseQueue => "CloseQueue",
            Self::OpenQueue => "OpenQueue",
            Self::HoldQueue => "HoldQueue",
            Self::ResumeQueue => "ResumeQueue",
            Self::FlushQueue(_) => "FlushQueue",
            Self::ForceGang(_) => "ForceGang",
            Self::StopPersistentChannel(_) => "StopPersistentChannel",
            Self::Resource(_) => "Resource",
            Self::ResourcePull(_) => "ResourcePull",
            Self::PipePull(_) => "PipePull",
            Self::PipePush(_) => "PipePush",
            Self::PipePause(_) => "PipePause",
            Self::PipeClose(_) => "PipeClose",
            Self::NewJdf(_) => "NewJDF",
            Self::ModifyNode(_) => "ModifyNode",
            Self::UpdateJdf(_) => "UpdateJDF",
            Self::ShutDown(_) => "ShutDown",
            Self::WakeUp(_) => "WakeUp",
            Self::RequestForAuthentication(_) => "RequestForAuthentication",
            Self::Other(name) => name,
        }
    }

    /// A command without its parameters is still that command; what is missing shows as empty values.
    pub(crate) fn read(element: ElementRef<'_>, kind: &str, findings: &mut Vec<Finding>) -> Self {
        let entries = |findings: &mut Vec<Finding>| {
            QueueFilter::of_command(element, &params_name(kind), findings)
        };
        match kind {
            "SubmitQueueEntry" => Self::SubmitQueueEntry(required(element, findings)),
            "ResubmitQueueEntry" => Self::ResubmitQueueEntry(required(element, findings)),
            "ReturnQueueEntry" => Self::ReturnQueueEntry(required(element, findings)),
            "RequestQueueEntry" => Self::RequestQueueEntry(required(element, findings)),
            "AbortQueueEntry" => Self::AbortQueueEntry(AbortQueueEntry::read(element, findings)),
            "RemoveQueueEntry" => Self::RemoveQueueEntry(entries(findings)),
            "HoldQueueEntry" => Self::HoldQueueEntry(entries(findings)),
            "ResumeQueueEntry" => Self::ResumeQueueEntry(entries(findings)),
            "SuspendQueueEntry" => Self::SuspendQueueEntry(entries(findings)),
            "SetQueueEntryPriority" => Self::SetQueueEntryPriority(required(element, findings)),
            "SetQueueEntryPosition" => Self::SetQueueEntryPosition(required(element, findings)),
            "CloseQueue" => Self::CloseQueue,
            "OpenQueue" => Self::OpenQueue,
            "HoldQueue" => Self::HoldQueue,
            "ResumeQueue" => Self::ResumeQueue,
            "FlushQueue" => Self::FlushQueue(child(element, findings)),
            "ForceGang" => Self::ForceGang(child(element, findings)),
            "StopPersistentChannel" => Self::StopPersistentChannel(required(element, findings)),
            "Resource" => Self::Resource(required(element, findings)),
            "ResourcePull" => Self::ResourcePull(required(element, findings)),
            "PipePull" => Self::PipePull(required(element, findings)),
            "PipePush" => Self::PipePush(required(element, findings)),
            "PipePause" => Self::PipePause(required(element, findings)),
            "PipeClose" => Self::PipeClose(required(element, findings)),
            "NewJDF" => Self::NewJdf(required(element, findings)),
            "ModifyNode" => Self::ModifyNode(required(element, findings)),
            "UpdateJDF" => Self::UpdateJdf(required(element, findings)),
            "ShutDown" => Self::ShutDown(child(element, findings)),
            "WakeUp" => Self::WakeUp(child(element, findings)),
            "RequestForAuthentication" => {
                Self::RequestForAuthentication(required(element, findings))
            }
            other => Self::Other(other.to_owned()),
        }
    }

    pub(crate) fn write(&self, element: Element) -> Element {
        let params = match self {
            Self::SubmitQueueEntry(params) => params.to_element(),
            Self::ResubmitQueueEntry(params) => params.to_element(),
            Self::ReturnQueueEntry(params) => params.to_element(),
            Self::RequestQueueEntry(params) => params.to_element(),
            Self::AbortQueueEntry(params) => params.to_element(),
            Self::RemoveQueueEntry(filter)
            | Self::HoldQueueEntry(filter)
            | Self::ResumeQueueEntry(filter)
            | Self::SuspendQueueEntry(filter) => filter.to_params(params_name(self.type_name())),
            Self::SetQueueEntryPriority(params) => params.to_element(),
            Self::SetQueueEntryPosition(params) => params.to_element(),
            Self::FlushQueue(params) => params.to_element(),
            Self::ForceGang(filter) => filter.to_element(),
            Self::StopPersistentChannel(params) => params.to_element(),
            Self::Resource(params) => params.to_element(),
            Self::ResourcePull(params) => params.to_element(),
            Self::PipePull(params)
            | Self::PipePush(params)
            | Self::PipePause(params)
            | Self::PipeClose(params) => params.to_element(),
            Self::NewJdf(params) => params.to_element(),
            Self::ModifyNode(params) => params.to_element(),
            Self::UpdateJdf(params) => params.to_element(),
            Self::ShutDown(params) => params.to_element(),
            Self::WakeUp(params) => params.to_element(),
            Self::RequestForAuthentication(params) => params.to_element(),
            Self::CloseQueue
            | Self::OpenQueue
            | Self::HoldQueue
            | Self::ResumeQueue
            | Self::Other(_) => return element,
        };
        element.child(params)
    }
}

/// The element that holds the parameters of a command on entries.
fn params_name(kind: &str) -> String {
    format!("{kind}Params")
}
