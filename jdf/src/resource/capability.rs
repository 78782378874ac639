//! What a device can do: the resources that it takes, and of each of their attributes which values are
//! allowed ever and which now. Checking a ticket against it is not here; these are the views. The states are
//! in `state.rs` and the tests between them in `expression.rs` beside this.

use jiff::SignedDuration;

use super::Ranges;
use super::value::enumerations;
use super::view::resources;
use crate::state::Usage;

enumerations! {
    /// Whether something can be used.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::Availability::from("Installed"), agog_jdf::resource::Availability::Installed);
    /// ```
    Availability { Installed, Module, NotInstalled, NotLicensed, Disabled }
    /// How processes may be combined in one node.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::CombinedMethod::GrayBox.as_str(), "GrayBox");
    /// ```
    CombinedMethod { Combined, CombinedProcessGroup, GrayBox, ProcessGroup, None }
    /// Which nodes of a ticket a device runs.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::ExecutionPolicy::RootNode.as_str(), "RootNode");
    /// ```
    ExecutionPolicy { RootNode, FirstFound, AllFound }
    /// Whether the order of `Types` counts.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::TypeOrder::Fixed.as_str(), "Fixed");
    /// ```
    TypeOrder { Fixed, Unordered, Unrestricted }
    /// What a description of capabilities is about.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::CapabilityContext::JMF.as_str(), "JMF");
    /// ```
    CapabilityContext { Resource, Link, JMF, Element }
    /// How grave it is that a test fails.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::ActionSeverity::Warning.as_str(), "Warning");
    /// ```
    ActionSeverity { Error, Warning, Information }
}

