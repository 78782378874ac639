//! What the command line says of brokers and their topic maps.

use std::io::Write as _;

use serde_json::Value;

use crate::support::{Program, text};

fn with_mqtt(mqtt: &str) -> Program {
    let program = Program::init();
    let file = std::fs::OpenOptions::new()
        .append(true)
        .open(program.config_path());
    file.unwrap().write_all(mqtt.as_bytes()).unwrap();
    program
}

#[test]
fn check_explains_the_topic_map_and_finds_rules_that_never_give_a_sample() {
    let program = with_mqtt(
        "\n[[mqtt]]\nname = \"hall-1\"\nbroker = \"192.0.2.1:1883\"\n\
         [[mqtt.topic]]\nfilter = \"plant/+/speed\"\ndevice = \"{1}\"\nmetric = \"speed\"\nunit = \"sheets/h\"\n\
         [[mqtt.topic]]\nfilter = \"plant/#\"\ndevice = \"{1}\"\n\
         [[mqtt.topic]]\nfilter = \"scale\"\ndevice = \"{1}\"\nmetric = \"weight\"\n",
    );

    let output = program.command(&["--json", "check"]);

    assert_eq!(output.status.code(), Some(1));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let broker = &found["mqtt"][0];
    assert_eq!(broker["name"], "hall-1");
    assert_eq!(broker["client_id"], "agog-edge-HAM-hall-1");
    assert_eq!(
        broker["rules"][0]["takes"],
        "device {1}, metric speed from the payload (in sheets/h); when it arrives"
    );
    assert_eq!(
        broker["rules"][1]["overlaps"][0],
        "it gets all messages of rule 1 (plant/+/speed) too"
    );
    let lines = text(&program.command(&["check"]).stdout);
    let wrong = lines.lines().find(|line| line.starts_with("WRONG"));
    assert!(
        wrong.is_some_and(|it| it.contains("rule 3 can never give a sample")),
        "{lines}"
    );
}

#[test]
fn a_secret_that_is_not_there_is_named_and_one_that_is_there_is_not_shown() {
    let program = with_mqtt(
        "\n[[mqtt]]\nbroker = \"192.0.2.1:1883\"\nusername = \"agog\"\npassword_file = \"mqtt-password\"\n\
         [[mqtt.topic]]\nfilter = \"plant/+/speed\"\ndevice = \"{1}\"\n",
    );
    let output = program.command(&["check"]);
    let lines = text(&output.stdout);
    assert!(
        !output.status.success() && lines.contains("mqtt-password"),
        "{lines}"
    );

    let file = program.config_path().with_file_name("mqtt-password");
    std::fs::write(file, "geheim\n").unwrap();

    let lines = program.ok(&["check"]);
    assert!(
        lines.contains("MQTT broker main") && !lines.contains("geheim"),
        "{lines}"
    );
}

#[test]
fn a_look_at_a_broker_that_is_away_fails_and_says_why() {
    let program = with_mqtt(
        "\n[[mqtt]]\nbroker = \"127.0.0.1:1\"\n[[mqtt.topic]]\nfilter = \"plant/+/speed\"\ndevice = \"{1}\"\n",
    );
    let message = program.fails(1, &["mqtt", "tail", "--count", "1"]);
    assert!(
        message.contains("127.0.0.1:1") && message.contains("refused"),
        "{message}"
    );
    let message = program.fails(1, &["mqtt", "tail", "--broker", "hall-2"]);
    assert!(message.contains("there are: main"), "{message}");
}
