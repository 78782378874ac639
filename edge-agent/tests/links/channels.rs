//! Channels of devices: opened once, verified, renewed, stopped when nobody wants them any more.

use agog_edge::devices::picture::DeviceState;
use agog_jdf::ChannelMode;
use agog_jdf::jmf::Subscription;

use crate::controller::{Controller, JMF_URL, lively, section};
use crate::ports::anywhere;
use crate::press::Press;
use crate::support::{TestAgent, until};

const KINDS: [&str; 4] = ["Status", "Resource", "QueueStatus", "Notification"];

fn kinds(press: &Press) -> Vec<String> {
    let memory = press.memory();
    let channels = memory.subscriptions.iter();
    channels.map(|(kind, ..)| kind.clone()).collect()
}

async fn subscribed(press: &Press) {
    until("the device has each channel once", || async {
        (kinds(press) == KINDS).then_some(())
    })
    .await;
}

/// Waits until the device is known with its channels.
async fn known(test: &TestAgent) -> DeviceState {
    until("the device is known", || async {
        let state = test.agent.devices.of("press-3");
        let channels = &state.subscriptions;
        let verified = channels.iter().all(|channel| channel.verified_at.is_some());
        (channels.len() == KINDS.len() && verified).then_some(state)
    })
    .await
}

#[tokio::test]
async fn a_device_that_restarts_gets_its_channels_again() {
    let press = Press::default();
    let on = press.switch_on(anywhere());
    let test = TestAgent::new(&lively(on.address));
    let controller = Controller::start(&test);
    subscribed(&press).await;
    known(&test).await;
    let to_us = |(_, _, subscription): &(String, String, Subscription)| {
        subscription.url.as_deref() == Some(JMF_URL)
    };
    assert!(press.memory().subscriptions.iter().all(to_us));

    press.memory().subscriptions.clear();

    subscribed(&press).await;
    assert_eq!(test.kinds().await, ["device.found"]);
    controller.stop().await;
}

#[tokio::test]
async fn a_restarted_agent_takes_its_channels_up_again() {
    let press = Press::default();
    let on = press.switch_on(anywhere());
    let test = TestAgent::new(&section(on.address));
    let controller = Controller::start(&test);
    known(&test).await;
    controller.stop().await;
    let folder = test.close();

    let test = TestAgent::open(folder, &section(on.address));
    let controller = Controller::start(&test);

    known(&test).await;
    assert_eq!(kinds(&press), KINDS);
    assert_eq!(press.memory().asked, KINDS.len());
    controller.stop().await;
}

#[tokio::test]
async fn a_changed_heartbeat_replaces_the_channels() {
    let press = Press::default();
    let on = press.switch_on(anywhere());
    let test = TestAgent::new(&section(on.address));
    let controller = Controller::start(&test);
    known(&test).await;
    controller.stop().await;
    let folder = test.close();

    let test = TestAgent::open(folder, &lively(on.address));
    let controller = Controller::start(&test);

    known(&test).await;
    assert_eq!(kinds(&press), KINDS);
    let beats_every_second = {
        let memory = press.memory();
        let mut channels = memory.subscriptions.iter();
        channels.all(|(_, _, subscription)| subscription.repeat_time == Some(1.into()))
    };
    assert!(beats_every_second);
    controller.stop().await;
}

#[tokio::test]
async fn reliable_channels_are_asked_for() {
    let press = Press::default();
    let on = press.switch_on(anywhere());
    let test = TestAgent::new(&section(on.address));
    let controller = Controller::start(&test);
    let state = known(&test).await;
    assert!(
        state
            .subscriptions
            .iter()
            .all(|channel| channel.mode == "Reliable")
    );
    controller.stop().await;
}

#[tokio::test]
async fn a_device_without_reliable_channels_gets_others_and_is_asked_once() {
    let press = Press::default();
    press.memory().refuse_reliable = true;
    let on = press.switch_on(anywhere());
    let test = TestAgent::new(&lively(on.address));
    let controller = Controller::start(&test);
    let state = known(&test).await;
    assert!(state.subscriptions.iter().all(|channel| {
        channel.mode == "FireAndForget" && channel.detail.is_some() && channel.active
    }));
    assert_eq!(press.memory().asked, 2 * KINDS.len());

    press.memory().subscriptions.clear();

    subscribed(&press).await;
    assert_eq!(press.memory().asked, 3 * KINDS.len());
    controller.stop().await;
}

