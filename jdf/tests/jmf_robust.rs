//! Messages from the worst of peers: damaged, huge, with answers that refer to nothing or to everything. Reading never
//! fails on what is well-formed, what was understood survives being written, and the work stays linear.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use agog_jdf::jmf::{
    Body, Family, JMF_VERSION, Jmf, Message, Query, QueryContent, Response, SignalContent,
    correlate,
};
use agog_jdf::package::{Package, PackageLimits};
use agog_jdf::{Document, Element, Limits, NodeId, NotificationClass};
use proptest::prelude::*;

#[path = "support/corpus.rs"]
mod corpus;

/// What was understood, without the places where it was read, and with what is written where nothing is said: the
/// version, and the class and time of notifications.
fn meaning(mut jmf: Jmf) -> Jmf {
    jmf.version.get_or_insert_with(|| JMF_VERSION.to_owned());
    for message in &mut jmf.messages {
        message.element = None;
        let sent = message.time.or(jmf.timestamp);
        let (first, others) = match &mut message.body {
            Body::Response(response) | Body::Acknowledge(response) => {
                (None, &mut response.notifications)
            }
            Body::Signal(signal) => match &mut signal.content {
                SignalContent::Notification { notification, .. } => {
                    (Some(notification), &mut signal.notifications)
                }
                _ => (None, &mut signal.notifications),
            },
            Body::Query(_) | Body::Command(_) | Body::Registration(_) => continue,
        };
        for notification in first.into_iter().chain(others) {
            notification
                .class
                .get_or_insert(NotificationClass::Information);
            notification.timestamp = notification.timestamp.or(sent);
        }
    }
    jmf
}

/// Reads, writes and reads again: what was understood is understood once more.
fn assert_stable(bytes: &[u8]) {
    let Ok(read) = Jmf::parse(bytes, &Limits::default()) else {
        return;
    };
    // A message that is passed on is what came, whatever happened to it.
    for message in &read.jmf.messages {
        let onwards = read.verbatim(message).expect("it is of this document");
        assert_eq!((&onwards.id, &onwards.kind), (&message.id, &message.kind));
    }
    let shown = || String::from_utf8_lossy(&bytes[..bytes.len().min(2_000)]).into_owned();
    let again = Jmf::parse(&read.jmf.to_bytes(), &Limits::default())
        .unwrap_or_else(|error| panic!("{error}: {}", shown()));
    let (first, second) = (meaning(read.jmf), meaning(again.jmf));
    assert!(first == second, "{first:?} became {second:?}: {}", shown());
}

/// Values that do harm: of no type, of another type, out of every range.
const VALUES: [&str; 14] = [
    "",
    " ",
    "-1",
    "99999999999999999999999999",
    "1e400",
    "NaN",
    "true",
    "Running",
    "2025-02-30T25:61:61+99:00",
    "P1Y2M",
    "0 ~ -1 ~ 5",
    "cid:%",
    "&<>\"'\u{1F5A8}",
    "a\tb\nc",
];

/// What damages a document: of the generator's number, where and how.
fn damage(document: &mut Document, ids: &[NodeId], seed: &mut u64) {
    let mut below = |limit: usize| {
        *seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let high = usize::try_from(*seed >> 33).expect("31 bits fit");
        high % limit.max(1)
    };
    let id = ids[below(ids.len())];
    let Some(element) = document.element(id) else {
        return;
    };
    let names: Vec<String> = element
        .attributes()
        .map(|attribute| attribute.name.to_owned())
        .filter(|name| !name.starts_with("xmlns"))
        .collect();
    let name = names.get(below(names.len())).cloned();
    let other = ids[below(ids.len())];
    let copy = document
        .element(other)
        .map(agog_jdf::ElementRef::to_fragment);
    let value = VALUES[below(VALUES.len())];
    let result = match (below(6), name) {
        (0 | 1, Some(name)) => document.set_attribute(id, &name, value),
        (2, Some(name)) => document.remove_attribute(id, &name).map(|_| ()),
        (3, _) => document.set_attribute(id, "ID", value),
        (4, _) => match copy.filter(|copy| copy.as_xml().len() < 10_000) {
            Some(copy) => document.append_xml(id, copy.as_xml()).map(|_| ()),
            None => Ok(()),
        },
        _ => document.remove(id),
    };
    // The root cannot be removed; everything else can be done to a document of messages.
    assert!(result.is_ok() || id == document.root().id(), "{result:?}");
}

