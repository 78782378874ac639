//! What a returned node says it did, from its audits and links: times, good and waste, consumption by lot.
//!
//! A ticket may tell an amount three times. The resource audit is the device's closing word and wins;
//! without it the node's link (cumulative) counts, and without that the sum over the phases. Where they
//! disagree, that is a finding.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::amount::{Amounts, Lot, PartKeys};
use crate::audit::{Audit, AuditAmount, AuditContent, PhaseTime};
use crate::finding::{Finding, Severity};
use crate::jmf::Notification;
use crate::node::{JdfNode, Ticket};
use crate::state::{NodeStatus, Usage};

/// What one node did, from a returned ticket.
///
/// ```
/// use agog_jdf::{Document, Limits, NodeStatus, ProductionSummary, Ticket};
/// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" ID="n1" Type="Cutting" Status="InProgress">
///   <AuditPool><ProcessRun Start="2025-03-01T08:00:00Z" End="2025-03-01T09:30:00Z" EndStatus="Completed"/></AuditPool>
///   <ResourcePool><Component ID="c"/></ResourcePool>
///   <ResourceLinkPool><ComponentLink rRef="c" Usage="Output"><AmountPool>
///     <PartAmount ActualAmount="980"><Part Condition="Good"/></PartAmount>
///     <PartAmount ActualAmount="35"><Part Condition="Waste"/></PartAmount>
///   </AmountPool></ComponentLink></ResourceLinkPool></JDF>"#;
/// let document = Document::parse(source, &Limits::default())?;
/// let ticket = Ticket::of(&document)?;
/// let summary = ProductionSummary::of(ticket.root(), &ticket);
/// assert_eq!((summary.good, summary.waste), (980.into(), 35.into()));
/// assert_eq!(summary.end_status, Some(NodeStatus::Completed));
/// assert_eq!((summary.end.unwrap() - summary.start.unwrap()).to_string(), "PT5400S");
/// # Ok::<(), agog_jdf::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProductionSummary {
    /// When the first run began; without a run, the first phase.
    pub start: Option<Timestamp>,
    /// When the last run ended; without a run, the last phase that has an end.
    pub end: Option<Timestamp>,
    /// How the last run ended, else the status of the node.
    pub end_status: Option<NodeStatus>,
    /// What was made and is good, of the main output, in its unit; 0 if nothing was told.
    pub good: Decimal,
    /// What was made and is waste, of the main output, in its unit; 0 if nothing was told.
    pub waste: Decimal,
    /// Every input of which an actual amount or a lot is told, in the order of the links.
    pub consumed: Vec<ResourceUse>,
    /// Every output of which an actual amount or a lot is told, in the order of the links.
    pub produced: Vec<ResourceUse>,
    /// The phases, in the order they were written.
    pub phases: Vec<PhaseTime>,
    /// What the device had to say, in the order it was written.
    pub notifications: Vec<Notification>,
    /// What was odd: values that could not be read, amounts that disagree.
    pub findings: Vec<Finding>,
}

/// How much of one resource was used or made.
///
/// ```
/// use agog_jdf::ResourceUse;
/// let board = ResourceUse { resource_name: "Media".to_owned(), good: 980.into(), waste: 35.into(), ..ResourceUse::default() };
/// assert_eq!(board.total(), 1_015.into());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResourceUse {
    /// The ID of the resource in the ticket.
    pub rref: String,
    /// The kind of resource, such as `Media`.
    pub resource_name: String,
    /// The article number by which the office knows it.
    pub product_id: Option<String>,
    /// What people call it.
    pub descriptive_name: Option<String>,
    /// What became or is good, in the unit of the resource.
    pub good: Decimal,
    /// What became or is waste, in the unit of the resource.
    pub waste: Decimal,
    /// The lots, each once for good and once for waste.
    pub lots: Vec<LotUse>,
}

