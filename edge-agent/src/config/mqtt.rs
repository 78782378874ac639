//! Machine values over MQTT as they are written down: brokers, and which topics mean what.
//!
//! Several brokers are `[[mqtt]]`, each with a name. A single `[mqtt]`, as files from before have it, is one
//! broker named [`ONLY_NAME`] and goes on with the session that it had.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::SparkplugConfig;
use super::check::Problems;
use crate::ingest::topic_map::rule_problems;

/// What a broker without a name is called.
pub const ONLY_NAME: &str = "main";
/// Brokers of one plant; each has a connection and a task.
const BROKERS_MAX: usize = 32;
/// The largest message that can be allowed, in KiB; also what the connection takes at all.
pub const MESSAGE_KIB_MAX: u32 = 16 * 1024;

/// A broker, and what is taken from it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MqttConfig {
    /// What it is called in status, metrics and logs.
    #[serde(default = "only_name")]
    pub name: String,
    /// Host and port of the broker.
    pub broker: String,
    /// The session's name at the broker; made from plant code and name when not set.
    #[serde(default)]
    pub client_id: Option<String>,
    /// User name, when the broker asks for one.
    #[serde(default)]
    pub username: Option<String>,
    /// File that holds the user name and nothing else, instead of `username`.
    #[serde(default)]
    pub username_file: Option<PathBuf>,
    /// File that holds the password and nothing else; relative to the configuration file.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// Speak TLS; `{}` trusts the authorities of the system.
    #[serde(default)]
    pub tls: Option<MqttTlsConfig>,
    /// A larger message is dropped and counted.
    #[serde(default = "default_message_kib")]
    pub message_kib_max: u32,
    /// Which topics mean what.
    #[serde(default, rename = "topic")]
    pub topics: Vec<MqttTopic>,
    /// Listen to Sparkplug B nodes as their host.
    #[serde(default)]
    pub sparkplug: Option<SparkplugConfig>,
}

/// Whom to trust as this broker, and what to show to it. PEM files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MqttTlsConfig {
    /// The only authorities that are trusted; none: those of the system.
    pub ca_file: Option<PathBuf>,
    /// The agent's own certificate, with its chain.
    pub cert_file: Option<PathBuf>,
    /// Its key.
    pub key_file: Option<PathBuf>,
}

/// One rule of the topic map.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MqttTopic {
    /// Topic filter to subscribe to, with MQTT wildcards.
    pub filter: String,
    /// The device: a fixed id, `{n}` for level n of the topic, counted from 0, or `{/pointer}` for text in the payload.
    pub device: String,
    /// The metric, as `device`; none: every number of the payload's object is one.
    #[serde(default)]
    pub metric: Option<String>,
    /// Where the value is: JSON pointer, or column; none: the whole payload.
    #[serde(default, deserialize_with = "place")]
    pub value: Option<String>,
    /// Unit of the value.
    #[serde(default)]
    pub unit: Option<String>,
    /// The value is multiplied with it, and then `offset` is added.
    #[serde(default)]
    pub scale: Option<f64>,
    #[serde(default)]
    pub offset: Option<f64>,
    /// What texts mean, for example `{ running = 1, stopped = 0 }`.
    #[serde(default)]
    pub values: BTreeMap<String, f64>,
    /// Several values of one message, instead of `metric` and `value`.
    #[serde(default)]
    pub metrics: Vec<MqttMetric>,
    /// JSON pointer to an array of readings; the other pointers then start at each of them.
    #[serde(default)]
    pub each: Option<String>,
    /// The payload is CSV.
    #[serde(default)]
    pub csv: Option<CsvConfig>,
    /// Where the time is; none: time of arrival.
    #[serde(default, deserialize_with = "place")]
    pub time: Option<String>,
    /// `rfc3339`, `unix-s`, `unix-ms`, `unix-us`, `unix-ns` or a strftime pattern; none: RFC 3339 text or a number of
    /// milliseconds since 1970.
    #[serde(default)]
    pub time_format: Option<String>,
    /// Time zone of times that do not say theirs: an IANA name or a POSIX rule.
    #[serde(default)]
    pub time_zone: Option<String>,
}

/// One of several values of a message.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MqttMetric {
    /// The metric, as in [`MqttTopic::metric`].
    pub metric: String,
    /// Where its value is.
    #[serde(deserialize_with = "place")]
    pub value: Option<String>,
    #[serde(default)]
    pub unit: Option<String>,
    #[serde(default)]
    pub scale: Option<f64>,
    #[serde(default)]
    pub offset: Option<f64>,
    #[serde(default)]
    pub values: BTreeMap<String, f64>,
}

