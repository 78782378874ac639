//! The way back of a node that was given away in parts: the node stays, since other parts of it may be elsewhere, and
//! what came back of these parts is put among the others.

use std::collections::HashMap;

use super::mark::spawn_ids;
use super::merge::{Origin, is_same_kind};
use super::part::{child_or_new, set_part_status, set_status_of_all};
use super::{history, ids};
use crate::amount::{Amounts, PartAmount, PartKeys, keys_element};
use crate::document::{Document, NodeId};
use crate::element::Element;
use crate::error::Error;
use crate::link::ResourceLink;
use crate::node::{JdfNode, Ticket};
use crate::resource::{Resource, keys_overlap};
use crate::state::{NodeStatus, Usage};
use crate::view::ElementRef;

/// Gives the IDs of the resources of which something was replaced.
pub(super) fn put_back(
    origin: &Origin,
    changed: &mut Document,
    back: &Document,
) -> Result<Vec<String>, Error> {
    let index = Ticket::of(back)?;
    let mut overwritten = Vec::new();
    for (id, at) in &origin.writable {
        if let Some(found) = index.resource(id)
            && resource(origin, changed, *at, found, id)?
        {
            overwritten.push(id.clone());
        }
    }
    new_resources(origin, changed, &index)?;
    links(origin, changed, &index)?;
    history::unite(changed, origin.node, back.root())?;
    let mut by_status: Vec<(NodeStatus, Vec<PartKeys>)> = Vec::new();
    for part in &origin.spawned.parts {
        let status = match index.root().status_of(&index, part) {
            Some(NodeStatus::Part | NodeStatus::Pool | NodeStatus::Spawned) | None => {
                origin.spawned.status.clone()
            }
            status => status,
        };
        let status = status.unwrap_or(NodeStatus::Waiting);
        match by_status.iter_mut().find(|(known, _)| *known == status) {
            Some((_, parts)) => parts.push(part.clone()),
            None => by_status.push((status, vec![part.clone()])),
        }
    }
    for (status, parts) in by_status {
        set_part_status(changed, origin.node, &parts, &status)?;
    }
    set_status_of_all(changed, origin.node)?;
    Ok(overwritten)
}

/// Puts the returned parts of a resource in the place of those that were given away, and new ones beside them. Says
/// whether there were any.
fn resource(
    origin: &Origin,
    changed: &mut Document,
    at: NodeId,
    found: Resource<'_>,
    id: &str,
) -> Result<bool, Error> {
    let spawn_id = &origin.spawned.new_spawn_id;
    let is_marked = |document: &Document, at| spawn_ids(document, at).contains(spawn_id);
    let names = found.part_id_keys();
    let mut replaced: Vec<(NodeId, Option<String>)> = Vec::new();
    let mut added: Vec<(NodeId, String)> = Vec::new();
    let mut before: Vec<Vec<String>> = Vec::new();
    let mut divided: Option<&str> = None;
    {
        let original = changed.element(at);
        let original = original.filter(|original| is_same_kind(*original, found.element()));
        let Some(original) = original.map(Resource::of) else {
            return Ok(false);
        };
        if original.part_id_keys().is_empty() {
            divided = found.element().attribute("PartIDKeys");
        }
        let mut stack = vec![(original, found)];
        while let Some((original, found)) = stack.pop() {
            if is_marked(changed, original.node_id()) {
                let target = original.element().parent();
                let xml = found.element().to_portable_xml(target);
                before.push(spawn_ids(changed, original.node_id()));
                replaced.push((original.node_id(), Some(xml)));
                continue;
            }
            let keys = |part: Resource<'_>| -> Vec<Option<String>> {
                let values = names.iter().map(|name| part.element().attribute(name));
                values.map(|value| value.map(str::to_owned)).collect()
            };
            let mut own: HashMap<Vec<Option<String>>, Resource<'_>> = HashMap::new();
            for part in original.partitions() {
                own.entry(keys(part)).or_insert(part);
            }
            for part in found.partitions() {
                if let Some(same) = own.get(&keys(part)) {
                    stack.push((*same, part));
                } else {
                    let xml = part.element().to_portable_xml(Some(original.element()));
                    added.push((original.node_id(), xml));
                }
            }
        }
    }
    if let Some(names) = divided {
        changed.set_attribute(at, "PartIDKeys", names)?;
    }
    let is_changed = !replaced.is_empty() || !added.is_empty();
    let new = changed.exchange(replaced)?;
    for (new, before) in new.into_iter().flatten().zip(before) {
        origin.keep_other_marks(changed, new, &before, id)?;
    }
    for (around, xml) in added {
        let new = changed.append_xml(around, &xml)?;
        origin.keep_other_marks(changed, new, &[], id)?;
    }
    Ok(is_changed)
}

/// What the returned node has in its pool beside what it had and what was copied.
fn new_resources(origin: &Origin, changed: &mut Document, index: &Ticket<'_>) -> Result<(), Error> {
    let Some(node) = changed.element(origin.node) else {
        return Ok(());
    };
    let own = ids::of(node, &std::collections::HashSet::new());
    let new: Vec<ElementRef<'_>> = index
        .root()
        .resources()
        .filter(|resource| {
            let id = resource.element().attribute("ID");
            id.is_some_and(|id| !origin.copied.contains(id) && !own.contains(id))
        })
        .map(Resource::element)
        .collect();
    if new.is_empty() {
        return Ok(());
    }
    let pool = child_or_new(changed, origin.node, "ResourcePool")?;
    for resource in new {
        let xml = resource.to_portable_xml(changed.element(pool));
        changed.append_xml(pool, &xml)?;
    }
    Ok(())
}

