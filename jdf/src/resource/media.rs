//! What is printed on or glued, and what a printing form is made of: paper, board, corrugated board, film,
//! self-adhesive stock, plates, and inks. Lengths are points, thicknesses micrometres, weights g/m².

use rust_decimal::Decimal;

use super::GlueLine;
use super::NewGlueLine;
use super::value::enumerations;
use super::view::resources;

enumerations! {
    /// What a medium is.
    ///
    /// ```
    /// use agog_jdf::resource::MediaType;
    /// assert_eq!(MediaType::from("SelfAdhesive"), MediaType::SelfAdhesive);
    /// assert_eq!(MediaType::from("Glass").as_str(), "Glass");
    /// ```
    MediaType {
        CorrugatedBoard, Disc, EndBoard, EmbossingFoil, Film, Foil, GravureCylinder, ImagingCylinder,
        LaminatingFoil, MountingTape, Paper, Plate, Screen, SelfAdhesive, Sleeve, ShrinkFoil, Textile,
        Transparency, Unknown, Vinyl, Unlisted = "Other",
    }
    /// How a medium is delivered.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::MediaUnit::Roll.as_str(), "Roll");
    /// ```
    MediaUnit { Continuous, Roll, Sheet }
    /// Which way grain or flutes run.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::MediaDirection::from("LongEdge").as_str(), "LongEdge");
    /// ```
    MediaDirection { LongEdge, ShortEdge, XDirection, YDirection }
    /// How a side of a medium is coated.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::Coating::HighGloss.as_str(), "HighGloss");
    /// ```
    Coating { None, Coated, Glossy, HighGloss, InkJet, Matte, Polymer, Silver, Satin, Semigloss }
    /// How much light passes.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::Opacity::Opaque.as_str(), "Opaque");
    /// ```
    Opacity { Opaque, Translucent, Transparent }
    /// Which sides can carry an image.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::ImagableSide::Both.as_str(), "Both");
    /// ```
    ImagableSide { Front, Back, Both, Neither }
    /// How a plate is made.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::PlateTechnology::Thermal.as_str(), "Thermal");
    /// ```
    PlateTechnology {
        FlexoAnalogSolvent, FlexoAnalogThermal, FlexoDigitalSolvent, FlexoDigitalThermal,
        FlexoDirectEngraving, InkJet, Thermal, UV, Visible,
    }
    /// Whether exposed areas print.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::Polarity::Positive.as_str(), "Positive");
    /// ```
    Polarity { Positive, Negative }
    /// The paper classes of ISO 12647-2.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::IsoPaperSubstrate::PS1.as_str(), "PS1");
    /// ```
    IsoPaperSubstrate { PS1, PS2, PS3, PS4, PS5, PS6, PS7, PS8 }
}

