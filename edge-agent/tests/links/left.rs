//! Jobs of which one part came back while their device still has others.

use agog_edge::ingest::jmf::{JmfState, router};
use agog_edge::ledger::sending::{CommandFilter, CommandState};
use agog_jdf::QueueEntryStatus;
use agog_jdf::jmf::{Body as Content, Command, Jmf, ReturnCode};
use agog_jdf::package::{JMF_TYPE, Outgoing};
use agog_sync::event::{Event, JobStep};
use agog_sync::frame::{FeedBody, FeedItem, JobAction, JobCommand, JobTicket};
use agog_sync::ids::{JobId, RequestId};
use axum::body::{Body, to_bytes};
use axum::http::Request;
use tower::ServiceExt as _;

use crate::commands::{a_hold_comes_too_late, obliging, order};
use crate::controller::Controller;
use crate::desk::{Desk, mis};
use crate::endpoint::jmf;
use crate::peer::Peer;
use crate::submissions::{config, entry_id, submission};
use crate::support::TestAgent;

/// Three steps on one press; the run of the first is in it, where it came back.
fn ticket(run: &str) -> String {
    format!(
        "<JDF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" ID=\"n\" Type=\"ProcessGroup\" Status=\"Waiting\" Version=\"1.5\" \
         JobID=\"JOB-1\" JobPartID=\"P0\"><JDF ID=\"n1\" Type=\"ConventionalPrinting\" Status=\"Waiting\" JobPartID=\"P1\">\
         <AuditPool>{run}</AuditPool></JDF><JDF ID=\"n2\" Type=\"ConventionalPrinting\" Status=\"Waiting\" JobPartID=\"P2\"/>\
         <JDF ID=\"n3\" Type=\"ConventionalPrinting\" Status=\"Waiting\" JobPartID=\"P3\"/></JDF>"
    )
}

/// The first step comes back.
fn first_back() -> (String, Vec<u8>) {
    let command = "<Command ID=\"R1\" Type=\"ReturnQueueEntry\"><ReturnQueueEntryParams QueueEntryID=\"QE-1\" \
         URL=\"cid:back.jdf\" Completed=\"n1\"/></Command>";
    let run = "<ProcessRun ID=\"a\" TimeStamp=\"2026-01-05T09:00:00Z\" Start=\"2026-01-05T08:00:00Z\" \
         End=\"2026-01-05T09:00:00Z\" EndStatus=\"Completed\"/>";
    let mut package = Outgoing::new(jmf(command).into_bytes());
    package.ticket("back.jdf", ticket(run).into_bytes());
    package.finish()
}

/// The whole queue of the press at that minute: each entry with its part, and how it stands.
fn queue(minute: u32, entries: &[(&str, &str, &str)]) -> String {
    let entry = |(id, part, status): &(&str, &str, &str)| {
        format!(
            "<QueueEntry QueueEntryID=\"{id}\" JobID=\"JOB-1\" JobPartID=\"{part}\" Status=\"{status}\"/>"
        )
    };
    let listed = entries.iter().map(entry).collect::<Vec<_>>().concat();
    jmf(&format!(
        "<Signal ID=\"q{minute}\" Type=\"QueueStatus\" Time=\"2026-01-05T10:{minute:02}:00Z\">\
         <Queue DeviceID=\"press-3\" Status=\"Waiting\">{listed}\
         <QueueEntry QueueEntryID=\"QE-9\" JobID=\"OTHER\" Status=\"Waiting\"/></Queue></Signal>"
    ))
}

/// The press posts something to the endpoint, and it is taken.
async fn say(test: &TestAgent, controller: &Controller, content_type: &str, body: Vec<u8>) {
    let endpoint = router(JmfState {
        agent: test.agent.clone(),
        floor: controller.floor.clone(),
        contacts: controller.contacts.clone(),
        telemetry: test.telemetry.clone(),
    });
    let request = Request::post("/jmf")
        .header("content-type", content_type)
        .body(Body::from(body))
        .unwrap();
    let response = endpoint.oneshot(request).await.unwrap();
    let bytes = to_bytes(response.into_body(), 100_000).await.unwrap();
    let answers = Jmf::parse(&bytes, &agog_jdf::Limits::default())
        .unwrap()
        .jmf
        .messages;
    assert!(
        matches!(&answers[0].body, Content::Response(answer) if answer.return_code == ReturnCode::SUCCESS),
        "{answers:?}"
    );
}

/// The entries that the press was told to hold or to resume, message by message.
fn told(peer: &Peer) -> Vec<Vec<String>> {
    peer.seen(|seen| {
        let messages = seen.iter().flat_map(|seen| &seen.jmf.messages);
        let entries = messages.filter_map(|message| match &message.body {
            Content::Command(
                Command::HoldQueueEntry(filter) | Command::ResumeQueueEntry(filter),
            ) => Some(filter.queue_entry_ids.clone()),
            _ => None,
        });
        entries.collect()
    })
}

