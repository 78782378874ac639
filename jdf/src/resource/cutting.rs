//! Cutting sheets into blocks, and die-cutting: the die, its stations, and the shapes that they cut.
//! Lengths are points.

use super::content::{FileSpec, NewFileSpec};
use super::device::{Device, NewDevice};
use super::gluing::WorkingDirection;
use super::media::{Media, NewMedia};
use super::press::SheetLay;

use super::PdfPath;
use super::value::enumerations;
use super::view::resources;

enumerations! {
    /// Where a cutter or folder lays sheets on.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::GuideLay::Left.as_str(), "Left");
    /// ```
    GuideLay { Left, Right }
    /// What a block is.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::BlockType::CutBlock.as_str(), "CutBlock");
    /// ```
    BlockType { CutBlock, SaveBlock, TempBlock, MarkBlock }
    /// What a die-cutter delivers.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::DeliveryMode::FullSheet.as_str(), "FullSheet");
    /// ```
    DeliveryMode { FullSheet, RemoveGripperMargin, SeparateBlanks }
    /// Whether a shape is cut or perforated.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::CutType::Cut.as_str(), "Cut");
    /// ```
    CutType { Cut, Perforate }
    /// The form of a shape.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::ShapeType::Rectangular.as_str(), "Rectangular");
    /// ```
    ShapeType { Rectangular, Round, Path, RoundedRectangle }
    /// Which way the knives point.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::DieSide::Up.as_str(), "Up");
    /// ```
    DieSide { Up, Down }
    /// Which way flutes run in a blank.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::ShapeDirection::XDirection.as_str(), "XDirection");
    /// ```
    ShapeDirection { XDirection, YDirection }
    /// A side of the stock.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::MediaSide::Front.as_str(), "Front");
    /// ```
    MediaSide { Front, Back, Both }
}

