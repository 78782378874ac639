//! The way out: a node becomes a ticket of its own.

use std::collections::HashSet;

use super::mark::{Access, mark_copy, mark_original};
use super::part::{child_or_new, keys_of, parts_of, reduced, set_part_status};
use super::{SpawnError, SpawnOptions, Spawning, ancestor};
use crate::amount::PartKeys;
use crate::audit::{Audit, AuditContent, Spawned};
use crate::document::{Document, NodeId};
use crate::error::Error;
use crate::name;
use crate::node::{JdfNode, Reached, Ticket};
use crate::resource::{Resource, keys_overlap};
use crate::state::NodeStatus;
use crate::value::parse_boolean;
use crate::view::ElementRef;

/// Gives a node away as a ticket of its own. The parent then says that the node is spawned, what was copied for it,
/// and in an audit how it came about; the new ticket says where it comes from (`AncestorPool`).
///
/// # Errors
/// If the node cannot be spawned; the parent then is as it was.
///
/// ```
/// use agog_jdf::spawn::{SpawnError, SpawnOptions, spawn};
/// use agog_jdf::{Document, Limits};
/// let mut parent = Document::parse(br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" ID="n"/>"#, &Limits::default())?;
/// let root = parent.root().id();
/// let options = SpawnOptions::new("Sp1", "2025-03-01T08:00:00Z".parse().unwrap(), "AGOG");
/// assert_eq!(spawn(&mut parent, root, &options).unwrap_err(), SpawnError::Root);
/// # Ok::<(), agog_jdf::Error>(())
/// ```
pub fn spawn(
    parent: &mut Document,
    node: NodeId,
    options: &SpawnOptions,
) -> Result<Spawning, SpawnError> {
    let plan = Plan::of(parent, node, options)?;
    let ticket = plan.new_ticket(parent, options)?;
    let mut changed = parent.clone();
    plan.change_parent(&mut changed, options)?;
    *parent = changed;
    let ids = |access| plan.ids(access);
    Ok(Spawning {
        ticket,
        read_only: ids(Access::ReadOnly),
        read_write: ids(Access::ReadWrite),
    })
}

/// What will be done, found out before anything is changed.
struct Plan {
    node: NodeId,
    node_id: String,
    /// Before the spawning.
    status: Option<NodeStatus>,
    /// Where the audit goes.
    audited: NodeId,
    copies: Vec<Needed>,
}

/// One resource that the new ticket needs.
struct Needed {
    id: String,
    access: Access,
    /// As it goes into the new ticket.
    xml: String,
    /// It is in the node itself, and goes with it.
    is_inside: bool,
    /// What of it is marked in the parent: itself, or some of its parts.
    marked: Vec<NodeId>,
    /// Whether the parts in the copy are marked already; else it is marked as a whole.
    is_marked: bool,
}

impl Plan {
    fn of(document: &Document, node: NodeId, options: &SpawnOptions) -> Result<Self, SpawnError> {
        let ticket = Ticket::of(document)?;
        let mut nodes = ticket.nodes();
        let node = nodes
            .find(|found| found.node_id() == node)
            .ok_or(SpawnError::NoNode)?;
        check(node, &ticket, options)?;
        let subtree: HashSet<NodeId> = node.subtree().map(JdfNode::node_id).collect();
        let mut copies = Vec::new();
        for reached in node.reached_with(&ticket, ancestor::copied(node)) {
            let owner = std::iter::successors(reached.resource.element().parent(), |e| e.parent())
                .find(|element| element.is_jdf("JDF"));
            let is_inside = owner.is_some_and(|owner| subtree.contains(&owner.id()));
            if is_inside && options.parts.is_empty() {
                continue;
            }
            copies.extend(Needed::of(&reached, is_inside, options)?);
        }
        let status = match options.parts.as_slice() {
            [part] => node.status_of(&ticket, part),
            _ => node.status(),
        };
        Ok(Self {
            node: node.node_id(),
            node_id: node.id().unwrap_or_default().to_owned(),
            status,
            audited: node.parent().map_or(node.node_id(), JdfNode::node_id),
            copies,
        })
    }

    fn ids(&self, access: Access) -> Vec<String> {
        let copies = self.copies.iter().filter(|copy| copy.access == access);
        copies.map(|copy| copy.id.clone()).collect()
    }

