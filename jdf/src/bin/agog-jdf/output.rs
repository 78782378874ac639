//! Standard output whose reader may leave early: `agog-jdf tree big.jdf | head` is no error.

use std::fmt::Display;
use std::io::{BufWriter, Stdout, Write as _};

use agog_jdf::ElementRef;

pub(crate) struct Output {
    out: BufWriter<Stdout>,
    is_closed: bool,
}

impl Default for Output {
    fn default() -> Self {
        Self {
            out: BufWriter::new(std::io::stdout()),
            is_closed: false,
        }
    }
}

impl Output {
    pub(crate) fn line(&mut self, text: impl Display) {
        self.is_closed |= writeln!(self.out, "{text}").is_err();
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.is_closed |= self.out.write_all(bytes).is_err();
    }

    /// Whether nobody reads any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed
    }

    pub(crate) fn flush(&mut self) {
        self.is_closed |= self.out.flush().is_err();
    }
}

/// A text on one line, without control characters, and cut where it is too long.
pub(crate) fn clipped(text: &str, characters_max: usize) -> String {
    let clear = |c: char| if c.is_control() { ' ' } else { c };
    let mut characters = text.chars().map(clear);
    let mut shown: String = characters.by_ref().take(characters_max).collect();
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}

/// The start tag of an element without its declarations of namespaces, for a line of its own; `end` closes it.
pub(crate) fn start_tag(element: ElementRef<'_>, end: &str) -> String {
    let mut tag = format!("<{}", element.name());
    for attribute in element.attributes() {
        if !attribute.name.starts_with("xmlns") {
            tag.extend([" ", attribute.name, "=\"", attribute.value, "\""]);
        }
    }
    tag + end
}
