//! From where devices are heard, and whose requests are not even read.

use std::convert::Infallible;

use agog_jdf::jmf::ReturnCode;
use agog_jdf::package::JMF_TYPE;
use axum::body::{Body, Bytes};
use axum::http::StatusCode;

use crate::desk::{Desk, answers, document};

const HOME: [u8; 4] = [10, 1, 0, 7];
const AWAY: [u8; 4] = [10, 1, 0, 9];

fn status(device: &str) -> String {
    format!(
        "<Signal ID=\"S\" Type=\"Status\" Time=\"2026-01-05T10:00:00Z\">\
         <DeviceInfo DeviceID=\"{device}\" DeviceStatus=\"Running\"/></Signal>"
    )
}

fn returned() -> &'static str {
    "<Command ID=\"R\" Type=\"ReturnQueueEntry\"><ReturnQueueEntryParams QueueEntryID=\"Q\" URL=\"cid:none\"/></Command>"
}

/// Two presses, one bound to its address, and one that is called by its name.
fn config(jmf: &str) -> String {
    format!(
        "[jmf]\nlisten = \"127.0.0.1:0\"\n{jmf}\n\
         [[device]]\nid = \"press-3\"\nurl = \"http://10.9.9.9/jmf\"\naddresses = [\"10.1.0.7\"]\n\
         [[device]]\nid = \"press-4\"\nurl = \"http://press-4.plant/jmf\"\n"
    )
}

#[tokio::test]
async fn nobody_speaks_for_a_device_from_another_address_however_it_names_it() {
    let desk = Desk::new(&config(""));
    let in_its_name = [
        document("press-3", &status("press-3")),
        document("press-4", &status("press-3")),
        document("gateway", &status("press-3")),
        document(
            "press-4",
            &status("press-4").replace("<Signal", "<Signal SenderID=\"press-3\""),
        ),
        document("press-4", returned()).replace("SenderID", "DeviceID=\"press-3\" SenderID"),
        document(
            "press-4",
            "<Signal ID=\"S\" Type=\"QueueStatus\"><Queue DeviceID=\"press-3\" Status=\"Waiting\"/></Signal>",
        ),
        document("press-3", "<Query ID=\"Q\" Type=\"KnownMessages\"/>"),
    ];
    for message in &in_its_name {
        let away = desk.ask_from(AWAY.into(), message).await;
        assert_eq!(
            away[0].return_code,
            ReturnCode::AUTHENTICATION_DENIED,
            "{message}"
        );
        let home = desk.ask_from(HOME.into(), message).await;
        assert_ne!(
            home[0].return_code,
            ReturnCode::AUTHENTICATION_DENIED,
            "{message}"
        );
    }
    // Whoever asks something of the device does not speak for it.
    let question = document("mis", "<Query ID=\"Q\" Type=\"Status\"/>");
    let question = question.replace("SenderID", "DeviceID=\"press-3\" SenderID");
    let answer = desk.ask_from(AWAY.into(), &question).await;
    assert_eq!(answer[0].return_code, ReturnCode::SUCCESS);
    let named = document("press-4", &status("press-4"));
    let answer = desk.ask_from(AWAY.into(), &named).await;
    assert_eq!(answer[0].return_code, ReturnCode::SUCCESS);
    assert_eq!(
        desk.test.kinds().await,
        [
            "device.state-changed",
            "device.state-changed",
            "device.notified"
        ],
        "a state of each press, and the return without a ticket"
    );
    desk.close().await;
}

/// A body of more than any message that must not be read.
fn unread() -> Body {
    let first = Bytes::from(vec![b' '; 70_000]);
    let frames = (0..).map(move |n| {
        assert!(n < 2, "the body is read on");
        Ok::<_, Infallible>(first.clone())
    });
    Body::from_stream(futures_util::stream::iter(frames))
}

#[tokio::test]
async fn a_large_body_of_an_address_that_is_not_heard_is_not_read() {
    let known = "known_senders = [\"10.2.0.0/16\"]\nrequests_per_s = 1";
    let bound = config(known).replace("http://press-4.plant", "http://10.1.0.8");
    let desk = Desk::new(&bound);
    let (status, answer) = desk.post_from(AWAY.into(), JMF_TYPE, unread()).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let answer = answers(answer).remove(0);
    assert_eq!(answer.return_code, ReturnCode::AUTHENTICATION_DENIED);

    // A known one that sends too often.
    let busy = [10, 2, 0, 1];
    let small = document("mis", "<Query ID=\"Q\" Type=\"KnownMessages\"/>");
    desk.ask_from(busy.into(), &small).await;
    let (status, answer) = desk.post_from(busy.into(), JMF_TYPE, unread()).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let answer = answers(answer).remove(0);
    assert_eq!(answer.return_code, ReturnCode::SERVICE_BUSY);
    desk.close().await;
}

#[tokio::test]
async fn a_large_message_of_a_known_sender_is_answered() {
    let desk = Desk::new(&config("known_senders = [\"10.2.0.0/16\"]"));
    let comment = format!("<!--{}-->", " ".repeat(300_000));
    let large = document(
        "mis",
        &format!("{comment}<Query ID=\"Q\" Type=\"KnownMessages\"/>"),
    );
    let answer = desk.ask_from([10, 2, 0, 1].into(), &large).await;
    assert_eq!(answer[0].return_code, ReturnCode::SUCCESS);
    desk.close().await;
}

#[tokio::test]
async fn nobody_speaks_for_a_device_with_folders_who_is_not_known_himself() {
    let desk = Desk::new(
        "[jmf]\nlisten = \"127.0.0.1:0\"\nknown_senders = [\"10.2.0.0/16\"]\n\
         [[device]]\nid = \"gluer-1\"\ntransport = \"folder\"\nfolder = { to = \"in\", from = \"out\" }\n",
    );
    let message = document("gluer-1", &status("gluer-1"));
    for (caller, code) in [
        ([10, 1, 0, 7], ReturnCode::AUTHENTICATION_DENIED),
        ([10, 2, 0, 7], ReturnCode::SUCCESS),
    ] {
        let answer = desk.ask_from(caller.into(), &message).await;
        assert_eq!(answer[0].return_code, code, "{caller:?}");
    }
    desk.close().await;
}
