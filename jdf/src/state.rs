//! The state sets of JDF and JMF. They are open: a value that the specification does not list is kept
//! as it came, so that a vendor's own state can be shown, stored and sent back.

macro_rules! states {
    ($($(#[$doc:meta])* $name:ident { $($variant:ident),+ $(,)? })+) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($variant,)+
            /// Not in the specification; kept as written.
            Other(String),
        }

        impl $name {
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
    /// What a device does (`DeviceInfo/@DeviceStatus`).
    ///
    /// ```
    /// use agog_jdf::DeviceStatus;
    /// assert_eq!(DeviceStatus::from("Running"), DeviceStatus::Running);
    /// assert_eq!(DeviceStatus::from("Warping").as_str(), "Warping");
    /// ```
    DeviceStatus { Unknown, Idle, Down, Setup, Running, Cleanup, Stopped }

    /// How well a device does (`DeviceInfo/@DeviceCondition`).
    DeviceCondition { OK, NeedsAttention, Failure, OffLine }

    /// Whether a device earns money (`DeviceInfo/@DeviceOperationMode`).
    DeviceOperationMode { Productive, NonProductive, Maintenance }

    /// Where an entry of a queue stands.
    QueueEntryStatus { Running, Waiting, Held, Removed, Suspended, PendingReturn, Completed, Aborted }

    /// Whether a queue takes and starts entries.
    QueueStatus { Blocked, Closed, Full, Running, Waiting, Held }

    /// Where a JDF node stands, and what a phase of it was.
    NodeStatus {
        Waiting, TestRunInProgress, Ready, FailedTestRun, Setup, InProgress, Cleanup, Spawned,
        Suspended, Stopped, Completed, Aborted, Part, Pool,
    }

    /// Whether a resource can be used.
    ResourceStatus { Incomplete, Rejected, Unavailable, InUse, Draft, Complete, Available }

    /// How grave a notification is.
    NotificationClass { Event, Information, Warning, Error, Fatal }

    /// Which way a resource goes through a process.
    Usage { Input, Output }

    /// Why a resource audit was written.
    AuditReason { OperatorInput, PlanChange, ProcessResult }

    /// How a channel treats a lost signal.
    ChannelMode { FireAndForget, Reliable }

    /// How much of a lot was used up.
    Consumption { Full, Partial }

    /// How much a Status message says about the device.
    DeviceDetails { None, Brief, Modules, Details, Capability, Full }

    /// How much a Status message says about the job.
    JobDetails { None, MIS, Brief, Full }
}

impl QueueEntryStatus {
    /// Whether the entry has left the queue for good.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Completed | Self::Aborted | Self::Removed)
    }
}

impl NodeStatus {
    /// Whether nothing more will be done for the node.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Completed | Self::Aborted)
    }
}
