//! When two spellings are one value: by the data type that the schema gives an attribute.

use std::borrow::Cow;

use crate::schema::{self, DataType};
use crate::value::{parse_boolean, parse_date_time, parse_decimal, parse_duration, tokens};
use crate::view::ElementRef;

/// The data type of an attribute without a namespace; text where the tables do not know it.
pub(super) fn data_type(element: ElementRef<'_>, name: &str) -> DataType {
    if !element.is_of_jdf() {
        return DataType::Text;
    }
    let facts = schema::element(element.local_name()).and_then(|facts| facts.attribute(name));
    match facts.map(|facts| facts.data_type) {
        None => DataType::Text,
        // Spans say at themselves of what type their values are.
        Some(DataType::Any) => match element.attribute("DataType").map(str::trim) {
            Some("NumberSpan" | "IntegerSpan" | "XYPairSpan" | "ShapeSpan") => {
                DataType::NumberRanges
            }
            Some("TimeSpan") => DataType::DateTimeRanges,
            Some("DurationSpan") => DataType::DurationRanges,
            Some("NameSpan" | "EnumerationSpan") => DataType::NameRanges,
            Some("OptionSpan") => DataType::Boolean,
            _ => DataType::Text,
        },
        Some(data_type) => data_type,
    }
}

/// One spelling for all spellings of a value. What is no value of its type stays as it is.
pub(super) fn canonical(data_type: DataType, text: &str) -> Cow<'_, str> {
    match data_type {
        DataType::Boolean => match parse_boolean(text) {
            Some(true) => Cow::Borrowed("true"),
            Some(false) => Cow::Borrowed("false"),
            None => Cow::Borrowed(text),
        },
        DataType::Integer | DataType::Number => number(text.trim()),
        DataType::Id
        | DataType::IdRef
        | DataType::Name
        | DataType::Enum
        | DataType::Date
        | DataType::YearMonth => Cow::Borrowed(text.trim()),
        DataType::Language => lower(text.trim()),
        DataType::Names | DataType::Enums | DataType::IdRefs => list(text, as_is),
        DataType::Languages => list(text, lower),
        DataType::XyPair
        | DataType::Shape
        | DataType::Matrix
        | DataType::Rectangle
        | DataType::Numbers
        | DataType::Integers
        | DataType::CmykColor
        | DataType::LabColor
        | DataType::RgbColor
        | DataType::TransferFunction => list(text, number),
        DataType::NumberRange
        | DataType::NumberRanges
        | DataType::IntegerRange
        | DataType::IntegerRanges
        | DataType::XyPairRanges
        | DataType::ShapeRanges
        | DataType::RectangleRanges => ranges(text, number),
        DataType::NameRange | DataType::NameRanges => ranges(text, as_is),
        DataType::DateTime => date_time(text.trim()),
        DataType::DateTimeRange | DataType::DateTimeRanges => ranges(text, date_time),
        DataType::Duration => duration(text.trim()),
        DataType::DurationRange | DataType::DurationRanges => ranges(text, duration),
        DataType::HexBinary => Cow::Owned(text.trim().to_ascii_uppercase()),
        DataType::Text
        | DataType::Any
        | DataType::Url
        | DataType::XPath
        | DataType::RegExp
        | DataType::PdfPath => Cow::Borrowed(text),
    }
}

fn number(text: &str) -> Cow<'_, str> {
    let is_plain = |text: &str| {
        let digits = text.strip_prefix('-').unwrap_or(text);
        !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    if is_plain(text) {
        return Cow::Borrowed(text);
    }
    match parse_decimal(text) {
        Some(number) if number.is_zero() => Cow::Borrowed("0"),
        Some(number) => Cow::Owned(number.normalize().to_string()),
        None => Cow::Borrowed(text),
    }
}

/// An instant without a zone may be any, so only those with one are compared as instants.
fn date_time(text: &str) -> Cow<'_, str> {
    let clock = text.get(11..).unwrap_or_default();
    let has_zone = clock.contains(|c: char| c.is_ascii_alphabetic() || matches!(c, '+' | '-'));
    match parse_date_time(text) {
        Some(read) if has_zone => Cow::Owned(read.timestamp.to_string()),
        _ => Cow::Borrowed(text),
    }
}

fn duration(text: &str) -> Cow<'_, str> {
    match parse_duration(text) {
        Some(duration) => Cow::Owned(duration.to_string()),
        None => Cow::Borrowed(text),
    }
}

fn as_is(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(text)
}

fn lower(text: &str) -> Cow<'_, str> {
    Cow::Owned(text.to_ascii_lowercase())
}

/// The items with one space between.
fn list(text: &str, item: for<'t> fn(&'t str) -> Cow<'t, str>) -> Cow<'_, str> {
    let mut out = String::with_capacity(text.len());
    for token in tokens(text) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(&item(token));
    }
    Cow::Owned(out)
}

fn ranges(text: &str, item: for<'t> fn(&'t str) -> Cow<'t, str>) -> Cow<'_, str> {
    let spaced = text.replace('~', " ~ ");
    Cow::Owned(list(&spaced, item).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_value_are_equal_and_others_are_not() {
        for (data_type, left, right, equal) in [
            (DataType::Number, "200.0", "200", true),
            (DataType::Number, "+2e2", "200", true),
            (DataType::Number, "-0.0", "0", true),
            (DataType::Number, "007", "7", true),
            (DataType::Number, "INF", "-INF", false),
            (DataType::Number, "200.01", "200", false),
            (DataType::Number, "1e99", "1e98", false),
            (DataType::XyPair, " 595.280  841.89", "595.28 841.890", true),
            (DataType::XyPair, "1 2", "2 1", false),
            (DataType::IntegerRanges, "0~-1 5", "0 ~ -1  5", true),
            (DataType::Boolean, "1", "true", true),
            (DataType::Boolean, "maybe", "true", false),
            (
                DataType::Names,
                " Cutting\tFolding ",
                "Cutting Folding",
                true,
            ),
            (DataType::Names, "Cutting Folding", "Folding Cutting", false),
            (
                DataType::DateTime,
                "2025-03-01T08:00:00Z",
                "2025-03-01T09:00:00.000+01:00",
                true,
            ),
            (
                DataType::DateTime,
                "2025-03-01T08:00:00",
                "2025-03-01T08:00:00Z",
                false,
            ),
            (
                DataType::DateTime,
                "2025-03-01T08:00:01Z",
                "2025-03-01T08:00:00Z",
                false,
            ),
            (DataType::Duration, "PT60M", "PT1H", true),
            (DataType::Duration, "P1M", "P30D", false),
            (DataType::HexBinary, "ab01", "AB01", true),
            (DataType::Language, "de-CH", "de-ch", true),
            (DataType::Text, "200.0", "200", false),
            (DataType::Text, "a ", "a", false),
        ] {
            let same = canonical(data_type, left) == canonical(data_type, right);
            assert_eq!(same, equal, "{data_type:?}: `{left}` and `{right}`");
        }
    }
}
