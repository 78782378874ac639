//! The audit pool (JDF 1.5, AuditPool).

elements! { AUDIT
AuditPool: Plain {} [Created* Deleted* Merged* Modified* Notification* PhaseTime* ProcessRun* ResourceAudit* Spawned*]
PhaseTime: Audit { End ! DateTime, Start ! DateTime, Status ! Enum, StatusDetails: Text } [Activity* Device* Employee* MISDetails? ModulePhase* Part*]
}
