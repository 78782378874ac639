//! Commands to devices: their order, their fates, and what the jobs say of them.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use agog_edge::floor::Floor;
use agog_edge::ingest::jmf::{JmfState, router};
use agog_edge::jobs::control::{self, ControlError};
use agog_edge::ledger::What;
use agog_edge::ledger::sending::{CommandState, OrderRefused};
use agog_edge::outbox;
use agog_jdf::QueueEntryStatus;
use agog_jdf::jmf::{Body as Content, Command, Jmf, Message, QueueEntry, Response, ReturnCode};
use agog_sync::event::{Event, JobEvent, JobProgress, JobStep};
use agog_sync::frame::{FeedBody, FeedItem, JobAction, JobCommand, JobTicket};
use agog_sync::ids::{JobId, RequestId};
use axum::body::Body;
use axum::http::Request;
use tower::ServiceExt as _;

use crate::controller::{Controller, JMF_URL, section};
use crate::peer::Peer;
use crate::ports::anywhere;
use crate::press::Press;
use crate::support::{TestAgent, until};

fn ticket(number: &str, n: u128) -> JobTicket {
    let jdf = format!(
        "<JDF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" ID=\"n\" Type=\"Product\" JobID=\"{number}\"/>"
    );
    JobTicket::new(
        JobId::from_uuid(uuid::Uuid::from_u128(n)),
        number,
        "press-3",
        jdf,
    )
}

/// Takes every ticket into its queue, and does what it is told.
pub(crate) fn obliging(message: &Message) -> Response {
    match &message.body {
        Content::Command(Command::SubmitQueueEntry(_)) => Response {
            queue_entry: Some(QueueEntry::new("QE-1", QueueEntryStatus::Waiting)),
            ..Response::success()
        },
        _ => Response::success(),
    }
}

/// The commands that a peer has seen: type, message id and where a later answer shall go.
fn commands(peer: &Peer) -> Vec<(String, String, Option<String>)> {
    peer.seen(|seen| {
        let messages = seen.iter().flat_map(|seen| &seen.jmf.messages);
        let commands = messages.filter(|message| matches!(message.body, Content::Command(_)));
        let told = |message: &Message| {
            let Message { kind, id, .. } = message.clone();
            (kind, id, message.acknowledge.url.clone())
        };
        commands.map(told).collect()
    })
}

pub(crate) async fn order(test: &TestAgent, number: &str, action: JobAction) -> RequestId {
    let job = test.job(number).await;
    control::command(&test.agent, &job, action, "Jane Smith", None)
        .await
        .unwrap()
}

/// The job has ended, and nothing of it is left on its device.
pub(crate) async fn a_hold_comes_too_late(test: &TestAgent) {
    let job = test.job("JOB-1").await;
    let late = control::command(&test.agent, &job, JobAction::Hold, "Jane Smith", None).await;
    assert!(
        matches!(late, Err(ControlError::Refused(OrderRefused::Ended { .. }))),
        "{late:?}"
    );
}

#[tokio::test]
async fn what_was_wanted_while_the_device_was_away_is_done_in_order_when_it_is_back() {
    let peer = Peer::start(|message| Some(obliging(message)));
    let test = TestAgent::new(&peer.section("press-3", ""));
    test.hand_in(ticket("JOB-1", 1)).await;
    for action in [
        JobAction::Hold,
        JobAction::Priority(90),
        JobAction::Position(0),
        JobAction::Resume,
    ] {
        order(&test, "JOB-1", action).await;
    }

    let controller = Controller::start(&test);

    let told = test.all_ended().await;
    assert!(
        told.iter()
            .all(|command| command.state == CommandState::Answered),
        "{told:?}"
    );
    let kinds: Vec<_> = commands(&peer).into_iter().map(|(kind, ..)| kind).collect();
    assert_eq!(
        kinds,
        [
            "SubmitQueueEntry",
            "HoldQueueEntry",
            "SetQueueEntryPriority",
            "SetQueueEntryPosition",
            "ResumeQueueEntry"
        ]
    );
    let kinds = test.kinds().await;
    let jobs: Vec<_> = kinds
        .iter()
        .filter(|kind| kind.starts_with("job."))
        .collect();
    assert_eq!(
        jobs,
        [
            "job.received",
            "job.submitted",
            "job.held",
            "job.requeued",
            "job.requeued",
            "job.resumed"
        ]
    );
    assert_eq!(test.job("JOB-1").await.progress.priority, Some(90));
    controller.stop().await;
}

