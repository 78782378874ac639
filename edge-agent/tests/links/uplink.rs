//! Delivery: nothing is lost and nothing is doubled, whatever happens on the way.

use std::sync::Arc;

use agog_edge::health::HubState;
use agog_edge::lifecycle::Stop;
use agog_edge::telemetry::Sample;
use agog_edge::uplink::{self, enrol};
use agog_sync::event::JobStep;
use agog_sync::frame::{FeedBody, FeedItem, JobTicket, SeriesKey};
use agog_sync::ids::{AgentId, JobId};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::hub::{CODE, Fault, Hub};
use crate::ports::anywhere;
use crate::support::{TestAgent, until};

fn hub_section(url: &str) -> String {
    format!("[hub]\nurl = \"{url}\"\n[telemetry]\nlive_ms = 50\n")
}

async fn enrolled(test: &TestAgent, url: &str) {
    let producer = test.agent.ledger.position().borrow().producer;
    let agent_id = AgentId::from_uuid(producer.uuid());
    enrol::enrol(url, &test.data_dir(), agent_id, "edge", None, CODE)
        .await
        .unwrap();
}

/// An uplink that runs until it is stopped.
struct Running {
    stop: Stop,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Running {
    fn start(test: &TestAgent) -> Self {
        let stop = Stop::new();
        let task = tokio::spawn(uplink::run(
            test.agent.clone(),
            test.telemetry.clone(),
            stop.clone(),
        ));
        Self { stop, task }
    }

    async fn stop(self) {
        self.stop.begin();
        self.task.await.unwrap().unwrap();
    }
}

async fn delivered(test: &TestAgent, hub: &Hub) {
    let mut position = test.agent.ledger.position();
    let done = position.wait_for(|position| position.acknowledged == position.head.last_seq);
    tokio::time::timeout(crate::support::WAIT_LIMIT, done)
        .await
        .expect("delivered")
        .unwrap();
    hub.assert_whole();
}

#[tokio::test]
async fn lost_answers_and_server_errors_neither_lose_nor_double_an_event() {
    let hub = Hub::default();
    let listening = hub.listen(anywhere());
    let test = TestAgent::new(&hub_section(&listening.url()));
    enrolled(&test, &listening.url()).await;
    hub.books()
        .faults
        .extend([Fault::ServerError, Fault::ServerError, Fault::AnswerLost]);
    for n in 0..25 {
        test.receive(&format!("LOT-{n}"), 100).await;
    }

    let running = Running::start(&test);

    delivered(&test, &hub).await;
    assert_eq!(hub.books().events.len(), 25);
    assert!(hub.books().faults.is_empty());
    test.receive("LOT-LATE", 1).await;
    delivered(&test, &hub).await;
    assert_eq!(hub.books().events.len(), 26);
    assert_eq!(hub.books().tokens, 1, "the token is kept");
    running.stop().await;
}

#[tokio::test]
async fn a_hub_that_is_away_gets_everything_when_it_comes_back() {
    let hub = Hub::default();
    let listening = hub.listen(anywhere());
    let test = TestAgent::new(&hub_section(&listening.url()));
    enrolled(&test, &listening.url()).await;
    let running = Running::start(&test);
    test.receive("LOT-1", 100).await;
    delivered(&test, &hub).await;

    let address = listening.stop().await;
    for n in 2..12 {
        test.receive(&format!("LOT-{n}"), 100).await;
    }
    let health = test.agent.health.clone();
    until("the outage shows", || async {
        (health.snapshot().hub.state == HubState::Offline).then_some(())
    })
    .await;
    assert_eq!(hub.books().events.len(), 1);

    let _listening = hub.listen(address);
    delivered(&test, &hub).await;
    assert_eq!(hub.books().events.len(), 11);
    assert_eq!(health.snapshot().hub.state, HubState::Online);
    running.stop().await;
}

#[tokio::test]
async fn a_hub_that_was_set_back_gets_again_what_it_lost() {
    let hub = Hub::default();
    let listening = hub.listen(anywhere());
    let test = TestAgent::new(&hub_section(&listening.url()));
    enrolled(&test, &listening.url()).await;
    let running = Running::start(&test);
    for n in 0..5 {
        test.receive(&format!("LOT-{n}"), 100).await;
    }
    delivered(&test, &hub).await;
    {
        let mut books = hub.books();
        books.events.truncate(2);
        let head = books.events[1].head();
        if let Some(state) = &mut books.state {
            state.head = head;
        }
    }

    test.receive("LOT-NEXT", 100).await;

    until("the hub has all events again", || async {
        (hub.books().events.len() == 6).then_some(())
    })
    .await;
    delivered(&test, &hub).await;
    assert!(test.agent.health.snapshot().alarms.is_empty());
    running.stop().await;
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

#[tokio::test]
async fn a_restored_disk_opens_a_new_epoch_gets_back_what_it_lost_and_raises_an_alarm() {
    let hub = Hub::default();
    let listening = hub.listen(anywhere());
    let section = hub_section(&listening.url());
    let test = TestAgent::new(&section);
    enrolled(&test, &listening.url()).await;
    test.receive("LOT-1", 100).await;
    let backup = Arc::new(TempDir::new().unwrap());
    let folder = test.close();
    copy(&folder.path().join("data"), &backup.path().join("data"));
    let test = TestAgent::open(folder, &section);
    let running = Running::start(&test);
    test.receive("LOT-2", 100).await;
    delivered(&test, &hub).await;
    running.stop().await;
    test.close();

    let test = TestAgent::open(backup, &section);
    test.receive("LOT-3", 100).await;
    let running = Running::start(&test);

    until("a new epoch is delivered", || async {
        let position = *test.agent.ledger.position().borrow();
        (position.epoch == 2 && position.acknowledged == position.head.last_seq).then_some(())
    })
    .await;
    until("what was lost has come back", || async {
        let lot = test.agent.ledger.lot_by_number("LOT-2").await.unwrap();
        (lot.len() == 1).then_some(())
    })
    .await;
    hub.assert_whole();
    assert_eq!(hub.books().state.unwrap().epoch, 2);
    let alarms = test.agent.health.snapshot().alarms;
    assert_eq!(alarms.len(), 1);
    assert!(
        alarms[0].text.contains("epoch 2 was opened"),
        "{}",
        alarms[0].text
    );
    running.stop().await;
}

fn samples(test: &TestAgent, values: std::ops::Range<i32>) -> Vec<Sample> {
    let sample = |n: i32| Sample {
        series: SeriesKey {
            device: "press-3".into(),
            metric: "speed".into(),
            unit: None,
        },
        at: test.agent.clock.now(),
        value: f64::from(n),
        is_historical: false,
    };
    values.map(sample).collect()
}

/// Records values and closes them: `blocks` blocks of 10 values each.
async fn backlog(test: &TestAgent, from: i32, blocks: i32) {
    for n in 0..blocks {
        let begin = from + 10 * n;
        let samples = samples(test, begin..begin + 10);
        test.telemetry.record(samples).await.unwrap();
        test.telemetry.flush(test.agent.clock.now()).await.unwrap();
    }
}

async fn has_values(hub: &Hub, count: usize) {
    until("all samples are at the hub", || async {
        (hub.books().values.len() >= count).then_some(())
    })
    .await;
}

fn numbers(values: std::ops::Range<i32>) -> Vec<f64> {
    values.map(f64::from).collect()
}

#[tokio::test]
async fn samples_and_events_arrive_once() {
    let hub = Hub::default();
    let listening = hub.listen(anywhere());
    let test = TestAgent::new(&hub_section(&listening.url()));
    enrolled(&test, &listening.url()).await;
    test.receive("LOT-1", 100).await;
    let samples = samples(&test, 0..100);
    test.telemetry.record(samples).await.unwrap();

    let running = Running::start(&test);

    has_values(&hub, 100).await;
    assert_eq!(hub.books().values, numbers(0..100));
    delivered(&test, &hub).await;
    assert_eq!(hub.books().events.len(), 1);
    let mut standing = test.telemetry.standing();
    let done = standing.wait_for(|standing| standing.acked_block == standing.last_block);
    tokio::time::timeout(crate::support::WAIT_LIMIT, done)
        .await
        .unwrap()
        .unwrap();
    running.stop().await;
}

#[tokio::test]
async fn what_is_recorded_now_does_not_wait_behind_a_backlog() {
    let hub = Hub::default();
    let listening = hub.listen(anywhere());
    let test = TestAgent::new(&hub_section(&listening.url()));
    enrolled(&test, &listening.url()).await;
    backlog(&test, 0, 40).await;
    test.telemetry
        .record(samples(&test, 1_000..1_005))
        .await
        .unwrap();

    let running = Running::start(&test);

    has_values(&hub, 405).await;
    let values = hub.books().values.clone();
    // The hub must know the older epoch first, so one batch of it comes before.
    let place = values.iter().position(|value| *value >= 1_000.0).unwrap();
    assert_eq!(place, 80, "{values:?}");
    let old: Vec<f64> = values
        .into_iter()
        .filter(|value| *value < 1_000.0)
        .collect();
    assert_eq!(old, numbers(0..400));
    assert_eq!(hub.books().telemetry, [(1, 40), (2, 1)].into());
    running.stop().await;
}

#[tokio::test]
async fn telemetry_whose_answer_was_lost_is_not_doubled() {
    let hub = Hub::default();
    let listening = hub.listen(anywhere());
    let test = TestAgent::new(&hub_section(&listening.url()));
    enrolled(&test, &listening.url()).await;
    backlog(&test, 0, 30).await;
    hub.books().telemetry_faults =
        [Fault::ServerError, Fault::AnswerLost, Fault::AnswerLost].into();

    let running = Running::start(&test);

    has_values(&hub, 300).await;
    assert_eq!(hub.books().values, numbers(0..300));
    running.stop().await;
}

#[tokio::test]
async fn telemetry_goes_on_at_a_hub_that_has_forgotten_an_epoch_or_knows_a_newer_one() {
    let hub = Hub::default();
    let listening = hub.listen(anywhere());
    let test = TestAgent::new(&hub_section(&listening.url()));
    enrolled(&test, &listening.url()).await;
    // The hub has taken one block of the first epoch, and was set back to before that.
    backlog(&test, 0, 12).await;
    test.telemetry.acked(1, 1).await.unwrap();
    assert!(test.telemetry.live_first().await.unwrap());
    backlog(&test, 120, 1).await;
    let running = Running::start(&test);
    has_values(&hub, 120).await;
    running.stop().await;
    let mut values = hub.books().values.clone();
    values.sort_by(f64::total_cmp);
    assert_eq!(values, numbers(10..130));

    // The disk of the agent was set back to before the hub took epoch 7.
    hub.books().telemetry.insert(7, 3);
    backlog(&test, 130, 2).await;
    let running = Running::start(&test);
    has_values(&hub, 140).await;
    assert_eq!(hub.books().values[120..], numbers(130..150));
    assert_eq!(hub.books().telemetry.last_key_value(), Some((&8, &2)));
    assert!(!test.agent.health.snapshot().alarms.is_empty());
    running.stop().await;
}

#[tokio::test]
async fn events_do_not_wait_for_the_line_that_telemetry_may_use() {
    let hub = Hub::default();
    let listening = hub.listen(anywhere());
    let url = listening.url();
    // After its first batch telemetry has to wait for seconds.
    let section =
        format!("[hub]\nurl = \"{url}\"\ntelemetry_kib_per_s = 1\n[telemetry]\nlive_ms = 50\n");
    let test = TestAgent::new(&section);
    enrolled(&test, &url).await;
    let noise = (0..2_000_u64).map(|n| Sample {
        value: f64::from_bits((n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 2),
        ..samples(&test, 0..1).remove(0)
    });
    test.telemetry.record(noise.collect()).await.unwrap();
    let running = Running::start(&test);
    has_values(&hub, 2_000).await;

    test.telemetry.record(samples(&test, 0..1)).await.unwrap();
    test.receive("LOT-1", 100).await;
    delivered(&test, &hub).await;

    assert_eq!(hub.books().events.len(), 1);
    assert_eq!(hub.books().telemetry_batches, 1);
    running.stop().await;
}

#[tokio::test]
async fn a_ticket_from_the_feed_becomes_a_job_once_over_restarts() {
    let hub = Hub::default();
    let listening = hub.listen(anywhere());
    let section = hub_section(&listening.url());
    let test = TestAgent::new(&section);
    enrolled(&test, &listening.url()).await;
    let job_id = JobId::from_uuid(uuid::Uuid::from_u128(77));
    hub.feed(FeedBody::JobTicket(Box::new(JobTicket {
        order: Some("ORD-7".to_owned()),
        inputs: vec!["LOT-1".to_owned()],
        ..JobTicket::new(job_id, "JOB-B", "press-3", "<JDF/>")
    })));
    let running = Running::start(&test);
    let job = until("the job is there", || async {
        test.agent.ledger.job_by_number("JOB-B").await.unwrap()
    })
    .await;
    let ticket = test.agent.ledger.ticket(&job).await.unwrap();
    assert_eq!(
        (job.step, ticket.unwrap().inputs),
        (JobStep::Received, vec!["LOT-1".to_owned()])
    );
    running.stop().await;
    let test = TestAgent::open(test.close(), &section);

    let running = Running::start(&test);
    delivered(&test, &hub).await;

    assert_eq!(test.agent.ledger.feed_cursor().await.unwrap(), 1);
    assert_eq!(test.kinds().await, ["job.received"]);
    running.stop().await;
}

#[tokio::test]
async fn a_feed_that_lacks_an_item_goes_on_with_the_next_and_raises_one_alarm() {
    let hub = Hub::default();
    let listening = hub.listen(anywhere());
    let test = TestAgent::new(&hub_section(&listening.url()));
    enrolled(&test, &listening.url()).await;
    for n in [1, 3] {
        let job_id = JobId::from_uuid(uuid::Uuid::from_u128(n));
        let ticket = JobTicket::new(job_id, format!("JOB-{n}"), "press-3", "<JDF/>");
        let n = u64::try_from(n).unwrap();
        let body = FeedBody::JobTicket(Box::new(ticket));
        hub.books().feed.push(FeedItem { n, body });
    }

    let running = Running::start(&test);

    until("the item after the missing one is applied", || async {
        test.agent.ledger.job_by_number("JOB-3").await.unwrap()
    })
    .await;
    assert_eq!(test.agent.ledger.feed_cursor().await.unwrap(), 3);
    let alarms = test.agent.health.snapshot().alarms;
    assert_eq!(alarms.len(), 1, "{alarms:?}");
    running.stop().await;
}

fn ticket(n: u64) -> FeedItem {
    let job_id = JobId::from_uuid(uuid::Uuid::from_u128(n.into()));
    let ticket = JobTicket::new(job_id, format!("JOB-{n}"), "press-3", "<JDF/>");
    let body = FeedBody::JobTicket(Box::new(ticket));
    FeedItem { n, body }
}

async fn has_job(test: &TestAgent, number: &str) {
    until("the job is there", || async {
        test.agent.ledger.job_by_number(number).await.unwrap()
    })
    .await;
}

#[tokio::test]
async fn an_item_of_a_kind_that_is_not_known_stops_nothing() {
    let hub = Hub::default();
    let listening = hub.listen(anywhere());
    let test = TestAgent::new(&hub_section(&listening.url()));
    enrolled(&test, &listening.url()).await;
    let body = serde_json::from_str(r#"{"weather":{"rain":true}}"#).unwrap();
    hub.books().feed = vec![FeedItem { n: 1, body }, ticket(2)];

    let running = Running::start(&test);

    has_job(&test, "JOB-2").await;
    let alarms = test.agent.health.snapshot().alarms;
    assert_eq!(alarms.len(), 1, "{alarms:?}");
    assert!(alarms[0].text.contains("weather"), "{alarms:?}");
    running.stop().await;
}

#[tokio::test]
async fn an_agent_whose_place_is_gone_takes_in_what_is_left_and_goes_on() {
    let hub = Hub::default();
    let listening = hub.listen(anywhere());
    let test = TestAgent::new(&hub_section(&listening.url()));
    enrolled(&test, &listening.url()).await;
    {
        let mut books = hub.books();
        books.gone = 10;
        books.snapshots = Some(0);
        books.left = vec![ticket(2), ticket(7)];
        books.feed = vec![ticket(11)];
    }

    let running = Running::start(&test);

    has_job(&test, "JOB-11").await;
    has_job(&test, "JOB-2").await;
    has_job(&test, "JOB-7").await;
    assert_eq!(test.agent.ledger.feed_cursor().await.unwrap(), 11);
    assert_eq!(hub.books().snapshots, Some(1));
    assert_eq!(test.agent.health.snapshot().alarms, []);
    running.stop().await;
}

#[tokio::test]
async fn a_hub_without_snapshots_is_followed_from_what_it_has_with_an_alarm() {
    let hub = Hub::default();
    let listening = hub.listen(anywhere());
    let test = TestAgent::new(&hub_section(&listening.url()));
    enrolled(&test, &listening.url()).await;
    hub.books().gone = 10;
    hub.books().feed = vec![ticket(11)];

    let running = Running::start(&test);

    has_job(&test, "JOB-11").await;
    assert_eq!(test.agent.health.snapshot().alarms.len(), 1);
    running.stop().await;
}

#[tokio::test]
async fn a_wrong_enrolment_code_is_refused_and_leaves_no_enrolment() {
    let hub = Hub::default();
    let listening = hub.listen(anywhere());
    let test = TestAgent::new(&hub_section(&listening.url()));
    let producer = test.agent.ledger.position().borrow().producer;
    let agent_id = AgentId::from_uuid(producer.uuid());

    let refused = enrol::enrol(
        &listening.url(),
        &test.data_dir(),
        agent_id,
        "edge",
        None,
        "guess",
    )
    .await;

    let error = format!("{:#}", anyhow::Error::from(refused.unwrap_err()));
    assert!(
        error.contains("bad-code") && !error.contains("guess"),
        "{error}"
    );
    assert!(!test.data_dir().join("enrolment.json").exists());
}