resources! {
    /// What a device can do in one kind of node (JDF 1.5, `DeviceCap`).
    ///
    /// ```
    /// use agog_jdf::resource::{DeviceCap, View};
    /// let source = br#"<Device xmlns="http://www.CIP4.org/JDFSchema_1_1"><DeviceCap Types="ConventionalPrinting">
    ///   <DevCaps Name="Media"><DevCap><NumberState Name="Weight" AllowedValueMin="60" AllowedValueMax="400"/></DevCap>
    ///   </DevCaps></DeviceCap></Device>"#;
    /// let document = agog_jdf::Document::parse(source, &agog_jdf::Limits::default())?;
    /// let cap = DeviceCap::all_in(document.root()).next().unwrap();
    /// let dev_cap = cap.dev_caps().next().unwrap().dev_caps().next().unwrap();
    /// let weight = dev_cap.states().next().unwrap();
    /// assert_eq!((weight.name(), weight.allowed("ValueMax")), (Some("Weight"), Some("400")));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    DeviceCap, NewDeviceCap, "DeviceCap" {
        /// How processes may be combined.
        combined_method: CombinedMethod = "CombinedMethod",
        /// Which nodes are run; all that are found if nothing is said.
        execution_policy: ExecutionPolicy = "ExecutionPolicy",
        /// Attributes of resources that are understood everywhere.
        generic_attributes: Vec<String> = "GenericAttributes",
        /// Languages that are understood.
        languages: Vec<String> = "Lang",
        /// Processes that may be left out.
        optional_combined_types: Vec<String> = "OptionalCombinedTypes",
        /// The kind of node, such as `Combined` (before JDF 1.3).
        node_type: String = "Type",
        /// A regular expression over `Types`.
        type_expression: String = "TypeExpression",
        /// Whether the order of `types` counts.
        type_order: TypeOrder = "TypeOrder",
        /// The processes.
        types: Vec<String> = "Types",
    }
    + elements {
        /// What is wanted of the values together.
        action_pools: ActionPool, NewActionPool,
        /// Descriptions that are used in several places.
        dev_cap_pools: DevCapPool, NewDevCapPool,
        /// The resources, links and messages.
        dev_caps: DevCaps, NewDevCaps,
        /// Modules that may be there.
        module_pools: ModulePool, NewModulePool,
        /// How fast it is.
        performances: Performance, NewPerformance,
    }

    /// One resource, link or message that a device takes (JDF 1.5, `DevCaps`).
    ///
    /// ```
    /// use agog_jdf::resource::NewDevCaps;
    /// let media = NewDevCaps { name: Some("Media".into()), required: Some(true), ..Default::default() };
    /// assert_eq!(media.to_inside().to_xml(), r#"<DevCaps Name="Media" Required="true"/>"#);
    /// ```
    DevCaps, NewDevCaps, "DevCaps" {
        /// The element's name. Required.
        name: String = "Name",
        /// What is described: a resource if nothing is said.
        context: CapabilityContext = "Context",
        /// Whether it can be used.
        availability: Availability = "Availability",
        /// Descriptions in the pool, by ID; any of them.
        dev_cap_refs: Vec<String> = "DevCapRef",
        /// The namespace of the element.
        namespace: String = "DevNS",
        /// Whether it is an input or an output.
        link_usage: Usage = "LinkUsage",
        /// The modules that all must be there.
        module_refs: Vec<String> = "ModuleRefs",
        /// The process usage of the link.
        process_usage: String = "ProcessUsage",
        /// Whether it must be there.
        required: bool = "Required",
        /// The resource usage, such as of a `FileSpec`.
        resource_usage: String = "ResourceUsage",
        /// For which of several processes of a type.
        type_occurrence: Ranges = "TypeOccurrenceNum",
        /// For which processes.
        types: Vec<String> = "Types",
    }
    + elements {
        /// Alternatives: the element must fit one.
        dev_caps: DevCap, NewDevCap,
        /// What people call it.
        locs: Loc, NewLoc,
    }

    /// An element with its attributes and the elements inside it (JDF 1.5, `DevCap`).
    ///
    /// ```
    /// use agog_jdf::resource::NewDevCap;
    /// let layers = NewDevCap { name: Some("MediaLayers".into()), max_occurs: Some(1), ..Default::default() };
    /// assert_eq!(layers.to_inside().to_xml(), r#"<DevCap MaxOccurs="1" Name="MediaLayers"/>"#);
    /// ```
    DevCap, NewDevCap, "DevCap" {
        /// Whether it can be used.
        availability: Availability = "Availability",
        /// Descriptions in the pool, by ID.
        dev_cap_refs: Vec<String> = "DevCapRefs",
        /// The namespace of the element.
        namespace: String = "DevNS",
        /// How many there may be; 1 if nothing is said. `unbounded` and `INF` read as nothing.
        max_occurs: i64 = "MaxOccurs",
        /// How many there must be; 1 if nothing is said.
        min_occurs: i64 = "MinOccurs",
        /// The modules that all must be there.
        module_refs: Vec<String> = "ModuleRefs",
        /// The element's name; that of the one around it if nothing is said.
        name: String = "Name",
        /// The resource usage, such as of a `FileSpec`.
        resource_usage: String = "ResourceUsage",
    }
    + elements {
        /// Elements inside it.
        dev_caps: DevCap, NewDevCap,
        /// What people call it.
        locs: Loc, NewLoc,
    }

    /// Descriptions that are used in several places (JDF 1.5, `DevCapPool`).
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::NewDevCapPool::default().to_inside().to_xml(), "<DevCapPool/>");
    /// ```
    DevCapPool, NewDevCapPool, "DevCapPool" {}
    + elements {
        /// The descriptions, each with an ID.
        dev_caps: DevCap, NewDevCap,
    }

    /// How fast a device is (JDF 1.5, `Performance`).
    ///
    /// ```
    /// use agog_jdf::resource::NewPerformance;
    /// let speed = NewPerformance { name: Some("Component".into()), max_amount: Some(18_000.0), ..Default::default() };
    /// assert_eq!(speed.to_inside().to_xml(), r#"<Performance Name="Component" MaxAmount="18000"/>"#);
    /// ```
    Performance, NewPerformance, "Performance" {
        /// The resource that is counted.
        name: String = "Name",
        /// The description of that resource, by ID.
        dev_caps_ref: String = "DevCapsRef",
        /// The unit of amounts.
        unit: String = "Unit",
        /// Usual amount an hour.
        average_amount: f64 = "AverageAmount",
        /// Least amount an hour.
        min_amount: f64 = "MinAmount",
        /// Most amount an hour.
        max_amount: f64 = "MaxAmount",
        /// Usual time to set up.
        average_setup: SignedDuration = "AverageSetup",
        /// Least time to set up.
        min_setup: SignedDuration = "MinSetup",
        /// Most time to set up.
        max_setup: SignedDuration = "MaxSetup",
        /// Usual time to clean up.
        average_cleanup: SignedDuration = "AverageCleanup",
        /// Least time to clean up.
        min_cleanup: SignedDuration = "MinCleanup",
        /// Most time to clean up.
        max_cleanup: SignedDuration = "MaxCleanup",
    }

    /// Modules that may be there (JDF 1.5, `ModulePool`).
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::NewModulePool::default().to_inside().to_xml(), "<ModulePool/>");
    /// ```
    ModulePool, NewModulePool, "ModulePool" {}
    + elements {
        /// The modules.
        modules: ModuleCap, NewModuleCap,
    }

    /// A module that may be there (JDF 1.5, `ModuleCap`). It must have an ID.
    ///
    /// ```
    /// use agog_jdf::resource::{Common, NewModuleCap};
    /// let coater = NewModuleCap { common: Common::id("coater"), module_index: Some(6), ..Default::default() };
    /// assert_eq!(coater.to_inside().to_xml(), r#"<ModuleCap ID="coater" ModuleIndex="6"/>"#);
    /// ```
    ModuleCap, NewModuleCap, "ModuleCap" {
        /// Whether it can be used.
        availability: Availability = "Availability",
        /// Its place in the machine, from 0. Required.
        module_index: i64 = "ModuleIndex" or "0",
    }

    /// Words for people, in one language (JDF 1.5, `Loc`).
    ///
    /// ```
    /// use agog_jdf::resource::NewLoc;
    /// let words = NewLoc { language: Some("de".into()), value: Some("Gewicht".into()), ..Default::default() };
    /// assert_eq!(words.to_inside().to_xml(), r#"<Loc Lang="de" Value="Gewicht"/>"#);
    /// ```
    Loc, NewLoc, "Loc" {
        /// The language.
        language: String = "Lang",
        /// The words.
        value: String = "Value",
        /// Fewer words.
        short_value: String = "ShortValue",
        /// What helps to understand.
        help_text: String = "HelpText",
    }

    /// What is wanted of the values together (JDF 1.5, `ActionPool`).
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::NewActionPool::default().to_inside().to_xml(), "<ActionPool/>");
    /// ```
    ActionPool, NewActionPool, "ActionPool" {}
    + elements {
        /// The actions.
        actions: Action, NewAction,
    }

    /// What it means when a test is true: the combination of values is not possible (JDF 1.5, `Action`). It
    /// must have an ID.
    ///
    /// ```
    /// use agog_jdf::resource::{ActionSeverity, Common, NewAction};
    /// let action = NewAction {
    ///     common: Common::id("a1"), test_ref: Some("t1".into()), severity: Some(ActionSeverity::Error), ..Default::default()
    /// };
    /// assert_eq!(action.to_inside().to_xml(), r#"<Action ID="a1" Severity="Error" TestRef="t1"/>"#);
    /// ```
    Action, NewAction, "Action" {
        /// How grave it is; an error if nothing is said.
        severity: ActionSeverity = "Severity",
        /// The test, by ID. Required.
        test_ref: String = "TestRef",
    }
    + elements {
        /// What to tell people.
        locs: Loc, NewLoc,
    }
}