/// A device that loses every job that it takes.
fn forgetful(message: &Message) -> Response {
    match &message.body {
        Content::Command(Command::AbortQueueEntry(_)) => {
            Response::refusal(ReturnCode::QUEUE_ENTRY_UNKNOWN, "there is no such entry")
        }
        _ => obliging(message),
    }
}

#[tokio::test]
async fn a_job_that_its_device_has_lost_after_it_began_waits_for_people() {
    let peer = Peer::start(|message| Some(forgetful(message)));
    let test = TestAgent::new(&peer.section("press-3", ""));
    let controller = Controller::start(&test);
    test.hand_in(ticket("JOB-1", 1)).await;
    test.step("JOB-1", JobStep::Submitted).await;
    let job = test.job("JOB-1").await.progress.job;
    let started = JobEvent {
        step: JobStep::Started,
        progress: JobProgress {
            started_at: Some("2026-01-05T10:00:00Z".parse().unwrap()),
            good: Some(40.into()),
            ..JobProgress::of(job, "press-3")
        },
    };
    test.record(What::Event(Event::Job(Box::new(started))))
        .await;

    order(&test, "JOB-1", JobAction::Abort).await;

    let told = test.all_ended().await;
    let abort = told.last().unwrap();
    assert_eq!(abort.state, CommandState::Refused);
    let reason = abort.reason.as_deref().unwrap_or_default();
    assert!(reason.contains("`agog-edge job give-up`"), "{reason}");
    let job = test.job("JOB-1").await;
    let given_up = control::give_up(&test.agent, &job, "Jane Smith", "it was restarted");
    given_up.await.unwrap();
    let ended = test.job("JOB-1").await;
    assert_eq!(
        (ended.step, ended.progress.good),
        (JobStep::Aborted, Some(40.into()))
    );
    controller.stop().await;
}

#[tokio::test]
async fn a_job_that_its_device_has_lost_before_it_began_is_taken_out() {
    let peer = Peer::start(|message| Some(forgetful(message)));
    let test = TestAgent::new(&peer.section("press-3", ""));
    let controller = Controller::start(&test);
    test.hand_in(ticket("JOB-1", 1)).await;
    test.step("JOB-1", JobStep::Submitted).await;

    order(&test, "JOB-1", JobAction::Abort).await;

    test.step("JOB-1", JobStep::Removed).await;
    let detail = test.job("JOB-1").await.progress.detail.unwrap_or_default();
    assert_eq!(detail, "its device does not have it any more");
    let told = test.all_ended().await;
    assert_eq!(told.last().unwrap().state, CommandState::Answered);
    controller.stop().await;
}

#[tokio::test]
async fn a_job_that_will_not_come_back_is_given_up_with_all_that_waits_for_it() {
    let press = Press::default();
    let on = press.switch_on(anywhere());
    let address = on.address;
    on.off().await;
    let test = TestAgent::new(&section(address));
    test.hand_in(ticket("JOB-1", 1)).await;
    order(&test, "JOB-1", JobAction::Hold).await;
    let job = test.job("JOB-1").await;

    let give_up = || control::give_up(&test.agent, &job, "Jane Smith", "the press is sold");
    give_up().await.unwrap();

    let ended = test.job("JOB-1").await;
    assert_eq!(ended.step, JobStep::Removed);
    let detail = ended.progress.detail.unwrap_or_default();
    assert_eq!(detail, "given up by Jane Smith: the press is sold");
    let told = test.commands().await;
    let states: Vec<_> = told.iter().map(|command| command.state).collect();
    assert_eq!(states, [CommandState::GivenUp, CommandState::GivenUp]);
    let again = give_up().await;
    assert!(matches!(
        again,
        Err(ControlError::Refused(OrderRefused::Ended { .. }))
    ));
}

