//! MQTT against a real Mosquitto: acknowledged after the commit, and nothing lost over restarts.

use agog_edge::ingest::mqtt;
use agog_edge::lifecycle::Stop;

use crate::broker::{Broker, publish};
use crate::support::{TestAgent, until};

pub(crate) fn section(port: u16) -> String {
    format!(
        "[telemetry]\nblock_ms = 20\n[mqtt]\nbroker = \"127.0.0.1:{port}\"\n\
         [[mqtt.topic]]\nfilter = \"plant/+/+\"\ndevice = \"{{1}}\"\nmetric = \"{{2}}\"\n\
         value = \"/value\"\ntime = \"/time\"\nunit = \"sheets/h\"\n"
    )
}

fn readings(from: i64, count: i64) -> Vec<(String, String)> {
    (from..from + count)
        .map(|n| {
            let time = 1_760_000_000_000_i64 + n * 1_000;
            (
                "plant/press-3/speed".to_owned(),
                format!("{{\"value\":{n},\"time\":{time}}}"),
            )
        })
        .collect()
}

pub(crate) struct Source {
    stop: Stop,
    task: tokio::task::JoinHandle<anyhow::Result<()>>,
}

impl Source {
    pub(crate) async fn start(test: &TestAgent) -> Self {
        let source = Self::begin(test);
        connected(test).await;
        source
    }

    /// Without waiting for a connection.
    pub(crate) fn begin(test: &TestAgent) -> Self {
        let stop = Stop::new();
        let source = mqtt::run(test.agent.clone(), test.telemetry.clone(), stop.clone());
        let task = tokio::spawn(source);
        Self { stop, task }
    }

    pub(crate) async fn stop(self) {
        self.stop.begin();
        self.task.await.unwrap().unwrap();
    }
}

pub(crate) async fn connected(test: &TestAgent) {
    until("the broker is connected", || async {
        let brokers = test.agent.health.snapshot().mqtt;
        let all = !brokers.is_empty() && brokers.values().all(|it| it.connected);
        all.then_some(())
    })
    .await;
}

pub(crate) async fn has_values(test: &TestAgent, count: usize) {
    until("the samples are stored", || async {
        (test.stored_values().await.len() >= count).then_some(())
    })
    .await;
}

pub(crate) fn numbers(count: i32) -> Vec<f64> {
    (0..count).map(f64::from).collect()
}

#[tokio::test]
async fn readings_are_stored_once_and_in_order() {
    let broker = Broker::start().await;
    let test = TestAgent::new(&section(broker.port));
    let source = Source::start(&test).await;
    subscribed(&test, broker.port).await;

    publish(broker.port, readings(0, 1_000)).await;

    has_values(&test, 1_000).await;
    assert_eq!(test.stored_values().await, numbers(1_000));
    let latest = test.telemetry.latest();
    assert_eq!(
        (latest[0].device.as_str(), latest[0].metric.as_str()),
        ("press-3", "speed")
    );
    source.stop().await;
}

/// Publishes something without a sample until it arrives: subscribing takes the broker a moment.
pub(crate) async fn subscribed(test: &TestAgent, port: u16) {
    let heard = || test.agent.health.snapshot().mqtt["main"].last_message;
    let before = heard();
    until("the subscription works", || async {
        let ready = ("plant/press-3/ready".to_owned(), "{\"value\":1}".to_owned());
        publish(port, vec![ready]).await;
        (heard() != before).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_message_whose_samples_cannot_be_stored_is_delivered_again() {
    let broker = Broker::start().await;
    let test = TestAgent::new(&section(broker.port));
    let source = Source::start(&test).await;
    subscribed(&test, broker.port).await;
    // Somebody else holds the file: the commit fails, so nothing may be acknowledged.
    let blocker = rusqlite::Connection::open(test.data_dir().join("telemetry.db")).unwrap();
    blocker.execute_batch("begin immediate").unwrap();

    publish(broker.port, readings(0, 10)).await;
    until("the failed commit has cost the connection", || async {
        let mqtt = &test.agent.health.snapshot().mqtt["main"];
        mqtt.last_failure
            .as_ref()
            .is_some_and(|why| why.contains("not stored"))
            .then_some(())
    })
    .await;
    blocker.execute_batch("rollback").unwrap();

    has_values(&test, 10).await;
    let mut values = test.stored_values().await;
    // What failed comes after what was stored meanwhile.
    values.sort_by(f64::total_cmp);
    assert_eq!(values, numbers(10));
    source.stop().await;
}

#[tokio::test]
async fn a_killed_broker_is_found_again_and_no_reading_is_lost_or_doubled() {
    let mut broker = Broker::start().await;
    let test = TestAgent::new(&section(broker.port));
    let source = Source::start(&test).await;
    subscribed(&test, broker.port).await;
    publish(broker.port, readings(0, 100)).await;
    has_values(&test, 100).await;

    broker.kill();
    until("the outage is noticed", || async {
        test.agent.health.snapshot().mqtt["main"]
            .last_failure
            .clone()
    })
    .await;
    broker.restart().await;
    connected(&test).await;
    subscribed(&test, broker.port).await;
    publish(broker.port, readings(100, 100)).await;

    has_values(&test, 200).await;
    assert_eq!(test.stored_values().await, numbers(200));
    source.stop().await;
}

#[tokio::test]
async fn a_restarted_agent_gets_what_was_published_meanwhile() {
    let broker = Broker::start().await;
    let test = TestAgent::new(&section(broker.port));
    let source = Source::start(&test).await;
    subscribed(&test, broker.port).await;
    source.stop().await;

    publish(broker.port, readings(0, 50)).await;
    let test = TestAgent::open(test.close(), &section(broker.port));
    let source = Source::start(&test).await;

    has_values(&test, 50).await;
    assert_eq!(test.stored_values().await, numbers(50));
    source.stop().await;
}

#[tokio::test]
async fn a_broker_that_holds_nothing_back_does_not_bring_the_agent_to_a_halt() {
    // Mosquitto sends 20 messages before it waits for acknowledgements; others send all they have.
    let eager = "allow_anonymous true\nmax_inflight_messages 0\nmax_queued_messages 0\nautosave_on_changes false";
    let broker = Broker::start_with(eager).await;
    let test = TestAgent::new(&section(broker.port));
    let source = Source::start(&test).await;
    subscribed(&test, broker.port).await;
    source.stop().await;
    // More than the agent has room for before their commit, and their acknowledgements on the way together.
    publish(broker.port, readings(0, 8_000)).await;
    let test = TestAgent::open(test.close(), &section(broker.port));
    let source = Source::start(&test).await;

    has_values(&test, 8_000).await;
    let mut values = test.stored_values().await;
    // A publisher with so many on their way may send one of them later.
    values.sort_by(f64::total_cmp);
    assert_eq!(values, numbers(8_000));
    source.stop().await;
}