    fn new_ticket(
        &self,
        parent: &Document,
        options: &SpawnOptions,
    ) -> Result<Document, SpawnError> {
        let Some(element) = parent.element(self.node) else {
            return Err(SpawnError::NoNode);
        };
        let node = JdfNode::of_element(element);
        let xml = element.to_portable_xml(None);
        let text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{xml}\n");
        let mut ticket = Document::parse(text.as_bytes(), &parent.limits)?;
        let root = ticket.root().id();
        for (name, value) in inherited(node) {
            ticket.set_attribute(root, name, value)?;
        }
        if let Some(status) = &self.status {
            ticket.set_attribute(root, "Status", status.as_str())?;
        }
        ticket.set_attribute(root, "SpawnID", &options.spawn_id)?;
        ancestor::add(&mut ticket, node, &options.parts)?;
        self.add_copies(&mut ticket, options)?;
        if !options.parts.is_empty() {
            limit_links(&mut ticket, &options.parts)?;
        }
        Ok(ticket)
    }

    fn add_copies(&self, ticket: &mut Document, options: &SpawnOptions) -> Result<(), Error> {
        if self.copies.is_empty() {
            return Ok(());
        }
        let root = ticket.root().id();
        let mut placed: Vec<(&Needed, NodeId)> = Vec::with_capacity(self.copies.len());
        let mut inside = Vec::new();
        let mut exchanged = Vec::new();
        {
            let index = Ticket::of(ticket)?;
            for copy in self.copies.iter().filter(|copy| copy.is_inside) {
                let found = index.by_id(&copy.id);
                if let Some((element, pool)) = found.and_then(|it| Some((it, it.parent()?))) {
                    let xml = without_known(&copy.xml, ticket, pool.id())?;
                    exchanged.push((element.id(), Some(xml)));
                    inside.push(copy);
                }
            }
        }
        let new = ticket.exchange(exchanged)?.into_iter();
        placed.extend(inside.into_iter().zip(new.flatten()));
        let mut pool = None;
        for copy in self.copies.iter().filter(|copy| !copy.is_inside) {
            let pool = match pool {
                Some(pool) => pool,
                None => *pool.insert(child_or_new(ticket, root, "ResourcePool")?),
            };
            let xml = without_known(&copy.xml, ticket, pool)?;
            placed.push((copy, ticket.append_xml(pool, &xml)?));
        }
        for (copy, at) in placed {
            if !copy.is_marked {
                mark_copy(ticket, at, &options.spawn_id, copy.access)?;
            }
        }
        Ok(())
    }

    fn change_parent(&self, parent: &mut Document, options: &SpawnOptions) -> Result<(), Error> {
        for copy in &self.copies {
            for marked in &copy.marked {
                mark_original(parent, *marked, &options.spawn_id, copy.access)?;
            }
        }
        let spawned = NodeStatus::Spawned;
        if options.parts.is_empty() {
            parent.set_attribute(self.node, "Status", spawned.as_str())?;
        } else {
            set_part_status(parent, self.node, &options.parts, &spawned)?;
        }
        let content = AuditContent::Spawned(Spawned {
            node_id: self.node_id.clone(),
            new_spawn_id: options.spawn_id.clone(),
            read_only: self.ids(Access::ReadOnly),
            read_write: self.ids(Access::ReadWrite),
            status: self.status.clone(),
            url: options.url.clone(),
            parts: options.parts.clone(),
            ..Spawned::default()
        });
        let audit = Audit::new(options.timestamp, &options.agent_name, content);
        audit.append_to(parent, self.audited)?;
        Ok(())
    }
}

fn check(node: JdfNode<'_>, ticket: &Ticket<'_>, options: &SpawnOptions) -> Result<(), SpawnError> {
    let name = |node: JdfNode<'_>| node.display_name().to_owned();
    if options.parts.is_empty() && node.parent().is_none() {
        return Err(SpawnError::Root);
    }
    if !options.parts.is_empty() && node.children().next().is_some() {
        return Err(SpawnError::PartsOfGroup { node: name(node) });
    }
    if node.id().is_none_or(str::is_empty) {
        return Err(SpawnError::NoId { node: name(node) });
    }
    let spawn_id = options.spawn_id.clone();
    if !name::is_name(&spawn_id) {
        let reason = "it is no XML name";
        return Err(SpawnError::SpawnId { spawn_id, reason });
    }
    let is_used = ticket.nodes().any(|node| {
        let audits = node.audit_pool().into_iter().flat_map(ElementRef::children);
        let mut audits = audits.filter(|audit| audit.is_jdf("Spawned"));
        audits.any(|audit| audit.attribute("NewSpawnID") == Some(&spawn_id))
    });
    if is_used || ticket.root().element().attribute("SpawnID") == Some(&spawn_id) {
        let reason = "an earlier spawning has it";
        return Err(SpawnError::SpawnId { spawn_id, reason });
    }
    let is_spawned = |node: &JdfNode<'_>| node.status() == Some(NodeStatus::Spawned);
    if let Some(around) = node.with_ancestors().find(is_spawned) {
        return Err(SpawnError::AlreadySpawned { node: name(around) });
    }
    if let Some(inside) = node.subtree().skip(1).find(is_spawned) {
        let (node, inside) = (name(node), name(inside));
        return Err(SpawnError::SpawnedInside { node, inside });
    }
    // A node some of whose parts are away can still give away others.
    let away = node.part_statuses(ticket).into_iter().any(|said| {
        let is_meant = |part: &PartKeys| {
            let mut wanted = options.parts.iter();
            wanted.any(|wanted| keys_overlap(wanted, part))
        };
        let is_meant = options.parts.is_empty() || said.parts.iter().any(is_meant);
        said.status == NodeStatus::Spawned && is_meant
    });
    if away {
        return Err(SpawnError::AlreadySpawned { node: name(node) });
    }
    Ok(())
}

