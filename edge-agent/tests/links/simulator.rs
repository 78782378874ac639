//! The agent and the press simulator, as two programs that talk over loopback.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use agog_edge::devices::picture::DeviceState;
use agog_edge::ingest::jmf::{JmfState, router};
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::controller::Controller;
use crate::ports::anywhere;
use crate::simulator_program::simulator_program;
use crate::support::{TestAgent, until};

/// A running simulator; killed when it is dropped.
pub(crate) struct Simulator(Child);

impl Simulator {
    /// Listens on `address`, or on a free port that it then writes into the folder.
    async fn start(folder: &Path, address: &str) -> (Self, String) {
        Self::start_with(folder, address, &[]).await
    }

    pub(crate) async fn start_with(
        folder: &Path,
        address: &str,
        options: &[&str],
    ) -> (Self, String) {
        let file = folder.join("press.json");
        let _ = std::fs::remove_file(&file);
        let press = Command::new(simulator_program())
            .args(["--device-id", "press-3", "--listen", address])
            .arg("--address-file")
            .arg(&file)
            .args(options)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let press = Self(press);
        let url = until("the press listens", || async {
            let text = std::fs::read_to_string(&file).ok()?;
            let json: serde_json::Value = serde_json::from_str(&text).ok()?;
            Some(json["jmf_url"].as_str()?.to_owned())
        })
        .await;
        (press, url)
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn state(test: &TestAgent, what: &str, wanted: impl Fn(&DeviceState) -> bool) -> DeviceState {
    until(what, || async {
        let state = test.agent.devices.of("press-3");
        wanted(&state).then_some(state)
    })
    .await
}

#[tokio::test]
async fn a_simulated_press_is_known_heard_lost_and_found() {
    let folder = tempfile::tempdir().unwrap();
    let (press, url) = Simulator::start(folder.path(), &anywhere().to_string()).await;
    let test = TestAgent::new(&format!(
        "[[device]]\nid = \"press-3\"\nurl = \"{url}\"\n[device.settings]\nheartbeat_s = 1\n"
    ));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let jmf_url = format!("http://{}/jmf", listener.local_addr().unwrap());
    let controller = Controller::start_at(&test, &jmf_url);
    let endpoint = router(JmfState {
        agent: test.agent.clone(),
        floor: controller.floor.clone(),
        contacts: controller.contacts.clone(),
        telemetry: test.telemetry.clone(),
    });
    let endpoint = tokio::spawn(async move { axum::serve(listener, endpoint).await });

    let known = state(&test, "the press signals", |state| {
        state.last_signal_at.is_some() && state.subscriptions.len() == 4
    })
    .await;
    assert!(known.reachable);
    assert_eq!(known.status.as_deref(), Some("Idle"));
    let status = &known.subscriptions;
    let status = status
        .iter()
        .find(|channel| channel.kind == "Status")
        .unwrap();
    assert!(status.active && status.verified_at.is_some(), "{status:?}");
    assert_eq!(known.queue.unwrap().entries_total, 0);
    let told = known.introduction;
    assert!(
        told.messages
            .iter()
            .any(|message| message.kind == "SubmitQueueEntry")
    );
    assert!(
        told.device.is_some() && told.submission_methods.is_some(),
        "{told:?}"
    );

    drop(press);
    let gone = Instant::now();
    state(&test, "the press is lost", |state| !state.reachable).await;
    // Two heartbeats of a second, half of one, and what a loaded machine takes.
    assert!(
        gone.elapsed() < Duration::from_secs(5),
        "{:?}",
        gone.elapsed()
    );

    let address = url.trim_start_matches("http://");
    let address = address.split('/').next().unwrap();
    let back = test.agent.clock.now();
    let (_press, _) = Simulator::start(folder.path(), address).await;
    state(&test, "the press signals again", |state| {
        state.reachable && state.last_signal_at.is_some_and(|at| at > back)
    })
    .await;
    let kinds = test.kinds().await;
    let contacts: Vec<_> = kinds
        .iter()
        .filter(|kind| *kind != "device.state-changed")
        .collect();
    assert_eq!(contacts, ["device.found", "device.lost", "device.found"]);
    endpoint.abort();
    let _ = endpoint.await;
    controller.stop().await;
}
