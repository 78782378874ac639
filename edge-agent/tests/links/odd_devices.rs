//! Devices that answer oddly, or not at all.

use std::time::Duration;

use agog_edge::devices::picture::DeviceState;
use agog_jdf::DeviceStatus;
use agog_jdf::jmf::{Body as Content, Device, DeviceInfo, Message, Query, Response, ReturnCode};
use tokio::time::Instant;

use crate::controller::{Controller, lively};
use crate::endpoint::{Endpoint, jmf};
use crate::peer::Peer;
use crate::ports::anywhere;
use crate::press::Press;
use crate::support::{TestAgent, until};

const LIVELY: &str = "[device.settings]\nheartbeat_s = 1";

async fn state(test: &TestAgent, wanted: impl Fn(&DeviceState) -> bool) -> DeviceState {
    until("the device is as expected", || async {
        let state = test.agent.devices.of("press-3");
        wanted(&state).then_some(state)
    })
    .await
}

fn subscription(message: &Message) -> Option<&Query> {
    match &message.body {
        Content::Query(query) if query.subscription.is_some() => Some(query),
        _ => None,
    }
}

fn idle() -> Response {
    let device = Device {
        device_id: Some("press-3".to_owned()),
        model_name: Some("Speedy 7".to_owned()),
        ..Device::default()
    };
    let info = DeviceInfo {
        device: Some(device),
        ..DeviceInfo::new("press-3", DeviceStatus::Idle)
    };
    Response {
        devices: vec![info],
        ..Response::success()
    }
}

#[tokio::test]
async fn a_device_that_implements_nothing_is_in_contact_and_its_refusals_are_shown() {
    let peer = Peer::start(|_| Some(Response::refusal(ReturnCode::NOT_IMPLEMENTED, "not here")));
    let test = TestAgent::new(&peer.section("press-3", ""));
    let controller = Controller::start(&test);
    let state = state(&test, |state| state.subscriptions.len() == 4).await;
    assert!(state.reachable);
    assert!(state.subscriptions.iter().all(|channel| !channel.active));
    let refused = &state.introduction.refused;
    assert_eq!(refused.len(), 6, "{refused:?}");
    assert!(refused.iter().all(|refusal| refusal.return_code == Some(5)));
    until("it is found", || async {
        (test.kinds().await == ["device.found"]).then_some(())
    })
    .await;
    controller.stop().await;
}

#[tokio::test]
async fn the_state_of_a_device_that_cannot_be_subscribed_is_asked_and_recorded() {
    let peer = Peer::start(|message| {
        Some(match (subscription(message), message.kind.as_str()) {
            (None, "Status" | "KnownDevices") => idle(),
            _ => Response::refusal(ReturnCode::NOT_IMPLEMENTED, "not here"),
        })
    });
    let test = TestAgent::new(&peer.section("press-3", LIVELY));
    let controller = Controller::start(&test);
    until("its state is a fact", || async {
        (test.kinds().await == ["device.found", "device.state-changed"]).then_some(())
    })
    .await;
    let known = test.agent.devices.of("press-3");
    assert_eq!(known.status.as_deref(), Some("Idle"));
    let device = known.introduction.device.unwrap();
    assert_eq!(device.model_name.as_deref(), Some("Speedy 7"));
    controller.stop().await;
}

#[tokio::test]
async fn answers_without_ref_id_and_of_the_wrong_type_are_understood() {
    let peer = Peer::bent(
        |message| {
            Some(match message.kind.as_str() {
                "Status" | "KnownDevices" if subscription(message).is_none() => idle(),
                _ => Response::success(),
            })
        },
        |xml| {
            let xml = xml.replace("xsi:type=\"Response", "xsi:type=\"Signal");
            xml.replace(" refID=", " v=")
        },
    );
    let test = TestAgent::new(&peer.section("press-3", ""));
    let controller = Controller::start(&test);
    let state = state(&test, |state| state.subscriptions.len() == 4).await;
    assert_eq!(state.status.as_deref(), Some("Idle"));
    assert!(state.subscriptions.iter().all(|channel| channel.active));
    assert!(state.introduction.refused.is_empty());
    controller.stop().await;
}

#[tokio::test]
async fn a_device_that_lists_no_channel_is_not_given_more_and_more_of_them() {
    let peer = Peer::start(|_| Some(Response::success()));
    let test = TestAgent::new(&peer.section("press-3", LIVELY));
    let controller = Controller::start(&test);
    until("it was silent and asked again", || async {
        let renewed = peer.seen(|seen| {
            let messages = seen.iter().flat_map(|seen| &seen.jmf.messages);
            let asked = messages.filter(|message| subscription(message).is_some());
            let ids: Vec<_> = asked.map(|message| message.id.clone()).collect();
            (ids.len() >= 8).then_some(ids)
        });
        renewed.map(|ids| assert_eq!(ids[..4], ids[4..8], "the same channels"))
    })
    .await;
    controller.stop().await;
}

