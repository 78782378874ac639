//! One element against its description, with everything inside it.
//!
//! Where several descriptions may be meant, all are tried and the one that finds least is taken. Work is bounded:
//! descriptions nest 32 deep, and a check looks at 1,000,000 attributes; what is beyond is said not to be checked.

use std::collections::{BTreeMap, HashSet};

use super::Scope;
use super::description::{Description, is_required, least, named, occurs, spoken};
use super::issue::{Instance, Issue, Judgement, unavailable, unlisted};
use super::limits::{Fit, Limits};
use super::policy::{Policy, grade};
use super::subject::Subject;
use super::value::{is_in_namespace, value_of};
use super::work::Work;
use crate::finding::Severity;
use crate::node::Ticket;
use crate::resource::{DevCap, State, View as _};
use crate::validate::rules;
use crate::view::ElementRef;

/// How deep descriptions may nest.
const NESTED_MAX: usize = 32;

/// Attributes that every resource has, whatever device reads it.
const STRUCTURE: [&str; 16] = [
    "ID",
    "Class",
    "Status",
    "PartIDKeys",
    "PartUsage",
    "rRef",
    "rRefs",
    "Usage",
    "ProcessUsage",
    "CombinedProcessIndex",
    "SettingsPolicy",
    "BestEffortExceptions",
    "MustHonorExceptions",
    "OperatorInterventionExceptions",
    "Locked",
    "SpawnIDs",
];

/// Elements that are not settings: what they say is described elsewhere or for people.
const STRUCTURE_INSIDE: [&str; 14] = [
    "Comment",
    "GeneralID",
    "Part",
    "Identical",
    "AmountPool",
    "ResourcePool",
    "ResourceLinkPool",
    "AuditPool",
    "AncestorPool",
    "StatusPool",
    "JDF",
    "NodeInfo",
    "CustomerInfo",
    "SourceResource",
];

/// A check of a ticket against one description.
pub(super) struct Judge<'c, 'd, 'x> {
    pub(super) description: &'x Description<'c>,
    pub(super) ticket: Option<&'x Ticket<'d>>,
    pub(super) scope: Scope,
    pub(super) work: &'x mut Work,
}

