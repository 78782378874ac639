//! The real program: every command, being killed, stopping, wrong configuration.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use agog_edge::api::StatusReport;
use agog_edge::ledger::{Appended, LotRow, Verification};
use agog_edge::run::Addresses;

use crate::support::*;

/// Commands that come in at once while the agent is killed.
const ASKERS: usize = 4;

#[test]
fn the_example_of_the_paper_roll_runs_through_the_command_line() {
    let mut program = Program::init();
    program.start();
    program.ok(&[
        "lot",
        "receive",
        "--number",
        "LOT-2025-001",
        "--material",
        "BOARD-300",
        "--quantity",
        "50000",
        "--unit",
        "sheet",
        "--supplier",
        "Acme Paper Co.",
        "--supplier-lot",
        "12345",
        "--location",
        "Warehouse-A, Aisle-3",
        "--quality",
        "moisture=4.2%",
        "--at",
        "2025-10-15T08:30:00Z",
        "--operator",
        "John Doe",
    ]);
    let split = program.ok(&[
        "lot",
        "split",
        "LOT-2025-001",
        "--into",
        "LOT-2025-001-A=10000",
        "--into",
        "LOT-2025-001-B=15000",
        "--into",
        "LOT-2025-001-C=20000",
        "--waste",
        "LOT-2025-001-WASTE=5000",
        "--at",
        "2025-10-16T06:00:00Z",
    ]);
    assert!(split.contains("lot.split recorded as event 2"), "{split}");
    program.ok(&[
        "lot",
        "consume",
        "LOT-2025-001-A",
        "--quantity",
        "9800",
        "--job",
        "Job-1234",
        "--order",
        "Order-5001",
        "--customer",
        "ABC Corp",
        "--device",
        "press-1",
        "--operator",
        "Jane Smith",
    ]);
    program.ok(&[
        "lot",
        "waste",
        "LOT-2025-001-A",
        "--quantity",
        "200",
        "--reason",
        "misregistration",
        "--job",
        "Job-1234",
    ]);
    program.ok(&[
        "lot",
        "produce",
        "--job",
        "Job-1234",
        "--material",
        "CARTON-A",
        "--number",
        "FG-1234",
        "--quantity",
        "9800",
        "--from",
        "LOT-2025-001-A",
    ]);
    program.ok(&["lot", "move", "LOT-2025-001-B", "--to", "Press hall"]);
    program.ok(&[
        "lot",
        "adjust",
        "LOT-2025-001-B",
        "--by",
        "-5",
        "--reason",
        "stock count",
    ]);
    program.ok(&[
        "lot",
        "hold",
        "LOT-2025-001-B",
        "--reason",
        "colour banding",
    ]);
    program.ok(&["lot", "release", "LOT-2025-001-B", "--reason", "checked"]);
    program.ok(&[
        "lot",
        "merge",
        "LOT-2025-001-B=95",
        "LOT-2025-001-C=5",
        "--number",
        "LOT-M",
    ]);
    program.ok(&[
        "lot",
        "ship",
        "FG-1234",
        "--order",
        "Order-5001",
        "--customer",
        "ABC Corp",
        "--reference",
        "DN-7",
    ]);

    let trace = program.ok(&["lot", "trace", "LOT-2025-001"]);
    for expected in [
        "received 2025-10-15 08:30 UTC from Acme Paper Co., their lot 12345",
        "consumed 9800 sheet for Job-1234 order Order-5001 customer ABC Corp on press-1 by Jane Smith",
        "FG-1234  CARTON-A  [produced]  on hand 0 piece",
        "shipped 9800 piece order Order-5001 customer ABC Corp note DN-7",
        "LOT-2025-001-WASTE  BOARD-300  [split_waste 5000 sheet]",
        "LOT-M  BOARD-300  [merged 5 sheet]",
    ] {
        assert!(
            trace.contains(expected),
            "`{expected}` is missing in\n{trace}"
        );
    }
    let back = program.ok(&["lot", "trace", "FG-1234", "--backward"]);
    assert!(back.contains("from Acme Paper Co."), "{back}");
    let list = program.ok(&["lot", "list"]);
    assert!(
        list.contains("LOT-2025-001-B      14900 sheet  BOARD-300  Press hall"),
        "{list}"
    );
    assert!(!list.contains("FG-1234"), "{list}");
    let show = program.ok(&["lot", "show", "LOT-2025-001-A"]);
    assert!(
        show.contains("from LOT-2025-001 (split, 10000 sheet)"),
        "{show}"
    );
    assert!(
        program
            .ok(&["ledger", "verify"])
            .contains("the ledger is whole")
    );
    assert!(
        program
            .ok(&["ledger", "sums"])
            .contains("BOARD-300 in sheet: received 50000")
    );
    let status: StatusReport = serde_json::from_str(&program.ok(&["--json", "status"])).unwrap();
    assert_eq!(
        (status.ledger.head_seq, status.ledger.outbox_depth),
        (11, 11)
    );
    assert!(status.running.is_some());
}

