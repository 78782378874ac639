//! The plain description of a job: what a planner says, in the units of the print shop (millimetres,
//! micrometres, g/m², pieces). It reads and writes JSON and TOML, and knows nothing of JDF.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::material::{Media, PrintCondition, SpotColour};
use super::step::{PrintMethod, Step, WorkStyle};

/// A job to be made into a ticket: what is ordered, on which sheets or web, by which steps.
///
/// ```
/// use agog_jdf::{Document, JobDescription, Limits, Ticket, samples};
/// let job: JobDescription = serde_json::from_str(samples()[0].json).unwrap();
/// let bytes = job.to_ticket("2025-03-01T08:00:00Z".parse().unwrap()).unwrap();
/// let document = Document::parse(&bytes, &Limits::default())?;
/// let ticket = Ticket::of(&document)?;
/// assert_eq!(ticket.root().job_id(), Some(job.job_id.as_str()));
/// # Ok::<(), agog_jdf::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobDescription {
    /// What is made; decides the usual route, printing method and which fields are wanted.
    pub kind: JobKind,
    /// The number of the job, at most 63 characters.
    pub job_id: String,
    /// What people call the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Who ordered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<CustomerOfJob>,
    /// When the goods must be ready, with a time zone or `Z`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// What is ordered: one product, or several on a gang sheet.
    pub products: Vec<Product>,
    /// What is printed on: one sheet or web, or one for each section of a brochure.
    pub sheets: Vec<Sheet>,
    /// Every colour that is not cyan, magenta, yellow or black.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spot_colours: Vec<SpotColour>,
    /// The printing condition that colours are made for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub print_condition: Option<PrintCondition>,
    /// The cutting die, if one is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub die: Option<Die>,
    /// The work, in order.
    pub steps: Vec<Step>,
    /// How much more than ordered is made, in whole percent (0 to 50).
    #[serde(default)]
    pub overs_percent: u32,
    /// The gang that the sheet belongs to; only for a gang sheet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gang_name: Option<String>,
}

/// What a job makes.
///
/// ```
/// use agog_jdf::JobKind;
/// let kind: JobKind = serde_json::from_str("\"folding_carton\"").unwrap();
/// assert_eq!(kind, JobKind::FoldingCarton);
/// assert!(JobKind::ALL.iter().any(|kind| kind.as_str() == "label"), "the same names as in descriptions");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// A folding carton, printed on sheets of board.
    FoldingCarton,
    /// A box of corrugated board, printed after or before the board is made up.
    CorrugatedBox,
    /// Self-adhesive labels on a roll.
    Label,
    /// Flexible film on a roll.
    FlexibleFilm,
    /// A brochure of one or more folded sheets.
    Brochure,
    /// Several products on one sheet.
    GangSheet,
}

/// The customer of a job.
///
/// ```
/// use agog_jdf::build::CustomerOfJob;
/// let customer: CustomerOfJob = toml::from_str("id = 'C-17'\nname = 'Honey & Co'\norder_number = 'PO 4711'").unwrap();
/// assert_eq!((customer.name.as_str(), customer.contact), ("Honey & Co", None));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomerOfJob {
    /// The customer's number in the office, at most 63 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The company.
    pub name: String,
    /// The number of the customer's order, at most 63 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_number: Option<String>,
    /// The name of the person to ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
}

/// One ordered article.
///
/// ```
/// use agog_jdf::build::Product;
/// let text = r#"{ "name": "Card", "quantity": 1000, "finished_size": { "width": 85, "height": 55 }, "ups": 8 }"#;
/// let card: Product = serde_json::from_str(text).unwrap();
/// assert_eq!((card.quantity, card.finished_size.width, card.ups), (1_000, 85.0, Some(8)));
/// assert!(serde_json::from_str::<Product>(&text.replace("ups", "up")).is_err(), "a misspelt field is told");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Product {
    /// What people call it.
    pub name: String,
    /// The article number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub article: Option<String>,
    /// How many are ordered, in pieces.
    pub quantity: u64,
    /// The size of the finished piece.
    pub finished_size: Size,
    /// The flat size before folding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blank_size: Option<Size>,
    /// The pages of a brochure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<u32>,
    /// How often the product is on a gang sheet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ups: Option<u32>,
    /// The print file: `file:`, `http:`, `https:`, `cid:` or a relative URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artwork: Option<String>,
    /// The structural design (CAD) file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cad_file: Option<String>,
    /// How a product on a roll is wound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub winding: Option<Winding>,
}

