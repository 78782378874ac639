//! The steps of a job: what each does, on which device, when, and with how much waste. Part of the description
//! in `job.rs`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::material::Media;

/// One step of the work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What is done.
    pub kind: StepKind,
    /// The device that does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Done in the same pass as the step before; both become one combined node.
    #[serde(default)]
    pub inline: bool,
    /// The planned start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Timestamp>,
    /// The planned end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Timestamp>,
    /// Planned waste of making ready, in what goes in: sheets, metres of web or pieces.
    #[serde(default)]
    pub setup_waste: u64,
    /// Planned waste of the run, in thousandths of the good output (0 to 500).
    #[serde(default)]
    pub run_waste_permille: u32,
    /// Print: the method; that of the kind of job if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<PrintMethod>,
    /// Varnish: where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<VarnishArea>,
    /// Laminate: what is laminated on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media: Option<Media>,
    /// Fold: the scheme of the fold catalogue, such as `F4-1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fold: Option<String>,
    /// Box-fold: the shape of the box.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub box_type: Option<BoxFoldType>,
}

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// Make plates; a gray box, since how is the business of prepress.
    Plates,
    /// Print.
    Print,
    /// Varnish or coat.
    Varnish,
    /// Laminate film or board.
    Laminate,
    /// Cut out with a die.
    DieCut,
    /// Cut straight.
    Cut,
    /// Slit a web and wind it on rolls for the customer.
    Slit,
    /// Fold sheets.
    Fold,
    /// Collect sections, stitch and trim them.
    Stitch,
    /// Fold boxes.
    BoxFold,
    /// Glue.
    Glue,
}

/// How ink gets onto the material.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrintMethod {
    /// Offset lithography.
    Offset,
    /// Flexography.
    Flexo,
    /// Gravure.
    Gravure,
    /// Screen printing.
    Screen,
    /// Without plates.
    Digital,
}

/// How a sheet passes the press.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkStyle {
    /// The front only.
    #[default]
    Simplex,
    /// Both sides in one pass.
    Perfecting,
    /// Both sides, with two sets of plates.
    WorkAndBack,
    /// Both sides with one set of plates, turned at the side edge.
    WorkAndTurn,
    /// Both sides with one set of plates, tumbled at the gripper edge.
    WorkAndTumble,
}

/// Where varnish goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VarnishArea {
    /// Over everything.
    Full,
    /// On parts.
    Spot,
}

/// Shapes of folding boxes (JDF 1.5, `BoxFoldingParams`, attribute `BoxFoldingType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BoxFoldType {
    /// `Type00`.
    Type00,
    /// `Type01`.
    Type01,
    /// `Type02`.
    Type02,
    /// `Type03`.
    Type03,
    /// `Type04`.
    Type04,
    /// `Type10`.
    Type10,
    /// `Type11`.
    Type11,
    /// `Type12`.
    Type12,
    /// `Type13`.
    Type13,
    /// `Type15`.
    Type15,
    /// `Type20`.
    Type20,
}
