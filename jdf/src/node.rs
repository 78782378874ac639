//! Typed view of a ticket: its tree of nodes, which of them a device can run, and what a person calls them.
//!
//! Views read the tree in place and copy nothing; to change a ticket, edit the [`Document`] by the ids that
//! views give.

mod plan;
mod pool;

use std::collections::HashMap;

use crate::document::{Document, NodeId};
use crate::error::{Error, Position};
use crate::link::ResourceLink;
use crate::resource::Resource;
use crate::state::{NodeStatus, Usage};
use crate::value::tokens;
use crate::view::ElementRef;

pub use plan::{Customer, PartStatus};
pub use pool::{Reached, Reference};

/// A JDF document with an index of its IDs.
///
/// ```
/// use agog_jdf::{Document, Limits, Ticket};
/// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" ID="n1" JobID="J-7" Type="Cutting" Status="Waiting"/>"#;
/// let document = Document::parse(source, &Limits::default())?;
/// let ticket = Ticket::of(&document)?;
/// let nodes = ticket.executable_nodes().unwrap();
/// assert_eq!((nodes[0].job_id(), nodes[0].process_type()), (Some("J-7"), Some("Cutting")));
/// # Ok::<(), agog_jdf::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Ticket<'d> {
    document: &'d Document,
    ids: HashMap<&'d str, NodeId>,
}

impl<'d> Ticket<'d> {
    /// Fails if the document is not a JDF.
    pub fn of(document: &'d Document) -> Result<Self, Error> {
        let root = document.expect_root("JDF")?;
        let mut ids = HashMap::new();
        for element in std::iter::once(root).chain(root.descendants()) {
            if let Some(id) = element.attribute("ID") {
                // Where an ID is given twice, references mean the first.
                ids.entry(id).or_insert(element.id());
            }
        }
        Ok(Self { document, ids })
    }

    /// The document that the ticket is.
    pub fn document(&self) -> &'d Document {
        self.document
    }

    /// The element with an `ID`.
    pub fn by_id(&self, id: &str) -> Option<ElementRef<'d>> {
        self.document.element(*self.ids.get(id)?)
    }

    /// The resource with an `ID`; nothing if a node has it.
    pub fn resource(&self, id: &str) -> Option<Resource<'d>> {
        let found = self.by_id(id).filter(|found| !found.is_jdf("JDF"));
        found.map(Resource::of)
    }

    /// The outermost node.
    pub fn root(&self) -> JdfNode<'d> {
        JdfNode {
            element: self.document.root(),
        }
    }

    /// Every node, parents before children.
    pub fn nodes(&self) -> impl Iterator<Item = JdfNode<'d>> {
        self.root().subtree()
    }

    /// The node with a job part ID.
    pub fn node_by_part(&self, job_part_id: &str) -> Option<JdfNode<'d>> {
        self.nodes()
            .find(|node| node.job_part_id() == Some(job_part_id))
    }

    /// The node with an `ID`, or else with a job part ID: whatever a person calls it.
    pub fn node_by_name(&self, name: &str) -> Option<JdfNode<'d>> {
        let by_id = self.nodes().find(|node| node.id() == Some(name));
        by_id.or_else(|| self.node_by_part(name))
    }

    /// The nodes that a device can run: leaf processes, combined nodes and gray boxes that are not done.
    /// If there is none, the error says of each leaf why not.
    pub fn executable_nodes(&self) -> Result<Vec<JdfNode<'d>>, NoExecutableNode> {
        let mut executable = Vec::new();
        let mut obstacles = Vec::new();
        for node in self.nodes().filter(|node| node.children().next().is_none()) {
            match node.obstacle() {
                None => executable.push(node),
                Some(obstacle) => obstacles.push(NodeObstacle {
                    name: node.display_name().to_owned(),
                    obstacle,
                    position: node.element.position(),
                }),
            }
        }
        if executable.is_empty() {
            Err(NoExecutableNode { obstacles })
        } else {
            Ok(executable)
        }
    }
}

/// A ticket has nothing that a device could run.
///
/// ```
/// use agog_jdf::{Document, Limits, Ticket};
/// let source = b"<JDF xmlns='http://www.CIP4.org/JDFSchema_1_1' ID='n' Type='Product' DescriptiveName='Box' Status='Waiting'/>";
/// let document = Document::parse(source, &Limits::default())?;
/// let nothing = Ticket::of(&document)?.executable_nodes().unwrap_err();
/// assert!(nothing.to_string().contains("node `Box` is a product node"));
/// # Ok::<(), agog_jdf::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the ticket has no executable node: {}", self.reasons())]
pub struct NoExecutableNode {
    /// Each leaf and what is in its way.
    pub obstacles: Vec<NodeObstacle>,
}

