//! The history of a node: when it ran, what it used and made, what went wrong. Audits are read from a
//! returned ticket and appended by a device; none is ever changed.

use jiff::{SignedDuration, Timestamp};

use crate::amount::{Amounts, keys_element};
use crate::document::{Document, NodeId};
use crate::element::Element;
use crate::error::Error;
use crate::finding::Finding;
use crate::jmf::Notification;
use crate::link::ResourceLink;
use crate::node::JdfNode;
use crate::state::{AuditReason, NodeStatus, Usage};
use crate::value::{Fields, write_date_time, write_duration};
use crate::view::ElementRef;

/// Who wrote an audit and when.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Author {
    pub timestamp: Option<Timestamp>,
    pub agent_name: Option<String>,
    pub agent_version: Option<String>,
    pub author: Option<String>,
}

/// One entry of an audit pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    pub by: Author,
    pub content: AuditContent,
}

/// What an audit records.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "a node has few audits, and most of them are the large ones"
)]
pub enum AuditContent {
    Created,
    Modified,
    PhaseTime(PhaseTime),
    ProcessRun(ProcessRun),
    ResourceAudit(ResourceAudit),
    Notification(Notification),
    /// `Spawned`, `Merged`, `Deleted` and vendors' own, by name.
    Other(String),
}

/// A stretch of time in which the status did not change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhaseTime {
    pub start: Option<Timestamp>,
    /// Open while the phase lasts.
    pub end: Option<Timestamp>,
    pub status: NodeStatus,
    pub status_details: Option<String>,
    pub device_ids: Vec<String>,
    /// Personnel numbers, or names where there is no number.
    pub employees: Vec<String>,
    /// What was used and made in this phase alone.
    pub amounts: Vec<AuditAmount>,
}

/// One run of the node from begin to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessRun {
    pub start: Option<Timestamp>,
    pub end: Option<Timestamp>,
    pub end_status: NodeStatus,
    pub duration: Option<SignedDuration>,
    pub queue_entry_id: Option<String>,
    pub submission_time: Option<Timestamp>,
    pub return_time: Option<Timestamp>,
}

/// What was really used or made of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceAudit {
    pub reason: AuditReason,
    pub contents_modified: Option<bool>,
    /// The link as it is; a second one, if there is one, is the link as it was planned.
    pub actual: Option<AuditAmount>,
    pub planned: Option<AuditAmount>,
}

/// The link inside an audit, with its amounts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditAmount {
    pub resource_name: String,
    pub rref: String,
    pub usage: Option<Usage>,
    pub process_usage: Option<String>,
    pub parts: Vec<std::collections::BTreeMap<String, String>>,
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

    fn read(link: ResourceLink<'_>, findings: &mut Vec<Finding>) -> Self {
        Self::of(link, link.amounts(findings))
    }

    fn to_element(&self) -> Element {
        let link = Element::new(format!("{}Link", self.resource_name))
            .with_some("Usage", self.usage.as_ref())
            .with_some("ProcessUsage", self.process_usage.as_ref())
            .with("rRef", &self.rref);
        let parts = self.parts.iter().map(keys_element);
        self.amounts.write(link.children(parts))
    }
}

impl Audit {
    pub fn new(timestamp: Timestamp, agent_name: impl Into<String>, content: AuditContent) -> Self {
        let by = Author {
            timestamp: Some(timestamp),
            agent_name: Some(agent_name.into()),
            ..Author::default()
        };
        Self { by, content }
    }

    /// Reads every audit of a node, in the order they were written.
    pub fn read_all(node: JdfNode<'_>, findings: &mut Vec<Finding>) -> Vec<Self> {
        let pools = node.element().children_named("AuditPool");
        pools
            .flat_map(ElementRef::children)
            .map(|element| Self::read(element, findings))
            .collect()
    }

    fn read(element: ElementRef<'_>, findings: &mut Vec<Finding>) -> Self {
        let content = match element.local_name() {
            name if !element.is_of_jdf() => AuditContent::Other(name.to_owned()),
            "Created" => AuditContent::Created,
            "Modified" => AuditContent::Modified,
            "PhaseTime" => AuditContent::PhaseTime(read_phase(element, findings)),
            "ProcessRun" => AuditContent::ProcessRun(read_run(element, findings)),
            "ResourceAudit" => AuditContent::ResourceAudit(read_resource(element, findings)),
            "Notification" => AuditContent::Notification(Notification::read(element, findings)),
            name => AuditContent::Other(name.to_owned()),
        };
        let mut fields = Fields::of(element, findings);
        let by = Author {
            timestamp: fields.time("TimeStamp"),
            agent_name: fields.text("AgentName"),
            agent_version: fields.text("AgentVersion"),
            author: fields.text("Author"),
        };
        Self { by, content }
    }

    /// Appends the audit to a node's pool, which is made if there is none.
    pub fn append_to(&self, document: &mut Document, node: NodeId) -> Result<NodeId, Error> {
        let places = document.element(node).map(|element| {
            (
                element.child("AuditPool").map(ElementRef::id),
                element.children().next().map(ElementRef::id),
            )
        });
        let pool = match places {
            Some((Some(pool), _)) => pool,
            // The pool is customarily the first child.
            Some((None, Some(first))) => {
                document.insert_before(first, &Element::new("AuditPool"))?
            }
            _ => document.append_child(node, &Element::new("AuditPool"))?,
        };
        document.append_child(pool, &self.to_element())
    }

