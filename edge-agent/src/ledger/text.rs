//! Stored text and numbers back into types. What does not fit was changed by something else.

use std::fmt::Display;
use std::str::FromStr;

use agog_sync::chain::Hash;
use agog_sync::lots::LotOrigin;
use jiff::Timestamp;
use rusqlite::Row;
use rust_decimal::Decimal;
use serde::de::DeserializeOwned;

use super::error::LedgerError;

pub(super) fn malformed(what: &'static str, detail: impl Display) -> LedgerError {
    LedgerError::Malformed {
        what,
        detail: detail.to_string(),
    }
}

/// A column of text, without a copy.
pub(super) fn column<'a>(row: &'a Row<'_>, column: usize) -> Result<&'a str, LedgerError> {
    let value = row.get_ref(column)?;
    value.as_str().map_err(|error| malformed("text", error))
}

/// An id, a unit or anything else with a text form.
pub(super) fn id<T: FromStr<Err: Display>>(
    text: &str,
    what: &'static str,
) -> Result<T, LedgerError> {
    text.parse().map_err(|error| malformed(what, error))
}

pub(super) fn decimal(text: &str) -> Result<Decimal, LedgerError> {
    Decimal::from_str_exact(text).map_err(|error| malformed("amount", error))
}

pub(super) fn origin(text: &str) -> Result<LotOrigin, LedgerError> {
    LotOrigin::from_text(text).ok_or_else(|| malformed("lot origin", text))
}

pub(super) fn instant(micros: i64) -> Result<Timestamp, LedgerError> {
    Timestamp::from_microsecond(micros).map_err(|error| malformed("instant", error))
}

pub(super) fn hash(bytes: &[u8]) -> Result<Hash, LedgerError> {
    Hash::try_from(bytes).map_err(|error| malformed("hash", error))
}

pub(super) fn json<T: DeserializeOwned>(text: &str, what: &'static str) -> Result<T, LedgerError> {
    serde_json::from_str(text).map_err(|error| malformed(what, error))
}

/// Our own types as JSON text.
pub(super) fn to_json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("our types have string keys and no failing serializers")
}
