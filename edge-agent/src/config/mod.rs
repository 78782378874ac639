//! The configuration: one TOML file, one struct per section, a comment on every key.
//!
//! Unknown keys are refused with their line; values are checked with the key named
//! (`check.rs`). `default.toml` beside this file is what `agog-edge init` writes, and names every
//! key there is.

mod check;
mod device;
mod epcis;
mod folder;
mod hub;
mod ledger;
mod mqtt;
mod number;
mod serial;
mod sparkplug;
mod telemetry;
mod tls;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use agog_sync::quantity::{Material, Unit};
use rust_decimal::Decimal;
use serde::Deserialize;

pub use check::Problem;
pub use device::{DeviceConfig, Transport};
pub use epcis::EpcisConfig;
pub(crate) use folder::overlap;
pub use folder::{FolderConfig, InboxConfig, Watched};
pub use hub::HubConfig;
pub use ledger::{BackupConfig, LedgerConfig, MasterData};
pub use mqtt::{
    CsvConfig, MESSAGE_KIB_MAX, MqttConfig, MqttMetric, MqttTlsConfig, MqttTopic, ONLY_NAME,
};
pub use serial::{
    CounterConfig, FlowControl, Framing, Parity, PollConfig, ScaleConfig, ScaleFormat,
    SerialConfig, SerialKind,
};
pub use sparkplug::SparkplugConfig;
pub use telemetry::{MetricConfig, TelemetryConfig};
pub use tls::{PlantTlsConfig, TlsConfig};

/// The commented file that `init` writes; `@NAME@` and its like are filled in.
pub const DEFAULT_FILE: &str = include_str!("default.toml");

/// The largest configuration file that is read; a hundred times what a large plant needs.
const CONFIG_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Everything that the agent is told.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The agent and its plant.
    pub agent: AgentConfig,
    /// The hub to deliver to.
    #[serde(default)]
    pub hub: HubConfig,
    /// The local API.
    #[serde(default)]
    pub api: ApiConfig,
    /// The JMF endpoint for machines.
    #[serde(default)]
    pub jmf: JmfConfig,
    /// Copies of the ledger, and room for it.
    #[serde(default)]
    pub ledger: LedgerConfig,
    /// How things are called in EPCIS documents.
    #[serde(default)]
    pub epcis: EpcisConfig,
    /// The materials of the plant.
    #[serde(default, rename = "material")]
    pub materials: Vec<MaterialConfig>,
    /// The machines. Those that were added while the agent ran are in `devices::Devices` only.
    #[serde(default, rename = "device")]
    pub devices: Vec<DeviceConfig>,
    /// Folders in which others drop tickets.
    #[serde(default, rename = "inbox")]
    pub inboxes: Vec<InboxConfig>,
    /// TLS towards devices.
    #[serde(default)]
    pub plant_tls: PlantTlsConfig,
    /// Machine values over MQTT.
    #[serde(default, deserialize_with = "mqtt::brokers")]
    pub mqtt: Vec<MqttConfig>,
    /// Scanners, scales and counters at serial ports.
    #[serde(default)]
    pub serial: Vec<SerialConfig>,
    /// Bounds of the sample buffer, and what is kept.
    #[serde(default)]
    pub telemetry: TelemetryConfig,
    /// The file that all of it comes from.
    #[serde(skip)]
    pub path: PathBuf,
}

/// The agent and its plant.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentConfig {
    /// What the hub calls this agent.
    #[serde(default = "default_name")]
    pub name: String,
    /// Where the agent keeps its files; relative to the configuration file.
    pub data_dir: PathBuf,
    /// Short code of the plant; generated lot numbers begin with it.
    pub plant_code: String,
    /// What people call the plant.
    pub plant_name: String,
}

/// The local API.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiConfig {
    /// A loopback address; port 0 takes a free one.
    pub listen: SocketAddr,
}