/// How much of one lot was used or made, and whether as waste.
///
/// ```
/// use agog_jdf::{Document, Limits, ProductionSummary, Ticket};
/// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" Type="Cutting"><ResourcePool><Media ID="m"/></ResourcePool>
///   <ResourceLinkPool><MediaLink rRef="m" Usage="Input"><AmountPool>
///     <PartAmount ActualAmount="35"><Lot LotID="R-17" ActualAmount="35"/><Part Condition="Waste"/></PartAmount>
///   </AmountPool></MediaLink></ResourceLinkPool></JDF>"#;
/// let document = Document::parse(source, &Limits::default())?;
/// let ticket = Ticket::of(&document)?;
/// let summary = ProductionSummary::of(ticket.root(), &ticket);
/// let lot = &summary.consumed[0].lots[0];
/// assert_eq!((lot.lot_id.as_str(), lot.amount, lot.is_waste), ("R-17", Some(35.into()), true));
/// # Ok::<(), agog_jdf::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LotUse {
    /// The number that the plant knows the lot by.
    pub lot_id: String,
    /// `None` if the lot is named without an amount.
    pub amount: Option<Decimal>,
    /// The amount went into waste.
    pub is_waste: bool,
}

impl ResourceUse {
    /// Good and waste together.
    ///
    /// ```
    /// use agog_jdf::ResourceUse;
    /// let ink = ResourceUse { good: "2.5".parse().unwrap(), waste: "0.25".parse().unwrap(), ..ResourceUse::default() };
    /// assert_eq!(ink.total().to_string(), "2.75");
    /// ```
    pub fn total(&self) -> Decimal {
        self.good.saturating_add(self.waste)
    }
}

/// The three places that may tell the amount of one resource.
#[derive(Default)]
struct Sources {
    rref: String,
    resource_name: String,
    usage: Option<Usage>,
    /// A later audit of the same use and parts replaces an earlier one.
    audits: BTreeMap<Told, Amounts>,
    links: BTreeMap<Told, Amounts>,
    phases: Vec<Amounts>,
}

/// Of which use and which parts of a resource an amount tells.
type Told = (Option<String>, Vec<PartKeys>);

/// The parts are those that the link names, else those that its amounts tell apart.
fn told(amount: &AuditAmount, parts: &[PartKeys]) -> Told {
    let by_amounts = || -> Vec<PartKeys> {
        let parts = amount.amounts.parts.iter().map(|part| {
            let mut keys = part.part.clone();
            keys.remove("Condition");
            keys
        });
        let parts: BTreeSet<PartKeys> = parts.filter(|keys| !keys.is_empty()).collect();
        parts.into_iter().collect()
    };
    let parts = [amount.parts.as_slice(), parts]
        .into_iter()
        .find(|parts| !parts.is_empty())
        .map_or_else(by_amounts, <[PartKeys]>::to_vec);
    (amount.process_usage.clone(), parts)
}

/// The sources of a node: one resource may go in and come out again.
#[derive(Default)]
struct AllSources {
    all: Vec<Sources>,
    by_resource: HashMap<String, Vec<usize>>,
}

impl AllSources {
    /// Those of the resource and usage of an amount. What does not say its usage means that of the link.
    fn of(&mut self, amount: &AuditAmount) -> &mut Sources {
        let known = self.by_resource.entry(amount.rref.clone()).or_default();
        let all = &mut self.all;
        let is_same = |at: &usize| {
            let usage = &all[*at].usage;
            usage.is_none() || amount.usage.is_none() || *usage == amount.usage
        };
        let at = known.iter().copied().find(is_same).unwrap_or_else(|| {
            known.push(all.len());
            all.push(Sources {
                rref: amount.rref.clone(),
                ..Sources::default()
            });
            all.len() - 1
        });
        let sources = &mut all[at];
        sources.resource_name.clone_from(&amount.resource_name);
        sources.usage = sources.usage.take().or_else(|| amount.usage.clone());
        sources
    }
}

