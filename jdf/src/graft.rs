//! Content from elsewhere: elements as XML text, put into a document or taken out of one, with their bytes as they
//! are. What a piece of text needs of the namespaces around it is declared in its start tag; what its new place
//! declares alike is not repeated.

use std::collections::{BTreeMap, HashMap};

use crate::document::{Document, NodeId, Span};
use crate::error::{Error, ErrorKind};
use crate::tag::Places;
use crate::view::ElementRef;
use crate::writer::escape_attribute;

impl ElementRef<'_> {
    /// The source of this element with everything in it, ready for another place: below `target`, or as the root of a
    /// document of its own. Namespaces that are declared around it and may be used in it are declared in its start
    /// tag, unless they are declared alike around the target.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits};
    /// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" xmlns:v="urn:v" xmlns:w="urn:w"><Media v:Heat="9"/></JDF>"#;
    /// let document = Document::parse(source, &Limits::default())?;
    /// let media = document.root().child("Media").unwrap();
    /// let xml = r#"<Media v:Heat="9" xmlns="http://www.CIP4.org/JDFSchema_1_1" xmlns:v="urn:v"/>"#;
    /// assert_eq!(media.to_portable_xml(None), xml);
    /// assert_eq!(media.to_portable_xml(Some(document.root())), r#"<Media v:Heat="9"/>"#);
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn to_portable_xml(self, target: Option<ElementRef<'_>>) -> String {
        let xml = self.to_xml();
        let tag = self.document.open_span(self.id).of(&self.document.text);
        let there = |prefix: &str| {
            let prefix = Some(prefix).filter(|prefix| !prefix.is_empty());
            target
                .and_then(|target| target.resolve(prefix))
                .unwrap_or_default()
        };
        // Prefix and namespace of every declaration around this element, the nearest first.
        let mut around: BTreeMap<&str, &str> = BTreeMap::from([("", "")]);
        let mut declared: HashMap<&str, &str> = HashMap::new();
        for element in std::iter::successors(self.parent(), |element| element.parent()) {
            for attribute in element.attributes() {
                if let Some(prefix) = declared_prefix(attribute.name) {
                    declared.entry(prefix).or_insert(attribute.value);
                }
            }
        }
        around.extend(declared);

        let name_bytes = self.document.node(self.id).name_bytes;
        let mut start = tag[..=usize::from(name_bytes)].to_owned();
        let mut places = Places::of(tag, name_bytes);
        for place in places.by_ref() {
            if let Some(prefix) = declared_prefix(place.name.of(tag)) {
                around.remove(prefix);
                let own = Some(prefix).filter(|prefix| !prefix.is_empty());
                if target.is_some() && self.resolve(own).unwrap_or_default() == there(prefix) {
                    continue;
                }
            }
            start.push_str(place.whole.of(tag));
        }
        for (prefix, namespace) in around {
            let is_used = prefix.is_empty() || xml.contains(&format!("{prefix}:"));
            if !is_used || namespace == there(prefix) {
                continue;
            }
            let colon = if prefix.is_empty() { "" } else { ":" };
            start.push_str(" xmlns");
            start.push_str(colon);
            start.push_str(prefix);
            start.push_str("=\"");
            start.push_str(&escape_attribute(namespace));
            start.push('"');
        }
        // The written tag differs from the one that is kept only behind its attributes.
        let written = Places::of(&xml, name_bytes);
        let end = written.fold(1 + usize::from(name_bytes), |_, place| {
            place.whole.end as usize
        });
        start.push_str(&xml[end..]);
        start
    }
}

/// The prefix that an attribute declares: empty for `xmlns`.
fn declared_prefix(attribute: &str) -> Option<&str> {
    match attribute.strip_prefix("xmlns")? {
        "" => Some(""),
        rest => rest.strip_prefix(':'),
    }
}

impl Document {
    /// Adds an element, given as XML, as the last child, with its bytes as they are. Where children stand on lines of
    /// their own, so does the new one. Names in it mean what they mean at their new place.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits};
    /// let mut document = Document::parse(b"<Pool>\n  <a/>\n</Pool>", &Limits::default())?;
    /// document.append_xml(document.root().id(), "<b  c='1'><!-- kept --></b>")?;
    /// assert_eq!(document.to_bytes(), b"<Pool>\n  <a/>\n  <b  c='1'><!-- kept --></b>\n</Pool>");
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the text is not one well-formed element, or a limit would be exceeded; the document then stays as it was.
    pub fn append_xml(&mut self, parent: NodeId, xml: &str) -> Result<NodeId, Error> {
        self.editable(parent)?;
        let new = self.add_text(parent, xml)?;
        self.hang_last(parent, new)
    }

    /// Adds an element, given as XML, before another one, with its bytes as they are.
    ///
    /// # Errors
    /// If the text is not one well-formed element, the other one is the root, or a limit would be exceeded; the
    /// document then stays as it was.
    pub fn insert_xml_before(&mut self, sibling: NodeId, xml: &str) -> Result<NodeId, Error> {
        self.editable(sibling)?;
        let parent = self.node(sibling).parent;
        let previous = parent.and_then(|parent| self.previous(parent, sibling));
        self.insert_xml_between(previous, sibling, xml)
    }