/// How CSV is written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CsvConfig {
    /// Between the columns; a comma when not set.
    pub delimiter: Option<char>,
    /// Names of the columns. None: they have numbers, from 0.
    pub columns: Vec<String>,
    /// The first line of each message names the columns.
    pub header: bool,
    /// Numbers are written as in `12,5`.
    pub decimal_comma: bool,
}

/// Reads one broker (`[mqtt]`) or several (`[[mqtt]]`). Errors keep their line, which they would not in an untagged enum.
pub(super) fn brokers<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<MqttConfig>, D::Error> {
    struct OneOrMany;
    impl<'de> Visitor<'de> for OneOrMany {
        type Value = Vec<MqttConfig>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("[[mqtt]], or one [mqtt]")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            MqttConfig::deserialize(MapAccessDeserializer::new(map)).map(|one| vec![one])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(seq))
        }
    }
    from.deserialize_any(OneOrMany)
}

/// Reads a JSON pointer or the name or number of a column.
fn place<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    struct Place;
    impl Visitor<'_> for Place {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a JSON pointer such as \"/value\", or the name or number of a column")
        }

        fn visit_i64<E: Error>(self, column: i64) -> Result<String, E> {
            Ok(column.to_string())
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }
    }
    from.deserialize_any(Place).map(Some)
}

fn only_name() -> String {
    ONLY_NAME.to_owned()
}

/// What a reading of a machine needs a hundred times over.
const fn default_message_kib() -> u32 {
    256
}

impl MqttConfig {
    /// The session's name at the broker.
    pub fn client_id(&self, plant_code: &str) -> String {
        match &self.client_id {
            Some(id) => id.clone(),
            None if self.name == ONLY_NAME => format!("agog-edge-{plant_code}"),
            None => format!("agog-edge-{plant_code}-{}", self.name),
        }
    }

    /// Host and port.
    pub fn address(&self) -> Option<(&str, u16)> {
        let (host, port) = self.broker.rsplit_once(':')?;
        let host = host.trim_matches(['[', ']']);
        let port = port.parse().ok().filter(|port| *port > 0)?;
        (!host.is_empty()).then_some((host, port))
    }

    /// The size in bytes above which a message is dropped.
    pub fn message_bytes_max(&self) -> usize {
        usize::try_from(self.message_kib_max).unwrap_or(usize::MAX) * 1024
    }

    pub(super) fn complete(&mut self, base: &Path) {
        let tls = self.tls.iter_mut();
        let of_tls = tls.flat_map(|tls| [&mut tls.ca_file, &mut tls.cert_file, &mut tls.key_file]);
        let own = [&mut self.username_file, &mut self.password_file];
        for path in own.into_iter().chain(of_tls).flatten() {
            *path = base.join(&*path);
        }
    }

    fn check(&self, key: &dyn Fn(&str) -> String, found: &mut Problems) {
        found.name(&self.name, key("name"));
        found.add(
            self.address().is_none(),
            key("broker"),
            format!(
                "is `{}`; expected host and port, for example 192.168.10.2:1883",
                self.broker
            ),
        );
        found.add(
            self.client_id.as_deref() == Some(""),
            key("client_id"),
            "must not be empty",
        );
        found.add(
            self.username.is_some() && self.username_file.is_some(),
            key("username_file"),
            "is one too many beside username",
        );
        found.add(
            self.password_file.is_some() && self.username.is_none() && self.username_file.is_none(),
            key("password_file"),
            "needs username or username_file",
        );
        if let Some(tls) = &self.tls {
            found.add(
                tls.cert_file.is_some() != tls.key_file.is_some(),
                key("tls"),
                "needs both cert_file and key_file, or neither",
            );
        }
        found.add(
            !(1..=MESSAGE_KIB_MAX).contains(&self.message_kib_max),
            key("message_kib_max"),
            format!("must be 1 to {MESSAGE_KIB_MAX}"),
        );
        found.add(
            self.topics.is_empty() && self.sparkplug.is_none(),
            key("topic"),
            "is empty; name at least one topic, or set sparkplug",
        );
        if let Some(sparkplug) = &self.sparkplug {
            sparkplug.check(key, found);
        }
        for (index, topic) in self.topics.iter().enumerate() {
            for (name, message) in rule_problems(topic) {
                found.add(true, key(&format!("topic[{index}].{name}")), message);
            }
        }
    }
}

