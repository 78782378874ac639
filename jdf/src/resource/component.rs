//! What a process makes or takes: printed sheets, blanks, boxes, blocks, finished products.

use rust_decimal::Decimal;

use super::Ranges;
use super::media::{Media, NewMedia};
use super::value::enumerations;
use super::view::resources;

enumerations! {
    /// What a component is; one of the first kind and `FinalProduct` or `PartialProduct`.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::ComponentType::from("Sheet").as_str(), "Sheet");
    /// ```
    ComponentType { Block, Ribbon, Sheet, Web, FinalProduct, PartialProduct, Proof, Unlisted = "Other" }
    /// Front or back.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::Side::Front.as_str(), "Front");
    /// ```
    Side { Front, Back }
    /// Whether something is the same for every copy.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::Automation::Dynamic.as_str(), "Dynamic");
    /// ```
    Automation { Static, Dynamic }
}

resources! {
    /// What a process makes or takes (JDF 1.5, `Component`).
    ///
    /// ```
    /// use agog_jdf::resource::{Common, ComponentType, NewComponent};
    /// let label = NewComponent {
    ///     common: Common::id("c"),
    ///     component_type: Some(vec![ComponentType::Web, ComponentType::FinalProduct]),
    ///     winding_result: Some(3),
    ///     ..Default::default()
    /// };
    /// assert!(label.to_element().to_xml().ends_with(r#"ComponentType="Web FinalProduct" WindingResult="3"/>"#));
    /// ```
    Component, NewComponent, "Component", class "Quantity" {
        /// What it is, and whether it is finished. Required: `PartialProduct` if nothing is said.
        component_type: Vec<ComponentType> = "ComponentType" or "PartialProduct",
        /// Width, height and thickness in points.
        dimensions: [f64; 3] = "Dimensions",
        /// What it is to its buyer, such as `BlankBox`, `FlatBox`, `Label`, `Cover`, `Body`.
        product_type: String = "ProductType",
        /// More about that.
        product_type_details: String = "ProductTypeDetails",
        /// How a roll of labels is wound, by the numbers of the FINAT scheme.
        winding_result: i64 = "WindingResult",
        /// The assembly or die stations it comes from.
        assembly_ids: Vec<String> = "AssemblyIDs",
        /// Whether it is the same for every copy.
        automation: Automation = "Automation",
        /// Lengths of the flaps of a carton's lid, in points.
        carton_top_flaps: [f64; 2] = "CartonTopFlaps",
        /// How many columns of finished product a web has.
        columns: i64 = "Columns",
        /// Whether it is waste.
        is_waste: bool = "IsWaste",
        /// The highest temperature that it stands, in °C.
        max_heat: f64 = "MaxHeat",
        /// The overfold in points.
        overfold: f64 = "Overfold",
        /// The side with the overfold.
        overfold_side: Side = "OverfoldSide",
        /// Its pages in the page list.
        page_list_index: Ranges = "PageListIndex",
        /// How many pages a reader sees.
        reader_page_count: i64 = "ReaderPageCount",
        /// How many surfaces it has.
        surface_count: i64 = "SurfaceCount",
        /// The part of the sheet that it is: left, bottom, right, top in points.
        sheet_part: [f64; 4] = "SheetPart",
        /// The ribbon that it comes from.
        source_ribbon: String = "SourceRibbon",
        /// The sheet that it comes from.
        source_sheet: String = "SourceSheet",
        /// The web that it comes from.
        source_web: String = "SourceWeb",
        /// The thickness of the spine in points.
        spine_thickness: f64 = "SpineThickness",
        /// How it lies: a matrix a b c d tx ty.
        transformation: [f64; 6] = "Transformation",
        /// The brand.
        brand: String = "Brand",
        /// Who makes it.
        manufacturer: String = "Manufacturer",
        /// What is in stock, in `unit`.
        amount: Decimal = "Amount",
        /// The unit of amounts.
        unit: String = "Unit",
        /// The weight of one, in grams.
        resource_weight: f64 = "ResourceWeight",
    }
    + resources {
        /// What it is made of.
        media: Media, NewMedia,
    }
}
