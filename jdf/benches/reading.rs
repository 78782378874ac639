//! How fast tickets are read into the tree, what the tree costs, and how hostile input is refused:
//! `cargo bench -p agog-jdf` (part of `make bench`).
//!
//! Beside each reading, in the same run on the same bytes: a bare quick-xml pass that touches every
//! attribute, and `xmllint --noout`, which builds libxml2's DOM, where it is installed. A figure is the best
//! of several rounds on one core. Tickets of the field are measured when `AGOG_JDF_CORPUS` names them.
//! What needs a process of its own (memory, the first document) runs this program again.

#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use agog_jdf::{Document, Limits, ReadError, Ticket};
use quick_xml::Reader;
use quick_xml::events::Event;

const ROUNDS: usize = 7;
const GANG_BYTES: usize = 40_000_000;
/// How often xmllint is given the same small file, so that starting it does not count.
const XMLLINT_COPIES: usize = 20;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("retained") => retained(Path::new(&arguments[2])),
        Some("first") => first(Path::new(&arguments[2])),
        Some("hostile") => hostile(&arguments[2]),
        // `cargo bench` passes `--bench`.
        _ => table(),
    }
}

fn table() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let gang = folder.path().join("gang.jdf");
    std::fs::write(&gang, gang_job()).expect("the gang job is written");
    let mut files = large_tickets();
    files.push(gang);

    println!(
        "{:<34} {:>8} {:>10} {:>10} {:>10} {:>9} {:>8}",
        "ticket", "MB", "tree MB/s", "quick-xml", "libxml2", "retained", "first"
    );
    for file in &files {
        let bytes = std::fs::read(file).expect("a file that was found can be read");
        let size = mega(bytes.len());
        let tree = best(|| {
            let owned = bytes.clone();
            let start = Instant::now();
            let document = Document::from_vec(owned, &Limits::default());
            let time = start.elapsed();
            assert!(document.is_ok(), "{}: {:?}", file.display(), document.err());
            time
        });
        let bare = best(|| {
            let start = Instant::now();
            black_box(bare_pass(&bytes));
            start.elapsed()
        });
        let libxml2 = xmllint(file, bytes.len()).map_or("-".to_owned(), |time| rate(size, time));
        println!(
            "{:<34} {size:>8.1} {:>10} {:>10} {libxml2:>10} {:>8}× {:>5} ms",
            file.file_name().unwrap_or_default().to_string_lossy(),
            rate(size, tree),
            rate(size, bare),
            again(&["retained", &file.to_string_lossy()]),
            again(&["first", &file.to_string_lossy()]),
        );
    }
    println!(
        "{:<34} {:>8} {:>10} {:>10} {:>10} {:>9} {:>8}",
        "limit", "", "≥ 250", "≤ tree/0.6", "≤ tree/3", "≤ 2.00×", "-"
    );
    let document = Document::from_vec(partitioned(), &Limits::default());
    let document = document.expect("our own ticket is read");
    let ticket = Ticket::of(&document).expect("our own ticket is a ticket");
    let plates = ticket.resource("plates").expect("the ticket has plates");
    let mut leaves = 0;
    let time = best(|| {
        let start = Instant::now();
        leaves = black_box(plates.leaves_with_keys()).len();
        start.elapsed()
    });
    let milliseconds = time.as_secs_f64() * 1e3;
    println!(
        "\n{leaves} leaves of a partitioned resource, each with its keys: {milliseconds:.1} ms (limit 20)"
    );
    let small = folder.path().join("small.jdf");
    std::fs::write(&small, SMALL).expect("the small ticket is written");
    let first = again(&["first", &small.to_string_lossy()]);
    println!("a small ticket, the first document of its process: {first} ms (limit 5)");
    println!(
        "\n{:<34} {:>8} {:>28}",
        "hostile input", "ms", "MiB beyond what was read"
    );
    for case in HOSTILE {
        println!("{case:<34} {:>37}", again(&["hostile", case]));
    }
    println!("{:<34} {:>8} {:>28}", "limit", "< 100", "< 16");
}

fn mega(bytes: usize) -> f64 {
    f64::from(u32::try_from(bytes).unwrap_or(u32::MAX)) / 1e6
}

fn rate(megabytes: f64, time: Duration) -> String {
    format!("{:.0}", megabytes / time.as_secs_f64())
}

