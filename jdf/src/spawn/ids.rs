//! IDs that are taken: what came back may have made elements whose IDs the parent has given to others meanwhile.

use std::collections::{HashMap, HashSet};

use crate::document::{Document, NodeId};
use crate::error::Error;
use crate::schema::{self, DataType};
use crate::value::tokens;
use crate::view::ElementRef;

/// An ID that is not taken, like the one that is wanted.
pub(super) fn free(wanted: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let mut id = wanted.to_owned();
    let mut number = 1_u64;
    while is_taken(&id) {
        number += 1;
        id = format!("{wanted}_{number}");
    }
    id
}

/// Every `ID` at and below an element, except below some elements.
pub(super) fn of<'d>(top: ElementRef<'d>, except: &HashSet<NodeId>) -> HashSet<&'d str> {
    let mut ids = HashSet::new();
    let mut stack = vec![top];
    while let Some(element) = stack.pop() {
        if !except.contains(&element.id()) {
            ids.extend(element.attribute("ID"));
            stack.extend(element.children());
        }
    }
    ids
}

/// Gives IDs new names, and everything that refers to them.
pub(super) fn rename(
    document: &mut Document,
    renamed: &HashMap<String, String>,
) -> Result<(), Error> {
    if renamed.is_empty() {
        return Ok(());
    }
    let root = document.root();
    let mut changes: Vec<(NodeId, String, String)> = Vec::new();
    for element in std::iter::once(root).chain(root.descendants()) {
        let facts = schema::element(element.local_name());
        for attribute in element.attributes() {
            let refers = matches!(attribute.name, "ID" | "rRef" | "rRefs")
                || facts
                    .and_then(|facts| facts.attribute(attribute.name))
                    .is_some_and(|facts| {
                        matches!(facts.data_type, DataType::IdRef | DataType::IdRefs)
                    });
            if !refers || !tokens(attribute.value).any(|id| renamed.contains_key(id)) {
                continue;
            }
            let ids: Vec<&str> = tokens(attribute.value)
                .map(|id| renamed.get(id).map_or(id, String::as_str))
                .collect();
            changes.push((element.id(), attribute.name.to_owned(), ids.join(" ")));
        }
    }
    for (id, name, value) in changes {
        document.set_attribute(id, &name, &value)?;
    }
    Ok(())
}