impl Needed {
    fn of(
        reached: &Reached<'_>,
        is_inside: bool,
        options: &SpawnOptions,
    ) -> Result<Option<Self>, SpawnError> {
        let resource = reached.resource;
        let Some(id) = resource.element().attribute("ID") else {
            return Ok(None);
        };
        let parts = if options.parts.is_empty() {
            None
        } else {
            parts_of(resource, &options.parts)
        };
        let concerned = parts.clone().unwrap_or_else(|| vec![resource]);
        let is_away = concerned.iter().any(|part| {
            let element = part.element();
            let below = element
                .descendants()
                .filter(|below| below.name() == element.name());
            let mut below = below.map(|below| below.attribute("SpawnStatus"));
            let own = part.attribute("SpawnStatus");
            own == Some("SpawnedRW") || below.any(|status| status == Some("SpawnedRW"))
        });
        let is_locked = concerned
            .iter()
            .any(|part| part.attribute("Locked").and_then(parse_boolean) == Some(true));
        let named = |list: &[String]| list.iter().any(|named| named == id);
        let must_change = reached.is_output || named(&options.read_write);
        let may_change = must_change || (reached.is_linked && is_handled(resource));
        if must_change && is_away && !named(&options.read_only) {
            return Err(SpawnError::ResourceTaken {
                rref: id.to_owned(),
                spawn_ids: resource
                    .attribute("SpawnIDs")
                    .unwrap_or_default()
                    .to_owned(),
            });
        }
        let is_read_only = named(&options.read_only) || is_away || is_locked;
        let access = if may_change && !is_read_only {
            Access::ReadWrite
        } else {
            Access::ReadOnly
        };
        let parts = parts.filter(|_| access == Access::ReadWrite);
        let xml = match &parts {
            Some(parts) => reduced(resource, parts, &options.spawn_id)?,
            None => resource.element().to_portable_xml(None),
        };
        let marked = match &parts {
            Some(parts) => parts.clone(),
            None => vec![resource],
        };
        Ok(Some(Self {
            id: id.to_owned(),
            access,
            xml,
            is_inside,
            marked: marked.into_iter().map(Resource::node_id).collect(),
            is_marked: parts.is_some_and(|parts| !parts.is_empty()),
        }))
    }
}

/// Things that a process uses up or handles change in it, and so does its planning.
fn is_handled(resource: Resource<'_>) -> bool {
    resource.is_physical() || resource.name() == "NodeInfo"
}

/// Attributes that a node has from those around it and would lose.
fn inherited(node: JdfNode<'_>) -> impl Iterator<Item = (&'static str, &str)> {
    ["JobID", "Version"].into_iter().filter_map(move |name| {
        if node.element().attribute(name).is_some() {
            return None;
        }
        let value = if name == "JobID" {
            node.job_id()
        } else {
            node.inherited(name)
        };
        Some((name, value?))
    })
}

/// Text that declares all its namespaces, without those that its new place declares alike.
fn without_known(xml: &str, ticket: &Document, pool: NodeId) -> Result<String, Error> {
    let alone = Document::parse(xml.as_bytes(), &ticket.limits)?;
    Ok(alone.root().to_portable_xml(ticket.element(pool)))
}

/// In the new ticket, links to divided resources mean the parts that were given away.
fn limit_links(ticket: &mut Document, parts: &[PartKeys]) -> Result<(), Error> {
    let mut additions: Vec<(NodeId, PartKeys)> = Vec::new();
    {
        let index = Ticket::of(ticket)?;
        for link in index.root().links().filter(|link| link.parts().is_empty()) {
            let Some(resource) = index.resource(link.rref()) else {
                continue;
            };
            let mut seen: Vec<PartKeys> = Vec::new();
            for own in parts.iter().filter_map(|part| keys_of(resource, part)) {
                if !seen.contains(&own) {
                    additions.push((link.node_id(), own.clone()));
                    seen.push(own);
                }
            }
        }
    }
    for (link, part) in additions {
        ticket.append_child(link, &crate::amount::keys_element(&part))?;
    }
    Ok(())
}