impl<'c, 'd> Judge<'c, 'd, '_> {
    /// The description, of several, that finds least, with what it finds; `None` if there is none.
    pub(super) fn best(
        &mut self,
        caps: &[DevCap<'c>],
        subject: &Subject<'d>,
        depth: usize,
    ) -> Option<Judgement<'d>> {
        let mut best: Option<Judgement<'d>> = None;
        for cap in caps {
            let found = self.element(*cap, subject, depth);
            // What was cut short found less, and is no better for that.
            if best.is_some() && self.work.is_used_up() {
                break;
            }
            let is_clean = found.issues.is_empty();
            if best.as_ref().is_none_or(|best| found.is_lighter_than(best)) {
                best = Some(found);
            }
            if is_clean {
                break;
            }
        }
        best
    }

    /// An element against one description. Where references lead back to an element that is being checked against the
    /// same description, it is not checked again.
    fn element(&mut self, cap: DevCap<'c>, subject: &Subject<'d>, depth: usize) -> Judgement<'d> {
        let here = (cap.resource().element().id(), subject.element().id());
        if self.work.active.contains(&here) {
            return Judgement::default();
        }
        self.work.active.push(here);
        let judged = self.element_once(cap, subject, depth);
        self.work.active.pop();
        judged
    }

    fn element_once(
        &mut self,
        cap: DevCap<'c>,
        subject: &Subject<'d>,
        depth: usize,
    ) -> Judgement<'d> {
        let described = cap.resource().element();
        let mut out = Judgement::default();
        out.instances.push(Instance {
            cap: described.id(),
            subject: subject.clone(),
            parent: None,
        });
        if depth > NESTED_MAX {
            let what = "it nests too deep to be checked";
            self.work.problem(described, what);
        }
        if depth > NESTED_MAX || !self.work.step(1) {
            return out;
        }
        if let Some(hindrance) = self.description.unavailable(described, self.scope) {
            let element = subject.element();
            let why = &hindrance.why;
            let message = format!(
                "the device cannot use this `{}` ({}): {why}",
                element.local_name(),
                named(described)
            );
            out.issues.push(unavailable(
                element,
                None,
                message,
                element.local_name(),
                &hindrance,
            ));
            return out;
        }
        let states: Vec<State<'c>> = cap.states().collect();
        self.states(&states, subject, &mut out);
        self.unlisted_attributes(&states, subject, &mut out);
        self.inside(cap, subject, depth, &mut out);
        out
    }

    /// The attributes of an element against what is said of them. Several descriptions of one attribute are
    /// alternatives.
    pub(super) fn states(
        &mut self,
        states: &[State<'c>],
        subject: &Subject<'d>,
        out: &mut Judgement<'d>,
    ) {
        let mut groups: BTreeMap<Option<&str>, Vec<State<'c>>> = BTreeMap::new();
        for state in states {
            groups.entry(state.name()).or_default().push(*state);
        }
        for group in groups.values() {
            let mut issues: Option<Vec<Issue<'d>>> = None;
            for state in group {
                if !self.work.step(subject.depth()) {
                    return;
                }
                let found = self.state(*state, subject);
                let is_fewer = issues
                    .as_ref()
                    .is_none_or(|issues| found.len() < issues.len());
                if is_fewer {
                    issues = Some(found);
                }
            }
            out.issues.extend(issues.unwrap_or_default());
        }
    }

    fn state(&mut self, state: State<'c>, subject: &Subject<'d>) -> Vec<Issue<'d>> {
        let described = state.element();
        let name = state.name().unwrap_or("text");
        let spoken = spoken(described)
            .map(|words| format!(" ({words})"))
            .unwrap_or_default();
        let Some(value) = value_of(state, subject) else {
            return self.absent(state, subject, name, &spoken);
        };
        let refers = named(described);
        if let Some(hindrance) = self.description.unavailable(described, self.scope) {
            let why = &hindrance.why;
            let message = format!("the device cannot use `{name}`{spoken} ({refers}): {why}");
            let attribute = value.attribute.as_deref();
            return vec![unavailable(
                value.at,
                attribute,
                message,
                &value.text,
                &hindrance,
            )];
        }
        let policy = Policy::at(value.at, value.attribute.as_deref());
        for (scope, rule) in [
            (Scope::Allowed, rules::CAPABILITY_VALUE),
            (Scope::Present, rules::CAPABILITY_VALUE_NOW),
        ] {
            let limits = Limits::of_state(state, scope);
            match limits.fit(&value.text, &mut self.work.patterns) {
                Fit::Yes => {}
                Fit::Unknown => {
                    let what = "its regular expression or kind cannot be used";
                    self.work.problem(described, what);
                }
                Fit::No => {
                    let message = match scope {
                        Scope::Allowed => {
                            format!("the device cannot do this `{name}`{spoken} ({refers})")
                        }
                        Scope::Present => {
                            format!(
                                "the device cannot do this `{name}`{spoken} as it is set up now ({refers})"
                            )
                        }
                    };
                    let severity = match scope {
                        Scope::Allowed => policy.of_impossible(),
                        Scope::Present => policy.of_impossible().min(rule.severity),
                    };
                    return vec![Issue {
                        rule: grade(rule, severity),
                        at: value.at,
                        attribute: value.attribute,
                        message,
                        found: value.text,
                        expected: limits.in_words(),
                    }];
                }
            }
            if self.scope == Scope::Allowed {
                break;
            }
        }
        Vec::new()
    }

    fn absent(
        &mut self,
        state: State<'c>,
        subject: &Subject<'d>,
        name: &str,
        spoken: &str,
    ) -> Vec<Issue<'d>> {
        let severity = if state.is_required() {
            Severity::Error
        } else if state.has_default() {
            return Vec::new();
        } else {
            Severity::Note
        };
        let refers = named(state.element());
        let message = if state.is_required() {
            format!("the device needs `{name}`{spoken} ({refers})")
        } else {
            format!(
                "`{name}`{spoken} is not said and the device has no value of its own ({refers})"
            )
        };
        vec![Issue {
            rule: grade(rules::CAPABILITY_MISSING, severity),
            at: subject.element(),
            attribute: None,
            message,
            found: format!("no `{name}`"),
            expected: Limits::of_state(state, self.scope).in_words(),
        }]
    }

    /// The attributes that the description does not have, told together.
    fn unlisted_attributes(
        &mut self,
        states: &[State<'c>],
        subject: &Subject<'d>,
        out: &mut Judgement<'d>,
    ) {
        let generic = self
            .description
            .element
            .attribute("GenericAttributes")
            .unwrap_or_default();
        let generic: HashSet<&str> = crate::value::tokens(generic).collect();
        if generic.contains("*") {
            return;
        }
        let listed: HashSet<&str> = states.iter().filter_map(|state| state.name()).collect();
        let unnamed = subject.attributes().into_iter().filter(|(name, _)| {
            !listed.contains(name)
                && !generic.contains(name)
                && !STRUCTURE.contains(name)
                && !crate::validate::partition::is_partition_key(name)
                && !name.contains(':')
                && *name != "xmlns"
        });
        let graded: Vec<(&str, ElementRef<'d>, Severity)> = unnamed
            .map(|(name, at)| (name, at, Policy::at(at, Some(name)).of_unknown()))
            .collect();
        self.work.step(graded.len());
        for severity in [Severity::Note, Severity::Warning, Severity::Error] {
            let names: Vec<(&str, ElementRef<'d>)> = graded
                .iter()
                .filter(|(.., of)| *of == severity)
                .map(|(name, at, _)| (*name, *at))
                .collect();
            if let Some((first, at)) = names.first() {
                let all: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
                let attribute = Some((*first).to_owned());
                out.issues
                    .push(unlisted(*at, attribute, "attributes", &all, severity));
            }
        }
    }

    /// The elements inside, each against the descriptions of its name.
    fn inside(
        &mut self,
        cap: DevCap<'c>,
        subject: &Subject<'d>,
        depth: usize,
        out: &mut Judgement<'d>,
    ) {
        let described = cap.resource().element();
        let (nested, lost) = self.description.nested(cap);
        if !lost.is_empty() {
            self.work
                .problem(described, "its `DevCapRefs` name what is not in the pool");
        }
        let mut groups: BTreeMap<&str, (Vec<DevCap<'c>>, usize)> = BTreeMap::new();
        for cap in nested {
            if let Some(name) = cap.name() {
                groups.entry(name).or_default().0.push(cap);
            }
        }
        let mut unknown: Vec<ElementRef<'d>> = Vec::new();
        for child in subject.children() {
            if !self.work.step(1) {
                return;
            }
            let local = child.local_name();
            let target = local
                .strip_suffix("Ref")
                .filter(|name| !groups.contains_key(local) && !name.is_empty());
            let name = target.unwrap_or(local);
            let subjects = self.subjects(child, target.is_some());
            let Some((caps, count)) = groups.get_mut(name) else {
                unknown.push(child);
                continue;
            };
            let usage = subjects
                .first()
                .and_then(|subject| subject.attribute("ResourceUsage"));
            let fitting: Vec<DevCap<'c>> = caps
                .iter()
                .filter(|cap| is_in_namespace(cap.namespace(), child))
                .filter(|cap| {
                    cap.resource_usage()
                        .is_none_or(|wanted| Some(wanted) == usage.map(|(usage, _)| usage))
                })
                .copied()
                .collect();
            if fitting.is_empty() {
                unknown.push(child);
                continue;
            }
            *count += 1;
            for subject in subjects {
                if let Some(found) = self.best(&fitting, &subject, depth + 1) {
                    out.take(found, Some(0));
                }
            }
        }
        let spans: Vec<&str> = cap
            .states()
            .filter(|state| state.is_span())
            .filter_map(State::name)
            .collect();
        unknown.retain(|child| !spans.contains(&child.local_name()));
        unlisted_elements(&unknown, subject, out);
        for (name, (caps, count)) in groups {
            count_elements(name, &caps, count, subject, out);
        }
    }

    /// What an element stands for: itself, or the parts of the resource that it refers to.
    fn subjects(&mut self, child: ElementRef<'d>, is_reference: bool) -> Vec<Subject<'d>> {
        let target = self
            .ticket
            .filter(|_| is_reference)
            .and_then(|ticket| ticket.by_id(child.attribute("rRef")?.trim()));
        let Some(target) = target else {
            return vec![Subject::plain(child)];
        };
        self.work.step(target.descendants().count());
        let selections: Vec<BTreeMap<String, String>> = child
            .children_named("Part")
            .map(crate::amount::read_keys)
            .collect();
        Subject::leaves(target, &selections)
    }
}

/// Whether there are enough and not too many elements of a name. Where several descriptions share it, together.
fn count_elements<'d>(
    name: &str,
    caps: &[DevCap<'_>],
    count: usize,
    subject: &Subject<'d>,
    out: &mut Judgement<'d>,
) {
    let all = || caps.iter().map(|cap| occurs(cap.resource().element()));
    let Some(least) = all().map(|occurs| occurs.least).min() else {
        return;
    };
    let most = all()
        .map(|occurs| occurs.most)
        .try_fold(0_usize, |sum, most| Some(sum.saturating_add(most?)));
    let described = caps[0].resource().element();
    let element = subject.element();
    if count < least {
        out.issues
            .push(missing(element, name, described, least, count));
    }
    if let Some(most) = most.filter(|most| count > *most) {
        out.issues
            .push(too_many(element, name, described, most, count));
    }
}

/// A device needs more of an element than there are.
pub(super) fn missing<'d>(
    at: ElementRef<'d>,
    name: &str,
    described: ElementRef<'_>,
    least: usize,
    count: usize,
) -> Issue<'d> {
    let spoken = spoken(described)
        .map(|words| format!(" ({words})"))
        .unwrap_or_default();
    Issue {
        rule: rules::CAPABILITY_MISSING,
        at,
        attribute: None,
        message: format!("the device needs `{name}`{spoken} ({})", named(described)),
        found: format!("{count} of them"),
        expected: format!("at least {least}"),
    }
}

/// A device takes fewer of an element than there are.
pub(super) fn too_many<'d>(
    at: ElementRef<'d>,
    name: &str,
    described: ElementRef<'_>,
    most: usize,
    count: usize,
) -> Issue<'d> {
    Issue {
        rule: grade(
            rules::CAPABILITY_TOO_MANY,
            Policy::at(at, None).of_impossible(),
        ),
        at,
        attribute: None,
        message: format!(
            "there are more `{name}` than the device takes ({})",
            named(described)
        ),
        found: format!("{count} of them"),
        expected: format!("at most {most}"),
    }
}

