//! Which elements of two documents are the same thing, and where their order means something.
//!
//! Children of two paired elements are paired by ID, then by equal content, then by what names them in their place
//! (the job part of a node, the resource and usage of a link, the keys of a part …), then by order. Every step is a
//! look-up in a hash table, so ten thousand siblings cost no more than ten thousand look-ups.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;

use super::facts::{Facts, Name, hash_of, id, name_of, text};
use super::value::canonical;
use crate::schema::{self, Kind, PARTITION_KEYS};
use crate::view::ElementRef;

/// What names an element among its siblings, beside its ID.
const NATURAL_KEYS: &[(&str, &[&str])] = &[
    ("JDF", &["JobPartID"]),
    ("Ancestor", &["NodeID"]),
    ("QueueEntry", &["QueueEntryID"]),
    ("DeviceInfo", &["DeviceID"]),
    ("Device", &["DeviceID"]),
    ("JobPhase", &["QueueEntryID", "JobID", "JobPartID"]),
    ("MessageService", &["Type"]),
    ("ModuleStatus", &["ModuleID", "ModuleIndex"]),
    ("SubscriptionInfo", &["ChannelID"]),
    ("Lot", &["LotID"]),
    ("GeneralID", &["IDUsage"]),
    ("Station", &["StationName"]),
];
/// Elements whose children mean something by their order, whatever they are called.
const SEQUENCES: &[&str] = &["AncestorPool", "AuditPool", "JMF", "MediaLayers", "Queue"];
/// Elements that mean the same wherever they stand among their siblings.
const LOOSE: &[&str] = &[
    "Device",
    "DeviceInfo",
    "GeneralID",
    "JDF",
    "Lot",
    "MessageService",
    "ModuleStatus",
    "Part",
    "PartAmount",
    "SubscriptionInfo",
];

/// The children of two elements, paired.
pub(super) struct Paired<'d> {
    pub(super) pairs: Vec<Pair<'d>>,
    pub(super) removed: Vec<ElementRef<'d>>,
    pub(super) added: Vec<ElementRef<'d>>,
}

#[derive(Clone, Copy)]
pub(super) struct Pair<'d> {
    pub(super) left: ElementRef<'d>,
    pub(super) right: ElementRef<'d>,
    /// Whether it stands elsewhere among its siblings, where that means something.
    pub(super) is_moved: bool,
}

struct Child<'d> {
    element: ElementRef<'d>,
    name: Name<'d>,
    id: Option<&'d str>,
    natural: Option<u64>,
    /// Whether the other document has it, by its ID, somewhere else.
    is_elsewhere: bool,
    partner: Option<usize>,
}

/// Pairs the children of two elements.
pub(super) fn pair<'d>(
    left: (&Facts<'d>, ElementRef<'d>),
    right: (&Facts<'d>, ElementRef<'d>),
) -> Paired<'d> {
    let mut pairing = Pairing {
        left: children(left, right),
        right: children(right, left),
    };
    pairing.by(|child| Some((child.name, child.id?)));
    let (hashes_left, hashes_right) = (pairing.hashes(left.0, 0), pairing.hashes(right.0, 1));
    pairing.by_keys(&hashes_left, &hashes_right);
    pairing.by(Child::natural_key);
    pairing.by_order();
    pairing.finish(left.1)
}

fn children<'d>(
    (facts, parent): (&Facts<'d>, ElementRef<'d>),
    (others, other_parent): (&Facts<'d>, ElementRef<'d>),
) -> Vec<Child<'d>> {
    let child = |element: ElementRef<'d>| {
        let other = facts.counterpart(others, element);
        Child {
            element,
            name: name_of(element),
            id: id(element),
            natural: natural_key(facts, element),
            is_elsewhere: other.is_some_and(|other| other.parent() != Some(other_parent)),
            partner: None,
        }
    };
    parent.children().map(child).collect()
}

impl<'d> Child<'d> {
    fn is_free(&self) -> bool {
        self.partner.is_none() && !self.is_elsewhere
    }

    fn natural_key(&self) -> Option<(Name<'d>, u64)> {
        Some((self.name, self.natural?)).filter(|_| self.is_free())
    }

