//! The state sets of JDF and JMF. They are open: a value that the specification does not list is kept
//! as it came, so that a vendor's own state can be shown, stored and sent back.

mod device;
mod message;
mod ticket;

pub use device::*;
pub use message::*;
pub use ticket::*;

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
            /// The values of the specification.
            pub const KNOWN: &'static [Self] = &[$(Self::$variant),+];

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

        impl State for $name {
            #[cfg(test)]
            const KNOWN: &'static [Self] = Self::KNOWN;

            fn text(&self) -> &str {
                self.as_str()
            }
        }
    )+ };
}
use states;

/// What all state sets have in common.
pub(crate) trait State: for<'t> From<&'t str> + Clone + 'static {
    #[cfg(test)]
    const KNOWN: &'static [Self];

    fn text(&self) -> &str;
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
