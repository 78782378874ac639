//! Partner profiles: what a device is sent follows its profile, and its own settings come first.

use agog_edge::devices::client::{DeviceClient, DeviceError};
use agog_edge::devices::package::Submission;
use agog_jdf::jmf::{Command, Message, Query, QueryContent, QueueSubmissionParams, Response};

use crate::peer::Peer;
use crate::support::TestAgent;

fn obliging() -> Peer {
    Peer::start(|_| Some(Response::success()))
}

async fn submit(peer: &Peer, more: &str) {
    let test = TestAgent::new(&peer.section("press-3", more));
    let client = DeviceClient::new(&test.agent).unwrap();
    let params = QueueSubmissionParams {
        url: "cid:ticket.jdf".to_owned(),
        ..QueueSubmissionParams::default()
    };
    let message = Message::command(client.message_id(), Command::SubmitQueueEntry(params));
    let device = &test.agent.config.devices[0];
    let submission = Submission {
        jdf: b"<JDF/>".to_vec(),
        ..Submission::default()
    };
    client.submit(device, message, submission).await.unwrap();
}

async fn ask(peer: &Peer, more: &str) -> Result<Vec<Response>, DeviceError> {
    let test = TestAgent::new(&peer.section("press-3", more));
    let client = DeviceClient::new(&test.agent).unwrap();
    let query = Query::once(QueryContent::SubmissionMethods);
    let message = Message::query(client.message_id(), query);
    client
        .exchange(&test.agent.config.devices[0], vec![message])
        .await
}

#[tokio::test]
async fn a_device_that_reads_the_mime_header_in_the_body_finds_it_there() {
    let peer = obliging();
    submit(&peer, "").await;
    submit(&peer, "profile = \"jdflib-java\"").await;
    peer.seen(|seen| {
        assert!(seen[0].body.starts_with(b"--"));
        assert!(
            seen[1]
                .body
                .starts_with(b"MIME-Version: 1.0\r\nContent-Type: multipart/related")
        );
        assert!(
            seen.iter()
                .all(|seen| seen.headers.contains_key("content-length"))
        );
    });
}

#[tokio::test]
async fn a_device_that_wants_chunks_gets_chunks() {
    let peer = obliging();
    submit(&peer, "[device.settings]\nbody_length = \"chunked\"").await;
    peer.seen(|seen| {
        assert_eq!(seen[0].headers["transfer-encoding"], "chunked");
        assert!(!seen[0].headers.contains_key("content-length"));
    });
}

#[tokio::test]
async fn the_version_and_the_name_of_the_device_are_told_as_its_profile_has_it() {
    let peer = obliging();
    ask(&peer, "").await.unwrap();
    ask(&peer, "profile = \"jdf-1-3\"").await.unwrap();
    ask(&peer, "profile = \"xerox-freeflow\"").await.unwrap();
    peer.seen(|seen| {
        let told = |at: usize| {
            let jmf = &seen[at].jmf;
            (jmf.version.as_deref(), jmf.device_id.as_deref())
        };
        assert_eq!(told(0), (Some("1.5"), None));
        assert_eq!(told(1), (Some("1.3"), None));
        assert_eq!(told(2), (Some("1.5"), Some("press-3")));
    });
}

#[tokio::test]
async fn an_answer_without_ref_id_is_taken_unless_the_profile_is_strict() {
    let peer = Peer::bent(
        |_| Some(Response::success()),
        |xml| xml.replace("refID", "Comment"),
    );
    assert!(ask(&peer, "").await.is_ok());
    let refused = ask(&peer, "profile = \"strict\"").await.unwrap_err();
    assert!(
        matches!(refused, DeviceError::Unanswered { .. }),
        "{refused}"
    );
}
