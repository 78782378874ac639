//! `agog-jdf check` against a device, and its explanations.

use std::path::PathBuf;
use std::process::{Command, Output};

fn fixture(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../fixtures")
        .join(name);
    path.to_str().unwrap().to_owned()
}

fn check(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_agog-jdf"))
        .arg("check")
        .args(arguments)
        .output()
        .unwrap()
}

fn printed(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    text.replace(&fixture(""), "FIXTURES/")
}

#[test]
fn a_ticket_is_checked_against_a_device() {
    let (ticket, press) = (
        fixture("jdf/press-run.jdf"),
        fixture("capability/offset-press.jmf"),
    );
    assert_eq!(check(&[&ticket]).status.code(), Some(0));
    let output = check(&["--device", &press, &ticket]);
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(printed(&output), @r#"
error[capability-value]: the device cannot do this `Dimension` (`media-size`)
  --> FIXTURES/jdf/press-run.jdf:12:67
12 | ctID="BOARD-300" DescriptiveName="Board 300 g/m2" Dimension="2040.94 2891.34" Weight="300.0"/>
   |                                                   ^
  = path: /JDF/ResourcePool/Media/@Dimension
  = found: 2040.94 2891.34
  = expected: 793.7 595.28 to 2125.98 1502.36
  = see: JDF 1.5, State

note[capability-unlisted]: the device does not know `ComponentType` of `Component`
  --> FIXTURES/jdf/press-run.jdf:24:67
24 | D="r_sheet" Class="Quantity" Status="Unavailable" ComponentType="Sheet PartialProduct"
   |                                                   ^
  = path: /JDF/ResourcePool/Component/@ComponentType
  = found: ComponentType
  = expected: only what the device describes of `Component`
  = see: JDF 1.5, Settings Policy

1 checked: 1 errors, 0 warnings, 1 notes, 0 not readable
"#);
}

#[test]
fn a_device_that_does_something_else_is_told() {
    let (ticket, cutter) = (
        fixture("jdf/press-run.jdf"),
        fixture("capability/die-cutter.xml"),
    );
    let output = check(&["--json", "--device", &cutter, &ticket]);
    let finding: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(finding["code"], "capability-none");
    assert_eq!(
        (&finding["found"], &finding["expected"]),
        (&"ConventionalPrinting".into(), &"ShapeCutting".into())
    );
}

#[test]
fn what_the_device_can_do_now_is_asked_for_by_a_switch() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ticket.jdf");
    let source = std::fs::read_to_string(fixture("jdf/press-run.jdf")).unwrap();
    let source = source
        .replace("2040.94 2891.34", "2000 1400")
        .replace("MediaUnit=\"Sheet\"", "MediaUnit=\"Roll\"");
    std::fs::write(&file, source).unwrap();
    let (ticket, press) = (
        file.to_str().unwrap(),
        fixture("capability/offset-press.jmf"),
    );
    assert_eq!(check(&["--device", &press, ticket]).status.code(), Some(0));
    assert_eq!(
        check(&["--now", "--device", &press, ticket]).status.code(),
        Some(1)
    );
    assert_eq!(
        check(&["--now", ticket]).status.code(),
        Some(2),
        "without a device there is no answer"
    );
}

#[test]
fn a_device_that_cannot_be_read_stops_the_check() {
    let output = check(&[
        "--device",
        "no-such-device.xml",
        &fixture("jdf/press-run.jdf"),
    ]);
    assert_eq!(output.status.code(), Some(3));
    assert!(printed(&output).contains("no-such-device.xml"));
}

#[test]
fn a_code_is_explained_and_all_are_listed() {
    insta::assert_snapshot!(printed(&check(&["--explain", "part-twice"])), @r#"
error[part-twice]: Two parts have the same keys, so a link may mean either.
  = level: tolerant
  = see: JDF 1.5, Resource Partitioning
"#);
    let all = printed(&check(&["--explain", "all"]));
    assert_eq!(all.lines().count(), agog_jdf::validate::RULES.len() + 2);
    let unknown = check(&["--explain", "no-such-code"]);
    assert_eq!(unknown.status.code(), Some(3));
    insta::assert_snapshot!(printed(&unknown), @r#"agog-jdf: no finding has the code `no-such-code`; `--explain all` lists them"#);
    assert_eq!(
        check(&[]).status.code(),
        Some(2),
        "a file or a code must be given"
    );
}

#[test]
fn a_file_that_says_nothing_of_a_device_is_refused_as_one() {
    let ticket = fixture("jdf/press-run.jdf");
    let output = check(&["--device", &ticket, &ticket]);
    assert_eq!(output.status.code(), Some(3));
    let said = printed(&output);
    assert!(
        said.contains("press-run.jdf` does not say what a device can do"),
        "{said}"
    );
}

#[test]
fn a_document_of_something_else_is_not_called_clean() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page.xml");
    std::fs::write(&file, "<html><body/></html>").unwrap();
    let output = check(&[file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let said = printed(&output);
    assert!(
        said.starts_with("warning[root-unknown]: nothing in the document is JDF or JMF"),
        "{said}"
    );
}

#[test]
fn a_file_that_cannot_be_opened_has_no_line() {
    let output = check(&["nowhere.jdf"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(printed(&output).contains("--> nowhere.jdf\n"));
}
