//! Glue: lines of it, and how it is put on.

use super::value::enumerations;
use super::view::resources;

enumerations! {
    /// What kind of glue.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::GlueType::from("Hotmelt"), agog_jdf::resource::GlueType::Hotmelt);
    /// ```
    GlueType { ColdGlue, Hotmelt, PUR }
    /// The side from which something is done.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::WorkingDirection::Top.as_str(), "Top");
    /// ```
    WorkingDirection { Top, Bottom }
}

resources! {
    /// A line or area of glue (JDF 1.5, `GlueLine`).
    ///
    /// ```
    /// use agog_jdf::resource::{GlueType, NewGlueLine};
    /// let line = NewGlueLine { glue_type: Some(GlueType::ColdGlue), working_path: Some([0.0, 566.9]), ..Default::default() };
    /// assert_eq!(line.to_inside().to_xml(), r#"<GlueLine GlueType="ColdGlue" WorkingPath="0 566.9"/>"#);
    /// ```
    GlueLine, NewGlueLine, "GlueLine", class "Parameter" {
        /// What kind of glue.
        glue_type: GlueType = "GlueType",
        /// The brand.
        glue_brand: String = "GlueBrand",
        /// The width of the line in points.
        glue_line_width: f64 = "GlueLineWidth",
        /// Lengths of glue and gap in turn, in points.
        gluing_pattern: [f64; 2] = "GluingPattern",
        /// At how many °C it melts.
        melting_temperature: i64 = "MeltingTemperature",
        /// Where it starts, in points.
        start_position: [f64; 2] = "StartPosition",
        /// From there to its end, in points.
        working_path: [f64; 2] = "WorkingPath",
        /// Where it starts, as a part of the component's size, 0 to 1.
        relative_start_position: [f64; 2] = "RelativeStartPosition",
        /// From there to its end, as a part of the component's size.
        relative_working_path: [f64; 2] = "RelativeWorkingPath",
        /// Whether the whole area is glued.
        area_glue: bool = "AreaGlue",
    }
}
