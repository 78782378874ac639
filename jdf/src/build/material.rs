//! What a job is printed on and in which colours: paper, board and film with their layers, spot colours, the
//! printing condition. Part of the description in `job.rs`.

use serde::{Deserialize, Serialize};

/// A weight in g/m².
///
/// ```
/// use agog_jdf::build::Grammage;
/// /// Grams of paper on a sheet of so many square metres.
/// fn weight(grammage: Grammage, area: f64) -> f64 { grammage * area }
/// assert_eq!(weight(300.0, 0.5), 150.0);
/// ```
pub type Grammage = f64;

/// Paper, board or film that is printed on or laminated.
///
/// ```
/// use agog_jdf::build::{Media, MediaKind};
/// let board: Media = toml::from_str("kind = 'corrugated'\nname = 'Brown B flute'\nflute = 'B'\nthickness = 3000").unwrap();
/// assert_eq!((board.kind, board.flute.as_deref(), board.roll), (MediaKind::Corrugated, Some("B"), false));
/// ```
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

/// One layer of a compound, such as the face and the liner of label stock.
///
/// ```
/// use agog_jdf::build::Media;
/// let stock: Media = serde_json::from_str(r#"{ "kind": "self_adhesive", "name": "White, permanent", "roll": true,
///     "layers": [{ "kind": "paper", "name": "Face", "grammage": 80 }, { "kind": "paper", "name": "Liner", "grammage": 60 }] }"#).unwrap();
/// let weight: f64 = stock.layers.iter().filter_map(|layer| layer.grammage).sum();
/// assert_eq!(weight, 140.0);
/// ```
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
///
/// ```
/// use agog_jdf::build::MediaKind;
/// assert_eq!(serde_json::to_string(&MediaKind::ShrinkFilm).unwrap(), "\"shrink_film\"");
/// ```
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

/// A direction on the sheet: of the grain, of the flute.
///
/// ```
/// use agog_jdf::build::Direction;
/// assert_eq!(serde_json::from_str::<Direction>("\"short_edge\"").unwrap(), Direction::ShortEdge);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Along the long edge.
    LongEdge,
    /// Along the short edge.
    ShortEdge,
}

/// Surfaces of paper and board.
///
/// ```
/// use agog_jdf::build::{Coating, Media};
/// let silk: Media = toml::from_str("kind = 'paper'\nname = 'Silk 135'\nfront_coating = 'satin'\nback_coating = 'satin'").unwrap();
/// assert_eq!(silk.front_coating, Some(Coating::Satin));
/// ```
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

/// The printing condition that colours are made for.
///
/// ```
/// use agog_jdf::build::PrintCondition;
/// let condition: PrintCondition = toml::from_str("name = 'FOGRA51'\nicc_profile = 'cid:PSOcoated_v3.icc'").unwrap();
/// assert_eq!(condition.name, "FOGRA51");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrintCondition {
    /// The name of the reference, such as `FOGRA51`.
    pub name: String,
    /// The ICC profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icc_profile: Option<String>,
}

/// A colour with an ink of its own. Sheets name it among their colours.
///
/// ```
/// use agog_jdf::build::SpotColour;
/// let gold: SpotColour = serde_json::from_str(r#"{ "name": "Honey Gold", "lab": [72, 12, 60], "cmyk": [0, 0.25, 0.85, 0.1] }"#).unwrap();
/// assert_eq!(gold.lab.unwrap()[0], 72.0);
/// ```
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
