//! The lossless tree. A [`Document`] keeps its source text whole; elements are spans into it, so what
//! nobody edits is written back byte for byte: white space, quotes, prefixes, comments, everything.
//!
//! Elements live in one arena and refer to each other by index; nothing here recurses, so depth costs no
//! stack. The reader has checked every start tag, so attributes are found by looking at the tag again
//! (`tag.rs`) and cost no memory. Edits are kept beside the source (`edit.rs`): a changed start tag is new text
//! at the end. Reading is in `reader.rs`, writing in `writer.rs`.

use std::collections::HashMap;
use std::io::Read;
use std::num::NonZeroU32;
use std::sync::OnceLock;

use crate::encoding::Charset;
use crate::error::{Error, ErrorKind, ReadError};
use crate::limits::Limits;
use crate::name;
use crate::place::{self, Lines};
use crate::view::ElementRef;

/// An element of one document, as a number that outlives the borrow of a view: what edits are told by. It means
/// nothing in another document.
///
/// ```
/// use agog_jdf::{Document, Limits};
/// let mut document = Document::parse(b"<JDF><AuditPool/></JDF>", &Limits::default())?;
/// let pool = document.root().children().next().unwrap().id();
/// document.set_attribute(pool, "rRefs", "n1")?;
/// assert_eq!(document.element(pool).unwrap().attribute("rRefs"), Some("n1"));
/// # Ok::<(), agog_jdf::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(NonZeroU32);

impl NodeId {
    pub(crate) fn from_index(index: usize) -> Self {
        let number =
            u32::try_from(index + 1).expect("the reader bounds the number of nodes below u32::MAX");
        Self(NonZeroU32::new(number).expect("an index plus one is not zero"))
    }

    pub(crate) fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// A range of bytes in `Document::text`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    pub(crate) fn new(start: usize, end: usize) -> Self {
        let narrow =
            |offset| u32::try_from(offset).expect("the reader bounds documents below 4 GiB");
        Self {
            start: narrow(start),
            end: narrow(end),
        }
    }

    pub(crate) fn of(self, text: &str) -> &str {
        &text[self.start as usize..self.end as usize]
    }
}

/// An element. Character data, comments and the like are no nodes: they are the gaps between the spans of
/// elements, so a node of 28 bytes per element is all that the tree costs beside its text.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// Where the start tag begins.
    pub(crate) start: u32,
    /// Where the start tag ends.
    pub(crate) open_end: u32,
    /// Where the element ends; the same as `open_end` for `<a/>`.
    pub(crate) end: u32,
    pub(crate) parent: Option<NodeId>,
    pub(crate) next: Option<NodeId>,
    pub(crate) first: Option<NodeId>,
    pub(crate) name_bytes: u16,
    pub(crate) namespace: NamespaceId,
}

/// A namespace of the document; zero means none.
pub(crate) type NamespaceId = u16;

/// What edits changed at one element. Every element that has something changed in it has an entry, even if
/// an empty one; what has no entry is written as its source stands.
#[derive(Debug, Clone, Default)]
pub(crate) struct Edit {
    /// The start tag as it is now.
    pub(crate) open: Option<Span>,
    /// What now stands between the sibling before (or the start tag around) and this element.
    pub(crate) lead: Option<Span>,
    /// What now stands before the end tag.
    pub(crate) tail: Option<Span>,
    /// Known once something was appended.
    pub(crate) last: Option<NodeId>,
}

/// The value of an attribute whose text holds references or line ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DecodedValue {
    /// Where the text between the quotes begins.
    pub(crate) raw_start: u32,
    /// In `Document::decoded`.
    pub(crate) value: Span,
}

#[derive(Debug, Clone)]
pub(crate) struct Namespace {
    pub(crate) uri: String,
    pub(crate) is_jdf: bool,
}