fn best(mut round: impl FnMut() -> Duration) -> Duration {
    (0..ROUNDS).map(|_| round()).min().unwrap_or_default()
}

/// What a reader cannot do without: every token, every attribute with its value.
fn bare_pass(bytes: &[u8]) -> usize {
    let mut reader = Reader::from_reader(bytes);
    let mut touched = 0;
    loop {
        match reader.read_event().expect("the ticket is well-formed") {
            Event::Start(tag) | Event::Empty(tag) => {
                for attribute in tag.attributes() {
                    let attribute = attribute.expect("the ticket is well-formed");
                    touched += attribute.key.as_ref().len() + attribute.value.len();
                }
            }
            Event::Eof => return touched,
            _ => {}
        }
    }
}

/// The time of one DOM parse; `None` without xmllint.
fn xmllint(file: &Path, bytes: usize) -> Option<Duration> {
    let copies = if bytes > 10_000_000 {
        1
    } else {
        XMLLINT_COPIES
    };
    let rounds = (0..3).map(|_| {
        let start = Instant::now();
        let status = Command::new("xmllint")
            .arg("--noout")
            .args(std::iter::repeat_n(file, copies))
            .stderr(std::process::Stdio::null())
            .status();
        status.ok().map(|_| start.elapsed())
    });
    let best = rounds.collect::<Option<Vec<_>>>()?.into_iter().min()?;
    Some(best / u32::try_from(copies).unwrap_or(1))
}

