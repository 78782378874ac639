//! Layout for people: one element on each line, indented by what is around it. Only white space changes, and only
//! where it means nothing.
//!
//! Left as they are: values with their quotes and references, text, CDATA, what stands in one element with text, what
//! is below `xml:space="preserve"`, the inside of comments, the encoding with its byte order mark. Laying out twice
//! gives what laying out once gave.

use crate::document::{Document, NodeId, Span};
use crate::gap::{Item, items};
use crate::schema::{self, Kind};
use crate::tag::Places;
use crate::view::ElementRef;
use crate::writer;

/// Spaces for each element around.
const INDENT: usize = 2;
/// Elements that are indented one below the other: 64. Deeper ones stand under one another, so that a document that
/// is nothing but depth does not grow to the square of its size.
const INDENTED_MAX: usize = 64;

impl Document {
    /// The document laid out for people, in the encoding it was read in: each element on a line of its own, attributes
    /// in their order and spelling with one space between, lines ended as the first one of the source.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits};
    /// let source = br#"<JDF  ID='n'><!-- kept --><ResourcePool><Media ID="m"
    ///    Weight="90.0" /></ResourcePool><Comment> a  <b/></Comment></JDF>"#;
    /// let formatted = Document::parse(source, &Limits::default())?.formatted();
    /// assert_eq!(String::from_utf8(formatted).unwrap(), r#"<JDF ID='n'>
    ///   <!-- kept -->
    ///   <ResourcePool>
    ///     <Media ID="m" Weight="90.0"/>
    ///   </ResourcePool>
    ///   <Comment> a  <b/></Comment>
    /// </JDF>
    /// "#);
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    #[must_use]
    pub fn formatted(&self) -> Vec<u8> {
        let mut formatting = Formatting::of(self);
        formatting.document();
        self.charset.encode(formatting.out)
    }
}

enum Step {
    /// On a line of its own, so far inside.
    Element(NodeId, usize),
    /// Comments and instructions, each on a line of its own.
    Between(Span, usize),
    /// An end tag on a line of its own.
    Close(NodeId, usize),
}

struct Formatting<'d> {
    document: &'d Document,
    line_end: &'static str,
    out: String,
}

impl<'d> Formatting<'d> {
    fn of(document: &'d Document) -> Self {
        let source = &document.text[..document.source_bytes];
        // Of a mixed document: one that has been laid out once must be answered alike.
        let line_end = if source.contains("\r\n") {
            "\r\n"
        } else {
            "\n"
        };
        Self {
            document,
            line_end,
            out: String::with_capacity(document.text.len()),
        }
    }

    fn document(&mut self) {
        let document = self.document;
        let root = document.node(document.root);
        self.between(&document.text[..root.start as usize], 0);
        let mut steps = vec![Step::Element(document.root, 0)];
        while let Some(step) = steps.pop() {
            match step {
                Step::Element(id, depth) => self.element(id, depth, &mut steps),
                Step::Between(gap, depth) => self.between(gap.of(&document.text), depth),
                Step::Close(id, depth) => {
                    self.line(depth);
                    self.close(id);
                }
            }
        }
        self.between(&document.text[root.end as usize..document.source_bytes], 0);
        self.out.push_str(self.line_end);
    }

    fn element(&mut self, id: NodeId, depth: usize, steps: &mut Vec<Step>) {
        let document = self.document;
        let element = ElementRef { document, id };
        self.line(depth);
        if element.attribute("xml:space") == Some("preserve") {
            self.out.push_str(&writer::node_text(document, id));
            return;
        }
        let content: Vec<(Span, Option<NodeId>)> = document.content(id).collect();
        let is_empty = matches!(content.as_slice(), [(gap, None)] if gap.start == gap.end);
        let was_empty = document.open_span(id).of(&document.text).ends_with("/>");
        if is_empty && was_empty {
            self.open(id, "/>");
            return;
        }
        self.open(id, ">");
        match self.layout(element, &content) {
            Layout::Lines => {
                let first = steps.len();
                for (gap, child) in content {
                    steps.push(Step::Between(gap, depth + 1));
                    steps.extend(child.map(|child| Step::Element(child, depth + 1)));
                }
                steps.push(Step::Close(id, depth));
                steps[first..].reverse();
                return;
            }
            Layout::AsIs => {
                for (gap, child) in content {
                    self.out.push_str(gap.of(&document.text));
                    if let Some(child) = child {
                        self.out.push_str(&writer::node_text(document, child));
                    }
                }
            }
            Layout::Nothing => {}
        }
        self.close(id);
    }

    fn layout(&self, element: ElementRef<'_>, content: &[(Span, Option<NodeId>)]) -> Layout {
        let text = &self.document.text;
        let mut pieces = content.iter().flat_map(|(gap, _)| items(gap.of(text)));
        let is_text = |item: Item<'_>| match item {
            Item::Text(source) => !is_space(source),
            Item::CData(_) => true,
            Item::Comment(_) | Item::Instruction(_) => false,
        };
        if pieces.any(is_text) {
            return Layout::AsIs;
        }
        match content {
            // White space may be all the text that an element has, unless JDF knows it as one without text.
            [(gap, None)] => {
                let gap = gap.of(text);
                let facts = schema::element(element.local_name()).filter(|_| element.is_of_jdf());
                let has_no_text = facts.is_some_and(|facts| facts.kind != Kind::Bare);
                if has_no_text && is_space(gap) && gap.contains('\n') {
                    Layout::Nothing
                } else {
                    Layout::AsIs
                }
            }
            _ => Layout::Lines,
        }
    }

    fn between(&mut self, gap: &str, depth: usize) {
        for item in items(gap) {
            if matches!(item, Item::Comment(_) | Item::Instruction(_)) {
                self.line(depth);
                self.out.push_str(item.source());
            }
        }
    }

    /// The start tag with one space between attributes.
    fn open(&mut self, id: NodeId, end: &str) {
        let document = self.document;
        let tag = document.open_span(id).of(&document.text);
        let name_bytes = document.node(id).name_bytes;
        self.out.push_str(&tag[..=usize::from(name_bytes)]);
        for place in Places::of(tag, name_bytes) {
            let quoted = &tag[place.raw.start as usize - 1..=place.raw.end as usize];
            for piece in [" ", place.name.of(tag), "=", quoted] {
                self.out.push_str(piece);
            }
        }
        self.out.push_str(end);
    }

    fn close(&mut self, id: NodeId) {
        let document = self.document;
        let element = ElementRef { document, id };
        for piece in ["</", element.name(), ">"] {
            self.out.push_str(piece);
        }
    }

    fn line(&mut self, depth: usize) {
        if !self.out.is_empty() {
            self.out.push_str(self.line_end);
        }
        let spaces = depth.min(INDENTED_MAX) * INDENT;
        self.out.extend(std::iter::repeat_n(' ', spaces));
    }
}

/// How what is in an element is written.
enum Layout {
    Lines,
    AsIs,
    /// It is an empty line and no more.
    Nothing,
}

/// White space as XML has it; a non-breaking space is text.
fn is_space(text: &str) -> bool {
    text.bytes()
        .all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
}
