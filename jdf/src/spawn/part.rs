//! Parts in spawning: which parts of a resource those of a node are, and where it is said how they stand.

use std::collections::{BTreeMap, HashSet};

use super::mark::{Access, mark_copy};
use crate::amount::PartKeys;
use crate::document::{Document, NodeId};
use crate::element::Element;
use crate::error::Error;
use crate::node::{JdfNode, Ticket};
use crate::order::linked_leaves;
use crate::resource::Resource;
use crate::schema::Version;
use crate::state::NodeStatus;
use crate::view::ElementRef;

/// The parts of a resource that belong to parts of a node: those that agree in the keys by which the resource is
/// divided. `None` if it is not divided by any of these, so that all parts of the node share it.
pub(super) fn parts_of<'d>(
    resource: Resource<'d>,
    parts: &[PartKeys],
) -> Option<Vec<Resource<'d>>> {
    let mut found: Vec<Resource<'d>> = Vec::new();
    let mut seen = HashSet::from([resource.node_id()]);
    for part in parts {
        let own = keys_of(resource, part)?;
        let selected = resource.select(&own).into_iter();
        found.extend(selected.filter(|part| seen.insert(part.node_id())));
    }
    Some(found)
}

/// Those keys of a part of a node by which a resource is divided; `None` if there are none.
pub(super) fn keys_of(resource: Resource<'_>, part: &PartKeys) -> Option<PartKeys> {
    let names = resource.part_id_keys();
    let own: PartKeys = part
        .iter()
        .filter(|(name, _)| names.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    (!own.is_empty()).then_some(own)
}

/// The resource itself, but of its parts only some and what is around them.
pub(super) fn reduced(
    resource: Resource<'_>,
    kept: &[Resource<'_>],
    spawn_id: &str,
) -> Result<String, Error> {
    let mut document = Document::parse(
        resource.element().to_portable_xml(None).as_bytes(),
        &resource.element().document().limits,
    )?;
    let whole: HashSet<NodeId> = kept.iter().map(|part| part.node_id()).collect();
    let mut around: HashSet<NodeId> = HashSet::new();
    for part in kept {
        let mut parents = std::iter::successors(part.element().parent(), |part| part.parent());
        while parents.next().is_some_and(|part| around.insert(part.id())) {}
    }
    // The copy has the same shape, so its parts are met in the same order.
    let (mut gone, mut marked) = (Vec::new(), Vec::new());
    let mut stack = vec![(resource, document.root())];
    while let Some((original, copy)) = stack.pop() {
        let name = copy.name();
        let copies = copy.children().filter(|child| child.name() == name);
        for (part, copy) in original.partitions().zip(copies) {
            if whole.contains(&part.node_id()) {
                marked.push(copy.id());
                continue;
            }
            if around.contains(&part.node_id()) {
                stack.push((part, copy));
            } else {
                gone.push(copy.id());
            }
        }
    }
    document.remove_with_layout(&gone)?;
    for copy in marked {
        mark_copy(&mut document, copy, spawn_id, Access::ReadWrite)?;
    }
    Ok(document.root().to_xml())
}

/// Says how parts of a node stand, in the way of its version: in its partitioned `NodeInfo`, or until JDF 1.2 in its
/// `StatusPool`. What is not there yet is made.
pub(super) fn set_part_status(
    document: &mut Document,
    node: NodeId,
    parts: &[PartKeys],
    status: &NodeStatus,
) -> Result<(), Error> {
    let Some(is_pooled) = document.element(node).map(|element| {
        let version = JdfNode::of_element(element)
            .version()
            .and_then(Version::parse);
        let is_pooled = element.attribute("Status").map(str::trim) == Some("Pool");
        is_pooled || version.is_some_and(|version| version < Version::V1_3)
    }) else {
        return Ok(());
    };
    if is_pooled {
        set_in_pool(document, node, parts, status)
    } else {
        set_in_node_info(document, node, parts, status)
    }
}

/// If every part of a node is completed, so is the node. Its parts are those that its links need or make, by the keys
/// by which it is said how they stand; where these do not tell all parts, nothing is concluded.
pub(super) fn set_status_of_all(document: &mut Document, node: NodeId) -> Result<(), Error> {
    let ticket = Ticket::of(document)?;
    let found = document.element(node).map(JdfNode::of_element);
    if found.is_some_and(|node| are_all_completed(node, &ticket)) {
        document.set_attribute(node, "Status", NodeStatus::Completed.as_str())?;
    }
    Ok(())
}

fn are_all_completed<'d>(node: JdfNode<'d>, ticket: &Ticket<'d>) -> bool {
    let statuses = node.part_statuses(ticket);
    let told = statuses.iter().filter(|said| !said.parts.is_empty());
    if !told
        .clone()
        .all(|said| said.status == NodeStatus::Completed)
    {
        return false;
    }
    let completed: HashSet<&PartKeys> = told.flat_map(|said| &said.parts).collect();
    let Some(names) = completed.iter().next().map(|part| part.keys()) else {
        return false;
    };
    if completed.iter().any(|part| !part.keys().eq(names.clone())) {
        return false;
    }
    // Of each resource the parts that any link means; none for all of them.
    let mut linked: BTreeMap<&str, Option<Vec<PartKeys>>> = BTreeMap::new();
    for link in node
        .links()
        .filter(|link| link.resource_name() != "NodeInfo")
    {
        let parts = link.parts();
        let meant = linked.entry(link.rref().trim());
        let meant = meant.or_insert_with(|| Some(Vec::new()));
        match meant {
            Some(meant) if !parts.is_empty() => meant.extend(parts),
            _ => *meant = None,
        }
    }
    let mut is_any_told = false;
    for (rref, parts) in linked {
        let Some(resource) = ticket.resource(rref) else {
            continue;
        };
        for leaf in linked_leaves(resource, &parts.unwrap_or_default()) {
            let mut keys = leaf.owned_keys();
            keys.retain(|name, _| names.clone().any(|known| known == name));
            if keys.is_empty() {
                // All parts share it.
                continue;
            }
            if !completed.contains(&keys) {
                return false;
            }
            is_any_told = true;
        }
    }
    is_any_told
}

fn set_in_pool(
    document: &mut Document,
    node: NodeId,
    parts: &[PartKeys],
    status: &NodeStatus,
) -> Result<(), Error> {
    let found = document.element(node).map(|element| {
        let pool = element.child("StatusPool");
        let before = element.attribute("Status").unwrap_or("Waiting").to_owned();
        (pool.map(ElementRef::id), before)
    });
    let Some((pool, before)) = found else {
        return Ok(());
    };
    let pool = match pool {
        Some(pool) => {
            if before.trim() != NodeStatus::Pool.as_str() {
                // What the pool says no longer holds.
                let stale: Vec<NodeId> = document
                    .element(pool)
                    .into_iter()
                    .flat_map(|pool| pool.children_named("PartStatus"))
                    .map(ElementRef::id)
                    .collect();
                document.remove_with_layout(&stale)?;
                document.set_attribute(pool, "Status", &before)?;
            }
            pool
        }
        None => document.append_child(node, &Element::new("StatusPool").with("Status", before))?,
    };
    for part in parts {
        let said = document.element(pool).and_then(|pool| {
            let mut said = pool.children_named("PartStatus");
            let is_meant = |said: &ElementRef<'_>| {
                let mut own = said.children_named("Part").map(crate::amount::read_keys);
                own.next().as_ref() == Some(part) && own.next().is_none()
            };
            said.find(is_meant).map(ElementRef::id)
        });
        if let Some(said) = said {
            document.set_attribute(said, "Status", status.as_str())?;
        } else {
            let element = Element::new("PartStatus")
                .with("Status", status)
                .child(crate::amount::keys_element(part));
            document.append_child(pool, &element)?;
        }
    }
    document.set_attribute(node, "Status", NodeStatus::Pool.as_str())
}

