//! Links and references: whether they lead to a resource, of the right kind, in sight of the node.

use std::collections::{BTreeMap, HashMap};

use super::attributes::span;
use super::{Check, detail, rules, shown};
use crate::document::NodeId;
use crate::link::ResourceLink;
use crate::node::{JdfNode, NodeKind, Ticket};
use crate::resource::Resource;
use crate::schema::{self, Version};
use crate::view::ElementRef;

/// Names of gray boxes in the conformance specifications, which tickets also write where they are not one.
const GRAY_BOXES: [&str; 9] = [
    "ContentCreation",
    "ImpositionPreparation",
    "ImpositionRIPing",
    "PlateMaking",
    "PlateSetting",
    "PrePressPreparation",
    "ProofAndPlateMaking",
    "ProofImaging",
    "RIPing",
];

pub(super) fn check<'d>(ticket: &Ticket<'d>, check: &mut Check<'d>) {
    let mut parts: HashMap<&str, ElementRef<'d>> = HashMap::new();
    let mut sought = PartsSought::default();
    for node in ticket.nodes() {
        process(node, check);
        let part = node.job_part_id().filter(|part| !part.trim().is_empty());
        if let Some(before) = part.and_then(|part| parts.insert(part, node.element())) {
            let message = format!("{} has the same `JobPartID`", before.path());
            let attribute = Some("JobPartID");
            let finding = check.report(rules::JOB_PART_TWICE, node.element(), attribute, message);
            detail(
                finding,
                shown(part.unwrap_or_default()),
                "a part of its own",
            );
        }
        for pool in node.element().children_named("ResourceLinkPool") {
            for element in pool.children() {
                if let Some(link) = ResourceLink::of(element) {
                    one(link, node, ticket, &mut sought, check);
                }
            }
        }
    }
    let references = check.document.root().descendants();
    for element in references.filter(|element| element.is_of_jdf()) {
        let name = element.local_name().strip_suffix("Ref");
        if let (Some(name), Some(rref)) = (name, element.attribute("rRef")) {
            target(element, name, rref, ticket, check);
        }
    }
}

/// The resource that an `rRef` names, if it is one of that kind.
fn target<'d>(
    element: ElementRef<'d>,
    kind: &str,
    rref: &str,
    ticket: &Ticket<'d>,
    check: &mut Check<'d>,
) -> Option<ElementRef<'d>> {
    let Some(found) = ticket.by_id(rref.trim()) else {
        let message = format!(
            "`{}` leads nowhere: nothing has this ID",
            element.local_name()
        );
        let finding = check.report(rules::LINK_TARGET_MISSING, element, Some("rRef"), message);
        detail(finding, shown(rref), format!("the ID of a `{kind}`"));
        return None;
    };
    if found.is_of_jdf() && found.local_name() != kind && kind != "Resource" {
        let message = format!(
            "`{}` leads to a `{}`",
            element.local_name(),
            found.local_name()
        );
        let finding = check.report(rules::LINK_TARGET_KIND, element, Some("rRef"), message);
        detail(finding, shown(rref), format!("the ID of a `{kind}`"));
        return None;
    }
    Some(found)
}

fn one<'d>(
    link: ResourceLink<'d>,
    node: JdfNode<'d>,
    ticket: &Ticket<'d>,
    parts: &mut PartsSought<'d>,
    check: &mut Check<'d>,
) {
    let element = link.element();
    if link.element().attribute("Usage").is_none() {
        let message = format!(
            "`{}` does not say whether it is input or output",
            element.local_name()
        );
        let finding = check.report(rules::LINK_USAGE_MISSING, element, None, message);
        detail(
            finding,
            "no `Usage`",
            "`Usage=\"Input\"` or `Usage=\"Output\"`",
        );
    }
    let types = node.types();
    if node.kind() == NodeKind::Combined && !types.is_empty() {
        for index in link.combined_process_index() {
            if index >= types.len() {
                let message = format!("the node has {} processes, counted from 0", types.len());
                let finding = check.report(
                    rules::COMBINED_INDEX,
                    element,
                    Some("CombinedProcessIndex"),
                    message,
                );
                detail(
                    finding,
                    index.to_string(),
                    format!("0 to {}", types.len() - 1),
                );
            }
        }
    }
    let Some(found) = target(element, link.resource_name(), link.rref(), ticket, check) else {
        return;
    };
    // The node that holds the pool of the resource must be this node or one around it.
    let owner = std::iter::successors(Some(found), |element| element.parent())
        .find(|element| element.is_jdf("JDF"));
    let mut around = std::iter::successors(Some(node.element()), |element| element.parent());
    if let Some(owner) = owner.filter(|owner| !around.any(|element| element == *owner)) {
        let message = format!(
            "the resource is in {}, out of sight of this node",
            owner.path()
        );
        let finding = check.report(rules::LINK_SCOPE, element, Some("rRef"), message);
        detail(
            finding,
            shown(link.rref()),
            "a resource of this node or of one around it",
        );
    }
    if !check.tells(rules::LINK_PART_UNKNOWN.level) {
        return;
    }
    let Some(resource) = ticket.resource(link.rref()) else {
        return;
    };
    for (part, mut keys) in element.children_named("Part").zip(link.parts()) {
        // Good and waste are told apart by amounts, not by parts of the resource.
        let declared = parts.declared(resource);
        keys.retain(|name, _| declared.contains(&name.as_str()));
        if !keys.is_empty() && !parts.has(resource, keys.clone()) {
            let message = format!("`{}` has no such part", resource.name());
            let finding = check.report(rules::LINK_PART_UNKNOWN, part, None, message);
            let said: Vec<String> = keys
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            detail(
                finding,
                shown(&said.join(" ")),
                "keys of a part that is there",
            );
        }
    }
}

