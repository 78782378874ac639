//! Values that can be compared: numbers, pairs, boxes, times and durations, alone or as ranges.

use crate::value::{parse_date_time, parse_duration, tokens};

/// Numbers of one value at most: a matrix.
const NUMBERS_MAX: usize = 6;

/// One value or a range: the same number of numbers in both.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Range {
    pub(super) from: [f64; NUMBERS_MAX],
    pub(super) to: [f64; NUMBERS_MAX],
}

/// How a kind of value is written: numbers of one value, and what one of them looks like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) numbers: usize,
    pub(super) read: fn(&str) -> Option<f64>,
}

impl Shape {
    pub(super) const fn numbers(numbers: usize) -> Self {
        Self {
            numbers,
            read: number,
        }
    }

    /// Values and ranges with white space between; `None` if anything else is among them.
    pub(super) fn ranges(self, text: &str) -> Option<Vec<Range>> {
        let spaced = text.replace('~', " ~ ");
        let mut words = tokens(&spaced).peekable();
        let mut ranges = Vec::new();
        while words.peek().is_some() {
            let from = self.one(&mut words)?;
            let to = match words.next_if_eq(&"~") {
                Some(_) => self.one(&mut words)?,
                None => from,
            };
            ranges.push(Range { from, to });
        }
        Some(ranges)
    }

    fn one<'t>(self, words: &mut impl Iterator<Item = &'t str>) -> Option<[f64; NUMBERS_MAX]> {
        let mut value = [0.0; NUMBERS_MAX];
        for number in value.iter_mut().take(self.numbers) {
            *number = (self.read)(words.next()?)?;
        }
        Some(value)
    }
}

impl Range {
    /// Whether another one is wholly inside, give or take the tolerance below and above.
    pub(super) fn holds(&self, other: &Self, numbers: usize, [below, above]: [f64; 2]) -> bool {
        (0..numbers).all(|at| {
            let (least, most) = ordered(self.from[at], self.to[at]);
            let (from, to) = ordered(other.from[at], other.to[at]);
            not_above(least - below, from) && not_above(to, most + above)
        })
    }

    pub(super) fn is_single(&self) -> bool {
        self.from
            .iter()
            .zip(self.to)
            .all(|(from, to)| is_same(*from, to))
    }
}

fn ordered(one: f64, other: f64) -> (f64, f64) {
    (one.min(other), one.max(other))
}

/// Writers round: a millionth is no difference.
const ROUNDING: f64 = 1e-6;

pub(super) fn not_above(one: f64, other: f64) -> bool {
    one <= other || is_same(one, other)
}

pub(super) fn is_same(one: f64, other: f64) -> bool {
    // Without end is the same as itself only, and has no difference.
    let is_finite = one.is_finite() && other.is_finite();
    one.total_cmp(&other).is_eq()
        || is_finite && (one - other).abs() <= ROUNDING * one.abs().max(other.abs()).max(1.0)
}

/// A number; `INF` and `-INF` are without end.
pub(super) fn number(text: &str) -> Option<f64> {
    match text {
        "INF" | "unbounded" => Some(f64::INFINITY),
        "-INF" => Some(f64::NEG_INFINITY),
        _ => text.parse().ok().filter(|number: &f64| number.is_finite()),
    }
}

/// Seconds since 1970.
pub(super) fn time(text: &str) -> Option<f64> {
    parse_date_time(text).map(|read| read.timestamp.as_duration().as_secs_f64())
}

/// Seconds.
pub(super) fn duration(text: &str) -> Option<f64> {
    match text {
        "INF" => Some(f64::INFINITY),
        "-INF" => Some(f64::NEG_INFINITY),
        _ => parse_duration(text).map(|duration| duration.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_values_of_every_size() {
        for (shape, allowed, value, expected) in [
            (Shape::numbers(1), "60 ~ 400", "400", true),
            (Shape::numbers(1), "60 ~ 400 1000", "500", false),
            (Shape::numbers(1), "-INF ~ INF", "1e9", true),
            (Shape::numbers(1), "-INF ~ INF", "INF", true),
            (Shape::numbers(1), "0 ~ 400", "INF", false),
            (Shape::numbers(1), "400~60", "100 ~ 200", true),
            (Shape::numbers(2), "0 0 ~ 1000 700", "1000 700", true),
            (Shape::numbers(2), "0 0 ~ 1000 700", "700 1000", false),
            (Shape::numbers(2), "2551.181102 10", "2551.1811 10", true),
        ] {
            let allowed = shape.ranges(allowed).unwrap();
            let value = shape.ranges(value).unwrap()[0];
            let holds = |range: &Range| range.holds(&value, shape.numbers, [0.0; 2]);
            assert_eq!(allowed.iter().any(holds), expected, "{value:?}");
        }
        assert_eq!(Shape::numbers(2).ranges("1"), None);
        assert_eq!(Shape::numbers(1).ranges("NaN"), None);
    }
}
