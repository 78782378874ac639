//! The check of a JDF ticket before it goes to a plant: it can be read, and there is something in it to run.
//!
//! Whether a certain device can run it is for the device to say.

use agog_jdf::{Document, Limits, NoExecutableNode, Position, Ticket};

/// The largest ticket that the hub takes. The largest public one has under 4 MiB; with JSON escapes it still fits into
/// a page of the down feed (8 MiB).
pub(super) const TICKET_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Why a ticket was refused, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum TicketError {
    /// It is not well-formed, or has what we do not read: a document type, an entity, too much of anything.
    #[error("{0}")]
    Unreadable(#[from] agog_jdf::Error),
    /// Nothing in it can be run.
    #[error("{reasons} (line {}, column {})", .position.line, .position.column)]
    NothingToRun {
        position: Position,
        reasons: NoExecutableNode,
    },
}

impl TicketError {
    /// The stable code, for the API.
    pub(super) const fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "malformed-ticket",
            Self::NothingToRun { .. } => "no-executable-node",
        }
    }

    /// Where in the ticket.
    pub(super) const fn position(&self) -> &Position {
        match self {
            Self::Unreadable(error) => &error.position,
            Self::NothingToRun { position, .. } => position,
        }
    }
}

/// Checks a ticket.
pub(super) fn check(jdf: &str) -> Result<(), TicketError> {
    let limits = Limits {
        document_bytes: TICKET_BYTES_MAX,
        ..Limits::default()
    };
    let document = Document::parse(jdf.as_bytes(), &limits)?;
    let ticket = Ticket::of(&document)?;
    ticket.executable_nodes().map_err(|reasons| {
        let first = reasons.obstacles.first();
        let position =
            first.map_or_else(|| document.root().position(), |node| node.position.clone());
        TicketError::NothingToRun { position, reasons }
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        r#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" ID="n0" Status="Waiting" Version="1.5""#;

    #[test]
    fn a_ticket_with_a_process_is_taken() {
        check(&format!(r#"{HEAD} Type="ConventionalPrinting"/>"#)).unwrap();
        check(&format!(
            r#"{HEAD} Type="Product"><JDF ID="n1" Type="Combined" Status="Ready"/></JDF>"#
        ))
        .unwrap();
    }

    #[test]
    fn a_ticket_without_anything_to_run_is_refused_with_its_place() {
        let error = check(&format!("{HEAD} Type=\"Product\">\n  <JDF ID=\"n1\" Type=\"Combined\" Status=\"Completed\"/>\n</JDF>"))
            .unwrap_err();
        assert_eq!(error.code(), "no-executable-node");
        assert_eq!((error.position().line, error.position().column), (2, 3));
        assert!(
            error
                .to_string()
                .contains("already has the status Completed"),
            "{error}"
        );
    }

    #[test]
    fn what_is_no_ticket_is_refused_with_line_and_column() {
        for (text, line) in [
            ("", 1),
            ("<JDF", 1),
            ("<a/>", 1),
            ("<!DOCTYPE JDF [<!ENTITY x \"y\">]>\n<JDF/>", 1),
            (
                "<JDF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\">\n<Node></JDF>",
                2,
            ),
        ] {
            let error = check(text).unwrap_err();
            assert_eq!(error.code(), "malformed-ticket", "{text}");
            assert_eq!(error.position().line, line, "{text}: {error}");
        }
    }
}