    fn is_named(&self) -> bool {
        self.id.is_some() || self.natural.is_some()
    }
}

struct Pairing<'d> {
    left: Vec<Child<'d>>,
    right: Vec<Child<'d>>,
}

impl<'d> Pairing<'d> {
    fn by<K: Hash + Eq>(&mut self, key: impl Fn(&Child<'d>) -> Option<K>) {
        let keys = |children: &[Child<'d>]| children.iter().map(&key).collect::<Vec<_>>();
        let (left, right) = (keys(&self.left), keys(&self.right));
        self.by_keys(&left, &right);
    }

    /// Pairs those with equal keys: the first with the first, the second with the second.
    fn by_keys<K: Hash + Eq>(&mut self, left: &[Option<K>], right: &[Option<K>]) {
        let mut free: HashMap<&K, VecDeque<usize>> = HashMap::new();
        for (at, key) in right.iter().enumerate() {
            if let Some(key) = key {
                free.entry(key).or_default().push_back(at);
            }
        }
        for (at, key) in left.iter().enumerate() {
            let same = key.as_ref().and_then(|key| free.get_mut(key));
            if let Some(other) = same.and_then(VecDeque::pop_front) {
                self.join(at, other);
            }
        }
    }

    fn join(&mut self, left: usize, right: usize) {
        self.left[left].partner = Some(right);
        self.right[right].partner = Some(left);
    }

    fn hashes(&self, facts: &Facts<'d>, side: usize) -> Vec<Option<u64>> {
        let children = [&self.left, &self.right][side].iter();
        children
            .map(|child| child.is_free().then(|| facts.hash(child.element)))
            .collect()
    }

    /// Pairs what is left by order, name by name. Of elements that have something to be named by, only the one on
    /// either side that alone is left over is the same with another name; parts never are.
    fn by_order(&mut self) {
        let mut names: HashMap<Name<'d>, [Vec<usize>; 2]> = HashMap::new();
        for (side, children) in [&self.left, &self.right].into_iter().enumerate() {
            for (at, child) in children.iter().enumerate() {
                if child.is_free() && !is_part(child.element) {
                    names.entry(child.name).or_default()[side].push(at);
                }
            }
        }
        for [mut left, mut right] in names.into_values() {
            if (left.len(), right.len()) != (1, 1) {
                left.retain(|at| !self.left[*at].is_named());
                right.retain(|at| !self.right[*at].is_named());
            }
            for (left, right) in left.into_iter().zip(right) {
                self.join(left, right);
            }
        }
    }

    fn finish(self, parent: ElementRef<'d>) -> Paired<'d> {
        let order = Order::within(parent);
        // One row for what is in sequence with one another; all of it, or each name by itself.
        let mut rows: HashMap<Row<'d>, Vec<usize>> = HashMap::new();
        for child in &self.left {
            if let Some(partner) = child.partner
                && let Some(row) = order.row(child)
            {
                rows.entry(row).or_default().push(partner);
            }
        }
        let moved: HashSet<usize> = rows.values().flat_map(|row| out_of_order(row)).collect();
        let pairs = self.left.iter().filter_map(|child| {
            let partner = child.partner?;
            Some(Pair {
                left: child.element,
                right: self.right[partner].element,
                is_moved: moved.contains(&partner),
            })
        });
        let single = |children: &[Child<'d>]| {
            let single = children.iter().filter(|child| child.partner.is_none());
            single.map(|child| child.element).collect()
        };
        Paired {
            pairs: pairs.collect(),
            removed: single(&self.left),
            added: single(&self.right),
        }
    }
}

/// What stands in sequence with one another.
#[derive(PartialEq, Eq, Hash)]
enum Row<'d> {
    All,
    Named(Name<'d>),
}

/// Where order means something among the children of an element.
enum Order {
    Everywhere,
    Nowhere,
    /// Among those of one name that are not loose.
    WithinNames,
}

impl Order {
    fn within(parent: ElementRef<'_>) -> Self {
        let name = parent.local_name();
        if !parent.is_of_jdf() || SEQUENCES.contains(&name) || !text(parent).is_empty() {
            Self::Everywhere
        } else if name.ends_with("Pool") {
            Self::Nowhere
        } else {
            Self::WithinNames
        }
    }

    /// The row that a child is part of; `None` for one without order.
    fn row<'d>(&self, child: &Child<'d>) -> Option<Row<'d>> {
        match self {
            Self::Everywhere => Some(Row::All),
            Self::Nowhere => None,
            Self::WithinNames => {
                let element = child.element;
                let name = element.local_name();
                let is_loose = element.is_of_jdf() && LOOSE.contains(&name)
                    || element.attribute("rRef").is_some() && name.ends_with("Link")
                    || is_part(element);
                (!is_loose).then_some(Row::Named(child.name))
            }
        }
    }
}

/// The fewest numbers that must be taken out of a row so that the others rise.
fn out_of_order(row: &[usize]) -> Vec<usize> {
    // `ends[n]` is where the rising row of n + 1 numbers ends whose last number is the smallest.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(row.len());
    for (at, number) in row.iter().enumerate() {
        let length = ends.partition_point(|end| row[*end] < *number);
        before.push(length.checked_sub(1).map(|last| ends[last]));
        match ends.get_mut(length) {
            Some(end) => *end = at,
            None => ends.push(at),
        }
    }
    let rising = std::iter::successors(ends.last().copied(), |at| before[*at]);
    let kept: HashSet<usize> = rising.collect();
    let moved = (0..row.len()).filter(|at| !kept.contains(at));
    moved.map(|at| row[at]).collect()
}

/// Whether an element is a part of the partitioned resource around it.
pub(super) fn is_part(element: ElementRef<'_>) -> bool {
    let is_inside = element
        .parent()
        .is_some_and(|parent| name_of(parent) == name_of(element));
    let can_be_divided = || {
        let kind = schema::element(element.local_name()).map(|facts| facts.kind);
        matches!(kind, None | Some(Kind::Resource(_) | Kind::Element))
    };
    is_inside && element.is_of_jdf() && can_be_divided() && part_key(element).is_some()
}

/// One number for all keys by which a part is told from others.
fn part_key(element: ElementRef<'_>) -> Option<u64> {
    let mut keys = element.attributes().filter_map(|attribute| {
        let found = PARTITION_KEYS.binary_search_by(|facts| facts.name.cmp(attribute.name));
        let data_type = PARTITION_KEYS[found.ok()?].data_type;
        Some(hash_of((
            attribute.name,
            canonical(data_type, attribute.value),
        )))
    });
    let first = keys.next()?;
    Some(keys.fold(first, u64::wrapping_add))
}

fn natural_key(facts: &Facts<'_>, element: ElementRef<'_>) -> Option<u64> {
    if !element.is_of_jdf() {
        return None;
    }
    let name = element.local_name();
    let by = |names: &[&str]| {
        let values: Vec<Option<&str>> = names
            .iter()
            .map(|name| element.attribute(name).map(str::trim))
            .collect();
        values.iter().any(Option::is_some).then(|| hash_of(&values))
    };
    if is_part(element) {
        return part_key(element);
    }
    let parts = || {
        let parts = element.children_named("Part");
        parts.fold(0_u64, |sum, part| sum.wrapping_add(facts.hash(part)))
    };
    if element.attribute("rRef").is_some() {
        return Some(hash_of((by(&["rRef", "Usage", "ProcessUsage"]), parts())));
    }
    if name == "PartAmount" {
        return Some(parts());
    }
    let known = NATURAL_KEYS.iter().find(|(known, _)| *known == name);
    by(known.map_or(&["Name"], |(_, names)| names))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fewest_elements_count_as_moved() {
        for (row, moved) in [
            (vec![0, 1, 2, 3], vec![]),
            (vec![3, 0, 1, 2], vec![3]),
            (vec![1, 2, 3, 0], vec![0]),
            (vec![0, 3, 1, 2, 4], vec![3]),
            (vec![2, 1, 0], vec![2, 1]),
            (vec![], vec![]),
        ] {
            assert_eq!(out_of_order(&row), moved, "{row:?}");
        }
    }
}
