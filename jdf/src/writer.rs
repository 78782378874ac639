//! [`Document`] → text. A subtree that nobody edited is one copy of its source; only start tags with
//! edited attributes and the path down to an edit are put together anew.

use std::borrow::Cow;

use crate::document::{Document, NodeId, Span};

enum Step {
    Text(Span),
    Element(NodeId),
    Close(NodeId),
}

/// The whole document: what stands around the root element is always the source.
pub(crate) fn text(document: &Document) -> String {
    if document.edits.is_empty() {
        return document.text[..document.source_bytes].to_owned();
    }
    let root = document.node(document.root);
    let mut out = String::with_capacity(document.text.len());
    out.push_str(&document.text[..root.start as usize]);
    write(document, document.root, &mut out);
    out.push_str(&document.text[root.end as usize..document.source_bytes]);
    out
}

pub(crate) fn node_text(document: &Document, id: NodeId) -> String {
    let mut out = String::new();
    write(document, id, &mut out);
    out
}

fn write(document: &Document, id: NodeId, out: &mut String) {
    let mut steps = vec![Step::Element(id)];
    while let Some(step) = steps.pop() {
        match step {
            Step::Text(span) => out.push_str(span.of(&document.text)),
            Step::Close(id) => close(document, id, out),
            Step::Element(id) if document.edit(id).is_none() => {
                let node = document.node(id);
                out.push_str(&document.text[node.start as usize..node.end as usize]);
            }
            Step::Element(id) => {
                open(document, id, out);
                let first = steps.len();
                for (before, child) in document.content(id) {
                    steps.push(Step::Text(before));
                    steps.extend(child.map(Step::Element));
                }
                steps.push(Step::Close(id));
                steps[first..].reverse();
            }
        }
    }
}

fn open(document: &Document, id: NodeId, out: &mut String) {
    let tag = document.open_span(id).of(&document.text);
    match tag.strip_suffix("/>") {
        Some(opened) if gained_content(document, id) => {
            out.push_str(opened.trim_end());
            out.push('>');
        }
        _ => out.push_str(tag),
    }
}

/// Whether an element that was empty (`<a/>`) in the source has something in it now.
fn gained_content(document: &Document, id: NodeId) -> bool {
    let node = document.node(id);
    let was_empty = node.open_end == node.end;
    let has_tail = || {
        let tail = document.edit(id).and_then(|edit| edit.tail);
        tail.is_some_and(|tail| tail.start < tail.end)
    };
    was_empty && (node.first.is_some() || has_tail())
}

fn close(document: &Document, id: NodeId, out: &mut String) {
    let node = document.node(id);
    if gained_content(document, id) {
        let name = node.start as usize + 1;
        out.push_str("</");
        out.push_str(&document.text[name..name + usize::from(node.name_bytes)]);
        out.push('>');
    } else {
        out.push_str(&document.text[document.close_start(id) as usize..node.end as usize]);
    }
}

/// Escapes a value for a place between double or single quotes.
pub(crate) fn escape_attribute(value: &str) -> Cow<'_, str> {
    escape(value, true)
}

/// Escapes character data.
pub(crate) fn escape_text(value: &str) -> Cow<'_, str> {
    escape(value, false)
}

/// A character that XML cannot carry at all is written as U+FFFD, so that output is always well-formed.
fn escape(value: &str, attribute: bool) -> Cow<'_, str> {
    // Most values hold nothing to escape.
    let is_plain = |byte: u8| {
        matches!(byte, b' '..=b'~') && !matches!(byte, b'&' | b'<' | b'>' | b'"' | b'\'')
    };
    if value.bytes().all(is_plain) {
        return Cow::Borrowed(value);
    }
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' if attribute => out.push_str("&quot;"),
            '\'' if attribute => out.push_str("&apos;"),
            '\r' => out.push_str("&#13;"),
            '\n' if attribute => out.push_str("&#10;"),
            '\t' if attribute => out.push_str("&#9;"),
            c if !crate::name::is_xml_character(c) => out.push('\u{FFFD}'),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}
