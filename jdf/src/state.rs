//! The state sets of JDF and JMF. They are open: a value that the specification does not list is kept
//! as it came, so that a vendor's own state can be shown, stored and sent back.

macro_rules! states {
    ($($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $variant:ident),+ $(,)? })+) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $(
                $(#[$about])*
                #[doc = concat!("Written `", stringify!($variant), "`.")]
                $variant,
            )+
            /// Not in the specification; kept as written.
            Other(String),
        }

        impl $name {
            /// The value as it is written.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => stringify!($variant),)+
                    Self::Other(text) => text,
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $(stringify!($variant) => Self::$variant,)+
                    other => Self::Other(other.to_owned()),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )+ };
}

states! {
    /// What a device does (JDF 1.5, `DeviceInfo`, attribute `DeviceStatus`).
    ///
    /// ```
    /// use agog_jdf::DeviceStatus;
    /// assert_eq!(DeviceStatus::from("Running"), DeviceStatus::Running);
    /// assert_eq!(DeviceStatus::from("Warping").as_str(), "Warping");
    /// ```
    DeviceStatus {
        /// Nothing is known, for example because the connection is lost.
        Unknown,
        /// Ready, and there is nothing to do.
        Idle,
        /// Out of order or switched off: it cannot be used.
        Down,
        /// Being made ready for a job.
        Setup,
        /// Producing.
        Running,
        /// Being cleaned after a job.
        Cleanup,
        /// Interrupted within a job, which may go on.
        Stopped,
    }

    /// How well a device does (JDF 1.5, `DeviceInfo`, attribute `DeviceCondition`).
    ///
    /// ```
    /// let condition = agog_jdf::DeviceCondition::from("NeedsAttention");
    /// assert_eq!(condition, agog_jdf::DeviceCondition::NeedsAttention);
    /// ```
    DeviceCondition {
        /// Everything is well.
        OK,
        /// It works, but somebody should look at it: paper is low, a service is due.
        NeedsAttention,
        /// It has failed.
        Failure,
        /// It is not reachable.
        OffLine,
    }

    /// Whether a device earns money (JDF 1.5, `DeviceInfo`, attribute `DeviceOperationMode`).
    ///
    /// ```
    /// use agog_jdf::DeviceOperationMode;
    /// let mode = DeviceOperationMode::from("Maintenance");
    /// assert!(mode != DeviceOperationMode::Productive && mode.as_str() == "Maintenance");
    /// ```
    DeviceOperationMode {
        /// It works on a job.
        Productive,
        /// It runs without a job that is paid for, such as a test.
        NonProductive,
        /// It is serviced.
        Maintenance,
    }

    /// Where an entry of a queue stands (JDF 1.5, `QueueEntry`, attribute `Status`).
    ///
    /// ```
    /// use agog_jdf::QueueEntryStatus;
    /// let entries = ["Running", "Waiting", "Completed"].map(QueueEntryStatus::from);
    /// assert_eq!(entries.iter().filter(|status| status.is_final()).count(), 1);
    /// ```
    QueueEntryStatus {
        /// It is worked on.
        Running,
        /// It will be started when its turn comes.
        Waiting,
        /// It is not started until it is resumed.
        Held,
        /// It was taken out of the queue.
        Removed,
        /// It was begun and interrupted, and can go on.
        Suspended,
        /// The work is done; the ticket is on its way back.
        PendingReturn,
        /// It is done and the ticket is returned.
        Completed,
        /// It was given up.
        Aborted,
    }

    /// Whether a queue takes and starts entries (JDF 1.5, `Queue`, attribute `Status`).
    ///
    /// ```
    /// use agog_jdf::QueueStatus;
    /// let takes_entries = |status: &QueueStatus| !matches!(status, QueueStatus::Blocked | QueueStatus::Closed | QueueStatus::Full);
    /// assert!(takes_entries(&"Held".into()) && !takes_entries(&"Full".into()));
    /// ```
    QueueStatus {
        /// It takes no entries and starts none.
        Blocked,
        /// It takes no entries; those that it has are worked on.
        Closed,
        /// It takes no entries because it holds as many as it can.
        Full,
        /// It takes entries and works on one.
        Running,
        /// It takes entries and would start one, if there were one.
        Waiting,
        /// It takes entries and starts none.
        Held,
    }

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

    /// How grave a notification is (JDF 1.5, `Notification`, attribute `Class`).
    ///
    /// ```
    /// use agog_jdf::NotificationClass;
    /// let class = NotificationClass::from("Fatal");
    /// assert!(class > NotificationClass::Warning, "the classes rise");
    /// ```
    NotificationClass {
        /// Something happened as it should, such as a counter being reset.
        Event,
        /// Worth knowing.
        Information,
        /// A small problem; the work goes on.
        Warning,
        /// A problem that somebody has to look at.
        Error,
        /// A problem that ended the work.
        Fatal,
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

    /// How a channel treats a lost signal (JDF 1.5, `Subscription`, attribute `ChannelMode`).
    ///
    /// ```
    /// use agog_jdf::ChannelMode;
    /// assert_eq!(ChannelMode::Reliable.to_string(), "Reliable");
    /// ```
    ChannelMode {
        /// Sent once; what is lost is lost.
        FireAndForget,
        /// Sent until it is acknowledged.
        Reliable,
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

    /// How much a Status message says about the device (JDF 1.5, `StatusQuParams`, attribute `DeviceDetails`).
    ///
    /// ```
    /// use agog_jdf::DeviceDetails;
    /// assert!(DeviceDetails::Brief < DeviceDetails::Full, "each level says more");
    /// ```
    DeviceDetails {
        /// Nothing.
        None,
        /// Status and counters.
        Brief,
        /// The status of its modules, too.
        Modules,
        /// All that there is to say of its status.
        Details,
        /// What it can do.
        Capability,
        /// Everything.
        Full,
    }

    /// How much a Status message says about the job (JDF 1.5, `StatusQuParams`, attribute `JobDetails`).
    ///
    /// ```
    /// use agog_jdf::JobDetails;
    /// assert!(JobDetails::from("MIS") < JobDetails::Full, "each level says more");
    /// ```
    JobDetails {
        /// Nothing.
        None,
        /// What the office needs for costs.
        MIS,
        /// Status and progress.
        Brief,
        /// Everything, with the node itself.
        Full,
    }
}

impl QueueEntryStatus {
    /// Whether the entry has left the queue for good. A status that the specification does not list is not final.
    ///
    /// ```
    /// use agog_jdf::QueueEntryStatus;
    /// assert!(QueueEntryStatus::Removed.is_final() && !QueueEntryStatus::PendingReturn.is_final());
    /// ```
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Completed | Self::Aborted | Self::Removed)
    }
}

impl NodeStatus {
    /// Whether nothing more will be done for the node. A status that the specification does not list is not final.
    ///
    /// ```
    /// use agog_jdf::NodeStatus;
    /// assert!(NodeStatus::Aborted.is_final() && !NodeStatus::Stopped.is_final());
    /// ```
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Completed | Self::Aborted)
    }
}