/// What was really used and made of the parts.
fn links(origin: &Origin, changed: &mut Document, index: &Ticket<'_>) -> Result<(), Error> {
    let Some(node) = changed.element(origin.node) else {
        return Ok(());
    };
    let mut known: HashMap<LinkKey, Vec<(NodeId, Vec<PartKeys>)>> = HashMap::new();
    for own in JdfNode::of_element(node).links() {
        let same = known.entry(key(own)).or_default();
        same.push((own.node_id(), own.parts()));
    }
    for link in index.root().links() {
        let Some(same) = known.get(&key(link)) else {
            continue;
        };
        let parts = link.parts();
        // A link that named no parts was given those of the spawning.
        let own = same.iter().find(|(_, own)| *own == parts);
        let own = own.or_else(|| same.iter().find(|(_, own)| own.is_empty()));
        let Some(own) = own.or(same.first()).map(|(own, _)| *own) else {
            continue;
        };
        let before = changed.element(own).and_then(ResourceLink::of);
        let before = before.map(|link| link.amounts(&mut Vec::new()));
        let amounts = link.amounts(&mut Vec::new());
        for amount in of_parts(&amounts, &before.unwrap_or_default(), &origin.spawned.parts) {
            put_amount(changed, own, &amount)?;
        }
    }
    Ok(())
}

/// By which links of two tickets are the same: kind, resource, usage, use in the process, processes.
type LinkKey = (String, String, Option<Usage>, Option<String>, Vec<usize>);

fn key(link: ResourceLink<'_>) -> LinkKey {
    (
        link.resource_name().to_owned(),
        link.rref().trim().to_owned(),
        link.usage(),
        link.process_usage().map(str::to_owned),
        link.combined_process_index(),
    )
}

/// An amount that came back, and the parts that it is about beside the one that it names itself.
struct Returned {
    amount: PartAmount,
    others: Vec<PartKeys>,
}

/// The amounts that are known to be of these parts. One that does not say which part it is of is of all that was given
/// away, if it was not there before; its plan is that of the whole node and stays as it is.
fn of_parts(amounts: &Amounts, before: &Amounts, parts: &[PartKeys]) -> Vec<Returned> {
    let mut found = Vec::new();
    let [first, others @ ..] = parts else {
        return found;
    };
    let mut add = |mut amount: PartAmount, is_certain: bool| {
        let mut about: Vec<PartKeys> = Vec::new();
        if !is_certain {
            let with = |part: &PartKeys| {
                let mut keys = amount.part.clone();
                keys.extend(part.clone());
                keys
            };
            about.extend(others.iter().map(with));
            amount.part = with(first);
            amount.amount = None;
        }
        let says_something = amount.actual_amount.is_some()
            || amount.amount.is_some()
            || amount.lots.iter().any(|lot| lot.actual_amount.is_some());
        if says_something {
            found.push(Returned {
                amount,
                others: about,
            });
        }
    };
    for amount in &amounts.parts {
        let is_certain = parts
            .iter()
            .any(|part| part.keys().all(|name| amount.part.contains_key(name)));
        let is_meant = parts.iter().any(|part| keys_overlap(part, &amount.part));
        if is_meant && (is_certain || !before.parts.contains(amount)) {
            add(amount.clone(), is_certain);
        }
    }
    let is_new = amounts.actual_amount != before.actual_amount || amounts.lots != before.lots;
    if amounts.parts.is_empty() && is_new {
        let own = PartAmount {
            actual_amount: amounts.actual_amount,
            lots: amounts.lots.clone(),
            ..PartAmount::default()
        };
        add(own, false);
    }
    found
}

/// Replaces the amount of the same part, or adds it.
fn put_amount(document: &mut Document, link: NodeId, returned: &Returned) -> Result<(), Error> {
    let amount = &returned.amount;
    let places = document.element(link).map(|element| {
        let pool = element.child("AmountPool");
        let amounts = pool
            .into_iter()
            .flat_map(|pool| pool.children_named("PartAmount"));
        let is_same = |own: &ElementRef<'_>| {
            let keys = own.child("Part").map(crate::amount::read_keys);
            keys.unwrap_or_default() == amount.part
        };
        let same = amounts.into_iter().find(is_same).map(ElementRef::id);
        (pool.map(ElementRef::id), same)
    });
    let Some((pool, same)) = places else {
        return Ok(());
    };
    if let Some(same) = same {
        if let Some(actual) = amount.actual_amount {
            document.set_attribute(same, "ActualAmount", &actual.to_string())?;
        }
        for lot in &amount.lots {
            crate::link::set_actual_lot(document, same, amount, lot)?;
        }
        return Ok(());
    }
    let pool = match pool {
        Some(pool) => pool,
        None => document.append_child(link, &Element::new("AmountPool"))?,
    };
    let others = returned.others.iter().map(keys_element);
    document.append_child(pool, &amount.to_element().children(others))?;
    Ok(())
}
