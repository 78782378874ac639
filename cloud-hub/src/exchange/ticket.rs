//! The check of a JDF ticket before it goes to a plant: it can be read, and there is something in it to run; and what
//! it says of the work: its steps in their order, and the files that it names.
//!
//! Whether a certain device can run it is for the device to say.

use std::collections::BTreeMap;

use agog_jdf::order::Order;
use agog_jdf::package::{Location, references};
use agog_jdf::{Document, Limits, NoExecutableNode, Position, Ticket};
use agog_sync::quantity::{Quantity, SCALE_MAX, Unit};
use rust_decimal::Decimal;

use super::model::NewOrder;

/// The largest ticket that the hub takes. The largest public one has under 4 MiB; with JSON escapes it still fits into
/// a page of the down feed (8 MiB).
pub(super) const TICKET_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The most work orders of a job. The largest gang tickets of the field have some hundred nodes.
pub(super) const ORDERS_MAX: usize = 1_000;

/// What a ticket says of the work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Work {
    /// The steps that can be run, each after those that it waits for.
    pub orders: Vec<NewOrder>,
    /// The `cid:` URLs that it names files by.
    pub cids: Vec<String>,
}

/// Why a ticket was refused, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum TicketError {
    /// It is not well-formed, or has what we do not read: a document type, an entity, too much of anything.
    #[error("{0}")]
    Unreadable(#[from] agog_jdf::Error),
    /// More steps than a job can have.
    #[error("the ticket has {found} steps: at most {ORDERS_MAX}")]
    TooManySteps { position: Position, found: usize },
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
            Self::TooManySteps { .. } => "too-many-steps",
            Self::NothingToRun { .. } => "no-executable-node",
        }
    }

    /// Where in the ticket.
    pub(super) const fn position(&self) -> &Position {
        match self {
            Self::Unreadable(error) => &error.position,
            Self::TooManySteps { position, .. } | Self::NothingToRun { position, .. } => position,
        }
    }
}

/// Checks a ticket and reads what it says of the work.
pub(super) fn check(jdf: &str) -> Result<Work, TicketError> {
    let limits = Limits {
        document_bytes: TICKET_BYTES_MAX,
        ..Limits::default()
    };
    let document = Document::parse(jdf.as_bytes(), &limits)?;
    let ticket = Ticket::of(&document)?;
    let executable = ticket.executable_nodes().map_err(|reasons| {
        let first = reasons.obstacles.first();
        let position =
            first.map_or_else(|| document.root().position(), |node| node.position.clone());
        TicketError::NothingToRun { position, reasons }
    })?;
    if executable.len() > ORDERS_MAX {
        return Err(TicketError::TooManySteps {
            position: document.root().position(),
            found: executable.len(),
        });
    }
    let order = Order::of(&ticket);
    // Steps that wait for each other are work too, and stand last.
    let sorted: Vec<_> = order
        .nodes()
        .iter()
        .chain(order.stuck())
        .copied()
        .filter(|node| executable.iter().any(|it| it.node_id() == node.node_id()))
        .collect();
    let places: BTreeMap<_, i32> = sorted.iter().map(|node| node.node_id()).zip(1..).collect();
    let orders = sorted
        .iter()
        .map(|node| NewOrder {
            name: node.display_name().to_owned(),
            process: match node.types()[..] {
                [] => node.process_type().unwrap_or_default().to_owned(),
                ref types => types.join(" "),
            },
            job_part: node.job_part_id().map(str::to_owned),
            device: node.device_id(&ticket).map(str::to_owned),
            amount: node.output_amount(&ticket).and_then(storable),
            waits_for: order
                .waits_for(*node)
                .iter()
                .filter_map(|other| places.get(&other.node_id()).copied())
                .collect(),
        })
        .collect();
    let cids = references(&document)
        .into_iter()
        .filter(|reference| reference.location == Location::Cid)
        .map(|reference| reference.url.trim().to_owned())
        .collect();
    Ok(Work { orders, cids })
}

/// A planned amount as it can be stored; one beyond all quantities is as good as none.
fn storable(amount: Decimal) -> Option<Decimal> {
    let rounded = amount.round_dp(SCALE_MAX);
    let checked = Quantity::new(rounded, Unit::Sheet).checked().ok()?;
    Some(checked.amount)
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
    fn the_steps_of_a_carton_come_in_their_order_and_know_what_they_wait_for() {
        let carton = agog_jdf::samples()[0].json;
        let carton: agog_jdf::JobDescription = serde_json::from_str(carton).unwrap();
        let jdf = carton
            .to_ticket("2025-03-01T08:00:00Z".parse().unwrap())
            .unwrap();
        let work = check(&String::from_utf8(jdf).unwrap()).unwrap();
        let told: Vec<_> = work
            .orders
            .iter()
            .map(|order| (order.job_part.as_deref().unwrap(), &order.waits_for[..]))
            .collect();
        assert_eq!(
            told,
            [
                ("Plates", &[][..]),
                ("Print-Varnish", &[1][..]),
                ("DieCut", &[2][..]),
                ("BoxFold-Glue", &[3][..]),
            ]
        );
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
