//! Changes to a [`Document`]. Each touches only the bytes of what it names: an attribute's value, the
//! place where an element is added or taken away. New text is appended behind the source, and nodes
//! point to it as they point to the source.

use crate::document::{Attribute, Document, ElementData, Kind, Node, NodeId, Span, Value};
use crate::element::Element;
use crate::error::{Error, ErrorKind, Position};
use crate::view::ElementRef;
use crate::{name, reader, writer};

impl Document {
    /// A new document of one element, as UTF-8 with an XML declaration.
    pub fn from_element(element: &Element) -> Result<Self, Error> {
        Self::parse(&element.to_document(), &crate::Limits::default())
    }

    /// Sets an attribute by its name as written. An existing one keeps its place, spacing and quotes.
    ///
    /// A namespace declaration that the element already has cannot be changed, since names below it
    /// would silently change their meaning.
    pub fn set_attribute(&mut self, id: NodeId, name: &str, value: &str) -> Result<(), Error> {
        self.editable(id)?;
        if !name::is_name(name) {
            return Err(self.refuse(ErrorKind::Name(name.to_owned()), id));
        }
        let existing = self
            .attributes_of(id)
            .find(|attribute| attribute.name.of(&self.text) == name)
            .copied();
        if existing.is_some() && (name == "xmlns" || name.starts_with("xmlns:")) {
            return Err(self.refuse(ErrorKind::Name(name.to_owned()), id));
        }
        let escaped = writer::escape_attribute(value);
        let new = if let Some(existing) = existing {
            let raw = self.append(&escaped);
            let value = self.plain_or_decoded(raw, &escaped, value);
            Attribute {
                raw,
                value,
                edited: true,
                ..existing
            }
        } else {
            let whole = self.append(&format!(" {name}=\"{escaped}\""));
            let name_start = whole.start as usize + 1;
            let name = Span::new(name_start, name_start + name.len());
            let raw = Span::new(name.end as usize + 2, whole.end as usize - 1);
            let value = self.plain_or_decoded(raw, &escaped, value);
            Attribute {
                whole,
                name,
                raw,
                value,
                edited: false,
                removed: false,
            }
        };
        match self.attribute_mut(id, new.name) {
            Some(attribute) => *attribute = new,
            None => self.data_mut(id).added.push(new),
        }
        self.data_mut(id).open_changed = true;
        self.mark_changed(id);
        Ok(())
    }

    /// Takes an attribute away; says whether it was there.
    pub fn remove_attribute(&mut self, id: NodeId, name: &str) -> Result<bool, Error> {
        self.editable(id)?;
        let Some(found) = self
            .attributes_of(id)
            .find(|attribute| attribute.name.of(&self.text) == name)
            .copied()
        else {
            return Ok(false);
        };
        if let Some(attribute) = self.attribute_mut(id, found.name) {
            attribute.removed = true;
        }
        self.data_mut(id).open_changed = true;
        self.mark_changed(id);
        Ok(true)
    }

    /// Adds an element as the last child. Where children stand on lines of their own, so does the new one.
    ///
    /// An element without a prefix gets the prefix that the parent has, so that new JDF content is in the
    /// JDF namespace of the document.
    pub fn append_child(&mut self, parent: NodeId, element: &Element) -> Result<NodeId, Error> {
        self.editable(parent)?;
        let new = self.add_nodes(parent, element)?;
        let last = self.data(parent).and_then(|data| data.last_child);
        match last.filter(|id| self.is_line_break(*id)) {
            Some(line_break) => {
                self.link_before(line_break, new);
                self.copy_layout(parent, new);
            }
            None => self.link_last(parent, new),
        }
        self.mark_changed(parent);
        Ok(new)
    }

    /// Adds an element before another one.
    pub fn insert_before(&mut self, sibling: NodeId, element: &Element) -> Result<NodeId, Error> {
        self.editable(sibling)?;
        let Some(parent) = self.node(sibling).parent else {
            return Err(self.refuse(ErrorKind::AfterRoot, sibling));
        };
        let new = self.add_nodes(parent, element)?;
        self.link_before(sibling, new);
        if let Some(layout) = self.node(new).previous.filter(|id| self.is_line_break(*id)) {
            self.insert_copy_of(layout, sibling);
        }
        self.mark_changed(parent);
        Ok(new)
    }

    /// Takes an element with everything in it out of the document.
    pub fn remove(&mut self, id: NodeId) -> Result<(), Error> {
        self.editable(id)?;
        let Some(parent) = self.node(id).parent else {
            return Err(self.refuse(ErrorKind::RemoveRoot, id));
        };
        self.unlink(parent, id);
        self.mark_changed(parent);
        Ok(())
    }

    /// Replaces everything inside an element by text.
    pub fn set_text(&mut self, id: NodeId, text: &str) -> Result<(), Error> {
        self.editable(id)?;
        while let Some(child) = self.data(id).and_then(|data| data.first_child) {
            self.unlink(id, child);
        }
        let escaped = writer::escape_text(text);
        let span = self.append(&escaped);
        let value = self.plain_or_decoded(span, &escaped, text);
        let new = self.push_node(Kind::Text(value), span);
        self.link_last(id, new);
        self.mark_changed(id);
        Ok(())
    }

    /// Fails unless the id names an element that is still part of the document.
    fn editable(&self, id: NodeId) -> Result<(), Error> {
        let mut top = id;
        while let Some(parent) = self.nodes.get(top.index()).and_then(|node| node.parent) {
            top = parent;
        }
        if top == self.root && self.data(id).is_some() {
            return Ok(());
        }
        Err(Error {
            kind: ErrorKind::NotAnElement,
            position: Position::default(),
        })
    }