fn again(arguments: &[&str]) -> String {
    let program = std::env::current_exe().expect("this program has a path");
    let output = Command::new(program)
        .args(arguments)
        .output()
        .expect("this program starts again");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Resident memory that a document keeps, as a multiple of its file.
fn retained(file: &Path) {
    let size = std::fs::metadata(file).expect("the file is there").len();
    let before = memory("VmRSS");
    let bytes = std::fs::read(file).expect("the file can be read");
    let document = Document::from_vec(bytes, &Limits::default()).expect("the ticket is read");
    let after = memory("VmRSS");
    black_box(&document);
    let kept = f64::from(after - before) * 1024.0;
    println!(
        "{:.2}",
        kept / f64::from(u32::try_from(size).unwrap_or(u32::MAX))
    );
}

/// The first document that a process reads.
fn first(file: &Path) {
    let bytes = std::fs::read(file).expect("the file can be read");
    let start = Instant::now();
    let document = Document::from_vec(bytes, &Limits::default());
    let time = start.elapsed();
    assert!(document.is_ok());
    println!("{:.1}", time.as_secs_f64() * 1e3);
}

const HOSTILE: [&str; 5] = [
    "billion laughs",
    "100,000 attributes",
    "100,000 levels",
    "1 GB of one attribute",
    "1 GB in one stream",
];

fn hostile(case: &str) {
    let gigabyte = 1 << 30;
    let limits = Limits::default();
    let source: Vec<u8> = match case {
        "billion laughs" => {
            let mut text = String::from("<?xml version='1.0'?><!DOCTYPE l [<!ENTITY a0 'lol'>");
            for level in 1..40 {
                let before = level - 1;
                let _ = write!(
                    text,
                    "<!ENTITY a{level} '&a{before};&a{before};&a{before};'>"
                );
            }
            text.push_str("]><l>&a39;</l>");
            text.into_bytes()
        }
        "100,000 attributes" => {
            let mut text = String::from("<a");
            for number in 0..100_000 {
                let _ = write!(text, " b{number}=''");
            }
            text.push_str("/>");
            text.into_bytes()
        }
        "100,000 levels" => ("<a>".repeat(100_000) + &"</a>".repeat(100_000)).into_bytes(),
        "1 GB of one attribute" => {
            let mut text = b"<JDF ID='".to_vec();
            text.resize(gigabyte, b'x');
            text
        }
        _ => Vec::new(),
    };
    let read = if source.is_empty() {
        limits.document_bytes
    } else {
        0
    };
    let before = memory("VmHWM");
    let start = Instant::now();
    let refusal = if source.is_empty() {
        let stream = b"<JDF ID='".chain(std::io::repeat(b'x').take(gigabyte as u64));
        match Document::from_reader(stream, &limits) {
            Err(ReadError::Document(error)) => error,
            other => panic!("{other:?}"),
        }
    } else {
        Document::parse(&source, &limits).expect_err("hostile input is refused")
    };
    let time = start.elapsed();
    black_box(&refusal);
    let beyond = f64::from(memory("VmHWM") - before) / 1024.0 - mega(read) / 1.048_576;
    println!("{:.1} {:>28.1}", time.as_secs_f64() * 1e3, beyond.max(0.0));
}

/// A figure of this process in KiB, from the kernel.
fn memory(name: &str) -> u32 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

/// The tickets of the corpus between 2 and 4 MB.
fn large_tickets() -> Vec<PathBuf> {
    let Ok(corpus) = std::env::var("AGOG_JDF_CORPUS") else {
        println!("AGOG_JDF_CORPUS is not set: no tickets of the field are measured");
        return Vec::new();
    };
    // Benchmarks run in the crate's folder; the variable is relative to the workspace.
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut folders = vec![workspace.join(corpus).join("tickets")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries.flatten() {
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            if metadata.is_dir() {
                folders.push(entry.path());
            } else if metadata.len() > 1_900_000 {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    found
}

const SMALL: &str = r#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" ID="n1" JobID="J-7" Type="Cutting" Status="Waiting"/>"#;

/// The plates of 100 sheets in 25 versions and four separations.
fn partitioned() -> Vec<u8> {
    let mut text = String::from(
        "<JDF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" ID=\"n\" Type=\"Product\" Status=\"Waiting\"><ResourcePool>\n\
         <ExposedMedia ID=\"plates\" Class=\"Handling\" Status=\"Available\" PartIDKeys=\"SheetName PartVersion Separation\">\n",
    );
    for sheet in 0..100 {
        let _ = writeln!(text, "<ExposedMedia SheetName=\"Sheet {sheet}\">");
        for version in 0..25 {
            let _ = writeln!(text, "<ExposedMedia PartVersion=\"V{version}\">");
            for separation in ["Cyan", "Magenta", "Yellow", "Black"] {
                let _ = writeln!(
                    text,
                    "<ExposedMedia Separation=\"{separation}\" ProductID=\"P-{sheet}-{version}\"/>"
                );
            }
            text.push_str("</ExposedMedia>\n");
        }
        text.push_str("</ExposedMedia>\n");
    }
    text.push_str("</ExposedMedia></ResourcePool></JDF>\n");
    text.into_bytes()
}

/// A gang job of many products, in the density that imposition programs write.
fn gang_job() -> Vec<u8> {
    let mut text = String::with_capacity(GANG_BYTES + 10_000);
    text.push_str(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<JDF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" ID=\"n1\" Type=\"ProcessGroup\" \
         Types=\"Stripping ImageSetting ConventionalPrinting Cutting\" Status=\"Waiting\" JobID=\"Gang-2026-11\" Version=\"1.5\">\n  <ResourcePool>\n",
    );
    let mut number = 0;
    while text.len() < GANG_BYTES {
        let (column, row, product) = (number % 8, number / 8 % 6, number / 48);
        let _ = write!(
            text,
            "    <BinderySignature Class=\"Parameter\" ID=\"BS_{number}\" Status=\"Available\" NumberUp=\"1 1\" BinderySignatureType=\"Grid\">\n      \
             <SignatureCell FrontPages=\"0\" BackPages=\"1\" TrimSize=\"240.9449 155.9055\" BleedFace=\"8.50394\" BleedFoot=\"8.50394\" BleedHead=\"8.50394\" BleedSpine=\"8.50394\"/>\n    \
             </BinderySignature>\n    \
             <CutBlock Class=\"Parameter\" ID=\"CB_{number}\" Status=\"Available\" BlockName=\"Block_{product}_{column}_{row}\" BlockSize=\"240.9449 155.9055\" \
             BlockTrf=\"1 0 0 1 {} {}\" BlockType=\"CutBlock\" AssemblyIDs=\"Asm_{product}\" DescriptiveName=\"Product {product}, column {column}, row {row}\"/>\n    \
             <Component Class=\"Quantity\" ID=\"C_{number}\" Status=\"Unavailable\" ComponentType=\"PartialProduct\" ProductID=\"ART-{product:06}\" Amount=\"{}\" Dimensions=\"240.9449 155.9055 0\">\n      \
             <CutBlockRef rRef=\"CB_{number}\"/>\n    </Component>\n",
            column * 249,
            row * 164,
            500 + number % 4500,
        );
        number += 1;
    }
    text.push_str("  </ResourcePool>\n</JDF>\n");
    text.into_bytes()
}
