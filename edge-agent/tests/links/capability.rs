//! What a device says it can do: asked for before the first ticket, and passed on to an MIS.

use agog_edge::devices::contact::Contacts;
use agog_edge::ingest::jmf::{JmfState, router};
use agog_edge::ledger::sending::CommandState;
use agog_edge::lifecycle::Stop;
use agog_edge::outbox;
use agog_jdf::Limits;
use agog_jdf::QueueEntryStatus;
use agog_jdf::jmf::{Body as Content, Jmf, Message, QueueEntry, Response};
use agog_sync::frame::JobTicket;
use agog_sync::ids::JobId;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use tower::ServiceExt as _;

use crate::controller::{Controller, JMF_URL};
use crate::desk::mis;
use crate::peer::Peer;
use crate::support::{TestAgent, until};

/// A press that prints on 60 to 400 g/m2.
const DESCRIBED: &str = "<Response ID=\"R\" Type=\"KnownDevices\" refID=\"Q\"><DeviceList><DeviceInfo DeviceID=\"press-3\" DeviceStatus=\"Idle\">\
    <Device DeviceID=\"press-3\"><DeviceCap Types=\"ConventionalPrinting\"><DevCaps Name=\"Media\" LinkUsage=\"Input\"><DevCap MaxOccurs=\"INF\">\
    <NumberState Name=\"Weight\" AllowedValueMin=\"60\" AllowedValueMax=\"400\"/></DevCap></DevCaps></DeviceCap></Device></DeviceInfo></DeviceList></Response>";

fn described() -> Response {
    let jmf = Jmf::parse(mis(DESCRIBED).as_bytes(), &Limits::default()).unwrap();
    match jmf.jmf.messages.into_iter().next().unwrap().body {
        Content::Response(response) => response,
        other => panic!("{other:?}"),
    }
}

/// Answers no question but for what it is, where it does that.
fn answer(message: &Message, says_what_it_can: bool) -> Option<Response> {
    match message.kind.as_str() {
        "KnownDevices" if says_what_it_can => Some(described()),
        "SubmitQueueEntry" => Some(Response {
            queue_entry: Some(QueueEntry::new("QE-1", QueueEntryStatus::Waiting)),
            ..Response::success()
        }),
        _ => None,
    }
}

fn heavy() -> JobTicket {
    let jdf = "<JDF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" ID=\"n\" Type=\"ConventionalPrinting\" Status=\"Waiting\" \
        JobID=\"JOB-1\"><ResourcePool><Media ID=\"m\" Class=\"Consumable\" Status=\"Available\" Weight=\"500\"/></ResourcePool>\
        <ResourceLinkPool><MediaLink rRef=\"m\" Usage=\"Input\"/></ResourceLinkPool></JDF>";
    let job_id = JobId::from_uuid(uuid::Uuid::from_u128(1));
    JobTicket::new(job_id, "JOB-1", "press-3", jdf)
}

/// What becomes of the ticket when nothing but the outbox speaks to the device.
async fn fate(says_what_it_can: bool) -> (CommandState, Option<i64>) {
    let peer = Peer::start(move |message| answer(message, says_what_it_can));
    let test = TestAgent::new(&peer.section("press-3", ""));
    test.hand_in(heavy()).await;
    let stop = Stop::new();
    let outbox = tokio::spawn(outbox::run(
        test.agent.clone(),
        Contacts::default(),
        JMF_URL.to_owned(),
        stop.clone(),
    ));
    let told = test.all_ended().await.remove(0);
    stop.begin();
    outbox.await.unwrap().unwrap();
    (told.state, told.return_code)
}

#[tokio::test]
async fn a_device_that_was_never_asked_is_asked_before_its_first_ticket() {
    assert_eq!(fate(true).await, (CommandState::Refused, Some(101)));
    assert_eq!(fate(false).await, (CommandState::Answered, Some(0)));
}

#[tokio::test]
async fn an_mis_is_told_the_capability_as_the_device_told_it() {
    let peer = Peer::start(|message| answer(message, true));
    let test = TestAgent::new(&peer.section("press-3", ""));
    let controller = Controller::start(&test);
    until("the device introduced itself", || async {
        let known = test.agent.devices.of("press-3");
        known.introduction.device.map(drop)
    })
    .await;
    let endpoint = router(JmfState {
        agent: test.agent.clone(),
        floor: controller.floor.clone(),
        contacts: controller.contacts.clone(),
        telemetry: test.telemetry.clone(),
    });
    let question = "<Query ID=\"Q\" Type=\"KnownDevices\"><DeviceFilter DeviceDetails=\"Capability\"/></Query>";
    let request = Request::post("/jmf")
        .body(Body::from(mis(question)))
        .unwrap();

    let response = endpoint.oneshot(request).await.unwrap();

    let bytes = to_bytes(response.into_body(), 100_000).await.unwrap();
    let told = String::from_utf8(bytes.to_vec()).unwrap();
    assert!(told.contains("AllowedValueMax=\"400\""), "{told}");
    controller.stop().await;
}
