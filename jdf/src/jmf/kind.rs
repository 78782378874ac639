//! The message types of JMF by name: in which families each one comes, and which are only legacy. What is
//! not here is a vendor's own or newer than JDF 1.5; such a message is read too, as `Other`.

use super::message::Family;
use Family::{Acknowledge, Command, Query, Registration, Response, Signal};

/// A message type of the specification.
///
/// ```
/// use agog_jdf::jmf::{Family, MessageKind};
/// let resource = MessageKind::of("Resource").unwrap();
/// assert!(resource.families.contains(&Family::Registration) && !resource.is_legacy);
/// assert!(MessageKind::of("Track").unwrap().is_legacy);
/// assert_eq!(MessageKind::of("v:InkTemperature"), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageKind {
    /// The `Type`.
    pub name: &'static str,
    /// The families in which it comes; a query or command has its Response.
    pub families: &'static [Family],
    /// No longer in use: it is recognised, its element is at hand, and a receiver answers it with
    /// [`ReturnCode::NOT_IMPLEMENTED`](super::ReturnCode::NOT_IMPLEMENTED).
    pub is_legacy: bool,
    /// The families of which the schema of JDF 1.5 has no type; no `xsi:type` is written there.
    untyped: &'static [Family],
}

const ASK: &[Family] = &[Query, Response];
const ASK_SIGNAL: &[Family] = &[Query, Response, Signal];
const DO: &[Family] = &[Command, Response, Acknowledge];
const DO_SIGNAL: &[Family] = &[Command, Response, Acknowledge, Signal];
const DO_REGISTER: &[Family] = &[Command, Response, Acknowledge, Registration];
const BOTH: &[Family] = &[Query, Command, Response, Acknowledge, Signal];
const EVERY: &[Family] = &[Query, Command, Response, Acknowledge, Signal, Registration];

const fn kind(name: &'static str, families: &'static [Family]) -> MessageKind {
    MessageKind {
        name,
        families,
        is_legacy: false,
        untyped: &[],
    }
}

const fn legacy(name: &'static str, families: &'static [Family]) -> MessageKind {
    MessageKind {
        is_legacy: true,
        ..kind(name, families)
    }
}

impl MessageKind {
    /// Every type, in the order of their names.
    pub const ALL: &'static [Self] = &[
        kind("AbortQueueEntry", DO),
        kind("CloseQueue", DO),
        legacy("Events", ASK_SIGNAL),
        kind("FlushQueue", BOTH),
        legacy("FlushResources", BOTH),
        kind("ForceGang", &[Query, Command, Response]),
        Self {
            untyped: ASK_SIGNAL,
            ..kind("GangStatus", ASK_SIGNAL)
        },
        kind("HoldQueue", DO),
        kind("HoldQueueEntry", DO),
        legacy("KnownControllers", ASK_SIGNAL),
        kind("KnownDevices", ASK_SIGNAL),
        legacy("KnownJDFServices", ASK_SIGNAL),
        kind("KnownMessages", ASK_SIGNAL),
        kind("KnownSubscriptions", ASK_SIGNAL),
        kind("ModifyNode", DO_SIGNAL),
        kind("NewJDF", BOTH),
        legacy("NodeInfo", BOTH),
        // The schema knows only the signal; devices take the query that subscribes it all the same.
        Self {
            untyped: ASK,
            ..kind("Notification", ASK_SIGNAL)
        },
        legacy("Occupation", ASK_SIGNAL),
        kind("OpenQueue", DO),
        kind("PipeClose", DO),
        kind("PipePause", DO),
        kind("PipePull", DO_REGISTER),
        kind("PipePush", DO_REGISTER),
        legacy("QueueEntryStatus", ASK_SIGNAL),
        kind("QueueStatus", ASK_SIGNAL),
        kind("RemoveQueueEntry", DO),
        legacy("RepeatMessages", ASK),
        kind(
            "RequestForAuthentication",
            &[Query, Command, Response, Signal],
        ),
        kind("RequestQueueEntry", DO),
        kind("Resource", EVERY),
        kind("ResourcePull", DO_REGISTER),
        kind("ResubmitQueueEntry", DO),
        kind("ResumeQueue", DO),
        kind("ResumeQueueEntry", DO),
        kind("ReturnQueueEntry", DO),
        kind("SetQueueEntryPosition", DO),
        kind("SetQueueEntryPriority", DO),
        Self {
            untyped: &[Signal],
            ..kind("ShutDown", DO_SIGNAL)
        },
        kind("Status", ASK_SIGNAL),
        kind("StopPersistentChannel", DO),
        kind("SubmissionMethods", ASK),
        kind("SubmitQueueEntry", DO),
        kind("SuspendQueueEntry", DO),
        legacy("Track", ASK_SIGNAL),
        kind("UpdateJDF", DO_SIGNAL),
        kind("WakeUp", DO_SIGNAL),
    ];

    /// The type of a name.
    pub fn of(name: &str) -> Option<&'static Self> {
        let at = Self::ALL.binary_search_by(|kind| kind.name.cmp(name));
        at.ok().map(|at| &Self::ALL[at])
    }

    /// Whether the schema has a type for the message in this family, which `xsi:type` then names.
    pub(crate) fn has_schema_type(self, family: Family) -> bool {
        self.families.contains(&family) && !self.untyped.contains(&family)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_found_by_its_name() {
        for kind in MessageKind::ALL {
            assert_eq!(MessageKind::of(kind.name), Some(kind), "{}", kind.name);
        }
    }
}
