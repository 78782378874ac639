//! Checking quality, and the codes by which things are known: bar codes, RFID, Braille.

use super::content::{FileSpec, NewFileSpec};
use jiff::{SignedDuration, Timestamp};

use super::value::enumerations;
use super::view::resources;

enumerations! {
    /// How a code is written.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::FieldEncoding::ASCII.as_str(), "ASCII");
    /// ```
    FieldEncoding { ASCII, Barcode, BarCode1D, BarCode2D, Braille, RFID }
    /// Where a code is.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::FieldPosition::Header.as_str(), "Header");
    /// ```
    FieldPosition { Header, Trailer, Page, Top, Bottom, Left, Right, Front, Back, Any }
    /// What a code is for.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::FieldPurpose::Verification.as_str(), "Verification");
    /// ```
    FieldPurpose { Verification, Separation, Label }
}

resources! {
    /// How often quality is checked (JDF 1.5, `QualityControlParams`).
    ///
    /// ```
    /// use agog_jdf::resource::{Common, NewQualityControlParams};
    /// let new = NewQualityControlParams { common: Common::id("r1"), ..Default::default() };
    /// assert!(new.to_element().to_xml().starts_with(r#"<QualityControlParams ID="r1" Class="Parameter""#));
    /// ```
    QualityControlParams, NewQualityControlParams, "QualityControlParams", class "Parameter" {
        /// Time between two samples.
        time_interval: SignedDuration = "TimeInterval",
        /// Pieces between two samples.
        sample_interval: i64 = "SampleInterval",
    }

    /// What was found when quality was checked (JDF 1.5, `QualityControlResult`).
    ///
    /// ```
    /// use agog_jdf::resource::{Common, NewQualityControlResult};
    /// let new = NewQualityControlResult { common: Common::id("r1"), ..Default::default() };
    /// assert!(new.to_element().to_xml().starts_with(r#"<QualityControlResult ID="r1" Class="Parameter""#));
    /// ```
    QualityControlResult, NewQualityControlResult, "QualityControlResult", class "Parameter" {
        /// How many passed.
        passed: i64 = "Passed",
        /// How many failed.
        failed: i64 = "Failed",
    }
    + elements {
        /// The single checks.
        measurements: QualityMeasurement, NewQualityMeasurement,
    }
    + resources {
        /// Files of measurements.
        files: FileSpec, NewFileSpec,
    }

    /// One check (JDF 1.5, `QualityMeasurement`).
    ///
    /// ```
    /// use agog_jdf::resource::NewQualityMeasurement;
    /// assert!(NewQualityMeasurement::default().to_inside().to_xml().starts_with("<QualityMeasurement"));
    /// ```
    QualityMeasurement, NewQualityMeasurement, "QualityMeasurement" {
        /// When it began.
        start: Timestamp = "Start",
        /// When it ended.
        end: Timestamp = "End",
        /// How many passed.
        passed: i64 = "Passed",
        /// How many failed.
        failed: i64 = "Failed",
        /// What was found, such as `Good`.
        condition: String = "Condition",
    }

    /// A code by which something is known (JDF 1.5, `IdentificationField`).
    ///
    /// ```
    /// use agog_jdf::resource::{Common, NewIdentificationField};
    /// let new = NewIdentificationField { common: Common::id("r1"), ..Default::default() };
    /// assert!(new.to_element().to_xml().starts_with(r#"<IdentificationField ID="r1" Class="Parameter""#));
    /// ```
    IdentificationField, NewIdentificationField, "IdentificationField", class "Parameter" {
        /// How it is written. Required.
        encoding: FieldEncoding = "Encoding" or "ASCII",
        /// Which code, such as `EAN_13`. Required.
        encoding_details: String = "EncodingDetails" or "Code",
        /// What it says.
        value: String = "Value",
        /// A printf-like pattern of what it says.
        value_format: String = "ValueFormat",
        /// What goes into the pattern.
        value_template: String = "ValueTemplate",
        /// Where it is.
        position: FieldPosition = "Position",
        /// The page that it is on.
        page: i64 = "Page",
        /// What it is for.
        purpose: FieldPurpose = "Purpose",
        /// More about that.
        purpose_details: String = "PurposeDetails",
        /// The box around it: left, bottom, right, top in points.
        bounding_box: [f64; 4] = "BoundingBox",
        /// How it is turned: a matrix a b c d tx ty.
        orientation: [f64; 6] = "Orientation",
    }
    + elements {
        /// More about a bar code.
        barcode_details: BarcodeDetails, NewBarcodeDetails,
    }

    /// More about a bar code (JDF 1.5, `BarcodeDetails`).
    ///
    /// ```
    /// use agog_jdf::resource::NewBarcodeDetails;
    /// assert!(NewBarcodeDetails::default().to_inside().to_xml().starts_with("<BarcodeDetails"));
    /// ```
    BarcodeDetails, NewBarcodeDetails, "BarcodeDetails" {
        /// The version of the code.
        barcode_version: String = "BarcodeVersion",
        /// How well it stands damage.
        error_correction_level: String = "ErrorCorrectionLevel",
        /// Cells across.
        x_cells: i64 = "XCells",
        /// Cells down.
        y_cells: i64 = "YCells",
    }
}
