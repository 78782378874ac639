//! Every rule that findings come from, in one table: the checks report by its constants, `agog-jdf check --explain`
//! prints it, and a test sees to it that no finding has a code that is not here.

use super::Level;
use crate::finding::Severity;

/// What a code of findings stands for.
///
/// ```
/// use agog_jdf::validate::RuleFacts;
/// let facts = RuleFacts::of("id-twice").unwrap();
/// assert_eq!(facts.meaning, "An ID is given to two elements, so references may mean either; a warning where there is no reference.");
/// assert!(RuleFacts::of("no-such-code").is_none());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleFacts {
    /// Stable name of the rule, [`Finding::code`](crate::Finding::code).
    pub code: &'static str,
    /// How grave it is; for rules where the document or the device decides, the gravest.
    pub severity: Severity,
    /// The lowest level that tells it.
    pub level: Level,
    /// What is wrong, in one sentence.
    pub meaning: &'static str,
    /// Where the rule is written.
    pub specification: &'static str,
}

impl RuleFacts {
    /// The rule of a code.
    #[must_use]
    pub fn of(code: &str) -> Option<&'static Self> {
        RULES.iter().find(|facts| facts.code == code)
    }
}

/// One thing that is checked, as the checks report it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    pub(super) code: &'static str,
    pub(super) severity: Severity,
    pub(super) level: Level,
    pub(super) specification: &'static str,
}

/// `_` instead of a name: the code is reported from somewhere else.
macro_rules! rules {
    ($($name:tt $code:literal $severity:ident $level:ident $specification:literal $meaning:literal)+) => {
        $(pub(super) const $name: Rule = Rule {
            code: $code,
            severity: Severity::$severity,
            level: Level::$level,
            specification: $specification,
        };)+

        /// Every code of findings with its meaning.
        ///
        /// ```
        /// use agog_jdf::validate::{Level, RULES};
        /// let always = RULES.iter().filter(|facts| facts.level == Level::Tolerant).count();
        /// assert!(always > 10 && always < RULES.len());
        /// ```
        pub const RULES: &[RuleFacts] = &[$(RuleFacts {
            code: $code,
            severity: Severity::$severity,
            level: Level::$level,
            meaning: $meaning,
            specification: $specification,
        }),+];
    };
}

