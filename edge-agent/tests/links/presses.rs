//! The agent as a controller: subscriptions that come back, tickets that are submitted once.

use std::net::SocketAddr;
use std::time::Duration;

use agog_edge::devices;
use agog_edge::devices::contact::Contacts;
use agog_edge::devices::floor::Floor;
use agog_edge::jobs::{self, Wake};
use agog_edge::ledger::{Append, Fact, What};
use agog_edge::lifecycle::Stop;
use agog_jdf::jmf::ReturnCode;
use agog_sync::event::{Actor, JobStep};
use agog_sync::frame::JobTicket;
use agog_sync::ids::JobId;

use crate::press::Press;
use crate::support::{TestAgent, until};

const JMF_URL: &str = "http://127.0.0.1:7411/jmf";

fn anywhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn section(address: SocketAddr) -> String {
    format!("[[device]]\nid = \"press-3\"\njmf_url = \"http://{address}/jmf\"\n")
}

/// The controller tasks of an agent.
struct Controller {
    stop: Stop,
    wake: Wake,
    tasks: Vec<tokio::task::JoinHandle<anyhow::Result<()>>>,
}

impl Controller {
    fn start(test: &TestAgent, silence_limit: Duration) -> Self {
        let stop = Stop::new();
        let wake = Wake::default();
        let contacts = Contacts::default();
        let (floor, floor_task) = Floor::new(test.agent.clone());
        let url = || JMF_URL.to_owned();
        let devices = devices::run_with_limit(
            test.agent.clone(),
            floor.clone(),
            contacts.clone(),
            url(),
            silence_limit,
            stop.clone(),
        );
        let jobs = jobs::run(
            test.agent.clone(),
            floor,
            contacts,
            wake.clone(),
            url(),
            stop.clone(),
        );
        let tasks = vec![
            tokio::spawn(floor_task.run()),
            tokio::spawn(devices),
            tokio::spawn(jobs),
        ];
        Self { stop, wake, tasks }
    }

    async fn stop(self) {
        self.stop.begin();
        for task in self.tasks {
            task.await.unwrap().unwrap();
        }
    }
}

async fn hand_in(test: &TestAgent, number: &str, n: u128) {
    let ticket = JobTicket {
        job_id: JobId::from_uuid(uuid::Uuid::from_u128(n)),
        number: number.to_owned(),
        device: "press-3".to_owned(),
        order: None,
        customer: None,
        jdf: format!(
            "<JDF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" ID=\"n\" Type=\"Product\" JobID=\"{number}\"/>"
        ),
        inputs: Vec::new(),
        output: None,
        waste_reason: None,
    };
    let fact = Fact {
        occurred_at: None,
        actor: Actor::System {
            component: "test".to_owned(),
        },
        what: What::Ticket(Box::new(ticket)),
    };
    test.agent
        .ledger
        .append(Append {
            facts: vec![fact],
            ..Append::default()
        })
        .await
        .unwrap();
}

async fn step(test: &TestAgent, number: &str, step: JobStep) {
    until("the job gets to its step", || async {
        let job = test.agent.ledger.job_by_number(number).await.unwrap()?;
        (job.step == step).then_some(())
    })
    .await;
}

const LONG: Duration = Duration::from_hours(1);

#[tokio::test]
async fn a_device_that_restarts_gets_its_subscriptions_again() {
    let press = Press::default();
    let on = press.switch_on(anywhere());
    let test = TestAgent::new(&section(on.address));
    let controller = Controller::start(&test, Duration::from_millis(100));
    let subscribed = || async { (press.memory().subscriptions.len() == 3).then_some(()) };
    until("the device is subscribed", subscribed).await;
    let urls: Vec<_> = press
        .memory()
        .subscriptions
        .iter()
        .map(|(_, subscription)| subscription.url.clone())
        .collect();
    assert_eq!(urls, vec![Some(JMF_URL.to_owned()); 3]);

    press.memory().subscriptions.clear();

    until("the device is subscribed again", subscribed).await;
    assert_eq!(test.kinds().await, ["device.found"]);
    controller.stop().await;
}

#[tokio::test]
async fn a_device_that_is_away_is_lost_once_and_found_once() {
    let press = Press::default();
    let on = press.switch_on(anywhere());
    let address = on.address;
    on.off().await;
    let test = TestAgent::new(&section(address));
    let controller = Controller::start(&test, LONG);
    until("the device is lost", || async {
        (test.kinds().await == ["device.lost"]).then_some(())
    })
    .await;

    let _on = press.switch_on(address);

    until("the device is found", || async {
        (test.kinds().await == ["device.lost", "device.found"]).then_some(())
    })
    .await;
    controller.stop().await;
}

#[tokio::test]
async fn a_ticket_waits_for_its_device_and_is_submitted_once() {
    let press = Press::default();
    let on = press.switch_on(anywhere());
    let address = on.address;
    on.off().await;
    let test = TestAgent::new(&section(address));
    let controller = Controller::start(&test, LONG);
    hand_in(&test, "JOB-1", 1).await;
    controller.wake.wake();

    let _on = press.switch_on(address);

    step(&test, "JOB-1", JobStep::Submitted).await;
    assert_eq!(press.memory().queue, ["JOB-1"]);
    assert_eq!(press.memory().return_url.as_deref(), Some(JMF_URL));
    let job = test
        .agent
        .ledger
        .job_by_number("JOB-1")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(job.progress.queue_entry_id.as_deref(), Some("QE-0"));
    controller.stop().await;
}

#[tokio::test]
async fn a_ticket_whose_answer_was_lost_is_found_in_the_queue_and_not_submitted_again() {
    let press = Press::default();
    press.memory().lose_answers = 1;
    let on = press.switch_on(anywhere());
    let test = TestAgent::new(&section(on.address));
    let controller = Controller::start(&test, LONG);
    hand_in(&test, "JOB-1", 1).await;
    controller.wake.wake();

    step(&test, "JOB-1", JobStep::Submitted).await;

    assert_eq!(press.memory().queue, ["JOB-1"]);
    controller.stop().await;
}

#[tokio::test]
async fn a_restarted_agent_asks_the_queue_before_it_submits() {
    let press = Press::default();
    press.memory().queue.push("JOB-1".to_owned());
    let on = press.switch_on(anywhere());
    let test = TestAgent::new(&section(on.address));
    hand_in(&test, "JOB-1", 1).await;
    hand_in(&test, "JOB-2", 2).await;

    let controller = Controller::start(&test, LONG);

    step(&test, "JOB-1", JobStep::Submitted).await;
    step(&test, "JOB-2", JobStep::Submitted).await;
    assert_eq!(press.memory().queue, ["JOB-1", "JOB-2"]);
    controller.stop().await;
}

#[tokio::test]
async fn a_refusal_of_the_device_is_kept_with_its_code_and_words() {
    let press = Press::default();
    press.memory().refuse_with = Some(ReturnCode::DEVICE_INCAPABLE);
    let on = press.switch_on(anywhere());
    let test = TestAgent::new(&section(on.address));
    let controller = Controller::start(&test, LONG);
    hand_in(&test, "JOB-1", 1).await;
    controller.wake.wake();

    step(&test, "JOB-1", JobStep::Refused).await;

    let job = test
        .agent
        .ledger
        .job_by_number("JOB-1")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(job.progress.return_code, Some(101));
    assert_eq!(job.progress.detail.as_deref(), Some("no such paper"));
    controller.stop().await;
}
