//! The order of work in a ticket (JDF 1.5, Execution Model): which node waits for which because one makes what the
//! other takes, and what a node waits for right now.
//!
//! Nodes without nodes below them do the work. Who waits for whom is one graph, built in one pass over the links
//! (`order/graph.rs`), which the validation uses as well; what a node waits for right now is in `order/readiness.rs`,
//! the processes inside a combined node are in `order/steps.rs`.
//!
//! ```
//! use agog_jdf::order::Order;
//! use agog_jdf::{Document, JobDescription, Limits, Ticket, samples};
//! let carton: JobDescription = serde_json::from_str(samples()[0].json).unwrap();
//! let bytes = carton.to_ticket("2025-03-01T08:00:00Z".parse().unwrap()).unwrap();
//! let document = Document::parse(&bytes, &Limits::default())?;
//! let ticket = Ticket::of(&document)?;
//! let order = Order::of(&ticket);
//! let parts: Vec<_> = order.nodes().iter().filter_map(|node| node.job_part_id()).collect();
//! assert_eq!(parts, ["Plates", "Print-Varnish", "DieCut", "BoxFold-Glue"]);
//! # Ok::<(), agog_jdf::Error>(())
//! ```

mod graph;
mod readiness;
mod steps;

use std::collections::HashMap;

use crate::document::NodeId;
use crate::node::{JdfNode, Ticket};

pub(crate) use readiness::linked_leaves;
pub use readiness::{PartReadiness, Readiness, Wait};
pub use steps::Step;

use graph::{Graph, Vertex};

/// The order in which the nodes of a ticket can be run.
///
/// ```
/// use agog_jdf::order::{Order, Readiness};
/// use agog_jdf::{Document, Limits, Ticket};
/// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" ID="p" Type="Product">
///   <ResourcePool><Component ID="sheet" Status="Unavailable"/></ResourcePool>
///   <JDF ID="cut" Type="Cutting" Status="Waiting"><ResourceLinkPool><ComponentLink rRef="sheet" Usage="Input"/></ResourceLinkPool></JDF>
///   <JDF ID="print" Type="ConventionalPrinting" Status="Waiting"><ResourceLinkPool><ComponentLink rRef="sheet" Usage="Output"/></ResourceLinkPool></JDF></JDF>"#;
/// let document = Document::parse(source, &Limits::default())?;
/// let ticket = Ticket::of(&document)?;
/// let order = Order::of(&ticket);
/// let nodes: Vec<_> = order.nodes().iter().filter_map(|node| node.id()).collect();
/// assert_eq!(nodes, ["print", "cut"]);
/// assert_eq!(order.readiness(order.nodes()[0], None), Readiness::Ready);
/// let Readiness::Waits(waits) = order.readiness(order.nodes()[1], None) else { panic!() };
/// assert_eq!(waits[0].to_string(), "resource `sheet` is Unavailable, to be made by node `print`");
/// # Ok::<(), agog_jdf::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Order<'t, 'd> {
    ticket: &'t Ticket<'d>,
    graph: Graph<'d>,
    sorted: Vec<JdfNode<'d>>,
    stuck: Vec<JdfNode<'d>>,
}

impl<'t, 'd> Order<'t, 'd> {
    /// Finds the order; linear in the size of the ticket.
    pub fn of(ticket: &'t Ticket<'d>) -> Self {
        let graph = Graph::of(ticket);
        let leaves = |vertices: Vec<Vertex>| {
            let leaves = vertices.into_iter().filter_map(|at| graph.leaf(at));
            leaves.collect::<Vec<_>>()
        };
        let (sorted, stuck) = (leaves(graph.sorted()), leaves(graph.stuck()));
        Self {
            ticket,
            graph,
            sorted,
            stuck,
        }
    }

    /// The nodes that do work, each after those that it waits for: first those that wait for nothing, in the order of
    /// the document. Between nodes that wait for each other no order is kept.
    pub fn nodes(&self) -> &[JdfNode<'d>] {
        &self.sorted
    }

    /// Nodes that can never start, since they wait for each other. The processes of a gray box may run at different
    /// times, so one may feed what it waits for; it is not among these.
    pub fn stuck(&self) -> &[JdfNode<'d>] {
        &self.stuck
    }

    /// The nodes whose results a node takes, in the order of the document. What flows through a pipe is not waited
    /// for.
    pub fn waits_for(&self, node: JdfNode<'d>) -> Vec<JdfNode<'d>> {
        self.graph.waits_for(node)
    }

    /// The nodes that make a resource, in the order of the document.
    pub fn makers(&self, rref: &str) -> Vec<JdfNode<'d>> {
        self.graph.makers(rref)
    }
}

/// The place of each node in a list.
fn places(nodes: &[JdfNode<'_>]) -> HashMap<NodeId, usize> {
    nodes
        .iter()
        .enumerate()
        .map(|(at, node)| (node.node_id(), at))
        .collect()
}