    fn refuse(&self, kind: ErrorKind, id: NodeId) -> Error {
        let position = self
            .element(id)
            .map(ElementRef::position)
            .unwrap_or_default();
        Error { kind, position }
    }

    fn append(&mut self, text: &str) -> Span {
        let start = self.text.len();
        self.text.push_str(text);
        Span::new(start, self.text.len())
    }

    fn plain_or_decoded(&mut self, raw: Span, escaped: &str, value: &str) -> Value {
        if escaped == value {
            return Value::Raw(raw);
        }
        let kept: String = value
            .chars()
            .map(|c| {
                if name::is_xml_character(c) {
                    c
                } else {
                    '\u{FFFD}'
                }
            })
            .collect();
        self.keep_decoded(&kept)
    }

    pub(crate) fn keep_decoded(&mut self, value: &str) -> Value {
        let start = self.decoded.len();
        self.decoded.push_str(value);
        Value::Decoded(Span::new(start, self.decoded.len()))
    }

    /// Renders an element for this parent and reads it into the arena, not yet linked.
    fn add_nodes(&mut self, parent: NodeId, element: &Element) -> Result<NodeId, Error> {
        let prefix = self
            .element(parent)
            .filter(|parent| parent.is_of_jdf())
            .and_then(ElementRef::prefix);
        let mut text = String::new();
        element.render(prefix, &mut text);
        let base = self.text.len();
        match reader::read(self, &text, base, Some(parent)) {
            Ok(id) => {
                self.text.push_str(&text);
                Ok(id)
            }
            Err(stop) => Err(self.refuse(stop.kind, parent)),
        }
    }

    fn push_node(&mut self, kind: Kind, span: Span) -> NodeId {
        let id = NodeId::from_index(self.nodes.len());
        self.nodes.push(Node {
            kind,
            parent: None,
            previous: None,
            next: None,
            span,
            changed: false,
        });
        id
    }

    /// Marks an element and those around it; all above a marked one are marked already.
    fn mark_changed(&mut self, id: NodeId) {
        let mut next = Some(id);
        while let Some(id) = next {
            let node = &mut self.nodes[id.index()];
            if node.changed {
                return;
            }
            node.changed = true;
            next = node.parent;
        }
    }

    fn attribute_mut(&mut self, id: NodeId, name: Span) -> Option<&mut Attribute> {
        let Kind::Element(data) = &mut self.nodes[id.index()].kind else {
            return None;
        };
        let range = data.attributes.start as usize..data.attributes.end as usize;
        let source = &mut self.attributes[range];
        source
            .iter_mut()
            .chain(&mut data.added)
            .find(|attribute| attribute.name == name)
    }

    fn data_mut(&mut self, id: NodeId) -> &mut ElementData {
        match &mut self.nodes[id.index()].kind {
            Kind::Element(data) => data,
            _ => unreachable!("edits check that the node is an element first"),
        }
    }

    pub(crate) fn link_last(&mut self, parent: NodeId, id: NodeId) {
        let data = self.data_mut(parent);
        let previous = data.last_child.replace(id);
        data.first_child.get_or_insert(id);
        if let Some(previous) = previous {
            self.nodes[previous.index()].next = Some(id);
        }
        let node = &mut self.nodes[id.index()];
        node.parent = Some(parent);
        node.previous = previous;
    }

    fn link_before(&mut self, sibling: NodeId, id: NodeId) {
        let Node {
            parent, previous, ..
        } = self.nodes[sibling.index()];
        let node = &mut self.nodes[id.index()];
        node.parent = parent;
        node.previous = previous;
        node.next = Some(sibling);
        self.nodes[sibling.index()].previous = Some(id);
        match (previous, parent) {
            (Some(previous), _) => self.nodes[previous.index()].next = Some(id),
            (None, Some(parent)) => self.data_mut(parent).first_child = Some(id),
            (None, None) => {}
        }
    }

    fn unlink(&mut self, parent: NodeId, id: NodeId) {
        let Node { previous, next, .. } = self.nodes[id.index()];
        match previous {
            Some(previous) => self.nodes[previous.index()].next = next,
            None => self.data_mut(parent).first_child = next,
        }
        match next {
            Some(next) => self.nodes[next.index()].previous = previous,
            None => self.data_mut(parent).last_child = previous,
        }
        let node = &mut self.nodes[id.index()];
        (node.parent, node.previous, node.next) = (None, None, None);
    }

    fn is_line_break(&self, id: NodeId) -> bool {
        let node = self.node(id);
        let text = node.span.of(&self.text);
        matches!(node.kind, Kind::Text(_)) && text.contains('\n') && text.trim().is_empty()
    }

    /// Gives a new last child the line break and indentation that its first sibling has.
    fn copy_layout(&mut self, parent: NodeId, new: NodeId) {
        let first = self.data(parent).and_then(|data| data.first_child);
        let before_new = self.node(new).previous;
        if let (Some(first), Some(before_new)) =
            (first.filter(|id| self.is_line_break(*id)), before_new)
            && !self.is_line_break(before_new)
        {
            self.insert_copy_of(first, new);
        }
    }

    fn insert_copy_of(&mut self, text: NodeId, before: NodeId) {
        let Node { span, .. } = self.nodes[text.index()];
        let Kind::Text(value) = self.nodes[text.index()].kind else {
            return;
        };
        let copy = self.push_node(Kind::Text(value), span);
        self.link_before(before, copy);
    }
}
