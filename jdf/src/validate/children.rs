//! Elements against the tables of JDF 1.5: what must be inside, how often, and what has no place there.

use std::collections::HashMap;

use super::{Check, detail, rules};
use crate::schema::{self, ElementFacts, Kind};
use crate::view::ElementRef;

/// What any element or resource may hold, beside its table (JDF 1.5, Generic Contents).
const ANYWHERE: [&str; 8] = [
    "Comment",
    "GeneralID",
    "Identical",
    "Location",
    "Part",
    "Preview",
    "QualityControlResult",
    "SourceResource",
];

pub(super) fn check(check: &mut Check<'_>) {
    if !check.tells(rules::ELEMENT_MISSING.level) {
        return;
    }
    let root = check.document.root();
    for element in std::iter::once(root).chain(root.descendants()) {
        let facts = schema::element(element.local_name()).filter(|_| element.is_of_jdf());
        if let Some(facts) = facts.filter(|facts| !facts.children().is_empty()) {
            one(element, facts, check);
        }
    }
}

fn one<'d>(element: ElementRef<'d>, facts: &ElementFacts, check: &mut Check<'d>) {
    let own = element.local_name();
    let mut count: HashMap<&str, u32> = HashMap::new();
    for child in element.children().filter(|child| child.is_of_jdf()) {
        let name = child.local_name();
        // A reference stands for the resource itself.
        let (name, known) = match (facts.child(name), name.strip_suffix("Ref")) {
            (None, Some(target)) => (target, facts.child(target)),
            (known, _) => (name, known),
        };
        let seen = count.entry(name).or_default();
        *seen += 1;
        if name == own {
            continue;
        }
        match known {
            Some(known) => {
                if let Some(most) = known.max.filter(|most| *seen > *most) {
                    let message = format!("`{own}` has more than {most} `{name}`");
                    let finding = check.report(rules::ELEMENT_TWICE, child, None, message);
                    detail(
                        finding,
                        format!("{seen} of them"),
                        format!("at most {most}"),
                    );
                }
            }
            None => misplaced(child, name, facts, check),
        }
    }
    let is_part = element
        .parent()
        .is_some_and(|parent| parent.name() == element.name());
    // What a part lacks it inherits, and what the whole lacks its parts may say.
    if own != "JDF" && (is_part || count.contains_key(own)) {
        return;
    }
    for known in facts.children().iter().filter(|known| known.min > 0) {
        let found = count.get(known.name).copied().unwrap_or_default();
        if found < known.min {
            let message = format!("`{own}` has no `{}`", known.name);
            let finding = check.report(rules::ELEMENT_MISSING, element, None, message);
            let expected = format!("`{}` inside `{own}`", known.name);
            detail(finding, format!("{found} of them"), expected);
        }
    }
}

fn misplaced<'d>(child: ElementRef<'d>, name: &str, facts: &ElementFacts, check: &mut Check<'d>) {
    // Pools hold any resource, messages any content, and terms of tests nest freely.
    let is_open = facts.name.ends_with("Pool")
        || matches!(facts.name, "ResourceInfo" | "ResourceCmdParams")
        || matches!(facts.kind, Kind::Message | Kind::Audit | Kind::Link)
        || ANYWHERE.contains(&name);
    if is_open || !check.tells(rules::ELEMENT_MISPLACED.level) {
        return;
    }
    let Some(known) = schema::element(name) else {
        return;
    };
    // Wishes of a customer are listed by their intents in several versions.
    if matches!(
        known.kind,
        Kind::Evaluation | Kind::State | Kind::Span | Kind::StringSpan
    ) {
        return;
    }
    let message = format!("JDF 1.5 has no `{name}` inside `{}`", facts.name);
    let finding = check.report(rules::ELEMENT_MISPLACED, child, None, message);
    let listed: Vec<&str> = facts.children().iter().map(|child| child.name).collect();
    detail(
        finding,
        name,
        super::shown(&format!("one of {}", listed.join(", "))),
    );
}
