//! Days that are compared with the hub, clocks that differ, and a hub that takes nothing.

use std::sync::Arc;

use agog_edge::ledger::days::DaysStatus;
use agog_edge::ledger::{Ledger, Reader};
use agog_edge::lifecycle::Stop;
use agog_edge::uplink::{self, enrol};
use agog_sync::clock::{Clock, ManualClock, SystemClock};
use agog_sync::ids::AgentId;
use agog_sync::quantity::{Material, Unit};
use jiff::SignedDuration;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::value::RawValue;
use tempfile::TempDir;

use crate::hub::{CODE, Fault, Hub, Listening};
use crate::ports::anywhere;
use crate::support::{TestAgent, receipt, until};

/// The tasks of an agent that have to do with the hub.
struct Running {
    stop: Stop,
    tasks: Vec<tokio::task::JoinHandle<anyhow::Result<()>>>,
}

impl Running {
    fn start(test: &TestAgent) -> Self {
        let stop = Stop::new();
        let agent = test.agent.clone();
        let uplink = uplink::run(agent.clone(), test.telemetry.clone(), stop.clone());
        let progress = uplink::progress::run(agent, stop.clone());
        Self {
            stop,
            tasks: vec![tokio::spawn(uplink), tokio::spawn(progress)],
        }
    }

    async fn stop(self) {
        self.stop.begin();
        for task in self.tasks {
            task.await.unwrap().unwrap();
        }
    }
}

/// A ledger with three events of the day before yesterday and two of yesterday, recorded with no network.
async fn of_two_days() -> Arc<TempDir> {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    clock.advance(SignedDuration::from_hours(-48));
    let mut rng = StdRng::seed_from_u64(3);
    let agent_id = AgentId::generate(clock.now(), &mut rng);
    std::fs::create_dir(folder.path().join("data")).unwrap();
    let path = folder.path().join("data/ledger.db");
    Ledger::create(&path, agent_id, "HAM", clock.now()).unwrap();
    let board = Material::simple("BOARD-300", Unit::Sheet);
    let materials = [(board.code.clone(), board)].into();
    let (ledger, thread) = Ledger::open(&path, materials, clock.clone(), rng).unwrap();
    for number in ["A", "B", "C", "D", "E"] {
        if number == "D" {
            clock.advance(SignedDuration::from_hours(24));
        }
        ledger.append(receipt(number, 10)).await.unwrap();
    }
    drop(ledger);
    thread.join();
    folder
}

async fn enrolled(hub: &Listening, more: &str) -> TestAgent {
    let url = hub.url();
    let folder = of_two_days().await;
    let more = format!("[hub]\nurl = \"{url}\"\n{more}\n");
    let test = TestAgent::open(folder, &more);
    let producer = test.agent.ledger.position().borrow().producer;
    let agent_id = AgentId::from_uuid(producer.uuid());
    enrol::enrol(&url, &test.data_dir(), agent_id, "edge", None, CODE)
        .await
        .unwrap();
    test
}

async fn days(test: &TestAgent) -> DaysStatus {
    test.agent.ledger.read(Reader::days_status).await.unwrap()
}

#[tokio::test]
async fn days_are_proven_and_one_that_the_hub_has_lost_something_of_is_an_alarm() {
    let hub = Hub::default();
    hub.books().compares_days = true;
    let listening = hub.listen(anywhere());
    let test = enrolled(&listening, "").await;
    let running = Running::start(&test);
    let proven = until("two days to be proven", || async {
        let days = days(&test).await;
        (days.proven == 2).then_some(days)
    })
    .await;
    assert_eq!((proven.differing, proven.first_differing), (0, None));
    assert_eq!(test.agent.health.snapshot().alarms, []);
    running.stop().await;

    // Somebody changes a row at the hub. Proven days are counted again after each start.
    {
        let mut books = hub.books();
        let event = &mut books.events[1];
        let payload = event.payload.get().replace("\"10\"", "\"99\"");
        assert_ne!(payload, event.payload.get());
        event.payload = RawValue::from_string(payload).unwrap();
    }
    let running = Running::start(&test);

    let found = until("the day to differ", || async {
        let days = days(&test).await;
        (days.differing == 1).then_some(days)
    })
    .await;
    assert_eq!(found.proven, 1);
    let first = found.first_differing.unwrap();
    assert_eq!((first.epoch, first.first_seq, first.last_seq), (1, 1, 3));
    for part in [
        "here 3 events",
        "at the hub 3 events",
        "event 2 is missing or not",
    ] {
        assert!(first.finding.contains(part), "{}", first.finding);
    }
    let alarms = test.agent.health.snapshot().alarms;
    assert_eq!(alarms.len(), 1);
    assert_eq!(alarms[0].text, first.finding);
    running.stop().await;
}

