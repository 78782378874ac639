//! Attributes that all elements of a kind have in common (JDF 1.5: any element, abstract resource, physical
//! resource, partitioned resource, resource link, audit, message, span, state).

use super::super::{AttributeFacts, Kind, ResourceClass};
use super::words::{PARTITION_KEY_NAMES, RESOURCE_STATUS, SETTINGS_POLICY};

/// The groups that hold for `kind`, the narrower first.
pub(in crate::schema) const fn of(kind: Kind) -> &'static [&'static [AttributeFacts]] {
    match kind {
        Kind::Plain => &[ANY],
        Kind::Resource(ResourceClass::Parameter) => &[RESOURCE, PARAMETER, PARTITION, ANY],
        Kind::Resource(class) if class.is_physical() => &[RESOURCE, PHYSICAL, PARTITION, ANY],
        Kind::Resource(_) => &[RESOURCE, PARTITION, ANY],
        Kind::Link => &[LINK, ANY],
        Kind::Ref => &[REFERENCE],
        Kind::Audit => &[AUDIT, ANY],
        Kind::Message => &[MESSAGE, ANY],
        Kind::Span => &[SPAN, ANY],
        Kind::State => &[STATE, ANY],
        Kind::Evaluation => &[EVALUATION, ANY],
    }
}

const ANY: &[AttributeFacts] = attributes! {
    BestEffortExceptions: Names 1.1, CommentURL: Url, DescriptiveName: Text, MustHonorExceptions: Names 1.1,
    OperatorInterventionExceptions: Names 1.1, SettingsPolicy: Enum(=SETTINGS_POLICY) 1.2,
};

const RESOURCE: &[AttributeFacts] = attributes! {
    AgentName: Text 1.2, AgentVersion: Text 1.2, Author: Text 1.2, CatalogID: Text, CatalogDetails: Text,
    Class: Enum(Consumable Handling Implementation Intent Parameter PlaceHolder Quantity), ID: Id, Locked: Boolean,
    PartIDKeys: Enums(=PARTITION_KEY_NAMES), PartUsage: Enum(Explicit Implicit Sparse) 1.1, PipeID: Text,
    PipePartIDKeys: Enums(=PARTITION_KEY_NAMES) 1.2, PipeProtocol: Name 1.2, PipeURL: Url 1.2,
    ProductID: Text 1.1, rRefs: IdRefs ..1.2, SpawnIDs: Names 1.1, SpawnStatus: Enum(NotSpawned SpawnedRO SpawnedRW),
    Sorting: IntegerRanges ..1.1, SortAmount: Boolean ..1.1, Status: Enum(=RESOURCE_STATUS),
    StatusDetails: Text 1.3, UpdateID: Name,
};

const PARAMETER: &[AttributeFacts] = attributes! { NoOp: Boolean 1.1 };

const PHYSICAL: &[AttributeFacts] = attributes! {
    AlternateBrand: Text, Amount: Number, AmountProduced: Number 1.2, AmountRequired: Number 1.2, Brand: Text,
    BatchID: Text, GrossWeight: Number 1.3, LotControlled: Boolean 1.5, Manufacturer: Text,
    PipePause: Number 1.2, PipeResume: Number 1.2, ResourceWeight: Number 1.1, Unit: Text, Weight: Number,
};