/// Which parts resources have: looked for once for each set of keys, and not without end.
#[derive(Default)]
struct PartsSought<'d> {
    declared: HashMap<NodeId, Vec<&'d str>>,
    found: HashMap<(NodeId, BTreeMap<String, String>), bool>,
    looked_at: usize,
}

/// Parts that are looked at for all links of a document together: 10,000,000. A hostile ticket gets no answer
/// about its parts rather than a late one.
const PARTS_LOOKED_AT_MAX: usize = 10_000_000;

impl<'d> PartsSought<'d> {
    fn declared(&mut self, resource: Resource<'d>) -> &[&'d str] {
        let declared = self.declared.entry(resource.node_id());
        declared.or_insert_with(|| resource.part_id_keys())
    }

    fn has(&mut self, resource: Resource<'_>, keys: BTreeMap<String, String>) -> bool {
        let looked_at = &mut self.looked_at;
        let found = self.found.entry((resource.node_id(), keys));
        let (_, keys) = found.key().clone();
        *found.or_insert_with(|| {
            if *looked_at >= PARTS_LOOKED_AT_MAX {
                return true;
            }
            *looked_at += resource.element().descendants().count();
            !resource.select(&keys).is_empty()
        })
    }
}

fn process<'d>(node: JdfNode<'d>, check: &mut Check<'d>) {
    let element = node.element();
    let attribute = if element.attribute("Types").is_some() {
        "Types"
    } else {
        "Type"
    };
    // Gray boxes hold names of the conformance specifications, a list without an end.
    let is_gray = node.kind() == NodeKind::GrayBox;
    let version = check.version.map(|version| version.min(Version::V1_5));
    for name in node.types() {
        let is_special = matches!(name, "Product" | "ProcessGroup" | "Combined");
        let facts = schema::process(name);
        if let (Some(facts), Some(version)) = (facts, version)
            && !facts.is_in(version)
        {
            let message = format!("`{name}` is not a process of JDF {version}");
            let finding = check.report(rules::VERSION, element, Some(attribute), message);
            detail(finding, version.to_string(), span(facts.first, facts.last));
        }
        if facts.is_none()
            && !name.contains(':')
            && !is_special
            && !is_gray
            && !GRAY_BOXES.contains(&name)
        {
            let message = format!("`{}` is no process of JDF 1.5", shown(name));
            let finding = check.report(rules::PROCESS_UNKNOWN, element, Some(attribute), message);
            detail(
                finding,
                shown(name),
                "a process, or a vendor's own with a prefix",
            );
        }
    }
    if node.kind() == NodeKind::Combined && node.types().is_empty() {
        let message = "the combined node does not say which processes it combines".to_owned();
        let finding = check.report(rules::TYPES_MISSING, element, Some("Type"), message);
        detail(
            finding,
            "no `Types`",
            "`Types`: the processes in their order",
        );
    }
    let is_process = node.kind() == NodeKind::Process;
    let facts = node
        .process_type()
        .filter(|_| is_process)
        .and_then(schema::process);
    let Some(facts) = facts.filter(|_| check.tells(rules::PROCESS_RESOURCE_MISSING.level)) else {
        return;
    };
    let inputs = facts.inputs.iter().map(|port| ("input", port));
    for (way, port) in inputs.chain(facts.outputs.iter().map(|port| ("output", port))) {
        let mut links: Box<dyn Iterator<Item = ResourceLink<'_>>> = if way == "input" {
            Box::new(node.inputs())
        } else {
            Box::new(node.outputs())
        };
        if port.required && !links.any(|link| link.resource_name() == port.resource) {
            let message = format!("`{}` has no {way} `{}`", facts.name, port.resource);
            let rule = rules::PROCESS_RESOURCE_MISSING;
            let finding = check.report(rule, element, Some(attribute), message);
            let expected = format!("a `{}Link` of the node", port.resource);
            detail(finding, "no such link", expected);
        }
    }
}
