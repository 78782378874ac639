//! What a returned node says it did, from its audits and links: times, good and waste, consumption by lot.
//!
//! A ticket may tell an amount three times. The resource audit is the device's closing word and wins;
//! without it the node's link (cumulative) counts, and without that the sum over the phases. Where they
//! disagree, that is a finding.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::amount::Amounts;
use crate::audit::{Audit, AuditAmount, AuditContent, PhaseTime};
use crate::finding::{Finding, Severity};
use crate::jmf::Notification;
use crate::node::{JdfNode, Ticket};
use crate::state::{NodeStatus, Usage};

/// What one node did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProductionSummary {
    pub start: Option<Timestamp>,
    pub end: Option<Timestamp>,
    /// How the last run ended, else the status of the node.
    pub end_status: Option<NodeStatus>,
    /// What was made and is good, of the main output.
    pub good: Decimal,
    /// What was made and is waste, of the main output.
    pub waste: Decimal,
    pub consumed: Vec<ResourceUse>,
    pub produced: Vec<ResourceUse>,
    pub phases: Vec<PhaseTime>,
    pub notifications: Vec<Notification>,
    pub findings: Vec<Finding>,
}

/// How much of one resource was used or made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResourceUse {
    pub rref: String,
    pub resource_name: String,
    pub product_id: Option<String>,
    pub descriptive_name: Option<String>,
    pub good: Decimal,
    pub waste: Decimal,
    pub lots: Vec<LotUse>,
}

/// How much of one lot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LotUse {
    pub lot_id: String,
    /// `None` if the lot is named without an amount.
    pub amount: Option<Decimal>,
    /// The amount went into waste.
    pub is_waste: bool,
}

impl ResourceUse {
    pub fn total(&self) -> Decimal {
        self.good + self.waste
    }
}

/// The three places that may tell the amount of one resource.
#[derive(Default)]
struct Sources {
    resource_name: String,
    usage: Option<Usage>,
    /// By partition: a later audit of the same part replaces an earlier one.
    audits: BTreeMap<Vec<BTreeMap<String, String>>, Amounts>,
    link: Option<Amounts>,
    phases: Vec<Amounts>,
}

impl ProductionSummary {
    /// Sums up a node of a returned ticket.
    pub fn of(node: JdfNode<'_>, ticket: &Ticket<'_>) -> Self {
        let mut summary = Self {
            end_status: node.status(),
            ..Self::default()
        };
        let mut sources: BTreeMap<String, Sources> = BTreeMap::new();
        let mut order: Vec<String> = Vec::new();
        let mut source = |amount: &AuditAmount, add: &dyn Fn(&mut Sources)| {
            if !sources.contains_key(&amount.rref) {
                order.push(amount.rref.clone());
            }
            let entry = sources.entry(amount.rref.clone()).or_default();
            entry.resource_name.clone_from(&amount.resource_name);
            entry.usage = entry.usage.clone().or_else(|| amount.usage.clone());
            add(entry);
        };
        for link in node.links() {
            let amount = AuditAmount::of(link, link.amounts(&mut summary.findings));
            source(&amount, &|entry| entry.link = Some(amount.amounts.clone()));
        }
        for audit in Audit::read_with(node, ticket, &mut summary.findings) {
            match audit.content {
                AuditContent::PhaseTime(phase) => {
                    for amount in &phase.amounts {
                        source(amount, &|entry| entry.phases.push(amount.amounts.clone()));
                    }
                    summary.phases.push(phase);
                }
                AuditContent::ProcessRun(run) => {
                    summary.start = [summary.start, run.start].into_iter().flatten().min();
                    summary.end = [summary.end, run.end].into_iter().flatten().max();
                    summary.end_status = Some(run.end_status);
                }
                AuditContent::ResourceAudit(audit) => {
                    if let Some(amount) = &audit.actual {
                        source(amount, &|entry| {
                            entry
                                .audits
                                .insert(amount.parts.clone(), amount.amounts.clone());
                        });
                    }
                }
                AuditContent::Notification(notification) => {
                    summary.notifications.push(notification.notification);
                }
                AuditContent::Created(_)
                | AuditContent::Modified(_)
                | AuditContent::Deleted(_)
                | AuditContent::Spawned(_)
                | AuditContent::Merged(_)
                | AuditContent::Other(_) => {}
            }
        }
        // Without a run, the phases tell the times.
        summary.start = summary
            .start
            .or_else(|| summary.phases.iter().filter_map(|phase| phase.start).min());
        summary.end = summary
            .end
            .or_else(|| summary.phases.iter().filter_map(|phase| phase.end).max());

        for rref in order {
            let found = &sources[&rref];
            let Some(used) = found.settle(&rref, node, ticket, &mut summary.findings) else {
                continue;
            };
            match found.usage {
                Some(Usage::Input) => summary.consumed.push(used),
                Some(Usage::Output) => summary.produced.push(used),
                _ => {}
            }
        }
        let main = node.main_output(ticket).map(|link| link.rref().to_owned());
        let main = summary
            .produced
            .iter()
            .find(|used| Some(&used.rref) == main.as_ref())
            .or(summary.produced.first());
        (summary.good, summary.waste) =
            main.map(|used| (used.good, used.waste)).unwrap_or_default();
        summary
    }
}

