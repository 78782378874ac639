//! The tables of `agog_jdf::schema` against the official XSD and against real tickets. Both belong to others and
//! are read where `AGOG_JDF_CORPUS` says; without it the tests pass and say so.

#[path = "schema/oracle.rs"]
mod oracle;

use agog_jdf::schema::{self, DataType, Version};
use agog_jdf::{Document, Limits};
use oracle::{Oracle, data_types};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What is covered today; a change may only raise it.
const ELEMENTS_MIN: usize = 333;
const ATTRIBUTES_MIN: usize = 6100;

/// Where the schema cannot say what the specification says, or says less, and why.
const XSD_IS_WRONG: &[(&str, &str)] = &[
    (
        "NodeInfo: until",
        "the version stands on its use inside a node; as a resource it is current",
    ),
    (
        "Position/@",
        "the name is also a span of an intent, which is another element",
    ),
    (
        "VarnishingParams/@VarnishMethod: values",
        "the schema has `Method` where the specification has `Independent`",
    ),
    (
        "Preview/@",
        "it is a resource, but the schema gives it the attributes of an element",
    ),
];

fn corpus() -> Option<PathBuf> {
    let root = std::env::var_os("AGOG_JDF_CORPUS");
    if root.is_none() {
        eprintln!("AGOG_JDF_CORPUS is not set: the tables are not compared");
    }
    Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(root?))
}

/// The schema gives keys to partitions and not to the root, with types of their own; `Part` is compared instead.
fn is_partition_key(name: &str) -> bool {
    schema::PARTITION_KEYS.iter().any(|key| key.name == name)
}

#[test]
fn the_tables_agree_with_the_official_schema() {
    let Some(corpus) = corpus() else { return };
    let oracle = Oracle::read(&corpus.join("xsd/JDF_1.5"));
    let index = oracle.index();
    let mut wrong = Vec::new();
    let (mut covered, mut known, mut lacking) = (0, 0, Vec::new());
    for name in index.element_names() {
        let uses = index.uses(name);
        if uses.is_empty() {
            continue;
        }
        let Some(facts) = schema::element(name) else {
            lacking.push(name);
            continue;
        };
        if facts.name != name {
            continue;
        }
        covered += 1;
        let (first, last) = index.life(name);
        if first.is_some_and(|first| first != facts.first) {
            wrong.push(format!("{name}: since {}, schema {first:?}", facts.first));
        }
        if last.is_some_and(|last| Some(last) != facts.last) {
            wrong.push(format!("{name}: until {:?}, schema {last:?}", facts.last));
        }
        for attribute in facts.attributes() {
            if facts.class().is_some() && is_partition_key(attribute.name) {
                continue;
            }
            let stated: Vec<_> = uses
                .iter()
                .filter_map(|of| of.get(attribute.name))
                .collect();
            let at = format!("{name}/@{}", attribute.name);
            let Some(one) = stated.first() else {
                wrong.push(format!("{at}: not in the schema"));
                continue;
            };
            known += 1;
            let required = stated.len() == uses.len() && stated.iter().all(|one| one.required);
            if required != attribute.required {
                wrong.push(format!(
                    "{at}: required {}, schema {required}",
                    attribute.required
                ));
            }
            if attribute.name == "Class" && facts.class().is_some() {
                continue;
            }
            let fits = |one: &&&oracle::Stated<'_>| {
                data_types(&one.type_name).is_none_or(|types| types.contains(&attribute.data_type))
            };
            if attribute.data_type != DataType::Any && !stated.iter().any(|one| fits(&one)) {
                wrong.push(format!(
                    "{at}: {:?}, schema {}",
                    attribute.data_type, one.type_name
                ));
            }
            let closed = matches!(attribute.data_type, DataType::Enum | DataType::Enums);
            let values: BTreeSet<&str> = stated.iter().flat_map(|one| index.values(one)).collect();
            let ours: BTreeSet<&str> = attribute.values.iter().copied().collect();
            if closed && !values.is_empty() && !ours.is_empty() && values != ours {
                let (more, less) = (ours.difference(&values), values.difference(&ours));
                let (more, less): (Vec<_>, Vec<_>) = (more.collect(), less.collect());
                wrong.push(format!(
                    "{at}: values, ours alone {more:?}, schema alone {less:?}"
                ));
            }
            let first = stated
                .iter()
                .map(|one| one.first.unwrap_or(Version::V1_0))
                .min();
            if first != Some(attribute.first) && first > Some(facts.first) {
                wrong.push(format!("{at}: since {}, schema {first:?}", attribute.first));
            }
            let ends = stated.iter().all(|one| one.last.is_some());
            let last = if ends {
                stated.iter().filter_map(|one| one.last).max()
            } else {
                None
            };
            if last != attribute.last {
                wrong.push(format!("{at}: until {:?}, schema {last:?}", attribute.last));
            }
        }
        for attribute in uses.iter().flat_map(BTreeMap::keys).copied() {
            if facts.attribute(attribute).is_none() {
                wrong.push(format!("{name}/@{attribute}: only in the schema"));
            }
        }
    }
    wrong.retain(|line| {
        !XSD_IS_WRONG
            .iter()
            .any(|(known, _)| line.starts_with(known))
    });
    wrong.sort();
    wrong.dedup();
    eprintln!(
        "{covered} elements with {known} attributes agree but for:\n{}",
        wrong.join("\n")
    );
    eprintln!(
        "{} elements are not in the tables: {}",
        lacking.len(),
        lacking.join(" ")
    );
    assert!(wrong.is_empty());
    assert!(
        covered >= ELEMENTS_MIN && known >= ATTRIBUTES_MIN,
        "coverage fell"
    );
}

