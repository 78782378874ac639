//! Attributes that all elements of a kind have in common (JDF 1.5: any element, abstract resource, physical
//! resource, partitioned resource, resource link, audit, message, span, state).

use super::super::{AttributeFacts, Kind, ResourceClass};
use super::words::{ORIENTATION, PARTITION_KEY_NAMES, RESOURCE_STATUS, SETTINGS_POLICY};

/// The groups that hold for `kind`, the narrower first.
pub(in crate::schema) const fn of(kind: Kind) -> &'static [&'static [AttributeFacts]] {
    match kind {
        Kind::Bare => &[],
        Kind::Element => &[ELEMENT, ANY],
        Kind::Plain => &[ANY],
        Kind::Resource(ResourceClass::Parameter) => &[RESOURCE, PARAMETER, PARTITION, ANY],
        Kind::Resource(class) if class.is_physical() => &[RESOURCE, PHYSICAL, PARTITION, ANY],
        Kind::Resource(_) => &[RESOURCE, PARTITION, ANY],
        Kind::Link => &[LINK, ANY],
        Kind::Ref => &[REFERENCE, ANY],
        Kind::Part => &[PARTITION, ANY],
        Kind::Audit => &[AUDIT, ANY],
        Kind::Message => &[MESSAGE, ANY],
        Kind::Span => &[SPAN, RANGE, ANY],
        Kind::StringSpan => &[SPAN, ANY],
        Kind::State => &[STATE, ANY],
        Kind::Evaluation => &[EVALUATION, ANY],
    }
}

const ANY: &[AttributeFacts] = attributes! {
    BestEffortExceptions: Names 1.1, CommentURL: Url, DescriptiveName: Text, MustHonorExceptions: Names 1.1,
    OperatorInterventionExceptions: Names 1.1, SettingsPolicy: Enum(=SETTINGS_POLICY) 1.2,
};

/// `ID`, `Class` and `Status` are required of a resource in a pool; a resource that stands inside another element
/// has them or not.
const RESOURCE: &[AttributeFacts] = attributes! {
    AgentName: Text 1.2, AgentVersion: Text 1.2, Author: Text 1.2, CatalogID: Text, CatalogDetails: Text,
    Class ! Enum(Consumable Handling Implementation Intent Parameter PlaceHolder Quantity), ID ! Id, Locked: Boolean,
    PartIDKeys: Enums(=PARTITION_KEY_NAMES), PartUsage: Enum(Explicit Implicit Sparse) 1.1, PipeID: Text,
    PipePartIDKeys: Enums(=PARTITION_KEY_NAMES) 1.2, PipeProtocol: Name 1.2, PipeURL: Url 1.2,
    ProductID: Text 1.1, rRefs: IdRefs, SkipIndex: Integer 1.4, SpawnIDs: Names 1.1,
    SpawnStatus: Enum(NotSpawned SpawnedRO SpawnedRW), Status ! Enum(=RESOURCE_STATUS), UpdateID: Name 1.1,
};

const ELEMENT: &[AttributeFacts] = attributes! {
    AgentName: Text, AgentVersion: Text, Author: Text, CatalogDetails: Text, CatalogID: Text, ID: Id ..1.1,
    ProductID: Text, Status: Enum(=RESOURCE_STATUS), UpdateID: Name 1.1 ..1.2,
};

const PARAMETER: &[AttributeFacts] = attributes! { NoOp: Boolean 1.1 };

const PHYSICAL: &[AttributeFacts] = attributes! {
    AlternateBrand: Text, Amount: Number, AmountProduced: Number 1.1, AmountRequired: Number 1.1, BatchID: Text,
    Brand: Text, GrossWeight: Number 1.3, LotControl: Enum(Controlled NotControlled) 1.4, Manufacturer: Text,
    ResourceWeight: Number, Unit: Name,
};

