//! The topic map in words, for `check`: what each rule takes, where rules overlap, and which can never give a sample.

use serde::Serialize;

use super::TopicMap;
use super::rule::{Fields, Form, Rule};

/// One rule in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Explained {
    pub(crate) filter: String,
    /// What it makes of a message.
    pub(crate) takes: String,
    /// Which other rules get some of its messages too.
    pub(crate) overlaps: Vec<String>,
    /// Why it can never give a sample.
    pub(crate) never: Option<String>,
}

impl TopicMap {
    /// Every rule in words, in the order of the configuration.
    pub(crate) fn explain(&self) -> Vec<Explained> {
        let rules = self.rules.iter().enumerate();
        rules
            .map(|(at, rule)| Explained {
                filter: rule.filter.as_str().to_owned(),
                takes: takes(rule),
                overlaps: self.overlaps(at, rule),
                never: never(rule),
            })
            .collect()
    }

    /// Only with rules before it, so that each pair is told once.
    fn overlaps(&self, at: usize, rule: &Rule) -> Vec<String> {
        let earlier = self.rules.iter().take(at).enumerate();
        let overlapping = earlier.filter(|(_, other)| other.filter.overlaps(&rule.filter));
        overlapping
            .map(|(number, other)| {
                let filter = other.filter.as_str();
                let number = number + 1;
                let same = if gives(other) == gives(rule) {
                    "; both give the same series, so values come twice"
                } else {
                    ""
                };
                if other.filter.covers(&rule.filter) {
                    format!("rule {number} ({filter}) gets all of its messages too{same}")
                } else if rule.filter.covers(&other.filter) {
                    format!("it gets all messages of rule {number} ({filter}) too{same}")
                } else {
                    let untimed = if rule.time.is_none() || other.time.is_none() {
                        "; the broker may deliver those twice, and without `time` their values are then kept twice"
                    } else {
                        ""
                    };
                    format!("some messages are also of rule {number} ({filter}){same}{untimed}")
                }
            })
            .collect()
    }
}

/// The names of the series that a rule gives, as they are written.
fn gives(rule: &Rule) -> (&str, Vec<&str>) {
    let metrics = match &rule.fields {
        Fields::Named(fields) => fields.iter().map(|(name, ..)| name.as_written()).collect(),
        Fields::All(..) => Vec::new(),
    };
    (rule.device.as_written(), metrics)
}

fn takes(rule: &Rule) -> String {
    let form = match &rule.form {
        Form::Json { each: None } => String::new(),
        Form::Json {
            each: Some(pointer),
        } if pointer.is_empty() => ", for each element of the array".to_owned(),
        Form::Json {
            each: Some(pointer),
        } => format!(", for each element of {pointer}"),
        Form::Csv(csv) => format!(
            ", for each line of CSV with `{}`{}",
            csv.delimiter.unwrap_or(',').escape_default(),
            if csv.header { " after its header" } else { "" }
        ),
    };
    let fields = match &rule.fields {
        Fields::Named(fields) => fields
            .iter()
            .map(|(metric, place, reading)| {
                format!(
                    "metric {} from {}{}",
                    metric.as_written(),
                    place.describe(),
                    reading.describe()
                )
            })
            .collect::<Vec<_>>()
            .join(", "),
        Fields::All(place, reading) => {
            let place = match rule.form {
                Form::Csv(_) => "every column but the time".to_owned(),
                Form::Json { .. } => format!("every number and flag of {}", place.describe()),
            };
            format!("a metric from {place}{}", reading.describe())
        }
    };
    let time = match &rule.time {
        None => "when it arrives".to_owned(),
        Some((place, format)) => format!("time from {} ({})", place.describe(), format.describe()),
    };
    let device = rule.device.as_written();
    format!("device {device}, {fields}; {time}{form}")
}

fn never(rule: &Rule) -> Option<String> {
    let count = rule.filter.level_count()?;
    let of_fields = match &rule.fields {
        Fields::Named(fields) => fields
            .iter()
            .filter_map(|(name, ..)| name.deepest_level())
            .max(),
        Fields::All(..) => None,
    };
    let deepest = rule.device.deepest_level().max(of_fields)?;
    (deepest >= count).then(|| {
        format!(
            "it needs level {{{deepest}}} of the topic, and its topics end with {{{}}}",
            count - 1
        )
    })
}
