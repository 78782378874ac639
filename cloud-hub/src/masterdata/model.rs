//! What a record of master data is, and which are refused.

use agog_sync::ids::PlantId;
use agog_sync::master::{MasterItem, MasterKind, REASON_USES};
use jiff::Timestamp;

use crate::http::ApiError;

/// A code is what a label or a badge has room for.
const CODE_CHARS_MAX: usize = 64;
/// A name is one line of a panel.
const NAME_CHARS_MAX: usize = 200;

/// A location, an operator or a reason.
#[derive(Debug, Clone)]
pub(super) struct EntryRow {
    pub key: i64,
    pub kind: MasterKind,
    /// None: of the whole company.
    pub plant_id: Option<PlantId>,
    pub code: String,
    pub name: String,
    pub used_for: Vec<String>,
    pub retired_at: Option<Timestamp>,
    pub updated_at: Timestamp,
    pub updated_by: String,
}

impl EntryRow {
    /// As plants are told of it.
    pub(super) fn item(self) -> MasterItem {
        MasterItem {
            kind: self.kind,
            code: self.code,
            name: self.name,
            of_plant: self.plant_id.is_some(),
            retired: self.retired_at.is_some(),
            material: None,
            used_for: self.used_for,
        }
    }
}

/// Refuses codes and names that no label and no panel could show.
pub fn check_words(code: &str, name: &str) -> Result<(), ApiError> {
    for (pointer, text, chars_max) in [
        ("/code", code, CODE_CHARS_MAX),
        ("/name", name, NAME_CHARS_MAX),
    ] {
        let is_good = !text.is_empty()
            && text.trim() == text
            && text.chars().count() <= chars_max
            && !text.chars().any(char::is_control);
        if !is_good {
            return Err(ApiError::unprocessable(
                "bad-words",
                format!("a code has 1 to {CODE_CHARS_MAX} characters and a name 1 to {NAME_CHARS_MAX}, on one line"),
            )
            .at(pointer, "empty, too long, or with blanks around it"));
        }
    }
    Ok(())
}

/// Refuses uses that are none, and those of a record that is not a reason.
pub(super) fn check_uses(kind: MasterKind, used_for: &[String]) -> Result<(), ApiError> {
    let is_use = |text: &String| kind == MasterKind::Reasons && REASON_USES.contains(&&**text);
    match used_for.iter().position(|text| !is_use(text)) {
        None => Ok(()),
        Some(place) => Err(ApiError::unprocessable(
            "bad-use",
            format!(
                "a reason is used for {}; other records have no uses",
                REASON_USES.join(", ")
            ),
        )
        .at(format!("/used_for/{place}"), "not a use of this record")),
    }
}
