//! The history of a node (JDF 1.5, AuditPool): who made and changed it, when it ran, what it used and made, what
//! went wrong, what was spawned and merged. Audits are read from a ticket and appended to it; none is ever changed.
//!
//! Here is what all audits share; each kind has its own file below `audit/`. An audit of a kind that JDF 1.5 does
//! not know is kept by its name and by its element in the document.
//!
//! ```
//! use agog_jdf::audit::{Audit, AuditContent, ProcessRun};
//! use agog_jdf::{Document, Limits, NodeStatus, Ticket};
//! let source = b"<JDF xmlns='http://www.CIP4.org/JDFSchema_1_1' ID='n' Type='Cutting' Status='Waiting'/>";
//! let mut document = Document::parse(source, &Limits::default())?;
//! let (start, end) = ("2025-03-01T08:00:00Z".parse().unwrap(), "2025-03-01T08:20:00Z".parse().unwrap());
//! let run = AuditContent::ProcessRun(ProcessRun::new(start, end, NodeStatus::Completed));
//! let node = document.root().id();
//! Audit::new(end, "AGOG", run).append_to(&mut document, node)?;
//! let audits = Audit::read_all(Ticket::of(&document)?.root(), &mut Vec::new());
//! assert!(matches!(&audits[0].content, AuditContent::ProcessRun(run) if run.start == Some(start)));
//! # Ok::<(), agog_jdf::Error>(())
//! ```

mod change;
mod phase;
mod result;

use jiff::Timestamp;

use crate::amount::PartKeys;
use crate::document::{Document, NodeId};
use crate::element::Element;
use crate::error::Error;
use crate::finding::Finding;
use crate::jmf::Notification;
use crate::node::{JdfNode, Ticket};
use crate::resource::Resource;
use crate::state::NodeStatus;
use crate::value::{Fields, write_date_time};
use crate::view::ElementRef;

pub use change::{Created, Deleted, Merged, Modified, Spawned};
pub use phase::{ModulePhase, PhaseTime};
pub use result::{AuditAmount, ProcessRun, ResourceAudit};

/// Who wrote an audit and when, and what it refers to: what every audit may say.
///
/// ```
/// use agog_jdf::audit::Author;
/// let by = Author { agent_name: Some("AGOG".into()), ref_id: Some("A1".into()), ..Author::default() };
/// assert_eq!(by.timestamp, None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Author {
    /// When the audit was written (`TimeStamp`).
    pub timestamp: Option<Timestamp>,
    /// The program that wrote it.
    pub agent_name: Option<String>,
    /// The version of that program.
    pub agent_version: Option<String>,
    /// The person or device behind it, as text (until JDF 1.3; later versions name employees).
    pub author: Option<String>,
    /// The `ID` of the audit, for others to refer to.
    pub id: Option<String>,
    /// The `ID` of an earlier audit that this one corrects or completes (`refID`).
    pub ref_id: Option<String>,
    /// The spawning during which it was written (`SpawnID`).
    pub spawn_id: Option<String>,
    /// The entry of the device's queue under which the work ran (`QueueEntryID`, from JDF 1.4).
    pub queue_entry_id: Option<String>,
    /// The people behind it: personnel numbers, or names where there is no number. Those of a phase are in
    /// [`PhaseTime::employees`].
    pub employees: Vec<String>,
}

/// One entry of an audit pool.
///
/// ```
/// use agog_jdf::audit::{Audit, AuditContent};
/// use agog_jdf::{Document, Limits, Ticket};
/// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" ID="n" Type="Cutting" Status="Waiting"><AuditPool>
///   <Spawned jRef="n" NewSpawnID="Sp1" TimeStamp="2025-03-01T08:00:00Z"/></AuditPool></JDF>"#;
/// let document = Document::parse(source, &Limits::default())?;
/// let audits = Audit::read_all(Ticket::of(&document)?.root(), &mut Vec::new());
/// assert!(matches!(&audits[0].content, AuditContent::Spawned(spawned) if spawned.new_spawn_id == "Sp1"));
/// # Ok::<(), agog_jdf::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// What every audit may say.
    pub by: Author,
    /// What this one says.
    pub content: AuditContent,
    /// Where it stands, if it was read from a document: the way to whatever has no field here.
    pub element: Option<NodeId>,
}

/// What an audit records.
///
/// ```
/// use agog_jdf::audit::{AuditContent, Created};
/// let content = AuditContent::Created(Created { template_id: Some("box".into()), ..Created::default() });
/// assert_eq!(content.name(), "Created");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "a node has few audits, and most of them are the large ones"
)]
pub enum AuditContent {
    /// The node or something in it was made.
    Created(Created),
    /// Something in the node was changed.
    Modified(Modified),
    /// Something in the node was taken away.
    Deleted(Deleted),
    /// A node was given away as a ticket of its own.
    Spawned(Spawned),
    /// A ticket that was given away came back.
    Merged(Merged),
    /// A stretch of time in one status.
    PhaseTime(PhaseTime),
    /// One run of the node.
    ProcessRun(ProcessRun),
    /// What was really used or made.
    ResourceAudit(ResourceAudit),
    /// Something that happened. What all audits share counts as [`Audit::by`] says it.
    Notification(Notification),
    /// A vendor's own, by name; what it says is at [`Audit::element`].
    Other(String),
}