#[tokio::test]
async fn what_a_device_can_do_is_kept_and_known_after_a_restart() {
    let peer = Peer::start(|message| {
        Some(match message.kind.as_str() {
            "KnownDevices" => idle(),
            _ => Response::success(),
        })
    });
    let section = peer.section("press-3", "");
    let test = TestAgent::new(&section);
    let controller = Controller::start(&test);
    state(&test, |state| state.subscriptions.len() == 4).await;
    controller.stop().await;
    let folder = test.close();
    drop(peer);

    let test = TestAgent::open(folder, &section);
    let controller = Controller::start(&test);

    let state = state(&test, |state| state.last_failure.is_some()).await;
    assert!(!state.reachable);
    let device = state.introduction.device.unwrap();
    assert_eq!(device.model_name.as_deref(), Some("Speedy 7"));
    controller.stop().await;
}

#[tokio::test]
async fn a_device_that_is_away_is_lost_once_and_found_once() {
    let press = Press::default();
    let on = press.switch_on(anywhere());
    let address = on.address;
    on.off().await;
    let test = TestAgent::new(&lively(address));
    let controller = Controller::start(&test);
    until("the device is lost", || async {
        (test.kinds().await == ["device.lost"]).then_some(())
    })
    .await;

    let _on = press.switch_on(address);

    until("the device is found", || async {
        (test.kinds().await == ["device.lost", "device.found"]).then_some(())
    })
    .await;
    controller.stop().await;
}

#[tokio::test]
async fn a_device_that_falls_silent_is_lost_within_two_heartbeats_and_a_margin() {
    let peer = Peer::start(|_| Some(Response::success()));
    let test = TestAgent::new(&peer.section("press-3", "[device.settings]\nheartbeat_s = 2"));
    let controller = Controller::start(&test);
    until("the device is found", || async {
        (test.kinds().await == ["device.found"]).then_some(())
    })
    .await;

    peer.hang();
    let silent_since = Instant::now();

    until("the device is lost", || async {
        (test.kinds().await == ["device.found", "device.lost"]).then_some(())
    })
    .await;
    // Two heartbeats, the margin of half of one, and what a loaded machine takes.
    assert!(silent_since.elapsed() < Duration::from_secs(4 + 1 + 2));
    assert!(!test.agent.devices.of("press-3").reachable);
    controller.stop().await;
}

#[tokio::test]
async fn a_device_that_sends_and_does_not_answer_is_not_lost_and_this_is_shown() {
    let peer = Peer::start(|_| Some(Response::success()));
    let more = format!("{LIVELY}\nrequest_timeout_s = 1");
    let test = TestAgent::new(&peer.section("press-3", &more));
    let controller = Controller::start(&test);
    until("the device is found", || async {
        (test.kinds().await == ["device.found"]).then_some(())
    })
    .await;
    let contacts = controller.contacts.clone();
    let signals = tokio::spawn(async move {
        let mut every = tokio::time::interval(Duration::from_millis(200));
        loop {
            every.tick().await;
            contacts.heard("press-3");
        }
    });

    peer.hang();

    let state = state(&test, |state| state.last_failure.is_some()).await;
    let odd = state.last_failure.unwrap();
    assert!(odd.starts_with("sends, but does not answer"), "{odd}");
    assert!(state.reachable);
    assert_eq!(test.kinds().await, ["device.found"]);
    signals.abort();
    controller.stop().await;
}

#[tokio::test]
async fn signals_without_an_id_are_not_taken_for_repeats_of_each_other() {
    let endpoint = Endpoint::new();
    let says = |text: &str| {
        format!(
            "<Signal Type=\"Notification\"><Notification Class=\"Warning\" \
             TimeStamp=\"2026-01-05T10:00:00Z\"><Comment>{text}</Comment></Notification></Signal>"
        )
    };
    let both = jmf(&(says("ink is low") + &says("the feeder is empty")));

    endpoint.post_xml(&both).await;
    // Sent again, because the answer was lost.
    endpoint.post_xml(&both).await;

    let events = endpoint.test.events().await;
    let said: Vec<_> = events.iter().map(|event| event.payload.get()).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].contains("ink is low"), "{said:?}");
    assert!(said[1].contains("the feeder is empty"), "{said:?}");
}
