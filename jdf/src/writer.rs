//! [`Document`] → text. A subtree that nobody edited is one copy of its source; only start tags with
//! edited attributes and the path down to an edit are put together anew.

use crate::document::{Document, ElementData, Kind, NodeId};

enum Step {
    Node(NodeId),
    Close(NodeId),
}

/// The whole document: what stands around the root element is always the source.
pub(crate) fn text(document: &Document) -> String {
    let root = document.node(document.root);
    if !root.changed {
        return document.text[..document.source_bytes].to_owned();
    }
    let mut out = String::with_capacity(document.text.len());
    out.push_str(&document.text[..root.span.start as usize]);
    write(document, document.root, &mut out);
    out.push_str(&document.text[root.span.end as usize..document.source_bytes]);
    out
}

pub(crate) fn node_text(document: &Document, id: NodeId) -> String {
    let mut out = String::new();
    write(document, id, &mut out);
    out
}

fn write(document: &Document, id: NodeId, out: &mut String) {
    let mut steps = vec![Step::Node(id)];
    while let Some(step) = steps.pop() {
        match step {
            Step::Close(id) => close(document, id, out),
            Step::Node(id) => {
                let node = document.node(id);
                let Kind::Element(data) = &node.kind else {
                    out.push_str(node.span.of(&document.text));
                    continue;
                };
                if !node.changed {
                    out.push_str(node.span.of(&document.text));
                    continue;
                }
                open(document, data, id, out);
                steps.push(Step::Close(id));
                let children =
                    std::iter::successors(data.last_child, |child| document.node(*child).previous);
                steps.extend(children.map(Step::Node));
            }
        }
    }
}

fn open(document: &Document, data: &ElementData, id: NodeId, out: &mut String) {
    let text = &document.text;
    let gained_children = data.close.is_none() && data.first_child.is_some();
    if !data.open_changed && !gained_children {
        out.push_str(data.open.of(text));
        return;
    }
    out.push('<');
    out.push_str(data.name.of(text));
    for attribute in document.attributes_of(id) {
        let whole = attribute.whole.of(text);
        if attribute.edited {
            // Before the value: white space, name, equals sign and the quote that the writer chose.
            let before = (attribute.name.end - attribute.whole.start) as usize;
            let quote = before + whole[before..].find(['"', '\'']).unwrap_or(0) + 1;
            out.push_str(&whole[..quote]);
            out.push_str(attribute.raw.of(text));
            out.push_str(&whole[whole.len() - 1..]);
        } else {
            out.push_str(whole);
        }
    }
    out.push_str(tail(document, data, gained_children));
}

/// What follows the last attribute: white space and `>` or `/>`.
fn tail<'d>(document: &'d Document, data: &ElementData, gained_children: bool) -> &'d str {
    if gained_children {
        return ">";
    }
    let last =
        document.attributes[data.attributes.start as usize..data.attributes.end as usize].last();
    let end = last.map_or(data.name.end, |attribute| attribute.whole.end);
    &document.text[end as usize..data.open.end as usize]
}

fn close(document: &Document, id: NodeId, out: &mut String) {
    let Some(data) = document.data(id) else {
        return;
    };
    match data.close {
        Some(close) => out.push_str(close.of(&document.text)),
        None if data.first_child.is_some() => {
            out.push_str("</");
            out.push_str(data.name.of(&document.text));
            out.push('>');
        }
        None => {}
    }
}

/// Escapes a value for a place between double or single quotes.
pub(crate) fn escape_attribute(value: &str) -> String {
    escape(value, true)
}

/// Escapes character data.
pub(crate) fn escape_text(value: &str) -> String {
    escape(value, false)
}

/// A character that XML cannot carry at all is written as U+FFFD, so that output is always well-formed.
fn escape(value: &str, attribute: bool) -> String {
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
    out
}