/// Elements that the description does not have, told together.
fn unlisted_elements<'d>(
    unknown: &[ElementRef<'d>],
    subject: &Subject<'d>,
    out: &mut Judgement<'d>,
) {
    let is_setting = |child: &&ElementRef<'d>| {
        child.is_of_jdf() && !STRUCTURE_INSIDE.contains(&child.local_name())
    };
    let settings: Vec<ElementRef<'d>> = unknown.iter().filter(is_setting).copied().collect();
    for severity in [Severity::Note, Severity::Warning, Severity::Error] {
        let of: Vec<&str> = settings
            .iter()
            .filter(|child| Policy::at(**child, None).of_unknown() == severity)
            .map(|child| child.local_name())
            .collect();
        if !of.is_empty() {
            out.issues
                .push(unlisted(subject.element(), None, "elements", &of, severity));
        }
    }
}

/// Whether a description of a resource or element says itself that it must be there.
pub(super) fn must_be_there(caps: ElementRef<'_>, alternatives: &[DevCap<'_>]) -> Option<usize> {
    let said = alternatives
        .iter()
        .map(|cap| least(cap.resource().element()).unwrap_or(0))
        .min()
        .unwrap_or(0);
    let required = usize::from(is_required(caps));
    Some(said.max(required)).filter(|least| *least > 0)
}