    /// As [`Document::insert_xml_before`], for who knows what stands before the other one: it need not be looked for.
    pub(crate) fn insert_xml_between(
        &mut self,
        previous: Option<NodeId>,
        sibling: NodeId,
        xml: &str,
    ) -> Result<NodeId, Error> {
        self.editable(sibling)?;
        let Some(parent) = self.node(sibling).parent else {
            return Err(self.refuse(ErrorKind::AfterRoot, sibling));
        };
        let new = self.add_text(parent, xml)?;
        self.hang_between(parent, previous, sibling, new);
        Ok(new)
    }

    /// Puts an element, given as XML, where another one stands. What stands around it stays.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits};
    /// let mut document = Document::parse(b"<Pool> <a/> <c/></Pool>", &Limits::default())?;
    /// let first = document.root().children().next().unwrap().id();
    /// document.replace_with_xml(first, "<b>text</b>")?;
    /// assert_eq!(document.to_bytes(), b"<Pool> <b>text</b> <c/></Pool>");
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the text is not one well-formed element, the element is the root, or a limit would be exceeded; the
    /// document then stays as it was.
    pub fn replace_with_xml(&mut self, id: NodeId, xml: &str) -> Result<NodeId, Error> {
        let new = self.exchange(vec![(id, Some(xml.to_owned()))])?;
        new.into_iter()
            .next()
            .flatten()
            .ok_or_else(|| self.refuse(ErrorKind::NotAnElement, id))
    }

    /// Takes elements out of the document, each with the white space that set it on a line of its own.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits};
    /// let mut document = Document::parse(b"<Pool>\n  <a/>\n  <b/>\n</Pool>", &Limits::default())?;
    /// let last = document.root().children().last().unwrap().id();
    /// document.remove_with_layout(&[last])?;
    /// assert_eq!(document.to_bytes(), b"<Pool>\n  <a/>\n</Pool>");
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    ///
    /// # Errors
    /// If one is the root or not part of the document; the document then stays as it was.
    pub fn remove_with_layout(&mut self, ids: &[NodeId]) -> Result<(), Error> {
        self.exchange(ids.iter().map(|id| (*id, None)).collect())?;
        Ok(())
    }

    /// Exchanges elements for others, given as XML, or for nothing. One walk over the children of each parent, however
    /// many of them go. Gives the new elements in the order of the changes.
    pub(crate) fn exchange(
        &mut self,
        changes: Vec<(NodeId, Option<String>)>,
    ) -> Result<Vec<Option<NodeId>>, Error> {
        for (id, _) in &changes {
            self.editable(*id)?;
            if self.node(*id).parent.is_none() {
                return Err(self.refuse(ErrorKind::RemoveRoot, *id));
            }
        }
        // Everything that can fail comes before the first link is changed.
        let mut new = Vec::with_capacity(changes.len());
        let mut by_parent: BTreeMap<NodeId, HashMap<NodeId, Option<NodeId>>> = BTreeMap::new();
        for (id, xml) in changes {
            let Some(parent) = self.node(id).parent else {
                continue;
            };
            let added = match xml {
                Some(xml) => Some(self.add_text(parent, &xml)?),
                None => None,
            };
            new.push(added);
            by_parent.entry(parent).or_default().insert(id, added);
        }
        for (parent, changes) in by_parent {
            self.exchange_children(parent, &changes)?;
        }
        Ok(new)
    }

    fn exchange_children(
        &mut self,
        parent: NodeId,
        changes: &HashMap<NodeId, Option<NodeId>>,
    ) -> Result<(), Error> {
        let content: Vec<(Span, Option<NodeId>)> = self.content(parent).collect();
        self.mark_changed(parent);
        let mut kept: Vec<(Span, NodeId)> = Vec::with_capacity(content.len());
        // What stood before elements that are gone.
        let mut pending: Option<Span> = None;
        let mut tail = Span::default();
        for (gap, child) in content {
            let is_last = child.is_none();
            let gap = match pending.take() {
                Some(before) => self.closed_gap(before, gap, is_last, parent)?,
                None => gap,
            };
            match child.map(|child| (child, changes.get(&child))) {
                None => tail = gap,
                Some((child, None)) => kept.push((gap, child)),
                Some((_, Some(Some(new)))) => kept.push((gap, *new)),
                Some((_, Some(None))) => pending = Some(gap),
            }
        }
        for gone in changes.keys() {
            self.detach(*gone);
        }
        self.nodes[parent.index()].first = kept.first().map(|(_, child)| *child);
        for (at, (gap, child)) in kept.iter().enumerate() {
            let next = kept.get(at + 1).map(|(_, next)| *next);
            let node = &mut self.nodes[child.index()];
            let is_moved = node.parent.is_none() || node.next != next;
            (node.parent, node.next) = (Some(parent), next);
            let previous = at.checked_sub(1).map(|before| kept[before].1);
            if is_moved || self.lead(previous, *child) != *gap {
                self.set_lead(*child, *gap);
            }
        }
        let edit = self.edits.entry(parent).or_default();
        edit.tail = Some(tail);
        edit.last = kept.last().map(|(_, child)| *child);
        Ok(())
    }

    /// What stands where an element was: of white space on both sides, the half that laid the element out goes.
    fn closed_gap(
        &mut self,
        before: Span,
        after: Span,
        is_last: bool,
        parent: NodeId,
    ) -> Result<Span, Error> {
        let is_blank = |span: Span| span.of(&self.text).trim().is_empty();
        let (is_blank_before, is_blank_after) = (is_blank(before), is_blank(after));
        if is_last && is_blank_before {
            return Ok(after);
        }
        if is_blank_after {
            return Ok(before);
        }
        if is_blank_before {
            return Ok(after);
        }
        self.joined(before, after, parent)
    }
}
