//! Names of devices and metrics: fixed text, levels of the topic (`{1}`) and text in the payload (`{/name}`, for CSV `{name}`).

use super::record::{Place, Record};
use super::{BadMessage, NAME_CHARS_MAX};

/// A name with places to fill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    parts: Vec<Part>,
    written: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Level(usize),
    Payload(Place),
}

impl Name {
    /// Says what is wrong with it otherwise.
    pub(super) fn parse(written: &str, is_csv: bool) -> Result<Self, &'static str> {
        if written.trim().is_empty() || written.chars().count() > NAME_CHARS_MAX {
            return Err("must have 1 to 100 characters");
        }
        let mut parts = Vec::new();
        let mut rest = written;
        while let Some((before, after)) = rest.split_once('{') {
            let (inner, tail) = after.split_once('}').ok_or("has a `{` without its `}`")?;
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(match inner.parse() {
                Ok(level) => Part::Level(level),
                Err(_) if inner.is_empty() => return Err("has nothing between `{` and `}`"),
                Err(_) => Part::Payload(Place::parse(inner, is_csv).ok_or(
                    "has something else in `{…}` than the number of a level or a JSON pointer",
                )?),
            });
            rest = tail;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self {
            parts,
            written: written.to_owned(),
        })
    }

    pub(super) fn as_written(&self) -> &str {
        &self.written
    }

    /// The deepest level of the topic that it needs.
    pub(super) fn deepest_level(&self) -> Option<usize> {
        let levels = self.parts.iter().filter_map(|part| match part {
            Part::Level(level) => Some(*level),
            _ => None,
        });
        levels.max()
    }

    pub(super) fn fill(&self, topic: &str, record: &Record<'_>) -> Result<String, BadMessage> {
        if let [Part::Text(text)] = self.parts.as_slice() {
            return Ok(text.clone());
        }
        let mut filled = String::with_capacity(self.written.len() + 16);
        for part in &self.parts {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Level(level) => {
                    let text = topic.split('/').nth(*level);
                    filled.push_str(text.ok_or_else(|| BadMessage::NoLevel {
                        topic: topic.to_owned(),
                        level: *level,
                    })?);
                }
                Part::Payload(place) => {
                    let text = record.get(place).and_then(super::record::Scalar::to_name);
                    let text = text.ok_or_else(|| BadMessage::Missing(place.describe()))?;
                    filled.push_str(&text);
                }
            }
        }
        checked(filled)
    }
}

/// A name as the hub keeps it.
pub(super) fn checked(name: String) -> Result<String, BadMessage> {
    // Bytes first: nearly every name is shorter than that.
    let is_long = name.len() > NAME_CHARS_MAX && name.chars().count() > NAME_CHARS_MAX;
    if name.trim().is_empty() || is_long {
        return Err(BadMessage::BadName);
    }
    Ok(name)
}
