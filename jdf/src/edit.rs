//! Changes to a [`Document`]. Each touches only the bytes of what it names: an attribute's value, the
//! place where an element is added or taken away. New text is appended behind the source, and
//! `Document::edits` says which elements it belongs to.

use std::collections::hash_map::Entry;

use crate::document::{DecodedValue, Document, Edit, NodeId, Span};
use crate::element::Element;
use crate::error::{Error, ErrorKind, Position};
use crate::limits::NAME_BYTES_MAX;
use crate::tag::Places;
use crate::view::ElementRef;
use crate::{name, reader, writer};

const NOTHING: Span = Span { start: 0, end: 0 };

impl Document {
    /// A new document of one element, as UTF-8 with an XML declaration.
    ///
    /// # Errors
    /// A name that is no XML name, an attribute that is there twice, or an element beyond the default
    /// [`Limits`](crate::Limits).
    ///
    /// ```
    /// use agog_jdf::{Document, Element, name};
    /// let root = Element::new("JDF").with("xmlns", name::JDF).with("ID", "n1").with("Type", "Cutting");
    /// let document = Document::from_element(&root)?;
    /// assert!(document.root().is_jdf("JDF"));
    /// assert!(document.to_bytes().starts_with(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<JDF "));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn from_element(element: &Element) -> Result<Self, Error> {
        Self::parse(&element.to_document(), &crate::Limits::default())
    }

    /// Sets an attribute by its name as written. An existing one keeps its place, spacing and quotes.
    ///
    /// A namespace declaration that the element already has cannot be changed, since names below it
    /// would silently change their meaning.
    ///
    /// # Errors
    /// A name that is no XML name or too long, such a declaration, or an element that is not part of the document.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits};
    /// let mut document = Document::parse(b"<JDF  Status = 'Waiting' />", &Limits::default())?;
    /// let root = document.root().id();
    /// document.set_attribute(root, "Status", "Completed")?;
    /// document.set_attribute(root, "StatusDetails", "Good & done")?;
    /// assert_eq!(document.to_bytes(), b"<JDF  Status = 'Completed' StatusDetails=\"Good &amp; done\" />");
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn set_attribute(&mut self, id: NodeId, name: &str, value: &str) -> Result<(), Error> {
        self.editable(id)?;
        if !name::is_name(name) || name.len() > NAME_BYTES_MAX {
            return Err(self.refuse(ErrorKind::Name(name.to_owned()), id));
        }
        let tag = self.open_span(id).of(&self.text);
        let mut places = Places::of(tag, self.node(id).name_bytes);
        let existing = places.find(|place| place.name.of(tag) == name);
        if existing.is_some() && (name == "xmlns" || name.starts_with("xmlns:")) {
            return Err(self.refuse(ErrorKind::Name(name.to_owned()), id));
        }
        let escaped = writer::escape_attribute(value);
        let changed = if let Some(place) = existing {
            let before = &tag[..place.raw.start as usize];
            [before, &escaped, &tag[place.raw.end as usize..]].concat()
        } else {
            let (before, after) = tag.split_at(places.end());
            [before, " ", name, "=\"", &escaped, "\"", after].concat()
        };
        self.set_open(id, &changed)
    }

    /// Takes an attribute away with the white space before it; says whether it was there.
    ///
    /// # Errors
    /// An element that is not part of the document.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits};
    /// let mut document = Document::parse(b"<JDF ID='n1' SpawnID='s1'/>", &Limits::default())?;
    /// let root = document.root().id();
    /// assert!(document.remove_attribute(root, "SpawnID")?);
    /// assert!(!document.remove_attribute(root, "SpawnID")?);
    /// assert_eq!(document.to_bytes(), b"<JDF ID='n1'/>");
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn remove_attribute(&mut self, id: NodeId, name: &str) -> Result<bool, Error> {
        self.editable(id)?;
        let tag = self.open_span(id).of(&self.text);
        let mut places = Places::of(tag, self.node(id).name_bytes);
        let Some(place) = places.find(|place| place.name.of(tag) == name) else {
            return Ok(false);
        };
        let changed = [
            &tag[..place.whole.start as usize],
            &tag[place.whole.end as usize..],
        ]
        .concat();
        self.set_open(id, &changed)?;
        Ok(true)
    }

    /// Adds an element as the last child. Where children stand on lines of their own, so does the new one.
    ///
    /// An element without a prefix gets the prefix that the parent has, so that new JDF content is in the
    /// JDF namespace of the document.
    ///
    /// # Errors
    /// A name that is no XML name, a limit of the document that would be exceeded, or a parent that is not part of
    /// the document. The document then stays as it was.
    ///
    /// ```
    /// use agog_jdf::{Document, Element, Limits};
    /// let source = b"<j:JDF xmlns:j='http://www.CIP4.org/JDFSchema_1_1'>\n  <j:AuditPool/>\n</j:JDF>";
    /// let mut document = Document::parse(source, &Limits::default())?;
    /// let comment = document.append_child(document.root().id(), &Element::new("Comment").text("urgent"))?;
    /// assert_eq!(document.element(comment).unwrap().name(), "j:Comment");
    /// assert!(document.to_bytes().ends_with(b"\n  <j:AuditPool/>\n  <j:Comment>urgent</j:Comment>\n</j:JDF>"));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn append_child(&mut self, parent: NodeId, element: &Element) -> Result<NodeId, Error> {
        self.editable(parent)?;
        let new = self.add_nodes(parent, element)?;
        self.hang_last(parent, new)
    }

    /// Hangs an element that was read for this parent behind its other children.
    pub(crate) fn hang_last(&mut self, parent: NodeId, new: NodeId) -> Result<NodeId, Error> {
        let last = self.last_child(parent);
        let tail = self.tail(last, parent);
        let Some(line_break) = self.line_break(tail) else {
            self.link_last(parent, last, new, tail, NOTHING);
            return Ok(new);
        };
        // The new element comes before the line break of the end tag and begins like the first child.
        let before = Span {
            start: tail.start,
            end: line_break.start,
        };
        let first = self.node(parent).first;
        let layout = first.and_then(|first| self.line_break(self.lead(None, first)));
        let lead = self.joined(before, layout.unwrap_or(NOTHING), parent)?;
        self.link_last(parent, last, new, lead, line_break);
        Ok(new)
    }

    /// Adds an element before another one, laid out like it; prefixes as with [`Document::append_child`].
    ///
    /// # Errors
    /// As [`Document::append_child`]; nothing can stand before the root.
    ///
    /// ```
    /// use agog_jdf::{Document, Element, Limits};
    /// let mut document = Document::parse(b"<JDF>\n <ResourcePool/>\n</JDF>", &Limits::default())?;
    /// let pool = document.root().children().next().unwrap().id();
    /// document.insert_before(pool, &Element::new("AuditPool"))?;
    /// assert_eq!(document.to_bytes(), b"<JDF>\n <AuditPool/>\n <ResourcePool/>\n</JDF>");
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn insert_before(&mut self, sibling: NodeId, element: &Element) -> Result<NodeId, Error> {
        self.editable(sibling)?;
        let Some(parent) = self.node(sibling).parent else {
            return Err(self.refuse(ErrorKind::AfterRoot, sibling));
        };
        let new = self.add_nodes(parent, element)?;
        self.hang_between(parent, self.previous(parent, sibling), sibling, new);
        Ok(new)
    }

    /// Hangs an element that was read for this parent before one of its children.
    pub(crate) fn hang_between(
        &mut self,
        parent: NodeId,
        previous: Option<NodeId>,
        sibling: NodeId,
        new: NodeId,
    ) {
        let lead = self.lead(previous, sibling);
        let layout = self.line_break(lead).unwrap_or(NOTHING);
        self.mark_changed(parent);
        self.link(parent, previous, new);
        self.set_lead(new, lead);
        self.set_lead(sibling, layout);
    }

    /// Takes an element with everything in it out of the document. What stands around it stays.
    ///
    /// # Errors
    /// The root cannot be removed, and nothing can be removed twice.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits};
    /// let mut document = Document::parse(b"<JDF><Comment/><!-- kept --><AuditPool/></JDF>", &Limits::default())?;
    /// let comment = document.root().children().next().unwrap().id();
    /// document.remove(comment)?;
    /// assert_eq!(document.to_bytes(), b"<JDF><!-- kept --><AuditPool/></JDF>");
    /// assert!(document.remove(comment).is_err());
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn remove(&mut self, id: NodeId) -> Result<(), Error> {
        self.editable(id)?;
        let Some(parent) = self.node(id).parent else {
            return Err(self.refuse(ErrorKind::RemoveRoot, id));
        };
        let previous = self.previous(parent, id);
        let before = self.lead(previous, id);
        let next = self.node(id).next;
        let after = match next {
            Some(next) => self.lead(Some(id), next),
            None => self.tail(Some(id), parent),
        };
        let around = self.joined(before, after, parent)?;
        self.mark_changed(parent);
        if let Some(next) = next {
            self.set_lead(next, around);
        } else {
            let edit = self.edits.entry(parent).or_default();
            edit.tail = Some(around);
            edit.last = previous;
        }
        match previous {
            Some(previous) => self.nodes[previous.index()].next = next,
            None => self.nodes[parent.index()].first = next,
        }
        self.detach(id);
        Ok(())
    }

    /// Replaces everything inside an element — text, comments and elements — by text.
    ///
    /// # Errors
    /// An element that is not part of the document.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits};
    /// let mut document = Document::parse(b"<Comment Name='Instruction'/>", &Limits::default())?;
    /// document.set_text(document.root().id(), "fold < 90 degrees")?;
    /// assert_eq!(document.to_bytes(), b"<Comment Name='Instruction'>fold &lt; 90 degrees</Comment>");
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn set_text(&mut self, id: NodeId, text: &str) -> Result<(), Error> {
        self.editable(id)?;
        let span = self.append(&writer::escape_text(text), id)?;
        while let Some(child) = self.node(id).first {
            self.nodes[id.index()].first = self.node(child).next;
            self.detach(child);
        }
        self.mark_changed(id);
        let edit = self.edits.entry(id).or_default();
        edit.tail = Some(span);
        edit.last = None;
        Ok(())
    }

    /// Fails unless the id names an element that is still part of the document.
    pub(crate) fn editable(&self, id: NodeId) -> Result<(), Error> {
        let mut top = id;
        while let Some(parent) = self.nodes.get(top.index()).and_then(|node| node.parent) {
            top = parent;
        }
        if top == self.root {
            return Ok(());
        }
        Err(Error {
            kind: ErrorKind::NotAnElement,
            position: Position::default(),
        })
    }

    pub(crate) fn refuse(&self, kind: ErrorKind, id: NodeId) -> Error {
        let position = self
            .element(id)
            .map(ElementRef::position)
            .unwrap_or_default();
        Error { kind, position }
    }

    /// Adds text behind the source. Spans are 32 bits wide, which bounds what edits can add up to.
    fn append(&mut self, text: &str, at: NodeId) -> Result<Span, Error> {
        let limit = u32::MAX as usize;
        if limit - self.text.len() < text.len() {
            let what = "bytes of document with its edits";
            return Err(self.refuse(ErrorKind::Limit { what, limit }, at));
        }
        let start = self.text.len();
        self.text.push_str(text);
        Ok(Span::new(start, self.text.len()))
    }

    /// Gives an element a start tag that differs in its attributes.
    fn set_open(&mut self, id: NodeId, tag: &str) -> Result<(), Error> {
        let span = self.append(tag, id)?;
        for place in Places::of(tag, self.node(id).name_bytes) {
            // The values were escaped or checked, so this cannot fail; a value that needs no decoding is its text.
            if let Ok(Some(value)) = reader::decode(place.raw.of(tag), true) {
                let value = self.keep_decoded(&value);
                let raw_start = span.start + place.raw.start;
                self.values.push(DecodedValue { raw_start, value });
            }
        }
        self.mark_changed(id);
        self.edits.entry(id).or_default().open = Some(span);
        Ok(())
    }

    pub(crate) fn keep_decoded(&mut self, value: &str) -> Span {
        let start = self.decoded.len();
        self.decoded.push_str(value);
        Span::new(start, self.decoded.len())
    }

    /// Renders an element for this parent and reads it into the arena, not yet linked.
    fn add_nodes(&mut self, parent: NodeId, element: &Element) -> Result<NodeId, Error> {
        let prefix = self
            .element(parent)
            .filter(|parent| parent.is_of_jdf())
            .and_then(ElementRef::prefix);
        let mut text = String::new();
        element.render(prefix, &mut text);
        self.add_text(parent, &text)
    }

    /// Reads an element from its text into the arena, with the namespaces of this parent, not yet linked.
    pub(crate) fn add_text(&mut self, parent: NodeId, text: &str) -> Result<NodeId, Error> {
        let base = self.append(text, parent)?.start as usize;
        reader::read(self, text, base, Some(parent)).map_err(|stop| {
            self.text.truncate(base);
            self.refuse(stop.kind, parent)
        })
    }

    /// Gives an element and those around it an entry in `edits`. All above one with an entry have theirs
    /// already; so this comes before anything else is entered for the element or its children.
    pub(crate) fn mark_changed(&mut self, id: NodeId) {
        let mut next = Some(id);
        while let Some(id) = next {
            let Entry::Vacant(entry) = self.edits.entry(id) else {
                return;
            };
            entry.insert(Edit::default());
            next = self.node(id).parent;
        }
    }

    fn link_last(
        &mut self,
        parent: NodeId,
        last: Option<NodeId>,
        new: NodeId,
        lead: Span,
        tail: Span,
    ) {
        self.mark_changed(parent);
        self.link(parent, last, new);
        self.set_lead(new, lead);
        let edit = self.edits.entry(parent).or_default();
        edit.tail = Some(tail);
        edit.last = Some(new);
    }

    pub(crate) fn set_lead(&mut self, id: NodeId, lead: Span) {
        self.edits.entry(id).or_default().lead = Some(lead);
    }

    /// Hangs a new element behind a sibling, or before all others.
    fn link(&mut self, parent: NodeId, previous: Option<NodeId>, new: NodeId) {
        let before = match previous {
            Some(previous) => &mut self.nodes[previous.index()].next,
            None => &mut self.nodes[parent.index()].first,
        };
        let next = before.replace(new);
        let node = &mut self.nodes[new.index()];
        node.parent = Some(parent);
        node.next = next;
    }

    pub(crate) fn detach(&mut self, id: NodeId) {
        let node = &mut self.nodes[id.index()];
        (node.parent, node.next) = (None, None);
    }

    pub(crate) fn previous(&self, parent: NodeId, id: NodeId) -> Option<NodeId> {
        self.siblings(parent)
            .take_while(|sibling| *sibling != id)
            .last()
    }

    fn last_child(&self, parent: NodeId) -> Option<NodeId> {
        let known = self.edit(parent).and_then(|edit| edit.last);
        known.or_else(|| self.siblings(parent).last())
    }

    fn siblings(&self, parent: NodeId) -> impl Iterator<Item = NodeId> {
        std::iter::successors(self.node(parent).first, |id| self.node(*id).next)
    }

    /// The last line break of a gap between elements with the indentation after it, if nothing else follows.
    fn line_break(&self, gap: Span) -> Option<Span> {
        let text = gap.of(&self.text);
        let at = text.rfind('\n')?;
        let is_blank = text[at..].trim_start().is_empty();
        let at = text[..at].strip_suffix('\r').map_or(at, str::len);
        is_blank.then(|| Span::new(gap.start as usize + at, gap.end as usize))
    }

    /// Two pieces of text as one.
    pub(crate) fn joined(&mut self, first: Span, second: Span, at: NodeId) -> Result<Span, Error> {
        if first.start == first.end {
            return Ok(second);
        }
        if second.start == second.end {
            return Ok(first);
        }
        if first.end == second.start {
            return Ok(Span {
                start: first.start,
                end: second.end,
            });
        }
        let text = [first.of(&self.text), second.of(&self.text)].concat();
        self.append(&text, at)
    }
}
