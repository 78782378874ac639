//! One node against one description: its attributes, its resources, its links, what is inside it.

use std::collections::BTreeMap;

use super::description::{Most, most, named};
use super::issue::{Instance, Issue, Judgement, unavailable, unlisted};
use super::judge::{Judge, missing, must_be_there, too_many};
use super::policy::Policy;
use super::subject::Subject;
use crate::finding::Severity;
use crate::link::ResourceLink;
use crate::node::JdfNode;
use crate::resource::{CapabilityContext, DevCap, DevCaps, Ranges, State, View as _};
use crate::schema::ProcessFacts;
use crate::state::Usage;
use crate::value::tokens;
use crate::view::ElementRef;

/// A `DevCaps` with its alternatives and how often it was taken.
struct Described<'c> {
    caps: DevCaps<'c>,
    context: CapabilityContext,
    alternatives: Vec<DevCap<'c>>,
    count: usize,
}

impl<'c, 'd> Judge<'c, 'd, '_> {
    /// A node of a ticket.
    pub(super) fn node(&mut self, node: JdfNode<'d>) -> Judgement<'d> {
        let mut out = Judgement::default();
        let element = node.element();
        let subject = Subject::plain(element);
        out.instances.push(Instance {
            cap: self.description.element.id(),
            subject: subject.clone(),
            parent: None,
        });
        let states: Vec<State<'c>> = self
            .description
            .element
            .children()
            .filter_map(State::of)
            .collect();
        self.states(&states, &subject, &mut out);
        let mut described = self.described();
        for link in node.links() {
            self.link(node, link, &mut described, &mut out);
        }
        for described in &mut described {
            if described.context == CapabilityContext::Element {
                self.elements(described, &subject, &mut out);
            }
        }
        for described in &described {
            count_links(described, element, &mut out);
        }
        out
    }

    /// A message: the descriptions name its type, or an element inside it.
    pub(super) fn message(&mut self, message: ElementRef<'d>) -> Judgement<'d> {
        let mut out = Judgement::default();
        let subject = Subject::plain(message);
        out.instances.push(Instance {
            cap: self.description.element.id(),
            subject: subject.clone(),
            parent: None,
        });
        let mut described = self.described();
        for described in &mut described {
            let name = described.caps.name().unwrap_or_default();
            if message.attribute("Type") == Some(name) || message.local_name() == name {
                described.count += 1;
                self.take(described, std::slice::from_ref(&subject), &mut out);
            } else {
                self.elements(described, &subject, &mut out);
            }
        }
        for described in &described {
            count_links(described, message, &mut out);
        }
        out
    }

    fn described(&mut self) -> Vec<Described<'c>> {
        let mut all = Vec::new();
        for caps in self.description.dev_caps() {
            let (alternatives, lost) = self.description.alternatives(caps);
            if !lost.is_empty() {
                let what = "its `DevCapRef` names what is not in the pool";
                self.work.problem(caps.resource().element(), what);
            }
            all.push(Described {
                caps,
                context: caps.context().unwrap_or(CapabilityContext::Resource),
                alternatives,
                count: 0,
            });
        }
        all
    }

    fn link(
        &mut self,
        node: JdfNode<'d>,
        link: ResourceLink<'d>,
        described: &mut [Described<'c>],
        out: &mut Judgement<'d>,
    ) {
        let target = self
            .ticket
            .and_then(|ticket| ticket.by_id(link.rref().trim()));
        let usage = target.and_then(|target| target.attribute("ResourceUsage"));
        for context in [CapabilityContext::Link, CapabilityContext::Resource] {
            let fitting = fitting(described, &context, node, link, usage);
            let is_resource = context == CapabilityContext::Resource;
            if fitting.is_empty() {
                let has_any = described
                    .iter()
                    .any(|described| described.context == context);
                if is_resource && has_any {
                    out.issues.push(unknown_resource(link));
                }
                continue;
            }
            for index in &fitting {
                described[*index].count += 1;
            }
            let subjects = match target {
                // What is left when the work is used up is not looked at; the end of the check says so.
                Some(_) if is_resource && self.work.is_used_up() => continue,
                Some(target) if is_resource => {
                    self.work.step(target.descendants().count());
                    Subject::leaves(target, &link.parts())
                }
                // Where links lead is asked elsewhere.
                None if is_resource => continue,
                _ => vec![Subject::plain(link.element())],
            };
            // Several descriptions of one resource are alternatives, as those inside each are.
            let mut best: Option<Judgement<'d>> = None;
            for index in fitting {
                let mut found = Judgement::default();
                self.take(&described[index], &subjects, &mut found);
                if best.as_ref().is_none_or(|best| found.is_lighter_than(best)) {
                    best = Some(found);
                }
            }
            if let Some(best) = best {
                out.take(best, None);
            }
        }
    }

    /// Subjects that a `DevCaps` describes, each against the best of its alternatives.
    fn take(
        &mut self,
        described: &Described<'c>,
        subjects: &[Subject<'d>],
        out: &mut Judgement<'d>,
    ) {
        let caps = described.caps.resource().element();
        for subject in subjects {
            let mut found = Judgement::default();
            found.instances.push(Instance {
                cap: caps.id(),
                subject: subject.clone(),
                parent: None,
            });
            let element = subject.element();
            if let Some(hindrance) = self.description.unavailable(caps, self.scope) {
                let why = &hindrance.why;
                let name = element.local_name();
                let refers = named(caps);
                let message = format!("the device cannot use this `{name}` ({refers}): {why}");
                found
                    .issues
                    .push(unavailable(element, None, message, name, &hindrance));
            } else if let Some(best) = self.best(&described.alternatives, subject, 0) {
                found.take(best, Some(0));
            }
            out.take(found, None);
        }
    }

    /// Elements of the node or message: itself, or those inside.
    fn elements(
        &mut self,
        described: &mut Described<'c>,
        around: &Subject<'d>,
        out: &mut Judgement<'d>,
    ) {
        let name = described.caps.name().unwrap_or_default();
        let element = around.element();
        let found: Vec<Subject<'d>> = if element.is_jdf(name) {
            vec![around.clone()]
        } else {
            element.children_named(name).map(Subject::plain).collect()
        };
        described.count += found.len();
        self.take(described, &found, out);
    }
}

/// Whether there are enough and not too many of what a `DevCaps` describes.
fn count_links<'d>(described: &Described<'_>, at: ElementRef<'d>, out: &mut Judgement<'d>) {
    let caps = described.caps.resource().element();
    let name = described.caps.name().unwrap_or_default();
    // Without a word about it there may be any number.
    let mut alternatives = described.alternatives.iter();
    let most = alternatives.try_fold(0_usize, |sum, cap| match most(cap.resource().element()) {
        Most::Number(most) => Some(sum.saturating_add(most)),
        Most::Unsaid | Most::Unbounded => None,
    });
    if let Some(least) = must_be_there(caps, &described.alternatives)
        && described.count < least
    {
        out.issues
            .push(missing(at, name, caps, least, described.count));
    }
    if let Some(most) = most.filter(|most| *most > 0 && described.count > *most) {
        out.issues
            .push(too_many(at, name, caps, most, described.count));
    }
}

