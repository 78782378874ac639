//! Tickets, apart from the rows of their jobs, and what is looked at of them all the time.

use std::collections::BTreeSet;

use agog_jdf::{Document, JdfNode, Limits, Ticket};
use agog_sync::frame::JobTicket;
use agog_sync::ids::JobId;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};

use super::error::LedgerError;
use super::text;

/// What a ticket calls its job: a device may use these names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketNames {
    pub job_id: Option<String>,
    /// The `JobPartID` of every node.
    pub parts: BTreeSet<String>,
}

impl TicketNames {
    /// Reads a ticket; one that cannot be read names nothing.
    pub fn of(jdf: &str) -> Self {
        let document = Document::parse(jdf.as_bytes(), &Limits::default());
        let Ok(document) = document else {
            return Self::default();
        };
        let Ok(ticket) = Ticket::of(&document) else {
            return Self::default();
        };
        Self {
            job_id: ticket.root().job_id().map(str::to_owned),
            parts: ticket
                .nodes()
                .filter_map(JdfNode::job_part_id)
                .map(str::to_owned)
                .collect(),
        }
    }

    /// Whether the ticket has the part. Two tickets may have one `JobID`, when parts of a job went
    /// to devices as tickets of their own. What is not told does not contradict.
    pub fn has_part(&self, job_part_id: Option<&str>) -> bool {
        job_part_id.is_none_or(|part| self.parts.is_empty() || self.parts.contains(part))
    }
}

/// What is known of a ticket without reading it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketHead {
    pub names: TicketNames,
    /// The queue entry is held until somebody resumes it.
    pub hold: bool,
    /// The priority in the device's queue, 0 to 100.
    pub priority: Option<i64>,
}

impl TicketHead {
    /// Reads a ticket.
    pub fn of(ticket: &JobTicket) -> Self {
        Self {
            names: TicketNames::of(&ticket.jdf),
            hold: ticket.hold,
            priority: ticket.priority,
        }
    }
}

/// Keeps the ticket of a job that has its row.
pub(super) fn store(connection: &Connection, ticket: &JobTicket) -> Result<(), LedgerError> {
    connection
        .prepare_cached(
            "insert into job_ticket (job_key, head, ticket) values (?1, ?2, ?3)
             on conflict (job_key) do update set head = excluded.head, ticket = excluded.ticket",
        )?
        .execute(params![
            ticket.job_id.to_string(),
            text::to_json(&TicketHead::of(ticket)),
            text::to_json(ticket)
        ])?;
    Ok(())
}

/// The ticket of a job; none for a job that only a device knows, or that ended long ago.
pub(super) fn of(connection: &Connection, job_id: JobId) -> Result<Option<JobTicket>, LedgerError> {
    let found: Option<String> = connection
        .prepare_cached("select ticket from job_ticket where job_key = ?1")?
        .query_row([job_id.to_string()], |row| row.get(0))
        .optional()?;
    found.as_deref().and_then(read).transpose()
}

/// A stored ticket; none where upkeep has removed it.
pub(super) fn read(stored: &str) -> Option<Result<JobTicket, LedgerError>> {
    (!stored.is_empty()).then(|| text::json(stored, "ticket"))
}

/// The head as a row has it: stored, or read from the ticket of an older program.
pub(super) fn head(
    stored: Option<String>,
    ticket: Option<String>,
) -> Result<Option<TicketHead>, LedgerError> {
    match (stored, ticket) {
        (Some(head), _) => text::json(&head, "ticket head").map(Some),
        (None, Some(ticket)) => Ok(Some(TicketHead::of(&text::json(&ticket, "ticket")?))),
        (None, None) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_has_the_parts_of_its_nodes_and_no_others() {
        let ticket = r#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" ID="n" Type="Product" JobID="J" JobPartID="P0">
            <JDF ID="n1" Type="Cutting" JobPartID="P1"/></JDF>"#;
        let names = TicketNames::of(ticket);
        assert!(names.has_part(Some("P1")) && names.has_part(None));
        assert!(!names.has_part(Some("P2")));
        assert!(TicketNames::of("no ticket").has_part(Some("P2")));
    }
}