fn elements(document: &Document) -> Vec<NodeId> {
    let root = document.root();
    let all = std::iter::once(root).chain(root.descendants());
    all.map(agog_jdf::ElementRef::id).collect()
}

#[test]
fn damaged_messages_of_the_field_are_read_and_written_alike() {
    let files = corpus::corpus_files("wire")
        .into_iter()
        .chain(corpus::corpus_files("tickets"));
    let (mut seed, mut tried) = (1, 0);
    for path in files {
        let bytes = std::fs::read(&path).unwrap();
        let body = match bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            Some(end) if bytes.starts_with(b"POST ") => &bytes[end + 4..],
            _ => &bytes,
        };
        let Ok(package) = Package::parse(None, body, &PackageLimits::default()) else {
            continue;
        };
        let Some(jmf) = package.jmf().filter(|jmf| jmf.body().len() < 60_000) else {
            continue;
        };
        let Ok(document) = Document::parse(jmf.body(), &Limits::default()) else {
            continue;
        };
        for _ in 0..12 {
            let mut damaged = document.clone();
            for _ in 0..4 {
                let ids = elements(&damaged);
                damage(&mut damaged, &ids, &mut seed);
            }
            assert_stable(&damaged.to_bytes());
            tried += 1;
        }
    }
    eprintln!("{tried} damaged messages");
}

fn answer(number: usize, ref_id: Option<&str>, kind: &str) -> Message {
    let asked = Message::query("", Query::once(QueryContent::Other(kind.to_owned())));
    let mut answer = Message::response(format!("R{number}"), &asked, Response::success());
    answer.ref_id = ref_id.map(str::to_owned);
    answer
}

fn asked(id: &str, kind: &str) -> Message {
    Message::query(id, Query::once(QueryContent::Other(kind.to_owned())))
}

proptest! {
    #[test]
    fn every_answer_is_given_to_one_message_at_most_and_references_decide(
        sent in prop::collection::vec(("[ab]?", "[xy]"), 0..8),
        received in prop::collection::vec((prop::option::of("[abc]?"), "[xyz]"), 0..8),
    ) {
        let sent: Vec<Message> = sent.iter().map(|(id, kind)| asked(id, kind)).collect();
        let received: Vec<Message> = (0..)
            .zip(&received)
            .map(|(number, (ref_id, kind))| answer(number, ref_id.as_deref(), kind))
            .collect();
        let answers = correlate(&sent, &received);
        prop_assert_eq!(answers.len(), sent.len());
        let given: Vec<&str> = answers.iter().flatten().map(|answer| answer.id.as_str()).collect();
        let different: HashSet<&str> = given.iter().copied().collect();
        prop_assert_eq!(different.len(), given.len(), "an answer was given twice");
        for (message, answer) in sent.iter().zip(&answers) {
            // An answer that names a message which was sent is never given to another one.
            let named = answer.and_then(|answer| answer.ref_id.as_deref()).filter(|id| !id.is_empty());
            let is_known = named.is_some_and(|id| sent.iter().any(|sent| sent.id == id));
            prop_assert!(!is_known || named == Some(message.id.as_str()));
        }
        // Nothing stays open while an answer that names nobody is left.
        let is_loose = |answer: &&Message| {
            let ref_id = answer.ref_id.as_deref().unwrap_or_default();
            ref_id.is_empty() || sent.iter().all(|sent| sent.id != ref_id)
        };
        let loose = received.iter().filter(is_loose).filter(|answer| !different.contains(answer.id.as_str()));
        prop_assert!(answers.iter().all(Option::is_some) || loose.count() == 0);
    }

    #[test]
    fn any_words_in_any_place_are_read_and_written_alike(
        family in prop::sample::select(Family::ALL.to_vec()),
        kind in prop::sample::select(vec!["Status", "Resource", "QueueStatus", "AbortQueueEntry", "NewJDF", "Notification", "v:Own"]),
        names in prop::collection::vec(prop::sample::select(ELEMENTS.to_vec()), 1..6),
        attribute in prop::sample::select(ATTRIBUTES.to_vec()),
        value in prop::sample::select(VALUES.to_vec()),
    ) {
        let family = family.as_str();
        let innermost = Element::new(names[0]).with(attribute, value);
        let inside = names[1..]
            .iter()
            .fold(innermost, |inside, name| Element::new(*name).child(inside));
        let source = format!(
            "<JMF xmlns='http://www.CIP4.org/JDFSchema_1_1' xmlns:v='urn:v'><{family} ID='m' Type='{kind}'>{}</{family}></JMF>",
            inside.to_xml()
        );
        assert_stable(source.as_bytes());
    }
}