fn unknown_resource(link: ResourceLink<'_>) -> Issue<'_> {
    let at = link.element();
    let name = link.resource_name();
    let general = ProcessFacts::GENERAL_INPUTS.contains(&name);
    let severity = if general {
        Severity::Note
    } else {
        Policy::at(at, None).of_unknown()
    };
    let mut issue = unlisted(at, None, "resources", &[name], severity);
    let way = link.usage().unwrap_or(Usage::Input);
    issue.message = format!("the device does not know `{name}` as {way}");
    "a resource that the device describes".clone_into(&mut issue.expected);
    issue
}
/// The descriptions of a link or its resource; those that name its role come before those that name none.
fn fitting(
    described: &[Described<'_>],
    context: &CapabilityContext,
    node: JdfNode<'_>,
    link: ResourceLink<'_>,
    resource_usage: Option<&str>,
) -> Vec<usize> {
    let name = link.resource_name();
    let fits = |described: &Described<'_>| {
        let caps = described.caps;
        let named = caps.name().unwrap_or_default();
        described.context == *context
            && (named == name || named.strip_suffix("Link") == Some(name))
            && caps
                .link_usage()
                .is_none_or(|usage| Some(usage) == link.usage())
            && caps
                .process_usage()
                .is_none_or(|usage| Some(usage) == link.process_usage())
            && caps
                .resource_usage()
                .is_none_or(|usage| Some(usage) == resource_usage)
            && is_of_process(caps, node, link)
    };
    let all: Vec<usize> = (0..described.len())
        .filter(|index| fits(&described[*index]))
        .collect();
    let has_role = |index: &usize| described[*index].caps.process_usage().is_some();
    if all.iter().any(has_role) {
        return all.into_iter().filter(has_role).collect();
    }
    all
}

/// Whether the link belongs to one of the processes that the description is for.
fn is_of_process(caps: DevCaps<'_>, node: JdfNode<'_>, link: ResourceLink<'_>) -> bool {
    let types = node.types();
    let wanted = caps
        .resource()
        .element()
        .attribute("Types")
        .unwrap_or_default();
    let is_wanted = |name: &str| wanted.trim().is_empty() || tokens(wanted).any(|one| one == name);
    let occurrences = caps.type_occurrence();
    // Which of several processes of the same type each is.
    let mut seen: BTreeMap<&str, i64> = BTreeMap::new();
    let numbered: Vec<(&str, i64)> = types
        .iter()
        .map(|name| {
            let number = seen.entry(name).or_insert(-1);
            *number += 1;
            (*name, *number)
        })
        .collect();
    let of = link.combined_process_index();
    let fits = |(name, number): &(&str, i64)| {
        let is_among = |Ranges(ranges): &Ranges| {
            ranges
                .iter()
                .any(|[from, to]| from <= number && (number <= to || *to < 0))
        };
        is_wanted(name) && (of.is_empty() || occurrences.as_ref().is_none_or(is_among))
    };
    let mut meant = numbered
        .iter()
        .enumerate()
        .filter(|(index, _)| of.is_empty() || of.contains(index));
    types.is_empty() || meant.any(|(_, process)| fits(process))
}