rules! {
    // Reading.
    _ "not-readable" Error Tolerant "XML 1.0; JDF 1.5, JDF Documents"
        "The file is not there, not well-formed, or exceeds a limit."
    MORE "more-findings" Note Tolerant "-"
        "There are more findings than are told; mend the first and look again."
    // Namespaces and IDs.
    NAMESPACE_FORM "namespace-form" Note Standard "JDF 1.5, Usage of Namespaces"
        "The namespace is read as JDF but is not the one that is written today."
    NAMESPACE_UNKNOWN "namespace-unknown" Error Tolerant "JDF 1.5, Usage of Namespaces"
        "The root is called JDF or JMF but is in another namespace, so nothing in it means JDF."
    ROOT_UNKNOWN "root-unknown" Warning Tolerant "JDF 1.5, JDF Documents"
        "Nothing in the document is JDF or JMF, so nothing of it was checked."
    ID_TWICE "id-twice" Error Tolerant "JDF 1.5, Resource: ID"
        "An ID is given to two elements, so references may mean either; a warning where there is no reference."
    ID_FORM "id-form" Note Strict "JDF 1.5, Data Types: ID"
        "The ID is no XML name; strict readers refuse it."
    // Attributes and elements against the tables.
    ATTRIBUTE_MISSING "attribute-missing" Warning Standard "JDF 1.5, table of the element"
        "An attribute that the specification requires is not there."
    ATTRIBUTE_UNKNOWN "attribute-unknown" Note Strict "JDF 1.5, Extending Existing Elements"
        "JDF 1.5 has no such attribute at this element."
    VALUE_TYPE "value-type" Warning Tolerant "JDF 1.5, Data Types"
        "The value cannot be read as the data type of the attribute."
    VALUE_UNLISTED "value-unlisted" Warning Standard "JDF 1.5, table of the element"
        "The value is not in the closed list of the attribute."
    VALUE_LENGTH "value-length" Warning Standard "Base ICS, Conformance"
        "The value is longer than every reader must take."
    DATE_FORM "date-time-form" Note Standard "JDF 1.5, Data Types: dateTime"
        "The time can be read but is not written as the specification wants."
    VERSION "version" Note Strict "JDF 1.5, table of the element"
        "The attribute, element or process is not in the version of JDF that the document names."
    VERSION_UNKNOWN "version-unknown" Note Standard "JDF 1.5, JDF: Version"
        "The version is none of JDF 1.x, or above the highest version that the document says it needs."
    ELEMENT_MISSING "element-missing" Warning Standard "JDF 1.5, table of the element"
        "An element that the specification requires inside this one is not there."
    ELEMENT_TWICE "element-twice" Warning Standard "JDF 1.5, table of the element"
        "There are more elements of a kind than the specification allows here."
    ELEMENT_MISPLACED "element-misplaced" Note Strict "JDF 1.5, table of the element"
        "JDF has this element, but not inside the one around it."
    // Links and references.
    LINK_TARGET_MISSING "link-target-missing" Error Tolerant "JDF 1.5, Resource Links: rRef"
        "A link or reference names an ID that nothing has."
    LINK_TARGET_KIND "link-target-kind" Error Tolerant "JDF 1.5, Resource Links"
        "A link or reference leads to a resource of another kind."
    LINK_SCOPE "link-scope" Warning Standard "JDF 1.5, Resource Links: rRef"
        "A link leads to a resource of a node beside or below, which this node cannot see."
    LINK_USAGE_MISSING "link-usage-missing" Warning Tolerant "JDF 1.5, Resource Links: Usage"
        "A link does not say whether it is input or output."
    LINK_PART_UNKNOWN "link-part-unknown" Warning Standard "JDF 1.5, Resource Partitioning"
        "A link names a part that its resource does not have."
    REFERENCE_CYCLE "reference-cycle" Warning Tolerant "JDF 1.5, Resource Refs"
        "Resources refer to each other in a circle, so none can be read to its end."
    REFERENCE_MISSING "reference-missing" Note Standard "JDF 1.5, Data Types: IDREF"
        "An attribute names an ID that nothing in the document has."
    PROCESS_UNKNOWN "process-unknown" Warning Standard "JDF 1.5, Processes"
        "The type of the node is no process of JDF and has no vendor's prefix."
    PROCESS_RESOURCE_MISSING "process-resource-missing" Note Strict "JDF 1.5, table of the process"
        "An input or output without which the process cannot run is not linked."
    COMBINED_INDEX "combined-index" Warning Standard "JDF 1.5, Combined Process Nodes"
        "A link belongs to a process of the combined node that the node does not have."
    TYPES_MISSING "types-missing" Warning Standard "JDF 1.5, Combined Process Nodes: Types"
        "A combined node does not say which processes it combines."
    JOB_PART_TWICE "job-part-twice" Note Standard "JDF 1.5, JDF: JobPartID"
        "Two nodes have the same job part ID, so messages about the part mean either."
    // Parts and amounts.
    PART_KEYS_MISSING "part-keys-missing" Warning Standard "JDF 1.5, Resource Partitioning: PartIDKeys"
        "A resource has parts but does not say by which keys."
    PART_KEY_LACKING "part-key-lacking" Warning Standard "JDF 1.5, Resource Partitioning: PartIDKeys"
        "A part has none of the keys of its resource, so nothing can mean it."
    PART_KEY_UNDECLARED "part-key-undeclared" Warning Standard "JDF 1.5, Resource Partitioning: PartIDKeys"
        "A part has a key that `PartIDKeys` does not list."
    PART_KEY_ORDER "part-key-order" Warning Standard "JDF 1.5, Resource Partitioning: PartIDKeys"
        "Parts are divided in another order than `PartIDKeys` says, or by a key twice."
    PART_TWICE "part-twice" Error Tolerant "JDF 1.5, Resource Partitioning"
        "Two parts have the same keys, so a link may mean either."
    PART_ROOT_ONLY "part-root-only" Note Strict "JDF 1.5, Resource Partitioning"
        "An attribute that only the whole resource may have stands at a part and says something else there."
    PART_IDENTICAL "part-identical" Warning Tolerant "JDF 1.5, Identical"
        "A part says that it is identical with one that is not there."
    PART_IDENTICAL_CHAIN "part-identical-chain" Warning Tolerant "JDF 1.5, Identical"
        "A part says that it is identical with itself, or with one that is identical with another."
    AMOUNTS_DIFFER "amounts-differ" Warning Standard "JDF 1.5, Resource Amount"
        "The amount of a whole is not what its parts add up to, or audits, links and phases tell different amounts."
    AMOUNT_NEGATIVE "amount-negative" Warning Tolerant "JDF 1.5, Resource Amount"
        "An amount is less than nothing."
    AMOUNT_BOUNDS "amount-bounds" Note Standard "JDF 1.5, Resource Amount: MinAmount, MaxAmount"
        "The planned amount is below its minimum or above its maximum."
    AMOUNT_MISSING "amount-missing" Note Strict "JDF 1.5, Resource Amount: ActualAmount"
        "A completed node does not say how much it made."
    // Order and time.
    FLOW_CYCLE "flow-cycle" Error Tolerant "JDF 1.5, Execution Model"
        "Nodes wait for each other's output, so none can ever start."
    AUDIT_TIMES "audit-times" Warning Tolerant "JDF 1.5, AuditPool"
        "Something that was done ends before it starts."
    SCHEDULE_TIMES "schedule-times" Warning Tolerant "JDF 1.5, NodeInfo"
        "Something is planned to end before it starts, or at the latest before the earliest."
    // Messages.
    MESSAGE_TYPE_UNKNOWN "message-type-unknown" Note Standard "JDF 1.5, Messaging"
        "The message is of no type of JMF and has no vendor's prefix."
    MESSAGE_FAMILY "message-family" Warning Standard "JDF 1.5, Messaging"
        "JMF has this type of message, but in another family."
    MESSAGE_PARAMETERS_MISSING "message-parameters-missing" Warning Standard "JDF 1.5, table of the message"
        "The message lacks the element with its parameters."
    MESSAGE_REFERENCE_MISSING "message-reference-missing" Warning Tolerant "JDF 1.5, Response: refID"
        "An answer does not say which message it answers."
    RETURN_CODE_UNKNOWN "return-code-unknown" Note Standard "JDF 1.5, Return Values"
        "The return code is none of the specification; vendors have their own."
    RETURN_CODE_UNEXPLAINED "return-code-unexplained" Note Strict "JDF 1.5, Response: Notification"
        "A message is refused without a `Notification` that says why."
    SUBSCRIPTION_URL_MISSING "subscription-url-missing" Warning Tolerant "JDF 1.5, Subscription: URL"
        "A subscription does not say where signals are to be sent."
    // Files.
    FILE_MISSING "file-missing" Error Tolerant "JDF 1.5, FileSpec: URL"
        "A file that the document refers to is not there."
    FILE_HOSTILE "file-hostile" Error Tolerant "JDF 1.5, FileSpec: URL"
        "A URL leads out of its directory or hides where it leads; do not open it."
    // A ticket against the capabilities of a device. The policy of the ticket decides how grave they are.
    CAPABILITY_NONE "capability-none" Error Tolerant "JDF 1.5, DeviceCap"
        "The device runs none of the nodes of the ticket."
    CAPABILITY_OTHER_NODE "capability-other-node" Note Tolerant "JDF 1.5, DeviceCap: TypeExpression"
        "The device does not run this node, but others of the ticket."
    CAPABILITY_VALUE "capability-value" Error Tolerant "JDF 1.5, State"
        "The device can never do what the attribute asks for."
    CAPABILITY_VALUE_NOW "capability-value-now" Warning Tolerant "JDF 1.5, State: Present…"
        "The device can do this, but not as it is set up now."
    CAPABILITY_UNAVAILABLE "capability-unavailable" Error Tolerant "JDF 1.5, Device Capability Descriptions: Availability"
        "What the ticket asks for needs an option or module that is not installed, licensed or enabled."
    CAPABILITY_UNLISTED "capability-unlisted" Error Tolerant "JDF 1.5, Settings Policy"
        "The device does not know attributes, elements or resources that the ticket has; the policy says how grave that is."
    CAPABILITY_MISSING "capability-missing" Error Tolerant "JDF 1.5, DevCap: Required, MinOccurs"
        "The device needs an attribute, element or resource that the ticket does not have."
    CAPABILITY_TOO_MANY "capability-too-many" Error Tolerant "JDF 1.5, DevCap: MaxOccurs"
        "There are more elements, resources or values than the device takes."
    CAPABILITY_ACTION "capability-action" Error Tolerant "JDF 1.5, Action"
        "The device can do each value but not this combination of them."
    CAPABILITY_MESSAGE "capability-message" Error Tolerant "JDF 1.5, MessageService"
        "The device does not take messages of this type and family."
    CAPABILITY_DESCRIPTION "capability-description" Note Tolerant "JDF 1.5, Device Capability Descriptions"
        "Something in the description of the device cannot be used and was left out of the check."
    // Lenient reading by the typed views (`Jmf::parse`, `Audit::read_all`, `ProductionSummary`), not by `validate`.
    _ "value-unreadable" Warning Tolerant "JDF 1.5, Data Types"
        "A typed view could not read the value and left it out."
}
