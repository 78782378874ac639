//! Attributes against the tables of JDF 1.5: what is missing, what cannot be read, what its version lacks.

use super::{Check, detail, rules, shown};
use crate::schema::{self, AttributeFacts, DataType, ElementFacts, Kind, Version};
use crate::value::parse_date_time;
use crate::view::ElementRef;

/// What every reader must take of one value (Base ICS, Conformance): octets and characters of any, characters of a
/// name, and names in a list, which with the spaces between them may be longer than another value.
const VALUE_BYTES_MAX: usize = 65_536;
const VALUE_CHARACTERS_MAX: usize = 20_480;
const NAME_CHARACTERS_MAX: usize = 63;
const NAMES_MAX: usize = 2_048;

pub(super) fn check(check: &mut Check<'_>) {
    let root = check.document.root();
    named_version(root, check);
    for element in std::iter::once(root).chain(root.descendants()) {
        if !element.is_of_jdf() {
            continue;
        }
        let facts = schema::element(element.local_name());
        lengths(element, facts, check);
        let Some(facts) = facts else {
            continue;
        };
        values(element, facts, check);
        if check.tells(rules::ATTRIBUTE_MISSING.level) {
            missing(element, facts, check);
        }
        element_version(element, facts, check);
    }
}

fn lengths<'d>(element: ElementRef<'d>, facts: Option<&ElementFacts>, check: &mut Check<'d>) {
    for attribute in element.attributes() {
        let known = facts.and_then(|facts| facts.attribute(attribute.name));
        let Some((found, expected)) = too_long(known.map(|known| known.data_type), attribute.value)
        else {
            continue;
        };
        let message = format!("`{}` has {found}", attribute.name);
        let finding = check.report(rules::VALUE_LENGTH, element, Some(attribute.name), message);
        detail(finding, shown(attribute.value), expected);
    }
}

/// How long a value is and how long it may be, if it is longer.
fn too_long(data_type: Option<DataType>, value: &str) -> Option<(String, String)> {
    // Nothing so short is too long as a value, a name or a list of names.
    if value.len() <= NAME_CHARACTERS_MAX {
        return None;
    }
    let beyond = |count: usize, limit: usize, what: &str| {
        (count > limit).then(|| (format!("{count} {what}"), format!("at most {limit} {what}")))
    };
    let name = |name: &str| {
        let what = "characters in a name";
        beyond(name.chars().count(), NAME_CHARACTERS_MAX, what)
    };
    match data_type {
        Some(DataType::Name) => name(value.trim()),
        Some(DataType::Names) => {
            let count = value.split_ascii_whitespace().count();
            beyond(count, NAMES_MAX, "names")
                .or_else(|| value.split_ascii_whitespace().find_map(name))
        }
        _ => beyond(value.len(), VALUE_BYTES_MAX, "octets")
            .or_else(|| beyond(value.chars().count(), VALUE_CHARACTERS_MAX, "characters")),
    }
}

/// The version that the document names, and the highest that it says it needs.
fn named_version<'d>(root: ElementRef<'d>, check: &mut Check<'d>) {
    let Some(named) = root.attribute("Version") else {
        return;
    };
    let highest = root.attribute("MaxVersion").and_then(Version::parse);
    let (message, expected) = match (Version::parse(named), highest) {
        (None, _) => ("the version is none of JDF 1.x", "1.0 to 1.9".to_owned()),
        (Some(version), Some(highest)) if version > highest => (
            "the version is above `MaxVersion`",
            format!("{highest} or less"),
        ),
        _ => return,
    };
    let rule = rules::VERSION_UNKNOWN;
    let finding = check.report(rule, root, Some("Version"), message.to_owned());
    detail(finding, shown(named), expected);
}