/// One leaf node and why it cannot be run, from [`Ticket::executable_nodes`].
///
/// ```
/// use agog_jdf::{NodeObstacle, NodeStatus, Obstacle, Position};
/// let done = Obstacle::Done(NodeStatus::Completed);
/// let found = NodeObstacle { name: "P1".into(), obstacle: done, position: Position::default() };
/// assert_eq!(found.obstacle.to_string(), "already has the status Completed");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeObstacle {
    /// What a person calls the node.
    pub name: String,
    /// What is in its way.
    pub obstacle: Obstacle,
    /// Where the node stands.
    pub position: Position,
}

/// Why a node cannot be run.
///
/// ```
/// use agog_jdf::{Document, Limits, Obstacle, Ticket};
/// let source = b"<JDF xmlns='http://www.CIP4.org/JDFSchema_1_1' ID='n' Type='Cutting' Status='Waiting' Activation='Inactive'/>";
/// let document = Document::parse(source, &Limits::default())?;
/// let obstacle = Ticket::of(&document)?.root().obstacle();
/// assert_eq!(obstacle, Some(Obstacle::Inactive("Inactive".into())));
/// # Ok::<(), agog_jdf::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// It groups others.
    #[error("is not a leaf: the nodes below it are run")]
    HasChildren,
    /// It says what is made.
    #[error("is a product node: it says what is made, not how, and has no process nodes below it")]
    Product,
    /// It groups nothing and names no process.
    #[error("is a process group without `Types` and without nodes below it")]
    EmptyGroup,
    /// It does not say what it does.
    #[error("has no `Type`")]
    NoType,
    /// It is completed, aborted or given away.
    #[error("already has the status {0}")]
    Done(NodeStatus),
    /// It is not to be run (now), in the words of `Activation`.
    #[error("is not active (`Activation=\"{0}\"`)")]
    Inactive(String),
}

impl NoExecutableNode {
    fn reasons(&self) -> String {
        const SHOWN: usize = 3;
        let shown = self.obstacles.iter().take(SHOWN);
        let mut reasons: Vec<String> = shown
            .map(|found| format!("node `{}` {}", found.name, found.obstacle))
            .collect();
        if self.obstacles.len() > SHOWN {
            reasons.push(format!("and {} more", self.obstacles.len() - SHOWN));
        }
        reasons.join("; ")
    }
}

/// What kind of node it is (JDF 1.5, JDF Nodes).
///
/// ```
/// use agog_jdf::{Document, Limits, NodeKind, Ticket};
/// let source = b"<JDF xmlns='http://www.CIP4.org/JDFSchema_1_1' ID='n' Type='Combined' Types='Cutting Folding' Status='Waiting'/>";
/// let document = Document::parse(source, &Limits::default())?;
/// assert_eq!(Ticket::of(&document)?.root().kind(), NodeKind::Combined);
/// # Ok::<(), agog_jdf::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NodeKind {
    /// What the customer wants, not how it is made.
    Product,
    /// Groups the nodes below it.
    Group,
    /// A group that names its processes but leaves them to the device.
    GrayBox,
    /// Several processes that run as one.
    Combined,
    /// One process.
    Process,
    /// The node does not say.
    Untyped,
}

/// One node of a ticket: a view that is cheap to copy.
///
/// ```
/// use agog_jdf::{Document, Limits, Ticket};
/// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" ID="n" JobID="J-7" Type="Product" Status="Waiting">
///   <JDF ID="n1" JobPartID="Print" Type="ConventionalPrinting" Status="InProgress"/></JDF>"#;
/// let document = Document::parse(source, &Limits::default())?;
/// let ticket = Ticket::of(&document)?;
/// let print = ticket.node_by_part("Print").unwrap();
/// assert_eq!((print.job_id(), print.types()), (Some("J-7"), vec!["ConventionalPrinting"]));
/// assert_eq!(print.parent(), Some(ticket.root()));
/// # Ok::<(), agog_jdf::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JdfNode<'d> {
    element: ElementRef<'d>,
}

