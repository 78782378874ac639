//! Packages that are streamed: written from readers, unpacked to disk.

use std::io::{self, Cursor, Read};
use std::path::Path;

use agog_jdf::package::{
    Event, FileHead, Package, PackageLimits, PackageWriter, Splitter, UnpackError, UnpackLimits,
    UnpackedPackage, cid_url, cross_check, references, rewrite_references, unpack,
};
use agog_jdf::{Document, Limits};
use proptest::prelude::*;

fn head(content_id: &str) -> FileHead<'_> {
    FileHead {
        content_id,
        content_type: "application/pdf",
        file_name: None,
    }
}

fn unpacked(body: &[u8], directory: &Path) -> UnpackedPackage {
    unpack(body, None, directory, &UnpackLimits::default()).unwrap()
}

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn named(names: &[&str]) -> String {
    let part = |name: &&str| {
        format!("--b\r\nContent-Disposition: x; filename=\"{name}\"\r\n\r\n{name}\r\n")
    };
    names
        .iter()
        .map(part)
        .chain(["--b--\r\n".to_owned()])
        .collect()
}

#[test]
fn parts_become_files_with_hashes_and_small_ones_stay_in_memory() {
    let directory = tempfile::tempdir().unwrap();
    let page = vec![b'p'; 300_000];
    let mut writer = PackageWriter::new([3; 16]);
    writer.file(&head("page"), None, page.as_slice());
    writer
        .ticket("t.jdf", b"<JDF/>".to_vec())
        .jmf(b"<JMF/>".to_vec())
        .repeat_headers();
    assert_eq!(writer.content_length(), None);
    let package = unpack(
        writer.into_reader(),
        Some("multipart/related; "),
        directory.path(),
        &UnpackLimits::default(),
    )
    .unwrap();
    assert!(package.complete);
    assert_eq!(names(directory.path()), ["message.jmf", "page", "t.jdf"]);
    assert_eq!(
        package.jmf().unwrap().content.as_deref(),
        Some(&b"<JMF/>"[..])
    );
    assert_eq!(
        package.tickets().next().unwrap().content.as_deref(),
        Some(&b"<JDF/>"[..])
    );
    let part = package.resolve_cid("cid:PAGE").unwrap();
    assert_eq!((part.bytes, &part.content), (300_000, &None));
    assert_eq!(part.blake3, *blake3::hash(&page).as_bytes());
    assert!(part.has_check_sum(" 40B729F49F7523B79C83A374DB0A2FEF "));
    assert!(!part.has_check_sum("40B729F49F7523B79C83A374DB0A2F"));
    assert_eq!(std::fs::read(&part.path).unwrap(), page);
}