/// The JMF endpoint for machines.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JmfConfig {
    /// Where machines send their messages.
    pub listen: SocketAddr,
    /// The URL that devices are told, when it is not the listening address.
    #[serde(default)]
    pub announced_url: Option<String>,
    /// Schemes of URLs that are fetched or sent to because a message names them.
    #[serde(default = "default_schemes")]
    pub allowed_schemes: Vec<String>,
    /// Hosts of such URLs: names, ends of names that begin with a dot, addresses or networks.
    /// Devices, and whoever sent the URL, are allowed without being named here.
    #[serde(default)]
    pub allowed_hosts: Vec<String>,
    /// Where `file:` URLs may lead; relative to the configuration file.
    #[serde(default)]
    pub allowed_directories: Vec<PathBuf>,
    /// Such URLs may lead to this machine.
    #[serde(default)]
    pub allow_loopback: bool,
    /// Who may send messages: sender ids, addresses or networks. Empty: everybody. Devices may from their
    /// own addresses.
    #[serde(default)]
    pub known_senders: Vec<String>,
    /// Requests that one address may send per second, this machine excepted.
    #[serde(default = "default_requests_per_s")]
    pub requests_per_s: u32,
    /// Serves HTTPS instead of HTTP.
    #[serde(default)]
    pub tls: Option<TlsConfig>,
}

/// A kind of material.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaterialConfig {
    /// The article code.
    pub code: String,
    /// What people call it; the code when not set.
    #[serde(default)]
    pub name: Option<String>,
    /// The unit in which its lots are counted.
    pub base_unit: Unit,
    /// Width of a sheet or web in millimetres.
    #[serde(default, deserialize_with = "number::decimal")]
    pub width_mm: Option<Decimal>,
    /// Length of a sheet in millimetres.
    #[serde(default, deserialize_with = "number::decimal")]
    pub length_mm: Option<Decimal>,
    /// Grams per square metre.
    #[serde(default, deserialize_with = "number::decimal")]
    pub grammage: Option<Decimal>,
    /// The number under which the company trades it.
    #[serde(default)]
    pub gtin: Option<String>,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7410)),
        }
    }
}

impl Default for JmfConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7411)),
            announced_url: None,
            allowed_schemes: default_schemes(),
            allowed_hosts: Vec::new(),
            allowed_directories: Vec::new(),
            allow_loopback: false,
            known_senders: Vec::new(),
            requests_per_s: default_requests_per_s(),
            tls: None,
        }
    }
}

fn default_schemes() -> Vec<String> {
    vec!["http".to_owned(), "https".to_owned()]
}

/// A press sends some ten messages a second at its busiest; a gateway may stand for many presses.
const fn default_requests_per_s() -> u32 {
    1_000
}

fn default_name() -> String {
    "edge".to_owned()
}

/// Why a configuration cannot be used. The program ends with code 78 (`EX_CONFIG`).
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not there or not readable.
    #[error("cannot read configuration `{path}`")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// Not TOML, an unknown key, or a value of the wrong type; the message names the line.
    #[error("configuration `{path}` is not understood: {message}")]
    Form { path: PathBuf, message: String },
    /// Values that cannot be right.
    #[error("configuration `{path}` has {} wrong value(s): {}", problems.len(), list(problems))]
    Values {
        path: PathBuf,
        problems: Vec<Problem>,
    },
}

