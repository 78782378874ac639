//! `agog-jdf parts`: every leaf of a partitioned resource with what holds for it.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;

use agog_jdf::resource::{Effective, Leaf, Origin};
use agog_jdf::{ElementRef, NodeId, Resource, Ticket};
use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};

use crate::output::{self, Output, clipped};

/// What is said once for the whole resource.
const OF_THE_WHOLE: &[&str] = &["Class", "ID", "PartIDKeys", "PartUsage"];
const TAG_CHARACTERS: usize = 160;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// A JDF ticket; `-` reads standard input.
    file: PathBuf,
    /// The `ID` of the resource. Without it the resources that have parts are listed.
    id: Option<String>,
    /// One JSON object per leaf and line.
    #[arg(long, requires = "id")]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> Result<ExitCode> {
    let file = &arguments.file;
    let document = crate::document(file)?;
    let ticket = Ticket::of(&document)?;
    let Some(id) = &arguments.id else {
        list(&ticket, output);
        return Ok(ExitCode::SUCCESS);
    };
    let resource = ticket.resource(id).with_context(|| {
        let file = file.display();
        format!("no element of `{file}` has the ID `{id}`; `agog-jdf parts {file}` lists those with parts")
    })?;
    let leaves = resource.leaves_with_keys();
    let names = resource.part_id_keys();
    if !arguments.json {
        output.line(title(resource, id, leaves.len()));
    }
    let mut known = Known::new();
    for leaf in &leaves {
        if output.is_closed() {
            break;
        }
        if arguments.json {
            output.exact(as_json(leaf, &names));
        } else {
            show(leaf, &names, &mut known, output);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list(ticket: &Ticket<'_>, output: &mut Output) {
    let root = ticket.document().root();
    for element in root.descendants() {
        let id = element.attribute("ID").filter(|_| element.is_of_jdf());
        let Some((id, resource)) = id.and_then(|id| Some((id, ticket.resource(id)?))) else {
            continue;
        };
        let is_first = resource.element() == element;
        if is_first && !element.is_jdf("JDF") && resource.partitions().next().is_some() {
            output.line(title(resource, id, resource.leaves_with_keys().len()));
        }
    }
}

fn title(resource: Resource<'_>, id: &str, leaves: usize) -> String {
    let name = resource.name();
    let described = resource
        .descriptive_name()
        .map(|text| format!(" \"{text}\""))
        .unwrap_or_default();
    if resource.partitions().next().is_none() {
        return format!("{name} {id}{described}: not divided into parts");
    }
    let noun = if leaves == 1 { "part" } else { "parts" };
    let keys = resource.part_id_keys().join(" ");
    format!("{name} {id}{described}: {leaves} {noun} by {keys}")
}

fn show<'d>(leaf: &Leaf<'d>, names: &[&str], known: &mut Known<'d>, output: &mut Output) {
    output.line("");
    output.line(keys_of(&leaf.keys));
    let attributes: Vec<(String, String)> = telling(leaf)
        .map(|attribute| {
            let said = format!("{}=\"{}\"", attribute.name, attribute.value);
            (said, origin(attribute.origin, names))
        })
        .collect();
    let width = attributes
        .iter()
        .filter(|(_, origin)| !origin.is_empty())
        .map(|(said, _)| said.chars().count())
        .max()
        .unwrap_or(0);
    for (said, origin) in attributes {
        output.line(format!("    {said:width$}  {origin}").trim_end());
    }
    for (tag, origin) in elements(leaf.resource, known) {
        output.line(format!("    {tag}  {origin}").trim_end());
    }
}

fn keys_of(keys: &[(&str, &str)]) -> String {
    if keys.is_empty() {
        return "(the whole resource)".to_owned();
    }
    let keys: Vec<String> = keys
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    keys.join(" ")
}

/// What holds for a leaf and is not in the headings already.
fn telling<'d>(leaf: &Leaf<'d>) -> impl Iterator<Item = Effective<'d>> {
    let is_key = |name: &str| leaf.keys.iter().any(|(key, _)| *key == name);
    leaf.resource
        .effective_attributes()
        .into_iter()
        .filter(move |attribute| !OF_THE_WHOLE.contains(&attribute.name) && !is_key(attribute.name))
}

fn origin(origin: Origin<'_>, names: &[&str]) -> String {
    match origin {
        Origin::Own => String::new(),
        Origin::Inherited(from) => format!("from {}", place(from, names)),
        Origin::Identical(with) => format!("identical with {}", place(with, names)),
    }
}

/// A part by its own key; the path of the whole resource would say less.
fn place(part: Resource<'_>, names: &[&str]) -> String {
    if part.whole() == part {
        return "the whole resource".to_owned();
    }
    let own: Vec<(&str, &str)> = names
        .iter()
        .filter_map(|name| Some((*name, part.element().attribute(name)?)))
        .collect();
    keys_of(&own)
}

/// The elements in a part that are no parts, by name. Each part is looked through once, however many leaves it has.
type Known<'d> = HashMap<NodeId, Rc<Vec<(&'d str, String)>>>;

/// The elements that hold for a part, by name: its own, or those of the nearest part around it that has some.
fn elements<'d>(leaf: Resource<'d>, known: &mut Known<'d>) -> Vec<(String, &'static str)> {
    let mut seen: HashSet<&str> = HashSet::new();
    let mut found = Vec::new();
    let mut around = Some(leaf.element());
    while let Some(part) = around.filter(|part| part.name() == leaf.element().name()) {
        let inside = known.entry(part.id()).or_insert_with(|| {
            let children = part.children();
            let is_told = |child: &ElementRef<'_>| child.is_of_jdf() && child.name() != part.name();
            let told = children.filter(is_told);
            Rc::new(told.map(|child| (child.local_name(), tag(child))).collect())
        });
        let inside = Rc::clone(inside);
        let new = inside.iter().filter(|(name, _)| !seen.contains(name));
        let from = if part == leaf.element() {
            ""
        } else {
            "inherited"
        };
        found.extend(new.map(|(_, tag)| (tag.clone(), from)));
        seen.extend(inside.iter().map(|(name, _)| name));
        around = part.parent();
    }
    found
}

fn tag(element: ElementRef<'_>) -> String {
    let is_empty = element.children().next().is_none();
    let end = if is_empty { "/>" } else { "> …" };
    clipped(&output::start_tag(element, end), TAG_CHARACTERS)
}

fn as_json(leaf: &Leaf<'_>, names: &[&str]) -> Value {
    let keys: Map<String, Value> = leaf
        .keys
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).into()))
        .collect();
    let attributes: Map<String, Value> = leaf
        .resource
        .effective_attributes()
        .iter()
        .map(|attribute| {
            let value =
                json!({ "value": attribute.value, "from": origin(attribute.origin, names) });
            (attribute.name.to_owned(), value)
        })
        .collect();
    json!({ "resource": leaf.resource.name(), "keys": keys, "attributes": attributes })
}
