//! The project's own documents: what is read from each, as a snapshot, and each back byte for byte.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use agog_jdf::audit::Audit;
use agog_jdf::jmf::{Body, Jmf};
use agog_jdf::package::{Package, PackageLimits};
use agog_jdf::{Document, Limits, ProductionSummary, Ticket};

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fixtures")
        .join(folder);
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

fn name(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}

/// What a ticket says, as a person would ask for it.
fn describe_ticket(document: &Document) -> String {
    let ticket = Ticket::of(document).unwrap();
    let mut out = String::new();
    for node in ticket.nodes() {
        let obstacle = node
            .obstacle()
            .map(|obstacle| format!("; {obstacle}"))
            .unwrap_or_default();
        writeln!(
            out,
            "{:?} `{}` {:?} job {:?}{obstacle}",
            node.kind(),
            node.display_name(),
            node.types(),
            node.job_id()
        )
        .unwrap();
    }
    match ticket.executable_nodes() {
        Err(error) => writeln!(out, "{error}").unwrap(),
        Ok(nodes) => {
            for node in nodes {
                writeln!(
                    out,
                    "can run `{}` for {:?}",
                    node.display_name(),
                    node.customer()
                )
                .unwrap();
                writeln!(
                    out,
                    "  on {:?}: {:?} -> {:?}",
                    node.device_id(&ticket),
                    node.input_amount(&ticket),
                    node.output_amount(&ticket)
                )
                .unwrap();
                for link in node.links() {
                    let resource = link
                        .resource(&ticket)
                        .map(|resource| (resource.class(), resource.product_id()));
                    writeln!(
                        out,
                        "  {:?} {} {:?} {resource:?}",
                        link.usage(),
                        link.resource_name(),
                        link.process_usage()
                    )
                    .unwrap();
                }
            }
        }
    }
    let root = ticket.root();
    if !Audit::read_all(root, &mut Vec::new()).is_empty() {
        let summary = ProductionSummary::of(root, &ticket);
        writeln!(
            out,
            "{} to {}: {:?}",
            time(summary.start),
            time(summary.end),
            summary.end_status
        )
        .unwrap();
        writeln!(
            out,
            "good {} waste {}, {} phases",
            summary.good,
            summary.waste,
            summary.phases.len()
        )
        .unwrap();
        for used in &summary.consumed {
            writeln!(
                out,
                "consumed {:?} {} of {:?}",
                used.product_id,
                used.total(),
                used.resource_name
            )
            .unwrap();
            for lot in &used.lots {
                writeln!(
                    out,
                    "  lot {} {:?} waste: {}",
                    lot.lot_id, lot.amount, lot.is_waste
                )
                .unwrap();
            }
        }
        summary
            .notifications
            .iter()
            .for_each(|notification| writeln!(out, "says: {}", notification.text()).unwrap());
        summary
            .findings
            .iter()
            .for_each(|finding| writeln!(out, "finding: {finding}").unwrap());
    }
    out
}

fn time(time: Option<jiff::Timestamp>) -> String {
    time.map_or_else(|| "?".to_owned(), |time| time.to_string())
}

#[test]
fn tickets_say_what_they_say() {
    for path in files("jdf") {
        let bytes = std::fs::read(&path).unwrap();
        let document = Document::parse(&bytes, &Limits::default()).unwrap();
        assert_eq!(document.to_bytes(), bytes, "{}", path.display());
        insta::assert_snapshot!(name(&path), describe_ticket(&document));
    }
}

/// What a message says, without the fields that say nothing.
fn said(body: &Body) -> String {
    let text = format!("{body:#?}");
    let is_said = |line: &&str| !line.ends_with(": None,") && !line.ends_with(": [],");
    let lines: Vec<&str> = text.lines().filter(is_said).collect();
    lines.join("\n")
}

#[test]
fn messages_say_what_they_say() {
    for path in files("jmf") {
        let bytes = std::fs::read(&path).unwrap();
        let package = Package::parse(None, &bytes, &PackageLimits::default()).unwrap();
        let read = Jmf::parse(package.jmf().unwrap().body(), &Limits::default()).unwrap();
        let mut out = String::new();
        for message in &read.jmf.messages {
            writeln!(
                out,
                "{:?} {} {:?}\n{}",
                message.family(),
                message.kind,
                message.ref_id,
                said(&message.body)
            )
            .unwrap();
        }
        for part in &package.parts {
            writeln!(
                out,
                "part {} {:?} {:?}",
                part.content_type, part.content_id, part.file_name
            )
            .unwrap();
        }
        read.findings
            .iter()
            .for_each(|finding| writeln!(out, "finding: {finding}").unwrap());
        insta::assert_snapshot!(name(&path), out);
    }
}

#[test]
fn a_ticket_of_a_package_is_found_by_its_escaped_name() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/jmf/submit.mjm");
    let bytes = std::fs::read(path).unwrap();
    let package = Package::parse(
        Some("multipart/related; "),
        &bytes,
        &PackageLimits::default(),
    )
    .unwrap();
    let part = package.resolve_cid("cid:My%20Ticket").unwrap();
    assert_eq!(part.file_name.as_deref(), Some("My Ticket.jdf"));
    let document = Document::parse(part.body(), &Limits::default()).unwrap();
    assert!(Ticket::of(&document).unwrap().executable_nodes().is_ok());
}
