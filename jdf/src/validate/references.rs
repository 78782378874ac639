//! References between resources and IDs in attributes: whether they lead anywhere, and not in a circle.

use std::collections::{HashMap, HashSet};

use super::{Check, detail, rules, shown};
use crate::document::NodeId;
use crate::resource::Resource;
use crate::schema::{self, DataType, Kind};
use crate::value::tokens;
use crate::view::ElementRef;

pub(super) fn check(check: &mut Check<'_>) {
    let root = check.document.root();
    let elements = || std::iter::once(root).chain(root.descendants());
    let mut ids: HashMap<&str, ElementRef<'_>> = HashMap::new();
    for element in elements() {
        if let Some(id) = element.attribute("ID") {
            ids.entry(id).or_insert(element);
        }
    }
    cycles(&ids, check);
    if !check.tells(rules::REFERENCE_MISSING.level) {
        return;
    }
    for element in elements().filter(|element| element.is_of_jdf()) {
        let Some(facts) = schema::element(element.local_name()) else {
            continue;
        };
        // Where links and references to resources lead is asked where links are checked.
        if matches!(facts.kind, Kind::Link | Kind::Ref) {
            continue;
        }
        for attribute in element.attributes() {
            let is_reference = facts
                .attribute(attribute.name)
                .is_some_and(|known| matches!(known.data_type, DataType::IdRef | DataType::IdRefs));
            if !is_reference {
                continue;
            }
            for id in tokens(attribute.value).filter(|id| !ids.contains_key(id)) {
                let message = format!("`{}` names an ID that nothing here has", attribute.name);
                let name = Some(attribute.name);
                let finding = check.report(rules::REFERENCE_MISSING, element, name, message);
                detail(finding, shown(id), "the ID of an element of this document");
            }
        }
    }
}

/// The resource in a pool that an element is in.
fn pooled(element: ElementRef<'_>) -> Option<NodeId> {
    Some(Resource::of(element).in_pool()?.node_id())
}

/// Takes away, again and again, resources that refer to nothing and those that nothing refers to; what is left is
/// in a circle or between two.
fn cycles<'d>(ids: &HashMap<&str, ElementRef<'d>>, check: &mut Check<'d>) {
    struct Reference<'d> {
        at: ElementRef<'d>,
        from: NodeId,
        to: NodeId,
    }
    let mut references: Vec<Reference<'d>> = Vec::new();
    for at in check.document.root().descendants() {
        if !at.is_of_jdf() || !at.local_name().ends_with("Ref") {
            continue;
        }
        let target = at.attribute("rRef").and_then(|rref| ids.get(rref.trim()));
        let to = target.and_then(|target| pooled(*target));
        if let (Some(from), Some(to)) = (pooled(at), to) {
            references.push(Reference { at, from, to });
        }
    }
    let mut in_circle: Vec<bool> = vec![true; references.len()];
    for is_forward in [true, false] {
        let ends = |reference: &Reference<'d>| {
            if is_forward {
                (reference.from, reference.to)
            } else {
                (reference.to, reference.from)
            }
        };
        let mut into: HashMap<NodeId, usize> = HashMap::new();
        let mut out_of: HashMap<NodeId, Vec<usize>> = HashMap::new();
        for (index, reference) in references.iter().enumerate().filter(|(i, _)| in_circle[*i]) {
            let (from, to) = ends(reference);
            *into.entry(to).or_default() += 1;
            out_of.entry(from).or_default().push(index);
        }
        let mut free: Vec<NodeId> = out_of
            .keys()
            .filter(|node| !into.contains_key(node))
            .copied()
            .collect();
        while let Some(node) = free.pop() {
            for index in out_of.remove(&node).unwrap_or_default() {
                in_circle[index] = false;
                let (_, to) = ends(&references[index]);
                let Some(count) = into.get_mut(&to) else {
                    continue;
                };
                *count -= 1;
                if *count == 0 {
                    free.push(to);
                }
            }
        }
    }
    let mut told = HashSet::new();
    for (reference, _) in references.iter().zip(in_circle).filter(|(_, is)| *is) {
        if !told.insert(reference.from) {
            continue;
        }
        let message = format!(
            "`{}` leads back to the resource that it is in",
            reference.at.local_name()
        );
        let rref = reference.at.attribute("rRef").unwrap_or_default();
        let finding = check.report(rules::REFERENCE_CYCLE, reference.at, Some("rRef"), message);
        detail(
            finding,
            shown(rref),
            "a resource that does not need this one",
        );
    }
}
