//! Namespaces and IDs: whether the document is JDF at all, and whether references can mean one thing.

use std::collections::HashMap;

use super::{Check, Level, Rule, detail, shown};
use crate::finding::Severity;
use crate::name;
use crate::view::ElementRef;

const NAMESPACE_FORM: Rule = Rule {
    code: "namespace-form",
    severity: Severity::Note,
    level: Level::Standard,
    specification: "JDF 1.5, Usage of Namespaces",
};
const NAMESPACE_UNKNOWN: Rule = Rule {
    code: "namespace-unknown",
    severity: Severity::Error,
    level: Level::Tolerant,
    ..NAMESPACE_FORM
};
const ID_TWICE: Rule = Rule {
    code: "id-twice",
    severity: Severity::Error,
    level: Level::Tolerant,
    specification: "JDF 1.5, Resource: ID",
};
const ID_FORM: Rule = Rule {
    code: "id-form",
    severity: Severity::Note,
    level: Level::Strict,
    specification: "JDF 1.5, Data Types: ID",
};

pub(super) fn check(check: &mut Check<'_>) {
    namespace(check);
    let root = check.document.root();
    let mut first: HashMap<&str, ElementRef<'_>> = HashMap::new();
    for element in std::iter::once(root).chain(root.descendants()) {
        // A ticket inside a message or resource is a document of its own.
        if !element.is_of_jdf() || is_in_other_ticket(element) {
            continue;
        }
        let Some(id) = element.attribute("ID") else {
            continue;
        };
        if let Some(before) = first.get(id).copied() {
            // Old writers repeat the ID of a resource at its parts, where it means the same.
            let is_part = std::iter::successors(element.parent(), |parent| parent.parent())
                .take_while(|parent| parent.name() == element.name())
                .any(|parent| parent == before);
            if !is_part {
                let message = format!("`ID=\"{}\"` is also given at {}", shown(id), before.path());
                let finding = check.report(ID_TWICE, element, Some("ID"), message);
                detail(finding, shown(id), "an ID that is used once");
            }
        } else {
            first.insert(id, element);
        }
        if !is_nc_name(id) {
            let message = "an ID begins with a letter or `_` and has no colon or space".to_owned();
            let finding = check.report(ID_FORM, element, Some("ID"), message);
            detail(finding, shown(id), "a name such as `n1646`");
        }
    }
}

fn is_nc_name(text: &str) -> bool {
    name::is_name(text) && !text.contains(':')
}

/// Whether a JDF stands between the root and here that is no node of the root's tree, or the ticket that this
/// one was spawned from is quoted here.
fn is_in_other_ticket(element: ElementRef<'_>) -> bool {
    let around = std::iter::successors(Some(element), |element| element.parent());
    if around
        .into_iter()
        .any(|element| element.is_jdf("AncestorPool"))
    {
        return true;
    }
    std::iter::successors(Some(element), |element| element.parent())
        .filter(|element| element.is_jdf("JDF"))
        .any(|node| node.parent().is_some_and(|parent| !parent.is_jdf("JDF")))
}

fn namespace(check: &mut Check<'_>) {
    let root = check.document.root();
    let named = root.namespace().unwrap_or_default();
    if !root.is_of_jdf() {
        if matches!(root.local_name(), "JDF" | "JMF") {
            let message = format!("`{}` is not in the namespace of JDF", root.name());
            let finding = check.report(NAMESPACE_UNKNOWN, root, Some("xmlns"), message);
            detail(finding, shown(named), name::JDF);
        }
    } else if named != name::JDF {
        let message = "the namespace is read as JDF, but other readers may not know it".to_owned();
        let finding = check.report(NAMESPACE_FORM, root, Some("xmlns"), message);
        detail(finding, shown(named), name::JDF);
    }
}