/// The partition keys.
pub(in crate::schema) const PARTITION: &[AttributeFacts] = attributes! {
    BinderySignatureName: Name 1.2, BinderySignaturePaginationIndex: IntegerRanges 1.4, BlockName: Name,
    BundleItemIndex: IntegerRanges 1.2, CellIndex: IntegerRanges 1.2, Condition: Name 1.2,
    DeliveryUnit0: Name 1.3, DeliveryUnit1: Name 1.3, DeliveryUnit2: Name 1.3, DeliveryUnit3: Name 1.3,
    DeliveryUnit4: Name 1.3, DeliveryUnit5: Name 1.3, DeliveryUnit6: Name 1.3, DeliveryUnit7: Name 1.3,
    DeliveryUnit8: Name 1.3, DeliveryUnit9: Name 1.3, DocCopies: IntegerRanges 1.2, DocIndex: IntegerRanges,
    DocRunIndex: IntegerRanges 1.2, DocSheetIndex: IntegerRanges 1.2, DocTags: NameRanges 1.4, Edition: Name 1.3,
    EditionVersion: Name 1.3, FountainNumber: Integer, ItemNames: NameRanges 1.2, LayerIDs: IntegerRanges,
    Location: Name 1.2, LotID: Text 1.4, Option: Text 1.1, PageNumber: IntegerRanges, PageTags: NameRanges 1.4,
    PartVersion: Text, PlateLayout: Name 1.3, PreflightRule: Name 1.2,
    PreviewType: Enum(Animation Identification SeparatedThumbNail Separation SeparationRaw Static3D ThumbNail Viewable)
        1.1,
    QualityMeasurement: Name 1.4, RibbonName: Name 1.1, Run: Name, RunIndex: IntegerRanges, RunPage: Integer,
    RunPageRange: IntegerRanges 1.4, RunSet: Name 1.3, RunTags: NameRanges 1.2, SectionIndex: IntegerRanges 1.2,
    Separation: Text, SetDocIndex: IntegerRanges 1.2, SetIndex: IntegerRanges 1.1, SetRunIndex: IntegerRanges 1.2,
    SetSheetIndex: IntegerRanges 1.2, SetTags: NameRanges 1.4, SheetIndex: IntegerRanges, SheetName: Name,
    Side: Enum(Back Front), SignatureName: Name, StationName: Text 1.4, SubRun: Name 1.2, TileID: XyPair,
    WebName: Name 1.1, WebProduct: Name 1.1, WebSetup: Name 1.1,
};

const REFERENCE: &[AttributeFacts] = attributes! {
    rRef ! IdRef, rSubRef: IdRef ..1.1,
};

const LINK: &[AttributeFacts] = attributes! {
    ActualAmount: Number 1.3, Amount: Number, AmountProduced: Number, CombinedProcessIndex: Integers 1.1,
    CombinedProcessType: Name ..1.1, Draft: Boolean, DraftOK: Boolean ..1.2, MaxAmount: Number 1.3,
    MinAmount: Number 1.3, MinLateStatus: Enum(=RESOURCE_STATUS) 1.3, MinStatus: Enum(=RESOURCE_STATUS) 1.3,
    PipePartIDKeys: Enums(=PARTITION_KEY_NAMES) 1.2, PipePause: Number 1.2, PipeProtocol: Name,
    PipeResume: Number 1.2, PipeURL: Url 1.2, ProcessUsage: Name, rRef ! IdRef, rSubRef: IdRef ..1.1,
    Usage ! Enum(Input Output),
};

const AUDIT: &[AttributeFacts] = attributes! {
    AgentName: Text 1.1, AgentVersion: Text 1.1, Author: Text ..1.3, ID: Id 1.2, PreviousAudit: IdRef,
    QueueEntryID: Text 1.4, ref: IdRef ..1.1, refID: IdRef, SpawnID: Name 1.1, TimeStamp ! DateTime,
};

const MESSAGE: &[AttributeFacts] = attributes! {
    AgentName: Text 1.4, AgentVersion: Text 1.4, ID ! Id, ICSVersions: Names 1.4, SenderID: Text, Time: DateTime,
    Type ! Name, Version: Text 1.4,
};

const SPAN: &[AttributeFacts] = attributes! {
    DataType ! Enum(DurationSpan EnumerationSpan IntegerSpan NameSpan NumberSpan OptionSpan ShapeSpan StringSpan
        TimeSpan XYPairSpan),
    Actual: Any, OfferRange: Any, Overage: Any, Preferred: Any, Priority: Enum(None Suggested Required) ..1.1, Range: Any,
    Underage: Any,
};

const STATE: &[AttributeFacts] = attributes! {
    ActionRefs: IdRefs, Availability: Enum(Installed Module NotInstalled NotLicensed Disabled),
    DependentMacroRef: IdRef, DevNS: Url, HasDefault: Boolean, ID: Id, ListType: Enum, MacroRefs: IdRefs, MaxOccurs: Integer,
    MinOccurs: Integer, ModuleRefs: IdRefs 1.3, Name: Name, Required: Boolean,
    Span: Boolean, UserDisplay: Enum(Display Hide Dim) 1.2,
};

const EVALUATION: &[AttributeFacts] = attributes! {
    BasicPreflightTest: Any, PathContext: XPath, rRef: IdRef, rRefs: IdRefs, Path: XPath,
};
