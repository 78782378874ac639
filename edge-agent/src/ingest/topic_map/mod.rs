//! What an MQTT message means: topic and payload → samples, by the rules of the configuration.
//!
//! Pure. Every rule whose filter matches is applied. A message that is wrong in part gives what is right in it; the
//! first thing that is wrong is told.
//!
//! - [`filter`]: which topics
//! - [`rule`]: what is taken, and from where
//! - [`record`], [`csv`]: JSON, text and CSV as readings
//! - [`name`], [`value`], [`time`]: names, numbers and times in them
//! - [`explain`]: the map in words
//!
//! Limits: names of at most [`NAME_CHARS_MAX`] characters, [`SAMPLES_PER_MESSAGE_MAX`] samples per message.

mod csv;
mod explain;
pub(crate) mod filter;
mod name;
mod record;
mod rule;
mod time;
mod value;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::ops::Range;

use agog_sync::frame::SeriesKey;
use jiff::{SignedDuration, Timestamp};

use filter::Filter;
use rule::{Payload, Rule, RuleProblem};

use crate::config::MqttTopic;
use crate::telemetry::Sample;

pub(in crate::ingest) use csv::cells as csv_cells;
pub(crate) use explain::Explained;
pub(in crate::ingest) use record::Scalar;
pub(in crate::ingest) use value::Reading;

/// What the hub keeps of a device id or metric name.
pub(crate) const NAME_CHARS_MAX: usize = 100;
/// A message with more values than this is no batch of readings of one machine; ten seconds of a sensor that reads a
/// thousand times a second are.
pub(crate) const SAMPLES_PER_MESSAGE_MAX: usize = 10_000;

/// Why a message gave no samples, or fewer than it has values. It is counted and acknowledged, and never fatal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadMessage {
    #[error("no rule of the topic map fits topic `{0}`")]
    NoRule(String),
    #[error("payload is not text")]
    NotText,
    #[error("payload is not JSON")]
    NotJson,
    #[error("payload is empty")]
    Empty,
    #[error("there is nothing at {0}")]
    Missing(String),
    #[error("what is at `{0}` is not an array")]
    NotAnArray(String),
    #[error("{0} is not an object")]
    NoFields(String),
    #[error("{0} is no finite number, and no text that `values` knows")]
    NotANumber(String),
    #[error("{0} is not a time as it is expected")]
    NotATime(String),
    #[error("topic `{topic}` has no level {level}")]
    NoLevel { topic: String, level: usize },
    #[error("device or metric name is empty or longer than {NAME_CHARS_MAX} characters")]
    BadName,
    #[error("more than {SAMPLES_PER_MESSAGE_MAX} values in one message")]
    TooMany,
    #[error("message of {bytes} bytes is larger than `message_kib_max` allows")]
    TooLarge { bytes: usize },
}

/// How a message came.
#[derive(Debug, Clone, Copy)]
pub struct Delivery {
    pub arrived_at: Timestamp,
    /// The broker kept it for new subscribers: without a time of its own it says nothing about now.
    pub retained: bool,
}

/// What the map makes of a message.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Understood {
    pub samples: Vec<Sample>,
    /// The first thing that is wrong with it.
    pub fault: Option<BadMessage>,
}

impl Understood {
    fn note(&mut self, fault: BadMessage) {
        self.fault.get_or_insert(fault);
    }
}

/// The rules in the order of the configuration.
#[derive(Debug, Clone)]
pub struct TopicMap {
    rules: Vec<Rule>,
    /// What is subscribed to.
    subscribed: Vec<Filter>,
}

/// A rule that cannot be used; the check of the configuration tells all of them with their keys.
#[derive(Debug, thiserror::Error)]
#[error("rule of the topic map for `{filter}`: {key} {message}")]
pub struct RuleError {
    filter: String,
    key: String,
    message: String,
}

/// Everything that is wrong with a rule: keys, and what would be right.
pub(crate) fn rule_problems(topic: &MqttTopic) -> Vec<RuleProblem> {
    Rule::new(topic).err().unwrap_or_default()
}

impl TopicMap {
    /// Makes the rules ready.
    pub fn new(topics: &[MqttTopic]) -> Result<Self, RuleError> {
        let rules = topics.iter().map(|topic| {
            Rule::new(topic).map_err(|problems| {
                let (key, message) = problems.into_iter().next().unwrap_or_default();
                RuleError {
                    filter: topic.filter.clone(),
                    key,
                    message,
                }
            })
        });
        let rules = rules.collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            subscribed: widest(&rules),
            rules,
        })
    }

    /// The filters to subscribe to: those that no other one covers, since brokers may deliver a message once for each
    /// subscription that it matches.
    pub fn filters(&self) -> impl Iterator<Item = &str> {
        self.subscribed.iter().map(Filter::as_str)
    }

    /// As [`Self::read`], of a message that has at most `bytes_max`.
    pub fn read_limited(
        &self,
        topic: &str,
        payload: &[u8],
        delivery: Delivery,
        bytes_max: usize,
    ) -> Understood {
        if payload.len() > bytes_max {
            return Understood {
                samples: Vec::new(),
                fault: Some(BadMessage::TooLarge {
                    bytes: payload.len(),
                }),
            };
        }
        self.read(topic, payload, delivery)
    }

    /// Reads a message. Samples of a retained message without a time are left out.
    pub fn read(&self, topic: &str, payload: &[u8], delivery: Delivery) -> Understood {
        let mut understood = Understood::default();
        let mut payload = Payload::new(payload);
        let mut is_known = false;
        let mut arrived = Vec::new();
        for rule in self.rules.iter().filter(|rule| rule.filter.matches(topic)) {
            is_known = true;
            if delivery.retained && rule.time.is_none() {
                continue;
            }
            let before = understood.samples.len();
            rule.apply(topic, &mut payload, delivery, &mut understood);
            if rule.time.is_none() {
                arrived.push(before..understood.samples.len());
            }
            if understood.samples.len() > SAMPLES_PER_MESSAGE_MAX {
                return Understood {
                    samples: Vec::new(),
                    fault: Some(BadMessage::TooMany),
                };
            }
        }
        if !is_known {
            understood.note(BadMessage::NoRule(topic.to_owned()));
        }
        set_apart(&mut understood.samples, &arrived);
        understood
    }
}

/// Samples are known by series, time and value (I6). Those that have only the time of their message get a microsecond more for
/// each that their series has before them: `[5, 5]` is two samples. `arrived` is where they are.
fn set_apart(samples: &mut [Sample], arrived: &[Range<usize>]) {
    if samples.len() < 2 {
        return;
    }
    let mut before: HashMap<&SeriesKey, i64> = HashMap::new();
    for (place, Sample { series, at, .. }) in samples.iter_mut().enumerate() {
        if arrived.iter().any(|it| it.contains(&place)) {
            let before = before.entry(series).or_default();
            *at += SignedDuration::from_micros(*before);
            *before += 1;
        }
    }
}

/// Of filters that are equal the first, of others those that none covers.
fn widest(rules: &[Rule]) -> Vec<Filter> {
    let filters: Vec<_> = rules.iter().map(|rule| &rule.filter).collect();
    let is_needed = |at: usize, filter: &Filter| {
        filters.iter().enumerate().all(|(other_at, other)| {
            let is_wider = other.covers(filter) && (!filter.covers(other) || other_at < at);
            at == other_at || !is_wider
        })
    };
    let needed = filters.iter().enumerate();
    needed
        .filter(|(at, filter)| is_needed(*at, filter))
        .map(|(_, filter)| (*filter).clone())
        .collect()
}