/// The partition keys.
pub(in crate::schema) const PARTITION: &[AttributeFacts] = attributes! {
    BinderySignatureName: Name 1.2, BinderySignaturePaginationIndex: IntegerRanges 1.4, BlockName: Name 1.1,
    BundleItemIndex: IntegerRanges 1.2, CellIndex: IntegerRanges 1.2, Condition: Name 1.2,
    DeliveryUnit0: Name 1.3, DeliveryUnit1: Name 1.3, DeliveryUnit2: Name 1.3, DeliveryUnit3: Name 1.3,
    DeliveryUnit4: Name 1.3, DeliveryUnit5: Name 1.3, DeliveryUnit6: Name 1.3, DeliveryUnit7: Name 1.3,
    DeliveryUnit8: Name 1.3, DeliveryUnit9: Name 1.3, DocCopies: IntegerRanges, DocIndex: IntegerRanges,
    DocRunIndex: IntegerRanges 1.1, DocSheetIndex: IntegerRanges 1.1, DocTags: NameRanges 1.3, Edition: Name 1.3,
    EditionVersion: Name 1.3, FountainNumber: Integer 1.1, ItemNames: Names 1.2, LayerIDs: IntegerRanges 1.1,
    Location: Name 1.1, Metadata0: NameRanges 1.4, Metadata1: NameRanges 1.4, Metadata2: NameRanges 1.4,
    Metadata3: NameRanges 1.4, Metadata4: NameRanges 1.4, Metadata5: NameRanges 1.4, Metadata6: NameRanges 1.4,
    Metadata7: NameRanges 1.4, Metadata8: NameRanges 1.4, Metadata9: NameRanges 1.4, Option: Name 1.1,
    PageNumber: IntegerRanges 1.1, PageTags: NameRanges 1.3, PartVersion: Names, PlateLayout: Name 1.3,
    PreflightRule: Name 1.2,
    PreviewType: Enum(Animation Identification SeparatedThumbNail Separation SeparationRaw Static3D ThumbNail Viewable)
        1.1,
    ProductPart: Name 1.5, RibbonName: Name 1.1, Run: Name, RunIndex: IntegerRanges, RunPage: Integer 1.1,
    RunPageRange: IntegerRanges 1.4, RunSet: Name 1.3, RunTags: NameRanges 1.1, SectionIndex: IntegerRanges 1.2,
    Separation: Text, SetCopies: IntegerRanges 1.5, SetDocIndex: IntegerRanges 1.2, SetIndex: IntegerRanges 1.1,
    SetRunIndex: IntegerRanges 1.2, SetSheetIndex: IntegerRanges 1.2, SetTags: NameRanges 1.3, SheetIndex: IntegerRanges,
    SheetName: Text, Side: Enum(Back Front), SignatureName: Text, StationName: Text 1.4, SubRun: Name 1.3,
    TileID: XyPair, WebName: Name 1.1, WebProduct: Name 1.3, WebSetup: Name 1.3,
};

const REFERENCE: &[AttributeFacts] = attributes! { rRef ! IdRef, rSubRef: IdRef ..1.1 };

const LINK: &[AttributeFacts] = attributes! {
    ActualAmount: Number 1.3, Amount: Number, CombinedProcessIndex: Integers 1.1, CombinedProcessType: Name,
    DraftOK: Boolean, Duration: Duration, MaxAmount: Number 1.3, MinAmount: Number 1.3,
    MinLateStatus: Enum(=RESOURCE_STATUS) 1.3, MinStatus: Enum(=RESOURCE_STATUS) 1.3, Orientation: Enum(=ORIENTATION),
    PipePartIDKeys: Enums(=PARTITION_KEY_NAMES) 1.2, PipePause: Number 1.2, PipeProtocol: Name 1.1,
    PipeResume: Number 1.2, PipeURL: Url 1.2, ProcessUsage: Text, Recommendation: Boolean, RemotePipeEndPause: Number,
    RemotePipeEndResume: Number, rRef ! IdRef, rSubRef: IdRef, Start: DateTime, StartOffset: Duration,
    Transformation: Matrix, Usage ! Enum(Input Output),
};

const AUDIT: &[AttributeFacts] = attributes! {
    AgentName: Text 1.2, AgentVersion: Text 1.2, Author: Text 1.2 ..1.3, ID: Id 1.2, QueueEntryID: Text 1.4,
    refID: IdRef 1.2, SpawnID: Text 1.1,
    TimeStamp ! DateTime,
};

const MESSAGE: &[AttributeFacts] = attributes! {
    AgentName: Text 1.4, AgentVersion: Text 1.4, ID ! Id, ICSVersions: Names 1.4, SenderID: Text, Time: DateTime,
    Type ! Name, Version: Text 1.4,
};

const SPAN: &[AttributeFacts] = attributes! {
    DataType ! Enum(DurationSpan EnumerationSpan IntegerSpan NameSpan NumberSpan OptionSpan ShapeSpan StringSpan
        TimeSpan XYPairSpan),
    Actual: Any, Preferred: Any, Priority: Name(None Suggested Required) ..1.1,
};

const RANGE: &[AttributeFacts] = attributes! { OfferRange: Any, Range: Any };

const STATE: &[AttributeFacts] = attributes! {
    ActionRefs: IdRefs 1.2, Availability: Enum(Disabled Installed Module NotInstalled NotLicensed) 1.2,
    DependentMacroRef: IdRef 1.2, DevNS: Url, Editable: Boolean 1.2, HasDefault: Boolean, ID: Id 1.2, ListType: Enum 1.2,
    MacroRefs: IdRefs 1.2, MaxOccurs: Integer 1.2, MinOccurs: Integer 1.2, ModuleRefs: IdRefs 1.3, Name: Name,
    Required: Boolean 1.2, Span: Boolean, UserDisplay: Enum(Dependant Display Hide) 1.2,
};

const EVALUATION: &[AttributeFacts] = attributes! { rRef: IdRef, Path: XPath };
