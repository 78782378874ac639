//! Partitioned resources: whether their parts can be told apart, and what of one part is said by another.

use super::partition::{Identical, Parts, is_partition_key};
use super::{Check, detail, rules, shown};
use crate::resource::Resource;
use crate::schema;
use crate::view::ElementRef;

/// What only the whole resource says (JDF 1.5, Resource Partitioning).
const OF_THE_WHOLE: [&str; 4] = ["ID", "Class", "PartIDKeys", "PartUsage"];

pub(super) fn check(check: &mut Check<'_>) {
    let root = check.document.root();
    for element in root.descendants().filter(|element| element.is_of_jdf()) {
        let is_part = element
            .parent()
            .is_some_and(|parent| parent.name() == element.name());
        let is_partitioned =
            element.attribute("PartIDKeys").is_some() || element.attribute("Class").is_some();
        if is_part || !is_partitioned || element.is_jdf("JDF") {
            continue;
        }
        let has_parts = element
            .children()
            .any(|child| child.name() == element.name());
        if has_parts {
            partitions(element, check);
        }
    }
}

fn partitions<'d>(element: ElementRef<'d>, check: &mut Check<'d>) {
    let facts = schema::element(element.local_name());
    // What the table of the resource itself has is no key where the list does not say so; `PreviewType` was an
    // attribute of previews before it was a key.
    let is_key =
        |name: &str| name != "PreviewType" && !facts.is_some_and(|facts| facts.has_own(name));
    let resource = Parts::of(Resource::of(element), is_key);
    let names = resource.names.join(" ");
    if element.attribute("PartIDKeys").is_none() {
        let message = format!("`{}` has parts but no `PartIDKeys`", element.local_name());
        let finding = check.report(rules::PART_KEYS_MISSING, element, None, message);
        let expected = format!("`PartIDKeys=\"{}\"`", shown(&names));
        detail(finding, "no `PartIDKeys`", expected);
    }
    for index in 0..resource.all.len() {
        keys(&resource, index, &names, check);
        identical(&resource, index, check);
        let part = resource.all[index].element;
        for name in OF_THE_WHOLE {
            let differs = |value: &&str| element.attribute(name) != Some(*value);
            if let Some(value) = part.attribute(name).filter(differs) {
                let message = format!("`{name}` belongs to the whole `{}`", part.local_name());
                let finding = check.report(rules::PART_ROOT_ONLY, part, Some(name), message);
                let whole = element.attribute(name).map(shown);
                let expected = whole.unwrap_or_else(|| format!("no `{name}` at a part"));
                detail(finding, shown(value), expected);
            }
        }
    }
}

fn keys<'d>(resource: &Parts<'d>, index: usize, names: &str, check: &mut Check<'d>) {
    let found = &resource.all[index];
    let part = found.element;
    if found.own.is_empty() {
        let message = format!(
            "the part has none of the keys of the `{}`",
            part.local_name()
        );
        let finding = check.report(rules::PART_KEY_LACKING, part, None, message);
        detail(finding, "no key", format!("one of `{}`", shown(names)));
    }
    let place = |name: &str| resource.names.iter().position(|listed| *listed == name);
    for (name, value) in &found.own {
        let Some(own) = place(name) else {
            if is_partition_key(name) {
                let message = format!("`PartIDKeys` does not list `{name}`");
                let finding = check.report(rules::PART_KEY_UNDECLARED, part, Some(name), message);
                detail(finding, shown(value), format!("one of `{}`", shown(names)));
            }
            continue;
        };
        // A key that comes earlier in the list must have been said further out, and once.
        let around = found.parent.map(|parent| &resource.all[parent].keys);
        let outer = around.into_iter().flatten();
        let wrong = outer
            .filter(|(other, _)| place(other).is_some_and(|other| other >= own))
            .map(|(other, _)| *other)
            .next();
        if let Some(other) = wrong {
            let message = if other == *name {
                format!("the resource is divided by `{name}` twice")
            } else {
                format!("the resource is divided by `{other}` before `{name}`")
            };
            let finding = check.report(rules::PART_KEY_ORDER, part, Some(name), message);
            let expected = format!("the order of `PartIDKeys`: {}", shown(names));
            detail(finding, *name, expected);
        }
    }
    // A part without a key of its own is told above.
    if !found.is_leaf || found.own.is_empty() {
        return;
    }
    if let Some(before) = resource.same_keys(index) {
        let message = format!("{} has the same keys", before.element.path());
        let said: Vec<String> = found
            .keys
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let finding = check.report(rules::PART_TWICE, part, None, message);
        detail(
            finding,
            shown(&said.join(" ")),
            "keys that no other part has",
        );
    }
}

fn identical<'d>(resource: &Parts<'d>, index: usize, check: &mut Check<'d>) {
    let target = resource.identical(index);
    let part = resource.all[index].element;
    let Some(identical) = part.child("Identical") else {
        return;
    };
    let said = identical.child("Part").map(|keys| {
        let keys = keys.attributes();
        let keys: Vec<String> = keys
            .map(|key| format!("{}={}", key.name, key.value))
            .collect();
        shown(&keys.join(" "))
    });
    let said = said.unwrap_or_default();
    let Identical::Part(target) = target else {
        let message = "no other part has the keys that `Identical` names".to_owned();
        let finding = check.report(rules::PART_IDENTICAL, part, None, message);
        detail(finding, said, "keys of another part");
        return;
    };
    let message = if resource.around(index).any(|around| around == target) {
        "the part is identical with itself".to_owned()
    } else if resource
        .around(target)
        .any(|around| resource.identical(around) != Identical::Nothing)
    {
        let target = resource.all[target].element.path();
        format!("{target} is itself identical with another part")
    } else {
        return;
    };
    let finding = check.report(rules::PART_IDENTICAL_CHAIN, part, None, message);
    detail(finding, said, "a part that says itself what it is");
}