#[tokio::test]
async fn a_ticket_that_was_not_sent_yet_is_withdrawn_and_the_device_never_sees_it() {
    let press = Press::default();
    let on = press.switch_on(anywhere());
    let address = on.address;
    on.off().await;
    let test = TestAgent::new(&section(address));
    let controller = Controller::start(&test);
    test.hand_in(ticket("JOB-1", 1)).await;
    test.hand_in(ticket("JOB-2", 2)).await;
    until("the first ticket was tried", || async {
        let first = test.commands().await.swap_remove(0);
        (first.last_error.is_some() && first.state == CommandState::Waiting).then_some(())
    })
    .await;

    order(&test, "JOB-1", JobAction::Abort).await;
    test.step("JOB-1", JobStep::Removed).await;
    let _on = press.switch_on(address);

    test.step("JOB-2", JobStep::Submitted).await;
    assert_eq!(press.memory().queue, ["JOB-2"]);
    let fates: Vec<_> = test
        .commands()
        .await
        .iter()
        .map(|command| command.state)
        .collect();
    assert_eq!(
        fates,
        [
            CommandState::GivenUp,
            CommandState::Answered,
            CommandState::Answered
        ]
    );
    a_hold_comes_too_late(&test).await;
    controller.stop().await;
}

#[tokio::test]
async fn a_command_that_is_given_up_lets_those_behind_it_go_on() {
    let first = Mutex::new(None);
    let peer = Peer::start(move |message| {
        let is_submission = matches!(message.body, Content::Command(Command::SubmitQueueEntry(_)));
        let mut first = first.lock().unwrap();
        if is_submission && first.get_or_insert_with(|| message.id.clone()) == &message.id {
            return Some(Response::refusal(
                ReturnCode::QUEUE_CLOSED,
                "no jobs until Monday",
            ));
        }
        Some(obliging(message))
    });
    let test = TestAgent::new(&peer.section("press-3", ""));
    let controller = Controller::start(&test);
    test.hand_in(ticket("JOB-1", 1)).await;
    test.hand_in(ticket("JOB-2", 2)).await;
    let stuck = until("the device is busy for the first job", || async {
        let first = test.commands().await.swap_remove(0);
        (first.last_error.as_deref() == Some("no jobs until Monday")).then_some(first)
    })
    .await;
    assert_eq!(test.job("JOB-2").await.step, JobStep::Received);

    outbox::give_up(
        &test.agent,
        stuck.command_id,
        "Jane Smith",
        "the press is sold",
    )
    .await
    .unwrap();

    test.step("JOB-2", JobStep::Submitted).await;
    let job = test.job("JOB-1").await;
    assert_eq!(job.step, JobStep::Refused);
    let detail = job.progress.detail.unwrap();
    assert_eq!(detail, "given up by Jane Smith: the press is sold");
    let again = outbox::give_up(&test.agent, stuck.command_id, "Jane Smith", "again").await;
    assert!(!again.unwrap(), "it has ended");
    controller.stop().await;
}

#[tokio::test]
async fn a_ticket_whose_answers_are_lost_is_sent_again_under_the_same_message_id() {
    let tries = AtomicU32::new(0);
    let peer = Peer::start(move |message| {
        let is_submission = matches!(message.body, Content::Command(Command::SubmitQueueEntry(_)));
        let is_lost = is_submission && tries.fetch_add(1, Ordering::Relaxed) < 2;
        (!is_lost).then(|| obliging(message))
    });
    let test = TestAgent::new(&peer.section("press-3", ""));
    test.hand_in(ticket("JOB-1", 1)).await;

    let controller = Controller::start(&test);

    let told = test.all_ended().await;
    assert_eq!(told[0].state, CommandState::Answered);
    let ids: Vec<_> = commands(&peer).into_iter().map(|(_, id, _)| id).collect();
    assert_eq!(ids, vec![told[0].message_id.clone(); 3]);
    controller.stop().await;
}

#[tokio::test]
async fn a_refused_command_is_told_with_code_and_words_and_leaves_the_job_as_it_was() {
    let peer = Peer::start(|message| {
        Some(match message.kind.as_str() {
            "SuspendQueueEntry" => {
                Response::refusal(ReturnCode::QUEUE_ENTRY_NOT_RUNNING, "it does not run")
            }
            _ => obliging(message),
        })
    });
    let test = TestAgent::new(&peer.section("press-3", ""));
    let controller = Controller::start(&test);
    test.hand_in(ticket("JOB-1", 1)).await;
    order(&test, "JOB-1", JobAction::Suspend).await;

    let told = test.all_ended().await;

    let refused = &told[1];
    assert_eq!(
        (refused.state, refused.return_code),
        (CommandState::Refused, Some(115))
    );
    assert_eq!(test.job("JOB-1").await.step, JobStep::Submitted);
    let events = test.events().await;
    let payload = events
        .iter()
        .find(|event| event.kind == "job.command-refused")
        .unwrap();
    let payload: serde_json::Value = serde_json::from_str(payload.payload.get()).unwrap();
    assert_eq!(payload["detail"], "suspend: it does not run");
    assert_eq!(payload["return_code"], 115);
    controller.stop().await;
}