impl<'d> JdfNode<'d> {
    /// The element seen.
    pub fn element(self) -> ElementRef<'d> {
        self.element
    }

    /// The place in the document, for edits.
    pub fn node_id(self) -> NodeId {
        self.element.id()
    }

    /// The `ID` attribute.
    pub fn id(self) -> Option<&'d str> {
        self.element.attribute("ID")
    }

    /// The node around this one.
    pub fn parent(self) -> Option<Self> {
        self.element
            .parent()
            .filter(|parent| parent.is_jdf("JDF"))
            .map(|element| Self { element })
    }

    /// The nodes directly inside this one.
    pub fn children(self) -> impl Iterator<Item = Self> {
        self.element
            .children()
            .filter(|child| child.is_jdf("JDF"))
            .map(|element| Self { element })
    }

    /// The job, as this node or the nearest node above it says; a spawned ticket keeps it in its ancestors.
    pub fn job_id(self) -> Option<&'d str> {
        self.inherited("JobID").or_else(|| {
            let root = self.element.document().root();
            root.child("AncestorPool")?
                .children_named("Ancestor")
                .find_map(|ancestor| ancestor.attribute("JobID"))
        })
    }

    /// The part of the job, unique within the job.
    pub fn job_part_id(self) -> Option<&'d str> {
        self.element.attribute("JobPartID")
    }

    /// What people call it.
    pub fn descriptive_name(self) -> Option<&'d str> {
        self.element.attribute("DescriptiveName")
    }

    /// The `Type`: a process, `Product`, `ProcessGroup` or `Combined`.
    pub fn process_type(self) -> Option<&'d str> {
        self.element
            .attribute("Type")
            .map(str::trim)
            .filter(|name| !name.is_empty())
    }

    /// The processes: `Types` where the node has them, else its one `Type`.
    pub fn types(self) -> Vec<&'d str> {
        match (self.element.attribute("Types"), self.process_type()) {
            (Some(types), _) if !types.trim().is_empty() => tokens(types).collect(),
            (_, Some("Product" | "ProcessGroup" | "Combined") | None) => Vec::new(),
            (_, Some(process)) => vec![process],
        }
    }

    /// What kind of node it is, by its `Type` and `Types`.
    pub fn kind(self) -> NodeKind {
        match self.process_type() {
            None => NodeKind::Untyped,
            Some("Product") => NodeKind::Product,
            Some("Combined") => NodeKind::Combined,
            Some("ProcessGroup") if self.types().is_empty() => NodeKind::Group,
            Some("ProcessGroup") => NodeKind::GrayBox,
            Some(_) => NodeKind::Process,
        }
    }

    /// How far it is; [`NodeStatus::Part`] and [`NodeStatus::Pool`] say that its parts differ.
    pub fn status(self) -> Option<NodeStatus> {
        self.element
            .attribute("Status")
            .map(|text| text.trim().into())
    }

    /// The version of JDF in which it is written, its own or that of the nearest node around it.
    pub fn version(self) -> Option<&'d str> {
        self.inherited("Version")
    }

    /// A name for messages: the description, the part, the ID or the type.
    pub fn display_name(self) -> &'d str {
        let names = [
            self.descriptive_name(),
            self.job_part_id(),
            self.id(),
            self.process_type(),
        ];
        names
            .into_iter()
            .flatten()
            .find(|name| !name.trim().is_empty())
            .unwrap_or("(unnamed)")
    }

    /// What was recorded of it.
    pub fn audit_pool(self) -> Option<ElementRef<'d>> {
        self.element.child("AuditPool")
    }

    /// The links of this node, in order.
    pub fn links(self) -> impl Iterator<Item = ResourceLink<'d>> {
        let pools = self.element.children_named("ResourceLinkPool");
        pools
            .flat_map(ElementRef::children)
            .filter_map(ResourceLink::of)
    }

    /// The links to what it uses, in order.
    pub fn inputs(self) -> impl Iterator<Item = ResourceLink<'d>> {
        self.links()
            .filter(|link| link.usage() == Some(Usage::Input))
    }

    /// The links to what it makes, in order.
    pub fn outputs(self) -> impl Iterator<Item = ResourceLink<'d>> {
        self.links()
            .filter(|link| link.usage() == Some(Usage::Output))
    }

    /// Why this node cannot be run; `None` if it can.
    pub fn obstacle(self) -> Option<Obstacle> {
        if self.children().next().is_some() {
            return Some(Obstacle::HasChildren);
        }
        match self.kind() {
            NodeKind::Product => return Some(Obstacle::Product),
            NodeKind::Group => return Some(Obstacle::EmptyGroup),
            NodeKind::Untyped => return Some(Obstacle::NoType),
            NodeKind::GrayBox | NodeKind::Combined | NodeKind::Process => {}
        }
        if let Some(status @ (NodeStatus::Completed | NodeStatus::Aborted | NodeStatus::Spawned)) =
            self.status()
        {
            return Some(Obstacle::Done(status));
        }
        let activation = self
            .inherited("Activation")
            .filter(|text| matches!(*text, "Inactive" | "Informative"));
        activation.map(|text| Obstacle::Inactive(text.to_owned()))
    }

    /// The node that an element is.
    pub(crate) fn of_element(element: ElementRef<'d>) -> Self {
        Self { element }
    }

    /// An attribute of this node or of the nearest one around it that has it.
    pub(crate) fn inherited(self, name: &str) -> Option<&'d str> {
        std::iter::successors(Some(self), |node| node.parent())
            .find_map(|node| node.element.attribute(name))
    }
}
