//! What a state allows, or an evaluation asks for, of one value; and that in words.
//!
//! Everything that is said must hold: the list of values, the bounds, the pattern, the relation between numbers. What
//! cannot be read is left out.

use super::number::{self, Range, Shape, is_same, not_above};
use super::pattern::Patterns;
use crate::resource::{Evaluation, ListType, State, Value as _};
use crate::value::{parse_boolean, parse_integer, tokens};
use crate::view::ElementRef;

use super::Scope;

/// The kind of value, by the name of a state or evaluation.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Boolean,
    Words,
    Text,
    Comparable(Shape),
}

impl Kind {
    fn of(name: &str) -> Option<Self> {
        let name = name
            .strip_suffix("State")
            .or(name.strip_suffix("Evaluation"))?;
        Some(match name {
            "Boolean" => Self::Boolean,
            "Enumeration" | "Name" => Self::Words,
            "String" | "PDFPath" => Self::Text,
            "Integer" | "Number" => Self::Comparable(Shape::numbers(1)),
            "XYPair" => Self::Comparable(Shape::numbers(2)),
            "Shape" => Self::Comparable(Shape::numbers(3)),
            "Rectangle" => Self::Comparable(Shape::numbers(4)),
            "Matrix" => Self::Comparable(Shape::numbers(6)),
            "DateTime" => Self::Comparable(Shape {
                numbers: 1,
                read: number::time,
            }),
            "Duration" => Self::Comparable(Shape {
                numbers: 1,
                read: number::duration,
            }),
            _ => return None,
        })
    }
}

/// Whether a value is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    Yes,
    No,
    /// What would decide it cannot be used.
    Unknown,
}

impl Fit {
    fn when(fits: bool) -> Self {
        if fits { Self::Yes } else { Self::No }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Yes, Self::Yes) => Self::Yes,
        }
    }
}

/// What is said of one value.
pub(super) struct Limits<'c> {
    pub(super) kind: Option<Kind>,
    pub(super) said: Said<'c>,
    pub(super) list_type: ListType,
    /// Values that stand in elements of their own.
    pub(super) values: Vec<&'c str>,
    /// How far below and above a number may be.
    tolerance: [f64; 2],
}

