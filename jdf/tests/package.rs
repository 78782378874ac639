//! MIME packages as the field writes them.

#[path = "support/corpus.rs"]
mod corpus;

use agog_jdf::package::{
    JDF_TYPE, Outgoing, Package, PackageError, PackageLimits, assert_reader_invariants,
};
use proptest::prelude::*;

fn parse<'b>(content_type: Option<&str>, body: &'b [u8]) -> Package<'b> {
    Package::parse(content_type, body, &PackageLimits::default()).unwrap()
}

const BODY_WITH_HEADERS: &str = "Date: Sun, 22 Nov 2025 21:15:51 +0000 (UTC)\r\nMIME-Version: 1.0\r\n\
    Content-Type: multipart/related; \r\n\tboundary=\"----=_Part_0\"\r\n\r\n\
    ------=_Part_0\r\nContent-Type: application/vnd.cip4-jmf+xml\r\nContent-Transfer-Encoding: binary\r\n\r\n<JMF/>\r\n\
    ------=_Part_0\r\nContent-Type: application/vnd.cip4-jdf+xml; name=other.jdf\r\nContent-ID: <The%20JDF@host>\r\n\
    Content-Disposition: attachment; filename=../../T.jdf\r\n\r\n<JDF/>\n\r\n------=_Part_0--\r\n";

#[test]
fn a_boundary_that_only_the_body_tells_is_found() {
    for content_type in [
        Some("multipart/related; "),
        Some("application/vnd.cip4-jmf+xml"),
        None,
    ] {
        let package = parse(content_type, BODY_WITH_HEADERS.as_bytes());
        assert_eq!(package.jmf().unwrap().body(), b"<JMF/>");
        assert_eq!(
            package.parts[1].body(),
            b"<JDF/>\n",
            "only the last line end belongs to the delimiter"
        );
        assert_eq!(package.parts[1].file_name.as_deref(), Some("T.jdf"));
    }
}

#[test]
fn bare_line_feeds_are_accepted() {
    let body = BODY_WITH_HEADERS.replace('\r', "");
    assert_eq!(
        parse(None, body.as_bytes())
            .tickets()
            .next()
            .unwrap()
            .body(),
        b"<JDF/>\n"
    );
}

#[test]
fn a_package_without_any_boundary_header_is_split_by_its_first_delimiter() {
    let body = b"--x\r\n\r\n<JMF/>\r\n--x\r\nContent-ID: a\r\n\r\n<JDF/>\r\n--x--";
    let package = parse(Some("multipart/related"), body);
    assert_eq!(package.parts.len(), 2);
    assert_eq!(package.resolve_cid("cid:a").unwrap().content_type, JDF_TYPE);
}

#[test]
fn cid_references_find_their_part_however_they_are_written() {
    let package = parse(None, BODY_WITH_HEADERS.as_bytes());
    for url in [
        "cid:The%20JDF@host",
        "CID:the%20jdf@HOST",
        "cid://The%20JDF@host",
        "cid:<The%20JDF@host>",
        "cid:t.jdf",
        " cid:T%2Ejdf ",
    ] {
        assert!(
            package
                .resolve_cid(url)
                .is_some_and(agog_jdf::package::Part::is_jdf),
            "{url}"
        );
    }
    for url in ["cid:other", "http://host/T.jdf", "cid", ""] {
        assert!(package.resolve_cid(url).is_none(), "{url}");
    }
}

#[test]
fn transfer_encodings_are_undone() {
    let body = b"--b\nContent-Transfer-Encoding: Base64\n\nPEpE\nRi8+\n--b\nContent-Transfer-Encoding: quoted-printable\n\n\
        <JDF a=3D=\n\"1\"/>\n--b--";
    let package = parse(Some("multipart/related; boundary=b"), body);
    assert_eq!(package.parts[0].body(), b"<JDF/>");
    assert_eq!(package.parts[1].body(), b"<JDF a=\"1\"/>");
    let error = Package::parse(
        None,
        b"--b\nContent-Transfer-Encoding: uuencode\n\nx\n--b--",
        &PackageLimits::default(),
    );
    assert_eq!(
        error,
        Err(PackageError::TransferEncoding {
            part: 1,
            encoding: "uuencode".to_owned()
        })
    );
}

#[test]
fn a_lone_document_is_a_package_of_one_part() {
    let package = parse(
        Some("text/plain"),
        b"\xEF\xBB\xBF<?xml version='1.0'?><!-- x --><j:JMF/>",
    );
    assert!(package.jmf().is_some());
    assert_eq!(
        Package::parse(None, b"hello", &PackageLimits::default()),
        Err(PackageError::NotAPackage)
    );
}

#[test]
fn limits_hold() {
    let limits = PackageLimits {
        package_bytes: 200,
        parts: 2,
        header_bytes: 40,
    };
    let what =
        |body: &[u8]| match Package::parse(Some("multipart/related; boundary=b"), body, &limits) {
            Err(PackageError::Limit { what, .. }) => what,
            other => panic!("{other:?}"),
        };
    assert_eq!(what(&[b'x'; 201]), "bytes of package");
    assert_eq!(what(b"--b\n\n1\n--b\n\n2\n--b\n\n3\n--b--"), "parts");
    assert_eq!(
        what(format!("--b\nA: {}\nB: c\n\n1\n--b--", "x".repeat(60)).as_bytes()),
        "bytes of part header"
    );
}

