//! `KnownMessages`: which messages a device understands and sends.

use super::parameters::parameters;
use crate::state::{ChannelMode, JmfRole};

parameters! {
    /// Which messages are asked for (JDF 1.5, `KnownMessages`). The lists are wanted unless they are refused.
    KnownMsgQuParams "KnownMsgQuParams" {
        /// Whether commands are to be listed.
        list_commands: Option<bool> = "ListCommands",
        /// Whether queries are to be listed.
        list_queries: Option<bool> = "ListQueries",
        /// Whether registrations are to be listed.
        list_registrations: Option<bool> = "ListRegistrations",
        /// Whether signals are to be listed.
        list_signals: Option<bool> = "ListSignals",
        /// Only what can be subscribed.
        persistent: bool = "Persistent",
        /// Only what is sent in this way.
        channel_mode: Option<ChannelMode> = "ChannelMode",
        /// Whether the parameters are wanted too, as capabilities.
        exact: bool = "Exact",
    }

    /// A message type that a device understands (JDF 1.5, `KnownMessages`).
    MessageService "MessageService" {
        /// The type.
        kind: String = "Type",
        /// Understood as a query.
        query: bool = "Query",
        /// Understood as a command.
        command: bool = "Command",
        /// Sent or understood as a signal.
        signal: bool = "Signal",
        /// Acknowledges are sent or understood.
        acknowledge: bool = "Acknowledge",
        /// Understood as a registration.
        registration: bool = "Registration",
        /// The query can be subscribed.
        persistent: bool = "Persistent",
        /// Which side of the message the device can take.
        jmf_role: Option<JmfRole> = "JMFRole",
        /// How its signals are sent.
        channel_mode: Option<ChannelMode> = "ChannelMode",
        /// The schemes of URLs that it can use, such as `http`.
        url_schemes: Vec<String> = "URLSchemes",
        /// The generic attributes that it understands.
        generic_attributes: Vec<String> = "GenericAttributes",
    }
    + rest {
        /// What its parameters may say: `DevCaps`, states, actions, tests, as they are.
        content = "DevCaps",
    }
}
