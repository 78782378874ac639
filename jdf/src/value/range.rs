//! Ranges and lists of ranges, `1 ~ 4 7`: of whole numbers, numbers, names, times, durations, points, boxes.

use jiff::{SignedDuration, Timestamp};

use super::{Value, parse_integer, tokens, write_date_time, write_duration};

/// Whole numbers and ranges of them, such as `0 ~ 3 7 -1`; negative ones count from the end, `INF` is no end.
///
/// ```
/// use agog_jdf::value::{Ranges, Value};
/// let pages = Ranges::read("0~3 -1").unwrap();
/// assert_eq!(pages, Ranges(vec![[0, 3], [-1, -1]]));
/// assert_eq!(pages.write(), "0 ~ 3 -1");
/// assert_eq!(pages.indices(8).collect::<Vec<_>>(), [0, 1, 2, 3, 7]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ranges(pub Vec<[i64; 2]>);

impl Ranges {
    /// The numbers that are meant among `count` things, in the order of the list: `-1` is the last one, and a range
    /// may run backwards. What lies outside is left out.
    pub fn indices(&self, count: usize) -> impl Iterator<Item = usize> {
        let length = i64::try_from(count).unwrap_or(i64::MAX);
        let place = move |bound: i64| {
            if bound < 0 {
                bound.saturating_add(length)
            } else {
                bound
            }
        };
        self.0.iter().flat_map(move |[from, to]| {
            let (from, to) = (place(*from), place(*to));
            let (low, high) = (from.min(to).max(0), from.max(to).min(length - 1));
            let is_backwards = from > to;
            (low..=high).filter_map(move |at| {
                let at = if is_backwards { high - (at - low) } else { at };
                usize::try_from(at).ok()
            })
        })
    }

    /// Whether a number is meant. Ranges that count from the end mean nothing here, as the end is not known.
    ///
    /// ```
    /// use agog_jdf::value::{Ranges, Value};
    /// assert!(Ranges::read("2 ~ INF").unwrap().contains(1_000_000));
    /// assert!(!Ranges::read("0 ~ -1").unwrap().contains(0));
    /// ```
    pub fn contains(&self, number: i64) -> bool {
        let is_counted = |[from, to]: &&[i64; 2]| *from >= 0 && *to >= 0;
        let mut counted = self.0.iter().filter(is_counted);
        counted.any(|[from, to]| (*from.min(to)..=*from.max(to)).contains(&number))
    }
}

impl Value for Ranges {
    type View<'d> = Self;

    fn read(text: &str) -> Option<Self> {
        read_ranges(text, 1, |word| match word {
            "INF" => Some(i64::MAX),
            "-INF" => Some(i64::MIN),
            _ => parse_integer(word),
        })
        .map(Self)
    }

    fn own(text: &str) -> Option<Self> {
        Self::read(text)
    }

    fn write(&self) -> String {
        write_ranges(&self.0, |bound| match *bound {
            i64::MAX => "INF".to_owned(),
            i64::MIN => "-INF".to_owned(),
            number => number.to_string(),
        })
    }
}

/// What can stand in a [`RangeList`]: how many words it has and how it is read and written.
///
/// ```
/// use agog_jdf::value::Bound;
/// assert_eq!(<[f64; 2] as Bound>::WORDS, 2);
/// assert_eq!(f64::read_bound("INF"), Some(f64::INFINITY));
/// ```
pub trait Bound: Sized + PartialEq {
    /// How many words with white space between make one.
    const WORDS: usize;
    /// One from its words.
    fn read_bound(text: &str) -> Option<Self>;
    /// Its words.
    fn write_bound(&self) -> String;
}

/// Values and ranges of them, first and last: numbers (`NumberRangeList`), names, times, durations, points
/// (`XYPairRangeList`), shapes and rectangles.
///
/// ```
/// use agog_jdf::value::{RangeList, Value};
/// let sizes = RangeList::<[f64; 2]>::read("0 0 ~ 1020 720 500 700").unwrap();
/// assert_eq!(sizes.0, [[[0.0, 0.0], [1020.0, 720.0]], [[500.0, 700.0], [500.0, 700.0]]]);
/// assert_eq!(sizes.write(), "0 0 ~ 1020 720 500 700");
/// assert!(RangeList::<f64>::read("1 ~").is_none());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RangeList<T>(pub Vec<[T; 2]>);

impl<T: Bound + PartialOrd> RangeList<T> {
    /// Whether a value lies in one of the ranges; for times, durations, numbers and names.
    ///
    /// ```
    /// use agog_jdf::value::{RangeList, Value};
    /// assert!(RangeList::<f64>::read("0.5 ~ 1 7").unwrap().contains(&0.75));
    /// ```
    pub fn contains(&self, value: &T) -> bool {
        let mut ranges = self.0.iter();
        ranges.any(|[from, to]| (from <= value && value <= to) || (to <= value && value <= from))
    }
}

impl<T: Bound> Value for RangeList<T> {
    type View<'d> = Self;

    fn read(text: &str) -> Option<Self> {
        read_ranges(text, T::WORDS, T::read_bound).map(Self)
    }

    fn own(text: &str) -> Option<Self> {
        Self::read(text)
    }

