//! Findings as they are gathered: bounded in number, the graver kept before the lighter, and placed at the end.

use super::FINDINGS_MAX;
use super::rules::{self, Rule};
use crate::document::Document;
use crate::error::Position;
use crate::finding::{Finding, Severity};
use crate::view::ElementRef;

/// What was found so far in one document.
pub(super) struct Report<'d> {
    document: &'d Document,
    reported: Vec<Reported<'d>>,
    count: [usize; 3],
    overflow: usize,
}

struct Reported<'d> {
    finding: Finding,
    at: ElementRef<'d>,
    attribute: Option<String>,
}

impl<'d> Report<'d> {
    pub(super) fn of(document: &'d Document) -> Self {
        Self {
            document,
            reported: Vec::new(),
            count: [0; 3],
            overflow: 0,
        }
    }

    /// A finding about an element, or about one of its attributes if it has it. Nothing is given back if there are
    /// enough as grave already.
    pub(super) fn add(
        &mut self,
        rule: Rule,
        at: ElementRef<'d>,
        attribute: Option<&str>,
        message: String,
    ) -> Option<&mut Finding> {
        let count = &mut self.count[rule.severity as usize];
        *count += 1;
        if *count > FINDINGS_MAX {
            self.overflow += 1;
            return None;
        }
        let mut finding = Finding::new(rule.severity, rule.code, message, Position::default());
        finding.specification = Some(rule.specification);
        self.reported.push(Reported {
            finding,
            at,
            attribute: attribute.map(str::to_owned),
        });
        self.reported.last_mut().map(|last| &mut last.finding)
    }

    /// In the order of the document, with a word on what was left out: notes first, errors last.
    pub(super) fn finish(mut self) -> Vec<Finding> {
        let mut kept: Vec<Reported<'d>> = std::mem::take(&mut self.reported);
        if kept.len() > FINDINGS_MAX {
            kept.sort_by_key(|reported| std::cmp::Reverse(reported.finding.severity));
            self.overflow += kept.len() - FINDINGS_MAX;
            kept.truncate(FINDINGS_MAX);
        }
        let mut findings: Vec<Finding> = kept.into_iter().map(Reported::placed).collect();
        findings.sort_by_key(|finding| (finding.position.line, finding.position.column));
        if self.overflow > 0 {
            let message = format!("there are {} more findings", self.overflow);
            let end = Position {
                path: self.document.root().path(),
                ..Position::default()
            };
            let more = Finding::new(Severity::Note, rules::MORE.code, message, end);
            findings.push(more.specified_in(rules::MORE.specification));
        }
        findings
    }
}

impl Reported<'_> {
    fn placed(self) -> Finding {
        let own = self
            .attribute
            .and_then(|name| self.at.attribute_position(&name));
        let mut finding = self.finding;
        finding.position = own.unwrap_or_else(|| self.at.position());
        finding
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    #[test]
    fn errors_are_kept_when_there_are_too_many_notes() {
        let document = Document::parse(b"<a/>", &Limits::default()).unwrap();
        let mut report = Report::of(&document);
        for _ in 0..FINDINGS_MAX + 7 {
            report.add(rules::ID_FORM, document.root(), None, String::new());
        }
        report.add(rules::ID_TWICE, document.root(), None, String::new());
        let findings = report.finish();
        assert_eq!(findings.len(), FINDINGS_MAX + 1);
        assert!(findings.iter().any(|finding| finding.code == "id-twice"));
        assert_eq!(
            findings.last().map(|last| last.message.as_str()),
            Some("there are 8 more findings")
        );
    }
}
