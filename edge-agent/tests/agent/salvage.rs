//! Damaged ledgers on real files: the agent writes no more to one, and what is left of it is saved, with the loss stated.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use agog_edge::ledger::salvage::SalvageReport;
use agog_edge::ledger::{Reader, Verification};
use agog_sync::event::Envelope;

use crate::support::*;

const PAGE: usize = 4_096;

/// Events enough that they fill many pages.
const EVENTS: u64 = 400;

/// A ledger of a stopped agent with [`EVENTS`] receipts, and a backup after the first `backed_up`.
fn recorded(backed_up: u64) -> (Program, Vec<Envelope>, PathBuf) {
    let program = Program::init();
    let path = program.data_dir().join("ledger.db");
    let backup = program.folder.path().join("backup.db");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let events = runtime.block_on(async {
        let (ledger, thread) = open_ledger(&path);
        for n in 1..=EVENTS {
            ledger
                .append(append(receive(&format!("LOT-{n}"), 100)))
                .await
                .unwrap();
            if n == backed_up {
                let to = backup.to_str().unwrap().to_owned();
                program.ok(&["ledger", "backup", &to]);
            }
        }
        let events = ledger.outbox_after(1, 0, 1_000, usize::MAX).await.unwrap();
        drop(ledger);
        thread.join();
        events
    });
    drop(runtime);
    (program, events, backup)
}

/// Writes over some pages of a file.
fn overwrite(path: &Path, pages: std::ops::Range<u64>) {
    let file = OpenOptions::new().write(true).open(path).unwrap();
    for page in pages {
        file.write_all_at(&[0xa5; PAGE], page * PAGE as u64)
            .unwrap();
    }
}

/// The pages of a file on which there is some text.
fn pages_with(path: &Path, text: &str) -> BTreeSet<u64> {
    let bytes = std::fs::read(path).unwrap();
    let has = |page: &[u8]| page.windows(text.len()).any(|at| at == text.as_bytes());
    (0..)
        .zip(bytes.chunks(PAGE))
        .filter(|(_, page)| has(page))
        .map(|(page, _)| page)
        .collect()
}

fn salvage(program: &Program, arguments: &[&str]) -> SalvageReport {
    let command = [&["ledger", "salvage", "--json"], arguments].concat();
    let report = program.ok(&command);
    let verified = program.ok(&["ledger", "verify", "--json"]);
    let verified: Verification = serde_json::from_str(&verified).unwrap();
    assert_eq!(verified.problems, vec![]);
    serde_json::from_str(&report).unwrap()
}

/// The facts of the ledger, by the ids of their events.
fn facts(program: &Program) -> BTreeSet<String> {
    let file = rusqlite::Connection::open(program.data_dir().join("ledger.db")).unwrap();
    let mut query = file.prepare("select event_id from event").unwrap();
    let ids = query.query_map([], |row| row.get(0)).unwrap();
    ids.collect::<Result<_, _>>().unwrap()
}

fn ids<'e>(events: impl IntoIterator<Item = &'e Envelope>) -> BTreeSet<String> {
    let id = |event: &Envelope| event.event_id.to_string();
    events.into_iter().map(id).collect()
}

#[test]
fn a_ledger_without_its_first_page_is_saved_whole_out_of_its_other_pages() {
    let (program, events, _) = recorded(0);
    let path = program.data_dir().join("ledger.db");
    overwrite(&path, 0..1);
    // Whose ledger it is, the row on another page says; nobody enrolled it.
    let refused = program.fails(65, &["run"]);
    assert!(refused.contains("agog-edge ledger salvage"), "{refused}");
    let refused = program.fails(65, &["status"]);
    assert!(refused.contains("the ledger is damaged"), "{refused}");

    let report = salvage(&program, &[]);

    assert!(!report.was_whole);
    assert_eq!(
        (report.found, report.added, report.sealed_again),
        (EVENTS, EVENTS, 0)
    );
    assert_eq!(facts(&program), ids(&events));
    assert!(report.loss.end_known);
    assert_eq!(report.loss.epochs, []);
    assert_eq!(report.contents.epoch, 2);
    let kept = report.kept.unwrap();
    assert!(kept.join("ledger.db").exists());
    let text = program.command(&["status"]);
    assert!(String::from_utf8_lossy(&text.stdout).contains("salvaged"));
}