fn list(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

impl Config {
    /// Reads, checks and completes a configuration; relative paths become relative to the file.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = read_limited(path).map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        Self::parse(&text, path, folder)
    }

    fn parse(text: &str, path: &Path, folder: &Path) -> Result<Self, ConfigError> {
        let mut config: Self = toml::from_str(text).map_err(|error| ConfigError::Form {
            path: path.to_owned(),
            message: error.to_string().trim_end().to_owned(),
        })?;
        path.clone_into(&mut config.path);
        config.complete_folders();
        let problems = check::problems(&config, &config.absolute(&config.agent.data_dir));
        if !problems.is_empty() {
            return Err(ConfigError::Values {
                path: path.to_owned(),
                problems,
            });
        }
        config.agent.data_dir = folder.join(&config.agent.data_dir);
        for directory in &mut config.jmf.allowed_directories {
            *directory = folder.join(&directory);
        }
        config.ledger.complete(folder);
        config.plant_tls.complete(folder);
        if let Some(tls) = &mut config.jmf.tls {
            tls.complete(folder);
        }
        for broker in &mut config.mqtt {
            broker.complete(folder);
        }
        Ok(config)
    }

    /// The folder of the configuration file, to which paths are relative.
    pub fn base(&self) -> &Path {
        self.path.parent().unwrap_or_else(|| Path::new(""))
    }

    fn absolute(&self, path: &Path) -> PathBuf {
        let joined = self.base().join(path);
        std::path::absolute(&joined).unwrap_or(joined)
    }

    fn complete_folders(&mut self) {
        let base = self.base().to_owned();
        for folder in self.devices.iter_mut().filter_map(|d| d.folder.as_mut()) {
            folder.complete(&base);
        }
        for inbox in &mut self.inboxes {
            inbox.complete(&base);
        }
    }

    /// What is wrong with a device that is to be added beside `others`; the keys are those of the
    /// device alone.
    pub fn problems_of(&self, device: &DeviceConfig, others: &[DeviceConfig]) -> Vec<Problem> {
        check::problems_of(self, device, others)
    }

    /// The materials by their code.
    pub fn material_map(&self) -> BTreeMap<String, Material> {
        self.materials
            .iter()
            .map(|material| (material.code.clone(), material.to_material()))
            .collect()
    }

    /// Path of the ledger.
    pub fn ledger_path(&self) -> PathBuf {
        self.agent.data_dir.join("ledger.db")
    }

    /// Path of the sample buffer.
    pub fn telemetry_path(&self) -> PathBuf {
        self.agent.data_dir.join("telemetry.db")
    }

    /// Path of the file that says where the running agent listens.
    pub fn run_file_path(&self) -> PathBuf {
        self.agent.data_dir.join("run.json")
    }
}

impl MaterialConfig {
    /// The material as the ledger knows it.
    pub fn to_material(&self) -> Material {
        Material {
            code: self.code.clone(),
            name: self.name.clone().unwrap_or_else(|| self.code.clone()),
            base_unit: self.base_unit,
            width_mm: self.width_mm,
            length_mm: self.length_mm,
            grammage_g_m2: self.grammage,
        }
    }
}

