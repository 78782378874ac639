//! Where things lie on a sheet: stripping, binder's signatures, and laid-out surfaces. Lengths are points.

use super::Ranges;
use super::converting::{Fold, NewFold};
use super::cutting::{DieLayout, NewDieLayout};
use super::device::{Device, NewDevice};
use super::media::{Media, NewMedia};
use super::press::WorkStyle;

use super::value::enumerations;
use super::view::resources;

enumerations! {
    /// How something is turned, and whether it is flipped.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::Orientation::Rotate0.as_str(), "Rotate0");
    /// ```
    Orientation { Rotate0, Rotate90, Rotate180, Rotate270, Flip0, Flip90, Flip180, Flip270 }
    /// How a binder's signature is described.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::BinderySignatureType::Die.as_str(), "Die");
    /// ```
    BinderySignatureType { Die, Fold, Grid }
    /// An edge.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::BindingEdge::Left.as_str(), "Left");
    /// ```
    BindingEdge { Left, Right, Top, Bottom, None }
    /// Where the head of a page is.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::CellOrientation::Up.as_str(), "Up");
    /// ```
    CellOrientation { Up, Down, Left, Right }
    /// Which sides of a cell hold content.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::CellSides::OneSided.as_str(), "OneSided");
    /// ```
    CellSides { OneSided, TwoSidedHeadToHead, TwoSidedHeadToFoot }
}