resources! {
    /// Paper, board, corrugated board, film, self-adhesive stock, plates and other unprinted stock (JDF 1.5, `Media`).
    ///
    /// ```
    /// use agog_jdf::resource::{Common, Media, MediaType, NewMedia, View};
    /// use agog_jdf::{Document, Limits};
    /// let board = NewMedia {
    ///     common: Common::id("m"),
    ///     media_type: Some(MediaType::CorrugatedBoard),
    ///     flute: Some("B".to_owned()),
    ///     dimension: Some([2267.7, 1700.8]),
    ///     ..Default::default()
    /// };
    /// let document = Document::parse(format!(
    ///     r#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1">{}</JDF>"#, board.to_element().to_xml()).as_bytes(),
    ///     &Limits::default())?;
    /// let media = Media::all_in(document.root()).next().unwrap();
    /// assert_eq!((media.flute(), media.dimension()), (Some("B"), Some([2267.7, 1700.8])));
    /// assert_eq!(media.to_new(), NewMedia { common: media.to_new().common, ..board });
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    Media, NewMedia, "Media", class "Consumable" {
        /// What it is.
        media_type: MediaType = "MediaType",
        /// More about what it is, such as `Cardboard`.
        media_type_details: String = "MediaTypeDetails",
        /// Sheets, a roll, or continuous stock.
        media_unit: MediaUnit = "MediaUnit",
        /// Width and height in points; the height of a roll is 0 or its length.
        dimension: [f64; 2] = "Dimension",
        /// Weight in g/m².
        weight: f64 = "Weight",
        /// Thickness in micrometres.
        thickness: f64 = "Thickness",
        /// Which way the grain runs.
        grain_direction: MediaDirection = "GrainDirection",
        /// The flute of corrugated board: `A`, `B`, `C`, `E`, `F` …; several letters for several waves.
        flute: String = "Flute",
        /// Which way the flutes run.
        flute_direction: MediaDirection = "FluteDirection",
        /// Inner loss of corrugated board when it is folded, in points.
        inside_loss: f64 = "InsideLoss",
        /// Outer gain of corrugated board when it is folded, in points.
        outside_gain: f64 = "OutsideGain",
        /// The grade of offset paper, 1 to 5.
        grade: i64 = "Grade",
        /// The paper class of ISO 12647-2.
        iso_paper_substrate: IsoPaperSubstrate = "ISOPaperSubstrate",
        /// The kind of stock, such as `Cover`, `Bond`, `Label`.
        stock_type: String = "StockType",
        /// The surface, such as `Smooth`.
        texture: String = "Texture",
        /// The coating of the front.
        front_coatings: Coating = "FrontCoatings",
        /// More about the coating of the front.
        front_coating_detail: String = "FrontCoatingDetail",
        /// The coating of the back.
        back_coatings: Coating = "BackCoatings",
        /// More about the coating of the back.
        back_coating_detail: String = "BackCoatingDetail",
        /// Gloss of the front in per cent.
        front_gloss_value: f64 = "FrontGlossValue",
        /// Gloss of the back in per cent.
        back_gloss_value: f64 = "BackGlossValue",
        /// Brightness in per cent.
        brightness: f64 = "Brightness",
        /// Whiteness by CIE.
        cie_whiteness: f64 = "CIEWhiteness",
        /// Tint by CIE.
        cie_tint: f64 = "CIETint",
        /// The colour of the stock in L*a*b*.
        lab_color_value: [f64; 3] = "LabColorValue",
        /// The colour of the stock as a person calls it.
        media_color_name_details: String = "MediaColorNameDetails",
        /// How much light passes.
        opacity: Opacity = "Opacity",
        /// Opacity in per cent.
        opacity_level: f64 = "OpacityLevel",
        /// Which sides can carry an image.
        imagable_side: ImagableSide = "ImagableSide",
        /// The name of the quality in the mill's catalogue.
        media_quality: String = "MediaQuality",
        /// What the stock is sold for, such as `Offset`.
        printing_technology: String = "PrintingTechnology",
        /// How many sheets make a set.
        media_set_count: i64 = "MediaSetCount",
        /// The diameter of a roll in points.
        roll_diameter: f64 = "RollDiameter",
        /// The inner diameter of the core in points.
        inner_core_diameter: f64 = "InnerCoreDiameter",
        /// The outer diameter of the core in points.
        outer_core_diameter: f64 = "OuterCoreDiameter",
        /// The weight of the core in grams.
        core_weight: f64 = "CoreWeight",
        /// The weight of the wrapper in grams.
        wrapper_weight: f64 = "WrapperWeight",
        /// How much a shrink film shrinks, along x and y.
        shrink_index: [f64; 2] = "ShrinkIndex",
        /// The relief of a flexo plate in micrometres.
        relief_thickness: f64 = "ReliefThickness",
        /// How a plate is made.
        plate_technology: PlateTechnology = "PlateTechnology",
        /// Whether exposed areas print.
        polarity: Polarity = "Polarity",
        /// Whether something is printed on it already.
        pre_printed: bool = "PrePrinted",
        /// The part that is recycled, in per cent.
        recycled_percentage: f64 = "RecycledPercentage",
        /// The name that an operator knows it by.
        user_media_type: String = "UserMediaType",
        /// The brand.
        brand: String = "Brand",
        /// A brand that will do as well.
        alternate_brand: String = "AlternateBrand",
        /// Who makes it.
        manufacturer: String = "Manufacturer",
        /// The batch it came in.
        batch_id: String = "BatchID",
        /// What is in stock, in `unit`.
        amount: Decimal = "Amount",
        /// The unit of amounts.
        unit: String = "Unit",
    }
    + elements {
        /// The layers of a composite stock, front first.
        media_layers: MediaLayers, NewMediaLayers,
    }

    /// The layers of a composite stock, front first: liners and flutes of corrugated board, face, glue and
    /// liner of self-adhesive stock (JDF 1.5, `MediaLayers`). The order of the layers of both kinds is that of
    /// the document; see `resource().element().children()` where it matters.
    ///
    /// ```
    /// use agog_jdf::resource::{MediaLayers, View};
    /// let document = agog_jdf::Document::parse(br#"<Media xmlns="http://www.CIP4.org/JDFSchema_1_1"><MediaLayers>
    ///   <Media Weight="80"/><GlueLine/><Media Weight="60"/></MediaLayers></Media>"#, &Default::default())?;
    /// let layers = MediaLayers::all_in(document.root()).next().unwrap();
    /// let weights: Vec<_> = layers.media(None).filter_map(|media| media.weight()).collect();
    /// assert_eq!((weights, layers.glue_lines().count()), (vec![80.0, 60.0], 1));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    MediaLayers, NewMediaLayers, "MediaLayers" {}
    + elements {
        /// The glue between layers.
        glue_lines: GlueLine, NewGlueLine,
    }
    + resources {
        /// The layers of stock.
        media: Media, NewMedia,
    }

    /// Ink, varnish, toner (JDF 1.5, `Ink`).
    ///
    /// ```
    /// use agog_jdf::resource::{Common, NewInk};
    /// let ink = NewInk { common: Common::id("i"), ink_name: Some("PANTONE 185 C".into()), ..Default::default() };
    /// assert!(ink.to_element().to_xml().contains(r#"InkName="PANTONE 185 C""#));
    /// ```
    Ink, NewInk, "Ink", class "Consumable" {
        /// The name of the colour, as in the pool of colours.
        color_name: String = "ColorName",
        /// The family, such as `HKS`, `PANTONE`, `ISO`, `InkJet`, `Varnish`.
        family: String = "Family",
        /// The name in the catalogue of the family.
        ink_name: String = "InkName",
        /// What is special, such as `Metallic` or `Fluorescent`.
        special_ink: String = "SpecialInk",
        /// The weight of ink per area at full tone, in g/m².
        specific_yield: f64 = "SpecificYield",
        /// The brand.
        brand: String = "Brand",
        /// Who makes it.
        manufacturer: String = "Manufacturer",
        /// The batch it came in.
        batch_id: String = "BatchID",
        /// What is in stock, in `unit`.
        amount: Decimal = "Amount",
        /// The unit of amounts.
        unit: String = "Unit",
    }
}
