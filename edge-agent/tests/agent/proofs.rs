//! `ledger verify`: whatever is changed in the file is found, and named.

use agog_edge::ledger::Verification;

use crate::support::*;

/// A ledger with movements of each sort, closed.
fn recorded() -> Program {
    let mut program = Program::init();
    program.start();
    for line in [
        "receive --number R --material BOARD-300 --quantity 1000",
        "split R --into A=100 --into B=200",
        "hold A --reason banding",
        "consume B --quantity 50 --job J-1",
        "produce --job J-1 --material CARTON-A --number C --quantity 40",
        "waste B --quantity 5 --reason torn",
    ] {
        let mut arguments = vec!["lot"];
        arguments.extend(line.split(' '));
        program.ok(&arguments);
    }
    program.signal("TERM");
    assert_eq!(program.wait(), Some(0));
    program
}

#[test]
fn every_change_of_the_file_is_found_and_the_event_to_blame_is_named() {
    let program = recorded();
    let copy = program.folder.path().join("copy.db");
    let file = copy.to_str().unwrap();
    let verify = ["ledger", "verify", "--json", "--file", file];
    program.ok(&["ledger", "backup", file]);
    let whole: Verification = serde_json::from_str(&program.ok(&verify)).unwrap();
    assert_eq!((whole.events, whole.lots, whole.problem_count), (6, 4, 0));
    let good = std::fs::read(&copy).unwrap();

    for (sql, event, says) in [
        (
            "update event set payload = replace(payload, '1000', '1001') where seq = 1",
            Some(1),
            "hashes to",
        ),
        (
            "update event set occurred_at = occurred_at + 1 where seq = 3",
            Some(3),
            "hashes to",
        ),
        (
            "update event set actor = '{}' where seq = 4",
            Some(4),
            "malformed",
        ),
        (
            "update event set prev_hash = zeroblob(32) where seq = 4",
            Some(4),
            "as the hash before it",
        ),
        (
            "delete from event where seq = 2",
            Some(2),
            "event 2 is missing",
        ),
        (
            "delete from event where seq = 6",
            Some(6),
            "event 6 was committed",
        ),
        (
            "update meta set head_seq = 5",
            Some(5),
            "event 5 was committed",
        ),
        (
            "update lot_entry set delta = '-51' where bucket = 'consumed'",
            Some(4),
            "entries of event 4",
        ),
        (
            "delete from lot_entry where bucket = 'wasted'",
            Some(6),
            "entries of event 6",
        ),
        (
            "update lot_use set job = 'J-2' where kind = 'consumed'",
            Some(4),
            "uses of event 4",
        ),
        (
            "delete from lot_edge where kind = 'produced'",
            Some(5),
            "edges of event 5",
        ),
        (
            "update lot_edge set quantity = '7' where kind = 'split'",
            None,
            "edges of event",
        ),
        ("update lot_hold set released_at = 1", Some(2), "of lot"),
        (
            "update lot set balance = '146' where number = 'B'",
            Some(6),
            "events say 145",
        ),
        (
            "update lot set balance = '146' where number = 'B'",
            None,
            "books of BOARD-300",
        ),
        (
            "update lot set made_by_job = 'J-2' where number = 'C'",
            Some(5),
            "lot C",
        ),
    ] {
        std::fs::write(&copy, &good).unwrap();
        let changed = rusqlite::Connection::open(&copy)
            .unwrap()
            .execute(sql, [])
            .unwrap();
        assert!(changed > 0, "{sql}");

        let output = program.command(&verify);

        assert_eq!(output.status.code(), Some(1), "{sql}");
        let found: Verification = serde_json::from_slice(&output.stdout).unwrap();
        let named = found.problems.iter().any(|problem| {
            problem.what.contains(says) && (event.is_none() || problem.seq == event)
        });
        assert!(named, "{sql}: {:?}", found.problems);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_is_proven_while_it_is_written() {
    let test = TestLedger::new();
    for n in 0..50 {
        test.lot(receive(&format!("LOT-{n}"), 10)).await.unwrap();
    }
    let ledger = test.ledger.clone();
    let proofs = tokio::spawn(async move {
        for _ in 0..10 {
            let found = ledger
                .read(agog_edge::ledger::Reader::verify)
                .await
                .unwrap();
            assert_eq!(found.problems, vec![]);
            assert!(found.events >= 50);
        }
    });
    let mut n = 50;
    while !proofs.is_finished() {
        test.lot(receive(&format!("LOT-{n}"), 10)).await.unwrap();
        n += 1;
    }
    proofs.await.unwrap();
    test.assert_whole(n).await;
}
