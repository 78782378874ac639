//! Tickets and messages against what a device says it can do (JDF 1.5, Device Capability Descriptions).
//!
//! For every node that the device runs, the description that fits its processes best is taken, and the node's
//! resources, links and elements are checked against it: values, what must be there, what may not, what is not known,
//! and which values do not go together. Resources are checked part by part, with what each part inherits.
//!
//! What is not described is not checked. `SettingsPolicy` of the ticket decides how grave it is when the device does
//! not know a setting (a note, unless the ticket insists) or cannot do it (an error, unless the ticket allows
//! something else). `AllowedValueDurationList`, macros, features, display groups and `Performance` are not interpreted.

mod action;
mod choose;
mod description;
mod issue;
mod judge;
mod limits;
mod node;
mod number;
mod pattern;
mod policy;
mod subject;
mod value;
mod words;
mod work;

use std::collections::HashSet;

use self::choose::{Wanted, runs};
use self::description::Description;
use self::issue::{Issue, Judgement};
use self::judge::Judge;
use self::work::Work;
use super::report::Report;
use super::{detail, rules, shown};
use crate::document::Document;
use crate::finding::Finding;
use crate::node::{JdfNode, NodeKind, Obstacle, Ticket};
use crate::resource::{DeviceCap, ExecutionPolicy, View as _};
use crate::value::parse_boolean;
use crate::view::ElementRef;

/// Which question is asked of a device.
///
/// ```
/// use agog_jdf::validate::Scope;
/// assert_eq!(Scope::default(), Scope::Allowed);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Scope {
    /// What it can ever do: the `Allowed…` values.
    #[default]
    Allowed,
    /// Also what it can do now, as it is set up: the `Present…` values, and what is disabled.
    Present,
}

/// Checks a ticket or a message against the capabilities of a device: `device` is an element that holds them somewhere,
/// such as a `Device`, a `DeviceCap`, or the root of a response to `KnownDevices` or `KnownMessages`. If it holds those
/// of several devices, the one that fits best is taken for each node.
///
/// Findings are about the ticket: line, column and path are those of its document, and the message names the part of
/// the description.
///
/// ```
/// use agog_jdf::validate::{Scope, check_capability};
/// use agog_jdf::{Document, Limits};
/// let press = br#"<Device xmlns="http://www.CIP4.org/JDFSchema_1_1"><DeviceCap Types="ConventionalPrinting"><DevCaps Name="Media" LinkUsage="Input">
///   <DevCap MaxOccurs="INF"><NumberState ID="weight" Name="Weight" AllowedValueMin="60" AllowedValueMax="400"/></DevCap></DevCaps></DeviceCap></Device>"#;
/// let ticket = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" ID="n" Type="ConventionalPrinting" Status="Waiting">
///   <ResourcePool><Media ID="m" Weight="500"/></ResourcePool>
///   <ResourceLinkPool><MediaLink rRef="m" Usage="Input"/></ResourceLinkPool></JDF>"#;
/// let press = Document::parse(press, &Limits::default())?;
/// let ticket = Document::parse(ticket, &Limits::default())?;
/// let findings = check_capability(&ticket, press.root(), Scope::Allowed);
/// assert_eq!((findings[0].code, findings[0].position.line), ("capability-value", 2));
/// assert_eq!((findings[0].found.as_deref(), findings[0].expected.as_deref()), (Some("500"), Some("60 to 400")));
/// assert_eq!(findings[0].message, "the device cannot do this `Weight` (`weight`)");
/// # Ok::<(), agog_jdf::Error>(())
/// ```
pub fn check_capability(document: &Document, device: ElementRef<'_>, scope: Scope) -> Vec<Finding> {
    let mut check = Check {
        report: Report::of(document),
        scope,
        work: Work::default(),
        told: HashSet::new(),
    };
    match Ticket::of(document) {
        Ok(ticket) => check.ticket(&ticket, device),
        Err(_) => check.messages(document, device),
    }
    for (place, what) in check.work.take_problems() {
        let message = format!("{place} of the device's description was left out: {what}");
        let rule = rules::CAPABILITY_DESCRIPTION;
        let finding = check.report.add(rule, document.root(), None, message);
        detail(finding, what, "a description that can be used");
    }
    check.report.finish()
}

