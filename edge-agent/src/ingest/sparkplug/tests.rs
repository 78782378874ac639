//! The host against nodes that behave, that lose messages, and that send anything.

use std::sync::Arc;

use agog_sync::clock::ManualClock;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use prost::Message as _;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::host::{Action, Fault, Host, ONLINE};
use super::payload::{Metric, Payload, Value};
use crate::config::SparkplugConfig;
use crate::telemetry::{Limits, Telemetry};

const FLOAT: u32 = 9;
const STRING: u32 = 12;

fn host() -> Host {
    let config = "host_id = \"agog\"\ndevice = \"{device}\"\nnode = \"{node}\"";
    Host::new(toml::from_str::<SparkplugConfig>(config).unwrap())
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_760_000_000 + seconds)
}

fn metric(name: &str, alias: u64, value: f32) -> Metric {
    Metric {
        name: (!name.is_empty()).then(|| name.to_owned()),
        alias: Some(alias),
        datatype: (!name.is_empty()).then_some(FLOAT),
        value: Some(Value::Float(value)),
        ..Metric::default()
    }
}

fn payload(seq: u64, metrics: Vec<Metric>) -> Vec<u8> {
    Payload {
        timestamp: Some(1_760_000_000_000),
        metrics,
        seq: Some(seq),
    }
    .encode_to_vec()
}

fn bd_seq(number: u64) -> Metric {
    Metric {
        name: Some("bdSeq".to_owned()),
        value: Some(Value::Long(number)),
        ..Metric::default()
    }
}

/// The values that are to be stored, as `device metric value`, and what else is to be done.
fn done(actions: Vec<Action>) -> (Vec<String>, Vec<Action>) {
    let mut stored = Vec::new();
    let mut others = Vec::new();
    for action in actions {
        match action {
            Action::Store(samples) => {
                stored.extend(samples.iter().map(|sample| {
                    let series = &sample.series;
                    format!("{} {} {}", series.device, series.metric, sample.value)
                }));
            }
            other => others.push(other),
        }
    }
    (stored, others)
}

fn receive(host: &mut Host, topic: &str, bytes: &[u8], seconds: i64) -> (Vec<String>, Vec<Action>) {
    done(host.receive(topic, bytes, false, at(seconds)))
}

fn born(host: &mut Host) {
    let birth = payload(0, vec![bd_seq(3), metric("heat", 1, 41.5)]);
    let (stored, others) = receive(host, "spBv1.0/G/NBIRTH/N", &birth, 0);
    assert_eq!(stored, [format!("N {ONLINE} 1"), "N heat 41.5".to_owned()]);
    assert!(others.is_empty());
    let birth = payload(1, vec![metric("speed", 2, 9000.0)]);
    let (stored, others) = receive(host, "spBv1.0/G/DBIRTH/N/press", &birth, 0);
    assert_eq!(
        stored,
        [format!("press {ONLINE} 1"), "press speed 9000".to_owned()]
    );
    assert!(others.is_empty());
}

fn is_rebirth(actions: &[Action]) -> bool {
    actions.iter().any(|it| matches!(it, Action::AskRebirth(_)))
}

#[test]
fn data_is_read_by_the_aliases_of_the_births() {
    let mut host = host();
    born(&mut host);
    let data = payload(2, vec![metric("", 2, 9001.0)]);
    let (stored, others) = receive(&mut host, "spBv1.0/G/DDATA/N/press", &data, 1);
    assert_eq!(stored, ["press speed 9001"]);
    assert!(others.is_empty(), "{others:?}");
    let data = payload(3, vec![metric("", 1, 42.0)]);
    let (stored, _) = receive(&mut host, "spBv1.0/G/NDATA/N", &data, 1);
    assert_eq!(stored, ["N heat 42"]);
}

#[test]
fn a_birth_is_asked_for_when_none_is_known_and_not_again_at_once() {
    let mut host = host();
    let data = payload(7, vec![metric("", 2, 1.0)]);
    let mut asked = Vec::new();
    for seconds in 0..60 {
        let (stored, others) = receive(&mut host, "spBv1.0/G/NDATA/N", &data, seconds);
        assert!(stored.is_empty());
        if is_rebirth(&others) {
            asked.push(seconds);
        }
    }
    assert_eq!(asked, [0, 5, 15, 35]);
}

