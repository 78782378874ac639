//! What a check keeps over all descriptions of a device: patterns, names, and how much work is left.

use std::collections::HashSet;

use super::description::named;
use super::pattern::Patterns;
use crate::document::NodeId;
use crate::view::ElementRef;

/// Attributes and elements that one check looks at: 1,000,000.
const STEPS_MAX: usize = 1_000_000;

/// What is kept over all descriptions of a device.
#[derive(Default)]
pub(super) struct Work {
    pub(super) patterns: Patterns,
    steps: usize,
    /// The descriptions and elements that are being checked, the outermost first.
    pub(super) active: Vec<(NodeId, NodeId)>,
    /// What of the descriptions cannot be used, each said once.
    problems: Vec<(String, &'static str)>,
    told: HashSet<(NodeId, &'static str)>,
}

impl Work {
    pub(super) fn step(&mut self, steps: usize) -> bool {
        self.steps = self.steps.saturating_add(steps);
        !self.is_used_up()
    }

    /// Whether there was more to do than is done.
    pub(super) fn is_used_up(&self) -> bool {
        self.steps > STEPS_MAX
    }

    pub(super) fn problem(&mut self, at: ElementRef<'_>, what: &'static str) {
        if self.told.insert((at.id(), what)) {
            let place = named(at);
            self.problems.push((place, what));
        }
    }

    /// What could not be used, for the end of the check.
    pub(super) fn take_problems(&mut self) -> Vec<(String, &'static str)> {
        let mut problems = std::mem::take(&mut self.problems);
        if self.is_used_up() {
            let what = "it and the ticket are too large to be compared to the end";
            problems.push(("a part".to_owned(), what));
        }
        problems
    }
}
