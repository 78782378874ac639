//! What machines write, from a real Mosquitto into the buffer; and what nobody can read.

use crate::broker::Broker;
use crate::mqtt::{Source, has_values};
use crate::support::{TestAgent, until};

const FORMS: &str = r#"
[[mqtt.topic]]
filter = "json/+"
device = "{1}"
time = "/t"
time_format = "unix-s"
metrics = [
  { metric = "speed", value = "/speed", unit = "sheets/h" },
  { metric = "state", value = "/state", values = { running = 1, stopped = 0 } },
]

[[mqtt.topic]]
filter = "batch/+"
device = "{/machine}"
metric = "{/name}"
each = "/readings"
value = "/v"
time = "/t"

[[mqtt.topic]]
filter = "csv/+"
device = "{1}"
time = "at"
time_format = "%d.%m.%Y %H:%M:%S"
time_zone = "CET-1CEST,M3.5.0,M10.5.0/3"
csv = { delimiter = ";", header = true, decimal_comma = true }

[[mqtt.topic]]
filter = "plain/+/+"
device = "{1}"
metric = "{2}"
scale = 0.1
unit = "kg"
values = { EMPTY = 0 }
"#;

fn section(port: u16, more: &str) -> String {
    format!(
        "[telemetry]\nblock_ms = 20\n[[mqtt]]\nname = \"gateway\"\nbroker = \"127.0.0.1:{port}\"\n{more}\n{FORMS}"
    )
}

async fn subscribed(test: &TestAgent, broker: &Broker) {
    until("the subscription works", || async {
        broker.publish(&[("plain/x/ready", "not ready")]).await;
        (test.agent.health.snapshot().mqtt["gateway"].messages > 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn every_form_of_payload_becomes_samples_with_their_times_and_units() {
    let broker = Broker::start().await;
    let test = TestAgent::new(&section(broker.port, ""));
    let source = Source::start(&test).await;
    subscribed(&test, &broker).await;

    broker
        .publish(&[
            ("json/press-1", r#"{"t": 1760624400, "speed": 9000, "state": "running"}"#),
            ("batch/gw", r#"{"machine": "gluer-1", "t": "2025-10-16T14:20:00Z", "readings": [{"name": "heat", "v": 41.5}, {"name": "on", "v": true}]}"#),
            ("csv/slitter-1", "at;web;meters\r\n16.10.2025 16:20:00;12,5;1000\r\n"),
            ("plain/scale-1/weight", "125"),
            ("plain/scale-2/weight", "EMPTY"),
        ])
        .await;

    has_values(&test, 8).await;
    let mut said: Vec<_> = test
        .telemetry
        .latest()
        .iter()
        .map(|it| {
            let unit = it.unit.as_deref().unwrap_or("-");
            let at = if it.device.starts_with("scale") {
                "on arrival".to_owned()
            } else {
                it.at.to_string()
            };
            format!("{} {} {} {unit} {at}", it.device, it.metric, it.value)
        })
        .collect();
    said.sort();
    assert_eq!(
        said,
        [
            "gluer-1 heat 41.5 - 2025-10-16T14:20:00Z",
            "gluer-1 on 1 - 2025-10-16T14:20:00Z",
            "press-1 speed 9000 sheets/h 2025-10-16T14:20:00Z",
            "press-1 state 1 - 2025-10-16T14:20:00Z",
            "scale-1 weight 12.5 kg on arrival",
            "scale-2 weight 0 kg on arrival",
            "slitter-1 meters 1000 - 2025-10-16T14:20:00Z",
            "slitter-1 web 12.5 - 2025-10-16T14:20:00Z",
        ]
    );
    source.stop().await;
}

#[tokio::test]
async fn bad_and_too_large_messages_are_counted_by_topic_and_hold_up_nothing() {
    let broker = Broker::start().await;
    let test = TestAgent::new(&section(broker.port, "message_kib_max = 64"));
    let source = Source::start(&test).await;
    subscribed(&test, &broker).await;
    let large = format!(
        "{{\"speed\": 1, \"t\": 1, \"x\": \"{}\"}}",
        "x".repeat(3 * 1024 * 1024)
    );

    broker
        .publish(&[
            ("json/press-1", "{\"speed\":"),
            ("json/press-1", r#"{"t": "noon", "speed": 1}"#),
            ("json/press-2", &large),
            ("batch/gw", "[1, 2, 3]"),
            (
                "json/press-3",
                r#"{"t": 1760624400, "speed": 9000, "state": "?"}"#,
            ),
            ("plain/scale-1/weight", "125"),
        ])
        .await;

    has_values(&test, 2).await;
    let link = &test.agent.health.snapshot().mqtt["gateway"];
    let bad = |topic: &str| &link.bad_topics[topic];
    // The newest of them, as it was sent.
    let of_press = bad("json/press-1");
    assert_eq!((of_press.count, of_press.bytes), (2, 25));
    assert_eq!(of_press.reason, "/t is not a time as it is expected");
    assert_eq!(of_press.payload, r#"{"t": "noon", "speed": 1}"#);
    let of_large = bad("json/press-2");
    assert!(
        of_large.count == 1 && of_large.reason.contains("larger than `message_kib_max`"),
        "{}",
        of_large.reason
    );
    assert_eq!(of_large.bytes, large.len());
    assert_eq!(of_large.payload, large[..200]);
    assert_eq!((bad("batch/gw").count, bad("json/press-3").count), (1, 1));
    assert!(link.connected && link.connections == 1);
    // Everything was acknowledged: nothing of it comes again.
    source.stop().await;
    let before = link.messages;
    let test = TestAgent::open(test.close(), &section(broker.port, ""));
    let source = Source::start(&test).await;
    broker.publish(&[("plain/scale-1/weight", "126")]).await;
    has_values(&test, 3).await;
    let after = test.agent.health.snapshot().mqtt["gateway"].messages;
    assert!(before >= 6 && after == 1, "{before} and {after}");
    source.stop().await;
}