struct Check<'d> {
    report: Report<'d>,
    scope: Scope,
    work: Work,
    /// What parts inherit is told once.
    told: HashSet<(crate::NodeId, Option<String>, String)>,
}

/// An element itself and all below it, of a name.
fn all_named<'c>(
    element: ElementRef<'c>,
    name: &'static str,
) -> impl Iterator<Item = ElementRef<'c>> {
    std::iter::once(element)
        .chain(element.descendants())
        .filter(move |element| element.is_jdf(name))
}

impl<'d> Check<'d> {
    fn ticket<'c>(&mut self, ticket: &Ticket<'d>, device: ElementRef<'c>) {
        let descriptions: Vec<(DeviceCap<'c>, Description<'c>)> = all_named(device, "DeviceCap")
            .map(|cap| {
                (
                    DeviceCap::over(crate::Resource::of(cap)),
                    Description::of(cap),
                )
            })
            .collect();
        if descriptions.is_empty() {
            let message = "the device does not describe what it can do".to_owned();
            let root = ticket.document().root();
            let finding = self
                .report
                .add(rules::CAPABILITY_DESCRIPTION, root, None, message);
            detail(
                finding,
                "no `DeviceCap`",
                "a `DeviceCap` in the description of the device",
            );
            return;
        }
        let mut others: Vec<JdfNode<'d>> = Vec::new();
        let mut is_run = vec![false; descriptions.len()];
        let mut runs_any = false;
        for node in candidates(ticket) {
            let wanted = Wanted::of(node);
            let mut best: Option<Judgement<'d>> = None;
            let mut is_left_by_policy = false;
            for (index, (cap, description)) in descriptions.iter().enumerate() {
                let is_open = match cap.execution_policy() {
                    Some(ExecutionPolicy::RootNode) => node.parent().is_none(),
                    Some(ExecutionPolicy::FirstFound) => !is_run[index],
                    _ => true,
                };
                if !wanted.fits(*cap, &mut self.work.patterns) {
                    continue;
                }
                if !is_open {
                    is_left_by_policy = true;
                    continue;
                }
                is_run[index] = true;
                let mut judge = Judge {
                    description,
                    ticket: Some(ticket),
                    scope: self.scope,
                    work: &mut self.work,
                };
                let mut found = judge.node(node);
                judge.actions(node.element(), &mut found);
                if best.as_ref().is_none_or(|best| found.is_lighter_than(best)) {
                    best = Some(found);
                }
            }
            match best {
                Some(best) => {
                    runs_any = true;
                    self.tell(best.issues);
                }
                None if is_left_by_policy => self.left_by_policy(node),
                // A group is run by its nodes, if not as a whole.
                None if node.children().next().is_some() => {}
                None => others.push(node),
            }
        }
        self.tell_others(&others, runs_any, &descriptions, ticket);
    }

    fn left_by_policy(&mut self, node: JdfNode<'d>) {
        let name = shown(node.display_name());
        let message =
            format!("the device does not run node `{name}`, which is not the first that it takes");
        let rule = rules::CAPABILITY_OTHER_NODE;
        let finding = self.report.add(rule, node.element(), None, message);
        let types = shown(&Wanted::of(node).in_words());
        detail(finding, types, "one node, as its `ExecutionPolicy` says");
    }

    /// Nodes that the device does not run.
    fn tell_others(
        &mut self,
        others: &[JdfNode<'d>],
        runs_any: bool,
        descriptions: &[(DeviceCap<'_>, Description<'_>)],
        ticket: &Ticket<'d>,
    ) {
        let words: Vec<String> = descriptions.iter().map(|(cap, _)| runs(*cap)).collect();
        let expected = shown(&words.join("; "));
        if !runs_any {
            let message = "the device runs no node of this ticket".to_owned();
            let root = ticket.document().root();
            let types: Vec<String> = others
                .iter()
                .map(|node| Wanted::of(*node).in_words())
                .collect();
            let finding = self.report.add(rules::CAPABILITY_NONE, root, None, message);
            detail(finding, shown(&types.join("; ")), expected);
            return;
        }
        for node in others {
            let name = shown(node.display_name());
            let message = format!("the device does not run node `{name}`");
            let types = Wanted::of(*node).in_words();
            let element = node.element();
            let finding = self
                .report
                .add(rules::CAPABILITY_OTHER_NODE, element, None, message);
            detail(finding, shown(&types), expected.clone());
        }
    }

    fn messages(&mut self, document: &'d Document, device: ElementRef<'_>) {
        let root = document.root();
        let services: Vec<Description<'_>> = all_named(device, "MessageService")
            .map(Description::of)
            .collect();
        if services.is_empty() {
            let message = "the device does not describe which messages it takes".to_owned();
            let finding = self
                .report
                .add(rules::CAPABILITY_DESCRIPTION, root, None, message);
            detail(
                finding,
                "no `MessageService`",
                "a response to `KnownMessages`",
            );
            return;
        }
        for message in root.children().filter(|child| child.is_of_jdf()) {
            let family = message.local_name();
            if !matches!(family, "Query" | "Command" | "Registration" | "Signal") {
                continue;
            }
            let name = message.attribute("Type").unwrap_or_default();
            let takes = |service: &&Description<'_>| {
                let said = service.element.attribute(family).and_then(parse_boolean);
                service.element.attribute("Type") == Some(name) && said == Some(true)
            };
            let mut best: Option<Judgement<'d>> = None;
            for description in services.iter().filter(takes) {
                let mut judge = Judge {
                    description,
                    ticket: None,
                    scope: self.scope,
                    work: &mut self.work,
                };
                let mut found = judge.message(message);
                judge.actions(message, &mut found);
                if best.as_ref().is_none_or(|best| found.is_lighter_than(best)) {
                    best = Some(found);
                }
            }
            if let Some(best) = best {
                self.tell(best.issues);
                continue;
            }
            let text = format!("the device takes no {family} `{}`", shown(name));
            let finding = self
                .report
                .add(rules::CAPABILITY_MESSAGE, message, Some("Type"), text);
            let known = services.iter().filter(|service| {
                service.element.attribute(family).and_then(parse_boolean) == Some(true)
            });
            let known: Vec<&str> = known
                .filter_map(|service| service.element.attribute("Type"))
                .collect();
            detail(
                finding,
                shown(name),
                shown(&format!("one of {}", known.join(", "))),
            );
        }
    }

    fn tell(&mut self, issues: Vec<Issue<'d>>) {
        for issue in issues {
            let key = (
                issue.at.id(),
                issue.attribute.clone(),
                issue.message.clone(),
            );
            if !self.told.insert(key) {
                continue;
            }
            let attribute = issue.attribute.as_deref();
            let finding = self
                .report
                .add(issue.rule, issue.at, attribute, issue.message);
            detail(finding, shown(&issue.found), issue.expected);
        }
    }
}

/// The nodes that a device may be asked to run: those that are not done; if all are, all the same.
fn candidates<'d>(ticket: &Ticket<'d>) -> Vec<JdfNode<'d>> {
    let is_leaf = |node: &JdfNode<'d>| node.children().next().is_none();
    let can_run = |node: &JdfNode<'d>| match node.obstacle() {
        None => true,
        Some(Obstacle::Product) => is_leaf(node),
        Some(Obstacle::HasChildren) => node.kind() == NodeKind::Group,
        Some(_) => false,
    };
    let open: Vec<JdfNode<'d>> = ticket.nodes().filter(can_run).collect();
    if open.iter().any(is_leaf) {
        return open;
    }
    ticket.nodes().filter(is_leaf).collect()
}