fn values<'d>(element: ElementRef<'d>, facts: &ElementFacts, check: &mut Check<'d>) {
    for attribute in element.attributes() {
        let name = attribute.name;
        if name.contains(':') || name == "xmlns" {
            continue;
        }
        let Some(known) = facts.attribute(name) else {
            let message = format!(
                "JDF 1.5 has no attribute `{name}` at `{}`",
                element.local_name()
            );
            let finding = check.report(rules::ATTRIBUTE_UNKNOWN, element, Some(name), message);
            let expected = "an attribute of JDF 1.5, or a vendor's own with a prefix";
            detail(finding, shown(attribute.value), expected);
            continue;
        };
        value(element, known, attribute.value, check);
        let version = check.version.map(|version| version.min(Version::V1_5));
        if let Some(version) = version.filter(|version| !known.is_in(*version)) {
            let message = format!("`{name}` is not an attribute of JDF {version}");
            let finding = check.report(rules::VERSION, element, Some(name), message);
            detail(finding, version.to_string(), span(known.first, known.last));
        }
    }
}

fn value<'d>(element: ElementRef<'d>, known: &AttributeFacts, text: &str, check: &mut Check<'d>) {
    // Whether IDs lead somewhere is asked where links are checked; how they are written, where IDs are.
    if matches!(
        known.data_type,
        DataType::Id | DataType::IdRef | DataType::IdRefs
    ) {
        return;
    }
    let Err(expected) = known.check(text) else {
        return;
    };
    let name = known.name;
    if known.data_type == DataType::DateTime
        && let Some(read) = parse_date_time(text)
    {
        let remark = read
            .remark
            .unwrap_or("the form differs from that of XML Schema");
        let finding = check.report(
            rules::DATE_FORM,
            element,
            Some(name),
            format!("`{name}`: {remark}"),
        );
        detail(finding, shown(text), expected.to_string());
        return;
    }
    let rule = if expected.values.is_empty() {
        rules::VALUE_TYPE
    } else {
        rules::VALUE_UNLISTED
    };
    let message = format!("`{name}` is not {expected}");
    let finding = check.report(rule, element, Some(name), message);
    detail(finding, shown(text), expected.to_string());
}

/// Attributes that only a resource in a pool must have: inside others they are left out.
const OF_POOLED_RESOURCES: [&str; 3] = ["ID", "Class", "Status"];

fn missing<'d>(element: ElementRef<'d>, facts: &ElementFacts, check: &mut Check<'d>) {
    let parent = element.parent();
    let is_resource = matches!(facts.kind, Kind::Resource(_));
    let is_pooled = parent.is_some_and(|parent| parent.is_jdf("ResourcePool"));
    let is_part = parent.is_some_and(|parent| parent.name() == element.name());
    let has_parts = element
        .children()
        .any(|child| child.name() == element.name());
    // What a part lacks it inherits, and what the whole lacks its parts may say.
    if element.local_name() != "JDF" && is_resource && (is_part || has_parts) {
        return;
    }
    for required in facts.required() {
        let is_exempt = is_resource && !is_pooled && OF_POOLED_RESOURCES.contains(&required.name);
        let version = check.version.unwrap_or(Version::V1_5).min(Version::V1_5);
        if is_exempt || !required.is_in(version) || element.attribute(required.name).is_some() {
            continue;
        }
        let message = format!("`{}` lacks `{}`", element.local_name(), required.name);
        let finding = check.report(rules::ATTRIBUTE_MISSING, element, None, message);
        let (name, expected) = (required.name, required.data_type.expected());
        detail(
            finding,
            format!("no `{name}`"),
            format!("`{name}`: {expected}"),
        );
    }
}

fn element_version<'d>(element: ElementRef<'d>, facts: &ElementFacts, check: &mut Check<'d>) {
    let version = check.version.map(|version| version.min(Version::V1_5));
    if let Some(version) = version.filter(|version| !facts.is_in(*version)) {
        let message = format!(
            "`{}` is not an element of JDF {version}",
            element.local_name()
        );
        let finding = check.report(rules::VERSION, element, None, message);
        detail(finding, version.to_string(), span(facts.first, facts.last));
    }
}

pub(super) fn span(first: Version, last: Option<Version>) -> String {
    match last {
        Some(last) => format!("JDF {first} to {last}"),
        None => format!("JDF {first} or later"),
    }
}
