//! The table of message types: each that is in use is read as what it is, in every family in which it comes;
//! those of the past are recognised; what nobody knows is kept.

use agog_jdf::Limits;
use agog_jdf::jmf::{
    Body, Command, Family, Jmf, Message, MessageKind, QueryContent, RegistrationContent,
    SignalContent,
};

/// Type, families (Query, Command, Signal, Acknowledge, Registration), and what carries its parameters.
/// A signal in brackets is one that the schema does not know.
const IN_USE: [(&str, &str, &str); 38] = [
    ("SubmitQueueEntry", "CA", "QueueSubmissionParams URL='u'"),
    (
        "ResubmitQueueEntry",
        "CA",
        "ResubmissionParams QueueEntryID='q' URL='u'",
    ),
    (
        "ReturnQueueEntry",
        "CA",
        "ReturnQueueEntryParams QueueEntryID='q' URL='u'",
    ),
    ("QueueStatus", "QS", "QueueFilter"),
    (
        "AbortQueueEntry",
        "CA",
        "AbortQueueEntryParams EndStatus='Aborted'",
    ),
    ("RemoveQueueEntry", "CA", "RemoveQueueEntryParams"),
    ("HoldQueueEntry", "CA", "HoldQueueEntryParams"),
    ("ResumeQueueEntry", "CA", "ResumeQueueEntryParams"),
    ("SuspendQueueEntry", "CA", "SuspendQueueEntryParams"),
    ("HoldQueue", "CA", "QueueFilter"),
    ("ResumeQueue", "CA", "QueueFilter"),
    ("OpenQueue", "CA", "QueueFilter"),
    ("CloseQueue", "CA", "QueueFilter"),
    ("FlushQueue", "CAQS", "FlushQueueParams"),
    (
        "SetQueueEntryPriority",
        "CA",
        "QueueEntryPriParams Priority='5'",
    ),
    (
        "SetQueueEntryPosition",
        "CA",
        "QueueEntryPosParams QueueEntryID='q'",
    ),
    (
        "RequestQueueEntry",
        "CA",
        "RequestQueueEntryParams QueueURL='u'",
    ),
    ("Status", "QS", "StatusQuParams"),
    ("Resource", "QSCAR", "ResourceCmdParams"),
    (
        "Notification",
        "SQ",
        "Notification Class='Event' TimeStamp='2025-03-01T08:00:00Z'",
    ),
    ("KnownMessages", "QS", "KnownMsgQuParams"),
    ("KnownDevices", "QS", "DeviceFilter"),
    ("KnownSubscriptions", "QS", "SubscriptionFilter"),
    ("SubmissionMethods", "Q", "Comment"),
    ("StopPersistentChannel", "CA", "StopPersChParams URL='u'"),
    ("NewJDF", "QCAS", "NewJDFCmdParams"),
    (
        "ModifyNode",
        "CAS",
        "ModifyNodeCmdParams JobID='j' JobPartID='p'",
    ),
    ("UpdateJDF", "CAS", "UpdateJDFCmdParams"),
    ("ResourcePull", "CAR", "ResourcePullParams ResourceID='r'"),
    ("PipePull", "CAR", "PipeParams PipeID='p'"),
    ("PipePush", "CAR", "PipeParams PipeID='p'"),
    ("PipePause", "CA", "PipeParams PipeID='p'"),
    ("PipeClose", "CA", "PipeParams PipeID='p'"),
    ("ForceGang", "CQ", "GangCmdFilter"),
    ("GangStatus", "QS", "GangQuFilter"),
    ("ShutDown", "CAS", "ShutDownCmdParams"),
    ("WakeUp", "CAS", "WakeUpCmdParams"),
    ("RequestForAuthentication", "QCS", "AuthenticationCmdParams"),
];

const LEGACY: [(&str, &str); 9] = [
    ("FlushResources", "QCAS"),
    ("Events", "QS"),
    ("KnownControllers", "QS"),
    ("Occupation", "QS"),
    ("RepeatMessages", "Q"),
    ("Track", "QS"),
    ("KnownJDFServices", "QS"),
    ("QueueEntryStatus", "QS"),
    ("NodeInfo", "QCAS"),
];

