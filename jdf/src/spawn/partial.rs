//! The way back of a node that was given away in parts: the node stays, since other parts of it may be elsewhere, and
//! what came back of these parts is put among the others.

use std::collections::HashMap;

use super::mark::spawn_ids;
use super::merge::{Origin, is_same_kind};
use super::part::{child_or_new, set_part_status, set_status_of_all};
use super::{history, ids};
use crate::amount::{Amounts, PartAmount, PartKeys, keys_element, read_keys};
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
    let mut parts = Changes::default();
    for (id, at) in &origin.writable {
        if let Some(found) = index.resource(id)
            && parts.find(origin, changed, *at, found, id)
        {
            overwritten.push(id.clone());
        }
    }
    parts.make(origin, changed)?;
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

/// What is done to resources, all of them at once: each exchange walks over the pool.
#[derive(Default)]
struct Changes {
    replaced: Vec<(NodeId, Option<String>)>,
    /// Of each that is replaced: its marks before, and the resource that it is of.
    before: Vec<(Vec<String>, String)>,
    added: Vec<(NodeId, String, String)>,
    divided: Vec<(NodeId, String)>,
}

impl Changes {
    /// Puts the returned parts of a resource in the place of those that were given away, and new ones beside them. Says
    /// whether there were any.
    fn find(
        &mut self,
        origin: &Origin,
        changed: &Document,
        at: NodeId,
        found: Resource<'_>,
        id: &str,
    ) -> bool {
        let spawn_id = &origin.spawned.new_spawn_id;
        let names = found.part_id_keys();
        let changes_before = self.replaced.len() + self.added.len();
        let original = changed.element(at);
        let original = original.filter(|original| is_same_kind(*original, found.element()));
        let Some(original) = original.map(Resource::of) else {
            return false;
        };
        if original.part_id_keys().is_empty()
            && let Some(names) = found.element().attribute("PartIDKeys")
        {
            self.divided.push((at, names.to_owned()));
        }
        let keys = |part: Resource<'_>| -> Vec<Option<String>> {
            let values = names.iter().map(|name| part.element().attribute(name));
            values.map(|value| value.map(str::to_owned)).collect()
        };
        let mut stack = vec![(original, found)];
        while let Some((original, found)) = stack.pop() {
            let marks = spawn_ids(changed, original.node_id());
            if marks.contains(spawn_id) {
                let target = original.element().parent();
                let xml = found.element().to_portable_xml(target);
                self.replaced.push((original.node_id(), Some(xml)));
                self.before.push((marks, id.to_owned()));
                continue;
            }
            let mut own: HashMap<Vec<Option<String>>, Resource<'_>> = HashMap::new();
            for part in original.partitions() {
                own.entry(keys(part)).or_insert(part);
            }
            for part in found.partitions() {
                if let Some(same) = own.get(&keys(part)) {
                    stack.push((*same, part));
                } else {
                    let xml = part.element().to_portable_xml(Some(original.element()));
                    self.added.push((original.node_id(), xml, id.to_owned()));
                }
            }
        }
        self.replaced.len() + self.added.len() > changes_before
    }

    fn make(self, origin: &Origin, changed: &mut Document) -> Result<(), Error> {
        for (at, names) in self.divided {
            changed.set_attribute(at, "PartIDKeys", &names)?;
        }
        let new = changed.exchange(self.replaced)?;
        for (new, (before, id)) in new.into_iter().flatten().zip(self.before) {
            origin.keep_other_marks(changed, new, &before, &id)?;
        }
        for (around, xml, id) in self.added {
            let new = changed.append_xml(around, &xml)?;
            origin.keep_other_marks(changed, new, &[], &id)?;
        }
        Ok(())
    }
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
    let mut known: HashMap<LinkKey, NodeId> = HashMap::new();
    let mut by_parts: HashMap<(LinkKey, Vec<PartKeys>), NodeId> = HashMap::new();
    for own in JdfNode::of_element(node).links() {
        known.entry(key(own)).or_insert(own.node_id());
        let parts = by_parts.entry((key(own), own.parts()));
        parts.or_insert(own.node_id());
    }
    for link in index.root().links() {
        let of = |parts| by_parts.get(&(key(link), parts));
        // A link that named no parts was given those of the spawning.
        let own = of(link.parts()).or_else(|| of(Vec::new()));
        let Some(own) = own.or_else(|| known.get(&key(link))).copied() else {
            continue;
        };
        let before = changed.element(own).and_then(ResourceLink::of);
        let before = before.map(|link| link.amounts(&mut Vec::new()));
        let amounts = link.amounts(&mut Vec::new());
        let returned = of_parts(&amounts, &before.unwrap_or_default(), &origin.spawned.parts);
        put_amounts(changed, own, &returned)?;
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

/// Replaces amounts of the same parts, and adds the others.
fn put_amounts(document: &mut Document, link: NodeId, returned: &[Returned]) -> Result<(), Error> {
    if returned.is_empty() {
        return Ok(());
    }
    let own = document.element(link);
    let pool = own.and_then(|link| link.child("AmountPool"));
    let mut known: HashMap<PartKeys, NodeId> = HashMap::new();
    let amounts = pool
        .into_iter()
        .flat_map(|pool| pool.children_named("PartAmount"));
    for own in amounts {
        let keys = own.child("Part").map(read_keys).unwrap_or_default();
        known.entry(keys).or_insert(own.id());
    }
    let pool = match pool.map(ElementRef::id) {
        Some(pool) => pool,
        None => document.append_child(link, &Element::new("AmountPool"))?,
    };
    for Returned { amount, others } in returned {
        let Some(same) = known.get(&amount.part) else {
            let others = others.iter().map(keys_element);
            let new = document.append_child(pool, &amount.to_element().children(others))?;
            known.insert(amount.part.clone(), new);
            continue;
        };
        if let Some(actual) = amount.actual_amount {
            document.set_attribute(*same, "ActualAmount", &actual.to_string())?;
        }
        for lot in &amount.lots {
            crate::link::set_actual_lot(document, *same, amount, lot)?;
        }
    }
    Ok(())
}