pub(super) fn check(brokers: &[MqttConfig], found: &mut Problems) {
    found.add(
        brokers.len() > BROKERS_MAX,
        "mqtt",
        format!("has more than {BROKERS_MAX} brokers"),
    );
    let mut names = BTreeSet::new();
    let mut sessions = BTreeSet::new();
    for (index, broker) in brokers.iter().enumerate() {
        let key = |name: &str| match brokers.len() {
            1 => format!("mqtt.{name}"),
            _ => format!("mqtt[{index}].{name}"),
        };
        broker.check(&key, found);
        found.add(
            !names.insert(&broker.name),
            key("name"),
            format!(
                "repeats `{}`; every broker needs a name of its own",
                broker.name
            ),
        );
        let session = (&broker.broker, &broker.client_id);
        found.add(
            broker.client_id.is_some() && !sessions.insert(session),
            key("client_id"),
            "repeats that of another entry at the same broker, which would disconnect both in turn",
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::parse_sections as parse;

    const RULE: &str = "[[mqtt.topic]]\nfilter = \"a/+\"\ndevice = \"{1}\"\n";

    #[test]
    fn a_single_table_is_one_broker_that_keeps_its_session() {
        let config = parse(&format!("[mqtt]\nbroker = \"b:1883\"\n{RULE}")).unwrap();
        assert_eq!(config.mqtt.len(), 1);
        assert_eq!(config.mqtt[0].name, "main");
        assert_eq!(config.mqtt[0].client_id("HAM"), "agog-edge-HAM");
    }

    #[test]
    fn several_brokers_have_names_and_sessions_of_their_own_and_files_beside_the_configuration() {
        let config = parse(&format!(
            "[[mqtt]]\nbroker = \"[fd00::7]:1883\"\n{RULE}\
             [[mqtt]]\nname = \"hall-2\"\nbroker = \"b:8883\"\nusername = \"a\"\npassword_file = \"p\"\ntls = {{ ca_file = \"ca.pem\" }}\n{RULE}"
        ))
        .unwrap();
        let [first, second] = &config.mqtt[..] else {
            panic!("two brokers")
        };
        assert_eq!(first.address(), Some(("fd00::7", 1883)));
        assert_eq!(second.client_id("HAM"), "agog-edge-HAM-hall-2");
        assert_eq!(
            second.password_file.as_ref().unwrap().to_str(),
            Some("/etc/agog/p")
        );
        let ca_file = second.tls.as_ref().unwrap().ca_file.as_ref();
        assert_eq!(ca_file.unwrap().to_str(), Some("/etc/agog/ca.pem"));
    }

    #[test]
    fn an_unknown_key_is_told_with_its_line_in_both_forms() {
        for (form, line) in [("[mqtt]", 7), ("[[mqtt]]", 7)] {
            let text = format!("{form}\nbroker = \"b:1883\"\nprot = 1\n{RULE}");
            let message = parse(&text).unwrap_err().to_string();
            let line = format!("line {line}");
            assert!(
                message.contains(&line) && message.contains("`prot`"),
                "{message}"
            );
        }
    }

    #[test]
    fn wrong_values_are_all_named_by_their_key() {
        let message = parse(
            "[[mqtt]]\nbroker = \"b\"\npassword_file = \"p\"\ntls = { key_file = \"k\" }\nmessage_kib_max = 0\n\
             [[mqtt.topic]]\nfilter = \"a/#/b\"\ndevice = \"{\"\n\
             [[mqtt.topic]]\nfilter = \"a\"\ndevice = \"d\"\nvalue = \"v\"\ntime_zone = \"UTC\"\n\
             [[mqtt.topic]]\nfilter = \"a\"\ndevice = \"d\"\nmetric = \"m\"\nscale = 0\ncsv = {}\n\
             [[mqtt.topic]]\nfilter = \"a\"\ndevice = \"d\"\nvalue = \"heat\"\ncsv = { columns = [\"h\"] }\n\
             [[mqtt]]\nbroker = \"b:1883\"\n",
        )
        .unwrap_err()
        .to_string();
        for key in [
            "mqtt[0].broker",
            "mqtt[0].password_file",
            "mqtt[0].tls",
            "mqtt[0].message_kib_max",
            "mqtt[0].topic[0].filter",
            "mqtt[0].topic[0].device",
            "mqtt[0].topic[1].value",
            "mqtt[0].topic[1].time_zone",
            "mqtt[0].topic[2].scale",
            "mqtt[0].topic[3].value",
            "mqtt[1].name",
            "mqtt[1].topic",
        ] {
            assert!(
                message.contains(&format!("`{key}`")),
                "{key} is missing in: {message}"
            );
        }
    }
}