fn family(letter: char) -> Family {
    match letter {
        'Q' => Family::Query,
        'C' => Family::Command,
        'S' => Family::Signal,
        'A' => Family::Acknowledge,
        'R' => Family::Registration,
        letter => panic!("{letter}"),
    }
}

fn read(family: Family, kind: &str, inside: &str) -> (Message, usize) {
    let family = family.as_str();
    let source = format!(
        "<JMF xmlns='http://www.CIP4.org/JDFSchema_1_1' xmlns:v='urn:v' SenderID='s' TimeStamp='2025-03-01T08:00:00Z' \
         Version='1.5'><{family} ID='m' Type='{kind}' refID='q'>{inside}</{family}></JMF>"
    );
    let mut read = Jmf::parse(source.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(read.jmf.messages.len(), 1);
    (read.jmf.messages.remove(0), read.findings.len())
}

/// The name of the type as the typed content says it; `None` if the content is not typed.
fn typed(message: &Message) -> Option<&str> {
    match &message.body {
        Body::Query(query) => match &query.content {
            QueryContent::Other(_) => None,
            content => Some(content.type_name()),
        },
        Body::Command(Command::Other(_)) => None,
        Body::Command(command) => Some(command.type_name()),
        Body::Signal(signal) => match &signal.content {
            SignalContent::Other(_) => None,
            content => Some(content.type_name()),
        },
        Body::Registration(registration) => match &registration.content {
            RegistrationContent::Other(_) => None,
            content => Some(content.type_name()),
        },
        // Answers are typed by what is in them.
        Body::Response(_) | Body::Acknowledge(_) => Some(&message.kind),
    }
}

#[test]
fn every_type_in_use_is_typed_in_each_of_its_families() {
    for (kind, families, params) in IN_USE {
        for letter in families.chars() {
            let family = family(letter);
            let (message, findings) = read(family, kind, &format!("<{params}/>"));
            assert_eq!(message.family(), family);
            assert_eq!(typed(&message), Some(kind), "{family:?} {kind}");
            assert_eq!(findings, 0, "{family:?} {kind}");
            assert!(!message.is_legacy());
        }
        // Requests without what they need are still what they are, and say so.
        let (message, _) = read(family(families.chars().next().unwrap()), kind, "");
        assert_eq!(typed(&message), Some(kind));
    }
}

#[test]
fn types_of_the_past_are_recognised_and_their_elements_kept() {
    for (kind, families) in LEGACY {
        for letter in families.chars() {
            let (message, _) = read(family(letter), kind, "<Anything/>");
            assert!(message.is_legacy(), "{kind}");
            let is_answer = letter == 'A';
            assert_eq!(typed(&message).is_some(), is_answer, "{letter} {kind}");
        }
    }
}

#[test]
fn the_crate_knows_these_types_in_these_families_and_no_other() {
    let all = IN_USE
        .iter()
        .map(|(kind, families, _)| (*kind, *families, false))
        .chain(
            LEGACY
                .iter()
                .map(|(kind, families)| (*kind, *families, true)),
        );
    let mut count = 0;
    for (name, families, is_legacy) in all {
        let kind = MessageKind::of(name).unwrap_or_else(|| panic!("{name}"));
        let mut known: Vec<Family> = kind.families.to_vec();
        known.retain(|family| *family != Family::Response);
        let mut expected: Vec<Family> = families.chars().map(family).collect();
        known.sort_by_key(|family| family.as_str());
        expected.sort_by_key(|family| family.as_str());
        assert_eq!((known, kind.is_legacy), (expected, is_legacy), "{name}");
        count += 1;
    }
    assert_eq!(MessageKind::ALL.len(), count);
}

#[test]
fn a_type_that_nobody_knows_is_kept_by_its_name() {
    for kind in ["v:InkTemperature", "status", "Pipecontrol", ""] {
        for letter in "QCSR".chars() {
            let (message, _) = read(family(letter), kind, "<v:Params a='1'/>");
            assert_eq!((message.kind.as_str(), typed(&message)), (kind, None));
            assert!(!message.is_legacy());
        }
    }
}