resources! {
    /// What lies where on a press sheet, before pages are known (JDF 1.5, `StrippingParams`).
    ///
    /// ```
    /// use agog_jdf::resource::{Common, NewStrippingParams};
    /// let new = NewStrippingParams { common: Common::id("r1"), ..Default::default() };
    /// assert!(new.to_element().to_xml().starts_with(r#"<StrippingParams ID="r1" Class="Parameter""#));
    /// ```
    StrippingParams, NewStrippingParams, "StrippingParams", class "Parameter" {
        /// How the sides are printed.
        work_style: WorkStyle = "WorkStyle",
        /// The assembly on it (before JDF 1.3).
        assembly_id: String = "AssemblyID",
        /// The assemblies on it.
        assembly_ids: Vec<String> = "AssemblyIDs",
        /// Whether it is filled from templates.
        automated: bool = "Automated",
        /// What of a gang it is.
        gang_element_id: String = "GangElementID",
        /// The job that it belongs to, on a gang sheet.
        job_id: String = "JobID",
        /// The sections, from 0.
        section_list: Vec<i64> = "SectionList",
        /// How many sheets are stacked before cutting.
        stack_depth: i64 = "StackDepth",
        /// Shingling of the innermost sheet in points.
        innermost_shingling: f64 = "InnermostShingling",
        /// Shingling of the outermost sheet in points.
        outermost_shingling: f64 = "OutermostShingling",
    }
    + elements {
        /// Where the signature lies.
        positions: Position, NewPosition,
        /// Sizes of its cells.
        strip_cells: StripCellParams, NewStripCellParams,
    }
    + resources {
        /// What lies there.
        bindery_signatures: BinderySignature, NewBinderySignature,
        /// The stock and the plate.
        media: Media, NewMedia,
        /// The press.
        devices: Device, NewDevice,
    }

    /// Where a binder's signature lies on the sheet (JDF 1.5, `Position`).
    ///
    /// ```
    /// use agog_jdf::resource::NewPosition;
    /// assert!(NewPosition::default().to_inside().to_xml().starts_with("<Position"));
    /// ```
    Position, NewPosition, "Position" {
        /// The box as a part of the sheet: left, bottom, right, top, 0 to 1.
        relative_box: [f64; 4] = "RelativeBox",
        /// The box in points: left, bottom, right, top.
        absolute_box: [f64; 4] = "AbsoluteBox",
        /// The block that it is.
        block_name: String = "BlockName",
        /// How it is turned.
        orientation: Orientation = "Orientation",
        /// The margin at the bottom in points.
        margin_bottom: f64 = "MarginBottom",
        /// The margin at the left in points.
        margin_left: f64 = "MarginLeft",
        /// The margin at the right in points.
        margin_right: f64 = "MarginRight",
        /// The margin at the top in points.
        margin_top: f64 = "MarginTop",
    }

    /// Sizes of the cells of a binder's signature (JDF 1.5, `StripCellParams`).
    ///
    /// ```
    /// use agog_jdf::resource::NewStripCellParams;
    /// assert!(NewStripCellParams::default().to_inside().to_xml().starts_with("<StripCellParams"));
    /// ```
    StripCellParams, NewStripCellParams, "StripCellParams" {
        /// Width and height of the trimmed page in points.
        trim_size: [f64; 2] = "TrimSize",
        /// Bleed at the face in points.
        bleed_face: f64 = "BleedFace",
        /// Bleed at the spine in points.
        bleed_spine: f64 = "BleedSpine",
        /// Bleed at the head in points.
        bleed_head: f64 = "BleedHead",
        /// Bleed at the foot in points.
        bleed_foot: f64 = "BleedFoot",
        /// Trim at the face in points.
        trim_face: f64 = "TrimFace",
        /// Trim at the head in points.
        trim_head: f64 = "TrimHead",
        /// Trim at the foot in points.
        trim_foot: f64 = "TrimFoot",
        /// Distance at the spine in points.
        spine: f64 = "Spine",
        /// Overfold of the front in points.
        front_overfold: f64 = "FrontOverfold",
        /// Overfold of the back in points.
        back_overfold: f64 = "BackOverfold",
        /// What is milled off, in points.
        milling_depth: f64 = "MillingDepth",
        /// Width of the cut at the head in points.
        cut_width_head: f64 = "CutWidthHead",
        /// Width of the cut at the foot in points.
        cut_width_foot: f64 = "CutWidthFoot",
        /// Creep along x and y in points.
        creep: [f64; 2] = "Creep",
        /// Which sides hold content.
        sides: CellSides = "Sides",
    }

    /// A folded sheet, a grid, or a die, as one piece of a press sheet (JDF 1.5, `BinderySignature`).
    ///
    /// ```
    /// use agog_jdf::resource::{Common, NewBinderySignature};
    /// let new = NewBinderySignature { common: Common::id("r1"), ..Default::default() };
    /// assert!(new.to_element().to_xml().starts_with(r#"<BinderySignature ID="r1" Class="Parameter""#));
    /// ```
    BinderySignature, NewBinderySignature, "BinderySignature", class "Parameter" {
        /// How it is described.
        bindery_signature_type: BinderySignatureType = "BinderySignatureType",
        /// The fold by the catalogue, such as `F8-7`.
        fold_catalog: String = "FoldCatalog",
        /// How many cells across and down.
        number_up: [f64; 2] = "NumberUp",
        /// The edge of the spine.
        binding_edge: BindingEdge = "BindingEdge",
        /// How it is turned for binding.
        binding_orientation: Orientation = "BindingOrientation",
        /// The edge at which is jogged.
        jog_edge: BindingEdge = "JogEdge",
        /// How it is turned for folding.
        fold_lay: Orientation = "FoldLay",
        /// Whether there are gutters outside.
        outside_gutter: bool = "OutsideGutter",
        /// Shifts of the columns, as parts of a cell.
        stagger_columns: Vec<f64> = "StaggerColumns",
        /// Shifts of the rows, as parts of a cell.
        stagger_rows: Vec<f64> = "StaggerRows",
        /// Bleed at the bottom in points.
        bleed_bottom: f64 = "BleedBottom",
        /// Bleed at the left in points.
        bleed_left: f64 = "BleedLeft",
        /// Bleed at the right in points.
        bleed_right: f64 = "BleedRight",
        /// Bleed at the top in points.
        bleed_top: f64 = "BleedTop",
        /// Trim at the bottom in points.
        trim_bottom: f64 = "TrimBottom",
        /// Trim at the left in points.
        trim_left: f64 = "TrimLeft",
        /// Trim at the right in points.
        trim_right: f64 = "TrimRight",
        /// Trim at the top in points.
        trim_top: f64 = "TrimTop",
    }
    + elements {
        /// The folds, in order.
        folds: Fold, NewFold,
        /// The pages, cell by cell.
        signature_cells: SignatureCell, NewSignatureCell,
    }
    + resources {
        /// The die.
        die_layouts: DieLayout, NewDieLayout,
    }

    /// The pages of a cell (JDF 1.5, `SignatureCell`).
    ///
    /// ```
    /// use agog_jdf::resource::NewSignatureCell;
    /// assert!(NewSignatureCell::default().to_inside().to_xml().starts_with("<SignatureCell"));
    /// ```
    SignatureCell, NewSignatureCell, "SignatureCell" {
        /// Pages of the front, from 0.
        front_pages: Vec<i64> = "FrontPages",
        /// Pages of the back, from 0.
        back_pages: Vec<i64> = "BackPages",
        /// Where the head is.
        orientation: CellOrientation = "Orientation",
        /// The section, from 0.
        section_index: i64 = "SectionIndex",
        /// The station of the die.
        station_name: String = "StationName",
        /// How far pages are turned against bottling, in degrees.
        bottle_angle: f64 = "BottleAngle",
    }

    /// Surfaces with content and marks, partitioned by signature, sheet and side (JDF 1.5, `Layout`).
    ///
    /// ```
    /// use agog_jdf::resource::{Common, NewLayout};
    /// let new = NewLayout { common: Common::id("r1"), ..Default::default() };
    /// assert!(new.to_element().to_xml().starts_with(r#"<Layout ID="r1" Class="Parameter""#));
    /// ```
    Layout, NewLayout, "Layout", class "Parameter" {
        /// Its name.
        name: String = "Name",
        /// Whether it is filled by rules.
        automated: bool = "Automated",
        /// How many pages are taken at once.
        max_ord: i64 = "MaxOrd",
        /// How many documents are taken at once.
        max_doc_ord: i64 = "MaxDocOrd",
        /// How many sets are taken at once.
        max_set_ord: i64 = "MaxSetOrd",
        /// Whether front and back share the origin.
        lock_origins: bool = "LockOrigins",
        /// The pages that it takes.
        ords_consumed: Ranges = "OrdsConsumed",
        /// How the sides are printed.
        source_work_style: WorkStyle = "SourceWorkStyle",
        /// The surface: left, bottom, right, top in points.
        surface_contents_box: [f64; 4] = "SurfaceContentsBox",
    }
    + elements {
        /// The pages.
        content_objects: ContentObject, NewContentObject,
        /// The marks.
        mark_objects: MarkObject, NewMarkObject,
    }
    + resources {
        /// The stock and the plate.
        media: Media, NewMedia,
    }

    /// A page on a surface (JDF 1.5, `ContentObject`).
    ///
    /// ```
    /// use agog_jdf::resource::NewContentObject;
    /// assert!(NewContentObject::default().to_inside().to_xml().starts_with("<ContentObject"));
    /// ```
    ContentObject, NewContentObject, "ContentObject" {
        /// Where it lies: a matrix a b c d tx ty. Required.
        ctm: [f64; 6] = "CTM" or "1 0 0 1 0 0",
        /// Which page of the run list, from 0.
        ord: i64 = "Ord",
        /// What of it is shown: left, bottom, right, top in points.
        clip_box: [f64; 4] = "ClipBox",
        /// Where the trim box lies: a matrix.
        trim_ctm: [f64; 6] = "TrimCTM",
        /// Width and height of the trimmed page in points.
        trim_size: [f64; 2] = "TrimSize",
        /// The assemblies that it belongs to.
        assembly_ids: Vec<String> = "AssemblyIDs",
    }

    /// A mark on a surface (JDF 1.5, `MarkObject`).
    ///
    /// ```
    /// use agog_jdf::resource::NewMarkObject;
    /// assert!(NewMarkObject::default().to_inside().to_xml().starts_with("<MarkObject"));
    /// ```
    MarkObject, NewMarkObject, "MarkObject" {
        /// Where it lies: a matrix a b c d tx ty. Required.
        ctm: [f64; 6] = "CTM" or "1 0 0 1 0 0",
        /// Which page of the run list of marks, from 0.
        ord: i64 = "Ord",
        /// What of it is shown: left, bottom, right, top in points.
        clip_box: [f64; 4] = "ClipBox",
    }
}
