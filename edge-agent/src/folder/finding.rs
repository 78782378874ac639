//! What was wrong with a file: as text beside it for people, and in one line for events and logs.

use std::fmt::{self, Write as _};

use agog_jdf::{Error, Position};

/// Why a file is not taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// In a sentence.
    pub(crate) what: String,
    /// Where in the document.
    pub(crate) position: Option<Position>,
    pub(crate) expected: String,
}

/// What came of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is recorded.
    Taken,
    /// It may be half-written.
    Unreadable(Wrong),
    /// It is whole, and wrong.
    Refused(Wrong),
    /// Something else stands in the way; it is tried again.
    Later(String),
}

impl Wrong {
    pub(crate) fn new(what: impl Into<String>, expected: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            position: None,
            expected: expected.into(),
        }
    }

    /// A document that cannot be read.
    pub(crate) fn of(error: &Error, expected: impl Into<String>) -> Self {
        Self {
            what: error.kind.to_string(),
            position: Some(error.position.clone()),
            expected: expected.into(),
        }
    }

    /// The text of the file beside `name`.
    pub(crate) fn to_text(&self, name: &str) -> String {
        let mut text = format!("File:     {name}\nWhat:     {}\n", self.what);
        if let Some(position) = &self.position {
            let _ = write!(
                text,
                "Line:     {}\nColumn:   {}\nPath:     {}\n",
                position.line, position.column, position.path
            );
        }
        let _ = writeln!(text, "Expected: {}", self.expected);
        text
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if let Some(position) = &self.position {
            write!(f, " at {position}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use agog_jdf::{Document, Limits};

    use super::*;

    #[test]
    fn the_text_says_what_where_and_what_was_expected() {
        let error = Document::parse(b"<JDF>\n<AuditPool></JDF>", &Limits::default()).unwrap_err();
        let text = Wrong::of(&error, "a JDF ticket").to_text("job-7.jdf");
        for part in [
            "job-7.jdf",
            "Line:     2",
            "Column:",
            "Path:     /JDF",
            "Expected: a JDF ticket",
        ] {
            assert!(text.contains(part), "{part} is missing in: {text}");
        }
    }
}
