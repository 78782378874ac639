//! Media, components, plates, inks, colour and the press (JDF 1.5, Resources).

use super::words::COATING;

elements! { PRESS
Media: Consumable {
    BackBrightness: Number 1.4, BackCoatingDetail: Name 1.4, BackCoatings: Enum(=COATING), BackGlossValue: Number 1.2, Brightness: Number,
    CIETint: Number 1.2, CIEWhiteness: Number 1.2, ColorName: Text, CoreWeight: Number 1.3, Dimension: XyPair, Flute: Name 1.3,
    FluteDirection: Enum(LongEdge ShortEdge XDirection YDirection) 1.4, FrontCoatingDetail: Name 1.4, FrontCoatings: Enum(=COATING), FrontGlossValue: Number 1.2,
    Grade: Integer, GrainDirection: Enum(LongEdge ShortEdge XDirection YDirection), HoleCount: Integer, HoleType: Enums 1.1,
    ImagableSide: Enum(Front Back Both Neither), InnerCoreDiameter: Number 1.3, InsideLoss: Number 1.3, ISOPaperSubstrate: Enum(PS1 PS2 PS3 PS4 PS5 PS6 PS7 PS8) 1.5,
    LabColorValue: LabColor 1.2, MediaColorName: Text, MediaColorNameDetails: Text 1.4, MediaQuality: Text 1.4, MediaSetCount: Integer, MediaType: Enum(CorrugatedBoard Disc EmbossingFoil EndBoard Film Foil GravureCylinder ImagingCylinder LaminatingFoil MountingTape Other Paper Plate Screen SelfAdhesive ShrinkFoil Sleeve Textile Transparency Unknown Vinyl), MediaTypeDetails: Name 1.3, MediaUnit: Enum(Continuous Roll Sheet),
    Opacity: Enum(Opaque Translucent Transparent), OpacityLevel: Number 1.2, OuterCoreDiameter: Number 1.3, OutsideGain: Number 1.3, PlateTechnology: Enum 1.3, Polarity: Enum(Positive Negative),
    PrePrinted: Boolean, PrintingTechnology: Name 1.4, Recycled: Boolean, RecycledPercentage: Number 1.2, ReliefThickness: Number 1.3, RollDiameter: Number, ShrinkIndex: XyPair 1.1, SleeveInterlock: Name 1.4,
    StockType: Name 1.1, Texture: Name, Thickness: Number, UserMediaType: Name, Weight: Number, WrapperWeight: Number 1.2,
} [Color? ColorMeasurementConditions? HoleList? Media? MediaLayers? TabDimensions?]
MediaLayers: Element 1.3 {} [GlueLine* Media*]
Component: Quantity {
    AssemblyIDs: Names 1.3, Automation: Enum(Dynamic Static) 1.5, CartonTopFlaps: XyPair 1.3, Columns: Integer 1.4, ComponentType ! Enums(Block Other Ribbon Sheet Web FinalProduct PartialProduct Proof), Dimensions: Shape, IsWaste: Boolean,
    MaxHeat: Number 1.2, Overfold: Number 1.1, OverfoldSide: Enum(Front Back) 1.1, PageListIndex: IntegerRanges 1.2, ProductType: Name 1.1, ProductTypeDetails: Text 1.3, ReaderPageCount: Integer 1.1,
    SheetPart: Rectangle, SourceRibbon: Text, SourceSheet: Text, SourceWeb: Text, SpineThickness: Number 1.4, SurfaceCount: Integer 1.1, Transformation: Matrix, WindingResult: Integer 1.5,
} [Assembly? Bundle? Disjointing? Layout? Media? PageList?]
ExposedMedia: Handling {
    ColorType: Enum(Color GrayScale Monochrome), PageListIndex: IntegerRanges 1.3, PlateType: Enum(Exposed Dummy) 1.3, Polarity: Boolean, ProofName: Text 1.2, ProofQuality: Enum, ProofType: Enum, PunchType: Text, Resolution: XyPair,
} [FileSpec* Media! PageList? ScreeningParams?]
Ink: Consumable { ColorName: Text, Family: Name, InkName: Text, SpecialInk: Name 1.5, SpecificYield: Number } []
ConventionalPrintingParams: Parameter {
    DirectProof: Boolean, Drying: Enum, FirstSurface: Enum(Back Either Front), FountainSolution: Enum(On Off), MediaLocation: Text, ModuleAvailableIndex: IntegerRanges, ModuleDrying: Enum,
    ModuleIndex: IntegerRanges, NonPrintableMarginBottom: Number 1.3, NonPrintableMarginLeft: Number 1.3, NonPrintableMarginRight: Number 1.3, NonPrintableMarginTop: Number 1.3, PerfectingModule: Integer, Powder: Number,
    PrintingTechnology: Enum 1.4, PrintingType: Enum(ContinuousFed SheetFed WebFed WebMultiple WebSingle), SheetLay: Enum(Left Center Right), Speed: Number, WorkStyle: Enum(Simplex Perfecting WorkAndBack WorkAndTurn WorkAndTumble WorkAndTwist),
} [ApprovalParams? Ink*]
DigitalPrintingParams: Parameter {
    Collate: Enum(None Sheet SheetAndSet SheetSetAndJob SystemSpecified), DirectProofAmount: Integer, ManualFeed: Boolean, NonPrintableMarginBottom: Number 1.2, NonPrintableMarginLeft: Number 1.2, NonPrintableMarginRight: Number 1.2, NonPrintableMarginTop: Number 1.2,
    OutputBin: Names 1.2, PageDelivery: Enum, PrintPass: Enum, PrintQuality: Enum(Draft High Normal SystemSpecified) 1.1, PrintingType: Enum, SheetLay: Enum(Center Left Right SystemSpecified), Sides: Enum 1.5, StackAmount: Integer 1.5,
} [ApprovalParams? Component? Disjointing? Ink* Media? MediaSource?]
VarnishingParams: Parameter 1.4 { ModuleIndex: Integer, ModuleType: Name, VarnishArea: Enum(Full Spot), VarnishMethod: Enum(Blanket Plate Independent) } []
InkZoneProfile: Parameter { ZoneHeight: Number, ZoneSettingsX ! Numbers, ZoneSettingsY: Numbers, ZoneWidth ! Number } []
InkZoneCalculationParams: Parameter { FountainPositions: Numbers, PrintableArea: Rectangle, ZoneHeight: Number, Zones: Integer, ZonesY: Integer, ZoneWidth: Number } [Device?]
ColorantControl: Parameter {
    ForceSeparations: Boolean, InternalColorModel: Enum(Basic Enhanced Explicit) 1.4, MappingSelection: Enum(UseLocalPrinterValues UsePDLValues UseProcessColorValues) 1.5, ProcessColorModel: Name,
} [ColorantAlias* ColorantConvertProcess? ColorantOrder? ColorantParams? ColorPool? ColorSpaceSubstitute* DeviceColorantOrder? DeviceNSpace*]
ColorantAlias: Parameter { RawNames: Text 1.4, ReplacementColorantName ! Text } [SeparationSpec*]
ColorantOrder: Plain {} [SeparationSpec*]
ColorantParams: Plain {} [SeparationSpec*]
DeviceColorantOrder: Plain {} [SeparationSpec*]
ColorantConvertProcess: Plain 1.4 {} [SeparationSpec*]
ColorSpaceSubstitute: Plain {} [PDLResourceAlias! SeparationSpec?]
SeparationSpec: Element { Name: Text } []
ColorPool: Parameter { ColorantSetName: Text } [Color*]
Color: Parameter {
    ActualColorName: Text 1.4, CMYK: CmykColor, ColorBook: Text, ColorBookEntry: Text, ColorBookPrefix: Text, ColorBookSuffix: Text, ColorDetails: Text 1.4, ColorName: Text, ColorType: Enum, ColorTypeDetails: Text 1.5, Density: Number 1.2, Lab: LabColor, MappingSelection: Enum(UseLocalPrinterValues UsePDLValues UseProcessColorValues) 1.2, MediaType: Text, Name ! Text, NeutralDensity: Number,
    RawName: HexBinary 1.2, sRGB: RgbColor, UsePDLAlternateCS: Boolean, Gray: Number 1.4, PrintingTechnology: Name 1.5,
} [ColorMeasurementConditions? DeviceNColor* FileSpec* PrintConditionColor* TransferCurve*]
TransferCurvePool: Parameter {} [TransferCurveSet*]
TransferCurveSet: Plain { CTM: Matrix, Name ! Name } [TransferCurve*]
TransferCurve: Parameter { Curve ! TransferFunction, Separation: Text } []
ColorControlStrip: Parameter { Center: XyPair, Rotation: Number, Size: XyPair, StripType: Text } [CIELABMeasuringField* DensityMeasuringField* SeparationSpec*]
RegisterMark: Parameter { Center ! XyPair, MarkType: Names, MarkUsage: Enum 1.1, Rotation: Number } [SeparationSpec*]
CutMark: Parameter { Blocks: Names, MarkType ! Enum, Position ! XyPair } []
FileSpec: Parameter {
    Application: Text, AppOS: Text, AppVersion: Text, CheckSum: HexBinary 1.1, Compression: Name, Disposition: Enum, DocumentNaturalLang: Language, FileFormat: Text 1.2, FileSize: Integer, FileTargetDeviceModel: Text 1.2, FileTemplate: Text 1.2, FileVersion: Text, MimeType: Text, MimeTypeVersion: Text, OSVersion: Text, OverwritePolicy: Enum 1.2, PageOrder: Enum(Ascending Descending), Password: Text 1.3, RequestQuality: Number 1.3, ResourceUsage: Name, SearchDepth: Integer 1.2, UID: Text, URL: Url, UserFileName: Text, Encoding: Text,
} [Container? Disposition? FileAlias*]
RunList: Parameter {
    ComponentGranularity: Enum 1.3, Directory: Url, DocNames: NameRanges 1.1, Docs: IntegerRanges 1.1, EndOfBundleItem: Boolean 1.2, EndOfDocument: Boolean, EndOfSet: Boolean, FirstPage: Integer, IgnoreContext: Names 1.5, IsPage: Boolean, LogicalPage: Integer 1.1, NDoc: Integer 1.1, NPage: Integer 1.1, NSet: Integer, PageCopies: Integer 1.1, PageListIndex: IntegerRanges 1.2, PageNames: NameRanges 1.1, Pages: IntegerRanges, SetCopies: Integer 1.1, SetNames: NameRanges 1.1, Sets: IntegerRanges 1.1, Sorted: Boolean 1.1, SkipPage: Integer, Automation: Enum(Dynamic Static) 1.5, RunTag: Name 1.1, SheetSides: Enum 1.4,
} [ByteMap? Disposition? DynamicInput* InsertSheet* InterpretedPDLData? LayoutElement? MetadataMap* PageList?]
LayoutElement: Parameter {
    ClipPath: PdfPath, ElementType: Enum, HasBleeds: Boolean, IgnorePDLCopies: Boolean 1.1, IgnorePDLImposition: Boolean 1.1, IsBlank: Boolean 1.2, IsPrintable: Boolean, IsTrapped: Boolean, PageListIndex: IntegerRanges 1.2, SetLevel: Text 1.1, SourceBleedBox: Rectangle, SourceClipBox: Rectangle, SourceMediaBox: Rectangle 1.5, SourceTrimBox: Rectangle, Template: Boolean, ContentDataRefs: IdRefs 1.4,
} [ColorPool? Dependencies? ElementColorParams? FileSpec? ImageCompressionParams? PageList? ScreeningParams? SeparationSpec*]
Preview: Parameter {
    Compensation: Enum(Unknown None Film Plate Press), CTM: Matrix 1.1, Directory: Url 1.1, MimeTypeDetails: Text 1.5, PreviewFileType: Enum(PNG CIP3Multiple CIP3Single) 1.2, PreviewUsage: Enum, URL ! Url,
} []
PrintCondition: Parameter 1.2 { Density: Number, Name ! Text, AimCurve: TransferFunction 1.4 } [ColorMeasurementConditions? Device? FileSpec?]
IdentificationField: Parameter {
    BoundingBox: Rectangle, Encoding ! Enum(ASCII Barcode BarCode1D BarCode2D Braille RFID), EncodingDetails ! Name, Format: RegExp 1.3, Orientation: Matrix, Page: Integer, Position: Enum, Purpose: Enum, PurposeDetails: Name 1.4, Value: Text 1.1, ValueFormat: Text 1.3, ValueTemplate: Text 1.3,
} [BarcodeDetails* ExtraValues*]
Device: Implementation {
    DeviceFamily: Text, DeviceID: Text, DeviceType: Text, Directory: Url 1.1, FriendlyName: Text, ICSVersions: Names 1.3, JDFErrorURL: Url 1.2, JDFInputURL: Url 1.2, JDFOutputURL: Url 1.2, JDFVersions: Names 1.1, JMFSenderID: Text 1.1, JMFURL: Url 1.1, KnownLocalizations: Languages 1.2, Manufacturer: Text, ManufacturerURL: Text, ModelDescription: Text, ModelName: Text, ModelNumber: Text, ModelURL: Text, PresentationURL: Text, SecureJMFURL: Url 1.3, SerialNumber: Text, UPC: Text, DeviceClass: Names 1.5,
} [CostCenter? DeviceCap* IconList? Module*]
Employee: Implementation { PersonalID: Text, Roles: Names 1.2, Shift: Text } [CostCenter? Person?]
Module: Plain 1.3 { DeviceType: Text, Manufacturer: Text, ModelDescription: Text, ModelName: Text, ModelNumber: Text, ModuleID: Text, ModuleIndex: Integer, ModuleType: Name, SerialNumber: Text, SubModuleIndex: Integer, ManufacturerURL: Text, ModelURL: Text } [IconList? Module*]
}
