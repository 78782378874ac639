//! Backups of a ledger that is being written, and what comes back from them.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use agog_edge::ledger::backup::{self, BackupReport, Plan};
use agog_edge::ledger::restore::{self, RestoreReport};
use agog_edge::ledger::{Position, Reader, Verification};

use crate::support::*;

/// Enough to be killed at each step of a restore.
const KILLS: u64 = 16;

fn receive_by_program(program: &Program, number: &str) {
    program.ok(&[
        "lot",
        "receive",
        "--number",
        number,
        "--material",
        "BOARD-300",
        "--quantity",
        "100",
    ]);
}

fn head(program: &Program) -> Position {
    serde_json::from_str(&program.ok(&["ledger", "head", "--json"])).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_made_while_events_are_recorded_is_whole_and_has_all_that_was_answered_before() {
    let test = TestLedger::new();
    let stop = AtomicBool::new(false);
    let answered = AtomicU64::new(0);
    let recorded = async {
        let mut n = 0_u64;
        while !stop.load(Ordering::SeqCst) {
            n += 1;
            test.lot(receive(&format!("LOT-{n}"), 10)).await.unwrap();
            answered.store(n, Ordering::SeqCst);
        }
        n
    };
    let data_dir = test.folder.path().to_owned();
    let backups_made = async {
        let mut copies = Vec::new();
        for n in 0..5_u64 {
            while answered.load(Ordering::SeqCst) < n * 20 + 1 {
                tokio::task::yield_now().await;
            }
            let before = answered.load(Ordering::SeqCst);
            let data_dir = data_dir.clone();
            let target = data_dir.join(format!("copy-{n}.db"));
            let report = tokio::task::spawn_blocking(move || {
                let plan = Plan {
                    data_dir: &data_dir,
                    target: &target,
                    with_key: false,
                };
                backup::take(&plan, &|| true).unwrap()
            })
            .await
            .unwrap();
            copies.push((before, report));
        }
        stop.store(true, Ordering::SeqCst);
        copies
    };
    let (events, copies) = tokio::join!(recorded, backups_made);

    for (before, report) in copies {
        assert!(report.contents.head_seq >= before, "{report:?}, {before}");
        let copy = Reader::open_copy(&report.file).unwrap();
        let found = copy.verify().unwrap();
        assert_eq!(found.problems, vec![]);
        assert_eq!(found.events, report.contents.events);
        assert_eq!(found.head.hash, report.contents.head_hash);
        let bytes = std::fs::read(&report.file).unwrap();
        assert_eq!(bytes.len() as u64, report.bytes);
        assert_eq!(
            blake3::hash(&bytes).to_hex().as_str(),
            report.blake3.to_string()
        );
    }
    test.assert_whole(events).await;
}

#[test]
fn a_backup_of_a_running_agent_says_what_is_in_it_and_overwrites_nothing() {
    let mut program = Program::init();
    program.start();
    receive_by_program(&program, "LOT-1");
    let folder = program.folder.path().join("backups");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(program.data_dir().join("agent.key"), "secret").unwrap();
    std::fs::write(program.data_dir().join("devices.json"), "[]").unwrap();
    let target = folder.join("ledger.db");
    let file = target.to_str().unwrap();

    let report: BackupReport =
        serde_json::from_str(&program.ok(&["ledger", "backup", file, "--json"])).unwrap();

    assert_eq!(report.contents.events, 1);
    assert_eq!(report.contents.head_hash, head(&program).head.hash);
    // One file, and no key without being asked for it.
    assert_eq!(names(&folder), ["ledger.db", "ledger.db.devices.json"]);
    let mode = target.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let verified = program.ok(&["ledger", "verify", "--file", file]);
    assert!(verified.contains("the ledger is whole"), "{verified}");

    let bytes = std::fs::read(&target).unwrap();
    receive_by_program(&program, "LOT-2");
    let refused = program.fails(1, &["ledger", "backup", file]);
    assert!(refused.contains("is there already"), "{refused}");
    assert_eq!(std::fs::read(&target).unwrap(), bytes);

    let into = program.folder.path().join("more");
    std::fs::create_dir(&into).unwrap();
    program.ok(&["ledger", "backup", into.to_str().unwrap(), "--with-key"]);
    let files = names(&into);
    assert_eq!(files.len(), 3, "{files:?}");
    assert!(files[0].starts_with("ledger-HAM-"), "{files:?}");
    let key = into.join(format!("{}.agent.key", files[0]));
    assert_eq!(std::fs::read_to_string(&key).unwrap(), "secret");
    assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_backup_that_cannot_be_written_leaves_nothing_behind() {
    let program = Program::init();
    let folder = program.folder.path().join("backups");
    std::fs::create_dir(&folder).unwrap();
    // The companion's name is taken, so the backup could not be complete.
    std::fs::write(program.data_dir().join("devices.json"), "[]").unwrap();
    std::fs::write(folder.join("ledger.db.devices.json"), "of another").unwrap();

    let target = folder.join("ledger.db");
    program.fails(1, &["ledger", "backup", target.to_str().unwrap()]);
    let nowhere = folder.join("no/ledger.db");
    program.fails(1, &["ledger", "backup", nowhere.to_str().unwrap()]);

    assert_eq!(names(&folder), ["ledger.db.devices.json"]);
}

#[test]
fn backups_are_made_by_themselves_and_their_age_is_shown_and_a_failure_is_an_alarm() {
    let mut program = Program::init();
    let folder = program.folder.path().join("backups");
    let mut config = std::fs::read_to_string(program.config_path()).unwrap();
    config.push_str("\n[ledger.backup]\nfolder = \"backups\"\nevery = \"24h\"\nkeep = 3\n");
    std::fs::write(program.config_path(), config).unwrap();

    program.start();
    let status = wait_for("the alarm", || {
        let status = program.ok(&["status"]);
        status.contains("ALARM").then_some(status)
    });
    assert!(
        status.contains("backup   none yet; the last try failed"),
        "{status}"
    );
    program.signal("TERM");
    assert_eq!(program.wait(), Some(0));

    std::fs::create_dir(&folder).unwrap();
    let addresses = program.start();
    let status = wait_for("a backup", || {
        let status = program.ok(&["status"]);
        status.contains("s old").then_some(status)
    });
    assert!(status.contains("backup   `"), "{status}");
    let made = names(&folder);
    assert_eq!(made.len(), 1, "{made:?}");
    let file = folder.join(&made[0]);
    program.ok(&["ledger", "verify", "--file", file.to_str().unwrap()]);
    let metrics = format!("{}/metrics", addresses.api_url);
    let metrics = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(async { reqwest::get(metrics).await.unwrap().text().await.unwrap() });
    assert!(
        metrics.contains("agog_ledger_backup_age_seconds"),
        "{metrics}"
    );
}

#[test]
fn a_restored_backup_takes_the_ledgers_place_and_what_was_there_is_kept() {
    let mut program = Program::init();
    program.start();
    receive_by_program(&program, "LOT-1");
    let backup = program.folder.path().join("backup.db");
    let file = backup.to_str().unwrap();
    program.ok(&["ledger", "backup", file]);
    receive_by_program(&program, "LOT-2");
    let running = program.fails(1, &["ledger", "restore", file]);
    assert!(running.contains("another agog-edge"), "{running}");
    program.signal("KILL");
    program.wait();

    // No hub has LOT-2, so it is not given up without a word.
    let refused = program.fails(1, &["ledger", "restore", file]);
    assert!(
        refused.contains("1 events that neither the backup nor the hub has"),
        "{refused}"
    );
    assert_eq!(head(&program).head.last_seq, 2);
    let report: RestoreReport =
        serde_json::from_str(&program.ok(&["ledger", "restore", file, "--accept-loss", "--json"]))
            .unwrap();

    assert_eq!((report.older_by, report.lost), (1, 1));
    assert_eq!(head(&program).head.last_seq, 1);
    let kept = report.kept.unwrap().join("ledger.db");
    let old: Verification = serde_json::from_str(&program.ok(&[
        "ledger",
        "verify",
        "--json",
        "--file",
        kept.to_str().unwrap(),
    ]))
    .unwrap();
    assert_eq!((old.events, old.problem_count), (2, 0));
    program.start();
    receive_by_program(&program, "LOT-3");
    let verified = program.ok(&["ledger", "verify"]);
    assert!(verified.starts_with("2 events"), "{verified}");
}

#[test]
fn a_backup_that_was_changed_or_is_of_another_agent_is_refused_and_the_ledger_stays() {
    let mut program = Program::init();
    program.start();
    receive_by_program(&program, "LOT-1");
    let backup = program.folder.path().join("backup.db");
    let file = backup.to_str().unwrap();
    program.ok(&["ledger", "backup", file]);
    program.signal("TERM");
    program.wait();
    let before = head(&program);

    let other = Program::init();
    let foreign = program.folder.path().join("foreign.db");
    other.ok(&["ledger", "backup", foreign.to_str().unwrap()]);
    let refused = program.fails(1, &["ledger", "restore", foreign.to_str().unwrap()]);
    assert!(refused.contains("the backup is of agent"), "{refused}");

    let connection = rusqlite::Connection::open(&backup).unwrap();
    connection
        .execute("update lot set balance = '101'", [])
        .unwrap();
    drop(connection);
    let refused = program.fails(1, &["ledger", "restore", file]);
    assert!(refused.contains("not whole"), "{refused}");

    let mut bytes = std::fs::read(&backup).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..].fill(0x5a);
    std::fs::write(&backup, bytes).unwrap();
    program.fails(1, &["ledger", "restore", file]);

    assert_eq!(head(&program), before);
    let left = names(&program.data_dir());
    assert!(
        !left
            .iter()
            .any(|name| name.contains("candidate") || name.contains("before")),
        "{left:?}"
    );
}

#[test]
fn a_restore_that_is_killed_leaves_the_old_ledger_or_the_new_one() {
    let mut program = Program::init();
    program.start();
    receive_by_program(&program, "LOT-1");
    let backup = program.folder.path().join("backup.db");
    program.ok(&["ledger", "backup", backup.to_str().unwrap()]);
    receive_by_program(&program, "LOT-2");
    // Killed, so that the newest event is in the write-ahead log alone.
    program.signal("KILL");
    program.wait();
    let pristine = program.folder.path().join("pristine");
    copy_folder(&program.data_dir(), &pristine);

    let (mut old, mut new) = (0, 0);
    for n in 0..KILLS {
        std::fs::remove_dir_all(program.data_dir()).unwrap();
        copy_folder(&pristine, &program.data_dir());
        let mut child = Command::new(env!("CARGO_BIN_EXE_agog-edge"))
            .arg("--config")
            .arg(program.config_path())
            .args(["ledger", "restore", "--accept-loss"])
            .arg(&backup)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::park_timeout(Duration::from_millis(n * 6));
        child.kill().unwrap();
        child.wait().unwrap();
        match head(&program).head.last_seq {
            1 => new += 1,
            2 => old += 1,
            other => panic!("{other} events after a restore that was killed"),
        }
        program.ok(&["ledger", "verify"]);
    }
    assert!(old > 0 && old + new == KILLS, "{old} old, {new} new");
}

#[test]
fn a_restore_is_finished_from_each_of_its_steps() {
    let mut program = Program::init();
    program.start();
    receive_by_program(&program, "LOT-1");
    let backup = program.folder.path().join("backup.db");
    program.ok(&["ledger", "backup", backup.to_str().unwrap()]);
    receive_by_program(&program, "LOT-2");
    program.signal("KILL");
    program.wait();
    let files = ["ledger.db-wal", "ledger.db-shm", "ledger.db"];

    for moved in 0..=files.len() {
        let data = program.folder.path().join(format!("data-{moved}"));
        copy_folder(&program.data_dir(), &data);
        let kept = data.join("ledger-before-T");
        std::fs::copy(&backup, data.join("ledger.db.restored-T")).unwrap();
        for name in &files[..moved] {
            std::fs::create_dir_all(&kept).unwrap();
            std::fs::rename(data.join(name), kept.join(name)).unwrap();
        }

        assert!(restore::is_begun(&data));
        assert_eq!(restore::finish(&data).unwrap(), Some(kept.clone()));

        assert!(!restore::is_begun(&data));
        let events = |path: PathBuf| Reader::open(&path).unwrap().verify().unwrap().events;
        assert_eq!(events(data.join("ledger.db")), 1, "after {moved} files");
        assert_eq!(events(kept.join("ledger.db")), 2, "after {moved} files");
    }
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for name in names(from) {
        if from.join(&name).is_file() {
            std::fs::copy(from.join(&name), to.join(&name)).unwrap();
        }
    }
}
