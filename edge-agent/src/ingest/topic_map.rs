//! What an MQTT message means: topic and JSON payload → samples, by the rules of the configuration.
//!
//! Pure. A rule takes device and metric from fixed text or from levels of the topic (`{1}`), and
//! value and time by JSON pointers. Every rule whose filter matches is applied.
//!
//! Limits: names of at most [`NAME_CHARS_MAX`] characters, [`SAMPLES_PER_MESSAGE_MAX`] samples per message.

use agog_sync::frame::SeriesKey;
use jiff::Timestamp;
use serde_json::Value;

use crate::config::MqttTopic;
use crate::telemetry::Sample;

/// What the hub keeps of a device id or metric name.
const NAME_CHARS_MAX: usize = 100;
/// A message with more numbers than this is not a reading of one machine.
const SAMPLES_PER_MESSAGE_MAX: usize = 1_000;

/// Why a message gave no samples. It is counted and acknowledged, and never fatal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadMessage {
    #[error("no rule of the topic map fits topic `{0}`")]
    NoRule(String),
    #[error("payload is neither JSON nor a number")]
    NotJson,
    #[error("payload has nothing at `{0}`")]
    Missing(String),
    #[error("`{0}` is not a finite number")]
    NotANumber(String),
    #[error("`{0}` is neither RFC 3339 text nor milliseconds since 1970")]
    NotATime(String),
    #[error("topic `{topic}` has no level {level}")]
    NoLevel { topic: String, level: usize },
    #[error("device or metric name is empty or longer than {NAME_CHARS_MAX} characters")]
    BadName,
    #[error("more than {SAMPLES_PER_MESSAGE_MAX} values in one message")]
    TooMany,
}

/// How a message came.
#[derive(Debug, Clone, Copy)]
pub struct Delivery {
    pub arrived_at: Timestamp,
    /// The broker may have delivered it before.
    pub redelivered: bool,
    /// The broker kept it for new subscribers: without a time of its own it says nothing about now.
    pub retained: bool,
}

/// The rules in the order of the configuration.
#[derive(Debug, Clone)]
pub struct TopicMap(Vec<MqttTopic>);

impl TopicMap {
    pub fn new(rules: Vec<MqttTopic>) -> Self {
        Self(rules)
    }

    /// The filters to subscribe to.
    pub fn filters(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|rule| rule.filter.as_str())
    }

    /// Reads a message. Samples of a retained message without a time are left out.
    pub fn samples(
        &self,
        topic: &str,
        payload: &[u8],
        delivery: Delivery,
    ) -> Result<Vec<Sample>, BadMessage> {
        let mut rules = self
            .0
            .iter()
            .filter(|rule| matches(&rule.filter, topic))
            .peekable();
        if rules.peek().is_none() {
            return Err(BadMessage::NoRule(topic.to_owned()));
        }
        let payload: Value = serde_json::from_slice(payload).map_err(|_| BadMessage::NotJson)?;
        let mut samples = Vec::new();
        for rule in rules {
            if delivery.retained && rule.time.is_none() {
                continue;
            }
            apply(rule, topic, &payload, delivery, &mut samples)?;
            if samples.len() > SAMPLES_PER_MESSAGE_MAX {
                return Err(BadMessage::TooMany);
            }
        }
        Ok(samples)
    }
}

fn apply(
    rule: &MqttTopic,
    topic: &str,
    payload: &Value,
    delivery: Delivery,
    samples: &mut Vec<Sample>,
) -> Result<(), BadMessage> {
    let at = match &rule.time {
        None => delivery.arrived_at,
        Some(pointer) => time_at(payload, pointer)?,
    };
    let device = name(&rule.device, topic)?;
    let pointer = rule.value.as_deref().unwrap_or_default();
    let value = payload
        .pointer(pointer)
        .ok_or_else(|| BadMessage::Missing(pointer.to_owned()))?;
    let mut push = |metric: String, value: f64| {
        samples.push(Sample {
            series: SeriesKey {
                device: device.clone(),
                metric,
                unit: rule.unit.clone(),
            },
            at,
            value,
            redelivered: delivery.redelivered || delivery.retained,
        });
    };
    if let Some(metric) = &rule.metric {
        push(
            name(metric, topic)?,
            number(value).ok_or_else(|| not_a_number(pointer))?,
        );
        return Ok(());
    }
    let Value::Object(fields) = value else {
        return Err(not_a_number(pointer));
    };
    for (field, value) in fields {
        let is_time = rule.time.as_deref().is_some_and(|time| {
            time.strip_prefix(pointer)
                .and_then(|rest| rest.strip_prefix('/'))
                == Some(field)
        });
        if let Some(value) = number(value).filter(|_| !is_time) {
            push(checked(field.clone())?, value);
        }
    }
    Ok(())
}

fn not_a_number(pointer: &str) -> BadMessage {
    BadMessage::NotANumber(pointer.to_owned())
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().filter(|value| value.is_finite())
}

fn time_at(payload: &Value, pointer: &str) -> Result<Timestamp, BadMessage> {
    let wrong = || BadMessage::NotATime(pointer.to_owned());
    let value = payload
        .pointer(pointer)
        .ok_or_else(|| BadMessage::Missing(pointer.to_owned()))?;
    match value {
        Value::String(text) => text.parse().map_err(|_| wrong()),
        Value::Number(millis) => millis
            .as_i64()
            .and_then(|millis| Timestamp::from_millisecond(millis).ok())
            .ok_or_else(wrong),
        _ => Err(wrong()),
    }
}

