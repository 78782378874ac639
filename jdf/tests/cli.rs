//! The command `agog-jdf`, run as a user runs it.

use std::path::PathBuf;
use std::process::{Command, Output};

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../fixtures/jdf")
        .join(name)
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_agog-jdf"))
        .args(arguments)
        .output()
        .unwrap()
}

/// What was printed, with the folder of the test taken out.
fn printed(output: &Output, folder: &std::path::Path) -> String {
    let text = String::from_utf8(output.stdout.clone()).unwrap()
        + &String::from_utf8_lossy(&output.stderr);
    text.replace(&folder.display().to_string(), "FOLDER")
}

struct Ticket {
    folder: tempfile::TempDir,
    file: PathBuf,
}

fn ticket(source: &str) -> Ticket {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ticket.jdf");
    std::fs::write(&file, source).unwrap();
    Ticket { folder, file }
}

const PLATES: &str = "<JDF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" ID=\"n\" Type=\"Cutting\" Status=\"Waiting\" JobPartID=\"P\">\n\
  <ResourcePool>\n    <ExposedMedia ID=\"p\" Class=\"Handling\" Status=\"Available\" PartIDKeys=\"Separation\" Resolution=\"2400 2400\">\n\
      <ExposedMedia Separation=\"Cyan\"/>\n      <ExposedMedia Separation=\"Black\" Resolution=\"1200 1200\"/>\n    </ExposedMedia>\n  </ResourcePool>\n\
  <ResourceLinkPool><ExposedMediaLink rRef=\"q\" Usage=\"Input\"/></ResourceLinkPool>\n</JDF>\n";

