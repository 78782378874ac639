//! Spawning and merging (JDF 1.5, Spawning and Merging): a node is given away as a ticket of its own, with copies of
//! the resources that it needs, and the returned ticket is put back where it came from.
//!
//! What the two keep:
//! - The node's bytes go into the new ticket as they are, foreign content included; what is added stands beside them.
//! - Of a resource that was copied, the one in the parent carries `SpawnIDs` and `SpawnStatus`. A copy that may only
//!   be read carries `Locked`; a resource whose copy may be changed is locked in the parent until it is back.
//! - Both either happen whole or not at all: with an error, the parent is untouched.
//! - Merging what was not changed gives back what was there, but for the two audits.
//!
//! A resource is copied to be changed (read-write) if the node makes it, or if the node links to it and it is a thing
//! that is used up or handled, or its planning (`NodeInfo`); the others are copied to be read.
//!
//! ```
//! use agog_jdf::spawn::{MergeOptions, SpawnOptions, merge, spawn};
//! use agog_jdf::{Document, Limits, NodeStatus, Ticket};
//! let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" ID="box" JobID="J-7" Type="Product" Status="Waiting" Version="1.5">
//!   <ResourcePool><Component ID="sheet" Class="Quantity" Status="Unavailable" ComponentType="Sheet"/></ResourcePool>
//!   <JDF ID="print" Type="ConventionalPrinting" Status="Waiting">
//!     <ResourceLinkPool><ComponentLink rRef="sheet" Usage="Output"/></ResourceLinkPool></JDF></JDF>"#;
//! let mut parent = Document::parse(source, &Limits::default())?;
//! let print = Ticket::of(&parent)?.node_by_name("print").unwrap().node_id();
//! let now = "2025-03-01T08:00:00Z".parse().unwrap();
//!
//! // The printing node goes to the press …
//! let mut away = spawn(&mut parent, print, &SpawnOptions::new("Sp1", now, "AGOG")).unwrap().ticket;
//! assert_eq!(Ticket::of(&parent)?.node_by_name("print").unwrap().status(), Some(NodeStatus::Spawned));
//! assert_eq!(Ticket::of(&away)?.root().job_id(), Some("J-7"));
//!
//! // … which makes the sheets, and it comes back.
//! let sheet = Ticket::of(&away)?.by_id("sheet").unwrap().id();
//! away.set_attribute(sheet, "Status", "Available")?;
//! let merged = merge(&mut parent, &away, &MergeOptions::new(now, "AGOG")).unwrap();
//! assert_eq!(merged.overwritten, ["sheet"]);
//! assert_eq!(Ticket::of(&parent)?.by_id("sheet").unwrap().attribute("Status"), Some("Available"));
//! # Ok::<(), agog_jdf::Error>(())
//! ```

mod ancestor;
mod history;
mod ids;
mod mark;
mod merge;
mod part;
mod partial;
mod spawning;

use jiff::Timestamp;

use crate::amount::PartKeys;
use crate::document::{Document, NodeId};
use crate::error::Error;

pub use merge::merge;
pub use spawning::spawn;

/// How a node is spawned.
///
/// ```
/// use agog_jdf::spawn::SpawnOptions;
/// let now = "2025-03-01T08:00:00Z".parse().unwrap();
/// let options = SpawnOptions::new("Sp1", now, "AGOG").of_part([("SheetName".to_owned(), "S1".to_owned())].into());
/// assert_eq!(options.parts.len(), 1);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpawnOptions {
    /// What the spawning is called: a name that no other spawning of this job has (`SpawnID`).
    pub spawn_id: String,
    /// When it happens.
    pub timestamp: Timestamp,
    /// The program that does it, for the audit.
    pub agent_name: String,
    /// The parts that are given away; empty for the whole node.
    pub parts: Vec<PartKeys>,
    /// Where the new ticket is sent, for the audit.
    pub url: Option<String>,
    /// IDs of resources whose copies may only be read, whatever the rule says.
    pub read_only: Vec<String>,
    /// IDs of resources whose copies may be changed, whatever the rule says.
    pub read_write: Vec<String>,
}

impl SpawnOptions {
    /// The whole node, by the usual rules.
    pub fn new(
        spawn_id: impl Into<String>,
        timestamp: Timestamp,
        agent_name: impl Into<String>,
    ) -> Self {
        Self {
            spawn_id: spawn_id.into(),
            timestamp,
            agent_name: agent_name.into(),
            parts: Vec::new(),
            url: None,
            read_only: Vec::new(),
            read_write: Vec::new(),
        }
    }

    /// Only a part of the node; several parts are given away together.
    #[must_use]
    pub fn of_part(mut self, part: PartKeys) -> Self {
        self.parts.push(part);
        self
    }
}

/// What spawning gives: the new ticket.
///
/// ```
/// use agog_jdf::spawn::{SpawnOptions, Spawning, spawn};
/// use agog_jdf::{Document, Limits, Ticket};
/// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" ID="n" JobID="J-7" Type="Product" Status="Waiting">
///   <JDF ID="n1" JobPartID="Print" Type="ConventionalPrinting" Status="Waiting"/></JDF>"#;
/// let mut parent = Document::parse(source, &Limits::default())?;
/// let node = Ticket::of(&parent)?.node_by_part("Print").unwrap().node_id();
/// let now = "2025-03-01T08:00:00Z".parse().unwrap();
/// let Spawning { ticket, .. } = spawn(&mut parent, node, &SpawnOptions::new("Sp1", now, "AGOG")).unwrap();
/// assert_eq!(ticket.root().attribute("SpawnID"), Some("Sp1"));
/// # Ok::<(), agog_jdf::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Spawning {
    /// The node as a ticket of its own, in UTF-8.
    pub ticket: Document,
    /// IDs of the resources whose copies may only be read.
    pub read_only: Vec<String>,
    /// IDs of the resources whose copies may be changed.
    pub read_write: Vec<String>,
}

