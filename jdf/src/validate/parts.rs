//! Partitioned resources and amounts: whether parts can be told apart, and whether numbers add up.

use std::collections::HashMap;

use rust_decimal::Decimal;

use super::{Check, Level, Rule, detail, shown};
use crate::finding::Severity;
use crate::link::ResourceLink;
use crate::node::Ticket;
use crate::resource::Resource;
use crate::view::ElementRef;

const KEYS_MISSING: Rule = Rule {
    code: "part-keys-missing",
    severity: Severity::Warning,
    level: Level::Standard,
    specification: "JDF 1.5, Resource Partitioning: PartIDKeys",
};
const KEY_LACKING: Rule = Rule {
    code: "part-key-lacking",
    severity: Severity::Warning,
    level: Level::Standard,
    ..KEYS_MISSING
};
const TWICE: Rule = Rule {
    code: "part-twice",
    severity: Severity::Error,
    level: Level::Tolerant,
    specification: "JDF 1.5, Resource Partitioning",
};
const IDENTICAL: Rule = Rule {
    code: "part-identical",
    severity: Severity::Warning,
    level: Level::Tolerant,
    specification: "JDF 1.5, Identical",
};
const AMOUNTS_DIFFER: Rule = Rule {
    code: "amounts-differ",
    severity: Severity::Warning,
    level: Level::Standard,
    specification: "JDF 1.5, Resource Amount",
};
const AMOUNT_NEGATIVE: Rule = Rule {
    code: "amount-negative",
    severity: Severity::Warning,
    level: Level::Tolerant,
    specification: "JDF 1.5, Resource Amount",
};

pub(super) fn check<'d>(ticket: &Ticket<'d>, check: &mut Check<'d>) {
    let root = check.document.root();
    for element in root.descendants().filter(|element| element.is_of_jdf()) {
        let is_part = element
            .parent()
            .is_some_and(|parent| parent.name() == element.name());
        let has_parts = element
            .children()
            .any(|child| child.name() == element.name());
        let is_partitioned =
            element.attribute("PartIDKeys").is_some() || element.attribute("Class").is_some();
        if !is_part && has_parts && is_partitioned && !element.is_jdf("JDF") {
            partitions(Resource::of(element), check);
        }
    }
    for link in ticket.nodes().flat_map(crate::node::JdfNode::links) {
        amounts(link, check);
    }
}

fn partitions<'d>(resource: Resource<'d>, check: &mut Check<'d>) {
    let element = resource.element();
    let names = resource.part_id_keys();
    if element.attribute("PartIDKeys").is_none() {
        let message = format!("`{}` has parts but no `PartIDKeys`", element.local_name());
        let finding = check.report(KEYS_MISSING, element, None, message);
        detail(
            finding,
            "no `PartIDKeys`",
            format!("`PartIDKeys=\"{}\"`", names.join(" ")),
        );
    }
    let mut seen: HashMap<Vec<(&str, &str)>, ElementRef<'d>> = HashMap::new();
    for leaf in resource.leaves_with_keys() {
        let part = leaf.resource.element();
        if part.child("Identical").is_some() && leaf.resource.identical().is_none() {
            let message = "no other part has the keys that `Identical` names".to_owned();
            check.report(IDENTICAL, part, None, message);
        }
        let has_key = names.iter().any(|name| part.attribute(name).is_some());
        if !has_key {
            let message = format!(
                "the part has none of the keys of the `{}`",
                part.local_name()
            );
            let finding = check.report(KEY_LACKING, part, None, message);
            detail(finding, "no key", format!("one of `{}`", names.join(" ")));
        }
        if leaf.keys.is_empty() {
            continue;
        }
        let said = leaf
            .keys
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let said = shown(&said.collect::<Vec<_>>().join(" "));
        if let Some(before) = seen.get(&leaf.keys) {
            let message = format!("{} has the same keys", before.path());
            let finding = check.report(TWICE, part, None, message);
            detail(finding, said, "keys that no other part has");
        } else {
            seen.insert(leaf.keys, part);
        }
    }
}

fn amounts<'d>(link: ResourceLink<'d>, check: &mut Check<'d>) {
    let element = link.element();
    let amounts = link.amounts(&mut Vec::new());
    for name in ["Amount", "ActualAmount"] {
        let parts = element
            .children_named("AmountPool")
            .flat_map(|pool| pool.children_named("PartAmount"));
        for carrier in std::iter::once(element).chain(parts) {
            let negative = carrier
                .attribute(name)
                .filter(|text| text.trim().starts_with('-'));
            if let Some(text) = negative.filter(|text| text.trim() != "-INF") {
                let finding = check.report(
                    AMOUNT_NEGATIVE,
                    carrier,
                    Some(name),
                    format!("`{name}` is less than nothing"),
                );
                detail(finding, shown(text), "0 or more");
            }
        }
    }
    let sum = |of: fn(&crate::PartAmount) -> Option<Decimal>| {
        let parts = amounts.parts.iter();
        let good = parts
            .clone()
            .filter(|part| !part.is_waste())
            .filter_map(of)
            .reduce(Decimal::saturating_add)?;
        let all = parts.filter_map(of).reduce(Decimal::saturating_add)?;
        Some((good, all))
    };
    for (name, own, parts) in [
        ("Amount", amounts.amount, sum(|part| part.amount)),
        (
            "ActualAmount",
            amounts.actual_amount,
            sum(|part| part.actual_amount),
        ),
    ] {
        // Some writers count waste into the whole and some do not; both are understood.
        if let (Some(own), Some((good, all))) = (own, parts)
            && own != good
            && own != all
        {
            let message = format!("`{name}` is not what the parts add up to");
            let finding = check.report(AMOUNTS_DIFFER, element, Some(name), message);
            detail(
                finding,
                own.to_string(),
                if good == all {
                    all.to_string()
                } else {
                    format!("{good}, or {all} with waste")
                },
            );
        }
    }
}