#[test]
fn what_is_refused_says_why_and_ends_with_one() {
    let mut program = Program::init();
    let message = program.fails(1, &["lot", "list"]);
    assert!(
        message.contains("the agent is not running") && message.contains("agog-edge run"),
        "{message}"
    );
    program.start();
    program.ok(&[
        "lot",
        "receive",
        "--number",
        "L 1/2",
        "--material",
        "BOARD-300",
        "--quantity",
        "10",
    ]);
    let message = program.fails(
        1,
        &["lot", "consume", "L 1/2", "--quantity", "11", "--job", "J"],
    );
    assert!(
        message.contains("lot L 1/2 holds 10 sheet, not 11 sheet"),
        "{message}"
    );
    let message = program.fails(1, &["lot", "show", "L9"]);
    assert!(
        message.contains("lot L9 is not known here (unknown-lot)"),
        "{message}"
    );
    let message = program.fails(
        1,
        &[
            "lot",
            "receive",
            "--material",
            "BORD-300",
            "--quantity",
            "1",
        ],
    );
    assert!(
        message.contains("known are: BOARD-300, CARTON-A"),
        "{message}"
    );
    program.fails(2, &["lot", "consume", "L 1/2"]);
    let forced = program.ok(&[
        "lot",
        "consume",
        "L 1/2",
        "--quantity",
        "11",
        "--job",
        "J",
        "--force",
        "one more was there",
    ]);
    assert!(
        forced.contains("note: forced on lot L 1/2: negative-stock"),
        "{forced}"
    );
}

#[test]
fn a_command_with_the_same_key_moves_once() {
    let mut program = Program::init();
    program.start();
    let receive = [
        "--json",
        "lot",
        "receive",
        "--material",
        "BOARD-300",
        "--quantity",
        "10",
        "--key",
        "k1",
    ];
    let first: Appended = serde_json::from_str(&program.ok(&receive)).unwrap();
    let again: Appended = serde_json::from_str(&program.ok(&receive)).unwrap();
    assert_eq!(first.events, again.events);
    let lots: Vec<LotRow> = serde_json::from_str(&program.ok(&["--json", "lot", "list"])).unwrap();
    assert_eq!(lots.len(), 1);
}

#[test]
fn a_wrong_configuration_ends_with_78_and_names_line_and_key() {
    let program = Program::init();
    let path = program.config_path();
    let good = std::fs::read_to_string(&path).unwrap();
    let line = good
        .lines()
        .position(|line| line.starts_with("plant_code"))
        .unwrap()
        + 1;
    std::fs::write(&path, good.replace("plant_code", "plantcode")).unwrap();
    for command in [["run"], ["check"]] {
        let message = program.fails(78, &command);
        assert!(message.contains(&format!("line {line}")), "{message}");
        assert!(message.contains("unknown field `plantcode`"), "{message}");
    }
    std::fs::write(&path, good.replace("\"HAM\"", "\"hamburg!\"")).unwrap();
    let message = program.fails(78, &["run"]);
    assert!(
        message.contains("`agent.plant_code` is `hamburg!`"),
        "{message}"
    );
    std::fs::write(&path, good.replace("\"HAM\"", "\"BER\"")).unwrap();
    let message = program.fails(1, &["run"]);
    assert!(message.contains("belongs to plant HAM"), "{message}");
}

