//! What commands print: lines for people, or one JSON document for programs.

use std::io::{self, ErrorKind, Write as _};

use serde::Serialize;

/// Where and how a command prints.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    json: bool,
}

impl Output {
    pub(super) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Prints `value` as JSON, or the text that `lines` makes of it.
    pub fn show<T: Serialize>(self, value: &T, lines: impl FnOnce(&T) -> String) -> io::Result<()> {
        let text = if self.json {
            serde_json::to_string_pretty(value).map_err(io::Error::other)?
        } else {
            lines(value)
        };
        quiet_on_closed_pipe(writeln!(io::stdout().lock(), "{}", text.trim_end()))
    }

    /// Prints one of many values at once: JSON on a line, or the text that `lines` makes of it. An error when nobody reads on.
    pub(super) fn line<T: Serialize>(
        self,
        value: &T,
        lines: impl FnOnce(&T) -> String,
    ) -> io::Result<()> {
        let text = if self.json {
            serde_json::to_string(value).map_err(io::Error::other)?
        } else {
            lines(value)
        };
        let mut out = io::stdout().lock();
        writeln!(out, "{}", text.trim_end())?;
        out.flush()
    }

    /// Prints a line to standard error.
    pub fn error(text: &str) -> io::Result<()> {
        writeln!(io::stderr().lock(), "{}", text.trim_end())
    }
}

/// `agog-edge lot list | head` is not an error.
fn quiet_on_closed_pipe(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
