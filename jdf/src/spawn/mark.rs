//! The marks by which a ticket remembers what was copied for whom: `SpawnIDs`, `SpawnStatus` and `Locked` of a
//! resource or of parts of it.

use std::collections::HashSet;

use crate::document::{Document, NodeId};
use crate::error::Error;
use crate::value::tokens;

/// Whether a copy may be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    ReadOnly,
    ReadWrite,
}

/// The spawnings that an element is marked with.
pub(super) fn spawn_ids(document: &Document, id: NodeId) -> Vec<String> {
    let marked = document
        .element(id)
        .and_then(|element| element.attribute("SpawnIDs"));
    tokens(marked.unwrap_or_default())
        .map(str::to_owned)
        .collect()
}

/// Marks what stays in the parent.
pub(super) fn mark_original(
    document: &mut Document,
    id: NodeId,
    spawn_id: &str,
    access: Access,
) -> Result<(), Error> {
    let mut ids = spawn_ids(document, id);
    ids.push(spawn_id.to_owned());
    document.set_attribute(id, "SpawnIDs", &ids.join(" "))?;
    let status = document
        .element(id)
        .and_then(|element| element.attribute("SpawnStatus"));
    if access == Access::ReadWrite {
        document.set_attribute(id, "SpawnStatus", "SpawnedRW")?;
        document.set_attribute(id, "Locked", "true")?;
    } else if status != Some("SpawnedRW") {
        document.set_attribute(id, "SpawnStatus", "SpawnedRO")?;
    }
    Ok(())
}

/// Marks the copy in the new ticket.
pub(super) fn mark_copy(
    document: &mut Document,
    id: NodeId,
    spawn_id: &str,
    access: Access,
) -> Result<(), Error> {
    document.remove_attribute(id, "SpawnStatus")?;
    document.set_attribute(id, "SpawnIDs", spawn_id)?;
    if access == Access::ReadOnly {
        document.set_attribute(id, "Locked", "true")?;
    }
    Ok(())
}

/// Leaves only these spawnings as marks. Those by which the whole ticket was spawned say nothing of whether what is in
/// it was copied further; `writers` are the spawnings that may change it.
pub(super) fn set_marks(
    document: &mut Document,
    id: NodeId,
    ids: &[String],
    writers: &HashSet<String>,
) -> Result<(), Error> {
    if ids.is_empty() {
        document.remove_attribute(id, "SpawnIDs")?;
        document.remove_attribute(id, "SpawnStatus")?;
        return Ok(());
    }
    document.set_attribute(id, "SpawnIDs", &ids.join(" "))?;
    let own = document.root().attribute("SpawnID").map(str::to_owned);
    let mut away = ids.iter().filter(|id| Some(*id) != own.as_ref()).peekable();
    if away.peek().is_none() {
        document.remove_attribute(id, "SpawnStatus")?;
        return Ok(());
    }
    let status = if away.any(|id| writers.contains(id)) {
        "SpawnedRW"
    } else {
        "SpawnedRO"
    };
    document.set_attribute(id, "SpawnStatus", status)
}