fn read_limited(path: &Path) -> std::io::Result<String> {
    let length = std::fs::metadata(path)?.len();
    if length > CONFIG_BYTES_MAX {
        return Err(std::io::Error::other(format!(
            "{length} bytes; a configuration has at most {CONFIG_BYTES_MAX}"
        )));
    }
    std::fs::read_to_string(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str =
        "[agent]\ndata_dir = \"data\"\nplant_code = \"HAM\"\nplant_name = \"Hamburg\"\n";

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(
            text,
            Path::new("/etc/agog/agog-edge.toml"),
            Path::new("/etc/agog"),
        )
    }

    /// A file of the least that there must be, and these sections.
    pub(in crate::config) fn parse_sections(sections: &str) -> Result<Config, ConfigError> {
        parse(&format!("{MINIMAL}{sections}"))
    }

    #[test]
    fn a_minimal_file_gets_the_documented_defaults() {
        let config = parse(MINIMAL).unwrap();
        assert_eq!(config.api.listen.to_string(), "127.0.0.1:7410");
        assert_eq!(config.agent.data_dir, Path::new("/etc/agog/data"));
        assert!(config.hub.url.is_none());
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line_and_name() {
        let error = parse(&format!(
            "{MINIMAL}\n[jmf]\nlisten = \"127.0.0.1:0\"\nprot = 1\n"
        ));
        let message = error.unwrap_err().to_string();
        assert!(
            message.contains("line 8") && message.contains("unknown field `prot`"),
            "{message}"
        );
    }

    #[test]
    fn wrong_values_are_all_named_by_their_key() {
        let text = "[agent]\ndata_dir = \"\"\nplant_code = \"ham burg\"\nplant_name = \"H\"\n\
                    [api]\nlisten = \"0.0.0.0:80\"\n[hub]\nurl = \"hub.example.com\"\n\
                    [[material]]\ncode = \"A\"\nbase_unit = \"sheet\"\nwidth_mm = -1\n\
                    [[material]]\ncode = \"A\"\nbase_unit = \"kg\"\n\
                    [[device]]\nid = \"p\"\njmf_url = \"ftp://x\"\naddresses = [\"10.0.0.1\", \"10.0.0/8\"]\n";
        let message = parse(text).unwrap_err().to_string();
        for key in [
            "agent.data_dir",
            "agent.plant_code",
            "api.listen",
            "hub.url",
            "material[0].width_mm",
            "material[1].code",
            "device[0].url",
            "device[0].addresses[1]",
        ] {
            assert!(message.contains(key), "{key} is missing in: {message}");
        }
    }

    #[test]
    fn a_url_with_a_user_or_password_is_refused_and_not_repeated() {
        for url in [
            "http://agog:geheim@press-3/",
            "https://geheim@press-3:8080/jmf",
            "http://agog:geheim@press-3:99999/",
        ] {
            let text = format!(
                "{MINIMAL}[hub]\nurl = \"{url}\"\n[[device]]\nid = \"p\"\nurl = \"{url}\"\n"
            );
            let message = parse(&text).unwrap_err().to_string();
            let named = message.matches("must not name a user or password").count();
            assert_eq!(named, 2, "{message}");
            assert!(!message.contains("geheim"), "{message}");
        }
        let at = parse(&format!("{MINIMAL}[hub]\nurl = \"https://hub/at@home\"\n"));
        assert!(at.is_ok(), "{at:?}");
    }

    #[test]
    fn an_unknown_profile_is_refused_with_its_line_and_the_profiles_there_are() {
        let message = parse(&format!(
            "{MINIMAL}[[device]]\nid = \"p\"\nurl = \"http://p/\"\nprofile = \"heidelburg\"\n"
        ))
        .unwrap_err()
        .to_string();
        assert!(
            message.contains("line 8")
                && message.contains("`heidelburg`")
                && message.contains("jdflib-java"),
            "{message}"
        );
    }

    #[test]
    fn a_device_may_differ_from_its_profile() {
        let config = parse(&format!(
            "{MINIMAL}[[device]]\nid = \"p\"\njmf_url = \"http://p/\"\nprofile = \"jdflib-java\"\n\
             [device.settings]\nheartbeat_s = 20\nbody_length = \"chunked\"\n"
        ))
        .unwrap();
        let profile = config.devices[0].profile();
        assert_eq!(profile.heartbeat_s, 20);
        assert!(profile.mime_header_in_body);
        assert_eq!(config.devices[0].url, "http://p/");
    }

    #[test]
    fn settings_of_a_device_that_cannot_be_right_are_named() {
        let message = parse(&format!(
            "{MINIMAL}[[device]]\nid = \"p\"\nurl = \"http://p/\"\n\
             [device.settings]\nheartbeat_s = 0\njmf_version = \"2.0\"\nrequest_timeout_s = 9999\n"
        ))
        .unwrap_err()
        .to_string();
        for key in ["heartbeat_s", "jmf_version", "request_timeout_s"] {
            let key = format!("device[0].settings.{key}");
            assert!(message.contains(&key), "{key} is missing in: {message}");
        }
    }

    #[test]
    fn an_unknown_unit_is_refused_with_the_units_there_are() {
        let message = parse(&format!(
            "{MINIMAL}[[material]]\ncode = \"A\"\nbase_unit = \"ream\"\n"
        ))
        .unwrap_err()
        .to_string();
        assert!(
            message.contains("`ream`") && message.contains("`sheet`"),
            "{message}"
        );
    }

    #[test]
    fn dimensions_are_exact_decimals() {
        let config = parse(&format!(
            "{MINIMAL}[[material]]\ncode = \"A\"\nbase_unit = \"m2\"\nwidth_mm = 1020.5\ngrammage = \"89.9\"\nlength_mm = 720\n"
        ))
        .unwrap();
        let material = config.materials[0].to_material();
        assert_eq!(material.width_mm.unwrap().to_string(), "1020.5");
        assert_eq!(material.grammage_g_m2.unwrap().to_string(), "89.9");
        assert_eq!(material.length_mm.unwrap().to_string(), "720");
    }
}