#[test]
fn a_message_that_is_missing_is_counted_and_what_came_is_taken() {
    let mut host = host();
    born(&mut host);
    let data = payload(5, vec![metric("", 2, 9001.0)]);
    let (stored, others) = receive(&mut host, "spBv1.0/G/DDATA/N/press", &data, 1);
    assert_eq!(stored, ["press speed 9001"]);
    assert!(is_rebirth(&others));
    assert_eq!(host.counts.missed_messages, 3);
    let data = payload(6, vec![metric("", 2, 9002.0)]);
    let (_, others) = receive(&mut host, "spBv1.0/G/DDATA/N/press", &data, 2);
    assert!(others.is_empty(), "it goes on from there: {others:?}");
}

#[test]
fn an_unknown_alias_asks_for_the_birth() {
    let mut host = host();
    born(&mut host);
    let data = payload(2, vec![metric("", 99, 1.0), metric("", 1, 42.0)]);
    let (stored, others) = receive(&mut host, "spBv1.0/G/NDATA/N", &data, 1);
    assert_eq!(stored, ["N heat 42"]);
    assert_eq!(others[0], Action::Bad(Fault::UnknownMetric));
    assert!(is_rebirth(&others));
}

#[test]
fn a_death_makes_the_node_and_its_devices_stale_and_a_late_one_nothing() {
    let mut host = host();
    born(&mut host);
    let death = |number| {
        Payload {
            metrics: vec![bd_seq(number)],
            ..Payload::default()
        }
        .encode_to_vec()
    };
    let (stored, _) = receive(&mut host, "spBv1.0/G/NDEATH/N", &death(2), 1);
    assert!(stored.is_empty(), "that of the session before");
    assert_eq!(host.counts.late_deaths, 1);
    assert!(host.nodes()["G/N"].online);

    let (stored, _) = receive(&mut host, "spBv1.0/G/NDEATH/N", &death(3), 2);

    assert_eq!(
        stored,
        [format!("N {ONLINE} 0"), format!("press {ONLINE} 0")]
    );
    let node = &host.nodes()["G/N"];
    assert_eq!(
        (node.online, node.devices, node.devices_online),
        (false, 1, 0)
    );
    let (stored, _) = receive(&mut host, "spBv1.0/G/NDEATH/N", &death(3), 3);
    assert!(stored.is_empty(), "it is known");
    let data = payload(2, vec![metric("", 1, 42.0)]);
    let (stored, others) = receive(&mut host, "spBv1.0/G/NDATA/N", &data, 4);
    assert!(stored.is_empty() && is_rebirth(&others));
}

#[test]
fn a_device_dies_alone() {
    let mut host = host();
    born(&mut host);
    let (stored, _) = receive(
        &mut host,
        "spBv1.0/G/DDEATH/N/press",
        &payload(2, vec![]),
        1,
    );
    assert_eq!(stored, [format!("press {ONLINE} 0")]);
    let data = payload(3, vec![metric("", 1, 42.0)]);
    let (stored, _) = receive(&mut host, "spBv1.0/G/NDATA/N", &data, 2);
    assert_eq!(stored, ["N heat 42"]);
    let data = payload(4, vec![metric("", 2, 1.0)]);
    let (stored, others) = receive(&mut host, "spBv1.0/G/DDATA/N/press", &data, 3);
    assert!(stored.is_empty() && is_rebirth(&others));
}

/// Who was found and lost by then, as `device found` or `device lost`.
fn news(host: &mut Host, seconds: i64) -> Vec<String> {
    let news = host.contacts.news(at(seconds)).into_iter();
    news.map(|it| {
        let what = if it.is_found { "found" } else { "lost" };
        format!("{} {what}", it.device)
    })
    .collect()
}

#[test]
fn a_birth_finds_a_device_once_and_a_death_loses_it() {
    let mut host = host();
    born(&mut host);
    assert_eq!(news(&mut host, 0), ["N found", "press found"]);
    receive(
        &mut host,
        "spBv1.0/G/DDEATH/N/press",
        &payload(2, vec![]),
        1,
    );
    assert_eq!(news(&mut host, 1), ["press lost"]);
    receive(&mut host, "spBv1.0/G/NDEATH/N", &payload(0, vec![]), 2);
    assert_eq!(news(&mut host, 2), ["N lost"]);
    assert!(news(&mut host, 3_600).is_empty(), "that was said");
    born(&mut host);
    assert_eq!(news(&mut host, 3_600), ["N found", "press found"]);
}

