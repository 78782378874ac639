//! The JDF node, its pools, links, and the elements that any resource may hold (JDF 1.5, Structure).

use super::words::{ACTIVATION, NODE_STATUS, RESOURCE_STATUS, SETTINGS_POLICY};

elements! { NODE
JDF: Plain {
    Activation: Enum(=ACTIVATION), Category: Name 1.2, ICSVersions: Names 1.2,
    ID ! Id, JobID: Text, JobPartID: Text, MaxVersion: Text 1.2, NamedFeatures: Names 1.2 ..1.4, ProjectID: Text 1.1,
    RelatedJobID: Text 1.2, RelatedJobPartID: Text 1.2, SettingsPolicy: Enum(=SETTINGS_POLICY) 1.1, SpawnID: Name 1.1,
    Status ! Enum(=NODE_STATUS), StatusDetails: Text 1.2, Template: Boolean 1.1, TemplateID: Text 1.2,
    TemplateVersion: Text 1.2, Type ! Name, Types: Names, Version: Text,
} [AncestorPool? AuditPool? CustomerInfo? JDF* NodeInfo? ResourceLinkPool? ResourcePool? StatusPool?]
AncestorPool: Plain {} [Ancestor+ Part*]
Ancestor: Plain {
    Activation: Enum(=ACTIVATION), FileName: Url, JobID: Text, JobPartID: Text,
    MaxVersion: Text 1.2, NodeID ! Name, ProjectID: Text, RelatedJobID: Text 1.2, RelatedJobPartID: Text 1.2, SpawnID: Text 1.1,
    Status: Enum(=NODE_STATUS), StatusDetails: Text 1.2, Template: Boolean 1.1, TemplateID: Text 1.2, TemplateVersion: Text 1.2,
    Type: Name 1.2, Types: Names 1.2, Version: Text, ICSVersions: Names 1.2,
} [CustomerInfo? NodeInfo?]
StatusPool: Plain ..1.2 { Status: Enum(Aborted Cleanup Completed FailedTestRun InProgress Ready Setup Spawned Stopped TestRunInProgress Waiting), StatusDetails: Text 1.2 } [PartStatus*]
PartStatus: Plain ..1.2 { Status: Enum(=NODE_STATUS), StatusDetails: Text 1.2 } [Part*]
ResourcePool: Plain {} []
ResourceLinkPool: Plain {} []
Part: Part { Sorting: IntegerRanges ..1.3, SortAmount: Boolean ..1.3 } []
Comment: Bare {
    AgentName: Text 1.3, AgentVersion: Text 1.3, Attribute: Name 1.1, Author: Text 1.3, Box: Rectangle, ID: Id 1.3,
    Language: Language, Name: Name, Path: PdfPath, TimeStamp: DateTime 1.3,
} []
GeneralID: Element 1.3 {
    DataType: Enum(boolean dateTime double duration integer NamedFeature NMTOKEN string) 1.4, IDUsage ! Name, IDValue ! Text,
} []
QualityControlResult: Parameter 1.2 { Failed: Integer, Passed: Integer } [BindingQualityMeasurement* FileSpec* QualityMeasurement*]
QualityControlParams: Parameter 1.2 {
    SampleInterval: Integer, TimeInterval: Duration,
} [BindingQualityParams?]
QualityMeasurement: Plain 1.4 {
    End: DateTime, Failed: Integer, Passed: Integer, Start: DateTime,
    Condition: Name,
} []
BindingQualityParams: Plain 1.2 { FlexValue: Number, PullOutValue: Number } []
BindingQualityMeasurement: Plain 1.2 { FlexValue: Number, PullOutValue: Number } []
Identical: Plain 1.3 {} [Part!]
NodeInfo: Parameter {
    CleanupDuration: Duration, DueLevel: Enum(Unknown Trivial Penalty JobCancelled), End: DateTime, FirstEnd: DateTime,
    FirstStart: DateTime, IPPVersion: XyPair, JobPriority: Integer 1.1, LastEnd: DateTime, LastStart: DateTime,
    MergeTarget: Boolean, NaturalLang: Language, NodeStatus: Enum(=NODE_STATUS) 1.3, NodeStatusDetails: Text 1.3,
    rRefs: IdRefs, Route: Url, SetupDuration: Duration, Start: DateTime, TargetRoute: Url 1.2, TotalDuration: Duration,
    WorkStepID: Text 1.4,
} [BusinessInfo? Employee? JMF* MISDetails? NotificationFilter*]
BusinessInfo: Plain {} []
MISDetails: Element 1.2 {
    CostType: Enum(Chargeable NonChargeable), DeviceOperationMode: Enum(Maintenance NonProductive Productive),
    WorkType: Enum(Alteration Original Rework), WorkTypeDetails: Text,
} []
NotificationFilter: Plain {
    Classes: Enums(Event Information Warning Error Fatal), DeviceID: Text, JobID: Text 1.2, JobPartID: Text 1.2,
    MilestoneTypes: Names 1.3, QueueEntryID: Text 1.2, SignalTypes: Names 1.3, Types: Names,
} [Part*]
CustomerInfo: Parameter {
    BillingCode: Text, CustomerID: Text, CustomerJobName: Text, CustomerOrderID: Text, CustomerProjectID: Text 1.2,
    rRefs: IdRefs,
} [Company? Contact* CustomerMessage*]
CustomerMessage: Plain 1.2 { Language: Language, MessageEvents ! Names, ShowList: Names } [ComChannel*]
Contact: Parameter { ContactTypeDetails: Text 1.3, ContactTypes ! Names, UserID: Text 1.4 } [Address? ComChannel* Company? Person?]
Company: Parameter { OrganizationName ! Text } [ComChannel* Contact* OrganizationalUnit*]
OrganizationalUnit: Bare {} []
Address: Parameter {
    City: Text, Country: Text, CountryCode: Text, PostBox: Text, PostalCode: Text, Region: Text, Street: Text,
} [ExtendedAddress?]
ExtendedAddress: Bare {} []
ComChannel: Parameter {
    ChannelType ! Enum(ComputerName Email Fax InstantMessaging JMF Mobile Phone PrivateDirectory WWW), ChannelTypeDetails: Name 1.2,
    ChannelUsage: Names 1.2, Locator ! Text,
} []
Person: Parameter {
    AdditionalNames: Text 1.4, FamilyName: Text, FirstName: Text, JobTitle: Text, Languages: Languages 1.4, NamePrefix: Text,
    NameSuffix: Text, } [Address? ComChannel*]
Location: Element { LocationName: Text 1.1, LocID: Text, } [Address?]
ContentObject: Plain {
    Anchor: Enum 1.4, ClipBox: Rectangle, ClipBoxFormat: Text 1.4, ClipBoxTemplate: Text 1.4,
    ClipPath: PdfPath, CTM ! Matrix, DocOrd: Integer, HalfTonePhaseOrigin: XyPair 1.4, LayerID: Integer,
    LogicalStackOrd: Integer 1.4, Ord: Integer, OrdExpression: Text 1.2, OrdID: Integer 1.1, SetOrd: Integer 1.1,
    SourceClipPath: PdfPath, TrimCTM: Matrix, TrimSize: XyPair, TrimClipPath: PdfPath, Type: Enum(Content Mark), AssemblyIDs: Names 1.4, CompensationCTMFormat: Text 1.4, CompensationCTMTemplate: Text 1.4, ID: Id 1.4,
} [RefAnchor*]
AmountPool: Plain 1.1 {} [PartAmount+]
PartAmount: Plain 1.1 {
    ActualAmount: Number 1.2, Amount: Number, DraftOK: Boolean, Duration: Duration, MaxAmount: Number 1.3, MinAmount: Number 1.3,
    MinLateStatus: Enum(=RESOURCE_STATUS) 1.3, MinStatus: Enum(=RESOURCE_STATUS) 1.3, Orientation: Enum,     PipePause: Number, PipeResume: Number, PipeURL: Url,
    RemotePipeEndPause: Number, RemotePipeEndResume: Number, Start: DateTime, StartOffset: Duration, Transformation: Matrix,
} [Lot* Part+]
Lot: Plain 1.4 { Amount: Number, Consumption: Enum(Full Partial), LotID ! Text, ActualAmount: Number 1.4 } []
SourceResource: Element 1.3 {} []
Icon: Plain 1.1 { BitDepth ! Integer, IconUsage: Enums(Cleanup Down Idle Running Setup Stopped Unknown), Size ! XyPair } [FileSpec?]
IconList: Plain 1.1 {} [Icon+]
}

elements! { LINKS
ResourceLink: Link {} [AmountPool? Lot* Part*]
ResourceRef: Ref {} [Part?]
}