const ELEMENTS: [&str; 18] = [
    "StatusQuParams",
    "DeviceInfo",
    "JobPhase",
    "ModuleStatus",
    "Queue",
    "QueueEntry",
    "QueueFilter",
    "QueueEntryDef",
    "AbortQueueEntryParams",
    "Subscription",
    "Notification",
    "Error",
    "ResourceInfo",
    "AmountPool",
    "PartAmount",
    "Part",
    "Lot",
    "IDInfo",
];

const ATTRIBUTES: [&str; 12] = [
    "Status",
    "Amount",
    "ActualAmount",
    "RepeatTime",
    "ModuleIndex",
    "RestTime",
    "StartTime",
    "StatusList",
    "QueueEntryID",
    "Hold",
    "MaxEntries",
    "v:Own",
];

/// Far more than reading takes on a slow machine that does other things too, far less than quadratic work would take.
const PATIENCE: Duration = Duration::from_mins(2);

#[test]
fn a_hundred_thousand_siblings_are_read_answered_and_written_in_linear_time() {
    const COUNT: usize = 100_000;
    // Each lacks its ID, so that there is a finding with a place for each, all on one line.
    let inside = "<Query Type='Status' refID='q'/>".repeat(COUNT);
    let messages = format!("<JMF xmlns='http://www.CIP4.org/JDFSchema_1_1'>{inside}</JMF>");
    let entries =
        "<QueueEntry QueueEntryID='q' Status='Odd'><Part a='1'/></QueueEntry>".repeat(COUNT);
    let queue = format!(
        "<JMF xmlns='http://www.CIP4.org/JDFSchema_1_1'><Response><Queue>{entries}</Queue></Response></JMF>"
    );
    let definitions = "<QueueEntryDef QueueEntryID='q'/><QueueEntryDef/>".repeat(COUNT / 2);
    let filter = format!(
        "<JMF xmlns='http://www.CIP4.org/JDFSchema_1_1'><Command Type='HoldQueueEntry'>{definitions}</Command></JMF>"
    );
    let begin = Instant::now();
    for source in [&queue, &filter] {
        let read = Jmf::parse(source.as_bytes(), &Limits::default()).unwrap();
        assert!(!read.jmf.to_bytes().is_empty());
    }
    let read = Jmf::parse(messages.as_bytes(), &Limits::default()).unwrap();
    assert!(read.findings.len() >= COUNT && !read.jmf.to_bytes().is_empty());
    // None of the answers names anybody, and none is of the type of what was sent.
    let answers: Vec<Message> = (0..COUNT)
        .map(|number| answer(number, Some("nobody"), "Odd"))
        .collect();
    let given = correlate(&read.jmf.messages, &answers);
    assert!(given.iter().all(Option::is_some));
    let took = begin.elapsed();
    assert!(took < PATIENCE, "{took:?}");
}
