//! Converting and finishing: folding boxes and sheets, gluing, laminating, embossing, stitching, stacking and
//! palletizing. Lengths are points.

use super::component::{Component, NewComponent};
use super::cutting::GuideLay;
use super::gluing::{GlueLine, NewGlueLine, WorkingDirection};
use super::media::{Media, NewMedia};

use super::value::enumerations;
use super::view::resources;

enumerations! {
    /// The design of a folding box, by the drawings of the specification.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::BoxFoldingType::Type00.as_str(), "Type00");
    /// ```
    BoxFoldingType { Type00, Type01, Type02, Type03, Type04, Type10, Type11, Type12, Type13, Type15, Type20 }
    /// One step of a folder-gluer.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::BoxFoldOperation::LongFoldLeftToRight.as_str(), "LongFoldLeftToRight");
    /// ```
    BoxFoldOperation { LongFoldLeftToRight, LongFoldRightToLeft, LongPreFoldLeftToRight, LongPreFoldRightToLeft, FrontFoldComplete, FrontFoldDiagonal, FrontFoldCompleteDiagonal, BackFoldComplete, BackFoldDiagonal, BackFoldCompleteDiagonal, ReverseFold, Milling, Rotate90, Rotate180, Rotate270 }
    /// How foil is laminated.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::LaminatingMethod::CompoundFoil.as_str(), "CompoundFoil");
    /// ```
    LaminatingMethod { CompoundFoil, DispersionGlue, Fusing, Unknown }
    /// Which way the image stands out.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::EmbossingDirection::Both.as_str(), "Both");
    /// ```
    EmbossingDirection { Both, Flat, Raised, Depressed }
    /// What embossing does.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::EmbossingType::BlindEmbossing.as_str(), "BlindEmbossing");
    /// ```
    EmbossingType { BlindEmbossing, Braille, EmbossedFinish, FoilEmbossing, FoilStamping, RegisteredEmbossing }
    /// The form of an embossed edge.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::EmbossingEdge::Beveled.as_str(), "Beveled");
    /// ```
    EmbossingEdge { Beveled, Rounded }
    /// The levels of an embossed image.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::EmbossingLevel::SingleLevel.as_str(), "SingleLevel");
    /// ```
    EmbossingLevel { SingleLevel, MultiLevel, Sculpted }
    /// How a fold is described.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::FoldDescription::FoldProc.as_str(), "FoldProc");
    /// ```
    FoldDescription { FoldProc, FoldCatalog }
    /// The edge from which is folded.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::FoldFrom::Front.as_str(), "Front");
    /// ```
    FoldFrom { Front, Left }
    /// Which way is folded.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::FoldTo::Up.as_str(), "Up");
    /// ```
    FoldTo { Up, Down }
    /// Where is stitched.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::StitchType::Saddle.as_str(), "Saddle");
    /// ```
    StitchType { Saddle, Side, Corner }
    /// The form of a staple.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::StapleShape::Crown.as_str(), "Crown");
    /// ```
    StapleShape { Crown, Overlap, Butted, ClinchOut, Eyelet }
    /// The edge at which is stitched.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::ReferenceEdge::Top.as_str(), "Top");
    /// ```
    ReferenceEdge { Top, Left, Right, Bottom }
    /// Which stacks are stacked beforehand.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::PreStackMethod::All.as_str(), "All");
    /// ```
    PreStackMethod { All, First, None }
}

