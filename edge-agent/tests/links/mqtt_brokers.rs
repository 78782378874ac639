//! Brokers that want to know whom they speak with, several of them, and a look at what arrives.

use std::path::Path;
use std::process::Command;

use agog_edge::config::TlsConfig;
use agog_edge::health::LinkHealth;
use agog_edge::ingest::mqtt::tail::Tail;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use crate::authority::Authority;
use crate::broker::Broker;
use crate::mqtt::{Source, has_values, numbers};
use crate::support::{TestAgent, until};

const RULE: &str = "[[mqtt.topic]]\nfilter = \"plant/+/+\"\ndevice = \"{1}\"\nmetric = \"{2}\"\n\
                    value = \"/value\"\ntime = \"/time\"\n";

/// A broker that shows a certificate of `authority`, and takes only agents with one of it.
async fn with_tls(authority: &Authority, shows: &TlsConfig) -> Broker {
    Broker::start_with(&format!(
        "allow_anonymous true\ncafile {}\ncertfile {}\nkeyfile {}\nrequire_certificate true",
        authority.ca_file().display(),
        shows.cert_file.display(),
        shows.key_file.display()
    ))
    .await
}

fn section(port: u16, more: &str) -> String {
    format!("[telemetry]\nblock_ms = 20\n[[mqtt]]\nbroker = \"127.0.0.1:{port}\"\n{more}\n{RULE}")
}

fn tls(ca_file: &Path, own: Option<&TlsConfig>) -> String {
    let own = own.map_or_else(String::new, |own| {
        format!(
            ", cert_file = \"{}\", key_file = \"{}\"",
            own.cert_file.display(),
            own.key_file.display()
        )
    });
    format!("tls = {{ ca_file = \"{}\"{own} }}", ca_file.display())
}

fn link(test: &TestAgent, broker: &str) -> LinkHealth {
    let snapshot = test.agent.health.snapshot();
    snapshot.mqtt.get(broker).cloned().unwrap_or_default()
}

/// Why there is no connection.
async fn failure(test: &TestAgent) -> String {
    until("the connection fails", || async {
        link(test, "main").last_failure
    })
    .await
}

async fn readings(broker: &Broker, device: &str, from: i64, count: i64) {
    let topic = format!("plant/{device}/speed");
    for n in from..from + count {
        let payload = format!(
            "{{\"value\":{n},\"time\":{}}}",
            1_760_000_000_000 + n * 1_000
        );
        broker.publish(&[(&topic, &payload)]).await;
    }
}

