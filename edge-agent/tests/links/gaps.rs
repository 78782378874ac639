//! What the sample buffer drops, and what never came into it, is never silent.

use agog_edge::lifecycle::Stop;
use agog_edge::telemetry::{Sample, gaps};
use agog_sync::event::{Event, TelemetryGap};
use agog_sync::frame::SeriesKey;
use axum::http::StatusCode;
use jiff::SignedDuration;
use rumqttc::QoS;

use crate::broker::{Broker, publish_with};
use crate::endpoint::{Endpoint, jmf};
use crate::mqtt::{Source, section, subscribed};
use crate::support::{TestAgent, until};

/// The task that records gaps.
pub(crate) struct Recorder {
    stop: Stop,
    task: tokio::task::JoinHandle<anyhow::Result<()>>,
}

impl Recorder {
    pub(crate) fn start(test: &TestAgent) -> Self {
        let stop = Stop::new();
        let run = gaps::run(test.agent.clone(), test.telemetry.clone(), stop.clone());
        let task = tokio::spawn(run);
        Self { stop, task }
    }

    /// At once: the test itself could still lose samples.
    pub(crate) async fn stop(self) {
        self.stop.force();
        self.task.await.unwrap().unwrap();
    }
}

/// The gaps in the ledger.
pub(crate) async fn recorded(test: &TestAgent) -> Vec<TelemetryGap> {
    let events = test.events().await;
    let gaps = events.iter().filter_map(|event| match event.event() {
        Ok(Event::Gap(gap)) => Some(gap),
        _ => None,
    });
    gaps.collect()
}

#[tokio::test]
async fn every_drop_becomes_one_ledger_event_also_after_a_restart() {
    let test = TestAgent::new("");
    let now = test.agent.clock.now();
    let samples = (0..3_i32).map(|n| Sample {
        series: SeriesKey {
            device: "press-3".into(),
            metric: "speed".into(),
            unit: None,
        },
        at: now,
        value: f64::from(n),
        is_historical: false,
    });
    test.telemetry.record(samples.collect()).await.unwrap();
    test.telemetry.flush(now).await.unwrap();
    let dropped = test
        .telemetry
        .shed(now + SignedDuration::from_hours(15 * 24))
        .await
        .unwrap();
    assert_eq!(dropped, 3);
    // The drop is on disk, and nothing has told the ledger yet.
    let test = TestAgent::open(test.close(), "");
    let recorder = Recorder::start(&test);

    until(
        "the gap is recorded and forgotten in the buffer",
        || async {
            let forgotten = test.telemetry.gaps().await.unwrap().is_empty();
            forgotten.then_some(())
        },
    )
    .await;

    recorder.stop().await;
    let gaps = recorded(&test).await;
    assert_eq!(gaps.len(), 1);
    assert_eq!((gaps[0].count, gaps[0].reason.as_str()), (3, "age limit"));
}

/// Somebody else holds the file until this is dropped, so nothing can be stored.
struct Blocked {
    _file: rusqlite::Connection,
}

impl Blocked {
    fn telemetry_of(test: &TestAgent) -> Self {
        let file = rusqlite::Connection::open(test.data_dir().join("telemetry.db")).unwrap();
        file.execute_batch("begin immediate").unwrap();
        Self { _file: file }
    }
}

#[tokio::test]
async fn values_of_a_jmf_message_that_cannot_be_stored_are_a_gap_and_its_facts_are_recorded() {
    let endpoint = Endpoint::new();
    let recorder = Recorder::start(&endpoint.test);
    let blocked = Blocked::telemetry_of(&endpoint.test);

    let signal = "<Signal ID=\"s1\" Type=\"Status\" Time=\"2026-01-05T10:00:00Z\"><DeviceInfo DeviceID=\"press-3\" \
         DeviceStatus=\"Running\" Speed=\"9000\" ProductionCounter=\"17\"/></Signal>";
    let (status, answers) = endpoint.post_xml(&jmf(signal)).await;

    assert_eq!((status, answers[0].return_code.0), (StatusCode::OK, 0));
    drop(blocked);
    recorder.stop().await;
    let gaps = recorded(&endpoint.test).await;
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert_eq!(gaps[0].count, 2);
    assert_eq!(gaps[0].from.to_string(), "2026-01-05T10:00:00Z");
    assert_eq!(
        gaps[0].reason,
        "values of a JMF message could not be stored"
    );
    let kinds = endpoint.test.kinds().await;
    assert!(
        kinds.contains(&"device.state-changed".to_owned()),
        "{kinds:?}"
    );
}

#[tokio::test]
async fn a_message_that_the_broker_sends_once_and_that_cannot_be_stored_is_a_gap() {
    let broker = Broker::start().await;
    let test = TestAgent::new(&section(broker.port));
    let source = Source::start(&test).await;
    subscribed(&test, broker.port).await;
    let recorder = Recorder::start(&test);
    let blocked = Blocked::telemetry_of(&test);

    let once = (
        "plant/press-3/speed".to_owned(),
        "{\"value\":5,\"time\":1760000000000}".to_owned(),
    );
    publish_with(broker.port, vec![once], QoS::AtMostOnce).await;

    until("the loss is recorded", || async {
        let gaps = recorded(&test).await;
        let gap = gaps.first()?;
        assert_eq!(
            gap.reason,
            "values of MQTT messages with QoS 0 could not be stored"
        );
        (gap.count == 1).then_some(())
    })
    .await;
    drop(blocked);
    source.stop().await;
    recorder.stop().await;
}
