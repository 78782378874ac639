//! Namespaces and IDs: whether the document is JDF at all, and whether references can mean one thing.

use std::collections::{HashMap, HashSet};

use super::rules::Rule;
use super::{Check, detail, rules, shown};
use crate::finding::Severity;
use crate::name;
use crate::schema::{self, Kind};
use crate::view::ElementRef;

pub(super) fn check(check: &mut Check<'_>) {
    namespace(check);
    let mut first: HashMap<&str, ElementRef<'_>> = HashMap::new();
    // Where nothing refers to the ID, nothing is lost.
    let mut used: Option<HashSet<&str>> = None;
    let mut next = Some(check.document.root());
    while let Some(element) = next {
        // A ticket inside a message or resource is a document of its own, and what is quoted of the ticket that
        // this one was spawned from is not here.
        let is_node =
            element.is_jdf("JDF") && element.parent().is_some_and(|parent| !parent.is_jdf("JDF"));
        if is_node || element.is_jdf("AncestorPool") {
            next = element.after();
            continue;
        }
        next = element.children().next().or_else(|| element.after());
        if !element.is_of_jdf() {
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
                let used = used.get_or_insert_with(|| linked(check.document.root()));
                let rule = Rule {
                    severity: if used.contains(id) {
                        Severity::Error
                    } else {
                        Severity::Warning
                    },
                    ..rules::ID_TWICE
                };
                let finding = check.report(rule, element, Some("ID"), message);
                detail(finding, shown(id), "an ID that is used once");
            }
        } else {
            first.insert(id, element);
        }
        if !is_nc_name(id) {
            let message = "an ID begins with a letter or `_` and has no colon or space".to_owned();
            let finding = check.report(rules::ID_FORM, element, Some("ID"), message);
            detail(finding, shown(id), "a name such as `n1646`");
        }
    }
}

/// The IDs that links and references name.
fn linked(root: ElementRef<'_>) -> HashSet<&str> {
    let elements = root.descendants().filter(|element| {
        let kind = schema::element(element.local_name()).map(|facts| facts.kind);
        matches!(kind, Some(Kind::Link | Kind::Ref))
    });
    let ids = elements.filter_map(|element| element.attribute("rRef"));
    ids.map(str::trim).collect()
}

fn is_nc_name(text: &str) -> bool {
    name::is_name(text) && !text.contains(':')
}

fn namespace(check: &mut Check<'_>) {
    let root = check.document.root();
    let named = root.namespace().unwrap_or_default();
    if !root.is_of_jdf() {
        if matches!(root.local_name(), "JDF" | "JMF") {
            let message = format!("`{}` is not in the namespace of JDF", root.name());
            let finding = check.report(rules::NAMESPACE_UNKNOWN, root, Some("xmlns"), message);
            detail(finding, shown(named), name::JDF);
        } else if !root.descendants().any(ElementRef::is_of_jdf) {
            let message = "nothing in the document is JDF or JMF".to_owned();
            let finding = check.report(rules::ROOT_UNKNOWN, root, None, message);
            detail(finding, shown(root.name()), "`JDF` or `JMF`");
        }
    } else if named != name::JDF {
        let message = "the namespace is read as JDF, but other readers may not know it".to_owned();
        let finding = check.report(rules::NAMESPACE_FORM, root, Some("xmlns"), message);
        detail(finding, shown(named), name::JDF);
    }
}