    fn write(&self) -> String {
        write_ranges(&self.0, T::write_bound)
    }
}

impl Bound for f64 {
    const WORDS: usize = 1;

    /// Endless ranges are common for numbers.
    fn read_bound(text: &str) -> Option<Self> {
        match text {
            "INF" => Some(Self::INFINITY),
            "-INF" => Some(Self::NEG_INFINITY),
            _ => super::parse_number(text),
        }
    }

    fn write_bound(&self) -> String {
        if self.is_infinite() {
            return if *self > 0.0 { "INF" } else { "-INF" }.to_owned();
        }
        self.to_string()
    }
}

impl<const N: usize> Bound for [f64; N] {
    const WORDS: usize = N;

    fn read_bound(text: &str) -> Option<Self> {
        let numbers: Option<Vec<f64>> = tokens(text).map(f64::read_bound).collect();
        numbers?.try_into().ok()
    }

    fn write_bound(&self) -> String {
        self.map(|number| number.write_bound()).join(" ")
    }
}

impl Bound for String {
    const WORDS: usize = 1;

    fn read_bound(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }

    fn write_bound(&self) -> String {
        self.clone()
    }
}

impl Bound for Timestamp {
    const WORDS: usize = 1;

    fn read_bound(text: &str) -> Option<Self> {
        Self::own(text)
    }

    fn write_bound(&self) -> String {
        write_date_time(*self)
    }
}

impl Bound for SignedDuration {
    const WORDS: usize = 1;

    fn read_bound(text: &str) -> Option<Self> {
        Self::own(text)
    }

    fn write_bound(&self) -> String {
        write_duration(*self)
    }
}

/// Items of so many words, or two of them with `~` between.
fn read_ranges<T>(
    text: &str,
    words: usize,
    read: impl Fn(&str) -> Option<T>,
) -> Option<Vec<[T; 2]>> {
    let spaced = text.replace('~', " ~ ");
    let mut rest: Vec<&str> = tokens(&spaced).collect();
    rest.reverse();
    let item = |rest: &mut Vec<&str>| -> Option<String> {
        let start = rest.len().checked_sub(words)?;
        let mut item = rest.split_off(start);
        item.reverse();
        (!item.contains(&"~")).then(|| item.join(" "))
    };
    let mut ranges = Vec::new();
    while !rest.is_empty() {
        let from = item(&mut rest)?;
        let to = if rest.pop_if(|word| *word == "~").is_some() {
            item(&mut rest)?
        } else {
            from.clone()
        };
        ranges.push([read(&from)?, read(&to)?]);
    }
    Some(ranges)
}

fn write_ranges<T: PartialEq>(ranges: &[[T; 2]], write: impl Fn(&T) -> String) -> String {
    let range = |[from, to]: &[T; 2]| {
        if from == to {
            write(from)
        } else {
            format!("{} ~ {}", write(from), write(to))
        }
    };
    ranges.iter().map(range).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_in_every_spacing_and_written_in_one() {
        for (text, written) in [
            ("", ""),
            ("0~3 7", "0 ~ 3 7"),
            (" 0 ~  3 7 ~ 7", "0 ~ 3 7"),
            ("2 ~ INF", "2 ~ INF"),
            ("-INF ~ -1", "-INF ~ -1"),
        ] {
            let read = Ranges::read(text).unwrap_or_else(|| panic!("{text} was not read"));
            assert_eq!(read.write(), written);
        }
        for text in ["~", "1 ~", "~ 1", "1 ~ ~ 2", "1 ~ 2 ~ 3", "1,2", "a ~ b"] {
            assert_eq!(Ranges::read(text), None, "{text}");
        }
    }

    #[test]
    fn indices_stay_within_what_there_is() {
        let indices = |text: &str, count| {
            Ranges::read(text)
                .unwrap()
                .indices(count)
                .collect::<Vec<_>>()
        };
        assert_eq!(indices("0 ~ -1", 3), [0, 1, 2]);
        assert_eq!(indices("-1 ~ 0", 3), [2, 1, 0]);
        assert_eq!(indices("1 ~ INF 0", 3), [1, 2, 0]);
        assert_eq!(indices("5 -7 -INF ~ INF", 2), [0, 1]);
        assert_eq!(indices("0 ~ -1", 0), [0; 0]);
    }

    #[test]
    fn lists_of_ranges_hold_every_kind_of_value() {
        let times = "2025-03-01T08:00:00Z ~ 2025-03-01T09:00:00Z";
        assert_eq!(RangeList::<Timestamp>::read(times).unwrap().write(), times);
        assert_eq!(
            RangeList::<SignedDuration>::read("PT5M~PT1H")
                .unwrap()
                .write(),
            "PT5M ~ PT1H"
        );
        assert_eq!(
            RangeList::<String>::read("a ~ c x").unwrap().write(),
            "a ~ c x"
        );
        assert_eq!(
            RangeList::<[f64; 2]>::read("-INF -INF ~ INF INF")
                .unwrap()
                .write(),
            "-INF -INF ~ INF INF"
        );
        assert_eq!(RangeList::<[f64; 4]>::read("0 0 1 1 ~ 2 2 3"), None);
    }
}
