//! Real documents of many vendors, where `AGOG_JDF_CORPUS` names the folder that holds them: every one is
//! read, or refused with its place, and written back byte for byte.

#[path = "support/corpus.rs"]
mod corpus;

use std::path::{Path, PathBuf};

use agog_jdf::jmf::{
    Body, Command, Jmf, Message, QueryContent, RegistrationContent, SignalContent, correlate,
};
use agog_jdf::package::{Package, PackageLimits, Part};
use agog_jdf::{Document, ErrorKind, Limits, NodeStatus, ProductionSummary, Ticket};
use rust_decimal::Decimal;

use corpus::corpus_files;

/// Documents that are broken on purpose, by the end of their path.
const NOT_WELL_FORMED: [&str; 4] = [
    "data/corrupt.jdf",
    "data/malformed1.jdf",
    "data/malformed2.jdf",
    "validator-invalid_syntax-1.xjdf",
];

#[test]
fn every_ticket_and_message_comes_back_byte_for_byte() {
    let (mut read, mut bytes_total) = (0, 0);
    for path in corpus_files("tickets")
        .into_iter()
        .filter(|path| path.extension().is_some_and(|kind| kind != "txt"))
    {
        let bytes = std::fs::read(&path).unwrap();
        let name = path.to_string_lossy();
        let broken = NOT_WELL_FORMED.iter().any(|ending| name.ends_with(ending));
        match Document::parse(&bytes, &Limits::default()) {
            Ok(document) => {
                assert!(!broken, "{name} should be refused");
                assert!(document.to_bytes() == bytes, "{name} changed");
                assert!(document.root().to_xml().len() <= bytes.len() * 2);
                read += 1;
                bytes_total += bytes.len();
            }
            Err(error) => {
                assert!(broken, "{name}: {error}");
                assert!(error.position.line > 1, "{name}: {error}");
                assert!(
                    matches!(
                        error.kind,
                        ErrorKind::Syntax(_) | ErrorKind::Name(_) | ErrorKind::AfterRoot
                    ),
                    "{name}: {error}"
                );
            }
        }
    }
    eprintln!("{read} documents, {bytes_total} bytes");
}

#[test]
fn an_edit_of_a_real_ticket_changes_only_its_own_bytes() {
    for path in corpus_files("tickets")
        .into_iter()
        .filter(|path| path.extension().is_some_and(|kind| kind == "jdf"))
    {
        let bytes = std::fs::read(&path).unwrap();
        let Ok(mut document) = Document::parse(&bytes, &Limits::default()) else {
            continue;
        };
        // Given a real ticket, when something deep in it is edited and edited back …
        let Some(last) = document
            .root()
            .descendants()
            .filter(|element| element.attributes().next().is_some())
            .last()
        else {
            continue;
        };
        let (id, attribute) = (last.id(), last.attributes().next().unwrap());
        let (name, value) = (attribute.name.to_owned(), attribute.value.to_owned());
        if name.starts_with("xmlns") {
            continue;
        }
        document.set_attribute(id, &name, "edited").unwrap();
        let edited = document.to_bytes();
        assert_ne!(edited, bytes);
        document.set_attribute(id, &name, &value).unwrap();
        // … then the tree is as it was, and the bytes too unless the value was escaped in another way.
        let back = document.to_bytes();
        let difference = back.len().abs_diff(bytes.len());
        assert!(back == bytes || difference > 0, "{}", path.display());
        assert_eq!(
            document.element(id).unwrap().attribute(&name),
            Some(value.as_str())
        );
    }
}

/// Splits a recorded HTTP message; files without HTTP headers are bodies.
fn http(bytes: &[u8]) -> (Option<String>, &[u8]) {
    if !bytes.starts_with(b"POST ") && !bytes.starts_with(b"HTTP/") {
        return (None, bytes);
    }
    let end = bytes
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .unwrap();
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let content_type = head
        .lines()
        .find_map(|line| line.strip_prefix("Content-Type:"))
        .map(str::to_owned);
    (content_type, &bytes[end + 4..])
}

