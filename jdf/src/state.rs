//! The state sets of JDF and JMF. They are open: a value that the specification does not list is kept
//! as it came, so that a vendor's own state can be shown, stored and sent back.

macro_rules! states {
    ($($(#[$doc:meta])* $name:ident { $first:ident $(, $variant:ident)* $(,)? })+) => { $(
        $(#[$doc])*
        ///
        #[doc = concat!(
            "```\nuse agog_jdf::", stringify!($name), ";\n",
            "assert_eq!(", stringify!($name), "::from(\"", stringify!($first), "\"), ", stringify!($name), "::", stringify!($first), ");\n",
            "assert_eq!(", stringify!($name), "::from(\"Warping\").as_str(), \"Warping\");\n```",
        )]
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            #[doc = concat!("`", stringify!($first), "`")]
            $first,
            $(#[doc = concat!("`", stringify!($variant), "`")] $variant,)*
            /// Not in the specification; kept as written.
            Other(String),
        }

        impl $name {
            /// The values of the specification.
            pub const KNOWN: &'static [Self] = &[Self::$first $(, Self::$variant)*];

            /// The value as written.
            pub fn as_str(&self) -> &str {
                match self {
                    Self::$first => stringify!($first),
                    $(Self::$variant => stringify!($variant),)*
                    Self::Other(text) => text,
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    stringify!($first) => Self::$first,
                    $(stringify!($variant) => Self::$variant,)*
                    other => Self::Other(other.to_owned()),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl State for $name {
            #[cfg(test)]
            const KNOWN: &'static [Self] = Self::KNOWN;

            fn text(&self) -> &str {
                self.as_str()
            }
        }
    )+ };
}

/// What all state sets have in common.
pub(crate) trait State: for<'t> From<&'t str> + Clone + 'static {
    #[cfg(test)]
    const KNOWN: &'static [Self];

    fn text(&self) -> &str;
}

states! {
    /// What a device does (`DeviceInfo/@DeviceStatus`).
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

    /// How a run ended (`ProcessRun/@EndStatus`), and how an aborted queue entry is to end.
    EndStatus { Aborted, Completed, FailedTestRun, Ready, Stopped }

    /// Whether and how a node is to be run.
    Activation { Active, Inactive, Informative, Held, TestRun, TestRunAndGo }

    /// Whether a resource can be used.
    ResourceStatus { Incomplete, Rejected, Unavailable, InUse, Draft, Complete, Available }

    /// How much of a resource is left (`ResourceInfo/@Level`).
    ResourceLevel { Empty, Low, OK }

    /// How grave a notification is.
    NotificationClass { Event, Information, Warning, Error, Fatal }

    /// What was reached (`Milestone/@MilestoneType`); the last of a job is `JobCompletedSuccessfully`.
    MilestoneType {
        PrePressCompleted, PressCompleted, PostPressCompleted, ShippingCompleted, JobCompletedSuccessfully,
    }

    /// What is wrong with what an error names (`ErrorData/@ErrorType`).
    ErrorType { Invalid, Missing, Unsupported }

    /// Whether to send a message again after an error (`Error/@Resend`).
    Resend { Required, Prohibited }

    /// Which way a resource goes through a process.
    Usage { Input, Output }

    /// Why a resource audit was written.
    AuditReason { OperatorInput, PlanChange, ProcessResult }

    /// How a channel treats a lost signal.
    ChannelMode { FireAndForget, Reliable }

    /// How long a reliable signal is sent again.
    RetryPolicy { DiscardAtNextSignal, RetryForever }

    /// What an acknowledge tells of a message.
    AcknowledgeType { Received, Applied, Completed }

    /// Which side of a message a device can take (`MessageService/@JMFRole`).
    JmfRole { Receiver, Sender }

    /// What happened to an observed value (`ChangedPath/@Modification`).
    Modification { Create, Delete, Modify }

    /// How much of a lot was used up.
    Consumption { Full, Partial }

    /// How much a message says about the device.
    DeviceDetails { None, Brief, Modules, Details, NamedFeature, Capability, Full }

    /// How much a Status message says about the job.
    JobDetails { None, MIS, Brief, Full }

    /// How much is said about each entry of a queue.
    QueueEntryDetails { None, Brief, JobPhase, JDF }

    /// Whether a queue is told whole or only what changed.
    UpdateGranularity { All, ChangesOnly }

    /// Whether an entry waits for others of its gang.
    GangPolicy { Gang, GangAndForce, NoGang }

    /// When an entry that was asked for is sent (`RequestQueueEntryParams/@SubmitPolicy`).
    SubmitPolicy { Standard, Late, Force }

    /// What is done with files that are no longer needed.
    DispositionAction { Delete, Archive }

    /// How tickets are packed for a device.
    Packaging { MIME, None }

    /// How much is said about lots.
    LotDetails { Brief, Full, Amount }

    /// How much is said about resources.
    ResourceDetails { Brief, Full }

    /// Which resources are asked for: of the job, or all that the device has.
    ResourceContext { Job, Global }

    /// Whether what can ever be used is meant, or what is there now.
    ResourceScope { Present, Allowed }

    /// The class of a resource.
    ResourceClass { Consumable, Handling, Implementation, Intent, Parameter, PlaceHolder, Quantity }

    /// How a Resource command changes the resource.
    UpdateMethod { Complete, Incremental, Remove }

    /// What a Resource command did (`ResourceInfo/@CommandResult`).
    CommandResult { Rejected, Removed, New, Merged, Replaced }

    /// Which way a resource lies in a device (`ResourceInfo/@Orientation`).
    ResourceOrientation { Up, Down, Left, Right }

    /// How a resource is made again (`ResourcePullParams/@RepeatPolicy`).
    RepeatPolicy { Complete, CompleteOnly, Fast }

    /// Whether a job will be ready in time (`JobPhase/@DeadLine`).
    DeadLine { InTime, Warning, Late }

    /// Whether the customer pays for it (`MISDetails/@CostType`).
    CostType { Chargeable, NonChargeable }

    /// Why work is done (`MISDetails/@WorkType`).
    WorkType { Original, Alteration, Rework }

    /// What is done to a comment of a node (`NewComment/@Action`).
    CommentAction { Add, Concat, Replace, Remove }

    /// How far a device is shut down.
    ShutDownType { StandBy, Full }

    /// On which side of a connection a certificate stands.
    AuthenticationType { AsClient, AsServer }

    /// Why certificates are exchanged.
    AuthenticationReason {
        InitiateConnection, ClientCertificateExpired, ServerCertificateExpired, ClientHostnameMismatch,
        ServerHostnameMismatch, ClientCertificateRevoked, ServerCertificateRevoked,
    }
}

/// What a new element says until something else is set; reading never assumes it.
macro_rules! defaults {
    ($($name:ident $variant:ident),+ $(,)?) => { $(
        #[doc = concat!("`", stringify!($variant), "`")]
        impl Default for $name {
            fn default() -> Self {
                Self::$variant
            }
        }
    )+ };
}

defaults! {
    CommentAction Add,
    DeviceStatus Unknown,
    EndStatus Aborted,
    ErrorType Invalid,
    Modification Modify,
    NodeStatus Waiting,
    QueueEntryStatus Waiting,
    QueueStatus Waiting,
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