resources! {
    /// How sheets are cut into blocks (JDF 1.5, `CuttingParams`).
    ///
    /// ```
    /// use agog_jdf::resource::{Common, NewCuttingParams};
    /// let new = NewCuttingParams { common: Common::id("r1"), ..Default::default() };
    /// assert!(new.to_element().to_xml().starts_with(r#"<CuttingParams ID="r1" Class="Parameter""#));
    /// ```
    CuttingParams, NewCuttingParams, "CuttingParams", class "Parameter" {
        /// How many pieces across and down.
        n_up_separation: [f64; 2] = "NUpSeparation",
        /// Where the sheet lies on.
        sheet_lay: GuideLay = "SheetLay",
    }
    + elements {
        /// The single cuts.
        cuts: Cut, NewCut,
    }
    + resources {
        /// The blocks.
        cut_blocks: CutBlock, NewCutBlock,
    }

    /// One straight cut (JDF 1.5, `Cut`).
    ///
    /// ```
    /// use agog_jdf::resource::NewCut;
    /// assert!(NewCut::default().to_inside().to_xml().starts_with("<Cut"));
    /// ```
    Cut, NewCut, "Cut" {
        /// The width of the cut in points.
        cut_width: f64 = "CutWidth",
        /// Where it starts, in points.
        start_position: [f64; 2] = "StartPosition",
        /// From there to its end, in points.
        working_path: [f64; 2] = "WorkingPath",
        /// Where it starts, as a part of the size, 0 to 1.
        relative_start_position: [f64; 2] = "RelativeStartPosition",
        /// From there to its end, as a part of the size.
        relative_working_path: [f64; 2] = "RelativeWorkingPath",
        /// The side from which it is cut.
        working_direction: WorkingDirection = "WorkingDirection",
    }

    /// A block that sheets are cut into (JDF 1.5, `CutBlock`).
    ///
    /// ```
    /// use agog_jdf::resource::{Common, NewCutBlock};
    /// let new = NewCutBlock { common: Common::id("r1"), ..Default::default() };
    /// assert!(new.to_element().to_xml().starts_with(r#"<CutBlock ID="r1" Class="Parameter""#));
    /// ```
    CutBlock, NewCutBlock, "CutBlock", class "Parameter" {
        /// The name of the block. Required.
        block_name: String = "BlockName" or "Block",
        /// Width and height in points. Required.
        block_size: [f64; 2] = "BlockSize" or "0 0",
        /// Where the block lies on the sheet: a matrix a b c d tx ty.
        block_trf: [f64; 6] = "BlockTrf",
        /// What it is. Required.
        block_type: BlockType = "BlockType" or "CutBlock",
        /// How many pieces across and down.
        block_subdivision: [f64; 2] = "BlockSubdivision",
        /// Width and height of a piece in points.
        block_element_size: [f64; 2] = "BlockElementSize",
        /// The assemblies on it.
        assembly_ids: Vec<String> = "AssemblyIDs",
        /// The width of the cut in points.
        cut_width: f64 = "CutWidth",
    }

    /// How blanks are die-cut (JDF 1.5, `ShapeCuttingParams`).
    ///
    /// ```
    /// use agog_jdf::resource::{Common, NewShapeCuttingParams};
    /// let new = NewShapeCuttingParams { common: Common::id("r1"), ..Default::default() };
    /// assert!(new.to_element().to_xml().starts_with(r#"<ShapeCuttingParams ID="r1" Class="Parameter""#));
    /// ```
    ShapeCuttingParams, NewShapeCuttingParams, "ShapeCuttingParams", class "Parameter" {
        /// What is delivered.
        delivery_mode: DeliveryMode = "DeliveryMode",
        /// The module that cuts, from 0.
        module_index: i64 = "ModuleIndex",
        /// Where the sheet lies on.
        sheet_lay: SheetLay = "SheetLay",
    }
    + elements {
        /// The shapes that are cut.
        shapes: CutShape, NewCutShape,
    }
    + resources {
        /// The die.
        die_layouts: DieLayout, NewDieLayout,
    }

    /// A shape that is cut (JDF 1.5, `Shape`).
    ///
    /// ```
    /// use agog_jdf::resource::NewCutShape;
    /// assert!(NewCutShape::default().to_inside().to_xml().starts_with("<Shape"));
    /// ```
    CutShape, NewCutShape, "Shape" {
        /// The box around it: left, bottom, right, top in points.
        cut_box: [f64; 4] = "CutBox",
        /// Whether what is inside falls out.
        cut_out: bool = "CutOut",
        /// Its path, in the operators of PDF.
        cut_path: PdfPath = "CutPath",
        /// Cut or perforated.
        cut_type: CutType = "CutType",
        /// What is cut.
        material: String = "Material",
        /// How deep, in micrometres; through if nothing is said.
        shape_depth: f64 = "ShapeDepth",
        /// Its form. Required.
        shape_type: ShapeType = "ShapeType" or "Path",
        /// Teeth of a perforation per point.
        teeth_per_dimension: f64 = "TeethPerDimension",
    }

    /// A die: which blanks it cuts where (JDF 1.5, `DieLayout`).
    ///
    /// ```
    /// use agog_jdf::resource::{Common, NewDieLayout};
    /// let new = NewDieLayout { common: Common::id("r1"), ..Default::default() };
    /// assert!(new.to_element().to_xml().starts_with(r#"<DieLayout ID="r1" Class="Parameter""#));
    /// ```
    DieLayout, NewDieLayout, "DieLayout", class "Parameter" {
        /// The box around all: left, bottom, right, top in points.
        cut_box: [f64; 4] = "CutBox",
        /// Which way the knives point.
        die_side: DieSide = "DieSide",
        /// The side of the stock that is up.
        media_side: MediaSide = "MediaSide",
        /// Whether the stock is turned.
        rotated: bool = "Rotated",
        /// Waste in per cent of the area.
        waste: f64 = "Waste",
    }
    + elements {
        /// The stations.
        stations: Station, NewStation,
        /// How much rule of each kind it takes.
        rule_lengths: RuleLength, NewRuleLength,
    }
    + resources {
        /// The stock that it is for.
        media: Media, NewMedia,
        /// The drawing, such as CFF2 or DDES3.
        files: FileSpec, NewFileSpec,
        /// The machine that it is for.
        devices: Device, NewDevice,
    }

    /// A station of a die: one blank (JDF 1.5, `Station`).
    ///
    /// ```
    /// use agog_jdf::resource::NewStation;
    /// assert!(NewStation::default().to_inside().to_xml().starts_with("<Station"));
    /// ```
    Station, NewStation, "Station" {
        /// Its name.
        station_name: String = "StationName",
        /// How many of it are on the die.
        station_amount: i64 = "StationAmount",
        /// The assemblies that it cuts.
        assembly_ids: Vec<String> = "AssemblyIDs",
    }
    + resources {
        /// The structure of the blank.
        shape_defs: ShapeDef, NewShapeDef,
    }

    /// How much rule of a kind a die takes (JDF 1.5, `RuleLength`).
    ///
    /// ```
    /// use agog_jdf::resource::NewRuleLength;
    /// assert!(NewRuleLength::default().to_inside().to_xml().starts_with("<RuleLength"));
    /// ```
    RuleLength, NewRuleLength, "RuleLength" {
        /// The kind, by the numbers of DDES. Required.
        ddes_cut_type: i64 = "DDESCutType" or "0",
        /// The length in points. Required.
        length: f64 = "Length" or "0",
    }

    /// The structure of a box or label (JDF 1.5, `ShapeDef`).
    ///
    /// ```
    /// use agog_jdf::resource::{Common, NewShapeDef};
    /// let new = NewShapeDef { common: Common::id("r1"), ..Default::default() };
    /// assert!(new.to_element().to_xml().starts_with(r#"<ShapeDef ID="r1" Class="Parameter""#));
    /// ```
    ShapeDef, NewShapeDef, "ShapeDef", class "Parameter" {
        /// The area of the blank in m².
        area: f64 = "Area",
        /// The box around the blank: left, bottom, right, top in points.
        cut_box: [f64; 4] = "CutBox",
        /// The open box: width, height and depth in points.
        dimensions: [f64; 3] = "Dimensions",
        /// The flat box: width, height and thickness in points.
        flat_dimensions: [f64; 3] = "FlatDimensions",
        /// Which way the flutes run.
        flute_direction: ShapeDirection = "FluteDirection",
        /// The side of the stock that is out.
        media_side: MediaSide = "MediaSide",
        /// The weight of one, in grams.
        resource_weight: f64 = "ResourceWeight",
    }
    + resources {
        /// The stock.
        media: Media, NewMedia,
        /// The drawing.
        files: FileSpec, NewFileSpec,
    }
}