/// Where the attributes stand that say it.
pub(super) enum Said<'c> {
    State(State<'c>, Scope),
    Evaluation(Evaluation<'c>),
}

impl<'c> Limits<'c> {
    pub(super) fn of_state(state: State<'c>, scope: Scope) -> Self {
        let values = match scope {
            Scope::Allowed => state.allowed_values().collect(),
            Scope::Present => state.present_values().collect(),
        };
        Self {
            kind: Kind::of(state.element().local_name()),
            said: Said::State(state, scope),
            list_type: state.list_type(),
            values,
            tolerance: [0.0; 2],
        }
    }

    pub(super) fn of_evaluation(evaluation: Evaluation<'c>) -> Self {
        let tolerance = evaluation.value("Tolerance").and_then(<[f64; 2]>::read);
        Self {
            kind: Kind::of(evaluation.kind()),
            said: Said::Evaluation(evaluation),
            list_type: ListType::List,
            values: evaluation.values().collect(),
            tolerance: tolerance.unwrap_or_default().map(f64::abs),
        }
    }

    pub(super) fn said(&self, ending: &str) -> Option<&'c str> {
        match self.said {
            Said::State(state, Scope::Allowed) => state.allowed(ending),
            Said::State(state, Scope::Present) => state.present(ending),
            Said::Evaluation(evaluation) => evaluation.value(ending),
        }
    }

    pub(super) fn element(&self) -> ElementRef<'c> {
        match self.said {
            Said::State(state, _) => state.element(),
            Said::Evaluation(evaluation) => evaluation.element(),
        }
    }

    /// Whether a value is allowed.
    pub(super) fn fit(&self, text: &str, patterns: &mut Patterns) -> Fit {
        let of_kind = match self.kind {
            None => return Fit::Unknown,
            Some(Kind::Boolean) => Fit::when(self.boolean(text)),
            Some(Kind::Words) => Fit::when(self.words(text)),
            Some(Kind::Text) => Fit::when(self.values.is_empty() || self.values.contains(&text)),
            Some(Kind::Comparable(shape)) => Fit::when(self.comparable(text, shape)),
        };
        of_kind
            .and(self.pattern(text, patterns))
            .and(Fit::when(self.length(text)))
    }

    fn boolean(&self, text: &str) -> bool {
        let Some(value) = parse_boolean(text) else {
            return false;
        };
        let list = self.said("ValueList");
        list.is_none_or(|list| tokens(list).any(|word| parse_boolean(word) == Some(value)))
    }

    fn words(&self, text: &str) -> bool {
        let words: Vec<&str> = tokens(text).collect();
        let allowed: Option<Vec<&str>> = self.said("ValueList").map(|list| tokens(list).collect());
        let is_in = |word: &&str| {
            allowed
                .as_ref()
                .is_none_or(|allowed| allowed.contains(word))
        };
        let has_all = |words: &[&str]| {
            let mut allowed = allowed.iter().flatten();
            allowed.all(|word| words.contains(word))
        };
        if !self.counts(words.len()) {
            return false;
        }
        match self.list_type {
            ListType::ContainedList => has_all(&words),
            ListType::CompleteList => words.iter().all(is_in) && has_all(&words),
            ListType::CompleteOrderedList => {
                allowed.as_ref().is_none_or(|allowed| *allowed == words)
            }
            _ => {
                let is_ordered = words.windows(2).all(|pair| pair[0] <= pair[1]);
                let mut sorted = words.clone();
                sorted.sort_unstable();
                let is_unique = sorted.windows(2).all(|pair| pair[0] != pair[1]);
                words.iter().all(is_in)
                    && (is_ordered || !self.is_ordered())
                    && (is_unique || !self.is_unique())
            }
        }
    }

    fn comparable(&self, text: &str, shape: Shape) -> bool {
        let Some(items) = shape.ranges(text).filter(|items| self.counts(items.len())) else {
            return false;
        };
        let is_before = |pair: &[Range]| not_above(pair[0].to[0], pair[1].from[0]);
        let is_unique = || {
            let mut sorted: Vec<&Range> = items.iter().collect();
            sorted.sort_by(|one, other| one.from[0].total_cmp(&other.from[0]));
            sorted.windows(2).all(|pair| pair[0] != pair[1])
        };
        if self.is_ordered() && !items.windows(2).all(is_before) || self.is_unique() && !is_unique()
        {
            return false;
        }
        let allowed = self.ranges("ValueList", shape);
        let allowed = allowed.or_else(|| self.ranges("ValueRange", shape));
        if let Some(allowed) = allowed.as_ref().filter(|_| self.must_have_all()) {
            let has = |wanted: &Range| items.iter().any(|item| item == wanted);
            if !allowed.iter().all(has) {
                return false;
            }
            if self.list_type == ListType::ContainedList {
                return true;
            }
        }
        items.iter().all(|item| {
            let holds = |range: &Range| range.holds(item, shape.numbers, self.tolerance);
            allowed
                .as_ref()
                .is_none_or(|allowed| allowed.iter().any(holds))
                && self.bounds(item, shape)
                && self.relations(item, shape)
                && (shape.numbers < 6 || self.matrix(item))
        })
    }

    fn ranges(&self, ending: &str, shape: Shape) -> Option<Vec<Range>> {
        shape.ranges(self.said(ending)?)
    }

    fn bounds(&self, item: &Range, shape: Shape) -> bool {
        let bound = |ending| Some(*self.ranges(ending, shape)?.first()?);
        let numbers = 0..shape.numbers;
        let above = |least: &Range| {
            numbers
                .clone()
                .all(|at| not_above(least.from[at] - self.tolerance[0], item.from[at]))
        };
        let below = |most: &Range| {
            numbers
                .clone()
                .all(|at| not_above(item.to[at], most.from[at] + self.tolerance[1]))
        };
        let in_steps = |[step, rest]: [f64; 2]| {
            let is_step = |value: f64| {
                let over = (value - rest).rem_euclid(step);
                is_same(over, 0.0) || is_same(over, step)
            };
            step == 0.0 || !item.is_single() || is_step(item.from[0])
        };
        bound("ValueMin").is_none_or(|least| above(&least))
            && bound("ValueMax").is_none_or(|most| below(&most))
            && self
                .said("ValueMod")
                .and_then(<[f64; 2]>::read)
                .is_none_or(in_steps)
    }

    /// Each number by itself, and one against the other.
    fn relations(&self, item: &Range, shape: Shape) -> bool {
        let one = Shape::numbers(1);
        let axis = |ending, at: usize| {
            let Some(allowed) = self.ranges(ending, one) else {
                return true;
            };
            let mut own = *item;
            (own.from[0], own.to[0]) = (item.from[at], item.to[at]);
            allowed
                .iter()
                .any(|range| range.holds(&own, 1, self.tolerance))
        };
        let pair = match shape.numbers {
            2 => self
                .said("XYRelation")
                .map(|is| (is, item.from[0], item.from[1])),
            // Height against width.
            4 => self.said("HWRelation").map(|is| {
                let [left, bottom, right, top, ..] = item.from;
                (is, top - bottom, right - left)
            }),
            _ => None,
        };
        let relates = pair.is_none_or(|(is, one, other)| {
            let same = (one - other).abs() <= self.tolerance[1] || is_same(one, other);
            match is.trim() {
                "gt" => one > other && !same,
                "ge" => one > other || same,
                "eq" => same,
                "le" => one < other || same,
                "lt" => one < other && !same,
                "ne" => !same,
                _ => true,
            }
        });
        relates && axis("X", 0) && axis("Y", 1) && axis("Z", 2)
    }

    fn matrix(&self, item: &Range) -> bool {
        let [turns @ .., x, y] = item.from;
        let turned = turns[1].atan2(turns[0]).to_degrees();
        let step = self.said("RotateMod").and_then(number::number);
        let is_turn = step.is_none_or(|step| {
            let over = turned.rem_euclid(step);
            step == 0.0 || is_same(over, 0.0) || is_same(over, step)
        });
        // Least and most of x, then of y; or the least of both, then the most.
        let is_shift = self
            .said("Shift")
            .and_then(<[f64; 4]>::read)
            .is_none_or(|[p, q, r, s]| {
                let within = |least, value, most| not_above(least, value) && not_above(value, most);
                within(p, x, q) && within(r, y, s) || within(p, x, r) && within(q, y, s)
            });
        let is_transform = self.said("Transforms").is_none_or(|list| {
            tokens(list).any(|name| {
                orientation(name).is_none_or(|wanted| {
                    wanted
                        .iter()
                        .zip(turns)
                        .all(|(one, other)| is_same(*one, other))
                })
            })
        });
        let shape = Shape::numbers(6);
        let mut values = self
            .values
            .iter()
            .filter_map(|text| Some(*shape.ranges(text)?.first()?));
        let is_value =
            self.values.is_empty() || values.any(|value| value.holds(item, 6, self.tolerance));
        is_turn && is_shift && is_transform && is_value
    }

    fn pattern(&self, text: &str, patterns: &mut Patterns) -> Fit {
        let Some(pattern) = self.said("RegExp") else {
            return Fit::Yes;
        };
        let text = text.trim();
        let mut fits = |text: &str| match patterns.is_match(pattern, text) {
            Some(fits) => Fit::when(fits),
            None => Fit::Unknown,
        };
        // Of lists, some descriptions mean the whole text and some each item.
        let whole = fits(text);
        if whole != Fit::No || self.list_type == ListType::SingleValue {
            return whole;
        }
        tokens(text).fold(Fit::Yes, |fit, item| fit.and(fits(item)))
    }

    fn length(&self, text: &str) -> bool {
        let Some([from, to]) = self.length_bounds() else {
            return true;
        };
        let length = text.chars().count() as u64;
        u64::try_from(from).is_ok_and(|from| from <= length)
            && u64::try_from(to).is_ok_and(|to| length <= to)
    }

    pub(super) fn length_bounds(&self) -> Option<[i64; 2]> {
        let bounds = crate::resource::Ranges::read(self.said("Length")?)?;
        bounds.0.first().copied()
    }

    /// Whether there may be so many items.
    fn counts(&self, items: usize) -> bool {
        let is_single = matches!(
            self.list_type,
            ListType::SingleValue | ListType::Span | ListType::Range
        );
        if is_single {
            return items == 1;
        }
        let Said::State(state, _) = self.said else {
            return true;
        };
        let bound = |name| state.element().attribute(name).and_then(parse_integer);
        let bound = |name| bound(name).and_then(|number| usize::try_from(number).ok());
        bound("MinOccurs").is_none_or(|least| least <= items)
            && bound("MaxOccurs").is_none_or(|most| items <= most)
    }

    fn is_ordered(&self) -> bool {
        matches!(
            self.list_type,
            ListType::OrderedList
                | ListType::OrderedRangeList
                | ListType::UniqueOrderedList
                | ListType::UniqueOrderedRangeList
        )
    }

    fn is_unique(&self) -> bool {
        matches!(
            self.list_type,
            ListType::UniqueList
                | ListType::UniqueRangeList
                | ListType::UniqueOrderedList
                | ListType::UniqueOrderedRangeList
        )
    }

    fn must_have_all(&self) -> bool {
        matches!(
            self.list_type,
            ListType::CompleteList | ListType::CompleteOrderedList | ListType::ContainedList
        )
    }
}

/// The first four numbers of the matrix of an orientation (JDF 1.5, Orientation).
fn orientation(name: &str) -> Option<[f64; 4]> {
    Some(match name {
        "Rotate0" => [1.0, 0.0, 0.0, 1.0],
        "Rotate90" => [0.0, 1.0, -1.0, 0.0],
        "Rotate180" => [-1.0, 0.0, 0.0, -1.0],
        "Rotate270" => [0.0, -1.0, 1.0, 0.0],
        "Flip0" => [1.0, 0.0, 0.0, -1.0],
        "Flip90" => [0.0, -1.0, -1.0, 0.0],
        "Flip180" => [-1.0, 0.0, 0.0, 1.0],
        "Flip270" => [0.0, 1.0, 1.0, 0.0],
        _ => return None,
    })
}
