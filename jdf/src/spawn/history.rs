//! Audits of both sides: what the parent was told while the node was away, and what came back with it.

use std::collections::HashMap;
use std::fmt::Write as _;

use jiff::Timestamp;

use crate::audit::pool_of;
use crate::document::{Document, NodeId};
use crate::error::Error;
use crate::value::{parse_date_time, parse_decimal};
use crate::view::ElementRef;

/// Adds to the audits of a node those of another one that it does not have, by their time among its own.
pub(super) fn unite(
    document: &mut Document,
    node: NodeId,
    other: ElementRef<'_>,
) -> Result<(), Error> {
    let Some(own) = document.element(node) else {
        return Ok(());
    };
    let mut known: HashMap<String, usize> = HashMap::new();
    for audit in audits(own) {
        *known.entry(fingerprint(audit)).or_default() += 1;
    }
    let mut missing = Vec::new();
    for audit in audits(other) {
        match known.get_mut(&fingerprint(audit)) {
            Some(count) if *count > 0 => *count -= 1,
            _ => missing.push(audit),
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let pool = pool_of(document, node)?;
    // Where each of the own audits stands, and when it was written.
    let own: Vec<(NodeId, Option<Timestamp>)> = document
        .element(pool)
        .into_iter()
        .flat_map(ElementRef::children)
        .map(|audit| (audit.id(), time(audit)))
        .collect();
    // The latest time up to each of them: where that is later for the first time, the first later one stands.
    let mut latest = None;
    let latest: Vec<Option<Timestamp>> = own
        .iter()
        .map(|(_, own)| {
            latest = latest.max(*own);
            latest
        })
        .collect();
    // What now stands directly before each of them.
    let mut before: HashMap<usize, NodeId> = HashMap::new();
    for audit in missing {
        let xml = audit.to_portable_xml(document.element(pool));
        let written = time(audit);
        let later = latest.partition_point(|latest| *latest <= written);
        let Some((sibling, _)) = own.get(later).filter(|_| written.is_some()) else {
            document.append_xml(pool, &xml)?;
            continue;
        };
        let previous = before.get(&later).copied();
        let previous = previous.or_else(|| Some(own[later.checked_sub(1)?].0));
        let new = document.insert_xml_between(previous, *sibling, &xml)?;
        before.insert(later, new);
    }
    Ok(())
}

fn audits(node: ElementRef<'_>) -> impl Iterator<Item = ElementRef<'_>> {
    let pools = node.children_named("AuditPool");
    pools.flat_map(ElementRef::children)
}

fn time(audit: ElementRef<'_>) -> Option<Timestamp> {
    let read = parse_date_time(audit.attribute("TimeStamp")?)?;
    Some(read.timestamp)
}

/// What an element says, whoever wrote it: programs put attributes in another order and times in another zone. The
/// marks of spawning say nothing of the element itself.
pub(super) fn fingerprint(element: ElementRef<'_>) -> String {
    enum Visit<'d> {
        Open(ElementRef<'d>),
        Close,
    }
    let mut said = String::new();
    let mut stack = vec![Visit::Open(element)];
    while let Some(visit) = stack.pop() {
        let Visit::Open(element) = visit else {
            said.push(')');
            continue;
        };
        said.push('(');
        said.push_str(element.namespace().unwrap_or_default());
        said.push(' ');
        said.push_str(element.local_name());
        let mut attributes: Vec<(&str, String)> = element
            .attributes()
            .filter(|attribute| !attribute.name.starts_with("xmlns"))
            .filter(|attribute| !matches!(attribute.name, "SpawnIDs" | "SpawnStatus" | "Locked"))
            .map(|attribute| (attribute.name, meaning(attribute.value)))
            .collect();
        attributes.sort();
        for (name, value) in attributes {
            let _ = write!(said, " {name}={value:?}");
        }
        let _ = write!(said, " {:?}", element.text().trim());
        stack.push(Visit::Close);
        let first = stack.len();
        stack.extend(element.children().map(Visit::Open));
        stack[first..].reverse();
    }
    said
}

fn meaning(value: &str) -> String {
    if let Some(number) = parse_decimal(value) {
        return number.normalize().to_string();
    }
    match parse_date_time(value) {
        Some(read) => read.timestamp.to_string(),
        None => value.trim().to_owned(),
    }
}
