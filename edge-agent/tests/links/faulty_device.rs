//! The outbox against the press simulator with its faults: each command has its effect once, in order,
//! whatever gets lost and whoever is restarted.

use agog_edge::devices::client::DeviceClient;
use agog_edge::jobs::control;
use agog_edge::ledger::sending::CommandState;
use agog_jdf::QueueEntryStatus;
use agog_jdf::jmf::{Message, Query, QueryContent, QueueEntry, QueueFilter};
use agog_sync::event::JobStep;
use agog_sync::frame::{JobAction, JobTicket};
use agog_sync::ids::JobId;

use crate::controller::Controller;
use crate::simulator::Simulator;
use crate::support::{TestAgent, until};

const JOBS: [&str; 3] = ["JOB-1", "JOB-2", "JOB-3"];

fn ticket(number: &str, n: u128, kind: &str) -> JobTicket {
    let jdf = format!(
        "<JDF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" ID=\"n\" Type=\"{kind}\" Status=\"Waiting\" \
         Version=\"1.5\" JobID=\"{number}\" JobPartID=\"P1\"/>"
    );
    JobTicket {
        hold: true,
        priority: Some(10),
        ..JobTicket::new(
            JobId::from_uuid(uuid::Uuid::from_u128(n)),
            number,
            "press-3",
            jdf,
        )
    }
}

fn section(url: &str) -> String {
    format!(
        "[[device]]\nid = \"press-3\"\nurl = \"{url}\"\n[device.settings]\nrequest_timeout_s = 2\n"
    )
}

/// The queue as the press tells it, however often it has to be asked.
async fn queue(test: &TestAgent) -> Vec<QueueEntry> {
    let client = DeviceClient::new(&test.agent).unwrap();
    until("the press tells its queue", || async {
        let query = Query::once(QueryContent::QueueStatus(QueueFilter::default()));
        let message = Message::query(client.message_id(), query);
        let device = &test.agent.config.devices[0];
        let mut answers = client.exchange(device, vec![message]).await.ok()?;
        Some(answers.pop()?.queue?.entries)
    })
    .await
}

#[tokio::test]
async fn every_command_has_its_effect_once_and_in_order_whatever_gets_lost() {
    let folder = tempfile::tempdir().unwrap();
    let faults = "{\"drop_answers\": 0.25, \"http_500\": 0.15, \"slow_answers\": 0.2, \"slow_answer_ms\": 300}";
    let more = ["--faults", faults, "--seed", "5"];
    let (_press, url) = Simulator::start_with(folder.path(), "127.0.0.1:0", &more).await;
    let section = section(&url);
    let test = TestAgent::new(&section);
    let controller = Controller::start(&test);
    for (number, n) in JOBS.into_iter().zip(1..) {
        test.hand_in(ticket(number, n, "ConventionalPrinting"))
            .await;
    }
    for (number, priority) in JOBS.into_iter().zip([50, 60, 70]) {
        let job = test.job(number).await;
        let action = JobAction::Priority(priority);
        control::command(&test.agent, &job, action, "Jane Smith", None)
            .await
            .unwrap();
    }
    until("the press has a job", || async {
        let first = test.commands().await.swap_remove(0);
        (first.attempts > 0).then_some(())
    })
    .await;
    // Stopped in the middle of it.
    controller.stop().await;
    let agent_folder = test.close();
    let test = TestAgent::open(agent_folder, &section);
    let controller = Controller::start(&test);

    let told = test.all_ended().await;

    assert!(
        told.iter()
            .all(|command| command.state == CommandState::Answered),
        "{told:?}"
    );
    let mut entries = queue(&test).await;
    entries.sort_by(|a, b| a.job_id.cmp(&b.job_id));
    let found: Vec<_> = entries
        .iter()
        .map(|entry| {
            (
                entry.job_id.as_deref().unwrap(),
                &entry.status,
                entry.priority,
            )
        })
        .collect();
    let held = &QueueEntryStatus::Held;
    assert_eq!(
        found,
        [
            ("JOB-1", held, Some(50)),
            ("JOB-2", held, Some(60)),
            ("JOB-3", held, Some(70))
        ]
    );
    let kinds = test.kinds().await;
    for (kind, count) in [("job.submitted", 3), ("job.held", 3), ("job.requeued", 3)] {
        let found = kinds.iter().filter(|found| *found == kind).count();
        assert_eq!(found, count, "{kind} in {kinds:?}");
    }
    controller.stop().await;
}

#[tokio::test]
async fn a_ticket_waits_while_the_press_takes_none_and_a_held_job_goes_on_when_it_is_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let more = [
        "--faults",
        "{\"refuse_submissions\": 0.5, \"refuse_code\": 112}",
        "--seed",
        "3",
    ];
    let (_press, url) = Simulator::start_with(folder.path(), "127.0.0.1:0", &more).await;
    let test = TestAgent::new(&section(&url));
    let controller = Controller::start(&test);
    test.hand_in(ticket("JOB-1", 1, "ConventionalPrinting"))
        .await;
    test.step("JOB-1", JobStep::Held).await;
    assert_eq!(queue(&test).await[0].status, QueueEntryStatus::Held);

    let job = test.job("JOB-1").await;
    control::command(&test.agent, &job, JobAction::Resume, "Jane Smith", None)
        .await
        .unwrap();

    test.step("JOB-1", JobStep::Resumed).await;
    assert_ne!(queue(&test).await[0].status, QueueEntryStatus::Held);
    controller.stop().await;
}

#[tokio::test]
async fn a_ticket_that_the_device_cannot_do_is_refused_before_it_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let more = ["--profile", "slitter"];
    let (_press, url) = Simulator::start_with(folder.path(), "127.0.0.1:0", &more).await;
    let test = TestAgent::new(&section(&url));
    let controller = Controller::start(&test);
    until("the slitter told what it can do", || async {
        let known = test.agent.devices.of("press-3");
        (known.reachable && known.introduction.device.is_some()).then_some(())
    })
    .await;

    test.hand_in(ticket("JOB-1", 1, "ConventionalPrinting"))
        .await;

    test.step("JOB-1", JobStep::Refused).await;
    let progress = test.job("JOB-1").await.progress;
    assert_eq!(progress.return_code, Some(101));
    let detail = progress.detail.unwrap();
    assert!(detail.contains("capability-none"), "{detail}");
    assert_eq!(test.commands().await[0].attempts, 0, "it was not sent");
    controller.stop().await;
}