#[test]
fn every_package_of_the_corpus_is_read() {
    let text_package = corpus_files("tickets")
        .into_iter()
        .filter(|path| path.extension().is_some_and(|kind| kind == "txt"));
    for path in corpus_files("mime").into_iter().chain(text_package) {
        let bytes = std::fs::read(&path).unwrap();
        let package = Package::parse(None, &bytes, &PackageLimits::default())
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(package.parts.len() >= 2, "{}", path.display());
        for part in &package.parts {
            if part.is_jdf() || part.is_jmf() {
                let document = Document::parse(part.body(), &Limits::default())
                    .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                assert_eq!(document.to_bytes(), part.body());
            }
            assert!(
                part.file_name
                    .as_deref()
                    .is_none_or(|name| !name.contains(['/', '\\']))
            );
        }
    }
}

/// Whether what a message asks or tells is read in detail; answers are by what is in them.
fn is_typed(message: &Message) -> bool {
    match &message.body {
        Body::Query(query) => !matches!(query.content, QueryContent::Other(_)),
        Body::Command(command) => !matches!(command, Command::Other(_)),
        Body::Signal(signal) => !matches!(signal.content, SignalContent::Other(_)),
        Body::Registration(registration) => {
            !matches!(registration.content, RegistrationContent::Other(_))
        }
        Body::Response(response) | Body::Acknowledge(response) => {
            response.content.is_empty() && !message.is_legacy()
        }
    }
}

/// The messages of a recorded exchange: `033-req-…` was answered by `034-resp-…`.
fn recorded(path: &Path) -> Vec<Message> {
    let bytes = std::fs::read(path).unwrap();
    let (content_type, body) = http(&bytes);
    let package = Package::parse(content_type.as_deref(), body, &PackageLimits::default()).unwrap();
    let jmf = Jmf::parse(package.jmf().unwrap().body(), &Limits::default()).unwrap();
    jmf.jmf.messages
}

#[test]
fn every_recorded_response_finds_its_request() {
    let files = corpus_files("wire");
    let mut pairs = 0;
    for path in &files {
        let name = path.file_name().unwrap().to_string_lossy();
        let Some((number, rest)) = name.split_once("-req-") else {
            continue;
        };
        let number: u32 = number.parse().unwrap();
        let prefix = format!("{:03}-resp-", number + 1);
        let is_answer = |path: &&PathBuf| {
            let name = path.file_name().unwrap().to_string_lossy();
            name.starts_with(&prefix)
        };
        let answer = files
            .iter()
            .find(is_answer)
            .unwrap_or_else(|| panic!("no answer to {rest}"));
        let (sent, received) = (recorded(path), recorded(answer));
        let answers = correlate(&sent, &received);
        assert_eq!(answers.len(), received.len(), "{name}");
        for (sent, answer) in sent.iter().zip(answers) {
            let answer = answer.unwrap_or_else(|| panic!("{name}: {} has no answer", sent.id));
            // One of them says neither its type nor what it refers to: the exchange tells.
            assert!(answer.kind == sent.kind || answer.kind.is_empty(), "{name}");
            let ref_id = answer.ref_id.as_deref();
            assert!(ref_id.is_none_or(|id| id == sent.id), "{name}");
        }
        // Without the references the exchange alone tells the same.
        let mut bare = received.clone();
        for answer in &mut bare {
            answer.ref_id = None;
        }
        let ids = |answers: Vec<Option<&Message>>| -> Vec<String> {
            let answers = answers.into_iter().flatten();
            answers.map(|answer| answer.id.clone()).collect()
        };
        assert_eq!(
            ids(correlate(&sent, &bare)),
            ids(correlate(&sent, &received))
        );
        pairs += 1;
    }
    assert!(files.is_empty() || pairs > 25, "{pairs}");
}

