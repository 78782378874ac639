//! `check`: says what the configuration means and what is wrong, before the agent runs. Wrong
//! configuration ends with 78, a data folder that is not ready with 1.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::ExitCode;

use serde::Serialize;

use super::Session;
use crate::config::{Config, DeviceConfig, MqttConfig};
use crate::ingest::topic_map::{Explained, TopicMap};
use crate::ingest::{mqtt, serial};
use crate::ledger::Reader;
use crate::uplink::http::{chain, plant_client};
use crate::uplink::identity::enrolment;

/// One thing that was looked at.
#[derive(Serialize)]
struct Finding {
    ok: bool,
    what: String,
}

/// Everything that was looked at.
#[derive(Serialize)]
struct Report {
    ok: bool,
    findings: Vec<Finding>,
    /// What is taken from the brokers.
    mqtt: Vec<Broker>,
}

/// A broker and its topic map.
#[derive(Serialize)]
struct Broker {
    name: String,
    address: String,
    client_id: String,
    tls: bool,
    rules: Vec<Explained>,
}

impl Report {
    fn add(&mut self, ok: bool, what: impl Into<String>) {
        self.ok &= ok;
        self.findings.push(Finding {
            ok,
            what: what.into(),
        });
    }
}

pub(super) fn check(session: &Session) -> anyhow::Result<ExitCode> {
    let config = session.config()?;
    let mut findings = Report {
        ok: true,
        findings: Vec::new(),
        mqtt: Vec::new(),
    };
    explain(&config, &mut findings);
    data_folder(&config, &mut findings);
    session.output.show(&findings, |found| {
        let mut text = format!("{}\n", session.config_path.display());
        for finding in &found.findings {
            let mark = if finding.ok { "ok     " } else { "WRONG  " };
            let _ = writeln!(text, "{mark}{}", finding.what);
        }
        text
    })?;
    Ok(if findings.ok {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn explain(config: &Config, findings: &mut Report) {
    let agent = &config.agent;
    findings.add(
        true,
        format!(
            "agent `{}` of plant {} ({}); generated lot numbers look like {}-20261122-0001",
            agent.name, agent.plant_name, agent.plant_code, agent.plant_code
        ),
    );
    match &config.hub.url {
        Some(url) => {
            let cap = config
                .hub
                .telemetry_kib_per_s
                .map_or_else(String::new, |kib| {
                    format!(", telemetry with at most {kib} KiB/s")
                });
            findings.add(true, format!("delivers to {url}{cap}"));
        }
        None => findings.add(
            true,
            "no hub.url: collects only, everything waits in the ledger",
        ),
    }
    findings.add(true, format!("local API on {}", config.api.listen));
    let announced = config
        .jmf
        .announced_url
        .as_ref()
        .map_or_else(String::new, |url| format!("; devices are told {url}"));
    findings.add(
        true,
        format!("JMF endpoint on {}{announced}", config.jmf.listen),
    );
    let loopback = config.jmf.listen.ip().is_loopback() && config.jmf.announced_url.is_none();
    let elsewhere: Vec<_> = config
        .devices
        .iter()
        .filter(|device| device.folder.is_none())
        .filter(|device| !device.url.contains("127.0.0.1") && !device.url.contains("localhost"))
        .map(|device| device.id.as_str())
        .collect();
    if loopback && !elsewhere.is_empty() {
        findings.add(
            false,
            format!(
                "jmf.listen is loopback, but {} cannot reach it; use an address of the machine network",
                elsewhere.join(", ")
            ),
        );
    }
    for material in &config.materials {
        findings.add(
            true,
            format!(
                "material {} is counted in {}",
                material.code, material.base_unit
            ),
        );
    }
    for device in &config.devices {
        let profile = device.profile();
        findings.add(
            true,
            format!(
                "device {} at {}: {}",
                device.id,
                device.place(),
                match &device.folder {
                    Some(folder) => format!("gives back into {}", folder.from.display()),
                    None => profile.explain(),
                }
            ),
        );
        findings.add(
            true,
            format!(
                "device {} has profile {}: {}",
                device.id,
                profile.name,
                profile.known()
            ),
        );
        callers(config, device, findings);
    }
    for inbox in &config.inboxes {
        let is_known = config
            .devices
            .iter()
            .any(|device| device.id == inbox.device);
        let unknown = if is_known {
            ""
        } else {
            ", which is not in this file; it must be added over the API"
        };
        let folder = inbox.folder.display();
        let what = format!("inbox {folder} for device {}{unknown}", inbox.device);
        findings.add(true, what);
    }
    if let Err(error) = plant_client(&config.plant_tls) {
        findings.add(false, format!("plant_tls: {}", chain(&error)));
    }
    for metric in &config.telemetry.metrics {
        findings.add(true, metric.explain());
    }
    for mqtt in &config.mqtt {
        broker(config, mqtt, findings);
    }
    for port in &config.serial {
        let what = serial::explain::explain(port);
        // A port that is not plugged in now may be later: nothing is wrong with the configuration.
        let now = serial::problem(&port.path);
        let now = now.map_or_else(String::new, |problem| format!("; the path {problem}"));
        findings.add(true, format!("{what}{now}"));
    }
}

fn broker(config: &Config, mqtt: &MqttConfig, findings: &mut Report) {
    let name = &mqtt.name;
    let client_id = mqtt.client_id(&config.agent.plant_code);
    let tls = match &mqtt.tls {
        None => "without TLS",
        Some(tls) if tls.cert_file.is_some() => "with TLS and a client certificate",
        Some(_) => "with TLS",
    };
    findings.add(
        true,
        format!(
            "MQTT broker {name} at {} {tls}, session {client_id}, {} rules",
            mqtt.broker,
            mqtt.topics.len()
        ),
    );
    if let Some(problem) = mqtt::problem(mqtt) {
        findings.add(false, format!("MQTT broker {name}: {problem}"));
    }
    if let Some(sparkplug) = &mqtt.sparkplug {
        let groups = match sparkplug.groups.as_slice() {
            [] => "every group".to_owned(),
            groups => format!("groups {}", groups.join(", ")),
        };
        findings.add(
            true,
            format!(
                "MQTT {name}: Sparkplug host {} listens to nodes of {groups}, session {client_id}-sparkplug; devices are {}, nodes {}",
                sparkplug.host_id, sparkplug.device, sparkplug.node
            ),
        );
    }
    let rules = match TopicMap::new(&mqtt.topics) {
        Ok(map) => map.explain(),
        Err(error) => {
            findings.add(false, format!("MQTT broker {name}: {}", chain(&error)));
            return;
        }
    };
    for (number, rule) in (1..).zip(&rules) {
        let filter = &rule.filter;
        findings.add(
            true,
            format!("MQTT {name}, rule {number}: {filter} is {}", rule.takes),
        );
        for overlap in &rule.overlaps {
            findings.add(true, format!("MQTT {name}, rule {number}: {overlap}"));
        }
        if let Some(why) = &rule.never {
            let what = format!("MQTT {name}, rule {number} can never give a sample: {why}");
            findings.add(false, what);
        }
    }
    findings.mqtt.push(Broker {
        name: name.clone(),
        address: mqtt.broker.clone(),
        client_id,
        tls: mqtt.tls.is_some(),
        rules,
    });
}

/// From where messages in the name of a device are taken, where that is bound.
fn callers(config: &Config, device: &DeviceConfig, findings: &mut Report) {
    let must_be_known = !config.jmf.known_senders.is_empty();
    let homes = device.homes(must_be_known);
    if !homes.is_empty() {
        let homes: Vec<String> = homes.iter().map(ToString::to_string).collect();
        let homes = homes.join(", ");
        findings.add(
            true,
            format!("messages of device {} come from {homes}", device.id),
        );
    } else if must_be_known && device.speaks_jmf() {
        findings.add(
            true,
            format!(
                "messages of device {} are taken from any address, because its URL has none; set `addresses` to bind them",
                device.id
            ),
        );
    }
}

fn data_folder(config: &Config, findings: &mut Report) {
    let folder = config.agent.data_dir.display();
    match std::fs::metadata(&config.agent.data_dir) {
        Ok(metadata) if metadata.is_dir() => {
            let open = metadata.permissions().mode() & 0o077 != 0;
            findings.add(
                !open,
                if open {
                    format!("data folder {folder} is open to other users; run `chmod 700 {folder}`")
                } else {
                    format!("data folder {folder}")
                },
            );
        }
        Ok(_) => findings.add(false, format!("{folder} is not a folder")),
        Err(error) => {
            findings.add(
                false,
                format!("data folder {folder}: {error}; run `agog-edge init`"),
            );
            return;
        }
    }
    if config.hub.url.is_some() {
        match enrolment(&config.agent.data_dir) {
            Ok(Some(_)) => findings.add(true, "enrolled at the hub"),
            Ok(None) => findings.add(
                true,
                "not enrolled at the hub yet: collects, and delivers after `agog-edge enroll`",
            ),
            Err(error) => findings.add(false, chain(&error)),
        }
    }
    match Reader::open(&config.ledger_path())
        .and_then(|reader| Ok((reader.position()?, reader.plant_code()?)))
    {
        Ok((position, plant)) => {
            findings.add(
                plant == config.agent.plant_code,
                format!(
                    "ledger of plant {plant}, {} events, agent {}",
                    position.head.last_seq, position.producer
                ),
            );
        }
        Err(error) => {
            let causes: Vec<_> = anyhow::Error::new(error)
                .chain()
                .map(ToString::to_string)
                .collect();
            findings.add(false, causes.join(": "));
        }
    }
}
