//! An agent as an MIS meets it: its endpoint with the address of the caller, and the tasks behind it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use agog_edge::controller;
use agog_edge::devices::contact::Contacts;
use agog_edge::floor::Floor;
use agog_edge::ingest::jmf::{JmfState, router};
use agog_edge::lifecycle::Stop;
use agog_jdf::Limits;
use agog_jdf::jmf::{Body as Content, Jmf, Message, Response as Answer};
use agog_jdf::package::{JMF_TYPE, Outgoing};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tower::ServiceExt as _;

use crate::support::TestAgent;

pub(crate) const PRESS: &str = "[[device]]\nid = \"press-3\"\nurl = \"http://127.0.0.1:1/jmf\"\n";
/// An MIS on the same machine is allowed.
pub(crate) const NEAR: &str = "[jmf]\nlisten = \"127.0.0.1:0\"\nallow_loopback = true\n";

pub(crate) struct Desk {
    pub(crate) test: TestAgent,
    router: Router,
    stop: Stop,
    tasks: Vec<JoinHandle<anyhow::Result<()>>>,
}

impl Desk {
    pub(crate) fn new(config: &str) -> Self {
        Self::around(TestAgent::new(config))
    }

    pub(crate) fn open(folder: Arc<TempDir>, config: &str) -> Self {
        Self::around(TestAgent::open(folder, config))
    }

    fn around(test: TestAgent) -> Self {
        let (floor, floor_task) = Floor::new(test.agent.clone());
        let stop = Stop::new();
        let tasks = vec![
            tokio::spawn(floor_task.run()),
            tokio::spawn(controller::run(test.agent.clone(), stop.clone())),
        ];
        let state = JmfState {
            agent: test.agent.clone(),
            floor,
            contacts: Contacts::default(),
            telemetry: test.telemetry.clone(),
        };
        Self {
            router: router(state),
            test,
            stop,
            tasks,
        }
    }

    /// Ends everything; what is on disk stays.
    pub(crate) async fn close(self) -> Arc<TempDir> {
        let Self {
            test,
            router,
            stop,
            tasks,
        } = self;
        drop(router);
        stop.begin();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        test.close()
    }

    /// Posts a body from an address; tells the status and the answer as it came.
    pub(crate) async fn post_from(
        &self,
        caller: IpAddr,
        content_type: &str,
        body: impl Into<Body>,
    ) -> (StatusCode, Jmf) {
        let request = Request::post("/jmf")
            .header("content-type", content_type)
            .extension(ConnectInfo(SocketAddr::new(caller, 40_000)))
            .body(body.into())
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, Jmf::parse(&bytes, &Limits::default()).unwrap().jmf)
    }

    /// The answers to messages that an MIS sends; each is well delivered.
    pub(crate) async fn ask(&self, messages: &str) -> Vec<Answer> {
        self.ask_from([127, 0, 0, 1].into(), &mis(messages)).await
    }

    pub(crate) async fn ask_from(&self, caller: IpAddr, xml: &str) -> Vec<Answer> {
        let (status, jmf) = self.post_from(caller, JMF_TYPE, xml.to_owned()).await;
        assert_eq!(status, StatusCode::OK);
        answers(jmf)
    }

    /// The only answer to the only message.
    pub(crate) async fn ask_one(&self, message: &str) -> Answer {
        let mut answers = self.ask(message).await;
        assert_eq!(answers.len(), 1);
        answers.pop().unwrap()
    }

    /// The device says what it does.
    pub(crate) async fn press_says(&self, id: u32, status: &str) {
        let xml = document(
            "press-3",
            &format!(
                "<Signal ID=\"P{id}\" Type=\"Status\" Time=\"2026-01-05T10:{id:02}:00Z\">\
                 <StatusQuParams/><DeviceInfo DeviceID=\"press-3\" DeviceStatus=\"{status}\"/></Signal>"
            ),
        );
        let answers = self.ask_from([127, 0, 0, 1].into(), &xml).await;
        assert_eq!(answers[0].return_code.number(), 0);
    }

    /// A command with a ticket beside it.
    pub(crate) async fn send_package(&self, xml: &str, cid: &str, ticket: &[u8]) -> Answer {
        self.send_files(xml, cid, ticket, &[]).await
    }

    /// The same with PDF files.
    pub(crate) async fn send_files(
        &self,
        xml: &str,
        cid: &str,
        ticket: &[u8],
        files: &[(&str, &[u8])],
    ) -> Answer {
        let mut package = Outgoing::new(xml.as_bytes().to_vec());
        package.ticket(cid, ticket.to_vec());
        for (id, body) in files {
            package.file(id, "application/pdf", body.to_vec());
        }
        let (content_type, body) = package.finish();
        let (status, jmf) = self
            .post_from([127, 0, 0, 1].into(), &content_type, body)
            .await;
        assert_eq!(status, StatusCode::OK);
        answers(jmf).pop().unwrap()
    }
}

/// The responses of a JMF.
pub(crate) fn answers(jmf: Jmf) -> Vec<Answer> {
    let answer = |message: Message| match message.body {
        Content::Response(answer) => answer,
        other => panic!("not a response: {other:?}"),
    };
    jmf.messages.into_iter().map(answer).collect()
}

/// Messages of an MIS as a document.
pub(crate) fn mis(messages: &str) -> String {
    document("mis", messages)
}

pub(crate) fn document(sender: &str, messages: &str) -> String {
    format!(
        "<JMF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" SenderID=\"{sender}\" \
         TimeStamp=\"2026-01-05T10:00:00Z\" Version=\"1.5\">{messages}</JMF>"
    )
}
