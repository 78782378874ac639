//! Serial ports through the real program: what the command line says of them, and what an operator gets of a scan.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::pty::{Plugged, plug_in, port_name};
use crate::support::{Program, WAIT_LIMIT, text, wait_for};

fn with_serial(serial: &str) -> Program {
    let program = Program::init();
    append(&program, serial);
    program
}

fn append(program: &Program, serial: &str) {
    let file = std::fs::OpenOptions::new()
        .append(true)
        .open(program.config_path());
    file.unwrap().write_all(serial.as_bytes()).unwrap();
}

/// A running agent with a scanner and a scale that it asks.
struct Floor {
    program: Program,
    url: String,
    http: reqwest::Client,
    scanner: PathBuf,
    scale: PathBuf,
}

impl Floor {
    fn start() -> Self {
        let mut program = Program::init();
        let folder = program.folder.path();
        let (scanner, scale) = (port_name(folder, "scanner"), port_name(folder, "scale"));
        append(
            &program,
            &format!(
                "\n[[serial]]\nname = \"goods-in\"\npath = \"{}\"\nkind = \"scanner\"\n\
                 [[serial]]\nname = \"scale-1\"\npath = \"{}\"\nkind = \"scale\"\nbaud = 2400\ndata_bits = 8\n\
                 scale = {{ format = \"sics\" }}\npoll = {{ command = \"S\", every_ms = 50 }}\n",
                scanner.display(),
                scale.display()
            ),
        );
        let url = program.start().api_url;
        Self {
            program,
            url,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            scanner,
            scale,
        }
    }

    async fn get(&self, path: &str) -> Value {
        let url = format!("{}/api/v1/{path}", self.url);
        let answer = self.http.get(url).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.unwrap()
    }

    /// Waits until what is at a path is as it should be.
    async fn until(&self, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let started = Instant::now();
        let mut every = tokio::time::interval(Duration::from_millis(20));
        loop {
            every.tick().await;
            let found = self.get(path).await;
            if is_so(&found) {
                return found;
            }
            assert!(started.elapsed() < WAIT_LIMIT, "waited in vain: {found}");
        }
    }

    async fn port(&self, name: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let place = format!("/running/surroundings/serial/{name}");
        let port = |status: &Value| status.pointer(&place).cloned().unwrap_or_default();
        let status = self.until("status", |status| is_so(&port(status))).await;
        port(&status)
    }

    async fn scanner(&self, opened: u64) -> Plugged {
        let scanner = plug_in(&self.scanner);
        self.port("goods-in", |port| port["opened"] == opened).await;
        scanner
    }
}

#[tokio::test]
async fn a_scan_says_which_lot_it_is_and_moves_nothing() {
    let floor = Floor::start();
    let receive = "lot receive --number ROLL-77 --material BOARD-300 --quantity 500 --unit sheet";
    let receive: Vec<_> = receive.split(' ').collect();
    floor.program.ok(&receive);
    let head = floor.get("ledger/head").await;
    let mut scanner = floor.scanner(1).await;

    scanner
        .send("]C101040123451234561727020010ROLL-77\u{1d}3010\r")
        .await;
    scanner.send("ROLL-77\r\n").await;
    scanner.send("]C10104012345123457\r").await;
    scanner.send("(00)340123450000000017\r").await;

    let scans = floor
        .until("scans", |scans| scans.as_array().unwrap().len() == 4)
        .await;
    let [pallet, misread, plain, label] = scans.as_array().unwrap().as_slice() else {
        panic!("{scans}")
    };
    assert_eq!(pallet["scan"]["label"]["sscc"], "340123450000000017");
    assert_eq!(pallet["container"], Value::Null);
    assert_eq!(misread["scan"], Value::Null);
    assert!(misread["fault"].as_str().unwrap().contains("misread?"));
    assert_eq!(plain["scan"]["form"], "plain");
    assert_eq!(plain["device"], "goods-in");
    let said = &label["scan"];
    assert_eq!(
        said["code"],
        "(01)04012345123456(17)270200(10)ROLL-77(30)10"
    );
    assert_eq!(said["label"]["expiry"], "2027-02-28");
    assert_eq!(
        said["label"]["quantity"],
        json!({"amount": "10", "unit": "piece"})
    );
    for scan in [plain, label] {
        assert_eq!(scan["lots"][0]["lot"]["number"], "ROLL-77");
        assert_eq!(scan["lots"][0]["on_hand"]["amount"], "500");
    }
    assert_eq!(floor.get("ledger/head").await, head);
    assert_eq!(
        floor.get("scans?limit=1").await.as_array().unwrap().len(),
        1
    );
    let port = floor.port("goods-in", |_| true).await;
    assert_eq!((&port["scans"], &port["bad_lines"]), (&json!(3), &json!(1)));
    let tail = floor
        .program
        .ok(&["serial", "tail", "--port", "goods-in", "--count", "4"]);
    for words in [
        "(10) batch-lot ROLL-77",
        "expires 2027-02-28",
        "code ROLL-77",
        "BAD: AI (01) at character 19 has check digit 7, expected 6",
    ] {
        assert!(tail.contains(words), "{words} is missing in: {tail}");
    }
    let metrics = floor.http.get(format!("{}/metrics", floor.url));
    let metrics = metrics.send().await.unwrap().text().await.unwrap();
    assert!(
        metrics.contains("agog_serial_scans_total{port=\"goods-in\"} 3"),
        "{metrics}"
    );
}

