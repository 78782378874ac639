//! Commands: requests that change something on the other side.

use super::queue::{QueueFilter, QueueSubmissionParams, ReturnQueueEntryParams};
use super::subscription::StopPersistentChannel;
use crate::element::Element;
use crate::finding::{Finding, Severity};
use crate::view::ElementRef;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    SubmitQueueEntry(QueueSubmissionParams),
    ReturnQueueEntry(ReturnQueueEntryParams),
    AbortQueueEntry(QueueFilter),
    RemoveQueueEntry(QueueFilter),
    HoldQueueEntry(QueueFilter),
    ResumeQueueEntry(QueueFilter),
    SuspendQueueEntry(QueueFilter),
    StopPersistentChannel(StopPersistentChannel),
    /// A type that is not read in detail; its element tells the rest.
    Other(String),
}

impl Command {
    pub fn type_name(&self) -> &str {
        match self {
            Self::SubmitQueueEntry(_) => "SubmitQueueEntry",
            Self::ReturnQueueEntry(_) => "ReturnQueueEntry",
            Self::AbortQueueEntry(_) => "AbortQueueEntry",
            Self::RemoveQueueEntry(_) => "RemoveQueueEntry",
            Self::HoldQueueEntry(_) => "HoldQueueEntry",
            Self::ResumeQueueEntry(_) => "ResumeQueueEntry",
            Self::SuspendQueueEntry(_) => "SuspendQueueEntry",
            Self::StopPersistentChannel(_) => "StopPersistentChannel",
            Self::Other(name) => name,
        }
    }

    pub(crate) fn read(element: ElementRef<'_>, kind: &str, findings: &mut Vec<Finding>) -> Self {
        // A command without its parameters is still that command; what is missing shows as empty values.
        let missing = |findings: &mut Vec<Finding>, name: &str| {
            findings.push(Finding::new(
                Severity::Error,
                "element-missing",
                format!("`{name}` is missing"),
                element.position(),
            ));
        };
        let mut params = |name: &str| {
            let child = element.child(name);
            if child.is_none() {
                missing(findings, name);
            }
            child
        };
        match kind {
            "SubmitQueueEntry" => match params("QueueSubmissionParams") {
                Some(child) => Self::SubmitQueueEntry(QueueSubmissionParams::read(child, findings)),
                None => Self::SubmitQueueEntry(QueueSubmissionParams::default()),
            },
            "ReturnQueueEntry" => match params("ReturnQueueEntryParams") {
                Some(child) => {
                    Self::ReturnQueueEntry(ReturnQueueEntryParams::read(child, findings))
                }
                None => Self::ReturnQueueEntry(ReturnQueueEntryParams::default()),
            },
            "StopPersistentChannel" => match params("StopPersChParams") {
                Some(child) => {
                    Self::StopPersistentChannel(StopPersistentChannel::read(child, findings))
                }
                None => Self::StopPersistentChannel(StopPersistentChannel::default()),
            },
            "AbortQueueEntry" => Self::AbortQueueEntry(entries(element, kind, findings)),
            "RemoveQueueEntry" => Self::RemoveQueueEntry(entries(element, kind, findings)),
            "HoldQueueEntry" => Self::HoldQueueEntry(entries(element, kind, findings)),
            "ResumeQueueEntry" => Self::ResumeQueueEntry(entries(element, kind, findings)),
            "SuspendQueueEntry" => Self::SuspendQueueEntry(entries(element, kind, findings)),
            other => Self::Other(other.to_owned()),
        }
    }

    pub(crate) fn write(&self, element: Element) -> Element {
        match self {
            Self::SubmitQueueEntry(params) => element.child(params.to_element()),
            Self::ReturnQueueEntry(params) => element.child(params.to_element()),
            Self::StopPersistentChannel(params) => element.child(params.to_element()),
            Self::AbortQueueEntry(filter) => {
                let params = Element::new("AbortQueueEntryParams").with("EndStatus", "Aborted");
                element.child(params.child(filter.to_element()))
            }
            Self::RemoveQueueEntry(filter)
            | Self::HoldQueueEntry(filter)
            | Self::ResumeQueueEntry(filter)
            | Self::SuspendQueueEntry(filter) => {
                let params = Element::new(format!("{}Params", self.type_name()));
                element.child(params.child(filter.to_element()))
            }
            Self::Other(_) => element,
        }
    }
}

/// The entries meant, whether the writer uses parameters (1.5) or bare definitions (older).
fn entries(element: ElementRef<'_>, kind: &str, findings: &mut Vec<Finding>) -> QueueFilter {
    let params = element
        .child(&format!("{kind}Params"))
        .map(|params| QueueFilter::read(params, findings));
    match params {
        Some(filter) if !filter.is_empty() => filter,
        _ => QueueFilter::read(element, findings),
    }
}
