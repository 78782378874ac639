//! Checks of configuration values that types cannot make. Every problem names its key, and all
//! problems are reported at once.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use rust_decimal::Decimal;

use super::{Config, DeviceConfig, Transport, epcis, folder, mqtt, serial};
use crate::devices::profile::Settings;
use crate::fetch::address::Network;

/// Length bounds of a plant code: long enough to be unique in a company, short enough for labels.
const PLANT_CODE_CHARS: std::ops::RangeInclusive<usize> = 2..=8;

/// The longest name, code or id; what the hub keeps.
const NAME_CHARS_MAX: usize = 100;

/// The versions that a message can claim; JMF 2 is another language.
const JMF_VERSIONS: [&str; 8] = ["1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7", "1.8"];

/// What can be fetched at all.
const URL_SCHEMES: [&str; 3] = ["http", "https", "file"];

/// One wrong value.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// The key, for example `material[2].width_mm`.
    pub key: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.key, self.message)
    }
}

/// Everything that is wrong, in the order of the file's sections.
pub(super) fn problems(config: &Config, data_dir: &Path) -> Vec<Problem> {
    let mut found = Problems::default();
    agent(config, &mut found);
    endpoints(config, &mut found);
    materials(config, &mut found);
    devices(config, &mut found);
    folder::check(config, data_dir, &mut found);
    config.ledger.check(&mut found);
    epcis::check(config, &mut found);
    config.plant_tls.check(&mut found);
    mqtt::check(&config.mqtt, &mut found);
    serial::check(&config.serial, &mut found);
    config.telemetry.check(&mut found);
    found.0
}

/// What is wrong with one device that is to be added beside others.
pub(super) fn problems_of(
    config: &Config,
    device: &DeviceConfig,
    others: &[DeviceConfig],
) -> Vec<Problem> {
    let mut found = Problems::default();
    one_device(device, &str::to_owned, &mut found);
    if let Some(folder) = &device.folder {
        folder::check_one(folder, config, others, &mut found);
    }
    found.0
}

#[derive(Default)]
pub(super) struct Problems(Vec<Problem>);

impl Problems {
    pub(super) fn add(&mut self, wrong: bool, key: impl Into<String>, message: impl Into<String>) {
        if wrong {
            self.0.push(Problem {
                key: key.into(),
                message: message.into(),
            });
        }
    }

    pub(super) fn name(&mut self, value: &str, key: impl Into<String>) {
        let wrong = value.trim().is_empty() || value.chars().count() > NAME_CHARS_MAX;
        self.add(
            wrong,
            key,
            format!("must have 1 to {NAME_CHARS_MAX} characters"),
        );
    }

    pub(super) fn http_url(&mut self, value: &str, key: impl Into<String>) {
        // Its words stand in logs, events and answers. What cannot be read as a URL may hold a secret all the same.
        let after_scheme = value.split_once("://").map_or(value, |(_, rest)| rest);
        let host = after_scheme.split(['/', '?', '#']).next();
        if host.is_some_and(|host| host.contains('@')) {
            self.add(true, key, "must not name a user or password");
            return;
        }
        let right = value
            .strip_prefix("http://")
            .or_else(|| value.strip_prefix("https://"))
            .is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
        self.add(
            !right,
            key,
            format!("is `{value}`; expected a URL such as https://host:port"),
        );
    }
}

fn agent(config: &Config, found: &mut Problems) {
    let code = &config.agent.plant_code;
    found.name(&config.agent.name, "agent.name");
    found.name(&config.agent.plant_name, "agent.plant_name");
    found.add(
        config.agent.data_dir.as_os_str().is_empty(),
        "agent.data_dir",
        "must not be empty",
    );
    found.add(
        !PLANT_CODE_CHARS.contains(&code.len())
            || !code
                .chars()
                .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit()),
        "agent.plant_code",
        format!("is `{code}`; expected 2 to 8 capital letters or digits, for example HAM"),
    );
}

