//! Devices that are added and removed while the agent runs.

use agog_edge::config::DeviceConfig;
use agog_edge::lifecycle::Stop;
use agog_sync::event::JobStep;
use agog_sync::frame::JobTicket;
use agog_sync::ids::JobId;

use crate::controller::Controller;
use crate::ports::anywhere;
use crate::press::Press;
use crate::support::{TestAgent, until};

fn device(address: std::net::SocketAddr) -> DeviceConfig {
    toml::from_str(&format!(
        "id = \"press-3\"\nurl = \"http://{address}/jmf\"\n"
    ))
    .unwrap()
}

#[tokio::test]
async fn a_device_that_is_added_is_watched_gets_its_job_and_loses_its_channels_when_it_is_removed()
{
    let press = Press::default();
    let on = press.switch_on(anywhere());
    let test = TestAgent::new("");
    let controller = Controller::start(&test);
    let devices = test.agent.known_devices.clone();

    devices.add(device(on.address)).unwrap();

    until("the press has its channels", || async {
        (!press.memory().subscriptions.is_empty()).then_some(())
    })
    .await;
    let jdf = "<JDF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" ID=\"n\" Type=\"Product\" JobID=\"J-1\"/>";
    let job_id = JobId::from_uuid(uuid::Uuid::from_u128(1));
    test.hand_in(JobTicket::new(job_id, "J-1", "press-3", jdf))
        .await;
    test.step("J-1", JobStep::Submitted).await;

    devices.remove("press-3").unwrap();

    until("the press has lost its channels", || async {
        press.memory().subscriptions.is_empty().then_some(())
    })
    .await;
    assert!(!test.agent.known_devices.contains("press-3"));
    let stop = Stop::new();
    stop.begin();
    controller.stop().await;
}
