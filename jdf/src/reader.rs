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

pub(crate) use self::decode::decode;

use self::attributes::read_name;
use self::decode::resolve;
use self::scope::{Scope, bound_prefix};
use crate::document::{Document, Node, NodeId, Span, place, saturate};
use crate::encoding::Charset;
use crate::error::{Error, ErrorKind, Position};
use crate::limits::{Limits, NAME_BYTES_MAX};
use crate::name;

/// Refuses a document that is too big before anything else is done with it.
pub(crate) fn check_size(bytes: usize, limits: &Limits) -> Result<(), Error> {
    // Spans are 32 bits wide, and decoding can at most triple the length.
    let limit = limits.document_bytes.min(u32::MAX as usize / 4);
    if bytes <= limit {
        return Ok(());
    }
    let what = "bytes of document";
    Err(at_start(ErrorKind::Limit { what, limit }))
}

fn at_start(kind: ErrorKind) -> Error {
    let position = Position {
        line: 1,
        column: 1,
        path: String::new(),
    };
    Error { kind, position }
}

pub(crate) fn parse(bytes: Vec<u8>, limits: &Limits) -> Result<Document, Error> {
    check_size(bytes.len(), limits)?;
    let charset = Charset::detect(&bytes).map_err(at_start)?;
    let text = charset.decode(bytes).map_err(|failure| {
        let (line, column) = place(&failure.valid, failure.valid.len());
        Error {
            kind: failure.kind,
            position: Position {
                line,
                column,
                path: String::new(),
            },
        }
    })?;
    let mut document = Document::empty(charset, limits, text.len());
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
    // What doubling left over is given back: a ticket may be kept for long.
    document.nodes.shrink_to_fit();
    document.values.shrink_to_fit();
    document.decoded.shrink_to_fit();
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
            // Every one of these was interned when it was read.
            let namespace = scope.intern(document, &uri).unwrap_or(0);
            scope.bind(&prefix, namespace);
        }
    }
    let (nodes, values) = (document.nodes.len(), document.values.len());
    let mut reading = Reading {
        document,
        text,
        base,
        scope,
        depth,
        open: Vec::new(),
        root: None,
        run: None,
        attribute_names: Vec::new(),
    };
    match reading.run() {
        Ok(root) => Ok(root),
        Err((kind, offset)) => {
            let path = reading.path();
            // Nothing of a text that was refused stays in a document that is edited.
            document.nodes.truncate(nodes);
            document.values.truncate(values);
            Err(Stop { kind, offset, path })
        }
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
    /// Character data that has not ended: quick-xml reports references apart from text.
    run: Option<(usize, usize)>,
    /// Of the tag that is read; kept to save allocations.
    attribute_names: Vec<Span>,
}

