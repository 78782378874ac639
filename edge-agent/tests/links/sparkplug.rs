//! The Sparkplug host against pysparkplug, an implementation by others, over a real Mosquitto.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use agog_edge::health::SparkplugHealth;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::broker::Broker;
use crate::gaps::{Recorder, recorded};
use crate::mqtt::Source;
use crate::support::{TestAgent, WAIT_LIMIT, until};

fn section(port: u16) -> String {
    format!(
        "[telemetry]\nblock_ms = 20\n[[mqtt]]\nbroker = \"127.0.0.1:{port}\"\n\
         [mqtt.sparkplug]\nhost_id = \"agog-HAM\"\ngroups = [\"hall\"]\ndevice = \"{{device}}\"\nnode = \"{{node}}\"\n"
    )
}

/// Where `packaging/dev/setup.sh --for test` puts it.
fn python() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let python = root.join("target/pysparkplug/bin/python");
    assert!(
        python.exists(),
        "pysparkplug is not installed in {}; run packaging/dev/setup.sh --for test, which needs the network once",
        python.display()
    );
    python
}

/// An edge node in a process of its own.
struct EdgeNode {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    /// What it said beside its answers.
    heard: Vec<String>,
}

impl EdgeNode {
    async fn start(broker: &Broker, bd_seq: u32) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sparkplug/node.py");
        let mut child = Command::new(python())
            .arg(script)
            .args([
                &broker.open_port.to_string(),
                "hall",
                "line-1",
                &bd_seq.to_string(),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut node = Self {
            input: child.stdin.take().unwrap(),
            output: BufReader::new(child.stdout.take().unwrap()).lines(),
            child,
            heard: Vec::new(),
        };
        node.says("connected").await;
        node
    }

    /// Waits until it says this.
    async fn says(&mut self, wanted: &str) {
        if let Some(at) = self.heard.iter().position(|it| it == wanted) {
            self.heard.remove(at);
            return;
        }
        let reading = async {
            loop {
                let line = self.output.next_line().await.unwrap();
                let line = line.expect("the node runs");
                if line == wanted {
                    return;
                }
                self.heard.push(line);
            }
        };
        let in_time = tokio::time::timeout(WAIT_LIMIT, reading).await;
        in_time.unwrap_or_else(|_| panic!("the node never said {wanted}"));
    }

    async fn does(&mut self, words: &str) {
        self.input
            .write_all(format!("{words}\n").as_bytes())
            .await
            .unwrap();
        self.says("done").await;
    }

    /// Without a goodbye: the broker tells its death.
    async fn dies(mut self) {
        self.child.kill().await.unwrap();
    }
}

fn health(test: &TestAgent) -> SparkplugHealth {
    let link = &test.agent.health.snapshot().mqtt["main/sparkplug"];
    link.sparkplug.clone().unwrap_or_default()
}

async fn is(test: &TestAgent, device: &str, metric: &str, value: f64) {
    until(&format!("{metric} of {device} is {value}"), || async {
        let latest = test.telemetry.latest();
        let of_it = latest
            .iter()
            .find(|it| it.device == device && it.metric == metric)?;
        (of_it.value.to_bits() == value.to_bits()).then_some(())
    })
    .await;
}

/// A node that is born, with a device, and the agent that listens to it.
async fn born(broker: &Broker, test: &TestAgent) -> (Source, EdgeNode) {
    let mut node = EdgeNode::start(broker, 0).await;
    let source = Source::start(test).await;
    // So a node that waits for its primary host begins.
    node.says("host online").await;
    node.does("nbirth").await;
    node.does("dbirth press-3").await;
    is(test, "press-3", "Sparkplug/Online", 1.0).await;
    (source, node)
}

#[tokio::test]
async fn births_and_data_of_an_edge_node_become_samples_of_the_right_values() {
    let broker = Broker::start().await;
    let test = TestAgent::new(&section(broker.port));
    let (source, mut node) = born(&broker, &test).await;
    is(&test, "line-1", "temperature", 41.3).await;
    is(&test, "line-1", "counter", 7.0).await;
    is(&test, "press-3", "level", 4_000_000_000.0).await;
    is(&test, "press-3", "offset", -5.0).await;
    is(&test, "press-3", "on", 1.0).await;

    node.does("ndata 1 FLOAT 42.5").await;
    node.does("ddata press-3 11 INT32 -1").await;
    node.does("ddata press-3 13 BOOLEAN false").await;
    node.does("null press-3 12 UINT32").await;

    is(&test, "line-1", "temperature", 42.5).await;
    is(&test, "press-3", "speed", -1.0).await;
    is(&test, "press-3", "on", 0.0).await;
    until("null and text are counted", || async {
        let counts = health(&test).counts;
        (counts.nulls == 1 && counts.no_numbers == 1).then_some(())
    })
    .await;
    let counts = health(&test).counts;
    assert_eq!((counts.missed_messages, counts.rebirths_asked), (0, 0));
    let latest = test.telemetry.latest();
    let names: Vec<_> = latest.iter().map(|it| it.metric.as_str()).collect();
    assert!(!names.contains(&"bdSeq") && !names.contains(&"Node Control/Rebirth"));
    source.stop().await;
    node.says("host offline").await;
}

#[tokio::test]
async fn a_node_is_asked_for_its_birth_when_a_message_is_lost_or_none_is_known() {
    let broker = Broker::start().await;
    let test = TestAgent::new(&section(broker.port));
    let (source, mut node) = born(&broker, &test).await;
    node.does("lose").await;
    node.does("ddata press-3 11 INT32 9001").await;
    node.says("rebirth").await;
    is(&test, "press-3", "speed", 9001.0).await;
    until("the request is counted", || async {
        (health(&test).counts.rebirths_asked == 1).then_some(())
    })
    .await;
    source.stop().await;
    node.says("host offline").await;
    node.heard.clear();

    // An agent that starts later knows of no birth.
    let test = TestAgent::open(test.close(), &section(broker.port));
    let source = Source::start(&test).await;
    // It says so after it has subscribed.
    node.says("host online").await;
    node.does("ddata press-3 11 INT32 9002").await;
    node.says("rebirth").await;
    node.does("nbirth").await;
    node.does("dbirth press-3").await;
    node.does("ddata press-3 11 INT32 9003").await;
    is(&test, "press-3", "speed", 9003.0).await;
    source.stop().await;
}

#[tokio::test]
async fn a_node_that_dies_is_stale_with_its_devices_until_it_is_born_again() {
    let broker = Broker::start().await;
    let test = TestAgent::new(&section(broker.port));
    let (source, mut node) = born(&broker, &test).await;
    node.does("ddeath press-3").await;
    is(&test, "press-3", "Sparkplug/Online", 0.0).await;
    node.does("dbirth press-3").await;
    is(&test, "press-3", "Sparkplug/Online", 1.0).await;

    node.dies().await;

    is(&test, "line-1", "Sparkplug/Online", 0.0).await;
    is(&test, "press-3", "Sparkplug/Online", 0.0).await;
    until("the node is shown as away", || async {
        let nodes = health(&test).nodes;
        let node = nodes.get("hall/line-1")?;
        (!node.online && node.devices_online == 0).then_some(())
    })
    .await;
    let mut node = EdgeNode::start(&broker, 1).await;
    node.does("nbirth").await;
    node.does("dbirth press-3").await;
    is(&test, "press-3", "Sparkplug/Online", 1.0).await;
    // What was measured while nobody listened.
    node.does("history press-3 11 INT32 8000 1760000000000")
        .await;
    node.does("ddata press-3 11 INT32 9005").await;
    is(&test, "press-3", "speed", 9005.0).await;
    assert_eq!(health(&test).counts.missed_messages, 0);
    source.stop().await;
}

#[tokio::test]
async fn a_broker_that_was_restarted_gets_the_state_of_the_host_again_and_nodes_are_born_again() {
    let mut broker = Broker::start().await;
    let test = TestAgent::new(&section(broker.port));
    let (source, node) = born(&broker, &test).await;
    node.dies().await;
    is(&test, "line-1", "Sparkplug/Online", 0.0).await;
    let heard = test.agent.health.snapshot().mqtt["main/sparkplug"].messages;
    broker.kill();
    broker.restart().await;

    let mut node = EdgeNode::start(&broker, 1).await;

    node.says("host online").await;
    // It hears its own state when it has subscribed.
    until("the agent is back", || async {
        let link = &test.agent.health.snapshot().mqtt["main/sparkplug"];
        (link.connections == 2 && link.messages > heard).then_some(())
    })
    .await;
    until("the node is shown as away", || async {
        let nodes = health(&test).nodes;
        (!nodes.get("hall/line-1")?.online).then_some(())
    })
    .await;
    node.does("nbirth").await;
    is(&test, "line-1", "Sparkplug/Online", 1.0).await;
    source.stop().await;
}

#[tokio::test]
async fn values_of_a_node_that_cannot_be_stored_are_a_gap() {
    let broker = Broker::start().await;
    let test = TestAgent::new(&section(broker.port));
    let (source, mut node) = born(&broker, &test).await;
    let recorder = Recorder::start(&test);
    let blocker = rusqlite::Connection::open(test.data_dir().join("telemetry.db")).unwrap();
    blocker.execute_batch("begin immediate").unwrap();

    node.does("ddata press-3 11 INT32 9001").await;

    until("the loss is recorded", || async {
        (!recorded(&test).await.is_empty()).then_some(())
    })
    .await;
    drop(blocker);
    source.stop().await;
    recorder.stop().await;
    // With it what was on its way before.
    let gaps = recorded(&test).await;
    let lost: u64 = gaps.iter().map(|gap| gap.count).sum();
    let stored = test.stored_values().await.len() as u64;
    let told = test.agent.health.snapshot().mqtt["main/sparkplug"].samples;
    assert_eq!(lost + stored, told, "{gaps:?}");
    let lost = "values of Sparkplug nodes could not be stored";
    assert!(gaps.iter().all(|gap| gap.reason == lost), "{gaps:?}");
}
