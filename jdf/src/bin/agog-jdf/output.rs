//! Standard output whose reader may leave early: `agog-jdf tree big.jdf | head` is no error, but a full disk is one.
//! What people read has no control characters, since tickets and devices must not steer a terminal.

use std::fmt::Display;
use std::io::{self, BufWriter, ErrorKind, Stdout, Write as _};

use anyhow::{Context as _, Result};

use agog_jdf::ElementRef;

pub(crate) struct Output {
    out: BufWriter<Stdout>,
    /// What went wrong first; nothing is written after it.
    failure: Option<io::Error>,
}

impl Default for Output {
    fn default() -> Self {
        Self {
            out: BufWriter::new(std::io::stdout()),
            failure: None,
        }
    }
}

impl Output {
    /// A line for people.
    pub(crate) fn line(&mut self, text: impl Display) {
        let text = without_controls(text.to_string());
        self.exact(text);
    }

    /// A line for programs: JSON, or a value as it is.
    pub(crate) fn exact(&mut self, text: impl Display) {
        self.write(|out| writeln!(out, "{text}"));
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.write(|out| out.write_all(bytes));
    }

    fn write(&mut self, write: impl FnOnce(&mut BufWriter<Stdout>) -> io::Result<()>) {
        if self.failure.is_none() {
            self.failure = write(&mut self.out).err();
        }
    }

    /// Whether nothing can be written any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.failure.is_some()
    }

    /// Makes sure that all of it has arrived: whatever is done next relies on it.
    pub(crate) fn deliver(&mut self) -> Result<()> {
        self.write(io::Write::flush);
        self.failure.take().map_or(Ok(()), Err).context(REFUSES)
    }

    /// Ends the output. A reader that has left has what it wanted.
    pub(crate) fn finish(mut self) -> Result<()> {
        self.write(io::Write::flush);
        let failure = self.failure.take();
        let failure = failure.filter(|error| error.kind() != ErrorKind::BrokenPipe);
        failure.map_or(Ok(()), Err).context(REFUSES)
    }
}

const REFUSES: &str = "cannot write to standard output";

/// Says something on standard error, in the name of the program.
pub(crate) fn tell(text: impl Display) {
    eprintln!("agog-jdf: {}", without_controls(text.to_string()));
}

/// What could steer a terminal is shown as something that is not readable; lines and tabs stay.
fn without_controls(text: String) -> String {
    let steers = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if text.contains(steers) {
        return text.replace(steers, "\u{fffd}");
    }
    text
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
