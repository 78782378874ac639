//! The data types of JDF attributes (JDF 1.5, Data Types): how they are written, and how they are read when a
//! writer got them slightly wrong. A lenient reading leaves a [`Finding`](crate::Finding) beside the value.
//!
//! | JDF | here |
//! |---|---|
//! | boolean, integer, double | [`parse_boolean`], [`parse_integer`]; [`parse_decimal`] for amounts, [`parse_number`] for measures |
//! | NMTOKENS, IDREFS, lists of numbers | [`tokens`], `Vec` of a [`Value`] |
//! | enumerations | open enumerations: what the specification does not list is kept in `Other` |
//! | ranges and lists of them | [`Ranges`] of whole numbers, [`RangeList`] of anything else |
//! | `XYPair`, shape, rectangle, matrix, `TransferFunction` | [`XyPair`], [`Shape`], [`Rectangle`], [`Matrix`], [`TransferFunction`] |
//! | dateTime, duration | [`parse_date_time`], [`parse_duration`] |
//! | `PDFPath` | [`PdfPath`] |
//!
//! Lengths are [`Points`], thickness is [`Microns`], weight of media is [`Grammage`].

mod date;
mod fields;
mod geometry;
mod number;
mod range;
mod typed;
mod unit;

pub use date::{DateTime, parse_date_time, parse_duration, write_date_time, write_duration};
pub(crate) use fields::Fields;
pub use geometry::{Matrix, Rectangle, TransferFunction};
pub use number::{parse_decimal, parse_integer, parse_number};
pub use range::{Bound, RangeList, Ranges};
pub use typed::{PdfPath, Shape, Value, XyPair};
pub use unit::{Grammage, Microns, Millimetres, Points};

/// The tokens of a list (NMTOKENS, IDREFS): separated by white space, order kept.
///
/// ```
/// assert_eq!(agog_jdf::value::tokens(" Cutting  Folding ").collect::<Vec<_>>(), ["Cutting", "Folding"]);
/// ```
pub fn tokens(text: &str) -> impl Iterator<Item = &str> {
    text.split_ascii_whitespace()
}

/// `true` and `1`, `false` and `0`, in any case: writers in the field use all of them.
///
/// ```
/// use agog_jdf::value::parse_boolean;
/// assert_eq!((parse_boolean("TRUE"), parse_boolean("yes")), (Some(true), None));
/// ```
pub fn parse_boolean(text: &str) -> Option<bool> {
    match text.trim() {
        text if text.eq_ignore_ascii_case("true") || text == "1" => Some(true),
        text if text.eq_ignore_ascii_case("false") || text == "0" => Some(false),
        _ => None,
    }
}
