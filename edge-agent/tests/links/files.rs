//! Tickets with files: fetched from the hub, whole, and sent with their ticket from the disk.

use agog_edge::lifecycle::Stop;
use agog_edge::outbox::files::StoredFile;
use agog_edge::uplink::{self, enrol};
use agog_jdf::jmf::Response;
use agog_jdf::package::{Package, PackageLimits};
use agog_sync::chain::Hash;
use agog_sync::event::JobStep;
use agog_sync::frame::{FeedBody, JobTicket, TicketFile};
use agog_sync::ids::{AgentId, JobId};
use bytes::Bytes;

use crate::controller::Controller;
use crate::hub::{CODE, Hub};
use crate::peer::Peer;
use crate::ports::anywhere;
use crate::support::{TestAgent, until};

/// Many times what is read at once.
const PDF_BYTES: usize = 5 * 1024 * 1024 + 17;

fn pdf() -> Bytes {
    let mut bytes = b"%PDF-1.7\n".to_vec();
    let more = PDF_BYTES - bytes.len();
    bytes.extend((0..251).cycle().take(more));
    bytes.into()
}

fn hash(bytes: &[u8]) -> Hash {
    Hash::from_bytes(*blake3::hash(bytes).as_bytes())
}

fn ticket(number: &str, n: u128, file: &Bytes) -> JobTicket {
    let jdf = format!(
        "<JDF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" ID=\"n\" Type=\"ConventionalPrinting\" Status=\"Waiting\" \
         JobID=\"{number}\"><ResourcePool><RunList ID=\"r\" Class=\"Parameter\" Status=\"Available\"><LayoutElement>\
         <FileSpec URL=\"cid:art.pdf\"/></LayoutElement></RunList></ResourcePool></JDF>"
    );
    let file = TicketFile {
        content_id: "art.pdf".to_owned(),
        name: "art.pdf".to_owned(),
        media_type: "application/pdf".to_owned(),
        bytes: file.len() as u64,
        blake3: hash(file),
    };
    JobTicket {
        files: vec![file],
        ..JobTicket::new(
            JobId::from_uuid(uuid::Uuid::from_u128(n)),
            number,
            "press-3",
            jdf,
        )
    }
}

/// What the device got as `cid:art.pdf`, and the length that was announced for all of it.
fn received(peer: &Peer) -> Option<(Vec<u8>, Option<String>, usize)> {
    peer.seen(|seen| {
        let seen = seen.iter().find(|seen| {
            let mut messages = seen.jmf.messages.iter();
            messages.any(|message| message.kind == "SubmitQueueEntry")
        })?;
        let package = Package::parse(None, &seen.body, &PackageLimits::default()).unwrap();
        let part = package.resolve_cid("cid:art.pdf").unwrap();
        assert_eq!(part.content_type.as_str(), "application/pdf");
        let length = seen.headers.get("content-length");
        let length = length.map(|length| length.to_str().unwrap().to_owned());
        Some((part.body().to_vec(), length, seen.body.len()))
    })
}

struct Plant {
    hub: Hub,
    peer: Peer,
    test: TestAgent,
    controller: Controller,
    stop: Stop,
    uplink: tokio::task::JoinHandle<anyhow::Result<()>>,
    _listening: crate::hub::Listening,
}

impl Plant {
    async fn start() -> Self {
        let hub = Hub::default();
        let listening = hub.listen(anywhere());
        let peer = Peer::start(|_| Some(Response::success()));
        let url = listening.url();
        let test = TestAgent::new(&format!(
            "[hub]\nurl = \"{url}\"\n{}",
            peer.section("press-3", "")
        ));
        let producer = test.agent.ledger.position().borrow().producer;
        let agent_id = AgentId::from_uuid(producer.uuid());
        enrol::enrol(&url, &test.data_dir(), agent_id, "edge", None, CODE)
            .await
            .unwrap();
        let controller = Controller::start(&test);
        let stop = Stop::new();
        let uplink = uplink::run(test.agent.clone(), test.telemetry.clone(), stop.clone());
        Self {
            hub,
            peer,
            controller,
            stop,
            uplink: tokio::spawn(uplink),
            test,
            _listening: listening,
        }
    }

    async fn stop(self) {
        self.stop.begin();
        self.uplink.await.unwrap().unwrap();
        self.controller.stop().await;
    }
}

#[tokio::test]
async fn a_ticket_of_the_hub_goes_to_its_device_with_its_file() {
    let plant = Plant::start().await;
    let pdf = pdf();
    let key = hash(&pdf).to_string();
    plant.hub.books().files.insert(key, pdf.clone());

    plant
        .hub
        .feed(FeedBody::JobTicket(Box::new(ticket("JOB-1", 1, &pdf))));

    plant.test.step("JOB-1", JobStep::Submitted).await;
    let (got, announced, length) = received(&plant.peer).unwrap();
    assert!(got == pdf, "every byte arrives");
    assert_eq!(announced, Some(length.to_string()));
    plant.stop().await;
}

#[tokio::test]
async fn a_file_that_is_not_what_was_announced_is_never_sent_and_fetched_again() {
    let plant = Plant::start().await;
    let pdf = pdf();
    let key = hash(&pdf).to_string();
    let damaged = Bytes::from(vec![0; pdf.len()]);
    plant.hub.books().files.insert(key.clone(), damaged);
    plant
        .hub
        .feed(FeedBody::JobTicket(Box::new(ticket("JOB-1", 1, &pdf))));
    until("the ticket waits for its file", || async {
        let first = plant.test.commands().await.pop()?;
        (first.last_error? == "file `art.pdf` has not come yet").then_some(())
    })
    .await;

    plant.hub.books().files.insert(key, pdf.clone());

    plant.test.step("JOB-1", JobStep::Submitted).await;
    let (got, ..) = received(&plant.peer).unwrap();
    assert!(got == pdf, "only the right bytes arrive");
    plant.stop().await;
}

#[tokio::test]
async fn a_ticket_whose_file_the_hub_does_not_have_is_refused() {
    let plant = Plant::start().await;

    plant
        .hub
        .feed(FeedBody::JobTicket(Box::new(ticket("JOB-1", 1, &pdf()))));

    plant.test.step("JOB-1", JobStep::Refused).await;
    let detail = plant.test.job("JOB-1").await.progress.detail.unwrap();
    assert!(
        detail.starts_with("the hub does not have file `art.pdf`"),
        "{detail}"
    );
    assert!(received(&plant.peer).is_none());
    plant.stop().await;
}

#[tokio::test]
async fn a_device_that_wants_chunks_gets_files_in_chunks() {
    let peer = Peer::start(|_| Some(Response::success()));
    let more = "[device.settings]\nbody_length = \"chunked\"\nmime_header_in_body = true";
    let test = TestAgent::new(&peer.section("press-3", more));
    let pdf = pdf();
    let content = futures_util::stream::iter([Ok::<_, std::io::Error>(pdf.clone())]);
    let stored = test.agent.files.receive(content, None).await.unwrap();
    let expected = StoredFile {
        blake3: hash(&pdf),
        bytes: pdf.len() as u64,
    };
    assert_eq!(stored, expected);
    let controller = Controller::start(&test);

    test.hand_in(ticket("JOB-1", 1, &pdf)).await;

    test.step("JOB-1", JobStep::Submitted).await;
    let (got, announced, _) = received(&peer).unwrap();
    assert!(got == pdf);
    assert_eq!(announced, None);
    peer.seen(|seen| {
        assert!(
            seen.iter()
                .any(|seen| seen.body.starts_with(b"MIME-Version"))
        );
    });
    controller.stop().await;
}
