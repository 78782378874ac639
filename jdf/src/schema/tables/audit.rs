//! The audit pool (JDF 1.5, AuditPool).

use super::words::NODE_STATUS;

elements! { AUDIT
AuditPool: Plain { rRefs: IdRefs } [Created* Deleted* Merged* Modified* Notification* PhaseTime* ProcessRun* ResourceAudit* Spawned*]
Created: Audit { TemplateID: Text 1.2, TemplateVersion: Text 1.2, XPath: XPath 1.2, ref: IdRef } []
Deleted: Audit 1.2 { XPath: XPath } []
Modified: Audit { jRef: IdRef ..1.1, XPath: XPath 1.2 } []
Merged: Audit {
    Independent: Boolean ..1.4, jRef ! IdRef, jRefSource: Name ..1.4, MergeID ! Name 1.1, rRefsOverwritten: IdRefs, URL: Url 1.1,
} [Part*]
Spawned: Audit {
    Independent: Boolean ..1.4, jRef ! IdRef, jRefDestination: Name ..1.4, NewSpawnID ! Name 1.1, rRefsROCopied: IdRefs, rRefsRWCopied: IdRefs,
    Status: Enum(=NODE_STATUS) 1.1, URL: Url 1.1,
} [Part*]
PhaseTime: Audit {
    End: DateTime, Start ! DateTime, Status ! Enum(Cleanup InProgress Setup Spawned Stopped Suspended TestRunInProgress), StatusDetails: Text,
} [Activity* Device* Employee* MISDetails? ModulePhase* Part*]
ModulePhase: Plain {
    CombinedProcessIndex: Integers 1.3, DeviceID ! Text, DeviceStatus: Enum(Unknown Idle Down Setup Running Cleanup Stopped), End: DateTime ..1.3,
    ModuleID: Text 1.3, ModuleIndex: IntegerRanges, ModuleType ! Name, Start: DateTime ..1.3, StatusDetails: Text,
} [Employee*]
ProcessRun: Audit {
    Duration: Duration, End ! DateTime, EndStatus ! Enum(Aborted Completed FailedTestRun Ready Stopped), ReturnTime: DateTime 1.4,
    Start ! DateTime, SubmissionTime: DateTime 1.4,
} [Part*]
ResourceAudit: Audit {
    ContentsModified: Boolean, NodeStatus: Enum(Cleanup InProgress Setup Spawned Stopped Suspended TestRunInProgress) 1.3, Reason: Enum(OperatorInput PlanChange ProcessResult) 1.1,
} [MISDetails?]
Notification: Audit {
    Class ! Enum(Event Information Warning Error Fatal), CombinedProcessIndex: Integers 1.4, JobID: Text 1.3, JobPartID: Text 1.3,
    ModuleID: Text 1.4, ModuleIndex: IntegerRanges 1.4, ModuleType: Name 1.4, Type: Name,
} [CostCenter? Employee* FileSpec* Part*]
Activity: Plain 1.5 {
    ActivityID: Text, ActivityName: Text, PersonalID: Text, StartTime: DateTime,
} [Employee* MISDetails?]
Barcode: Plain { Code ! Text } []
CounterReset: Plain { LastCount: Integer, CounterID: Text } []
Error: Plain {
    ErrorID ! Text 1.2, Resend: Enum(Required Prohibited) 1.4, ReturnCode: Integer,
} [ErrorData*]
ErrorData: Bare 1.4 {
    ErrorType ! Enum(Invalid Missing Unsupported), ErrorURL: Text, Path: XPath, FixExpression: Text,
} []
Event: Plain { EventID ! Text, EventValue: Text } []
FCNKey: Plain { Key ! Integer } []
Milestone: Plain 1.3 { MilestoneType: Name, TypeAmount: Integer } []
SystemTimeSet: Plain { NewTime ! DateTime, OldTime: DateTime } []
CreditAuthorization: Plain { } []
CostCenter: Element { CostCenterID ! Text, Name: Text } []
}
