//! Findings as they are gathered: bounded in number, the graver kept before the lighter, and their places
//! looked up together at the end.
//!
//! A place costs a walk, to count the siblings before an element and the characters before it in its line. Looked up
//! one by one, a thousand findings among a hundred thousand siblings would be a hundred million steps; together, each
//! parent and each line is walked once.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use super::FINDINGS_MAX;
use super::rules::{self, Rule};
use crate::document::{Document, NodeId};
use crate::error::Position;
use crate::finding::{Finding, Severity};
use crate::view::ElementRef;

/// What was found so far in one document.
pub(super) struct Report<'d> {
    document: &'d Document,
    paths: Paths,
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
            paths: Paths::default(),
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

    /// The path of an element, for a message.
    pub(super) fn path(&mut self, element: ElementRef<'d>) -> String {
        self.paths.path(element)
    }

    /// In the order of the document, with a word on what was left out: notes first, errors last.
    pub(super) fn finish(mut self) -> Vec<Finding> {
        let mut kept: Vec<Reported<'d>> = std::mem::take(&mut self.reported);
        if kept.len() > FINDINGS_MAX {
            kept.sort_by_key(|reported| std::cmp::Reverse(reported.finding.severity));
            self.overflow += kept.len() - FINDINGS_MAX;
            kept.truncate(FINDINGS_MAX);
        }
        let mut placed: Vec<(usize, Finding)> = kept
            .into_iter()
            .map(|reported| self.placed(reported))
            .collect();
        placed.sort_by_key(|(offset, _)| *offset);
        let mut columns = Columns::of(self.document);
        let mut findings: Vec<Finding> = placed
            .into_iter()
            .map(|(offset, mut finding)| {
                (finding.position.line, finding.position.column) = columns.at(offset);
                finding
            })
            .collect();
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

    fn placed(&mut self, reported: Reported<'d>) -> (usize, Finding) {
        let Reported {
            mut finding,
            at,
            attribute,
        } = reported;
        finding.position.path = self.paths.path(at);
        let own = attribute.and_then(|name| Some((at.attribute_offset(&name)?, name)));
        let Some((offset, name)) = own else {
            return (at.offset(), finding);
        };
        finding.position.path.push_str("/@");
        finding.position.path.push_str(&name);
        (offset, finding)
    }
}

/// Paths of many elements: the children of a parent are counted once.
#[derive(Default)]
pub(super) struct Paths {
    /// The number among the siblings of its name, where there are several.
    numbers: HashMap<NodeId, usize>,
    counted: HashSet<NodeId>,
}

impl Paths {
    /// The same as [`ElementRef::path`].
    pub(super) fn path(&mut self, element: ElementRef<'_>) -> String {
        let mut around: Vec<ElementRef<'_>> =
            std::iter::successors(Some(element), |element| element.parent()).collect();
        around.reverse();
        let mut path = String::new();
        for element in around {
            path.push('/');
            path.push_str(element.name());
            if let Some(number) = self.number(element) {
                let _ = write!(path, "[{number}]");
            }
        }
        path
    }

    fn number(&mut self, element: ElementRef<'_>) -> Option<usize> {
        let parent = element.parent()?;
        if self.counted.insert(parent.id()) {
            let mut of_name: HashMap<&str, (usize, NodeId)> = HashMap::new();
            for child in parent.children() {
                let (count, first) = of_name.entry(child.name()).or_insert((0, child.id()));
                *count += 1;
                match *count {
                    1 => {}
                    2 => {
                        self.numbers.insert(*first, 1);
                        self.numbers.insert(child.id(), 2);
                    }
                    count => {
                        self.numbers.insert(child.id(), count);
                    }
                }
            }
        }
        self.numbers.get(&element.id()).copied()
    }
}

/// Lines and columns of places in rising order: each line is walked once, however many places it has.
struct Columns<'d> {
    document: &'d Document,
    last: Option<(usize, (u32, u32))>,
}

impl<'d> Columns<'d> {
    fn of(document: &'d Document) -> Self {
        Self {
            document,
            last: None,
        }
    }

    fn at(&mut self, offset: usize) -> (u32, u32) {
        let place = self
            .beside(offset)
            .unwrap_or_else(|| self.document.line_column(offset));
        if place != (0, 0) {
            self.last = Some((offset, place));
        }
        place
    }

    /// From the place before, if it is in the same line.
    fn beside(&self, offset: usize) -> Option<(u32, u32)> {
        let (before, (line, column)) = self.last?;
        let between = self.document.source_between(before, offset)?;
        if between.contains('\n') {
            return None;
        }
        let characters = u32::try_from(between.chars().count()).ok()?;
        Some((line, column.saturating_add(characters)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    #[test]
    fn places_looked_up_together_are_those_looked_up_alone() {
        let source = "<a xmlns='u'>\n<b/><c é='1'/><b x='ü' y='2'/>\n <d><b/></d> <c/><b/></a>";
        let document = Document::parse(source.as_bytes(), &Limits::default()).unwrap();
        let mut report = Report::of(&document);
        let root = document.root();
        let mut alone = Vec::new();
        for element in std::iter::once(root).chain(root.descendants()) {
            alone.push(element.position());
            report.add(rules::ID_TWICE, element, None, String::new());
            for name in ["x", "y", "z", "é"] {
                if let Some(position) = element.attribute_position(name) {
                    alone.push(position);
                    report.add(rules::ID_TWICE, element, Some(name), String::new());
                }
            }
        }
        let together = report.finish().into_iter().map(|finding| finding.position);
        assert_eq!(together.collect::<Vec<_>>(), alone);
    }

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