impl Sources {
    /// Decides which source counts. `None` if none tells an actual amount or a lot.
    fn settle(
        &self,
        rref: &str,
        node: JdfNode<'_>,
        ticket: &Ticket<'_>,
        findings: &mut Vec<Finding>,
    ) -> Option<ResourceUse> {
        let tells = |amounts: &&Amounts| amounts.actual_total().is_some();
        let audits: Vec<&Amounts> = self.audits.values().filter(tells).collect();
        let link: Vec<&Amounts> = self.link.iter().filter(tells).collect();
        let phases: Vec<&Amounts> = self.phases.iter().filter(tells).collect();
        let total = |amounts: &[&Amounts]| {
            amounts
                .iter()
                .filter_map(|amounts| amounts.actual_total())
                .fold(Decimal::ZERO, Decimal::saturating_add)
        };
        let told: Vec<(&str, &Vec<&Amounts>)> = [
            ("the resource audits", &audits),
            ("the links", &link),
            ("the phases", &phases),
        ]
        .into_iter()
        .filter(|(_, amounts)| !amounts.is_empty())
        .collect();
        let (first, chosen) = told.first()?;
        for (other, amounts) in &told[1..] {
            if total(amounts) != total(chosen) {
                findings.push(Finding::new(
                    Severity::Warning,
                    "amounts-differ",
                    format!(
                        "{} `{rref}`: {first} say {}, {other} say {}",
                        self.resource_name,
                        total(chosen).normalize(),
                        total(amounts).normalize()
                    ),
                    node.element().position(),
                ));
            }
        }
        let resource = ticket.resource(rref);
        let text = |name: &str| {
            resource
                .and_then(|resource| resource.attribute(name))
                .map(str::to_owned)
        };
        let mut used = ResourceUse {
            rref: rref.to_owned(),
            resource_name: self.resource_name.clone(),
            product_id: text("ProductID"),
            descriptive_name: text("DescriptiveName"),
            ..ResourceUse::default()
        };
        for amounts in *chosen {
            used.good = used
                .good
                .saturating_add(amounts.actual_good().unwrap_or_default());
            used.waste = used
                .waste
                .saturating_add(amounts.actual_waste().unwrap_or_default());
            for (lot, is_waste) in amounts.all_lots() {
                used.add_lot(&lot.lot_id, lot.actual_amount, is_waste);
            }
        }
        // Devices that do not follow lots leave them out; the plan then tells which lot was meant.
        if used.lots.is_empty() {
            for (lot, is_waste) in self.link.iter().flat_map(Amounts::all_lots) {
                used.add_lot(&lot.lot_id, lot.actual_amount, is_waste);
            }
        }
        Some(used)
    }
}

impl ResourceUse {
    /// Amounts of the same lot and kind add up.
    fn add_lot(&mut self, lot_id: &str, amount: Option<Decimal>, is_waste: bool) {
        match self
            .lots
            .iter_mut()
            .find(|lot| lot.lot_id == lot_id && lot.is_waste == is_waste)
        {
            Some(lot) => {
                lot.amount = [lot.amount, amount]
                    .into_iter()
                    .flatten()
                    .reduce(Decimal::saturating_add);
            }
            None => self.lots.push(LotUse {
                lot_id: lot_id.to_owned(),
                amount,
                is_waste,
            }),
        }
    }
}