#[tokio::test]
async fn an_answer_that_the_device_promises_is_waited_for_and_taken_once() {
    let peer = Peer::start(|message| {
        Some(match message.kind.as_str() {
            "HoldQueueEntry" if message.acknowledge.url.is_none() => {
                Response::refusal(ReturnCode::SYNCHRONOUS_NOT_SUPPORTED, "later only")
            }
            "HoldQueueEntry" => Response {
                acknowledged: true,
                ..Response::success()
            },
            _ => obliging(message),
        })
    });
    let test = TestAgent::new(&peer.section("press-3", ""));
    let controller = Controller::start(&test);
    test.hand_in(ticket("JOB-1", 1)).await;
    let hold = order(&test, "JOB-1", JobAction::Hold).await;
    let resume = order(&test, "JOB-1", JobAction::Resume).await;
    let ledger = &test.agent.ledger;
    let promised = until("the answer is promised", || async {
        let command = ledger.command_by_id(hold).await.unwrap()?;
        let promised = agog_edge::ledger::sending::Acknowledge::Promised;
        (command.acknowledge == promised).then_some(command)
    })
    .await;
    assert_eq!(test.job("JOB-1").await.step, JobStep::Submitted);
    assert_eq!(
        ledger
            .command_by_id(resume)
            .await
            .unwrap()
            .unwrap()
            .attempts,
        0
    );

    acknowledge(&test, &controller.floor, &controller, &promised.message_id).await;
    acknowledge(&test, &controller.floor, &controller, &promised.message_id).await;

    test.all_ended().await;
    let kinds = test.kinds().await;
    assert_eq!(kinds.iter().filter(|kind| *kind == "job.held").count(), 1);
    let seen = commands(&peer);
    let holds: Vec<_> = seen
        .iter()
        .filter(|(kind, ..)| kind == "HoldQueueEntry")
        .collect();
    assert_eq!(holds.len(), 2, "{holds:?}");
    assert_eq!(holds[0].1, holds[1].1, "a repeat has the same id");
    assert_eq!(holds[1].2.as_deref(), Some(JMF_URL));
    controller.stop().await;
}

/// The device posts its later answer to the endpoint.
async fn acknowledge(test: &TestAgent, floor: &Floor, controller: &Controller, ref_id: &str) {
    let endpoint = router(JmfState {
        agent: test.agent.clone(),
        floor: floor.clone(),
        contacts: controller.contacts.clone(),
        telemetry: test.telemetry.clone(),
    });
    let jmf = format!(
        "<JMF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" SenderID=\"press-3\" TimeStamp=\"2026-01-05T10:00:00Z\" \
         Version=\"1.5\"><Acknowledge ID=\"A1\" Type=\"HoldQueueEntry\" refID=\"{ref_id}\" ReturnCode=\"0\" \
         AcknowledgeType=\"Applied\"/></JMF>"
    );
    let request = Request::post("/jmf")
        .header("content-type", "application/vnd.cip4-jmf+xml")
        .body(Body::from(jmf))
        .unwrap();
    let response = endpoint.oneshot(request).await.unwrap();
    assert!(response.status().is_success());
    let bytes = axum::body::to_bytes(response.into_body(), 100_000)
        .await
        .unwrap();
    let answers = Jmf::parse(&bytes, &agog_jdf::Limits::default())
        .unwrap()
        .jmf
        .messages;
    assert!(
        answers.is_empty(),
        "an Acknowledge is not answered: {answers:?}"
    );
}