fn set_in_node_info(
    document: &mut Document,
    node: NodeId,
    parts: &[PartKeys],
    status: &NodeStatus,
) -> Result<(), Error> {
    let info = match linked_node_info(document, node)? {
        Some(info) => info,
        None => make_node_info(document, node)?,
    };
    forget_statuses(document, node, info)?;
    for part in parts {
        let leaves = status_parts(document, info, part)?;
        for leaf in leaves {
            document.set_attribute(leaf, "NodeStatus", status.as_str())?;
        }
    }
    document.set_attribute(node, "Status", NodeStatus::Part.as_str())
}

/// What parts of a `NodeInfo` say is left over from earlier where the status of the node does not refer to it.
fn forget_statuses(document: &mut Document, node: NodeId, info: NodeId) -> Result<(), Error> {
    let status = document
        .element(node)
        .and_then(|node| node.attribute("Status"));
    let status = status
        .unwrap_or(NodeStatus::Waiting.as_str())
        .trim()
        .to_owned();
    if status == NodeStatus::Part.as_str() {
        return Ok(());
    }
    let stale: Vec<NodeId> = document
        .element(info)
        .into_iter()
        .flat_map(ElementRef::descendants)
        .filter(|part| part.is_jdf("NodeInfo") && part.attribute("NodeStatus").is_some())
        .map(ElementRef::id)
        .collect();
    for part in stale {
        document.remove_attribute(part, "NodeStatus")?;
    }
    document.set_attribute(info, "NodeStatus", &status)
}