#[test]
fn init_keeps_what_is_there_and_closes_the_folder_to_others() {
    use std::os::unix::fs::PermissionsExt as _;
    let program = Program::init();
    let before = program.ok(&["--json", "ledger", "head"]);
    let again = program.ok(&["init", "--plant-code", "BER"]);
    assert!(again.contains("was there, kept as it is"), "{again}");
    assert_eq!(program.ok(&["--json", "ledger", "head"]), before);
    let mode = |name: &str| {
        std::fs::metadata(program.folder.path().join(name))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!((mode("data"), mode("data/ledger.db")), (0o700, 0o600));
    assert!(
        program
            .ok(&["check"])
            .contains("ledger of plant HAM, 0 events")
    );
}

#[test]
fn a_second_agent_on_the_same_folder_is_refused() {
    let mut program = Program::init();
    let addresses = program.start();
    let message = program.fails(1, &["run"]);
    assert!(
        message.contains(&format!("another agog-edge (pid {})", addresses.pid)),
        "{message}"
    );
}

#[test]
fn it_is_ready_within_half_a_second_without_network_and_small() {
    let mut program = Program::init();
    let mut config = std::fs::read_to_string(program.config_path()).unwrap();
    // Addresses that never answer: nothing at the start may wait for them.
    config = config.replace(
        "# url = \"https://hub.example.com\"",
        "url = \"http://192.0.2.1:9\"",
    );
    config.push_str(
        "\n[[device]]\nid = \"press-3\"\njmf_url = \"http://192.0.2.1:8010/jmf\"\n\
         [mqtt]\nbroker = \"192.0.2.1:1883\"\n[[mqtt.topic]]\nfilter = \"plant/+/speed\"\ndevice = \"{1}\"\n",
    );
    std::fs::write(program.config_path(), config).unwrap();
    let started = Instant::now();
    let addresses = program.start();
    let ready = started.elapsed();
    // The bar of 500 ms is for the release build on a quiet machine; `make bench` measures it.
    assert!(ready < Duration::from_secs(3), "ready after {ready:?}");
    let status = std::fs::read_to_string(format!("/proc/{}/status", addresses.pid)).unwrap();
    let resident = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap();
    let kib: u64 = resident.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(kib < 60 * 1024, "{resident}");
    program.ok(&[
        "lot",
        "receive",
        "--material",
        "BOARD-300",
        "--quantity",
        "10",
    ]);
}

#[test]
fn sigterm_finishes_what_was_asked_and_removes_run_json() {
    let mut program = Program::init();
    let addresses = program.start();
    let acknowledged = Arc::new(AtomicU64::new(0));
    let askers = ask_in_a_stream(&addresses, &acknowledged);
    wait_for("some answers", || {
        (acknowledged.load(Ordering::SeqCst) > 50).then_some(())
    });
    program.signal("TERM");
    assert_eq!(program.wait(), Some(0), "{}", program.log());
    askers.join();
    assert!(!program.data_dir().join("run.json").exists());
    assert_acknowledged_is_there(&program, acknowledged.load(Ordering::SeqCst));
}

#[test]
fn a_killed_agent_has_lost_nothing_that_it_acknowledged() {
    let mut program = Program::init();
    let mut acknowledged_in_all = 0;
    for round in 1..=5 {
        let addresses = program.start();
        let acknowledged = Arc::new(AtomicU64::new(0));
        let askers = ask_in_a_stream(&addresses, &acknowledged);
        // Killed at another moment of the stream in every round.
        wait_for("some answers", || {
            (acknowledged.load(Ordering::SeqCst) > 17 * round).then_some(())
        });
        program.signal("KILL");
        program.wait();
        askers.join();
        acknowledged_in_all += acknowledged.load(Ordering::SeqCst);
        assert_acknowledged_is_there(&program, acknowledged_in_all);
    }
    program.start();
    program.ok(&[
        "lot",
        "receive",
        "--material",
        "BOARD-300",
        "--quantity",
        "10",
    ]);
}

/// Threads that post commands until the agent is gone, and count the answers.
struct Askers {
    threads: Vec<std::thread::JoinHandle<()>>,
    stop: Arc<AtomicBool>,
}

impl Askers {
    fn join(self) {
        self.stop.store(true, Ordering::SeqCst);
        for thread in self.threads {
            thread.join().unwrap();
        }
    }
}

fn ask_in_a_stream(addresses: &Addresses, acknowledged: &Arc<AtomicU64>) -> Askers {
    let stop = Arc::new(AtomicBool::new(false));
    let threads = (0..ASKERS)
        .map(|_| {
            let url = format!("{}/api/v1/lots/receive", addresses.api_url);
            let acknowledged = acknowledged.clone();
            let stop = stop.clone();
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .unwrap();
                runtime.block_on(async {
                    let http = reqwest::Client::builder().no_proxy().build().unwrap();
                    let body =
                        serde_json::json!({"material": "BOARD-300", "quantity": {"amount": "1"}});
                    while !stop.load(Ordering::SeqCst) {
                        let Ok(answer) = http.post(&url).json(&body).send().await else {
                            break;
                        };
                        // Answered means: the head of the answer has arrived.
                        assert_eq!(answer.status(), 201);
                        acknowledged.fetch_add(1, Ordering::SeqCst);
                    }
                });
            })
        })
        .collect();
    Askers { threads, stop }
}

