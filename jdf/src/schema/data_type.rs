//! The data types of attributes (JDF 1.5, Data Types), and whether a text is one.

use crate::value;
use std::fmt;

macro_rules! data_types {
    ($($(#[$about:meta])* $name:ident = $expected:literal),* $(,)?) => {
        /// How the value of an attribute is written.
        ///
        /// ```
        /// use agog_jdf::schema::DataType;
        /// assert!(DataType::XyPair.check("595.28 841.89").is_ok());
        /// let expected = DataType::XyPair.check("595,28").unwrap_err();
        /// assert_eq!(expected.to_string(), "two numbers");
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum DataType { $($(#[$about])* $name),* }

        impl DataType {
            /// What is expected, in words.
            #[must_use]
            pub const fn expected(self) -> &'static str {
                match self { $(Self::$name => $expected),* }
            }
        }
    };
}

data_types! {
    /// `true` or `false`.
    Boolean = "true or false",
    /// A whole number; `INF` and `-INF` are allowed.
    Integer = "a whole number",
    /// A number; `INF` and `-INF` are allowed.
    Number = "a number",
    /// Any text.
    Text = "text",
    /// A name without white space (NMTOKEN).
    Name = "a name without spaces",
    /// Names with white space between (NMTOKENS).
    Names = "names with spaces between",
    /// One of a closed list.
    Enum = "one of the listed values",
    /// Some of a closed list, with white space between.
    Enums = "some of the listed values with spaces between",
    /// A name, unique in the document.
    Id = "an ID: a letter or _, then letters, digits, - _ .",
    /// The ID of an element.
    IdRef = "the ID of an element",
    /// IDs of elements.
    IdRefs = "IDs of elements with spaces between",
    /// A time with zone.
    DateTime = "a time with zone, 2025-03-01T08:00:00Z",
    /// A day.
    Date = "a day, 2025-03-01",
    /// A month.
    YearMonth = "a month, 2025-03",
    /// A duration.
    Duration = "a duration, PT1H30M",
    /// Where a file or a service is.
    Url = "a URL",
    /// Two numbers: a point or a size, x first.
    XyPair = "two numbers",
    /// Three numbers: a size with depth.
    Shape = "three numbers",
    /// Six numbers: a transformation.
    Matrix = "six numbers",
    /// Four numbers: left, bottom, right, top.
    Rectangle = "four numbers: left, bottom, right, top",
    /// Numbers.
    Numbers = "numbers with spaces between",
    /// Whole numbers.
    Integers = "whole numbers with spaces between",
    /// A number or two with `~` between.
    NumberRange = "a number, or two with ~ between",
    /// Numbers and ranges of numbers.
    NumberRanges = "numbers or ranges (1 ~ 2) with spaces between",
    /// A whole number or two with `~` between.
    IntegerRange = "a whole number, or two with ~ between",
    /// Whole numbers and ranges of them.
    IntegerRanges = "whole numbers or ranges (0 ~ -1) with spaces between",
    /// A name or two with `~` between.
    NameRange = "a name, or two with ~ between",
    /// Names and ranges of names.
    NameRanges = "names or ranges (a ~ z) with spaces between",
    /// Pairs and ranges of pairs.
    XyPairRanges = "pairs of numbers or ranges of pairs",
    /// Triples and ranges of triples.
    ShapeRanges = "triples of numbers or ranges of triples",
    /// Rectangles and ranges of rectangles.
    RectangleRanges = "rectangles or ranges of rectangles",
    /// A time or two with `~` between.
    DateTimeRange = "a time, or two with ~ between",
    /// Times and ranges of times.
    DateTimeRanges = "times or ranges of times",
    /// A duration or two with `~` between.
    DurationRange = "a duration, or two with ~ between",
    /// Durations and ranges of durations.
    DurationRanges = "durations or ranges of durations",
    /// Cyan, magenta, yellow, black, each 0 to 1.
    CmykColor = "four numbers from 0 to 1",
    /// L, a, b.
    LabColor = "three numbers: L, a, b",
    /// Red, green, blue, each 0 to 1.
    RgbColor = "three numbers from 0 to 1",
    /// Pairs of x and y, x rising.
    TransferFunction = "an even count of numbers",
    /// Bytes in hexadecimal.
    HexBinary = "an even count of hexadecimal digits",
    /// A language, `de-CH`.
    Language = "a language, de or de-CH",
    /// Languages.
    Languages = "languages with spaces between",
    /// A path in the operators of PDF.
    PdfPath = "a path written in operators of PDF",
    /// A location in a document.
    XPath = "an XPath",
    /// A regular expression.
    RegExp = "a regular expression",
    /// Any type, depending on another attribute.
    Any = "a value",
}

/// What a value should have been.
///
/// ```
/// let expected = agog_jdf::schema::DataType::Boolean.check("yes").unwrap_err();
/// assert_eq!(expected.to_string(), "true or false");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// The data type.
    pub data_type: DataType,
    /// The allowed values of a closed list; empty for other types.
    pub values: &'static [&'static str],
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.values.is_empty() {
            return f.write_str(self.data_type.expected());
        }
        f.write_str(if self.data_type == DataType::Enums {
            "some of "
        } else {
            "one of "
        })?;
        for (index, value) in self.values.iter().enumerate() {
            write!(f, "{}{value}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl std::error::Error for Expected {}

impl DataType {
    /// Whether `text` is of this type, by the specification and not by what readers forgive. White space around
    /// and between is as free as in XML.
    ///
    /// # Errors
    /// What is expected, when it is not.
    ///
    /// ```
    /// use agog_jdf::schema::DataType;
    /// assert!(DataType::IntegerRanges.check("0 ~ 3 7").is_ok());
    /// assert!(DataType::DateTime.check("2025-03-01 08:00").is_err(), "readable, but not as JDF wants it");
    /// ```
    pub fn check(self, text: &str) -> Result<(), Expected> {
        let trimmed = text.trim();
        let fits = match self {
            Self::Text | Self::Any | Self::Url | Self::XPath | Self::RegExp | Self::PdfPath => true,
            Self::Boolean => matches!(trimmed, "true" | "false"),
            Self::Integer => is_integer(trimmed),
            Self::Number => is_number(trimmed),
            Self::Name | Self::Enum => is_name(trimmed),
            Self::Names | Self::Enums => trimmed.split_ascii_whitespace().all(is_name),
            Self::Id | Self::IdRef => is_id(trimmed),
            Self::IdRefs => !trimmed.is_empty() && trimmed.split_ascii_whitespace().all(is_id),
            Self::DateTime => is_date_time(trimmed),
            Self::Date => is_digits(trimmed, "dddd-dd-dd"),
            Self::YearMonth => is_digits(trimmed, "dddd-dd"),
            Self::Duration => is_duration(trimmed),
            Self::XyPair => count_numbers(trimmed) == Some(2),
            Self::Shape | Self::LabColor => count_numbers(trimmed) == Some(3),
            Self::RgbColor => count_numbers(trimmed) == Some(3) && all_unit(trimmed),
            Self::Matrix => count_numbers(trimmed) == Some(6),
            Self::Rectangle => count_numbers(trimmed) == Some(4),
            Self::CmykColor => count_numbers(trimmed) == Some(4) && all_unit(trimmed),
            Self::Numbers => count_numbers(trimmed).is_some(),
            Self::TransferFunction => count_numbers(trimmed).is_some_and(|count| count % 2 == 0),
            Self::Integers => trimmed.split_ascii_whitespace().all(is_integer),
            Self::NumberRange => is_ranges(trimmed, 1, is_number, true),
            Self::NumberRanges => is_ranges(trimmed, 1, is_number, false),
            Self::IntegerRange => is_ranges(trimmed, 1, is_integer, true),
            Self::IntegerRanges => is_ranges(trimmed, 1, is_integer, false),
            Self::NameRange => is_ranges(trimmed, 1, is_name, true),
            Self::NameRanges => is_ranges(trimmed, 1, is_name, false),
            Self::XyPairRanges => is_ranges(trimmed, 2, is_number, false),
            Self::ShapeRanges => is_ranges(trimmed, 3, is_number, false),
            Self::RectangleRanges => is_ranges(trimmed, 4, is_number, false),
            Self::DateTimeRange => is_ranges(trimmed, 1, is_date_time, true),
            Self::DateTimeRanges => is_ranges(trimmed, 1, is_date_time, false),
            Self::DurationRange => is_ranges(trimmed, 1, is_duration, true),
            Self::DurationRanges => is_ranges(trimmed, 1, is_duration, false),
            Self::HexBinary => {
                trimmed.len().is_multiple_of(2)
                    && trimmed.bytes().all(|byte| byte.is_ascii_hexdigit())
            }
            Self::Language => is_language(trimmed),
            Self::Languages => trimmed.split_ascii_whitespace().all(is_language),
        };
        if fits {
            Ok(())
        } else {
            Err(Expected {
                data_type: self,
                values: &[],
            })
        }
    }
}

fn is_integer(text: &str) -> bool {
    if matches!(text, "INF" | "-INF") {
        return true;
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_number(text: &str) -> bool {
    let shaped = text
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E'));
    matches!(text, "INF" | "-INF" | "NaN") || (shaped && text.parse::<f64>().is_ok())
}

/// `None` if a token is not a number.
fn count_numbers(text: &str) -> Option<usize> {
    text.split_ascii_whitespace()
        .try_fold(0, |count, token| is_number(token).then_some(count + 1))
}

fn all_unit(text: &str) -> bool {
    text.split_ascii_whitespace().all(|token| {
        token
            .parse::<f64>()
            .is_ok_and(|number| (0.0..=1.0).contains(&number))
    })
}

fn is_name_character(character: char) -> bool {
    matches!(character, '-' | '_' | '.' | ':' | '\u{b7}') || character.is_alphanumeric()
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_name_character)
}

fn is_id(text: &str) -> bool {
    let starts = |first: char| first == '_' || first.is_alphabetic();
    text.starts_with(starts) && text.chars().all(|c| c != ':' && is_name_character(c))
}

fn is_language(text: &str) -> bool {
    let mut parts = text.split('-');
    let plain = |part: &str| (1..=8).contains(&part.len());
    parts
        .next()
        .is_some_and(|part| plain(part) && part.bytes().all(|byte| byte.is_ascii_alphabetic()))
        && parts.all(|part| plain(part) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// `d` in `shape` stands for a digit.
fn is_digits(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text
            .bytes()
            .zip(shape.bytes())
            .all(|(byte, form)| match form {
                b'd' => byte.is_ascii_digit(),
                _ => byte == form,
            })
}

/// The form of the specification, with zone; the reader takes more.
fn is_date_time(text: &str) -> bool {
    let Some((date, time)) = text.split_once('T') else {
        return false;
    };
    let zone = time.find(['Z', '+', '-']);
    let Some((time, zone)) = zone.and_then(|at| time.split_at_checked(at)) else {
        return false;
    };
    let (whole, fraction) = time.split_once('.').unwrap_or((time, "0"));
    is_digits(date, "dddd-dd-dd")
        && is_digits(whole, "dd:dd:dd")
        && !fraction.is_empty()
        && fraction.bytes().all(|byte| byte.is_ascii_digit())
        && (zone == "Z" || is_digits(zone.get(1..).unwrap_or_default(), "dd:dd"))
        && value::parse_date_time(text).is_some()
}

/// `P1Y2M3DT4H5M6.7S`: at least one field, each at most once and in this order. Readers take other forms, too, and
/// cannot count months; writers may give them.
fn is_duration(text: &str) -> bool {
    if matches!(text, "INF" | "-INF") {
        return true;
    }
    let text = text.strip_prefix('-').unwrap_or(text);
    let Some(fields) = text.strip_prefix('P') else {
        return false;
    };
    match fields.split_once('T') {
        None => !fields.is_empty() && is_units(fields, "YMD"),
        Some((date, time)) => {
            let (whole, has_seconds) = match time.strip_suffix('S') {
                Some(time) => (time, true),
                None => (time, false),
            };
            let units = whole.rfind(|c: char| c.is_ascii_alphabetic());
            let (units, seconds) = whole.split_at(units.map_or(0, |at| at + 1));
            let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
            let is_number = |digits: &str| {
                !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
            };
            let seconds_fit = if has_seconds {
                is_number(seconds) && is_number(fraction)
            } else {
                seconds.is_empty()
            };
            !time.is_empty() && seconds_fit && is_units(date, "YMD") && is_units(units, "HM")
        }
    }
}

/// Whole numbers, each followed by its unit, in the order of the units.
fn is_units(text: &str, units: &str) -> bool {
    let mut rest = units;
    let mut has_digits = false;
    for c in text.chars() {
        if c.is_ascii_digit() {
            has_digits = true;
        } else {
            let Some((_, after)) = rest.split_once(c).filter(|_| has_digits) else {
                return false;
            };
            (rest, has_digits) = (after, false);
        }
    }
    !has_digits
}

/// Items of `size` tokens each, or two such items with `~` between; only one of them if `single`.
fn is_ranges(text: &str, size: usize, item: fn(&str) -> bool, single: bool) -> bool {
    let text = text.replace('~', " ~ ");
    let tokens: Vec<&str> = text.split_ascii_whitespace().collect();
    let mut rest = tokens.as_slice();
    let mut items = 0;
    while !rest.is_empty() {
        let Some((first, after)) = rest.split_at_checked(size) else {
            return false;
        };
        let mut next = after;
        let mut fits = first.iter().all(|token| item(token));
        if let [tilde, tail @ ..] = after
            && *tilde == "~"
        {
            let Some((second, after)) = tail.split_at_checked(size) else {
                return false;
            };
            fits &= second.iter().all(|token| item(token));
            next = after;
        }
        if !fits {
            return false;
        }
        items += 1;
        rest = next;
    }
    !single || items == 1
}

#[cfg(test)]
mod tests {
    use super::DataType;

    #[test]
    fn durations_are_checked_as_the_specification_writes_them() {
        for text in [
            "PT1H30M",
            "P1D",
            "P1Y2M3DT4H5M6.7S",
            "P1M",
            "P2Y",
            "PT36S",
            "PT0.5S",
            "-PT5M",
            "INF",
            " PT1H ",
        ] {
            assert!(DataType::Duration.check(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "P",
            "PT",
            "P1DT",
            "1 hour",
            "5 days",
            "pt1h",
            "P1W",
            "PT1M1H",
            "PT1.5H",
            "PTS",
            "PT1S1S",
            "P1H",
            "P1D1M",
            "PT.5S",
            "PT5.S",
            "PT1H5",
            "P\u{661}D",
            "--PT1H",
        ] {
            assert!(DataType::Duration.check(text).is_err(), "{text}");
        }
    }
}
