//! What is printed: run lists, layout elements, and the files that they stand for.

use jiff::{SignedDuration, Timestamp};

use super::Ranges;
use super::component::Automation;
use super::value::enumerations;
use super::view::resources;

enumerations! {
    /// What to do when a file is there already.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::OverwritePolicy::RenameNew.as_str(), "RenameNew");
    /// ```
    OverwritePolicy { Overwrite, RenameNew, RenameOld, NewVersion, OperatorIntervention, Abort }
    /// In which order the pages of a file come.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::PageOrder::Ascending.as_str(), "Ascending");
    /// ```
    PageOrder { Ascending, Descending }
    /// What a layout element is.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::ElementType::from("Page").as_str(), "Page");
    /// ```
    ElementType {
        Auxiliary, Barcode, Composed, Document, Graphic, IdentificationField, Image, MultiDocument, MultiSet,
        Page, Reservation, Surface, Text, Tile, Unknown,
    }
    /// Which sides of a sheet the pages of a run list are for.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::SheetSides::FrontBack.as_str(), "FrontBack");
    /// ```
    SheetSides { Front, Back, FrontBack, BackFront }
    /// What a component that comes out of a run list holds.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::ComponentGranularity::Set.as_str(), "Set");
    /// ```
    ComponentGranularity { Page, Document, Set, All, BundleItem }
    /// What happens to a file in the end.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::DispositionAction::Archive.as_str(), "Archive");
    /// ```
    DispositionAction { Archive, Delete }
}

