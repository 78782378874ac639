//! What the sample buffer drops is never silent.

use agog_edge::lifecycle::Stop;
use agog_edge::telemetry::{Sample, gaps};
use agog_sync::event::Event;
use agog_sync::frame::SeriesKey;
use jiff::SignedDuration;

use crate::support::{TestAgent, until};

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
    let stop = Stop::new();
    let task = tokio::spawn(gaps::run(
        test.agent.clone(),
        test.telemetry.clone(),
        stop.clone(),
    ));

    until(
        "the gap is recorded and forgotten in the buffer",
        || async {
            let forgotten = test.telemetry.gaps().await.unwrap().is_empty();
            forgotten.then_some(())
        },
    )
    .await;

    stop.begin();
    task.await.unwrap().unwrap();
    let events = test.events().await;
    assert_eq!(events.len(), 1);
    let Event::Gap(gap) = events[0].event().unwrap() else {
        panic!("{events:?}");
    };
    assert_eq!((gap.count, gap.reason.as_str()), (3, "age limit"));
}
