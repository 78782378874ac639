//! What a job is printed on and in which colours: paper, board and film with their layers, spot colours, the
//! printing condition. Part of the description in `job.rs`.

use serde::{Deserialize, Serialize};

/// A weight in g/m².
pub type Grammage = f64;

/// Paper, board or film.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Media {
    /// The sort of material.
    pub kind: MediaKind,
    /// What people call it.
    pub name: String,
    /// The article number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub article: Option<String>,
    /// The weight in g/m².
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grammage: Option<Grammage>,
    /// The thickness in micrometres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thickness: Option<f64>,
    /// Whether it comes on a roll.
    #[serde(default)]
    pub roll: bool,
    /// The direction of the grain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grain: Option<Direction>,
    /// The flute of corrugated board, such as `B` or `EB`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flute: Option<String>,
    /// The direction of the flute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flute_direction: Option<Direction>,
    /// The coating of the front.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub front_coating: Option<Coating>,
    /// The coating of the back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back_coating: Option<Coating>,
    /// What it is made up of, from front to back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<Layer>,
}

/// One layer of a compound.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// The sort of material.
    pub kind: MediaKind,
    /// What people call it.
    pub name: String,
    /// The weight in g/m².
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grammage: Option<Grammage>,
    /// The thickness in micrometres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thickness: Option<f64>,
}

/// Sorts of material.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    /// Paper.
    Paper,
    /// Carton board.
    Board,
    /// Corrugated board.
    Corrugated,
    /// Label stock.
    SelfAdhesive,
    /// Plastic film.
    Film,
    /// Shrink film.
    ShrinkFilm,
    /// Metal foil or other.
    Other,
}

/// A direction on the sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Along the long edge.
    LongEdge,
    /// Along the short edge.
    ShortEdge,
}

/// Surfaces of paper and board.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Coating {
    /// Uncoated.
    None,
    /// Coated, without saying how.
    Coated,
    /// Glossy.
    Glossy,
    /// High gloss.
    HighGloss,
    /// Matte.
    Matte,
    /// Satin.
    Satin,
}

/// The printing condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrintCondition {
    /// The name of the reference, such as `FOGRA51`.
    pub name: String,
    /// The ICC profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icc_profile: Option<String>,
}

/// A colour of its own ink.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpotColour {
    /// The name, as sheets use it.
    pub name: String,
    /// How it looks in CIELAB: L* 0 to 100, a* and b* −128 to 127.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lab: Option<[f64; 3]>,
    /// A replacement in CMYK, each 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cmyk: Option<[f64; 4]>,
}
