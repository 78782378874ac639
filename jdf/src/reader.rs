//! quick-xml's tokens → [`Document`]. Everything that XML calls not well-formed is refused with its
//! place, as are document type definitions and entities; whatever else is in the document is kept.
//!
//! One pass, one arena, an explicit stack of open elements: time is linear in the bytes and depth costs
//! no call stack. Limits are those of [`Limits`].

use std::collections::{HashMap, HashSet};

use quick_xml::Reader;
use quick_xml::events::Event;

use crate::document::{
    Attribute, Document, ElementData, Kind, Namespace, Node, NodeId, Span, Value, saturate,
};
use crate::encoding::Charset;
use crate::error::{Error, ErrorKind, Position};
use crate::limits::Limits;
use crate::name;

/// Above this many attributes, duplicates are found through a set instead of by comparing all pairs.
const PAIRWISE_ATTRIBUTES_MAX: usize = 12;

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

    /// Reads ` name="value"` pairs between two offsets, binds prefixes and refuses doubles.
    fn read_attributes(&mut self, from: usize, to: usize) -> Result<(), Failure> {
        let text = self.text;
        let bytes = text.as_bytes();
        let skip_space = |mut at: usize| {
            while at < to && is_space(bytes[at].into()) {
                at += 1;
            }
            at
        };
        let limit = self.document.limits.attributes;
        let first = self.document.attributes.len();
        let mut seen = HashSet::new();
        let mut at = from;
        loop {
            let name_start = skip_space(at);
            if name_start == to {
                return Ok(());
            }
            if name_start == at {
                return Err((syntax(&"no white space before an attribute"), at));
            }
            if self.document.attributes.len() - first == limit {
                return Err((
                    ErrorKind::Limit {
                        what: "attributes of one element",
                        limit,
                    },
                    name_start,
                ));
            }
            let rest = &text[name_start..to];
            let name_end =
                name_start + rest.find(|c| c == '=' || is_space(c)).unwrap_or(rest.len());
            let name = &text[name_start..name_end];
            self.check_name(name, name_start)?;
            let equals = skip_space(name_end);
            if bytes[equals..to].first() != Some(&b'=') {
                return Err((
                    syntax(&format_args!("attribute `{name}` has no value")),
                    name_start,
                ));
            }
            let quote_at = skip_space(equals + 1);
            let quote = match bytes[quote_at..to].first() {
                Some(quote @ (b'"' | b'\'')) => char::from(*quote),
                _ => {
                    return Err((
                        syntax(&format_args!("the value of `{name}` is not quoted")),
                        quote_at,
                    ));
                }
            };
            let raw_start = quote_at + 1;
            let Some(length) = text[raw_start..to].find(quote) else {
                return Err((
                    syntax(&format_args!("the value of `{name}` is not closed")),
                    quote_at,
                ));
            };
            let raw_end = raw_start + length;
            check_length(
                "bytes of attribute",
                length,
                self.document.limits.attribute_bytes,
                raw_start,
            )?;
            if let Some(less) = text[raw_start..raw_end].find('<') {
                return Err((syntax(&"`<` in an attribute value"), raw_start + less));
            }
            let known = self.document.attributes.len() - first;
            let double = if known < PAIRWISE_ATTRIBUTES_MAX {
                let base = self.base;
                let same = |attribute: &Attribute| {
                    &text[attribute.name.start as usize - base..attribute.name.end as usize - base]
                        == name
                };
                self.document.attributes[first..].iter().any(same)
            } else {
                if seen.is_empty() {
                    seen.extend(self.document.attributes[first..].iter().map(|attribute| {
                        &text[attribute.name.start as usize - self.base
                            ..attribute.name.end as usize - self.base]
                    }));
                }
                !seen.insert(name)
            };
            if double {
                return Err((ErrorKind::AttributeTwice(name.to_owned()), name_start));
            }
            let value = self.value(raw_start, raw_end, true)?;
            if let Some(prefix) = bound_prefix(name) {
                let uri = match value {
                    Value::Raw(_) => text[raw_start..raw_end].to_owned(),
                    Value::Decoded(span) => span.of(&self.document.decoded).to_owned(),
                };
                let index = self.scope.intern(self.document, &uri);
                self.scope.bind(prefix, index);
            }
            self.document.attributes.push(Attribute {
                whole: self.span(at, raw_end + 1),
                name: self.span(name_start, name_end),
                raw: self.span(raw_start, raw_end),
                value,
                edited: false,
                removed: false,
            });
            at = raw_end + 1;
        }
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

/// The prefixes in force: for each, a stack of namespaces, so that a look-up is one hash whatever the depth.
#[derive(Default)]
struct Scope {
    bound: HashMap<String, Vec<Option<u32>>>,
    order: Vec<String>,
    known: HashMap<String, u32>,
}

impl Scope {
    fn intern(&mut self, document: &mut Document, uri: &str) -> Option<u32> {
        if uri.is_empty() {
            return None;
        }
        if self.known.is_empty() {
            self.known.extend(
                (0..)
                    .zip(&document.namespaces)
                    .map(|(index, namespace)| (namespace.uri.clone(), index)),
            );
        }
        if let Some(index) = self.known.get(uri) {
            return Some(*index);
        }
        let index = saturate(document.namespaces.len());
        document.namespaces.push(Namespace {
            uri: uri.to_owned(),
            is_jdf: name::is_jdf_namespace(uri),
        });
        self.known.insert(uri.to_owned(), index);
        Some(index)
    }

    fn bind(&mut self, prefix: &str, namespace: Option<u32>) {
        self.bound
            .entry(prefix.to_owned())
            .or_default()
            .push(namespace);
        self.order.push(prefix.to_owned());
    }

    fn look_up(&self, prefix: &str) -> Option<u32> {
        *self.bound.get(prefix)?.last()?
    }

    fn mark(&self) -> usize {
        self.order.len()
    }

    fn release(&mut self, mark: usize) {
        for prefix in self.order.drain(mark..) {
            if let Some(stack) = self.bound.get_mut(&prefix) {
                stack.pop();
            }
        }
    }
}

/// The prefix that a declaration binds: empty for `xmlns`.
fn bound_prefix(attribute: &str) -> Option<&str> {
    if attribute == "xmlns" {
        Some("")
    } else {
        attribute.strip_prefix("xmlns:")
    }
}

/// Resolves references and line ends. `None` when the raw text already is the value.
fn decode(raw: &str, attribute: bool) -> Result<Option<String>, Failure> {
    let special =
        |byte: &u8| matches!(byte, b'&' | b'\r') || (attribute && matches!(byte, b'\n' | b'\t'));
    if !raw.as_bytes().iter().any(special) {
        return Ok(None);
    }
    let mut value = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(c) = rest.chars().next() {
        let at = raw.len() - rest.len();
        rest = &rest[c.len_utf8()..];
        match c {
            '&' => {
                let Some((reference, after)) = rest.split_once(';') else {
                    return Err((syntax(&"a reference is not closed"), at));
                };
                value.push(resolve(reference).map_err(|kind| (kind, at))?);
                rest = after;
            }
            '\r' => {
                rest = rest.strip_prefix('\n').unwrap_or(rest);
                value.push(if attribute { ' ' } else { '\n' });
            }
            '\n' | '\t' if attribute => value.push(' '),
            _ => value.push(c),
        }
    }
    Ok(Some(value))
}

fn resolve(reference: &str) -> Result<char, ErrorKind> {
    let Some(number) = reference.strip_prefix('#') else {
        return match reference {
            "lt" => Ok('<'),
            "gt" => Ok('>'),
            "amp" => Ok('&'),
            "apos" => Ok('\''),
            "quot" => Ok('"'),
            _ => Err(ErrorKind::Entity(shortened(reference))),
        };
    };
    let code = match number.strip_prefix('x') {
        Some(digits) if digits.starts_with(|c: char| c.is_ascii_hexdigit()) => {
            u32::from_str_radix(digits, 16).ok()
        }
        None if number.starts_with(|c: char| c.is_ascii_digit()) => number.parse().ok(),
        _ => None,
    };
    code.and_then(char::from_u32)
        .filter(|c| name::is_xml_character(*c))
        .ok_or_else(|| ErrorKind::CharacterReference(shortened(reference)))
}

/// Enough of a text to recognise it in a message.
fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
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

fn line_starts(text: &str) -> Vec<u32> {
    std::iter::once(0)
        .chain(
            text.bytes()
                .enumerate()
                .filter(|(_, byte)| *byte == b'\n')
                .map(|(at, _)| saturate(at + 1)),
        )
        .collect()
}

fn place(text: &str, offset: usize) -> (u32, u32) {
    let before = &text[..text.floor_char_boundary(offset)];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    (
        saturate(line),
        saturate(before[line_start..].chars().count() + 1),
    )
}

fn check_length(what: &'static str, length: usize, limit: usize, at: usize) -> Result<(), Failure> {
    if length > limit {
        Err((ErrorKind::Limit { what, limit }, at))
    } else {
        Ok(())
    }
}
