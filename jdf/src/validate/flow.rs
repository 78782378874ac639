//! The order of work: nodes that wait for each other, and times that run backwards.

use std::collections::HashMap;

use super::{Check, Level, Rule, detail, shown};
use crate::finding::Severity;
use crate::node::{JdfNode, NodeKind, Ticket};
use crate::value::parse_date_time;

const CYCLE: Rule = Rule {
    code: "flow-cycle",
    severity: Severity::Error,
    level: Level::Tolerant,
    specification: "JDF 1.5, Execution Model",
};
const BACKWARDS: Rule = Rule {
    code: "audit-times",
    severity: Severity::Warning,
    level: Level::Tolerant,
    specification: "JDF 1.5, AuditPool",
};

pub(super) fn check<'d>(ticket: &Ticket<'d>, check: &mut Check<'d>) {
    // The processes of a gray box may run at different times, so it may feed what it waits for.
    let leaves: Vec<JdfNode<'d>> = ticket
        .nodes()
        .filter(|node| node.kind() != NodeKind::GrayBox && node.children().next().is_none())
        .collect();
    cycles(&leaves, check);
    for node in ticket.nodes() {
        let audits = node
            .audit_pool()
            .into_iter()
            .flat_map(crate::ElementRef::children);
        for audit in audits.filter(|audit| audit.is_jdf("PhaseTime") || audit.is_jdf("ProcessRun"))
        {
            let time = |name| audit.attribute(name).and_then(parse_date_time);
            if let (Some(start), Some(end)) = (time("Start"), time("End"))
                && end.timestamp < start.timestamp
            {
                let message = format!("the `{}` ends before it starts", audit.local_name());
                let finding = check.report(BACKWARDS, audit, Some("End"), message);
                let start = audit.attribute("Start").unwrap_or_default();
                detail(
                    finding,
                    audit.attribute("End").map(shown).unwrap_or_default(),
                    format!("not before {}", shown(start)),
                );
            }
        }
    }
}

/// Takes away, again and again, the nodes that wait for nothing; what is left waits for itself.
fn cycles<'d>(leaves: &[JdfNode<'d>], check: &mut Check<'d>) {
    let mut makers: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, node) in leaves.iter().enumerate() {
        for link in node.outputs() {
            makers.entry(link.rref()).or_default().push(index);
        }
    }
    let mut waiting = vec![0_usize; leaves.len()];
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); leaves.len()];
    for (index, node) in leaves.iter().enumerate() {
        let own: Vec<&str> = node.outputs().map(crate::ResourceLink::rref).collect();
        for link in node.inputs() {
            // A node that changes a resource has it as input and output; a part may come from elsewhere; and a
            // pipe flows while both run.
            let is_own = own.contains(&link.rref()) || !link.parts().is_empty();
            let is_pipe = link.element().attribute("PipeProtocol").is_some();
            for maker in makers
                .get(link.rref())
                .into_iter()
                .flatten()
                .filter(|_| !is_own && !is_pipe)
            {
                after[*maker].push(index);
                waiting[index] += 1;
            }
        }
    }
    let mut ready: Vec<usize> = (0..leaves.len())
        .filter(|index| waiting[*index] == 0)
        .collect();
    while let Some(index) = ready.pop() {
        for next in std::mem::take(&mut after[index]) {
            waiting[next] -= 1;
            if waiting[next] == 0 {
                ready.push(next);
            }
        }
    }
    // Nodes behind a cycle wait as well, but are not to blame: only those that something waiting waits for.
    let stuck: Vec<usize> = (0..leaves.len())
        .filter(|index| waiting[*index] > 0 && !after[*index].is_empty())
        .collect();
    let names: Vec<&str> = stuck
        .iter()
        .map(|index| leaves[*index].display_name())
        .collect();
    for index in &stuck {
        let message = format!(
            "node `{}` can never start: {} wait for each other",
            leaves[*index].display_name(),
            shown(&names.join(", "))
        );
        check.report(CYCLE, leaves[*index].element(), None, message);
    }
}
