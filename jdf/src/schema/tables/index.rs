//! One sorted index over the tables of all chapters, made by the compiler.

use super::super::{AttributeFacts, ElementFacts, Kind, ProcessFacts};
use super::{audit, capability, finishing, groups, intent, jmf, node, press, process_table};

/// Every chapter; an element is in one of them only.
const CHAPTERS: &[&[ElementFacts]] = &[
    node::NODE,
    node::LINKS,
    audit::AUDIT,
    press::PRESS,
    finishing::FINISHING,
    intent::INTENT,
    capability::CAPABILITY,
    jmf::MESSAGES,
];

static INDEX: [&ElementFacts; count(CHAPTERS)] = sorted_elements(CHAPTERS);
static PROCESSES: [&ProcessFacts; process_table::PROCESSES.len()] = sorted_processes();

/// What the specification says about the element `name` (without prefix). A link or reference to a resource
/// (`MediaLink`, `MediaRef`) gives the facts of `ResourceLink` or `ResourceRef`, as long as the resource has facts of its own or is
/// an input or output of a process.
///
/// ```
/// use agog_jdf::schema::{self, Kind};
/// assert!(schema::element("JDF").unwrap().attribute("Status").unwrap().required);
/// assert_eq!(schema::element("MediaRef").unwrap().kind, Kind::Ref);
/// assert_eq!(schema::element("InterpretingParamsLink").unwrap().kind, Kind::Link);
/// assert!(schema::element("CheeseRef").is_none());
/// ```
#[must_use]
pub fn element(name: &str) -> Option<&'static ElementFacts> {
    if let Some(facts) = exact(name) {
        return Some(facts);
    }
    let (resource, shared) = match name.strip_suffix("Link") {
        Some(resource) => (resource, "ResourceLink"),
        None => (name.strip_suffix("Ref")?, "ResourceRef"),
    };
    let is_resource = match exact(resource) {
        Some(facts) => matches!(facts.kind, Kind::Resource(_)),
        None => is_in_a_process(resource),
    };
    if is_resource { exact(shared) } else { None }
}

/// Every element of the tables, by name.
///
/// ```
/// assert!(agog_jdf::schema::elements().any(|element| element.name == "Component"));
/// ```
pub fn elements() -> impl Iterator<Item = &'static ElementFacts> {
    INDEX.iter().copied()
}

/// What the specification says about the process `name`, the `Type` of a node or an entry of its `Types`.
///
/// ```
/// use agog_jdf::schema;
/// let printing = schema::process("ConventionalPrinting").unwrap();
/// assert!(printing.inputs.iter().any(|port| port.resource == "Ink"));
/// assert!(schema::process("Knitting").is_none());
/// ```
#[must_use]
pub fn process(name: &str) -> Option<&'static ProcessFacts> {
    let index = PROCESSES
        .binary_search_by(|facts| facts.name.cmp(name))
        .ok()?;
    PROCESSES.get(index).copied()
}

/// Every process of the tables, by name.
///
/// ```
/// assert!(agog_jdf::schema::processes().any(|process| process.name == "Gluing"));
/// ```
pub fn processes() -> impl Iterator<Item = &'static ProcessFacts> {
    PROCESSES.iter().copied()
}

/// The keys by which a resource may be partitioned (values of `PartIDKeys` and attributes of `Part`), by name.
///
/// ```
/// use agog_jdf::schema::PARTITION_KEYS;
/// assert!(PARTITION_KEYS.iter().any(|key| key.name == "SheetName"));
/// ```
pub const PARTITION_KEYS: &[AttributeFacts] = groups::PARTITION;

fn exact(name: &str) -> Option<&'static ElementFacts> {
    let index = INDEX.binary_search_by(|facts| facts.name.cmp(name)).ok()?;
    INDEX.get(index).copied()
}

fn is_in_a_process(resource: &str) -> bool {
    let mut ports = PROCESSES
        .iter()
        .flat_map(|process| process.inputs.iter().chain(process.outputs));
    ports.any(|port| port.resource == resource)
}

const fn count(chapters: &[&[ElementFacts]]) -> usize {
    let (mut total, mut at) = (0, 0);
    while at < chapters.len() {
        total += chapters[at].len();
        at += 1;
    }
    total
}

/// `str` order in constants, where `Ord` cannot be called.
const fn is_before(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    let mut at = 0;
    while at < left.len() && at < right.len() {
        if left[at] != right[at] {
            return left[at] < right[at];
        }
        at += 1;
    }
    left.len() < right.len()
}

/// Sorts by shell sort, which needs no second array; the gaps are Ciura's.
macro_rules! sort_by_name {
    ($items:ident) => {
        let gaps = [701_usize, 301, 132, 57, 23, 10, 4, 1];
        let mut round = 0;
        while round < gaps.len() {
            let gap = gaps[round];
            let mut at = gap;
            while at < $items.len() {
                let item = $items[at];
                let mut hole = at;
                while hole >= gap && is_before(item.name, $items[hole - gap].name) {
                    $items[hole] = $items[hole - gap];
                    hole -= gap;
                }
                $items[hole] = item;
                at += 1;
            }
            round += 1;
        }
    };
}

const fn sorted_elements<const N: usize>(
    chapters: &'static [&'static [ElementFacts]],
) -> [&'static ElementFacts; N] {
    let mut items = [&chapters[0][0]; N];
    let (mut chapter, mut next) = (0, 0);
    while chapter < chapters.len() {
        let mut at = 0;
        while at < chapters[chapter].len() {
            items[next] = &chapters[chapter][at];
            next += 1;
            at += 1;
        }
        chapter += 1;
    }
    sort_by_name!(items);
    items
}

const fn sorted_processes<const N: usize>() -> [&'static ProcessFacts; N] {
    let mut items = [&process_table::PROCESSES[0]; N];
    let mut at = 0;
    while at < N {
        items[at] = &process_table::PROCESSES[at];
        at += 1;
    }
    sort_by_name!(items);
    items
}

/// The attributes of one element by name, so that the tables may list them in the order of the specification.
pub(crate) const fn sorted_attributes<const N: usize>(
    mut items: [AttributeFacts; N],
) -> [AttributeFacts; N] {
    sort_by_name!(items);
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_element_attribute_or_process_stands_twice() {
        for pair in INDEX.windows(2) {
            assert!(pair[0].name < pair[1].name, "{}", pair[0].name);
        }
        assert!(PROCESSES.windows(2).all(|pair| pair[0].name < pair[1].name));
        for facts in INDEX {
            assert!(
                facts
                    .attributes
                    .windows(2)
                    .all(|pair| pair[0].name < pair[1].name),
                "{}",
                facts.name
            );
        }
    }
}