#[test]
fn every_message_of_a_recorded_session_is_understood() {
    let mut signals = 0;
    for path in corpus_files("wire") {
        let bytes = std::fs::read(&path).unwrap();
        let name = path.display();
        let (content_type, body) = http(&bytes);
        let package = Package::parse(content_type.as_deref(), body, &PackageLimits::default())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let part = package.jmf().unwrap_or_else(|| panic!("{name} has no JMF"));
        let read = Jmf::parse(part.body(), &Limits::default())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!read.jmf.messages.is_empty(), "{name}");
        // The recorded device leaves out required attributes in one response, and nothing worse.
        assert!(
            read.findings
                .iter()
                .all(|finding| finding.code == "attribute-missing"),
            "{name}: {:?}",
            read.findings
        );
        for message in &read.jmf.messages {
            assert_eq!(is_typed(message), !message.is_legacy(), "{name}");
            match &message.body {
                Body::Signal(_) => signals += 1,
                Body::Command(Command::SubmitQueueEntry(params))
                    if params.url.starts_with("cid:") =>
                {
                    assert!(
                        package.resolve_cid(&params.url).is_some_and(Part::is_jdf),
                        "{name}"
                    );
                }
                Body::Command(Command::ReturnQueueEntry(params)) => {
                    assert!(
                        package.resolve_cid(&params.url).is_some_and(Part::is_jdf),
                        "{name}"
                    );
                    assert_eq!(params.aborted, ["OptID00029"]);
                }
                _ => {}
            }
        }
    }
    eprintln!("{signals} signals");
}

#[test]
fn every_ticket_has_executable_nodes_or_says_why_not() {
    let (mut runnable, mut refused) = (0, 0);
    for path in corpus_files("tickets") {
        let bytes = std::fs::read(&path).unwrap();
        let Ok(document) = Document::parse(&bytes, &Limits::default()) else {
            continue;
        };
        let Ok(ticket) = Ticket::of(&document) else {
            continue;
        };
        match ticket.executable_nodes() {
            Ok(nodes) => {
                runnable += 1;
                for node in nodes {
                    let summary = ProductionSummary::of(node, &ticket);
                    assert!(summary.good >= Decimal::ZERO, "{}", path.display());
                    let _ = (
                        node.input_amount(&ticket),
                        node.output_amount(&ticket),
                        node.device_id(&ticket),
                    );
                }
            }
            Err(error) => {
                refused += 1;
                assert!(!error.obstacles.is_empty(), "{}: {error}", path.display());
            }
        }
    }
    eprintln!("{runnable} tickets can be run, {refused} cannot");
}

#[test]
fn a_recorded_return_is_summed_up() {
    let Some(path) = corpus_files("wire")
        .into_iter()
        .find(|path| path.ends_with("086-recv-return.http"))
    else {
        return;
    };
    let bytes = std::fs::read(path).unwrap();
    let (content_type, body) = http(&bytes);
    let package = Package::parse(content_type.as_deref(), body, &PackageLimits::default()).unwrap();
    let document =
        Document::parse(package.tickets().next().unwrap().body(), &Limits::default()).unwrap();
    let ticket = Ticket::of(&document).unwrap();
    let summary = ProductionSummary::of(ticket.root(), &ticket);
    assert_eq!(summary.end_status, Some(NodeStatus::Aborted));
    assert_eq!(
        (summary.good, summary.waste),
        (Decimal::from(4), Decimal::ZERO)
    );
    let media = summary
        .consumed
        .iter()
        .find(|used| used.resource_name == "Media")
        .unwrap();
    assert_eq!(
        (media.product_id.as_deref(), media.total()),
        (Some("MAG STA 200 SRA1"), Decimal::from(4))
    );
    assert_eq!(summary.phases.len(), 5);
    assert_eq!(
        summary.notifications[0].text(),
        "process aborted; types: ConventionalPrinting"
    );
}

#[test]
fn what_is_typed_of_every_message_survives_being_written_again() {
    let mut messages = 0;
    for path in corpus_files("tickets")
        .into_iter()
        .chain(corpus_files("wire"))
    {
        let bytes = std::fs::read(&path).unwrap();
        let (_, body) = http(&bytes);
        let Ok(read) = Jmf::parse(body, &Limits::default()) else {
            continue;
        };
        let first = read.jmf.to_bytes();
        let again = Jmf::parse(&first, &Limits::default())
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(
            again.jmf.messages.len(),
            read.jmf.messages.len(),
            "{}",
            path.display()
        );
        assert!(again.jmf.to_bytes() == first, "{}", path.display());
        messages += again.jmf.messages.len();
    }
    eprintln!("{messages} messages");
}
