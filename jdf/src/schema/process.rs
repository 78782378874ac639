//! What is known about one process: its inputs and outputs.

use super::Version;

/// One input or output of a process.
///
/// ```
/// use agog_jdf::schema;
/// let folding = schema::process("Folding").unwrap();
/// let component = folding.outputs.iter().find(|port| port.resource == "Component").unwrap();
/// assert!(component.required && !component.multiple);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Port {
    /// The name of the resource, `Media`; its link is `MediaLink`.
    pub resource: &'static str,
    /// The `ProcessUsage` that tells it from other links to the same kind of resource.
    pub process_usage: Option<&'static str>,
    /// Whether the process cannot do without.
    pub required: bool,
    /// Whether there may be several.
    pub multiple: bool,
}

/// One process, as the specification states it. Every process also takes the inputs of
/// [`ProcessFacts::GENERAL_INPUTS`].
///
/// ```
/// use agog_jdf::schema::{self, Version};
/// let folding = schema::process("Folding").unwrap();
/// assert!(folding.inputs.iter().any(|port| port.resource == "FoldingParams" && port.required));
/// assert_eq!(folding.first, Version::V1_0);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct ProcessFacts {
    /// The value of `JDF/@Type` and of entries of `@Types`.
    pub name: &'static str,
    /// What goes in, in the order of the specification.
    pub inputs: &'static [Port],
    /// What comes out.
    pub outputs: &'static [Port],
    /// The first version of JDF that has it.
    pub first: Version,
    /// The last version that has it; `None` if 1.5 still has it.
    pub last: Option<Version>,
}

impl ProcessFacts {
    /// The resources that any process may take beside its own inputs (JDF 1.5, Process Template).
    pub const GENERAL_INPUTS: &'static [&'static str] = &[
        "ApprovalSuccess",
        "CustomerInfo",
        "Device",
        "Employee",
        "MiscConsumable",
        "NodeInfo",
        "PreflightReport",
        "Preview",
        "Tool",
        "UsageCounter",
    ];

    /// Whether a document of `version` may have it.
    ///
    /// ```
    /// use agog_jdf::schema::{self, Version};
    /// assert!(schema::process("Cutting").unwrap().is_in(Version::V1_0));
    /// ```
    #[must_use]
    pub fn is_in(&self, version: Version) -> bool {
        self.first <= version && self.last.is_none_or(|last| version <= last)
    }
}
