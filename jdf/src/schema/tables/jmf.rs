//! Messages: the root, what carries them, queues, devices and status (JDF 1.5, Messaging).

use super::words::{
    ACTIVATION, DEVICE_STATUS, NODE_STATUS, QUEUE_ENTRY_STATUS, QUEUE_STATUS, RESOURCE_STATUS,
};

elements! { MESSAGES
JMF: Plain {
    AgentName: Text 1.4, AgentVersion: Text 1.4, DeviceID: Text, ICSVersions: Names 1.3, MaxVersion: Text 1.3, ResponseURL: Url 1.2 ..1.4,
    SenderID ! Text, TimeStamp ! DateTime, Version ! Text,
} [Acknowledge* Command* Query* Registration* Response* Signal*]
Query: Message { AcknowledgeFormat: Text 1.3 ..1.4, AcknowledgeTemplate: Text 1.3 ..1.4, AcknowledgeType: Enums(Received Applied Completed) 1.3, AcknowledgeURL: Url 1.3, } [Subscription?]
Command: Message {
    AcknowledgeFormat: Text 1.2 ..1.4, AcknowledgeTemplate: Text 1.2, AcknowledgeType: Enums(Received Applied Completed) 1.1,
    AcknowledgeURL: Url, RelatedCommands: Names 1.4, TransactionID: Text 1.4,
} []
Signal: Message { ChannelMode: Enum(FireAndForget Reliable) 1.4, LastRepeat: Boolean 1.1, refID: Name } [Notification? Trigger?]
Response: Message { Acknowledged: Boolean, refID: Name, ReturnCode: Integer, Subscribed: Boolean } [Notification?]
Acknowledge: Message { AcknowledgeType: Enums(Received Applied Completed) 1.1, refID ! Name, ReturnCode: Integer 1.3 } [Notification?]
Registration: Message 1.3 { } [Subscription!]
Trigger: Bare { RepeatStep: Integer, RepeatTime: Number } [Added* ChangedAttribute* ChangedPath* Removed*]
ChangedAttribute: Plain { AttributeName ! Name, ElementID: Name, ElementType ! Name, NewValue ! Text, OldValue ! Text } []
ChangedPath: Plain 1.4 { Modification ! Enum(Create Delete Modify), NewValue: Text, OldValue: Text, Path ! XPath } []
Added: Plain { } []
Removed: Plain { } []
Subscription: Plain {
    ChannelMode: Enum(FireAndForget Reliable) 1.4, Format: Text 1.2, MinDelayTime: Duration 1.3, RepeatStep: Integer, RepeatTime: Number,
    RetryPolicy: Enum(DiscardAtNextSignal RetryForever) 1.4, Template: Text 1.2, URL: Url,
} [ObservationTarget*]
ObservationTarget: Plain { Attributes: Names ..1.1, ElementIDs: Names ..1.1, ElementType: Name ..1.1, ObservationPath: XPath 1.2 } []
KnownMsgQuParams: Plain {
    ChannelMode: Enum(FireAndForget Reliable) 1.5, Exact: Boolean 1.1, ListCommands: Boolean, ListQueries: Boolean, ListRegistrations: Boolean, ListSignals: Boolean, Persistent: Boolean,
} []
MessageService: Plain {
    Acknowledge: Boolean, ChannelMode: Enum(FireAndForget Reliable) 1.5, Command: Boolean, GenericAttributes: Names 1.2, JMFRole: Enum(Receiver Sender) 1.1, Persistent: Boolean, Query: Boolean,
    Registration: Boolean, Signal: Boolean, Type ! Name, URLSchemes: Names 1.3,
} [ActionPool? DevCapPool? DevCaps* ModulePool? TestPool?]
DeviceFilter: Plain {
    DeviceDetails: Enum(Brief Capability Details Full Modules NamedFeature None), Localization: Languages 1.2, } [Device*]
DeviceList: Plain 1.1 {} [DeviceInfo*]
DeviceInfo: Plain {
    CounterUnit: Text 1.2, DeviceCondition: Enum(OK NeedsAttention Failure OffLine) 1.2, DeviceID: Text 1.2, DeviceOperationMode: Enum(Maintenance NonProductive Productive) 1.2,
    DeviceStatus ! Enum(=DEVICE_STATUS), HourCounter: Duration, IdleStartTime: DateTime 1.4, PowerOnTime: DateTime, ProductionCounter: Number, Speed: Number, StatusDetails: Text,
    TotalProductionCounter: Number 1.2,
} [Activity* Device? Employee* JobPhase* ModuleStatus*]
JobPhase: Plain {
    Activation: Enum(=ACTIVATION) 1.1, Amount: Number, DeadLine: Enum(InTime Warning Late), JobID: Text, JobPartID: Text, PercentCompleted: Number, PhaseAmount: Number 1.3,
    PhaseStartTime: DateTime 1.3, PhaseWaste: Number 1.3, QueueEntryID: Text 1.2, RestTime: Duration, Speed: Number, SpawnID: Name, StartTime: DateTime, Status ! Enum(=NODE_STATUS),
    StatusDetails: Text, TotalAmount: Number, URL: Url 1.3, Waste: Number,
} [Activity* CostCenter? JDF? MISDetails? ModuleStatus* Part*]
ModuleStatus: Plain {
    CombinedProcessIndex: Integers 1.3, DeviceStatus ! Enum(=DEVICE_STATUS), ModuleID: Text 1.3, ModuleIndex: IntegerRanges, ModuleType ! Name, StatusDetails: Text,
} [Employee*]
StatusQuParams: Plain {
    DeviceDetails: Enum(Brief Capability Details Full Modules None), EmployeeInfo: Boolean, JobDetails: Enum(None MIS Brief Full), JobID: Text, JobPartID: Text, QueueEntryID: Text 1.2, QueueInfo: Boolean,
} [Part*]
ResourceQuParams: Plain {
    Classes: Enums, Context: Enum 1.5, Exact: Boolean, JobID: Text, JobPartID: Text, Location: Text, LotDetails: Enum(Amount Brief Full) 1.4, LotID: Text 1.4, ProcessUsage: Text 1.2, ProductID: Text 1.2, QueueEntryID: Text 1.2, ResourceDetails: Enum(Full Brief) 1.4, ResourceID: Name 1.3 ..1.5,
    ResourceName: Names, Usage: Enum(Input Output), Scope: Enum(Allowed Present) 1.4,
} [Part*]
ResourceInfo: Plain {
    ActualAmount: Number 1.3, Amount: Number, AvailableAmount: Number, CommandResult: Enum 1.4, Level: Enum(Empty Low OK), Location: Text, LotControlled: Boolean 1.5, ModuleID: Text, ModuleIndex: IntegerRanges, Orientation: Enum, ProcessUsage: Name, ProductID: Text,
    ResourceID: Name, ResourceName: Name, Status: Enum(=RESOURCE_STATUS) 1.4, Unit: Text, Usage: Enum(Input Output), Scope: Enum(Allowed Present) 1.5, DeviceID: Text,
} [AmountPool? CostCenter? Lot* MISDetails? Part*]
ResourceCmdParams: Plain {
    Activation: Enum(Active Held TestRun TestRunAndGo), Exact: Boolean, JobID: Text, JobPartID: Text, ProcessUsage: Name, ProductID: Text, ProductionAmount: Number, QueueEntryID: Text, ResourceID: Name, ResourceName: Name, Status: Enum(=RESOURCE_STATUS), UpdateIDs: Names, UpdateMethod: Enum(Complete Incremental Remove), Usage: Enum(Input Output),
} [MISDetails? Part*]
Queue: Plain {
    DeviceID ! Text, QueueSize: Integer 1.2, Status ! Enum(=QUEUE_STATUS),
} [Device* GangInfo* QueueEntry*]
QueueEntry: Plain {
    DeviceID: Text, EndTime: DateTime, GangName: Name 1.3, GangPolicy: Enum(Gang GangAndForce NoGang) 1.3, JobID: Text, JobPartID: Text, Priority: Integer, QueueEntryID ! Text, StartTime: DateTime,
    Status ! Enum(=QUEUE_ENTRY_STATUS), StatusDetails: Text 1.5, SubmissionTime: DateTime, Activation: Enum(=ACTIVATION),
} [GangSource* JobPhase* Part*]
QueueEntryDef: Plain { QueueEntryID ! Text, } []
QueueFilter: Plain 1.2 {
    GangNames: Names 1.3, MaxEntries: Integer, NewerThan: DateTime, OlderThan: DateTime, PreviewUsages: Enums 1.5, QueueEntryDetails: Enum(None Brief JobPhase JDF), StatusList: Enums(=QUEUE_ENTRY_STATUS), UpdateGranularity: Enum(All ChangesOnly) 1.4, JobID: Text, JobPartID: Text, Activation: Enum(=ACTIVATION),
} [Device* GangSource* Part* QueueEntryDef*]
QueueSubmissionParams: Plain {
    GangName: Name 1.3, GangPolicy: Enum(Gang GangAndForce NoGang) 1.3, Hold: Boolean, NextQueueEntryID: Text, PrevQueueEntryID: Text, Priority: Integer, refID: Name 1.2, ReturnJMF: Url 1.2, ReturnURL: Url 1.2, URL ! Url, WatchURL: Url ..1.4,
} [Disposition?]
ResubmissionParams: Plain { QueueEntryID ! Text, URL ! Url } []
ReturnQueueEntryParams: Plain 1.2 { Aborted: Names, Completed: Names, Priority: Integer, QueueEntryID ! Text, URL ! Url } []
RequestQueueEntryParams: Plain 1.2 { Activation: Enum 1.4, JobID: Text, JobPartID: Text, QueueURL ! Url, SubmitPolicy: Enum(Force Late Standard) } [Part*]
QueueEntryPriParams: Plain { Priority ! Integer, QueueEntryID: Text } []
QueueEntryPosParams: Plain { NextQueueEntryID: Text, Position: Integer, PrevQueueEntryID: Text, QueueEntryID ! Text } []
AbortQueueEntryParams: Plain 1.5 { EndStatus ! Enum(Aborted Completed) } [QueueFilter?]
HoldQueueEntryParams: Plain 1.5 {} [QueueFilter?]
RemoveQueueEntryParams: Plain 1.5 {} [QueueFilter?]
ResumeQueueEntryParams: Plain 1.5 {} [QueueFilter?]
SuspendQueueEntryParams: Plain 1.5 {} [QueueFilter?]
Disposition: Element 1.2 {
    DispositionAction: Enum(Archive Delete), ExtraDuration: Duration, MinDuration: Duration, Priority: Integer, Until: DateTime, DispositionUsage: Enum(Input Output) 1.2,
} []
FlushQueueParams: Plain 1.2 {} [QueueFilter?]
FlushQueueInfo: Plain 1.2 {} [QueueFilter?]
FlushResourceParams: Plain 1.2 { FlushPolicy: Enum(Complete QueueEntry Intermediate), } [QueueFilter?]
FlushedResources: Plain 1.2 {} [QueueFilter?]
GangCmdFilter: Plain 1.3 { GangNames: Names, } []
GangQuFilter: Plain 1.3 { GangNames: Names } []
GangInfo: Plain 1.3 { GangName ! Name, } []
GangSource: Plain 1.3 { AssemblyID: Text, BinderySignatureName: Name, Copies: Integer, JobID ! Text, JobPartID: Text } []
StopPersChParams: Plain { ChannelID: Name, DeviceID: Text, JobID: Text, JobPartID: Text, MessageType: Name, QueueEntryID: Text, URL ! Url } [Part*]
SubscriptionFilter: Plain 1.4 { ChannelID: Name, DeviceID: Text, Families: Names, JobID: Text, JobPartID: Text, MessageTypes: Names, QueueEntryID: Text, URL: Url } [Part*]
SubscriptionInfo: Plain 1.4 { ChannelID: Name, Family: Name, JobID: Text, JobPartID: Text, MessageType: Name, QueueEntryID: Text, SenderID: Text } [Subscription!]
SubmissionMethods: Plain {
    File: Boolean 1.2, HotFolder: Url 1.2, HttpGet: Boolean 1.2, MIME: Boolean, Packaging: Enums(None MIME) 1.2, URLSchemes: Names 1.2,
} []
PipeParams: Plain { JobID: Text, JobPartID: Text, PipeID ! Text, ProjectID: Text, Status: Enum(=NODE_STATUS), UpdatedStatus: Enum(=RESOURCE_STATUS), } []
NewJDFCmdParams: Plain 1.2 { CommentURL: Url, JDFDetails: Text, } [IDInfo*]
NewJDFQuParams: Plain 1.2 { JobID: Text, JobPartID: Text, QueueEntryID: Text, } []
IDInfo: Plain 1.2 { Category: Name, JobID: Text, JobPartID: Text, ParentJobID: Text, ParentJobPartID: Text, Type: Name, Types: Names, JDFURL: Url, ProjectID: Text } [IDInfo* Part*]
ResourcePullParams: Plain 1.2 { Amount: Number, Hold: Boolean, JobID: Text, NextQueueEntryID: Text, PrevQueueEntryID: Text, Priority: Integer, QueueEntryID: Text, RepeatPolicy: Enum(Complete CompleteOnly Fast), ResourceID ! Text, ReturnURL: Url, WatchURL: Url } [Disposition? MISDetails? Part*]
ShutDownCmdParams: Plain 1.2 { ShutDownType: Enum(Full StandBy) } [FlushQueueParams? FlushResourceParams?]
WakeUpCmdParams: Plain 1.2 {} []
ModifyNodeCmdParams: Plain 1.3 { Activation: Enum(=ACTIVATION), JobID ! Text, JobPartID ! Text, } []
UpdateJDFCmdParams: Plain 1.3 { } []
EmployeeDef: Plain { PersonalID: Text } []
MsgFilter: Plain { Family: Enum, MessageRefID: Name, MessageType: Name, ReceiverURL: Url, After: DateTime, Before: DateTime, Count: Integer, DeviceID: Text, JobID: Text, JobPartID: Text, MessageID: Name, QueueEntryID: Text } []
NotificationDef: Plain { Classes: Enums(Event Information Warning Error Fatal), SignalType: Name, Type: Name } []
Occupation: Plain { Busy: Number, JobID: Text, JobPartID: Text, QueueEntryID: Text 1.2 } [Device* Employee? Part*]
TrackFilter: Plain { JobID: Text, JobPartID: Text, Status: Enums, ProjectID: Text, QueueEntryID: Text } [Part*]
TrackResult: Plain { IsDevice ! Boolean, JobID: Text, JobPartID: Text, URL ! Url, ProjectID: Text, QueueEntryID: Text } [Part*]
JDFController: Plain { ControllerID: Text, URL ! Url, URLType: Enum } []
JDFService: Plain ..1.1 { CombinedMethod: Enum, Type ! Name, TypeOrder: Enum(Fixed Unordered Unrestricted), Types: Names } []
RequestForAuthentication: Plain 1.4 {} []
AuthenticationCmdParams: Plain 1.4 { AuthenticationType: Enum(AsClient AsServer), Reason: Enum(InitiateConnection ClientCertificateExpired ServerCertificateExpired ClientHostnameMismatch ServerHostnameMismatch ClientCertificateRevoked ServerCertificateRevoked Other), ReasonDetails: Text, URL: Url } [Certificate?]
AuthenticationQuParams: Plain 1.4 { AuthenticationType: Enum(AsClient AsServer) } []
AuthenticationResp: Plain 1.4 { URL: Url } [Certificate?]
Certificate: Bare 1.4 { } []
}