#[test]
fn hostile_and_equal_names_stay_apart_below_the_directory() {
    let above = tempfile::tempdir().unwrap();
    let directory = above.path().join("in");
    std::fs::create_dir(&directory).unwrap();
    std::fs::write(directory.join("taken.pdf"), "mine").unwrap();
    let hostile = [
        "../../up.pdf",
        "/etc/passwd",
        "C:\\boot.ini",
        "taken.pdf",
        "A.pdf",
        "a.pdf",
        "A.pdf",
        "..",
        "con",
        "x.pdf:stream",
        "..\u{2215}y.pdf",
        ".",
        "a/../../z.pdf",
    ];
    let package = unpacked(named(&hostile).as_bytes(), &directory);
    assert_eq!(package.parts.len(), hostile.len());
    assert_eq!(names(above.path()), ["in"]);
    assert_eq!(
        names(&directory).len(),
        hostile.len() + 1,
        "{:?}",
        names(&directory)
    );
    assert_eq!(std::fs::read(directory.join("taken.pdf")).unwrap(), b"mine");
    assert!(names(&directory).contains(&"taken (2).pdf".to_owned()));
    for (part, name) in package.parts.iter().zip(hostile) {
        assert_eq!(part.path.parent(), Some(directory.as_path()));
        assert_eq!(std::fs::read(&part.path).unwrap(), name.as_bytes());
    }
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_in_the_directory_is_not_followed() {
    let directory = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let target = outside.path().join("target");
    std::os::unix::fs::symlink(&target, directory.path().join("a.pdf")).unwrap();
    let package = unpacked(named(&["a.pdf"]).as_bytes(), directory.path());
    assert!(!target.exists());
    assert_eq!(package.parts[0].path, directory.path().join("a (2).pdf"));
}

#[test]
fn a_failed_unpack_leaves_only_what_was_there() {
    struct Cut;
    impl Read for Cut {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("a.pdf"), "mine").unwrap();
    let text = named(&["a.pdf", "b.pdf", "c.pdf"]);
    let cut = Cursor::new(&text.as_bytes()[..text.len() - 20]).chain(Cut);
    let error = unpack(cut, None, directory.path(), &UnpackLimits::default()).unwrap_err();
    assert!(matches!(error, UnpackError::Read(_)), "{error:?}");
    let limits = UnpackLimits {
        total_bytes: 12,
        ..UnpackLimits::default()
    };
    let error = unpack(text.as_bytes(), None, directory.path(), &limits).unwrap_err();
    assert!(
        matches!(error, UnpackError::Limit { limit: 12, .. }),
        "{error:?}"
    );
    assert_eq!(names(directory.path()), ["a.pdf"]);
    assert_eq!(
        std::fs::read(directory.path().join("a.pdf")).unwrap(),
        b"mine"
    );
}

#[test]
fn tickets_beyond_the_memory_bound_are_only_on_disk() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = PackageWriter::new([3; 16]);
    let large = format!("<JDF>{}</JDF>", " ".repeat(200_000)).into_bytes();
    writer
        .ticket("large.jdf", large)
        .ticket("small.jdf", b"<JDF/>".to_vec());
    let limits = UnpackLimits {
        memory_bytes: 100_000,
        ..UnpackLimits::default()
    };
    let package = unpack(writer.into_reader(), None, directory.path(), &limits).unwrap();
    let kept: Vec<bool> = package
        .tickets()
        .map(|part| part.content.is_some())
        .collect();
    assert_eq!(kept, [false, true]);
}

#[test]
fn a_file_of_another_length_than_announced_is_not_sent() {
    for (announced, how) in [(2, "longer"), (4, "shorter")] {
        let mut writer = PackageWriter::new([3; 16]);
        writer.file(&head("a"), Some(announced), &b"abc"[..]);
        let error = writer.write_to(&mut Vec::new()).unwrap_err();
        assert!(error.to_string().contains(how), "{error}");
    }
}

#[test]
fn names_beyond_ascii_arrive() {
    let mut writer = PackageWriter::new([3; 16]);
    let head = FileHead {
        file_name: Some("C:\\Aufträge\\Größe 1.pdf"),
        ..head("a b<")
    };
    writer.file(&head, Some(0), io::empty());
    let mut body = Vec::new();
    writer.write_to(&mut body).unwrap();
    assert!(body.is_ascii());
    let package = Package::parse(None, &body, &PackageLimits::default()).unwrap();
    assert_eq!(package.parts[0].file_name.as_deref(), Some("Größe 1.pdf"));
    assert!(package.resolve_cid(&cid_url("a b<")).is_some());
}

