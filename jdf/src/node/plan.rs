//! Where the planning of a node and its customer are found. Since JDF 1.3 both are resources that the node links to;
//! before, they stood in the node itself, and so did the status of its parts (`StatusPool`).

use super::{JdfNode, Ticket};
use crate::amount::PartKeys;
use crate::amount::read_keys;
use crate::resource::{CustomerInfo, NodeInfo, Resource, View as _, keys_overlap};
use crate::state::NodeStatus;
use crate::view::ElementRef;

/// Who ordered a job.
///
/// ```
/// use agog_jdf::{Document, Limits, Ticket};
/// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><CustomerInfo CustomerOrderID="PO-91"/></JDF>"#;
/// let document = Document::parse(source, &Limits::default())?;
/// assert_eq!(Ticket::of(&document)?.root().customer().unwrap().order_id, Some("PO-91"));
/// # Ok::<(), agog_jdf::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Customer<'d> {
    /// The customer's number in the office's system.
    pub customer_id: Option<&'d str>,
    /// The order's number in the customer's system.
    pub order_id: Option<&'d str>,
    /// What the customer calls the job.
    pub job_name: Option<&'d str>,
    /// The company.
    pub company: Option<&'d str>,
}

/// Where some parts of a node stand.
///
/// ```
/// use agog_jdf::{Document, Limits, NodeStatus, Ticket};
/// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" Type="Cutting" Status="Pool"><StatusPool Status="Waiting">
///   <PartStatus Status="Completed"><Part SheetName="S1"/></PartStatus></StatusPool></JDF>"#;
/// let document = Document::parse(source, &Limits::default())?;
/// let ticket = Ticket::of(&document)?;
/// let status = |sheet: &str| ticket.root().status_of(&ticket, &[("SheetName".to_owned(), sheet.to_owned())].into());
/// assert_eq!((status("S1"), status("S2")), (Some(NodeStatus::Completed), Some(NodeStatus::Waiting)));
/// # Ok::<(), agog_jdf::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartStatus<'d> {
    /// The parts; empty for all that nothing else is said of.
    pub parts: Vec<PartKeys>,
    /// Where they stand.
    pub status: NodeStatus,
    /// The same in the maker's words.
    pub details: Option<&'d str>,
    /// Where it is said.
    pub element: ElementRef<'d>,
}