#[test]
fn check_shows_findings_as_a_compiler_does() {
    let ticket = ticket(PLATES);
    let output = run(&["check", ticket.file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(printed(&output, ticket.folder.path()), @r#"
error[link-target-missing]: `ExposedMediaLink` leads nowhere: nothing has this ID
  --> FOLDER/ticket.jdf:8:37
8 | <ResourceLinkPool><ExposedMediaLink rRef="q" Usage="Input"/></ResourceLinkPool>
  |                                     ^
  = path: /JDF/ResourceLinkPool/ExposedMediaLink/@rRef
  = found: q
  = expected: the ID of a `ExposedMedia`
  = see: JDF 1.5, Resource Links: rRef

1 checked: 1 errors, 0 warnings, 0 notes, 0 not readable
"#);
}

#[test]
fn check_says_by_its_exit_code_how_bad_it_is() {
    let clean = PLATES.replace("rRef=\"q\"", "rRef=\"p\"");
    let warned = clean.replace("2400 2400", "fine");
    for (source, code) in [
        (clean.as_str(), 0),
        (&warned, 1),
        (PLATES, 2),
        ("<JDF><oops></JDF>", 3),
    ] {
        let ticket = ticket(source);
        let output = run(&["check", ticket.file.to_str().unwrap()]);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{}",
            printed(&output, ticket.folder.path())
        );
    }
    assert_eq!(run(&["check", "no-such-file.jdf"]).status.code(), Some(3));
}

#[test]
fn check_gives_json_for_programs() {
    let ticket = ticket(PLATES);
    let output = run(&["check", "--json", ticket.file.to_str().unwrap()]);
    let finding: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(finding["code"], "link-target-missing");
    assert_eq!(
        (finding["line"].as_u64(), finding["severity"].as_str()),
        (Some(8), Some("error"))
    );
}

#[test]
fn a_document_that_cannot_be_read_is_shown_with_its_place() {
    let ticket = ticket("<JDF>\n  <oops>\n</JDF>");
    let output = run(&["check", ticket.file.to_str().unwrap()]);
    insta::assert_snapshot!(printed(&output, ticket.folder.path()), @r#"
error[not-readable]: not well-formed: ill-formed document: expected `</oops>`, but `</JDF>` was found
  --> FOLDER/ticket.jdf:3:1
  = path: /JDF/oops

1 checked: 0 errors, 0 warnings, 0 notes, 1 not readable
"#);
}

#[test]
fn tree_shows_nodes_with_what_goes_in_and_out() {
    let output = run(&["tree", fixture("press-run.jdf").to_str().unwrap()]);
    insta::assert_snapshot!(printed(&output, &fixture("")), @r#"
Job J-1001 for Bright Foods order PO-77 (JDF 1.5)
Sunny cereal box, 4/0 [ConventionalPrinting] Waiting part P1
    <- Media r_board "Board 300 g/m2" x 15000, Available; Paper, 300.0 g/m2, 720 x 1020 mm
    <- ExposedMedia (Plate) r_plates, Available; only Separation=Black SheetName=S1
    <- ConventionalPrintingParams r_params, Available
    <- Device r_device, Available; press-3
    <- CustomerInfo r_customer, Available
    -> Component r_sheet "Printed sheet" x 14500, Unavailable
"#);
}

#[test]
fn show_prints_what_a_path_leads_to() {
    let ticket = ticket(PLATES);
    let file = ticket.file.to_str().unwrap();
    assert_eq!(
        run(&["show", file, "//@Resolution"]).stdout,
        b"2400 2400\n1200 1200\n"
    );
    assert_eq!(
        run(&["show", file, "//ExposedMedia[@Separation='Cyan']"]).stdout,
        b"<ExposedMedia Separation=\"Cyan\"/>\n"
    );
    assert_eq!(
        run(&["show", file, "--count", "//ExposedMedia"]).stdout,
        b"3\n"
    );
    let places = run(&["show", file, "--places", "//@Resolution"]);
    insta::assert_snapshot!(printed(&places, ticket.folder.path()), @r"
FOLDER/ticket.jdf:3:86: /JDF/ResourcePool/ExposedMedia/@Resolution
2400 2400
FOLDER/ticket.jdf:5:40: /JDF/ResourcePool/ExposedMedia/ExposedMedia[2]/@Resolution
1200 1200
");
    let nothing = run(&["show", file, "//Media"]);
    assert_eq!(nothing.status.code(), Some(1));
    assert!(
        nothing
            .stderr
            .starts_with(b"agog-jdf: the path leads to nothing")
    );
    let wrong = run(&["show", file, "//Media["]);
    assert_eq!(
        String::from_utf8(wrong.stderr).unwrap(),
        "agog-jdf: path, character 9: expected the name of an element or attribute\n"
    );
}

#[test]
fn parts_shows_what_holds_for_each_leaf_and_where_it_was_said() {
    let ticket = ticket(PLATES);
    let output = run(&["parts", ticket.file.to_str().unwrap(), "p"]);
    insta::assert_snapshot!(printed(&output, ticket.folder.path()), @r#"
ExposedMedia p: 2 parts by Separation

Separation=Cyan
    Status="Available"      from the whole resource
    Resolution="2400 2400"  from the whole resource

Separation=Black
    Resolution="1200 1200"
    Status="Available"  from the whole resource
"#);
    let file = ticket.file.to_str().unwrap();
    assert_eq!(run(&["parts", file, "x"]).status.code(), Some(3));
    assert_eq!(
        run(&["parts", file]).stdout,
        b"ExposedMedia p: 2 parts by Separation\n"
    );
    let json = run(&["parts", "--json", file, "p"]).stdout;
    let black: serde_json::Value =
        serde_json::from_slice(json.split(|byte| *byte == b'\n').nth(1).unwrap()).unwrap();
    assert_eq!(black["keys"]["Separation"], "Black");
    assert_eq!(black["attributes"]["Resolution"]["value"], "1200 1200");
    assert_eq!(
        black["attributes"]["Status"]["from"],
        "from the whole resource"
    );
}

#[test]
fn a_new_ticket_passes_the_check_and_comes_from_a_description_as_well() {
    let folder = tempfile::tempdir().unwrap();
    for kind in agog_jdf::JobKind::ALL.map(agog_jdf::JobKind::as_str) {
        let file = folder.path().join(format!("{kind}.jdf"));
        std::fs::write(&file, run(&["new", kind]).stdout).unwrap();
        let output = run(&["check", "--level", "standard", file.to_str().unwrap()]);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{}",
            printed(&output, folder.path())
        );
    }
    let description = folder.path().join("job.json");
    std::fs::write(&description, run(&["new", "label", "--description"]).stdout).unwrap();
    let made = run(&["new", "--from", description.to_str().unwrap()]);
    assert!(made.status.success() && made.stdout.starts_with(b"<?xml"));
    std::fs::write(&description, "{\"kind\": \"label\"}").unwrap();
    let refused = run(&["new", "--from", description.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(3));
}

#[test]
fn a_package_is_unpacked_beside_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let package = folder.path().join("job.mjm");
    std::fs::write(&package, "--b\r\nContent-ID: <t>\r\nContent-Disposition: attachment; filename=../../t.jdf\r\n\r\n<JDF/>\r\n--b--\r\n").unwrap();
    let target = folder.path().join("out");
    std::fs::create_dir(&target).unwrap();
    let output = run(&[
        "unpack",
        package.to_str().unwrap(),
        target.to_str().unwrap(),
    ]);
    assert!(
        output.status.success(),
        "{}",
        printed(&output, folder.path())
    );
    assert_eq!(std::fs::read(target.join("t.jdf")).unwrap(), b"<JDF/>");
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_is_lost_is_an_error_and_a_reader_that_has_enough_is_none() {
    let ticket = ticket(PLATES);
    let file = ticket.file.to_str().unwrap();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    let full = full.unwrap();
    for arguments in [["tree", file].as_slice(), &["fmt", file], &["new", "label"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_agog-jdf"));
        let output = command.args(arguments).stdout(full.try_clone().unwrap());
        let output = output.output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{arguments:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("cannot write to standard output"), "{said}");

        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = Command::new(env!("CARGO_BIN_EXE_agog-jdf"));
        let output = command.args(arguments).stdout(writer).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    }
}

#[test]
fn a_ticket_cannot_steer_the_terminal_but_its_values_are_exact() {
    let ticket = ticket(
        "<JDF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" ID=\"n\" Type=\"Cutting\" Status=\"Waiting\" DescriptiveName=\"a&#x9b;31mb\"/>",
    );
    let file = ticket.file.to_str().unwrap();
    let shown = run(&["tree", file]).stdout;
    let shown = String::from_utf8(shown).unwrap();
    assert!(shown.starts_with("a\u{fffd}31mb [Cutting]"), "{shown}");
    let value = run(&["show", file, "/JDF/@DescriptiveName"]).stdout;
    assert_eq!(String::from_utf8(value).unwrap(), "a\u{9b}31mb\n");
}

#[test]
fn a_description_is_read_from_standard_input() {
    let description = run(&["new", "label", "--description"]).stdout;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), description).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_agog-jdf"))
        .args(["new", "--from", "-"])
        .stdin(file.reopen().unwrap())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8(output.stdout).unwrap().contains("<JDF "));
}

#[test]
fn elements_of_parts_are_those_of_the_nearest_that_has_some() {
    let ticket = ticket(
        "<JDF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" ID=\"n\" Type=\"Cutting\" Status=\"Waiting\"><ResourcePool>\
         <Media ID=\"m\" PartIDKeys=\"SheetName\"><Location LocationName=\"A\"/><Contact ContactTypes=\"Supplier\"/>\
         <Media SheetName=\"S1\"/><Media SheetName=\"S2\"><Location LocationName=\"B\"/></Media></Media></ResourcePool></JDF>",
    );
    let output = run(&["parts", ticket.file.to_str().unwrap(), "m"]);
    insta::assert_snapshot!(printed(&output, ticket.folder.path()), @r#"
Media m: 2 parts by SheetName

SheetName=S1
    <Location LocationName="A"/>  inherited
    <Contact ContactTypes="Supplier"/>  inherited

SheetName=S2
    <Location LocationName="B"/>
    <Contact ContactTypes="Supplier"/>  inherited
"#);
}