/// A JDF or JMF document (or any XML) that is written back as it was read, apart from what was edited.
///
/// ```
/// use agog_jdf::{Document, Limits};
/// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" ID='n1'  Status="Waiting" >
///   <!-- kept --><AuditPool/></JDF>"#;
/// let mut document = Document::parse(source, &Limits::default())?;
/// assert_eq!(document.to_bytes(), source);
///
/// let root = document.root().id();
/// document.set_attribute(root, "Status", "InProgress")?;
/// let written = String::from_utf8(document.to_bytes()).unwrap();
/// assert!(written.starts_with(r#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" ID='n1'  Status="InProgress" >"#));
/// # Ok::<(), agog_jdf::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Document {
    /// The source, then whatever edits appended.
    pub(crate) text: String,
    pub(crate) source_bytes: usize,
    pub(crate) decoded: String,
    /// Ordered by `raw_start`.
    pub(crate) values: Vec<DecodedValue>,
    pub(crate) charset: Charset,
    pub(crate) limits: Limits,
    /// Made when a position is first asked for.
    lines: OnceLock<Lines>,
    /// Made when a path among many siblings is first asked for; holds until the first edit.
    sibling_numbers: OnceLock<Vec<u32>>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) namespaces: Vec<Namespace>,
    pub(crate) edits: HashMap<NodeId, Edit>,
    pub(crate) root: NodeId,
}

impl Document {
    /// Reads a document in UTF-8, UTF-16 or a single-byte code page.
    ///
    /// # Errors
    /// The first thing that is not well-formed XML, with line, column and the elements around it; document type
    /// definitions and entities; an encoding that is not known; a limit that is exceeded. What is odd but
    /// well-formed is no error: it is read, and told as a [`Finding`](crate::Finding) by whoever stumbles over it.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits};
    /// let error = Document::parse(b"<JDF>\n  <AuditPool>\n</JDF>", &Limits::default()).unwrap_err();
    /// assert_eq!((error.position.line, error.position.path.as_str()), (3, "/JDF/AuditPool"));
    /// ```
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, Error> {
        crate::reader::check_size(bytes.len(), limits)?;
        Self::from_vec(bytes.to_vec(), limits)
    }

    /// Reads a document from bytes that it may keep, which saves a copy of UTF-8.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits};
    /// let document = Document::from_vec(b"<JMF/>".to_vec(), &Limits::default())?;
    /// assert_eq!(document.root().name(), "JMF");
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Document::parse`].
    pub fn from_vec(bytes: Vec<u8>, limits: &Limits) -> Result<Self, Error> {
        crate::reader::parse(bytes, limits)
    }

    /// Reads a document from a stream, and never more of it than the limit on its size allows.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits, ReadError};
    /// let endless = std::io::repeat(b'<');
    /// let small = Limits { document_bytes: 1000, ..Limits::default() };
    /// assert!(matches!(Document::from_reader(endless, &small), Err(ReadError::Document(_))));
    /// ```
    ///
    /// # Errors
    /// [`ReadError::Io`] if the stream fails, else as [`Document::parse`].
    pub fn from_reader(reader: impl Read, limits: &Limits) -> Result<Self, ReadError> {
        let mut bytes = Vec::new();
        let limit = u64::try_from(limits.document_bytes).unwrap_or(u64::MAX);
        reader
            .take(limit.saturating_add(1))
            .read_to_end(&mut bytes)?;
        Ok(Self::from_vec(bytes, limits)?)
    }

    /// A document without any element yet, for the reader to fill.
    pub(crate) fn empty(charset: Charset, limits: &Limits, source_bytes: usize) -> Self {
        Self {
            text: String::new(),
            source_bytes,
            decoded: String::new(),
            values: Vec::new(),
            charset,
            limits: *limits,
            lines: OnceLock::new(),
            sibling_numbers: OnceLock::new(),
            nodes: Vec::new(),
            namespaces: Vec::new(),
            edits: HashMap::new(),
            root: NodeId::from_index(0),
        }
    }