fn linked_node_info(document: &Document, node: NodeId) -> Result<Option<NodeId>, Error> {
    let ticket = Ticket::of(document)?;
    let found = document.element(node).and_then(|element| {
        let mut links = JdfNode::of_element(element).links();
        let link = links.find(|link| link.resource_name() == "NodeInfo")?;
        ticket.resource(link.rref())
    });
    Ok(found.map(Resource::node_id))
}

fn make_node_info(document: &mut Document, node: NodeId) -> Result<NodeId, Error> {
    let (id, status) = {
        let ticket = Ticket::of(document)?;
        let element = document.element(node);
        let own = element.and_then(|element| element.attribute("ID"));
        let status = element.and_then(|element| element.attribute("Status"));
        let id = super::ids::free(&format!("{}_NodeInfo", own.unwrap_or("n")), |id| {
            ticket.by_id(id).is_some()
        });
        (id, status.unwrap_or("Waiting").to_owned())
    };
    let pool = child_or_new(document, node, "ResourcePool")?;
    let info = Element::new("NodeInfo")
        .with("ID", &id)
        .with("Class", "Parameter")
        .with("Status", "Available")
        .with("NodeStatus", status);
    let info = document.append_child(pool, &info)?;
    let links = child_or_new(document, node, "ResourceLinkPool")?;
    let link = Element::new("NodeInfoLink")
        .with("Usage", "Input")
        .with("rRef", &id);
    document.append_child(links, &link)?;
    Ok(info)
}

/// The pool of a node; the resources customarily come before the links.
pub(super) fn child_or_new(
    document: &mut Document,
    node: NodeId,
    name: &'static str,
) -> Result<NodeId, Error> {
    let places = document.element(node).map(|element| {
        let own = element.child(name).map(ElementRef::id);
        let links = element.child("ResourceLinkPool").map(ElementRef::id);
        (own, links)
    });
    match places {
        Some((Some(own), _)) => Ok(own),
        Some((None, Some(links))) => document.insert_before(links, &Element::new(name)),
        _ => document.append_child(node, &Element::new(name)),
    }
}

/// The parts of a `NodeInfo` in which the status of a part of the node is said; made if it is not divided so far.
fn status_parts(
    document: &mut Document,
    info: NodeId,
    part: &PartKeys,
) -> Result<Vec<NodeId>, Error> {
    let Some(resource) = document.element(info).map(Resource::of) else {
        return Ok(Vec::new());
    };
    let names: Vec<String> = resource
        .part_id_keys()
        .into_iter()
        .map(str::to_owned)
        .collect();
    if let Some(found) = parts_of(resource, std::slice::from_ref(part))
        && !found.is_empty()
    {
        return Ok(found.into_iter().map(Resource::node_id).collect());
    }
    let names = if names.is_empty() {
        let names: Vec<String> = part.keys().cloned().collect();
        document.set_attribute(info, "PartIDKeys", &names.join(" "))?;
        names
    } else {
        names
    };
    // Down along the keys, as far as the part names them one after the other.
    let mut at = info;
    for name in names.iter().map_while(|name| part.get_key_value(name)) {
        let existing = document.element(at).map(Resource::of).and_then(|around| {
            let mut parts = around.partitions();
            parts.find(|part| part.element().attribute(name.0) == Some(name.1))
        });
        at = match existing.map(Resource::node_id) {
            Some(existing) => existing,
            None => {
                document.append_child(at, &Element::new("NodeInfo").with(name.0.clone(), name.1))?
            }
        };
    }
    Ok(if at == info { Vec::new() } else { vec![at] })
}
