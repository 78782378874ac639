//! What arrived, as a person is shown it: without anything that could do something to a terminal.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::telemetry::Sample;

/// A sample that the agent stores, or would store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeenSample {
    pub device: String,
    pub metric: String,
    pub unit: Option<String>,
    pub at: Timestamp,
    pub value: f64,
}

impl From<Sample> for SeenSample {
    fn from(sample: Sample) -> Self {
        Self {
            device: sample.series.device,
            metric: sample.series.metric,
            unit: sample.series.unit,
            at: sample.at,
            value: sample.value,
        }
    }
}

/// The beginning of a text; control characters are `instead`.
pub(crate) fn printable(text: &str, chars_max: usize, instead: char) -> String {
    let mut shown: String = text
        .chars()
        .take(chars_max)
        .map(|c| if c.is_control() { instead } else { c })
        .collect();
    if text.chars().nth(chars_max).is_some() {
        shown.push('…');
    }
    shown
}