/// Fills `{n}` with level n of the topic.
fn name(template: &str, topic: &str) -> Result<String, BadMessage> {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let level = after
            .split_once('}')
            .and_then(|(level, tail)| Some((level.parse::<usize>().ok()?, tail)));
        let Some((level, tail)) = level else { break };
        filled.push_str(before);
        filled.push_str(
            topic
                .split('/')
                .nth(level)
                .ok_or_else(|| BadMessage::NoLevel {
                    topic: topic.to_owned(),
                    level,
                })?,
        );
        rest = tail;
    }
    filled.push_str(rest);
    checked(filled)
}

fn checked(name: String) -> Result<String, BadMessage> {
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX {
        return Err(BadMessage::BadName);
    }
    Ok(name)
}

/// MQTT's own matching: `+` is one level, `#` the rest; topics of the broker itself (`$SYS`) do
/// not match wildcards.
fn matches(filter: &str, topic: &str) -> bool {
    if topic.starts_with('$') && !filter.starts_with('$') {
        return false;
    }
    let mut levels = topic.split('/');
    for wanted in filter.split('/') {
        if wanted == "#" {
            return true;
        }
        match levels.next() {
            Some(level) if wanted == "+" || wanted == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(filter: &str, device: &str, metric: Option<&str>) -> MqttTopic {
        MqttTopic {
            filter: filter.to_owned(),
            device: device.to_owned(),
            metric: metric.map(str::to_owned),
            value: None,
            time: None,
            unit: None,
        }
    }

    fn fresh() -> Delivery {
        Delivery {
            arrived_at: Timestamp::UNIX_EPOCH,
            redelivered: false,
            retained: false,
        }
    }

    #[test]
    fn device_and_metric_come_from_the_levels_of_the_topic() {
        let map = TopicMap::new(vec![MqttTopic {
            value: Some("/value".to_owned()),
            time: Some("/at".to_owned()),
            unit: Some("sheets/h".to_owned()),
            ..rule("agog/+/+", "{1}", Some("{2}"))
        }]);
        let payload = br#"{"value": 12500.5, "at": "2025-10-16T14:20:00Z"}"#;
        let samples = map.samples("agog/press-3/speed", payload, fresh()).unwrap();
        assert_eq!(samples.len(), 1);
        assert_eq!(samples[0].series.device, "press-3");
        assert_eq!(samples[0].series.metric, "speed");
        assert_eq!(samples[0].series.unit.as_deref(), Some("sheets/h"));
        assert_eq!(samples[0].at.to_string(), "2025-10-16T14:20:00Z");
        assert!((samples[0].value - 12_500.5).abs() < f64::EPSILON);
    }

    #[test]
    fn without_a_metric_every_number_of_the_object_is_a_series_and_the_time_is_none() {
        let map = TopicMap::new(vec![MqttTopic {
            time: Some("/ts".to_owned()),
            ..rule("plant/#", "press", None)
        }]);
        let payload = br#"{"ts": 1760624400000, "speed": 9000, "state": "run", "heat": 41.5}"#;
        let samples = map.samples("plant/a/b", payload, fresh()).unwrap();
        let metrics: Vec<_> = samples.iter().map(|s| s.series.metric.as_str()).collect();
        assert_eq!(metrics, ["heat", "speed"]);
        assert_eq!(samples[0].at.as_millisecond(), 1_760_624_400_000);
    }

    #[test]
    fn a_bare_number_is_a_payload() {
        let map = TopicMap::new(vec![rule("scale/+", "scale-{1}", Some("weight"))]);
        let samples = map.samples("scale/7", b"12.25", fresh()).unwrap();
        assert_eq!(samples[0].series.device, "scale-7");
    }

    #[test]
    fn bad_messages_say_what_is_wrong() {
        let map = TopicMap::new(vec![MqttTopic {
            value: Some("/v".to_owned()),
            time: Some("/t".to_owned()),
            ..rule("a/+", "{4}", Some("m"))
        }]);
        let read = |topic: &str, payload: &str| map.samples(topic, payload.as_bytes(), fresh());
        assert_eq!(read("b/c", "1"), Err(BadMessage::NoRule("b/c".to_owned())));
        assert_eq!(read("a/c", "{"), Err(BadMessage::NotJson));
        assert_eq!(read("a/c", "1"), Err(BadMessage::Missing("/t".to_owned())));
        assert_eq!(
            read("a/c", r#"{"t":true}"#),
            Err(BadMessage::NotATime("/t".to_owned()))
        );
        assert!(matches!(
            read("a/c", r#"{"t":0,"v":1}"#),
            Err(BadMessage::NoLevel { level: 4, .. })
        ));
    }

    #[test]
    fn a_retained_message_without_its_own_time_gives_no_sample() {
        let map = TopicMap::new(vec![rule("a/b", "d", Some("m"))]);
        let retained = Delivery {
            retained: true,
            ..fresh()
        };
        assert_eq!(map.samples("a/b", b"1", retained), Ok(vec![]));
    }

    #[test]
    fn wildcards_match_as_the_broker_matches_them() {
        assert!(matches("a/+/c", "a/b/c"));
        assert!(!matches("a/+", "a/b/c"));
        assert!(matches("a/#", "a/b/c"));
        assert!(matches("a/#", "a"));
        assert!(!matches("#", "$SYS/uptime"));
        assert!(!matches("a/b", "a"));
    }
}
