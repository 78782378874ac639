//! The lossless tree. A [`Document`] keeps its source text whole; nodes are spans into it, so what
//! nobody edits is written back byte for byte: white space, quotes, prefixes, comments, everything.
//!
//! Nodes live in one arena and refer to each other by index; nothing here recurses, so depth costs no
//! stack. Edits are in `edit.rs`, reading in `reader.rs`, writing in `writer.rs`.

use std::num::NonZeroU32;

use crate::encoding::Charset;
use crate::error::{Error, ErrorKind};
use crate::limits::Limits;
use crate::view::ElementRef;

/// A node of one document. It means nothing in another document.
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

/// A value as the application sees it: the raw text itself, or its decoded form in `Document::decoded`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value {
    Raw(Span),
    Decoded(Span),
}

#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) parent: Option<NodeId>,
    pub(crate) previous: Option<NodeId>,
    pub(crate) next: Option<NodeId>,
    /// The whole node, with end tag.
    pub(crate) span: Span,
    /// This node or something below it was edited, so `span` no longer tells the truth.
    pub(crate) changed: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Element(Box<ElementData>),
    Text(Value),
    CData(Span),
    Comment,
    Instruction,
}

#[derive(Debug, Clone)]
pub(crate) struct ElementData {
    pub(crate) name: Span,
    pub(crate) namespace: Option<u32>,
    pub(crate) open: Span,
    /// The end tag; `None` for `<a/>`.
    pub(crate) close: Option<Span>,
    pub(crate) first_child: Option<NodeId>,
    pub(crate) last_child: Option<NodeId>,
    /// The attributes of the source, in `Document::attributes`.
    pub(crate) attributes: std::ops::Range<u32>,
    /// Attributes that an edit added.
    pub(crate) added: Vec<Attribute>,
    pub(crate) open_changed: bool,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Attribute {
    /// From the white space before the name up to and including the closing quote.
    pub(crate) whole: Span,
    pub(crate) name: Span,
    /// Between the quotes, escaped.
    pub(crate) raw: Span,
    pub(crate) value: Value,
    pub(crate) edited: bool,
    pub(crate) removed: bool,
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
    /// Values whose raw text holds references or line ends.
    pub(crate) decoded: String,
    pub(crate) charset: Charset,
    pub(crate) limits: Limits,
    pub(crate) line_starts: Vec<u32>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) namespaces: Vec<Namespace>,
    pub(crate) root: NodeId,
}

impl Document {
    /// Reads a document. Document type definitions and entities are refused, the limits are kept, and
    /// the error says where.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, Error> {
        crate::reader::parse(bytes, limits)
    }

    pub fn root(&self) -> ElementRef<'_> {
        ElementRef {
            document: self,
            id: self.root,
        }
    }

    /// The element behind an id; `None` if the id is of a text or comment.
    pub fn element(&self, id: NodeId) -> Option<ElementRef<'_>> {
        let node = self.nodes.get(id.index())?;
        matches!(node.kind, Kind::Element(_)).then_some(ElementRef { document: self, id })
    }

    /// The document as bytes, in the encoding it was read in.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.charset.encode(crate::writer::text(self))
    }

    /// Fails unless the root is the given JDF element (`JDF` or `JMF`).
    pub fn expect_root(&self, local_name: &'static str) -> Result<ElementRef<'_>, Error> {
        let root = self.root();
        if root.is_jdf(local_name) {
            return Ok(root);
        }
        let kind = ErrorKind::WrongRoot {
            expected: local_name,
            found: root.name().to_owned(),
        };
        Err(Error {
            kind,
            position: root.position(),
        })
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    pub(crate) fn data(&self, id: NodeId) -> Option<&ElementData> {
        match &self.nodes[id.index()].kind {
            Kind::Element(data) => Some(data),
            _ => None,
        }
    }

    pub(crate) fn value(&self, value: Value) -> &str {
        match value {
            Value::Raw(span) => span.of(&self.text),
            Value::Decoded(span) => span.of(&self.decoded),
        }
    }

    /// The attributes of an element that were not removed, in order.
    pub(crate) fn attributes_of(&self, id: NodeId) -> impl Iterator<Item = &Attribute> {
        let (source, added): (&[Attribute], &[Attribute]) = match self.data(id) {
            Some(data) => {
                let range = data.attributes.start as usize..data.attributes.end as usize;
                (&self.attributes[range], &data.added)
            }
            None => (&[], &[]),
        };
        source
            .iter()
            .chain(added)
            .filter(|attribute| !attribute.removed)
    }

    /// Line and column of a byte of the source; 0, 0 for what an edit added.
    pub(crate) fn line_column(&self, offset: usize) -> (u32, u32) {
        if offset >= self.source_bytes {
            return (0, 0);
        }
        let line = self
            .line_starts
            .partition_point(|start| *start as usize <= offset);
        let start = self.line_starts[line - 1] as usize;
        let column = self.text[start..offset].chars().count() + 1;
        (saturate(line), saturate(column))
    }
}

pub(crate) fn saturate(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Where each line begins.
pub(crate) fn line_starts(text: &str) -> Vec<u32> {
    std::iter::once(0)
        .chain(
            text.bytes()
                .enumerate()
                .filter(|(_, byte)| *byte == b'\n')
                .map(|(at, _)| saturate(at + 1)),
        )
        .collect()
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
