//! The steps of a job: what each does, on which device, when, and with how much waste. Part of the description
//! in `job.rs`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::material::Media;

/// One step of the work.
///
/// ```
/// use agog_jdf::build::{PrintMethod, Step, StepKind};
/// let print: Step = serde_json::from_str(
///     r#"{ "kind": "print", "device": "press-2", "setup_waste": 80, "run_waste_permille": 10, "method": "flexo" }"#).unwrap();
/// assert_eq!((print.kind, print.method), (StepKind::Print, Some(PrintMethod::Flexo)));
/// assert!(!print.inline, "it is a pass of its own");
/// ```
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
    /// Planned waste of the run, in thousandths of the good input (0 to 500).
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
///
/// ```
/// use agog_jdf::build::StepKind;
/// let route: Vec<StepKind> = serde_json::from_str(r#"["plates", "print", "die_cut", "box_fold"]"#).unwrap();
/// assert_eq!(route[2..], [StepKind::DieCut, StepKind::BoxFold]);
/// ```
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
///
/// ```
/// use agog_jdf::{JobDescription, build::{PrintMethod, StepKind}, samples};
/// let mut job: JobDescription = serde_json::from_str(samples()[2].json).unwrap();
/// let print = job.steps.iter_mut().find(|step| step.kind == StepKind::Print).unwrap();
/// print.method = Some(PrintMethod::Digital);
/// let ticket = job.to_ticket("2025-03-01T08:00:00Z".parse().unwrap()).unwrap();
/// assert!(String::from_utf8(ticket).unwrap().contains("DigitalPrinting"));
/// ```
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

/// How a sheet passes the press (JDF 1.5, `ConventionalPrintingParams`, attribute `WorkStyle`).
///
/// ```
/// use agog_jdf::{JobDescription, build::WorkStyle, samples};
/// let mut job: JobDescription = serde_json::from_str(samples()[5].json).unwrap();
/// job.sheets[0].work_style = WorkStyle::Simplex;
/// let problems = job.check().unwrap_err().problems;
/// assert_eq!(problems[0].path, "sheets[0].work_style", "the back of the sheet has colours");
/// ```
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
///
/// ```
/// use agog_jdf::build::{Step, VarnishArea};
/// let step: Step = toml::from_str("kind = 'varnish'\narea = 'spot'\ninline = true").unwrap();
/// assert_eq!(step.area, Some(VarnishArea::Spot));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VarnishArea {
    /// Over everything.
    Full,
    /// On parts.
    Spot,
}

/// Shapes of folding boxes by the number of their picture (JDF 1.5, `BoxFoldingParams`, attribute
/// `BoxFoldingType`).
///
/// ```
/// use agog_jdf::build::{BoxFoldType, Step};
/// let step: Step = toml::from_str("kind = 'box_fold'\nbox_type = 'type01'").unwrap();
/// assert_eq!(step.box_type, Some(BoxFoldType::Type01));
/// ```
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