#[tokio::test]
async fn an_older_hub_proves_nothing_and_that_is_no_alarm() {
    let hub = Hub::default();
    let listening = hub.listen(anywhere());
    let test = enrolled(&listening, "").await;

    let running = Running::start(&test);
    until("the hub to be asked", || async {
        (hub.books().days_asked > 0).then_some(())
    })
    .await;
    // The session goes on: what is recorded now is delivered.
    test.receive("F", 1).await;
    until("the new event to be there", || async {
        (hub.books().events.len() == 6).then_some(())
    })
    .await;

    assert_eq!(hub.books().days_asked, 1);
    assert_eq!(days(&test).await, DaysStatus::default());
    let health = test.agent.health.snapshot();
    assert_eq!(health.alarms, []);
    assert_eq!(health.hub.clock_skew_ms, None, "it tells no time");
    running.stop().await;
    // It counted all the same, once: an updated hub is asked for it.
    hub.books().compares_days = true;
    let running = Running::start(&test);
    until("two days to be proven", || async {
        (days(&test).await.proven == 2).then_some(())
    })
    .await;
    running.stop().await;
}

#[tokio::test]
async fn the_hub_is_told_what_waits_and_its_clock_is_compared() {
    let hub = Hub::default();
    let behind = SystemClock.now() - SignedDuration::from_secs(30);
    hub.books().at = Some(behind);
    let listening = hub.listen(anywhere());
    let test = enrolled(&listening, "").await;

    let running = Running::start(&test);

    let skew_ms = until("the clocks to be compared", || async {
        test.agent.health.snapshot().hub.clock_skew_ms
    })
    .await;
    assert!((30_000..60_000).contains(&skew_ms), "{skew_ms}");
    let report = hub.books().reports[0];
    assert_eq!((report.epoch, report.head_seq, report.waiting), (1, 5, 5));
    let age = SystemClock
        .now()
        .duration_since(report.oldest_waiting_at.unwrap());
    assert!(age >= SignedDuration::from_hours(48), "{age}");
    running.stop().await;
}

#[tokio::test]
async fn a_hub_that_answers_and_takes_nothing_is_an_alarm_until_it_takes_something() {
    let hub = Hub::default();
    let listening = hub.listen(anywhere());
    let test = enrolled(&listening, "alarm_after_s = 1").await;
    hub.books().faults.extend([Fault::ServerError; 10_000]);

    let running = Running::start(&test);

    let health = test.agent.health.clone();
    until("the alarm", || async {
        health.snapshot().hub.stalled_since
    })
    .await;
    let alarms = health.snapshot().alarms;
    assert_eq!(alarms.len(), 1, "{alarms:#?}");
    for part in ["taken no event for 1 s", "5 wait", "event 1 of epoch 1"] {
        assert!(alarms[0].text.contains(part), "{}", alarms[0].text);
    }
    hub.books().faults.clear();
    until("the alarm to be over", || async {
        health.snapshot().hub.stalled_since.is_none().then_some(())
    })
    .await;
    assert_eq!(health.snapshot().alarms.len(), 1, "it was told once");
    hub.assert_whole();
    running.stop().await;
}