#[tokio::test]
async fn doubled_channels_are_brought_down_to_one_and_those_of_others_stay() {
    let press = Press::default();
    let on = press.switch_on(anywhere());
    let double = |id: &str, url: &str| {
        let mut subscription = Subscription::to(url).every_seconds(10);
        subscription.channel_mode = Some(ChannelMode::FireAndForget);
        ("Status".to_owned(), id.to_owned(), subscription)
    };
    press.memory().subscriptions = vec![
        double("OLD-1", JMF_URL),
        double("OLD-2", JMF_URL),
        double("MIS-1", "http://mis.example/jmf"),
    ];
    let test = TestAgent::new(&section(on.address));
    let controller = Controller::start(&test);
    known(&test).await;
    let ids: Vec<String> = {
        let memory = press.memory();
        let status = memory
            .subscriptions
            .iter()
            .filter(|(kind, ..)| kind == "Status");
        status.map(|(_, id, _)| id.clone()).collect()
    };
    assert_eq!(ids, ["OLD-2", "MIS-1"]);
    controller.stop().await;
}

#[tokio::test]
async fn the_channels_of_a_removed_device_are_stopped() {
    let press = Press::default();
    let on = press.switch_on(anywhere());
    let test = TestAgent::new(&section(on.address));
    let controller = Controller::start(&test);
    known(&test).await;
    controller.stop().await;
    let folder = test.close();

    let test = TestAgent::open(folder, "");
    let controller = Controller::start(&test);

    until("the device has no channels", || async {
        press.memory().subscriptions.is_empty().then_some(())
    })
    .await;
    let records = test.data_dir().join("devices");
    until("the device is forgotten", || async {
        let mut left = std::fs::read_dir(&records).unwrap();
        left.next().is_none().then_some(())
    })
    .await;
    controller.stop().await;
}

#[tokio::test]
async fn channels_to_an_address_that_the_agent_no_longer_has_are_stopped() {
    let press = Press::default();
    let on = press.switch_on(anywhere());
    let test = TestAgent::new(&section(on.address));
    let controller = Controller::start_at(&test, "http://127.0.0.1:7499/jmf");
    known(&test).await;
    controller.stop().await;
    let folder = test.close();

    let test = TestAgent::open(folder, &section(on.address));
    let controller = Controller::start(&test);

    until("only channels to the new address are left", || async {
        let memory = press.memory();
        let mut urls = memory
            .subscriptions
            .iter()
            .map(|(_, _, s)| s.url.as_deref());
        (memory.subscriptions.len() == KINDS.len() && urls.all(|url| url == Some(JMF_URL)))
            .then_some(())
    })
    .await;
    controller.stop().await;
}

#[tokio::test]
async fn a_device_whose_url_is_only_spelled_anew_has_its_channels_again_at_once() {
    let press = Press::default();
    let on = press.switch_on(anywhere());
    // Nothing but the stopping of the old channels makes the agent look at them within this test.
    let rare = |host: &str| {
        let url = format!("http://{host}:{}/jmf", on.address.port());
        format!(
            "[[device]]\nid = \"press-3\"\nurl = \"{url}\"\n[device.settings]\nheartbeat_s = 300\n"
        )
    };
    let test = TestAgent::new(&rare("127.0.0.1"));
    let controller = Controller::start(&test);
    known(&test).await;
    controller.stop().await;
    let folder = test.close();
    assert_eq!(press.memory().asked, KINDS.len());

    // The old spelling is given up after the new one has taken its channels up.
    press.memory().miss_stops = 1;
    let test = TestAgent::open(folder, &rare("localhost"));
    let controller = Controller::start(&test);

    until("the channels were stopped and opened again", || async {
        (press.memory().asked == 2 * KINDS.len()).then_some(())
    })
    .await;
    subscribed(&press).await;
    controller.stop().await;
}