#[test]
fn references_are_checked_and_rewritten_without_touching_anything_else() {
    let directory = tempfile::tempdir().unwrap();
    let ticket = r#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" xmlns:v="urn:v">
  <FileSpec  URL='cid:Page%201'/><Preview URL="" /><v:X y="cid:profile"/><Preview URL="cid:gone"/></JDF>"#;
    let body = format!(
        "--b\n\n{ticket}\n--b\nContent-ID: <page 1>\nContent-Disposition: x; filename=\"My page.pdf\"\n\n%PDF\n\
         --b\nContent-ID: profile\n\nicc\n--b--"
    );
    let package = unpacked(body.as_bytes(), directory.path());
    let mut document = Document::parse(ticket.as_bytes(), &Limits::default()).unwrap();
    let urls: Vec<String> = references(&document)
        .iter()
        .map(|found| found.url.to_owned())
        .collect();
    let check = cross_check(&package.index(), urls.iter().map(String::as_str));
    assert_eq!((check.dangling, check.unreferenced), (vec![2], vec![0]));
    let count = rewrite_references(&mut document, |found| package.relative_url(found.url)).unwrap();
    assert_eq!(count, 2);
    let expected = ticket
        .replace("cid:Page%201", "./My%20page.pdf")
        .replace("cid:profile", "./part-3.bin");
    assert_eq!(String::from_utf8(document.to_bytes()).unwrap(), expected);
}

#[test]
fn a_large_file_passes_through_small_buffers() {
    const LENGTH: u64 = 64 << 20;
    let mut writer = PackageWriter::new([9; 16]);
    let source = io::repeat(b'\r').take(LENGTH);
    writer.file(&head("page"), Some(LENGTH), source);
    let announced = writer.content_length().unwrap();
    let mut splitter = Splitter::new(None, &PackageLimits::default());
    let mut reader = writer.into_reader();
    let mut chunk = vec![0; 64 * 1024];
    let (mut sent, mut received, mut held) = (0, 0, 0);
    loop {
        let length = reader.read(&mut chunk).unwrap();
        splitter.push(&chunk[..length]);
        sent += length as u64;
        held = held.max(splitter.held_bytes());
        while let Some(event) = splitter.next_event().unwrap() {
            if let Event::Body(bytes) = event {
                received += bytes.len() as u64;
            }
        }
        if length == 0 {
            break;
        }
    }
    assert_eq!((received, sent), (LENGTH, announced));
    assert!(held < 2 * chunk.len(), "{held} bytes held");
}

proptest! {
    #[test]
    fn what_is_streamed_is_received_in_any_pieces(
        bodies in prop::collection::vec(prop::collection::vec(prop::sample::select(&b"\r\n-=_agog_a0"[..]), 0..60), 1..5),
        size in 1_usize..40,
        repeats in any::<bool>(),
    ) {
        let mut writer = PackageWriter::new([5; 16]);
        for (number, body) in bodies.iter().enumerate() {
            writer.file(&head(&format!("part{number}")), Some(body.len() as u64), body.as_slice());
        }
        if repeats {
            writer.repeat_headers();
        }
        let announced = writer.content_length();
        let mut sent = Vec::new();
        let written = writer.write_to(&mut sent).unwrap();
        prop_assert_eq!(announced, Some(written));
        prop_assert_eq!(written, sent.len() as u64);
        let mut splitter = Splitter::new(None, &PackageLimits::default());
        let mut received: Vec<Vec<u8>> = Vec::new();
        let mut complete = false;
        for chunk in sent.chunks(size) {
            splitter.push(chunk);
            while let Some(event) = splitter.next_event().unwrap() {
                match event {
                    Event::Part(_) => received.push(Vec::new()),
                    Event::Body(bytes) => received.last_mut().unwrap().extend_from_slice(bytes),
                    Event::PartEnd => {}
                    Event::End { complete: is } => complete = is,
                }
            }
        }
        prop_assert_eq!(received, bodies);
        prop_assert!(complete);
    }
}

#[test]
fn nothing_follows_an_error() {
    for content in ["PE*p", "PEpER", "PE==PE"] {
        let body =
            format!("--b\nContent-Transfer-Encoding: base64\n\n{content}\n--b\n\n<JDF/>\n--b--");
        let mut splitter = Splitter::new(None, &PackageLimits::default());
        splitter.push(body.as_bytes());
        splitter.finish();
        assert!(matches!(splitter.next_event(), Ok(Some(Event::Part(_)))));
        while let Ok(Some(Event::Body(_))) = splitter.next_event() {}
        assert_eq!(splitter.next_event(), Ok(None), "{content}");
    }
}