fn endpoints(config: &Config, found: &mut Problems) {
    config.hub.check(found);
    if let Some(url) = &config.jmf.announced_url {
        found.http_url(url, "jmf.announced_url");
    }
    let is_plain = |url: &String| url.starts_with("http://");
    found.add(
        config.jmf.tls.is_some() && config.jmf.announced_url.as_ref().is_some_and(is_plain),
        "jmf.announced_url",
        "begins with http:// but jmf.tls is set; devices must be told https://",
    );
    found.add(
        !config.api.listen.ip().is_loopback(),
        "api.listen",
        format!(
            "is `{}`; expected a loopback address such as 127.0.0.1:7410, because the local API has no sign-in",
            config.api.listen
        ),
    );
    found.add(
        config.api.listen == config.jmf.listen && config.api.listen.port() != 0,
        "jmf.listen",
        "is the same as api.listen; machines and operators use separate ports",
    );
    let jmf = &config.jmf;
    for (index, scheme) in jmf.allowed_schemes.iter().enumerate() {
        found.add(
            !URL_SCHEMES.contains(&scheme.as_str()),
            format!("jmf.allowed_schemes[{index}]"),
            format!("must be one of {}", URL_SCHEMES.join(", ")),
        );
    }
    for (name, list) in [
        ("allowed_hosts", &jmf.allowed_hosts),
        ("known_senders", &jmf.known_senders),
    ] {
        for (index, value) in list.iter().enumerate() {
            found.name(value, format!("jmf.{name}[{index}]"));
        }
    }
    found.add(
        jmf.requests_per_s == 0,
        "jmf.requests_per_s",
        "must be at least 1",
    );
}

fn materials(config: &Config, found: &mut Problems) {
    let mut seen = BTreeSet::new();
    for (index, material) in config.materials.iter().enumerate() {
        let key = |name: &str| format!("material[{index}].{name}");
        found.name(&material.code, key("code"));
        found.add(
            !seen.insert(&material.code),
            key("code"),
            format!("repeats `{}`", material.code),
        );
        for (name, value) in [
            ("width_mm", material.width_mm),
            ("length_mm", material.length_mm),
            ("grammage", material.grammage),
        ] {
            let wrong = value.is_some_and(|value| value <= Decimal::ZERO);
            found.add(wrong, key(name), "must be greater than zero");
        }
    }
}

fn devices(config: &Config, found: &mut Problems) {
    let mut seen = BTreeSet::new();
    for (index, device) in config.devices.iter().enumerate() {
        let key = |name: &str| format!("device[{index}].{name}");
        one_device(device, &key, found);
        found.add(
            !seen.insert(&device.id),
            key("id"),
            format!("repeats `{}`", device.id),
        );
    }
}

fn one_device(device: &DeviceConfig, key: &dyn Fn(&str) -> String, found: &mut Problems) {
    found.name(&device.id, key("id"));
    match device.transport {
        Transport::Jmf => {
            found.http_url(&device.url, key("url"));
            found.add(
                device.folder.is_some(),
                key("folder"),
                "is only for devices with transport = \"folder\"",
            );
        }
        Transport::Folder => {
            found.add(
                device.folder.is_none(),
                key("folder"),
                "is missing; expected { to = \"…\", from = \"…\" }",
            );
            found.add(
                !device.url.is_empty(),
                key("url"),
                "is only for devices with transport = \"jmf\"",
            );
        }
    }
    for (index, address) in device.addresses.iter().enumerate() {
        found.add(
            Network::parse(address).is_none(),
            key(&format!("addresses[{index}]")),
            format!(
                "is `{address}`; expected an address such as 192.168.10.23 or a network such as 192.168.10.0/24"
            ),
        );
    }
    settings(&device.settings, &key("settings"), found);
}

fn settings(settings: &Settings, key: &str, found: &mut Problems) {
    let version = settings.jmf_version.as_deref();
    found.add(
        version.is_some_and(|version| !JMF_VERSIONS.contains(&version)),
        format!("{key}.jmf_version"),
        format!("must be one of {}", JMF_VERSIONS.join(", ")),
    );
    for (name, value, range) in [
        ("heartbeat_s", settings.heartbeat_s, 1..=3_600),
        ("first_retry_ms", settings.first_retry_ms, 100..=15_000),
        ("request_timeout_s", settings.request_timeout_s, 1..=300),
    ] {
        found.add(
            value.is_some_and(|value| !range.contains(&value)),
            format!("{key}.{name}"),
            format!("must be {} to {}", range.start(), range.end()),
        );
    }
}