/// A size in millimetres; sizes in tickets are points (1/72 inch) and are converted.
///
/// ```
/// use agog_jdf::{JobDescription, build::Size, samples};
/// let mut job: JobDescription = serde_json::from_str(samples()[2].json).unwrap();
/// job.sheets[0].size = Size { width: 254.0, height: 127.0, depth: None };
/// let ticket = job.to_ticket("2025-03-01T08:00:00Z".parse().unwrap()).unwrap();
/// assert!(String::from_utf8(ticket).unwrap().contains(r#"Dimension="720"#), "10 inches");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Size {
    /// Millimetres across.
    pub width: f64,
    /// Millimetres along.
    pub height: f64,
    /// Millimetres of depth, for boxes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<f64>,
}

/// How a roll is wound for the customer.
///
/// ```
/// use agog_jdf::build::Winding;
/// let winding = Winding { direction: 4, pieces_per_roll: 2_000, core: Some(76.0), roll_diameter: None };
/// let text = serde_json::to_string(&winding).unwrap();
/// assert_eq!(text, r#"{"direction":4,"pieces_per_roll":2000,"core":76.0}"#);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Winding {
    /// The direction in which the product comes off the roll, 1 to 8 (JDF 1.5, Component `WindingResult`).
    pub direction: u8,
    /// Pieces on one roll.
    pub pieces_per_roll: u32,
    /// The inner diameter of the core in millimetres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub core: Option<f64>,
    /// The largest diameter of the roll in millimetres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roll_diameter: Option<f64>,
}

/// One printed sheet, or one repeat of a web.
///
/// ```
/// use agog_jdf::build::{Sheet, WorkStyle};
/// let cover: Sheet = serde_json::from_str(r#"{ "name": "Cover", "media": { "kind": "board", "name": "Silk 250" },
///     "size": { "width": 640, "height": 450 }, "front": ["Cyan", "Black"], "ups": 4 }"#).unwrap();
/// assert_eq!(cover.work_style, WorkStyle::Simplex, "unless the description says so, the back stays white");
/// assert_eq!((cover.front.len(), cover.back.len()), (2, 0));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sheet {
    /// The name, such as `Cover`; no two sheets share one.
    pub name: String,
    /// What is printed on.
    pub media: Media,
    /// The sheet; for a roll the width of the web and the length of one repeat.
    pub size: Size,
    /// How both sides are printed.
    #[serde(default)]
    pub work_style: WorkStyle,
    /// Colours of the front, in printing order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub front: Vec<String>,
    /// Colours of the back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub back: Vec<String>,
    /// Pieces (or sections) on one sheet or repeat where no die says so; 1 if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ups: Option<u32>,
}

/// A cutting die. How many pieces it cuts goes before what the sheet says.
///
/// ```
/// use agog_jdf::build::Die;
/// let die: Die = toml::from_str("number = 'MAG-77'\nacross = 4\nalong = 6\nfile = 'cid:mag-77.cf2'").unwrap();
/// assert_eq!(die.across * die.along, 24);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Die {
    /// The number of the tool, at most 63 characters.
    pub number: String,
    /// Pieces across the sheet or web.
    pub across: u32,
    /// Pieces along the sheet or repeat.
    pub along: u32,
    /// The drawing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

impl JobKind {
    /// All kinds.
    pub const ALL: [Self; 6] = [
        Self::FoldingCarton,
        Self::CorrugatedBox,
        Self::Label,
        Self::FlexibleFilm,
        Self::Brochure,
        Self::GangSheet,
    ];

    /// The name in descriptions and on the command line.
    ///
    /// ```
    /// assert_eq!(agog_jdf::JobKind::GangSheet.as_str(), "gang_sheet");
    /// ```
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FoldingCarton => "folding_carton",
            Self::CorrugatedBox => "corrugated_box",
            Self::Label => "label",
            Self::FlexibleFilm => "flexible_film",
            Self::Brochure => "brochure",
            Self::GangSheet => "gang_sheet",
        }
    }

    pub(super) fn is_web(self) -> bool {
        matches!(self, Self::Label | Self::FlexibleFilm)
    }

    pub(super) fn method(self) -> PrintMethod {
        match self {
            Self::FoldingCarton | Self::Brochure | Self::GangSheet => PrintMethod::Offset,
            Self::CorrugatedBox | Self::Label | Self::FlexibleFilm => PrintMethod::Flexo,
        }
    }
}

impl JobDescription {
    /// Pieces on one sheet: the die says, else the sheet.
    pub(super) fn ups(&self, sheet: &Sheet) -> u32 {
        match &self.die {
            Some(die) => die.across.saturating_mul(die.along),
            None => sheet.ups.unwrap_or(1),
        }
    }
}