/// Subscribing takes the broker a moment.
async fn subscribed(test: &TestAgent, broker: &Broker, name: &str) {
    let before = link(test, name).messages;
    until("the subscription works", || async {
        // Without its time, so that it gives no sample.
        broker.publish(&[("plant/x/ready", "{}")]).await;
        (link(test, name).messages > before).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_broker_with_tls_takes_the_agent_by_its_certificate_also_after_a_restart() {
    let authority = Authority::new();
    let mut broker = with_tls(&authority, &authority.certificate(2099)).await;
    let own = authority.issue("agent", 2098);
    let test = TestAgent::new(&section(
        broker.port,
        &tls(&authority.ca_file(), Some(&own)),
    ));
    let source = Source::start(&test).await;
    subscribed(&test, &broker, "main").await;
    readings(&broker, "press-3", 0, 20).await;
    has_values(&test, 20).await;

    broker.kill();
    failure(&test).await;
    broker.restart().await;
    // What is published before the agent is back waits in its session.
    readings(&broker, "press-3", 20, 20).await;

    has_values(&test, 40).await;
    assert_eq!(test.stored_values().await, numbers(40));
    source.stop().await;
}

#[tokio::test]
async fn a_broker_of_an_authority_that_is_not_trusted_is_refused_and_the_remedy_is_named() {
    let (authority, other) = (Authority::new(), Authority::new());
    let broker = with_tls(&authority, &authority.certificate(2099)).await;
    let test = TestAgent::new(&section(broker.port, &tls(&other.ca_file(), None)));
    let source = Source::begin(&test);

    let failure = failure(&test).await;

    assert!(
        failure.contains("not trusted here") && failure.contains("tls.ca_file"),
        "{failure}"
    );
    source.stop().await;
}

#[tokio::test]
async fn a_broker_by_another_name_than_that_in_its_certificate_is_refused() {
    let authority = Authority::new();
    let broker = with_tls(&authority, &authority.issue("elsewhere.example", 2099)).await;
    let test = TestAgent::new(&section(broker.port, &tls(&authority.ca_file(), None)));
    let source = Source::begin(&test);

    let failure = failure(&test).await;

    assert!(failure.contains("another name"), "{failure}");
    source.stop().await;
}

#[tokio::test]
async fn a_broker_that_wants_a_certificate_of_the_agent_says_so() {
    let authority = Authority::new();
    let broker = with_tls(&authority, &authority.certificate(2099)).await;
    let test = TestAgent::new(&section(broker.port, &tls(&authority.ca_file(), None)));
    let source = Source::begin(&test);

    let failure = failure(&test).await;

    assert!(failure.contains("tls.cert_file"), "{failure}");
    source.stop().await;
}

#[tokio::test]
async fn a_wrong_password_is_told_and_a_right_one_needs_no_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let made = Command::new("mosquitto_passwd")
        .args(["-c", "-b"])
        .arg(file("users"))
        .args(["agog", "right secret"])
        .status();
    assert!(made.unwrap().success());
    let broker = Broker::start_with(&format!(
        "allow_anonymous false\npassword_file {}",
        file("users").display()
    ))
    .await;
    std::fs::write(file("name"), "agog\n").unwrap();
    std::fs::write(file("password"), "wrong secret\n").unwrap();
    let test = TestAgent::new(&section(
        broker.port,
        &format!(
            "username_file = \"{}\"\npassword_file = \"{}\"",
            file("name").display(),
            file("password").display()
        ),
    ));
    let source = Source::begin(&test);
    let failure = failure(&test).await;
    assert!(
        failure.contains("user name, password") && !failure.contains("secret"),
        "{failure}"
    );

    std::fs::write(file("password"), "right secret\n").unwrap();

    until("the agent is let in", || async {
        link(&test, "main").connected.then_some(())
    })
    .await;
    source.stop().await;
}

#[tokio::test]
async fn two_brokers_are_taken_from_and_one_that_is_away_keeps_the_other_one_not_waiting() {
    let (mut first, second) = (Broker::start().await, Broker::start().await);
    let test = TestAgent::new(&format!(
        "[telemetry]\nblock_ms = 20\n\
         [[mqtt]]\nname = \"hall-1\"\nbroker = \"127.0.0.1:{}\"\n{RULE}\
         [[mqtt]]\nname = \"hall-2\"\nbroker = \"127.0.0.1:{}\"\n{RULE}",
        first.port, second.port
    ));
    let source = Source::start(&test).await;
    subscribed(&test, &first, "hall-1").await;
    subscribed(&test, &second, "hall-2").await;
    readings(&first, "press-1", 0, 10).await;
    has_values(&test, 10).await;

    first.kill();
    readings(&second, "press-2", 0, 10).await;

    has_values(&test, 20).await;
    let latest = test.telemetry.latest();
    let devices: Vec<_> = latest.iter().map(|it| it.device.as_str()).collect();
    assert_eq!(devices, ["press-1", "press-2"]);
    until("the outage is noticed", || async {
        (!link(&test, "hall-1").connected).then_some(())
    })
    .await;
    assert!(link(&test, "hall-2").connected);
    assert_eq!(link(&test, "hall-2").samples, 10);
    source.stop().await;
}

#[tokio::test]
async fn a_look_at_what_arrives_takes_nothing_from_the_agent() {
    let broker = Broker::start().await;
    let test = TestAgent::new(&section(broker.port, ""));
    let source = Source::start(&test).await;
    subscribed(&test, &broker, "main").await;
    let mut rng = StdRng::seed_from_u64(1);
    let config = &test.agent.config;
    let mut tail = Tail::new(&config.mqtt[0], "HAM", None, &mut rng).unwrap();
    tail.connect().await.unwrap();

    readings(&broker, "press-3", 0, 3).await;
    broker
        .publish(&[("plant/press-3/speed", "stopped\u{1b}[2J")])
        .await;

    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(tail.next(&*test.agent.clock).await.unwrap());
    }
    assert_eq!(seen[2].samples[0].device, "press-3");
    assert_eq!(seen[2].samples[0].value.to_bits(), 2.0_f64.to_bits());
    assert_eq!(seen[3].payload, "stopped [2J");
    assert!(seen[3].fault.as_ref().unwrap().contains("not JSON"));
    has_values(&test, 3).await;
    assert_eq!(test.stored_values().await, numbers(3));
    assert_eq!(link(&test, "main").connections, 1);
    source.stop().await;
}
