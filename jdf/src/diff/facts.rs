//! What one of the compared documents says, free of spelling: names with their namespace, values in one spelling,
//! text without layout, and a hash of each element with everything in it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::{DefaultHasher, Entry};
use std::hash::{Hash, Hasher};

use super::value::{canonical, data_type};
use crate::document::{Document, NodeId};
use crate::gap::{Item, items};
use crate::name;
use crate::view::ElementRef;

/// Namespace and local name. All namespaces of JDF count as one.
pub(super) type Name<'d> = (Option<&'d str>, &'d str);

pub(super) struct Attribute<'d> {
    pub(super) name: Name<'d>,
    pub(super) written: &'d str,
    pub(super) value: &'d str,
    pub(super) canonical: Cow<'d, str>,
}

pub(super) struct Facts<'d> {
    pub(super) document: &'d Document,
    /// The namespace of a prefix, where the whole document means the same by it.
    prefixes: HashMap<&'d str, Option<&'d str>>,
    /// By the index of the element. Only hints at what is equal: pairs are compared all the same.
    hashes: Vec<u64>,
    /// Elements by name and ID; `None` for an ID that is not unique.
    ids: HashMap<(Name<'d>, &'d str), Option<NodeId>>,
}

impl<'d> Facts<'d> {
    pub(super) fn of(document: &'d Document) -> Self {
        let mut facts = Self {
            document,
            prefixes: HashMap::new(),
            hashes: vec![0; document.nodes.len()],
            ids: HashMap::new(),
        };
        let root = document.root();
        for element in std::iter::once(root).chain(root.descendants()) {
            facts.look_at(element);
        }
        // An element comes after those around it in the arena, so backwards the inner ones come first.
        for index in (0..document.nodes.len()).rev() {
            let id = NodeId::from_index(index);
            let element = ElementRef { document, id };
            let inside = facts.hashes[index];
            let hash = facts.own_hash(element, inside);
            facts.hashes[index] = hash;
            if let Some(parent) = document.node(id).parent {
                let sum = &mut facts.hashes[parent.index()];
                *sum = sum.wrapping_add(hash);
            }
        }
        facts
    }

    fn look_at(&mut self, element: ElementRef<'d>) {
        for attribute in element.attributes() {
            if let Some(prefix) = attribute.name.strip_prefix("xmlns:") {
                let uri = Some(attribute.value);
                match self.prefixes.entry(prefix) {
                    Entry::Vacant(entry) => {
                        entry.insert(uri);
                    }
                    Entry::Occupied(mut entry) if *entry.get() != uri => {
                        entry.insert(None);
                    }
                    Entry::Occupied(_) => {}
                }
            }
        }
        if let Some(id) = id(element) {
            let known = self.ids.entry((name_of(element), id));
            known
                .and_modify(|known| *known = None)
                .or_insert(Some(element.id()));
        }
    }

    fn own_hash(&self, element: ElementRef<'d>, inside: u64) -> u64 {
        let attributes = self.attributes(element);
        let sum = attributes.iter().fold(0_u64, |sum, attribute| {
            sum.wrapping_add(hash_of((attribute.name, &attribute.canonical)))
        });
        hash_of((name_of(element), sum, text(element), inside))
    }

    pub(super) fn hash(&self, element: ElementRef<'d>) -> u64 {
        self.hashes[element.id().index()]
    }

    /// The element of this name with this ID, if there is exactly one in the document.
    fn by_id(&self, name: Name<'d>, id: &'d str) -> Option<ElementRef<'d>> {
        let id = (*self.ids.get(&(name, id))?)?;
        Some(ElementRef {
            document: self.document,
            id,
        })
    }

    /// Where the other document has an element, by an ID that is unique in both.
    pub(super) fn counterpart(
        &self,
        others: &Self,
        element: ElementRef<'d>,
    ) -> Option<ElementRef<'d>> {
        let (name, id) = (name_of(element), id(element)?);
        self.by_id(name, id)?;
        others.by_id(name, id)
    }

    /// The attributes that mean something: no declarations of namespaces, no hints where a schema lies.
    pub(super) fn attributes(&self, element: ElementRef<'d>) -> Vec<Attribute<'d>> {
        let mut attributes = Vec::new();
        for attribute in element.attributes() {
            let (prefix, local) = name::split(attribute.name);
            if prefix == Some("xmlns") || attribute.name == "xmlns" {
                continue;
            }
            let namespace = prefix.and_then(|prefix| self.namespace(element, prefix));
            let is_xsi = namespace == Some(name::XSI);
            if is_xsi && matches!(local, "schemaLocation" | "noNamespaceSchemaLocation") {
                continue;
            }
            let canonical = match namespace {
                None => canonical(data_type(element, local), attribute.value),
                // A type is named with whatever prefix its document has.
                Some(_) if is_xsi => Cow::Borrowed(name::split(attribute.value.trim()).1),
                Some(_) => Cow::Borrowed(attribute.value),
            };
            attributes.push(Attribute {
                name: (namespace, local),
                written: attribute.name,
                value: attribute.value,
                canonical,
            });
        }
        attributes
    }

    fn namespace(&self, element: ElementRef<'d>, prefix: &'d str) -> Option<&'d str> {
        let found = match self.prefixes.get(prefix) {
            Some(Some(uri)) => Some(*uri),
            _ => element.resolve(Some(prefix)),
        };
        // What is bound to nothing is told apart by its prefix.
        found.map(one_jdf).or(Some(prefix))
    }
}

pub(super) fn name_of(element: ElementRef<'_>) -> Name<'_> {
    let namespace = if element.is_of_jdf() {
        Some(name::JDF)
    } else {
        element.namespace()
    };
    (namespace, element.local_name())
}

fn one_jdf(uri: &str) -> &str {
    if name::is_jdf_namespace(uri) {
        name::JDF
    } else {
        uri
    }
}

/// The ID of an element of JDF.
pub(super) fn id(element: ElementRef<'_>) -> Option<&str> {
    let id = element.attribute("ID").filter(|_| element.is_of_jdf())?;
    Some(id.trim()).filter(|id| !id.is_empty())
}

/// The text directly inside an element, to compare: nothing if it is only layout; with a mark for each child,
/// so that text before a child and after it are two things.
pub(super) fn text(element: ElementRef<'_>) -> String {
    const CHILD: char = '\0';
    let document = element.document();
    let mut text = String::new();
    for (gap, child) in document.content(element.id()) {
        let gap = gap.of(&document.text);
        text.extend(items(gap).filter_map(Item::characters));
        text.extend(child.map(|_| CHILD));
    }
    let is_layout = text.chars().all(|c| c.is_whitespace() || c == CHILD);
    if is_layout { String::new() } else { text }
}

/// The comments directly inside an element.
pub(super) fn comments(element: ElementRef<'_>) -> Vec<&str> {
    let document = element.document();
    let gaps = document.content(element.id());
    gaps.flat_map(|(gap, _)| items(gap.of(&document.text)))
        .filter_map(Item::comment)
        .map(str::trim)
        .collect()
}

pub(super) fn hash_of(what: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}