resources! {
    /// How blanks are folded and glued to flat boxes (JDF 1.5, `BoxFoldingParams`).
    ///
    /// ```
    /// use agog_jdf::resource::{Common, NewBoxFoldingParams};
    /// let new = NewBoxFoldingParams { common: Common::id("r1"), ..Default::default() };
    /// assert!(new.to_element().to_xml().starts_with(r#"<BoxFoldingParams ID="r1" Class="Parameter""#));
    /// ```
    BoxFoldingParams, NewBoxFoldingParams, "BoxFoldingParams", class "Parameter" {
        /// The design.
        box_folding_type: BoxFoldingType = "BoxFoldingType",
        /// Distances of the creases along x from the left, in points.
        blank_dimensions_x: Vec<f64> = "BlankDimensionsX",
        /// Distances of the creases along y from the bottom, in points.
        blank_dimensions_y: Vec<f64> = "BlankDimensionsY",
    }
    + elements {
        /// The steps, in order.
        box_fold_actions: BoxFoldAction, NewBoxFoldAction,
        /// What is applied to the box.
        box_applications: BoxApplication, NewBoxApplication,
    }
    + resources {
        /// Where glue goes.
        glue_lines: GlueLine, NewGlueLine,
    }

    /// One step of a folder-gluer (JDF 1.5, `BoxFoldAction`).
    ///
    /// ```
    /// use agog_jdf::resource::NewBoxFoldAction;
    /// assert!(NewBoxFoldAction::default().to_inside().to_xml().starts_with("<BoxFoldAction"));
    /// ```
    BoxFoldAction, NewBoxFoldAction, "BoxFoldAction" {
        /// What is done.
        action: BoxFoldOperation = "Action",
        /// The crease along x and y, from 0; -1 for all. Required.
        fold_index: [f64; 2] = "FoldIndex" or "-1 -1",
    }
    + resources {
        /// Glue of this step.
        glue_lines: GlueLine, NewGlueLine,
    }

    /// Something applied to a box, such as a window (JDF 1.5, `BoxApplication`).
    ///
    /// ```
    /// use agog_jdf::resource::NewBoxApplication;
    /// assert!(NewBoxApplication::default().to_inside().to_xml().starts_with("<BoxApplication"));
    /// ```
    BoxApplication, NewBoxApplication, "BoxApplication" {
        /// Where: left, bottom, right, top in points.
        application_area: [f64; 4] = "ApplicationArea",
    }
    + resources {
        /// What is applied.
        components: Component, NewComponent,
        /// Glue under it.
        glue_lines: GlueLine, NewGlueLine,
    }

    /// Where glue is put (JDF 1.5, `GluingParams`).
    ///
    /// ```
    /// use agog_jdf::resource::{Common, NewGluingParams};
    /// let new = NewGluingParams { common: Common::id("r1"), ..Default::default() };
    /// assert!(new.to_element().to_xml().starts_with(r#"<GluingParams ID="r1" Class="Parameter""#));
    /// ```
    GluingParams, NewGluingParams, "GluingParams", class "Parameter" {
        /// The name of the glue pattern.
        gluing_production_id: String = "GluingProductionID",
    }
    + elements {
        /// The lines, by working direction.
        glues: Glue, NewGlue,
    }

    /// Glue from one side (JDF 1.5, `Glue`).
    ///
    /// ```
    /// use agog_jdf::resource::NewGlue;
    /// assert!(NewGlue::default().to_inside().to_xml().starts_with("<Glue"));
    /// ```
    Glue, NewGlue, "Glue" {
        /// The side from which it is put on.
        working_direction: WorkingDirection = "WorkingDirection",
    }
    + resources {
        /// The lines.
        glue_lines: GlueLine, NewGlueLine,
    }

    /// How foil is laminated (JDF 1.5, `LaminatingParams`).
    ///
    /// ```
    /// use agog_jdf::resource::{Common, NewLaminatingParams};
    /// let new = NewLaminatingParams { common: Common::id("r1"), ..Default::default() };
    /// assert!(new.to_element().to_xml().starts_with(r#"<LaminatingParams ID="r1" Class="Parameter""#));
    /// ```
    LaminatingParams, NewLaminatingParams, "LaminatingParams", class "Parameter" {
        /// How it is done.
        laminating_method: LaminatingMethod = "LaminatingMethod",
        /// What is laminated: left, bottom, right, top in points.
        laminating_box: [f64; 4] = "LaminatingBox",
        /// The glue.
        adhesive_type: String = "AdhesiveType",
        /// The hardener.
        hardener_type: String = "HardenerType",
        /// Gaps between laminated windows, in points.
        gap_list: Vec<f64> = "GapList",
        /// The width of the nip in points.
        nip_width: f64 = "NipWidth",
        /// In °C.
        temperature: f64 = "Temperature",
        /// The module that laminates, from 0.
        module_index: i64 = "ModuleIndex",
    }

    /// What is embossed or hot-foil stamped (JDF 1.5, `EmbossingParams`).
    ///
    /// ```
    /// use agog_jdf::resource::{Common, NewEmbossingParams};
    /// let new = NewEmbossingParams { common: Common::id("r1"), ..Default::default() };
    /// assert!(new.to_element().to_xml().starts_with(r#"<EmbossingParams ID="r1" Class="Parameter""#));
    /// ```
    EmbossingParams, NewEmbossingParams, "EmbossingParams", class "Parameter" {
        /// The module that embosses, from 0.
        module_index: i64 = "ModuleIndex",
    }
    + elements {
        /// The images.
        embosses: Emboss, NewEmboss,
    }

    /// One embossed image (JDF 1.5, `Emboss`).
    ///
    /// ```
    /// use agog_jdf::resource::NewEmboss;
    /// assert!(NewEmboss::default().to_inside().to_xml().starts_with("<Emboss"));
    /// ```
    Emboss, NewEmboss, "Emboss" {
        /// Which way it stands out. Required.
        direction: EmbossingDirection = "Direction" or "Raised",
        /// What is done. Required.
        embossing_type: EmbossingType = "EmbossingType" or "BlindEmbossing",
        /// The angle of the edge in degrees.
        edge_angle: f64 = "EdgeAngle",
        /// The form of the edge.
        edge_shape: EmbossingEdge = "EdgeShape",
        /// The levels of the image.
        level: EmbossingLevel = "Level",
        /// The height in points.
        height: f64 = "Height",
        /// Width and height in points.
        image_size: [f64; 2] = "ImageSize",
        /// Its lower left corner in points.
        position: [f64; 2] = "Position",
    }
    + resources {
        /// The foil.
        media: Media, NewMedia,
    }

    /// How sheets are folded (JDF 1.5, `FoldingParams`).
    ///
    /// ```
    /// use agog_jdf::resource::{Common, NewFoldingParams};
    /// let new = NewFoldingParams { common: Common::id("r1"), ..Default::default() };
    /// assert!(new.to_element().to_xml().starts_with(r#"<FoldingParams ID="r1" Class="Parameter""#));
    /// ```
    FoldingParams, NewFoldingParams, "FoldingParams", class "Parameter" {
        /// The fold by the catalogue, such as `F8-7`.
        fold_catalog: String = "FoldCatalog",
        /// Whether the catalogue or the folds below describe it.
        description_type: FoldDescription = "DescriptionType",
        /// Width and height of the sheet in points.
        fold_sheet_in: [f64; 2] = "FoldSheetIn",
        /// Where the sheet lies on.
        sheet_lay: GuideLay = "SheetLay",
    }
    + elements {
        /// The folds, in order.
        folds: Fold, NewFold,
    }

    /// One fold (JDF 1.5, `Fold`).
    ///
    /// ```
    /// use agog_jdf::resource::NewFold;
    /// assert!(NewFold::default().to_inside().to_xml().starts_with("<Fold"));
    /// ```
    Fold, NewFold, "Fold" {
        /// The edge from which is folded. Required.
        from: FoldFrom = "From" or "Front",
        /// Which way. Required.
        to: FoldTo = "To" or "Up",
        /// How far from that edge, in points.
        travel: f64 = "Travel",
        /// How far, as a part of the size, 0 to 1.
        relative_travel: f64 = "RelativeTravel",
    }

    /// How is stitched (JDF 1.5, `StitchingParams`).
    ///
    /// ```
    /// use agog_jdf::resource::{Common, NewStitchingParams};
    /// let new = NewStitchingParams { common: Common::id("r1"), ..Default::default() };
    /// assert!(new.to_element().to_xml().starts_with(r#"<StitchingParams ID="r1" Class="Parameter""#));
    /// ```
    StitchingParams, NewStitchingParams, "StitchingParams", class "Parameter" {
        /// Where is stitched.
        stitch_type: StitchType = "StitchType",
        /// How many staples.
        number_of_stitches: i64 = "NumberOfStitches",
        /// Where the staples are, from the bottom, in points.
        stitch_positions: Vec<f64> = "StitchPositions",
        /// The width of a staple in points.
        stitch_width: f64 = "StitchWidth",
        /// Whether from the front.
        stitch_from_front: bool = "StitchFromFront",
        /// The form of a staple.
        staple_shape: StapleShape = "StapleShape",
        /// The brand of the wire.
        wire_brand: String = "WireBrand",
        /// The thickness of the wire in points.
        wire_gauge: f64 = "WireGauge",
        /// The angle of the staples in degrees.
        angle: f64 = "Angle",
        /// From the reference edge, in points.
        offset: f64 = "Offset",
        /// The edge at which is stitched.
        reference_edge: ReferenceEdge = "ReferenceEdge",
    }

    /// How stacks are built (JDF 1.5, `StackingParams`).
    ///
    /// ```
    /// use agog_jdf::resource::{Common, NewStackingParams};
    /// let new = NewStackingParams { common: Common::id("r1"), ..Default::default() };
    /// assert!(new.to_element().to_xml().starts_with(r#"<StackingParams ID="r1" Class="Parameter""#));
    /// ```
    StackingParams, NewStackingParams, "StackingParams", class "Parameter" {
        /// How many in a stack.
        standard_amount: i64 = "StandardAmount",
        /// How many in each layer.
        layer_amount: Vec<i64> = "LayerAmount",
        /// The most in a stack.
        max_amount: i64 = "MaxAmount",
        /// The least in a stack.
        min_amount: i64 = "MinAmount",
        /// The weight of a stack at most, in grams.
        max_weight: f64 = "MaxWeight",
        /// How many layers of bundles.
        bundle_depth: i64 = "BundleDepth",
        /// Whether layers are turned by 180°.
        compensate: bool = "Compensate",
        /// Whether the stack is lifted for a layer.
        layer_lift: bool = "LayerLift",
        /// Whether a layer is pressed.
        layer_compression: bool = "LayerCompression",
        /// Whether the stack is pressed.
        stack_compression: bool = "StackCompression",
        /// Whether stacks are shifted against each other.
        offset: bool = "Offset",
        /// How many in a stack made beforehand.
        pre_stack_amount: i64 = "PreStackAmount",
        /// Which stacks are made beforehand.
        pre_stack_method: PreStackMethod = "PreStackMethod",
        /// How many underlays at each layer.
        under_lays: Vec<i64> = "UnderLays",
    }

    /// How pallets are loaded (JDF 1.5, `PalletizingParams`).
    ///
    /// ```
    /// use agog_jdf::resource::{Common, NewPalletizingParams};
    /// let new = NewPalletizingParams { common: Common::id("r1"), ..Default::default() };
    /// assert!(new.to_element().to_xml().starts_with(r#"<PalletizingParams ID="r1" Class="Parameter""#));
    /// ```
    PalletizingParams, NewPalletizingParams, "PalletizingParams", class "Parameter" {
        /// The name of the pattern.
        pattern: String = "Pattern",
        /// How many in each layer.
        layer_amount: Vec<i64> = "LayerAmount",
        /// The height at most, in points.
        max_height: f64 = "MaxHeight",
        /// The weight at most, in grams.
        max_weight: f64 = "MaxWeight",
        /// How far it may stand out, in points.
        overhang: [f64; 2] = "Overhang",
        /// From the centre of the pallet, in points.
        overhang_offset: [f64; 2] = "OverhangOffset",
    }
}