#[tokio::test]
async fn commands_to_a_job_whose_first_part_came_back_reach_what_its_device_still_has() {
    let peer = Peer::start(|message| Some(obliging(message)));
    let test = TestAgent::new(&peer.section("press-3", ""));
    let controller = Controller::start(&test);
    let job_id = JobId::from_uuid(uuid::Uuid::from_u128(1));
    test.hand_in(JobTicket::new(job_id, "JOB-1", "press-3", ticket("")))
        .await;
    test.step("JOB-1", JobStep::Submitted).await;
    let listed = |minute: u32, entries: &[(&str, &str, &str)]| {
        let signal = queue(minute, entries).into_bytes();
        say(&test, &controller, JMF_TYPE, signal)
    };
    let entries = [
        ("QE-1", "P1", "Running"),
        ("QE-2", "P2", "Waiting"),
        ("QE-3", "P3", "Waiting"),
    ];
    listed(1, &entries).await;
    let (content_type, body) = first_back();
    say(&test, &controller, &content_type, body).await;
    test.step("JOB-1", JobStep::Completed).await;

    let hold = order(&test, "JOB-1", JobAction::Hold).await;
    order(&test, "JOB-1", JobAction::Position(0)).await;
    let commands = test.all_ended().await;

    assert_eq!(told(&peer), [["QE-2", "QE-3"]]);
    assert_eq!(commands[1].state, CommandState::Answered);
    assert_eq!(
        commands[2].reason.as_deref(),
        Some("only one entry can have a place, and the job has several: QE-2, QE-3")
    );
    let events = test.events().await.into_iter();
    let done: Vec<_> = events
        .filter_map(|event| match event.event().unwrap() {
            Event::Job(event) if event.progress.command_id == Some(hold) => Some(event.step),
            _ => None,
        })
        .collect();
    assert_eq!(done, [JobStep::CommandDone]);
    assert_eq!(test.job("JOB-1").await.step, JobStep::Completed);

    // One of them is done; the office resumes the other.
    let entries = [("QE-2", "P2", "Completed"), ("QE-3", "P3", "Held")];
    listed(2, &entries).await;
    let body = FeedBody::JobCommand(Box::new(JobCommand {
        command_id: RequestId::from_uuid(uuid::Uuid::from_u128(77)),
        job_id,
        action: JobAction::Resume,
        by: "planner".to_owned(),
    }));
    let ledger = &test.agent.ledger;
    ledger.apply_feed(FeedItem { n: 1, body }).await.unwrap();
    let commands = test.all_ended().await;
    assert_eq!(commands[3].state, CommandState::Answered);
    assert_eq!(told(&peer)[1], ["QE-3"]);

    // Nothing is left.
    listed(3, &[]).await;
    a_hold_comes_too_late(&test).await;
    controller.stop().await;
}

#[tokio::test]
async fn an_mis_orders_what_is_left_of_its_job_and_is_refused_when_nothing_is() {
    let desk = Desk::new(&config());
    let taken = desk
        .send_package(&submission("C1", ""), "job.jdf", ticket("").as_bytes())
        .await;
    let id = entry_id(&taken);
    let near = [127, 0, 0, 1].into();
    let entries = [("QE-1", "P1", "Running"), ("QE-2", "P2", "Waiting")];
    desk.ask_from(near, &queue(1, &entries)).await;
    let (content_type, body) = first_back();
    desk.post_from(near, &content_type, body).await;
    assert_eq!(desk.test.job("JOB-1-P0").await.step, JobStep::Completed);
    let hold = |number: u32| {
        mis(&format!(
            "<Command ID=\"H{number}\" Type=\"HoldQueueEntry\"><HoldQueueEntryParams><QueueFilter>\
             <QueueEntryDef QueueEntryID=\"{id}\"/></QueueFilter></HoldQueueEntryParams></Command>"
        ))
    };

    let answer = desk.ask_from(near, &hold(1)).await.remove(0);

    assert_eq!(answer.return_code, ReturnCode::SUCCESS, "{answer:?}");
    let entry = answer.queue_entry.unwrap();
    assert_eq!(entry.status, QueueEntryStatus::Waiting);
    let read = desk
        .test
        .agent
        .ledger
        .read(|reader| reader.commands(&CommandFilter::default()));
    let commands = read.await.unwrap();
    assert!(commands.iter().any(|it| it.kind == "HoldQueueEntry"));

    desk.ask_from(near, &queue(2, &[])).await;
    let late = desk.ask_from(near, &hold(2)).await.remove(0);
    assert_eq!(late.return_code, ReturnCode::QUEUE_ENTRY_FINISHED);
    desk.close().await;
}

#[tokio::test]
async fn a_queue_entry_of_another_job_under_the_same_names_is_not_ordered_about() {
    let desk = Desk::new(&config());
    let submit = |id: &'static str| {
        let (desk, message) = (&desk, submission(id, ""));
        async move {
            let ticket = ticket("");
            let sent = desk.send_package(&message, "job.jdf", ticket.as_bytes());
            entry_id(&sent.await)
        }
    };
    let near = [127, 0, 0, 1].into();
    let first = submit("C1").await;
    let (content_type, body) = first_back();
    desk.post_from(near, &content_type, body).await;
    let second = submit("C2").await;
    assert_ne!(first, second);
    desk.ask_from(near, &queue(1, &[("QE-2", "P2", "Waiting")]))
        .await;

    let order = format!(
        "<Command ID=\"H1\" Type=\"HoldQueueEntry\"><QueueEntryDef QueueEntryID=\"{first}\"/></Command>"
    );
    let answer = desk.ask_one(&order).await;

    assert_eq!(answer.return_code, ReturnCode::QUEUE_ENTRY_FINISHED);
    desk.close().await;
}