#[test]
fn who_is_born_again_in_time_was_never_lost_and_who_is_not_is() {
    let mut host = host();
    born(&mut host);
    assert_eq!(news(&mut host, 0).len(), 2);
    // The node is asked for its births, and tells them.
    let birth = payload(0, vec![bd_seq(3)]);
    receive(&mut host, "spBv1.0/G/NBIRTH/N", &birth, 0);
    let birth = payload(1, vec![]);
    receive(&mut host, "spBv1.0/G/DBIRTH/N/press", &birth, 1);
    assert!(news(&mut host, 60).is_empty());
    // The connection to the broker was lost.
    host.connected(at(100));
    assert!(news(&mut host, 110).is_empty());
    let birth = payload(0, vec![bd_seq(4)]);
    receive(&mut host, "spBv1.0/G/NBIRTH/N", &birth, 110);
    assert_eq!(news(&mut host, 129).len(), 0);
    assert_eq!(news(&mut host, 140), ["press lost"]);
}

#[test]
fn a_node_is_asked_again_on_each_connection_whoever_was_asked_before() {
    let mut host = host();
    born(&mut host);
    assert!(is_rebirth(&host.connected(at(100))));
    host.away(at(101));
    assert!(is_rebirth(&host.connected(at(102))));
}

#[test]
fn who_is_not_back_while_the_broker_is_away_is_lost_once_and_its_series_says_so() {
    let mut host = host();
    born(&mut host);
    assert_eq!(news(&mut host, 0).len(), 2);
    host.away(at(100));
    assert!(news(&mut host, 200).is_empty());
    host.away(at(200));
    let lost = host.contacts.news(at(220));
    let lost: Vec<_> = lost
        .iter()
        .map(|it| (it.device.as_str(), it.is_found, it.is_in_vain))
        .collect();
    assert_eq!(lost, [("N", false, true), ("press", false, true)]);
    host.connected(at(7_200));
    assert!(news(&mut host, 14_400).is_empty(), "that was said");
}

#[test]
fn a_broker_that_comes_back_late_leaves_nodes_the_time_for_their_births() {
    let mut host = host();
    born(&mut host);
    assert_eq!(news(&mut host, 0).len(), 2);
    host.away(at(100));
    host.connected(at(215));
    assert!(news(&mut host, 244).is_empty());
    assert_eq!(news(&mut host, 245), ["N lost", "press lost"]);
}

#[test]
fn text_and_null_are_counted_and_history_is_taken_by_its_own_time() {
    let mut host = host();
    born(&mut host);
    let metrics = vec![
        Metric {
            datatype: Some(STRING),
            value: Some(Value::Text("x".to_owned())),
            ..metric("", 1, 0.0)
        },
        Metric {
            is_null: Some(true),
            value: None,
            ..metric("", 1, 0.0)
        },
        Metric {
            is_historical: Some(true),
            timestamp: Some(1_750_000_000_000),
            ..metric("", 1, 40.0)
        },
    ];
    let data = payload(2, metrics);
    let actions = host.receive("spBv1.0/G/NDATA/N", &data, false, at(1));
    let [Action::Store(samples)] = actions.as_slice() else {
        panic!("{actions:?}")
    };
    assert_eq!(samples.len(), 1);
    assert_eq!(samples[0].at.as_second(), 1_750_000_000);
    assert_eq!((host.counts.no_numbers, host.counts.nulls), (1, 1));
}

