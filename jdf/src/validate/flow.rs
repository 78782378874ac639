//! The order of work: nodes that wait for each other, and times that run backwards.

use super::{Check, Level, Rule, detail, shown};
use crate::finding::Severity;
use crate::node::Ticket;
use crate::order::Order;
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
    let order = Order::of(ticket);
    let names: Vec<&str> = order
        .stuck()
        .iter()
        .map(|node| node.display_name())
        .collect();
    for node in order.stuck() {
        let message = format!(
            "node `{}` can never start: {} wait for each other",
            node.display_name(),
            shown(&names.join(", "))
        );
        check.report(CYCLE, node.element(), None, message);
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
