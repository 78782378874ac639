//! Colour: which colorants are printed in which order, what they look like, and how colours are converted.

use super::content::{FileSpec, NewFileSpec};
use super::device::{Device, NewDevice};

use super::value::enumerations;
use super::view::resources;

enumerations! {
    /// Which values a colour is mapped by.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::MappingSelection::UsePDLValues.as_str(), "UsePDLValues");
    /// ```
    MappingSelection { UsePDLValues, UseLocalPrinterValues, UseProcessColorValues }
    /// What a colour is.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::ColorType::DieLine.as_str(), "DieLine");
    /// ```
    ColorType { DieLine, Normal, Transparent, Opaque, OpaqueIgnore }
    /// What is done with a colour.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::ColorOperation::Convert.as_str(), "Convert");
    /// ```
    ColorOperation { Convert, Tag, Untag, Retag, ConvertIgnore }
    /// The colour space that a conversion is for.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::SourceColorSpace::CalGray.as_str(), "CalGray");
    /// ```
    SourceColorSpace { CalGray, CalRGB, Calibrated, CIEBased, CMYK, DeviceN, DevIndep, RGB, Gray, ICCBased, ICCCMYK, ICCGray, ICCLAB, ICCRGB, Lab, Separation, YUV, All }
    /// What counts in a conversion.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::RenderingIntent::ColorSpaceDependent.as_str(), "ColorSpaceDependent");
    /// ```
    RenderingIntent { ColorSpaceDependent, Perceptual, Saturation, RelativeColorimetric, AbsoluteColorimetric }
    /// The objects that a conversion is for.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::SourceObject::All.as_str(), "All");
    /// ```
    SourceObject { All, ImagePhotographic, ImageScreenShot, LineArt, SmoothShades, Text }
    /// Which profile wins.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::IccProfileUsage::UsePDL.as_str(), "UsePDL");
    /// ```
    IccProfileUsage { UsePDL, UseSupplied }
}

