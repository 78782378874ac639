//! The tasks of an agent that talk to devices, and the devices of its configuration.

use std::net::SocketAddr;

use agog_edge::devices;
use agog_edge::devices::contact::Contacts;
use agog_edge::floor::Floor;
use agog_edge::lifecycle::Stop;
use agog_edge::outbox;

use crate::support::TestAgent;

pub(crate) const JMF_URL: &str = "http://127.0.0.1:7411/jmf";

pub(crate) fn section(address: SocketAddr) -> String {
    format!("[[device]]\nid = \"press-3\"\nurl = \"http://{address}/jmf\"\n")
}

/// A device that is missed after two and a half seconds.
pub(crate) fn lively(address: SocketAddr) -> String {
    format!("{}[device.settings]\nheartbeat_s = 1\n", section(address))
}

/// The controller tasks of an agent.
pub(crate) struct Controller {
    pub(crate) floor: Floor,
    pub(crate) contacts: Contacts,
    stop: Stop,
    tasks: Vec<tokio::task::JoinHandle<anyhow::Result<()>>>,
}

impl Controller {
    pub(crate) fn start(test: &TestAgent) -> Self {
        Self::start_at(test, JMF_URL)
    }

    /// Devices are told to send to `jmf_url`.
    pub(crate) fn start_at(test: &TestAgent, jmf_url: &str) -> Self {
        let stop = Stop::new();
        let contacts = Contacts::default();
        let (floor, floor_task) = Floor::new(test.agent.clone());
        let devices = devices::run(
            test.agent.clone(),
            floor.clone(),
            contacts.clone(),
            jmf_url.to_owned(),
            stop.clone(),
        );
        let outbox = outbox::run(
            test.agent.clone(),
            contacts.clone(),
            jmf_url.to_owned(),
            stop.clone(),
        );
        let tasks = vec![
            tokio::spawn(floor_task.run()),
            tokio::spawn(devices),
            tokio::spawn(outbox),
        ];
        Self {
            floor,
            contacts,
            stop,
            tasks,
        }
    }

    pub(crate) async fn stop(self) {
        let Self {
            floor, stop, tasks, ..
        } = self;
        // The floor works until every handle on it is gone.
        drop(floor);
        stop.begin();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
    }
}
