//! States of nodes and resources, and what audits say of them.

use super::{State, states};

states! {
    /// Where a JDF node stands, and what a phase of it was (JDF 1.5, `JDF` and `PhaseTime`, attribute `Status`).
    ///
    /// ```
    /// use agog_jdf::NodeStatus;
    /// assert!(NodeStatus::from("Completed").is_final());
    /// assert!(!NodeStatus::Setup.is_final(), "making ready comes before the run");
    /// ```
    NodeStatus {
        /// It can be run as soon as its inputs are there.
        Waiting,
        /// It is being tried out.
        TestRunInProgress,
        /// Everything that it needs is there.
        Ready,
        /// A test run found an error.
        FailedTestRun,
        /// The device is being made ready for it.
        Setup,
        /// It is worked on.
        InProgress,
        /// The device is being cleaned after it.
        Cleanup,
        /// It was taken out into a ticket of its own, and is run there.
        Spawned,
        /// It was interrupted, and the device does something else.
        Suspended,
        /// It was interrupted, and the device waits for it.
        Stopped,
        /// It is done.
        Completed,
        /// It was given up.
        Aborted,
        /// Its parts differ: each has its status in the node information.
        Part,
        /// Its parts differ: each has its status in a `StatusPool`.
        Pool,
    }

    /// Whether a resource can be used (JDF 1.5, Resources, attribute `Status`). The values rise; links ask for a least
    /// one with `MinStatus`.
    ///
    /// ```
    /// use agog_jdf::ResourceStatus;
    /// assert!(ResourceStatus::Draft < ResourceStatus::Available && ResourceStatus::Incomplete < ResourceStatus::InUse);
    /// ```
    ResourceStatus {
        /// Something is missing in the description.
        Incomplete,
        /// It was made and refused.
        Rejected,
        /// It is described, but not there.
        Unavailable,
        /// It is there, but something else uses it.
        InUse,
        /// Good enough to prepare the next process, but not final.
        Draft,
        /// The description is complete; whether the thing is there is not said.
        Complete,
        /// It can be used.
        Available,
    }

    /// Which way a resource goes through a process (JDF 1.5, `ResourceLink`, attribute `Usage`).
    ///
    /// ```
    /// use agog_jdf::Usage;
    /// assert_eq!((Usage::from("Input"), Usage::Output.as_str()), (Usage::Input, "Output"));
    /// ```
    Usage {
        /// The process uses it.
        Input,
        /// The process makes it.
        Output,
    }

    /// Why a resource audit was written (JDF 1.5, `ResourceAudit`, attribute `Reason`).
    ///
    /// ```
    /// use agog_jdf::AuditReason;
    /// assert_eq!(AuditReason::from("OperatorInput"), AuditReason::OperatorInput);
    /// ```
    AuditReason {
        /// The operator corrected it.
        OperatorInput,
        /// The plan was changed.
        PlanChange,
        /// The process ended so.
        ProcessResult,
    }

    /// How much of a lot was used up (JDF 1.5, `Lot`, attribute `Consumption`).
    ///
    /// ```
    /// use agog_jdf::{Consumption, Lot};
    /// let roll = Lot { lot_id: "R-17".to_owned(), consumption: Some(Consumption::Full), ..Lot::default() };
    /// assert_eq!(roll.consumption.unwrap().as_str(), "Full");
    /// ```
    Consumption {
        /// Nothing is left.
        Full,
        /// Something is left.
        Partial,
    }

    /// How a run ended (`ProcessRun/@EndStatus`), and how an aborted queue entry is to end.
    ///
    /// ```
    /// use agog_jdf::EndStatus;
    /// assert_eq!(EndStatus::from("Aborted"), EndStatus::Aborted);
    /// assert_eq!(EndStatus::from("vendor:Own").as_str(), "vendor:Own");
    /// ```
    EndStatus { Aborted, Completed, FailedTestRun, Ready, Stopped }

    /// Whether and how a node is to be run.
    ///
    /// ```
    /// use agog_jdf::Activation;
    /// assert_eq!(Activation::from("Active"), Activation::Active);
    /// assert_eq!(Activation::from("vendor:Own").as_str(), "vendor:Own");
    /// ```
    Activation { Active, Inactive, Informative, Held, TestRun, TestRunAndGo }

    /// The class of a resource.
    ///
    /// ```
    /// use agog_jdf::ResourceClass;
    /// assert_eq!(ResourceClass::from("Consumable"), ResourceClass::Consumable);
    /// assert_eq!(ResourceClass::from("vendor:Own").as_str(), "vendor:Own");
    /// ```
    ResourceClass { Consumable, Handling, Implementation, Intent, Parameter, PlaceHolder, Quantity }

    /// Whether the customer pays for it (`MISDetails/@CostType`).
    ///
    /// ```
    /// use agog_jdf::CostType;
    /// assert_eq!(CostType::from("Chargeable"), CostType::Chargeable);
    /// assert_eq!(CostType::from("vendor:Own").as_str(), "vendor:Own");
    /// ```
    CostType { Chargeable, NonChargeable }

    /// Why work is done (`MISDetails/@WorkType`).
    ///
    /// ```
    /// use agog_jdf::WorkType;
    /// assert_eq!(WorkType::from("Original"), WorkType::Original);
    /// assert_eq!(WorkType::from("vendor:Own").as_str(), "vendor:Own");
    /// ```
    WorkType { Original, Alteration, Rework }
}
