//! Printing: how a conventional or digital press runs, varnishing, printing forms and ink zones.

use super::Ranges;
use super::component::{Component, NewComponent};
use super::content::{FileSpec, NewFileSpec};
use super::media::{Ink, Media, NewInk, NewMedia};
use super::value::enumerations;
use super::view::resources;

enumerations! {
    /// How the sides of a sheet are printed.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::WorkStyle::from("WorkAndTurn").as_str(), "WorkAndTurn");
    /// ```
    WorkStyle { Simplex, Perfecting, WorkAndBack, WorkAndTurn, WorkAndTumble, WorkAndTwist }
    /// What runs through a press.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::PrintingType::SheetFed.as_str(), "SheetFed");
    /// ```
    PrintingType { ContinuousFed, SheetFed, WebFed, WebMultiple, WebSingle }
    /// How a conventional press prints.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::PrintingTechnology::Flexo.as_str(), "Flexo");
    /// ```
    PrintingTechnology { Flexo, Gravure, Offset, Screen }
    /// How ink is dried.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::Drying::UV.as_str(), "UV");
    /// ```
    Drying { UV, Heatset, IR, On, Off }
    /// Which surface is printed first.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::FirstSurface::Either.as_str(), "Either");
    /// ```
    FirstSurface { Either, Front, Back }
    /// Whether something is switched on.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::Switch::On.as_str(), "On");
    /// ```
    Switch { On, Off }
    /// Where sheets are laid on.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::SheetLay::Center.as_str(), "Center");
    /// ```
    SheetLay { Left, Right, Center }
    /// Which sides a digital press prints.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::PrintedSides::TwoSidedFlipY.as_str(), "TwoSidedFlipY");
    /// ```
    PrintedSides {
        OneSidedBack, OneSidedBackFlipX, OneSidedBackFlipY, OneSidedFront, TwoSided, TwoSidedFlipX, TwoSidedFlipY,
    }
    /// How a digital press collates.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::Collate::SheetAndSet.as_str(), "SheetAndSet");
    /// ```
    Collate { None, Sheet, SheetAndSet, SheetSetAndJob, SystemSpecified }
    /// How a digital press lays sheets out.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::PageDelivery::FanFold.as_str(), "FanFold");
    /// ```
    PageDelivery {
        FanFold, SameOrderFaceUp, SameOrderFaceDown, ReverseOrderFaceUp, ReverseOrderFaceDown, SystemSpecified,
    }
    /// How well a digital press prints.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::PrintQuality::High.as_str(), "High");
    /// ```
    PrintQuality { High, Normal, Draft, SystemSpecified }
    /// Where varnish goes.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::VarnishArea::Spot.as_str(), "Spot");
    /// ```
    VarnishArea { Full, Spot }
    /// What carries varnish.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::VarnishMethod::Blanket.as_str(), "Blanket");
    /// ```
    VarnishMethod { Blanket, Plate }
    /// Whether a plate prints.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::PlateType::Dummy.as_str(), "Dummy");
    /// ```
    PlateType { Exposed, Dummy }
    /// The colours of a proof or film.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::ExposedColorType::Color.as_str(), "Color");
    /// ```
    ExposedColorType { Color, GrayScale, Monochrome }
}