impl AuditContent {
    /// The name of the element.
    pub fn name(&self) -> &str {
        match self {
            Self::Created(_) => "Created",
            Self::Modified(_) => "Modified",
            Self::Deleted(_) => "Deleted",
            Self::Spawned(_) => "Spawned",
            Self::Merged(_) => "Merged",
            Self::PhaseTime(_) => "PhaseTime",
            Self::ProcessRun(_) => "ProcessRun",
            Self::ResourceAudit(_) => "ResourceAudit",
            Self::Notification(_) => "Notification",
            Self::Other(name) => name,
        }
    }

    fn read(element: ElementRef<'_>, reading: &mut Reading<'_, '_, '_>) -> Self {
        match element.local_name() {
            name if !element.is_of_jdf() => Self::Other(name.to_owned()),
            "Created" => Self::Created(Created::read(element)),
            "Modified" => Self::Modified(Modified::read(element)),
            "Deleted" => Self::Deleted(Deleted::read(element)),
            "Spawned" => Self::Spawned(Spawned::read(element, reading.findings)),
            "Merged" => Self::Merged(Merged::read(element, reading.findings)),
            "PhaseTime" => Self::PhaseTime(PhaseTime::read(element, reading)),
            "ProcessRun" => Self::ProcessRun(ProcessRun::read(element, reading.findings)),
            "ResourceAudit" => Self::ResourceAudit(ResourceAudit::read(element, reading.findings)),
            "Notification" => Self::Notification(Notification::read(element, reading.findings)),
            name => Self::Other(name.to_owned()),
        }
    }

    /// The element, where `sign` adds what all audits share.
    fn to_element(&self, sign: impl Fn(Element) -> Element) -> Element {
        let signed = || sign(Element::new(self.name().to_owned()));
        match self {
            Self::Created(created) => created.write(signed()),
            Self::Modified(modified) => modified.write(signed()),
            Self::Deleted(deleted) => deleted.write(signed()),
            Self::Spawned(spawned) => spawned.write(signed()),
            Self::Merged(merged) => merged.write(signed()),
            Self::PhaseTime(phase) => phase.write(signed()),
            Self::ProcessRun(run) => run.write(signed()),
            Self::ResourceAudit(audit) => audit.write(signed()),
            Self::Notification(notification) => sign(unsigned(notification).complete(None)),
            Self::Other(_) => signed(),
        }
    }
}

/// A notification without what the audit itself says.
fn unsigned(notification: &Notification) -> Notification {
    Notification {
        timestamp: None,
        id: None,
        ref_id: None,
        agent_name: None,
        agent_version: None,
        author: None,
        spawn_id: None,
        queue_entry_id: None,
        employees: Vec::new(),
        ..notification.clone()
    }
}

/// What reading an audit needs beside its element.
struct Reading<'d, 't, 'f> {
    /// Where devices and employees are found that are only referred to.
    ticket: Option<&'t Ticket<'d>>,
    findings: &'f mut Vec<Finding>,
}

impl Audit {
    /// An audit of a program, to be appended to a node.
    pub fn new(timestamp: Timestamp, agent_name: impl Into<String>, content: AuditContent) -> Self {
        let by = Author {
            timestamp: Some(timestamp),
            agent_name: Some(agent_name.into()),
            ..Author::default()
        };
        Self {
            by,
            content,
            element: None,
        }
    }

    /// Reads every audit of a node, in the order they were written. Devices and employees that an audit only refers
    /// to (`DeviceRef`, `EmployeeRef`) are left out; see [`Self::read_with`].
    pub fn read_all(node: JdfNode<'_>, findings: &mut Vec<Finding>) -> Vec<Self> {
        let ticket = None;
        Self::read_pools(node, &mut Reading { ticket, findings })
    }

