//! The JDF node, its pools, links, and the elements that any resource may hold (JDF 1.5, Structure).

use super::words::NODE_STATUS;

elements! { NODE
JDF: Plain {
    Activation: Enum(Active Held Inactive Informative TestRun TestRunAndGo), AgentName: Text 1.2, AgentVersion: Text 1.2,
    Author: Text 1.2, Category: Name 1.2, CombinedMethod: Enum, DescriptiveName: Text, ICSVersions: Names 1.3,
    ID ! Id, JobID: Text, JobPartID: Text, MaxVersion: Text 1.2, NamedFeatures: Names 1.2, PartIDKeys: Enums ..1.1,
    ProjectID: Text 1.1, RefID: Name, RelatedJobID: Text 1.4, RelatedJobPartID: Text 1.4, SpawnID: Name 1.1, Status ! Enum(=NODE_STATUS),
    StatusDetails: Text 1.2, Template: Boolean 1.1, TemplateID: Text 1.2, TemplateVersion: Text 1.2, Type ! Name,
    Types: Names, Version: Text,
} [AncestorPool? AuditPool? CustomerInfo? JDF* NodeInfo* ResourceLinkPool? ResourcePool? StatusPool?]
AncestorPool: Plain {} [Ancestor+ Part*]
ResourcePool: Plain {} []
ResourceLinkPool: Plain {} []
Part: Plain { Sorting: IntegerRanges ..1.1, SortAmount: Boolean ..1.1 } []
}

elements! { LINKS
ResourceLink: Link {} [AmountPool? Lot* Part*]
ResourceRef: Ref {} [Part?]
}
