//! `agog-jdf pack` and `unpack` as a user runs them.

#[path = "support/cli.rs"]
mod cli;

use agog_jdf::package::{Package, PackageLimits};
use cli::Desk;

fn ticket(urls: &[&str]) -> String {
    let files: Vec<String> = urls
        .iter()
        .map(|url| format!("\n  <FileSpec URL=\"{url}\"/>"))
        .collect();
    let files = files.concat();
    format!("<JDF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" ID=\"n\">{files}\n</JDF>")
}

fn with_package<T>(desk: &Desk, name: &str, look: impl FnOnce(&Package<'_>) -> T) -> T {
    let bytes = std::fs::read(desk.path(name)).unwrap();
    let package = Package::parse(None, &bytes, &PackageLimits::default()).unwrap();
    assert!(package.complete);
    look(&package)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_ticket_is_packed_with_what_it_refers_to_and_a_message_that_submits_it() {
    let source = ticket(&[
        "./pages/page%201.pdf",
        "http://mis/logo.pdf",
        "sheet.pdf",
        "./pages/page%201.pdf",
    ]);
    let desk = Desk::with(&[("t.jdf", &source), ("sheet.pdf", "SHEET")]);
    std::fs::create_dir(desk.path("pages")).unwrap();
    std::fs::write(desk.path("pages/page 1.pdf"), "PAGE").unwrap();
    let ended = desk.run(&[
        "pack",
        "job.mjm",
        "t.jdf",
        "--return-jmf",
        "http://mis/jmf",
        "--hold",
        "--priority",
        "80",
    ]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    insta::assert_snapshot!(ended.out.lines().skip(1).collect::<Vec<_>>().join("\n"), @"
    t.jdf  223 bytes  application/vnd.cip4-jdf+xml  cid t.jdf
    pages/page 1.pdf  4 bytes  application/pdf  cid page_1-42cec7af.pdf
    sheet.pdf  5 bytes  application/pdf  cid sheet.pdf
    ");
    with_package(&desk, "job.mjm", |package| {
        let jmf = text(package.jmf().unwrap().body());
        for said in [
            "URL=\"cid:t.jdf\"",
            "ReturnJMF=\"http://mis/jmf\"",
            "Hold=\"true\"",
            "Priority=\"80\"",
            "Type=\"SubmitQueueEntry\"",
        ] {
            assert!(jmf.contains(said), "{jmf}");
        }
        assert!(package.parts[0].is_jmf());
        let packed = text(package.resolve_cid("cid:t.jdf").unwrap().body());
        let expected = source
            .replace("./pages/page%201.pdf", "cid:page_1-42cec7af.pdf")
            .replace("\"sheet.pdf\"", "\"cid:sheet.pdf\"");
        assert_eq!(packed, expected, "nothing but the references changed");
        let page = package.resolve_cid("cid:page_1-42cec7af.pdf").unwrap();
        assert_eq!(
            (page.body(), page.file_name.as_deref()),
            (&b"PAGE"[..], Some("page 1.pdf"))
        );
    });
    assert_eq!(desk.names(), ["job.mjm", "pages", "sheet.pdf", "t.jdf"]);
}

#[test]
fn a_package_of_the_ticket_first_has_no_messages() {
    let desk = Desk::with(&[("t.jdf", &ticket(&[]))]);
    assert_eq!(desk.run(&["pack", "job.mjd", "t.jdf"]).code, Some(0));
    with_package(&desk, "job.mjd", |package| {
        assert!(package.jmf().is_none() && package.parts[0].is_jdf());
    });
    let head = text(&std::fs::read(desk.path("job.mjd")).unwrap()[..90]);
    assert!(head.starts_with("MIME-Version: 1.0\r\nContent-Type: multipart/related; type=\"application/vnd.cip4-jdf+xml\""), "{head}");
    let ended = desk.run(&["pack", "other.mjd", "t.jdf", "--hold"]);
    assert_eq!(ended.code, Some(3), "a ticket alone cannot be held");
}

#[test]
fn a_missing_file_is_told_with_its_place_and_nothing_is_written() {
    let desk = Desk::with(&[("t.jdf", &ticket(&["a.pdf", "cid:b.pdf", "../c.pdf"]))]);
    let ended = desk.run(&["pack", "job.mjm", "t.jdf"]);
    assert_eq!(ended.code, Some(3));
    insta::assert_snapshot!(ended.err, @"
    agog-jdf: the package would not be whole
    t.jdf:2:13: /JDF/FileSpec[1]/@URL: the file `a.pdf` is not there
    t.jdf:3:13: /JDF/FileSpec[2]/@URL: none of the files is `cid:b.pdf`: name the file, or keep track of files with `agog-jdf unpack --relink`
    t.jdf:4:13: /JDF/FileSpec[3]/@URL: `../c.pdf` leads out of the folder of the ticket: name the file to pack it
    ");
    assert_eq!(desk.names(), ["t.jdf"]);
}

#[test]
fn files_from_elsewhere_are_packed_when_they_are_named() {
    let outside = Desk::with(&[("page.pdf", "PAGE"), ("other.pdf", "OTHER")]);
    let page = outside.path("page.pdf");
    let url = format!("file://{}", page.display());
    let other = format!("file://{}", outside.path("other.pdf").display());
    let desk = Desk::with(&[("t.jdf", &ticket(&[&url, &other]))]);
    let ended = desk.run(&["pack", "job.mjm", "t.jdf", page.to_str().unwrap()]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(
        ended.err.contains(&other) && !ended.err.contains(&url),
        "{}",
        ended.err
    );
    with_package(&desk, "job.mjm", |package| {
        let packed = text(package.tickets().next().unwrap().body());
        assert!(
            packed.contains("URL=\"cid:page.pdf\"") && packed.contains(&other),
            "{packed}"
        );
        assert_eq!(package.parts.len(), 3);
    });
}

#[cfg(unix)]
#[test]
fn a_link_in_the_folder_does_not_bring_in_what_lies_outside() {
    let outside = Desk::with(&[("secret.txt", "SECRET")]);
    let desk = Desk::with(&[("t.jdf", &ticket(&["innocent.pdf"]))]);
    std::os::unix::fs::symlink(outside.path("secret.txt"), desk.path("innocent.pdf")).unwrap();
    let ended = desk.run(&["pack", "job.mjm", "t.jdf"]);
    assert_eq!(ended.code, Some(3));
    assert!(
        ended.err.contains("leads out of the folder"),
        "{}",
        ended.err
    );
    assert_eq!(
        desk.run(&["pack", "job.mjm", "t.jdf", "innocent.pdf"]).code,
        Some(0),
        "naming it is consent"
    );
}

#[test]
fn tickets_in_tickets_are_followed_and_files_of_one_name_stay_apart() {
    let desk = Desk::with(&[
        ("t.jdf", &ticket(&["sub/s.jdf", "page.pdf"])),
        ("page.pdf", "ONE"),
    ]);
    std::fs::create_dir(desk.path("sub")).unwrap();
    std::fs::write(desk.path("sub/s.jdf"), ticket(&["page.pdf"])).unwrap();
    std::fs::write(desk.path("sub/page.pdf"), "TWO").unwrap();
    let ended = desk.run(&["pack", "job.mjm", "t.jdf"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    with_package(&desk, "job.mjm", |package| {
        let bodies: Vec<String> = package.tickets().map(|part| text(part.body())).collect();
        let page_of = |ticket: &str| {
            let url = ticket
                .split('"')
                .find(|piece| piece.starts_with("cid:") && piece.contains("page.pdf"))
                .unwrap()
                .to_owned();
            text(package.resolve_cid(&url).unwrap().body())
        };
        assert!(bodies[0].contains("cid:s.jdf"), "{}", bodies[0]);
        assert_eq!(
            (page_of(&bodies[0]), page_of(&bodies[1])),
            ("ONE".to_owned(), "TWO".to_owned())
        );
    });
}

#[test]
fn messages_of_ones_own_are_turned_to_the_ticket_that_is_packed() {
    let jmf = |url: &str| {
        format!(
            "<JMF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" SenderID=\"me\"><Command ID=\"C\" Type=\"SubmitQueueEntry\"><QueueSubmissionParams URL=\"{url}\" ReturnJMF=\"http://mis/\"/></Command></JMF>"
        )
    };
    for (url, id) in [
        ("cid:JDF1@host", "JDF1@host"),
        ("./t.jdf", "t.jdf"),
        ("http://mis/7.jdf", "t.jdf"),
    ] {
        let desk = Desk::with(&[("t.jdf", &ticket(&[])), ("m.jmf", &jmf(url))]);
        let ended = desk.run(&["pack", "job.mjm", "--jmf", "m.jmf", "t.jdf"]);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        with_package(&desk, "job.mjm", |package| {
            assert_eq!(
                text(package.jmf().unwrap().body()),
                jmf(&format!("cid:{id}"))
            );
            assert!(package.resolve_cid(&format!("cid:{id}")).unwrap().is_jdf());
        });
    }
    let desk = Desk::with(&[
        ("t.jdf", &ticket(&[])),
        (
            "m.jmf",
            "<JMF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\"/>",
        ),
    ]);
    let ended = desk.run(&["pack", "job.mjm", "--jmf", "m.jmf", "t.jdf"]);
    assert_eq!(ended.code, Some(3));
    assert!(
        ended.err.contains("none of them is the ticket"),
        "{}",
        ended.err
    );
    let ended = desk.run(&["pack", "job.mjm", "--jmf", "t.jdf", "t.jdf"]);
    assert!(
        ended.code == Some(3) && ended.err.contains("holds no messages"),
        "{}",
        ended.err
    );
}

#[test]
fn what_was_unpacked_is_packed_again_to_the_same() {
    let desk = Desk::with(&[
        ("t.jdf", &ticket(&["page 1.pdf", "logo.pdf"])),
        ("page 1.pdf", "PAGE"),
        ("logo.pdf", "LOGO"),
    ]);
    assert_eq!(desk.run(&["pack", "first.mjm", "t.jdf"]).code, Some(0));
    for (folder, unpack) in [
        ("plain", &["unpack", "first.mjm", "plain"][..]),
        ("relinked", &["unpack", "--relink", "first.mjm", "relinked"]),
    ] {
        let ended = desk.run(unpack);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        let [again, ticket, jmf] =
            ["again.mjm", "t.jdf", "message.jmf"].map(|name| format!("{folder}/{name}"));
        let mut pack = vec!["pack", &again, "--jmf", &jmf, &ticket];
        if folder == "plain" {
            // The name of this part is not its ID, so the file cannot be found by it.
            assert_eq!(desk.run(&pack).code, Some(3));
            pack.push("plain/page 1.pdf");
        }
        let ended = desk.run(&pack);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        let parts = |name: &str| {
            with_package(&desk, name, |package| {
                let parts = package.parts.iter();
                parts
                    .map(|part| {
                        (
                            part.content_id.clone(),
                            part.content_type.clone(),
                            text(part.body()),
                        )
                    })
                    .collect::<Vec<_>>()
            })
        };
        assert_eq!(parts(&again), parts("first.mjm"));
    }
    let relinked = std::fs::read_to_string(desk.path("relinked/t.jdf")).unwrap();
    assert_eq!(relinked, ticket(&["./page%201.pdf", "./logo.pdf"]));
}

#[test]
fn a_package_is_not_written_over_anything_unless_that_is_meant() {
    let desk = Desk::with(&[("t.jdf", &ticket(&[])), ("job.mjm", "precious")]);
    let ended = desk.run(&["pack", "job.mjm", "t.jdf"]);
    assert!(
        ended.code == Some(3) && ended.err.contains("--force"),
        "{}",
        ended.err
    );
    assert_eq!(std::fs::read(desk.path("job.mjm")).unwrap(), b"precious");
    assert_eq!(
        desk.run(&["pack", "--force", "job.mjm", "t.jdf"]).code,
        Some(0)
    );
    with_package(&desk, "job.mjm", |package| {
        assert_eq!(package.parts.len(), 2);
    });
    let ended = desk.run(&["pack", "--force", "t.jdf", "t.jdf"]);
    assert!(
        ended.code == Some(3) && ended.err.contains("one of the files"),
        "{}",
        ended.err
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_larger_than_the_memory_is_packed_and_unpacked() {
    const BYTES: u64 = 200 << 20;
    let desk = Desk::with(&[("t.jdf", &ticket(&["big.pdf"]))]);
    let file = std::fs::File::create(desk.path("big.pdf")).unwrap();
    file.set_len(BYTES).unwrap();
    // The shell takes away the memory: 128 MiB of addresses in all, programs and libraries included.
    let run = |arguments: &str| {
        let command = format!(
            "ulimit -v 131072 && exec '{}' {arguments}",
            env!("CARGO_BIN_EXE_agog-jdf")
        );
        let mut shell = std::process::Command::new("sh");
        let output = shell
            .args(["-c", &command])
            .current_dir(desk.folder())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    };
    run("pack job.mjm t.jdf");
    run("unpack job.mjm out");
    assert_eq!(
        std::fs::metadata(desk.path("out/big.pdf")).unwrap().len(),
        BYTES
    );
}

#[test]
fn an_unpack_that_fails_leaves_no_new_folder() {
    let desk = Desk::with(&[("none.mjm", "")]);
    let ended = desk.run(&["unpack", "none.mjm", "out"]);
    assert_eq!(
        (ended.code, desk.names()),
        (Some(3), vec!["none.mjm".to_owned()])
    );
}

#[cfg(unix)]
#[test]
fn a_pipe_is_written_to_and_stays_one() {
    let desk = Desk::with(&[("t.jdf", &ticket(&[]))]);
    let ended = desk.run(&["pack", "--force", "/dev/null", "t.jdf"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let null = std::fs::metadata("/dev/null").unwrap();
    assert!(!null.is_file());
}

#[test]
fn a_package_is_not_written_to_a_folder_or_a_dash() {
    let desk = Desk::with(&[("t.jdf", &ticket(&[]))]);
    std::fs::create_dir(desk.path("folder")).unwrap();
    for (package, said) in [
        ("folder", "is a folder"),
        ("-", "needs the name of a file, not `-`"),
    ] {
        let ended = desk.run(&["pack", "--force", package, "t.jdf"]);
        assert_eq!(ended.code, Some(3), "{package}");
        assert!(ended.err.contains(said), "{}", ended.err);
        assert_eq!(desk.names(), ["folder", "t.jdf"]);
    }
}

#[test]
fn a_package_where_a_ticket_is_wanted_is_recognised() {
    let package =
        "MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=b\r\n\r\n--b--\r\n";
    let desk = Desk::with(&[("job.mjm", package)]);
    let tree = desk.run(&["tree", "job.mjm"]);
    let check = desk.run(&["check", "job.mjm"]);
    for (ended, said) in [(&tree, &tree.err), (&check, &check.out)] {
        assert_eq!(ended.code, Some(3));
        assert!(
            said.contains("`agog-jdf unpack` makes files of its parts"),
            "{said}"
        );
    }
}

#[test]
fn a_named_file_that_nothing_refers_to_is_told() {
    let desk = Desk::with(&[
        ("t.jdf", &ticket(&["a.pdf", "file://server/b.pdf"])),
        ("a.pdf", "A"),
        ("b.pdf", "B"),
    ]);
    let ended = desk.run(&["pack", "job.mjm", "t.jdf", "a.pdf", "b.pdf"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    insta::assert_snapshot!(ended.err, @"
    agog-jdf: left as it is, it leads elsewhere: t.jdf:3:13: /JDF/FileSpec[2]/@URL: `file://server/b.pdf`
    agog-jdf: nothing refers to `b.pdf`, which is in the package
    ");
}

#[test]
fn a_reference_to_a_folder_is_told_with_its_place() {
    let desk = Desk::with(&[("t.jdf", &ticket(&["pages/"]))]);
    std::fs::create_dir(desk.path("pages")).unwrap();
    let ended = desk.run(&["pack", "job.mjm", "t.jdf"]);
    assert_eq!(ended.code, Some(3));
    insta::assert_snapshot!(ended.err, @"
    agog-jdf: the package would not be whole
    t.jdf:2:13: /JDF/FileSpec/@URL: `pages/` is no file
    ");
}

#[test]
fn of_many_references_that_lead_elsewhere_the_first_are_told() {
    let urls: Vec<String> = (0..60)
        .map(|number| format!("/jobs/{number}.pdf"))
        .collect();
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    let desk = Desk::with(&[("t.jdf", &ticket(&urls))]);
    let ended = desk.run(&["pack", "job.mjm", "t.jdf"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(ended.err.lines().count(), 51);
    assert!(ended.err.ends_with("and 10 more\n"), "{}", ended.err);
}
