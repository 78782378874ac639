//! What a ticket wants to happen with settings that a device does not have (JDF 1.5, Settings Policy).

use crate::finding::Severity;
use crate::validate::rules::Rule;
use crate::value::tokens;
use crate::view::ElementRef;

/// What is said of one attribute or element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Policy {
    /// Nothing.
    Unsaid,
    BestEffort,
    OperatorIntervention,
    MustHonor,
}

impl Policy {
    /// An exception at the element itself, else the policy of it or of the nearest element around it that has one.
    pub(super) fn at(element: ElementRef<'_>, attribute: Option<&str>) -> Self {
        let exceptions = [
            ("MustHonorExceptions", Self::MustHonor),
            ("OperatorInterventionExceptions", Self::OperatorIntervention),
            ("BestEffortExceptions", Self::BestEffort),
        ];
        let is_named = |list: &str| {
            let names = element.attribute(list).unwrap_or_default();
            attribute.is_some_and(|name| tokens(names).any(|named| named == name))
        };
        if let Some((_, policy)) = exceptions.into_iter().find(|(list, _)| is_named(list)) {
            return policy;
        }
        let mut around = std::iter::successors(Some(element), |element| element.parent());
        let said = around.find_map(|element| element.attribute("SettingsPolicy"));
        match said.map(str::trim) {
            Some("BestEffort") => Self::BestEffort,
            Some("OperatorIntervention") => Self::OperatorIntervention,
            Some("MustHonor") => Self::MustHonor,
            _ => Self::Unsaid,
        }
    }

    /// Of what the device does not know at all: it leaves it out, unless the ticket insists.
    pub(super) fn of_unknown(self) -> Severity {
        match self {
            Self::Unsaid | Self::BestEffort => Severity::Note,
            Self::OperatorIntervention => Severity::Warning,
            Self::MustHonor => Severity::Error,
        }
    }

    /// Of what the device knows and cannot do: that is no job for it, unless the ticket says that it may do something
    /// else.
    pub(super) fn of_impossible(self) -> Severity {
        match self {
            Self::BestEffort | Self::OperatorIntervention => Severity::Warning,
            Self::Unsaid | Self::MustHonor => Severity::Error,
        }
    }
}

/// The rule, as grave as the ticket or the device makes it.
pub(super) fn grade(rule: Rule, severity: Severity) -> Rule {
    Rule { severity, ..rule }
}
