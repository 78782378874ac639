//! The check of a JDF ticket before it goes to a plant: it can be read, and there is something in it to run.
//!
//! Whether a certain device can run it is for the device to say.

use agog_jdf::{Document, ElementRef, Limits, Position};

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
    #[error("the ticket has no executable node at {position}: {reason}")]
    NothingToRun { position: Position, reason: String },
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
    let root = document.expect_root("JDF")?;
    let nodes = std::iter::once(root).chain(root.descendants().filter(|node| node.is_jdf("JDF")));
    let mut first_obstacle = None;
    for node in nodes {
        match obstacle(node) {
            None => return Ok(()),
            // The innermost node says most; a root that only groups others says nothing.
            Some(reason) => first_obstacle = Some((node.position(), reason)),
        }
    }
    let (position, reason) =
        first_obstacle.unwrap_or_else(|| (root.position(), "it has no node".to_owned()));
    Err(TicketError::NothingToRun { position, reason })
}

/// Why a node cannot be run; none when it can.
fn obstacle(node: ElementRef<'_>) -> Option<String> {
    let named = node.attribute("ID").unwrap_or("a node without ID");
    let kind = node.attribute("Type").unwrap_or_default();
    if kind.is_empty() {
        return Some(format!("`{named}` has no Type"));
    }
    if node.children().any(|child| child.is_jdf("JDF")) {
        return Some(format!("`{named}` only groups other nodes"));
    }
    if kind == "Product" {
        return Some(format!("`{named}` describes a product and no process"));
    }
    if kind == "ProcessGroup" && node.attribute("Types").is_none_or(str::is_empty) {
        return Some(format!("`{named}` is an empty group"));
    }
    match node.attribute("Status").unwrap_or("Waiting") {
        "Waiting" | "Ready" => None,
        status => Some(format!("`{named}` is {status}")),
    }
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
        assert!(error.to_string().ends_with("`n1` is Completed"), "{error}");
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
