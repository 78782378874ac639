//! Audits of results: runs of a node (JDF 1.5, `ProcessRun`) and what was really used and made (`ResourceAudit`).

use jiff::{SignedDuration, Timestamp};

use super::{PartKeys, part_elements, parts};
use crate::amount::{Amounts, keys_element};
use crate::element::Element;
use crate::finding::Finding;
use crate::jmf::MisDetails;
use crate::link::ResourceLink;
use crate::state::{AuditReason, NodeStatus, Usage};
use crate::value::{Fields, write_date_time, write_duration};
use crate::view::ElementRef;

/// One run of the node from begin to end.
///
/// ```
/// use agog_jdf::NodeStatus;
/// use agog_jdf::audit::ProcessRun;
/// let (start, end) = ("2025-03-01T08:00:00Z".parse().unwrap(), "2025-03-01T09:00:00Z".parse().unwrap());
/// assert!(ProcessRun::new(start, end, NodeStatus::Completed).parts.is_empty());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessRun {
    /// When it began.
    pub start: Option<Timestamp>,
    /// When it ended.
    pub end: Option<Timestamp>,
    /// How it ended.
    pub end_status: NodeStatus,
    /// How long the node really ran, without pauses.
    pub duration: Option<SignedDuration>,
    /// The entry of the device's queue (from JDF 1.4).
    pub queue_entry_id: Option<String>,
    /// When the device got the ticket (from JDF 1.4).
    pub submission_time: Option<Timestamp>,
    /// When the device gave it back (from JDF 1.4).
    pub return_time: Option<Timestamp>,
    /// The parts that were run; empty for the whole node.
    pub parts: Vec<PartKeys>,
}

/// What was really used or made of a resource.
///
/// ```
/// use agog_jdf::audit::{AuditAmount, ResourceAudit};
/// let audit = ResourceAudit::actual(AuditAmount { resource_name: "Media".into(), rref: "m1".into(), ..Default::default() });
/// assert!(audit.planned.is_none());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceAudit {
    /// Why it was written; `ProcessResult` where the audit does not say.
    pub reason: AuditReason,
    /// Whether the resource itself was changed, and not only its amount.
    pub contents_modified: Option<bool>,
    /// What the node was doing when the resource was used (from JDF 1.3).
    pub node_status: Option<NodeStatus>,
    /// The link as it is; a second one, if there is one, is the link as it was planned.
    pub actual: Option<AuditAmount>,
    /// The link as it was planned.
    pub planned: Option<AuditAmount>,
    /// Who pays for it.
    pub mis_details: Option<MisDetails>,
    /// The parts that are meant, where the audit says it beside its links.
    pub parts: Vec<PartKeys>,
}

/// The link inside an audit, with its amounts.
///
/// ```
/// use agog_jdf::audit::AuditAmount;
/// let amount = AuditAmount { resource_name: "Component".into(), rref: "c1".into(), ..AuditAmount::default() };
/// assert!(amount.amounts.parts.is_empty());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditAmount {
    /// The kind of resource, such as `Media`.
    pub resource_name: String,
    /// The `ID` of the resource.
    pub rref: String,
    /// Whether it goes in or comes out.
    pub usage: Option<Usage>,
    /// Its role among several of a kind.
    pub process_usage: Option<String>,
    /// The parts that are meant; empty for the whole resource.
    pub parts: Vec<PartKeys>,
    /// How much.
    pub amounts: Amounts,
}

impl AuditAmount {
    /// The amounts of an existing link of the node.
    pub fn of(link: ResourceLink<'_>, amounts: Amounts) -> Self {
        Self {
            resource_name: link.resource_name().to_owned(),
            rref: link.rref().to_owned(),
            usage: link.usage(),
            process_usage: link.process_usage().map(str::to_owned),
            parts: link.parts(),
            amounts,
        }
    }

    pub(super) fn to_element(&self) -> Element {
        let link = Element::new(format!("{}Link", self.resource_name))
            .with_some("Usage", self.usage.as_ref())
            .with_some("ProcessUsage", self.process_usage.as_ref())
            .with("rRef", &self.rref);
        let parts = self.parts.iter().map(keys_element);
        self.amounts.write(link.children(parts))
    }
}

pub(super) fn read_links(element: ElementRef<'_>, findings: &mut Vec<Finding>) -> Vec<AuditAmount> {
    element
        .children()
        .filter_map(ResourceLink::of)
        .map(|link| AuditAmount::of(link, link.amounts(findings)))
        .collect()
}

impl ProcessRun {
    /// A run from start to end.
    pub fn new(start: Timestamp, end: Timestamp, end_status: NodeStatus) -> Self {
        Self {
            start: Some(start),
            end: Some(end),
            end_status,
            duration: None,
            queue_entry_id: None,
            submission_time: None,
            return_time: None,
            parts: Vec::new(),
        }
    }

    pub(super) fn read(element: ElementRef<'_>, findings: &mut Vec<Finding>) -> Self {
        let mut fields = Fields::of(element, findings);
        Self {
            start: fields.time("Start"),
            end: fields.time("End"),
            end_status: NodeStatus::from(fields.required("EndStatus").trim()),
            duration: fields.duration("Duration"),
            queue_entry_id: fields.text("QueueEntryID"),
            submission_time: fields.time("SubmissionTime"),
            return_time: fields.time("ReturnTime"),
            parts: parts(element),
        }
    }

    /// The queue entry is written with what all audits share.
    pub(super) fn write(&self, element: Element) -> Element {
        element
            .with_some("Start", self.start.map(write_date_time))
            .with_some("End", self.end.map(write_date_time))
            .with("EndStatus", &self.end_status)
            .with_some("Duration", self.duration.map(write_duration))
            .with_some("SubmissionTime", self.submission_time.map(write_date_time))
            .with_some("ReturnTime", self.return_time.map(write_date_time))
            .children(part_elements(&self.parts))
    }
}

impl ResourceAudit {
    /// What a process really used or made.
    pub fn actual(amount: AuditAmount) -> Self {
        Self {
            reason: AuditReason::ProcessResult,
            contents_modified: None,
            node_status: None,
            actual: Some(amount),
            planned: None,
            mis_details: None,
            parts: Vec::new(),
        }
    }

    pub(super) fn read(element: ElementRef<'_>, findings: &mut Vec<Finding>) -> Self {
        let mut links = read_links(element, findings).into_iter();
        let details = element.child("MISDetails");
        let details = details.map(|details| MisDetails::read(details, findings));
        let mut fields = Fields::of(element, findings);
        Self {
            reason: fields.state("Reason").unwrap_or(AuditReason::ProcessResult),
            contents_modified: fields.boolean("ContentsModified"),
            node_status: fields.state("NodeStatus"),
            actual: links.next(),
            planned: links.next(),
            mis_details: details,
            parts: parts(element),
        }
    }

    pub(super) fn write(&self, element: Element) -> Element {
        let links = self.actual.iter().chain(&self.planned);
        element
            .with("Reason", &self.reason)
            .with_some("ContentsModified", self.contents_modified)
            .with_some("NodeStatus", self.node_status.as_ref())
            .children(self.mis_details.iter().map(MisDetails::to_element))
            .children(links.map(AuditAmount::to_element))
            .children(part_elements(&self.parts))
    }
}
