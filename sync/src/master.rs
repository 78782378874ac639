//! Master data: what the office says of materials, locations, operators and reason codes, for every plant that needs it.
//!
//! A record is retired, never deleted, because the ledger names it. What a plant has made itself needs no record: master
//! data names and explains, it never changes what is in the ledger.

use serde::{Deserialize, Serialize};

use crate::quantity::Material;

/// What a reason code may be used for.
pub const REASON_USES: [&str; 4] = ["waste", "adjust", "hold", "return"];

/// The kinds of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MasterKind {
    Materials,
    /// Places where lots lie, each of one plant.
    Locations,
    /// People by their badge, of one plant or of the company.
    Operators,
    /// Why something was wasted, adjusted, held or returned.
    Reasons,
}

impl MasterKind {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 4] = [
        Self::Materials,
        Self::Locations,
        Self::Operators,
        Self::Reasons,
    ];

    /// As it is written everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Materials => "materials",
            Self::Locations => "locations",
            Self::Operators => "operators",
            Self::Reasons => "reasons",
        }
    }
}

impl std::fmt::Display for MasterKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// There is no such kind of master data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not one of materials, locations, operators and reasons")]
pub struct UnknownMasterKind(String);

impl std::str::FromStr for MasterKind {
    type Err = UnknownMasterKind;

    fn from_str(text: &str) -> Result<Self, UnknownMasterKind> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| UnknownMasterKind(text.to_owned()))
    }
}

/// A record as it is now; it takes the place of the one with the same kind, code and reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MasterItem {
    pub kind: MasterKind,
    /// What scanners and labels say: an article code, a place, a badge, a reason.
    pub code: String,
    /// What people call it.
    pub name: String,
    /// It is of the receiving plant alone, not of the whole company.
    #[serde(default, skip_serializing_if = "is_false")]
    pub of_plant: bool,
    /// It shall not be used for anything new.
    #[serde(default, skip_serializing_if = "is_false")]
    pub retired: bool,
    /// Of a material: how its lots are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub material: Option<Material>,
    /// Of a reason: for what, out of [`REASON_USES`]; none: for everything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub used_for: Vec<String>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_false(value: &bool) -> bool {
    !*value
}
