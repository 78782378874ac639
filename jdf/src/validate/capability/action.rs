//! Combinations of values that a device cannot do: the actions of a description, whose tests are evaluated over what the
//! ticket has.
//!
//! A test names values by the descriptions they were checked against. It is evaluated for every set of elements of the
//! ticket that belong together: parts of one run, and elements inside those around them. Limits: 10,000 sets and 20
//! findings for each action, 16 descriptions in a test, terms 100 deep.

use std::collections::{BTreeMap, HashMap};

use super::description::{described_as, named};
use super::issue::{Instance, Issue, Judgement};
use super::judge::Judge;
use super::limits::{Fit, Limits};
use super::policy::grade;
use super::value::value_of;
use crate::document::NodeId;
use crate::finding::Severity;
use crate::resource::{ActionSeverity, Evaluation, State, Term};
use crate::validate::{rules, shown};
use crate::view::ElementRef;
use crate::xpath::Selected;

const SETS_MAX: usize = 10_000;
const FINDINGS_MAX: usize = 20;
const DESCRIPTIONS_MAX: usize = 16;
const TERMS_DEEP_MAX: usize = 100;

/// Of each description of a test, the element of the ticket; none if the ticket has none there.
type Set = BTreeMap<NodeId, Option<usize>>;

/// What an evaluation is about.
pub(super) enum Target<'c> {
    State(NodeId, State<'c>),
    /// A `DevCap` or `DevCaps`: whether there is such an element.
    Element(NodeId),
    Path(&'c str),
}

/// A term that is being evaluated: `and`, `or`, `xor`, `not`, or a test that another refers to.
struct Frame<'c> {
    kind: &'c str,
    test: Option<&'c str>,
    terms: Vec<Term<'c>>,
    at: usize,
    is_true: usize,
}

