//! What is checked against a description: an element of the ticket, or a part of a resource with all that it inherits.

use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;

use crate::resource::Resource;
use crate::validate::partition::{Identical, Keys, Parts, is_partition_key};
use crate::view::ElementRef;

/// An element and those that say the rest of it, the nearest first.
#[derive(Debug, Clone)]
pub(super) struct Subject<'d> {
    layers: Rc<[Layer<'d>]>,
    /// Which part of a resource it is.
    keys: Rc<Keys<'d>>,
}

#[derive(Debug, Clone, Copy)]
struct Layer<'d> {
    element: ElementRef<'d>,
    /// Of a part that is identical: which part that is, it says itself.
    is_identical: bool,
}

impl<'d> Subject<'d> {
    pub(super) fn plain(element: ElementRef<'d>) -> Self {
        Self {
            layers: Rc::new([Layer {
                element,
                is_identical: false,
            }]),
            keys: Rc::default(),
        }
    }

    /// The parts of a resource that have none below them; of those that one of the selections means, if there are
    /// any.
    pub(super) fn leaves(
        resource: ElementRef<'d>,
        selections: &[BTreeMap<String, String>],
    ) -> Vec<Self> {
        let own = crate::schema::element(resource.local_name());
        let is_key = |name: &str| !own.is_some_and(|facts| facts.has_own(name));
        let resource = Resource::of(resource);
        let parts = Parts::of(resource, is_key);
        let selections = selections.iter().filter(|keys| !keys.is_empty());
        let selected: HashSet<_> = selections
            .flat_map(|keys| resource.select(keys))
            .map(Resource::node_id)
            .collect();
        let is_selected = |index: usize| {
            selected.is_empty()
                || selected.contains(&parts.whole.id())
                || parts
                    .around(index)
                    .any(|around| selected.contains(&parts.all[around].element.id()))
        };
        let leaves: Vec<Self> = (0..parts.all.len())
            .filter(|index| parts.all[*index].is_leaf && is_selected(*index))
            .map(|index| Self::part(&parts, index))
            .collect();
        if leaves.is_empty() {
            return vec![Self::plain(parts.whole)];
        }
        leaves
    }

    fn part(parts: &Parts<'d>, index: usize) -> Self {
        let layer = |index: usize, is_identical| Layer {
            element: parts.all[index].element,
            is_identical,
        };
        let mut layers = Vec::new();
        for around in parts.around(index) {
            layers.push(layer(around, false));
            // An identical part may not be identical with a further one.
            if let Identical::Part(identical) = parts.identical(around) {
                layers.extend(parts.around(identical).map(|index| layer(index, true)));
            }
        }
        layers.push(Layer {
            element: parts.whole,
            is_identical: false,
        });
        Self {
            layers: layers.into(),
            keys: Rc::new(parts.all[index].keys.clone()),
        }
    }

    /// The element itself, without what it inherits from.
    pub(super) fn element(&self) -> ElementRef<'d> {
        self.layers[0].element
    }

    /// How many elements a look-up may ask.
    pub(super) fn depth(&self) -> usize {
        self.layers.len()
    }

    /// The elements that may say something of it.
    pub(super) fn elements(&self) -> impl Iterator<Item = ElementRef<'d>> {
        self.layers.iter().map(|layer| layer.element)
    }

    /// The value of an attribute and the element that says it.
    pub(super) fn attribute(&self, name: &str) -> Option<(&'d str, ElementRef<'d>)> {
        self.layers
            .iter()
            .filter(|layer| !(layer.is_identical && is_partition_key(name)))
            .find_map(|layer| Some((layer.element.attribute(name)?, layer.element)))
    }

    /// Names of attributes with the elements that say them.
    pub(super) fn attributes(&self) -> Vec<(&'d str, ElementRef<'d>)> {
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        for layer in self.layers.iter() {
            for attribute in layer.element.attributes() {
                let is_other = layer.is_identical && is_partition_key(attribute.name);
                if !is_other && seen.insert(attribute.name) {
                    found.push((attribute.name, layer.element));
                }
            }
        }
        found
    }

    /// The elements inside: of each name those of the nearest element that has some. Parts are not among them.
    pub(super) fn children(&self) -> Vec<ElementRef<'d>> {
        let mut found: Vec<ElementRef<'d>> = Vec::new();
        let mut seen: HashSet<&str> = HashSet::new();
        let own = self.element().name();
        let is_part = self.layers.len() > 1;
        for layer in self.layers.iter() {
            let children = layer.element.children();
            let inside = |child: &ElementRef<'d>| {
                !(is_part && child.name() == own || child.is_jdf("Identical"))
            };
            let new: Vec<ElementRef<'d>> = children
                .filter(inside)
                .filter(|child| !seen.contains(child.name()))
                .collect();
            seen.extend(new.iter().map(|child| child.name()));
            found.extend(new);
        }
        found
    }

    /// Whether both can be of one run: no key has different values.
    pub(super) fn is_together_with(&self, other: &Self) -> bool {
        self.keys.iter().all(|(name, value)| {
            let same = |(other_name, other): &(&str, &str)| other_name != name || other == value;
            other.keys.iter().all(same)
        })
    }
}
