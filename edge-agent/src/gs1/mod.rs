//! GS1 element strings: what the barcode on a label says, as a scanner sends it or as people write it.
//!
//! Pure. A scanner sends `]C1` (which symbology it read), application identifiers (AI) with their data one after the other, and
//! FNC1 as GS (0x1D) behind data of no fixed length; people write `(01)04012345123456(10)AB-12`. Check digits and dates are
//! verified. What is no element string at all is `None`: a barcode of the house. What begins as one and is wrong names the AI and
//! the place in the text.
//!
//! Not for SSCCs alone, as commands take them: `agog_sync::sscc`.
//!
//! - [`read`]: text → elements
//! - [`table`]: which AIs there are, and how long their data is
//! - [`date`]: six digits → a day
//! - [`label`]: what the elements come to: lot, quantity, expiry
//!
//! Limit: texts of the length that the caller takes; an AI's data has at most [`table::DATA_CHARS_MAX`] characters.

mod date;
pub mod label;
mod read;
mod table;
#[cfg(test)]
mod tests;

use agog_sync::quantity::Unit;
use agog_sync::sscc::Sscc;
use jiff::civil::{Date, DateTime};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

pub use label::Label;
pub use read::{Scanned, read};

/// What FNC1 between two elements is for a scanner.
pub const GS: char = '\u{1d}';

/// An application identifier and its data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Element {
    /// Two to four digits.
    pub ai: String,
    /// What GS1 calls it; `unknown` for one that is not read further.
    pub name: String,
    /// The data as it is in the barcode.
    pub data: String,
    /// What the data means.
    pub value: Value,
}

/// What an element says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Value {
    Sscc(Sscc),
    /// Fourteen digits.
    Gtin(String),
    Text(String),
    Date(Date),
    DateTime(DateTime),
    Count(u64),
    /// An amount in the unit that the AI says; none where the ledger has no such unit.
    Measure {
        amount: Decimal,
        unit: Option<Unit>,
    },
}

/// What is wrong with an element string. Places count characters of the whole text, from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Gs1Error {
    #[error("there is no application identifier at character {at}: `{found}`")]
    NoAi { at: usize, found: String },
    #[error("AI ({ai}) at character {at} has no data")]
    Empty { ai: String, at: usize },
    #[error("AI ({ai}) at character {at} has {found} characters of data, expected {expected}")]
    Length {
        ai: String,
        at: usize,
        found: usize,
        expected: String,
    },
    #[error("AI ({ai}): `{found}` at character {at} is no digit")]
    NotADigit { ai: String, at: usize, found: char },
    #[error("AI ({ai}): `{found}` at character {at} is no character of GS1")]
    Character { ai: String, at: usize, found: char },
    #[error("AI ({ai}) at character {at} has check digit {found}, expected {expected}: misread?")]
    CheckDigit {
        ai: String,
        at: usize,
        found: char,
        expected: u8,
    },
    #[error("AI ({ai}) at character {at} has `{found}`, which is no date")]
    NotADate {
        ai: String,
        at: usize,
        found: String,
    },
    #[error("AI ({ai}) is there twice, at character {at} with other data")]
    Twice { ai: String, at: usize },
}

/// Elements as people read them: `(01)04012345123456(10)AB-12`.
pub fn human_readable(elements: &[Element]) -> String {
    let parts = elements
        .iter()
        .map(|element| format!("({}){}", element.ai, element.data));
    parts.collect()
}
