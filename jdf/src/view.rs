//! Reading the tree: elements, their attributes and what is around and below them.

use std::borrow::Cow;

use crate::document::{Document, ElementData, Kind, NodeId};
use crate::error::Position;
use crate::name;

/// One element of a document: a cheap, copyable view.
#[derive(Clone, Copy)]
pub struct ElementRef<'a> {
    pub(crate) document: &'a Document,
    pub(crate) id: NodeId,
}

/// One attribute: the name as written and the value as the application sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttributeRef<'a> {
    pub name: &'a str,
    pub value: &'a str,
}

impl<'a> ElementRef<'a> {
    pub fn id(self) -> NodeId {
        self.id
    }

    pub fn document(self) -> &'a Document {
        self.document
    }

    /// The name as written, with its prefix.
    pub fn name(self) -> &'a str {
        self.data().name.of(&self.document.text)
    }

    pub fn local_name(self) -> &'a str {
        name::split(self.name()).1
    }

    pub fn prefix(self) -> Option<&'a str> {
        name::split(self.name()).0
    }

    pub fn namespace(self) -> Option<&'a str> {
        let index = self.data().namespace?;
        Some(&self.document.namespaces[index as usize].uri)
    }

    /// Whether this element is of JDF (any of its namespaces) and has this local name.
    pub fn is_jdf(self, local_name: &str) -> bool {
        self.is_of_jdf() && self.local_name() == local_name
    }

    /// Whether this element is of JDF at all, and not a vendor's extension.
    pub fn is_of_jdf(self) -> bool {
        self.data()
            .namespace
            .is_some_and(|index| self.document.namespaces[index as usize].is_jdf)
    }

    /// The value of an attribute, by its name as written.
    pub fn attribute(self, name: &str) -> Option<&'a str> {
        self.attributes()
            .find(|attribute| attribute.name == name)
            .map(|attribute| attribute.value)
    }

    /// The value of an attribute in a namespace, whatever prefix the writer chose.
    pub fn attribute_in(self, namespace: &str, local_name: &str) -> Option<&'a str> {
        let found = self.attributes().find(|attribute| {
            let (prefix, local) = name::split(attribute.name);
            local == local_name
                && prefix.is_some_and(|prefix| self.resolve(Some(prefix)) == Some(namespace))
        });
        found.map(|attribute| attribute.value)
    }

    pub fn attributes(self) -> impl Iterator<Item = AttributeRef<'a>> {
        let document = self.document;
        document
            .attributes_of(self.id)
            .map(|attribute| AttributeRef {
                name: attribute.name.of(&document.text),
                value: document.value(attribute.value),
            })
    }

    /// The namespace that a prefix (or none) stands for at this element.
    pub fn resolve(self, prefix: Option<&str>) -> Option<&'a str> {
        if prefix == Some("xml") {
            return Some(name::XML);
        }
        let binds = |attribute: &AttributeRef<'_>| match prefix {
            None => attribute.name == "xmlns",
            Some(prefix) => attribute.name.strip_prefix("xmlns:") == Some(prefix),
        };
        let mut scopes = std::iter::successors(Some(self), |element| element.parent());
        let uri = scopes
            .find_map(|element| element.attributes().find(binds))?
            .value;
        (!uri.is_empty()).then_some(uri)
    }

    pub fn parent(self) -> Option<Self> {
        let id = self.document.node(self.id).parent?;
        Some(Self {
            document: self.document,
            id,
        })
    }

    /// The child elements, in order.
    pub fn children(self) -> impl Iterator<Item = Self> {
        let document = self.document;
        std::iter::successors(self.data().first_child, |id| document.node(*id).next)
            .filter_map(|id| document.element(id))
    }

    /// The first JDF child element of a name.
    pub fn child(self, local_name: &str) -> Option<Self> {
        self.children_named(local_name).next()
    }

    /// The JDF child elements of a name.
    pub fn children_named(self, local_name: &str) -> impl Iterator<Item = Self> {
        self.children()
            .filter(move |child| child.is_jdf(local_name))
    }

    /// Every element below this one, parents before children.
    pub fn descendants(self) -> impl Iterator<Item = Self> {
        let document = self.document;
        let top = self.id;
        let mut next = self.data().first_child;
        std::iter::from_fn(move || {
            let id = next?;
            let below = document.data(id).and_then(|data| data.first_child);
            next = below.or_else(|| document.following(id, top));
            Some(id)
        })
        .filter_map(|id| document.element(id))
    }

    /// The character data directly inside this element, CDATA included.
    pub fn text(self) -> Cow<'a, str> {
        let document = self.document;
        let mut pieces =
            std::iter::successors(self.data().first_child, |id| document.node(*id).next)
                .filter_map(|id| match document.node(id).kind {
                    Kind::Text(value) => Some(document.value(value)),
                    Kind::CData(span) => Some(span.of(&document.text)),
                    _ => None,
                });
        let Some(first) = pieces.next() else {
            return Cow::Borrowed("");
        };
        match pieces.next() {
            None => Cow::Borrowed(first),
            Some(second) => Cow::Owned([first, second].into_iter().chain(pieces).collect()),
        }
    }

    /// The source of this element with everything in it, as it would be written.
    pub fn to_xml(self) -> String {
        crate::writer::node_text(self.document, self.id)
    }

    pub fn position(self) -> Position {
        let (line, column) = self.document.line_column(self.data().open.start as usize);
        Position {
            line,
            column,
            path: self.path(),
        }
    }

    /// Names from the root to here, such as `/JDF/ResourcePool/Media[2]`; the number is given where
    /// several siblings share the name.
    pub fn path(self) -> String {
        let mut steps: Vec<String> = std::iter::successors(Some(self), |element| element.parent())
            .map(ElementRef::step)
            .collect();
        steps.reverse();
        steps.concat()
    }

    fn step(self) -> String {
        let name = self.name();
        let Some(parent) = self.parent() else {
            return format!("/{name}");
        };
        let (mut before, mut after, mut seen) = (0, false, false);
        for sibling in parent.children().filter(|sibling| sibling.name() == name) {
            if sibling.id == self.id {
                seen = true;
            } else if seen {
                after = true;
                break;
            } else {
                before += 1;
            }
        }
        if before > 0 || after {
            format!("/{name}[{}]", before + 1)
        } else {
            format!("/{name}")
        }
    }

    fn data(self) -> &'a ElementData {
        self.document
            .data(self.id)
            .expect("an ElementRef is only made for an element")
    }
}

impl std::fmt::Debug for ElementRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "<{}> at {}", self.name(), self.position())
    }
}

impl Document {
    /// The next node in document order that is not below `id`, within `top`.
    fn following(&self, id: NodeId, top: NodeId) -> Option<NodeId> {
        let mut id = id;
        while id != top {
            if let Some(next) = self.node(id).next {
                return Some(next);
            }
            id = self.node(id).parent?;
        }
        None
    }
}