impl<'c, 'd> Judge<'c, 'd, '_> {
    /// Adds what the actions find in a node or message that was checked.
    pub(super) fn actions(&mut self, root: ElementRef<'d>, judged: &mut Judgement<'d>) {
        let pools = self.description.element.children_named("ActionPool");
        let actions: Vec<ElementRef<'c>> = pools
            .flat_map(|pool| pool.children_named("Action"))
            .collect();
        for action in actions {
            let test = action
                .attribute("TestRef")
                .and_then(|id| self.description.by_id(id));
            let Some(test) = test.filter(|test| test.is_jdf("Test")) else {
                self.work.problem(action, "its `TestRef` names no test");
                continue;
            };
            let found = self.action(action, test, root, &judged.instances);
            judged.issues.extend(found);
        }
    }

    fn action(
        &mut self,
        action: ElementRef<'c>,
        test: ElementRef<'c>,
        root: ElementRef<'d>,
        instances: &[Instance<'d>],
    ) -> Vec<Issue<'d>> {
        let mut found: Vec<Issue<'d>> = Vec::new();
        let evaluations = self.evaluations(test);
        let mut caps: Vec<NodeId> = Vec::new();
        for evaluation in &evaluations {
            if let Some(Target::State(cap, _) | Target::Element(cap)) = self.target(*evaluation)
                && !caps.contains(&cap)
            {
                caps.push(cap);
            }
        }
        if caps.len() > DESCRIPTIONS_MAX {
            self.work
                .problem(test, "it is about too much to be evaluated");
            return found;
        }
        for set in self.sets(test, &caps, instances) {
            if found.len() >= FINDINGS_MAX || !self.work.step(evaluations.len() + 1) {
                break;
            }
            if !is_in_context(test, &set, instances, root) {
                continue;
            }
            if self.is_true(test, &set, instances, root) == Some(true) {
                let issue = self.triggered(action, test, &evaluations, &set, instances, root);
                let is_new =
                    |other: &Issue<'d>| other.at != issue.at || other.attribute != issue.attribute;
                if found.iter().all(is_new) {
                    found.push(issue);
                }
            }
        }
        found
    }

    /// Every evaluation in a test and in those it refers to.
    fn evaluations(&mut self, test: ElementRef<'c>) -> Vec<Evaluation<'c>> {
        let mut seen = vec![test.id()];
        let mut tests = vec![test];
        let mut found = Vec::new();
        while let Some(test) = tests.pop() {
            for term in test.descendants().filter_map(Term::of) {
                if !self.work.step(1) {
                    return found;
                }
                match term {
                    Term::Evaluation(evaluation) => found.push(evaluation),
                    Term::Reference(id) => {
                        let next = self.description.by_id(id);
                        if let Some(next) = next.filter(|next| !seen.contains(&next.id())) {
                            seen.push(next.id());
                            tests.push(next);
                        }
                    }
                    _ => {}
                }
            }
        }
        found
    }

    pub(super) fn target(&self, evaluation: Evaluation<'c>) -> Option<Target<'c>> {
        let Some(id) = evaluation.state_ref() else {
            return evaluation.path().map(Target::Path);
        };
        let named = self.description.by_id(id)?;
        if let Some(state) = State::of(named) {
            return Some(Target::State(named.parent()?.id(), state));
        }
        Some(Target::Element(named.id()))
    }

    /// The sets of elements that belong together, for the descriptions of a test.
    fn sets(
        &mut self,
        test: ElementRef<'c>,
        caps: &[NodeId],
        instances: &[Instance<'d>],
    ) -> Vec<Set> {
        let depth = |at: usize| std::iter::successors(Some(at), |at| instances[*at].parent).count();
        let mut described: Vec<(NodeId, Vec<usize>)> = caps
            .iter()
            .map(|cap| {
                let own = (0..instances.len()).filter(|at| instances[*at].cap == *cap);
                (*cap, own.collect())
            })
            .collect();
        // What is around comes first, so that what is not inside it is known to be missing there.
        described.sort_by_key(|(_, own)| own.first().map(|at| depth(*at)));
        let mut sets: Vec<Set> = vec![Set::new()];
        for (cap, own) in described {
            let mut longer: Vec<Set> = Vec::new();
            for set in &sets {
                let before = longer.len();
                for at in &own {
                    if longer.len() > SETS_MAX || !self.work.step(set.len() + 1) {
                        let what = "the ticket has too many combinations to try all";
                        self.work.problem(test, what);
                        return Vec::new();
                    }
                    if fits(*at, set, instances) {
                        let mut next = set.clone();
                        next.insert(cap, Some(*at));
                        longer.push(next);
                    }
                }
                if longer.len() == before {
                    let mut next = set.clone();
                    next.insert(cap, None);
                    longer.push(next);
                }
            }
            sets = longer;
        }
        sets
    }

    /// What a test says of a set; `None` if it cannot be evaluated.
    fn is_true(
        &mut self,
        test: ElementRef<'c>,
        set: &Set,
        instances: &[Instance<'d>],
        root: ElementRef<'d>,
    ) -> Option<bool> {
        let mut known: HashMap<&'c str, bool> = HashMap::new();
        let mut stack = vec![Frame::of("and", test.attribute("ID"), test)];
        loop {
            if stack.len() > TERMS_DEEP_MAX || !self.work.step(1) {
                self.work
                    .problem(test, "its terms nest too deep to be evaluated");
                return None;
            }
            let frame = stack.last_mut()?;
            let Some(term) = frame.terms.get(frame.at).copied() else {
                let is_true = frame.result();
                if let Some(id) = frame.test {
                    known.insert(id, is_true);
                }
                stack.pop();
                match stack.last_mut() {
                    Some(around) => around.is_true += usize::from(is_true),
                    None => return Some(is_true),
                }
                continue;
            };
            frame.at += 1;
            match term {
                Term::And(terms) => stack.push(Frame::of("and", None, terms.element())),
                Term::Or(terms) => stack.push(Frame::of("or", None, terms.element())),
                Term::Xor(terms) => stack.push(Frame::of("xor", None, terms.element())),
                Term::Not(terms) => stack.push(Frame::of("not", None, terms.element())),
                Term::Reference(id) => {
                    if let Some(is_true) = known.get(id) {
                        frame.is_true += usize::from(*is_true);
                        continue;
                    }
                    let next = self
                        .description
                        .by_id(id)
                        .filter(|next| next.is_jdf("Test"));
                    let is_within = stack.iter().any(|frame| frame.test == Some(id));
                    let Some(next) = next.filter(|_| !is_within) else {
                        self.work.problem(test, "it refers to itself or to no test");
                        return None;
                    };
                    stack.push(Frame::of("and", Some(id), next));
                }
                Term::Evaluation(evaluation) => {
                    let is_true = self.evaluate(evaluation, set, instances, root)?;
                    if let Some(frame) = stack.last_mut() {
                        frame.is_true += usize::from(is_true);
                    }
                }
            }
        }
    }

    fn evaluate(
        &mut self,
        evaluation: Evaluation<'c>,
        set: &Set,
        instances: &[Instance<'d>],
        root: ElementRef<'d>,
    ) -> Option<bool> {
        let is_present = evaluation.kind() == "IsPresentEvaluation";
        let instance = |cap: NodeId| instances.get((*set.get(&cap)?)?);
        let values: Vec<String> = match self.target(evaluation) {
            Some(Target::Element(cap)) => return Some(instance(cap).is_some()),
            Some(Target::State(cap, state)) => {
                let value = instance(cap).and_then(|instance| value_of(state, &instance.subject));
                value.into_iter().map(|value| value.text).collect()
            }
            Some(Target::Path(path)) => {
                let values = selected(root, path);
                if values.is_none() {
                    let what = "its `Path` cannot be followed";
                    self.work.problem(evaluation.element(), what);
                }
                values?
            }
            None => {
                self.work.problem(
                    evaluation.element(),
                    "it names nothing that could be evaluated",
                );
                return None;
            }
        };
        if is_present {
            return Some(!values.is_empty());
        }
        let limits = Limits::of_evaluation(evaluation);
        for value in values {
            match limits.fit(&value, &mut self.work.patterns) {
                Fit::Yes => return Some(true),
                Fit::No => {}
                Fit::Unknown => {
                    let what = "its regular expression or kind cannot be used";
                    self.work.problem(evaluation.element(), what);
                    return None;
                }
            }
        }
        Some(false)
    }

    fn triggered(
        &mut self,
        action: ElementRef<'c>,
        test: ElementRef<'c>,
        evaluations: &[Evaluation<'c>],
        set: &Set,
        instances: &[Instance<'d>],
        root: ElementRef<'d>,
    ) -> Issue<'d> {
        let mut place: Option<(ElementRef<'d>, Option<String>)> = None;
        let mut around = root;
        let mut said: Vec<String> = Vec::new();
        for evaluation in evaluations {
            let Some(Target::State(cap, state)) = self.target(*evaluation) else {
                continue;
            };
            let instance = set
                .get(&cap)
                .copied()
                .flatten()
                .and_then(|at| instances.get(at));
            let Some(instance) = instance else { continue };
            if around == root {
                around = instance.subject.element();
            }
            let name = state.name().unwrap_or("text");
            let words = match value_of(state, &instance.subject) {
                Some(value) => {
                    place = place.or(Some((value.at, value.attribute)));
                    format!("{name}={}", value.text)
                }
                None => format!("no {name}"),
            };
            if !said.contains(&words) {
                said.push(words);
            }
        }
        let (at, attribute) = place.unwrap_or((around, None));
        let severity = match action.attribute("Severity").map(ActionSeverity::from) {
            Some(ActionSeverity::Warning) => Severity::Warning,
            Some(ActionSeverity::Information) => Severity::Note,
            _ => Severity::Error,
        };
        let refers = named(action);
        let message = match described_as(action).or_else(|| described_as(test)) {
            Some(words) => format!("{} ({refers})", shown(words)),
            None => format!("the device cannot do this combination ({refers})"),
        };
        let words = self.in_words(test);
        Issue {
            rule: grade(rules::CAPABILITY_ACTION, severity),
            at,
            attribute,
            message,
            found: shown(&said.join(", ")),
            expected: format!("not: {words}"),
        }
    }
}

impl<'c> Frame<'c> {
    fn of(kind: &'c str, test: Option<&'c str>, element: ElementRef<'c>) -> Self {
        Self {
            kind,
            test,
            terms: element.children().filter_map(Term::of).collect(),
            at: 0,
            is_true: 0,
        }
    }

    /// Nothing is true of nothing.
    fn result(&self) -> bool {
        let all = self.terms.len();
        match self.kind {
            "or" => self.is_true > 0,
            "xor" => self.is_true == 1,
            "not" => all > 0 && self.is_true == 0,
            _ => all > 0 && self.is_true == all,
        }
    }
}

/// Whether an element belongs to the others of a set: the same part of a run, and inside or around them where they are
/// inside each other at all.
fn fits(at: usize, set: &Set, instances: &[Instance<'_>]) -> bool {
    let around = |at: usize| std::iter::successors(Some(at), |at| instances[*at].parent);
    let is_with = |one: usize, other: usize| {
        let mut same = around(one).filter(|at| instances[*at].cap == instances[other].cap);
        same.next().is_none_or(|found| found == other)
    };
    set.values().flatten().all(|other| {
        instances[at]
            .subject
            .is_together_with(&instances[*other].subject)
            && is_with(at, *other)
            && is_with(*other, at)
    })
}

/// Older descriptions say by a path which elements a test is for.
fn is_in_context(
    test: ElementRef<'_>,
    set: &Set,
    instances: &[Instance<'_>],
    root: ElementRef<'_>,
) -> bool {
    let Some(context) = test.attribute("Context") else {
        return true;
    };
    let mut elements = set
        .values()
        .flatten()
        .map(|at| instances[*at].subject.element());
    elements.any(|element| is_on_path(element, context))
        || set.is_empty() && is_on_path(root, context)
}

/// Whether a path of names, `/` and `//` leads to an element.
fn is_on_path(element: ElementRef<'_>, path: &str) -> bool {
    let mut next = Some(element);
    let mut is_any_depth = false;
    let is_absolute = path.starts_with('/') && !path.starts_with("//");
    for step in path.trim_start_matches('/').rsplit('/') {
        if step.is_empty() {
            is_any_depth = true;
            continue;
        }
        let is_named = |element: &ElementRef<'_>| step == "*" || element.local_name() == step;
        let found = if std::mem::take(&mut is_any_depth) {
            std::iter::successors(next, |element| element.parent()).find(is_named)
        } else {
            next.filter(is_named)
        };
        let Some(found) = found else { return false };
        next = found.parent();
    }
    !is_absolute || next.is_none()
}

/// The values that a path leads to, from the node or from the root of the document.
fn selected(root: ElementRef<'_>, path: &str) -> Option<Vec<String>> {
    let absolute = if path.starts_with('/') {
        path.to_owned()
    } else {
        let own = format!("{}/", root.local_name());
        format!(
            "{}/{}",
            root.path(),
            path.strip_prefix(&own).unwrap_or(path)
        )
    };
    let found = root.document().select(&absolute).ok()?;
    let text = |selected: Selected<'_>| match selected {
        Selected::Attribute(_, attribute) => attribute.value.to_owned(),
        Selected::Text(_, text) => text.into_owned(),
        Selected::Element(element) => element.text().into_owned(),
    };
    Some(found.into_iter().map(text).collect())
}