fn assert_acknowledged_is_there(program: &Program, acknowledged: u64) {
    let found: Verification =
        serde_json::from_str(&program.ok(&["--json", "ledger", "verify"])).unwrap();
    assert_eq!(found.problems, vec![]);
    assert!(
        found.events >= acknowledged,
        "{} events, {acknowledged} acknowledged",
        found.events
    );
    let unanswered = found.events - acknowledged;
    assert!(
        unanswered <= 5 * ASKERS as u64,
        "{unanswered} events that nobody was told of"
    );
}

#[test]
fn what_was_shipped_comes_back_and_a_wrong_event_is_corrected_from_the_command_line() {
    let mut program = Program::init();
    program.start();
    let receive = [
        "lot",
        "receive",
        "--number",
        "LOT-1",
        "--material",
        "BOARD-300",
        "--quantity",
        "100",
    ];
    program.ok(&receive);
    let to = ["--order", "Order-5001", "--customer", "ABC Corp"];
    program.ok(&[&["lot", "ship", "LOT-1", "--quantity", "60"], &to[..]].concat());
    let back = [
        "lot",
        "return",
        "LOT-1",
        "--quantity",
        "20",
        "--reason",
        "wrong colour",
    ];
    let returned = program.ok(&[&["--json"], &back[..], &to[..]].concat());
    let show = program.ok(&["lot", "show", "LOT-1"]);
    assert!(
        show.contains("HELD: came back from ABC Corp: wrong colour"),
        "{show}"
    );
    assert!(
        show.contains("returned 20 sheet order Order-5001 customer ABC Corp"),
        "{show}"
    );

    let returned: serde_json::Value = serde_json::from_str(&returned).unwrap();
    let event = returned["events"][0]["event_id"].as_str().unwrap();
    let correct = ["lot", "correct", event, "--reason", "another customer's"];
    let corrected = program.ok(&correct);
    assert!(corrected.contains("LOT-1  40 sheet"), "{corrected}");
    let show = program.ok(&["lot", "show", "LOT-1"]);
    assert!(show.contains(&format!("event {event}")), "{show}");
    assert!(show.contains("lot.returned  CORRECTED"), "{show}");
    assert!(!show.contains("HELD"), "{show}");
    let again = program.fails(1, &correct);
    assert!(again.contains("was corrected by event"), "{again}");
    let verified = program.ok(&["ledger", "verify"]);
    assert!(verified.contains("the ledger is whole"), "{verified}");
    let sums = program.ok(&["ledger", "sums"]);
    assert!(sums.contains("returned 0"), "{sums}");
}
