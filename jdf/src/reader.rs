//! quick-xml's tokens → [`Document`]. Everything that XML calls not well-formed is refused with its
//! place, as are document type definitions and entities; whatever else is in the document is kept.
//!
//! One pass, one arena, an explicit stack of open elements: time is linear in the bytes and depth costs
//! no call stack. Limits are those of [`Limits`].

mod attributes;
mod decode;
mod scope;

use quick_xml::Reader;
use quick_xml::events::Event;

use self::decode::decode;
use self::scope::{Scope, bound_prefix};
use crate::document::{
    Document, ElementData, Kind, Node, NodeId, Span, Value, line_starts, place, saturate,
};
use crate::encoding::Charset;
use crate::error::{Error, ErrorKind, Position};
use crate::limits::Limits;
use crate::name;

pub(crate) fn parse(bytes: &[u8], limits: &Limits) -> Result<Document, Error> {
    let nowhere = |kind| Error {
        kind,
        position: Position {
            line: 1,
            column: 1,
            path: String::new(),
        },
    };
    // Spans are 32 bits wide, and decoding can at most double the length.
    let limit = limits.document_bytes.min(u32::MAX as usize / 4);
    if bytes.len() > limit {
        return Err(nowhere(ErrorKind::Limit {
            what: "bytes of document",
            limit,
        }));
    }
    let charset = Charset::detect(bytes).map_err(nowhere)?;
    let text = charset.decode(bytes).map_err(|(kind, offset)| {
        let valid = String::from_utf8_lossy(&bytes[..offset]);
        let (line, column) = place(&valid, valid.len());
        Error {
            kind,
            position: Position {
                line,
                column,
                path: String::new(),
            },
        }
    })?;
    let mut document = Document {
        text: String::new(),
        source_bytes: text.len(),
        decoded: String::new(),
        charset,
        limits: *limits,
        line_starts: line_starts(&text),
        nodes: Vec::new(),
        attributes: Vec::new(),
        namespaces: Vec::new(),
        root: NodeId::from_index(0),
    };
    let root = read(&mut document, &text, 0, None).map_err(|stop| {
        let (line, column) = place(&text, stop.offset);
        Error {
            kind: stop.kind,
            position: Position {
                line,
                column,
                path: stop.path,
            },
        }
    })?;
    document.root = root;
    document.text = text;
    Ok(document)
}

/// Why and where (a byte of the text, the open elements) the reading stopped.
pub(crate) struct Stop {
    pub(crate) kind: ErrorKind,
    pub(crate) offset: usize,
    pub(crate) path: String,
}

/// Reads one element with what is in it and around it into the arena. `base` is where `text` will stand
/// in `Document::text`; `parent` gives the namespaces that hold there.
pub(crate) fn read(
    document: &mut Document,
    text: &str,
    base: usize,
    parent: Option<NodeId>,
) -> Result<NodeId, Stop> {
    let mut scope = Scope::default();
    let mut depth = 0;
    if let Some(parent) = parent.and_then(|id| document.element(id)) {
        let mut around: Vec<_> =
            std::iter::successors(Some(parent), |element| element.parent()).collect();
        depth = around.len();
        around.reverse();
        let bindings: Vec<(String, String)> = around
            .iter()
            .flat_map(|element| element.attributes())
            .filter_map(|attribute| {
                Some((
                    bound_prefix(attribute.name)?.to_owned(),
                    attribute.value.to_owned(),
                ))
            })
            .collect();
        for (prefix, uri) in bindings {
            let index = scope.intern(document, &uri);
            scope.bind(&prefix, index);
        }
    }
    let mut reading = Reading {
        document,
        text,
        base,
        scope,
        depth,
        open: Vec::new(),
        root: None,
        run: None,
    };
    match reading.run() {
        Ok(root) => Ok(root),
        Err((kind, offset)) => Err(Stop {
            kind,
            offset,
            path: reading.path(),
        }),
    }
}

type Failure = (ErrorKind, usize);