impl ProductionSummary {
    /// Sums up a node of a returned ticket. Nothing here fails: what cannot be read or does not agree is in
    /// [`ProductionSummary::findings`].
    ///
    /// ```
    /// use agog_jdf::{Document, Limits, ProductionSummary, Ticket};
    /// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" Type="Cutting"><ResourcePool><Media ID="m"/></ResourcePool>
    ///   <AuditPool><ResourceAudit><MediaLink rRef="m" Usage="Input" ActualAmount="510"/></ResourceAudit></AuditPool>
    ///   <ResourceLinkPool><MediaLink rRef="m" Usage="Input" ActualAmount="500"/></ResourceLinkPool></JDF>"#;
    /// let document = Document::parse(source, &Limits::default())?;
    /// let ticket = Ticket::of(&document)?;
    /// let summary = ProductionSummary::of(ticket.root(), &ticket);
    /// assert_eq!(summary.consumed[0].good, 510.into(), "the audit is the device's closing word");
    /// assert_eq!(summary.findings[0].code, "amounts-differ");
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn of(node: JdfNode<'_>, ticket: &Ticket<'_>) -> Self {
        let mut summary = Self {
            end_status: node.status(),
            ..Self::default()
        };
        let mut sources = AllSources::default();
        for link in node.links() {
            let amount = AuditAmount::of(link, link.amounts(&mut summary.findings));
            let told = told(&amount, &[]);
            sources.of(&amount).links.insert(told, amount.amounts);
        }
        for audit in Audit::read_with(node, ticket, &mut summary.findings) {
            match audit.content {
                AuditContent::PhaseTime(phase) => {
                    for amount in &phase.amounts {
                        sources.of(amount).phases.push(amount.amounts.clone());
                    }
                    summary.phases.push(phase);
                }
                AuditContent::ProcessRun(run) => {
                    summary.start = [summary.start, run.start].into_iter().flatten().min();
                    summary.end = [summary.end, run.end].into_iter().flatten().max();
                    summary.end_status = Some(run.end_status);
                }
                AuditContent::ResourceAudit(audit) => {
                    if let Some(amount) = audit.actual {
                        let told = told(&amount, &audit.parts);
                        sources.of(&amount).audits.insert(told, amount.amounts);
                    }
                }
                AuditContent::Notification(notification) => {
                    summary.notifications.push(notification);
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

        for found in sources.all {
            let Some(used) = found.settle(node, ticket, &mut summary.findings) else {
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
        node: JdfNode<'_>,
        ticket: &Ticket<'_>,
        findings: &mut Vec<Finding>,
    ) -> Option<ResourceUse> {
        let rref = self.rref.as_str();
        let tells = |amounts: &&Amounts| amounts.actual_total().is_some();
        let audits: Vec<&Amounts> = self.audits.values().filter(tells).collect();
        let links: Vec<&Amounts> = self.links.values().filter(tells).collect();
        let phases: Vec<&Amounts> = self.phases.iter().filter(tells).collect();
        let total = |amounts: &[&Amounts]| {
            amounts
                .iter()
                .filter_map(|amounts| amounts.actual_total())
                .fold(Decimal::ZERO, Decimal::saturating_add)
        };
        let told: Vec<(&str, &Vec<&Amounts>)> = [
            ("the resource audits", &audits),
            ("the links", &links),
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
        }
        used.lots = add_up_lots(chosen.iter().flat_map(|amounts| amounts.all_lots()));
        // Devices that do not follow lots leave them out; the plan then tells which lot was meant.
        if used.lots.is_empty() {
            used.lots = add_up_lots(self.links.values().flat_map(Amounts::all_lots));
        }
        Some(used)
    }
}

/// Amounts of the same lot and kind add up; the lots stay in the order of their first mention.
fn add_up_lots<'a>(lots: impl Iterator<Item = (&'a Lot, bool)>) -> Vec<LotUse> {
    let mut uses: Vec<LotUse> = Vec::new();
    let mut places: HashMap<(&str, bool), usize> = HashMap::new();
    for (lot, is_waste) in lots {
        let place = *places.entry((&lot.lot_id, is_waste)).or_insert(uses.len());
        if let Some(known) = uses.get_mut(place) {
            known.amount = [known.amount, lot.actual_amount]
                .into_iter()
                .flatten()
                .reduce(Decimal::saturating_add);
        } else {
            uses.push(LotUse {
                lot_id: lot.lot_id.clone(),
                amount: lot.actual_amount,
                is_waste,
            });
        }
    }
    uses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_total_that_no_press_makes_is_capped_and_does_not_panic() {
        let used = ResourceUse {
            good: Decimal::MAX,
            waste: 1.into(),
            ..ResourceUse::default()
        };
        assert_eq!(used.total(), Decimal::MAX);
    }

    #[test]
    fn amounts_of_a_lot_add_up_apart_for_good_and_waste() {
        let lot = |id: &str, amount: Option<u32>| Lot {
            lot_id: id.to_owned(),
            actual_amount: amount.map(Decimal::from),
            ..Lot::default()
        };
        let lots = [
            (lot("b", Some(2)), false),
            (lot("a", None), false),
            (lot("b", Some(3)), true),
            (lot("b", Some(4)), false),
        ];
        let found: Vec<_> = add_up_lots(lots.iter().map(|(lot, is_waste)| (lot, *is_waste)))
            .into_iter()
            .map(|used| (used.lot_id, used.amount, used.is_waste))
            .collect();
        assert_eq!(
            found,
            [
                ("b".to_owned(), Some(6.into()), false),
                ("a".to_owned(), None, false),
                ("b".to_owned(), Some(3.into()), true),
            ]
        );
    }

    fn summary(inner: &str) -> ProductionSummary {
        let source = format!(
            "<JDF xmlns='http://www.CIP4.org/JDFSchema_1_1' ID='n' Type='Cutting' Status='Completed'>\
             <ResourcePool><Component ID='c' Class='Quantity'/></ResourcePool>{inner}</JDF>"
        );
        let document =
            crate::Document::parse(source.as_bytes(), &crate::Limits::default()).unwrap();
        let ticket = Ticket::of(&document).unwrap();
        ProductionSummary::of(ticket.root(), &ticket)
    }

    fn link(usage: &str, amount: u32, part: &str) -> String {
        format!(
            "<ComponentLink rRef='c' Usage='{usage}' ActualAmount='{amount}'>{part}</ComponentLink>"
        )
    }

    #[test]
    fn links_to_parts_of_one_resource_add_up() {
        let (one, two) = (
            link("Output", 90, "<Part SheetName='S1'/>"),
            link("Output", 40, "<Part SheetName='S2'/>"),
        );
        let summary = summary(&format!("<ResourceLinkPool>{one}{two}</ResourceLinkPool>"));
        assert_eq!((summary.good, summary.produced.len()), (130.into(), 1));
    }

    #[test]
    fn what_goes_in_and_comes_out_again_is_told_as_both() {
        let (into, out) = (link("Input", 100, ""), link("Output", 95, ""));
        let summary = summary(&format!("<ResourceLinkPool>{into}{out}</ResourceLinkPool>"));
        let goods = |uses: &[ResourceUse]| uses.iter().map(|used| used.good).collect::<Vec<_>>();
        assert_eq!(goods(&summary.consumed), [100.into()]);
        assert_eq!(goods(&summary.produced), [95.into()]);
        assert_eq!(summary.good, 95.into());
    }

    #[test]
    fn audits_of_parts_that_only_their_amounts_name_add_up_and_a_correction_replaces() {
        let audit = |sheet: &str, amount: u32| {
            format!(
                "<ResourceAudit><ComponentLink rRef='c' Usage='Output'><AmountPool><PartAmount ActualAmount='{amount}'>\
                 <Part SheetName='{sheet}' Condition='Good'/></PartAmount></AmountPool></ComponentLink></ResourceAudit>"
            )
        };
        let audits = [audit("S1", 90), audit("S2", 40), audit("S2", 41)].concat();
        let summary = summary(&format!("<AuditPool>{audits}</AuditPool>"));
        assert_eq!(summary.good, 131.into());
    }
}
