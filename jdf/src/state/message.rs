//! States of queues, channels and messages.

use super::{State, states};

states! {
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

    /// What is wrong with what an error names (`ErrorData/@ErrorType`).
    ///
    /// ```
    /// use agog_jdf::ErrorType;
    /// assert_eq!(ErrorType::from("Invalid"), ErrorType::Invalid);
    /// assert_eq!(ErrorType::from("vendor:Own").as_str(), "vendor:Own");
    /// ```
    ErrorType { Invalid, Missing, Unsupported }

    /// Whether to send a message again after an error (`Error/@Resend`).
    ///
    /// ```
    /// use agog_jdf::Resend;
    /// assert_eq!(Resend::from("Required"), Resend::Required);
    /// assert_eq!(Resend::from("vendor:Own").as_str(), "vendor:Own");
    /// ```
    Resend { Required, Prohibited }

    /// How long a reliable signal is sent again.
    ///
    /// ```
    /// use agog_jdf::RetryPolicy;
    /// assert_eq!(RetryPolicy::from("DiscardAtNextSignal"), RetryPolicy::DiscardAtNextSignal);
    /// assert_eq!(RetryPolicy::from("vendor:Own").as_str(), "vendor:Own");
    /// ```
    RetryPolicy { DiscardAtNextSignal, RetryForever }

    /// What an acknowledge tells of a message.
    ///
    /// ```
    /// use agog_jdf::AcknowledgeType;
    /// assert_eq!(AcknowledgeType::from("Received"), AcknowledgeType::Received);
    /// assert_eq!(AcknowledgeType::from("vendor:Own").as_str(), "vendor:Own");
    /// ```
    AcknowledgeType { Received, Applied, Completed }

    /// Which side of a message a device can take (`MessageService/@JMFRole`).
    ///
    /// ```
    /// use agog_jdf::JmfRole;
    /// assert_eq!(JmfRole::from("Receiver"), JmfRole::Receiver);
    /// assert_eq!(JmfRole::from("vendor:Own").as_str(), "vendor:Own");
    /// ```
    JmfRole { Receiver, Sender }

    /// What happened to an observed value (`ChangedPath/@Modification`).
    ///
    /// ```
    /// use agog_jdf::Modification;
    /// assert_eq!(Modification::from("Create"), Modification::Create);
    /// assert_eq!(Modification::from("vendor:Own").as_str(), "vendor:Own");
    /// ```
    Modification { Create, Delete, Modify }

    /// How much is said about each entry of a queue.
    ///
    /// ```
    /// use agog_jdf::QueueEntryDetails;
    /// assert_eq!(QueueEntryDetails::from("None"), QueueEntryDetails::None);
    /// assert_eq!(QueueEntryDetails::from("vendor:Own").as_str(), "vendor:Own");
    /// ```
    QueueEntryDetails { None, Brief, JobPhase, JDF }

    /// Whether a queue is told whole or only what changed.
    ///
    /// ```
    /// use agog_jdf::UpdateGranularity;
    /// assert_eq!(UpdateGranularity::from("All"), UpdateGranularity::All);
    /// assert_eq!(UpdateGranularity::from("vendor:Own").as_str(), "vendor:Own");
    /// ```
    UpdateGranularity { All, ChangesOnly }

    /// Whether an entry waits for others of its gang.
    ///
    /// ```
    /// use agog_jdf::GangPolicy;
    /// assert_eq!(GangPolicy::from("Gang"), GangPolicy::Gang);
    /// assert_eq!(GangPolicy::from("vendor:Own").as_str(), "vendor:Own");
    /// ```
    GangPolicy { Gang, GangAndForce, NoGang }

    /// When an entry that was asked for is sent (`RequestQueueEntryParams/@SubmitPolicy`).
    ///
    /// ```
    /// use agog_jdf::SubmitPolicy;
    /// assert_eq!(SubmitPolicy::from("Standard"), SubmitPolicy::Standard);
    /// assert_eq!(SubmitPolicy::from("vendor:Own").as_str(), "vendor:Own");
    /// ```
    SubmitPolicy { Standard, Late, Force }

    /// What is done with files that are no longer needed.
    ///
    /// ```
    /// use agog_jdf::DispositionAction;
    /// assert_eq!(DispositionAction::from("Delete"), DispositionAction::Delete);
    /// assert_eq!(DispositionAction::from("vendor:Own").as_str(), "vendor:Own");
    /// ```
    DispositionAction { Delete, Archive }

    /// What is done to a comment of a node (`NewComment/@Action`).
    ///
    /// ```
    /// use agog_jdf::CommentAction;
    /// assert_eq!(CommentAction::from("Add"), CommentAction::Add);
    /// assert_eq!(CommentAction::from("vendor:Own").as_str(), "vendor:Own");
    /// ```
    CommentAction { Add, Concat, Replace, Remove }

    /// On which side of a connection a certificate stands.
    ///
    /// ```
    /// use agog_jdf::AuthenticationType;
    /// assert_eq!(AuthenticationType::from("AsClient"), AuthenticationType::AsClient);
    /// assert_eq!(AuthenticationType::from("vendor:Own").as_str(), "vendor:Own");
    /// ```
    AuthenticationType { AsClient, AsServer }

    /// Why certificates are exchanged.
    ///
    /// ```
    /// use agog_jdf::AuthenticationReason;
    /// assert_eq!(AuthenticationReason::from("InitiateConnection"), AuthenticationReason::InitiateConnection);
    /// assert_eq!(AuthenticationReason::from("vendor:Own").as_str(), "vendor:Own");
    /// ```
    AuthenticationReason {
        InitiateConnection,
        ClientCertificateExpired,
        ServerCertificateExpired,
        ClientHostnameMismatch,
        ServerHostnameMismatch,
        ClientCertificateRevoked,
        ServerCertificateRevoked,
    }
}