struct Reading<'d, 't> {
    document: &'d mut Document,
    text: &'t str,
    base: usize,
    scope: Scope,
    /// Elements around the text that is read.
    depth: usize,
    open: Vec<Open<'t>>,
    root: Option<NodeId>,
    /// Character data that is not yet a node: quick-xml reports references apart from text.
    run: Option<(usize, usize)>,
}

struct Open<'t> {
    id: NodeId,
    name: &'t str,
    bindings: usize,
}

impl Reading<'_, '_> {
    fn run(&mut self) -> Result<NodeId, Failure> {
        self.check_characters()?;
        // The tokenizer would skip a second byte order mark without counting it.
        if self.text.starts_with('\u{FEFF}') {
            return Err((syntax(&"text before the root element"), 0));
        }
        let mut tokens = Reader::from_str(self.text);
        loop {
            let start = offset(tokens.buffer_position());
            let event = tokens.read_event();
            let end = offset(tokens.buffer_position());
            let event = event.map_err(|error| (syntax(&error), offset(tokens.error_position())))?;
            if !matches!(event, Event::Text(_) | Event::GeneralRef(_)) {
                self.end_text()?;
            }
            match event {
                Event::Text(_) | Event::GeneralRef(_) => {
                    let from = self.run.map_or(start, |(from, _)| from);
                    self.run = Some((from, end));
                }
                Event::Start(_) => self.start(start, end, false)?,
                Event::Empty(_) => self.start(start, end, true)?,
                Event::End(_) => self.end(start, end)?,
                Event::CData(_) => {
                    let content = Span::new(
                        self.base + start + "<![CDATA[".len(),
                        self.base + end - "]]>".len(),
                    );
                    self.inside(start, end, Kind::CData(content))?;
                }
                Event::Comment(_) => self.around(start, end, Kind::Comment)?,
                Event::PI(_) => self.around(start, end, Kind::Instruction)?,
                Event::Decl(_) if start == 0 => {}
                Event::Decl(_) => {
                    return Err((
                        syntax(&"an XML declaration stands inside the document"),
                        start,
                    ));
                }
                Event::DocType(_) => return Err((ErrorKind::DocumentType, start)),
                Event::Eof => break,
            }
        }
        if let Some(open) = self.open.last() {
            return Err((
                syntax(&format_args!("`<{}>` is not closed", open.name)),
                self.text.len(),
            ));
        }
        self.root.ok_or((ErrorKind::NoRoot, self.text.len()))
    }

