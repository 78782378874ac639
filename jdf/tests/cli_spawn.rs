//! `agog-jdf spawn` and `agog-jdf merge`, run as a user runs them.

use std::path::Path;
use std::process::{Command, Output};

use agog_jdf::{Document, Limits, NodeStatus, Ticket};

const JOB: &str = "<JDF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" ID=\"box\" JobID=\"J-7\" JobPartID=\"Box\" Type=\"Product\" Status=\"Waiting\" Version=\"1.5\">\n\
  <ResourcePool><Component ID=\"sheet\" Class=\"Quantity\" Status=\"Unavailable\" ComponentType=\"Sheet\" PartIDKeys=\"SheetName\"><Component SheetName=\"S1\"/><Component SheetName=\"S2\"/></Component></ResourcePool>\n\
  <JDF ID=\"print\" JobPartID=\"Box.P\" Type=\"ConventionalPrinting\" Status=\"Waiting\"><ResourceLinkPool><ComponentLink rRef=\"sheet\" Usage=\"Output\"/></ResourceLinkPool></JDF>\n</JDF>\n";

fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_agog-jdf"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn job() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("job.jdf"), JOB).unwrap();
    folder
}

fn read(folder: &Path, name: &str) -> Document {
    Document::parse(
        &std::fs::read(folder.join(name)).unwrap(),
        &Limits::default(),
    )
    .unwrap()
}

fn status(document: &Document) -> Option<NodeStatus> {
    let ticket = Ticket::of(document).unwrap();
    ticket.node_by_name("print").unwrap().status()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_node_goes_to_a_file_and_comes_back_into_the_job() {
    let folder = job();
    let folder = folder.path();
    let output = run(
        folder,
        &[
            "spawn",
            "job.jdf",
            "Box.P",
            "--output",
            "job.jdf",
            "--ticket",
            "press.jdf",
            "--spawn-id",
            "Sp1",
        ],
    );
    assert!(output.status.success(), "{}", said(&output));
    assert!(output.stdout.is_empty() && output.stderr.is_empty());
    assert_eq!(status(&read(folder, "job.jdf")), Some(NodeStatus::Spawned));
    let mut press = read(folder, "press.jdf");
    assert_eq!(Ticket::of(&press).unwrap().root().job_id(), Some("J-7"));

    press
        .set_attribute(press.root().id(), "Status", "Completed")
        .unwrap();
    std::fs::write(folder.join("press.jdf"), press.to_bytes()).unwrap();
    let output = run(
        folder,
        &["merge", "job.jdf", "press.jdf", "--output", "job.jdf"],
    );
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(
        said(&output),
        "node `print` is back from spawning `Sp1`\nresources replaced: sheet\n"
    );
    assert_eq!(
        status(&read(folder, "job.jdf")),
        Some(NodeStatus::Completed)
    );

    let output = run(folder, &["merge", "job.jdf", "press.jdf"]);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(
        said(&output),
        "agog-jdf: cannot merge `press.jdf` into `job.jdf`: the spawned ticket `Sp1` was merged before\n"
    );
}

#[test]
fn the_new_ticket_is_printed_and_a_forgotten_parent_is_told() {
    let folder = job();
    let output = run(
        folder.path(),
        &[
            "spawn",
            "job.jdf",
            "print",
            "--part",
            "SheetName=S1",
            "--part",
            "SheetName=S2",
        ],
    );
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("was not written (--output)"));
    let ticket = Document::parse(&output.stdout, &Limits::default()).unwrap();
    let pool = ticket.root().child("AncestorPool").unwrap();
    assert_eq!(pool.children_named("Part").count(), 2);
    assert!(
        ticket
            .root()
            .attribute("SpawnID")
            .unwrap()
            .starts_with("Sp")
    );
    assert_eq!(
        std::fs::read_to_string(folder.path().join("job.jdf")).unwrap(),
        JOB
    );
}

#[test]
fn what_cannot_be_done_is_said_and_nothing_is_written() {
    let folder = job();
    let check = |arguments: &[&str], expected: &str| {
        let output = run(folder.path(), arguments);
        assert!(!output.status.success());
        assert!(output.stdout.is_empty());
        assert!(said(&output).contains(expected), "{}", said(&output));
        assert!(!folder.path().join("out.jdf").exists());
    };
    check(
        &["spawn", "job.jdf", "fold", "--output", "out.jdf"],
        "`job.jdf` has no node with the ID or job part ID `fold`; it has `Box`, `Box.P`",
    );
    check(
        &["spawn", "job.jdf", "Box", "--output", "out.jdf"],
        "cannot spawn node `Box`: the root of a ticket can only be spawned in parts",
    );
    check(
        &[
            "spawn", "job.jdf", "print", "--part", "S1", "--output", "out.jdf",
        ],
        "`S1` is not of the form KEY=VALUE",
    );
    check(
        &["merge", "job.jdf", "job.jdf", "--output", "out.jdf"],
        "cannot merge `job.jdf` into `job.jdf`: the returned ticket was not spawned: it has no `SpawnID`",
    );
    check(
        &["merge", "job.jdf", "nowhere.jdf"],
        "cannot read `nowhere.jdf`",
    );
}

#[test]
fn the_new_ticket_is_never_written_over_the_one_that_stays() {
    let folder = job();
    for ticket in ["out.jdf", "./out.jdf", "job.jdf"] {
        let arguments = [
            "spawn", "job.jdf", "print", "--output", "out.jdf", "--ticket", ticket,
        ];
        let output = run(folder.path(), &arguments);
        assert_eq!(output.status.code(), Some(3));
        assert!(
            said(&output).contains("over the one that stays"),
            "{}",
            said(&output)
        );
        assert!(!folder.path().join("out.jdf").exists());
        let job = std::fs::read_to_string(folder.path().join("job.jdf"));
        assert_eq!(job.unwrap(), JOB);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_job_does_not_tell_of_a_ticket_that_was_lost_on_a_full_disk() {
    let folder = job();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    let output = Command::new(env!("CARGO_BIN_EXE_agog-jdf"))
        .args(["spawn", "job.jdf", "print", "--output", "job.jdf"])
        .current_dir(folder.path())
        .stdout(full.unwrap())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(said(&output).contains("cannot write to standard output"));
    let job = std::fs::read_to_string(folder.path().join("job.jdf"));
    assert_eq!(job.unwrap(), JOB);
    let files = std::fs::read_dir(folder.path()).unwrap();
    assert_eq!(files.count(), 1, "nothing half-written is left");
}

#[test]
fn a_part_that_nothing_has_is_told() {
    let folder = job();
    for part in ["SheetName=S3", "Sheet=S1"] {
        let arguments = [
            "spawn", "job.jdf", "print", "--output", "o.jdf", "--part", part,
        ];
        let output = run(folder.path(), &arguments);
        assert!(output.status.success(), "{}", said(&output));
        assert_eq!(
            said(&output),
            format!(
                "agog-jdf: no resource of node `print` has a part {part}: there is nothing for it in the new ticket\n"
            )
        );
    }
}