impl<'d> JdfNode<'d> {
    /// The planning of this node: the `NodeInfo` that it links to (from JDF 1.3), down to the part that the link
    /// names, or else the one that stands in it.
    pub fn node_info(self, ticket: &Ticket<'d>) -> Option<NodeInfo<'d>> {
        let linked = self.linked("NodeInfo", ticket);
        let inside = || self.element().child("NodeInfo").map(Resource::of);
        NodeInfo::of(linked.or_else(inside)?)
    }

    /// The customer of this node, or of the nearest one around it that has one: linked, standing in the node, or in
    /// its pool without a link. A spawned ticket may have it in its ancestors.
    pub fn customer_info(self, ticket: &Ticket<'d>) -> Option<CustomerInfo<'d>> {
        let found = self.with_ancestors().find_map(|node| {
            let linked = node.linked("CustomerInfo", ticket);
            linked.or_else(|| node.customer_element().map(Resource::of))
        });
        let found = found.or_else(|| self.ancestors_child("CustomerInfo").map(Resource::of));
        CustomerInfo::of(found?)
    }

    /// Whose job it is: the customer's information of this node or the nearest one above it.
    pub fn customer(self) -> Option<Customer<'d>> {
        let info = self
            .with_ancestors()
            .find_map(Self::customer_element)
            .or_else(|| self.ancestors_child("CustomerInfo"))?;
        let company = info.descendants().find(|element| element.is_jdf("Company"));
        Some(Customer {
            customer_id: info.attribute("CustomerID"),
            order_id: info.attribute("CustomerOrderID"),
            job_name: info.attribute("CustomerJobName"),
            company: company.and_then(|company| company.attribute("OrganizationName")),
        })
    }

    /// What is said of the status of parts, if the node's own status is `Part` (its `NodeInfo` is partitioned, from
    /// JDF 1.3) or `Pool` (it has a `StatusPool`, until JDF 1.2). Empty for any other status.
    pub fn part_statuses(self, ticket: &Ticket<'d>) -> Vec<PartStatus<'d>> {
        match self.status() {
            Some(NodeStatus::Part) => self.node_info_statuses(ticket),
            Some(NodeStatus::Pool) => self.pool_statuses(),
            _ => Vec::new(),
        }
    }

    /// Where a part of this node stands: what is said of the part or the nearest one around it, else of some of it,
    /// else of all the rest; and if nothing is said of parts, the status of the node.
    pub fn status_of(self, ticket: &Ticket<'d>, keys: &PartKeys) -> Option<NodeStatus> {
        let statuses = self.part_statuses(ticket);
        let around = statuses.iter().flat_map(|said| {
            let parts = said.parts.iter().filter(|part| {
                let mut own = part.iter();
                own.all(|(name, value)| keys.get(name) == Some(value))
            });
            parts.map(move |part| (part.len(), said))
        });
        let nearest = around.max_by_key(|(count, _)| *count).map(|(_, said)| said);
        let some = || {
            statuses.iter().find(|said| {
                let mut parts = said.parts.iter();
                parts.any(|part| keys_overlap(part, keys))
            })
        };
        let rest = || statuses.iter().find(|said| said.parts.is_empty());
        match nearest.or_else(some).or_else(rest) {
            Some(said) => Some(said.status.clone()),
            None => self.status(),
        }
    }

    fn node_info_statuses(self, ticket: &Ticket<'d>) -> Vec<PartStatus<'d>> {
        let Some(info) = self.node_info(ticket) else {
            return Vec::new();
        };
        let leaves = info.resource().leaves_with_keys().into_iter();
        let status = |leaf: crate::resource::Leaf<'d>| {
            let own = NodeInfo::over(leaf.resource);
            let keys = leaf.owned_keys();
            Some(PartStatus {
                parts: if keys.is_empty() {
                    Vec::new()
                } else {
                    vec![keys]
                },
                status: own.node_status()?,
                details: own.node_status_details(),
                element: leaf.resource.element(),
            })
        };
        let mut statuses: Vec<PartStatus<'d>> = leaves.filter_map(status).collect();
        // What the whole says holds for parts that are not written out.
        let is_divided = info.resource().partitions().next().is_some();
        if let Some(rest) = info.node_status().filter(|_| is_divided) {
            statuses.push(PartStatus {
                parts: Vec::new(),
                status: rest,
                details: info.node_status_details(),
                element: info.resource().element(),
            });
        }
        statuses
    }

    fn pool_statuses(self) -> Vec<PartStatus<'d>> {
        let Some(pool) = self.element().child("StatusPool") else {
            return Vec::new();
        };
        let status = |element: ElementRef<'d>| {
            Some(PartStatus {
                parts: element.children_named("Part").map(read_keys).collect(),
                status: element.attribute("Status")?.trim().into(),
                details: element.attribute("StatusDetails"),
                element,
            })
        };
        let parts = pool.children_named("PartStatus").filter_map(status);
        parts.chain(status(pool)).collect()
    }

    fn linked(self, kind: &str, ticket: &Ticket<'d>) -> Option<Resource<'d>> {
        let mut links = self.links().filter(|link| link.resource_name() == kind);
        links.find_map(|link| link.resource(ticket))
    }

    fn customer_element(self) -> Option<ElementRef<'d>> {
        let pool = self.element().child("ResourcePool");
        let pooled = pool.and_then(|pool| pool.child("CustomerInfo"));
        pooled.or_else(|| self.element().child("CustomerInfo"))
    }

    /// This node and those around it, the nearest first.
    pub(crate) fn with_ancestors(self) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(self), |node| node.parent())
    }

    /// What the nearest ancestor of a spawned ticket says that says it; the list begins with the root.
    fn ancestors_child(self, name: &str) -> Option<ElementRef<'d>> {
        let pool = self.element().document().root().child("AncestorPool")?;
        let ancestors = pool.children_named("Ancestor");
        ancestors.filter_map(|ancestor| ancestor.child(name)).last()
    }
}