    /// Controls and non-characters are found in one pass over the bytes.
    fn check_characters(&self) -> Result<(), Failure> {
        let suspicious =
            |byte: &u8| (*byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')) || *byte == 0xEF;
        if !self.text.as_bytes().iter().any(suspicious) {
            return Ok(());
        }
        match self
            .text
            .char_indices()
            .find(|(_, c)| !name::is_xml_character(*c))
        {
            Some((at, c)) => Err((ErrorKind::Character(c.into()), at)),
            None => Ok(()),
        }
    }

    fn start(&mut self, start: usize, end: usize, empty: bool) -> Result<(), Failure> {
        if self.open.is_empty() && self.root.is_some() {
            return Err((ErrorKind::AfterRoot, start));
        }
        let limit = self.document.limits.depth;
        if self.depth + self.open.len() >= limit {
            return Err((
                ErrorKind::Limit {
                    what: "nested elements",
                    limit,
                },
                start,
            ));
        }
        let text = self.text;
        let inner = start + 1..end - if empty { 2 } else { 1 };
        let tag = &text[inner.clone()];
        let name_end = inner.start + tag.find(is_space).unwrap_or(tag.len());
        let name = &text[inner.start..name_end];
        self.check_name(name, inner.start)?;

        let bindings = self.scope.mark();
        let first = self.document.attributes.len();
        self.read_attributes(name_end, inner.end)?;
        let attributes = saturate(first)..saturate(self.document.attributes.len());
        let namespace = self.scope.look_up(name::split(name).0.unwrap_or(""));
        let data = ElementData {
            name: self.span(inner.start, name_end),
            namespace,
            open: self.span(start, end),
            close: None,
            first_child: None,
            last_child: None,
            attributes,
            added: Vec::new(),
            open_changed: false,
        };
        let id = self.push(start, end, Kind::Element(Box::new(data)))?;
        self.root.get_or_insert(id);
        if empty {
            self.scope.release(bindings);
        } else {
            self.open.push(Open { id, name, bindings });
        }
        Ok(())
    }

    fn end(&mut self, start: usize, end: usize) -> Result<(), Failure> {
        let Some(open) = self.open.pop() else {
            return Err((syntax(&"an end tag without a start tag"), start));
        };
        self.scope.release(open.bindings);
        let close = self.span(start, end);
        let node = &mut self.document.nodes[open.id.index()];
        node.span.end = close.end;
        if let Kind::Element(data) = &mut node.kind {
            data.close = Some(close);
        }
        Ok(())
    }

    fn end_text(&mut self) -> Result<(), Failure> {
        let Some((start, end)) = self.run.take() else {
            return Ok(());
        };
        let raw = &self.text[start..end];
        if self.open.is_empty() {
            return match raw.find(|c| !is_space(c)) {
                None => Ok(()),
                Some(at) if self.root.is_some() => Err((ErrorKind::AfterRoot, start + at)),
                Some(at) => Err((syntax(&"text before the root element"), start + at)),
            };
        }
        if let Some(at) = raw.find("]]>") {
            return Err((syntax(&"`]]>` in text"), start + at));
        }
        let value = self.value(start, end, false)?;
        self.inside(start, end, Kind::Text(value))
    }

    /// A node that may only stand inside the root element.
    fn inside(&mut self, start: usize, end: usize, kind: Kind) -> Result<(), Failure> {
        if self.open.is_empty() {
            return Err((syntax(&"character data outside the root element"), start));
        }
        self.around(start, end, kind)
    }

    /// A node that may also stand around the root element, where the source text alone keeps it.
    fn around(&mut self, start: usize, end: usize, kind: Kind) -> Result<(), Failure> {
        check_length(
            "bytes of text",
            end - start,
            self.document.limits.text_bytes,
            start,
        )?;
        if !self.open.is_empty() {
            self.push(start, end, kind)?;
        }
        Ok(())
    }

    fn push(&mut self, start: usize, end: usize, kind: Kind) -> Result<NodeId, Failure> {
        let limit = self.document.limits.nodes.min(u32::MAX as usize - 1);
        if self.document.nodes.len() >= limit {
            return Err((
                ErrorKind::Limit {
                    what: "nodes",
                    limit,
                },
                start,
            ));
        }
        let id = NodeId::from_index(self.document.nodes.len());
        let parent = self.open.last().map(|open| open.id);
        let span = self.span(start, end);
        self.document.nodes.push(Node {
            kind,
            parent,
            previous: None,
            next: None,
            span,
            changed: false,
        });
        if let Some(parent) = parent {
            self.document.link_last(parent, id);
        }
        Ok(id)
    }

    fn value(&mut self, start: usize, end: usize, attribute: bool) -> Result<Value, Failure> {
        let raw = &self.text[start..end];
        match decode(raw, attribute).map_err(|(kind, at)| (kind, start + at))? {
            None => Ok(Value::Raw(self.span(start, end))),
            Some(decoded) => Ok(self.document.keep_decoded(&decoded)),
        }
    }

    fn check_name(&self, name: &str, at: usize) -> Result<(), Failure> {
        check_length(
            "bytes of name",
            name.len(),
            self.document.limits.attribute_bytes,
            at,
        )?;
        if name::is_name(name) {
            Ok(())
        } else {
            Err((ErrorKind::Name(name.to_owned()), at))
        }
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.base + start, self.base + end)
    }

    fn path(&self) -> String {
        self.open.iter().flat_map(|open| ["/", open.name]).collect()
    }
}

fn syntax(message: &dyn std::fmt::Display) -> ErrorKind {
    ErrorKind::Syntax(message.to_string())
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

fn offset(position: u64) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}

fn check_length(what: &'static str, length: usize, limit: usize, at: usize) -> Result<(), Failure> {
    if length > limit {
        Err((ErrorKind::Limit { what, limit }, at))
    } else {
        Ok(())
    }
}
