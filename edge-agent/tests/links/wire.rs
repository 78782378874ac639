//! A recorded session between a controller and a device, played back against the agent in both roles.

use agog_edge::ingest::jmf::{JmfState, router};
use agog_edge::ledger::{Append, Fact, Reader, What};
use agog_jdf::jmf::{Body as Content, Command, Family, Jmf, Message, Response, ReturnCode};
use agog_jdf::package::{Package, PackageLimits};
use agog_jdf::{Document, Limits, ProductionSummary, Ticket};
use agog_sync::event::{Actor, JobStep};
use agog_sync::frame::JobTicket;
use agog_sync::ids::JobId;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use jiff::Timestamp;
use std::collections::BTreeMap;
use tower::ServiceExt as _;

use crate::controller::{Controller, JMF_URL};
use crate::corpus::{corpus_files, name};
use crate::desk::{Desk, NEAR, answers};
use crate::peer::Peer;
use crate::support::{TestAgent, until};

const DEVICE: &str = "[[device]]\nid = \"sim003\"\nurl = \"http://127.0.0.1:1/jmf\"\n";

fn jmf_of(body: &[u8]) -> Jmf {
    let package = Package::parse(None, body, &PackageLimits::default()).unwrap();
    let part = package.jmf().unwrap();
    Jmf::parse(part.body(), &Limits::default()).unwrap().jmf
}

/// What the agent says to a recorded request: the device of the recording knew its queue entries,
/// and fetched files of its own disk. (The second package is the first one, sent again.)
fn expected(file: &str, message: &Message) -> ReturnCode {
    let subscribes = matches!(&message.body, Content::Query(query) if query.subscription.is_some());
    match message.kind.as_str() {
        "NewJDF" | "KnownControllers" | "KnownJDFServices" => ReturnCode::NOT_IMPLEMENTED,
        "Notification" if !subscribes => ReturnCode::INSUFFICIENT_PARAMETERS,
        "SubmitQueueEntry" if file.contains("Command") => ReturnCode::URL_NOT_ACCESSIBLE,
        kind if kind.contains("QueueEntry") && kind != "SubmitQueueEntry" => {
            ReturnCode::QUEUE_ENTRY_UNKNOWN
        }
        _ => ReturnCode::SUCCESS,
    }
}

#[tokio::test]
async fn every_request_of_the_recording_is_answered() {
    let files = corpus_files("wire");
    let desk = Desk::new(&format!("{NEAR}{DEVICE}"));
    for path in files.iter().filter(|path| name(path).contains("-req-")) {
        let body = std::fs::read(path).unwrap();
        let asked = jmf_of(&body).messages;
        let content_type = if name(path).contains("MIME") {
            "multipart/related"
        } else {
            "application/vnd.cip4-jmf+xml"
        };
        let caller = [127, 0, 0, 1].into();
        let (status, answer) = desk.post_from(caller, content_type, body).await;
        assert_eq!(status, StatusCode::OK);
        let refs: Vec<_> = answer
            .messages
            .iter()
            .map(|it| it.ref_id.clone().unwrap())
            .collect();
        let ids: Vec<_> = asked.iter().map(|it| it.id.clone()).collect();
        assert_eq!(refs, ids, "{}", name(path));
        for (message, answer) in asked.iter().zip(answers(answer)) {
            let code = expected(name(path), message);
            assert_eq!(
                answer.return_code,
                code,
                "{}: {}",
                name(path),
                answer.reason()
            );
        }
    }
    desk.close().await;
}

async fn post(router: &Router, content_type: &str, body: Vec<u8>) -> Vec<Response> {
    let request = Request::post("/jmf")
        .header("content-type", content_type)
        .body(Body::from(body))
        .unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    answers(Jmf::parse(&bytes, &Limits::default()).unwrap().jmf)
}

/// Content type and body of a recorded request.
fn recorded(bytes: &[u8]) -> (String, Vec<u8>) {
    let end = bytes
        .windows(4)
        .position(|it| it == b"\r\n\r\n")
        .map(|at| (at, at + 4));
    let (end, body) = end.unwrap_or_else(|| {
        let at = bytes.windows(2).position(|it| it == b"\n\n").unwrap();
        (at, at + 2)
    });
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let content_type = head
        .lines()
        .find_map(|line| line.strip_prefix("Content-Type: "))
        .unwrap();
    (content_type.trim().to_owned(), bytes[body..].to_vec())
}