#[tokio::test]
async fn history_is_stored_and_is_never_the_newest_value_whatever_its_time() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(at(0)));
    let path = folder.path().join("telemetry.db");
    let (telemetry, thread) =
        Telemetry::open(&path, Limits::default(), clock, StdRng::seed_from_u64(1)).unwrap();
    let mut host = host();
    let birth = payload(0, vec![bd_seq(3), metric("heat", 1, 41.5)]);
    let history = Metric {
        is_historical: Some(true),
        timestamp: Some(1_760_000_001_000),
        ..metric("", 1, 40.0)
    };
    let data = payload(1, vec![history]);

    for (topic, bytes) in [("NBIRTH", birth), ("NDATA", data)] {
        let topic = format!("spBv1.0/G/{topic}/N");
        for action in host.receive(&topic, &bytes, false, at(2)) {
            let Action::Store(samples) = action else {
                panic!("{action:?}")
            };
            telemetry.record(samples).await.unwrap();
        }
    }

    let latest = telemetry.latest().into_iter();
    let latest: Vec<_> = latest
        .map(|it| format!("{} {}", it.metric, it.value))
        .collect();
    assert_eq!(latest, [format!("{ONLINE} 1"), "heat 41.5".to_owned()]);
    assert_eq!(telemetry.trends("N", "heat", 10)[0].points.len(), 1);
    // The birth of the node, its heat, and the heat that it had.
    assert_eq!(telemetry.now().await.unwrap().open_samples, 3);
    drop(telemetry);
    thread.join();
}

#[test]
fn after_a_lost_connection_every_known_node_is_asked_for_its_birth() {
    let mut host = host();
    born(&mut host);
    assert!(is_rebirth(&host.connected(at(60))));
    assert!(!host.nodes()["G/N"].online);
}

#[test]
fn a_host_that_is_said_to_be_away_says_that_it_is_there() {
    let mut host = host();
    let mut said = |topic, state: &str| host.receive(topic, state.as_bytes(), true, at(0));
    let away = r#"{"online":false,"timestamp":1}"#;
    assert_eq!(said("spBv1.0/STATE/agog", away), [Action::SayOnline]);
    assert!(said("spBv1.0/STATE/other", away).is_empty());
    assert!(said("spBv1.0/STATE/agog", r#"{"online":true,"timestamp":1}"#).is_empty());
}

#[test]
fn a_retained_birth_is_of_no_session_that_is_known() {
    let mut host = host();
    let birth = payload(0, vec![metric("heat", 1, 41.5)]);
    assert!(
        host.receive("spBv1.0/G/NBIRTH/N", &birth, true, at(0))
            .is_empty()
    );
}

proptest! {
    /// Of a session with any messages lost, the host knows it as soon as one comes after them, and it stores what came.
    #[test]
    fn loss_is_always_noticed(lost in prop::collection::vec(any::<bool>(), 1..200)) {
        let mut host = host();
        born(&mut host);
        let mut missing = 0_u64;
        let mut expected_missed = 0;
        for (n, is_lost) in lost.iter().enumerate() {
            if *is_lost {
                missing += 1;
                continue;
            }
            let data = payload((n as u64 + 2) % 256, vec![metric("", 1, 1.0)]);
            let (stored, _) = receive(&mut host, "spBv1.0/G/NDATA/N", &data, 0);
            prop_assert_eq!(stored.len(), 1);
            expected_missed += missing;
            missing = 0;
        }
        prop_assert_eq!(host.counts.missed_messages, expected_missed);
        prop_assert_eq!(host.counts.rebirths_asked > 0, expected_missed > 0);
    }

    /// Whatever is sent by whomever, the host keeps its bounds and its head.
    #[test]
    fn any_messages_are_taken_or_refused(
        messages in prop::collection::vec(
            (
                "(spBv1.0/)(G|H|STATE)/(N|D|X)(BIRTH|DATA|DEATH|CMD)/[ab](/[ab])?",
                prop_oneof![
                    prop::collection::vec(any::<u8>(), 0..40),
                    (0_u64..300, prop::collection::vec((0_u64..4, "[ab]?", any::<f32>()), 0..4)).prop_map(|(seq, metrics)| {
                        let metrics = metrics.into_iter();
                        payload(seq, metrics.map(|(alias, name, value)| metric(&name, alias, value)).collect())
                    }),
                ],
                any::<bool>(),
            ),
            0..60,
        ),
    ) {
        let mut host = host();
        for (topic, bytes, retained) in messages {
            for action in host.receive(&topic, &bytes, retained, at(0)) {
                if let Action::Store(samples) = action {
                    prop_assert!(samples.iter().all(|it| it.value.is_finite()));
                }
            }
            let known: usize = host.nodes().values().map(|node| node.metrics).sum();
            prop_assert_eq!(known, host.metric_count());
        }
    }
}