resources! {
    /// A file: content, a die drawing, a colour profile (JDF 1.5, `FileSpec`). Whether a file has the check
    /// sum said here is for the caller to see, who has its bytes.
    ///
    /// ```
    /// use agog_jdf::resource::NewFileSpec;
    /// let profile = NewFileSpec {
    ///     url: Some("cid:fogra51.icc".into()),
    ///     resource_usage: Some("FinalTargetDevice".into()),
    ///     ..Default::default()
    /// };
    /// assert!(profile.to_inside().to_xml().contains(r#"ResourceUsage="FinalTargetDevice""#));
    /// ```
    FileSpec, NewFileSpec, "FileSpec", class "Parameter" {
        /// Where it is.
        url: String = "URL",
        /// What it is.
        mime_type: String = "MimeType",
        /// The version of its format, such as `PDF/X-4`.
        mime_type_version: String = "MimeTypeVersion",
        /// What it is for: `SourceProfile`, `FinalTargetDevice`, `WorkingColorSpace`, `CAD` …
        resource_usage: String = "ResourceUsage",
        /// Its MD5, 32 hexadecimal digits as written.
        check_sum: String = "CheckSum",
        /// Its size in bytes.
        file_size: i64 = "FileSize",
        /// What a person calls it.
        user_file_name: String = "UserFileName",
        /// Its unique name.
        uid: String = "UID",
        /// Its version.
        file_version: String = "FileVersion",
        /// A printf-like pattern for several files.
        file_format: String = "FileFormat",
        /// What goes into the pattern.
        file_template: String = "FileTemplate",
        /// The program that wrote it.
        application: String = "Application",
        /// The version of that program.
        app_version: String = "AppVersion",
        /// The system that the program ran on.
        app_os: String = "AppOS",
        /// How it is compressed.
        compression: String = "Compression",
        /// Its character encoding.
        encoding: String = "Encoding",
        /// What to do when a file is there already.
        overwrite_policy: OverwritePolicy = "OverwritePolicy",
        /// In which order its pages come.
        page_order: PageOrder = "PageOrder",
        /// How deep folders are searched.
        search_depth: i64 = "SearchDepth",
    }
    + elements {
        /// What happens to it in the end.
        dispositions: Disposition, NewDisposition,
    }

    /// What happens to a file in the end (JDF 1.5, `Disposition`).
    ///
    /// ```
    /// use agog_jdf::resource::{DispositionAction, NewDisposition};
    /// let delete = NewDisposition { action: Some(DispositionAction::Delete), ..Default::default() };
    /// assert_eq!(delete.to_inside().to_xml(), r#"<Disposition DispositionAction="Delete"/>"#);
    /// ```
    Disposition, NewDisposition, "Disposition" {
        /// Archived or deleted.
        action: DispositionAction = "DispositionAction" or "Delete",
        /// Not before this moment.
        until: Timestamp = "Until",
        /// Not before this long after the process has ended.
        extra_duration: SignedDuration = "ExtraDuration",
        /// How important it is that it stays, 0 to 100.
        priority: i64 = "Priority",
    }

    /// Something laid out on a page or sheet: a page, an image, a bar code (JDF 1.5, `LayoutElement`).
    ///
    /// ```
    /// use agog_jdf::resource::{Common, ElementType, NewLayoutElement};
    /// let page = NewLayoutElement { common: Common::id("e"), element_type: Some(ElementType::Page), ..Default::default() };
    /// assert!(page.to_element().to_xml().contains(r#"ElementType="Page""#));
    /// ```
    LayoutElement, NewLayoutElement, "LayoutElement", class "Parameter" {
        /// What it is.
        element_type: ElementType = "ElementType",
        /// Whether it reaches into the bleed.
        has_bleeds: bool = "HasBleeds",
        /// Whether nothing is on it.
        is_blank: bool = "IsBlank",
        /// Whether it can be printed as it is.
        is_printable: bool = "IsPrintable",
        /// Whether it is trapped.
        is_trapped: bool = "IsTrapped",
        /// Its pages in the page list.
        page_list_index: Ranges = "PageListIndex",
        /// Its bleed box: left, bottom, right, top in points.
        source_bleed_box: [f64; 4] = "SourceBleedBox",
        /// What of it is shown: left, bottom, right, top in points.
        source_clip_box: [f64; 4] = "SourceClipBox",
        /// Its media box: left, bottom, right, top in points.
        source_media_box: [f64; 4] = "SourceMediaBox",
        /// Its trim box: left, bottom, right, top in points.
        source_trim_box: [f64; 4] = "SourceTrimBox",
        /// Whether it is a template.
        template: bool = "Template",
    }
    + resources {
        /// Its file.
        files: FileSpec, NewFileSpec,
    }

    /// Pages or surfaces in order, each from some file (JDF 1.5, `RunList`).
    ///
    /// ```
    /// use agog_jdf::resource::{Common, NewFileSpec, NewLayoutElement, NewRunList, Ranges};
    /// let file = NewFileSpec { url: Some("cid:sunny.pdf".into()), ..Default::default() };
    /// let element = NewLayoutElement { files: vec![file], ..Default::default() };
    /// let pages = NewRunList {
    ///     common: Common::id("r"), pages: Some(Ranges(vec![[0, 7]])), layout_elements: vec![element], ..Default::default()
    /// };
    /// assert!(pages.to_element().to_xml().contains(r#"Pages="0 ~ 7""#));
    /// ```
    RunList, NewRunList, "RunList", class "Parameter" {
        /// The pages taken from the file, from 0.
        pages: Ranges = "Pages",
        /// How many pages there are.
        n_page: i64 = "NPage",
        /// The first page taken, from 0.
        first_page: i64 = "FirstPage",
        /// The place of its first page in the whole.
        logical_page: i64 = "LogicalPage",
        /// How many pages are passed over between two.
        skip_page: i64 = "SkipPage",
        /// The documents taken, from 0.
        docs: Ranges = "Docs",
        /// How many documents there are.
        n_doc: i64 = "NDoc",
        /// The sets taken, from 0.
        sets: Ranges = "Sets",
        /// How many sets there are.
        n_set: i64 = "NSet",
        /// Its pages in the page list.
        page_list_index: Ranges = "PageListIndex",
        /// Whether it is the same for every copy.
        automation: Automation = "Automation",
        /// What a component that comes out holds.
        component_granularity: ComponentGranularity = "ComponentGranularity",
        /// The folder of the files.
        directory: String = "Directory",
        /// Whether a document ends here.
        end_of_document: bool = "EndOfDocument",
        /// Whether a set ends here.
        end_of_set: bool = "EndOfSet",
        /// Whether a bundle item ends here.
        end_of_bundle_item: bool = "EndOfBundleItem",
        /// Whether each entry is a page.
        is_page: bool = "IsPage",
        /// How often each page is printed.
        page_copies: i64 = "PageCopies",
        /// How often each document is printed.
        doc_copies: i64 = "DocCopies",
        /// How often each set is printed.
        set_copies: i64 = "SetCopies",
        /// A name for the run.
        run_tag: String = "RunTag",
        /// The sides that the surfaces are for.
        sheet_sides: SheetSides = "SheetSides",
        /// Whether it is sorted.
        sorted: bool = "Sorted",
    }
    + elements {
        /// What happens to its files in the end.
        dispositions: Disposition, NewDisposition,
    }
    + resources {
        /// What is on the pages.
        layout_elements: LayoutElement, NewLayoutElement,
    }
}
