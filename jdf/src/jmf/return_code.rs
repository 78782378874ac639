//! The return codes of JMF responses by name. Vendors add their own; an unknown number is kept.

/// What a `Response` says about the message it answers: 0 is success.
///
/// ```
/// use agog_jdf::jmf::ReturnCode;
/// assert_eq!(ReturnCode::QUEUE_CLOSED.number(), 112);
/// assert_eq!(ReturnCode(501).to_string(), "501 (unknown code)");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct ReturnCode(pub i64);

macro_rules! codes {
    ($($name:ident $number:literal $text:literal)+) => {
        impl ReturnCode {
            $(#[doc = $text] pub const $name: Self = Self($number);)+

            /// A channel like the one that was asked for is open already, and stays. It is not in the public tables,
            /// but devices send it, with a warning.
            pub const SUBSCRIPTION_EXISTS: Self = Self(14);

            /// Every code of the specification.
            pub const KNOWN: &'static [Self] = &[$(Self::$name),+];

            /// What a code means; `None` for a vendor's own.
            pub fn meaning(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some($text),)+
                    14 => Some("the subscription exists already"),
                    _ => None,
                }
            }
        }
    };
}

codes! {
    SUCCESS 0 "success"
    GENERAL_ERROR 1 "general error"
    INTERNAL_ERROR 2 "internal error"
    XML_PARSER_ERROR 3 "the XML could not be parsed"
    XML_VALIDATION_ERROR 4 "the XML is not valid"
    NOT_IMPLEMENTED 5 "message or query not implemented"
    INVALID_PARAMETERS 6 "invalid parameters"
    INSUFFICIENT_PARAMETERS 7 "insufficient parameters"
    DEVICE_NOT_AVAILABLE 8 "device not available"
    MESSAGE_INCOMPLETE 9 "message incomplete"
    SERVICE_BUSY 10 "message service is busy"
    SYNCHRONOUS_NOT_SUPPORTED 11 "synchronous processing not supported, message not processed"
    ASYNCHRONOUS_NOT_POSSIBLE 12 "asynchronous acknowledge not possible, message processed"
    RELIABLE_NOT_SUPPORTED 13 "reliable signals not supported"
    DEVICE_NOT_RUNNING 100 "device not running"
    DEVICE_INCAPABLE 101 "device incapable of the request"
    NO_EXECUTABLE_NODE 102 "no executable node in the ticket"
    JOB_ID_UNKNOWN 103 "job not known by the device"
    JOB_PART_ID_UNKNOWN 104 "job part not known by the device"
    QUEUE_ENTRY_UNKNOWN 105 "queue entry not in the queue"
    QUEUE_ENTRY_EXECUTING 106 "queue entry is already executing"
    LATE_CHANGE_REFUSED 107 "the queue entry is already executing, late change refused"
    EMPTY_SELECTION 108 "the selection is empty"
    INCOMPLETE_SELECTION 109 "the selection is incomplete"
    COMPLETION_TIME_IMPOSSIBLE 110 "the requested completion time cannot be met"
    SUBSCRIPTION_DENIED 111 "subscription request denied"
    QUEUE_CLOSED 112 "queue is closed or blocked and does not accept entries"
    QUEUE_ENTRY_ALREADY_IN_STATUS 113 "queue entry is already in the requested status"
    QUEUE_ENTRY_FINISHED 114 "queue entry is pending return, completed or aborted and cannot change"
    QUEUE_ENTRY_NOT_RUNNING 115 "queue entry is not running"
    QUEUE_ENTRY_EXISTS 116 "queue entry already exists"
    URL_NOT_ACCESSIBLE 120 "a referenced URL cannot be accessed"
    DEVICE_ID_UNKNOWN 121 "unknown device"
    GANGING_NOT_SUPPORTED 130 "ganging not supported"
    GANG_NAME_UNKNOWN 131 "gang name not known"
    INVALID_RESOURCE_PARAMETERS 200 "invalid resource parameters"
    INSUFFICIENT_RESOURCE_PARAMETERS 201 "insufficient resource parameters"
    PIPE_ID_UNKNOWN 202 "pipe not known"
    UNLINKED_RESOURCE_LINK 203 "resource link points nowhere"
    CANNOT_CREATE_NODE 204 "could not create a new node"
    AUTHENTICATION_DENIED 300 "authentication denied"
    SECURE_CHANNEL_NOT_SUPPORTED 301 "secure channel not supported"
    SECURE_CHANNEL_REQUIRED 302 "secure channel required"
    CERTIFICATE_EXPIRED 303 "certificate expired"
    AUTHENTICATION_PENDING 304 "authentication pending"
    AUTHENTICATION_ESTABLISHED 305 "authentication already established"
    NO_AUTHENTICATION_REQUEST 306 "no authentication request in process"
    CERTIFICATE_INVALID 307 "certificate invalid"
}

impl ReturnCode {
    /// The number as it is written.
    pub fn number(self) -> i64 {
        self.0
    }

    /// Whether the message was processed: success, or one of the warnings that say so.
    pub fn is_processed(self) -> bool {
        matches!(
            self,
            Self::SUCCESS | Self::ASYNCHRONOUS_NOT_POSSIBLE | Self::SUBSCRIPTION_EXISTS
        )
    }
}

impl std::fmt::Display for ReturnCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} ({})",
            self.0,
            self.meaning().unwrap_or("unknown code")
        )
    }
}
