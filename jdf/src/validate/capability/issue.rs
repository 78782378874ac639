//! What a check finds before it is told: issues, and the elements of the ticket that descriptions were taken for.

use super::description::Hindrance;
use super::policy::{Policy, grade};
use super::subject::Subject;
use crate::document::NodeId;
use crate::finding::Severity;
use crate::validate::rules::{self, Rule};
use crate::validate::shown;
use crate::view::ElementRef;

/// What is wrong, and where in the ticket.
pub(super) struct Issue<'d> {
    pub(super) rule: Rule,
    pub(super) at: ElementRef<'d>,
    pub(super) attribute: Option<String>,
    pub(super) message: String,
    pub(super) found: String,
    pub(super) expected: String,
}

/// An element of the ticket that a description was taken for.
pub(super) struct Instance<'d> {
    /// The `DevCaps`, `DevCap`, or what holds them.
    pub(super) cap: NodeId,
    pub(super) subject: Subject<'d>,
    /// The instance around it.
    pub(super) parent: Option<usize>,
}

/// What came out of a check.
#[derive(Default)]
pub(super) struct Judgement<'d> {
    pub(super) issues: Vec<Issue<'d>>,
    pub(super) instances: Vec<Instance<'d>>,
}

impl Judgement<'_> {
    /// Errors, warnings, notes.
    fn weight(&self) -> [usize; 3] {
        let count = |severity| {
            let is = |issue: &&Issue<'_>| issue.rule.severity == severity;
            self.issues.iter().filter(is).count()
        };
        [Severity::Error, Severity::Warning, Severity::Note].map(count)
    }

    pub(super) fn is_lighter_than(&self, other: &Self) -> bool {
        self.weight() < other.weight()
    }

    /// Adds what came out of a part of the check. Instances without one around them are put into `parent`.
    pub(super) fn take(&mut self, other: Self, parent: Option<usize>) {
        let before = self.instances.len();
        self.issues.extend(other.issues);
        self.instances
            .extend(other.instances.into_iter().map(|instance| Instance {
                parent: instance.parent.map(|parent| parent + before).or(parent),
                ..instance
            }));
    }
}

/// What the device does not know, told together.
pub(super) fn unlisted<'d>(
    at: ElementRef<'d>,
    attribute: Option<String>,
    what: &str,
    names: &[&str],
    severity: Severity,
) -> Issue<'d> {
    let message = match names {
        [name] => format!("the device does not know `{name}` of `{}`", at.local_name()),
        _ => format!(
            "the device does not know {} {what} of `{}`",
            names.len(),
            at.local_name()
        ),
    };
    Issue {
        rule: grade(rules::CAPABILITY_UNLISTED, severity),
        at,
        attribute,
        message,
        found: shown(&names.join(" ")),
        expected: format!("only what the device describes of `{}`", at.local_name()),
    }
}

/// What the device has but cannot use.
pub(super) fn unavailable<'d>(
    at: ElementRef<'d>,
    attribute: Option<&str>,
    message: String,
    found: &str,
    hindrance: &Hindrance,
) -> Issue<'d> {
    let mut severity = Policy::at(at, attribute).of_impossible();
    if hindrance.is_only_now {
        severity = severity.min(Severity::Warning);
    }
    Issue {
        rule: grade(rules::CAPABILITY_UNAVAILABLE, severity),
        at,
        attribute: attribute.map(str::to_owned),
        message,
        found: shown(found),
        expected: format!("nothing of this, since {}", hindrance.why),
    }
}