    fn to_element(&self) -> Element {
        let signed = |element: Element| {
            element
                .with_some("TimeStamp", self.by.timestamp.map(write_date_time))
                .with_some("AgentName", self.by.agent_name.as_ref())
                .with_some("AgentVersion", self.by.agent_version.as_ref())
                .with_some("Author", self.by.author.as_ref())
        };
        match &self.content {
            AuditContent::Created => signed(Element::new("Created")),
            AuditContent::Modified => signed(Element::new("Modified")),
            AuditContent::Other(name) => signed(Element::new(name.as_str())),
            AuditContent::PhaseTime(phase) => phase.write(signed(Element::new("PhaseTime"))),
            AuditContent::ProcessRun(run) => run.write(signed(Element::new("ProcessRun"))),
            AuditContent::ResourceAudit(audit) => {
                audit.write(signed(Element::new("ResourceAudit")))
            }
            AuditContent::Notification(notification) => {
                // The time and author of the audit are those of the notification.
                let unsigned = Notification {
                    timestamp: None,
                    agent_name: None,
                    agent_version: None,
                    author: None,
                    ..notification.clone()
                };
                signed(unsigned.complete(None))
            }
        }
    }
}

fn read_links(element: ElementRef<'_>, findings: &mut Vec<Finding>) -> Vec<AuditAmount> {
    element
        .children()
        .filter_map(ResourceLink::of)
        .map(|link| AuditAmount::read(link, findings))
        .collect()
}

fn read_phase(element: ElementRef<'_>, findings: &mut Vec<Finding>) -> PhaseTime {
    let amounts = read_links(element, findings);
    let devices = element
        .children_named("Device")
        .filter_map(|device| device.attribute("DeviceID"));
    let employees = element.children_named("Employee").filter_map(|employee| {
        let name = || {
            employee
                .child("Person")
                .and_then(|person| person.attribute("FamilyName"))
        };
        employee
            .attribute("PersonalID")
            .or_else(|| employee.attribute("DescriptiveName"))
            .or_else(name)
    });
    let mut fields = Fields::of(element, findings);
    PhaseTime {
        start: fields.time("Start"),
        end: fields.time("End"),
        status: NodeStatus::from(fields.required("Status").as_str()),
        status_details: fields.text("StatusDetails"),
        device_ids: devices.map(str::to_owned).collect(),
        employees: employees.map(str::to_owned).collect(),
        amounts,
    }
}

fn read_run(element: ElementRef<'_>, findings: &mut Vec<Finding>) -> ProcessRun {
    let mut fields = Fields::of(element, findings);
    ProcessRun {
        start: fields.time("Start"),
        end: fields.time("End"),
        end_status: NodeStatus::from(fields.required("EndStatus").as_str()),
        duration: fields.duration("Duration"),
        queue_entry_id: fields.text("QueueEntryID"),
        submission_time: fields.time("SubmissionTime"),
        return_time: fields.time("ReturnTime"),
    }
}

fn read_resource(element: ElementRef<'_>, findings: &mut Vec<Finding>) -> ResourceAudit {
    let mut links = read_links(element, findings).into_iter();
    let mut fields = Fields::of(element, findings);
    ResourceAudit {
        reason: fields.state("Reason").unwrap_or(AuditReason::ProcessResult),
        contents_modified: fields.boolean("ContentsModified"),
        actual: links.next(),
        planned: links.next(),
    }
}

impl PhaseTime {
    pub fn new(status: NodeStatus, start: Timestamp, end: Timestamp) -> Self {
        Self {
            start: Some(start),
            end: Some(end),
            status,
            status_details: None,
            device_ids: Vec::new(),
            employees: Vec::new(),
            amounts: Vec::new(),
        }
    }

    fn write(&self, element: Element) -> Element {
        element
            .with_some("Start", self.start.map(write_date_time))
            .with_some("End", self.end.map(write_date_time))
            .with("Status", &self.status)
            .with_some("StatusDetails", self.status_details.as_ref())
            .children(
                self.device_ids
                    .iter()
                    .map(|id| Element::new("Device").with("DeviceID", id)),
            )
            .children(
                self.employees
                    .iter()
                    .map(|id| Element::new("Employee").with("PersonalID", id)),
            )
            .children(self.amounts.iter().map(AuditAmount::to_element))
    }
}

impl ProcessRun {
    pub fn new(start: Timestamp, end: Timestamp, end_status: NodeStatus) -> Self {
        Self {
            start: Some(start),
            end: Some(end),
            end_status,
            duration: None,
            queue_entry_id: None,
            submission_time: None,
            return_time: None,
        }
    }

    /// The queue entry is read but not written: JDF 1.5 does not know it here.
    fn write(&self, element: Element) -> Element {
        element
            .with_some("Start", self.start.map(write_date_time))
            .with_some("End", self.end.map(write_date_time))
            .with("EndStatus", &self.end_status)
            .with_some("Duration", self.duration.map(write_duration))
            .with_some("SubmissionTime", self.submission_time.map(write_date_time))
            .with_some("ReturnTime", self.return_time.map(write_date_time))
    }
}

impl ResourceAudit {
    pub fn actual(amount: AuditAmount) -> Self {
        Self {
            reason: AuditReason::ProcessResult,
            contents_modified: None,
            actual: Some(amount),
            planned: None,
        }
    }

    fn write(&self, element: Element) -> Element {
        element
            .with("Reason", &self.reason)
            .with_some("ContentsModified", self.contents_modified)
            .children(
                self.actual
                    .iter()
                    .chain(&self.planned)
                    .map(AuditAmount::to_element),
            )
    }
}

/// Sets the status of a node, with a remark for people.
pub fn set_node_status(
    document: &mut Document,
    node: NodeId,
    status: &NodeStatus,
    details: Option<&str>,
) -> Result<(), Error> {
    document.set_attribute(node, "Status", status.as_str())?;
    if let Some(details) = details {
        document.set_attribute(node, "StatusDetails", details)?;
    }
    Ok(())
}
