//! Which document, and who edits it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a document is about. A kind has one form of content ([`super::Content`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DocumentKind {
    /// The notes of a job: one text. The id is the job's.
    JobNote,
    /// The order in which a device should work off its jobs. The id is `{plant code}:{device}`.
    SchedulePriority,
    /// What people say about a hold. The id is the hold's.
    HoldDiscussion,
}

impl DocumentKind {
    /// All kinds, in their order.
    pub const ALL: [Self; 3] = [Self::HoldDiscussion, Self::JobNote, Self::SchedulePriority];

    /// As it is stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::JobNote => "job-note",
            Self::SchedulePriority => "schedule-priority",
            Self::HoldDiscussion => "hold-discussion",
        }
    }
}

impl fmt::Display for DocumentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text named no kind or role that there is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {kind}: expected {expected}")]
pub struct UnknownWord {
    kind: &'static str,
    text: String,
    expected: &'static str,
}

impl FromStr for DocumentKind {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| UnknownWord {
                kind: "a kind of document",
                text: text.to_owned(),
                expected: "job-note, schedule-priority or hold-discussion",
            })
    }
}

/// The longest id of a document: a plant code and the longest id of a device.
pub const ID_BYTES_MAX: usize = 200;

/// One document of a tenant: its kind and the id of the record that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DocumentKey {
    pub kind: DocumentKind,
    pub id: String,
}

impl DocumentKey {
    /// The document of a record.
    pub fn new(kind: DocumentKind, id: impl Into<String>) -> Self {
        let id = id.into();
        Self { kind, id }
    }

    /// The priorities of a device's queue.
    pub fn queue(plant_code: &str, device: &str) -> Self {
        Self::new(
            DocumentKind::SchedulePriority,
            format!("{plant_code}:{device}"),
        )
    }

    /// The code of the plant that alone has to do with it; none when every plant may.
    pub fn plant_code(&self) -> Option<&str> {
        match self.kind {
            DocumentKind::SchedulePriority => self.id.split_once(':').map(|(plant, _)| plant),
            DocumentKind::JobNote | DocumentKind::HoldDiscussion => None,
        }
    }

    /// Whether the id has the form of its kind.
    pub fn has_form(&self) -> bool {
        let is_id = || uuid::Uuid::parse_str(&self.id).is_ok_and(|id| id.to_string() == self.id);
        match self.kind {
            DocumentKind::JobNote | DocumentKind::HoldDiscussion => is_id(),
            DocumentKind::SchedulePriority => {
                self.id.split_once(':').is_some_and(|(plant, device)| {
                    !plant.is_empty()
                        && !device.is_empty()
                        && self.id.len() <= ID_BYTES_MAX
                        && !self.id.chars().any(char::is_control)
                })
            }
        }
    }
}

impl fmt::Display for DocumentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.id)
    }
}

/// As what somebody edits, from the one that gives way to the one that wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    Operator,
    ShiftLead,
    /// Of the office alone: no plant speaks as its planner.
    Planner,
}

impl Role {
    /// As it is stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::ShiftLead => "shift-lead",
            Self::Planner => "planner",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        [Self::Operator, Self::ShiftLead, Self::Planner]
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| UnknownWord {
                kind: "a role",
                text: text.to_owned(),
                expected: "operator, shift-lead or planner",
            })
    }
}

/// Who edits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Author {
    /// What people call them.
    pub name: String,
    pub role: Role,
}
