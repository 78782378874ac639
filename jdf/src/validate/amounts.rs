//! Amounts: whether they are possible, and whether a whole is what its parts and the audits say.

use rust_decimal::Decimal;

use super::{Check, Level, detail, rules, shown};
use crate::link::ResourceLink;
use crate::node::{JdfNode, Ticket};
use crate::state::NodeStatus;
use crate::summary::ProductionSummary;
use crate::value::parse_decimal;
use crate::view::ElementRef;

pub(super) fn check<'d>(ticket: &Ticket<'d>, check: &mut Check<'d>) {
    for node in ticket.nodes() {
        for link in node.links() {
            signs(link.element(), check);
            sums(link, check);
        }
        made(node, check);
        audits(node, ticket, check);
    }
}

/// The link and its parts.
fn carriers(link: ElementRef<'_>) -> impl Iterator<Item = ElementRef<'_>> {
    let pools = link.children_named("AmountPool");
    std::iter::once(link).chain(pools.flat_map(|pool| pool.children_named("PartAmount")))
}

fn signs<'d>(link: ElementRef<'d>, check: &mut Check<'d>) {
    for carrier in carriers(link) {
        let amount = |name: &str| carrier.attribute(name).and_then(parse_decimal);
        for name in ["Amount", "ActualAmount", "MinAmount", "MaxAmount"] {
            if let Some(number) = amount(name).filter(|number| *number < Decimal::ZERO) {
                let message = format!("`{name}` is less than nothing");
                let finding = check.report(rules::AMOUNT_NEGATIVE, carrier, Some(name), message);
                detail(finding, number.to_string(), "0 or more");
            }
        }
        let Some(planned) = amount("Amount") else {
            continue;
        };
        let below = amount("MinAmount").filter(|least| planned < *least);
        let above = amount("MaxAmount").filter(|most| planned > *most);
        let bound = below.map(|least| ("MinAmount", least, "or more"));
        let bound = bound.or_else(|| above.map(|most| ("MaxAmount", most, "or less")));
        if let Some((name, bound, which)) = bound {
            let message = format!("`Amount` is beyond `{name}`");
            let finding = check.report(rules::AMOUNT_BOUNDS, carrier, Some("Amount"), message);
            detail(finding, planned.to_string(), format!("{bound} {which}"));
        }
    }
}

fn sums<'d>(link: ResourceLink<'d>, check: &mut Check<'d>) {
    let element = link.element();
    let amounts = link.amounts(&mut Vec::new());
    let sum = |of: fn(&crate::PartAmount) -> Option<Decimal>| {
        let parts = amounts.parts.iter();
        let good = parts
            .clone()
            .filter(|part| !part.is_waste())
            .filter_map(of)
            .reduce(Decimal::saturating_add)?;
        let all = parts.filter_map(of).reduce(Decimal::saturating_add)?;
        Some((good, all))
    };
    for (name, own, parts) in [
        ("Amount", amounts.amount, sum(|part| part.amount)),
        (
            "ActualAmount",
            amounts.actual_amount,
            sum(|part| part.actual_amount),
        ),
    ] {
        // Some writers count waste into the whole and some do not; both are understood.
        if let (Some(own), Some((good, all))) = (own, parts)
            && own != good
            && own != all
        {
            let message = format!("`{name}` is not what the parts add up to");
            let finding = check.report(rules::AMOUNTS_DIFFER, element, Some(name), message);
            let expected = if good == all {
                all.to_string()
            } else {
                format!("{good}, or {all} with waste")
            };
            detail(finding, own.to_string(), expected);
        }
    }
}

/// Whether a completed node says how much it made.
fn made<'d>(node: JdfNode<'d>, check: &mut Check<'d>) {
    let is_told = |link: ResourceLink<'d>| {
        carriers(link.element()).any(|carrier| carrier.attribute("ActualAmount").is_some())
    };
    if node.status() != Some(NodeStatus::Completed) || !check.tells(Level::Strict) {
        return;
    }
    let mut planned = node.outputs().filter(|link| {
        carriers(link.element()).any(|carrier| carrier.attribute("Amount").is_some())
    });
    if let Some(link) = planned.find(|link| !is_told(*link)) {
        let message = format!(
            "node `{}` is completed, but its output does not say how much was made",
            shown(node.display_name())
        );
        let finding = check.report(rules::AMOUNT_MISSING, link.element(), None, message);
        detail(finding, "no `ActualAmount`", "`ActualAmount`");
    }
}

/// Where audits, links and phases tell different amounts of one resource.
fn audits<'d>(node: JdfNode<'d>, ticket: &Ticket<'d>, check: &mut Check<'d>) {
    if node.audit_pool().is_none() || !check.tells(rules::AMOUNTS_DIFFER.level) {
        return;
    }
    let summary = ProductionSummary::of(node, ticket);
    let differing = summary
        .findings
        .into_iter()
        .filter(|finding| finding.code == rules::AMOUNTS_DIFFER.code);
    for finding in differing {
        let told = check.report(
            rules::AMOUNTS_DIFFER,
            node.element(),
            None,
            finding.message.clone(),
        );
        detail(told, finding.message, "the same amount everywhere");
    }
}