struct Open<'t> {
    id: NodeId,
    name: &'t str,
    bindings: usize,
    last: Option<NodeId>,
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
            match &event {
                Event::Text(_) => {
                    self.extend_text(start, end);
                    continue;
                }
                Event::GeneralRef(_) => {
                    let reference = &self.text[start + 1..end - 1];
                    resolve(reference).map_err(|kind| (kind, start))?;
                    self.extend_text(start, end);
                    continue;
                }
                _ => self.end_text()?,
            }
            match event {
                Event::Start(_) => self.start(start, end, false)?,
                Event::Empty(_) => self.start(start, end, true)?,
                Event::End(_) => self.end(start, end)?,
                Event::CData(_) if self.open.is_empty() => {
                    return Err((syntax(&"character data outside the root element"), start));
                }
                Event::CData(_) | Event::Comment(_) | Event::PI(_) => {
                    self.check_text_length(start, end)?;
                }
                Event::DocType(_) => return Err((ErrorKind::DocumentType, start)),
                Event::Decl(_) if start == 0 => {}
                Event::Decl(_) => {
                    let message = "an XML declaration stands inside the document";
                    return Err((syntax(&message), start));
                }
                Event::Eof => break,
                Event::Text(_) | Event::GeneralRef(_) => {}
            }
        }
        if let Some(open) = self.open.last() {
            let message = syntax(&format_args!("`<{}>` is not closed", open.name));
            return Err((message, self.text.len()));
        }
        self.root.ok_or((ErrorKind::NoRoot, self.text.len()))
    }

    /// Controls and non-characters are found in one pass over the bytes.
    fn check_characters(&self) -> Result<(), Failure> {
        /// Long enough to be worth the processor's wide registers, short enough to stop early.
        const CHUNK_BYTES: usize = 4096;
        let is_suspicious =
            |byte: u8| (byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')) || byte == 0xEF;
        let is_chunk_suspicious = |chunk: &[u8]| {
            chunk
                .iter()
                .fold(false, |found, byte| found | is_suspicious(*byte))
        };
        let mut chunks = self.text.as_bytes().chunks(CHUNK_BYTES);
        if !chunks.any(is_chunk_suspicious) {
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
            let what = "nested elements";
            return Err((ErrorKind::Limit { what, limit }, start));
        }
        let text = self.text;
        let inner = start + 1..end - if empty { 2 } else { 1 };
        let found = read_name(&text[inner.clone()]).map_err(|kind| (kind, inner.start))?;
        let name_end = inner.start + found.bytes;
        let name = &text[inner.start..name_end];
        let name_bytes = self.check_name_length(name, inner.start)?;

        let bindings = self.scope.mark();
        self.read_attributes(name_end, inner.end)?;
        let prefix = found.has_colon.then(|| name::split(name).0).flatten();
        let namespace = self.scope.look_up(prefix);
        let id = self.push(start, end, name_bytes, namespace)?;
        self.root.get_or_insert(id);
        if empty {
            self.scope.release(bindings);
        } else {
            self.open.push(Open {
                id,
                name,
                bindings,
                last: None,
            });
        }
        Ok(())
    }

    fn end(&mut self, start: usize, end: usize) -> Result<(), Failure> {
        let Some(open) = self.open.pop() else {
            return Err((syntax(&"an end tag without a start tag"), start));
        };
        self.scope.release(open.bindings);
        self.document.nodes[open.id.index()].end = saturate(self.base + end);
        Ok(())
    }

    fn extend_text(&mut self, start: usize, end: usize) {
        let from = self.run.map_or(start, |(from, _)| from);
        self.run = Some((from, end));
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
        let has_bracket = memchr::memchr(b']', raw.as_bytes()).is_some();
        if has_bracket && let Some(at) = raw.find("]]>") {
            return Err((syntax(&"`]]>` in text"), start + at));
        }
        self.check_text_length(start, end)
    }

    fn check_text_length(&self, start: usize, end: usize) -> Result<(), Failure> {
        let limit = self.document.limits.text_bytes;
        check_length("bytes of text", end - start, limit, start)
    }

    fn push(
        &mut self,
        start: usize,
        end: usize,
        name_bytes: u16,
        namespace: u16,
    ) -> Result<NodeId, Failure> {
        let limit = self.document.limits.elements.min(u32::MAX as usize - 1);
        if self.document.nodes.len() >= limit {
            let what = "elements";
            return Err((ErrorKind::Limit { what, limit }, start));
        }
        let id = NodeId::from_index(self.document.nodes.len());
        let open_end = saturate(self.base + end);
        let parent = self.open.last_mut().map(|open| {
            match open.last.replace(id) {
                Some(previous) => self.document.nodes[previous.index()].next = Some(id),
                None => self.document.nodes[open.id.index()].first = Some(id),
            }
            open.id
        });
        self.document.nodes.push(Node {
            start: saturate(self.base + start),
            open_end,
            end: open_end,
            parent,
            next: None,
            first: None,
            name_bytes,
            namespace,
        });
        Ok(id)
    }

    fn check_name_length(&self, name: &str, at: usize) -> Result<u16, Failure> {
        let limit = self.document.limits.attribute_bytes.min(NAME_BYTES_MAX);
        check_length("bytes of name", name.len(), limit, at)?;
        u16::try_from(name.len()).map_err(|_| {
            let what = "bytes of name";
            (ErrorKind::Limit { what, limit }, at)
        })
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