#[test]
fn events_on_pages_that_are_gone_are_stated_and_those_behind_them_are_sealed_again() {
    let (program, events, backup) = recorded(100);
    let path = program.data_dir().join("ledger.db");
    // Every page on which the rows of some events are, in the tables and the indexes.
    let lost = &events[199..202];
    let mut pages = BTreeSet::new();
    for event in lost {
        let hash = event.hash.as_bytes();
        let bytes = std::fs::read(&path).unwrap();
        for (page, content) in (0..).zip(bytes.chunks(PAGE)) {
            if content.windows(32).any(|at| at == hash) {
                pages.insert(page);
            }
        }
    }
    for page in &pages {
        overwrite(&path, *page..page + 1);
    }

    let report = salvage(&program, &["--backup", backup.to_str().unwrap()]);

    assert_eq!(report.backup.as_deref(), Some(&*backup));
    let [told] = &report.loss.epochs[..] else {
        panic!("{:?}", report.loss);
    };
    assert_eq!(
        (told.epoch, told.known_end, told.is_final),
        (1, EVENTS, false)
    );
    let missing: Vec<u64> = told
        .ranges
        .iter()
        .flat_map(|(first, last)| *first..=*last)
        .collect();
    assert_eq!(missing.len() as u64, told.missing);
    for seq in 200..=202 {
        assert!(missing.contains(&seq), "{:?}", told.ranges);
    }
    // Exactly what is not stated to be missing is here.
    let here = events.iter().filter(|event| !missing.contains(&event.seq));
    assert_eq!(facts(&program), ids(here));
    assert!(report.sealed_again > 150, "{report:?}");
    assert!(
        missing.len() < 20,
        "a few pages hold a few events: {missing:?}"
    );
    let shown = program.command(&["status"]);
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(text.contains("unless the hub has them"), "{text}");
}

#[test]
fn of_a_ledger_that_was_cut_in_half_the_first_half_and_the_backup_are_saved() {
    let (program, events, backup) = recorded(100);
    let path = program.data_dir().join("ledger.db");
    let length = path.metadata().unwrap().len();
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(length / 2 + 100).unwrap();
    drop(file);

    let report = salvage(&program, &["--backup", backup.to_str().unwrap()]);

    let loss = &report.loss.epochs[0];
    let missing: BTreeSet<u64> = loss
        .ranges
        .iter()
        .flat_map(|(first, last)| *first..=*last)
        .collect();
    assert!(missing.iter().all(|seq| *seq > 100), "{:?}", loss.ranges);
    // The row that says where it ended is on a page that is still there.
    assert!(report.loss.end_known);
    assert_eq!(loss.known_end, EVENTS);
    let here = events.iter().filter(|event| !missing.contains(&event.seq));
    assert_eq!(facts(&program), ids(here));
}

#[test]
fn a_running_agent_that_meets_a_damaged_page_stops_and_stays_stopped_until_the_ledger_is_salvaged()
{
    let (mut program, _, _) = recorded(0);
    let path = program.data_dir().join("ledger.db");
    program.start();
    // The pages of lots are damaged below the running agent; those of the start are not met again.
    let pages = pages_with(&path, "LOT-39");
    for page in &pages {
        overwrite(&path, *page..page + 1);
    }

    let mut refused = String::new();
    for n in (1..=EVENTS).rev() {
        let lot = format!("LOT-{n}");
        let output =
            program.command(&["lot", "waste", &lot, "--quantity", "1", "--reason", "test"]);
        if !output.status.success() {
            refused = text(&output.stderr);
            break;
        }
    }

    assert!(refused.contains("damaged"), "{refused}");
    assert_eq!(program.wait(), Some(65), "{}", program.log());
    let again = program.fails(65, &["run"]);
    assert!(again.contains("ledger salvage"), "{again}");
    let bytes = std::fs::read(&path).unwrap();
    let report = salvage(&program, &[]);
    let kept = report.kept.unwrap().join("ledger.db");
    assert!(
        std::fs::read(kept).unwrap() == bytes,
        "it was written to after all"
    );
    program.start();
    program.ok(&["status"]);
}

#[test]
fn a_mark_on_a_ledger_that_is_whole_is_taken_away() {
    let (mut program, _, _) = recorded(0);
    std::fs::write(
        program.data_dir().join("ledger.damaged"),
        "disk I/O error\n",
    )
    .unwrap();
    program.fails(65, &["run"]);

    let report = salvage(&program, &[]);

    assert!(report.was_whole);
    assert_eq!(report.kept, None);
    program.start();
    program.ok(&["status"]);
}

#[test]
fn nothing_is_salvaged_under_a_running_agent_and_of_nobody() {
    let mut program = Program::init();
    program.start();
    let refused = program.fails(1, &["ledger", "salvage"]);
    assert!(refused.contains("another agog-edge"), "{refused}");
    program.signal("TERM");
    program.wait();
    std::fs::write(program.data_dir().join("ledger.db"), vec![0xa5; 65_536]).unwrap();
    let refused = program.fails(1, &["ledger", "salvage"]);
    assert!(refused.contains("nothing says whose ledger"), "{refused}");
    assert!(program.data_dir().join("ledger.db").exists());
    let reader = Reader::open(&program.data_dir().join("ledger.db"));
    assert!(reader.is_err() || reader.unwrap().position().is_err());
}