resources! {
    /// How an offset, flexo, gravure or screen press runs (JDF 1.5, `ConventionalPrintingParams`).
    ///
    /// ```
    /// use agog_jdf::resource::{Common, NewConventionalPrintingParams, WorkStyle};
    /// let params = NewConventionalPrintingParams {
    ///     common: Common::id("p"), work_style: Some(WorkStyle::Perfecting), ..Default::default()
    /// };
    /// assert!(params.to_element().to_xml().contains(r#"WorkStyle="Perfecting""#));
    /// ```
    ConventionalPrintingParams, NewConventionalPrintingParams, "ConventionalPrintingParams", class "Parameter" {
        /// How the sides are printed.
        work_style: WorkStyle = "WorkStyle",
        /// Sheets or webs.
        printing_type: PrintingType = "PrintingType",
        /// Offset, flexo, gravure or screen.
        printing_technology: PrintingTechnology = "PrintingTechnology",
        /// How the whole is dried at the end.
        drying: Drying = "Drying",
        /// How it is dried between the modules.
        module_drying: Drying = "ModuleDrying",
        /// Which surface is printed first.
        first_surface: FirstSurface = "FirstSurface",
        /// Whether fountain solution is used.
        fountain_solution: Switch = "FountainSolution",
        /// Where the stock is.
        media_location: String = "MediaLocation",
        /// The modules that are used, from 0.
        module_index: Ranges = "ModuleIndex",
        /// The modules that may be used, from 0.
        module_available_index: Ranges = "ModuleAvailableIndex",
        /// The module after which the sheet is turned, from 0.
        perfecting_module: i64 = "PerfectingModule",
        /// Powder in per cent of the most.
        powder: f64 = "Powder",
        /// Where sheets are laid on.
        sheet_lay: SheetLay = "SheetLay",
        /// The highest speed, in sheets an hour or, of a web, metres an hour.
        speed: f64 = "Speed",
        /// Whether the first good sheet is the proof.
        direct_proof: bool = "DirectProof",
        /// What cannot be printed at the bottom, in points.
        non_printable_margin_bottom: f64 = "NonPrintableMarginBottom",
        /// What cannot be printed at the left, in points.
        non_printable_margin_left: f64 = "NonPrintableMarginLeft",
        /// What cannot be printed at the right, in points.
        non_printable_margin_right: f64 = "NonPrintableMarginRight",
        /// What cannot be printed at the top, in points.
        non_printable_margin_top: f64 = "NonPrintableMarginTop",
    }
    + resources {
        /// The inks of the modules (before JDF 1.4; now a link of the node).
        inks: Ink, NewInk,
    }

    /// How a digital press runs (JDF 1.5, `DigitalPrintingParams`).
    ///
    /// ```
    /// use agog_jdf::resource::{Common, NewDigitalPrintingParams, PrintedSides};
    /// let params = NewDigitalPrintingParams {
    ///     common: Common::id("p"), sides: Some(PrintedSides::TwoSidedFlipY), ..Default::default()
    /// };
    /// assert!(params.to_element().to_xml().contains("TwoSidedFlipY"));
    /// ```
    DigitalPrintingParams, NewDigitalPrintingParams, "DigitalPrintingParams", class "Parameter" {
        /// Which sides are printed.
        sides: PrintedSides = "Sides",
        /// How copies are collated.
        collate: Collate = "Collate",
        /// How sheets are laid out.
        page_delivery: PageDelivery = "PageDelivery",
        /// How well it prints.
        print_quality: PrintQuality = "PrintQuality",
        /// Where sheets come out.
        output_bin: Vec<String> = "OutputBin",
        /// How many sheets make a stack.
        stack_amount: i64 = "StackAmount",
        /// How many proofs are made first.
        direct_proof_amount: i64 = "DirectProofAmount",
        /// Whether an operator feeds the stock.
        manual_feed: bool = "ManualFeed",
        /// What cannot be printed at the bottom, in points.
        non_printable_margin_bottom: f64 = "NonPrintableMarginBottom",
        /// What cannot be printed at the left, in points.
        non_printable_margin_left: f64 = "NonPrintableMarginLeft",
        /// What cannot be printed at the right, in points.
        non_printable_margin_right: f64 = "NonPrintableMarginRight",
        /// What cannot be printed at the top, in points.
        non_printable_margin_top: f64 = "NonPrintableMarginTop",
    }
    + resources {
        /// The stock.
        media: Media, NewMedia,
        /// Inserted components.
        components: Component, NewComponent,
        /// The inks or toners.
        inks: Ink, NewInk,
    }

    /// How varnish is put on (JDF 1.5, `VarnishingParams`).
    ///
    /// ```
    /// use agog_jdf::resource::{Common, NewVarnishingParams, VarnishArea};
    /// let params = NewVarnishingParams {
    ///     common: Common::id("v"), varnish_area: Some(VarnishArea::Spot), ..Default::default()
    /// };
    /// assert!(params.to_element().to_xml().contains(r#"VarnishArea="Spot""#));
    /// ```
    VarnishingParams, NewVarnishingParams, "VarnishingParams", class "Parameter" {
        /// The whole area or some.
        varnish_area: VarnishArea = "VarnishArea",
        /// What carries the varnish.
        varnish_method: VarnishMethod = "VarnishMethod",
        /// The module that varnishes, from 0.
        module_index: i64 = "ModuleIndex",
        /// The kind of module.
        module_type: String = "ModuleType",
    }

    /// A plate, cylinder, film or proof with an image (JDF 1.5, `ExposedMedia`).
    ///
    /// ```
    /// use agog_jdf::resource::{Common, NewExposedMedia};
    /// let cyan = NewExposedMedia { common: Common::partition("Separation", "Cyan"), ..Default::default() };
    /// let plates = NewExposedMedia {
    ///     common: Common::id("x").partitioned_by(&["Separation"]), partitions: vec![cyan], ..Default::default()
    /// };
    /// assert!(plates.to_element().to_xml().contains(r#"<ExposedMedia Separation="Cyan"/>"#));
    /// ```
    ExposedMedia, NewExposedMedia, "ExposedMedia", class "Handling" {
        /// The colours of a proof or film.
        color_type: ExposedColorType = "ColorType",
        /// Whether the plate prints.
        plate_type: PlateType = "PlateType",
        /// Its pages in the page list.
        page_list_index: Ranges = "PageListIndex",
        /// The name of the proof.
        proof_name: String = "ProofName",
        /// How it is punched for register.
        punch_type: String = "PunchType",
        /// Resolution in dots per inch, along x and y.
        resolution: [f64; 2] = "Resolution",
        /// Whether it is a positive.
        polarity: bool = "Polarity",
    }
    + resources {
        /// The plate or film itself.
        media: Media, NewMedia,
        /// The file of the image.
        files: FileSpec, NewFileSpec,
    }

    /// How far each ink zone opens, for one separation (JDF 1.5, `InkZoneProfile`).
    ///
    /// ```
    /// use agog_jdf::resource::{Common, NewInkZoneProfile};
    /// let zones = NewInkZoneProfile {
    ///     common: Common::id("z"), zone_width: Some(92.1), zone_settings_x: Some(vec![0.1, 0.25]), ..Default::default()
    /// };
    /// assert!(zones.to_element().to_xml().contains(r#"ZoneSettingsX="0.1 0.25""#));
    /// ```
    InkZoneProfile, NewInkZoneProfile, "InkZoneProfile", class "Parameter" {
        /// The width of a zone in points. Required.
        zone_width: f64 = "ZoneWidth" or "0",
        /// The height of a zone in points.
        zone_height: f64 = "ZoneHeight",
        /// Settings along x, each 0 (shut) to 1 (open). Required.
        zone_settings_x: Vec<f64> = "ZoneSettingsX" or "",
        /// Settings along y, each 0 to 1.
        zone_settings_y: Vec<f64> = "ZoneSettingsY",
    }
}
