//! Devices that send no times and number their messages anew in each document, and devices that speak for others.

use agog_jdf::jmf::ReturnCode;
use agog_sync::event::{DeviceEvent, Event};

use crate::desk::{Desk, document};
use crate::endpoint::{Endpoint, jmf};
use crate::support::TestAgent;

/// Posts a message whose time nothing tells.
async fn say(endpoint: &Endpoint, message: &str) {
    let document = jmf(message).replace(" TimeStamp=\"2026-01-05T10:00:00Z\"", "");
    assert!(!document.contains("2026"), "{document}");
    let (_, answers) = endpoint.post_xml(&document).await;
    assert_eq!(answers[0].return_code, ReturnCode::SUCCESS);
}

fn state(status: &str) -> String {
    format!(
        "<Signal ID=\"S1\" Type=\"Status\"><DeviceInfo DeviceID=\"press-3\" DeviceStatus=\"{status}\"/></Signal>"
    )
}

async fn states(endpoint: &Endpoint) -> Vec<String> {
    let events = endpoint.test.events().await;
    let state = |event: Event| match event {
        Event::Device(DeviceEvent::StateChanged(state)) => Some(state.status),
        _ => None,
    };
    let events = events.iter().map(|event| event.event().unwrap());
    events.filter_map(state).collect()
}

#[tokio::test]
async fn every_change_of_a_device_that_sends_no_time_and_one_id_is_a_fact_also_after_a_restart() {
    let endpoint = Endpoint::new();
    // A heartbeat is no fact, and its ID is no reason not to hear what comes next.
    for status in ["Running", "Running", "Stopped", "Stopped", "Running"] {
        say(&endpoint, &state(status)).await;
    }
    assert_eq!(states(&endpoint).await, ["Running", "Stopped", "Running"]);

    let endpoint = endpoint.restarted().await;
    for status in ["Running", "Idle", "Running"] {
        say(&endpoint, &state(status)).await;
    }
    assert_eq!(
        states(&endpoint).await,
        ["Running", "Stopped", "Running", "Idle", "Running"]
    );
}

#[tokio::test]
async fn what_a_device_without_times_tells_people_is_a_fact_once_and_other_words_are_another() {
    let endpoint = Endpoint::new();
    let words = |text: &str| {
        format!(
            "<Signal ID=\"S1\" Type=\"Notification\"><Notification Class=\"Warning\" Type=\"Event\">\
             <Comment>{text}</Comment></Notification></Signal>"
        )
    };
    for text in ["paper jam", "paper jam", "out of ink", "paper jam"] {
        say(&endpoint, &words(text)).await;
    }
    let endpoint = endpoint.restarted().await;
    say(&endpoint, &words("paper jam")).await;
    assert_eq!(
        endpoint.test.kinds().await,
        ["device.notified", "device.notified"]
    );
}

const TWO: &str = "[[device]]\nid = \"press-3\"\nurl = \"http://127.0.0.1:1/jmf\"\n\
    [[device]]\nid = \"coater-1\"\nurl = \"http://127.0.0.1:2/jmf\"\n\
    [[device]]\nid = \"far-1\"\nurl = \"http://10.9.9.9:2/jmf\"\naddresses = [\"10.9.9.9\"]\n";

fn ink(id: &str, device: &str) -> String {
    format!(
        "<Signal ID=\"{id}\" Type=\"Resource\" Time=\"2026-01-05T10:00:00Z\">\
         <ResourceInfo ResourceName=\"Ink\" ModuleID=\"PU-1\" Usage=\"Input\" Unit=\"kg\" Level=\"Low\" \
         AvailableAmount=\"2.5\"/>\
         <ResourceInfo ResourceName=\"Ink\" ModuleID=\"PU-1\" Usage=\"Input\" Unit=\"kg\" Level=\"OK\" \
         AvailableAmount=\"7.5\" DeviceID=\"{device}\"/></Signal>"
    )
}

#[tokio::test]
async fn a_resource_that_names_another_device_is_booked_to_it() {
    let endpoint = Endpoint::of(TestAgent::new(TWO));
    for (id, device) in [("r1", "coater-1"), ("r2", "coater-1")] {
        let (_, answers) = endpoint.post_xml(&jmf(&ink(id, device))).await;
        assert_eq!(answers[0].return_code, ReturnCode::SUCCESS);
    }
    let events = endpoint.test.events().await;
    let mut told: Vec<_> = events
        .iter()
        .map(|event| match event.event().unwrap() {
            Event::Device(DeviceEvent::ResourceChanged(told)) => (told.device, told.level.unwrap()),
            other => panic!("{other:?}"),
        })
        .collect();
    told.sort();
    let pair = |device: &str, level: &str| (device.to_owned(), level.to_owned());
    assert_eq!(told, [pair("coater-1", "OK"), pair("press-3", "Low")]);
    let latest = endpoint.test.telemetry.latest();
    let available = latest
        .iter()
        .filter(|value| value.metric == "jmf.resource.Ink.PU-1.available");
    let mut available: Vec<_> = available
        .map(|value| (value.device.as_str(), value.value.to_string()))
        .collect();
    available.sort();
    assert_eq!(
        available,
        [
            ("coater-1", "7.5".to_owned()),
            ("press-3", "2.5".to_owned())
        ]
    );
}

#[tokio::test]
async fn a_resource_of_a_device_that_is_elsewhere_is_not_taken() {
    let desk = Desk::new(TWO);
    let message = document("press-3", &ink("r1", "far-1"));
    let answers = desk.ask_from([127, 0, 0, 1].into(), &message).await;
    assert_eq!(answers[0].return_code, ReturnCode::AUTHENTICATION_DENIED);
    assert!(desk.test.kinds().await.is_empty());
    desk.close().await;
}