    /// Reads every audit of a node, with devices and employees that are referred to.
    pub fn read_with<'d>(
        node: JdfNode<'d>,
        ticket: &Ticket<'d>,
        findings: &mut Vec<Finding>,
    ) -> Vec<Self> {
        let ticket = Some(ticket);
        Self::read_pools(node, &mut Reading { ticket, findings })
    }

    fn read_pools(node: JdfNode<'_>, reading: &mut Reading<'_, '_, '_>) -> Vec<Self> {
        let pools = node.element().children_named("AuditPool");
        pools
            .flat_map(ElementRef::children)
            .map(|element| Self::read(element, reading))
            .collect()
    }

    fn read(element: ElementRef<'_>, reading: &mut Reading<'_, '_, '_>) -> Self {
        let content = AuditContent::read(element, reading);
        let employees = match content {
            AuditContent::PhaseTime(_) => Vec::new(),
            _ => employees(element, reading.ticket),
        };
        let mut fields = Fields::of(element, reading.findings);
        let by = Author {
            timestamp: fields.time("TimeStamp"),
            agent_name: fields.text("AgentName"),
            agent_version: fields.text("AgentVersion"),
            author: fields.text("Author"),
            id: fields.text("ID"),
            ref_id: fields.text("refID"),
            spawn_id: fields.text("SpawnID"),
            queue_entry_id: fields.text("QueueEntryID"),
            employees,
        };
        Self {
            by,
            content,
            element: Some(element.id()),
        }
    }

    /// Appends the audit to a node's pool, which is made if there is none.
    ///
    /// # Errors
    /// If the node is not in the document, or the document would grow beyond what it can hold.
    pub fn append_to(&self, document: &mut Document, node: NodeId) -> Result<NodeId, Error> {
        let pool = pool_of(document, node)?;
        document.append_child(pool, &self.to_element())
    }

    fn to_element(&self) -> Element {
        let by = &self.by;
        let run_entry = match &self.content {
            AuditContent::ProcessRun(run) => run.queue_entry_id.as_ref(),
            _ => None,
        };
        self.content.to_element(|element| {
            element
                .with_some("TimeStamp", by.timestamp.map(write_date_time))
                .with_some("AgentName", by.agent_name.as_ref())
                .with_some("AgentVersion", by.agent_version.as_ref())
                .with_some("Author", by.author.as_ref())
                .with_some("ID", by.id.as_ref())
                .with_some("refID", by.ref_id.as_ref())
                .with_some("SpawnID", by.spawn_id.as_ref())
                .with_some("QueueEntryID", by.queue_entry_id.as_ref().or(run_entry))
                .children(employee_elements(&by.employees))
        })
    }
}

/// The audit pool of a node, which is made if there is none.
pub(crate) fn pool_of(document: &mut Document, node: NodeId) -> Result<NodeId, Error> {
    let places = document.element(node).map(|element| {
        (
            element.child("AuditPool").map(ElementRef::id),
            element.children().next().map(ElementRef::id),
        )
    });
    match places {
        Some((Some(pool), _)) => Ok(pool),
        // The pool is customarily the first child.
        Some((None, Some(first))) => document.insert_before(first, &Element::new("AuditPool")),
        _ => document.append_child(node, &Element::new("AuditPool")),
    }
}

/// The people that an element names: by number, or by name where there is no number.
fn employees<'d>(element: ElementRef<'d>, ticket: Option<&Ticket<'d>>) -> Vec<String> {
    named(element, "Employee", ticket, |employee| {
        let attribute = |name| employee.attribute(name);
        let name = || {
            let person = employee.element().child("Person")?;
            person.attribute("FamilyName")
        };
        attribute("PersonalID")
            .or_else(|| attribute("DescriptiveName"))
            .or_else(name)
    })
}

/// What identifies the resources of a kind that are inside an element or referred to.
fn named<'d>(
    element: ElementRef<'d>,
    kind: &str,
    ticket: Option<&Ticket<'d>>,
    identity: impl Fn(Resource<'d>) -> Option<&'d str>,
) -> Vec<String> {
    let children = element.children().filter(|child| child.is_of_jdf());
    children
        .filter_map(|child| {
            let name = child.local_name();
            if name == kind {
                return identity(Resource::of(child));
            }
            if name.strip_suffix("Ref") != Some(kind) {
                return None;
            }
            identity(ticket?.resource(child.attribute("rRef")?)?)
        })
        .map(str::to_owned)
        .collect()
}

fn employee_elements(employees: &[String]) -> impl Iterator<Item = Element> {
    employees
        .iter()
        .map(|id| Element::new("Employee").with("PersonalID", id))
}

/// The keys of every `Part` of an element.
fn parts(element: ElementRef<'_>) -> Vec<PartKeys> {
    let parts = element.children_named("Part");
    parts.map(crate::amount::read_keys).collect()
}

fn part_elements(parts: &[PartKeys]) -> impl Iterator<Item = Element> {
    parts.iter().map(crate::amount::keys_element)
}

/// Sets the status of a node, with a remark for people.
///
/// ```
/// use agog_jdf::audit::set_node_status;
/// use agog_jdf::{Document, Limits, NodeStatus};
/// let mut document = Document::parse(br#"<JDF Status="Waiting"/>"#, &Limits::default())?;
/// let root = document.root().id();
/// set_node_status(&mut document, root, &NodeStatus::Completed, Some("good"))?;
/// assert_eq!(document.to_bytes(), br#"<JDF Status="Completed" StatusDetails="good"/>"#);
/// # Ok::<(), agog_jdf::Error>(())
/// ```
///
/// # Errors
/// If the node is not in the document.
///
/// ```
/// use agog_jdf::audit::set_node_status;
/// use agog_jdf::{Document, Limits, NodeStatus};
/// let mut document = Document::parse(b"<JDF ID='n' Status='Waiting'/>", &Limits::default())?;
/// let node = document.root().id();
/// set_node_status(&mut document, node, &NodeStatus::Stopped, Some("PaperJam"))?;
/// assert_eq!(document.to_bytes(), br#"<JDF ID='n' Status='Stopped' StatusDetails="PaperJam"/>"#);
/// # Ok::<(), agog_jdf::Error>(())
/// ```
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