    /// The outermost element. A document has exactly one; it can be edited but not removed.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits};
    /// let document = Document::parse(b"<!-- one --><JMF><Query/></JMF><!-- two -->", &Limits::default())?;
    /// assert_eq!(document.root().name(), "JMF");
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn root(&self) -> ElementRef<'_> {
        ElementRef {
            document: self,
            id: self.root,
        }
    }

    /// The element behind an id; `None` if this document never had such an element. One that was taken out can
    /// still be looked at, but has no parent any more.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits};
    /// let mut document = Document::parse(b"<JDF><Comment>old</Comment></JDF>", &Limits::default())?;
    /// let comment = document.root().children().next().unwrap().id();
    /// document.remove(comment)?;
    /// let removed = document.element(comment).unwrap();
    /// assert_eq!((removed.text().as_ref(), removed.parent()), ("old", None));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn element(&self, id: NodeId) -> Option<ElementRef<'_>> {
        self.nodes
            .get(id.index())
            .map(|_| ElementRef { document: self, id })
    }

    /// A line of the source, counted from 1, without its end; `None` beyond the last one. It shows what a
    /// [`Position`](crate::Position) points at, and does not change when the document is edited.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits};
    /// let document = Document::parse(b"<JDF>\n  <AuditPool/>\n</JDF>", &Limits::default())?;
    /// let pool = document.root().children().next().unwrap();
    /// assert_eq!(document.source_line(pool.position().line), Some("  <AuditPool/>"));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn source_line(&self, line: u32) -> Option<&str> {
        let line = self.lines().line(line, self.source_bytes)?;
        Some(self.text[line].trim_end_matches(['\r', '\n']))
    }

    /// The document as bytes, in the encoding it was read in: the source itself where nothing was edited.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits};
    /// let source = b"<?xml version='1.0' encoding='ISO-8859-1'?><JDF DescriptiveName='K\xF6ln'/>";
    /// let mut document = Document::parse(source, &Limits::default())?;
    /// document.set_attribute(document.root().id(), "DescriptiveName", "Düren")?;
    /// assert!(document.to_bytes().ends_with(b"<JDF DescriptiveName='D\xFCren'/>"));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn to_bytes(&self) -> Vec<u8> {
        self.charset.encode(crate::writer::text(self))
    }

    /// The root, if it is the given JDF element: `JDF` for a ticket, `JMF` for messages.
    ///
    /// # Errors
    /// [`ErrorKind::WrongRoot`] with the name that was found.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits};
    /// let source = br#"<JMF xmlns="http://www.CIP4.org/JDFSchema_1_1"/>"#;
    /// let document = Document::parse(source, &Limits::default())?;
    /// assert!(document.expect_root("JMF").is_ok());
    /// let error = document.expect_root("JDF").unwrap_err();
    /// assert_eq!(error.kind.to_string(), "expected a `JDF` document, found `JMF`");
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn expect_root(&self, local_name: &'static str) -> Result<ElementRef<'_>, Error> {
        let root = self.root();
        if root.is_jdf(local_name) {
            return Ok(root);
        }
        // The right name alone would be no reason.
        let found = match root.namespace() {
            _ if root.local_name() != local_name => root.name().to_owned(),
            Some(namespace) => format!("{}` in the namespace `{namespace}", root.name()),
            None => format!(
                "{}` without the namespace of JDF, `{}",
                root.name(),
                name::JDF
            ),
        };
        let kind = ErrorKind::WrongRoot {
            expected: local_name,
            found,
        };
        Err(Error {
            kind,
            position: root.position(),
        })
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// The entry of an element in `edits`, without a look-up in a document that nobody edited.
    pub(crate) fn edit(&self, id: NodeId) -> Option<&Edit> {
        if self.edits.is_empty() {
            None
        } else {
            self.edits.get(&id)
        }
    }

    /// The start tag as it is now.
    pub(crate) fn open_span(&self, id: NodeId) -> Span {
        let source = || {
            let node = self.node(id);
            Span {
                start: node.start,
                end: node.open_end,
            }
        };
        self.edit(id)
            .and_then(|edit| edit.open)
            .unwrap_or_else(source)
    }

    /// What stands between an element and what is before it: its sibling or the start tag around it.
    pub(crate) fn lead(&self, previous: Option<NodeId>, id: NodeId) -> Span {
        if let Some(lead) = self.edit(id).and_then(|edit| edit.lead) {
            return lead;
        }
        let node = self.node(id);
        let start = match (previous, node.parent) {
            (Some(previous), _) => self.node(previous).end,
            (None, Some(parent)) => self.node(parent).open_end,
            (None, None) => node.start,
        };
        Span {
            start,
            end: node.start,
        }
    }

    /// What stands between the last child (or the start tag) and the end tag.
    pub(crate) fn tail(&self, last: Option<NodeId>, id: NodeId) -> Span {
        if let Some(tail) = self.edit(id).and_then(|edit| edit.tail) {
            return tail;
        }
        let node = self.node(id);
        let start = last.map_or(node.open_end, |last| self.node(last).end);
        Span {
            start,
            end: self.close_start(id),
        }
    }

    /// Where the end tag begins in the source; the end of the element if it has none.
    pub(crate) fn close_start(&self, id: NodeId) -> u32 {
        let node = self.node(id);
        let content = &self.text[node.open_end as usize..node.end as usize];
        content
            .rfind("</")
            .map_or(node.end, |at| node.open_end + saturate(at))
    }

    /// The children with what stands before each, and at the end what stands before the end tag.
    pub(crate) fn content(&self, id: NodeId) -> impl Iterator<Item = (Span, Option<NodeId>)> {
        let mut previous = None;
        let mut next = self.node(id).first;
        let mut ended = false;
        std::iter::from_fn(move || {
            if let Some(child) = next {
                let lead = self.lead(previous, child);
                previous = next;
                next = self.node(child).next;
                return Some((lead, Some(child)));
            }
            if std::mem::replace(&mut ended, true) {
                return None;
            }
            Some((self.tail(previous, id), None))
        })
    }

    /// The value of an attribute from its text between the quotes.
    pub(crate) fn attribute_value<'d>(&'d self, raw_start: usize, raw: &'d str) -> &'d str {
        if self.values.is_empty()
            || !raw
                .bytes()
                .any(|byte| matches!(byte, b'&' | b'\t' | b'\n' | b'\r'))
        {
            return raw;
        }
        let found = self
            .values
            .binary_search_by_key(&raw_start, |value| value.raw_start as usize);
        found.map_or(raw, |at| self.values[at].value.of(&self.decoded))
    }

    fn lines(&self) -> &Lines {
        self.lines
            .get_or_init(|| Lines::of(&self.text[..self.source_bytes]))
    }

    /// Line and column of a byte of the source; 0, 0 for what an edit added.
    pub(crate) fn line_column(&self, offset: usize) -> (u32, u32) {
        if offset >= self.source_bytes {
            return (0, 0);
        }
        self.lines().line_column(&self.text, offset)
    }

    /// The number of an element among its siblings of the same name, 0 if it has none; `None` once the document
    /// was edited.
    pub(crate) fn sibling_number(&self, id: NodeId) -> Option<u32> {
        if !self.edits.is_empty() {
            return None;
        }
        let numbers = self
            .sibling_numbers
            .get_or_init(|| place::sibling_numbers(self));
        numbers.get(id.index()).copied()
    }
}

pub(crate) fn saturate(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Line and column of a byte, for a text that is not a document yet.
pub(crate) fn place(text: &str, offset: usize) -> (u32, u32) {
    let before = &text[..text.floor_char_boundary(offset)];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    (
        saturate(line),
        saturate(before[line_start..].chars().count() + 1),
    )
}
