//! The shapes that every ticket is put together from: resources, links with amounts, nodes, numbers.
//! What they mean is said elsewhere.

use std::collections::BTreeMap;

use super::job::Size;
use crate::amount::{Amounts, PartAmount};
use crate::element::Element;

/// A resource of a pool.
pub(super) fn resource(name: &str, id: &str, class: &str, available: bool) -> Element {
    let status = if available {
        "Available"
    } else {
        "Unavailable"
    };
    Element::new(name.to_owned())
        .with("ID", id)
        .with("Class", class)
        .with("Status", status)
}

/// A resource that is a set of values.
pub(super) fn parameter(name: &str, id: &str) -> Element {
    resource(name, id, "Parameter", true)
}

/// A link that is to be added to a pool.
pub(super) fn link(name: &str, usage: &str, rref: &str) -> Element {
    Element::new(format!("{name}Link"))
        .with("Usage", usage)
        .with("rRef", rref)
}

/// The amount of one partition that a link speaks of.
#[derive(Debug, Clone)]
pub(super) struct Planned {
    pub(super) keys: Keys,
    pub(super) good: u64,
    pub(super) waste: u64,
}

/// Partition keys with their values.
pub(super) type Keys = Vec<(&'static str, String)>;

/// Adds amounts to a link: the total of all, and good and waste of each partition.
pub(super) fn with_amounts(link: Element, planned: &[Planned]) -> Element {
    let total = planned.iter().fold(0_u64, |sum, part| {
        sum.saturating_add(part.good).saturating_add(part.waste)
    });
    let part = |keys: &Keys, condition: &str, amount: u64| {
        let mut part: BTreeMap<String, String> = keys
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()))
            .collect();
        part.insert("Condition".to_owned(), condition.to_owned());
        PartAmount {
            part,
            amount: Some(amount.into()),
            ..PartAmount::default()
        }
    };
    let parts = planned.iter().flat_map(|planned| {
        let waste = (planned.waste > 0).then(|| part(&planned.keys, "Waste", planned.waste));
        std::iter::once(part(&planned.keys, "Good", planned.good)).chain(waste)
    });
    let amounts = Amounts {
        amount: Some(total.into()),
        parts: parts.collect(),
        ..Amounts::default()
    };
    amounts.write(link)
}

/// A resource with one partition for each set of keys; `fill` adds what is the partition's own.
/// Consecutive partitions that share their first keys share the elements of those.
pub(super) fn partitioned(
    root: Element,
    keys: &[Keys],
    mut fill: impl FnMut(usize, Element) -> Element,
) -> Element {
    let Some(first) = keys.first() else {
        return root;
    };
    let names: Vec<_> = first.iter().map(|(name, _)| *name).collect();
    let name = root.name().to_owned();
    let root = root.with("PartIDKeys", names.join(" "));
    let leaves: Vec<_> = (0..keys.len()).collect();
    root.children(level(&name, keys, &leaves, 0, &mut fill))
}

/// As deep as there are keys, which the program gives.
fn level(
    name: &str,
    keys: &[Keys],
    leaves: &[usize],
    depth: usize,
    fill: &mut impl FnMut(usize, Element) -> Element,
) -> Vec<Element> {
    let key = |leaf: usize| keys.get(leaf).and_then(|keys| keys.get(depth));
    let mut elements = Vec::new();
    for group in leaves.chunk_by(|left, right| key(*left) == key(*right)) {
        let Some((first, (key, value))) =
            group.first().and_then(|first| Some((*first, key(*first)?)))
        else {
            continue;
        };
        let element = Element::new(name.to_owned()).with((*key).to_owned(), value);
        let is_leaf = keys.get(first).is_some_and(|keys| keys.len() == depth + 1);
        elements.push(if is_leaf {
            fill(first, element)
        } else {
            element.children(level(name, keys, group, depth + 1, fill))
        });
    }
    elements
}

/// A reference to a resource from inside another.
pub(super) fn reference(name: &str, rref: &str) -> Element {
    Element::new(format!("{name}Ref")).with("rRef", rref)
}

/// A file.
pub(super) fn file(url: &str) -> Element {
    Element::new("FileSpec").with("URL", url)
}

/// A number as JDF writes it, with at most three places.
pub(super) fn number(value: f64) -> String {
    ((value * 1000.0).round() / 1000.0).to_string()
}

/// Points of a length in millimetres.
pub(super) fn points(millimetres: f64) -> String {
    number(millimetres * 72.0 / 25.4)
}

/// Width and height in points.
pub(super) fn xy(size: Size) -> String {
    format!("{} {}", points(size.width), points(size.height))
}

/// Width, height and depth in points.
pub(super) fn shape(size: Size) -> String {
    format!("{} {}", xy(size), points(size.depth.unwrap_or(0.0)))
}
