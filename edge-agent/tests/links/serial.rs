//! Scanners, scales and counters at pseudo-terminals.

use std::path::PathBuf;
use std::time::Duration;

use agog_edge::health::PortHealth;
use agog_edge::ingest::serial::{self, Lines};
use agog_edge::lifecycle::Stop;
use tempfile::TempDir;

use crate::gaps::{Recorder, recorded};
use crate::mqtt::has_values;
use crate::pty::{Plugged, plug_in, port_name};
use crate::support::{TestAgent, until};

/// An agent with one port, and a device at it.
struct Bench {
    test: TestAgent,
    stop: Stop,
    task: tokio::task::JoinHandle<anyhow::Result<()>>,
    name: PathBuf,
    _folder: TempDir,
}

impl Bench {
    /// Starts without a device.
    fn start(section: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let name = port_name(folder.path(), "device");
        let test = TestAgent::new(&format!(
            "[[serial]]\nname = \"port\"\ndevice = \"floor-1\"\npath = \"{}\"\n{section}",
            name.display()
        ));
        let stop = Stop::new();
        let run = serial::run(
            test.agent.clone(),
            test.telemetry.clone(),
            Lines::default(),
            stop.clone(),
        );
        Self {
            test,
            stop,
            task: tokio::spawn(run),
            name,
            _folder: folder,
        }
    }

    async fn with_device(section: &str) -> (Self, Plugged) {
        let bench = Self::start(section);
        let device = bench.plug_in().await;
        (bench, device)
    }

    /// Plugs a device in and waits until the agent has opened its port.
    async fn plug_in(&self) -> Plugged {
        let opened = self.health().opened;
        let device = plug_in(&self.name);
        self.wait("the port is opened", |port| {
            port.opened > opened && port.open_since.is_some()
        })
        .await;
        device
    }

    fn health(&self) -> PortHealth {
        let ports = self.test.agent.health.snapshot().serial;
        ports.get("port").cloned().unwrap_or_default()
    }

    async fn wait(&self, what: &str, is_so: impl Fn(&PortHealth) -> bool) -> PortHealth {
        until(what, || async { Some(self.health()).filter(&is_so) }).await
    }

    /// The values of all samples, once there are so many.
    async fn values(&self, count: usize) -> Vec<f64> {
        has_values(&self.test, count).await;
        self.test.stored_values().await
    }

    async fn stop(self) -> TestAgent {
        self.stop.begin();
        self.task.await.unwrap().unwrap();
        self.test
    }
}

const POLLED: &str =
    "kind = \"scale\"\nscale = { format = \"sics\" }\npoll = { command = \"SI\", every_ms = 50 }\n";
const CONTINUOUS: &str = "kind = \"scale\"\nscale = { format = \"and\" }\n";

#[tokio::test]
async fn a_scale_that_is_asked_gives_stable_weights_in_kilograms() {
    let (bench, mut scale) = Bench::with_device(POLLED).await;
    for answer in [
        "S D      99.87 g\r\n",
        "S S     100.00 g\r\n",
        "S I\r\n",
        "S S     250.50 g\r\n",
    ] {
        scale.is_asked("SI\r\n").await;
        scale.send(answer).await;
    }
    assert_eq!(bench.values(2).await, [0.1, 0.2505]);
    let latest = bench.test.telemetry.latest();
    assert_eq!(
        (latest[0].device.as_str(), latest[0].metric.as_str()),
        ("floor-1", "weight")
    );
    assert_eq!(latest[0].unit.as_deref(), Some("kg"));
    let port = bench.health();
    assert_eq!((port.lines, port.samples, port.unused_lines), (4, 2, 2));
    assert_eq!(port.bad_lines, 0);
    bench.stop().await;
}

#[tokio::test]
async fn a_scale_that_sends_by_itself_says_what_is_stable_and_what_is_too_much() {
    let (bench, mut scale) = Bench::with_device(CONTINUOUS).await;
    scale
        .send("US,GS,+00110.0kg\r\nST,GS,+00123.4kg\r\nOL,GS,+\r\nST,NT,-00000.5kg\r\n")
        .await;
    assert_eq!(bench.values(2).await, [123.4, -0.5]);
    let port = bench.health();
    assert_eq!(port.unused_lines, 2);
    assert_eq!(port.last_unused.as_deref(), Some("overload"));
    bench.stop().await;
}

#[tokio::test]
async fn continuous_output_of_fixed_length_is_read() {
    let section = "kind = \"scale\"\nscale = { format = \"mt-continuous\", stable_only = false, metric = \"net\" }\n";
    let (bench, mut scale) = Bench::with_device(section).await;
    // Two decimals, kg; the second one in motion.
    scale.send(b"\x0240 012345000000\r").await;
    scale.send(b"\x0248 ").await;
    scale.send(b"000150000000\r").await;
    assert_eq!(bench.values(2).await, [123.45, 1.5]);
    assert_eq!(bench.test.telemetry.latest()[0].metric, "net");
    bench.stop().await;
}

