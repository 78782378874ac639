//! The JMF endpoint of an agent without a network, and what a press says to it.

use agog_edge::devices::contact::Contacts;
use agog_edge::floor::Floor;
use agog_edge::ingest::jmf::{JmfState, router};
use agog_jdf::Limits;
use agog_jdf::jmf::{Body as Content, Jmf, Response as Answer};
use agog_jdf::package::Outgoing;
use agog_sync::frame::{JobTicket, OutputLot};
use agog_sync::ids::JobId;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use tower::ServiceExt as _;

use crate::support::TestAgent;

const PRESS: &str = "[[device]]\nid = \"press-3\"\njmf_url = \"http://127.0.0.1:1/jmf\"\n";

pub(crate) struct Endpoint {
    pub(crate) test: TestAgent,
    router: Router,
    floor: tokio::task::JoinHandle<anyhow::Result<()>>,
}

impl Endpoint {
    pub(crate) fn new() -> Self {
        Self::of(TestAgent::new(PRESS))
    }

    pub(crate) fn of(test: TestAgent) -> Self {
        let (floor, task) = Floor::new(test.agent.clone());
        let running = tokio::spawn(task.run());
        let state = JmfState {
            agent: test.agent.clone(),
            floor,
            contacts: Contacts::default(),
            telemetry: test.telemetry.clone(),
        };
        Self {
            router: router(state),
            test,
            floor: running,
        }
    }

    /// The agent ends and starts again on its folder.
    pub(crate) async fn restarted(self) -> Self {
        let Self {
            test,
            router,
            floor,
        } = self;
        drop(router);
        floor.await.unwrap().unwrap();
        Self::of(TestAgent::open(test.close(), PRESS))
    }

    pub(crate) async fn post(
        &self,
        content_type: &str,
        body: impl Into<Body>,
    ) -> (StatusCode, Vec<Answer>) {
        let request = Request::post("/jmf")
            .header("content-type", content_type)
            .body(body.into())
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let jmf = Jmf::parse(&bytes, &Limits::default()).unwrap().jmf;
        assert_eq!(jmf.sender_id, "agog-edge-HAM");
        let answers = jmf.messages.into_iter().map(|message| match message.body {
            Content::Response(answer) => answer,
            other => panic!("not a response: {other:?}"),
        });
        (status, answers.collect())
    }

    pub(crate) async fn post_xml(&self, xml: &str) -> (StatusCode, Vec<Answer>) {
        self.post("application/vnd.cip4-jmf+xml", xml.to_owned())
            .await
    }

    pub(crate) async fn post_return(&self, message_id: &str, ticket: &str) -> Vec<Answer> {
        self.post_return_of(message_id, "QE-1", ticket).await
    }

    /// The device gives the ticket of a queue entry back.
    pub(crate) async fn post_return_of(
        &self,
        message_id: &str,
        entry: &str,
        ticket: &str,
    ) -> Vec<Answer> {
        let jmf = jmf(&format!(
            "<Command ID=\"{message_id}\" Type=\"ReturnQueueEntry\" xsi:type=\"CommandReturnQueueEntry\">\
             <ReturnQueueEntryParams QueueEntryID=\"{entry}\" URL=\"cid:back.jdf\" Completed=\"n1\"/></Command>"
        ));
        let mut package = Outgoing::new(jmf.into_bytes());
        package.ticket("back.jdf", ticket.as_bytes().to_vec());
        let (content_type, body) = package.finish();
        let (status, answers) = self.post(&content_type, body).await;
        assert_eq!(status, StatusCode::OK);
        answers
    }

    pub(crate) async fn ticket(&self, inputs: &[&str]) {
        let job_id = JobId::from_uuid(uuid::Uuid::from_u128(5));
        let ticket = JobTicket {
            order: Some("ORD-7".to_owned()),
            customer: Some("Chocolate Ltd".to_owned()),
            inputs: inputs.iter().map(ToString::to_string).collect(),
            output: Some(OutputLot {
                number: Some("FG-B".to_owned()),
                material: self.test.agent.config.material_map()["CARTON-A"].clone(),
            }),
            waste_reason: Some("color issues".to_owned()),
            ..JobTicket::new(job_id, "JOB-B", "press-3", returned("LOT-2025-001-B"))
        };
        self.test.hand_in(ticket).await;
    }
}

pub(crate) fn jmf(messages: &str) -> String {
    format!(
        "<JMF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
         SenderID=\"press-3\" TimeStamp=\"2026-01-05T10:00:00Z\" Version=\"1.5\">{messages}</JMF>"
    )
}

pub(crate) fn status(id: &str, time: &str, status: &str, phase: &str) -> String {
    format!(
        "<Signal ID=\"{id}\" Type=\"Status\" Time=\"{time}\"><DeviceInfo DeviceID=\"press-3\" \
         DeviceStatus=\"{status}\" Speed=\"9000\">{phase}</DeviceInfo></Signal>"
    )
}

pub(crate) fn phase(status: &str, amount: u32) -> String {
    format!(
        "<JobPhase JobID=\"JOB-B\" QueueEntryID=\"QE-1\" Status=\"{status}\" Amount=\"{amount}\" Waste=\"12\"/>"
    )
}

/// The ticket of job B as the press returns it: 14,500 good and 500 waste of one lot.
pub(crate) fn returned(lot: &str) -> String {
    let amounts = |lot: &str| {
        let lot = |amount| match lot {
            "" => String::new(),
            lot => format!("<Lot LotID=\"{lot}\" ActualAmount=\"{amount}\"/>"),
        };
        format!(
            "<AmountPool><PartAmount ActualAmount=\"14500\"><Part Condition=\"Good\"/>{}</PartAmount>\
             <PartAmount ActualAmount=\"500\"><Part Condition=\"Waste\"/>{}</PartAmount></AmountPool>",
            lot(14_500),
            lot(500)
        )
    };
    format!(
        "<JDF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" ID=\"n1\" Type=\"ConventionalPrinting\" JobID=\"JOB-B\" \
         Status=\"Completed\" Version=\"1.5\"><AuditPool>\
         <PhaseTime Start=\"2026-01-05T08:00:00Z\" End=\"2026-01-05T09:30:00Z\" Status=\"InProgress\" StatusDetails=\"Good\">\
         <Employee PersonalID=\"Jane Smith\"/></PhaseTime>\
         <ResourceAudit Reason=\"ProcessResult\"><MediaLink rRef=\"M1\" Usage=\"Input\">{}</MediaLink></ResourceAudit>\
         <ResourceAudit Reason=\"ProcessResult\"><ComponentLink rRef=\"C1\" Usage=\"Output\">{}</ComponentLink></ResourceAudit>\
         <ProcessRun Start=\"2026-01-05T08:00:00Z\" End=\"2026-01-05T09:30:00Z\" EndStatus=\"Completed\"/></AuditPool>\
         <ResourcePool><Media ID=\"M1\" Class=\"Consumable\" Status=\"Available\"/>\
         <Component ID=\"C1\" Class=\"Quantity\" Status=\"Available\"/></ResourcePool>\
         <ResourceLinkPool><MediaLink rRef=\"M1\" Usage=\"Input\"/><ComponentLink rRef=\"C1\" Usage=\"Output\"/></ResourceLinkPool>\
         </JDF>",
        amounts(lot),
        amounts("")
    )
}