#[tokio::test]
async fn the_recorded_device_is_followed_until_the_job_is_as_it_was_recorded() {
    let files = corpus_files("wire");
    if files.is_empty() {
        return;
    }
    // The device answers as recorded, whatever the ID of the question.
    let mut said: BTreeMap<String, Response> = BTreeMap::new();
    for path in files.iter().filter(|path| name(path).contains("-resp-")) {
        for message in jmf_of(&std::fs::read(path).unwrap()).messages {
            if let Content::Response(response) = message.body {
                said.entry(message.kind).or_insert(response);
            }
        }
    }
    let device = Peer::start(move |message| said.get(&message.kind).cloned());
    let test = TestAgent::new(&device.section("sim003", ""));
    let controller = Controller::start_at(&test, JMF_URL);
    let endpoint = router(JmfState {
        agent: test.agent.clone(),
        floor: controller.floor.clone(),
        contacts: controller.contacts.clone(),
        telemetry: test.telemetry.clone(),
    });
    let submission = files
        .iter()
        .find(|path| name(path).ends_with("SubmitMIME.mjm"))
        .unwrap();
    let submission = std::fs::read(submission).unwrap();
    let package = Package::parse(None, &submission, &PackageLimits::default()).unwrap();
    let jdf = String::from_utf8(package.tickets().next().unwrap().body().to_vec()).unwrap();
    let job_id = JobId::from_uuid(uuid::Uuid::from_u128(5));
    let fact = Fact {
        occurred_at: None,
        actor: Actor::System {
            component: "test".to_owned(),
        },
        what: What::Ticket(Box::new(JobTicket::new(job_id, "2893", "sim003", jdf))),
    };
    let append = Append {
        facts: vec![fact],
        ..Append::default()
    };
    test.agent.ledger.append(append).await.unwrap();
    until("the device took the ticket", || async {
        let job = test.agent.ledger.job_by_id(job_id).await.unwrap().unwrap();
        (job.step != JobStep::Received).then_some(())
    })
    .await;

    let mut returned = None;
    // Twice: a device that repeats everything changes nothing.
    let mut kinds = Vec::new();
    for _ in 0..2 {
        for path in files.iter().filter(|path| name(path).contains("-recv-")) {
            let (content_type, body) = recorded(&std::fs::read(path).unwrap());
            let asked = jmf_of(&body).messages;
            for message in &asked {
                assert_ne!(message.family(), Family::Response);
                if let Content::Command(Command::ReturnQueueEntry(_)) = &message.body {
                    returned = Some(body.clone());
                }
            }
            let answers = post(&endpoint, &content_type, body).await;
            let codes: Vec<_> = answers.iter().map(|answer| answer.return_code).collect();
            assert_eq!(
                codes,
                vec![ReturnCode::SUCCESS; asked.len()],
                "{}",
                name(path)
            );
        }
        kinds.push(test.kinds().await);
    }
    assert_eq!(kinds[0], kinds[1]);

    let body = returned.unwrap();
    let package = Package::parse(None, &body, &PackageLimits::default()).unwrap();
    let ticket = package.tickets().next().unwrap();
    let document = Document::parse(ticket.body(), &Limits::default()).unwrap();
    let ticket = Ticket::of(&document).unwrap();
    let summary = ProductionSummary::of(ticket.root(), &ticket);
    let job = test.agent.ledger.job_by_id(job_id).await.unwrap().unwrap();
    assert_eq!(job.step, JobStep::Aborted);
    assert_eq!(job.progress.good, Some(summary.good));
    assert_eq!(job.progress.waste, Some(summary.waste));
    assert_eq!(
        job.progress.started_at.map(Timestamp::as_second),
        summary.start.map(Timestamp::as_second)
    );
    let verified = test.agent.ledger.read(Reader::verify).await.unwrap();
    assert_eq!(verified.problems, vec![]);
    drop(endpoint);
    controller.stop().await;
}
