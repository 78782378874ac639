//! The agent as a controller: tickets that are submitted once.

use agog_jdf::jmf::ReturnCode;
use agog_sync::event::JobStep;
use agog_sync::frame::JobTicket;
use agog_sync::ids::JobId;

use crate::controller::{Controller, JMF_URL, section};
use crate::ports::anywhere;
use crate::press::Press;
use crate::support::{TestAgent, until};

async fn hand_in(test: &TestAgent, number: &str, n: u128) {
    let jdf = format!(
        "<JDF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" ID=\"n\" Type=\"Product\" JobID=\"{number}\"/>"
    );
    let job_id = JobId::from_uuid(uuid::Uuid::from_u128(n));
    test.hand_in(JobTicket::new(job_id, number, "press-3", jdf))
        .await;
}

#[tokio::test]
async fn a_ticket_waits_for_its_device_and_is_submitted_once() {
    let press = Press::default();
    let on = press.switch_on(anywhere());
    let address = on.address;
    on.off().await;
    let test = TestAgent::new(&section(address));
    let controller = Controller::start(&test);
    hand_in(&test, "JOB-1", 1).await;

    let _on = press.switch_on(address);

    test.step("JOB-1", JobStep::Submitted).await;
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
    let controller = Controller::start(&test);
    hand_in(&test, "JOB-1", 1).await;

    test.step("JOB-1", JobStep::Submitted).await;

    assert_eq!(press.memory().queue, ["JOB-1"]);
    controller.stop().await;
}

#[tokio::test]
async fn a_restarted_agent_asks_the_queue_before_it_submits() {
    let press = Press::default();
    press.memory().lose_answers = usize::MAX;
    let on = press.switch_on(anywhere());
    let section = section(on.address);
    let test = TestAgent::new(&section);
    let controller = Controller::start(&test);
    hand_in(&test, "JOB-1", 1).await;
    hand_in(&test, "JOB-2", 2).await;
    until("the press has the first job", || async {
        (press.memory().queue == ["JOB-1"]).then_some(())
    })
    .await;
    controller.stop().await;
    let folder = test.close();
    press.memory().lose_answers = 0;

    let test = TestAgent::open(folder, &section);
    let controller = Controller::start(&test);

    test.step("JOB-1", JobStep::Submitted).await;
    test.step("JOB-2", JobStep::Submitted).await;
    assert_eq!(press.memory().queue, ["JOB-1", "JOB-2"]);
    controller.stop().await;
}

#[tokio::test]
async fn a_refusal_of_the_device_is_kept_with_its_code_and_words() {
    let press = Press::default();
    press.memory().refuse_with = Some(ReturnCode::DEVICE_INCAPABLE);
    let on = press.switch_on(anywhere());
    let test = TestAgent::new(&section(on.address));
    let controller = Controller::start(&test);
    hand_in(&test, "JOB-1", 1).await;

    test.step("JOB-1", JobStep::Refused).await;

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
