//! Links and references: whether they lead to a resource, of the right kind, in sight of the node.

use super::{Check, Level, Rule, detail, shown};
use crate::finding::Severity;
use crate::link::ResourceLink;
use crate::node::{JdfNode, NodeKind, Ticket};
use crate::schema;
use crate::view::ElementRef;

const TARGET_MISSING: Rule = Rule {
    code: "link-target-missing",
    severity: Severity::Error,
    level: Level::Tolerant,
    specification: "JDF 1.5, Resource Links: rRef",
};
const TARGET_KIND: Rule = Rule {
    code: "link-target-kind",
    severity: Severity::Error,
    level: Level::Tolerant,
    specification: "JDF 1.5, Resource Links",
};
const TARGET_SCOPE: Rule = Rule {
    code: "link-scope",
    severity: Severity::Warning,
    level: Level::Standard,
    specification: "JDF 1.5, Resource Links: rRef",
};
const USAGE_MISSING: Rule = Rule {
    code: "link-usage-missing",
    severity: Severity::Warning,
    level: Level::Tolerant,
    specification: "JDF 1.5, Resource Links: Usage",
};
const PART_UNKNOWN: Rule = Rule {
    code: "link-part-unknown",
    severity: Severity::Warning,
    level: Level::Standard,
    specification: "JDF 1.5, Resource Partitioning",
};
const PROCESS_UNKNOWN: Rule = Rule {
    code: "process-unknown",
    severity: Severity::Warning,
    level: Level::Standard,
    specification: "JDF 1.5, Processes",
};
const INPUT_MISSING: Rule = Rule {
    code: "process-resource-missing",
    severity: Severity::Note,
    level: Level::Strict,
    specification: "JDF 1.5, table of the process",
};
const COMBINED_INDEX: Rule = Rule {
    code: "combined-index",
    severity: Severity::Warning,
    level: Level::Standard,
    specification: "JDF 1.5, Combined Process Nodes",
};

pub(super) fn check<'d>(ticket: &Ticket<'d>, check: &mut Check<'d>) {
    for node in ticket.nodes() {
        process(node, check);
        for pool in node.element().children_named("ResourceLinkPool") {
            for element in pool.children() {
                if let Some(link) = ResourceLink::of(element) {
                    one(link, node, ticket, check);
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
        let finding = check.report(TARGET_MISSING, element, Some("rRef"), message);
        detail(finding, shown(rref), format!("the ID of a `{kind}`"));
        return None;
    };
    if found.is_of_jdf() && found.local_name() != kind && kind != "Resource" {
        let message = format!(
            "`{}` leads to a `{}`",
            element.local_name(),
            found.local_name()
        );
        let finding = check.report(TARGET_KIND, element, Some("rRef"), message);
        detail(finding, shown(rref), format!("the ID of a `{kind}`"));
        return None;
    }
    Some(found)
}

fn one<'d>(link: ResourceLink<'d>, node: JdfNode<'d>, ticket: &Ticket<'d>, check: &mut Check<'d>) {
    let element = link.element();
    if link.element().attribute("Usage").is_none() {
        let message = format!(
            "`{}` does not say whether it is input or output",
            element.local_name()
        );
        let finding = check.report(USAGE_MISSING, element, None, message);
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
                    COMBINED_INDEX,
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
        let finding = check.report(TARGET_SCOPE, element, Some("rRef"), message);
        detail(
            finding,
            shown(link.rref()),
            "a resource of this node or of one around it",
        );
    }
    if !check.tells(PART_UNKNOWN.level) {
        return;
    }
    let Some(resource) = ticket.resource(link.rref()) else {
        return;
    };
    // Good and waste are told apart by amounts, not by parts of the resource.
    let declared = resource.part_id_keys();
    for (part, mut keys) in element.children_named("Part").zip(link.parts()) {
        keys.retain(|name, _| declared.contains(&name.as_str()));
        if !keys.is_empty() && resource.select(&keys).is_empty() {
            let message = format!("`{}` has no such part", resource.name());
            let finding = check.report(PART_UNKNOWN, part, None, message);
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

fn process<'d>(node: JdfNode<'d>, check: &mut Check<'d>) {
    let element = node.element();
    let attribute = if element.attribute("Types").is_some() {
        "Types"
    } else {
        "Type"
    };
    for name in node.types() {
        let is_special = matches!(name, "Product" | "ProcessGroup" | "Combined");
        if schema::process(name).is_none() && !name.contains(':') && !is_special {
            let message = format!("`{}` is no process of JDF 1.5", shown(name));
            let finding = check.report(PROCESS_UNKNOWN, element, Some(attribute), message);
            detail(
                finding,
                shown(name),
                "a process, or a vendor's own with a prefix",
            );
        }
    }
    let is_process = node.kind() == NodeKind::Process;
    let facts = node
        .process_type()
        .filter(|_| is_process)
        .and_then(schema::process);
    let Some(facts) = facts.filter(|_| check.tells(INPUT_MISSING.level)) else {
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
            if let Some(finding) = check.report(INPUT_MISSING, element, Some(attribute), message) {
                finding.expected = Some(format!("a `{}Link` of the node", port.resource));
            }
        }
    }
}
