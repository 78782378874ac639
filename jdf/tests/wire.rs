//! A recorded session with a device, replayed: every message is there and typed, and nothing of what it says is lost
//! when it is written again. What was expected here was counted in the recording by other means.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use agog_jdf::jmf::{Body, Jmf, MessageKind, ParsedJmf};
use agog_jdf::package::{Package, PackageLimits};
use agog_jdf::{Document, ElementRef, Limits, NodeStatus, ProductionSummary, Ticket};
use rust_decimal::Decimal;

#[path = "support/corpus.rs"]
mod corpus;

/// The body of a recorded request or answer; those that the device sent have their HTTP headers.
fn body(bytes: &[u8]) -> &[u8] {
    match bytes.windows(4).position(|window| window == b"\r\n\r\n") {
        Some(end) if bytes.starts_with(b"POST ") => &bytes[end + 4..],
        _ => bytes,
    }
}

fn read(path: &Path) -> ParsedJmf {
    let bytes = std::fs::read(path).unwrap();
    let package = Package::parse(None, body(&bytes), &PackageLimits::default()).unwrap();
    Jmf::parse(package.jmf().unwrap().body(), &Limits::default()).unwrap()
}

#[test]
fn every_recorded_message_is_there_in_its_family() {
    let files = corpus::corpus_files("wire");
    if files.is_empty() {
        return;
    }
    let mut counts: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for path in &files {
        for message in read(path).jmf.messages {
            let of_type = (message.family().as_str(), message.kind);
            *counts.entry(of_type).or_default() += 1;
        }
    }
    let told: Vec<String> = counts
        .iter()
        .map(|((family, kind), count)| format!("{family} {kind} {count}"))
        .collect();
    insta::assert_snapshot!(told.join("\n"), @"
    Command AbortQueueEntry 1
    Command HoldQueueEntry 1
    Command ResubmitQueueEntry 1
    Command ResumeQueueEntry 1
    Command ReturnQueueEntry 1
    Command SetQueueEntryPosition 1
    Command SetQueueEntryPriority 1
    Command SubmitQueueEntry 3
    Command SuspendQueueEntry 1
    Query KnownControllers 1
    Query KnownDevices 1
    Query KnownJDFServices 1
    Query KnownMessages 1
    Query KnownSubscriptions 2
    Query NewJDF 1
    Query Notification 2
    Query QueueStatus 3
    Query Resource 2
    Query Status 2
    Query SubmissionMethods 1
    Response  1
    Response AbortQueueEntry 1
    Response HoldQueueEntry 1
    Response KnownControllers 1
    Response KnownDevices 1
    Response KnownJDFServices 1
    Response KnownMessages 1
    Response KnownSubscriptions 2
    Response NewJDF 1
    Response Notification 1
    Response QueueStatus 3
    Response Resource 2
    Response ResubmitQueueEntry 1
    Response ResumeQueueEntry 1
    Response SetQueueEntryPosition 1
    Response SetQueueEntryPriority 1
    Response Status 2
    Response SubmissionMethods 1
    Response SubmitQueueEntry 3
    Response SuspendQueueEntry 1
    Signal QueueStatus 10
    Signal Resource 5
    Signal Status 17
    ");
}

/// Where each element and attribute stands, and how often.
fn said(document: &Document) -> BTreeMap<String, usize> {
    let mut said = BTreeMap::new();
    let root = document.root();
    for element in std::iter::once(root).chain(root.descendants()) {
        let mut names: Vec<&str> = std::iter::successors(Some(element), |inner| inner.parent())
            .map(ElementRef::local_name)
            .collect();
        names.reverse();
        let path = names.join("/");
        for attribute in element.attributes() {
            if !attribute.name.starts_with("xmlns") && !attribute.name.contains(':') {
                *said
                    .entry(format!("{path}/@{}", attribute.name))
                    .or_default() += 1;
            }
        }
        *said.entry(path).or_default() += 1;
    }
    said
}

#[test]
fn nothing_that_a_recorded_message_says_is_lost_when_it_is_written_again() {
    let files = corpus::corpus_files("wire");
    if files.is_empty() {
        return;
    }
    let mut lost = BTreeSet::new();
    for path in &files {
        let read = read(path);
        let written = Document::parse(&read.jmf.to_bytes(), &Limits::default()).unwrap();
        let kept = said(&written);
        // Bodies of types that are not in use stay in the document alone.
        let is_legacy = |kind: &str| MessageKind::of(kind).is_some_and(|kind| kind.is_legacy);
        assert!(
            read.jmf
                .messages
                .iter()
                .all(|message| { is_legacy(&message.kind) == message.is_legacy() })
        );
        for (place, count) in said(&read.document) {
            if kept.get(&place).is_none_or(|kept| *kept < count) {
                lost.insert(place);
            }
        }
    }
    let lost: Vec<String> = lost.into_iter().collect();
    // Entries are named in the form of JMF 1.5; what says no more than the default is not written; a signal has no
    // return code; comments are texts; and a `Part` that stands twice in a `PartAmount` says the same twice.
    insta::assert_snapshot!(lost.join("\n"), @"
    JMF/Command/QueueEntryDef
    JMF/Command/QueueEntryDef/@QueueEntryID
    JMF/Query/NotificationFilter
    JMF/Response/MessageService/@Acknowledge
    JMF/Response/MessageService/@Command
    JMF/Response/MessageService/@Persistent
    JMF/Response/MessageService/@Query
    JMF/Response/MessageService/@Registration
    JMF/Response/MessageService/@Signal
    JMF/Response/Notification/Comment/@AgentName
    JMF/Response/Notification/Comment/@AgentVersion
    JMF/Response/Notification/Comment/@ID
    JMF/Response/Notification/Comment/@Name
    JMF/Signal/@ReturnCode
    JMF/Signal/ResourceInfo/AmountPool/PartAmount/Part
    JMF/Signal/ResourceInfo/AmountPool/PartAmount/Part/@Condition
    JMF/Signal/ResourceInfo/AmountPool/PartAmount/Part/@SheetName
    JMF/Signal/ResourceInfo/AmountPool/PartAmount/Part/@SignatureName
    ");
}

#[test]
fn what_the_recorded_device_answered_is_told_by_its_return_codes() {
    let files = corpus::corpus_files("wire");
    if files.is_empty() {
        return;
    }
    let mut codes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in &files {
        for message in read(path).jmf.messages {
            if let Body::Response(response) = &message.body {
                assert_ne!(response.return_code.meaning(), None);
                let code = response.return_code.to_string();
                codes.entry(code).or_default().insert(message.kind);
                // Whoever is refused is told why.
                let is_refusal = !response.return_code.is_processed();
                assert!(!is_refusal || response.reason() != response.return_code.to_string());
            }
        }
    }
    let told: Vec<String> = codes
        .iter()
        .map(|(code, kinds)| {
            let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
            format!("{code}: {}", kinds.join(" "))
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"), @"
    0 (success): AbortQueueEntry HoldQueueEntry KnownDevices KnownMessages KnownSubscriptions Notification QueueStatus Resource ResubmitQueueEntry ResumeQueueEntry Status SubmissionMethods SubmitQueueEntry SuspendQueueEntry
    1 (general error): 
    5 (message or query not implemented): KnownControllers KnownJDFServices SetQueueEntryPosition SetQueueEntryPriority
    7 (insufficient parameters): NewJDF
    ");
}

#[test]
fn the_audits_of_the_recorded_return_add_up() {
    let files = corpus::corpus_files("wire");
    let Some(path) = files
        .iter()
        .find(|path| path.ends_with("086-recv-return.http"))
    else {
        return;
    };
    let bytes = std::fs::read(path).unwrap();
    let package = Package::parse(None, body(&bytes), &PackageLimits::default()).unwrap();
    let ticket = package.tickets().next().unwrap();
    let document = Document::parse(ticket.body(), &Limits::default()).unwrap();
    let ticket = Ticket::of(&document).unwrap();
    let summary = ProductionSummary::of(ticket.root(), &ticket);
    // The run took from 21:15:09 to 21:15:51 and ended in an abort.
    let at = |second: &str| format!("2026-11-22T21:15:{second}Z").parse().ok();
    assert_eq!((summary.start, summary.end), (at("09"), at("51")));
    assert_eq!(summary.end_status, Some(NodeStatus::Aborted));
    let phases: Vec<(&str, i64)> = summary
        .phases
        .iter()
        .map(|phase| {
            let took = phase.end.unwrap() - phase.start.unwrap();
            (phase.status.as_str(), took.get_seconds())
        })
        .collect();
    assert_eq!(
        phases,
        [
            ("Waiting", 0),
            ("Setup", 21),
            ("Setup", 3),
            ("Suspended", 6),
            ("Setup", 12)
        ]
    );
    // Four sheets went in and four came out. The phases saw them as waste, the closing audits as good, and say last.
    let four = Decimal::from(4);
    let of = |name: &str| {
        let mut uses = summary.consumed.iter().chain(&summary.produced);
        uses.find(|used| used.resource_name == name)
            .map(|used| (used.good, used.waste))
    };
    assert_eq!(of("Media"), Some((four, Decimal::ZERO)));
    assert_eq!(of("Component"), Some((four, Decimal::ZERO)));
    assert_eq!(of("Ink"), Some((Decimal::ZERO, Decimal::ZERO)));
    let waste_of_phases: Decimal = summary
        .phases
        .iter()
        .flat_map(|phase| &phase.amounts)
        .filter(|amount| amount.resource_name == "Component")
        .filter_map(|amount| amount.amounts.actual_waste())
        .sum();
    assert_eq!(waste_of_phases, four);
    assert_eq!((summary.good, summary.waste), (four, Decimal::ZERO));
    assert_eq!(summary.findings, []);
}
