//! What the agent recorded of a job against what the simulated press really made, to the sheet,
//! whatever happened to the signals on their way.

use std::net::SocketAddr;
use std::sync::Arc;

use agog_edge::ingest::jmf::{JmfState, router};
use agog_edge::ledger::rows::JobRow;
use agog_sync::event::{DeviceEvent, Event, JobStep};
use agog_sync::frame::JobTicket;
use agog_sync::ids::JobId;
use rust_decimal::Decimal;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::controller::Controller;
use crate::ports::anywhere;
use crate::simulator::Simulator;
use crate::support::{TestAgent, until};

/// A day of the press in some seconds.
const OPTIONS: [&str; 8] = [
    "--speed-up",
    "900",
    "--make-ready",
    "600",
    "--stops",
    "2",
    "--seed",
    "5",
];

/// An agent with its endpoint, listening where the press was told to send to.
struct Plant {
    test: TestAgent,
    controller: Controller,
    endpoint: JoinHandle<std::io::Result<()>>,
    address: SocketAddr,
}

impl Plant {
    async fn start(test: TestAgent, address: SocketAddr) -> Self {
        let listener = until("the port is free", || async {
            TcpListener::bind(address).await.ok()
        });
        let listener = listener.await;
        let address = listener.local_addr().unwrap();
        let controller = Controller::start_at(&test, &format!("http://{address}/jmf"));
        let routes = router(JmfState {
            agent: test.agent.clone(),
            floor: controller.floor.clone(),
            contacts: controller.contacts.clone(),
            telemetry: test.telemetry.clone(),
        });
        let endpoint = tokio::spawn(async move { axum::serve(listener, routes).await });
        Self {
            test,
            controller,
            endpoint,
            address,
        }
    }

    /// Ends as a program does; the folder and the address stay.
    async fn stop(self) -> (Arc<TempDir>, SocketAddr) {
        self.endpoint.abort();
        let _ = self.endpoint.await;
        self.controller.stop().await;
        let test = self.test;
        (test.close(), self.address)
    }

    async fn hand_in(&self) {
        let jdf = "<JDF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" ID=\"n1\" Type=\"ConventionalPrinting\" \
            JobID=\"JOB-1\" JobPartID=\"P1\" Status=\"Waiting\" Version=\"1.5\"><ResourcePool>\
            <Media ID=\"M1\" Class=\"Consumable\" Status=\"Available\"/>\
            <Component ID=\"C1\" Class=\"Quantity\" Status=\"Unavailable\" ComponentType=\"Sheet\"/></ResourcePool>\
            <ResourceLinkPool><MediaLink rRef=\"M1\" Usage=\"Input\" Amount=\"5150\"/>\
            <ComponentLink rRef=\"C1\" Usage=\"Output\" Amount=\"5000\"/></ResourceLinkPool></JDF>";
        let job_id = JobId::from_uuid(uuid::Uuid::from_u128(9));
        let ticket = JobTicket::new(job_id, "JOB-1", "press-3", jdf);
        self.test.hand_in(ticket).await;
    }

    async fn job(&self, step: JobStep) -> JobRow {
        let ledger = &self.test.agent.ledger;
        until("the job gets to its step", || async {
            let job = ledger.job_by_number("JOB-1").await.unwrap()?;
            (job.step == step).then_some(job)
        })
        .await
    }
}

/// Good and waste of the only job, as the press made them.
async fn account(url: &str) -> (Decimal, Decimal) {
    let base = url.split("/jmf").next().unwrap();
    let text = reqwest::get(format!("{base}/account"))
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let of = json.get(0).unwrap_or(&json);
    let amount = |name: &str| Decimal::from(of["jobs"][0][name].as_u64().unwrap());
    (amount("good"), amount("waste"))
}

fn agent(url: &str) -> String {
    format!(
        "[[device]]\nid = \"press-3\"\nurl = \"{url}\"\n[device.settings]\nheartbeat_s = 1\nreliable = true\n"
    )
}

#[tokio::test]
async fn the_phases_of_a_job_add_up_to_what_the_press_made() {
    let folder = tempfile::tempdir().unwrap();
    let (_press, url) = Simulator::start_with(folder.path(), "127.0.0.1:0", &OPTIONS).await;
    let plant = Plant::start(TestAgent::new(&agent(&url)), anywhere()).await;
    until("the press signals", || async {
        plant.test.agent.devices.of("press-3").last_signal_at
    })
    .await;
    plant.hand_in().await;
    let job = plant.job(JobStep::Completed).await;

    let (good, waste) = account(&url).await;
    assert_eq!(
        (job.progress.good, job.progress.waste),
        (Some(good), Some(waste))
    );
    assert_eq!(job.progress.differences, [], "{:?}", job.progress.detail);
    let mut sums = (Decimal::ZERO, Decimal::ZERO);
    for event in plant.test.events().await {
        if let Event::Job(job) = event.event().unwrap()
            && let Some(closed) = job.progress.closed_phase
        {
            sums.0 += closed.good.unwrap();
            sums.1 += closed.waste.unwrap();
        }
    }
    assert_eq!(sums, (good, waste));
    plant.stop().await;
}

#[tokio::test]
async fn faults_on_the_way_and_a_restart_of_the_agent_change_no_sheet_and_the_last_state_is_right()
{
    let faults = "{\"repeat_signals\":0.2,\"reorder_signals\":0.3,\"delay_signals\":0.1,\"delay_signal_ms\":100,\
         \"drop_signals\":0.1,\"drop_answers\":0.1,\"clock_offset_ms\":-7200000}";
    let folder = tempfile::tempdir().unwrap();
    let options = [&OPTIONS[..], &["--faults", faults]].concat();
    let (_press, url) = Simulator::start_with(folder.path(), "127.0.0.1:0", &options).await;
    let plant = Plant::start(TestAgent::new(&agent(&url)), anywhere()).await;
    plant.hand_in().await;
    plant.job(JobStep::Phase).await;
    let (data, address) = plant.stop().await;
    let plant = Plant::start(TestAgent::open(data, &agent(&url)), address).await;
    let job = plant.job(JobStep::Completed).await;

    let (good, waste) = account(&url).await;
    assert_eq!(
        (job.progress.good, job.progress.waste),
        (Some(good), Some(waste))
    );
    until(
        "the newest state by the clock of the press is idle",
        || async {
            let states = plant.test.events().await;
            let states = states
                .iter()
                .filter_map(|event| match event.event().unwrap() {
                    Event::Device(DeviceEvent::StateChanged(state)) => {
                        Some((event.occurred_at, state.status))
                    }
                    _ => None,
                });
            let newest = states.max_by_key(|(at, _)| *at)?;
            (newest.1 == "Idle").then_some(())
        },
    )
    .await;
    plant.stop().await;
}