/// Why a node cannot be spawned.
///
/// ```
/// use agog_jdf::spawn::SpawnError;
/// let error = SpawnError::AlreadySpawned { node: "print".into() };
/// assert_eq!(error.to_string(), "node `print` is already spawned");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpawnError {
    /// The document cannot be read or changed.
    #[error("the ticket cannot be changed")]
    Document(#[from] Error),
    /// The id names no JDF node of the ticket.
    #[error("this is no node of the ticket")]
    NoNode,
    /// A node without an `ID` could not be found again.
    #[error("node `{node}` has no `ID`, by which the returned ticket would find it")]
    NoId {
        /// The node's name.
        node: String,
    },
    /// There would be nothing left to merge into.
    #[error("the root of a ticket can only be spawned in parts")]
    Root,
    /// The node, a node around it, or one of the parts is with someone else.
    #[error("node `{node}` is already spawned")]
    AlreadySpawned {
        /// The node's name.
        node: String,
    },
    /// A node below is with someone else.
    #[error("node `{inside}` below node `{node}` is spawned and must come back first")]
    SpawnedInside {
        /// The node's name.
        node: String,
        /// The name of the node below.
        inside: String,
    },
    /// Parts can be given away of nodes that do the work themselves.
    #[error("node `{node}` has nodes below it and cannot be spawned in parts")]
    PartsOfGroup {
        /// The node's name.
        node: String,
    },
    /// The spawn ID is not a name, or is in use.
    #[error("`{spawn_id}` cannot be the spawn ID: {reason}")]
    SpawnId {
        /// The spawn ID.
        spawn_id: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The node changes a resource that someone else is changing.
    #[error("resource `{rref}` is being changed by the spawned ticket `{spawn_ids}`")]
    ResourceTaken {
        /// The ID of the resource.
        rref: String,
        /// The spawnings that it was copied for.
        spawn_ids: String,
    },
}

/// How a ticket is merged.
///
/// ```
/// use agog_jdf::spawn::MergeOptions;
/// let now = "2025-03-01T08:00:00Z".parse().unwrap();
/// assert!(MergeOptions::new(now, "AGOG").url.is_none());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeOptions {
    /// When it happens.
    pub timestamp: Timestamp,
    /// The program that does it, for the audit.
    pub agent_name: String,
    /// Where the returned ticket came from, for the audit.
    pub url: Option<String>,
}

impl MergeOptions {
    /// By a program, at a time.
    pub fn new(timestamp: Timestamp, agent_name: impl Into<String>) -> Self {
        Self {
            timestamp,
            agent_name: agent_name.into(),
            url: None,
        }
    }
}

/// What was merged.
///
/// ```
/// use agog_jdf::spawn::Merging;
/// fn report(merging: &Merging) -> String {
///     format!("{} came back, {} resources were replaced", merging.node_id, merging.overwritten.len())
/// }
/// # let _ = report;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merging {
    /// The node that came back, in the parent as it now is.
    pub node: NodeId,
    /// Its `ID`.
    pub node_id: String,
    /// What the spawning was called.
    pub spawn_id: String,
    /// IDs of the resources that the returned ones replaced.
    pub overwritten: Vec<String>,
    /// IDs in the returned ticket that were taken in the parent, and what they became.
    pub renamed: Vec<(String, String)>,
}

/// Why a returned ticket cannot be merged.
///
/// ```
/// use agog_jdf::spawn::MergeError;
/// let error = MergeError::AlreadyMerged { spawn_id: "Sp1".into() };
/// assert_eq!(error.to_string(), "the spawned ticket `Sp1` was merged before");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// A document cannot be read or changed.
    #[error("the ticket cannot be changed")]
    Document(#[from] Error),
    /// The returned ticket is none that was spawned.
    #[error("the returned ticket was not spawned: it has no `SpawnID`")]
    NotSpawned,
    /// It was spawned from another ticket.
    #[error("the spawned ticket `{spawn_id}` is not from here: no audit tells of its spawning")]
    UnknownSpawn {
        /// Its spawn ID.
        spawn_id: String,
    },
    /// It came back before.
    #[error("the spawned ticket `{spawn_id}` was merged before")]
    AlreadyMerged {
        /// Its spawn ID.
        spawn_id: String,
    },
    /// What came back is another node than the one that was given away.
    #[error("spawning `{spawn_id}` gave node `{expected}` away, but node `{found}` came back")]
    WrongNode {
        /// The spawn ID.
        spawn_id: String,
        /// The `ID` in the audit.
        expected: String,
        /// The `ID` of the returned node.
        found: String,
    },
    /// The node that was given away is not in the parent any more.
    #[error("the ticket no longer has the node `{node}`")]
    NodeMissing {
        /// Its `ID`.
        node: String,
    },
}