resources! {
    /// Which colorants are printed, in which order (JDF 1.5, `ColorantControl`).
    ///
    /// ```
    /// use agog_jdf::resource::{Common, NewColorantControl};
    /// let new = NewColorantControl { common: Common::id("r1"), ..Default::default() };
    /// assert!(new.to_element().to_xml().starts_with(r#"<ColorantControl ID="r1" Class="Parameter""#));
    /// ```
    ColorantControl, NewColorantControl, "ColorantControl", class "Parameter" {
        /// The process colours, such as `DeviceCMYK`.
        process_color_model: String = "ProcessColorModel",
        /// Whether each colorant gets a separation of its own.
        force_separations: bool = "ForceSeparations",
        /// Which values colours are mapped by.
        mapping_selection: MappingSelection = "MappingSelection",
    }
    + elements {
        /// The separations that are made.
        colorant_orders: ColorantOrder, NewColorantOrder,
        /// Spot colours that are printed beside the process colours.
        colorant_params: ColorantParams, NewColorantParams,
        /// The separations in the order of the press.
        device_colorant_orders: DeviceColorantOrder, NewDeviceColorantOrder,
        /// Names that mean the same colorant.
        colorant_aliases: ColorantAlias, NewColorantAlias,
    }
    + resources {
        /// What the colorants look like.
        color_pools: ColorPool, NewColorPool,
    }

    /// The separations that are made (JDF 1.5, `ColorantOrder`).
    ///
    /// ```
    /// use agog_jdf::resource::NewColorantOrder;
    /// assert!(NewColorantOrder::default().to_inside().to_xml().starts_with("<ColorantOrder"));
    /// ```
    ColorantOrder, NewColorantOrder, "ColorantOrder" {
    }
    + elements {
        /// The names, in order.
        separations: SeparationSpec, NewSeparationSpec,
    }

    /// Spot colours that are printed beside the process colours (JDF 1.5, `ColorantParams`).
    ///
    /// ```
    /// use agog_jdf::resource::NewColorantParams;
    /// assert!(NewColorantParams::default().to_inside().to_xml().starts_with("<ColorantParams"));
    /// ```
    ColorantParams, NewColorantParams, "ColorantParams" {
    }
    + elements {
        /// The names.
        separations: SeparationSpec, NewSeparationSpec,
    }

    /// The separations in the order of the press (JDF 1.5, `DeviceColorantOrder`).
    ///
    /// ```
    /// use agog_jdf::resource::NewDeviceColorantOrder;
    /// assert!(NewDeviceColorantOrder::default().to_inside().to_xml().starts_with("<DeviceColorantOrder"));
    /// ```
    DeviceColorantOrder, NewDeviceColorantOrder, "DeviceColorantOrder" {
    }
    + elements {
        /// The names, in order.
        separations: SeparationSpec, NewSeparationSpec,
    }

    /// The name of a separation (JDF 1.5, `SeparationSpec`).
    ///
    /// ```
    /// use agog_jdf::resource::NewSeparationSpec;
    /// assert!(NewSeparationSpec::default().to_inside().to_xml().starts_with("<SeparationSpec"));
    /// ```
    SeparationSpec, NewSeparationSpec, "SeparationSpec" {
        /// The name.
        name: String = "Name",
    }

    /// Names that mean the same colorant (JDF 1.5, `ColorantAlias`).
    ///
    /// ```
    /// use agog_jdf::resource::NewColorantAlias;
    /// assert!(NewColorantAlias::default().to_inside().to_xml().starts_with("<ColorantAlias"));
    /// ```
    ColorantAlias, NewColorantAlias, "ColorantAlias" {
        /// The name that counts. Required.
        replacement_colorant_name: String = "ReplacementColorantName",
    }
    + elements {
        /// The other names.
        separations: SeparationSpec, NewSeparationSpec,
    }

    /// What the colorants of a job look like (JDF 1.5, `ColorPool`).
    ///
    /// ```
    /// use agog_jdf::resource::{Common, NewColorPool};
    /// let new = NewColorPool { common: Common::id("r1"), ..Default::default() };
    /// assert!(new.to_element().to_xml().starts_with(r#"<ColorPool ID="r1" Class="Parameter""#));
    /// ```
    ColorPool, NewColorPool, "ColorPool", class "Parameter" {
        /// The name of the set.
        colorant_set_name: String = "ColorantSetName",
    }
    + resources {
        /// The colours.
        colors: Color, NewColor,
    }

    /// What a colorant looks like (JDF 1.5, `Color`).
    ///
    /// ```
    /// use agog_jdf::resource::{Common, NewColor};
    /// let new = NewColor { common: Common::id("r1"), ..Default::default() };
    /// assert!(new.to_element().to_xml().starts_with(r#"<Color ID="r1" Class="Parameter""#));
    /// ```
    Color, NewColor, "Color", class "Parameter" {
        /// The name of the colorant. Required.
        name: String = "Name" or "Colour",
        /// The name in the content, if it is another.
        actual_color_name: String = "ActualColorName",
        /// In cyan, magenta, yellow, black, each 0 to 1.
        cmyk: [f64; 4] = "CMYK",
        /// In L*a*b*.
        lab: [f64; 3] = "Lab",
        /// In red, green, blue, each 0 to 1.
        srgb: [f64; 3] = "sRGB",
        /// In grey, 0 to 1.
        gray: f64 = "Gray",
        /// The colour book.
        color_book: String = "ColorBook",
        /// The entry in the book.
        color_book_entry: String = "ColorBookEntry",
        /// What it is.
        color_type: ColorType = "ColorType",
        /// More about what it is.
        color_type_details: String = "ColorTypeDetails",
        /// The density in print.
        density: f64 = "Density",
        /// How dark it is, for trapping.
        neutral_density: f64 = "NeutralDensity",
        /// The bytes of the name, in hexadecimal digits as written.
        raw_name: String = "RawName",
        /// Which values it is mapped by.
        mapping_selection: MappingSelection = "MappingSelection",
        /// Whether the content's own values count.
        use_pdl_alternate: bool = "UsePDLAlternateCS",
    }
    + resources {
        /// Profiles, by their usage.
        files: FileSpec, NewFileSpec,
    }

    /// How colours are converted (JDF 1.5, `ColorSpaceConversionParams`).
    ///
    /// ```
    /// use agog_jdf::resource::{Common, NewColorSpaceConversionParams};
    /// let new = NewColorSpaceConversionParams { common: Common::id("r1"), ..Default::default() };
    /// assert!(new.to_element().to_xml().starts_with(r#"<ColorSpaceConversionParams ID="r1" Class="Parameter""#));
    /// ```
    ColorSpaceConversionParams, NewColorSpaceConversionParams, "ColorSpaceConversionParams", class "Parameter" {
        /// The software.
        color_management_system: String = "ColorManagementSystem",
        /// Whether device-independent colours are converted too.
        convert_dev_indep_colors: bool = "ConvertDevIndepColors",
        /// Which profile wins.
        icc_profile_usage: IccProfileUsage = "ICCProfileUsage",
    }
    + elements {
        /// The conversions.
        operations: ColorSpaceConversionOp, NewColorSpaceConversionOp,
    }
    + resources {
        /// Profiles, by their usage: `FinalTargetDevice`, `WorkingColorSpace`.
        files: FileSpec, NewFileSpec,
    }

    /// One conversion (JDF 1.5, `ColorSpaceConversionOp`).
    ///
    /// ```
    /// use agog_jdf::resource::NewColorSpaceConversionOp;
    /// assert!(NewColorSpaceConversionOp::default().to_inside().to_xml().starts_with("<ColorSpaceConversionOp"));
    /// ```
    ColorSpaceConversionOp, NewColorSpaceConversionOp, "ColorSpaceConversionOp" {
        /// What is done.
        operation: ColorOperation = "Operation",
        /// For which colour space.
        source_color_space: SourceColorSpace = "SourceCS",
        /// For which objects.
        source_objects: Vec<SourceObject> = "SourceObjects",
        /// What counts.
        rendering_intent: RenderingIntent = "RenderingIntent",
        /// What counts on the way from the source.
        source_rendering_intent: RenderingIntent = "SourceRenderingIntent",
        /// Whether embedded profiles are ignored.
        ignore_embedded_icc: bool = "IgnoreEmbeddedICC",
        /// Whether pure black stays black.
        preserve_black: bool = "PreserveBlack",
        /// Whether grey in RGB becomes black.
        rgb_gray_to_black: bool = "RGBGray2Black",
        /// Up to which grey, 0 to 1.
        rgb_gray_to_black_threshold: f64 = "RGBGray2BlackThreshold",
        /// For objects with these tags.
        object_tags: Vec<String> = "ObjectTags",
    }
    + resources {
        /// Profiles, by their usage: `SourceProfile`, `AbstractProfile`.
        files: FileSpec, NewFileSpec,
    }

    /// How colours are corrected (JDF 1.5, `ColorCorrectionParams`).
    ///
    /// ```
    /// use agog_jdf::resource::{Common, NewColorCorrectionParams};
    /// let new = NewColorCorrectionParams { common: Common::id("r1"), ..Default::default() };
    /// assert!(new.to_element().to_xml().starts_with(r#"<ColorCorrectionParams ID="r1" Class="Parameter""#));
    /// ```
    ColorCorrectionParams, NewColorCorrectionParams, "ColorCorrectionParams", class "Parameter" {
        /// The software.
        color_management_system: String = "ColorManagementSystem",
    }
    + elements {
        /// The corrections.
        operations: ColorCorrectionOp, NewColorCorrectionOp,
    }
    + resources {
        /// Profiles, by their usage.
        files: FileSpec, NewFileSpec,
    }

    /// One correction (JDF 1.5, `ColorCorrectionOp`).
    ///
    /// ```
    /// use agog_jdf::resource::NewColorCorrectionOp;
    /// assert!(NewColorCorrectionOp::default().to_inside().to_xml().starts_with("<ColorCorrectionOp"));
    /// ```
    ColorCorrectionOp, NewColorCorrectionOp, "ColorCorrectionOp" {
        /// For which objects.
        source_objects: Vec<SourceObject> = "SourceObjects",
        /// From cyan to red, -100 to 100.
        adjust_cyan_red: f64 = "AdjustCyanRed",
        /// From magenta to green, -100 to 100.
        adjust_magenta_green: f64 = "AdjustMagentaGreen",
        /// From yellow to blue, -100 to 100.
        adjust_yellow_blue: f64 = "AdjustYellowBlue",
        /// Contrast, -100 to 100.
        adjust_contrast: f64 = "AdjustContrast",
        /// Hue in degrees, -180 to 180.
        adjust_hue: f64 = "AdjustHue",
        /// Lightness, -100 to 100.
        adjust_lightness: f64 = "AdjustLightness",
        /// Saturation, -100 to 100.
        adjust_saturation: f64 = "AdjustSaturation",
        /// For objects with these tags.
        object_tags: Vec<String> = "ObjectTags",
    }
    + resources {
        /// Profiles, by their usage.
        files: FileSpec, NewFileSpec,
    }

    /// How a colorant prints under one condition (JDF 1.5, `PrintCondition`).
    ///
    /// ```
    /// use agog_jdf::resource::{Common, NewPrintCondition};
    /// let new = NewPrintCondition { common: Common::id("r1"), ..Default::default() };
    /// assert!(new.to_element().to_xml().starts_with(r#"<PrintCondition ID="r1" Class="Parameter""#));
    /// ```
    PrintCondition, NewPrintCondition, "PrintCondition", class "Parameter" {
        /// The name of the condition. Required.
        name: String = "Name" or "Condition",
        /// The density of the full tone.
        density: f64 = "Density",
    }
    + resources {
        /// Profiles.
        files: FileSpec, NewFileSpec,
        /// The press.
        devices: Device, NewDevice,
    }
}