#[tokio::test]
async fn a_command_of_the_office_is_done_once_and_one_for_an_unknown_job_is_refused() {
    let peer = Peer::start(|message| Some(obliging(message)));
    let test = TestAgent::new(&peer.section("press-3", ""));
    let controller = Controller::start(&test);
    let ledger = &test.agent.ledger;
    let feed = |n, body| ledger.apply_feed(FeedItem { n, body });
    let wanted = |job: u128| {
        FeedBody::JobCommand(Box::new(JobCommand {
            command_id: RequestId::from_uuid(uuid::Uuid::from_u128(77)),
            job_id: JobId::from_uuid(uuid::Uuid::from_u128(job)),
            action: JobAction::Hold,
            by: "planner".to_owned(),
        }))
    };
    let ticket = FeedBody::JobTicket(Box::new(ticket("JOB-1", 1)));
    feed(1, ticket).await.unwrap();

    feed(2, wanted(1)).await.unwrap();
    feed(3, wanted(1)).await.unwrap();
    test.all_ended().await;
    test.step("JOB-1", JobStep::Held).await;
    feed(4, wanted(9)).await.unwrap();

    let told: Vec<_> = test
        .events()
        .await
        .into_iter()
        .filter_map(|event| match event.event().unwrap() {
            Event::Job(event) => Some((event.step, event.progress.command_id)),
            _ => None,
        })
        .filter(|(_, command_id)| command_id.is_some())
        .collect();
    let named = Some(RequestId::from_uuid(uuid::Uuid::from_u128(77)));
    assert_eq!(
        told,
        [(JobStep::Held, named), (JobStep::CommandRefused, named)]
    );
    let unknown = JobId::from_uuid(uuid::Uuid::from_u128(9));
    let row = ledger.job_by_id(unknown).await.unwrap();
    assert!(row.is_none(), "it is no job of this plant: {row:?}");
    let kinds: Vec<_> = commands(&peer).into_iter().map(|(kind, ..)| kind).collect();
    assert_eq!(kinds, ["SubmitQueueEntry", "HoldQueueEntry"]);
    controller.stop().await;
}

#[tokio::test]
async fn a_command_of_the_office_that_comes_too_late_is_refused_and_the_office_is_told() {
    let press = Press::default();
    press.memory().refuse_with = Some(ReturnCode::DEVICE_INCAPABLE);
    let on = press.switch_on(anywhere());
    let test = TestAgent::new(&section(on.address));
    let controller = Controller::start(&test);
    let ledger = &test.agent.ledger;
    let item = FeedBody::JobTicket(Box::new(ticket("JOB-1", 1)));
    ledger
        .apply_feed(FeedItem { n: 1, body: item })
        .await
        .unwrap();
    test.step("JOB-1", JobStep::Refused).await;
    let body = FeedBody::JobCommand(Box::new(JobCommand {
        command_id: RequestId::generate(test.agent.clock.now(), &mut test.agent.fork_rng()),
        job_id: JobId::from_uuid(uuid::Uuid::from_u128(1)),
        action: JobAction::Abort,
        by: "planner".to_owned(),
    }));

    ledger.apply_feed(FeedItem { n: 2, body }).await.unwrap();

    let told = test.commands().await;
    assert_eq!(told[1].state, CommandState::Refused);
    assert_eq!(
        told[1].reason.as_deref(),
        Some("job JOB-1 has ended (job.refused)")
    );
    assert_eq!(test.job("JOB-1").await.step, JobStep::Refused);
    let told = test.events().await.pop().unwrap();
    assert_eq!(told.kind, "job.command-refused");
    assert!(told.payload.get().contains("abort: job JOB-1 has ended"));
    controller.stop().await;
}

#[tokio::test]
async fn an_abort_that_the_device_has_taken_is_told_until_its_ticket_comes_back() {
    let peer = Peer::start(|message| Some(obliging(message)));
    let test = TestAgent::new(&peer.section("press-3", ""));
    let controller = Controller::start(&test);
    test.hand_in(ticket("JOB-1", 1)).await;
    test.step("JOB-1", JobStep::Submitted).await;

    let abort = order(&test, "JOB-1", JobAction::Abort).await;

    let told = test.all_ended().await;
    let taken = told.iter().find(|it| it.command_id == abort).unwrap();
    assert_eq!(taken.state, CommandState::Answered);
    let reason = taken.reason.as_deref().unwrap();
    assert!(reason.contains("when its ticket comes back"), "{reason}");
    let kinds = test.kinds().await;
    let jobs: Vec<_> = kinds.iter().filter(|it| it.starts_with("job.")).collect();
    assert_eq!(
        jobs,
        ["job.received", "job.submitted", "job.abort-requested"]
    );
    assert_eq!(test.job("JOB-1").await.step, JobStep::Submitted);
    controller.stop().await;
}
