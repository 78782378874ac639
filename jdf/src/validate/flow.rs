//! The order of work: nodes that wait for each other, and times that run backwards.

use super::{Check, detail, rules, shown};
use crate::node::Ticket;
use crate::order::Order;
use crate::value::parse_date_time;

/// Names that a finding tells of; more would not be read.
const NODES_SHOWN_MAX: usize = 10;

pub(super) fn check<'d>(ticket: &Ticket<'d>, check: &mut Check<'d>) {
    let order = Order::of(ticket);
    let names: Vec<&str> = order
        .stuck()
        .iter()
        .map(|node| node.display_name())
        .collect();
    let names = shown(&names.join(", "));
    for node in order.stuck() {
        let message = format!(
            "node `{}` can never start: {names} wait for each other",
            shown(node.display_name()),
        );
        let finding = check.report(rules::FLOW_CYCLE, node.element(), None, message);
        let before = order.waits_for(*node);
        let before = before.iter().map(|node| node.display_name());
        let before: Vec<&str> = before.take(NODES_SHOWN_MAX).collect();
        detail(
            finding,
            format!("waits for {}", shown(&before.join(", "))),
            "nodes that do not wait for this one",
        );
    }
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
                let finding = check.report(rules::AUDIT_TIMES, audit, Some("End"), message);
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
