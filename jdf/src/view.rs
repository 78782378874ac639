//! Reading the tree: elements, their attributes and what is around and below them.

use std::borrow::Cow;

use crate::document::{Document, Node, NodeId};
use crate::error::Position;
use crate::name;
use crate::reader::decode;
use crate::tag::{Place, Places};

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
        let node = self.node();
        let start = node.start as usize + 1;
        &self.document.text[start..start + usize::from(node.name_bytes)]
    }

    pub fn local_name(self) -> &'a str {
        name::split(self.name()).1
    }

    pub fn prefix(self) -> Option<&'a str> {
        name::split(self.name()).0
    }

    pub fn namespace(self) -> Option<&'a str> {
        let index = usize::from(self.node().namespace).checked_sub(1)?;
        Some(&self.document.namespaces[index].uri)
    }

    /// Whether this element is of JDF (any of its namespaces) and has this local name.
    pub fn is_jdf(self, local_name: &str) -> bool {
        let name = self.name();
        let is_named = name
            .strip_suffix(local_name)
            .is_some_and(|prefix| prefix.is_empty() || prefix.ends_with(':'));
        is_named && self.is_of_jdf()
    }

    /// Whether this element is of JDF at all, and not a vendor's extension.
    pub fn is_of_jdf(self) -> bool {
        usize::from(self.node().namespace)
            .checked_sub(1)
            .is_some_and(|index| self.document.namespaces[index].is_jdf)
    }

    /// The value of an attribute, by its name as written.
    pub fn attribute(self, name: &str) -> Option<&'a str> {
        let (tag, start) = self.tag();
        let place = self.places(tag).find(|place| place.name.of(tag) == name)?;
        Some(self.value(place, tag, start))
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

    /// The attributes in order, those that declare namespaces among them.
    pub fn attributes(self) -> impl Iterator<Item = AttributeRef<'a>> {
        let (tag, start) = self.tag();
        self.places(tag).map(move |place| AttributeRef {
            name: place.name.of(tag),
            value: self.value(place, tag, start),
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
        std::iter::successors(self.node().first, |id| document.node(*id).next)
            .map(move |id| Self { document, id })
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
        let mut next = self.node().first;
        std::iter::from_fn(move || {
            let id = next?;
            next = document
                .node(id)
                .first
                .or_else(|| document.following(id, top));
            Some(Self { document, id })
        })
    }

    /// The next element in document order that is not below this one.
    pub(crate) fn after(self) -> Option<Self> {
        let id = self.document.following(self.id, self.document.root)?;
        Some(Self { id, ..self })
    }

    /// The character data directly inside this element, CDATA included.
    pub fn text(self) -> Cow<'a, str> {
        let document = self.document;
        let mut text = Cow::Borrowed("");
        for (gap, _) in document.content(self.id) {
            gather_text(gap.of(&document.text), &mut text);
        }
        text
    }

    /// The source of this element with everything in it, as it would be written.
    pub fn to_xml(self) -> String {
        crate::writer::node_text(self.document, self.id)
    }

    /// Where the start tag stands.
    pub fn position(self) -> Position {
        let (line, column) = self.document.line_column(self.node().start as usize);
        Position {
            line,
            column,
            path: self.path(),
        }
    }

    /// Where an attribute stands, with a path such as `/JDF/@ID`; `None` if the element does not have it.
    /// An element whose attributes were edited gives the place of its start tag.
    pub fn attribute_position(self, name: &str) -> Option<Position> {
        let offset = self.attribute_offset(name)?;
        let (line, column) = self.document.line_column(offset);
        Some(Position {
            line,
            column,
            path: format!("{}/@{name}", self.path()),
        })
    }

    /// The byte where the start tag begins.
    pub(crate) fn offset(self) -> usize {
        self.node().start as usize
    }

    /// The byte where an attribute begins, or the start tag if it was edited.
    pub(crate) fn attribute_offset(self, name: &str) -> Option<usize> {
        let (tag, start) = self.tag();
        let place = self.places(tag).find(|place| place.name.of(tag) == name)?;
        let in_source = start == self.offset();
        Some(if in_source {
            start + place.name.start as usize
        } else {
            self.offset()
        })
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

    /// Sorts as the document does, as long as nothing was added to it.
    pub(crate) fn order(self) -> (u32, NodeId) {
        (self.node().start, self.id)
    }

    fn node(self) -> &'a Node {
        self.document.node(self.id)
    }

    /// The start tag and where it begins in the text.
    fn tag(self) -> (&'a str, usize) {
        let span = self.document.open_span(self.id);
        (span.of(&self.document.text), span.start as usize)
    }

    fn places(self, tag: &'a str) -> Places<'a> {
        Places::of(tag, self.node().name_bytes)
    }

    fn value(self, place: Place, tag: &'a str, start: usize) -> &'a str {
        self.document
            .attribute_value(start + place.raw.start as usize, place.raw.of(tag))
    }
}

/// Two views are equal if they are of the same element of the same document.
impl PartialEq for ElementRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.document, other.document) && self.id == other.id
    }
}

impl Eq for ElementRef<'_> {}

/// Adds the character data of what stands between two elements: text with its references resolved, CDATA
/// as it is, nothing of comments and processing instructions.
fn gather_text<'a>(gap: &'a str, text: &mut Cow<'a, str>) {
    let mut add = |piece: Cow<'a, str>| {
        if text.is_empty() {
            *text = piece;
        } else if !piece.is_empty() {
            text.to_mut().push_str(&piece);
        }
    };
    let mut rest = gap;
    while !rest.is_empty() {
        let (plain, markup) = rest.split_at(rest.find('<').unwrap_or(rest.len()));
        let decoded = decode(plain, false).ok().flatten();
        add(decoded.map_or(Cow::Borrowed(plain), Cow::Owned));
        let skipped = |end: &str| markup.split_once(end).map_or("", |(_, after)| after);
        rest = if let Some(data) = markup.strip_prefix("<![CDATA[") {
            let (data, after) = data.split_once("]]>").unwrap_or((data, ""));
            add(Cow::Borrowed(data));
            after
        } else if markup.starts_with("<!--") {
            skipped("-->")
        } else {
            skipped("?>")
        };
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