#[tokio::test]
async fn ports_are_shown_as_away_and_work_again_when_the_device_is_plugged_in_again() {
    let floor = Floor::start();
    let scanner = floor.scanner(1).await;
    let mut scale = plug_in(&floor.scale);
    scale.is_asked("S\r\n").await;
    scale.send("S S    12.500 kg\r\n").await;
    let latest = floor
        .until("telemetry/latest", |latest| {
            !latest.as_array().unwrap().is_empty()
        })
        .await;
    assert_eq!(latest[0]["device"], "scale-1");
    assert_eq!(
        (&latest[0]["metric"], &latest[0]["value"]),
        (&json!("weight"), &json!(12.5))
    );

    scanner.pull_out(&floor.scanner);
    floor
        .port("goods-in", |port| port["away_since"].is_string())
        .await;
    let lines = wait_for("the name is gone", || {
        let lines = floor.program.ok(&["status"]);
        lines.contains("is it plugged in?").then_some(lines)
    });
    let line = lines.lines().find(|line| line.contains("goods-in"));
    assert!(line.unwrap().contains("AWAY for"), "{lines}");
    let mut scanner = floor.scanner(2).await;
    scanner.send("AFTER-REPLUG\r").await;

    let scans = floor
        .until("scans", |scans| !scans.as_array().unwrap().is_empty())
        .await;
    assert_eq!(scans[0]["scan"]["code"], "AFTER-REPLUG");
    let lines = floor.program.ok(&["status"]);
    assert!(lines.contains("goods-in at") && lines.contains(": open for"));
}

#[test]
fn check_explains_each_port_without_opening_it() {
    let program = with_serial(
        "\n[[serial]]\nname = \"goods-in\"\npath = \"/dev/serial/by-id/none\"\nkind = \"scanner\"\n\
         [[serial]]\nname = \"scale-1\"\npath = \"/dev/null\"\nkind = \"scale\"\nbaud = 2400\ndata_bits = 7\nparity = \"even\"\n\
         scale = { format = \"sics\" }\npoll = { command = \"SI\", every_ms = 500 }\n\
         [[serial]]\nname = \"c\"\npath = \"/dev/full\"\nkind = \"counter\"\nframing = \"stx-etx\"\n\
         counter = [{ metric = \"good\", prefix = \"C;\", column = 1, unit = \"piece\" }]\n",
    );

    let lines = program.ok(&["check"]);

    for words in [
        "serial port goods-in at /dev/serial/by-id/none, 9600 8N1, lines end with CR, LF or both: scanner goods-in: every line is a scan; the path is not there now; is it plugged in?",
        "serial port scale-1 at /dev/null, 2400 7E1, lines end with CR, LF or both: scale scale-1 writes SICS; stable weights are metric weight in kg; asked with \"SI\" every 500 ms; away when nothing comes for 10 s",
        "serial port c at /dev/full, 9600 8N1, lines from STX to ETX: counter c: metric good is column 1 behind \"C;\" (piece)",
    ] {
        assert!(lines.contains(words), "{words} is missing in: {lines}");
    }
}

#[test]
fn a_look_at_ports_needs_a_port_and_a_running_agent() {
    let program = Program::init();
    let message = program.fails(1, &["serial", "tail"]);
    assert!(
        message.contains("no serial port is configured"),
        "{message}"
    );
    append(
        &program,
        "\n[[serial]]\nname = \"goods-in\"\npath = \"/dev/none\"\nkind = \"scanner\"\n",
    );
    let message = program.fails(1, &["serial", "tail", "--port", "goods-out"]);
    assert!(message.contains("there are: goods-in"), "{message}");
    let message = program.fails(1, &["serial", "tail"]);
    assert!(message.contains("not running"), "{message}");
}

#[test]
fn the_examples_of_the_default_file_are_right() {
    let program = Program::init();
    let written = std::fs::read_to_string(program.config_path()).unwrap();
    let (_, serial) = written
        .split_once("# Scanners, scales and counters at serial ports")
        .unwrap();
    let (examples, _) = serial.split_once("\n[[material]]").unwrap();
    let lines = examples.lines().skip(1).filter_map(|line| {
        let line = line.strip_prefix("# ")?;
        // Tables, keys, and what goes on in the line after them; not the sentences.
        let is_key = |key: &str| key.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        let is_code = line.starts_with(['[', ' ', ']'])
            || line.split_once(" = ").is_some_and(|(key, _)| is_key(key));
        is_code.then_some(line)
    });
    append(
        &program,
        &format!("\n{}\n", lines.collect::<Vec<_>>().join("\n")),
    );

    let output = program.command(&["check"]);

    let lines = text(&output.stdout);
    for port in ["goods-in", "scale-1", "counter-1"] {
        assert!(
            lines.contains(&format!("serial port {port}")),
            "{lines}{}",
            text(&output.stderr)
        );
    }
}