#[tokio::test]
async fn a_counter_gives_the_numbers_of_its_lines() {
    let section = "kind = \"counter\"\nframing = \"stx-etx\"\n\
         counter = [{ metric = \"good\", prefix = \"C;\", column = 0, delimiter = \";\", unit = \"piece\" }, \
                    { metric = \"waste\", prefix = \"C;\", column = 1, delimiter = \";\" }]\n";
    let (bench, mut counter) = Bench::with_device(section).await;
    counter.send("\u{2}C;1200;7\u{3}\u{2}C;1201;8\u{3}").await;
    assert_eq!(bench.values(4).await.len(), 4);
    let latest = bench.test.telemetry.latest();
    let latest: Vec<_> = latest
        .iter()
        .map(|it| (it.metric.as_str(), it.value))
        .collect();
    assert_eq!(latest, [("good", 1_201.0), ("waste", 8.0)]);
    bench.stop().await;
}

#[tokio::test]
async fn a_scale_that_sends_plain_numbers_all_the_time_is_read() {
    let section = "kind = \"scale\"\nscale = { format = \"plain\", unit = \"kg\" }\n";
    let (bench, mut scale) = Bench::with_device(section).await;
    // It sends all the time, so one line is on its way when the port is opened.
    let mut every = tokio::time::interval(Duration::from_millis(20));
    while bench.health().samples == 0 {
        every.tick().await;
        scale.send("45.2\r\n").await;
    }
    let port = bench.health();
    assert!(port.unused_lines <= 1, "{port:?}");
    assert_eq!(bench.values(1).await.first(), Some(&45.2));
    bench.stop().await;
}

#[tokio::test]
async fn a_device_that_is_unplugged_is_away_and_works_when_it_is_plugged_in_again() {
    let bench = Bench::start(CONTINUOUS);
    let port = bench
        .wait("the port is known to be away", |port| {
            port.last_failure.is_some()
        })
        .await;
    assert!(port.last_failure.unwrap().contains("is it plugged in?"));
    let mut scale = bench.plug_in().await;
    scale.send("ST,GS,+00001.0kg\r\n").await;
    has_values(&bench.test, 1).await;

    scale.pull_out(&bench.name);
    let port = bench
        .wait("the device is away", |port| port.away_since.is_some())
        .await;
    assert!(port.open_since.is_none() && port.last_failure.is_some());
    let mut scale = bench.plug_in().await;
    scale.send("ST,GS,+00002.0kg\r\n").await;

    assert_eq!(bench.values(2).await, [1.0, 2.0]);
    let port = bench.health();
    assert_eq!((port.opened, port.last_failure), (2, None));
    bench.stop().await;
}

#[tokio::test]
async fn a_scale_that_does_not_answer_is_away_until_it_does() {
    let (bench, mut scale) = Bench::with_device(&format!("{POLLED}silent_s = 1\n")).await;
    let port = bench
        .wait("the silence is noticed", |port| port.away_since.is_some())
        .await;
    assert_eq!(
        port.last_failure.as_deref(),
        Some("nothing came for 1 s; is the device on?")
    );
    // Until the port is opened again, nobody hears it.
    let mut every = tokio::time::interval(Duration::from_millis(20));
    while bench.health().samples == 0 {
        every.tick().await;
        let port = bench.health();
        assert!(port.away_since.is_some() || port.lines > 0, "{port:?}");
        scale.send("S S      1.000 kg\r\n").await;
    }
    let port = bench.health();
    assert_eq!((port.opened, port.away_since), (2, None));
    assert_eq!(bench.values(1).await.first(), Some(&1.0));
    bench.stop().await;
}

#[tokio::test]
async fn garbage_and_lines_without_end_are_counted_and_the_next_line_is_read() {
    let (bench, mut scale) = Bench::with_device(CONTINUOUS).await;
    scale.send(b"\xff\xfe\x00\x81\r\nhello\r\n").await;
    for _ in 0..40 {
        scale.send([b'7'; 1_024]).await;
    }
    scale.send("\r\nST,GS,+00003.0kg\r\n").await;
    assert_eq!(bench.values(1).await, [3.0]);
    let port = bench.health();
    assert_eq!((port.lines, port.bad_lines), (4, 3));
    assert!(port.last_bad.unwrap().contains("longer than 8192 bytes"));
    bench.stop().await;
}

#[tokio::test]
async fn samples_wait_while_the_disk_fails_and_those_without_room_are_a_gap_in_the_ledger() {
    const SENT: usize = 3_000;
    let (bench, mut scale) = Bench::with_device(CONTINUOUS).await;
    let recorder = Recorder::start(&bench.test);
    // Somebody else holds the file, so nothing can be stored.
    let blocker = rusqlite::Connection::open(bench.test.data_dir().join("telemetry.db")).unwrap();
    blocker.execute_batch("begin immediate").unwrap();
    for n in 0..SENT {
        scale.send(format!("ST,GS,+{n:07.1}kg\r\n")).await;
    }
    let port = bench
        .wait("everything was heard", |port| {
            port.samples >= SENT as u64 && port.lost_samples > 0
        })
        .await;
    blocker.execute_batch("rollback").unwrap();
    let stored = SENT - usize::try_from(port.lost_samples).unwrap();
    assert_eq!(bench.values(stored).await.len(), stored);

    let test = bench.stop().await;
    recorder.stop().await;
    let gaps = recorded(&test).await;
    let counts = gaps.iter().map(|gap| {
        assert_eq!(
            gap.reason,
            "serial port port sent more than could be stored"
        );
        gap.count
    });
    assert_eq!(counts.sum::<u64>(), port.lost_samples);
}