/// Where the schema copied the links of another process, or leaves out what the specification lists.
const XSD_PROCESS_IS_WRONG: &[(&str, &str)] = &[
    (
        "Bending",
        "the schema has the links of a process on run lists, not on plates",
    ),
    (
        "ConventionalPrinting: Input ExposedMedia None",
        "plates are linked without a process usage in practice",
    ),
    (
        "ConventionalPrinting: Input RunList",
        "the schema requires a run list, which only describes the sheets",
    ),
    (
        "Cutting: Output",
        "media that are cut stay media, then there is no component",
    ),
    (
        "CylinderLayoutPreparation",
        "the schema has the links of ContoneCalibration",
    ),
    ("DieDesign", "the schema lists none"),
    (
        "PageAssigning: Input PageAssign",
        "the schema names the process instead of its parameters",
    ),
    ("Product: Input SizeIntent", "misspelt in the schema"),
    (
        "ProcessGroup",
        "a gray box is not a type of its own in the schema",
    ),
    ("QualityControl", "the schema lists the result as an input"),
    (
        "ShapeCutting: Input",
        "media may be cut to shape before anything is printed on them",
    ),
];

#[test]
fn the_processes_agree_with_the_official_schema() {
    let Some(corpus) = corpus() else { return };
    let oracle = Oracle::read(&corpus.join("xsd/JDF_1.5"));
    let index = oracle.index();
    let mut wrong = Vec::new();
    for facts in schema::processes() {
        let name = facts.name;
        let Some(process) = index.process(name) else {
            wrong.push(format!("{name}: not in the schema"));
            continue;
        };
        if process.life.0.unwrap_or(Version::V1_0) != facts.first || process.life.1 != facts.last {
            wrong.push(format!("{name}: life {:?}", process.life));
        }
        let mut ports = process.ports;
        for (usage, ours) in [("Input", facts.inputs), ("Output", facts.outputs)] {
            for port in ours {
                let count = (port.required, port.multiple);
                let found = ports.remove(&(usage, port.resource, port.process_usage));
                if found != Some(count) {
                    let at = format!("{name}: {usage} {} {:?}", port.resource, port.process_usage);
                    wrong.push(format!("{at}: {count:?}, schema {found:?}"));
                }
            }
        }
        let general = schema::ProcessFacts::GENERAL_INPUTS;
        ports.retain(|(usage, resource, _), _| *usage == "Output" || !general.contains(resource));
        wrong.extend(ports.keys().map(|(usage, resource, process_usage)| {
            format!("{name}: {usage} {resource} {process_usage:?}: only in the schema")
        }));
    }
    wrong.retain(|line| {
        !XSD_PROCESS_IS_WRONG
            .iter()
            .any(|(known, _)| line.starts_with(known))
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn real_tickets_hold_few_attributes_of_known_elements_that_the_tables_do_not_know() {
    let Some(corpus) = corpus() else { return };
    let oracle = Oracle::read(&corpus.join("xsd/JDF_1.5"));
    let index = oracle.index();
    let mut unknown: BTreeMap<String, usize> = BTreeMap::new();
    let mut elements: BTreeMap<String, usize> = BTreeMap::new();
    let (mut folders, mut total) = (vec![corpus.join("tickets")], 0_usize);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let Ok(document) = Document::parse(&std::fs::read(path).unwrap(), &Limits::default())
            else {
                continue;
            };
            for element in document
                .root()
                .descendants()
                .filter(|element| element.is_of_jdf())
            {
                let name = element.local_name();
                let facts = schema::element(name);
                if facts.is_none() {
                    *elements.entry(name.to_owned()).or_default() += 1;
                }
                for attribute in element
                    .attributes()
                    .map(|attribute| attribute.name.to_owned())
                {
                    if attribute.contains(':') || attribute == "xmlns" {
                        continue;
                    }
                    total += 1;
                    if facts.is_some_and(|facts| facts.attribute(&attribute).is_none()) {
                        *unknown.entry(format!("{name}/@{attribute}")).or_default() += 1;
                    }
                }
            }
        }
    }
    unknown.retain(|path, _| {
        let (name, attribute) = path.split_once("/@").unwrap();
        index.uses(name).iter().any(|of| of.contains_key(attribute))
    });
    let mut often: Vec<_> = elements.into_iter().collect();
    often.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    often.truncate(50);
    eprintln!(
        "{total} attributes; known to the schema alone: {unknown:?}\nelements without facts: {often:?}"
    );
    assert!(unknown.is_empty());
}