#[test]
fn a_package_is_written_with_messages_first_and_without_paths() {
    let mut outgoing = Outgoing::new(b"<JMF/>".to_vec());
    outgoing.file(
        "../page.pdf",
        "application/pdf",
        b"=_agog_000000000000 %PDF".to_vec(),
    );
    outgoing.ticket("TheJDF.jdf", b"<JDF/>".to_vec());
    let (content_type, body) = outgoing.finish();
    insta::assert_snapshot!(String::from_utf8(body.clone()).unwrap().replace('\r', ""));
    let package = parse(Some(&content_type), &body);
    let types: Vec<&str> = package
        .parts
        .iter()
        .map(|part| part.content_type.as_str())
        .collect();
    assert_eq!(
        types,
        [
            "application/vnd.cip4-jmf+xml",
            "application/vnd.cip4-jdf+xml",
            "application/pdf"
        ]
    );
}

proptest! {
    #[test]
    fn what_is_packed_is_unpacked(bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 1..5)) {
        let mut outgoing = Outgoing::new(b"<JMF/>".to_vec());
        for (number, body) in bodies.iter().enumerate() {
            outgoing.file(&format!("part{number}"), "application/octet-stream", body.clone());
        }
        let (content_type, bytes) = outgoing.finish();
        let package = parse(Some(&content_type), &bytes);
        let unpacked: Vec<&[u8]> = package.parts[1..].iter().map(agog_jdf::package::Part::body).collect();
        prop_assert_eq!(unpacked, bodies);
    }

    #[test]
    fn arbitrary_bytes_are_read_alike_in_any_pieces(bytes in "[-a:;=\r\n <>\"b/]{0,120}") {
        assert_reader_invariants(bytes.as_bytes());
    }

    #[test]
    fn arrangements_of_package_lines_are_read_alike_in_any_pieces(
        lines in prop::collection::vec(prop::sample::select(LINES), 0..14),
        bare in any::<bool>(),
    ) {
        let text = lines.join(if bare { "\n" } else { "\r\n" });
        assert_reader_invariants(text.as_bytes());
    }
}

/// Found by fuzzing: the first delimiter begins within the bytes that are looked at for it and ends beyond.
#[test]
fn a_first_delimiter_that_crosses_the_end_of_the_window_is_read_alike_in_any_pieces() {
    for cut in 0..12 {
        let mut bytes = b"preamble ".repeat(60);
        bytes.truncate(512 - 8 + cut);
        bytes.extend_from_slice(b"\n--bb\r\n\r\n<JDF/>\r\n--bb--\r\n");
        assert_reader_invariants(&bytes);
    }
}

/// What packages are made of, and what looks like it.
const LINES: &[&str] = &[
    "",
    "",
    "--b",
    "--b",
    "--b--",
    "--b  ",
    "--b-",
    "--bb",
    "-",
    "text --b text",
    "--inner",
    "--inner--",
    "Content-Type: multipart/related; boundary=b",
    "Content-Type: multipart/mixed; boundary=inner",
    "Content-Type: application/vnd.cip4-jdf+xml; name=a.jdf",
    "Content-Transfer-Encoding: base64",
    "Content-Transfer-Encoding: quoted-printable",
    "Content-ID: <a>",
    " folded",
    "PEpERi8+",
    "a=3D=",
    "<JDF/>",
    "Content-Disposition: attachment; filename=\"../../NUL.pdf:x\"",
    "\r",
    "<JMF",
    "a: b",
    "\u{FEFF}<JMF/>",
    "Content-Length: 3",
    "Content-Transfer-Encoding: odd",
];

#[test]
fn every_package_of_the_corpus_is_read_alike_in_any_pieces() {
    let files = corpus::corpus_files("mime");
    for path in &files {
        assert_reader_invariants(&std::fs::read(path).unwrap());
    }
    assert!(
        files.is_empty() || files.len() >= 5,
        "{} packages",
        files.len()
    );
}

#[test]
fn nested_packages_are_read_as_their_parts() {
    let body = "This is a mail.\r\n--o\r\nContent-Type: multipart/related; boundary=\"i n:'\"\r\nContent-ID: <job>\r\n\r\n\
        preamble\r\n--i n:'  \r\n\r\n<JMF/>\r\n--i n:'\r\nContent-ID: a\r\n\r\nmid --i n:' line\r\n--i n:'x\r\n\
        --i n:'--\r\nepilogue\r\n--o\r\nContent-ID: b\r\n\r\n\r\n--o--\r\nafter";
    let package = parse(Some("multipart/mixed; boundary=o"), body.as_bytes());
    let bodies: Vec<&[u8]> = package
        .parts
        .iter()
        .map(agog_jdf::package::Part::body)
        .collect();
    assert_eq!(
        bodies,
        [&b"<JMF/>"[..], b"mid --i n:' line\r\n--i n:'x", b""]
    );
    assert!(package.complete);
    assert!(package.resolve_cid("cid:job").unwrap().is_jmf());
}

#[test]
fn a_missing_closing_delimiter_is_told() {
    let package = parse(None, b"--b\r\nContent-Length: 99\r\n\r\n<JDF/>\r\n");
    assert!(!package.complete);
    assert_eq!(package.parts[0].body(), b"<JDF/>\r\n");
}

#[test]
fn a_document_behind_a_header_block_is_one_part() {
    let package = parse(
        None,
        b"MIME-Version: 1.0\r\nContent-Type: text/xml\r\n\r\n<JMF/>",
    );
    assert!(package.jmf().is_some());
}

#[test]
fn a_boundary_that_lies_is_replaced_by_the_first_delimiter() {
    let package = parse(
        Some("multipart/related; boundary=other"),
        b"--b\n\n<JMF/>\n--b--\n",
    );
    assert!(package.jmf().is_some() && package.complete);
}
