//! One reading inside a payload, whatever the payload is written in: a JSON value or a line of CSV.

use std::borrow::Cow;

use serde_json::Value;

/// Where something is in a reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// A JSON pointer; empty for the whole reading.
    Pointer(String),
    /// A column by its number, from 0.
    Column(usize),
    /// A column by its name.
    Named(String),
}

/// One thing that a machine says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::ingest) enum Scalar<'a> {
    Integer(i64),
    Float(f64),
    Flag(bool),
    Text(&'a str),
    /// An object or array.
    Other,
}

/// A reading.
#[derive(Debug, Clone, Copy)]
pub(super) enum Record<'a> {
    /// What an element does not have is looked up in the whole message.
    Json {
        element: &'a Value,
        whole: &'a Value,
    },
    Row {
        names: &'a [Cow<'a, str>],
        cells: &'a [Cow<'a, str>],
    },
}

impl Place {
    /// None when it is not a JSON pointer.
    pub(super) fn parse(text: &str, is_csv: bool) -> Option<Self> {
        if is_csv {
            return Some(match text.parse() {
                Ok(column) => Self::Column(column),
                Err(_) => Self::Named(text.to_owned()),
            });
        }
        let is_pointer = text.is_empty() || text.starts_with('/');
        is_pointer.then(|| Self::Pointer(text.to_owned()))
    }

    pub(super) fn describe(&self) -> String {
        match self {
            Self::Pointer(pointer) if pointer.is_empty() => "the payload".to_owned(),
            Self::Pointer(pointer) => pointer.clone(),
            Self::Column(column) => format!("column {column}"),
            Self::Named(name) => format!("column `{name}`"),
        }
    }
}

impl<'a> Record<'a> {
    /// What is at a place; `null` and an empty cell are nothing.
    pub(super) fn get(&self, place: &Place) -> Option<Scalar<'a>> {
        match (*self, place) {
            (Self::Json { element, whole }, Place::Pointer(pointer)) => element
                .pointer(pointer)
                .or_else(|| whole.pointer(pointer))
                .and_then(Scalar::of),
            (Self::Row { cells, .. }, Place::Column(column)) => cell(cells, *column),
            (Self::Row { names, cells }, Place::Named(wanted)) => {
                cell(cells, names.iter().position(|name| name == wanted)?)
            }
            _ => None,
        }
    }

    /// The named things of an object or a line, but for what is at `time`.
    pub(super) fn fields(
        &self,
        place: &Place,
        time: Option<&Place>,
    ) -> Option<Vec<(&'a str, Scalar<'a>)>> {
        match (*self, place) {
            (Self::Json { element, .. }, Place::Pointer(pointer)) => {
                let Value::Object(fields) = element.pointer(pointer)? else {
                    return None;
                };
                let time = match time {
                    Some(Place::Pointer(time)) => time.strip_prefix(pointer.as_str()),
                    _ => None,
                };
                let is_time =
                    |name: &str| time.and_then(|rest| rest.strip_prefix('/')) == Some(name);
                let fields = fields.iter().filter(|(name, _)| !is_time(name));
                let fields =
                    fields.filter_map(|(name, value)| Some((name.as_str(), Scalar::of(value)?)));
                Some(fields.collect())
            }
            (Self::Row { names, cells }, _) => {
                let is_time = |column: usize, name: &str| match time {
                    Some(Place::Column(time)) => *time == column,
                    Some(Place::Named(time)) => time == name,
                    _ => false,
                };
                let columns = names.iter().enumerate();
                let columns = columns.filter(|(column, name)| !is_time(*column, name));
                let columns = columns
                    .filter_map(|(column, name)| Some((name.as_ref(), cell(cells, column)?)));
                Some(columns.collect())
            }
            _ => None,
        }
    }
}

fn cell<'a>(cells: &'a [Cow<'a, str>], column: usize) -> Option<Scalar<'a>> {
    let text = cells.get(column)?.trim();
    (!text.is_empty()).then_some(Scalar::Text(text))
}

impl<'a> Scalar<'a> {
    fn of(value: &'a Value) -> Option<Self> {
        Some(match value {
            Value::Null => return None,
            Value::Bool(flag) => Self::Flag(*flag),
            Value::Number(number) => match number.as_i64() {
                Some(integer) => Self::Integer(integer),
                None => Self::Float(number.as_f64()?),
            },
            Value::String(text) => Self::Text(text),
            Value::Array(_) | Value::Object(_) => Self::Other,
        })
    }

    /// As part of a name.
    pub(super) fn to_name(self) -> Option<Cow<'a, str>> {
        Some(match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Integer(integer) => Cow::Owned(integer.to_string()),
            Self::Float(float) => Cow::Owned(float.to_string()),
            Self::Flag(flag) => Cow::Borrowed(if flag { "true" } else { "false" }),
            Self::Other => return None,
        })
    }
}
