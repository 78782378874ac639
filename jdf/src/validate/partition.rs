//! All parts of one resource with their keys, walked once: what is asked of every part of a large resource would
//! otherwise cost a walk each.

use std::collections::{HashMap, HashSet};

use crate::resource::Resource;
use crate::schema::PARTITION_KEYS;
use crate::view::ElementRef;

/// Names and values of keys.
pub(super) type Keys<'d> = Vec<(&'d str, &'d str)>;

/// A partitioned resource.
pub(super) struct Parts<'d> {
    pub(super) whole: ElementRef<'d>,
    /// `PartIDKeys`, or what the parts show if it is not there.
    pub(super) names: Vec<&'d str>,
    /// Keys that parts have and `PartIDKeys` does not list.
    pub(super) undeclared: Vec<&'d str>,
    /// In document order, parents before children.
    pub(super) all: Vec<Part<'d>>,
    /// The first part of each set of keys, sorted by name.
    by_keys: HashMap<Keys<'d>, usize>,
}

/// One part.
pub(super) struct Part<'d> {
    pub(super) element: ElementRef<'d>,
    /// The part around it; `None` directly in the whole.
    pub(super) parent: Option<usize>,
    /// Its own keys.
    pub(super) own: Keys<'d>,
    /// With those of the parts around it, sorted by name.
    pub(super) keys: Keys<'d>,
    pub(super) is_leaf: bool,
}

/// What a part says that it is identical with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Identical {
    Nothing,
    /// Keys that no part has.
    Lost,
    Part(usize),
}

impl<'d> Parts<'d> {
    /// The parts below a whole resource; `is_key` says which undeclared attributes are keys.
    pub(super) fn of(resource: Resource<'d>, is_key: impl Fn(&str) -> bool) -> Self {
        let names = resource.part_id_keys();
        let mut undeclared = Vec::new();
        let mut seen: HashSet<&str> = names.iter().copied().collect();
        let mut parts: Vec<Part<'d>> = Vec::new();
        let mut by_keys: HashMap<Keys<'d>, usize> = HashMap::new();
        let mut stack: Vec<(ElementRef<'d>, Option<usize>)> = Vec::new();
        let below = |element: ElementRef<'d>, parent, stack: &mut Vec<_>| {
            let first = stack.len();
            let is_part = |child: &ElementRef<'d>| child.name() == element.name();
            stack.extend(
                element
                    .children()
                    .filter(is_part)
                    .map(|child| (child, parent)),
            );
            stack[first..].reverse();
            stack.len() > first
        };
        below(resource.element(), None, &mut stack);
        while let Some((element, parent)) = stack.pop() {
            let mut own: Keys<'d> = Vec::new();
            for attribute in element.attributes() {
                let is_listed = names.contains(&attribute.name);
                let is_undeclared = is_partition_key(attribute.name) && is_key(attribute.name);
                if !is_listed && !is_undeclared {
                    continue;
                }
                own.push((attribute.name, attribute.value));
                if seen.insert(attribute.name) {
                    undeclared.push(attribute.name);
                }
            }
            let mut keys = parent.map_or_else(Vec::new, |parent: usize| parts[parent].keys.clone());
            keys.retain(|(name, _)| own.iter().all(|(own, _)| own != name));
            keys.extend(&own);
            keys.sort_unstable();
            let index = parts.len();
            if !own.is_empty() {
                by_keys.entry(keys.clone()).or_insert(index);
            }
            let has_parts = below(element, Some(index), &mut stack);
            parts.push(Part {
                element,
                parent,
                own,
                keys,
                is_leaf: !has_parts,
            });
        }
        Self {
            whole: resource.element(),
            names,
            undeclared,
            all: parts,
            by_keys,
        }
    }

    /// The first part with the same keys as this one, if that is another.
    pub(super) fn same_keys(&self, index: usize) -> Option<&Part<'d>> {
        let first = *self.by_keys.get(&self.all[index].keys)?;
        (first != index).then(|| &self.all[first])
    }

    /// Where the `Identical` of a part leads.
    pub(super) fn identical(&self, index: usize) -> Identical {
        let identical = self.all[index].element.child("Identical");
        let Some(wanted) = identical.and_then(|identical| identical.child("Part")) else {
            return Identical::Nothing;
        };
        let mut keys: Keys<'d> = self
            .names
            .iter()
            .chain(&self.undeclared)
            .filter_map(|name| Some((*name, wanted.attribute(name)?)))
            .collect();
        // Keys by which the resource is not divided there are left out, the innermost first.
        while !keys.is_empty() {
            let mut sorted = keys.clone();
            sorted.sort_unstable();
            if let Some(found) = self.by_keys.get(&sorted) {
                return Identical::Part(*found);
            }
            keys.pop();
        }
        Identical::Lost
    }

    /// A part and the parts around it, the innermost first.
    pub(super) fn around(&self, index: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(index), |index| self.all[*index].parent)
    }
}

/// Whether the specification has a key of this name.
pub(super) fn is_partition_key(name: &str) -> bool {
    PARTITION_KEYS
        .binary_search_by(|facts| facts.name.cmp(name))
        .is_ok()
}
